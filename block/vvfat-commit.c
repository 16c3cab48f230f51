/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest wrote, back to the folder. The guest's file system is read as a whole first;
 * only when every chain and size fits is the host touched. What then changes there is copied into
 * the overlay, so that the disk stays what the guest wrote whatever happens to the files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "block/vvfat.h"

#define MAX_DEPTH 33
#define MAX_ITEMS 1000000u

struct item {
    char *path;
    bool folder;
    uint32_t size, first;
    GArray *chain;                      /* clusters */
};

struct walk {
    struct vvfat *v;
    uint8_t *fat, *used;                /* used: a bit for every cluster that is in a chain */
    GArray *items;                      /* struct item; folders before what is in them */
    GHashTable *paths;
};

/* A long name that is being put together from its entries, the last piece first. */
struct long_name {
    gunichar2 text[20 * 13 + 1];
    unsigned next;                      /* piece; 0: complete */
    uint8_t checksum;
    bool valid;
};

static void free_item(void *opaque)
{
    struct item *i = opaque;

    g_free(i->path);
    if (i->chain) {
        g_array_free(i->chain, TRUE);
    }
}

/* --- names ----------------------------------------------------------------------------------- */

static void take_piece(struct long_name *l, const uint8_t *e)
{
    static const uint8_t places[] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    unsigned piece = e[0] & 0x3f;

    if (e[0] & 0x40) {
        memset(l->text, 0, sizeof(l->text));
        l->next = piece;
        l->checksum = e[13];
        l->valid = piece >= 1 && piece <= 20;
    }
    if (!l->valid || piece != l->next || e[13] != l->checksum) {
        l->valid = false;
        return;
    }
    for (unsigned i = 0; i < 13; i++) {
        gunichar2 c = ld16_le(e + places[i]);

        l->text[(piece - 1) * 13 + i] = c == 0xffff ? 0 : c;
    }
    l->next--;
}

static uint8_t checksum_of(const uint8_t *shrt)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 11; i++) {
        sum = (uint8_t)((sum & 1) << 7 | sum >> 1) + shrt[i];
    }
    return sum;
}

static char *short_name(const uint8_t *e)
{
    GString *name = g_string_new(NULL);

    for (unsigned i = 0; i < 11; i++) {
        /* Windows NT keeps in byte 12 which half is in small letters. */
        bool lower = e[12] & (i < 8 ? 8 : 16);
        uint8_t c = i == 0 && e[0] == 5 ? FAT_DELETED : e[i];

        if (c == ' ') {
            continue;
        }
        if (i >= 8 && !strchr(name->str, '.')) {
            g_string_append_c(name, '.');
        }
        if (c < 128) {
            g_string_append_c(name, lower ? g_ascii_tolower(c) : c);
        } else {
            g_string_append_unichar(name, c);       /* the code page is not known */
        }
    }
    return g_string_free(name, FALSE);
}

static char *name_of(struct long_name *l, const uint8_t *e)
{
    char *name = l->valid && l->next == 0 && l->checksum == checksum_of(e)
        ? g_utf16_to_utf8(l->text, -1, NULL, NULL, NULL) : NULL;

    l->valid = false;
    return name ? name : short_name(e);
}

/* A name that stays in its folder. */
static bool is_safe(const char *name)
{
    return *name && strlen(name) < 256 && !strchr(name, '/') && strcmp(name, ".") != 0 &&
        strcmp(name, "..") != 0;
}

/* --- reading the guest's file system --------------------------------------------------------- */

/* The chain from `first`; NULL when it is no chain, or crosses another. */
static GArray *read_chain(struct walk *w, uint32_t first)
{
    GArray *chain = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    uint32_t end = vvfat_end_mark(w->v) & ~7u;

    for (uint32_t c = first; c < end; c = vvfat_fat_get(w->v, w->fat, c)) {
        if (c < 2 || c >= w->v->clusters + 2 || w->used[c / 8] >> c % 8 & 1) {
            g_array_free(chain, TRUE);
            return NULL;
        }
        w->used[c / 8] |= 1 << c % 8;
        g_array_append_val(chain, c);
    }
    return chain;
}

static bool read_clusters(struct walk *w, const GArray *chain, uint8_t *data)
{
    uint64_t bytes = vvfat_cluster_bytes(w->v);

    for (unsigned i = 0; i < chain->len; i++) {
        if (vvfat_read(w->v, w->v->data + (g_array_index(chain, uint32_t, i) - 2) * bytes,
                       data + i * bytes, bytes)) {
            return false;
        }
    }
    return true;
}

static bool walk_entries(struct walk *w, const char *path, const uint8_t *data, uint64_t size,
                         unsigned depth);

