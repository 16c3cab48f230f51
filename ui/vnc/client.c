/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: bytes in and out through TLS and websocket, messages handed to their handler. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/event.h"
#include "ui/vnc/internal.h"

#define CHUNK 65536

/* --- output ----------------------------------------------------------------------------------- */

void vnc_send(struct vnc_client *client, const void *data, size_t size)
{
    g_byte_array_append(client->out, data, (guint)size);
}

void vnc_send_all(struct vnc_client *client, GByteArray **array)
{
    GByteArray *empty = client->out;

    if (empty->len) {
        vnc_send(client, (*array)->data, (*array)->len);
        g_byte_array_set_size(*array, 0);
    } else {
        client->out = *array;
        *array = empty;
    }
}

void vnc_send8(struct vnc_client *client, uint8_t value)
{
    put8(client->out, value);
}

void vnc_send32(struct vnc_client *client, uint32_t value)
{
    put32(client->out, value);
}

bool vnc_client_drained(const struct vnc_client *client)
{
    return !client->out->len && client->wire_at == client->wire->len;
}

/* Makes wire bytes of what is to be sent. */
static void fill_wire(struct vnc_client *client)
{
    GByteArray *wire = client->wire;

    if (client->wire_at < wire->len || !client->out->len || client->phase != PHASE_RFB) {
        return;
    }
    g_byte_array_set_size(wire, 0);
    client->wire_at = 0;
    if (client->websocket) {
        vnc_websocket_frame(wire, 2, client->out->data, client->out->len);
        g_byte_array_set_size(client->out, 0);
    } else {
        client->wire = client->out;
        client->out = wire;
    }
}

static ssize_t write_socket(struct vnc_client *client, const uint8_t *data, size_t size)
{
    ssize_t n;

    if (client->tls) {
        return vnc_tls_write(client->tls, data, size);
    }
    n = send(client->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return 0;
    }
    return n;
}

/* False when the connection is broken. */
static bool write_out(struct vnc_client *client)
{
    size_t budget = 16 * CHUNK;        /* others want their turn on the main loop, too */

    fill_wire(client);
    while (client->wire_at < client->wire->len && budget) {
        size_t size = MIN(client->wire->len - client->wire_at, budget);
        ssize_t n = write_socket(client, client->wire->data + client->wire_at, size);

        if (n < 0) {
            return false;
        }
        if (n == 0) {
            break;
        }
        client->wire_at += (size_t)n;
        budget -= (size_t)n;
        fill_wire(client);
    }
    return true;
}

/* --- input ------------------------------------------------------------------------------------ */

static ssize_t read_socket(struct vnc_client *client, uint8_t *data, size_t size)
{
    ssize_t n;

    if (client->tls) {
        return vnc_tls_read(client->tls, data, size);
    }
    n = recv(client->fd, data, size, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return 0;
    }
    return n ? n : -1;
}

static bool answer_http(struct vnc_client *client)
{
    bool good;
    char *answer = vnc_websocket_answer(client->in, &good);

    if (!answer) {
        return client->in->len < 16384;
    }
    g_byte_array_append(client->wire, (uint8_t *)answer, (guint)strlen(answer));
    g_free(answer);
    if (!good) {
        write_out(client);
        return false;
    }
    g_byte_array_set_size(client->in, 0);
    client->phase = PHASE_RFB;
    vnc_client_event(client, "VNC_CONNECTED");
    vnc_greet(client);
    return true;
}

static bool take_bytes(struct vnc_client *client, const uint8_t *data, size_t size)
{
    bool good = true;

    if (client->phase == PHASE_HTTP) {
        g_byte_array_append(client->in, data, (guint)size);
        return answer_http(client);
    }
    if (!client->websocket) {
        g_byte_array_append(client->in, data, (guint)size);
        return true;
    }
    good = vnc_websocket_decode(client->websocket, data, size, client->in, client->wire);
    return good && !client->websocket->closed;
}

static bool read_in(struct vnc_client *client)
{
    uint8_t data[CHUNK];
    ssize_t n;

    do {
        n = read_socket(client, data, sizeof(data));
        if (n < 0 || (n > 0 && !take_bytes(client, data, (size_t)n))) {
            return false;
        }
        /* The socket tells of more by itself; a TLS session may hold some. */
    } while (n > 0 && client->tls && vnc_tls_pending(client->tls));
    return true;
}

