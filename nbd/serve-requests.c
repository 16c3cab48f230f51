/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of one client. Up to WORKERS threads take turns at reading one whole request from the
 * stream; then each does its work and sends the reply when the stream is free for writing.
 */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bits.h"
#include "block/image.h"
#include "nbd/server.h"

#define WORKERS 8
#define MAX_EXTENTS 1024

struct conversation {
    struct nbd_peer *p;
    pthread_mutex_t read_lock, write_lock;
    pthread_mutex_t lock;               /* of what follows */
    pthread_t threads[WORKERS];
    unsigned thread_count, busy;
    bool over;                          /* atomic */
};

struct request {
    uint16_t flags, command;
    uint8_t handle[8];
    uint64_t offset;
    uint32_t size;
    uint8_t *data;                      /* owned; of reads and writes */
};

/* --- replies --------------------------------------------------------------------------------- */

static bool send_parts(struct conversation *c, const struct iovec *iov, unsigned count)
{
    bool good;

    pthread_mutex_lock(&c->write_lock);
    good = nbd_sendv(&c->p->stream, iov, count);
    pthread_mutex_unlock(&c->write_lock);
    return good;
}

static bool send_simple(struct conversation *c, const struct request *r, int rc, uint32_t size)
{
    uint8_t head[16];
    struct iovec iov[2] = { { head, sizeof(head) }, { r->data, size } };

    st32_be(head, NBD_SIMPLE_MAGIC);
    st32_be(head + 4, nbd_error_of(rc));
    memcpy(head + 8, r->handle, 8);
    return send_parts(c, iov, size ? 2 : 1);
}

static bool send_chunk(struct conversation *c, const struct request *r, uint16_t type, bool done,
                       const struct iovec *iov, unsigned count)
{
    uint8_t head[20];
    struct iovec parts[4] = { { head, sizeof(head) } };

    memcpy(parts + 1, iov, count * sizeof(*iov));
    st32_be(head, NBD_STRUCTURED_MAGIC);
    st16_be(head + 4, done ? NBD_CHUNK_DONE : 0);
    st16_be(head + 6, type);
    memcpy(head + 8, r->handle, 8);
    st32_be(head + 16, iov_size(iov, count));
    return send_parts(c, parts, count + 1);
}

