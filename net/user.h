/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One user network: libslirp, its descriptors, its forwarding rules. */
#ifndef NET_USER_H
#define NET_USER_H

#ifdef CONFIG_SLIRP
#include <libslirp.h>
#else
#include <netinet/in.h>
typedef struct Slirp Slirp;
#endif

#include "base/clock.h"
#include "net/port.h"

struct user_net;

struct user_source {
    GSource source;
    struct user_net *user;
};

struct user_poll {
    int fd, events;
    void *tag;
};

struct user_net {
    struct net_port *port;
    Slirp *slirp;
    GSource *source;
    GArray *polls;                   /* struct user_poll */
    unsigned used;                   /* of them, in this pass */
    struct in_addr vnetwork, vnetmask, dhcp_start;
    GPtrArray *guest_rules;          /* struct guest_rule * */
    struct user_net *next;
};

/* All networks, and what the classic options say for those to come. */
struct user_list {
    struct user_net *first;
    const char *tftp, *bootp;
    GPtrArray *redirections;
};
extern struct user_list users;

/* hostfwd= and guestfwd= */
bool user_add_rules(struct user_net *u, struct keyval *kv, struct error **err);
/* -redir */
bool user_add_redirections(struct user_net *u, struct error **err);
void user_free_rules(struct user_net *u);

#endif
