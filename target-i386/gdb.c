/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registers for gdb, and what translated code asks of the debugger. The description depends on
 * the executable only, not on the CPU's mode: a connection lives through changes of it.
 */
#include "target-i386/gdb.h"

#include <string.h>
#include "base/bits.h"
#include "cpu-debug.h"
#include "target-i386/fpu.h"
#include "target-i386/helpers.h"
#include "target-i386/sys.h"
#include "tcg/code.h"

/* --- the table ------------------------------------------------------------------------------- */

enum kind { KIND_WORD, KIND_PC, KIND_FLAGS, KIND_SELECTOR, KIND_ST, KIND_FPU, KIND_XMM, KIND_MXCSR,
            KIND_ORIG_AX, KIND_BASE, KIND_CONTROL };
enum { FPU_CONTROL, FPU_STATUS, FPU_TAGS, FPU_CODE_SEGMENT, FPU_CODE_OFFSET, FPU_DATA_SEGMENT,
       FPU_DATA_OFFSET, FPU_OPCODE };
enum { CONTROL_KERNEL_GS = 16, CONTROL_EFER };
enum { BITS_WORD = TARGET_WORD_BITS, BITS_PC = TARGET_WORD_BITS, BITS_FLAGS = 32,
       BITS_SELECTOR = 32, BITS_ST = 80, BITS_FPU = 32, BITS_XMM = 128, BITS_MXCSR = 32,
       BITS_ORIG_AX = TARGET_WORD_BITS, BITS_BASE = TARGET_WORD_BITS,
       BITS_CONTROL = TARGET_WORD_BITS };
enum feature { FEATURE_CORE, FEATURE_SSE, FEATURE_LINUX, FEATURE_SEGMENTS, FEATURE_SYSTEM };

#define WORD_TYPE (X86_64 ? "int64" : "int32")

