/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptor tables as a process sees them: a GDT for each thread, one LDT. They lie below 4 GiB on
 * the host, where the CPU's loads of segment registers find them.
 */
#include "linux-user/i386/arch.h"

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "base/error.h"
#include "target-i386/sys.h"

enum { MAX_THREADS = 32768 };

static uint64_t *ldt;
static uint64_t (*gdts)[GDT_ENTRIES];

/* --- tables ---------------------------------------------------------------------------------- */

static void *low_memory(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_32BIT, -1, 0);

    if (p == MAP_FAILED) {
        error_exit("cannot get memory below 4 GiB for descriptor tables");
    }
    return p;
}

/* Flat: base 0, limit 4 GiB. Access byte and flags nibble as in the manual. */
static uint64_t flat(unsigned access, unsigned flags)
{
    return 0xffff | (uint64_t)access << 40 | 0xfull << 48 | (uint64_t)flags << 52;
}

void x86_tables_init(struct x86_env *env)
{
    unsigned index = env_cpu(env)->index;
    uint64_t *gdt;

    if (!gdts) {
        gdts = low_memory(sizeof(*gdts) * MAX_THREADS);
        ldt = low_memory(8 * LDT_ENTRIES);
    }
    if (index >= MAX_THREADS) {
        error_exit("more than %d threads", MAX_THREADS);
    }
    gdt = gdts[index];
    memset(gdt, 0, sizeof(gdts[0]));
    gdt[USER_CS32 >> 3] = flat(0xfb, 0xc);
    gdt[USER_DS >> 3] = flat(0xf3, 0xc);
    gdt[USER_CS64 >> 3] = flat(0xfb, 0xa);
    env->gdt_base = (uintptr_t)gdt;
    env->gdt_limit = sizeof(gdts[0]) - 1;
    env->ldt.base = (uintptr_t)ldt;
    env->ldt.limit = 8 * LDT_ENTRIES - 1;
    env->ldt.flags = DESC_P | SYS_LDT << 8;
}

static bool selector_is_valid(struct x86_env *env, uint16_t selector, bool code)
{
    struct x86_desc d;

    return x86_desc_read(env, selector, &d) && d.hi & DESC_P && d.hi & DESC_S &&
           desc_is_code(d.hi) == code && desc_dpl(d.hi) == 3;
}

void x86_load_segment(struct x86_env *env, int seg, uint16_t selector)
{
    struct x86_desc d;

    if ((selector & ~3) == 0 || !x86_desc_read(env, selector, &d) ||
        (d.hi & (DESC_P | DESC_S)) != (DESC_P | DESC_S) || desc_dpl(d.hi) != 3 ||
        (d.hi & (DESC_CODE | DESC_RW)) == DESC_CODE) {
        x86_seg_set_null(env, seg, selector & ~3 ? 0 : selector);
    } else {
        x86_seg_set_desc(env, seg, selector | 3, &d);
    }
}

void x86_load_code_segment(struct x86_env *env, uint16_t cs, uint16_t ss)
{
    struct x86_desc d;

    cs = selector_is_valid(env, cs, true) ? cs | 3 : X86_64 ? USER_CS64 : USER_CS32;
    ss = selector_is_valid(env, ss, false) ? ss | 3 : USER_DS;
    x86_desc_read(env, cs, &d);
    x86_seg_set_cs(env, cs, &d, 3);
    x86_desc_read(env, ss, &d);
    x86_seg_set_desc(env, SEG_SS, ss, &d);
}

/* --- set_thread_area, modify_ldt ------------------------------------------------------------- */

static bool is_empty(const struct user_desc *u)
{
    return !u->base_addr && !u->limit && !u->contents && u->read_exec_only && !u->seg_32bit &&
           !u->limit_in_pages && u->seg_not_present && !u->useable;
}

static bool is_zero(const struct user_desc *u)
{
    return !u->base_addr && !u->limit && !u->contents && !u->read_exec_only && !u->seg_32bit &&
           !u->limit_in_pages && !u->seg_not_present && !u->useable;
}

static uint64_t make_descriptor(const struct user_desc *u)
{
    uint32_t lo = (u->base_addr & 0xffff) << 16 | (u->limit & 0xffff);
    uint32_t hi = (u->base_addr & 0xff000000) | (u->base_addr >> 16 & 0xff) |
                  (u->limit & 0xf0000) | !u->read_exec_only << 9 | u->contents << 10 |
                  !u->seg_not_present << 15 | u->seg_32bit << 22 | u->limit_in_pages << 23 |
                  0x7000 | u->useable << 20 | 1 << 8;

    return (uint64_t)hi << 32 | lo;
}

static void read_descriptor(uint64_t d, struct user_desc *u)
{
    uint32_t lo = d, hi = d >> 32;

    u->base_addr = lo >> 16 | (hi & 0xff) << 16 | (hi & 0xff000000);
    u->limit = (lo & 0xffff) | (hi & 0xf0000);
    u->read_exec_only = !(hi >> 9 & 1);
    u->contents = hi >> 10 & 3;
    u->seg_not_present = !(hi >> 15 & 1);
    u->useable = hi >> 20 & 1;
    u->seg_32bit = hi >> 22 & 1;
    u->limit_in_pages = hi >> 23 & 1;
}

