/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a machine begins: from nothing, from a snapshot, or from elsewhere. */
#include "hw/core/run.h"
#include "migration/migration.h"
#include "migration/snapshot.h"

bool migration_begin(const char *incoming, const char *snapshot, bool run, struct error **err)
{
    if (incoming && snapshot) {
        error_set(err, "-incoming and -loadvm cannot be used together");
        return false;
    }
    if (incoming && !migration_incoming_prepare(incoming, run, err)) {
        error_prepend(err, "-incoming %s: ", incoming);
        return false;
    }
    if (snapshot && !snapshot_load(snapshot, run, err)) {
        error_prepend(err, "-loadvm %s: ", snapshot);
        return false;
    }
    if (!incoming && !snapshot && run) {
        machine_cont();
    }
    return true;
}
