/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ptrace as debuggers use it: steps, registers, breakpoints, calls, events, attaching. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define PC(r) (r).rip
#define RESULT(r) (r).rax
#define NUMBER(r) (r).orig_rax
#else
#define PC(r) (r).eip
#define RESULT(r) (r).eax
#define NUMBER(r) (r).orig_eax
#endif

static volatile int value = 5, handled;

static int __attribute__((noinline)) target(int n)
{
    value += n;
    return value;
}

static void on_signal(int sig)
{
    handled = sig;
}

/* Signals and events by name, so that the output says what happened. */
static int wait_stop(pid_t pid, const char *what)
{
    int status = 0;
    pid_t got = waitpid(pid, &status, __WALL);

    if (got != pid) {
        printf("%s: waited for another\n", what);
    } else if (WIFSTOPPED(status)) {
        printf("%s: stopped %d, event %d\n", what, WSTOPSIG(status), status >> 16);
    } else {
        printf("%s: %s %d\n", what, WIFEXITED(status) ? "exited" : "killed",
               WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
    return status;
}

static pid_t start(void (*child)(void))
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        child();
        _exit(0);
    }
    wait_stop(pid, "start");
    return pid;
}

/* --- registers, memory, breakpoints ----------------------------------------------------------- */

static void call_target(void)
{
    signal(SIGUSR1, on_signal);
    int got = target(2);
    raise(SIGUSR1);
    raise(SIGUSR2);
    _exit(got + handled);
}

static void breakpoint(void)
{
    pid_t pid = start(call_target);
    struct user_regs_struct regs;
    long old = ptrace(PTRACE_PEEKTEXT, pid, target, 0), word;
    siginfo_t info;

    printf("value %d\n", (int)ptrace(PTRACE_PEEKDATA, pid, &value, 0));
    ptrace(PTRACE_POKETEXT, pid, target, (old & ~0xffl) | 0xcc);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_stop(pid, "breakpoint");
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    printf("pc %d, ", (int)(PC(regs) - (unsigned long)target));
    ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
    printf("code %d\n", info.si_code);
    ptrace(PTRACE_POKETEXT, pid, target, old);
    PC(regs) = (unsigned long)target;
    ptrace(PTRACE_SETREGS, pid, 0, &regs);
    word = 40;
    ptrace(PTRACE_POKEDATA, pid, &value, word);
    ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    wait_stop(pid, "step");
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    printf("moved %d\n", PC(regs) != (unsigned long)target);
    printf("user area: %d\n", (unsigned long)PC(regs) ==
           (unsigned long)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs) +
                                 ((char *)&PC(regs) - (char *)&regs), 0));
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_stop(pid, "first signal");
    ptrace(PTRACE_CONT, pid, 0, SIGUSR1);
    wait_stop(pid, "second signal");
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_stop(pid, "end");
}

static void bad_memory(void)
{
    pid_t pid = start(call_target);

    errno = 0;
    ptrace(PTRACE_PEEKDATA, pid, 8, 0);
    printf("peek: %d\n", errno);
    printf("poke: %ld %d\n", ptrace(PTRACE_POKEDATA, pid, 8, 1), errno);
    ptrace(PTRACE_KILL, pid, 0, 0);
    wait_stop(pid, "killed");
}

/* --- steps ------------------------------------------------------------------------------------ */

static void little_work(void)
{
    signal(SIGUSR1, on_signal);
    for (volatile int i = 0; i < 20; i++) {
    }
    raise(SIGUSR1);
    syscall(SYS_getppid);
    ((void (*)(void))7)();
}

static void steps(void)
{
    pid_t pid = start(little_work);
    int status = 0, n = 0, sig = 0;

    for (;;) {
        ptrace(PTRACE_SINGLESTEP, pid, 0, sig);
        waitpid(pid, &status, 0);
        if (!WIFSTOPPED(status)) {
            break;
        }
        n++;
        sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        if (sig) {
            struct user_regs_struct regs;

            ptrace(PTRACE_GETREGS, pid, 0, &regs);
            printf("signal %d%s\n", sig, PC(regs) == 7 ? " at 7" : "");
        }
    }
    printf("many steps %d, ended by %d\n", n > 100, WTERMSIG(status));
}

