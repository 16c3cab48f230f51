/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of monitor commands, and those that steer the machine and the emulator itself. */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/trace.h"
#include "block.h"
#include "cpu-exec.h"
#include "gdbstub/gdbstub.h"
#include "hw/core/run.h"
#include "monitor/hmp.h"
#include "monitor/keys.h"

/* Commands of a full emulator that this one does not have yet. */
#define LATER(name, args, params, help) { name, args, params, help, hmp_unavailable }

const struct hmp_command hmp_commands[] = {
    { "announce_self", "", "", "trigger GARP/RARP announcements", hmp_announce_self },
    { "balloon", "value:i", "target", "request VM to change its memory allocation (in MB)",
      hmp_balloon },
    { "block_commit", "device:B speed:s? base:s?", "device [speed [base]]",
      "copy a device's changes into a backing file; block_job_complete then makes it the image",
      hmp_block_commit, NULL, hmp_complete_block },
    { "block_job_cancel", "force:-f device:B", "[-f] device",
      "stop an active background block operation (use -f if you want to abort the operation\n"
      "immediately instead of keep running until data is in sync)", hmp_block_job_cancel, NULL,
      hmp_complete_block },
    { "block_job_complete", "device:B", "device",
      "stop an active background block operation", hmp_block_job_complete, NULL,
      hmp_complete_block },
    { "block_job_pause", "device:B", "device", "pause an active background block operation",
      hmp_block_job_pause, NULL, hmp_complete_block },
    { "block_job_resume", "device:B", "device", "resume a paused background block operation",
      hmp_block_job_resume, NULL, hmp_complete_block },
    { "block_job_set_speed", "device:B speed:s", "device speed",
      "set maximum speed for a background block operation", hmp_block_job_set_speed, NULL,
      hmp_complete_block },
    { "block_resize", "device:B size:s", "device size", "resize a block image",
      hmp_block_resize, NULL, hmp_complete_block },
    { "block_set_io_throttle", "device:B bps:l bps_rd:l bps_wr:l iops:l iops_rd:l iops_wr:l",
      "device bps bps_rd bps_wr iops iops_rd iops_wr", "change I/O throttle limits for a block "
      "drive", hmp_block_set_io_throttle, NULL, hmp_complete_block },
    { "block_stream", "device:B speed:s? base:s?", "device [speed [base]]",
      "copy data from a backing file into a block device", hmp_block_stream, NULL,
      hmp_complete_block },
    { "boot_set", "bootdevice:s", "bootdevice", "define new values for the boot device list",
      hmp_boot_set },
    { "change", "device:B target:F arg:s? read-only:s?",
      "device filename [format [read-only-mode]]", "change a removable medium, optional format",
      hmp_change },
    { "chardev-add", "args:S", "args", "add chardev, like -chardev on the command line",
      hmp_chardev_add },
    { "chardev-remove", "id:s", "id", "remove chardev", hmp_chardev_remove, NULL,
      hmp_complete_chardev },
    { "closefd", "fdname:s", "closefd name", "close a file descriptor passed via SCM rights",
      hmp_closefd },
    { "commit", "device:B", "device|all",
      "commit changes to the disk images (if -snapshot is used) or backing files", hmp_commit, NULL,
      hmp_complete_block },
    { "cont|c", "", "", "resume emulation", hmp_cont },
    { "cpu", "index:i", "index", "set the default CPU", hmp_cpu_set },
    { "delvm", "name:s", "tag", "delete a VM snapshot from its tag", hmp_delvm },
    { "device_add", "device:S", "driver[,prop=value][,...]",
      "add device, like -device on the command line", hmp_device_add },
    { "device_del", "id:s", "device", "remove device", hmp_device_del, NULL, hmp_complete_device },
    { "drive_add", "node:-n pci_addr:s opts:s",
      "[-n] [[<domain>:]<bus>:]<slot>\n[file=file][,if=none][,key=value][,...]",
      "add a drive for device_add (the slot is ignored)", hmp_drive_add },
    { "drive_backup", "reuse:-n full:-f compress:-c device:B target:F format:s?",
      "[-n] [-f] [-c] device target [format]",
      "copy a device as it is now to a new image (-n: the image is there, -f: with its backing\n"
      "files, -c: compressed)", hmp_drive_backup, NULL, hmp_complete_block },
    { "drive_del", "device:B", "device", "remove host block device", hmp_drive_del, NULL,
      hmp_complete_block },
    { "drive_mirror", "reuse:-n full:-f device:B target:F format:s?",
      "[-n] [-f] device target [format]",
      "copy a device to a new image and keep them alike (-n: the image is there, -f: with its\n"
      "backing files); block_job_complete then makes it the device's image", hmp_drive_mirror,
      NULL, hmp_complete_block },
    { "eject", "force:-f device:B", "[-f] device",
      "eject a removable medium (use -f to force it)", hmp_eject },
    { "expire_password", "protocol:s time:s display:-d id:s?", "protocol time [-d display]",
      "set when the VNC password expires (now, never, seconds since 1970, +seconds)",
      hmp_expire_password },
    { "gdbserver", "device:s?", "[device]",
      "start gdbserver on given device (default 'tcp::1234'), stop with 'none'", hmp_gdbserver },
    { "getfd", "fdname:s", "getfd name", "receive a file descriptor via SCM rights and assign it a "
      "name", hmp_getfd },
    { "gva2gpa", "addr:l", "addr", "print the guest physical address of a guest virtual one",
      hmp_gva2gpa },
    { "help|?", "name:S?", "[cmd]", "show the help", hmp_help },
    LATER("host_net_add", "args:S", "type [options]", "add host VLAN client"),
    { "hostfwd_add", "arg1:s arg2:s?",
      "[netdev_id] [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport",
      "redirect TCP or UDP connections from host to guest (requires -net user)",
      hmp_hostfwd_add },
    { "hostfwd_remove", "arg1:s arg2:s?", "[netdev_id] [tcp|udp]:[hostaddr]:hostport",
      "remove host-to-guest TCP or UDP redirection", hmp_hostfwd_remove },
    { "i", "fmt:/ addr:i index:i?", "/fmt addr", "I/O port read", hmp_port_in },
    { "info", "item:s?", "[subcommand]", "show various information about the system state",
      hmp_info, hmp_info_commands },
    { "loadvm", "name:s", "tag", "restore a VM snapshot from its tag", hmp_loadvm },
    { "log", "items:s", "item1[,...]", "activate logging of the specified items", hmp_log },
    { "logfile", "filename:F", "filename", "output logs to 'filename'", hmp_logfile },
    { "memsave", "val:l size:i filename:F", "addr size file",
      "save to disk virtual memory dump starting at 'addr' of size 'size'", hmp_memsave },
    { "migrate", "detach:-d blk:-b inc:-i resume:-r uri:s", "[-d] uri",
      "migrate to URI (using -d to not wait for completion)", hmp_migrate },
    { "migrate_cancel", "", "", "cancel the current VM migration", hmp_migrate_cancel },
    { "migrate_incoming", "uri:s", "uri",
      "Continue an incoming migration from an -incoming defer", hmp_migrate_incoming },
    { "migrate_set_downtime", "value:s", "value",
      "set maximum tolerated downtime (in seconds) for migrations", hmp_migrate_set_downtime },
    { "migrate_set_parameter", "parameter:s value:s", "parameter value",
      "Set the parameter for migration", hmp_migrate_set_parameter },
    { "migrate_set_speed", "value:s", "value",
      "set maximum speed (in bytes; suffixes as in 32M) for migrations", hmp_migrate_set_speed },
    { "mouse_button", "state:i", "state", "change mouse button state (1=L, 2=M, 4=R)",
      hmp_mouse_button },
    { "mouse_move", "dx:i dy:i dz:i?", "dx dy [dz]", "send mouse move events", hmp_mouse_move },
    { "mouse_set", "index:i", "index", "set which mouse device receives events", hmp_mouse_set },
    { "netdev_add", "args:S", "[user|tap|socket|hubport],id=str[,prop=value][,...]",
      "add host network device", hmp_netdev_add },
    { "netdev_del", "id:s", "id", "remove host network device", hmp_netdev_del },
    { "nmi", "", "", "inject an NMI", hmp_nmi },
    { "o", "fmt:/ addr:i val:i", "/fmt addr value", "I/O port write", hmp_port_out },
    { "pmemsave", "val:l size:i filename:F", "addr size file",
      "save to disk physical memory dump starting at 'addr' of size 'size'", hmp_pmemsave },
    { "print|p", "fmt:/ val:l", "/fmt expr", "print expression value (use $reg for CPU registers)",
      hmp_print },
    { "quit|q", "", "", "quit the emulator", hmp_quit },
    { "ringbuf_read", "device:s size:i", "device size", "read from a ring buffer character device",
      hmp_ringbuf_read },
    { "ringbuf_write", "device:s data:s", "device data",
      "write to a ring buffer character device", hmp_ringbuf_write },
    { "savevm", "name:s?", "tag",
      "save a VM snapshot. If no tag is provided, a new snapshot is created", hmp_savevm },
    { "screendump", "png:-p filename:F device:s? head:i?", "[-p] filename [device [head]]",
      "save screen from head 'head' of display device 'device' into PPM (-p: PNG) image 'filename'",
      hmp_screendump },
    { "sendkey", "keys:s hold-time:i?", "keys [hold_ms]",
      "send keys to the VM (e.g. 'sendkey ctrl-alt-f1', default hold time=100 ms)", hmp_sendkey,
      NULL, hmp_complete_keys },
    { "set_password", "protocol:s password:s display:-d id:s? connected:s?",
      "protocol password [-d display] [action-if-connected]", "set VNC password",
      hmp_set_password },
    { "set_link", "name:s up:s", "name on|off", "change the link status of a network adapter",
      hmp_set_link },
    { "snapshot_blkdev", "reuse:-n device:B snapshot-file:s? format:s?",
      "[-n] device [new-image-file] [format]",
      "a new image takes the device's writes from now on (-n: the image is there)",
      hmp_snapshot_blkdev, NULL, hmp_complete_block },
    { "snapshot_blkdev_internal", "device:B name:s", "device name",
      "take an internal snapshot of device", hmp_snapshot_blkdev_internal, NULL,
      hmp_complete_block },
    { "snapshot_delete_blkdev_internal", "device:B name:s id:s?", "device name [id]",
      "delete an internal snapshot of device", hmp_snapshot_delete_blkdev_internal, NULL,
      hmp_complete_block },
    LATER("singlestep", "option:s?", "[on|off]", "run emulation in singlestep mode"),
    { "stop|s", "", "", "stop emulation", hmp_stop },
    { "stopcapture", "n:i", "capture index", "stop capture", hmp_stopcapture },
    { "sum", "start:i size:i", "addr size", "compute the checksum of a memory region", hmp_sum },
    { "system_powerdown", "", "", "send system power down event", hmp_system_powerdown },
    { "system_reset", "", "", "reset the system", hmp_system_reset },
    { "system_wakeup", "", "", "wakeup guest from suspend", hmp_system_wakeup },
    { "trace-event", "name:s option:s", "name on|off",
      "changes status of the trace events that match a shell pattern", hmp_trace_event },
    { "usb_add", "devname:S", "device", "add USB device, like -usbdevice on the command line",
      hmp_usb_add },
    { "usb_del", "devname:s", "bus.addr", "remove USB device 'bus.addr' of info usb", hmp_usb_del },
    { "wavcapture", "path:F arg1:s? arg2:s? arg3:s? arg4:s?",
      "path [audiodev] [frequency [bits [channels]]]",
      "capture audio to a wave file (default frequency=44100 bits=16 channels=2)",
      hmp_wavcapture },
    { "x", "fmt:/ addr:l", "/fmt addr", "virtual memory dump starting at 'addr'", hmp_x },
    { "xp", "fmt:/ addr:l", "/fmt addr", "physical memory dump starting at 'addr'", hmp_xp },
    { NULL }
};

