/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 8042 keyboard controller: one output buffer for the keyboard, the mouse and its own answers, set
 * 2 to set 1 translation, A20 and reset.
 */
#include "hw/input/i8042.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/input/ps2.h"
#include "hw/input/scancode.h"
#include "hw/isa/isa.h"

enum {
    STATUS_FULL = 0x01, STATUS_SYSTEM = 0x04, STATUS_COMMAND = 0x08, STATUS_UNLOCKED = 0x10,
    STATUS_MOUSE = 0x20
};
enum {
    CONFIG_KEYBOARD_IRQ = 0x01, CONFIG_MOUSE_IRQ = 0x02, CONFIG_SYSTEM = 0x04,
    CONFIG_KEYBOARD_OFF = 0x10, CONFIG_MOUSE_OFF = 0x20, CONFIG_TRANSLATE = 0x40
};
enum {
    PORT_RUN = 0x01, PORT_A20 = 0x02, PORT_MOUSE_CLOCKS = 0x0c, PORT_KEYBOARD_FULL = 0x10,
    PORT_MOUSE_FULL = 0x20, PORT_KEYBOARD_CLOCKS = 0xc0
};
enum {
    CMD_READ_RAM = 0x20, CMD_WRITE_RAM = 0x60, CMD_PASSWORD = 0xa4, CMD_MOUSE_OFF = 0xa7,
    CMD_MOUSE_ON = 0xa8, CMD_TEST_MOUSE = 0xa9, CMD_SELF_TEST = 0xaa, CMD_TEST_KEYBOARD = 0xab,
    CMD_KEYBOARD_OFF = 0xad, CMD_KEYBOARD_ON = 0xae, CMD_READ_INPUT = 0xc0,
    CMD_READ_OUTPUT = 0xd0, CMD_WRITE_OUTPUT = 0xd1, CMD_FAKE_KEYBOARD = 0xd2,
    CMD_FAKE_MOUSE = 0xd3, CMD_TO_MOUSE = 0xd4, CMD_A20_OFF = 0xdd, CMD_A20_ON = 0xdf,
    CMD_READ_TEST = 0xe0, CMD_PULSE = 0xf0
};
enum { INPUT_KEYBOARD, INPUT_MOUSE };
/* A scan code stays readable this long after its first read, as handlers chained to another one's
 * read it again. */
#define HOLD_NS (500 * NS_PER_US)

struct i8042 {
    struct device dev;
    struct device *keyboard, *mouse;
    struct timer hold;
    bool refilling;
    struct i8042_state {
        int64_t hold_until;     /* no further scan code before this time */
        uint8_t status, data, output_port;
        uint8_t ram[32];        /* byte 0 is the configuration */
        uint8_t command;        /* that waits for its argument; 0 if none */
        uint8_t answer;         /* waits for the output buffer to be free */
        bool answer_waits, answer_from_mouse;
        bool released;          /* 0xf0 came from the keyboard: the next code is a release */
    } s;
};

FIELDS(i8042_state) = {
    FIELD(i8042_state, hold_until), FIELD(i8042_state, status), FIELD(i8042_state, data),
    FIELD(i8042_state, output_port), ARRAY(i8042_state, ram), FIELD(i8042_state, command),
    FIELD(i8042_state, answer), FIELD(i8042_state, answer_waits),
    FIELD(i8042_state, answer_from_mouse), FIELD(i8042_state, released),
    FIELDS_END
};

/* --- the output buffer ----------------------------------------------------------------------- */

static void drive_irqs(struct i8042 *c)
{
    bool full = c->s.status & STATUS_FULL, mouse = c->s.status & STATUS_MOUSE;

    irq_set(c->dev.irqs[I8042_IRQ_KEYBOARD],
            full && !mouse && c->s.ram[0] & CONFIG_KEYBOARD_IRQ);
    irq_set(c->dev.irqs[I8042_IRQ_MOUSE], full && mouse && c->s.ram[0] & CONFIG_MOUSE_IRQ);
}

static void put_data(struct i8042 *c, uint8_t byte, bool from_mouse)
{
    c->s.data = byte;
    c->s.status = (c->s.status & ~STATUS_MOUSE) | STATUS_FULL | (from_mouse ? STATUS_MOUSE : 0);
}

/* Set 2 to set 1; false for the release prefix, which goes into the next code. */
static bool translate(struct i8042 *c, uint8_t *byte)
{
    if (!(c->s.ram[0] & CONFIG_TRANSLATE)) {
        return true;
    }
    if (*byte == 0xf0) {
        c->s.released = true;
        return false;
    }
    *byte = scancode_set2_to_set1[*byte] | (c->s.released ? 0x80 : 0);
    c->s.released = false;
    return true;
}

static bool keyboard_ready(struct i8042 *c)
{
    if (c->s.ram[0] & CONFIG_KEYBOARD_OFF || !ps2_pending(c->keyboard)) {
        return false;
    }
    if (!ps2_reply_pending(c->keyboard) && clock_ns(CLOCK_VM) < c->s.hold_until) {
        timer_set(&c->hold, c->s.hold_until);
        return false;
    }
    return true;
}

