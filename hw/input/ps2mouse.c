/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PS/2 mouse: standard, IntelliMouse (wheel) and IntelliMouse Explorer (five buttons) protocols. */
#include "base/bits.h"
#include "console.h"
#include "hw/input/ps2.h"

enum {
    CMD_SCALE_1 = 0xe6, CMD_SCALE_2 = 0xe7, CMD_RESOLUTION = 0xe8, CMD_STATUS = 0xe9,
    CMD_STREAM = 0xea, CMD_POLL = 0xeb, CMD_WRAP_OFF = 0xec, CMD_WRAP = 0xee, CMD_REMOTE = 0xf0,
    CMD_GET_ID = 0xf2, CMD_SET_RATE = 0xf3, CMD_ENABLE = 0xf4, CMD_DISABLE = 0xf5,
    CMD_DEFAULTS = 0xf6, CMD_RESET = 0xff
};
enum { TYPE_STANDARD = 0, TYPE_WHEEL = 3, TYPE_EXPLORER = 4 };
/* With more than this waiting, motion adds up instead. */
enum { BUSY_QUEUE = 8 };

struct ps2_mouse {
    struct ps2 ps2;
    struct input_handler handler;
    struct ps2_mouse_state {
        struct ps2_queue queue;
        int32_t dx, dy, dz;     /* not sent yet */
        uint8_t command;        /* that waits for its argument; 0 if none */
        uint8_t type, resolution, rate;
        uint8_t rates[2];       /* the two before `rate`: the knock that changes the type */
        uint8_t buttons, sent_buttons;
        bool enabled, remote, scale_2, wrap;
    } s;
};

FIELDS(ps2_mouse_state) = {
    NESTED(ps2_mouse_state, queue, ps2_queue), FIELD(ps2_mouse_state, dx),
    FIELD(ps2_mouse_state, dy), FIELD(ps2_mouse_state, dz), FIELD(ps2_mouse_state, command),
    FIELD(ps2_mouse_state, type), FIELD(ps2_mouse_state, resolution),
    FIELD(ps2_mouse_state, rate), ARRAY(ps2_mouse_state, rates),
    FIELD(ps2_mouse_state, buttons), FIELD(ps2_mouse_state, sent_buttons),
    FIELD(ps2_mouse_state, enabled), FIELD(ps2_mouse_state, remote),
    FIELD(ps2_mouse_state, scale_2), FIELD(ps2_mouse_state, wrap),
    FIELDS_END
};

/* Takes as much of *delta as fits into low..high. */
static int take_delta(int32_t *delta, int low, int high)
{
    int part = MAX_OF(low, MIN_OF(high, *delta));

    *delta -= part;
    return part;
}

static uint8_t button_bits(uint8_t buttons)
{
    return (buttons & INPUT_BUTTON_LEFT ? 1 : 0) | (buttons & INPUT_BUTTON_RIGHT ? 2 : 0) |
        (buttons & INPUT_BUTTON_MIDDLE ? 4 : 0);
}

/* Movement as 9-bit numbers, up is positive; the wheel is positive towards the user. */
static unsigned make_packet(struct ps2_mouse *m, uint8_t *bytes)
{
    int dx = take_delta(&m->s.dx, -255, 255), dy = take_delta(&m->s.dy, -255, 255);
    unsigned n = 3;

    bytes[0] = 0x08 | (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0) | button_bits(m->s.buttons);
    bytes[1] = dx;
    bytes[2] = dy;
    if (m->s.type == TYPE_WHEEL) {
        bytes[n++] = take_delta(&m->s.dz, -127, 127);
    } else if (m->s.type == TYPE_EXPLORER) {
        bytes[n++] = (take_delta(&m->s.dz, -7, 7) & 0x0f) |
            (m->s.buttons & INPUT_BUTTON_SIDE ? 0x10 : 0) |
            (m->s.buttons & INPUT_BUTTON_EXTRA ? 0x20 : 0);
    } else {
        m->s.dz = 0;
    }
    m->s.sent_buttons = m->s.buttons;
    return n;
}

static bool has_news(const struct ps2_mouse *m)
{
    return m->s.dx || m->s.dy || m->s.dz || m->s.buttons != m->s.sent_buttons;
}

static void stream(struct ps2 *ps2)
{
    struct ps2_mouse *m = (struct ps2_mouse *)ps2;
    uint8_t bytes[4];

    while (m->s.enabled && !m->s.remote && !m->s.wrap && has_news(m) &&
           m->s.queue.count < BUSY_QUEUE) {
        unsigned count = make_packet(m, bytes);

        ps2_send(ps2, bytes, count);
    }
}

static void moved(void *opaque, int dx, int dy, int wheel, unsigned buttons)
{
    struct ps2_mouse *m = opaque;

    if (!m->s.enabled && !m->s.remote) {
        m->s.buttons = m->s.sent_buttons = buttons;
        return;
    }
    m->s.dx += dx;
    m->s.dy -= dy;
    m->s.dz -= wheel;
    if (m->s.buttons != m->s.sent_buttons && buttons != m->s.buttons) {
        /* Two changes in a row: the first must not get lost. */
        uint8_t bytes[4];

        if (m->s.enabled && !m->s.remote) {
            ps2_send(&m->ps2, bytes, make_packet(m, bytes));
        }
    }
    m->s.buttons = buttons;
    stream(&m->ps2);
}

static void set_defaults(struct ps2_mouse *m)
{
    m->s.enabled = m->s.remote = m->s.scale_2 = m->s.wrap = false;
    m->s.resolution = 2;
    m->s.rate = 100;
    m->s.command = 0;
    m->s.dx = m->s.dy = m->s.dz = 0;
    m->s.sent_buttons = m->s.buttons;
    ps2_clear(&m->ps2);
}

