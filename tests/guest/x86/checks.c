/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rows of the assembly tables name: preparations, and looks at what an event left behind. */
#include "pages.h"

#define SETUP(name, ...) void name(void); void name(void) { __VA_ARGS__; }
#define VERIFY(name, condition) bool name(void); bool name(void) { return condition; }

void gate_target(void);
void gate_return(void);
void rescue_stack(void);
asm(".text\n.globl gate_return\ngate_return: lret $8\n");

/* For a CPU that pushed where it must not: gets a flat stack to report it on. */
asm(".globl rescue_stack\nrescue_stack: mov $0x10, %eax\nmov %eax, %ss\n"
    "mov $window_area+0x3000, %esp\nint $0x40\n");

/* --- flags ----------------------------------------------------------------------------------- */
VERIFY(if_clear, !(seen.eflags & FL_IF))
VERIFY(if_set, seen.eflags & FL_IF)
VERIFY(if_clear_iopl0, !(seen.eflags & (FL_IF | FL_IOPL3)))
VERIFY(if_clear_iopl3, (seen.eflags & (FL_IF | FL_IOPL3)) == FL_IOPL3)
VERIFY(not_v86, !(seen.eflags & FL_VM))
VERIFY(zf_set, seen.eflags & FL_ZF)
VERIFY(zf_clear, !(seen.eflags & FL_ZF))
VERIFY(zf_clear_eax_77, !(seen.eflags & FL_ZF) && seen.eax == 0x77)

static uint32_t handler_flags;
static bool record_flags(struct frame *f)
{
    asm volatile("pushf\npop %0" : "=r"(handler_flags));
    return false;
}
SETUP(hook_flags, on_trap = record_flags)
VERIFY(handler_if_set, handler_flags & FL_IF)
VERIFY(handler_if_clear, !(handler_flags & (FL_IF | FL_NT | FL_TF)))

/* --- registers ------------------------------------------------------------------------------- */
VERIFY(al_is_80, (seen.eax & 0xff) == 0x80)
VERIFY(eax_is_77, seen.eax == 0x77)
VERIFY(ecx_is_0, seen.ecx == 0)
VERIFY(ecx_is_1, seen.ecx == 1)
VERIFY(ecx_is_3, seen.ecx == 3)
VERIFY(esp_is_2, seen.esp == 2)
VERIFY(esp_high_kept, seen.esp == 0x1234fffc)
VERIFY(esp_below_by_4, seen.esp == in.esp - 4)
VERIFY(esp_balanced, seen.esp == in.esp)
VERIFY(cs_is_user, seen.cs == SEL_UCODE && seen.esp == (uint32_t)window_area + 0x800)
VERIFY(cs_is_kernel, seen.cs == SEL_CODE)
VERIFY(cs_is_conforming_3, seen.cs == SEL_CONFORM + 3)
VERIFY(pe_set, READ_REG(cr0) & 1)
VERIFY(eax_is_dr6, seen.eax == seen_dr6)
VERIFY(dr6_bd, (seen_dr6 & 0xe00f) == 0x2000)
VERIFY(ds_null, seen.ds == 0 && seen.es == 0 && seen.fs == SEL_UDATA)
SETUP(fs_user, in.fs = SEL_UDATA)

/* --- lar, lsl, arpl -------------------------------------------------------------------------- */
VERIFY(lar_user_code, (seen.eflags & FL_ZF) && (seen.eax & 0xf0ff00) == 0xc0fb00)
VERIFY(lar_tss, (seen.eflags & FL_ZF) && (seen.eax & 0xff00) == 0x8900)
VERIFY(lar_gate, (seen.eflags & FL_ZF) && (seen.eax & 0xff00) == 0xec00)
VERIFY(lsl_flat, (seen.eflags & FL_ZF) && seen.eax == 0xffffffff)
VERIFY(lsl_fff, (seen.eflags & FL_ZF) && seen.eax == 0xfff)
VERIFY(arpl_raised, (seen.eflags & FL_ZF) && (seen.eax & 0xffff) == 0xb)

