/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User networking: libslirp on the main loop. Its rules for ports are in user-forward.c. */
#include "net/user.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/bits.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/main-loop.h"

struct user_list users;

#ifdef CONFIG_SLIRP

/* --- frames ---------------------------------------------------------------------------------- */

static ssize_t to_guest(const void *frame, size_t size, void *opaque)
{
    struct user_net *u = opaque;

    net_send(u->port, frame, size);
    return (ssize_t)size;
}

static void from_guest(void *opaque, const uint8_t *frame, size_t size)
{
    struct user_net *u = opaque;

    slirp_input(u->slirp, frame, (int)size);
    /* There may be a new socket to wait for. */
    if (!main_loop_is_main_thread()) {
        main_loop_wake();
    }
}

/* --- clock and timers ------------------------------------------------------------------------ */

static void guest_error(const char *text, void *opaque)
{
    log_guest_error("user network: %s", text);
}

static int64_t now(void *opaque)
{
    return clock_ns(CLOCK_HOST);
}

static void *make_timer(SlirpTimerCb callback, void *callback_opaque, void *opaque)
{
    struct timer *t = g_new0(struct timer, 1);

    timer_init(t, CLOCK_HOST, callback, callback_opaque);
    return t;
}

static void free_timer(void *t, void *opaque)
{
    timer_cancel(t);
    g_free(t);
}

static void set_timer(void *t, int64_t ms, void *opaque)
{
    timer_set(t, ms * NS_PER_MS);
}

static void ignore_fd(int fd, void *opaque)
{
}

static void notify(void *opaque)
{
    main_loop_wake();
}

/* --- descriptors ----------------------------------------------------------------------------- */

static GIOCondition condition_of(int events)
{
    return (events & SLIRP_POLL_IN ? G_IO_IN : 0) | (events & SLIRP_POLL_OUT ? G_IO_OUT : 0) |
           (events & SLIRP_POLL_PRI ? G_IO_PRI : 0) | (events & SLIRP_POLL_ERR ? G_IO_ERR : 0) |
           (events & SLIRP_POLL_HUP ? G_IO_HUP : 0);
}

/* Most descriptors stay from one pass to the next. */
static int add_poll(int fd, int events, void *opaque)
{
    struct user_net *u = opaque;
    struct user_poll *p;

    if (u->used == u->polls->len) {
        struct user_poll fresh = { .fd = -1 };
        g_array_append_val(u->polls, fresh);
    }
    p = &g_array_index(u->polls, struct user_poll, u->used);
    if (p->fd != fd) {
        if (p->tag) {
            g_source_remove_unix_fd(u->source, p->tag);
        }
        p->fd = fd;
        p->tag = g_source_add_unix_fd(u->source, fd, condition_of(events));
    } else if (p->events != events) {
        g_source_modify_unix_fd(u->source, p->tag, condition_of(events));
    }
    p->events = events;
    return (int)u->used++;
}

static int ready_events(int index, void *opaque)
{
    struct user_net *u = opaque;
    GIOCondition got;

    if (index < 0 || (unsigned)index >= u->used) {
        return 0;
    }
    got = g_source_query_unix_fd(u->source, g_array_index(u->polls, struct user_poll, index).tag);
    return (got & G_IO_IN ? SLIRP_POLL_IN : 0) | (got & G_IO_OUT ? SLIRP_POLL_OUT : 0) |
           (got & G_IO_PRI ? SLIRP_POLL_PRI : 0) | (got & G_IO_ERR ? SLIRP_POLL_ERR : 0) |
           (got & G_IO_HUP ? SLIRP_POLL_HUP : 0);
}

static void drop_polls(struct user_net *u, unsigned first)
{
    for (unsigned i = first; i < u->polls->len; i++) {
        struct user_poll *p = &g_array_index(u->polls, struct user_poll, i);
        if (p->tag) {
            g_source_remove_unix_fd(u->source, p->tag);
        }
    }
    g_array_set_size(u->polls, first);
}

static gboolean prepare(GSource *source, int *timeout)
{
    struct user_net *u = ((struct user_source *)source)->user;
    uint32_t ms = UINT32_MAX;

    u->used = 0;
    slirp_pollfds_fill(u->slirp, &ms, add_poll, u);
    drop_polls(u, u->used);
    *timeout = ms > INT32_MAX ? -1 : (int)ms;
    return FALSE;
}

/* slirp keeps time itself, so it is asked on every pass. */
static gboolean check(GSource *source)
{
    return TRUE;
}

static gboolean dispatch(GSource *source, GSourceFunc unused, gpointer unused_data)
{
    struct user_net *u = ((struct user_source *)source)->user;

    slirp_pollfds_poll(u->slirp, 0, ready_events, u);
    return G_SOURCE_CONTINUE;
}

/* --- options --------------------------------------------------------------------------------- */

