/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers for files: opening, links under /proc, positions, locks, handles, directory entries. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/log.h"
#include "linux-user/syscalls/call.h"
#include "linux-user/syscalls/proc.h"
#include "linux-user/syscalls/tracees.h"

/* --- opening --------------------------------------------------------------------------------- */

static int64_t proc_file(const char *path, int flags)
{
    int64_t fd;

    if (strncmp(path, "/proc/", 6)) {
        return -ENOENT;
    }
    fd = proc_open(path, flags);
    return fd == -ENOENT ? tracee_open(path, flags) : fd;
}

static int64_t open_path(struct call *c, int dirfd, uint64_t addr, uint64_t flags, uint64_t mode)
{
    char buf[PATH_MAX];
    const char *path;
    int64_t err = call_path(c, addr, !(flags & O_NOFOLLOW), &path, buf);

    if (err) {
        return err;
    }
    if (path && path[0] == '/') {
        int64_t fd = proc_file(path, flags);
        if (fd != -ENOENT) {
            return fd;
        }
    }
    return call_host(c, SYS_openat, dirfd, (intptr_t)path, flags, mode, 0, 0);
}

int64_t call_open(struct call *c)
{
    return open_path(c, AT_FDCWD, c->a[0], (int)c->a[1], c->a[2]);
}

int64_t call_openat(struct call *c)
{
    return open_path(c, c->a[0], c->a[1], (int)c->a[2], c->a[3]);
}

int64_t call_openat2(struct call *c)
{
    struct open_how how = {0};
    char buf[PATH_MAX];
    const char *path;
    uint64_t size = c->a[3];
    int64_t err = call_path(c, c->a[1], true, &path, buf);

    if (err) {
        return err;
    }
    if (size < sizeof(how) || size > USER_PAGE) {
        return size < sizeof(how) ? -EINVAL : -E2BIG;
    }
    if (call_range(c->a[2], size) || !user_read(&how, c->a[2], sizeof(how))) {
        return -EFAULT;
    }
    if (path && path[0] == '/' && !how.resolve) {
        int64_t fd = proc_file(path, how.flags);
        if (fd != -ENOENT) {
            return fd;
        }
    }
    return call_host(c, SYS_openat2, c->a[0], (intptr_t)path, (intptr_t)user_in(c->a[2]), size,
                     0, 0);
}

/* The log's descriptor does not exist for the guest: programs close what they do not know. */
static int hidden_fd(void)
{
    int fd = fileno(log_stream());

    return fd > STDERR_FILENO ? fd : -1;
}

int64_t call_close(struct call *c)
{
    return c->a[0] == hidden_fd() ? -EBADF : host_syscall(SYS_close, c->a[0]);
}

int64_t call_close_range(struct call *c)
{
    uint64_t first = c->a[0], last = c->a[1], hidden = hidden_fd();

    if (hidden_fd() < 0 || hidden < first || hidden > last) {
        return host_syscall(SYS_close_range, first, last, c->a[2]);
    }
    int64_t err = hidden > first ? host_syscall(SYS_close_range, first, hidden - 1, c->a[2]) : 0;
    if (!err && hidden < last) {
        err = host_syscall(SYS_close_range, hidden + 1, last, c->a[2]);
    }
    return err;
}

int64_t call_dup(struct call *c)
{
    if (c->a[1] == hidden_fd() && c->a[1] != c->a[0]) {
        return -EBADF;
    }
    return host_syscall(c->row->host, c->a[0], c->a[1], c->a[2]);
}

/* --- links under /proc ----------------------------------------------------------------------- */

static int64_t read_link(struct call *c, int dirfd, uint64_t addr, uint64_t out, int size)
{
    char buf[PATH_MAX], exe[256];
    const char *path;
    int64_t err = call_path(c, addr, false, &path, buf);

    if (err) {
        return err;
    }
    if (size <= 0) {
        return -EINVAL;
    }
    if (call_range(out, size)) {
        return -EFAULT;
    }
    if (path && proc_is_exe(path)) {
        size_t n = MIN_OF((size_t)size, strlen(user_image.path));
        return user_write(out, user_image.path, n) ? (int64_t)n : -EFAULT;
    }
    if (path && tracee_exe(path, exe)) {
        size_t n = MIN_OF((size_t)size, strlen(exe));
        return user_write(out, exe, n) ? (int64_t)n : -EFAULT;
    }
    return host_syscall(SYS_readlinkat, (long)dirfd, path, user_out(out, size), (long)size);
}

int64_t call_readlink(struct call *c)
{
    return read_link(c, AT_FDCWD, c->a[0], c->a[1], c->a[2]);
}

int64_t call_readlinkat(struct call *c)
{
    return read_link(c, c->a[0], c->a[1], c->a[2], c->a[3]);
}

