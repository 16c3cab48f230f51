/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kill -9 while an image is changed: a child changes it, and notes in shared memory what it wrote
 * and what a flush has made safe; it is killed at a random instant. The image must open, check
 * without corruption, and hold every sector that was flushed or something newer. Another
 * qemu-img, if there is one, has to agree. IMAGE_KILL_PROCESSES sets the number of kills for each
 * kind of image.
 */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bits.h"
#include "block/image.h"
#include "tests/tap.h"

#define DISK (4u << 20)
#define SECTORS (DISK / 512)

/* One view of what may be on the disk. */
struct view {
    uint32_t stamp;                     /* all of up to here is flushed */
    uint32_t sectors[SECTORS];          /* flushed content */
};

struct notes {
    struct view views[2];
    uint32_t current;                   /* the view that counts; changed by one store */
    uint32_t latest[SECTORS];           /* the last stamp that a write was begun with */
    bool zeroed[SECTORS];               /* a zeroing was begun since the flush */
    uint64_t operations;
    bool failed;
};

static unsigned below(unsigned limit)
{
    return limit ? (unsigned)rand() % limit : 0;
}

/* --- the child ------------------------------------------------------------------------------- */

static void note(struct notes *n, unsigned first, unsigned count, uint32_t stamp)
{
    for (unsigned i = first; i < first + count; i++) {
        if (stamp) {
            n->latest[i] = stamp;
        } else {
            n->zeroed[i] = true;
        }
    }
    __sync_synchronize();
}

static int write_stamp(struct block_node *node, struct notes *n, uint32_t stamp)
{
    unsigned first = below(SECTORS - 400), count = 1 + below(below(4) ? 24 : 400);
    uint32_t *data = g_new(uint32_t, count * 128);
    int rc;

    for (unsigned i = 0; i < count * 128; i++) {
        data[i] = stamp;
    }
    note(n, first, count, stamp);
    rc = block_node_pwrite(node, first * 512ull, data, count * 512ull);
    g_free(data);
    return rc;
}

/* What is there now is what a flush has made safe: read it, and switch views. */
static int flush(struct block_node *node, struct notes *n, uint32_t stamp)
{
    struct view *next = &n->views[!n->current];
    uint8_t *data = g_malloc(DISK);
    int rc = block_node_flush(node);

    rc = rc ? rc : block_node_pread(node, 0, data, DISK);
    for (unsigned i = 0; i < SECTORS; i++) {
        next->sectors[i] = ld32_le(data + 512ull * i);
    }
    next->stamp = stamp;
    __sync_synchronize();
    if (!rc) {
        n->current = !n->current;
        __sync_synchronize();
        memset(n->zeroed, 0, sizeof(n->zeroed));
    }
    g_free(data);
    return rc;
}

static int change_snapshots(struct block_node *node, unsigned *count)
{
    const struct block_image_ops *ops = node->driver->image;
    struct image_snapshot s = { .name = (char *)"s" };
    bool good;

    if (*count < 3 && (!*count || below(2))) {
        good = ops->snapshot_create(node, &s, NULL);
        ++*count;
    } else {
        good = ops->snapshot_delete(node, "s", NULL);
        --*count;
    }
    return good ? 0 : -EIO;
}

static int step(struct block_node *node, struct notes *n, uint32_t stamp, unsigned *snapshots)
{
    unsigned first = below(SECTORS - 400), count = 1 + below(400);

    switch (below(16)) {
    case 0:
        return flush(node, n, stamp);
    case 1:
        note(n, first, count, 0);
        return block_node_write_zeroes(node, first * 512ull, count * 512ull, below(2));
    case 2:
        note(n, first, count, 0);
        return block_node_discard(node, first * 512ull, count * 512ull);
    case 3:
        return below(3) ? 0 : change_snapshots(node, snapshots);
    case 4:
        return *snapshots || below(4) || block_node_resize(node, DISK + below(64) * 65536ull,
                                                           BLOCK_PREALLOC_OFF, NULL) ? 0 : -EIO;
    default:
        return write_stamp(node, n, stamp);
    }
}

static void child(const char *file, struct notes *n, unsigned seed)
{
    struct block_node *node = block_node_open(file, "qcow2", NULL, NODE_UNMAP, NULL);
    unsigned snapshots = 0;

    srand(seed);
    for (uint32_t stamp = 1; node; stamp++) {
        if (step(node, n, stamp, &snapshots)) {
            break;
        }
        n->operations++;
    }
    n->failed = true;
    _exit(1);
}

