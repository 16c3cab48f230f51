/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on images against plain arrays. IMAGE_TEST_OPS=n sets the operations for each
 * variant, IMAGE_TEST_SEED the seed, IMAGE_TEST_PEER=n asks the other qemu-img after every n
 * operations (else at the end), IMAGE_TEST_ONLY=n runs one variant.
 */
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bits.h"
#include "block/image.h"
#include "crypto/object.h"
#include "tests/tap.h"

#define MAX_SIZE (6u << 20)
#define MAX_SNAPSHOTS 6

static const struct variant {
    const char *format, *options;
    bool backing, snapshots, resize, packed;
    const char *key;            /* the option that names the secret; NULL: not encrypted */
} variants[] = {
    { "raw", "", false, false, true, false },
    { "qcow", "", false, false, false, true },
    { "qcow", "", true, false, false, true },
    { "cow", "", true, false, false, false },
    { "vdi", "", false, false, false, false },
    { "vmdk", "", false, false, false, false },
    { "vmdk", "subformat=monolithicFlat", false, false, false, false },
    { "vpc", "force_size=on", false, false, false, false },
    { "parallels", "cluster_size=4096", false, false, false, false },
    { "qcow2", "", false, true, true, true },
    { "qcow2", "", true, true, true, true },
    { "qcow2", "compat=0.10", true, true, false, true },
    { "qcow2", "cluster_size=512,refcount_bits=64", true, true, true, true },
    { "qcow2", "cluster_size=4096,refcount_bits=8,lazy_refcounts=on", true, true, true, true },
    { "qcow2", "cluster_size=1024,refcount_bits=1", false, false, true, true },
    { "qcow2", "cluster_size=2M,compression_type=zstd", true, true, true, true },
    { "qcow2", "cluster_size=16384,extended_l2=on", true, true, true, true },
    { "qcow2", "extended_l2=on,compression_type=zstd,refcount_bits=32", true, true, true, true },
    { "luks", "key-secret=s,iter-time=1", false, false, false, false, "key-secret" },
    { "qcow2", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=1", true, true, true,
      false, "encrypt.key-secret" },
};

struct saved {
    char name[8];
    uint8_t *data;
    uint64_t size;
};

struct trial {
    const struct variant *v;
    struct block_node *node;
    char *file, *flat_file, *backing_file, *other_backing;
    const char *folder;
    uint8_t *model, *scratch;
    uint64_t size;
    struct saved saved[MAX_SNAPSHOTS];
    unsigned saved_count, names;
    const char *fault;
};

static uint64_t below(uint64_t limit)
{
    return limit ? ((uint64_t)rand() << 20 ^ rand()) % limit : 0;
}

/* Bytes that do not pack; rand() for each would take most of the time. */
static void fill(uint8_t *data, uint64_t size)
{
    uint64_t x = rand() * 2ull + 1;

    for (uint64_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        data[i] = x;
    }
}

static void pick(struct trial *t, uint64_t *offset, uint64_t *size, uint64_t most)
{
    uint64_t unit = 1ull << below(17);

    most = below(4) ? 20000 : most;
    *size = 1 + below(MIN_OF(most, t->size));
    *offset = below(t->size - *size + 1);
    if (below(2)) {
        *offset = align_down(*offset, unit);
    }
}

static void check_rc(struct trial *t, int rc, const char *what)
{
    if (rc && !t->fault) {
        t->fault = what;
        printf("# %s: %s\n", what, g_strerror(-rc));
    }
}

static void check_good(struct trial *t, bool good, struct error *err, const char *what)
{
    if (!good && !t->fault) {
        t->fault = what;
        printf("# %s: %s\n", what, err ? error_text(err) : "?");
    }
    error_free(err);
}

static void open_image(struct trial *t)
{
    struct keyval *options = keyval_create("-o");
    struct error *err = NULL;

    if (t->v->key) {
        keyval_set(options, t->v->key, "s");
    }
    t->node = block_node_open(t->file, t->v->format, options,
                              NODE_NO_FLUSH | (below(2) ? NODE_UNMAP : 0), &err);
    keyval_free(options);
    check_good(t, t->node, err, "open");
}

