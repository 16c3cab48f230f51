/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu-img convert. Threads take the next piece of the source in turn, read and pack it side by
 * side, and write in the order of the pieces (in any order with -W).
 */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "img/create.h"
#include "img/img.h"

#define PIECE_BYTES (2u << 20)
#define MERGED_BYTES 16384u     /* zeroes up to this, between data, are read rather than left out */
#define MAX_PARTS 512
#define MAX_SOURCES 64

struct source {
    struct block_node *node;
    uint64_t start, length;         /* in the target */
};

enum part_kind { PART_DATA, PART_ZERO, PART_SKIP };

struct part {
    enum part_kind kind;
    uint64_t at, size;
};

struct slot;

struct convert {
    struct source sources[MAX_SOURCES];
    unsigned source_count;
    struct block_node *target;
    uint64_t total, position, done, rate;
    uint64_t cluster, min_sparse;
    bool compress, has_backing, target_is_zero, any_order, salvage;

    pthread_mutex_t lock;           /* of the source position, the ring and the turn */
    pthread_cond_t turned;
    struct slot *ring;              /* pieces on their way, by number */
    unsigned ring_size, max_parts;
    struct part known;              /* what a host was asked last: that can take long */
    uint64_t taken, turn;
    bool writing;                   /* a thread writes what is ready */
    struct timespec began;
    int rc;
    const char *failed;             /* what did */
    uint64_t failed_at;
};

/*
 * A piece between its source and its target: at most PIECE_BYTES in parts one after the other, or a
 * longer run without data.
 */
struct slot {
    uint64_t at, size;
    struct part *parts;
    unsigned count;
    uint8_t *data, *packed;
    size_t packed_size;
    bool busy, ready;
    int rc;
};

/* --- the source ------------------------------------------------------------------------------ */

static struct source *source_at(struct convert *c, uint64_t at)
{
    unsigned i = 0;

    while (i + 1 < c->source_count && at >= c->sources[i].start + c->sources[i].length) {
        i++;
    }
    return &c->sources[i];
}

static int status_at(struct convert *c, uint64_t at, struct part *p)
{
    struct source *s = source_at(c, at);
    struct block_extent e;
    unsigned depth;
    uint64_t size = s->start + s->length - at;
    int rc;

    if (at >= c->known.at && at < c->known.at + c->known.size) {
        *p = (struct part){ c->known.kind, at, c->known.at + c->known.size - at };
        return 0;
    }
    rc = c->has_backing ? block_node_status(s->node, at - s->start, size, &e)
        : block_node_status_deep(s->node, at - s->start, size, &e, &depth);
    p->at = at;
    p->size = e.length;
    p->kind = c->has_backing && !e.allocated ? PART_SKIP : e.zero ? PART_ZERO : PART_DATA;
    if (rc && c->salvage) {
        *p = (struct part){ PART_DATA, at, MIN_OF(size, PIECE_BYTES) };
        rc = 0;
    }
    c->known = rc ? c->known : *p;
    return rc;
}

/* For packed targets a piece is a cluster, and is data if any of it is. */
static int cluster_at(struct convert *c, uint64_t at, struct part *p)
{
    uint64_t end = MIN_OF(at + c->cluster, c->total);
    struct part part;
    int rc = status_at(c, at, p);

    if (rc || p->kind == PART_DATA) {
        p->size = end - at;
        return rc;
    }
    if (p->size >= end - at) {
        p->size = at + p->size >= c->total ? c->total - at : align_down(p->size, c->cluster);
        return 0;
    }
    for (uint64_t k = at + p->size; k < end && !rc; k += part.size) {
        rc = status_at(c, k, &part);
        p->kind = part.kind != p->kind ? PART_DATA : p->kind;
    }
    p->size = end - at;
    return rc;
}

/* Adds what follows in the source to a piece that ends at `end` at the latest. */
static void add_part(struct slot *s, const struct part *p, uint64_t end)
{
    struct part *last = s->count ? &s->parts[s->count - 1] : NULL;
    uint64_t size = MIN_OF(p->size, end - p->at);
    bool merge = last && last->kind == PART_DATA &&
        (p->kind == PART_DATA || (p->kind == PART_ZERO && size <= MERGED_BYTES));

    if (merge) {
        last->size += size;
    } else {
        s->parts[s->count++] = (struct part){ p->kind, p->at, size };
    }
    s->size += size;
}

