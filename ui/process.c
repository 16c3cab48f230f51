/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process as its user sees it: signals that end it, -pidfile, -daemonize. */
#include "ui/process.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/main-loop.h"

static void (*on_terminate)(void);
static int signal_pipe[2] = { -1, -1 };
static int ready_pipe = -1;         /* to the parent of a daemon */
static int null_fd = -1;            /* opened before -chroot hides it */
static char *pidfile;
static dev_t pidfile_device;
static ino_t pidfile_inode;

/* --- signals --------------------------------------------------------------------------------- */

struct signal_note {
    int number;
    pid_t sender;
};

/* Only writes to a pipe; the main loop does the rest. */
static void note_signal(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    struct signal_note note = { number, info->si_code > 0 ? 0 : info->si_pid };
    ssize_t ignored = write(signal_pipe[1], &note, sizeof(note));

    (void)ignored;
    errno = saved;
}

static char *process_name(pid_t pid)
{
    char *path = g_strdup_printf("/proc/%d/cmdline", (int)pid), *name = NULL;

    if (pid <= 0 || !g_file_get_contents(path, &name, NULL, NULL) || !*name) {
        g_free(name);
        name = g_strdup("<unknown process>");
    }
    g_free(path);
    return name;
}

static void signal_arrived(void *opaque, int ready)
{
    struct signal_note note;
    char *name;

    if (read(signal_pipe[0], &note, sizeof(note)) != sizeof(note)) {
        return;
    }
    /* The terminal's own C-c has no sender to name. */
    if (note.sender) {
        name = process_name(note.sender);
        error_report("terminating on signal %d from pid %d (%s)", note.number, (int)note.sender,
                     name);
        g_free(name);
    } else {
        error_report("terminating on signal %d", note.number);
    }
    on_terminate();
}

void process_catch_signals(void (*terminate)(void))
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction act = { .sa_sigaction = note_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
    struct sigaction old;

    on_terminate = terminate;
    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
        error_exit("cannot make a pipe for signals: %s", strerror(errno));
    }
    main_loop_watch_fd(signal_pipe[0], WATCH_READ, signal_arrived, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        /* nohup wants SIGHUP ignored. */
        sigaction(numbers[i], NULL, &old);
        if (numbers[i] != SIGHUP || old.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &act, NULL);
        }
    }
    signal(SIGPIPE, SIG_IGN);
}

/* --- pidfile --------------------------------------------------------------------------------- */

/* Only the file that we made: another run may have replaced it. */
static void remove_pidfile(void)
{
    struct stat st;

    if (stat(pidfile, &st) == 0 && st.st_dev == pidfile_device && st.st_ino == pidfile_inode) {
        unlink(pidfile);
    }
}

bool process_write_pidfile(const char *path, struct error **err)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    char text[16];
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        error_set_errno(err, errno, "cannot create PID file '%s'", path);
        return false;
    }
    /* The descriptor stays open: its lock tells a second run that this one lives. */
    if (fcntl(fd, F_SETLK, &lock) < 0) {
        error_set_errno(err, errno, "cannot lock PID file '%s': another run uses it", path);
        close(fd);
        return false;
    }
    snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
        fstat(fd, &st) < 0) {
        error_set_errno(err, errno, "cannot write PID file '%s'", path);
        close(fd);
        return false;
    }
    /* A daemon works in another folder. */
    pidfile = g_canonicalize_filename(path, NULL);
    pidfile_device = st.st_dev;
    pidfile_inode = st.st_ino;
    atexit(remove_pidfile);
    return true;
}

/* --- daemons --------------------------------------------------------------------------------- */

static void wait_for_child(int fd)
{
    uint8_t status;
    ssize_t n;

    do {
        n = read(fd, &status, 1);
    } while (n < 0 && errno == EINTR);
    _exit(n == 1 ? 0 : 1);
}

bool process_daemonize(struct error **err)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        error_set_errno(err, errno, "-daemonize: cannot start the background process");
        return false;
    }
    if (pid > 0) {
        close(fds[1]);
        wait_for_child(fds[0]);
    }
    close(fds[0]);
    ready_pipe = fds[1];
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    /* A second fork: not the session's leader, so that no terminal is ever ours again. */
    pid = fork();
    if (pid != 0) {
        _exit(pid < 0);
    }
    signal(SIGTSTP, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    signal(SIGTTIN, SIG_IGN);
    return true;
}

void process_daemon_ready(void)
{
    uint8_t status = 0;
    ssize_t ignored;

    if (ready_pipe < 0 || chdir("/") < 0) {
        return;
    }
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        dup2(null_fd, fd);
    }
    ignored = write(ready_pipe, &status, 1);
    (void)ignored;
    close(ready_pipe);
    ready_pipe = -1;
}
