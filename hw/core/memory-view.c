/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns a tree of regions into the sorted, disjoint ranges of a flat view, and searches them. */
#include "hw/core/memory-view.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"

enum { MAX_DEPTH = 32 };    /* deeper is an alias that contains itself */

/* A view under construction. */
struct builder {
    struct flat_range *ranges;
    uint32_t count, capacity;
};

/* A piece of a region that is visible at first..last, starting at `offset` of the region. */
struct window {
    uint64_t first, last, offset;
    bool readonly;
};

static void insert(struct builder *b, uint32_t at, const struct flat_range *range)
{
    if (b->count == b->capacity) {
        b->capacity = b->capacity ? 2 * b->capacity : 64;
        b->ranges = g_renew(struct flat_range, b->ranges, b->capacity);
    }
    memmove(&b->ranges[at + 1], &b->ranges[at], (b->count - at) * sizeof(b->ranges[0]));
    b->ranges[at] = *range;
    b->count++;
}

static struct flat_range make_range(struct memory_region *mr, const struct window *w,
                                    uint64_t first, uint64_t last)
{
    bool readonly = w->readonly || mr->readonly || mr->kind == MEMORY_ROM;
    struct flat_range range = {
        .first = first, .last = last, .region = mr, .offset = w->offset + (first - w->first),
        .rom = readonly,
    };

    if (mr->block) {
        range.host = mr->block->host + range.offset;
        range.ram_addr = mr->block->ram_addr + range.offset;
        range.readable = mr->kind != MEMORY_ROMD || mr->romd_direct;
        range.writable = mr->kind == MEMORY_RAM && !readonly;
    }
    return range;
}

/* Gives the region what nobody before it has taken of the window. */
static void fill_gaps(struct builder *b, struct memory_region *mr, const struct window *w)
{
    uint64_t at = w->first, end;
    uint32_t i = 0;

    while (i < b->count && b->ranges[i].last < at) {
        i++;
    }
    for (;; i++) {
        if (i == b->count || b->ranges[i].first > at) {
            end = i < b->count ? MIN_OF(w->last, b->ranges[i].first - 1) : w->last;
            struct flat_range range = make_range(mr, w, at, end);
            insert(b, i, &range);
        }
        if (b->ranges[i].last >= w->last) {
            return;
        }
        at = b->ranges[i].last + 1;
    }
}

static void render(struct builder *b, struct memory_region *mr, struct window w, unsigned depth);

static void render_alias(struct builder *b, struct memory_region *mr, struct window w,
                         unsigned depth)
{
    uint64_t start, length = w.last - w.first;

    if (__builtin_add_overflow(mr->target_offset, w.offset, &start) ||
        start > memory_region_last(mr->target)) {
        return;
    }
    length = MIN_OF(length, memory_region_last(mr->target) - start);
    w.last = w.first + length;
    w.offset = start;
    w.readonly |= mr->readonly;
    render(b, mr->target, w, depth + 1);
}

/* The part of the parent's window that the child covers, if any. */
static void render_child(struct builder *b, struct memory_region *child, const struct window *w,
                         unsigned depth)
{
    uint64_t last, window_last = w->offset + (w->last - w->first);
    struct window part = *w;
    uint64_t low = MAX_OF(child->address, w->offset), high;

    if (__builtin_add_overflow(child->address, memory_region_last(child), &last)) {
        last = UINT64_MAX;
    }
    high = MIN_OF(last, window_last);
    if (low > high) {
        return;
    }
    part.first = w->first + (low - w->offset);
    part.last = w->first + (high - w->offset);
    part.offset = low - child->address;
    part.readonly |= w->readonly;
    render(b, child, part, depth + 1);
}

/* Who comes first wins, so children go before the region that they lie on. */
static void render(struct builder *b, struct memory_region *mr, struct window w, unsigned depth)
{
    assert(depth < MAX_DEPTH);
    if (!mr->enabled) {
        return;
    }
    for (struct memory_region *child = mr->first_child; child; child = child->next_sibling) {
        render_child(b, child, &w, depth);
    }
    if (mr->kind == MEMORY_ALIAS) {
        render_alias(b, mr, w, depth);
    } else if (mr->kind != MEMORY_CONTAINER) {
        fill_gaps(b, mr, &w);
    }
}

static bool continues(const struct flat_range *a, const struct flat_range *b)
{
    return b->first == a->last + 1 && b->region == a->region &&
           b->offset == a->offset + (b->first - a->first) && b->readable == a->readable &&
           b->writable == a->writable && b->rom == a->rom;
}

struct flat_view *view_build(struct memory_region *root)
{
    struct builder b = { 0 };
    struct flat_view *view;

    render(&b, root, (struct window){ 0, memory_region_last(root), 0, false }, 0);
    view = g_malloc0(sizeof(*view) + b.count * sizeof(view->ranges[0]));
    for (uint32_t i = 0; i < b.count; i++) {
        if (view->count && continues(&view->ranges[view->count - 1], &b.ranges[i])) {
            view->ranges[view->count - 1].last = b.ranges[i].last;
        } else {
            view->ranges[view->count++] = b.ranges[i];
        }
    }
    g_free(b.ranges);
    return view;
}

bool view_equal(const struct flat_view *a, const struct flat_view *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const struct flat_range *r = &a->ranges[i], *s = &b->ranges[i];

        if (r->first != s->first || r->last != s->last || r->region != s->region ||
            r->offset != s->offset || r->host != s->host || r->ram_addr != s->ram_addr ||
            r->readable != s->readable || r->writable != s->writable || r->rom != s->rom) {
            return false;
        }
    }
    return true;
}

uint32_t view_index(const struct flat_view *view, uint64_t address)
{
    uint32_t low = 0, high = view->count;
    uint32_t hint = __atomic_load_n(&view->hint, __ATOMIC_RELAXED);

    if (hint < high && view->ranges[hint].first <= address && address <= view->ranges[hint].last) {
        return hint;
    }
    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (view->ranges[middle].last < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    /* Only a guess for the next search: any thread may overwrite it. */
    __atomic_store_n((uint32_t *)&view->hint, low, __ATOMIC_RELAXED);
    return low;
}
