/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watchdog of the Intel 6300ESB: two stages that count down one after the other, the first of
 * which interrupts and the second of which resets. Registers can be written after 0x80 and 0x86
 * were written to the reload register, once.
 */
#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "hw/core/machine.h"
#include "hw/pci/pci.h"

enum { CONFIG = 0x60, LOCK = 0x68 };                        /* in configuration space */
enum { CONFIG_NO_OUTPUT = 0x20, CONFIG_FAST = 0x04, CONFIG_TYPE = 0x03, TYPE_IRQ = 0, TYPE_SMI = 2,
       LOCK_LOCKED = 0x01, LOCK_ENABLED = 0x02, LOCK_FREE_RUN = 0x04 };
enum { PRELOAD1 = 0x00, PRELOAD2 = 0x04, INTERRUPT = 0x08, RELOAD = 0x0c, MEMORY_SIZE = 16 };
enum { RELOAD_NOW = 0x100, RELOAD_TIMED_OUT = 0x200, UNLOCK1 = 0x80, UNLOCK2 = 0x86 };
enum { PCI_HZ = 33000000, SLOW_SHIFT = 15, FAST_SHIFT = 5, PRELOAD_BITS = 20 };
#define SHORTEST_NS 100000      /* a guest that reloads with zero does not keep the host busy */

enum unlocking { UNLOCK_IDLE, UNLOCK_FIRST, UNLOCK_DONE };

struct i6300esb_state {
    uint32_t preload[2];
    int64_t expiry;             /* of the stage, CLOCK_VM ns; 0 while it stands still */
    uint8_t stage, unlocking;
    uint8_t interrupt;          /* the first stage ended */
    uint8_t timed_out;          /* the second did; survives the reset that it causes */
};

struct i6300esb {
    struct pci_device pci;
    struct timer timer;
    struct memory_region memory;
    struct i6300esb_state s;
};

static void arm(struct i6300esb *d)
{
    if (d->s.expiry) {
        timer_set(&d->timer, d->s.expiry);
    } else {
        timer_cancel(&d->timer);
    }
}

static void stop(struct i6300esb *d)
{
    d->s.expiry = 0;
    arm(d);
}

static void start_stage(struct i6300esb *d, uint8_t stage)
{
    bool fast = d->pci.pci.config[CONFIG] & CONFIG_FAST;
    uint64_t ticks = (uint64_t)d->s.preload[stage] << (fast ? FAST_SHIFT : SLOW_SHIFT);

    d->s.stage = stage;
    d->s.expiry = clock_ns(CLOCK_VM) +
        MAX_OF((int64_t)clock_ticks_to_ns(ticks, PCI_HZ), SHORTEST_NS);
    arm(d);
}

static void end_first_stage(struct i6300esb *d)
{
    unsigned type = d->pci.pci.config[CONFIG] & CONFIG_TYPE;

    if (type == TYPE_IRQ) {
        d->s.interrupt = 1;
        pci_set_intx(&d->pci, 1);
    } else if (type == TYPE_SMI) {
        log_unimp("i6300esb: an SMI at the end of the first stage");
    }
    start_stage(d, 1);
}

static void expired(void *opaque)
{
    struct i6300esb *d = opaque;

    d->s.expiry = 0;
    if (d->s.stage == 0) {
        end_first_stage(d);
        return;
    }
    d->s.timed_out = 1;
    if (!(d->pci.pci.config[CONFIG] & CONFIG_NO_OUTPUT)) {
        machine_request_watchdog();
    }
    if (d->pci.pci.config[LOCK] & LOCK_FREE_RUN) {
        start_stage(d, 0);
    }
}

/* --- registers ------------------------------------------------------------------------------- */

static void config_write(struct pci_device *pci, unsigned reg, uint32_t value, unsigned size)
{
    struct i6300esb *d = (struct i6300esb *)pci;
    uint8_t before = pci->pci.config[LOCK];

    pci_config_default_write(pci, reg, value, size);
    if (before & LOCK_LOCKED) {
        pci->pci.config[LOCK] = before;
    }
    if (pci->pci.config[LOCK] & ~before & LOCK_ENABLED) {
        start_stage(d, 0);
    } else if (before & ~pci->pci.config[LOCK] & LOCK_ENABLED) {
        stop(d);
    }
}

