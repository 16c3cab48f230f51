/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals, clocks, timers and what waits for them. */
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <time.h>

static volatile int count, last_code, last_value;

static void handler(int sig, siginfo_t *info, void *context)
{
    count++;
    last_code = info->si_code;
    last_value = info->si_value.sival_int;
}

static void act(int sig, int flags)
{
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

    R(sigaction(sig, &a, NULL));
}

static void signals(void)
{
    sigset_t set, old;
    struct sigaction a;
    siginfo_t info;
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    struct timespec t = {0, 1000000};

    act(SIGUSR1, 0);
    R(raise(SIGUSR1));
    V(count);
    V(last_code);
    R(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 42}));
    V(last_code);
    V(last_value);
    R(sigaction(SIGUSR1, NULL, &a));
    V(a.sa_flags & ~0x04000000);
    R(sigaction(SIGKILL, &a, NULL));
    R(sigaction(100, &a, NULL));
    R(syscall(SYS_rt_sigaction, SIGUSR1, BAD, NULL, 8));
    R(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    R(sigprocmask(SIG_BLOCK, &set, &old));
    V(sigismember(&old, SIGUSR1));
    R(kill(getpid(), SIGUSR1));
    V(count);
    R(sigpending(&old));
    V(sigismember(&old, SIGUSR1));
    R(sigtimedwait(&set, &info, &t));
    V(info.si_signo);
    V(info.si_code);
    V(info.si_pid == getpid());
    R(sigtimedwait(&set, &info, &t));
    R(kill(getpid(), SIGUSR1));
    sigemptyset(&old);
    R(sigsuspend(&old));
    V(count);
    R(syscall(SYS_rt_sigprocmask, 77, &set, NULL, 8));
    R(syscall(SYS_rt_sigprocmask, SIG_BLOCK, BAD, NULL, 8));
    R(sigprocmask(SIG_UNBLOCK, &set, NULL));
    R(sigaltstack(&stack, NULL));
    R(sigaltstack(NULL, &stack));
    V(stack.ss_flags);
    V(stack.ss_size);
    stack.ss_size = 10;
    R(sigaltstack(&stack, NULL));
    R(kill(getpid(), 0));
    R(kill(getpid(), 200));
    R(kill(99999999, 0));
    R(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
    V(count);
    V(last_code);
    R(syscall(SYS_tkill, -1, SIGUSR1));
}

/* The timer repeats, so that a signal that comes before the call waits does no harm. */
static void start(void)
{
    struct itimerval it = {{0, 20000}, {0, 20000}};

    count = 0;
    setitimer(ITIMER_REAL, &it, NULL);
}

static void stop(void)
{
    struct itimerval none = {{0, 0}, {0, 0}}, left;

    setitimer(ITIMER_REAL, &none, &left);
    V(left.it_interval.tv_usec);
    V(count > 0);
}

static void interrupted(void)
{
    struct itimerval it;
    struct timespec t = {5, 0}, rest = {0};
    struct pollfd p = {0, 0, 0};
    int fds[2], result;
    char c;

    act(SIGALRM, 0);
    R(pipe(fds));
    start();
    result = nanosleep(&t, &rest);
    stop();
    V(result);
    V(rest.tv_sec);
    start();
    result = poll(&p, 0, 5000);
    stop();
    V(result);
    start();
    result = read(fds[0], &c, 1);
    stop();
    V(result);
    start();
    result = pause();
    stop();
    V(result);
    act(SIGALRM, SA_RESTART);
    if (!fork()) {
        usleep(100000);
        _exit(write(fds[1], "x", 1) != 1);
    }
    start();
    result = read(fds[0], &c, 1);
    stop();
    V(result);
    R(wait(NULL) > 0);
    R(getitimer(ITIMER_REAL, &it));
    V(it.it_value.tv_usec);
    R(getitimer(9, &it));
    R(alarm(100));
    V(alarm(0) > 90);
}

static void clocks(void)
{
    struct timespec t, u;
    struct timeval v;
    struct timex x = {0};
    time_t now = time(NULL);

    R(clock_gettime(CLOCK_REALTIME, &t));
    V(t.tv_sec >= now && t.tv_sec < now + 3);
    R(clock_gettime(CLOCK_MONOTONIC, &t));
    R(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &u));
    R(clock_gettime(99, &u));
    R(syscall(SYS_clock_gettime, CLOCK_REALTIME, BAD));
    R(clock_getres(CLOCK_MONOTONIC, &u));
    V(u.tv_nsec);
    R(gettimeofday(&v, NULL));
    V(v.tv_sec >= now);
    R(syscall(SYS_gettimeofday, BAD, NULL));
    V(syscall(SYS_time, NULL) >= now);
    R(syscall(SYS_time, BAD));
    t.tv_nsec = 1000000001;
    R(nanosleep(&t, NULL));
    R(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 1000}, NULL));
    R(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){1, 0}, NULL));
    R(clock_settime(CLOCK_MONOTONIC, &t));
    OK(adjtimex(&x));
    V(x.tick);
    R(syscall(SYS_adjtimex, BAD));
}

