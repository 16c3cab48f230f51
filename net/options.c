/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -netdev, -net, -nic and their classic relatives, and what the monitor shows of them. */
#include <string.h>

#include "base/bits.h"
#include "net/port.h"

static const struct {
    const char *name, *keys;
    net_backend_open *open;
    bool netdev;                     /* may also be a -netdev; otherwise only a -net */
} backends[] = {
    { "user", "[,net=addr[/mask]][,host=addr][,dhcpstart=addr][,dns=addr][,hostname=name]\n"
      "         [,restrict=on|off][,ipv4=on|off][,ipv6=on|off][,tftp=dir][,bootfile=f]\n"
      "         [,hostfwd=rule][,guestfwd=rule][,domainname=d][,dnssearch=d]",
      net_user_open, true },
    { "socket", "[,fd=h][,listen=[host]:port][,connect=host:port]\n"
      "         [,mcast=maddr:port[,localaddr=addr]][,udp=host:port[,localaddr=host:port]]",
      net_socket_open, true },
    { "tap", "[,ifname=name][,fd=h|fds=h:h:...][,queues=n]\n"
      "         [,script=file|no][,downscript=file|no]", net_tap_open, true },
    { "hubport", ",hubid=n[,netdev=id]", net_hubport_open, true },
    { "dump", "[,file=f][,len=n]", net_dump_open, false },
};

struct option {
    const char *option;
    struct keyval *kv;
    struct option *next;
};

static struct option *options;       /* in the order of the command line */
static struct net_nic_request *requests;

struct net_nic_request *net_nic_requests(void)
{
    return requests;
}

void net_print_help(FILE *out)
{
    fprintf(out, "Available netdev backend types:\n");
    for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
        if (backends[i].netdev) {
            fprintf(out, "%s\n", backends[i].name);
        }
    }
}

bool net_add_option(const char *option, const char *text, struct error **err)
{
    struct option **at = &options, *o;
    char *dashed = g_strdup_printf("-%s", option);
    bool is_object = strcmp(option, "object") == 0;
    struct keyval *kv;

    if (strcmp(option, "tftp") == 0 || strcmp(option, "bootp") == 0 ||
        strcmp(option, "redir") == 0) {
        net_user_default(option, text);
        g_free(dashed);
        return true;
    }
    kv = keyval_parse(dashed, text, is_object ? "qom-type" : "type", err);
    g_free(dashed);
    if (!kv) {
        return false;
    }
    o = g_new0(struct option, 1);
    o->option = option;
    o->kv = kv;
    while (*at) {
        at = &(*at)->next;
    }
    *at = o;
    return true;
}

/* --- making ---------------------------------------------------------------------------------- */

static struct net_port *open_backend(const char *id, struct keyval *kv, bool is_netdev,
                                     struct error **err)
{
    const char *type = keyval_string(kv, "type", "");

    for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
        if (strcmp(backends[i].name, type) == 0 && (backends[i].netdev || !is_netdev)) {
            return backends[i].open(id, kv, err);
        }
    }
    error_set(err, strcmp(type, "vde") == 0 || strcmp(type, "bridge") == 0 ||
              strcmp(type, "stream") == 0 || strcmp(type, "dgram") == 0
              ? "type '%s' is not available yet" : "Parameter 'type' does not accept value '%s'",
              type);
    return NULL;
}

static bool parse_nic_mac(struct keyval *kv, const char *key, uint8_t *mac, struct error **err)
{
    const char *text = keyval_string(kv, key, NULL);
    unsigned byte[NET_MAC_SIZE];
    char rest;

    if (!text) {
        return true;
    }
    if (sscanf(text, "%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%c", &byte[0], &byte[1],
               &byte[2], &byte[3], &byte[4], &byte[5], &rest) != NET_MAC_SIZE) {
        error_set(err, "invalid syntax for ethernet address '%s'", text);
        return false;
    }
    for (int i = 0; i < NET_MAC_SIZE; i++) {
        mac[i] = (uint8_t)byte[i];
    }
    return true;
}

