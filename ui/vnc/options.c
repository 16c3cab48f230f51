/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -vnc: "address[,key=value]..." becomes listeners, security and policies of a server. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/keyval.h"
#include "char/address.h"
#include "crypto/object.h"
#include "ui/vnc/internal.h"

#define RFB_PORT 5900
#define WEBSOCKET_PORT 5700

/* --- listening ------------------------------------------------------------------------------- */

/* The address that the kernel gave us. */
static void describe(struct vnc_listener *l)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";

    if (l->path) {
        l->family = "unix";
        l->host = g_strdup("");
        l->service = g_strdup(l->path);
        return;
    }
    getsockname(l->fd, (struct sockaddr *)&address, &size);
    getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), service, sizeof(service),
                NI_NUMERICHOST | NI_NUMERICSERV);
    l->family = address.ss_family == AF_INET6 ? "ipv6" : "ipv4";
    l->host = g_strdup(host);
    l->service = g_strdup(service);
}

static bool add_listener(struct vnc_server *server, const struct socket_address *address,
                         bool websocket, struct error **err)
{
    struct vnc_listener *l;
    int fd = socket_listen(address, err);

    if (fd < 0) {
        return false;
    }
    /* More than one may come at a time. */
    listen(fd, 16);
    server->listeners = g_renew(struct vnc_listener, server->listeners, server->n_listeners + 1);
    l = &server->listeners[server->n_listeners++];
    *l = (struct vnc_listener){ .fd = fd, .websocket = websocket, .path = g_strdup(address->path) };
    describe(l);
    return true;
}

/* "host:number", "[v6]:number", ":number"; NULL number: there was none. */
static char *split_host(const char *text, char **host)
{
    const char *colon = strrchr(text, ':'), *bracket = strrchr(text, ']');

    if (!colon || (bracket && bracket > colon)) {
        *host = NULL;
        return NULL;
    }
    *host = *text == '[' && bracket ? g_strndup(text + 1, (gsize)(bracket - text - 1))
                                    : g_strndup(text, (gsize)(colon - text));
    return g_strdup(colon + 1);
}

static int family_of(struct keyval *kv, struct error **err)
{
    bool ipv4 = false, ipv6 = false;

    if (!keyval_bool(kv, "ipv4", &ipv4, err) || !keyval_bool(kv, "ipv6", &ipv6, err)) {
        return -1;
    }
    return ipv4 == ipv6 ? AF_UNSPEC : ipv4 ? AF_INET : AF_INET6;
}

/* Display numbers from the one that is asked for to to=, until one is free. */
static bool listen_displays(struct vnc_server *server, char *host, unsigned first, unsigned last,
                            int family, struct error **err)
{
    struct error *why = NULL;
    char port[16];

    for (unsigned n = first; n <= last; n++) {
        struct socket_address address = { .host = host, .port = port, .family = family };

        error_free(why);
        why = NULL;
        g_snprintf(port, sizeof(port), "%u", RFB_PORT + n);
        if (add_listener(server, &address, false, &why)) {
            return true;
        }
    }
    error_propagate(err, why);
    return false;
}

static bool listen_websocket(struct vnc_server *server, const char *text, const char *display_host,
                             int display, int family, struct error **err)
{
    char *host = NULL, *port = split_host(text, &host), number[16];
    struct socket_address address = { .family = family };
    uint64_t value;
    bool on, good;

    if (parse_bool(text, &on) || !*text) {
        g_free(port);
        if (*text && !on) {
            return true;
        }
        g_snprintf(number, sizeof(number), "%d", WEBSOCKET_PORT + MAX_OF(display, 0));
        port = g_strdup(number);
    }
    port = port ? port : g_strdup(text);
    if (!parse_uint(port, &value) || value > 65535) {
        error_set(err, "websocket=%s is not a port, address:port, or on", text);
        good = false;
    } else {
        address.host = host ? host : (char *)(display_host ? display_host : "");
        address.port = port;
        good = add_listener(server, &address, true, err);
    }
    g_free(host);
    g_free(port);
    return good;
}

static bool connect_reverse(struct vnc_server *server, const char *text, int family,
                            struct error **err)
{
    struct socket_address address = { .family = family };
    char *host = NULL, *port = NULL;
    int fd;

