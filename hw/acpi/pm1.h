/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fixed hardware of ACPI (ACPI 6.4, 4.8.3): PM1 event and control registers, the PM timer and
 * one block of general purpose events. A power management chip embeds it.
 */
#ifndef HW_ACPI_PM1_H
#define HW_ACPI_PM1_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "hw/core/irq.h"
#include "hw/core/state.h"

#define ACPI_TIMER_HZ 3579545u

/* PM1 status and enable bits. */
enum {
    PM1_TIMER = 1 << 0, PM1_BUS_MASTER = 1 << 4, PM1_GLOBAL = 1 << 5, PM1_POWER_BUTTON = 1 << 8,
    PM1_SLEEP_BUTTON = 1 << 9, PM1_RTC = 1 << 10, PM1_WAKE = 1 << 15
};
/* PM1 control bits. */
enum { PM1_SCI_ENABLE = 1, PM1_SLEEP_TYPE_SHIFT = 10, PM1_SLEEP_ENABLE = 1 << 13 };

struct pm1_state {
    uint16_t status, enable, control;
    int64_t timer_since;          /* CLOCK_VM time up to which the timer's carries are in status */
    uint8_t gpe_status[2], gpe_enable[2];
};

struct pm1 {
    struct pm1_state *s;
    struct timer carry;           /* set while the guest wants an interrupt on a timer carry */
    const struct irq *sci;        /* the owner's output */
    /* The guest went to sleep with this type. */
    void (*sleep)(void *opaque, unsigned type);
    void *opaque;
};

void pm1_init(struct pm1 *pm, struct pm1_state *s, const struct irq *sci,
              void (*sleep)(void *opaque, unsigned type), void *opaque);
void pm1_exit(struct pm1 *pm);
void pm1_reset(struct pm1 *pm);
/* Drives SCI and sets the timer from the state: reset_lines and loaded. */
void pm1_update(struct pm1 *pm);

/* Byte registers: status 0-1, enable 2-3, control 4-5, timer 8-11; others read as 0. */
uint64_t pm1_read(struct pm1 *pm, uint64_t offset, unsigned size);
void pm1_write(struct pm1 *pm, uint64_t offset, uint64_t value, unsigned size);
/* Status 0-1, enable 2-3. */
uint64_t pm1_gpe_read(struct pm1 *pm, uint64_t offset, unsigned size);
void pm1_gpe_write(struct pm1 *pm, uint64_t offset, uint64_t value, unsigned size);

/* An event of the chip: sets status bits. */
void pm1_event(struct pm1 *pm, uint16_t bits);
/* A general purpose event. */
void pm1_gpe_event(struct pm1 *pm, unsigned number);
/* The SMI handler switches ACPI mode on or off. */
void pm1_set_sci_enable(struct pm1 *pm, bool on);

FIELDS(pm1_state) = {
    FIELD(pm1_state, status), FIELD(pm1_state, enable), FIELD(pm1_state, control),
    FIELD(pm1_state, timer_since), ARRAY(pm1_state, gpe_status), ARRAY(pm1_state, gpe_enable),
    FIELDS_END
};

#endif
