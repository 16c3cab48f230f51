/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DSDT of the i440FX board. */
#ifndef HW_I386_PC_DSDT_H
#define HW_I386_PC_DSDT_H

#include <glib.h>

#include "hw/i386/pc.h"

/* The definition block without its table header; the caller frees it. */
GByteArray *pc_dsdt(const struct pc *pc);

#endif
