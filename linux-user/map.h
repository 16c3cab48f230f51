/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ranges of the guest's memory map, sorted and apart. Callers hold user_memory_lock(). */
#ifndef LINUX_USER_MAP_H
#define LINUX_USER_MAP_H

#include <stdbool.h>
#include <stdint.h>

enum { MAP_SHM = 1 << 30 };         /* a flag of ours: attached by shmat(), not merged */

struct map_range {
    uint64_t start, end;
    int prot, flags;
};

/* The range that holds addr or else the next one; NULL: no more. Valid until the next change. */
const struct map_range *map_find(uint64_t addr);
void map_set(uint64_t start, uint64_t end, int prot, int flags);
void map_clear(uint64_t start, uint64_t end);
void map_protect(uint64_t start, uint64_t end, int prot);
bool map_is_free(uint64_t start, uint64_t len);
bool map_is_full(uint64_t start, uint64_t end);
/* The highest free place that ends at or below `below' and starts at or above `low'; 0: none. */
uint64_t map_find_free_below(uint64_t below, uint64_t len, uint64_t low);

#endif
