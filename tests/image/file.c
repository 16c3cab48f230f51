/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file protocol: flushes, which share calls of fdatasync() but miss no write, and files past
 * the page cache, where any bytes can be written all the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "block/node.h"
#include "tests/tap.h"

#define THREADS 4
#define SIZE (3u << 20)
#define LANE 100                /* bytes of each thread by turns: many in a block */

/* In place of the C library's. */
static unsigned begun, ended;
static bool disk_fails;

int fdatasync(int fd)
{
    unsigned number = __atomic_add_fetch(&begun, 1, __ATOMIC_SEQ_CST);

    usleep(2000);
    __atomic_store_n(&ended, number, __ATOMIC_SEQ_CST);
    errno = EIO;
    return __atomic_load_n(&disk_fails, __ATOMIC_SEQ_CST) ? -1 : 0;
}

struct worker {
    struct block_node *node;
    uint8_t *model;
    unsigned number, missed, failures;
};

/* Every flush that succeeds must have begun a call after the write before it. */
static void *write_and_flush(void *opaque)
{
    struct worker *w = opaque;

    for (unsigned i = 0; i < 25; i++) {
        unsigned before;

        block_node_pwrite(w->node, w->number * 512, w->model, 512);
        before = __atomic_load_n(&begun, __ATOMIC_SEQ_CST);
        if (block_node_flush(w->node)) {
            w->failures++;
        } else if (__atomic_load_n(&ended, __ATOMIC_SEQ_CST) <= before) {
            w->missed++;
        }
    }
    return NULL;
}

static struct worker run_all(struct block_node *node, uint8_t *model, void *(*body)(void *))
{
    struct worker workers[THREADS], sum = { 0 };
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .node = node, .model = model, .number = i };
        pthread_create(&threads[i], NULL, body, &workers[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum.missed += workers[i].missed;
        sum.failures += workers[i].failures;
    }
    return sum;
}

static void check_flushes(const char *file)
{
    struct block_node *node = block_node_open_file(file, NULL, 0, NULL);
    uint8_t data[512] = { 1 };
    struct worker sum;

    ok(node && !block_node_flush(node) && begun == 1, "the first flush is for earlier owners");
    block_node_flush(node);
    ok(begun == 1, "a flush with nothing written costs nothing");
    block_node_pwrite(node, 0, data, sizeof(data));
    block_node_flush(node);
    block_node_write_zeroes(node, 0, 512, true);
    block_node_flush(node);
    ok(begun == 3, "a write and zeroes each ask for one");
    sum = run_all(node, data, write_and_flush);
    ok(!sum.missed && !sum.failures, "flushes at the same time are behind their writes");
    ok(begun - 3 < 25 * THREADS, "and share calls");
    disk_fails = true;
    sum = run_all(node, data, write_and_flush);
    ok(sum.failures == 25 * THREADS, "an error reaches all that waited for it");
    disk_fails = false;
    ok(block_node_flush(node), "and stays: nobody knows what was lost");
    block_node_close(node);
}

/* --- past the page cache --------------------------------------------------------------------- */

static void *write_lanes(void *opaque)
{
    struct worker *w = opaque;
    unsigned seed = w->number + 1;

    for (unsigned i = 0; i < 1000; i++) {
        unsigned lane = rand_r(&seed) % (4096 / LANE / THREADS) * THREADS + w->number;
        uint8_t *at = w->model + lane * LANE;

        memset(at, rand_r(&seed), LANE);
        w->failures += block_node_pwrite(w->node, lane * LANE, at, LANE) != 0;
    }
    return NULL;
}

static void write_anywhere(struct worker *w)
{
    unsigned offset = rand() % SIZE, size = 1 + rand() % MIN_OF(SIZE - offset, 40000u), cut;

    if (rand() % 4 == 0) {
        offset = align_down(offset, 4096);
        size = MIN_OF(align_up(size, 4096), SIZE - offset);
    } else if (rand() % 16 == 0) {
        size = SIZE - offset;
    }
    cut = rand() % size;
    for (unsigned i = 0; i < size; i++) {
        w->model[offset + i] = rand() >> 8;
    }
    w->failures += block_node_write(w->node, offset, (struct iovec[]){
        { w->model + offset, cut }, { w->model + offset + cut, size - cut } }, 2) != 0;
}

static bool is_same(struct worker *w, unsigned length, uint8_t *scratch)
{
    unsigned offset = rand() % length;

    return !block_node_pread(w->node, offset, scratch, length - offset) &&
        memcmp(scratch, w->model + offset, length - offset) == 0 &&
        !block_node_pread(w->node, 0, scratch, SIZE) && memcmp(scratch, w->model, SIZE) == 0;
}

/* Of the one descriptor that has it. */
static int open_flags(const char *file)
{
    for (int fd = 3; fd < 64; fd++) {
        char *link = g_strdup_printf("/proc/self/fd/%d", fd), *name = g_file_read_link(link, NULL);
        bool found = name && strcmp(name, file) == 0;

        g_free(link);
        g_free(name);
        if (found) {
            return fcntl(fd, F_GETFL);
        }
    }
    return 0;
}

static bool can_direct(const char *file)
{
    int fd = open(file, O_RDWR | O_DIRECT);

    close(fd);
    return fd >= 0;
}

static void check_direct(const char *file)
{
    struct keyval *options = keyval_parse("-o", "driver=raw,cache.direct=on", NULL, NULL);
    struct block_node *node;
    struct worker w = { .model = g_malloc0(SIZE) };
    uint8_t *scratch = g_malloc(SIZE);
    bool same = true;
    struct stat st;

    keyval_set(options, "file.filename", file);
    node = block_node_open_options(options, 0, NULL);
    w.node = node->child;
    ok(open_flags(file) & O_DIRECT || !can_direct(file), "cache.direct=on is heard");
    block_node_resize(w.node, 0, BLOCK_PREALLOC_OFF, NULL);
    memset(w.model + 1000, 7, 69001);
    block_node_pwrite(w.node, 1000, w.model + 1000, 69001);
    ok(stat(file, &st) == 0 && st.st_size == 70001 && block_node_length(w.node) == 70001,
       "a file ends where the last write ended");
    ok(is_same(&w, 70001, scratch), "and reads as zeroes behind it");
    for (unsigned i = 0; i < 300; i++) {
        write_anywhere(&w);
        same &= i % 20 || is_same(&w, SIZE, scratch);
    }
    ok(same && !w.failures && is_same(&w, SIZE, scratch), "bytes written anywhere are there");
    w.failures = run_all(w.node, w.model, write_lanes).failures;
    ok(!w.failures && is_same(&w, SIZE, scratch), "threads that write into the same blocks, too");
    block_node_close(node);
    keyval_free(options);
    g_free(w.model);
    g_free(scratch);
}

int main(void)
{
    char *folder = g_dir_make_tmp("file-XXXXXX", NULL), *file;

    file = g_strdup_printf("%s/file", folder);
    g_file_set_contents(file, "", 0, NULL);
    check_flushes(file);
    check_direct(file);
    unlink(file);
    rmdir(folder);
    g_free(file);
    g_free(folder);
    return tap_done();
}
