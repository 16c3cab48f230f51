/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PS/2 devices, classes "ps2-kbd" and "ps2-mouse", for keyboard controllers of any board.
 *
 * The controller makes the device and connects its output 0, which is up while bytes wait.
 */
#ifndef HW_INPUT_PS2_H
#define HW_INPUT_PS2_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/core/device.h"

#define PS2_QUEUE 64
#define PS2_REPLIES 8

/* Bytes on their way to the controller. Replies to commands go before input. */
struct ps2_queue {
    uint8_t data[PS2_QUEUE], replies[PS2_REPLIES];
    uint8_t head, count, reply_head, reply_count, last;
};

FIELDS(ps2_queue) = {
    ARRAY(ps2_queue, data), ARRAY(ps2_queue, replies), FIELD(ps2_queue, head),
    FIELD(ps2_queue, count), FIELD(ps2_queue, reply_head), FIELD(ps2_queue, reply_count),
    FIELD(ps2_queue, last),
    FIELDS_END
};

/* Starts the struct of both classes. */
struct ps2 {
    struct device dev;
    struct ps2_queue *queue;
    void (*command)(struct ps2 *ps2, uint8_t byte);
    void (*drained)(struct ps2 *ps2);      /* there is room again; may be NULL */
};

enum {
    PS2_SELF_TEST_OK = 0xaa, PS2_ACK = 0xfa, PS2_RESEND = 0xfe
};

/* --- for controllers ------------------------------------------------------------------------- */

/* The next byte; the last one again when there is none. */
uint8_t ps2_read(struct device *dev);
void ps2_write(struct device *dev, uint8_t byte);
bool ps2_pending(struct device *dev);
/* Whether the next byte answers a command. */
bool ps2_reply_pending(struct device *dev);

/* --- for the two devices --------------------------------------------------------------------- */

/* All bytes, or none when they do not fit. */
bool ps2_send(struct ps2 *ps2, const uint8_t *bytes, unsigned count);
void ps2_reply(struct ps2 *ps2, uint8_t byte);
/* Throws waiting input away. */
void ps2_clear(struct ps2 *ps2);
void ps2_drive(struct ps2 *ps2);
bool ps2_queue_good(const struct ps2_queue *queue);

#endif
