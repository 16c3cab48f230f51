/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives in use while their data is copied: random writes go on during mirror, backup, stream and
 * commit, and a copy in memory tells what must be where. Limits of speed and copy-on-read too.
 * JOBS_TEST_SEED chooses other writes.
 */
#include <glib.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/main-loop.h"
#include "block/job.h"
#include "tests/tap.h"

enum { SIZE = 6 << 20 | 512, MAX_WRITE = 100000, IN_FLIGHT = 6 };

static char *folder;
static uint8_t *model;
static uint64_t seed = 88172645463325252ull;
static struct block *drive;

static uint32_t random32(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed >> 16;
}

static char *path(const char *name)
{
    return g_strdup_printf("%s/%s", folder, name);
}

static void die(struct error *err)
{
    if (err) {
        error_exit_with(err);
    }
}

/* --- images ---------------------------------------------------------------------------------- */

static void make_image(const char *name, const char *backing)
{
    struct keyval *options = keyval_create("test");
    char *file = path(name), *below = backing ? path(backing) : NULL;
    struct error *err = NULL;

    if (below) {
        keyval_set(options, "backing_file", below);
        keyval_set(options, "backing_fmt", "qcow2");
    }
    image_create(file, "qcow2", SIZE, options, &err);
    die(err);
    keyval_free(options);
    g_free(file);
    g_free(below);
}

static void open_drive(const char *name, const char *keys)
{
    struct error *err = NULL;
    char *text = g_strdup_printf("if=none,id=d,format=qcow2,file=%s/%s%s", folder, name, keys);

    drive = block_add_drive(text, &err);
    die(err);
    g_free(text);
}

static void close_drive(void)
{
    block_close(drive);
    drive = NULL;
}

/* A closed image's content. */
static bool image_is(const char *name, const uint8_t *wanted)
{
    char *file = path(name);
    struct error *err = NULL;
    struct block_node *node = block_node_open(file, NULL, NULL, NODE_READONLY, &err);
    uint8_t *data = g_malloc(SIZE);
    bool same;

    die(err);
    same = block_node_length(node) == SIZE && block_node_pread(node, 0, data, SIZE) == 0 &&
        memcmp(data, wanted, SIZE) == 0;
    block_node_close(node);
    g_free(data);
    g_free(file);
    return same;
}

static bool drive_is(const uint8_t *wanted)
{
    uint8_t *data = g_malloc(SIZE);
    bool same = block_pread(drive, 0, data, SIZE) == 0 && memcmp(data, wanted, SIZE) == 0;

    g_free(data);
    return same;
}

static bool is_clean(const char *name)
{
    char *file = path(name);
    struct block_node *node = block_node_open(file, "qcow2", NULL, NODE_NO_BACKING, NULL);
    struct image_check check = { .quiet = true };
    bool clean = node && node->driver->image->check(node, 0, &check) == 0 && !check.corruptions &&
        !check.leaks && !check.check_errors;

    block_node_close(node);
    g_free(file);
    return clean;
}

/* --- a guest --------------------------------------------------------------------------------- */

static unsigned in_flight, failures;

static void written(struct block_request *request, int result)
{
    in_flight--;
    failures += result != 0;
    g_free(request->data);
    g_free(request);
}

/* Ranges in flight must not overlap: each of the slots has a part of the disk. */
static void write_somewhere(void)
{
    static unsigned slot;
    struct block_request *r = g_new0(struct block_request, 1);
    uint32_t part = SIZE / IN_FLIGHT, kind = random32() % 8;

    slot = (slot + 1) % IN_FLIGHT;
    r->size = 1 + random32() % MAX_WRITE;
    r->offset = slot * part + random32() % (part - r->size);
    r->data = g_malloc(r->size);
    r->op = kind == 0 ? BLOCK_WRITE_ZEROES : kind == 1 ? BLOCK_FLUSH : BLOCK_WRITE;
    r->done = written;
    memset(r->data, kind == 2 ? 0 : random32(), r->size);
    if (r->op == BLOCK_WRITE_ZEROES) {
        memset(model + r->offset, 0, r->size);
    } else if (r->op == BLOCK_WRITE) {
        memcpy(model + r->offset, r->data, r->size);
    }
    in_flight++;
    block_submit(drive, r);
}

static void work(unsigned writes)
{
    for (unsigned i = 0; i < writes; i++) {
        write_somewhere();
        while (in_flight >= IN_FLIGHT) {
            main_loop_step(true);
        }
        /* In order: then a slot's range is not used twice at a time. */
        if (i % IN_FLIGHT == IN_FLIGHT - 1) {
            block_drain(drive);
        }
    }
    block_drain(drive);
}

