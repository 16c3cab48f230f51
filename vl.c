/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-system-*: the command line becomes a configuration, and that a machine that runs. */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel/accel.h"
#include "audio.h"
#include "base/bits.h"
#include "base/fd-store.h"
#include "base/keyval.h"
#include "base/log.h"
#include "base/main-loop.h"
#include "base/option.h"
#include "base/trace.h"
#include "block.h"
#include "block/drive.h"
#include "char.h"
#include "char/mux.h"
#include "cpu-exec.h"
#include "crypto/object.h"
#include "gdbstub/gdbstub.h"
#include "hw/audio/sound.h"
#include "hw/core/device.h"
#include "hw/core/machine.h"
#include "hw/core/options.h"
#include "hw/core/run.h"
#include "hw/usb/usb.h"
#include "hw/virtio/share.h"
#include "migration/migration.h"
#include "monitor/monitor.h"
#include "base/version.h"
#include "net.h"
#include "tcg/perf-map.h"
#include "ui/confine.h"
#include "ui/display.h"
#include "ui/keymap.h"
#include "ui/process.h"
#include "ui/sdl.h"
#include "ui/vnc/vnc.h"

/* Everything the command line says, in its order. */
struct vl {
    struct machine_config config;
    const char *machine_name;
    GPtrArray *drives;              /* struct keyval * */
    GPtrArray *devices, *chardevs, *serials, *parallels, *monitors, *mons,
        *qmps, *pretty_qmps;                                               /* const char * */
    const char *debugcon, *pidfile, *hda_geometry, *gdb, *loadvm, *incoming;
    struct machine_policy policy;
    bool nographic, display_given, stopped, daemonize, nodefaults;
    bool positional_disk;
};

static bool started;

typedef struct error **error_out;
#define HANDLER(name)                                                                              \
    static bool name(void *opaque, const struct option_row *row, const char *arg, error_out err)

static struct vl *vl_of(void *opaque)
{
    return opaque;
}

/* --- options that end the program ------------------------------------------------------------ */

static const struct option_row options[];

HANDLER(show_version)
{
    printf("QEMU emulator version %s\n", QEMU_VERSION);
    exit(0);
}

HANDLER(show_help)
{
    printf("QEMU emulator version %s\n"
           "usage: %s [options] [disk_image]\n\n"
           "'disk_image' is a raw hard disk image for IDE hard disk 0\n\n"
           "Options, also with two dashes:\n", QEMU_VERSION, error_program());
    option_print_help(options, stdout);
    printf("\nOn a terminal shared by serial port and monitor (-nographic, mon:stdio):\n"
           "Ctrl-A h        print the list of these keys\n"
           "Ctrl-A x        exit emulator\n"
           "Ctrl-A c        switch between console and monitor\n");
    exit(0);
}

static bool wants_list(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "?") == 0;
}

/* --- options that describe the machine ------------------------------------------------------- */

/* -machine keys that switch off what is not there anyway. */
static bool check_switches(struct keyval *kv, error_out err)
{
    static const char *const absent[] = { "usb", "vmport", "smm", "nvdimm", "graphics", "hmat",
                                          "dump-guest-core", "mem-merge", "kernel-irqchip" };
    bool ignored = false;

    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        const char *text = keyval_string(kv, absent[i], "off");

        if (strcmp(text, "auto") != 0 && !keyval_bool(kv, absent[i], &ignored, err)) {
            return false;
        }
    }
    return true;
}

HANDLER(set_machine)
{
    struct vl *vl = vl_of(opaque);
    struct keyval *kv = keyval_parse("-machine", arg, "type", err);
    const char *name, *accel;
    bool good, acpi = true, hpet = true;

    if (!kv) {
        return false;
    }
    vl->config.speaker_audio = g_strdup(keyval_string(kv, "pcspk-audiodev", NULL));
    name = keyval_string(kv, "type", NULL);
    if (name && wants_list(name)) {
        machine_class_print_help(stdout);
        exit(0);
    }
    accel = keyval_string(kv, "accel", NULL);
    good = (!accel || accel_choose(accel, err)) && keyval_bool(kv, "acpi", &acpi, err) &&
        keyval_bool(kv, "hpet", &hpet, err) && keyval_bool(kv, "usb", &vl->config.usb, err) &&
        check_switches(kv, err) && keyval_check(kv, err);
    vl->config.no_acpi |= !acpi;
    vl->config.no_hpet |= !hpet;
    vl->machine_name = name ? g_strdup(name) : vl->machine_name;
    keyval_free(kv);
    return good;
}

