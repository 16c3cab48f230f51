/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor commands about VNC servers. */
#include <string.h>

#include "monitor/hmp.h"
#include "ui/vnc/vnc.h"

static void print_end(struct monitor *mon, const char *indent, const char *what,
                      const struct json *end)
{
    const char *family = json_text(json_get(end, "family"));
    const char *host = json_text(json_get(end, "host"));
    const char *service = json_text(json_get(end, "service"));
    bool websocket = json_is_true(json_get(end, "websocket"));

    fprintf(mon->out, "%s%s: %s%s%s (%s%s)\n", indent, what, host, *host ? ":" : "", service,
            family, websocket ? ", Websocket" : "");
}

static void print_auth(struct monitor *mon, const char *indent, const struct json *server)
{
    const struct json *sub = json_get(server, "vencrypt");

    fprintf(mon->out, "%sAuth: %s (Sub: %s)\n", indent, json_text(json_get(server, "auth")),
            sub ? json_text(sub) : "none");
}

static void print_server(struct monitor *mon, const struct json *server)
{
    const struct json *listeners = json_get(server, "server");
    const struct json *clients = json_get(server, "clients");

    fprintf(mon->out, "%s:\n", json_text(json_get(server, "id")));
    for (size_t i = 0; i < json_count(listeners); i++) {
        print_end(mon, "  ", "Server", json_at(listeners, i));
        print_auth(mon, "    ", json_at(listeners, i));
    }
    for (size_t i = 0; i < json_count(clients); i++) {
        const struct json *name = json_get(json_at(clients, i), "x509_dname");

        print_end(mon, "  ", "Client", json_at(clients, i));
        fprintf(mon->out, "    x509_dname: %s\n    sasl_username: none\n",
                name ? json_text(name) : "none");
    }
    if (!json_count(listeners)) {
        print_auth(mon, "  ", server);
    }
}

void hmp_info_vnc(struct monitor *mon, struct hmp_args *args)
{
    struct json *servers = vnc_query_servers();

    if (!json_count(servers)) {
        fprintf(mon->out, "None\n");
    }
    for (size_t i = 0; i < json_count(servers); i++) {
        print_server(mon, json_at(servers, i));
    }
    json_free(servers);
}

/* --- passwords ------------------------------------------------------------------------------- */

static void set_secret(struct monitor *mon, const char *secret)
{
    struct error *err = NULL;

    vnc_set_password(NULL, secret, &err);
    hmp_report(mon, err);
}

void hmp_change_vnc(struct monitor *mon, const char *what, const char *arg)
{
    if (strcmp(what, "password") != 0 && strcmp(what, "passwd") != 0) {
        fprintf(mon->out, "Error: the address of a VNC server cannot be changed while it runs; "
                "'change vnc password' sets its password\n");
    } else if (arg) {
        set_secret(mon, arg);
    } else if (mon->rl) {
        mon->answered = set_secret;
        readline_ask_secret(mon->rl, "Password: ");
    } else {
        fprintf(mon->out, "Error: there is no terminal to ask for the password\n");
    }
}

/* Only one protocol has passwords here. */
static bool is_vnc(struct monitor *mon, struct hmp_args *args)
{
    const char *protocol = hmp_text(args, "protocol");

    if (strcmp(protocol, "vnc") != 0) {
        fprintf(mon->out, "Error: Parameter 'protocol' does not accept value '%s'\n", protocol);
        return false;
    }
    return true;
}

/* Without -d the words behind are not a display. */
static const char *display_of(struct hmp_args *args)
{
    return hmp_given(args, "display") ? hmp_text(args, "id") : NULL;
}

void hmp_set_password(struct monitor *mon, struct hmp_args *args)
{
    const char *action = hmp_given(args, "display") ? hmp_text(args, "connected")
                                                    : hmp_text(args, "id");
    struct error *err = NULL;

    if (!is_vnc(mon, args)) {
        return;
    }
    if (action && strcmp(action, "keep") != 0) {
        error_set(&err, "VNC clients can only be kept (connected=keep), not '%s'", action);
    } else {
        vnc_set_password(display_of(args), hmp_text(args, "password"), &err);
    }
    hmp_report(mon, err);
}

void hmp_expire_password(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    if (is_vnc(mon, args)) {
        vnc_set_expiry(display_of(args), hmp_text(args, "time"), &err);
        hmp_report(mon, err);
    }
}
