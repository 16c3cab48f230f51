/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small devices: pvpanic, the watchdogs, edu; and what the machine makes of their requests. */
#include "tests/hw/pci-bench.h"

#include "base/bits.h"
#include "base/main-loop.h"
#include "hw/core/run.h"

#define SLOT PCI_DEVFN(5, 0)
#define BASE 0xf0000000u

static struct device *plug(const char *class)
{
    struct device *dev = bench_device(class, "addr", "5", NULL);

    printf("# %s\n", class);
    device_reset(dev);
    set_config(SLOT, PCI_BAR0, BASE, 4);
    set_config(SLOT, PCI_COMMAND, 7, 2);
    return dev;
}

static void set_size(uint32_t offset, uint64_t value, unsigned size)
{
    address_space_st(&bench.memory, BASE + offset, size, ENDIAN_LITTLE, value);
}

static void set(uint32_t offset, uint32_t value)
{
    set_size(offset, value, 4);
}

static uint64_t get_size(uint32_t offset, unsigned size)
{
    uint64_t value;

    address_space_ld(&bench.memory, BASE + offset, size, ENDIAN_LITTLE, &value);
    return value;
}

static uint32_t get(uint32_t offset)
{
    return (uint32_t)get_size(offset, 4);
}

static bool interrupting(void)
{
    return config(SLOT, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT;
}

/* --- what the machine does ------------------------------------------------------------------- */

/* Paused by the user at first, so that every change of the state is seen. */
static void policy(enum machine_panic panic, enum machine_watchdog watchdog)
{
    machine_set_policy((struct machine_policy){ .panic = panic, .watchdog = watchdog });
    machine_cont();
}

/* The state after the requests were handled. */
static const char *status(void)
{
    main_loop_step(false);
    return machine_status();
}

static bool status_is(const char *text)
{
    const char *got = status();

    if (strcmp(got, text) != 0) {
        printf("# the machine is %s\n", got);
        return false;
    }
    return true;
}

static void check_pvpanic(void)
{
    struct device *dev = bench_device("pvpanic", NULL);

    printf("# pvpanic\n");
    policy(MACHINE_PANIC_PAUSE, MACHINE_WATCHDOG_PAUSE);
    is_int(inb(0x505), 3, "both events are offered");
    outb(0x505, 2);
    ok(status_is("running"), "a crash kernel goes on");
    outb(0x505, 4);
    ok(status_is("running"), "an unknown event is none");
    outb(0x505, 1);
    ok(status_is("paused (guest-panicked)"), "a panic stops the machine");
    ok(machine_needs_reset(), "until it is reset");
    device_destroy(dev);
    machine_reset();
    dev = bench_device("pvpanic", "ioport", "0x600", "events", "2", NULL);
    policy(MACHINE_PANIC_PAUSE, MACHINE_WATCHDOG_PAUSE);
    is_int(inb(0x600), 2, "elsewhere, with one event");
    outb(0x600, 1);
    ok(status_is("running"), "that is not a panic");
    device_destroy(dev);
    dev = bench_device("pvpanic", NULL);
    policy(MACHINE_PANIC_NONE, MACHINE_WATCHDOG_PAUSE);
    outb(0x505, 1);
    ok(status_is("running"), "panic=none lets it go on");
    device_destroy(dev);
    machine_stop();
}

static void check_policy(void)
{
    struct machine_policy p = { .no_shutdown = true };
    struct error *err = NULL;

    ok(machine_policy_parse(&p, "-action", "panic=exit-failure,reboot=shutdown", &err) &&
       p.panic == MACHINE_PANIC_EXIT_FAILURE && p.no_reboot && p.no_shutdown, "-action adds up");
    ok(machine_policy_parse(&p, "-watchdog-action", "poweroff", &err) &&
       p.watchdog == MACHINE_WATCHDOG_POWEROFF, "-watchdog-action");
    ok(!machine_policy_parse(&p, "-action", "panic=maybe", &err), "not any word");
    error_free(err);
}

/* --- watchdogs ------------------------------------------------------------------------------- */

/* The timers of a stopped guest clock that are due after so much time. */
static void pass(int64_t ns)
{
    jump_to(clock_ns(CLOCK_VM) + ns);
}

static void check_ib700(void)
{
    struct device *dev = bench_device("ib700", NULL);

    printf("# ib700\n");
    device_reset(dev);
    outb(0x443, 0x0c);
    pass(5 * NS_PER_SECOND);
    ok(status_is("paused"), "six seconds are not over after five");
    outb(0x443, 0x0c);
    pass(5 * NS_PER_SECOND);
    ok(status_is("paused"), "nor when it was written again");
    outb(0x441, 0);
    pass(60 * NS_PER_SECOND);
    outb(0x443, 0x00);
    pass(29 * NS_PER_SECOND);
    policy(MACHINE_PANIC_PAUSE, MACHINE_WATCHDOG_PAUSE);
    ok(status_is("running"), "a stopped one never ends; thirty seconds are the most");
    machine_stop();
    policy(MACHINE_PANIC_PAUSE, MACHINE_WATCHDOG_PAUSE);
    pass(2 * NS_PER_SECOND);
    ok(status_is("paused (watchdog)"), "then the action is taken");
    machine_stop();
    device_destroy(dev);
}

static void unlocked(uint32_t offset, uint32_t value)
{
    set(0x0c, 0x80);
    set(0x0c, 0x86);
    set(offset, value);
}

static void check_i6300esb(void)
{
    struct device *dev = plug("i6300esb");

    is_int(config(SLOT, 0, 4), 0x25ab8086, "its identity");
    set(0, 512);
    is_int(get(0), 0xfffff, "locked registers do not change");
    unlocked(0, 512);
    is_int(get(0), 512, "unlocked ones do");
    set(0, 5);
    is_int(get(0), 512, "once");
    unlocked(4, 0xfff00200);
    is_int(get(4), 0x200, "twenty bits");
    set_config(SLOT, 0x68, 2, 1);
    pass(500 * NS_PER_MS);
    unlocked(0x0c, 0x100);
    pass(500 * NS_PER_MS);
    is_int(get(8), 0, "a reload starts anew");
    pass(20 * NS_PER_MS);
    is_int(get(8), 1, "the first stage interrupts");
    ok(interrupting(), "by its line");
    set(8, 1);
    ok(!interrupting(), "until it is acknowledged");
    pass(400 * NS_PER_MS);
    set_config(SLOT, 0x68, 3, 1);
    set_config(SLOT, 0x68, 0, 1);
    is_int(config(SLOT, 0x68, 1), 3, "a locked one cannot be stopped");
    policy(MACHINE_PANIC_PAUSE, MACHINE_WATCHDOG_PAUSE);
    ok(status_is("running"), "the second stage runs");
    pass(200 * NS_PER_MS);
    ok(status_is("paused (watchdog)"), "and ends with the action");
    machine_stop();
    is_int(get(0x0c), 0x200, "which it remembers");
    device_reset(dev);
    set_config(SLOT, PCI_BAR0, BASE, 4);
    set_config(SLOT, PCI_COMMAND, 7, 2);
    is_int(get(0x0c), 0x200, "through a reset");
    unlocked(0x0c, 0x200);
    is_int(get(0x0c), 0, "until it is told not to");
    is_int(config(SLOT, 0x68, 1), 0, "the reset unlocks");
    device_destroy(dev);
}

/* --- edu ------------------------------------------------------------------------------------- */

static void transfer(uint64_t source, uint64_t target, uint64_t count, unsigned command)
{
    set_size(0x80, source, 8);
    set_size(0x88, target, 8);
    set_size(0x90, count, 8);
    set_size(0x98, command, 8);
}

static void check_edu(void)
{
    struct device *dev = plug("edu");
    uint8_t data[100], back[100] = { 0 };

    is_int(get(0), 0x010000ed, "its identity");
    set(4, 0x12345678);
    is_int(get(4), 0xedcba987, "it is alive");
    set(8, 10);
    is_int(get(8), 3628800, "10!");
    ok(!interrupting(), "is not told");
    set(0x20, 0x80);
    set(8, 4000000000u);
    is_int(get(8), 0, "a large factorial is a multiple of 2^32");
    is_int(get(0x24), 1, "which is told when asked for");
    ok(interrupting(), "by its line");
    set(0x64, 1);
    ok(!interrupting(), "until it is acknowledged");
    set(0x60, 0x30);
    is_int(get(0x24), 0x30, "the driver raises interrupts");
    set(0x64, 0x30);
    for (unsigned n = 0; n < sizeof(data); n++) {
        data[n] = (uint8_t)(n * 3 + 1);
    }
    address_space_write(&bench.memory, 0x1000, data, sizeof(data));
    transfer(0x1000, 0x40000, 100, 1);
    is_int(get(0x98), 0, "a copy is over");
    is_int(get(0x24), 0, "quietly");
    transfer(0x40000, 0x2000, 100, 7);
    address_space_read(&bench.memory, 0x2000, back, sizeof(back));
    ok(memcmp(data, back, sizeof(data)) == 0, "to the buffer and back");
    is_int(get(0x24), 0x100, "with an interrupt");
    transfer(0x40000 + 4096 - 99, 0x2000, 100, 3);
    transfer(0x40000, 0x2000, UINT64_MAX, 3);
    transfer(0x3ffff, 0x2000, 100, 3);
    transfer(0x1000, 0x40001, 4096, 1);
    address_space_read(&bench.memory, 0x2000, back, sizeof(back));
    ok(memcmp(data, back, sizeof(data)) == 0, "nothing beyond the buffer is copied");
    transfer(0x40000, BASE + 0x98, 100, 3);
    is_int(get(0x98) & 1, 0, "a copy to its own registers ends");
    device_destroy(dev);
}

int main(void)
{
    main_loop_init();
    big_unlock();
    pci_bench_start();
    check_policy();
    check_pvpanic();
    check_ib700();
    check_i6300esb();
    check_edu();
    return tap_done();
}
