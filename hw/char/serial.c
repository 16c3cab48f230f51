/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 16550A UART.
 *
 * A byte goes to the back-end as soon as it is written; only when that takes nothing does the
 * transmitter fill up, so a guest that writes much waits for the host alone and never for a timer.
 */
#include "hw/char/serial.h"

#include "base/bits.h"
#include "base/trace.h"

enum {
    REG_DATA, REG_IER, REG_IIR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCRATCH,
    REG_FCR = REG_IIR
};
enum { IER_RECEIVE = 1, IER_TRANSMIT = 2, IER_LINE = 4, IER_MODEM = 8, IER_ALL = 15 };
enum {
    IIR_NONE = 0x01, IIR_MODEM = 0x00, IIR_TRANSMIT = 0x02, IIR_RECEIVE = 0x04, IIR_LINE = 0x06,
    IIR_TIMEOUT = 0x0c, IIR_FIFO = 0xc0
};
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_KEPT = 0xc9 };
enum { LCR_STOP = 0x04, LCR_PARITY = 0x08, LCR_EVEN = 0x10, LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 16, MCR_ALL = 0x1f };
enum {
    LSR_READY = 0x01, LSR_OVERRUN = 0x02, LSR_PARITY = 0x04, LSR_FRAMING = 0x08, LSR_BREAK = 0x10,
    LSR_THR_EMPTY = 0x20, LSR_EMPTY = 0x40, LSR_FIFO_ERROR = 0x80, LSR_ERRORS = 0x1e
};
enum {
    MSR_DELTA_CTS = 0x01, MSR_DELTA_DSR = 0x02, MSR_TRAILING_RI = 0x04, MSR_DELTA_CD = 0x08,
    MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_CD = 0x80, MSR_DELTAS = 0x0f
};
#define MODEM_POLL_NS (10 * NS_PER_MS)

static bool fifo_on(const struct serial_state *s)
{
    return s->fcr & FCR_ENABLE;
}

static unsigned fifo_size(const struct serial_state *s)
{
    return fifo_on(s) ? SERIAL_FIFO : 1;
}

static unsigned trigger_level(const struct serial_state *s)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return fifo_on(s) ? levels[s->fcr >> 6] : 1;
}

/* --- interrupts ------------------------------------------------------------------------------ */

