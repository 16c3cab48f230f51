/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads, stores and byte copies on address spaces, and the calls into devices: widths are split or
 * put together here, so that a device sees only what its ops declare.
 *
 * Values are handled as little-endian numbers: the byte at the lowest address in the low bits.
 */
#include <string.h>

#include "base/bits.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/core/memory-view.h"
#include "hw/core/memory.h"

static __thread unsigned callback_depth;

static uint64_t to_endian(uint64_t value, unsigned size, enum endian endian)
{
    return endian == ENDIAN_BIG ? bits_bswap(value, size) : value & bits_mask(8 * size);
}

/* Naturally sized, so that other threads never see half of an aligned value. */
static uint64_t host_load(const uint8_t *p, unsigned size)
{
    switch (size) {
    case 1:
        return ld8(p);
    case 2:
        return ld16_le(p);
    case 4:
        return ld32_le(p);
    default:
        return ld64_le(p);
    }
}

static void host_store(uint8_t *p, unsigned size, uint64_t value)
{
    switch (size) {
    case 1:
        st8(p, value);
        break;
    case 2:
        st16_le(p, value);
        break;
    case 4:
        st32_le(p, value);
        break;
    default:
        st64_le(p, value);
        break;
    }
}

static void note_host_store(uint64_t ram_addr, uint64_t size)
{
    uint64_t last = (ram_addr + size - 1) >> MEMORY_PAGE_BITS;

    /* The data must be visible before we look: who watches a page sets its byte, then reads. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint64_t page = ram_addr >> MEMORY_PAGE_BITS; page <= last; page++) {
        if (unlikely(memory_watch[page])) {
            memory_note_store(ram_addr, size);
            return;
        }
    }
}

static enum mem_result first_failure(enum mem_result a, enum mem_result b)
{
    return a != MEM_OK ? a : b;
}

/* --- calls into a device --------------------------------------------------------------------- */

/* One access of a width that the callbacks take. */
static uint64_t call_read(struct memory_region *mr, uint64_t offset, unsigned size)
{
    if (!mr->ops->read) {
        log_guest_error("%s: read of write-only offset 0x%llx", mr->name,
                        (unsigned long long)offset);
        return bits_mask(8 * size);
    }
    return to_endian(mr->ops->read(mr->opaque, offset, size), size, mr->ops->endian);
}

static void call_write(struct memory_region *mr, uint64_t offset, unsigned size, uint64_t value)
{
    if (!mr->ops->write) {
        log_guest_error("%s: write to read-only offset 0x%llx", mr->name,
                        (unsigned long long)offset);
        return;
    }
    mr->ops->write(mr->opaque, offset, to_endian(value, size, mr->ops->endian), size);
}

/* The next piece of an access: what is called, and which bytes of it are wanted. */
struct piece {
    uint64_t offset;        /* of the call */
    unsigned width;         /* of the call */
    unsigned lane, bytes;   /* bytes lane..lane + bytes - 1 of the call are ours */
};

static struct piece next_piece(const struct mmio_ops *ops, uint64_t offset, unsigned size)
{
    unsigned min = ops->min ? ops->min : 1, max = ops->max ? ops->max : 4;
    struct piece p = { .offset = offset, .width = 8 };

    while (p.width > size || p.width > max || (!ops->unaligned && !is_aligned(offset, p.width))) {
        p.width /= 2;
    }
    p.bytes = p.width;
    if (p.width < min) {
        p.offset = align_down(offset, min);
        p.lane = offset - p.offset;
        p.width = min;
        p.bytes = MIN_OF(p.bytes, min - p.lane);
    }
    return p;
}

static bool width_accepted(const struct memory_region *mr, uint64_t offset, unsigned size)
{
    unsigned min = mr->ops->valid_min ? mr->ops->valid_min : 1;
    unsigned max = mr->ops->valid_max ? mr->ops->valid_max : 8;

    if (size < min || size > max) {
        log_guest_error("%s: access of %u bytes at offset 0x%llx is not supported", mr->name, size,
                        (unsigned long long)offset);
        return false;
    }
    return true;
}

/*
 * Takes the big lock for a device and notes that it is inside a callback. A device that reaches its
 * own registers by DMA is refused. The flag of another thread, which waits with the lock released,
 * is no reason to refuse.
 */
static bool device_enter(struct memory_region *mr, bool *locked)
{
    *locked = !big_lock_held();
    if (*locked) {
        big_lock();
    }
    if (mr->busy && callback_depth) {
        log_guest_error("%s: a device accesses its own registers", mr->name);
        if (*locked) {
            big_unlock();
        }
        return false;
    }
    mr->busy = true;
    callback_depth++;
    return true;
}

static void device_leave(struct memory_region *mr, bool locked)
{
    callback_depth--;
    mr->busy = false;
    if (locked) {
        big_unlock();
    }
}

/* Reads size bytes (1 to 8) as a little-endian number. */
static enum mem_result device_read(struct memory_region *mr, uint64_t offset, unsigned size,
                                   uint64_t *value)
{
    uint64_t got = 0;
    bool locked;

    *value = bits_mask(8 * size);
    if (!width_accepted(mr, offset, size) || !device_enter(mr, &locked)) {
        return MEM_REFUSED;
    }
    for (unsigned done = 0; done < size;) {
        struct piece p = next_piece(mr->ops, offset + done, size - done);
        uint64_t part = call_read(mr, p.offset, p.width) >> 8 * p.lane;

        got |= (part & bits_mask(8 * p.bytes)) << 8 * done;
        done += p.bytes;
    }
    device_leave(mr, locked);
    *value = got;
    return MEM_OK;
}

static enum mem_result device_write(struct memory_region *mr, uint64_t offset, unsigned size,
                                    uint64_t value)
{
    bool locked;

    if (!width_accepted(mr, offset, size) || !device_enter(mr, &locked)) {
        return MEM_REFUSED;
    }
    for (unsigned done = 0; done < size;) {
        struct piece p = next_piece(mr->ops, offset + done, size - done);
        uint64_t part = value >> 8 * done & bits_mask(8 * p.bytes);

        call_write(mr, p.offset, p.width, part << 8 * p.lane);
        done += p.bytes;
    }
    device_leave(mr, locked);
    return MEM_OK;
}

enum mem_result memory_region_ld(struct memory_region *mr, uint64_t offset, unsigned size,
                                 enum endian endian, uint64_t *value)
{
    enum mem_result result = MEM_OK;
    uint64_t got;

    if (mr->ops && !(mr->kind == MEMORY_ROMD && mr->romd_direct)) {
        result = device_read(mr, offset, size, &got);
    } else if (mr->block && offset <= mr->block->size && size <= mr->block->size - offset) {
        got = host_load(mr->block->host + offset, size);
    } else {
        got = bits_mask(8 * size);
        result = MEM_UNASSIGNED;
    }
    *value = to_endian(got, size, endian);
    return result;
}

enum mem_result memory_region_st(struct memory_region *mr, uint64_t offset, unsigned size,
                                 enum endian endian, uint64_t value)
{
    value = to_endian(value, size, endian);
    if (mr->ops) {
        return device_write(mr, offset, size, value);
    }
    if (!mr->block || offset > mr->block->size || size > mr->block->size - offset) {
        return MEM_UNASSIGNED;
    }
    if (mr->kind != MEMORY_RAM || mr->readonly) {
        return MEM_REFUSED;
    }
    host_store(mr->block->host + offset, size, value);
    note_host_store(mr->block->ram_addr + offset, size);
    return MEM_OK;
}

/* --- runs ------------------------------------------------------------------------------------ */

enum direction { LOAD, STORE, STORE_ROM };

/* What `size` bytes at an address meet first: a copy of the range, cut to the run. */
struct run {
    enum { RUN_HOST, RUN_DEVICE, RUN_DROPPED, RUN_UNASSIGNED } kind;
    size_t size;
    uint8_t *host;
    uint64_t ram_addr;
    struct memory_region *region;
    uint64_t offset;
};

/* Call inside a section or with the big lock held. */
static struct run find_run(const struct flat_view *view, uint64_t address, size_t size,
                           enum direction direction)
{
    uint32_t i = view_index(view, address);
    const struct flat_range *r = &view->ranges[i];
    struct run run = { .kind = RUN_UNASSIGNED };
    uint64_t skip, last = UINT64_MAX;

    if (i < view->count && r->first <= address) {
        skip = address - r->first;
        last = r->last;
        run.region = r->region;
        run.offset = r->offset + skip;
        run.ram_addr = r->ram_addr + skip;
        if (direction == LOAD ? r->readable : r->writable || (direction == STORE_ROM && r->host)) {
            run.kind = RUN_HOST;
            run.host = r->host + skip;
        } else if (direction == STORE_ROM || (direction == STORE && r->rom)) {
            run.kind = RUN_DROPPED;
        } else {
            run.kind = RUN_DEVICE;
        }
    } else if (i < view->count) {
        last = r->first - 1;
    }
    run.size = size - 1 <= last - address ? size : last - address + 1;
    return run;
}

/*
 * Finds a device run again with the big lock held, unless no map changed since `generation`: only
 * then do we know that the region is still there. Returns whether the lock must be released.
 */
static bool lock_run(struct address_space *as, uint64_t address, size_t size,
                     enum direction direction, uint32_t generation, struct run *run)
{
    bool locked = !big_lock_held();

    if (locked) {
        big_lock();
        if (generation != __atomic_load_n(&view_generation, __ATOMIC_SEQ_CST)) {
            *run = find_run(as->view, address, size, direction);
        }
    }
    return locked;
}

static enum mem_result drop(struct address_space *as, uint64_t address, const struct run *run,
                            enum direction direction)
{
    if (run->kind == RUN_DROPPED) {
        return MEM_REFUSED;
    }
    trace(memory_unassigned, "%s %s 0x%llx", as->name, direction == LOAD ? "load" : "store",
          (unsigned long long)address);
    return MEM_UNASSIGNED;
}

/* The widest access that the device, the alignment and the rest of the run allow. */
static unsigned copy_width(const struct run *run, size_t done)
{
    const struct mmio_ops *ops = run->region->ops;
    unsigned width = ops->valid_max ? ops->valid_max : 8;

    while (width > run->size - done || !is_aligned(run->offset + done, width)) {
        width /= 2;
    }
    return width;
}

/* Bytes to or from a device; big lock held. */
static enum mem_result copy_device(const struct run *run, uint8_t *data, enum direction direction)
{
    enum mem_result result = MEM_OK;
    uint64_t value;

    for (size_t done = 0; done < run->size;) {
        unsigned width = copy_width(run, done);

        if (direction == LOAD) {
            result = first_failure(
                result, device_read(run->region, run->offset + done, width, &value));
            st_le(data + done, width, value);
        } else {
            value = ld_le(data + done, width);
            result = first_failure(
                result, device_write(run->region, run->offset + done, width, value));
        }
        done += width;
    }
    return result;
}

static void copy_host(const struct run *run, uint8_t *data, enum direction direction)
{
    if (direction == LOAD) {
        memcpy(data, run->host, run->size);
    } else {
        memcpy(run->host, data, run->size);
    }
}

/* Copies the first run of `size` bytes and says how long it was. */
static enum mem_result copy_run(struct address_space *as, uint64_t address, uint8_t *data,
                                size_t size, enum direction direction, size_t *done)
{
    uint32_t generation = __atomic_load_n(&view_generation, __ATOMIC_SEQ_CST);
    struct run run = find_run(view_enter(as), address, size, direction);
    enum mem_result result = MEM_OK;
    bool locked = false;

    if (run.kind == RUN_HOST) {
        copy_host(&run, data, direction);
    }
    view_leave();
    if (run.kind == RUN_DEVICE) {
        locked = lock_run(as, address, size, direction, generation, &run);
        if (run.kind == RUN_HOST) {
            copy_host(&run, data, direction);
        }
    }
    *done = run.size;
    if (run.kind == RUN_HOST) {
        if (direction != LOAD) {
            note_host_store(run.ram_addr, run.size);
        }
    } else if (run.kind == RUN_DEVICE) {
        result = copy_device(&run, data, direction);
    } else {
        result = drop(as, address, &run, direction);
        if (direction == LOAD) {
            memset(data, 0xff, run.size);
        }
    }
    if (locked) {
        big_unlock();
    }
    return result;
}

static enum mem_result copy(struct address_space *as, uint64_t address, uint8_t *data, size_t size,
                            enum direction direction)
{
    enum mem_result result = MEM_OK;

    for (size_t done; size; size -= done, address += done, data += done) {
        result = first_failure(result, copy_run(as, address, data, size, direction, &done));
    }
    return result;
}

enum mem_result address_space_read(struct address_space *as, uint64_t address, void *data,
                                   size_t size)
{
    return copy(as, address, data, size, LOAD);
}

enum mem_result address_space_write(struct address_space *as, uint64_t address, const void *data,
                                    size_t size)
{
    return copy(as, address, (uint8_t *)data, size, STORE);
}

enum mem_result address_space_write_rom(struct address_space *as, uint64_t address,
                                        const void *data, size_t size)
{
    return copy(as, address, (uint8_t *)data, size, STORE_ROM);
}

/* --- sized accesses -------------------------------------------------------------------------- */

/*
 * Across two ranges, or at the moment that the map changes: byte by byte. It fails when all bytes
 * do: a word at the last port of a device gives that port and 0xff.
 */
static enum mem_result load_bytes(struct address_space *as, uint64_t address, unsigned size,
                                  uint64_t *value)
{
    uint8_t bytes[8];
    enum mem_result best = MEM_REFUSED, result;

    for (unsigned i = 0; i < size; i++) {
        result = copy(as, address + i, &bytes[i], 1, LOAD);
        best = MIN_OF(best, result);
    }
    *value = ld_le(bytes, size);
    return best;
}

static enum mem_result store_bytes(struct address_space *as, uint64_t address, unsigned size,
                                   uint64_t value)
{
    uint8_t bytes[8];
    enum mem_result best = MEM_REFUSED, result;

    st_le(bytes, size, value);
    for (unsigned i = 0; i < size; i++) {
        result = copy(as, address + i, &bytes[i], 1, STORE);
        best = MIN_OF(best, result);
    }
    return best;
}

enum mem_result address_space_ld(struct address_space *as, uint64_t address, unsigned size,
                                 enum endian endian, uint64_t *value)
{
    uint32_t generation = __atomic_load_n(&view_generation, __ATOMIC_SEQ_CST);
    struct run run = find_run(view_enter(as), address, size, LOAD);
    enum mem_result result = MEM_OK;
    uint64_t got = bits_mask(8 * size);
    bool locked = false;

    if (run.kind == RUN_HOST && run.size == size) {
        got = host_load(run.host, size);
    }
    view_leave();
    if (run.kind == RUN_DEVICE) {
        locked = lock_run(as, address, size, LOAD, generation, &run);
    }
    if (run.size != size || (run.kind == RUN_HOST && locked)) {
        result = load_bytes(as, address, size, &got);
    } else if (run.kind == RUN_DEVICE) {
        result = device_read(run.region, run.offset, size, &got);
    } else if (run.kind != RUN_HOST) {
        result = drop(as, address, &run, LOAD);
    }
    if (locked) {
        big_unlock();
    }
    *value = to_endian(got, size, endian);
    return result;
}

enum mem_result address_space_st(struct address_space *as, uint64_t address, unsigned size,
                                 enum endian endian, uint64_t value)
{
    uint32_t generation = __atomic_load_n(&view_generation, __ATOMIC_SEQ_CST);
    struct run run = find_run(view_enter(as), address, size, STORE);
    enum mem_result result = MEM_OK;
    bool locked = false;

    value = to_endian(value, size, endian);
    if (run.kind == RUN_HOST && run.size == size) {
        host_store(run.host, size, value);
    }
    view_leave();
    if (run.kind == RUN_DEVICE) {
        locked = lock_run(as, address, size, STORE, generation, &run);
    }
    if (run.size != size || (run.kind == RUN_HOST && locked)) {
        result = store_bytes(as, address, size, value);
    } else if (run.kind == RUN_HOST) {
        note_host_store(run.ram_addr, size);
    } else if (run.kind == RUN_DEVICE) {
        result = device_write(run.region, run.offset, size, value);
    } else {
        result = drop(as, address, &run, STORE);
    }
    if (locked) {
        big_unlock();
    }
    return result;
}
