/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queries of QMP: what this emulator is, and how its machine does. */
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "accel/accel.h"
#include "base/option.h"
#include "base/version.h"
#include "block/drive.h"
#include "char.h"
#include "console.h"
#include "cpu-exec.h"
#include "hw/core/device.h"
#include "hw/core/run.h"
#include "hw/pci/pci.h"
#include "hw/virtio/balloon.h"
#include "monitor/monitor.h"
#include "monitor/qmp.h"
#include "ui/display.h"

struct json *qmp_query_version(const struct json *args, struct error **err)
{
    struct json *o = json_object(), *triple = json_object();
    int major = 0, minor = 0, micro = 0;

    sscanf(QEMU_VERSION, "%d.%d.%d", &major, &minor, &micro);
    json_set_int(triple, "micro", micro);
    json_set_int(triple, "minor", minor);
    json_set_int(triple, "major", major);
    json_set(o, "qemu", triple);
    json_set_string(o, "package", "");
    return o;
}

struct json *qmp_query_status(const struct json *args, struct error **err)
{
    const char *text = machine_status(), *open = strchr(text, '(');
    struct json *o = json_object();

    json_set_bool(o, "running", machine_running());
    json_set_bool(o, "singlestep", false);
    /* "paused (shutdown)" is the state shutdown. */
    if (open) {
        char *state = g_strndup(open + 1, strcspn(open + 1, ")"));

        json_set_string(o, "status", state);
        g_free(state);
    } else {
        json_set_string(o, "status", text);
    }
    return o;
}

struct json *qmp_query_kvm(const struct json *args, struct error **err)
{
    struct json *o = json_object();

    json_set_bool(o, "enabled", accel_is(&accel_kvm));
    json_set_bool(o, "present", the_target.kvm != NULL);
    return o;
}

struct json *qmp_query_target(const struct json *args, struct error **err)
{
    struct json *o = json_object();

    json_set_string(o, "arch", the_target.name);
    return o;
}

struct json *qmp_query_name(const struct json *args, struct error **err)
{
    struct json *o = json_object();

    json_set_string(o, "name", machine_config()->name);
    return o;
}

struct json *qmp_query_uuid(const struct json *args, struct error **err)
{
    const uint8_t *u = machine_config()->uuid;
    GString *text = g_string_new(NULL);
    struct json *o = json_object();

    for (int i = 0; i < 16; i++) {
        g_string_append_printf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               u[i]);
    }
    json_set_string(o, "UUID", text->str);
    g_string_free(text, TRUE);
    return o;
}

struct json *qmp_query_balloon(const struct json *args, struct error **err)
{
    struct json *o;
    uint64_t bytes;

    if (!balloon_get(&bytes, err)) {
        return NULL;
    }
    o = json_object();
    json_set_int(o, "actual", (int64_t)bytes);
    return o;
}

struct json *qmp_balloon(const struct json *args, struct error **err)
{
    int64_t bytes = qmp_int(args, "value", 0);

    if (bytes <= 0) {
        error_set(err, "Parameter 'value' expects a size");
    } else {
        balloon_set((uint64_t)bytes, err);
    }
    return NULL;
}

struct json *qmp_query_memory_size_summary(const struct json *args, struct error **err)
{
    struct json *o = json_object();

    json_set_int(o, "base-memory", (int64_t)machine_config()->ram_size);
    json_set_int(o, "plugged-memory", 0);
    return o;
}

struct json *qmp_query_current_machine(const struct json *args, struct error **err)
{
    struct json *o = json_object();

    json_set_bool(o, "wakeup-suspend-support", !machine_config()->no_acpi && cpu_first());
    return o;
}

/* Drives have threads of their own, which have no names. */
struct json *qmp_query_iothreads(const struct json *args, struct error **err)
{
    return json_array();
}

struct json *qmp_query_display(const struct json *args, struct error **err)
{
    static const char *const names[] = { "default", "none", "sdl", "curses", "none" };
    struct json *o = json_object();

    json_set_string(o, "type", names[display_decide(false)]);
    return o;
}

/* --- machines and CPUs ----------------------------------------------------------------------- */

struct json *qmp_query_machines(const struct json *args, struct error **err)
{
    struct json *list = json_array();
    const struct machine_class *class;

    for (unsigned n = 0; (class = machine_class_at(n)); n++) {
        struct json *o = json_object();
        const char *model = the_target.word_bits == 64 ? class->default_cpu64
                                                       : class->default_cpu32;
        char *type = model ? g_strdup_printf("%s-%s-cpu", model, the_target.name) : NULL;

        json_set_string(o, "name", class->name);
        json_set_string(o, "alias", class->alias);
        if (class->is_default) {
            json_set_bool(o, "is-default", true);
        }
        json_set_int(o, "cpu-max", class->max_cpus);
        json_set_bool(o, "hotpluggable-cpus", false);
        json_set_bool(o, "numa-mem-supported", false);
        json_set_bool(o, "deprecated", false);
        json_set_string(o, "default-cpu-type", type);
        json_append(list, o);
        g_free(type);
    }
    return list;
}

