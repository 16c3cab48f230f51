/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices: the list, front-ends, and the queue between front-end and back-end. */
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "char/backend.h"

static struct chardev *chardevs;

/* --- life ------------------------------------------------------------------------------------ */

struct chardev *chardev_create(const struct chardev_backend *backend, const char *id,
                               struct keyval *kv, struct error **err)
{
    struct chardev *chr = g_malloc0(backend->size);
    struct chardev **last = &chardevs;

    chr->backend = backend;
    chr->id = g_strdup(id ? id : "");
    chr->description = g_strdup(backend->name);
    chr->queue = g_byte_array_new();
    chr->max_frontends = 1;
    if (backend->open && !backend->open(chr, kv, err)) {
        g_byte_array_free(chr->queue, true);
        g_free(chr->description);
        g_free(chr->id);
        g_free(chr);
        return NULL;
    }
    while (*last) {
        last = &(*last)->next;
    }
    *last = chr;
    return chr;
}

void chardev_close(struct chardev *chr)
{
    struct chardev **link = &chardevs;

    if (!chr) {
        return;
    }
    while (*link && *link != chr) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = chr->next;
    }
    chr->n_frontends = 0;
    for (int fd = chardev_take_fd(chr); fd >= 0; fd = chardev_take_fd(chr)) {
        close(fd);
    }
    if (chr->passed) {
        g_array_free(chr->passed, true);
    }
    if (chr->backend->close) {
        chr->backend->close(chr);
    }
    if (chr->log) {
        fclose(chr->log);
    }
    g_byte_array_free(chr->queue, true);
    g_free(chr->description);
    g_free(chr->id);
    g_free(chr);
}

static bool any_queued(void)
{
    for (struct chardev *chr = chardevs; chr; chr = chr->next) {
        if (chr->queue->len && chr->connected) {
            return true;
        }
    }
    return false;
}

void chardev_close_all(void)
{
    /* A terminal that was stopped must not keep us for ever. */
    for (int i = 0; i < 100 && any_queued(); i++) {
        main_loop_step(false);
        g_usleep(1000);
    }
    /* From the end: a multiplexer closes the device below it, which is older. */
    while (chardevs) {
        struct chardev *last = chardevs;

        while (last->next) {
            last = last->next;
        }
        chardev_close(last);
    }
}

struct chardev *chardev_find(const char *id)
{
    struct chardev *chr = chardevs;

    while (chr && strcmp(chr->id, id) != 0) {
        chr = chr->next;
    }
    return chr;
}

struct chardev *chardev_first(void)
{
    return chardevs;
}

struct chardev *chardev_next(struct chardev *chr)
{
    return chr->next;
}

bool chardev_has_frontend(const struct chardev *chr)
{
    return chr->n_frontends > 0;
}

const char *chardev_id(const struct chardev *chr)
{
    return chr->id;
}

const char *chardev_description(const struct chardev *chr)
{
    return chr->description;
}

void chardev_describe(struct chardev *chr, const char *fmt, ...)
{
    va_list ap;

    g_free(chr->description);
    va_start(ap, fmt);
    chr->description = g_strdup_vprintf(fmt, ap);
    va_end(ap);
}

static void update(struct chardev *chr)
{
    if (chr->backend->update) {
        chr->backend->update(chr);
    }
}

/* --- front-ends ------------------------------------------------------------------------------ */

static void frontend_event(const struct chardev_frontend *fe, enum chardev_event event)
{
    if (fe->handlers->event) {
        fe->handlers->event(fe->opaque, event);
    }
}

bool chardev_attach(struct chardev *chr, const struct chardev_handlers *handlers, void *opaque,
                    struct error **err)
{
    if (chr->n_frontends == chr->max_frontends) {
        error_set(err, "character device '%s' is in use%s", chr->id,
                  chr->max_frontends == 1 ? " (mux=on lets several share it)" : "");
        return false;
    }
    if (chr->n_frontends) {
        frontend_event(&chr->frontends[chr->focus], CHARDEV_MUX_OUT);
    }
    /* The newest one gets the keyboard of a multiplexer. */
    chr->focus = chr->n_frontends++;
    chr->frontends[chr->focus] = (struct chardev_frontend){ handlers, opaque };
    if (chr->connected) {
        frontend_event(&chr->frontends[chr->focus], CHARDEV_OPENED);
    }
    if (chr->max_frontends > 1) {
        frontend_event(&chr->frontends[chr->focus], CHARDEV_MUX_IN);
    }
    update(chr);
    return true;
}

