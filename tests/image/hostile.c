/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hostile images: every header field with values that lie, and tables that point anywhere. Nothing
 * may crash, hang or take much memory; what cannot be used is refused with an error.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/bits.h"
#include "tests/image/use.h"
#include "tests/tap.h"

static const char *format;
static uint8_t *good;
static size_t good_size;

/* What only qcow2 has: packed clusters, a snapshot and a bitmap. */
static void add_extras(struct block_node *node)
{
    struct image_snapshot s = { .name = (char *)"first" };
    struct image_bitmap_change add = { .action = BITMAP_ADD };
    uint8_t data[4096] = { 1 }, packed[4096];
    size_t n = node->driver->compress(node, data, sizeof(data), packed);

    node->driver->write_packed(node, 900 << 10, packed, n);
    node->driver->image->snapshot_create(node, &s, NULL);
    node->driver->image->bitmap(node, "map", &add, NULL);
    block_node_pwrite(node, 0, data, sizeof(data));
}

/* A small image with data. */
static void make_good(const char *name, const char *options)
{
    char *folder = g_dir_make_tmp("hostile-XXXXXX", NULL), *text = NULL;
    char *file = g_strdup_printf("%s/image", folder);
    struct keyval *kv = keyval_parse("-o", options, NULL, NULL);
    struct block_node *node;
    uint8_t data[4096];

    format = name;
    ok(image_create(file, format, 1 << 20, kv, NULL), "a %s image with '%s'", format, options);
    node = block_node_open(file, format, NULL, NODE_NO_FLUSH, NULL);
    for (int i = 0; i < 20; i++) {
        memset(data, i + 1, sizeof(data));
        block_node_pwrite(node, i * 40000, data, sizeof(data));
    }
    if (strcmp(format, "qcow2") == 0) {
        add_extras(node);
    }
    block_node_close(node);
    g_file_get_contents(file, &text, &good_size, NULL);
    g_free(good);
    good = (uint8_t *)text;
    unlink(file);
    rmdir(folder);
    keyval_free(kv);
    g_free(file);
    g_free(folder);
}

static unsigned try(const uint8_t *data, size_t size)
{
    return use_image(data, size, format, NODE_READONLY) + use_image(data, size, format, 0) +
        use_image(data, size, format, NODE_CHECK);
}

/* Each field of the header becomes each of these. */
static void lie_in_header(void)
{
    static const uint64_t lies[] = {
        0, 1, 511, 512, 4096, 65535, 65536, 1u << 20, 0x7fffffff, 0x80000000, 0xffffffff,
        1ull << 40, INT64_MAX, 1ull << 63, UINT64_MAX, UINT64_MAX - 511,
    };
    static const struct {
        uint8_t offset, size;
    } fields[] = {
        { 4, 4 }, { 8, 8 }, { 16, 4 }, { 20, 4 }, { 24, 8 }, { 32, 4 }, { 36, 4 }, { 40, 8 },
        { 48, 8 }, { 56, 4 }, { 60, 4 }, { 64, 8 }, { 72, 8 }, { 80, 8 }, { 88, 8 }, { 96, 4 },
        { 100, 4 }, { 104, 1 }, { 112, 4 }, { 116, 4 },
    };
    uint8_t *data = g_malloc(good_size);
    unsigned opened = 0, tried = 0;

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        for (size_t k = 0; k < ARRAY_LEN(lies); k++, tried += 3) {
            memcpy(data, good, good_size);
            st_be(data + fields[i].offset, fields[i].size, lies[k]);
            opened += try(data, good_size);
        }
    }
    ok(opened < tried, "%u of %u lying headers can be used", opened, tried);
    g_free(data);
}

/* Any 32 bits among the first become a lie: for formats whose header is not listed above. */
static void lie_anywhere(void)
{
    static const uint32_t lies[] = { 0, 1, 0x200, 0x7fffffff, 0x80000000, 0xffffffff };
    uint8_t *data = g_malloc(good_size);
    unsigned opened = 0;

    for (size_t at = 0; at + 4 <= MIN_OF(good_size, 700); at += 4) {
        for (size_t k = 0; k < ARRAY_LEN(lies); k++) {
            memcpy(data, good, good_size);
            st32_le(data + at, lies[k]);
            opened += use_image(data, good_size, format, k & 1 ? NODE_READONLY : 0);
        }
    }
    ok(opened, "%u lying %s images opened", opened, format);
    g_free(data);
}

static void lie_in_tables(unsigned runs)
{
    uint8_t *data = g_malloc(good_size);
    unsigned opened = 0;

    for (unsigned i = 0; i < runs; i++) {
        memcpy(data, good, good_size);
        for (int n = rand() % 6; n >= 0; n--) {
            size_t at = rand() % (good_size / 8) * 8;
            uint64_t value = (uint64_t)(rand() % 256) << (rand() % 57);

            switch (rand() % 4) {
            case 0: value = (uint64_t)(rand() % 64) * 4096 | (uint64_t)(rand() % 4) << 62; break;
            case 1: value = ld64_be(good + rand() % (good_size / 8) * 8); break;
            }
            st64_be(data + at, value);
        }
        opened += try(data, rand() % 8 ? good_size : rand() % good_size);
    }
    ok(opened, "%u images with random tables opened", opened);
    g_free(data);
}

