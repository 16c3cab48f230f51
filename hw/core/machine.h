/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines: what the command line asks a board for, the boards themselves, and the requests that
 * devices make of the whole machine (reset, power off, stop).
 *
 * vl.c fills a machine_config, finds the class and calls its init once, with the big lock held and
 * before any vCPU runs; then it makes the -device devices, resets everything and starts.
 */
#ifndef HW_CORE_MACHINE_H
#define HW_CORE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

struct chardev;

#define MACHINE_SERIAL_PORTS 4
#define MACHINE_PARALLEL_PORTS 3
#define MACHINE_OPTION_ROMS 16

enum machine_vga { MACHINE_VGA_DEFAULT, MACHINE_VGA_NONE, MACHINE_VGA_STD, MACHINE_VGA_CIRRUS,
                   MACHINE_VGA_VMWARE, MACHINE_VGA_VIRTIO };

/* What the guest's clock shows at power on. */
enum machine_rtc_base { MACHINE_RTC_UTC, MACHINE_RTC_LOCALTIME, MACHINE_RTC_DATE };

struct machine_option_rom {
    const char *file;
    int boot_index;                  /* -1: none */
};

/* Strings are NULL when not given and live as long as the process. */
struct machine_config {
    uint64_t ram_size;               /* bytes; 0 asks for the class's default */
    unsigned cpus, max_cpus;         /* -smp; max_cpus >= cpus >= 1 */
    unsigned sockets, cores, threads;   /* topology; all at least 1 */
    const char *cpu_model;           /* -cpu, with features; NULL: the class's default */
    const char *kernel, *initrd, *append, *dtb;
    const char *bios;                /* -bios: a path, or a name for machine_find_firmware() */
    const char *boot_order;          /* "cad"; NULL: the class's default */
    const char *boot_once;           /* for the first boot only */
    bool boot_menu;
    int boot_splash_time;            /* -boot splash-time, reboot-timeout; ms; -1: not given */
    int reboot_timeout;
    bool boot_strict;
    struct machine_option_rom option_roms[MACHINE_OPTION_ROMS];
    unsigned n_option_roms;
    enum machine_vga vga;
    uint32_t vga_memory_mb;          /* 0: the adapter's default */
    bool nodefaults;                 /* -nodefaults: no drives that nobody asked for */
    bool nographic;                  /* -nographic: no picture at all; output on the serial port */
    bool no_acpi, no_hpet;
    bool no_fd_boot_check;           /* do not demand the 0xaa55 signature of floppies */
    bool fast_rtc_drift_fix;         /* -rtc driftfix=slew */
    enum machine_rtc_base rtc_base;
    int64_t rtc_start;               /* seconds since 1970 for MACHINE_RTC_DATE */
    bool rtc_host_clock;             /* -rtc clock=host: runs on CLOCK_WALL instead of CLOCK_VM */
    bool usb;                        /* -usb */
    const char *speaker_audio;       /* -machine pcspk-audiodev= */
    uint8_t uuid[16];
    bool uuid_set;
    const char *name;                /* -name */
    struct chardev *serial[MACHINE_SERIAL_PORTS];     /* NULL: the port is not there */
    struct chardev *parallel[MACHINE_PARALLEL_PORTS];
    struct chardev *debugcon;        /* -debugcon, at port 0xe9 */
    const char *const *smbios;       /* -smbios texts, NULL terminated, or NULL */
};

struct machine_class {
    const char *name;                /* "pc-i440fx-7.2" */
    const char *alias;               /* "pc", or NULL */
    const char *desc;
    const char *default_cpu32, *default_cpu64;  /* for executables of that word size */
    unsigned max_cpus;
    uint64_t default_ram;
    const char *drive_interface;     /* of -hda and of -drive without if=; NULL: "ide" */
    bool is_default;
    /* Builds the board. May be called once. */
    bool (*init)(const struct machine_config *config, struct error **err);
};

/* Registers a class: MACHINE(pc) = { .name = "pc-i440fx-7.2", ... }; */
#define MACHINE(id)                                                                                \
    static const struct machine_class id##_machine;                                                \
    static const struct machine_class *const id##_machine_entry                                    \
        __attribute__((used, section("machine_classes"))) = &id##_machine;                         \
    static const struct machine_class id##_machine

/* By name or alias; NULL when unknown. */
const struct machine_class *machine_class_find(const char *name);
const struct machine_class *machine_class_default(void);
/* Class number n, NULL past the last. */
const struct machine_class *machine_class_at(unsigned n);
/* `-M help`. */
void machine_class_print_help(FILE *out);

/* For options that stand for a device: called when the board is there, before -device. `text` must
 * stay. */
void machine_add_part(bool (*make)(const char *text, struct error **err), const char *text);

/* The path of a firmware file (BIOS, option ROM, our own ROMs), to be freed by the caller: the name
 * itself if such a file exists, else in the -L folders, the build's and the installed folder and
 * the places of Debian's seabios and ipxe packages. NULL: nowhere. */
char *machine_find_firmware(const char *name);

/* --- requests; any thread unless said otherwise ---------------------------------------------- */

/* They take effect soon, on the main thread, between guest instructions. */
enum machine_shutdown { MACHINE_SHUTDOWN_GUEST, MACHINE_SHUTDOWN_HOST };

/* With -no-reboot it ends the emulator. */
void machine_request_reset(void);
/* The same by the reset button. */
void machine_request_user_reset(void);
/* Ends the emulator, or with -no-shutdown stops the machine. */
void machine_request_shutdown(enum machine_shutdown why);
/* The guest's kernel is lost: what -action panic= says. */
void machine_request_panic(void);
/* A watchdog ran out: what -action watchdog= says. */
void machine_request_watchdog(void);
/* The power button: tells the notifier. */
void machine_request_powerdown(void);
/* Ends the emulator with this status: isa-debug-exit. */
void machine_request_exit(int status);
/* Guest sleep (S3) until machine_request_wakeup(); both for the power management device. */
void machine_request_suspend(void);
void machine_request_wakeup(void);

/* The power management device, which takes power button presses. Big lock held. */
void machine_on_powerdown(void (*pressed)(void *opaque), void *opaque);
/* Called in phase one of every machine reset, after the devices', so that boards can put CPUs and
 * memory to their power-on state. Big lock held, vCPUs stopped. */
void machine_on_reset(void (*reset)(void *opaque), void *opaque);
/* Called while the machine leaves the suspended state. */
void machine_on_wakeup(void (*wakeup)(void *opaque), void *opaque);

/* --- running and stopped; big lock held, main thread ----------------------------------------- */

bool machine_running(void);
void machine_cont(void);
void machine_stop(void);
/* A drive failed and its werror= or rerror= says to stop. */
void machine_stop_on_error(void);
/* Told of every change: timers of host time, block requests to repeat. */
void machine_on_run_change(void (*changed)(void *opaque, bool running), void *opaque);
void machine_forget_run_change(void (*changed)(void *opaque, bool running), void *opaque);

/* What vl.c started with: for `info` commands and devices such as SMBIOS. */
const struct machine_config *machine_config(void);
/* -boot once= is over, the monitor's `boot_set`: the board takes a new order. Fails without one. */
bool machine_set_boot_order(const char *order, struct error **err);
void machine_on_boot_set(bool (*set)(void *opaque, const char *order, struct error **err),
                         void *opaque);

#endif
