/* SPDX-License-Identifier: GPL-2.0-or-later */
/* edu: a PCI device to learn drivers by. It inverts numbers, computes factorials, copies between
 * memory and its own buffer, and interrupts by INTA#. Everything is done at once. */
#include "base/bits.h"
#include "base/log.h"
#include "hw/pci/pci.h"

enum { MEMORY_SIZE = 1 << 20, BUFFER_AT = 0x40000, BUFFER_SIZE = 4096 };
enum { IDENTITY = 0x00, LIVENESS = 0x04, FACTORIAL = 0x08, STATUS = 0x20, CAUSES = 0x24,
       RAISE = 0x60, ACKNOWLEDGE = 0x64, DMA_SOURCE = 0x80, DMA_TARGET = 0x88, DMA_COUNT = 0x90,
       DMA_COMMAND = 0x98, WIDE = 0x80 };
enum { STATUS_INTERRUPT = 0x80, CAUSE_FACTORIAL = 0x001, CAUSE_DMA = 0x100, DMA_START = 0x01,
       DMA_TO_MEMORY = 0x02, DMA_INTERRUPT = 0x04, DMA_FLAGS = 0x07 };
enum { ZERO_FROM = 34 };        /* 34! is a multiple of 2^32 */
#define IDENTITY_VALUE 0x010000edu

struct edu_state {
    uint32_t inverted, factorial, status, causes;
    uint64_t source, target, count, command;
    uint8_t buffer[BUFFER_SIZE];
};

struct edu {
    struct pci_device pci;
    struct memory_region memory;
    uint64_t dma_mask;
    struct edu_state s;
};

static void set_causes(struct edu *d, uint32_t causes)
{
    d->s.causes = causes;
    pci_set_intx(&d->pci, causes != 0);
}

static void compute(struct edu *d, uint32_t n)
{
    uint32_t product = n < ZERO_FROM;

    for (uint32_t i = 2; i <= n && n < ZERO_FROM; i++) {
        product *= i;
    }
    d->s.factorial = product;
    if (d->s.status & STATUS_INTERRUPT) {
        set_causes(d, d->s.causes | CAUSE_FACTORIAL);
    }
}

/* Where in the buffer; false when a byte of it would be outside. */
static bool find_buffer(const struct edu *d, uint64_t address, size_t *at)
{
    *at = address - BUFFER_AT;
    if (address < BUFFER_AT || d->s.count > BUFFER_SIZE || *at > BUFFER_SIZE - d->s.count) {
        log_guest_error("edu: 0x%llx bytes at 0x%llx are not in the buffer",
                        (unsigned long long)d->s.count, (unsigned long long)address);
        return false;
    }
    return true;
}

static void copy(struct edu *d)
{
    bool to_memory = d->s.command & DMA_TO_MEMORY;
    uint64_t memory = (to_memory ? d->s.target : d->s.source) & d->dma_mask;
    size_t at;

    if (find_buffer(d, to_memory ? d->s.source : d->s.target, &at)) {
        if (to_memory) {
            pci_dma_write(&d->pci, memory, d->s.buffer + at, d->s.count);
        } else {
            pci_dma_read(&d->pci, memory, d->s.buffer + at, d->s.count);
        }
    }
    d->s.command &= ~(uint64_t)DMA_START;
    if (d->s.command & DMA_INTERRUPT) {
        set_causes(d, d->s.causes | CAUSE_DMA);
    }
}

static uint64_t *dma_register(struct edu *d, uint64_t offset)
{
    switch (offset) {
    case DMA_SOURCE:
        return &d->s.source;
    case DMA_TARGET:
        return &d->s.target;
    case DMA_COUNT:
        return &d->s.count;
    case DMA_COMMAND:
        return &d->s.command;
    default:
        return NULL;
    }
}

static uint64_t edu_read(void *opaque, uint64_t offset, unsigned size)
{
    struct edu *d = opaque;
    const uint64_t *dma = dma_register(d, offset);

    if (dma) {
        return *dma;
    }
    switch (size == 4 ? offset : UINT64_MAX) {
    case IDENTITY:
        return IDENTITY_VALUE;
    case LIVENESS:
        return d->s.inverted;
    case FACTORIAL:
        return d->s.factorial;
    case STATUS:
        return d->s.status;
    case CAUSES:
        return d->s.causes;
    default:
        return UINT64_MAX;
    }
}

static void write_word(struct edu *d, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case LIVENESS:
        d->s.inverted = ~value;
        break;
    case FACTORIAL:
        compute(d, value);
        break;
    case STATUS:
        d->s.status = value & STATUS_INTERRUPT;
        break;
    case RAISE:
        set_causes(d, d->s.causes | value);
        break;
    case ACKNOWLEDGE:
        set_causes(d, d->s.causes & ~value);
        break;
    default:
        break;
    }
}

static void edu_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct edu *d = opaque;
    uint64_t *dma = dma_register(d, offset);

    /* Not from within a copy that reaches our own registers. */
    if (dma && !(d->s.command & DMA_START)) {
        *dma = offset == DMA_COMMAND ? value & DMA_FLAGS : value;
        if (d->s.command & DMA_START) {
            copy(d);
        }
    } else if (offset < WIDE && size == 4) {
        write_word(d, offset, (uint32_t)value);
    }
}

static const struct mmio_ops edu_ops = { edu_read, edu_write, 4, 8 };

static bool edu_init(struct device *dev, struct error **err)
{
    struct edu *d = (struct edu *)dev;

    pci_set_ids(&d->pci, 0x1234, 0x11e8, 0x10, 0x00ff00);
    pci_set_subsystem(&d->pci, 0x1af4, 0x1100);
    pci_set_interrupt_pin(&d->pci, 1);
    memory_region_init_mmio(&d->memory, "edu", MEMORY_SIZE, &edu_ops, d);
    pci_add_bar(&d->pci, 0, PCI_BAR_MEMORY, &d->memory);
    return true;
}

static void edu_exit(struct device *dev)
{
    memory_region_fini(&((struct edu *)dev)->memory);
}

static void edu_reset(struct device *dev)
{
    struct edu *d = (struct edu *)dev;

    memset(&d->s, 0, sizeof(d->s));
}

static void edu_reset_lines(struct device *dev)
{
    struct edu *d = (struct edu *)dev;

    pci_set_intx(&d->pci, d->s.causes != 0);
}

#define F(m) FIELD(edu_state, m)
FIELDS(edu_state) = {
    F(inverted), F(factorial), F(status), F(causes), F(source), F(target), F(count), F(command),
    ARRAY(edu_state, buffer), FIELDS_END
};
#undef F

static const struct property edu_properties[] = {
    PROP_UINT("dma_mask", edu, dma_mask, (1u << 28) - 1), { 0 }
};

DEVICE(edu) = {
    .name = "edu", .desc = "PCI device to learn drivers by", .bus = "pci",
    .size = sizeof(struct edu), .properties = edu_properties, .init = edu_init, .exit = edu_exit,
    .reset = edu_reset, .reset_lines = edu_reset_lines, .state = STATE(edu, s, edu_state, 1),
};
