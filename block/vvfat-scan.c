/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vvfat: the folder's files and their names as FAT directories, and the layout around them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/bits.h"
#include "block/vvfat.h"

#define MAX_DEPTH 32
#define MAX_ENTRIES 65536u              /* of one folder: its size in FAT is limited too */

/* A folder that is being built. */
struct folder {
    GByteArray *data;                   /* entries of 32 bytes */
    GHashTable *short_names;            /* those that are taken */
};

/* --- names ----------------------------------------------------------------------------------- */

static bool is_short_char(gunichar2 c)
{
    return c < 128 && (g_ascii_isupper(c) || g_ascii_isdigit(c) || (c && strchr("$%'-_@~`!(){}^#&",
                                                                               c)));
}

/* "NAME.EXT" as it is, without dots and blanks that 8.3 names cannot have. */
static bool fits_short(const gunichar2 *name, size_t length, char *shrt)
{
    size_t dot = length;

    for (size_t i = 0; i < length; i++) {
        if (name[i] == '.') {
            if (dot != length) {
                return false;
            }
            dot = i;
        } else if (!is_short_char(name[i])) {
            return false;
        }
    }
    if (!dot || dot > 8 || (dot < length && (length - dot - 1 > 3 || length - dot - 1 == 0))) {
        return false;
    }
    memset(shrt, ' ', 11);
    for (size_t i = 0; i < length; i++) {
        if (i != dot) {
            shrt[i < dot ? i : 8 + i - dot - 1] = name[i];
        }
    }
    return true;
}

/* Drops what is not allowed, then numbers: LONGFI~1.EXT. */
static bool make_short(struct folder *f, const gunichar2 *name, size_t length, char *shrt)
{
    size_t dot = length, base = 0, n = 0;
    char text[9], tail[8], key[12];

    for (size_t i = 1; i < length; i++) {
        dot = name[i] == '.' ? i : dot;
    }
    memset(shrt, ' ', 11);
    for (size_t i = 0; i < length; i++) {
        gunichar2 c = name[i] < 128 ? (gunichar2)g_ascii_toupper(name[i]) : '_';

        c = is_short_char(c) ? c : c == '.' || c == ' ' ? 0 : '_';
        if (c && i < dot && base < 8) {
            text[base++] = c;
        } else if (c && i > dot && n < 3) {
            shrt[8 + n++] = c;
        }
    }
    for (unsigned number = 1; number < 999999; number++) {
        size_t room = 8 - (size_t)snprintf(tail, sizeof(tail), "~%u", number);
        size_t keep = MIN_OF(base, room);

        memset(shrt, ' ', 8);
        memcpy(shrt, text, keep);
        memcpy(shrt + keep, tail, strlen(tail));
        memcpy(key, shrt, 11);
        key[11] = 0;
        if (!g_hash_table_contains(f->short_names, key)) {
            return true;
        }
    }
    return false;
}

static uint8_t name_checksum(const char *shrt)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 11; i++) {
        sum = (uint8_t)((sum & 1) << 7 | sum >> 1) + (uint8_t)shrt[i];
    }
    return sum;
}

/* The entries of a long name, its last piece first. */
static void put_long(struct folder *f, const gunichar2 *name, size_t length, const char *shrt)
{
    static const uint8_t places[] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    unsigned pieces = (length + 12) / 13;

    for (unsigned p = pieces; p > 0; p--) {
        uint8_t entry[32] = { 0 };

        entry[0] = p | (p == pieces ? 0x40 : 0);
        entry[11] = FAT_LONG_NAME;
        entry[13] = name_checksum(shrt);
        for (unsigned i = 0; i < 13; i++) {
            size_t at = (p - 1) * 13 + i;

            st16_le(entry + places[i], at < length ? name[at] : at == length ? 0 : 0xffff);
        }
        g_byte_array_append(f->data, entry, sizeof(entry));
    }
}

/* --- entries --------------------------------------------------------------------------------- */

