/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isa-parallel: a standard parallel port with a printer that hands its bytes to a back-end. */
#include "base/bits.h"
#include "char.h"
#include "hw/isa/isa.h"

enum { REG_DATA, REG_STATUS, REG_CONTROL, REGS };
enum {
    STATUS_NO_ERROR = 0x08, STATUS_SELECTED = 0x10, STATUS_NO_PAPER = 0x20, STATUS_NO_ACK = 0x40,
    STATUS_NOT_BUSY = 0x80, STATUS_UNUSED = 0x07
};
enum {
    CONTROL_STROBE = 0x01, CONTROL_INIT = 0x04, CONTROL_SELECT = 0x08, CONTROL_IRQ = 0x10,
    CONTROL_INPUT = 0x20, CONTROL_UNUSED = 0xc0
};
enum { PORTS = 3 };
static const uint16_t standard[PORTS] = { 0x378, 0x278, 0x3bc };

struct parallel {
    struct device dev;
    uint32_t index, iobase, irq_number;
    struct chardev *chr;
    struct parallel_state {
        uint8_t data, control;
        uint8_t printing;       /* a byte the back-end has not taken yet */
        bool busy;              /* `printing` is valid */
        bool ack;               /* the printer took a byte; shown to one status read */
        bool irq;
    } s;
};

FIELDS(parallel_state) = {
    FIELD(parallel_state, data), FIELD(parallel_state, control), FIELD(parallel_state, printing),
    FIELD(parallel_state, busy), FIELD(parallel_state, ack), FIELD(parallel_state, irq),
    FIELDS_END
};

static void drive_irq(struct parallel *p)
{
    irq_set(p->dev.irqs[0], p->s.irq && p->s.control & CONTROL_IRQ);
}

/* Offers the byte to the back-end; the end of its acknowledge pulse is the interrupt. */
static void print_byte(struct parallel *p)
{
    if (p->s.busy && chardev_write(p->chr, &p->s.printing, 1) == 1) {
        p->s.busy = false;
        p->s.ack = true;
        p->s.irq = true;
        drive_irq(p);
    }
}

static void writable(void *opaque)
{
    print_byte(opaque);
}

static uint8_t read_status(struct parallel *p)
{
    uint8_t status = STATUS_NO_ERROR | STATUS_SELECTED | STATUS_UNUSED |
        (p->s.busy || p->s.ack ? 0 : STATUS_NOT_BUSY) | (p->s.ack ? 0 : STATUS_NO_ACK);

    p->s.ack = p->s.irq = false;
    drive_irq(p);
    return status;
}

static uint64_t parallel_read(void *dev, uint64_t offset, unsigned size)
{
    struct parallel *p = dev;

    switch (offset) {
    case REG_DATA:
        return p->s.control & CONTROL_INPUT ? 0xff : p->s.data;
    case REG_STATUS:
        return read_status(p);
    default:
        return p->s.control | CONTROL_UNUSED;
    }
}

static void write_control(struct parallel *p, uint8_t value)
{
    uint8_t old = p->s.control;
    bool ready = value & CONTROL_INIT && value & CONTROL_SELECT;

    p->s.control = value & ~CONTROL_UNUSED;
    if (!(value & CONTROL_INIT)) {
        p->s.busy = p->s.ack = p->s.irq = false;
    } else if (value & ~old & CONTROL_STROBE && ready && !p->s.busy) {
        p->s.printing = p->s.data;
        p->s.busy = true;
        print_byte(p);
    }
    drive_irq(p);
}

static void parallel_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct parallel *p = dev;

    if (offset == REG_DATA) {
        p->s.data = value;
    } else if (offset == REG_CONTROL) {
        write_control(p, value);
    }
}

static bool parallel_init(struct device *dev, struct error **err)
{
    static const struct chardev_handlers handlers = { .writable = writable };
    struct parallel *p = (struct parallel *)dev;
    uint32_t index = p->index == UINT32_MAX ? dev->instance : p->index;

    if (p->iobase == UINT32_MAX) {
        if (index >= PORTS) {
            error_set(err, "isa-parallel: there are only %d standard ports; give iobase=", PORTS);
            return false;
        }
        p->iobase = standard[index];
    }
    if (p->iobase > 0xfff8) {
        error_set(err, "isa-parallel: iobase is not a port number");
        return false;
    }
    if (!isa_connect_irq(dev, 0, p->irq_number, err) ||
        (p->chr && !chardev_attach(p->chr, &handlers, p, err))) {
        return false;
    }
    isa_map(dev, &dev->regions[0], p->iobase);
    return true;
}

static void parallel_exit(struct device *dev)
{
    struct parallel *p = (struct parallel *)dev;

    if (p->chr) {
        chardev_detach(p->chr, p);
    }
}

static void parallel_reset(struct device *dev)
{
    ((struct parallel *)dev)->s = (struct parallel_state){
        .data = 0xff, .control = CONTROL_SELECT | CONTROL_INIT
    };
}

static void parallel_reset_lines(struct device *dev)
{
    drive_irq((struct parallel *)dev);
}

static bool parallel_loaded(struct device *dev, struct error **err)
{
    print_byte((struct parallel *)dev);
    return true;
}

static const struct property parallel_properties[] = {
    PROP_UINT("index", parallel, index, UINT32_MAX),
    PROP_UINT("iobase", parallel, iobase, UINT32_MAX),
    PROP_UINT("irq", parallel, irq_number, 7),
    PROP_CHARDEV("chardev", parallel, chr),
    { 0 }
};

static const struct device_region parallel_regions[] = {
    { "parallel", REGS, { parallel_read, parallel_write, .max = 1 } },
    { 0 }
};

DEVICE(parallel) = {
    .name = "isa-parallel", .desc = "Parallel port with a printer", .bus = "isa",
    .size = sizeof(struct parallel), .properties = parallel_properties,
    .regions = parallel_regions, .irqs = 1, .init = parallel_init, .exit = parallel_exit,
    .reset = parallel_reset, .reset_lines = parallel_reset_lines, .loaded = parallel_loaded,
    .state = STATE(parallel, s, parallel_state, 1),
};
