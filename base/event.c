/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events: from whoever notices something to all who listen. */
#include "base/event.h"

#include <glib.h>

struct listener {
    void (*heard)(void *opaque, const char *name, const struct json *data);
    void *opaque;
    struct listener *next;
};

static struct listener *listeners;

void event_emit(const char *name, struct json *data)
{
    struct listener *next;

    for (struct listener *l = listeners; l; l = next) {
        next = l->next;
        l->heard(l->opaque, name, data);
    }
    json_free(data);
}

void event_listen(void (*heard)(void *opaque, const char *name, const struct json *data),
                  void *opaque)
{
    struct listener *l = g_new(struct listener, 1);

    *l = (struct listener){ heard, opaque, listeners };
    listeners = l;
}

void event_unlisten(void *opaque)
{
    struct listener **link = &listeners;

    while (*link) {
        struct listener *l = *link;

        if (l->opaque == opaque) {
            *link = l->next;
            g_free(l);
        } else {
            link = &l->next;
        }
    }
}
