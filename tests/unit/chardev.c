/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices: the multiplexer's keys, back-pressure, files, pipes, sockets, refusals. */
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/main-loop.h"
#include "char.h"
#include "char/memory.h"
#include "char/mux.h"
#include "tests/tap.h"

/* A front-end that remembers. */
struct front {
    GString *got;
    size_t room;
    int opened, closed, breaks, in, out, writable;
};

static size_t can_read(void *opaque)
{
    return ((struct front *)opaque)->room;
}

static void on_read(void *opaque, const uint8_t *data, size_t size)
{
    struct front *f = opaque;

    g_string_append_len(f->got, (const char *)data, size);
    f->room -= size;
}

static void on_event(void *opaque, enum chardev_event event)
{
    struct front *f = opaque;

    f->opened += event == CHARDEV_OPENED;
    f->closed += event == CHARDEV_CLOSED;
    f->breaks += event == CHARDEV_BREAK;
    f->in += event == CHARDEV_MUX_IN;
    f->out += event == CHARDEV_MUX_OUT;
}

static void on_writable(void *opaque)
{
    ((struct front *)opaque)->writable++;
}

static const struct chardev_handlers handlers = { can_read, on_read, on_event, on_writable };

static struct front front(size_t room)
{
    return (struct front){ .got = g_string_new(NULL), .room = room };
}

/* Runs the loop until the text is there or a second has passed. */
static bool wait_for(struct front *f, const char *text)
{
    for (int i = 0; i < 1000 && strcmp(f->got->str, text) != 0; i++) {
        main_loop_step(false);
        g_usleep(1000);
    }
    return strcmp(f->got->str, text) == 0;
}

static bool quit_seen;

static void on_quit(void)
{
    quit_seen = true;
}

static void test_mux(const char *folder)
{
    static const struct chardev_mux_actions actions = { .quit = on_quit };
    char *base = g_strdup_printf("%s/mux", folder), *in = g_strdup_printf("%s.in", base);
    char *out = g_strdup_printf("%s.out", base);
    char *spec = g_strdup_printf("pipe,id=m,path=%s,mux=on", base);
    struct front monitor = front(1000), serial = front(3);
    char text[512] = "";
    struct chardev *mux;
    int in_fd, out_fd;

    mkfifo(in, 0600);
    mkfifo(out, 0600);
    in_fd = open(in, O_RDWR | O_NONBLOCK);
    out_fd = open(out, O_RDWR | O_NONBLOCK);
    mux = chardev_open_option(spec, NULL);
    ok(mux != NULL, "a multiplexed pipe opens");
    chardev_mux_set_actions(&actions);
    ok(chardev_attach(mux, &handlers, &monitor, NULL), "the monitor attaches");
    ok(chardev_attach(mux, &handlers, &serial, NULL), "the serial port attaches");
    ok(monitor.in == 1 && monitor.out == 1 && serial.in == 1, "the newest has the keyboard");

    ok(write(in_fd, "abcde", 5) == 5 && wait_for(&serial, "abc"), "input stops at the room");
    ok(write(in_fd, "\001c", 2) == 2, "the escape key is typed");
    for (int i = 0; i < 100 && monitor.in < 2; i++) {
        main_loop_step(false);
        g_usleep(1000);
    }
    ok(monitor.in == 2, "C-a c works while the guest does not read");
    ok(wait_for(&monitor, "de"), "what was waiting goes to the new focus");
    g_string_truncate(monitor.got, 0);
    ok(write(in_fd, "x\001\001y", 4) == 4 && wait_for(&monitor, "x\001y"), "C-a C-a sends C-a");
    ok(write(in_fd, "\001b\001xz", 5) == 5 && wait_for(&monitor, "x\001yz"), "commands are eaten");
    ok(monitor.breaks == 1 && serial.breaks == 0, "C-a b is a break for the focus");
    ok(quit_seen, "C-a x quits");
    ok(write(in_fd, "\001h", 2) == 2, "help is asked for");
    for (int i = 0; i < 100 && !strstr(text, "sends C-a"); i++) {
        ssize_t n;

        main_loop_step(false);
        n = read(out_fd, text + strlen(text), sizeof(text) - 1 - strlen(text));
        g_usleep(n > 0 ? 0 : 1000);
    }
    ok(strstr(text, "C-a x    exit emulator") != NULL, "C-a h prints the keys");
    chardev_detach(mux, &serial);
    chardev_detach(mux, &monitor);
    chardev_close(mux);
    ok(!chardev_find("m-base"), "the device below goes with its multiplexer");
    close(in_fd);
    close(out_fd);
    unlink(in);
    unlink(out);
}

