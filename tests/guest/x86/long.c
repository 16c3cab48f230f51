/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Enters long mode and runs its table; what the rows name is in long-checks.c. */
#include "long.h"

struct state64 in64, seen64;
uint8_t ist_stack[1024] __attribute__((aligned(16)));
static uint8_t trap_stack64[2048] __attribute__((aligned(16)));
static uint8_t user_stack64[2048] __attribute__((aligned(16)));
uint64_t idt64[256][2];
struct tss64 tss64;
#define TABLE(name) uint64_t name[512] __attribute__((aligned(4096)))
TABLE(pml4);
TABLE(test_pdpt);
TABLE(test_pd);
TABLE(test_pt);
static TABLE(pdpt);
static TABLE(pd);
extern const struct test tests64_start[], tests64_end[];
extern uint8_t stubs64[256][16], gate64_target[];

static void fill_gdt64(void)
{
    static const struct { uint32_t sel, type; } rows[] = {
        { SEL_CODE, 0xc9b }, { SEL_DATA, 0xc93 }, { SEL_UCODE, 0xcfb }, { SEL_UDATA, 0xcf3 },
        { SEL_LONG_BOTH, 0xe9b }, { SEL_CODE64, 0xa9b }, { SEL_DATA64, 0xc93 },
        { SEL_UCODE32, 0xcfb }, { SEL_UDATA32, 0xcf3 }, { SEL_UCODE64, 0xafb },
        { SEL_UDATA64, 0xcf3 },
    };

    memset(gdt, 0, sizeof gdt);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        gdt[rows[i].sel / 8] = descriptor(0, 0xfffff, rows[i].type);
    }
    gdt[SEL_TSS64 / 8] = descriptor((uint32_t)&tss64, sizeof tss64 - 1, 0x89);
    gdt[SEL_GATE64 / 8] = gate(SEL_CODE64, gate64_target, 0xec);
    gdt[SEL_GATE64_COMPAT / 8] = gate(SEL_CODE, gate64_target, 0xec);
    gdt[SEL_GATE64_TYPE / 8] = gate(SEL_CODE64, gate64_target, 0xec);
    gdt[SEL_GATE64_TYPE / 8 + 1] = 1ull << 40;
}

/* Maps the window at LOW64 and HIGH64. */
static void fill_test_tables(void)
{
    memset(&pml4[1], 0, sizeof pml4 - sizeof pml4[0]);
    memset(test_pdpt, 0, sizeof test_pdpt);
    memset(test_pd, 0, sizeof test_pd);
    memset(test_pt, 0, sizeof test_pt);
    pml4[LOW64 >> 39 & 511] = pml4[HIGH64 >> 39 & 511] = (uint32_t)test_pdpt | 7;
    test_pdpt[LOW64 >> 30 & 511] = (uint32_t)test_pd | 7;
    test_pd[0] = (uint32_t)test_pt | 7;
    test_pt[0] = (uint32_t)window | 7;
}

/* The first GiB is mapped to itself by large pages for both rings. */
static void fill_tables(void)
{
    for (uint32_t i = 0; i < 512; i++) {
        pd[i] = (i << 21) | PTE_PS | 7;
    }
    pml4[0] = (uint32_t)pdpt | 7;
    pdpt[0] = (uint32_t)pd | 7;
}

static void load_tables64(void)
{
    struct { uint16_t limit; void *base; } __attribute__((packed))
        gdtr = { sizeof gdt - 1, gdt }, idtr = { sizeof idt64 - 1, idt64 };

    asm volatile("lgdt %0\nlidt %1\nltr %w2" : : "m"(gdtr), "m"(idtr), "r"(SEL_TSS64));
    asm volatile("mov %0, %%ds\nmov %0, %%es\nmov %0, %%fs\nmov %0, %%gs\nmov %0, %%ss"
                 : : "r"(SEL_DATA));
}