static void timers(void)
{
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2,
                         .sigev_value.sival_int = 77};
    struct itimerspec it = {{0, 5000000}, {0, 5000000}}, old;
    timer_t timer;
    unsigned long long ticks = 0;
    int fd;

    act(SIGUSR2, 0);
    count = 0;
    R(timer_create(CLOCK_MONOTONIC, &e, &timer));
    R(timer_settime(timer, 0, &it, NULL));
    R(pause());
    V(count > 0);
    V(last_code);
    V(last_value);
    R(timer_gettime(timer, &old));
    V(old.it_interval.tv_nsec);
    OK(timer_getoverrun(timer));
    R(timer_delete(timer));
    R(syscall(SYS_timer_delete, 12345));
    fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    R(timerfd_settime(fd, 0, &it, &old));
    R(read(fd, &ticks, 8));
    V(ticks > 0);
    R(timerfd_gettime(fd, &old));
    V(old.it_interval.tv_nsec);
    R(timerfd_settime(0, 0, &it, &old));
    R(timerfd_create(99, 0));
}

static void descriptors(void)
{
    sigset_t set;
    struct signalfd_siginfo si;
    struct epoll_event e = {EPOLLIN, {.u64 = 0x123456789abcdefull}}, got[4];
    struct pollfd p[2];
    struct timeval tv = {0, 1000};
    struct timespec ts = {0, 1000000};
    fd_set r, w;
    unsigned long long v = 3;
    int event = eventfd(0, EFD_NONBLOCK), ep = epoll_create1(0), fd, watch;
    char buf[4096];

    R(read(event, &v, 8));
    R(write(event, &v, 8));
    R(epoll_ctl(ep, EPOLL_CTL_ADD, event, &e));
    R(epoll_ctl(ep, EPOLL_CTL_ADD, event, &e));
    R(epoll_ctl(ep, EPOLL_CTL_MOD, 77, &e));
    R(epoll_ctl(ep, EPOLL_CTL_MOD, event, BAD));
    R(epoll_wait(ep, got, 4, 100));
    V(got[0].events);
    V(got[0].data.u64);
    sigemptyset(&set);
    R(epoll_pwait(ep, got, 4, 100, &set));
    R(syscall(SYS_epoll_pwait2, ep, got, 4, NULL, NULL, 8));
    R(epoll_wait(ep, BAD, 4, 100));
    R(epoll_wait(ep, got, 0, 100));
    p[0] = (struct pollfd){event, POLLIN | POLLOUT, 0};
    p[1] = (struct pollfd){9999, POLLIN, 0};
    R(poll(p, 2, 10));
    V(p[0].revents);
    V(p[1].revents);
    R(ppoll(p, 1, &ts, &set));
    R(syscall(SYS_poll, BAD, 1, 0));
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_SET(event, &r);
    FD_SET(event, &w);
    R(select(event + 1, &r, &w, NULL, &tv));
    V(FD_ISSET(event, &r));
    R(read(event, &v, 8));
    V(v);
    FD_ZERO(&r);
    FD_SET(event, &r);
    R(select(event + 1, &r, NULL, NULL, &tv));
    V(FD_ISSET(event, &r));
    V(tv.tv_usec);
    R(pselect(event + 1, &r, NULL, NULL, &ts, &set));
    R(select(-1, NULL, NULL, NULL, NULL));
    R(select(event + 1, BAD, NULL, NULL, NULL));
    FD_SET(900, &r);
    R(select(901, NULL, &r, NULL, &tv));
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_NONBLOCK);
    R(read(fd, &si, sizeof(si)));
    R(raise(SIGUSR1));
    R(read(fd, &si, sizeof(si)));
    V(si.ssi_signo);
    V(si.ssi_code);
    R(signalfd(0, &set, 0));
    watch = inotify_init1(IN_NONBLOCK);
    R(inotify_add_watch(watch, ".", IN_CREATE));
    R(close(open("made", O_CREAT | O_WRONLY, 0600)));
    R(read(watch, buf, sizeof(buf)));
    S(((struct inotify_event *)buf)->name);
    R(inotify_rm_watch(watch, 1));
    R(inotify_rm_watch(watch, 1));
    R(inotify_add_watch(watch, "nothing", IN_CREATE));
}

int main(void)
{
    enter();
    signals();
    interrupted();
    clocks();
    timers();
    descriptors();
    leave();
    return 0;
}
