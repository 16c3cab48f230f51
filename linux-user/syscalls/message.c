/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sendmsg, recvmsg and their vectors. Control messages have a header of the guest's words, and
 * their data is copied but for timestamps, which have words as well.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"

enum {
    MAX_CONTROL = 1 << 20,
    MAX_MESSAGES = 1024,
    TIMESTAMP_OLD = 29, TIMESTAMPNS_OLD = 35, TIMESTAMPING_OLD = 37, /* SCM_*, in guest's words */
};

/* A message on its way: the host's header and what hangs off it. */
struct message {
    struct msghdr guest; /* host form of what the guest wrote: pointers are host pointers */
    struct msghdr host;
    struct iovec fixed[IOV_FIXED];
    void *control; /* converted control messages; NULL when the guest's own are used */
};

static unsigned word_of(const struct call *c)
{
    return c->t->abi->word_bits / 8;
}

/* Whether control messages need no conversion. */
static bool control_is_plain(const struct call *c)
{
    return word_of(c) == 8 && !c->t->abi->big_endian;
}

static const struct thunk_struct *data_layout(int level, int type, unsigned *count)
{
    *count = 1;
    if (level == SOL_SOCKET && type == TIMESTAMP_OLD) {
        return &thunk_timeval;
    }
    if (level == SOL_SOCKET && (type == TIMESTAMPNS_OLD || type == TIMESTAMPING_OLD)) {
        *count = type == TIMESTAMPING_OLD ? 3 : 1;
        return &thunk_timespec;
    }
    return NULL;
}

/* --- to the host ----------------------------------------------------------------------------- */

static int64_t control_to_host(struct call *c, struct message *m)
{
    unsigned word = word_of(c), header = align_up(word + 8, word);
    size_t len = m->guest.msg_controllen, at = 0, used = 0;
    const char *in = m->guest.msg_control;
    char *out = m->control;

    while (at + header <= len) {
        struct cmsghdr *h = (struct cmsghdr *)(out + used);
        uint64_t size = thunk_get(in + at, word);
        if (size < header || size > len - at) {
            return -EINVAL;
        }
        h->cmsg_level = thunk_get(in + at + word, 4);
        h->cmsg_type = thunk_get(in + at + word + 4, 4);
        h->cmsg_len = CMSG_LEN(size - header);
        memcpy(CMSG_DATA(h), in + at + header, size - header);
        used += CMSG_SPACE(size - header);
        at += align_up(size, word);
    }
    m->host.msg_control = m->control;
    m->host.msg_controllen = used;
    return 0;
}

/* A copy of the guest's control messages, so that they hold still, and room for their host form. */
static int64_t control_begin(struct call *c, struct message *m, uint64_t addr, bool out)
{
    size_t len = m->guest.msg_controllen;

    if (len > MAX_CONTROL) {
        return -ENOBUFS;
    }
    if (call_range(addr, len)) {
        return -EFAULT;
    }
    if (control_is_plain(c)) {
        m->host.msg_control = out ? user_out(addr, len) : user_ptr(addr);
        return 0;
    }
    if (!out && len < align_up(word_of(c) + 8, word_of(c))) {
        return -EINVAL;
    }
    /* Headers and alignment at most double what the guest has. */
    size_t room = 2 * len + 64;
    m->control = calloc(1, room + len);
    if (!m->control) {
        return -ENOMEM;
    }
    m->host.msg_control = m->control;
    m->host.msg_controllen = out ? 2 * len : 0;
    if (out) {
        return 0;
    }
    m->guest.msg_control = (char *)m->control + room;
    if (!user_read(m->guest.msg_control, addr, len)) {
        return -EFAULT;
    }
    return control_to_host(c, m);
}

static int64_t message_begin(struct call *c, struct message *m, uint64_t addr, bool out)
{
    m->control = NULL;
    m->host.msg_iov = m->fixed;
    int64_t err = call_get(&thunk_msghdr, &m->guest, addr);
    if (err) {
        return err;
    }
    uint64_t name = m->guest.msg_name ? user_addr(m->guest.msg_name) : 0;
    uint64_t iov = m->guest.msg_iov ? user_addr(m->guest.msg_iov) : 0;
    uint64_t control = m->guest.msg_control ? user_addr(m->guest.msg_control) : 0;

    m->host = m->guest;
    m->host.msg_iov = m->fixed;
    if ((int)m->guest.msg_namelen < 0) {
        return -EINVAL;
    }
    if (name) {
        if (call_range(name, m->guest.msg_namelen)) {
            return -EFAULT;
        }
        m->host.msg_name = out ? user_out(name, m->guest.msg_namelen) : user_ptr(name);
    }
    err = m->guest.msg_iovlen > 1024
              ? -EMSGSIZE
              : call_iov_get(iov, m->guest.msg_iovlen, out, m->fixed, &m->host.msg_iov);
    if (!err && control && m->guest.msg_controllen) {
        err = control_begin(c, m, control, out);
    }
    return err;
}

static void message_end(struct message *m)
{
    if (m->host.msg_iov != m->fixed) {
        free(m->host.msg_iov);
    }
    free(m->control);
}

/* --- to the guest ---------------------------------------------------------------------------- */

/* Descriptors that no longer fit would be lost to everyone. */
static void close_surplus(const struct cmsghdr *h, size_t kept)
{
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) {
        return;
    }
    for (size_t at = kept & ~3ul; at + 4 <= h->cmsg_len - CMSG_LEN(0); at += 4) {
        close(ld32_le(CMSG_DATA(h) + at));
    }
}

