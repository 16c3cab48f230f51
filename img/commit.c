/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-img commit, rebase, bitmap. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "img/img.h"

#define COPY_BYTES (2u << 20)

/* --- commit ---------------------------------------------------------------------------------- */

/* What is allocated in `from` or above `base` goes into `base`. */
static int commit_data(struct block_node *top, struct block_node *base, uint8_t *data)
{
    int64_t length = block_node_length(top);
    uint64_t at = 0;
    int rc = 0;

    while (at < length && !rc && !img_interrupted()) {
        struct block_node *n = top;
        struct block_extent e;
        uint64_t size = MIN_OF(length - at, 1u << 30);

        rc = block_node_status(n, at, size, &e);
        while (!rc && !e.allocated && n->backing != base) {
            n = n->backing;
            size = e.length;
            if (at >= block_node_length(n)) {
                e = (struct block_extent){ .length = size, .allocated = true, .zero = true };
                break;
            }
            rc = block_node_status(n, at, MIN_OF(size, block_node_length(n) - at), &e);
        }
        if (rc) {
            break;
        }
        if (e.allocated && e.zero) {
            rc = block_node_write_zeroes(base, at, e.length, true);
        } else if (e.allocated) {
            e.length = MIN_OF(e.length, COPY_BYTES);
            rc = block_node_pread(top, at, data, e.length);
            rc = rc ? rc : block_node_pwrite(base, at, data, e.length);
        }
        at += e.length;
        img_progress(at, length);
    }
    return rc ? rc : img_interrupted() ? -EINTR : block_node_flush(base);
}

static struct block_node *find_base(struct block_node *top, const char *name)
{
    struct block_node *n = top->backing;

    while (n && name && strcmp(n->file, name) != 0) {
        n = n->backing;
    }
    return n;
}

static int commit_node(struct block_node *top, const char *base_name, bool keep, bool quiet)
{
    struct block_node *base = find_base(top, base_name);
    struct error *err = NULL;
    uint8_t *data;
    int rc;

    if (!top->backing) {
        error_report("Image '%s' has no backing file", top->file);
        return 1;
    }
    if (!base || (base != top->backing && base->flags & NODE_READONLY)) {
        error_report("Did not find '%s' in the backing chain of '%s'", base_name, top->file);
        return 1;
    }
    if (block_node_length(top) > block_node_length(base) &&
        !block_node_resize(base, block_node_length(top), BLOCK_PREALLOC_OFF, &err)) {
        return img_fail(err);
    }
    data = g_malloc(COPY_BYTES);
    rc = commit_data(top, base, data);
    g_free(data);
    if (!rc && !keep && !base_name && top->driver->image && top->driver->image->make_empty) {
        rc = top->driver->image->make_empty(top);
    }
    if (rc) {
        error_report("Could not commit '%s': %s", top->file, g_strerror(-rc));
        return 1;
    }
    if (!quiet) {
        printf("Image committed.\n");
    }
    return 0;
}

int img_commit(int argc, char **argv)
{
    const char *format = NULL, *cache = NULL, *base = NULL;
    bool keep = false, progress = false, quiet = false;
    struct block_node *node;
    unsigned flags;
    int c, status;

    while ((c = img_getopt(argc, argv, ":f:t:b:r:dpq")) != -1) {
        switch (c) {
        case 'f': format = optarg; break;
        case 't': cache = optarg; break;
        case 'b': base = optarg; break;
        case 'r': error_exit("commit: a rate limit is not supported");
        case 'd': keep = true; break;
        case 'p': progress = true; break;
        case 'q': quiet = true; break;
        default: return img_usage("commit: this option does not belong to it");
        }
    }
    if (optind != argc - 1) {
        return img_usage("Expecting one image file name");
    }
    flags = img_cache_flags(cache) | NODE_UNMAP | NODE_BACKING_RW | (base ? NODE_ALL_RW : 0);
    node = img_open(argv[optind], format, flags);
    if (!node) {
        return 1;
    }
    img_progress_start(progress && !quiet);
    status = commit_node(node, base, keep, quiet);
    if (!status) {
        img_progress_end();
    }
    block_node_close(node);
    return status;
}