const struct hmp_command hmp_info_commands[] = {
    { "balloon", "", "", "show balloon information", hmp_info_balloon },
    { "block", "verbose:-v device:B?", "[-v] [device]", "show info of one or all block devices",
      hmp_info_block },
    { "block-jobs", "", "", "show progress of ongoing block device operations",
      hmp_info_block_jobs },
    { "blockstats", "", "", "show block device statistics", hmp_info_blockstats },
    { "capture", "", "", "show capture information", hmp_info_capture },
    { "chardev", "", "", "show the character devices", hmp_info_chardev },
    { "cpus", "", "", "show infos for each CPU", hmp_info_cpus },
    { "history", "", "", "show the command line history", hmp_info_history },
    { "irq", "", "", "show the interrupts statistics (if available)", hmp_info_irq },
    { "jit", "", "", "show dynamic compiler info", hmp_info_jit },
    { "kvm", "", "", "show KVM information", hmp_info_kvm },
    { "mem", "", "", "show the active virtual memory mappings", hmp_info_mem },
    { "mice", "", "", "show which guest mouse is receiving events", hmp_info_mice },
    { "mtree", "flat:-f", "[-f]", "show memory tree (-f: as flat ranges)", hmp_info_mtree },
    { "migrate", "all:-a", "[-a]", "show migration status", hmp_info_migrate },
    { "migrate_parameters", "", "", "show current migration parameters",
      hmp_info_migrate_parameters },
    { "name", "", "", "show the current VM name", hmp_info_name },
    { "network", "", "", "show the network state", hmp_info_network },
    { "pci", "", "", "show PCI info", hmp_info_pci },
    { "pic", "", "", "show PIC state", hmp_info_pic },
    { "qtree", "", "", "show device tree", hmp_info_qtree },
    { "ramblock", "", "", "show system ramblock information", hmp_info_ramblock },
    { "registers", "all:-a", "[-a]", "show the cpu registers (-a: all CPUs)", hmp_info_registers },
    { "roms", "", "", "show roms", hmp_info_roms },
    { "snapshots", "", "", "show the currently saved VM snapshots", hmp_info_snapshots },
    { "status", "", "", "show the current VM status (running|paused)", hmp_info_status },
    { "tlb", "", "", "show virtual to physical memory mappings", hmp_info_tlb },
    { "usb", "", "", "show guest USB devices", hmp_info_usb },
    { "usernet", "", "", "show user network stack connection states", hmp_info_usernet },
    { "uuid", "", "", "show the current VM UUID", hmp_info_uuid },
    { "version", "", "", "show the version of QEMU", hmp_info_version },
    { "vnc", "", "", "show the VNC server status", hmp_info_vnc },
    { NULL }
};

