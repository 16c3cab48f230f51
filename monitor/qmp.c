/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP sessions: JSON commands on a character device, answers, and events. */
#include "monitor/qmp.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/main-loop.h"
#include "base/version.h"
#include "char.h"
#include "hw/core/run.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"

#define TEXT_MAX (16u << 20)       /* bytes of one command */

struct qmp {
    struct chardev *chr;
    struct json_stream *in;
    bool pretty, negotiated;
};

/* --- output ---------------------------------------------------------------------------------- */

/* Takes the value. */
static void send_value(struct qmp *qmp, struct json *value)
{
    char *text = json_write(value, qmp->pretty);

    chardev_write_all(qmp->chr, text, strlen(text));
    chardev_write_all(qmp->chr, "\r\n", 2);
    g_free(text);
    json_free(value);
}

/* Programs tell a missing device from other failures. */
static const char *error_class(const char *text)
{
    return g_str_has_prefix(text, "Device '") && g_str_has_suffix(text, "' not found")
        ? "DeviceNotFound" : "GenericError";
}

static void send_error(struct qmp *qmp, const char *class, const char *text, const struct json *id)
{
    struct json *reply = json_object(), *error = json_object();

    json_set_string(error, "class", class);
    json_set_string(error, "desc", text);
    json_set(reply, "error", error);
    if (id) {
        json_set(reply, "id", json_copy(id));
    }
    send_value(qmp, reply);
}

static void send_result(struct qmp *qmp, struct json *result, const struct json *id)
{
    struct json *reply = json_object();

    json_set(reply, "return", result ? result : json_object());
    if (id) {
        json_set(reply, "id", json_copy(id));
    }
    send_value(qmp, reply);
}

static void on_event(void *opaque, const char *name, const struct json *data)
{
    struct qmp *qmp = opaque;
    struct json *event = json_object(), *stamp = json_object();
    int64_t now = clock_ns(CLOCK_WALL);

    if (!qmp->negotiated || !chardev_connected(qmp->chr)) {
        json_free(event);
        json_free(stamp);
        return;
    }
    json_set_int(stamp, "seconds", now / NS_PER_SECOND);
    json_set_int(stamp, "microseconds", now % NS_PER_SECOND / 1000);
    json_set(event, "timestamp", stamp);
    json_set_string(event, "event", name);
    if (data) {
        json_set(event, "data", json_copy(data));
    }
    send_value(qmp, event);
}

static void greet(struct qmp *qmp)
{
    struct json *greeting = json_object(), *body = json_object();

    json_set(body, "version", qmp_query_version(NULL, NULL));
    json_set(body, "capabilities", json_array());
    json_set(greeting, "QMP", body);
    send_value(qmp, greeting);
}

/* --- arguments ------------------------------------------------------------------------------- */

const char *qmp_text(const struct json *args, const char *name)
{
    const struct json *value = json_get(args, name);

    return value ? json_text(value) : NULL;
}

int64_t qmp_int(const struct json *args, const char *name, int64_t fallback)
{
    const struct json *value = json_get(args, name);

    return value ? json_integer(value) : fallback;
}

bool qmp_bool(const struct json *args, const char *name, bool fallback)
{
    const struct json *value = json_get(args, name);

    return value ? json_is_true(value) : fallback;
}

/* --- commands of the human monitor ----------------------------------------------------------- */

static void fill_arg(struct hmp_arg *arg, const struct json *value)
{
    switch (json_type(value)) {
    case JSON_STRING:
        arg->set = true;
        arg->text = g_strdup(json_text(value));
        break;
    case JSON_BOOL:
        arg->set = json_is_true(value);
        arg->text = g_strdup(arg->set ? "on" : "off");
        break;
    case JSON_INT:
        arg->set = true;
        arg->number = json_integer(value);
        arg->text = g_strdup_printf("%lld", (long long)arg->number);
        break;
    default:
        break;
    }
}

static void fill_args(const struct hmp_command *row, const struct json *args,
                      struct hmp_args *filled)
{
    const char *at = row->args;
    struct qmp_member m;

    while (qmp_next_member(&at, &m)) {
        struct hmp_arg *arg = &filled->args[filled->count++];
        const struct json *value = json_get(args, m.name);

        g_strlcpy(arg->name, m.name, sizeof(arg->name));
        if (value) {
            fill_arg(arg, value);
        }
    }
}

bool qmp_run_hmp(const char *command, const struct json *args, struct error **err)
{
    const char *at = command;
    const struct hmp_command *row = hmp_find(hmp_commands, &at);
    struct monitor mon = { .format = 'x', .format_size = 4 };
    struct hmp_args filled = { .count = 0 };
    char *text = NULL;
    size_t size = 0;
    bool good;

    fill_args(row, args, &filled);
    mon.out = open_memstream(&text, &size);
    row->run(&mon, &filled);
    fclose(mon.out);
    hmp_free_args(&filled);
    g_strchomp(text);
    good = !g_str_has_prefix(text, "Error: ");
    if (!good) {
        error_set(err, "%s", text + strlen("Error: "));
    }
    free(text);
    return good;
}

