/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the guest's words to the row's handler, and the handler that serves most rows:
   call_pass(). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/bits.h"
#include "base/log.h"
#include "linux-user/syscalls/call.h"
#include "linux-user/syscalls/proc.h"
#include "linux-user/syscalls/seccomp.h"

enum { MAX_ELEMENTS = 1 << 20, MAX_IOV = 1024 };

/* --- helpers of all handlers ----------------------------------------------------------------- */

int64_t call_range(uint64_t addr, uint64_t len)
{
    return addr > user_top || len > user_top - addr ? -EFAULT : 0;
}

bool call_is_mapped(uint64_t addr, uint64_t len)
{
    struct user_mapping m;
    uint64_t end = addr + len;

    if (call_range(addr, len)) {
        return false;
    }
    while (addr < end) {
        if (!user_mapping_at(addr, &m) || m.start > addr) {
            return false;
        }
        addr = m.end;
    }
    return true;
}

int64_t call_get(const struct thunk_struct *s, void *host, uint64_t addr)
{
    char guest[512];

    if (call_range(addr, s->guest_size) ||
        !user_read(s->plain ? host : guest, addr, s->guest_size)) {
        return -EFAULT;
    }
    if (!s->plain) {
        thunk_to_host(s, host, guest);
    }
    return 0;
}

int64_t call_put(const struct thunk_struct *s, uint64_t addr, const void *host)
{
    char guest[512];
    bool fits = true;

    if (!s->plain) {
        fits = thunk_to_guest(s, guest, host);
    }
    if (!fits) {
        return -EOVERFLOW;
    }
    if (call_range(addr, s->guest_size) ||
        !user_write(addr, s->plain ? host : guest, s->guest_size)) {
        return -EFAULT;
    }
    return 0;
}

int64_t call_get_word(const struct call *c, uint64_t *value, uint64_t addr, unsigned index)
{
    unsigned size = c->t->abi->word_bits / 8;
    char word[8];

    addr += index * size;
    if (call_range(addr, size) || !user_read(word, addr, size)) {
        return -EFAULT;
    }
    *value = thunk_get(word, size);
    return 0;
}

int64_t call_put_word(const struct call *c, uint64_t addr, uint64_t value)
{
    unsigned size = c->t->abi->word_bits / 8;
    char word[8];

    thunk_put(word, size, value);
    return call_range(addr, size) || !user_write(addr, word, size) ? -EFAULT : 0;
}

int64_t call_get_u32(uint32_t *value, uint64_t addr)
{
    return call_get(&thunk_u32, value, addr);
}

int64_t call_put_u32(uint64_t addr, uint32_t value)
{
    return call_put(&thunk_u32, addr, &value);
}

int64_t call_text(uint64_t addr, const char **text)
{
    int64_t len = call_range(addr, 1) ? -EFAULT : user_strlen(addr, 1 << 20);

    *text = user_in(addr);
    return len < 0 ? len : 0;
}

int64_t call_path(const struct call *c, uint64_t addr, bool follow, const char **path, char *buf)
{
    const char *p;

    *path = NULL;
    if (!addr) {
        return 0;
    }
    int64_t len = call_range(addr, 1) ? -EFAULT : user_strlen(addr, PATH_MAX - 1);
    if (len < 0) {
        return len;
    }
    *path = p = user_in(addr);
    if (p[0] == '/') {
        *path = proc_path(p, follow);
        if (*path == p && user_options.sysroot) {
            *path = user_path(p, buf);
        }
    }
    return 0;
}

/* One element of the guest's iovec array, with room made for what the kernel will write. */
static int64_t iov_element(struct iovec *iov, const char *guest, bool out)
{
    uint64_t addr, len;

    thunk_to_host(&thunk_iovec, iov, guest);
    len = iov->iov_len;
    addr = iov->iov_base ? user_addr(iov->iov_base) : 0;
    if (len == 0) {
        return 0;
    }
    if ((int64_t)len < 0) {
        return -EINVAL;
    }
    if (call_range(addr, len)) {
        return -EFAULT;
    }
    if (out) {
        iov->iov_base = user_out(addr, len);
    }
    return 0;
}

