/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Regions, flat views, access splitting and byte order, dirty pages. */
#include "tests/tap.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/lock.h"
#include "hw/core/memory.h"

static struct memory_region root;
static struct address_space as;

/* --- a device that writes down how it is called ---------------------------------------------- */

static char calls[256];
static uint64_t read_value;

static uint64_t device_read(void *dev, uint64_t offset, unsigned size)
{
    snprintf(calls + strlen(calls), sizeof(calls) - strlen(calls), "r%u@%llx;", size,
             (unsigned long long)offset);
    return read_value >> 8 * (offset & 7);
}

static void device_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    snprintf(calls + strlen(calls), sizeof(calls) - strlen(calls), "w%u@%llx=%llx;", size,
             (unsigned long long)offset, (unsigned long long)value);
}

static const struct mmio_ops plain_ops = { device_read, device_write };

static void is_calls(const char *want, const char *name)
{
    is_text(calls, want, name);
    calls[0] = '\0';
}

/* --- flattening ------------------------------------------------------------------------------ */

static char map_text[1024];

static void describe(void *opaque, const struct memory_range *r)
{
    snprintf(map_text + strlen(map_text), sizeof(map_text) - strlen(map_text),
             "%llx-%llx %s@%llx%s;", (unsigned long long)r->first, (unsigned long long)r->last,
             r->region->name, (unsigned long long)r->offset, r->readonly ? " ro" : "");
}

static void is_map(const char *want, const char *name)
{
    map_text[0] = '\0';
    address_space_walk(&as, describe, NULL);
    is_text(map_text, want, name);
}

static void begin(void)
{
    memory_region_init(&root, "root", 0);
    address_space_init(&as, "test", &root);
}

static void end(void)
{
    address_space_fini(&as);
}

static void test_flatten(void)
{
    struct memory_region ram, mmio, low, high, box, inner;

    begin();
    is_map("", "an empty map");
    ok(memory_region_init_ram(&ram, "ram", 0x200000, NULL), "RAM");
    memory_region_init_mmio(&mmio, "mmio", 0x1000, &plain_ops, NULL);
    memory_region_init_alias(&low, "low", &ram, 0, 0x100000);
    memory_region_init_alias(&high, "high", &ram, 0x100000, 0x1000000);
    memory_region_add(&root, 0, &low);
    memory_region_add(&root, 0x100000, &high);
    is_map("0-1fffff ram@0;", "adjacent aliases join and stop at the target's end");
    memory_region_add_priority(&root, 0xa0000, &mmio, 1);
    is_map("0-9ffff ram@0;a0000-a0fff mmio@0;a1000-1fffff ram@a1000;", "a higher priority");
    memory_region_set_readonly(&high, true);
    is_map("0-9ffff ram@0;a0000-a0fff mmio@0;a1000-fffff ram@a1000;100000-1fffff ram@100000 ro;",
           "a read-only alias");
    memory_region_set_readonly(&high, false);
    memory_region_set_alias_offset(&high, 0x180000);
    is_map("0-9ffff ram@0;a0000-a0fff mmio@0;a1000-fffff ram@a1000;100000-17ffff ram@180000;",
           "an alias moved in its target");
    memory_transaction_begin();
    memory_region_enable(&low, false);
    memory_region_remove(&high);
    is_map("0-9ffff ram@0;a0000-a0fff mmio@0;a1000-fffff ram@a1000;100000-17ffff ram@180000;",
           "nothing happens inside a transaction");
    memory_transaction_commit();
    is_map("a0000-a0fff mmio@0;", "the commit shows");
    memory_region_move(&mmio, UINT64_MAX - 0xfff);
    is_map("fffffffffffff000-ffffffffffffffff mmio@0;", "the last page of the space");
    memory_region_move(&mmio, UINT64_MAX - 0xff);
    is_map("ffffffffffffff00-ffffffffffffffff mmio@0;", "cut at the end of the space");

    memory_region_init(&box, "box", 0x1800);
    memory_region_init_mmio(&inner, "inner", 0x1000, &plain_ops, NULL);
    memory_region_remove(&mmio);
    memory_region_add(&box, 0, &inner);
    memory_region_add(&box, 0x800, &mmio);
    memory_region_add(&root, 0x10000, &box);
    is_map("10000-107ff inner@0;10800-117ff mmio@0;", "the last added wins");
    memory_region_set_size(&box, 0xc00);
    is_map("10000-107ff inner@0;10800-10bff mmio@0;", "a container cuts its children");
    memory_region_set_size(&inner, 0x400);
    is_map("10000-103ff inner@0;10800-10bff mmio@0;", "a region that shrinks");
    end();
    memory_region_fini(&mmio);
    memory_region_fini(&inner);
    memory_region_fini(&ram);
}

