/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole machine: its run state, and the requests of devices and users that change it. */
#include "hw/core/machine.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/main-loop.h"
#include "base/trace.h"
#include "cpu-exec.h"
#include "hw/core/device.h"
#include "hw/core/run.h"

enum run_state {
    RUN_PRELAUNCH, RUN_RUNNING, RUN_PAUSED, RUN_SHUTDOWN, RUN_PANICKED, RUN_SUSPENDED,
    RUN_IO_ERROR, RUN_SAVING, RUN_MOVED, RUN_INCOMING, RUN_BROKEN, RUN_DEBUG, RUN_WATCHDOG
};

enum request {
    REQUEST_RESET = 1, REQUEST_SHUTDOWN = 2, REQUEST_POWERDOWN = 4, REQUEST_EXIT = 8,
    REQUEST_SUSPEND = 16, REQUEST_WAKEUP = 32, REQUEST_PANIC = 64,
    REQUEST_BY_USER = 128, REQUEST_WATCHDOG = 256
};

struct listener {
    void (*call)(void *opaque);
    void (*changed)(void *opaque, bool running);
    void *opaque;
    struct listener *next;
};

struct part {
    bool (*make)(const char *text, struct error **err);
    const char *text;
    struct part *next;
};

static struct {
    const struct machine_class *class;
    const struct machine_config *config;
    struct machine_policy policy;
    enum run_state state;
    enum run_state before;          /* of RUN_SAVING */
    uint32_t loaded;                /* enum condition of the state that was loaded */
    unsigned requests;              /* atomic */
    int requested_status;           /* atomic */
    bool boot_once_pending;
    bool quitting, shutdown_told;
    int exit_status;
    struct listener *on_powerdown, *on_reset, *on_wakeup, *on_run_change;
    bool (*boot_set)(void *opaque, const char *order, struct error **err);
    void *boot_set_opaque;
    struct part *parts;
} machine;

/* --- classes --------------------------------------------------------------------------------- */

/* Weak: tools and tests link without any board. */
extern const struct machine_class *const __start_machine_classes[] __attribute__((weak));
extern const struct machine_class *const __stop_machine_classes[] __attribute__((weak));

#define EACH_CLASS(p) (p = __start_machine_classes; p < __stop_machine_classes; p++)

const struct machine_class *machine_class_find(const char *name)
{
    const struct machine_class *const *p;

    for EACH_CLASS(p) {
        if (strcmp((*p)->name, name) == 0 || ((*p)->alias && strcmp((*p)->alias, name) == 0)) {
            return *p;
        }
    }
    return NULL;
}

const struct machine_class *machine_class_default(void)
{
    const struct machine_class *const *p;

    for EACH_CLASS(p) {
        if ((*p)->is_default) {
            return *p;
        }
    }
    return NULL;
}

const struct machine_class *machine_class_at(unsigned n)
{
    size_t count = __stop_machine_classes - __start_machine_classes;

    return n < count ? __start_machine_classes[n] : NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct machine_class *const *)a)->name,
                  (*(const struct machine_class *const *)b)->name);
}

void machine_class_print_help(FILE *out)
{
    size_t count = __stop_machine_classes - __start_machine_classes;
    const struct machine_class **sorted = g_memdup2(__start_machine_classes,
                                                    count * sizeof(*sorted));

    qsort(sorted, count, sizeof(*sorted), by_name);
    fprintf(out, "Supported machines are:\n");
    for (size_t i = 0; i < count; i++) {
        const struct machine_class *class = sorted[i];

        if (class->alias) {
            fprintf(out, "%-20s %s (alias of %s)\n", class->alias, class->desc, class->name);
        }
        fprintf(out, "%-20s %s%s\n", class->name, class->desc,
                class->is_default ? " (default)" : "");
    }
    g_free(sorted);
}

const struct machine_class *machine_class(void)
{
    return machine.class;
}

const struct machine_config *machine_config(void)
{
    return machine.config;
}

bool machine_create(const struct machine_class *class, const struct machine_config *config,
                    struct error **err)
{
    machine.class = class;
    machine.config = config;
    machine.boot_once_pending = config->boot_once != NULL;
    if (!class->init(config, err)) {
        return false;
    }
    for (const struct part *p = machine.parts; p; p = p->next) {
        if (!p->make(p->text, err)) {
            return false;
        }
    }
    return true;
}

void machine_add_part(bool (*make)(const char *text, struct error **err), const char *text)
{
    struct part **at = &machine.parts;

    while (*at) {
        at = &(*at)->next;
    }
    *at = g_new0(struct part, 1);
    **at = (struct part){ make, text, NULL };
}

void machine_set_policy(struct machine_policy policy)
{
    machine.policy = policy;
}

