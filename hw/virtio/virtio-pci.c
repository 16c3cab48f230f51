/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtio over PCI: capabilities, registers of both generations, interrupts. */
#include "hw/virtio/virtio-pci.h"

#include "base/bits.h"
#include "base/log.h"

enum { VENDOR = 0x1af4, MODERN_FIRST = 0x1040, BAR_PORTS = 0, BAR_MSIX = 1, BAR_REGISTERS = 4 };
/* Areas of BAR 4. */
enum { AREA_COMMON = 0, AREA_ISR = 1, AREA_DEVICE = 2, AREA_NOTIFY = 3, AREA_SIZE = 0x1000,
       NOTIFY_STEP = 4 };
/* Types of the vendor's capabilities (4.1.4). */
enum { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4, CAP_WINDOW = 5 };

static struct virtio_pci *of(struct virtio *v)
{
    return container_of(v, struct virtio_pci, v);
}

/* --- interrupts ------------------------------------------------------------------------------ */

static void update_intx(struct virtio_pci *t)
{
    pci_set_intx(&t->pci, t->v.s->isr != 0 && !pci_msix_enabled(&t->msix));
}

static void interrupt(struct virtio *v, uint16_t vector)
{
    struct virtio_pci *t = of(v);

    if (pci_msix_enabled(&t->msix)) {
        pci_msix_notify(&t->msix, vector);
    } else {
        update_intx(t);
    }
}

static void isr_cleared(struct virtio *v)
{
    update_intx(of(v));
}

static bool can_dma(struct virtio *v)
{
    return of(v)->pci.pci.config[PCI_COMMAND] & PCI_COMMAND_MASTER;
}

static const struct virtio_transport transport = {
    .interrupt = interrupt, .isr_cleared = isr_cleared, .can_dma = can_dma,
};

static uint16_t checked_vector(const struct virtio_pci *t, uint64_t value)
{
    return value < t->msix.vectors ? (uint16_t)value : VIRTIO_NO_VECTOR;
}

/* --- registers of 1.0 (4.1.4.3) -------------------------------------------------------------- */

enum {
    DEVICE_FEATURE_SELECT = 0x00, DEVICE_FEATURE = 0x04, DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c, CONFIG_VECTOR = 0x10, NUM_QUEUES = 0x12, DEVICE_STATUS = 0x14,
    GENERATION = 0x15, QUEUE_SELECT = 0x16, QUEUE_SIZE = 0x18, QUEUE_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c, QUEUE_NOTIFY_OFFSET = 0x1e, QUEUE_DESC = 0x20, QUEUE_AVAIL = 0x28,
    QUEUE_USED = 0x30, COMMON_SIZE = 0x38
};

static uint32_t feature_word(uint64_t features, uint32_t select)
{
    return select < 2 ? (uint32_t)(features >> 32 * select) : 0;
}

static uint64_t common_read(struct virtio_pci *t, unsigned offset, unsigned size)
{
    const struct virtio_state *s = t->v.s;
    struct virtq *q = virtio_selected(&t->v);
    uint8_t r[COMMON_SIZE + 8] = { 0 };

    if (offset >= COMMON_SIZE) {
        return 0;
    }
    st32_le(r + DEVICE_FEATURE_SELECT, s->device_feature_select);
    st32_le(r + DEVICE_FEATURE, feature_word(t->v.features & ~VIRTIO_BIT(VIRTIO_F_ANY_LAYOUT),
                                             s->device_feature_select));
    st32_le(r + DRIVER_FEATURE_SELECT, s->driver_feature_select);
    st32_le(r + DRIVER_FEATURE, feature_word(s->driver_features, s->driver_feature_select));
    st16_le(r + CONFIG_VECTOR, s->config_vector);
    st16_le(r + NUM_QUEUES, (uint16_t)t->v.n_queues);
    r[DEVICE_STATUS] = s->status;
    r[GENERATION] = s->generation;
    st16_le(r + QUEUE_SELECT, s->queue_select);
    if (q) {
        st16_le(r + QUEUE_SIZE, q->s->size);
        st16_le(r + QUEUE_VECTOR, q->s->vector);
        st16_le(r + QUEUE_ENABLE, q->s->enabled);
        st16_le(r + QUEUE_NOTIFY_OFFSET, s->queue_select);
        st64_le(r + QUEUE_DESC, q->s->desc);
        st64_le(r + QUEUE_AVAIL, q->s->avail);
        st64_le(r + QUEUE_USED, q->s->used);
    }
    return ld_le(r + offset, size);
}

