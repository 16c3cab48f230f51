/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The watchdog of iBASE IB700 boards: a write to port 0x443 starts it, one to 0x441 stops it. */
#include "base/clock.h"
#include "hw/core/machine.h"
#include "hw/isa/isa.h"

enum { PORT_STOP = 0x441, PORT_START = 0x443, LONGEST_S = 30, STEP_S = 2 };

struct ib700_state {
    int64_t expiry;      /* CLOCK_VM ns; 0 while it is stopped */
};

struct ib700 {
    struct device dev;
    struct timer timer;
    struct memory_region stop, start;
    struct ib700_state s;
};

static void arm(struct ib700 *d)
{
    if (d->s.expiry) {
        timer_set(&d->timer, d->s.expiry);
    } else {
        timer_cancel(&d->timer);
    }
}

static void expired(void *opaque)
{
    struct ib700 *d = opaque;

    d->s.expiry = 0;
    machine_request_watchdog();
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    return UINT64_MAX;
}

/* The low four bits count down from 30 seconds in steps of two. */
static void start_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ib700 *d = opaque;
    int64_t seconds = LONGEST_S - STEP_S * (int64_t)(value & 0xf);

    d->s.expiry = clock_ns(CLOCK_VM) + seconds * NS_PER_SECOND;
    arm(d);
}

static void stop_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ib700 *d = opaque;

    d->s.expiry = 0;
    arm(d);
}

static const struct mmio_ops start_ops = { port_read, start_write, 1, 1 };
static const struct mmio_ops stop_ops = { port_read, stop_write, 1, 1 };

static bool ib700_init(struct device *dev, struct error **err)
{
    struct ib700 *d = (struct ib700 *)dev;

    timer_init(&d->timer, CLOCK_VM, expired, d);
    memory_region_init_mmio(&d->stop, "ib700-stop", 1, &stop_ops, d);
    memory_region_init_mmio(&d->start, "ib700-start", 1, &start_ops, d);
    isa_map(dev, &d->stop, PORT_STOP);
    isa_map(dev, &d->start, PORT_START);
    return true;
}

static void ib700_exit(struct device *dev)
{
    struct ib700 *d = (struct ib700 *)dev;

    timer_cancel(&d->timer);
    memory_region_fini(&d->stop);
    memory_region_fini(&d->start);
}

static void ib700_reset(struct device *dev)
{
    struct ib700 *d = (struct ib700 *)dev;

    d->s.expiry = 0;
    arm(d);
}

static bool ib700_loaded(struct device *dev, struct error **err)
{
    arm((struct ib700 *)dev);
    return true;
}

FIELDS(ib700_state) = { FIELD(ib700_state, expiry), FIELDS_END };

DEVICE(ib700) = {
    .name = "ib700", .desc = "iBASE 700 watchdog", .bus = "isa", .size = sizeof(struct ib700),
    .init = ib700_init, .exit = ib700_exit, .reset = ib700_reset, .loaded = ib700_loaded,
    .state = STATE(ib700, s, ib700_state, 1),
};
