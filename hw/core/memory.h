/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest address spaces: a tree of regions, flattened into sorted ranges that vCPUs look up
 * lock-free.
 *
 * The tree is changed with the big lock held. Lookups and RAM accesses need no lock; an access that
 * reaches a device takes the big lock for its duration unless the caller holds it already.
 */
#ifndef HW_CORE_MEMORY_H
#define HW_CORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct device;
struct memory_region;
struct address_space;

enum endian { ENDIAN_LITTLE, ENDIAN_BIG };

enum mem_result {
    MEM_OK,
    MEM_UNASSIGNED,  /* nothing there; reads give all ones */
    MEM_REFUSED,     /* the device does not take this width, or a write met a ROM without writer */
};

/*
 * How a device is accessed: offsets into its region, never addresses. `dev` is the opaque pointer
 * given with the ops (for a region in a device class: the device itself).
 *
 * min..max are the widths in bytes that the callbacks handle; 0 means 1 and 4. Wider accesses are
 * split, narrower ones are cut out of a wide read or written with the other byte lanes zero.
 * valid_min..valid_max are the widths that the bus accepts at all; 0 means 1 and 8; others give
 * MEM_REFUSED. Without `unaligned` the core splits a misaligned access into aligned ones.
 * A value holds the byte at the lowest offset in its low bits, unless endian is ENDIAN_BIG.
 * A NULL callback reads as all ones or ignores the write, and logs a guest error.
 */
struct mmio_ops {
    uint64_t (*read)(void *dev, uint64_t offset, unsigned size);
    void (*write)(void *dev, uint64_t offset, uint64_t value, unsigned size);
    uint8_t min, max, valid_min, valid_max;
    enum endian endian;
    bool unaligned;
};

enum memory_kind {
    MEMORY_CONTAINER, MEMORY_RAM, MEMORY_ROM, MEMORY_ROMD, MEMORY_MMIO, MEMORY_ALIAS
};

/* Embedded in its owner; the fields belong to hw/core, read them freely. */
struct memory_region {
    const char *name;
    uint64_t size;                  /* 0 stands for 2^64 */
    enum memory_kind kind;
    bool enabled, readonly;
    bool romd_direct;               /* ROMD: reads come from memory, otherwise from the ops */
    bool busy;                      /* inside a callback */
    const struct mmio_ops *ops;
    void *opaque;
    struct ram_block *block;        /* RAM, ROM, ROMD */
    struct memory_region *target;   /* ALIAS */
    uint64_t target_offset;
    struct memory_region *parent, *first_child, *next_sibling;
    uint64_t address;               /* in the parent */
    int priority;
};

/* --- making regions; `name` must outlive the region; RAM starts zeroed ---------------------- */

void memory_region_init(struct memory_region *mr, const char *name, uint64_t size);
void memory_region_init_mmio(struct memory_region *mr, const char *name, uint64_t size,
                             const struct mmio_ops *ops, void *opaque);
bool memory_region_init_ram(struct memory_region *mr, const char *name, uint64_t size,
                            struct error **err);
/* Reads like RAM, guest writes are ignored; fill it through memory_region_host(). */
bool memory_region_init_rom(struct memory_region *mr, const char *name, uint64_t size,
                            struct error **err);
/* Flash: reads like RAM while direct, writes always go to the ops. */
bool memory_region_init_romd(struct memory_region *mr, const char *name, uint64_t size,
                             const struct mmio_ops *ops, void *opaque, struct error **err);
/* RAM in memory that the caller provides and keeps (a file mapping). */
bool memory_region_init_ram_host(struct memory_region *mr, const char *name, uint64_t size,
                                 void *host, struct error **err);
void memory_region_init_alias(struct memory_region *mr, const char *name,
                              struct memory_region *target, uint64_t offset, uint64_t size);
/* Takes the region out of its parent and gives its RAM back. Its children must be gone. */
void memory_region_fini(struct memory_region *mr);

