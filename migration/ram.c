/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM in a stream. A run is: block (2 bytes), first page (8), number of pages (4), kind (1),
 * and for RUN_DATA the pages.
 */
#include "migration/ram.h"

#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/core/memory.h"

enum { RUN_ZERO, RUN_DATA };
enum { MAX_DATA_PAGES = 64, MAX_ZERO_PAGES = 1 << 20, MAX_BLOCKS = 4096 };

/* --- sets of pages --------------------------------------------------------------------------- */

static uint64_t pages_of(const struct ram_block *block)
{
    return align_up(block->size, MEMORY_PAGE_SIZE) >> MEMORY_PAGE_BITS;
}

static uint32_t instance_of(const struct ram_pages *ram, const char *name)
{
    uint32_t instance = 0;

    for (unsigned i = 0; i < ram->count; i++) {
        instance += strcmp(ram->blocks[i].name, name) == 0;
    }
    return instance;
}

static void want_all(struct ram_pages *ram, struct ram_pages_block *b)
{
    b->wanted = g_malloc0((b->pages + 63) / 64 * 8);
    for (uint64_t i = 0; i < b->pages / 64; i++) {
        b->wanted[i] = UINT64_MAX;
    }
    if (b->pages % 64) {
        b->wanted[b->pages / 64] = bits_mask(b->pages % 64);
    }
    ram->left += b->pages;
}

struct ram_pages *ram_pages_create(void)
{
    struct ram_pages *ram = g_new0(struct ram_pages, 1);

    for (struct ram_block *block = ram_block_first(); block; block = block->next) {
        struct ram_pages_block *b;

        ram->blocks = g_renew(struct ram_pages_block, ram->blocks, ram->count + 1);
        b = &ram->blocks[ram->count];
        *b = (struct ram_pages_block){
            .name = block->name, .instance = instance_of(ram, block->name), .host = block->host,
            .ram_addr = block->ram_addr, .pages = pages_of(block),
        };
        want_all(ram, b);
        ram->count++;
    }
    return ram;
}

void ram_pages_free(struct ram_pages *ram)
{
    for (unsigned i = 0; ram && i < ram->count; i++) {
        g_free(ram->blocks[i].wanted);
    }
    if (ram) {
        g_free(ram->blocks);
        g_free(ram);
    }
}

uint64_t ram_pages_total(const struct ram_pages *ram)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < ram->count; i++) {
        total += ram->blocks[i].pages;
    }
    return total;
}

bool ram_pages_valid(const struct ram_pages *ram)
{
    unsigned i = 0;

    for (struct ram_block *block = ram_block_first(); block; block = block->next, i++) {
        if (i >= ram->count || ram->blocks[i].ram_addr != block->ram_addr ||
            ram->blocks[i].pages != pages_of(block)) {
            return false;
        }
    }
    return i == ram->count;
}

void ram_pages_collect(struct ram_pages *ram)
{
    for (unsigned i = 0; i < ram->count; i++) {
        struct ram_pages_block *b = &ram->blocks[i];

        ram->left += memory_dirty_collect(b->ram_addr, b->pages << MEMORY_PAGE_BITS,
                                          DIRTY_MIGRATION, b->wanted);
        b->first_wanted = 0;
    }
}

void ram_pages_unwatch(const struct ram_pages *ram)
{
    for (unsigned i = 0; i < ram->count; i++) {
        memory_dirty_set(ram->blocks[i].ram_addr, ram->blocks[i].pages << MEMORY_PAGE_BITS,
                         DIRTY_MIGRATION);
    }
}

static bool is_wanted(const struct ram_pages_block *b, uint64_t page)
{
    return page < b->pages && b->wanted[page / 64] >> (page % 64) & 1;
}

/* Moves first_wanted to the next page of the set; false when there is none in this block. */
static bool find_wanted(struct ram_pages_block *b)
{
    uint64_t page = b->first_wanted;

    while (page < b->pages) {
        uint64_t word = b->wanted[page / 64] >> (page % 64);

        if (word) {
            b->first_wanted = page + __builtin_ctzll(word);
            return true;
        }
        page = (page / 64 + 1) * 64;
    }
    b->first_wanted = b->pages;
    return false;
}

static bool page_is_zero(const struct ram_pages_block *b, uint64_t page)
{
    const uint8_t *p = b->host + (page << MEMORY_PAGE_BITS);

    return !*p && memcmp(p, p + 1, MEMORY_PAGE_SIZE - 1) == 0;
}

/* --- saving ---------------------------------------------------------------------------------- */

void ram_save_blocks(struct stream *s, const struct ram_pages *ram)
{
    stream_put_number(s, ram->count, 2);
    for (unsigned i = 0; i < ram->count; i++) {
        const struct ram_pages_block *b = &ram->blocks[i];
        uint8_t length = MIN_OF(strlen(b->name), 255u);

        stream_put_number(s, length, 1);
        stream_put(s, b->name, length);
        stream_put_number(s, b->instance, 4);
        stream_put_number(s, b->pages, 8);
    }
}

