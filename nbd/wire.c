/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes to and from the other side of a connection, plain or through TLS. */
#include "nbd/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "crypto/tls.h"

static ssize_t receive(struct nbd_stream *s, void *data, size_t size)
{
    ssize_t n;

    if (s->tls) {
        return tls_read(s->tls, data, size);
    }
    do {
        n = recv(s->fd, data, size, 0);
    } while (n < 0 && errno == EINTR);
    return n;
}

bool nbd_recv(struct nbd_stream *s, void *data, size_t size)
{
    uint8_t *at = data;

    while (size) {
        ssize_t n = receive(s, at, size);

        if (n <= 0) {
            return false;
        }
        at += n;
        size -= n;
    }
    return true;
}

bool nbd_recvv(struct nbd_stream *s, const struct iovec *iov, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!nbd_recv(s, iov[i].iov_base, iov[i].iov_len)) {
            return false;
        }
    }
    return true;
}

static bool send_tls(struct nbd_stream *s, const struct iovec *iov, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!tls_write(s->tls, iov[i].iov_base, iov[i].iov_len)) {
            return false;
        }
    }
    return true;
}

bool nbd_sendv(struct nbd_stream *s, const struct iovec *iov, unsigned count)
{
    size_t skip = 0;            /* of iov[0] */

    if (s->tls) {
        return send_tls(s, iov, count);
    }
    while (count) {
        struct iovec parts[64];
        unsigned n = MIN_OF(count, ARRAY_LEN(parts));
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = n };
        ssize_t done;

        memcpy(parts, iov, n * sizeof(parts[0]));
        parts[0].iov_base = (char *)parts[0].iov_base + skip;
        parts[0].iov_len -= skip;
        done = sendmsg(s->fd, &message, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return false;
        }
        skip += done;
        while (count && skip >= iov->iov_len) {
            skip -= iov->iov_len;
            iov++;
            count--;
        }
    }
    return true;
}

bool nbd_send(struct nbd_stream *s, const void *data, size_t size)
{
    struct iovec iov = { (void *)data, size };

    return nbd_sendv(s, &iov, 1);
}

bool nbd_skip(struct nbd_stream *s, uint64_t size)
{
    uint8_t buffer[4096];

    while (size) {
        size_t n = MIN_OF(size, sizeof(buffer));

        if (!nbd_recv(s, buffer, n)) {
            return false;
        }
        size -= n;
    }
    return true;
}

void nbd_stream_shut(struct nbd_stream *s)
{
    shutdown(s->fd, SHUT_RDWR);
}

void nbd_stream_close(struct nbd_stream *s)
{
    tls_free(s->tls);
    s->tls = NULL;
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = -1;
}

static const struct {
    uint32_t number;
    int host;
} errors[] = {
    { 1, EPERM }, { 1, EROFS }, { 5, EIO }, { 12, ENOMEM }, { 22, EINVAL }, { 28, ENOSPC },
    { 28, EDQUOT }, { 28, EFBIG }, { 75, EOVERFLOW }, { 95, ENOTSUP }, { 108, ESHUTDOWN },
};

uint32_t nbd_error_of(int rc)
{
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        if (errors[i].host == -rc) {
            return errors[i].number;
        }
    }
    return rc ? 22 : 0;
}

int nbd_errno_of(uint32_t error)
{
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        if (errors[i].number == error) {
            return -errors[i].host;
        }
    }
    return error ? -EINVAL : 0;
}
