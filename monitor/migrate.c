/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor commands that save, restore and move the machine. */
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/keyval.h"
#include "hw/core/run.h"
#include "migration/migration.h"
#include "migration/snapshot.h"
#include "monitor/hmp.h"
#include "net.h"

/* --- snapshots ------------------------------------------------------------------------------- */

void hmp_savevm(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    snapshot_save(hmp_text(args, "name"), &err);
    hmp_report(mon, err);
}

void hmp_loadvm(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    snapshot_load(hmp_text(args, "name"), machine_running(), &err);
    hmp_report(mon, err);
}

void hmp_delvm(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    snapshot_delete(hmp_text(args, "name"), &err);
    hmp_report(mon, err);
}

void hmp_info_snapshots(struct monitor *mon, struct hmp_args *args)
{
    snapshot_print(mon->out);
}

/* --- migration ------------------------------------------------------------------------------- */

static void migrated(void *opaque)
{
    struct migration_info info;
    char *text;

    migration_get_info(&info);
    text = info.status == MIGRATION_COMPLETED ? g_strdup("")
        : g_strdup_printf("Error: migration %s%s%s\n",
                          info.status == MIGRATION_CANCELLED ? "cancelled" : "failed",
                          info.status == MIGRATION_CANCELLED ? "" : ": ",
                          info.status == MIGRATION_CANCELLED ? "" : info.reason);
    hmp_resume(opaque, text);
    g_free(text);
}

void hmp_migrate(struct monitor *mon, struct hmp_args *args)
{
    bool detach = hmp_given(args, "detach") || !mon->chr;
    struct error *err = NULL;

    if (hmp_given(args, "blk") || hmp_given(args, "inc")) {
        error_set(&err, "migrate does not copy disks: share the images, or copy them with "
                  "drive_mirror first");
    } else if (hmp_given(args, "resume")) {
        error_set(&err, "there is no paused migration to resume");
    } else if (migration_start(hmp_text(args, "uri"), detach ? NULL : migrated, mon, &err) &&
               !detach) {
        hmp_suspend(mon);
    }
    hmp_report(mon, err);
}

void hmp_migrate_cancel(struct monitor *mon, struct hmp_args *args)
{
    migration_cancel();
}

void hmp_migrate_incoming(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    migration_incoming(hmp_text(args, "uri"), &err);
    hmp_report(mon, err);
}

void hmp_announce_self(struct monitor *mon, struct hmp_args *args)
{
    net_announce();
}

static bool set_bandwidth(const char *text, struct error **err)
{
    uint64_t bytes;

    if (!parse_size(text, 1, &bytes) || bytes > INT64_MAX) {
        error_set(err, "'%s' is not a number of bytes a second", text);
        return false;
    }
    __atomic_store_n(&migration_parameters.max_bandwidth, bytes, __ATOMIC_RELAXED);
    return true;
}

static bool set_downtime(const char *text, double unit_ms, struct error **err)
{
    char *end;
    double ms = g_ascii_strtod(text, &end) * unit_ms;

    if (end == text || *end || !(ms >= 0 && ms <= 2000000)) {
        error_set(err, "'%s' is not a time from 0 to 2000 seconds", text);
        return false;
    }
    __atomic_store_n(&migration_parameters.downtime_limit, (uint64_t)llround(ms),
                     __ATOMIC_RELAXED);
    return true;
}

void hmp_migrate_set_speed(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    set_bandwidth(hmp_text(args, "value"), &err);
    hmp_report(mon, err);
}

void hmp_migrate_set_downtime(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    set_downtime(hmp_text(args, "value"), 1000, &err);
    hmp_report(mon, err);
}

void hmp_migrate_set_parameter(struct monitor *mon, struct hmp_args *args)
{
    const char *name = hmp_text(args, "parameter"), *value = hmp_text(args, "value");
    struct error *err = NULL;

    if (strcmp(name, "max-bandwidth") == 0) {
        set_bandwidth(value, &err);
    } else if (strcmp(name, "downtime-limit") == 0) {
        set_downtime(value, 1, &err);
    } else {
        error_set(&err, "there is no parameter '%s'; there are max-bandwidth and downtime-limit",
                  name);
    }
    hmp_report(mon, err);
}

void hmp_info_migrate_parameters(struct monitor *mon, struct hmp_args *args)
{
    fprintf(mon->out, "max-bandwidth: %llu bytes/second\ndowntime-limit: %llu ms\n",
            (unsigned long long)migration_parameters.max_bandwidth,
            (unsigned long long)migration_parameters.downtime_limit);
}

static void print_figures(struct monitor *mon, const struct migration_info *i)
{
    fprintf(mon->out, "total time: %lld ms\n", (long long)i->total_ms);
    if (i->status == MIGRATION_ACTIVE) {
        fprintf(mon->out, "expected downtime: %lld ms\n", (long long)i->expected_downtime_ms);
    } else if (i->status == MIGRATION_COMPLETED) {
        fprintf(mon->out, "downtime: %lld ms\n", (long long)i->downtime_ms);
    }
    fprintf(mon->out, "setup: %lld ms\n", (long long)i->setup_ms);
    fprintf(mon->out, "transferred ram: %llu kbytes\nthroughput: %0.2f mbps\n",
            (unsigned long long)i->ram.bytes / 1024, i->megabits_per_second);
    fprintf(mon->out, "remaining ram: %llu kbytes\ntotal ram: %llu kbytes\n",
            (unsigned long long)i->remaining / 1024, (unsigned long long)i->total / 1024);
    fprintf(mon->out, "duplicate: %llu pages\nskipped: 0 pages\nnormal: %llu pages\n",
            (unsigned long long)i->ram.zero_pages, (unsigned long long)i->ram.normal_pages);
    fprintf(mon->out, "normal bytes: %llu kbytes\ndirty sync count: %llu\npage size: 4 kbytes\n",
            (unsigned long long)i->ram.normal_pages * 4, (unsigned long long)i->passes);
    fprintf(mon->out, "pages-per-second: %llu\n", (unsigned long long)i->pages_per_second);
    if (i->dirty_pages_per_second) {
        fprintf(mon->out, "dirty pages rate: %llu pages\n",
                (unsigned long long)i->dirty_pages_per_second);
    }
}

void hmp_info_migrate(struct monitor *mon, struct hmp_args *args)
{
    static const char *const names[] = {
        "none", "setup", "active", "device", "completed", "failed", "cancelling", "cancelled"
    };
    struct migration_info info;

    migration_get_info(&info);
    if (info.status == MIGRATION_NONE) {
        return;
    }
    fprintf(mon->out, "Migration status: %s", names[info.status]);
    if (info.status == MIGRATION_FAILED) {
        fprintf(mon->out, " (%s)", info.reason);
    }
    fputc('\n', mon->out);
    print_figures(mon, &info);
}
