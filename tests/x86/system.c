/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system instructions as a guest uses them: one program walks through real, protected,
 * virtual-8086 and (64-bit executables) long mode, provokes faults and writes down what comes; the
 * list must match.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/lock.h"
#include "hw/core/memory.h"
#include "hw/i386/x86-cpu.h"
#include "target-i386/sys.h"
#include "tests/tap.h"

enum { RAM = 4 << 20, LOAD = 0x10000, LOG = 0x7000 };

extern const uint8_t guest_code[], guest_end[];

/*
 * EBX (edi in exception handlers) never holds anything but the log's write pointer. NOTE appends a
 * word. A fault is noted as vector << 16 | error code, and execution goes on at the address in
 * `resume', set by EXPECT.
 */
__asm__(
    ".section .rodata\n.intel_syntax noprefix\n"
    ".set BASE, 0x10000\n"
    ".macro NOTE value\n mov dword ptr [ebx], \\value\n add ebx, 4\n.endm\n"
    ".macro EXPECT label\n mov dword ptr [0x6000], offset \\label - guest_code + BASE\n.endm\n"
    ".macro GATE vector, label, type\n"
    " mov eax, offset \\label - guest_code + BASE\n mov [0x5000 + \\vector * 8], ax\n"
    " mov word ptr [0x5002 + \\vector * 8], 8\n mov word ptr [0x5004 + \\vector * 8], \\type << 8\n"
    " shr eax, 16\n mov [0x5006 + \\vector * 8], ax\n.endm\n"
    "guest_code:\n"
    /* --- real mode, cs = 0x1000 --- */
    ".code16\n"
    " xor ax, ax\n mov ds, ax\n mov es, ax\n mov ss, ax\n mov sp, 0x4000\n mov ebx, 0x7000\n"
    " mov word ptr [0x80], offset real_int - guest_code\n mov word ptr [0x82], 0x1000\n"
    " int 0x20\n"
    " mov [ebx], ax\n mov word ptr [ebx + 2], sp\n add ebx, 4\n"     /* 0x40001234 */
    " .byte 0x66\n lgdt cs:[gdt_pointer - guest_code]\n"
    " lidt cs:[idt_pointer - guest_code]\n"
    " smsw ax\n and eax, 1\n mov [ebx], eax\n add ebx, 4\n"          /* 0 */
    " mov eax, cr0\n or al, 1\n mov cr0, eax\n"
    " .byte 0x66, 0xea\n .long protected - guest_code + BASE\n .word 8\n"
    "real_int:\n mov ax, 0x1234\n iret\n"
    /* --- protected mode --- */
    ".code32\n"
    "protected:\n"
    " mov ax, 0x10\n mov ds, ax\n mov es, ax\n mov ss, ax\n mov fs, ax\n mov gs, ax\n"
    " mov esp, 0x4000\n"
    " GATE 0, fault_0, 0x8e\n GATE 3, fault_3, 0xee\n GATE 6, fault_6, 0x8e\n"
    " GATE 10, fault_10, 0x8e\n GATE 11, fault_11, 0x8e\n GATE 12, fault_12, 0x8e\n"
    " GATE 13, fault_13, 0x8e\n GATE 14, fault_14, 0x8e\n GATE 1, fault_1, 0x8e\n"
    " GATE 0x80, ring0_again, 0xee\n GATE 0x81, fault_0, 0x8e\n GATE 4, fault_4, 0xee\n"
    " EXPECT p1\n ud2\np1:\n"
    " EXPECT p2\n xor ecx, ecx\n div ecx\np2:\n"
    " EXPECT p3\n int3\np3:\n"
    " EXPECT p4\n mov al, 0x7f\n inc al\n into\np4:\n"
    " EXPECT p5\n mov eax, 0x1000\n mov es, ax\np5:\n"              /* beyond the table */
    " EXPECT p6\n mov eax, 0x38\n mov es, ax\np6:\n"                /* not present */
    " EXPECT p7\n xor eax, eax\n mov ss, ax\np7:\n"                 /* null */
    " EXPECT p8\n mov eax, 0x08\n mov ss, ax\np8:\n"                /* code as stack */
    " xor eax, eax\n mov es, ax\n EXPECT p9\n mov eax, es:[0]\np9:\n"   /* null segment used */
    " mov ax, 0x40\n mov es, ax\n EXPECT p10\n mov eax, es:[0xffe]\np10:\n" /* limit 0xfff */
    " mov eax, es:[0xffc]\n NOTE 0x600d0001\n"
    " mov ax, 0x10\n mov es, ax\n"
    " xor eax, eax\n lar eax, word ptr [selector_code - guest_code + BASE]\n NOTE eax\n"
    " lsl eax, word ptr [selector_small - guest_code + BASE]\n NOTE eax\n"
    " mov eax, 0x77\n mov ecx, 0x1000\n lar eax, ecx\n setz al\n NOTE eax\n"
    " mov ecx, 8\n verw cx\n setz al\n movzx eax, al\n NOTE eax\n"
    /* single step */
    " EXPECT p11\n pushf\n or dword ptr [esp], 0x100\n popf\n nop\np11:\n"
    " mov eax, dr6\n and eax, 0xffff\n NOTE eax\n"
    /* instruction breakpoint, then a data one */
    " mov eax, offset p12 - guest_code + BASE\n mov dr0, eax\n mov eax, 2\n mov dr7, eax\n"
    " EXPECT p13\np12:\n nop\n NOTE 0xbad\np13:\n mov eax, dr6\n and eax, 15\n NOTE eax\n"
    " mov eax, 0x6100\n mov dr1, eax\n mov eax, 0xd00008\n mov dr7, eax\n EXPECT p14\n"
    " mov dword ptr [0x6104], 1\n mov dword ptr [0x6100], 0x5a\n NOTE 0xbad\np14:\n"
    " mov eax, dr6\n and eax, 15\n NOTE eax\n mov eax, [0x6100]\n NOTE eax\n"
    " xor eax, eax\n mov dr7, eax\n"
    /* paging: identity by one 4M page, 0x400000 absent */
    " mov dword ptr [0x2000], 0x87\n mov dword ptr [0x2004], 0\n mov eax, 0x2000\n mov cr3, eax\n"
    " mov eax, cr4\n or al, 0x10\n mov cr4, eax\n mov eax, cr0\n or eax, 0x80010000\n"
    " mov cr0, eax\n"
    " EXPECT p15\n mov eax, [0x400123]\np15:\n mov eax, cr2\n NOTE eax\n"
    " EXPECT p16\n mov [0x400456], eax\np16:\n"
    /* ring 3 */
    " mov dword ptr [tss + 4 - guest_code + BASE], 0x3800\n"
    " mov dword ptr [tss + 8 - guest_code + BASE], 0x10\n"
    " mov dword ptr [tss + 0x1c - guest_code + BASE], 0x2000\n"
    " mov ax, 0x28\n ltr ax\n NOTE 0x600d0002\n"
    " push 0x23\n push 0x3400\n pushf\n push 0x1b\n push offset user - guest_code + BASE\n iret\n"
    "user:\n mov ax, 0x23\n mov ds, ax\n mov es, ax\n"
    " mov eax, cs\n NOTE eax\n"
    " EXPECT u1\n cli\nu1:\n EXPECT u2\n in al, 0x80\nu2:\n EXPECT u3\n int 0x81\nu3:\n"
    " EXPECT u4\n mov eax, cr0\nu4:\n EXPECT u5\n hlt\nu5:\n"
    " EXPECT u6\n mov eax, 0x10\n mov ds, ax\nu6:\n"
    " EXPECT u7\n mov eax, [0x400000]\nu7:\n"
    " push 0x11\n push 0x22\n .byte 0x9a\n .long 0\n .word 0x48\n" /* call gate, two parameters */
    " NOTE esp\n"
    " int 0x80\n"
    "gate_target:\n mov eax, [esp + 8]\n NOTE eax\n mov eax, [esp + 12]\n NOTE eax\n mov eax, cs\n"
    " NOTE eax\n"
    " mov eax, [esp + 16]\n NOTE eax\n retf 8\n"
    "ring0_again:\n mov ax, 0x10\n mov ds, ax\n mov es, ax\n NOTE esp\n mov esp, 0x4000\n"
    /* a task switch there and back */
    " mov word ptr [0x1000 + 0x50], 0x10\n" /* ss of the other task */
    " mov dword ptr [0x1000 + 0x1c], 0x2000\n"
    " mov dword ptr [0x1000 + 0x20], offset other_task - guest_code + BASE\n"
    " mov dword ptr [0x1000 + 0x24], 2\n mov dword ptr [0x1000 + 0x38], 0x3c00\n"
    " mov dword ptr [0x1000 + 0x34], ebx\n"
    " mov word ptr [0x1000 + 0x48], 0x10\n mov word ptr [0x1000 + 0x4c], 8\n"
    " mov word ptr [0x1000 + 0x54], 0x10\n mov word ptr [0x1000 + 0x58], 0\n"
    " mov word ptr [0x1000 + 0x5c], 0\n"
    " .byte 0x9a\n .long 0\n .word 0x30\n"
    " mov ebx, [0x1000 + 0x34]\n str ax\n NOTE eax\n"
    " jmp v86_test\n"
    "other_task:\n xor eax, eax\n str ax\n NOTE eax\n pushf\n pop eax\n and eax, 0x4000\n"
    " NOTE eax\n"
    " mov eax, cr0\n and eax, 8\n NOTE eax\n iret\n"
    /* virtual-8086 mode: INT faults with IOPL 0 */
    "v86_test:\n clts\n EXPECT v86_done\n mov dword ptr [0x6004], 1\n"
    " push 0\n push 0\n push 0\n push 0\n push 0\n push 0x3000\n push 0x20002\n push 0x1000\n"
    " push offset v86_code - guest_code\n iret\n"
    ".code16\nv86_code:\n mov ax, cs\n mov [ebx], ax\n mov word ptr [ebx + 2], 0x86\n add ebx, 4\n"
    " int 0x21\n"
    ".code32\nv86_done:\n mov ax, 0x10\n mov ds, ax\n mov es, ax\n mov esp, 0x4000\n"
    "finish:\n"
#if TARGET_WORD_BITS == 64
    " jmp to_long\n"
#else
    " NOTE 0x600dbeef\n cli\n hlt\n"
#endif
    /* --- faults: note and go on at `resume' --- */
    "fault_0:\n push 0\n push 0\n jmp fault\n"
    "fault_1:\n and dword ptr [esp + 8], 0xfffffeff\n push 0\n push 1\n jmp fault\n"
    "fault_3:\n push 0\n push 3\n jmp fault\n"
    "fault_4:\n push 0\n push 4\n jmp fault\n"
    "fault_6:\n push 0\n push 6\n jmp fault\n"
    "fault_10:\n push 10\n jmp fault\nfault_11:\n push 11\n jmp fault\nfault_12:\n push 12\n"
    " jmp fault\n"
    "fault_13:\n push 13\n jmp fault\nfault_14:\n push 14\n"
    "fault:\n push eax\n mov ax, 0x10\n mov ds, ax\n mov eax, [esp + 4]\n shl eax, 16\n"
    " or eax, [esp + 8]\n"
    " mov [ebx], eax\n add ebx, 4\n"
    " test dword ptr [esp + 20], 0x20000\n jnz fault_v86\n"
    " mov eax, [0x6000]\n mov [esp + 12], eax\n"
    " test dword ptr [esp + 16], 3\n jz 1f\n mov ax, 0x23\n mov ds, ax\n1:\n"
    " pop eax\n add esp, 8\n iret\n"
    "fault_v86:\n jmp v86_done\n"
#if TARGET_WORD_BITS == 64
    /* --- long mode --- */
    "to_long:\n mov eax, cr0\n and eax, 0x7fffffff\n mov cr0, eax\n"
    " mov dword ptr [0x2000], 0x3007\n mov dword ptr [0x2004], 0\n mov dword ptr [0x3000], 0x1007\n"
    " mov dword ptr [0x3004], 0\n mov dword ptr [0x1000], 0x87\n mov dword ptr [0x1004], 0\n"
    " mov dword ptr [0x1008], 0\n mov dword ptr [0x100c], 0\n"
    " mov eax, cr4\n or eax, 0x20\n mov cr4, eax\n mov eax, 0x2000\n mov cr3, eax\n"
    " mov ecx, 0xc0000080\n rdmsr\n or eax, 0x901\n wrmsr\n"
    " mov eax, cr0\n or eax, 0x80000000\n mov cr0, eax\n"
    " mov ecx, 0xc0000080\n rdmsr\n NOTE eax\n"
    " .byte 0xea\n .long long_mode - guest_code + BASE\n .word 0x50\n"
    ".code64\n"
    ".macro GATE64 vector, label, type, ist\n"
    " lea rax, [rip + \\label]\n mov [0x5000 + \\vector * 16], ax\n"
    " mov word ptr [0x5002 + \\vector * 16], 0x50\n"
    " mov word ptr [0x5004 + \\vector * 16], \\type << 8 | \\ist\n shr rax, 16\n"
    " mov [0x5006 + \\vector * 16], ax\n"
    " shr rax, 16\n mov [0x5008 + \\vector * 16], rax\n.endm\n"
    ".macro EXPECT64 label\n lea rax, [rip + \\label]\n mov [0x6000], rax\n.endm\n"
    "long_mode:\n mov ax, 0x10\n mov ds, ax\n mov es, ax\n mov ss, ax\n mov ebx, ebx\n"
    " mov rsp, 0x4000\n"
    " GATE64 6, long_6, 0x8e, 0\n GATE64 13, long_13, 0x8e, 0\n GATE64 14, long_14, 0x8e, 1\n"
    " GATE64 12, long_12, 0x8e, 1\n GATE64 0x80, long_80, 0xee, 0\n"
    " lidt [rip + idt_pointer]\n"
    " mov qword ptr [rip + tss + 4], 0x3800\n mov qword ptr [rip + tss + 0x24], 0x3a00\n"
    " mov word ptr [rip + tss64_entry + 5], 0x0089\n mov ax, 0x58\n ltr ax\n"
    " EXPECT64 l1\n ud2\nl1:\n EXPECT64 l2\n mov rax, 0x800000000000\n mov al, [rax]\nl2:\n"
    " EXPECT64 l3\n mov rcx, rsp\n mov rsp, 0x800000000010\n push rax\nl3:\n mov rsp, rcx\n"
    " EXPECT64 l4\n mov al, [0x200000]\nl4:\n NOTE r15d\n"
    /* syscall from ring 3 */
    " xor eax, eax\n mov edx, 0x00630050\n mov ecx, 0xc0000081\n wrmsr\n"
    " lea rax, [rip + syscall_entry]\n mov rdx, rax\n shr rdx, 32\n mov ecx, 0xc0000082\n wrmsr\n"
    " mov eax, 0x700\n xor edx, edx\n mov ecx, 0xc0000084\n wrmsr\n"
    " mov eax, 0x1234\n mov edx, 0\n mov ecx, 0xc0000101\n wrmsr\n"
    " mov eax, 0x5678\n mov ecx, 0xc0000102\n wrmsr\n"
    " lea rcx, [rip + user64]\n mov r11d, 0x202\n .byte 0x48, 0x0f, 0x07\n"
    "user64:\n mov eax, cs\n NOTE eax\n mov eax, ss\n NOTE eax\n syscall\n"
    " NOTE 0x600d0003\n int 0x80\n"
    "syscall_entry:\n swapgs\n NOTE r11d\n mov eax, cs\n NOTE eax\n pushf\n pop rax\n NOTE eax\n"
    " mov ecx, ecx\n push rcx\n mov ecx, 0xc0000101\n rdmsr\n NOTE eax\n swapgs\n pop rcx\n"
    " .byte 0x48, 0x0f, 0x07\n"
    "long_80:\n NOTE esp\n mov eax, [rsp + 8]\n NOTE eax\n mov rsp, 0x4000\n"
    /* compatibility mode and back */
    " push 0x08\n lea rax, [rip + compat]\n push rax\n .byte 0x48, 0xcb\n"
    ".code32\ncompat:\n mov eax, 0x11223344\n inc eax\n NOTE eax\n .byte 0xea\n"
    " .long long_again - guest_code + BASE\n .word 0x50\n"
    ".code64\nlong_again:\n NOTE 0x600dbeef\n cli\n hlt\n"
    "long_6:\n push 0\n push 6\n jmp long_fault\nlong_12:\n push 12\n jmp long_fault\n"
    "long_13:\n push 13\n jmp long_fault\nlong_14:\n push 14\n"
    "long_fault:\n mov eax, [rsp]\n shl eax, 16\n or eax, [rsp + 8]\n NOTE eax\n mov r15, rsp\n"
    " add rsp, 16\n"
    " mov rax, [0x6000]\n mov [rsp], rax\n iretq\n"
#endif
    /* --- tables --- */
    ".balign 8\n"
    "gdt:\n .quad 0\n .quad 0x00cf9a000000ffff\n .quad 0x00cf92000000ffff\n"
    " .quad 0x00cffa000000ffff\n"
    " .quad 0x00cff2000000ffff\n"
    " .word 0x67\n .word tss - guest_code\n .byte 1\n .byte 0x89\n .word 0\n" /* 0x28: TSS */
    " .word 0x67, 0x1000\n .byte 0, 0x89\n .word 0\n"                        /* 0x30: other TSS */
    " .quad 0x00cf12000000ffff\n"                                            /* 0x38: not present */
    " .quad 0x0040920000000fff\n"                                            /* 0x40: small */
    " .word gate_target - guest_code, 8\n .byte 2, 0xec\n .word 1\n"         /* 0x48: call gate */
    " .quad 0x00af9a000000ffff\n"                                            /* 0x50: 64-bit code */
    "tss64_entry:\n .word 0x67\n .word tss - guest_code\n .byte 1\n .byte 0x89\n .word 0\n"
    " .quad 0\n"                                                             /* 0x58 */
    " .quad 0x00cff2000000ffff\n .quad 0x00affa000000ffff\n"                 /* 0x68, 0x70 */
    "gdt_end:\n"
    "gdt_pointer:\n .word gdt_end - gdt - 1\n .long gdt - guest_code + BASE\n"
    ".balign 8\nidt_pointer:\n .word 0x81f\n .quad 0x5000\n"
    "selector_code:\n .word 8\nselector_small:\n .word 0x40\n"
    ".balign 8\ntss:\n .long 0\n .long 0x3800\n .long 0x10\n .fill 6, 4, 0\n .long 0x3a00\n"
    " .fill 15, 4, 0\n"
    ".word 0, 0x68\n"
    "guest_end:\n"
#ifdef __x86_64__
    ".code64\n"
#endif
    ".att_syntax prefix\n.previous\n");

