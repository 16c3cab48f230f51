/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/arm/board.h"

#include "block.h"
#include "hw/arm/arm-cpu.h"
#include "hw/display/pl110.h"

bool board_init(struct board *b, const struct machine_config *config, uint64_t max_ram,
                struct error **err)
{
    b->config = config;
    if (config->ram_size > max_ram) {
        error_set(err, "-m: this board has room for at most %llu MiB of memory",
                  (unsigned long long)(max_ram >> 20));
        return false;
    }
    memory_region_init(&b->system, "system", 1ull << 32);
    address_space_init(&b->memory, "memory", &b->system);
    if (!memory_region_init_ram(&b->ram, "ram", config->ram_size, err)) {
        return false;
    }
    memory_region_add(&b->system, 0, &b->ram);
    return true;
}

bool board_create_cpu(struct board *b, const char *default_model, struct error **err)
{
    const char *model = b->config->cpu_model ? b->config->cpu_model : default_model;

    b->cpu = cpu_create(model, &b->memory, NULL, err);
    return b->cpu != NULL;
}

static void cpu_line(void *opaque, int n, int level)
{
    uint32_t line = n ? ARM_INT_FIQ : CPU_INT_HARD;

    if (level) {
        cpu_interrupt(opaque, line);
    } else {
        cpu_clear_interrupt(opaque, line);
    }
}

struct irq board_cpu_line(struct board *b, int n)
{
    return (struct irq){ cpu_line, b->cpu, n };
}

bool board_boot(struct board *b, uint32_t machine_id, struct error **err)
{
    b->boot = (struct arm_board){
        .config = b->config, .cpu = b->cpu, .memory = &b->memory,
        .ram_size = b->config->ram_size, .id = machine_id,
    };
    return arm_boot(&b->boot, err);
}

/* --- chips ----------------------------------------------------------------------------------- */

struct device *board_place(struct board *b, struct device *dev, uint64_t address, struct irq irq,
                           struct error **err)
{
    if (!dev) {
        return NULL;
    }
    if (dev->class->irqs) {
        device_connect(dev, 0, irq);
    }
    if (!device_realize(dev, err)) {
        return NULL;
    }
    memory_region_add(&b->system, address, &dev->regions[0]);
    return dev;
}

struct device *board_chip(struct board *b, const char *class, uint64_t address, struct irq irq,
                          struct error **err)
{
    return board_place(b, device_create(class, err), address, irq, err);
}

struct device *board_uart(struct board *b, unsigned index, uint64_t address, struct irq irq,
                          struct error **err)
{
    struct device *dev = device_create("pl011", err);

    if (dev) {
        device_set_pointer(dev, "chardev", b->config->serial[index]);
    }
    return board_place(b, dev, address, irq, err);
}

struct device *board_lcd(struct board *b, const char *class, uint64_t address, struct irq irq,
                         struct error **err)
{
    struct device *dev = device_create(class, err);

    if (dev) {
        pl110_set_memory(dev, &b->memory);
    }
    return board_place(b, dev, address, irq, err);
}

struct device *board_card(struct board *b, unsigned index, uint64_t address, struct irq command,
                          struct irq fifo, struct irq protected, struct irq present,
                          struct error **err)
{
    struct block *drive = block_find_drive(BLOCK_IF_SD, 0, index);
    struct device *dev = device_create("pl181", err);

    if (!drive && index == 0 && !b->config->nodefaults) {
        drive = block_add_drive("if=sd", err);      /* empty */
        if (!drive) {
            return NULL;
        }
    }
    if (dev) {
        device_set_pointer(dev, "drive", drive);
        device_connect(dev, 1, fifo);
        device_connect(dev, 2, protected);
        device_connect(dev, 3, present);
    }
    return board_place(b, dev, address, command, err);
}
