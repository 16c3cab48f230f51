/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Consoles: the pictures of display adapters, who looks at them, and when they are brought up to
 * date. The refresh timer runs only while somebody looks. */
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "console.h"

struct console {
    char *name;
    const struct console_adapter_ops *ops;
    void *opaque;
    pixman_image_t *image;
    struct console_listener *listeners;
    struct console_cursor cursor;
    uint32_t *cursor_pixels;
    bool cursor_shown;
    int cursor_x, cursor_y;
    struct timer refresh;
    int64_t refreshed_at;          /* CLOCK_HOST of the last timed update */
    struct console *next;
};

static struct console *consoles;

static void refresh_due(void *opaque);

static pixman_image_t *blank_image(unsigned width, unsigned height)
{
    /* pixman clears what it allocates itself. */
    return pixman_image_create_bits(PIXMAN_x8r8g8b8, MAX_OF(width, 1), MAX_OF(height, 1), NULL, 0);
}

struct console *console_create(const char *name, const struct console_adapter_ops *ops,
                               void *opaque)
{
    struct console *con = g_new0(struct console, 1), **last = &consoles;

    con->name = g_strdup(name);
    con->ops = ops;
    con->opaque = opaque;
    con->image = blank_image(640, 480);
    timer_init(&con->refresh, CLOCK_HOST, refresh_due, con);
    /* Pictures of adapters come before text consoles, which may be made before the machine is. */
    while (*last && (console_has_keyboard(con) || !console_has_keyboard(*last))) {
        last = &(*last)->next;
    }
    con->next = *last;
    *last = con;
    return con;
}

void console_destroy(struct console *con)
{
    struct console **link = &consoles;

    while (*link != con) {
        link = &(*link)->next;
    }
    *link = con->next;
    while (con->listeners) {
        console_unlisten(con->listeners);
    }
    timer_cancel(&con->refresh);
    pixman_image_unref(con->image);
    g_free(con->cursor_pixels);
    g_free(con->name);
    g_free(con);
}

/* --- the picture ----------------------------------------------------------------------------- */

static void use_image(struct console *con, pixman_image_t *image)
{
    pixman_image_unref(con->image);
    con->image = image;
    for (struct console_listener *l = con->listeners; l; l = l->next) {
        if (l->resized) {
            l->resized(l);
        }
    }
}

void console_resize(struct console *con, unsigned width, unsigned height)
{
    pixman_image_t *image = blank_image(width, height);

    /* A size that no host can hold: keep the old picture. The adapter draws clipped to it. */
    if (image) {
        use_image(con, image);
    }
}

void console_set_surface(struct console *con, pixman_image_t *image)
{
    use_image(con, pixman_image_ref(image));
}

pixman_image_t *console_surface(struct console *con)
{
    return con->image;
}

void console_update(struct console *con, int x, int y, int width, int height)
{
    int right = MIN_OF((int64_t)x + width, pixman_image_get_width(con->image));
    int bottom = MIN_OF((int64_t)y + height, pixman_image_get_height(con->image));

    x = MAX_OF(x, 0);
    y = MAX_OF(y, 0);
    if (x >= right || y >= bottom) {
        return;
    }
    for (struct console_listener *l = con->listeners; l; l = l->next) {
        if (l->updated) {
            l->updated(l, x, y, right - x, bottom - y);
        }
    }
}

void console_set_cursor(struct console *con, const struct console_cursor *cursor)
{
    g_free(con->cursor_pixels);
    con->cursor_pixels = NULL;
    con->cursor_shown = cursor != NULL;
    if (cursor) {
        size_t size = (size_t)cursor->width * cursor->height * sizeof(uint32_t);

        con->cursor_pixels = g_memdup2(cursor->pixels, size);
        con->cursor = *cursor;
        con->cursor.pixels = con->cursor_pixels;
    }
    for (struct console_listener *l = con->listeners; l; l = l->next) {
        if (l->cursor_set) {
            l->cursor_set(l, cursor ? &con->cursor : NULL);
        }
    }
}

