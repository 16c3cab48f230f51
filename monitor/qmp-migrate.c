/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP about migration: how it goes, and its limits. */
#include "migration/migration.h"
#include "monitor/qmp.h"

static struct json *describe_ram(const struct migration_info *info)
{
    struct json *o = json_object();

    json_set_int(o, "remaining", (int64_t)info->remaining);
    json_set_int(o, "total", (int64_t)info->total);
    json_set_int(o, "transferred", (int64_t)info->ram.bytes);
    json_set_int(o, "dirty-sync-count", (int64_t)info->passes);
    json_set_int(o, "dirty-pages-rate", (int64_t)info->dirty_pages_per_second);
    json_set(o, "mbps", json_double(info->megabits_per_second));
    return o;
}

struct json *qmp_query_migrate(const struct json *args, struct error **err)
{
    static const char *const names[] = { "none", "setup", "active", "device", "completed",
                                         "failed", "cancelling", "cancelled" };
    struct json *o = json_object();
    struct migration_info info;

    migration_get_info(&info);
    if (info.status == MIGRATION_NONE) {
        return o;
    }
    json_set_string(o, "status", names[info.status]);
    json_set_string(o, "error-desc", info.status == MIGRATION_FAILED ? info.reason : NULL);
    json_set_int(o, "total-time", info.total_ms);
    json_set_int(o, "setup-time", info.setup_ms);
    if (info.status == MIGRATION_COMPLETED) {
        json_set_int(o, "downtime", info.downtime_ms);
    } else {
        json_set_int(o, "expected-downtime", info.expected_downtime_ms);
    }
    json_set(o, "ram", describe_ram(&info));
    return o;
}

struct json *qmp_query_migrate_parameters(const struct json *args, struct error **err)
{
    struct json *o = json_object();

    json_set_int(o, "max-bandwidth", (int64_t)migration_parameters.max_bandwidth);
    json_set_int(o, "downtime-limit", (int64_t)migration_parameters.downtime_limit);
    return o;
}

struct json *qmp_migrate_set_parameters(const struct json *args, struct error **err)
{
    int64_t bandwidth = qmp_int(args, "max-bandwidth",
                                (int64_t)migration_parameters.max_bandwidth);
    int64_t downtime = qmp_int(args, "downtime-limit",
                               (int64_t)migration_parameters.downtime_limit);

    if (bandwidth < 0 || downtime < 0 || downtime > 2000000) {
        error_set(err, "Parameter '%s' is out of range",
                  bandwidth < 0 ? "max-bandwidth" : "downtime-limit");
        return NULL;
    }
    migration_parameters.max_bandwidth = (uint64_t)bandwidth;
    migration_parameters.downtime_limit = (uint64_t)downtime;
    return NULL;
}
