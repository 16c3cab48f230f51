/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key=value lists, their value parsers, error values and the option table. */
#include "tests/tap.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/keyval.h"
#include "base/log.h"
#include "base/option.h"
#include "base/trace.h"

/* Takes the error, so that the next call can use the same variable. */
static void fails(bool failed, struct error **err, const char *want, const char *name)
{
    ok(failed && *err, "%s fails", name);
    is_text(*err ? error_text(*err) : "", want, name);
    error_free(*err);
    *err = NULL;
}

static void test_errors(void)
{
    struct error *err = NULL, *other = NULL;

    error_prepend(&err, "nothing: ");
    ok(!err, "prepending to no error makes none");
    error_set(&err, "first %d", 1);
    error_set(&err, "second");
    error_prepend(&err, "%s: ", "where");
    is_text(error_text(err), "where: first 1", "the first error wins");
    error_set_errno(&other, 2, "open");
    is_text(error_text(other), "open: No such file or directory", "errno text");
    error_propagate(&err, other);
    is_text(error_text(err), "where: first 1", "propagating keeps the first");
    error_free(err);
    error_set(NULL, "ignored");
    error_propagate(NULL, NULL);
}

static void test_parsing(void)
{
    struct error *err = NULL;
    static const char text[] = "a,,b.img,if=ide,readonly,x=,if=scsi,c=1,,2,";
    struct keyval *kv = keyval_parse("-drive", text, "file", &err);
    const char *key, *value;
    size_t at = 0, count = 0;

    is_text(keyval_string(kv, "file", NULL), "a,b.img", "implied key with an escaped comma");
    is_text(keyval_string(kv, "if", NULL), "scsi", "the last of repeated keys");
    is_text(keyval_string(kv, "readonly", NULL), "on", "a bare word is on");
    is_text(keyval_string(kv, "x", NULL), "", "an empty value");
    is_text(keyval_string(kv, "none", "fallback"), "fallback", "an absent key");
    fails(!keyval_check(kv, &err), &err, "-drive: invalid parameter 'c'", "an unknown key");
    is_text(keyval_string(kv, "c", NULL), "1,2", "an escaped comma in a value");
    ok(keyval_check(kv, NULL), "every key is known now");
    while (keyval_next(kv, &at, &key, &value)) {
        count++;
    }
    is_int(count, 6, "pairs");
    keyval_remove(kv, "if");
    ok(!keyval_has(kv, "if") && keyval_has(kv, "c"), "a key removed with all its values");
    keyval_free(kv);

    kv = keyval_parse("-x", "file=only,bare", "file", NULL);
    is_text(keyval_string(kv, "file", NULL), "only", "the implied key spelt out");
    keyval_free(kv);
    kv = keyval_parse("-x", "bare,k=v", NULL, NULL);
    is_text(keyval_string(kv, "bare", NULL), "on", "no implied key");
    keyval_free(kv);
    kv = keyval_parse("-x", "", "file", NULL);
    at = 0;
    ok(kv && !keyval_next(kv, &at, &key, &value), "empty text");
    keyval_free(kv);
    kv = keyval_parse("-x", "a=1,=2", NULL, &err);
    fails(!kv, &err, "-x: a parameter name is missing before '=2'", "an empty key");
}

static void test_typed(void)
{
    struct keyval *kv = keyval_parse("-x", "b=maybe,n=12q,s=1.5G,t=yes,u=0x20", NULL, NULL);
    struct error *err = NULL;
    uint64_t number = 7;
    bool flag = false;

    fails(!keyval_bool(kv, "b", &flag, &err), &err,
          "-x: parameter 'b' expects 'on' or 'off', not 'maybe'", "a bad bool");
    fails(!keyval_uint(kv, "n", &number, &err), &err,
          "-x: parameter 'n' expects a number, not '12q'", "a bad number");
    is_int(number, 7, "a failed lookup leaves the value");
    ok(keyval_uint(kv, "absent", &number, NULL) && number == 7, "an absent key too");
    ok(keyval_size(kv, "s", &number, NULL) && number == 3ull << 29, "a size");
    ok(keyval_bool(kv, "t", &flag, NULL) && flag, "a bool");
    ok(keyval_uint(kv, "u", &number, NULL) && number == 32, "a hexadecimal number");
    keyval_free(kv);
}

