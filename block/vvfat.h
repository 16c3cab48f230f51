/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder of the host as a FAT disk: between the files of the driver. */
#ifndef BLOCK_VVFAT_H
#define BLOCK_VVFAT_H

#include <glib.h>
#include <pthread.h>

#include "block/node.h"

#define FAT_SECTOR 512u

enum {
    FAT_READONLY = 1, FAT_LABEL = 8, FAT_FOLDER = 16, FAT_LONG_NAME = 15, FAT_DELETED = 0xe5
};

/* Clusters that hold one file or folder. */
struct vvfat_run {
    uint32_t first, count;
    char *path;                         /* of a file, below the folder; NULL: `data` */
    uint8_t *data;                      /* of a folder */
    uint64_t size;
};

/* A file or folder as it is on the host, for writing back. */
struct vvfat_known {
    uint32_t first;                     /* cluster; 0: none */
    uint64_t size;
    bool folder, seen;
};

struct vvfat {
    struct block_node node;
    char *dir, label[12];
    bool writable, floppy;
    unsigned bits;                      /* 12, 16 or 32 */
    uint32_t start, sectors;            /* the file system: first sector, and how many */
    uint32_t heads, track;              /* geometry */
    uint32_t cluster_sectors, reserved, fat_sectors, root_entries, clusters;
    uint64_t data;                      /* byte offset of cluster 2 */
    uint8_t *head;                      /* all bytes in front of it */
    uint32_t next;                      /* free cluster while it is built */
    GArray *runs;                       /* struct vvfat_run, by cluster */

    pthread_mutex_t lock;               /* of all below */
    int file;                           /* the host's file that was read last, or -1 */
    const char *file_path;
    int overlay;                        /* what the guest wrote, at its place; -1: nothing */
    uint8_t *written, *fresh;           /* bits of sectors: in the overlay; since the last commit */
    bool dirty;
    GHashTable *known;                  /* by path: struct vvfat_known */
};

uint64_t vvfat_cluster_bytes(const struct vvfat *v);
uint32_t vvfat_end_mark(const struct vvfat *v);
/* An entry in a copy of the FAT. */
uint32_t vvfat_fat_get(const struct vvfat *v, const uint8_t *fat, uint32_t cluster);
void vvfat_fat_put(const struct vvfat *v, uint8_t *fat, uint32_t cluster, uint32_t value);
/* The guest's view, with the lock held. */
int vvfat_read(struct vvfat *v, uint64_t offset, void *data, size_t size);
int vvfat_write(struct vvfat *v, uint64_t offset, const void *data, size_t size);

/* --- vvfat-scan.c --- */
/* Lays the folder out; fills head, runs and known. */
bool vvfat_scan(struct vvfat *v, struct error **err);

/* --- vvfat-commit.c --- */
/*
 * Brings what the guest wrote to the host, if the file system is in a state that makes sense. With
 * the lock held. False: not now.
 */
bool vvfat_commit(struct vvfat *v);

#endif
