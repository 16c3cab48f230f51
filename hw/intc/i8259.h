/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC's pair of 8259A interrupt controllers, class "isa-i8259".
 *
 * Inputs 0 to 15 are the IRQ lines (2 is the cascade and ignored); output 0 is INTR of the first
 * CPU or LINT0 of its local APIC.
 */
#ifndef HW_INTC_I8259_H
#define HW_INTC_I8259_H

#include <stdbool.h>

/* The interrupt acknowledge cycle: the vector (a spurious one when nothing is pending). `pic` is
 * the device. */
int pic_acknowledge(void *pic);
/* The level of the INTR output. */
bool pic_pending(void *pic);

#endif
