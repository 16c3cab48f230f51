/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A one-way stream of bytes with a buffer: to or from a descriptor, an image's machine state, or
 * memory. The first failure sticks; whoever cares asks at the end.
 */
#ifndef MIGRATION_STREAM_H
#define MIGRATION_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct stream;
struct block;

/* Moves exactly `size` bytes, or sets *err. `at` counts the bytes before. */
typedef bool stream_move(struct stream *s, uint64_t at, void *data, size_t size,
                         struct error **err);

struct stream {
    stream_move *move;
    void *opaque;
    int fd;
    const bool *cancelled;          /* atomic: a descriptor gives up soon after it is set */
    bool writing;
    uint8_t *buffer;
    size_t used, next;              /* bytes in the buffer; those already taken by a reader */
    uint64_t moved;                 /* through `move` */
    uint64_t limit;                 /* of a reader: where the stream ends at the latest */
    struct error *failure;
};

/* A descriptor that may block or not; it stays the caller's. `cancelled` may be NULL. */
void stream_open_fd(struct stream *s, int fd, bool writing, const bool *cancelled);
/* The state of the machine in a drive's image; readers see `size` bytes. */
void stream_open_image(struct stream *s, struct block *block, bool writing, uint64_t size);
/* Frees the buffer and the failure. */
void stream_close(struct stream *s);

void stream_put(struct stream *s, const void *data, size_t size);
void stream_put_number(struct stream *s, uint64_t value, unsigned size);
bool stream_flush(struct stream *s);
/* Readers; after a failure all is zero. */
bool stream_get(struct stream *s, void *data, size_t size);
uint64_t stream_get_number(struct stream *s, unsigned size);
/* Bytes put or got. */
uint64_t stream_position(const struct stream *s);
/* The first one wins. */
void stream_fail(struct stream *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline bool stream_failed(const struct stream *s)
{
    return s->failure != NULL;
}
/* Hands the failure over, if there is one. */
bool stream_result(struct stream *s, struct error **err);

#endif