struct json *qmp_query_cpu_definitions(const struct json *args, struct error **err)
{
    struct json *list = json_array();
    const char *name;

    for (unsigned n = 0; the_target.model_name && (name = the_target.model_name(n)); n++) {
        struct json *o = json_object();
        char *type = g_strdup_printf("%s-%s-cpu", name, the_target.name);

        json_set_string(o, "name", name);
        json_set_string(o, "typename", type);
        json_set_bool(o, "static", strcmp(name, "base") == 0);
        json_set_bool(o, "migration-safe", strcmp(name, "max") != 0);
        json_set_bool(o, "deprecated", false);
        json_set(o, "unavailable-features", json_array());
        json_append(list, o);
        g_free(type);
    }
    return list;
}

struct json *qmp_query_cpus_fast(const struct json *args, struct error **err)
{
    const struct machine_config *c = machine_config();
    struct json *list = json_array();

    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        struct json *o = json_object(), *place = json_object();
        unsigned threads = MAX(c->threads, 1), cores = MAX(c->cores, 1);
        unsigned index = (unsigned)cpu->index;

        json_set_int(place, "core-id", index / threads % cores);
        json_set_int(place, "thread-id", index % threads);
        json_set_int(place, "socket-id", index / threads / cores);
        json_set_int(o, "thread-id", cpu->thread_id);
        json_set(o, "props", place);
        json_set(o, "qom-path", json_printf("/machine/cpu[%u]", index));
        json_set_int(o, "cpu-index", index);
        json_set_string(o, "target", the_target.name);
        json_append(list, o);
    }
    return list;
}

/* --- devices --------------------------------------------------------------------------------- */

static void add_class(void *opaque, const struct device_class *class)
{
    struct json *o = json_object();

    json_set_string(o, "name", class->name);
    json_set_string(o, "parent", class->bus ? class->bus : "device");
    json_append(opaque, o);
}

struct json *qmp_qom_list_types(const struct json *args, struct error **err)
{
    struct json *list = json_array();

    device_class_walk(add_class, list);
    return list;
}

static void add_property(struct json *list, const char *name, const char *type)
{
    struct json *o = json_object();

    json_set_string(o, "name", name);
    json_set_string(o, "type", type);
    json_append(list, o);
}

static void add_properties(struct json *list, const struct property *p)
{
    static const char *const types[] = {
        [PROPERTY_BOOL] = "bool", [PROPERTY_UINT] = "uint64", [PROPERTY_SIZE] = "size",
        [PROPERTY_STRING] = "str", [PROPERTY_MAC] = "str", [PROPERTY_DRIVE] = "str",
        [PROPERTY_CHARDEV] = "str", [PROPERTY_NETDEV] = "str", [PROPERTY_AUDIODEV] = "str",
    };

    for (; p && p->name; p++) {
        add_property(list, p->name, types[p->kind]);
    }
}

struct json *qmp_device_list_properties(const struct json *args, struct error **err)
{
    const struct device_class *class = device_class_find(qmp_text(args, "typename"));
    const struct bus_type *type = class && class->bus ? bus_type_find(class->bus) : NULL;
    struct json *list;

    if (!class) {
        error_set(err, "Device '%s' not found", qmp_text(args, "typename"));
        return NULL;
    }
    list = json_array();
    add_properties(list, class->properties);
    add_properties(list, type ? type->properties : NULL);
    return list;
}

struct json *qmp_query_pci(const struct json *args, struct error **err)
{
    return pci_describe();
}

struct json *qmp_query_mice(const struct json *args, struct error **err)
{
    struct json *list = json_array();
    int index = 0;

    for (struct input_handler *h = input_first(); h; h = h->next) {
        if (h->moved || h->moved_to) {
            struct json *o = json_object();

            json_set_string(o, "name", h->name);
            json_set_int(o, "index", index);
            json_set_bool(o, "current", index == 0);
            json_set_bool(o, "absolute", h->absolute);
            json_append(list, o);
            index++;
        }
    }
    return list;
}

struct json *qmp_query_chardev(const struct json *args, struct error **err)
{
    struct json *list = json_array();

    for (struct chardev *chr = chardev_first(); chr; chr = chardev_next(chr)) {
        struct json *o = json_object();

        json_set_bool(o, "frontend-open", chardev_has_frontend(chr));
        json_set_string(o, "filename", chardev_description(chr));
        json_set_string(o, "label", chardev_id(chr));
        json_append(list, o);
    }
    return list;
}

struct json *qmp_query_chardev_backends(const struct json *args, struct error **err)
{
    struct json *list = json_array();
    const char *name;

