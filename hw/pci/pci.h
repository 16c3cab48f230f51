/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI: buses, slots, configuration space with write masks, base address registers, INTx lines.
 *
 * A host bridge owns the root bus and turns its own registers into pci_config_read/write(). A
 * device class has .bus = "pci" and a struct that starts with struct pci_device.
 */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/core/device.h"
#include "hw/core/irq.h"
#include "hw/core/memory.h"

#define PCI_CONFIG_SIZE 256
#define PCI_BARS 6
#define PCI_ROM_BAR 6
#define PCI_DEVFN(slot, function) ((slot) << 3 | (function))

/* Offsets in the header (PCI Local Bus 3.0, 6.1). */
enum {
    PCI_VENDOR_ID = 0x00, PCI_DEVICE_ID = 0x02, PCI_COMMAND = 0x04, PCI_STATUS = 0x06,
    PCI_REVISION = 0x08, PCI_CLASS_PROG = 0x09, PCI_CLASS_DEVICE = 0x0a, PCI_CACHE_LINE = 0x0c,
    PCI_LATENCY = 0x0d, PCI_HEADER_TYPE = 0x0e, PCI_BAR0 = 0x10, PCI_SUBSYSTEM_VENDOR = 0x2c,
    PCI_SUBSYSTEM_ID = 0x2e, PCI_ROM_ADDRESS = 0x30, PCI_CAPABILITY_LIST = 0x34,
    PCI_INTERRUPT_LINE = 0x3c, PCI_INTERRUPT_PIN = 0x3d, PCI_MIN_GNT = 0x3e, PCI_MAX_LAT = 0x3f,
    /* Header type 1, bridges. */
    PCI_PRIMARY_BUS = 0x18, PCI_SECONDARY_BUS = 0x19, PCI_SUBORDINATE_BUS = 0x1a,
    PCI_IO_BASE = 0x1c, PCI_IO_LIMIT = 0x1d, PCI_MEMORY_BASE = 0x20, PCI_MEMORY_LIMIT = 0x22,
    PCI_PREF_BASE = 0x24, PCI_PREF_LIMIT = 0x26, PCI_BRIDGE_CONTROL = 0x3e
};
enum {
    PCI_COMMAND_IO = 0x1, PCI_COMMAND_MEMORY = 0x2, PCI_COMMAND_MASTER = 0x4,
    PCI_COMMAND_INTX_DISABLE = 0x400,
    PCI_STATUS_INTERRUPT = 0x8, PCI_STATUS_CAP_LIST = 0x10, PCI_STATUS_66MHZ = 0x20,
    PCI_STATUS_FAST_BACK = 0x80, PCI_STATUS_DEVSEL_MEDIUM = 0x200,
    PCI_HEADER_MULTIFUNCTION = 0x80
};
/* Flags of a BAR, as its low bits read. */
enum { PCI_BAR_MEMORY = 0, PCI_BAR_IO = 1, PCI_BAR_64BIT = 4, PCI_BAR_PREFETCH = 8 };

#define PCI_BAR_UNMAPPED UINT64_MAX

struct pci_bar {
    struct memory_region *region;    /* NULL: not implemented; the device owns it */
    uint64_t size;
    uint8_t flags;
    uint64_t mapped_at;              /* PCI_BAR_UNMAPPED while the guest has not enabled it */
};

struct pci_device {
    struct device dev;
    /* Saved for every PCI device. */
    struct pci_state { uint8_t config[PCI_CONFIG_SIZE]; uint8_t intx_level; } pci;
    /* Which bits the guest can write, and which it clears by writing ones. Set up in init. */
    uint8_t writable[PCI_CONFIG_SIZE];
    uint8_t write_one_clears[PCI_CONFIG_SIZE];
    uint8_t initial[PCI_CONFIG_SIZE];   /* the header at reset; taken after init */
    struct pci_bar bars[PCI_BARS + 1];
    uint8_t devfn;
    bool attached;
    /* Set these in init to see accesses; they end by calling pci_config_default_read/write(). */
    uint32_t (*config_read)(struct pci_device *pci, unsigned reg, unsigned size);
    void (*config_write)(struct pci_device *pci, unsigned reg, uint32_t value, unsigned size);
    /* Properties of every PCI device. */
    char *address;                      /* "3", "3.1" or "0x1f.2"; NULL picks a free slot */
    char *rom_file;
    bool rom_bar, multifunction;
    struct memory_region rom;
    struct pci_bus *secondary;          /* a bridge's own bus, set in its init */
    uint8_t capability_size[PCI_CONFIG_SIZE / 4];   /* in words, by offset / 4 */
};

/* Called when the level of a board line changes; `line` is what map_irq returned. */
typedef void pci_set_irq(void *opaque, int line, int level);
/* Which board line a pin (0 = INTA#) of a slot is wired to. */
typedef int pci_map_irq(void *opaque, struct pci_device *pci, int pin);

