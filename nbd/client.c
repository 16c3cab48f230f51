/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of a client. Any number of threads send; of those that wait for a reply one reads the
 * stream for all, and hands that duty on when its own reply has come. Everything that a server
 * sends is checked against the request that it answers; a server that breaks the protocol is left.
 */
#include "nbd/client.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>

#include "base/bits.h"
#include "block/node.h"

struct nbd_client {
    struct nbd_stream s;
    bool structured;
    uint32_t context_id;
    pthread_mutex_t send_lock;
    pthread_mutex_t lock;               /* of all below */
    pthread_cond_t changed;
    struct nbd_call *calls;             /* under way */
    uint64_t next_handle;
    bool reading, dead;
};

struct nbd_client *nbd_client_create(struct nbd_stream stream, const struct nbd_export_info *info)
{
    struct nbd_client *c = g_new0(struct nbd_client, 1);

    c->s = stream;
    c->structured = info->structured;
    c->context_id = info->context_id;
    pthread_mutex_init(&c->send_lock, NULL);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    return c;
}

bool nbd_client_is_dead(struct nbd_client *c)
{
    bool dead;

    pthread_mutex_lock(&c->lock);
    dead = c->dead;
    pthread_mutex_unlock(&c->lock);
    return dead;
}

/* --- sending --------------------------------------------------------------------------------- */

static bool send_request(struct nbd_client *c, const struct nbd_call *call)
{
    bool is_write = call->command == NBD_WRITE, good;
    struct iovec *parts = g_new(struct iovec, call->count + 1);
    uint8_t head[NBD_REQUEST_SIZE];

    st32_be(head, NBD_REQUEST_MAGIC);
    st16_be(head + 4, call->flags);
    st16_be(head + 6, call->command);
    st64_be(head + 8, call->handle);
    st64_be(head + 16, call->offset);
    st32_be(head + 24, call->size);
    parts[0] = (struct iovec){ head, sizeof(head) };
    if (is_write) {
        memcpy(parts + 1, call->iov, call->count * sizeof(*parts));
    }
    pthread_mutex_lock(&c->send_lock);
    good = nbd_sendv(&c->s, parts, is_write ? call->count + 1 : 1);
    pthread_mutex_unlock(&c->send_lock);
    g_free(parts);
    return good;
}

/* --- receiving; one thread at a time, without the lock --------------------------------------- */

static struct nbd_call *find_call(struct nbd_client *c, uint64_t handle)
{
    struct nbd_call *call;

    pthread_mutex_lock(&c->lock);
    for (call = c->calls; call && (call->handle != handle || call->done); call = call->next) {
    }
    pthread_mutex_unlock(&c->lock);
    return call;
}

/* [offset, offset + size) of the export, as a part of the call's buffers. */
static bool take_data(struct nbd_client *c, struct nbd_call *call, uint64_t offset, uint64_t size,
                      bool zero)
{
    struct iovec *part;
    unsigned n;
    bool good = true;

    if (call->command != NBD_READ || offset < call->offset || size > call->size ||
        offset - call->offset > call->size - size) {
        return false;
    }
    part = g_new(struct iovec, call->count);
    n = iov_slice(call->iov, call->count, offset - call->offset, size, part);
    if (zero) {
        iov_zero(part, n);
    } else {
        good = nbd_recvv(&c->s, part, n);
    }
    call->got += size;
    g_free(part);
    return good;
}

static bool take_status(struct nbd_client *c, struct nbd_call *call, uint32_t size)
{
    uint8_t data[8];
    unsigned n = 0;

    if (call->command != NBD_BLOCK_STATUS || size < 12 || (size - 4) % 8 ||
        !nbd_recv(&c->s, data, 4) || ld32_be(data) != c->context_id) {
        return false;
    }
    for (size -= 4; size; size -= 8) {
        if (!nbd_recv(&c->s, data, 8)) {
            return false;
        }
        if (n < call->extent_count) {
            call->extents[n++] = (struct nbd_extent){ ld32_be(data), ld32_be(data + 4) };
        }
    }
    call->got = 1;
    call->extent_count = n;
    return n && call->extents[0].length;
}

static bool take_error(struct nbd_client *c, struct nbd_call *call, uint32_t size)
{
    uint8_t data[6];

    if (size < 6 || !nbd_recv(&c->s, data, 6) || !ld32_be(data)) {
        return false;
    }
    call->result = call->result ? call->result : nbd_errno_of(ld32_be(data));
    return nbd_skip(&c->s, size - 6);
}

