/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers for the address space; the memory map itself is the core's. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"
#include "linux-user/syscalls/tracees.h"

enum { MMAP2_SHIFT = 12, MAX_PAGES = 1 << 20 };

int64_t call_mmap(struct call *c)
{
    if (!is_aligned(c->a[5], USER_PAGE)) {
        return -EINVAL;
    }
    return user_mmap(c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], c->a[5]);
}

int64_t call_mmap2(struct call *c)
{
    return user_mmap(c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], c->a[5] << MMAP2_SHIFT);
}

int64_t call_old_mmap(struct call *c)
{
    uint64_t a[6];

    for (unsigned i = 0; i < ARRAY_LEN(a); i++) {
        if (call_get_word(c, &a[i], c->a[0], i)) {
            return -EFAULT;
        }
    }
    if (!is_aligned(a[5], USER_PAGE)) {
        return -EINVAL;
    }
    return user_mmap(a[0], a[1], a[2], a[3], (int32_t)a[4], a[5]);
}

int64_t call_munmap(struct call *c)
{
    return user_munmap(c->a[0], c->a[1]);
}

int64_t call_mprotect(struct call *c)
{
    return user_mprotect(c->a[0], c->a[1], c->a[2]);
}

/* The guest's CPU has no protection keys: -1, which means none, is the only one. */
int64_t call_pkey_mprotect(struct call *c)
{
    return (int)c->a[3] == -1 ? user_mprotect(c->a[0], c->a[1], c->a[2]) : -EINVAL;
}

int64_t call_pkey_alloc(struct call *c)
{
    return c->a[0] || c->a[1] & ~3ull ? -EINVAL : -ENOSPC;
}

int64_t call_pkey_free(struct call *c)
{
    return -EINVAL;
}

int64_t call_mremap(struct call *c)
{
    return user_mremap(c->a[0], c->a[1], c->a[2], c->a[3], c->a[4]);
}

int64_t call_brk(struct call *c)
{
    return user_brk(c->a[0]);
}

int64_t call_madvise(struct call *c)
{
    return user_madvise(c->a[0], c->a[1], c->a[2]);
}

int64_t call_mincore(struct call *c)
{
    uint64_t pages = align_up(c->a[1], USER_PAGE) / USER_PAGE;

    if (!is_aligned(c->a[0], USER_PAGE)) {
        return -EINVAL;
    }
    if (!call_is_mapped(c->a[0], c->a[1])) {
        return -ENOMEM;
    }
    if (call_range(c->a[2], pages)) {
        return -EFAULT;
    }
    return host_syscall(SYS_mincore, user_ptr(c->a[0]), c->a[1], user_out(c->a[2], pages));
}

/* --- pages of other nodes and other processes ------------------------------------------------ */

static int64_t page_pointers(struct call *c, void **pages, uint64_t count)
{
    uint64_t v;

    for (uint64_t i = 0; i < count; i++) {
        if (call_get_word(c, &v, c->a[2], i)) {
            return -EFAULT;
        }
        pages[i] = user_ptr(v);
    }
    return 0;
}

int64_t call_move_pages(struct call *c)
{
    uint64_t count = c->a[1];

    if (count > MAX_PAGES) {
        return -E2BIG;
    }
    if (call_range(c->a[3], 4 * count) || call_range(c->a[4], 4 * count)) {
        return -EFAULT;
    }
    void **pages = calloc(count + 1, sizeof(*pages));
    int64_t result = pages ? page_pointers(c, pages, count) : -ENOMEM;
    if (!result) {
        result = host_syscall(SYS_move_pages, c->a[0], count, pages, user_ptr_or_null(c->a[3]),
                              c->a[4] ? user_out(c->a[4], 4 * count) : NULL, c->a[5]);
    }
    free(pages);
    return result;
}

/* The other process is taken to be one of ours, with the same place for the guest's address 0. */
/* A traced process may have its address 0 elsewhere on the host. */
static void move_to_tracee(pid_t tid, struct iovec *iov, uint64_t n)
{
    const struct tracee *e = tracees_any() ? tracees_find(tid) : NULL;
    struct trace_box box;

    if (!e || !e->box || !tracee_read(e, &box, e->box, sizeof(box))) {
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        iov[i].iov_base = (char *)iov[i].iov_base + (box.base - user_base);
    }
}

int64_t call_process_vm(struct call *c)
{
    struct iovec local_fixed[IOV_FIXED], remote_fixed[IOV_FIXED];
    struct iovec *local = local_fixed, *remote = remote_fixed;
    bool reads = c->row->host == SYS_process_vm_readv;
    int64_t result = call_iov_get(c->a[1], c->a[2], reads, local_fixed, &local);

    if (!result) {
        result = call_iov_get(c->a[3], c->a[4], false, remote_fixed, &remote);
    }
    if (!result) {
        move_to_tracee(c->a[0], remote, c->a[4]);
        result = host_syscall(c->row->host, c->a[0], local, c->a[2], remote, c->a[4], c->a[5]);
    }
    if (local != local_fixed) {
        free(local);
    }
    if (remote != remote_fixed) {
        free(remote);
    }
    return result;
}
