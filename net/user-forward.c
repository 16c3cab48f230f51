/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forwarding rules of user networks: host ports into the guest, guest ports to host services. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "char.h"
#include "net/user.h"

#ifdef CONFIG_SLIRP

/* "tcp:hostaddr:hostport-guestaddr:guestport", or classic "tcp:hostport:guestaddr:guestport". */
struct host_rule {
    bool udp;
    struct in_addr host, guest;
    uint16_t host_port, guest_port;
};

static bool parse_port(const char *text, bool may_be_zero, uint16_t *port)
{
    uint64_t value;

    if (!parse_uint(text, &value) || value > 65535 || (value == 0 && !may_be_zero)) {
        return false;
    }
    *port = (uint16_t)value;
    return true;
}

static bool parse_address(const char *text, struct in_addr *address)
{
    return !*text || inet_aton(text, address);
}

static const char *parse_protocol(const char *text, bool *udp)
{
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;

    if (!colon || (length && strncmp(text, "tcp:", 4) != 0 && strncmp(text, "udp:", 4) != 0)) {
        return NULL;
    }
    *udp = length && *text == 'u';
    return colon + 1;
}

/* The host side alone, "[tcp|udp]:[hostaddr]:hostport", is what hostfwd_remove takes. */
static const char *parse_rule(const char *text, bool host_only, struct host_rule *r)
{
    const char *rest = parse_protocol(text, &r->udp), *why = NULL;
    char **parts;
    unsigned n;

    if (!rest) {
        return "the protocol must be tcp: or udp:";
    }
    parts = g_strsplit_set(rest, ":-", -1);
    n = g_strv_length(parts);
    if (host_only) {
        why = n != 2 || !parse_address(parts[0], &r->host) ? "bad host address"
            : !parse_port(parts[1], true, &r->host_port) ? "bad host port" : NULL;
    } else if (strchr(rest, '-')) {
        why = n != 4 ? "the form is [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport"
            : !parse_address(parts[0], &r->host) ? "bad host address"
            : !parse_port(parts[1], true, &r->host_port) ? "bad host port"
            : !parse_address(parts[2], &r->guest) ? "bad guest address"
            : !parse_port(parts[3], false, &r->guest_port) ? "bad guest port" : NULL;
    } else {
        why = n != 3 ? "the form is [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport"
            : !parse_port(parts[0], true, &r->host_port) ? "bad host port"
            : !parse_address(parts[1], &r->guest) ? "bad guest address"
            : !parse_port(parts[2], false, &r->guest_port) ? "bad guest port" : NULL;
    }
    g_strfreev(parts);
    return why;
}

static bool add_host_rule(struct user_net *u, const char *text, struct error **err)
{
    struct host_rule r = { .guest = u->dhcp_start };
    const char *why = parse_rule(text, false, &r);
    int os_error;

    if (why) {
        error_set(err, "Invalid host forwarding rule '%s' (%s)", text, why);
        return false;
    }
    if (slirp_add_hostfwd(u->slirp, r.udp, r.host, r.host_port, r.guest, r.guest_port) == 0) {
        return true;
    }
    os_error = errno;
    error_set_errno(err, os_error, "Could not set up host forwarding rule '%s': %s port %u of %s",
                    text, r.udp ? "udp" : "tcp", r.host_port, inet_ntoa(r.host));
    return false;
}

/* --- guestfwd -------------------------------------------------------------------------------- */

/* A port of the guest's network that a character device answers. */
struct guest_rule {
    struct user_net *user;
    struct in_addr address;
    uint16_t port;
    struct chardev *chr;
};

static ssize_t guest_wrote(const void *data, size_t size, void *opaque)
{
    struct guest_rule *rule = opaque;

    chardev_write_all(rule->chr, data, size);
    return (ssize_t)size;
}

static size_t room_for_guest(void *opaque)
{
    struct guest_rule *rule = opaque;

    return slirp_socket_can_recv(rule->user->slirp, rule->address, rule->port);
}

static void host_wrote(void *opaque, const uint8_t *data, size_t size)
{
    struct guest_rule *rule = opaque;

    slirp_socket_recv(rule->user->slirp, rule->address, rule->port, data, (int)size);
}

