/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control transfers and the standard requests (USB 2.0, chapter 9). */
#include "hw/usb/usb.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/log.h"

enum { STAGE_IDLE, STAGE_DATA_IN, STAGE_DATA_OUT, STAGE_STATUS_IN, STAGE_STATUS_OUT };
enum {
    GET_STATUS = 0, CLEAR_FEATURE = 1, SET_FEATURE = 3, SET_ADDRESS = 5, GET_DESCRIPTOR = 6,
    GET_CONFIGURATION = 8, SET_CONFIGURATION = 9, GET_INTERFACE = 10, SET_INTERFACE = 11
};
enum { DESCRIPTOR_DEVICE = 1, DESCRIPTOR_CONFIG = 2, DESCRIPTOR_STRING = 3 };
enum { FEATURE_HALT = 0, FEATURE_WAKEUP = 1 };
#define LANGUAGE 0x0409

/* --- resets and sleep ------------------------------------------------------------------------ */

void usb_reset_device(struct usb_device *d)
{
    d->usb = (struct usb_state){ 0 };
    if (d->function->reset) {
        d->function->reset(d);
    }
}

void usb_wakeup(struct usb_device *d)
{
    struct usb_bus *bus = (struct usb_bus *)d->dev.bus;

    if (d->usb.remote_wakeup) {
        bus->ops->wakeup(bus->opaque, d->port - 1);
    }
}

/* --- halted endpoints ------------------------------------------------------------------------ */

static uint16_t *halted(struct usb_device *d, bool in)
{
    return in ? &d->usb.halted_in : &d->usb.halted_out;
}

void usb_halt(struct usb_device *d, unsigned endpoint, bool in)
{
    *halted(d, in) |= 1u << (endpoint & 15);
}

bool usb_halted(const struct usb_device *d, unsigned endpoint, bool in)
{
    return (in ? d->usb.halted_in : d->usb.halted_out) >> (endpoint & 15) & 1;
}

/* --- descriptors ----------------------------------------------------------------------------- */

/* UTF-16 of an ASCII string, and for serial numbers where the device is. */
static int string_descriptor(struct usb_device *d, unsigned number, uint8_t *data)
{
    const struct usb_bus *bus = (const struct usb_bus *)d->dev.bus;
    const char *text = NULL;
    char serial[96];
    unsigned size = 2;

    if (number == 0) {
        data[0] = 4;
        data[1] = DESCRIPTOR_STRING;
        st16_le(data + 2, LANGUAGE);
        return 4;
    }
    for (unsigned i = 0; i < number && d->function->strings[i]; i++) {
        text = i + 1 == number ? d->function->strings[i] : NULL;
    }
    if (number == d->function->serial_string) {
        if (d->serial) {
            snprintf(serial, sizeof(serial), "%s", d->serial);
        } else {
            snprintf(serial, sizeof(serial), "%s-%s-%s%u", text ? text : "1", bus->path,
                     bus->prefix, d->port);
        }
        text = serial;
    }
    if (!text) {
        return USB_STALL;
    }
    for (; *text && size < 254; text++, size += 2) {
        st16_le(data + size, (uint8_t)*text);
    }
    data[0] = (uint8_t)size;
    data[1] = DESCRIPTOR_STRING;
    return (int)size;
}

static int get_descriptor(struct usb_device *d, const struct usb_setup *setup, uint8_t *data)
{
    const struct usb_function *f = d->function;
    unsigned size;

    switch (setup->value >> 8) {
    case DESCRIPTOR_DEVICE:
        memcpy(data, f->device, f->device[0]);
        return f->device[0];
    case DESCRIPTOR_CONFIG:
        size = ld16_le(f->config + 2);
        if (setup->value & 0xff || size > USB_CONTROL_MAX) {
            return USB_STALL;
        }
        memcpy(data, f->config, size);
        return (int)size;
    case DESCRIPTOR_STRING:
        return string_descriptor(d, setup->value & 0xff, data);
    default:
        return USB_STALL;
    }
}

/* --- standard requests ----------------------------------------------------------------------- */

static int get_status(struct usb_device *d, const struct usb_setup *setup, uint8_t *data)
{
    uint16_t status = 0;

    switch (setup->type & USB_RECIPIENT) {
    case 0:
        status = (d->function->config[7] >> 6 & 1) | (d->usb.remote_wakeup ? 2 : 0);
        break;
    case USB_TO_ENDPOINT:
        status = usb_halted(d, setup->index & 15, setup->index & 0x80);
        break;
    default:
        break;
    }
    st16_le(data, status);
    return 2;
}

static int change_feature(struct usb_device *d, const struct usb_setup *setup, bool set)
{
    unsigned endpoint = setup->index & 15;
    bool in = setup->index & 0x80;

    if ((setup->type & USB_RECIPIENT) == USB_TO_ENDPOINT && setup->value == FEATURE_HALT) {
        if (set) {
            usb_halt(d, endpoint, in);
            return 0;
        }
        *halted(d, in) &= ~(1u << endpoint);
        if (d->function->clear_halt) {
            d->function->clear_halt(d, endpoint);
        }
        return 0;
    }
    if (!(setup->type & USB_RECIPIENT) && setup->value == FEATURE_WAKEUP) {
        d->usb.remote_wakeup = set;
        return 0;
    }
    return USB_STALL;
}

