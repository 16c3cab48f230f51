/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions of the monitor: values, precedence, registers and what is refused. */
#include "monitor/expr.h"

#include <string.h>

#include "tests/tap.h"

static bool find_register(void *opaque, const char *name, uint64_t *value)
{
    *value = 0x1234;
    return strcmp(name, "pc") == 0;
}

static int64_t value_of(const char *text)
{
    int64_t value = -999;

    expr_parse(&text, find_register, NULL, &value, NULL);
    return *text ? -998 : value;
}

static const struct {
    const char *text;
    int64_t value;
} good[] = {
    { "0", 0 }, { "10", 10 }, { "0x10", 16 }, { "010", 8 }, { "  7  ", 7 },
    { "1+2*3", 7 }, { "(1+2)*3", 9 }, { "10-2-3", 5 }, { "7/2", 3 }, { "-7/2", -3 },
    { "7%4", 3 }, { "-1", -1 }, { "~0", -1 }, { "- -3", 3 }, { "6&3|8", 10 }, { "5^1", 4 },
    /* The monitor's own order: & binds tighter than + */
    { "1+6&3", 3 }, { "'A'", 65 }, { "'A'+1", 66 }, { "$pc", 0x1234 }, { "$pc+4", 0x1238 },
    { "0xffffffffffffffff", -1 }, { "0x8000000000000000/-1", INT64_MIN },
    { "0x8000000000000000%-1", 0 },
};

static const struct {
    const char *text, *error;
} bad[] = {
    { "", "unexpected end of expression" }, { "foo", "invalid char 'f' in expression" },
    { "1/0", "division by zero" }, { "1%0", "division by zero" }, { "(1", "')' expected" },
    { "$nosuch", "unknown register" }, { "$", "expected a register name after '$'" },
    { "'a", "missing terminating ' character" }, { "1+", "unexpected end of expression" },
    { "0x1ffffffffffffffff", "number too large" },
};

int main(void)
{
    char deep[512];
    const char *at = deep;
    int64_t value;
    struct error *err = NULL;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        is_int(value_of(good[i].text), good[i].value, good[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        at = bad[i].text;
        err = NULL;
        ok(!expr_parse(&at, find_register, NULL, &value, &err), "'%s' is refused", bad[i].text);
        is_text(err ? error_text(err) : NULL, bad[i].error, bad[i].error);
        error_free(err);
    }
    memset(deep, '(', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    at = deep;
    err = NULL;
    ok(!expr_parse(&at, NULL, NULL, &value, &err) && err, "endless parentheses are refused");
    error_free(err);
    return tap_done();
}
