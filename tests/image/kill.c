/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Crashes. An image in a file that records its writes is changed at random; then the file is built
 * as a killed process (a prefix of the writes) or a lost host (of the writes after the last flush
 * any may be missing or torn) would leave it. It must open, check without corruption, and hold
 * every sector that was flushed, or something newer. IMAGE_KILL_RUNS sets the number of runs, and
 * of writes (60 at least) that fail.
 */
#include <errno.h>

#include "base/bits.h"
#include "tests/image/memory.h"
#include "tests/tap.h"

#define DISK (2u << 20)
#define SECTORS (DISK / 512)
#define OLDEST 12

/* The stamps that a sector may have: the flushed one and all later ones. 0 is zeroes. */
struct sector {
    uint32_t stamps[OLDEST];
    unsigned count;
    bool any;                       /* too many to remember */
};

struct mark {
    unsigned log_position;          /* all of this and before is stable ... */
    struct sector *sectors;         /* ... and this may be read after it */
};

struct world {
    struct memory_file *file;
    struct block_node *node;
    struct sector *sectors;
    uint32_t stamp;
    GArray *marks;                  /* struct mark, at every operation's end */
    unsigned snapshots;
    const char *fault;
};

static unsigned below(unsigned limit)
{
    return limit ? (unsigned)rand() % limit : 0;
}

static void remember(struct world *w, unsigned first, unsigned count, uint32_t stamp)
{
    for (unsigned i = first; i < first + count; i++) {
        struct sector *s = &w->sectors[i];

        if (s->count < OLDEST) {
            s->stamps[s->count++] = stamp;
        } else {
            s->any = true;
        }
    }
}

static void add_mark(struct world *w, bool flushed)
{
    struct mark m = { w->file->log->len };

    if (flushed) {              /* a discard may have left old content: read it */
        uint8_t *data = g_malloc(DISK);

        block_node_pread(w->node, 0, data, DISK);
        for (unsigned i = 0; i < SECTORS; i++) {
            w->sectors[i] = (struct sector){ { ld32_le(data + i * 512) }, 1, false };
        }
        g_free(data);
    }
    m.sectors = g_memdup2(w->sectors, SECTORS * sizeof(struct sector));
    g_array_append_val(w->marks, m);
}

static void write_stamps(struct world *w, unsigned first, unsigned count)
{
    uint8_t *data = g_malloc(count * 512);

    for (unsigned i = 0; i < count * 512; i += 4) {
        st32_le(data + i, w->stamp);
    }
    remember(w, first, count, w->stamp);
    if (block_node_pwrite(w->node, first * 512ull, data, count * 512)) {
        w->fault = "write failed";
    }
    w->stamp++;
    g_free(data);
}

static void change_snapshots(struct world *w)
{
    const struct block_image_ops *ops = w->node->driver->image;
    struct image_snapshot s = { .name = (char *)"s" };
    struct error *err = NULL;
    bool good = true;

    if (!w->snapshots || below(2)) {
        good = ops->snapshot_create(w->node, &s, &err);
        w->snapshots++;
    } else {
        good = ops->snapshot_delete(w->node, "s", &err);
        w->snapshots--;
    }
    if (!good) {
        w->fault = "a snapshot failed";
    }
    error_free(err);
}

static void pack_cluster(struct world *w)
{
    struct image_info info;
    uint8_t *data, *packed;
    uint64_t offset;
    size_t n;

    w->node->driver->image->info(w->node, &info);
    value_free(info.specific);
    data = g_malloc(info.cluster_size);
    packed = g_malloc(info.cluster_size);
    offset = align_down((uint64_t)below(DISK), info.cluster_size);
    for (unsigned i = 0; i < info.cluster_size; i += 4) {
        st32_le(data + i, w->stamp);
    }
    n = w->node->driver->compress(w->node, data, info.cluster_size, packed);
    remember(w, offset / 512, info.cluster_size / 512, w->stamp++);
    if (!n || w->node->driver->write_packed(w->node, offset, packed, n)) {
        w->fault = "packing failed";
    }
    g_free(data);
    g_free(packed);
}

