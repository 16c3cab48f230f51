/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor commands about drives: what they are, limits, snapshots, jobs, adding and removing. */
#include <glib.h>
#include <string.h>

#include "base/clock.h"
#include "block/job.h"
#include "monitor/hmp.h"

static struct block *find_drive(struct hmp_args *args, struct error **err)
{
    const char *id = hmp_text(args, "device");
    struct block *block = block_find(id);

    if (!block) {
        error_set(err, "Cannot find device='%s' nor node-name=''", id);
    }
    return block;
}

/* --- info block ------------------------------------------------------------------------------ */

static void print_limits(struct monitor *mon, struct block *block)
{
    static const char *const names[THROTTLE_KINDS] = {
        "bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"
    };
    struct throttle_limits limits;

    if (!throttle_active(block->throttle)) {
        return;
    }
    throttle_get(block->throttle, &limits);
    fprintf(mon->out, "    I/O throttling:  ");
    for (int i = 0; i < THROTTLE_KINDS; i++) {
        fprintf(mon->out, " %s=%llu", names[i],
                (unsigned long long)limits.limit[i].average);
    }
    for (int i = 0; i < THROTTLE_KINDS; i++) {
        if (limits.limit[i].max) {
            fprintf(mon->out, " %s_max=%llu", names[i], (unsigned long long)limits.limit[i].max);
        }
    }
    fprintf(mon->out, " iops_size=%llu group=%s\n", (unsigned long long)limits.iops_size,
            throttle_group(block->throttle));
}

static void print_images(struct monitor *mon, struct block *block)
{
    for (struct block_node *n = block_image(block); n; n = n->backing) {
        char *length = image_size_text(block_node_length(n));

        fprintf(mon->out, "%simage: %s\nfile format: %s\nvirtual size: %s (%lld bytes)\n",
                n == block_image(block) ? "\nImages:\n" : "\nBacking image:\n", n->file,
                n->driver->name, length, (long long)block_node_length(n));
        g_free(length);
        if (image_actual_size(n) >= 0) {
            char *used = image_size_text(image_actual_size(n));

            fprintf(mon->out, "disk size: %s\n", used);
            g_free(used);
        }
        if (n->backing_file) {
            fprintf(mon->out, "backing file: %s\n", n->backing_file);
        }
    }
}

static unsigned chain_length(const struct block_node *node)
{
    unsigned depth = 0;

    while ((node = node->backing)) {
        depth++;
    }
    return depth;
}

static void print_medium(struct monitor *mon, struct block *block)
{
    static const char *const zeroes[] = { NULL, "on", "unmap" };
    const struct block_node *node = block_image(block);

    fprintf(mon->out, "    Cache mode:       %s%s%s\n",
            block_write_cache(block) ? "writeback" : "writethrough",
            block->cache_direct ? ", direct" : "",
            block->cache_unsafe ? ", ignore flushes" : "");
    if (node->backing) {
        fprintf(mon->out, "    Backing file:     %s (chain depth: %u)\n", node->backing->file,
                chain_length(node));
    }
    if (block->detect_zeroes) {
        fprintf(mon->out, "    Detect zeroes:    %s\n", zeroes[block->detect_zeroes]);
    }
    print_limits(mon, block);
}

static void print_drive(struct monitor *mon, struct block *block, bool verbose)
{
    if (block_inserted(block)) {
        fprintf(mon->out, "%s: %s (%s%s%s)\n", block_id(block), block_file(block),
                block_format(block), block_readonly(block) ? ", read-only" : "",
                block_is_snapshot(block) ? ", snapshot" : "");
    } else {
        fprintf(mon->out, "%s: [not inserted]\n", block_id(block));
    }
    if (block_type(block) != BLOCK_DISK) {
        fprintf(mon->out, "    Removable device: %slocked, tray %s\n",
                block_locked(block) ? "" : "not ", block_tray_open(block) ? "open" : "closed");
    }
    if (block_inserted(block)) {
        print_medium(mon, block);
        if (verbose) {
            print_images(mon, block);
        }
    }
}