/* Writes until the job is over or has caught up; false when it takes too long. */
static bool work_until(bool ready)
{
    int64_t end = clock_ns(CLOCK_HOST) + 20 * NS_PER_SECOND;

    while (clock_ns(CLOCK_HOST) < end) {
        if (!drive->job || (ready && __atomic_load_n(&drive->job->ready, __ATOMIC_ACQUIRE))) {
            return true;
        }
        work(1);
        g_usleep(300);
        main_loop_step(false);
    }
    return false;
}

static void start_with(const char *name, const char *below)
{
    memset(model, 0, SIZE);
    if (below) {
        make_image(below, NULL);
        open_drive(below, "");
        work(60);
        close_drive();
    }
    make_image(name, below);
    open_drive(name, "");
    work(10);
}

/* --- jobs ------------------------------------------------------------------------------------ */

static void complete_job(void)
{
    struct error *err = NULL;

    block_job_complete(drive->job, &err);
    die(err);
}

static void test_mirror(const char *what, unsigned flags, bool complete)
{
    char *target = path("target");
    struct error *err = NULL;
    uint8_t *then = g_malloc(SIZE);

    start_with("top", "base");
    ok(block_mirror(drive, target, "qcow2", flags, &err), "%s starts", what);
    die(err);
    ok(!block_job_allows(drive, NULL) && !block_mirror(drive, target, "qcow2", flags, NULL),
       "one job a drive");
    ok(work_until(true), "it catches up");
    work(5);
    if (complete) {
        complete_job();
    } else {
        block_job_cancel(drive->job, false);
    }
    ok(work_until(false), "and ends");
    ok((g_strcmp0(block_file(drive), target) == 0) == complete, "the drive's image");
    memcpy(then, model, SIZE);
    if (complete) {
        work(20);
        ok(drive_is(model), "the drive is right");
        close_drive();
        ok(image_is("target", model), "and so is the target");
    } else {
        close_drive();
        ok(image_is("top", model), "the drive is right");
    }
    ok(is_clean("target") && is_clean("top") && is_clean("base"), "all images are clean");
    g_free(target);
    g_free(then);
}

static void test_backup(const char *what, unsigned flags)
{
    char *target = path("target");
    struct error *err = NULL;
    uint8_t *then = g_malloc(SIZE);

    start_with("top", "base");
    memcpy(then, model, SIZE);
    ok(block_backup(drive, target, "qcow2", flags, &err), "%s starts", what);
    die(err);
    ok(work_until(false), "and ends while the drive is written to");
    work(10);
    ok(drive_is(model), "the drive is right");
    close_drive();
    ok(image_is("target", then), "the target is as the drive was");
    ok(is_clean("target") && is_clean("top"), "both are clean");
    g_free(target);
    g_free(then);
}

static void test_stream(bool with_base)
{
    struct error *err = NULL;
    char *base = path("base");

    start_with("mid", "base");
    close_drive();
    make_image("top", "mid");
    open_drive("top", "");
    work(10);
    ok(block_stream(drive, with_base ? base : NULL, 0, &err), "stream starts");
    die(err);
    ok(work_until(false), "and ends");
    ok(with_base ? drive->node->backing && !drive->node->backing->backing : !drive->node->backing,
       "the images below are not needed any more");
    ok(drive_is(model), "the drive is right");
    close_drive();
    ok(image_is("top", model) && is_clean("top"), "and its image is clean");
    g_free(base);
}

static void test_commit_live(void)
{
    struct error *err = NULL;
    char *base = path("base");

    start_with("mid", "base");
    close_drive();
    make_image("top", "mid");
    open_drive("top", "");
    work(10);
    ok(block_commit_live(drive, base, 0, &err), "commit starts");
    die(err);
    ok(work_until(true), "it catches up");
    ok(!block_commit(drive, NULL), "there is no other commit meanwhile");
    complete_job();
    ok(work_until(false), "and ends");
    ok(g_strcmp0(block_file(drive), base) == 0, "the base is the drive's image");
    work(10);
    ok(drive_is(model), "the drive is right");
    close_drive();
    ok(image_is("base", model) && is_clean("base"), "and its image is clean");
    g_free(base);
}