/* --- random trees against a walk of the tree ------------------------------------------------ */

enum { NODES = 12, SPACE = 64 };

/* Which region answers at an offset of `mr`, found the slow way. */
static struct memory_region *resolve(struct memory_region *mr, uint64_t *offset)
{
    if (!mr->enabled || (mr->size && *offset >= mr->size)) {
        return NULL;
    }
    for (struct memory_region *child = mr->first_child; child; child = child->next_sibling) {
        uint64_t inner = *offset - child->address;
        struct memory_region *found = *offset >= child->address ? resolve(child, &inner) : NULL;

        if (found) {
            *offset = inner;
            return found;
        }
    }
    if (mr->kind == MEMORY_ALIAS) {
        *offset += mr->target_offset;
        return resolve(mr->target, offset);
    }
    return mr->kind == MEMORY_CONTAINER ? NULL : mr;
}

static bool same_as_tree(void)
{
    struct ram_span span;

    for (uint64_t address = 0; address < 2 * SPACE; address++) {
        uint64_t offset = address;
        struct memory_region *want = resolve(&root, &offset);

        memory_lookup_ram(&as, address, &span);
        if (span.region != want || (want && span.offset != offset) || span.first > address ||
            span.last < address) {
            return false;
        }
    }
    return true;
}

/* Parents and alias targets have lower numbers than what refers to them: no cycles. */
static void make_random_tree(struct memory_region nodes[NODES])
{
    for (int i = 0; i < NODES; i++) {
        uint64_t size = 1 + rand() % SPACE;
        int kind = rand() % (i ? 3 : 2);

        if (kind == 0) {
            memory_region_init(&nodes[i], "container", size);
        } else if (kind == 1) {
            memory_region_init_mmio(&nodes[i], "mmio", size, &plain_ops, NULL);
        } else {
            memory_region_init_alias(&nodes[i], "alias", &nodes[rand() % i], rand() % SPACE, size);
        }
        nodes[i].enabled = rand() % 8 != 0;
    }
    for (int i = NODES - 1; i >= 0; i--) {
        int parent = i + 1 + rand() % (NODES - i);
        bool top = parent >= NODES || rand() % 2;

        memory_region_add_priority(top ? &root : &nodes[parent], rand() % SPACE, &nodes[i],
                                   rand() % 3);
    }
}

static void test_random(void)
{
    struct memory_region nodes[NODES];
    int good = 0;

    srand(7);
    for (int i = 0; i < 500; i++) {
        begin();
        memory_transaction_begin();
        make_random_tree(nodes);
        memory_transaction_commit();
        good += same_as_tree();
        end();
    }
    is_int(good, 500, "random trees");
}

/* --- RAM, ROM and lookups -------------------------------------------------------------------- */

