/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the two sides of migration/. */
#ifndef MIGRATION_INCOMING_H
#define MIGRATION_INCOMING_H

#include <stdbool.h>

#include "base/error.h"

/* True, with the reason, while a machine is being sent. */
bool migration_outgoing_refuses(struct error **err);

#endif
