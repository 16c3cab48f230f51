/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "integrator_core": control registers of an Integrator core module (ARM DUI 0159), its interrupt
 * controller (output 0 IRQ, 1 FIQ) and memory's identification EEPROM.
 * "icp-ctrl-regs": the CP board's own registers; inputs: 0 write protected card, 1 card inserted,
 * output: card interrupt.
 */
#include "hw/misc/integrator.h"

#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "hw/core/machine.h"

#define CORE_ID 0x411a3001u
#define LOCK_KEY 0xa05f
#define LOCKED 0x10000
#define EEPROM_SIZE 256

enum {
    REG_ID = 0x00, REG_PROCESSOR = 0x04, REG_OSCILLATOR = 0x08, REG_CONTROL = 0x0c,
    REG_STATUS = 0x10, REG_LOCK = 0x14, REG_BUS_COUNT = 0x18, REG_AUX_OSCILLATOR = 0x1c,
    REG_SDRAM = 0x20, REG_INIT = 0x24, REG_COUNTER = 0x28, REG_FLAGS = 0x30,
    REG_FLAGS_CLEAR = 0x34, REG_NVFLAGS = 0x38, REG_NVFLAGS_CLEAR = 0x3c, REG_IRQ_STATUS = 0x40,
    REG_IRQ_RAW = 0x44, REG_IRQ_ENABLE = 0x48, REG_IRQ_DISABLE = 0x4c, REG_SOFT = 0x50,
    REG_SOFT_CLEAR = 0x54, REG_FIQ_STATUS = 0x60, REG_FIQ_RAW = 0x64, REG_FIQ_ENABLE = 0x68,
    REG_FIQ_DISABLE = 0x6c, REG_VOLTAGE = 0x80, REG_EEPROM = 0x100
};
enum { CONTROL_LED = 1, CONTROL_REMAP = 4, CONTROL_RESET = 8, CONTROL_BIG_ENDIAN = 0x80 };

struct integrator_core {
    struct device dev;
    uint64_t ram_size;
    struct memory_region *low;
    bool remapped;
    uint8_t eeprom[EEPROM_SIZE];
    struct integrator_core_state {
        uint32_t oscillator, aux_oscillator, control, lock, sdram, init, flags, nvflags;
        uint32_t level, irq_enable, fiq_enable, voltage[4];
    } s;
};

FIELDS(integrator_core_state) = {
    FIELD(integrator_core_state, oscillator), FIELD(integrator_core_state, aux_oscillator),
    FIELD(integrator_core_state, control), FIELD(integrator_core_state, lock),
    FIELD(integrator_core_state, sdram), FIELD(integrator_core_state, init),
    FIELD(integrator_core_state, flags), FIELD(integrator_core_state, nvflags),
    FIELD(integrator_core_state, level), FIELD(integrator_core_state, irq_enable),
    FIELD(integrator_core_state, fiq_enable), ARRAY(integrator_core_state, voltage), FIELDS_END
};

void integrator_core_set_remap(struct device *dev, struct memory_region *low, bool remapped)
{
    struct integrator_core *core = (struct integrator_core *)dev;

    core->low = low;
    core->remapped = remapped;
}

static void update_map(struct integrator_core *core)
{
    if (core->low) {
        memory_region_enable(core->low, !(core->s.control & CONTROL_REMAP));
    }
}

static void update_irq(struct integrator_core *core)
{
    irq_set(core->dev.irqs[0], (core->s.level & core->s.irq_enable) != 0);
    irq_set(core->dev.irqs[1], (core->s.level & core->s.fiq_enable) != 0);
}

static uint64_t core_read(void *dev, uint64_t offset, unsigned size)
{
    const struct integrator_core *core = dev;
    const struct integrator_core_state *s = &core->s;

    if (offset >= REG_EEPROM && offset < REG_EEPROM + EEPROM_SIZE) {
        return ld_le(core->eeprom + offset - REG_EEPROM, 4);
    }
    switch (offset) {
    case REG_ID: return CORE_ID;
    case REG_OSCILLATOR: return s->oscillator;
    case REG_CONTROL: return s->control;
    case REG_STATUS: return 0x00100000;         /* silicon of the first manufacturer */
    case REG_LOCK: return s->lock == LOCK_KEY ? s->lock : s->lock | LOCKED;
    case REG_AUX_OSCILLATOR: return s->aux_oscillator;
    case REG_SDRAM: return s->sdram;
    case REG_INIT: return s->init;
    case REG_COUNTER: return (uint32_t)clock_ns_to_ticks((uint64_t)clock_ns(CLOCK_VM), 24000000);
    case REG_FLAGS: return s->flags;
    case REG_NVFLAGS: return s->nvflags;
    case REG_IRQ_STATUS: return s->level & s->irq_enable;
    case REG_IRQ_RAW:
    case REG_FIQ_RAW: return s->level;
    case REG_IRQ_ENABLE: return s->irq_enable;
    case REG_SOFT: return s->level & 1;
    case REG_FIQ_STATUS: return s->level & s->fiq_enable;
    case REG_FIQ_ENABLE: return s->fiq_enable;
    case REG_VOLTAGE ... REG_VOLTAGE + 15: return s->voltage[(offset - REG_VOLTAGE) / 4];
    default: return 0;
    }
}

