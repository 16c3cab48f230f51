/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that write code: now and then, all the time, into themselves, from another thread. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 3 * 4096 };

static unsigned char *code;

typedef uint32_t (*function)(void);

static uint32_t call(const void *at)
{
    return ((function)at)();
}

static void map_code(void)
{
    code = mmap(NULL, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* mov $v, %eax; op $w, %eax; ret: constants, opcodes and lengths change. */
static unsigned write_function(unsigned char *p, unsigned i)
{
    static const unsigned char ops[] = { 0x05, 0x2d, 0x35, 0x0d, 0x25 };
    unsigned n = 0;
    uint32_t v = i * 2654435761u, w = i * 40503u + 7;

    p[n++] = 0xb8;
    memcpy(p + n, &v, 4);
    n += 4;
    for (unsigned k = 0; k < i % 3; k++) {
        p[n++] = 0x90;
    }
    p[n++] = ops[i / 5 % 5];
    memcpy(p + n, &w, 4);
    n += 4;
    p[n++] = 0xc3;
    return n;
}

static void rewritten(void)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < 3000; i++) {
        write_function(code + i % 7 * 100, i);
        for (unsigned k = 0; k < 7 && k <= i; k++) {
            sum = sum * 31 + call(code + k * 100);
        }
    }
    printf("rewritten %x\n", sum);
}

/* One byte, one word, all of a constant: also sign-extended and in 16 bits. */
static void constants(void)
{
    static const unsigned char f[] = {
        0xb8, 1, 2, 3, 4,                       /* mov $, %eax */
        0x81, 0xc0, 5, 6, 7, 8,                 /* add $, %eax */
        0x69, 0xc0, 3, 0, 0, 0,                 /* imul $, %eax, %eax */
        0x66, 0x35, 0x55, 0xaa,                 /* xor $, %ax */
        0xc3,
    };
    uint32_t sum = 0;

    memcpy(code + 0x800, f, sizeof(f));
    for (unsigned i = 0; i < 2000; i++) {
        switch (i % 5) {
        case 0: code[0x801 + i / 5 % 4] = i; break;
        case 1: memcpy(code + 0x807, &(uint32_t){ i * 77777 }, 4); break;
        case 2: memcpy(code + 0x80d, &(uint16_t){ i * 3 }, 2); break;
        case 3: memcpy(code + 0x813, &(uint16_t){ i * 5 }, 2); break;
        default: code[0x806] = i % 2 ? 0xc0 : 0xe8;     /* add, sub */
        }
        sum = sum * 31 + call(code + 0x800);
    }
    printf("constants %x\n", sum);
}

/* movb %dl, 1f(%rip or absolute): the byte is the constant, or the opcode, of what comes next. */
static uint32_t patch_next(unsigned char value, int opcode)
{
    unsigned char *p = code + 0x1800, f[24];
    unsigned n = 0;
    uint32_t at;

    f[n++] = 0xc6;                              /* movb $value, target */
    f[n++] = 0x05;
    at = n;
    n += 4;
    f[n++] = value;
    f[n++] = 0x31;                              /* xor %eax, %eax */
    f[n++] = 0xc0;
    f[n++] = 0x2c;                              /* sub $1, %al */
    f[n++] = 1;
    f[n++] = 0xc3;
#ifdef __x86_64__
    memcpy(f + at, &(int32_t){ (opcode ? 9 : 10) - 7 }, 4);
#else
    memcpy(f + at, &(uint32_t){ (uintptr_t)p + (opcode ? 9 : 10) }, 4);
#endif
    memcpy(p, f, n);
    return call(p);
}

static void next_instruction(void)
{
    static const unsigned char ops[] = { 0x04, 0x2c, 0x34, 0x0c };
    uint32_t sum = 0;

    for (unsigned i = 0; i < 1500; i++) {
        sum = sum * 31 + (i & 1 ? patch_next(ops[i / 2 % 4], 1) : patch_next(i, 0));
    }
    printf("next instruction %x\n", sum);
}

