/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usb-serial: a serial adapter as FTDI's FT232BM, with a character device at its other end. */
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "char.h"
#include "hw/usb/usb.h"

#define ENDPOINT_IN 1
#define ENDPOINT_OUT 2
#define PACKET 64
#define STATUS_BYTES 2              /* at the start of every packet to the host */
#define QUEUE 512

enum {
    REQUEST_RESET = 0, REQUEST_MODEM = 1, REQUEST_FLOW = 2, REQUEST_BAUD = 3, REQUEST_DATA = 4,
    REQUEST_GET_MODEM = 5, REQUEST_EVENT_CHAR = 6, REQUEST_ERROR_CHAR = 7,
    REQUEST_SET_LATENCY = 9, REQUEST_GET_LATENCY = 10
};
enum { MODEM_ALWAYS = 0x01, MODEM_CTS = 0x10, MODEM_DSR = 0x20, MODEM_RI = 0x40, MODEM_CD = 0x80 };
enum { LINE_OVERRUN = 0x02, LINE_BREAK = 0x10, LINE_EMPTY = 0x60 };

struct usb_serial {
    struct usb_device usb;
    struct chardev *chr;
    struct usb_serial_state {
        uint8_t queue[QUEUE];       /* for the host */
        uint16_t first, count;
        uint8_t sending[PACKET];    /* what the back-end did not take yet */
        uint8_t n_sending;
        uint8_t latency;
        uint8_t modem, shown;       /* outputs; inputs as the host last saw them */
        uint8_t events;             /* LINE_OVERRUN, LINE_BREAK: to be told once */
    } s;
};
FIELDS(usb_serial_state) = {
    ARRAY(usb_serial_state, queue), FIELD(usb_serial_state, first), FIELD(usb_serial_state, count),
    ARRAY(usb_serial_state, sending), FIELD(usb_serial_state, n_sending),
    FIELD(usb_serial_state, latency), FIELD(usb_serial_state, modem),
    FIELD(usb_serial_state, shown), FIELD(usb_serial_state, events), FIELDS_END
};

static const char *const strings[] = { "QEMU", "QEMU USB SERIAL", "1", NULL };
static const uint8_t device_descriptor[] = {
    18, 1, 0x00, 0x02, 0, 0, 0, 8, 0x03, 0x04, 0x01, 0x60, 0x00, 0x04, 1, 2, 3, 1
};
static const uint8_t config_descriptor[] = {
    9, 2, 32, 0, 1, 1, 0, 0x80, 50,
    9, 4, 0, 0, 2, 0xff, 0xff, 0xff, 2,
    7, 5, 0x80 | ENDPOINT_IN, 2, PACKET, 0, 0,
    7, 5, ENDPOINT_OUT, 2, PACKET, 0, 0
};

/* --- the line -------------------------------------------------------------------------------- */

static uint8_t modem_inputs(const struct usb_serial *u)
{
    unsigned host;

    if (!u->chr || !chardev_get_modem(u->chr, &host)) {
        return MODEM_ALWAYS | MODEM_CTS | MODEM_DSR | MODEM_CD;
    }
    return MODEM_ALWAYS | (host & CHARDEV_CTS ? MODEM_CTS : 0) |
        (host & CHARDEV_DSR ? MODEM_DSR : 0) | (host & CHARDEV_RI ? MODEM_RI : 0) |
        (host & CHARDEV_CD ? MODEM_CD : 0);
}

/* DTR and RTS, each with a bit that says whether it is meant. */
static void set_modem(struct usb_serial *u, uint16_t value)
{
    u->s.modem = (uint8_t)bits_merge(u->s.modem, value, value >> 8 & 3);
    if (u->chr) {
        chardev_set_modem(u->chr, (u->s.modem & 1 ? CHARDEV_DTR : 0) |
                          (u->s.modem & 2 ? CHARDEV_RTS : 0));
    }
}

