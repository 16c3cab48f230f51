/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio serial controller with its ports, and the balloon. */
#include "tests/hw/virtio-bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "char.h"
#include "hw/virtio/balloon.h"

#define F1 VIRTIO_BIT(32)
enum { READY = 0, ADD = 1, REMOVE = 2, PORT_READY = 3, CONSOLE = 4, OPEN = 6, NAME = 7 };
enum { MESSAGES_IN = 0xb000, DATA = 0xc000 };

static struct ring control_in, control_out, rx, tx;
static char folder[] = "/tmp/virtio-ports-XXXXXX", pipe_path[64];

static struct chardev *open_pipe(void)
{
    struct error *err = NULL;
    struct chardev *chr;
    char name[80];

    snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", mkdtemp(folder));
    for (unsigned i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "%s.%s", pipe_path, i ? "in" : "out");
        if (mkfifo(name, 0600) != 0) {
            error_exit("cannot make %s", name);
        }
    }
    snprintf(name, sizeof(name), "pipe:%s", pipe_path);
    chr = chardev_open("port", name, &err);
    if (!chr) {
        error_exit_with(err);
    }
    return chr;
}

static int open_end(const char *suffix, int flags)
{
    char name[80];

    snprintf(name, sizeof(name), "%s.%s", pipe_path, suffix);
    return open(name, flags | O_NONBLOCK);
}

static void remove_pipe(void)
{
    char name[80];

    for (unsigned i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "%s.%s", pipe_path, i ? "in" : "out");
        unlink(name);
    }
    rmdir(folder);
}

static void start(void)
{
    negotiate(F1 | VIRTIO_BIT(1));
    control_in = make_ring(2, 32, 0x1000, 0xffff);
    control_out = make_ring(3, 32, 0x3000, 0xffff);
    rx = make_ring(4, 16, 0x5000, 0xffff);
    tx = make_ring(5, 16, 0x7000, 0xffff);
    set(0x14, 15, 1);
}

static void say(uint32_t port, unsigned event, unsigned value)
{
    poke(0x9000, port, 4);
    poke(0x9004, event, 2);
    poke(0x9006, value, 2);
    put_desc(control_out.desc, 0, 0x9000, 8, 0, 0);
    offer(&control_out, 0);
    notify(&control_out);
    ok(reap(&control_out) == 0, "message %u is taken", event);
}

static void give_message_buffers(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        put_desc(control_in.desc, i, MESSAGES_IN + 64 * i, 64, WRITE, 0);
        offer(&control_in, (uint16_t)i);
    }
    notify(&control_in);
}

/* The next message to the driver, in buffer i: event << 16 | value; -1: none. */
static int heard(unsigned i, uint32_t port)
{
    if (reap(&control_in) < 8 || peek(MESSAGES_IN + 64 * i, 4) != port) {
        return -1;
    }
    return (int)(peek(MESSAGES_IN + 64 * i + 4, 2) << 16 | peek(MESSAGES_IN + 64 * i + 6, 2));
}

static void check_messages(void)
{
    start();
    is_int(get(0x2004, 4), 31, "so many ports may be");
    say(0, READY, 1);
    is_int(heard(0, 0), -1, "no buffer, no message");
    give_message_buffers(16);
    is_int(heard(0, 0), ADD << 16 | 1, "the console is announced");
    is_int(heard(1, 1), ADD << 16 | 1, "and the port");
    say(0, PORT_READY, 1);
    is_int(heard(2, 0), CONSOLE << 16 | 1, "the console says that it is one");
    say(1, PORT_READY, 1);
    is_int(heard(3, 1), NAME << 16 | 1, "the port has a name");
    ok(peek(MESSAGES_IN + 3 * 64 + 8, 4) == 0x74726f70, "which is sent");
    is_int(heard(4, 1), OPEN << 16 | 1, "and it is connected");
    is_int(heard(5, 1), -1, "that is all");
    say(77, OPEN, 1);
    say(0, 99, 1);
}

static void wait_for_input(int fd, char *text, size_t size)
{
    memset(text, 0, size);
    for (unsigned i = 0; i < 200 && read(fd, text, size - 1) <= 0; i++) {
        main_loop_step(false);
        usleep(1000);
    }
}

