/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hubs: what comes in at one port leaves by all others. The vlan= of classic command lines. */
#include "base/bits.h"
#include "net/port.h"

struct net_hub {
    unsigned number;
    GPtrArray *ports;                /* struct net_port * */
    struct net_hub *next;
};

static struct net_hub *hubs;

static struct net_hub *find_hub(unsigned number)
{
    struct net_hub *hub = hubs;

    while (hub && hub->number != number) {
        hub = hub->next;
    }
    if (!hub) {
        hub = g_new0(struct net_hub, 1);
        hub->number = number;
        hub->ports = g_ptr_array_new();
        hub->next = hubs;
        hubs = hub;
    }
    return hub;
}

static void repeat(void *opaque, const uint8_t *frame, size_t size)
{
    struct net_port *from = *(struct net_port **)opaque;

    for (unsigned i = 0; i < from->hub->ports->len; i++) {
        struct net_port *to = g_ptr_array_index(from->hub->ports, i);

        if (to != from) {
            net_send(to, frame, size);
        }
    }
}

static void close_port(void *opaque)
{
    struct net_port *port = *(struct net_port **)opaque;

    g_ptr_array_remove(port->hub->ports, port);
    g_free(opaque);
}

struct net_port *net_hub_port(unsigned number, const char *name, struct error **err)
{
    static const struct net_handlers handlers = { .receive = repeat, .close = close_port };
    struct net_hub *hub = find_hub(number);
    struct net_port **self = g_new0(struct net_port *, 1);
    char *own = g_strdup_printf("hub%uport", number), *free_name = name ? NULL : net_free_name(own);

    *self = net_port_create("hubport", name ? name : free_name, &handlers, self, err);
    g_free(own);
    g_free(free_name);
    if (!*self) {
        g_free(self);
        return NULL;
    }
    (*self)->hub = hub;
    g_ptr_array_add(hub->ports, *self);
    net_port_describe(*self, "hubid=%u", number);
    return *self;
}

struct net_port *net_hubport_open(const char *id, struct keyval *kv, struct error **err)
{
    uint64_t number = 0;
    const char *netdev = keyval_string(kv, "netdev", NULL);
    struct net_port *port, *other = netdev ? net_find(netdev) : NULL;

    if (!keyval_has(kv, "hubid")) {
        error_set(err, "Parameter 'hubid' is missing");
        return NULL;
    }
    if (!keyval_uint(kv, "hubid", &number, err)) {
        return NULL;
    }
    if (netdev && !other) {
        error_set(err, "netdev '%s' not found", netdev);
        return NULL;
    }
    port = net_hub_port((unsigned)number, id, err);
    if (port && other && !net_connect(port, other, err)) {
        net_port_destroy(port);
        return NULL;
    }
    return port;
}