static const uint32_t wanted[] = {
    0x40001234, 0,
    0x060000, 0, 0x030000, 0x040000, 0x0d1000, 0x0b0038, 0x0d0000, 0x0d0008, 0x0d0000, 0x0d0000,
    0x600d0001, 0x00cf9b00 & 0xffff00, 0xfff, 0, 0,
    0x010000, 0x4ff0, 0x010000, 1, 0x010000, 2, 0x5a,
    0x0e0000, 0x400123, 0x0e0002,
    0x600d0002, 0x1b, 0x0d0000, 0x0d0000, 0x0d040a, 0x0d0000, 0x0d0000, 0x0d0010, 0x0e0004,
    0x22, 0x11, 8, 0x33f8, 0x3400, 0x37ec,
    0x30, 0x4000, 8, 0x28,
    0x00861000, 0x0d0000,
#if TARGET_WORD_BITS == 64
    0xd01,
    0x060000, 0x0d0000, 0x0c0000, 0x0e0000, 0x39c8,
    0x73, 0x6b, 0x212, 0x50, 0x6, 0x5678, 0x600d0003, 0x37d8, 0x73,
    0x11223345,
#endif
    0x600dbeef,
};

static struct memory_region root, ram, ports;
static struct address_space memory, io;

static struct cpu *make_machine(void)
{
    struct error *err = NULL;
    struct cpu *cpu;

