/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor commands about drives and character devices. */
#include <glib.h>
#include <string.h>

#include "block/drive.h"
#include "char/memory.h"
#include "monitor/hmp.h"

static struct block *find_drive(const char *id, struct error **err)
{
    struct block *block = block_find(id);

    if (!block) {
        error_set(err, "Device '%s' not found", id);
    }
    return block;
}

void hmp_eject(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block *block = find_drive(hmp_text(args, "device"), &err);

    if (block) {
        block_eject_medium(block, hmp_given(args, "force"), &err);
    }
    hmp_report(mon, err);
}

void hmp_change(struct monitor *mon, struct hmp_args *args)
{
    const char *mode = hmp_text(args, "read-only");
    struct error *err = NULL;
    struct block *block;

    if (strcmp(hmp_text(args, "device"), "vnc") == 0) {
        hmp_change_vnc(mon, hmp_text(args, "target"), hmp_text(args, "arg"));
    } else if ((block = find_drive(hmp_text(args, "device"), &err))) {
        if (mode) {
            block->readonly_wanted = strcmp(mode, "read-only") == 0 || block->type == BLOCK_CDROM;
        }
        block_change_medium(block, hmp_text(args, "target"), hmp_text(args, "arg"), &err);
    }
    hmp_report(mon, err);
}

void hmp_commit(struct monitor *mon, struct hmp_args *args)
{
    bool all = strcmp(hmp_text(args, "device"), "all") == 0;
    struct error *err = NULL;
    struct block *block;

    for (block = all ? block_first() : NULL; block && !err; block = block_next(block)) {
        bool layered = block->node && block->node->backing && !block_readonly(block);

        if (layered || block_is_snapshot(block)) {
            block_commit(block, &err);
        }
    }
    if (!all && (block = find_drive(hmp_text(args, "device"), &err))) {
        block_commit(block, &err);
    }
    hmp_report(mon, err);
}

/* --- character devices ----------------------------------------------------------------------- */

void hmp_info_chardev(struct monitor *mon, struct hmp_args *args)
{
    for (struct chardev *chr = chardev_first(); chr; chr = chardev_next(chr)) {
        fprintf(mon->out, "%s: filename=%s\n", chardev_id(chr), chardev_description(chr));
    }
}

static struct chardev *find_ringbuf(struct monitor *mon, struct hmp_args *args)
{
    struct chardev *chr = chardev_find(hmp_text(args, "device"));

    if (!chr || !chardev_is_ringbuf(chr)) {
        fprintf(mon->out, chr ? "Error: %s is not a ringbuf device\n"
                              : "Error: Device '%s' not found\n", hmp_text(args, "device"));
        return NULL;
    }
    return chr;
}

void hmp_ringbuf_read(struct monitor *mon, struct hmp_args *args)
{
    struct chardev *chr = find_ringbuf(mon, args);
    int64_t left = hmp_number(args, "size");

    while (chr && left > 0) {
        uint8_t data[256];
        size_t n = chardev_ringbuf_read(chr, data, MIN(left, (int64_t)sizeof(data)));

        if (!n) {
            break;
        }
        for (size_t i = 0; i < n; i++) {
            uint8_t c = data[i];

            if (c == '\\') {
                fprintf(mon->out, "\\\\");
            } else {
                fprintf(mon->out, (c < ' ' && c != '\n' && c != '\t') || c == 127 ? "\\u%04X"
                                                                                  : "%c", c);
            }
        }
        left -= n;
    }
    if (chr) {
        fputc('\n', mon->out);
    }
}

void hmp_ringbuf_write(struct monitor *mon, struct hmp_args *args)
{
    struct chardev *chr = find_ringbuf(mon, args);
    const char *data = hmp_text(args, "data");

    if (chr) {
        chardev_write_all(chr, data, strlen(data));
    }
}