static void step(struct world *w)
{
    unsigned first = below(SECTORS - 300), count = 1 + below(below(3) ? 20 : 300);
    struct error *err = NULL;
    bool flushed = false;

    switch (below(12)) {
    case 0: case 1:
        flushed = block_node_flush(w->node) == 0;
        break;
    case 2:
        remember(w, first, count, 0);
        block_node_write_zeroes(w->node, first * 512ull, count * 512ull, below(2));
        break;
    case 3:
        remember(w, first, count, 0);
        block_node_discard(w->node, first * 512ull, count * 512ull);
        break;
    case 4:
        if (below(3) == 0) {
            change_snapshots(w);
        }
        break;
    case 5:
        pack_cluster(w);
        break;
    case 6:
        if (below(3) == 0 && !w->snapshots) {
            block_node_resize(w->node, DISK + (1 + below(40)) * 65536ull, BLOCK_PREALLOC_OFF, &err);
            error_free(err);
        }
        break;
    default:
        write_stamps(w, first, count);
    }
    add_mark(w, flushed);
}

/* --- after the crash ------------------------------------------------------------------------- */

static bool allowed(const struct sector *s, uint32_t stamp)
{
    for (unsigned i = 0; i < s->count; i++) {
        if (s->stamps[i] == stamp) {
            return true;
        }
    }
    return s->any;
}

static void verify_data(struct world *w, struct block_node *node, const struct sector *sectors)
{
    uint8_t *data = g_malloc(DISK);

    if (block_node_pread(node, 0, data, DISK)) {
        w->fault = "the crashed image cannot be read";
    }
    for (unsigned i = 0; i < SECTORS && !w->fault; i++) {
        for (unsigned k = 0; k < 512 && !w->fault; k += 4) {
            uint32_t stamp = ld32_le(data + i * 512 + k);

            if (!allowed(&sectors[i], stamp)) {
                w->fault = "a flushed sector is lost";
                printf("# sector %u has stamp %u, flushed was %u\n", i, stamp,
                       sectors[i].stamps[0]);
            }
        }
    }
    g_free(data);
}

static void verify(struct world *w, struct memory_file *f, const struct sector *sectors, bool lazy)
{
    struct image_check r = { .quiet = true };
    struct error *err = NULL;
    struct block_node *node = memory_open(f, "qcow2", lazy ? 0 : NODE_READONLY, &err);

    if (!node) {
        w->fault = "the crashed image does not open";
        printf("# %s\n", error_text(err));
        error_free(err);
        return;
    }
    if (node->driver->image->check(node, 0, &r) || r.corruptions || r.check_errors) {
        w->fault = "the crashed image is corrupt";
    }
    verify_data(w, node, sectors);
    block_node_close(node);
}

static void crash_and_verify(struct world *w, const uint8_t *start, uint64_t start_size, bool lazy)
{
    unsigned position = below(w->file->log->len + 1), m = 0;
    bool host = below(2);
    struct memory_file *f;

    /* The first operation that ended at or after the crash knows all that may be there. */
    while (m + 1 < w->marks->len &&
           g_array_index(w->marks, struct mark, m).log_position < position) {
        m++;
    }
    /* A flush that the crash interrupted promised nothing yet: use the marks around it. */
    f = memory_crash(w->file, start, start_size, position, host);
    if (m && g_array_index(w->marks, struct mark, m).log_position > position) {
        m--;
        struct mark *before = &g_array_index(w->marks, struct mark, m), *after = before + 1;
        struct sector *both = g_memdup2(before->sectors, SECTORS * sizeof(*both));

        for (unsigned i = 0; i < SECTORS; i++) {
            for (unsigned k = 0; k < after->sectors[i].count; k++) {
                if (both[i].count < OLDEST) {
                    both[i].stamps[both[i].count++] = after->sectors[i].stamps[k];
                } else {
                    both[i].any = true;
                }
            }
            both[i].any |= after->sectors[i].any;
        }
        verify(w, f, both, lazy);
        g_free(both);
    } else {
        verify(w, f, g_array_index(w->marks, struct mark, m).sectors, lazy);
    }
    memory_free(f);
}

