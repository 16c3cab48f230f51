/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Repeated string instructions. Each call does at least one element unless the count is 0, and
 * forwards in plain RAM as many as one page of either side holds. Registers are updated only after
 * an element or piece is done, so a fault leaves a state to go on from.
 */
#include <string.h>
#include "base/bits.h"
#include "target-i386/helpers.h"
#include "tcg/softmmu.h"
#include "target-i386/flags.h"
#include "target-i386/string.h"
#include "target-i386/sys.h"

enum { PAGE = 4096 };

struct string_op {
    struct x86_env *env;
    unsigned size, shift, seg, idx;             /* size of an element, and its logarithm */
    x86_word mask;                  /* of the address size */
    x86_word count, si, di;
    bool step, checked;
};

/* 32-bit registers that silicon cuts to their size before the first element is tried. */
static void cut(const struct string_op *s, unsigned reg)
{
    if (s->mask == 0xffffffff) {
        s->env->regs[reg] = (uint32_t)s->env->regs[reg];
    }
}

static void begin(struct string_op *s, struct x86_env *env, uint32_t what)
{
    unsigned addr_bits = 8u << (what >> STRING_ADDR_SHIFT & 3);

    s->env = env;
    s->shift = what & STRING_SIZE;
    s->size = 1u << s->shift;
    s->seg = what >> STRING_SEG_SHIFT & 7;
    s->step = what & STRING_STEP;
    s->idx = x86_mmu_index(env);
    s->mask = (x86_word)~0 >> (TARGET_WORD_BITS - addr_bits);
    s->count = env->regs[R_CX] & s->mask;
    s->si = env->regs[R_SI] & s->mask;
    s->di = env->regs[R_DI] & s->mask;
    s->checked = !(env->mode & MODE_CS64) &&
                 (env->mode & (MODE_LIMITS | MODE_FS_LIMITS | MODE_GS_LIMITS) || s->seg == SEG_CS);
    cut(s, R_CX);                   /* even when it is 0 */
}

static uint64_t linear(const struct string_op *s, unsigned seg, x86_word offset)
{
    if (s->env->mode & MODE_CS64) {
        return offset + (seg >= SEG_FS ? s->env->segs[seg].base : 0);
    }
    return (uint32_t)(offset + s->env->segs[seg].base);
}

static void check(const struct string_op *s, unsigned seg, x86_word offset, bool write)
{
    if (s->checked) {
        helper_check_segment(s->env, seg, offset, s->size | (write ? X86_CHECK_WRITE : 0));
    }
}

static void set_reg(const struct string_op *s, unsigned reg, x86_word v)
{
    x86_word *r = &s->env->regs[reg];

    *r = s->mask == 0xffff ? (*r & ~(x86_word)0xffff) | (v & 0xffff) : v & s->mask;
}

static void advance(struct string_op *s, unsigned reg, x86_word at, unsigned n)
{
    set_reg(s, reg, at + (x86_sword)s->env->df * (x86_sword)(n * s->size));
}

static bool count_down(struct string_op *s, unsigned n)
{
    s->count -= n;
    set_reg(s, R_CX, s->count);
    return s->count != 0;
}

static uint64_t load(const struct string_op *s, uint64_t address)
{
    x86_check_alignment(s->env, address, s->size);
    switch (s->size) {
    case 1: return cpu_ldub(s->env, address, s->idx);
    case 2: return cpu_lduw(s->env, address, s->idx);
    case 4: return cpu_ldl(s->env, address, s->idx);
    }
    return cpu_ldq(s->env, address, s->idx);
}

static void store(const struct string_op *s, uint64_t address, uint64_t v)
{
    x86_check_alignment(s->env, address, s->size);
    switch (s->size) {
    case 1: cpu_stb(s->env, address, v, s->idx); break;
    case 2: cpu_stw(s->env, address, v, s->idx); break;
    case 4: cpu_stl(s->env, address, v, s->idx); break;
    default: cpu_stq(s->env, address, v, s->idx); break;
    }
}

