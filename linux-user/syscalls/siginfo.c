/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * siginfo_t in both directions. Three words (number, errno, code) come first; the rest starts at
 * the alignment of a pointer and is one of the forms below, as tables of fields.
 */
#include "linux-user/syscalls/siginfo.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"

enum form_field { FIELD_END, FIELD_S32, FIELD_LONG };

/* Guest and host have the same fields in the same order, each aligned by its size. */
static const uint8_t form_kill[] = {FIELD_S32, FIELD_S32, FIELD_END};              /* pid, uid */
static const uint8_t form_queue[] = {FIELD_S32, FIELD_S32, FIELD_LONG, FIELD_END}; /* and value */
static const uint8_t form_timer[] = {FIELD_S32, FIELD_S32, FIELD_LONG, FIELD_END};
static const uint8_t form_child[] = {FIELD_S32, FIELD_S32, FIELD_S32, FIELD_LONG, FIELD_LONG,
                                     FIELD_END}; /* pid, uid, status, utime, stime */
static const uint8_t form_fault[] = {FIELD_LONG, FIELD_S32, FIELD_END}; /* address, its lsb */
static const uint8_t form_bounds[] = {FIELD_LONG, FIELD_LONG, FIELD_LONG, FIELD_LONG, FIELD_END};
static const uint8_t form_poll[] = {FIELD_LONG, FIELD_S32, FIELD_END};             /* band, fd */
static const uint8_t form_syscall[] = {FIELD_LONG, FIELD_S32, FIELD_S32, FIELD_END};

static const uint8_t *form_of(int sig, int code)
{
    if (code <= 0) {
        switch (code) {
        case SI_USER:
        case SI_TKILL:
            return form_kill;
        case SI_TIMER:
            return form_timer;
        case SI_SIGIO:
            return form_poll;
        default:
            return form_queue;
        }
    }
    switch (sig) {
    case SIGCHLD:
        return form_child;
    case SIGILL:
    case SIGFPE:
    case SIGSEGV:
    case SIGBUS:
    case SIGTRAP:
        return sig == SIGSEGV && (code == SEGV_BNDERR || code == SEGV_PKUERR) ? form_bounds
                                                                            : form_fault;
    case SIGPOLL:
        return form_poll;
    case SIGSYS:
        return form_syscall;
    default:
        return form_kill;
    }
}

void siginfo_to_guest(const struct user_abi *abi, char *guest, const siginfo_t *info)
{
    unsigned word = abi->word_bits / 8;
    unsigned to = align_up(12, word), from = 16;
    const char *host = (const char *)info;

    memset(guest, 0, SIGINFO_SIZE);
    thunk_put(guest, 4, info->si_signo);
    thunk_put(guest + 4, 4, info->si_errno);
    thunk_put(guest + 8, 4, info->si_code);
    for (const uint8_t *f = form_of(info->si_signo, info->si_code); *f; f++) {
        unsigned to_size = *f == FIELD_LONG ? word : 4, from_size = *f == FIELD_LONG ? 8 : 4;
        to = align_up(to, to_size);
        from = align_up(from, from_size);
        thunk_put(guest + to, to_size, ld_le(host + from, from_size));
        to += to_size;
        from += from_size;
    }
}

void siginfo_to_host(const struct user_abi *abi, siginfo_t *info, const char *guest)
{
    unsigned word = abi->word_bits / 8;
    unsigned from = align_up(12, word), to = 16;
    char *host = (char *)info;

    memset(info, 0, sizeof(*info));
    info->si_signo = thunk_get(guest, 4);
    info->si_errno = thunk_get(guest + 4, 4);
    info->si_code = thunk_get(guest + 8, 4);
    for (const uint8_t *f = form_of(info->si_signo, info->si_code); *f; f++) {
        unsigned from_size = *f == FIELD_LONG ? word : 4, to_size = *f == FIELD_LONG ? 8 : 4;
        to = align_up(to, to_size);
        from = align_up(from, from_size);
        st_le(host + to, to_size, thunk_get(guest + from, from_size));
        to += to_size;
        from += from_size;
    }
}

int64_t siginfo_put(const struct user_abi *abi, uint64_t addr, const siginfo_t *info)
{
    char guest[SIGINFO_SIZE];

    siginfo_to_guest(abi, guest, info);
    return call_range(addr, sizeof(guest)) || !user_write(addr, guest, sizeof(guest)) ? -EFAULT : 0;
}

int64_t siginfo_get(const struct user_abi *abi, siginfo_t *info, uint64_t addr)
{
    char guest[SIGINFO_SIZE];

    if (call_range(addr, sizeof(guest)) || !user_read(guest, addr, sizeof(guest))) {
        return -EFAULT;
    }
    siginfo_to_host(abi, info, guest);
    return 0;
}