HANDLER(set_accel)
{
    return accel_add_option(arg, err);
}

HANDLER(enable_kvm)
{
    return accel_choose("kvm", err);
}

HANDLER(set_cpu)
{
    if (wants_list(arg)) {
        the_target.list_models();
        exit(0);
    }
    vl_of(opaque)->config.cpu_model = arg;
    return true;
}

/* Options that hw/core/options.c knows how to read. */
#define CONFIG_HANDLER(name)                                                                       \
    HANDLER(set_##name)                                                                            \
    {                                                                                              \
        return machine_config_##name(&vl_of(opaque)->config, arg, err);                            \
    }
CONFIG_HANDLER(memory)
CONFIG_HANDLER(smp)
CONFIG_HANDLER(boot)
CONFIG_HANDLER(rtc)
CONFIG_HANDLER(uuid)
CONFIG_HANDLER(vga)
CONFIG_HANDLER(option_rom)
CONFIG_HANDLER(smbios)

HANDLER(set_name)
{
    struct keyval *kv = keyval_parse("-name", arg, "guest", err);
    bool good;

    if (!kv) {
        return false;
    }
    vl_of(opaque)->config.name = g_strdup(keyval_string(kv, "guest", NULL));
    keyval_string(kv, "process", NULL);
    keyval_string(kv, "debug-threads", NULL);
    good = keyval_check(kv, err);
    keyval_free(kv);
    return good;
}

/* One text of the configuration, or one switch: the row's name says which. */
HANDLER(set_text)
{
    struct vl *vl = vl_of(opaque);
    const struct {
        const char *name;
        const char **where;
    } texts[] = {
        { "kernel", &vl->config.kernel }, { "initrd", &vl->config.initrd },
        { "append", &vl->config.append }, { "bios", &vl->config.bios },
        { "dtb", &vl->config.dtb },
        { "debugcon", &vl->debugcon }, { "pidfile", &vl->pidfile },
        { "hdachs", &vl->hda_geometry }, { "loadvm", &vl->loadvm },
        { "incoming", &vl->incoming },
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (strcmp(texts[i].name, row->name) == 0) {
            *texts[i].where = arg;
            return true;
        }
    }
    return false;
}

HANDLER(set_switch)
{
    struct vl *vl = vl_of(opaque);
    const struct {
        const char *name;
        bool *where;
    } switches[] = {
        { "no-acpi", &vl->config.no_acpi }, { "no-hpet", &vl->config.no_hpet },
        { "no-fd-bootchk", &vl->config.no_fd_boot_check }, { "usb", &vl->config.usb },
        { "rtc-td-hack", &vl->config.fast_rtc_drift_fix }, { "S", &vl->stopped },
        { "no-reboot", &vl->policy.no_reboot }, { "no-shutdown", &vl->policy.no_shutdown },
        { "daemonize", &vl->daemonize }, { "nodefaults", &vl->nodefaults },
        { "nographic", &vl->nographic },
    };

    for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
        if (strcmp(switches[i].name, row->name) == 0) {
            *switches[i].where = true;
            return true;
        }
    }
    return false;
}

/* Options without any meaning here that must not stop an old command line. */
HANDLER(accept)
{
    return true;
}

HANDLER(accept_kqemu)
{
    error_warn("-%s: KQEMU is not available; the translator (tcg) is used", row->name);
    return true;
}

/* --- disks ----------------------------------------------------------------------------------- */

static struct keyval *add_drive(struct vl *vl, const char *option)
{
    struct keyval *kv = keyval_create(option);

    g_ptr_array_add(vl->drives, kv);
    return kv;
}

HANDLER(set_drive)
{
    struct keyval *kv = keyval_parse("-drive", arg, NULL, err);

    if (kv) {
        g_ptr_array_add(vl_of(opaque)->drives, kv);
    }
    return kv != NULL;
}

