/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A multiboot guest that tests the machine it runs on and prints TAP on the debug port. With
 * "loop" on its command line it then counts timer ticks, and looks whether all it has in registers
 * and memory is still there.
 */
#include <stddef.h>
#include <stdint.h>

enum { DEBUG_PORT = 0xe9, EXIT_PORT = 0xf4, PIC1 = 0x20, PIC2 = 0xa0, PIT = 0x40 };
enum { APIC = 0xfee00000, APIC_ID = 0x20, APIC_EOI = 0xb0, APIC_SVR = 0xf0, APIC_ICR = 0x300,
       APIC_TIMER = 0x320, APIC_COUNT = 0x380, APIC_DIVIDE = 0x3e0 };
enum { IRQ_BASE = 0x20, TIMER_VECTOR = 0x30, SPURIOUS = 0x3f, VECTORS = 64 };

struct frame {
    uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax, vector, error, eip, cs, eflags;
};

extern uint8_t stubs[], second_begin[], second_end[];
extern uint32_t tables[3][1024];
uint32_t long_mode(void);
void test_main(const uint32_t *info);
void second_main(void);
void handle(struct frame *f);

static struct { uint16_t low, selector, flags, high; } idt[VECTORS];
static volatile uint32_t ticks, timer_ticks, faults[VECTORS], fault_address, second_alive;
static volatile uint32_t skip;      /* bytes of the instruction that is going to fault */
static unsigned count, failed;

/* --- the machine ----------------------------------------------------------------------------- */

static void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static uint8_t in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static volatile uint32_t *apic(unsigned reg)
{
    return (volatile uint32_t *)(uintptr_t)(APIC + reg);
}

static void print(const char *text)
{
    size_t n = 0;

    while (text[n]) {
        n++;
    }
    __asm__ volatile("rep outsb" : "+S"(text), "+c"(n) : "d"(DEBUG_PORT) : "memory");
}

static void print_number(uint32_t n)
{
    char text[12] = "", *p = text + 11;

    do {
        *--p = (char)('0' + n % 10);
    } while (n /= 10);
    print(p);
}

static void ok(int good, const char *name)
{
    print(good ? "ok " : "not ok ");
    print_number(++count);
    print(" - ");
    print(name);
    print("\n");
    failed += !good;
}

/* --- exceptions and interrupts --------------------------------------------------------------- */

void handle(struct frame *f)
{
    if (f->vector == IRQ_BASE) {
        ticks++;
        out8(PIC1, 0x20);
    } else if (f->vector == TIMER_VECTOR) {
        timer_ticks++;
        *apic(APIC_EOI) = 0;
    } else if (f->vector < 32) {
        faults[f->vector]++;
        if (f->vector == 14) {
            __asm__ volatile("mov %%cr2, %0" : "=r"(fault_address));
        }
        if (!skip) {
            print("unexpected exception ");
            print_number(f->vector);
            print("\n");
            for (;;) {
                __asm__ volatile("cli; hlt");
            }
        }
        f->eip += skip;
        skip = 0;
    }
}

static void set_up_interrupts(void)
{
    struct { uint16_t limit; uint32_t base; } __attribute__((packed)) pointer = {
        sizeof(idt) - 1, (uint32_t)(uintptr_t)idt
    };

    for (unsigned i = 0; i < VECTORS; i++) {
        uint32_t at = (uint32_t)(uintptr_t)stubs + 16 * i;

        idt[i].low = (uint16_t)at;
        idt[i].selector = 8;
        idt[i].flags = 0x8e00;
        idt[i].high = (uint16_t)(at >> 16);
    }
    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
    out8(PIC1, 0x11);
    out8(PIC2, 0x11);
    out8(PIC1 + 1, IRQ_BASE);
    out8(PIC2 + 1, IRQ_BASE + 8);
    out8(PIC1 + 1, 4);
    out8(PIC2 + 1, 2);
    out8(PIC1 + 1, 1);
    out8(PIC2 + 1, 1);
    out8(PIC1 + 1, 0xfe);
    out8(PIC2 + 1, 0xff);
    out8(PIT + 3, 0x34);            /* 100 Hz */
    out8(PIT, 11932 & 0xff);
    out8(PIT, 11932 >> 8);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void test_exceptions(void)
{
    uint32_t quotient = 1;

    skip = 2;
    __asm__ volatile("ud2");
    ok(faults[6] == 1, "an undefined instruction");
    skip = 2;
    __asm__ volatile("divl %1" : "+a"(quotient) : "r"(0), "d"(0));
    ok(faults[0] == 1, "division by zero");
}

static void test_ticks(void)
{
    __asm__ volatile("sti");
    while (ticks < 5) {
        __asm__ volatile("hlt");
    }
    ok(1, "timer interrupts wake the CPU from HLT");
    while (ticks < 10) {
        __asm__ volatile("pause");
    }
    ok(1, "they come in a loop that never leaves the CPU");
}

static int has(unsigned bit)
{
    uint32_t a = 1, b, c, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    return d >> bit & 1;
}

static void test_apic(void)
{
    *apic(APIC_SVR) = 0x100 | SPURIOUS;
    *apic(APIC_DIVIDE) = 3;
    *apic(APIC_TIMER) = TIMER_VECTOR | 1 << 17;
    *apic(APIC_COUNT) = 1000000;
    while (timer_ticks < 3) {
        __asm__ volatile("hlt");
    }
    *apic(APIC_COUNT) = 0;
    ok(1, "timer interrupts of the local APIC");
}

static void test_memory(void)
{
    volatile uint32_t *rom = (volatile uint32_t *)0xffff0000u, before = *rom;
    volatile uint16_t *screen = (volatile uint16_t *)0xb8000;

    *rom = ~before;
    ok(*rom == before, "ROM stays as it is");
    *(volatile uint32_t *)0x200000 = 0x12345678;
    *(volatile uint32_t *)0x300000 = 0x9abcdef0;
    ok(*(volatile uint32_t *)0x200000 == 0x12345678, "RAM of even and odd MiB differs");
    screen[0] = 0x0741;
    ok(screen[0] == 0x0741, "the screen's memory takes a character");
}

static uint32_t *const page_table = (uint32_t *)0x400000;

static void test_a20(void)
{
    volatile uint32_t *low = (volatile uint32_t *)0x5000, *high = (volatile uint32_t *)0x105000;

    *low = 1;
    *high = 2;
    out8(0x92, in8(0x92) & ~2);
    *high = 3;
    ok(*low == 3, "without A20 the second MiB is the first");
    out8(0x92, in8(0x92) | 2);
    ok(*high == 2, "and with it is itself again");
}

static void test_paging(void)
{
    uint32_t cr0;

    for (unsigned i = 0; i < 1024; i++) {
        page_table[i] = i << 12 | 3;
        tables[0][i] = 0;
    }
    page_table[0x100] = 0x200003;   /* the second MiB's first page is at 2 MiB */
    page_table[0x101] = 0;
    tables[0][0] = (uint32_t)(uintptr_t)page_table | 3;
    tables[0][1] = 0x400083;
    __asm__ volatile("mov %0, %%cr3" : : "r"(tables[0]));
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | 0x80000000u) : "memory");
    ok(*(volatile uint32_t *)0x100000 == 0x12345678, "a page that is elsewhere");
    skip = 2;
    __asm__ volatile("mov (%0), %%eax" : : "c"(0x101004) : "eax");
    ok(faults[14] == 1 && fault_address == 0x101004, "a page fault and its address");
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
}

