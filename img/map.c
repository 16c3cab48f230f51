/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-img map, measure, compare. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "img/create.h"
#include "img/img.h"

/* --- map ------------------------------------------------------------------------------------- */

struct piece {
    struct block_extent e;
    uint64_t start;
    unsigned depth;
};

static bool continues(const struct piece *a, const struct piece *b)
{
    return a->e.length && a->e.allocated == b->e.allocated && a->e.zero == b->e.zero &&
        a->e.compressed == b->e.compressed && a->depth == b->depth &&
        a->e.has_offset == b->e.has_offset && (!a->e.has_offset || a->e.file == b->e.file) &&
        (!a->e.has_offset || a->e.offset + a->e.length == b->e.offset);
}

static int print_piece(const struct piece *p, bool json, bool first)
{
    if (json) {
        printf("%s{ \"start\": %llu, \"length\": %llu, \"depth\": %u, \"present\": %s, "
               "\"zero\": %s, \"data\": %s", first ? "[" : ",\n", (unsigned long long)p->start,
               (unsigned long long)p->e.length, p->depth, p->e.allocated ? "true" : "false",
               p->e.zero ? "true" : "false", p->e.zero ? "false" : "true");
        if (p->e.has_offset) {
            printf(", \"offset\": %llu", (unsigned long long)p->e.offset);
        }
        printf("}");
        return 0;
    }
    if (p->e.zero) {
        return 0;
    }
    if (!p->e.has_offset) {
        error_report("File contains external, encrypted or compressed clusters.");
        return 1;
    }
    printf("%#-16llx%#-16llx%#-16llx%s\n", (unsigned long long)p->start,
           (unsigned long long)p->e.length, (unsigned long long)p->e.offset, p->e.file);
    return 0;
}

static int map_node(struct block_node *node, uint64_t from, uint64_t to, bool json)
{
    struct piece last = { .e.length = 0 }, next;
    bool first = true;
    int status = 0;

    if (!json) {
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    }
    while (from < to && !status) {
        int rc = block_node_status_deep(node, from, to - from, &next.e, &next.depth);

        if (rc) {
            error_report("Failed to read image metadata: %s", g_strerror(-rc));
            return 1;
        }
        next.start = from;
        from += next.e.length;
        if (continues(&last, &next)) {
            last.e.length += next.e.length;
            continue;
        }
        if (last.e.length) {
            status = print_piece(&last, json, first);
            first = false;
        }
        last = next;
    }
    if (last.e.length && !status) {
        status = print_piece(&last, json, first);
        first = false;
    }
    if (json) {
        printf("%s]\n", first ? "[" : "");
    }
    return status;
}

int img_map(int argc, char **argv)
{
    const char *format = NULL;
    uint64_t start = 0, length = INT64_MAX;
    unsigned flags = NODE_READONLY;
    struct block_node *node;
    bool json = false;
    int64_t end;
    int c, status;

    while ((c = img_getopt(argc, argv, ":f:s:l:U")) != -1) {
        switch (c) {
        case 'f': format = optarg; break;
        case 'U': flags |= NODE_SHARE; break;
        case OPT_OUTPUT: json = img_wants_json(optarg); break;
        case 's': case OPT_START:
            if (!img_parse_size("start offset", optarg, &start)) {
                return 1;
            }
            break;
        case 'l': case OPT_MAX_LENGTH:
            if (!img_parse_size("max length", optarg, &length)) {
                return 1;
            }
            break;
        default: return img_usage("map: this option does not belong to it");
        }
    }
    if (optind != argc - 1) {
        return img_usage("Expecting one image file name");
    }
    node = img_open(argv[optind], format, flags | NODE_NO_IO);
    if (!node) {
        return 1;
    }
    end = block_node_length(node);
    if (length < INT64_MAX - start && start + length < end) {
        end = start + length;
    }
    status = map_node(node, start, MAX_OF(end, 0), json);
    block_node_close(node);
    return status;
}

/* --- measure --------------------------------------------------------------------------------- */

/* Bytes in clusters of the new image that hold data. */
static int64_t allocated_bytes(struct block_node *node, uint64_t cluster)
{
    int64_t length = block_node_length(node);
    uint64_t at = 0, next_cluster = 0, total = 0;

    while (length > 0 && at < length) {
        struct block_extent e;
        unsigned depth;
        int rc = block_node_status_deep(node, at, length - at, &e, &depth);

        if (rc) {
            return rc;
        }
        if (!e.zero) {
            uint64_t first = MAX_OF(at / cluster, next_cluster);

            next_cluster = (at + e.length + cluster - 1) / cluster;
            total += next_cluster > first ? (next_cluster - first) * cluster : 0;
        }
        at += e.length;
    }
    return MIN_OF(total, align_up(length, cluster));
}

