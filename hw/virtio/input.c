/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keyboard, mouse and tablet (Virtio 1.2, 5.8). Events have the types and codes of Linux; those
 * that the driver has no buffers for wait, a number of them.
 */
#include <string.h>

#include "base/bits.h"
#include "console.h"
#include "hw/virtio/virtio-pci.h"

enum { EVENTS, STATUS, QUEUE_SIZE = 64, EVENT_SIZE = 8, WAITING_MAX = 128 };
enum { CONFIG_SELECT = 0, CONFIG_SUBSELECT = 1, CONFIG_LENGTH = 2, CONFIG_DATA = 8,
       CONFIG_SIZE = 136 };
enum { SELECT_NAME = 1, SELECT_IDS = 3, SELECT_BITS = 0x11, SELECT_ABSOLUTE = 0x12 };
/* Of Linux: include/uapi/linux/input-event-codes.h. */
enum { EV_SYN = 0, EV_KEY = 1, EV_REL = 2, EV_ABS = 3, EV_LED = 0x11, EV_REP = 0x14, AXIS_X = 0,
       AXIS_Y = 1, AXIS_WHEEL = 8, BUTTON_FIRST = 0x110, BUTTONS = 5, BUS_VIRTUAL = 6 };

struct input_event { uint16_t type, code; uint32_t value; };
FIELDS(input_event) = {
    FIELD(input_event, type), FIELD(input_event, code), FIELD(input_event, value), FIELDS_END
};

struct virtio_input_state {
    struct virtio_pci_state transport;
    uint8_t select, subselect;
    uint8_t buttons, waiting;        /* as last reported; events that wait */
    struct input_event events[WAITING_MAX];
};
FIELDS(virtio_input_state) = {
    NESTED(virtio_input_state, transport, virtio_pci_state), FIELD(virtio_input_state, select),
    FIELD(virtio_input_state, subselect), FIELD(virtio_input_state, buttons),
    FIELD(virtio_input_state, waiting), NESTED_ARRAY(virtio_input_state, events, input_event),
    FIELDS_END
};

struct input_kind {
    const char *class, *name;
    uint16_t product;
    uint32_t pci_class;
    bool keyboard, absolute;
};

struct virtio_input {
    struct virtio_pci t;
    const struct input_kind *kind;
    struct input_handler handler;
    struct virtq_chain chain;
    struct virtio_input_state s;
};

static struct virtio_input *of(struct virtio *v)
{
    return container_of(v, struct virtio_input, t.v);
}

/* --- keys ------------------------------------------------------------------------------------ */

/* The others have their scan code as number. */
static const uint8_t key_codes[INPUT_KEY_COUNT] = {
#define K(key, code) [INPUT_KEY_##key] = code
    K(kp_enter, 96), K(ctrl_r, 97), K(kp_divide, 98), K(print, 99), K(sysrq, 99), K(alt_r, 100),
    K(lf, 101), K(home, 102), K(up, 103), K(pgup, 104), K(left, 105), K(right, 106), K(end, 107),
    K(down, 108), K(pgdn, 109), K(insert, 110), K(delete, 111), K(audiomute, 113),
    K(volumedown, 114), K(volumeup, 115), K(power, 116), K(kp_equals, 117), K(pause, 119),
    K(kp_comma, 121), K(yen, 124), K(meta_l, 125), K(meta_r, 126), K(menu, 127), K(stop, 128),
    K(again, 129), K(props, 130), K(undo, 131), K(front, 132), K(copy, 133), K(open, 134),
    K(paste, 135), K(find, 136), K(cut, 137), K(help, 138), K(sleep, 142), K(wake, 143),
    K(ro, 89), K(henkan, 92), K(katakanahiragana, 93), K(muhenkan, 94),
#undef K
};

/* 0: there is none. */
static unsigned key_code(unsigned key)
{
    uint8_t scan = input_key_to_set1((enum input_key)key);

    return key_codes[key] ? key_codes[key] : scan < 0x59 ? scan : 0;
}

/* --- events ---------------------------------------------------------------------------------- */

/* Sends what waits; false when the driver has no buffer for it. */
static bool send_waiting(struct virtio_input *d)
{
    struct virtq *q = &d->t.v.queues[EVENTS];
    struct virtio_input_state *s = &d->s;
    unsigned done = 0;
    uint8_t e[EVENT_SIZE];

    while (done < s->waiting && virtq_pop(q, &d->chain)) {
        st16_le(e, s->events[done].type);
        st16_le(e + 2, s->events[done].code);
        st32_le(e + 4, s->events[done].value);
        done++;
        virtq_push(q, &d->chain, iov_put(d->chain.in, d->chain.in_count, 0, e, EVENT_SIZE));
    }
    s->waiting = (uint8_t)(s->waiting - done);
    memmove(s->events, s->events + done, s->waiting * sizeof(s->events[0]));
    return !s->waiting;
}

