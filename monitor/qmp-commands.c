/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of QMP commands, and those that act. Actions of both monitors have one handler, the
 * human monitor's. */
#include <glib.h>
#include <string.h>

#include "block/drive.h"
#include "char/memory.h"
#include "console.h"
#include "crypto/object.h"
#include "hw/core/device.h"
#include "monitor/keys.h"
#include "monitor/monitor.h"
#include "monitor/qmp.h"
#include "ui/screendump.h"
#include "ui/vnc/vnc.h"

static struct json *qmp_nothing(const struct json *args, struct error **err)
{
    return NULL;
}

const struct qmp_command qmp_commands[] = {
    { "add-fd", "fdset-id:int? opaque:str?", "AddfdInfo", qmp_add_fd },
    { "balloon", "value:int", NULL, qmp_balloon },
    { "block-commit", "device:str base:str? speed:int?", NULL, qmp_block_commit },
    { "block-job-cancel", "device:str force:bool?", NULL, NULL, "block_job_cancel" },
    { "block-job-complete", "device:str", NULL, NULL, "block_job_complete" },
    { "block-job-pause", "device:str", NULL, NULL, "block_job_pause" },
    { "block-job-resume", "device:str", NULL, NULL, "block_job_resume" },
    { "block-job-set-speed", "device:str speed:int", NULL, NULL, "block_job_set_speed" },
    { "block-stream", "device:str base:str? speed:int?", NULL, qmp_block_stream },
    { "block_resize", "device:str size:int", NULL, NULL, "block_resize" },
    { "blockdev-add", "*", NULL, qmp_blockdev_add },
    { "blockdev-change-medium", "device:str? id:str? filename:str format:str? force:bool? "
      "read-only-mode:str?", NULL, qmp_change_medium },
    { "blockdev-del", "node-name:str", NULL, qmp_blockdev_del },
    { "blockdev-snapshot-sync", "device:str snapshot-file:str format:str? mode:NewImageMode?", NULL,
      qmp_snapshot_sync },
    { "change-vnc-password", "password:str", NULL, qmp_change_vnc_password },
    { "chardev-add", "id:str backend:ChardevBackend", "ChardevReturn", qmp_chardev_add },
    { "chardev-remove", "id:str", NULL, NULL, "chardev-remove" },
    { "closefd", "fdname:str", NULL, NULL, "closefd" },
    { "cont", "", NULL, NULL, "cont" },
    { "device_add", "*", NULL, qmp_device_add },
    { "device_del", "id:str", NULL, NULL, "device_del" },
    { "device-list-properties", "typename:str", "[ObjectPropertyInfo]",
      qmp_device_list_properties },
    { "drive-backup", "device:str target:str format:str? sync:MirrorSyncMode mode:NewImageMode? "
      "speed:int? compress:bool?", NULL, qmp_drive_backup },
    { "drive-mirror", "device:str target:str format:str? sync:MirrorSyncMode mode:NewImageMode? "
      "speed:int?", NULL, qmp_drive_mirror },
    { "eject", "device:str? id:str? force:bool?", NULL, qmp_eject },
    { "expire_password", "protocol:DisplayProtocol time:str display:str?", NULL,
      qmp_expire_password },
    { "getfd", "fdname:str", NULL, qmp_getfd },
    { "human-monitor-command", "command-line:str cpu-index:int?", "str",
      qmp_human_monitor_command },
    { "inject-nmi", "", NULL, NULL, "nmi" },
    { "input-send-event", "device:str? head:int? events:[InputEvent]", NULL,
      qmp_input_send_event },
    { "memsave", "val:int size:int filename:str cpu-index:int?", NULL, NULL, "memsave" },
    { "migrate", "uri:str detach:bool? blk:bool? inc:bool? resume:bool?", NULL, NULL, "migrate" },
    { "migrate-incoming", "uri:str", NULL, NULL, "migrate_incoming" },
    { "migrate-set-parameters", "max-bandwidth:int? downtime-limit:int?", NULL,
      qmp_migrate_set_parameters },
    { "migrate_cancel", "", NULL, NULL, "migrate_cancel" },
    { "netdev_add", "*", NULL, qmp_netdev_add },
    { "netdev_del", "id:str", NULL, NULL, "netdev_del" },
    { "object-add", "*", NULL, qmp_object_add },
    { "pmemsave", "val:int size:int filename:str", NULL, NULL, "pmemsave" },
    { "qmp_capabilities", "enable:[str]?", NULL, qmp_nothing },
    { "qom-list-types", "implements:str? abstract:bool?", "[ObjectTypeInfo]", qmp_qom_list_types },
    { "query-balloon", "", "BalloonInfo", qmp_query_balloon },
    { "query-block", "", "[BlockInfo]", qmp_query_block },
    { "query-block-jobs", "", "[BlockJobInfo]", qmp_query_block_jobs },
    { "query-blockstats", "query-nodes:bool?", "[BlockStats]", qmp_query_blockstats },
    { "query-chardev", "", "[ChardevInfo]", qmp_query_chardev },
    { "query-chardev-backends", "", "[ChardevBackendInfo]", qmp_query_chardev_backends },
    { "query-command-line-options", "option:str?", "[CommandLineOptionInfo]",
      qmp_query_command_line_options },
    { "query-commands", "", "[CommandInfo]", qmp_query_commands },
    { "query-cpu-definitions", "", "[CpuDefinitionInfo]", qmp_query_cpu_definitions },
    { "query-cpus-fast", "", "[CpuInfoFast]", qmp_query_cpus_fast },
    { "query-current-machine", "", "CurrentMachineParams", qmp_query_current_machine },
    { "query-display-options", "", "DisplayOptions", qmp_query_display },
    { "query-fdsets", "", "[FdsetInfo]", qmp_query_fdsets },
    { "query-iothreads", "", "[IOThreadInfo]", qmp_query_iothreads },
    { "query-kvm", "", "KvmInfo", qmp_query_kvm },
    { "query-machines", "", "[MachineInfo]", qmp_query_machines },
    { "query-memory-size-summary", "", "MemoryInfo", qmp_query_memory_size_summary },
    { "query-mice", "", "[MouseInfo]", qmp_query_mice },
    { "query-migrate", "", "MigrationInfo", qmp_query_migrate },
    { "query-migrate-parameters", "", "MigrationParameters", qmp_query_migrate_parameters },
    { "query-name", "", "NameInfo", qmp_query_name },
    { "query-named-block-nodes", "flat:bool?", "[BlockDeviceInfo]", qmp_query_named_block_nodes },
    { "query-pci", "", "[PciInfo]", qmp_query_pci },
    { "query-qmp-schema", "", "[SchemaInfo]", qmp_query_qmp_schema },
    { "query-status", "", "StatusInfo", qmp_query_status },
    { "query-target", "", "TargetInfo", qmp_query_target },
    { "query-uuid", "", "UuidInfo", qmp_query_uuid },
    { "query-version", "", "VersionInfo", qmp_query_version },
    { "query-vnc", "", "VncInfo", qmp_query_vnc },
    { "query-vnc-servers", "", "[VncInfo2]", qmp_query_vnc_servers },
    { "quit", "", NULL, NULL, "quit" },
    { "remove-fd", "fdset-id:int fd:int?", NULL, qmp_remove_fd },
    { "ringbuf-read", "device:str size:int format:str?", "str", qmp_ringbuf_read },
    { "ringbuf-write", "device:str data:str", NULL, NULL, "ringbuf_write" },
    { "screendump", "filename:str device:str? head:int? format:ImageFormat?", NULL,
      qmp_screendump },
    { "send-key", "keys:[KeyValue] hold-time:int?", NULL, qmp_send_key },
    { "set_link", "name:str up:bool", NULL, NULL, "set_link" },
    { "set_password", "protocol:DisplayProtocol password:str connected:SetPasswordAction? "
      "display:str?", NULL, qmp_set_password },
    { "stop", "", NULL, NULL, "stop" },
    { "system_powerdown", "", NULL, NULL, "system_powerdown" },
    { "system_reset", "", NULL, NULL, "system_reset" },
    { "system_wakeup", "", NULL, NULL, "system_wakeup" },
    { NULL }
};

