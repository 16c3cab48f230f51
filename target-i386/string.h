/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How translated code tells a string helper what to repeat: one word. */
#ifndef TARGET_I386_STRING_H
#define TARGET_I386_STRING_H

enum {
    STRING_SIZE = 3,                /* log2 of the element's bytes */
    STRING_ADDR_SHIFT = 2,          /* log2 of the address size, two bits */
    STRING_SEG_SHIFT = 4,           /* of the source, three bits */
    STRING_STEP = 1 << 8,           /* one element a time: the guest single-steps */
    STRING_WHILE_EQUAL = 1 << 9,    /* cmps, scas: repe, else repne */
};

#endif
