/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page walks of every kind, driven directly: rights, error codes, accessed and dirty bits. */
#include <setjmp.h>

#include "base/error.h"
#include "base/lock.h"
#include "hw/core/memory.h"
#include "target-i386/sys.h"
#include "tests/tap.h"

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100, RAM = 16 << 20 };
#define NX (1ull << 63)

static struct memory_region root, ram, ports;
static struct address_space memory, io;
static struct cpu *cpu;
static struct x86_env *env;

static void make_machine(const char *model)
{
    struct error *err = NULL;

    memory_region_init(&root, "root", 0);
    memory_region_init_ram(&ram, "ram", RAM, NULL);
    memory_region_add(&root, 0, &ram);
    memory_region_init(&ports, "io", 0x10000);
    address_space_init(&memory, "memory", &root);
    address_space_init(&io, "io", &ports);
    cpu = cpu_create(model, &memory, &io, &err);
    if (!cpu) {
        printf("# %s\n", error_text(err));
        return;
    }
    env = x86_env(cpu);
}

static void put(uint64_t at, unsigned size, uint64_t v)
{
    address_space_st(&memory, at, size, ENDIAN_LITTLE, v);
}

static uint64_t get(uint64_t at, unsigned size)
{
    uint64_t v;

    address_space_ld(&memory, at, size, ENDIAN_LITTLE, &v);
    return v;
}

/* The physical address, or the negated error code of the #PF minus one, or -1000 - other vector. */
static int64_t walk(uint64_t vaddr, enum mmu_access access, unsigned idx, struct tlb_fill *fill)
{
    env->hot.ra = 0;
    if (sigsetjmp(cpu->jmp, 0)) {
        int vector = cpu->exception;

        cpu->exception = -1;
        return vector == EXC_PF ? -1 - (int64_t)cpu->error_code : -1000 - vector;
    }
    x86_fill_tlb(cpu, vaddr, access, idx, false, fill);
    return (int64_t)(fill->paddr | (vaddr & 0xfff));
}

static int64_t fault(unsigned code)
{
    return -1 - (int64_t)code;
}

static void paging(uint64_t cr3, uint64_t cr4, uint64_t efer)
{
    x86_set_cr0(env, 0);
    env->cr[3] = cr3;
    env->cr[4] = cr4;
    env->efer = efer;
    x86_set_cr0(env, CR0_PE | CR0_PG | CR0_WP);
    env->efer = efer;
    tlb_flush(cpu);
    x86_update_mode(env);
}

static void test_legacy(void)
{
    struct tlb_fill fill;

    put(0x1000 + 4 * 1, 4, 0x2000 | P | W | U);         /* 4 MiB..8 MiB */
    put(0x2000 + 4 * 3, 4, 0x5000 | P | W | U);
    put(0x2000 + 4 * 4, 4, 0x6000 | P | U);
    put(0x2000 + 4 * 5, 4, 0x7000 | P | W);
    put(0x1000 + 4 * 2, 4, 0x800000 | P | W | PS | G);
    paging(0x1000, 0, 0);
    is_int(walk(0x403123, MMU_READ, MMU_USER, &fill), 0x5123, "a 4K page is found");
    is_int(fill.prot, 1 << MMU_READ | 1 << MMU_FETCH, "a clean page may not be written yet");
    is_int(get(0x2000 + 4 * 3, 4) & (A | D), A, "reading sets accessed only");
    is_int(get(0x1000 + 4 * 1, 4) & (A | D), A, "the directory is marked accessed");
    is_int(walk(0x403000, MMU_WRITE, MMU_USER, &fill), 0x5000, "and writing works");
    is_int(fill.prot, 7, "now it may be written");
    is_int(get(0x2000 + 4 * 3, 4) & (A | D), A | D, "writing sets dirty");
    is_int(walk(0x404000, MMU_WRITE, MMU_USER, &fill), fault(7), "user write to read-only: P W U");
    is_int(env->fault_addr, 0x404000, "the fault address is kept");
    is_int(walk(0x404000, MMU_WRITE, MMU_KERNEL, &fill), fault(3), "kernel with WP: P W");
    is_int(walk(0x405000, MMU_READ, MMU_USER, &fill), fault(5), "user read of kernel page: P U");
    is_int(walk(0x406000, MMU_READ, MMU_USER, &fill), fault(4), "no page: U");
    is_int(walk(0x406000, MMU_FETCH, MMU_KERNEL, &fill), fault(0), "no I/D bit without NX");
    is_int(walk(0x801000, MMU_READ, MMU_KERNEL, &fill), fault(0), "PS means nothing without PSE");
    paging(0x1000, CR4_PSE | CR4_PGE, 0);
    is_int(walk(0x801234, MMU_READ, MMU_KERNEL, &fill), 0x801234, "with PSE it is a 4M page");
    is_int(fill.page_bits, 22, "of 22 bits");
    ok(fill.global, "that is global");
    put(0x1000 + 4 * 2, 4, 0x800000 | P | PS | 1 << 21);
    is_int(walk(0x801234, MMU_READ, MMU_KERNEL, &fill), fault(9), "bit 21 is reserved");
    env->cr[0] &= ~(uint64_t)CR0_WP;
    is_int(walk(0x404000, MMU_WRITE, MMU_KERNEL, &fill), 0x6000, "without WP the kernel writes");
}