static bool take_chunk(struct nbd_client *c, struct nbd_call *call, uint16_t type, uint32_t size)
{
    uint8_t data[12];

    switch (type) {
    case NBD_CHUNK_NONE:
        return size == 0;
    case NBD_CHUNK_DATA:
        return size > 8 && nbd_recv(&c->s, data, 8) &&
            take_data(c, call, ld64_be(data), size - 8, false);
    case NBD_CHUNK_HOLE:
        return size == 12 && nbd_recv(&c->s, data, 12) &&
            take_data(c, call, ld64_be(data), ld32_be(data + 8), true);
    case NBD_CHUNK_STATUS:
        return take_status(c, call, size);
    default:
        /* Unknown errors are errors; anything else breaks the protocol. */
        return type >> 15 && size <= NBD_MAX_NAME * 2 && take_error(c, call, size);
    }
}

static void finish(struct nbd_client *c, struct nbd_call *call)
{
    if (!call->result && call->command == NBD_READ && call->got != call->size) {
        call->result = -EIO;
    }
    if (!call->result && call->command == NBD_BLOCK_STATUS && !call->got) {
        call->result = -EIO;
    }
    pthread_mutex_lock(&c->lock);
    call->done = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static bool read_simple(struct nbd_client *c)
{
    uint8_t rest[12];
    struct nbd_call *call;

    if (!nbd_recv(&c->s, rest, sizeof(rest)) || !(call = find_call(c, ld64_be(rest + 4)))) {
        return false;
    }
    call->result = nbd_errno_of(ld32_be(rest));
    /* With structured replies the payload of a read has to be in chunks. */
    if (call->command == NBD_READ && !call->result &&
        (c->structured || !take_data(c, call, call->offset, call->size, false))) {
        return false;
    }
    finish(c, call);
    return true;
}

static bool read_structured(struct nbd_client *c)
{
    uint8_t rest[16];
    struct nbd_call *call;

    if (!c->structured || !nbd_recv(&c->s, rest, sizeof(rest)) ||
        !(call = find_call(c, ld64_be(rest + 4))) ||
        ld32_be(rest + 12) > NBD_MAX_PAYLOAD + 8 ||
        !take_chunk(c, call, ld16_be(rest + 2), ld32_be(rest + 12))) {
        return false;
    }
    if (ld16_be(rest) & NBD_CHUNK_DONE) {
        finish(c, call);
    }
    return true;
}

static bool read_reply(struct nbd_client *c)
{
    uint8_t magic[4];

    if (!nbd_recv(&c->s, magic, 4)) {
        return false;
    }
    return ld32_be(magic) == NBD_SIMPLE_MAGIC ? read_simple(c)
        : ld32_be(magic) == NBD_STRUCTURED_MAGIC && read_structured(c);
}

/* --- calls ----------------------------------------------------------------------------------- */

/* With the lock. */
static void die(struct nbd_client *c)
{
    c->dead = true;
    nbd_stream_shut(&c->s);
    for (struct nbd_call *call = c->calls; call; call = call->next) {
        if (!call->done) {
            call->result = -ENOTCONN;
            call->done = true;
        }
    }
    pthread_cond_broadcast(&c->changed);
}

/* With the lock. */
static void wait_for(struct nbd_client *c, struct nbd_call *call)
{
    while (!call->done) {
        if (c->reading) {
            pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        c->reading = true;
        pthread_mutex_unlock(&c->lock);
        bool good = read_reply(c);
        pthread_mutex_lock(&c->lock);
        c->reading = false;
        if (!good) {
            die(c);
        }
    }
    /* Somebody else has to read now. */
    pthread_cond_broadcast(&c->changed);
}

int nbd_client_call(struct nbd_client *c, struct nbd_call *call)
{
    struct nbd_call **link;

    pthread_mutex_lock(&c->lock);
    if (c->dead) {
        pthread_mutex_unlock(&c->lock);
        return -ENOTCONN;
    }
    call->handle = ++c->next_handle;
    call->result = 0;
    call->got = 0;
    call->done = false;
    call->next = c->calls;
    c->calls = call;
    pthread_mutex_unlock(&c->lock);

    bool sent = send_request(c, call);

    pthread_mutex_lock(&c->lock);
    if (!sent && !c->reading) {
        die(c);
    } else if (!sent) {
        nbd_stream_shut(&c->s);     /* the thread that reads notices, and ends all calls */
    }
    wait_for(c, call);
    for (link = &c->calls; *link != call; link = &(*link)->next) {
    }
    *link = call->next;
    pthread_mutex_unlock(&c->lock);
    return call->result;
}

void nbd_client_free(struct nbd_client *c)
{
    uint8_t head[NBD_REQUEST_SIZE] = { 0 };

    if (!c) {
        return;
    }
    if (!c->dead) {
        st32_be(head, NBD_REQUEST_MAGIC);
        st16_be(head + 6, NBD_DISCONNECT);
        nbd_send(&c->s, head, sizeof(head));
    }
    nbd_stream_close(&c->s);
    pthread_mutex_destroy(&c->send_lock);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->changed);
    g_free(c);
}