static const SlirpCb callbacks = {
    .send_packet = to_guest, .guest_error = guest_error, .clock_get_ns = now,
    .timer_new = make_timer, .timer_free = free_timer, .timer_mod = set_timer,
    .register_poll_fd = ignore_fd, .unregister_poll_fd = ignore_fd, .notify = notify,
};

static bool get_address(struct keyval *kv, const char *key, struct in_addr *a, struct error **err)
{
    const char *text = keyval_string(kv, key, NULL);

    if (text && !inet_aton(text, a)) {
        error_set(err, "%s=%s is not an IPv4 address", key, text);
        return false;
    }
    return true;
}

/* net=address[/bits or /mask] */
static bool get_net(struct keyval *kv, SlirpConfig *c, struct error **err)
{
    const char *text = keyval_string(kv, "net", "10.0.2.0/24"), *slash = strchr(text, '/');
    char *address = g_strndup(text, strcspn(text, "/"));
    uint64_t bits = 0;
    bool good = inet_aton(address, &c->vnetwork);

    if (good && slash && parse_uint(slash + 1, &bits) && bits <= 32) {
        c->vnetmask.s_addr = htonl((uint32_t)~bits_mask((unsigned)(32 - bits)));
    } else if (good && slash) {
        good = inet_aton(slash + 1, &c->vnetmask);
    } else if (good) {
        uint32_t n = ntohl(c->vnetwork.s_addr);
        c->vnetmask.s_addr = htonl(n < 0x80000000 ? 0xff000000 : n < 0xc0000000 ? 0xffff0000
                                                                                : 0xffffff00);
    }
    g_free(address);
    if (!good || ntohl(c->vnetmask.s_addr) > 0xfffffffc) {
        error_set(err, "net=%s is not an address/mask for at least four addresses", text);
        return false;
    }
    c->vnetwork.s_addr &= c->vnetmask.s_addr;
    return true;
}

static bool in_net(const SlirpConfig *c, struct in_addr a, const char *key, struct error **err)
{
    if ((a.s_addr & c->vnetmask.s_addr) != c->vnetwork.s_addr || a.s_addr == c->vnetwork.s_addr) {
        error_set(err, "%s=%s is not in the network that net= gives", key, inet_ntoa(a));
        return false;
    }
    return true;
}

static bool get_addresses(struct keyval *kv, SlirpConfig *c, struct error **err)
{
    uint32_t base, hosts;

    if (!get_net(kv, c, err)) {
        return false;
    }
    base = ntohl(c->vnetwork.s_addr);
    hosts = ~ntohl(c->vnetmask.s_addr);
    c->vhost.s_addr = htonl(base | (2 & hosts));
    c->vnameserver.s_addr = htonl(base | (3 & hosts));
    c->vdhcp_start.s_addr = htonl(base | (15 & hosts));
    if (!get_address(kv, "host", &c->vhost, err) || !get_address(kv, "dns", &c->vnameserver, err) ||
        !get_address(kv, "dhcpstart", &c->vdhcp_start, err) ||
        !in_net(c, c->vhost, "host", err) || !in_net(c, c->vdhcp_start, "dhcpstart", err) ||
        !in_net(c, c->vnameserver, "dns", err)) {
        return false;
    }
    if (c->vnameserver.s_addr == c->vhost.s_addr) {
        error_set(err, "dns= must not be the address of the host");
        return false;
    }
    return true;
}

static bool get_ipv6(struct keyval *kv, SlirpConfig *c, struct error **err)
{
    const char *prefix = keyval_string(kv, "ipv6-prefix", "fec0::");
    const char *host = keyval_string(kv, "ipv6-host", NULL);
    const char *dns = keyval_string(kv, "ipv6-dns", NULL);
    uint64_t bits = 64;

    if (!keyval_uint(kv, "ipv6-prefixlen", &bits, err)) {
        return false;
    }
    if (inet_pton(AF_INET6, prefix, &c->vprefix_addr6) != 1 || bits > 126) {
        error_set(err, "ipv6-prefix=%s with %d bits is not an IPv6 prefix", prefix, (int)bits);
        return false;
    }
    c->vprefix_len = (uint8_t)bits;
    c->vhost6 = c->vnameserver6 = c->vprefix_addr6;
    c->vhost6.s6_addr[15] |= 2;
    c->vnameserver6.s6_addr[15] |= 3;
    if ((host && inet_pton(AF_INET6, host, &c->vhost6) != 1) ||
        (dns && inet_pton(AF_INET6, dns, &c->vnameserver6) != 1)) {
        error_set(err, "ipv6-host= and ipv6-dns= take IPv6 addresses");
        return false;
    }
    return true;
}

