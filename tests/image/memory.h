/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A protocol for tests: a file in memory that records its writes and flushes, so that a test can
 * build what a crash would have left.
 */
#ifndef TESTS_IMAGE_MEMORY_H
#define TESTS_IMAGE_MEMORY_H

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "block/image.h"

#define MEMORY_MAX (48u << 20)

struct memory_write {
    uint64_t offset, size;
    uint8_t *data;              /* NULL: a flush */
};

struct memory_file {
    uint8_t *data;
    uint64_t size, room;
    bool recording;
    GArray *log;                /* struct memory_write */
    int fail_after;             /* that many more writes work; negative: all */
    int error;
};

struct memory_node {
    struct block_node node;
    struct memory_file *file;
};

static void memory_put(struct memory_file *f, uint64_t offset, const void *data, uint64_t size)
{
    if (offset + size > f->room) {
        uint64_t room = (offset + size) * 2;

        f->data = g_realloc(f->data, room);
        memset(f->data + f->room, 0, room - f->room);
        f->room = room;
    }
    memcpy(f->data + offset, data, size);
    f->size = f->size > offset + size ? f->size : offset + size;
}

static int memory_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                        unsigned count)
{
    struct memory_file *f = ((struct memory_node *)node)->file;

    for (unsigned i = 0; i < count; i++) {
        uint64_t n = offset < f->size ? f->size - offset : 0;

        n = n < iov[i].iov_len ? n : iov[i].iov_len;
        memcpy(iov[i].iov_base, f->data + (n ? offset : 0), n);
        memset((char *)iov[i].iov_base + n, 0, iov[i].iov_len - n);
        offset += iov[i].iov_len;
    }
    return 0;
}

static int memory_writev(struct block_node *node, uint64_t offset, const struct iovec *iov,
                         unsigned count)
{
    struct memory_file *f = ((struct memory_node *)node)->file;
    struct memory_write w = { offset, iov_size(iov, count) };

    if (offset + w.size > MEMORY_MAX) {
        return -EFBIG;
    }
    if (f->fail_after >= 0 && f->fail_after-- == 0) {
        f->fail_after = 0;
        return -f->error;
    }
    w.data = g_malloc(w.size + 1);
    iov_gather(iov, count, w.data);
    memory_put(f, offset, w.data, w.size);
    if (f->recording) {
        g_array_append_val(f->log, w);
    } else {
        g_free(w.data);
    }
    return 0;
}

static int memory_flush(struct block_node *node)
{
    struct memory_file *f = ((struct memory_node *)node)->file;
    struct memory_write w = { 0 };

    if (f->recording) {
        g_array_append_val(f->log, w);
    }
    return 0;
}

static int64_t memory_length(struct block_node *node)
{
    return ((struct memory_node *)node)->file->size;
}

static bool memory_resize(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                          struct error **err)
{
    struct memory_file *f = ((struct memory_node *)node)->file;

    if (size > MEMORY_MAX) {
        error_set(err, "a file in memory has 48 MiB at most");
        return false;
    }
    if (size > f->size) {
        memory_put(f, size, "", 0);
    } else {
        memset(f->data + size, 0, f->size - size);
    }
    f->size = size;
    return true;
}

static const struct block_driver memory_driver = {
    .name = "memory", .size = sizeof(struct memory_node), .is_protocol = true,
    .readv = memory_readv, .writev = memory_writev, .flush = memory_flush,
    .length = memory_length, .resize = memory_resize,
};

__attribute__((unused)) static struct memory_file *memory_create(const void *data, uint64_t size)
{
    struct memory_file *f = g_new0(struct memory_file, 1);

    f->log = g_array_new(FALSE, FALSE, sizeof(struct memory_write));
    f->fail_after = -1;
    memory_put(f, 0, data, size);
    return f;
}

__attribute__((unused)) static void memory_free(struct memory_file *f)
{
    for (unsigned i = 0; i < f->log->len; i++) {
        g_free(g_array_index(f->log, struct memory_write, i).data);
    }
    g_array_free(f->log, TRUE);
    g_free(f->data);
    g_free(f);
}

/* The file must live until the node is closed. */
__attribute__((unused)) static struct block_node *memory_open(struct memory_file *file,
                                                              const char *format, unsigned flags,
                                                              struct error **err)
{
    struct memory_node *m = g_new0(struct memory_node, 1);

    m->node.driver = &memory_driver;
    m->node.file = g_strdup("memory");
    m->node.flags = flags;
    m->file = file;
    return block_node_open_on(&m->node, format, NULL, flags, err);
}

/* --- crashes --------------------------------------------------------------------------------- */

static void memory_replay(struct memory_file *f, const struct memory_write *w, bool may_tear)
{
    uint64_t from = 0, size = w->size;

    if (may_tear && rand() % 3 == 0) {          /* whole sectors only */
        size = align_down((uint64_t)rand() % (w->size + 1) + w->offset, 512);
        size = size > w->offset ? size - w->offset : 0;
        if (rand() % 2) {
            from = size;
            size = w->size;
        }
    }
    memory_put(f, w->offset + from, w->data + from, size - from);
}

/*
 * What is left if only this many entries of the log happened: all of them when a process is killed;
 * after a lost host, of the writes behind the last flush any may be missing or torn.
 */
__attribute__((unused)) static struct memory_file *memory_crash(struct memory_file *file,
                                                                const void *start, uint64_t size,
                                                                unsigned position, bool host)
{
    struct memory_file *f = memory_create(start, size);
    unsigned stable = position;

    while (host && stable && g_array_index(file->log, struct memory_write, stable - 1).data) {
        stable--;
    }
    for (unsigned i = 0; i < position; i++) {
        struct memory_write *write = &g_array_index(file->log, struct memory_write, i);

        if (write->data && (i < stable || rand() % 2)) {
            memory_replay(f, write, i >= stable);
        }
    }
    return f;
}

/* The bytes of a new qcow2 image. */
__attribute__((unused)) static void memory_make_image(const char *options, uint64_t disk,
                                                      char **data, size_t *size)
{
    char *folder = g_dir_make_tmp("memory-XXXXXX", NULL);
    char *file = g_strdup_printf("%s/image", folder);
    struct keyval *kv = keyval_parse("-o", options, NULL, NULL);

    image_create(file, "qcow2", disk, kv, NULL);
    g_file_get_contents(file, data, size, NULL);
    unlink(file);
    rmdir(folder);
    keyval_free(kv);
    g_free(file);
    g_free(folder);
}

#endif
