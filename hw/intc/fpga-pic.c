/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flat interrupt controllers in the FPGAs of ARM boards: enable bits and software interrupts.
 *
 * "integrator_pic": output 0 is IRQ, output 1 FIQ, each with enables of its own.
 * "versatile_sic": output 31 is any enabled line; lines 21 to 30 can pass straight to the output of
 * the same number as well.
 */
#include "base/bits.h"
#include "base/log.h"
#include "hw/core/device.h"

enum {
    REG_STATUS = 0x00, REG_RAW = 0x04, REG_ENABLE = 0x08, REG_DISABLE = 0x0c, REG_SOFT = 0x10,
    REG_SOFT_CLEAR = 0x14,
    /* The second group: FIQ of the Integrator, pass-through of the Versatile. */
    REG_STATUS2 = 0x20, REG_RAW2 = 0x24, REG_ENABLE2 = 0x28, REG_DISABLE2 = 0x2c,
    REG_PASS = 0x20, REG_PASS_CLEAR = 0x24
};
#define PASS_LINES 0x7fe00000u
#define PASS_FIRST 21
#define PASS_LAST 30

struct fpga_pic {
    struct device dev;
    struct fpga_pic_state { uint32_t level, soft, enable, enable2; } s;
};

FIELDS(fpga_pic_state) = {
    FIELD(fpga_pic_state, level), FIELD(fpga_pic_state, soft), FIELD(fpga_pic_state, enable),
    FIELD(fpga_pic_state, enable2), FIELDS_END
};

static uint32_t raw(const struct fpga_pic *pic)
{
    return pic->s.level | pic->s.soft;
}

static void set_soft(struct fpga_pic *pic, uint32_t value)
{
    /* Only line 0 of each is meant for software. */
    pic->s.soft = value & 1;
}

static bool pic_init(struct device *dev, struct error **err)
{
    return true;
}

static void pic_reset(struct device *dev)
{
    struct fpga_pic *pic = (struct fpga_pic *)dev;

    pic->s = (struct fpga_pic_state){ 0 };
}

/* --- Integrator ------------------------------------------------------------------------------ */

static void integrator_update(struct fpga_pic *pic)
{
    irq_set(pic->dev.irqs[0], (raw(pic) & pic->s.enable) != 0);
    irq_set(pic->dev.irqs[1], (raw(pic) & pic->s.enable2) != 0);
}

static void integrator_input(void *dev, int n, int level)
{
    struct fpga_pic *pic = dev;

    pic->s.level = bits_deposit(pic->s.level, (unsigned)n, 1, level != 0);
    integrator_update(pic);
}

static uint64_t integrator_read(void *dev, uint64_t offset, unsigned size)
{
    struct fpga_pic *pic = dev;

    switch (offset) {
    case REG_STATUS: return raw(pic) & pic->s.enable;
    case REG_RAW:
    case REG_RAW2: return raw(pic);
    case REG_ENABLE: return pic->s.enable;
    case REG_SOFT: return pic->s.soft;
    case REG_STATUS2: return raw(pic) & pic->s.enable2;
    case REG_ENABLE2: return pic->s.enable2;
    default: return 0;
    }
}

static void integrator_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct fpga_pic *pic = dev;

    switch (offset) {
    case REG_ENABLE: pic->s.enable |= value; break;
    case REG_DISABLE: pic->s.enable &= ~value; break;
    case REG_SOFT: set_soft(pic, pic->s.soft | value); break;
    case REG_SOFT_CLEAR: set_soft(pic, pic->s.soft & ~value); break;
    case REG_ENABLE2: pic->s.enable2 |= value; break;
    case REG_DISABLE2: pic->s.enable2 &= ~value; break;
    default: log_guest_error("integrator_pic: write of offset 0x%x", (int)offset); break;
    }
    integrator_update(pic);
}

static void integrator_reset_lines(struct device *dev)
{
    integrator_update((struct fpga_pic *)dev);
}

static const struct device_region integrator_regions[] = {
    { "integrator_pic", 0x100, { integrator_read, integrator_write, .min = 4 } }, { 0 }
};

DEVICE(integrator_pic) = {
    .name = "integrator_pic", .desc = "Integrator interrupt controller", .internal = true,
    .size = sizeof(struct fpga_pic), .regions = integrator_regions, .irqs = 2, .inputs = 32,
    .input = integrator_input, .init = pic_init, .reset = pic_reset,
    .reset_lines = integrator_reset_lines, .state = STATE(fpga_pic, s, fpga_pic_state, 1),
};

/* --- Versatile ------------------------------------------------------------------------------- */

static void versatile_update(struct fpga_pic *pic)
{
    uint32_t lines = raw(pic);

    for (unsigned n = PASS_FIRST; n <= PASS_LAST; n++) {
        irq_set(pic->dev.irqs[n], lines & pic->s.enable2 & 1u << n ? 1 : 0);
    }
    irq_set(pic->dev.irqs[31], (lines & pic->s.enable) != 0);
}

static void versatile_input(void *dev, int n, int level)
{
    struct fpga_pic *pic = dev;

    pic->s.level = bits_deposit(pic->s.level, (unsigned)n, 1, level != 0);
    versatile_update(pic);
}

static uint64_t versatile_read(void *dev, uint64_t offset, unsigned size)
{
    struct fpga_pic *pic = dev;

    switch (offset) {
    case REG_STATUS: return raw(pic) & pic->s.enable;
    case REG_RAW: return raw(pic);
    case REG_ENABLE: return pic->s.enable;
    case REG_SOFT: return pic->s.soft;
    case REG_PASS: return pic->s.enable2;
    default: return 0;
    }
}

static void versatile_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct fpga_pic *pic = dev;

    switch (offset) {
    case REG_ENABLE: pic->s.enable |= value; break;
    case REG_DISABLE: pic->s.enable &= ~value; break;
    case REG_SOFT: set_soft(pic, pic->s.soft | value); break;
    case REG_SOFT_CLEAR: set_soft(pic, pic->s.soft & ~value); break;
    case REG_PASS: pic->s.enable2 |= value & PASS_LINES; break;
    case REG_PASS_CLEAR: pic->s.enable2 &= ~value; break;
    default: log_guest_error("versatile_sic: write of offset 0x%x", (int)offset); break;
    }
    versatile_update(pic);
}

static void versatile_reset_lines(struct device *dev)
{
    versatile_update((struct fpga_pic *)dev);
}

static const struct device_region versatile_regions[] = {
    { "versatile_sic", 0x1000, { versatile_read, versatile_write, .min = 4 } }, { 0 }
};

DEVICE(versatile_sic) = {
    .name = "versatile_sic", .desc = "Versatile secondary interrupt controller",
    .internal = true, .size = sizeof(struct fpga_pic), .regions = versatile_regions, .irqs = 32,
    .inputs = 32, .input = versatile_input, .init = pic_init, .reset = pic_reset,
    .reset_lines = versatile_reset_lines, .state = STATE(fpga_pic, s, fpga_pic_state, 1),
};
