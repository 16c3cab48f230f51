/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two cascaded 8259A interrupt controllers with the PIIX edge/level registers at 0x4d0. */
#include "hw/intc/i8259.h"

#include "base/bits.h"
#include "base/trace.h"
#include "hw/isa/isa.h"

enum { MASTER, SLAVE, CHIPS };
enum { CASCADE_IRQ = 2 };

/* Initialization and operation command words. */
enum {
    ICW1 = 0x10, ICW1_SINGLE = 0x02, ICW1_ICW4 = 0x01, ICW1_LEVEL = 0x08,
    ICW4_SPECIAL_NESTED = 0x10, ICW4_AUTO_EOI = 0x02,
    OCW3 = 0x08, OCW3_SMM_ENABLE = 0x40, OCW3_SMM = 0x20, OCW3_POLL = 0x04, OCW3_READ = 0x02,
    OCW3_ISR = 0x01
};

struct i8259_chip {
    uint8_t levels;             /* input lines */
    uint8_t irr, isr, imr;
    uint8_t priority_add;       /* the line of highest priority */
    uint8_t vector_base;
    uint8_t elcr;               /* lines that are level-triggered */
    uint8_t init_step;          /* the ICW expected next: 2 to 4; 0 when ready */
    uint8_t icw1;
    bool read_isr, poll, special_mask, auto_eoi, rotate_on_auto_eoi, special_nested, output;
};

FIELDS(i8259_chip) = {
    FIELD(i8259_chip, levels), FIELD(i8259_chip, irr), FIELD(i8259_chip, isr),
    FIELD(i8259_chip, imr), FIELD(i8259_chip, priority_add), FIELD(i8259_chip, vector_base),
    FIELD(i8259_chip, elcr), FIELD(i8259_chip, init_step), FIELD(i8259_chip, icw1),
    FIELD(i8259_chip, read_isr), FIELD(i8259_chip, poll), FIELD(i8259_chip, special_mask),
    FIELD(i8259_chip, auto_eoi), FIELD(i8259_chip, rotate_on_auto_eoi),
    FIELD(i8259_chip, special_nested), FIELD(i8259_chip, output),
    FIELDS_END
};

struct i8259 {
    struct device dev;
    struct i8259_state { struct i8259_chip chips[CHIPS]; } s;
};

FIELDS(i8259_state) = { NESTED_ARRAY(i8259_state, chips, i8259_chip), FIELDS_END };

static const uint8_t elcr_writable[CHIPS] = { 0xf8, 0xde };

/* Lines 0..7 counted from the highest priority; 8 when no bit is set. */
static unsigned first_in_order(const struct i8259_chip *c, uint8_t lines)
{
    return lines ? bits_ctz32(lines >> c->priority_add | lines << (8 - c->priority_add)) : 8;
}

/* The line that the chip would deliver now, or -1. */
static int pending_line(const struct i8259 *pic, int chip)
{
    const struct i8259_chip *c = &pic->s.chips[chip];
    uint8_t in_service = c->isr;
    unsigned request = first_in_order(c, c->irr & ~c->imr);

    if (request == 8) {
        return -1;
    }
    /* Special mask: a masked line in service does not hold back the others. */
    if (c->special_mask) {
        in_service &= ~c->imr;
    }
    /* Special fully nested: the slave may interrupt its own line in service. */
    if (c->special_nested && chip == MASTER) {
        in_service &= ~(1 << CASCADE_IRQ);
    }
    if (request >= first_in_order(c, in_service)) {
        return -1;
    }
    return (request + c->priority_add) & 7;
}

static void set_line(struct i8259_chip *c, int n, bool level)
{
    uint8_t bit = 1 << n;

    if (c->elcr & bit || c->icw1 & ICW1_LEVEL) {
        c->irr = level ? c->irr | bit : c->irr & ~bit;
    } else if (level && !(c->levels & bit)) {
        c->irr |= bit;
    }
    c->levels = level ? c->levels | bit : c->levels & ~bit;
}

static void set_output(struct i8259 *pic, int chip, bool level)
{
    struct i8259_chip *c = &pic->s.chips[chip];

    if (c->output != level) {
        c->output = level;
        if (chip == MASTER) {
            irq_set(pic->dev.irqs[0], level);
        }
    }
}