static const struct debug_register registers[] = {
#define REG(feature, name, type, group, kind, index)                                               \
    { name, BITS_##kind, type, group, KIND_##kind, index },
#include "target-i386/regs.def"
#undef REG
};

static const uint8_t feature_of[] = {
#define REG(feature, name, type, group, kind, index) FEATURE_##feature,
#include "target-i386/regs.def"
#undef REG
};

#define BIT(name, n) "<field name=\"" name "\" start=\"" #n "\" end=\"" #n "\"/>"

static const char eflags_type[] =
    "<flags id=\"i386_eflags\" size=\"4\">"
    BIT("CF", 0) BIT("", 1) BIT("PF", 2) BIT("AF", 4) BIT("ZF", 6) BIT("SF", 7) BIT("TF", 8)
    BIT("IF", 9) BIT("DF", 10) BIT("OF", 11) BIT("NT", 14) BIT("RF", 16) BIT("VM", 17) BIT("AC", 18)
    BIT("VIF", 19) BIT("VIP", 20) BIT("ID", 21)
    "</flags>";
static const char sse_types[] =
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
    "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
    "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
    "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
    "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
    "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
    "<union id=\"vec128\">"
    "<field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
    "<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/>"
    "<field name=\"v4_int32\" type=\"v4i32\"/><field name=\"v2_int64\" type=\"v2i64\"/>"
    "<field name=\"uint128\" type=\"uint128\"/>"
    "</union>"
    "<flags id=\"i386_mxcsr\" size=\"4\">"
    BIT("IE", 0) BIT("DE", 1) BIT("ZE", 2) BIT("OE", 3) BIT("UE", 4) BIT("PE", 5) BIT("DAZ", 6)
    BIT("IM", 7) BIT("DM", 8) BIT("ZM", 9) BIT("OM", 10) BIT("UM", 11) BIT("PM", 12) BIT("FZ", 15)
    "</flags>";

static const struct {
    enum feature feature;
    const char *name, *types;
    bool user, machine;
} features[] = {
    { FEATURE_CORE, "org.gnu.gdb.i386.core", eflags_type, true, true },
    { FEATURE_SSE, "org.gnu.gdb.i386.sse", sse_types, true, true },
    { FEATURE_LINUX, "org.gnu.gdb.i386.linux", "", true, false },
    { FEATURE_SEGMENTS, "org.gnu.gdb.i386.segments", "", X86_64, X86_64 },
    { FEATURE_SYSTEM, "org.qemu.i386.system", "", false, true },
};

static struct debug_feature chosen[ARRAY_LEN(features)];
struct debug_registers x86_registers = { .architecture = X86_64 ? "i386:x86-64" : "i386",
                                         .features = chosen, .breakpoint_size = 1 };

static void add_feature(unsigned i)
{
    struct debug_feature *f = &chosen[x86_registers.n_features++];
    unsigned first = 0;

    while (feature_of[first] != features[i].feature) {
        first++;
    }
    *f = (struct debug_feature){ features[i].name, features[i].types, &registers[first] };
    while (first + f->count < ARRAY_LEN(registers) &&
           feature_of[first + f->count] == features[i].feature) {
        f->count++;
    }
}

/* --- reading --------------------------------------------------------------------------------- */

static uint32_t get_fpu(struct x86_env *env, unsigned index)
{
    switch (index) {
    case FPU_CONTROL: return env->fpuc;
    case FPU_STATUS: return (env->fpus & ~FPUS_TOP) | (env->fptop & 7) << FPUS_TOP_SHIFT;
    case FPU_TAGS: return fp_full_tags(env);
    case FPU_CODE_SEGMENT: return env->fpcs;
    case FPU_CODE_OFFSET: return (uint32_t)env->fpip;
    case FPU_DATA_SEGMENT: return env->fpds;
    case FPU_DATA_OFFSET: return (uint32_t)env->fpdp;
    default: return env->fop;
    }
}

static uint64_t get_control(struct x86_env *env, unsigned index)
{
    switch (index) {
    case CONTROL_KERNEL_GS: return env->kernel_gs_base;
    case CONTROL_EFER: return env->efer;
    case 8: return env->cr8;
    default: return env->cr[index];
    }
}

static uint64_t get_word(struct x86_env *env, const struct debug_register *r)
{
    switch (r->kind) {
    case KIND_WORD: return env->regs[r->index];
    case KIND_PC: return env->pc;
    case KIND_FLAGS: return x86_get_eflags(env);
    case KIND_SELECTOR: return env->segs[r->index].selector;
    case KIND_FPU: return get_fpu(env, r->index);
    case KIND_MXCSR: return env->mxcsr;
    case KIND_BASE: return env->segs[r->index].base;
    case KIND_CONTROL: return get_control(env, r->index);
    default: return ~0ull;          /* no system call is in progress */
    }
}

static void get(struct cpu *cpu, const struct debug_register *r, uint8_t *value)
{
    struct x86_env *env = x86_env(cpu);

    if (r->kind == KIND_XMM) {
        memcpy(value, &env->xmm[r->index], 16);
    } else if (r->kind == KIND_ST) {
        memcpy(value, &fp_st(env, r->index)->mant, 8);
        st16_le(value + 8, fp_st(env, r->index)->exp);
    } else {
        st_le(value, r->bits / 8, get_word(env, r));
    }
}

/* --- writing --------------------------------------------------------------------------------- */

static void set_flags(struct x86_env *env, uint32_t value)
{
    enum { USER = FL_ARITH | FL_DF | FL_TF | FL_AC | FL_NT | FL_RF | FL_ID };

    if (code_is_user) {
        x86_set_eflags(env, value, USER);
    } else {
        x86_load_eflags(env, value);
    }
}

/* What the selector's descriptor says, read as a debugger. */
static bool read_descriptor(struct x86_env *env, uint16_t selector, struct x86_desc *d)
{
    uint64_t base = selector & 4 ? env->ldt.base : env->gdt_base;
    uint32_t limit = selector & 4 ? env->ldt.limit : env->gdt_limit;
    uint8_t raw[8];

    if ((selector | 7) > limit ||
        !cpu_debug_access(env_cpu(env), base + (selector & ~7), raw, sizeof(raw), false)) {
        return false;
    }
    *d = (struct x86_desc){ .lo = ld32_le(raw), .hi = ld32_le(raw + 4) };
    return (d->hi & (DESC_P | DESC_S)) == (DESC_P | DESC_S);
}

static bool set_selector(struct x86_env *env, int seg, uint16_t selector)
{
    struct x86_desc d;

    if (selector == env->segs[seg].selector) {
        return true;
    }
    if (code_is_user) {
        return false;               /* its descriptor tables are not the guest's memory */
    }
    if (!(env->cr[0] & CR0_PE) || (env->eflags & FL_VM)) {
        x86_seg_set_vm(env, seg, selector);
        return true;
    }
    if (!(selector & ~3) && seg != SEG_CS) {
        x86_seg_set_null(env, seg, selector);
        return true;
    }
    if (!read_descriptor(env, selector, &d) || (seg == SEG_CS && !desc_is_code(d.hi))) {
        return false;
    }
    if (seg == SEG_CS) {
        x86_seg_set_cs(env, selector, &d, env->cpl);
    } else {
        x86_seg_set_desc(env, seg, selector, &d);
    }
    return true;
}

static void set_fpu(struct x86_env *env, unsigned index, uint32_t value)
{
    switch (index) {
    case FPU_CONTROL: env->fpuc = value; break;
    case FPU_STATUS:
        env->fpus = value & ~FPUS_TOP;
        env->fptop = value >> FPUS_TOP_SHIFT & 7;
        break;
    case FPU_TAGS:
        env->fptags = 0;
        for (unsigned i = 0; i < 8; i++) {
            env->fptags |= (value >> 2 * i & 3) == 3 ? 1 << i : 0;
        }
        break;
    case FPU_CODE_SEGMENT: env->fpcs = value; break;
    case FPU_CODE_OFFSET: env->fpip = value; break;
    case FPU_DATA_SEGMENT: env->fpds = value; break;
    case FPU_DATA_OFFSET: env->fpdp = value; break;
    default: env->fop = value & 0x7ff; break;
    }
}

static bool set_control(struct x86_env *env, unsigned index, uint64_t value)
{
    if (code_is_user) {
        return false;
    }
    switch (index) {
    case 0: x86_set_cr0(env, value); break;
    case 8: env->cr8 = value & 15; break;
    case CONTROL_KERNEL_GS: env->kernel_gs_base = value; break;
    case CONTROL_EFER:
        env->efer = (value & (EFER_SCE | EFER_LME | EFER_NXE)) | (env->efer & EFER_LMA);
        break;
    default: env->cr[index] = value; break;
    }
    tlb_flush(env_cpu(env));
    return true;
}

static bool set_word(struct x86_env *env, const struct debug_register *r, uint64_t value)
{
    switch (r->kind) {
    case KIND_WORD: env->regs[r->index] = value; break;
    case KIND_PC: env->pc = value; break;
    case KIND_FLAGS: set_flags(env, value); break;
    case KIND_SELECTOR: return set_selector(env, r->index, value);
    case KIND_FPU: set_fpu(env, r->index, value); break;
    case KIND_MXCSR: env->mxcsr = value & env->mxcsr_mask; break;
    case KIND_BASE: env->segs[r->index].base = value; break;
    case KIND_CONTROL: return set_control(env, r->index, value);
    default: break;                 /* gdb cancels the restart of a system call; there is none */
    }
    return true;
}

static bool set(struct cpu *cpu, const struct debug_register *r, const uint8_t *value)
{
    struct x86_env *env = x86_env(cpu);
    bool done = true;

    if (r->kind == KIND_XMM) {
        memcpy(&env->xmm[r->index], value, 16);
    } else if (r->kind == KIND_ST) {
        memcpy(&fp_st(env, r->index)->mant, value, 8);
        fp_st(env, r->index)->exp = ld16_le(value + 8);
    } else {
        done = set_word(env, r, ld_le(value, r->bits / 8));
    }
    x86_update_mode(env);
    return done;
}

void x86_registers_init(void)
{
    if (x86_registers.n_features) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_LEN(features); i++) {
        if (code_is_user ? features[i].user : features[i].machine) {
            add_feature(i);
        }
    }
    x86_registers.get = get;
    x86_registers.set = set;
}

/* --- of translated code ---------------------------------------------------------------------- */

void x86_debug_changed(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);

    env->mode_debug = (cpu_debug_alone(cpu) ? MODE_STEP : 0) |
                      (code_is_user && cpu_debug_watched(cpu) ? MODE_WATCH : 0);
    x86_update_mode(env);
}

void helper_debug_break(struct x86_env *env, x86_word address)
{
    cpu_debug_break(env_cpu(env), address);
}

void helper_debug_access(struct x86_env *env, x86_word address, uint32_t what)
{
    struct cpu *cpu = env_cpu(env);

    for (unsigned access = CPU_WATCH_WRITE; access <= CPU_WATCH_READ; access++) {
        if (what >> X86_WATCH_SHIFT & access) {
            cpu_debug_access_check(cpu, address, what & X86_WATCH_SIZE, access == CPU_WATCH_WRITE);
        }
    }
}