static bool walk_folder(struct walk *w, const char *path, const GArray *chain, unsigned depth)
{
    uint64_t size = chain->len * vvfat_cluster_bytes(w->v);
    uint8_t *data;
    bool good;

    if (depth > MAX_DEPTH || size > 4u << 20) {
        return false;
    }
    data = g_malloc(size + 1);
    good = read_clusters(w, chain, data) && walk_entries(w, path, data, size, depth);
    g_free(data);
    return good;
}

static bool walk_item(struct walk *w, const char *folder, char *name, const uint8_t *e,
                      unsigned depth)
{
    uint64_t bytes = vvfat_cluster_bytes(w->v);
    struct item item = { .folder = e[11] & FAT_FOLDER, .size = ld32_le(e + 28),
                         .first = ld16_le(e + 26) | (w->v->bits == 32
                                                     ? (uint32_t)ld16_le(e + 20) << 16 : 0) };
    bool good = is_safe(name);

    item.path = *folder ? g_strconcat(folder, "/", name, NULL) : g_strdup(name);
    item.chain = !good ? NULL : item.first ? read_chain(w, item.first)
        : g_array_new(FALSE, FALSE, sizeof(uint32_t));
    good = item.chain && w->items->len < MAX_ITEMS &&
        (item.folder ? item.chain->len : item.chain->len == (item.size + bytes - 1) / bytes) &&
        g_hash_table_add(w->paths, g_strdup(item.path));
    if (!good) {
        free_item(&item);
        return false;
    }
    g_array_append_val(w->items, item);
    return !item.folder || walk_folder(w, item.path, item.chain, depth + 1);
}

