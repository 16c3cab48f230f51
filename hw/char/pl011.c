/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PL011 UART (ARM DDI 0183): FIFOs of 16, receive timeout, loopback, modem lines always on. */
#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/trace.h"
#include "char.h"
#include "hw/core/device.h"
#include "hw/misc/primecell.h"

#define FIFO 16
#define UART_CLOCK 24000000u
#define PL011_ID 0x00141011

enum {
    REG_DATA = 0x00, REG_STATUS = 0x04, REG_FLAGS = 0x18, REG_LOW_POWER = 0x20,
    REG_BAUD_INTEGER = 0x24, REG_BAUD_FRACTION = 0x28, REG_LINE = 0x2c, REG_CONTROL = 0x30,
    REG_LEVELS = 0x34, REG_MASK = 0x38, REG_RAW = 0x3c, REG_MASKED = 0x40, REG_CLEAR = 0x44,
    REG_DMA = 0x48
};
enum {
    FLAG_CTS = 0x01, FLAG_DSR = 0x02, FLAG_DCD = 0x04, FLAG_BUSY = 0x08, FLAG_RX_EMPTY = 0x10,
    FLAG_TX_FULL = 0x20, FLAG_RX_FULL = 0x40, FLAG_TX_EMPTY = 0x80
};
enum {
    INT_RX = 0x010, INT_TX = 0x020, INT_TIMEOUT = 0x040, INT_FRAMING = 0x080, INT_PARITY = 0x100,
    INT_BREAK = 0x200, INT_OVERRUN = 0x400, INT_ALL = 0x7ff
};
/* In the data register above the byte. */
enum { ERROR_BREAK = 0x400, ERROR_OVERRUN = 0x800 };
enum { LINE_BREAK = 0x01, LINE_FIFO = 0x10 };
enum { CONTROL_LOOP = 0x80, CONTROL_RESET = 0x300 };

struct pl011 {
    struct device dev;
    struct chardev *chr;
    struct timer timeout;
    struct pl011_state {
        uint32_t line, control, baud_integer, baud_fraction, levels, mask, raw, low_power, dma;
        uint32_t errors;            /* of the last byte read, as the status register shows them */
        uint16_t rx[FIFO];
        uint8_t tx[FIFO];
        uint8_t rx_head, rx_count, tx_head, tx_count;
        bool overrun;
    } s;
};

FIELDS(pl011_state) = {
    FIELD(pl011_state, line), FIELD(pl011_state, control), FIELD(pl011_state, baud_integer),
    FIELD(pl011_state, baud_fraction), FIELD(pl011_state, levels), FIELD(pl011_state, mask),
    FIELD(pl011_state, raw), FIELD(pl011_state, low_power), FIELD(pl011_state, dma),
    FIELD(pl011_state, errors), ARRAY(pl011_state, rx), ARRAY(pl011_state, tx),
    FIELD(pl011_state, rx_head), FIELD(pl011_state, rx_count), FIELD(pl011_state, tx_head),
    FIELD(pl011_state, tx_count), FIELD(pl011_state, overrun), FIELDS_END
};

static void update_irq(struct pl011 *u)
{
    irq_set(u->dev.irqs[0], (u->s.raw & u->s.mask) != 0);
}

static unsigned fifo_size(const struct pl011_state *s)
{
    return s->line & LINE_FIFO ? FIFO : 1;
}

static unsigned rx_trigger(const struct pl011_state *s)
{
    static const uint8_t eighths[8] = { 1, 2, 4, 6, 7, 7, 7, 7 };

    return s->line & LINE_FIFO ? eighths[s->levels >> 3 & 7] * FIFO / 8 : 1;
}

/* 32 bit times after the last byte, what waits below the trigger level is announced. */
static void start_timeout(struct pl011 *u)
{
    struct pl011_state *s = &u->s;
    uint64_t divisor = s->baud_integer * 64ull + s->baud_fraction;

    if (s->rx_count && !(s->raw & INT_RX)) {
        timer_set(&u->timeout, clock_ns(CLOCK_VM) +
                  (int64_t)clock_ticks_to_ns(MAX_OF(divisor, 64) * 16 * 32 / 64, UART_CLOCK));
    } else {
        timer_cancel(&u->timeout);
    }
}

static void timed_out(void *opaque)
{
    struct pl011 *u = opaque;

    if (u->s.rx_count) {
        u->s.raw |= INT_TIMEOUT;
        update_irq(u);
    }
}