/* --- rebase ---------------------------------------------------------------------------------- */

struct rebase {
    struct block_node *top, *new_backing;   /* new_backing NULL: none */
    uint8_t *old, *fresh;
};

/* What shows at `at` through holes with the new backing file. */
static int read_new(struct rebase *r, uint64_t at, uint8_t *data, size_t size)
{
    int64_t length = r->new_backing ? block_node_length(r->new_backing) : 0;
    size_t n = at < length ? MIN_OF(size, length - at) : 0;

    memset(data + n, 0, size - n);
    return n ? block_node_pread(r->new_backing, at, data, n) : 0;
}

/* Where a hole would change its content, the old content is written into the image. */
static int keep_content(struct rebase *r, uint64_t at, uint64_t size)
{
    int rc = block_node_pread(r->top, at, r->old, size);

    rc = rc ? rc : read_new(r, at, r->fresh, size);
    for (uint64_t i = 0, n; i < size && !rc; i += n) {
        uint64_t step = MIN_OF(4096, size - i);
        bool same = memcmp(r->old + i, r->fresh + i, step) == 0;

        n = step;
        while (i + n < size) {
            step = MIN_OF(4096, size - i - n);
            if ((memcmp(r->old + i + n, r->fresh + i + n, step) == 0) != same) {
                break;
            }
            n += step;
        }
        if (!same) {
            rc = block_is_zero(r->old + i, n)
                ? block_node_write_zeroes(r->top, at + i, n, true)
                : block_node_pwrite(r->top, at + i, r->old + i, n);
        }
    }
    return rc;
}

static int copy_differences(struct rebase *r)
{
    int64_t length = block_node_length(r->top);
    uint64_t at = 0;
    int rc = 0;

    r->old = g_malloc(COPY_BYTES);
    r->fresh = g_malloc(COPY_BYTES);
    while (at < length && !rc && !img_interrupted()) {
        struct block_extent e;

        rc = block_node_status(r->top, at, MIN_OF(length - at, COPY_BYTES - at % COPY_BYTES), &e);
        if (!rc && !e.allocated) {
            rc = keep_content(r, at, e.length);
        }
        at += e.length;
        img_progress(at, length);
    }
    g_free(r->old);
    g_free(r->fresh);
    rc = rc ? rc : img_interrupted() ? -EINTR : block_node_flush(r->top);
    return rc;
}

static int rebase_node(struct block_node *top, const char *backing, const char *format,
                       unsigned flags, bool unsafe)
{
    const struct block_image_ops *ops = top->driver->image;
    struct rebase r = { .top = top };
    struct error *err = NULL;
    int rc = 0;

    if (!ops || !ops->set_backing) {
        error_report("The format '%s' has no backing files", top->driver->name);
        return 1;
    }
    if (!unsafe && *backing) {
        char *path = block_resolve_name(top->file, backing);

        r.new_backing = block_node_open(path, format, NULL, NODE_READONLY | flags, &err);
        g_free(path);
        if (!r.new_backing) {
            error_prepend(&err, "Could not open new backing file '%s': ", backing);
            return img_fail(err);
        }
        format = format ? format : r.new_backing->driver->name;
    }
    if (!unsafe) {
        rc = copy_differences(&r);
        block_node_close(r.new_backing);
    }
    if (rc) {
        error_report("error while writing to '%s': %s", top->file, g_strerror(-rc));
        return 1;
    }
    if (*backing && !format) {
        error_warn("%s: Backing file specified without backing format", top->file);
    }
    return ops->set_backing(top, *backing ? backing : NULL, format, &err) ? 0 : img_fail(err);
}