void long_reset(void)
{
    fill_test_tables();
    WRITE_REG(cr3, pml4);
    fill_gdt64();
    memset(window_area, 0xcc, sizeof window_area);
    for (uint32_t v = 0; v < 256; v++) {
        bool user = v == BP || v == OF || v == DONE;
        idt64[v][0] = gate(SEL_CODE64, stubs64[v], user ? 0xee : 0x8e);
        idt64[v][1] = 0;
    }
    memset(&tss64, 0, sizeof tss64);
    tss64.rsp[0] = (uint32_t)(trap_stack64 + sizeof trap_stack64);
    tss64.ist[0] = (uint32_t)(ist_stack + sizeof ist_stack);
    tss64.iomap = sizeof tss64;
    load_tables64();
    WRITE_REG(cr0, 0x80010031);
    WRITE_REG(cr4, 0x620);
    write_msr(EFER, 0xd01);
    write_msr(SYSENTER_CS, 0);
    memset(&in64, 0, sizeof in64);
}

void run64(uint32_t mode, uint32_t flags, uint32_t code)
{
    static const uint16_t cs[] = { SEL_CODE64, 0, 0, SEL_UCODE64, SEL_CODE, 0, 0, SEL_UCODE32 };
    bool user = mode & 3;

    in64.rip = code;
    in64.cs = cs[mode];
    in64.rflags = flags | 2;
    in64.ss = user ? SEL_UDATA64 : SEL_DATA64;
    in64.ds = user ? SEL_UDATA64 : SEL_DATA64;
    in64.rsp = (uint32_t)(user_stack64 + sizeof user_stack64 - 256);
    memset(&seen64, 0xee, sizeof seen64);
    enter64();
}

/* From 32-bit code with paging off. */
static void enter_long(void)
{
    fill_tables();
    WRITE_REG(cr4, 0x20);
    WRITE_REG(cr3, pml4);
    write_msr(EFER, 0xd01);
    WRITE_REG(cr0, 0x80000031);
    long_reset();
}

static void leave_long(void)
{
    WRITE_REG(cr0, 0x31);
    write_msr(EFER, 0);
    world_reset();
}

static void run_table64(void)
{
    bool intel = cpuid(0, EBX) == 0x756e6547; /* "Genu" */

    for (const struct test *t = tests64_start; t < tests64_end; t++) {
        /* A selector error of a row that has no room for it stands above its vector. */
        uint32_t vector = t->vector & 0xff, error = t->error | t->vector >> 8;

        if (((t->mode & FATAL) && tolerant) || ((t->mode & INTEL) && !intel)) {
            continue;
        }
        current = t;
        long_reset();
        if (t->setup) {
            t->setup();
        }
        run64(t->mode & 0xff, t->flags, t->start);
        bool good = seen64.vector == vector && seen64.error == error &&
                    (vector == DONE || (t->mode & ANYWHERE) || seen64.rip == t->at);
        bool right = good && (!t->verify || t->verify());
        ok(right, "%s", t->title);
        if (!good) {
            note("  want vector %d error 0x%x rip 0x%x", vector, error, t->at);
            note("  seen vector %d error 0x%x rip 0x%x:%x cs 0x%x", (uint32_t)seen64.vector,
                 (uint32_t)seen64.error, (uint32_t)(seen64.rip >> 32), (uint32_t)seen64.rip,
                 (uint32_t)seen64.cs);
        } else if (!right) {
            note("  the event is right, what it left behind is not");
        }
    }
}

void test_long(void)
{
    start_group("long mode");
    if (cpuid(0x80000000, EAX) < 0x80000001 || !(cpuid(0x80000001, EDX) >> 29 & 1)) {
        return;
    }
    enter_long();
    run_table64();
    long_reset();
    start_group("long mode descriptors");
    test_long_matrix();
    long_reset();
    start_group("long mode pages");
    test_long_pages();
    leave_long();
}
