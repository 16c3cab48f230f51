/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the monitor: commands as table rows, their arguments, and where they print. */
#ifndef MONITOR_HMP_H
#define MONITOR_HMP_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "monitor/readline.h"

struct cpu;

struct monitor {
    struct chardev *chr;        /* NULL for monitor_execute() */
    struct readline *rl;
    FILE *out;                  /* of the running command */
    int cpu_index;              /* `cpu` */
    char format;                /* of the last x, xp or print */
    int format_size;
    bool greeted, muxed, focused;
    bool suspended;             /* no prompt, no keys: a command goes on */
    GString *keys;              /* what was typed meanwhile */
    /* Takes the next line, a secret, instead of the commands. */
    void (*answered)(struct monitor *mon, const char *secret);
    struct monitor *next;
};

/* /fmt: a count, a letter of x d u o c i s, and a size of b h w g. */
struct hmp_format {
    int count, size;
    char letter;
};

#define HMP_ARGS 8

struct hmp_arg {
    char name[16];
    bool set;
    char *text;
    int64_t number;
};

struct hmp_args {
    struct hmp_arg args[HMP_ARGS];
    unsigned count;
    struct hmp_format format;
};

struct hmp_command {
    const char *name;           /* "quit|q"; NULL ends the table */
    /*
     * Space separated "name:type": s a word, B a drive, F a file, S the rest of the line, i a
     * 32-bit and l a 64-bit expression, / a format, -x a flag; a trailing ? makes it optional.
     */
    const char *args;
    const char *params;         /* for help */
    const char *help;
    void (*run)(struct monitor *mon, struct hmp_args *args);
    const struct hmp_command *subcommands;
    void (*complete)(struct monitor *mon, struct readline *rl, const char *word);
};

extern const struct hmp_command hmp_commands[], hmp_info_commands[];

const char *hmp_text(struct hmp_args *args, const char *name);
int64_t hmp_number(struct hmp_args *args, const char *name);
bool hmp_given(struct hmp_args *args, const char *name);
/* Prints "Error: ..." and frees. NULL is allowed. */
void hmp_report(struct monitor *mon, struct error *err);
/* The vCPU of the `cpu` command; prints why and returns NULL when there is none. */
struct cpu *hmp_cpu(struct monitor *mon);
/* The row for the first word of *at, which it moves behind; NULL if there is none. */
const struct hmp_command *hmp_find(const struct hmp_command *table, const char **at);
/* Fills args from the text; prints what is wrong and returns false. */
bool hmp_parse_args(struct monitor *mon, const struct hmp_command *command, const char *text,
                    struct hmp_args *args);
void hmp_free_args(struct hmp_args *args);
void hmp_run_line(struct monitor *mon, const char *line);
bool hmp_register(void *opaque, const char *name, uint64_t *value);
void hmp_complete(struct monitor *mon, struct readline *rl, const char *text);
void hmp_complete_device(struct monitor *mon, struct readline *rl, const char *word);
void hmp_complete_chardev(struct monitor *mon, struct readline *rl, const char *word);
void hmp_complete_block(struct monitor *mon, struct readline *rl, const char *word);
/* The command goes on after it returned: keeps the prompt back until hmp_resume(), which prints. */
bool hmp_suspend(struct monitor *mon);
void hmp_resume(struct monitor *mon, const char *text);
/* `change vnc ...` */
void hmp_change_vnc(struct monitor *mon, const char *what, const char *arg);
void hmp_print_help(struct monitor *mon, const char *name);

/* --- handlers, by file --- */
#define HMP_HANDLERS(H)                                                                            \
    H(help) H(info) H(quit) H(stop) H(cont) H(system_reset) H(system_powerdown) H(system_wakeup)   \
    H(nmi) H(cpu_set) H(log) H(logfile) H(trace_event) H(boot_set) H(device_add) H(unavailable)    \
    H(gdbserver) H(x) H(xp) H(print) H(port_in) H(port_out) H(sum) H(memsave) H(pmemsave)          \
    H(gva2gpa) H(sendkey) H(mouse_move) H(mouse_button) H(mouse_set) H(screendump) H(eject)        \
    H(change) H(commit) H(ringbuf_read) H(ringbuf_write) H(info_version) H(info_status)            \
    H(info_name) H(info_uuid) H(info_cpus) H(info_registers) H(info_tlb) H(info_mem) H(info_pic)   \
    H(info_irq) H(info_pci) H(info_usb) H(info_block) H(info_blockstats) H(info_chardev)           \
    H(info_mtree) H(info_qtree) H(info_roms) H(info_kvm) H(info_mice) H(info_history)              \
    H(info_network) H(info_jit) H(info_ramblock) H(info_usernet) H(set_link) H(hostfwd_add)        \
    H(hostfwd_remove) H(savevm) H(loadvm) H(delvm) H(info_snapshots) H(migrate) H(migrate_cancel)  \
    H(migrate_incoming) H(migrate_set_parameter) H(migrate_set_speed) H(migrate_set_downtime)      \
    H(announce_self) H(info_migrate) H(info_migrate_parameters) H(block_resize)                    \
    H(block_set_io_throttle) H(drive_add) H(drive_del) H(snapshot_blkdev)                          \
    H(snapshot_blkdev_internal) H(snapshot_delete_blkdev_internal) H(drive_mirror)                 \
    H(drive_backup) H(block_stream) H(block_commit) H(info_block_jobs) H(block_job_cancel)         \
    H(block_job_complete) H(block_job_pause) H(block_job_resume) H(block_job_set_speed)            \
    H(info_vnc) H(set_password) H(expire_password) H(device_del) H(usb_add) H(usb_del) \
    H(wavcapture) H(stopcapture) H(info_capture) H(netdev_add) H(netdev_del) H(chardev_add)        \
    H(chardev_remove) H(getfd) H(closefd) H(balloon) H(info_balloon)
#define H(name) void hmp_##name(struct monitor *mon, struct hmp_args *args);
HMP_HANDLERS(H)
#undef H

#endif