/* --- receiver -------------------------------------------------------------------------------- */

static void put_received(struct pl011 *u, uint16_t byte)
{
    struct pl011_state *s = &u->s;

    if (s->rx_count >= fifo_size(s)) {
        s->overrun = true;
        s->raw |= INT_OVERRUN;
        return;
    }
    s->rx[(s->rx_head + s->rx_count++) % FIFO] = byte;
    if (byte & ERROR_BREAK) {
        s->raw |= INT_BREAK;
    }
    if (s->rx_count >= rx_trigger(s)) {
        s->raw |= INT_RX;
    }
    start_timeout(u);
}

static uint32_t take_received(struct pl011 *u)
{
    struct pl011_state *s = &u->s;
    uint32_t data = 0;

    if (s->rx_count) {
        data = s->rx[s->rx_head];
        s->rx_head = (s->rx_head + 1) % FIFO;
        s->rx_count--;
    }
    if (s->overrun) {
        s->overrun = false;
        data |= ERROR_OVERRUN;
    }
    s->errors = data >> 8;
    if (s->rx_count < rx_trigger(s)) {
        s->raw &= ~INT_RX;
    }
    if (!s->rx_count) {
        s->raw &= ~INT_TIMEOUT;
    }
    start_timeout(u);
    update_irq(u);
    if (u->chr && !(s->control & CONTROL_LOOP)) {
        chardev_accept_input(u->chr);
    }
    return data;
}

static size_t can_receive(void *opaque)
{
    struct pl011 *u = opaque;

    return u->s.control & CONTROL_LOOP || u->s.rx_count >= fifo_size(&u->s)
               ? 0 : fifo_size(&u->s) - u->s.rx_count;
}

static void receive(void *opaque, const uint8_t *data, size_t size)
{
    struct pl011 *u = opaque;

    for (size_t i = 0; i < size; i++) {
        put_received(u, data[i]);
    }
    update_irq(u);
}

static void receive_event(void *opaque, enum chardev_event event)
{
    struct pl011 *u = opaque;

    if (event == CHARDEV_BREAK && !(u->s.control & CONTROL_LOOP)) {
        put_received(u, ERROR_BREAK);
        update_irq(u);
    }
}

/* --- transmitter ----------------------------------------------------------------------------- */

static void flush(struct pl011 *u)
{
    struct pl011_state *s = &u->s;

    while (s->tx_count) {
        size_t run = MIN_OF(s->tx_count, FIFO - s->tx_head);
        size_t taken = chardev_write(u->chr, s->tx + s->tx_head, run);

        s->tx_head = (s->tx_head + taken) % FIFO;
        s->tx_count -= taken;
        if (taken < run) {
            return;
        }
    }
    s->raw |= INT_TX;
}

static void writable(void *opaque)
{
    struct pl011 *u = opaque;

    if (u->s.tx_count) {
        flush(u);
        update_irq(u);
    }
}

static void transmit(struct pl011 *u, uint8_t byte)
{
    struct pl011_state *s = &u->s;

    s->raw &= ~INT_TX;
    if (s->control & CONTROL_LOOP) {
        put_received(u, byte);
        s->raw |= INT_TX;
    } else if (s->tx_count < fifo_size(s)) {
        s->tx[(s->tx_head + s->tx_count++) % FIFO] = byte;
        flush(u);
    }
    update_irq(u);
}

/* --- registers ------------------------------------------------------------------------------- */

static uint32_t flags(const struct pl011_state *s)
{
    return FLAG_CTS | FLAG_DSR | FLAG_DCD | (s->rx_count ? 0 : FLAG_RX_EMPTY) |
        (s->rx_count >= fifo_size(s) ? FLAG_RX_FULL : 0) |
        (s->tx_count ? FLAG_BUSY : FLAG_TX_EMPTY) |
        (s->tx_count >= fifo_size(s) ? FLAG_TX_FULL : 0);
}