static enum virtq_result serve_events(struct virtq *q)
{
    return send_waiting(of(q->v)) ? VIRTQ_WAIT : VIRTQ_EMPTY;
}

/* What does not fit is lost, as if the user had not moved. */
static void add(struct virtio_input *d, unsigned type, unsigned code, uint32_t value)
{
    if (d->s.transport.core.status & VIRTIO_DRIVER_OK && d->s.waiting < WAITING_MAX) {
        d->s.events[d->s.waiting++] = (struct input_event){ (uint16_t)type, (uint16_t)code, value };
    }
}

static void report(struct virtio_input *d)
{
    add(d, EV_SYN, 0, 0);
    virtq_kick(&d->t.v.queues[EVENTS]);
}

static void key_changed(void *opaque, enum input_key key, bool down)
{
    struct virtio_input *d = opaque;
    unsigned code = key < INPUT_KEY_COUNT ? key_code(key) : 0;

    if (code) {
        add(d, EV_KEY, code, down);
        report(d);
    }
}

static void add_buttons(struct virtio_input *d, unsigned buttons, int wheel)
{
    /* Left, middle, right become left, right, middle. */
    static const uint8_t order[BUTTONS] = { 0, 2, 1, 3, 4 };

    for (unsigned i = 0; i < BUTTONS; i++) {
        if ((d->s.buttons ^ buttons) >> i & 1) {
            add(d, EV_KEY, BUTTON_FIRST + order[i], buttons >> i & 1);
        }
    }
    d->s.buttons = (uint8_t)buttons;
    if (wheel) {
        add(d, EV_REL, AXIS_WHEEL, (uint32_t)wheel);
    }
}

static void moved(void *opaque, int dx, int dy, int wheel, unsigned buttons)
{
    struct virtio_input *d = opaque;

    if (dx) {
        add(d, EV_REL, AXIS_X, (uint32_t)dx);
    }
    if (dy) {
        add(d, EV_REL, AXIS_Y, (uint32_t)dy);
    }
    add_buttons(d, buttons, wheel);
    report(d);
}

static void moved_to(void *opaque, int x, int y, int wheel, unsigned buttons)
{
    struct virtio_input *d = opaque;

    add(d, EV_ABS, AXIS_X, (uint32_t)x);
    add(d, EV_ABS, AXIS_Y, (uint32_t)y);
    add_buttons(d, buttons, wheel);
    report(d);
}

/* Lamps of the keyboard. */
static enum virtq_result serve_status(struct virtq *q)
{
    static const uint8_t lamps[] = { INPUT_LED_NUM, INPUT_LED_CAPS, INPUT_LED_SCROLL };
    struct virtio_input *d = of(q->v);
    uint8_t e[EVENT_SIZE];

    if (!virtq_pop(q, &d->chain)) {
        return VIRTQ_EMPTY;
    }
    if (iov_get(d->chain.iov, d->chain.out_count, 0, e, EVENT_SIZE) == EVENT_SIZE &&
        d->kind->keyboard && ld16_le(e) == EV_LED && ld16_le(e + 2) < ARRAY_LEN(lamps)) {
        uint8_t lamp = lamps[ld16_le(e + 2)];

        input_set_leds(ld32_le(e + 4) ? input_leds() | lamp : input_leds() & ~(unsigned)lamp);
    }
    virtq_push(q, &d->chain, 0);
    return VIRTQ_DONE;
}

/* --- configuration --------------------------------------------------------------------------- */

static void set_bit(uint8_t *data, unsigned bit, unsigned *length)
{
    data[bit / 8] |= (uint8_t)(1u << bit % 8);
    *length = MAX_OF(*length, bit / 8 + 1);
}

/* Which codes of an event type there are. */
static unsigned put_bits(const struct virtio_input *d, unsigned type, uint8_t *data)
{
    unsigned length = 0;

    if (type == EV_KEY && d->kind->keyboard) {
        for (unsigned key = 1; key < INPUT_KEY_COUNT; key++) {
            if (key_code(key)) {
                set_bit(data, key_code(key), &length);
            }
        }
    } else if (type == EV_LED && d->kind->keyboard) {
        data[0] = 7;
        length = 1;
    } else if (type == EV_REP && d->kind->keyboard) {
        data[0] = 3;
        length = 1;
    } else if (type == EV_KEY) {
        for (unsigned i = 0; i < BUTTONS; i++) {
            set_bit(data, BUTTON_FIRST + i, &length);
        }
    } else if (type == EV_REL && !d->kind->keyboard) {
        set_bit(data, AXIS_WHEEL, &length);
        data[0] = d->kind->absolute ? 0 : 3;
    } else if (type == EV_ABS && d->kind->absolute) {
        data[0] = 3;
        length = 1;
    }
    return length;
}

