/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio serial controller: queues, and the control messages about its ports. */
#include "hw/virtio/serial.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"

enum { F_MULTIPORT = 1, CONFIG_MAX_PORTS = 4, CONFIG_SIZE = 12, DATA_QUEUE = 128,
       CONTROL_QUEUE = 32 };
enum { CONTROL_RX = 2, CONTROL_TX = 3, FIRST_MORE = 4, MESSAGE = 8, NAME_MAX_SIZE = 256 };
/* Events of control messages. */
enum { EVENT_DEVICE_READY = 0, EVENT_PORT_ADD = 1, EVENT_PORT_REMOVE = 2, EVENT_PORT_READY = 3,
       EVENT_CONSOLE = 4, EVENT_OPEN = 6, EVENT_NAME = 7 };

static struct virtio_serial *of(struct virtio *v)
{
    return container_of(v, struct virtio_serial, t.v);
}

/* --- messages to the driver ------------------------------------------------------------------ */

/* The bytes of a message; 0 when there is nothing to say. */
static unsigned make_message(struct virtio_serial *v, unsigned number, unsigned what, uint8_t *m)
{
    static const uint8_t events[SERIAL_MESSAGES] = {
        [SERIAL_ADD] = EVENT_PORT_ADD, [SERIAL_REMOVE] = EVENT_PORT_REMOVE,
        [SERIAL_CONSOLE] = EVENT_CONSOLE, [SERIAL_NAME] = EVENT_NAME, [SERIAL_OPEN] = EVENT_OPEN
    };
    struct serial_port *p = v->ports[number];
    size_t length = 0;

    if (!p && what != SERIAL_REMOVE) {
        return 0;
    }
    st32_le(m, number);
    st16_le(m + 4, events[what]);
    st16_le(m + 6, what != SERIAL_OPEN || serial_port_connected(p));
    if (what == SERIAL_NAME) {
        length = MIN_OF(strlen(p->name), (size_t)NAME_MAX_SIZE);
        memcpy(m + MESSAGE, p->name, length);
    }
    trace(virtio_serial_message, "port %u event %u value %u", number, events[what],
          ld16_le(m + 6));
    return (unsigned)(MESSAGE + length);
}

/* False: the driver has no buffer. */
static bool send_message(struct virtio_serial *v, unsigned number, unsigned what)
{
    struct virtq *q = &v->t.v.queues[CONTROL_RX];
    struct virtq_chain *c = &v->control;
    uint8_t m[MESSAGE + NAME_MAX_SIZE];
    unsigned size = make_message(v, number, what, m);

    if (!size) {
        return true;
    }
    if (!virtq_pop(q, c)) {
        return false;
    }
    virtq_push(q, c, iov_put(c->in, c->in_count, 0, m, size));
    return true;
}

static bool send_pending(struct virtio_serial *v)
{
    for (unsigned n = 0; n <= SERIAL_PORTS; n++) {
        for (unsigned what = 0; what < SERIAL_MESSAGES && v->s.pending[n]; what++) {
            if (bits_test(v->s.pending[n], what)) {
                if (!send_message(v, n, what)) {
                    return false;
                }
                v->s.pending[n] &= (uint8_t)~(1u << what);
            }
        }
    }
    return true;
}

void serial_tell(struct virtio_serial *v, unsigned port, enum serial_message what)
{
    if (!v->s.driver_ready) {
        return;                      /* it asks when it is */
    }
    v->s.pending[port] |= (uint8_t)(1u << what);
    virtq_kick(&v->t.v.queues[CONTROL_RX]);
}

static enum virtq_result serve_control_rx(struct virtq *q)
{
    return send_pending(of(q->v)) ? VIRTQ_WAIT : VIRTQ_EMPTY;
}

/* --- messages from the driver ---------------------------------------------------------------- */

static void driver_ready(struct virtio_serial *v)
{
    v->s.driver_ready = true;
    for (unsigned n = 0; n <= SERIAL_PORTS; n++) {
        if (v->ports[n]) {
            serial_tell(v, n, SERIAL_ADD);
        }
    }
}