/* --- vectors at positions -------------------------------------------------------------------- */

/* The host's call has the position in two words before the flags. */
static int64_t positioned(struct call *c, const int64_t h[CALL_ARGS])
{
    return call_host(c, c->row->host, h[0], h[1], h[2], h[3], 0, h[4]);
}

int64_t call_preadv2(struct call *c)
{
    return call_pass_with(c, positioned);
}

int64_t call_arm_fadvise(struct call *c)
{
    return host_syscall(SYS_fadvise64, c->a[0], c->a[2], c->a[3], c->a[1]);
}

int64_t call_sync_file_range2(struct call *c)
{
    return call_host(c, SYS_sync_file_range, c->a[0], c->a[2], c->a[3], c->a[1], 0, 0);
}

/* --- fcntl ----------------------------------------------------------------------------------- */

enum { GETLK64 = 12, SETLK64 = 13, SETLKW64 = 14 }; /* of 32-bit ABIs */

static int64_t lock(struct call *c, int cmd, const struct thunk_struct *layout)
{
    struct flock lock;
    int64_t result = call_get(layout, &lock, c->a[2]);

    if (!result) {
        result = call_host(c, SYS_fcntl, c->a[0], cmd, (intptr_t)&lock, 0, 0, 0);
    }
    if (!result && (cmd == F_GETLK || cmd == F_OFD_GETLK)) {
        result = call_put(layout, c->a[2], &lock);
    }
    return result;
}

static int64_t owner_ex(struct call *c)
{
    struct f_owner_ex owner = {0};
    int64_t result = c->a[1] == F_SETOWN_EX ? call_get(&thunk_f_owner, &owner, c->a[2]) : 0;

    if (!result) {
        result = host_syscall(SYS_fcntl, c->a[0], c->a[1], &owner);
    }
    if (!result && c->a[1] == F_GETOWN_EX) {
        result = call_put(&thunk_f_owner, c->a[2], &owner);
    }
    return result;
}

int64_t call_fcntl(struct call *c)
{
    int64_t result;

    switch (c->a[1]) {
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
        return lock(c, c->a[1], &thunk_flock);
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return lock(c, c->a[1], &thunk_flock64);
    case GETLK64:
    case SETLK64:
    case SETLKW64:
        return call_is_64(c) ? -EINVAL : lock(c, c->a[1] - GETLK64 + F_GETLK, &thunk_flock64);
    case F_GETOWN_EX:
    case F_SETOWN_EX:
        return owner_ex(c);
    case F_GET_RW_HINT:
    case F_SET_RW_HINT:
    case F_GET_FILE_RW_HINT:
    case F_SET_FILE_RW_HINT:
        if (call_range(c->a[2], 8)) {
            return -EFAULT;
        }
        return host_syscall(SYS_fcntl, c->a[0], c->a[1], user_out(c->a[2], 8));
    case F_SETFL:
        return host_syscall(SYS_fcntl, c->a[0], F_SETFL, call_open_flags(c, c->a[2], true));
    case F_GETFL:
        result = host_syscall(SYS_fcntl, c->a[0], F_GETFL);
        return result < 0 ? result : (int64_t)call_open_flags(c, result, false);
    default:
        return host_syscall(SYS_fcntl, c->a[0], c->a[1], c->a[2]);
    }
}

/* --- file systems and handles ---------------------------------------------------------------- */

static int64_t statfs_sized(struct call *c, const int64_t h[CALL_ARGS])
{
    return host_syscall(c->row->host, h[0], h[2]);
}

int64_t call_statfs64(struct call *c)
{
    if (c->a[1] != thunk_statfs64.guest_size) {
        return -EINVAL;
    }
    return call_pass_with(c, statfs_sized);
}

/* The whole of a struct file_handle: its bytes follow two words. */
static int64_t handle_size(uint64_t addr, uint64_t *size)
{
    uint32_t bytes;
    int64_t err = call_get_u32(&bytes, addr);

    *size = 8 + (uint64_t)bytes;
    if (!err && bytes > MAX_HANDLE_SZ) {
        err = -EINVAL;
    }
    return err ? err : call_range(addr, *size);
}

int64_t call_name_to_handle_at(struct call *c)
{
    char buf[PATH_MAX];
    const char *path;
    int mount_id;
    uint64_t size;
    int64_t err = call_path(c, c->a[1], true, &path, buf);

    err = err ? err : handle_size(c->a[2], &size);
    if (!err) {
        err = host_syscall(SYS_name_to_handle_at, c->a[0], path, user_out(c->a[2], size), &mount_id,
                           c->a[4]);
    }
    if (!err || err == -EOVERFLOW) {
        int64_t written = call_put_u32(c->a[3], mount_id);
        err = written ? written : err;
    }
    return err;
}