struct json *qmp_query_commands(const struct json *args, struct error **err)
{
    struct json *list = json_array();

    for (const struct qmp_command *c = qmp_commands; c->name; c++) {
        struct json *o = json_object();

        json_set_string(o, "name", c->name);
        json_append(list, o);
    }
    return list;
}

struct json *qmp_human_monitor_command(const struct json *args, struct error **err)
{
    struct json *answer;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    GString *lines = g_string_new(NULL);

    monitor_execute_on(qmp_text(args, "command-line"), (int)qmp_int(args, "cpu-index", 0), out);
    fclose(out);
    /* Lines end as on a terminal. */
    for (size_t i = 0; i < size; i++) {
        g_string_append(lines, text[i] == '\n' ? "\r" : "");
        g_string_append_c(lines, text[i]);
    }
    answer = json_string(lines->str);
    g_string_free(lines, TRUE);
    free(text);
    return answer;
}

/* --- devices --------------------------------------------------------------------------------- */

/* Commas in values are doubled; {"str": "x"} in a list is x. */
static void append_member(GString *text, const char *key, const struct json *member)
{
    const struct json *inner = json_type(member) == JSON_OBJECT ? json_get(member, "str") : NULL;
    char *plain, **parts, *escaped;

    member = inner ? inner : member;
    plain = json_type(member) == JSON_STRING ? g_strdup(json_text(member))
        : json_type(member) == JSON_BOOL ? g_strdup(json_is_true(member) ? "on" : "off")
        : json_write(member, false);
    parts = g_strsplit(plain, ",", -1);
    escaped = g_strjoinv(",,", parts);
    g_string_append_printf(text, ",%s=%s", key, escaped);
    g_strfreev(parts);
    g_free(escaped);
    g_free(plain);
}