static void check_data(void)
{
    int out = open_end("out", O_RDONLY), in = open_end("in", O_WRONLY);
    char text[64];

    put_desc(rx.desc, 0, DATA, 16, WRITE, 0);
    offer(&rx, 0);
    notify(&rx);
    ok(write(in, "early", 5) == 5, "bytes for a closed port");
    for (unsigned i = 0; i < 20; i++) {
        main_loop_step(false);
    }
    is_int(reap(&rx), -1, "wait");
    say(1, OPEN, 1);
    for (unsigned i = 0; i < 200 && peek(rx.used + 2, 2) == 0; i++) {
        main_loop_step(false);
        usleep(1000);
    }
    is_int(reap(&rx), 5, "until it opens");
    is_int(peek(DATA, 4), 0x6c726165, "then they come");
    address_space_write(&bench.memory, DATA, "to the host", 11);
    put_desc(tx.desc, 0, DATA, 3, NEXT, 1);
    put_desc(tx.desc, 1, DATA + 3, 8, 0, 0);
    offer(&tx, 0);
    notify(&tx);
    is_int(reap(&tx), 0, "the guest sends");
    wait_for_input(out, text, sizeof(text));
    is_text(text, "to the host", "and the host gets it");

    /* More than the pipe holds: the request waits in the ring. */
    put_desc(tx.desc, 0, 0x10000, 0x80000, 0, 0);
    offer(&tx, 0);
    notify(&tx);
    is_int(reap(&tx), -1, "a request that the host does not take yet");
    for (unsigned i = 0; i < 20000 && peek(tx.used + 2, 2) == 1; i++) {
        char drop[4096];

        if (read(out, drop, sizeof(drop)) < 0 && errno != EAGAIN) {
            break;
        }
        main_loop_step(false);
    }
    is_int(reap(&tx), 0, "is done when it did");
    close(out);
    close(in);
}

static void check_serial(void)
{
    struct chardev *chr = open_pipe();
    struct error *err = NULL;
    struct device *console, *port, *third;

    plug(device_create("virtio-serial-pci", NULL));
    console = bench_device("virtconsole", NULL);
    port = device_create("virtserialport", NULL);
    device_set(port, "name", "port name", NULL);
    device_set_pointer(port, "chardev", chr);
    ok(device_realize(port, &err), "a port");
    device_reset(port);
    third = device_create("virtserialport", NULL);
    device_set_uint(third, "nr", 1);
    ok(!device_realize(third, &err), "not twice with one number");
    error_free(err);
    device_destroy(third);
    check_messages();
    check_data();
    check_state();
    map_device();
    device_destroy(console);
    is_int(heard(5, 0), REMOVE << 16 | 1, "the driver hears that the console went");
    fuzz(4, 200, 8, NULL);
    unplug();
    chardev_close(chr);
    remove_pipe();
}

/* --- balloon --------------------------------------------------------------------------------- */

static void check_balloon(void)
{
    struct error *err = NULL;
    struct ring inflate;
    uint64_t bytes;

    ok(!balloon_set(1 << 20, &err), "no balloon, no size");
    error_free(err);
    err = NULL;
    plug(device_create("virtio-balloon-pci", NULL));
    ok(balloon_get(&bytes, &err), "there is one");
    negotiate(F1);
    inflate = make_ring(0, 16, 0x1000, 0xffff);
    set(0x14, 15, 1);
    poke(0x20000, 0x12345678, 4);
    poke(0x21000, 0x12345678, 4);
    poke(0x9000, 0x20, 4);
    poke(0x9004, 0xc0000, 4);
    poke(0x9008, REGISTERS >> 12, 4);
    poke(0x900c, 0xffffffff, 4);
    put_desc(inflate.desc, 0, 0x9000, 18, 0, 0);
    offer(&inflate, 0);
    notify(&inflate);
    is_int(reap(&inflate), 0, "pages are taken, impossible ones ignored");
    is_int(peek(0x20000, 4), 0, "the page is given back");
    is_int(peek(0x21000, 4), 0x12345678, "its neighbour is not");
    set(0x2004, 1, 4);
    is_int(get(0x2004, 4), 1, "the driver tells how many");
    check_state();
    map_device();
    is_int(get(0x2004, 4), 1, "which is saved");
    fuzz(2, 200, 0x100, NULL);
    unplug();
}

int main(void)
{
    machine_start();
    check_serial();
    check_balloon();
    return tap_done();
}
