/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file protocol: regular files and host devices. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/fd-store.h"
#include "block/direct.h"
#include "block/lock.h"
#include "block/node.h"

struct file_node {
    struct block_node node;
    int fd;
    bool is_device;
    bool is_ours;               /* locked: only we change its length */
    int64_t length;             /* then */
    bool no_punch, no_zero;     /* what the host turned down once is not asked again */
    bool no_holes;
    struct direct direct;

    /* Changes are counted, so that flushes at the same time share one call, and none is in vain. */
    pthread_mutex_t flush_lock;
    pthread_cond_t flush_ended;
    bool flushing;
    int lost;                   /* an error of fdatasync(), or 0 */
    uint64_t changes;           /* atomic */
    uint64_t flushed;           /* under flush_lock; all changes up to it are stable */
};

/* The user says that other processes may use the file at the same time. */
static bool may_share(struct keyval *options)
{
    keyval_mark(options, "aio");
    return strcmp(keyval_string(options, "locking", "auto"), "off") == 0;
}

static void open_direct(struct file_node *f)
{
    direct_open(&f->direct, f->fd);
    if (!f->direct.on) {
        error_warn("'%s': its file system cannot do without the page cache: cache=none is as "
                   "cache=writeback here", f->node.file);
    }
}

static bool open_file(struct block_node *node, struct keyval *options, struct error **err)
{
    struct file_node *f = (struct file_node *)node;
    bool readonly = node->flags & NODE_READONLY;
    struct stat st;

    f->fd = fd_store_open(node->file, (readonly ? O_RDONLY : O_RDWR) | O_NONBLOCK, 0);
    if (f->fd < 0) {
        error_set_errno(err, errno, "Could not open '%s'", node->file);
        return false;
    }
    if (fstat(f->fd, &st) < 0 || S_ISDIR(st.st_mode) || S_ISFIFO(st.st_mode) ||
        S_ISSOCK(st.st_mode)) {
        error_set(err, "Could not open '%s': not a file or disk device", node->file);
        close(f->fd);
        return false;
    }
    f->is_device = S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode);
    f->is_ours = !may_share(options) && !f->is_device && !(node->flags & NODE_SHARE);
    node->identity[0] = st.st_dev;
    node->identity[1] = st.st_ino;
    if (f->is_ours && !block_file_lock(f->fd, node->file, !readonly, err)) {
        close(f->fd);
        return false;
    }
    if (f->is_ours && fstat(f->fd, &st) == 0) {     /* the last owner may have changed it */
        f->length = st.st_size;
    }
    if (node->flags & NODE_DIRECT) {
        open_direct(f);
    }
    pthread_mutex_init(&f->flush_lock, NULL);
    pthread_cond_init(&f->flush_ended, NULL);
    f->changes = 1;                     /* the last owner's may not be stable */
    return true;
}

static void close_file(struct block_node *node)
{
    struct file_node *f = (struct file_node *)node;

    close(f->fd);
    direct_close(&f->direct);
    pthread_mutex_destroy(&f->flush_lock);
    pthread_cond_destroy(&f->flush_ended);
}

static int64_t file_length(struct block_node *node)
{
    struct file_node *f = (struct file_node *)node;
    struct stat st;
    uint64_t size;
    off_t end;

    if (f->is_ours) {
        return __atomic_load_n(&f->length, __ATOMIC_RELAXED);
    }
    if (!f->is_device) {
        return fstat(f->fd, &st) < 0 ? -errno : st.st_size;
    }
    if (ioctl(f->fd, BLKGETSIZE64, &size) == 0) {
        return MIN_OF(size, INT64_MAX);
    }
    end = lseek(f->fd, 0, SEEK_END);
    return end < 0 ? -errno : end;
}