int64_t call_open_by_handle_at(struct call *c)
{
    uint64_t size;
    int64_t err = handle_size(c->a[1], &size);

    return err ? err : call_host(c, SYS_open_by_handle_at, c->a[0], (intptr_t)user_in(c->a[1]),
                                 c->a[2], 0, 0, 0);
}

/* --- directory entries ----------------------------------------------------------------------- */

struct host_dirent {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[];
};

/* An entry of the old form: words, a length, the name, and the type in the last byte. */
static size_t put_dirent(const struct call *c, char *out, const struct host_dirent *d)
{
    unsigned word = c->t->abi->word_bits / 8;
    size_t name = strlen(d->name), used = 2 * word + 2 + name + 2;
    size_t len = align_up(used, word);

    memset(out, 0, len);
    thunk_put(out, word, d->ino);
    thunk_put(out + word, word, d->off);
    thunk_put(out + 2 * word, 2, len);
    memcpy(out + 2 * word + 2, d->name, name);
    out[len - 1] = d->type;
    return len;
}

/*
 * Positions in a directory may be 64-bit hashes, of which 32-bit programs get the upper half, as
 * the host's kernel itself does for them. Descriptors of such directories are remembered for
 * lseek().
 */
enum { HASH_SHIFT = 32, HASH_FDS = 4096 };
static uint8_t hashed[HASH_FDS];

static bool is_hashed(const struct call *c, int fd)
{
    struct stat st;

    return !call_is_64(c) && fd >= 0 && fd < HASH_FDS && hashed[fd] && !fstat(fd, &st) &&
           S_ISDIR(st.st_mode);
}

/* Entries in the host's form, which are never shorter than the guest's. */
static int64_t read_entries(struct call *c, char *in, size_t size)
{
    int64_t fd = c->a[0], n = host_syscall(SYS_getdents64, fd, in, size);

    for (int64_t at = 0; at < n && !call_is_64(c);) {
        struct host_dirent *d = (struct host_dirent *)(in + at);
        if (d->off > INT32_MAX) {
            if (fd < HASH_FDS) {
                hashed[fd] = 1;
            }
            d->off >>= HASH_SHIFT;
        }
        at += d->reclen;
    }
    return n;
}

static int64_t seek(const struct call *c, int fd, int64_t offset, int64_t whence)
{
    bool shift = is_hashed(c, fd);
    int64_t result = host_syscall(SYS_lseek, (long)fd,
                                  shift && whence == SEEK_SET ? offset << HASH_SHIFT : offset,
                                  whence);

    return shift && result > INT32_MAX ? result >> HASH_SHIFT : result;
}

int64_t call_lseek(struct call *c)
{
    return seek(c, c->a[0], c->a[1], c->a[2]);
}

int64_t call_llseek(struct call *c)
{
    int64_t result = seek(c, c->a[0], c->a[1] << 32 | (uint32_t)c->a[2], c->a[4]);

    return result < 0 ? result : call_put(&thunk_s64, c->a[3], &result);
}

static int64_t entries(struct call *c, bool old)
{
    size_t size = MIN_OF((uint64_t)c->a[2], 1u << 18), done = 0;
    char *in = malloc(size + 1), *out = old ? malloc(size + 1) : in;
    int64_t n = in && out ? read_entries(c, in, size) : -ENOMEM;

    for (int64_t at = 0; at < n && old;) {
        const struct host_dirent *d = (const struct host_dirent *)(in + at);
        done += put_dirent(c, out + done, d);
        at += d->reclen;
    }
    if (n > 0) {
        n = old ? (int64_t)done : n;
        n = call_range(c->a[1], n) || !user_write(c->a[1], out, n) ? -EFAULT : n;
    }
    if (old) {
        free(out);
    }
    free(in);
    return n;
}

int64_t call_getdents(struct call *c)
{
    return entries(c, true);
}

int64_t call_getdents64(struct call *c)
{
    return entries(c, false);
}

/* One entry; the rest of what the host gave is read again from the entry's own position. */
int64_t call_readdir(struct call *c)
{
    char in[1024] __attribute__((aligned(8))), out[1024];
    struct host_dirent *d = (struct host_dirent *)in;
    unsigned word = c->t->abi->word_bits / 8;
    int64_t n = host_syscall(SYS_getdents64, c->a[0], in, sizeof(in));

    if (n <= 0) {
        return n;
    }
    n = host_syscall(SYS_lseek, c->a[0], d->off, (int64_t)SEEK_SET);
    if (call_failed(n)) {
        return n;
    }
    size_t name = strlen(d->name), used = 2 * word + 2 + name + 1;
    put_dirent(c, out, d);
    thunk_put(out + 2 * word, 2, name);
    out[used - 1] = 0;
    return call_range(c->a[1], used) || !user_write(c->a[1], out, used) ? -EFAULT : 1;
}