static bool get_config(struct keyval *kv, SlirpConfig *c, GPtrArray *search, struct error **err)
{
    bool restricted = false;
    const char *key, *value;

    c->version = 1;
    c->in_enabled = c->in6_enabled = true;
    if (!keyval_bool(kv, "restrict", &restricted, err) ||
        !keyval_bool(kv, "ipv4", &c->in_enabled, err) ||
        !keyval_bool(kv, "ipv6", &c->in6_enabled, err) || !get_addresses(kv, c, err) ||
        !get_ipv6(kv, c, err)) {
        return false;
    }
    if (keyval_has(kv, "smb") || keyval_has(kv, "smbserver")) {
        error_set(err, "smb= is not available; share files by tftp= or over ssh with hostfwd=");
        return false;
    }
    c->restricted = restricted;
    c->vhostname = keyval_string(kv, "hostname", NULL);
    c->tftp_server_name = keyval_string(kv, "tftp-server-name", NULL);
    c->tftp_path = keyval_string(kv, "tftp", users.tftp);
    c->bootfile = keyval_string(kv, "bootfile", users.bootp);
    c->vdomainname = keyval_string(kv, "domainname", NULL);
    keyval_mark(kv, "dnssearch");
    for (size_t at = 0; keyval_next(kv, &at, &key, &value);) {
        if (strcmp(key, "dnssearch") == 0) {
            g_ptr_array_add(search, (char *)value);
        }
    }
    g_ptr_array_add(search, NULL);
    c->vdnssearch = search->len > 1 ? (const char **)search->pdata : NULL;
    if (c->tftp_path && !g_file_test(c->tftp_path, G_FILE_TEST_IS_DIR)) {
        error_set(err, "tftp=%s is not a folder", c->tftp_path);
        return false;
    }
    return true;
}

/* --- life ------------------------------------------------------------------------------------ */

static void user_close(void *opaque)
{
    struct user_net *u = opaque, **at = &users.first;

    while (*at && *at != u) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = u->next;
    }
    user_free_rules(u);
    drop_polls(u, 0);
    g_source_destroy(u->source);
    g_source_unref(u->source);
    slirp_cleanup(u->slirp);
    g_array_free(u->polls, TRUE);
    g_free(u);
}

static struct user_net *make_user(const SlirpConfig *c)
{
    static GSourceFuncs functions = { prepare, check, dispatch, NULL };
    struct user_net *u = g_new0(struct user_net, 1), **at = &users.first;

    u->vnetwork = c->vnetwork;
    u->vnetmask = c->vnetmask;
    u->dhcp_start = c->vdhcp_start;
    u->polls = g_array_new(FALSE, FALSE, sizeof(struct user_poll));
    u->slirp = slirp_new(c, &callbacks, u);
    u->source = g_source_new(&functions, sizeof(struct user_source));
    ((struct user_source *)u->source)->user = u;
    /* Otherwise glib takes the descriptors out while it dispatches, which wakes the loop up: with a
     * source that is asked on every pass it would never sleep. */
    g_source_set_can_recurse(u->source, TRUE);
    g_source_attach(u->source, NULL);
    while (*at) {
        at = &(*at)->next;
    }
    *at = u;
    return u;
}

struct net_port *net_user_open(const char *id, struct keyval *kv, struct error **err)
{
    static const struct net_handlers handlers = {
        .receive = from_guest, .close = user_close, .takes_segments = true
    };
    GPtrArray *search = g_ptr_array_new();
    SlirpConfig c = { 0 };
    struct user_net *u = NULL;
    bool first = !users.first;

    if (get_config(kv, &c, search, err)) {
        u = make_user(&c);
        u->port = net_port_create("user", id, &handlers, u, err);
        if (!u->port) {
            user_close(u);
            u = NULL;
        } else if (!user_add_rules(u, kv, err) || (first && !user_add_redirections(u, err))) {
            net_port_destroy(u->port);
            u = NULL;
        } else {
            net_port_describe(u->port, "net=%s,restrict=%s", inet_ntoa(c.vnetwork),
                              c.restricted ? "on" : "off");
        }
    }
    g_ptr_array_free(search, TRUE);
    return u ? u->port : NULL;
}

void net_user_print(FILE *out)
{
    for (struct user_net *u = users.first; u; u = u->next) {
        char *text = slirp_connection_info(u->slirp);

        fprintf(out, "%s:\n%s", u->port->name, text);
        g_free(text);
    }
}

#else

struct net_port *net_user_open(const char *id, struct keyval *kv, struct error **err)
{
    error_set(err, "user networking is not built in; install libslirp-dev and configure again");
    return NULL;
}

void net_user_print(FILE *out)
{
}

#endif

void net_user_default(const char *option, const char *text)
{
    if (strcmp(option, "tftp") == 0) {
        users.tftp = text;
    } else if (strcmp(option, "bootp") == 0) {
        users.bootp = text;
    } else {
        users.redirections = users.redirections ? users.redirections : g_ptr_array_new();
        g_ptr_array_add(users.redirections, (char *)text);
    }
}