static void test_pae(void)
{
    struct tlb_fill fill;

    put(0x3000 + 8 * 1, 8, 0x4000 | P);
    put(0x4000 + 8 * 0, 8, 0x200000 | P | W | U | PS);
    put(0x4000 + 8 * 1, 8, 0x5000 | P | W | U);
    put(0x5000 + 8 * 2, 8, 0x9000 | P | U | NX);
    paging(0x3000, CR4_PAE, EFER_NXE);
    is_int(walk(0x40001234, MMU_READ, MMU_USER, &fill), 0x201234, "PAE: a 2M page");
    is_int(fill.page_bits, 21, "of 21 bits");
    is_int(walk(0x40202010, MMU_READ, MMU_USER, &fill), 0x9010, "PAE: a 4K page");
    is_int(walk(0x40202010, MMU_FETCH, MMU_USER, &fill), fault(0x15), "NX: P U I");
    is_int(walk(0x40203010, MMU_FETCH, MMU_USER, &fill), fault(0x14), "not present: U I");
    paging(0x3000, CR4_PAE, 0);
    is_int(walk(0x40202010, MMU_READ, MMU_USER, &fill), fault(0xd),
           "without NXE the bit is reserved");
}

#if TARGET_WORD_BITS == 64
static void test_long(void)
{
    struct tlb_fill fill;
    uint64_t high = 0xffff800000000000ull;

    put(0x6000 + 8 * 256, 8, 0x7000 | P | W | U);
    put(0x7000, 8, 0x8000 | P | W | U);
    put(0x8000 + 8, 8, 0x400000 | P | W | U | PS);
    put(0x8000 + 16, 8, 0x600000 | P | W | PS | G);
    put(0x7000 + 8, 8, 0x40000000 | P | W | PS);
    paging(0x6000, CR4_PAE | CR4_PGE | CR4_SMEP, EFER_LME | EFER_LMA | EFER_NXE);
    is_int(walk(high + 0x200567, MMU_WRITE, MMU_USER, &fill), 0x400567, "long: a 2M page");
    is_int(walk(high + 0x200567, MMU_FETCH, MMU_KERNEL, &fill), fault(0x11), "SMEP: P I");
    is_int(walk(high + 0x200567, MMU_READ, MMU_KERNEL_SMAP, &fill), fault(1), "SMAP: P");
    is_int(walk(high + 0x200567, MMU_READ, MMU_KERNEL, &fill), 0x400567, "SMAP suspended");
    is_int(walk(high + 0x400000, MMU_READ, MMU_KERNEL_SMAP, &fill), 0x600000, "a kernel page");
    is_int(walk(high + (1 << 30), MMU_READ, MMU_KERNEL, &fill), fault(9), "no 1G pages in qemu64");
    env->cpuid_ext_edx |= 1 << FXD_PDPE1GB;
    is_int(walk(high + (1 << 30) + 0x12345678, MMU_READ, MMU_KERNEL, &fill), 0x52345678,
           "a 1G page");
    is_int(fill.page_bits, 30, "of 30 bits");
    is_int(walk(0x800000000000, MMU_READ, MMU_KERNEL, &fill), -1000 - EXC_GP,
           "an address that is not canonical: #GP");
    put(0x8000 + 8, 8, 0x400000 | P | W | U | PS | 1ull << 51);
    is_int(walk(high + 0x200567, MMU_READ, MMU_KERNEL, &fill), fault(9),
           "physical bits that are not there");
    ok(!x86_fill_tlb(cpu, high + 0x700000, MMU_READ, MMU_KERNEL, true, &fill),
       "a probe just fails");
}
#endif

static void test_a20(void)
{
    struct tlb_fill fill;

    x86_set_cr0(env, 0);
    env->efer = 0;
    env->a20_mask_off = 1 << 20;
    is_int(walk(0x100010, MMU_READ, MMU_KERNEL, &fill), 0x10, "A20 gated wraps at 1M");
    env->a20_mask_off = 0;
    is_int(walk(0x100010, MMU_READ, MMU_KERNEL, &fill), 0x100010, "A20 on does not");
}

int main(void)
{
    big_lock();
    make_machine(X86_64 ? "qemu64" : "pentium3,+nx");
    if (!ok(cpu != NULL, "a CPU is made")) {
        return tap_done();
    }
    test_legacy();
    test_pae();
#if TARGET_WORD_BITS == 64
    test_long();
#endif
    test_a20();
    return tap_done();
}
