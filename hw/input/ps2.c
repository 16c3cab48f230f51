/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The byte queue that PS/2 keyboard and mouse have in common. */
#include "hw/input/ps2.h"

#include "base/trace.h"

void ps2_drive(struct ps2 *ps2)
{
    irq_set(ps2->dev.irqs[0], ps2->queue->count || ps2->queue->reply_count);
}

bool ps2_send(struct ps2 *ps2, const uint8_t *bytes, unsigned count)
{
    struct ps2_queue *q = ps2->queue;

    if (q->count + count > PS2_QUEUE) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        q->data[(q->head + q->count++) % PS2_QUEUE] = bytes[i];
    }
    ps2_drive(ps2);
    return true;
}

void ps2_reply(struct ps2 *ps2, uint8_t byte)
{
    struct ps2_queue *q = ps2->queue;

    if (q->reply_count == PS2_REPLIES) {
        q->reply_count = 0;     /* a host that never reads its answers */
    }
    q->replies[(q->reply_head + q->reply_count++) % PS2_REPLIES] = byte;
    ps2_drive(ps2);
}

void ps2_clear(struct ps2 *ps2)
{
    ps2->queue->count = ps2->queue->head = 0;
    ps2_drive(ps2);
}

uint8_t ps2_read(struct device *dev)
{
    struct ps2 *ps2 = (struct ps2 *)dev;
    struct ps2_queue *q = ps2->queue;

    if (q->reply_count) {
        q->last = q->replies[q->reply_head];
        q->reply_head = (q->reply_head + 1) % PS2_REPLIES;
        q->reply_count--;
    } else if (q->count) {
        q->last = q->data[q->head];
        q->head = (q->head + 1) % PS2_QUEUE;
        q->count--;
        if (!q->count && ps2->drained) {
            ps2->drained(ps2);
        }
    }
    ps2_drive(ps2);
    return q->last;
}

void ps2_write(struct device *dev, uint8_t byte)
{
    struct ps2 *ps2 = (struct ps2 *)dev;

    trace(ps2_write, "%s 0x%02x", dev->class->name, byte);
    if (byte == PS2_RESEND) {
        ps2_reply(ps2, ps2->queue->last);
    } else {
        /* A new command takes the place of an old answer. */
        ps2->queue->reply_count = 0;
        ps2->command(ps2, byte);
    }
}

bool ps2_pending(struct device *dev)
{
    struct ps2_queue *q = ((struct ps2 *)dev)->queue;

    return q->count || q->reply_count;
}

bool ps2_reply_pending(struct device *dev)
{
    return ((struct ps2 *)dev)->queue->reply_count;
}

bool ps2_queue_good(const struct ps2_queue *q)
{
    return q->head < PS2_QUEUE && q->count <= PS2_QUEUE && q->reply_head < PS2_REPLIES &&
        q->reply_count <= PS2_REPLIES;
}
