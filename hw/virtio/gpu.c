/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Display adapter of virtio: queues, configuration, monitors, and the device "virtio-gpu-pci". */
#include "hw/virtio/gpu.h"

#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"

struct virtio_gpu_pci {
    struct virtio_gpu gpu;
    struct virtio_gpu_state s;
};

enum { F_EDID = 1, CONFIG_SIZE = 16, EVENT_DISPLAY = 1, FLAG_FENCE = 1, QUEUE_SIZE = 256,
       CURSOR_QUEUE_SIZE = 16, SIZE_LEAST = 64, SIZE_MOST = 4095 };
enum {
    GET_DISPLAY_INFO = 0x100, CREATE_2D, UNREF, SET_SCANOUT, FLUSH, TRANSFER, ATTACH, DETACH,
    GET_EDID = 0x10a, UPDATE_CURSOR = 0x300, MOVE_CURSOR
};
/* Of the header, of the answer about displays, and of that with a monitor's description. */
enum { HEADER_FLAGS = 4, DISPLAY_SIZE = 24, EDID_LENGTH = 24, EDID_DATA = 32, EDID_ROOM = 1024,
       GET_EDID_SCANOUT = 24 };

static struct virtio_gpu *of(struct virtio *v)
{
    return container_of(v, struct virtio_gpu, t.v);
}

/* --- commands -------------------------------------------------------------------------------- */

struct reply {
    uint8_t data[GPU_REPLY_MAX];
    unsigned size;
};

static uint32_t display_info(struct virtio_gpu *gpu, struct reply *reply)
{
    for (unsigned i = 0; i < gpu->outputs; i++) {
        uint8_t *display = reply->data + GPU_HEADER + DISPLAY_SIZE * i;

        st32_le(display + 8, gpu->s->width[i]);
        st32_le(display + 12, gpu->s->height[i]);
        st32_le(display + 16, gpu->s->width[i] != 0);
    }
    reply->size = GPU_HEADER + DISPLAY_SIZE * GPU_SCANOUTS;
    return GPU_OK_DISPLAY_INFO;
}

static uint32_t get_edid(struct virtio_gpu *gpu, const uint8_t *request, struct reply *reply)
{
    uint32_t n = ld32_le(request + GET_EDID_SCANOUT);

    if (n >= gpu->outputs) {
        return GPU_BAD_SCANOUT;
    }
    st32_le(reply->data + EDID_LENGTH, GPU_EDID_SIZE);
    gpu_make_edid(reply->data + EDID_DATA, gpu->s->width[n] ? gpu->s->width[n] : gpu->width,
                  gpu->s->height[n] ? gpu->s->height[n] : gpu->height);
    reply->size = EDID_DATA + EDID_ROOM;
    return GPU_OK_EDID;
}

static uint32_t run(struct virtio_gpu *gpu, const uint8_t *request, size_t size,
                    struct reply *reply)
{
    static const struct {
        uint32_t type, size;
        uint32_t (*run)(struct virtio_gpu *gpu, const uint8_t *request);
    } commands[] = {
        { CREATE_2D, 40, gpu_create }, { UNREF, 32, gpu_unref },
        { SET_SCANOUT, 48, gpu_set_scanout }, { FLUSH, 48, gpu_flush },
        { TRANSFER, 56, gpu_transfer }, { ATTACH, 32, gpu_attach }, { DETACH, 32, gpu_detach },
    };
    uint32_t type = ld32_le(request);

    trace(virtio_gpu_command, "0x%x", type);
    if (type == GET_DISPLAY_INFO) {
        return display_info(gpu, reply);
    }
    if (type == GET_EDID && size >= 32 && virtio_has(&gpu->t.v, F_EDID)) {
        return get_edid(gpu, request, reply);
    }
    for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
        if (commands[i].type == type) {
            return size >= commands[i].size ? commands[i].run(gpu, request) : GPU_BAD_PARAMETER;
        }
    }
    return GPU_UNSPECIFIED;
}

static enum virtq_result serve_control(struct virtq *q)
{
    struct virtio_gpu *gpu = of(q->v);
    struct virtq_chain *c = &gpu->control;
    uint8_t request[GPU_REQUEST_MAX] = { 0 };
    struct reply reply = { .size = GPU_HEADER };
    uint32_t result;
    size_t size;

