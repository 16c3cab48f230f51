/* SPDX-License-Identifier: GPL-2.0-or-later */
/* USB keyboard, mouse and tablet (Device Class Definition for HID 1.11). */
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "console.h"
#include "hw/usb/usb.h"

#define EVENTS 16
#define KEYS 6                      /* in a report of the keyboard */
#define ROLL_OVER 0x01

enum { GET_REPORT = 0x01, GET_IDLE = 0x02, GET_PROTOCOL = 0x03, SET_REPORT = 0x09,
       SET_IDLE = 0x0a, SET_PROTOCOL = 0x0b };
enum { DESCRIPTOR_HID = 0x21, DESCRIPTOR_REPORT = 0x22 };

/* A pointer's state after an event that must not be merged with the next. */
struct hid_event { int32_t x, y, wheel; uint32_t buttons; };
FIELDS(hid_event) = {
    FIELD(hid_event, x), FIELD(hid_event, y), FIELD(hid_event, wheel), FIELD(hid_event, buttons),
    FIELDS_END
};

struct usb_hid {
    struct usb_device usb;
    const struct hid_kind *kind;
    struct input_handler handler;
    struct usb_hid_state {
        struct hid_event events[EVENTS];
        uint8_t head, count;        /* of the pointer events */
        uint8_t down[32];           /* keyboard usages that are pressed, a bit each */
        uint8_t protocol, idle, leds;
        bool changed;               /* something is to be reported */
        int64_t reported;           /* when, for the idle rate */
    } s;
};
FIELDS(usb_hid_state) = {
    NESTED_ARRAY(usb_hid_state, events, hid_event), FIELD(usb_hid_state, head),
    FIELD(usb_hid_state, count), ARRAY(usb_hid_state, down), FIELD(usb_hid_state, protocol),
    FIELD(usb_hid_state, idle), FIELD(usb_hid_state, leds), FIELD(usb_hid_state, changed),
    FIELD(usb_hid_state, reported), FIELDS_END
};

struct hid_kind {
    const char *name;
    struct usb_function function;
    const uint8_t *report_descriptor;
    uint16_t report_descriptor_size;
    unsigned (*report)(struct usb_hid *h, uint8_t *to);
    bool keyboard, absolute;
};

/* --- descriptors ----------------------------------------------------------------------------- */

static const char *const strings[] = {
    "QEMU", "QEMU USB Mouse", "QEMU USB Tablet", "QEMU USB Keyboard", "42", "HID Mouse",
    "HID Tablet", "HID Keyboard", "89126", "28754", "68284", NULL
};
enum { STRING_MOUSE = 2, STRING_TABLET = 3, STRING_KEYBOARD = 4, STRING_SERIAL_MOUSE = 9,
       STRING_SERIAL_TABLET = 10, STRING_SERIAL_KEYBOARD = 11 };

#define DEVICE_DESCRIPTOR(product, serial)                                                         \
    { 18, 1, 0x00, 0x01, 0, 0, 0, 8, 0x27, 0x06, 0x01, 0x00, 0, 0, 1, product, serial, 1 }
/* Bus powered with remote wakeup; one interface; one interrupt endpoint. */
#define CONFIG_DESCRIPTOR(string, subclass, protocol, report_size, packet, interval)               \
    { 9, 2, 34, 0, 1, 1, string, 0xa0, 50,                                                         \
      9, 4, 0, 0, 1, 3, subclass, protocol, 0,                                                     \
      9, DESCRIPTOR_HID, 0x01, 0x00, 0, 1, DESCRIPTOR_REPORT, (report_size), 0,                    \
      7, 5, 0x81, 3, packet, 0, interval }