/* --- help ------------------------------------------------------------------------------------ */

static void print_row(FILE *out, const char *prefix, const struct hmp_command *c)
{
    fprintf(out, "%s%s%s%s -- %s\n", prefix, c->name, *c->params ? " " : "", c->params, c->help);
}

void hmp_print_help(struct monitor *mon, const char *name)
{
    const char *prefix = "", *at = name ? name : "";
    const struct hmp_command *table = hmp_commands, *row;

    if (strncmp(at, "info", 4) == 0) {
        table = hmp_info_commands;
        prefix = "info ";
        at += 4 + strspn(at + 4, " ");
    }
    if (*at) {
        row = hmp_find(table, &at);
        if (row && row->run != hmp_unavailable) {
            print_row(mon->out, prefix, row);
        } else {
            fprintf(mon->out, "unknown command: '%s'\n", name);
        }
        return;
    }
    for (const struct hmp_command *c = table; c->name; c++) {
        if (c->run != hmp_unavailable) {
            print_row(mon->out, prefix, c);
        }
    }
}

void hmp_help(struct monitor *mon, struct hmp_args *args)
{
    const char *name = hmp_text(args, "name");

    if (name && strcmp(name, "log") == 0) {
        log_print_help(mon->out);
        return;
    }
    hmp_print_help(mon, name);
}

