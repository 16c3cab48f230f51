/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The encoder thread: updates from the shadow picture, each tile encoded once for all clients. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bits.h"
#include "ui/vnc/internal.h"

/* --- classes --------------------------------------------------------------------------------- */

static bool same_format(const struct vnc_format *a, const struct vnc_format *b)
{
    return a->bits == b->bits && a->depth == b->depth && a->big_endian == b->big_endian &&
        a->true_color == b->true_color && memcmp(a->max, b->max, sizeof(a->max)) == 0 &&
        memcmp(a->shift, b->shift, sizeof(a->shift)) == 0;
}

struct vnc_class *vnc_class_get(struct vnc_class **list, int32_t encoding,
                                const struct vnc_format *format, int quality, int compression,
                                bool png)
{
    struct vnc_class *class;

    for (class = *list; class; class = class->next) {
        if (class->encoding == encoding && same_format(&class->format, format) &&
            class->quality == quality && class->compression == compression && class->png == png) {
            class->clients++;
            return class;
        }
    }
    class = g_new0(struct vnc_class, 1);
    *class = (struct vnc_class){ encoding, *format, quality, compression, png, 1 };
    class->scratch = g_byte_array_new();
    class->next = *list;
    *list = class;
    return class;
}

static void free_blobs(struct vnc_class *class)
{
    for (size_t i = 0; i < 2 * class->tiles; i++) {
        struct vnc_blob *blob = i < class->tiles ? &class->partial[i]
                                                 : &class->full[i - class->tiles];

        if (blob->head) {
            g_byte_array_free(blob->head, TRUE);
            g_byte_array_free(blob->body, TRUE);
        }
    }
    g_free(class->partial);
    g_free(class->full);
}

void vnc_class_put(struct vnc_class **list, struct vnc_class *class)
{
    struct vnc_class **link = list;

    if (!class || --class->clients) {
        return;
    }
    while (*link != class) {
        link = &(*link)->next;
    }
    *link = class->next;
    free_blobs(class);
    if (class->deflate) {
        deflateEnd(class->deflate);
        g_free(class->deflate);
    }
    g_byte_array_free(class->scratch, TRUE);
    g_free(class);
}

static void fit_class(struct vnc_class *class, const struct vnc_frame *frame)
{
    size_t tiles = (size_t)frame->columns * frame->rows;

    if (class->tiles != tiles) {
        free_blobs(class);
        class->tiles = tiles;
        class->partial = g_new0(struct vnc_blob, tiles);
        class->full = g_new0(struct vnc_blob, tiles);
    }
}

/* --- tiles ----------------------------------------------------------------------------------- */

static vnc_encode *encoder_of(int32_t encoding)
{
    switch (encoding) {
    case ENC_HEXTILE: return vnc_encode_hextile;
    case ENC_ZLIB: return vnc_encode_zlib;
    case ENC_TIGHT: case ENC_TIGHT_PNG: return vnc_encode_tight;
    case ENC_ZRLE: return vnc_encode_zrle;
    default: return vnc_encode_raw;
    }
}

static bool is_solid(const uint32_t *rgb, size_t count)
{
    return count == 1 || memcmp(rgb, rgb + 1, (count - 1) * sizeof(*rgb)) == 0;
}

static void encode(struct vnc_class *class, const struct vnc_frame *frame, struct vnc_blob *blob)
{
    uint32_t rgb[TILE * TILE + VNC_PIXELS_BEHIND], values[TILE * TILE + VNC_PIXELS_BEHIND];
    struct box box = blob->box;
    size_t count = (size_t)box.width * box.height;
    struct vnc_tile_pixels tile = { values, rgb, box.width, box.height };

    for (unsigned y = 0; y < box.height; y++) {
        memcpy(rgb + y * box.width, frame->pixels + (size_t)(box.y + y) * frame->width + box.x,
               4 * box.width);
    }
    tile.solid = is_solid(rgb, count);
    if (vnc_format_is_native(&class->format)) {
        tile.values = rgb;
    } else {
        vnc_format_convert(&class->format, rgb, values, count);
    }
    if (!blob->head) {
        blob->head = g_byte_array_new();
        blob->body = g_byte_array_new();
    }
    g_byte_array_set_size(blob->head, 0);
    g_byte_array_set_size(blob->body, 0);
    blob->encoding = class->encoding;
    blob->stream = -1;
    blob->compact_length = false;
    encoder_of(class->encoding)(class, &tile, blob);
}

static bool same_box(const struct box *a, const struct box *b)
{
    return a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height;
}

static const struct vnc_blob *get_blob(struct vnc_class *class, const struct vnc_frame *frame,
                                       size_t index, const struct box *box)
{
    struct box whole = vnc_frame_tile_box(frame, index);
    struct vnc_blob *blob = same_box(box, &whole) ? &class->full[index] : &class->partial[index];

    if (blob->version != frame->tiles[index].version || !same_box(&blob->box, box)) {
        blob->version = frame->tiles[index].version;
        blob->box = *box;
        encode(class, frame, blob);
    }
    return blob;
}