static void test_ram(void)
{
    struct memory_region ram, rom, flash;
    struct ram_span span;
    uint64_t value;
    uint8_t bytes[8];
    struct error *err = NULL;

    begin();
    ok(memory_region_init_ram(&ram, "ram", 0x10000, NULL), "RAM");
    ok(memory_region_init_rom(&rom, "rom", 0x10000, NULL), "ROM");
    ok(memory_region_init_romd(&flash, "flash", 0x1000, &plain_ops, NULL, NULL), "flash");
    ok(!memory_region_init_ram(&(struct memory_region){ 0 }, "big", 1ull << 62, &err) && err,
       "an absurd size is an error");
    error_free(err);
    memory_region_add(&root, 0, &ram);
    memory_region_add(&root, 0x10000, &rom);
    memory_region_add(&root, 0x30000, &flash);

    ok(address_space_st(&as, 0xfffd, 4, ENDIAN_LITTLE, 0x44332211) == MEM_OK, "a store into ROM");
    ok(address_space_ld(&as, 0xfffd, 4, ENDIAN_LITTLE, &value) == MEM_OK && value == 0x332211,
       "loses the ROM's part");
    ok(address_space_ld(&as, 0xfffd, 2, ENDIAN_BIG, &value) == MEM_OK && value == 0x1122,
       "big endian");
    ok(address_space_st(&as, 0x10000, 8, ENDIAN_LITTLE, 1) == MEM_REFUSED, "ROM refuses stores");
    ok(address_space_write_rom(&as, 0xfffe, "abcd", 4) == MEM_OK, "the loader may");
    ok(memcmp((char *)memory_region_host(&rom), "cd", 2) == 0, "and it is there");
    ok(address_space_read(&as, 0x1fffe, bytes, 4) == MEM_UNASSIGNED &&
       memcmp(bytes, "\0\0\xff\xff", 4) == 0, "unassigned bytes read as 0xff");
    ok(address_space_ld(&as, 0x20000, 4, ENDIAN_LITTLE, &value) == MEM_UNASSIGNED &&
       value == 0xffffffff, "unassigned loads");
    ok(address_space_ld(&as, 0x1fffe, 4, ENDIAN_LITTLE, &value) == MEM_OK && value == 0xffff0000,
       "half unassigned");
    ok(address_space_ld(&as, UINT64_MAX - 1, 4, ENDIAN_LITTLE, &value) == MEM_OK &&
       value == 0x0000ffff, "the space wraps around");

    ok(memory_lookup_ram(&as, 0x1234, &span) && span.writable && span.first == 0 &&
       span.last == 0xffff && span.host == (uint8_t *)memory_region_host(&ram) + 0x1234 &&
       span.ram_addr == memory_region_ram_addr(&ram) + 0x1234, "RAM span");
    ok(memory_lookup_ram(&as, 0x10000, &span) && span.rom && !span.writable, "ROM span");
    ok(!memory_lookup_ram(&as, 0x20001, &span) && !span.region && span.first == 0x20000 &&
       span.last == 0x2ffff, "a hole");
    ok(!memory_lookup_ram(&as, 0x40000, &span) && span.first == 0x31000 &&
       span.last == UINT64_MAX, "the hole at the end");
    ok(memory_lookup_ram(&as, 0x30010, &span) && !span.writable && !span.rom, "direct flash");
    ok(address_space_st(&as, 0x30010, 1, ENDIAN_LITTLE, 0x90) == MEM_OK, "a flash command");
    is_calls("w1@10=90;", "goes to the ops");
    memory_region_set_romd_direct(&flash, false);
    ok(!memory_lookup_ram(&as, 0x30010, &span) && span.region == &flash && span.offset == 0x10,
       "flash in command mode");
    ok(address_space_ld(&as, 0x30010, 1, ENDIAN_LITTLE, &value) == MEM_OK, "a flash status");
    is_calls("r1@10;", "comes from the ops");
    end();
    memory_region_fini(&ram);
    memory_region_fini(&rom);
    memory_region_fini(&flash);
}

/* --- widths and byte order ------------------------------------------------------------------- */

static const struct mmio_ops byte_ops = { device_read, device_write, .max = 1 };
static const struct mmio_ops wide_ops = { device_read, device_write, .min = 4, .max = 4 };
static const struct mmio_ops big_ops = { device_read, device_write, .endian = ENDIAN_BIG };
static const struct mmio_ops strict_ops = {
    device_read, device_write, .valid_min = 2, .valid_max = 2
};
static const struct mmio_ops loose_ops = { device_read, device_write, .unaligned = true };
static const struct mmio_ops silent_ops = { 0 };

static uint64_t load(const struct mmio_ops *ops, uint64_t offset, unsigned size, enum endian endian)
{
    struct memory_region mr;
    uint64_t value;

    memory_region_init_mmio(&mr, "device", 0x100, ops, NULL);
    memory_region_ld(&mr, offset, size, endian, &value);
    return value;
}

static enum mem_result store(const struct mmio_ops *ops, uint64_t offset, unsigned size,
                             enum endian endian, uint64_t value)
{
    struct memory_region mr;

    memory_region_init_mmio(&mr, "device", 0x100, ops, NULL);
    return memory_region_st(&mr, offset, size, endian, value);
}

