/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Four-level paging: rights at every level, NX, reserved bits, 2 MiB and 1 GiB pages. */
#include "long.h"

CODE64(read64, "movb (%rbx), %al");
CODE64(write64, "movb %al, (%rbx)");
CODE64(jump64, "jmp *%rbx");
CODE64(write_dr0, "mov %rax, %dr0");
CODE64(store8, "mov %rax, (%rbx); 1: nop");
CODE64(load8, "mov (%rbx), %rax; 1: nop");
CODE64(read_across, "mov -4(%rbx), %rax");

static uint64_t *const levels[] = { NULL, test_pt, test_pd, test_pdpt, pml4 };

static uint64_t *entry(int level, uint64_t va)
{
    return &levels[level][va >> (3 + 9 * level) & 511];
}

static void access64(uint32_t mode, enum access access, uint64_t va)
{
    const uint8_t *const code[] = { read64, write64, jump64 };

    in64.rbx = va;
    run64(mode, 0, (uint32_t)code[access]);
}

static bool fault_seen(uint32_t error, uint64_t va, enum access access)
{
    const uint64_t at[] = { (uint32_t)read64, (uint32_t)write64, va };
    return seen64.vector == PF && seen64.error == error && seen64.cr2 == va &&
           seen64.rip == at[access];
}

static void explain64(const char *what, uint32_t error)
{
    note("  %s: want error 0x%x; seen vector %d error 0x%x cr2 0x%x:%x rip 0x%x:%x", what, error,
         (uint32_t)seen64.vector, (uint32_t)seen64.error, (uint32_t)(seen64.cr2 >> 32),
         (uint32_t)seen64.cr2, (uint32_t)(seen64.rip >> 32), (uint32_t)seen64.rip);
}

static void flush(void)
{
    window[0] = 0xcd;
    window[1] = DONE;
    window[0x123] = 0xcc;
    WRITE_REG(cr3, pml4);
}

/* bits: P, W, U and, as bit 3, NX, of one level; the others grant all. */
static bool one_right(int level, uint32_t bits, uint64_t va, uint32_t mode, enum access access)
{
    struct rights r = { bits & PTE_P, bits & PTE_W, bits & PTE_U, bits & 8, true };
    uint64_t *e = entry(level, va), old = *e;
    uint32_t error;

    *e = (old & ~7ull) | (bits & 7) | (bits & 8 ? NX : 0);
    flush();
    va += access == EXEC ? 0 : 0x123;
    access64(mode, access, va);
    bool fault = rights_fault(&r, mode, access, 0x10000, &error);
    bool good = fault ? fault_seen(error, va, access) : seen64.vector == DONE;
    if (!good) {
        explain64(fault ? "fault" : "no fault", error);
    }
    *e = old;
    return good;
}

static void all_rights(void)
{
    static const char *const names[] = { "read", "write", "execute" };

    for (int level = 1; level <= 4; level++) {
        for (int n = 0; n < 6; n++) {
            uint32_t mode = n & 1 ? RING3 : RING0;
            bool good = true;
            for (uint32_t bits = 0; bits < 16; bits++) {
                good &= one_right(level, bits, bits & 1 ? LOW64 : HIGH64, mode, n / 2);
                good &= one_right(level, bits, bits & 1 ? HIGH64 : LOW64, mode, n / 2);
            }
            ok(good, "level %d: %s in ring %d", level, names[n / 2], mode);
        }
    }
}

static void reserved(const char *title, uint64_t *e, uint64_t bit)
{
    uint64_t old = *e;

    *e |= bit;
    flush();
    access64(RING3, READ, LOW64);
    bool good = fault_seen(ERR_P | ERR_U | ERR_RSVD, LOW64, READ);
    ok(good, "%s", title);
    if (!good) {
        explain64("reserved", ERR_P | ERR_U | ERR_RSVD);
    }
    *e = old;
}

static void reserved_bits(void)
{
    bool gigabyte = cpuid(0x80000001, EDX) >> 26 & 1;

    reserved("PS in a level 4 entry", entry(4, LOW64), PTE_PS);
    if (!gigabyte) {
        reserved("PS in a level 3 entry", entry(3, LOW64), PTE_PS);
    } else {
        reserved("reserved bit 13 of a 1 GiB page", entry(3, LOW64), PTE_PS | 1 << 13);
    }
    reserved("reserved bit 13 of a 2 MiB page", entry(2, LOW64), PTE_PS | 1 << 13);
    if ((cpuid(0x80000008, EAX) & 0xff) < 52) {
        reserved("physical address bit 51", entry(1, LOW64), 1ull << 51);
        reserved("physical address bit 51, level 4", entry(4, LOW64), 1ull << 51);
    }
    write_msr(EFER, 0x501);
    reserved("NX without NXE", entry(1, LOW64), NX);
    write_msr(EFER, 0xd01);
}

