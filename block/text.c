/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts about images as people read them: sizes and lists of snapshots. */
#include <glib.h>
#include <math.h>
#include <time.h>

#include "base/bits.h"
#include "block/image.h"

char *image_size_text(uint64_t bytes)
{
    static const char *const units[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
    int exponent;

    /* From 1000 on the next unit is used, so that three digits are enough. */
    frexp(bytes / (1000.0 / 1024.0), &exponent);
    exponent = MAX_OF(exponent - 1, 0) / 10;
    return g_strdup_printf("%0.3g %sB", bytes / (double)(1ull << exponent * 10), units[exponent]);
}

void image_print_snapshot_head(FILE *out)
{
    fprintf(out, "%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK",
            "ICOUNT");
}

void image_print_snapshot(FILE *out, const struct image_snapshot *snapshot, const char *id)
{
    time_t when = snapshot->date_sec;
    uint64_t s = snapshot->vm_clock_ns / 1000000000;
    char date[32], icount[24] = "", *size = image_size_text(snapshot->vm_state_size), *clock;
    struct tm tm;

    localtime_r(&when, &tm);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
    clock = g_strdup_printf("%02d:%02d:%02d.%03d", (int)(s / 3600), (int)(s / 60 % 60),
                            (int)(s % 60), (int)(snapshot->vm_clock_ns / 1000000 % 1000));
    if (snapshot->icount != UINT64_MAX) {
        g_snprintf(icount, sizeof(icount), "%llu", (unsigned long long)snapshot->icount);
    }
    fprintf(out, "%-9s %-16s %8s%20s%13s%11s\n", id, snapshot->name, size, date, clock, icount);
    g_free(size);
    g_free(clock);
}
