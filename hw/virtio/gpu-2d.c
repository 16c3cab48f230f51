/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures of the virtio display adapter: making, filling, showing them; the cursor. */
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "hw/virtio/gpu.h"

#define SIZE_MAX_PIXELS 16384u
#define PIECES_MAX 16384u
#define CURSOR_MAX 256u
/* What keeps a guest from making pictures of one pixel without end. */
#define RESOURCE_COST 4096u

/* Places in commands, behind the header. */
enum { AT_ID = 24, AT_RECTANGLE = 24, AT_BEHIND = 40 };
enum { CREATE_FORMAT = 28, CREATE_WIDTH = 32, CREATE_HEIGHT = 36, SCANOUT_ID = 40,
       SCANOUT_RESOURCE = 44, TRANSFER_OFFSET = 40, TRANSFER_RESOURCE = 48, ATTACH_COUNT = 28,
       ATTACH_LIST = 32, ATTACH_ENTRY = 16 };
enum { CURSOR_SCANOUT = 24, CURSOR_X = 28, CURSOR_Y = 32, CURSOR_RESOURCE = 40, CURSOR_HOT_X = 44,
       CURSOR_HOT_Y = 48 };

/* Formats (5.7.6.8) name bytes in memory, pixman's the bits of a word. */
static const struct { uint32_t number; pixman_format_code_t format, shown; } formats[] = {
    { 1, PIXMAN_a8r8g8b8, PIXMAN_x8r8g8b8 }, { 2, PIXMAN_x8r8g8b8, PIXMAN_x8r8g8b8 },
    { 3, PIXMAN_b8g8r8a8, PIXMAN_b8g8r8x8 }, { 4, PIXMAN_b8g8r8x8, PIXMAN_b8g8r8x8 },
    { 67, PIXMAN_a8b8g8r8, PIXMAN_x8b8g8r8 }, { 68, PIXMAN_r8g8b8x8, PIXMAN_r8g8b8x8 },
    { 121, PIXMAN_r8g8b8a8, PIXMAN_r8g8b8x8 }, { 134, PIXMAN_x8b8g8r8, PIXMAN_x8b8g8r8 },
};

static struct gpu_resource *find(struct virtio_gpu *gpu, uint32_t id)
{
    struct gpu_resource *r = gpu->resources;

    while (r && r->id != id) {
        r = r->next;
    }
    return r;
}

static bool load_rectangle(const uint8_t *from, const struct gpu_resource *r,
                           struct gpu_rectangle *to)
{
    *to = (struct gpu_rectangle){ ld32_le(from), ld32_le(from + 4), ld32_le(from + 8),
                                  ld32_le(from + 12) };
    return to->width && to->height && to->x < r->width && to->y < r->height &&
           to->width <= r->width - to->x && to->height <= r->height - to->y;
}

/* --- making ---------------------------------------------------------------------------------- */

uint32_t gpu_create(struct virtio_gpu *gpu, const uint8_t *request)
{
    uint32_t id = ld32_le(request + AT_ID), number = ld32_le(request + CREATE_FORMAT);
    uint32_t width = ld32_le(request + CREATE_WIDTH), height = ld32_le(request + CREATE_HEIGHT);
    uint64_t cost = (uint64_t)width * height * 4 + RESOURCE_COST;
    struct gpu_resource *r;
    unsigned f = 0;

    while (f < ARRAY_LEN(formats) && formats[f].number != number) {
        f++;
    }
    if (!id || find(gpu, id)) {
        return GPU_BAD_RESOURCE;
    }
    if (f == ARRAY_LEN(formats) || !width || !height || width > SIZE_MAX_PIXELS ||
        height > SIZE_MAX_PIXELS) {
        return GPU_BAD_PARAMETER;
    }
    if (cost > gpu->limit - gpu->used) {
        return GPU_OUT_OF_MEMORY;
    }
    r = g_new0(struct gpu_resource, 1);
    *r = (struct gpu_resource){
        .id = id, .width = width, .height = height, .shown = formats[f].shown, .cost = cost,
        .image = pixman_image_create_bits(formats[f].format, (int)width, (int)height, NULL, 0),
        .next = gpu->resources,
    };
    if (!r->image) {
        g_free(r);
        return GPU_OUT_OF_MEMORY;
    }
    gpu->resources = r;
    gpu->used += cost;
    return GPU_OK;
}

static void hide(struct gpu_scanout *scanout)
{
    if (scanout->resource) {
        scanout->resource = 0;
        scanout->gpu->hidden(scanout);
    }
}

static void drop_backing(struct virtio_gpu *gpu, struct gpu_resource *r)
{
    gpu->used -= r->pieces * sizeof(*r->backing);
    g_free(r->backing);
    r->backing = NULL;
    r->pieces = 0;
}

