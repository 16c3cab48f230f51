/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells perf(1) which guest code a host address was translated from. */
#include "tcg/perf-map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "base/error.h"

static FILE *map;

bool perf_map_create(struct error **err)
{
    char name[64];

    snprintf(name, sizeof(name), "/tmp/perf-%d.map", (int)getpid());
    map = fopen(name, "we");
    if (!map) {
        error_set_errno(err, errno, "cannot create '%s'", name);
    }
    return map != NULL;
}

/* One write per line: vCPUs take turns by stdio's lock, and nothing is lost when we are killed. */
void perf_map_add(const struct code_key *key, const uint8_t *host, size_t len)
{
    if (map) {
        fprintf(map, "%" PRIxPTR " %zx guest-0x%" PRIx64 "-mode-0x%x\n", (uintptr_t)host, len,
                key->base + key->pc, key->mode);
        fflush(map);
    }
}
