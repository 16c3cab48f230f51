/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets: `$data#sum', acknowledged by `+' or asked for again by `-' until gdb turns that off.
 * `}' escapes a byte. A lone 3 is the user's interrupt.
 */
#include "gdbstub/stub.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/bits.h"

enum { INTERRUPT = 3, ESCAPE_XOR = 0x20 };

/* --- replies --------------------------------------------------------------------------------- */

void reply_bytes(struct gdb *g, const void *data, size_t size)
{
    size_t room = sizeof(g->reply) - g->reply_size;

    if (size > room) {
        g->reply_cut = true;
        size = room;
    }
    memcpy(g->reply + g->reply_size, data, size);
    g->reply_size += size;
}

void reply_text(struct gdb *g, const char *text)
{
    reply_bytes(g, text, strlen(text));
}

void reply_printf(struct gdb *g, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    reply_text(g, text);
}

void reply_hex(struct gdb *g, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = data;

    for (size_t i = 0; i < size; i++) {
        char two[2] = { digits[at[i] >> 4], digits[at[i] & 15] };

        reply_bytes(g, two, 2);
    }
}

void reply_error(struct gdb *g, int number)
{
    g->reply_size = 0;
    reply_printf(g, "E%02x", number & 0xff);
}

static bool must_escape(char c)
{
    return c == '$' || c == '#' || c == '}' || c == '*';
}

void packet_send(struct gdb *g)
{
    uint8_t sum = 0;
    size_t n = 0;

    g->out[n++] = '$';
    for (size_t i = 0; i < g->reply_size; i++) {
        char c = g->reply[i];

        if (must_escape(c)) {
            g->out[n++] = '}';
            sum += '}';
            c ^= ESCAPE_XOR;
        }
        g->out[n++] = c;
        sum += (uint8_t)c;
    }
    n += sprintf(g->out + n, "#%02x", sum);
    g->out_size = g->no_ack ? 0 : n;
    g->reply_size = 0;
    g->reply_cut = false;
    g->ops->send(g, g->out, n);
}

/* --- input ----------------------------------------------------------------------------------- */

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void finish(struct gdb *g)
{
    bool good = g->sum == g->sum_given;

    g->state = PACKET_IDLE;
    if (!g->no_ack) {
        g->ops->send(g, good ? "+" : "-", 1);
    }
    if (!good) {
        return;
    }
    g->out_size = 0;
    g->in[g->in_size] = 0;
    if (g->too_long) {
        reply_error(g, 22);
        packet_send(g);
    } else {
        command_packet(g);
    }
}

static void add(struct gdb *g, uint8_t c)
{
    if (g->in_size < PACKET_MAX) {
        g->in[g->in_size++] = c;
    } else {
        g->too_long = true;
    }
}

/* Outside of packets. */
static void idle(struct gdb *g, uint8_t c)
{
    if (c == '$') {
        g->state = PACKET_DATA;
        g->in_size = g->sum = 0;
        g->too_long = false;
    } else if (c == '-' && g->out_size && !g->no_ack) {
        g->ops->send(g, g->out, g->out_size);
    } else if (c == '+') {
        g->out_size = 0;
    } else if (c == INTERRUPT) {
        g->ops->interrupt(g);
    }
}

static void data(struct gdb *g, uint8_t c)
{
    if (c == '#') {
        g->state = PACKET_SUM1;
        return;
    }
    if (c == '$') {                 /* the end of the one before was lost */
        idle(g, c);
        return;
    }
    g->sum += c;
    if (c == '}') {
        g->state = PACKET_ESCAPE;
    } else {
        add(g, c);
    }
}

static void input_byte(struct gdb *g, uint8_t c)
{
    switch (g->state) {
    case PACKET_IDLE:
        idle(g, c);
        break;
    case PACKET_DATA:
        data(g, c);
        break;
    case PACKET_ESCAPE:
        g->sum += c;
        add(g, c ^ ESCAPE_XOR);
        g->state = PACKET_DATA;
        break;
    case PACKET_SUM1:
    case PACKET_SUM2:
        /* What is no digit spoils the sum. */
        g->sum_given = g->sum_given << 4 | (hex_digit(c) & 15);
        if (hex_digit(c) < 0) {
            g->sum_given = ~g->sum;
            finish(g);
        } else if (g->state == PACKET_SUM1) {
            g->state = PACKET_SUM2;
        } else {
            finish(g);
        }
        break;
    }
}

void gdb_input(struct gdb *g, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < size; i++) {
        input_byte(g, at[i]);
    }
}