static bool add_request(struct keyval *kv, const char *mac_key, struct net_port *peer,
                        struct error **err)
{
    struct net_nic_request **at = &requests, *r = g_new0(struct net_nic_request, 1);

    r->model = g_strdup(keyval_string(kv, "model", NULL));
    r->name = g_strdup(keyval_string(kv, "name", NULL));
    r->address = g_strdup(keyval_string(kv, "addr", NULL));
    r->peer = peer;
    keyval_mark(kv, "vectors");
    while (*at) {
        at = &(*at)->next;
    }
    *at = r;
    return parse_nic_mac(kv, mac_key, r->mac, err);
}

static bool open_netdev(struct keyval *kv, struct error **err)
{
    const char *id = keyval_string(kv, "id", NULL);

    if (!id) {
        error_set(err, "Parameter 'id' is missing");
        return false;
    }
    return open_backend(id, kv, true, err) != NULL;
}

bool net_add_netdev(const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("netdev_add", text, "type", err);
    bool good = kv && open_netdev(kv, err);

    if (good && !keyval_check(kv, err)) {
        net_port_destroy(net_find(keyval_string(kv, "id", NULL)));
        good = false;
    }
    keyval_free(kv);
    return good;
}

static bool is_netdev(const struct net_port *port)
{
    for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
        if (backends[i].netdev && strcmp(backends[i].name, port->type) == 0) {
            return true;
        }
    }
    return false;
}

bool net_del_netdev(const char *id, struct error **err)
{
    struct net_port *port = net_find(id), *peer;

    if (!port || !is_netdev(port)) {
        error_set(err, port ? "Device '%s' is not a netdev" : "Device '%s' not found", id);
        return false;
    }
    peer = port->peer;
    net_port_destroy(port);
    if (peer && peer->handlers->link_changed) {
        peer->handlers->link_changed(peer->opaque);
    }
    return true;
}

/* -net: everything meets in a hub, except a card with netdev=. */
static bool open_net(struct keyval *kv, struct error **err)
{
    const char *type = keyval_string(kv, "type", ""), *netdev = NULL;
    struct net_port *port, *hub;
    uint64_t vlan = 0;
    bool is_nic = strcmp(type, "nic") == 0;

    if (!keyval_uint(kv, "vlan", &vlan, err)) {
        return false;
    }
    netdev = is_nic ? keyval_string(kv, "netdev", NULL) : NULL;
    if (netdev) {
        port = net_find(netdev);
        if (!port) {
            error_set(err, "netdev '%s' not found", netdev);
            return false;
        }
        return add_request(kv, "macaddr", port, err);
    }
    hub = net_hub_port((unsigned)vlan, NULL, err);
    if (!hub) {
        return false;
    }
    if (is_nic) {
        return add_request(kv, "macaddr", hub, err);
    }
    port = open_backend(keyval_string(kv, "name", keyval_string(kv, "id", NULL)), kv, false, err);
    return port && net_connect(port, hub, err);
}

static bool open_nic(struct keyval *kv, struct error **err)
{
    struct net_port *port;

    if (strcmp(keyval_string(kv, "model", ""), "help") == 0) {
        return add_request(kv, "mac", NULL, err);        /* the board answers */
    }
    port = open_backend(keyval_string(kv, "id", NULL), kv, true, err);
    return port && add_request(kv, "mac", port, err);
}

static bool open_object(struct keyval *kv, struct error **err)
{
    const char *type = keyval_string(kv, "qom-type", ""), *file = keyval_string(kv, "file", NULL);
    struct net_port *port = net_find(keyval_string(kv, "netdev", ""));
    uint64_t snap = 65536;
    struct net_dump *dump;

    keyval_string(kv, "id", NULL);
    if (strcmp(type, "filter-dump") != 0) {
        error_set(err, "object type '%s' is not available yet; there is filter-dump", type);
        return false;
    }
    if (!port || !file) {
        error_set(err, port ? "Parameter 'file' is missing" : "Parameter 'netdev' is missing or "
                  "names no -netdev");
        return false;
    }
    if (!keyval_size(kv, "maxlen", &snap, err)) {
        return false;
    }
    dump = net_dump_create(file, MIN_OF(snap, NET_FRAME_MAX), err);
    if (!dump) {
        return false;
    }
    port->dumps = port->dumps ? port->dumps : g_ptr_array_new();
    g_ptr_array_add(port->dumps, dump);
    return true;
}

