/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared folders: ways out that must not be, messages that lie, and noise. */
#include "tests/hw/virtio-bench.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/option.h"
#include "hw/virtio/share.h"

#define F1 VIRTIO_BIT(32)
enum { REQUEST = 0x10000, ANSWER = 0x12000 };
enum { ERROR = 7, LOPEN = 12, LCREATE = 14, SYMLINK = 16, MKNOD = 18, RENAME = 20, READLINK = 22,
       GETATTR = 24, READDIR = 40, MKDIR = 72, RENAMEAT = 74, UNLINKAT = 76, VERSION = 100,
       ATTACH = 104, WALK = 110, READ = 116, WRITE_ = 118, CLUNK = 120, REMOVE_ = 122 };

static char folder[] = "/tmp/virtio-9p-XXXXXX";
static struct ring ring;
static uint8_t packet[8192];
static size_t size;

/* --- messages -------------------------------------------------------------------------------- */

static void begin(uint8_t type)
{
    packet[4] = type;
    st16_le(packet + 5, 1);
    size = 7;
}

static void put(unsigned bytes, uint64_t value)
{
    st_le(packet + size, bytes, value);
    size += bytes;
}

static void put_text(const char *text)
{
    put(2, strlen(text));
    memcpy(packet + size, text, strlen(text));
    size += strlen(text);
}

/* The type of the answer, or the negative errno of an error; 0: none came. */
static int ask(void)
{
    unsigned type;

    st32_le(packet, (uint32_t)size);
    address_space_write(&bench.memory, REQUEST, packet, size);
    put_desc(ring.desc, 0, REQUEST, (uint32_t)size, NEXT, 1);
    put_desc(ring.desc, 1, ANSWER, 4096, WRITE, 0);
    offer(&ring, 0);
    notify(&ring);
    if (reap(&ring) < 0) {
        return 0;
    }
    type = peek(ANSWER + 4, 1);
    return type == ERROR ? -(int)peek(ANSWER + 7, 4) : (int)type;
}

static int walk(uint32_t from, uint32_t to, const char *a, const char *b)
{
    begin(WALK);
    put(4, from);
    put(4, to);
    put(2, (a != NULL) + (b != NULL));
    if (a) {
        put_text(a);
    }
    if (b) {
        put_text(b);
    }
    return ask();
}

static int with_name(uint8_t type, uint32_t fid, const char *name, unsigned words)
{
    begin(type);
    put(4, fid);
    put_text(name);
    for (unsigned i = 0; i < words; i++) {
        put(4, 0644);
    }
    return ask();
}

static int clunk(uint32_t fid)
{
    begin(CLUNK);
    put(4, fid);
    return ask();
}

static void start(void)
{
    negotiate(F1 | 1);
    ring = make_ring(0, 16, 0x2000, 0xffff);
    set(0x14, 15, 1);
    begin(VERSION);
    put(4, 8192);
    put_text("9P2000.L");
    ok(ask() == VERSION + 1, "a session");
    begin(ATTACH);
    put(4, 0);
    put(4, UINT32_MAX);
    put_text("root");
    put_text("");
    put(4, 0);
    ok(ask() == ATTACH + 1, "attached");
}

/* --- checks ---------------------------------------------------------------------------------- */

static void check_names(void)
{
    static const char *const bad[] = { "a/b", "..", ".", "", "/etc" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ok(with_name(MKDIR, 0, bad[i], 2) == -EINVAL, "no folder '%s'", bad[i]);
        ok(walk(0, 5, "inner", NULL) == WALK + 1, "walk");
        ok(with_name(LCREATE, 5, bad[i], 3) == -EINVAL, "no file");
        ok(with_name(UNLINKAT, 5, bad[i], 1) == -EINVAL, "nothing to remove");
        ok(clunk(5) == CLUNK + 1, "clunk");
    }
    is_int(walk(0, 5, "a/b", NULL), -EINVAL, "no walk through a slash");
    is_int(walk(0, 5, "..", ".."), WALK + 1, "the parent of the share");
    begin(GETATTR);
    put(4, 5);
    put(8, 0x7ff);
    is_int(ask(), GETATTR + 1, "has attributes");
    ok(clunk(5) > 0 && walk(0, 5, "..", "outside") > 0 && peek(ANSWER + 7, 2) == 1,
       "but nothing else is in it: it is the share");
    is_int(clunk(5), -EBADF, "no file was made for a part of the way");
    is_int(walk(0, 5, "nothing", NULL), -ENOENT, "a name that is not there");
    is_int(walk(99, 5, NULL, NULL), -EBADF, "an unknown number");
    is_int(walk(0, 0, "inner", NULL), WALK + 1, "a number can move");
    is_int(walk(0, 0, "..", NULL), WALK + 1, "and back");
}

static int open_file(uint32_t fid, uint32_t flags)
{
    begin(LOPEN);
    put(4, fid);
    put(4, flags);
    return ask();
}