/* With the lock: what is next in the source. */
static int next_piece(struct convert *c, struct slot *s)
{
    uint64_t end = MIN_OF(align_down(c->position, PIECE_BYTES) + PIECE_BYTES, c->total);
    struct part p;
    int rc;

    s->at = c->position;
    s->size = s->count = 0;
    if (c->compress) {
        rc = cluster_at(c, s->at, &p);
        end = s->at + p.size;
    } else {
        rc = status_at(c, s->at, &p);
        end = p.kind == PART_DATA ? end : MAX_OF(end, s->at + p.size);
    }
    while (!rc) {
        add_part(s, &p, end);
        if (s->at + s->size >= end || s->count == c->max_parts) {
            c->position += s->size;
            return 0;
        }
        rc = status_at(c, s->at + s->size, &p);
    }
    c->rc = rc;
    c->failed = "reading block status at";
    c->failed_at = s->at + s->size;
    return rc;
}

/* Takes the next piece into a slot of the ring; NULL at the end or after a failure. */
static struct slot *take_slot(struct convert *c)
{
    struct slot *slot;

    pthread_mutex_lock(&c->lock);
    while (c->ring[c->taken % c->ring_size].busy && !c->rc) {
        pthread_cond_wait(&c->turned, &c->lock);
    }
    slot = &c->ring[c->taken % c->ring_size];
    if (!c->rc && c->position < c->total && !img_interrupted() && next_piece(c, slot) == 0) {
        slot->busy = true;
        c->taken++;
    } else {
        slot = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    return slot;
}

static int read_source(struct convert *c, uint64_t at, uint8_t *data, uint64_t size)
{
    int rc = 0;

    while (size && !rc) {
        struct source *s = source_at(c, at);
        uint64_t n = MIN_OF(size, s->start + s->length - at);

        rc = block_node_pread(s->node, at - s->start, data, n);
        if (rc && c->salvage) {
            for (uint64_t i = 0; i < n; i += 512) {
                uint64_t k = MIN_OF(512, n - i);

                if (block_node_pread(s->node, at - s->start + i, data + i, k)) {
                    error_warn("error while reading offset %llu: %s",
                               (unsigned long long)(at + i), g_strerror(-rc));
                    memset(data + i, 0, k);
                }
            }
            rc = 0;
        }
        at += n;
        data += n;
        size -= n;
    }
    return rc;
}

/* --- the target ------------------------------------------------------------------------------ */

static int write_zero(struct convert *c, uint64_t at, uint64_t size)
{
    if (c->target_is_zero && !c->has_backing) {
        return 0;
    }
    return block_node_write_zeroes(c->target, at, size, true);
}

/* Data with its runs of zeroes left out. */
static int write_sparse(struct convert *c, uint64_t at, const uint8_t *data, uint64_t size)
{
    int rc = 0;

    if (!c->min_sparse) {
        return block_node_pwrite(c->target, at, data, size);
    }
    for (uint64_t i = 0, n; i < size && !rc; i += n) {
        uint64_t step = MIN_OF(c->min_sparse - (at + i) % c->min_sparse, size - i);
        bool zero = block_is_zero(data + i, step);

        n = step;
        while (i + n < size) {
            step = MIN_OF(c->min_sparse, size - i - n);
            if (block_is_zero(data + i + n, step) != zero) {
                break;
            }
            n += step;
        }
        rc = zero ? write_zero(c, at + i, n) : block_node_pwrite(c->target, at + i, data + i, n);
    }
    return rc;
}

static void hold_rate(struct convert *c)
{
    struct timespec now;
    double elapsed, due;

    if (c->rate) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        elapsed = now.tv_sec - c->began.tv_sec + (now.tv_nsec - c->began.tv_nsec) / 1e9;
        due = (double)c->done / c->rate;
        if (due > elapsed) {
            g_usleep((due - elapsed) * 1e6);
        }
    }
}

