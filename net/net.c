/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports, their peers and queues, and cards.
 *
 * A frame that comes while its receiver is inside receive(), or behind others, waits; so receivers
 * are never entered twice and order is kept.
 */
#include "net.h"

#include <stdarg.h>
#include <string.h>

#include "base/bits.h"
#include "base/trace.h"
#include "net/port.h"

static struct net_port *ports;       /* in creation order */
static const uint8_t first_mac[NET_MAC_SIZE] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
static bool mac_taken[256];          /* by last byte of first_mac */

struct net_port *net_port_first(void)
{
    return ports;
}

struct net_port *net_find(const char *name)
{
    for (struct net_port *p = ports; p; p = p->next) {
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

char *net_free_name(const char *stem)
{
    for (unsigned n = 0;; n++) {
        char *name = g_strdup_printf("%s%u", stem, n);

        if (!net_find(name)) {
            return name;
        }
        g_free(name);
    }
}

static char *name_by_type(const char *type)
{
    char *stem = g_strdup_printf("%s.", type), *name = net_free_name(stem);

    g_free(stem);
    return name;
}

struct net_port *net_port_create(const char *type, const char *name,
                                 const struct net_handlers *handlers, void *opaque,
                                 struct error **err)
{
    struct net_port **at = &ports, *port;

    if (name && net_find(name)) {
        error_set(err, "Duplicate ID '%s' for netdev", name);
        return NULL;
    }
    port = g_new0(struct net_port, 1);
    port->name = name ? g_strdup(name) : name_by_type(type);
    port->type = type;
    port->info = g_strdup("");
    port->handlers = handlers;
    port->opaque = opaque;
    g_queue_init(&port->waiting);
    while (*at) {
        at = &(*at)->next;
    }
    *at = port;
    return port;
}

void net_port_destroy(struct net_port *port)
{
    struct net_port **at = &ports;

    while (*at != port) {
        at = &(*at)->next;
    }
    *at = port->next;
    net_purge(port);
    if (port->peer) {
        port->peer->peer = NULL;
    }
    if (port->handlers->close) {
        port->handlers->close(port->opaque);
    }
    for (unsigned i = 0; port->dumps && i < port->dumps->len; i++) {
        net_dump_free(g_ptr_array_index(port->dumps, i));
    }
    if (port->dumps) {
        g_ptr_array_free(port->dumps, TRUE);
    }
    g_free(port->name);
    g_free(port->info);
    g_free(port);
}

void net_close_all(void)
{
    while (ports) {
        net_port_destroy(ports);
    }
}

void net_port_describe(struct net_port *port, const char *fmt, ...)
{
    char *old = port->info;      /* may be among the arguments */
    va_list ap;

    va_start(ap, fmt);
    port->info = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_free(old);
}

bool net_connect(struct net_port *a, struct net_port *b, struct error **err)
{
    if (a->peer || b->peer) {
        error_set(err, "netdev '%s' is in use by '%s'", a->peer ? a->name : b->name,
                  a->peer ? a->peer->name : b->peer->name);
        return false;
    }
    a->peer = b;
    b->peer = a;
    return true;
}

/* --- frames ---------------------------------------------------------------------------------- */

static bool takes(const struct net_port *port, size_t size)
{
    return !port->handlers->can_receive || port->handlers->can_receive(port->opaque, size);
}

static void deliver(struct net_port *port, const uint8_t *frame, size_t size)
{
    port->delivering = true;
    if (port->handlers->receive) {
        port->handlers->receive(port->opaque, frame, size);
    }
    port->delivering = false;
}

void net_flush(struct net_port *port)
{
    while (port && !port->delivering && !g_queue_is_empty(&port->waiting)) {
        GBytes *first = g_queue_peek_head(&port->waiting);
        size_t size;
        const uint8_t *frame = g_bytes_get_data(first, &size);

        if (!takes(port, size)) {
            break;
        }
        g_queue_pop_head(&port->waiting);
        deliver(port, frame, size);
        g_bytes_unref(first);
    }
}

void net_purge(struct net_port *port)
{
    GBytes *frame;

    while (port && (frame = g_queue_pop_head(&port->waiting))) {
        g_bytes_unref(frame);
    }
}

bool net_can_send(const struct net_port *port)
{
    return !port->peer || g_queue_get_length(&port->peer->waiting) < NET_WAITING_MAX;
}

static void dump(const struct net_port *port, const uint8_t *frame, size_t size)
{
    for (unsigned i = 0; port->dumps && i < port->dumps->len; i++) {
        net_dump_frame(g_ptr_array_index(port->dumps, i), frame, size);
    }
}

void net_send(struct net_port *port, const void *frame, size_t size)
{
    struct net_port *to = port->peer;

    trace(net_send, "%s %zu bytes", port->name, size);
    if (!to || port->link_down || to->link_down || size == 0 || size > NET_FRAME_MAX) {
        return;
    }
    dump(port, frame, size);
    dump(to, frame, size);
    if (!to->delivering && g_queue_is_empty(&to->waiting) && takes(to, size)) {
        deliver(to, frame, size);
        net_flush(to);
    } else if (g_queue_get_length(&to->waiting) < NET_WAITING_MAX) {
        g_queue_push_tail(&to->waiting, g_bytes_new(frame, size));
    }
}

bool net_takes_segments(const struct net_port *port)
{
    return port && port->peer && port->peer->handlers->takes_segments;
}

unsigned net_queues(const struct net_port *port)
{
    return port && port->peer && port->peer->queues ? port->peer->queues : 1;
}

void net_set_queue(struct net_port *port, unsigned queue)
{
    port->queue = queue;
}

bool net_link(const struct net_port *port)
{
    return port && port->peer && !port->link_down && !port->peer->link_down;
}

static void tell_link(struct net_port *port)
{
    if (port && port->handlers->link_changed) {
        port->handlers->link_changed(port->opaque);
    }
}

bool net_set_link(const char *name, bool up, struct error **err)
{
    struct net_port *port = net_find(name);

    if (!port) {
        error_set(err, "Device '%s' not found", name);
        return false;
    }
    port->link_down = !up;
    tell_link(port);
    tell_link(port->peer);
    return true;
}

/* --- cards ----------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *mac)
{
    static const uint8_t zero[NET_MAC_SIZE];

    return memcmp(mac, zero, NET_MAC_SIZE) == 0;
}

static void choose_mac(uint8_t *mac)
{
    unsigned last = first_mac[5];

    if (is_zero(mac)) {
        while (last < 255 && mac_taken[last]) {
            last++;
        }
        memcpy(mac, first_mac, NET_MAC_SIZE);
        mac[5] = (uint8_t)last;
    }
    if (memcmp(mac, first_mac, 5) == 0) {
        mac_taken[mac[5]] = true;
    }
}

void net_nic_describe(struct net_nic *nic)
{
    const uint8_t *m = nic->mac;

    memcpy(nic->port->mac, m, NET_MAC_SIZE);
    net_port_describe(nic->port, "%.*s,macaddr=%02x:%02x:%02x:%02x:%02x:%02x",
                      (int)strcspn(nic->port->info, ","), nic->port->info, m[0], m[1], m[2], m[3],
                      m[4], m[5]);
}

bool net_nic_open(struct net_nic *nic, const char *model, const char *id,
                  const struct net_handlers *handlers, void *opaque, struct error **err)
{
    char *name = id && !net_find(id) ? g_strdup(id) : name_by_type(model);

    if (nic->mac[0] & 1) {
        error_set(err, "%s: a card cannot have a multicast address", model);
        g_free(name);
        return false;
    }
    choose_mac(nic->mac);
    nic->port = net_port_create("nic", name, handlers, opaque, err);
    g_free(name);
    if (!nic->port) {
        return false;
    }
    if (nic->peer && !net_connect(nic->port, nic->peer, err)) {
        net_nic_close(nic);
        return false;
    }
    net_port_describe(nic->port, "model=%s", model);
    net_nic_describe(nic);
    return true;
}

void net_nic_close(struct net_nic *nic)
{
    if (nic->port) {
        net_port_destroy(nic->port);
        nic->port = NULL;
    }
}