static uint64_t *gdt_of(struct x86_env *env)
{
    return (uint64_t *)(uintptr_t)env->gdt_base;
}

/* Segment registers that hold the selector get what the table now says. */
static void reload(struct x86_env *env, uint16_t selector)
{
    for (int seg = SEG_ES; seg <= SEG_GS; seg++) {
        if (seg != SEG_CS && seg != SEG_SS && (env->segs[seg].selector | 3) == (selector | 3)) {
            x86_load_segment(env, seg, selector);
        }
    }
    x86_update_mode(env);
}

static int64_t set_thread_area(struct x86_env *env, uint64_t addr, bool may_choose)
{
    struct user_desc u;
    uint64_t *gdt = gdt_of(env);

    if (!user_read(&u, addr, sizeof(u))) {
        return -EFAULT;
    }
    if (u.entry_number == -1u && may_choose) {
        unsigned i = GDT_TLS_MIN;

        while (i < GDT_TLS_MIN + GDT_TLS_COUNT && gdt[i]) {
            i++;
        }
        if (i == GDT_TLS_MIN + GDT_TLS_COUNT) {
            return -ESRCH;
        }
        u.entry_number = i;
        if (!user_write(addr, &u.entry_number, sizeof(u.entry_number))) {
            return -EFAULT;
        }
    }
    if (u.entry_number < GDT_TLS_MIN || u.entry_number >= GDT_TLS_MIN + GDT_TLS_COUNT) {
        return -EINVAL;
    }
    gdt[u.entry_number] = is_empty(&u) || is_zero(&u) ? 0 : make_descriptor(&u);
    reload(env, u.entry_number << 3 | 3);
    return 0;
}

int64_t x86_set_tls(struct x86_env *env, uint64_t desc)
{
    return set_thread_area(env, desc, false);
}

int64_t user_set_thread_area(struct task *t, uint64_t desc)
{
    return set_thread_area(x86_env(t->cpu), desc, true);
}

int64_t user_get_thread_area(struct task *t, uint64_t desc)
{
    struct user_desc u;

    if (!user_read(&u, desc, sizeof(u))) {
        return -EFAULT;
    }
    if (u.entry_number < GDT_TLS_MIN || u.entry_number >= GDT_TLS_MIN + GDT_TLS_COUNT) {
        return -EINVAL;
    }
    read_descriptor(gdt_of(x86_env(t->cpu))[u.entry_number], &u);
    return user_write(desc, &u, sizeof(u)) ? 0 : -EFAULT;
}

void x86_save_tls(struct x86_env *env, uint32_t (*tls)[4])
{
    for (unsigned i = 0; i < GDT_TLS_COUNT; i++) {
        struct user_desc u = { .entry_number = GDT_TLS_MIN + i };

        read_descriptor(gdt_of(env)[GDT_TLS_MIN + i], &u);
        memcpy(tls[i], &u, sizeof(u));
    }
}

static int64_t write_ldt(struct task *t, uint64_t addr, uint64_t bytes, bool old_mode)
{
    struct user_desc u;

    if (bytes != sizeof(u)) {
        return -EINVAL;
    }
    if (!user_read(&u, addr, sizeof(u))) {
        return -EFAULT;
    }
    if (u.entry_number >= LDT_ENTRIES || (u.contents == 3 && (old_mode || !u.seg_not_present))) {
        return -EINVAL;
    }
    if (old_mode) {
        u.useable = 0;
    }
    if ((u.base_addr == 0 && u.limit == 0 && old_mode) || is_empty(&u)) {
        ldt[u.entry_number] = 0;
    } else {
        ldt[u.entry_number] = make_descriptor(&u);
    }
    reload(x86_env(t->cpu), u.entry_number << 3 | 7);
    return 0;
}

int64_t user_modify_ldt(struct task *t, int func, uint64_t addr, uint64_t bytes)
{
    unsigned used = LDT_ENTRIES;

    switch (func) {
    case 0:
        while (used && !ldt[used - 1]) {
            used--;
        }
        bytes = bytes < 8 * used ? bytes : 8 * used;
        return user_write(addr, ldt, bytes) ? (int64_t)bytes : -EFAULT;
    case 1:
        return write_ldt(t, addr, bytes, true);
    case 2:
        return 0;                       /* the default LDT is empty */
    case 0x11:
        return write_ldt(t, addr, bytes, false);
    default:
        return -ENOSYS;
    }
}

/* --- arch_prctl ------------------------------------------------------------------------------ */

int64_t user_arch_prctl(struct task *t, int code, uint64_t addr)
{
    struct x86_env *env = x86_env(t->cpu);
    int seg = code == ARCH_SET_GS || code == ARCH_GET_GS ? SEG_GS : SEG_FS;

    switch (code) {
    case ARCH_SET_GS:
    case ARCH_SET_FS:
        if (addr >= user_top) {
            return -EPERM;
        }
        env->segs[seg].selector = 0;
        env->segs[seg].base = addr;
        return 0;
    case ARCH_GET_GS:
    case ARCH_GET_FS:
        addr = user_write(addr, &env->segs[seg].base, 8) ? 0 : -EFAULT;
        return addr;
    default:
        return -EINVAL;
    }
}
