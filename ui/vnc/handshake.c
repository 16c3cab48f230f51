/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Versions, security types and initialisation, RFC 6143 7.1 to 7.3, and VeNCrypt. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "ui/vnc/internal.h"

enum { SECURITY_NONE = 1, SECURITY_VNC = 2, SECURITY_VENCRYPT = 19 };
enum {
    VENCRYPT_TLS_NONE = 257, VENCRYPT_TLS_VNC, VENCRYPT_TLS_PLAIN, VENCRYPT_X509_NONE,
    VENCRYPT_X509_VNC, VENCRYPT_X509_PLAIN
};
enum { RESULT_OK, RESULT_FAILED };

static vnc_handler read_security, read_answer, read_vencrypt_version, read_vencrypt_type, read_init;

/* --- what a server offers --------------------------------------------------------------------- */

/* A websocket has its TLS outside of RFB. */
static uint8_t security_of(const struct vnc_client *client)
{
    const struct vnc_server *server = client->server;

    if (server->credentials && !client->websocket) {
        return SECURITY_VENCRYPT;
    }
    return server->password_wanted ? SECURITY_VNC : SECURITY_NONE;
}

static uint32_t vencrypt_of(const struct vnc_server *server)
{
    bool x509 = vnc_credentials_are_x509(server->credentials);

    if (server->password_wanted) {
        return x509 ? VENCRYPT_X509_VNC : VENCRYPT_TLS_VNC;
    }
    return x509 ? VENCRYPT_X509_NONE : VENCRYPT_TLS_NONE;
}

const char *vnc_auth_name(const struct vnc_server *server)
{
    return server->credentials ? "vencrypt" : server->password_wanted ? "vnc" : "none";
}

const char *vnc_vencrypt_name(const struct vnc_server *server)
{
    static const char *const names[] = { "tls+none", "tls+vnc", "tls+plain", "x509+none",
                                         "x509+vnc", "x509+plain" };

    return server->credentials ? names[vencrypt_of(server) - VENCRYPT_TLS_NONE] : NULL;
}

/* --- version ---------------------------------------------------------------------------------- */

void vnc_greet(struct vnc_client *client)
{
    vnc_send(client, "RFB 003.008\n", 12);
    client->handler = vnc_read_version;
}

/* Reason texts came with version 3.8. */
static void fail(struct vnc_client *client, const char *why)
{
    vnc_send32(client, RESULT_FAILED);
    if (client->minor >= 8) {
        vnc_send32(client, (uint32_t)strlen(why));
        vnc_send(client, why, strlen(why));
    }
}

static void succeed(struct vnc_client *client)
{
    /* Before 3.8 there is no result when there was no authentication. */
    if (client->minor >= 8 || client->security != SECURITY_NONE) {
        vnc_send32(client, RESULT_OK);
    }
    client->handler = read_init;
}

static void challenge(struct vnc_client *client)
{
    if (getrandom(client->challenge, sizeof(client->challenge), 0) !=
        sizeof(client->challenge)) {
        vnc_hang_up(client);
        return;
    }
    vnc_send(client, client->challenge, sizeof(client->challenge));
    client->handler = read_answer;
}

static void start_security(struct vnc_client *client)
{
    static const uint8_t vencrypt_version[2] = { 0, 2 };

    switch (client->security) {
    case SECURITY_NONE:
        succeed(client);
        break;
    case SECURITY_VNC:
        challenge(client);
        break;
    case SECURITY_VENCRYPT:
        vnc_send(client, vencrypt_version, 2);
        client->handler = read_vencrypt_version;
        break;
    }
}

ssize_t vnc_read_version(struct vnc_client *client, const uint8_t *data, size_t size)
{
    char text[13] = "";
    unsigned major, minor;
    uint8_t types[2] = { 1, security_of(client) };

    if (size < 12) {
        return 0;
    }
    memcpy(text, data, 12);
    if (sscanf(text, "RFB %3u.%3u\n", &major, &minor) != 2 || major != 3 || minor < 3) {
        return -1;
    }
    /* Apple's client calls itself 3.889; versions in between were never published. */
    client->minor = minor >= 8 ? 8 : minor == 7 ? 7 : 3;
    if (client->minor >= 7) {
        vnc_send(client, types, 2);
        client->handler = read_security;
        return 12;
    }
    client->security = security_of(client);
    if (client->security == SECURITY_VENCRYPT) {
        /* Such a client cannot choose it: the connection fails with a reason. */
        static const char why[] = "This server wants VeNCrypt";

        vnc_send32(client, 0);
        vnc_send32(client, sizeof(why) - 1);
        vnc_send(client, why, sizeof(why) - 1);
        vnc_hang_up(client);
        return 12;
    }
    vnc_send32(client, client->security);
    start_security(client);
    return 12;
}

