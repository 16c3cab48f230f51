/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What clients say after the handshake, RFC 6143 7.5 and extensions. */
#include <string.h>

#include "ui/vnc/internal.h"

enum {
    MSG_SET_FORMAT = 0, MSG_SET_ENCODINGS = 2, MSG_UPDATE_REQUEST = 3, MSG_KEY = 4,
    MSG_POINTER = 5, MSG_CUT_TEXT = 6, MSG_CONTINUOUS = 150, MSG_FENCE = 248, MSG_XVP = 250,
    MSG_SET_SIZE = 251, MSG_QEMU = 255
};
enum { QEMU_EXT_KEY = 0, QEMU_AUDIO = 1 };
enum { FENCE_REQUEST = 1u << 31, FENCE_KNOWN = 7 };
enum { SIZE_BY_THIS_CLIENT = 1, SIZE_OK = 0, SIZE_PROHIBITED = 1, SIZE_INVALID = 3 };

/* --- formats and encodings ------------------------------------------------------------------- */

static void send_color_map(struct vnc_client *client)
{
    uint8_t head[6] = { 1, 0, 0, 0, 1, 0 };

    vnc_send(client, head, sizeof(head));
    for (unsigned i = 0; i < 256; i++) {
        put16(client->out, (uint16_t)((i & 7) * 65535 / 7));
        put16(client->out, (uint16_t)((i >> 3 & 7) * 65535 / 7));
        put16(client->out, (uint16_t)((i >> 6 & 3) * 65535 / 3));
    }
}

static void force_all(struct vnc_client *client)
{
    client->sent = 0;
}

static ssize_t set_format(struct vnc_client *client, const uint8_t *data, size_t size)
{
    if (size < 20) {
        return 0;
    }
    if (!vnc_format_read(&client->format, data + 4)) {
        return -1;
    }
    if (!client->format.true_color) {
        send_color_map(client);
    }
    vnc_choose_class(client);
    force_all(client);
    return 20;
}

struct choice {
    int32_t encoding;
    int quality, compression;
};

static bool is_picture(int32_t encoding)
{
    switch (encoding) {
    case ENC_RAW: case ENC_HEXTILE: case ENC_ZLIB: case ENC_TIGHT: case ENC_ZRLE:
        return true;
    case ENC_TIGHT_PNG:
        return vnc_can_png();
    default:
        return false;
    }
}

static unsigned ability_of(int32_t encoding)
{
    static const struct { int32_t encoding; unsigned can; } abilities[] = {
        { ENC_COPYRECT, CAN_COPYRECT }, { ENC_DESKTOP_SIZE, CAN_DESKTOP_SIZE },
        { ENC_EXT_DESKTOP_SIZE, CAN_EXT_DESKTOP_SIZE }, { ENC_CURSOR, CAN_CURSOR },
        { ENC_ALPHA_CURSOR, CAN_ALPHA_CURSOR }, { ENC_POINTER_MODE, CAN_POINTER_MODE },
        { ENC_EXT_KEY, CAN_EXT_KEY }, { ENC_LED_STATE, CAN_LED_STATE },
        { ENC_DESKTOP_NAME, CAN_DESKTOP_NAME }, { ENC_FENCE, CAN_FENCE },
        { ENC_CONTINUOUS, CAN_CONTINUOUS }, { ENC_LAST_RECT, CAN_LAST_RECT },
        { ENC_XVP, CAN_XVP },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(abilities); i++) {
        if (abilities[i].encoding == encoding) {
            return abilities[i].can;
        }
    }
    return 0;
}

/* Shows by example what the server can do, once. */
static void greet_abilities(struct vnc_client *client, unsigned fresh)
{
    static const uint8_t fence[9] = { MSG_FENCE, 0, 0, 0, FENCE_REQUEST >> 24, 0, 0, 0, 0 };
    static const uint8_t xvp[4] = { MSG_XVP, 0, 1, 1 };

    if (fresh & CAN_FENCE) {
        vnc_send(client, fence, sizeof(fence));
    }
    if (fresh & CAN_CONTINUOUS) {
        vnc_send8(client, MSG_CONTINUOUS);
    }
    if (fresh & CAN_XVP && client->server->power_control) {
        vnc_send(client, xvp, sizeof(xvp));
    }
    if (fresh & CAN_EXT_DESKTOP_SIZE) {
        client->tell |= TELL_SIZE;
    }
    if (fresh & (CAN_CURSOR | CAN_ALPHA_CURSOR) && client->server->cursor.width) {
        client->tell |= TELL_CURSOR;
    }
    client->tell |= fresh & CAN_POINTER_MODE ? TELL_POINTER_MODE : 0;
    client->tell |= fresh & CAN_EXT_KEY ? TELL_EXT_KEY : 0;
    client->tell |= fresh & CAN_LED_STATE ? TELL_LEDS : 0;
    client->tell |= fresh & CAN_DESKTOP_NAME ? TELL_NAME : 0;
}