/* NULL: not given. */
static void set_place(struct keyval *kv, const char *type, const char *index, const char *media)
{
    const char *const pairs[][2] = { { "if", type }, { "index", index }, { "media", media } };

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (pairs[i][1]) {
            keyval_set(kv, pairs[i][0], pairs[i][1]);
        }
    }
}

/* -hda to -hdd, -cdrom, -fda, -fdb, -pflash, -mtdblock, -sd */
HANDLER(set_disk)
{
    static const struct {
        const char *name, *interface, *index, *media;
    } places[] = {
        { "hda", NULL, "0", "disk" }, { "hdb", NULL, "1", "disk" },
        { "hdc", NULL, "2", "disk" }, { "hdd", NULL, "3", "disk" },
        { "cdrom", NULL, "2", "cdrom" }, { "fda", "floppy", "0", NULL },
        { "fdb", "floppy", "1", NULL }, { "pflash", "pflash", NULL, NULL },
        { "mtdblock", "mtd", NULL, NULL }, { "sd", "sd", NULL, NULL },
    };
    char *option = g_strdup_printf("-%s %s", row->name, arg);
    struct keyval *kv = add_drive(vl_of(opaque), option);

    g_free(option);
    keyval_set(kv, "file", arg);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (strcmp(places[i].name, row->name) == 0) {
            set_place(kv, places[i].interface, places[i].index, places[i].media);
        }
    }
    return true;
}

static bool set_bare_word(void *opaque, const char *word, error_out err)
{
    static const struct option_row hda = { "hda" };

    return set_disk(opaque, &hda, word, err);
}

HANDLER(add_blockdev)
{
    return block_add_blockdev(arg, err);
}

HANDLER(set_snapshot)
{
    block_set_snapshot(true);
    return true;
}

/* --- lists that are worked off later --------------------------------------------------------- */

HANDLER(add_text)
{
    struct vl *vl = vl_of(opaque);
    const struct {
        const char *name;
        GPtrArray *list;
    } lists[] = {
        { "device", vl->devices }, { "watchdog", vl->devices },
        { "chardev", vl->chardevs }, { "serial", vl->serials },
        { "parallel", vl->parallels }, { "monitor", vl->monitors }, { "mon", vl->mons },
        { "qmp", vl->qmps }, { "qmp-pretty", vl->pretty_qmps },
    };

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (strcmp(lists[i].name, row->name) == 0) {
            g_ptr_array_add(lists[i].list, (char *)arg);
            return true;
        }
    }
    return false;
}

HANDLER(set_device)
{
    size_t length = strcspn(arg, ",");
    char *name = g_strndup(arg, length);
    const struct device_class *class = device_class_find(name);

    if (wants_list(name)) {
        device_print_help(stdout);
        exit(0);
    }
    if (class && arg[length] && wants_list(arg + length + 1)) {
        device_class_print_help(class, stdout);
        exit(0);
    }
    g_free(name);
    return add_text(opaque, row, arg, err);
}

HANDLER(set_chardev)
{
    if (wants_list(arg)) {
        printf("Available chardev backend types:\n  file\n  null\n  pipe\n  pty\n  ringbuf\n"
               "  serial\n  socket\n  stdio\n  tty\n  udp\n  vc\n");
        exit(0);
    }
    return add_text(opaque, row, arg, err);
}

HANDLER(set_net)
{
    if (wants_list(arg)) {
        net_print_help(stdout);
        exit(0);
    }
    return net_add_option(row->name, arg, err);
}

/* Keys and credentials are there before the drives and sockets that name them. */
HANDLER(set_object)
{
    char *type = g_strndup(arg, strcspn(arg, ","));
    bool is_key = crypto_is_object(type);

    g_free(type);
    return is_key ? crypto_add_object(arg, err) : set_net(opaque, row, arg, err);
}

HANDLER(set_display)
{
    vl_of(opaque)->display_given = true;
    return display_set(arg, err);
}

HANDLER(set_vnc)
{
    vl_of(opaque)->display_given = true;
    display_add_vnc(arg);
    return true;
}

