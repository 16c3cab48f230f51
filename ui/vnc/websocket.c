/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Websocket, RFC 6455: the request that opens it, and its frames. */
#include <string.h>

#include "ui/vnc/internal.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

enum { OP_CONTINUE, OP_TEXT, OP_BINARY, OP_CLOSE = 8, OP_PING, OP_PONG };

/* --- the request ----------------------------------------------------------------------------- */

/* The value of a header, to be freed; NULL when it is not there. */
static char *header(char **lines, const char *name)
{
    size_t length = strlen(name);

    for (char **line = lines + 1; *lines && *line; line++) {
        if (g_ascii_strncasecmp(*line, name, length) == 0 && (*line)[length] == ':') {
            return g_strstrip(g_strdup(*line + length + 1));
        }
    }
    return NULL;
}

static bool has_token(const char *list, const char *token)
{
    char **parts = g_strsplit(list ? list : "", ",", -1);
    bool found = false;

    for (char **part = parts; *part; part++) {
        found |= g_ascii_strcasecmp(g_strstrip(*part), token) == 0;
    }
    g_strfreev(parts);
    return found;
}

static char *accept_key(const char *key)
{
    char *text = g_strconcat(key, GUID, NULL), *result;
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1);
    uint8_t digest[20];
    gsize size = sizeof(digest);

    g_checksum_update(sum, (const uint8_t *)text, -1);
    g_checksum_get_digest(sum, digest, &size);
    result = g_base64_encode(digest, size);
    g_checksum_free(sum);
    g_free(text);
    return result;
}

static char *refuse(const char *status)
{
    return g_strdup_printf("HTTP/1.1 %s\r\nServer: QEMU VNC\r\nConnection: close\r\n"
                           "Content-Length: 0\r\n\r\n", status);
}

static char *answer_lines(char **lines, bool *good)
{
    char *upgrade = header(lines, "Upgrade"), *key = header(lines, "Sec-WebSocket-Key");
    char *version = header(lines, "Sec-WebSocket-Version");
    char *protocols = header(lines, "Sec-WebSocket-Protocol");
    char *answer, *accept;

    *good = false;
    if (!g_str_has_prefix(lines[0], "GET ") || !g_str_has_suffix(lines[0], " HTTP/1.1")) {
        answer = refuse("400 Bad Request");
    } else if (!has_token(upgrade, "websocket") || !key) {
        answer = refuse("426 Upgrade Required");
    } else if (!version || strcmp(version, "13") != 0) {
        answer = g_strdup("HTTP/1.1 400 Bad Request\r\nSec-WebSocket-Version: 13\r\n"
                          "Connection: close\r\nContent-Length: 0\r\n\r\n");
    } else if (protocols && !has_token(protocols, "binary")) {
        answer = refuse("400 Bad Request");
    } else {
        accept = accept_key(key);
        *good = true;
        answer = g_strdup_printf("HTTP/1.1 101 Switching Protocols\r\nServer: QEMU VNC\r\n"
                                 "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: %s\r\n%s\r\n", accept,
                                 protocols ? "Sec-WebSocket-Protocol: binary\r\n" : "");
        g_free(accept);
    }
    g_free(upgrade);
    g_free(key);
    g_free(version);
    g_free(protocols);
    return answer;
}

char *vnc_websocket_answer(GByteArray *request, bool *good)
{
    char *text, *end, *answer, **lines;

    text = g_strndup((const char *)request->data, request->len);
    end = strstr(text, "\r\n\r\n");
    *good = false;
    if (!end) {
        g_free(text);
        return NULL;
    }
    *end = '\0';
    lines = g_strsplit(text, "\r\n", -1);
    answer = answer_lines(lines, good);
    g_strfreev(lines);
    g_free(text);
    return answer;
}

/* --- frames ---------------------------------------------------------------------------------- */

void vnc_websocket_frame(GByteArray *out, uint8_t opcode, const uint8_t *data, size_t size)
{
    put8(out, 0x80 | opcode);
    if (size < 126) {
        put8(out, (uint8_t)size);
    } else if (size < 65536) {
        put8(out, 126);
        put16(out, (uint16_t)size);
    } else {
        put8(out, 127);
        put32(out, (uint32_t)((uint64_t)size >> 32));
        put32(out, (uint32_t)size);
    }
    g_byte_array_append(out, data, (guint)size);
}

/* Bytes of a frame's header, as far as they are known. */
static unsigned header_size(const struct vnc_websocket *ws)
{
    unsigned length;

    if (ws->have < 2) {
        return 2;
    }
    length = ws->header[1] & 127;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + 4;
}

static bool start_frame(struct vnc_websocket *ws, GByteArray *reply)
{
    const uint8_t *h = ws->header;
    unsigned length = h[1] & 127;

    ws->opcode = h[0] & 15;
    ws->left = length;
    if (length == 126) {
        ws->left = get16(h + 2);
    } else if (length == 127) {
        ws->left = (uint64_t)get32(h + 2) << 32 | get32(h + 6);
    }
    memcpy(ws->mask, h + header_size(ws) - 4, 4);
    ws->mask_at = 0;
    g_byte_array_set_size(ws->control, 0);
    /* Reserved bits are zero, clients mask, control frames are short and whole. */
    if (h[0] & 0x70 || !(h[1] & 0x80)) {
        return false;
    }
    if (ws->opcode >= OP_CLOSE) {
        return ws->opcode <= OP_PONG && ws->left < 126 && h[0] & 0x80;
    }
    return ws->opcode == OP_BINARY || ws->opcode == OP_CONTINUE;
}

static void end_frame(struct vnc_websocket *ws, GByteArray *reply)
{
    ws->have = 0;
    if (ws->opcode == OP_PING) {
        vnc_websocket_frame(reply, OP_PONG, ws->control->data, ws->control->len);
    } else if (ws->opcode == OP_CLOSE) {
        vnc_websocket_frame(reply, OP_CLOSE, ws->control->data, MIN(ws->control->len, 2));
        ws->closed = true;
    }
}

static size_t take_payload(struct vnc_websocket *ws, const uint8_t *data, size_t size,
                           GByteArray *out)
{
    GByteArray *to = ws->opcode >= OP_CLOSE ? ws->control : out;
    size_t n = (size_t)MIN(ws->left, (uint64_t)size);
    guint at = to->len;

    g_byte_array_set_size(to, at + (guint)n);
    for (size_t i = 0; i < n; i++) {
        to->data[at + i] = data[i] ^ ws->mask[ws->mask_at++ & 3];
    }
    ws->left -= n;
    return n;
}

bool vnc_websocket_decode(struct vnc_websocket *ws, const uint8_t *data, size_t size,
                          GByteArray *out, GByteArray *reply)
{
    size_t at = 0;

    while (at < size && !ws->closed) {
        if (ws->have < header_size(ws)) {
            ws->header[ws->have++] = data[at++];
            if (ws->have < 2 || ws->have < header_size(ws)) {
                continue;
            }
            if (!start_frame(ws, reply)) {
                return false;
            }
        } else {
            at += take_payload(ws, data + at, size - at, out);
        }
        if (!ws->left) {
            end_frame(ws, reply);
        }
    }
    return true;
}
