/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a character back-end is to the core of char/: its operations and the calls it makes back. */
#ifndef CHAR_BACKEND_H
#define CHAR_BACKEND_H

#include <glib.h>
#include <stdio.h>

#include "base/keyval.h"
#include "base/main-loop.h"
#include "char.h"

#define CHARDEV_FRONTENDS 8

struct chardev_backend {
    const char *name;               /* as in -chardev */
    size_t size;                    /* of its struct, which starts with struct chardev */
    /* Sets `description` and, when the other side is there, `connected`. */
    bool (*open)(struct chardev *chr, struct keyval *kv, struct error **err);
    void (*close)(struct chardev *chr);
    /* Takes what it can without waiting. Called only while connected. */
    size_t (*write)(struct chardev *chr, const uint8_t *data, size_t size);
    /* chardev_wants() or chardev_room() may have changed; may be NULL. */
    void (*update)(struct chardev *chr);
    void (*set_echo)(struct chardev *chr, bool echo);
    void (*set_line)(struct chardev *chr, const struct chardev_line *line);
    void (*set_break)(struct chardev *chr, bool on);
    void (*set_modem)(struct chardev *chr, unsigned outputs);
    bool (*get_modem)(struct chardev *chr, unsigned *inputs);
};

struct chardev_frontend {
    const struct chardev_handlers *handlers;
    void *opaque;
};

/* Starts every back-end's own struct. */
struct chardev {
    const struct chardev_backend *backend;
    char *id, *description;
    struct chardev_frontend frontends[CHARDEV_FRONTENDS];
    unsigned n_frontends, max_frontends, focus;
    GArray *passed;                 /* int: descriptors that came with the input; NULL: none */
    GByteArray *queue;              /* from chardev_write_all(), not yet taken */
    FILE *log;                      /* logfile= */
    bool connected, paused, blocked;
    struct chardev *next;
};

/* --- for back-ends --- */

/* Bytes that the focused front-end takes now. */
size_t chardev_room(struct chardev *chr);
/* At most chardev_room() bytes. */
void chardev_deliver(struct chardev *chr, const uint8_t *data, size_t size);
void chardev_event(struct chardev *chr, enum chardev_event event);
/* The other side came or went. */
void chardev_set_connected(struct chardev *chr, bool connected);
/* Output is wanted: tell the core with chardev_ready() when more fits. */
bool chardev_wants_write(const struct chardev *chr);
void chardev_ready(struct chardev *chr);
void chardev_describe(struct chardev *chr, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct chardev *chardev_create(const struct chardev_backend *backend, const char *id,
                               struct keyval *kv, struct error **err);

/* A pair of descriptors, watched as the core wants it. Embedded by back-ends that have them. */
struct chardev_fds {
    struct chardev *chr;
    int in, out;                    /* -1: none; they may be the same */
    struct main_loop_watch *in_watch, *out_watch;
    bool is_socket;                 /* `out` is written with send() */
    size_t chunk;                   /* largest write, when `out` itself may block; else 0 */
    /* End of input or a broken `in`. */
    void (*ended)(struct chardev *chr);
    /* Filters input in place and returns what is left of it; may be NULL. */
    size_t (*filter)(struct chardev *chr, uint8_t *data, size_t size);
};
void chardev_fds_start(struct chardev_fds *fds, struct chardev *chr, int in, int out);
void chardev_fds_update(struct chardev_fds *fds);
size_t chardev_fds_write(struct chardev_fds *fds, const uint8_t *data, size_t size);
/* Closes what is open. */
void chardev_fds_stop(struct chardev_fds *fds);

extern const struct chardev_backend chardev_null, chardev_ringbuf, chardev_vc, chardev_stdio,
    chardev_file, chardev_pipe, chardev_pty, chardev_serial, chardev_socket, chardev_udp;

/* Puts a multiplexer with the id on top of `below`. */
struct chardev *chardev_mux_create(const char *id, struct chardev *below, struct error **err);

#endif
