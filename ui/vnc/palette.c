/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The colours of a tile, with a small hash table from colour to index. */
#include <string.h>

#include "base/bits.h"
#include "ui/vnc/internal.h"

static unsigned slot_of(uint32_t color)
{
    return color * 0x9e3779b1u >> 22;
}

/* The slot of the colour, or the empty one where it belongs; `table` holds index + 1. */
static uint16_t *find_slot(struct vnc_palette *p, uint32_t color)
{
    unsigned slot = slot_of(color);

    while (p->table[slot] && p->colors[p->table[slot] - 1] != color) {
        slot = (slot + 1) % ARRAY_LEN(p->table);
    }
    return &p->table[slot];
}

unsigned vnc_palette_make(struct vnc_palette *p, const uint32_t *values, size_t count,
                          unsigned limit)
{
    uint32_t last = ~values[0], before = last;

    p->count = 0;
    memset(p->table, 0, sizeof(p->table));
    for (size_t i = 0; i < count; i++) {
        uint16_t *slot;

        if (values[i] == last || values[i] == before) {
            continue;
        }
        before = last;
        last = values[i];
        slot = find_slot(p, last);
        if (!*slot) {
            if (p->count == limit) {
                return 0;
            }
            p->colors[p->count++] = last;
            *slot = (uint16_t)p->count;
        }
    }
    return p->count;
}

unsigned vnc_palette_find(const struct vnc_palette *p, uint32_t color)
{
    unsigned slot = slot_of(color);

    while (p->colors[p->table[slot] - 1] != color) {
        slot = (slot + 1) % ARRAY_LEN(p->table);
    }
    return p->table[slot] - 1u;
}
