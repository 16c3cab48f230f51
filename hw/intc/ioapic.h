/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O APIC (82093AA, with the EOI register of version 0x20), class "ioapic": inputs 0 to 23, and
 * the region "ioapic" that the board maps at IOAPIC_BASE. ISA line 0 goes to input 2; which PCI
 * line goes where is the board's choice.
 */
#ifndef HW_INTC_IOAPIC_H
#define HW_INTC_IOAPIC_H

#include <stdint.h>

#define IOAPIC_BASE 0xfec00000ull
#define IOAPIC_PINS 24

/* Local APICs announce the end of a level-triggered interrupt. */
void ioapic_end_of_interrupt(uint8_t vector);

#endif
