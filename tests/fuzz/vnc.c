/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: bytes of a VNC client. Bits of the first byte say whether a handshake comes
 * before them, whether they go through a websocket, and into what pieces they are cut.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/main-loop.h"
#include "ui/text-console.h"
#include "ui/vnc/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WEBSOCKET = 1, HANDSHAKE = 2, PASSWORD = 4, PIECES = 8 };

static struct text_console *tc;

static void typed(void *opaque, const uint8_t *data, size_t size)
{
    text_console_write(tc, data, size);
}

static void start(void)
{
    char option[64];
    struct error *err = NULL;

    main_loop_init();
    tc = text_console_create("fuzz", 80, 24, typed, NULL);
    snprintf(option, sizeof(option), "unix:/tmp/fuzz-vnc-%d", (int)getpid());
    if (!vnc_open(option, &err)) {
        error_exit_with(err);
    }
    unlink(option + 5);
}

/* Reads what the server says, lets it look and encode, until it has nothing more to do. */
static void settle(int fd)
{
    struct vnc_server *server = vnc_servers;
    uint8_t bytes[65536];

    for (int i = 0; i < 20 || (server->busy && i < 20000); i++) {
        main_loop_step(false);
        server->listener.refreshed(&server->listener);
        while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
        }
        if (server->busy) {
            usleep(20);
        }
    }
}

static void give(int fd, const void *data, size_t size, bool pieces)
{
    const uint8_t *at = data;

    while (size) {
        size_t n = pieces ? MIN(size, 7u) : MIN(size, 4096u);

        if (send(fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            return;
        }
        at += n;
        size -= n;
        settle(fd);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char request[] = "GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n";
    static const char hello[] = "RFB 003.008\n\1\1", frame[] = "\x82\x8e\0\0\0\0";
    struct vnc_server *server;
    int fds[2];
    unsigned how;

    if (!vnc_servers) {
        start();
    }
    if (!size || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0) {
        return 0;
    }
    how = *data;
    server = vnc_servers;
    server->password_wanted = how & PASSWORD;
    vnc_client_create(server, fds[1], how & WEBSOCKET);
    if (how & WEBSOCKET && how & HANDSHAKE) {
        give(fds[0], request, sizeof(request) - 1, false);
        give(fds[0], frame, sizeof(frame) - 1, false);
    }
    if (how & HANDSHAKE) {
        give(fds[0], hello, sizeof(hello) - 1, false);
    }
    give(fds[0], data + 1, MIN(size - 1, 4096u), how & PIECES);
    close(fds[0]);
    for (int i = 0; server->clients && i < 20000; i++) {
        main_loop_step(false);
        usleep(20);
    }
    if (server->clients) {
        abort();
    }
    return 0;
}
