/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sequences that a random choice would hardly make: control transfers with good targets, counted
 * loops, flag words for popf, saved and restored x87 and SSE state, code that changes what follows.
 */
#include <string.h>

#include "base/bits.h"
#include "generate.h"

struct bytes {
    uint8_t b[16];
    unsigned n;
};

static void add(struct bytes *s, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        s->b[s->n++] = v >> 8 * i;
    }
}

static void flush(struct generator *g, struct bytes *s)
{
    generator_emit(g, s->b, s->n);
    s->n = 0;
}

static uint32_t here(const struct generator *g)
{
    return CODE_AT + g->p->len;
}

/* Bytes that are jumped over. */
static void junk(struct generator *g, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g->p->code[g->p->len++] = 0xcc;
    }
    g->p->start[g->p->n] = g->p->len;
}

static void forget(struct generator *g, unsigned reg)
{
    g->e.pointers &= ~(1u << reg);
    g->e.indexes &= ~(1u << reg);
}

static unsigned scratch(void)
{
    static const uint8_t regs[] = { R_AX, R_CX, R_DX };

    return regs[random_below(ARRAY_LEN(regs))];
}

static void mov_imm(struct generator *g, unsigned reg, uint32_t v)
{
    struct bytes s = { 0 };

    add(&s, 0xb8 + reg, 1);
    add(&s, v, 4);
    flush(g, &s);
    forget(g, reg);
}

static void jump_over(struct generator *g)
{
    unsigned skip = random_below(4);
    struct bytes s = { 0 };

    switch (random_below(3)) {
    case 0:
        add(&s, 0xeb | skip << 8, 2);
        break;
    case 1:
        add(&s, 0xe9 | (uint64_t)skip << 8, 5);
        break;
    default:
        add(&s, 0xe8 | (uint64_t)skip << 8, 5);
        break;
    }
    flush(g, &s);
    junk(g, skip);
}

static void push_and_return(struct generator *g)
{
    unsigned extra = chance(30) ? 8 * random_below(3) : 0, skip = random_below(4);
    struct bytes s = { 0 };

    add(&s, 0x68, 1);
    add(&s, here(g) + 5 + (extra ? 3 : 1) + skip, 4);
    flush(g, &s);
    if (extra) {
        add(&s, 0xc2 | extra << 8, 3);
    } else {
        add(&s, 0xc3, 1);
    }
    flush(g, &s);
    junk(g, skip);
}

/* A store through the address of code would make instructions whose flags nobody knows. */
static void forget_code(struct generator *g, unsigned reg)
{
    mov_imm(g, reg, random_below(16));
}

static void jump_register(struct generator *g)
{
    unsigned reg = scratch(), skip = random_below(4);
    struct bytes s = { 0 };

    mov_imm(g, reg, here(g) + 5 + 2 + skip);
    add(&s, 0xff, 1);
    add(&s, (chance(50) ? 0xe0 : 0xd0) | reg, 1);
    flush(g, &s);
    junk(g, skip);
    forget_code(g, reg);
}

/* mov $target, %eax; mov %rax, (%rsp); jmp or call *(%rsp) */
static void jump_memory(struct generator *g)
{
    unsigned skip = random_below(4);
    struct bytes s = { 0 };

    mov_imm(g, R_AX, here(g) + 5 + (g->e.code64 ? 4 : 3) + 3 + skip);
    if (g->e.code64) {
        add(&s, 0x48, 1);
    }
    add(&s, 0x240489, 3);
    flush(g, &s);
    add(&s, chance(50) ? 0x2424ff : 0x2414ff, 3);
    flush(g, &s);
    junk(g, skip);
    forget_code(g, R_AX);
}

static void pop_flags(struct generator *g)
{
    struct bytes s = { 0 };

    if (chance(30)) {
        generator_define_flags(g);
        add(&s, 0x9c, 1);           /* pushf */
    } else {
        add(&s, 0x68, 1);
        add(&s, (random64() & (FL_ARITH | FL_DF | FL_NT | FL_ID | FL_IOPL | FL_IF)) |
                (chance(10) ? FL_TF : 0) | (chance(20) ? FL_AC : 0), 4);
    }
    flush(g, &s);
    if (chance(15)) {
        generator_define_flags(g);
        add(&s, 0x66, 1);
    }
    add(&s, 0x9d, 1);
    flush(g, &s);
    g->undefined = 0;
}