static void compare(struct trial *t)
{
    if (block_node_length(t->node) != t->size) {
        t->fault = "the size differs";
        return;
    }
    check_rc(t, block_node_pread(t->node, 0, t->scratch, t->size), "read");
    if (memcmp(t->scratch, t->model, t->size) == 0) {
        return;
    }
    for (uint64_t i = 0; i < t->size && !t->fault; i++) {
        if (t->scratch[i] != t->model[i]) {
            t->fault = "content differs";
            printf("# at 0x%llx: %02x, want %02x\n", (unsigned long long)i, t->scratch[i],
                   t->model[i]);
        }
    }
}

static void check(struct trial *t)
{
    struct image_check r = { 0 };

    if (t->node->driver->image->check) {
        check_rc(t, block_node_flush(t->node), "flush");
        check_rc(t, block_node_flush(t->node), "flush");
        check_rc(t, t->node->driver->image->check(t->node, 0, &r), "check");
        if (r.corruptions || r.leaks || r.check_errors) {
            t->fault = "check found errors";
        }
    }
}

static void write_some(struct trial *t)
{
    uint64_t offset, size;
    struct iovec iov[2];

    pick(t, &offset, &size, 3 << 20);
    if (below(3)) {
        memset(t->scratch, 1 + below(255), size);
    } else {
        fill(t->scratch, size);
    }
    iov[0] = (struct iovec){ t->scratch, size / 2 };
    iov[1] = (struct iovec){ t->scratch + size / 2, size - size / 2 };
    check_rc(t, block_node_write(t->node, offset, iov, 2), "write");
    memcpy(t->model + offset, t->scratch, size);
}

static void write_packed(struct trial *t)
{
    struct image_info info;
    uint64_t offset, size;
    uint8_t *packed;

    t->node->driver->image->info(t->node, &info);
    value_free(info.specific);
    offset = align_down(below(t->size), info.cluster_size);
    size = MIN_OF(info.cluster_size, t->size - offset);
    memset(t->scratch, 1 + below(255), size);
    fill(t->scratch, size / 4);
    packed = g_malloc(info.cluster_size);
    size_t n = t->node->driver->compress(t->node, t->scratch, size, packed);
    check_rc(t, n ? t->node->driver->write_packed(t->node, offset, packed, n)
             : block_node_pwrite(t->node, offset, t->scratch, size), "write packed");
    memcpy(t->model + offset, t->scratch, size);
    g_free(packed);
}

static void zero_some(struct trial *t)
{
    uint64_t offset, size;

    pick(t, &offset, &size, t->size);
    check_rc(t, block_node_write_zeroes(t->node, offset, size, below(2)), "write zeroes");
    memset(t->model + offset, 0, size);
}

/* What a discarded byte reads as is the image's choice: zero, or what was there. */
static void discard_some(struct trial *t)
{
    uint64_t offset, size;

    pick(t, &offset, &size, t->size);
    check_rc(t, block_node_discard(t->node, offset, size), "discard");
    check_rc(t, block_node_pread(t->node, offset, t->scratch, size), "read");
    for (uint64_t i = 0; i < size; i++) {
        if (t->scratch[i] && t->scratch[i] != t->model[offset + i]) {
            t->fault = "discarded bytes are neither old nor zero";
        }
    }
    memcpy(t->model + offset, t->scratch, size);
}

static void change_snapshots(struct trial *t)
{
    const struct block_image_ops *ops = t->node->driver->image;
    struct image_snapshot s = { 0 };
    struct error *err = NULL;
    unsigned k = below(t->saved_count), what = below(3);
    struct saved *saved = &t->saved[k];

    if (what == 0 && t->saved_count < MAX_SNAPSHOTS) {
        saved = &t->saved[t->saved_count++];
        snprintf(saved->name, sizeof(saved->name), "s%u", t->names++);
        s.name = saved->name;
        saved->size = t->size;
        saved->data = g_memdup2(t->model, t->size);
        check_good(t, ops->snapshot_create(t->node, &s, &err), err, "snapshot create");
    } else if (what == 1 && t->saved_count) {
        check_good(t, ops->snapshot_apply(t->node, saved->name, &err), err, "snapshot apply");
        t->size = saved->size;
        memset(t->model, 0, MAX_SIZE);
        memcpy(t->model, saved->data, t->size);
    } else if (what == 2 && t->saved_count) {
        check_good(t, ops->snapshot_delete(t->node, saved->name, &err), err, "snapshot delete");
        g_free(saved->data);
        *saved = t->saved[--t->saved_count];
    }
}