static void print_measure(const struct image_measure *m, bool json)
{
    struct value *v;

    if (json) {
        v = value_object();
        if (m->has_bitmaps) {
            value_add_uint(v, "bitmaps", m->bitmaps);
        }
        value_add_uint(v, "required", m->required);
        value_add_uint(v, "fully-allocated", m->fully_allocated);
        value_print_json(v, 0, stdout);
        printf("\n");
        value_free(v);
        return;
    }
    printf("required size: %llu\nfully allocated size: %llu\n", (unsigned long long)m->required,
           (unsigned long long)m->fully_allocated);
    if (m->has_bitmaps) {
        printf("bitmaps size: %llu\n", (unsigned long long)m->bitmaps);
    }
}

static int measure(struct block_node *node, const char *format, struct keyval *options,
                   uint64_t size, bool json)
{
    const struct block_driver *driver = block_find_format(format);
    uint64_t cluster = 65536;
    int64_t allocated = 0;
    struct image_measure m = { 0 };
    struct error *err = NULL;

    if (!driver) {
        error_report("Unknown file format '%s'", format);
        return 1;
    }
    if (!driver->image || !driver->image->measure) {
        error_report("Format driver '%s' does not support size measurement", format);
        return 1;
    }
    if (!keyval_size(options, "cluster_size", &cluster, &err)) {
        return img_fail(err);
    }
    if (node) {
        size = block_node_length(node);
        allocated = allocated_bytes(node, bits_is_power_of_two(cluster) ? cluster : 65536);
        if (allocated < 0) {
            error_report("Failed to read image metadata: %s", g_strerror(-allocated));
            return 1;
        }
    }
    if (!driver->image->measure(options, size, allocated, &m, &err)) {
        return img_fail(err);
    }
    m.has_bitmaps = m.has_bitmaps && node && strcmp(node->driver->name, "qcow2") == 0;
    print_measure(&m, json);
    return 0;
}

/* snapshot.id=1, snapshot.name=x, or either alone. */
bool img_show_snapshot(struct block_node *node, const char *text)
{
    const struct block_image_ops *ops = node->driver->image;
    struct error *err = NULL;

    text += strncmp(text, "snapshot.id=", 12) == 0 ? 12
        : strncmp(text, "snapshot.name=", 14) == 0 ? 14 : 0;
    if (!ops || !ops->snapshot_show) {
        error_report("Failed to load snapshot: this format has none");
        return false;
    }
    if (!ops->snapshot_show(node, text, &err)) {
        error_report_free(err);
        return false;
    }
    return true;
}

int img_measure(int argc, char **argv)
{
    const char *format = NULL, *to = "raw", *snapshot = NULL;
    struct keyval *options = NULL;
    struct block_node *node = NULL;
    bool json = false, help = false, have_size = false;
    uint64_t size = 0;
    unsigned flags = NODE_READONLY;
    int c, status;

    while ((c = img_getopt(argc, argv, ":f:O:o:l:U")) != -1) {
        switch (c) {
        case 'f': format = optarg; break;
        case 'O': to = optarg; break;
        case 'l': snapshot = optarg; break;
        case 'U': flags |= NODE_SHARE; break;
        case OPT_OUTPUT: json = img_wants_json(optarg); break;
        case 'o':
            if (!img_add_options(&options, optarg, &help)) {
                return 1;
            }
            break;
        case OPT_SIZE:
            if (!img_parse_size("image size", optarg, &size)) {
                return 1;
            }
            have_size = true;
            break;
        default: return img_usage("measure: this option does not belong to it");
        }
    }
    if (help) {
        return img_create_help(to);
    }
    if (have_size ? optind != argc : optind != argc - 1) {
        return img_usage("Either --size N or one filename must be specified.");
    }
    if (!have_size) {
        node = img_open(argv[optind], format, flags | NODE_NO_IO);
        if (!node || (snapshot && !img_show_snapshot(node, snapshot))) {
            return 1;
        }
    }
    options = options ? options : keyval_create("-o");
    status = measure(node, to, options, size, json);
    keyval_free(options);
    block_node_close(node);
    return status;
}

/* --- compare --------------------------------------------------------------------------------- */

#define COMPARE_BYTES (2u << 20)

struct comparison {
    struct block_node *a, *b;
    bool strict, quiet;
    uint8_t *data[2];
};

static int differ(struct comparison *c, uint64_t offset, const char *what)
{
    if (!c->quiet) {
        printf("%s at offset %llu!\n", what, (unsigned long long)offset);
    }
    return 1;
}

static int read_or_report(struct block_node *node, uint64_t offset, void *data, size_t size)
{
    int rc = block_node_pread(node, offset, data, size);

    if (rc) {
        error_report("Error while reading offset %llu of %s: %s", (unsigned long long)offset,
                     node->file, g_strerror(-rc));
    }
    return rc;
}

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, size_t size)
{
    size_t i = 0;

    while (i + 512 < size && memcmp(a + i, b + i, 512) == 0) {
        i += 512;
    }
    return i;
}