/* --- control registers ----------------------------------------------------------------------- */
SETUP(tables_ready, identity_map(7))
SETUP(set_ts, WRITE_REG(cr0, 0x39))
SETUP(set_em, WRITE_REG(cr0, 0x35))
SETUP(set_ts_mp, WRITE_REG(cr0, 0x3b))
SETUP(set_ne, WRITE_REG(cr0, 0x31))
SETUP(set_am, WRITE_REG(cr0, 0x40031))
SETUP(set_tsd, WRITE_REG(cr4, 4))
SETUP(set_de, WRITE_REG(cr4, 8))
SETUP(set_gd, WRITE_REG(dr7, 0x2400))

/* --- tables ---------------------------------------------------------------------------------- */
SETUP(open_port_80, tss.iomap = offsetof(struct tss, io);
      memset(tss.io, 0xff, sizeof tss.io); tss.io[0x80 / 8] = 0xfe;
      tss.io[35] = 0)
SETUP(idt_90_not_present, idt[0x90] = gate(SEL_CODE, gate_target, 0x6e))
SETUP(idt_90_not_gate, idt[0x90] = descriptor(0, 0xfffff, 0xcfb))
SETUP(idt_90_null_cs, idt[0x90] = gate(0, gate_target, 0xee))
SETUP(idt_90_data, idt[0x90] = gate(SEL_DATA, gate_target, 0xee))
SETUP(idt_90_np_code, gdt[SEL_NP_CODE / 8] = descriptor(0, 0xfffff, 0xc1b);
      idt[0x90] = gate(SEL_NP_CODE, gate_target, 0xee))
SETUP(idt_90_user, idt[0x90] = gate(SEL_UCODE, gate_target, 0xee))
SETUP(idt_3_dpl0, idt[3] = gate(SEL_CODE, trap_stubs[3], 0x8e))
SETUP(ldt_not_present, gdt[SEL_LDT / 8] = descriptor((uint32_t)ldt, 31, 2))
SETUP(tss2_not_present, gdt[SEL_TSS2 / 8] = descriptor((uint32_t)&tss2, 0x67, 9))
VERIFY(tss2_busy, gdt[SEL_TSS2 / 8] >> 41 & 1)
SETUP(clear_accessed, gdt[SEL_UP / 8] = descriptor((uint32_t)window, 0xfff, 0x4f2))
VERIFY(up_accessed, gdt[SEL_UP / 8] >> 40 & 1)
SETUP(stack_16, gdt[SEL_WSTACK / 8] = descriptor((uint32_t)window_area, 0xffff, 0xf3))

static void limit_idt(uint16_t limit)
{
    struct { uint16_t limit; void *base; } __attribute__((packed)) idtr = { limit, idt };
    asm volatile("lidt %0" : : "m"(idtr));
}
SETUP(short_idt, limit_idt(0x90 * 8 + 6))
SETUP(load_ldt, ldt[1] = descriptor((uint32_t)window, 0xfff, 0x4f3);
      ldt[2] = descriptor((uint32_t)window, 0xfff, 0x473);
      asm volatile("lldt %w0" : : "r"(SEL_LDT)))


/* --- stacks and gates ------------------------------------------------------------------------ */
SETUP(tss_null_ss0, tss.ss0 = 0; catch_by_task(TS, SEL_TSS2))
SETUP(tss_user_ss0, tss.ss0 = SEL_UDATA; catch_by_task(TS, SEL_TSS2))
SETUP(tss_np_ss0, gdt[SEL_NP_DATA / 8] = descriptor(0, 0xfffff, 0xc13); tss.ss0 = SEL_NP_DATA;
      catch_by_task(SS, SEL_TSS2); catch_by_task(TS, SEL_TSS3))