/* --- changing the map, dynamically ---------------------------------------------------------- */

/* Where children overlap the highest priority wins, then the one added last. */
void memory_region_add(struct memory_region *parent, uint64_t address, struct memory_region *mr);
void memory_region_add_priority(struct memory_region *parent, uint64_t address,
                                struct memory_region *mr, int priority);
/* Nothing happens when it has no parent. */
void memory_region_remove(struct memory_region *mr);
void memory_region_move(struct memory_region *mr, uint64_t address);
void memory_region_enable(struct memory_region *mr, bool on);
void memory_region_set_size(struct memory_region *mr, uint64_t size);
void memory_region_set_alias_offset(struct memory_region *mr, uint64_t offset);
/* RAM or alias: guest writes through it are dropped. */
void memory_region_set_readonly(struct memory_region *mr, bool readonly);
void memory_region_set_romd_direct(struct memory_region *mr, bool direct);

/* Several changes, one rebuild. Nests. */
void memory_transaction_begin(void);
void memory_transaction_commit(void);

/* --- address spaces -------------------------------------------------------------------------- */

/* Port I/O is one more address space, with a root of 64 KiB. */
void address_space_init(struct address_space *as, const char *name, struct memory_region *root);
void address_space_fini(struct address_space *as);

/*
 * A sized access: `size` is 1, 2, 4 or 8, any alignment. The value is a number in the byte order
 * `endian` of the accessing CPU or bus. Failed reads set *value to all ones of that size.
 */
enum mem_result address_space_ld(struct address_space *as, uint64_t address, unsigned size,
                                 enum endian endian, uint64_t *value);
enum mem_result address_space_st(struct address_space *as, uint64_t address, unsigned size,
                                 enum endian endian, uint64_t value);
/*
 * Bytes, for DMA and loaders. Returns the first failure but carries on; unassigned reads as 0xff.
 */
enum mem_result address_space_read(struct address_space *as, uint64_t address, void *data,
                                   size_t size);
enum mem_result address_space_write(struct address_space *as, uint64_t address, const void *data,
                                    size_t size);
/* As address_space_write() but also into ROM: loaders and debuggers. */
enum mem_result address_space_write_rom(struct address_space *as, uint64_t address,
                                        const void *data, size_t size);

/*
 * What is at an address, for the soft MMU and for zero-copy DMA. True for RAM, ROM and direct ROMD:
 * `host` is then valid. False for MMIO (`region` and `offset` tell which) and for unassigned
 * (`region` is NULL). first..last is the whole range of addresses around `address` for which the
 * same answer holds, so compare it with the page before caching. Everything stays valid until the
 * next `changed` call of a listener; host memory stays mapped even then.
 */
struct ram_span {
    uint8_t *host;                 /* of `address` itself */
    uint64_t ram_addr;             /* offset into all RAM: identifies a page whatever its address */
    struct memory_region *region;
    uint64_t offset;               /* of `address` in the region */
    uint64_t first, last;
    bool writable;                 /* direct stores allowed, subject to memory_watch[] */
    bool rom;                      /* stores are dropped silently (neither writable nor to MMIO) */
};
bool memory_lookup_ram(struct address_space *as, uint64_t address, struct ram_span *out);

/* A device access by region and offset, once memory_lookup_ram() has said where it goes. The caller
 * may keep (region, offset) until `changed`. Crossing the region's end is the caller's mistake. */
enum mem_result memory_region_ld(struct memory_region *mr, uint64_t offset, unsigned size,
                                 enum endian endian, uint64_t *value);
enum mem_result memory_region_st(struct memory_region *mr, uint64_t offset, unsigned size,
                                 enum endian endian, uint64_t value);

/* --- RAM blocks and pages ------------------------------------------------------------------- */

/* Every RAM, ROM or ROMD region has one; ram_addr = block->ram_addr + offset. Blocks never overlap
 * and start on page boundaries. */
