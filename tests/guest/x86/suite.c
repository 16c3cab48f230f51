/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fault suite's harness: TAP on the first serial port, descriptor tables, and the runner. */
#include <stdarg.h>
#include "suite.h"

uint8_t window_area[0x4000] __attribute__((aligned(4096)));
static uint8_t probe_stack[4096], trap_stack[4096], user_stack[4096], task_stack[4096];
static uint8_t ring1_stack[4096];
const struct test *current;
struct frame in, seen;
uint32_t *seen_stack;
uint32_t seen_cr2, seen_dr6, cpu_features, cpu_features_ecx;
bool (*on_trap)(struct frame *f);
uint64_t gdt[GDT_ENTRIES], idt[256], ldt[4];
struct tss tss, tss2, tss3;
static int count, failed;
static const char *group;
bool tolerant, brief;
extern const struct test tests_start[], tests_end[];
void load_tables(const void *gdtr, const void *idtr);
void trap(struct frame *f);
void main(const uint32_t *multiboot) __attribute__((noreturn));
void gate_target(void);
void task_entry(void);
void task_trap(uint32_t vector, uint32_t *stack) __attribute__((noreturn));

/* --- what a freestanding compiler may call --------------------------------------------------- */

void *memcpy(void *to, const void *from, size_t n)
{
    void *start = to;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    return start;
}

void *memset(void *to, int c, size_t n)
{
    void *start = to;
    asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
    return start;
}

/* Only whether it is there: there is no use for more. */
static bool contains(const char *s, const char *word)
{
    for (; *s; s++) {
        int n = 0;
        while (word[n] && s[n] == word[n]) {
            n++;
        }
        if (!word[n]) {
            return true;
        }
    }
    return false;
}

static void reset_by_triple_fault(void)
{
    struct { uint16_t limit; void *base; } __attribute__((packed)) idtr = { 0, NULL };

    asm volatile("lidt %0\nud2" : : "m"(idtr));
}

/* --- output ---------------------------------------------------------------------------------- */
static void put(char c)
{
    while (!(inb(0x3fd) & 0x20)) {
    }
    outb(0x3f8, c);
}

static void put_number(uint32_t v, uint32_t base)
{
    char text[12];
    int n = 0;

    do {
        text[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    while (n) {
        put(text[--n]);
    }
}

/* Knows %s %d %x. */
static void print(const char *format, va_list args)
{
    for (; *format; format++) {
        if (*format != '%') {
            put(*format);
            continue;
        }
        if (*++format == 's') {
            for (const char *s = va_arg(args, const char *); *s; s++) {
                put(*s);
            }
        } else {
            put_number(va_arg(args, uint32_t), *format == 'x' ? 16 : 10);
        }
    }
}

static void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print(format, args);
    va_end(args);
}

void start_group(const char *name)
{
    group = name;
}

void ok(bool good, const char *format, ...)
{
    va_list args;

    count++;
    failed += !good;
    say("%s %d - %s: ", good ? "ok" : "not ok", count, group);
    va_start(args, format);
    print(format, args);
    va_end(args);
    put('\n');
}

void note(const char *format, ...)
{
    va_list args;

    say("# ");
    va_start(args, format);
    print(format, args);
    va_end(args);
    put('\n');
}

/* --- tables ---------------------------------------------------------------------------------- */
/* type: access byte, and the flags nibble (G, D/B, L, AVL) in bits 8-11. */
uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t type)
{
    uint64_t low = (limit & 0xffff) | base << 16;
    uint64_t high = ((base >> 16) & 0xff) | (type & 0xff) << 8 | (limit & 0xf0000) |
                    ((type >> 8) & 0xf) << 20 | (base & 0xff000000);
    return high << 32 | low;
}