/* 3 MHz by a divisor with eighths, whose three bits are coded. */
static unsigned baud_of(uint16_t value, uint16_t index)
{
    static const uint8_t eighths[8] = { 0, 4, 2, 1, 3, 5, 6, 7 };
    unsigned divisor = value & 0x3fff, fraction = eighths[value >> 14 | (index & 1) << 2];

    if (divisor <= 1 && !fraction) {
        return divisor ? 2000000 : 3000000;
    }
    return 24000000 / (divisor * 8 + fraction);
}

static void set_line(struct usb_serial *u, const struct usb_setup *setup)
{
    static const char parities[8] = { 'N', 'O', 'E', 'N', 'N', 'N', 'N', 'N' };
    struct chardev_line line = { .baud = 9600, .data_bits = 8, .stop_bits = 1, .parity = 'N' };

    if (!u->chr) {
        return;
    }
    if (setup->request == REQUEST_BAUD) {
        line.baud = baud_of(setup->value, setup->index);
    } else {
        line.data_bits = (setup->value & 0xff) == 7 ? 7 : 8;
        line.parity = parities[setup->value >> 8 & 7];
        line.stop_bits = (setup->value >> 11 & 7) == 2 ? 2 : 1;
        chardev_set_break(u->chr, setup->value >> 14 & 1);
    }
    chardev_set_line(u->chr, &line);
}

static size_t can_read(void *opaque)
{
    return QUEUE - ((struct usb_serial *)opaque)->s.count;
}

static void received(void *opaque, const uint8_t *data, size_t size)
{
    struct usb_serial *u = opaque;

    for (size_t i = 0; i < size && u->s.count < QUEUE; i++) {
        u->s.queue[(u->s.first + u->s.count++) % QUEUE] = data[i];
    }
    usb_wakeup(&u->usb);
}

static void event(void *opaque, enum chardev_event what)
{
    struct usb_serial *u = opaque;

    if (what == CHARDEV_BREAK) {
        u->s.events |= LINE_BREAK;
        usb_wakeup(&u->usb);
    }
}

static void send_rest(void *opaque)
{
    struct usb_serial *u = opaque;
    size_t taken = chardev_write(u->chr, u->s.sending, u->s.n_sending);

    u->s.n_sending -= (uint8_t)taken;
    memmove(u->s.sending, u->s.sending + taken, u->s.n_sending);
}

static const struct chardev_handlers handlers = {
    .can_read = can_read, .read = received, .event = event, .writable = send_rest,
};

/* --- requests and packets -------------------------------------------------------------------- */

static void forget_all(struct usb_device *d)
{
    ((struct usb_serial *)d)->s = (struct usb_serial_state){ .latency = 16 };
}

static int reset_request(struct usb_serial *u, uint16_t what)
{
    if (what == 0 || what == 1) {
        u->s.first = u->s.count = 0;
        if (u->chr) {
            chardev_accept_input(u->chr);
        }
    }
    if (what == 0 || what == 2) {
        u->s.n_sending = 0;
    }
    return 0;
}

static int serial_control(struct usb_device *d, const struct usb_setup *setup, uint8_t *data)
{
    struct usb_serial *u = (struct usb_serial *)d;

    if ((setup->type & USB_KIND) != USB_VENDOR) {
        return USB_STALL;
    }
    switch (setup->request) {
    case REQUEST_RESET: return reset_request(u, setup->value);
    case REQUEST_MODEM:
        set_modem(u, setup->value);
        return 0;
    case REQUEST_BAUD:
    case REQUEST_DATA:
        set_line(u, setup);
        return 0;
    case REQUEST_GET_MODEM:
        data[0] = modem_inputs(u);
        data[1] = LINE_EMPTY;
        return 2;
    case REQUEST_FLOW:
    case REQUEST_EVENT_CHAR:
    case REQUEST_ERROR_CHAR: return 0;
    case REQUEST_SET_LATENCY:
        u->s.latency = setup->value & 0xff;
        return 0;
    case REQUEST_GET_LATENCY:
        data[0] = u->s.latency;
        return 1;
    default: return USB_STALL;
    }
}

