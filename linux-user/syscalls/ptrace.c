/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ptrace's requests. Those about the guest's state work on the box of a thread that stands, see
 * linux-user/trace.h. A thread that runs another program than the emulator is the host's alone.
 */
#include <errno.h>
#include <linux/ptrace.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"
#include "linux-user/syscalls/siginfo.h"
#include "linux-user/syscalls/tracees.h"

/* x86's own */
enum { GET_THREAD_AREA = 25, ARCH_PRCTL = 30 };

/* A request in work. */
struct request {
    struct call *c;
    struct tracee *e;
    struct trace_box box;
    uint64_t addr, data;
};

static int64_t host_ptrace(int64_t request, pid_t tid, uint64_t addr, uint64_t data)
{
    return host_syscall(SYS_ptrace, request, (int64_t)tid, (int64_t)addr, (int64_t)data);
}

static int64_t give(uint64_t addr, const void *from, size_t len)
{
    return call_range(addr, len) || !user_write(addr, from, len) ? -EFAULT : 0;
}

static int64_t take(void *to, uint64_t addr, size_t len)
{
    return call_range(addr, len) || !user_read(to, addr, len) ? -EFAULT : 0;
}

static int64_t store_box(struct request *r, uint32_t changed)
{
    r->box.changed |= changed;
    return tracee_write(r->e, r->e->box, &r->box, sizeof(r->box)) ? 0 : -ESRCH;
}

/* --- memory ---------------------------------------------------------------------------------- */

static unsigned word_size(const struct request *r)
{
    return r->c->t->abi->word_bits / 8;
}

static int64_t peek(struct request *r)
{
    uint64_t word = 0;

    if (r->addr >= user_top ||
        !tracee_read(r->e, &word, r->box.base + r->addr, word_size(r))) {
        return -EIO;
    }
    return give(r->data, &word, word_size(r));
}

/* Word by word of the host's, which writes what is protected, too. */
static int64_t poke(struct request *r)
{
    uint64_t word = 0;
    int64_t result;

    if (r->addr >= user_top || !tracee_read(r->e, &word, r->box.base + r->addr, 8)) {
        if (!tracee_read(r->e, &word, r->box.base + r->addr, word_size(r))) {
            return -EIO;
        }
    }
    thunk_put((char *)&word, word_size(r), r->data);
    result = host_ptrace(PTRACE_POKEDATA, r->e->tid, r->box.base + r->addr, word);
    if (!result) {
        tracee_note_write(r->e, r->addr, word_size(r));
    }
    return result;
}

/* --- registers ------------------------------------------------------------------------------- */

/* `struct user': registers, others, and the debug registers at the end. 8 or more: none of them. */
static uint64_t debug_register(const struct request *r)
{
    uint64_t first = word_size(r) == 8 ? 848 : 252;

    return (r->addr - first) / word_size(r);
}

static int64_t peek_user(struct request *r)
{
    uint64_t word = 0;

    if (r->addr % word_size(r) || r->addr > 1024) {
        return -EIO;
    }
    if (r->addr + word_size(r) <= r->box.regs_size) {
        memcpy(&word, r->box.regs + r->addr, word_size(r));
    } else if (debug_register(r) < ARRAY_LEN(r->box.debug)) {
        word = r->box.debug[debug_register(r)];
    }
    return give(r->data, &word, word_size(r));
}

static int64_t poke_user(struct request *r)
{
    if (r->addr % word_size(r) || r->addr > 1024) {
        return -EIO;
    }
    if (debug_register(r) < ARRAY_LEN(r->box.debug)) {
        int64_t err = user_arch_trace_set_debug(&r->box, debug_register(r), r->data);

        return err ? err : store_box(r, TRACE_SET_DEBUG);
    }
    if (r->addr + word_size(r) > r->box.regs_size) {
        return -EIO;
    }
    thunk_put((char *)r->box.regs + r->addr, word_size(r), r->data);
    return store_box(r, TRACE_SET_REGS);
}

