/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the network: ports, hubs and back-ends. Private to net/. */
#ifndef NET_PORT_H
#define NET_PORT_H

#include <glib.h>

#include "base/keyval.h"
#include "net.h"

struct net_hub;

struct net_port {
    char *name;
    const char *type;                /* "user", "nic", "hubport", ... */
    char *info;                      /* what `info network` adds */
    struct net_port *peer;
    const struct net_handlers *handlers;
    void *opaque;
    GQueue waiting;                  /* GBytes *, for this port */
    bool delivering, link_down;
    unsigned queues;                 /* of a back-end; 0 counts as 1 */
    unsigned queue;                  /* of the frames that a card sends */
    uint8_t mac[NET_MAC_SIZE];       /* of a card */
    struct net_hub *hub;             /* of a hub port */
    GPtrArray *dumps;                /* struct net_dump *, or NULL */
    struct net_port *next;
};

/* More frames than this and the next ones are lost, as on a wire. */
enum { NET_WAITING_MAX = 256 };

/* NULL when the name is taken. */
struct net_port *net_port_create(const char *type, const char *name,
                                 const struct net_handlers *handlers, void *opaque,
                                 struct error **err);
void net_port_destroy(struct net_port *port);
void net_port_describe(struct net_port *port, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool net_connect(struct net_port *a, struct net_port *b, struct error **err);
/* False when the peer's queue is full: a back-end stops reading from the host. */
bool net_can_send(const struct net_port *port);
struct net_port *net_port_first(void);
/* The stem and the first free number. */
char *net_free_name(const char *stem);

/* A new port of hub `number`. `name` may be NULL. */
struct net_port *net_hub_port(unsigned number, const char *name, struct error **err);

/* Makes the back-end called `id`; it marks the keys that it knows. */
typedef struct net_port *net_backend_open(const char *id, struct keyval *kv, struct error **err);
net_backend_open net_user_open, net_socket_open, net_tap_open, net_hubport_open, net_dump_open;

/* -redir, -tftp and -bootp: for the user networks that are made later. */
void net_user_default(const char *option, const char *text);
void net_user_print(FILE *out);
bool net_user_forward(const char *name, const char *rule, bool add, struct error **err);

/* A pcap file of the frames that pass a port. */
struct net_dump;
struct net_dump *net_dump_create(const char *file, size_t snap, struct error **err);
void net_dump_frame(struct net_dump *dump, const uint8_t *frame, size_t size);
void net_dump_free(struct net_dump *dump);

#endif
