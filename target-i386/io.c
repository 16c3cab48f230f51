/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Port I/O: permission, single accesses, and INS/OUTS, which move whole runs within a page. */
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

#include "base/bits.h"
#include "base/lock.h"
#include "hw/core/memory.h"

/* CPL > IOPL or virtual-8086 mode: the bitmap of a 32-bit (or 64-bit) TSS decides. */
static bool needs_bitmap(const struct x86_env *env)
{
    return (env->cr[0] & CR0_PE) &&
        ((env->eflags & FL_VM) || env->cpl > (env->eflags & FL_IOPL) >> 12);
}

void helper_check_io(struct x86_env *env, uint32_t port, uint32_t size)
{
    uint32_t at, bits;

    if (!needs_bitmap(env)) {
        return;
    }
    if (!(env->tr.flags & DESC_P) || !(desc_type(env->tr.flags) & 8) || env->tr.limit < 0x67) {
        x86_raise_error(env, EXC_GP, 0);
    }
    at = cpu_lduw(env, env->tr.base + 0x66, x86_system_idx(env)) + (port & 0xffff) / 8;
    if (at + 1 > env->tr.limit) {
        x86_raise_error(env, EXC_GP, 0);
    }
    bits = cpu_lduw(env, env->tr.base + at, x86_system_idx(env)) >> (port & 7);
    if (bits & ((1u << size) - 1)) {
        x86_raise_error(env, EXC_GP, 0);
    }
}

uint32_t helper_in(struct x86_env *env, uint32_t port, uint32_t size)
{
    uint64_t value;

    x86_io_breakpoint(env, port & 0xffff, size);
    address_space_ld(env_cpu(env)->io, port & 0xffff, size, ENDIAN_LITTLE, &value);
    return (uint32_t)value;
}

void helper_out(struct x86_env *env, uint32_t port, uint32_t value, uint32_t size)
{
    x86_io_breakpoint(env, port & 0xffff, size);
    address_space_st(env_cpu(env)->io, port & 0xffff, size, ENDIAN_LITTLE, value);
}

/* --- strings --------------------------------------------------------------------------------- */

struct string_io {
    struct x86_env *env;
    unsigned size, addrsize, seg, reg, port;
    bool in, rep;
    uint64_t mask;                  /* of the address size */
};

static uint64_t masked(const struct string_io *s, unsigned reg)
{
    return s->env->regs[reg] & s->mask;
}

/* Adds to a register of address size: 16-bit ones keep the rest, 32-bit ones clear it. */
static void advance(const struct string_io *s, unsigned reg, int64_t delta)
{
    x86_word *r = &s->env->regs[reg];
    uint64_t sum = (*r + delta) & s->mask;

    *r = (x86_word)(s->addrsize == 2 ? (*r & ~(x86_word)0xffff) | sum : sum);
}

static uint64_t element_address(const struct string_io *s)
{
    struct x86_env *env = s->env;
    uint64_t base = env->segs[s->seg].base;

    if (x86_code64(env)) {
        base = s->seg >= SEG_FS ? base : 0;
        return base + masked(s, s->reg);
    }
    return (uint32_t)(base + masked(s, s->reg));
}

static void done(const struct string_io *s, unsigned n)
{
    advance(s, s->reg, (int64_t)s->env->df * s->size * n);
    if (s->rep) {
        advance(s, R_CX, -(int64_t)n);
    }
}

static void store_element(const struct string_io *s, uint64_t address, uint64_t value, unsigned idx)
{
    if (s->size == 1) {
        cpu_stb(s->env, address, (uint8_t)value, idx);
    } else if (s->size == 2) {
        cpu_stw(s->env, address, (uint16_t)value, idx);
    } else {
        cpu_stl(s->env, address, (uint32_t)value, idx);
    }
}

static uint32_t load_element(const struct string_io *s, uint64_t address, unsigned idx)
{
    if (s->size == 1) {
        return cpu_ldub(s->env, address, idx);
    }
    return s->size == 2 ? cpu_lduw(s->env, address, idx) : cpu_ldl(s->env, address, idx);
}

