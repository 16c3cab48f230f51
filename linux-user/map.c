/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sorted array of the guest's mapped ranges; equal neighbours are merged. */
#include "linux-user/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "base/error.h"

static struct map_range *ranges;
static unsigned n_ranges, room;

/* The first range that ends above addr. */
static unsigned index_of(uint64_t addr)
{
    unsigned low = 0, high = n_ranges;

    while (low < high) {
        unsigned mid = (low + high) / 2;

        if (ranges[mid].end <= addr) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

const struct map_range *map_find(uint64_t addr)
{
    unsigned i = index_of(addr);

    return i < n_ranges ? &ranges[i] : NULL;
}

static void insert(unsigned at, struct map_range r)
{
    if (n_ranges == room) {
        room = room ? room * 2 : 64;
        ranges = realloc(ranges, room * sizeof(*ranges));
        if (!ranges) {
            error_exit("out of memory for the map of the program's memory");
        }
    }
    memmove(&ranges[at + 1], &ranges[at], (n_ranges - at) * sizeof(*ranges));
    ranges[at] = r;
    n_ranges++;
}

static void erase(unsigned at, unsigned n)
{
    if (!n) {
        return;                     /* there may be no array yet */
    }
    memmove(&ranges[at], &ranges[at + n], (n_ranges - at - n) * sizeof(*ranges));
    n_ranges -= n;
}

/* Makes addr a boundary between ranges if it lies inside of one. */
static void split(uint64_t addr)
{
    unsigned i = index_of(addr);

    if (i < n_ranges && ranges[i].start < addr) {
        struct map_range tail = ranges[i];

        tail.start = addr;
        ranges[i].end = addr;
        insert(i + 1, tail);
    }
}

void map_clear(uint64_t start, uint64_t end)
{
    unsigned first, last;

    split(start);
    split(end);
    first = last = index_of(start);
    while (last < n_ranges && ranges[last].start < end) {
        last++;
    }
    erase(first, last - first);
}

static bool alike(const struct map_range *a, const struct map_range *b)
{
    return a->end == b->start && a->prot == b->prot && a->flags == b->flags &&
           !(a->flags & MAP_SHM);
}

static void merge(unsigned i)
{
    if (i + 1 < n_ranges && alike(&ranges[i], &ranges[i + 1])) {
        ranges[i].end = ranges[i + 1].end;
        erase(i + 1, 1);
    }
}

void map_set(uint64_t start, uint64_t end, int prot, int flags)
{
    unsigned i;

    map_clear(start, end);
    i = index_of(start);
    flags &= MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_SHM;
    insert(i, (struct map_range){ start, end, prot & (PROT_READ | PROT_WRITE | PROT_EXEC), flags });
    merge(i);
    if (i) {
        merge(i - 1);
    }
}

void map_protect(uint64_t start, uint64_t end, int prot)
{
    unsigned first, i;

    split(start);
    split(end);
    first = index_of(start);
    for (i = first; i < n_ranges && ranges[i].start < end; i++) {
        ranges[i].prot = prot;
    }
    while (i > first) {
        merge(--i);
    }
    if (first) {
        merge(first - 1);
    }
}

bool map_is_free(uint64_t start, uint64_t len)
{
    const struct map_range *r = map_find(start);

    return !r || r->start >= start + len;
}

bool map_is_full(uint64_t start, uint64_t end)
{
    for (unsigned i = index_of(start); i < n_ranges && ranges[i].start <= start; i++) {
        start = ranges[i].end;
        if (start >= end) {
            return true;
        }
    }
    return false;
}

uint64_t map_find_free_below(uint64_t below, uint64_t len, uint64_t low)
{
    unsigned i = index_of(below - 1);

    /* Range i, if any, may reach below `below'. */
    if (i < n_ranges && ranges[i].start < below) {
        below = ranges[i].start;
    }
    for (;;) {
        uint64_t floor = i ? ranges[i - 1].end : 0;

        floor = floor < low ? low : floor;
        if (below >= floor && below - floor >= len) {
            return below - len;
        }
        if (!i || ranges[i - 1].start <= low) {
            return 0;
        }
        below = ranges[--i].start;
    }
}
