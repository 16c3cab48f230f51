/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole machine in a stream: a header that says which machine it is, its RAM, then one blob
 * with the sections of clock, CPUs and devices. savevm and migration write the same.
 *
 *     header:  magic (8), format (4), length (4) and section of struct machine_facts, RAM blocks
 *     records: kind (1): RECORD_RAM and a run of pages, or RECORD_STATE, length (4) and sections
 *     end:     RECORD_END
 */
#ifndef MIGRATION_MACHINE_H
#define MIGRATION_MACHINE_H

#include <stdbool.h>

#include "hw/core/state.h"
#include "migration/ram.h"
#include "migration/stream.h"

/* --- saving ---------------------------------------------------------------------------------- */

/* Before the machine is stopped: whether it may be saved at all. Big lock held. */
bool machine_can_save(struct error **err);
/* Any thread. */
void machine_save_header(struct stream *s, const struct ram_pages *ram);
/* One run of pages as a record; false when none is left. Any thread. */
bool machine_save_ram(struct stream *s, struct ram_pages *ram, struct ram_stats *stats);
/* The machine is stopped, its drives are drained. Big lock held. */
void machine_save_state(struct state_writer *w);
/* Any thread. */
void machine_save_end(struct stream *s, const struct state_writer *state);

/* --- loading --------------------------------------------------------------------------------- */

/* What was read and waits to be put in place. */
struct machine_load {
    struct ram_pages *ram;
    uint8_t *state;
    size_t state_size;
};

/* Reads all of a stream: checks the header, fills RAM, keeps the state. The machine is stopped and
 * was reset before. Any thread. On failure RAM is partly loaded. */
bool machine_load_stream(struct stream *s, struct machine_load *load, struct error **err);
/* Puts the state in place. On failure the machine is unusable. Big lock held. */
bool machine_load_state(struct machine_load *load, struct error **err);
void machine_load_free(struct machine_load *load);

#endif
