/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APIC's timer: one-shot, periodic and TSC deadline, on a 1 GHz bus clock. */
#include "base/bits.h"
#include "hw/intc/apic-state.h"

/* Periods missed while the host was busy are made up for, but no more than this time's worth. */
#define BACKLOG_NS (200 * NS_PER_MS)
#define SHORTEST_NS (20 * NS_PER_US)

/* Divide by 2, 4, ... 128, 1 for the codes 0 to 7, which are bits 3, 1 and 0. */
static unsigned divide_shift(const struct apic *a)
{
    unsigned code = (a->s.divide >> 1 & 4) | (a->s.divide & 3);

    return (code + 1) & 7;
}

static uint32_t timer_mode(const struct apic *a)
{
    return a->s.lvt[LVT_TIMER] & LVT_TIMER_MODE;
}

static int64_t period_ns(const struct apic *a)
{
    return (int64_t)a->s.initial_count << divide_shift(a);
}

/* What expired before `time` without anybody to tell. */
static void skip_to(struct apic *a, int64_t time)
{
    if (a->s.timer_due >= time) {
        return;
    }
    if (timer_mode(a) == LVT_PERIODIC && a->s.initial_count) {
        int64_t missed = (time - a->s.timer_due + period_ns(a) - 1) / period_ns(a);

        a->s.timer_due += missed * period_ns(a);
    } else {
        a->s.timer_due = INT64_MAX;
    }
}

void apic_timer_schedule(struct apic *a)
{
    if (a->s.lvt[LVT_TIMER] & LVT_MASKED || a->s.timer_due == INT64_MAX) {
        timer_cancel(&a->timer);
    } else {
        timer_set(&a->timer, a->s.timer_due);
    }
}

static void expired(void *opaque)
{
    struct apic *a = opaque;
    int64_t now = clock_ns(CLOCK_VM);

    if (now < a->s.timer_due) {
        apic_timer_schedule(a);
        return;
    }
    if (timer_mode(a) == LVT_PERIODIC && a->s.initial_count) {
        skip_to(a, now - BACKLOG_NS);
        a->s.timer_due += period_ns(a);
        apic_timer_schedule(a);
        if (a->s.timer_due <= now) {
            timer_set(&a->timer, now + MAX_OF(period_ns(a) / 2, SHORTEST_NS));
        }
    } else {
        a->s.timer_due = INT64_MAX;
        a->s.deadline = 0;
    }
    apic_local_interrupt(a, LVT_TIMER);
}

void apic_timer_init(struct apic *a)
{
    timer_init(&a->timer, CLOCK_VM, expired, a);
}

void apic_timer_reset(struct apic *a)
{
    a->s.initial_count = 0;
    a->s.divide = 0;
    a->s.deadline = 0;
    a->s.timer_start = 0;
    a->s.timer_due = INT64_MAX;
    timer_cancel(&a->timer);
}

void apic_timer_set_count(struct apic *a, uint32_t count)
{
    if (timer_mode(a) == LVT_DEADLINE) {
        return;
    }
    a->s.initial_count = count;
    a->s.timer_start = clock_ns(CLOCK_VM);
    a->s.timer_due = count ? a->s.timer_start + period_ns(a) : INT64_MAX;
    apic_timer_schedule(a);
}

uint32_t apic_timer_count(struct apic *a)
{
    uint64_t elapsed = (uint64_t)(clock_ns(CLOCK_VM) - a->s.timer_start) >> divide_shift(a);

    if (timer_mode(a) == LVT_DEADLINE || !a->s.initial_count) {
        return 0;
    }
    if (timer_mode(a) == LVT_PERIODIC) {
        return a->s.initial_count - elapsed % a->s.initial_count;
    }
    return elapsed < a->s.initial_count ? a->s.initial_count - elapsed : 0;
}

/* The count that is left goes on at the new speed. */
void apic_timer_set_divide(struct apic *a, uint32_t value)
{
    int64_t now = clock_ns(CLOCK_VM);
    uint32_t left = apic_timer_count(a);

    a->s.divide = value & 0x0b;
    if (left && a->s.timer_due != INT64_MAX) {
        a->s.timer_start = now - ((int64_t)(a->s.initial_count - left) << divide_shift(a));
        a->s.timer_due = now + ((int64_t)left << divide_shift(a));
        apic_timer_schedule(a);
    }
}

void apic_timer_set_lvt(struct apic *a, uint32_t lvt)
{
    uint32_t old = a->s.lvt[LVT_TIMER];

    if (old & LVT_MASKED) {
        skip_to(a, clock_ns(CLOCK_VM));
    }
    a->s.lvt[LVT_TIMER] = lvt;
    /* To or from deadline mode the timer is disarmed. */
    if ((old ^ lvt) & LVT_DEADLINE) {
        a->s.initial_count = 0;
        a->s.deadline = 0;
        a->s.timer_due = INT64_MAX;
    }
    apic_timer_schedule(a);
}

uint64_t apic_tsc_deadline(struct device *dev)
{
    struct apic *a = (struct apic *)dev;

    return timer_mode(a) == LVT_DEADLINE ? a->s.deadline : 0;
}

void apic_set_tsc_deadline(struct device *dev, uint64_t tsc)
{
    struct apic *a = (struct apic *)dev;

    if (timer_mode(a) != LVT_DEADLINE || !a->ops->tsc_to_vm_ns) {
        return;
    }
    a->s.deadline = tsc;
    a->s.timer_due = tsc ? a->ops->tsc_to_vm_ns(a->opaque, tsc) : INT64_MAX;
    apic_timer_schedule(a);
}