char *qmp_option_text(const struct json *args, const char *first, struct error **err)
{
    const struct json *value = json_get(args, first);
    GString *text;

    if (!value || json_type(value) != JSON_STRING) {
        error_set(err, "Parameter '%s' is missing", first);
        return NULL;
    }
    text = g_string_new(json_text(value));
    for (size_t i = 0; i < json_count(args); i++) {
        const struct json *member = json_at(args, i);

        if (member != value && json_type(member) == JSON_ARRAY) {
            for (size_t n = 0; n < json_count(member); n++) {
                append_member(text, json_key_at(args, i), json_at(member, n));
            }
        } else if (member != value) {
            append_member(text, json_key_at(args, i), member);
        }
    }
    return g_string_free(text, FALSE);
}

struct json *qmp_device_add(const struct json *args, struct error **err)
{
    char *text = qmp_option_text(args, "driver", err);

    if (text) {
        device_add_option(text, err);
    }
    g_free(text);
    return NULL;
}

struct json *qmp_object_add(const struct json *args, struct error **err)
{
    char *text = qmp_option_text(args, "qom-type", err);

    if (text && !crypto_is_object(json_text(json_get(args, "qom-type")))) {
        error_set(err, "object type '%s' cannot be added to a running machine",
                  json_text(json_get(args, "qom-type")));
    } else if (text) {
        crypto_add_object(text, err);
    }
    g_free(text);
    return NULL;
}

/* --- media ----------------------------------------------------------------------------------- */

static struct block *find_drive(const struct json *args, struct error **err)
{
    const char *device = qmp_text(args, "device"), *id = qmp_text(args, "id");
    const char *name = device ? device : id;
    struct block *block = name ? block_find(name) : NULL;

    if (!device == !id) {
        error_set(err, "Need exactly one of 'device' and 'id'");
        return NULL;
    }
    if (!block) {
        error_set(err, "Device '%s' not found", name);
    }
    return block;
}

struct json *qmp_eject(const struct json *args, struct error **err)
{
    struct block *block = find_drive(args, err);

    if (block) {
        block_eject_medium(block, qmp_bool(args, "force", false), err);
    }
    return NULL;
}

