/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handlers for asynchronous I/O. The guest's context is a page of its own: libaio looks for a ring
 * there, finds no magic number, and makes system calls. The host's context stands in that page.
 * Control blocks are copied, as the guest's hold guest addresses; a copy lives until its event.
 */
#include <errno.h>
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"

enum { CONTEXT_AT = 64, MAX_EVENTS = 1 << 16, MAX_SUBMIT = 1 << 16 };

/* A request in flight. The kernel names it by the address of its control block. */
struct request {
    struct iocb host;
    uint64_t guest; /* the guest's control block */
    aio_context_t context;
    struct request *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct request *requests;

static int64_t context_of(uint64_t page, aio_context_t *context)
{
    return call_get(&thunk_u64, context, page + CONTEXT_AT) || !*context ? -EINVAL : 0;
}

static void request_add(struct request *r)
{
    pthread_mutex_lock(&lock);
    r->next = requests;
    requests = r;
    pthread_mutex_unlock(&lock);
}

/* Takes a request off the list; the caller frees it. */
static struct request *request_take(const struct iocb *host)
{
    struct request *found = NULL;

    pthread_mutex_lock(&lock);
    for (struct request **p = &requests; *p; p = &(*p)->next) {
        if (&(*p)->host == host) {
            found = *p;
            *p = found->next;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static struct iocb *request_find(aio_context_t context, uint64_t guest)
{
    struct iocb *found = NULL;

    pthread_mutex_lock(&lock);
    for (struct request *r = requests; r && !found; r = r->next) {
        if (r->context == context && r->guest == guest) {
            found = &r->host;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void requests_drop(aio_context_t context)
{
    pthread_mutex_lock(&lock);
    for (struct request **p = &requests; *p;) {
        struct request *r = *p;
        if (r->context == context) {
            *p = r->next;
            free(r);
        } else {
            p = &r->next;
        }
    }
    pthread_mutex_unlock(&lock);
}

int64_t call_io_setup(struct call *c)
{
    aio_context_t context = 0;
    uint64_t old;
    int64_t err = call_get_word(c, &old, c->a[1], 0);

    if (err || old) {
        return err ? err : -EINVAL;
    }
    int64_t page = user_mmap(0, USER_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                             0);
    if (call_failed(page)) {
        return page;
    }
    err = host_syscall(SYS_io_setup, c->a[0], &context);
    err = err ? err : call_put(&thunk_u64, page + CONTEXT_AT, &context);
    err = err ? err : call_put_word(c, c->a[1], page);
    if (err) {
        if (context) {
            host_syscall(SYS_io_destroy, context);
        }
        user_munmap(page, USER_PAGE);
    }
    return err;
}

int64_t call_io_destroy(struct call *c)
{
    aio_context_t context;
    int64_t err = context_of(c->a[0], &context);

    err = err ? err : host_syscall(SYS_io_destroy, context);
    if (!err) {
        requests_drop(context);
        user_munmap(c->a[0], USER_PAGE);
    }
    return err;
}

/* The buffer of a control block, or its vector,
   which the kernel reads before io_submit() returns. */
static int64_t buffer_to_host(struct iocb *cb, struct iovec *fixed, struct iovec **iov)
{
    bool out = cb->aio_lio_opcode == IOCB_CMD_PREAD || cb->aio_lio_opcode == IOCB_CMD_PREADV;

    switch (cb->aio_lio_opcode) {
    case IOCB_CMD_PREAD:
    case IOCB_CMD_PWRITE:
        if (call_range(cb->aio_buf, cb->aio_nbytes)) {
            return -EFAULT;
        }
        cb->aio_buf = (uintptr_t)(out ? user_out(cb->aio_buf, cb->aio_nbytes)
                                      : user_ptr(cb->aio_buf));
        return 0;
    case IOCB_CMD_PREADV:
    case IOCB_CMD_PWRITEV: {
        int64_t err = call_iov_get(cb->aio_buf, cb->aio_nbytes, out, fixed, iov);
        cb->aio_buf = (uintptr_t)*iov;
        return err;
    }
    default:
        return 0;
    }
}

static int64_t submit_one(aio_context_t context, uint64_t addr)
{
    struct iovec fixed[IOV_FIXED], *iov = fixed;
    struct request *r = calloc(1, sizeof(*r));
    struct iocb *host;
    int64_t result = -EFAULT;

    if (!r) {
        return -ENOMEM;
    }
    host = &r->host;
    r->guest = addr;
    r->context = context;
    if (!call_range(addr, sizeof(*host)) && user_read(host, addr, sizeof(*host))) {
        result = buffer_to_host(host, fixed, &iov);
    }
    if (!result) {
        request_add(r);
        result = host_syscall(SYS_io_submit, context, 1l, &host);
        r = result == 1 ? NULL : request_take(host);
    }
    if (iov != fixed) {
        free(iov);
    }
    free(r);
    return result;
}

int64_t call_io_submit(struct call *c)
{
    aio_context_t context;
    int64_t result = context_of(c->a[0], &context), done = 0;
    uint64_t addr;

    if (result || c->a[1] < 0) {
        return -EINVAL;
    }
    for (; done < MIN_OF(c->a[1], MAX_SUBMIT); done++) {
        result = call_get_word(c, &addr, c->a[2], done);
        result = result ? result : submit_one(context, addr);
        if (result < 0) {
            break;
        }
    }
    return done ? done : result;
}

/* `addr`: the guest's array; its elements have four 64-bit fields everywhere. */
static int64_t events_to_guest(struct io_event *events, int64_t n, uint64_t addr)
{
    for (int64_t i = 0; i < n; i++) {
        struct request *r = request_take((struct iocb *)(uintptr_t)events[i].obj);
        if (r) {
            events[i].obj = r->guest;
            free(r);
        }
    }
    size_t size = n * sizeof(*events);
    return call_range(addr, size) || !user_write(addr, events, size) ? -EFAULT : n;
}

/* io_pgetevents' last argument. */
struct event_mask {
    const sigset_t *set;
    size_t size;
};

static int64_t get_events(struct call *c, const sigset_t *mask)
{
    struct event_mask masking = {mask, 8};
    int64_t max = MIN_OF(c->a[2], MAX_EVENTS);
    struct timespec limit;
    aio_context_t context;

    if (context_of(c->a[0], &context) || c->a[2] < 0) {
        return -EINVAL;
    }
    if (c->a[4] && call_get(c->row->args[4].layout, &limit, c->a[4])) {
        return -EFAULT;
    }
    struct io_event *events = calloc(max + 1, sizeof(*events));
    if (!events) {
        return -ENOMEM;
    }
    int64_t n = call_host(c, mask ? SYS_io_pgetevents : SYS_io_getevents, context,
                          MIN_OF(c->a[1], max), max, (intptr_t)events,
                          c->a[4] ? (intptr_t)&limit : 0, mask ? (intptr_t)&masking : 0);
    if (n > 0) {
        n = events_to_guest(events, n, c->a[3]);
    }
    free(events);
    return n;
}

int64_t call_io_getevents(struct call *c)
{
    return get_events(c, NULL);
}

int64_t call_io_pgetevents(struct call *c)
{
    uint64_t mask_addr = 0, size = 0, mask;
    sigset_t host;

    if (c->a[5] && (call_get_word(c, &mask_addr, c->a[5], 0) ||
                    call_get_word(c, &size, c->a[5], 1))) {
        return -EFAULT;
    }
    if (!mask_addr) {
        return get_events(c, NULL);
    }
    if (size != sizeof(mask)) {
        return -EINVAL;
    }
    if (call_get(&thunk_u64, &mask, mask_addr)) {
        return -EFAULT;
    }
    user_host_mask(mask, &host);
    user_sigmask_begin(c->t, mask);
    return user_sigmask_end(c->t, get_events(c, &host));
}

int64_t call_io_cancel(struct call *c)
{
    struct io_event event;
    aio_context_t context;
    int64_t err = context_of(c->a[0], &context);

    if (err) {
        return err;
    }
    struct iocb *host = request_find(context, c->a[1]);
    if (!host) {
        return -EINVAL;
    }
    err = host_syscall(SYS_io_cancel, context, host, &event);
    if (!err && events_to_guest(&event, 1, c->a[2]) < 0) {
        err = -EFAULT;
    }
    return err;
}
