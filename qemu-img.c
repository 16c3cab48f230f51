/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-img: the image tool. A table of commands; each is a function in img/. */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "img/img.h"
#include "base/version.h"

static const struct {
    const char *name;
    img_command *run;
    const char *usage;
} commands[] = {
    { "amend", img_amend, "[--object objectdef] [--image-opts] [-p] [-q] [-f fmt] [-t cache] "
      "[--force] -o options filename" },
    { "bench", img_bench, "[-c count] [-d depth] [-f fmt] [--flush-interval=flush_interval] "
      "[-i aio] [-n] [--no-drain] [-o offset] [--pattern=pattern] [-q] [-s buffer_size] "
      "[-S step_size] [-t cache] [-w] [-U] filename" },
    { "bitmap", img_bitmap, "(--merge SOURCE | --add | --remove | --clear | --enable | "
      "--disable)... [-b source_file [-F source_fmt]] [-g granularity] [--object objectdef] "
      "[--image-opts | -f fmt] filename bitmap" },
    { "check", img_check, "[--object objectdef] [--image-opts] [-q] [-f fmt] [--output=ofmt] "
      "[-r [leaks | all]] [-T src_cache] [-U] filename" },
    { "commit", img_commit, "[--object objectdef] [--image-opts] [-q] [-f fmt] [-t cache] "
      "[-b base] [-r rate_limit] [-d] [-p] filename" },
    { "compare", img_compare, "[--object objectdef] [--image-opts] [-f fmt] [-F fmt] "
      "[-T src_cache] [-p] [-q] [-s] [-U] filename1 filename2" },
    { "convert", img_convert, "[--object objectdef] [--image-opts] [--target-image-opts] "
      "[--target-is-zero] [--bitmaps] [-U] [-C] [-c] [-p] [-q] [-n] [-f fmt] [-t cache] "
      "[-T src_cache] [-O output_fmt] [-B backing_file [-F backing_fmt]] [-o options] "
      "[-l snapshot_param] [-S sparse_size] [-r rate_limit] [-m num_coroutines] [-W] [--salvage] "
      "filename [filename2 [...]] output_filename" },
    { "create", img_create, "[--object objectdef] [-q] [-f fmt] [-b backing_file "
      "[-F backing_fmt]] [-u] [-o options] filename [size]" },
    { "dd", img_dd, "[--image-opts] [-U] [-f fmt] [-O output_fmt] [bs=block_size] [count=blocks] "
      "[skip=blocks] if=input of=output" },
    { "info", img_info, "[--object objectdef] [--image-opts] [-f fmt] [--output=ofmt] "
      "[--backing-chain] [-U] filename" },
    { "map", img_map, "[--object objectdef] [--image-opts] [-f fmt] [--start-offset=offset] "
      "[--max-length=len] [--output=ofmt] [-U] filename" },
    { "measure", img_measure, "[--output=ofmt] [-O output_fmt] [-o options] [--size N | "
      "[--object objectdef] [--image-opts] [-f fmt] [-l snapshot_param] filename]" },
    { "snapshot", img_snapshot, "[--object objectdef] [--image-opts] [-U] [-q] [-l | -a snapshot "
      "| -c snapshot | -d snapshot] filename" },
    { "rebase", img_rebase, "[--object objectdef] [--image-opts] [-U] [-q] [-f fmt] [-t cache] "
      "[-T src_cache] [-p] [-u] -b backing_file [-F backing_fmt] filename" },
    { "resize", img_resize, "[--object objectdef] [--image-opts] [-f fmt] "
      "[--preallocation=prealloc] [-q] [--shrink] filename [+ | -]size" },
};

static int help(void)
{
    const struct block_driver *format;
    size_t at = 0;

    printf("qemu-img version " QEMU_VERSION "\n"
           "usage: qemu-img [standard options] command [command options]\n"
           "QEMU disk image utility\n\n"
           "    '-h', '--help'       display this help and exit\n"
           "    '-V', '--version'    output version information and exit\n\n"
           "Command syntax:\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        printf("  %s %s\n", commands[i].name, commands[i].usage);
    }
    printf("\nCommand parameters:\n"
           "  fmt, output_fmt    image format; guessed for input, raw for output if not given\n"
           "  cache, src_cache   none, writeback, writethrough, directsync or unsafe\n"
           "  size               bytes, or with suffix k, M, G, T, P or E\n"
           "  options            name=value,...; '-o help' lists those of the format\n"
           "  snapshot_param     snapshot.id=ID,snapshot.name=NAME, or an ID or name\n"
           "  -c compress   -p progress   -q quiet   -U share with a running machine\n"
           "  -S size       runs of zeroes of this length become holes (0: none do)\n"
           "  -n            the output exists already\n\nSupported formats:");
    while ((format = block_next_format(&at))) {
        printf(" %s", format->name);
    }
    printf("\n");
    return 0;
}

int main(int argc, char **argv)
{
    error_set_program("qemu-img");
    if (argc < 2) {
        return img_usage("Not enough arguments");
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
        return help();
    }
    if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0) {
        printf("qemu-img version " QEMU_VERSION "\n");
        return 0;
    }
    if (argv[1][0] == '-') {
        return img_usage("unrecognized option '%s'", argv[1]);
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, argv[1]) == 0) {
            for (int k = 2; k < argc && strcmp(argv[k], "--") != 0; k++) {
                if (strcmp(argv[k], "-h") == 0 || strcmp(argv[k], "--help") == 0) {
                    return help();
                }
            }
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return img_usage("Command not found: %s", argv[1]);
}
