/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes: what a drive is made of. A format node (raw, qcow2, ...) stands on a protocol node (file,
 * ...) and may have a backing node that shows through where it holds nothing; an overlay stands on
 * a format node. Drivers are plain synchronous code that several worker threads call at the same
 * time; each guards its own metadata.
 */
#ifndef BLOCK_NODE_H
#define BLOCK_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/keyval.h"

struct block_node;
struct block_image_ops;

enum {
    NODE_READONLY = 1,
    NODE_UNMAP = 2,             /* discard=unmap: give space back to the host */
    NODE_NO_FLUSH = 4,          /* cache=unsafe */
    NODE_NO_BACKING = 8,        /* leave the backing file alone */
    NODE_CHECK = 16,            /* open what is dirty or marked as corrupt, for `check' */
    NODE_BACKING_RW = 32,       /* open the image right below for writing too */
    NODE_SHARE = 64,            /* take no locks (-U) */
    NODE_ALL_RW = 128,          /* open the whole backing chain for writing */
    NODE_NO_IO = 256,           /* only facts are wanted: encrypted images need no key */
    NODE_FORCE = 512,           /* amend --force */
    NODE_TEMPORARY = 1024,      /* snapshot=on: the image is the one below */
    NODE_DIRECT = 2048,         /* cache=none, directsync: past the host's page cache */
    NODE_STABLE = 4096,         /* tools: what is written is flushed at once (writethrough) */
};

/* How much a new or longer image is given of its storage. */
enum block_prealloc {
    BLOCK_PREALLOC_OFF, BLOCK_PREALLOC_METADATA, BLOCK_PREALLOC_FALLOC, BLOCK_PREALLOC_FULL
};

/*
 * Where a part of a medium is. Neither allocated here: the backing file, or zeroes, show through.
 */
struct block_extent {
    uint64_t length;
    uint64_t offset;            /* in the child's file, if has_offset */
    const char *file;           /* of `offset` */
    bool allocated, zero, compressed, has_offset;
};

/* Ranges are checked before a driver sees them. Results are 0 or -errno. NULL: see node.c. */
struct block_driver {
    const char *name;           /* as in format= */
    size_t size;                /* of its struct, which starts with struct block_node */
    /* A protocol: no child; writes past its end make it longer, and reads there give zeroes. */
    bool is_protocol;
    /* Of protocols with names of their own ("nbd:", ...), and how such a name becomes options. */
    const char *const *prefixes;
    bool (*parse_name)(const char *name, struct keyval *options, struct error **err);
    /* Of an image's first bytes: 100 for certain, 0 for never. Formats only. */
    int (*probe)(const uint8_t *head, size_t size);
    /*
     * `file` of the node is set, and `child` unless it is a protocol. On failure it frees its own.
     * `options` is never NULL; those of the child are not in it.
     */
    bool (*open)(struct block_node *node, struct keyval *options, struct error **err);
    void (*close)(struct block_node *node);
    int (*readv)(struct block_node *node, uint64_t offset, const struct iovec *iov, unsigned count);
    int (*writev)(struct block_node *node, uint64_t offset, const struct iovec *iov,
                  unsigned count);
    int (*write_zeroes)(struct block_node *node, uint64_t offset, uint64_t size, bool may_unmap);
    int (*discard)(struct block_node *node, uint64_t offset, uint64_t size);
    int (*flush)(struct block_node *node);
    int64_t (*length)(struct block_node *node);
    /* The extent at `offset`, at most `size` long. */
    int (*status)(struct block_node *node, uint64_t offset, uint64_t size,
                  struct block_extent *extent);
    bool (*resize)(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                   struct error **err);
    /* Packs one cluster (the last may be short); 0 when it does not become smaller. Any thread. */
    size_t (*compress)(struct block_node *node, const void *data, size_t size, void *packed);
    int (*write_packed)(struct block_node *node, uint64_t offset, const void *packed, size_t size);
    const struct block_image_ops *image;    /* formats: what tools do with images; see image.h */
};

struct block_node {
    const struct block_driver *driver;
    char *file;
    unsigned flags;
    struct keyval *options;     /* while it is opened; never NULL then */
    struct block_node *child;   /* owned */
    struct block_node *backing; /* owned; NULL: zeroes */
    char *backing_file, *backing_format;    /* as the image says; NULL: none */
    bool probed;                /* the format was guessed */
    uint64_t identity[2];       /* device and inode of a file */
};