static void write_control(struct integrator_core *core, uint32_t value)
{
    if (value & CONTROL_RESET) {
        machine_request_reset();
    }
    core->s.control = value & (CONTROL_LED | CONTROL_REMAP | CONTROL_BIG_ENDIAN);
    update_map(core);
}

/* The oscillators and the start-up settings need the key. */
static void write_locked(struct integrator_core *core, uint64_t offset, uint32_t value)
{
    struct integrator_core_state *s = &core->s;

    if (s->lock != LOCK_KEY) {
        log_guest_error("integrator_core: write of locked register 0x%x", (int)offset);
    } else if (offset == REG_OSCILLATOR) {
        s->oscillator = value;
    } else if (offset == REG_AUX_OSCILLATOR) {
        s->aux_oscillator = value;
    } else {
        s->init = value;
    }
}

static void core_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct integrator_core *core = dev;
    struct integrator_core_state *s = &core->s;

    switch (offset) {
    case REG_OSCILLATOR:
    case REG_AUX_OSCILLATOR:
    case REG_INIT: write_locked(core, offset, value); break;
    case REG_CONTROL: write_control(core, value); break;
    case REG_LOCK: s->lock = value & 0xffff; break;
    case REG_SDRAM: s->sdram = value; break;
    case REG_FLAGS: s->flags |= value; break;
    case REG_FLAGS_CLEAR: s->flags &= ~value; break;
    case REG_NVFLAGS: s->nvflags |= value; break;
    case REG_NVFLAGS_CLEAR: s->nvflags &= ~value; break;
    case REG_IRQ_ENABLE: s->irq_enable |= value; break;
    case REG_IRQ_DISABLE: s->irq_enable &= ~value; break;
    case REG_SOFT: s->level |= value & 1; break;
    case REG_SOFT_CLEAR: s->level &= ~(value & 1); break;
    case REG_FIQ_ENABLE: s->fiq_enable |= value; break;
    case REG_FIQ_DISABLE: s->fiq_enable &= ~value; break;
    case REG_VOLTAGE ... REG_VOLTAGE + 15: s->voltage[(offset - REG_VOLTAGE) / 4] = value; break;
    default: log_guest_error("integrator_core: write of offset 0x%x", (int)offset); break;
    }
    update_irq(core);
}

/* --- memory ---------------------------------------------------------------------------------- */

/* What the EEPROM of a memory module says (JEDEC, SPD for SDRAM). */
static void fill_eeprom(struct integrator_core *core)
{
    uint64_t mb = core->ram_size >> 20;
    unsigned columns = mb > 128 ? 10 : mb > 32 ? 9 : 8, sum = 0;
    uint8_t *e = core->eeprom;

    e[0] = 128;                      /* bytes that are used, of 2^8 */
    e[1] = 8;
    e[2] = 4;                        /* SDRAM */
    e[3] = 12;                       /* row address bits */
    e[4] = (uint8_t)columns;
    e[5] = mb > 64 ? 2 : 1;          /* banks of modules */
    e[6] = 64;                       /* data width */
    e[8] = 1;                        /* LVTTL */
    e[9] = 0xa0;                     /* 10 ns */
    e[10] = 0x60;
    e[12] = 0x80;                    /* refreshes itself, 15.6 us */
    e[13] = 16;
    e[15] = 1;
    e[16] = 0x8f;                    /* burst lengths */
    e[17] = 4;
    e[18] = 0x06;                    /* CAS latencies 2 and 3 */
    e[31] = (uint8_t)MIN_OF(mb / 4 / e[5], 0x80ull);
    for (unsigned i = 0; i < 63; i++) {
        sum += e[i];
    }
    e[63] = (uint8_t)sum;
}