static void test_commit(void)
{
    struct error *err = NULL;

    start_with("top", "base");
    ok(block_commit(drive, &err), "commit");
    die(err);
    ok(drive_is(model), "the drive is the same");
    work(5);
    ok(drive_is(model), "and can be written to");
    block_commit(drive, &err);
    die(err);
    close_drive();
    ok(image_is("base", model) && is_clean("base") && is_clean("top"), "the base has all");
}

static void test_chain(void)
{
    struct error *err = NULL;

    start_with("top", NULL);
    for (int i = 0; i < 10; i++) {
        char *file = g_strdup_printf("%s/layer%d", folder, i);

        block_snapshot_external(drive, file, NULL, false, &err);
        die(err);
        work(6);
        g_free(file);
    }
    ok(drive_is(model), "a chain of ten snapshots");
    ok(block_stream(drive, NULL, 0, NULL) && work_until(false) && !drive->node->backing,
       "becomes one image");
    ok(drive_is(model), "with the same content");
    ok(!block_snapshot_external(drive, "/nonexistent/x", NULL, false, &err) && drive_is(model),
       "a snapshot that cannot be made changes nothing");
    error_free(err);
    close_drive();
}

static void test_failing_target(void)
{
    struct error *err = NULL;

    start_with("top", NULL);
    ok(!block_mirror(drive, "/dev/full/x", "qcow2", 0, &err) && !drive->job, "no target, no job");
    error_free(err);
    work(3);
    ok(drive_is(model), "and no harm");
    close_drive();
}

/* --- settings -------------------------------------------------------------------------------- */

static void test_limits(void)
{
    int64_t start, spent;
    struct throttle_limits limits = { .limit[THROTTLE_BPS_WRITE] = { 4 << 20, 0, 1 } };

    make_image("top", NULL);
    open_drive("top", ",iops_rd=1000,bps_wr=100000");
    ok(throttle_active(drive->throttle), "limits from -drive");
    block_set_limits(drive, &limits);
    start = clock_ns(CLOCK_HOST);
    for (int i = 0; i < 30; i++) {
        write_somewhere();
    }
    while (in_flight) {
        main_loop_step(true);
    }
    spent = clock_ns(CLOCK_HOST) - start;
    ok(spent > 50 * NS_PER_MS && spent < 5 * NS_PER_SECOND, "writes are held back: %d ms",
       (int)(spent / NS_PER_MS));
    limits.limit[THROTTLE_BPS_WRITE].average = 1000;
    block_set_limits(drive, &limits);
    start = clock_ns(CLOCK_HOST);
    for (int i = 0; i < 5; i++) {
        write_somewhere();
    }
    block_drain(drive);
    ok(clock_ns(CLOCK_HOST) - start < 2 * NS_PER_SECOND, "a drain does not wait for limits");
    close_drive();
}

static void test_copy_on_read(void)
{
    uint8_t data[512];
    struct block_extent e;

    start_with("top", "base");
    close_drive();
    open_drive("top", ",copy-on-read=on");
    for (unsigned i = 0; i < 20; i++) {
        uint64_t at = random32() % (SIZE - 512);

        if (block_pread(drive, at, data, 512) || memcmp(data, model + at, 512) != 0 ||
            block_node_status(drive->node, at, 1, &e) || !e.allocated) {
            ok(false, "copy-on-read at %llu", (unsigned long long)at);
        }
        work(1);
    }
    ok(drive_is(model), "copy-on-read");
    close_drive();
    ok(image_is("top", model) && is_clean("top"), "leaves a clean image");
}

static void remove_folder(void)
{
    char *command = g_strdup_printf("rm -r '%s'", folder);

    if (system(command)) {
        printf("# %s stays\n", folder);
    }
    g_free(command);
}

int main(void)
{
    const char *start = getenv("JOBS_TEST_SEED");

    seed += start ? strtoull(start, NULL, 0) * 7919 : 0;
    folder = g_dir_make_tmp("qemu-jobs-XXXXXX", NULL);
    model = g_malloc0(SIZE);
    main_loop_init();
    test_mirror("a full mirror", JOB_FULL, true);
    test_mirror("a mirror of the top", 0, true);
    test_mirror("a mirror that is cancelled", JOB_FULL, false);
    test_backup("a full backup", JOB_FULL);
    test_backup("a compressed backup", JOB_FULL | JOB_COMPRESS);
    test_backup("a backup of the top", 0);
    test_stream(false);
    test_stream(true);
    test_commit_live();
    test_commit();
    test_chain();
    test_failing_target();
    test_limits();
    test_copy_on_read();
    ok(failures == 0, "no write failed");
    remove_folder();
    return tap_done();
}
