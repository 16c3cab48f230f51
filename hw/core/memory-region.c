/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree of memory regions, its changes in transactions, and the address spaces made from it. */
#include <assert.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/core/memory-view.h"
#include "hw/core/memory.h"

uint32_t view_readers;
uint32_t view_generation;

static struct address_space *spaces;
static struct flat_view *retired;   /* replaced views that a reader may still look at */
static unsigned transaction_depth;
static bool changes_pending;

/* --- making regions -------------------------------------------------------------------------- */

static void init(struct memory_region *mr, enum memory_kind kind, const char *name, uint64_t size)
{
    *mr = (struct memory_region){ .name = name, .size = size, .kind = kind, .enabled = true };
}

static bool init_block(struct memory_region *mr, enum memory_kind kind, const char *name,
                       uint64_t size, void *host, struct error **err)
{
    init(mr, kind, name, size);
    mr->block = ram_block_create(name, size, host, err);
    return mr->block != NULL;
}

void memory_region_init(struct memory_region *mr, const char *name, uint64_t size)
{
    init(mr, MEMORY_CONTAINER, name, size);
}

void memory_region_init_mmio(struct memory_region *mr, const char *name, uint64_t size,
                             const struct mmio_ops *ops, void *opaque)
{
    init(mr, MEMORY_MMIO, name, size);
    mr->ops = ops;
    mr->opaque = opaque;
}

bool memory_region_init_ram(struct memory_region *mr, const char *name, uint64_t size,
                            struct error **err)
{
    return init_block(mr, MEMORY_RAM, name, size, NULL, err);
}

bool memory_region_init_rom(struct memory_region *mr, const char *name, uint64_t size,
                            struct error **err)
{
    return init_block(mr, MEMORY_ROM, name, size, NULL, err);
}

bool memory_region_init_romd(struct memory_region *mr, const char *name, uint64_t size,
                             const struct mmio_ops *ops, void *opaque, struct error **err)
{
    bool good = init_block(mr, MEMORY_ROMD, name, size, NULL, err);

    mr->ops = ops;
    mr->opaque = opaque;
    mr->romd_direct = true;
    return good;
}

bool memory_region_init_ram_host(struct memory_region *mr, const char *name, uint64_t size,
                                 void *host, struct error **err)
{
    return init_block(mr, MEMORY_RAM, name, size, host, err);
}

void memory_region_init_alias(struct memory_region *mr, const char *name,
                              struct memory_region *target, uint64_t offset, uint64_t size)
{
    init(mr, MEMORY_ALIAS, name, size);
    mr->target = target;
    mr->target_offset = offset;
}

void memory_region_fini(struct memory_region *mr)
{
    assert(!mr->first_child);
    memory_region_remove(mr);
    if (mr->block) {
        ram_block_destroy(mr->block);
        mr->block = NULL;
    }
}

void *memory_region_host(const struct memory_region *mr)
{
    return mr->block ? mr->block->host : NULL;
}

uint64_t memory_region_ram_addr(const struct memory_region *mr)
{
    assert(mr->block);
    return mr->block->ram_addr;
}

/* --- transactions ---------------------------------------------------------------------------- */

/* A view can go at any moment after its replacement at which no reader is inside a section. */
static void free_retired(void)
{
    if (__atomic_load_n(&view_readers, __ATOMIC_SEQ_CST)) {
        return;
    }
    while (retired) {
        struct flat_view *view = retired;

        retired = view->next_retired;
        g_free(view);
    }
}

static void replace_view(struct address_space *as, struct flat_view *view)
{
    struct flat_view *old = as->view;

    __atomic_store_n(&as->view, view, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&view_generation, 1, __ATOMIC_SEQ_CST);
    if (old) {
        old->next_retired = retired;
        retired = old;
    }
}

static void rebuild(void)
{
    for (struct address_space *as = spaces; as; as = as->next) {
        struct flat_view *view = view_build(as->root);

        if (view_equal(view, as->view)) {
            g_free(view);
            continue;
        }
        replace_view(as, view);
        memory_listeners_changed(as);
    }
    free_retired();
}

void memory_transaction_begin(void)
{
    transaction_depth++;
}

