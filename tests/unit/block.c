/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives: keys, raw images against a plain array, the snapshot overlay, requests, media. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/main-loop.h"
#include "block/drive.h"
#include "tests/tap.h"

#define SIZE (1 << 20)

static char *image;
static uint8_t shadow[SIZE];

static void make_image(void)
{
    for (int i = 0; i < SIZE; i++) {
        shadow[i] = i * 7 + (i >> 9);
    }
    memset(shadow, 0, 512);
    g_file_set_contents(image, (char *)shadow, SIZE, NULL);
}

static struct block *add(const char *fmt, struct error **err)
{
    char *text = g_strdup_printf(fmt, image);
    struct block *block = block_add_drive(text, err);

    g_free(text);
    return block;
}

static bool same_as_shadow(struct block *block)
{
    static uint8_t data[SIZE];

    return block_pread(block, 0, data, SIZE) == 0 && memcmp(data, shadow, SIZE) == 0;
}

static bool image_is(const uint8_t *want)
{
    char *data;
    size_t size;
    bool same = g_file_get_contents(image, &data, &size, NULL) && size == SIZE &&
        memcmp(data, want, SIZE) == 0;

    g_free(data);
    return same;
}

/* Random writes of all kinds to the drive and to the array. */
static void scribble(struct block *block, unsigned seed)
{
    static uint8_t data[20000];

    srand(seed);
    for (int i = 0; i < 200; i++) {
        size_t size = rand() % sizeof(data), offset = 512 + rand() % (SIZE - 512 - sizeof(data));

        if (i % 5 == 0) {
            block_write_zeroes(block, offset, size, i % 2);
            memset(shadow + offset, 0, size);
        } else {
            memset(data, rand(), size);
            block_pwrite(block, offset, data, size);
            memcpy(shadow + offset, data, size);
        }
    }
}

static void test_raw(void)
{
    struct block *block = add("file=%s,format=raw,if=none,id=d", NULL);
    uint8_t byte = 1;

    ok(block && block_length(block) == SIZE, "a raw image opens");
    ok(same_as_shadow(block), "and reads");
    scribble(block, 1);
    ok(same_as_shadow(block) && image_is(shadow), "random writes arrive");
    is_int(block_pread(block, SIZE - 1, &byte, 2), -EINVAL, "reading past the end is refused");
    is_int(block_pwrite(block, SIZE, &byte, 1), -EINVAL, "writing past the end is refused");
    is_int(block_pwrite(block, UINT64_MAX, &byte, 1), -EINVAL, "offsets do not wrap");
    is_int(block_flush(block), 0, "flush works");
    block_close(block);

    block = add("file=%s,format=raw,if=none,id=d,readonly=on", NULL);
    is_int(block_pwrite(block, 0, &byte, 1), -EROFS, "a read-only drive refuses writes");
    block_close(block);

    block = add("file=%s,format=raw,if=none,id=d,offset=512,size=1024", NULL);
    ok(block && block_length(block) == 1024, "a part of a file is a drive");
    ok(block_pread(block, 0, &byte, 1) == 0 && byte == shadow[512], "and starts at its offset");
    block_close(block);
}

static void test_guard(void)
{
    static const char header[] = "QFI\xfb\0\0\0\3";
    struct block *block = add("file=%s,if=none,id=d", NULL);
    char *file = g_strdup_printf("%s.q", image);
    struct error *err = NULL;

    is_int(block_pwrite(block, 0, header, 8), -EPERM, "a guessed raw image cannot become qcow2");
    is_int(block_pwrite(block, 4, header, 4), 0, "other bytes of block 0 can be written");
    is_int(block_pwrite(block, 4, shadow + 4, 4), 0, "and written back");
    block_close(block);
    g_file_set_contents(file, header, 8, NULL);
    ok(!block_open(file, NULL, true, &err) && err, "a qcow2 image is not taken for a raw one");
    error_free(err);
    unlink(file);
    g_free(file);
}

