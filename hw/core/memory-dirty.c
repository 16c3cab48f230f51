/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAM blocks, the watch byte of each page, and the listeners.
 *
 * Records of blocks and their host memory are recycled, never unmapped: a vCPU may hold a pointer
 * until it has dropped its translations.
 */
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "base/memory.h"
#include "hw/core/memory-view.h"
#include "hw/core/memory.h"

/* How much RAM there can be; the watch bytes are address space only until they are used. */
#define RAM_SPACE (sizeof(void *) == 8 ? 1ull << 40 : 1ull << 32)

uint8_t *memory_watch;

static struct ram_block *blocks;         /* by ram_addr */
static struct ram_block *spare_blocks;   /* host memory of dead blocks, for the next of that size */
static struct memory_listener *listeners;

/* --- listeners ------------------------------------------------------------------------------- */

#define FOR_EACH_LISTENER(l)                                                                       \
    for (struct memory_listener *l = __atomic_load_n(&listeners, __ATOMIC_ACQUIRE); l;             \
         l = __atomic_load_n(&l->next, __ATOMIC_ACQUIRE))

void memory_listener_add(struct memory_listener *listener)
{
    listener->next = listeners;
    __atomic_store_n(&listeners, listener, __ATOMIC_RELEASE);
}

void memory_listener_remove(struct memory_listener *listener)
{
    struct memory_listener **at = &listeners;

    while (*at && *at != listener) {
        at = &(*at)->next;
    }
    if (*at) {
        __atomic_store_n(at, listener->next, __ATOMIC_RELEASE);
    }
}

void memory_listeners_changed(struct address_space *as)
{
    FOR_EACH_LISTENER(l) {
        if (l->changed) {
            l->changed(l->opaque, as);
        }
    }
}

static void tell_watched(uint64_t ram_addr, uint64_t size)
{
    FOR_EACH_LISTENER(l) {
        if (l->watched) {
            l->watched(l->opaque, ram_addr, size);
        }
    }
}

static void tell_code_stored(uint64_t ram_addr, uint64_t size)
{
    FOR_EACH_LISTENER(l) {
        if (l->code_stored) {
            l->code_stored(l->opaque, ram_addr, size);
        }
    }
}

static void collect_stores(uint64_t ram_addr, uint64_t size, enum memory_dirty client)
{
    FOR_EACH_LISTENER(l) {
        if (l->collect) {
            l->collect(l->opaque, ram_addr, size, client);
        }
    }
}

/* --- blocks ---------------------------------------------------------------------------------- */

static bool watch_ready(struct error **err)
{
    if (!memory_watch) {
        memory_watch = host_ram_alloc(RAM_SPACE >> MEMORY_PAGE_BITS, 0, err);
    }
    return memory_watch != NULL;
}

/* The list position of the first hole of that size; NULL when there is none. */
static struct ram_block **find_hole(uint64_t size, uint64_t *ram_addr)
{
    struct ram_block **at = &blocks;

    *ram_addr = 0;
    for (; *at && (*at)->ram_addr - *ram_addr < size; at = &(*at)->next) {
        *ram_addr = (*at)->ram_addr + align_up((*at)->size, MEMORY_PAGE_SIZE);
    }
    return RAM_SPACE - *ram_addr >= size ? at : NULL;
}

static struct ram_block *take_spare(uint64_t size)
{
    struct ram_block **at = &spare_blocks, *found;

    while (*at && (*at)->size != size) {
        at = &(*at)->next;
    }
    found = *at;
    if (found) {
        *at = found->next;
    }
    return found;
}

/* A record with host memory: the caller's, or zeroed memory of our own. */
static struct ram_block *block_with_memory(uint64_t size, void *host, struct error **err)
{
    struct ram_block *block = host ? NULL : take_spare(size);

    if (block) {
        return block;
    }
    block = g_new0(struct ram_block, 1);
    block->owned = !host;
    block->host = host ? host : host_ram_alloc(size, 0, err);
    block->size = size;
    if (!block->host) {
        g_free(block);
        return NULL;
    }
    return block;
}

struct ram_block *ram_block_create(const char *name, uint64_t size, void *host,
                                   struct error **err)
{
    struct ram_block **at = NULL, *block;
    uint64_t ram_addr;

    if (size && size <= RAM_SPACE) {
        at = find_hole(align_up(size, MEMORY_PAGE_SIZE), &ram_addr);
    }
    if (!at) {
        error_set(err, "%s: cannot have %llu bytes of memory", name, (unsigned long long)size);
        return NULL;
    }
    if (!watch_ready(err)) {
        return NULL;
    }
    block = block_with_memory(size, host, err);
    if (!block) {
        if (err) {
            error_prepend(err, "%s: ", name);
        }
        return NULL;
    }
    block->name = name;
    block->ram_addr = ram_addr;
    block->next = *at;
    __atomic_store_n(at, block, __ATOMIC_RELEASE);
    return block;
}

void ram_block_destroy(struct ram_block *block)
{
    struct ram_block **at = &blocks;

    while (*at != block) {
        at = &(*at)->next;
    }
    __atomic_store_n(at, block->next, __ATOMIC_RELEASE);
    /* Its pages go to another block one day: no code and no marks may stay behind. */
    memory_note_store(block->ram_addr, block->size);
    if (block->owned) {
        host_memory_discard(block->host, block->size);
        block->next = spare_blocks;
        spare_blocks = block;
    } else {
        g_free(block);
    }
}

