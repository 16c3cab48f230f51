/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stream sockets as back-ends: TCP and unix, server and client, plain and telnet. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "char/address.h"
#include "char/backend.h"

/* RFC 854 and 855 */
enum {
    TELNET_SE = 240, TELNET_BREAK = 243, TELNET_SB = 250, TELNET_WILL, TELNET_WONT, TELNET_DO,
    TELNET_DONT, TELNET_IAC, TELNET_BINARY = 0, TELNET_ECHO = 1, TELNET_NO_GO_AHEAD = 3
};
enum telnet_state { TELNET_DATA, TELNET_COMMAND, TELNET_OPTION, TELNET_SUB, TELNET_SUB_IAC };

struct socket_chardev {
    struct chardev chr;
    struct chardev_fds fds;
    struct socket_address address;
    bool server, telnet, nodelay;
    enum telnet_state telnet_state;
    int listener;
    struct main_loop_watch *accept_watch;
    int pending;                    /* a connection under way, or -1 */
    struct main_loop_watch *connect_watch;
    struct timer reconnect;
    uint64_t reconnect_seconds;     /* 0: never */
};

static struct socket_chardev *socket_of(struct chardev *chr)
{
    return (struct socket_chardev *)chr;
}

static void describe(struct socket_chardev *s)
{
    char *text = socket_address_text(&s->address);

    if (s->telnet && g_str_has_prefix(text, "tcp:")) {
        char *telnet = g_strdup_printf("telnet:%s", text + 4);

        g_free(text);
        text = telnet;
    }
    chardev_describe(&s->chr, "%s%s%s", s->chr.connected ? "" : "disconnected:", text,
                     s->server ? ",server=on" : "");
    g_free(text);
}

/* --- telnet ---------------------------------------------------------------------------------- */

