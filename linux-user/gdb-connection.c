/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stub of a process: its thread, the socket, and what gdb asks of processes. */
#include "linux-user/gdb-internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/bits.h"
#include "cpu-debug.h"
#include "linux-user/host.h"
#include "linux-user/internal.h"
#include "linux-user/syscalls/siginfo.h"
#include "tcg/user/user.h"

enum { FIRST_FD = 1000, STUB_STACK = 256 << 10, OPTION_MAX = 64 };

#define S gdb_state

/* --- threads ---------------------------------------------------------------------------------- */

struct task *gdb_task_of(struct cpu *cpu)
{
    struct task *t;

    user_tasks_lock();
    t = user_tasks();
    while (t && t->cpu != cpu) {
        t = t->next;
    }
    user_tasks_unlock();
    return t;
}

static uint32_t thread_id(struct gdb *g, struct cpu *cpu)
{
    struct task *t = gdb_task_of(cpu);

    return t ? t->tid : 0;
}

/* By number: the list is in the order of creation, the newest first. */
static struct cpu *next_thread(struct gdb *g, struct cpu *cpu)
{
    uint32_t after = cpu ? thread_id(g, cpu) : 0;
    struct task *best = NULL;

    user_tasks_lock();
    for (struct task *t = user_tasks(); t; t = t->next) {
        if ((uint32_t)t->tid > after && (!best || t->tid < best->tid)) {
            best = t;
        }
    }
    user_tasks_unlock();
    return best ? best->cpu : NULL;
}

static uint32_t process_id(struct gdb *g)
{
    return getpid();
}

static void describe_thread(struct gdb *g, struct cpu *cpu, char *text, size_t size)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/self/task/%u/comm", thread_id(g, cpu));
    f = fopen(path, "re");
    text[0] = 0;
    if (f) {
        if (!fgets(text, size, f)) {
            text[0] = 0;
        }
        fclose(f);
    }
    text[strcspn(text, "\n")] = 0;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* By the kernel, which finds out what is accessible and minds no protection. */
static bool copy(uint64_t addr, void *data, size_t size, bool write)
{
    struct iovec local = { data, size }, remote = { user_ptr(addr), size };
    ssize_t done;

    if (S.memory <= 0) {
        S.memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    }
    if (S.memory > 0) {
        done = write ? pwrite(S.memory, data, size, (uintptr_t)user_ptr(addr))
                     : pread(S.memory, data, size, (uintptr_t)user_ptr(addr));
    } else {
        done = write ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0)
                     : process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    }
    return done == (ssize_t)size;
}

static bool access_memory(struct gdb *g, struct cpu *cpu, uint64_t addr, void *data, size_t size,
                          bool write)
{
    if (the_target.word_bits == 32) {
        addr = (uint32_t)addr;
    }
    if (addr >= user_top || size > user_top - addr || !user_access(addr, size, 0)) {
        return false;
    }
    if (write) {
        code_open(addr, size);
    }
    return copy(addr, data, size, write);
}

/* --- stopping and running --------------------------------------------------------------------- */

static void stop(struct gdb *g)
{
    if (!S.stopping) {
        gdb_stop_begin();
    }
    gdb_stop_wait();
}

static void interrupt(struct gdb *g)
{
    struct cpu *cpu = gdb_stop_thread(g);

    if (!gdb_is_waiting(g) || S.stopping) {
        return;
    }
    stop(g);
    if (!cpu || !thread_id(g, cpu)) {
        cpu = next_thread(g, NULL);
    }
    gdb_report_stop(g, cpu, GDB_SIGNAL_INT);
}

static void resume(struct gdb *g)
{
    struct cpu *cpu = gdb_stop_thread(g);

    gdb_go(cpu ? gdb_task_of(cpu) : NULL);
}

static void detach(struct gdb *g)
{
    gdb_connection_lost();
}

static void kill_process(struct gdb *g)
{
    gdb_link_close();
    kill(getpid(), SIGKILL);
}

static void set_signal(struct gdb *g, struct cpu *cpu, int sig)
{
    struct task *t = gdb_task_of(cpu);

    if (t) {
        t->debug.signal = sig;
    }
}

static bool other_process(struct gdb *g, uint32_t pid, const char *packet, size_t size)
{
    return S.link >= 0 && pid == S.link_pid && gdb_link_pass(packet, size);
}