static int64_t whole_part(struct request *r, uint64_t note, bool set)
{
    struct trace_part p;

    if (!user_arch_trace_part(&r->box, note, &p)) {
        return -EIO;
    }
    if (!set) {
        return give(r->data, p.at, p.size);
    }
    if (!p.changed) {
        return -EIO;
    }
    int64_t err = take(p.at, r->data, p.size);
    return err ? err : store_box(r, p.changed);
}

static int64_t regset(struct request *r, bool set)
{
    struct iovec iov;
    struct trace_part p;
    int64_t err = call_get(&thunk_iovec, &iov, r->data);

    if (err) {
        return err;
    }
    if (!user_arch_trace_part(&r->box, r->addr, &p) || (set && !p.changed)) {
        return -EINVAL;
    }
    uint64_t at = iov.iov_base ? user_addr(iov.iov_base) : 0;
    size_t len = MIN_OF(iov.iov_len, p.size);
    err = set ? take(p.at, at, len) : give(at, p.at, len);
    if (!err && set) {
        err = store_box(r, p.changed);
    }
    return err ? err : call_put_word(r->c, r->data + word_size(r), len);
}

/* --- the stop -------------------------------------------------------------------------------- */

static int64_t set_siginfo(struct request *r)
{
    int64_t err = siginfo_get(r->c->t->abi, &r->box.info, r->data);

    return err ? err : store_box(r, TRACE_SET_INFO);
}

static int64_t signal_mask(struct request *r, bool set)
{
    if (r->addr != sizeof(r->box.mask)) {
        return -EINVAL;
    }
    if (!set) {
        return give(r->data, &r->box.mask, sizeof(r->box.mask));
    }
    int64_t err = take(&r->box.mask, r->data, sizeof(r->box.mask));
    return err ? err : store_box(r, TRACE_SET_MASK);
}

static int64_t syscall_info(struct request *r)
{
    struct ptrace_syscall_info info = {
        .arch = user_arch_audit, .instruction_pointer = r->box.pc, .stack_pointer = r->box.sp,
    };
    size_t size = offsetof(struct ptrace_syscall_info, entry);

    if (r->box.kind == TRACE_ENTRY) {
        info.op = PTRACE_SYSCALL_INFO_ENTRY;
        info.entry.nr = r->box.call[0];
        memcpy(info.entry.args, r->box.call + 1, sizeof(info.entry.args));
        size = offsetof(struct ptrace_syscall_info, entry.args) + sizeof(info.entry.args);
    } else if (r->box.kind == TRACE_EXIT) {
        info.op = PTRACE_SYSCALL_INFO_EXIT;
        info.exit.rval = r->box.result;
        info.exit.is_error = call_failed(r->box.result);
        size = offsetof(struct ptrace_syscall_info, exit.is_error) + 1;
    }
    int64_t err = give(r->data, &info, MIN_OF(size, r->addr));
    return err ? err : (int64_t)size;
}

static int64_t event_message(struct request *r)
{
    uint64_t message = 0;
    int64_t err = host_ptrace(PTRACE_GETEVENTMSG, r->e->tid, 0, (uintptr_t)&message);

    if (!err && r->box.status >> 8 == PTRACE_EVENT_EXEC) {
        message = r->box.message;
    }
    return err ? err : call_put_word(r->c, r->data, message);
}

static int64_t thread_area(struct request *r)
{
    for (unsigned i = 0; i < ARRAY_LEN(r->box.tls); i++) {
        if (r->box.tls[i][0] == r->addr) {
            return give(r->data, r->box.tls[i], sizeof(r->box.tls[i]));
        }
    }
    return -EINVAL;
}

static int64_t arch_prctl_of(struct request *r)
{
    enum { GET_FS = 0x1003, GET_GS = 0x1004, FS_BASE = 21 * 8, GS_BASE = 22 * 8 };

    if (r->data != GET_FS && r->data != GET_GS) {
        return -EINVAL;
    }
    return give(r->addr, r->box.regs + (r->data == GET_FS ? FS_BASE : GS_BASE), 8);
}

