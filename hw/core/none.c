/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -M none: a machine without anything, for programs that ask what the emulator can do. */
#include "hw/core/machine.h"

static bool none_init(const struct machine_config *config, struct error **err)
{
    return true;
}

MACHINE(none) = {
    .name = "none", .desc = "empty machine", .max_cpus = 1, .init = none_init,
};
