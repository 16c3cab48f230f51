/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System control port B (0x61): speaker gate and data, the refresh toggle, timer channel 2. */
#include "base/clock.h"
#include "hw/isa/isa.h"
#include "hw/timer/i8254.h"

enum {
    PORT61_GATE = 0x01, PORT61_SPEAKER = 0x02, PORT61_WRITABLE = 0x0f, PORT61_REFRESH = 0x10,
    PORT61_OUT2 = 0x20
};
/* The refresh bit toggles with every DRAM refresh request. */
#define REFRESH_NS 15085

struct pcspk {
    struct device dev;
    uint32_t iobase;
    struct device *pit;
    struct pcspk_state { uint8_t control; } s;
};

FIELDS(pcspk_state) = { FIELD(pcspk_state, control), FIELDS_END };

static uint64_t pcspk_read(void *dev, uint64_t offset, unsigned size)
{
    struct pcspk *p = dev;
    struct pit_channel_info info;
    bool refresh = clock_ns(CLOCK_VM) / REFRESH_NS & 1;

    pit_channel_info(p->pit, 2, &info);
    return p->s.control | (refresh ? PORT61_REFRESH : 0) | (info.out ? PORT61_OUT2 : 0);
}

static void pcspk_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct pcspk *p = dev;

    p->s.control = value & PORT61_WRITABLE;
    pit_set_gate(p->pit, 2, value & PORT61_GATE);
}

static bool pcspk_init(struct device *dev, struct error **err)
{
    struct pcspk *p = (struct pcspk *)dev;

    p->pit = device_find("isa-pit");
    if (!p->pit) {
        error_set(err, "isa-pcspk: the machine has no isa-pit");
        return false;
    }
    isa_map(dev, &dev->regions[0], p->iobase);
    return true;
}

static void pcspk_reset(struct device *dev)
{
    ((struct pcspk *)dev)->s = (struct pcspk_state){ 0 };
}

static const struct property pcspk_properties[] = {
    PROP_UINT("iobase", pcspk, iobase, 0x61),
    { 0 }
};

static const struct device_region pcspk_regions[] = {
    { "pcspk", 1, { pcspk_read, pcspk_write, .max = 1 } },
    { 0 }
};

DEVICE(pcspk) = {
    .name = "isa-pcspk", .desc = "PC speaker and system control port B", .bus = "isa",
    .internal = true, .size = sizeof(struct pcspk), .properties = pcspk_properties,
    .regions = pcspk_regions, .init = pcspk_init, .reset = pcspk_reset,
    .state = STATE(pcspk, s, pcspk_state, 1),
};
