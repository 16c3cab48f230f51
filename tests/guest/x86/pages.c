/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two-level paging: every combination of rights, boundaries, large pages, accessed and dirty. */
#include "pages.h"

#define TABLE(name) static uint32_t name[1024] __attribute__((aligned(4096)))
TABLE(directory);
TABLE(low_table);
TABLE(high_table);
TABLE(test_table);
#define PTE test_table[0]
#define PDE directory[TEST_VA >> 22]

CODE(read_byte, "movb (%ebx), %al");
CODE(write_byte, "movb %al, (%ebx)");
CODE(jump_there, "jmp *%ebx");
CODE(read_dword, "mov (%ebx), %eax");
CODE(write_dword, "mov %eax, (%ebx)");
CODE(add_dword, "addl $1, (%ebx)");
CODE(compare_fails, "xor %eax, %eax; lock; cmpxchg %ecx, (%ebx)");
CODE(push_there, "mov %ebx, %esp; 1: push %eax");
CODE(call_there, "mov %ebx, %esp; 1: call 2f; 2:");
CODE(pusha_there, "mov %ebx, %esp; 1: pusha");
CODE(enter_there, "mov %ebx, %esp; 1: enter $0x20, $0");
CODE(copy_there, "rep movsl");
CODE(pop_there, "push $5; 1: popl (%ebx)");
CODE(load_ldt_segment, "mov $7, %eax; 1: mov %eax, %fs");
CODE(far_there, "1: lcall *(%ebx)");

bool rights_fault(const struct rights *r, uint32_t mode, enum access access, uint32_t cr0,
                  uint32_t *error)
{
    bool user = mode == RING3, write = access == WRITE;
    bool denied = (user && !r->user) || (write && !r->writable && (user || (cr0 & 0x10000))) ||
                  (access == EXEC && r->no_exec);

    *error = (r->present ? ERR_P : 0) | (write ? ERR_W : 0) | (user ? ERR_U : 0) |
             (access == EXEC && r->checks_exec ? ERR_I : 0);
    return !r->present || denied;
}

void page_access(uint32_t mode, enum access access, uint32_t va)
{
    const void *code[] = { read_byte, write_byte, jump_there };

    in.ebx = va;
    run(mode, 0, code[access]);
}

bool page_fault_seen(uint32_t error, uint32_t cr2, enum access access)
{
    const void *at[] = { read_byte, write_byte, (void *)cr2 };
    return faulted(PF, error, at[access]) && seen_cr2 == cr2;
}

void expect_page_fault(const char *title, uint32_t error, uint32_t cr2, enum access access)
{
    bool good = page_fault_seen(error, cr2, access);

    ok(good, "%s", title);
    if (!good) {
        note("  want error 0x%x cr2 0x%x", error, cr2);
        note("  seen vector %d error 0x%x cr2 0x%x eip 0x%x", seen.vector, seen.error, seen_cr2,
             seen.eip);
    }
}

void paging_on(uint32_t cr0, uint32_t cr4)
{
    if (cr4) {
        WRITE_REG(cr4, cr4);
    }
    WRITE_REG(cr0, 0x80000031 | cr0);
}

/* Maps the first 8 MiB to themselves and, at TEST_VA, the window. */
void identity_map(uint32_t flags)
{
    for (unsigned i = 0; i < 1024; i++) {
        low_table[i] = i << 12 | flags;
        high_table[i] = (1024 + i) << 12 | flags;
        test_table[i] = 0;
        directory[i] = 0;
    }
    directory[0] = (uint32_t)low_table | 7;
    directory[1] = (uint32_t)high_table | 7;
    PDE = (uint32_t)test_table | 7;
    PTE = (uint32_t)window | 7;
    window[0] = window[0x123] = 0xcd;
    window[1] = window[0x124] = DONE;
    WRITE_REG(cr3, directory);
}

static bool accessed_right(enum access access)
{
    bool dirty = PTE & PTE_D;
    return (PDE & PTE_A) && (PTE & PTE_A) && dirty == (access == WRITE);
}

/* One combination; pde and pte are P, W, U bits. */
static bool one_combination(uint32_t pde, uint32_t pte, uint32_t mode, enum access access,
                            uint32_t cr0)
{
    uint32_t both = pde & pte, error, va = TEST_VA + (access == EXEC ? 0 : 0x123);
    struct rights r = { both & PTE_P, both & PTE_W, both & PTE_U, false, false };

    PDE = (uint32_t)test_table | pde;
    PTE = (uint32_t)window | pte;
    WRITE_REG(cr3, directory);
    page_access(mode, access, va);
    bool good;
    if (rights_fault(&r, mode, access, cr0, &error)) {
        good = page_fault_seen(error, va, access) && !(PTE & PTE_D);
    } else {
        good = seen.vector == DONE && accessed_right(access);
    }
    if (!good) {
        note("pde %x pte %x ring %d: vector %d error %x cr2 %x eip %x, now pde %x pte %x", pde, pte,
             mode, seen.vector, seen.error, seen_cr2, seen.eip, PDE & 0xfff, PTE & 0xfff);
    }
    return good;
}