/* --- objects ---------------------------------------------------------------------------------- */

static char *duplicate(const void *data, size_t length, size_t *size)
{
    char *copy = malloc(length + 1);

    if (copy) {
        memcpy(copy, data, length);
        *size = length;
    }
    return copy;
}

static char *object(struct gdb *g, struct cpu *cpu, const char *name, size_t *size)
{
    struct task *t = cpu ? gdb_task_of(cpu) : NULL;
    char info[SIGINFO_SIZE], auxv[1024];

    if (strcmp(name, "auxv") == 0) {
        size_t length = MIN_OF(user_image.auxv_len, sizeof(auxv));

        return copy(user_image.auxv, auxv, length, false) ? duplicate(auxv, length, size) : NULL;
    }
    if (strcmp(name, "exec-file") == 0) {
        return duplicate(user_image.path, strlen(user_image.path), size);
    }
    if (strcmp(name, "siginfo") == 0 && t && t->debug.has_info) {
        siginfo_to_guest(user_process_abi, info, &t->debug.info);
        return duplicate(info, sizeof(info), size);
    }
    return NULL;
}

/* --- the socket ------------------------------------------------------------------------------- */

static void send_bytes(struct gdb *g, const void *data, size_t size)
{
    while (size) {
        ssize_t n = send(S.socket, data, size, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;                 /* reading will find that gdb is gone */
        }
        data = (const char *)data + n;
        size -= n;
    }
}

const struct gdb_ops gdb_process_ops = {
    .send = send_bytes,
    .next_thread = next_thread,
    .thread_id = thread_id,
    .process_id = process_id,
    .describe_thread = describe_thread,
    .access = access_memory,
    .resume = resume,
    .detach = detach,
    .kill = kill_process,
    .stop = stop,
    .interrupt = interrupt,
    .set_signal = set_signal,
    .object = object,
    .path = user_path,
    .other_process = other_process,
};

/* Everything goes on without gdb, or without this process's part in it. */
void gdb_connection_lost(void)
{
    if (S.link >= 0) {
        gdb_link_pass(NULL, 0);
        gdb_link_close();
    }
    if (S.socket >= 0) {
        close(S.socket);
        S.socket = -1;
    }
    gdb_release();
}

void gdb_connection_exit(bool signalled, int status)
{
    if (S.has_token) {
        gdb_report_exit(S.gdb, signalled, status);
        gdb_link_pass(NULL, 0);
    }
}

/* --- the thread ------------------------------------------------------------------------------- */

static void tell(void)
{
    struct gdb_happening what = S.happening;
    uint64_t count;

    if (read(S.wake, &count, sizeof(count)) < 0 || what.kind == HAPPENED_NOTHING || !S.stopping) {
        return;
    }
    S.happening.kind = HAPPENED_NOTHING;
    gdb_stop_wait();
    switch (what.kind) {
    case HAPPENED_FORK:
        gdb_report_fork(S.gdb, what.task->cpu, what.child);
        break;
    case HAPPENED_CALL:
    case HAPPENED_RETURN:
        gdb_report_call(S.gdb, what.task->cpu, what.kind == HAPPENED_RETURN, what.call);
        break;
    case HAPPENED_EXEC:
        if (gdb_wants_event(S.gdb, GDB_EVENT_EXEC)) {
            gdb_report_exec(S.gdb, what.task->cpu, user_image.path);
            break;
        }
        /* fall through */
    default:
        gdb_report_stop(S.gdb, what.task->cpu, what.signal);
    }
}

