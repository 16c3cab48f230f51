/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ethernet over sockets: a TCP stream with a length before each frame, or datagrams. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd-store.h"
#include "base/bits.h"
#include "base/main-loop.h"
#include "net/port.h"

enum socket_kind { SOCKET_STREAM, SOCKET_DATAGRAM };

struct socket_net {
    struct net_port *port;
    enum socket_kind kind;
    int fd, listener;                /* -1: none */
    struct main_loop_watch *watch, *accept_watch;
    struct sockaddr_in to;           /* of datagrams */
    bool connecting;
    GByteArray *out;                 /* what the stream did not take yet */
    uint8_t in[NET_FRAME_MAX + 4];
    size_t got;
};

/* --- frames ---------------------------------------------------------------------------------- */

static void ready(void *opaque, int events);

static void watch_more(struct socket_net *s)
{
    main_loop_watch_events(s->watch, WATCH_READ | (s->out->len || s->connecting ? WATCH_WRITE : 0));
}

static void drop_connection(struct socket_net *s)
{
    main_loop_unwatch(s->watch);
    s->watch = NULL;
    close(s->fd);
    s->fd = -1;
    s->got = 0;
    g_byte_array_set_size(s->out, 0);
    net_port_describe(s->port, "socket: connection closed");
    if (s->accept_watch) {
        main_loop_watch_events(s->accept_watch, WATCH_READ);
    }
}

static void write_out(struct socket_net *s)
{
    while (s->out->len && !s->connecting) {
        ssize_t n = send(s->fd, s->out->data, s->out->len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno != EINTR) {
            break;
        }
        if (n > 0) {
            g_byte_array_remove_range(s->out, 0, (unsigned)n);
        }
    }
    watch_more(s);
}

static bool can_take(void *opaque, size_t size)
{
    struct socket_net *s = opaque;

    return s->kind == SOCKET_DATAGRAM || s->fd < 0 || s->out->len < 1 << 20;
}

static void send_frame(void *opaque, const uint8_t *frame, size_t size)
{
    struct socket_net *s = opaque;
    uint8_t header[4];

    if (s->fd < 0) {
        return;
    }
    if (s->kind == SOCKET_DATAGRAM) {
        sendto(s->fd, frame, size, MSG_DONTWAIT, (struct sockaddr *)&s->to, sizeof(s->to));
        return;
    }
    st32_be(header, (uint32_t)size);
    g_byte_array_append(s->out, header, sizeof(header));
    g_byte_array_append(s->out, frame, (unsigned)size);
    write_out(s);
}

/* False when the stream is not one of frames. */
static bool take_frames(struct socket_net *s)
{
    size_t at = 0;

    while (s->got - at >= 4) {
        size_t size = ld32_be(s->in + at);

        if (size == 0 || size > NET_FRAME_MAX) {
            return false;
        }
        if (s->got - at - 4 < size) {
            break;
        }
        net_send(s->port, s->in + at + 4, size);
        at += 4 + size;
    }
    memmove(s->in, s->in + at, s->got - at);
    s->got -= at;
    return true;
}

static void read_in(struct socket_net *s)
{
    ssize_t n = recv(s->fd, s->in + s->got, sizeof(s->in) - s->got, MSG_DONTWAIT);

    if (s->kind == SOCKET_DATAGRAM) {
        if (n > 0) {
            net_send(s->port, s->in, (size_t)n);
        }
        return;
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        drop_connection(s);
        return;
    }
    s->got += n > 0 ? (size_t)n : 0;
    if (!take_frames(s)) {
        drop_connection(s);
    }
}

static void ready(void *opaque, int events)
{
    struct socket_net *s = opaque;

    if (s->connecting) {
        int os_error = 0;
        socklen_t size = sizeof(os_error);

        s->connecting = false;
        getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &os_error, &size);
        if (os_error) {
            error_warn("-netdev %s: cannot connect: %s", s->port->name, strerror(os_error));
            drop_connection(s);
            return;
        }
    }
    if (events & WATCH_WRITE) {
        write_out(s);
        net_flush(s->port);
    }
    if (events & (WATCH_READ | WATCH_HANGUP)) {
        read_in(s);
    }
}

static void use_fd(struct socket_net *s, int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    s->fd = fd;
    s->watch = main_loop_watch_fd(fd, WATCH_READ | (s->connecting ? WATCH_WRITE : 0), ready, s);
}

/* One connection at a time; others wait. */
static void accept_one(void *opaque, int events)
{
    struct socket_net *s = opaque;
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    int fd = accept(s->listener, (struct sockaddr *)&from, &size);

    if (fd >= 0) {
        main_loop_watch_events(s->accept_watch, 0);
        use_fd(s, fd);
        net_port_describe(s->port, "socket: connection from %s:%u", inet_ntoa(from.sin_addr),
                          ntohs(from.sin_port));
    }
}

/* --- addresses ------------------------------------------------------------------------------- */

static bool parse_address(const char *key, const char *text, struct sockaddr_in *a,
                          struct error **err)
{
    const char *colon = strrchr(text, ':');
    char *host = g_strndup(text, colon ? (size_t)(colon - text) : 0);
    struct addrinfo hints = { .ai_family = AF_INET }, *found = NULL;
    uint64_t port;
    bool good = colon && parse_uint(colon + 1, &port) && port <= 65535;