int64_t call_iov_get(uint64_t addr, uint64_t count, bool out, struct iovec *fixed,
                     struct iovec **iov)
{
    unsigned size = thunk_iovec.guest_size;
    char guest[16];
    int64_t err = 0;

    *iov = fixed;
    if (count > MAX_IOV) {
        return -EINVAL;
    }
    if (count > IOV_FIXED) {
        *iov = calloc(count, sizeof(struct iovec));
        if (!*iov) {
            *iov = fixed;
            return -ENOMEM;
        }
    }
    for (uint64_t i = 0; i < count && !err; i++) {
        uint64_t at = addr + i * size;
        err = call_range(at, size) || !user_read(guest, at, size)
                  ? -EFAULT
                  : iov_element(&(*iov)[i], guest, out);
    }
    if (err && *iov != fixed) {
        free(*iov);
        *iov = fixed;
    }
    return err;
}

int64_t call_host(struct call *c, long num, int64_t a0, int64_t a1, int64_t a2, int64_t a3,
                  int64_t a4, int64_t a5)
{
    if (c->row->flags & CALL_BLOCKS) {
        return host_syscall_blocking(c->t, num, a0, a1, a2, a3, a4, a5);
    }
    return host_syscall(num, a0, a1, a2, a3, a4, a5);
}

/* --- conversion by kind ---------------------------------------------------------------------- */

/* What call_pass() holds between its two halves. */
struct pass {
    int64_t host[CALL_ARGS];
    void *heap[CALL_ARGS]; /* to be freed */
    struct iovec iov[IOV_FIXED];
    size_t used;
    char bytes[2 * PATH_MAX + 1024]; /* paths and structures */
};

static void *pass_alloc(struct pass *p, unsigned i, size_t size)
{
    void *at = p->bytes + p->used;

    size = align_up(size, 16);
    if (size <= sizeof(p->bytes) - p->used) {
        p->used += size;
        return at;
    }
    return p->heap[i] = malloc(size);
}

/* How many structures argument i points at. */
static int64_t element_count(const struct call *c, const struct call_arg *arg)
{
    if (arg->kind == ARG_IN || arg->kind == ARG_OUT || arg->kind == ARG_INOUT) {
        return 1;
    }
    int64_t n = c->a[arg->n];
    return n < 0 ? 0 : n;
}

static bool is_written(unsigned kind)
{
    return kind == ARG_OUT || kind == ARG_INOUT || kind == ARG_INOUT_V || kind == ARG_RESULT_V ||
           kind == ARG_OUT_V;
}

static bool is_read(unsigned kind)
{
    return kind == ARG_IN || kind == ARG_INOUT || kind == ARG_IN_V || kind == ARG_INOUT_V;
}

static int64_t structs_in(struct call *c, struct pass *p, unsigned i)
{
    const struct call_arg *arg = &c->row->args[i];
    const struct thunk_struct *s = arg->layout;
    uint64_t addr = c->a[i];
    int64_t n = element_count(c, arg);

    if (!addr) {
        p->host[i] = 0;
        return 0;
    }
    if (n > MAX_ELEMENTS) {
        return -EINVAL;
    }
    if (call_range(addr, n * s->guest_size)) {
        return -EFAULT;
    }
    if (s->plain) {
        p->host[i] = (intptr_t)(is_written(arg->kind) && n ? user_out(addr, n * s->guest_size)
                                                           : user_in(addr));
        return 0;
    }
    char *host = pass_alloc(p, i, n * s->host_size);
    if (!host) {
        return -ENOMEM;
    }
    p->host[i] = (intptr_t)host;
    if (is_read(arg->kind)) {
        for (int64_t k = 0; k < n; k++) {
            if (call_get(s, host + k * s->host_size, addr + k * s->guest_size)) {
                return -EFAULT;
            }
        }
    }
    return 0;
}

