/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Buffered streams over descriptors and images. */
#include "migration/stream.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "block/drive.h"

enum { BUFFER_SIZE = 256 << 10, CANCEL_POLL_MS = 50 };

static void open_stream(struct stream *s, stream_move *move, bool writing)
{
    *s = (struct stream){ .move = move, .fd = -1, .writing = writing, .limit = UINT64_MAX };
    s->buffer = g_malloc(BUFFER_SIZE);
}

void stream_close(struct stream *s)
{
    g_free(s->buffer);
    error_free(s->failure);
    s->buffer = NULL;
    s->failure = NULL;
}

void stream_fail(struct stream *s, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = g_strdup_vprintf(fmt, args);
    va_end(args);
    if (!s->failure) {
        error_set(&s->failure, "%s", text);
    }
    g_free(text);
}

bool stream_result(struct stream *s, struct error **err)
{
    bool good = !s->failure;

    error_propagate(err, s->failure);
    s->failure = NULL;
    return good;
}

/* --- descriptors ----------------------------------------------------------------------------- */

static bool is_cancelled(const struct stream *s)
{
    return s->cancelled && __atomic_load_n(s->cancelled, __ATOMIC_ACQUIRE);
}

/* True when the descriptor may make progress. */
static bool wait_ready(struct stream *s, struct error **err)
{
    struct pollfd p = { .fd = s->fd, .events = s->writing ? POLLOUT : POLLIN };

    for (;;) {
        int n = poll(&p, 1, CANCEL_POLL_MS);

        if (is_cancelled(s)) {
            error_set(err, "cancelled");
            return false;
        }
        if (n > 0) {
            return true;
        }
        if (n < 0 && errno != EINTR) {
            error_set_errno(err, errno, "cannot wait for the other side");
            return false;
        }
    }
}

static bool move_fd(struct stream *s, uint64_t at, void *data, size_t size, struct error **err)
{
    while (size) {
        size_t part = MIN_OF(size, 1u << 20);
        ssize_t n;

        if (!wait_ready(s, err)) {
            return false;
        }
        n = s->writing ? write(s->fd, data, part) : read(s->fd, data, part);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (n == 0 && !s->writing) {
            error_set(err, "the stream ends early, after %llu bytes", (unsigned long long)at);
            return false;
        }
        if (n <= 0) {
            error_set_errno(err, n < 0 ? errno : EIO, s->writing ? "cannot send" : "cannot read");
            return false;
        }
        data = (uint8_t *)data + n;
        size -= n;
        at += n;
    }
    return true;
}

void stream_open_fd(struct stream *s, int fd, bool writing, const bool *cancelled)
{
    open_stream(s, move_fd, writing);
    s->fd = fd;
    s->cancelled = cancelled;
}

/* --- images ---------------------------------------------------------------------------------- */

static bool move_image(struct stream *s, uint64_t at, void *data, size_t size, struct error **err)
{
    struct block *block = s->opaque;
    int rc = block_vm_state(block, at, data, size, s->writing);

    if (rc) {
        error_set_errno(err, -rc, "cannot %s the machine's state in '%s'",
                        s->writing ? "write" : "read", block_id(block));
    }
    return rc == 0;
}

void stream_open_image(struct stream *s, struct block *block, bool writing, uint64_t size)
{
    open_stream(s, move_image, writing);
    s->opaque = block;
    s->limit = writing ? UINT64_MAX : size;
}

/* --- writing --------------------------------------------------------------------------------- */

static void move_out(struct stream *s, const void *data, size_t size)
{
    if (!s->failure && size && s->move(s, s->moved, (void *)data, size, &s->failure)) {
        s->moved += size;
    }
}

bool stream_flush(struct stream *s)
{
    move_out(s, s->buffer, s->used);
    s->used = 0;
    return !s->failure;
}

/* Large pieces go past the buffer. */
void stream_put(struct stream *s, const void *data, size_t size)
{
    if (size > BUFFER_SIZE - s->used) {
        stream_flush(s);
    }
    if (size >= BUFFER_SIZE) {
        move_out(s, data, size);
        return;
    }
    memcpy(s->buffer + s->used, data, size);
    s->used += size;
}

void stream_put_number(struct stream *s, uint64_t value, unsigned size)
{
    uint8_t bytes[8];

    st_le(bytes, size, value);
    stream_put(s, bytes, size);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool move_in(struct stream *s, void *data, size_t size)
{
    if (s->failure || size > s->limit - s->moved) {
        stream_fail(s, "the stream ends early, after %llu bytes", (unsigned long long)s->moved);
        return false;
    }
    if (!s->move(s, s->moved, data, size, &s->failure)) {
        return false;
    }
    s->moved += size;
    return true;
}

/* Of a descriptor no more than what is asked for: nobody may wait for bytes that never come. */
static bool fill(struct stream *s, size_t size)
{
    if (s->fd < 0) {
        size = MAX_OF(size, MIN_OF((uint64_t)BUFFER_SIZE, s->limit - s->moved));
    }
    s->next = s->used = 0;
    if (!move_in(s, s->buffer, size)) {
        return false;
    }
    s->used = size;
    return true;
}

bool stream_get(struct stream *s, void *data, size_t size)
{
    uint8_t *to = data;
    size_t have = MIN_OF(size, s->used - s->next);

    memcpy(to, s->buffer + s->next, have);
    s->next += have;
    to += have;
    size -= have;
    if (!size && !s->failure) {
        return true;
    }
    if (size >= BUFFER_SIZE ? move_in(s, to, size) : fill(s, size)) {
        if (size < BUFFER_SIZE) {
            memcpy(to, s->buffer, size);
            s->next = size;
        }
        return true;
    }
    memset(data, 0, to - (uint8_t *)data + size);
    return false;
}

uint64_t stream_get_number(struct stream *s, unsigned size)
{
    uint8_t bytes[8] = { 0 };

    stream_get(s, bytes, size);
    return ld_le(bytes, size);
}

uint64_t stream_position(const struct stream *s)
{
    return s->writing ? s->moved + s->used : s->moved - (s->used - s->next);
}