static const uint8_t mouse_report_descriptor[] = {
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00,     /* mouse, pointer */
    0x05, 0x09, 0x19, 0x01, 0x29, 0x05, 0x15, 0x00, 0x25, 0x01,     /* five buttons */
    0x95, 0x05, 0x75, 0x01, 0x81, 0x02, 0x95, 0x01, 0x75, 0x03, 0x81, 0x01,
    0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x09, 0x38,                 /* x, y, wheel */
    0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x03, 0x81, 0x06, 0xc0, 0xc0
};
static const uint8_t tablet_report_descriptor[] = {
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00,
    0x05, 0x09, 0x19, 0x01, 0x29, 0x05, 0x15, 0x00, 0x25, 0x01,
    0x95, 0x05, 0x75, 0x01, 0x81, 0x02, 0x95, 0x01, 0x75, 0x03, 0x81, 0x01,
    0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x00, 0x26, 0xff, 0x7f,   /* 0 to 32767 */
    0x35, 0x00, 0x46, 0xff, 0x7f, 0x75, 0x10, 0x95, 0x02, 0x81, 0x02,
    0x05, 0x01, 0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x35, 0x00, 0x45, 0x00,
    0x75, 0x08, 0x95, 0x01, 0x81, 0x06, 0xc0, 0xc0
};
static const uint8_t keyboard_report_descriptor[] = {
    0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x75, 0x01, 0x95, 0x08,     /* keyboard, modifiers */
    0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01, 0x81, 0x02,
    0x95, 0x01, 0x75, 0x08, 0x81, 0x01, 0x95, 0x05, 0x75, 0x01,     /* lamps */
    0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02, 0x95, 0x01, 0x75, 0x03, 0x91, 0x01,
    0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x26, 0xff, 0x00, 0x05, 0x07,   /* six keys */
    0x19, 0x00, 0x2a, 0xff, 0x00, 0x81, 0x00, 0xc0
};

static const uint8_t mouse_device[] = DEVICE_DESCRIPTOR(STRING_MOUSE, STRING_SERIAL_MOUSE);
static const uint8_t tablet_device[] = DEVICE_DESCRIPTOR(STRING_TABLET, STRING_SERIAL_TABLET);
static const uint8_t keyboard_device[] =
    DEVICE_DESCRIPTOR(STRING_KEYBOARD, STRING_SERIAL_KEYBOARD);
static const uint8_t mouse_config[] =
    CONFIG_DESCRIPTOR(6, 1, 2, sizeof(mouse_report_descriptor), 4, 10);
static const uint8_t tablet_config[] =
    CONFIG_DESCRIPTOR(7, 0, 0, sizeof(tablet_report_descriptor), 8, 10);
static const uint8_t keyboard_config[] =
    CONFIG_DESCRIPTOR(8, 1, 1, sizeof(keyboard_report_descriptor), 8, 10);

/* --- keyboard -------------------------------------------------------------------------------- */