static int64_t structs_out(struct call *c, struct pass *p, unsigned i, int64_t result)
{
    const struct call_arg *arg = &c->row->args[i];
    const struct thunk_struct *s = arg->layout;
    int64_t n = element_count(c, arg), err = 0;

    if (s->plain || !c->a[i]) {
        return 0;
    }
    n = arg->kind == ARG_RESULT_V ? MIN_OF(n, result) : n;
    for (int64_t k = 0; k < n && !err; k++) {
        err = call_put(s, c->a[i] + k * s->guest_size, (char *)p->host[i] + k * s->host_size);
    }
    return err;
}

static int64_t bytes_in(struct call *c, struct pass *p, unsigned i, bool out)
{
    uint64_t addr = c->a[i], len = c->a[c->row->args[i].n];
    unsigned len_kind = c->row->args[c->row->args[i].n].kind;

    if (len_kind == ARG_INT && (int64_t)len < 0) {
        len = 0; /* the kernel's to refuse */
    }
    if (!addr) {
        p->host[i] = 0;
        return 0;
    }
    if (call_range(addr, len)) {
        return -EFAULT;
    }
    p->host[i] = (intptr_t)(out && len ? user_out(addr, len) : user_in(addr));
    return 0;
}

/* Bits live in the guest's longs; the host's may be longer, so it gets a copy. */
static uint64_t bits_size(const struct call *c, unsigned i, unsigned word)
{
    return align_up(c->a[c->row->args[i].n], 8 * word) / 8;
}

static int64_t bits_in(struct call *c, struct pass *p, unsigned i)
{
    unsigned word = c->t->abi->word_bits / 8;
    uint64_t size = bits_size(c, i, word), host_size = bits_size(c, i, sizeof(long));
    uint64_t v;

    p->host[i] = 0;
    if (!c->a[i]) {
        return 0;
    }
    if (host_size > 8 * USER_PAGE) {
        return -EINVAL;
    }
    char *host = pass_alloc(p, i, host_size);
    if (!host) {
        return -ENOMEM;
    }
    memset(host, 0, host_size);
    for (unsigned k = 0; c->row->args[i].kind == ARG_BITS_IN && k < size / word; k++) {
        if (call_get_word(c, &v, c->a[i], k)) {
            return -EFAULT;
        }
        st_le(host + k * word, word, v);
    }
    p->host[i] = (intptr_t)host;
    return 0;
}

static int64_t bits_out(struct call *c, struct pass *p, unsigned i)
{
    unsigned word = c->t->abi->word_bits / 8;
    const char *host = (const char *)p->host[i];
    int64_t err = 0;

    for (unsigned k = 0; host && k < bits_size(c, i, word) / word && !err; k++) {
        err = call_put_word(c, c->a[i] + k * word, ld_le(host + k * word, word));
    }
    return err;
}

static int64_t raw_in(struct call *c, struct pass *p, unsigned i)
{
    uint64_t addr = c->a[i];

    if (!addr) {
        p->host[i] = 0;
        return 0;
    }
    if (call_range(addr, 1)) {
        return -EFAULT;
    }
    p->host[i] = (intptr_t)user_out(addr, MIN_OF(c->row->args[i].n, user_top - addr));
    return 0;
}

static int64_t iov_in(struct call *c, struct pass *p, unsigned i)
{
    const struct call_arg *arg = &c->row->args[i];
    struct iovec *iov;
    int64_t err = call_iov_get(c->a[i], c->a[arg->n], arg->kind == ARG_IOV_OUT, p->iov, &iov);

    p->heap[i] = iov == p->iov ? NULL : iov;
    p->host[i] = (intptr_t)iov;
    return err;
}

/* Whether one of the call's AT_* flags keeps it from following a final symbolic link. */
static bool is_nofollow(const struct call *c)
{
    for (unsigned i = 0; i < CALL_ARGS; i++) {
        const struct call_arg *arg = &c->row->args[i];
        if (arg->kind == ARG_FLAGS && arg->flags == &flags_at && c->a[i] & AT_SYMLINK_NOFOLLOW) {
            return true;
        }
    }
    return false;
}