void console_move_cursor(struct console *con, int x, int y)
{
    con->cursor_x = x;
    con->cursor_y = y;
    for (struct console_listener *l = con->listeners; l; l = l->next) {
        if (l->cursor_moved) {
            l->cursor_moved(l, x, y);
        }
    }
}

/* --- who looks ------------------------------------------------------------------------------- */

/* A listener may go away from within its own callback. */
static void tell_refreshed(struct console *con)
{
    struct console_listener *next;

    for (struct console_listener *l = con->listeners; l; l = next) {
        next = l->next;
        if (l->refreshed && l->interval_ms) {
            l->refreshed(l);
        }
    }
}

static unsigned shortest_interval(const struct console *con)
{
    unsigned shortest = 0;

    for (struct console_listener *l = con->listeners; l; l = l->next) {
        if (l->interval_ms && (!shortest || l->interval_ms < shortest)) {
            shortest = l->interval_ms;
        }
    }
    return shortest;
}

static void refresh_due(void *opaque)
{
    struct console *con = opaque;
    unsigned ms = shortest_interval(con);

    if (ms) {
        con->refreshed_at = clock_ns(CLOCK_HOST);
        timer_set(&con->refresh, con->refreshed_at + ms * NS_PER_MS);
        console_refresh(con);
        tell_refreshed(con);
    }
}

void console_refresh(struct console *con)
{
    if (con->ops && con->ops->update) {
        con->ops->update(con->opaque);
    }
}

void console_listen(struct console *con, struct console_listener *listener)
{
    con = con ? con : console_default();
    listener->con = con;
    if (!con) {
        return;
    }
    listener->next = con->listeners;
    con->listeners = listener;
    if (listener->resized) {
        listener->resized(listener);
    }
    if (con->cursor_shown && listener->cursor_set) {
        listener->cursor_set(listener, &con->cursor);
    }
    if (con->cursor_shown && listener->cursor_moved) {
        listener->cursor_moved(listener, con->cursor_x, con->cursor_y);
    }
    if (con->ops && con->ops->invalidate) {
        con->ops->invalidate(con->opaque);
    }
    refresh_due(con);
}

void console_unlisten(struct console_listener *listener)
{
    struct console_listener **link;

    if (!listener->con) {
        return;
    }
    link = &listener->con->listeners;
    while (*link && *link != listener) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = listener->next;
    }
    listener->con = NULL;
}

/* Arms the timer for the shortest wish; an earlier time that is already set stays. */
static void arm(struct console *con, int64_t from)
{
    unsigned ms = shortest_interval(con);

    if (ms && (!timer_pending(&con->refresh) ||
               timer_expiry(&con->refresh) > from + ms * NS_PER_MS)) {
        timer_set(&con->refresh, from + ms * NS_PER_MS);
    } else if (!ms) {
        timer_cancel(&con->refresh);
    }
}

void console_set_interval(struct console_listener *listener, unsigned ms)
{
    listener->interval_ms = ms;
    if (listener->con) {
        arm(listener->con, MAX_OF(listener->con->refreshed_at,
                                  clock_ns(CLOCK_HOST) - ms * NS_PER_MS));
    }
}

bool console_has_keyboard(const struct console *con)
{
    return con->ops && con->ops->key;
}

void console_key(struct console *con, uint32_t keysym, bool down)
{
    if (console_has_keyboard(con)) {
        con->ops->key(con->opaque, keysym, down);
    }
}

bool console_ask_size(struct console *con, unsigned width, unsigned height)
{
    return con->ops && con->ops->ask_size && con->ops->ask_size(con->opaque, width, height);
}

struct console *console_default(void)
{
    return consoles;
}

struct console *console_find(unsigned index)
{
    struct console *con = consoles;

    while (con && index--) {
        con = con->next;
    }
    return con;
}

const char *console_name(const struct console *con)
{
    return con->name;
}

bool console_text(struct console *con, unsigned *columns, unsigned *rows,
                  struct console_cell *cells, size_t room, int *cursor_x, int *cursor_y)
{
    return con->ops && con->ops->text &&
        con->ops->text(con->opaque, columns, rows, cells, room, cursor_x, cursor_y);
}
