/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fat:[12:|16:|32:][floppy:][rw:]FOLDER: a folder of the host as a FAT disk. It is laid out when
 * it is opened; files are read from the host when the guest reads their clusters. What the guest
 * writes (rw:) goes to a temporary file, and at a flush to the host.
 */
#include "block/vvfat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"

static struct vvfat *vvfat_of(struct block_node *node)
{
    return container_of(node, struct vvfat, node);
}

/* --- options --------------------------------------------------------------------------------- */

static const char *const prefixes[] = { "fat:", NULL };

static bool take_word(const char **at, const char *word)
{
    bool there = g_str_has_prefix(*at, word);

    *at += there ? strlen(word) : 0;
    return there;
}

static bool parse_name(const char *name, struct keyval *options, struct error **err)
{
    const char *at = name + strlen("fat:");
    bool more = true;

    while (more) {
        if (take_word(&at, "floppy:")) {
            keyval_set(options, "floppy", "on");
        } else if (take_word(&at, "rw:")) {
            keyval_set(options, "rw", "on");
        } else if (take_word(&at, "12:")) {
            keyval_set(options, "fat-type", "12");
        } else if (take_word(&at, "16:")) {
            keyval_set(options, "fat-type", "16");
        } else if (take_word(&at, "32:")) {
            keyval_set(options, "fat-type", "32");
        } else {
            more = false;
        }
    }
    keyval_set(options, "dir", at);
    return true;
}

static bool read_options(struct vvfat *v, struct keyval *options, struct error **err)
{
    const char *dir = keyval_string(options, "dir", NULL);
    const char *label = keyval_string(options, "label", "QEMU VVFAT");
    uint64_t bits = 0;

    if (!keyval_bool(options, "rw", &v->writable, err) ||
        !keyval_bool(options, "floppy", &v->floppy, err) ||
        !keyval_uint(options, "fat-type", &bits, err)) {
        return false;
    }
    if (!dir || !*dir) {
        error_set(err, "fat: the folder is missing: fat:[rw:][floppy:]FOLDER");
        return false;
    }
    if (bits && bits != 12 && bits != 16 && (bits != 32 || v->floppy)) {
        error_set(err, v->floppy ? "fat: a floppy disk has fat-type 12"
                  : "fat: valid FAT types are 12, 16 and 32");
        return false;
    }
    if (strlen(label) > 11) {
        error_set(err, "fat: the label '%s' has more than 11 characters", label);
        return false;
    }
    v->bits = v->floppy ? 12 : bits ? bits : 16;
    /* fat:floppy:12: is 1.44 MB, without a number 2.88 MB. */
    v->track = !v->floppy ? 63 : bits ? 18 : 36;
    v->heads = v->floppy ? 2 : 16;
    snprintf(v->label, sizeof(v->label), "%-11s", label);
    v->dir = g_strdup(dir);
    return true;
}

/* --- opening --------------------------------------------------------------------------------- */

static void free_run(void *opaque)
{
    struct vvfat_run *run = opaque;

    g_free(run->path);
    g_free(run->data);
}

static void free_memory(struct vvfat *v)
{
    g_array_free(v->runs, TRUE);
    g_hash_table_destroy(v->known);
    g_free(v->head);
    g_free(v->dir);
    g_free(v->written);
    g_free(v->fresh);
    pthread_mutex_destroy(&v->lock);
    if (v->file >= 0) {
        close(v->file);
    }
    if (v->overlay >= 0) {
        close(v->overlay);
    }
}

static bool make_overlay(struct vvfat *v, struct error **err)
{
    char *name = g_build_filename(g_get_tmp_dir(), "vvfat-XXXXXX", NULL);
    uint64_t bytes = ((uint64_t)v->start + v->sectors) / 8 + 1;

    v->overlay = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);
    if (v->overlay >= 0) {
        unlink(name);
    } else {
        error_set_errno(err, errno, "fat: cannot make the temporary file '%s'", name);
    }
    g_free(name);
    v->written = g_malloc0(bytes);
    v->fresh = g_malloc0(bytes);
    return v->overlay >= 0;
}