static bool open_guest_rule(struct user_net *u, struct guest_rule *rule, const char *target,
                            struct error **err)
{
    static const struct chardev_handlers handlers = { .can_read = room_for_guest,
                                                      .read = host_wrote };
    char *id = g_strdup_printf("guestfwd.%s.%u", u->port->name, rule->port);

    if (g_str_has_prefix(target, "cmd:")) {
        g_free(id);
        if (slirp_add_exec(u->slirp, target + 4, &rule->address, rule->port) < 0) {
            error_set(err, "Conflicting or invalid address and port");
            return false;
        }
        return true;
    }
    rule->chr = chardev_find(target);
    rule->chr = rule->chr ? rule->chr : chardev_open(id, target, err);
    g_free(id);
    if (!rule->chr || !chardev_attach(rule->chr, &handlers, rule, err)) {
        return false;
    }
    if (slirp_add_guestfwd(u->slirp, guest_wrote, rule, &rule->address, rule->port) < 0) {
        error_set(err, "Conflicting or invalid address and port");
        return false;
    }
    return true;
}

/* "[tcp]:address:port-chardev" or "...-cmd:command" */
static bool add_guest_rule(struct user_net *u, const char *text, struct error **err)
{
    const char *dash = strchr(text, '-');
    char *left = g_strndup(text, dash ? (size_t)(dash - text) : 0);
    struct guest_rule *rule = g_new0(struct guest_rule, 1);
    struct host_rule r = { 0 };
    bool good = dash && !parse_rule(left, true, &r) && !r.udp && r.host_port && r.host.s_addr;

    g_free(left);
    *rule = (struct guest_rule){ u, r.host, r.host_port, NULL };
    u->guest_rules = u->guest_rules ? u->guest_rules : g_ptr_array_new();
    g_ptr_array_add(u->guest_rules, rule);
    if (!good) {
        error_set(err, "Invalid guest forwarding rule '%s' (the form is "
                  "[tcp]:address:port-chardev or -cmd:command)", text);
        return false;
    }
    if (!open_guest_rule(u, rule, dash + 1, err)) {
        error_prepend(err, "guest forwarding rule '%s': ", text);
        return false;
    }
    return true;
}

void user_free_rules(struct user_net *u)
{
    for (unsigned i = 0; u->guest_rules && i < u->guest_rules->len; i++) {
        struct guest_rule *rule = g_ptr_array_index(u->guest_rules, i);

        if (rule->chr) {
            chardev_detach(rule->chr, rule);
        }
        g_free(rule);
    }
    if (u->guest_rules) {
        g_ptr_array_free(u->guest_rules, TRUE);
    }
}

/* --- all rules ------------------------------------------------------------------------------- */

bool user_add_rules(struct user_net *u, struct keyval *kv, struct error **err)
{
    const char *key, *value;

    keyval_mark(kv, "hostfwd");
    keyval_mark(kv, "guestfwd");
    for (size_t at = 0; keyval_next(kv, &at, &key, &value);) {
        if ((strcmp(key, "hostfwd") == 0 && !add_host_rule(u, value, err)) ||
            (strcmp(key, "guestfwd") == 0 && !add_guest_rule(u, value, err))) {
            return false;
        }
    }
    return true;
}

bool user_add_redirections(struct user_net *u, struct error **err)
{
    for (unsigned i = 0; users.redirections && i < users.redirections->len; i++) {
        if (!add_host_rule(u, g_ptr_array_index(users.redirections, i), err)) {
            return false;
        }
    }
    return true;
}

bool net_user_forward(const char *name, const char *text, bool add, struct error **err)
{
    struct user_net *u = users.first;
    struct host_rule r = { 0 };
    const char *why;

    while (u && name && strcmp(u->port->name, name) != 0) {
        u = u->next;
    }
    if (!u) {
        error_set(err, "there is no user network%s%s", name ? " " : "", name ? name : "");
        return false;
    }
    if (add) {
        return add_host_rule(u, text, err);
    }
    why = parse_rule(text, true, &r);
    if (why || slirp_remove_hostfwd(u->slirp, r.udp, r.host, r.host_port) < 0) {
        error_set(err, "host forwarding rule for %s %s", text, why ? why : "not found");
        return false;
    }
    return true;
}

#else

bool net_user_forward(const char *name, const char *text, bool add, struct error **err)
{
    error_set(err, "user networking is not built in");
    return false;
}

#endif
