/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map: protection, moving, growing, brk, and code that is written at run time. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf jump;
static volatile int armed;
static siginfo_t last;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    last = *info;
    if (!armed) {
        _exit(99);
    }
    armed = 0;
    siglongjmp(jump, 1);
}

static char *pages(unsigned n, int prot)
{
    return mmap(NULL, n * 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

#define TRY(what, base, ...)                                                                       \
    do {                                                                                           \
        armed = 1;                                                                                 \
        if (sigsetjmp(jump, 1) == 0) {                                                             \
            __VA_ARGS__;                                                                           \
            printf("%s: no fault\n", what);                                                        \
        } else {                                                                                   \
            printf("%s: signal %d code %d at +%ld\n", what, last.si_signo, last.si_code,           \
                   (long)((char *)last.si_addr - (char *)(base)));                                 \
        }                                                                                          \
    } while (0)

static void protection(void)
{
    volatile char *p = pages(4, PROT_READ | PROT_WRITE);

    p[0] = 1;
    mprotect((char *)p, 4096, PROT_READ);
    mprotect((char *)p + 8192, 4096, PROT_NONE);
    TRY("store to read-only", p, p[5] = 1);
    TRY("load from none", p, (void)p[8192 + 7]);
    TRY("copy across the end", p, memset((char *)p + 4096, 1, 8192));
    TRY("call of data", p, ((void (*)(void))(p + 4096 + 123))());
    munmap((char *)p + 4096, 4096);
    TRY("load from unmapped", p, (void)p[4096]);
    TRY("low address", 0, *(volatile int *)0x40 = 1);
    munmap((char *)p, 4 * 4096);
}

static void moving(void)
{
    char *p = pages(2, PROT_READ | PROT_WRITE), *volatile q;

    strcpy(p, "moved");
    q = mremap(p, 8192, 65536, MREMAP_MAYMOVE);
    printf("%s %d\n", q, q[65535]);
    q = mremap(q, 65536, 4096, 0);
    printf("%d\n", mmap(q, 4096, PROT_READ,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)
           == MAP_FAILED && errno == EEXIST);
    printf("%d %d\n", munmap(q + 1, 4096), errno);
}

static void heap(void)
{
    char *start = sbrk(0);

    printf("%d\n", sbrk(100000) == start);
    memset(start, 7, 100000);
    printf("%d\n", start[99999]);
    printf("%d\n", sbrk(-100000) == start + 100000);
}

static void code(void)
{
    static const unsigned char body[] = { 0xb8, 0, 0, 0, 0, 0xc3 };     /* mov $n, %eax; ret */
    unsigned char *p = (void *)pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);
    long sum = 0;

    for (int i = 0; i < 2000; i++) {
        memcpy(p + i % 4 * 64, body, sizeof(body));
        p[i % 4 * 64 + 1] = i;
        sum += ((int (*)(void))(p + i % 4 * 64))();
    }
    printf("code %ld\n", sum);
    mprotect(p, 4096, PROT_READ | PROT_WRITE);
    TRY("call without right", p, ((int (*)(void))p)());
    mprotect(p, 4096, PROT_READ | PROT_EXEC);
    printf("%d\n", ((int (*)(void))p)());
    mprotect(p, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    p[1] = 99;
    printf("%d\n", ((int (*)(void))p)());
    {
        int fd[2];

        pipe(fd);
        write(fd[1], "\xb8\x2a\0\0\0\xc3", 6);
        printf("read into code: %ld\n", (long)read(fd[0], p, 6));
        printf("%d\n", ((int (*)(void))p)());
    }
}

/* A loop that decrypts the instructions behind it, which then run. */
static void decrypt(void)
{
#ifdef __x86_64__
    static const unsigned char loop[] = {
        0x48, 0x8d, 0x3d, 0x11, 0, 0, 0,        /* lea 17(%rip), %rdi */
        0xb9, 6, 0, 0, 0,                       /* mov $6, %ecx */
        0x80, 0x37, 0x5a,                       /* xorb $0x5a, (%rdi) */
        0x48, 0xff, 0xc7,                       /* inc %rdi */
        0xff, 0xc9,                             /* dec %ecx */
        0x75, 0xf6,                             /* jnz the xorb */
        0x90, 0x90,
    };
    static const unsigned char plain[] = { 0xb8, 0x39, 0x30, 0, 0, 0xc3 };
    unsigned char *p = (void *)pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);

    for (int round = 0; round < 10; round++) {
        memcpy(p, loop, sizeof(loop));
        for (unsigned i = 0; i < sizeof(plain); i++) {
            p[24 + i] = plain[i] ^ 0x5a ^ 0;
        }
        p[24 + 1] ^= round;
        printf("%d ", ((int (*)(void))p)());
    }
    printf("\n");
#endif
}

static void shared(void)
{
    int *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (fork() == 0) {
        *p = 77;
        _exit(0);
    }
    wait(NULL);
    printf("shared %d\n", *p);
}

int main(int argc, char **argv)
{
    struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

    setvbuf(stdout, NULL, _IONBF, 0);           /* no heap but the test's */
    sigaction(SIGSEGV, &act, NULL);
    sigaction(SIGBUS, &act, NULL);
    protection();
    moving();
    heap();
    code();
    decrypt();
    shared();
    return 0;
}