static void all_rights(void)
{
    static const char *const names[] = { "read", "write", "execute" };

    for (int n = 0; n < 12; n++) {
        uint32_t mode = n & 1 ? RING3 : RING0, cr0 = n & 2 ? 0x10000 : 0;
        enum access access = n / 4;
        bool good = true;
        paging_on(cr0, 0);
        for (uint32_t bits = 0; bits < 64; bits++) {
            good &= one_combination(bits & 7, bits >> 3, mode, access, cr0);
        }
        ok(good, "%s in ring %d with WP=%d: all rights, A and D", names[access], mode, cr0 != 0);
    }
}

static bool fault_at(const char *title, uint32_t mode, const uint8_t *code, const void *at,
                     uint32_t va, uint32_t error, uint32_t cr2)
{
    in.ebx = va;
    run(mode, 0, code);
    bool good = faulted(PF, error, at) && seen_cr2 == cr2;
    ok(good, "%s", title);
    if (!good) {
        note("vector %d error %x cr2 %x eip %x", seen.vector, seen.error, seen_cr2, seen.eip);
    }
    return good;
}

/* The page after TEST_VA is missing unless a test maps it. */
static void boundaries(void)
{
    const uint32_t end = TEST_VA + 0x1000;

    fault_at("read across into a missing page", RING3, read_dword, read_dword, end - 1, ERR_U, end);
    window[0xffe] = 0x55;
    fault_at("write across into a missing page", RING3, write_dword, write_dword, end - 2,
             ERR_U | ERR_W, end);
    ok(window[0xffe] == 0x55, "the first part is not written");
    PTE &= ~PTE_W;
    test_table[1] = (uint32_t)(window + 0x1000) | 7;
    invlpg(TEST_VA);
    window[0x1000] = 0x66;
    fault_at("write across from a read-only page", RING3, write_dword, write_dword, end - 2,
             ERR_P | ERR_U | ERR_W, end - 2);
    ok(window[0x1000] == 0x66, "the second part is not written");
    PTE |= PTE_W;
    test_table[1] = 0;
    invlpg(TEST_VA);
    invlpg(end);
    window[0xffe] = 0xb8; /* mov $imm, %eax */
    fault_at("fetch across into a missing page", RING3, jump_there, (void *)(end - 2), end - 2,
             ERR_U, end);
    window[0xffe] = window[0xfff] = 0x90;
    fault_at("running into a missing page", RING3, jump_there, (void *)end, end - 2, ERR_U, end);
}

static void stack_faults(void)
{
    const uint32_t end = TEST_VA + 0x1000;

    test_table[1] = (uint32_t)(window + 0x1000) | 7;
    PTE = 0;
    WRITE_REG(cr3, directory);
    fault_at("push", RING3, push_there, push_there_at, end, ERR_U | ERR_W, end - 4);
    ok(seen.esp == end, "push keeps esp");
    fault_at("push across", RING3, push_there, push_there_at, end + 2, ERR_U | ERR_W, end - 2);
    fault_at("call", RING3, call_there, call_there_at, end, ERR_U | ERR_W, end - 4);
    ok(seen.esp == end, "call keeps esp");
    in.ebx = end + 8;
    run(RING3, 0, pusha_there);
    ok(faulted(PF, ERR_U | ERR_W, pusha_there_at) && seen_cr2 >= end - 24 && seen_cr2 < end,
       "pusha half in a missing page");
    ok(seen.esp == end + 8, "pusha keeps esp");
    in.ebp = 0x1234;
    fault_at("enter", RING3, enter_there, enter_there_at, end, ERR_U | ERR_W, end - 4);
    ok(seen.esp == end && seen.ebp == 0x1234, "enter keeps esp and ebp");
    uint32_t esp = in.esp - 4;
    fault_at("pop to memory", RING3, pop_there, pop_there_at, TEST_VA, ERR_U | ERR_W, TEST_VA);
    ok(seen.esp == esp, "pop to memory keeps esp");
}

static void string_faults(void)
{
    const uint32_t end = TEST_VA + 0x1000;

    PTE = 0;
    test_table[1] = (uint32_t)(window + 0x1000) | 7;
    WRITE_REG(cr3, directory);
    in.esi = (uint32_t)window;
    in.edi = end + 0x1000 - 8;
    in.ecx = 5;
    fault_at("rep movs, third store", RING3, copy_there, copy_there, 0, ERR_U | ERR_W,
             end + 0x1000);
    ok(seen.ecx == 3 && seen.edi == end + 0x1000 && seen.esi == (uint32_t)window + 8,
       "rep movs has counted two");
    in.esi = end + 0x1000 - 4;
    in.edi = (uint32_t)window + 0x1800;
    in.ecx = 2;
    fault_at("rep movs, second load", RING3, copy_there, copy_there, 0, ERR_U, end + 0x1000);
    ok(seen.ecx == 1 && seen.esi == end + 0x1000, "rep movs has counted one");
}