/* --- updates --------------------------------------------------------------------------------- */

static void put_blob(struct vnc_client *client, const struct vnc_blob *blob)
{
    static const uint8_t zlib_header[2] = { 0x78, 0x01 };
    GByteArray *out = client->job;
    size_t length = blob->body->len;
    bool first;

    vnc_put_box(out, &blob->box, blob->encoding);
    g_byte_array_append(out, blob->head->data, blob->head->len);
    if (blob->stream < 0) {
        return;
    }
    first = !(client->streams_open >> blob->stream & 1);
    length += first ? sizeof(zlib_header) : 0;
    if (!blob->compact_length) {
        put32(out, (uint32_t)length);
    } else {
        for (; length > 127; length >>= 7) {
            put8(out, (uint8_t)(length | 128));
        }
        put8(out, (uint8_t)length);
    }
    if (first) {
        client->streams_open |= 1u << blob->stream;
        g_byte_array_append(out, zlib_header, sizeof(zlib_header));
    }
    g_byte_array_append(out, blob->body->data, blob->body->len);
}

static unsigned put_tile(struct vnc_client *client, size_t index, bool after_copy)
{
    const struct vnc_frame *frame = &client->server->frame;
    const struct vnc_tile *tile = &frame->tiles[index];
    struct box box = vnc_frame_tile_box(frame, index);

    if (!client->forced[index]) {
        if (tile->version <= client->sent) {
            return 0;
        }
        if (after_copy && tile->copied && tile->version == frame->copy.version) {
            box = tile->residue;
        } else if (tile->before <= client->sent) {
            box = tile->changed;
        }
    }
    /* A client that cannot follow a new size gets what fits into the old one. */
    if (!box.width || box.x >= client->width || box.y >= client->height) {
        return 0;
    }
    box.width = (uint16_t)MIN_OF(box.width, client->width - box.x);
    box.height = (uint16_t)MIN_OF(box.height, client->height - box.y);
    put_blob(client, get_blob(client->class, frame, index, &box));
    return 1;
}

static unsigned put_picture(struct vnc_client *client)
{
    const struct vnc_frame *frame = &client->server->frame;
    const struct vnc_copy *copy = &frame->copy;
    size_t tiles = (size_t)frame->columns * frame->rows;
    bool copied = client->can & CAN_COPYRECT && copy->version && !client->n_forced &&
        copy->version == frame->version && client->sent == copy->before &&
        client->width == frame->width && client->height == frame->height;
    unsigned rects = 0;

    fit_class(client->class, frame);
    if (copied) {
        vnc_put_box(client->job, &copy->to, ENC_COPYRECT);
        put16(client->job, 0);
        put16(client->job, copy->from_y);
        rects++;
    }
    for (size_t i = 0; i < tiles; i++) {
        rects += put_tile(client, i, copied);
    }
    memset(client->forced, 0, tiles);
    client->n_forced = 0;
    client->sent = frame->version;
    return rects;
}

static void compose_picture(struct vnc_client *client)
{
    if (client->job_picture) {
        client->job_rects += put_picture(client);
    }
    if (client->job_rects) {
        client->job->data[client->job_start + 2] = (uint8_t)(client->job_rects >> 8);
        client->job->data[client->job_start + 3] = (uint8_t)client->job_rects;
    } else {
        g_byte_array_set_size(client->job, client->job_start);
    }
}

/* --- the thread ------------------------------------------------------------------------------ */

static void *encoder_thread(void *opaque)
{
    struct vnc_server *server = opaque;

    pthread_mutex_lock(&server->mutex);
    while (!server->quit) {
        if (!server->job_given) {
            pthread_cond_wait(&server->cond, &server->mutex);
            continue;
        }
        server->job_given = false;
        pthread_mutex_unlock(&server->mutex);
        for (guint i = 0; i < server->job->len; i++) {
            compose_picture(g_ptr_array_index(server->job, i));
        }
        main_loop_call(vnc_job_done, server);
        pthread_mutex_lock(&server->mutex);
    }
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}

bool vnc_encoder_start(struct vnc_server *server, struct error **err)
{
    int os_error;

    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->cond, NULL);
    os_error = pthread_create(&server->thread, NULL, encoder_thread, server);
    if (os_error) {
        error_set_errno(err, os_error, "-vnc: cannot start the encoder thread");
    }
    return !os_error;
}

void vnc_encoder_stop(struct vnc_server *server)
{
    pthread_mutex_lock(&server->mutex);
    server->quit = true;
    pthread_cond_signal(&server->cond);
    pthread_mutex_unlock(&server->mutex);
    pthread_join(server->thread, NULL);
}

void vnc_encoder_give(struct vnc_server *server)
{
    server->busy = true;
    pthread_mutex_lock(&server->mutex);
    server->job_given = true;
    pthread_cond_signal(&server->cond);
    pthread_mutex_unlock(&server->mutex);
}