/* `info` alone; with a word the row of that subject runs. */
void hmp_info(struct monitor *mon, struct hmp_args *args)
{
    hmp_print_help(mon, "info");
}

void hmp_unavailable(struct monitor *mon, struct hmp_args *args)
{
    fprintf(mon->out, "Error: this command is not available yet\n");
}

void hmp_report(struct monitor *mon, struct error *err)
{
    if (err) {
        fprintf(mon->out, "Error: %s\n", error_text(err));
        error_free(err);
    }
}

/* --- the machine ----------------------------------------------------------------------------- */

void hmp_quit(struct monitor *mon, struct hmp_args *args)
{
    machine_quit(0);
}

void hmp_stop(struct monitor *mon, struct hmp_args *args)
{
    machine_stop();
}

void hmp_cont(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    if (machine_needs_reset()) {
        error_set(&err, "Resetting the Virtual Machine is required");
    } else if (machine_busy()) {
        error_set(&err, "The machine is %s: a migration must end first", machine_status());
    } else if (block_activate_all(&err)) {
        machine_cont();
    }
    hmp_report(mon, err);
}

void hmp_system_reset(struct monitor *mon, struct hmp_args *args)
{
    machine_request_user_reset();
}

void hmp_system_powerdown(struct monitor *mon, struct hmp_args *args)
{
    machine_request_powerdown();
}

