/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of the local APIC share: apic.c (interrupts, registers), apic-timer.c. */
#ifndef HW_INTC_APIC_STATE_H
#define HW_INTC_APIC_STATE_H

#include "base/clock.h"
#include "hw/core/device.h"
#include "hw/intc/apic.h"

enum apic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVTS };
enum {
    LVT_MODE_SHIFT = 8, LVT_REMOTE_IRR = 1 << 14, LVT_LEVEL = 1 << 15, LVT_MASKED = 1 << 16,
    LVT_TIMER_MODE = 3 << 17, LVT_PERIODIC = 1 << 17, LVT_DEADLINE = 2 << 17
};

struct apic {
    struct device dev;
    uint8_t initial_id;
    bool bootstrap;
    const struct apic_cpu_ops *ops;
    void *opaque;
    bool line;                  /* as the CPU knows it */
    struct timer timer;
    struct apic_state {
        uint64_t base;          /* IA32_APIC_BASE */
        uint64_t deadline;      /* TSC value; 0: none */
        int64_t timer_start;    /* CLOCK_VM when the initial count was loaded */
        int64_t timer_due;      /* of the next expiry; INT64_MAX when it has stopped */
        uint32_t initial_count, divide, svr, icr[2], lvt[LVTS];
        uint32_t isr[8], tmr[8], irr[8];
        uint8_t id, tpr, ldr, dfr, esr, errors;
        uint8_t lint_levels;    /* of the inputs */
        bool extint;            /* an ExtINT message came */
    } s;
};

/* Takes a local interrupt unless it is masked. */
void apic_local_interrupt(struct apic *a, enum apic_lvt n);

void apic_timer_init(struct apic *a);
void apic_timer_reset(struct apic *a);
/* Arms the host timer from the state: after a load or a change of the LVT's mask bit. */
void apic_timer_schedule(struct apic *a);
void apic_timer_set_count(struct apic *a, uint32_t count);
void apic_timer_set_divide(struct apic *a, uint32_t value);
void apic_timer_set_lvt(struct apic *a, uint32_t lvt);
uint32_t apic_timer_count(struct apic *a);

#endif