/* Sample rates 200, 100, 80 in a row ask for the wheel; 200, 200, 80 for five buttons as well. */
static void set_rate(struct ps2_mouse *m, uint8_t rate)
{
    if (rate == 80 && m->s.rates[0] == 200) {
        if (m->s.rates[1] == 100) {
            m->s.type = TYPE_WHEEL;
        } else if (m->s.rates[1] == 200) {
            m->s.type = TYPE_EXPLORER;
        }
    }
    m->s.rates[0] = m->s.rates[1];
    m->s.rates[1] = rate;
    m->s.rate = rate;
}

static void send_status(struct ps2_mouse *m)
{
    uint8_t b = m->s.buttons;

    ps2_reply(&m->ps2, PS2_ACK);
    ps2_reply(&m->ps2, (m->s.remote ? 0x40 : 0) | (m->s.enabled ? 0x20 : 0) |
              (m->s.scale_2 ? 0x10 : 0) | (b & INPUT_BUTTON_LEFT ? 4 : 0) |
              (b & INPUT_BUTTON_MIDDLE ? 2 : 0) | (b & INPUT_BUTTON_RIGHT ? 1 : 0));
    ps2_reply(&m->ps2, m->s.resolution);
    ps2_reply(&m->ps2, m->s.rate);
}

static void send_poll(struct ps2_mouse *m)
{
    uint8_t bytes[4];
    unsigned count = make_packet(m, bytes);

    ps2_reply(&m->ps2, PS2_ACK);
    for (unsigned i = 0; i < count; i++) {
        ps2_reply(&m->ps2, bytes[i]);
    }
}

static void set_enabled(struct ps2_mouse *m, bool on)
{
    m->s.enabled = on;
    m->s.dx = m->s.dy = m->s.dz = 0;
    if (!on) {
        ps2_clear(&m->ps2);
    }
}

static void take_argument(struct ps2_mouse *m, uint8_t byte)
{
    if (m->s.command == CMD_SET_RATE) {
        set_rate(m, byte);
    } else {
        m->s.resolution = byte;
    }
    m->s.command = 0;
    ps2_reply(&m->ps2, PS2_ACK);
}

static void take_command(struct ps2_mouse *m, uint8_t byte)
{
    switch (byte) {
    case CMD_SCALE_1: case CMD_SCALE_2:
        m->s.scale_2 = byte == CMD_SCALE_2;
        break;
    case CMD_RESOLUTION: case CMD_SET_RATE:
        m->s.command = byte;
        break;
    case CMD_STATUS:
        send_status(m);
        return;
    case CMD_POLL:
        send_poll(m);
        return;
    case CMD_STREAM: case CMD_REMOTE:
        m->s.remote = byte == CMD_REMOTE;
        break;
    case CMD_WRAP_OFF: case CMD_WRAP:
        m->s.wrap = byte == CMD_WRAP;
        break;
    case CMD_GET_ID:
        ps2_reply(&m->ps2, PS2_ACK);
        ps2_reply(&m->ps2, m->s.type);
        return;
    case CMD_ENABLE: case CMD_DISABLE:
        set_enabled(m, byte == CMD_ENABLE);
        break;
    case CMD_DEFAULTS:
        set_defaults(m);
        break;
    case CMD_RESET:
        set_defaults(m);
        m->s.type = TYPE_STANDARD;
        ps2_reply(&m->ps2, PS2_ACK);
        ps2_reply(&m->ps2, PS2_SELF_TEST_OK);
        ps2_reply(&m->ps2, TYPE_STANDARD);
        return;
    default:
        ps2_reply(&m->ps2, PS2_RESEND);
        return;
    }
    ps2_reply(&m->ps2, PS2_ACK);
}

static void mouse_command(struct ps2 *ps2, uint8_t byte)
{
    struct ps2_mouse *m = (struct ps2_mouse *)ps2;

    if (m->s.wrap && byte != CMD_WRAP_OFF && byte != CMD_RESET) {
        ps2_reply(ps2, byte);
    } else if (m->s.command) {
        take_argument(m, byte);
    } else {
        take_command(m, byte);
    }
}

static bool mouse_init(struct device *dev, struct error **err)
{
    struct ps2_mouse *m = (struct ps2_mouse *)dev;

    m->ps2.queue = &m->s.queue;
    m->ps2.command = mouse_command;
    m->ps2.drained = stream;
    m->handler = (struct input_handler){ .name = "QEMU PS/2 Mouse", .moved = moved, .opaque = m };
    input_add(&m->handler);
    return true;
}

static void mouse_exit(struct device *dev)
{
    input_remove(&((struct ps2_mouse *)dev)->handler);
}

static void mouse_reset(struct device *dev)
{
    ((struct ps2_mouse *)dev)->s = (struct ps2_mouse_state){ .resolution = 2, .rate = 100 };
}

static void mouse_reset_lines(struct device *dev)
{
    ps2_drive((struct ps2 *)dev);
}

static bool mouse_loaded(struct device *dev, struct error **err)
{
    if (!ps2_queue_good(&((struct ps2_mouse *)dev)->s.queue)) {
        error_set(err, "ps2-mouse: impossible state");
        return false;
    }
    return true;
}

DEVICE(ps2_mouse) = {
    .name = "ps2-mouse", .desc = "PS/2 mouse", .internal = true, .size = sizeof(struct ps2_mouse),
    .irqs = 1, .init = mouse_init, .exit = mouse_exit, .reset = mouse_reset,
    .reset_lines = mouse_reset_lines, .loaded = mouse_loaded,
    .state = STATE(ps2_mouse, s, ps2_mouse_state, 1),
};