/* Reads and packs; any number of threads. */
static void fill_slot(struct convert *c, struct slot *s)
{
    s->packed_size = 0;
    s->rc = 0;
    for (unsigned i = 0; i < s->count && !s->rc; i++) {
        const struct part *p = &s->parts[i];

        if (p->kind == PART_DATA) {
            s->rc = read_source(c, p->at, s->data + (p->at - s->at), p->size);
        }
    }
    if (c->compress && s->parts[0].kind == PART_DATA && !s->rc) {
        if (block_is_zero(s->data, s->size)) {
            s->parts[0].kind = PART_ZERO;
        } else {
            s->packed_size = c->target->driver->compress(c->target, s->data, s->size, s->packed);
        }
    }
}

static int write_slot(struct convert *c, const struct slot *s)
{
    int rc = 0;

    for (unsigned i = 0; i < s->count && !rc; i++) {
        const struct part *p = &s->parts[i];
        const uint8_t *data = s->data + (p->at - s->at);

        if (p->kind == PART_ZERO) {
            rc = write_zero(c, p->at, p->size);
        } else if (p->kind == PART_DATA && s->packed_size) {
            rc = c->target->driver->write_packed(c->target, p->at, s->packed, s->packed_size);
        } else if (p->kind == PART_DATA && c->compress) {
            rc = block_node_pwrite(c->target, p->at, data, p->size);
        } else if (p->kind == PART_DATA) {
            rc = write_sparse(c, p->at, data, p->size);
        }
    }
    return rc;
}

/* Writes a slot and frees it. The lock is let go while it writes. */
static void finish_slot(struct convert *c, struct slot *s)
{
    bool failed = s->rc, go_on = !c->rc;
    int rc = s->rc;

    pthread_mutex_unlock(&c->lock);
    if (!failed && go_on) {
        rc = write_slot(c, s);
    }
    hold_rate(c);
    pthread_mutex_lock(&c->lock);
    if (rc && !c->rc) {
        c->rc = rc;
        c->failed = failed ? "reading" : "writing";
        c->failed_at = s->at;
    }
    c->done += s->size;
    s->busy = s->ready = false;
    img_progress(c->done, c->total);
    pthread_cond_broadcast(&c->turned);
}

/*
 * In the source's order: the thread that has the next piece writes it, and all that became ready
 * behind it, while the others go on reading and packing.
 */
static void hand_over(struct convert *c, struct slot *s)
{
    pthread_mutex_lock(&c->lock);
    s->ready = true;
    if (c->any_order) {
        finish_slot(c, s);
    } else if (!c->writing) {
        c->writing = true;
        for (s = &c->ring[c->turn % c->ring_size]; s->ready;
             s = &c->ring[++c->turn % c->ring_size]) {
            finish_slot(c, s);
        }
        c->writing = false;
    }
    pthread_mutex_unlock(&c->lock);
}

static void *copy_thread(void *opaque)
{
    struct convert *c = opaque;
    struct slot *s;

    while ((s = take_slot(c))) {
        fill_slot(c, s);
        hand_over(c, s);
    }
    return NULL;
}

static void make_ring(struct convert *c, unsigned threads)
{
    size_t room = c->compress ? c->cluster : PIECE_BYTES;

    /* Enough that no thread waits for another's writing, but not much memory. */
    c->ring_size = threads * MAX_OF(MIN_OF((4u << 20) / room, 8), 2);
    c->max_parts = c->compress ? 1 : MAX_PARTS;
    c->ring = g_new0(struct slot, c->ring_size);
    for (unsigned i = 0; i < c->ring_size; i++) {
        c->ring[i].parts = g_new(struct part, c->max_parts);
        c->ring[i].data = g_malloc(room);
        c->ring[i].packed = c->compress ? g_malloc(room) : NULL;
    }
}

static void free_ring(struct convert *c)
{
    for (unsigned i = 0; i < c->ring_size; i++) {
        g_free(c->ring[i].parts);
        g_free(c->ring[i].data);
        g_free(c->ring[i].packed);
    }
    g_free(c->ring);
}