/* --- listeners ------------------------------------------------------------------------------- */

/* At the end: in the order in which they came. */
static void listen(struct listener **list, struct listener listener)
{
    while (*list) {
        list = &(*list)->next;
    }
    *list = g_memdup2(&listener, sizeof(listener));
}

static void tell(const struct listener *list)
{
    for (; list; list = list->next) {
        list->call(list->opaque);
    }
}

void machine_on_powerdown(void (*pressed)(void *opaque), void *opaque)
{
    listen(&machine.on_powerdown, (struct listener){ .call = pressed, .opaque = opaque });
}

void machine_on_reset(void (*reset)(void *opaque), void *opaque)
{
    listen(&machine.on_reset, (struct listener){ .call = reset, .opaque = opaque });
}

void machine_on_wakeup(void (*wakeup)(void *opaque), void *opaque)
{
    listen(&machine.on_wakeup, (struct listener){ .call = wakeup, .opaque = opaque });
}

void machine_on_run_change(void (*changed)(void *opaque, bool running), void *opaque)
{
    listen(&machine.on_run_change, (struct listener){ .changed = changed, .opaque = opaque });
}

void machine_forget_run_change(void (*changed)(void *opaque, bool running), void *opaque)
{
    for (struct listener **at = &machine.on_run_change; *at; at = &(*at)->next) {
        struct listener *l = *at;

        if (l->changed == changed && l->opaque == opaque) {
            *at = l->next;
            g_free(l);
            return;
        }
    }
}

/* --- events ---------------------------------------------------------------------------------- */

static void tell_why(const char *event, bool guest, const char *reason)
{
    struct json *data = json_object();

    json_set_bool(data, "guest", guest);
    json_set_string(data, "reason", reason);
    event_emit(event, data);
}

/* Once, whatever ends the run. */
static void tell_shutdown(bool guest, const char *reason)
{
    if (!machine.shutdown_told) {
        machine.shutdown_told = true;
        tell_why("SHUTDOWN", guest, reason);
    }
}

/* --- running and stopped --------------------------------------------------------------------- */

static void set_running(enum run_state state)
{
    bool was = machine.state == RUN_RUNNING, running = state == RUN_RUNNING;

    machine.state = state;
    if (was == running) {
        return;
    }
    trace(machine_state, "%s", machine_status());
    if (!running) {
        cpu_stop_all();
        clock_vm_enable(false);
    }
    for (struct listener *l = machine.on_run_change; l; l = l->next) {
        l->changed(l->opaque, running);
    }
    event_emit(running ? "RESUME" : "STOP", NULL);
    if (running) {
        clock_vm_enable(true);
        cpu_resume_all();
    }
}

bool machine_running(void)
{
    return machine.state == RUN_RUNNING;
}

bool machine_busy(void)
{
    return machine.state == RUN_SAVING || machine.state == RUN_INCOMING;
}

void machine_cont(void)
{
    if (!machine_needs_reset() && !machine_busy()) {
        set_running(RUN_RUNNING);
    }
}

void machine_stop(void)
{
    if (machine_running()) {
        set_running(RUN_PAUSED);
    }
}

void machine_stop_for_debugger(void)
{
    if (machine_running()) {
        set_running(RUN_DEBUG);
    }
}

void machine_stop_on_error(void)
{
    if (machine_running()) {
        set_running(RUN_IO_ERROR);
    }
}

bool machine_needs_reset(void)
{
    return machine.state == RUN_SHUTDOWN || machine.state == RUN_PANICKED ||
        machine.state == RUN_BROKEN;
}

const char *machine_status(void)
{
    static const char *const names[] = {
        [RUN_PRELAUNCH] = "paused (prelaunch)", [RUN_RUNNING] = "running",
        [RUN_PAUSED] = "paused", [RUN_SHUTDOWN] = "paused (shutdown)",
        [RUN_PANICKED] = "paused (guest-panicked)", [RUN_SUSPENDED] = "paused (suspended)",
        [RUN_DEBUG] = "paused (debug)", [RUN_WATCHDOG] = "paused (watchdog)",
        [RUN_IO_ERROR] = "paused (io-error)", [RUN_SAVING] = "paused (finish-migrate)",
        [RUN_MOVED] = "paused (postmigrate)", [RUN_INCOMING] = "paused (inmigrate)",
        [RUN_BROKEN] = "paused (internal-error)",
    };

    return names[machine.state];
}

/* --- what requests do ------------------------------------------------------------------------ */

static void use_boot_order_after_once(void)
{
    const char *order = machine.config ? machine.config->boot_order : NULL;

    if (machine.boot_once_pending && machine.boot_set) {
        machine.boot_once_pending = false;
        machine.boot_set(machine.boot_set_opaque, order ? order : "cad", NULL);
    }
}