/* All 512 GiB of the first entry need only the first GiB here. */
static void test_long_mode(void)
{
    for (unsigned i = 0; i < 1024; i++) {
        tables[0][i] = tables[1][i] = 0;
        tables[2][i] = i & 1 ? 0 : i / 2 << 21 | 0x83;
    }
    tables[0][0] = (uint32_t)(uintptr_t)tables[1] | 3;
    tables[1][0] = (uint32_t)(uintptr_t)tables[2] | 3;
    __asm__ volatile("cli");
    ok(long_mode() == 0xdca5e208, "64-bit code");
    __asm__ volatile("sti");
}

static uint32_t float_sum(void)
{
    double x = 0;
    float y[4] = { 1, 2, 3, 4 };
    uint32_t n;

    for (int i = 1; i < 100; i++) {
        x += 1.0 / i;
    }
    __asm__ volatile("movups %0, %%xmm7; mulps %%xmm7, %%xmm7; movups %%xmm7, %0" : "+m"(y));
    n = (uint32_t)(x * 1000) + (uint32_t)y[3];
    return n;
}

void second_main(void)
{
    second_alive = *apic(APIC_ID) >> 24;
}

static void test_second_cpu(void)
{
    uint8_t *to = (uint8_t *)0x8000;
    uint32_t until;

    for (uint8_t *p = second_begin; p < second_end; p++) {
        *to++ = *p;
    }
    *apic(APIC_ICR) = 0xc4500;      /* INIT to all others */
    for (until = ticks + 3; ticks < until;) {
        __asm__ volatile("hlt");
    }
    *apic(APIC_ICR) = 0xc4608;      /* start at 0x8000 */
    for (until = ticks + 100; ticks < until && !second_alive;) {
        __asm__ volatile("hlt");
    }
    ok(second_alive == 1, "a second CPU starts");
}

static void loop(int floats)
{
    static volatile uint32_t pattern[4096];
    uint32_t n = 0, seen, sum = floats ? float_sum() : 0;

    for (unsigned i = 0; i < 4096; i++) {
        pattern[i] = i * 0x9e3779b1u;
    }
    for (;;) {
        int good = !floats || float_sum() == sum;

        for (unsigned i = 0; i < 4096; i++) {
            good &= pattern[i] == i * 0x9e3779b1u + n;
            pattern[i]++;
        }
        n++;
        print(good ? "round " : "bad ");
        print_number(n);
        print("\n");
        ((volatile uint16_t *)0xb8000)[80] = (uint16_t)(0x0700 | ('0' + n % 10));
        for (seen = ticks; ticks - seen < 10;) {
            __asm__ volatile("hlt");
        }
    }
}

static int wants(const uint32_t *info, const char *word)
{
    const char *line = info[0] & 4 ? (const char *)(uintptr_t)info[4] : "";

    for (; *line; line++) {
        size_t n = 0;

        while (word[n] && line[n] == word[n]) {
            n++;
        }
        if (!word[n]) {
            return 1;
        }
    }
    return 0;
}

void test_main(const uint32_t *info)
{
    __asm__ volatile("mov %%cr0, %%eax; and $~4, %%eax; or $2, %%eax; mov %%eax, %%cr0;"
                     "mov %%cr4, %%eax; or $0x610, %%eax; mov %%eax, %%cr4; fninit" ::: "eax");
    set_up_interrupts();
    test_exceptions();
    test_ticks();
    if (has(9)) {
        test_apic();
    }
    test_memory();
    test_a20();
    if (wants(info, "float")) {
        ok(float_sum() == 5193, "x87 and SSE arithmetic");
    }
    if (wants(info, "paging")) {
        test_paging();
    }
    if (wants(info, "long")) {
        test_long_mode();
    }
    if (wants(info, "smp")) {
        test_second_cpu();
    }
    print("1..");
    print_number(count);
    print("\n");
    if (wants(info, "loop")) {
        loop(wants(info, "float"));
    }
    out8(EXIT_PORT, failed != 0);
}