static bool walk_entries(struct walk *w, const char *path, const uint8_t *data, uint64_t size,
                         unsigned depth)
{
    struct long_name l = { .valid = false };

    for (uint64_t at = 0; at + 32 <= size && data[at]; at += 32) {
        const uint8_t *e = data + at;
        char *name;
        bool good;

        if (e[0] == FAT_DELETED || (e[11] & 0x3f) == FAT_LONG_NAME) {
            if (e[0] != FAT_DELETED) {
                take_piece(&l, e);
            }
            continue;
        }
        if (e[11] & FAT_LABEL || e[0] == '.') {
            l.valid = false;
            continue;
        }
        name = name_of(&l, e);
        good = walk_item(w, path, name, e, depth);
        g_free(name);
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool walk_root(struct walk *w)
{
    struct vvfat *v = w->v;
    uint64_t size = v->root_entries * 32ull;
    uint8_t *data;
    GArray *chain;
    bool good;

    if (v->bits == 32) {
        chain = read_chain(w, 2);
        good = chain && walk_folder(w, "", chain, 0);
        if (chain) {
            g_array_free(chain, TRUE);
        }
        return good;
    }
    data = g_malloc(size);
    good = !vvfat_read(v, v->data - size, data, size) && walk_entries(w, "", data, size, 0);
    g_free(data);
    return good;
}

/* --- changing the host ----------------------------------------------------------------------- */

/* Whether any sector of a cluster was written since the last commit. */
static bool is_fresh(const struct vvfat *v, uint32_t cluster)
{
    uint64_t first = v->data / FAT_SECTOR + (uint64_t)(cluster - 2) * v->cluster_sectors;

    for (uint64_t s = first; s < first + v->cluster_sectors; s++) {
        if (v->fresh[s / 8] >> s % 8 & 1) {
            return true;
        }
    }
    return false;
}

/* The same file as at the last commit: its clusters are one after the other, and untouched. */
static bool is_unchanged(const struct vvfat *v, const struct vvfat_known *known,
                         const struct item *item)
{
    if (!known || known->folder || known->size != item->size ||
        (item->size && known->first != item->first)) {
        return false;
    }
    for (unsigned i = 0; i < item->chain->len; i++) {
        uint32_t c = g_array_index(item->chain, uint32_t, i);

        if (c != item->first + i || is_fresh(v, c)) {
            return false;
        }
    }
    return true;
}

/* A file from its clusters; into the overlay (fd -1), or to the host. */
static bool copy_file(struct vvfat *v, const struct item *item, int fd)
{
    uint64_t bytes = vvfat_cluster_bytes(v), left = item->size;
    uint8_t *data = g_malloc(bytes);
    bool good = true;

    for (unsigned i = 0; i < item->chain->len && good; i++) {
        uint64_t at = v->data + (g_array_index(item->chain, uint32_t, i) - 2) * bytes;
        size_t n = MIN_OF(left, bytes);

        good = !vvfat_read(v, at, data, bytes) &&
            (fd < 0 ? !vvfat_write(v, at, data, bytes) : write(fd, data, n) == (ssize_t)n);
        left -= n;
    }
    g_free(data);
    return good;
}

static bool write_file(struct vvfat *v, const struct item *item)
{
    char *full = g_build_filename(v->dir, item->path, NULL);
    char *folder = g_path_get_dirname(full), *temporary;
    mode_t mode = 0644;
    struct stat st;
    bool good;
    int fd;

    if (lstat(full, &st) == 0 && S_ISREG(st.st_mode)) {
        mode = st.st_mode & 0777;
    }
    temporary = g_build_filename(folder, ".vvfat-XXXXXX", NULL);
    fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0600);
    good = fd >= 0 && copy_file(v, item, fd) && fchmod(fd, mode) == 0 &&
        rename(temporary, full) == 0;
    if (!good) {
        error_warn("fat: cannot write '%s': %s", full, g_strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
        if (!good) {
            unlink(temporary);
        }
    }
    g_free(temporary);
    g_free(folder);
    g_free(full);
    return good;
}

static bool remove_path(struct vvfat *v, const char *path, bool folder)
{
    char *full = g_build_filename(v->dir, path, NULL);
    bool good = (folder ? rmdir(full) : unlink(full)) == 0 || errno == ENOENT;

    if (!good) {
        error_warn("fat: cannot remove '%s': %s", full, g_strerror(errno));
    }
    g_free(full);
    return good;
}

static bool bring_item(struct vvfat *v, const struct item *item)
{
    struct vvfat_known *known = g_hash_table_lookup(v->known, item->path);
    bool good = true;

    if (known && known->folder != item->folder) {
        good = remove_path(v, item->path, known->folder);
        known = NULL;
    }
    if (item->folder && !known) {
        char *full = g_build_filename(v->dir, item->path, NULL);

        good = mkdir(full, 0755) == 0 || errno == EEXIST;
        if (!good) {
            error_warn("fat: cannot make the folder '%s': %s", full, g_strerror(errno));
        }
        g_free(full);
    } else if (!item->folder && !is_unchanged(v, known, item)) {
        good = write_file(v, item);
    }
    return good;
}

static int deepest_first(const void *a, const void *b)
{
    return -strcmp(*(char *const *)a, *(char *const *)b);
}

/* What the guest does not have any more; a folder comes after what was in it. */
static void remove_gone(struct walk *w)
{
    GPtrArray *gone = g_ptr_array_new();
    GHashTableIter at;
    void *path;

    g_hash_table_iter_init(&at, w->v->known);
    while (g_hash_table_iter_next(&at, &path, NULL)) {
        if (!g_hash_table_contains(w->paths, path)) {
            g_ptr_array_add(gone, path);
        }
    }
    g_ptr_array_sort(gone, deepest_first);
    for (unsigned i = 0; i < gone->len; i++) {
        struct vvfat_known *known = g_hash_table_lookup(w->v->known, gone->pdata[i]);

        remove_path(w->v, gone->pdata[i], known->folder);
    }
    g_ptr_array_free(gone, TRUE);
}

static void remember_all(struct walk *w)
{
    struct vvfat *v = w->v;

    g_hash_table_remove_all(v->known);
    for (unsigned i = 0; i < w->items->len; i++) {
        struct item *item = &g_array_index(w->items, struct item, i);
        struct vvfat_known *known = g_new0(struct vvfat_known, 1);

        *known = (struct vvfat_known){ item->first, item->size, item->folder, false };
        g_hash_table_insert(v->known, g_strdup(item->path), known);
    }
    memset(v->fresh, 0, ((uint64_t)v->start + v->sectors) / 8 + 1);
    v->dirty = false;
}

/* All that will change is copied first: names may have been exchanged. */
static bool save_changed(struct walk *w)
{
    bool good = true;

    for (unsigned i = 0; i < w->items->len && good; i++) {
        struct item *item = &g_array_index(w->items, struct item, i);

        if (!item->folder &&
            !is_unchanged(w->v, g_hash_table_lookup(w->v->known, item->path), item)) {
            good = copy_file(w->v, item, -1);
        }
    }
    return good;
}

static bool bring_all(struct walk *w)
{
    bool good = save_changed(w);

    for (unsigned i = 0; i < w->items->len && good; i++) {
        good = bring_item(w->v, &g_array_index(w->items, struct item, i));
    }
    if (good) {
        remove_gone(w);
        remember_all(w);
    }
    return good;
}

bool vvfat_commit(struct vvfat *v)
{
    uint64_t size = (uint64_t)v->fat_sectors * FAT_SECTOR;
    struct walk w = { v, g_malloc(size + 8), g_malloc0(v->clusters / 8 + 2),
                      g_array_new(FALSE, FALSE, sizeof(struct item)),
                      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) };
    bool good;

    g_array_set_clear_func(w.items, free_item);
    good = !vvfat_read(v, (uint64_t)(v->start + v->reserved) * FAT_SECTOR, w.fat, size) &&
        walk_root(&w) && bring_all(&w);
    g_array_free(w.items, TRUE);
    g_hash_table_destroy(w.paths);
    g_free(w.fat);
    g_free(w.used);
    return good;
}