void vnc_choose_class(struct vnc_client *client)
{
    struct vnc_server *server = client->server;
    int32_t encoding = client->encoding;
    bool tight = encoding == ENC_TIGHT || encoding == ENC_TIGHT_PNG;
    bool deflated = tight || encoding == ENC_ZLIB || encoding == ENC_ZRLE;
    int quality = tight && server->lossy && vnc_can_jpeg() ? client->quality : -1;
    struct vnc_class *old = client->class;

    client->class = vnc_class_get(&server->classes, encoding, &client->format, quality,
                                  deflated ? client->compression : -1,
                                  encoding == ENC_TIGHT_PNG);
    vnc_class_put(&server->classes, old);
}

static ssize_t set_encodings(struct vnc_client *client, const uint8_t *data, size_t size)
{
    unsigned count = size >= 4 ? get16(data + 2) : 0, can = 0, fresh;
    bool chosen = false;

    if (size < 4 || size < 4 + 4 * (size_t)count) {
        return 0;
    }
    client->encoding = ENC_RAW;
    client->quality = client->compression = -1;
    for (unsigned i = 0; i < count; i++) {
        int32_t encoding = (int32_t)get32(data + 4 + 4 * i);

        if (!chosen && is_picture(encoding)) {
            client->encoding = encoding;       /* the first is what the client likes best */
            chosen = true;
        } else if (encoding >= ENC_QUALITY_0 && encoding <= ENC_QUALITY_9) {
            client->quality = encoding - ENC_QUALITY_0;
        } else if (encoding >= ENC_COMPRESS_0 && encoding <= ENC_COMPRESS_9) {
            client->compression = encoding - ENC_COMPRESS_0;
        }
        can |= ability_of(encoding);
    }
    fresh = can & ~client->can;
    client->can = can;
    greet_abilities(client, fresh);
    vnc_choose_class(client);
    return 4 + 4 * (ssize_t)count;
}

/* --- updates --------------------------------------------------------------------------------- */

static void force_box(struct vnc_client *client, const struct box *box)
{
    const struct vnc_frame *frame = &client->server->frame;

    for (size_t i = 0; i < client->forced_tiles; i++) {
        struct box tile = vnc_frame_tile_box(frame, i);

        if (tile.x < box->x + box->width && box->x < tile.x + tile.width &&
            tile.y < box->y + box->height && box->y < tile.y + tile.height) {
            client->n_forced += !client->forced[i];
            client->forced[i] = 1;
        }
    }
}

static struct box read_box(const uint8_t *data)
{
    return (struct box){ get16(data), get16(data + 2), get16(data + 4), get16(data + 6) };
}

static ssize_t request_update(struct vnc_client *client, const uint8_t *data, size_t size)
{
    struct box box;

    if (size < 10) {
        return 0;
    }
    box = read_box(data + 2);
    if (!data[1] && !client->server->busy) {
        force_box(client, &box);
    } else if (!data[1]) {
        client->sent = 0;              /* the tiles are the encoder's now */
    }
    client->requested = true;
    return 10;
}

static ssize_t set_continuous(struct vnc_client *client, const uint8_t *data, size_t size)
{
    if (size < 10) {
        return 0;
    }
    if (client->continuous && !data[1]) {
        vnc_send8(client, MSG_CONTINUOUS);
    }
    client->continuous = data[1] != 0;
    return 10;
}

static ssize_t fence(struct vnc_client *client, const uint8_t *data, size_t size)
{
    uint8_t answer[9] = { MSG_FENCE };
    uint32_t flags;

    if (size < 9 || size < 9u + data[8]) {
        return 0;
    }
    if (data[8] > 64) {
        return -1;
    }
    flags = get32(data + 4);
    /* Messages are worked off in order and none is half done here: an answer is all it takes. */
    if (flags & FENCE_REQUEST) {
        answer[7] = (uint8_t)(flags & FENCE_KNOWN);
        answer[8] = data[8];
        vnc_send(client, answer, sizeof(answer));
        vnc_send(client, data + 9, data[8]);
    }
    return 9 + data[8];
}

