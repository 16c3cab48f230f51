/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine as its owner drives it: vl.c and the monitor. Devices use hw/core/machine.h. */
#ifndef HW_CORE_RUN_H
#define HW_CORE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/core/machine.h"

enum machine_panic { MACHINE_PANIC_SHUTDOWN, MACHINE_PANIC_PAUSE, MACHINE_PANIC_EXIT_FAILURE,
                     MACHINE_PANIC_NONE };
enum machine_watchdog { MACHINE_WATCHDOG_RESET, MACHINE_WATCHDOG_SHUTDOWN,
                        MACHINE_WATCHDOG_POWEROFF, MACHINE_WATCHDOG_PAUSE, MACHINE_WATCHDOG_DEBUG,
                        MACHINE_WATCHDOG_NONE };

/* -no-reboot, -no-shutdown, -action. All zero is what happens without them. */
struct machine_policy {
    bool no_reboot, no_shutdown;
    enum machine_panic panic;
    enum machine_watchdog watchdog;
};
/* What `text` says, as argument of -action or -watchdog-action; the rest of the policy stays. */
bool machine_policy_parse(struct machine_policy *policy, const char *option, const char *text,
                          struct error **err);
/* The action as the options have it. */
const char *machine_watchdog_name(enum machine_watchdog action);
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
/* Stopped by -no-shutdown or a panic, or half loaded: only a reset makes `cont` possible. */
bool machine_needs_reset(void);
/* Being saved or loaded: `cont` must wait. */
bool machine_busy(void);

/* --- saving and loading, for migration/ ------------------------------------------------------ */

/* Stops the machine; the end takes it back to what it was before, or leaves it stopped because it
 * goes on elsewhere. */
void machine_begin_save(void);
void machine_end_save(bool moved);
/* Running, paused or asleep, and requests under way, as numbers for the stream; and back. */
void machine_get_condition(uint32_t *condition, uint32_t *requests);
void machine_set_condition(uint32_t condition, uint32_t requests);
/* Stops and resets the machine; the end leaves it running, paused, or asleep as it was saved. */
void machine_begin_load(void);
void machine_end_load(bool run);
bool machine_loaded_running(void);
/* The load failed half-way. */
void machine_set_broken(void);

#endif
