/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flat views, private to hw/core/memory-*.c.
 *
 * A view never changes once published. It is replaced with the big lock held and freed at a moment
 * when no thread is between view_enter() and view_leave(); who holds the big lock needs neither.
 * Inside such a section a reader uses only the view itself and host memory: regions may be gone.
 */
#ifndef HW_CORE_MEMORY_VIEW_H
#define HW_CORE_MEMORY_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/core/memory.h"

struct flat_range {
    uint64_t first, last;
    struct memory_region *region;
    uint64_t offset;        /* of `first` in the region */
    uint8_t *host;          /* of `first`; NULL for MMIO */
    uint64_t ram_addr;      /* of `first`, with host */
    bool readable;          /* loads come from host, otherwise from the ops */
    bool writable;          /* stores go to host, otherwise (unless rom) to the ops */
    bool rom;               /* stores are dropped */
};

struct flat_view {
    uint32_t count;
    uint32_t hint;          /* the range found last */
    struct flat_view *next_retired;
    struct flat_range ranges[];
};

extern uint32_t view_readers;
/* Counts the changes of all maps. */
extern uint32_t view_generation;

static inline const struct flat_view *view_enter(const struct address_space *as)
{
    __atomic_fetch_add(&view_readers, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&as->view, __ATOMIC_SEQ_CST);
}

static inline void view_leave(void)
{
    __atomic_fetch_sub(&view_readers, 1, __ATOMIC_SEQ_CST);
}

/* The first range that ends at or after the address; `count` when there is none. */
uint32_t view_index(const struct flat_view *view, uint64_t address);

/* The range that holds the address, or NULL. */
static inline const struct flat_range *view_find(const struct flat_view *view, uint64_t address)
{
    uint32_t i = view_index(view, address);

    return i < view->count && view->ranges[i].first <= address ? &view->ranges[i] : NULL;
}

struct flat_view *view_build(struct memory_region *root);
bool view_equal(const struct flat_view *a, const struct flat_view *b);

static inline uint64_t memory_region_last(const struct memory_region *mr)
{
    return mr->size - 1;    /* size 0 stands for 2^64 */
}

/* RAM blocks and listeners, for the other files. */
struct ram_block *ram_block_create(const char *name, uint64_t size, void *host,
                                   struct error **err);
void ram_block_destroy(struct ram_block *block);
void memory_listeners_changed(struct address_space *as);

#endif