static void one_element(const struct string_io *s)
{
    struct x86_env *env = s->env;
    unsigned idx = x86_mmu_index(env);
    uint64_t address = element_address(s), value;

    if (!x86_code64(env)) {
        helper_check_segment(env, s->seg, (x86_word)masked(s, s->reg),
                             s->size | (s->in ? X86_CHECK_WRITE : 0));
    }
    x86_io_breakpoint(env, s->port, s->size);
    if (s->in) {
        /* The fault must come before the device has given up the data. */
        cpu_probe(env, address, s->size, MMU_WRITE, idx);
        address_space_ld(env_cpu(env)->io, s->port, s->size, ENDIAN_LITTLE, &value);
        store_element(s, address, value, idx);
    } else {
        value = load_element(s, address, idx);
        address_space_st(env_cpu(env)->io, s->port, s->size, ENDIAN_LITTLE, value);
    }
    done(s, 1);
}

/* Moves up to n elements between one device port and one page of RAM; 0 when that is impossible. */
static unsigned run_of_elements(const struct string_io *s, uint64_t n)
{
    struct x86_env *env = s->env;
    uint64_t address = element_address(s), value;
    uint64_t room = (0x1000 - (address & 0xfff)) / s->size;
    struct ram_span span;
    uint8_t *host;

    n = n < room ? n : room;
    if (n < 2 || env->df < 0 || s->addrsize == 2 || (env->mode & (MODE_TF | MODE_LIMITS)) ||
        (env->dr[7] & 0xff) || (!x86_code64(env) && s->seg >= SEG_FS)) {
        return 0;
    }
    if (memory_lookup_ram(env_cpu(env)->io, s->port, &span) || !span.region ||
        span.last < s->port + s->size - 1) {
        return 0;
    }
    host = cpu_ram_ptr(env, address, (unsigned)n * s->size, s->in ? MMU_WRITE : MMU_READ,
                       x86_mmu_index(env));
    if (!host) {
        return 0;
    }
    big_lock();
    for (uint64_t i = 0; i < n; i++, host += s->size) {
        if (s->in) {
            memory_region_ld(span.region, span.offset, s->size, ENDIAN_LITTLE, &value);
            st_le(host, s->size, value);
        } else {
            memory_region_st(span.region, span.offset, s->size, ENDIAN_LITTLE,
                             ld_le(host, s->size));
        }
    }
    big_unlock();
    done(s, (unsigned)n);
    return (unsigned)n;
}

/* True when the instruction is complete, false when it must be started again. */
static uint32_t string_io(struct string_io *s)
{
    struct x86_env *env = s->env;

    s->mask = bits_mask(s->addrsize * 8);
    s->port = (unsigned)env->regs[R_DX] & 0xffff;
    helper_check_io(env, s->port, s->size);
    if (!s->rep) {
        one_element(s);
        return true;
    }
    while (masked(s, R_CX)) {
        if (!run_of_elements(s, masked(s, R_CX))) {
            one_element(s);
        }
        if ((env->mode & MODE_TF) || __atomic_load_n(&env->hot.exit_req, __ATOMIC_RELAXED)) {
            break;
        }
    }
    return masked(s, R_CX) == 0;
}

/* sizes: element size, address size << 8, repeated << 16, segment << 24 */
uint32_t helper_ins(struct x86_env *env, uint32_t sizes)
{
    struct string_io s = { .env = env, .size = sizes & 0xff, .addrsize = sizes >> 8 & 0xff,
                           .rep = sizes >> 16 & 1, .seg = SEG_ES, .reg = R_DI, .in = true };

    return string_io(&s);
}

uint32_t helper_outs(struct x86_env *env, uint32_t sizes)
{
    struct string_io s = { .env = env, .size = sizes & 0xff, .addrsize = sizes >> 8 & 0xff,
                           .rep = sizes >> 16 & 1, .seg = sizes >> 24, .reg = R_SI };

    return string_io(&s);
}
