/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses from the keys host, port and path, and sockets bound or connected to them. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "char/address.h"

bool socket_address_parse(struct socket_address *a, struct keyval *kv, struct error **err)
{
    const char *path = keyval_string(kv, "path", NULL);
    const char *port = keyval_string(kv, "port", NULL);
    bool ipv4 = false, ipv6 = false;

    if (!keyval_bool(kv, "ipv4", &ipv4, err) || !keyval_bool(kv, "ipv6", &ipv6, err)) {
        return false;
    }
    memset(a, 0, sizeof(*a));
    if (path) {
        if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path) || !*path) {
            error_set(err, "%s: the path of a unix socket has 1 to %zu characters",
                      keyval_option(kv), sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
            return false;
        }
        a->path = g_strdup(path);
        return true;
    }
    if (!port || !*port) {
        error_set(err, "%s: a socket needs path= or host= and port=", keyval_option(kv));
        return false;
    }
    a->host = g_strdup(keyval_string(kv, "host", ""));
    a->port = g_strdup(port);
    a->family = ipv4 == ipv6 ? AF_UNSPEC : ipv4 ? AF_INET : AF_INET6;
    return true;
}

void socket_address_clear(struct socket_address *a)
{
    g_free(a->path);
    g_free(a->host);
    g_free(a->port);
    memset(a, 0, sizeof(*a));
}

char *socket_address_text(const struct socket_address *a)
{
    if (a->path) {
        return g_strdup_printf("unix:%s", a->path);
    }
    return g_strdup_printf(strchr(a->host, ':') ? "tcp:[%s]:%s" : "tcp:%s:%s", a->host, a->port);
}

static struct addrinfo *resolve(const struct socket_address *a, int type, bool passive,
                                struct error **err)
{
    struct addrinfo hints = {
        .ai_family = a->family, .ai_socktype = type,
        .ai_flags = passive ? AI_PASSIVE : AI_ADDRCONFIG,
    };
    struct addrinfo *list;
    const char *host = *a->host ? a->host : passive ? NULL : "localhost";
    int rc;

    /* Without a name a listener is reachable from anywhere, as the option has always meant. */
    if (passive && !host && a->family == AF_UNSPEC) {
        hints.ai_family = AF_INET;
    }
    rc = getaddrinfo(host, a->port, &hints, &list);
    if (rc) {
        error_set(err, "address '%s:%s': %s", a->host, a->port,
                  rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
        return NULL;
    }
    return list;
}

static int open_unix(const struct socket_address *a, struct sockaddr_un *un, struct error **err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        error_set_errno(err, errno, "cannot make a unix socket");
    }
    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    strcpy(un->sun_path, a->path);
    return fd;
}

static int listen_unix(const struct socket_address *a, struct error **err)
{
    struct sockaddr_un un;
    struct stat st;
    int fd = open_unix(a, &un, err);

    if (fd < 0) {
        return -1;
    }
    /* Left by a run that was killed. Anything but a socket is the user's own. */
    if (lstat(a->path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        unlink(a->path);
    }
    if (bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 || listen(fd, 1) < 0) {
        error_set_errno(err, errno, "cannot listen on '%s'", a->path);
        close(fd);
        return -1;
    }
    return fd;
}

int socket_listen(const struct socket_address *a, struct error **err)
{
    struct addrinfo *list;
    int fd = -1, on = 1, os_error = 0;

    if (a->path) {
        return listen_unix(a, err);
    }
    list = resolve(a, SOCK_STREAM, true, err);
    if (!list) {
        return -1;
    }
    for (struct addrinfo *i = list; i && fd < 0; i = i->ai_next) {
        fd = socket(i->ai_family, i->ai_socktype | SOCK_CLOEXEC, i->ai_protocol);
        if (fd < 0) {
            os_error = errno;
            continue;
        }
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(fd, i->ai_addr, i->ai_addrlen) < 0 || listen(fd, 1) < 0) {
            os_error = errno;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0) {
        error_set_errno(err, os_error, "cannot listen on '%s:%s'", a->host, a->port);
    }
    return fd;
}

static int connect_unix(const struct socket_address *a, struct error **err)
{
    struct sockaddr_un un;
    int fd = open_unix(a, &un, err);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0) {
        error_set_errno(err, errno, "cannot connect to '%s'", a->path);
        close(fd);
        return -1;
    }
    return fd;
}

int socket_connect(const struct socket_address *a, bool wait, struct error **err)
{
    struct addrinfo *list;
    int fd = -1, os_error = 0;

    if (a->path) {
        return connect_unix(a, err);
    }
    list = resolve(a, SOCK_STREAM, false, err);
    if (!list) {
        return -1;
    }
    for (struct addrinfo *i = list; i && fd < 0; i = i->ai_next) {
        fd = socket(i->ai_family, i->ai_socktype | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK),
                    i->ai_protocol);
        if (fd < 0 || (connect(fd, i->ai_addr, i->ai_addrlen) < 0 && errno != EINPROGRESS)) {
            os_error = errno;
            if (fd >= 0) {
                close(fd);
            }
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0) {
        error_set_errno(err, os_error, "cannot connect to '%s:%s'", a->host, a->port);
    }
    return fd;
}

int socket_datagram(const struct socket_address *local, const struct socket_address *remote,
                    struct error **err)
{
    struct addrinfo *to = resolve(remote, SOCK_DGRAM, false, err), *from;
    struct socket_address here = *local;
    int fd;

    if (!to) {
        return -1;
    }
    here.family = to->ai_family;
    from = resolve(&here, SOCK_DGRAM, true, err);
    if (!from) {
        freeaddrinfo(to);
        return -1;
    }
    fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, from->ai_addr, from->ai_addrlen) < 0 ||
        connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
        error_set_errno(err, errno, "cannot send datagrams from '%s:%s' to '%s:%s'", local->host,
                        local->port, remote->host, remote->port);
        if (fd >= 0) {
            close(fd);
        }
        fd = -1;
    }
    freeaddrinfo(from);
    freeaddrinfo(to);
    return fd;
}
