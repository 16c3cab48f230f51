/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back-ends that live in memory: null, and ringbuf, which keeps the last bytes written. */
#include "base/bits.h"
#include "char/memory.h"

static bool open_null(struct chardev *chr, struct keyval *kv, struct error **err)
{
    chr->connected = true;
    return true;
}

static size_t write_null(struct chardev *chr, const uint8_t *data, size_t size)
{
    return size;
}

const struct chardev_backend chardev_null = {
    .name = "null", .size = sizeof(struct chardev), .open = open_null, .write = write_null,
};

struct ringbuf {
    struct chardev chr;
    uint8_t *data;
    uint64_t size;                  /* a power of two */
    uint64_t head, tail;            /* bytes ever written and read */
};

static bool open_ringbuf(struct chardev *chr, struct keyval *kv, struct error **err)
{
    struct ringbuf *ring = (struct ringbuf *)chr;

    ring->size = 65536;
    if (!keyval_size(kv, "size", &ring->size, err)) {
        return false;
    }
    if (!bits_is_power_of_two(ring->size) || ring->size > 1 << 30) {
        error_set(err, "%s: the size of a ringbuf is a power of two of at most 1G",
                  keyval_option(kv));
        return false;
    }
    ring->data = g_malloc0(ring->size);
    chr->connected = true;
    return true;
}

static void close_ringbuf(struct chardev *chr)
{
    g_free(((struct ringbuf *)chr)->data);
}

static size_t write_ringbuf(struct chardev *chr, const uint8_t *data, size_t size)
{
    struct ringbuf *ring = (struct ringbuf *)chr;

    for (size_t i = 0; i < size; i++) {
        ring->data[ring->head++ & (ring->size - 1)] = data[i];
    }
    if (ring->head - ring->tail > ring->size) {
        ring->tail = ring->head - ring->size;
    }
    return size;
}

bool chardev_is_ringbuf(const struct chardev *chr)
{
    return chr->backend == &chardev_ringbuf;
}

size_t chardev_ringbuf_read(struct chardev *chr, uint8_t *data, size_t size)
{
    struct ringbuf *ring = (struct ringbuf *)chr;
    size_t n = MIN_OF(size, ring->head - ring->tail);

    for (size_t i = 0; i < n; i++) {
        data[i] = ring->data[ring->tail++ & (ring->size - 1)];
    }
    return n;
}

const struct chardev_backend chardev_ringbuf = {
    .name = "ringbuf", .size = sizeof(struct ringbuf), .open = open_ringbuf,
    .close = close_ringbuf, .write = write_ringbuf,
};
