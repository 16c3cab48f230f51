/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that change one qcow2 image at the same time, on a slow file. In the front half of the
 * disk each owns every fourth sector, so that all of them write into the same clusters; behind it
 * each owns runs of clusters, which it also zeroes, discards and packs; the last ones are
 * anybody's. Another makes and deletes snapshots. Each checks what it reads; then the image has to
 * be clean, and what a crash at any time leaves has to hold every sector that was flushed.
 * IMAGE_OVERLAP_OPS sets the operations of each thread.
 */
#include <glib.h>
#include <pthread.h>
#include <unistd.h>

#include "base/bits.h"
#include "tests/image/memory.h"
#include "tests/tap.h"

#define DISK (4u << 20)
#define SECTORS (DISK / 512)
#define SHARED (SECTORS / 2)        /* sectors with owners by turns */
#define RUN 128                     /* sectors behind them that have one owner */
#define COMMON (SECTORS - 512)      /* from here on all write and discard as they like */
#define THREADS 4

/* What a thread's flush promised once the log was that long. */
struct promise {
    unsigned position;
    uint32_t versions[SHARED / THREADS];
};

struct world {
    struct memory_file *file;
    struct block_node *node;
    pthread_mutex_t lock;           /* of the file and of `fault' */
    uint32_t versions[SECTORS];     /* each by its owner */
    unsigned cluster, ops;
    bool done;
    const char *fault;
    unsigned fault_sector;
    GArray *promises[THREADS];      /* struct promise */
};

struct worker {
    struct world *w;
    unsigned number, seed;
};

static struct world *slow_world;    /* of slow_driver */

static void nap(void)
{
    static __thread unsigned seed;

    seed = seed ? seed : (uintptr_t)&seed;
    if (rand_r(&seed) % 4 == 0) {
        g_usleep(rand_r(&seed) % (rand_r(&seed) % 32 ? 100 : 4000));
    }
}

static int slow_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                      unsigned count)
{
    int rc;

    nap();
    pthread_mutex_lock(&slow_world->lock);
    rc = memory_readv(node, offset, iov, count);
    pthread_mutex_unlock(&slow_world->lock);
    return rc;
}

static int slow_writev(struct block_node *node, uint64_t offset, const struct iovec *iov,
                       unsigned count)
{
    int rc;

    nap();
    pthread_mutex_lock(&slow_world->lock);
    rc = memory_writev(node, offset, iov, count);
    pthread_mutex_unlock(&slow_world->lock);
    nap();
    return rc;
}

static int slow_flush(struct block_node *node)
{
    pthread_mutex_lock(&slow_world->lock);
    memory_flush(node);
    pthread_mutex_unlock(&slow_world->lock);
    return 0;
}

/* Space that the image gave back: whoever still reads there sees it. */
static int slow_discard(struct block_node *node, uint64_t offset, uint64_t size)
{
    uint8_t *junk = g_malloc(size);
    struct iovec iov = { junk, size };
    int rc;

    memset(junk, 0xdb, size);
    rc = slow_writev(node, offset, &iov, 1);
    g_free(junk);
    return rc;
}

static struct block_node *open_slow(struct world *w)
{
    static struct block_driver slow_driver;
    struct memory_node *m = g_new0(struct memory_node, 1);

    slow_driver = memory_driver;
    slow_driver.readv = slow_readv;
    slow_driver.writev = slow_writev;
    slow_driver.flush = slow_flush;
    slow_driver.discard = slow_discard;
    slow_world = w;
    m->node.driver = &slow_driver;
    m->node.file = g_strdup("memory");
    m->node.flags = NODE_UNMAP;
    m->file = w->file;
    return block_node_open_on(&m->node, "qcow2", NULL, NODE_UNMAP, NULL);
}

/* --- sectors and versions -------------------------------------------------------------------- */

static void fail(struct world *w, const char *why, unsigned sector)
{
    pthread_mutex_lock(&w->lock);
    if (!w->fault) {
        w->fault = why;
        w->fault_sector = sector;
    }
    pthread_mutex_unlock(&w->lock);
}

/* A sector's bytes tell whose they are. Version 0 is zeroes. */
static void stamp(uint8_t *data, unsigned sector, uint32_t version)
{
    for (unsigned i = 0; i < 512; i += 8) {
        st32_le(data + i, version ? sector : 0);
        st32_le(data + i + 4, version);
    }
}

static bool read_stamp(const uint8_t *data, unsigned sector, uint32_t *version)
{
    uint8_t want[512];

    *version = ld32_le(data + 4);
    stamp(want, sector, *version);
    return memcmp(data, want, 512) == 0;
}

static void write_sectors(struct world *w, unsigned first, unsigned count)
{
    uint8_t *data = g_malloc(count * 512);

    for (unsigned i = 0; i < count; i++) {
        stamp(data + i * 512, first + i, ++w->versions[first + i]);
    }
    if (block_node_pwrite(w->node, first * 512ull, data, count * 512)) {
        fail(w, "a write failed", first);
    }
    g_free(data);
}

