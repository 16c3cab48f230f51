/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers for sockets: addresses that come back, options, and the multiplexer of i386. */
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"

/* --- addresses ------------------------------------------------------------------------------- */

/* Room for an address, as long as the word at len_addr says. NULL address: none is wanted. */
static int64_t address_room(uint64_t addr, uint64_t len_addr, void **room, uint32_t *len)
{
    *room = NULL;
    if (!addr) {
        return 0;
    }
    if (call_get_u32(len, len_addr)) {
        return -EFAULT;
    }
    if ((int32_t)*len < 0) {
        return -EINVAL;
    }
    if (call_range(addr, *len)) {
        return -EFAULT;
    }
    *room = user_out(addr, *len);
    return 0;
}

/* accept, accept4, getsockname and getpeername. */
int64_t call_accept(struct call *c)
{
    void *room;
    uint32_t len = 0;
    int64_t result = address_room(c->a[1], c->a[2], &room, &len);

    if (!result) {
        result = call_host(c, c->row->host, c->a[0], (intptr_t)room, room ? (intptr_t)&len : 0,
                           c->a[3], 0, 0);
    }
    if (result >= 0 && room && call_put_u32(c->a[2], len)) {
        result = -EFAULT;
    }
    return result;
}

static int64_t recvfrom_host(struct call *c, const int64_t h[CALL_ARGS])
{
    void *room;
    uint32_t len = 0;
    int64_t result = address_room(c->a[4], c->a[5], &room, &len);

    if (!result) {
        result = call_host(c, SYS_recvfrom, h[0], h[1], h[2], h[3], (intptr_t)room,
                           room ? (intptr_t)&len : 0);
    }
    if (result >= 0 && room && call_put_u32(c->a[5], len)) {
        result = -EFAULT;
    }
    return result;
}

int64_t call_recvfrom(struct call *c)
{
    return call_pass_with(c, recvfrom_host);
}

/* --- options --------------------------------------------------------------------------------- */

enum {
    RCVTIMEO_OLD = 20, SNDTIMEO_OLD = 21, /* with a struct timeval of the guest */
    ATTACH_FILTER = 26, ATTACH_REUSEPORT_CBPF = 51,
    JOIN_GROUP = 42, LEAVE_SOURCE_GROUP = 47, /* MCAST_*, of IPv4 and IPv6 */
    LEVEL_IP = 0, LEVEL_IPV6 = 41,
    GROUP_SIZE = 136, /* struct group_req; group_source_req has a second address */
};

static bool is_timeout(const struct call *c)
{
    return c->a[1] == SOL_SOCKET && (c->a[2] == RCVTIMEO_OLD || c->a[2] == SNDTIMEO_OLD);
}

static int64_t set_timeout(struct call *c)
{
    struct timeval t;

    if ((uint64_t)c->a[4] < thunk_timeval.guest_size) {
        return -EINVAL;
    }
    int64_t err = call_get(&thunk_timeval, &t, c->a[3]);
    return err ? err : host_syscall(SYS_setsockopt, c->a[0], c->a[1], c->a[2], &t, sizeof(t));
}

static int64_t set_filter(struct call *c)
{
    struct sock_fprog filter;
    int64_t err = call_get(&thunk_sock_fprog, &filter, c->a[3]);

    return err ? err : host_syscall(SYS_setsockopt, c->a[0], c->a[1], c->a[2], &filter,
                                    sizeof(filter));
}

/* Multicast groups: the address after the interface's number is aligned to 8
   bytes on 64-bit ABIs. */
static int64_t set_group(struct call *c)
{
    char group[GROUP_SIZE + 128] = {0};
    uint64_t len = c->a[4];

    if (len < 4 || len > sizeof(group) - 4) {
        return -EINVAL;
    }
    if (call_range(c->a[3], len) || !user_read(group, c->a[3], len)) {
        return -EFAULT;
    }
    memmove(group + 8, group + 4, len - 4);
    memset(group + 4, 0, 4);
    return host_syscall(SYS_setsockopt, c->a[0], c->a[1], c->a[2], group, (long)len + 4);
}