static const char *run(const char *options, unsigned crashes)
{
    struct world w = { .stamp = 1, .sectors = g_new0(struct sector, SECTORS),
                       .marks = g_array_new(FALSE, FALSE, sizeof(struct mark)) };
    bool lazy = strstr(options, "lazy") != NULL;
    char *start = NULL;
    size_t size = 0;

    memory_make_image(options, DISK, &start, &size);
    w.file = memory_create(start, size);
    w.node = memory_open(w.file, "qcow2", NODE_UNMAP, NULL);
    for (unsigned i = 0; i < SECTORS; i++) {
        w.sectors[i].count = 1;
    }
    w.file->recording = true;
    add_mark(&w, true);
    for (unsigned i = 0; i < 40 && !w.fault; i++) {
        step(&w);
    }
    block_node_close(w.node);
    w.node = NULL;
    {   /* closing flushed */
        struct mark m = { w.file->log->len, g_memdup2(w.sectors, SECTORS * sizeof(struct sector)) };

        g_array_append_val(w.marks, m);
    }
    for (unsigned i = 0; i < crashes && !w.fault; i++) {
        crash_and_verify(&w, (uint8_t *)start, size, lazy);
    }
    for (unsigned i = 0; i < w.marks->len; i++) {
        g_free(g_array_index(w.marks, struct mark, i).sectors);
    }
    g_array_free(w.marks, TRUE);
    memory_free(w.file);
    g_free(w.sectors);
    g_free(start);
    return w.fault;
}

/* EIO and ENOSPC at every write: the image must stay sound, and later writes must work. */
static const char *run_errors(const char *options, int error, int most)
{
    char *start = NULL;
    size_t size = 0;
    const char *fault = NULL;

    memory_make_image(options, DISK, &start, &size);
    for (int after = 0; after < most && !fault; after++) {
        struct world w = { .stamp = 1, .sectors = g_new0(struct sector, SECTORS) };
        struct image_check r = { .quiet = true };

        w.file = memory_create(start, size);
        w.node = memory_open(w.file, "qcow2", 0, NULL);
        w.file->fail_after = after;
        w.file->error = error;
        for (unsigned i = 0; i < 12; i++) {
            write_stamps(&w, below(SECTORS - 300), 1 + below(300));
            block_node_flush(w.node);
            if (i % 4 == 3) {
                change_snapshots(&w);
            }
        }
        w.file->fail_after = -1;
        w.fault = NULL;
        write_stamps(&w, 0, 100);
        fault = w.fault;
        block_node_close(w.node);
        w.node = memory_open(w.file, "qcow2", NODE_READONLY, NULL);
        if (!w.node || w.node->driver->image->check(w.node, 0, &r) || r.corruptions) {
            fault = "an error left corruption";
        }
        block_node_close(w.node);
        memory_free(w.file);
        g_free(w.sectors);
    }
    g_free(start);
    return fault;
}

int main(void)
{
    static const char *const kinds[] = {
        "cluster_size=4096", "compat=0.10,cluster_size=4096", "cluster_size=512,refcount_bits=64",
        "cluster_size=16384,extended_l2=on", "cluster_size=4096,lazy_refcounts=on", "",
        "cluster_size=512,refcount_bits=32,compression_type=zstd",
    };
    const char *text = getenv("IMAGE_KILL_RUNS");
    unsigned runs = text ? atoi(text) : 6;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const char *fault = NULL;
        unsigned n = 0;

        for (; n < runs && !fault; n++) {
            srand(n + 1);
            fault = run(kinds[i], 12);
        }
        ok(!fault, "crashes of an image with '%s'", kinds[i]);
        if (fault) {
            printf("# run %u: %s\n", n, fault);
        }
        fault = run_errors(kinds[i], i % 2 ? EIO : ENOSPC, MAX_OF(60, runs));
        ok(!fault, "failing writes to an image with '%s'", kinds[i]);
        if (fault) {
            printf("# %s\n", fault);
        }
    }
    return tap_done();
}
