/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports of the virtio serial controller between its queues and character devices.
 *
 * A request stays in the ring until the back-end took all of it, so nothing is under way between
 * two calls.
 */
#include <string.h>

#include "base/bits.h"
#include "hw/virtio/serial.h"

/* Before the driver knows of ports there is one console, and it is open. */
static bool is_open(const struct serial_port *p)
{
    return p->s.guest_open || (p->is_console && !p->controller->s.driver_ready);
}

bool serial_port_connected(const struct serial_port *p)
{
    return p->chr && chardev_connected(p->chr);
}

/* --- from the guest -------------------------------------------------------------------------- */

/* The bytes of the pieces that the back-end takes, from an offset on. */
static uint64_t write_pieces(struct serial_port *p, const struct virtq_chain *c, uint64_t skip)
{
    uint64_t done = 0;

    for (unsigned i = 0; i < c->out_count; i++) {
        const struct iovec *iov = &c->iov[i];
        size_t taken;

        if (skip >= iov->iov_len) {
            skip -= iov->iov_len;
            continue;
        }
        taken = chardev_write(p->chr, (uint8_t *)iov->iov_base + skip, iov->iov_len - skip);
        done += taken;
        if (taken < iov->iov_len - skip) {
            break;
        }
        skip = 0;
    }
    return done;
}

enum virtq_result serial_port_serve_tx(struct serial_port *p)
{
    struct virtq_chain *c = &p->controller->tx;

    uint16_t position = virtq_position(p->tx);

    if (!virtq_pop(p->tx, c)) {
        return VIRTQ_EMPTY;
    }
    if (c->out_size < UINT32_MAX && p->s.sent < c->out_size) {
        p->s.sent += (uint32_t)write_pieces(p, c, p->s.sent);
        if (p->s.sent < c->out_size) {
            virtq_rewind(p->tx, position);
            return VIRTQ_WAIT;
        }
    }
    p->s.sent = 0;
    virtq_push(p->tx, c, 0);
    return VIRTQ_DONE;
}

static void writable(void *opaque)
{
    virtq_kick(((struct serial_port *)opaque)->tx);
}

/* --- to the guest ---------------------------------------------------------------------------- */

/* The room of the first buffer. */
static size_t can_read(void *opaque)
{
    struct serial_port *p = opaque;
    struct virtq_chain *c = &p->controller->rx;
    uint16_t position = virtq_position(p->rx);

    if (!is_open(p)) {
        return 0;
    }
    if (!virtq_pop(p->rx, c)) {
        virtq_want_notify(p->rx, true);
        if (!virtq_pop(p->rx, c)) {
            return 0;
        }
    }
    virtq_rewind(p->rx, position);
    return MIN_OF(c->in_size, (uint64_t)65536);
}

static void take_bytes(void *opaque, const uint8_t *data, size_t size)
{
    struct serial_port *p = opaque;
    struct virtq_chain *c = &p->controller->rx;

    if (virtq_pop(p->rx, c)) {
        virtq_push(p->rx, c, iov_put(c->in, c->in_count, 0, data, size));
        virtq_signal(p->rx);
    }
}

enum virtq_result serial_port_serve_rx(struct serial_port *p)
{
    if (p->chr) {
        chardev_accept_input(p->chr);
    }
    return virtq_is_empty(p->rx) ? VIRTQ_EMPTY : VIRTQ_WAIT;
}

/* --- the connection -------------------------------------------------------------------------- */

void serial_port_opened(struct serial_port *p, bool open)
{
    p->s.guest_open = open;
    if (open && p->chr) {
        chardev_accept_input(p->chr);
    }
}

static void event(void *opaque, enum chardev_event what)
{
    struct serial_port *p = opaque;

    if (what == CHARDEV_OPENED || what == CHARDEV_CLOSED) {
        serial_tell(p->controller, p->number, SERIAL_OPEN);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static bool port_init(struct device *dev, struct error **err)
{
    static const struct chardev_handlers handlers = {
        .can_read = can_read, .read = take_bytes, .event = event, .writable = writable
    };
    struct serial_port *p = (struct serial_port *)dev;

    return !p->chr || chardev_attach(p->chr, &handlers, p, err);
}

static void port_exit(struct device *dev)
{
    struct serial_port *p = (struct serial_port *)dev;

    if (p->chr) {
        chardev_detach(p->chr, p);
    }
}

static void port_reset(struct device *dev)
{
    memset(&((struct serial_port *)dev)->s, 0, sizeof(struct serial_port_state));
}

static const struct property port_properties[] = {
    PROP_CHARDEV("chardev", serial_port, chr), PROP_STRING("name", serial_port, name, NULL),
    PROPERTIES_END
};

#define PORT(class_name, text)                                                                     \
    { .name = class_name, .desc = text, .bus = "virtio-serial-bus",                                \
      .size = sizeof(struct serial_port), .properties = port_properties, .init = port_init,        \
      .exit = port_exit, .reset = port_reset,                                                      \
      .state = STATE(serial_port, s, serial_port_state, 1) }

DEVICE(virtconsole) = PORT("virtconsole", "Console on a virtio serial controller");
DEVICE(virtserialport) = PORT("virtserialport", "Port on a virtio serial controller");