static void check_sectors(struct world *w, unsigned first, unsigned count)
{
    uint8_t *data = g_malloc(count * 512);
    uint32_t version;

    if (block_node_pread(w->node, first * 512ull, data, count * 512)) {
        fail(w, "a read failed", first);
    }
    for (unsigned i = 0; i < count; i++) {
        if (!read_stamp(data + i * 512, first + i, &version) ||
            (version != w->versions[first + i] && first < COMMON)) {
            fail(w, "a sector has other bytes than its owner wrote", first + i);
        }
    }
    g_free(data);
}

/* --- threads --------------------------------------------------------------------------------- */

static void flush(struct worker *me)
{
    struct world *w = me->w;
    struct promise p;

    for (unsigned i = 0; i < SHARED / THREADS; i++) {
        p.versions[i] = w->versions[i * THREADS + me->number];
    }
    if (block_node_flush(w->node)) {
        fail(w, "a flush failed", 0);
    }
    pthread_mutex_lock(&w->lock);
    p.position = w->file->log->len;
    pthread_mutex_unlock(&w->lock);
    g_array_append_val(w->promises[me->number], p);
}

static void pack(struct world *w, unsigned first)
{
    unsigned count = w->cluster / 512;
    uint8_t *data = g_malloc(w->cluster), *packed = g_malloc(w->cluster);
    size_t n;

    for (unsigned i = 0; i < count; i++) {
        stamp(data + i * 512, first + i, ++w->versions[first + i]);
    }
    n = w->node->driver->compress(w->node, data, w->cluster, packed);
    if (n ? w->node->driver->write_packed(w->node, first * 512ull, packed, n)
        : block_node_pwrite(w->node, first * 512ull, data, w->cluster)) {
        fail(w, "packing failed", first);
    }
    g_free(data);
    g_free(packed);
}

/* Somewhere in a run of its own; clusters are dropped whole. */
static void change_run(struct worker *me)
{
    struct world *w = me->w;
    unsigned unit = MIN_OF(w->cluster / 512, RUN), runs = (COMMON - SHARED) / RUN / THREADS;
    unsigned start = SHARED + (rand_r(&me->seed) % runs * THREADS + me->number) * RUN;
    unsigned first = start + rand_r(&me->seed) % RUN;
    unsigned count = 1 + rand_r(&me->seed) % (start + RUN - first);
    int rc = 0;

    switch (rand_r(&me->seed) % 6) {
    case 0:
        first = align_down(first, unit);
        count = align_up(count, unit);
        rc = block_node_discard(w->node, first * 512ull, count * 512ull);
        memset(&w->versions[first], 0, count * sizeof(w->versions[0]));
        break;
    case 1:
        rc = block_node_write_zeroes(w->node, first * 512ull, count * 512ull,
                                     rand_r(&me->seed) % 2);
        memset(&w->versions[first], 0, count * sizeof(w->versions[0]));
        break;
    case 2:
        pack(w, align_down(first, unit));
        break;
    default:
        write_sectors(w, first, count);
    }
    if (rc) {
        fail(w, "zeroing failed", first);
    }
    check_sectors(w, start, RUN);
}

/* Whatever others do there: a sector never has the bytes of another place. */
static void change_common(struct worker *me)
{
    struct world *w = me->w;
    unsigned first = COMMON + rand_r(&me->seed) % (SECTORS - COMMON);
    unsigned count = 1 + rand_r(&me->seed) % MIN_OF(SECTORS - first, 40);
    uint8_t *data = g_malloc(count * 512);
    int rc;

    for (unsigned i = 0; i < count; i++) {
        stamp(data + i * 512, first + i, 1 + me->number);
    }
    rc = rand_r(&me->seed) % 3 ? block_node_pwrite(w->node, first * 512ull, data, count * 512)
        : block_node_discard(w->node, COMMON * 512ull, (SECTORS - COMMON) * 512ull);
    if (rc) {
        fail(w, "a common change failed", first);
    }
    check_sectors(w, first, count);
    g_free(data);
}

static void *work(void *opaque)
{
    struct worker *me = opaque;
    struct world *w = me->w;

    for (unsigned i = 0; i < w->ops && !w->fault; i++) {
        /* Near each other, and together where the others are. */
        unsigned near = (i / 16 * 1237 + rand_r(&me->seed) % 64) % (SHARED / THREADS);
        unsigned sector = near * THREADS + me->number;

        switch (rand_r(&me->seed) % 8) {
        case 0: case 1:
            change_run(me);
            break;
        case 2:
            check_sectors(w, sector, 1);
            break;
        case 3:
            if (rand_r(&me->seed) % 2 == 0) {
                flush(me);
            }
            break;
        case 4:
            change_common(me);
            break;
        default:
            write_sectors(w, sector, 1);
        }
    }
    return NULL;
}

