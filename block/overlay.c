/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The snapshot=on overlay: a nameless sparse file that takes all writes, over a read-only image.
 *
 * A bit a cluster tells where its bytes are. It is set after the cluster is whole in the file, so
 * that readers need no lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "block/node.h"

#define CLUSTER_BITS 12
#define CLUSTER_SIZE (1u << CLUSTER_BITS)

struct overlay_node {
    struct block_node node;
    int fd;
    int64_t length;
    uint64_t *map;
    pthread_mutex_t lock;       /* of writers */
};

static bool is_ours(struct overlay_node *o, uint64_t cluster)
{
    return __atomic_load_n(&o->map[cluster / 64], __ATOMIC_ACQUIRE) >> (cluster % 64) & 1;
}

static void set_ours(struct overlay_node *o, uint64_t cluster)
{
    __atomic_fetch_or(&o->map[cluster / 64], 1ull << (cluster % 64), __ATOMIC_RELEASE);
}

static int file_transfer(struct overlay_node *o, void *data, size_t size, uint64_t offset,
                         bool write)
{
    while (size) {
        ssize_t n = write ? pwrite(o->fd, data, size, offset) : pread(o->fd, data, size, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
        data = (char *)data + n;
        size -= n;
        offset += n;
    }
    return 0;
}

/* Bytes from `offset` on, at most `size`, that lie in clusters of the same owner. */
static size_t run_length(struct overlay_node *o, uint64_t offset, size_t size, bool *ours)
{
    uint64_t end = offset + size, cluster = offset >> CLUSTER_BITS;

    *ours = is_ours(o, cluster);
    do {
        cluster++;
    } while (cluster << CLUSTER_BITS < end && is_ours(o, cluster) == *ours);
    return MIN_OF(cluster << CLUSTER_BITS, end) - offset;
}

static int read_flat(struct overlay_node *o, uint64_t offset, uint8_t *data, size_t size)
{
    while (size) {
        bool ours;
        size_t n = run_length(o, offset, size, &ours);
        struct iovec iov = { data, n };
        int rc = ours ? file_transfer(o, data, n, offset, false)
                      : block_node_read(o->node.child, offset, &iov, 1);

        if (rc) {
            return rc;
        }
        offset += n;
        data += n;
        size -= n;
    }
    return 0;
}

/* Brings a cluster that is written in part into the file. Lock held. */
static int fetch_cluster(struct overlay_node *o, uint64_t cluster)
{
    uint8_t data[CLUSTER_SIZE];
    uint64_t offset = cluster << CLUSTER_BITS;
    struct iovec iov = { data, MIN_OF(CLUSTER_SIZE, o->length - offset) };
    int rc = block_node_read(o->node.child, offset, &iov, 1);

    return rc ? rc : file_transfer(o, data, iov.iov_len, offset, true);
}

static int write_flat(struct overlay_node *o, uint64_t offset, const uint8_t *data, size_t size)
{
    uint64_t first = offset >> CLUSTER_BITS, last = (offset + size - 1) >> CLUSTER_BITS;
    int rc = 0;

    if (!size) {
        return 0;
    }
    pthread_mutex_lock(&o->lock);
    if (!is_ours(o, first) && !is_aligned(offset, CLUSTER_SIZE)) {
        rc = fetch_cluster(o, first);
    }
    if (!rc && !is_ours(o, last) && !is_aligned(offset + size, CLUSTER_SIZE) &&
        (last != first || is_aligned(offset, CLUSTER_SIZE))) {
        rc = fetch_cluster(o, last);
    }
    rc = rc ? rc : file_transfer(o, (void *)data, size, offset, true);
    for (uint64_t c = first; !rc && c <= last; c++) {
        set_ours(o, c);
    }
    pthread_mutex_unlock(&o->lock);
    return rc;
}

static int overlay_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                         unsigned count)
{
    int rc = 0;

    for (unsigned i = 0; i < count && !rc; i++) {
        rc = read_flat((struct overlay_node *)node, offset, iov[i].iov_base, iov[i].iov_len);
        offset += iov[i].iov_len;
    }
    return rc;
}

static int overlay_writev(struct block_node *node, uint64_t offset, const struct iovec *iov,
                          unsigned count)
{
    int rc = 0;

    for (unsigned i = 0; i < count && !rc; i++) {
        rc = write_flat((struct overlay_node *)node, offset, iov[i].iov_base, iov[i].iov_len);
        offset += iov[i].iov_len;
    }
    return rc;
}