static void update(struct i8259 *pic)
{
    struct i8259_chip *master = &pic->s.chips[MASTER];
    bool slave = pending_line(pic, SLAVE) >= 0;

    /* The slave's INT is a level; a request that goes away takes the master's with it, so that the
     * acknowledge of a withdrawn one is spurious. */
    set_output(pic, SLAVE, slave);
    if (slave) {
        master->irr |= 1 << CASCADE_IRQ;
    } else {
        master->irr &= ~(1 << CASCADE_IRQ);
    }
    set_output(pic, MASTER, pending_line(pic, MASTER) >= 0);
}

static void end_line(struct i8259_chip *c, unsigned line, bool rotate)
{
    c->isr &= ~(1 << line);
    if (rotate) {
        c->priority_add = (line + 1) & 7;
    }
}

/* The chip's part of an acknowledge cycle; the line it put in service, 7 if spurious. */
static int take(struct i8259 *pic, int chip, bool *real)
{
    struct i8259_chip *c = &pic->s.chips[chip];
    int line = pending_line(pic, chip);

    *real = line >= 0;
    if (line < 0) {
        return 7;
    }
    c->isr |= 1 << line;
    if (c->auto_eoi) {
        end_line(c, line, c->rotate_on_auto_eoi);
    }
    if (!(c->elcr >> line & 1) && !(c->icw1 & ICW1_LEVEL)) {
        c->irr &= ~(1 << line);
    }
    return line;
}

int pic_acknowledge(void *opaque)
{
    struct i8259 *pic = opaque;
    bool real;
    int line = take(pic, MASTER, &real);
    int vector = pic->s.chips[MASTER].vector_base + line;

    if (real && line == CASCADE_IRQ) {
        line = take(pic, SLAVE, &real);
        vector = pic->s.chips[SLAVE].vector_base + line;
    }
    update(pic);
    trace(pic_acknowledge, "vector 0x%02x%s", vector, real ? "" : " (spurious)");
    return vector;
}

bool pic_pending(void *opaque)
{
    return ((struct i8259 *)opaque)->s.chips[MASTER].output;
}

static void pic_input(void *dev, int n, int level)
{
    struct i8259 *pic = dev;

    if (n != CASCADE_IRQ) {
        set_line(&pic->s.chips[n >> 3], n & 7, level);
        update(pic);
    }
}

static void start_init(struct i8259_chip *c, uint8_t icw1)
{
    c->icw1 = icw1;
    c->init_step = 2;
    c->irr = c->isr = c->imr = 0;
    c->priority_add = 0;
    c->read_isr = c->poll = c->special_mask = false;
    /* Without ICW4 all of its functions are off. */
    c->auto_eoi = c->special_nested = false;
    c->rotate_on_auto_eoi = false;
    /* Level lines that are still up ask again; an edge has to be seen anew. */
    c->irr = c->levels & (icw1 & ICW1_LEVEL ? 0xff : c->elcr);
}

/* OCW2: R, SL, EOI in bits 7 to 5. */
static void write_ocw2(struct i8259_chip *c, uint8_t value)
{
    unsigned line = value & 7;
    unsigned first = (first_in_order(c, c->isr) + c->priority_add) & 7;

    switch (value >> 5) {
    case 0: case 4:             /* rotate in automatic EOI: clear, set */
        c->rotate_on_auto_eoi = value >> 7;
        break;
    case 1: case 5:             /* non-specific EOI, with rotation */
        if (c->isr) {
            end_line(c, first, value >> 7);
        }
        break;
    case 3: case 7:             /* specific EOI, with rotation */
        end_line(c, line, value >> 7);
        break;
    case 6:                     /* set priority: `line` becomes the lowest */
        c->priority_add = (line + 1) & 7;
        break;
    default:                    /* no operation */
        break;
    }
}

static void write_command(struct i8259_chip *c, uint8_t value)
{
    if (value & ICW1) {
        start_init(c, value);
    } else if (value & OCW3) {
        if (value & OCW3_POLL) {
            c->poll = true;
        }
        if (value & OCW3_READ) {
            c->read_isr = value & OCW3_ISR;
        }
        if (value & OCW3_SMM_ENABLE) {
            c->special_mask = value & OCW3_SMM;
        }
    } else {
        write_ocw2(c, value);
    }
}

