/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON: what is read is written again; what is wrong is refused with a reason. */
#include "base/json.h"

#include <glib.h>

#include "tests/tap.h"

static void check_good(const char *text, const char *want)
{
    struct error *err = NULL;
    struct json *value = json_parse(text, strlen(text), &err);
    char *got = value ? json_write(value, false) : NULL;

    is_text(got, want, text);
    if (err) {
        printf("# %s\n", error_text(err));
    }
    error_free(err);
    json_free(value);
    g_free(got);
}

static void check_bad(const char *text, const char *why)
{
    struct error *err = NULL;
    struct json *value = json_parse(text, strlen(text), &err);

    ok(!value && err && strstr(error_text(err), why), "refused: %s", text);
    if (err && !strstr(error_text(err), why)) {
        printf("# %s\n", error_text(err));
    }
    error_free(err);
    json_free(value);
}

static void check_stream(void)
{
    static const char text[] = "{\"a\": \"}{\\\"\"}[1]\n 7\n{'b':[{}]} {x}{\"c\": null}";
    static const char *const want[] = { "{\"a\": \"}{\\\"\"}", "[1]", "7", "{\"b\": [{}]}", NULL,
                                        "{\"c\": null}" };
    struct json_stream *stream = json_stream_create(100);
    unsigned n = 0;
    bool good = true;

    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        struct error *err = NULL;
        struct json *value;

        json_stream_add(stream, text + i, 1);
        while ((value = json_stream_next(stream, &err)) || err) {
            char *got = value ? json_write(value, false) : NULL;

            good &= n < 6 && g_strcmp0(got, want[n]) == 0;
            n++;
            g_free(got);
            json_free(value);
            error_free(err);
            err = NULL;
        }
    }
    ok(good && n == 6, "values of a stream, byte by byte: %u", n);
    json_stream_free(stream);
}

static void check_limit(void)
{
    struct json_stream *stream = json_stream_create(100);
    struct error *err = NULL;
    char long_text[200];

    memset(long_text, '[', sizeof(long_text));
    json_stream_add(stream, long_text, sizeof(long_text));
    ok(!json_stream_next(stream, &err) && err, "a text beyond the limit is refused");
    error_free(err);
    err = NULL;
    json_stream_add(stream, "{}", 2);
    ok(json_stream_next(stream, &err) && !err, "and the next value is read");
    json_stream_free(stream);
}

int main(void)
{
    char deep[300];

    check_good(" {\"a\" : [ 1,-2.5, true ,null], 'b':\"x\"} ",
               "{\"a\": [1, -2.5, true, null], \"b\": \"x\"}");
    check_good("\"\\u0041\\n\\u00e9\\ud83d\\ude00/\\/\"", "\"A\\né😀//\"");
    check_good("[]", "[]");
    check_good("{}", "{}");
    check_good("9223372036854775807", "9223372036854775807");
    check_good("-9223372036854775808", "-9223372036854775808");
    check_good("1e3", "1000");
    check_good("-0.0", "-0.0");
    check_good("-0", "0");
    check_good("123456789012345678901", "1.2345678901234568e+20");
    check_bad("", "expecting value");
    check_bad("{", "key is not a string");
    check_bad("{\"a\"}", "missing :");
    check_bad("{\"a\":1,}", "key is not a string");
    check_bad("{a:1}", "invalid keyword 'a'");
    check_bad("{\"a\":1 \"b\":2}", "expected separator in dict");
    check_bad("{\"a\":1,\"a\":2}", "duplicate key");
    check_bad("[1 2]", "expected separator in list");
    check_bad("[1,]", "stray character");
    check_bad("01", "invalid number");
    check_bad("1.", "invalid number");
    check_bad("-", "invalid number");
    check_bad("1e", "invalid number");
    check_bad("nul", "invalid keyword 'nul'");
    check_bad("\"abc", "unterminated string");
    check_bad("\"\\x\"", "invalid escape");
    check_bad("\"\\u0000\"", "invalid escape");
    check_bad("\"\\ud800\"", "invalid escape");
    check_bad("\"\xff\"", "UTF-8");
    check_bad("\"\n\"", "control character");
    check_bad("{} {}", "text after the value");
    memset(deep, '[', 299);
    deep[299] = '\0';
    check_bad(deep, "nesting");
    check_stream();
    check_limit();
    return tap_done();
}