struct ram_block *ram_block_first(void)
{
    return blocks;
}

struct ram_block *ram_block_at(uint64_t ram_addr)
{
    struct ram_block *block = __atomic_load_n(&blocks, __ATOMIC_ACQUIRE);

    while (block && ram_addr - block->ram_addr >= block->size) {
        block = __atomic_load_n(&block->next, __ATOMIC_ACQUIRE);
    }
    return block;
}

/* --- dirty pages ----------------------------------------------------------------------------- */

struct pages {
    uint64_t first, last;
};

/* Cut to what memory_watch[] covers. False for no page at all. */
static bool pages_of(uint64_t ram_addr, uint64_t size, struct pages *pages)
{
    if (!size || ram_addr >= RAM_SPACE || !memory_watch) {
        return false;
    }
    size = MIN_OF(size, RAM_SPACE - ram_addr);
    pages->first = ram_addr >> MEMORY_PAGE_BITS;
    pages->last = (ram_addr + size - 1) >> MEMORY_PAGE_BITS;
    return true;
}

void memory_note_store(uint64_t ram_addr, uint64_t size)
{
    struct pages pages;

    if (!pages_of(ram_addr, size, &pages)) {
        return;
    }
    for (uint64_t page = pages.first; page <= pages.last; page++) {
        uint64_t start = MAX_OF(page << MEMORY_PAGE_BITS, ram_addr);
        uint64_t end = MIN_OF((page + 1) << MEMORY_PAGE_BITS, ram_addr + size);

        if (__atomic_load_n(&memory_watch[page], __ATOMIC_SEQ_CST) &&
            (__atomic_exchange_n(&memory_watch[page], 0, __ATOMIC_SEQ_CST) & DIRTY_CODE)) {
            tell_code_stored(start, end - start);
        }
    }
}

bool memory_dirty_test(uint64_t ram_addr, uint64_t size, enum memory_dirty client)
{
    struct pages pages;

    if (!pages_of(ram_addr, size, &pages)) {
        return false;
    }
    collect_stores(ram_addr, size, client);
    for (uint64_t page = pages.first; page <= pages.last; page++) {
        if (!(__atomic_load_n(&memory_watch[page], __ATOMIC_RELAXED) & client)) {
            return true;
        }
    }
    return false;
}

/* Watches the pages; true if one of them was dirty for a client of the mask. */
static bool watch(const struct pages *pages, unsigned clients)
{
    uint64_t first = UINT64_MAX, last = 0;
    bool dirty = false;

    for (uint64_t page = pages->first; page <= pages->last; page++) {
        uint8_t old = __atomic_load_n(&memory_watch[page], __ATOMIC_RELAXED);

        if ((old & clients) == clients) {
            continue;
        }
        dirty = true;
        if (__atomic_fetch_or(&memory_watch[page], clients, __ATOMIC_SEQ_CST) == 0) {
            first = MIN_OF(first, page);
            last = page;
        }
    }
    /* Stores to pages that someone watched already are on the slow path. */
    if (first <= last) {
        tell_watched(first << MEMORY_PAGE_BITS, (last - first + 1) << MEMORY_PAGE_BITS);
    }
    return dirty;
}

bool memory_dirty_test_and_clear(uint64_t ram_addr, uint64_t size, enum memory_dirty client)
{
    struct pages pages;

    if (!pages_of(ram_addr, size, &pages)) {
        return false;
    }
    collect_stores(ram_addr, size, client);
    return watch(&pages, client);
}

uint64_t memory_dirty_collect(uint64_t ram_addr, uint64_t size, enum memory_dirty client,
                              uint64_t *bits)
{
    uint64_t first = UINT64_MAX, last = 0, added = 0;
    struct pages pages;

    if (!pages_of(ram_addr, size, &pages)) {
        return 0;
    }
    collect_stores(ram_addr, size, client);
    for (uint64_t page = pages.first; page <= pages.last; page++) {
        uint64_t *word = &bits[(page - pages.first) / 64], bit = 1ull << (page - pages.first) % 64;

        if (__atomic_load_n(&memory_watch[page], __ATOMIC_RELAXED) & client) {
            continue;
        }
        added += !(*word & bit);
        *word |= bit;
        if (__atomic_fetch_or(&memory_watch[page], client, __ATOMIC_SEQ_CST) == 0) {
            first = MIN_OF(first, page);
            last = page;
        }
    }
    if (first <= last) {
        tell_watched(first << MEMORY_PAGE_BITS, (last - first + 1) << MEMORY_PAGE_BITS);
    }
    return added;
}

void memory_dirty_clear(uint64_t ram_addr, uint64_t size, unsigned clients)
{
    struct pages pages;

    if (pages_of(ram_addr, size, &pages)) {
        watch(&pages, clients);
    }
}

void memory_dirty_set(uint64_t ram_addr, uint64_t size, unsigned clients)
{
    struct pages pages;

    if (!pages_of(ram_addr, size, &pages)) {
        return;
    }
    for (uint64_t page = pages.first; page <= pages.last; page++) {
        if (__atomic_load_n(&memory_watch[page], __ATOMIC_RELAXED) & clients) {
            __atomic_fetch_and(&memory_watch[page], ~clients, __ATOMIC_SEQ_CST);
        }
    }
}
