/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes, users, limits, scheduling, memory and the system. */
#include "check.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static void children(void)
{
    int status = 0;
    siginfo_t info;
    struct rusage use;
    pid_t child = fork();

    if (!child) {
        _exit(7);
    }
    V(waitpid(child, &status, 0) == child);
    V(status);
    R(waitpid(child, &status, 0));
    R(wait4(-1, NULL, WNOHANG, NULL));
    child = vfork();
    if (!child) {
        _exit(9);
    }
    V(wait4(child, &status, 0, &use) == child);
    V(WEXITSTATUS(status));
    child = fork();
    if (!child) {
        raise(SIGKILL);
    }
    memset(&info, 0, sizeof(info));
    R(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
    V(info.si_pid == child);
    V(info.si_signo);
    V(info.si_code);
    V(info.si_status);
    R(waitid(P_PID, child, NULL, WEXITED));
    R(waitid(P_PID, child, &info, WEXITED));
    R(waitid(P_ALL, 0, &info, 0));
    child = fork();
    if (!child) {
        execl("/bin/sh", "sh", "-c", "exit 5", NULL);
        _exit(1);
    }
    V(waitpid(child, &status, 0) == child);
    V(status);
    R(execl("/nothing", "x", NULL));
    R(execl("/etc/passwd", "x", NULL));
    R(execv(BAD, NULL));
    R(execl("/tmp", "x", NULL));
    R(waitpid(-1, BAD, WNOHANG));
    V(getppid() > 0);
    V(getpid() == syscall(SYS_gettid));
    V(getpgrp() == getpgid(0));
    V(getsid(0) > 0);
    R(setpgid(99999999, 0));
    R(getpgid(99999999));
    int fd = syscall(SYS_pidfd_open, getpid(), 0);
    V(fd >= 0);
    R(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    close(fd);
}

static void users(void)
{
    uid_t r, e, s;
    gid_t list[65];
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    V(getuid());
    V(geteuid());
    V(getgid());
    V(getegid());
    R(getresuid(&r, &e, &s));
    V(r);
    V(s);
    R(getresgid(&r, &e, &s));
    V(e);
    R(syscall(SYS_getresuid, BAD, &e, &s));
    OK(getgroups(65, list));
    R(getgroups(-1, list));
    OK(setgroups(2, (gid_t[]){5, 70000}));
    OK(getgroups(65, list));
    V(list[0]);
    R(syscall(SYS_capget, &header, data));
    V(data[0].permitted);
    R(syscall(SYS_capset, &header, data));
    header.version = 1;
    R(syscall(SYS_capget, &header, data));
    V(header.version == _LINUX_CAPABILITY_VERSION_3);
    pid_t child = fork();
    if (!child) {
        OK(setresgid(10, 11, 12));
        OK(setresuid(20, 21, 22));
        R(getresuid(&r, &e, &s));
        V(r);
        V(e);
        V(s);
        R(setuid(0));
        R(setreuid(21, 20));
        V(getuid());
        V(setfsuid(-1));
        V(setfsgid(-1));
        R(kill(1, 0));
        exit(0);
    }
    waitpid(child, NULL, 0);
}

static void limits(void)
{
    struct rlimit l = {100, 200};
    struct rusage use;
    struct sched_param p = {0};
    struct timespec t;
    cpu_set_t cpus;
    unsigned cpu;

    R(setrlimit(RLIMIT_CORE, &l));
    R(getrlimit(RLIMIT_CORE, &l));
    V(l.rlim_cur);
    V(l.rlim_max);
    R(prlimit(0, RLIMIT_NOFILE, NULL, &l));
    V(l.rlim_cur);
    R(setrlimit(RLIMIT_AS, &(struct rlimit){1 << 30, RLIM_INFINITY}));
    R(getrlimit(RLIMIT_AS, &l));
    V(l.rlim_cur);
    V(l.rlim_max == RLIM_INFINITY);
    R(getrlimit(99, &l));
    R(syscall(SYS_prlimit64, 0, RLIMIT_CORE, BAD, NULL));
    R(getrusage(RUSAGE_SELF, &use));
    V(use.ru_maxrss > 0);
    R(getrusage(55, &use));
    R(syscall(SYS_getrusage, 0, BAD));
    errno = 0;
    R(getpriority(PRIO_PROCESS, 0));
    OK(setpriority(PRIO_PROCESS, 0, 3));
    R(getpriority(PRIO_PROCESS, 0));
    OK(nice(2));
    R(getpriority(PRIO_PROCESS, 0));
    R(sched_getscheduler(0));
    R(sched_getparam(0, &p));
    V(p.sched_priority);
    R(sched_setscheduler(0, SCHED_BATCH, &p));
    R(sched_getscheduler(0));
    R(sched_get_priority_max(SCHED_FIFO));
    R(sched_get_priority_min(SCHED_RR));
    R(sched_get_priority_min(77));
    R(sched_rr_get_interval(0, &t));
    R(sched_yield());
    R(sched_getaffinity(0, sizeof(cpus), &cpus));
    V(CPU_COUNT(&cpus) > 0);
    R(sched_setaffinity(0, sizeof(cpus), &cpus));
    R(syscall(SYS_sched_getaffinity, 0, 0, &cpus));
    R(syscall(SYS_sched_getaffinity, 0, 3, &cpus));
    R(getcpu(&cpu, NULL));
    R(syscall(SYS_ioprio_get, 1, 0));
    unsigned char attr[48];
    R(syscall(SYS_sched_getattr, 0, attr, sizeof(attr), 0));
    V(attr[0]);
}

static void memory(void)
{
    char *p = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char in[4];

    memset(p, 1, 0x4000);
    R(mprotect(p, 0x1000, PROT_READ));
    R(read(open("/dev/zero", O_RDONLY), p, 10));
    R(mprotect(p, 0x1000, PROT_NONE));
    R(write(1, p, 10));
    R(munmap(p + 0x1000, 0x1000));
    R(mincore(p + 0x1000, 0x1000, in));
    R(mincore(p + 0x2000, 0x2000, in));
    V(in[0] & 1);
    R(mincore(p + 0x2001, 0x2000, in));
    R(msync(p + 0x2000, 0x1000, MS_SYNC));
    R(msync(p + 0x1000, 0x1000, MS_SYNC));
    R(madvise(p + 0x2000, 0x1000, MADV_DONTNEED));
    V(p[0x2000]);
    R(madvise(p + 0x2000, 0x1000, 9999));
    R(mlock(p + 0x2000, 0x1000));
    R(munlock(p + 0x2000, 0x1000));
    char *q = mremap(p + 0x3000, 0x1000, 0x8000, MREMAP_MAYMOVE);
    V(q != MAP_FAILED && q[0] == 1);
    V(mremap(p + 0x1000, 0x1000, 0x2000, MREMAP_MAYMOVE) == MAP_FAILED);
    R(munmap(p + 1, 0x1000));
    R(mprotect(p + 1, 0x1000, PROT_READ));
    R(mprotect(p + 0x1000, 0x1000, PROT_READ));
    V(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    V(mmap(NULL, 10, PROT_READ, MAP_PRIVATE, -1, 0) == MAP_FAILED);
    V(mmap(NULL, 10, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    V(sbrk(0x1000) != (void *)-1);
    R(syscall(SYS_membarrier, 0, 0, 0) > 0);
    R(syscall(SYS_pkey_free, 3));
}

static void system_wide(void)
{
    struct utsname u;
    struct sysinfo info;
    struct tms t;
    char name[16] = "";
    int value = 5;

    R(uname(&u));
    S(u.sysname);
    S(u.release);
    R(uname(BAD));
    R(sysinfo(&info));
    V((long long)info.totalram * info.mem_unit > 1 << 24);
    V(info.procs > 0);
    R(sysinfo(BAD));
    OK(times(&t));
    R(prctl(PR_SET_NAME, "a name"));
    R(prctl(PR_GET_NAME, name));
    S(name);
    R(prctl(PR_SET_PDEATHSIG, SIGUSR1));
    R(prctl(PR_GET_PDEATHSIG, &value));
    V(value);
    R(prctl(PR_GET_PDEATHSIG, BAD));
    R(prctl(PR_GET_DUMPABLE));
    R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    R(prctl(12345));
    R(syscall(SYS_getrandom, name, 16, 0));
    R(syscall(SYS_getrandom, BAD, 16, 0));
    R(syscall(SYS_personality, 0xffffffff));
    R(sethostname(BAD, 5));
    R(syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 1) >= 0);
    R(syscall(SYS_delete_module, "no_such_module", 0));
    R(syscall(9999));
    R(syscall(SYS_set_robust_list, NULL, 1));
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    children();
    users();
    limits();
    memory();
    system_wide();
    return 0;
}
