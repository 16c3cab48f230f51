/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local APICs and the bus between them, the I/O APICs and message signalled interrupts.
 *
 * One APIC per CPU, made by the board with apic_create(). Device inputs 0 and 1 are LINT0 (the 8259
 * pair, to all APICs) and LINT1 (NMI). All calls hold the big lock.
 */
#ifndef HW_INTC_APIC_H
#define HW_INTC_APIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/core/device.h"
#include "hw/core/memory.h"

#define APIC_DEFAULT_BASE 0xfee00000ull
/* Below this offset of the window the CPU meets its own registers; all of it takes messages. */
#define APIC_WINDOW_SIZE 0x100000ull

enum apic_delivery {
    APIC_FIXED, APIC_LOWEST, APIC_SMI, APIC_REMOTE_READ, APIC_NMI, APIC_INIT, APIC_STARTUP,
    APIC_EXTINT
};

/* What an APIC tells its CPU. */
struct apic_cpu_ops {
    /* Level of the interrupt line: apic_acknowledge() has a vector. */
    void (*set_interrupt)(void *opaque, int level);
    void (*nmi)(void *opaque);
    void (*smi)(void *opaque);
    void (*init)(void *opaque);
    void (*startup)(void *opaque, uint8_t vector);
    /* For the deadline timer: the CLOCK_VM time when the CPU's TSC reaches `tsc`. */
    int64_t (*tsc_to_vm_ns)(void *opaque, uint64_t tsc);
};

/* Makes and realizes the APIC of a CPU; `ops` must stay. NULL with *err set on failure. */
struct device *apic_create(uint8_t id, bool bootstrap, const struct apic_cpu_ops *ops,
                           void *opaque, struct error **err);
/* The shared window that the board maps at APIC_DEFAULT_BASE, above RAM. */
struct memory_region *apic_window(void);
/* Whose registers the window shows to the calling thread; the CPU loop sets it. NULL: a bus master,
 * whose writes are messages. */
void apic_set_current(struct device *apic);
struct device *apic_current(void);

/* Where LINT0 in ExtINT mode fetches its vector: pic_acknowledge(). */
void apic_set_extint(int (*acknowledge)(void *opaque), void *opaque);
/* For struct cpu's irq_acknowledge, `apic` is the device: the vector of the highest pending
 * interrupt, which becomes in service; -1 when there is none (any more). */
int apic_acknowledge(void *apic);
bool apic_pending(struct device *apic);

/* A message on the APIC bus. `logical` is the destination mode. */
void apic_deliver(uint8_t destination, bool logical, enum apic_delivery delivery, uint8_t vector,
                  bool level);
/* A message signalled interrupt: a 32-bit write of `data` to the window. */
void apic_send_message(uint64_t address, uint32_t data);

/* Registers as the CPU sees them by offset (0x20 is the ID), for x2APIC and for tests. */
uint32_t apic_read(struct device *apic, unsigned offset);
void apic_write(struct device *apic, unsigned offset, uint32_t value);

uint8_t apic_id(struct device *apic);
/* CR8 is the high nibble of TPR. */
uint8_t apic_cr8(struct device *apic);
void apic_set_cr8(struct device *apic, uint8_t value);
/* IA32_APIC_BASE; setting fails (#GP) for reserved bits and impossible changes. */
uint64_t apic_base(struct device *apic);
bool apic_set_base(struct device *apic, uint64_t value);
/* Whether CPUID shows the APIC: the global enable bit. */
bool apic_enabled(struct device *apic);
/* IA32_TSC_DEADLINE; ignored and 0 in other timer modes. */
uint64_t apic_tsc_deadline(struct device *apic);
void apic_set_tsc_deadline(struct device *apic, uint64_t tsc);
/* The CPU took an INIT: everything but the ID and the base register goes to its reset value. */
void apic_init_reset(struct device *apic);

#endif
