/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports, queues, hubs, the command line, and pcap files. */
#include <glib.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/main-loop.h"
#include "net/port.h"
#include "tests/tap.h"

struct sink {
    bool open;
    unsigned frames;
    size_t last;
    struct net_port *answers;        /* sends from inside receive() */
};

static bool can_receive(void *opaque, size_t size)
{
    return ((struct sink *)opaque)->open;
}

static void receive(void *opaque, const uint8_t *frame, size_t size)
{
    struct sink *sink = opaque;

    sink->frames++;
    sink->last = size;
    if (sink->answers) {
        net_send(sink->answers, frame, size - 1);
    }
}

static const struct net_handlers handlers = { .can_receive = can_receive, .receive = receive };
static uint8_t frame[100];

static void check_announcement(void)
{
    struct sink card = { true }, wire = { true };
    struct net_nic nic = { .mac = { 2, 3, 4, 5, 6, 7 } };
    struct net_port *pw = net_port_create("test", "wire", &handlers, &wire, NULL);

    nic.peer = pw;
    ok(net_nic_open(&nic, "model", "card", &handlers, &card, NULL), "a card");
    net_announce();
    is_int(wire.frames, 1, "it announces itself");
    is_int(wire.last, 60, "in a short frame");
    net_nic_close(&nic);
    net_port_destroy(pw);
}

static void check_queues(void)
{
    struct sink a = { true }, b = { false };
    struct net_port *pa = net_port_create("test", "a", &handlers, &a, NULL);
    struct net_port *pb = net_port_create("test", "b", &handlers, &b, NULL);

    ok(!net_port_create("test", "a", &handlers, &a, NULL), "a name is taken once");
    ok(net_connect(pa, pb, NULL), "connect");
    ok(!net_connect(pa, pb, NULL), "but once");
    for (int i = 0; i < NET_WAITING_MAX + 10; i++) {
        net_send(pa, frame, 60);
    }
    is_int(b.frames, 0, "frames wait");
    ok(!net_can_send(pa), "the queue is full");
    b.open = true;
    net_flush(pb);
    is_int(b.frames, NET_WAITING_MAX, "and come later");
    a.answers = pa;
    b.answers = pb;
    net_send(pa, frame, 20);
    is_int(a.frames + b.frames - NET_WAITING_MAX, 20, "frames from inside receive() are in turn");
    a.answers = b.answers = NULL;
    ok(net_set_link("b", false, NULL) && !net_link(pa), "the cable is out");
    b.frames = 0;
    net_send(pa, frame, 60);
    is_int(b.frames, 0, "nothing passes");
    net_set_link("b", true, NULL);
    net_send(pa, frame, NET_FRAME_MAX + 1);
    is_int(b.frames, 0, "neither do monsters");
    net_port_destroy(pb);
    ok(!net_link(pa), "a lost peer is no link");
    net_send(pa, frame, 60);
    net_port_destroy(pa);
}

static void check_hub(void)
{
    struct sink sinks[3] = { { true }, { true }, { true } };
    struct net_port *ports[3];

    for (int i = 0; i < 3; i++) {
        ports[i] = net_port_create("test", NULL, &handlers, &sinks[i], NULL);
        net_connect(ports[i], net_hub_port(7, NULL, NULL), NULL);
    }
    net_send(ports[1], frame, 60);
    is_int(sinks[0].frames, 1, "a hub repeats");
    is_int(sinks[1].frames, 0, "but not to the sender");
    is_int(sinks[2].frames, 1, "to all others");
    net_close_all();
}

static void refuses(const char *text, const char *option, const char *value)
{
    struct error *err = NULL;
    bool good = net_add_option(option, value, &err) && net_open_all(false, &err);

    ok(!good && err && strstr(error_text(err), text), "-%s %s: %s", option, value, text);
    if (err) {
        printf("# %s\n", error_text(err));
    }
    error_free(err);
    net_close_all();
    net_forget_options();
}

static void check_options(void)
{
    refuses("'id' is missing", "netdev", "hubport,hubid=0");
    refuses("does not accept value 'x'", "netdev", "x,id=a");
    refuses("not available yet", "netdev", "vde,id=a");
    refuses("'hubid' is missing", "netdev", "hubport,id=a");
    refuses("exactly one of", "netdev", "socket,id=a");
    refuses("host:port", "netdev", "socket,id=a,listen=here");
    refuses("invalid syntax for ethernet", "net", "nic,macaddr=1:2");
    refuses("netdev 'n' not found", "net", "nic,netdev=n");
#ifdef CONFIG_SLIRP
    refuses("bad host port", "netdev", "user,id=a,hostfwd=tcp::x-:22");
    refuses("protocol", "netdev", "user,id=a,hostfwd=icmp::1-:22");
    refuses("not an address/mask", "netdev", "user,id=a,net=10.0.0.0/31");
    refuses("not in the network", "netdev", "user,id=a,dns=1.2.3.4");
    refuses("not a folder", "netdev", "user,id=a,tftp=/nonexistent");
    refuses("smb= is not available", "netdev", "user,id=a,smb=/tmp");
#endif
}

static void check_dump(void)
{
    char *file = NULL, *data = NULL;
    size_t size = 0;
    int fd = g_file_open_tmp("netXXXXXX", &file, NULL);
    struct net_dump *dump = net_dump_create(file, 50, NULL);

    close(fd);
    net_dump_frame(dump, frame, 60);
    net_dump_free(dump);
    g_file_get_contents(file, &data, &size, NULL);
    is_int(size, 24 + 16 + 50, "a pcap file of one frame, cut off");
    unlink(file);
    g_free(file);
    g_free(data);
}

int main(void)
{
    main_loop_init();
    check_queues();
    check_announcement();
    check_hub();
    check_options();
    check_dump();
    return tap_done();
}
