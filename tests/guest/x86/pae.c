/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Three-level paging: rights with NX, reserved bits, page-directory pointers; SMEP, SMAP, UMIP. */
#include "pages.h"

#define NX (1ull << 63)
enum { EFER = 0xc0000080 };
static uint64_t pointers[4] __attribute__((aligned(32)));
static uint64_t directory[512] __attribute__((aligned(4096)));
static uint64_t test_table[512] __attribute__((aligned(4096)));
#define PTE test_table[0]
#define PDE directory[TEST_VA >> 21]

CODE(load_cr3, "mov %eax, %cr3");
CODE(read_supervisor, "movb (%ebx), %al");
CODE(read_with_ac, ".byte 0x0f, 0x01, 0xcb; movb (%ebx), %al; .byte 0x0f, 0x01, 0xca");
CODE(store_gdt, "sgdt -16(%esp)");
CODE(store_machine_word, "smsw %eax");

static void map(void)
{
    for (unsigned i = 0; i < 512; i++) {
        directory[i] = i < 4 ? (i << 21 | PTE_PS | 7) : 0;
        test_table[i] = 0;
    }
    pointers[0] = (uint32_t)directory | PTE_P;
    pointers[1] = pointers[2] = pointers[3] = 0;
    PDE = (uint32_t)test_table | 7;
    PTE = (uint32_t)window | 7;
    window[0] = 0xcd;
    window[1] = DONE;
    WRITE_REG(cr3, pointers);
}

/* bits: P, W, U and, as bit 3, NX, for both levels. */
static bool one_combination(uint32_t pde, uint32_t pte, uint32_t mode, enum access access,
                            bool nxe)
{
    uint32_t both = pde & pte, error;
    struct rights r = { both & PTE_P, both & PTE_W, both & PTE_U, (pde | pte) & 8, nxe };
    uint32_t va = TEST_VA + (access == EXEC ? 0 : 0x123);

    PDE = (uint32_t)test_table | (pde & 7) | (pde & 8 ? NX : 0);
    PTE = (uint32_t)window | (pte & 7) | (pte & 8 ? NX : 0);
    WRITE_REG(cr3, pointers);
    page_access(mode, access, va);
    bool fault = rights_fault(&r, mode, access, 0x10000, &error);
    bool good = fault ? page_fault_seen(error, va, access) : seen.vector == DONE;
    if (!good) {
        note("pde %x pte %x ring %d access %d: vector %d error %x, want %s %x", pde, pte, mode,
             access, seen.vector, seen.error, fault ? "fault" : "none", error);
    }
    return good;
}

static void all_rights(bool nxe)
{
    static const char *const names[] = { "read", "write", "execute" };

    for (int n = 0; n < 6; n++) {
        uint32_t mode = n & 1 ? RING3 : RING0;
        bool good = true;
        for (uint32_t bits = 0; bits < 256; bits++) {
            if (nxe || !(bits & 0x88)) {
                good &= one_combination(bits & 15, bits >> 4, mode, n / 2, nxe);
            }
        }
        ok(good, "%s in ring %d, NXE=%d: all rights", names[n / 2], mode, nxe);
    }
}

static void reserved(const char *title, uint64_t *entry, uint64_t bit)
{
    uint64_t old = *entry;

    *entry |= bit;
    WRITE_REG(cr3, pointers);
    page_access(RING3, READ, TEST_VA);
    expect_page_fault(title, ERR_P | ERR_U | ERR_RSVD, TEST_VA, READ);
    *entry = old;
}

static void reserved_bits(void)
{
    map();
    reserved("reserved bit 62 of a table entry", &PTE, 1ull << 62);
    reserved("reserved bit 52 of a directory entry", &PDE, 1ull << 52);
    PDE = 0x200000 | PTE_PS | 7;
    reserved("reserved bit 13 of a 2 MiB page", &PDE, 1 << 13);
    map();
    pointers[1] = 2 | PTE_P;
    in.eax = (uint32_t)pointers;
    expect("reserved bit of a pointer at mov to cr3", RING0, 0, load_cr3, GP, 0, load_cr3);
    pointers[1] = 0;
    in.eax = (uint32_t)pointers;
    expect("missing pointers may be loaded", RING0, 0, load_cr3, DONE, 0, NULL);
    page_access(RING3, READ, 0x40000000);
    expect_page_fault("missing pointer", ERR_U, 0x40000000, READ);
}

static void no_execute(void)
{
    if (cpuid(0x80000000, EAX) < 0x80000001 || !(cpuid(0x80000001, EDX) >> 20 & 1)) {
        return;
    }
    map();
    reserved("NX is reserved without NXE", &PTE, NX);
    write_msr(EFER, 0x800);
    map();
    all_rights(true);
    map();
    test_table[1] = (uint32_t)(window + 0x1000) | 7 | NX;
    window[0xffe] = 0xb8;
    WRITE_REG(cr3, pointers);
    page_access(RING3, EXEC, TEST_VA + 0xffe);
    ok(faulted(PF, ERR_P | ERR_U | ERR_I, (void *)(TEST_VA + 0xffe)) &&
           seen_cr2 == TEST_VA + 0x1000, "fetch across into an NX page");
    world_reset();
    write_msr(EFER, 0);
}

/* With user pages barred from ring 0, the identity map is a supervisor's. */
static void supervisor_guards(void)
{
    uint32_t features = cpuid(0, EAX) >= 7 ? cpuid(7, EBX) : 0;

    identity_map(3);
    if (features >> 7 & 1) {
        paging_on(0, 1 << 20);
        page_access(RING0, EXEC, TEST_VA);
        expect_page_fault("SMEP", ERR_P | ERR_I, TEST_VA, EXEC);
        page_access(RING0, READ, TEST_VA);
        ok(seen.vector == DONE, "SMEP lets data through");
    }
    if (features >> 20 & 1) {
        paging_on(0, 1 << 21);
        page_access(RING0, READ, TEST_VA);
        expect_page_fault("SMAP: read", ERR_P, TEST_VA, READ);
        page_access(RING0, WRITE, TEST_VA);
        expect_page_fault("SMAP: write", ERR_P | ERR_W, TEST_VA, WRITE);
        in.ebx = TEST_VA;
        expect("SMAP with EFLAGS.AC", RING0, FL_AC, read_supervisor, DONE, 0, NULL);
        in.ebx = TEST_VA;
        expect("SMAP: stac and clac", RING0, 0, read_with_ac, DONE, 0, NULL);
    }
    world_reset();
    if (cpuid(0, EAX) >= 7 && (cpuid(7, ECX) >> 2 & 1)) {
        WRITE_REG(cr4, 1 << 11);
        expect("UMIP: sgdt", RING3, 0, store_gdt, GP, 0, store_gdt);
        expect("UMIP: smsw", RING3, 0, store_machine_word, GP, 0, store_machine_word);
        expect("UMIP: sgdt in ring 0", RING0, 0, store_gdt, DONE, 0, NULL);
    }
}

void test_pae(void)
{
    start_group("pae");
    if (HAS(6)) {
        map();
        paging_on(0x10000, 0x20);
        all_rights(false);
        reserved_bits();
        no_execute();
        world_reset();
    }
    start_group("supervisor guards");
    supervisor_guards();
}
