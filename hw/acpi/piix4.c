/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PIIX4 power management: PM registers, GPE block, SMI command port, SMBus, sleep states. */
#include "hw/acpi/piix4.h"

#include "base/bits.h"
#include "base/log.h"
#include "hw/acpi/pci-hotplug.h"
#include "hw/acpi/pm1.h"
#include "hw/acpi/smbus.h"
#include "hw/core/machine.h"

/* Configuration registers (82371AB, 7.1). */
enum {
    PM_BASE = 0x40, DEVACTB = 0x58, PM_ENABLE = 0x80, SMBUS_BASE = 0x90, SMBUS_CONFIG = 0xd2
};
/* In DEVACTB's top byte: the SMI command port raises an SMI. */
#define APMC_ENABLE 0x02
#define PM_SIZE 0x40
#define SMBUS_SIZE 0x10

struct piix4_pm_state {
    struct pm1_state pm1;
    struct smbus_state smbus;
    uint8_t apm_control, apm_status;
    struct pci_hotplug_state hotplug;
};

struct piix4_pm {
    struct pci_device pci;
    struct pm1 pm1;
    struct pci_hotplug hotplug;
    struct piix4_pm_state s;
    bool smm, serial0, serial1, parallel0, disable_s3, disable_s4;
    uint8_t s4_value;
};

FIELDS(piix4_pm_state) = {
    NESTED(piix4_pm_state, pm1, pm1_state),
    NESTED(piix4_pm_state, smbus, smbus_state),
    FIELD(piix4_pm_state, apm_control),
    FIELD(piix4_pm_state, apm_status),
    NESTED_SINCE(piix4_pm_state, hotplug, pci_hotplug_state, 2),
    FIELDS_END
};

/* --- registers ------------------------------------------------------------------------------- */

static uint64_t pm_read(void *dev, uint64_t offset, unsigned size)
{
    return pm1_read(&((struct piix4_pm *)dev)->pm1, offset, size);
}

static void pm_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    pm1_write(&((struct piix4_pm *)dev)->pm1, offset, value, size);
}

static uint64_t gpe_read(void *dev, uint64_t offset, unsigned size)
{
    return pm1_gpe_read(&((struct piix4_pm *)dev)->pm1, offset, size);
}

static void gpe_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    pm1_gpe_write(&((struct piix4_pm *)dev)->pm1, offset, value, size);
}

static uint64_t apm_read(void *dev, uint64_t offset, unsigned size)
{
    struct piix4_pm *pm = dev;
    return offset ? pm->s.apm_status : pm->s.apm_control;
}

static void apm_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct piix4_pm *pm = dev;

    if (offset) {
        pm->s.apm_status = (uint8_t)value;
        return;
    }
    pm->s.apm_control = (uint8_t)value;
    if (value == PIIX4_ACPI_ENABLE || value == PIIX4_ACPI_DISABLE) {
        pm1_set_sci_enable(&pm->pm1, value == PIIX4_ACPI_ENABLE);
    }
    if (pm->smm && pm->pci.pci.config[DEVACTB + 3] & APMC_ENABLE) {
        irq_pulse(pm->pci.dev.irqs[PIIX4_SMI]);
    }
}

static uint64_t smb_read(void *dev, uint64_t offset, unsigned size)
{
    return smbus_read(&((struct piix4_pm *)dev)->s.smbus, offset);
}

static void smb_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    smbus_write(&((struct piix4_pm *)dev)->s.smbus, offset, (uint8_t)value);
}

static uint64_t hotplug_read(void *dev, uint64_t offset, unsigned size)
{
    return pci_hotplug_read(&((struct piix4_pm *)dev)->hotplug, offset);
}

static void hotplug_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    pci_hotplug_write(&((struct piix4_pm *)dev)->hotplug, offset, (uint8_t)value);
}

enum { REGION_PM, REGION_GPE, REGION_APM, REGION_SMBUS, REGION_HOTPLUG };

static const struct device_region pm_regions[] = {
    { "piix4-pm", PM_SIZE, { pm_read, pm_write, .min = 1, .max = 4 } },
    { "acpi-gpe0", PIIX4_GPE_SIZE, { gpe_read, gpe_write, .min = 1, .max = 4 } },
    { "apm-io", 2, { apm_read, apm_write, .min = 1, .max = 1 } },
    { "pm-smbus", SMBUS_SIZE, { smb_read, smb_write, .min = 1, .max = 1 } },
    { "acpi-pci-hotplug", PCI_HOTPLUG_SIZE, { hotplug_read, hotplug_write, .min = 1, .max = 1 } },
    { 0 }
};

/* --- where they are mapped ------------------------------------------------------------------- */

static void map_at(struct piix4_pm *pm, int n, uint16_t port, bool on)
{
    struct memory_region *region = &pm->pci.dev.regions[n];

    if (region->parent) {
        memory_region_remove(region);
    }
    if (on) {
        memory_region_add(pci_bus_of(&pm->pci)->io, port, region);
    }
}

static void update_mappings(struct piix4_pm *pm)
{
    const uint8_t *config = pm->pci.pci.config;

    memory_transaction_begin();
    map_at(pm, REGION_PM, ld16_le(config + PM_BASE) & 0xffc0, config[PM_ENABLE] & 1);
    map_at(pm, REGION_SMBUS, ld16_le(config + SMBUS_BASE) & 0xfff0, config[SMBUS_CONFIG] & 1);
    memory_transaction_commit();
}

static bool touches(unsigned reg, unsigned size, unsigned first, unsigned length)
{
    return reg < first + length && first < reg + size;
}