static int standard_request(struct usb_device *d, const struct usb_setup *setup, uint8_t *data)
{
    bool to_device = (setup->type & USB_RECIPIENT) == 0;

    switch (setup->request) {
    case GET_STATUS: return get_status(d, setup, data);
    case CLEAR_FEATURE: return change_feature(d, setup, false);
    case SET_FEATURE: return change_feature(d, setup, true);
    case SET_ADDRESS: return to_device && setup->value < 128 ? 0 : USB_STALL;
    case GET_DESCRIPTOR:
        return to_device ? get_descriptor(d, setup, data) : d->function->control(d, setup, data);
    case GET_CONFIGURATION:
        data[0] = d->usb.configuration;
        return 1;
    case SET_CONFIGURATION:
        if (setup->value && setup->value != d->function->config[5]) {
            return USB_STALL;
        }
        d->usb.configuration = (uint8_t)setup->value;
        d->usb.halted_in = d->usb.halted_out = 0;
        if (d->function->reset) {
            d->function->reset(d);
        }
        return 0;
    case GET_INTERFACE:
        data[0] = 0;
        return 1;
    case SET_INTERFACE: return setup->value == 0 ? 0 : USB_STALL;
    default: return USB_STALL;
    }
}

/* --- control transfers ----------------------------------------------------------------------- */

static struct usb_setup parse_setup(const uint8_t *bytes)
{
    return (struct usb_setup){
        bytes[0], bytes[1], ld16_le(bytes + 2), ld16_le(bytes + 4), ld16_le(bytes + 6)
    };
}

static int run_request(struct usb_device *d)
{
    struct usb_setup setup = parse_setup(d->usb.setup);
    int result = setup.type & USB_KIND ? d->function->control(d, &setup, d->usb.data)
                                       : standard_request(d, &setup, d->usb.data);

    if (result == USB_STALL) {
        d->usb.stage = STAGE_IDLE;
        log_guest_error("%s: request 0x%02x of type 0x%02x value 0x%04x", d->dev.class->name,
                        setup.request, setup.type, setup.value);
    }
    return result;
}

static int take_setup(struct usb_device *d, const uint8_t *data, unsigned size)
{
    struct usb_state *u = &d->usb;
    uint16_t length;
    int result;

    if (size != 8) {
        return USB_STALL;
    }
    length = ld16_le(data + 6);
    memcpy(u->setup, data, 8);
    u->stage = STAGE_IDLE;
    u->at = u->length = 0;
    if (u->setup[0] & USB_TO_HOST) {
        memset(u->data, 0, sizeof(u->data));
        result = run_request(d);
        if (result < 0) {
            return result;
        }
        u->length = (uint16_t)MIN_OF(length, (unsigned)result);
        u->stage = STAGE_DATA_IN;
    } else if (length > USB_CONTROL_MAX) {
        return USB_STALL;
    } else {
        u->length = length;
        u->stage = u->length ? STAGE_DATA_OUT : STAGE_STATUS_IN;
    }
    return 8;
}

static int control_in(struct usb_device *d, uint8_t *data, unsigned size)
{
    struct usb_state *u = &d->usb;
    int result;

    switch (u->stage) {
    case STAGE_DATA_IN:
        size = MIN_OF(size, (unsigned)(u->length - u->at));
        memcpy(data, u->data + u->at, size);
        u->at += size;
        return (int)size;
    case STAGE_STATUS_IN:
        result = run_request(d);
        if (result < 0) {
            return result;
        }
        u->stage = STAGE_IDLE;
        if (u->setup[1] == SET_ADDRESS && !(u->setup[0] & (USB_KIND | USB_RECIPIENT))) {
            u->address = u->setup[2];
        }
        return 0;
    default:
        return USB_STALL;
    }
}

static int control_out(struct usb_device *d, const uint8_t *data, unsigned size)
{
    struct usb_state *u = &d->usb;

    switch (u->stage) {
    case STAGE_DATA_OUT:
        size = MIN_OF(size, (unsigned)(u->length - u->at));
        memcpy(u->data + u->at, data, size);
        u->at += size;
        u->stage = u->at == u->length ? STAGE_STATUS_IN : STAGE_DATA_OUT;
        return (int)size;
    case STAGE_DATA_IN:              /* the host has what it wants: its status packet */
        u->stage = STAGE_IDLE;
        return 0;
    default:
        return USB_STALL;
    }
}

int usb_packet(struct usb_device *d, enum usb_pid pid, unsigned endpoint, uint8_t *data,
               unsigned size)
{
    if (pid == USB_SETUP) {
        return endpoint ? USB_STALL : take_setup(d, data, size);
    }
    if (endpoint == 0) {
        return pid == USB_IN ? control_in(d, data, size) : control_out(d, data, size);
    }
    if (usb_halted(d, endpoint, pid == USB_IN)) {
        return USB_STALL;
    }
    return d->function->data(d, pid, endpoint, data, size);
}