    memory_region_init(&root, "root", 0);
    memory_region_init_ram(&ram, "ram", RAM, NULL);
    memory_region_add(&root, 0, &ram);
    memory_region_init(&ports, "io", 0x10000);
    address_space_init(&memory, "memory", &root);
    address_space_init(&io, "io", &ports);
    cpu = cpu_create(X86_64 ? "qemu64" : "pentium3", &memory, &io, &err);
    if (!cpu) {
        printf("# %s\n", error_text(err));
    }
    return cpu;
}

static void triple_fault(void *opaque)
{
    printf("# triple fault\n");
}

/* Runs from LOAD in real mode until the guest halts; false when it does not within five seconds. */
static bool run_guest_code(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);
    pthread_condattr_t attr;
    pthread_cond_t never;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&never, &attr);
    x86_seg_set(env, SEG_CS, LOAD >> 4, LOAD, 0xffff,
                DESC_P | DESC_S | DESC_CODE | DESC_RW | DESC_A);
    env->pc = 0;
    x86_update_mode(env);
    x86_cpu_on_triple_fault(cpu, triple_fault, NULL);
    cpu_start_all();
    cpu_resume_all();
    for (int i = 0; i < 500 && !cpu->halted; i++) {
        big_lock_wait_for(&never, 10 * NS_PER_MS);
    }
    cpu_stop_all();
    return cpu->halted;
}

int main(void)
{
    const uint32_t *log;
    struct cpu *cpu;

    big_lock();
    cpu = make_machine();
    if (!ok(cpu != NULL, "a CPU is made")) {
        return tap_done();
    }
    address_space_write(&memory, LOAD, guest_code, (size_t)(guest_end - guest_code));
    if (!ok(run_guest_code(cpu), "the guest halts")) {
        x86_debug_print(cpu, stdout);
    }
    log = (const uint32_t *)((uint8_t *)memory_region_host(&ram) + LOG);
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        char name[40];

        snprintf(name, sizeof(name), "note %u is %x", i, wanted[i]);
        is_int(log[i], wanted[i], name);
        if (log[i] != wanted[i]) {
            break;
        }
    }
    return tap_done();
}
