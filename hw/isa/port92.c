/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System control port A (0x92): fast A20 gate and fast reset.
 *
 * It also merges the keyboard controller's A20 output (input 0): the source that changed last
 * decides, as guests that use only one of the two expect.
 */
#include "hw/input/i8042.h"
#include "hw/isa/isa.h"

enum { PORT92_FAST_RESET = 1, PORT92_FAST_A20 = 2 };

struct port92 {
    struct device dev;
    struct port92_state { uint8_t value, a20, keyboard_a20; } s;
};

FIELDS(port92_state) = {
    FIELD(port92_state, value), FIELD(port92_state, a20), FIELD(port92_state, keyboard_a20),
    FIELDS_END
};

static uint64_t port92_read(void *dev, uint64_t offset, unsigned size)
{
    struct port92 *p = dev;

    return p->s.value;
}

static void set_a20(struct port92 *p, bool on)
{
    p->s.a20 = on;
    irq_set(p->dev.irqs[PORT92_A20], on);
}

static void port92_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct port92 *p = dev;
    bool reset = value & ~p->s.value & PORT92_FAST_RESET;

    p->s.value = value;
    set_a20(p, value & PORT92_FAST_A20);
    if (reset) {
        irq_pulse(p->dev.irqs[PORT92_RESET]);
    }
}

static void port92_input(void *dev, int n, int level)
{
    struct port92 *p = dev;

    if (p->s.keyboard_a20 != !!level) {
        p->s.keyboard_a20 = !!level;
        set_a20(p, level);
    }
}

static bool port92_init(struct device *dev, struct error **err)
{
    isa_map(dev, &dev->regions[0], 0x92);
    return true;
}

static void port92_reset(struct device *dev)
{
    ((struct port92 *)dev)->s = (struct port92_state){ .a20 = 1, .keyboard_a20 = 1 };
}

static void port92_reset_lines(struct device *dev)
{
    struct port92 *p = (struct port92 *)dev;

    irq_set(dev->irqs[PORT92_A20], p->s.a20);
}

static const struct device_region port92_regions[] = {
    { "port92", 1, { port92_read, port92_write, .max = 1 } },
    { 0 }
};

DEVICE(port92) = {
    .name = "port92", .desc = "System control port A (A20, fast reset)", .bus = "isa",
    .internal = true, .size = sizeof(struct port92), .regions = port92_regions,
    .irqs = PORT92_OUTPUTS, .inputs = 1, .input = port92_input, .init = port92_init,
    .reset = port92_reset, .reset_lines = port92_reset_lines,
    .state = STATE(port92, s, port92_state, 1),
};