static void put_time(uint8_t *entry, time_t when)
{
    struct tm tm;
    uint16_t date, clock;

    localtime_r(&when, &tm);
    tm.tm_year = MAX_OF(MIN_OF(tm.tm_year, 207), 80);
    date = (tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday;
    clock = tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2;
    st16_le(entry + 14, clock);
    st16_le(entry + 16, date);
    st16_le(entry + 18, date);
    st16_le(entry + 22, clock);
    st16_le(entry + 24, date);
}

/* Returns where the entry is in the folder, to fill in the cluster. */
static unsigned put_entry(struct folder *f, const char *shrt, uint8_t attributes, time_t when,
                          uint32_t size)
{
    uint8_t entry[32] = { 0 };

    memcpy(entry, shrt, 11);
    entry[11] = attributes;
    put_time(entry, when);
    st32_le(entry + 28, size);
    g_byte_array_append(f->data, entry, sizeof(entry));
    return f->data->len - sizeof(entry);
}

static void set_cluster(uint8_t *entry, uint32_t cluster)
{
    st16_le(entry + 20, cluster >> 16);
    st16_le(entry + 26, cluster);
}

/* Both names; false when there is none that FAT can have. */
static bool put_names(struct folder *f, const char *name, char *shrt)
{
    glong length = 0;
    gunichar2 *wide = g_utf8_to_utf16(name, -1, NULL, &length, NULL);
    char key[12] = { 0 };
    bool is_short = wide && fits_short(wide, length, shrt), good;

    good = wide && length && length <= 255 && !strpbrk(name, "\\:*?\"<>|");
    if (good && is_short) {
        memcpy(key, shrt, 11);
        is_short = !g_hash_table_contains(f->short_names, key);
    }
    good = good && (is_short || make_short(f, wide, length, shrt));
    if (good) {
        g_hash_table_add(f->short_names, g_strndup(shrt, 11));
        if (!is_short) {
            put_long(f, wide, length, shrt);
        }
    }
    g_free(wide);
    return good;
}

/* --- clusters -------------------------------------------------------------------------------- */

/* False: the disk is full. */
static bool take_clusters(struct vvfat *v, uint64_t size, uint32_t *first)
{
    uint64_t count = (size + vvfat_cluster_bytes(v) - 1) / vvfat_cluster_bytes(v);
    uint8_t *fat = v->head + (uint64_t)(v->start + v->reserved) * FAT_SECTOR;

    *first = count ? v->next : 0;
    if (count > v->clusters + 2 - v->next) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++, v->next++) {
        vvfat_fat_put(v, fat, v->next, i + 1 < count ? v->next + 1 : vvfat_end_mark(v));
    }
    return true;
}

static void add_run(struct vvfat *v, uint32_t first, uint64_t size, char *path, uint8_t *data)
{
    uint64_t bytes = vvfat_cluster_bytes(v);
    struct vvfat_run run = { first, (size + bytes - 1) / bytes, path, data, size };

    if (run.count) {
        g_array_append_val(v->runs, run);
    } else {
        g_free(path);
        g_free(data);
    }
}

static void remember(struct vvfat *v, const char *path, uint32_t first, uint64_t size, bool folder)
{
    struct vvfat_known *known = g_new0(struct vvfat_known, 1);

    *known = (struct vvfat_known){ first, size, folder, false };
    g_hash_table_insert(v->known, g_strdup(path), known);
}

static bool too_big(struct vvfat *v, struct error **err)
{
    error_set(err, "fat: the folder '%s' does not fit in FAT%u (capacity %llu MB)%s", v->dir,
              v->bits, (unsigned long long)(v->clusters * vvfat_cluster_bytes(v) / 1000000),
              v->bits == 32 ? "" : v->floppy ? "; without 'floppy:' there is more room"
              : "; 'fat:32:' has more room");
    return false;
}

/* --- the tree -------------------------------------------------------------------------------- */

static bool scan_folder(struct vvfat *v, const char *path, uint32_t parent, unsigned depth,
                        uint32_t *first, struct error **err);

