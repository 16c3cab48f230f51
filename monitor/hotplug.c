/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of both monitors that add parts to a running machine and take them away. */
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd-store.h"
#include "block/job.h"
#include "char.h"
#include "hw/core/device.h"
#include "hw/usb/usb.h"
#include "monitor/hmp.h"
#include "monitor/qmp.h"
#include "net.h"

/* --- devices --------------------------------------------------------------------------------- */

void hmp_device_add(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    device_add_option(hmp_text(args, "device"), &err);
    hmp_report(mon, err);
}

void hmp_device_del(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    device_remove_id(hmp_text(args, "id"), &err);
    hmp_report(mon, err);
}

void hmp_complete_device(struct monitor *mon, struct readline *rl, const char *word)
{
    for (const struct device *dev = device_first(); dev; dev = dev->next) {
        if (dev->id && g_str_has_prefix(dev->id, word)) {
            readline_add_completion(rl, dev->id, false);
        }
    }
}

void hmp_usb_add(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    usb_add(hmp_text(args, "devname"), &err);
    hmp_report(mon, err);
}

void hmp_usb_del(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct device *dev = usb_device_at(hmp_text(args, "devname"), &err);

    if (dev) {
        device_remove(dev, &err);
    }
    hmp_report(mon, err);
}

/* --- networks -------------------------------------------------------------------------------- */

void hmp_netdev_add(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    net_add_netdev(hmp_text(args, "args"), &err);
    hmp_report(mon, err);
}

void hmp_netdev_del(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    net_del_netdev(hmp_text(args, "id"), &err);
    hmp_report(mon, err);
}

struct json *qmp_netdev_add(const struct json *args, struct error **err)
{
    char *text = qmp_option_text(args, "type", err);

    if (text) {
        net_add_netdev(text, err);
    }
    g_free(text);
    return NULL;
}

/* --- character devices ----------------------------------------------------------------------- */

void hmp_chardev_add(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    chardev_open_option(hmp_text(args, "args"), &err);
    hmp_report(mon, err);
}

void hmp_chardev_remove(struct monitor *mon, struct hmp_args *args)
{
    const char *id = hmp_text(args, "id");
    struct chardev *chr = chardev_find(id);
    struct error *err = NULL;

    if (!chr || chardev_has_frontend(chr)) {
        error_set(&err, chr ? "Chardev '%s' is busy" : "Chardev '%s' not found", id);
    } else {
        chardev_close(chr);
    }
    hmp_report(mon, err);
}

void hmp_complete_chardev(struct monitor *mon, struct readline *rl, const char *word)
{
    for (struct chardev *chr = chardev_first(); chr; chr = chardev_next(chr)) {
        if (g_str_has_prefix(chardev_id(chr), word)) {
            readline_add_completion(rl, chardev_id(chr), false);
        }
    }
}

static void append(GString *text, const char *key, const char *value)
{
    char **parts = g_strsplit(value, ",", -1), *escaped = g_strjoinv(",,", parts);

    g_string_append_printf(text, ",%s=%s", key, escaped);
    g_free(escaped);
    g_strfreev(parts);
}

/* Names of members that are others in -chardev. */
static const char *chardev_key(const char *type, const char *member)
{
    static const struct { const char *type, *member, *key; } names[] = {
        { "file", "out", "path" }, { "pipe", "device", "path" }, { "serial", "device", "path" },
        { "socket", "str", "fd" }, { "local", "host", "localaddr" },
        { "local", "port", "localport" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i].type, type) == 0 && strcmp(names[i].member, member) == 0) {
            return names[i].key;
        }
    }
    return member;
}

/* Addresses are members in members: {"addr": {"type": "inet", "data": {"host": ...}}}. */
static void append_members(GString *text, const char *type, const struct json *data)
{
    for (size_t i = 0; i < json_count(data); i++) {
        const struct json *value = json_at(data, i);
        const char *name = json_key_at(data, i);
        char *plain;

        if (json_type(value) == JSON_OBJECT) {
            const struct json *inner = json_get(value, "data");
            bool local = strcmp(name, "local") == 0;

            append_members(text, local ? "local" : type, inner ? inner : value);
            continue;
        }
        plain = json_type(value) == JSON_STRING ? g_strdup(json_text(value))
            : json_type(value) == JSON_BOOL ? g_strdup(json_is_true(value) ? "on" : "off")
            : json_write(value, false);
        append(text, chardev_key(type, name), plain);
        g_free(plain);
    }
}