static uint64_t load_host(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

/* Plain upward segments only, from the first to the last byte; the rest is for the element-wise
   check. */
static bool fits_segment(const struct string_op *s, unsigned seg, uint64_t last, bool write)
{
    const struct x86_segment *r = &s->env->segs[seg];

    return !s->checked || (last <= r->limit && r->flags & DESC_P && !(r->flags & DESC_CODE) &&
                           !(r->flags & DESC_DC) && (!write || r->flags & DESC_RW));
}

/* How many elements from offset on, in the direction of DF, lie in its page, at most n; 0: go
   singly. */
static unsigned room(const struct string_op *s, unsigned seg, x86_word offset, unsigned n,
                     bool write)
{
    unsigned at = linear(s, seg, offset) & (PAGE - 1), left;
    x86_word to_wrap;
    uint64_t last;

    if (s->env->df > 0) {
        left = (PAGE - at) >> s->shift;
        to_wrap = (s->mask - offset) >> s->shift;
    } else {
        left = at + s->size <= PAGE ? (at >> s->shift) + 1 : 0;
        to_wrap = offset >> s->shift;
    }
    n = MIN_OF(n, left);
    n = to_wrap < n ? (unsigned)to_wrap : n;
    last = (uint64_t)offset + (s->env->df > 0 ? n : 1) * s->size - 1;
    return n && fits_segment(s, seg, last, write) ? n : 0;
}

static unsigned piece(const struct string_op *s)
{
    if (s->step || s->env->mode & MODE_ALIGN) {
        return 0;
    }
    return s->count < PAGE ? s->count : PAGE;
}

static unsigned forward_piece(const struct string_op *s)
{
    return s->env->df > 0 ? piece(s) : 0;
}

/* The lowest address of n elements from `address' on. A fault is that of the first element. */
static uint64_t lowest(const struct string_op *s, uint64_t address, unsigned n,
                       enum mmu_access access)
{
    if (s->env->df > 0) {
        return address;
    }
    cpu_probe(s->env, address, s->size, access, s->idx);
    return address - (n - 1) * s->size;
}

/* As element after element upwards. */
static void copy_up(uint8_t *to, const uint8_t *from, unsigned len, unsigned size)
{
    size_t distance = (uintptr_t)to - (uintptr_t)from;

    if (distance >= len) {
        memmove(to, from, len);
    } else if (distance >= size) {
        /* What was copied is the source of what follows: a pattern of that length. */
        for (unsigned done = 0, n; done < len; done += n) {
            n = MIN_OF(done + distance, len - done);
            memcpy(to + done, from, n);
        }
    } else {
        for (unsigned i = 0; i < len; i += size) {
            memmove(to + i, from + i, size);
        }
    }
}

/* As element after element downwards; both point to the lowest. */
static void copy_down(uint8_t *to, const uint8_t *from, unsigned len, unsigned size)
{
    if ((uintptr_t)from - (uintptr_t)to >= len) {
        memmove(to, from, len);
        return;
    }
    for (unsigned i = len; i > 0; i -= size) {
        memmove(to + i - size, from + i - size, size);
    }
}

/*
 * The frequent case is short: upwards in 64-bit code, within pages that the first level of the TLB
 * knows. The host address of `count' elements at a pointer, or NULL.
 */
static uint8_t *quick_piece(struct x86_env *env, uint32_t what, unsigned reg, bool write)
{
    unsigned shift = what & STRING_SIZE;
    uint64_t count = env->regs[R_CX], address = env->regs[reg];

    if ((env->mode & (MODE_CS64 | MODE_ALIGN)) != MODE_CS64 || (what & STRING_STEP) ||
        env->df < 0 || count - 1 >= PAGE ||
        (what >> STRING_ADDR_SHIFT & 3) != 3 || (what >> STRING_SEG_SHIFT & 7) >= SEG_FS) {
        return NULL;
    }
    return cpu_ram_quick(env, address, (unsigned)count << shift, x86_mmu_index(env), write);
}

static bool move_piece(const struct string_op *s, uint64_t from, uint64_t to, unsigned n)
{
    unsigned len = n * s->size;
    const uint8_t *p = cpu_ram_ptr(s->env, lowest(s, from, n, MMU_READ), len, MMU_READ, s->idx);
    struct ram_store store;
    uint8_t *q = p ? cpu_ram_store_begin(s->env, lowest(s, to, n, MMU_WRITE), len, s->idx,
                                         &store) : NULL;

    if (!q) {
        return false;
    }
    if (s->env->df > 0) {
        copy_up(q, p, len, s->size);
    } else {
        copy_down(q, p, len, s->size);
    }
    cpu_ram_store_end(s->env, &store);
    return true;
}

uint32_t helper_rep_movs(struct x86_env *env, uint32_t what)
{
    uint8_t *q = quick_piece(env, what, R_DI, true);
    const uint8_t *p = q ? quick_piece(env, what, R_SI, false) : NULL;
    struct string_op s;
    uint64_t from, to;
    unsigned n;

    if (p) {
        n = (unsigned)env->regs[R_CX] << (what & STRING_SIZE);
        copy_up(q, p, n, 1u << (what & STRING_SIZE));
        env->regs[R_SI] += n;
        env->regs[R_DI] += n;
        env->regs[R_CX] = 0;
        return 0;
    }
    begin(&s, env, what);
    cut(&s, R_SI);
    cut(&s, R_DI);
    if (s.count == 0) {
        return 0;
    }
    from = linear(&s, s.seg, s.si);
    to = linear(&s, SEG_ES, s.di);
    n = room(&s, SEG_ES, s.di, room(&s, s.seg, s.si, piece(&s), false), true);
    if (n <= 1 || !move_piece(&s, from, to, n)) {
        n = 1;
        check(&s, s.seg, s.si, false);
        check(&s, SEG_ES, s.di, true);
        store(&s, to, load(&s, from));
    }
    advance(&s, R_SI, s.si, n);
    advance(&s, R_DI, s.di, n);
    return count_down(&s, n);
}

static void fill(uint8_t *to, uint64_t v, unsigned n, unsigned size)
{
    if (size == 8 && n <= 16) {
        for (unsigned i = 0; i < n; i++) {
            memcpy(to + i * 8, &v, 8);
        }
    } else if (size == 1 || v == (v & 0xff) * 0x0101010101010101ull >> (64 - 8 * size)) {
        memset(to, v, n * size);
    } else {
        for (unsigned i = 0; i < n; i++) {
            memcpy(to + i * size, &v, size);
        }
    }
}

static bool fill_piece(const struct string_op *s, uint64_t to, uint64_t v, unsigned n)
{
    struct ram_store store;
    uint8_t *q = cpu_ram_store_begin(s->env, lowest(s, to, n, MMU_WRITE),
                                     n * s->size, s->idx, &store);

    if (q) {
        fill(q, v, n, s->size);
        cpu_ram_store_end(s->env, &store);
    }
    return q != NULL;
}

uint32_t helper_rep_stos(struct x86_env *env, uint32_t what)
{
    uint8_t *q = quick_piece(env, what, R_DI, true);
    struct string_op s;
    uint64_t v, to;
    unsigned n;

    if (q) {
        n = (unsigned)env->regs[R_CX];
        v = env->regs[R_AX] & (~0ull >> (64 - (8 << (what & STRING_SIZE))));
        fill(q, v, n, 1u << (what & STRING_SIZE));
        env->regs[R_DI] += n << (what & STRING_SIZE);
        env->regs[R_CX] = 0;
        return 0;
    }
    begin(&s, env, what);
    cut(&s, R_DI);
    if (s.count == 0) {
        return 0;
    }
    v = env->regs[R_AX] & (~0ull >> (64 - 8 * s.size));
    to = linear(&s, SEG_ES, s.di);
    n = room(&s, SEG_ES, s.di, piece(&s), true);
    if (n <= 1 || !fill_piece(&s, to, v, n)) {
        n = 1;
        check(&s, SEG_ES, s.di, true);
        store(&s, to, v);
    }
    advance(&s, R_DI, s.di, n);
    return count_down(&s, n);
}

uint32_t helper_rep_lods(struct x86_env *env, uint32_t what)
{
    struct string_op s;
    uint64_t v;

    begin(&s, env, what);
    if (s.count == 0) {
        return 0;
    }
    check(&s, s.seg, s.si, false);
    v = load(&s, linear(&s, s.seg, s.si));
    if (s.size >= 4) {
        env->regs[R_AX] = v;
    } else {
        x86_word low = (1u << 8 * s.size) - 1;

        env->regs[R_AX] = (env->regs[R_AX] & ~low) | v;
    }
    advance(&s, R_SI, s.si, 1);
    return count_down(&s, 1);
}

/*
 * Ends a comparing piece of n elements, the last of which had a and b. As on silicon the flags
 * change with the last element only: a fault before it shows the old ones.
 */
static uint32_t compared(struct string_op *s, uint32_t what, unsigned n, uint64_t a, uint64_t b)
{
    struct x86_env *env = s->env;
    bool more = count_down(s, n) && (a == b) == !!(what & STRING_WHILE_EQUAL);

    if (!more) {
        env->cc_op = CC_CMP + (what & STRING_SIZE);
        env->cc_a = a;
        env->cc_b = b;
    }
    return more;
}

uint32_t helper_rep_cmps(struct x86_env *env, uint32_t what)
{
    struct string_op s;
    const uint8_t *p = NULL, *q = NULL;
    uint64_t a = 0, b = 0;
    unsigned n, i;

    begin(&s, env, what);
    if (s.count == 0) {
        return 0;
    }
    n = room(&s, SEG_ES, s.di, room(&s, s.seg, s.si, forward_piece(&s), false), false);
    if (n > 1) {
        q = cpu_ram_ptr(env, linear(&s, SEG_ES, s.di), n * s.size, MMU_READ, s.idx);
        p = q ? cpu_ram_ptr(env, linear(&s, s.seg, s.si), n * s.size, MMU_READ, s.idx) : NULL;
    }
    if (p) {
        for (i = 0; i < n;) {
            a = load_host(p + i * s.size, s.size);
            b = load_host(q + i * s.size, s.size);
            i++;
            if ((a == b) != !!(what & STRING_WHILE_EQUAL)) {
                break;
            }
        }
        n = i;
    } else {
        n = 1;
        check(&s, SEG_ES, s.di, false);
        b = load(&s, linear(&s, SEG_ES, s.di));
        cut(&s, R_DI);
        check(&s, s.seg, s.si, false);
        a = load(&s, linear(&s, s.seg, s.si));
    }
    advance(&s, R_SI, s.si, n);
    advance(&s, R_DI, s.di, n);
    return compared(&s, what, n, a, b);
}

uint32_t helper_rep_scas(struct x86_env *env, uint32_t what)
{
    struct string_op s;
    const uint8_t *q = NULL;
    uint64_t a, b = 0;
    unsigned n, i;

    begin(&s, env, what);
    if (s.count == 0) {
        return 0;
    }
    a = env->regs[R_AX] & (~0ull >> (64 - 8 * s.size));
    n = room(&s, SEG_ES, s.di, forward_piece(&s), false);
    if (n > 1) {
        q = cpu_ram_ptr(env, linear(&s, SEG_ES, s.di), n * s.size, MMU_READ, s.idx);
    }
    if (q) {
        for (i = 0; i < n;) {
            b = load_host(q + i * s.size, s.size);
            i++;
            if ((a == b) != !!(what & STRING_WHILE_EQUAL)) {
                break;
            }
        }
        n = i;
    } else {
        n = 1;
        check(&s, SEG_ES, s.di, false);
        b = load(&s, linear(&s, SEG_ES, s.di));
    }
    advance(&s, R_DI, s.di, n);
    return compared(&s, what, n, a, b);
}