static bool send_error(struct conversation *c, const struct request *r, int rc)
{
    const char *text = g_strerror(-rc);
    uint8_t data[6];
    struct iovec iov[2] = { { data, sizeof(data) }, { (void *)text, strlen(text) } };

    if (!c->p->structured) {
        return send_simple(c, r, rc, 0);
    }
    st32_be(data, nbd_error_of(rc));
    st16_be(data + 4, strlen(text));
    return send_chunk(c, r, NBD_CHUNK_ERROR, true, iov, 2);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool is_hole(struct conversation *c, uint64_t offset, uint64_t size, uint64_t *length)
{
    struct block_extent e;
    unsigned depth;

    *length = size;
    if (block_node_status_deep(c->p->export->node, offset, size, &e, &depth) || !e.length) {
        return false;
    }
    *length = e.length;
    return e.zero;
}

/* Data and holes as they are; `done` is on the last chunk. */
static bool send_sparse(struct conversation *c, const struct request *r)
{
    uint64_t at = 0;
    bool good = true;

    while (at < r->size && good) {
        uint64_t n;
        bool hole = is_hole(c, r->offset + at, r->size - at, &n);
        uint8_t head[12];
        struct iovec iov[2] = { { head, hole ? 12 : 8 }, { r->data + at, n } };
        int rc = hole ? 0 : block_node_pread(c->p->export->node, r->offset + at, r->data + at, n);

        if (rc) {
            return send_error(c, r, rc);
        }
        st64_be(head, r->offset + at);
        st32_be(head + 8, n);
        good = send_chunk(c, r, hole ? NBD_CHUNK_HOLE : NBD_CHUNK_DATA, at + n == r->size, iov,
                          hole ? 1 : 2);
        at += n;
    }
    return good;
}

static bool answer_read(struct conversation *c, const struct request *r)
{
    uint8_t offset[8];
    struct iovec iov[2] = { { offset, 8 }, { r->data, r->size } };
    int rc;

    if (c->p->structured && !(r->flags & NBD_DF)) {
        return send_sparse(c, r);
    }
    rc = block_node_pread(c->p->export->node, r->offset, r->data, r->size);
    if (rc || !c->p->structured) {
        return rc ? send_error(c, r, rc) : send_simple(c, r, 0, r->size);
    }
    st64_be(offset, r->offset);
    return send_chunk(c, r, NBD_CHUNK_DATA, true, iov, 2);
}

/* --- block status ---------------------------------------------------------------------------- */

/* The flags of one extent in a context; its length goes to *length. */
static int status_of(struct conversation *c, unsigned context, uint64_t offset, uint64_t size,
                     uint64_t *length, uint32_t *flags)
{
    const struct nbd_export *e = c->p->export;
    struct block_extent x;
    unsigned depth = 0;
    bool dirty = false;
    int rc;

    if (context >= NBD_CONTEXT_BITMAP) {
        rc = e->node->driver->image->bitmap_status(e->node, e->bitmaps[context -
                                                                       NBD_CONTEXT_BITMAP],
                                                   offset, size, length, &dirty);
        *flags = dirty;
        return rc;
    }
    rc = block_node_status_deep(e->node, offset, size, &x, &depth);
    *length = x.length;
    *flags = context == NBD_CONTEXT_DEPTH ? (x.allocated ? MIN_OF(depth, 1) + 1 : 0)
        : (x.allocated && !x.zero ? 0 : NBD_STATE_HOLE) | (x.zero ? NBD_STATE_ZERO : 0);
    return rc;
}

static bool send_status(struct conversation *c, const struct request *r, unsigned context,
                        bool last)
{
    GByteArray *data = g_byte_array_new();
    unsigned most = r->flags & NBD_REQ_ONE ? 1 : MAX_EXTENTS, count = 0;
    uint64_t at = 0, length = 0;
    uint32_t flags = 0, run = 0;
    uint8_t item[8];
    struct iovec iov;
    bool good;
    int rc = 0;

    st32_be(item, context);
    g_byte_array_append(data, item, 4);
    while (at < r->size && !rc) {
        uint32_t next;

        rc = status_of(c, context, r->offset + at, r->size - at, &length, &next);
        rc = rc ? rc : length ? 0 : -EIO;
        if (run && (rc || next != flags)) {
            st32_be(item, run);
            st32_be(item + 4, flags);
            g_byte_array_append(data, item, 8);
            run = 0;
            if (rc || ++count == most) {
                break;
            }
        }
        flags = next;
        run += length;
        at += length;
    }
    if (run) {
        st32_be(item, run);
        st32_be(item + 4, flags);
        g_byte_array_append(data, item, 8);
    }
    iov = (struct iovec){ data->data, data->len };
    good = rc && data->len == 4 ? send_error(c, r, rc)
        : send_chunk(c, r, NBD_CHUNK_STATUS, last, &iov, 1);
    g_byte_array_free(data, TRUE);
    return good && !(rc && !last);
}

static bool answer_status(struct conversation *c, const struct request *r)
{
    uint32_t left = c->p->contexts;

    if (!left || !r->size) {
        return send_error(c, r, -EINVAL);
    }
    for (unsigned id = 0; left; id++) {
        if (left & 1u << id) {
            left &= ~(1u << id);
            if (!send_status(c, r, id, !left)) {
                return false;
            }
        }
    }
    return true;
}

/* --- changing -------------------------------------------------------------------------------- */

static int change(struct conversation *c, const struct request *r)
{
    struct block_node *node = c->p->export->node;
    int rc = 0;

    switch (r->command) {
    case NBD_WRITE:
        rc = block_node_pwrite(node, r->offset, r->data, r->size);
        break;
    case NBD_ZEROES:
        /* Only a driver of its own can be fast. */
        rc = r->flags & NBD_FAST_ZERO && !node->driver->write_zeroes ? -ENOTSUP
            : block_node_write_zeroes(node, r->offset, r->size, !(r->flags & NBD_NO_HOLE));
        break;
    case NBD_TRIM:
        rc = block_node_discard(node, r->offset, r->size);
        break;
    case NBD_FLUSH:
        return block_node_flush(node);
    }
    if (rc || !(r->flags & NBD_FUA || node->flags & NODE_STABLE)) {
        return rc;
    }
    return block_node_flush(node);
}

static bool answer(struct conversation *c, const struct request *r)
{
    const struct nbd_export *e = c->p->export;
    bool changes = r->command == NBD_WRITE || r->command == NBD_ZEROES || r->command == NBD_TRIM;
    int rc;

    if (r->command != NBD_FLUSH && (r->size > e->size || r->offset > e->size - r->size)) {
        return send_error(c, r, changes ? -ENOSPC : -EINVAL);
    }
    if (changes && e->readonly) {
        return send_error(c, r, -EPERM);
    }
    switch (r->command) {
    case NBD_READ:
        return r->size ? answer_read(c, r) : send_error(c, r, -EINVAL);
    case NBD_BLOCK_STATUS:
        return answer_status(c, r);
    case NBD_CACHE:
        return send_simple(c, r, 0, 0);     /* the host caches what it likes */
    case NBD_WRITE: case NBD_ZEROES: case NBD_TRIM: case NBD_FLUSH:
        rc = change(c, r);
        return rc ? send_error(c, r, rc) : send_simple(c, r, 0, 0);
    default:
        return send_error(c, r, -EINVAL);
    }
}

/* --- threads --------------------------------------------------------------------------------- */

/* A whole request with its data; false: the end. */
static bool read_request(struct conversation *c, struct request *r)
{
    uint8_t head[NBD_REQUEST_SIZE];

    if (!nbd_recv(&c->p->stream, head, sizeof(head)) || ld32_be(head) != NBD_REQUEST_MAGIC) {
        return false;
    }
    r->flags = ld16_be(head + 4);
    r->command = ld16_be(head + 6);
    memcpy(r->handle, head + 8, 8);
    r->offset = ld64_be(head + 16);
    r->size = ld32_be(head + 24);
    r->data = NULL;
    if (r->command == NBD_DISCONNECT) {
        return false;
    }
    if (r->command == NBD_READ || r->command == NBD_WRITE) {
        if (r->size > NBD_MAX_PAYLOAD) {
            return false;
        }
        r->data = g_malloc(r->size + 1);
    }
    if (r->command == NBD_WRITE && !nbd_recv(&c->p->stream, r->data, r->size)) {
        g_free(r->data);
        return false;
    }
    return true;
}

static bool is_over(struct conversation *c)
{
    return __atomic_load_n(&c->over, __ATOMIC_RELAXED);
}

static void *work(void *opaque);

/* One more thread when all others are at work. */
static void count_busy(struct conversation *c, int change)
{
    pthread_mutex_lock(&c->lock);
    c->busy += change;
    if (c->busy == c->thread_count && c->thread_count < WORKERS && !is_over(c) &&
        pthread_create(&c->threads[c->thread_count], NULL, work, c) == 0) {
        c->thread_count++;
    }
    pthread_mutex_unlock(&c->lock);
}

static void *work(void *opaque)
{
    struct conversation *c = opaque;
    struct request r;
    bool good = true;

    while (good) {
        pthread_mutex_lock(&c->read_lock);
        good = !is_over(c) && read_request(c, &r);
        if (!good) {
            __atomic_store_n(&c->over, true, __ATOMIC_RELAXED);
        }
        pthread_mutex_unlock(&c->read_lock);
        if (good) {
            count_busy(c, 1);
            good = answer(c, &r);
            g_free(r.data);
            count_busy(c, -1);
        }
    }
    if (!is_over(c)) {
        nbd_stream_shut(&c->p->stream);     /* replies cannot be sent: no more requests */
    }
    return NULL;
}

void nbd_serve_requests(struct nbd_peer *p)
{
    struct conversation c = { .p = p, .thread_count = 1 };

    pthread_mutex_init(&c.read_lock, NULL);
    pthread_mutex_init(&c.write_lock, NULL);
    pthread_mutex_init(&c.lock, NULL);
    c.threads[0] = pthread_self();
    work(&c);
    /* `over` is set: no thread starts another one. */
    for (unsigned i = 1; i < c.thread_count; i++) {
        pthread_join(c.threads[i], NULL);
    }
    if (!p->export->readonly) {
        block_node_flush(p->export->node);
    }
    pthread_mutex_destroy(&c.read_lock);
    pthread_mutex_destroy(&c.write_lock);
    pthread_mutex_destroy(&c.lock);
}

void nbd_serve(const struct nbd_server *server, int fd)
{
    struct nbd_peer p = { .server = server, .stream = { .fd = fd } };
    /* Who connects and says nothing does not keep its place; TLS has a limit of its own. */
    struct timeval patience = { 30, 0 }, forever = { 0, 0 };

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (nbd_serve_handshake(&p)) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
        nbd_serve_requests(&p);
    }
    nbd_stream_close(&p.stream);
}