struct json *qmp_chardev_add(const struct json *args, struct error **err)
{
    const struct json *backend = json_get(args, "backend"), *data = json_get(backend, "data");
    const char *type = qmp_text(backend, "type");
    GString *text = g_string_new(type);
    struct json *answer = NULL;
    struct chardev *chr;

    append(text, "id", qmp_text(args, "id"));
    if (strcmp(type, "socket") == 0 && !json_get(data, "server")) {
        g_string_append(text, ",server=on");         /* what QMP takes for granted */
    }
    append_members(text, type, data);
    chr = chardev_open_option(text->str, err);
    g_string_free(text, TRUE);
    if (chr) {
        answer = json_object();
        if (g_str_has_prefix(chardev_description(chr), "pty:")) {
            json_set_string(answer, "pty", chardev_description(chr) + 4);
        }
    }
    return answer;
}

/* --- block nodes and jobs -------------------------------------------------------------------- */

struct json *qmp_blockdev_add(const struct json *args, struct error **err)
{
    block_plug_blockdev(args, err);
    return NULL;
}

struct json *qmp_blockdev_del(const struct json *args, struct error **err)
{
    block_unplug_blockdev(qmp_text(args, "node-name"), err);
    return NULL;
}

struct json *qmp_query_block_jobs(const struct json *args, struct error **err)
{
    return block_jobs_describe();
}

/* --- descriptors ----------------------------------------------------------------------------- */

static int passed_fd(struct chardev *chr, struct error **err)
{
    int fd = chr ? chardev_take_fd(chr) : -1;

    if (fd < 0) {
        error_set(err, "No file descriptor supplied via SCM_RIGHTS");
    }
    return fd;
}

static void name_fd(struct chardev *chr, const char *name, struct error **err)
{
    int fd = passed_fd(chr, err);

    if (fd >= 0 && g_ascii_isdigit(*name)) {
        close(fd);
        error_set(err, "Parameter 'fdname' expects a name not starting with a digit");
    } else if (fd >= 0) {
        fd_store_name(name, fd);
    }
}

void hmp_getfd(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    name_fd(mon->chr, hmp_text(args, "fdname"), &err);
    hmp_report(mon, err);
}

struct json *qmp_getfd(const struct json *args, struct error **err)
{
    name_fd(qmp_chardev(), qmp_text(args, "fdname"), err);
    return NULL;
}

void hmp_closefd(struct monitor *mon, struct hmp_args *args)
{
    const char *name = hmp_text(args, "fdname");
    int fd = fd_store_take(name);
    struct error *err = NULL;

    if (fd < 0) {
        error_set(&err, "File descriptor named '%s' not found", name);
    } else {
        close(fd);
    }
    hmp_report(mon, err);
}

struct json *qmp_add_fd(const struct json *args, struct error **err)
{
    int fd = passed_fd(qmp_chardev(), err);
    int64_t set = qmp_int(args, "fdset-id", -1);
    struct json *answer;

    if (fd < 0) {
        return NULL;
    }
    if ((json_get(args, "fdset-id") && set < 0) ||
        !fd_store_add(&set, fd, qmp_text(args, "opaque"), err)) {
        error_set(err, "Parameter 'fdset-id' expects a non-negative value");
        close(fd);
        return NULL;
    }
    answer = json_object();
    json_set_int(answer, "fdset-id", set);
    json_set_int(answer, "fd", fd);
    return answer;
}

struct json *qmp_remove_fd(const struct json *args, struct error **err)
{
    fd_store_remove(qmp_int(args, "fdset-id", -1), (int)qmp_int(args, "fd", -1), err);
    return NULL;
}

struct json *qmp_query_fdsets(const struct json *args, struct error **err)
{
    return fd_store_describe();
}