/* Who tells the guest of cards that come to a running machine and are to leave it. */
struct pci_hotplug_ops {
    void (*arrived)(void *opaque, struct pci_device *pci);
    bool (*ask_to_leave)(void *opaque, struct pci_device *pci, struct error **err);
};

#define PCI_IRQ_LINES 16

struct pci_bus {
    struct bus bus;
    struct pci_device *devices[256];    /* by devfn */
    struct memory_region *memory, *io;  /* where BARs are mapped */
    struct address_space *dma;          /* what bus masters see */
    uint8_t number;                     /* of a root bus; bridges give theirs in config */
    uint8_t first_slot;                 /* below it slots are used only when asked for */
    struct pci_device *bridge;          /* NULL on a root bus */
    pci_set_irq *set_irq;
    pci_map_irq *map_irq;
    void *opaque;
    const struct pci_hotplug_ops *hotplug;    /* NULL: cards stay */
    void *hotplug_opaque;
    uint16_t line_count[PCI_IRQ_LINES]; /* devices that assert each line; rebuilt after a load */
};

/* --- buses ----------------------------------------------------------------------------------- */

/* A root bus, in the init of a host bridge. The first is called "pci.0". */
void pci_bus_init(struct pci_bus *bus, const char *name, struct device *owner,
                  struct memory_region *memory, struct memory_region *io,
                  struct address_space *dma);
void pci_bus_set_irqs(struct pci_bus *bus, pci_set_irq *set_irq, pci_map_irq *map_irq,
                      void *opaque);
void pci_bus_set_hotplug(struct pci_bus *bus, const struct pci_hotplug_ops *ops, void *opaque);
struct pci_bus *pci_bus_of(struct pci_device *pci);
/* The level of a board line: whether any device asserts it. */
bool pci_bus_line_level(const struct pci_bus *bus, int line);
/* Tells the board every line's level again: in reset_lines, or after its routing changed. */
void pci_bus_refresh_irqs(struct pci_bus *bus);

/* Configuration cycles from a root bus down through the bridges; `bdf` is bus << 8 | devfn. Reads
 * of absent functions give all ones. `size` is 1, 2 or 4; an access past 255 is cut off. */
uint32_t pci_config_read(struct pci_bus *root, uint16_t bdf, unsigned reg, unsigned size);
void pci_config_write(struct pci_bus *root, uint16_t bdf, unsigned reg, uint32_t value,
                      unsigned size);
struct pci_device *pci_find(struct pci_bus *root, uint16_t bdf);

/* --- devices --------------------------------------------------------------------------------- */

/* In init: identity; class_code is class << 16 | subclass << 8 | interface. */
void pci_set_ids(struct pci_device *pci, uint16_t vendor, uint16_t device, uint8_t revision,
                 uint32_t class_code);
void pci_set_subsystem(struct pci_device *pci, uint16_t vendor, uint16_t device);
/* 1 = INTA# ... 4; 0 for none. */
void pci_set_interrupt_pin(struct pci_device *pci, uint8_t pin);
/* In init: region's size becomes a power of two of at least 16 (memory) or 4 (ports) bytes. */
void pci_add_bar(struct pci_device *pci, unsigned n, unsigned flags, struct memory_region *region);
/* Loads an option ROM image into the ROM BAR unless rombar=off; romfile= wins over `file`. */
bool pci_add_rom(struct pci_device *pci, const char *file, struct error **err);
/* Adds a capability of `size` bytes with read-only contents; returns its offset, 0 if full. */
unsigned pci_add_capability(struct pci_device *pci, uint8_t id, unsigned size);

/* The plain behaviour: masks, BAR decoding, INTx disable. */
uint32_t pci_config_default_read(struct pci_device *pci, unsigned reg, unsigned size);
void pci_config_default_write(struct pci_device *pci, unsigned reg, uint32_t value, unsigned size);
/* After a device changed its own header bytes: map the BARs anew. */
void pci_update_mappings(struct pci_device *pci);

/* The device's INTx pin. Nothing happens when the level stays. */
void pci_set_intx(struct pci_device *pci, int level);
/* As a line, for chips with an output. */
struct irq pci_intx(struct pci_device *pci);

/* Bus mastering; MEM_UNASSIGNED (and 0xff bytes) while the guest has not set the master bit. */
enum mem_result pci_dma_read(struct pci_device *pci, uint64_t address, void *data, size_t size);
enum mem_result pci_dma_write(struct pci_device *pci, uint64_t address, const void *data,
                              size_t size);

/* `info pci`. */
void pci_print(FILE *out);
/* The same for QMP: buses with their devices. */
struct json *pci_describe(void);

#endif
