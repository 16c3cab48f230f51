/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of translated code for perf(1): /tmp/perf-PID.map. */
#ifndef TCG_PERF_MAP_H
#define TCG_PERF_MAP_H

#include "cpu-exec.h"

struct error;

bool perf_map_create(struct error **err);
/* Every region that is translated from now on goes here; nothing when there is no map. */
void perf_map_add(const struct code_key *key, const uint8_t *host, size_t len);

#endif