/* type: access byte, and a call gate's parameter count in bits 8-12. */
uint64_t gate(uint32_t sel, const void *to, uint32_t type)
{
    uint32_t offset = (uint32_t)to;
    uint64_t high = (offset & 0xffff0000) | (type & 0xff) << 8 | ((type >> 8) & 0x1f);
    return high << 32 | sel << 16 | (offset & 0xffff);
}

/* Where the call gates lead: the event DONE in ring 0. */
asm(".text\n.globl gate_target\ngate_target: int $0x40\n");

static void fill_gdt(void)
{
    static const struct { uint32_t sel, base, limit, type; } rows[] = {
        { SEL_CODE, 0, 0xfffff, 0xc9b }, { SEL_DATA, 0, 0xfffff, 0xc93 },
        { SEL_UCODE, 0, 0xfffff, 0xcfb }, { SEL_UDATA, 0, 0xfffff, 0xcf3 },
        { SEL_TSS, (uint32_t)&tss, sizeof tss - 1, 0x89 },
        { SEL_TSS2, (uint32_t)&tss2, sizeof tss2 - 1, 0x89 },
        { SEL_TSS3, (uint32_t)&tss3, sizeof tss3 - 1, 0x89 },
        { SEL_LDT, (uint32_t)ldt, sizeof ldt - 1, 0x82 },
        { SEL_CODE16, 0, 0xffff, 0x9b }, { SEL_DATA16, 0, 0xffff, 0x93 },
        { SEL_CONFORM, 0, 0xfffff, 0xc9f }, { SEL_NP_DATA, 0, 0xfffff, 0xc73 },
        { SEL_NP_CODE, 0, 0xfffff, 0xc7b }, { SEL_UP, (uint32_t)window, 0xfff, 0x4f3 },
        { SEL_DOWN, (uint32_t)window - 0x1000, 0xfff, 0x4f7 },
        { SEL_RO, 0, 0xfffff, 0xcf1 }, { SEL_XO, 0, 0xfffff, 0xcf9 },
        { SEL_DOWN16, (uint32_t)window - 0x1000, 0xfff, 0xf7 },
        { SEL_WCODE, (uint32_t)window, 0xfff, 0x4fb },
        { SEL_WSTACK, (uint32_t)window, 0xfff, 0x4f3 },
        { SEL_WCODE0, (uint32_t)window, 0xfff, 0x49b }, { SEL_CODE1, 0, 0xfffff, 0xcbb },
        { SEL_DATA1, 0, 0xfffff, 0xcb3 }, { SEL_WDOWN, (uint32_t)window, 0x7ff, 0xf7 },
        { SEL_UCODE16, (uint32_t)window, 0xffff, 0xfb },
    };

    memset(gdt, 0, sizeof gdt);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        gdt[rows[i].sel / 8] = descriptor(rows[i].base, rows[i].limit, rows[i].type);
    }
    gdt[SEL_GATE / 8] = gate(SEL_CODE, gate_target, 0x2ec);
    gdt[SEL_GATE1 / 8] = gate(SEL_CODE1, gate_target, 0x1ec);
    gdt[SEL_GATE0 / 8] = gate(SEL_CODE, gate_target, 0x8c);
    gdt[SEL_GATE_NP / 8] = gate(SEL_CODE, gate_target, 0x6c);
    gdt[SEL_GATE_DATA / 8] = gate(SEL_DATA, gate_target, 0xec);
    gdt[SEL_TASKGATE / 8] = gate(SEL_TSS2, NULL, 0xe5);
}

