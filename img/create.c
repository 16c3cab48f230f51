/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-img create, resize, amend. */
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "img/create.h"
#include "img/img.h"

/* --- create ---------------------------------------------------------------------------------- */

static int print_create_help(const char *format)
{
    const struct block_driver *driver = block_find_format(format);

    if (!driver) {
        error_report("Unknown file format '%s'", format);
        return 1;
    }
    if (!driver->image || !driver->image->create) {
        error_report("Format driver '%s' does not support image creation", format);
        return 1;
    }
    char *title = g_strdup_printf("Supported %s options:", format);
    img_print_options(title, driver->image->options);
    g_free(title);
    return 0;
}

int img_create_help(const char *format)
{
    return print_create_help(format);
}

/* "fmt=qcow2 cluster_size=65536 size=...": what was asked for and the defaults worth knowing. */
static void print_plan(const char *file, const char *format, uint64_t size, struct keyval *options)
{
    const struct image_option *o = block_find_format(format)->image->options;
    bool printed = false;

    printf("Formatting '%s', fmt=%s", file, format);
    for (; o->name; o++) {
        const char *value = keyval_string(options, o->name, o->fallback);

        if (strcmp(o->name, "size") == 0) {
            printf(" size=%llu", (unsigned long long)size);
            printed = true;
        } else if (value) {
            uint64_t bytes;

            if (o->kind == IMAGE_SIZE && parse_size(value, 1, &bytes)) {
                printf(" %s=%llu", o->name, (unsigned long long)bytes);
            } else {
                printf(" %s=%s", o->name, value);
            }
        }
    }
    if (!printed) {
        printf(" size=%llu", (unsigned long long)size);
    }
    printf("\n");
}

/* Opens the backing file: it must exist, and lends its size and perhaps its format. */
static bool look_at_backing(const char *file, struct keyval *options, bool have_size,
                            uint64_t *size)
{
    const char *backing = keyval_string(options, "backing_file", NULL);
    const char *format = keyval_string(options, "backing_fmt", NULL);
    struct error *err = NULL;
    struct block_node *node;
    int64_t length;
    char *path;

    if (!backing || !*backing) {
        return true;
    }
    path = block_resolve_name(file, backing);
    node = block_node_open(path, format, NULL,
                           NODE_READONLY | NODE_NO_IO | (format ? NODE_NO_BACKING : 0),
                           &err);
    g_free(path);
    if (!node) {
        error_prepend(&err, "%s: ", file);
        error_report_free(err);
        if (!have_size) {
            return false;
        }
        error_report("Could not open backing image.");
        return false;
    }
    if (!format) {
        if (strcmp(node->driver->name, "raw") == 0) {
            error_report("%s: Backing file specified without backing format; it looks raw, which "
                         "is never guessed: use -F raw", file);
            block_node_close(node);
            return false;
        }
        error_warn("%s: Backing file specified without backing format; detected format of %s",
                   file, node->driver->name);
        keyval_set(options, "backing_fmt", node->driver->name);
    }
    length = block_node_length(node);
    block_node_close(node);
    *size = have_size ? *size : length < 0 ? 0 : length;
    return length >= 0;
}

/* Names that promise another format than the one that is made. */
static void warn_about_suffix(const char *file, const char *format, bool format_given)
{
    static const struct {
        const char *suffix, *format;
    } suffixes[] = {
        { ".qcow2", "qcow2" }, { ".vmdk", "vmdk" }, { ".vdi", "vdi" }, { ".vhd", "vpc" },
        { ".vhdx", "vhdx" },
    };

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        if (g_str_has_suffix(file, suffixes[i].suffix) &&
            strcmp(format, suffixes[i].format) != 0) {
            error_warn("'%s' becomes a %s image in spite of its name%s%s", file, format,
                       format_given ? "" : "; for what the name says use -f ",
                       format_given ? "" : suffixes[i].format);
        }
    }
}

