/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two processes on one connection, after a fork: both are stopped, and one at a time has the token,
 * that is reads gdb's packets. A packet that names the other process takes the token along. When
 * one is done with gdb (detached, exited) it hands the token over for good.
 */
#include "linux-user/gdb-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cpu-debug.h"

#define S gdb_state

struct message {
    uint32_t size;
    char negotiated[24];
    char packet[512];               /* those that name a process are short */
};

void gdb_link_create(struct task *t)
{
    int pair[2];

    S.link_other = -1;
    if (!S.attached || t->borrows || !S.has_token || S.link >= 0 ||
        !gdb_wants_event(S.gdb, GDB_EVENT_FORK)) {
        return;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
        S.link = pair[0];
        S.link_other = pair[1];
    }
}

void gdb_link_close(void)
{
    if (S.link >= 0) {
        close(S.link);
        S.link = -1;
    }
}

bool gdb_link_parent(int64_t child)
{
    if (S.link_other < 0) {
        return false;
    }
    close(S.link_other);
    S.link_other = -1;
    if (child < 0) {
        gdb_link_close();
        return false;
    }
    S.link_pid = child;
    return true;
}

/* In the child: alone, with copies of everything. Without a link it has nothing to do with gdb. */
void gdb_link_child(struct task *t)
{
    int pair[2] = { S.link, S.link_other };

    S.memory = 0;
    if (S.wake >= 0) {
        close(S.wake);
    }
    t->debug.in_call = t->debug.parked = false;
    if (!S.attached) {
        return;
    }
    if (S.link_other < 0) {
        S.link = -1;                /* a sibling's */
        if (pair[0] >= 0) {
            close(pair[0]);
        }
        close(S.socket);
        S.socket = -1;
        gdb_release();
        return;
    }
    close(pair[0]);
    S.link = pair[1];
    S.link_other = -1;
    S.link_pid = getppid();
    S.has_token = false;
    S.stopping = true;
    S.happening.kind = HAPPENED_NOTHING;
    t->debug.stop = 1;
    gdb_forked(S.gdb, t->cpu);
    gdb_connection_start();
}

bool gdb_link_pass(const void *packet, size_t size)
{
    struct message m = { .size = size };

    if (S.link < 0 || !S.has_token || size > sizeof(m.packet)) {
        return false;
    }
    strcpy(m.negotiated, gdb_negotiated(S.gdb));
    if (size) {
        memcpy(m.packet, packet, size);
    }
    if (send(S.link, &m, sizeof(m), MSG_NOSIGNAL) != sizeof(m)) {
        return false;
    }
    S.has_token = false;
    return true;
}

void gdb_link_read(void)
{
    struct message m;
    ssize_t n = recv(S.link, &m, sizeof(m), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n != sizeof(m)) {
        /* The other end is done with gdb. Without the token nobody will speak to us any more. */
        gdb_link_close();
        if (!S.has_token) {
            gdb_connection_lost();
        }
        return;
    }
    S.has_token = true;
    m.negotiated[sizeof(m.negotiated) - 1] = 0;
    gdb_set_negotiated(S.gdb, m.negotiated);
    if (m.size && m.size <= sizeof(m.packet)) {
        gdb_packet(S.gdb, m.packet, m.size);
    }
}