SETUP(tss_small_ss0, gdt[SEL_WSTACK / 8] = descriptor((uint32_t)window, 0xfff, 0x493);
      tss.ss0 = SEL_WSTACK; tss.esp0 = 8; catch_by_task(SS, SEL_TSS2);
      idt[0x90] = gate(SEL_CODE, rescue_stack, 0xee))
SETUP(gate_16, memcpy((void *)0x7000, gate_target, 2);
      gdt[SEL_GATE / 8] = gate(SEL_CODE, (void *)0x7000, 0x2e4))
SETUP(gate_returns, gdt[SEL_GATE / 8] = gate(SEL_CODE, gate_return, 0x2ec))

bool gate_stack(void);
bool gate_stack(void)
{
    uint32_t *s = seen_stack;
    return seen.cs == SEL_CODE && s[0] == current->at && s[1] == SEL_UCODE && s[2] == 0x2222 &&
           s[3] == 0x1111 && s[4] == in.esp - 8 && s[5] == SEL_UDATA;
}

bool gate_stack_same(void);
bool gate_stack_same(void)
{
    uint32_t *s = seen_stack;
    return s[0] == current->at && s[1] == SEL_CODE && s[2] == 0x2222 && s[3] == 0x1111;
}

bool gate16_stack(void);
bool gate16_stack(void)
{
    uint16_t *s = (uint16_t *)seen_stack;
    return seen.cs == SEL_CODE && s[0] == (current->at & 0xffff) && s[1] == SEL_UCODE &&
           s[2] == 0x2222 && s[3] == 0x1111 && s[4] == ((in.esp - 4) & 0xffff) &&
           s[5] == SEL_UDATA;
}

/* --- sysenter -------------------------------------------------------------------------------- */
SETUP(sysenter_off, write_msr(0x174, 0))
SETUP(sysenter_on, write_msr(0x174, SEL_CODE); write_msr(0x175, (uint32_t)window + 0x1000);
      write_msr(0x176, (uint32_t)gate_target))
VERIFY(sysenter_state32, seen.cs == SEL_CODE && !(seen.eflags & FL_IF) && (seen.eflags & FL_CF) &&
       seen.eip == (uint32_t)gate_target + 2 && seen_stack == (uint32_t *)(window + 0x1000))
VERIFY(sysexit_state32, seen.cs == SEL_UCODE && seen.ss == SEL_UDATA &&
       seen.esp == (uint32_t)window_area + 0x800)

/* --- inner rings ----------------------------------------------------------------------------- */
VERIFY(cs_is_ring1, seen.cs == SEL_CODE1 && seen.ss == SEL_DATA1)
VERIFY(iopl_1, (seen.eflags & FL_IOPL3) == 0x1000)
VERIFY(cs_is_user_iopl0, seen.cs == SEL_UCODE && !(seen.eflags & FL_IOPL3))
VERIFY(esp_is_12340000, seen.esp == 0x12340000)
VERIFY(esp_is_56780ffc, seen.esp == 0x56780ffc)
SETUP(tss_null_ss1, tss.ss1 = 0)

bool ring1_stack_used(void);
bool ring1_stack_used(void)
{
    uint32_t *s = (uint32_t *)seen.esp;
    return seen.cs == SEL_CODE1 && seen.ss == SEL_DATA1 && seen.esp == tss.esp1 - 20 &&
           s[0] == current->at && s[1] == SEL_UCODE && s[2] == 0x1234 && s[3] == in.esp - 4 &&
           s[4] == SEL_UDATA;
}

static void map_test_page(uint32_t rights, uint32_t cr0)
{
    identity_map(7);
    uint32_t *directory = (uint32_t *)READ_REG(cr3);
    *(uint32_t *)(directory[TEST_VA >> 22] & 0xfffff000) = (uint32_t)window | rights;
    paging_on(cr0, 0);
}
SETUP(supervisor_pages, map_test_page(PTE_P | PTE_W, 0))
SETUP(supervisor_read_only, map_test_page(PTE_P, 0x10000))