/* A wish of the client's, which text consoles can fulfil and most adapters cannot. */
static ssize_t set_size(struct vnc_client *client, const uint8_t *data, size_t size)
{
    unsigned width, height;

    if (size < 8 || size < 8 + 16u * data[6]) {
        return 0;
    }
    width = get16(data + 2);
    height = get16(data + 4);
    client->size_asked = true;
    if (data[6] != 1 || !width || !height) {
        client->size_status = SIZE_INVALID;
    } else {
        bool good = console_ask_size(client->server->listener.con, width, height);
        client->size_status = good ? SIZE_OK : SIZE_PROHIBITED;
    }
    client->tell |= TELL_SIZE;
    return 8 + 16 * (ssize_t)data[6];
}

/* --- input ----------------------------------------------------------------------------------- */

static ssize_t key(struct vnc_client *client, const uint8_t *data, size_t size)
{
    if (size < 8) {
        return 0;
    }
    vnc_wake(client->server);
    vnc_key(client, get32(data + 4), INPUT_KEY_NONE, data[1] != 0);
    return 8;
}

static ssize_t pointer(struct vnc_client *client, const uint8_t *data, size_t size)
{
    if (size < 6) {
        return 0;
    }
    vnc_wake(client->server);
    vnc_pointer(client, data[1], get16(data + 2), get16(data + 4));
    return 6;
}

static ssize_t qemu_message(struct vnc_client *client, const uint8_t *data, size_t size)
{
    if (size < 4) {
        return 0;
    }
    if (data[1] == QEMU_AUDIO) {
        /* Never offered; a client that asks anyhow hears nothing. */
        size_t want = get16(data + 2) == 2 ? 10 : 4;
        return size < want ? 0 : (ssize_t)want;
    }
    if (data[1] != QEMU_EXT_KEY) {
        return -1;
    }
    if (size < 12) {
        return 0;
    }
    vnc_wake(client->server);
    vnc_key(client, get32(data + 4), input_key_from_set1((uint8_t)get32(data + 8)),
            get16(data + 2) != 0);
    return 12;
}

static ssize_t cut_text(struct vnc_client *client, const uint8_t *data, size_t size)
{
    int32_t length;

    if (size < 8) {
        return 0;
    }
    length = (int32_t)get32(data + 4);
    length = length < 0 && length > INT32_MIN ? -length : length;
    if (length < 0 || (uint32_t)length > VNC_CUT_TEXT_MAX) {
        return -1;
    }
    client->skip = (uint32_t)length;   /* no guest agent to hand it to */
    return 8;
}

static void (*power_pressed)(bool reset);

void vnc_on_power(void (*pressed)(bool reset))
{
    power_pressed = pressed;
}

/* The power buttons of the XVP extension, with power-control=on. */
static ssize_t xvp(struct vnc_client *client, const uint8_t *data, size_t size)
{
    enum { FAIL = 0, SHUTDOWN = 2, REBOOT = 3, RESET = 4 };
    uint8_t refused[4] = { MSG_XVP, 0, 1, FAIL };

    if (size < 4) {
        return 0;
    }
    if (!power_pressed || !client->server->power_control || data[2] != 1 || data[3] < SHUTDOWN ||
        data[3] > RESET) {
        vnc_send(client, refused, sizeof(refused));
    } else {
        power_pressed(data[3] == RESET);
    }
    return 4;
}

ssize_t vnc_read_message(struct vnc_client *client, const uint8_t *data, size_t size)
{
    switch (data[0]) {
    case MSG_SET_FORMAT: return set_format(client, data, size);
    case MSG_SET_ENCODINGS: return set_encodings(client, data, size);
    case MSG_UPDATE_REQUEST: return request_update(client, data, size);
    case MSG_KEY: return key(client, data, size);
    case MSG_POINTER: return pointer(client, data, size);
    case MSG_CUT_TEXT: return cut_text(client, data, size);
    case MSG_CONTINUOUS: return set_continuous(client, data, size);
    case MSG_FENCE: return fence(client, data, size);
    case MSG_XVP: return xvp(client, data, size);
    case MSG_SET_SIZE: return set_size(client, data, size);
    case MSG_QEMU: return qemu_message(client, data, size);
    default: return -1;
    }
}