static void write_half(struct virtq *q, uint64_t *address, unsigned offset, uint64_t value)
{
    if (!q->s->enabled) {
        *address = bits_deposit(*address, 8 * (offset & 4), 32, value);
        q->desc = NULL;
    }
}

static void queue_write(struct virtio_pci *t, unsigned offset, uint64_t value)
{
    struct virtq *q = virtio_selected(&t->v);

    if (!q) {
        return;
    }
    switch (offset) {
    case QUEUE_SIZE: virtq_set_size(q, (unsigned)value & 0xffff); break;
    case QUEUE_VECTOR: q->s->vector = checked_vector(t, value); break;
    case QUEUE_ENABLE:
        if (value == 1) {
            virtq_enable(q);
        }
        break;
    case QUEUE_DESC: case QUEUE_DESC + 4: write_half(q, &q->s->desc, offset, value); break;
    case QUEUE_AVAIL: case QUEUE_AVAIL + 4: write_half(q, &q->s->avail, offset, value); break;
    case QUEUE_USED: case QUEUE_USED + 4: write_half(q, &q->s->used, offset, value); break;
    }
}

static void common_write(struct virtio_pci *t, unsigned offset, uint64_t value)
{
    struct virtio_state *s = t->v.s;

    switch (offset) {
    case DEVICE_FEATURE_SELECT: s->device_feature_select = (uint32_t)value; break;
    case DRIVER_FEATURE_SELECT: s->driver_feature_select = (uint32_t)value; break;
    case DRIVER_FEATURE:
        if (s->driver_feature_select < 2 && !(s->status & VIRTIO_FEATURES_OK)) {
            s->driver_features = bits_deposit(s->driver_features, 32 * s->driver_feature_select,
                                              32, value);
        }
        break;
    case CONFIG_VECTOR: s->config_vector = checked_vector(t, value); break;
    case DEVICE_STATUS: virtio_set_status(&t->v, (uint8_t)value); break;
    case QUEUE_SELECT: s->queue_select = (uint16_t)value; break;
    default: queue_write(t, offset, value); break;
    }
}

static uint64_t registers_read(void *opaque, uint64_t offset, unsigned size)
{
    struct virtio_pci *t = opaque;
    unsigned at = (unsigned)offset % AREA_SIZE;

    switch (offset / AREA_SIZE) {
    case AREA_COMMON: return common_read(t, at, size);
    case AREA_ISR: return at ? 0 : virtio_take_isr(&t->v);
    case AREA_DEVICE: return virtio_config_read(&t->v, at, size);
    default: return 0;
    }
}

static void registers_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct virtio_pci *t = opaque;
    unsigned at = (unsigned)offset % AREA_SIZE;

    switch (offset / AREA_SIZE) {
    case AREA_COMMON: common_write(t, at, value); break;
    case AREA_DEVICE: virtio_config_write(&t->v, at, value, size); break;
    case AREA_NOTIFY: virtio_notify(&t->v, at / NOTIFY_STEP); break;
    }
}

static const struct mmio_ops registers_ops = { registers_read, registers_write };

/* --- registers of 0.9 ------------------------------------------------------------------------ */

enum {
    OLD_HOST_FEATURES = 0, OLD_GUEST_FEATURES = 4, OLD_QUEUE_PAGE = 8, OLD_QUEUE_SIZE = 12,
    OLD_QUEUE_SELECT = 14, OLD_NOTIFY = 16, OLD_STATUS = 18, OLD_ISR = 19,
    OLD_CONFIG_VECTOR = 20, OLD_QUEUE_VECTOR = 22, OLD_HEADER = 24
};

/* The device's configuration comes behind the vectors, which are there only with MSI-X. */
static unsigned old_config(const struct virtio_pci *t)
{
    return pci_msix_enabled(&t->msix) ? OLD_HEADER : OLD_CONFIG_VECTOR;
}

static uint64_t ports_read(void *opaque, uint64_t offset, unsigned size)
{
    struct virtio_pci *t = opaque;
    struct virtio_state *s = t->v.s;
    struct virtq *q = virtio_selected(&t->v);
    uint8_t r[OLD_HEADER + 8] = { 0 };

    if (offset >= old_config(t)) {
        return virtio_config_read(&t->v, offset - old_config(t), size);
    }
    if (offset == OLD_ISR) {
        return virtio_take_isr(&t->v);
    }
    st32_le(r + OLD_HOST_FEATURES, (uint32_t)t->v.features);
    st32_le(r + OLD_GUEST_FEATURES, (uint32_t)s->driver_features);
    st16_le(r + OLD_QUEUE_SELECT, s->queue_select);
    r[OLD_STATUS] = s->status;
    st16_le(r + OLD_CONFIG_VECTOR, s->config_vector);
    if (q) {
        st32_le(r + OLD_QUEUE_PAGE, (uint32_t)(q->s->desc >> 12));
        st16_le(r + OLD_QUEUE_SIZE, q->s->size);
        st16_le(r + OLD_QUEUE_VECTOR, q->s->vector);
    }
    return ld_le(r + offset, size);
}