/* vCPUs are stopped here even if the machine runs on afterwards. They forget their interrupts, so
 * the devices drive their lines after that. */
static void reset_all(void)
{
    cpu_reset_all();
    device_reset_all();
    tell(machine.on_reset);
}

void machine_reset(void)
{
    bool running = machine_running();

    trace(machine_reset, "%s", machine_status());
    if (running) {
        cpu_stop_all();
    }
    reset_all();
    if (running) {
        cpu_resume_all();
    } else if (machine.state != RUN_SUSPENDED && !machine_busy()) {
        machine.state = RUN_PRELAUNCH;
    }
}

static void reset_by_request(bool by_user)
{
    tell_why("RESET", !by_user, by_user ? "host-qmp-system-reset" : "guest-reset");
    machine.shutdown_told = false;
    use_boot_order_after_once();
    machine_reset();
    /* A stopped machine waits for `cont`; one that slept starts anew. */
    if (machine.state == RUN_SUSPENDED) {
        set_running(RUN_RUNNING);
    }
}

static void wake_up(void)
{
    if (machine.state != RUN_SUSPENDED) {
        return;
    }
    reset_all();
    tell(machine.on_wakeup);
    event_emit("WAKEUP", NULL);
    set_running(RUN_RUNNING);
}

void machine_quit(int status)
{
    tell_shutdown(false, "host-qmp-quit");
    if (!machine.quitting) {
        machine.quitting = true;
        machine.exit_status = status;
    }
    main_loop_quit();
}

bool machine_quitting(void)
{
    return machine.quitting;
}

int machine_run(void)
{
    if (!machine.quitting) {
        main_loop_run();
    }
    return machine.exit_status;
}

static void tell_end(unsigned requests)
{
    if (requests & REQUEST_EXIT && requests & REQUEST_BY_USER) {
        tell_shutdown(false, "host-signal");
    } else {
        tell_shutdown(true, requests & REQUEST_RESET ? "guest-reset" : "guest-shutdown");
    }
}

static void tell_action(const char *event, const char *action)
{
    struct json *data = json_object();

    json_set_string(data, "action", action);
    event_emit(event, data);
}

static void handle_panic(void)
{
    enum machine_panic action = machine.policy.panic;

    if (action == MACHINE_PANIC_NONE) {
        tell_action("GUEST_PANICKED", "run");
    } else if (action == MACHINE_PANIC_PAUSE ||
               (action == MACHINE_PANIC_SHUTDOWN && machine.policy.no_shutdown)) {
        tell_action("GUEST_PANICKED", "pause");
        set_running(RUN_PANICKED);
    } else {
        tell_action("GUEST_PANICKED", "poweroff");
        tell_shutdown(true, "guest-panic");
        machine_quit(action == MACHINE_PANIC_EXIT_FAILURE);
    }
}

/* What else the action asks for. */
static unsigned handle_watchdog(void)
{
    enum machine_watchdog action = machine.policy.watchdog;

    tell_action("WATCHDOG", machine_watchdog_name(action));
    switch (action) {
    case MACHINE_WATCHDOG_RESET:
        return REQUEST_RESET;
    case MACHINE_WATCHDOG_SHUTDOWN:
        return REQUEST_POWERDOWN;
    case MACHINE_WATCHDOG_POWEROFF:
        tell_shutdown(true, "guest-shutdown");
        machine_quit(0);
        break;
    case MACHINE_WATCHDOG_PAUSE:
        if (machine_running()) {
            set_running(RUN_WATCHDOG);
        }
        break;
    case MACHINE_WATCHDOG_DEBUG:
        error_report("the watchdog ran out");
        break;
    case MACHINE_WATCHDOG_NONE:
        break;
    }
    return 0;
}

static void handle_requests(void *opaque)
{
    unsigned requests = __atomic_exchange_n(&machine.requests, 0, __ATOMIC_ACQ_REL);

    if (requests & REQUEST_WATCHDOG) {
        requests |= handle_watchdog();
    }
    if (requests & REQUEST_PANIC) {
        handle_panic();
    }
    if (requests & REQUEST_RESET && machine.policy.no_reboot) {
        requests |= REQUEST_SHUTDOWN;
    }
    if (requests & (REQUEST_EXIT | REQUEST_SHUTDOWN)) {
        tell_end(requests);
    }
    if (requests & REQUEST_EXIT) {
        machine_quit(__atomic_load_n(&machine.requested_status, __ATOMIC_RELAXED));
    } else if (requests & REQUEST_SHUTDOWN && !machine.policy.no_shutdown) {
        machine_quit(0);
    } else if (requests & REQUEST_SHUTDOWN) {
        set_running(RUN_SHUTDOWN);
    } else if (requests & REQUEST_RESET) {
        reset_by_request(requests & REQUEST_BY_USER);
    }
    if (machine.quitting) {
        set_running(machine_running() ? RUN_SHUTDOWN : machine.state);
        return;
    }
    if (requests & REQUEST_SUSPEND) {
        set_running(RUN_SUSPENDED);
        event_emit("SUSPEND", NULL);
    }
    if (requests & REQUEST_WAKEUP) {
        wake_up();
    }
    if (requests & REQUEST_POWERDOWN) {
        event_emit("POWERDOWN", NULL);
        tell(machine.on_powerdown);
    }
}

