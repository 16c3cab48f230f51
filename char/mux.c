/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The multiplexer: several front-ends on one terminal, with commands behind an escape key (C-a).
 *
 * All output goes out; input goes to the front-end in focus. Input that the focus does not take yet
 * waits in a buffer, so that the escape key works although the guest is not listening.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bits.h"
#include "base/clock.h"
#include "char/mux.h"

struct mux {
    struct chardev chr;
    struct chardev *below;
    uint8_t buffer[4096];
    unsigned head, count;
    bool escaped;
    bool timestamps, line_start;
    int64_t timestamps_since;
    bool draining;
};

static uint8_t escape_key = 1;      /* C-a */
static const struct chardev_mux_actions *actions;

void chardev_mux_set_escape(uint8_t key)
{
    escape_key = key;
}

void chardev_mux_set_actions(const struct chardev_mux_actions *set)
{
    actions = set;
}

/* --- output ---------------------------------------------------------------------------------- */

static size_t write_mux(struct chardev *chr, const uint8_t *data, size_t size)
{
    struct mux *mux = (struct mux *)chr;
    size_t done = 0;

    if (!mux->timestamps) {
        return chardev_write(mux->below, data, size);
    }
    while (done < size) {
        const uint8_t *end = memchr(data + done, '\n', size - done);
        size_t line = end ? (size_t)(end - data) + 1 - done : size - done;
        size_t taken;

        if (mux->line_start) {
            int64_t ms = (clock_ns(CLOCK_HOST) - mux->timestamps_since) / NS_PER_MS;

            mux->line_start = false;
            chardev_printf(mux->below, "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000),
                           (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
        }
        taken = chardev_write(mux->below, data + done, line);
        done += taken;
        if (taken < line) {
            break;
        }
        mux->line_start = end != NULL;
    }
    return done;
}

/* --- input ----------------------------------------------------------------------------------- */

static void drain(struct mux *mux)
{
    struct chardev *chr = &mux->chr;

    if (mux->draining) {
        return;
    }
    mux->draining = true;
    while (mux->count) {
        unsigned run = MIN_OF(mux->count, sizeof(mux->buffer) - mux->head);
        size_t n = MIN_OF(chardev_room(chr), run);
        const uint8_t *data = mux->buffer + mux->head;

        if (!n) {
            break;
        }
        mux->head = (mux->head + n) % sizeof(mux->buffer);
        mux->count -= n;
        chardev_deliver(chr, data, n);
    }
    mux->draining = false;
}

static void update_mux(struct chardev *chr)
{
    struct mux *mux = (struct mux *)chr;

    drain(mux);
    chardev_accept_input(mux->below);
}

void chardev_mux_focus(struct chardev *chr, unsigned n)
{
    if (n < chr->n_frontends && n != chr->focus) {
        const struct chardev_frontend *old = &chr->frontends[chr->focus];

        if (old->handlers->event) {
            old->handlers->event(old->opaque, CHARDEV_MUX_OUT);
        }
        chr->focus = n;
        if (chr->frontends[n].handlers->event) {
            chr->frontends[n].handlers->event(chr->frontends[n].opaque, CHARDEV_MUX_IN);
        }
        update_mux(chr);
    }
}

static void print_help(struct mux *mux)
{
    static const struct {
        char key;
        const char *text;
    } rows[] = {
        { 'h', "print this help" },
        { 'x', "exit emulator" },
        { 's', "save disk data back to file (if -snapshot)" },
        { 't', "toggle console timestamps" },
        { 'b', "send break (magic sysrq)" },
        { 'c', "switch between console and monitor" },
    };
    char name[8];

    if (escape_key >= 1 && escape_key <= 26) {
        snprintf(name, sizeof(name), "C-%c", escape_key - 1 + 'a');
    } else {
        snprintf(name, sizeof(name), "0x%02x", escape_key);
    }
    chardev_printf(mux->below, "\r\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        chardev_printf(mux->below, "%s %c    %s\r\n", name, rows[i].key, rows[i].text);
    }
    chardev_printf(mux->below, "%s %s  sends %s\r\n", name, name, name);
}

/* The key after the escape key. True: it is input after all. */
static bool command(struct mux *mux, uint8_t key)
{
    struct chardev *chr = &mux->chr;
    const struct chardev_frontend *fe = &chr->frontends[chr->focus];

    if (key == escape_key) {
        return true;
    }
    switch (key) {
    case 'h':
    case '?':
        print_help(mux);
        break;
    case 'x':
        chardev_printf(mux->below, "QEMU: Terminated\r\n");
        if (actions && actions->quit) {
            actions->quit();
        }
        break;
    case 's':
        if (actions && actions->commit) {
            actions->commit();
        }
        break;
    case 'b':
        if (chr->n_frontends && fe->handlers->event) {
            fe->handlers->event(fe->opaque, CHARDEV_BREAK);
        }
        break;
    case 'c':
        if (chr->n_frontends) {
            chardev_mux_focus(chr, (chr->focus + 1) % chr->n_frontends);
        }
        break;
    case 't':
        mux->timestamps = !mux->timestamps;
        mux->timestamps_since = clock_ns(CLOCK_HOST);
        mux->line_start = false;
        break;
    }
    return false;
}

static size_t below_room(void *opaque)
{
    struct mux *mux = opaque;

    return sizeof(mux->buffer) - mux->count;
}

static void below_read(void *opaque, const uint8_t *data, size_t size)
{
    struct mux *mux = opaque;

    for (size_t i = 0; i < size; i++) {
        if (mux->escaped) {
            mux->escaped = false;
            if (!command(mux, data[i])) {
                continue;
            }
        } else if (data[i] == escape_key) {
            mux->escaped = true;
            continue;
        }
        mux->buffer[(mux->head + mux->count++) % sizeof(mux->buffer)] = data[i];
        drain(mux);
    }
}

static void below_event(void *opaque, enum chardev_event event)
{
    struct mux *mux = opaque;

    if (event == CHARDEV_OPENED || event == CHARDEV_CLOSED) {
        chardev_set_connected(&mux->chr, event == CHARDEV_OPENED);
    } else {
        chardev_event(&mux->chr, event);
    }
}

static void below_writable(void *opaque)
{
    chardev_ready(opaque);
}

static const struct chardev_handlers below_handlers = {
    .can_read = below_room, .read = below_read, .event = below_event, .writable = below_writable,
};

static void close_mux(struct chardev *chr)
{
    struct mux *mux = (struct mux *)chr;

    if (mux->below) {
        chardev_detach(mux->below, mux);
        chardev_close(mux->below);
    }
}

static void set_echo(struct chardev *chr, bool echo)
{
    chardev_set_echo(((struct mux *)chr)->below, echo);
}

static const struct chardev_backend mux_backend = {
    .name = "mux", .size = sizeof(struct mux), .close = close_mux, .write = write_mux,
    .update = update_mux, .set_echo = set_echo,
};

struct chardev *chardev_mux_create(const char *id, struct chardev *below, struct error **err)
{
    struct chardev *chr = chardev_create(&mux_backend, id, NULL, err);
    struct mux *mux = (struct mux *)chr;

    if (!chr) {
        return NULL;
    }
    mux->below = below;
    chr->max_frontends = CHARDEV_FRONTENDS;
    if (!chardev_attach(below, &below_handlers, mux, err)) {
        mux->below = NULL;
        chardev_close(chr);
        return NULL;
    }
    return chr;
}
