/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that only 32-bit x86 has: the old ones, the multiplexers, and those with 64-bit time. */
#include "check.h"

#ifdef __i386__
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

struct time64 {
    long long sec, nsec;
};

struct stat_now {
    unsigned long dev, ino;
    unsigned short mode, nlink, uid, gid;
    unsigned long rdev, size, blksize, blocks, atime, ansec, mtime, mnsec, ctime, cnsec, pad[2];
};

struct stat_old {
    unsigned short dev, ino, mode, nlink, uid, gid, rdev;
    unsigned long size, atime, mtime, ctime;
};

struct statfs_large {
    unsigned type, bsize;
    unsigned long long blocks, bfree, bavail, files, ffree;
    int fsid[2];
    unsigned namelen, frsize, flags, spare[4];
} __attribute__((packed, aligned(4)));

static void files(void)
{
    struct stat_now st;
    struct stat_old old;
    struct statfs_large fs;
    char buf[512];
    long long pos = 0;
    int fd = open("a", O_RDWR | O_CREAT, 0644);

    R(write(fd, "0123456789", 10));
    R(syscall(SYS_stat, "a", &st));
    V(st.mode);
    V(st.size);
    V(st.nlink);
    V(st.blksize);
    R(syscall(SYS_lstat, "a", &st));
    R(syscall(SYS_fstat, fd, &st));
    V(st.size);
    R(syscall(SYS_fstat, fd, BAD));
    OK(syscall(SYS_oldstat, "/dev/null", &old) == 0 || errno == EOVERFLOW);
    R(syscall(SYS__llseek, fd, 1, 5, &pos, SEEK_SET));
    V(pos);
    R(syscall(SYS__llseek, fd, 0, 4, BAD, SEEK_SET));
    R(syscall(SYS_lseek, fd, 4, SEEK_SET));
    R(read(fd, buf, 2));
    V(buf[0]);
    R(syscall(SYS_ftruncate64, fd, 5, 0));
    R(syscall(SYS_truncate64, "a", 6, 0));
    R(syscall(SYS_pread64, fd, buf, 3, 2, 0));
    R(syscall(SYS_pwrite64, fd, "ab", 2, 8, 0));
    R(syscall(SYS_fallocate, fd, 0, 0, 0, 20, 0));
    R(syscall(SYS_fadvise64, fd, 0, 0, 5, 0));
    R(syscall(SYS_fadvise64_64, fd, 0, 0, 5, 0, 0));
    R(syscall(SYS_readahead, fd, 0, 0, 5));
    R(syscall(SYS_sync_file_range, fd, 0, 0, 5, 0, 0));
    R(syscall(SYS_statfs64, "/proc", sizeof(fs), &fs));
    V(fs.type);
    V(fs.namelen);
    R(syscall(SYS_fstatfs64, fd, 88, &fs));
    R(syscall(SYS_statfs64, "/proc", 90, &fs));
    R(syscall(SYS_creat, "b", 0600));
    R(syscall(SYS_chown, "b", 5, 6));
    R(syscall(SYS_stat, "b", &st));
    V(st.uid);
    V(st.gid);
    R(syscall(SYS_lchown, "b", -1, 7));
    R(syscall(SYS_fchown32, fd, 70000, 70001));
    R(syscall(SYS_fstat, fd, &st));
    V(st.uid);
    struct flock64 lock = {F_WRLCK, SEEK_SET, 0x100000000ll, 10};
    R(syscall(SYS_fcntl64, fd, F_SETLK64, &lock));
    R(syscall(SYS_fcntl, fd, F_GETFL) & O_ACCMODE);
    struct time64 t[2] = {{5000000000ll, 7}, {1, 8}};
    R(syscall(SYS_utimensat_time64, AT_FDCWD, "a", t, 0));
    struct statx stx;
    R(statx(AT_FDCWD, "a", 0, STATX_ALL, &stx));
    V(stx.stx_atime.tv_sec);
    V(stx.stx_atime.tv_nsec);
    R(syscall(SYS_umount, "/nothing"));
    off_t off = 3;
    R(syscall(SYS_sendfile, 1000, fd, &off, 3));
    int dir = open(".", O_RDONLY);
    OK(syscall(SYS_readdir, dir, buf, 1));
    R(syscall(SYS_readdir, dir, BAD, 1));
}

