/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers as management sees them: who listens, who is connected; passwords. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/keyval.h"
#include "ui/vnc/internal.h"

struct vnc_server *vnc_server_find(const char *id, struct error **err)
{
    struct vnc_server *server = vnc_servers;

    while (id && server && strcmp(server->id, id) != 0) {
        server = server->next;
    }
    if (!server) {
        error_set(err, id ? "no VNC display '%s'" : "VNC display is not active", id);
    }
    return server;
}

/* --- passwords ------------------------------------------------------------------------------- */

bool vnc_set_password(const char *display, const char *password, struct error **err)
{
    struct vnc_server *server = vnc_server_find(display, err);

    if (!server) {
        return false;
    }
    if (!server->password_wanted) {
        error_set(err, "VNC password authentication is disabled: start with -vnc "
                  "...,password=on");
        return false;
    }
    g_free(server->password);
    server->password = g_strdup(password);
    return true;
}

bool vnc_set_expiry(const char *display, const char *when, struct error **err)
{
    struct vnc_server *server = vnc_server_find(display, err);
    uint64_t seconds;

    if (!server) {
        return false;
    }
    if (strcmp(when, "now") == 0) {
        server->password_expires = 0;
    } else if (strcmp(when, "never") == 0) {
        server->password_expires = INT64_MAX;
    } else if (parse_uint(when + (*when == '+'), &seconds) && seconds < INT64_MAX / 2) {
        server->password_expires = (int64_t)seconds + (*when == '+' ? time(NULL) : 0);
    } else {
        error_set(err, "'%s' is not a time: now, never, seconds since 1970 or +seconds", when);
        return false;
    }
    return true;
}

bool vnc_disconnect_all(const char *display, struct error **err)
{
    struct vnc_server *server = vnc_server_find(display, err);

    for (struct vnc_client *c = server ? server->clients : NULL; c; c = c->next) {
        vnc_hang_up(c);
    }
    return server != NULL;
}

/* --- descriptions ---------------------------------------------------------------------------- */

static struct json *describe(const char *host, const char *service, const char *family,
                             bool websocket)
{
    struct json *o = json_object();

    json_set_string(o, "host", host);
    json_set_string(o, "service", service);
    json_set_string(o, "family", family);
    json_set_bool(o, "websocket", websocket);
    return o;
}

static struct json *describe_listener(const struct vnc_server *server,
                                      const struct vnc_listener *l)
{
    struct json *o = describe(l->host, l->service, l->family, l->websocket);

    json_set_string(o, "auth", vnc_auth_name(server));
    json_set_string(o, "vencrypt", vnc_vencrypt_name(server));
    return o;
}

struct json *vnc_describe_server(const struct vnc_server *server, bool websocket)
{
    for (unsigned i = 0; i < server->n_listeners; i++) {
        if (server->listeners[i].websocket == websocket) {
            return describe_listener(server, &server->listeners[i]);
        }
    }
    return describe("", "", "unknown", websocket);
}

struct json *vnc_describe_client(const struct vnc_client *client)
{
    struct json *o = describe(client->host, client->service, client->family,
                              client->websocket != NULL);

    json_set_string(o, "x509_dname", client->tls_name);
    return o;
}

static struct json *describe_clients(const struct vnc_server *server)
{
    struct json *list = json_array();

    for (struct vnc_client *c = server->clients; c; c = c->next) {
        if (!c->closing && c->handler) {
            json_append(list, vnc_describe_client(c));
        }
    }
    return list;
}

struct json *vnc_query(void)
{
    const struct vnc_server *server = vnc_servers;
    struct json *o = json_object();

    json_set_bool(o, "enabled", server != NULL);
    if (!server) {
        return o;
    }
    json_set_string(o, "auth", vnc_auth_name(server));
    json_set(o, "clients", describe_clients(server));
    if (server->n_listeners) {
        json_set_string(o, "family", server->listeners[0].family);
        json_set_string(o, "service", server->listeners[0].service);
        json_set_string(o, "host", server->listeners[0].host);
    }
    return o;
}

struct json *vnc_query_servers(void)
{
    struct json *list = json_array();

    for (const struct vnc_server *server = vnc_servers; server; server = server->next) {
        struct json *o = json_object(), *listeners = json_array();

        for (unsigned i = 0; i < server->n_listeners; i++) {
            json_append(listeners, describe_listener(server, &server->listeners[i]));
        }
        json_set_string(o, "id", server->id);
        json_set_string(o, "auth", vnc_auth_name(server));
        json_set_string(o, "vencrypt", vnc_vencrypt_name(server));
        json_set(o, "server", listeners);
        json_set(o, "clients", describe_clients(server));
        json_append(list, o);
    }
    return list;
}

char *vnc_address(void)
{
    const struct vnc_listener *l = vnc_servers && vnc_servers->n_listeners
        ? &vnc_servers->listeners[0] : NULL;

    if (!l) {
        return NULL;
    }
    return l->path ? g_strdup(l->path) : g_strdup_printf(strchr(l->host, ':') ? "[%s]:%s" : "%s:%s",
                                                         l->host, l->service);
}