static unsigned put_selected(const struct virtio_input *d, uint8_t *data)
{
    switch (d->s.select) {
    case SELECT_NAME:
        memcpy(data, d->kind->name, strlen(d->kind->name));
        return (unsigned)strlen(d->kind->name);
    case SELECT_IDS:
        st16_le(data, BUS_VIRTUAL);
        st16_le(data + 2, 0x0627);
        st16_le(data + 4, d->kind->product);
        st16_le(data + 6, 1);
        return 8;
    case SELECT_BITS:
        return put_bits(d, d->s.subselect, data);
    case SELECT_ABSOLUTE:
        st32_le(data + 4, INPUT_ABSOLUTE_MAX);
        return d->kind->absolute && d->s.subselect <= AXIS_Y ? 20 : 0;
    default:
        return 0;
    }
}

static void get_config(struct virtio *v, uint8_t *config)
{
    const struct virtio_input *d = of(v);

    config[CONFIG_SELECT] = d->s.select;
    config[CONFIG_SUBSELECT] = d->s.subselect;
    config[CONFIG_LENGTH] = (uint8_t)put_selected(d, config + CONFIG_DATA);
}

static void set_config(struct virtio *v, unsigned offset, const uint8_t *data, unsigned size)
{
    struct virtio_input *d = of(v);

    for (unsigned i = 0; i < size; i++) {
        if (offset + i == CONFIG_SELECT) {
            d->s.select = data[i];
        } else if (offset + i == CONFIG_SUBSELECT) {
            d->s.subselect = data[i];
        }
    }
}

static void driver_reset(struct virtio *v)
{
    of(v)->s.waiting = 0;
}

/* --- life ------------------------------------------------------------------------------------ */

static const struct input_kind input_kinds[] = {
    { "virtio-keyboard-pci", "QEMU Virtio Keyboard", 1, 0x090000, true, false },
    { "virtio-mouse-pci", "QEMU Virtio Mouse", 2, 0x090200, false, false },
    { "virtio-tablet-pci", "QEMU Virtio Tablet", 3, 0x090200, false, true },
};

static bool input_init(struct device *dev, struct error **err)
{
    static const struct virtio_kind kind = {
        .name = "virtio-input", .id = 18, .get_config = get_config, .set_config = set_config,
        .reset = driver_reset,
    };
    struct virtio_input *d = (struct virtio_input *)dev;
    struct virtio *v = &d->t.v;
    struct virtio_pci_id id = { 0, 0 };

    for (size_t i = 0; i < ARRAY_LEN(input_kinds); i++) {
        if (strcmp(input_kinds[i].class, dev->class->name) == 0) {
            d->kind = &input_kinds[i];
        }
    }
    id.class_code = d->kind->pci_class;
    v->kind = &kind;
    v->s = &d->s.transport.core;
    v->config_size = CONFIG_SIZE;
    virtio_add_queue(v, QUEUE_SIZE, serve_events);
    virtio_add_queue(v, QUEUE_SIZE, serve_status);
    if (!virtio_pci_init(&d->t, &id, &d->s.transport, err)) {
        return false;
    }
    d->handler = (struct input_handler){
        .name = d->kind->name, .absolute = d->kind->absolute, .opaque = d
    };
    d->handler.key = d->kind->keyboard ? key_changed : NULL;
    d->handler.moved = d->kind->keyboard || d->kind->absolute ? NULL : moved;
    d->handler.moved_to = d->kind->absolute ? moved_to : NULL;
    input_add(&d->handler);
    return true;
}

static void input_exit(struct device *dev)
{
    struct virtio_input *d = (struct virtio_input *)dev;

    input_remove(&d->handler);
    virtio_pci_exit(&d->t);
}

static void input_reset(struct device *dev)
{
    struct virtio_input *d = (struct virtio_input *)dev;

    d->s.select = d->s.subselect = d->s.buttons = 0;
    virtio_pci_reset(dev);
}

static bool input_loaded(struct device *dev, struct error **err)
{
    struct virtio_input *d = (struct virtio_input *)dev;

    if (d->s.waiting > WAITING_MAX) {
        error_set(err, "virtio-input: %u events wait", d->s.waiting);
        return false;
    }
    return virtio_pci_loaded(dev, err);
}

static const struct property input_properties[] = {
    VIRTIO_PCI_PROPERTIES(virtio_input, t), PROPERTIES_END
};

#define INPUT(class_name, other, text)                                                             \
    { .name = class_name, .alias = other, .desc = text, .bus = "pci",                              \
      .size = sizeof(struct virtio_input), .properties = input_properties, .init = input_init,     \
      .exit = input_exit, .reset = input_reset, .reset_lines = virtio_pci_reset_lines,             \
      .loaded = input_loaded, .state = STATE(virtio_input, s, virtio_input_state, 1) }

DEVICE(virtio_keyboard) = INPUT("virtio-keyboard-pci", "virtio-keyboard", "Virtio keyboard");
DEVICE(virtio_mouse) = INPUT("virtio-mouse-pci", "virtio-mouse", "Virtio mouse");
DEVICE(virtio_tablet) = INPUT("virtio-tablet-pci", "virtio-tablet", "Virtio tablet");
