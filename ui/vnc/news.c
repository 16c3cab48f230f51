/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What updates say besides pixels: size, cursor, lamps, pointer mode, name. */
#include <string.h>

#include "ui/vnc/internal.h"

static char *name;

const char *vnc_desktop_name(void)
{
    return name ? name : "QEMU";
}

void vnc_set_desktop_name(const char *guest)
{
    g_free(name);
    name = guest ? g_strdup_printf("QEMU (%s)", guest) : NULL;
}

void vnc_put_box(GByteArray *out, const struct box *box, int32_t encoding)
{
    put16(out, box->x);
    put16(out, box->y);
    put16(out, box->width);
    put16(out, box->height);
    put32(out, (uint32_t)encoding);
}

static void put_size(struct vnc_client *client)
{
    const struct vnc_frame *frame = &client->server->frame;
    struct box box = { 0, 0, (uint16_t)frame->width, (uint16_t)frame->height };

    client->width = frame->width;
    client->height = frame->height;
    if (!(client->can & CAN_EXT_DESKTOP_SIZE)) {
        vnc_put_box(client->job, &box, ENC_DESKTOP_SIZE);
        return;
    }
    box.x = client->size_asked;
    box.y = client->size_asked ? client->size_status : 0;
    vnc_put_box(client->job, &box, ENC_EXT_DESKTOP_SIZE);
    put32(client->job, 1u << 24);                /* one screen, padding */
    put32(client->job, 0);                       /* its id */
    put32(client->job, 0);                       /* its place */
    put16(client->job, box.width);
    put16(client->job, box.height);
    put32(client->job, 0);
    client->size_asked = false;
}

/* Premultiplied red, green, blue, alpha. */
static void put_alpha_cursor(GByteArray *out, const struct console_cursor *cursor)
{
    put32(out, ENC_RAW);
    for (size_t i = 0; i < (size_t)cursor->width * cursor->height; i++) {
        uint32_t pixel = cursor->pixels[i], alpha = pixel >> 24;

        for (int shift = 16; shift >= 0; shift -= 8) {
            put8(out, (uint8_t)((pixel >> shift & 255) * alpha / 255));
        }
        put8(out, (uint8_t)alpha);
    }
}

/* Pixels of the client's format, then a bit for each that is to be seen. */
static void put_masked_cursor(struct vnc_client *client, const struct console_cursor *cursor)
{
    size_t count = (size_t)cursor->width * cursor->height;
    uint32_t *values = g_new(uint32_t, count + 1);

    vnc_format_convert(&client->format, cursor->pixels, values, count);
    vnc_put_pixels(client->job, &client->format, PACK_PLAIN, values, count);
    g_free(values);
    for (unsigned y = 0; y < cursor->height; y++) {
        for (unsigned x = 0; x < cursor->width; x += 8) {
            unsigned byte = 0;

            for (unsigned i = 0; i < 8 && x + i < cursor->width; i++) {
                byte |= (cursor->pixels[y * cursor->width + x + i] >> 31) << (7 - i);
            }
            put8(client->job, (uint8_t)byte);
        }
    }
}

static void put_cursor(struct vnc_client *client)
{
    const struct console_cursor *cursor = &client->server->cursor;
    struct box box = { (uint16_t)cursor->hot_x, (uint16_t)cursor->hot_y,
                       (uint16_t)cursor->width, (uint16_t)cursor->height };

    if (client->can & CAN_ALPHA_CURSOR) {
        vnc_put_box(client->job, &box, ENC_ALPHA_CURSOR);
        put_alpha_cursor(client->job, cursor);
    } else {
        vnc_put_box(client->job, &box, ENC_CURSOR);
        put_masked_cursor(client, cursor);
    }
}

static void put_name(GByteArray *out)
{
    const char *text = vnc_desktop_name();

    put32(out, (uint32_t)strlen(text));
    g_byte_array_append(out, (const uint8_t *)text, (guint)strlen(text));
}

/* Each piece of news, for clients that can take it. */
static unsigned put_news(struct vnc_client *client)
{
    struct box box = { 0 };
    unsigned rects = 0, tell = client->tell;
    GByteArray *out = client->job;

    client->tell = 0;
    if (tell & TELL_SIZE && client->can & (CAN_DESKTOP_SIZE | CAN_EXT_DESKTOP_SIZE)) {
        put_size(client);
        rects++;
    }
    if (tell & TELL_POINTER_MODE && client->can & CAN_POINTER_MODE) {
        vnc_put_box(out, &(struct box){ .x = client->absolute }, ENC_POINTER_MODE);
        rects++;
    }
    if (tell & TELL_EXT_KEY && client->can & CAN_EXT_KEY) {
        vnc_put_box(out, &box, ENC_EXT_KEY);
        rects++;
    }
    if (tell & TELL_LEDS && client->can & CAN_LED_STATE) {
        vnc_put_box(out, &box, ENC_LED_STATE);
        put8(out, (uint8_t)client->server->leds);
        rects++;
    }
    if (tell & TELL_CURSOR && client->can & (CAN_CURSOR | CAN_ALPHA_CURSOR)) {
        put_cursor(client);
        rects++;
    }
    if (tell & TELL_NAME && client->can & CAN_DESKTOP_NAME) {
        vnc_put_box(out, &box, ENC_DESKTOP_NAME);
        put_name(out);
        rects++;
    }
    return rects;
}

bool vnc_update_due(const struct vnc_client *client)
{
    return client->tell || client->n_forced || client->sent != client->server->frame.version;
}

void vnc_compose_news(struct vnc_client *client)
{
    bool size = client->tell & TELL_SIZE &&
        client->can & (CAN_DESKTOP_SIZE | CAN_EXT_DESKTOP_SIZE);

    client->job_start = client->job->len;
    put16(client->job, 0);                       /* message type and padding */
    put16(client->job, 0);                       /* the number of rectangles, later */
    client->job_rects = put_news(client);
    /* A client that learns of a new size asks for all of the picture by itself. */
    client->job_picture = !size;
}