    if (g_str_has_prefix(text, "unix:")) {
        address.path = (char *)text + 5;
    } else {
        port = split_host(text, &host);
        address.host = host;
        address.port = port;
        if (!port) {
            error_set(err, "'%s' is not host:port", text);
            return false;
        }
    }
    fd = socket_connect(&address, true, err);
    g_free(host);
    g_free(port);
    if (fd < 0) {
        return false;
    }
    server->reverse_fd = fd;
    return true;
}

/* The numbers of display and to=. */
static bool display_numbers(const char *text, struct keyval *kv, unsigned *first, unsigned *last,
                            struct error **err)
{
    uint64_t number = 0, to;

    if (!parse_uint(text, &number) || number > 65535 - RFB_PORT) {
        error_set(err, "'%s' is not a display number", text);
        return false;
    }
    to = number;
    if (!keyval_uint(kv, "to", &to, err)) {
        return false;
    }
    if (to < number || to > 65535 - RFB_PORT) {
        error_set(err, "to=%llu is below the display's number or too high",
                  (unsigned long long)to);
        return false;
    }
    *first = (unsigned)number;
    *last = (unsigned)to;
    return true;
}

bool vnc_listen_on(struct vnc_server *server, const char *text, struct keyval *kv,
                   struct error **err)
{
    const char *websocket = keyval_string(kv, "websocket", NULL);
    struct socket_address unix_address = { 0 };
    char *host = NULL, *number = NULL;
    unsigned first = 0, last = 0;
    bool reverse = false, good;
    int family = family_of(kv, err), display = -1;

    if (family < 0 || !keyval_bool(kv, "reverse", &reverse, err)) {
        return false;
    }
    if (reverse) {
        if (websocket) {
            error_set(err, "reverse= cannot be combined with websocket=");
            return false;
        }
        return connect_reverse(server, text, family, err);
    }
    if (g_str_has_prefix(text, "unix:")) {
        unix_address.path = (char *)text + 5;
        good = add_listener(server, &unix_address, false, err);
    } else {
        number = split_host(text, &host);
        if (!number) {
            error_set(err, "'%s' is not host:display, :display, unix:path or none", text);
            return false;
        }
        good = display_numbers(number, kv, &first, &last, err) &&
            listen_displays(server, host, first, last, family, err);
        if (good) {
            display = atoi(server->listeners[0].service) - RFB_PORT;
        }
    }
    good = good && (!websocket ||
                    listen_websocket(server, websocket, host, display, family, err));
    g_free(host);
    g_free(number);
    return good;
}

/* --- everything else ------------------------------------------------------------------------- */

/* The classic options, which name a folder (or nothing) instead of an object. */
static struct tls_creds *make_credentials(const char *folder, bool verify, struct error **err)
{
    static unsigned count;
    char *id = g_strdup_printf("-vnc %u", count++);
    struct keyval *kv = keyval_create("-vnc");
    struct tls_creds *creds = NULL;

    keyval_set(kv, "endpoint", "server");
    keyval_set(kv, "verify-peer", verify ? "on" : "off");
    if (folder) {
        keyval_set(kv, "dir", folder);
    }
    if (tls_creds_create(folder ? "tls-creds-x509" : "tls-creds-anon", id, kv, err)) {
        creds = tls_creds_find(id, true, err);
    }
    keyval_free(kv);
    g_free(id);
    return creds;
}

static bool read_security(struct vnc_server *server, struct keyval *kv, struct error **err)
{
    const char *folder = keyval_string(kv, "x509", NULL);
    const char *verify = keyval_string(kv, "x509verify", NULL);
    const char *id = keyval_string(kv, "tls-creds", NULL);
    const char *secret = keyval_string(kv, "password-secret", NULL);
    bool tls = false, sasl = false;
    size_t size;

    if (!keyval_bool(kv, "password", &server->password_wanted, err) ||
        !keyval_bool(kv, "tls", &tls, err) || !keyval_bool(kv, "sasl", &sasl, err)) {
        return false;
    }
    if (sasl) {
        error_set(err, "sasl: this build has no SASL; use password=on with tls-creds=");
        return false;
    }
    if (secret) {
        server->password = (char *)secret_bytes(secret, &size, err);
        server->password_wanted = true;
        if (!server->password) {
            return false;
        }
    }
    if (id) {
        server->credentials = tls_creds_find(id, true, err);
    } else if (folder || verify) {
        server->credentials = make_credentials(verify ? verify : folder, verify != NULL, err);
    } else if (tls) {
        server->credentials = make_credentials(NULL, false, err);
    } else {
        return true;
    }
    return server->credentials != NULL;
}

