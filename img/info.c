/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-img info, check, snapshot. */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/time.h>

#include "base/bits.h"
#include "img/img.h"

/* --- info ------------------------------------------------------------------------------------ */

static void get_info(struct block_node *node, struct image_info *info)
{
    const struct block_image_ops *ops = node->driver->image;

    *info = (struct image_info){ 0 };
    if (ops && ops->info) {
        ops->info(node, info);
    }
}

static void print_info(struct block_node *node, const struct image_info *info)
{
    int64_t length = block_node_length(node), used = image_actual_size(node);
    char *text = image_size_text(length), *full;

    printf("image: %s\nfile format: %s\nvirtual size: %s (%lld bytes)\n", node->file,
           node->driver->name, text, (long long)length);
    g_free(text);
    text = used < 0 ? g_strdup("unavailable") : image_size_text(used);
    printf("disk size: %s\n", text);
    g_free(text);
    if (info->encrypted) {
        printf("encrypted: yes\n");
    }
    if (info->cluster_size) {
        printf("cluster_size: %llu\n", (unsigned long long)info->cluster_size);
    }
    if (info->dirty) {
        printf("cleanly shut down: no\n");
    }
    if (node->backing_file) {
        full = block_resolve_name(node->file, node->backing_file);
        printf("backing file: %s", node->backing_file);
        if (strcmp(full, node->backing_file) != 0) {
            printf(" (actual path: %s)", full);
        }
        printf("\n");
        g_free(full);
        if (node->backing_format) {
            printf("backing file format: %s\n", node->backing_format);
        }
    }
    img_print_snapshots(node);
    if (info->specific) {
        printf("Format specific information:\n");
        value_print_text(info->specific, 1, stdout);
    }
}

static void add_snapshots(struct block_node *node, struct value *to)
{
    const struct block_image_ops *ops = node->driver->image;
    struct image_snapshot *list;
    struct value *all;
    size_t count = 0;

    list = ops && ops->snapshots ? ops->snapshots(node, &count) : NULL;
    if (count) {
        all = value_list();
        for (size_t i = 0; i < count; i++) {
            struct value *v = value_object();

            if (list[i].icount != UINT64_MAX) {
                value_add_uint(v, "icount", list[i].icount);
            }
            value_add_uint(v, "vm-clock-nsec", list[i].vm_clock_ns % 1000000000);
            value_add_text(v, "name", list[i].name);
            value_add_uint(v, "date-sec", list[i].date_sec);
            value_add_uint(v, "date-nsec", list[i].date_nsec);
            value_add_uint(v, "vm-clock-sec", list[i].vm_clock_ns / 1000000000);
            value_add_text(v, "id", list[i].id);
            value_add_uint(v, "vm-state-size", list[i].vm_state_size);
            value_add(all, NULL, v);
        }
        value_add(to, "snapshots", all);
    }
    image_snapshots_free(list, count);
}

/* Takes info->specific over. */
static struct value *info_value(struct block_node *node, struct image_info *info)
{
    struct value *v = value_object(), *specific;
    int64_t used = image_actual_size(node);
    char *full;

    add_snapshots(node, v);
    if (node->backing_file && node->backing_format) {
        value_add_text(v, "backing-filename-format", node->backing_format);
    }
    value_add_uint(v, "virtual-size", block_node_length(node));
    value_add_text(v, "filename", node->file);
    if (info->cluster_size) {
        value_add_uint(v, "cluster-size", info->cluster_size);
    }
    value_add_text(v, "format", node->driver->name);
    if (used >= 0) {
        value_add_uint(v, "actual-size", used);
    }
    if (info->encrypted) {
        value_add_bool(v, "encrypted", true);
    }
    if (info->compressed) {
        value_add_bool(v, "compressed", true);
    }
    if (info->specific) {
        specific = value_object();
        value_add_text(specific, "type", node->driver->name);
        value_add(specific, "data", info->specific);
        info->specific = NULL;
        value_add(v, "format-specific", specific);
    }
    if (node->backing_file) {
        full = block_resolve_name(node->file, node->backing_file);
        value_add_text(v, "full-backing-filename", full);
        value_add_text(v, "backing-filename", node->backing_file);
        g_free(full);
    }
    value_add_bool(v, "dirty-flag", info->dirty);
    return v;
}

