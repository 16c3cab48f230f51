/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How C and V follow from cv_a and cv_b. N and Z have globals of their own, as logical operations
 * change only those; so MOVS, ANDS and TST leave what is known of C and V as it is.
 */
#ifndef TARGET_ARM_FLAGS_H
#define TARGET_ARM_FLAGS_H

enum arm_cv {
    CV_VALUES,                      /* cv_a is C, cv_b is V, each 0 or 1 */
    CV_SUB,                         /* of cv_a - cv_b */
    CV_ADD,                         /* of cv_a + cv_b */
    CV_DYNAMIC = 0xff,              /* while translating: only the global knows */
};

/* Sets of flags for scans */
enum { FL_N = 1, FL_Z = 2, FL_C = 4, FL_V = 8, FL_NZ = 3, FL_NZCV = 15 };

#endif