static void read_socket(void)
{
    char data[4096];
    ssize_t n = recv(S.socket, data, sizeof(data), MSG_DONTWAIT);

    if (n > 0) {
        gdb_input(S.gdb, data, n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        gdb_connection_lost();
    }
}

static void *stub_main(void *opaque)
{
    pthread_mutex_lock(&S.lock);
    while (S.attached) {
        struct pollfd fds[] = {
            { S.wake, POLLIN }, { S.has_token ? S.socket : -1, POLLIN }, { S.link, POLLIN },
        };

        pthread_mutex_unlock(&S.lock);
        poll(fds, ARRAY_LEN(fds), -1);
        pthread_mutex_lock(&S.lock);
        if (fds[0].revents) {
            tell();
        }
        if (fds[2].revents && S.attached && S.link == fds[2].fd) {
            gdb_link_read();
        }
        if (fds[1].revents && S.attached && S.has_token) {
            read_socket();
        }
    }
    pthread_mutex_unlock(&S.lock);
    return NULL;
}

/* All signals are the guest's; its threads take them. */
void gdb_connection_start(void)
{
    sigset_t all, old;
    pthread_attr_t attr;
    int failed;

    S.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (S.wake < 0) {
        error_exit("cannot make an event for the gdb stub: %s", strerror(errno));
    }
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STUB_STACK);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failed = pthread_create(&S.thread, &attr, stub_main, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (failed) {
        error_exit("cannot start the thread of the gdb stub: %s", strerror(failed));
    }
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool fail(struct error **err, int fd, const char *where)
{
    error_set_errno(err, errno, "-g %s: cannot wait for gdb there", where);
    if (fd >= 0) {
        close(fd);
    }
    return false;
}

static int listen_tcp(unsigned port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, 1) == 0) {
            return fd;
        }
        close(fd);
    }
    return -1;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd;

    if (strlen(path) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        unlink(path);
        if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, 1) == 0) {
            return fd;
        }
        close(fd);
    }
    return -1;
}

/* Out of the way of programs that expect small descriptors, or close them. */
static int move_up(int fd)
{
    int up = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);

    if (up < 0) {
        return fd;
    }
    close(fd);
    return up;
}

static void attach_gdb(int fd)
{
    S.socket = move_up(fd);
    S.gdb = gdb_create(&gdb_process_ops, NULL);
    S.attached = S.has_token = S.stopping = true;
    user_gdb_active = true;
}

bool user_gdb_open(const char *where, struct error **err)
{
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 16], *end;
    unsigned long port = strtoul(where, &end, 10);
    bool tcp = *where >= '0' && *where <= '9' && !*end;
    const char *percent = strstr(where, "%d");
    int fd, on = 1, listener;

    if (!gdb_is_possible(err)) {
        return false;
    }
    if (tcp && (port == 0 || port > 65535)) {
        error_set(err, "-g %s: a TCP port is a number from 1 to 65535", where);
        return false;
    }
    if (percent) {
        snprintf(path, sizeof(path), "%.*s%d%s", (int)(percent - where), where, getpid(),
                 percent + 2);
    } else {
        snprintf(path, sizeof(path), "%s", where);
    }
    listener = tcp ? listen_tcp(port) : listen_unix(path);
    if (listener < 0) {
        return fail(err, -1, where);
    }
    do {
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return fail(err, listener, where);
    }
    close(listener);
    if (tcp) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    } else {
        unlink(path);
    }
    attach_gdb(fd);
    return true;
}

/* --- exec ------------------------------------------------------------------------------------- */

const char *user_gdb_exec_begin(struct task *t)
{
    static char text[OPTION_MAX];

    if (!S.attached || t->borrows || !S.has_token) {
        return NULL;
    }
    snprintf(text, sizeof(text), "%d:%s", S.socket, gdb_negotiated(S.gdb));
    fcntl(S.socket, F_SETFD, 0);
    return text;
}

void user_gdb_exec_end(struct task *t)
{
    if (S.socket >= 0) {
        fcntl(S.socket, F_SETFD, FD_CLOEXEC);
    }
}

bool user_gdb_inherit(const char *text, struct error **err)
{
    char *flags;
    long fd = strtol(text, &flags, 10);

    if (fd <= 2 || *flags != ':' || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        error_set(err, "-gdbfd is for an exec inside of the emulator only");
        return false;
    }
    attach_gdb(fd);
    gdb_set_negotiated(S.gdb, flags + 1);
    S.happening.kind = HAPPENED_EXEC;
    S.happening.signal = GDB_SIGNAL_TRAP;
    gdb_expect_stop(S.gdb);
    return true;
}

void user_gdb_start(struct task *t)
{
    uint64_t one = 1;

    if (!S.attached) {
        return;
    }
    gdb_kicks_init();
    t->debug.stop = 1;
    pthread_mutex_lock(&S.lock);
    S.happening.task = t;
    gdb_connection_start();
    if (S.happening.kind && write(S.wake, &one, sizeof(one)) != sizeof(one)) {
        error_exit("cannot wake the thread of the gdb stub");
    }
    pthread_mutex_unlock(&S.lock);
}
