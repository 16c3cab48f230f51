/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtio devices: status, features, configuration space, resets, saved state. */
#include "hw/virtio/virtio.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/core/machine.h"

static void serve_later(void *opaque)
{
    struct virtio *v = opaque;

    for (unsigned n = 0; n < v->n_queues; n++) {
        if (v->queues[n].again) {
            v->queues[n].again = false;
            virtq_kick(&v->queues[n]);
        }
    }
}

/* While the machine is saved, frames and the like must not change its memory any more. */
static void run_changed(void *opaque, bool running)
{
    struct virtio *v = opaque;

    v->stopped = !running;
    for (unsigned n = 0; running && n < v->n_queues; n++) {
        virtq_kick(&v->queues[n]);
    }
}

/* --- making ---------------------------------------------------------------------------------- */

struct virtq *virtio_add_queue(struct virtio *v, unsigned size,
                               enum virtq_result (*serve)(struct virtq *q))
{
    struct virtq *q = &v->queues[v->n_queues];

    *q = (struct virtq){ .v = v, .s = &v->s->queues[v->n_queues], .max_size = (uint16_t)size,
                         .serve = serve };
    v->n_queues++;
    return q;
}

void virtio_init(struct virtio *v, const struct virtio_transport *transport,
                 struct address_space *dma)
{
    v->transport = transport;
    v->dma = dma;
    timer_init(&v->later, CLOCK_VM, serve_later, v);
    machine_on_run_change(run_changed, v);
    virtq_watch_maps();
}

void virtio_fini(struct virtio *v)
{
    timer_cancel(&v->later);
    machine_forget_run_change(run_changed, v);
}

void virtio_reset(struct virtio *v)
{
    uint8_t generation = v->s->generation;

    if (v->kind->reset) {
        v->kind->reset(v);
    }
    timer_cancel(&v->later);
    memset(v->s, 0, sizeof(*v->s));
    v->s->generation = generation;
    v->s->config_vector = VIRTIO_NO_VECTOR;
    for (unsigned n = 0; n < v->n_queues; n++) {
        struct virtq *q = &v->queues[n];

        q->desc = NULL;
        q->pushed = q->again = false;
        q->s->size = q->max_size;
        q->s->vector = VIRTIO_NO_VECTOR;
    }
    v->transport->isr_cleared(v);
}

/* Only split rings need powers of two. */
static bool virtq_good_size(const struct virtq *q, unsigned size)
{
    return size && size <= q->max_size &&
           (virtio_has(q->v, VIRTIO_F_RING_PACKED) || bits_is_power_of_two(size));
}

bool virtio_loaded(struct virtio *v, struct error **err)
{
    for (unsigned n = 0; n < v->n_queues; n++) {
        struct virtq *q = &v->queues[n];

        if (!virtq_good_size(q, q->s->size) || (virtio_has(v, VIRTIO_F_RING_PACKED) &&
             ((q->s->last_avail | q->s->used_index | q->s->signalled) & 0x7fff) >= q->s->size)) {
            error_set(err, "%s: queue %u of %u entries", v->kind->name, n, q->s->size);
            return false;
        }
        q->desc = NULL;
        q->pushed = false;
        q->again = true;             /* whatever waited goes on */
    }
    if (v->s->driver_features & ~v->features) {
        error_set(err, "%s: the driver uses features 0x%llx that are not offered here",
                  v->kind->name, (unsigned long long)(v->s->driver_features & ~v->features));
        return false;
    }
    timer_set(&v->later, clock_ns(CLOCK_VM));
    return true;
}

/* --- the driver's side ----------------------------------------------------------------------- */

static bool features_good(const struct virtio *v)
{
    return !(v->s->driver_features & ~v->features) && virtio_has(v, VIRTIO_F_VERSION_1);
}

void virtio_set_status(struct virtio *v, uint8_t status)
{
    uint8_t old = v->s->status;

    trace(virtio_status, "%s 0x%02x", v->kind->name, status);
    if (!status) {
        virtio_reset(v);
        return;
    }
    if (status & ~old & VIRTIO_FEATURES_OK && !features_good(v)) {
        log_guest_error("%s: features 0x%llx are not accepted", v->kind->name,
                        (unsigned long long)v->s->driver_features);
        status &= (uint8_t)~VIRTIO_FEATURES_OK;
    }
    v->s->status = (uint8_t)bits_merge(status, old, VIRTIO_NEEDS_RESET);
    if (v->kind->changed) {
        v->kind->changed(v, old);
    }
}

uint8_t virtio_take_isr(struct virtio *v)
{
    uint8_t isr = v->s->isr;

    v->s->isr = 0;
    v->transport->isr_cleared(v);
    return isr;
}

uint64_t virtio_config_read(struct virtio *v, uint64_t offset, unsigned size)
{
    uint8_t config[VIRTIO_CONFIG_MAX + 8] = { 0 };

    if (offset >= v->config_size || !v->kind->get_config) {
        return 0;
    }
    v->kind->get_config(v, config);
    memset(config + v->config_size, 0, sizeof(config) - v->config_size);
    return ld_le(config + offset, size);
}

void virtio_config_write(struct virtio *v, uint64_t offset, uint64_t value, unsigned size)
{
    uint8_t data[8];

    st_le(data, size, value);
    if (offset < v->config_size && v->kind->set_config) {
        v->kind->set_config(v, (unsigned)offset, data,
                            (unsigned)MIN_OF(size, v->config_size - offset));
    }
}

void virtio_notify(struct virtio *v, unsigned queue)
{
    if (queue >= v->n_queues) {
        log_guest_error("%s: there is no queue %u", v->kind->name, queue);
        return;
    }
    virtq_kick(&v->queues[queue]);
}

struct virtq *virtio_selected(struct virtio *v)
{
    return v->s->queue_select < v->n_queues ? &v->queues[v->s->queue_select] : NULL;
}

void virtq_set_page(struct virtq *q, uint64_t address)
{
    struct virtq_state *s = q->s;

    s->desc = address;
    s->avail = address + 16ull * s->size;
    s->used = align_up(s->avail + 2ull * s->size + 6, 4096);
    s->enabled = address != 0;
    q->desc = NULL;
    if (!address) {
        s->last_avail = s->used_index = 0;
        s->signalled_valid = false;
    }
}

void virtq_set_size(struct virtq *q, unsigned size)
{
    if (q->s->enabled || !virtq_good_size(q, size)) {
        log_guest_error("%s: a queue of %u entries", q->v->kind->name, size);
        return;
    }
    q->s->size = (uint16_t)size;
}

/* --- the device's side ----------------------------------------------------------------------- */

void virtio_config_changed(struct virtio *v)
{
    v->s->generation++;
    if (v->s->status & VIRTIO_DRIVER_OK) {
        v->s->isr |= VIRTIO_ISR_CONFIG;
        v->transport->interrupt(v, v->s->config_vector);
    }
}

void virtio_break(struct virtio *v, const char *fmt, ...)
{
    char text[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    log_guest_error("%s: %s; it stops until it is reset", v->kind->name, text);
    v->s->broken = true;
    if (virtio_has(v, VIRTIO_F_VERSION_1)) {
        v->s->status |= VIRTIO_NEEDS_RESET;
        virtio_config_changed(v);
    }
}
