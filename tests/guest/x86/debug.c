/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug exceptions: single steps, the four breakpoint registers, RF, and what DR6 says. */
#include "suite.h"

enum { DR6_BD = 0x2000, DR6_BS = 0x4000, DR6_BITS = 0xe00f };
enum { EXECUTE, STORE, PORT, LOAD_STORE }; /* DR7's R/W fields */
enum { LEN1, LEN2, LEN4 = 3 };

static uint32_t trace[16], trace_dr6[16], trace_flags[16], traced;

/* Counts debug exceptions and goes on; an instruction breakpoint is passed by RF. */
static bool record(struct frame *f)
{
    if (f->vector != DB && f->vector != BP) {
        return false;
    }
    if (f->vector == DB && traced < 16) {
        trace[traced] = f->eip;
        trace_dr6[traced] = READ_REG(dr6);
        trace_flags[traced++] = f->eflags;
    }
    WRITE_REG(dr6, 0xffff0ff0);
    f->eflags |= FL_RF;
    return traced < 16;
}

static void expect_trace(const char *title, const uint8_t *code, uint32_t n, const uint8_t *offsets,
                         uint32_t dr6)
{
    bool good = traced == n && seen.vector == DONE;

    for (uint32_t i = 0; i < n; i++) {
        good &= trace[i] == (uint32_t)code + offsets[i] && (trace_dr6[i] & DR6_BITS) == dr6;
    }
    ok(good, "%s", title);
    for (uint32_t i = 0; !good && i < traced; i++) {
        note("  at +%d dr6 0x%x", trace[i] - (uint32_t)code, trace_dr6[i]);
    }
    if (!good) {
        note("  ended with vector %d eip 0x%x", seen.vector, seen.eip);
    }
}

/* --- single steps ---------------------------------------------------------------------------- */
CODE(plain, "nop; inc %eax; mov %eax, %ecx");
CODE(popf_sets, "pushl $0x102; popf; nop; nop");
CODE(popf_clears, "pushl $2; popf; nop");
CODE(stack_segment, "mov %ss, %eax; mov %eax, %ss; nop; nop");
CODE(pop_stack_segment, "push %ss; pop %ss; nop; nop");
CODE(repeat, "rep movsb; nop");
CODE(compare_repeat, "repe cmpsb; nop");
CODE(loop_back, "1: loop 1b; nop");
CODE(jumps, "jmp 1f; nop; 1: call 2f; 2: nop");
CODE(iret_sets, "pushl $0x102; push %cs; pushl $2f; iret; 2: nop; nop");
CODE(int3_inside, "int3; nop");
CODE(enable, "sti; nop");
CODE(push_flags, "pushf; pop %eax; nop");
CODE(undefined, "ud2");
CODE(icebp, ".byte 0xf1; 1: nop");
CODE(clear_direction, "cld; std; cld");

static const struct step {
    const char *title;
    const uint8_t *code;
    uint32_t mode, flags, ecx, n;
    uint8_t offsets[6];
} steps[] = {
    { "each instruction", plain, RING3, FL_TF, 0, 3, { 1, 2, 4 } },
    { "each instruction in ring 0", plain, RING0, FL_TF, 0, 3, { 1, 2, 4 } },
    { "popf that sets TF", popf_sets, RING3, 0, 0, 2, { 7, 8 } },
    { "popf that clears TF", popf_clears, RING3, FL_TF, 0, 2, { 2, 3 } },
    { "mov to ss holds the step back", stack_segment, RING3, FL_TF, 0, 3, { 2, 5, 6 } },
    { "pop to ss holds the step back", pop_stack_segment, RING3, FL_TF, 0, 3, { 1, 3, 4 } },
    { "each iteration of rep movs", repeat, RING3, FL_TF, 3, 4, { 0, 0, 2, 3 } },
    { "rep with a count of 0", repeat, RING3, FL_TF, 0, 2, { 2, 3 } },
    { "repe cmps", compare_repeat, RING3, FL_TF, 2, 3, { 0, 2, 3 } },
    { "loop to itself", loop_back, RING3, FL_TF, 3, 4, { 0, 0, 2, 3 } },
    { "jmp and call", jumps, RING3, FL_TF, 0, 3, { 3, 8, 9 } },
    { "iret that sets TF", iret_sets, RING0, 0, 0, 2, { 13, 14 } },
    { "int3 takes no step", int3_inside, RING3, FL_TF, 0, 1, { 2 } },
    { "sti does not hold the step back", enable, RING0, FL_TF, 0, 2, { 1, 2 } },
    { "flag instructions", clear_direction, RING3, FL_TF, 0, 3, { 1, 2, 3 } },
};

