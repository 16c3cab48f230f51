/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USB: devices in the ports of a host controller. The controller sends packets one by one; a device
 * that has nothing to say answers USB_NAK and is asked again.
 */
#ifndef HW_USB_USB_H
#define HW_USB_USB_H

#include "hw/core/device.h"

#define USB_PORTS 16
#define USB_CONTROL_MAX 1024

enum usb_pid { USB_OUT, USB_IN, USB_SETUP };
enum usb_speed { USB_LOW, USB_FULL, USB_HIGH };
/* Results of packets; others are numbers of bytes. */
enum { USB_NAK = -1, USB_STALL = -2, USB_NO_ANSWER = -3, USB_BABBLE = -4 };

struct usb_setup {
    uint8_t type, request;
    uint16_t value, index, length;
};
/* Request types: direction, kind, recipient. */
enum {
    USB_TO_HOST = 0x80, USB_CLASS = 0x20, USB_VENDOR = 0x40, USB_KIND = 0x60,
    USB_RECIPIENT = 0x1f, USB_TO_INTERFACE = 1, USB_TO_ENDPOINT = 2
};

struct usb_device;

/* What a device is and does; constant. */
struct usb_function {
    const uint8_t *device, *config;     /* descriptors; the second with all that belongs to it */
    const char *const *strings;         /* from number 1 on, NULL at the end */
    uint8_t serial_string;              /* the number of the string that the port's path follows */
    enum usb_speed speed;
    /* Requests that are not standard ones, and descriptors of its own: bytes, or USB_STALL. */
    int (*control)(struct usb_device *d, const struct usb_setup *setup, uint8_t *data);
    /* A packet of another endpoint than 0. */
    int (*data)(struct usb_device *d, enum usb_pid pid, unsigned endpoint, uint8_t *data,
                unsigned size);
    /* The bus was reset, or a configuration was set; may be NULL. */
    void (*reset)(struct usb_device *d);
    /* A halted endpoint was cleared; may be NULL. */
    void (*clear_halt)(struct usb_device *d, unsigned endpoint);
};

struct usb_bus;

struct usb_state {
    uint8_t address, configuration, setup[8];
    uint8_t stage;                      /* of the control transfer */
    uint16_t at, length;                /* of its data */
    uint16_t halted_in, halted_out;
    bool remote_wakeup;
    uint8_t data[USB_CONTROL_MAX];
};

/* Starts the struct of every device on the bus. */
struct usb_device {
    struct device dev;
    const struct usb_function *function;    /* set before or in init */
    char *place;                        /* property "port": "2", behind a hub "2.1"; NULL: any */
    char *serial;                       /* property of all devices */
    unsigned port;                      /* of its bus, from 1 on */
    struct usb_bus *downstream;         /* a hub's own bus, or NULL */
    struct usb_state usb;
};

/* What a controller or a hub does with its ports, which count from 0 here. */
struct usb_port_ops {
    /* A device came or went. */
    void (*changed)(void *opaque, unsigned port);
    /* Whether packets reach the port. */
    bool (*enabled)(void *opaque, unsigned port);
    /* The device there has something to say while it sleeps. */
    void (*wakeup)(void *opaque, unsigned port);
};

/* The ports of a controller, or of a hub. */
struct usb_bus {
    struct bus bus;
    struct usb_device *devices[USB_PORTS];
    unsigned ports;
    unsigned number;                    /* of the controller, from 0 on */
    char name[40];
    char path[32];                      /* of the controller: "pci:0c.0" */
    char prefix[24];                    /* of port numbers behind a hub: "1.3." */
    bool grows;                         /* the last free port gets a hub when another comes */
    const struct usb_port_ops *ops;
    void *opaque;
};

/* --- for host controllers -------------------------------------------------------------------- */

/* For a controller, whose `path` is set; its bus is called usb-bus.N, or ID.0. */
void usb_bus_init(struct usb_bus *bus, struct device *owner, unsigned ports,
                  const struct usb_port_ops *ops);
void usb_bus_fini(struct usb_bus *bus);
/* For a hub that is in its place; undone with the hub. */
void usb_hub_bus_init(struct usb_bus *bus, struct usb_device *hub, unsigned ports,
                      const struct usb_port_ops *ops);
/* Whoever has the address, behind ports that are enabled; or NULL. */
struct usb_device *usb_find(struct usb_bus *bus, unsigned address);
/* The reset of a port. */
void usb_reset_device(struct usb_device *d);
/* With the data of SETUP and OUT, or room for that of IN. */
int usb_packet(struct usb_device *d, enum usb_pid pid, unsigned endpoint, uint8_t *data,
               unsigned size);

/* --- for the command line and the monitor ---------------------------------------------------- */

struct option_row;
/* `-usbdevice tablet': the device is made when the board is; `help' ends the program. */
bool usb_option(void *opaque, const struct option_row *row, const char *text, struct error **err);
/* Whether a -usbdevice wants a controller on the board. */
bool usb_wanted(void);
/* `usb_add disk:file', and `usb_del 0.2', bus and address as `info usb' shows them. */
bool usb_add(const char *text, struct error **err);
struct device *usb_device_at(const char *place, struct error **err);
/* `info usb'. */
void usb_print(FILE *out);

/* --- for devices ----------------------------------------------------------------------------- */

/* At the end of init, with `function` set: the host sees that it came. */
void usb_plug(struct usb_device *d);
/* There is news: wakes a sleeping host if it has asked for that. */
void usb_wakeup(struct usb_device *d);
/* The endpoint answers with stalls until the host clears that. */
void usb_halt(struct usb_device *d, unsigned endpoint, bool in);
bool usb_halted(const struct usb_device *d, unsigned endpoint, bool in);

#endif
