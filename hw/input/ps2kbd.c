/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PS/2 keyboard: scan code sets 1 to 3, typematic and lamp commands. */
#include "console.h"
#include "hw/input/ps2.h"
#include "hw/input/scancode.h"

enum {
    CMD_SET_LEDS = 0xed, CMD_ECHO = 0xee, CMD_SCANCODE_SET = 0xf0, CMD_GET_ID = 0xf2,
    CMD_SET_RATE = 0xf3, CMD_ENABLE = 0xf4, CMD_DISABLE = 0xf5, CMD_DEFAULTS = 0xf6,
    CMD_ALL_FIRST = 0xf7, CMD_ALL_LAST = 0xfa, CMD_KEY_FIRST = 0xfb, CMD_KEY_LAST = 0xfd,
    CMD_RESET = 0xff
};

enum { HELD_ALT = 1, HELD_ALT_R = 2, HELD_SHIFT = 4, HELD_SHIFT_R = 8, HELD_CTRL = 16,
       HELD_CTRL_R = 32 };

struct ps2_keyboard {
    struct ps2 ps2;
    struct input_handler handler;
    struct ps2_keyboard_state {
        struct ps2_queue queue;
        uint8_t set;            /* of scan codes, 1 to 3 */
        uint8_t command;        /* that waits for its argument; 0 if none */
        uint8_t leds, rate;
        uint8_t held;           /* modifier keys, HELD_* */
        bool scanning;
    } s;
};

FIELDS(ps2_keyboard_state) = {
    NESTED(ps2_keyboard_state, queue, ps2_queue), FIELD(ps2_keyboard_state, set),
    FIELD(ps2_keyboard_state, command), FIELD(ps2_keyboard_state, leds),
    FIELD(ps2_keyboard_state, rate), FIELD(ps2_keyboard_state, held),
    FIELD(ps2_keyboard_state, scanning),
    FIELDS_END
};

static uint8_t held_bit(enum input_key key)
{
    switch (key) {
    case INPUT_KEY_alt: return HELD_ALT;
    case INPUT_KEY_alt_r: return HELD_ALT_R;
    case INPUT_KEY_shift: return HELD_SHIFT;
    case INPUT_KEY_shift_r: return HELD_SHIFT_R;
    case INPUT_KEY_ctrl: return HELD_CTRL;
    case INPUT_KEY_ctrl_r: return HELD_CTRL_R;
    default: return 0;
    }
}

static void key_event(void *opaque, enum input_key key, bool down)
{
    struct ps2_keyboard *k = opaque;
    uint8_t bytes[SCANCODE_MAX], bit = held_bit(key);
    bool alt = k->s.held & (HELD_ALT | HELD_ALT_R);
    bool control = k->s.held & (HELD_CTRL | HELD_CTRL_R);
    bool shifted = control || (key != INPUT_KEY_pause && k->s.held & (HELD_SHIFT | HELD_SHIFT_R));
    unsigned count = scancode_bytes(k->s.set, key, down, alt, shifted, bytes);

    k->s.held = down ? k->s.held | bit : k->s.held & ~bit;
    if (k->s.scanning && count) {
        ps2_send(&k->ps2, bytes, count);
    }
}

static void set_leds(struct ps2_keyboard *k, uint8_t leds)
{
    k->s.leds = leds & (INPUT_LED_SCROLL | INPUT_LED_NUM | INPUT_LED_CAPS);
    input_set_leds(k->s.leds);
}

static void set_defaults(struct ps2_keyboard *k)
{
    k->s.set = 2;
    k->s.rate = 0x2b;
    k->s.command = 0;
    ps2_clear(&k->ps2);
}

static void take_argument(struct ps2_keyboard *k, uint8_t command, uint8_t byte)
{
    k->s.command = 0;
    switch (command) {
    case CMD_SET_LEDS:
        set_leds(k, byte);
        break;
    case CMD_SCANCODE_SET:
        if (byte > 3) {
            ps2_reply(&k->ps2, PS2_RESEND);
            return;
        }
        ps2_reply(&k->ps2, PS2_ACK);
        if (!byte) {
            ps2_reply(&k->ps2, k->s.set);
        } else {
            k->s.set = byte;
            ps2_clear(&k->ps2);
        }
        return;
    case CMD_SET_RATE:
        k->s.rate = byte & 0x7f;
        break;
    default:                    /* set 3 key types: every key is typematic and has a release */
        k->s.command = command;
        break;
    }
    ps2_reply(&k->ps2, PS2_ACK);
}

