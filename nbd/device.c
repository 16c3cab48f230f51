/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's NBD client by ioctl (include/uapi/linux/nbd.h), over a pair of sockets. */
#include "nbd/device.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fs.h>
#include <linux/nbd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"

struct nbd_device {
    int fd, kernel_end;
    struct nbd_peer peer;               /* the handshake is not needed: we are both sides */
    pthread_t thread;
};

static int open_device(const char *path, struct error **err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        error_set_errno(err, errno, "Cannot open the NBD device '%s'%s", path,
                        errno == ENOENT ? " (as root, modprobe nbd makes /dev/nbd0 and others)"
                        : "");
    }
    return fd;
}

/* Stays in the kernel for as long as the device is in use. */
static void *be_client(void *opaque)
{
    struct nbd_device *d = opaque;

    ioctl(d->fd, NBD_DO_IT);
    ioctl(d->fd, NBD_CLEAR_QUE);
    ioctl(d->fd, NBD_CLEAR_SOCK);
    shutdown(d->kernel_end, SHUT_RDWR);
    return NULL;
}

static bool set_up(struct nbd_device *d, struct error **err)
{
    const struct nbd_export *e = d->peer.export;
    unsigned long flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH |
        (e->readonly ? NBD_FLAG_READ_ONLY : NBD_FLAG_SEND_TRIM);
    int readonly = e->readonly;

    /* A socket that is there already belongs to another server. */
    if (ioctl(d->fd, NBD_SET_SOCK, (unsigned long)d->kernel_end) < 0) {
        error_set_errno(err, errno, errno == EBUSY ? "The NBD device is in use"
                        : "The NBD device does not take a connection");
        return false;
    }
    if (ioctl(d->fd, NBD_SET_BLKSIZE, 512ul) < 0 ||
        ioctl(d->fd, NBD_SET_SIZE_BLOCKS, (unsigned long)(e->size / 512)) < 0 ||
        ioctl(d->fd, NBD_SET_FLAGS, flags) < 0 || ioctl(d->fd, BLKROSET, &readonly) < 0) {
        error_set_errno(err, errno, "The NBD device cannot be set up");
        ioctl(d->fd, NBD_CLEAR_SOCK);
        return false;
    }
    return true;
}

struct nbd_device *nbd_device_attach(const char *path, const struct nbd_server *server,
                                     struct error **err)
{
    struct nbd_device *d = g_new0(struct nbd_device, 1);
    int pair[2] = { -1, -1 };

    d->fd = open_device(path, err);
    if (d->fd >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        error_set_errno(err, errno, "No pair of sockets");
    }
    d->kernel_end = pair[0];
    d->peer = (struct nbd_peer){ .server = server, .export = server->exports,
                                 .stream = { .fd = pair[1] } };
    if (d->fd >= 0 && pair[0] >= 0 && set_up(d, err)) {
        if (pthread_create(&d->thread, NULL, be_client, d) == 0) {
            return d;
        }
        error_set(err, "No thread for the NBD device");
        ioctl(d->fd, NBD_CLEAR_SOCK);
    }
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0) {
            close(pair[i]);
        }
    }
    if (d->fd >= 0) {
        close(d->fd);
    }
    g_free(d);
    return NULL;
}

void nbd_device_run(struct nbd_device *d)
{
    nbd_serve_requests(&d->peer);
    pthread_join(d->thread, NULL);
    nbd_stream_close(&d->peer.stream);
    close(d->kernel_end);
    close(d->fd);
    g_free(d);
}

bool nbd_device_detach(const char *path, struct error **err)
{
    int fd = open_device(path, err);
    bool good = fd >= 0;

    if (good && (ioctl(fd, NBD_CLEAR_QUE) < 0 || ioctl(fd, NBD_DISCONNECT) < 0 ||
                 ioctl(fd, NBD_CLEAR_SOCK) < 0)) {
        error_set_errno(err, errno, "The NBD device '%s' cannot be detached", path);
        good = false;
    }
    if (fd >= 0) {
        close(fd);
    }
    return good;
}
