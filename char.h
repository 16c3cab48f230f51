/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices: a host back-end (stdio, socket, file, pty, ...) and the one front-end that
 * uses it (a serial port, the monitor, the gdb stub). All calls and callbacks hold the big lock.
 */
#ifndef CHAR_H
#define CHAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct chardev;

enum chardev_event {
    CHARDEV_OPENED,     /* the other side is there (again) */
    CHARDEV_CLOSED,
    CHARDEV_BREAK,      /* a break was received */
    CHARDEV_MUX_IN,     /* a multiplexed front-end got or lost the keyboard */
    CHARDEV_MUX_OUT,
};

/* Given by the front-end; every member may be NULL. */
struct chardev_handlers {
    /* How many bytes read() would take now. */
    size_t (*can_read)(void *opaque);
    /* At most what can_read() returned. */
    void (*read)(void *opaque, const uint8_t *data, size_t size);
    void (*event)(void *opaque, enum chardev_event event);
    /* The back-end takes bytes again after chardev_write() took fewer than offered. */
    void (*writable)(void *opaque);
};

/* A classic text: "stdio", "tcp:host:port,server,nowait", "mon:stdio", "file:path", "null", ... */
struct chardev *chardev_open(const char *id, const char *spec, struct error **err);
/* The same for an option that messages name. */
struct chardev *chardev_open_for(const char *option, const char *id, const char *spec,
                                 struct error **err);
/* The -chardev form: "socket,id=x,path=...,server=on". */
struct chardev *chardev_open_option(const char *text, struct error **err);
struct chardev *chardev_find(const char *id);
struct chardev *chardev_first(void);
struct chardev *chardev_next(struct chardev *chr);
bool chardev_has_frontend(const struct chardev *chr);
/* Back-end number n of -chardev, NULL past the last. */
const char *chardev_backend_name(unsigned n);
const char *chardev_id(const struct chardev *chr);
/* What `info chardev` shows: "disconnected:tcp:...". */
const char *chardev_description(const struct chardev *chr);
/* Detaches the front-end, then frees. */
void chardev_close(struct chardev *chr);
/* At exit: waits a moment for text that is still queued. */
void chardev_close_all(void);

/* One front-end each (a multiplexer takes several); fails when taken. `handlers` must stay. */
bool chardev_attach(struct chardev *chr, const struct chardev_handlers *handlers, void *opaque,
                    struct error **err);
/* `opaque` tells which front-end of a multiplexer. */
void chardev_detach(struct chardev *chr, void *opaque);

/* Never blocks; returns the bytes taken. Offer the rest again from `writable`. Bytes for a closed
 * connection are taken and dropped. NULL chr takes everything. */
size_t chardev_write(struct chardev *chr, const void *data, size_t size);
/* For text that must not be lost (monitor, guest console at exit): queues without limit. */
void chardev_write_all(struct chardev *chr, const void *data, size_t size);
void chardev_printf(struct chardev *chr, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* can_read() may return more now: ask it again. */
void chardev_accept_input(struct chardev *chr);
/* Stops and restarts delivery to the front-end (it takes nothing while paused). */
void chardev_pause(struct chardev *chr, bool paused);
bool chardev_connected(const struct chardev *chr);
/* The last descriptor that the other side passed (SCM_RIGHTS), the caller's from now on; or -1. */
int chardev_take_fd(struct chardev *chr);
/* Asks the front-end behind the terminal to echo or not, for passwords. */
void chardev_set_echo(struct chardev *chr, bool echo);

/* Back-ends on real ports; the others ignore these. */
struct chardev_line {
    unsigned baud;
    uint8_t data_bits, stop_bits;
    char parity;            /* 'N', 'E', 'O' */
};
void chardev_set_line(struct chardev *chr, const struct chardev_line *line);
void chardev_set_break(struct chardev *chr, bool on);
enum {
    CHARDEV_CTS = 1, CHARDEV_DSR = 2, CHARDEV_RI = 4, CHARDEV_CD = 8,   /* inputs */
    CHARDEV_DTR = 16, CHARDEV_RTS = 32                                  /* outputs */
};
void chardev_set_modem(struct chardev *chr, unsigned outputs);
/* False when the back-end has no such lines; a serial port then shows CTS, DSR and CD on. */
bool chardev_get_modem(struct chardev *chr, unsigned *inputs);

#endif