/* The highest interrupt that is pending and enabled, as IIR shows it. */
static uint8_t pending(const struct serial_state *s)
{
    if (s->ier & IER_LINE && s->lsr & LSR_ERRORS) {
        return IIR_LINE;
    }
    if (s->ier & IER_RECEIVE && s->rx_count >= trigger_level(s)) {
        return IIR_RECEIVE;
    }
    if (s->ier & IER_RECEIVE && s->timeout_pending) {
        return IIR_TIMEOUT;
    }
    if (s->ier & IER_TRANSMIT && s->thr_pending) {
        return IIR_TRANSMIT;
    }
    if (s->ier & IER_MODEM && s->msr & MSR_DELTAS) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

static void update_irq(struct serial *uart)
{
    bool level = pending(uart->s) != IIR_NONE;

    if (uart->level != level) {
        uart->level = level;
        irq_set(uart->irq, level);
    }
}

static void accept_input(struct serial *uart)
{
    if (uart->chr) {
        chardev_accept_input(uart->chr);
    }
}

/* --- receiver -------------------------------------------------------------------------------- */

/* LSR shows the errors of the byte that is next to be read. */
static void show_first(struct serial_state *s)
{
    bool error = false;

    for (unsigned i = 0; i < s->rx_count; i++) {
        error |= s->rx[(s->rx_head + i) % SERIAL_FIFO] >> 8 != 0;
    }
    s->lsr = (s->lsr & ~(LSR_READY | LSR_FIFO_ERROR)) | (s->rx_count ? LSR_READY : 0) |
        (error && fifo_on(s) ? LSR_FIFO_ERROR : 0);
    if (s->rx_count) {
        uint16_t *first = &s->rx[s->rx_head];

        s->lsr |= *first >> 8;
        *first &= 0xff;         /* shown once: reading LSR clears it */
    }
}

static void start_timeout(struct serial *uart)
{
    const struct serial_state *s = uart->s;

    if (fifo_on(s) && s->rx_count && s->rx_count < trigger_level(s)) {
        timer_set(&uart->timeout, clock_ns(CLOCK_VM) + 4 * uart->char_ns);
    } else {
        timer_cancel(&uart->timeout);
    }
}

static void put_received(struct serial *uart, uint16_t byte)
{
    struct serial_state *s = uart->s;

    if (s->rx_count == fifo_size(s)) {
        /* The shift register is overwritten; without FIFO it is the byte that was not read. */
        s->lsr |= LSR_OVERRUN;
        if (!fifo_on(s)) {
            s->rx[s->rx_head] = byte;
        }
    } else {
        s->rx[(s->rx_head + s->rx_count++) % SERIAL_FIFO] = byte;
    }
    s->timeout_pending = 0;
    show_first(s);
}

static uint8_t take_received(struct serial *uart)
{
    struct serial_state *s = uart->s;
    uint8_t byte;

    if (!s->rx_count) {
        return 0;
    }
    byte = s->rx[s->rx_head];
    s->rx_head = (s->rx_head + 1) % SERIAL_FIFO;
    s->rx_count--;
    s->timeout_pending = 0;
    show_first(s);
    start_timeout(uart);
    update_irq(uart);
    if (!(s->mcr & MCR_LOOP)) {
        accept_input(uart);
    }
    return byte;
}

static void clear_receiver(struct serial *uart)
{
    struct serial_state *s = uart->s;

    s->rx_count = s->rx_head = s->timeout_pending = 0;
    show_first(s);
    timer_cancel(&uart->timeout);
}

static void timed_out(void *opaque)
{
    struct serial *uart = opaque;

    if (uart->s->rx_count) {
        uart->s->timeout_pending = 1;
        update_irq(uart);
    }
}

static size_t can_receive(void *opaque)
{
    struct serial *uart = opaque;

    if (uart->s->mcr & MCR_LOOP) {
        return 0;
    }
    return fifo_size(uart->s) - uart->s->rx_count;
}

static void receive(void *opaque, const uint8_t *data, size_t size)
{
    struct serial *uart = opaque;

    for (size_t i = 0; i < size; i++) {
        put_received(uart, data[i]);
    }
    start_timeout(uart);
    update_irq(uart);
}

static void receive_event(void *opaque, enum chardev_event event)
{
    struct serial *uart = opaque;

    if (event == CHARDEV_BREAK && !(uart->s->mcr & MCR_LOOP)) {
        put_received(uart, LSR_BREAK << 8);
        start_timeout(uart);
        update_irq(uart);
    }
}

/* --- transmitter ----------------------------------------------------------------------------- */

static void transmitter_empty(struct serial_state *s)
{
    s->lsr |= LSR_THR_EMPTY | LSR_EMPTY;
    s->thr_pending = 1;
}

/* Gives what waits to the back-end, as much as it takes. */
static void flush(struct serial *uart)
{
    struct serial_state *s = uart->s;

    while (s->tx_count) {
        size_t run = MIN_OF(s->tx_count, SERIAL_FIFO - s->tx_head);
        size_t taken = chardev_write(uart->chr, s->tx + s->tx_head, run);

        s->tx_head = (s->tx_head + taken) % SERIAL_FIFO;
        s->tx_count -= taken;
        if (taken < run) {
            s->tx_blocked = 1;
            return;
        }
    }
    s->tx_blocked = 0;
    transmitter_empty(s);
}

static void writable(void *opaque)
{
    struct serial *uart = opaque;

    if (uart->s->tx_blocked) {
        flush(uart);
        update_irq(uart);
    }
}

static void transmit(struct serial *uart, uint8_t byte)
{
    struct serial_state *s = uart->s;

    /* The line falls even when the byte is gone at once: edge-triggered handlers wait for that. */
    if (s->thr_pending) {
        s->thr_pending = 0;
        update_irq(uart);
    }
    if (s->mcr & MCR_LOOP) {
        put_received(uart, byte);
        start_timeout(uart);
        transmitter_empty(s);
        return;
    }
    if (!s->tx_blocked && chardev_write(uart->chr, &byte, 1) == 1) {
        transmitter_empty(s);
        return;
    }
    s->tx_blocked = 1;
    s->lsr &= ~(LSR_THR_EMPTY | LSR_EMPTY);
    if (s->tx_count == fifo_size(s)) {
        /* Written to a full transmitter: the last byte is lost. */
        s->tx[(s->tx_head + s->tx_count - 1) % SERIAL_FIFO] = byte;
    } else {
        s->tx[(s->tx_head + s->tx_count++) % SERIAL_FIFO] = byte;
    }
}

static void clear_transmitter(struct serial_state *s)
{
    s->tx_count = s->tx_head = s->tx_blocked = 0;
    transmitter_empty(s);
}

/* --- line and modem -------------------------------------------------------------------------- */

static void set_line(struct serial *uart)
{
    static const char parities[] = { 'N', 'O', 'N', 'E' };
    const struct serial_state *s = uart->s;
    struct chardev_line line = {
        .baud = uart->baudbase / (s->divider ? s->divider : 65536),
        .data_bits = 5 + (s->lcr & 3),
        .stop_bits = s->lcr & LCR_STOP ? 2 : 1,
        .parity = parities[s->lcr >> 3 & 3],
    };
    unsigned bits = 1 + line.data_bits + (s->lcr & LCR_PARITY ? 1 : 0) + line.stop_bits;

    line.baud = MAX_OF(line.baud, 1u);
    uart->char_ns = bits * NS_PER_SECOND / line.baud;
    if (uart->chr) {
        chardev_set_line(uart->chr, &line);
    }
}

/* New levels of the four modem inputs; the changes are remembered in the low bits. */
static void set_modem_inputs(struct serial_state *s, uint8_t levels)
{
    uint8_t change = s->msr ^ levels;
    uint8_t deltas = change >> 4 & (MSR_DELTA_CTS | MSR_DELTA_DSR | MSR_DELTA_CD);

    if (s->msr & ~levels & MSR_RI) {
        deltas |= MSR_TRAILING_RI;
    }
    s->msr = levels | (s->msr & MSR_DELTAS) | deltas;
}

static uint8_t looped_inputs(const struct serial_state *s)
{
    return (s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
        (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_CD : 0);
}

static void update_modem(struct serial *uart)
{
    struct serial_state *s = uart->s;
    uint8_t levels = MSR_CTS | MSR_DSR | MSR_CD;
    unsigned host;

    timer_cancel(&uart->modem_poll);
    if (s->mcr & MCR_LOOP) {
        levels = looped_inputs(s);
    } else if (uart->chr && chardev_get_modem(uart->chr, &host)) {
        levels = (host & CHARDEV_CTS ? MSR_CTS : 0) | (host & CHARDEV_DSR ? MSR_DSR : 0) |
            (host & CHARDEV_RI ? MSR_RI : 0) | (host & CHARDEV_CD ? MSR_CD : 0);
        if (s->ier & IER_MODEM) {
            timer_set(&uart->modem_poll, clock_ns(CLOCK_VM) + MODEM_POLL_NS);
        }
    }
    set_modem_inputs(s, levels);
}

static void poll_modem(void *opaque)
{
    update_modem(opaque);
    update_irq(opaque);
}

static void set_modem_outputs(struct serial *uart)
{
    const struct serial_state *s = uart->s;

    if (uart->chr && !(s->mcr & MCR_LOOP)) {
        chardev_set_modem(uart->chr, (s->mcr & MCR_DTR ? CHARDEV_DTR : 0) |
                          (s->mcr & MCR_RTS ? CHARDEV_RTS : 0));
    }
}

/* --- registers ------------------------------------------------------------------------------- */

static void write_ier(struct serial *uart, uint8_t value)
{
    struct serial_state *s = uart->s;
    uint8_t rising = value & ~s->ier;

    s->ier = value & IER_ALL;
    /* Enabling the transmitter interrupt with an empty transmitter raises it at once. */
    if (rising & IER_TRANSMIT && s->lsr & LSR_THR_EMPTY) {
        s->thr_pending = 1;
    }
    update_modem(uart);
}

static void write_fcr(struct serial *uart, uint8_t value)
{
    struct serial_state *s = uart->s;
    bool toggled = (value ^ s->fcr) & FCR_ENABLE;

    if (!(value & FCR_ENABLE)) {
        value = 0;              /* the other bits count only with the FIFOs on */
    }
    s->fcr = value & FCR_KEPT;
    if (toggled || value & FCR_CLEAR_RX) {
        clear_receiver(uart);
    }
    if (toggled || value & FCR_CLEAR_TX) {
        clear_transmitter(s);
    }
    start_timeout(uart);
    accept_input(uart);
}

static void write_lcr(struct serial *uart, uint8_t value)
{
    struct serial_state *s = uart->s;
    uint8_t changed = value ^ s->lcr;

    s->lcr = value;
    if (changed & 0x3f) {
        set_line(uart);
    }
    if (changed & LCR_BREAK && uart->chr) {
        chardev_set_break(uart->chr, value & LCR_BREAK);
    }
}

static void write_mcr(struct serial *uart, uint8_t value)
{
    struct serial_state *s = uart->s;
    bool left_loop = s->mcr & ~value & MCR_LOOP;

    s->mcr = value & MCR_ALL;
    set_modem_outputs(uart);
    update_modem(uart);
    if (left_loop) {
        accept_input(uart);
    }
}

static void serial_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct serial *uart = opaque;
    struct serial_state *s = uart->s;

    trace(serial_write, "register %d value 0x%02x", (int)offset, (int)value);
    if (s->lcr & LCR_DLAB && offset <= REG_IER) {
        s->divider = bits_deposit(s->divider, offset * 8, 8, value);
        set_line(uart);
        return;
    }
    switch (offset) {
    case REG_DATA:
        transmit(uart, value);
        break;
    case REG_IER:
        write_ier(uart, value);
        break;
    case REG_FCR:
        write_fcr(uart, value);
        break;
    case REG_LCR:
        write_lcr(uart, value);
        break;
    case REG_MCR:
        write_mcr(uart, value);
        break;
    case REG_SCRATCH:
        s->scr = value;
        break;
    default:                    /* LSR and MSR: factory test only */
        break;
    }
    update_irq(uart);
}

static uint8_t read_iir(struct serial *uart)
{
    struct serial_state *s = uart->s;
    uint8_t iir = pending(s);

    if (iir == IIR_TRANSMIT) {
        s->thr_pending = 0;
    }
    return iir | (fifo_on(s) ? IIR_FIFO : 0);
}

static uint8_t read_lsr(struct serial_state *s)
{
    uint8_t lsr = s->lsr;

    s->lsr &= ~LSR_ERRORS;
    return lsr;
}

static uint8_t read_msr(struct serial *uart)
{
    uint8_t msr;

    update_modem(uart);
    msr = uart->s->msr;
    uart->s->msr &= ~MSR_DELTAS;
    return msr;
}

static uint8_t read_register(struct serial *uart, unsigned offset)
{
    struct serial_state *s = uart->s;

    if (s->lcr & LCR_DLAB && offset <= REG_IER) {
        return s->divider >> offset * 8;
    }
    switch (offset) {
    case REG_DATA: return take_received(uart);
    case REG_IER: return s->ier;
    case REG_IIR: return read_iir(uart);
    case REG_LCR: return s->lcr;
    case REG_MCR: return s->mcr;
    case REG_LSR: return read_lsr(s);
    case REG_MSR: return read_msr(uart);
    default: return s->scr;
    }
}

static uint64_t serial_read(void *opaque, uint64_t offset, unsigned size)
{
    struct serial *uart = opaque;
    uint8_t value = read_register(uart, offset);

    trace(serial_read, "register %d value 0x%02x", (int)offset, value);
    update_irq(uart);
    return value;
}

const struct mmio_ops serial_ops = { serial_read, serial_write, .max = 1 };

/* --- life ------------------------------------------------------------------------------------ */

bool serial_init(struct serial *uart, struct serial_state *s, struct error **err)
{
    static const struct chardev_handlers handlers = {
        can_receive, receive, receive_event, writable
    };

    uart->s = s;
    timer_init(&uart->timeout, CLOCK_VM, timed_out, uart);
    timer_init(&uart->modem_poll, CLOCK_VM, poll_modem, uart);
    return !uart->chr || chardev_attach(uart->chr, &handlers, uart, err);
}

void serial_exit(struct serial *uart)
{
    timer_cancel(&uart->timeout);
    timer_cancel(&uart->modem_poll);
    if (uart->chr) {
        chardev_detach(uart->chr, uart);
    }
}

void serial_reset(struct serial *uart)
{
    *uart->s = (struct serial_state){
        .divider = 12, .mcr = MCR_OUT2, .lsr = LSR_THR_EMPTY | LSR_EMPTY,
        .msr = MSR_CTS | MSR_DSR | MSR_CD
    };
    timer_cancel(&uart->timeout);
    timer_cancel(&uart->modem_poll);
}

void serial_reset_lines(struct serial *uart)
{
    set_line(uart);
    set_modem_outputs(uart);
    uart->level = pending(uart->s) != IIR_NONE;
    irq_set(uart->irq, uart->level);
    accept_input(uart);
}

bool serial_loaded(struct serial *uart, struct error **err)
{
    const struct serial_state *s = uart->s;

    if (s->rx_count > SERIAL_FIFO || s->tx_count > SERIAL_FIFO || s->rx_head >= SERIAL_FIFO ||
        s->tx_head >= SERIAL_FIFO) {
        error_set(err, "serial port: impossible FIFO state");
        return false;
    }
    set_line(uart);
    start_timeout(uart);
    if (uart->s->tx_blocked) {
        flush(uart);
    }
    return true;
}
