/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the UHCI controller: registers, and what its files share. */
#ifndef HW_USB_UHCI_H
#define HW_USB_UHCI_H

#include "base/bits.h"
#include "base/clock.h"
#include "hw/pci/pci.h"
#include "hw/usb/usb.h"

#define UHCI_PORTS 2

enum {
    UHCI_COMMAND_RUN = 0x01, UHCI_COMMAND_RESET = 0x02, UHCI_COMMAND_GLOBAL_RESET = 0x04,
    UHCI_COMMAND_SUSPEND = 0x08, UHCI_COMMAND_RESUME = 0x10
};
enum {
    UHCI_STATUS_INT = 0x01, UHCI_STATUS_ERROR = 0x02, UHCI_STATUS_RESUME = 0x04,
    UHCI_STATUS_HOST_ERROR = 0x08, UHCI_STATUS_PROCESS_ERROR = 0x10, UHCI_STATUS_HALTED = 0x20
};
/* Interrupt enables, and why UHCI_STATUS_INT is set. */
enum { UHCI_INT_ERROR = 1, UHCI_INT_RESUME = 2, UHCI_INT_COMPLETE = 4, UHCI_INT_SHORT = 8 };
enum {
    UHCI_PORT_CONNECTED = 0x001, UHCI_PORT_CONNECT_CHANGED = 0x002, UHCI_PORT_ENABLED = 0x004,
    UHCI_PORT_ENABLE_CHANGED = 0x008, UHCI_PORT_RESUME = 0x040, UHCI_PORT_ONE = 0x080,
    UHCI_PORT_LOW_SPEED = 0x100, UHCI_PORT_RESET = 0x200, UHCI_PORT_SUSPENDED = 0x1000,
    UHCI_PORT_WRITABLE = 0x1244, UHCI_PORT_CLEARED = 0x00a
};

struct uhci {
    struct pci_device pci;
    struct usb_bus bus;
    struct timer frame;
    unsigned idle;                      /* frames since a packet was moved */
    struct uhci_state {
        uint16_t command, status, enabled, frame_number;
        uint32_t frame_base;
        uint8_t start_of_frame;
        uint8_t reasons;            /* of UHCI_STATUS_INT: UHCI_INT_COMPLETE, UHCI_INT_SHORT */
        uint16_t port[UHCI_PORTS];
        int64_t frame_start;
    } s;
};

/* The controller stops: it cannot reach memory, or its lists are nonsense. */
void uhci_fail(struct uhci *u, uint16_t status);

/* Works through the lists of one frame; sets status and reasons. Whether a packet was moved. From
 * uhci-lists.c. */
bool uhci_run_frame(struct uhci *u);

#endif
