/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ARM boards have in common: memory, a CPU with its two lines, chips at addresses. */
#ifndef HW_ARM_BOARD_H
#define HW_ARM_BOARD_H

#include "hw/arm/boot.h"
#include "hw/core/device.h"

struct board {
    const struct machine_config *config;
    struct memory_region system, ram;
    struct address_space memory;
    struct cpu *cpu;
    struct arm_board boot;
};

/* Memory, and RAM from 0 on. */
bool board_init(struct board *b, const struct machine_config *config, uint64_t max_ram,
                struct error **err);
bool board_create_cpu(struct board *b, const char *default_model, struct error **err);
/* The CPU's IRQ (0) and FIQ (1). */
struct irq board_cpu_line(struct board *b, int n);
/* Reads -kernel and the rest. */
bool board_boot(struct board *b, uint32_t machine_id, struct error **err);

/* Makes a chip; its first region goes to the address, its output 0 to the line. */
struct device *board_chip(struct board *b, const char *class, uint64_t address, struct irq irq,
                          struct error **err);
/* The same for one that is created already, with properties set. */
struct device *board_place(struct board *b, struct device *dev, uint64_t address, struct irq irq,
                           struct error **err);
struct device *board_uart(struct board *b, unsigned index, uint64_t address, struct irq irq,
                          struct error **err);
struct device *board_lcd(struct board *b, const char *class, uint64_t address, struct irq irq,
                         struct error **err);
/* SD card host with the drive of that number; an empty one for the first slot if there is none. */
struct device *board_card(struct board *b, unsigned index, uint64_t address, struct irq command,
                          struct irq fifo, struct irq protected, struct irq present,
                          struct error **err);

#endif