int img_rebase(int argc, char **argv)
{
    const char *format = NULL, *cache = NULL, *backing = NULL, *backing_format = NULL;
    bool unsafe = false, progress = false, quiet = false;
    struct block_node *node;
    unsigned share = 0;
    int c, status;

    while ((c = img_getopt(argc, argv, ":f:F:b:upt:T:qU")) != -1) {
        switch (c) {
        case 'f': format = optarg; break;
        case 'F': backing_format = optarg; break;
        case 'b': backing = optarg; break;
        case 'u': unsafe = true; break;
        case 'p': progress = true; break;
        case 'q': quiet = true; break;
        case 't': cache = optarg; break;
        case 'T': img_cache_flags(optarg); break;
        case 'U': share = NODE_SHARE; break;
        default: return img_usage("rebase: this option does not belong to it");
        }
    }
    if (optind != argc - 1) {
        return img_usage("Expecting one image file name");
    }
    if (!backing) {
        return img_usage("Must specify backing file (-b) or use simple rebase mode (-u)");
    }
    node = img_open(argv[optind], format, img_cache_flags(cache) | NODE_UNMAP | share |
                    (unsafe ? NODE_NO_BACKING : 0));
    if (!node) {
        return 1;
    }
    img_progress_start(progress && !quiet);
    status = rebase_node(node, backing, backing_format, share, unsafe);
    if (!status) {
        img_progress_end();
    }
    block_node_close(node);
    return status;
}

/* --- bitmap ---------------------------------------------------------------------------------- */

#define MAX_CHANGES 64

struct bitmap_arguments {
    struct image_bitmap_change changes[MAX_CHANGES];
    unsigned count;
    const char *format, *source, *source_format;
    uint64_t granularity;
};

static int change_bitmap(struct block_node *node, struct block_node *source, const char *name,
                         struct bitmap_arguments *a)
{
    const struct block_image_ops *ops = node->driver->image;
    struct error *err = NULL;

    if (!ops || !ops->bitmap) {
        error_report("Format driver '%s' does not support bitmaps", node->driver->name);
        return 1;
    }
    for (unsigned i = 0; i < a->count; i++) {
        a->changes[i].granularity = a->granularity;
        a->changes[i].source = source;
        if (!ops->bitmap(node, name, &a->changes[i], &err)) {
            error_prepend(&err, "Operation on bitmap %s failed: ", name);
            return img_fail(err);
        }
    }
    return 0;
}

static int parse_bitmap(struct bitmap_arguments *a, int argc, char **argv)
{
    int c;

    while ((c = img_getopt(argc, argv, ":f:b:F:g:")) != -1) {
        switch (c) {
        case 'f': a->format = optarg; break;
        case 'b': a->source = optarg; break;
        case 'F': a->source_format = optarg; break;
        case 'g':
            if (!img_parse_size("granularity", optarg, &a->granularity)) {
                return 1;
            }
            break;
        default:
            if (c < OPT_ADD || c > OPT_MERGE || a->count >= MAX_CHANGES) {
                return img_usage("bitmap: this option does not belong to it");
            }
            a->changes[a->count++] = (struct image_bitmap_change){
                .action = c == OPT_ADD ? BITMAP_ADD : c == OPT_REMOVE ? BITMAP_REMOVE
                    : c == OPT_CLEAR ? BITMAP_CLEAR : c == OPT_ENABLE ? BITMAP_ENABLE
                    : c == OPT_DISABLE ? BITMAP_DISABLE : BITMAP_MERGE,
                .source_name = c == OPT_MERGE ? optarg : NULL };
        }
    }
    return 0;
}

int img_bitmap(int argc, char **argv)
{
    struct bitmap_arguments a = { .count = 0 };
    struct block_node *node, *source = NULL;
    int status = parse_bitmap(&a, argc, argv);

    if (status) {
        return status;
    }
    if (optind != argc - 2) {
        return img_usage("Expecting filename and bitmap name");
    }
    if (!a.count) {
        return img_usage("Need at least one of --add, --remove, --clear, --enable, --disable, or "
                         "--merge");
    }
    if (a.source) {
        source = img_open(a.source, a.source_format, NODE_READONLY | NODE_NO_BACKING);
        if (!source) {
            return 1;
        }
    }
    node = img_open(argv[optind], a.format, NODE_NO_BACKING);
    status = node ? change_bitmap(node, source, argv[optind + 1], &a) : 1;
    block_node_close(node);
    block_node_close(source);
    return status;
}