static void test_pressure(const char *folder)
{
    char *path = g_strdup_printf("%s/full", folder), *spec = g_strdup_printf("pipe:%s", path);
    struct front f = front(0);
    size_t taken = 0, n;
    struct chardev *chr;
    char block[4096];
    int fd;

    memset(block, 'x', sizeof(block));
    mkfifo(path, 0600);
    fd = open(path, O_RDWR | O_NONBLOCK);
    chr = chardev_open("p", spec, NULL);
    chardev_attach(chr, &handlers, &f, NULL);
    do {
        n = chardev_write(chr, block, sizeof(block));
        taken += n;
    } while (n == sizeof(block) && taken < 1 << 24);
    ok(taken < 1 << 24, "a full pipe takes no more, and does not block");
    main_loop_step(false);
    is_int(f.writable, 0, "and is not writable");
    while (read(fd, block, sizeof(block)) > 0) {
    }
    for (int i = 0; i < 100 && !f.writable; i++) {
        main_loop_step(false);
        g_usleep(1000);
    }
    is_int(f.writable, 1, "until somebody reads");
    chardev_close(chr);
    close(fd);
    unlink(path);
}

static void test_socket(const char *folder)
{
    char *path = g_strdup_printf("%s/sock", folder);
    char *server_spec = g_strdup_printf("unix:%s,server,nowait", path);
    char *client_spec = g_strdup_printf("unix:%s", path);
    struct front a = front(100), b = front(100);
    struct chardev *server = chardev_open("s", server_spec, NULL), *client;

    ok(server && !chardev_connected(server), "a server does not wait for its client");
    chardev_attach(server, &handlers, &a, NULL);
    is_int(chardev_write(server, "lost", 4), 4, "without a client bytes are dropped");
    client = chardev_open("c", client_spec, NULL);
    ok(client != NULL, "a client connects");
    chardev_attach(client, &handlers, &b, NULL);
    chardev_printf(client, "%s", "ping");
    ok(wait_for(&a, "ping") && a.opened == 1, "the server hears it");
    chardev_printf(server, "%s", "pong");
    ok(wait_for(&b, "pong"), "and answers");
    chardev_close(client);
    for (int i = 0; i < 100 && !a.closed; i++) {
        main_loop_step(false);
        g_usleep(1000);
    }
    ok(a.closed == 1 && g_str_has_prefix(chardev_description(server), "disconnected:unix:"),
       "the server notices the end");
    client = chardev_open("c", client_spec, NULL);
    chardev_printf(client, "%s", "2");
    ok(wait_for(&a, "ping2"), "and takes the next client");
    chardev_close(client);
    chardev_close(server);
    ok(access(path, F_OK) != 0, "the socket's file is gone");
}

static void test_memory(void)
{
    struct chardev *chr = chardev_open_option("ringbuf,id=r,size=8", NULL);
    uint8_t text[16] = "";

    ok(chr && chardev_write(chr, "0123456789", 10) == 10, "a ring buffer takes all");
    is_int(chardev_ringbuf_read(chr, text, 16), 8, "and keeps the last bytes");
    ok(memcmp(text, "23456789", 8) == 0, "in order");
    chardev_close(chr);
    is_int(chardev_write(NULL, "abc", 3), 3, "no device takes everything");
}

static void test_refusals(void)
{
    static const char *const bad[] = {
        "foo", "tcp:localhost", "tcp::", "vc:axb", "braille", "tcp:localhost:1,nosuch=1,server",
        "file:", "file:/nonexistent/x", "/dev/null", "chardev:nosuch", "unix:",
        "mon:foo", "udp:x",
    };
    static const char *const bad_options[] = {
        "null", "null,id=a,foo=1", "ringbuf,id=a,size=7", "nosuch,id=a", "file,id=a",
        "socket,id=a,port=1,server=maybe",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct error *err = NULL;

        ok(!chardev_open("x", bad[i], &err) && err, "'%s' is refused", bad[i]);
        printf("# %s\n", err ? error_text(err) : "");
        error_free(err);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad_options); i++) {
        struct error *err = NULL;

        ok(!chardev_open_option(bad_options[i], &err) && err, "-chardev %s is refused",
           bad_options[i]);
        printf("# %s\n", err ? error_text(err) : "");
        error_free(err);
    }
    ok(!chardev_first(), "and nothing is left over");
}

int main(void)
{
    char *folder = g_dir_make_tmp("chardev-XXXXXX", NULL);

    main_loop_init();
    test_mux(folder);
    test_pressure(folder);
    test_socket(folder);
    test_memory();
    test_refusals();
    ok(rmdir(folder) == 0, "no file is left behind");
    return tap_done();
}
