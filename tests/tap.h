/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test Anything Protocol for C programs: ok(condition, "name"), ..., return tap_done(); */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, name)                                                                    \
    do {                                                                                           \
        long long got_ = (long long)(got), want_ = (long long)(want);                              \
        if (!ok(got_ == want_, "%s", name)) {                                                      \
            printf("# got %lld (0x%llx), want %lld (0x%llx)\n", got_, got_, want_, want_);         \
        }                                                                                          \
    } while (0)
#define is_text(got, want, name)                                                                   \
    do {                                                                                           \
        const char *got_ = (got), *want_ = (want);                                                 \
        if (!ok(got_ && strcmp(got_, want_) == 0, "%s", name)) {                                   \
            printf("# got '%s', want '%s'\n", got_ ? got_ : "(null)", want_);                      \
        }                                                                                          \
    } while (0)

__attribute__((format(printf, 4, 5), unused))
static bool tap_ok(bool condition, const char *file, int line, const char *fmt, ...)
{
    __builtin_va_list ap;

    printf("%sok %d - ", condition ? "" : "not ", ++tap_count);
    __builtin_va_start(ap, fmt);
    vprintf(fmt, ap);
    __builtin_va_end(ap);
    printf("\n");
    if (!condition) {
        tap_failed++;
        printf("# at %s:%d\n", file, line);
    }
    return condition;
}

__attribute__((unused)) static int tap_done(void)
{
    printf("1..%d\n", tap_count);
    fflush(stdout);
    return tap_failed != 0;
}

#endif