static void test_widths(void)
{
    read_value = 0x8877665544332211;
    is_int(load(&plain_ops, 0, 8, ENDIAN_LITTLE), read_value, "8 bytes as two words");
    is_calls("r4@0;r4@4;", "8 bytes");
    is_int(load(&plain_ops, 1, 4, ENDIAN_LITTLE), 0x55443322, "misaligned");
    is_calls("r1@1;r2@2;r1@4;", "misaligned pieces are aligned");
    is_int(load(&loose_ops, 1, 4, ENDIAN_LITTLE), 0x55443322, "a device that does misaligned");
    is_calls("r4@1;", "one call");
    is_int(load(&byte_ops, 0, 4, ENDIAN_BIG), 0x11223344, "bytes for a big-endian CPU");
    is_calls("r1@0;r1@1;r1@2;r1@3;", "bytes");
    is_int(load(&wide_ops, 2, 1, ENDIAN_LITTLE), 0x33, "a byte of a wide register");
    is_calls("r4@0;", "one wide read");
    is_int(load(&wide_ops, 3, 2, ENDIAN_LITTLE), 0x5544, "across two wide registers");
    is_calls("r4@0;r4@4;", "two wide reads");
    is_int(load(&big_ops, 0, 4, ENDIAN_BIG), 0x44332211, "big device, big CPU");
    is_int(load(&big_ops, 0, 4, ENDIAN_LITTLE), 0x11223344, "big device, little CPU");
    is_calls("r4@0;r4@0;", "big");
    is_int(load(&strict_ops, 0, 4, ENDIAN_LITTLE), 0xffffffff, "a refused width");
    is_calls("", "does not reach the device");
    is_int(load(&silent_ops, 0, 2, ENDIAN_LITTLE), 0xffff, "no read callback");

    store(&plain_ops, 4, 8, ENDIAN_LITTLE, 0x8877665544332211);
    is_calls("w4@4=44332211;w4@8=88776655;", "8 bytes");
    store(&wide_ops, 5, 1, ENDIAN_LITTLE, 0x1ab);
    is_calls("w4@4=ab00;", "other lanes are zero");
    store(&plain_ops, 0, 2, ENDIAN_BIG, 0x1122);
    is_calls("w2@0=2211;", "a big-endian CPU");
    store(&big_ops, 0, 2, ENDIAN_BIG, 0x1122);
    is_calls("w2@0=1122;", "and a big-endian device");
    store(&plain_ops, 0, 1, ENDIAN_LITTLE, 0xfffff);
    is_calls("w1@0=ff;", "values are cut to their width");
    is_int(store(&strict_ops, 0, 1, ENDIAN_LITTLE, 0), MEM_REFUSED, "a refused width");
    is_int(store(&silent_ops, 0, 2, ENDIAN_LITTLE, 0), MEM_OK, "no write callback");
}

static enum mem_result own_result;

static void write_to_self(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    ok(big_lock_held(), "a device runs under the big lock");
    own_result = address_space_st(&as, 0x1000, 4, ENDIAN_LITTLE, 1);
}

static void test_devices(void)
{
    static const struct mmio_ops self_ops = { NULL, write_to_self };
    struct memory_region mr, other;
    uint64_t value;

    begin();
    memory_region_init_mmio(&mr, "self", 0x10, &self_ops, NULL);
    memory_region_init_mmio(&other, "other", 0x3, &byte_ops, NULL);
    memory_region_add(&root, 0x1000, &mr);
    memory_region_add(&root, 0x2000, &other);
    is_int(address_space_st(&as, 0x1004, 4, ENDIAN_LITTLE, 0), MEM_OK, "the outer access");
    is_int(own_result, MEM_REFUSED, "a device cannot reach its own registers");
    ok(!big_lock_held() && !mr.busy, "and all is released");
    read_value = 0x332211;
    is_int(address_space_ld(&as, 0x2002, 2, ENDIAN_LITTLE, &value), MEM_OK, "over the end");
    is_int(value, 0xff33, "gives what is there");
    is_calls("r1@2;", "one call");
    is_int(address_space_write(&as, 0x1fff, "abcde", 5), MEM_UNASSIGNED, "bytes over a device");
    is_calls("w1@0=62;w1@1=63;w1@2=64;", "reach it");
    end();
}

/* --- dirty pages ----------------------------------------------------------------------------- */

static uint64_t watched_at, watched_size, code_at, code_size;
static int code_calls, map_changes;

static void watched(void *opaque, uint64_t ram_addr, uint64_t size)
{
    watched_at = ram_addr;
    watched_size = size;
}

static void code_stored(void *opaque, uint64_t ram_addr, uint64_t size)
{
    code_calls++;
    code_at = ram_addr;
    code_size = size;
}

static void map_changed(void *opaque, struct address_space *which)
{
    map_changes += which == &as;
}