void hmp_info_block(struct monitor *mon, struct hmp_args *args)
{
    const char *id = hmp_text(args, "device");
    bool found = false;

    for (struct block *block = block_first(); block; block = block_next(block)) {
        if (id ? strcmp(id, block_id(block)) == 0 : *block_id(block)) {
            fprintf(mon->out, "%s", found ? "\n" : "");
            print_drive(mon, block, hmp_given(args, "verbose"));
            found = true;
        }
    }
    if (id && !found) {
        fprintf(mon->out, "Error: Device '%s' not found\n", id);
    }
}

void hmp_info_blockstats(struct monitor *mon, struct hmp_args *args)
{
    for (struct block *block = block_first(); block; block = block_next(block)) {
        struct block_stats s;

        if (!*block_id(block)) {
            continue;
        }
        block_get_stats(block, &s);
        fprintf(mon->out, "%s: rd_bytes=%llu wr_bytes=%llu rd_operations=%llu wr_operations=%llu "
                "flush_operations=%llu wr_total_time_ns=%llu rd_total_time_ns=%llu "
                "flush_total_time_ns=%llu rd_merged=0 wr_merged=0 idle_time_ns=%lld\n",
                block_id(block), (unsigned long long)s.read_bytes,
                (unsigned long long)s.write_bytes, (unsigned long long)s.read_count,
                (unsigned long long)s.write_count, (unsigned long long)s.flush_count,
                (unsigned long long)s.write_ns, (unsigned long long)s.read_ns,
                (unsigned long long)s.flush_ns,
                (long long)(s.last_access ? clock_ns(CLOCK_HOST) - s.last_access : 0));
    }
}

/* --- settings -------------------------------------------------------------------------------- */

void hmp_block_resize(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block *block = find_drive(args, &err);
    uint64_t size;

    /* A bare number counts mebibytes, as with -m. */
    if (block && (!parse_size(hmp_text(args, "size"), 1 << 20, &size) || size > INT64_MAX)) {
        error_set(&err, "'%s' is not a size", hmp_text(args, "size"));
    } else if (block) {
        block_resize(block, size, &err);
    }
    hmp_report(mon, err);
}

void hmp_block_set_io_throttle(struct monitor *mon, struct hmp_args *args)
{
    static const char *const names[THROTTLE_KINDS] = {
        "bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"
    };
    struct throttle_limits limits = { 0 };
    struct error *err = NULL;
    struct block *block = find_drive(args, &err);

    for (int i = 0; i < THROTTLE_KINDS; i++) {
        limits.limit[i] = (struct throttle_limit){ hmp_number(args, names[i]), 0, 1 };
    }
    if (block && throttle_check(&limits, &err)) {
        block_set_limits(block, &limits);
    }
    hmp_report(mon, err);
}

/* --- adding and removing --------------------------------------------------------------------- */

void hmp_drive_add(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct keyval *kv = keyval_parse("drive_add", hmp_text(args, "opts"), NULL, &err);

    if (kv && strcmp(keyval_string(kv, "if", ""), "none") != 0) {
        error_set(&err, "Can't hot-add a drive to a controller: use if=none and device_add");
        keyval_free(kv);
    } else if (kv && block_add_drive_keys(kv, &err)) {
        fprintf(mon->out, "OK\n");
    }
    hmp_report(mon, err);
}

void hmp_drive_del(struct monitor *mon, struct hmp_args *args)
{
    struct block *block = block_find(hmp_text(args, "device"));
    struct error *err = NULL;

    if (!block) {
        error_set(&err, "Device '%s' not found", hmp_text(args, "device"));
    } else if (block_job_allows(block, &err)) {
        block_remove(block);
    }
    hmp_report(mon, err);
}

/* --- snapshots of one drive ------------------------------------------------------------------ */