static int copy_all(struct convert *c, unsigned threads)
{
    pthread_t others[16];
    unsigned started = 0;

    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->turned, NULL);
    clock_gettime(CLOCK_MONOTONIC, &c->began);
    make_ring(c, threads);
    while (started + 1 < threads &&
           pthread_create(&others[started], NULL, copy_thread, c) == 0) {
        started++;
    }
    copy_thread(c);
    while (started) {
        pthread_join(others[--started], NULL);
    }
    free_ring(c);
    if (c->rc) {
        error_report("error while %s offset %llu: %s", c->failed,
                     (unsigned long long)c->failed_at, g_strerror(-c->rc));
        return 1;
    }
    if (img_interrupted()) {
        error_report("interrupted; '%s' is valid but incomplete", c->target->file);
        return 1;
    }
    return 0;
}

/* --- the command ----------------------------------------------------------------------------- */

struct arguments {
    const char *format, *target_format, *cache, *source_cache, *snapshot, *backing,
        *backing_format;
    struct keyval *options;
    uint64_t min_sparse, rate;
    unsigned threads, share;
    bool compress, no_create, progress, quiet, help, any_order, salvage, target_is_zero,
        target_image_opts, bitmaps, skip_broken;
};

static bool open_sources(struct convert *c, const struct arguments *a, int count, char **files)
{
    if (count > MAX_SOURCES) {
        error_report("Too many source images");
        return false;
    }
    for (int i = 0; i < count; i++) {
        struct source *s = &c->sources[i];
        int64_t length;

        s->node = img_open(files[i], a->format, NODE_READONLY | a->share);
        if (!s->node) {
            return false;
        }
        c->source_count++;
        if (a->snapshot && !img_show_snapshot(s->node, a->snapshot)) {
            return false;
        }
        length = block_node_length(s->node);
        if (length < 0) {
            error_report("Could not get size of %s: %s", files[i], g_strerror(-length));
            return false;
        }
        s->start = c->total;
        s->length = length;
        c->total += length;
    }
    return true;
}

static bool make_target(struct convert *c, struct arguments *a, const char *file)
{
    const struct block_driver *driver = block_find_format(a->target_format);
    char *size = g_strdup_printf("%llu", (unsigned long long)c->total);
    bool good;

    if (!driver) {
        error_report("Unknown file format '%s'", a->target_format);
        g_free(size);
        return false;
    }
    if (a->compress && !driver->compress) {
        error_report("Compression not supported for this file format");
        g_free(size);
        return false;
    }
    if (a->compress && strcmp(keyval_string(a->options, "preallocation", "off"), "off") != 0) {
        error_report("Compression and preallocation not supported at the same time");
        g_free(size);
        return false;
    }
    if (a->backing) {
        keyval_set(a->options, "backing_file", a->backing);
    }
    if (a->backing_format) {
        keyval_set(a->options, "backing_fmt", a->backing_format);
    }
    c->has_backing = keyval_has(a->options, "backing_file");
    if (a->no_create) {
        g_free(size);
        return true;
    }
    good = img_create_image(file, a->target_format, keyval_string(a->options, "size", size),
                            a->options, false, true);
    g_free(size);
    return good;
}

/* A block device keeps its old bytes, whatever is made of it. */
static bool starts_zero(struct block_node *target, const struct arguments *a)
{
    struct block_extent e;
    int64_t length = block_node_length(target);

    if (a->no_create || a->target_is_zero) {
        return a->target_is_zero;
    }
    return strcmp(target->driver->name, "raw") != 0 || length <= 0 ||
        (block_node_status(target, 0, length, &e) == 0 && e.zero && e.length == length);
}

/* The new image is opened with the keys that it was made with. */
static struct block_node *open_target(const struct arguments *a, const char *file, unsigned flags,
                                      struct error **err)
{
    static const char *const keys[] = { "key-secret", "encrypt.key-secret" };
    struct keyval *options = keyval_create("-o");
    struct block_node *node;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (keyval_has(a->options, keys[i])) {
            keyval_set(options, keys[i], keyval_string(a->options, keys[i], NULL));
        }
    }
    node = a->target_image_opts ? img_open_options(file, flags, err)
        : block_node_open(file, a->target_format, options, flags, err);
    keyval_free(options);
    return node;
}