static int64_t overlay_length(struct block_node *node)
{
    return ((struct overlay_node *)node)->length;
}

static void close_overlay(struct block_node *node)
{
    struct overlay_node *o = (struct overlay_node *)node;

    close(o->fd);
    free(o->map);
    pthread_mutex_destroy(&o->lock);
}

/* There is no flush: the file goes away with the process. */
const struct block_driver block_driver_overlay = {
    .name = "overlay", .size = sizeof(struct overlay_node), .close = close_overlay,
    .readv = overlay_readv, .writev = overlay_writev, .length = overlay_length,
};

static int open_temporary(struct error **err)
{
    const char *folder = getenv("TMPDIR");
    int fd;

    folder = folder && *folder ? folder : "/var/tmp";
    fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        char *name = g_strdup_printf("%s/qemu-XXXXXX", folder);

        fd = mkostemp(name, O_CLOEXEC);
        if (fd < 0) {
            error_set_errno(err, errno, "cannot make a temporary file in '%s' for the snapshot",
                            folder);
        } else {
            unlink(name);
        }
        g_free(name);
    }
    return fd;
}

struct block_node *block_overlay_create(struct block_node *below, struct error **err)
{
    int64_t length = block_node_length(below);
    struct overlay_node *o;
    int fd;

    if (length < 0) {
        error_set_errno(err, -length, "Could not get the size of '%s'", below->file);
        return NULL;
    }
    fd = open_temporary(err);
    if (fd < 0) {
        return NULL;
    }
    if (ftruncate(fd, length) < 0) {
        error_set_errno(err, errno, "cannot make a snapshot of %lld bytes", (long long)length);
        close(fd);
        return NULL;
    }
    o = g_new0(struct overlay_node, 1);
    o->node.driver = &block_driver_overlay;
    o->node.file = g_strdup(below->file);
    o->node.child = below;
    o->node.flags = below->flags & ~NODE_READONLY;
    o->fd = fd;
    o->length = length;
    /* Untouched pages of a large map cost nothing. */
    o->map = calloc((length >> CLUSTER_BITS) / 64 + 1, sizeof(uint64_t));
    if (!o->map) {
        g_error("out of memory");
    }
    pthread_mutex_init(&o->lock, NULL);
    return &o->node;
}

static int commit_cluster(struct overlay_node *o, struct block_node *to, uint64_t cluster)
{
    uint8_t data[CLUSTER_SIZE];
    uint64_t offset = cluster << CLUSTER_BITS;
    struct iovec iov = { data, MIN_OF(CLUSTER_SIZE, o->length - offset) };
    int rc = file_transfer(o, data, iov.iov_len, offset, false);

    return rc ? rc : block_node_write(to, offset, &iov, 1);
}

/*
 * The image, opened for writing: this node takes the place of the read-only one, whose caches must
 * not outlive the change. It goes without locks, for the old one holds them until it is closed.
 */
static struct block_node *reopen_below(struct overlay_node *o, struct keyval *options,
                                       struct error **err)
{
    unsigned flags = (o->node.flags & ~NODE_READONLY) | NODE_SHARE;
    struct block_node *fresh = block_node_open(o->node.file, o->node.child->driver->name, options,
                                               flags, err);

    if (fresh) {
        block_node_close(o->node.child);
        o->node.child = fresh;
    }
    return fresh;
}

bool block_overlay_commit(struct block_node *overlay, struct keyval *options, struct error **err)
{
    struct overlay_node *o = (struct overlay_node *)overlay;
    uint64_t clusters = (o->length + CLUSTER_SIZE - 1) >> CLUSTER_BITS;
    struct block_node *to = reopen_below(o, options, err);
    int rc = 0;

    if (!to) {
        return false;
    }
    pthread_mutex_lock(&o->lock);
    for (uint64_t c = 0; c < clusters && !rc; c++) {
        if (o->map[c / 64] == 0) {
            c |= 63;
        } else if (is_ours(o, c)) {
            rc = commit_cluster(o, to, c);
        }
    }
    rc = rc ? rc : block_node_flush(to);
    pthread_mutex_unlock(&o->lock);
    if (rc) {
        error_set_errno(err, -rc, "cannot write the snapshot back to '%s'", overlay->file);
    }
    return rc == 0;
}