/* --- input ----------------------------------------------------------------------------------- */

static const struct qmp_command *find_command(const char *name)
{
    for (const struct qmp_command *c = qmp_commands; c->name; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

static struct chardev *running_on;

struct chardev *qmp_chardev(void)
{
    return running_on;
}

static struct json *run_command(const struct qmp_command *command, const struct json *args,
                                struct error **err)
{
    struct json *empty = json_object(), *result = NULL;

    args = args ? args : empty;
    if (strcmp(command->args, "*") == 0 || qmp_check_members(args, command->args, err)) {
        if (command->hmp) {
            qmp_run_hmp(command->hmp, args, err);
        } else if (command->run) {
            result = command->run(args, err);
        }
    }
    json_free(empty);
    return result;
}

/* The members that a command may have; false, with the reason, for anything else. */
static bool check_input(const struct json *input, struct error **err)
{
    if (json_type(input) != JSON_OBJECT) {
        error_set(err, "QMP input must be a JSON object");
        return false;
    }
    for (size_t i = 0; i < json_count(input); i++) {
        const char *key = json_key_at(input, i);
        const struct json *value = json_at(input, i);
        bool name = strcmp(key, "execute") == 0, args = strcmp(key, "arguments") == 0;

        if (!name && !args && strcmp(key, "id") != 0) {
            error_set(err, "QMP input member '%s' is unexpected", key);
            return false;
        }
        if ((name && json_type(value) != JSON_STRING) ||
            (args && json_type(value) != JSON_OBJECT)) {
            error_set(err, "QMP input member '%s' must be %s", key,
                      name ? "a string" : "an object");
            return false;
        }
    }
    if (!json_get(input, "execute")) {
        error_set(err, "QMP input lacks member 'execute'");
        return false;
    }
    return true;
}

static void dispatch(struct qmp *qmp, const struct json *input)
{
    const struct json *id = json_get(input, "id");
    const char *name = json_text(json_get(input, "execute"));
    const struct qmp_command *command = find_command(name);
    bool negotiation = strcmp(name, "qmp_capabilities") == 0;
    struct error *err = NULL;
    struct json *result;
    char *text;

    if (!qmp->negotiated && !negotiation) {
        send_error(qmp, "CommandNotFound",
                   "Expecting capabilities negotiation with 'qmp_capabilities'", id);
    } else if (!command || (negotiation && qmp->negotiated)) {
        text = g_strdup_printf(negotiation ? "Capabilities negotiation is already complete, "
                               "command ignored" : "The command %s has not been found", name);
        send_error(qmp, "CommandNotFound", text, id);
        g_free(text);
    } else {
        running_on = qmp->chr;
        result = run_command(command, json_get(input, "arguments"), &err);
        running_on = NULL;
        if (err) {
            send_error(qmp, error_class(error_text(err)), error_text(err), id);
            error_free(err);
        } else {
            qmp->negotiated |= negotiation;
            send_result(qmp, result, id);
        }
    }
}

static void take_commands(struct qmp *qmp)
{
    struct error *err = NULL;
    struct json *input;

    /* What a client sent behind `quit` is not worked off any more. */
    while (!machine_quitting() && ((input = json_stream_next(qmp->in, &err)) || err)) {
        if (input && check_input(input, &err)) {
            dispatch(qmp, input);
        }
        if (err) {
            send_error(qmp, "GenericError", error_text(err), json_get(input, "id"));
            error_free(err);
            err = NULL;
        }
        json_free(input);
    }
}

static size_t can_read(void *opaque)
{
    return machine_quitting() ? 0 : 65536;
}

static void on_read(void *opaque, const uint8_t *data, size_t size)
{
    struct qmp *qmp = opaque;

    json_stream_add(qmp->in, data, size);
    take_commands(qmp);
}

static void on_chardev_event(void *opaque, enum chardev_event event)
{
    struct qmp *qmp = opaque;

    if (event == CHARDEV_OPENED) {
        json_stream_free(qmp->in);
        qmp->in = json_stream_create(TEXT_MAX);
        qmp->negotiated = false;
        greet(qmp);
    }
}

static const struct chardev_handlers handlers = {
    .can_read = can_read, .read = on_read, .event = on_chardev_event,
};

bool qmp_add(struct chardev *chr, bool pretty, struct error **err)
{
    struct qmp *qmp = g_new0(struct qmp, 1);

    qmp->chr = chr;
    qmp->pretty = pretty;
    qmp->in = json_stream_create(TEXT_MAX);
    if (!chardev_attach(chr, &handlers, qmp, err)) {
        json_stream_free(qmp->in);
        g_free(qmp);
        return false;
    }
    event_listen(on_event, qmp);
    return true;
}
