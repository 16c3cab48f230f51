/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files past the host's page cache. The kernel wants whole blocks in aligned memory then; all else
 * goes through memory of its own here, piece by piece. A block that is written in part is read,
 * changed and written with no other change of the file on its way.
 */
#include "block/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "block/node.h"

#define PIECE (1u << 20)
#define USUAL_BLOCK 4096u           /* a multiple of all that disks have */

/* False: the kernel knows that it cannot be done. */
static bool find_blocks(struct direct *d, int fd)
{
    struct statx st;

    d->block = d->memory = USUAL_BLOCK;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &st) == 0 && st.stx_mask & STATX_DIOALIGN) {
        d->block = st.stx_dio_offset_align;
        d->memory = st.stx_dio_mem_align;
    }
    return bits_is_power_of_two(d->block) && bits_is_power_of_two(d->memory) && d->block <= PIECE;
}

void direct_open(struct direct *d, int fd)
{
    int flags = fcntl(fd, F_GETFL);

    d->on = flags >= 0 && find_blocks(d, fd) && fcntl(fd, F_SETFL, flags | O_DIRECT) == 0;
    if (d->on) {
        pthread_rwlock_init(&d->whole, NULL);
    }
}

void direct_close(struct direct *d)
{
    if (d->on) {
        pthread_rwlock_destroy(&d->whole);
    }
}

void direct_begin(struct direct *d)
{
    if (d->on) {
        pthread_rwlock_rdlock(&d->whole);
    }
}

void direct_end(struct direct *d)
{
    if (d->on) {
        pthread_rwlock_unlock(&d->whole);
    }
}

bool direct_fits(const struct direct *d, uint64_t offset, const struct iovec *iov, unsigned count)
{
    if (!is_aligned(offset, d->block)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!is_aligned((uintptr_t)iov[i].iov_base, d->memory) ||
            !is_aligned(iov[i].iov_len, d->block)) {
            return false;
        }
    }
    return true;
}

/* Whole blocks into aligned memory; zeroes from the end of the file on. */
static int read_blocks(int fd, uint64_t offset, uint8_t *data, size_t size, uint32_t block)
{
    size_t at = 0;

    while (at < size) {
        ssize_t n = pread(fd, data + at, size - at, offset + at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        at += n;
        if (n == 0 || !is_aligned(at, block)) {     /* the end, maybe within a block */
            memset(data + at, 0, size - at);
            return 0;
        }
    }
    return 0;
}

static int write_blocks(int fd, uint64_t offset, const uint8_t *data, size_t size)
{
    while (size) {
        ssize_t n = pwrite(fd, data, size, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n ? -errno : -ENOSPC;
        }
        data += n;
        offset += n;
        size -= n;
    }
    return 0;
}

/* One piece: the blocks around it in `memory'. */
static int read_piece(struct direct *d, int fd, uint64_t offset, const struct iovec *iov,
                      unsigned count, uint8_t *memory)
{
    uint64_t from = align_down(offset, d->block), size = iov_size(iov, count);
    int rc = read_blocks(fd, from, memory, align_up(offset + size, d->block) - from, d->block);

    if (!rc) {
        iov_fill(iov, count, memory + (offset - from));
    }
    return rc;
}

/* The blocks at the ends, which keep some of what they have. */
static int read_ends(struct direct *d, int fd, uint64_t offset, uint64_t end, uint8_t *memory)
{
    uint64_t from = align_down(offset, d->block), last = align_down(end, d->block);
    int rc = 0;

    if (from != offset) {
        rc = read_blocks(fd, from, memory, d->block, d->block);
    }
    if (!rc && last != end && (last != from || from == offset)) {
        rc = read_blocks(fd, last, memory + (last - from), d->block, d->block);
    }
    return rc;
}

/* Whole blocks may have made the file longer than it should be. */
static int cut_end(int fd, int64_t old_length, uint64_t end)
{
    struct stat st;
    int64_t wanted = MAX_OF(old_length, (int64_t)end);

    if (fstat(fd, &st) < 0) {
        return -errno;
    }
    return S_ISREG(st.st_mode) && st.st_size > wanted && ftruncate(fd, wanted) < 0 ? -errno : 0;
}

static int write_piece(struct direct *d, int fd, uint64_t offset, const struct iovec *iov,
                       unsigned count, uint8_t *memory)
{
    uint64_t end = offset + iov_size(iov, count), from = align_down(offset, d->block);
    uint64_t to = align_up(end, d->block);
    bool whole = from == offset && to == end;
    struct stat st;
    int rc = 0;

    if (whole) {
        pthread_rwlock_rdlock(&d->whole);
    } else {
        pthread_rwlock_wrlock(&d->whole);
        rc = fstat(fd, &st) < 0 ? -errno : read_ends(d, fd, offset, end, memory);
    }
    if (!rc) {
        iov_gather(iov, count, memory + (offset - from));
        rc = write_blocks(fd, from, memory, to - from);
    }
    if (!rc && to != end) {
        rc = cut_end(fd, st.st_size, end);
    }
    pthread_rwlock_unlock(&d->whole);
    return rc;
}

static int move(struct direct *d, int fd, uint64_t offset, const struct iovec *iov, unsigned count,
                bool write)
{
    uint64_t size = iov_size(iov, count), at = 0;
    struct iovec *part = g_new(struct iovec, count);
    size_t room = align_up(MIN_OF(size, PIECE), d->block) + d->block;
    void *memory = NULL;
    int rc = -posix_memalign(&memory, MAX_OF(d->memory, USUAL_BLOCK), room);

    while (at < size && !rc) {
        uint64_t next = MIN_OF(align_down(offset + at, d->block) + PIECE - offset, size);
        unsigned n = iov_slice(iov, count, at, next - at, part);

        rc = (write ? write_piece : read_piece)(d, fd, offset + at, part, n, memory);
        at = next;
    }
    free(memory);
    g_free(part);
    return rc;
}

int direct_read(struct direct *d, int fd, uint64_t offset, const struct iovec *iov, unsigned count)
{
    return move(d, fd, offset, iov, count, false);
}

int direct_write(struct direct *d, int fd, uint64_t offset, const struct iovec *iov,
                 unsigned count)
{
    return move(d, fd, offset, iov, count, true);
}
