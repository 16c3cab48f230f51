/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Single steps, breakpoints and watchpoints of a debugger; see cpu-debug.h. */
#include "cpu-debug.h"

#include <stdlib.h>
#include <string.h>
#include "base/bits.h"
#include "base/error.h"
#include "tcg/region.h"
#include "tcg/softmmu.h"

enum { WATCHES = 64 };

struct breakpoint {
    uint64_t addr;
    unsigned count;                 /* insertions; 0: compiled in, but not wanted any more */
    bool compiled;                  /* regions of its page know it */
};

struct watch {
    uint64_t addr, last;
    unsigned access;
};

/* Sorted by address. */
static struct breakpoint *breakpoints;
static unsigned n_breakpoints, room;
unsigned cpu_breakpoint_count;      /* with those that are no longer wanted */
static struct watch watches[WATCHES];
unsigned cpu_watchpoint_count;
static bool watches_changed;
static void (*on_stop)(struct cpu *cpu);

/* --- breakpoints ----------------------------------------------------------------------------- */

/* The index of the first one at or above the address. */
static unsigned find(uint64_t addr)
{
    unsigned low = 0, high = n_breakpoints;

    while (low < high) {
        unsigned mid = (low + high) / 2;

        if (breakpoints[mid].addr < addr) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static struct breakpoint *at(uint64_t addr)
{
    unsigned i = find(addr);

    return i < n_breakpoints && breakpoints[i].addr == addr ? &breakpoints[i] : NULL;
}

bool cpu_breakpoint_at(uint64_t addr)
{
    const struct breakpoint *b = at(addr);

    return b && b->count;
}

void cpu_breakpoint_insert(uint64_t addr)
{
    struct breakpoint *b = at(addr);
    unsigned i = find(addr);

    if (b) {
        b->count++;
        return;
    }
    if (n_breakpoints == room) {
        room = room ? 2 * room : 64;
        breakpoints = realloc(breakpoints, room * sizeof(*breakpoints));
        if (!breakpoints) {
            error_exit("out of memory for %u breakpoints", room);
        }
    }
    memmove(&breakpoints[i + 1], &breakpoints[i], (n_breakpoints - i) * sizeof(*breakpoints));
    breakpoints[i] = (struct breakpoint){ .addr = addr, .count = 1 };
    cpu_breakpoint_count = ++n_breakpoints;
}

bool cpu_breakpoint_remove(uint64_t addr)
{
    struct breakpoint *b = at(addr);

    if (!b || !b->count) {
        return false;
    }
    b->count--;
    return true;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Code of pages whose breakpoints changed is translated anew. What was removed and inserted again
   meanwhile, as gdb does around each stop, costs nothing. */
static void apply_breakpoints(void)
{
    uint64_t *pages = NULL, mask;
    unsigned kept = 0, changed = 0;

    if (!n_breakpoints) {
        return;
    }
    pages = malloc(n_breakpoints * sizeof(*pages));
    if (!pages) {
        error_exit("out of memory for %u breakpoints", n_breakpoints);
    }
    mask = ~0ull << the_target.page_bits;
    for (unsigned i = 0; i < n_breakpoints; i++) {
        struct breakpoint *b = &breakpoints[i];

        if (b->compiled != (b->count > 0)) {
            pages[changed++] = b->addr & mask;
            b->compiled = b->count > 0;
        }
        if (b->count) {
            breakpoints[kept++] = *b;
        }
    }
    cpu_breakpoint_count = n_breakpoints = kept;
    if (changed) {
        qsort(pages, changed, sizeof(*pages), by_value);
        region_drop_pages(pages, changed);
    }
    free(pages);
}

/* --- watchpoints ----------------------------------------------------------------------------- */

bool cpu_watchpoint_insert(uint64_t addr, uint64_t len, unsigned access)
{
    if (cpu_watchpoint_count == WATCHES || len == 0 || addr + len - 1 < addr) {
        return false;
    }
    watches[cpu_watchpoint_count++] = (struct watch){ addr, addr + len - 1, access };
    watches_changed = true;
    return true;
}

bool cpu_watchpoint_remove(uint64_t addr, uint64_t len, unsigned access)
{
    for (unsigned i = 0; i < cpu_watchpoint_count; i++) {
        const struct watch *w = &watches[i];

        if (w->addr == addr && w->last == addr + len - 1 && w->access == access) {
            watches[i] = watches[--cpu_watchpoint_count];
            watches_changed = true;
            return true;
        }
    }
    return false;
}

static bool matches(const struct watch *w, uint64_t first, uint64_t last, bool write)
{
    return w->access & (write ? CPU_WATCH_WRITE : CPU_WATCH_READ) && w->addr <= last &&
           w->last >= first;
}

unsigned cpu_debug_points(struct cpu_debug_point *points, unsigned max)
{
    unsigned n = 0;

    for (unsigned i = 0; i < cpu_watchpoint_count; i++, n++) {
        if (n < max) {
            points[n] = (struct cpu_debug_point){ watches[i].addr,
                                                  watches[i].last - watches[i].addr + 1,
                                                  watches[i].access };
        }
    }
    for (unsigned i = 0; i < n_breakpoints; i++) {
        if (breakpoints[i].count && n++ < max) {
            points[n - 1] = (struct cpu_debug_point){ breakpoints[i].addr, 1, 0 };
        }
    }
    return n;
}

bool cpu_debug_watches(uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < cpu_watchpoint_count; i++) {
        if (watches[i].addr <= last && watches[i].last >= first) {
            return true;
        }
    }
    return false;
}

/* The mode of translated code follows from these. */
static void changed(struct cpu *cpu)
{
    if (cpu->target->debug_changed) {
        cpu->target->debug_changed(cpu);
    }
}

void cpu_debug_access_check(struct cpu *cpu, uint64_t addr, uint64_t size, bool write)
{
    uint64_t last = addr + size - 1;

    for (unsigned i = 0; i < cpu_watchpoint_count && !cpu->debug.pending && !cpu->debug.off; i++) {
        const struct watch *w = &watches[i];

        if (matches(w, addr, last, write)) {
            bool inside = cpu_hot(cpu)->ra;

            if (inside) {
                cpu_restore_state(cpu);
                cpu_hot(cpu)->ra = 0;
            }
            cpu->debug.pending = true;
            cpu->debug.watch_addr = MAX_OF(addr, w->addr);
            cpu->debug.watch_access = w->access;
            changed(cpu);
            if (inside) {
                cpu_loop_exit(cpu);
            }
        }
    }
    if (cpu->debug.guest_watches) {
        cpu->target->debug_exception(cpu, addr, size, write);
    }
}

/* --- for the loops --------------------------------------------------------------------------- */

uint64_t cpu_debug_pc(struct cpu *cpu)
{
    struct code_key key;

    cpu->target->code_key(cpu, &key);
    return key.pc & ~(uint64_t)cpu->target->pc_tag;
}

uint64_t cpu_debug_linear_pc(struct cpu *cpu)
{
    struct code_key key;

    cpu->target->code_key(cpu, &key);
    key.pc = (key.pc & ~(uint64_t)cpu->target->pc_tag) + key.base;
    return cpu->target->word_bits == 32 ? (uint32_t)key.pc : key.pc;
}

void cpu_debug_break(struct cpu *cpu, uint64_t addr)
{
    bool pass = cpu->debug.passes && cpu->debug.pass == addr;

    cpu->debug.passes = false;
    if (!pass && !cpu->debug.off) {
        cpu->debug.stop = CPU_STOP_BREAK;
        cpu_loop_exit(cpu);
    }
}

void cpu_debug_after(struct cpu *cpu, bool entered)
{
    struct cpu_debug *d = &cpu->debug;
    uint64_t pc;

    d->passes = false;
    if (d->pending) {
        d->pending = false;
        d->stop = CPU_STOP_WATCH;
        changed(cpu);
    } else if (d->step && !d->stop) {
        pc = cpu_debug_pc(cpu);
        if (entered || pc - d->range_start >= d->range_end - d->range_start ||
            (cpu_breakpoint_count && cpu_breakpoint_at(cpu_debug_linear_pc(cpu)))) {
            d->stop = CPU_STOP_STEP;
        }
    }
}

void cpu_debug_stopped(struct cpu *cpu)
{
    if (on_stop) {
        on_stop(cpu);
    } else {
        cpu->debug.stop = CPU_STOP_NONE;
    }
}

/* --- for debuggers --------------------------------------------------------------------------- */

void cpu_debug_on_stop(void (*stopped)(struct cpu *cpu))
{
    on_stop = stopped;
}

void cpu_debug_remove_all(void)
{
    for (unsigned i = 0; i < n_breakpoints; i++) {
        breakpoints[i].count = 0;
    }
    watches_changed |= cpu_watchpoint_count > 0;
    cpu_watchpoint_count = 0;
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        cpu_debug_step(cpu, false, 0, 0);
        cpu->debug.passes = false;
    }
}

unsigned cpu_debug_generation;

void cpu_debug_apply(void)
{
    cpu_debug_generation++;
    apply_breakpoints();
    if (watches_changed) {
        watches_changed = false;
        for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
            tlb_flush_for_watch(cpu);
            changed(cpu);
        }
    }
}

void cpu_debug_step(struct cpu *cpu, bool on, uint64_t start, uint64_t end)
{
    cpu->debug.range_start = start;
    cpu->debug.range_end = end;
    if (cpu->debug.step != on) {
        cpu->debug.step = on;
        changed(cpu);
    }
}

void cpu_debug_resume(struct cpu *cpu)
{
    cpu->debug.passes = cpu->debug.stop == CPU_STOP_BREAK;
    cpu->debug.pass = cpu_debug_linear_pc(cpu);
    cpu->debug.stop = CPU_STOP_NONE;
}