/* HID usages of keys (HID Usage Tables, chapter 10). */
static const uint8_t usages[INPUT_KEY_COUNT] = {
#define U(key, usage) [INPUT_KEY_##key] = usage
    U(a, 0x04), U(b, 0x05), U(c, 0x06), U(d, 0x07), U(e, 0x08), U(f, 0x09), U(g, 0x0a),
    U(h, 0x0b), U(i, 0x0c), U(j, 0x0d), U(k, 0x0e), U(l, 0x0f), U(m, 0x10), U(n, 0x11),
    U(o, 0x12), U(p, 0x13), U(q, 0x14), U(r, 0x15), U(s, 0x16), U(t, 0x17), U(u, 0x18),
    U(v, 0x19), U(w, 0x1a), U(x, 0x1b), U(y, 0x1c), U(z, 0x1d), U(1, 0x1e), U(2, 0x1f),
    U(3, 0x20), U(4, 0x21), U(5, 0x22), U(6, 0x23), U(7, 0x24), U(8, 0x25), U(9, 0x26),
    U(0, 0x27), U(ret, 0x28), U(esc, 0x29), U(backspace, 0x2a), U(tab, 0x2b), U(spc, 0x2c),
    U(minus, 0x2d), U(equal, 0x2e), U(bracket_left, 0x2f), U(bracket_right, 0x30),
    U(backslash, 0x31), U(semicolon, 0x33), U(apostrophe, 0x34), U(grave_accent, 0x35),
    U(comma, 0x36), U(dot, 0x37), U(slash, 0x38), U(caps_lock, 0x39), U(f1, 0x3a), U(f2, 0x3b),
    U(f3, 0x3c), U(f4, 0x3d), U(f5, 0x3e), U(f6, 0x3f), U(f7, 0x40), U(f8, 0x41), U(f9, 0x42),
    U(f10, 0x43), U(f11, 0x44), U(f12, 0x45), U(print, 0x46), U(sysrq, 0x46),
    U(scroll_lock, 0x47), U(pause, 0x48), U(insert, 0x49), U(home, 0x4a), U(pgup, 0x4b),
    U(delete, 0x4c), U(end, 0x4d), U(pgdn, 0x4e), U(right, 0x4f), U(left, 0x50), U(down, 0x51),
    U(up, 0x52), U(num_lock, 0x53), U(kp_divide, 0x54), U(asterisk, 0x55), U(kp_subtract, 0x56),
    U(kp_add, 0x57), U(kp_enter, 0x58), U(kp_1, 0x59), U(kp_2, 0x5a), U(kp_3, 0x5b),
    U(kp_4, 0x5c), U(kp_5, 0x5d), U(kp_6, 0x5e), U(kp_7, 0x5f), U(kp_8, 0x60), U(kp_9, 0x61),
    U(kp_0, 0x62), U(kp_decimal, 0x63), U(less, 0x64), U(menu, 0x65), U(power, 0x66),
    U(kp_equals, 0x67), U(help, 0x75), U(props, 0x76), U(front, 0x77), U(stop, 0x78),
    U(again, 0x79), U(undo, 0x7a), U(cut, 0x7b), U(copy, 0x7c), U(paste, 0x7d), U(find, 0x7e),
    U(audiomute, 0x7f), U(volumeup, 0x80), U(volumedown, 0x81), U(kp_comma, 0x85), U(ro, 0x87),
    U(katakanahiragana, 0x88), U(yen, 0x89), U(henkan, 0x8a), U(muhenkan, 0x8b),
    U(ctrl, 0xe0), U(shift, 0xe1), U(alt, 0xe2), U(meta_l, 0xe3), U(ctrl_r, 0xe4),
    U(shift_r, 0xe5), U(alt_r, 0xe6), U(meta_r, 0xe7),
#undef U
};

static void key_event(void *opaque, enum input_key key, bool down)
{
    struct usb_hid *h = opaque;
    uint8_t usage = key < INPUT_KEY_COUNT ? usages[key] : 0;

    if (usage) {
        h->s.down[usage / 8] = (uint8_t)bits_deposit(h->s.down[usage / 8], usage % 8, 1, down);
        h->s.changed = true;
        usb_wakeup(&h->usb);
    }
}

static unsigned keyboard_report(struct usb_hid *h, uint8_t *to)
{
    unsigned count = 0;

    memset(to, 0, 8);
    to[0] = h->s.down[0xe0 / 8];
    for (unsigned usage = 4; usage < 0xe0; usage++) {
        if (!(h->s.down[usage / 8] >> usage % 8 & 1)) {
            continue;
        }
        if (count == KEYS) {
            memset(to + 2, ROLL_OVER, KEYS);
            break;
        }
        to[2 + count++] = (uint8_t)usage;
    }
    h->s.changed = false;
    return 8;
}

/* --- pointers -------------------------------------------------------------------------------- */

static struct hid_event *event_at(struct usb_hid *h, unsigned n)
{
    return &h->s.events[(h->s.head + n) % EVENTS];
}

/* The event to add to: a new one when buttons change, so that no click is lost. */
static struct hid_event *event_for(struct usb_hid *h, unsigned buttons)
{
    struct hid_event *last = h->s.count ? event_at(h, h->s.count - 1u) : NULL, *next;

    h->s.changed = true;
    if (last && (last->buttons == buttons || h->s.count == EVENTS)) {
        last->buttons = buttons;
        return last;
    }
    next = event_at(h, h->s.count++);
    *next = (struct hid_event){ .buttons = buttons };
    return next;
}

static void moved(void *opaque, int dx, int dy, int wheel, unsigned buttons)
{
    struct usb_hid *h = opaque;
    struct hid_event *event = event_for(h, buttons);

    event->x += dx;
    event->y += dy;
    event->wheel += wheel;
    usb_wakeup(&h->usb);
}