/* Is the range of one image zero? */
static int check_zero(struct comparison *c, struct block_node *node, uint64_t at, uint64_t size)
{
    while (size) {
        size_t n = MIN_OF(size, COMPARE_BYTES);

        if (read_or_report(node, at, c->data[0], n)) {
            return 4;
        }
        if (!block_is_zero(c->data[0], n)) {
            size_t i = 0;

            while (block_is_zero(c->data[0] + i, MIN_OF(512, n - i))) {
                i += 512;
            }
            return differ(c, at + i, "Content mismatch");
        }
        at += n;
        size -= n;
    }
    return 0;
}

static int compare_data(struct comparison *c, uint64_t at, uint64_t size)
{
    while (size) {
        size_t n = MIN_OF(size, COMPARE_BYTES);

        if (read_or_report(c->a, at, c->data[0], n) || read_or_report(c->b, at, c->data[1], n)) {
            return 4;
        }
        if (memcmp(c->data[0], c->data[1], n) != 0) {
            return differ(c, at + first_difference(c->data[0], c->data[1], n),
                          "Content mismatch");
        }
        at += n;
        size -= n;
    }
    return 0;
}

static int compare_common(struct comparison *c, uint64_t size)
{
    uint64_t at = 0;
    int status = 0;

    while (at < size && !status) {
        struct block_extent a, b;
        unsigned depth;
        uint64_t n;

        if (block_node_status_deep(c->a, at, size - at, &a, &depth) ||
            block_node_status_deep(c->b, at, size - at, &b, &depth)) {
            error_report("Sector allocation test failed");
            return 3;
        }
        n = MIN_OF(a.length, b.length);
        if (c->strict && a.allocated != b.allocated) {
            return differ(c, at, "Strict mode: Offset allocation mismatch");
        }
        if (a.zero != b.zero) {
            status = check_zero(c, a.zero ? c->b : c->a, at, n);
        } else if (!a.zero) {
            status = compare_data(c, at, n);
        }
        at += n;
        img_progress(at, size);
    }
    return status;
}

static int compare_rest(struct comparison *c, struct block_node *longer, uint64_t at, uint64_t end)
{
    int status = 0;

    while (at < end && !status) {
        struct block_extent e;
        unsigned depth;

        if (block_node_status_deep(longer, at, end - at, &e, &depth)) {
            error_report("Sector allocation test failed");
            return 3;
        }
        status = e.zero ? 0 : check_zero(c, longer, at, e.length);
        at += e.length;
    }
    return status;
}

static int compare(struct comparison *c)
{
    int64_t a = block_node_length(c->a), b = block_node_length(c->b);
    int status;

    if (a < 0 || b < 0) {
        error_report("Can't get the size of an image");
        return 4;
    }
    if (a != b && c->strict) {
        if (!c->quiet) {
            printf("Strict mode: Image size mismatch!\n");
        }
        return 1;
    }
    status = compare_common(c, MIN_OF(a, b));
    if (!status && a != b) {
        if (!c->quiet) {
            printf("Warning: Image size mismatch!\n");
        }
        status = compare_rest(c, a > b ? c->a : c->b, MIN_OF(a, b), MAX_OF(a, b));
    }
    return status;
}

int img_compare(int argc, char **argv)
{
    const char *formats[2] = { NULL, NULL };
    struct comparison c = { 0 };
    unsigned flags = NODE_READONLY;
    bool progress = false;
    int o, status = 2;

    while ((o = img_getopt(argc, argv, ":f:F:T:pqsU")) != -1) {
        switch (o) {
        case 'f': formats[0] = optarg; break;
        case 'F': formats[1] = optarg; break;
        case 'T': img_cache_flags(optarg); break;
        case 'p': progress = true; break;
        case 'q': c.quiet = true; break;
        case 's': c.strict = true; break;
        case 'U': flags |= NODE_SHARE; break;
        default: return img_usage("compare: this option does not belong to it") + 1;
        }
    }
    if (optind != argc - 2) {
        return img_usage("Expecting two image file names") + 1;
    }
    c.a = img_open(argv[optind], formats[0], flags);
    c.b = c.a ? img_open(argv[optind + 1], formats[1], flags) : NULL;
    if (c.a && c.b) {
        c.data[0] = g_malloc(COMPARE_BYTES);
        c.data[1] = g_malloc(COMPARE_BYTES);
        img_progress_start(progress && !c.quiet);
        status = compare(&c);
        img_progress_end();
        if (!status && !c.quiet) {
            printf("Images are identical.\n");
        }
        g_free(c.data[0]);
        g_free(c.data[1]);
    }
    block_node_close(c.a);
    block_node_close(c.b);
    return status;
}
