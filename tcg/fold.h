/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folding while building: constants, identities, comparisons. For tcg/build.c alone. */
#ifndef TCG_FOLD_H
#define TCG_FOLD_H

#include "tcg/ir.h"

ir_val ir_pure(struct ir *ir, const struct ir_op *o);
/* The value that *o comes to, or 0; may rewrite *o into a better equal op. */
ir_val ir_fold(struct ir *ir, struct ir_op *o);
/* 0 or 1 when the comparison is known, else -1 with the operands in canonical form. */
int ir_fold_compare(struct ir *ir, enum ir_type type, enum ir_cond *cc, ir_val *a, ir_val *b);

#endif