void chardev_detach(struct chardev *chr, void *opaque)
{
    for (unsigned i = 0; i < chr->n_frontends; i++) {
        if (chr->frontends[i].opaque == opaque) {
            chr->n_frontends--;
            memmove(&chr->frontends[i], &chr->frontends[i + 1],
                    (chr->n_frontends - i) * sizeof(chr->frontends[0]));
            if (chr->focus > i || chr->focus == chr->n_frontends) {
                chr->focus -= chr->focus != 0;
            }
            break;
        }
    }
    update(chr);
}

size_t chardev_room(struct chardev *chr)
{
    const struct chardev_frontend *fe = &chr->frontends[chr->focus];

    if (chr->paused || !chr->n_frontends || !fe->handlers->read) {
        return 0;
    }
    return fe->handlers->can_read ? fe->handlers->can_read(fe->opaque) : 0;
}

void chardev_deliver(struct chardev *chr, const uint8_t *data, size_t size)
{
    const struct chardev_frontend *fe = &chr->frontends[chr->focus];

    if (size && chr->n_frontends && fe->handlers->read) {
        fe->handlers->read(fe->opaque, data, size);
    }
}

void chardev_event(struct chardev *chr, enum chardev_event event)
{
    for (unsigned i = 0; i < chr->n_frontends; i++) {
        frontend_event(&chr->frontends[i], event);
    }
}

void chardev_set_connected(struct chardev *chr, bool connected)
{
    if (chr->connected == connected) {
        return;
    }
    chr->connected = connected;
    if (!connected) {
        chardev_ready(chr);     /* what nobody reads any more is gone, not waiting */
    }
    chardev_event(chr, connected ? CHARDEV_OPENED : CHARDEV_CLOSED);
}

bool chardev_connected(const struct chardev *chr)
{
    return chr->connected;
}

void chardev_accept_input(struct chardev *chr)
{
    if (chr) {
        update(chr);
    }
}

void chardev_pause(struct chardev *chr, bool paused)
{
    chr->paused = paused;
    update(chr);
}

/* --- output ---------------------------------------------------------------------------------- */

static size_t backend_write(struct chardev *chr, const uint8_t *data, size_t size)
{
    size_t taken = chr->connected ? chr->backend->write(chr, data, size) : size;

    if (chr->log && taken) {
        fwrite(data, 1, taken, chr->log);
        fflush(chr->log);
    }
    return taken;
}

size_t chardev_write(struct chardev *chr, const void *data, size_t size)
{
    size_t taken;

    if (!chr) {
        return size;
    }
    taken = chr->queue->len ? 0 : backend_write(chr, data, size);
    if (taken < size) {
        chr->blocked = true;
        update(chr);
    }
    return taken;
}

void chardev_write_all(struct chardev *chr, const void *data, size_t size)
{
    size_t taken;

    if (!chr) {
        return;
    }
    taken = chr->queue->len ? 0 : backend_write(chr, data, size);
    if (taken < size) {
        g_byte_array_append(chr->queue, (const uint8_t *)data + taken, size - taken);
        update(chr);
    }
}

void chardev_printf(struct chardev *chr, const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    chardev_write_all(chr, text, strlen(text));
    g_free(text);
}

bool chardev_wants_write(const struct chardev *chr)
{
    return chr->queue->len || chr->blocked;
}

void chardev_ready(struct chardev *chr)
{
    while (chr->queue->len) {
        size_t taken = backend_write(chr, chr->queue->data, chr->queue->len);

        if (!taken) {
            return;
        }
        g_byte_array_remove_range(chr->queue, 0, taken);
    }
    if (chr->blocked) {
        chr->blocked = false;
        for (unsigned i = 0; i < chr->n_frontends; i++) {
            const struct chardev_frontend *fe = &chr->frontends[i];

            if (fe->handlers->writable) {
                fe->handlers->writable(fe->opaque);
            }
        }
    }
    update(chr);
}

/* --- the lines of real ports ----------------------------------------------------------------- */

void chardev_set_echo(struct chardev *chr, bool echo)
{
    if (chr->backend->set_echo) {
        chr->backend->set_echo(chr, echo);
    }
}

void chardev_set_line(struct chardev *chr, const struct chardev_line *line)
{
    if (chr && chr->backend->set_line) {
        chr->backend->set_line(chr, line);
    }
}

void chardev_set_break(struct chardev *chr, bool on)
{
    if (chr && chr->backend->set_break) {
        chr->backend->set_break(chr, on);
    }
}

void chardev_set_modem(struct chardev *chr, unsigned outputs)
{
    if (chr && chr->backend->set_modem) {
        chr->backend->set_modem(chr, outputs);
    }
}

bool chardev_get_modem(struct chardev *chr, unsigned *inputs)
{
    return chr && chr->backend->get_modem && chr->backend->get_modem(chr, inputs);
}