static void selecting(void)
{
    fd_set r;
    int p[2];
    struct timeval tv = {0, 1000};
    struct time64 t = {0, 1000000};
    struct { int n; fd_set *r, *w, *e; struct timeval *t; } packed = {0, &r, NULL, NULL, &tv};

    R(pipe(p));
    R(write(p[1], "x", 1));
    FD_ZERO(&r);
    FD_SET(p[0], &r);
    packed.n = p[0] + 1;
    R(syscall(SYS_select, &packed));
    V(FD_ISSET(p[0], &r));
    R(syscall(SYS__newselect, p[0] + 1, &r, NULL, NULL, &tv));
    R(syscall(SYS_pselect6_time64, p[0] + 1, &r, NULL, NULL, &t, NULL));
    struct pollfd pf = {p[0], POLLIN, 0};
    R(syscall(SYS_ppoll_time64, &pf, 1, &t, NULL, 8));
    R(syscall(SYS_select, BAD));
}

static int count;

static void handler(int sig)
{
    count++;
}

/* What SA_RESTORER (0x04000000) asks for. */
void restorer(void);
__asm__("restorer: pop %eax; mov $119, %eax; int $0x80");

static void signals(void)
{
    struct { void *handler; unsigned long mask, flags; void *restorer; } old,
        new = {handler, 0, 0x04000000, restorer};
    unsigned long mask = 1 << (SIGUSR1 - 1), before;
    struct time64 t = {0, 1000000};
    sigset_t set;
    siginfo_t info;

    R(syscall(SYS_sigaction, SIGUSR1, &new, &old));
    V((long)old.handler);
    R(syscall(SYS_sigprocmask, SIG_BLOCK, &mask, &before));
    V(before);
    R(raise(SIGUSR1));
    R(syscall(SYS_sigpending, &before));
    V(before);
    R(syscall(SYS_sgetmask));
    R(syscall(SYS_sigsuspend, 0, 0, 0));
    V(count);
    R(syscall(SYS_ssetmask, 0));
    R(syscall(SYS_sigprocmask, 9, &mask, NULL));
    V(syscall(SYS_signal, SIGUSR2, SIG_IGN));
    V(syscall(SYS_signal, SIGUSR2, SIG_DFL));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    R(syscall(SYS_rt_sigtimedwait_time64, &set, &info, &t, 8));
    raise(SIGUSR2);
    R(syscall(SYS_rt_sigtimedwait_time64, &set, &info, &t, 8));
    V(info.si_signo);
}

static void times(void)
{
    struct time64 t = {0, 0}, u[2] = {{0, 0}, {0, 1000000}};
    long now = time(NULL);
    timer_t timer = 0;
    unsigned long long ticks;

    R(syscall(SYS_clock_gettime64, CLOCK_REALTIME, &t));
    V(t.sec >= now && t.sec < now + 3);
    R(syscall(SYS_clock_getres_time64, CLOCK_MONOTONIC, &t));
    V(t.nsec);
    t.nsec = 1000 | 5ll << 32;
    R(syscall(SYS_clock_nanosleep_time64, CLOCK_MONOTONIC, 0, &t, NULL));
    int fd = syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0);
    u[1].sec = 0;
    R(syscall(SYS_timerfd_settime64, fd, 0, u, NULL));
    R(read(fd, &ticks, 8));
    R(syscall(SYS_timerfd_gettime64, fd, u));
    V(u[1].sec);
    int word = 5;
    t = (struct time64){0, 1000000};
    R(syscall(SYS_futex_time64, &word, 0, 5, &t, NULL, 0));
    R(syscall(SYS_sched_rr_get_interval_time64, 0, &t));
    R(syscall(SYS_stime, BAD));
    int status;
    pid_t child = fork();
    if (!child) {
        _exit(4);
    }
    V(syscall(SYS_waitpid, child, &status, 0) == child);
    V(status);
    struct rlimit r;
    R(syscall(SYS_setrlimit, RLIMIT_CORE, &(struct rlimit){0x90000000, ~0ul}));
    R(syscall(SYS_getrlimit, RLIMIT_CORE, &r));
    V(r.rlim_cur);
    R(syscall(SYS_ugetrlimit, RLIMIT_CORE, &r));
    V(r.rlim_cur);
    V(r.rlim_max);
    R(syscall(SYS_nice, 1));
}

