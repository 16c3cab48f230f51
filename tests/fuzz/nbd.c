/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer target: the first byte chooses whether the rest is what a client or a server sends. */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nbd/client.h"
#include "nbd/server.h"
#include "tests/image/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes what our side says, so that it never waits. */
static void *drain(void *opaque)
{
    char buffer[65536];

    while (recv(*(int *)opaque, buffer, sizeof(buffer), 0) > 0) {
    }
    return NULL;
}

static void serve_one(int fd)
{
    static uint8_t disk[65536];
    struct memory_file *f = memory_create(disk, sizeof(disk));
    struct nbd_export e = { .name = (char *)"x", .size = sizeof(disk), .depth = true,
                            .node = memory_open(f, "raw", NODE_UNMAP, NULL) };
    struct nbd_server server = { .exports = &e, .export_count = 1 };

    nbd_serve(&server, fd);
    block_node_close(e.node);
    memory_free(f);
}

static void use_server(int fd)
{
    struct nbd_target target = { .export = (char *)"x" };
    struct nbd_stream s = { .fd = fd };
    struct nbd_export_info info;
    uint8_t buffer[4096];
    struct iovec iov[2] = { { buffer, 1000 }, { buffer + 1000, 3096 } };
    struct nbd_extent extents[3];

    if (nbd_shake(&s, &target, &info, NULL)) {
        struct nbd_client *c = nbd_client_create(s, &info);

        for (int i = 0; i < 4; i++) {
            struct nbd_call call = { .command = i == 1 ? NBD_BLOCK_STATUS : i == 2 ? NBD_WRITE
                                     : NBD_READ, .offset = 512 * i, .size = 4096, .iov = iov,
                                     .count = 2, .extents = extents, .extent_count = 3 };

            nbd_client_call(c, &call);
        }
        nbd_client_free(c);
        nbd_info_clear(&info);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pthread_t thread;
    int pair[2];

    if (!size || size > 65536 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        return 0;
    }
    pthread_create(&thread, NULL, drain, &pair[0]);
    if (send(pair[0], data + 1, size - 1, MSG_NOSIGNAL) < 0) {
        shutdown(pair[1], SHUT_RDWR);
    }
    shutdown(pair[0], SHUT_WR);
    if (data[0] & 1) {
        serve_one(pair[1]);
    } else {
        use_server(pair[1]);
    }
    pthread_join(thread, NULL);
    close(pair[0]);
    return 0;
}