/*
 * Opens file and format; `format` NULL guesses it. options may be NULL; keys with "file." in front
 * are the protocol's, which may also say all that `file` (NULL then) does not.
 */
struct block_node *block_node_open(const char *file, const char *format, struct keyval *options,
                                   unsigned flags, struct error **err);
/* All by options: driver=, file.filename=, file.driver=, backing.driver=, ... */
struct block_node *block_node_open_options(struct keyval *options, unsigned flags,
                                           struct error **err);
/* The protocol alone. `file` may be NULL, as options may be. */
struct block_node *block_node_open_file(const char *file, struct keyval *options, unsigned flags,
                                        struct error **err);
/* A format on a protocol node, which it owns from now on, also on failure. */
struct block_node *block_node_open_on(struct block_node *child, const char *format,
                                      struct keyval *options, unsigned flags, struct error **err);
/* For drivers: opens node->backing_file, if there is one and it is wanted. Loops are refused. */
bool block_node_open_backing(struct block_node *node, struct error **err);
/* Whether a name is one of the file protocol. */
bool block_is_file_name(const char *name);
/* A name in an image, which is relative to the image's folder. */
char *block_resolve_name(const char *image, const char *name);
/* Closes the children too; NULL is allowed. */
void block_node_close(struct block_node *node);

/* Ranges past the end give -EINVAL, writes to read-only nodes -EROFS. */
int block_node_read(struct block_node *node, uint64_t offset, const struct iovec *iov,
                    unsigned count);
int block_node_write(struct block_node *node, uint64_t offset, const struct iovec *iov,
                     unsigned count);
int block_node_pread(struct block_node *node, uint64_t offset, void *data, size_t size);
int block_node_pwrite(struct block_node *node, uint64_t offset, const void *data, size_t size);
int block_node_write_zeroes(struct block_node *node, uint64_t offset, uint64_t size,
                            bool may_unmap);
int block_node_discard(struct block_node *node, uint64_t offset, uint64_t size);
int block_node_flush(struct block_node *node);
int64_t block_node_length(struct block_node *node);
bool block_node_resize(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                       struct error **err);
/* Of this node alone; without a driver's answer all is data. */
int block_node_status(struct block_node *node, uint64_t offset, uint64_t size,
                      struct block_extent *extent);
/* Through the backing chain; *depth counts the images passed, to that of the first that has it. */
int block_node_status_deep(struct block_node *node, uint64_t offset, uint64_t size,
                           struct block_extent *extent, unsigned *depth);
/* Reads what shows through a hole of `node`: its backing node, zeroes past its end. */
int block_node_read_backing(struct block_node *node, uint64_t offset, const struct iovec *iov,
                            unsigned count);

uint64_t iov_size(const struct iovec *iov, unsigned count);
/*
 * Writes the part [skip, skip + size) of a vector into `part`, which has room for `count` entries.
 */
unsigned iov_slice(const struct iovec *iov, unsigned count, uint64_t skip, uint64_t size,
                   struct iovec *part);
void iov_zero(const struct iovec *iov, unsigned count);
void iov_fill(const struct iovec *iov, unsigned count, const void *data);
void iov_gather(const struct iovec *iov, unsigned count, void *data);
bool block_is_zero(const void *data, size_t size);

/* What an image's first bytes say that it is; also names of formats without a driver. */
const char *block_probe_format(const uint8_t *head, size_t size);
/* NULL: no driver has the name. */
const struct block_driver *block_find_format(const char *name);
/* Walks the formats: *at starts at 0; NULL at the end. */
const struct block_driver *block_next_format(size_t *at);

extern const struct block_driver block_driver_file, block_driver_nbd,
    block_driver_vvfat;
/* Only where libcurl was found. */
extern const struct block_driver block_driver_http, block_driver_https, block_driver_ftp,
    block_driver_ftps;
extern const struct block_driver block_driver_bochs, block_driver_cloop, block_driver_cow,
    block_driver_dmg, block_driver_luks, block_driver_parallels, block_driver_qcow,
    block_driver_qcow2, block_driver_raw, block_driver_vdi, block_driver_vhdx, block_driver_vmdk,
    block_driver_vpc;

/* A temporary file that takes the writes; owns `below`, which becomes its backing node. */
struct block_node *block_overlay_create(struct block_node *below, struct error **err);
/* Makes the image below, which was opened with these options, writable. */
bool block_overlay_open_below(struct block_node *overlay, struct keyval *options,
                              struct error **err);

#endif