static void check_links(void)
{
    is_int(walk(0, 5, "out", NULL), WALK + 1, "a link that leads out is a file");
    is_int(open_file(5, 0), -ELOOP, "that does not open");
    is_int(clunk(5), CLUNK + 1, "clunk");
    ok(walk(0, 5, "out", "passwd") == WALK + 1 && peek(ANSWER + 7, 2) == 1,
       "and has nothing in it");
    is_int(walk(0, 5, "pipe", NULL), WALK + 1, "a pipe");
    is_int(open_file(5, 0), -EACCES, "does not open and does not block");
    is_int(clunk(5), CLUNK + 1, "clunk");

    /* A folder that was walked to becomes a link behind the guest's back. */
    is_int(walk(0, 5, "inner", NULL), WALK + 1, "a folder");
    is_int(walk(0, 6, "inner", "file"), WALK + 1, "and a file in it");
    {
        g_autofree char *inner = g_strdup_printf("%s/share/inner", folder);
        g_autofree char *moved = g_strdup_printf("%s/share/moved", folder);

        ok(rename(inner, moved) == 0 && symlink("/etc", inner) == 0, "change");
        is_int(walk(5, 7, "passwd", NULL), -ENOTDIR, "it is not followed");
        is_int(with_name(MKDIR, 5, "made", 2), -ENOTDIR, "nor is anything made there");
        is_int(open_file(6, 0), -ENOTDIR, "nor opened");
        ok(unlink(inner) == 0 && rename(moved, inner) == 0, "change back");
    }
    is_int(open_file(6, 0), LOPEN + 1, "then it opens");
    is_int(open_file(6, 0), -EBADF, "once");
    begin(READ);
    put(4, 6);
    put(8, 0);
    put(4, UINT32_MAX);
    is_int(ask(), READ + 1, "a read of 4 GiB");
    is_int(peek(ANSWER + 7, 4), 5, "brings what is there");
    begin(WRITE_);
    put(4, 6);
    put(8, 0);
    put(4, 5000);
    is_int(ask(), -EINVAL, "a write of more than was sent");
    begin(READDIR);
    put(4, 6);
    put(8, 0);
    put(4, 100);
    is_int(ask(), -EBADF, "a file is no folder");
}

static void check_saving(void)
{
    struct error *err = NULL;

    ok(!device_can_save_all(&err), "a folder in use cannot be saved");
    error_free(err);
    set(0x14, 0, 1);
    ok(device_can_save_all(NULL), "until the driver goes");
    check_state();
    map_device();
}

static void check_messages(void)
{
    start();
    begin(GETATTR);
    is_int(ask(), -EBADF, "a message without its members");
    begin(200);
    is_int(ask(), -EOPNOTSUPP, "an unknown one");
    begin(WALK);
    put(4, 0);
    put(4, 8);
    put(2, 17);
    is_int(ask(), -EBADF, "too many steps");
    begin(MKDIR);
    put(4, 0);
    put(2, 60000);
    is_int(ask(), -EINVAL, "a string behind the end");
    size = 3;
    st32_le(packet, 7);
    put_desc(ring.desc, 0, REQUEST, 3, NEXT, 1);
    offer(&ring, 0);
    notify(&ring);
    ok(get(0x14, 1) & 0x40, "half a header breaks the device");
}

/* Messages with the right shape and anything in them. */
static void noise(void)
{
    static const uint8_t types[] = { 8, 12, 16, 18, 20, 22, 24, 26, 40, 50, 52, 54, 70, 72, 74, 104,
                                     108, 110, 116, 118, 120, 122 };

    begin(types[dice() % ARRAY_LEN(types)]);
    for (unsigned n = dice() % 12; n; n--) {
        switch (dice() % 4) {
        case 0: put(8, dice() % 3 ? dice() % 8 : dice()); break;
        case 1: put_text(dice() % 2 ? "inner" : "new"); break;
        default: put(4, dice() % 4 ? dice() % 8 : dice()); break;
        }
    }
    ask();
}

static void check_noise(void)
{
    start();
    for (unsigned i = 0; i < 5000; i++) {
        if (get(0x14, 1) & 0x40 || i % 500 == 0) {
            set(0x14, 0, 1);
            negotiate(F1 | 1);
            ring = make_ring(0, 16, 0x2000, 0xffff);
            set(0x14, 15, 1);
            begin(ATTACH);
            put(4, 0);
            put(4, UINT32_MAX);
            put_text("root");
            put_text("");
            put(4, 0);
            ask();
        }
        noise();
    }
    ok(true, "messages with noise in them");
    fuzz(1, 200, 0x100, NULL);
}

static void make_files(void)
{
    g_autofree char *script = g_strdup_printf(
        "cd %s && mkdir -p share/inner && printf 12345 > share/inner/file && ln -s /etc share/out "
        "&& mkfifo share/pipe && touch outside", mkdtemp(folder));

    if (system(script) != 0) {
        error_exit("cannot make %s", folder);
    }
}

static void remove_files(const char *where)
{
    g_autofree char *script = g_strdup_printf("rm -rf %s", where);

    ok(system(script) == 0, "cleaned up");
}

int main(void)
{
    const struct option_row row = { "fsdev", true };
    struct error *err = NULL;
    struct device *dev;
    char text[200];

    make_files();
    snprintf(text, sizeof(text), "local,id=s,path=%s/share,security_model=none", folder);
    if (!share_add_option(NULL, &row, text, &err)) {
        error_exit_with(err);
    }
    ok(!share_add_option(NULL, &row, "local,id=t,path=/tmp", &err), "the security must be said");
    error_free(err);
    machine_start();
    dev = device_create("virtio-9p-pci", NULL);
    ok(device_set(dev, "fsdev", "s", NULL) && device_set(dev, "mount_tag", "tag", NULL), "device");
    plug(dev);
    is_int(get(0x2000, 4), 3 | 't' << 16 | 'a' << 24, "its tag");
    start();
    check_names();
    check_links();
    check_saving();
    check_messages();
    check_noise();
    unplug();
    remove_files(folder);
    return tap_done();
}