/* --- calls and events ------------------------------------------------------------------------- */

static void some_calls(void)
{
    pid_t child;

    syscall(SYS_getppid);
    syscall(SYS_close, 1000);
    child = fork();
    if (child == 0) {
        _exit(4);
    }
    waitpid(child, NULL, 0);
    execl("/bin/true", "true", NULL);
}

static void calls(void)
{
    pid_t pid = start(some_calls);
    struct user_regs_struct regs;
    int status;

    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
    for (int i = 0; i < 4; i++) {
        ptrace(PTRACE_SYSCALL, pid, 0, 0);
        status = wait_stop(pid, "call");
        ptrace(PTRACE_GETREGS, pid, 0, &regs);
        printf("number %d, result %s\n", (int)NUMBER(regs),
               (long)RESULT(regs) < 0 ? strerror(-(long)RESULT(regs)) : "fine");
    }
    /* The next call becomes another. */
    ptrace(PTRACE_SYSCALL, pid, 0, 0);
    wait_stop(pid, "entry");
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    NUMBER(regs) = -1;
    ptrace(PTRACE_SETREGS, pid, 0, &regs);
    ptrace(PTRACE_SYSCALL, pid, 0, 0);
    wait_stop(pid, "exit");
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    printf("result %ld\n", (long)RESULT(regs));
    ptrace(PTRACE_DETACH, pid, 0, 0);
    wait_stop(pid, "detached");
}

static void events(void)
{
    pid_t pid = start(some_calls), child;
    unsigned long message = 0;
    int status;

    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_stop(pid, "fork");
    ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
    child = message;
    wait_stop(child, "child");
    ptrace(PTRACE_CONT, child, 0, 0);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_stop(child, "child's exit");
    ptrace(PTRACE_GETEVENTMSG, child, 0, &message);
    printf("with %lu\n", message >> 8);
    ptrace(PTRACE_CONT, child, 0, 0);
    wait_stop(child, "child's end");
    do {
        status = wait_stop(pid, "parent");
        ptrace(PTRACE_CONT, pid, 0, status >> 8 == SIGCHLD ? SIGCHLD : 0);
    } while (WIFSTOPPED(status));
}

/* --- attaching -------------------------------------------------------------------------------- */

static void *sleeper(void *opaque)
{
    while (!handled) {
        usleep(1000);
    }
    return NULL;
}

static pid_t start_threads(void)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        pthread_t t;

        pthread_create(&t, NULL, sleeper, NULL);
        sleeper(NULL);
        pthread_join(t, NULL);
        _exit(9);
    }
    usleep(30000);
    return pid;
}

static void attach(void)
{
    pid_t pid = start_threads();

    printf("attach %ld\n", ptrace(PTRACE_ATTACH, pid, 0, 0));
    wait_stop(pid, "attached");
    printf("handled %d\n", (int)ptrace(PTRACE_PEEKDATA, pid, &handled, 0));
    ptrace(PTRACE_POKEDATA, pid, &handled, 1);
    printf("detach %ld\n", ptrace(PTRACE_DETACH, pid, 0, 0));
    wait_stop(pid, "afterwards");
}

static void seize(void)
{
    pid_t pid = start_threads();
    struct user_regs_struct regs;
    struct iovec iov = { &regs, sizeof(regs) };

    printf("seize %ld\n", ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
    printf("interrupt %ld\n", ptrace(PTRACE_INTERRUPT, pid, 0, 0));
    wait_stop(pid, "interrupted");
    printf("regset %ld, size %d\n", ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov),
           iov.iov_len == sizeof(regs));
    ptrace(PTRACE_POKEDATA, pid, &handled, 1);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_stop(pid, "end");
    errno = 0;
    printf("of nobody: %ld", ptrace(PTRACE_CONT, pid, 0, 0));
    printf(" %d\n", errno);
}

int main(void)
{
    breakpoint();
    bad_memory();
    steps();
    calls();
    events();
    attach();
    seize();
    return 0;
}