static bool open_vvfat(struct block_node *node, struct keyval *options, struct error **err)
{
    struct vvfat *v = vvfat_of(node);
    struct stat st;

    v->runs = g_array_new(FALSE, TRUE, sizeof(struct vvfat_run));
    g_array_set_clear_func(v->runs, free_run);
    v->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    v->file = v->overlay = -1;
    pthread_mutex_init(&v->lock, NULL);
    if (!read_options(v, options, err)) {
        free_memory(v);
        return false;
    }
    if (stat(v->dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
        error_set_errno(err, S_ISDIR(st.st_mode) || errno ? errno : ENOTDIR,
                        "fat: '%s' is not a folder that can be read", v->dir);
        free_memory(v);
        return false;
    }
    v->writable &= !(node->flags & NODE_READONLY);
    if (!v->writable) {
        node->flags |= NODE_READONLY;
    }
    if (!vvfat_scan(v, err) || (v->writable && !make_overlay(v, err))) {
        free_memory(v);
        return false;
    }
    return true;
}

static void close_vvfat(struct block_node *node)
{
    struct vvfat *v = vvfat_of(node);

    if (v->dirty && !vvfat_commit(v)) {
        error_warn("fat: the guest left the file system in the middle of a change; '%s' does not "
                   "have the last of it", v->dir);
    }
    free_memory(v);
}

/* --- the FAT --------------------------------------------------------------------------------- */

uint64_t vvfat_cluster_bytes(const struct vvfat *v)
{
    return (uint64_t)v->cluster_sectors * FAT_SECTOR;
}

uint32_t vvfat_end_mark(const struct vvfat *v)
{
    return v->bits == 12 ? 0xfff : v->bits == 16 ? 0xffff : 0x0fffffff;
}

uint32_t vvfat_fat_get(const struct vvfat *v, const uint8_t *fat, uint32_t cluster)
{
    if (v->bits == 12) {
        unsigned pair = ld16_le(fat + cluster * 3 / 2);

        return cluster & 1 ? pair >> 4 : pair & 0xfff;
    }
    return v->bits == 16 ? ld16_le(fat + cluster * 2ull)
        : ld32_le(fat + cluster * 4ull) & 0x0fffffff;
}

void vvfat_fat_put(const struct vvfat *v, uint8_t *fat, uint32_t cluster, uint32_t value)
{
    if (v->bits == 12) {
        uint8_t *p = fat + cluster * 3 / 2;
        unsigned pair = ld16_le(p);

        st16_le(p, cluster & 1 ? (pair & 0xf) | value << 4 : (pair & 0xf000) | value);
    } else if (v->bits == 16) {
        st16_le(fat + cluster * 2ull, value);
    } else {
        st32_le(fat + cluster * 4ull, value);
    }
}

/* --- reading --------------------------------------------------------------------------------- */

static const struct vvfat_run *find_run(const struct vvfat *v, uint32_t cluster)
{
    unsigned low = 0, high = v->runs->len;

    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct vvfat_run *run = &g_array_index(v->runs, struct vvfat_run, middle);

        if (cluster < run->first) {
            high = middle;
        } else if (cluster >= run->first + run->count) {
            low = middle + 1;
        } else {
            return run;
        }
    }
    return NULL;
}

/* A file that became shorter or is gone reads as zeroes there. */
static int read_file(struct vvfat *v, const char *path, uint64_t offset, uint8_t *data,
                     size_t size)
{
    size_t done = 0;

    if (v->file_path != path) {
        char *full = g_build_filename(v->dir, path, NULL);

        if (v->file >= 0) {
            close(v->file);
        }
        v->file = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        v->file_path = v->file >= 0 ? path : NULL;
        g_free(full);
    }
    while (done < size && v->file >= 0) {
        ssize_t n = pread(v->file, data + done, size - done, offset + done);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n == 0) {
            break;
        }
        done += MAX_OF(n, 0);
    }
    memset(data + done, 0, size - done);
    return 0;
}

/* Within one cluster, as it was laid out. */
static int read_cluster(struct vvfat *v, uint32_t cluster, uint64_t skip, uint8_t *data,
                        size_t size)
{
    const struct vvfat_run *run = find_run(v, cluster);
    uint64_t at, n;

    at = run ? (cluster - run->first) * vvfat_cluster_bytes(v) + skip : 0;
    n = run && at < run->size ? MIN_OF(size, run->size - at) : 0;
    memset(data + n, 0, size - n);
    if (n && !run->path) {
        memcpy(data, run->data + at, n);
        return 0;
    }
    return n ? read_file(v, run->path, at, data, n) : 0;
}

static bool in_overlay(const struct vvfat *v, uint64_t sector)
{
    return v->written && v->written[sector / 8] >> sector % 8 & 1;
}