static void take_command(struct ps2_keyboard *k, uint8_t byte)
{
    switch (byte) {
    case CMD_ECHO:
        ps2_reply(&k->ps2, CMD_ECHO);
        return;
    case CMD_GET_ID:
        ps2_reply(&k->ps2, PS2_ACK);
        ps2_reply(&k->ps2, 0xab);
        ps2_reply(&k->ps2, 0x83);
        return;
    case CMD_SET_LEDS: case CMD_SCANCODE_SET: case CMD_SET_RATE:
    case CMD_KEY_FIRST ... CMD_KEY_LAST:
        k->s.command = byte;
        break;
    case CMD_ENABLE:
        ps2_clear(&k->ps2);
        k->s.scanning = true;
        break;
    case CMD_DISABLE:
        set_defaults(k);
        k->s.scanning = false;
        break;
    case CMD_DEFAULTS:
        set_defaults(k);
        k->s.scanning = true;
        break;
    case CMD_ALL_FIRST ... CMD_ALL_LAST:
        break;
    case CMD_RESET:
        set_defaults(k);
        set_leds(k, 0);
        k->s.scanning = true;
        ps2_reply(&k->ps2, PS2_ACK);
        ps2_reply(&k->ps2, PS2_SELF_TEST_OK);
        return;
    default:
        ps2_reply(&k->ps2, PS2_RESEND);
        return;
    }
    ps2_reply(&k->ps2, PS2_ACK);
}

static void keyboard_command(struct ps2 *ps2, uint8_t byte)
{
    struct ps2_keyboard *k = (struct ps2_keyboard *)ps2;

    /* Argument bytes have bit 7 clear; a command in place of one is obeyed. */
    if (k->s.command && byte < CMD_SET_LEDS) {
        take_argument(k, k->s.command, byte);
    } else {
        k->s.command = 0;
        take_command(k, byte);
    }
}

static bool keyboard_init(struct device *dev, struct error **err)
{
    struct ps2_keyboard *k = (struct ps2_keyboard *)dev;

    k->ps2.queue = &k->s.queue;
    k->ps2.command = keyboard_command;
    k->handler = (struct input_handler){ .name = "QEMU PS/2 Keyboard", .key = key_event,
                                         .opaque = k };
    input_add(&k->handler);
    return true;
}

static void keyboard_exit(struct device *dev)
{
    input_remove(&((struct ps2_keyboard *)dev)->handler);
}

static void keyboard_reset(struct device *dev)
{
    struct ps2_keyboard *k = (struct ps2_keyboard *)dev;

    k->s = (struct ps2_keyboard_state){ .set = 2, .rate = 0x2b, .scanning = true };
}

static void keyboard_reset_lines(struct device *dev)
{
    struct ps2_keyboard *k = (struct ps2_keyboard *)dev;

    input_set_leds(k->s.leds);
    ps2_drive(&k->ps2);
}

static bool keyboard_loaded(struct device *dev, struct error **err)
{
    struct ps2_keyboard *k = (struct ps2_keyboard *)dev;

    if (!ps2_queue_good(&k->s.queue) || k->s.set < 1 || k->s.set > 3) {
        error_set(err, "ps2-kbd: impossible state");
        return false;
    }
    return true;
}

DEVICE(ps2_keyboard) = {
    .name = "ps2-kbd", .desc = "PS/2 keyboard", .internal = true,
    .size = sizeof(struct ps2_keyboard), .irqs = 1, .init = keyboard_init,
    .exit = keyboard_exit, .reset = keyboard_reset, .reset_lines = keyboard_reset_lines,
    .loaded = keyboard_loaded, .state = STATE(ps2_keyboard, s, ps2_keyboard_state, 1),
};
