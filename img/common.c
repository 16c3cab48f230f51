/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of qemu-img share: options, opening, sizes, progress. */
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "crypto/object.h"
#include "img/img.h"

static bool image_opts;
static volatile sig_atomic_t interrupted, asked;
static bool progress_on;
static double progress_last;

/* --- options --------------------------------------------------------------------------------- */

static const struct option long_options[] = {
    { "help", no_argument, NULL, 'h' }, { "force-share", no_argument, NULL, 'U' },
    { "output", required_argument, NULL, OPT_OUTPUT },
    { "backing-chain", no_argument, NULL, OPT_BACKING_CHAIN },
    { "object", required_argument, NULL, OPT_OBJECT },
    { "image-opts", no_argument, NULL, OPT_IMAGE_OPTS },
    { "target-image-opts", no_argument, NULL, OPT_TARGET_IMAGE_OPTS },
    { "target-is-zero", no_argument, NULL, OPT_TARGET_IS_ZERO },
    { "bitmaps", no_argument, NULL, OPT_BITMAPS },
    { "skip-broken-bitmaps", no_argument, NULL, OPT_SKIP_BROKEN },
    { "salvage", no_argument, NULL, OPT_SALVAGE }, { "shrink", no_argument, NULL, OPT_SHRINK },
    { "preallocation", required_argument, NULL, OPT_PREALLOCATION },
    { "size", required_argument, NULL, OPT_SIZE },
    { "start-offset", required_argument, NULL, OPT_START },
    { "max-length", required_argument, NULL, OPT_MAX_LENGTH },
    { "flush-interval", required_argument, NULL, OPT_FLUSH_INTERVAL },
    { "pattern", required_argument, NULL, OPT_PATTERN },
    { "no-drain", no_argument, NULL, OPT_NO_DRAIN }, { "add", no_argument, NULL, OPT_ADD },
    { "remove", no_argument, NULL, OPT_REMOVE }, { "clear", no_argument, NULL, OPT_CLEAR },
    { "enable", no_argument, NULL, OPT_ENABLE }, { "disable", no_argument, NULL, OPT_DISABLE },
    { "merge", required_argument, NULL, OPT_MERGE }, { "force", no_argument, NULL, OPT_FORCE },
    { "repair", required_argument, NULL, 'r' }, { "snapshot", required_argument, NULL, 'l' },
    { "source-file", required_argument, NULL, 'b' },
    { "source-format", required_argument, NULL, 'F' },
    { "granularity", required_argument, NULL, 'g' }, { NULL }
};

int img_getopt(int argc, char **argv, const char *letters)
{
    struct error *err = NULL;
    int c;

    do {
        c = getopt_long(argc, argv, letters, long_options, NULL);
        image_opts |= c == OPT_IMAGE_OPTS;
        if (c == OPT_OBJECT && !crypto_add_object(optarg, &err)) {
            error_exit_with(err);
        }
    } while (c == OPT_IMAGE_OPTS || c == OPT_OBJECT);
    if (c == '?' || c == ':') {
        const char *what = optind > 1 ? argv[optind - 1] : "";

        exit(c == ':' ? img_usage("missing argument for option '%s'", what)
                      : img_usage("unrecognized option '%s'", what));
    }
    return c;
}

bool img_image_opts(void)
{
    return image_opts;
}

int img_usage(const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = g_strdup_vprintf(fmt, args);
    va_end(args);
    error_report("%s", text);
    fprintf(stderr, "Try 'qemu-img --help' for more information\n");
    g_free(text);
    return 1;
}

int img_fail(struct error *err)
{
    error_report_free(err);
    return 1;
}

bool img_wants_json(const char *word)
{
    if (strcmp(word, "json") != 0 && strcmp(word, "human") != 0) {
        error_exit("--output must be used with human or json as argument.");
    }
    return word[0] == 'j';
}

unsigned img_cache_flags(const char *mode)
{
    static const struct { const char *name; unsigned flags; } modes[] = {
        { "writeback", 0 }, { "none", NODE_DIRECT }, { "off", NODE_DIRECT },
        { "writethrough", NODE_STABLE }, { "directsync", NODE_DIRECT | NODE_STABLE },
        { "unsafe", NODE_NO_FLUSH },
    };

    for (size_t i = 0; mode && i < ARRAY_LEN(modes); i++) {
        if (strcmp(modes[i].name, mode) == 0) {
            return modes[i].flags;
        }
    }
    if (mode) {
        error_exit("Invalid cache option: %s", mode);
    }
    return 0;
}