static uint64_t pl011_read(void *dev, uint64_t offset, unsigned size)
{
    struct pl011 *u = dev;
    struct pl011_state *s = &u->s;

    switch (offset) {
    case REG_DATA: return take_received(u);
    case REG_STATUS: return s->errors;
    case REG_FLAGS: return flags(s);
    case REG_LOW_POWER: return s->low_power;
    case REG_BAUD_INTEGER: return s->baud_integer;
    case REG_BAUD_FRACTION: return s->baud_fraction;
    case REG_LINE: return s->line;
    case REG_CONTROL: return s->control;
    case REG_LEVELS: return s->levels;
    case REG_MASK: return s->mask;
    case REG_RAW: return s->raw;
    case REG_MASKED: return s->raw & s->mask;
    case REG_DMA: return s->dma;
    case PRIMECELL_ID ... PRIMECELL_SIZE - 1: return primecell_id(PL011_ID, offset);
    default:
        log_guest_error("pl011: read of offset 0x%x", (int)offset);
        return 0;
    }
}

static void write_line(struct pl011 *u, uint32_t value)
{
    struct pl011_state *s = &u->s;

    if ((value ^ s->line) & LINE_FIFO) {
        s->rx_count = s->rx_head = 0;
        s->raw &= ~(INT_RX | INT_TIMEOUT);
    }
    if ((value ^ s->line) & LINE_BREAK && u->chr) {
        chardev_set_break(u->chr, value & LINE_BREAK);
    }
    s->line = value & 0xff;
}

static void pl011_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct pl011 *u = dev;
    struct pl011_state *s = &u->s;

    trace(pl011_write, "register 0x%02x value 0x%x", (int)offset, (int)value);
    switch (offset) {
    case REG_DATA: transmit(u, value); return;
    case REG_STATUS: s->errors = 0; break;
    case REG_FLAGS: break;
    case REG_LOW_POWER: s->low_power = value & 0xff; break;
    case REG_BAUD_INTEGER: s->baud_integer = value & 0xffff; break;
    case REG_BAUD_FRACTION: s->baud_fraction = value & 0x3f; break;
    case REG_LINE: write_line(u, value); break;
    case REG_CONTROL: s->control = value & 0xffff; break;
    case REG_LEVELS: s->levels = value & 0x3f; break;
    case REG_MASK: s->mask = value & INT_ALL; break;
    case REG_CLEAR: s->raw &= ~value; break;
    case REG_DMA: s->dma = value & 7; break;
    default: log_guest_error("pl011: write of offset 0x%x", (int)offset); break;
    }
    update_irq(u);
    if (u->chr) {
        chardev_accept_input(u->chr);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static bool pl011_init(struct device *dev, struct error **err)
{
    static const struct chardev_handlers handlers = {
        can_receive, receive, receive_event, writable
    };
    struct pl011 *u = (struct pl011 *)dev;

    timer_init(&u->timeout, CLOCK_VM, timed_out, u);
    return !u->chr || chardev_attach(u->chr, &handlers, u, err);
}

static void pl011_exit(struct device *dev)
{
    struct pl011 *u = (struct pl011 *)dev;

    timer_cancel(&u->timeout);
    if (u->chr) {
        chardev_detach(u->chr, u);
    }
}

static void pl011_reset(struct device *dev)
{
    struct pl011 *u = (struct pl011 *)dev;

    u->s = (struct pl011_state){ .control = CONTROL_RESET, .levels = 0x12 };
    timer_cancel(&u->timeout);
}

static void pl011_reset_lines(struct device *dev)
{
    update_irq((struct pl011 *)dev);
}

static bool pl011_loaded(struct device *dev, struct error **err)
{
    struct pl011 *u = (struct pl011 *)dev;
    const struct pl011_state *s = &u->s;

    if (s->rx_head >= FIFO || s->rx_count > FIFO || s->tx_head >= FIFO || s->tx_count > FIFO) {
        error_set(err, "pl011: impossible FIFO");
        return false;
    }
    start_timeout(u);
    return true;
}

static const struct device_region regions[] = {
    { "pl011", PRIMECELL_SIZE, { pl011_read, pl011_write, .min = 4 } }, { 0 }
};
static const struct property properties[] = { PROP_CHARDEV("chardev", pl011, chr), { 0 } };

DEVICE(pl011) = {
    .name = "pl011", .desc = "ARM PL011 UART", .internal = true, .size = sizeof(struct pl011),
    .properties = properties, .regions = regions, .irqs = 1,
    .init = pl011_init, .exit = pl011_exit, .reset = pl011_reset,
    .reset_lines = pl011_reset_lines, .state = STATE(pl011, s, pl011_state, 1),
    .loaded = pl011_loaded,
};
