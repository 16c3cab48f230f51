/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-img dd and bench. */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bits.h"
#include "img/create.h"
#include "img/img.h"

/* --- dd -------------------------------------------------------------------------------------- */

struct dd {
    const char *input, *output, *format, *output_format;
    uint64_t block, count, skip;
    bool have_count;
    unsigned share;
};

static bool parse_operand(struct dd *d, char *word)
{
    char *value = strchr(word, '=');
    bool size = true;

    if (!value) {
        error_report("unrecognized operand %s", word);
        return false;
    }
    *value++ = 0;
    if (strcmp(word, "if") == 0) {
        d->input = value;
    } else if (strcmp(word, "of") == 0) {
        d->output = value;
    } else if (strcmp(word, "bs") == 0) {
        size = img_parse_size("bs", value, &d->block) && d->block && d->block <= INT32_MAX;
    } else if (strcmp(word, "count") == 0) {
        size = d->have_count = img_parse_size("count", value, &d->count);
    } else if (strcmp(word, "skip") == 0) {
        size = img_parse_size("skip", value, &d->skip);
    } else {
        error_report("unrecognized operand %s", word);
        return false;
    }
    if (!size) {
        error_report("invalid number: '%s'", value);
    }
    return size;
}

static int copy_blocks(struct block_node *from, struct block_node *to, uint64_t at, uint64_t size,
                       uint64_t block)
{
    uint8_t *data = g_malloc(block);
    int rc = 0;

    for (uint64_t done = 0; done < size && !rc && !img_interrupted();) {
        uint64_t n = MIN_OF(block, size - done);

        rc = block_node_pread(from, at + done, data, n);
        rc = rc ? rc : block_node_pwrite(to, done, data, n);
        done += n;
    }
    g_free(data);
    return rc ? rc : img_interrupted() ? -EINTR : block_node_flush(to);
}

static int run_dd(struct dd *d, struct block_node *from)
{
    struct keyval *options = keyval_create("-o");
    uint64_t length = MAX_OF(block_node_length(from), 0), at = 0, size;
    struct error *err = NULL;
    struct block_node *to;
    char *word;
    int rc = 0;

    if (d->skip > length / d->block) {
        error_report("%s: cannot skip to specified offset", d->input);
        at = length;
    } else {
        at = d->skip * d->block;
    }
    size = length - at;
    if (d->have_count && d->count < (size + d->block - 1) / d->block) {
        size = d->count * d->block;
    }
    word = g_strdup_printf("%llu", (unsigned long long)size);
    if (!img_create_image(d->output, d->output_format, word, options, true, true)) {
        rc = -1;
    } else {
        to = block_node_open(d->output, d->output_format, NULL, 0, &err);
        if (!to) {
            rc = -1;
            error_report_free(err);
        } else {
            rc = copy_blocks(from, to, at, size, d->block);
            if (rc) {
                error_report("error while copying to '%s': %s", d->output, g_strerror(-rc));
            }
            block_node_close(to);
        }
    }
    g_free(word);
    keyval_free(options);
    return rc != 0;
}

int img_dd(int argc, char **argv)
{
    struct dd d = { .output_format = "raw", .block = 512 };
    struct block_node *from;
    int c, status;

    while ((c = img_getopt(argc, argv, ":f:O:U")) != -1) {
        switch (c) {
        case 'f': d.format = optarg; break;
        case 'O': d.output_format = optarg; break;
        case 'U': d.share = NODE_SHARE; break;
        default: return img_usage("dd: this option does not belong to it");
        }
    }
    for (int i = optind; i < argc; i++) {
        if (!parse_operand(&d, argv[i])) {
            return 1;
        }
    }
    if (!d.input || !d.output) {
        error_report("Must specify both input and output file names");
        return 1;
    }
    from = img_open(d.input, d.format, NODE_READONLY | d.share);
    if (!from) {
        return 1;
    }
    status = run_dd(&d, from);
    block_node_close(from);
    return status;
}

/* --- bench ----------------------------------------------------------------------------------- */

struct bench {
    struct block_node *node;
    uint64_t count, started, offset, size, step, flush_interval, length;
    bool write, failed;
    int pattern;
    pthread_mutex_t lock;
};

