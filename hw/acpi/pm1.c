/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI fixed hardware: PM1 events and control, the 24-bit PM timer, general purpose events. */
#include "hw/acpi/pm1.h"

#include <string.h>

#include "base/bits.h"

/* The timer's status bit tells of every change of bit 23 (ACPI 4.8.3.3). */
#define CARRY_TICKS (1u << 23)

static uint64_t ticks_at(int64_t ns)
{
    return clock_ns_to_ticks((uint64_t)ns, ACPI_TIMER_HZ);
}

/* Without an interrupt wanted no timer runs, so carries are collected when somebody looks. */
static void collect_carry(struct pm1 *pm)
{
    int64_t now = clock_ns(CLOCK_VM);

    if (now < pm->s->timer_since) {
        pm->s->timer_since = now;
    }
    if (ticks_at(now) / CARRY_TICKS != ticks_at(pm->s->timer_since) / CARRY_TICKS) {
        pm->s->status |= PM1_TIMER;
    }
    pm->s->timer_since = now;
}

static bool gpe_active(const struct pm1_state *s)
{
    return (s->gpe_status[0] & s->gpe_enable[0]) || (s->gpe_status[1] & s->gpe_enable[1]);
}

void pm1_update(struct pm1 *pm)
{
    struct pm1_state *s = pm->s;
    uint16_t wanted = PM1_TIMER | PM1_GLOBAL | PM1_POWER_BUTTON | PM1_SLEEP_BUTTON | PM1_RTC;
    bool active = (s->status & s->enable & wanted) || gpe_active(s);

    irq_set(*pm->sci, active && s->control & PM1_SCI_ENABLE);
    if (s->enable & PM1_TIMER && !(s->status & PM1_TIMER)) {
        uint64_t next = (ticks_at(s->timer_since) / CARRY_TICKS + 1) * CARRY_TICKS;
        timer_set(&pm->carry, (int64_t)clock_ticks_to_ns(next, ACPI_TIMER_HZ));
    } else {
        timer_cancel(&pm->carry);
    }
}

static void carry_due(void *opaque)
{
    collect_carry(opaque);
    pm1_update(opaque);
}

void pm1_init(struct pm1 *pm, struct pm1_state *s, const struct irq *sci,
              void (*sleep)(void *opaque, unsigned type), void *opaque)
{
    pm->s = s;
    pm->sci = sci;
    pm->sleep = sleep;
    pm->opaque = opaque;
    timer_init(&pm->carry, CLOCK_VM, carry_due, pm);
}

void pm1_exit(struct pm1 *pm)
{
    timer_cancel(&pm->carry);
}

void pm1_reset(struct pm1 *pm)
{
    memset(pm->s, 0, sizeof(*pm->s));
    pm->s->timer_since = clock_ns(CLOCK_VM);
    timer_cancel(&pm->carry);
}

static uint8_t read_byte(struct pm1 *pm, uint64_t offset)
{
    const struct pm1_state *s = pm->s;

    switch (offset) {
    case 0: case 1:
        return (uint8_t)(s->status >> 8 * offset);
    case 2: case 3:
        return (uint8_t)(s->enable >> 8 * (offset - 2));
    case 4: case 5:
        return (uint8_t)(s->control >> 8 * (offset - 4));
    default:
        return 0;
    }
}

uint64_t pm1_read(struct pm1 *pm, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    if (offset >= 8 && offset < 12) {
        uint32_t timer = (uint32_t)ticks_at(clock_ns(CLOCK_VM)) & 0xffffff;
        return timer >> 8 * (offset - 8) & bits_mask(8 * size);
    }
    collect_carry(pm);
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)read_byte(pm, offset + i) << 8 * i;
    }
    pm1_update(pm);
    return value;
}

static void write_control(struct pm1 *pm, uint16_t value)
{
    pm->s->control = value & (uint16_t)~PM1_SLEEP_ENABLE;
    if (value & PM1_SLEEP_ENABLE) {
        pm->sleep(pm->opaque, value >> PM1_SLEEP_TYPE_SHIFT & 7);
    }
}

static void write_byte(struct pm1 *pm, uint64_t offset, uint8_t value)
{
    struct pm1_state *s = pm->s;
    unsigned shift = offset & 1 ? 8 : 0;
    uint16_t wide = (uint16_t)(value << shift), mask = (uint16_t)(0xff << shift);

    switch (offset & ~1ull) {
    case 0:
        s->status &= (uint16_t)~wide;
        break;
    case 2:
        s->enable = (uint16_t)bits_merge(s->enable, wide, mask);
        break;
    case 4:
        write_control(pm, (uint16_t)bits_merge(s->control, wide, mask));
        break;
    }
}

void pm1_write(struct pm1 *pm, uint64_t offset, uint64_t value, unsigned size)
{
    collect_carry(pm);
    for (unsigned i = 0; i < size; i++) {
        write_byte(pm, offset + i, (uint8_t)(value >> 8 * i));
    }
    pm1_update(pm);
}

uint64_t pm1_gpe_read(struct pm1 *pm, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size && offset + i < 4; i++) {
        uint64_t at = offset + i;
        uint8_t byte = at < 2 ? pm->s->gpe_status[at] : pm->s->gpe_enable[at - 2];
        value |= (uint64_t)byte << 8 * i;
    }
    return value;
}

void pm1_gpe_write(struct pm1 *pm, uint64_t offset, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size && offset + i < 4; i++) {
        uint64_t at = offset + i;
        uint8_t byte = (uint8_t)(value >> 8 * i);
        if (at < 2) {
            pm->s->gpe_status[at] &= (uint8_t)~byte;
        } else {
            pm->s->gpe_enable[at - 2] = byte;
        }
    }
    pm1_update(pm);
}

void pm1_gpe_event(struct pm1 *pm, unsigned number)
{
    pm->s->gpe_status[number / 8] |= (uint8_t)(1u << number % 8);
    pm1_update(pm);
}

void pm1_event(struct pm1 *pm, uint16_t bits)
{
    pm->s->status |= bits;
    pm1_update(pm);
}

void pm1_set_sci_enable(struct pm1 *pm, bool on)
{
    pm->s->control = (uint16_t)bits_merge(pm->s->control, on, PM1_SCI_ENABLE);
    pm1_update(pm);
}