HANDLER(set_display_switch)
{
    display_set_switch(row->name);
    return true;
}

HANDLER(set_keyboard)
{
    if (wants_list(arg)) {
        keymap_print_help();
        exit(0);
    }
    return keymap_set(arg, err);
}

HANDLER(set_action)
{
    char *option = g_strconcat("-", row->name, NULL);
    bool good = machine_policy_parse(&vl_of(opaque)->policy, option, arg, err);

    g_free(option);
    return good;
}

HANDLER(set_echr)
{
    uint64_t key;

    if (!parse_uint(arg, &key) || key > 255) {
        error_set(err, "'%s' is not the code of a character", arg);
        return false;
    }
    chardev_mux_set_escape(key);
    return true;
}

HANDLER(set_gdb)
{
    struct vl *vl = vl_of(opaque);

    /* -s: the port that an old -p may have named before */
    vl->gdb = arg ? arg : vl->gdb ? vl->gdb : "tcp::1234";
    return true;
}

HANDLER(set_gdb_port)
{
    uint64_t port;

    if (!parse_uint(arg, &port) || port > 65535) {
        error_set(err, "'%s' is not a TCP port", arg);
        return false;
    }
    vl_of(opaque)->gdb = g_strdup_printf("tcp::%s", arg);
    return true;
}

HANDLER(set_log)
{
    if (wants_list(arg)) {
        log_print_help(stdout);
        exit(0);
    }
    return log_set_mask_string(arg, err);
}

HANDLER(set_log_file)
{
    return log_set_file(arg, err);
}

HANDLER(set_trace)
{
    if (wants_list(arg)) {
        trace_print_help(stdout);
        exit(0);
    }
    return trace_enable(arg + (g_str_has_prefix(arg, "enable=") ? 7 : 0), err);
}

HANDLER(set_singlestep)
{
    log_mask |= LOG_ONE_INSN;
    return true;
}

HANDLER(set_perf_map)
{
    return perf_map_create(err);
}

HANDLER(set_firmware_folder)
{
    if (wants_list(arg)) {
        machine_print_firmware_folders(stdout);
        exit(0);
    }
    machine_add_firmware_folder(arg);
    return true;
}

/* Classic spellings of today's options. */
HANDLER(set_old_vga)
{
    char *name = g_strndup(row->name, strlen(row->name) - 3);
    char *vga = g_strdup(strcmp(row->name, "std-vga") == 0 ? "std" : name);
    bool good = machine_config_vga(&vl_of(opaque)->config, vga, err);

    error_warn("-%s is an old spelling of -vga %s", row->name, vga);
    g_free(vga);
    g_free(name);
    return good;
}

HANDLER(set_localtime)
{
    return machine_config_rtc(&vl_of(opaque)->config, "base=localtime", err);
}

HANDLER(set_startdate)
{
    const char *base = strcmp(arg, "now") == 0 ? "utc" : arg;

    return machine_config_rtc(&vl_of(opaque)->config, base, err);
}

HANDLER(unavailable)
{
    error_set(err, "-%s%s%s: this option is not available yet", row->name, arg ? " " : "",
              arg ? arg : "");
    return false;
}

/* --- the table ------------------------------------------------------------------------------- */

#define LATER(name) { name, false, NULL, NULL, unavailable }
#define LATER_ARG(name) { name, true, NULL, NULL, unavailable }

static const struct option_row options[] = {
#include "vl-options.def"
    { NULL }
};

/* --- from configuration to machine ----------------------------------------------------------- */

static const char *text_at(const GPtrArray *list, unsigned n)
{
    return n < list->len ? g_ptr_array_index(list, n) : NULL;
}

static struct chardev *open_port(const char *kind, unsigned n, const char *spec)
{
    char *id = g_strdup_printf("%s%u", kind, n);
    struct error *err = NULL;
    struct chardev *chr = chardev_open(id, spec, &err);

    if (!chr) {
        error_exit_with(err);
    }
    /* Attached before the guest's port, which so gets the keyboard. */
    if (g_str_has_prefix(spec, "mon:") && !monitor_add(chr, &err)) {
        error_exit_with(err);
    }
    g_free(id);
    return chr;
}

