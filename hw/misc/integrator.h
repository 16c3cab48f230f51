/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Integrator core module and the registers of its compact platform. */
#ifndef HW_MISC_INTEGRATOR_H
#define HW_MISC_INTEGRATOR_H

#include "hw/core/device.h"

/* `low` is what lies at address 0 until the guest sets REMAP: the boot flash; NULL for nothing.
 * `remapped` starts with REMAP set, as the boot monitor leaves it to a kernel. */
void integrator_core_set_remap(struct device *core, struct memory_region *low, bool remapped);

#endif