static void single_steps(void)
{
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const struct step *s = &steps[i];
        world_reset();
        on_trap = record;
        traced = 0;
        in.ecx = s->ecx;
        in.esi = (uint32_t)window;
        in.edi = (uint32_t)window + 0x800;
        run(s->mode, s->flags, s->code);
        expect_trace(s->title, s->code, s->n, s->offsets, DR6_BS);
    }
    traced = 0;
    run(RING3, FL_TF, push_flags);
    ok(seen.eax & FL_TF, "pushf shows TF");
    on_trap = NULL;
    expect("a fault comes without a step", RING3, FL_TF, undefined, UD, 0, undefined);
    ok(seen.eflags & FL_TF, "its flags hold TF");
    ok(seen.eflags & FL_RF, "its flags hold RF");
    ok((seen_dr6 & DR6_BITS) == 0, "it leaves DR6 alone");
    expect("icebp passes a gate of DPL 0", RING3, 0, icebp, DB, 0, icebp_at);
    ok((seen_dr6 & DR6_BITS) == 0, "icebp sets nothing in DR6");
    WRITE_REG(dr6, 0xffff0fff);
    expect("a step adds to DR6", RING3, FL_TF, plain, DB, 0, plain + 1);
    ok((seen_dr6 & DR6_BS), "BS is set");
}

/* --- breakpoints ----------------------------------------------------------------------------- */
/* Debug register n, locally enabled. */
static void watch(int n, uint32_t address, uint32_t type, uint32_t length)
{
    uint32_t dr7 = READ_REG(dr7) | 1 << n * 2 | (type | length << 2) << (16 + n * 4);

    switch (n) {
    case 0:
        WRITE_REG(dr0, address);
        break;
    case 1:
        WRITE_REG(dr1, address);
        break;
    case 2:
        WRITE_REG(dr2, address);
        break;
    default:
        WRITE_REG(dr3, address);
    }
    WRITE_REG(dr7, dr7);
}

CODE(three_nops, "nop; nop; nop");
CODE(store4, "mov %eax, (%ebx); 1: nop");
CODE(load4, "mov (%ebx), %eax; 1: nop");
CODE(store1, "movb %al, (%ebx); 1: nop");
CODE(increment, "incl (%ebx); 1: nop");
CODE(push_at, "mov %ebx, %esp; push %eax; 1: nop");
CODE(call_at, "mov %ebx, %esp; call 1f; 1: nop");
CODE(fill, "rep stosb; nop");
CODE(output, "out %al, $0x80; 1: nop");
CODE(input, "inb $0x80, %al; 1: nop");
CODE(store_step, "mov %eax, (%ebx); nop");
CODE(fpu_store, "fninit; fldz; fstpl (%ebx); 1: nop");
CODE(load_ss, "mov (%ebx), %ss; nop; 1: nop");

static const struct watchpoint {
    const char *title;
    uint32_t type, length, offset; /* of the breakpoint from the access */
    const uint8_t *code, *at;
    bool hit;
} watchpoints[] = {
    { "store", STORE, LEN4, 0, store4, store4_at, true },
    { "load misses a store breakpoint", STORE, LEN4, 0, load4, load4_at, false },
    { "load", LOAD_STORE, LEN4, 0, load4, load4_at, true },
    { "store hits a load/store breakpoint", LOAD_STORE, LEN4, 0, store4, store4_at, true },
    { "read-modify-write", STORE, LEN4, 0, increment, increment_at, true },
    { "last byte of a store", STORE, LEN1, 3, store4, store4_at, true },
    { "byte behind a store", STORE, LEN1, 4, store4, store4_at, false },
    { "byte before a store", STORE, LEN1, -1, store4, store4_at, false },
    { "word over the start", STORE, LEN2, -2, store4, store4_at, false },
    { "second word", STORE, LEN2, 2, store4, store4_at, true },
    { "byte within four", STORE, LEN4, 0, store1, store1_at, true },
    { "low address bits are ignored", STORE, LEN4, 3, store1, store1_at, true },
    { "push", STORE, LEN4, -4, push_at, push_at_at, true },
    { "call", STORE, LEN4, -4, call_at, call_at_at, true },
    { "fpu store", STORE, LEN4, 4, fpu_store, fpu_store_at, true },
};

