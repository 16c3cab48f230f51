/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared folders (transport of 9P, "virtio-9p-pci"): requests are served one after the other. */
#include "hw/virtio/9p.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/virtio/virtio-pci.h"

enum { F_MOUNT_TAG = 0, QUEUE_SIZE = 128, TAG_MAX = 32 };

struct virtio_9p_state { struct virtio_pci_state transport; };
FIELDS(virtio_9p_state) = {
    NESTED(virtio_9p_state, transport, virtio_pci_state), FIELDS_END
};

struct virtio_9p {
    struct virtio_pci t;
    char *share, *tag;               /* properties fsdev, mount_tag */
    struct p9_server server;
    struct virtq_chain chain;
    uint8_t request[P9_MESSAGE_MAX], answer[P9_MESSAGE_MAX];
    struct virtio_9p_state s;
};

static struct virtio_9p *of(struct virtio *v)
{
    return container_of(v, struct virtio_9p, t.v);
}

static enum virtq_result serve(struct virtq *q)
{
    struct virtio_9p *d = of(q->v);
    struct virtq_chain *c = &d->chain;
    struct p9_message m = { .in = d->request, .out = d->answer };

    if (!virtq_pop(q, c)) {
        return VIRTQ_EMPTY;
    }
    m.in_size = iov_get(c->iov, c->out_count, 0, d->request, sizeof(d->request));
    m.out_max = (size_t)MIN_OF(c->in_size, (uint64_t)sizeof(d->answer));
    p9_answer(&d->server, &m);
    if (!m.out_size) {
        virtio_break(&d->t.v, "a message that cannot be answered");
        return VIRTQ_EMPTY;
    }
    virtq_push(q, c, iov_put(c->in, c->in_count, 0, d->answer, m.out_size));
    return VIRTQ_DONE;
}

static void get_config(struct virtio *v, uint8_t *config)
{
    const struct virtio_9p *d = of(v);

    st16_le(config, (uint16_t)strlen(d->tag));
    memcpy(config + 2, d->tag, strlen(d->tag));
}

static void driver_reset(struct virtio *v)
{
    p9_reset(&of(v)->server);
}

static bool p9_device_init(struct device *dev, struct error **err)
{
    static const struct virtio_kind kind = {
        .name = "virtio-9p", .id = 9, .get_config = get_config, .reset = driver_reset,
    };
    static const struct virtio_pci_id id = { 0x1009, 0x000200 };
    struct virtio_9p *d = (struct virtio_9p *)dev;
    struct share *share = d->share ? share_find(d->share) : NULL;
    struct virtio *v = &d->t.v;

    if (!share || !d->tag || !*d->tag || strlen(d->tag) > TAG_MAX) {
        error_set(err, share ? "virtio-9p: mount_tag must have 1 to 32 characters"
                  : "virtio-9p: fsdev '%s' is none of -fsdev", d->share ? d->share : "");
        return false;
    }
    if (!share_open(share, err)) {
        return false;
    }
    v->kind = &kind;
    v->s = &d->s.transport.core;
    v->config_size = (unsigned)(2 + strlen(d->tag));
    v->features = VIRTIO_BIT(F_MOUNT_TAG);
    virtio_add_queue(v, QUEUE_SIZE, serve);
    if (!virtio_pci_init(&d->t, &id, &d->s.transport, err)) {
        share_close(share);
        return false;
    }
    p9_init(&d->server, share);
    return true;
}

static void p9_device_exit(struct device *dev)
{
    struct virtio_9p *d = (struct virtio_9p *)dev;
    struct share *share = d->server.share;

    p9_fini(&d->server);
    share_close(share);
    virtio_pci_exit(&d->t);
}

/* Open files are on this host only. */
static bool p9_can_save(struct device *dev, struct error **err)
{
    const struct virtio_9p *d = (struct virtio_9p *)dev;

    if (p9_in_use(&d->server)) {
        error_set(err, "the guest uses the shared folder '%s'; unmount it first", d->tag);
        return false;
    }
    return true;
}

static const struct property p9_properties[] = {
    VIRTIO_PCI_PROPERTIES(virtio_9p, t), PROP_STRING("fsdev", virtio_9p, share, NULL),
    PROP_STRING("mount_tag", virtio_9p, tag, NULL), PROPERTIES_END
};

DEVICE(virtio_9p) = {
    .name = "virtio-9p-pci", .alias = "virtio-9p", .desc = "Virtio shared folder", .bus = "pci",
    .size = sizeof(struct virtio_9p), .properties = p9_properties, .init = p9_device_init,
    .exit = p9_device_exit, .reset = virtio_pci_reset, .reset_lines = virtio_pci_reset_lines,
    .can_save = p9_can_save, .loaded = virtio_pci_loaded,
    .state = STATE(virtio_9p, s, virtio_9p_state, 1),
};
