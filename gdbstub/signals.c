/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signal numbers: gdb has its own, the same on all hosts. */
#include "gdbstub/gdbstub.h"

#include <signal.h>
#include "base/bits.h"

static const struct {
    uint8_t host, gdb;
} numbers[] = {
    { SIGHUP, 1 }, { SIGINT, 2 }, { SIGQUIT, 3 }, { SIGILL, 4 }, { SIGTRAP, 5 }, { SIGABRT, 6 },
    { SIGFPE, 8 }, { SIGKILL, 9 }, { SIGBUS, 10 }, { SIGSEGV, 11 }, { SIGSYS, 12 },
    { SIGPIPE, 13 }, { SIGALRM, 14 }, { SIGTERM, 15 }, { SIGURG, 16 }, { SIGSTOP, 17 },
    { SIGTSTP, 18 }, { SIGCONT, 19 }, { SIGCHLD, 20 }, { SIGTTIN, 21 }, { SIGTTOU, 22 },
    { SIGIO, 23 }, { SIGXCPU, 24 }, { SIGXFSZ, 25 }, { SIGVTALRM, 26 }, { SIGPROF, 27 },
    { SIGWINCH, 28 }, { SIGUSR1, 30 }, { SIGUSR2, 31 }, { SIGPWR, 32 },
};

/* Real-time signals 33 to 63 follow each other, 32 and 64 were added later. */
enum { GDB_REALTIME_33 = 45, GDB_REALTIME_32 = 77, GDB_REALTIME_64 = 78 };

int gdb_signal_from_host(int sig)
{
    for (unsigned i = 0; i < ARRAY_LEN(numbers); i++) {
        if (numbers[i].host == sig) {
            return numbers[i].gdb;
        }
    }
    return sig == 32 ? GDB_REALTIME_32 : sig == 64 ? GDB_REALTIME_64
         : sig > 32 && sig < 64 ? sig - 33 + GDB_REALTIME_33 : GDB_SIGNAL_UNKNOWN;
}

int gdb_signal_to_host(int signal)
{
    for (unsigned i = 0; i < ARRAY_LEN(numbers); i++) {
        if (numbers[i].gdb == signal) {
            return numbers[i].host;
        }
    }
    return signal == GDB_REALTIME_32 ? 32 : signal == GDB_REALTIME_64 ? 64
         : signal >= GDB_REALTIME_33 && signal < GDB_REALTIME_33 + 31
         ? signal - GDB_REALTIME_33 + 33 : 0;
}