static uint64_t memory_read(void *opaque, uint64_t offset, unsigned size)
{
    struct i6300esb *d = opaque;

    switch (offset) {
    case PRELOAD1:
    case PRELOAD2:
        return d->s.preload[offset / 4];
    case INTERRUPT:
        return d->s.interrupt;
    case RELOAD:
        return d->s.timed_out ? RELOAD_TIMED_OUT : 0;
    default:
        return 0;
    }
}

static void reload_write(struct i6300esb *d, uint32_t value)
{
    if (value & RELOAD_TIMED_OUT) {
        d->s.timed_out = 0;
    }
    if (value & RELOAD_NOW && d->pci.pci.config[LOCK] & LOCK_ENABLED) {
        start_stage(d, 0);
    }
}

static void memory_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct i6300esb *d = opaque;

    if (offset == RELOAD && value == UNLOCK1) {
        d->s.unlocking = UNLOCK_FIRST;
    } else if (offset == RELOAD && value == UNLOCK2 && d->s.unlocking == UNLOCK_FIRST) {
        d->s.unlocking = UNLOCK_DONE;
    } else if (offset == INTERRUPT) {
        d->s.interrupt &= (uint8_t)~value;
        pci_set_intx(&d->pci, d->s.interrupt);
    } else if (d->s.unlocking == UNLOCK_DONE) {
        d->s.unlocking = UNLOCK_IDLE;
        if (offset == RELOAD) {
            reload_write(d, (uint32_t)value);
        } else if (offset == PRELOAD1 || offset == PRELOAD2) {
            d->s.preload[offset / 4] = (uint32_t)(value & bits_mask(PRELOAD_BITS));
        }
    }
}

static const struct mmio_ops memory_ops = { memory_read, memory_write, 1, 4 };

/* --- the device ------------------------------------------------------------------------------ */

static bool esb_init(struct device *dev, struct error **err)
{
    struct i6300esb *d = (struct i6300esb *)dev;

    pci_set_ids(&d->pci, 0x8086, 0x25ab, 0, 0x088000);
    pci_set_subsystem(&d->pci, 0x1af4, 0x1100);
    pci_set_interrupt_pin(&d->pci, 1);
    d->pci.writable[CONFIG] = CONFIG_NO_OUTPUT | CONFIG_FAST | CONFIG_TYPE;
    d->pci.writable[LOCK] = LOCK_LOCKED | LOCK_ENABLED | LOCK_FREE_RUN;
    d->pci.config_write = config_write;
    timer_init(&d->timer, CLOCK_VM, expired, d);
    memory_region_init_mmio(&d->memory, "i6300esb", MEMORY_SIZE, &memory_ops, d);
    pci_add_bar(&d->pci, 0, PCI_BAR_MEMORY, &d->memory);
    return true;
}

static void esb_exit(struct device *dev)
{
    struct i6300esb *d = (struct i6300esb *)dev;

    timer_cancel(&d->timer);
    memory_region_fini(&d->memory);
}

static void esb_reset(struct device *dev)
{
    struct i6300esb *d = (struct i6300esb *)dev;
    uint8_t timed_out = d->s.timed_out;

    d->s = (struct i6300esb_state){ .preload = { 0xfffff, 0xfffff }, .timed_out = timed_out };
    arm(d);
}

static void esb_reset_lines(struct device *dev)
{
    struct i6300esb *d = (struct i6300esb *)dev;

    pci_set_intx(&d->pci, d->s.interrupt);
}

static bool esb_loaded(struct device *dev, struct error **err)
{
    struct i6300esb *d = (struct i6300esb *)dev;

    if (d->s.stage > 1 || d->s.unlocking > UNLOCK_DONE || d->s.preload[0] >> PRELOAD_BITS ||
        d->s.preload[1] >> PRELOAD_BITS) {
        error_set(err, "i6300esb: impossible stage");
        return false;
    }
    arm(d);
    return true;
}

#define F(m) FIELD(i6300esb_state, m)
FIELDS(i6300esb_state) = {
    ARRAY(i6300esb_state, preload), F(expiry), F(stage), F(unlocking), F(interrupt), F(timed_out),
    FIELDS_END
};
#undef F

DEVICE(i6300esb) = {
    .name = "i6300esb", .desc = "Intel 6300ESB watchdog", .bus = "pci",
    .size = sizeof(struct i6300esb), .init = esb_init, .exit = esb_exit, .reset = esb_reset,
    .reset_lines = esb_reset_lines, .loaded = esb_loaded,
    .state = STATE(i6300esb, s, i6300esb_state, 1),
};
