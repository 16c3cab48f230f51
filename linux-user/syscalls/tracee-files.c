/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/TID/{mem,auxv,exe} of traced threads, as their tracer is to see them; /proc/self/mem. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"
#include "linux-user/syscalls/tracees.h"

/* --- which file ------------------------------------------------------------------------------ */

/* The last number of /proc/N/ and /proc/N/task/M/, 0 for self; what follows. -1: another path. */
static pid_t parse(const char *path, const char **entry)
{
    long tid = 0;
    char *end;

    if (strncmp(path, "/proc/", 6)) {
        return -1;
    }
    path += 6;
    if (!strncmp(path, "self/", 5)) {
        path += 5;
    } else {
        tid = strtol(path, &end, 10);
        if (end == path || *end != '/') {
            return -1;
        }
        path = end + 1;
    }
    if (!strncmp(path, "task/", 5)) {
        tid = strtol(path + 5, &end, 10);
        if (*end != '/') {
            return -1;
        }
        path = end + 1;
    }
    *entry = path;
    return tid == getpid() ? 0 : tid;
}

static bool read_box(const struct tracee *e, struct trace_box *box)
{
    return e && e->ours && e->box && tracee_read(e, box, e->box, sizeof(*box));
}

/* --- mem ------------------------------------------------------------------------------------- */

enum { MEM_FILES = 64 };

/* Descriptors of mem files; they may have been closed since. */
static struct { int fd; pid_t tid; } mem_files[MEM_FILES];
static volatile unsigned n_mem_files;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t open_mem(const char *path, int flags, pid_t tid)
{
    int64_t fd = host_syscall(SYS_openat, (int64_t)AT_FDCWD, path, (int64_t)flags, (int64_t)0);
    unsigned i = 0;

    if (fd < 0 || flags & O_PATH) {
        return fd;
    }
    pthread_mutex_lock(&lock);
    while (i < n_mem_files && mem_files[i].fd != fd) {
        i++;
    }
    if (i < MEM_FILES) {
        mem_files[i].fd = fd;
        mem_files[i].tid = tid;
        n_mem_files += i == n_mem_files;
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

/* Whose memory is behind the descriptor; -1: it is another file. */
static pid_t mem_of(int fd)
{
    char link[32], name[64];
    pid_t tid = -1;
    ssize_t n;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < n_mem_files; i++) {
        if (mem_files[i].fd == fd) {
            tid = mem_files[i].tid;
        }
    }
    pthread_mutex_unlock(&lock);
    if (tid >= 0) {
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, name, sizeof(name));
        if (n < 4 || memcmp(name + n - 4, "/mem", 4)) {
            return -1;
        }
    }
    return tid;
}

/* pread64 and pwrite64: positions are addresses of the guest. */
int64_t call_pread(struct call *c)
{
    pid_t tid = n_mem_files ? mem_of(c->a[0]) : -1;
    bool writes = c->row->host == SYS_pwrite64;
    uint64_t addr = c->a[3], len = c->a[2], base = user_base;
    struct tracee *e = NULL;
    struct trace_box box;
    int64_t result;

    if (tid < 0) {
        return call_pass(c);
    }
    if (call_range(c->a[1], len)) {
        return -EFAULT;
    }
    if (tid) {
        e = tracees_find(tid);
        base = read_box(e, &box) ? box.base : e ? 0 : user_base;
    } else if (writes && !call_range(addr, len)) {
        user_out(addr, len);
    }
    result = host_syscall(c->row->host, c->a[0],
                          writes ? (void *)user_in(c->a[1]) : user_out(c->a[1], len), len,
                          base + addr);
    if (writes && result > 0 && e) {
        tracee_note_write(e, addr, result);
    }
    return result;
}

/* --- auxv and exe ---------------------------------------------------------------------------- */

static int64_t open_auxv(const struct trace_box *box, const struct tracee *e, int flags)
{
    uint8_t buf[1024];
    size_t len = MIN_OF(box->auxv_len, sizeof(buf));
    int fd;

    if (!tracee_read(e, buf, box->base + box->auxv, len)) {
        return -EIO;
    }
    fd = memfd_create("auxv", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    if (fd < 0 || write(fd, buf, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET)) {
        return -EIO;
    }
    return fd;
}

int64_t tracee_open(const char *path, int flags)
{
    const char *entry = NULL;
    pid_t tid = parse(path, &entry);
    struct trace_box box;

    if (tid < 0) {
        return -ENOENT;
    }
    if (!strcmp(entry, "mem")) {
        return open_mem(path, flags, tid);
    }
    if (!strcmp(entry, "auxv") && tracees_any()) {
        struct tracee *e = tracees_find(tid);

        return read_box(e, &box) ? open_auxv(&box, e, flags) : -ENOENT;
    }
    return -ENOENT;
}

bool tracee_exe(const char *path, char name[256])
{
    const char *entry = NULL;
    pid_t tid = tracees_any() ? parse(path, &entry) : -1;
    struct trace_box box;

    if (tid <= 0 || strcmp(entry, "exe") || !read_box(tracees_find(tid), &box)) {
        return false;
    }
    box.path[sizeof(box.path) - 1] = 0;
    strcpy(name, box.path);
    return true;
}