/* --- the parent ------------------------------------------------------------------------------ */

/* Stamps were written before the kill, flushed or newer; zeroes where zeroing was begun. */
static bool is_allowed(const struct notes *n, unsigned i, uint32_t stamp)
{
    const struct view *v = &n->views[n->current];

    return stamp == v->sectors[i] || (stamp == 0 && n->zeroed[i]) ||
        (stamp > v->stamp && stamp <= n->latest[i]);
}

/*
 * What QEMU's check says besides leaks. It calls a COPIED flag that is missing where the refcount
 * is 1 an error, which costs a copy and nothing else; a flag that is set wrongly is one.
 */
static bool peer_finds_corruption(const char *file)
{
    char *command = g_strdup_printf(
        "out=$(/usr/bin/qemu-img check -f qcow2 '%s' 2>&1); rc=$?; "
        "test $rc != 0 && test $rc != 3 && echo \"$out\" | grep -v '^Leaked' | "
        "grep -vE 'OFLAG_COPIED .*l[12]_entry=[0-9a-f]{1,15} refcount=1$' | "
        "grep -E '^ERROR|OFLAG|refcount=|Could not' >&2", file);
    bool found = system(command) == 0;

    g_free(command);
    return found;
}

static const char *verify(const char *file, const struct notes *n, bool ask_peer)
{
    struct image_check r = { .quiet = true };
    struct block_node *node = block_node_open(file, "qcow2", NULL, 0, NULL);
    uint8_t *data = g_malloc(DISK);
    const char *fault = NULL;

    if (!node) {
        fault = "the image does not open";
    } else if (node->driver->image->check(node, 0, &r) || r.corruptions || r.check_errors) {
        fault = "check finds corruption";
    } else if (block_node_pread(node, 0, data, DISK)) {
        fault = "the image cannot be read";
    }
    for (unsigned i = 0; i < SECTORS && !fault; i++) {
        for (unsigned k = 0; k < 512 && !fault; k += 4) {
            if (!is_allowed(n, i, ld32_le(data + 512ull * i + k))) {
                fault = "a flushed sector is lost";
            }
        }
    }
    block_node_close(node);
    g_free(data);
    if (!fault && ask_peer && access("/usr/bin/qemu-img", X_OK) == 0 &&
        peer_finds_corruption(file)) {
        fault = "the other qemu-img finds corruption";
    }
    return fault;
}

static const char *run(const char *options, const char *folder, unsigned seed)
{
    struct notes *n = mmap(NULL, sizeof(*n), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                           -1, 0);
    struct keyval *kv = keyval_parse("-o", options, NULL, NULL);
    char *file = g_strdup_printf("%s/image", folder);
    const char *fault = NULL;
    pid_t pid;

    if (n == MAP_FAILED || !image_create(file, "qcow2", DISK, kv, NULL)) {
        return "no image to begin with";
    }
    pid = fork();
    if (pid == 0) {
        child(file, n, seed);
    }
    srand(seed);
    usleep(2000 + below(60000));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    fault = n->failed ? "the child failed" : verify(file, n, seed % 8 == 0);
    if (fault) {
        printf("# seed %u, after %llu operations\n", seed, (unsigned long long)n->operations);
    }
    munmap(n, sizeof(*n));
    unlink(file);
    keyval_free(kv);
    g_free(file);
    return fault;
}

int main(void)
{
    static const char *const kinds[] = {
        "", "cluster_size=4096", "cluster_size=512,refcount_bits=64", "compat=0.10",
        "extended_l2=on", "lazy_refcounts=on,cluster_size=4096",
    };
    char *folder = g_dir_make_tmp("kill-XXXXXX", NULL);
    const char *text = getenv("IMAGE_KILL_PROCESSES");
    unsigned count = text ? atoi(text) : 5;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const char *fault = NULL;
        unsigned n = 0;

        for (; n < count && !fault; n++) {
            fault = run(kinds[i], folder, n + 1);
        }
        ok(!fault, "%u processes killed while they changed an image with '%s'", n, kinds[i]);
        if (fault) {
            printf("# kill %u: %s\n", n, fault);
        }
        fflush(stdout);
    }
    rmdir(folder);
    g_free(folder);
    return tap_done();
}
