/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory balloon (Virtio 1.1, 5.5): pages that the guest can spare go back to the host. */
#include "hw/virtio/balloon.h"

#include "base/bits.h"
#include "base/event.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/trace.h"
#include "hw/core/machine.h"
#include "hw/virtio/virtio-pci.h"

enum { INFLATE, DEFLATE, QUEUE_SIZE = 128, PAGE_BITS = 12, PAGES_MAX = 65536 };
enum { F_DEFLATE_ON_OOM = 2, CONFIG_PAGES = 0, CONFIG_ACTUAL = 4, CONFIG_SIZE = 8 };

struct virtio_balloon_state {
    struct virtio_pci_state transport;
    uint32_t pages, actual;          /* wanted of the guest, and what it gave */
};
FIELDS(virtio_balloon_state) = {
    NESTED(virtio_balloon_state, transport, virtio_pci_state), FIELD(virtio_balloon_state, pages),
    FIELD(virtio_balloon_state, actual), FIELDS_END
};

struct virtio_balloon {
    struct virtio_pci t;
    bool deflate_on_oom;             /* property */
    struct virtq_chain chain;
    struct virtio_balloon_state s;
};

static struct virtio_balloon *the_balloon;

static struct virtio_balloon *of(struct virtio *v)
{
    return container_of(v, struct virtio_balloon, t.v);
}

/* --- pages ----------------------------------------------------------------------------------- */

static void give_back(struct virtio_balloon *b, uint32_t number)
{
    uint64_t address = (uint64_t)number << PAGE_BITS;
    struct ram_span span;

    if (!memory_lookup_ram(b->t.v.dma, address, &span) || !span.writable ||
        span.region->kind != MEMORY_RAM || span.last - address < HOST_PAGE_SIZE - 1 ||
        !is_aligned((uintptr_t)span.host, HOST_PAGE_SIZE)) {
        log_guest_error("virtio-balloon: 0x%llx is no page of RAM", (unsigned long long)address);
        return;
    }
    host_memory_discard(span.host, HOST_PAGE_SIZE);
    memory_note_store(span.ram_addr, HOST_PAGE_SIZE);
}

static enum virtq_result serve(struct virtq *q)
{
    struct virtio_balloon *b = of(q->v);
    bool inflate = q == &b->t.v.queues[INFLATE];
    struct virtq_chain *c = &b->chain;
    uint8_t number[4];

    if (!virtq_pop(q, c)) {
        return VIRTQ_EMPTY;
    }
    trace(virtio_balloon, "%s of %llu pages", inflate ? "inflate" : "deflate",
          (unsigned long long)c->out_size / 4);
    /* A page that comes back needs nothing: the host gives it when it is touched. */
    for (uint64_t at = 0; inflate && at < 4ull * PAGES_MAX; at += 4) {
        if (iov_get(c->iov, c->out_count, at, number, 4) != 4) {
            break;
        }
        give_back(b, ld32_le(number));
    }
    virtq_push(q, c, 0);
    return VIRTQ_DONE;
}

/* --- sizes ----------------------------------------------------------------------------------- */

static uint64_t ram_size(void)
{
    const struct machine_config *config = machine_config();

    return config ? config->ram_size : 0;
}

static uint64_t guest_size(const struct virtio_balloon *b)
{
    uint64_t taken = (uint64_t)b->s.actual << PAGE_BITS;

    return taken < ram_size() ? ram_size() - taken : 0;
}

bool balloon_set(uint64_t bytes, struct error **err)
{
    if (!the_balloon) {
        error_set(err, "No balloon device has been activated");
        return false;
    }
    bytes = MIN_OF(bytes, ram_size());
    the_balloon->s.pages = (uint32_t)((ram_size() - bytes) >> PAGE_BITS);
    virtio_config_changed(&the_balloon->t.v);
    return true;
}

bool balloon_get(uint64_t *bytes, struct error **err)
{
    if (!the_balloon) {
        error_set(err, "No balloon device has been activated");
        return false;
    }
    *bytes = guest_size(the_balloon);
    return true;
}

static void get_config(struct virtio *v, uint8_t *config)
{
    const struct virtio_balloon *b = of(v);

    st32_le(config + CONFIG_PAGES, b->s.pages);
    st32_le(config + CONFIG_ACTUAL, b->s.actual);
}

static void set_config(struct virtio *v, unsigned offset, const uint8_t *data, unsigned size)
{
    struct virtio_balloon *b = of(v);
    uint32_t old = b->s.actual;
    uint8_t bytes[CONFIG_SIZE];
    struct json *event;

    get_config(v, bytes);
    memcpy(bytes + offset, data, size);
    b->s.actual = ld32_le(bytes + CONFIG_ACTUAL);
    if (b->s.actual != old) {
        event = json_object();
        json_set_int(event, "actual", (int64_t)guest_size(b));
        event_emit("BALLOON_CHANGE", event);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static bool balloon_init(struct device *dev, struct error **err)
{
    static const struct virtio_kind kind = {
        .name = "virtio-balloon", .id = 5, .get_config = get_config, .set_config = set_config,
    };
    static const struct virtio_pci_id id = { 0x1002, 0x00ff00 };
    struct virtio_balloon *b = (struct virtio_balloon *)dev;
    struct virtio *v = &b->t.v;

    if (the_balloon) {
        error_set(err, "virtio-balloon: a machine has only one");
        return false;
    }
    v->kind = &kind;
    v->s = &b->s.transport.core;
    v->config_size = CONFIG_SIZE;
    v->features = b->deflate_on_oom ? VIRTIO_BIT(F_DEFLATE_ON_OOM) : 0;
    virtio_add_queue(v, QUEUE_SIZE, serve);
    virtio_add_queue(v, QUEUE_SIZE, serve);
    if (!virtio_pci_init(&b->t, &id, &b->s.transport, err)) {
        return false;
    }
    the_balloon = b;
    return true;
}

static void balloon_exit(struct device *dev)
{
    the_balloon = NULL;
    virtio_pci_exit(&((struct virtio_balloon *)dev)->t);
}

/* What is wanted stays over a reset: the guest learns of it when its driver starts. */
static void balloon_reset(struct device *dev)
{
    ((struct virtio_balloon *)dev)->s.actual = 0;
    virtio_pci_reset(dev);
}

static const struct property balloon_properties[] = {
    VIRTIO_PCI_PROPERTIES(virtio_balloon, t),
    PROP_BOOL("deflate-on-oom", virtio_balloon, deflate_on_oom, false), PROPERTIES_END
};

DEVICE(virtio_balloon) = {
    .name = "virtio-balloon-pci", .alias = "virtio-balloon", .desc = "Virtio memory balloon",
    .bus = "pci", .size = sizeof(struct virtio_balloon), .properties = balloon_properties,
    .init = balloon_init, .exit = balloon_exit, .reset = balloon_reset,
    .reset_lines = virtio_pci_reset_lines, .loaded = virtio_pci_loaded,
    .state = STATE(virtio_balloon, s, virtio_balloon_state, 1),
};