struct ram_block {
    const char *name;
    uint8_t *host;
    uint64_t ram_addr, size;
    struct ram_block *next;
    bool owned;
};
struct ram_block *ram_block_first(void);
/* NULL when no block holds it. */
struct ram_block *ram_block_at(uint64_t ram_addr);
void *memory_region_host(const struct memory_region *mr);
uint64_t memory_region_ram_addr(const struct memory_region *mr);

#define MEMORY_PAGE_BITS 12
#define MEMORY_PAGE_SIZE (1ul << MEMORY_PAGE_BITS)

/*
 * Dirty tracking per 4 KiB page of RAM, for three clients. It is stored the other way round: a set
 * bit in memory_watch[ram_addr >> 12] says "clean: this client wants to hear of the next store", so
 * 0 is the fast path and fresh memory is dirty for everyone. A store by a CPU tests the byte and,
 * if it is not 0, calls memory_note_store() *after* the data is in place. address_space_* do so.
 */
enum memory_dirty {
    DIRTY_VGA = 1,        /* the display must draw the page again */
    DIRTY_CODE = 2,       /* no translated code comes from the page */
    DIRTY_MIGRATION = 4,  /* the page must be sent again */
    DIRTY_ALL = 7
};
extern uint8_t *memory_watch;

void memory_note_store(uint64_t ram_addr, uint64_t size);
/* Whether any page of the range is dirty for the client; the second cleans the range as well. */
bool memory_dirty_test(uint64_t ram_addr, uint64_t size, enum memory_dirty client);
bool memory_dirty_test_and_clear(uint64_t ram_addr, uint64_t size, enum memory_dirty client);
/* Cleans the range, and sets bit i of `bits` for each page i of it that was dirty. Returns how
 * many bits were not set before. Stores that a vCPU has under way may still come, see
 * cpu_settle_all(). */
uint64_t memory_dirty_collect(uint64_t ram_addr, uint64_t size, enum memory_dirty client,
                              uint64_t *bits);
/* Makes pages clean ("watch") or dirty for the clients of the mask. */
void memory_dirty_clear(uint64_t ram_addr, uint64_t size, unsigned clients);
void memory_dirty_set(uint64_t ram_addr, uint64_t size, unsigned clients);

/* --- who must know -------------------------------------------------------------------------- */

/* Callbacks may be NULL. */
struct memory_listener {
    /* The map of `as` is different: drop cached translations of addresses. Big lock held. */
    void (*changed)(void *opaque, struct address_space *as);
    /* Pages became watched: stores to them must take the slow path from now on. Any thread. */
    void (*watched)(void *opaque, uint64_t ram_addr, uint64_t size);
    /* Bytes of pages that were clean for DIRTY_CODE were stored to: drop the code made from them.
     * On the storing thread, after the store; the page is dirty for DIRTY_CODE already. */
    void (*code_stored)(void *opaque, uint64_t ram_addr, uint64_t size);
    /* Someone is about to ask which pages are dirty: stores that are known elsewhere only must be
     * noted now, by memory_note_store(). Any thread. */
    void (*collect)(void *opaque, uint64_t ram_addr, uint64_t size, enum memory_dirty client);
    void *opaque;
    struct memory_listener *next;
};
void memory_listener_add(struct memory_listener *listener);
void memory_listener_remove(struct memory_listener *listener);

struct address_space {
    const char *name;
    struct memory_region *root;
    struct flat_view *view;        /* replaced as a whole; old ones go when no reader is left */
    struct address_space *next;
};

/* One line a range, for `info mtree -f`. */
struct memory_range {
    uint64_t first, last;
    struct memory_region *region;
    uint64_t offset;
    bool readonly;
};
/* Walks the flat ranges in address order, with the big lock held. */
void address_space_walk(struct address_space *as,
                        void (*visit)(void *opaque, const struct memory_range *range),
                        void *opaque);

#endif