int64_t call_setsockopt(struct call *c)
{
    if (is_timeout(c)) {
        return set_timeout(c);
    }
    if (c->a[1] == SOL_SOCKET && (c->a[2] == ATTACH_FILTER || c->a[2] == ATTACH_REUSEPORT_CBPF)) {
        return set_filter(c);
    }
    if (!call_is_64(c) && (c->a[1] == LEVEL_IP || c->a[1] == LEVEL_IPV6) &&
        c->a[2] >= JOIN_GROUP && c->a[2] <= LEAVE_SOURCE_GROUP) {
        return set_group(c);
    }
    if ((int)c->a[4] >= 0 && c->a[3] && call_range(c->a[3], c->a[4])) {
        return -EFAULT;
    }
    return host_syscall(SYS_setsockopt, c->a[0], c->a[1], c->a[2], user_ptr_or_null(c->a[3]),
                        c->a[4]);
}

static int64_t get_timeout(struct call *c, uint32_t len)
{
    struct timeval t;
    char guest[16];
    uint32_t size = sizeof(t);
    int64_t err = host_syscall(SYS_getsockopt, c->a[0], c->a[1], c->a[2], &t, &size);

    if (err) {
        return err;
    }
    thunk_to_guest(&thunk_timeval, guest, &t);
    len = MIN_OF(len, thunk_timeval.guest_size);
    return user_write(c->a[3], guest, len) ? call_put_u32(c->a[4], len) : -EFAULT;
}

int64_t call_getsockopt(struct call *c)
{
    uint32_t len;

    if (call_get_u32(&len, c->a[4])) {
        return -EFAULT;
    }
    if ((int32_t)len < 0) {
        return -EINVAL;
    }
    if (call_range(c->a[3], len)) {
        return -EFAULT;
    }
    if (is_timeout(c)) {
        return get_timeout(c, len);
    }
    int64_t err = host_syscall(SYS_getsockopt, c->a[0], c->a[1], c->a[2],
                               len ? user_out(c->a[3], len) : NULL, &len);
    return err ? err : call_put_u32(c->a[4], len);
}

/* --- socketcall ------------------------------------------------------------------------------ */

/* By the multiplexer's number: the number of the call of its own, and how many words it takes. */
static const struct {
    uint16_t number;
    uint8_t words;
} calls[] = {
    [1] = {359, 3},  /* socket */
    [2] = {361, 3},  /* bind */
    [3] = {362, 3},  /* connect */
    [4] = {363, 2},  /* listen */
    [5] = {364, 3},  /* accept: accept4 without flags */
    [6] = {367, 3},  /* getsockname */
    [7] = {368, 3},  /* getpeername */
    [8] = {360, 4},  /* socketpair */
    [9] = {369, 4},  /* send: sendto without an address */
    [10] = {371, 4}, /* recv: recvfrom without one */
    [11] = {369, 6}, /* sendto */
    [12] = {371, 6}, /* recvfrom */
    [13] = {373, 2}, /* shutdown */
    [14] = {366, 5}, /* setsockopt */
    [15] = {365, 5}, /* getsockopt */
    [16] = {370, 3}, /* sendmsg */
    [17] = {372, 3}, /* recvmsg */
    [18] = {364, 4}, /* accept4 */
    [19] = {337, 5}, /* recvmmsg */
    [20] = {345, 4}, /* sendmmsg */
};

int64_t call_socketcall(struct call *c)
{
    uint64_t which = c->a[0];
    int64_t words[CALL_ARGS] = {0};
    uint64_t v;

    if (which < 1 || which >= ARRAY_LEN(calls)) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < calls[which].words; i++) {
        if (call_get_word(c, &v, c->a[1], i)) {
            return -EFAULT;
        }
        words[i] = v;
    }
    return call_as(c, call_find(c->t->abi, calls[which].number), words);
}
