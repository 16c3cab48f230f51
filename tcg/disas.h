/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disassembly for the log and the monitor: by capstone when it was there at configure time. */
#ifndef TCG_DISAS_H
#define TCG_DISAS_H

#include <stdint.h>
#include <stdio.h>

/* What `bits' says of other code: A32 or Thumb instructions, perhaps of big-endian words */
enum { DISAS_ARM = 1, DISAS_THUMB = 2, DISAS_BIG = 4 };

/* x86 code of 16, 32 or 64 bits, one instruction a line; bytes in hex without capstone. */
void disas_print(FILE *out, int bits, uint64_t address, const uint8_t *code, size_t len);
/* At most `count' instructions; returns how many bytes they were. */
size_t disas_print_count(FILE *out, int bits, uint64_t address, const uint8_t *code, size_t len,
                         unsigned count);

#endif
