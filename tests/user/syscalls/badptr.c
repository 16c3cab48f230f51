/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every system call by its number with arguments that point nowhere, to memory that ends, and to
 * memory that must not be written: refused as natively, if not always for the same reason, and
 * never a crash. Each number in a process of its own, as some calls do succeed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAST = 450 };

/* Not for this test: calls that end or stop the caller, make processes, reach others or the whole
   machine (root may run this), or whose result says something of the host. */
static const int left_out[] = {
    SYS_exit, SYS_exit_group, SYS_fork, SYS_vfork, SYS_clone, SYS_pause, SYS_rt_sigreturn, SYS_kill,
    SYS_tkill, SYS_tgkill, SYS_reboot, SYS_sync, SYS_vhangup, SYS_setsid, SYS_getpid, SYS_getppid,
    SYS_gettid, SYS_getpgrp, SYS_getpgid, SYS_getsid, SYS_set_tid_address, SYS_alarm, SYS_brk,
    SYS_time, SYS_times, SYS_personality, SYS_umask, SYS_ptrace, SYS_syslog, SYS_mlockall, SYS_mmap,
    SYS_munmap, SYS_mremap, SYS_mprotect, SYS_swapon, SYS_swapoff, SYS_acct, SYS_kexec_load,
    SYS_init_module, SYS_delete_module, SYS_restart_syscall, SYS_epoll_create, SYS_epoll_create1,
    SYS_keyctl, SYS_add_key, SYS_request_key, SYS_getrandom, SYS_prctl, SYS_vmsplice, SYS_getcpu,
    SYS_sethostname, SYS_setdomainname, SYS_mount, SYS_umount2, SYS_chroot, SYS_pivot_root,
    SYS_ioperm, SYS_iopl, SYS_modify_ldt, SYS_shmat, SYS_setns, SYS_unshare,
    SYS_rt_sigsuspend, SYS_seccomp, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_futex,
    SYS_finit_module, SYS_uselib, SYS_lookup_dcookie,
    SYS_quotactl, SYS_nfsservctl, SYS_sysfs, SYS__sysctl, SYS_io_setup, SYS_io_destroy,
    SYS_sched_setaffinity, SYS_sched_setparam, SYS_sched_setscheduler, SYS_sched_setattr,
    SYS_setpriority, SYS_ioprio_set, SYS_migrate_pages, SYS_move_pages, SYS_prlimit64,
    SYS_process_vm_writev, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_setpgid,
#ifdef SYS_shmget
    SYS_shmget, SYS_msgget, SYS_semget,
#endif
    425, 426, 427,                  /* io_uring: refused by choice */
    334, 386,                       /* rseq: the same */
    335, 336,                       /* uretprobe, of newer kernels only */
    435, 449, 448, 447, 444, 445, 446, 443,
#ifdef __i386__
    SYS_nice, SYS_sigreturn, SYS_sigsuspend, SYS_signal, SYS_vm86, SYS_vm86old, SYS_bdflush,
    SYS_idle,
    SYS_set_thread_area, SYS_get_thread_area, SYS_sgetmask, SYS_ssetmask, SYS_waitpid, SYS_stime,
    SYS_olduname, SYS_oldolduname, SYS_ustat, SYS_readdir, SYS_mmap2, SYS_ipc, SYS_clock_settime64,
    SYS_futex_time64, SYS_afs_syscall, SYS_getpmsg, SYS_putpmsg, SYS_break, SYS_ftime, SYS_gtty,
    SYS_lock, SYS_mpx, SYS_prof, SYS_profil, SYS_stty, SYS_ulimit,
#else
    SYS_arch_prctl, SYS_kexec_file_load,
#endif
    SYS_wait4, SYS_waitid, SYS_adjtimex, SYS_clock_adjtime, SYS_settimeofday, SYS_clock_settime,
};

static int is_left_out(int number)
{
    for (unsigned i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        if (left_out[i] == number) {
            return 1;
        }
    }
    return 0;
}

static long bad[4];                 /* nowhere, the end of memory, read only, above everything */

enum { RESULT = 1, ERROR = 2 };

static int try(int number, int kind, int first)
{
    long a[6];

    for (int i = 0; i < 6; i++) {
        a[i] = bad[kind];
    }
    if (first) {
        a[0] = first == 1 ? 1 : AT_FDCWD;
    }
    return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) == -1 ? ERROR : RESULT;
}

static void on_alarm(int sig)
{
}

/* What blocks is interrupted. */
static int try_all(int number)
{
    const struct itimerval often = { { 0, 20000 }, { 0, 20000 } };
    const struct sigaction act = { .sa_handler = on_alarm };
    int file = memfd_create("own", 0);          /* what may be done to it is harmless */
    int result;

    for (int fd = 0; fd < 3; fd++) {
        dup2(file, fd);
    }
    result = try(number, 0, 1);                 /* all else depends on where things are */
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int kind = 0; kind < 4; kind++) {
        for (int first = 0; first < 3; first++) {
            try(number, kind, first);
        }
    }
    return result;
}

int main(void)
{
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    setvbuf(stdout, NULL, _IOLBF, 0);
    munmap(p + 4096, 4096);
    bad[0] = 16;
    bad[1] = (long)p + 4096 - 3;
    bad[2] = (long)"read only\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    bad[3] = -64;
    memset(p + 4096 - 3, 1, 3);
    if (chdir("/proc/self") < 0) {
        return 1;
    }
    for (int number = 0; number <= LAST; number++) {
        int status;
        pid_t pid;

        if (is_left_out(number)) {
            continue;
        }
        pid = fork();
        if (pid == 0) {
            _exit(try_all(number));
        }
        waitpid(pid, &status, 0);
        printf("call %d: %s, signal %d\n", number,
               WEXITSTATUS(status) == ERROR ? "refused" : "done",
               WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
    return 0;
}