/* Messages wait while the encoder works for the client: they change what it uses. */
static void take_input(struct vnc_client *client)
{
    size_t at = 0;

    if (client->phase != PHASE_RFB) {
        return;
    }
    while (!client->busy && !client->closing && client->handler && at < client->in->len) {
        ssize_t n;

        if (client->skip) {
            size_t skipped = MIN(client->skip, client->in->len - at);

            client->skip -= (uint32_t)skipped;
            at += skipped;
            continue;
        }
        n = client->handler(client, client->in->data + at, client->in->len - at);
        if (n < 0) {
            vnc_hang_up(client);
        }
        if (n <= 0) {
            break;
        }
        at += (size_t)n;
        if (client->phase != PHASE_RFB) {
            break;
        }
    }
    /* What follows in the clear must not pass for something that came through TLS. */
    g_byte_array_remove_range(client->in, 0,
                              (guint)(client->phase == PHASE_RFB ? at : client->in->len));
}

/* --- the socket ------------------------------------------------------------------------------- */

static void watch(struct vnc_client *client)
{
    int events = 0;

    if (client->closing) {
        main_loop_watch_events(client->watch, 0);
        return;
    }
    /* No more is read while messages wait. */
    if (client->in->len < CHUNK) {
        events |= WATCH_READ;
    }
    if (client->wire_at < client->wire->len) {
        events |= WATCH_WRITE;
    }
    main_loop_watch_events(client->watch, events);
}

/* Goes on with the handshake; false when it failed. */
static bool shake_hands(struct vnc_client *client)
{
    int want = 0, result = vnc_tls_handshake(client->tls, &want);

    if (result < 0) {
        return false;
    }
    if (result == 0) {
        main_loop_watch_events(client->watch, want);
        return true;
    }
    client->phase = client->websocket && !client->handler ? PHASE_HTTP : PHASE_RFB;
    if (client->phase == PHASE_RFB) {
        vnc_tls_established(client);
    }
    vnc_flush(client);
    return true;
}

static void socket_ready(void *opaque, int ready)
{
    struct vnc_client *client = opaque;
    if (client->closing) {
        return;
    }
    if (client->phase == PHASE_TLS) {
        if (!shake_hands(client)) {
            vnc_hang_up(client);
        }
        return;
    }
    if (ready & WATCH_READ && !read_in(client)) {
        vnc_hang_up(client);
        return;
    }
    vnc_flush(client);
    vnc_set_pace(client->server);
}

void vnc_flush(struct vnc_client *client)
{
    if (client->closing) {
        return;
    }
    if (!client->watch) {
        client->watch = main_loop_watch_fd(client->fd, WATCH_READ, socket_ready, client);
    }
    take_input(client);
    if (client->closing) {
        return;
    }
    if (client->phase == PHASE_TLS) {
        /* What is said in the clear before it must be out. */
        if (!write_out(client) || !shake_hands(client)) {
            vnc_hang_up(client);
        }
        return;
    }
    if (!write_out(client)) {
        vnc_hang_up(client);
        return;
    }
    watch(client);
}

void vnc_start_tls(struct vnc_client *client)
{
    /* The few bytes that announce it always fit into the socket's buffer. */
    if (!write_out(client) || !vnc_client_drained(client)) {
        vnc_hang_up(client);
        return;
    }
    client->tls = vnc_tls_start(client->server->credentials, client->fd);
    client->phase = PHASE_TLS;
}

/* --- the end ---------------------------------------------------------------------------------- */

void vnc_hang_up(struct vnc_client *client)
{
    if (client->closing) {
        return;
    }
    write_out(client);                 /* a last word on why */
    client->closing = true;
    timer_cancel(&client->deadline);
    main_loop_unwatch(client->watch);
    client->watch = NULL;
    vnc_release_keys(client);
    shutdown(client->fd, SHUT_RDWR);
    vnc_client_event(client, "VNC_DISCONNECTED");
    main_loop_call(vnc_reap, client->server);
    vnc_set_pace(client->server);
}

void vnc_client_free(struct vnc_client *client)
{
    struct vnc_server *server = client->server;
    struct vnc_client **link = &server->clients;

    while (*link != client) {
        link = &(*link)->next;
    }
    *link = client->next;
    server->n_clients--;
    vnc_class_put(&server->classes, client->class);
    vnc_tls_free(client->tls);
    if (client->websocket) {
        g_byte_array_free(client->websocket->control, TRUE);
        g_free(client->websocket);
    }
    close(client->fd);
    g_byte_array_free(client->in, TRUE);
    g_byte_array_free(client->out, TRUE);
    g_byte_array_free(client->wire, TRUE);
    g_byte_array_free(client->job, TRUE);
    g_free(client->forced);
    g_free(client->host);
    g_free(client->service);
    g_free(client);
}

void vnc_client_event(struct vnc_client *client, const char *name)
{
    struct json *data = json_object();

    json_set(data, "server", vnc_describe_server(client->server, client->websocket != NULL));
    json_set(data, "client", vnc_describe_client(client));
    event_emit(name, data);
}
