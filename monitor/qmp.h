/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of QMP: commands as table rows whose types also make the schema. */
#ifndef MONITOR_QMP_H
#define MONITOR_QMP_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"

struct qmp_command {
    const char *name;
    /*
     * Space separated "name:type", a trailing ? makes it optional. Types are str, int, number,
     * bool, any, those of qmp-types.def, and [type] for lists. "*" takes any members.
     */
    const char *args;
    const char *returns;        /* a type; NULL: an empty object */
    /* The answer, to be freed by the caller; NULL for an empty object or, with *err, a failure. */
    struct json *(*run)(const struct json *args, struct error **err);
    const char *hmp;            /* instead of run: a row of the human monitor, same arguments */
};

struct qmp_type {
    const char *name;
    const char *members;        /* as args above; for enumerations NULL */
    const char *values;         /* of an enumeration, space separated */
};

struct qmp_event {
    const char *name, *members;
};

extern const struct qmp_command qmp_commands[];
extern const struct qmp_type qmp_types[];
extern const struct qmp_event qmp_events[];

/* One member of a text such as `args`; false at the end. */
struct qmp_member {
    char name[64], type[64];
    bool optional;
};
bool qmp_next_member(const char **at, struct qmp_member *member);
const struct qmp_type *qmp_type_find(const char *name);
/* Whether the value has the type, all the way down. */
bool qmp_check(const struct json *value, const char *type, const char *what, struct error **err);
bool qmp_check_members(const struct json *object, const char *members, struct error **err);
/* Runs a row of the human monitor's table with arguments by name. */
bool qmp_run_hmp(const char *command, const struct json *args, struct error **err);

/* Of the session whose command runs; NULL outside of one. */
struct chardev *qmp_chardev(void);
/* "driver,key=value" out of members, the first one named; to be freed, NULL when it is missing. */
char *qmp_option_text(const struct json *args, const char *first, struct error **err);

/* Arguments that were checked. */
const char *qmp_text(const struct json *args, const char *name);
int64_t qmp_int(const struct json *args, const char *name, int64_t fallback);
bool qmp_bool(const struct json *args, const char *name, bool fallback);

#define QMP_HANDLERS(H)                                                                            \
    H(query_version) H(query_commands) H(query_status) H(query_machines)                           \
    H(query_cpu_definitions) H(query_cpus_fast) H(query_kvm) H(query_target) H(query_name)         \
    H(query_uuid) H(query_chardev) H(query_chardev_backends) H(query_block) H(query_blockstats)    \
    H(query_named_block_nodes) H(query_pci) H(query_vnc) H(query_vnc_servers) H(query_mice)        \
    H(query_memory_size_summary) H(query_current_machine) H(query_iothreads) H(query_display)      \
    H(query_qmp_schema) H(qom_list_types) H(device_list_properties) H(device_add) H(eject)         \
    H(change_medium) H(change_vnc_password) H(set_password) H(expire_password) H(send_key)         \
    H(input_send_event) H(human_monitor_command) H(object_add) H(ringbuf_read) H(screendump)       \
    H(query_command_line_options) H(query_migrate) H(query_migrate_parameters)                     \
    H(migrate_set_parameters) H(netdev_add) H(chardev_add) H(blockdev_add) H(blockdev_del)       \
    H(query_block_jobs) H(getfd) H(add_fd) H(remove_fd) H(query_fdsets)          \
    H(drive_mirror) H(drive_backup) H(block_stream) H(block_commit) H(snapshot_sync) \
    H(balloon) H(query_balloon)
#define H(name) struct json *qmp_##name(const struct json *args, struct error **err);
QMP_HANDLERS(H)
#undef H

#endif