static void show_info(struct block_node *node, struct value *list, bool json, bool first)
{
    struct image_info info;

    get_info(node, &info);
    if (json) {
        value_add(list, NULL, info_value(node, &info));
    } else {
        printf("%s", first ? "" : "\n");
        print_info(node, &info);
    }
    value_free(info.specific);
}

static int info_file(const char *file, const char *format, unsigned flags, bool json, bool chain)
{
    struct value *list = value_list();
    struct block_node *node = img_open(file, format, flags | NODE_NO_IO);

    if (!node) {
        return 1;
    }
    for (struct block_node *n = node; n; n = chain ? n->backing : NULL) {
        show_info(n, list, json, n == node);
    }
    if (json && chain) {
        value_print_json(list, 0, stdout);
        printf("\n");
    } else if (json) {
        struct image_info info;
        struct value *v;

        get_info(node, &info);
        v = info_value(node, &info);
        value_print_json(v, 0, stdout);
        printf("\n");
        value_free(v);
    }
    value_free(list);
    block_node_close(node);
    return 0;
}

int img_info(int argc, char **argv)
{
    bool json = false, chain = false;
    unsigned flags = NODE_READONLY;
    const char *format = NULL;
    int c;

    while ((c = img_getopt(argc, argv, ":f:U")) != -1) {
        switch (c) {
        case 'f': format = optarg; break;
        case 'U': flags |= NODE_SHARE; break;
        case OPT_OUTPUT: json = img_wants_json(optarg); break;
        case OPT_BACKING_CHAIN: chain = true; break;
        default: return img_usage("info: this option does not belong to it");
        }
    }
    if (optind != argc - 1) {
        return img_usage("Expecting one image file name");
    }
    return info_file(argv[optind], format, flags | (chain ? 0 : NODE_NO_BACKING), json, chain);
}

/* --- check ----------------------------------------------------------------------------------- */

static void print_check(const struct image_check *r)
{
    if (!r->corruptions && !r->leaks && !r->check_errors) {
        printf("No errors were found on the image.\n");
    }
    if (r->corruptions) {
        printf("\n%llu errors were found on the image.\nData may be corrupted, or further writes "
               "to the image may corrupt it.\n", (unsigned long long)r->corruptions);
    }
    if (r->leaks) {
        printf("\n%llu leaked clusters were found on the image.\nThis means waste of disk space, "
               "but no harm to data.\n", (unsigned long long)r->leaks);
    }
    if (r->check_errors) {
        printf("\n%llu internal errors have occurred during the check.\n",
               (unsigned long long)r->check_errors);
    }
    if (r->total_clusters && r->allocated_clusters) {
        printf("%llu/%llu = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% compressed clusters\n",
               (unsigned long long)r->allocated_clusters, (unsigned long long)r->total_clusters,
               r->allocated_clusters * 100.0 / r->total_clusters,
               r->fragmented_clusters * 100.0 / r->allocated_clusters,
               r->compressed_clusters * 100.0 / r->allocated_clusters);
    }
    if (r->image_end) {
        printf("Image end offset: %llu\n", (unsigned long long)r->image_end);
    }
}

static void print_check_json(struct block_node *node, const struct image_check *r)
{
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        { "image-end-offset", r->image_end }, { "total-clusters", r->total_clusters },
        { "allocated-clusters", r->allocated_clusters },
        { "fragmented-clusters", r->fragmented_clusters },
        { "compressed-clusters", r->compressed_clusters }, { "corruptions", r->corruptions },
        { "leaks", r->leaks }, { "corruptions-fixed", r->corruptions_fixed },
        { "leaks-fixed", r->leaks_fixed },
    };
    struct value *v = value_object();

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (numbers[i].value) {
            value_add_uint(v, numbers[i].key, numbers[i].value);
        }
    }
    value_add_uint(v, "check-errors", r->check_errors);
    value_add_text(v, "filename", node->file);
    value_add_text(v, "format", node->driver->name);
    value_print_json(v, 0, stdout);
    printf("\n");
    value_free(v);
}

/* Checks; after repairs once more. */
static int run_check(struct block_node *node, unsigned repair, bool verbose,
                     struct image_check *r)
{
    int rc = node->driver->image->check(node, repair, r);
    uint64_t leaks = r->leaks_fixed, corruptions = r->corruptions_fixed;