static void request(unsigned what)
{
    if (what && !__atomic_fetch_or(&machine.requests, what, __ATOMIC_ACQ_REL)) {
        main_loop_call(handle_requests, NULL);
    }
}

void machine_request_reset(void)
{
    request(REQUEST_RESET);
}

void machine_request_user_reset(void)
{
    request(REQUEST_RESET | REQUEST_BY_USER);
}

void machine_request_shutdown(enum machine_shutdown why)
{
    if (why == MACHINE_SHUTDOWN_HOST) {
        /* The user's wish is not subject to -no-shutdown. */
        __atomic_store_n(&machine.requested_status, 0, __ATOMIC_RELAXED);
        request(REQUEST_EXIT | REQUEST_BY_USER);
    } else {
        request(REQUEST_SHUTDOWN);
    }
}

void machine_request_panic(void)
{
    request(REQUEST_PANIC);
}

void machine_request_watchdog(void)
{
    request(REQUEST_WATCHDOG);
}

void machine_request_powerdown(void)
{
    request(REQUEST_POWERDOWN);
}

void machine_request_exit(int status)
{
    /* The guest runs on for a moment: what it says first counts. */
    if (!(__atomic_load_n(&machine.requests, __ATOMIC_ACQUIRE) & REQUEST_EXIT)) {
        __atomic_store_n(&machine.requested_status, status, __ATOMIC_RELAXED);
    }
    request(REQUEST_EXIT);
}

void machine_request_suspend(void)
{
    request(REQUEST_SUSPEND);
}

void machine_request_wakeup(void)
{
    request(REQUEST_WAKEUP);
}

/* --- saved and loaded ------------------------------------------------------------------------ */

/* As saved states have it. */
enum condition { CONDITION_PAUSED, CONDITION_RUNNING, CONDITION_SUSPENDED };

enum { SAVED_REQUESTS = REQUEST_RESET | REQUEST_SHUTDOWN | REQUEST_PANIC | REQUEST_POWERDOWN |
                        REQUEST_SUSPEND | REQUEST_WAKEUP | REQUEST_WATCHDOG };

void machine_begin_save(void)
{
    machine.before = machine.state;
    set_running(RUN_SAVING);
}

void machine_end_save(bool moved)
{
    if (machine.state == RUN_SAVING) {
        set_running(moved ? RUN_MOVED : machine.before);
    }
}

void machine_get_condition(uint32_t *condition, uint32_t *requests)
{
    enum run_state state = machine.state == RUN_SAVING ? machine.before : machine.state;

    *condition = state == RUN_RUNNING ? CONDITION_RUNNING
        : state == RUN_SUSPENDED ? CONDITION_SUSPENDED : CONDITION_PAUSED;
    *requests = __atomic_load_n(&machine.requests, __ATOMIC_ACQUIRE) & SAVED_REQUESTS;
}

void machine_begin_load(void)
{
    set_running(RUN_INCOMING);
    machine_reset();
    __atomic_fetch_and(&machine.requests, ~SAVED_REQUESTS, __ATOMIC_ACQ_REL);
}

void machine_set_condition(uint32_t condition, uint32_t requests)
{
    machine.loaded = condition;
    request(requests & SAVED_REQUESTS);
}

bool machine_loaded_running(void)
{
    return machine.loaded == CONDITION_RUNNING;
}

void machine_end_load(bool run)
{
    set_running(machine.loaded == CONDITION_SUSPENDED ? RUN_SUSPENDED
                : run ? RUN_RUNNING : RUN_PAUSED);
}

void machine_set_broken(void)
{
    set_running(RUN_BROKEN);
}

/* --- boot order ------------------------------------------------------------------------------ */

bool machine_set_boot_order(const char *order, struct error **err)
{
    if (!machine.boot_set) {
        error_set(err, "no function defined to set boot device list for this architecture");
        return false;
    }
    machine.boot_once_pending = false;
    return machine.boot_set(machine.boot_set_opaque, order, err);
}

void machine_on_boot_set(bool (*set)(void *opaque, const char *order, struct error **err),
                         void *opaque)
{
    machine.boot_set = set;
    machine.boot_set_opaque = opaque;
}