static void grow_to(struct file_node *f, int64_t end)
{
    int64_t length = __atomic_load_n(&f->length, __ATOMIC_RELAXED);

    while (length < end && !__atomic_compare_exchange_n(&f->length, &length, end, false,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

/* Moves the whole vector; the kernel takes at most IOV_MAX parts and may stop early. */
static int transfer(int fd, uint64_t offset, const struct iovec *iov, unsigned count, bool write)
{
    size_t skip = 0;            /* of iov[0] */

    while (count) {
        struct iovec parts[64];
        unsigned n = MIN_OF(count, ARRAY_LEN(parts));
        ssize_t done;

        memcpy(parts, iov, n * sizeof(parts[0]));
        parts[0].iov_base = (char *)parts[0].iov_base + skip;
        parts[0].iov_len -= skip;
        done = write ? pwritev(fd, parts, n, offset) : preadv(fd, parts, n, offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return -errno;
        }
        if (done == 0 && iov_size(parts, n)) {
            if (write) {
                return -ENOSPC;
            }
            memset(parts[0].iov_base, 0, parts[0].iov_len);     /* past the end */
            done = parts[0].iov_len;
        }
        offset += done;
        skip += done;
        while (count && skip >= iov->iov_len) {
            skip -= iov->iov_len;
            iov++;
            count--;
        }
    }
    return 0;
}

/* Counted when it is in the file: a flush that sees the count makes it stable. */
static void note_change(struct file_node *f)
{
    __atomic_add_fetch(&f->changes, 1, __ATOMIC_RELEASE);
}

/* Only whole blocks can be read on from where one read ended. */
static bool is_past_end(struct file_node *f, uint64_t offset, const struct iovec *iov,
                        unsigned count)
{
    return offset + iov_size(iov, count) > file_length(&f->node);
}

static int file_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                      unsigned count)
{
    struct file_node *f = (struct file_node *)node;

    if (f->direct.on && (!direct_fits(&f->direct, offset, iov, count) ||
                         is_past_end(f, offset, iov, count))) {
        return direct_read(&f->direct, f->fd, offset, iov, count);
    }
    return transfer(f->fd, offset, iov, count, false);
}

static int file_writev(struct block_node *node, uint64_t offset, const struct iovec *iov,
                       unsigned count)
{
    struct file_node *f = (struct file_node *)node;
    struct stat st;
    int rc;

    if (f->direct.on && !direct_fits(&f->direct, offset, iov, count)) {
        rc = direct_write(&f->direct, f->fd, offset, iov, count);
    } else {
        direct_begin(&f->direct);
        rc = transfer(f->fd, offset, iov, count, true);
        direct_end(&f->direct);
    }
    note_change(f);
    if (!rc) {
        grow_to(f, offset + iov_size(iov, count));
    } else if (fstat(f->fd, &st) == 0) {        /* a part of it may be there */
        grow_to(f, st.st_size);
    }
    return rc;
}

static int allocate(struct file_node *f, int mode, uint64_t offset, uint64_t size)
{
    int rc;

    direct_begin(&f->direct);
    do {
        rc = fallocate(f->fd, mode | FALLOC_FL_KEEP_SIZE, offset, size) < 0 ? -errno : 0;
    } while (rc == -EINTR);
    direct_end(&f->direct);
    note_change(f);
    return rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -EINVAL ? -ENOTSUP : rc;
}

static int file_discard(struct block_node *node, uint64_t offset, uint64_t size)
{
    struct file_node *f = (struct file_node *)node;
    int rc = f->no_punch ? -ENOTSUP : allocate(f, FALLOC_FL_PUNCH_HOLE, offset, size);

    f->no_punch |= rc == -ENOTSUP;
    return rc;
}

static int file_write_zeroes(struct block_node *node, uint64_t offset, uint64_t size,
                             bool may_unmap)
{
    struct file_node *f = (struct file_node *)node;
    int rc = -ENOTSUP;

    if (offset + size > file_length(node)) {
        return -ENOTSUP;        /* the calls below do not make the file longer */
    }
    if (may_unmap) {
        rc = file_discard(node, offset, size);
    }
    if (rc == -ENOTSUP && !f->no_zero) {
        rc = allocate(f, FALLOC_FL_ZERO_RANGE, offset, size);
        f->no_zero |= rc == -ENOTSUP;
    }
    return rc;
}

static int file_status(struct block_node *node, uint64_t offset, uint64_t size,
                       struct block_extent *extent)
{
    struct file_node *f = (struct file_node *)node;
    off_t data, hole;

    *extent = (struct block_extent){ .length = size, .offset = offset, .file = node->file,
                                     .allocated = true, .has_offset = true };
    if (f->no_holes) {
        return 0;
    }
    data = lseek(f->fd, offset, SEEK_DATA);
    if (data < 0 && errno != ENXIO) {
        f->no_holes = true;
        return 0;
    }
    if (data < 0 || data > offset) {
        extent->zero = true;
        extent->length = data < 0 ? size : MIN_OF(size, data - offset);
        return 0;
    }
    hole = lseek(f->fd, offset, SEEK_HOLE);
    if (hole > offset) {
        extent->length = MIN_OF(size, hole - offset);
    }
    return 0;
}

static bool write_all_zeroes(struct block_node *node, uint64_t from, uint64_t to,
                             struct error **err)
{
    static const uint8_t zeroes[65536];

    while (from < to) {
        size_t n = MIN_OF(to - from, sizeof(zeroes));
        int rc = block_node_pwrite(node, from, zeroes, n);

        if (rc) {
            error_set_errno(err, -rc, "Could not write zeros for preallocation");
            return false;
        }
        from += n;
    }
    return true;
}

static bool file_resize(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                        struct error **err)
{
    struct file_node *f = (struct file_node *)node;
    int64_t old = file_length(node);

    if (f->is_device) {
        if (old < 0 || size > old) {
            error_set(err, "Cannot grow device files");
            return false;
        }
        return true;
    }
    if (prealloc != BLOCK_PREALLOC_OFF && size < old) {
        error_set(err, "Preallocation can't be used for shrinking files");
        return false;
    }
    if (ftruncate(f->fd, size) < 0) {
        error_set_errno(err, errno, "Could not resize file");
        return false;
    }
    __atomic_store_n(&f->length, size, __ATOMIC_RELAXED);
    note_change(f);
    if (prealloc == BLOCK_PREALLOC_FALLOC && size > old) {
        int rc = posix_fallocate(f->fd, old, size - old);

        if (rc) {
            error_set_errno(err, rc, "Could not preallocate data for the new file");
            return false;
        }
        note_change(f);
    }
    return prealloc != BLOCK_PREALLOC_FULL || write_all_zeroes(node, old, size, err);
}

/*
 * With the lock, which it lets go meanwhile. The kernel tells an error once, and may have dropped
 * what it could not write: no later success means that it is there.
 */
static void sync_changes(struct file_node *f)
{
    uint64_t seen = __atomic_load_n(&f->changes, __ATOMIC_ACQUIRE);
    int rc;

    f->flushing = true;
    pthread_mutex_unlock(&f->flush_lock);
    rc = fdatasync(f->fd) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
    pthread_mutex_lock(&f->flush_lock);
    f->flushing = false;
    f->flushed = rc ? f->flushed : seen;
    f->lost = rc;
    pthread_cond_broadcast(&f->flush_ended);
}

/* What other processes change is theirs to flush. */
static int file_flush(struct block_node *node)
{
    struct file_node *f = (struct file_node *)node;
    uint64_t wanted = __atomic_load_n(&f->changes, __ATOMIC_ACQUIRE);
    int rc;

    pthread_mutex_lock(&f->flush_lock);
    while (f->flushed < wanted && !f->lost) {
        if (f->flushing) {
            pthread_cond_wait(&f->flush_ended, &f->flush_lock);
        } else {
            sync_changes(f);
        }
    }
    rc = f->lost;
    pthread_mutex_unlock(&f->flush_lock);
    return rc;
}

const struct block_driver block_driver_file = {
    .name = "file", .size = sizeof(struct file_node), .is_protocol = true, .open = open_file,
    .close = close_file, .status = file_status, .resize = file_resize,
    .readv = file_readv, .writev = file_writev, .write_zeroes = file_write_zeroes,
    .discard = file_discard, .flush = file_flush, .length = file_length,
};