static void moved_to(void *opaque, int x, int y, int wheel, unsigned buttons)
{
    struct usb_hid *h = opaque;
    struct hid_event *event = event_for(h, buttons);

    event->x = x;
    event->y = y;
    event->wheel += wheel;
    usb_wakeup(&h->usb);
}

/* Left, right, middle, as HID numbers buttons. */
static uint8_t button_bits(unsigned buttons)
{
    return (buttons & INPUT_BUTTON_LEFT ? 1 : 0) | (buttons & INPUT_BUTTON_RIGHT ? 2 : 0) |
        (buttons & INPUT_BUTTON_MIDDLE ? 4 : 0) | (buttons & INPUT_BUTTON_SIDE ? 8 : 0) |
        (buttons & INPUT_BUTTON_EXTRA ? 16 : 0);
}

static int clamp(int32_t value)
{
    return value > 127 ? 127 : value < -127 ? -127 : value;
}

/* The last event stays as the state to report, without its motion. */
static void event_reported(struct usb_hid *h)
{
    if (h->s.count > 1) {
        h->s.head = (uint8_t)((h->s.head + 1) % EVENTS);
        h->s.count--;
    } else {
        h->s.changed = false;
    }
}

static unsigned mouse_report(struct usb_hid *h, uint8_t *to)
{
    struct hid_event *event = event_at(h, 0);
    int dx = clamp(event->x), dy = clamp(event->y), wheel = clamp(event->wheel);

    to[0] = h->s.count ? button_bits(event->buttons) : 0;
    to[1] = (uint8_t)dx;
    to[2] = (uint8_t)dy;
    to[3] = (uint8_t)wheel;
    event->x -= dx;
    event->y -= dy;
    event->wheel -= wheel;
    if (!event->x && !event->y && !event->wheel) {
        event_reported(h);
    }
    return h->s.protocol ? 4 : 3;
}

static unsigned tablet_report(struct usb_hid *h, uint8_t *to)
{
    struct hid_event *event = event_at(h, 0);

    to[0] = h->s.count ? button_bits(event->buttons) : 0;
    st16_le(to + 1, (uint16_t)event->x);
    st16_le(to + 3, (uint16_t)event->y);
    to[5] = (uint8_t)clamp(event->wheel);
    event->wheel = 0;
    event_reported(h);
    return 6;
}

/* --- requests and packets -------------------------------------------------------------------- */

static struct usb_hid *hid_of(struct usb_device *d)
{
    return (struct usb_hid *)d;
}

static int interface_descriptor(struct usb_hid *h, const struct usb_setup *setup, uint8_t *data)
{
    if (setup->value >> 8 == DESCRIPTOR_REPORT) {
        memcpy(data, h->kind->report_descriptor, h->kind->report_descriptor_size);
        return h->kind->report_descriptor_size;
    }
    if (setup->value >> 8 == DESCRIPTOR_HID) {
        memcpy(data, h->kind->function.config + 18, 9);
        return 9;
    }
    return USB_STALL;
}

static void set_leds(struct usb_hid *h, uint8_t leds)
{
    h->s.leds = leds;
    input_set_leds((leds & 1 ? INPUT_LED_NUM : 0) | (leds & 2 ? INPUT_LED_CAPS : 0) |
                   (leds & 4 ? INPUT_LED_SCROLL : 0));
}

static int hid_control(struct usb_device *d, const struct usb_setup *setup, uint8_t *data)
{
    struct usb_hid *h = hid_of(d);

    if (!(setup->type & USB_KIND)) {
        return interface_descriptor(h, setup, data);
    }
    switch (setup->request) {
    case GET_REPORT: return (int)h->kind->report(h, data);
    case SET_REPORT:
        if (h->kind->keyboard && setup->length) {
            set_leds(h, data[0]);
        }
        return 0;
    case GET_IDLE:
        data[0] = h->s.idle;
        return 1;
    case SET_IDLE:
        h->s.idle = setup->value >> 8;
        return 0;
    case GET_PROTOCOL:
        data[0] = h->s.protocol;
        return 1;
    case SET_PROTOCOL:
        h->s.protocol = setup->value & 1;
        return 0;
    default: return USB_STALL;
    }
}

