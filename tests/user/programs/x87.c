/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87's stack over all that leaves translated code: faults, signals, threads, children. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static char *page;
static volatile int faults, ticks;

static void print(const char *what, long double v)
{
    uint64_t mant;
    uint16_t exp;

    memcpy(&mant, &v, 8);
    memcpy(&exp, (char *)&v + 8, 2);
    printf("%s %04x %016llx\n", what, exp, (unsigned long long)mant);
}

static void state(const char *what)
{
    struct { uint16_t cw, p0, sw, p1, tw, p2; uint32_t rest[4]; uint8_t st[80]; } s;

    __asm__ volatile("fnsave %0\n\tfrstor %0" : "+m"(s));
    printf("%s cw %04x sw %04x tw %04x\n", what, s.cw, s.sw, s.tw);
}

/* The frame shows the stack as it was before the faulting instruction; the handler has its own. */
static void on_segv(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    volatile long double x = 3;
    uint16_t st0[5];

    memcpy(st0, uc->uc_mcontext.fpregs->_st, 10);
    printf("fault at %d, sw %04x, st0 %04x %04x%04x%04x%04x\n",
           (int)((char *)info->si_addr - page), (unsigned)uc->uc_mcontext.fpregs->
#ifdef __x86_64__
           swd,
#else
           sw & 0xffff,
#endif
           st0[4], st0[3], st0[2], st0[1], st0[0]);
    x = x * 7;
    if (++faults == 3) {
        siglongjmp(back, 1);
    }
    mprotect(page, 4096, faults & 1 ? PROT_READ : PROT_READ | PROT_WRITE);
}

static void segv(void)
{
    struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_NODEFER };
    double a = 0;
    uint16_t sw;

    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaction(SIGSEGV, &sa, NULL);
    /* Load and store fault and are done again. */
    __asm__ volatile("fldpi\n\tfld1\n\tfaddl (%1)\n\tfmul %%st(1), %%st\n\tfstl 8(%1)\n\t"
                     "fstpl %0\n\tfstp %%st(0)" : "=m"(a) : "r"(page) : "memory");
    print("a", a);
    print("stored", *(double *)(page + 8));
    mprotect(page, 4096, PROT_NONE);
    if (!sigsetjmp(back, 1)) {
        __asm__ volatile("fldz\n\tfld1\n\tfdiv %%st(1), %%st\n\tfistpll (%0)" : : "r"(page)
                         : "memory");
    }
    __asm__ volatile("fnstsw %0" : "=a"(sw));
    printf("after the jump: top %d\n", sw >> 11 & 7);
    state("after");
    __asm__ volatile("fninit");
}

static void on_tick(int sig)
{
    volatile long double x = ticks;

    ticks++;
    x = x / 3;
    __asm__ volatile("fninit\n\tfld1\n\tfchs");
}

/* Handlers that use the unit while a loop has all its values there. */
static void interrupted(void)
{
    struct sigaction sa = { .sa_handler = on_tick };
    long double sum = 0, term = 1;

    sigaction(SIGUSR1, &sa, NULL);
    for (int i = 1; i < 200; i++) {
        sum += term;
        term = term * 2 / (i + 1);
        if (i % 10 == 0) {
            raise(SIGUSR1);
        }
    }
    print("e squared", sum);
    printf("%d signals\n", ticks);
}

static void *thread(void *arg)
{
    long double x = (long)arg, *result = arg;
    static long double results[4];

    for (int i = 0; i < 20000; i++) {
        x = x * 0.75L + (long)arg;
    }
    results[(long)arg] = x;
    return &results[(long)arg];
}

static void threads(void)
{
    pthread_t t[4];
    void *result;

    for (long i = 0; i < 4; i++) {
        pthread_create(&t[i], NULL, thread, (void *)i);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], &result);
        print("thread", *(long double *)result);
    }
}

/* The child goes on with the parent's stack. */
static void children(void)
{
    int status, pid;
    long double y;

    __asm__ volatile("fldpi\n\tfld1");
    pid = fork();
    __asm__ volatile("faddp\n\tfstpt %0" : "=m"(y));
    if (!pid) {
        _exit(y > 4 && y < 5);
    }
    waitpid(pid, &status, 0);
    printf("child %d, parent %d\n", WEXITSTATUS(status), y > 4 && y < 5);
}

static void modes(void)
{
    uint16_t cw, words[4] = { 0x37f, 0x27f, 0xb7f, 0xf7f };
    double third;
    int32_t n;

    for (int i = 0; i < 4; i++) {
        __asm__ volatile("fldcw %2\n\tfld1\n\tfildl %3\n\tfdivrp\n\tfstl %0\n\tfistpl %1\n\tfninit"
                         : "=m"(third), "=m"(n) : "m"(words[i]), "m"((int){ 7 * i + 2 }));
        print("quotient", third);
        printf("%d\n", n);
    }
    /* MMX over the same registers, in one block of code */
    __asm__ volatile("fldpi\n\tmovd %1, %%mm3\n\tpaddd %%mm3, %%mm3\n\tmovd %%mm3, %0\n\temms\n\t"
                     "fld1\n\tfstpl %2" : "=r"(n), "+r"((int){ 21 }), "=m"(third));
    printf("mmx %d %d\n", n, (int)third);
    __asm__ volatile("fld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfldpi");
    state("full");
    __asm__ volatile("fnclex\n\tfnstcw %0" : "=m"(cw));
    printf("cw %x\n", cw);
    __asm__ volatile("fninit");
}

int main(void)
{
    segv();
    interrupted();
    threads();
    children();
    modes();
    return 0;
}
