/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of qemu-img share. */
#ifndef IMG_IMG_H
#define IMG_IMG_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "block/image.h"

/* A command: argv[0] is its name. Returns the exit status. */
typedef int img_command(int argc, char **argv);

img_command img_amend, img_bench, img_bitmap, img_check, img_commit, img_compare, img_convert,
    img_create, img_dd, img_info, img_map, img_measure, img_rebase, img_resize, img_snapshot;

/* Long options without a letter. */
enum {
    OPT_OUTPUT = 256, OPT_BACKING_CHAIN, OPT_OBJECT, OPT_IMAGE_OPTS, OPT_TARGET_IMAGE_OPTS,
    OPT_TARGET_IS_ZERO, OPT_BITMAPS, OPT_SALVAGE, OPT_SKIP_BROKEN, OPT_SHRINK, OPT_PREALLOCATION,
    OPT_SIZE, OPT_START, OPT_MAX_LENGTH, OPT_FLUSH_INTERVAL, OPT_PATTERN, OPT_NO_DRAIN, OPT_ADD,
    OPT_REMOVE, OPT_CLEAR, OPT_ENABLE, OPT_DISABLE, OPT_MERGE, OPT_FORCE,
};

/* Like getopt_long(); bad options end the program, -h and --help print the help. `letters` as in
 * getopt. --object, --image-opts and the long forms of common letters are known everywhere. */
int img_getopt(int argc, char **argv, const char *letters);
/* How `--image-opts` was given to the command that is running. */
bool img_image_opts(void);
/* True for json, false for human; another word ends the program. */
bool img_wants_json(const char *word);
/* Flags of a cache mode (NULL: writeback); an unknown one ends the program. */
unsigned img_cache_flags(const char *mode);
/* driver=qcow2,file.filename=x,... */
struct block_node *img_open_options(const char *text, unsigned flags, struct error **err);
/* Prints the error of a failed open and returns NULL. The name may be image options. */
struct block_node *img_open(const char *file, const char *format, unsigned flags);
/* Prints "qemu-img: ..." and the hint; returns 1. */
int img_usage(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Prints and frees; returns 1. */
int img_fail(struct error *err);

/* A size from the command line; prints an error for a bad one. */
bool img_parse_size(const char *name, const char *text, uint64_t *value);
/* key=value of -o; *list may be NULL. `text` may be "help" or "?", which sets *help. */
bool img_add_options(struct keyval **list, const char *text, bool *help);
void img_print_options(const char *title, const struct image_option *options);
void img_print_snapshots(struct block_node *node);

/* Shows a snapshot (-l) in place of the disk; prints its error. */
bool img_show_snapshot(struct block_node *node, const char *text);

/* Progress in percent: printed if `wanted`, and at SIGUSR1. */
void img_progress_start(bool wanted);
void img_progress(uint64_t done, uint64_t total);
void img_progress_end(void);
/* SIGINT, SIGTERM and SIGHUP only set this; commands that write stop at a safe point. */
bool img_interrupted(void);

#endif
