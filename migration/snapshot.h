/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * savevm and its kin: the machine's state lies in one image, and every writable drive has a
 * snapshot of the same name. Main thread, big lock held.
 */
#ifndef MIGRATION_SNAPSHOT_H
#define MIGRATION_SNAPSHOT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

/* `name` NULL makes one from the time. A snapshot of that name is replaced. */
bool snapshot_save(const char *name, struct error **err);
/* Back to a snapshot; the machine then runs if `run`, or sleeps if it slept. */
bool snapshot_load(const char *name, bool run, struct error **err);
bool snapshot_delete(const char *name, struct error **err);
void snapshot_print(FILE *out);

#endif