/* Puts back everything that tests change: tables, control and debug registers, TSS. */
void world_reset(void)
{
    struct { uint16_t limit; void *base; } __attribute__((packed))
        gdtr = { sizeof gdt - 1, gdt }, idtr = { sizeof idt - 1, idt };

    WRITE_REG(dr7, 0x400);
    WRITE_REG(dr6, 0xffff0ff0);
    fill_gdt();
    memset(window_area, 0xcc, sizeof window_area); /* a wild jump into it is #BP */
    memset(ldt, 0, sizeof ldt);
    for (int v = 0; v < 256; v++) {
        bool user = v == BP || v == OF || v == DONE || v == DONE_TRAP;
        idt[v] = gate(SEL_CODE, trap_stubs[v], (user ? 0xee : 0x8e) | (v == DONE_TRAP));
    }
    memset(&tss, 0, sizeof tss);
    tss.ss0 = SEL_DATA;
    tss.esp0 = (uint32_t)(trap_stack + sizeof trap_stack);
    tss.ss1 = SEL_DATA1;
    tss.esp1 = (uint32_t)(ring1_stack + sizeof ring1_stack);
    tss.iomap = sizeof tss;
    WRITE_REG(cr0, 0x31);
    if (HAS(4)) {
        WRITE_REG(cr4, 0);
    }
    load_tables(&gdtr, &idtr);
    asm volatile("ltr %w0" : : "r"(SEL_TSS));
    on_trap = NULL;
}

/* --- probes ---------------------------------------------------------------------------------- */
static bool probing; /* an event now belongs to a test */

static void __attribute__((noreturn)) finish(int code)
{
    outb(0xf4, code);
    for (;;) {
        asm volatile("cli; hlt");
    }
}

void trap(struct frame *f)
{
    if (on_trap && on_trap(f)) {
        return;
    }
    if (!probing) {
        note("unexpected vector %d error 0x%x eip 0x%x cr2 0x%x", f->vector, f->error, f->eip,
             READ_REG(cr2));
        finish(2);
    }
    seen = *f;
    /* Pushes of a segment register may leave the upper half of the word alone. */
    for (uint32_t *s = &seen.gs; s <= &seen.ds; s++) {
        *s &= 0xffff;
    }
    seen.cs &= 0xffff;
    seen_stack = &f->esp;
    seen_cr2 = READ_REG(cr2);
    seen_dr6 = READ_REG(dr6);
    leave();
}

void catch_by_task(uint32_t vector, uint32_t sel)
{
    *(sel == SEL_TSS2 ? &tss2 : &tss3) = (struct tss){
        .esp = (uint32_t)(task_stack + sizeof task_stack), .ss = SEL_DATA, .cs = SEL_CODE,
        .ds = SEL_DATA, .es = SEL_DATA, .eip = (uint32_t)task_entry, .eflags = 2, .eax = vector,
        .cr3 = READ_REG(cr3), .iomap = sizeof tss,
    };
    idt[vector] = gate(sel, NULL, 0x85);
}

/* The interrupted state is in the TSS it was switched away from. */
void task_trap(uint32_t vector, uint32_t *stack)
{
    bool has_error = vector == DF || (vector >= TS && vector <= PF) || vector == AC;

    seen = (struct frame){
        .vector = vector, .error = has_error ? *stack : 0, .eip = tss.eip, .cs = tss.cs,
        .eflags = tss.eflags, .esp = tss.esp, .ss = tss.ss, .eax = tss.eax, .ecx = tss.ecx,
        .edx = tss.edx, .ebx = tss.ebx, .ebp = tss.ebp, .esi = tss.esi, .edi = tss.edi,
        .ds = tss.ds, .es = tss.es, .fs = tss.fs, .gs = tss.gs,
    };
    seen_stack = stack;
    seen_cr2 = READ_REG(cr2);
    seen_dr6 = READ_REG(dr6);
    leave();
}

static void frame_defaults(void)
{
    memset(&in, 0, sizeof in);
    in.ds = in.es = in.fs = in.gs = SEL_UDATA;
    in.esp = (uint32_t)(user_stack + sizeof user_stack - 256);
    in.ss = SEL_UDATA;
    in.cs = SEL_UCODE;
}

