/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames into a pcap file: -net dump on a hub, -object filter-dump on any port. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "net/port.h"

struct net_dump {
    FILE *file;
    size_t snap;
};

struct net_dump *net_dump_create(const char *file, size_t snap, struct error **err)
{
    const struct { uint32_t magic; uint16_t major, minor; uint32_t zone, figures, snap, link; }
    header = { 0xa1b2c3d4, 2, 4, 0, 0, (uint32_t)snap, 1 };
    FILE *f = fopen(file, "wbe");
    struct net_dump *dump;

    if (!f) {
        error_set_errno(err, errno, "cannot create '%s'", file);
        return NULL;
    }
    fwrite(&header, sizeof(header), 1, f);
    fflush(f);
    dump = g_new(struct net_dump, 1);
    *dump = (struct net_dump){ f, snap };
    return dump;
}

void net_dump_frame(struct net_dump *dump, const uint8_t *frame, size_t size)
{
    int64_t now = clock_ns(CLOCK_WALL);
    size_t kept = MIN_OF(size, dump->snap);
    const uint32_t header[4] = { (uint32_t)(now / NS_PER_SECOND),
                                 (uint32_t)(now % NS_PER_SECOND / 1000),
                                 (uint32_t)kept, (uint32_t)size };

    fwrite(header, sizeof(header), 1, dump->file);
    fwrite(frame, kept, 1, dump->file);
    fflush(dump->file);
}

void net_dump_free(struct net_dump *dump)
{
    fclose(dump->file);
    g_free(dump);
}

/* --- as a member of a hub -------------------------------------------------------------------- */

static void receive(void *opaque, const uint8_t *frame, size_t size)
{
    net_dump_frame(opaque, frame, size);
}

static void close_dump(void *opaque)
{
    net_dump_free(opaque);
}

struct net_port *net_dump_open(const char *id, struct keyval *kv, struct error **err)
{
    static const struct net_handlers handlers = { .receive = receive, .close = close_dump };
    const char *file = keyval_string(kv, "file", "qemu-vlan.pcap");
    uint64_t snap = 65536;
    struct net_dump *dump;
    struct net_port *port;

    if (!keyval_size(kv, "len", &snap, err)) {
        return NULL;
    }
    dump = net_dump_create(file, MIN_OF(snap, NET_FRAME_MAX), err);
    if (!dump) {
        return NULL;
    }
    port = net_port_create("dump", id, &handlers, dump, err);
    if (!port) {
        net_dump_free(dump);
        return NULL;
    }
    net_port_describe(port, "file=%s", file);
    return port;
}