static void test_sizes(void)
{
    static const struct {
        const char *text;
        uint64_t unit;
        bool good;
        uint64_t want;
    } rows[] = {
        { "0", 1, true, 0 }, { "128", 1 << 20, true, 128ull << 20 }, { "128", 1, true, 128 },
        { "1k", 1 << 20, true, 1024 }, { "2M", 1, true, 2 << 20 }, { "7B", 1 << 20, true, 7 },
        { "1T", 1, true, 1ull << 40 }, { "1P", 1, true, 1ull << 50 }, { "1E", 1, true, 1ull << 60 },
        { "15E", 1, true, 15ull << 60 }, { "16E", 1, false, 0 }, { "0.5K", 1, true, 512 },
        { "1.5", 1 << 20, true, 3 << 19 }, { "1.5", 1, false, 0 }, { "1.", 1 << 20, false, 0 },
        { "0x10K", 1, true, 16384 }, { "010", 1, true, 10 }, { "", 1, false, 0 },
        { "-1", 1, false, 0 }, { " 1", 1, false, 0 }, { "+1", 1, false, 0 }, { "1KB", 1, false, 0 },
        { "1x", 1, false, 0 }, { "18446744073709551615", 1, true, UINT64_MAX },
        { "18446744073709551616", 1, false, 0 },
    };
    uint64_t value;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        value = 99;
        bool good = parse_size(rows[i].text, rows[i].unit, &value);
        ok(good == rows[i].good && value == (good ? rows[i].want : 99), "size '%s'", rows[i].text);
    }
    ok(parse_uint("017", &value) && value == 15, "octal");
    ok(!parse_uint("-1", &value) && !parse_uint("", &value) && !parse_uint("0x", &value),
       "bad numbers");
}

static char seen[256];

static bool note(void *config, const struct option_row *row, const char *arg, struct error **err)
{
    if (arg && strcmp(arg, "bad") == 0) {
        error_set(err, "this is bad");
        return false;
    }
    snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s=%s;", row->name,
             arg ? arg : "-");
    return true;
}

static bool note_word(void *config, const char *word, struct error **err)
{
    snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s;", word);
    return true;
}

static const struct option_row table[] = {
    { "m", true, "size", "guest memory", note },
    { "snapshot", false, NULL, "write to\ntemporary files", note },
    { "old", false, NULL, NULL, note },
    { NULL },
};

static bool run(struct error **err, const char *a, const char *b, const char *c, const char *d)
{
    char *argv[] = { (char *)"prog", (char *)a, (char *)b, (char *)c, (char *)d, NULL };
    int argc = 1;

    while (argv[argc] && argc < 5) {
        argc++;
    }
    seen[0] = '\0';
    return option_parse(table, argc, argv, NULL, note_word, err);
}

static void test_options(void)
{
    struct error *err = NULL;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    ok(run(NULL, "-m", "-5", "--snapshot", "disk.img"), "a good command line");
    is_text(seen, "m=-5;snapshot=-;disk.img;", "handlers in order, arguments taken as they are");
    fails(!run(&err, "-bogus", NULL, NULL, NULL), &err, "-bogus: invalid option", "unknown option");
    fails(!run(&err, "-m", NULL, NULL, NULL), &err, "-m: requires an argument", "missing argument");
    fails(!run(&err, "-snapshot", "-m", "bad", "-old"), &err, "-m bad: this is bad",
          "the handler's message");
    is_text(seen, "snapshot=-;", "stops at the first error");
    option_print_help(table, out);
    fclose(out);
    is_text(text,
            "-m size         guest memory\n"
            "-snapshot       write to\n                temporary files\n", "help");
    free(text);
}

static void test_log(void)
{
    struct error *err = NULL;

    ok(log_set_mask_string("cpu,guest_errors", NULL), "log items");
    is_int(log_mask, LOG_CPU | LOG_GUEST_ERRORS, "the mask");
    fails(!log_set_mask_string("cpu,wrong", &err), &err,
          "unknown log item 'wrong' (-d help lists them)", "unknown log item");
    is_int(log_mask, LOG_CPU | LOG_GUEST_ERRORS, "the mask stays");
    ok(log_set_mask_string("all", NULL) && (log_mask & LOG_EXEC) && !(log_mask & LOG_ONE_INSN),
       "all means the subjects");
    ok(log_set_mask_string("none", NULL) && log_mask == 0, "none");
}

static void test_trace(void)
{
    char path[] = "/tmp/trace-test-XXXXXX", line[64] = "";
    int fd = mkstemp(path);
    struct error *err = NULL;
    FILE *in;

    ok(fd >= 0 && log_set_file(path, NULL), "a log file");
    ok(trace_enable("keyval_test_*", NULL), "a pattern that matches");
    trace(keyval_test_point, "value %d", 5);
    ok(trace_enable("-keyval_test_point", NULL), "turning it off");
    trace(keyval_test_point, "value %d", 6);
    ok(log_set_mask_string("int,trace:keyval_*", NULL) && log_mask == LOG_INT &&
       trace_enable("-keyval_*", NULL), "trace points by -d");
    fails(!trace_enable("absent*", &err), &err,
          "no trace point matches 'absent*' (--trace help lists them)", "no match");
    log_mask = LOG_UNIMP;
    log_unimp("unit %d", 3);
    log_mask = 0;
    log_unimp("silent");
    in = fdopen(fd, "r");
    ok(fgets(line, sizeof(line), in) && strcmp(line, "keyval_test_point value 5\n") == 0,
       "the traced line");
    ok(fgets(line, sizeof(line), in) && strcmp(line, "unit 3\n") == 0, "a log line with newline");
    ok(!fgets(line, sizeof(line), in), "nothing else");
    fclose(in);
    remove(path);
}

int main(void)
{
    test_errors();
    test_parsing();
    test_typed();
    test_sizes();
    test_options();
    test_log();
    test_trace();
    return tap_done();
}