static bool add_child(struct vvfat *v, struct folder *f, const char *path, const char *name,
                      uint32_t self, unsigned depth, struct error **err)
{
    char *below = *path ? g_strconcat(path, "/", name, NULL) : g_strdup(name);
    char *full = g_build_filename(v->dir, below, NULL), shrt[11];
    uint32_t first = 0;
    bool good = true;
    unsigned at;
    struct stat st;

    /* Links out of the folder could have the guest write anywhere; loops never end. */
    if (lstat(full, &st) < 0 || (S_ISLNK(st.st_mode) &&
                                 (v->writable || stat(full, &st) < 0 || !S_ISREG(st.st_mode))) ||
        (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
        goto out;
    }
    if (st.st_size > UINT32_MAX && S_ISREG(st.st_mode)) {
        error_set(err, "fat: '%s' is larger than 4 GB, which FAT cannot have", full);
        good = false;
        goto out;
    }
    if (!put_names(f, name, shrt)) {
        error_warn("fat: '%s' is left out: FAT cannot have its name", full);
        goto out;
    }
    at = put_entry(f, shrt, S_ISDIR(st.st_mode) ? FAT_FOLDER : 0x20, st.st_mtime,
                   S_ISDIR(st.st_mode) ? 0 : st.st_size);
    if (S_ISDIR(st.st_mode)) {
        good = scan_folder(v, below, self, depth + 1, &first, err);
    } else {
        good = take_clusters(v, st.st_size, &first) || too_big(v, err);
        if (good) {
            add_run(v, first, st.st_size, g_strdup(below), NULL);
            remember(v, below, first, st.st_size, false);
        }
    }
    set_cluster(f->data->data + at, first);
out:
    g_free(below);
    g_free(full);
    return good;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, so that the same folder gives the same disk. */
static GPtrArray *list_names(const char *full, struct error **err)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    DIR *dir = opendir(full);
    struct dirent *entry;

    if (!dir) {
        error_set_errno(err, errno, "fat: cannot read the folder '%s'", full);
        g_ptr_array_free(names, TRUE);
        return NULL;
    }
    while ((entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            g_ptr_array_add(names, g_strdup(entry->d_name));
        }
    }
    closedir(dir);
    g_ptr_array_sort(names, compare_names);
    return names;
}

static bool fill_folder(struct vvfat *v, struct folder *f, const char *path, uint32_t self,
                        unsigned depth, struct error **err)
{
    char *full = g_build_filename(v->dir, path, NULL);
    GPtrArray *names = list_names(full, err);
    bool good = names;

    for (unsigned i = 0; good && i < names->len; i++) {
        good = add_child(v, f, path, names->pdata[i], self, depth, err);
        if (good && f->data->len / 32 > MAX_ENTRIES - 64) {
            error_set(err, "fat: the folder '%s' has too many files", full);
            good = false;
        }
    }
    if (names) {
        g_ptr_array_free(names, TRUE);
    }
    g_free(full);
    return good;
}

/* How many clusters a folder needs is known before those of its files are taken. */
static uint64_t folder_bytes(struct vvfat *v, const char *path)
{
    char *full = g_build_filename(v->dir, path, NULL);
    GPtrArray *names = list_names(full, NULL);
    uint64_t entries = 2;

    for (unsigned i = 0; names && i < names->len; i++) {
        entries += 2 + strlen(names->pdata[i]) / 13;
    }
    if (names) {
        g_ptr_array_free(names, TRUE);
    }
    g_free(full);
    return MAX_OF(align_up(entries * 32, FAT_SECTOR), FAT_SECTOR);
}

static struct folder new_folder(void)
{
    return (struct folder){ g_byte_array_new(),
                            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) };
}

/* A folder below the root (or the root of FAT32): its clusters, then those of what is in it. */
static bool scan_folder(struct vvfat *v, const char *path, uint32_t parent, unsigned depth,
                        uint32_t *first, struct error **err)
{
    uint64_t bytes = folder_bytes(v, path);
    struct folder f = new_folder();
    unsigned at;
    bool good;

    if (depth > MAX_DEPTH) {
        error_set(err, "fat: '%s/%s' is too deep", v->dir, path);
        good = false;
    } else {
        good = take_clusters(v, bytes, first) || too_big(v, err);
    }
    if (good && *path) {
        at = put_entry(&f, ".          ", FAT_FOLDER, time(NULL), 0);
        set_cluster(f.data->data + at, *first);
        at = put_entry(&f, "..         ", FAT_FOLDER, time(NULL), 0);
        set_cluster(f.data->data + at, parent);
    } else if (good) {
        put_entry(&f, v->label, FAT_LABEL, time(NULL), 0);
    }
    good = good && fill_folder(v, &f, path, *path ? *first : 0, depth, err);
    g_hash_table_destroy(f.short_names);
    if (good) {
        uint64_t size = MIN_OF(f.data->len, bytes);

        g_byte_array_set_size(f.data, MAX_OF(bytes, f.data->len));
        memset(f.data->data + size, 0, f.data->len - size);
        add_run(v, *first, bytes, NULL, g_byte_array_free(f.data, FALSE));
        if (*path) {
            remember(v, path, *first, 0, true);
        }
    } else {
        g_byte_array_free(f.data, TRUE);
    }
    return good;
}