static bool prepare_target(struct convert *c, struct arguments *a, const char *file)
{
    unsigned flags = img_cache_flags(a->cache ? a->cache : "unsafe") | NODE_UNMAP |
        (c->has_backing ? 0 : NODE_NO_BACKING);
    struct error *err = NULL;
    bool encrypted = false, noise = false;
    int64_t length;

    c->target = open_target(a, file, flags, &err);
    if (!c->target) {
        error_report_free(err);
        return false;
    }
    length = block_node_length(c->target);
    if (length < c->total && a->no_create) {
        error_report("output file is smaller than input file");
        return false;
    }
    if (c->target->driver->image->info) {
        struct image_info info;

        c->target->driver->image->info(c->target, &info);
        c->cluster = info.cluster_size;
        a->compress |= info.needs_packing;
        encrypted = info.encrypted;
        noise = info.starts_as_noise;
        value_free(info.specific);
    }
    if (a->compress && encrypted) {
        error_report("Compression and encryption not supported at the same time");
        return false;
    }
    if (a->compress && (!c->target->driver->compress || !c->cluster)) {
        error_report("Compression not supported for this file format");
        return false;
    }
    c->target_is_zero = !noise && starts_zero(c->target, a);
    return true;
}

/* Dirty bitmaps come after the data, so that copying does not count as a change. */
static bool copy_bitmap(struct block_node *from, struct block_node *to,
                        const struct image_bitmap *b)
{
    struct image_bitmap_change changes[] = {
        { BITMAP_ADD, b->granularity }, { BITMAP_DISABLE },
        { BITMAP_MERGE, .source = from, .source_name = b->name },
        { b->enabled ? BITMAP_ENABLE : BITMAP_DISABLE },
    };
    struct error *err = NULL;

    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        if (!to->driver->image->bitmap(to, b->name, &changes[i], &err)) {
            error_prepend(&err, "Failed to copy bitmap '%s': ", b->name);
            error_report_free(err);
            return false;
        }
    }
    return true;
}

static bool copy_bitmaps(struct block_node *from, struct block_node *to, bool skip_broken)
{
    struct image_bitmap *list;
    size_t count = 0;
    bool good = true;

    list = from->driver->image->bitmaps(from, &count);
    for (size_t i = 0; i < count && good; i++) {
        if (list[i].broken && skip_broken) {
            error_warn("Skipping inconsistent bitmap '%s'", list[i].name);
        } else if (list[i].broken) {
            error_report("Cannot copy inconsistent bitmap '%s'; --skip-broken-bitmaps leaves it "
                         "out, 'qemu-img bitmap --remove' removes it", list[i].name);
            good = false;
        } else {
            good = copy_bitmap(from, to, &list[i]);
        }
    }
    image_bitmaps_free(list, count);
    return good;
}

static bool check_bitmaps(const struct convert *c, const struct arguments *a)
{
    const struct block_driver *from = c->sources[0].node->driver, *to;

    to = block_find_format(a->target_format);
    if (c->source_count != 1) {
        error_report("Copying bitmaps only possible with single source");
        return false;
    }
    if (!from->image || !from->image->bitmaps || !to || !to->image || !to->image->bitmap) {
        error_report("Format driver '%s' does not support bitmaps",
                     from->image && from->image->bitmaps ? a->target_format : from->name);
        return false;
    }
    return true;
}

/* Packing is work for all CPUs; plain copying has more threads wait than work. */
static unsigned default_threads(const struct convert *c)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    return c->compress ? MIN_OF(MAX_OF(cpus, 4), 8) : MIN_OF(MAX_OF(cpus, 1), 2);
}

