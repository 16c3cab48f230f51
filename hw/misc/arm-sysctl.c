/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System registers of the Versatile boards (ARM DUI 0224, chapter 4): identity, oscillators, lock,
 * reset, flags, time counters, display routing.
 *
 * Inputs: 0 and 1 say that a memory card is in slot 0 or 1, 2 and 3 that it is write protected.
 * Output 0 carries the pixel format (0 to 3) that the display multiplexer is set to.
 */
#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "hw/core/device.h"
#include "hw/core/machine.h"

#define OSCILLATORS 5
#define LOCK_KEY 0xa05f
#define LOCKED 0x10000
#define DISPLAY_VGA 0x1f00          /* the panel that answers is a VGA monitor */
#define RESET_REQUEST 0x100

enum {
    REG_ID = 0x00, REG_SWITCHES = 0x04, REG_LED = 0x08, REG_OSCILLATOR = 0x0c, REG_LOCK = 0x20,
    REG_100HZ = 0x24, REG_CONFIG1 = 0x28, REG_CONFIG2 = 0x2c, REG_FLAGS = 0x30,
    REG_FLAGS_CLEAR = 0x34, REG_NVFLAGS = 0x38, REG_NVFLAGS_CLEAR = 0x3c, REG_RESET = 0x40,
    REG_PCI = 0x44, REG_CARDS = 0x48, REG_FLASH = 0x4c, REG_DISPLAY = 0x50,
    REG_DISPLAY_SERIAL = 0x54, REG_BOOT_CS = 0x58, REG_24MHZ = 0x5c, REG_MISC = 0x60,
    REG_DMA_MAP = 0x64, REG_OSC_RESET = 0x8c, REG_TEST_OSC = 0xc0
};

struct arm_sysctl {
    struct device dev;
    uint32_t id;
    struct arm_sysctl_state {
        uint32_t led, oscillators[OSCILLATORS], osc_reset[OSCILLATORS], lock, config1, config2;
        uint32_t flags, nvflags, reset_level, flash, display, misc, dma_map[3];
        uint8_t cards;
    } s;
};

FIELDS(arm_sysctl_state) = {
    FIELD(arm_sysctl_state, led), ARRAY(arm_sysctl_state, oscillators),
    ARRAY(arm_sysctl_state, osc_reset), FIELD(arm_sysctl_state, lock),
    FIELD(arm_sysctl_state, config1), FIELD(arm_sysctl_state, config2),
    FIELD(arm_sysctl_state, flags), FIELD(arm_sysctl_state, nvflags),
    FIELD(arm_sysctl_state, reset_level), FIELD(arm_sysctl_state, flash),
    FIELD(arm_sysctl_state, display), FIELD(arm_sysctl_state, misc),
    ARRAY(arm_sysctl_state, dma_map), FIELD(arm_sysctl_state, cards), FIELDS_END
};

static uint32_t counter(uint32_t hz)
{
    return (uint32_t)clock_ns_to_ticks((uint64_t)clock_ns(CLOCK_VM), hz);
}

static uint64_t sysctl_read(void *dev, uint64_t offset, unsigned size)
{
    const struct arm_sysctl *c = dev;
    const struct arm_sysctl_state *s = &c->s;

    switch (offset) {
    case REG_ID: return c->id;
    case REG_SWITCHES: return 0;
    case REG_LED: return s->led;
    case REG_OSCILLATOR ... REG_LOCK - 1: return s->oscillators[(offset - REG_OSCILLATOR) / 4];
    case REG_LOCK: return s->lock == LOCK_KEY ? s->lock : s->lock | LOCKED;
    case REG_100HZ: return counter(100);
    case REG_CONFIG1: return s->config1;
    case REG_CONFIG2: return s->config2;
    case REG_FLAGS: return s->flags;
    case REG_NVFLAGS: return s->nvflags;
    case REG_RESET: return s->reset_level;
    case REG_PCI: return 1;
    case REG_CARDS: return s->cards;
    case REG_FLASH: return s->flash;
    case REG_DISPLAY: return s->display;
    case REG_24MHZ: return counter(24000000);
    case REG_MISC: return s->misc;
    case REG_DMA_MAP ... REG_DMA_MAP + 11: return s->dma_map[(offset - REG_DMA_MAP) / 4];
    case REG_OSC_RESET ... REG_OSC_RESET + 19: return s->osc_reset[(offset - REG_OSC_RESET) / 4];
    case REG_TEST_OSC ... REG_TEST_OSC + 19: return counter(1000000);
    default: return 0;
    }
}

