/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes character devices from text: the classic form of -serial and the keys of -chardev. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "char/backend.h"

static const struct {
    const char *name;
    const struct chardev_backend *backend;
} backends[] = {
    { "null", &chardev_null }, { "ringbuf", &chardev_ringbuf }, { "memory", &chardev_ringbuf },
    { "vc", &chardev_vc }, { "stdio", &chardev_stdio }, { "file", &chardev_file },
    { "pipe", &chardev_pipe }, { "pty", &chardev_pty }, { "serial", &chardev_serial },
    { "tty", &chardev_serial }, { "socket", &chardev_socket }, { "udp", &chardev_udp },
};

const char *chardev_backend_name(unsigned n)
{
    return n < ARRAY_LEN(backends) ? backends[n].name : NULL;
}

/* Real back-ends of others that this emulator does not have. */
static const char *const unavailable[] = {
    "parallel", "parport", "braille", "msmouse", "spicevmc", "spiceport", "testdev", "wctablet",
    "qemu-vdagent", "dbus", "con", "console"
};

static const struct chardev_backend *find_backend(const char *name, struct error **err)
{
    for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
        if (strcmp(backends[i].name, name) == 0) {
            return backends[i].backend;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(unavailable); i++) {
        if (strcmp(unavailable[i], name) == 0) {
            error_set(err, "the character device '%s' is not available yet", name);
            return NULL;
        }
    }
    error_set(err, "'%s' is not a valid char driver", name);
    return NULL;
}

static bool open_log(struct chardev *chr, struct keyval *kv, struct error **err)
{
    const char *path = keyval_string(kv, "logfile", NULL);
    bool append = false;

    if (!keyval_bool(kv, "logappend", &append, err)) {
        return false;
    }
    if (path) {
        chr->log = fopen(path, append ? "ae" : "we");
        if (!chr->log) {
            error_set_errno(err, errno, "cannot open the log file '%s'", path);
            return false;
        }
    }
    return true;
}

/* All keys are looked up before anything is opened in vain. */
static struct chardev *open_keys(const char *id, const char *name, struct keyval *kv,
                                 struct error **err)
{
    const struct chardev_backend *backend = find_backend(name, err);
    struct chardev *chr, *mux;
    bool shared = false;
    char *base = NULL;

    if (!backend || !keyval_bool(kv, "mux", &shared, err)) {
        return NULL;
    }
    if (id && chardev_find(id)) {
        error_set(err, "%s: duplicate ID '%s' for chardev", keyval_option(kv), id);
        return NULL;
    }
    keyval_mark(kv, "logfile");
    keyval_mark(kv, "logappend");
    base = shared ? g_strdup_printf("%s-base", id ? id : "mux") : g_strdup(id);
    chr = chardev_create(backend, base, kv, err);
    g_free(base);
    if (!chr) {
        return NULL;
    }
    if (!open_log(chr, kv, err) || !keyval_check(kv, err)) {
        chardev_close(chr);
        return NULL;
    }
    if (!shared) {
        return chr;
    }
    mux = chardev_mux_create(id, chr, err);
    if (!mux) {
        chardev_close(chr);
    }
    return mux;
}

struct chardev *chardev_open_option(const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("-chardev", text, "backend", err);
    struct chardev *chr = NULL;
    const char *id, *name;

    if (!kv) {
        return NULL;
    }
    id = keyval_string(kv, "id", NULL);
    name = keyval_string(kv, "backend", "");
    if (!id) {
        error_set(err, "-chardev: needs an id=");
    } else {
        chr = open_keys(id, name, kv, err);
    }
    keyval_free(kv);
    return chr;
}

/* --- the classic form ------------------------------------------------------------------------ */

/* Whose character device an id names, for messages. */
static const struct {
    const char *id, *option;
} users[] = {
    { "serial", "-serial" }, { "parallel", "-parallel" }, { "debugcon", "-debugcon" },
};

/* Splits "host:port" (or "[v6]:port", or ":port"), with the rest of the text after it. */
static bool set_host_port(struct keyval *kv, const char *text, const char *host_key,
                          const char *port_key, const char **rest, struct error **err)
{
    size_t all = strcspn(text, ",@");
    char *address = g_strndup(text, all), *host = address, *colon, *bracket;

    *rest = text + all;
    if (*address == '[' && (bracket = strchr(address, ']'))) {
        host = address + 1;
        *bracket = '\0';
        colon = bracket[1] == ':' ? bracket + 1 : NULL;
    } else {
        colon = strrchr(address, ':');
    }
    if (!colon || !colon[1]) {
        error_set(err, "%s: '%.*s' is not host:port", keyval_option(kv), (int)all, text);
        g_free(address);
        return false;
    }
    *colon = '\0';
    keyval_set(kv, host_key, host);
    keyval_set(kv, port_key, colon + 1);
    g_free(address);
    return true;
}