static void destroy(struct virtio_gpu *gpu, struct gpu_resource *r)
{
    struct gpu_resource **at = &gpu->resources;

    for (unsigned i = 0; i < gpu->outputs; i++) {
        if (gpu->scanouts[i].resource == r->id) {
            hide(&gpu->scanouts[i]);
        }
    }
    while (*at != r) {
        at = &(*at)->next;
    }
    *at = r->next;
    drop_backing(gpu, r);
    gpu->used -= r->cost;
    pixman_image_unref(r->image);
    g_free(r);
}

uint32_t gpu_unref(struct virtio_gpu *gpu, const uint8_t *request)
{
    struct gpu_resource *r = find(gpu, ld32_le(request + AT_ID));

    if (!r) {
        return GPU_BAD_RESOURCE;
    }
    destroy(gpu, r);
    return GPU_OK;
}

void gpu_clear(struct virtio_gpu *gpu)
{
    while (gpu->resources) {
        destroy(gpu, gpu->resources);
    }
    for (unsigned i = 0; i < gpu->outputs; i++) {
        console_set_cursor(gpu->scanouts[i].con, NULL);
    }
}

/* --- the guest's copy ------------------------------------------------------------------------ */

uint32_t gpu_attach(struct virtio_gpu *gpu, const uint8_t *request)
{
    const struct virtq_chain *c = &gpu->control;
    struct gpu_resource *r = find(gpu, ld32_le(request + AT_ID));
    uint32_t count = ld32_le(request + ATTACH_COUNT);
    uint64_t cost = count * sizeof(struct gpu_piece);

    if (!r) {
        return GPU_BAD_RESOURCE;
    }
    if (r->backing || !count || count > PIECES_MAX ||
        c->out_size < ATTACH_LIST + (uint64_t)count * ATTACH_ENTRY) {
        return GPU_UNSPECIFIED;
    }
    if (cost > gpu->limit - gpu->used) {
        return GPU_OUT_OF_MEMORY;
    }
    gpu->used += cost;
    r->backing = g_new(struct gpu_piece, count);
    r->pieces = count;
    for (unsigned i = 0; i < count; i++) {
        uint8_t entry[ATTACH_ENTRY];

        iov_get(c->iov, c->out_count, ATTACH_LIST + (uint64_t)i * ATTACH_ENTRY, entry,
                sizeof(entry));
        r->backing[i] = (struct gpu_piece){ ld64_le(entry), ld32_le(entry + 8) };
    }
    return GPU_OK;
}

uint32_t gpu_detach(struct virtio_gpu *gpu, const uint8_t *request)
{
    struct gpu_resource *r = find(gpu, ld32_le(request + AT_ID));

    if (!r || !r->backing) {
        return r ? GPU_UNSPECIFIED : GPU_BAD_RESOURCE;
    }
    drop_backing(gpu, r);
    return GPU_OK;
}

/* A place in the backing; it only moves forward. */
struct reader {
    struct virtio_gpu *gpu;
    const struct gpu_resource *r;
    unsigned piece;
    uint64_t start;                  /* of the piece */
};

/* Only RAM is read: registers may do anything. */
static bool read_ram(struct virtio_gpu *gpu, uint64_t address, uint8_t *data, uint64_t size)
{
    while (size) {
        struct ram_span span;
        uint64_t part;

        if (!memory_lookup_ram(gpu->t.v.dma, address, &span)) {
            return false;
        }
        part = MIN_OF(size - 1, span.last - address) + 1;
        memcpy(data, span.host, part);
        address += part;
        data += part;
        size -= part;
    }
    return true;
}

static bool read_backing(struct reader *at, uint64_t offset, uint8_t *data, uint64_t size)
{
    while (size) {
        const struct gpu_piece *p = &at->r->backing[at->piece];
        uint64_t part;

        if (at->piece == at->r->pieces) {
            return false;
        }
        if (offset - at->start >= p->size) {
            at->start += p->size;
            at->piece++;
            continue;
        }
        part = MIN_OF(size, p->size - (offset - at->start));
        if (!read_ram(at->gpu, p->address + (offset - at->start), data, part)) {
            return false;
        }
        offset += part;
        data += part;
        size -= part;
    }
    return true;
}

uint32_t gpu_transfer(struct virtio_gpu *gpu, const uint8_t *request)
{
    struct gpu_resource *r = find(gpu, ld32_le(request + TRANSFER_RESOURCE));
    uint64_t offset = ld64_le(request + TRANSFER_OFFSET), row, rows;
    struct reader reader = { gpu, r, 0, 0 };
    struct gpu_rectangle part;
    uint8_t *bits;
    unsigned stride;

    if (!r || !r->backing) {
        return GPU_BAD_RESOURCE;
    }
    if (!load_rectangle(request + AT_RECTANGLE, r, &part) || offset > UINT32_MAX) {
        return GPU_BAD_PARAMETER;
    }
    stride = (unsigned)pixman_image_get_stride(r->image);
    bits = (uint8_t *)pixman_image_get_data(r->image) + (size_t)part.y * stride + 4 * part.x;
    row = 4 * part.width;
    rows = part.height;
    if (row == stride) {             /* whole rows are one piece */
        row *= rows;
        rows = 1;
    }
    for (unsigned y = 0; y < rows; y++) {
        if (!read_backing(&reader, offset + (uint64_t)y * stride, bits + (size_t)y * stride, row)) {
            log_guest_error("virtio-gpu: the memory of picture %u ends early", r->id);
            return GPU_UNSPECIFIED;
        }
    }
    return GPU_OK;
}

