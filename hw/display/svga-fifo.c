/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMware SVGA II: the queue of commands.
 *
 * Its words belong to the guest, whose processors change them at any time: each is read once, and
 * places in the queue are checked whenever they are used. A command that is not complete yet waits.
 */
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/display/svga.h"

#define MAX_ARGS 12

enum {
    CMD_UPDATE = 1, CMD_RECT_FILL = 2, CMD_RECT_COPY = 3, CMD_RECT_ROP_FILL = 13,
    CMD_RECT_ROP_COPY = 14, CMD_DEFINE_CURSOR = 19, CMD_DISPLAY_CURSOR = 20, CMD_MOVE_CURSOR = 21,
    CMD_DEFINE_ALPHA_CURSOR = 22, CMD_UPDATE_VERBOSE = 25, CMD_FRONT_ROP_FILL = 29, CMD_FENCE = 30,
    CMD_ESCAPE = 33
};
#define ROP_COPY 3

/* The queue while it is worked off: offsets in bytes. */
struct queue {
    struct svga *v;
    uint32_t min, max, next, stop;
};

uint32_t svga_fifo_word(const struct svga *v, unsigned index)
{
    return ld32_le(&(uint32_t){ __atomic_load_n(v->queue + index, __ATOMIC_ACQUIRE) });
}

void svga_set_fifo_word(struct svga *v, unsigned index, uint32_t value)
{
    uint32_t word;

    st32_le(&word, value);
    __atomic_store_n(v->queue + index, word, __ATOMIC_RELEASE);
}

/* --- the queue ------------------------------------------------------------------------------- */

static bool open_queue(struct queue *q, struct svga *v)
{
    *q = (struct queue){
        v, svga_fifo_word(v, FIFO_MIN), svga_fifo_word(v, FIFO_MAX), svga_fifo_word(v, FIFO_NEXT),
        svga_fifo_word(v, FIFO_STOP)
    };
    if ((q->min | q->max | q->next | q->stop) & 3 || q->min < 16 || q->max > SVGA_FIFO_SIZE ||
        q->min >= q->max || q->max - q->min < 1024 || q->next < q->min || q->next >= q->max ||
        q->stop < q->min || q->stop >= q->max) {
        log_guest_error("vmware-svga: the queue is from %u to %u at %u and %u", q->min, q->max,
                        q->next, q->stop);
        return false;
    }
    return true;
}

/* Words that wait. */
static uint32_t left(const struct queue *q)
{
    return (q->next >= q->stop ? q->next - q->stop : q->max - q->stop + q->next - q->min) / 4;
}

/* left() was checked. */
static uint32_t take(struct queue *q)
{
    uint32_t word = svga_fifo_word(q->v, q->stop / 4);

    q->stop += 4;
    q->stop = q->stop == q->max ? q->min : q->stop;
    return word;
}

/* --- drawing --------------------------------------------------------------------------------- */

static bool inside(const struct svga *v, const uint32_t *at, const uint32_t *size)
{
    return at[0] <= v->s.width && at[1] <= v->s.height && size[0] <= v->s.width - at[0] &&
        size[1] <= v->s.height - at[1];
}

static uint32_t offset_of(const struct svga *v, const uint32_t *at, uint32_t row)
{
    return (at[1] + row) * svga_pitch(v) + at[0] * 4;
}

static void note(struct svga *v, uint32_t at, uint32_t size)
{
    memory_note_store(memory_region_ram_addr(&v->vga.vram) + at, size);
}

/* from x, y, to x, y, width, height */
static void copy(struct svga *v, const uint32_t *args)
{
    const uint32_t *from = args, *to = args + 2, *size = args + 4;
    bool up = from[1] >= to[1];

    if (!inside(v, from, size) || !inside(v, to, size)) {
        log_guest_error("vmware-svga: a copy outside of the picture");
        return;
    }
    for (uint32_t i = 0; i < size[1] && size[0]; i++) {
        uint32_t row = up ? i : size[1] - 1 - i, at = offset_of(v, to, row);

        memmove(v->vga.memory + at, v->vga.memory + offset_of(v, from, row), size[0] * 4);
        note(v, at, size[0] * 4);
    }
}

/* colour, x, y, width, height */
static void fill(struct svga *v, const uint32_t *args)
{
    if (!inside(v, args + 1, args + 3)) {
        log_guest_error("vmware-svga: a fill outside of the picture");
        return;
    }
    for (uint32_t row = 0; row < args[4] && args[3]; row++) {
        uint32_t at = offset_of(v, args + 1, row);

        for (uint32_t x = 0; x < args[3]; x++) {
            st32_le(v->vga.memory + at + 4 * x, args[0]);
        }
        note(v, at, args[3] * 4);
    }
}

static void check_rop(uint32_t rop)
{
    if (rop != ROP_COPY) {
        log_unimp("vmware-svga: raster operation %u", rop);
    }
}

