/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of keys and pointer motion from an interface to the active keyboard and pointer. */
#include <glib.h>

#include "console.h"

struct led_listener {
    void (*changed)(void *opaque, unsigned leds);
    void *opaque;
    struct led_listener *next;
};

struct pointer_listener {
    void (*changed)(void *opaque);
    void *opaque;
    struct pointer_listener *next;
};

static struct input_handler *handlers;      /* the active ones first */
static struct led_listener *led_listeners;
static struct pointer_listener *pointer_listeners;
static unsigned leds;
static int last_x = -1, last_y = -1;

static void tell_pointer(const struct input_handler *handler)
{
    for (struct pointer_listener *l = pointer_listeners;
         l && (handler->moved || handler->moved_to); l = l->next) {
        l->changed(l->opaque);
    }
}

void input_add(struct input_handler *handler)
{
    handler->next = handlers;
    handlers = handler;
    tell_pointer(handler);
}

void input_remove(struct input_handler *handler)
{
    struct input_handler **link = &handlers;

    while (*link && *link != handler) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = handler->next;
        tell_pointer(handler);
    }
}

void input_activate(struct input_handler *handler)
{
    input_remove(handler);
    input_add(handler);
}

struct input_handler *input_first(void)
{
    return handlers;
}

static struct input_handler *active_pointer(void)
{
    struct input_handler *h = handlers;

    while (h && !h->moved && !h->moved_to) {
        h = h->next;
    }
    return h;
}

void input_key(enum input_key key, bool down)
{
    for (struct input_handler *h = handlers; h; h = h->next) {
        if (h->key) {
            h->key(h->opaque, key, down);
            return;
        }
    }
}

bool input_pointer_absolute(void)
{
    struct input_handler *h = active_pointer();

    return h && h->absolute;
}

void input_pointer_move(int dx, int dy, int wheel, unsigned buttons)
{
    struct input_handler *h = active_pointer();

    if (h && !h->absolute && h->moved) {
        h->moved(h->opaque, dx, dy, wheel, buttons);
    } else if (h && h->moved_to) {
        /* A tablet has a place: motion goes on from there, in thousandths of the picture. */
        last_x = CLAMP(last_x + dx * 32, 0, INPUT_ABSOLUTE_MAX);
        last_y = CLAMP(last_y + dy * 32, 0, INPUT_ABSOLUTE_MAX);
        h->moved_to(h->opaque, last_x, last_y, wheel, buttons);
    }
}

static int pixel(int position, int size)
{
    return position * size / INPUT_ABSOLUTE_MAX;
}

void input_pointer_set(int x, int y, int wheel, unsigned buttons)
{
    struct input_handler *h = active_pointer();
    struct console *con = console_default();
    int width = 640, height = 480, old_x = last_x, old_y = last_y;

    x = CLAMP(x, 0, INPUT_ABSOLUTE_MAX);
    y = CLAMP(y, 0, INPUT_ABSOLUTE_MAX);
    last_x = x;
    last_y = y;
    if (!h) {
        return;
    }
    if (h->absolute) {
        h->moved_to(h->opaque, x, y, wheel, buttons);
        return;
    }
    if (con) {
        width = pixman_image_get_width(console_surface(con));
        height = pixman_image_get_height(console_surface(con));
    }
    /* Pixels of the difference of the two places, so that rounding does not add up. */
    if (h->moved) {
        int dx = pixel(x, width) - pixel(old_x, width);
        int dy = pixel(y, height) - pixel(old_y, height);

        h->moved(h->opaque, old_x < 0 ? 0 : dx, old_y < 0 ? 0 : dy, wheel, buttons);
    }
}

void input_set_leds(unsigned set)
{
    leds = set;
    for (struct led_listener *l = led_listeners; l; l = l->next) {
        l->changed(l->opaque, leds);
    }
}

unsigned input_leds(void)
{
    return leds;
}

void input_on_leds(void (*changed)(void *opaque, unsigned leds), void *opaque)
{
    struct led_listener *l = g_new0(struct led_listener, 1);

    *l = (struct led_listener){ changed, opaque, led_listeners };
    led_listeners = l;
}

void input_on_pointer(void (*changed)(void *opaque), void *opaque)
{
    struct pointer_listener *l = g_new0(struct pointer_listener, 1);

    *l = (struct pointer_listener){ changed, opaque, pointer_listeners };
    pointer_listeners = l;
}