/* Nothing new is not reported, except in the interval that the host set (in 4 ms). */
static bool must_report(struct usb_hid *h)
{
    int64_t now = clock_ns(CLOCK_VM);

    return h->s.changed || (h->s.idle && now - h->s.reported >= h->s.idle * 4 * NS_PER_MS);
}

static int hid_data(struct usb_device *d, enum usb_pid pid, unsigned endpoint, uint8_t *data,
                    unsigned size)
{
    struct usb_hid *h = hid_of(d);
    uint8_t report[8];
    unsigned length;

    if (pid != USB_IN || endpoint != 1) {
        return USB_STALL;
    }
    if (!must_report(h)) {
        return USB_NAK;
    }
    length = h->kind->report(h, report);
    h->s.reported = clock_ns(CLOCK_VM);
    length = MIN_OF(length, size);
    memcpy(data, report, length);
    return (int)length;
}

static void hid_bus_reset(struct usb_device *d)
{
    struct usb_hid *h = hid_of(d);

    h->s = (struct usb_hid_state){ .protocol = 1 };
}

/* --- kinds ----------------------------------------------------------------------------------- */

#define FUNCTION(kind, serial)                                                                     \
    { kind##_device, kind##_config, strings, serial, USB_FULL, hid_control, hid_data,              \
      hid_bus_reset, NULL }
#define KIND(kind, serial)                                                                         \
    "usb-" #kind, FUNCTION(kind, serial), kind##_report_descriptor,                                \
    sizeof(kind##_report_descriptor), kind##_report

static const struct hid_kind mouse_kind = { KIND(mouse, STRING_SERIAL_MOUSE) };
static const struct hid_kind tablet_kind = { KIND(tablet, STRING_SERIAL_TABLET), .absolute = true };
static const struct hid_kind keyboard_kind = {
    KIND(keyboard, STRING_SERIAL_KEYBOARD), .keyboard = true
};

static const struct hid_kind *kind_of(const struct device *dev)
{
    if (strcmp(dev->class->name, "usb-kbd") == 0) {
        return &keyboard_kind;
    }
    return strcmp(dev->class->name, "usb-mouse") == 0 ? &mouse_kind : &tablet_kind;
}

static bool hid_init(struct device *dev, struct error **err)
{
    struct usb_hid *h = (struct usb_hid *)dev;

    h->kind = kind_of(dev);
    h->usb.function = &h->kind->function;
    h->handler = (struct input_handler){
        .name = strings[h->kind->function.device[15] - 1], .absolute = h->kind->absolute,
        .opaque = h,
    };
    if (h->kind->keyboard) {
        h->handler.key = key_event;
    } else if (h->kind->absolute) {
        h->handler.moved_to = moved_to;
    } else {
        h->handler.moved = moved;
    }
    input_add(&h->handler);
    usb_plug(&h->usb);
    return true;
}

static void hid_exit(struct device *dev)
{
    input_remove(&((struct usb_hid *)dev)->handler);
}

static void hid_reset(struct device *dev)
{
    hid_bus_reset((struct usb_device *)dev);
}

static bool hid_loaded(struct device *dev, struct error **err)
{
    const struct usb_hid_state *s = &((struct usb_hid *)dev)->s;

    if (s->head >= EVENTS || s->count > EVENTS) {
        error_set(err, "%s: impossible queue", dev->class->name);
        return false;
    }
    return true;
}

#define HID_CLASS                                                                                  \
    .bus = "usb-bus", .size = sizeof(struct usb_hid), .init = hid_init, .exit = hid_exit,          \
    .reset = hid_reset, .state = STATE(usb_hid, s, usb_hid_state, 1), .loaded = hid_loaded

DEVICE(usb_kbd) = { .name = "usb-kbd", .desc = "USB keyboard", HID_CLASS };
DEVICE(usb_mouse) = { .name = "usb-mouse", .desc = "USB mouse", HID_CLASS };
DEVICE(usb_tablet) = { .name = "usb-tablet", .desc = "USB tablet", HID_CLASS };