static void test_dirty(void)
{
    struct memory_listener listener = { map_changed, watched, code_stored };
    struct memory_region ram, second;
    uint64_t base;

    begin();
    memory_listener_add(&listener);
    ok(memory_region_init_ram(&ram, "ram", 0x10000, NULL), "RAM");
    ok(memory_region_init_ram(&second, "second", 0x1800, NULL), "more RAM");
    base = memory_region_ram_addr(&ram);
    ok(memory_region_ram_addr(&second) != base && is_aligned(base, MEMORY_PAGE_SIZE) &&
       ram_block_at(base + 0xffff) == ram.block && ram_block_at(1ull << 39) == NULL, "blocks");
    memory_region_add(&root, 0, &ram);
    is_int(map_changes, 1, "a listener hears of the change");
    memory_region_enable(&second, false);
    is_int(map_changes, 1, "but not when the view is the same");

    ok(memory_dirty_test(base, 0x10000, DIRTY_VGA), "fresh memory is dirty");
    ok(memory_dirty_test_and_clear(base, 0x10000, DIRTY_VGA), "and once more while cleaning");
    ok(watched_at == base && watched_size == 0x10000, "the pages are watched");
    ok(!memory_dirty_test(base, 0x10000, DIRTY_VGA) &&
       memory_dirty_test(base, 0x10000, DIRTY_MIGRATION), "clean for this client only");
    watched_size = 0;
    memory_dirty_clear(base + 0x1000, 0x2000, DIRTY_CODE);
    is_int(watched_size, 0, "pages that are watched already are no news");
    ok(address_space_st(&as, 0x1ffe, 4, ENDIAN_LITTLE, 1) == MEM_OK, "a store over two pages");
    ok(code_calls == 2 && code_at == base + 0x2000 && code_size == 2, "is told for each");
    ok(memory_dirty_test(base + 0x1000, 1, DIRTY_VGA) && memory_dirty_test(base + 0x2000, 1, 1) &&
       !memory_dirty_test(base + 0x3000, 0x1000, DIRTY_VGA), "and makes just these dirty");
    address_space_write(&as, 0x1000, "x", 1);
    is_int(code_calls, 2, "code is told once");
    memory_dirty_set(base, 0x10000, DIRTY_VGA);
    ok(memory_dirty_test(base + 0x3000, 0x1000, DIRTY_VGA), "made dirty by hand");
    memory_note_store(UINT64_MAX - 10, 100);
    memory_dirty_clear(1ull << 41, 4096, DIRTY_ALL);
    ok(!memory_dirty_test(1ull << 41, 4096, DIRTY_VGA), "addresses outside of RAM are harmless");
    memory_dirty_clear(base + 0x5000, 1, DIRTY_CODE);
    code_calls = 0;
    end();
    memory_region_fini(&ram);
    is_int(code_calls, 1, "code goes with its RAM");
    memory_region_fini(&second);
    ok(memory_region_init_ram(&ram, "again", 0x10000, NULL) &&
       *(uint8_t *)memory_region_host(&ram) == 0 && memory_region_ram_addr(&ram) == base,
       "used again, and zero");
    memory_region_fini(&ram);
    memory_listener_remove(&listener);
}

/* --- readers while the map changes ----------------------------------------------------------- */

static bool stop;
static struct memory_region first_ram, second_ram, remote;

static uint64_t remote_read(void *dev, uint64_t offset, unsigned size)
{
    return 3;
}

/* Sees one of the two RAMs or the device at address 0, never anything else. */
static void *reader(void *wrong)
{
    struct ram_span span;
    uint64_t value;

    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        if (address_space_ld(&as, 0, 4, ENDIAN_LITTLE, &value) != MEM_OK || value - 1 > 2) {
            ++*(unsigned *)wrong;
        }
        if (memory_lookup_ram(&as, 8, &span) && span.first != 0) {
            ++*(unsigned *)wrong;
        }
    }
    return NULL;
}

static void test_readers(void)
{
    static const struct mmio_ops remote_ops = { remote_read };
    struct memory_region *maps[] = { &first_ram, &second_ram, &remote };
    pthread_t threads[2];
    unsigned wrong[2] = { 0 };

    begin();
    ok(memory_region_init_ram(&first_ram, "first", 0x1000, NULL), "RAM");
    ok(memory_region_init_ram(&second_ram, "second", 0x1000, NULL), "RAM");
    memory_region_init_mmio(&remote, "remote", 0x1000, &remote_ops, NULL);
    *(uint32_t *)memory_region_host(&first_ram) = 1;
    *(uint32_t *)memory_region_host(&second_ram) = 2;
    memory_region_add(&root, 0, &first_ram);
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, reader, &wrong[i]);
    }
    for (int i = 0; i < 3000; i++) {
        big_lock();
        memory_transaction_begin();
        memory_region_remove(maps[i % 3]);
        memory_region_add(&root, 0, maps[(i + 1) % 3]);
        memory_transaction_commit();
        big_unlock();
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        is_int(wrong[i], 0, "a reader saw only whole maps");
    }
    end();
}

int main(void)
{
    test_flatten();
    test_random();
    test_ram();
    test_widths();
    test_devices();
    test_dirty();
    test_readers();
    return tap_done();
}