    for (unsigned n = 0; (name = chardev_backend_name(n)); n++) {
        struct json *o = json_object();

        json_set_string(o, "name", name);
        json_append(list, o);
    }
    return list;
}

/* --- drives ---------------------------------------------------------------------------------- */

static struct json *describe_image(struct block *block)
{
    struct json *o = json_object(), *cache = json_object(), *image = json_object();
    static const char *const zeroes[] = { "off", "on", "unmap" };
    static const char *const limits[] = { "bps", "bps_rd", "bps_wr", "iops", "iops_rd",
                                          "iops_wr", "write_threshold", "backing_file_depth" };

    json_set_bool(cache, "writeback", block_write_cache(block));
    json_set_bool(cache, "direct", block->cache_direct);
    json_set_bool(cache, "no-flush", block->cache_unsafe);
    json_set_string(image, "filename", block_file(block));
    json_set_string(image, "format", block_format(block));
    json_set_int(image, "virtual-size", block_length(block));
    json_set_string(o, "file", block_file(block));
    json_set_bool(o, "ro", block_readonly(block));
    json_set_string(o, "drv", block_format(block));
    json_set_bool(o, "encrypted", false);
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        json_set_int(o, limits[i], 0);
    }
    json_set_string(o, "detect_zeroes", zeroes[block->detect_zeroes]);
    json_set(o, "cache", cache);
    json_set(o, "image", image);
    return o;
}

struct json *qmp_query_block(const struct json *args, struct error **err)
{
    struct json *list = json_array();

    for (struct block *b = block_first(); b; b = block_next(b)) {
        bool removable = block_type(b) != BLOCK_DISK;
        struct json *o = json_object();

        json_set_string(o, "device", block_id(b));
        json_set_bool(o, "locked", block_locked(b));
        json_set_bool(o, "removable", removable);
        if (removable) {
            json_set_bool(o, "tray_open", block_tray_open(b));
        }
        json_set_string(o, "type", "unknown");
        if (block_inserted(b)) {
            json_set(o, "inserted", describe_image(b));
        }
        json_append(list, o);
    }
    return list;
}

struct json *qmp_query_named_block_nodes(const struct json *args, struct error **err)
{
    struct json *list = json_array();

    for (struct block *b = block_first(); b; b = block_next(b)) {
        if (block_inserted(b)) {
            json_append(list, describe_image(b));
        }
    }
    return list;
}

struct json *qmp_query_blockstats(const struct json *args, struct error **err)
{
    struct json *list = json_array();

    for (struct block *b = block_first(); b; b = block_next(b)) {
        struct json *o = json_object(), *stats = json_object();
        struct block_stats s;

        block_get_stats(b, &s);
        json_set_int(stats, "rd_bytes", (int64_t)s.read_bytes);
        json_set_int(stats, "wr_bytes", (int64_t)s.write_bytes);
        json_set_int(stats, "rd_operations", (int64_t)s.read_count);
        json_set_int(stats, "wr_operations", (int64_t)s.write_count);
        json_set_int(stats, "flush_operations", (int64_t)s.flush_count);
        json_set_string(o, "device", block_id(b));
        json_set(o, "stats", stats);
        json_append(list, o);
    }
    return list;
}

/* --- the command line ------------------------------------------------------------------------ */

static const struct option_row *options;

void qmp_set_options(const struct option_row *rows)
{
    options = rows;
}

/* The keys are the words before "=" in the option's own help. */
static struct json *describe_keys(const char *form)
{
    struct json *list = json_array();
    const char *equals;

    for (const char *at = form; at && (equals = strchr(at, '=')); at = equals + 1) {
        const char *start = equals;
        struct json *o;
        char *name;

        while (start > at && (g_ascii_isalnum(start[-1]) || start[-1] == '-' ||
                              start[-1] == '_')) {
            start--;
        }
        if (start == equals) {
            continue;
        }
        o = json_object();
        name = g_strndup(start, (gsize)(equals - start));
        json_set_string(o, "name", name);
        json_set_string(o, "type", g_str_has_prefix(equals, "=on|off") ? "boolean" : "string");
        json_append(list, o);
        g_free(name);
    }
    return list;
}

struct json *qmp_query_command_line_options(const struct json *args, struct error **err)
{
    const char *wanted = qmp_text(args, "option");
    struct json *list = json_array();

    for (const struct option_row *row = options; row && row->name; row++) {
        if (row->help && row->has_arg && (!wanted || strcmp(wanted, row->name) == 0)) {
            struct json *o = json_object();

            json_set_string(o, "option", row->name);
            json_set(o, "parameters", describe_keys(row->arg_help));
            json_append(list, o);
        }
    }
    if (wanted && !json_count(list)) {
        error_set(err, "invalid option name: %s", wanted);
    }
    return list;
}