static void large(const char *title, int level, uint64_t size)
{
    uint64_t *e = entry(level, LOW64), old = *e;
    uint64_t va = LOW64 + ((uint32_t)window & (size - 1)) + 0x123;

    *e = ((uint32_t)window & ~(size - 1)) | PTE_PS | 7;
    flush();
    access64(RING3, READ, va);
    ok(seen64.vector == DONE && (seen64.rax & 0xff) == 0xcc && (*e & (PTE_A | PTE_D)) == PTE_A,
       "%s: read sets A", title);
    access64(RING3, WRITE, va);
    ok(seen64.vector == DONE && (*e & PTE_D), "%s: write sets D", title);
    access64(RING3, EXEC, va - 0x123);
    ok(seen64.vector == DONE, "%s: execute", title);
    *e = ((uint32_t)window & ~(size - 1)) | PTE_PS | PTE_P | PTE_U | NX;
    flush();
    access64(RING3, WRITE, va);
    ok(fault_seen(ERR_P | ERR_W | ERR_U, va, WRITE), "%s: read-only", title);
    access64(RING3, EXEC, va);
    ok(fault_seen(ERR_P | ERR_U | ERR_I, va, EXEC), "%s: NX", title);
    *e = old;
    flush();
}

static void boundaries(void)
{
    uint64_t end = LOW64 + 0x1000;

    in64.rbx = end;
    run64(RING3, 0, (uint32_t)read_across);
    ok(seen64.vector == PF && seen64.error == ERR_U && seen64.cr2 == end, "read across two pages");
    window[0xffe] = 0x48;
    window[0xfff] = 0xb8;
    access64(RING3, EXEC, LOW64 + 0xffe);
    ok(seen64.vector == PF && seen64.error == (ERR_U | ERR_I) && seen64.cr2 == end &&
           seen64.rip == LOW64 + 0xffe, "fetch across two pages");
    access64(RING3, READ, 0x0000700000000000ull);
    ok(fault_seen(ERR_U, 0x0000700000000000ull, READ), "missing level 4 entry");
    access64(RING0, WRITE, 0xffffffffffffffffull);
    ok(fault_seen(ERR_W, 0xffffffffffffffffull, WRITE), "last byte of the address space");
}

static void set_dr0(uint64_t address)
{
    in64.rax = address;
    run64(RING0, 0, (uint32_t)write_dr0);
}

/* Eight-byte breakpoints, and one far above 4 GiB. */
static void breakpoints(void)
{
    set_dr0(LOW64 + 0x100);
    WRITE_REG(dr7, 0x400 | 1 | (1 | 2 << 2) << 16);
    in64.rbx = LOW64 + 0x100;
    run64(RING3, 0, (uint32_t)store8);
    ok(seen64.vector == DB && seen64.rip == (uint32_t)store8_at, "8-byte breakpoint: store");
    in64.rbx = LOW64 + 0x106;
    run64(RING3, 0, (uint32_t)store8);
    ok(seen64.vector == DB, "8-byte breakpoint: its last bytes");
    in64.rbx = LOW64 + 0x108;
    run64(RING3, 0, (uint32_t)store8);
    ok(seen64.vector == DONE, "8-byte breakpoint: behind it");
    in64.rbx = LOW64 + 0x100;
    run64(RING3, 0, (uint32_t)load8);
    ok(seen64.vector == DONE, "8-byte breakpoint: load");
    in64.rbx = HIGH64 + 0x100;
    run64(RING3, 0, (uint32_t)store8);
    ok(seen64.vector == DONE, "the same page elsewhere");
    WRITE_REG(dr7, 0x400);
    set_dr0(HIGH64);
    WRITE_REG(dr7, 0x401);
    window[0] = 0x90;
    window[1] = 0xcd;
    window[2] = DONE;
    in64.rbx = HIGH64;
    run64(RING3, 0, (uint32_t)jump64);
    ok(seen64.vector == DB && seen64.rip == HIGH64, "instruction breakpoint in the upper half");
    WRITE_REG(dr7, 0x400);
}

void test_long_pages(void)
{
    flush();
    all_rights();
    reserved_bits();
    large("2 MiB page", 2, 0x200000);
    if (cpuid(0x80000001, EDX) >> 26 & 1) {
        large("1 GiB page", 3, 0x40000000);
    }
    boundaries();
    breakpoints();
}