void memory_transaction_commit(void)
{
    assert(transaction_depth);
    if (--transaction_depth == 0 && changes_pending) {
        changes_pending = false;
        rebuild();
    }
}

static void changed(void)
{
    changes_pending = true;
    memory_transaction_begin();
    memory_transaction_commit();
}

/* --- changes --------------------------------------------------------------------------------- */

void memory_region_add_priority(struct memory_region *parent, uint64_t address,
                                struct memory_region *mr, int priority)
{
    struct memory_region **at = &parent->first_child;

    assert(!mr->parent);
    while (*at && (*at)->priority > priority) {
        at = &(*at)->next_sibling;
    }
    mr->parent = parent;
    mr->address = address;
    mr->priority = priority;
    mr->next_sibling = *at;
    *at = mr;
    changed();
}

void memory_region_add(struct memory_region *parent, uint64_t address, struct memory_region *mr)
{
    memory_region_add_priority(parent, address, mr, 0);
}

void memory_region_remove(struct memory_region *mr)
{
    struct memory_region **at;

    if (!mr->parent) {
        return;
    }
    for (at = &mr->parent->first_child; *at != mr; at = &(*at)->next_sibling) {
    }
    *at = mr->next_sibling;
    mr->next_sibling = NULL;
    mr->parent = NULL;
    changed();
}

void memory_region_move(struct memory_region *mr, uint64_t address)
{
    if (mr->address != address) {
        mr->address = address;
        changed();
    }
}

void memory_region_enable(struct memory_region *mr, bool on)
{
    if (mr->enabled != on) {
        mr->enabled = on;
        changed();
    }
}

void memory_region_set_size(struct memory_region *mr, uint64_t size)
{
    assert(!mr->block || (size && size <= mr->block->size));
    if (mr->size != size) {
        mr->size = size;
        changed();
    }
}

void memory_region_set_alias_offset(struct memory_region *mr, uint64_t offset)
{
    if (mr->target_offset != offset) {
        mr->target_offset = offset;
        changed();
    }
}

void memory_region_set_readonly(struct memory_region *mr, bool readonly)
{
    if (mr->readonly != readonly) {
        mr->readonly = readonly;
        changed();
    }
}

void memory_region_set_romd_direct(struct memory_region *mr, bool direct)
{
    if (mr->romd_direct != direct) {
        mr->romd_direct = direct;
        changed();
    }
}

/* --- address spaces -------------------------------------------------------------------------- */

void address_space_init(struct address_space *as, const char *name, struct memory_region *root)
{
    struct address_space **at = &spaces;

    *as = (struct address_space){ .name = name, .root = root };
    replace_view(as, view_build(root));
    while (*at) {
        at = &(*at)->next;
    }
    *at = as;
}

void address_space_fini(struct address_space *as)
{
    struct address_space **at = &spaces;

    while (*at && *at != as) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = as->next;
        replace_view(as, NULL);
        free_retired();
    }
}

void address_space_walk(struct address_space *as,
                        void (*visit)(void *opaque, const struct memory_range *range),
                        void *opaque)
{
    for (uint32_t i = 0; i < as->view->count; i++) {
        const struct flat_range *r = &as->view->ranges[i];
        struct memory_range range = { r->first, r->last, r->region, r->offset, r->rom };

        visit(opaque, &range);
    }
}

bool memory_lookup_ram(struct address_space *as, uint64_t address, struct ram_span *out)
{
    const struct flat_view *view = view_enter(as);
    uint32_t i = view_index(view, address);
    const struct flat_range *r = i < view->count ? &view->ranges[i] : NULL;
    uint64_t skip;

    *out = (struct ram_span){ 0 };
    if (r && r->first <= address) {
        skip = address - r->first;
        out->first = r->first;
        out->last = r->last;
        out->region = r->region;
        out->offset = r->offset + skip;
        if (r->readable) {
            out->host = r->host + skip;
            out->ram_addr = r->ram_addr + skip;
            out->writable = r->writable;
            out->rom = r->rom;
        }
    } else {
        out->first = i ? view->ranges[i - 1].last + 1 : 0;
        out->last = r ? r->first - 1 : UINT64_MAX;
    }
    view_leave();
    return out->host != NULL;
}