/* Fills the empty output buffer from whoever has something. */
static void refill(struct i8042 *c)
{
    /* Reading a device makes it drive its line again. */
    c->refilling = true;
    if (!(c->s.status & STATUS_FULL) && c->s.answer_waits) {
        c->s.answer_waits = false;
        put_data(c, c->s.answer, c->s.answer_from_mouse);
    }
    while (!(c->s.status & STATUS_FULL) && keyboard_ready(c)) {
        uint8_t byte = ps2_read(c->keyboard);

        if (translate(c, &byte)) {
            put_data(c, byte, false);
        }
    }
    if (!(c->s.status & STATUS_FULL) && !(c->s.ram[0] & CONFIG_MOUSE_OFF) &&
        ps2_pending(c->mouse)) {
        put_data(c, ps2_read(c->mouse), true);
    }
    c->refilling = false;
    drive_irqs(c);
}

static void hold_ended(void *opaque)
{
    refill(opaque);
}

static void device_ready(void *dev, int n, int level)
{
    struct i8042 *c = dev;

    if (level && !c->refilling && !(c->s.status & STATUS_FULL)) {
        refill(c);
    }
}

static void answer(struct i8042 *c, uint8_t byte, bool from_mouse)
{
    c->s.answer = byte;
    c->s.answer_from_mouse = from_mouse;
    c->s.answer_waits = true;
    refill(c);
}

/* --- commands -------------------------------------------------------------------------------- */

static void write_config(struct i8042 *c, uint8_t value)
{
    c->s.ram[0] = value;
    c->s.status = (c->s.status & ~STATUS_SYSTEM) | (value & CONFIG_SYSTEM ? STATUS_SYSTEM : 0);
    refill(c);
}

static void write_output_port(struct i8042 *c, uint8_t value)
{
    c->s.output_port = value;
    irq_set(c->dev.irqs[I8042_A20], value & PORT_A20 ? 1 : 0);
    if (!(value & PORT_RUN)) {
        irq_pulse(c->dev.irqs[I8042_RESET]);
    }
}

static uint8_t read_output_port(const struct i8042 *c)
{
    uint8_t value = c->s.output_port & ~(PORT_KEYBOARD_FULL | PORT_MOUSE_FULL);

    if (c->s.status & STATUS_FULL) {
        value |= c->s.status & STATUS_MOUSE ? PORT_MOUSE_FULL : PORT_KEYBOARD_FULL;
    }
    return value;
}

static void take_command(struct i8042 *c, uint8_t command)
{
    uint8_t config = c->s.ram[0];

    c->s.command = 0;
    switch (command) {
    case CMD_READ_RAM ... CMD_READ_RAM + 31:
        answer(c, c->s.ram[command & 31], false);
        break;
    case CMD_WRITE_RAM ... CMD_WRITE_RAM + 31: case CMD_WRITE_OUTPUT: case CMD_FAKE_KEYBOARD:
    case CMD_FAKE_MOUSE: case CMD_TO_MOUSE:
        c->s.command = command;
        break;
    case CMD_PASSWORD:
        answer(c, 0xf1, false);         /* none installed */
        break;
    case CMD_MOUSE_OFF: write_config(c, config | CONFIG_MOUSE_OFF); break;
    case CMD_MOUSE_ON: write_config(c, config & ~CONFIG_MOUSE_OFF); break;
    case CMD_KEYBOARD_OFF: write_config(c, config | CONFIG_KEYBOARD_OFF); break;
    case CMD_KEYBOARD_ON: write_config(c, config & ~CONFIG_KEYBOARD_OFF); break;
    case CMD_TEST_MOUSE: case CMD_TEST_KEYBOARD: case CMD_READ_TEST:
        answer(c, 0x00, false);
        break;
    case CMD_SELF_TEST:
        write_config(c, config | CONFIG_SYSTEM);
        answer(c, 0x55, false);
        break;
    case CMD_READ_INPUT:
        answer(c, 0x80, false);         /* not locked */
        break;
    case CMD_READ_OUTPUT: answer(c, read_output_port(c), false); break;
    case CMD_A20_OFF: write_output_port(c, c->s.output_port & ~PORT_A20); break;
    case CMD_A20_ON: write_output_port(c, c->s.output_port | PORT_A20); break;
    case CMD_PULSE ... CMD_PULSE + 15:
        if (!(command & PORT_RUN)) {
            irq_pulse(c->dev.irqs[I8042_RESET]);
        }
        break;
    default:
        log_guest_error("i8042: unknown command 0x%02x", command);
        break;
    }
}

