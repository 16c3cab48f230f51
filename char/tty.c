/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Terminals as back-ends: a new pseudo terminal for others to open, and real serial ports. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/clock.h"
#include "char/backend.h"

struct tty {
    struct chardev chr;
    struct chardev_fds fds;
    struct timer poll;              /* pty: until somebody opens the other side */
};

/* --- pseudo terminals ------------------------------------------------------------------------ */

/* The kernel tells of the first open only to those who ask, so ask once a second. */
#define PTY_POLL_NS NS_PER_SECOND

static bool pty_open_elsewhere(const struct tty *tty)
{
    struct pollfd p = { .fd = tty->fds.in, .events = POLLOUT };

    return poll(&p, 1, 0) > 0 && !(p.revents & POLLHUP);
}

static void pty_watch(struct tty *tty);

static void pty_poll(void *opaque)
{
    struct tty *tty = opaque;

    if (pty_open_elsewhere(tty)) {
        pty_watch(tty);
        chardev_set_connected(&tty->chr, true);
        chardev_fds_update(&tty->fds);
    } else {
        timer_set(&tty->poll, clock_ns(CLOCK_HOST) + PTY_POLL_NS);
    }
}

static void pty_ended(struct chardev *chr)
{
    struct tty *tty = (struct tty *)chr;

    main_loop_unwatch(tty->fds.out_watch);
    tty->fds.out_watch = NULL;
    chardev_set_connected(chr, false);
    timer_set(&tty->poll, clock_ns(CLOCK_HOST) + PTY_POLL_NS);
}

static void pty_watch(struct tty *tty)
{
    chardev_fds_start(&tty->fds, &tty->chr, tty->fds.in, tty->fds.out);
}

static bool open_pty(struct chardev *chr, struct keyval *kv, struct error **err)
{
    struct tty *tty = (struct tty *)chr;
    struct termios mode;
    int master, slave;

    if (openpty(&master, &slave, NULL, NULL, NULL) < 0) {
        error_set_errno(err, errno, "cannot make a pseudo terminal");
        return false;
    }
    tcgetattr(slave, &mode);
    cfmakeraw(&mode);
    tcsetattr(slave, TCSAFLUSH, &mode);
    chardev_describe(chr, "pty:%s", ttyname(slave));
    fprintf(stderr, "char device redirected to %s (label %s)\n", ttyname(slave), chr->id);
    close(slave);
    fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    tty->fds.chr = chr;
    tty->fds.in = tty->fds.out = master;
    tty->fds.ended = pty_ended;
    timer_init(&tty->poll, CLOCK_HOST, pty_poll, tty);
    timer_set(&tty->poll, clock_ns(CLOCK_HOST) + PTY_POLL_NS);
    return true;
}

/* --- real ports ------------------------------------------------------------------------------ */

static void serial_ended(struct chardev *chr)
{
    chardev_set_connected(chr, false);
}

static bool open_serial(struct chardev *chr, struct keyval *kv, struct error **err)
{
    struct tty *tty = (struct tty *)chr;
    const char *path = keyval_string(kv, "path", "");
    struct termios mode;
    int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0) {
        error_set_errno(err, errno, "cannot open the serial port '%s'", path);
        return false;
    }
    if (tcgetattr(fd, &mode) < 0) {
        error_set_errno(err, errno, "'%s' is not a serial port", path);
        close(fd);
        return false;
    }
    cfmakeraw(&mode);
    cfsetspeed(&mode, B115200);
    tcsetattr(fd, TCSANOW, &mode);
    chr->connected = true;
    tty->fds.ended = serial_ended;
    timer_init(&tty->poll, CLOCK_HOST, pty_poll, tty);
    chardev_fds_start(&tty->fds, chr, fd, fd);
    return true;
}

static speed_t speed_of(unsigned baud)
{
    static const struct {
        unsigned baud;
        speed_t speed;
    } table[] = {
        { 50, B50 }, { 75, B75 }, { 110, B110 }, { 134, B134 }, { 150, B150 }, { 200, B200 },
        { 300, B300 }, { 600, B600 }, { 1200, B1200 }, { 1800, B1800 }, { 2400, B2400 },
        { 4800, B4800 }, { 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 },
        { 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 }, { 921600, B921600 },
    };

    /* A divisor gives 110.03 or 1802 baud: the nearest standard rate is meant. */
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (baud <= table[i].baud + table[i].baud / 32) {
            return table[i].speed;
        }
    }
    return B921600;
}

static void set_line(struct chardev *chr, const struct chardev_line *line)
{
    struct tty *tty = (struct tty *)chr;
    static const tcflag_t sizes[] = { CS5, CS6, CS7, CS8 };
    struct termios mode;

    if (tcgetattr(tty->fds.in, &mode) < 0) {
        return;
    }
    cfsetspeed(&mode, speed_of(line->baud));
    mode.c_cflag &= ~(CSIZE | PARENB | PARODD | CSTOPB);
    mode.c_cflag |= sizes[line->data_bits >= 5 && line->data_bits <= 8 ? line->data_bits - 5 : 3];
    mode.c_cflag |= line->parity == 'E' ? PARENB : line->parity == 'O' ? PARENB | PARODD : 0;
    mode.c_cflag |= line->stop_bits == 2 ? CSTOPB : 0;
    tcsetattr(tty->fds.in, TCSANOW, &mode);
}

static void set_break(struct chardev *chr, bool on)
{
    ioctl(((struct tty *)chr)->fds.in, on ? TIOCSBRK : TIOCCBRK);
}

static void set_modem(struct chardev *chr, unsigned outputs)
{
    int fd = ((struct tty *)chr)->fds.in, bits;

    if (ioctl(fd, TIOCMGET, &bits) == 0) {
        bits &= ~(TIOCM_DTR | TIOCM_RTS);
        bits |= outputs & CHARDEV_DTR ? TIOCM_DTR : 0;
        bits |= outputs & CHARDEV_RTS ? TIOCM_RTS : 0;
        ioctl(fd, TIOCMSET, &bits);
    }
}

static bool get_modem(struct chardev *chr, unsigned *inputs)
{
    int bits;

    if (ioctl(((struct tty *)chr)->fds.in, TIOCMGET, &bits) < 0) {
        return false;
    }
    *inputs = (bits & TIOCM_CTS ? CHARDEV_CTS : 0) | (bits & TIOCM_DSR ? CHARDEV_DSR : 0) |
        (bits & TIOCM_RI ? CHARDEV_RI : 0) | (bits & TIOCM_CAR ? CHARDEV_CD : 0);
    return true;
}

/* --- both ------------------------------------------------------------------------------------ */

static void close_tty(struct chardev *chr)
{
    struct tty *tty = (struct tty *)chr;

    timer_cancel(&tty->poll);
    chardev_fds_stop(&tty->fds);
}

static size_t write_tty(struct chardev *chr, const uint8_t *data, size_t size)
{
    return chardev_fds_write(&((struct tty *)chr)->fds, data, size);
}

static void update_tty(struct chardev *chr)
{
    chardev_fds_update(&((struct tty *)chr)->fds);
}

const struct chardev_backend chardev_pty = {
    .name = "pty", .size = sizeof(struct tty), .open = open_pty, .close = close_tty,
    .write = write_tty, .update = update_tty,
};

const struct chardev_backend chardev_serial = {
    .name = "serial", .size = sizeof(struct tty), .open = open_serial, .close = close_tty,
    .write = write_tty, .update = update_tty, .set_line = set_line, .set_break = set_break,
    .set_modem = set_modem, .get_modem = get_modem,
};
