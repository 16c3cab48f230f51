/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux tap interfaces, with the scripts that configure them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd-store.h"
#include "base/bits.h"
#include "base/main-loop.h"
#include "net/port.h"

enum { FRAMES_A_PASS = 64, QUEUES_MAX = 16 };

struct tap {
    struct net_port *port;
    /* One for each queue. */
    unsigned queues;
    struct tap_queue {
        struct tap *tap;
        int fd;
        struct main_loop_watch *watch;
    } queue[QUEUES_MAX];
    char name[IFNAMSIZ];
    char *down_script;               /* NULL: none */
};

static void to_host(void *opaque, const uint8_t *frame, size_t size)
{
    struct tap *tap = opaque;
    unsigned n = tap->port->peer ? tap->port->peer->queue : 0;
    int fd = tap->queue[n % tap->queues].fd;

    while (write(fd, frame, size) < 0 && errno == EINTR) {
    }
}

static void from_host(void *opaque, int ready)
{
    static uint8_t frame[NET_FRAME_MAX];
    struct tap_queue *queue = opaque;

    for (int i = 0; i < FRAMES_A_PASS; i++) {
        ssize_t n = read(queue->fd, frame, sizeof(frame));

        if (n <= 0) {
            return;
        }
        net_send(queue->tap->port, frame, (size_t)n);
    }
}

static bool run_script(const char *script, const char *name, struct error **err)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        execl(script, script, name, (char *)NULL);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        error_set(err, "network script %s failed with status %d", script,
                  WIFEXITED(status) ? WEXITSTATUS(status) : -1);
        return false;
    }
    return true;
}

static void close_tap(void *opaque)
{
    struct tap *tap = opaque;

    if (tap->down_script) {
        run_script(tap->down_script, tap->name, NULL);
    }
    for (unsigned i = 0; i < tap->queues; i++) {
        main_loop_unwatch(tap->queue[i].watch);
        close(tap->queue[i].fd);
    }
    g_free(tap->down_script);
    g_free(tap);
}

static void add_queue(struct tap *tap, int fd)
{
    struct tap_queue *queue = &tap->queue[tap->queues++];

    *queue = (struct tap_queue){ tap, fd, NULL };
    queue->watch = main_loop_watch_fd(fd, WATCH_READ, from_host, queue);
}

/* Opens it once for each queue; the first one finds the name. */
static bool open_interface(struct tap *tap, const char *name, bool many, struct error **err)
{
    struct ifreq request = {
        .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (many ? IFF_MULTI_QUEUE : 0))
    };
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        error_set_errno(err, errno, "could not open /dev/net/tun");
        return false;
    }
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        int os_error = errno;

        close(fd);
        error_set_errno(err, os_error, "could not configure /dev/net/tun (%s)%s", name,
                        os_error == EPERM ? "; root may give it away: "
                        "ip tuntap add mode tap user NAME" : "");
        return false;
    }
    memcpy(tap->name, request.ifr_name, sizeof(tap->name));
    add_queue(tap, fd);
    return true;
}

static bool take_descriptor(struct tap *tap, const char *text, struct error **err)
{
    int fd;

    if (!fd_store_parse(text, &fd, err)) {
        return false;
    }
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
        error_set_errno(err, errno, "fd=%d", fd);
        return false;
    }
    add_queue(tap, fd);
    return true;
}

/* "3" or "3:4:5". */
static bool take_descriptors(struct tap *tap, const char *list, struct error **err)
{
    char **names = g_strsplit(list, ":", 0);
    bool fine = g_strv_length(names) <= QUEUES_MAX;

    if (!fine) {
        error_set(err, "tap: at most %d queues", QUEUES_MAX);
    }
    for (unsigned i = 0; fine && names[i]; i++) {
        fine = take_descriptor(tap, names[i], err);
    }
    g_strfreev(names);
    return fine;
}

static bool open_queues(struct tap *tap, struct keyval *kv, struct error **err)
{
    uint64_t queues = 1;
    const char *name = keyval_string(kv, "ifname", "tap%d");

    if (!keyval_uint(kv, "queues", &queues, err)) {
        return false;
    }
    if (queues < 1 || queues > QUEUES_MAX) {
        error_set(err, "tap: queues must be 1 to %d", QUEUES_MAX);
        return false;
    }
    for (unsigned i = 0; i < queues; i++) {
        if (!open_interface(tap, i ? tap->name : name, queues > 1, err)) {
            return false;
        }
    }
    return true;
}

/* A script that is not named may be missing. */
static bool start_script(struct tap *tap, struct keyval *kv, struct error **err)
{
    const char *up = keyval_string(kv, "script", NULL);
    const char *down = keyval_string(kv, "downscript", NULL);
    bool standard = !up && access("/etc/qemu-ifup", X_OK) == 0;

    if (!down && access("/etc/qemu-ifdown", X_OK) == 0) {
        down = "/etc/qemu-ifdown";
    }
    up = standard ? "/etc/qemu-ifup" : up;
    if (up && strcmp(up, "no") != 0 && *up && !run_script(up, tap->name, err)) {
        return false;
    }
    if (down && strcmp(down, "no") != 0 && *down) {
        tap->down_script = g_strdup(down);
    }
    return true;
}

static bool start(struct tap *tap, struct keyval *kv, struct error **err)
{
    const char *fd = keyval_string(kv, "fd", NULL), *fds = keyval_string(kv, "fds", fd);

    keyval_mark(kv, "vhost");
    keyval_mark(kv, "sndbuf");
    if (fds) {
        if (!take_descriptors(tap, fds, err)) {
            return false;
        }
        net_port_describe(tap->port, "%s=%s", fd ? "fd" : "fds", fds);
    } else {
        if (!open_queues(tap, kv, err) || !start_script(tap, kv, err)) {
            return false;
        }
        net_port_describe(tap->port, "ifname=%s", tap->name);
    }
    tap->port->queues = tap->queues;
    return true;
}

struct net_port *net_tap_open(const char *id, struct keyval *kv, struct error **err)
{
    static const struct net_handlers handlers = { .receive = to_host, .close = close_tap };
    struct tap *tap = g_new0(struct tap, 1);

    tap->port = net_port_create("tap", id, &handlers, tap, err);
    if (!tap->port) {
        close_tap(tap);
        return NULL;
    }
    if (!start(tap, kv, err)) {
        net_port_destroy(tap->port);
        return NULL;
    }
    return tap->port;
}