static void data_breakpoints(void)
{
    for (unsigned i = 0; i < sizeof watchpoints / sizeof watchpoints[0]; i++) {
        const struct watchpoint *w = &watchpoints[i];
        world_reset();
        int n = i & 3;
        watch(n, (uint32_t)window + 0x100 + w->offset, w->type, w->length);
        in.ebx = (uint32_t)window + 0x100;
        if (w->hit) {
            expect(w->title, RING3, 0, w->code, DB, 0, w->at);
            ok((seen_dr6 & DR6_BITS) == 1u << n, "%s: DR6 names register %d", w->title, n);
        } else {
            expect(w->title, RING3, 0, w->code, DONE, 0, NULL);
        }
    }
    world_reset();
    watch(0, (uint32_t)window, STORE, LEN4);
    watch(2, (uint32_t)window + 2, STORE, LEN1);
    in.ebx = (uint32_t)window;
    expect("two at once", RING3, 0, store4, DB, 0, store4_at);
    ok((seen_dr6 & DR6_BITS) == 5, "DR6 names both");
    world_reset();
    watch(0, (uint32_t)window, STORE, LEN4);
    in.ebx = (uint32_t)window;
    expect("with a single step", RING3, FL_TF, store_step, DB, 0, store_step + 2);
    ok((seen_dr6 & DR6_BITS) == (DR6_BS | 1), "DR6 names both");
    world_reset();
    watch(1, (uint32_t)window + 2, STORE, LEN1);
    in.edi = (uint32_t)window;
    in.ecx = 5;
    expect("an iteration of rep stos", RING3, 0, fill, DB, 0, fill);
    ok(seen.ecx == 2 && seen.edi == (uint32_t)window + 3, "rep stos has counted three");
    ok(seen.eflags & FL_RF, "and will go on with RF");
    world_reset();
    *(uint32_t *)window = SEL_UDATA;
    watch(0, (uint32_t)window, LOAD_STORE, LEN4);
    in.ebx = (uint32_t)window;
    expect("load of ss holds it back", RING3, 0, load_ss, DB, 0, load_ss_at);
}

static void code_breakpoints(void)
{
    static const uint8_t second[] = { 1, 1 };

    world_reset();
    watch(3, (uint32_t)three_nops + 1, EXECUTE, LEN1);
    expect("instruction", RING3, 0, three_nops, DB, 0, three_nops + 1);
    ok((seen_dr6 & DR6_BITS) == 8, "DR6 names register 3");
    expect("instruction in ring 0", RING0, 0, three_nops, DB, 0, three_nops + 1);
    on_trap = record;
    traced = 0;
    run(RING3, 0, three_nops);
    expect_trace("RF passes it once", three_nops, 1, second, 8);
    ok(!(trace_flags[0] & FL_RF), "the frame of an instruction breakpoint has RF clear");
    on_trap = NULL;
    expect("iret with RF skips the first instruction's", RING3, FL_RF, three_nops + 1, DONE, 0,
           NULL);
    expect("but not the next one's", RING3, FL_RF, three_nops, DB, 0, three_nops + 1);
    WRITE_REG(dr7, 0x400 | 2 << 6);
    expect("global enable", RING3, 0, three_nops, DB, 0, three_nops + 1);
    WRITE_REG(dr7, 0x400);
    expect("disabled", RING3, 0, three_nops, DONE, 0, NULL);
}

static void port_breakpoints(void)
{
    if (!HAS(2)) {
        return;
    }
    world_reset();
    WRITE_REG(cr4, 8);
    watch(0, 0x80, PORT, LEN1);
    expect("out to a port", RING0, 0, output, DB, 0, output_at);
    ok((seen_dr6 & DR6_BITS) == 1, "DR6 names register 0");
    expect("in from a port", RING0, 0, input, DB, 0, input_at);
    world_reset();
    WRITE_REG(cr4, 8);
    watch(0, 0x81, PORT, LEN1);
    expect("another port", RING0, 0, output, DONE, 0, NULL);
}

void test_debug(void)
{
    start_group("single step");
    single_steps();
    start_group("breakpoints");
    data_breakpoints();
    code_breakpoints();
    port_breakpoints();
}
