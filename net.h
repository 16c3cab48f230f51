/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Networks as devices and boards see them: a port sends Ethernet frames to its peer and takes those
 * that the peer sends. A hub joins any number of ports. All calls and callbacks hold the big lock.
 */
#ifndef NET_H
#define NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define NET_MAC_SIZE 6
/* The longest frame that passes through: 64 KiB of segmentation offload and its headers. */
#define NET_FRAME_MAX (64 * 1024 + 256)

struct net_port;

/* Given by the owner of a port; every member may be NULL. */
struct net_handlers {
    /* Whether a frame of that size can be taken now. Frames wait until net_flush() otherwise. */
    bool (*can_receive)(void *opaque, size_t size);
    /* A frame without its check sequence. */
    void (*receive)(void *opaque, const uint8_t *frame, size_t size);
    /* The cable was plugged in or pulled out (`set_link`): ask net_link(). */
    void (*link_changed)(void *opaque);
    /* Frees what `opaque` holds. */
    void (*close)(void *opaque);
    /* It takes TCP segments of up to 64 KiB whole, as segmentation offload gives them. */
    bool takes_segments;
};

/* --- network cards --------------------------------------------------------------------------- */

/* Embedded in the device; NET_NIC_PROPERTIES sets the first members. */
struct net_nic {
    uint8_t mac[NET_MAC_SIZE];       /* all zero until net_nic_open(): it picks one */
    uint32_t boot_index;
    struct net_port *peer;
    struct net_port *port;
};

#define NET_NIC_PROPERTIES(T, m)                                                                   \
    PROP_MAC("mac", T, m.mac), PROP_NETDEV("netdev", T, m.peer),                                   \
    PROP_UINT("bootindex", T, m.boot_index, UINT32_MAX)

/* In the init of a device: makes its port and connects it. `id` may be NULL. */
bool net_nic_open(struct net_nic *nic, const char *model, const char *id,
                  const struct net_handlers *handlers, void *opaque, struct error **err);
void net_nic_close(struct net_nic *nic);
/* Frames of a card whose cable is out are dropped. */
void net_send(struct net_port *port, const void *frame, size_t size);
/* The port can receive again: deliver what waits. */
void net_flush(struct net_port *port);
/* Drops what waits: the receiver was reset. */
void net_purge(struct net_port *port);
/* Whether the peer takes large TCP segments; the card cuts them otherwise. */
bool net_takes_segments(const struct net_port *port);
/* How many queues the peer has, 1 without one; and by which of them frames leave from now on. */
unsigned net_queues(const struct net_port *port);
void net_set_queue(struct net_port *port, unsigned queue);
/* Whether the cable is in; false without a peer. */
bool net_link(const struct net_port *port);
/* For `info network`: the card has a new address. */
void net_nic_describe(struct net_nic *nic);

/* What -net nic and -nic ask the board for. */
struct net_nic_request {
    const char *model, *name, *address;   /* NULL: the board's choice */
    uint8_t mac[NET_MAC_SIZE];            /* all zero: the next free one */
    struct net_port *peer;                /* may be NULL */
    bool taken;                           /* a chip of the board serves it */
    struct net_nic_request *next;
};
struct net_nic_request *net_nic_requests(void);

/* --- command line and monitor ---------------------------------------------------------------- */

/* -netdev, -net, -nic, -redir, -tftp, -bootp, -smb, `-object filter-dump`; option without dash. */
bool net_add_option(const char *option, const char *text, struct error **err);
/* After all options: makes them; `defaults` asks for a card and a user network if there is none. */
bool net_open_all(bool defaults, struct error **err);
/* The machine came from another host: its cards tell the switches, some times. */
void net_announce(void);
/* So that other options can follow: for tests. */
void net_forget_options(void);
void net_print_help(FILE *out);
/* netdev_add and netdev_del. A card loses its cable when its netdev goes. */
bool net_add_netdev(const char *text, struct error **err);
bool net_del_netdev(const char *id, struct error **err);
/* By id, for properties. */
struct net_port *net_find(const char *name);
bool net_set_link(const char *name, bool up, struct error **err);
/* `info network` and `info usernet`. */
void net_print(FILE *out);
void net_print_user(FILE *out);
/* hostfwd_add and hostfwd_remove; `name` may be NULL for the first user network. */
bool net_host_forward(const char *name, const char *rule, bool add, struct error **err);
void net_close_all(void);

#endif