static void resize(struct trial *t)
{
    uint64_t size = align_down(below(MAX_SIZE - 65536) + 65536, 512);
    struct error *err = NULL;

    if (t->saved_count && size < t->size) {
        return;
    }
    check_good(t, block_node_resize(t->node, size, below(3) && t->v->format[0] == 'q' &&
                                    size > t->size && !t->v->backing ? BLOCK_PREALLOC_METADATA
                                    : BLOCK_PREALLOC_OFF, &err), err, "resize");
    if (size < t->size) {
        memset(t->model + size, 0, t->size - size);
    }
    t->size = size;
}

static void reopen(struct trial *t)
{
    block_node_close(t->node);
    open_image(t);
    if (t->node) {
        compare(t);
    }
}

/* Our qemu-img, while the image is closed. */
static void use_tool(struct trial *t, const char *words)
{
    const char *build = getenv("BUILD");
    char *command = g_strdup_printf("'%s/qemu-img' %s '%s' >&2", build ? build : "build", words,
                                    t->file);

    block_node_close(t->node);
    if (system(command) != 0) {
        t->fault = "qemu-img failed";
        printf("# %s\n", command);
    }
    g_free(command);
    open_image(t);
    if (t->node) {
        compare(t);
    }
}

/* Snapshots look through holes into the backing file, so that they must not be there. */
static void change_backing(struct trial *t)
{
    if (t->saved_count || !t->v->backing || t->v->key) {
        return;
    }
    if (strcmp(t->v->format, "qcow2") != 0 || below(2)) {
        char *words = g_strdup_printf("commit -q -f %s", t->v->format);

        use_tool(t, words);
        g_free(words);
    } else {
        char *words, *swap = t->backing_file;

        t->backing_file = t->other_backing;
        t->other_backing = swap;
        words = g_strdup_printf("rebase -q -f %s -F raw -b '%s'", t->v->format, t->backing_file);
        use_tool(t, words);
        g_free(words);
    }
}

static void step(struct trial *t)
{
    switch (below(24)) {
    case 0: case 1: case 2:
        zero_some(t);
        break;
    case 3: case 4:
        discard_some(t);
        break;
    case 5: case 6:
        if (t->v->packed) {
            write_packed(t);
        }
        break;
    case 7:
        check_rc(t, block_node_flush(t->node), "flush");
        break;
    case 8:
        if (t->v->snapshots) {
            change_snapshots(t);
        }
        break;
    case 9:
        if (t->v->resize && below(4) == 0) {
            resize(t);
        }
        break;
    case 10:
        if (below(8) == 0) {
            reopen(t);
        } else if (below(16) == 0) {
            change_backing(t);
        }
        break;
    default:
        write_some(t);
    }
}

static bool make(struct trial *t, struct error **err)
{
    struct keyval *options = keyval_parse("-o", t->v->options, NULL, err);
    bool good;

    if (t->v->backing) {
        uint64_t length = align_down(t->size / 2 + below(t->size), 512);

        for (uint64_t i = 0; i < MIN_OF(length, t->size); i++) {
            t->model[i] = i / 3001 + 1;
        }
        g_file_set_contents(t->backing_file, (char *)t->model, MIN_OF(length, MAX_SIZE), NULL);
        g_file_set_contents(t->other_backing, (char *)t->model + 5000, MAX_SIZE / 2, NULL);
        keyval_set(options, "backing_file", t->backing_file);
        keyval_set(options, "backing_fmt", "raw");
    }
    good = image_create(t->file, t->v->format, t->size, options, err);
    keyval_free(options);
    return good;
}