/* --- going on -------------------------------------------------------------------------------- */

enum { HOST_OPTIONS = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                      PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL };

static int64_t set_options(struct tracee *e, uint64_t options)
{
    int64_t err;

    if (options & ~(uint64_t)(HOST_OPTIONS | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC)) {
        return -EINVAL;
    }
    err = host_ptrace(PTRACE_SETOPTIONS, e->tid, 0,
                      e->ours ? (options & HOST_OPTIONS) | PTRACE_O_TRACEEXEC : options);
    if (!err) {
        e->options = options;
    }
    return err;
}

static int64_t resume(struct request *r, enum trace_resume how)
{
    struct tracee *e = r->e;
    int64_t err;

    if (r->data > USER_SIGNALS) {
        return -EIO;
    }
    if (e->box) {
        r->box.resume = how;
        r->box.signal = r->data;
        r->box.seized = e->seized;
        r->box.sysgood = (e->options & PTRACE_O_TRACESYSGOOD) != 0;
        r->box.reports_exec = (e->options & PTRACE_O_TRACEEXEC) != 0;
        store_box(r, 0);
    }
    err = host_ptrace(how == TRACE_DETACH ? PTRACE_DETACH : PTRACE_CONT, e->tid, 0, 0);
    if (!err && how == TRACE_DETACH) {
        tracees_remove(e->tid);
    }
    return err;
}

/* --- requests to begin with ------------------------------------------------------------------ */

static int64_t attached(int64_t result, pid_t tid, bool seized, uint64_t options)
{
    struct tracee *e = result ? NULL : tracees_add(tid);

    if (!e) {
        return result ? result : -ENOMEM;
    }
    e->seized = seized;
    e->options = options;
    if (seized && e->ours) {
        tracee_ring(e, SIGBUS, 0);
    }
    return 0;
}

static int64_t seize(struct call *c)
{
    const uint64_t known = HOST_OPTIONS | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC;
    uint64_t options = c->a[3];

    if (c->a[2] || options & ~known) {
        return -EIO;
    }
    return attached(host_ptrace(PTRACE_SEIZE, c->a[1], 0,
                                (options & HOST_OPTIONS) | PTRACE_O_TRACEEXEC),
                    c->a[1], true, options);
}

/* A foreign program: the host's structures are those of a 64-bit guest. */
static int64_t of_host(struct request *r)
{
    switch (user_arch_trace_note(r->c->a[0]) ? PTRACE_GETREGSET : (int)r->c->a[0]) {
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA:
    case PTRACE_PEEKUSR:
    case PTRACE_GETEVENTMSG:
    case PTRACE_GETSIGINFO:
    case PTRACE_SETSIGINFO:
    case PTRACE_GETREGSET:
    case PTRACE_SETREGSET:
    case PTRACE_GETSIGMASK:
    case PTRACE_SETSIGMASK:
    case PTRACE_GET_SYSCALL_INFO:
        if (!call_is_64(r->c) || call_range(r->data, 1)) {
            return -EIO;
        }
        return host_ptrace(r->c->a[0], r->e->tid, r->addr, (uintptr_t)user_out(r->data, 512));
    case PTRACE_SETOPTIONS:
        return set_options(r->e, r->data);
    case PTRACE_DETACH:
        tracees_remove(r->e->tid);
        return host_ptrace(PTRACE_DETACH, r->c->a[1], 0, r->data);
    default:
        return host_ptrace(r->c->a[0], r->e->tid, r->addr, r->data);
    }
}

/* --- dispatch -------------------------------------------------------------------------------- */