static void take_argument(struct i8042 *c, uint8_t command, uint8_t byte)
{
    c->s.command = 0;
    switch (command) {
    case CMD_WRITE_RAM:
        write_config(c, byte);
        break;
    case CMD_WRITE_OUTPUT:
        write_output_port(c, byte);
        break;
    case CMD_FAKE_KEYBOARD: case CMD_FAKE_MOUSE:
        answer(c, byte, command == CMD_FAKE_MOUSE);
        break;
    case CMD_TO_MOUSE:
        /* Sending to a device lets it answer. */
        c->s.ram[0] &= ~CONFIG_MOUSE_OFF;
        ps2_write(c->mouse, byte);
        break;
    default:
        c->s.ram[command & 31] = byte;
        break;
    }
}

/* --- ports ----------------------------------------------------------------------------------- */

static uint64_t data_read(void *dev, uint64_t offset, unsigned size)
{
    struct i8042 *c = dev;
    uint8_t byte = c->s.data;

    if (c->s.status & STATUS_FULL) {
        c->s.status &= ~STATUS_FULL;
        if (!(c->s.status & STATUS_MOUSE)) {
            c->s.hold_until = clock_ns(CLOCK_VM) + HOLD_NS;
        }
        drive_irqs(c);
        refill(c);
    }
    trace(i8042_read, "0x%02x", byte);
    return byte;
}

static void data_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8042 *c = dev;

    c->s.status &= ~STATUS_COMMAND;
    if (c->s.command) {
        take_argument(c, c->s.command, value);
    } else {
        c->s.ram[0] &= ~CONFIG_KEYBOARD_OFF;
        ps2_write(c->keyboard, value);
    }
    refill(c);
}

static uint64_t status_read(void *dev, uint64_t offset, unsigned size)
{
    return ((struct i8042 *)dev)->s.status;
}

static void command_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8042 *c = dev;

    trace(i8042_command, "0x%02x", (unsigned)value);
    c->s.status |= STATUS_COMMAND;
    take_command(c, value);
}

/* --- the device ------------------------------------------------------------------------------ */

static struct device *make_ps2(struct i8042 *c, const char *class, int input, struct error **err)
{
    struct device *ps2 = device_create(class, err);

    if (!ps2) {
        return NULL;
    }
    if (!device_realize(ps2, err)) {
        device_destroy(ps2);
        return NULL;
    }
    device_connect(ps2, 0, device_input(&c->dev, input));
    return ps2;
}

static bool i8042_init(struct device *dev, struct error **err)
{
    struct i8042 *c = (struct i8042 *)dev;

    timer_init(&c->hold, CLOCK_VM, hold_ended, c);
    if (!isa_connect_irq(dev, I8042_IRQ_KEYBOARD, 1, err) ||
        !isa_connect_irq(dev, I8042_IRQ_MOUSE, 12, err)) {
        return false;
    }
    c->keyboard = make_ps2(c, "ps2-kbd", INPUT_KEYBOARD, err);
    if (!c->keyboard) {
        return false;
    }
    c->mouse = make_ps2(c, "ps2-mouse", INPUT_MOUSE, err);
    if (!c->mouse) {
        device_destroy(c->keyboard);
        return false;
    }
    isa_map(dev, device_region(dev, "i8042-data"), 0x60);
    isa_map(dev, device_region(dev, "i8042-cmd"), 0x64);
    return true;
}

static void i8042_exit(struct device *dev)
{
    struct i8042 *c = (struct i8042 *)dev;

    timer_cancel(&c->hold);
    device_destroy(c->keyboard);
    device_destroy(c->mouse);
}

static void i8042_reset(struct device *dev)
{
    struct i8042 *c = (struct i8042 *)dev;

    c->s = (struct i8042_state){
        .status = STATUS_COMMAND | STATUS_UNLOCKED,
        .output_port = PORT_RUN | PORT_A20 | PORT_MOUSE_CLOCKS | PORT_KEYBOARD_CLOCKS,
        .ram = { CONFIG_KEYBOARD_IRQ | CONFIG_MOUSE_IRQ },
    };
    timer_cancel(&c->hold);
}

static void i8042_reset_lines(struct device *dev)
{
    struct i8042 *c = (struct i8042 *)dev;

    irq_set(dev->irqs[I8042_A20], c->s.output_port & PORT_A20 ? 1 : 0);
    drive_irqs(c);
}

static bool i8042_loaded(struct device *dev, struct error **err)
{
    struct i8042 *c = (struct i8042 *)dev;

    timer_set(&c->hold, c->s.hold_until);
    return true;
}

static const struct device_region i8042_regions[] = {
    { "i8042-data", 1, { data_read, data_write, .max = 1 } },
    { "i8042-cmd", 1, { status_read, command_write, .max = 1 } },
    { 0 }
};

DEVICE(i8042) = {
    .name = "i8042", .desc = "Keyboard controller", .bus = "isa", .internal = true,
    .size = sizeof(struct i8042), .regions = i8042_regions, .irqs = I8042_OUTPUTS, .inputs = 2,
    .input = device_ready, .init = i8042_init, .exit = i8042_exit, .reset = i8042_reset,
    .reset_lines = i8042_reset_lines, .loaded = i8042_loaded,
    .state = STATE(i8042, s, i8042_state, 1),
};
