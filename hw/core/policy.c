/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -action and -watchdog-action: what becomes of the machine when the guest ends, fails or hangs. */
#include <string.h>

#include "base/keyval.h"
#include "hw/core/run.h"

static const char *const reboots[] = { "reset", "shutdown", NULL };
static const char *const shutdowns[] = { "poweroff", "pause", NULL };
static const char *const panics[] = {
    [MACHINE_PANIC_SHUTDOWN] = "shutdown", [MACHINE_PANIC_PAUSE] = "pause",
    [MACHINE_PANIC_EXIT_FAILURE] = "exit-failure", [MACHINE_PANIC_NONE] = "none", NULL
};
static const char *const watchdogs[] = {
    [MACHINE_WATCHDOG_RESET] = "reset", [MACHINE_WATCHDOG_SHUTDOWN] = "shutdown",
    [MACHINE_WATCHDOG_POWEROFF] = "poweroff", [MACHINE_WATCHDOG_PAUSE] = "pause",
    [MACHINE_WATCHDOG_DEBUG] = "debug", [MACHINE_WATCHDOG_NONE] = "none", NULL
};

const char *machine_watchdog_name(enum machine_watchdog action)
{
    return watchdogs[action];
}

/* The number of the key's value among `names` goes to `value`, which stays without that key. */
static bool choose(struct keyval *kv, const char *key, const char *const *names, unsigned *value,
                   struct error **err)
{
    const char *text = keyval_string(kv, key, NULL);

    if (!text) {
        return true;
    }
    for (unsigned n = 0; names[n]; n++) {
        if (strcmp(names[n], text) == 0) {
            *value = n;
            return true;
        }
    }
    error_set(err, "%s: %s= does not take '%s'", keyval_option(kv), key, text);
    return false;
}

bool machine_policy_parse(struct machine_policy *policy, const char *option, const char *text,
                          struct error **err)
{
    bool is_watchdog = strcmp(option, "-watchdog-action") == 0;
    struct keyval *kv = keyval_parse(option, text, is_watchdog ? "watchdog" : NULL, err);
    unsigned reboot = policy->no_reboot, shutdown = policy->no_shutdown;
    unsigned panic = policy->panic, watchdog = policy->watchdog;
    bool good;

    if (!kv) {
        return false;
    }
    good = choose(kv, "watchdog", watchdogs, &watchdog, err) &&
        (is_watchdog || (choose(kv, "reboot", reboots, &reboot, err) &&
                         choose(kv, "shutdown", shutdowns, &shutdown, err) &&
                         choose(kv, "panic", panics, &panic, err))) &&
        keyval_check(kv, err);
    keyval_free(kv);
    if (good) {
        *policy = (struct machine_policy){ reboot, shutdown, (enum machine_panic)panic,
                                           (enum machine_watchdog)watchdog };
    }
    return good;
}