static void test_overlay(void)
{
    static uint8_t before[SIZE];
    struct block *block = add("file=%s,format=raw,if=none,id=d,snapshot=on", NULL);
    struct error *err = NULL;

    memcpy(before, shadow, SIZE);
    ok(block && !block_readonly(block), "a snapshot is writable");
    scribble(block, 2);
    ok(same_as_shadow(block), "random writes read back");
    ok(image_is(before), "and leave the image alone");
    ok(block_commit(block, &err), "commit works");
    ok(image_is(shadow), "and brings them into the image");
    block_close(block);

    block_set_snapshot(true);
    block = add("file=%s,format=raw,if=none,id=d", NULL);
    ok(block_is_snapshot(block), "-snapshot is the default of later drives");
    block_close(block);
    block_set_snapshot(false);
}

static int finished, failed;

static void on_done(struct block_request *r, int result)
{
    finished++;
    failed += result != 0;
}

static void test_requests(void)
{
    static struct block_request requests[64];
    static uint8_t data[64][4096];
    struct block *block = add("file=%s,format=raw,if=none,id=d", NULL);
    struct iovec iov[2] = { { data[0], 1000 }, { data[1], 3096 } };

    for (int i = 0; i < 64; i++) {
        requests[i] = (struct block_request){ .op = BLOCK_READ, .offset = i * 4096, .size = 4096,
                                              .data = data[i], .done = on_done };
        block_submit(block, &requests[i]);
    }
    block_drain(block);
    is_int(finished, 64, "a drain ends all requests");
    is_int(failed, 0, "without errors");
    ok(memcmp(data, shadow, sizeof(data)) == 0, "and with the right bytes");

    requests[0] = (struct block_request){ .op = BLOCK_READ, .offset = 8192, .size = 4096,
                                          .iov = iov, .iov_count = 2, .done = on_done };
    block_submit(block, &requests[0]);
    for (int i = 0; i < 1000 && finished == 64; i++) {
        main_loop_step(false);
        g_usleep(1000);
    }
    ok(finished == 65 && memcmp(data[0], shadow + 8192, 1000) == 0 &&
       memcmp(data[1], shadow + 9192, 3096) == 0, "a vector is filled, told by the main loop");

    requests[0] = (struct block_request){ .op = BLOCK_WRITE, .offset = SIZE, .size = 4096,
                                          .data = data[0], .done = on_done };
    block_submit(block, &requests[0]);
    block_drain_all();
    is_int(failed, 1, "an error is told");
    block_close(block);
}

static int changes;

static void on_changed(void *opaque, bool inserted)
{
    changes++;
}

static void test_media(void)
{
    static const struct block_device_ops ops = { .changed = on_changed };
    struct block *block = block_add_drive("if=ide,index=2,media=cdrom", NULL);
    uint8_t byte;

    ok(block && !block_inserted(block), "a CD-ROM drive can be empty");
    is_text(block_id(block), "ide1-cd0", "it has its classic name");
    is_int(block_pread(block, 0, &byte, 1), -ENOMEDIUM, "and nothing to read");
    ok(block_attach(block, &ops, &changes, NULL), "a device takes it");
    ok(!block_attach(block, &ops, &changes, NULL), "only one does");
    ok(block_change_medium(block, image, "raw", NULL) && changes == 1, "a disc goes in");
    ok(block_readonly(block) && block_pread(block, 512, &byte, 1) == 0, "it is read only");
    ok(block_change_medium(block, image, NULL, NULL) && changes == 3, "another takes its place");
    ok(!block_change_medium(block, "/nonexistent", NULL, NULL) && block_inserted(block),
       "a failed change keeps the disc");
    ok(block_eject_medium(block, false, NULL) && !block_inserted(block), "it comes out");
    block_close(block);
}

static void test_refusals(void)
{
    static const char *const bad[] = {
        "file=%s,if=foo", "file=%s,format=qcow2", "file=%s,format=nosuch", "file=%s,nosuchkey=1",
        "file=%s,index=1,unit=1", "file=%s,if=ide,bus=0,unit=2", "file=%s,index=999",
        "file=%s,cache=fast", "file=%s,werror=maybe", "file=%s,media=tape", "file=%s.nosuch",
        "if=ide", "file=nbd:localhost:1,x=%s", "file=%s,cyls=0,heads=99,secs=1",
        "file=%s,readonly=maybe", "file=/,x=%s", "file=%s,detect-zeroes=unmap", "file=%s,size=2T",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct error *err = NULL;

        ok(!add(bad[i], &err) && err, "'%s' is refused", bad[i]);
        printf("# %s\n", err ? error_text(err) : "");
        error_free(err);
    }
    ok(!block_first(), "and leaves no drive behind");
}

