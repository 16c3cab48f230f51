/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Display adapter of virtio (1.1, 5.7), 2D only: gpu.c has queues, configuration and the device,
 * gpu-2d.c the pictures, gpu-edid.c what a monitor says of itself, gpu-vga.c the one with a VGA.
 *
 * Pictures ("resources") live in host memory. The guest's copy is read when it says so, so that
 * nothing of the guest's memory is used outside of a command.
 */
#ifndef HW_VIRTIO_GPU_H
#define HW_VIRTIO_GPU_H

#include "console.h"
#include "hw/virtio/virtio-pci.h"

#define GPU_SCANOUTS 16
#define GPU_REQUEST_MAX 64           /* bytes of a command but for lists */
#define GPU_REPLY_MAX 1056
#define GPU_HEADER 24
#define GPU_EDID_SIZE 128

enum {
    GPU_OK = 0x1100, GPU_OK_DISPLAY_INFO = 0x1101, GPU_OK_EDID = 0x1104,
    GPU_UNSPECIFIED = 0x1200, GPU_OUT_OF_MEMORY = 0x1201, GPU_BAD_SCANOUT = 0x1202,
    GPU_BAD_RESOURCE = 0x1203, GPU_BAD_PARAMETER = 0x1205
};

struct gpu_piece {
    uint64_t address;
    uint32_t size;
};

struct gpu_resource {
    uint32_t id;
    unsigned width, height;
    pixman_format_code_t shown;      /* its format without alpha */
    pixman_image_t *image;
    struct gpu_piece *backing;       /* the guest's memory for it, or NULL */
    unsigned pieces;
    uint64_t cost;                   /* of host memory */
    struct gpu_resource *next;
};

struct gpu_rectangle {
    uint32_t x, y, width, height;
};

struct gpu_scanout {
    struct virtio_gpu *gpu;
    struct console *con;
    uint32_t resource;               /* shown there; 0: none */
    struct gpu_rectangle part;       /* of it */
};

struct virtio_gpu_state {
    struct virtio_pci_state transport;
    uint32_t events;
    uint32_t width[GPU_SCANOUTS], height[GPU_SCANOUTS];   /* that the monitors prefer; 0: off */
};

FIELDS(virtio_gpu_state) = {
    NESTED(virtio_gpu_state, transport, virtio_pci_state), FIELD(virtio_gpu_state, events),
    ARRAY(virtio_gpu_state, width), ARRAY(virtio_gpu_state, height), FIELDS_END
};

struct virtio_gpu {
    struct virtio_pci t;
    struct virtio_gpu_state *s;
    struct virtq_chain control, cursor;
    struct gpu_scanout scanouts[GPU_SCANOUTS];
    struct gpu_resource *resources;
    uint64_t used;                   /* host memory for pictures */
    /* The scanout shows nothing any more. */
    void (*hidden)(struct gpu_scanout *scanout);
    /* Properties. */
    uint32_t outputs, width, height;
    uint64_t limit;                  /* of `used' */
};

#define GPU_PROPERTIES(T, m)                                                                       \
    VIRTIO_PCI_PROPERTIES(T, m.t), PROP_UINT("max_outputs", T, m.outputs, 1),                      \
    PROP_UINT("xres", T, m.width, 1280), PROP_UINT("yres", T, m.height, 800),                      \
    PROP_SIZE("max_hostmem", T, m.limit, 256ull << 20)

/* --- gpu.c ----------------------------------------------------------------------------------- */

/* The parts of a device's life. `first' is the console of the first scanout, or NULL. */
bool gpu_init(struct virtio_gpu *gpu, struct virtio_gpu_state *s, uint32_t class_code,
              struct console *first, struct error **err);
void gpu_exit(struct virtio_gpu *gpu);
void gpu_reset(struct virtio_gpu *gpu);
bool gpu_can_save(struct device *dev, struct error **err);
bool gpu_loaded(struct virtio_gpu *gpu, struct error **err);

/* --- gpu-2d.c; each handles a command and gives the type of the answer ------------------------ */

uint32_t gpu_create(struct virtio_gpu *gpu, const uint8_t *request);
uint32_t gpu_unref(struct virtio_gpu *gpu, const uint8_t *request);
uint32_t gpu_set_scanout(struct virtio_gpu *gpu, const uint8_t *request);
uint32_t gpu_flush(struct virtio_gpu *gpu, const uint8_t *request);
uint32_t gpu_transfer(struct virtio_gpu *gpu, const uint8_t *request);
uint32_t gpu_attach(struct virtio_gpu *gpu, const uint8_t *request);
uint32_t gpu_detach(struct virtio_gpu *gpu, const uint8_t *request);
void gpu_update_cursor(struct virtio_gpu *gpu, const uint8_t *request, bool picture);
/* Forgets all pictures. */
void gpu_clear(struct virtio_gpu *gpu);
/* The whole of what is shown changed. */
void gpu_redraw(struct gpu_scanout *scanout);

/* --- gpu-edid.c ------------------------------------------------------------------------------ */

/* For a monitor that prefers this size, at most 4095 either way. */
void gpu_make_edid(uint8_t edid[GPU_EDID_SIZE], unsigned width, unsigned height);

#endif
