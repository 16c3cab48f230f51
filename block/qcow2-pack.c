/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packing and unpacking of qcow2 clusters. */
#include "block/qcow2-pack.h"

#include <glib.h>
#include <pthread.h>
#include <zlib.h>
#include <zstd.h>

#include "block/qcow2.h"

#define WINDOW_BITS (-12)       /* raw deflate with a small window, as the format wants */

/* Contexts are large: each thread keeps its own until it ends. */
struct contexts {
    z_stream deflate;
    bool has_deflate;
    ZSTD_CCtx *packer;
    ZSTD_DCtx *unpacker;
};

static pthread_key_t contexts_key;
static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;

static void free_contexts(void *opaque)
{
    struct contexts *c = opaque;

    if (c->has_deflate) {
        deflateEnd(&c->deflate);
    }
    ZSTD_freeCCtx(c->packer);
    ZSTD_freeDCtx(c->unpacker);
    g_free(c);
}

static void make_key(void)
{
    pthread_key_create(&contexts_key, free_contexts);
}

static struct contexts *contexts(void)
{
    struct contexts *c;

    pthread_once(&contexts_once, make_key);
    c = pthread_getspecific(contexts_key);
    if (!c) {
        c = g_new0(struct contexts, 1);
        pthread_setspecific(contexts_key, c);
    }
    return c;
}

static size_t pack_zlib(const void *data, size_t size, void *packed, size_t room)
{
    struct contexts *c = contexts();
    z_stream *z = &c->deflate;

    if (!c->has_deflate) {
        c->has_deflate = deflateInit2(z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, 9,
                                      Z_DEFAULT_STRATEGY) == Z_OK;
    }
    if (!c->has_deflate || deflateReset(z) != Z_OK) {
        return 0;
    }
    z->next_in = (void *)data;
    z->avail_in = size;
    z->next_out = packed;
    z->avail_out = room;
    return deflate(z, Z_FINISH) == Z_STREAM_END ? room - z->avail_out : 0;
}

static bool unpack_zlib(const void *packed, size_t packed_size, void *data, size_t size)
{
    z_stream z = { .next_in = (void *)packed, .avail_in = packed_size, .next_out = data,
                   .avail_out = size };
    int rc;

    if (inflateInit2(&z, WINDOW_BITS) != Z_OK) {
        return false;
    }
    rc = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    /* Z_BUF_ERROR: the output is full, though the stream did not say that it ends. */
    return z.avail_out == 0 && (rc == Z_STREAM_END || rc == Z_BUF_ERROR || rc == Z_OK);
}

static size_t pack_zstd(const void *data, size_t size, void *packed, size_t room)
{
    struct contexts *c = contexts();
    ZSTD_CCtx *packer = c->packer ? c->packer : (c->packer = ZSTD_createCCtx());
    size_t n = packer ? ZSTD_compressCCtx(packer, packed, room, data, size, ZSTD_CLEVEL_DEFAULT)
                      : 0;

    return ZSTD_isError(n) ? 0 : n;
}

/* Frames may be several, and bytes that mean nothing may follow them. */
static bool unpack_zstd(const void *packed, size_t packed_size, void *data, size_t size)
{
    ZSTD_inBuffer in = { packed, packed_size, 0 };
    ZSTD_outBuffer out = { data, size, 0 };
    struct contexts *c = contexts();
    ZSTD_DCtx *unpacker = c->unpacker ? c->unpacker : (c->unpacker = ZSTD_createDCtx());

    if (!unpacker) {
        return false;
    }
    ZSTD_DCtx_reset(unpacker, ZSTD_reset_session_only);
    while (out.pos < out.size) {
        size_t before_in = in.pos, before_out = out.pos;
        size_t rc = ZSTD_decompressStream(unpacker, &out, &in);

        if (ZSTD_isError(rc) || (in.pos == before_in && out.pos == before_out)) {
            return false;
        }
    }
    return true;
}

size_t qcow2_pack(unsigned compression, const void *data, size_t size, void *packed, size_t room)
{
    return compression == QCOW2_ZSTD ? pack_zstd(data, size, packed, room)
                                     : pack_zlib(data, size, packed, room);
}

bool qcow2_unpack(unsigned compression, const void *packed, size_t packed_size, void *data,
                  size_t size)
{
    return compression == QCOW2_ZSTD ? unpack_zstd(packed, packed_size, data, size)
                                     : unpack_zlib(packed, packed_size, data, size);
}