static void other_accesses(void)
{
    PTE = (uint32_t)window | PTE_P | PTE_U;
    WRITE_REG(cr3, directory);
    fault_at("read-modify-write is a write", RING3, add_dword, add_dword, TEST_VA,
             ERR_P | ERR_W | ERR_U, TEST_VA);
    *(uint32_t *)window = 1;
    fault_at("failing cmpxchg is a write", RING3, compare_fails, NULL, TEST_VA,
             ERR_P | ERR_W | ERR_U, TEST_VA);
    PTE = 0;
    WRITE_REG(cr3, directory);
    fault_at("far pointer", RING3, far_there, far_there, TEST_VA, ERR_U, TEST_VA);
    asm volatile("lldt %w0" : : "r"(SEL_LDT));
    gdt[SEL_LDT / 8] = descriptor(TEST_VA, 0xff, 0x82);
    asm volatile("lldt %w0" : : "r"(SEL_LDT));
    fault_at("descriptor read in ring 3 is a supervisor's", RING3, load_ldt_segment,
             load_ldt_segment_at, 0, 0, TEST_VA);
    PTE = (uint32_t)window | PTE_P | PTE_W;
    *(uint64_t *)window = descriptor(0, 0xfffff, 0xcf2);
    WRITE_REG(cr3, directory);
    expect("descriptor in a supervisor page", RING3, 0, load_ldt_segment, DONE, 0, NULL);
    asm volatile("lldt %w0" : : "r"(0));
}

static void translation_changes(void)
{
    PTE = (uint32_t)window | 7;
    WRITE_REG(cr3, directory);
    page_access(RING0, WRITE, TEST_VA);
    PTE = 0;
    invlpg(TEST_VA);
    page_access(RING0, READ, TEST_VA);
    expect_page_fault("invlpg drops a translation", 0, TEST_VA, READ);
    PTE = (uint32_t)window | PTE_P | PTE_U;
    paging_on(0, 0);
    page_access(RING0, WRITE, TEST_VA);
    ok(seen.vector == DONE && (PTE & PTE_D), "ring 0 writes read-only pages without WP");
    paging_on(0x10000, 0);
    page_access(RING0, WRITE, TEST_VA);
    expect_page_fault("setting WP needs no flush", ERR_P | ERR_W, TEST_VA, WRITE);
    paging_on(0, 0);
    PTE = (uint32_t)window | 7;
    invlpg(TEST_VA);
    page_access(RING0, READ, TEST_VA);
    ok(!(PTE & PTE_D), "a read leaves D clear");
    page_access(RING0, WRITE, TEST_VA);
    ok(PTE & PTE_D, "a write after the read sets D");
    PTE &= ~(PTE_D | PTE_A);
    invlpg(TEST_VA);
    page_access(RING0, WRITE, TEST_VA);
    ok((PTE & (PTE_D | PTE_A)) == (PTE_D | PTE_A), "cleared A and D are set again");
}

static void global_pages(void)
{
    if (!HAS(13)) {
        return;
    }
    WRITE_REG(cr4, 0x80);
    PTE = (uint32_t)window | 7 | PTE_G;
    WRITE_REG(cr3, directory);
    page_access(RING0, READ, TEST_VA);
    PTE = 0;
    WRITE_REG(cr4, 0);
    page_access(RING0, READ, TEST_VA);
    expect_page_fault("clearing CR4.PGE drops global pages", 0, TEST_VA, READ);
}

static void large_pages(void)
{
    uint32_t *pde = &directory[LARGE_VA >> 22];

    if (!HAS(3)) {
        return;
    }
    paging_on(0x10000, 0x10);
    for (uint32_t bits = 0; bits < 8; bits++) {
        for (int n = 0; n < 6; n++) {
            enum access access = n / 2;
            uint32_t mode = n & 1 ? RING3 : RING0, error;
            uint32_t va = LARGE_VA + ((uint32_t)window & 0x3fffff);
            struct rights r = { bits & 1, bits & 2, bits & 4, false, false };
            window[0] = 0xcd;
            window[1] = DONE;
            *pde = ((uint32_t)window & 0xffc00000) | PTE_PS | bits;
            WRITE_REG(cr3, directory);
            page_access(mode, access, va);
            bool fault = rights_fault(&r, mode, access, 0x10000, &error);
            bool good = fault ? page_fault_seen(error, va, access) && !(*pde & PTE_D)
                              : seen.vector == DONE && (*pde & PTE_A) &&
                                    !!(*pde & PTE_D) == (access == WRITE);
            ok(good, "4 MiB page: rights %d ring %d access %d", bits, mode, access);
        }
    }
    *pde = PTE_PS | 7 | 1 << 21;
    WRITE_REG(cr3, directory);
    page_access(RING0, READ, LARGE_VA);
    expect_page_fault("4 MiB page: reserved bit 21", ERR_P | ERR_RSVD, LARGE_VA, READ);
}

void test_pages(void)
{
    start_group("pages");
    identity_map(7);
    all_rights();
    identity_map(7);
    boundaries();
    stack_faults();
    string_faults();
    other_accesses();
    translation_changes();
    global_pages();
    large_pages();
    world_reset();
}