static void telnet_greet(int fd)
{
    static const uint8_t offer[] = {
        TELNET_IAC, TELNET_WILL, TELNET_ECHO,
        TELNET_IAC, TELNET_WILL, TELNET_NO_GO_AHEAD,
        TELNET_IAC, TELNET_WILL, TELNET_BINARY,
        TELNET_IAC, TELNET_DO, TELNET_BINARY,
    };

    send(fd, offer, sizeof(offer), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void telnet_command(struct socket_chardev *s, uint8_t byte)
{
    s->telnet_state = TELNET_DATA;
    if (byte >= TELNET_WILL && byte <= TELNET_DONT) {
        s->telnet_state = TELNET_OPTION;
    } else if (byte == TELNET_SB) {
        s->telnet_state = TELNET_SUB;
    } else if (byte == TELNET_BREAK) {
        chardev_event(&s->chr, CHARDEV_BREAK);
    }
}

/* Takes the protocol out of the input. */
static size_t telnet_filter(struct chardev *chr, uint8_t *data, size_t size)
{
    struct socket_chardev *s = socket_of(chr);
    size_t kept = 0;

    for (size_t i = 0; i < size; i++) {
        uint8_t byte = data[i];

        switch (s->telnet_state) {
        case TELNET_DATA:
            if (byte == TELNET_IAC) {
                s->telnet_state = TELNET_COMMAND;
            } else {
                data[kept++] = byte;
            }
            break;
        case TELNET_COMMAND:
            if (byte == TELNET_IAC) {
                data[kept++] = byte;
                s->telnet_state = TELNET_DATA;
            } else {
                telnet_command(s, byte);
            }
            break;
        case TELNET_OPTION:
            s->telnet_state = TELNET_DATA;
            break;
        case TELNET_SUB:
            s->telnet_state = byte == TELNET_IAC ? TELNET_SUB_IAC : TELNET_SUB;
            break;
        case TELNET_SUB_IAC:
            s->telnet_state = byte == TELNET_SE ? TELNET_DATA : TELNET_SUB;
            break;
        }
    }
    return kept;
}

/* --- connections ----------------------------------------------------------------------------- */

static void use_connection(struct socket_chardev *s, int fd)
{
    int on = 1;

    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (s->nodelay && !s->address.path) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    if (s->telnet && s->server) {
        telnet_greet(fd);
    }
    s->telnet_state = TELNET_DATA;
    s->fds.is_socket = true;
    s->fds.filter = s->telnet ? telnet_filter : NULL;
    if (s->accept_watch) {
        main_loop_watch_events(s->accept_watch, 0);     /* one client at a time; others wait */
    }
    chardev_fds_start(&s->fds, &s->chr, fd, fd);
    chardev_set_connected(&s->chr, true);
    describe(s);
    chardev_fds_update(&s->fds);
}

static void connect_done(void *opaque, int ready)
{
    struct socket_chardev *s = opaque;
    int os_error = 0, fd = s->pending;
    socklen_t size = sizeof(os_error);

    main_loop_unwatch(s->connect_watch);
    s->connect_watch = NULL;
    s->pending = -1;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &os_error, &size);
    if (os_error) {
        close(fd);
        timer_set(&s->reconnect, clock_ns(CLOCK_HOST) + s->reconnect_seconds * NS_PER_SECOND);
    } else {
        use_connection(s, fd);
    }
}

static void connect_again(void *opaque)
{
    struct socket_chardev *s = opaque;

    s->pending = socket_connect(&s->address, false, NULL);
    if (s->pending < 0) {
        timer_set(&s->reconnect, clock_ns(CLOCK_HOST) + s->reconnect_seconds * NS_PER_SECOND);
    } else {
        s->connect_watch = main_loop_watch_fd(s->pending, WATCH_WRITE, connect_done, s);
    }
}

static void connection_ended(struct chardev *chr)
{
    struct socket_chardev *s = socket_of(chr);

    chardev_fds_stop(&s->fds);
    chardev_set_connected(chr, false);
    describe(s);
    if (s->server) {
        main_loop_watch_events(s->accept_watch, WATCH_READ);
    } else if (s->reconnect_seconds) {
        timer_set(&s->reconnect, clock_ns(CLOCK_HOST) + s->reconnect_seconds * NS_PER_SECOND);
    }
}

static void accept_ready(void *opaque, int ready)
{
    struct socket_chardev *s = opaque;
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0) {
        use_connection(s, fd);
    }
}

static bool start_server(struct socket_chardev *s, bool wait, struct error **err)
{
    s->listener = socket_listen(&s->address, err);
    if (s->listener < 0) {
        return false;
    }
    fcntl(s->listener, F_SETFL, O_NONBLOCK);
    s->accept_watch = main_loop_watch_fd(s->listener, WATCH_READ, accept_ready, s);
    describe(s);
    if (wait) {
        fprintf(stderr, "%s: info: QEMU waiting for connection on: %s\n", error_program(),
                s->chr.description);
        while (!s->chr.connected) {
            main_loop_step(true);
        }
    }
    return true;
}

static bool start_client(struct socket_chardev *s, struct error **err)
{
    int fd;

    if (s->reconnect_seconds) {
        connect_again(s);
        describe(s);
        return true;
    }
    fd = socket_connect(&s->address, true, err);
    if (fd < 0) {
        return false;
    }
    use_connection(s, fd);
    return true;
}

