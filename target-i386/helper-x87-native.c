/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87 instructions in every case that is not the common one: empty registers, a full stack,
 * unmasked exceptions. The guest's state is loaded into the host unit as a whole and the very
 * instruction executed there, so that responses need not be described.
 */
#include "target-i386/cpu.h"

#include "base/bits.h"

/* One of each register form (d8 c0 ... df ff), then of each memory form with (%rdi), 4 bytes
   each, going on at *%rdx. */
extern const uint8_t x86_fp_register_forms[], x86_fp_memory_forms[];
asm(".pushsection .text\n"
    ".balign 16\n"
    "x86_fp_register_forms:\n"
    ".set .Lfp, 0\n"
    ".rept 512\n"
    ".byte 0xd8 + .Lfp / 64, 0xc0 + .Lfp % 64, 0xff, 0xe2\n"
    ".set .Lfp, .Lfp + 1\n"
    ".endr\n"
    "x86_fp_memory_forms:\n"
    ".set .Lfp, 0\n"
    ".rept 64\n"
    ".byte 0xd8 + .Lfp / 8, 0x07 + .Lfp % 8 * 8, 0xff, 0xe2\n"
    ".set .Lfp, .Lfp + 1\n"
    ".endr\n"
    ".popsection\n");

/* What follows is called with guest values in the vector registers. */
#pragma GCC target("general-regs-only")
#include "target-i386/fpu.h"

void fp_set_status(struct x86_env *env, uint16_t value)
{
    env->fpus = value & ~(FPUS_TOP | FPUS_ES | FPUS_B);
    if (value & ~env->fpuc & FPUS_FLAGS) {
        env->fpus |= FPUS_ES | FPUS_B;
    }
    env->fp_fast = FP_UNKNOWN;
}

void fp_set_control(struct x86_env *env, uint16_t value)
{
    env->fpuc = (value & FPUC_VALID) | FPUC_ONE;
    fp_set_status(env, env->fpus);
}

void fp_set_tags(struct x86_env *env, uint16_t full)
{
    env->fptags = 0;
    for (unsigned i = 0; i < 8; i++) {
        env->fptags |= (full >> 2 * i & 3) == 3 ? 1 << i : 0;
    }
}

/* As FSAVE writes it in 32-bit protected format. */
struct fp_image {
    uint32_t cw, sw, tw, fip, fcs, fdp, fds;
    struct {
        uint64_t mant;
        uint16_t exp;
    } __attribute__((packed)) st[8];
} __attribute__((packed));
_Static_assert(sizeof(struct fp_image) == 108, "the image that FRSTOR reads");

static void image_load(struct fp_image *image, const struct x86_env *env)
{
    *image = (struct fp_image){ .cw = env->fpuc };
    /* No old flag may be pending; they come back in image_store(). */
    image->sw = (env->fpus & FPUS_CC) | env->fptop << FPUS_TOP_SHIFT;
    for (unsigned i = 0; i < 8; i++) {
        const struct x86_fpreg *r = &env->fpregs[fp_index(env, i)];

        image->tw |= (env->fptags >> i & 1 ? 3 : 0) << 2 * i;
        image->st[i].mant = r->mant;
        image->st[i].exp = r->exp;
    }
}

static void image_store(const struct fp_image *image, struct x86_env *env)
{
    env->fptop = image->sw >> FPUS_TOP_SHIFT & 7;
    fp_set_tags(env, image->tw);
    for (unsigned i = 0; i < 8; i++) {
        struct x86_fpreg *r = fp_st(env, i);

        r->mant = image->st[i].mant;
        r->exp = image->st[i].exp;
    }
    fp_set_status(env, image->sw | (env->fpus & (FPUS_FLAGS | FPUS_SF)));
}

static unsigned image_run(struct fp_image *image, uint32_t insn, void *mem, bool cf)
{
    unsigned escape = insn & 7, modrm = insn >> 8 & 0xff;
    const uint8_t *form = modrm >= 0xc0
                          ? x86_fp_register_forms + 4 * (escape << 6 | (modrm & 63))
                          : x86_fp_memory_forms + 4 * (escape << 3 | (modrm >> 3 & 7));
    uint64_t flags = (uint64_t)cf << 8;

    asm volatile("fnclex\n\t"
                 "frstor %[image]\n\t"
                 "lea 1f(%%rip), %%rdx\n\t"
                 "sahf\n\t"
                 "jmp *%[form]\n"
                 "1:\n\t"
                 "lahf\n\t"
                 "fnsave %[image]"
                 : [image] "+m" (*image), "+a" (flags)
                 : [form] "r" (form), "D" (mem) : "rdx", "memory", "cc");
    return flags >> 8 & 0xff;
}

unsigned fp_native(struct x86_env *env, uint32_t insn, void *mem, bool cf)
{
    struct fp_image image;
    unsigned flags;

    image_load(&image, env);
    flags = image_run(&image, insn, mem, cf);
    image_store(&image, env);
    return flags;
}

void fp_native_store(struct x86_env *env, uint32_t insn, void *mem)
{
    struct fp_image image;

    image_load(&image, env);
    image_run(&image, insn, mem, false);
    if (image.sw & ~env->fpuc & (FPUS_IE | FPUS_OE | FPUS_UE)) {
        image_store(&image, env);
        env->fp_staged = env->fpus;
        env->fp_skip = true;
        return;
    }
    env->fp_staged = (image.sw & ~FPUS_TOP) | (env->fpus & ~(FPUS_TOP | FPUS_CC));
    if (env->fp_staged & ~env->fpuc & FPUS_FLAGS) {
        env->fp_staged |= FPUS_ES | FPUS_B;
        env->fp_fast = FP_UNKNOWN;
    }
}

/* --- all of it in the host's unit, for x87 ops ----------------------------------------------- */

/* Nothing is unmasked, so no flag is pending. */
void x86_fp_load(void *opaque)
{
    struct x86_env *env = opaque;
    struct fp_image image;

    image_load(&image, env);
    image.sw |= env->fpus & ~FPUS_TOP;
    asm volatile("frstor %0" : : "m" (image));
    env->hot.x87_resident = true;
}

void x86_fp_fetch(void *opaque)
{
    struct x86_env *env = opaque;
    struct fp_image image;

    if (env->hot.x87_resident) {
        env->hot.x87_resident = false;
        asm volatile("fnsave %0" : "=m" (image));
        env->fpus = 0;                          /* all flags are in the image */
        image_store(&image, env);
    }
}

void x86_fp_capture(void *opaque, const void *image)
{
    struct x86_env *env = opaque;

    env->hot.x87_resident = false;
    x86_fx_load_x87(env, image);
}

bool fp_enter(struct x86_env *env)
{
    if (env->fp_fast == FP_UNKNOWN) {
        if ((env->fpuc & FPUC_MASKS) != FPUC_MASKS || (env->fpus & FPUS_ES)) {
            return false;
        }
        asm volatile("fnclex");
        env->fp_fast = env->fpuc == FPUC_DEFAULT ? FP_FAST : FP_FAST_CW;
    }
    if (env->fp_fast == FP_FAST_CW) {
        asm volatile("fldcw %0" : : "m" (env->fpuc));
    }
    return true;
}