/* At most to the end of a sector. */
static int read_piece(struct vvfat *v, uint64_t offset, uint8_t *data, size_t size)
{
    uint64_t bytes = vvfat_cluster_bytes(v);

    if (in_overlay(v, offset / FAT_SECTOR)) {
        ssize_t n = pread(v->overlay, data, size, offset);

        return n == (ssize_t)size ? 0 : n < 0 ? -errno : -EIO;
    }
    if (offset < v->data) {
        memcpy(data, v->head + offset, size);
        return 0;
    }
    offset -= v->data;
    return read_cluster(v, 2 + offset / bytes, offset % bytes, data, size);
}

int vvfat_read(struct vvfat *v, uint64_t offset, void *data, size_t size)
{
    uint64_t bytes = vvfat_cluster_bytes(v);
    uint8_t *to = data;
    int rc = 0;

    while (size && !rc) {
        /* Without an overlay whole clusters at once. */
        uint64_t unit = v->written || offset < v->data ? FAT_SECTOR : bytes;
        uint64_t skip = unit == FAT_SECTOR ? offset % FAT_SECTOR : (offset - v->data) % bytes;
        size_t n = MIN_OF(size, unit - skip);

        rc = read_piece(v, offset, to, n);
        offset += n;
        to += n;
        size -= n;
    }
    return rc;
}

int vvfat_write(struct vvfat *v, uint64_t offset, const void *data, size_t size)
{
    const uint8_t *from = data;

    while (size) {
        uint64_t sector = offset / FAT_SECTOR, skip = offset % FAT_SECTOR;
        size_t n = MIN_OF(size, FAT_SECTOR - skip);
        uint8_t whole[FAT_SECTOR];
        int rc = n < FAT_SECTOR ? vvfat_read(v, sector * FAT_SECTOR, whole, FAT_SECTOR) : 0;

        if (rc) {
            return rc;
        }
        memcpy(whole + skip, from, n);
        if (pwrite(v->overlay, whole, FAT_SECTOR, sector * FAT_SECTOR) != FAT_SECTOR) {
            return -EIO;
        }
        v->written[sector / 8] |= 1 << sector % 8;
        v->fresh[sector / 8] |= 1 << sector % 8;
        v->dirty = true;
        offset += n;
        from += n;
        size -= n;
    }
    return 0;
}

/* --- the driver ------------------------------------------------------------------------------ */

static int64_t vvfat_length(struct block_node *node)
{
    struct vvfat *v = vvfat_of(node);

    return ((uint64_t)v->start + v->sectors) * FAT_SECTOR;
}

static int vvfat_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                       unsigned count)
{
    struct vvfat *v = vvfat_of(node);
    uint64_t length = vvfat_length(node);
    int rc = 0;

    pthread_mutex_lock(&v->lock);
    for (unsigned i = 0; i < count && !rc; i++) {
        uint64_t n = offset < length ? MIN_OF(iov[i].iov_len, length - offset) : 0;

        rc = n ? vvfat_read(v, offset, iov[i].iov_base, n) : 0;
        memset((char *)iov[i].iov_base + n, 0, iov[i].iov_len - n);
        offset += iov[i].iov_len;
    }
    pthread_mutex_unlock(&v->lock);
    return rc;
}

static int vvfat_writev(struct block_node *node, uint64_t offset, const struct iovec *iov,
                        unsigned count)
{
    struct vvfat *v = vvfat_of(node);
    uint64_t size = iov_size(iov, count), length = vvfat_length(node);
    int rc = size > length || offset > length - size ? -ENOSPC : 0;

    pthread_mutex_lock(&v->lock);
    for (unsigned i = 0; i < count && !rc; i++) {
        rc = vvfat_write(v, offset, iov[i].iov_base, iov[i].iov_len);
        offset += iov[i].iov_len;
    }
    pthread_mutex_unlock(&v->lock);
    return rc;
}

static int vvfat_flush(struct block_node *node)
{
    struct vvfat *v = vvfat_of(node);

    pthread_mutex_lock(&v->lock);
    if (v->dirty) {
        vvfat_commit(v);
    }
    pthread_mutex_unlock(&v->lock);
    return 0;
}

const struct block_driver block_driver_vvfat = {
    .name = "vvfat", .size = sizeof(struct vvfat), .is_protocol = true, .prefixes = prefixes,
    .parse_name = parse_name, .open = open_vvfat, .close = close_vvfat, .readv = vvfat_readv,
    .writev = vvfat_writev, .flush = vvfat_flush, .length = vvfat_length,
};
