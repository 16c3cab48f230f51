/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fault suite's harness: probes run a piece of code and record the event that ended it. */
#ifndef SUITE_H
#define SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONST(name, value) name = value,
enum {
#include "suite.def"
};
#undef CONST

/*
 * What the trap stubs leave on the stack; the last fields are there only for outer rings and v86.
 */
struct frame {
    uint32_t gs, fs, es, ds, edi, esi, ebp, esp0, ebx, edx, ecx, eax;
    uint32_t vector, error, eip, cs, eflags, esp, ss, v86_es, v86_ds, v86_fs, v86_gs;
};

/* A row of the assembly files' table. */
struct test {
    const char *title;
    uint32_t mode, vector, error, flags;
    void (*setup)(void);
    bool (*verify)(void);
    uint32_t start, at;
};

struct tss {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp,
        esi, edi, es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, iomap;
    uint8_t redirect[32], io[36];
};

/* 16 KiB that segments of limit 0xfff start in the middle of; window is 4 KiB aligned. */
extern uint8_t window_area[0x4000];
#define window (window_area + 0x1000)

extern const struct test *current; /* the row that runs, if any */
extern struct frame in;     /* registers of the next probe, back to defaults after each */
extern struct frame seen;   /* the event that ended the last probe */
extern uint32_t *seen_stack; /* the words above the last probe's frame: esp, ss or older contents */
extern uint32_t seen_cr2, seen_dr6;
extern bool (*on_trap)(struct frame *f); /* true: go on with the probe */
extern uint64_t gdt[GDT_ENTRIES], idt[256], ldt[4];
extern struct tss tss, tss2, tss3;
extern uint32_t cpu_features, cpu_features_ecx; /* CPUID 1 edx, ecx */
extern bool tolerant; /* leave out what kills the original */
extern bool brief;    /* leave out long series */
#define HAS(bit) ((cpu_features >> (bit)) & 1)

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
void start_group(const char *name);
void ok(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void world_reset(void);
void run(uint32_t mode, uint32_t flags, const void *code);
/* Runs the code and reports whether it ended with this vector, error and, unless 0, EIP. */
bool expect(const char *title, uint32_t mode, uint32_t flags, const void *code, uint32_t vector,
            uint32_t error, const void *at);
/* A checksum of a series of outcomes. */
uint32_t checksum(uint32_t sum, uint32_t v);
bool faulted(uint32_t vector, uint32_t error, const void *at);
uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t type);
uint64_t gate(uint32_t sel, const void *to, uint32_t type);

void enter(struct frame *f);
void leave(void) __attribute__((noreturn));
extern uint8_t trap_stubs[256][16];

void test_pages(void);
void test_pae(void);
void test_matrix(void);
void test_flags(void);
extern bool dump;
void test_operands(void);
void test_debug(void);
void test_double(void);
void test_smc(void);
void test_a20(void);
void test_tasks(void);
void test_v86(void);
void test_real(void);
void test_irq(void);
void test_long(void);

/* Sends the vector to a task, SEL_TSS2 or 3, so that no usable stack is needed. */
void catch_by_task(uint32_t vector, uint32_t sel);

/* Code at file scope: name points to it; it ends with the event DONE. `1:' is name_at. */
#define CODE(name, text)                                                             \
    extern uint8_t name[], name##_at[], name##_end[];                                \
    asm(".pushsection .text\n.balign 16\n" #name ":\n1: " text "\nint $0x40\n"       \
        #name "_end:\n.set " #name "_at, 1b\n.globl " #name ", " #name "_at, " #name \
        "_end\n.popsection")

static inline void outb(uint16_t port, uint8_t v)
{
    asm volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

#define READ_REG(reg) ({ uint32_t v_; asm volatile("mov %%" #reg ", %0" : "=r"(v_)); v_; })
#define WRITE_REG(reg, v) asm volatile("mov %0, %%" #reg : : "r"((uint32_t)(v)) : "memory")

static inline void write_msr(uint32_t msr, uint64_t v)
{
    asm volatile("wrmsr" : : "c"(msr), "A"(v));
}

static inline uint64_t read_msr(uint32_t msr)
{
    uint64_t v;
    asm volatile("rdmsr" : "=A"(v) : "c"(msr));
    return v;
}

static inline uint32_t cpuid(uint32_t leaf, int which)
{
    uint32_t r[4];
    asm volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
    return r[which];
}
enum { EAX, EBX, ECX, EDX };

#endif
