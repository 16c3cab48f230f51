/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vFile: gdb reads the program and its libraries through the stub, so that it finds those that the
 * process sees. Nothing can be written.
 */
#include "gdbstub/stub.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Numbers of the protocol. */
enum { FILE_O_ACCMODE = 3, FILE_EUNKNOWN = 9999 };

static enum answer result(struct gdb *g, int64_t value)
{
    static const uint8_t same[] = { EPERM, ENOENT, EINTR, EIO, EBADF, EACCES, EFAULT, EBUSY, EEXIST,
                                    ENODEV, ENOTDIR, EISDIR, EINVAL, ENFILE, EMFILE, EFBIG, ENOSPC,
                                    ESPIPE, EROFS };
    int number = FILE_EUNKNOWN;

    if (value >= 0) {
        reply_printf(g, "F%llx", (unsigned long long)value);
        return ANSWER_REPLY;
    }
    for (unsigned i = 0; i < sizeof(same); i++) {
        if (same[i] == -value) {
            number = same[i];
        }
    }
    if (value == -ENAMETOOLONG) {
        number = 91;
    }
    reply_printf(g, "F-1,%x", number);
    return ANSWER_REPLY;
}

struct path {
    char name[PATH_MAX], buf[PATH_MAX];
};

/* A name in hexadecimal, up to the end or a comma; where that is on the host, NULL: not a name. */
static const char *take_path(struct gdb *g, struct cursor *c, struct path *p)
{
    const char *end = memchr(c->at, ',', c->end - c->at);
    size_t length = ((end ? end : c->end) - c->at) / 2;

    if (length >= sizeof(p->name) || !take_bytes(c, p->name, length)) {
        return NULL;
    }
    p->name[length] = 0;
    return g->ops->path(p->name, p->buf);
}

static int *take_file(struct gdb *g, struct cursor *c)
{
    uint64_t n;

    return take_hex(c, &n) && n < FILES_MAX && g->files[n] >= 0 ? &g->files[n] : NULL;
}

static enum answer set_fs(struct gdb *g, struct cursor *c)
{
    return result(g, 0);
}

static enum answer file_open(struct gdb *g, struct cursor *c)
{
    struct path p;
    const char *path = take_path(g, c, &p);
    uint64_t flags, mode;
    unsigned n = 0;

    if (!path || !take_char(c, ',') || !take_hex(c, &flags) || !take_char(c, ',') ||
        !take_hex(c, &mode)) {
        return result(g, -EINVAL);
    }
    if ((flags & FILE_O_ACCMODE) != 0) {
        return result(g, -EROFS);
    }
    while (n < FILES_MAX && g->files[n] >= 0) {
        n++;
    }
    if (n == FILES_MAX) {
        return result(g, -EMFILE);
    }
    g->files[n] = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return result(g, g->files[n] < 0 ? -errno : (int64_t)n);
}

static enum answer file_close(struct gdb *g, struct cursor *c)
{
    int *file = take_file(g, c);

    if (!file) {
        return result(g, -EBADF);
    }
    close(*file);
    *file = -1;
    return result(g, 0);
}

static enum answer attach_data(struct gdb *g, const void *data, int64_t size)
{
    if (size < 0) {
        return result(g, -errno);
    }
    reply_printf(g, "F%llx;", (unsigned long long)size);
    reply_bytes(g, data, size);
    return ANSWER_REPLY;
}

static enum answer file_pread(struct gdb *g, struct cursor *c)
{
    int *file = take_file(g, c);
    char data[PACKET_MAX - 64];
    uint64_t size, offset;

    if (!file) {
        return result(g, -EBADF);
    }
    if (!take_char(c, ',') || !take_hex(c, &size) || !take_char(c, ',') ||
        !take_hex(c, &offset) || offset > INT64_MAX) {
        return result(g, -EINVAL);
    }
    size = size < sizeof(data) ? size : sizeof(data);
    return attach_data(g, data, pread(*file, data, size, offset));
}

static enum answer file_readlink(struct gdb *g, struct cursor *c)
{
    char data[PATH_MAX];
    struct path p;
    const char *path = take_path(g, c, &p);

    return path ? attach_data(g, data, readlink(path, data, sizeof(data))) : result(g, -EINVAL);
}

static void put(uint8_t *at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++) {
        at[i] = value >> 8 * (size - 1 - i);
    }
}

/* The protocol's struct stat: big-endian, its own layout. */
static enum answer file_fstat(struct gdb *g, struct cursor *c)
{
    int *file = take_file(g, c);
    uint8_t data[64] = { 0 };
    struct stat st;

    if (!file) {
        return result(g, -EBADF);
    }
    if (fstat(*file, &st) < 0) {
        return result(g, -errno);
    }
    put(data, 4, st.st_dev);
    put(data + 4, 4, st.st_ino);
    put(data + 8, 4, st.st_mode);
    put(data + 12, 4, st.st_nlink);
    put(data + 16, 4, st.st_uid);
    put(data + 20, 4, st.st_gid);
    put(data + 24, 4, st.st_rdev);
    put(data + 28, 8, st.st_size);
    put(data + 36, 8, st.st_blksize);
    put(data + 44, 8, st.st_blocks);
    put(data + 52, 4, st.st_atime);
    put(data + 56, 4, st.st_mtime);
    put(data + 60, 4, st.st_ctime);
    return attach_data(g, data, sizeof(data));
}

const struct command file_commands[] = {
    { "setfs:", set_fs }, { "open:", file_open }, { "close:", file_close },
    { "pread:", file_pread }, { "fstat:", file_fstat }, { "readlink:", file_readlink }, { NULL }
};

void files_close(struct gdb *g)
{
    for (unsigned i = 0; i < FILES_MAX; i++) {
        if (g->files[i] >= 0) {
            close(g->files[i]);
            g->files[i] = -1;
        }
    }
}