/* The data of one control message in the guest's form; returns its size there. */
static size_t data_to_guest(const struct cmsghdr *h, char *out, size_t room)
{
    unsigned count;
    const struct thunk_struct *s = data_layout(h->cmsg_level, h->cmsg_type, &count);
    size_t size = h->cmsg_len - CMSG_LEN(0);
    char data[64];

    if (!s) {
        memcpy(out, CMSG_DATA(h), MIN_OF(size, room));
        return size;
    }
    for (unsigned i = 0; i < count; i++) {
        thunk_to_guest(s, data + i * s->guest_size, CMSG_DATA(h) + i * s->host_size);
    }
    memcpy(out, data, MIN_OF(count * s->guest_size, room));
    return count * s->guest_size;
}

static int64_t control_to_guest(struct call *c, struct message *m)
{
    unsigned word = word_of(c), header = align_up(word + 8, word);
    size_t room = m->guest.msg_controllen, used = 0;
    char *out = calloc(1, room + 1);

    if (!out) {
        return -ENOMEM;
    }
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m->host); h; h = CMSG_NXTHDR(&m->host, h)) {
        size_t left = room > used + header ? room - used - header : 0;
        if (room - used < header) {
            m->host.msg_flags |= MSG_CTRUNC;
            close_surplus(h, 0);
            continue;
        }
        size_t size = data_to_guest(h, out + used + header, left);
        if (size > left) {
            m->host.msg_flags |= MSG_CTRUNC;
            close_surplus(h, left);
            size = left;
        }
        thunk_put(out + used, word, header + size);
        thunk_put(out + used + word, 4, h->cmsg_level);
        thunk_put(out + used + word + 4, 4, h->cmsg_type);
        used = MIN_OF(room, align_up(used + header + size, word));
    }
    m->host.msg_controllen = used;
    bool good = user_write(user_addr(m->guest.msg_control), out, used);
    free(out);
    return good ? 0 : -EFAULT;
}

static int64_t received(struct call *c, struct message *m, uint64_t addr)
{
    int64_t err = m->control ? control_to_guest(c, m) : 0;

    m->guest.msg_namelen = m->host.msg_namelen;
    m->guest.msg_controllen = m->host.msg_controllen;
    m->guest.msg_flags = m->host.msg_flags;
    return err ? err : call_put(&thunk_msghdr, addr, &m->guest);
}

/* --- the calls ------------------------------------------------------------------------------- */

static int64_t send_one(struct call *c, uint64_t addr, int64_t flags)
{
    struct message m;
    int64_t result = message_begin(c, &m, addr, false);

    if (!result) {
        result = call_host(c, SYS_sendmsg, c->a[0], (intptr_t)&m.host, flags, 0, 0, 0);
    }
    message_end(&m);
    return result;
}

static int64_t receive_one(struct call *c, uint64_t addr, int64_t flags)
{
    struct message m;
    int64_t result = message_begin(c, &m, addr, true);

    if (!result) {
        result = call_host(c, SYS_recvmsg, c->a[0], (intptr_t)&m.host, flags, 0, 0, 0);
    }
    if (result >= 0) {
        int64_t err = received(c, &m, addr);
        result = err ? err : result;
    }
    message_end(&m);
    return result;
}

int64_t call_sendmsg(struct call *c)
{
    return send_one(c, c->a[1], c->a[2]);
}

int64_t call_recvmsg(struct call *c)
{
    return receive_one(c, c->a[1], c->a[2]);
}

/* In a vector each header is followed by the message's length. */
static int64_t vector_put(struct call *c, uint64_t addr, int64_t result)
{
    return call_put_u32(addr + thunk_msghdr.guest_size, result);
}

static unsigned vector_step(struct call *c)
{
    return align_up(thunk_msghdr.guest_size + 4, word_of(c));
}

int64_t call_sendmmsg(struct call *c)
{
    unsigned step = vector_step(c);
    uint64_t done = 0, count = MIN_OF((uint64_t)c->a[2], MAX_MESSAGES);
    int64_t result = 0;

    for (; done < count; done++) {
        uint64_t addr = c->a[1] + done * step;
        result = send_one(c, addr, c->a[3]);
        if (result >= 0) {
            result = vector_put(c, addr, result);
        }
        if (result < 0) {
            break;
        }
    }
    return done ? (int64_t)done : result;
}

/* Has the time limit, counted from the start of the call, passed? */
static bool is_late(const struct timespec *end)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > end->tv_sec || (now.tv_sec == end->tv_sec && now.tv_nsec >= end->tv_nsec);
}

int64_t call_recvmmsg(struct call *c)
{
    unsigned step = vector_step(c);
    uint64_t done = 0, count = MIN_OF((uint64_t)c->a[2], MAX_MESSAGES);
    int64_t result = 0, flags = c->a[3] & ~MSG_WAITFORONE;
    struct timespec limit, end;

    if (c->a[4]) {
        if (call_get(c->row->args[4].layout, &limit, c->a[4])) {
            return -EFAULT;
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        end.tv_sec += limit.tv_sec + (end.tv_nsec + limit.tv_nsec) / 1000000000;
        end.tv_nsec = (end.tv_nsec + limit.tv_nsec) % 1000000000;
    }
    while (done < count) {
        uint64_t addr = c->a[1] + done * step;
        result = receive_one(c, addr, flags);
        if (result >= 0) {
            result = vector_put(c, addr, result);
        }
        if (result < 0) {
            break;
        }
        done++;
        if (c->a[3] & MSG_WAITFORONE) {
            flags |= MSG_DONTWAIT;
        }
        if (c->a[4] && is_late(&end)) {
            break;
        }
    }
    return done ? (int64_t)done : result;
}