/* The root of FAT12 and FAT16 has a fixed place and size. */
static bool scan_root(struct vvfat *v, struct error **err)
{
    uint8_t *root = v->head + v->data - v->root_entries * 32ull;
    struct folder f = new_folder();
    bool good;

    put_entry(&f, v->label, FAT_LABEL, time(NULL), 0);
    good = fill_folder(v, &f, "", 0, 0, err);
    if (good && f.data->len > v->root_entries * 32ull) {
        error_set(err, "fat: too many files in '%s': the root of FAT%u has %u entries%s", v->dir,
                  v->bits, v->root_entries, v->floppy ? "" : "; 'fat:32:' has no limit");
        good = false;
    }
    if (good) {
        memcpy(root, f.data->data, f.data->len);
    }
    g_hash_table_destroy(f.short_names);
    g_byte_array_free(f.data, TRUE);
    return good;
}

/* --- the layout ------------------------------------------------------------------------------ */

/* Bytes of all files and folders below, with room for their entries. */
static uint64_t tree_bytes(const char *path, unsigned depth)
{
    GPtrArray *names = depth > MAX_DEPTH ? NULL : list_names(path, NULL);
    uint64_t sum = 32768;

    for (unsigned i = 0; names && i < names->len; i++) {
        char *full = g_build_filename(path, names->pdata[i], NULL);
        struct stat st;

        if (lstat(full, &st) == 0) {
            sum += S_ISDIR(st.st_mode) ? tree_bytes(full, depth + 1)
                : 33280 + (S_ISREG(st.st_mode) ? st.st_size : 0);
        }
        g_free(full);
    }
    if (names) {
        g_ptr_array_free(names, TRUE);
    }
    return sum;
}

static void choose_sizes(struct vvfat *v)
{
    uint64_t bytes = 504ull << 20, need, fat_bytes, rest;

    v->start = v->floppy ? 0 : 63;
    if (v->floppy) {
        v->sectors = 80 * 2 * v->track;
        v->cluster_sectors = v->track == 36 ? 2 : 1;
        v->root_entries = v->track == 36 ? 240 : 224;
    } else if (v->bits != 32) {
        v->sectors = (v->bits == 12 ? 64 : 1024) * 16 * 63 - 63;
        v->cluster_sectors = 16;
        v->root_entries = 512;
    } else {
        need = tree_bytes(v->dir, 0);
        bytes = MAX_OF(bytes, MIN_OF(need + need / 4, 1ull << 40));
        v->cluster_sectors = bytes <= 8ull << 30 ? 8 : bytes <= 64ull << 30 ? 32 : 64;
        v->sectors = align_up(bytes, 16 * 63 * FAT_SECTOR) / FAT_SECTOR;
        v->sectors = v->sectors / (16 * 63) * (16 * 63) - 63;
        v->root_entries = 0;
    }
    v->reserved = v->bits == 32 ? 32 : 1;
    /* A FAT large enough for all clusters there would be without FATs. */
    fat_bytes = ((uint64_t)v->sectors / v->cluster_sectors + 2) * v->bits / 8 + 1;
    v->fat_sectors = (fat_bytes + FAT_SECTOR - 1) / FAT_SECTOR;
    rest = v->reserved + 2ull * v->fat_sectors + v->root_entries * 32 / FAT_SECTOR;
    v->clusters = (v->sectors - rest) / v->cluster_sectors;
    v->data = (v->start + rest) * FAT_SECTOR;
    v->next = 2;
}

static void put_chs(const struct vvfat *v, uint8_t *p, uint32_t sector)
{
    uint32_t cylinder = sector / (v->heads * v->track);

    if (cylinder > 1023) {
        memcpy(p, "\xfe\xff\xff", 3);
        return;
    }
    p[0] = sector / v->track % v->heads;
    p[1] = sector % v->track + 1;
    p[1] |= cylinder >> 8 << 6;
    p[2] = cylinder;
}

