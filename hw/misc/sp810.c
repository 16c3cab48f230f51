/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "sp810", the system controller of the Versatile (ARM DDI 0254): it selects clocks, which run at
 * one rate here, so its registers only keep what is written.
 * "integrator_debug": switches and lamps.
 */
#include "base/log.h"
#include "hw/core/device.h"
#include "hw/misc/primecell.h"

#define SP810_ID 0x00041810
#define CONTROL_MODES 0x7f

enum { REG_CONTROL = 0x00, REG_MODE_STATUS = 0x04, REGISTERS = 8 };

struct sp810 {
    struct device dev;
    struct sp810_state { uint32_t registers[REGISTERS]; } s;
};

FIELDS(sp810_state) = { ARRAY(sp810_state, registers), FIELDS_END };

static uint64_t sp810_read(void *dev, uint64_t offset, unsigned size)
{
    const struct sp810 *c = dev;

    if (offset >= PRIMECELL_ID) {
        return primecell_id(SP810_ID, offset);
    }
    return offset < 4 * REGISTERS ? c->s.registers[offset / 4] : 0;
}

static void sp810_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct sp810 *c = dev;

    if (offset < 4 * REGISTERS) {
        c->s.registers[offset / 4] = value;
        if (offset == REG_CONTROL) {
            /* The mode that is asked for is reached at once; bits 6 to 3 report it. */
            c->s.registers[0] = (value & ~0x78u) | (value & 7) << 3;
        }
    } else {
        log_guest_error("sp810: write of offset 0x%x", (int)offset);
    }
}

static bool sp810_init(struct device *dev, struct error **err)
{
    return true;
}

static void sp810_reset(struct device *dev)
{
    ((struct sp810 *)dev)->s = (struct sp810_state){ { 0x9 } };
}

static const struct device_region sp810_regions[] = {
    { "sp810", PRIMECELL_SIZE, { sp810_read, sp810_write, .min = 4 } }, { 0 }
};

DEVICE(sp810) = {
    .name = "sp810", .desc = "ARM SP810 system controller", .internal = true,
    .size = sizeof(struct sp810), .regions = sp810_regions, .init = sp810_init,
    .reset = sp810_reset, .state = STATE(sp810, s, sp810_state, 1),
};

/* --- Integrator ------------------------------------------------------------------------------ */

enum { DEBUG_ALPHA = 0, DEBUG_LEDS = 4, DEBUG_SWITCHES = 8 };

struct integrator_debug {
    struct device dev;
    struct integrator_debug_state { uint32_t alpha, leds; } s;
};

FIELDS(integrator_debug_state) = {
    FIELD(integrator_debug_state, alpha), FIELD(integrator_debug_state, leds), FIELDS_END
};

static uint64_t debug_read(void *dev, uint64_t offset, unsigned size)
{
    const struct integrator_debug *d = dev;

    return offset == DEBUG_ALPHA ? d->s.alpha : offset == DEBUG_LEDS ? d->s.leds : 0;
}

static void debug_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct integrator_debug *d = dev;

    if (offset == DEBUG_ALPHA) {
        d->s.alpha = value & 0x3fffffff;
    } else if (offset == DEBUG_LEDS) {
        d->s.leds = value & 15;
    }
}

static void debug_reset(struct device *dev)
{
    ((struct integrator_debug *)dev)->s = (struct integrator_debug_state){ 0 };
}

static const struct device_region debug_regions[] = {
    { "integrator_debug", 0x1000, { debug_read, debug_write, .min = 4 } }, { 0 }
};

DEVICE(integrator_debug) = {
    .name = "integrator_debug", .desc = "Integrator lamps and switches", .internal = true,
    .size = sizeof(struct integrator_debug), .regions = debug_regions, .init = sp810_init,
    .reset = debug_reset, .state = STATE(integrator_debug, s, integrator_debug_state, 1),
};