static void *bench_thread(void *opaque)
{
    struct bench *b = opaque;
    uint8_t *data = g_aligned_alloc(1, b->size, 4096);
    bool go = true, stable = b->node->flags & NODE_STABLE;
    int rc = 0;

    memset(data, b->pattern, b->size);
    while (go && !rc) {
        uint64_t at, number;

        pthread_mutex_lock(&b->lock);
        go = b->started < b->count && !b->failed;
        number = ++b->started;
        at = b->offset;
        b->offset += b->step;
        b->offset = b->offset + b->size > b->length ? 0 : b->offset;
        pthread_mutex_unlock(&b->lock);
        if (go) {
            rc = b->write ? block_node_pwrite(b->node, at, data, b->size)
                          : block_node_pread(b->node, at, data, b->size);
            if (!rc && b->write && (stable || (b->flush_interval &&
                                               number % b->flush_interval == 0))) {
                rc = block_node_flush(b->node);
            }
        }
    }
    if (rc) {
        error_report("Failed request: %s", g_strerror(-rc));
        b->failed = true;
    }
    g_aligned_free(data);
    return NULL;
}

static int run_bench(struct bench *b, uint64_t depth, bool quiet)
{
    unsigned threads = MIN_OF(depth, 16), started = 0;
    struct timespec from, to;
    pthread_t others[16];

    if (b->offset + b->size > b->length) {
        error_report("The image is too small for the requests");
        return 1;
    }
    if (!quiet) {
        printf("Sending %llu %s requests, %llu bytes each, %llu in parallel (starting at offset "
               "%llu, step size %llu)\n", (unsigned long long)b->count,
               b->write ? "write" : "read", (unsigned long long)b->size,
               (unsigned long long)depth, (unsigned long long)b->offset,
               (unsigned long long)b->step);
        if (b->flush_interval) {
            printf("Sending flush every %llu requests\n", (unsigned long long)b->flush_interval);
        }
    }
    pthread_mutex_init(&b->lock, NULL);
    clock_gettime(CLOCK_MONOTONIC, &from);
    while (started < threads &&
           pthread_create(&others[started], NULL, bench_thread, b) == 0) {
        started++;
    }
    while (started) {
        pthread_join(others[--started], NULL);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    if (!quiet && !b->failed) {
        printf("Run completed in %3.3f seconds.\n",
               to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9);
    }
    return b->failed;
}

int img_bench(int argc, char **argv)
{
    struct bench b = { .count = 75000, .size = 4096 };
    const char *format = NULL, *cache = NULL;
    uint64_t depth = 64, pattern = 0;
    unsigned share = 0;
    bool quiet = false, good = true;
    int c, status;

    while (good && (c = img_getopt(argc, argv, ":c:d:f:hi:no:qs:S:t:wU")) != -1) {
        switch (c) {
        case 'c': good = parse_uint(optarg, &b.count) && b.count; break;
        case 'd': good = parse_uint(optarg, &depth) && depth; break;
        case 'o': good = img_parse_size("offset", optarg, &b.offset); break;
        case 's': good = img_parse_size("buffer size", optarg, &b.size) && b.size; break;
        case 'S': good = img_parse_size("step size", optarg, &b.step); break;
        case OPT_FLUSH_INTERVAL: good = parse_uint(optarg, &b.flush_interval); break;
        case OPT_PATTERN: good = parse_uint(optarg, &pattern) && pattern < 256; break;
        case 'f': format = optarg; break;
        case 't': cache = optarg; break;
        case 'q': quiet = true; break;
        case 'w': b.write = true; break;
        case 'U': share = NODE_SHARE; break;
        case 'i': case 'n': case OPT_NO_DRAIN: break;
        default: return img_usage("bench: this option does not belong to it");
        }
    }
    if (!good || b.size > 64u << 20) {
        return img_usage("bench: invalid number");
    }
    if (optind != argc - 1) {
        return img_usage("Expecting one image file name");
    }
    b.step = b.step ? b.step : b.size;
    b.pattern = (int)pattern;
    b.node = img_open(argv[optind], format, img_cache_flags(cache) | share |
                      (b.write ? 0 : NODE_READONLY));
    if (!b.node) {
        return 1;
    }
    b.length = MAX_OF(block_node_length(b.node), 0);
    status = run_bench(&b, depth, quiet);
    block_node_close(b.node);
    return status;
}