static void fence(struct svga *v, uint32_t number)
{
    svga_set_fifo_word(v, FIFO_FENCE, number);
    v->s.irq_status |= IRQ_ANY_FENCE;
    if (svga_fifo_word(v, FIFO_FENCE_GOAL) == number) {
        v->s.irq_status |= IRQ_FENCE_GOAL;
    }
}

/* --- commands -------------------------------------------------------------------------------- */

static const struct {
    uint8_t command, args;
} sizes[] = {
    { CMD_UPDATE, 4 }, { CMD_RECT_FILL, 5 }, { CMD_RECT_COPY, 6 }, { CMD_RECT_ROP_FILL, 6 },
    { CMD_RECT_ROP_COPY, 7 }, { CMD_DEFINE_CURSOR, 7 }, { CMD_DISPLAY_CURSOR, 2 },
    { CMD_MOVE_CURSOR, 2 }, { CMD_DEFINE_ALPHA_CURSOR, 5 }, { CMD_UPDATE_VERBOSE, 5 },
    { CMD_FRONT_ROP_FILL, 6 }, { CMD_FENCE, 1 }, { CMD_ESCAPE, 2 },
};

static int args_of(uint32_t command)
{
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        if (sizes[i].command == command) {
            return sizes[i].args;
        }
    }
    return -1;
}

/* Words behind the fixed ones. */
static uint32_t data_words(uint32_t command, const uint32_t *args)
{
    switch (command) {
    case CMD_DEFINE_CURSOR: return svga_cursor_words(args, false);
    case CMD_DEFINE_ALPHA_CURSOR: return svga_cursor_words(args, true);
    case CMD_ESCAPE: return args[1] / 4 + (args[1] % 4 != 0);
    default: return 0;
    }
}

static void run(struct svga *v, uint32_t command, const uint32_t *args)
{
    switch (command) {
    case CMD_RECT_ROP_FILL:
    case CMD_FRONT_ROP_FILL:
        check_rop(args[5]);
        fill(v, args);
        break;
    case CMD_RECT_FILL: fill(v, args); break;
    case CMD_RECT_ROP_COPY:
        check_rop(args[6]);
        copy(v, args);
        break;
    case CMD_RECT_COPY: copy(v, args); break;
    case CMD_MOVE_CURSOR:
        v->s.cursor_x = args[0];
        v->s.cursor_y = args[1];
        v->cursor_moved = true;
        break;
    case CMD_DISPLAY_CURSOR:
        v->s.cursor_on = args[1];
        v->cursor_moved = true;
        break;
    case CMD_FENCE: fence(v, args[0]); break;
    default: break;
    }
}

/* Cursors: the header and what follows it, in one piece. */
static void run_cursor(struct queue *q, uint32_t command, const uint32_t *args, uint32_t count)
{
    uint32_t words[7 + 2 * SVGA_CURSOR_MAX * SVGA_CURSOR_MAX];

    memcpy(words, args, 7 * sizeof(*words));
    for (uint32_t i = 0; i < count; i++) {
        words[7 + i] = take(q);
    }
    if (command == CMD_DEFINE_CURSOR) {
        svga_define_cursor(q->v, words);
    } else {
        svga_define_alpha_cursor(q->v, words);
    }
}

/* One command; false when it is not there, or not all of it. */
static bool run_next(struct queue *q)
{
    struct queue start = *q;
    uint32_t args[MAX_ARGS] = { 0 }, command, data;
    int count;

    if (!left(q)) {
        return false;
    }
    command = take(q);
    count = args_of(command);
    if (count < 0) {
        log_guest_error("vmware-svga: command %u is not there", command);
        q->stop = q->next;           /* nobody knows where the next one begins */
        return false;
    }
    if (left(q) < (uint32_t)count) {
        *q = start;
        return false;
    }
    for (int i = 0; i < count; i++) {
        args[i] = take(q);
    }
    data = data_words(command, args);
    if (data > (q->max - q->min) / 4) {
        log_guest_error("vmware-svga: command %u is longer than the queue", command);
        q->stop = q->next;
        return false;
    }
    if (left(q) < data) {
        *q = start;
        return false;
    }
    trace(svga_command, "%u: %u %u %u %u %u %u", command, args[0], args[1], args[2], args[3],
          args[4], args[5]);
    if (command == CMD_DEFINE_CURSOR || command == CMD_DEFINE_ALPHA_CURSOR) {
        run_cursor(q, command, args, data);
        return true;
    }
    while (data-- > 0) {
        take(q);
    }
    run(q->v, command, args);
    return true;
}

/* Ends at the place where the queue ended when it began. */
void svga_run_fifo(struct svga *v)
{
    struct queue q;
    bool any = false;

    if (!v->s.enabled || !v->s.configured || !open_queue(&q, v)) {
        return;
    }
    while (run_next(&q)) {
        any = true;
        svga_set_fifo_word(v, FIFO_STOP, q.stop);
    }
    svga_set_fifo_word(v, FIFO_STOP, q.stop);
    if (any) {
        v->s.irq_status |= IRQ_PROGRESS;
        svga_update_irq(v);
    }
}