struct json *qmp_change_medium(const struct json *args, struct error **err)
{
    struct block *block = find_drive(args, err);
    const char *mode = qmp_text(args, "read-only-mode");

    if (block && mode && strcmp(mode, "retain") != 0) {
        block->readonly_wanted = strcmp(mode, "read-only") == 0 || block->type == BLOCK_CDROM;
    }
    if (block) {
        block_change_medium(block, qmp_text(args, "filename"), qmp_text(args, "format"), err);
    }
    return NULL;
}

struct json *qmp_ringbuf_read(const struct json *args, struct error **err)
{
    struct chardev *chr = chardev_find(qmp_text(args, "device"));
    bool base64 = g_strcmp0(qmp_text(args, "format"), "base64") == 0;
    int64_t size = CLAMP(qmp_int(args, "size", 0), 0, 16 << 20);
    struct json *answer;
    uint8_t *data;
    char *text;

    if (!chr || !chardev_is_ringbuf(chr)) {
        error_set(err, chr ? "%s is not a ringbuf device" : "Device '%s' not found",
                  qmp_text(args, "device"));
        return NULL;
    }
    data = g_malloc0((gsize)size + 1);
    size = (int64_t)chardev_ringbuf_read(chr, data, (size_t)size);
    text = base64 ? g_base64_encode(data, (gsize)size) : g_strdup((char *)data);
    answer = json_string(text);
    g_free(text);
    g_free(data);
    return answer;
}

/* --- screen, keys and pointers --------------------------------------------------------------- */

struct json *qmp_screendump(const struct json *args, struct error **err)
{
    const char *format = qmp_text(args, "format");
    struct console *con = console_find((unsigned)CLAMP(qmp_int(args, "head", 0), 0, 1000));

    if (!con) {
        error_set(err, "There is no console to take a screendump from");
    } else {
        screendump_write(con, qmp_text(args, "filename"), format ? format : "ppm", err);
    }
    return NULL;
}

/* {"type": "qcode", "data": "ret"} or {"type": "number", "data": 28} */
static enum input_key key_of(const struct json *value, struct error **err)
{
    const struct json *type = json_get(value, "type"), *data = json_get(value, "data");
    enum input_key key = INPUT_KEY_NONE;

    if (type && data && json_type(type) == JSON_STRING && json_type(data) == JSON_STRING) {
        key = input_key_from_name(json_text(data));
    } else if (data && json_type(data) == JSON_INT) {
        key = input_key_from_set1((uint8_t)json_integer(data));
    }
    if (key == INPUT_KEY_NONE) {
        error_set(err, "Parameter 'data' does not accept value '%s'",
                  data && json_type(data) == JSON_STRING ? json_text(data) : "");
    }
    return key;
}

struct json *qmp_send_key(const struct json *args, struct error **err)
{
    const struct json *list = json_get(args, "keys");
    int64_t hold = qmp_int(args, "hold-time", KEYS_HOLD_MS);
    enum input_key keys[KEYS_MAX];
    unsigned count = 0;

    if (json_count(list) > KEYS_MAX || hold < 0 || hold > 60000) {
        error_set(err, "send-key: too many keys, or an impossible hold-time");
        return NULL;
    }
    for (size_t i = 0; i < json_count(list); i++) {
        keys[count] = key_of(json_at(list, i), err);
        if (keys[count++] == INPUT_KEY_NONE) {
            return NULL;
        }
    }
    if (count) {
        keys_press(keys, count, (int)hold);
    }
    return NULL;
}

struct pointer_events {
    int dx, dy, wheel, x, y;
    bool relative, absolute, pressed;
};

static void pointer_axis(struct pointer_events *p, const struct json *data, bool absolute)
{
    bool is_x = strcmp(qmp_text(data, "axis"), "x") == 0;
    int value = (int)CLAMP(qmp_int(data, "value", 0), -INPUT_ABSOLUTE_MAX, INPUT_ABSOLUTE_MAX);

    p->relative |= !absolute;
    p->absolute |= absolute;
    *(absolute ? is_x ? &p->x : &p->y : is_x ? &p->dx : &p->dy) = value;
}