/* Requests about a guest's state: the box is read. */
static int64_t of_box(struct request *r)
{
    uint64_t note = user_arch_trace_note(r->c->a[0]);

    if (note) {
        return whole_part(r, note, user_arch_trace_sets(r->c->a[0]));
    }
    switch ((int)r->c->a[0]) {
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA:
        return peek(r);
    case PTRACE_POKETEXT:
    case PTRACE_POKEDATA:
        return poke(r);
    case PTRACE_PEEKUSR:
        return peek_user(r);
    case PTRACE_POKEUSR:
        return poke_user(r);
    case PTRACE_GETREGSET:
    case PTRACE_SETREGSET:
        return regset(r, r->c->a[0] == PTRACE_SETREGSET);
    case PTRACE_SETSIGINFO:
        return set_siginfo(r);
    case PTRACE_GETSIGMASK:
    case PTRACE_SETSIGMASK:
        return signal_mask(r, r->c->a[0] == PTRACE_SETSIGMASK);
    case PTRACE_GET_SYSCALL_INFO:
        return syscall_info(r);
    case PTRACE_GETEVENTMSG:
        return event_message(r);
    case GET_THREAD_AREA:
        return r->c->t->abi->id == ABI_I386 ? thread_area(r) : -EIO;
    case ARCH_PRCTL:
        return r->c->t->abi->id == ABI_X86_64 ? arch_prctl_of(r) : -EIO;
    default:
        return -EIO;
    }
}

/* Of a stop that is the host's own: an event, or all threads stopped, which is an error. */
static int64_t siginfo_of(struct request *r)
{
    siginfo_t info;
    int64_t err = host_ptrace(PTRACE_GETSIGINFO, r->e->tid, 0, (uintptr_t)&info);

    if (!err && r->e->box && info.si_signo == SIGTRAP && info.si_code == SI_KERNEL) {
        info = r->box.info;
    }
    return err ? err : siginfo_put(r->c->t->abi, r->data, &info);
}

static int64_t of_guest(struct request *r)
{
    switch ((int)r->c->a[0]) {
    case PTRACE_CONT:
        return resume(r, TRACE_CONT);
    case PTRACE_SYSCALL:
        return resume(r, TRACE_SYSCALL);
    case PTRACE_SINGLESTEP:
        return user_arch_can_step ? resume(r, TRACE_STEP) : -EIO;
    case PTRACE_DETACH:
        return resume(r, TRACE_DETACH);
    case PTRACE_SETOPTIONS:
        return set_options(r->e, r->data);
    case PTRACE_LISTEN:
        return host_ptrace(PTRACE_LISTEN, r->e->tid, 0, 0);
    case PTRACE_GETSIGINFO:
        return siginfo_of(r);
    default:
        return r->e->box ? of_box(r) : -ESRCH;
    }
}

int64_t call_ptrace(struct call *c)
{
    struct request r = {.c = c, .addr = c->a[2], .data = c->a[3]};
    uint64_t message;
    int64_t err;

    switch ((int)c->a[0]) {
    case PTRACE_TRACEME:
        return trace_me(c->t);
    case PTRACE_ATTACH:
        return attached(host_ptrace(PTRACE_ATTACH, c->a[1], 0, 0), c->a[1], false, 0);
    case PTRACE_SEIZE:
        return seize(c);
    }
    r.e = tracees_find(c->a[1]);
    if (!r.e) {
        return -ESRCH;
    }
    if (c->a[0] == PTRACE_KILL) {
        return host_ptrace(PTRACE_KILL, r.e->tid, 0, 0);
    }
    if (!r.e->ours) {
        return of_host(&r);
    }
    if (c->a[0] == PTRACE_INTERRUPT) {
        tracee_ring(r.e, SIGSEGV, SIGTRAP | PTRACE_EVENT_STOP << 8);
        return r.e->seized ? 0 : -EIO;
    }
    /* It must stand. */
    err = host_ptrace(PTRACE_GETEVENTMSG, r.e->tid, 0, (uintptr_t)&message);
    if (err) {
        return err;
    }
    if (r.e->box && !tracee_read(r.e, &r.box, r.e->box, sizeof(r.box))) {
        return -ESRCH;
    }
    return of_guest(&r);
}