static void take(struct ram_pages *ram, struct ram_pages_block *b, uint64_t page)
{
    b->wanted[page / 64] &= ~(1ull << (page % 64));
    ram->left--;
}

static void save_pages(struct stream *s, const struct ram_pages_block *b, unsigned index,
                       uint64_t first, uint32_t count, bool zero, struct ram_stats *stats)
{
    uint64_t start = stream_position(s);

    stream_put_number(s, index, 2);
    stream_put_number(s, first, 8);
    stream_put_number(s, count, 4);
    stream_put_number(s, zero ? RUN_ZERO : RUN_DATA, 1);
    if (!zero) {
        stream_put(s, b->host + (first << MEMORY_PAGE_BITS), (size_t)count << MEMORY_PAGE_BITS);
    }
    stats->zero_pages += zero ? count : 0;
    stats->normal_pages += zero ? 0 : count;
    stats->bytes += stream_position(s) - start;
}

/* Pages leave the set before their content is looked at: later stores put them back. */
bool ram_save_run(struct stream *s, struct ram_pages *ram, struct ram_stats *stats)
{
    unsigned index = 0;
    struct ram_pages_block *b;
    uint64_t first, page;
    bool zero;

    while (index < ram->count && !find_wanted(&ram->blocks[index])) {
        index++;
    }
    if (index == ram->count) {
        return false;
    }
    b = &ram->blocks[index];
    first = page = b->first_wanted;
    zero = page_is_zero(b, page);
    do {
        take(ram, b, page++);
    } while (is_wanted(b, page) && page - first < (zero ? MAX_ZERO_PAGES : MAX_DATA_PAGES) &&
             page_is_zero(b, page) == zero);
    save_pages(s, b, index, first, page - first, zero, stats);
    return true;
}

/* --- loading --------------------------------------------------------------------------------- */

static bool load_block(struct stream *s, const struct ram_pages_block *b)
{
    char name[256] = "";
    uint8_t length = stream_get_number(s, 1);
    uint32_t instance;
    uint64_t pages;

    stream_get(s, name, length);
    instance = stream_get_number(s, 4);
    pages = stream_get_number(s, 8);
    if (!stream_failed(s) && (strcmp(name, b->name) != 0 || instance != b->instance)) {
        stream_fail(s, "the saved machine has RAM '%s' number %u where this one has '%s' number %u",
                    g_str_is_ascii(name) ? name : "?", instance, b->name, b->instance);
    } else if (pages != b->pages) {
        stream_fail(s, "'%s' has %llu KiB in the saved machine and %llu KiB in this one", b->name,
                    (unsigned long long)pages * 4, (unsigned long long)b->pages * 4);
    }
    return !stream_failed(s);
}

bool ram_load_blocks(struct stream *s, const struct ram_pages *ram)
{
    unsigned count = stream_get_number(s, 2);

    for (unsigned i = 0; i < MIN_OF(count, ram->count); i++) {
        if (!load_block(s, &ram->blocks[i])) {
            return false;
        }
    }
    if (count != ram->count) {
        stream_fail(s, "the saved machine has %u pieces of RAM and this one %u: its devices differ",
                    count, ram->count);
    }
    return !stream_failed(s);
}

/* Pages that are zero already stay untouched and take no memory of the host. */
static void load_zeroes(const struct ram_pages_block *b, uint64_t first, uint32_t count)
{
    for (uint64_t page = first; page < first + count; page++) {
        if (!page_is_zero(b, page)) {
            memset(b->host + (page << MEMORY_PAGE_BITS), 0, MEMORY_PAGE_SIZE);
        }
    }
}

bool ram_load_run(struct stream *s, const struct ram_pages *ram)
{
    unsigned index = stream_get_number(s, 2);
    uint64_t first = stream_get_number(s, 8);
    uint32_t count = stream_get_number(s, 4);
    unsigned kind = stream_get_number(s, 1);
    const struct ram_pages_block *b = index < ram->count ? &ram->blocks[index] : NULL;

    if (stream_failed(s)) {
        return false;
    }
    if (!b || first >= b->pages || count > b->pages - first || kind > RUN_DATA) {
        stream_fail(s, "the stream names pages that are not there");
        return false;
    }
    if (kind == RUN_ZERO) {
        load_zeroes(b, first, count);
        return true;
    }
    return stream_get(s, b->host + (first << MEMORY_PAGE_BITS),
                      (size_t)count << MEMORY_PAGE_BITS);
}

void ram_loaded(const struct ram_pages *ram)
{
    for (unsigned i = 0; i < ram->count; i++) {
        memory_note_store(ram->blocks[i].ram_addr, ram->blocks[i].pages << MEMORY_PAGE_BITS);
    }
}