static void pointer_button(struct pointer_events *p, const struct json *data, unsigned *buttons)
{
    static const struct { const char *name; unsigned button; } names[] = {
        { "left", INPUT_BUTTON_LEFT }, { "middle", INPUT_BUTTON_MIDDLE },
        { "right", INPUT_BUTTON_RIGHT }, { "side", INPUT_BUTTON_SIDE },
        { "extra", INPUT_BUTTON_EXTRA },
    };
    const char *name = qmp_text(data, "button");
    bool down = qmp_bool(data, "down", false);

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i].name, name) == 0) {
            *buttons = down ? *buttons | names[i].button : *buttons & ~names[i].button;
            p->pressed = true;
        }
    }
    if (down && g_str_has_prefix(name, "wheel-")) {
        p->wheel += strcmp(name, "wheel-up") == 0 ? 1 : strcmp(name, "wheel-down") == 0 ? -1 : 0;
        p->pressed = true;
    }
}

static bool take_event(struct pointer_events *p, const struct json *event, unsigned *buttons,
                       struct error **err)
{
    const char *type = qmp_text(event, "type");
    const struct json *data = json_get(event, "data");
    const char *members = strcmp(type, "key") == 0 ? "down:bool key:KeyValue"
        : strcmp(type, "btn") == 0 ? "down:bool button:str" : "axis:InputAxis value:int";
    enum input_key key;

    if (json_type(data) != JSON_OBJECT || !qmp_check_members(data, members, err)) {
        error_set(err, "Invalid parameter type for 'data', expected: object");
        return false;
    }
    if (strcmp(type, "key") == 0) {
        key = key_of(json_get(data, "key"), err);
        if (key != INPUT_KEY_NONE) {
            input_key(key, qmp_bool(data, "down", false));
        }
        return key != INPUT_KEY_NONE;
    }
    if (strcmp(type, "btn") == 0) {
        pointer_button(p, data, buttons);
    } else {
        pointer_axis(p, data, strcmp(type, "abs") == 0);
    }
    return true;
}

struct json *qmp_input_send_event(const struct json *args, struct error **err)
{
    static unsigned buttons;
    static int x, y;
    const struct json *list = json_get(args, "events");
    struct pointer_events p = { .x = x, .y = y };

    for (size_t i = 0; i < json_count(list); i++) {
        if (!take_event(&p, json_at(list, i), &buttons, err)) {
            return NULL;
        }
    }
    x = p.x;
    y = p.y;
    if (p.absolute) {
        input_pointer_set(p.x, p.y, p.wheel, buttons);
    } else if (p.relative || p.pressed) {
        input_pointer_move(p.dx, p.dy, p.wheel, buttons);
    }
    return NULL;
}

/* --- VNC ------------------------------------------------------------------------------------- */

struct json *qmp_query_vnc(const struct json *args, struct error **err)
{
    return vnc_query();
}

struct json *qmp_query_vnc_servers(const struct json *args, struct error **err)
{
    return vnc_query_servers();
}

struct json *qmp_change_vnc_password(const struct json *args, struct error **err)
{
    vnc_set_password(NULL, qmp_text(args, "password"), err);
    return NULL;
}

static bool is_vnc(const struct json *args, struct error **err)
{
    if (strcmp(qmp_text(args, "protocol"), "vnc") != 0) {
        error_set(err, "SPICE is not in use");
        return false;
    }
    return true;
}

struct json *qmp_set_password(const struct json *args, struct error **err)
{
    const char *connected = qmp_text(args, "connected");

    if (!is_vnc(args, err)) {
        return NULL;
    }
    if (connected && strcmp(connected, "keep") != 0) {
        error_set(err, "Parameter 'connected' expects 'keep' for VNC");
    } else {
        vnc_set_password(qmp_text(args, "display"), qmp_text(args, "password"), err);
    }
    return NULL;
}

struct json *qmp_expire_password(const struct json *args, struct error **err)
{
    if (is_vnc(args, err)) {
        vnc_set_expiry(qmp_text(args, "display"), qmp_text(args, "time"), err);
    }
    return NULL;
}