static void ports_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct virtio_pci *t = opaque;
    struct virtio_state *s = t->v.s;
    struct virtq *q = virtio_selected(&t->v);

    if (offset >= old_config(t)) {
        virtio_config_write(&t->v, offset - old_config(t), value, size);
        return;
    }
    switch (offset) {
    case OLD_GUEST_FEATURES:
        s->driver_features = value & t->v.features & UINT32_MAX;
        break;
    case OLD_QUEUE_PAGE:
        if (q) {
            virtq_set_page(q, value << 12);
        }
        break;
    case OLD_QUEUE_SELECT: s->queue_select = (uint16_t)value; break;
    case OLD_NOTIFY: virtio_notify(&t->v, value & 0xffff); break;
    case OLD_STATUS:
        virtio_set_status(&t->v, (uint8_t)value);
        break;
    case OLD_CONFIG_VECTOR: s->config_vector = checked_vector(t, value); break;
    case OLD_QUEUE_VECTOR:
        if (q) {
            q->s->vector = checked_vector(t, value);
        }
        break;
    }
}

static const struct mmio_ops ports_ops = { ports_read, ports_write };

/* --- configuration space --------------------------------------------------------------------- */

enum { WINDOW_BAR = 4, WINDOW_OFFSET = 8, WINDOW_LENGTH = 12, WINDOW_DATA = 16, WINDOW_SIZE = 20 };

/* The window into BARs for firmware that cannot reach them (4.1.4.7): what it points at now. */
static struct memory_region *window_target(struct virtio_pci *t, unsigned reg, uint32_t *offset,
                                           unsigned *size)
{
    const uint8_t *c = t->pci.pci.config + t->window;
    uint32_t length = ld32_le(c + WINDOW_LENGTH);
    struct memory_region *mr;

    *offset = ld32_le(c + WINDOW_OFFSET);
    *size = length;
    if (!t->window || reg < t->window + WINDOW_DATA || reg >= t->window + WINDOW_SIZE ||
        (length != 1 && length != 2 && length != 4) || c[WINDOW_BAR] >= PCI_BARS) {
        return NULL;
    }
    mr = t->pci.bars[c[WINDOW_BAR]].region;
    return mr && *offset <= mr->size - length && is_aligned(*offset, length) ? mr : NULL;
}

static uint32_t config_read(struct pci_device *pci, unsigned reg, unsigned size)
{
    struct virtio_pci *t = (struct virtio_pci *)pci;
    unsigned width;
    uint32_t offset;
    struct memory_region *mr = window_target(t, reg, &offset, &width);
    uint64_t value;

    if (mr) {
        memory_region_ld(mr, offset, width, ENDIAN_LITTLE, &value);
        st_le(pci->pci.config + t->window + WINDOW_DATA, width, value);
    }
    return pci_config_default_read(pci, reg, size);
}

static void config_write(struct pci_device *pci, unsigned reg, uint32_t value, unsigned size)
{
    struct virtio_pci *t = (struct virtio_pci *)pci;
    unsigned width;
    uint32_t offset;
    struct memory_region *mr;

    pci_config_default_write(pci, reg, value, size);
    mr = window_target(t, reg, &offset, &width);
    if (mr) {
        memory_region_st(mr, offset, width, ENDIAN_LITTLE,
                         ld_le(pci->pci.config + t->window + WINDOW_DATA, width));
    }
    pci_msix_config_written(&t->msix);
    update_intx(t);
}

/* A capability that says in which part of BAR 4 an area lies. */
static unsigned add_area(struct virtio_pci *t, unsigned type, unsigned area, unsigned size)
{
    unsigned at = pci_add_capability(&t->pci, 0x09, size);
    uint8_t *c = t->pci.pci.config + at;

    c[2] = (uint8_t)size;
    c[3] = (uint8_t)type;
    if (type == CAP_WINDOW) {
        uint8_t *writable = t->pci.writable + at;

        writable[WINDOW_BAR] = 0xff;
        memset(writable + WINDOW_OFFSET, 0xff, WINDOW_SIZE - WINDOW_OFFSET);
        return at;
    }
    c[WINDOW_BAR] = BAR_REGISTERS;
    st32_le(c + WINDOW_OFFSET, area * AREA_SIZE);
    st32_le(c + WINDOW_LENGTH, AREA_SIZE);
    if (type == CAP_NOTIFY) {
        st32_le(c + 16, NOTIFY_STEP);
    }
    return at;
}