    if (!virtq_pop(q, c)) {
        return VIRTQ_EMPTY;
    }
    size = iov_get(c->iov, c->out_count, 0, request, sizeof(request));
    if (size < GPU_HEADER || c->in_size < GPU_HEADER) {
        virtio_break(q->v, "a command without header or room for an answer");
        return VIRTQ_EMPTY;
    }
    result = run(gpu, request, size, &reply);
    if (result >= GPU_UNSPECIFIED) {
        log_guest_error("virtio-gpu: command 0x%x fails with 0x%x", ld32_le(request), result);
    }
    st32_le(reply.data, result);
    if (ld32_le(request + HEADER_FLAGS) & FLAG_FENCE) {
        /* Every command is over when it is answered: flag, fence and context come back. */
        st32_le(reply.data + HEADER_FLAGS, FLAG_FENCE);
        memcpy(reply.data + 8, request + 8, GPU_HEADER - 8);
    }
    virtq_push(q, c, iov_put(c->in, c->in_count, 0, reply.data, reply.size));
    return VIRTQ_DONE;
}

static enum virtq_result serve_cursor(struct virtq *q)
{
    struct virtio_gpu *gpu = of(q->v);
    struct virtq_chain *c = &gpu->cursor;
    uint8_t request[GPU_REQUEST_MAX] = { 0 };
    uint32_t type;

    if (!virtq_pop(q, c)) {
        return VIRTQ_EMPTY;
    }
    iov_get(c->iov, c->out_count, 0, request, sizeof(request));
    type = ld32_le(request);
    if (type == UPDATE_CURSOR || type == MOVE_CURSOR) {
        gpu_update_cursor(gpu, request, type == UPDATE_CURSOR);
    }
    virtq_push(q, c, 0);
    return VIRTQ_DONE;
}

/* --- configuration and monitors -------------------------------------------------------------- */

static void get_config(struct virtio *v, uint8_t *config)
{
    const struct virtio_gpu *gpu = of(v);

    st32_le(config, gpu->s->events);
    st32_le(config + 8, gpu->outputs);
}

/* Events are cleared by writing them behind. */
static void set_config(struct virtio *v, unsigned offset, const uint8_t *data, unsigned size)
{
    if (offset == 4) {
        of(v)->s->events &= ~(uint32_t)ld_le(data, size);
    }
}

static void driver_reset(struct virtio *v)
{
    gpu_clear(of(v));
}

static void nothing_to_draw(void *opaque)
{
}

static void invalidate(void *opaque)
{
    struct gpu_scanout *scanout = opaque;

    if (scanout->resource) {
        gpu_redraw(scanout);
    }
}

static bool ask_size(void *opaque, unsigned width, unsigned height)
{
    struct gpu_scanout *scanout = opaque;
    struct virtio_gpu *gpu = scanout->gpu;
    unsigned n = (unsigned)(scanout - gpu->scanouts);

    if (width < SIZE_LEAST || height < SIZE_LEAST || width > SIZE_MOST || height > SIZE_MOST) {
        return false;
    }
    gpu->s->width[n] = width;
    gpu->s->height[n] = height;
    gpu->s->events |= EVENT_DISPLAY;
    virtio_config_changed(&gpu->t.v);
    return true;
}

static void blank(struct gpu_scanout *scanout)
{
    console_resize(scanout->con, scanout->gpu->width, scanout->gpu->height);
}

static void add_scanouts(struct virtio_gpu *gpu, struct console *first)
{
    static const struct console_adapter_ops ops = {
        .update = nothing_to_draw, .invalidate = invalidate, .ask_size = ask_size,
    };

    for (unsigned i = 0; i < gpu->outputs; i++) {
        struct gpu_scanout *scanout = &gpu->scanouts[i];
        bool own = i || !first;

        scanout->gpu = gpu;
        scanout->con = own ? console_create("virtio-gpu", &ops, scanout) : first;
        if (own) {
            blank(scanout);
        }
    }
}

/* --- life ------------------------------------------------------------------------------------ */