/* What another implementation makes of the image, if it is installed. */
static void peer_check(struct trial *t)
{
    const char *peer = "/usr/bin/qemu-img";
    char *file, *command;

    if (access(peer, X_OK) != 0 || strcmp(t->v->format, "cow") == 0) {
        return;
    }
    file = g_strdup_printf("%s/model", t->folder);
    g_file_set_contents(file, (char *)t->model, t->size, NULL);
    if (t->v->key) {
        command = g_strdup_printf("%s compare -q --object secret,id=s,data=abc --image-opts "
                                  "driver=raw,file.filename='%s' driver=%s,file.filename='%s',%s=s "
                                  ">&2", peer, file, t->v->format, t->file, t->v->key);
    } else {
        command = g_strdup_printf("%s compare -q -f raw -F %s '%s' '%s' >&2", peer, t->v->format,
                                  file, t->file);
    }
    if (!t->fault && system(command) != 0) {
        t->fault = "the other qemu-img sees other content";
    }
    g_free(command);
    command = g_strdup_printf("%s check -q -f %s '%s' >&2", peer, t->v->format, t->file);
    if (!t->fault && !t->v->key && strcmp(t->v->format, "qcow2") == 0 && system(command) != 0) {
        t->fault = "the other qemu-img's check";
    }
    g_free(command);
    unlink(file);
    g_free(file);
}

static void run(const struct variant *v, const char *folder, unsigned count)
{
    struct trial t = { .v = v, .file = g_strdup_printf("%s/image", folder),
                       .flat_file = g_strdup_printf("%s/image-flat", folder),
                       .backing_file = g_strdup_printf("%s/backing", folder), .folder = folder,
                       .other_backing = g_strdup_printf("%s/backing2", folder),
                       .model = g_malloc0(MAX_SIZE), .scratch = g_malloc(MAX_SIZE),
                       .size = 3 << 20 };
    const char *peer = getenv("IMAGE_TEST_PEER");
    unsigned n = 0, peer_every = peer ? atoi(peer) : 0;
    struct error *err = NULL;

    check_good(&t, make(&t, &err), err, "create");
    if (!t.fault) {
        open_image(&t);
    }
    if (!t.fault && v->key && !v->snapshots) {      /* it starts as noise */
        check_rc(&t, block_node_pwrite(t.node, 0, t.model, t.size), "first write");
    }
    for (; n < count && !t.fault; n++) {
        step(&t);
        if (n % 64 == 63) {
            compare(&t);
        }
        if (n % 256 == 255 && !t.fault) {
            check(&t);
        }
        if (peer_every && n % peer_every == peer_every - 1 && !t.fault) {
            block_node_close(t.node);
            peer_check(&t);
            open_image(&t);
        }
    }
    if (!t.fault) {
        reopen(&t);
        check(&t);
    }
    block_node_close(t.node);
    peer_check(&t);
    ok(!t.fault, "%u operations on %s %s%s", n, v->format, v->options,
       v->backing ? " with a backing file" : "");
    if (t.fault) {
        printf("# operation %u: %s\n", n, t.fault);
    }
    fflush(stdout);
    for (unsigned i = 0; i < t.saved_count; i++) {
        g_free(t.saved[i].data);
    }
    unlink(t.file);
    unlink(t.flat_file);
    unlink(t.backing_file);
    unlink(t.other_backing);
    g_free(t.file);
    g_free(t.flat_file);
    g_free(t.backing_file);
    g_free(t.other_backing);
    g_free(t.model);
    g_free(t.scratch);
}

int main(void)
{
    char *folder = g_dir_make_tmp("image-XXXXXX", NULL);
    const char *ops = getenv("IMAGE_TEST_OPS"), *seed = getenv("IMAGE_TEST_SEED");
    const char *only = getenv("IMAGE_TEST_ONLY");
    unsigned count = ops ? atoi(ops) : 300;

    crypto_add_object("secret,id=s,data=abc", NULL);
    for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
        srand(i + (seed ? atoi(seed) : 1));
        if (!only || atoi(only) == i) {
            run(&variants[i], folder, count);
        }
    }
    ok(rmdir(folder) == 0, "no file is left behind");
    g_free(folder);
    return tap_done();
}