static void users(void)
{
    unsigned short r, e, s, list[5] = {1, 2};
    unsigned wide[5] = {70000, 5};

    V(syscall(SYS_getuid));
    V(syscall(SYS_getegid32));
    R(syscall(SYS_getresuid, &r, &e, &s));
    V(r);
    OK(syscall(SYS_setgroups32, 2, wide));
    R(syscall(SYS_getgroups, 5, list));
    OK(list[0] == 65534 ? 0 : -1);
    OK(syscall(SYS_setgroups, 2, (unsigned short[]){8, 9}));
    R(syscall(SYS_getgroups32, 5, wide));
    V(wide[1]);
    R(syscall(SYS_setresgid, -1, -1, -1));
    R(syscall(SYS_setreuid, -1, 0xffff));
    R(syscall(SYS_setfsuid, -1));
}

static void multiplexed(void)
{
    unsigned long a[6] = {AF_UNIX, SOCK_STREAM, 0, 0};
    int p[2];
    char buf[10];

    a[3] = (unsigned long)p;
    R(syscall(SYS_socketcall, 8, a));
    R(syscall(SYS_socketcall, 9, (unsigned long[]){p[0], (unsigned long)"hey", 3, 0}));
    R(syscall(SYS_socketcall, 10, (unsigned long[]){p[1], (unsigned long)buf, 10, 0}));
    R(syscall(SYS_socketcall, 13, (unsigned long[]){p[0], 1}));
    R(syscall(SYS_socketcall, 99, a));
    R(syscall(SYS_socketcall, 1, BAD));
    int id = syscall(SYS_ipc, 23, 0, 5000, 01600, 0, 0); /* shmget */
    unsigned long at;
    R(syscall(SYS_ipc, 21, id, 0, &at, 0, 0));
    *(int *)at = 5;
    R(syscall(SYS_ipc, 24, id, 2 | 0x100, 0, buf - 0x1000 ? malloc(200) : 0, 0));
    unsigned char old[64];
    R(syscall(SYS_ipc, 24, id, 2, 0, old, 0));
    V(*(int *)(old + 16));
    R(syscall(SYS_ipc, 22, 0, 0, 0, at, 0));
    R(syscall(SYS_ipc, 24, id, 0, 0, 0, 0));
    id = syscall(SYS_ipc, 2, 0, 1, 01600, 0, 0); /* semget */
    unsigned long value = 3;
    R(syscall(SYS_ipc, 3, id, 0, 16, &value, 0)); /* SETVAL */
    R(syscall(SYS_ipc, 1, id, 1, 0, (short[]){0, -2, 0}, 0));
    R(syscall(SYS_ipc, 3, id, 0, 12, &value, 0)); /* GETVAL */
    R(syscall(SYS_ipc, 4, id, 1, 0, (short[]){0, -2, 0}, (long[]){0, 1000000}));
    R(syscall(SYS_ipc, 3, id, 0, 0, &value, 0));
    id = syscall(SYS_ipc, 13, 0, 01600, 0, 0, 0); /* msgget */
    struct { long type; char text[8]; } m = {3, "msg"};
    R(syscall(SYS_ipc, 11, id, 4, 0, &m, 0));
    unsigned long pack[2] = {(unsigned long)&m, 0};
    m.type = 0;
    R(syscall(SYS_ipc, 12, id, 8, 0, pack, 0));
    V(m.type);
    R(syscall(SYS_ipc, 14, id, 0, 0, 0, 0));
    R(syscall(SYS_ipc, 99, 0, 0, 0, 0, 0));
}

static void others(void)
{
    unsigned long a[6] = {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0};
    char name[400] = "";
    long p = syscall(SYS_mmap, a);

    V(p != -1);
    V(syscall(SYS_mmap2, p, 4096, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == p);
    R(syscall(SYS_mmap, BAD));
    R(syscall(SYS_oldolduname, name));
    S(name);
    R(syscall(SYS_olduname, name));
    S(name + 65);
    R(syscall(SYS_vm86old, BAD));
    R(syscall(SYS_stty));
    R(syscall(SYS_quotactl, 0x800001, "/nothing", 0, BAD));
    R(syscall(SYS_ustat, 0, BAD));
}

int main(void)
{
    enter();
    files();
    selecting();
    signals();
    times();
    users();
    multiplexed();
    others();
    leave();
    return 0;
}
#else
int main(void)
{
    return 0;
}
#endif