static void add_registers(struct virtio_pci *t)
{
    memory_region_init_mmio(&t->registers, "virtio-pci", 4 * AREA_SIZE, &registers_ops, t);
    pci_add_bar(&t->pci, BAR_REGISTERS, PCI_BAR_MEMORY | PCI_BAR_64BIT | PCI_BAR_PREFETCH,
                &t->registers);
    add_area(t, CAP_COMMON, AREA_COMMON, 16);
    add_area(t, CAP_ISR, AREA_ISR, 16);
    add_area(t, CAP_DEVICE, AREA_DEVICE, 16);
    add_area(t, CAP_NOTIFY, AREA_NOTIFY, 20);
    t->window = add_area(t, CAP_WINDOW, 0, WINDOW_SIZE);
}

static void set_identity(struct virtio_pci *t, const struct virtio_pci_id *id)
{
    uint16_t type = t->v.kind->id;

    if (t->disable_legacy) {
        pci_set_ids(&t->pci, VENDOR, (uint16_t)(MODERN_FIRST + type), 1, id->class_code);
        pci_set_subsystem(&t->pci, VENDOR, 0x1100);
    } else {
        pci_set_ids(&t->pci, VENDOR, id->transitional, 0, id->class_code);
        pci_set_subsystem(&t->pci, VENDOR, type);
    }
    pci_set_interrupt_pin(&t->pci, 1);
}

/* --- life ------------------------------------------------------------------------------------ */

static void set_features(struct virtio_pci *t)
{
    t->v.features |= t->event_idx ? VIRTIO_BIT(VIRTIO_F_EVENT_IDX) : 0;
    t->v.features |= t->indirect ? VIRTIO_BIT(VIRTIO_F_INDIRECT) : 0;
    t->v.features |= t->disable_modern ? 0 : VIRTIO_BIT(VIRTIO_F_VERSION_1);
    t->v.features |= t->packed && !t->disable_modern ? VIRTIO_BIT(VIRTIO_F_RING_PACKED) : 0;
    t->v.features |= t->disable_legacy ? 0 : VIRTIO_BIT(VIRTIO_F_ANY_LAYOUT);
}

bool virtio_pci_init(struct virtio_pci *t, const struct virtio_pci_id *id,
                     struct virtio_pci_state *s, struct error **err)
{
    struct pci_device *pci = &t->pci;
    unsigned vectors = t->vectors == UINT32_MAX ? t->v.n_queues + 1 : t->vectors;

    t->disable_legacy |= !id->transitional;
    if (t->disable_legacy && t->disable_modern) {
        error_set(err, "%s: %s", pci->dev.class->name, id->transitional
                  ? "disable-legacy and disable-modern leave nothing"
                  : "disable-modern: this device has no older form");
        return false;
    }
    t->s = s;
    set_identity(t, id);
    set_features(t);
    if (vectors && !pci_msix_init(&t->msix, pci, BAR_MSIX, vectors, &s->msix, err)) {
        return false;
    }
    pci->config_read = config_read;
    pci->config_write = config_write;
    if (!t->disable_legacy) {
        memory_region_init_mmio(&t->ports, "virtio-pci-ports",
                                bits_power_of_two_ceil(OLD_HEADER + t->v.config_size), &ports_ops,
                                t);
        pci_add_bar(pci, BAR_PORTS, PCI_BAR_IO, &t->ports);
    }
    if (!t->disable_modern) {
        add_registers(t);
    }
    virtio_init(&t->v, &transport, pci_bus_of(pci)->dma);
    return true;
}

void virtio_pci_exit(struct virtio_pci *t)
{
    virtio_fini(&t->v);
    pci_msix_fini(&t->msix);
    if (!t->disable_legacy) {
        memory_region_fini(&t->ports);
    }
    if (!t->disable_modern) {
        memory_region_fini(&t->registers);
    }
}

void virtio_pci_reset(struct device *dev)
{
    struct virtio_pci *t = (struct virtio_pci *)dev;

    pci_msix_reset(&t->msix);
    virtio_reset(&t->v);
}

void virtio_pci_reset_lines(struct device *dev)
{
    update_intx((struct virtio_pci *)dev);
}

bool virtio_pci_loaded(struct device *dev, struct error **err)
{
    struct virtio_pci *t = (struct virtio_pci *)dev;

    return virtio_loaded(&t->v, err);
}
