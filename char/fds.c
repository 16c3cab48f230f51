/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors of character back-ends: read when the front-end has room, written without waiting. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "char/backend.h"

enum { PASSED_MAX = 16 };            /* descriptors that wait for a command */

static void keep_passed(struct chardev *chr, const struct cmsghdr *c)
{
    size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    chr->passed = chr->passed ? chr->passed : g_array_new(FALSE, FALSE, sizeof(int));
    for (size_t i = 0; i < count; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
        if (chr->passed->len < PASSED_MAX) {
            g_array_append_val(chr->passed, fd);
        } else {
            close(fd);
        }
    }
}

int chardev_take_fd(struct chardev *chr)
{
    int fd;

    if (!chr->passed || !chr->passed->len) {
        return -1;
    }
    fd = g_array_index(chr->passed, int, chr->passed->len - 1);
    g_array_set_size(chr->passed, chr->passed->len - 1);
    return fd;
}

/* A unix socket may bring descriptors along. */
static ssize_t receive(struct chardev_fds *fds, uint8_t *data, size_t size)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(PASSED_MAX * sizeof(int))];
    } control;
    struct iovec iov = { data, size };
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
        .msg_controllen = sizeof(control)
    };
    ssize_t n = recvmsg(fds->in, &m, MSG_CMSG_CLOEXEC);

    if (n < 0 && errno == ENOTSOCK) {    /* only the output is one */
        return read(fds->in, data, size);
    }
    for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            keep_passed(fds->chr, c);
        }
    }
    return n;
}

static void input_ready(void *opaque, int ready)
{
    struct chardev_fds *fds = opaque;
    struct chardev *chr = fds->chr;
    uint8_t data[4096];
    size_t room = MIN_OF(chardev_room(chr), sizeof(data));
    ssize_t n;

    if (!room) {
        chardev_fds_update(fds);
        return;
    }
    n = fds->is_socket ? receive(fds, data, room) : read(fds->in, data, room);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        main_loop_unwatch(fds->in_watch);
        fds->in_watch = NULL;
        fds->ended(chr);
        return;
    }
    if (fds->filter) {
        n = fds->filter(chr, data, n);
    }
    chardev_deliver(chr, data, n);
    chardev_fds_update(fds);
}

static void output_ready(void *opaque, int ready)
{
    struct chardev_fds *fds = opaque;

    chardev_ready(fds->chr);
    chardev_fds_update(fds);
}

void chardev_fds_start(struct chardev_fds *fds, struct chardev *chr, int in, int out)
{
    fds->chr = chr;
    fds->in = in;
    fds->out = out;
    fds->in_watch = in < 0 ? NULL : main_loop_watch_fd(in, 0, input_ready, fds);
    fds->out_watch = out < 0 ? NULL : main_loop_watch_fd(out, 0, output_ready, fds);
    chardev_fds_update(fds);
}

void chardev_fds_update(struct chardev_fds *fds)
{
    if (fds->in_watch) {
        main_loop_watch_events(fds->in_watch, chardev_room(fds->chr) ? WATCH_READ : 0);
    }
    if (fds->out_watch) {
        main_loop_watch_events(fds->out_watch, chardev_wants_write(fds->chr) ? WATCH_WRITE : 0);
    }
}

size_t chardev_fds_write(struct chardev_fds *fds, const uint8_t *data, size_t size)
{
    size_t done = 0;

    if (fds->out < 0) {
        return size;
    }
    while (done < size) {
        size_t want = size - done;
        ssize_t n;

        if (fds->chunk) {
            struct pollfd p = { .fd = fds->out, .events = POLLOUT };

            if (poll(&p, 1, 0) <= 0 || !(p.revents & (POLLOUT | POLLERR | POLLHUP))) {
                break;
            }
            want = MIN_OF(want, fds->chunk);
        }
        n = fds->is_socket ? send(fds->out, data + done, want, MSG_NOSIGNAL | MSG_DONTWAIT)
                           : write(fds->out, data + done, want);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n < 0) {
            /* Nobody will ever read this; the read side notices a lost connection. */
            return size;
        }
        done += n;
    }
    return done;
}

void chardev_fds_stop(struct chardev_fds *fds)
{
    main_loop_unwatch(fds->in_watch);
    main_loop_unwatch(fds->out_watch);
    fds->in_watch = fds->out_watch = NULL;
    if (fds->in >= 0) {
        close(fds->in);
    }
    if (fds->out >= 0 && fds->out != fds->in) {
        close(fds->out);
    }
    fds->in = fds->out = -1;
}
