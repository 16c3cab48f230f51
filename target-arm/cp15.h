/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Coprocessor registers: CRn, opc1, CRm, opc2 in one number; bits 16 up: the coprocessor. */
#ifndef TARGET_ARM_CP15_H
#define TARGET_ARM_CP15_H

#include <stdint.h>

#define CP15(crn, opc1, crm, opc2) ((uint32_t)((crn) << 12 | (opc1) << 8 | (crm) << 4 | (opc2)))

#endif