static void port_ready(struct virtio_serial *v, struct serial_port *p)
{
    if (p->is_console) {
        serial_tell(v, p->number, SERIAL_CONSOLE);
    }
    if (p->name) {
        serial_tell(v, p->number, SERIAL_NAME);
    }
    if (serial_port_connected(p)) {
        serial_tell(v, p->number, SERIAL_OPEN);
    }
}

static void take_message(struct virtio_serial *v, const uint8_t *m)
{
    uint32_t number = ld32_le(m);
    uint16_t event = ld16_le(m + 4), value = ld16_le(m + 6);
    struct serial_port *p = number <= SERIAL_PORTS ? v->ports[number] : NULL;

    if (event == EVENT_DEVICE_READY && value) {
        driver_ready(v);
    } else if (event == EVENT_PORT_READY && p) {
        port_ready(v, p);
    } else if (event == EVENT_OPEN && p) {
        serial_port_opened(p, value);
    } else {
        log_guest_error("virtio-serial: message %u for port %u", event, number);
    }
}

static enum virtq_result serve_control_tx(struct virtq *q)
{
    struct virtio_serial *v = of(q->v);
    struct virtq_chain *c = &v->control;
    uint8_t m[MESSAGE];

    if (!virtq_pop(q, c)) {
        return VIRTQ_EMPTY;
    }
    if (iov_get(c->iov, c->out_count, 0, m, MESSAGE) == MESSAGE) {
        virtq_push(q, c, 0);
        take_message(v, m);
    } else {
        virtq_push(q, c, 0);
    }
    return VIRTQ_DONE;
}

/* --- data ------------------------------------------------------------------------------------ */

/* Queues of port 0, then those of control messages, then those of the other ports. */
static unsigned first_queue(unsigned port)
{
    return port ? FIRST_MORE + 2 * (port - 1) : 0;
}

static struct serial_port *port_of(struct virtq *q)
{
    unsigned n = (unsigned)(q - q->v->queues);

    return of(q->v)->ports[n < FIRST_MORE ? 0 : (n - FIRST_MORE) / 2 + 1];
}

static enum virtq_result serve_rx(struct virtq *q)
{
    struct serial_port *p = port_of(q);

    return p ? serial_port_serve_rx(p) : VIRTQ_WAIT;
}

/* What is sent to a port that is not there is lost. */
static enum virtq_result serve_tx(struct virtq *q)
{
    struct serial_port *p = port_of(q);
    struct virtq_chain *c = &of(q->v)->tx;

    if (p) {
        return serial_port_serve_tx(p);
    }
    if (!virtq_pop(q, c)) {
        return VIRTQ_EMPTY;
    }
    virtq_push(q, c, 0);
    return VIRTQ_DONE;
}

/* --- the bus --------------------------------------------------------------------------------- */

static bool choose_number(struct virtio_serial *v, struct serial_port *p, struct error **err)
{
    if (p->number == UINT32_MAX) {
        /* Port 0 is for a console: drivers without ports use it as one. */
        for (p->number = !p->is_console; p->number < v->max_ports && v->ports[p->number];) {
            p->number++;
        }
    }
    if (p->number >= v->max_ports || (p->number == 0 && !p->is_console)) {
        error_set(err, p->number ? "%s: port %u: there are only %u"
                  : "%s: port %u is for a virtconsole (%u ports)", p->dev.class->name, p->number,
                  v->max_ports);
        return false;
    }
    if (v->ports[p->number]) {
        error_set(err, "%s: port %u is in use", p->dev.class->name, p->number);
        return false;
    }
    return true;
}

static bool serial_attach(struct bus *bus, struct device *dev, struct error **err)
{
    struct virtio_serial *v = ((struct serial_bus *)bus)->controller;
    struct serial_port *p = (struct serial_port *)dev;

    p->is_console = strcmp(dev->class->name, "virtconsole") == 0;
    if (!choose_number(v, p, err)) {
        return false;
    }
    p->controller = v;
    p->rx = &v->t.v.queues[first_queue(p->number)];
    p->tx = p->rx + 1;
    v->ports[p->number] = p;
    serial_tell(v, p->number, SERIAL_ADD);
    return true;
}

