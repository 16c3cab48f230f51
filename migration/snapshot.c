/* SPDX-License-Identifier: GPL-2.0-or-later */
/* savevm, loadvm, delvm, info snapshots. */
#include "migration/snapshot.h"

#include <glib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "block/drive.h"
#include "block/job.h"
#include "hw/core/run.h"
#include "migration/machine.h"
#include "migration/migration.h"

/* --- drives that take part ------------------------------------------------------------------- */

static bool takes_part(const struct block *block)
{
    return block_inserted(block) && !block_readonly(block);
}

#define FOR_EACH_DRIVE(b)                                                                          \
    for (struct block *b = block_first(); b; b = block_next(b))                                    \
        if (takes_part(b))

/* The drive that keeps the machine's state: the first. */
static struct block *state_drive(struct error **err)
{
    FOR_EACH_DRIVE(b) {
        if (block_can_snapshot(b)) {
            return b;
        }
    }
    error_set(err, "No block device can accept snapshots: one needs a disk in a qcow2 image");
    return NULL;
}

/* Nothing else is under way. */
static bool is_idle(struct error **err)
{
    FOR_EACH_DRIVE(b) {
        if (!block_job_allows(b, err)) {
            return false;
        }
    }
    return !migration_refuses(err);
}

static bool all_can_snapshot(struct error **err)
{
    FOR_EACH_DRIVE(b) {
        if (!block_can_snapshot(b)) {
            error_set(err, "Device '%s' is writable but does not support snapshots (qemu-img "
                      "convert -O qcow2 makes an image that does)", block_id(b));
            return false;
        }
    }
    return true;
}

static bool list_has(const struct image_snapshot *list, size_t count, const char *name,
                     struct image_snapshot *found)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0) {
            *found = list[i];
            return true;
        }
    }
    return false;
}

/* The numbers of a snapshot; its texts are not there. */
static bool drive_has(struct block *block, const char *name, struct image_snapshot *found)
{
    size_t count;
    struct image_snapshot *list = block_snapshots(block, &count);
    bool has = list_has(list, count, name, found);

    found->id = found->name = NULL;
    image_snapshots_free(list, count);
    return has;
}

static bool all_have(const char *name)
{
    struct image_snapshot ignored;

    FOR_EACH_DRIVE(b) {
        if (!drive_has(b, name, &ignored)) {
            return false;
        }
    }
    return true;
}

/* --- saving ---------------------------------------------------------------------------------- */

static bool delete_everywhere(const char *name, struct error **err)
{
    struct image_snapshot ignored;

    FOR_EACH_DRIVE(b) {
        while (block_can_snapshot(b) && drive_has(b, name, &ignored)) {
            if (!block_snapshot_delete(b, name, err)) {
                error_prepend(err, "Error while deleting snapshot on device '%s': ", block_id(b));
                return false;
            }
        }
    }
    return true;
}

static bool write_machine(struct block *block, uint64_t *size, struct error **err)
{
    struct ram_pages *ram = ram_pages_create();
    struct state_writer state = { 0 };
    struct ram_stats stats = { 0 };
    struct stream s;

    stream_open_image(&s, block, true, 0);
    machine_save_header(&s, ram);
    while (!stream_failed(&s) && machine_save_ram(&s, ram, &stats)) {
    }
    machine_save_state(&state);
    machine_save_end(&s, &state);
    *size = stream_position(&s);
    state_writer_free(&state);
    ram_pages_free(ram);
    if (!stream_result(&s, err)) {
        stream_close(&s);
        return false;
    }
    stream_close(&s);
    return true;
}

static bool snapshot_drives(struct block *state, const struct image_snapshot *snapshot,
                            struct error **err)
{
    FOR_EACH_DRIVE(b) {
        struct image_snapshot here = *snapshot;

        here.vm_state_size = b == state ? snapshot->vm_state_size : 0;
        if (!block_snapshot_create(b, &here, err)) {
            error_prepend(err, "Error while creating snapshot on '%s': ", block_id(b));
            return false;
        }
    }
    return true;
}

static bool save_stopped(const char *name, struct block *state, struct error **err)
{
    struct timespec now;
    struct image_snapshot snapshot = { .name = (char *)name, .icount = UINT64_MAX };

    clock_gettime(CLOCK_REALTIME, &now);
    snapshot.date_sec = now.tv_sec;
    snapshot.date_nsec = now.tv_nsec;
    snapshot.vm_clock_ns = clock_ns(CLOCK_VM);
    if (!delete_everywhere(name, err) || !write_machine(state, &snapshot.vm_state_size, err)) {
        return false;
    }
    if (!snapshot_drives(state, &snapshot, err)) {
        delete_everywhere(name, NULL);      /* half a snapshot is none */
        return false;
    }
    return true;
}