void run(uint32_t mode, uint32_t flags, const void *code)
{
    struct frame *f = (struct frame *)(probe_stack + sizeof probe_stack - 512);

    *f = in;
    f->eip = (uint32_t)code;
    f->eflags = flags | 2;
    if (mode == RING0) {
        f->ds = f->es = SEL_DATA;
        f->cs = in.cs == SEL_UCODE ? SEL_CODE : in.cs;
    }
    if (mode == RING1) {
        f->ds = f->es = f->ss = SEL_DATA1;
        f->cs = SEL_CODE1;
    }
    if (mode == V86) {
        f->ds = f->es = f->fs = f->gs = SEL_DATA;
        f->eflags |= FL_VM;
    }
    memset(&seen, 0xee, sizeof seen);
    probing = true;
    enter(f);
    probing = false;
    asm volatile("mov %0, %%ds\nmov %0, %%es\nmov %0, %%fs\nmov %0, %%gs" : : "r"(SEL_DATA));
    frame_defaults();
}

uint32_t checksum(uint32_t sum, uint32_t v)
{
    sum ^= v;
    for (int i = 0; i < 32; i++) {
        sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return sum;
}

bool faulted(uint32_t vector, uint32_t error, const void *at)
{
    bool good = seen.vector == vector && seen.error == error &&
                (!at || vector == DONE || seen.eip == (uint32_t)at);
    return good;
}

static void explain(uint32_t vector, uint32_t error, uint32_t at)
{
    note("  want vector %d error 0x%x eip 0x%x", vector, error, at);
    note("  seen vector %d error 0x%x eip 0x%x cs 0x%x eflags 0x%x cr2 0x%x dr6 0x%x", seen.vector,
         seen.error, seen.eip, seen.cs, seen.eflags, seen_cr2, seen_dr6);
}

bool expect(const char *title, uint32_t mode, uint32_t flags, const void *code, uint32_t vector,
            uint32_t error, const void *at)
{
    run(mode, flags, code);
    bool good = faulted(vector, error, at);
    ok(good, "%s", title);
    if (!good) {
        explain(vector, error, (uint32_t)at);
    }
    return good;
}

static void run_table(void)
{
    for (const struct test *t = tests_start; t < tests_end; t++) {
        if (!t->start) { /* a row that only names the group */
            start_group(t->title);
            continue;
        }
        if (((t->mode & FATAL) && tolerant) || ((t->mode & SEP) && !HAS(11)) ||
            ((t->mode & P5) && !HAS(4))) {
            continue;
        }
        current = t;
        world_reset();
        if (t->setup) {
            t->setup();
        }
        run(t->mode & 0xff, t->flags, (const void *)t->start);
        bool good = faulted(t->vector, t->error, (const void *)t->at);
        bool right = good && (!t->verify || t->verify());
        ok(right, "%s", t->title);
        if (!good) {
            explain(t->vector, t->error, t->at);
        } else if (!right) {
            note("  the event is right, what it left behind is not");
        }
    }
}

/*
 * `-append peer': leaves out what the original does not survive.
 * `-append brief': leaves out what tries every combination.
 * `-append triple': nothing but a fault without a handler.
 */
void main(const uint32_t *multiboot)
{
    const char *options = multiboot[0] & 4 ? (const char *)multiboot[4] : "";

    tolerant = contains(options, "peer");
    dump = contains(options, "dump");
    brief = contains(options, "brief");
    if (contains(options, "triple")) {
        reset_by_triple_fault();
        note("survived a triple fault");
    }

    asm volatile("fninit");
    outb(0x3fb, 3); /* eight bits */
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    cpu_features = cpuid(1, EDX);
    cpu_features_ecx = cpuid(1, ECX);
    frame_defaults();
    world_reset();
    run_table();
    static void (*const parts[])(void) = {
        test_matrix, test_flags, test_pages, test_operands, test_pae, test_debug, test_double,
        test_smc, test_tasks, test_v86, test_real, test_irq, test_a20, test_long,
    };
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        world_reset();
        parts[i]();
    }
    say("1..%d\n", count);
    finish(failed != 0);
}