bool img_add_options(struct keyval **list, const char *text, bool *help)
{
    struct error *err = NULL;
    struct keyval *kv;
    const char *key, *value;
    size_t at = 0;

    if (strcmp(text, "help") == 0 || strcmp(text, "?") == 0 ||
        g_str_has_suffix(text, ",help") || g_str_has_suffix(text, ",?")) {
        *help = true;
        return true;
    }
    kv = keyval_parse("-o", text, NULL, &err);
    if (!kv) {
        error_report_free(err);
        return false;
    }
    *list = *list ? *list : keyval_create("-o");
    while (keyval_next(kv, &at, &key, &value)) {
        keyval_set(*list, key, value);
    }
    keyval_free(kv);
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct image_option *const *)a)->name,
                  (*(const struct image_option *const *)b)->name);
}

void img_print_options(const char *title, const struct image_option *options)
{
    static const char *const kinds[] = { "str", "size", "bool (on/off)", "num" };
    GPtrArray *sorted = g_ptr_array_new();

    for (; options->name; options++) {
        g_ptr_array_add(sorted, (void *)options);
    }
    g_ptr_array_sort(sorted, compare_names);
    printf("%s\n", title);
    for (unsigned i = 0; i < sorted->len; i++) {
        const struct image_option *o = sorted->pdata[i];
        char *left = g_strdup_printf("%s=<%s>", o->name, kinds[o->kind]);

        printf("  %-22s - %s\n", left, o->help);
        g_free(left);
    }
    g_ptr_array_free(sorted, TRUE);
}

/* --- opening --------------------------------------------------------------------------------- */

struct block_node *img_open_options(const char *text, unsigned flags, struct error **err)
{
    struct keyval *kv = keyval_parse("--image-opts", text, NULL, err);
    struct block_node *node = kv ? block_node_open_options(kv, flags, err) : NULL;

    if (node && !keyval_check(kv, err)) {
        block_node_close(node);
        node = NULL;
    }
    keyval_free(kv);
    return node;
}

struct block_node *img_open(const char *file, const char *format, unsigned flags)
{
    struct error *err = NULL;
    struct block_node *node;

    if (image_opts) {
        if (format) {
            error_report("--image-opts and --format are mutually exclusive");
            return NULL;
        }
        node = img_open_options(file, flags, &err);
    } else {
        node = block_node_open(file, format, NULL, flags, &err);
    }
    if (!node) {
        error_report_free(err);
    }
    return node;
}

/* --- sizes ----------------------------------------------------------------------------------- */

bool img_parse_size(const char *name, const char *text, uint64_t *value)
{
    if (!parse_size(text, 1, value)) {
        error_report("Invalid %s specified. You may use k, M, G, T, P or E suffixes for "
                     "kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.", name);
        return false;
    }
    if (*value > INT64_MAX) {
        error_report("Invalid %s specified. Must be between 0 and %lld.", name,
                     (long long)INT64_MAX);
        return false;
    }
    return true;
}

/* --- snapshots ------------------------------------------------------------------------------- */

void img_print_snapshots(struct block_node *node)
{
    const struct block_image_ops *ops = node->driver->image;
    struct image_snapshot *list;
    size_t count = 0;

    list = ops && ops->snapshots ? ops->snapshots(node, &count) : NULL;
    if (count) {
        printf("Snapshot list:\n");
        image_print_snapshot_head(stdout);
    }
    for (size_t i = 0; i < count; i++) {
        image_print_snapshot(stdout, &list[i], list[i].id);
    }
    image_snapshots_free(list, count);
}

/* --- progress and signals -------------------------------------------------------------------- */

static void on_ask(int number)
{
    asked = 1;
}

static void on_interrupt(int number)
{
    interrupted = 1;
}

bool img_interrupted(void)
{
    return interrupted;
}

void img_progress_start(bool wanted)
{
    static const int deadly[] = { SIGINT, SIGTERM, SIGHUP };

    progress_on = wanted;
    progress_last = -1;
    for (size_t i = 0; i < ARRAY_LEN(deadly); i++) {
        struct sigaction sa = { .sa_handler = on_interrupt, .sa_flags = SA_RESETHAND };

        sigaction(deadly[i], &sa, NULL);
    }
    signal(SIGUSR1, on_ask);
    img_progress(0, 1);
}

void img_progress(uint64_t done, uint64_t total)
{
    double percent = total ? 100.0 * done / total : 100;

    if (progress_on && (percent - progress_last >= 1 || progress_last < 0 || percent >= 100) &&
        percent != progress_last) {
        printf("    (%3.2f/100%%)\r", percent);
        fflush(stdout);
        progress_last = percent;
    }
    if (asked) {
        asked = 0;
        if (!progress_on) {
            fprintf(stderr, "    (%3.2f/100%%)\n", percent);
        }
    }
}

void img_progress_end(void)
{
    if (progress_on) {
        progress_last = -1;
        img_progress(1, 1);
        printf("\n");
    }
    progress_on = false;
}