static void drive(struct arm_sysctl *c)
{
    irq_set(c->dev.irqs[0], c->s.display & 3);
}

/* These can be written only after the key. */
static void write_locked(struct arm_sysctl *c, uint64_t offset, uint32_t value)
{
    struct arm_sysctl_state *s = &c->s;

    if (s->lock != LOCK_KEY) {
        log_guest_error("arm_sysctl: write of locked register 0x%x", (int)offset);
        return;
    }
    switch (offset) {
    case REG_OSCILLATOR ... REG_LOCK - 1:
        s->oscillators[(offset - REG_OSCILLATOR) / 4] = value & 0x7ffff;
        break;
    case REG_OSC_RESET ... REG_OSC_RESET + 19:
        s->osc_reset[(offset - REG_OSC_RESET) / 4] = value & 0x7ffff;
        break;
    case REG_CONFIG1: s->config1 = value; break;
    case REG_CONFIG2: s->config2 = value; break;
    default:
        s->reset_level = value;
        if (value & RESET_REQUEST) {
            machine_request_reset();
        }
    }
}

static void sysctl_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct arm_sysctl *c = dev;
    struct arm_sysctl_state *s = &c->s;

    switch (offset) {
    case REG_LED: s->led = value & 0xff; break;
    case REG_LOCK: s->lock = value & 0xffff; break;
    case REG_FLAGS: s->flags |= value; break;
    case REG_FLAGS_CLEAR: s->flags &= ~value; break;
    case REG_NVFLAGS: s->nvflags |= value; break;
    case REG_NVFLAGS_CLEAR: s->nvflags &= ~value; break;
    case REG_OSCILLATOR ... REG_LOCK - 1:
    case REG_OSC_RESET ... REG_OSC_RESET + 19:
    case REG_CONFIG1:
    case REG_CONFIG2:
    case REG_RESET: write_locked(c, offset, value); break;
    case REG_FLASH: s->flash = value & 3; break;
    case REG_DISPLAY:
        s->display = (s->display & 0x3f00) | (value & 0x80ff);
        drive(c);
        break;
    case REG_MISC: s->misc = value; break;
    case REG_DMA_MAP ... REG_DMA_MAP + 11: s->dma_map[(offset - REG_DMA_MAP) / 4] = value; break;
    case REG_PCI:
    case REG_CARDS:
    case REG_DISPLAY_SERIAL:
    case REG_BOOT_CS: break;
    default: log_guest_error("arm_sysctl: write of offset 0x%x", (int)offset); break;
    }
}

static void sysctl_input(void *dev, int n, int level)
{
    struct arm_sysctl *c = dev;

    c->s.cards = bits_deposit(c->s.cards, (unsigned)n, 1, level != 0);
}

static bool sysctl_init(struct device *dev, struct error **err)
{
    return true;
}

/* The NV flags keep their values over resets. */
static void sysctl_reset(struct device *dev)
{
    struct arm_sysctl *c = (struct arm_sysctl *)dev;
    uint32_t nvflags = c->s.nvflags;

    c->s = (struct arm_sysctl_state){ .nvflags = nvflags, .display = DISPLAY_VGA };
}

static void sysctl_reset_lines(struct device *dev)
{
    drive((struct arm_sysctl *)dev);
}

static const struct device_region regions[] = {
    { "arm-sysctl", 0x1000, { sysctl_read, sysctl_write, .min = 4 } }, { 0 }
};
static const struct property properties[] = {
    PROP_UINT("sys_id", arm_sysctl, id, 0x41007004), { 0 }
};

DEVICE(arm_sysctl) = {
    .name = "realview_sysctl", .desc = "Versatile system registers", .internal = true,
    .size = sizeof(struct arm_sysctl), .properties = properties, .regions = regions, .irqs = 1,
    .inputs = 4, .input = sysctl_input, .init = sysctl_init, .reset = sysctl_reset,
    .reset_lines = sysctl_reset_lines, .state = STATE(arm_sysctl, s, arm_sysctl_state, 1),
};