static bool is_none(struct keyval *kv)
{
    return strcmp(keyval_string(kv, "type", ""), "none") == 0;
}

/* -netdev first, as the others may name them; objects last. */
static bool open_kind(const char *kind, bool (*open)(struct keyval *, struct error **),
                      struct error **err)
{
    for (struct option *o = options; o; o = o->next) {
        if (strcmp(o->option, kind) != 0 || (is_none(o->kv) && open != open_netdev)) {
            continue;
        }
        if (!open(o->kv, err) || !keyval_check(o->kv, err)) {
            if (*error_text(*err) != '-') {
                error_prepend(err, "%s: ", keyval_option(o->kv));
            }
            return false;
        }
    }
    return true;
}

static bool open_default(struct error **err)
{
#ifdef CONFIG_SLIRP
    const bool user = true;
#else
    const bool user = false;
#endif

    return net_add_option("net", "nic", err) && (!user || net_add_option("net", "user", err));
}

bool net_open_all(bool defaults, struct error **err)
{
    bool any = false;

    for (struct option *o = options; o; o = o->next) {
        any |= strcmp(o->option, "object") != 0;
    }
    return (!defaults || any || open_default(err)) && open_kind("netdev", open_netdev, err) &&
        open_kind("net", open_net, err) && open_kind("nic", open_nic, err) &&
        open_kind("object", open_object, err);
}

void net_forget_options(void)
{
    while (options) {
        struct option *first = options;

        options = first->next;
        keyval_free(first->kv);
        g_free(first);
    }
    while (requests) {
        struct net_nic_request *first = requests;

        requests = first->next;
        g_free((char *)first->model);
        g_free((char *)first->name);
        g_free((char *)first->address);
        g_free(first);
    }
}

/* --- the monitor ----------------------------------------------------------------------------- */

static void print_port(FILE *out, const struct net_port *p, const char *before)
{
    fprintf(out, "%s%s: index=0,type=%s%s%s%s\n", before, p->name, p->type, *p->info ? "," : "",
            p->info, p->link_down ? ",link=down" : "");
}

static bool is_hub_port(const struct net_port *p)
{
    return p && p->hub != NULL;
}

void net_print(FILE *out)
{
    unsigned hub = 0, hubs = 0;

    for (struct net_port *p = net_port_first(); p; p = p->next) {
        unsigned number = 0;

        if (is_hub_port(p) && sscanf(p->info, "hubid=%u", &number) == 1) {
            hubs = MAX_OF(hubs, number + 1);
        }
    }
    for (hub = 0; hub < MIN_OF(hubs, 256u); hub++) {
        bool titled = false;

        for (struct net_port *p = net_port_first(); p; p = p->next) {
            unsigned number = 0;

            if (is_hub_port(p) && sscanf(p->info, "hubid=%u", &number) == 1 && number == hub) {
                fprintf(out, titled ? "" : "hub %u\n", hub);
                titled = true;
                fprintf(out, " \\ %s", p->name);
                if (p->peer) {
                    print_port(out, p->peer, ": ");
                } else {
                    fputc('\n', out);
                }
            }
        }
    }
    for (struct net_port *p = net_port_first(); p; p = p->next) {
        bool is_nic = strcmp(p->type, "nic") == 0;

        if (is_hub_port(p) || is_hub_port(p->peer) || (!is_nic && p->peer)) {
            continue;
        }
        print_port(out, p, "");
        if (p->peer) {
            print_port(out, p->peer, " \\ ");
        }
    }
}

void net_print_user(FILE *out)
{
    net_user_print(out);
}

bool net_host_forward(const char *name, const char *rule, bool add, struct error **err)
{
    return net_user_forward(name, rule, add, err);
}