static int64_t path_in(struct call *c, struct pass *p, unsigned i)
{
    bool follow = c->row->args[i].kind == ARG_PATH && !is_nofollow(c);
    char *buf = user_options.sysroot ? pass_alloc(p, i, PATH_MAX) : NULL;
    const char *path;
    int64_t err = call_path(c, c->a[i], follow, &path, buf);

    p->host[i] = (intptr_t)path;
    return err;
}

static int64_t convert_in(struct call *c, struct pass *p, unsigned i)
{
    switch (c->row->args[i].kind) {
    case ARG_PATH:
    case ARG_LPATH:
        return path_in(c, p, i);
    case ARG_TEXT:
        p->host[i] = (intptr_t)user_ptr_or_null(c->a[i]);
        return c->a[i] ? call_range(c->a[i], 1) : 0;
    case ARG_HOST:
        p->host[i] = (intptr_t)user_ptr(c->a[i]);
        return call_range(c->a[i], 0);
    case ARG_MAPPED:
        p->host[i] = (intptr_t)user_ptr(c->a[i]);
        return call_is_mapped(c->a[i], c->a[c->row->args[i].n]) ? 0 : -ENOMEM;
    case ARG_IN:
    case ARG_OUT:
    case ARG_INOUT:
    case ARG_IN_V:
    case ARG_OUT_V:
    case ARG_INOUT_V:
    case ARG_RESULT_V:
        return structs_in(c, p, i);
    case ARG_BYTES_IN:
    case ARG_BYTES_OUT:
    case ARG_SOCKADDR:
        return bytes_in(c, p, i, c->row->args[i].kind == ARG_BYTES_OUT);
    case ARG_BITS_IN:
    case ARG_BITS_OUT:
        return bits_in(c, p, i);
    case ARG_RAW:
        return raw_in(c, p, i);
    case ARG_IOV_IN:
    case ARG_IOV_OUT:
        return iov_in(c, p, i);
    default:
        p->host[i] = c->a[i];
        return 0;
    }
}

static int64_t convert_out(struct call *c, struct pass *p, unsigned i, int64_t result)
{
    int64_t err = 0;

    if (is_written(c->row->args[i].kind)) {
        err = structs_out(c, p, i, result);
    } else if (c->row->args[i].kind == ARG_BITS_OUT) {
        err = bits_out(c, p, i);
    }
    return err ? err : result;
}