/* Size in bits 4 to 2 from 16 MiB on, CAS latency 2, EEPROM was read. */
static uint32_t sdram_register(uint64_t size)
{
    unsigned code = 0;

    while (code < 4 && size > 16ull << 20 << code) {
        code++;
    }
    return 0x20 | code << 2 | 2;
}

static bool core_init(struct device *dev, struct error **err)
{
    fill_eeprom((struct integrator_core *)dev);
    return true;
}

static void core_reset(struct device *dev)
{
    struct integrator_core *core = (struct integrator_core *)dev;
    uint32_t nvflags = core->s.nvflags;

    core->s = (struct integrator_core_state){
        .oscillator = 0x00000048, .aux_oscillator = 0x0007feff, .init = 0x00000112,
        .sdram = sdram_register(core->ram_size), .nvflags = nvflags,
        .control = core->remapped ? CONTROL_REMAP : 0,
    };
}

static void core_reset_lines(struct device *dev)
{
    update_map((struct integrator_core *)dev);
    update_irq((struct integrator_core *)dev);
}

static const struct device_region core_regions[] = {
    { "integrator_core", 0x00800000, { core_read, core_write, .min = 4 } }, { 0 }
};
static const struct property core_properties[] = {
    PROP_SIZE("ram_size", integrator_core, ram_size, 128 << 20), { 0 }
};

DEVICE(integrator_core) = {
    .name = "integrator_core", .desc = "Integrator core module", .internal = true,
    .size = sizeof(struct integrator_core), .properties = core_properties,
    .regions = core_regions, .irqs = 2, .init = core_init, .reset = core_reset,
    .reset_lines = core_reset_lines,
    .state = STATE(integrator_core, s, integrator_core_state, 1),
};

/* --- the CP board's registers ---------------------------------------------------------------- */

enum { CP_ID = 0x00, CP_FLASH = 0x04, CP_CARD = 0x08, CP_DECODE = 0x0c };
enum { CARD_PROTECTED = 1, CARD_PRESENT = 2, CARD_CHANGED = 8 };

struct icp_control {
    struct device dev;
    struct icp_control_state { uint32_t card, flash; } s;
};

FIELDS(icp_control_state) = {
    FIELD(icp_control_state, card), FIELD(icp_control_state, flash), FIELDS_END
};

static void icp_update(struct icp_control *c)
{
    irq_set(c->dev.irqs[0], (c->s.card & CARD_CHANGED) != 0);
}

static void icp_input(void *dev, int n, int level)
{
    struct icp_control *c = dev;

    if (n == 1 && level && !(c->s.card & CARD_PRESENT)) {
        c->s.card |= CARD_CHANGED;
    }
    c->s.card = bits_deposit(c->s.card, (unsigned)n, 1, level != 0);
    icp_update(c);
}

static uint64_t icp_read(void *dev, uint64_t offset, unsigned size)
{
    const struct icp_control *c = dev;

    switch (offset) {
    case CP_ID: return 0x41034003;
    case CP_FLASH: return c->s.flash;
    case CP_CARD: return c->s.card;
    case CP_DECODE: return 0x11;
    default: return 0;
    }
}

static void icp_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct icp_control *c = dev;

    switch (offset) {
    case CP_FLASH: c->s.flash = value & 3; break;
    case CP_CARD:
        c->s.card &= ~(value & CARD_CHANGED);
        icp_update(c);
        break;
    default: log_guest_error("icp-ctrl-regs: write of offset 0x%x", (int)offset); break;
    }
}

static bool icp_init(struct device *dev, struct error **err)
{
    return true;
}

/* The card stays where it is. */
static void icp_reset(struct device *dev)
{
    struct icp_control *c = (struct icp_control *)dev;

    c->s = (struct icp_control_state){ .card = c->s.card & (CARD_PROTECTED | CARD_PRESENT) };
}

static void icp_reset_lines(struct device *dev)
{
    icp_update((struct icp_control *)dev);
}

static const struct device_region icp_regions[] = {
    { "icp-control", 0x00800000, { icp_read, icp_write, .min = 4 } }, { 0 }
};

DEVICE(icp_control) = {
    .name = "icp-ctrl-regs", .desc = "Integrator/CP registers", .internal = true,
    .size = sizeof(struct icp_control), .regions = icp_regions, .irqs = 1, .inputs = 2,
    .input = icp_input, .init = icp_init, .reset = icp_reset, .reset_lines = icp_reset_lines,
    .state = STATE(icp_control, s, icp_control_state, 1),
};