static int run_convert(struct convert *c, struct arguments *a, int count, char **files)
{
    int status = 1, rc;

    if (open_sources(c, a, count - 1, files) && (!a->bitmaps || check_bitmaps(c, a)) &&
        make_target(c, a, files[count - 1]) &&
        prepare_target(c, a, files[count - 1])) {
        c->compress = a->compress;
        c->min_sparse = a->min_sparse;
        c->rate = a->rate;
        c->any_order = a->any_order;
        c->salvage = a->salvage;
        c->total = MIN_OF(c->total, block_node_length(c->target));
        img_progress_start((a->progress || isatty(STDOUT_FILENO)) && !a->quiet);
        status = copy_all(c, a->threads ? a->threads : default_threads(c));
        rc = status ? 0 : block_node_flush(c->target);
        if (rc) {
            error_report("error while flushing '%s': %s", files[count - 1], g_strerror(-rc));
            status = 1;
        }
        if (!status && a->bitmaps &&
            !copy_bitmaps(c->sources[0].node, c->target, a->skip_broken)) {
            status = 1;
        }
        if (!status) {
            img_progress_end();
        }
    }
    block_node_close(c->target);
    for (unsigned i = 0; i < c->source_count; i++) {
        block_node_close(c->sources[i].node);
    }
    return status;
}

static bool parse_numbers(struct arguments *a, int letter, const char *text)
{
    uint64_t value = 0;

    if (letter == 'm') {
        if (!parse_uint(text, &value) || value < 1 || value > 16) {
            error_report("Invalid number of coroutines. Allowed number of coroutines is between 1 "
                         "and 16");
            return false;
        }
        a->threads = value;
        return true;
    }
    if (!img_parse_size(letter == 'S' ? "buffer size for sparse output" : "rate limit", text,
                        &value)) {
        return false;
    }
    if (letter == 'S' && value % 512) {
        error_report("Invalid buffer size for sparse output specified. Valid sizes are multiples "
                     "of 512. Select 0 to disable sparse detection (fully allocates output).");
        return false;
    }
    *(letter == 'S' ? &a->min_sparse : &a->rate) = value;
    return true;
}

static int parse(struct arguments *a, int argc, char **argv)
{
    int o;

    while ((o = img_getopt(argc, argv, ":f:O:B:F:CcpqnUo:l:S:t:T:m:Wr:")) != -1) {
        switch (o) {
        case 'f': a->format = optarg; break;
        case 'O': a->target_format = optarg; break;
        case 'B': a->backing = optarg; break;
        case 'F': a->backing_format = optarg; break;
        case 'l': a->snapshot = optarg; break;
        case 't': a->cache = optarg; break;
        case 'T': a->source_cache = optarg; break;
        case 'c': a->compress = true; break;
        case 'p': a->progress = true; break;
        case 'q': a->quiet = true; break;
        case 'n': a->no_create = true; break;
        case 'U': a->share = NODE_SHARE; break;
        case 'W': a->any_order = true; break;
        case 'C': break;        /* the kernel's copying brings nothing over reads and writes */
        case OPT_SALVAGE: a->salvage = true; break;
        case OPT_BITMAPS: a->bitmaps = true; break;
        case OPT_SKIP_BROKEN: a->skip_broken = true; break;
        case OPT_TARGET_IS_ZERO: a->target_is_zero = true; break;
        case OPT_TARGET_IMAGE_OPTS: a->target_image_opts = a->no_create = true; break;
        case 'S': case 'm': case 'r':
            if (!parse_numbers(a, o, optarg)) {
                return 1;
            }
            break;
        case 'o':
            if (!img_add_options(&a->options, optarg, &a->help)) {
                return 1;
            }
            break;
        default: return img_usage("convert: this option does not belong to it");
        }
    }
    img_cache_flags(a->source_cache);
    if (a->skip_broken && !a->bitmaps) {
        error_report("Use of --skip-broken-bitmaps requires --bitmaps");
        return 1;
    }
    if (a->target_is_zero && !a->no_create) {
        error_report("--target-is-zero requires use of -n flag");
        return 1;
    }
    return 0;
}

int img_convert(int argc, char **argv)
{
    struct arguments a = { .target_format = "raw", .min_sparse = 4096 };
    struct convert c = { 0 };
    int status = parse(&a, argc, argv);

    if (status) {
        return status;
    }
    if (a.help) {
        return img_create_help(a.target_format);
    }
    if (optind >= argc - 1) {
        return img_usage("Must specify image file name");
    }
    a.options = a.options ? a.options : keyval_create("-o");
    status = run_convert(&c, &a, argc - optind, argv + optind);
    keyval_free(a.options);
    return status;
}
