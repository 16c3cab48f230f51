/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses from the keys host, port and path, and sockets bound or connected to them. */
#ifndef CHAR_ADDRESS_H
#define CHAR_ADDRESS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/keyval.h"

struct socket_address {
    char *path;                     /* unix; else NULL */
    char *host, *port;
    int family;                     /* AF_UNSPEC, AF_INET (ipv4=on), AF_INET6 (ipv6=on) */
};

bool socket_address_parse(struct socket_address *a, struct keyval *kv, struct error **err);
void socket_address_clear(struct socket_address *a);
/* "unix:/path" or "tcp:host:port", to be freed. */
char *socket_address_text(const struct socket_address *a);
/* Descriptors, or -1 with *err set. The listener removes a stale unix socket of the same name. */
int socket_listen(const struct socket_address *a, struct error **err);
/* Waits for the connection when `wait`, else it may still be under way (poll for output). */
int socket_connect(const struct socket_address *a, bool wait, struct error **err);
/* A datagram socket bound to `local` and connected to `remote`. */
int socket_datagram(const struct socket_address *local, const struct socket_address *remote,
                    struct error **err);

#endif