bool gpu_init(struct virtio_gpu *gpu, struct virtio_gpu_state *s, uint32_t class_code,
              struct console *first, struct error **err)
{
    static const struct virtio_kind kind = {
        .name = "virtio-gpu", .id = 16, .get_config = get_config, .set_config = set_config,
        .reset = driver_reset,
    };
    const struct virtio_pci_id id = { 0, class_code };
    struct virtio *v = &gpu->t.v;

    if (!gpu->outputs || gpu->outputs > GPU_SCANOUTS || gpu->width < SIZE_LEAST ||
        gpu->width > SIZE_MOST || gpu->height < SIZE_LEAST || gpu->height > SIZE_MOST) {
        error_set(err, "virtio-gpu: max_outputs must be 1 to %d, xres and yres %d to %d",
                  GPU_SCANOUTS, SIZE_LEAST, SIZE_MOST);
        return false;
    }
    gpu->s = s;
    gpu->hidden = gpu->hidden ? gpu->hidden : blank;
    v->kind = &kind;
    v->s = &s->transport.core;
    v->config_size = CONFIG_SIZE;
    v->features = VIRTIO_BIT(F_EDID);
    virtio_add_queue(v, QUEUE_SIZE, serve_control);
    virtio_add_queue(v, CURSOR_QUEUE_SIZE, serve_cursor);
    if (!virtio_pci_init(&gpu->t, &id, &s->transport, err)) {
        return false;
    }
    add_scanouts(gpu, first);
    return true;
}

void gpu_exit(struct virtio_gpu *gpu)
{
    gpu_clear(gpu);
    virtio_pci_exit(&gpu->t);
}

void gpu_reset(struct virtio_gpu *gpu)
{
    virtio_pci_reset(&gpu->t.pci.dev);
    gpu->s->events = 0;
    for (unsigned i = 0; i < GPU_SCANOUTS; i++) {
        gpu->s->width[i] = i ? 0 : gpu->width;
        gpu->s->height[i] = i ? 0 : gpu->height;
    }
}

bool gpu_can_save(struct device *dev, struct error **err)
{
    struct virtio_gpu *gpu = (struct virtio_gpu *)dev;

    if (gpu->resources) {
        error_set(err, "%s holds pictures of the guest's driver, which are not saved",
                  dev->class->name);
    }
    return !gpu->resources;
}

bool gpu_loaded(struct virtio_gpu *gpu, struct error **err)
{
    for (unsigned i = 0; i < GPU_SCANOUTS; i++) {
        if (gpu->s->width[i] > SIZE_MOST || gpu->s->height[i] > SIZE_MOST) {
            error_set(err, "virtio-gpu: an impossible monitor");
            return false;
        }
    }
    gpu_clear(gpu);
    return virtio_pci_loaded(&gpu->t.pci.dev, err);
}

static bool device_init(struct device *dev, struct error **err)
{
    struct virtio_gpu_pci *d = (struct virtio_gpu_pci *)dev;

    return gpu_init(&d->gpu, &d->s, 0x038000, NULL, err);
}

static void device_exit(struct device *dev)
{
    struct virtio_gpu *gpu = (struct virtio_gpu *)dev;

    gpu_exit(gpu);
    for (unsigned i = 0; i < gpu->outputs; i++) {
        console_destroy(gpu->scanouts[i].con);
    }
}

static void device_reset_state(struct device *dev)
{
    gpu_reset((struct virtio_gpu *)dev);
}

static bool device_loaded(struct device *dev, struct error **err)
{
    return gpu_loaded((struct virtio_gpu *)dev, err);
}

static const struct property properties[] = { GPU_PROPERTIES(virtio_gpu_pci, gpu),
                                              PROPERTIES_END };

DEVICE(virtio_gpu) = {
    .name = "virtio-gpu-pci", .alias = "virtio-gpu", .desc = "Virtio display adapter (2D)",
    .bus = "pci", .size = sizeof(struct virtio_gpu_pci), .properties = properties,
    .init = device_init, .exit = device_exit, .reset = device_reset_state,
    .reset_lines = virtio_pci_reset_lines, .can_save = gpu_can_save, .loaded = device_loaded,
    .state = STATE(virtio_gpu_pci, s, virtio_gpu_state, 1),
};