static unsigned open_ports(const char *kind, const GPtrArray *specs, struct chardev **ports,
                           unsigned limit)
{
    unsigned n = 0;

    for (unsigned i = 0; i < specs->len; i++) {
        const char *spec = text_at(specs, i);

        if (strcmp(spec, "none") == 0) {
            continue;
        }
        if (n == limit) {
            error_exit("-%s %s: too many ports; this machine takes %u", kind, spec, limit);
        }
        ports[n] = open_port(kind, n, spec);
        n++;
    }
    return n;
}

static bool any_prefix(const GPtrArray *list, const char *prefix)
{
    for (unsigned i = 0; i < list->len; i++) {
        if (g_str_has_prefix(text_at(list, i), prefix)) {
            return true;
        }
    }
    return false;
}

/* A device made by hand takes the place of the default one. */
static bool has_device(const struct vl *vl, const char *prefix)
{
    return any_prefix(vl->devices, prefix);
}

static void default_characters(struct vl *vl)
{
    bool no_serial = vl->serials->len == 0 && !vl->nodefaults && !has_device(vl, "isa-serial") &&
        !has_device(vl, "pci-serial");
    bool no_parallel = vl->parallels->len == 0 && !vl->nodefaults &&
        !has_device(vl, "isa-parallel");
    bool no_monitor = vl->monitors->len == 0 && vl->mons->len == 0 && !vl->nodefaults &&
        vl->qmps->len == 0 && vl->pretty_qmps->len == 0 && !any_prefix(vl->serials, "mon:");
    bool terminal_free = !any_prefix(vl->serials, "stdio") && !any_prefix(vl->parallels, "stdio") &&
        !any_prefix(vl->chardevs, "stdio");

    if (no_parallel) {
        g_ptr_array_add(vl->parallels, vl->nographic ? "null" : "vc");
    }
    if (vl->nographic && no_serial && no_monitor) {
        g_ptr_array_add(vl->serials, "mon:stdio");
        return;
    }
    if (no_serial) {
        g_ptr_array_add(vl->serials, vl->nographic ? "stdio" : "vc");
    }
    if (!no_monitor) {
        return;
    }
    /* Without a window this terminal is nearer than the monitor's console in a VNC viewer. */
    if (display_is_fallback() && terminal_free && isatty(STDIN_FILENO) && !vl->daemonize) {
        g_ptr_array_add(vl->monitors, "stdio");
    } else {
        g_ptr_array_add(vl->monitors, vl->nographic ? "stdio" : "vc");
    }
}

/* An option that may be given several times: each with the same function. */
static void open_each(const GPtrArray *texts, bool (*open)(const char *text, error_out err))
{
    struct error *err = NULL;

    for (unsigned i = 0; i < texts->len; i++) {
        if (!open(text_at(texts, i), &err)) {
            error_exit_with(err);
        }
    }
}

static void open_monitors(struct vl *vl)
{
    qmp_set_options(options);
    open_each(vl->monitors, monitor_open);
    open_each(vl->qmps, qmp_open);
    open_each(vl->pretty_qmps, qmp_open_pretty);
    open_each(vl->mons, monitor_open_mon);
}

static void open_characters(struct vl *vl)
{
    struct machine_config *c = &vl->config;
    struct error *err = NULL;

    for (unsigned i = 0; i < vl->chardevs->len; i++) {
        if (!chardev_open_option(text_at(vl->chardevs, i), &err)) {
            error_exit_with(err);
        }
    }
    default_characters(vl);
    open_monitors(vl);
    open_ports("serial", vl->serials, c->serial, MACHINE_SERIAL_PORTS);
    open_ports("parallel", vl->parallels, c->parallel, MACHINE_PARALLEL_PORTS);
    if (vl->debugcon) {
        c->debugcon = open_port("debugcon", 0, vl->debugcon);
    }
}