    *a = (struct sockaddr_in){ .sin_family = AF_INET };
    if (!good) {
        error_set(err, "%s=%s: the form is host:port", key, text);
    } else if (*host && (getaddrinfo(host, NULL, &hints, &found) != 0 || !found)) {
        error_set(err, "%s=%s: the host '%s' is not known", key, text, host);
        good = false;
    } else {
        if (found) {
            *a = *(struct sockaddr_in *)found->ai_addr;
            freeaddrinfo(found);
        }
        a->sin_port = htons((uint16_t)port);
    }
    g_free(host);
    return good;
}

static bool fail(const char *key, const char *text, int fd, struct error **err)
{
    int os_error = errno;

    error_set_errno(err, os_error, "%s=%s", key, text);
    if (fd >= 0) {
        close(fd);
    }
    return false;
}

static bool start_listening(struct socket_net *s, const char *text, struct error **err)
{
    struct sockaddr_in a;
    int on = 1;

    if (!parse_address("listen", text, &a, err)) {
        return false;
    }
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(s->listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s->listener, 1) < 0) {
        int fd = s->listener;
        s->listener = -1;
        return fail("listen", text, fd, err);
    }
    s->accept_watch = main_loop_watch_fd(s->listener, WATCH_READ, accept_one, s);
    return true;
}

static bool start_connecting(struct socket_net *s, const char *text, struct error **err)
{
    struct sockaddr_in a;
    int fd;

    if (!parse_address("connect", text, &a, err)) {
        return false;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        if (errno != EINPROGRESS) {
            return fail("connect", text, fd, err);
        }
        s->connecting = true;
    }
    use_fd(s, fd);
    return true;
}

static bool join_group(struct socket_net *s, const char *text, const char *local,
                       struct error **err)
{
    struct ip_mreq group = { 0 };
    int on = 1, fd;

    if (!parse_address("mcast", text, &s->to, err)) {
        return false;
    }
    group.imr_multiaddr = s->to.sin_addr;
    if (local && !inet_aton(local, &group.imr_interface)) {
        error_set(err, "localaddr=%s is not an IPv4 address", local);
        return false;
    }
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&s->to, sizeof(s->to)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof(on)) < 0 ||
        (local && setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group.imr_interface,
                             sizeof(group.imr_interface)) < 0)) {
        return fail("mcast", text, fd, err);
    }
    use_fd(s, fd);
    return true;
}

static bool open_udp(struct socket_net *s, const char *text, const char *local, struct error **err)
{
    struct sockaddr_in a;
    int fd;

    if (!local) {
        error_set(err, "udp= needs localaddr=host:port");
        return false;
    }
    if (!parse_address("udp", text, &s->to, err) || !parse_address("localaddr", local, &a, err)) {
        return false;
    }
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        return fail("localaddr", local, fd, err);
    }
    use_fd(s, fd);
    return true;
}

static void close_socket(void *opaque)
{
    struct socket_net *s = opaque;

    main_loop_unwatch(s->watch);
    main_loop_unwatch(s->accept_watch);
    if (s->fd >= 0) {
        close(s->fd);
    }
    if (s->listener >= 0) {
        close(s->listener);
    }
    g_byte_array_free(s->out, TRUE);
    g_free(s);
}

static bool start(struct socket_net *s, struct keyval *kv, struct error **err)
{
    const char *listen = keyval_string(kv, "listen", NULL);
    const char *to = keyval_string(kv, "connect", NULL), *mcast = keyval_string(kv, "mcast", NULL);
    const char *udp = keyval_string(kv, "udp", NULL), *local = keyval_string(kv, "localaddr", NULL);
    const char *passed = keyval_string(kv, "fd", NULL);
    int fd = -1;

    if (!!listen + !!to + !!mcast + !!udp + !!passed != 1) {
        error_set(err, "exactly one of listen=, connect=, mcast=, udp= or fd= is required");
        return false;
    }
    s->kind = mcast || udp ? SOCKET_DATAGRAM : SOCKET_STREAM;
    net_port_describe(s->port, "socket: %s", listen ? listen : to ? to : mcast ? mcast
                      : udp ? udp : "fd");
    if (passed) {
        if (!fd_store_parse(passed, &fd, err)) {
            return false;
        }
        use_fd(s, fd);
        return true;
    }
    return listen ? start_listening(s, listen, err) : to ? start_connecting(s, to, err)
        : mcast ? join_group(s, mcast, local, err) : open_udp(s, udp, local, err);
}

struct net_port *net_socket_open(const char *id, struct keyval *kv, struct error **err)
{
    static const struct net_handlers handlers = { can_take, send_frame, NULL, close_socket };
    struct socket_net *s = g_new0(struct socket_net, 1);

    s->fd = s->listener = -1;
    s->out = g_byte_array_new();
    s->port = net_port_create("socket", id, &handlers, s, err);
    if (!s->port) {
        close_socket(s);
        return NULL;
    }
    if (!start(s, kv, err)) {
        net_port_destroy(s->port);
        return NULL;
    }
    return s->port;
}