static ssize_t read_security(struct vnc_client *client, const uint8_t *data, size_t size)
{
    if (data[0] != security_of(client)) {
        fail(client, "Unsupported security type");
        vnc_hang_up(client);
        return 1;
    }
    client->security = data[0];
    start_security(client);
    return 1;
}

/* --- passwords -------------------------------------------------------------------------------- */

static bool is_right(const struct vnc_client *client, const uint8_t *answer)
{
    const struct vnc_server *server = client->server;
    uint8_t want[16], differ = 0;

    if (!server->password || !*server->password || time(NULL) >= server->password_expires) {
        return false;
    }
    vnc_answer_challenge(server->password, client->challenge, want);
    for (unsigned i = 0; i < sizeof(want); i++) {
        differ |= want[i] ^ answer[i];
    }
    return !differ;
}

static ssize_t read_answer(struct vnc_client *client, const uint8_t *data, size_t size)
{
    if (size < 16) {
        return 0;
    }
    if (!is_right(client, data)) {
        fail(client, "Authentication failed");
        vnc_hang_up(client);
        return 16;
    }
    succeed(client);
    return 16;
}

/* --- VeNCrypt --------------------------------------------------------------------------------- */

static ssize_t read_vencrypt_version(struct vnc_client *client, const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    if (data[0] != 0 || data[1] != 2) {
        vnc_send8(client, 1);
        vnc_hang_up(client);
        return 2;
    }
    vnc_send8(client, 0);
    vnc_send8(client, 1);
    vnc_send32(client, vencrypt_of(client->server));
    client->handler = read_vencrypt_type;
    return 2;
}

static ssize_t read_vencrypt_type(struct vnc_client *client, const uint8_t *data, size_t size)
{
    if (size < 4) {
        return 0;
    }
    client->vencrypt = get32(data);
    if (client->vencrypt != vencrypt_of(client->server)) {
        vnc_send8(client, 0);
        vnc_hang_up(client);
        return 4;
    }
    vnc_send8(client, 1);
    vnc_start_tls(client);
    return 4;
}

void vnc_tls_established(struct vnc_client *client)
{
    switch (client->vencrypt) {
    case VENCRYPT_TLS_VNC:
    case VENCRYPT_X509_VNC:
        challenge(client);
        break;
    default:
        succeed(client);
        break;
    }
}

/* --- initialisation --------------------------------------------------------------------------- */

static void end_others(struct vnc_client *client)
{
    for (struct vnc_client *c = client->server->clients; c; c = c->next) {
        if (c != client && c->running) {
            vnc_hang_up(c);
        }
    }
}

/* Whether the client may come in beside, or instead of, the others. */
static bool share(struct vnc_client *client)
{
    switch (client->server->sharing) {
    case SHARE_FORCE_SHARED:
        return client->shared;
    case SHARE_ALLOW_EXCLUSIVE:
        for (struct vnc_client *c = client->server->clients; c; c = c->next) {
            if (!client->shared) {
                end_others(client);
            } else if (c->running && !c->closing && !c->shared) {
                return false;          /* somebody has it for himself */
            }
        }
        return true;
    default:
        return true;
    }
}

static ssize_t read_init(struct vnc_client *client, const uint8_t *data, size_t size)
{
    const struct vnc_frame *frame = &client->server->frame;
    uint8_t format[16];

    client->shared = data[0] != 0;
    if (!share(client)) {
        vnc_hang_up(client);
        return 1;
    }
    vnc_look(client->server);
    vnc_format_write(&client->format, format);
    client->width = frame->width;
    client->height = frame->height;
    put16(client->out, (uint16_t)frame->width);
    put16(client->out, (uint16_t)frame->height);
    vnc_send(client, format, sizeof(format));
    vnc_send32(client, (uint32_t)strlen(vnc_desktop_name()));
    vnc_send(client, vnc_desktop_name(), strlen(vnc_desktop_name()));
    client->running = true;
    client->quality = client->compression = -1;
    timer_cancel(&client->deadline);
    client->handler = vnc_read_message;
    vnc_choose_class(client);
    vnc_client_event(client, "VNC_INITIALIZED");
    vnc_wake(client->server);
    return 1;
}
