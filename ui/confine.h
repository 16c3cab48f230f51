/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process gives up before a guest runs: -chroot, -runas and -sandbox. */
#ifndef UI_CONFINE_H
#define UI_CONFINE_H

#include <stdbool.h>

#include "base/error.h"

struct option_row;

/* Handles each of the three options; the argument is checked here, used by confine_process(). */
bool confine_option(void *opaque, const struct option_row *row, const char *text,
                    struct error **err);
/* In this order: folder, user, system calls. Everything that needs more has been opened before. */
bool confine_process(struct error **err);

#endif