static void enter_leave(struct generator *g)
{
    struct bytes s = { 0 };

    add(&s, 0xc8, 1);
    add(&s, random_below(64), 2);
    add(&s, chance(70) ? 0 : random_below(4) | (random64() & 0xe0), 1);
    flush(g, &s);
    forget(g, R_BP);
    if (chance(60)) {
        add(&s, 0xc9, 1);
        flush(g, &s);
    }
}

/* [rex] 0f ae /n (%rbx) */
static void state_insn(struct generator *g, bool wide, unsigned digit)
{
    struct bytes s = { 0 };

    if (g->e.code64 && wide) {
        add(&s, 0x48, 1);
    }
    add(&s, 0xae0f, 2);
    add(&s, digit << 3 | R_BX, 1);
    flush(g, &s);
}

static void save_restore(struct generator *g)
{
    bool extended = g->has_xsave && chance(50), wide = chance(50);
    struct bytes s = { 0 };

    mov_imm(g, R_BX, XSAVE_AT);
    g->e.pointers |= 1 << R_BX;
    if (extended) {
        mov_imm(g, R_AX, random_below(4));
        mov_imm(g, R_DX, 0);
    }
    state_insn(g, wide, extended ? 4 : 0);
    if (chance(50)) {
        add(&s, 0xe9d9, 2);         /* fldl2t */
    } else {
        add(&s, 0xc0580f, 3);       /* addps %xmm0, %xmm0 */
    }
    flush(g, &s);
    if (extended && chance(40)) {
        mov_imm(g, R_AX, random_below(4));
    }
    state_insn(g, wide, extended ? 5 : 1);
    if (extended) {
        /* Which components XSAVE found in their initial state must not spread by other code. */
        add(&s, 0x83c6, 2);             /* movb $3, 512(%rbx) */
        add(&s, 512, 4);
        add(&s, 3, 1);
        flush(g, &s);
    }
}

static void begin_loop(struct generator *g)
{
    generator_define_flags(g);
    mov_imm(g, R_CX, 2 + random_below(4));
    g->loop_start = g->p->n;
    g->loop_left = 1 + random_below(6);
}

void flow_loop_end(struct generator *g)
{
    struct bytes s = { 0 };
    int distance;

    generator_define_flags(g);
    distance = g->p->start[g->loop_start] - (g->p->len + 2);
    add(&s, 0xe2, 1);
    add(&s, distance, 1);
    if (distance >= -128) {
        flush(g, &s);
    }
}

/* movb $imm, into the immediate of an instruction to come */
static void begin_patch(struct generator *g)
{
    struct bytes s = { 0 };

    add(&s, g->e.code64 ? 0x2504c6 : 0x05c6, g->e.code64 ? 3 : 2);
    g->patch_at = g->p->len + s.n;
    add(&s, 0, 4);
    add(&s, random64(), 1);
    flush(g, &s);
    g->patch_left = 1 + random_below(3);
}

/* The instruction whose immediate has been changed: an ALU operation on a scratch register. */
void flow_patched(struct generator *g)
{
    static const uint8_t ops[] = { 0, 1, 4, 5, 6, 7 };      /* all but adc and sbb */
    struct bytes s = { 0 };

    add(&s, 0x81, 1);
    add(&s, 0xc0 | ops[random_below(ARRAY_LEN(ops))] << 3 | scratch(), 1);
    add(&s, random64(), 4);
    st32_le(g->p->code + g->patch_at, here(g) + 2 + random_below(4));
    flush(g, &s);
    g->undefined = 0;
    g->patch_at = 0;
}

bool flow_add(struct generator *g)
{
    static void (*const kinds[])(struct generator *) = {
        jump_over, push_and_return, jump_register, jump_memory, pop_flags, enter_leave,
        save_restore, begin_loop, begin_patch,
    };
    unsigned kind = random_below(ARRAY_LEN(kinds));

    if (g->p->n + 9 > g->limit || (kinds[kind] == begin_patch && !g->p->writable)) {
        return false;
    }
    kinds[kind](g);
    return true;
}