void hmp_system_wakeup(struct monitor *mon, struct hmp_args *args)
{
    machine_request_wakeup();
}

void hmp_boot_set(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    if (machine_set_boot_order(hmp_text(args, "bootdevice"), &err)) {
        fprintf(mon->out, "boot device list now set to %s\n", hmp_text(args, "bootdevice"));
    }
    hmp_report(mon, err);
}

/* --- CPUs ------------------------------------------------------------------------------------ */

struct cpu *hmp_cpu(struct monitor *mon)
{
    struct cpu *cpu = cpu_by_index(mon->cpu_index);

    if (!cpu) {
        fprintf(mon->out, "No CPU available\n");
    }
    return cpu;
}

void hmp_cpu_set(struct monitor *mon, struct hmp_args *args)
{
    int index = hmp_number(args, "index");

    if (cpu_by_index(index)) {
        mon->cpu_index = index;
    } else {
        fprintf(mon->out, "invalid CPU index\n");
    }
}

void hmp_nmi(struct monitor *mon, struct hmp_args *args)
{
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        cpu_interrupt(cpu, CPU_INT_NMI);
    }
}

void hmp_gdbserver(struct monitor *mon, struct hmp_args *args)
{
    const char *device = hmp_given(args, "device") ? hmp_text(args, "device") : "tcp::1234";
    struct error *err = NULL;

    if (!gdb_machine_open(device, &err)) {
        fprintf(mon->out, "Could not open gdbserver on device '%s': %s\n", device, error_text(err));
        error_free(err);
    } else if (strcmp(device, "none") == 0) {
        fprintf(mon->out, "Disabled gdbserver\n");
    } else {
        fprintf(mon->out, "Waiting for gdb connection on device '%s'\n", device);
    }
}

/* --- the log --------------------------------------------------------------------------------- */

void hmp_log(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    if (!log_set_mask_string(hmp_text(args, "items"), &err)) {
        hmp_report(mon, err);
        log_print_help(mon->out);
    }
}

void hmp_logfile(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    log_set_file(hmp_text(args, "filename"), &err);
    hmp_report(mon, err);
}

void hmp_trace_event(struct monitor *mon, struct hmp_args *args)
{
    bool on = strcmp(hmp_text(args, "option"), "off") != 0;
    char *pattern = g_strconcat(on ? "" : "-", hmp_text(args, "name"), NULL);
    struct error *err = NULL;

    trace_enable(pattern, &err);
    hmp_report(mon, err);
    g_free(pattern);
}