static char *name_of_now(void)
{
    time_t now = time(NULL);
    struct tm tm;
    char text[32];

    localtime_r(&now, &tm);
    strftime(text, sizeof(text), "vm-%Y%m%d%H%M%S", &tm);
    return g_strdup(text);
}

bool snapshot_save(const char *name, struct error **err)
{
    struct block *state;
    char *chosen;
    bool good;

    if (!is_idle(err) || !all_can_snapshot(err) || !(state = state_drive(err))) {
        return false;
    }
    machine_begin_save();
    chosen = name ? g_strdup(name) : name_of_now();
    good = machine_can_save(err) && save_stopped(chosen, state, err);
    g_free(chosen);
    machine_end_save(false);
    return good;
}

/* --- loading --------------------------------------------------------------------------------- */

static bool read_machine(struct block *block, uint64_t size, struct error **err)
{
    struct machine_load load;
    struct stream s;
    bool good;

    stream_open_image(&s, block, false, size);
    good = machine_load_stream(&s, &load, err) && machine_load_state(&load, err);
    if (!good) {
        machine_set_broken();
    }
    block_vm_state(block, 0, NULL, s.moved, true);  /* the snapshot has it still */
    machine_load_free(&load);
    stream_close(&s);
    return good;
}

static bool apply_drives(const char *name, struct error **err)
{
    FOR_EACH_DRIVE(b) {
        if (!block_snapshot_apply(b, name, err)) {
            error_prepend(err, "Error while activating snapshot on '%s': ", block_id(b));
            machine_set_broken();
            return false;
        }
    }
    return true;
}

/* Everything that can be known before the machine is touched. */
static bool can_load(const char *name, struct block **state, struct image_snapshot *snapshot,
                     struct error **err)
{
    if (!is_idle(err) || !all_can_snapshot(err) || !(*state = state_drive(err))) {
        return false;
    }
    if (!all_have(name)) {
        error_set(err, "Snapshot '%s' does not exist in one or more devices", name);
        return false;
    }
    drive_has(*state, name, snapshot);
    if (snapshot->vm_state_size == 0) {
        error_set(err, "This is a disk-only snapshot. Revert to it offline using qemu-img");
        return false;
    }
    return true;
}

bool snapshot_load(const char *name, bool run, struct error **err)
{
    struct image_snapshot snapshot;
    struct block *state;

    if (!can_load(name, &state, &snapshot, err)) {
        return false;
    }
    machine_begin_load();
    if (!apply_drives(name, err) || !read_machine(state, snapshot.vm_state_size, err)) {
        error_prepend(err, "Error while loading VM state: ");
        return false;
    }
    machine_end_load(run);
    return true;
}

bool snapshot_delete(const char *name, struct error **err)
{
    if (!is_idle(err) || !all_can_snapshot(err)) {
        return false;
    }
    return delete_everywhere(name, err);
}

/* --- listing --------------------------------------------------------------------------------- */

static bool is_whole(struct block *state, const struct image_snapshot *s)
{
    struct image_snapshot here;

    return all_have(s->name) && drive_has(state, s->name, &here) && here.vm_state_size;
}

static void print_partial(FILE *out, struct block *state, struct block *block)
{
    size_t count, shown = 0;
    struct image_snapshot *list = block_snapshots(block, &count);

    for (size_t i = 0; i < count; i++) {
        if (is_whole(state, &list[i])) {
            continue;
        }
        if (!shown++) {
            fprintf(out, "\nList of partial (non-loadable) snapshots on '%s':\n", block_id(block));
            image_print_snapshot_head(out);
        }
        image_print_snapshot(out, &list[i], list[i].id);
    }
    image_snapshots_free(list, count);
}

static size_t print_whole(FILE *out, struct block *state)
{
    size_t count, shown = 0;
    struct image_snapshot *list = block_snapshots(state, &count);

    for (size_t i = 0; i < count; i++) {
        if (is_whole(state, &list[i])) {
            if (!shown++) {
                fprintf(out, "List of snapshots present on all disks:\n");
                image_print_snapshot_head(out);
            }
            image_print_snapshot(out, &list[i], "--");
        }
    }
    image_snapshots_free(list, count);
    return shown;
}

void snapshot_print(FILE *out)
{
    struct error *err = NULL;
    struct block *state = all_can_snapshot(&err) ? state_drive(&err) : NULL;
    size_t any = 0;

    if (!state) {
        fprintf(out, "Error: %s\n", error_text(err));
        error_free(err);
        return;
    }
    FOR_EACH_DRIVE(b) {
        size_t count;
        struct image_snapshot *list = block_snapshots(b, &count);

        image_snapshots_free(list, count);
        any += count;
    }
    if (!any) {
        fprintf(out, "There is no snapshot available.\n");
        return;
    }
    if (!print_whole(out, state)) {
        fprintf(out, "List of snapshots present on all disks:\nNone\n");
    }
    FOR_EACH_DRIVE(b) {
        print_partial(out, state, b);
    }
}
