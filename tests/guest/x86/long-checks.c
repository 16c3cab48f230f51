/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rows of long mode's table name: preparations, and looks at what an event left behind. */
#include "long.h"

#define SETUP(name, ...) void name(void); void name(void) { __VA_ARGS__; }
#define VERIFY(name, condition) bool name(void); bool name(void) { return condition; }

extern uint8_t syscall_target[], gate64_target[], compat_target[], stubs64[256][16];
static uint64_t gs_areas[2] = { 0x1111, 0x2222 };

/* --- registers ------------------------------------------------------------------------------- */
VERIFY(eax_plus_1, seen64.rax == 1)
VERIFY(rax_wide, seen64.rax == 1ull << 32 && seen64.cs == SEL_UCODE64)
SETUP(set_gs_bases, write_msr(GS_BASE, (uint32_t)&gs_areas[0]);
      write_msr(KERNEL_GS_BASE, (uint32_t)&gs_areas[1]))
VERIFY(gs_swapped, seen64.rax == 0x2222 && seen64.rbx == 0x1111)
SETUP(clear_osfxsr, WRITE_REG(cr4, 0x20))
SETUP(set_ts64, WRITE_REG(cr0, 0x80010039))
SETUP(set_em64, WRITE_REG(cr0, 0x80010035))

VERIFY(ss_null, seen64.ss == 0 && seen64.cs == SEL_CODE64)
VERIFY(vm_clear, !(seen64.rflags & FL_VM))

/* --- system calls ---------------------------------------------------------------------------- */
static void set_star(void)
{
    write_msr(STAR, (uint64_t)(SEL_UCODE32 << 16 | SEL_CODE64) << 32);
    write_msr(LSTAR, (uint32_t)syscall_target);
    write_msr(SFMASK, FL_CF);
}
SETUP(set_syscall, set_star())
SETUP(set_syscall_mask, set_star(); write_msr(SFMASK, FL_TF))
SETUP(clear_sce, set_star(); write_msr(EFER, 0xd00))
VERIFY(syscall_state, seen64.rip == (uint32_t)syscall_target + 2 && seen64.rcx == current->at &&
       (seen64.r11 & (FL_CF | FL_ZF)) == (FL_CF | FL_ZF) && seen64.cs == SEL_CODE64 &&
       seen64.ss == SEL_DATA64 && (seen64.rflags & (FL_CF | FL_ZF)) == FL_ZF &&
       seen64.rsp == in64.rsp)
VERIFY(syscall_masked, seen64.rip == (uint32_t)syscall_target + 2 && (seen64.r11 & FL_TF))
VERIFY(sysret_state, seen64.cs == SEL_UCODE64 && seen64.ss == SEL_UDATA32 &&
       (seen64.rflags & FL_CF))
VERIFY(sysret32_state, seen64.cs == SEL_UCODE32 && seen64.ss == SEL_UDATA32 &&
       seen64.rip == (uint32_t)compat_target + 2)
SETUP(set_sysenter, write_msr(SYSENTER_CS, SEL_CODE64);
      write_msr(SYSENTER_ESP, (uint32_t)window + 0x800);
      write_msr(SYSENTER_EIP, (uint32_t)syscall_target))
VERIFY(sysenter_state, seen64.rip == (uint32_t)syscall_target + 2 && seen64.cs == SEL_CODE64 &&
       seen64.ss == SEL_DATA64 && seen64.rsp == (uint32_t)window + 0x800)
VERIFY(sysexit_state, seen64.cs == SEL_UCODE64 && seen64.ss == SEL_UDATA64 && seen64.rsp == 0x1000)
VERIFY(sysexit32_state, seen64.cs == SEL_UCODE32 && seen64.ss == SEL_UDATA32 &&
       seen64.rip == (uint32_t)compat_target + 2)

SETUP(map_edge, pml4[255] = (uint32_t)test_pdpt | 7; test_pdpt[511] = (uint32_t)test_pd | 7;
      test_pd[511] = (uint32_t)test_pt | 7; test_pt[511] = (uint32_t)window | 7)

/* --- gates and stacks ------------------------------------------------------------------------ */
bool gate64_stack(void);
bool gate64_stack(void)
{
    uint64_t *s = (uint64_t *)(uint32_t)seen64.rsp;
    return seen64.cs == SEL_CODE64 && s[0] == current->at + 2 && s[1] == SEL_UCODE64 &&
           s[2] == in64.rsp && s[3] == SEL_UDATA64 && seen64.rsp == tss64.rsp[0] - 32;
}

/* handler_rsp is 8 below the vector; above are the error code and the frame. */
#define FRAME ((uint32_t)seen64.handler_rsp + 24)
VERIFY(frame_aligned, (FRAME & 15) == 8 && seen64.rsp == in64.rsp - 4)
VERIFY(frame_aligned_error, (FRAME & 15) == 8)
VERIFY(ss_pushed, seen64.ss == SEL_DATA64 && seen64.rsp == seen64.rax)
VERIFY(handler_ss_null, seen64.handler_ss == 0 && seen64.ss == SEL_UDATA64 &&
       FRAME == tss64.rsp[0] - 40)
SETUP(use_ist, idt64[DONE][0] |= 1ull << 32)
VERIFY(on_ist, FRAME == tss64.ist[0] - 40)
SETUP(df_ist, idt64[DF][0] |= 1ull << 32)
VERIFY(on_ist_df, FRAME == tss64.ist[0] - 40 && seen64.rsp == 1ull << 47)
SETUP(gate_compat, idt64[0x90][0] = gate(SEL_CODE, stubs64[0x90], 0x8e))
SETUP(gate_task, idt64[0x90][0] = gate(SEL_CODE64, stubs64[0x90], 0x86))
SETUP(no_gp_gate, idt64[GP][0] = gate(SEL_CODE64, stubs64[GP], 0x0e))
SETUP(small_compat, gdt[SEL_LONG_BOTH / 8] = descriptor((uint32_t)window, 0xfff, 0x4f3))

void short_idt64(void);
void short_idt64(void)
{
    struct { uint16_t limit; void *base; } __attribute__((packed)) idtr = { 0x90 * 16 + 14, idt64 };
    asm volatile("lidt %0" : : "m"(idtr));
}