static bool find_size(const char *file, const char *word, struct keyval *options, bool *have,
                      uint64_t *size)
{
    const char *option = keyval_string(options, "size", NULL);

    *have = word || option;
    if (word && *word == '-') {
        error_report("Invalid image size specified. Must be between 0 and %lld.",
                     (long long)INT64_MAX);
        return false;
    }
    return !*have || img_parse_size("image size", word ? word : option, size);
}

bool img_create_image(const char *file, const char *format, const char *size_word,
                      struct keyval *options, bool unsafe, bool quiet)
{
    struct error *err = NULL;
    uint64_t size = 0;
    bool have_size;

    if (!block_find_format(format) || !block_find_format(format)->image ||
        !block_find_format(format)->image->create) {
        print_create_help(format);
        return false;
    }
    if (!find_size(file, size_word, options, &have_size, &size) ||
        (!unsafe && !look_at_backing(file, options, have_size, &size))) {
        return false;
    }
    if (!have_size && (unsafe || !keyval_has(options, "backing_file"))) {
        error_report("%s: Image creation needs a size parameter", file);
        return false;
    }
    if (!image_check_options(block_find_format(format)->image->options, options, &err)) {
        error_prepend(&err, "%s: ", file);
        error_report_free(err);
        return false;
    }
    if (!quiet) {
        print_plan(file, format, size, options);
        fflush(stdout);
    }
    if (strcmp(format, "raw") != 0) {
        size = align_up(size, BLOCK_ALIGN);
    }
    if (!image_create(file, format, size, options, &err)) {
        error_prepend(&err, "%s: ", file);
        error_report_free(err);
        return false;
    }
    return true;
}

int img_create(int argc, char **argv)
{
    const char *format = "raw", *backing = NULL, *backing_format = NULL;
    struct keyval *options = NULL;
    bool unsafe = false, quiet = false, help = false, good;
    int c;

    while ((c = img_getopt(argc, argv, ":F:b:f:o:qu6")) != -1) {
        switch (c) {
        case 'F': backing_format = optarg; break;
        case 'b': backing = optarg; break;
        case 'f': format = optarg; break;
        case 'q': quiet = true; break;
        case 'u': unsafe = true; break;
        case 'o':
            if (!img_add_options(&options, optarg, &help)) {
                return 1;
            }
            break;
        default:
            return img_usage("create: this option does not belong to it");
        }
    }
    if (help) {
        return print_create_help(format);
    }
    if (optind >= argc) {
        return img_usage("Expecting image file name");
    }
    if (argc - optind > 2) {
        return img_usage("Unexpected argument: %s", argv[optind + 2]);
    }
    options = options ? options : keyval_create("-o");
    if (backing) {
        keyval_set(options, "backing_file", backing);
    }
    if (backing_format) {
        keyval_set(options, "backing_fmt", backing_format);
    }
    warn_about_suffix(argv[optind], format, strcmp(format, "raw") != 0);
    good = img_create_image(argv[optind], format, argc - optind > 1 ? argv[optind + 1] : NULL,
                            options, unsafe, quiet);
    keyval_free(options);
    return good ? 0 : 1;
}

/* --- resize ---------------------------------------------------------------------------------- */

static bool new_size(struct block_node *node, const char *word, uint64_t *size, bool *shrinks)
{
    int64_t now = block_node_length(node);
    char sign = *word == '+' || *word == '-' ? *word : 0;
    uint64_t value;

    if (now < 0 || !img_parse_size("image size", word + (sign != 0), &value)) {
        return false;
    }
    *size = sign == '+' ? now + value : sign == '-' ? now - value : value;
    if (sign == '-' && value >= now) {
        error_report("New image size must be positive");
        return false;
    }
    if (strcmp(node->driver->name, "raw") != 0) {
        *size = align_up(*size, BLOCK_ALIGN);
    }
    *shrinks = *size < now;
    return true;
}