static void loops(void)
{
    char *folder = g_dir_make_tmp("hostile-XXXXXX", NULL);
    char *a = g_strdup_printf("%s/a", folder), *b = g_strdup_printf("%s/b", folder);
    struct keyval *kv = keyval_create("-o");
    struct error *err = NULL;
    struct block_node *node;

    keyval_set(kv, "backing_file", "b");
    keyval_set(kv, "backing_fmt", "qcow2");
    image_create(a, "qcow2", 1 << 20, kv, NULL);
    keyval_set(kv, "backing_file", "a");
    image_create(b, "qcow2", 1 << 20, kv, NULL);
    node = block_node_open(a, NULL, NULL, NODE_READONLY, &err);
    ok(!node && strstr(error_text(err), "loop"), "a loop in a backing chain is refused");
    error_free(err);
    err = NULL;
    node = block_node_open(a, NULL, NULL, NODE_READONLY | NODE_NO_BACKING, &err);
    ok(node, "but can be looked at");
    error_free(err);
    block_node_close(node);
    unlink(a);
    unlink(b);
    rmdir(folder);
    keyval_free(kv);
    g_free(a);
    g_free(b);
    g_free(folder);
}

/* The name of an unknown feature is told. */
static void features(void)
{
    struct memory_file *f;
    struct error *err = NULL;
    uint8_t *data = g_memdup2(good, good_size);

    data[73] = 1;           /* incompatible bit 48 */
    f = memory_create(data, good_size);
    ok(!memory_open(f, "qcow2", 0, &err) && strstr(error_text(err), "feature: 48"),
       "an unknown feature is refused by its number");
    error_free(err);
    err = NULL;
    for (size_t i = 112; i < 512; i++) {
        if (memcmp(data + i, "dirty bit", 9) == 0) {
            data[i - 1] = 48;
            memcpy(data + i, "time travel", 12);
            break;
        }
    }
    memory_put(f, 0, data, good_size);
    ok(!memory_open(f, "qcow2", 0, &err) && strstr(error_text(err), "time travel"),
       "or by the name in the image");
    error_free(err);
    memory_free(f);
    g_free(data);
}

/* An L1 table all of whose entries are one L2 table without clusters: 16 TiB in 1 KiB of image. */
static void endless_disk(void)
{
    uint8_t *data = g_malloc0((33 << 20) + (64 << 10));
    struct block_extent e = { 0 };
    struct memory_file *f;
    struct block_node *node;
    int64_t start;

    st32_be(data, 0x514649fb);
    st32_be(data + 4, 1);
    st64_be(data + 24, 1ull << 44);
    data[32] = 9;                   /* clusters of 512 bytes, 2^13 in a table */
    data[33] = 13;
    st64_be(data + 40, 1 << 20);
    for (unsigned i = 0; i < 1u << 22; i++) {
        st64_be(data + (1 << 20) + 8 * i, 33 << 20);
    }
    f = memory_create(data, (33 << 20) + (64 << 10));
    node = memory_open(f, "qcow", NODE_READONLY, NULL);
    start = g_get_monotonic_time();
    ok(node && block_node_status(node, 0, 1ull << 44, &e) == 0 && !e.allocated && e.length &&
       g_get_monotonic_time() - start < 5000000, "a disk without end is walked in turns");
    block_node_close(node);
    memory_free(f);
    g_free(data);
}

int main(void)
{
    static const char *const kinds[] = {
        "cluster_size=4096", "cluster_size=512,refcount_bits=64",
        "cluster_size=16384,extended_l2=on",
    };
    static const char *const others[] = { "qcow", "vdi", "vmdk", "vpc", "parallels", "cow" };
    const char *text = getenv("IMAGE_HOSTILE_RUNS");
    unsigned runs = text ? atoi(text) : 300;
    int null = open("/dev/null", O_WRONLY);
    struct rusage usage;

    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(text ? 0 : 120);
    dup2(null, STDERR_FILENO);          /* corruption is told there, thousands of times */
    loops();
    endless_disk();
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        make_good("qcow2", kinds[i]);
        if (i == 0) {
            features();
            lie_in_header();
        }
        lie_in_tables(runs);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        make_good(others[i], "");
        lie_anywhere();
    }
    getrusage(RUSAGE_SELF, &usage);
#ifndef CONFIG_SANITIZERS
    ok(usage.ru_maxrss < 256 << 10, "all in less than 256 MiB");
#endif
    g_free(good);
    close(null);
    return tap_done();
}
