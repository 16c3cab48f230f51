/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the OHCI controller: registers, and what its files share. */
#ifndef HW_USB_OHCI_H
#define HW_USB_OHCI_H

#include "base/bits.h"
#include "base/clock.h"
#include "hw/pci/pci.h"
#include "hw/usb/usb.h"

#define OHCI_PORTS 15

enum {
    OHCI_CONTROL_PERIODIC = 0x04, OHCI_CONTROL_ISOCHRONOUS = 0x08, OHCI_CONTROL_CONTROL = 0x10,
    OHCI_CONTROL_BULK = 0x20, OHCI_CONTROL_STATE = 0xc0, OHCI_CONTROL_SMI = 0x100,
    OHCI_RESET = 0x00, OHCI_RESUME = 0x40, OHCI_OPERATIONAL = 0x80, OHCI_SUSPEND = 0xc0
};
enum { OHCI_COMMAND_RESET = 1, OHCI_COMMAND_CONTROL = 2, OHCI_COMMAND_BULK = 4,
       OHCI_COMMAND_OWNER = 8 };
enum {
    OHCI_INT_DONE = 0x02, OHCI_INT_FRAME = 0x04, OHCI_INT_RESUME = 0x08, OHCI_INT_ERROR = 0x10,
    OHCI_INT_OVERFLOW = 0x20, OHCI_INT_HUB = 0x40, OHCI_INT_OWNER = 1 << 30,
    OHCI_INT_MASTER = 1u << 31
};
enum {
    OHCI_PORT_CONNECTED = 0x001, OHCI_PORT_ENABLED = 0x002, OHCI_PORT_SUSPENDED = 0x004,
    OHCI_PORT_RESET = 0x010, OHCI_PORT_POWER = 0x100, OHCI_PORT_LOW_SPEED = 0x200,
    OHCI_PORT_CHANGED = 0x10000, OHCI_PORT_ENABLE_CHANGED = 0x20000,
    OHCI_PORT_RESUMED = 0x40000, OHCI_PORT_RESET_DONE = 0x100000
};

struct ohci {
    struct pci_device pci;
    struct usb_bus bus;
    uint32_t ports;                 /* property */
    struct timer frame;
    struct ohci_state {
        uint32_t control, command, interrupts, enabled, hcca;
        uint32_t periodic_current, control_head, control_current, bulk_head, bulk_current, done;
        uint32_t interval, periodic_start, threshold, hub_a, hub_b, hub_status;
        uint32_t port[OHCI_PORTS];
        uint16_t frame_number;
        uint8_t done_delay;         /* frames until the done list goes out; 7 is never */
        int64_t frame_start;
    } s;
};

void ohci_update_irq(struct ohci *o);
/* A host error: the controller stops until it is reset. */
void ohci_die(struct ohci *o);
bool ohci_load(struct ohci *o, uint32_t address, uint32_t *words, unsigned count);
bool ohci_store(struct ohci *o, uint32_t address, const uint32_t *words, unsigned count);

/* Works through the lists of one frame. From ohci-lists.c. */
void ohci_run_frame(struct ohci *o);

#endif
