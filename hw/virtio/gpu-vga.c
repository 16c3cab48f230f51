/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "virtio-vga": the display adapter of virtio with a VGA, for the BIOS and for drivers of old. The
 * first monitor shows the VGA until a driver puts a picture there. */
#include "base/bits.h"
#include "hw/display/vga-core.h"
#include "hw/virtio/gpu.h"

struct virtio_vga_state {
    struct virtio_gpu_state gpu;
    struct vga_state vga;
};

struct virtio_vga {
    struct virtio_gpu gpu;
    struct vga vga;
    struct virtio_vga_state s;
    uint32_t memory_mb;
};

FIELDS(virtio_vga_state) = {
    NESTED(virtio_vga_state, gpu, virtio_gpu_state), NESTED(virtio_vga_state, vga, vga_state),
    FIELDS_END
};

/* Nothing of the VGA is drawn while a picture is shown. */
static bool update(struct vga *vga)
{
    struct virtio_vga *d = container_of(vga, struct virtio_vga, vga);
    struct gpu_scanout *scanout = &d->gpu.scanouts[0];

    if (scanout->resource && vga->redraw) {
        vga->redraw = false;
        gpu_redraw(scanout);
    }
    return scanout->resource != 0;
}

static void hidden(struct gpu_scanout *scanout)
{
    struct virtio_vga *d = (struct virtio_vga *)scanout->gpu;

    if (scanout == &d->gpu.scanouts[0]) {
        d->vga.width = d->vga.height = 0;        /* the surface was not its own */
        d->vga.redraw = true;
        console_resize(scanout->con, 640, 480);
    } else {
        console_resize(scanout->con, d->gpu.width, d->gpu.height);
    }
}

static bool device_init(struct device *dev, struct error **err)
{
    static const struct vga_extension extension = { .update = update };
    struct virtio_vga *d = (struct virtio_vga *)dev;
    struct pci_device *pci = &d->gpu.t.pci;
    struct pci_bus *bus = pci_bus_of(pci);

    d->vga.extension = &extension;
    if (!vga_init(&d->vga, &d->s.vga, dev, d->memory_mb, bus->memory, bus->io, err)) {
        return false;
    }
    d->gpu.hidden = hidden;
    if (!gpu_init(&d->gpu, &d->s.gpu, 0x030000, d->vga.con, err)) {
        vga_exit(&d->vga);
        return false;
    }
    pci_add_bar(pci, 0, PCI_BAR_PREFETCH, &d->vga.vram);
    if (!pci_add_rom(pci, "vgabios-virtio.bin", err)) {
        gpu_exit(&d->gpu);
        vga_exit(&d->vga);
        return false;
    }
    return true;
}

static void device_exit(struct device *dev)
{
    struct virtio_vga *d = (struct virtio_vga *)dev;

    gpu_exit(&d->gpu);
    for (unsigned i = 1; i < d->gpu.outputs; i++) {
        console_destroy(d->gpu.scanouts[i].con);
    }
    vga_exit(&d->vga);
}

static void device_reset_state(struct device *dev)
{
    struct virtio_vga *d = (struct virtio_vga *)dev;

    gpu_reset(&d->gpu);
    vga_reset(&d->vga);
}

static bool device_loaded(struct device *dev, struct error **err)
{
    struct virtio_vga *d = (struct virtio_vga *)dev;

    return gpu_loaded(&d->gpu, err) && vga_loaded(&d->vga, err);
}

static const struct property properties[] = {
    GPU_PROPERTIES(virtio_vga, gpu), PROP_UINT("vgamem_mb", virtio_vga, memory_mb, 8),
    PROPERTIES_END
};

DEVICE(virtio_vga) = {
    .name = "virtio-vga", .desc = "Virtio display adapter (2D) with a VGA", .bus = "pci",
    .size = sizeof(struct virtio_vga), .properties = properties, .init = device_init,
    .exit = device_exit, .reset = device_reset_state, .reset_lines = virtio_pci_reset_lines,
    .can_save = gpu_can_save, .loaded = device_loaded,
    .state = STATE(virtio_vga, s, virtio_vga_state, 1),
};