void hmp_snapshot_blkdev(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block *block = find_drive(args, &err);
    const char *file = hmp_text(args, "snapshot-file");

    if (block && !file) {
        error_set(&err, "Parameter 'snapshot-file' is missing");
    } else if (block) {
        block_snapshot_external(block, file, hmp_text(args, "format"), hmp_given(args, "reuse"),
                                &err);
    }
    hmp_report(mon, err);
}

void hmp_snapshot_blkdev_internal(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block *block = find_drive(args, &err);
    int64_t now = clock_ns(CLOCK_WALL);
    struct image_snapshot snapshot = {
        .name = (char *)hmp_text(args, "name"), .icount = UINT64_MAX,
        .date_sec = now / NS_PER_SECOND, .date_nsec = now % NS_PER_SECOND,
        .vm_clock_ns = clock_ns(CLOCK_VM),
    };

    if (block) {
        block_snapshot_create(block, &snapshot, &err);
    }
    hmp_report(mon, err);
}

void hmp_snapshot_delete_blkdev_internal(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block *block = find_drive(args, &err);

    if (block) {
        block_snapshot_delete(block, hmp_text(args, "name"), &err);
    }
    hmp_report(mon, err);
}

/* --- jobs ------------------------------------------------------------------------------------ */

static unsigned job_flags(struct hmp_args *args)
{
    return (hmp_given(args, "reuse") ? JOB_REUSE : 0) | (hmp_given(args, "full") ? JOB_FULL : 0);
}

void hmp_drive_mirror(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block *block = find_drive(args, &err);

    if (block) {
        block_mirror(block, hmp_text(args, "target"), hmp_text(args, "format"), job_flags(args),
                     &err);
    }
    hmp_report(mon, err);
}

void hmp_drive_backup(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block *block = find_drive(args, &err);

    if (block) {
        block_backup(block, hmp_text(args, "target"), hmp_text(args, "format"),
                     job_flags(args) | (hmp_given(args, "compress") ? JOB_COMPRESS : 0), &err);
    }
    hmp_report(mon, err);
}

static uint64_t speed_of(struct hmp_args *args)
{
    uint64_t speed = 0;

    return hmp_text(args, "speed") && parse_size(hmp_text(args, "speed"), 1, &speed) ? speed : 0;
}

void hmp_block_stream(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block *block = find_drive(args, &err);

    if (block) {
        block_stream(block, hmp_text(args, "base"), speed_of(args), &err);
    }
    hmp_report(mon, err);
}

void hmp_block_commit(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block *block = find_drive(args, &err);

    if (block) {
        block_commit_live(block, hmp_text(args, "base"), speed_of(args), &err);
    }
    hmp_report(mon, err);
}

void hmp_info_block_jobs(struct monitor *mon, struct hmp_args *args)
{
    block_jobs_print(mon->out);
}

static struct block_job *find_job(struct hmp_args *args, struct error **err)
{
    return block_job_find(hmp_text(args, "device"), err);
}

void hmp_block_job_cancel(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block_job *job = find_job(args, &err);

    if (job) {
        block_job_cancel(job, hmp_given(args, "force"));
    }
    hmp_report(mon, err);
}

void hmp_block_job_complete(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block_job *job = find_job(args, &err);

    if (job) {
        block_job_complete(job, &err);
    }
    hmp_report(mon, err);
}

void hmp_block_job_pause(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block_job *job = find_job(args, &err);

    if (job) {
        block_job_pause(job, true);
    }
    hmp_report(mon, err);
}

void hmp_block_job_resume(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block_job *job = find_job(args, &err);

    if (job) {
        block_job_pause(job, false);
    }
    hmp_report(mon, err);
}

void hmp_block_job_set_speed(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct block_job *job = find_job(args, &err);

    if (job) {
        block_job_set_speed(job, speed_of(args));
    }
    hmp_report(mon, err);
}
