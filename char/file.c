/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back-ends on paths: a file that takes the output, and a pair of named pipes. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd-store.h"
#include "char/backend.h"

struct path_chardev {
    struct chardev chr;
    struct chardev_fds fds;
};

static const char *need_path(struct keyval *kv, const char *backend, struct error **err)
{
    const char *path = keyval_string(kv, "path", NULL);

    if (!path || !*path) {
        error_set(err, "%s: character device '%s' needs a path", keyval_option(kv), backend);
        return NULL;
    }
    return path;
}

static void path_ended(struct chardev *chr)
{
    chardev_set_connected(chr, false);
}

static bool open_file(struct chardev *chr, struct keyval *kv, struct error **err)
{
    struct path_chardev *p = (struct path_chardev *)chr;
    const char *path = need_path(kv, "file", err);
    bool append = false;
    int fd;

    if (!path || !keyval_bool(kv, "append", &append, err)) {
        return false;
    }
    fd = fd_store_open(path, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), 0666);
    if (fd < 0) {
        error_set_errno(err, errno, "cannot open '%s' for writing", path);
        return false;
    }
    chr->connected = true;
    chardev_fds_start(&p->fds, chr, -1, fd);
    return true;
}

/* Pipes: PATH.in and PATH.out, or PATH for both ways. */
static bool open_pipe(struct chardev *chr, struct keyval *kv, struct error **err)
{
    struct path_chardev *p = (struct path_chardev *)chr;
    const char *path = need_path(kv, "pipe", err);
    char *name_in, *name_out;
    int in, out;

    if (!path) {
        return false;
    }
    name_in = g_strdup_printf("%s.in", path);
    name_out = g_strdup_printf("%s.out", path);
    in = open(name_in, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    out = open(name_out, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    g_free(name_in);
    g_free(name_out);
    if (in < 0 || out < 0) {
        if (in >= 0) {
            close(in);
        }
        if (out >= 0) {
            close(out);
        }
        in = out = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (in < 0) {
            error_set_errno(err, errno, "cannot open the pipe '%s' (made by mkfifo %s.in %s.out)",
                            path, path, path);
            return false;
        }
    }
    p->fds.ended = path_ended;
    chr->connected = true;
    chardev_fds_start(&p->fds, chr, in, out);
    return true;
}

static void close_path(struct chardev *chr)
{
    chardev_fds_stop(&((struct path_chardev *)chr)->fds);
}

static size_t write_path(struct chardev *chr, const uint8_t *data, size_t size)
{
    return chardev_fds_write(&((struct path_chardev *)chr)->fds, data, size);
}

static void update_path(struct chardev *chr)
{
    chardev_fds_update(&((struct path_chardev *)chr)->fds);
}

/* A file is always ready, and epoll-like watching of it is pointless: there is no update. */
const struct chardev_backend chardev_file = {
    .name = "file", .size = sizeof(struct path_chardev), .open = open_file, .close = close_path,
    .write = write_path,
};

const struct chardev_backend chardev_pipe = {
    .name = "pipe", .size = sizeof(struct path_chardev), .open = open_pipe, .close = close_path,
    .write = write_path, .update = update_path,
};
