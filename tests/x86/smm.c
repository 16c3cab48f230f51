/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System management mode: entry, the save area, relocation of SMBASE, RSM, an SMI that ends HLT. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/lock.h"
#include "hw/core/memory.h"
#include "hw/i386/x86-cpu.h"
#include "target-i386/sys.h"
#include "tests/tap.h"

enum { RAM = 2 << 20, LOAD = 0x10000, LOG = 0x7000, HANDLER = 0x38000, MOVED = 0x48000 };

extern const uint8_t smm_guest[], smm_handler[], smm_moved[], smm_end[];

__asm__(
    ".section .rodata\n.intel_syntax noprefix\n.code16\n"
    "smm_guest:\n"
    " mov [0x7010], eax\n"                  /* as the handler left it */
    " mov byte ptr [0x7014], 1\n hlt\n"
    " mov byte ptr [0x7014], 2\n hlt\n"
    "smm_handler:\n"
    " xor ax, ax\n mov ds, ax\n"
    " mov dword ptr [0x7000], 0x534d4d\n"
    " mov eax, cs:[0xfefc]\n mov [0x7004], eax\n"
    " mov eax, cr0\n and eax, 0x80000001\n mov [0x7008], eax\n"
    " mov ebx, 0x100000\n mov dword ptr [ebx], 0xf1a7\n"        /* segments reach 4 GiB */
    " cmp byte ptr cs:[0xfefe], 2\n jne 1f\n"
    " cmp word ptr cs:[0xfefc], 0x64\n jne 1f\n"
    " mov dword ptr cs:[0xfff8], 0x1234abcd\n mov dword ptr cs:[0xff00], 0x40000\n rsm\n"
    "1: mov dword ptr cs:[0xffd0], 0x1234abcd\n mov dword ptr cs:[0xfef8], 0x40000\n rsm\n"
    "smm_moved:\n"
    " xor ax, ax\n mov ds, ax\n mov ax, cs\n mov [0x700c], ax\n rsm\n"
    "smm_end:\n"
#ifdef __x86_64__
    ".code64\n"
#endif
    ".att_syntax prefix\n.previous\n");

static struct memory_region root, ram, ports;
static struct address_space memory, io;
static pthread_cond_t never;

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

/* Until the guest halts for the nth time; false after five seconds. */
static bool wait_for(struct cpu *cpu, const uint8_t *log, int n)
{
    for (int i = 0; i < 500 && !(log[0x14] == n && cpu->halted); i++) {
        big_lock_wait_for(&never, 10 * NS_PER_MS);
    }
    return log[0x14] == n && cpu->halted;
}

static void start(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&never, &attr);
    x86_seg_set(env, SEG_CS, LOAD >> 4, LOAD, 0xffff,
                DESC_P | DESC_S | DESC_CODE | DESC_RW | DESC_A);
    env->pc = 0;
    x86_update_mode(env);
    address_space_write(&memory, LOAD, smm_guest, (size_t)(smm_handler - smm_guest));
    address_space_write(&memory, HANDLER, smm_handler, (size_t)(smm_moved - smm_handler));
    address_space_write(&memory, MOVED, smm_moved, (size_t)(smm_end - smm_moved));
    x86_cpu_smi(cpu);
    cpu_start_all();
    cpu_resume_all();
}

int main(void)
{
    const uint8_t *host;
    struct cpu *cpu;
    uint32_t log[6];

    big_lock();
    cpu = make_machine();
    if (!ok(cpu != NULL, "a CPU is made")) {
        return tap_done();
    }
    host = memory_region_host(&ram);
    start(cpu);
    ok(wait_for(cpu, host + LOG, 1), "the program goes on after RSM");
    memcpy(log, host + LOG, sizeof(log));
    is_int(log[0], 0x534d4d, "the handler ran before the first instruction");
    is_int(log[1] & ~0x64u, 0x20000, "the save area has its revision");
    is_int(log[2], 0, "protection and paging are off in it");
    is_int(host[0x100000] | host[0x100001] << 8, 0xf1a7, "its segments reach beyond 64 KiB");
    is_int(log[4], 0x1234abcd, "RSM loads a register that the handler has changed");
    x86_cpu_smi(cpu);
    ok(wait_for(cpu, host + LOG, 2), "an SMI ends HLT");
    memcpy(log, host + LOG, sizeof(log));
    is_int(log[3] & 0xffff, 0x4000, "the second one enters at the new SMBASE");
    ok(!x86_env(cpu)->in_smm && x86_env(cpu)->segs[SEG_CS].base == LOAD, "and returns, too");
    cpu_stop_all();
    return tap_done();
}