    if (rc || (!leaks && !corruptions)) {
        return rc;
    }
    if (verbose) {
        printf("The following inconsistencies were found and repaired:\n\n    %llu leaked "
               "clusters\n    %llu corruptions\n\nDouble checking the fixed image now...\n",
               (unsigned long long)leaks, (unsigned long long)corruptions);
    }
    *r = (struct image_check){ .quiet = r->quiet };
    rc = node->driver->image->check(node, 0, r);
    r->leaks_fixed = leaks;
    r->corruptions_fixed = corruptions;
    return rc;
}

static int check_node(struct block_node *node, unsigned repair, bool quiet, bool json)
{
    struct image_check r = { .quiet = quiet };
    int rc;

    if (!node->driver->image || !node->driver->image->check) {
        error_report("This image format does not support checks");
        return 63;
    }
    rc = run_check(node, repair, !quiet && !json, &r);
    if (rc) {
        error_report("Check failed: %s", g_strerror(-rc));
        return 1;
    }
    if (json) {
        print_check_json(node, &r);
    } else if (!quiet) {
        print_check(&r);
    }
    return r.check_errors ? 1 : r.corruptions ? 2 : r.leaks ? 3 : 0;
}

int img_check(int argc, char **argv)
{
    unsigned repair = 0, flags = NODE_NO_BACKING | NODE_CHECK | NODE_NO_IO;
    bool json = false, quiet = false;
    const char *format = NULL;
    struct block_node *node;
    int c, status;

    while ((c = img_getopt(argc, argv, ":f:r:T:qU")) != -1) {
        switch (c) {
        case 'f': format = optarg; break;
        case 'q': quiet = true; break;
        case 'U': flags |= NODE_SHARE; break;
        case 'T': img_cache_flags(optarg); break;
        case OPT_OUTPUT: json = img_wants_json(optarg); break;
        case 'r':
            if (strcmp(optarg, "leaks") != 0 && strcmp(optarg, "all") != 0) {
                return img_usage("--repair (-r) expects 'leaks' or 'all', not '%s'", optarg);
            }
            repair = optarg[0] == 'l' ? REPAIR_LEAKS : REPAIR_LEAKS | REPAIR_ERRORS;
            break;
        default: return img_usage("check: this option does not belong to it");
        }
    }
    if (optind != argc - 1) {
        return img_usage("Expecting one image file name");
    }
    node = img_open(argv[optind], format, flags | (repair ? 0 : NODE_READONLY));
    if (!node) {
        return 1;
    }
    status = check_node(node, repair, quiet, json);
    block_node_close(node);
    return status;
}

/* --- snapshot -------------------------------------------------------------------------------- */

static bool change_snapshot(struct block_node *node, int action, const char *name,
                            struct error **err)
{
    const struct block_image_ops *ops = node->driver->image;
    struct image_snapshot s = { .name = (char *)name };
    struct timeval now;

    if (!ops || !ops->snapshot_create) {
        error_set(err, "Could not %s snapshot '%s': %s", action == 'c' ? "create"
                  : action == 'a' ? "apply" : "delete", name, g_strerror(ENOTSUP));
        return false;
    }
    gettimeofday(&now, NULL);
    s.date_sec = now.tv_sec;
    s.date_nsec = now.tv_usec * 1000;
    return action == 'c' ? ops->snapshot_create(node, &s, err)
        : action == 'a' ? ops->snapshot_apply(node, name, err)
        : ops->snapshot_delete(node, name, err);
}

int img_snapshot(int argc, char **argv)
{
    const char *format = NULL, *name = NULL;
    struct error *err = NULL;
    struct block_node *node;
    unsigned flags = NODE_NO_BACKING;
    int c, action = 0, status = 0;

    while ((c = img_getopt(argc, argv, ":la:c:d:f:qU")) != -1) {
        switch (c) {
        case 'f': format = optarg; break;
        case 'q': break;
        case 'U': flags |= NODE_SHARE; break;
        case 'l': case 'a': case 'c': case 'd':
            if (action) {
                return img_usage("Cannot mix '-l', '-a', '-c', '-d'");
            }
            action = c;
            name = optarg;
            break;
        default: return img_usage("snapshot: this option does not belong to it");
        }
    }
    if (optind != argc - 1) {
        return img_usage("Expecting one image file name");
    }
    action = action ? action : 'l';
    node = img_open(argv[optind], format, flags | (action == 'l' ? NODE_READONLY | NODE_NO_IO : 0));
    if (!node) {
        return 1;
    }
    if (action == 'l') {
        img_print_snapshots(node);
    } else if (!change_snapshot(node, action, name, &err)) {
        status = img_fail(err);
    }
    block_node_close(node);
    return status;
}