static bool read_keys(struct socket_chardev *s, struct keyval *kv, bool *wait, struct error **err)
{
    bool nowait = false, delay = true;

    *wait = true;
    if (!keyval_bool(kv, "server", &s->server, err) || !keyval_bool(kv, "wait", wait, err) ||
        !keyval_bool(kv, "nowait", &nowait, err) || !keyval_bool(kv, "nodelay", &s->nodelay, err) ||
        !keyval_bool(kv, "delay", &delay, err) || !keyval_bool(kv, "telnet", &s->telnet, err) ||
        !keyval_uint(kv, "reconnect", &s->reconnect_seconds, err)) {
        return false;
    }
    s->nodelay |= !delay;
    *wait &= !nowait;
    if (s->server && s->reconnect_seconds) {
        error_set(err, "%s: reconnect= is for clients, not with server=on", keyval_option(kv));
        return false;
    }
    if (s->reconnect_seconds > 86400) {
        error_set(err, "%s: reconnect= is in seconds, at most 86400", keyval_option(kv));
        return false;
    }
    return socket_address_parse(&s->address, kv, err);
}

static void close_socket(struct chardev *chr)
{
    struct socket_chardev *s = socket_of(chr);

    timer_cancel(&s->reconnect);
    main_loop_unwatch(s->accept_watch);
    main_loop_unwatch(s->connect_watch);
    chardev_fds_stop(&s->fds);
    if (s->pending >= 0) {
        close(s->pending);
    }
    if (s->listener >= 0) {
        close(s->listener);
        if (s->address.path) {
            unlink(s->address.path);
        }
    }
    socket_address_clear(&s->address);
}

static bool open_socket(struct chardev *chr, struct keyval *kv, struct error **err)
{
    struct socket_chardev *s = socket_of(chr);
    bool wait;

    s->listener = s->pending = s->fds.in = s->fds.out = -1;
    s->fds.ended = connection_ended;
    timer_init(&s->reconnect, CLOCK_HOST, connect_again, s);
    /* An unknown key must not be found only after the wait for a client. */
    if (!read_keys(s, kv, &wait, err) || !keyval_check(kv, err)) {
        socket_address_clear(&s->address);
        return false;
    }
    if (s->server ? !start_server(s, wait, err) : !start_client(s, err)) {
        socket_address_clear(&s->address);
        return false;
    }
    return true;
}

static size_t write_socket(struct chardev *chr, const uint8_t *data, size_t size)
{
    struct socket_chardev *s = socket_of(chr);
    const uint8_t *iac = s->telnet ? memchr(data, TELNET_IAC, size) : NULL;
    static const uint8_t doubled[2] = { TELNET_IAC, TELNET_IAC };

    if (iac == data && size) {
        return chardev_fds_write(&s->fds, doubled, 2) ? 1 : 0;
    }
    return chardev_fds_write(&s->fds, data, iac ? (size_t)(iac - data) : size);
}

static void update_socket(struct chardev *chr)
{
    chardev_fds_update(&socket_of(chr)->fds);
}

const struct chardev_backend chardev_socket = {
    .name = "socket", .size = sizeof(struct socket_chardev), .open = open_socket,
    .close = close_socket, .write = write_socket, .update = update_socket,
};

/* --- datagrams ------------------------------------------------------------------------------- */

static bool open_udp(struct chardev *chr, struct keyval *kv, struct error **err)
{
    struct socket_chardev *s = socket_of(chr);
    struct socket_address local = { .host = (char *)keyval_string(kv, "localaddr", ""),
                                    .port = (char *)keyval_string(kv, "localport", "0") };
    int fd;

    s->listener = s->pending = -1;
    timer_init(&s->reconnect, CLOCK_HOST, connect_again, s);
    if (!socket_address_parse(&s->address, kv, err)) {
        return false;
    }
    fd = socket_datagram(&local, &s->address, err);
    if (fd < 0) {
        socket_address_clear(&s->address);
        return false;
    }
    chardev_describe(chr, "udp:%s:%s", s->address.host, s->address.port);
    s->fds.is_socket = true;
    s->fds.ended = connection_ended;
    chr->connected = true;
    chardev_fds_start(&s->fds, chr, fd, fd);
    return true;
}

const struct chardev_backend chardev_udp = {
    .name = "udp", .size = sizeof(struct socket_chardev), .open = open_udp,
    .close = close_socket, .write = write_socket, .update = update_socket,
};