/* "-hdachs c,h,s[,translation]" */
static void set_hda_geometry(struct vl *vl)
{
    static const char *const keys[] = { "cyls", "heads", "secs", "trans" };
    char **parts;

    if (!vl->hda_geometry) {
        return;
    }
    parts = g_strsplit(vl->hda_geometry, ",", 4);
    for (unsigned i = 0; i < vl->drives->len; i++) {
        struct keyval *kv = g_ptr_array_index(vl->drives, i);

        if (g_str_has_prefix(keyval_option(kv), "-hda")) {
            for (int k = 0; k < 4 && parts[k]; k++) {
                keyval_set(kv, keys[k], parts[k]);
            }
        }
    }
    g_strfreev(parts);
}

static void add_empty_drive(struct vl *vl, const char *type, const char *index, const char *media)
{
    struct keyval *kv = keyval_create("-drive");

    set_place(kv, type, index, media);
    block_add_drive_keys(kv, NULL);
}

static void open_drives(struct vl *vl)
{
    struct error *err = NULL;

    set_hda_geometry(vl);
    for (unsigned i = 0; i < vl->drives->len; i++) {
        struct keyval *kv = g_ptr_array_index(vl->drives, i);
        char *option = g_strdup(keyval_option(kv));

        if (!block_add_drive_keys(kv, &err)) {
            if (*error_text(err) != '-') {
                error_prepend(&err, "%s: ", option);
            }
            error_exit_with(err);
        }
        g_free(option);
    }
    if (!block_open_blockdevs(&err)) {
        error_exit_with(err);
    }
    if (!vl->nodefaults && !block_find_drive(BLOCK_IF_IDE, 1, 0) &&
        !block_find_drive(BLOCK_IF_SCSI, 0, 2) && !has_device(vl, "ide-hd") &&
        !has_device(vl, "ide-cd") && !has_device(vl, "scsi-hd") && !has_device(vl, "scsi-cd")) {
        add_empty_drive(vl, NULL, "2", "cdrom");
    }
    if (!vl->nodefaults && !block_find_drive(BLOCK_IF_FLOPPY, 0, 0)) {
        add_empty_drive(vl, "floppy", "0", NULL);
    }
}

static const struct machine_class *find_machine(const struct vl *vl)
{
    const struct machine_class *class = vl->machine_name ? machine_class_find(vl->machine_name)
                                                         : machine_class_default();

    if (!class) {
        error_exit(vl->machine_name ? "unsupported machine type '%s' (-M help lists them)"
                                    : "there is no default machine%s; use -M",
                   vl->machine_name ? vl->machine_name : "");
    }
    return class;
}

static void complete_config(struct vl *vl, const struct machine_class *class)
{
    struct machine_config *c = &vl->config;

    if (c->max_cpus > class->max_cpus) {
        error_exit("Invalid SMP CPUs %u. The max CPUs supported by machine '%s' is %u",
                   c->max_cpus, class->name, class->max_cpus);
    }
    if (!c->kernel && (c->append || c->initrd || c->dtb)) {
        error_exit("-%s only allowed with -kernel option",
                   c->append ? "append" : c->initrd ? "initrd" : "dtb");
    }
    c->nographic = vl->nographic;
    c->nodefaults = vl->nodefaults;
    c->ram_size = c->ram_size ? c->ram_size : class->default_ram;
    if (c->vga == MACHINE_VGA_DEFAULT && (vl->nodefaults || has_device(vl, "VGA") ||
        has_device(vl, "cirrus-vga") || has_device(vl, "virtio-vga"))) {
        c->vga = MACHINE_VGA_NONE;
    }
}

static void check_drives_used(void)
{
    for (struct block *b = block_first(); b; b = block_next(b)) {
        if (b->interface != BLOCK_IF_NONE && !block_claimed(b) && block_inserted(b)) {
            error_exit("machine type does not support if=%s,bus=%u,unit=%u",
                       block_if_name(b->interface), b->bus, b->unit);
        }
    }
}

static void *find_block(const char *name)
{
    return block_find(name);
}

static void *find_chardev(const char *name)
{
    return chardev_find(name);
}

static void *find_netdev(const char *name)
{
    return net_find(name);
}

