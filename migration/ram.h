/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM in a stream: the table of blocks, then runs of pages, in any order and any number of
 * times. A set of pages has one bit for each page of every block.
 */
#ifndef MIGRATION_RAM_H
#define MIGRATION_RAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "migration/stream.h"

struct ram_pages {
    unsigned count;                 /* blocks */
    struct ram_pages_block {
        const char *name;
        uint32_t instance;          /* among the blocks of this name */
        uint8_t *host;
        uint64_t ram_addr, pages;
        uint64_t *wanted;           /* bits */
        uint64_t first_wanted;      /* no bit below is set */
    } *blocks;
    uint64_t left;                  /* bits that are set */
};

struct ram_stats {
    uint64_t zero_pages, normal_pages, bytes;
};

/* Of all RAM, with every page in the set. */
struct ram_pages *ram_pages_create(void);
void ram_pages_free(struct ram_pages *ram);
uint64_t ram_pages_total(const struct ram_pages *ram);
/* False when blocks came or went since. */
bool ram_pages_valid(const struct ram_pages *ram);
/* Adds the pages that were stored to since the last call, and watches them from now on. */
void ram_pages_collect(struct ram_pages *ram);
/* Stores are of no interest any more. */
void ram_pages_unwatch(const struct ram_pages *ram);

void ram_save_blocks(struct stream *s, const struct ram_pages *ram);
/* Takes one run of pages out of the set and writes it. False when the set is empty. */
bool ram_save_run(struct stream *s, struct ram_pages *ram, struct ram_stats *stats);

/* The counterpart: checks the table against this machine's RAM; then one run. */
bool ram_load_blocks(struct stream *s, const struct ram_pages *ram);
bool ram_load_run(struct stream *s, const struct ram_pages *ram);
/* After the last run: code and displays must look at RAM anew. */
void ram_loaded(const struct ram_pages *ram);

#endif