static int to_host(struct usb_serial *u, uint8_t *data, unsigned size)
{
    uint8_t modem = modem_inputs(u);
    unsigned count;

    if (size < STATUS_BYTES) {
        return USB_BABBLE;
    }
    if (!u->s.count && !u->s.events && modem == u->s.shown) {
        return USB_NAK;
    }
    data[0] = u->s.shown = modem;
    data[1] = LINE_EMPTY | u->s.events;
    u->s.events = 0;
    count = MIN_OF(MIN_OF(size, (unsigned)PACKET) - STATUS_BYTES, (unsigned)u->s.count);
    for (unsigned i = 0; i < count; i++) {
        data[STATUS_BYTES + i] = u->s.queue[(u->s.first + i) % QUEUE];
    }
    u->s.first = (uint16_t)((u->s.first + count) % QUEUE);
    u->s.count -= (uint16_t)count;
    if (count && u->chr) {
        chardev_accept_input(u->chr);
    }
    return (int)(STATUS_BYTES + count);
}

static int from_host(struct usb_serial *u, const uint8_t *data, unsigned size)
{
    if (size > PACKET) {
        return USB_STALL;
    }
    if (u->s.n_sending) {
        send_rest(u);
    }
    if (u->s.n_sending) {
        return USB_NAK;
    }
    memcpy(u->s.sending, data, size);
    u->s.n_sending = (uint8_t)size;
    send_rest(u);
    return (int)size;
}

static int serial_data(struct usb_device *d, enum usb_pid pid, unsigned endpoint, uint8_t *data,
                       unsigned size)
{
    struct usb_serial *u = (struct usb_serial *)d;

    if (pid == USB_IN && endpoint == ENDPOINT_IN) {
        return to_host(u, data, size);
    }
    return pid == USB_OUT && endpoint == ENDPOINT_OUT ? from_host(u, data, size) : USB_STALL;
}

static const struct usb_function function = {
    .device = device_descriptor, .config = config_descriptor, .strings = strings,
    .serial_string = 3, .speed = USB_FULL, .control = serial_control, .data = serial_data,
    .reset = forget_all,
};

/* --- life ------------------------------------------------------------------------------------ */

static bool serial_init(struct device *dev, struct error **err)
{
    struct usb_serial *u = (struct usb_serial *)dev;

    if (!u->chr) {
        error_set(err, "usb-serial: property chardev is required");
        return false;
    }
    if (!chardev_attach(u->chr, &handlers, u, err)) {
        return false;
    }
    u->usb.function = &function;
    usb_plug(&u->usb);
    return true;
}

static void serial_exit(struct device *dev)
{
    struct usb_serial *u = (struct usb_serial *)dev;

    chardev_detach(u->chr, u);
}

static void serial_reset(struct device *dev)
{
    forget_all((struct usb_device *)dev);
}

static bool serial_loaded(struct device *dev, struct error **err)
{
    const struct usb_serial_state *s = &((struct usb_serial *)dev)->s;

    if (s->first >= QUEUE || s->count > QUEUE || s->n_sending > PACKET) {
        error_set(err, "usb-serial: impossible queue");
        return false;
    }
    return true;
}

static const struct property properties[] = { PROP_CHARDEV("chardev", usb_serial, chr), { 0 } };

DEVICE(usb_serial) = {
    .name = "usb-serial", .desc = "USB serial adapter", .bus = "usb-bus",
    .size = sizeof(struct usb_serial), .properties = properties, .init = serial_init,
    .exit = serial_exit, .reset = serial_reset,
    .state = STATE(usb_serial, s, usb_serial_state, 1), .loaded = serial_loaded,
};