static void put_partition(const struct vvfat *v, uint8_t *mbr)
{
    bool chs = v->start + v->sectors <= 1024u * v->heads * v->track;
    uint8_t *p = mbr + 446;

    st32_le(mbr + 440, 0xbe1afdfa);
    p[0] = 0x80;
    put_chs(v, p + 1, v->start);
    /* 1: FAT12, 6: FAT16, 14: the same with LBA, 11 and 12: FAT32 */
    p[4] = v->bits == 12 ? 1 : v->bits == 16 ? (chs ? 6 : 14) : chs ? 11 : 12;
    put_chs(v, p + 5, v->start + v->sectors - 1);
    st32_le(p + 8, v->start);
    st32_le(p + 12, v->sectors);
    st16_le(mbr + 510, 0xaa55);
}

static void put_boot_sector(const struct vvfat *v, uint8_t *b)
{
    unsigned tail = v->bits == 32 ? 64 : 36;
    char type[9];

    memcpy(b, v->bits == 32 ? "\xeb\x58\x90" : "\xeb\x3e\x90", 3);
    memcpy(b + 3, "MSWIN4.1", 8);
    st16_le(b + 11, FAT_SECTOR);
    b[13] = v->cluster_sectors;
    st16_le(b + 14, v->reserved);
    b[16] = 2;
    st16_le(b + 17, v->root_entries);
    st16_le(b + 19, v->sectors < 65536 ? v->sectors : 0);
    b[21] = v->floppy ? 0xf0 : 0xf8;
    st16_le(b + 22, v->bits == 32 ? 0 : v->fat_sectors);
    st16_le(b + 24, v->track);
    st16_le(b + 26, v->heads);
    st32_le(b + 28, v->start);
    st32_le(b + 32, v->sectors < 65536 ? 0 : v->sectors);
    if (v->bits == 32) {
        st32_le(b + 36, v->fat_sectors);
        st32_le(b + 44, 2);             /* the root's cluster */
        st16_le(b + 48, 1);             /* the information sector */
        st16_le(b + 50, 6);             /* a copy of this one */
    }
    b[tail] = v->floppy ? 0 : 0x80;
    b[tail + 2] = 0x29;
    st32_le(b + tail + 3, 0xfabe1afd);
    memcpy(b + tail + 7, v->label, 11);
    snprintf(type, sizeof(type), "FAT%-5u", v->bits);
    memcpy(b + tail + 18, type, 8);
    st16_le(b + 510, 0xaa55);
}

/* Where FAT32 keeps how much is free. */
static void put_information(const struct vvfat *v, uint8_t *b)
{
    st32_le(b, 0x41615252);
    st32_le(b + 484, 0x61417272);
    st32_le(b + 488, v->clusters + 2 - v->next);
    st32_le(b + 492, v->next);
    st16_le(b + 510, 0xaa55);
}

static int by_cluster(const void *a, const void *b)
{
    uint32_t x = ((const struct vvfat_run *)a)->first, y = ((const struct vvfat_run *)b)->first;

    return x < y ? -1 : x > y;
}

bool vvfat_scan(struct vvfat *v, struct error **err)
{
    uint8_t *boot, *fat;
    uint32_t first;

    choose_sizes(v);
    v->head = g_malloc0(v->data);
    boot = v->head + (uint64_t)v->start * FAT_SECTOR;
    fat = boot + v->reserved * FAT_SECTOR;
    vvfat_fat_put(v, fat, 0, (vvfat_end_mark(v) & ~0xffu) | (v->floppy ? 0xf0 : 0xf8));
    vvfat_fat_put(v, fat, 1, vvfat_end_mark(v));
    if (!(v->bits == 32 ? scan_folder(v, "", 0, 0, &first, err) : scan_root(v, err))) {
        return false;
    }
    memcpy(fat + (uint64_t)v->fat_sectors * FAT_SECTOR, fat, (uint64_t)v->fat_sectors * FAT_SECTOR);
    put_boot_sector(v, boot);
    if (v->bits == 32) {
        put_information(v, boot + FAT_SECTOR);
        memcpy(boot + 6 * FAT_SECTOR, boot, 2 * FAT_SECTOR);
    }
    if (v->start) {
        put_partition(v, v->head);
    }
    g_array_sort(v->runs, by_cluster);
    return true;
}