static void write_data(struct i8259_chip *c, uint8_t value)
{
    switch (c->init_step) {
    case 2:
        c->vector_base = value & 0xf8;
        c->init_step = c->icw1 & ICW1_SINGLE ? (c->icw1 & ICW1_ICW4 ? 4 : 0) : 3;
        break;
    case 3:                     /* the cascade is hard-wired */
        c->init_step = c->icw1 & ICW1_ICW4 ? 4 : 0;
        break;
    case 4:
        c->special_nested = value & ICW4_SPECIAL_NESTED;
        c->auto_eoi = value & ICW4_AUTO_EOI;
        c->init_step = 0;
        break;
    default:
        c->imr = value;
        break;
    }
}

static void write_port(struct i8259 *pic, int chip, uint64_t offset, uint8_t value)
{
    struct i8259_chip *c = &pic->s.chips[chip];

    if (offset) {
        write_data(c, value);
    } else {
        write_command(c, value);
    }
    update(pic);
}

/* A read in poll mode is an acknowledge cycle: bit 7 and the line. */
static uint8_t read_poll(struct i8259 *pic, int chip)
{
    bool real;
    int line = take(pic, chip, &real);

    pic->s.chips[chip].poll = false;
    update(pic);
    return real ? 0x80 | line : 0;
}

static uint64_t read_port(struct i8259 *pic, int chip, uint64_t offset)
{
    struct i8259_chip *c = &pic->s.chips[chip];

    if (c->poll) {
        return read_poll(pic, chip);
    }
    return offset ? c->imr : c->read_isr ? c->isr : c->irr;
}

static uint64_t master_read(void *dev, uint64_t offset, unsigned size)
{
    return read_port(dev, MASTER, offset);
}

static void master_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    write_port(dev, MASTER, offset, value);
}

static uint64_t slave_read(void *dev, uint64_t offset, unsigned size)
{
    return read_port(dev, SLAVE, offset);
}

static void slave_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    write_port(dev, SLAVE, offset, value);
}

static uint64_t elcr_read(void *dev, uint64_t offset, unsigned size)
{
    return ((struct i8259 *)dev)->s.chips[offset].elcr;
}

static void elcr_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8259_chip *c = &((struct i8259 *)dev)->s.chips[offset];
    uint8_t elcr = value & elcr_writable[offset];

    /* Level lines mirror their input from now on. */
    c->irr = (c->irr & ~elcr) | (c->levels & elcr);
    c->elcr = elcr;
    update(dev);
}

static bool pic_init(struct device *dev, struct error **err)
{
    isa_map(dev, device_region(dev, "pic-master"), 0x20);
    isa_map(dev, device_region(dev, "pic-slave"), 0xa0);
    isa_map(dev, device_region(dev, "pic-elcr"), 0x4d0);
    return true;
}

static void pic_reset(struct device *dev)
{
    ((struct i8259 *)dev)->s = (struct i8259_state){ 0 };
}

static void pic_reset_lines(struct device *dev)
{
    irq_set(dev->irqs[0], ((struct i8259 *)dev)->s.chips[MASTER].output);
}

static bool pic_loaded(struct device *dev, struct error **err)
{
    struct i8259 *pic = (struct i8259 *)dev;

    for (int i = 0; i < CHIPS; i++) {
        if (pic->s.chips[i].priority_add > 7 || pic->s.chips[i].init_step > 4) {
            error_set(err, "isa-i8259: impossible state");
            return false;
        }
    }
    return true;
}

static void pic_info(struct device *dev, FILE *out)
{
    struct i8259 *pic = (struct i8259 *)dev;

    for (int i = CHIPS; i-- > 0;) {
        const struct i8259_chip *c = &pic->s.chips[i];

        fprintf(out, "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d irq_base=%02x rr_sel=%d elcr=%02x "
                "fnm=%d\n", i, c->irr, c->imr, c->isr, c->priority_add, c->vector_base,
                c->read_isr, c->elcr, c->special_nested);
    }
}

static const struct device_region pic_regions[] = {
    { "pic-master", 2, { master_read, master_write, .max = 1 } },
    { "pic-slave", 2, { slave_read, slave_write, .max = 1 } },
    { "pic-elcr", 2, { elcr_read, elcr_write, .max = 1 } },
    { 0 }
};

DEVICE(pic) = {
    .name = "isa-i8259", .desc = "Pair of 8259A interrupt controllers", .bus = "isa",
    .internal = true, .size = sizeof(struct i8259), .regions = pic_regions, .irqs = 1,
    .inputs = 16, .input = pic_input, .init = pic_init, .reset = pic_reset,
    .reset_lines = pic_reset_lines, .loaded = pic_loaded, .info = pic_info,
    .state = STATE(i8259, s, i8259_state, 1),
};
