/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine as its owner drives it: vl.c and the monitor. Devices use hw/core/machine.h. */
#ifndef HW_CORE_RUN_H
#define HW_CORE_RUN_H

#include <stdbool.h>

#include "base/error.h"
#include "hw/core/machine.h"

/* -no-reboot and -no-shutdown. */
struct machine_policy {
    bool no_reboot, no_shutdown;
};
void machine_set_policy(struct machine_policy policy);
/* -L; the first one added is searched first. */
void machine_add_firmware_folder(const char *folder);
/* `-L help` */
void machine_print_firmware_folders(FILE *out);

/* Keeps the config, calls the class's init. Once, with the big lock held. */
bool machine_create(const struct machine_class *class, const struct machine_config *config,
                    struct error **err);
const struct machine_class *machine_class(void);
/* Power-on or reset, main thread. */
void machine_reset(void);
/* The main loop; returns the exit status. */
int machine_run(void);
/* Ends machine_run(). Main thread. */
void machine_quit(int status);
bool machine_quitting(void);

/* A breakpoint, a watchpoint or a step's end. */
void machine_stop_for_debugger(void);
/* "running", "paused", "paused (shutdown)", ... */
const char *machine_status(void);
/* Stopped by -no-shutdown or a panic: only a reset makes `cont` possible. */
bool machine_needs_reset(void);

#endif
