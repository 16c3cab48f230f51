/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operands that reach into a missing page: every kind of access faults before it changes anything,
 * with the address of the missing page and with W for what writes. Long operands may be written in
 * part.
 */
#include "pages.h"

enum { SSE = 25, FXSR = 24, CX8 = 8, MMX = 23 };
#define END (TEST_VA + 0x1000)

/* ebx points `before' bytes below the missing page. */
CODE(load_word, "movw (%ebx), %ax");
CODE(store_word, "movw %ax, (%ebx)");
CODE(extend, "movzwl (%ebx), %eax");
CODE(exchange, "xchg %eax, (%ebx)");
CODE(exchange_add, "lock; xadd %eax, (%ebx)");
CODE(compare8, "cmpxchg8b (%ebx)");
CODE(bit_set, "btsl $3, (%ebx)");
CODE(bit_string, "mov $0x1f, %eax; 1: btsl %eax, (%ebx)");
CODE(shift, "shll $1, (%ebx)");
CODE(shift_double, "shldl $1, %eax, (%ebx)");
CODE(bound_pair, "bound %eax, (%ebx)");
CODE(far_pointer, "les (%ebx), %eax");
CODE(table_load, "lgdt (%ebx)");
CODE(table_store, "sgdt (%ebx)");
CODE(push_memory, "pushl (%ebx)");
CODE(pop_memory, "push $7; 1: popl (%ebx)");
CODE(call_memory, "call *(%ebx)");
CODE(load_float, "fninit; 1: fldt (%ebx)");
CODE(store_float, "fninit; fld1; 1: fstpt (%ebx)");
CODE(store_bcd, "fninit; fld1; 1: fbstp (%ebx)");
CODE(store_double, "fninit; fld1; 1: fstpl (%ebx)");
CODE(save_environment, "fninit; 1: fnstenv (%ebx)");
CODE(load_environment, "1: fldenv (%ebx)");
CODE(save_all, "fninit; fld1; 1: fnsave (%ebx)");
CODE(restore_all, "1: frstor (%ebx)");
CODE(fx_save, ".byte 0x0f, 0xae, 0x03");
CODE(fx_restore, ".byte 0x0f, 0xae, 0x0b");
CODE(load_vector, ".byte 0x0f, 0x10, 0x03");
CODE(store_vector, ".byte 0x0f, 0x11, 0x03");
CODE(load_mmx, "fninit; 1: .byte 0x0f, 0x6f, 0x03");
CODE(store_mmx, "fninit; 1: .byte 0x0f, 0x7f, 0x03");
CODE(string_load, "mov %ebx, %esi; 1: lodsl");
CODE(string_store, "mov %ebx, %edi; 1: stosl");
CODE(string_compare, "mov %ebx, %esi; mov $window_area, %edi; 1: cmpsl");
CODE(string_scan, "mov %ebx, %edi; 1: scasl");
CODE(string_input, "mov %ebx, %edi; mov $0x80, %edx; 1: insl");
CODE(string_output, "mov %ebx, %esi; mov $0x80, %edx; 1: outsl");
CODE(translate, "xor %eax, %eax; add $3, %ebx; 1: xlat");
CODE(read_st0, "fstps (%ebx)");

