/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The -d log: a mask of subjects, each documented in one table, and lines that never interleave. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* LOG_BIT(NAME, "name", "what is logged"): the enum, the parser and -d help all come from this. */
#define LOG_BITS(LOG_BIT)                                                                          \
    LOG_BIT(IN_ASM, "in_asm", "guest code of every region that is translated")                     \
    LOG_BIT(OP, "op", "intermediate operations as the frontend emits them")                        \
    LOG_BIT(OP_OPT, "op_opt", "intermediate operations after the passes")                          \
    LOG_BIT(OUT_ASM, "out_asm", "generated host code")                                             \
    LOG_BIT(INT, "int", "interrupts and exceptions as they are taken")                             \
    LOG_BIT(EXEC, "exec", "every region that the execution loop enters")                           \
    LOG_BIT(CPU, "cpu", "CPU registers before every region")                                       \
    LOG_BIT(UNIMP, "unimp", "guest use of something that is not implemented")                      \
    LOG_BIT(GUEST_ERRORS, "guest_errors", "guest misuse of a device or an instruction")            \
    LOG_BIT(CPU_RESET, "cpu_reset", "CPU registers at each reset")                                 \
    LOG_BIT(MMU, "mmu", "address translation")                                                     \
    LOG_BIT(NOCHAIN, "nochain", "do not link regions, so that exec and cpu are complete")          \
    LOG_BIT(STRICT_FLAGS, "strict_flags", "keep every flag store of translated code")              \
    LOG_BIT(ONE_INSN, "one_insn", "translate regions of one instruction")

enum log_index {
#define LOG_BIT(name, text, help) LOG_INDEX_##name,
    LOG_BITS(LOG_BIT)
#undef LOG_BIT
    LOG_INDEX_COUNT
};

enum log_bit {
#define LOG_BIT(name, text, help) LOG_##name = 1u << LOG_INDEX_##name,
    LOG_BITS(LOG_BIT)
#undef LOG_BIT
};

/* Read by everyone, written while options are parsed and by the monitor's `log` command. */
extern uint32_t log_mask;

static inline bool log_enabled(uint32_t bits)
{
    return __builtin_expect((log_mask & bits) != 0, 0);
}

/* Unconditional; ask log_enabled() first. One call is written in one piece. */
void log_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Keep other threads' text out of a block of several log_printf() calls. Nests. */
void log_begin(void);
void log_end(void);
/* The stream, for a printer that wants a FILE; use between log_begin() and log_end(). */
FILE *log_stream(void);

/* One line each, printed only when their bit is on; the newline is added when it is missing. */
void log_guest_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_unimp(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* "in_asm,cpu", "all" or "none". Leaves the mask alone on error. */
bool log_set_mask_string(const char *text, struct error **err);
/* Sends the log to a file ("%d" becomes the process number) instead of stderr. */
bool log_set_file(const char *path, struct error **err);
/* The list behind `-d help`. */
void log_print_help(FILE *out);

#endif
