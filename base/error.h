/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors of the user or the host: one message, handed back by value through the last argument. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * The convention: `bool f(..., struct error **err)` returns false and sets *err on failure, and
 * leaves *err alone on success. `err` may be NULL when the caller does not want the text. *err must
 * be NULL on entry; the first error wins. The message has no prefix, full stop or newline.
 */
struct error;

void error_set(struct error **err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* As error_set(), and appends ": " and the text of the positive errno value. */
void error_set_errno(struct error **err, int os_error, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts text in front of the message that *err holds; does nothing when there is none. */
void error_prepend(struct error **err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Hands `from` to `to`, or frees it when `to` is NULL or already set. NULL `from` is allowed. */
void error_propagate(struct error **to, struct error *from);
const char *error_text(const struct error *err);
void error_free(struct error *err);

/* The name printed in front of every line; the default is "qemu-system-x86_64". */
void error_set_program(const char *argv0);
const char *error_program(void);

/* Print one line "program: message" (or "program: warning: message") on stderr. */
void error_report(const char *fmt, ...) PRINTF_LIKE(1, 2);
void error_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Prints the message of `err` and frees it. */
void error_report_free(struct error *err);
/* Print the line, then exit(1). The second takes the message from `err`. */
void error_exit(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((noreturn));
void error_exit_with(struct error *err) __attribute__((noreturn));

#endif
