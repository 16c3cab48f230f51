/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What 32-bit programs find as the siginfo of a signal. */
#include "linux-user/internal.h"

#include "base/bits.h"

enum { SIGINFO_SIZE = 128 };

/* siginfo of 32-bit processes: the union begins at 12, and words are half as long. */
void user_siginfo_32(const siginfo_t *info, uint8_t *out)
{
    uint32_t w[SIGINFO_SIZE / 4] = { info->si_signo, info->si_errno, info->si_code };
    int sig = info->si_signo, code = info->si_code;

    if (code > 0 && code != SI_KERNEL && (sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE ||
                                          sig == SIGILL || sig == SIGTRAP)) {
        w[3] = (uintptr_t)info->si_addr;
    } else if (sig == SIGCHLD && code > 0) {
        w[3] = info->si_pid;
        w[4] = info->si_uid;
        w[5] = info->si_status;
        w[6] = info->si_utime;
        w[7] = info->si_stime;
    } else if (sig == SIGIO && code > 0 && code != SI_KERNEL) {
        w[3] = info->si_band;
        w[4] = info->si_fd;
    } else if (sig == SIGSYS && code > 0) {
        w[3] = (uintptr_t)info->si_call_addr;
        w[4] = info->si_syscall;
        w[5] = info->si_arch;
    } else if (code == SI_TIMER) {
        w[3] = info->si_timerid;
        w[4] = info->si_overrun;
        w[5] = (uintptr_t)info->si_value.sival_ptr;
    } else if (code != SI_KERNEL) {
        w[3] = info->si_pid;
        w[4] = info->si_uid;
        w[5] = (uintptr_t)info->si_value.sival_ptr;
    }
    for (unsigned i = 0; i < ARRAY_LEN(w); i++) {
        if (user_process_abi->big_endian) {
            st32_be(out + 4 * i, w[i]);
        } else {
            st32_le(out + 4 * i, w[i]);
        }
    }
}
