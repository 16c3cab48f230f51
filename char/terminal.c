/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user's terminal in raw mode, given back as it was found on every way out of the process. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/bits.h"
#include "char/terminal.h"

static struct termios original, raw_mode;
static volatile sig_atomic_t is_raw, wanted_raw, escape_seen;
static bool installed;

static void apply(const struct termios *mode)
{
    sigset_t block, old;

    /* A background process that sets the terminal gets SIGTTOU, which would stop us here. */
    sigemptyset(&block);
    sigaddset(&block, SIGTTOU);
    sigprocmask(SIG_BLOCK, &block, &old);
    tcsetattr(STDIN_FILENO, TCSANOW, mode);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static bool in_foreground(void)
{
    return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void terminal_restore(void)
{
    static const char reset[] = "\033[0m\033[?7h\033[?25h";

    if (!is_raw) {
        return;
    }
    is_raw = 0;
    if (escape_seen && isatty(STDOUT_FILENO)) {
        ssize_t ignored = write(STDOUT_FILENO, reset, sizeof(reset) - 1);

        (void)ignored;
    }
    apply(&original);
}

static void at_exit(void)
{
    wanted_raw = 0;
    terminal_restore();
}

static void take_again(void)
{
    if (wanted_raw && in_foreground()) {
        is_raw = 1;
        apply(&raw_mode);
    }
}

/* Ends or stops the process the way the signal does by default, with the terminal restored. */
static void on_signal(int number)
{
    int saved = errno;
    struct sigaction act = { .sa_handler = SIG_DFL }, old;
    sigset_t set;

    terminal_restore();
    sigaction(number, &act, &old);
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    /* Only a stop comes back, or its refusal when no shell could continue us. */
    sigaction(number, &old, NULL);
    take_again();
    errno = saved;
}

static void on_continue(int number)
{
    int saved = errno;

    take_again();
    errno = saved;
}

static void install(void)
{
    static const int numbers[] = {
        SIGTSTP, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGXCPU, SIGXFSZ,
        SIGALRM, SIGUSR1, SIGUSR2, SIGPWR
    };
    struct sigaction old;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct sigaction act = { .sa_handler = on_signal };

        /* Whoever took a signal for himself keeps it. */
        if (sigaction(numbers[i], NULL, &old) == 0 && !(old.sa_flags & SA_SIGINFO) &&
            old.sa_handler == SIG_DFL) {
            sigaction(numbers[i], &act, NULL);
        }
    }
    sigaction(SIGCONT, &(struct sigaction){ .sa_handler = on_continue, .sa_flags = SA_RESTART },
              NULL);
    atexit(at_exit);
}

void terminal_raw(bool signals, bool echo)
{
    if (!installed) {
        if (tcgetattr(STDIN_FILENO, &original) < 0) {
            return;
        }
        installed = true;
        install();
    }
    raw_mode = original;
    raw_mode.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw_mode.c_oflag |= OPOST;
    if (!echo) {
        raw_mode.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
    }
    raw_mode.c_cflag = (raw_mode.c_cflag & ~(CSIZE | PARENB)) | CS8;
    raw_mode.c_cc[VMIN] = 1;
    raw_mode.c_cc[VTIME] = 0;
    if (!signals) {
        raw_mode.c_lflag &= ~ISIG;
    }
    wanted_raw = 1;
    take_again();
}

void terminal_note_escape(void)
{
    escape_seen = 1;
}
