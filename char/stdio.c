/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The standard input and output as a character device. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "char/backend.h"
#include "char/terminal.h"

struct stdio {
    struct chardev chr;
    struct chardev_fds fds;
    bool signals;
};

static bool taken;

/*
 * O_NONBLOCK belongs to the open file, which the shell and others share with us, so it is never set
 * on it. Terminals and pipes are opened anew instead; what cannot be is written in small pieces
 * after poll() says that there is room.
 */
static int open_output(struct chardev_fds *fds)
{
    struct stat st;
    int fd = -1;

    if (fstat(STDOUT_FILENO, &st) < 0) {
        return -1;
    }
    if (S_ISSOCK(st.st_mode)) {
        fds->is_socket = true;
    } else if (S_ISFIFO(st.st_mode) || isatty(STDOUT_FILENO)) {
        fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        fds->chunk = fd < 0 ? 256 : 0;
    }
    return fd < 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : fd;
}

/* A closed standard input is no reason to stop: the guest runs on without a keyboard. */
static void input_ended(struct chardev *chr)
{
}

static bool open_stdio(struct chardev *chr, struct keyval *kv, struct error **err)
{
    struct stdio *io = (struct stdio *)chr;
    struct stat st;
    int in;

    io->signals = true;
    if (!keyval_bool(kv, "signal", &io->signals, err)) {
        return false;
    }
    if (taken) {
        error_set(err, "cannot use stdio by multiple character devices (mon:stdio shares it)");
        return false;
    }
    taken = true;
    /* Regular files and /dev/null are always ready: glib polls them as such until the end. */
    in = fstat(STDIN_FILENO, &st) < 0 ? -1 : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    io->fds.ended = input_ended;
    terminal_raw(io->signals, false);
    chr->connected = true;
    chardev_fds_start(&io->fds, chr, in, open_output(&io->fds));
    return true;
}

static void close_stdio(struct chardev *chr)
{
    chardev_fds_stop(&((struct stdio *)chr)->fds);
    terminal_restore();
    taken = false;
}

static size_t write_stdio(struct chardev *chr, const uint8_t *data, size_t size)
{
    if (memchr(data, 033, size)) {
        terminal_note_escape();
    }
    return chardev_fds_write(&((struct stdio *)chr)->fds, data, size);
}

static void update_stdio(struct chardev *chr)
{
    chardev_fds_update(&((struct stdio *)chr)->fds);
}

static void set_echo(struct chardev *chr, bool echo)
{
    terminal_raw(((struct stdio *)chr)->signals, echo);
}

const struct chardev_backend chardev_stdio = {
    .name = "stdio", .size = sizeof(struct stdio), .open = open_stdio, .close = close_stdio,
    .write = write_stdio, .update = update_stdio, .set_echo = set_echo,
};