int64_t call_pass_with(struct call *c, call_function *function)
{
    struct pass p;
    int64_t result = 0;
    unsigned n = 0;

    p.used = 0;
    memset(p.host, 0, sizeof(p.host));
    memset(p.heap, 0, sizeof(p.heap));
    while (n < CALL_ARGS && c->row->args[n].kind != ARG_END && !result) {
        result = convert_in(c, &p, n++);
    }
    if (!result) {
        result = function(c, p.host);
        for (unsigned i = 0; i < n && result >= 0; i++) {
            result = convert_out(c, &p, i, result);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        if (p.heap[i]) {
            free(p.heap[i]);
        }
    }
    return result;
}

static int64_t host_call(struct call *c, const int64_t h[CALL_ARGS])
{
    return call_host(c, c->row->host, h[0], h[1], h[2], h[3], h[4], h[5]);
}

int64_t call_pass(struct call *c)
{
    return call_pass_with(c, host_call);
}

int64_t call_enosys(struct call *c)
{
    return -ENOSYS;
}

/* --- dispatch -------------------------------------------------------------------------------- */

/* A 64-bit argument; preadv's position always has its low word first. */
static uint64_t pair(const struct call *c, unsigned kind, uint64_t first, uint64_t second)
{
    bool swapped = c->t->abi->big_endian && kind == ARG_OFF64;

    return swapped ? (uint32_t)second | first << 32 : (uint32_t)first | second << 32;
}

/* O_DIRECTORY, O_NOFOLLOW, O_DIRECT and O_LARGEFILE between ARM's values and the host's. */
uint64_t call_open_flags(const struct call *c, uint64_t flags, bool to_host)
{
    static const uint32_t arm[] = { 040000, 0100000, 0200000, 0400000 };
    static const uint32_t host[] = { O_DIRECTORY, O_NOFOLLOW, O_DIRECT, 0100000 };
    uint64_t v = flags & ~0740000ull;

    if (!c->t->abi->arm_open_flags) {
        return flags;
    }
    for (unsigned i = 0; i < ARRAY_LEN(arm); i++) {
        if (flags & (to_host ? arm[i] : host[i])) {
            v |= to_host ? host[i] : arm[i];
        }
    }
    return v;
}

/* Numbers to 64 bits by their kind, and pairs of words to one. c->a is zero before. */
static void take_words(struct call *c, const int64_t words[CALL_ARGS])
{
    bool narrow = c->t->abi->word_bits == 32;
    unsigned w = 0;

    for (unsigned i = 0; i < CALL_ARGS && c->row->args[i].kind != ARG_END; i++) {
        uint64_t v = w < CALL_ARGS ? words[w] : 0;
        w++;
        switch (c->row->args[i].kind) {
        case ARG_INT:
        case ARG_FD:
        case ARG_DIRFD:
        case ARG_SIGNAL:
        case ARG_ENUM:
            v = (int32_t)v;
            break;
        case ARG_UINT:
        case ARG_OCTAL:
            v = (uint32_t)v;
            break;
        case ARG_ID16:
            v = (uint16_t)v == 0xffff ? -1 : (uint16_t)v;
            break;
        case ARG_LONG:
            v = narrow ? (int32_t)v : v;
            break;
        case ARG_OFF64:
        case ARG_POS:
            if (narrow && w % 2 == 0 && c->t->abi->even_pairs &&
                c->row->args[i].kind == ARG_OFF64) {
                v = w < CALL_ARGS ? words[w] : 0;       /* one word is left out */
                w++;
            }
            if (narrow) {
                v = pair(c, c->row->args[i].kind, v, w < CALL_ARGS ? words[w] : 0);
                w++;
                break;
            }
            if (c->row->args[i].kind == ARG_POS) {
                w++;
            }
            break;
        default:
            v = narrow ? (uint32_t)v : v;
        }
        if (c->row->args[i].kind == ARG_FLAGS && c->row->args[i].flags == &flags_open) {
            v = call_open_flags(c, v, true);
        }
        c->a[i] = v;
    }
}

static int64_t result_for(const struct call *c, int64_t result)
{
    if (c->row->flags & CALL_RESULT_ID16 && !call_failed(result)) {
        return (uint64_t)result > 0xffff ? 65534 : result;
    }
    if (c->row->flags & CALL_RESULT_LONG && !call_is_64(c) && result > INT32_MAX) {
        return -EOVERFLOW;
    }
    return result;
}

int64_t call_as(struct call *c, const struct call_row *row, const int64_t words[CALL_ARGS])
{
    struct call inner = {.t = c->t, .row = row};

    take_words(&inner, words);
    return result_for(&inner, row->handler(&inner));
}

static int64_t unknown(struct task *t, int64_t num, const int64_t args[CALL_ARGS])
{
    if (user_options.strace) {
        strace_unknown(t, num, args);
    }
    log_unimp("%s: unknown system call %lld", t->abi->name, (long long)num);
    return -ENOSYS;
}

int64_t user_syscall(struct task *t, int64_t num, int64_t args[CALL_ARGS])
{
    const struct call_row *row = call_find(t->abi, num);
    struct call c = {.t = t, .row = row};
    int64_t result;

    if (unlikely(!row)) {
        return unknown(t, num, args);
    }
    if (unlikely(seccomp_active) && seccomp_refuses(t, num, args, &result)) {
        return result;
    }
    take_words(&c, args);
    if (likely(!user_options.strace)) {
        return result_for(&c, row->handler(&c));
    }
    strace_enter(&c);
    result = result_for(&c, row->handler(&c));
    strace_leave(&c, result);
    return result;
}
