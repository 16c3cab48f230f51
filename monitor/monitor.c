/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitors on character devices: the prompt, the way of a line to its command, and its answer. */
#include "monitor/monitor.h"

#include <ctype.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/main-loop.h"
#include "hw/core/run.h"
#include "monitor/hmp.h"
#include "base/version.h"

static void init(struct monitor *mon)
{
    *mon = (struct monitor){ .format = 'x', .format_size = 4 };
}

/* Terminals want a carriage return before each line feed. */
static void send_text(struct monitor *mon, const char *text, size_t size)
{
    while (size) {
        const char *end = memchr(text, '\n', size);
        size_t line = end ? (size_t)(end - text) : size;

        chardev_write_all(mon->chr, text, line);
        if (end) {
            chardev_write_all(mon->chr, "\r\n", 2);
            line++;
        }
        text += line;
        size -= line;
    }
}

void monitor_execute(const char *line, FILE *out)
{
    monitor_execute_on(line, 0, out);
}

void monitor_execute_on(const char *line, int cpu_index, FILE *out)
{
    struct monitor mon;

    init(&mon);
    mon.out = out;
    mon.cpu_index = cpu_index;
    hmp_run_line(&mon, line);
}

/* --- running a line -------------------------------------------------------------------------- */

void hmp_run_line(struct monitor *mon, const char *line)
{
    const struct hmp_command *table = hmp_commands, *command;
    const char *at = line, *start;
    struct hmp_args args;

    do {
        while (isspace((unsigned char)*at)) {
            at++;
        }
        start = at;
        if (!*at && table == hmp_commands) {
            return;
        }
        command = hmp_find(table, &at);
        if (!command) {
            size_t end = (start - line) + strcspn(start, " \t/");

            fprintf(mon->out, "unknown command: '%.*s'\n", (int)end, line);
            return;
        }
        table = command->subcommands;
        while (isspace((unsigned char)*at)) {
            at++;
        }
    } while (table && *at);
    if (hmp_parse_args(mon, command, at, &args)) {
        command->run(mon, &args);
    } else {
        fprintf(mon->out, "Try \"help %.*s\" for more information\n",
                (int)strcspn(line, " \t"), line);
    }
    hmp_free_args(&args);
}

static void on_line(void *opaque, const char *text)
{
    struct monitor *mon = opaque;
    char *answer = NULL;
    size_t size = 0;

    mon->out = open_memstream(&answer, &size);
    if (mon->answered) {
        void (*answered)(struct monitor *mon, const char *secret) = mon->answered;

        mon->answered = NULL;
        answered(mon, text);
    } else {
        hmp_run_line(mon, text);
    }
    fclose(mon->out);
    mon->out = NULL;
    send_text(mon, answer, size);
    free(answer);
    if (!machine_quitting() && !mon->suspended) {
        readline_show(mon->rl);
    }
}

/* Keys behind a command that goes on wait for its end. */
static void type(struct monitor *mon, const char *keys, size_t size)
{
    size_t i = 0;

    while (i < size && !mon->suspended && !machine_quitting()) {
        readline_input(mon->rl, keys[i++]);
    }
    g_string_append_len(mon->keys, keys + i, size - i);
}

bool hmp_suspend(struct monitor *mon)
{
    mon->suspended = mon->chr != NULL;
    return mon->suspended;
}

void hmp_resume(struct monitor *mon, const char *text)
{
    GString *keys = mon->keys;

    mon->suspended = false;
    send_text(mon, text, strlen(text));
    readline_show(mon->rl);
    mon->keys = g_string_new(NULL);
    type(mon, keys->str, keys->len);
    g_string_free(keys, TRUE);
    chardev_accept_input(mon->chr);
}

static void on_write(void *opaque, const char *text, size_t size)
{
    chardev_write_all(((struct monitor *)opaque)->chr, text, size);
}

static void on_complete(void *opaque, struct readline *rl, const char *text)
{
    hmp_complete(opaque, rl, text);
}

static const struct readline_ops readline_ops = {
    .write = on_write, .line = on_line, .complete = on_complete,
};

/* --- the device ------------------------------------------------------------------------------ */

static size_t can_read(void *opaque)
{
    return machine_quitting() || ((struct monitor *)opaque)->suspended ? 0 : 256;
}

static void on_read(void *opaque, const uint8_t *data, size_t size)
{
    type(opaque, (const char *)data, size);
}

/* Later, when it is settled who has the keyboard of a multiplexer. */
static void greet(void *opaque)
{
    struct monitor *mon = opaque;

    if (mon->muxed && !mon->focused) {
        return;
    }
    if (!mon->greeted) {
        mon->greeted = true;
        chardev_printf(mon->chr, "QEMU %s monitor - type 'help' for more information\r\n",
                       QEMU_VERSION);
    }
    readline_show(mon->rl);
}

static void on_event(void *opaque, enum chardev_event event)
{
    struct monitor *mon = opaque;

    switch (event) {
    case CHARDEV_OPENED:
        mon->greeted = false;
        if (!mon->muxed) {
            main_loop_call(greet, mon);
        }
        break;
    case CHARDEV_MUX_IN:
        mon->muxed = mon->focused = true;
        main_loop_call(greet, mon);
        break;
    case CHARDEV_MUX_OUT:
        mon->focused = false;
        if (mon->greeted) {
            chardev_write_all(mon->chr, "\r\n", 2);
        }
        break;
    default:
        break;
    }
}

static const struct chardev_handlers handlers = {
    .can_read = can_read, .read = on_read, .event = on_event,
};

static struct monitor *monitors;        /* for as long as the process lives */

bool monitor_add(struct chardev *chr, struct error **err)
{
    struct monitor *mon = g_new0(struct monitor, 1);

    init(mon);
    mon->chr = chr;
    mon->keys = g_string_new(NULL);
    mon->rl = readline_create(&readline_ops, mon, "(qemu) ");
    if (!chardev_attach(chr, &handlers, mon, err)) {
        readline_free(mon->rl);
        g_string_free(mon->keys, TRUE);
        g_free(mon);
        return false;
    }
    mon->next = monitors;
    monitors = mon;
    return true;
}