static void test_places(void)
{
    struct block *a = add("file=%s,locking=off,format=raw", NULL);
    struct block *b = add("file=%s,format=raw", NULL);
    struct block *c = add("file=%s,locking=off,format=raw,index=3", NULL);
    struct error *err = NULL;
    struct block_geometry g;

    ok(block_find_drive(BLOCK_IF_IDE, 0, 0) == a && block_find_drive(BLOCK_IF_IDE, 0, 1) == b,
       "drives take the next free place");
    ok(block_find_drive(BLOCK_IF_IDE, 1, 1) == c, "or the one with the index");
    ok(!add("file=%s,locking=off,format=raw,index=3", &err) && strstr(error_text(err), "exists"),
       "a place is taken once");
    error_free(err);
    ok(!block_geometry_hint(a, &g), "no geometry is forced");
    block_close(a);
    a = add("file=%s,locking=off,format=raw,cyls=10,heads=4,secs=17,serial=QM1", NULL);
    ok(block_geometry_hint(a, &g) && g.cylinders == 10 && g.heads == 4 && g.sectors == 17,
       "unless it is given");
    is_text(block_serial(a), "QM1", "serial= is kept");
    is_int(block_error_action(a, false, -ENOSPC), BLOCK_ERROR_STOP, "a full disk stops it");
    is_int(block_error_action(a, true, -EIO), BLOCK_ERROR_REPORT, "read errors go to the guest");
    block_close(a);
    block_close(b);
    block_close(c);
}

/* A drive on a qcow2 image with snapshots and the state of a machine in it. */
static void test_snapshots(void)
{
    struct keyval *none = keyval_create("-o");
    struct image_snapshot s = { .name = (char *)"first", .vm_state_size = 300000 }, *list;
    char *file = g_strdup_printf("%s.qcow2", image), *text;
    uint8_t *state = g_malloc(300000), *back = g_malloc0(300000), byte = 7;
    struct block *block;
    size_t count = 0;

    ok(image_create(file, "qcow2", SIZE, none, NULL), "a qcow2 image is made");
    text = g_strdup_printf("file=%s,if=none,id=q", file);
    block = block_add_drive(text, NULL);
    ok(block && strcmp(block_format(block), "qcow2") == 0, "and recognised");
    memset(state, 0x5a, 300000);
    block_pwrite(block, 1000, &byte, 1);
    is_int(block_vm_state(block, 0, state, 300000, true), 0, "the machine's state is written");
    ok(block_can_snapshot(block) && block_snapshot_create(block, &s, NULL), "a snapshot is made");
    byte = 8;
    block_pwrite(block, 1000, &byte, 1);
    ok(block_snapshot_apply(block, "first", NULL), "it is applied");
    block_pread(block, 1000, &byte, 1);
    is_int(byte, 7, "the disk is back");
    ok(block_vm_state(block, 0, back, 300000, false) == 0 && memcmp(state, back, 300000) == 0,
       "and so is the state");
    list = block_snapshots(block, &count);
    ok(count == 1 && list[0].vm_state_size == 300000 && strcmp(list[0].id, "1") == 0,
       "it is listed");
    image_snapshots_free(list, count);
    ok(block_resize(block, 2 * SIZE, NULL) && block_length(block) == 2 * SIZE, "the disk grows");
    ok(block_snapshot_delete(block, "1", NULL), "the snapshot is deleted");
    block_close(block);
    block = add("file=%s,format=raw,if=none,id=d", NULL);
    ok(!block_can_snapshot(block) && !block_snapshot_create(block, &s, NULL),
       "a raw image has no snapshots");
    block_close(block);
    unlink(file);
    keyval_free(none);
    g_free(state);
    g_free(back);
    g_free(file);
    g_free(text);
}

int main(void)
{
    char *folder = g_dir_make_tmp("block-XXXXXX", NULL);

    image = g_strdup_printf("%s/disk.img", folder);
    main_loop_init();
    make_image();
    test_raw();
    test_guard();
    test_overlay();
    test_requests();
    test_snapshots();
    test_media();
    test_refusals();
    test_places();
    unlink(image);
    ok(rmdir(folder) == 0, "no file is left behind");
    return tap_done();
}