static void serial_detach(struct bus *bus, struct device *dev)
{
    struct virtio_serial *v = ((struct serial_bus *)bus)->controller;
    struct serial_port *p = (struct serial_port *)dev;

    v->ports[p->number] = NULL;
    v->s.pending[p->number] = 0;
    serial_tell(v, p->number, SERIAL_REMOVE);
}

static const struct property bus_properties[] = {
    PROP_UINT("nr", serial_port, number, UINT32_MAX), PROPERTIES_END
};

BUS_TYPE(virtio_serial) = {
    .name = "virtio-serial-bus", .properties = bus_properties, .attach = serial_attach,
    .detach = serial_detach,
};

/* --- life ------------------------------------------------------------------------------------ */

static void get_config(struct virtio *v, uint8_t *config)
{
    st32_le(config + CONFIG_MAX_PORTS, of(v)->max_ports);
}

static void driver_reset(struct virtio *base)
{
    struct virtio_serial *v = of(base);

    v->s.driver_ready = false;
    memset(v->s.pending, 0, sizeof(v->s.pending));
    for (unsigned n = 0; n <= SERIAL_PORTS; n++) {
        if (v->ports[n]) {
            v->ports[n]->s.sent = 0;
            v->ports[n]->s.guest_open = false;
        }
    }
}

static bool serial_init(struct device *dev, struct error **err)
{
    static const struct virtio_kind kind = {
        .name = "virtio-serial", .id = 3, .get_config = get_config, .reset = driver_reset,
    };
    static const struct virtio_pci_id id = { 0x1003, 0x078000 };
    struct virtio_serial *v = (struct virtio_serial *)dev;
    struct virtio *base = &v->t.v;

    if (!v->max_ports || v->max_ports > SERIAL_PORTS) {
        error_set(err, "virtio-serial: max_ports must be 1 to %d", SERIAL_PORTS);
        return false;
    }
    base->kind = &kind;
    base->s = &v->s.transport.core;
    base->config_size = CONFIG_SIZE;
    base->features = VIRTIO_BIT(F_MULTIPORT);
    v->t.vectors = v->t.vectors == UINT32_MAX ? 2 : v->t.vectors;
    virtio_add_queue(base, DATA_QUEUE, serve_rx);
    virtio_add_queue(base, DATA_QUEUE, serve_tx);
    virtio_add_queue(base, CONTROL_QUEUE, serve_control_rx);
    virtio_add_queue(base, CONTROL_QUEUE, serve_control_tx);
    for (unsigned n = 1; n < v->max_ports; n++) {
        virtio_add_queue(base, DATA_QUEUE, serve_rx);
        virtio_add_queue(base, DATA_QUEUE, serve_tx);
    }
    if (!virtio_pci_init(&v->t, &id, &v->s.transport, err)) {
        return false;
    }
    if (dev->id) {
        snprintf(v->bus_name, sizeof(v->bus_name), "%s.0", dev->id);
    } else {
        snprintf(v->bus_name, sizeof(v->bus_name), "virtio-serial-bus.%u", dev->instance);
    }
    v->bus.controller = v;
    bus_init(&v->bus.bus, &virtio_serial_type, v->bus_name, dev);
    return true;
}

static void serial_exit(struct device *dev)
{
    struct virtio_serial *v = (struct virtio_serial *)dev;

    bus_fini(&v->bus.bus);
    virtio_pci_exit(&v->t);
}

static const struct property serial_properties[] = {
    VIRTIO_PCI_PROPERTIES(virtio_serial, t),
    PROP_UINT("max_ports", virtio_serial, max_ports, SERIAL_PORTS), PROPERTIES_END
};

DEVICE(virtio_serial) = {
    .name = "virtio-serial-pci", .alias = "virtio-serial", .desc = "Virtio serial controller",
    .bus = "pci", .size = sizeof(struct virtio_serial), .properties = serial_properties,
    .init = serial_init, .exit = serial_exit, .reset = virtio_pci_reset,
    .reset_lines = virtio_pci_reset_lines, .loaded = virtio_pci_loaded,
    .state = STATE(virtio_serial, s, virtio_serial_state, 1),
};