/* --- showing --------------------------------------------------------------------------------- */

static void unref_parent(pixman_image_t *image, void *parent)
{
    pixman_image_unref(parent);
}

/* The console shows the picture's own memory, which lives as long as either. */
static void show(struct gpu_scanout *scanout, struct gpu_resource *r)
{
    const struct gpu_rectangle *part = &scanout->part;
    int stride = pixman_image_get_stride(r->image);
    uint8_t *bits = (uint8_t *)pixman_image_get_data(r->image);
    pixman_image_t *image =
        pixman_image_create_bits(r->shown, (int)part->width, (int)part->height,
                                 (void *)(bits + (size_t)part->y * (unsigned)stride + 4 * part->x),
                                 stride);

    pixman_image_ref(r->image);
    pixman_image_set_destroy_function(image, unref_parent, r->image);
    console_set_surface(scanout->con, image);
    pixman_image_unref(image);
    gpu_redraw(scanout);
}

void gpu_redraw(struct gpu_scanout *scanout)
{
    console_update(scanout->con, 0, 0, (int)scanout->part.width, (int)scanout->part.height);
}

uint32_t gpu_set_scanout(struct virtio_gpu *gpu, const uint8_t *request)
{
    uint32_t n = ld32_le(request + SCANOUT_ID), id = ld32_le(request + SCANOUT_RESOURCE);
    struct gpu_resource *r = find(gpu, id);
    struct gpu_rectangle part;

    if (n >= gpu->outputs) {
        return GPU_BAD_SCANOUT;
    }
    if (!id) {
        hide(&gpu->scanouts[n]);
        return GPU_OK;
    }
    if (!r) {
        return GPU_BAD_RESOURCE;
    }
    if (!load_rectangle(request + AT_RECTANGLE, r, &part)) {
        return GPU_BAD_PARAMETER;
    }
    gpu->scanouts[n].resource = id;
    gpu->scanouts[n].part = part;
    show(&gpu->scanouts[n], r);
    return GPU_OK;
}

uint32_t gpu_flush(struct virtio_gpu *gpu, const uint8_t *request)
{
    struct gpu_resource *r = find(gpu, ld32_le(request + AT_BEHIND));
    struct gpu_rectangle part;

    if (!r) {
        return GPU_BAD_RESOURCE;
    }
    if (!load_rectangle(request + AT_RECTANGLE, r, &part)) {
        return GPU_BAD_PARAMETER;
    }
    for (unsigned i = 0; i < gpu->outputs; i++) {
        const struct gpu_scanout *s = &gpu->scanouts[i];

        if (s->resource == r->id) {  /* the console cuts it to what is shown */
            console_update(s->con, (int)part.x - (int)s->part.x, (int)part.y - (int)s->part.y,
                           (int)part.width, (int)part.height);
        }
    }
    return GPU_OK;
}

/* --- the cursor ------------------------------------------------------------------------------ */

static void set_cursor(struct console *con, struct gpu_resource *r, const uint8_t *request)
{
    struct console_cursor cursor = {
        .width = r->width, .height = r->height,
        .hot_x = (int)MIN_OF(ld32_le(request + CURSOR_HOT_X), r->width - 1),
        .hot_y = (int)MIN_OF(ld32_le(request + CURSOR_HOT_Y), r->height - 1),
    };
    pixman_image_t *image = pixman_image_create_bits(PIXMAN_a8r8g8b8, (int)r->width,
                                                     (int)r->height, NULL, 0);

    if (image) {
        pixman_image_composite(PIXMAN_OP_SRC, r->image, NULL, image, 0, 0, 0, 0, 0, 0,
                               (uint16_t)r->width, (uint16_t)r->height);
        cursor.pixels = pixman_image_get_data(image);
        console_set_cursor(con, &cursor);
        pixman_image_unref(image);
    }
}

void gpu_update_cursor(struct virtio_gpu *gpu, const uint8_t *request, bool picture)
{
    uint32_t n = ld32_le(request + CURSOR_SCANOUT), id = ld32_le(request + CURSOR_RESOURCE);
    struct gpu_resource *r = find(gpu, id);
    struct console *con;

    if (n >= gpu->outputs || (picture && id && !r) ||
        (r && (r->width > CURSOR_MAX || r->height > CURSOR_MAX))) {
        log_guest_error("virtio-gpu: an impossible cursor");
        return;
    }
    con = gpu->scanouts[n].con;
    if (picture && r) {
        set_cursor(con, r, request);
    } else if (picture) {
        console_set_cursor(con, NULL);
    }
    console_move_cursor(con, (int)ld32_le(request + CURSOR_X), (int)ld32_le(request + CURSOR_Y));
}