static void *make_snapshots(void *opaque)
{
    struct world *w = opaque;
    const struct block_image_ops *ops = w->node->driver->image;
    struct image_snapshot s = { .name = (char *)"s" };

    while (!__atomic_load_n(&w->done, __ATOMIC_RELAXED) && !w->fault) {
        g_usleep(500);
        if (!ops->snapshot_create(w->node, &s, NULL)) {
            fail(w, "a snapshot failed", 0);
        }
        g_usleep(500);
        if (!ops->snapshot_delete(w->node, "s", NULL)) {
            fail(w, "deleting a snapshot failed", 0);
        }
    }
    return NULL;
}

/* --- afterwards ------------------------------------------------------------------------------ */

static void check_image(struct world *w, struct block_node *node, bool leaks_allowed)
{
    struct image_check r = { .quiet = true };

    if (!node) {
        fail(w, "the image does not open", 0);
    } else if (node->driver->image->check(node, 0, &r) || r.corruptions || r.check_errors) {
        fail(w, "the image is corrupt", 0);
    } else if (r.leaks && !leaks_allowed) {
        fail(w, "clusters leaked", 0);
    }
}

static uint32_t promised(struct world *w, unsigned sector, unsigned position)
{
    GArray *list = w->promises[sector % THREADS];
    uint32_t version = 0;

    for (unsigned i = 0; i < list->len; i++) {
        struct promise *p = &g_array_index(list, struct promise, i);

        if (p->position <= position) {
            version = p->versions[sector / THREADS];
        }
    }
    return version;
}

static void crash(struct world *w, const void *start, uint64_t size, unsigned position, bool host)
{
    struct memory_file *f = memory_crash(w->file, start, size, position, host);
    struct block_node *node = memory_open(f, "qcow2", NODE_READONLY, NULL);
    uint8_t *data = g_malloc(SHARED * 512);
    uint32_t version;

    check_image(w, node, true);
    if (node && block_node_pread(node, 0, data, SHARED * 512)) {
        fail(w, "a crashed image cannot be read", 0);
    }
    for (unsigned i = 0; node && i < SHARED && !w->fault; i++) {
        if (!read_stamp(data + i * 512, i, &version)) {
            fail(w, "a crash mixed sectors", i);
        } else if (version < promised(w, i, position)) {
            fail(w, "a crash lost a flushed sector", i);
        }
    }
    block_node_close(node);
    memory_free(f);
    g_free(data);
}

static void run_threads(struct world *w, unsigned seed)
{
    struct worker workers[THREADS];
    pthread_t threads[THREADS], snapshots;

    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ w, i, seed * THREADS + i };
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    pthread_create(&snapshots, NULL, make_snapshots, w);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    __atomic_store_n(&w->done, true, __ATOMIC_RELAXED);
    pthread_join(snapshots, NULL);
    check_sectors(w, 0, COMMON);
}

static void run(const char *options, unsigned ops, unsigned crashes)
{
    struct world *w = g_new0(struct world, 1);
    struct image_info info;
    char *start;
    size_t size;

    memory_make_image(options, DISK, &start, &size);
    pthread_mutex_init(&w->lock, NULL);
    w->ops = ops;
    w->file = memory_create(start, size);
    w->file->recording = true;
    for (unsigned i = 0; i < THREADS; i++) {
        w->promises[i] = g_array_new(FALSE, FALSE, sizeof(struct promise));
    }
    w->node = open_slow(w);
    w->node->driver->image->info(w->node, &info);
    value_free(info.specific);
    w->cluster = info.cluster_size;
    run_threads(w, 1);
    block_node_close(w->node);
    w->node = open_slow(w);
    check_image(w, w->node, false);
    check_sectors(w, 0, COMMON);
    check_sectors(w, COMMON, SECTORS - COMMON);
    block_node_close(w->node);
    for (unsigned i = 0; i < crashes && !w->fault; i++) {
        crash(w, start, size, rand() % (w->file->log->len + 1), i % 2);
    }
    ok(!w->fault, "%u threads change an image with '%s'", THREADS, options);
    if (w->fault) {
        printf("# %s (sector %u)\n", w->fault, w->fault_sector);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        g_array_free(w->promises[i], TRUE);
    }
    memory_free(w->file);
    g_free(start);
    g_free(w);
}

int main(void)
{
    static const char *const kinds[] = {
        "", "cluster_size=4096", "cluster_size=16384,extended_l2=on", "compat=0.10",
        "cluster_size=4096,lazy_refcounts=on", "cluster_size=512,refcount_bits=64",
        "extended_l2=on",
    };
    const char *text = getenv("IMAGE_OVERLAP_OPS");
    unsigned ops = text ? atoi(text) : 300;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        run(kinds[i], ops, strstr(kinds[i], "lazy") ? 0 : 8);
    }
    return tap_done();
}
