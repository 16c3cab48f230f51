/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio serial controller and its ports (Virtio 1.1, 5.3). Private to serial*.c. */
#ifndef HW_VIRTIO_SERIAL_H
#define HW_VIRTIO_SERIAL_H

#include "char.h"
#include "hw/virtio/virtio-pci.h"

enum { SERIAL_PORTS = 31 };

struct virtio_serial;

struct serial_port_state {
    bool guest_open;
    uint32_t sent;                   /* bytes of the first request that the back-end took already */
};
FIELDS(serial_port_state) = {
    FIELD(serial_port_state, guest_open), FIELD(serial_port_state, sent), FIELDS_END
};

/* Starts the devices "virtconsole" and "virtserialport". */
struct serial_port {
    struct device dev;
    uint32_t number;                 /* property nr; UINT32_MAX picks a free one */
    char *name;
    struct chardev *chr;
    bool is_console;
    struct virtio_serial *controller;
    struct virtq *rx, *tx;
    struct serial_port_state s;
};

struct serial_bus {
    struct bus bus;
    struct virtio_serial *controller;
};

/* What the driver is to be told of a port: bits, sent in this order. */
enum serial_message {
    SERIAL_ADD, SERIAL_REMOVE, SERIAL_CONSOLE, SERIAL_NAME, SERIAL_OPEN, SERIAL_MESSAGES
};

struct virtio_serial_state {
    struct virtio_pci_state transport;
    uint8_t pending[SERIAL_PORTS + 1];
    bool driver_ready;
};
FIELDS(virtio_serial_state) = {
    NESTED(virtio_serial_state, transport, virtio_pci_state),
    ARRAY(virtio_serial_state, pending), FIELD(virtio_serial_state, driver_ready), FIELDS_END
};

struct virtio_serial {
    struct virtio_pci t;
    uint32_t max_ports;              /* property */
    struct serial_bus bus;
    struct serial_port *ports[SERIAL_PORTS + 1];
    char bus_name[64];
    /* Back-ends may close or send while one of them is in use. */
    struct virtq_chain rx, tx, control;
    struct virtio_serial_state s;
};

/* --- serial.c: the controller ---------------------------------------------------------------- */

/* Sends the message now, or when the driver has a buffer for it. */
void serial_tell(struct virtio_serial *v, unsigned port, enum serial_message what);

/* --- serial-port.c --------------------------------------------------------------------------- */

/* The driver sent or offered buffers. */
enum virtq_result serial_port_serve_tx(struct serial_port *p);
enum virtq_result serial_port_serve_rx(struct serial_port *p);
/* The driver opened or closed it. */
void serial_port_opened(struct serial_port *p, bool open);
bool serial_port_connected(const struct serial_port *p);

#endif
