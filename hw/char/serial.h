/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 16550A UART without its attachment; isa-serial and pci-serial embed it.
 *
 * The owner keeps `s` in its own state struct, maps serial_ops (8 byte-wide registers, opaque is
 * the struct serial) and forwards init, exit, reset, reset_lines and loaded.
 */
#ifndef HW_CHAR_SERIAL_H
#define HW_CHAR_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "char.h"
#include "hw/core/irq.h"
#include "hw/core/memory.h"
#include "hw/core/state.h"

#define SERIAL_FIFO 16

struct serial_state {
    uint16_t divider;
    uint8_t ier, fcr, lcr, mcr, lsr, msr, scr;
    uint8_t thr_pending;        /* the transmitter-empty interrupt waits to be seen */
    uint8_t timeout_pending;    /* bytes lie in the receiver without having reached the trigger */
    uint8_t rx_count, rx_head, tx_count, tx_head;
    uint16_t rx[SERIAL_FIFO];   /* byte, and LSR error bits from bit 8 */
    uint8_t tx[SERIAL_FIFO];
    uint8_t tx_blocked;         /* the back-end takes nothing at the moment */
};

struct serial {
    struct serial_state *s;
    struct chardev *chr;
    struct irq irq;
    struct timer timeout, modem_poll;
    bool level;                 /* of irq, as last driven */
    uint32_t baudbase;
    int64_t char_ns;            /* time of one character on the line */
};

extern const struct mmio_ops serial_ops;

bool serial_init(struct serial *uart, struct serial_state *s, struct error **err);
void serial_exit(struct serial *uart);
void serial_reset(struct serial *uart);
void serial_reset_lines(struct serial *uart);
bool serial_loaded(struct serial *uart, struct error **err);

FIELDS(serial_state) = {
    FIELD(serial_state, divider), FIELD(serial_state, ier), FIELD(serial_state, fcr),
    FIELD(serial_state, lcr), FIELD(serial_state, mcr), FIELD(serial_state, lsr),
    FIELD(serial_state, msr), FIELD(serial_state, scr), FIELD(serial_state, thr_pending),
    FIELD(serial_state, timeout_pending), FIELD(serial_state, rx_count),
    FIELD(serial_state, rx_head), FIELD(serial_state, tx_count), FIELD(serial_state, tx_head),
    ARRAY(serial_state, rx), ARRAY(serial_state, tx), FIELD(serial_state, tx_blocked),
    FIELDS_END
};

#endif