static const struct operand {
    const char *title;
    const uint8_t *code, *at;
    uint32_t before, mode, error;
    uint32_t feature;               /* bit of CPUID 1 edx, or 0 */
} operands[] = {
#define READS(title, name, before, ...) \
    { title, name, name##_at, before, RING3, ERR_U, __VA_ARGS__ }
#define WRITES(title, name, before, ...) \
    { title, name, name##_at, before, RING3, ERR_U | ERR_W, __VA_ARGS__ }
    READS("load of a word", load_word, 1, 0), WRITES("store of a word", store_word, 1, 0),
    READS("movzx", extend, 1, 0), WRITES("xchg", exchange, 2, 0),
    WRITES("xadd", exchange_add, 3, 0), WRITES("cmpxchg8b", compare8, 4, CX8),
    WRITES("bts", bit_set, 1, 0), WRITES("bts by a register", bit_string, 1, 0),
    WRITES("shl", shift, 2, 0), WRITES("shld", shift_double, 2, 0),
    READS("bound", bound_pair, 4, 0), READS("les", far_pointer, 4, 0),
    { "lgdt", table_load, table_load_at, 2, RING0, 0, 0 },
    { "sgdt", table_store, table_store_at, 2, RING0, ERR_W, 0 },
    READS("push of memory", push_memory, 2, 0), WRITES("pop to memory", pop_memory, 2, 0),
    READS("call through memory", call_memory, 1, 0),
    READS("fld of 80 bits", load_float, 8, 0), WRITES("fstp of 80 bits", store_float, 8, 0),
    WRITES("fbstp", store_bcd, 8, 0), WRITES("fstp of 64 bits", store_double, 4, 0),
    WRITES("fnstenv", save_environment, 20, 0), READS("fldenv", load_environment, 20, 0),
    WRITES("fnsave", save_all, 64, 0), READS("frstor", restore_all, 64, 0),
    WRITES("fxsave", fx_save, 256, FXSR), READS("fxrstor", fx_restore, 256, FXSR),
    READS("movups load", load_vector, 8, SSE), WRITES("movups store", store_vector, 8, SSE),
    READS("movq load", load_mmx, 4, MMX), WRITES("movq store", store_mmx, 4, MMX),
    READS("lods", string_load, 1, 0), WRITES("stos", string_store, 1, 0),
    READS("cmps", string_compare, 1, 0), READS("scas", string_scan, 1, 0),
    { "ins", string_input, string_input_at, 2, RING0, ERR_W, 0 },
    { "outs", string_output, string_output_at, 2, RING0, 0, 0 },
    READS("xlat", translate, 3, 0),
};

static bool untouched(const struct operand *o)
{
    const uint8_t *p = window + 0x1000 - o->before;

    for (uint32_t i = 0; i < o->before; i++) {
        if (p[i] != 0xcc) {
            return false;
        }
    }
    return true;
}

static void one(const struct operand *o)
{
    uint32_t want[] = { 0x11111111, 0x22222222, 0x33333333, END - o->before };

    in.eax = want[0];
    in.ecx = want[1];
    in.edx = want[2];
    in.ebx = want[3];
    run(o->mode, 0, o->code);
    /* Which byte of a long operand is met first is the processor's choice. */
    uint32_t cr2 = o->before > 4 ? seen_cr2 & 0xfffff000 : seen_cr2;
    bool fault = faulted(PF, o->error, o->at) && cr2 == END;
    ok(fault, "%s", o->title);
    if (!fault) {
        note("  seen vector %d error 0x%x cr2 0x%x eip 0x%x, want error 0x%x eip 0x%x", seen.vector,
             seen.error, seen_cr2, seen.eip, o->error, (uint32_t)o->at);
    }
    /* What the code itself set before the access is not looked at. */
    if (o->at == o->code) {
        ok(seen.eax == want[0] && seen.ecx == want[1] && seen.edx == want[2] && seen.ebx == want[3],
           "%s: registers are kept", o->title);
    }
}

static void all_operands(void)
{
    for (unsigned i = 0; i < sizeof operands / sizeof operands[0]; i++) {
        const struct operand *o = &operands[i];
        if (o->feature && !HAS(o->feature)) {
            continue;
        }
        world_reset();
        identity_map(7);
        if (HAS(SSE)) {
            WRITE_REG(cr4, 0x200);
        }
        paging_on(0, 0);
        memset(window + 0x1000 - 256 + 24, 0, 4); /* MXCSR as fxrstor may take it */
        one(o);
        if ((o->error & ERR_W) && o->before <= 4 && o->mode == RING3) {
            ok(untouched(o), "%s: nothing is written", o->title);
        }
    }
    world_reset();
}

/* A store that faults leaves the x87 stack as it was. */
static void float_stack(void)
{
    uint16_t status;

    identity_map(7);
    paging_on(0, 0);
    asm volatile("fninit\nfld1\nfldpi");
    in.ebx = END;
    expect("fstp into a missing page", RING3, 0, read_st0, PF, ERR_U | ERR_W, read_st0);
    asm volatile("fnstsw %0" : "=a"(status));
    ok((status >> 11 & 7) == 6, "the stack is not popped");
    asm volatile("fninit");
    world_reset();
}

void test_operands(void)
{
    start_group("operands");
    all_operands();
    float_stack();
}