static int resize_node(struct block_node *node, const char *word, enum block_prealloc prealloc,
                       bool shrink, bool quiet)
{
    struct error *err = NULL;
    uint64_t size;
    bool shrinks;

    if (!new_size(node, word, &size, &shrinks)) {
        return 1;
    }
    if (shrinks && !shrink) {
        error_report("Use the --shrink option to perform a shrink operation.");
        error_warn("Shrinking an image will delete all data beyond the shrunken image's end. "
                   "Before performing such an operation, make sure there is no important data "
                   "there.");
        return 1;
    }
    if (!block_node_resize(node, size, prealloc, &err)) {
        return img_fail(err);
    }
    if (!quiet) {
        printf("Image resized.\n");
    }
    return 0;
}

int img_resize(int argc, char **argv)
{
    enum block_prealloc prealloc = BLOCK_PREALLOC_OFF;
    struct keyval *kv = keyval_create("--preallocation");
    bool shrink = false, quiet = false;
    const char *format = NULL, *word;
    struct error *err = NULL;
    struct block_node *node;
    int c, status;

    /* "-size" at the end is no option. */
    word = argc > 2 ? argv[--argc] : NULL;
    while ((c = img_getopt(argc, argv, ":f:q")) != -1) {
        switch (c) {
        case 'f': format = optarg; break;
        case 'q': quiet = true; break;
        case OPT_SHRINK: shrink = true; break;
        case OPT_PREALLOCATION: keyval_set(kv, "preallocation", optarg); break;
        default: return img_usage("resize: this option does not belong to it");
        }
    }
    if (!image_read_prealloc(kv, &prealloc, &err)) {
        return img_fail(err);
    }
    keyval_free(kv);
    if (optind != argc - 1 || !word) {
        return img_usage("Expecting image file name and size");
    }
    node = img_open(argv[optind], format, 0);
    if (!node) {
        return 1;
    }
    if (node->probed && strcmp(node->driver->name, "raw") == 0) {
        error_warn("Image format was not specified for '%s' and probing guessed raw", node->file);
    }
    status = resize_node(node, word, prealloc, shrink, quiet);
    block_node_close(node);
    return status;
}

/* --- amend ----------------------------------------------------------------------------------- */

static int amend_node(struct block_node *node, struct keyval *options)
{
    const struct block_image_ops *ops = node->driver->image;
    struct error *err = NULL;

    if (!ops || !ops->amend) {
        error_report("Format driver '%s' does not support option amendment", node->driver->name);
        return 1;
    }
    if (!image_check_options(ops->amendable, options, &err)) {
        return img_fail(err);
    }
    return ops->amend(node, options, &err) ? 0 : img_fail(err);
}

static int amend_help(const char *format)
{
    const struct block_driver *driver = block_find_format(format);
    char *title;

    if (!driver || !driver->image || !driver->image->amendable) {
        error_report("Format driver '%s' does not support option amendment", format);
        return 1;
    }
    title = g_strdup_printf("Amend options for '%s':", format);
    img_print_options(title, driver->image->amendable);
    g_free(title);
    return 0;
}

int img_amend(int argc, char **argv)
{
    const char *format = NULL, *cache = NULL;
    struct keyval *options = NULL;
    bool help = false, progress = false, quiet = false;
    struct block_node *node;
    unsigned force = 0;
    int c, status;

    while ((c = img_getopt(argc, argv, ":f:t:o:pq")) != -1) {
        switch (c) {
        case 'f': format = optarg; break;
        case 't': cache = optarg; break;
        case 'p': progress = true; break;
        case 'q': quiet = true; break;
        case OPT_FORCE: force = NODE_FORCE; break;
        case 'o':
            if (!img_add_options(&options, optarg, &help)) {
                return 1;
            }
            break;
        default: return img_usage("amend: this option does not belong to it");
        }
    }
    if (help && format) {
        return amend_help(format);
    }
    if (!options) {
        return img_usage("Must specify options (-o)");
    }
    if (optind != argc - 1) {
        return img_usage("Expecting one image file name");
    }
    node = img_open(argv[optind], format, img_cache_flags(cache) | force);
    if (!node) {
        return 1;
    }
    img_progress_start(progress && !quiet);
    status = amend_node(node, options);
    img_progress_end();
    block_node_close(node);
    keyval_free(options);
    return status;
}