static bool read_sharing(struct vnc_server *server, struct keyval *kv, struct error **err)
{
    static const char *const names[] = { "allow-exclusive", "force-shared", "ignore" };
    const char *text = keyval_string(kv, "share", names[SHARE_ALLOW_EXCLUSIVE]);

    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            server->sharing = i;
            return true;
        }
    }
    error_set(err, "share=%s: unknown policy; there are allow-exclusive, force-shared and ignore",
              text);
    return false;
}

static bool read_policies(struct vnc_server *server, struct keyval *kv, struct error **err)
{
    bool ignored = false;
    uint64_t connections = 32, delay = 0;

    /* What these steer elsewhere is not needed here: input is queued by the devices, and the
     * encodings adapt by themselves. */
    if (!keyval_bool(kv, "non-adaptive", &ignored, err) ||
        !keyval_bool(kv, "lock-key-sync", &ignored, err) ||
        !keyval_uint(kv, "key-delay-ms", &delay, err) ||
        !keyval_bool(kv, "lossy", &server->lossy, err) ||
        !keyval_bool(kv, "power-control", &server->power_control, err) ||
        !keyval_uint(kv, "connections", &connections, err) || !read_sharing(server, kv, err)) {
        return false;
    }
    if (!connections || connections > VNC_CLIENTS_MAX) {
        error_set(err, "connections=%llu: from 1 to %d are possible",
                  (unsigned long long)connections, VNC_CLIENTS_MAX);
        return false;
    }
    server->connections = (unsigned)connections;
    return true;
}

static struct console *read_console(struct vnc_server *server, struct keyval *kv,
                                    struct error **err)
{
    const char *name = keyval_string(kv, "display", NULL);
    uint64_t head = 0;
    struct console *con = NULL;

    if (!keyval_uint(kv, "head", &head, err)) {
        return NULL;
    }
    if (!name && !keyval_has(kv, "head")) {
        con = console_default();
        if (!con) {
            error_set(err, "there is no display adapter and no text console to show");
        }
        return con;
    }
    for (unsigned i = 0; (con = console_find(i)); i++) {
        if ((!name || strcmp(name, console_name(con)) == 0) && head-- == 0) {
            server->fixed_console = true;
            return con;
        }
    }
    error_set(err, "display=%s: there is no such console", name ? name : "");
    return NULL;
}

static bool open_server(struct vnc_server *server, struct keyval *kv, struct error **err)
{
    const char *address = keyval_string(kv, "vnc", "");
    const char *id = keyval_string(kv, "id", "default");
    struct console *con;

    server->password_expires = INT64_MAX;
    server->reverse_fd = -1;
    for (struct vnc_server *s = vnc_servers; s; s = s->next) {
        if (strcmp(s->id, id) == 0) {
            error_set(err, "there is a VNC server with id '%s' already; give this one id=", id);
            return false;
        }
    }
    server->id = g_strdup(id);
    con = read_console(server, kv, err);
    if (!con || !read_security(server, kv, err) || !read_policies(server, kv, err) ||
        !vnc_listen_on(server, address, kv, err) || !keyval_check(kv, err) ||
        !vnc_server_start(server, con, err)) {
        return false;
    }
    if (server->reverse_fd >= 0) {
        vnc_client_create(server, server->reverse_fd, false);
    }
    return true;
}

bool vnc_open(const char *option, struct error **err)
{
    struct error *why = NULL;
    struct keyval *kv = keyval_parse("-vnc", option, "vnc", err);
    struct vnc_server *server;

    if (!kv) {
        return false;
    }
    if (strcmp(keyval_string(kv, "vnc", ""), "none") == 0) {
        keyval_free(kv);
        return true;
    }
    /* Lives as long as the process; after an error that is not long. */
    server = g_new0(struct vnc_server, 1);
    if (!open_server(server, kv, &why)) {
        if (*error_text(why) != '-') {
            error_prepend(&why, "-vnc %s: ", option);
        }
        error_propagate(err, why);
        for (unsigned i = 0; i < server->n_listeners; i++) {
            close(server->listeners[i].fd);
            if (server->listeners[i].path) {
                unlink(server->listeners[i].path);
            }
        }
        keyval_free(kv);
        return false;
    }
    keyval_free(kv);
    return true;
}