/* rep stosb over the nops that follow, then what it wrote: inc %eax or dec %eax. */
static void by_string(void)
{
    unsigned char *p = code + 0x1900, f[64], *end = f;
    uint32_t sum = 0;

    *end++ = 0x57;                              /* push %rdi */
#ifdef __x86_64__
    end = mempcpy(end, "\x48\x8d\x3d\x09\x00\x00\x00", 7);      /* lea 1f(%rip), %rdi */
#else
    *end++ = 0xbf;                              /* mov $1f, %edi */
    end = mempcpy(end, &(uint32_t){ (uintptr_t)p + 15 }, 4);
#endif
    end = mempcpy(end, "\xb9\x04\x00\x00\x00", 5);      /* mov $4, %ecx */
    end = mempcpy(end, "\xf3\xaa\x90\x90", 4);
    end = mempcpy(end, "\x90\x90\x90\x90\x5f\xc3", 6);          /* 1: pop %rdi; ret */
    for (unsigned i = 0; i < 300; i++) {
        uint32_t result, n = 4;

        memcpy(p, f, end - f);
        /* %al: cmc, nop, or stc */
        __asm__ volatile("call *%1" : "=a"(result), "+r"(p), "+c"(n)
                         : "0"((uint32_t[]){ 0xf5, 0x90, 0xf9 }[i % 3]) : "memory", "cc");
        sum = sum * 31 + result + p[16];
    }
    printf("by string %x\n", sum);
}

/* A counter in the page of the loop that increments it, many times. */
static void data_beside(void)
{
    unsigned char *p = code + 0x2000, f[32];
    unsigned n = 0;

    f[n++] = 0xb9;                              /* mov $100000, %ecx */
    memcpy(f + n, &(uint32_t){ 100000 }, 4);
    n += 4;
    f[n++] = 0xff;                              /* 1: incl counter */
    f[n++] = 0x05;
#ifdef __x86_64__
    memcpy(f + n, &(int32_t){ 0x100 - 11 }, 4);
#else
    memcpy(f + n, &(uint32_t){ (uintptr_t)p + 0x100 }, 4);
#endif
    n += 4;
    f[n++] = 0x83;                              /* sub $1, %ecx; jne 1b; ret */
    f[n++] = 0xe9;
    f[n++] = 1;
    f[n++] = 0x75;
    f[n++] = 0xf5;
    f[n++] = 0xc3;
    memcpy(p, f, n);
    for (unsigned i = 0; i < 5; i++) {
        call(p);
        printf("data beside %u\n", *(uint32_t *)(p + 0x100));
    }
    /* Quiet, then changed again */
    write_function(p + 0x200, 1);
    for (unsigned i = 0; i < 60000; i++) {
        call(p + 0x200);
    }
    write_function(p + 0x200, 2);
    printf("after quiet %x\n", call(p + 0x200));
}

/* Over the end of a page, both of which change. */
static void across(void)
{
    unsigned char *p = code + 4096 - 3;
    uint32_t sum = 0;

    for (unsigned i = 0; i < 400; i++) {
        write_function(p, i);
        sum = sum * 31 + call(p);
        p[i & 1 ? 1 : 4] ^= i;
        sum = sum * 31 + call(p);
    }
    printf("across %x\n", sum);
}

/* Never writable and executable at once; then other pages at the same address. */
static void protected(void)
{
    uint32_t sum = 0;
    int fd[2];

    for (unsigned i = 0; i < 200; i++) {
        mprotect(code, 4096, PROT_READ | PROT_WRITE);
        write_function(code + 32 * (i % 5), i);
        mprotect(code, 4096, PROT_READ | PROT_EXEC);
        sum = sum * 31 + call(code + 32 * (i % 5)) + call(code + 32 * (i / 2 % 5) * (i > 9));
    }
    for (unsigned i = 0; i < 20; i++) {
        mmap(code, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        write_function(code, i);
        sum = sum * 31 + call(code);
    }
    if (pipe(fd)) {
        return;
    }
    for (unsigned i = 0; i < 200; i++) {
        unsigned char f[32];
        unsigned n = write_function(f, i);

        if (write(fd[1], f, n) != n || read(fd[0], code, n) != n) {
            return;
        }
        sum = sum * 31 + call(code);
    }
    printf("protected %x\n", sum);
}

static void *caller(void *arg)
{
    return (void *)(uintptr_t)call(code + 0x1000);
}

/* Threads in an endless loop that another one turns into a function. */
static void spinning(void)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < 12; i++) {
        unsigned char f[32];
        unsigned n = write_function(f, i);
        pthread_t t[2];
        void *result;

        memcpy(code + 0x1000, "\xeb\xfe", 2);
        for (int k = 0; k < 2; k++) {
            pthread_create(&t[k], NULL, caller, NULL);
        }
        usleep(3000);
        memcpy(code + 0x1002, f, n);
        __atomic_store_n((uint16_t *)(code + 0x1000), 0x9090, __ATOMIC_SEQ_CST);
        for (int k = 0; k < 2; k++) {
            pthread_join(t[k], &result);
            sum = sum * 31 + (uintptr_t)result;
        }
    }
    printf("spinning %x\n", sum);
}

int main(void)
{
    map_code();
    rewritten();
    constants();
    next_instruction();
    by_string();
    data_beside();
    across();
    protected();
    spinning();
    return 0;
}