static void pm_config_write(struct pci_device *pci, unsigned reg, uint32_t value, unsigned size)
{
    pci_config_default_write(pci, reg, value, size);
    if (touches(reg, size, PM_BASE, 4) || touches(reg, size, PM_ENABLE, 1) ||
        touches(reg, size, SMBUS_BASE, 4) || touches(reg, size, SMBUS_CONFIG, 1)) {
        update_mappings((struct piix4_pm *)pci);
    }
}

/* --- sleep and power ------------------------------------------------------------------------- */

static void go_to_sleep(void *opaque, unsigned type)
{
    struct piix4_pm *pm = opaque;

    if (type == 0 || (type == pm->s4_value && !pm->disable_s4)) {
        machine_request_shutdown(MACHINE_SHUTDOWN_GUEST);
    } else if (type == 1 && !pm->disable_s3) {
        machine_request_suspend();
    } else {
        log_guest_error("piix4: sleep type %u is not offered", type);
    }
}

static void power_button(void *opaque)
{
    pm1_event(&((struct piix4_pm *)opaque)->pm1, PM1_POWER_BUTTON);
}

static void woke_up(void *opaque)
{
    pm1_event(&((struct piix4_pm *)opaque)->pm1, PM1_WAKE | PM1_POWER_BUTTON);
}

static void slots_changed(void *opaque)
{
    pm1_gpe_event(&((struct piix4_pm *)opaque)->pm1, PCI_HOTPLUG_GPE);
}

/* --- the device ------------------------------------------------------------------------------ */

static void set_config(struct piix4_pm *pm)
{
    uint8_t *config = pm->pci.pci.config, *writable = pm->pci.writable;

    pci_set_ids(&pm->pci, 0x8086, 0x7113, 3, 0x068000);
    st16_le(config + PCI_STATUS, PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM);
    pci_set_interrupt_pin(&pm->pci, 1);
    config[PM_BASE] = 1;
    config[SMBUS_BASE] = 1;
    config[DEVACTB + 3] = pm->smm ? 0 : APMC_ENABLE;   /* firmware then takes SMM as set up */
    config[0x5f] = (uint8_t)(0x10 | (pm->parallel0 ? 0x80 : 0));
    config[0x63] = 0x60;
    config[0x67] = (uint8_t)((pm->serial0 ? 0x08 : 0) | (pm->serial1 ? 0x90 : 0));
    st32_le(writable + PM_BASE, 0xffc0);
    st32_le(writable + SMBUS_BASE, 0xfff0);
    writable[0x5f] = writable[0x63] = writable[0x67] = 0;
}

static bool pm_init(struct device *dev, struct error **err)
{
    struct piix4_pm *pm = (struct piix4_pm *)dev;

    set_config(pm);
    pm->pci.config_write = pm_config_write;
    pm1_init(&pm->pm1, &pm->s.pm1, &dev->irqs[PIIX4_SCI], go_to_sleep, pm);
    memory_region_add(pci_bus_of(&pm->pci)->io, PIIX4_GPE_PORT, &dev->regions[REGION_GPE]);
    memory_region_add(pci_bus_of(&pm->pci)->io, PIIX4_SMI_PORT, &dev->regions[REGION_APM]);
    memory_region_add(pci_bus_of(&pm->pci)->io, PCI_HOTPLUG_PORT, &dev->regions[REGION_HOTPLUG]);
    pci_hotplug_init(&pm->hotplug, &pm->s.hotplug, pci_bus_of(&pm->pci), slots_changed, pm);
    machine_on_powerdown(power_button, pm);
    machine_on_wakeup(woke_up, pm);
    return true;
}

static void pm_exit(struct device *dev)
{
    pm1_exit(&((struct piix4_pm *)dev)->pm1);
}

static void pm_reset(struct device *dev)
{
    struct piix4_pm *pm = (struct piix4_pm *)dev;

    pci_hotplug_reset(&pm->hotplug);
    pm->s = (struct piix4_pm_state){ 0 };
    pm1_reset(&pm->pm1);
    update_mappings(pm);
}

static void pm_reset_lines(struct device *dev)
{
    pm1_update(&((struct piix4_pm *)dev)->pm1);
}

static bool pm_loaded(struct device *dev, struct error **err)
{
    struct piix4_pm *pm = (struct piix4_pm *)dev;

    pm->s.smbus.index %= SMBUS_BLOCK;
    update_mappings(pm);
    return true;
}

static const struct property pm_properties[] = {
    PROP_BOOL("smm-enabled", piix4_pm, smm, true),
    PROP_BOOL("serial0", piix4_pm, serial0, false),
    PROP_BOOL("serial1", piix4_pm, serial1, false),
    PROP_BOOL("parallel0", piix4_pm, parallel0, false),
    PROP_BOOL("disable_s3", piix4_pm, disable_s3, false),
    PROP_BOOL("disable_s4", piix4_pm, disable_s4, false),
    PROP_UINT("s4_val", piix4_pm, s4_value, 2),
    PROPERTIES_END
};

DEVICE(piix4_pm) = {
    .name = "PIIX4_PM",
    .desc = "PM",
    .bus = "pci",
    .internal = true,
    .size = sizeof(struct piix4_pm),
    .properties = pm_properties,
    .regions = pm_regions,
    .irqs = PIIX4_OUTPUTS,
    .init = pm_init,
    .exit = pm_exit,
    .reset = pm_reset,
    .reset_lines = pm_reset_lines,
    .loaded = pm_loaded,
    .state = STATE(piix4_pm, s, piix4_pm_state, 2),
};