static void build_machine(struct vl *vl)
{
    const struct machine_class *class = find_machine(vl);
    struct error *err = NULL;

    complete_config(vl, class);
    if (!accel_init(&err)) {
        error_exit_with(err);
    }
    display_decide(vl->nographic);
    device_set_resolver(PROPERTY_DRIVE, find_block);
    device_set_resolver(PROPERTY_CHARDEV, find_chardev);
    device_set_resolver(PROPERTY_NETDEV, find_netdev);
    device_set_resolver(PROPERTY_AUDIODEV, audio_find);
    open_characters(vl);
    block_set_default_interface(class->drive_interface);
    open_drives(vl);
    if (!net_open_all(!vl->nodefaults, &err)) {
        error_exit_with(err);
    }
    machine_set_policy(vl->policy);
    if (!machine_create(class, &vl->config, &err)) {
        error_exit_with(err);
    }
    for (unsigned i = 0; i < vl->devices->len; i++) {
        if (!device_add_option(text_at(vl->devices, i), &err)) {
            if (*error_text(err) != '-') {
                error_prepend(&err, "-device %s: ", text_at(vl->devices, i));
            }
            error_exit_with(err);
        }
    }
    check_drives_used();
}

/* --- running --------------------------------------------------------------------------------- */

/* Before the machine runs there is nothing to shut down. */
static void terminate(void)
{
    if (!started) {
        exit(1);
    }
    machine_request_shutdown(MACHINE_SHUTDOWN_HOST);
}

static void quit_by_key(void)
{
    machine_quit(0);
}

static void power_button(bool reset)
{
    if (reset) {
        machine_request_user_reset();
    } else {
        machine_request_powerdown();
    }
}

static void commit_by_key(void)
{
    monitor_execute("commit all", stderr);
}

/* A stopped machine has nothing in flight: what the guest wrote is in its images. */
static void settle_drives(void *opaque, bool running)
{
    if (!running) {
        block_drain_all();
        for (struct block *b = block_first(); b; b = block_next(b)) {
            if (block_inserted(b) && !block_readonly(b)) {
                block_flush(b);
            }
        }
    }
}

static void shut_down(void)
{
    migration_incoming_close();
    machine_stop();
    audio_close_all();
    display_close();
    block_drain_all();
    while (block_first()) {
        block_close(block_first());
    }
    net_close_all();
    chardev_close_all();
}

static void init_lists(struct vl *vl)
{
    GPtrArray **lists[] = { &vl->drives, &vl->devices, &vl->chardevs, &vl->serials,
                            &vl->parallels, &vl->monitors, &vl->mons, &vl->qmps,
                            &vl->pretty_qmps };

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        *lists[i] = g_ptr_array_new();
    }
}

int main(int argc, char **argv)
{
    static const struct chardev_mux_actions mux_actions = { quit_by_key, commit_by_key };
    static struct vl vl;
    struct error *err = NULL;
    int status;

    error_set_program(argv[0]);
    init_lists(&vl);
    machine_config_init(&vl.config);
    if (!option_parse(options, argc, argv, &vl, set_bare_word, &err)) {
        error_exit_with(err);
    }
    if (vl.daemonize && vl.nographic) {
        error_exit("-nographic cannot be used with -daemonize");
    }
    if (vl.daemonize && !process_daemonize(&err)) {
        error_exit_with(err);
    }
    main_loop_init();
    process_catch_signals(terminate);
    chardev_mux_set_actions(&mux_actions);
    if (vl.pidfile && !process_write_pidfile(vl.pidfile, &err)) {
        error_exit_with(err);
    }
    block_set_inactive(vl.incoming != NULL);
    build_machine(&vl);
    vnc_set_desktop_name(vl.config.name);
    vnc_on_power(power_button);
    sdl_on_quit(terminate);
    if (!display_open(&err)) {
        error_exit_with(err);
    }
    machine_on_run_change(settle_drives, NULL);
    machine_reset();
    cpu_start_all();
    if (vl.gdb && !gdb_machine_open(vl.gdb, &err)) {
        error_exit_with(err);
    }
    if (!confine_process(&err)) {
        error_exit_with(err);
    }
    if (!migration_begin(vl.incoming, vl.loadvm, !vl.stopped, &err)) {
        error_exit_with(err);
    }
    process_daemon_ready();
    started = true;
    status = machine_run();
    gdb_machine_exit(status);
    shut_down();
    return status;
}