/* "800x600" or "80Cx24C" of a vc. */
static bool set_console_size(struct keyval *kv, const char *text, struct error **err)
{
    unsigned a, b;
    int end = 0;
    bool cells = sscanf(text, "%uCx%uC%n", &a, &b, &end) == 2 && end && !text[end];
    char number[16];

    if (!cells && !(end = 0, sscanf(text, "%ux%u%n", &a, &b, &end) == 2 && end && !text[end])) {
        error_set(err, "%s: '%s' is not a console size such as 80Cx24C", keyval_option(kv), text);
        return false;
    }
    snprintf(number, sizeof(number), "%u", a);
    keyval_set(kv, cells ? "cols" : "width", number);
    snprintf(number, sizeof(number), "%u", b);
    keyval_set(kv, cells ? "rows" : "height", number);
    return true;
}

/* The keys after the address, with the classic bare words. */
static bool add_rest(struct keyval *kv, const char *rest, struct error **err)
{
    struct keyval *more;
    const char *key, *value;
    size_t at = 0;

    if (!*rest) {
        return true;
    }
    more = keyval_parse(keyval_option(kv), rest + 1, NULL, err);
    if (!more) {
        return false;
    }
    while (keyval_next(more, &at, &key, &value)) {
        keyval_set(kv, key, value);
    }
    keyval_free(more);
    return true;
}

static bool parse_socket(struct keyval *kv, const char *text, bool telnet, struct error **err)
{
    const char *rest;

    if (telnet) {
        keyval_set(kv, "telnet", "on");
    }
    return set_host_port(kv, text, "host", "port", &rest, err) && add_rest(kv, rest, err);
}

static bool parse_unix(struct keyval *kv, const char *text, struct error **err)
{
    size_t length = strcspn(text, ",");
    char *path = g_strndup(text, length);

    keyval_set(kv, "path", path);
    g_free(path);
    return add_rest(kv, text + length, err);
}

/* "remote:port[@local:port]" */
static bool parse_udp(struct keyval *kv, const char *text, struct error **err)
{
    const char *rest;

    if (!set_host_port(kv, text, "host", "port", &rest, err)) {
        return false;
    }
    if (*rest == '@' && !set_host_port(kv, rest + 1, "localaddr", "localport", &rest, err)) {
        return false;
    }
    return add_rest(kv, rest, err);
}

/* The back-end that a classic text means, with its keys in kv; NULL if it means none. */
static const char *parse_classic(struct keyval *kv, const char *spec, struct error **err)
{
    const char *arg = strchr(spec, ':');

    arg = arg ? arg + 1 : spec + strlen(spec);
    if (strcmp(spec, "stdio") == 0 || strcmp(spec, "null") == 0 || strcmp(spec, "pty") == 0 ||
        strcmp(spec, "vc") == 0 || strcmp(spec, "ringbuf") == 0) {
        return spec;
    } else if (g_str_has_prefix(spec, "vc:")) {
        return set_console_size(kv, arg, err) ? "vc" : NULL;
    } else if (g_str_has_prefix(spec, "file:")) {
        keyval_set(kv, "path", arg);
        return "file";
    } else if (g_str_has_prefix(spec, "pipe:")) {
        keyval_set(kv, "path", arg);
        return "pipe";
    } else if (g_str_has_prefix(spec, "tcp:") || g_str_has_prefix(spec, "telnet:")) {
        return parse_socket(kv, arg, *spec == 't' && spec[1] == 'e', err) ? "socket" : NULL;
    } else if (g_str_has_prefix(spec, "unix:")) {
        return parse_unix(kv, arg, err) ? "socket" : NULL;
    } else if (g_str_has_prefix(spec, "udp:")) {
        return parse_udp(kv, arg, err) ? "udp" : NULL;
    } else if (g_str_has_prefix(spec, "/dev/parport")) {
        return "parport";
    } else if (*spec == '/') {
        keyval_set(kv, "path", spec);
        return "serial";
    }
    /* One that has no short form here, or none at all. */
    return spec;
}

static struct chardev *open_classic(const char *option, const char *id, const char *spec,
                                    struct error **err)
{
    struct keyval *kv = keyval_create(option);
    struct chardev *chr = NULL;
    const char *name;

    if (g_str_has_prefix(spec, "mon:")) {
        spec += 4;
        keyval_set(kv, "mux", "on");
    }
    name = parse_classic(kv, spec, err);
    if (name) {
        /* A shared terminal must pass C-c on; alone it keeps it for the emulator. */
        if (strcmp(name, "stdio") == 0 && keyval_has(kv, "mux")) {
            keyval_set(kv, "signal", "off");
        }
        chr = open_keys(id, name, kv, err);
    }
    keyval_free(kv);
    return chr;
}

struct chardev *chardev_open(const char *id, const char *spec, struct error **err)
{
    const char *option = "-chardev";

    for (size_t i = 0; id && i < ARRAY_LEN(users); i++) {
        option = g_str_has_prefix(id, users[i].id) ? users[i].option : option;
    }
    return chardev_open_for(option, id, spec, err);
}

struct chardev *chardev_open_for(const char *option, const char *id, const char *spec,
                                 struct error **err)
{
    struct error *why = NULL;
    struct chardev *chr;

    if (g_str_has_prefix(spec, "chardev:")) {
        chr = chardev_find(spec + 8);
        if (!chr) {
            error_set(err, "chardev \"%s\" not found", spec + 8);
        }
        return chr;
    }
    chr = open_classic(option, id, spec, &why);
    if (!chr && *error_text(why) != '-') {
        error_prepend(&why, "%s %s: ", option, spec);
    }
    error_propagate(err, why);
    return chr;
}
