/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expressions of the monitor. From loose to tight: + -, then & | ^, then * / %, then the unary
 * + - ~ and parentheses. This is the monitor's own order, not C's.
 */
#include "monitor/expr.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const char *at;
    expr_register *find;
    void *opaque;
    struct error **err;
    unsigned depth;
};

static bool sum(struct parser *p, int64_t *value);

static void skip_space(struct parser *p)
{
    while (isspace((unsigned char)*p->at)) {
        p->at++;
    }
}

static bool read_number(struct parser *p, int64_t *value)
{
    char *end;

    errno = 0;
    *value = (int64_t)strtoull(p->at, &end, 0);
    if (end == p->at) {
        if (*p->at) {
            error_set(p->err, "invalid char '%c' in expression", *p->at);
        } else {
            error_set(p->err, "unexpected end of expression");
        }
        return false;
    }
    if (errno == ERANGE) {
        error_set(p->err, "number too large");
        return false;
    }
    p->at = end;
    return true;
}

static bool read_register(struct parser *p, int64_t *value)
{
    char name[32];
    size_t n = 0;
    uint64_t found;

    while (isalnum((unsigned char)p->at[n]) || p->at[n] == '_' || p->at[n] == '.') {
        n++;
    }
    if (n == 0 || n >= sizeof(name)) {
        error_set(p->err, "expected a register name after '$'");
        return false;
    }
    memcpy(name, p->at, n);
    name[n] = '\0';
    if (!p->find || !p->find(p->opaque, name, &found)) {
        error_set(p->err, "unknown register");
        return false;
    }
    p->at += n;
    *value = (int64_t)found;
    return true;
}

static bool read_character(struct parser *p, int64_t *value)
{
    if (!p->at[0] || p->at[1] != '\'') {
        error_set(p->err, "missing terminating ' character");
        return false;
    }
    *value = (unsigned char)p->at[0];
    p->at += 2;
    return true;
}

static bool unary(struct parser *p, int64_t *value)
{
    bool good;
    char c;

    skip_space(p);
    c = *p->at;
    if (c == '$') {
        p->at++;
        return read_register(p, value);
    } else if (c == '\'') {
        p->at++;
        return read_character(p, value);
    } else if (!c || !strchr("+-~(", c)) {
        return read_number(p, value);
    }
    p->at++;
    if (++p->depth > 100) {
        error_set(p->err, "expression too deep");
        return false;
    }
    good = c == '(' ? sum(p, value) : unary(p, value);
    p->depth--;
    if (!good) {
        return false;
    }
    if (c == '(') {
        skip_space(p);
        if (*p->at != ')') {
            error_set(p->err, "')' expected");
            return false;
        }
        p->at++;
    }
    *value = c == '-' ? (int64_t)-(uint64_t)*value : c == '~' ? ~*value : *value;
    return true;
}

static bool apply(struct parser *p, char operator, int64_t *left, int64_t right)
{
    uint64_t a = *left, b = right;

    switch (operator) {
    case '*': *left = a * b; break;
    case '&': *left = a & b; break;
    case '|': *left = a | b; break;
    case '^': *left = a ^ b; break;
    case '+': *left = a + b; break;
    case '-': *left = a - b; break;
    default:
        if (right == 0) {
            error_set(p->err, "division by zero");
            return false;
        }
        /* The one quotient that does not fit. */
        if (right == -1) {
            *left = operator == '/' ? (int64_t)-a : 0;
        } else {
            *left = operator == '/' ? *left / right : *left % right;
        }
    }
    return true;
}

static bool chain(struct parser *p, const char *operators,
                  bool (*operand)(struct parser *p, int64_t *value), int64_t *value)
{
    if (!operand(p, value)) {
        return false;
    }
    for (;;) {
        int64_t right;
        char c;

        skip_space(p);
        c = *p->at;
        if (!c || !strchr(operators, c)) {
            return true;
        }
        p->at++;
        if (!operand(p, &right) || !apply(p, c, value, right)) {
            return false;
        }
    }
}

static bool product(struct parser *p, int64_t *value)
{
    return chain(p, "*/%", unary, value);
}

static bool logic(struct parser *p, int64_t *value)
{
    return chain(p, "&|^", product, value);
}

static bool sum(struct parser *p, int64_t *value)
{
    return chain(p, "+-", logic, value);
}

bool expr_parse(const char **at, expr_register *find, void *opaque, int64_t *value,
                struct error **err)
{
    struct parser p = { *at, find, opaque, err, 0 };
    bool good = sum(&p, value);

    *at = p.at;
    return good;
}
