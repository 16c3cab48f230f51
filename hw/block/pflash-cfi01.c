/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parallel NOR flash with the Intel command set (CFI command set 1): one chip as wide as its bus.
 *
 * Reads come straight from memory in read array mode, all other modes go through the registers
 * here. What is programmed or erased goes to the drive too, if there is one.
 */
#include "hw/block/pflash.h"

#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "block.h"

#define BUFFER_BYTES 2048
#define QUERY_FIRST 0x10
#define QUERY_SIZE 0x54

enum {
    CMD_ARRAY = 0xff, CMD_ID = 0x90, CMD_QUERY = 0x98, CMD_STATUS = 0x70, CMD_CLEAR = 0x50,
    CMD_ERASE = 0x20, CMD_PROGRAM = 0x40, CMD_PROGRAM_OLD = 0x10, CMD_BUFFER = 0xe8,
    CMD_LOCK = 0x60, CMD_CONFIRM = 0xd0, CMD_SUSPEND = 0xb0, CMD_LOCK_SET = 0x01,
    CMD_CONFIGURE = 0x03
};
enum { STATUS_READY = 0x80, STATUS_ERASE_ERROR = 0x20, STATUS_PROGRAM_ERROR = 0x10 };
/* What the next write is. */
enum { WAIT_COMMAND, WAIT_CONFIRM, WAIT_DATA, WAIT_COUNT, WAIT_BUFFER, WAIT_BUFFER_CONFIRM };

struct pflash {
    struct device dev;
    struct block *block;
    struct memory_region memory;
    uint32_t width, blocks, manufacturer, model;
    uint64_t sector;
    char *name;
    uint8_t *data;
    bool readonly;
    struct pflash_state {
        uint8_t mode;               /* the command that decides what reads give */
        uint8_t wait, status;
        uint32_t left;              /* words of a buffered write still to come */
        uint64_t first, last;       /* what it has changed */
    } s;
};

FIELDS(pflash_state) = {
    FIELD(pflash_state, mode), FIELD(pflash_state, wait), FIELD(pflash_state, status),
    FIELD(pflash_state, left), FIELD(pflash_state, first), FIELD(pflash_state, last), FIELDS_END
};

static uint64_t total(const struct pflash *f)
{
    return f->sector * f->blocks;
}

static void set_mode(struct pflash *f, uint8_t mode)
{
    f->s.mode = mode;
    f->s.wait = WAIT_COMMAND;
    memory_region_set_romd_direct(&f->memory, mode == CMD_ARRAY);
}

/* --- contents -------------------------------------------------------------------------------- */

static void store(struct pflash *f, uint64_t offset, uint64_t size)
{
    memory_note_store(memory_region_ram_addr(&f->memory) + offset, size);
    if (f->block && !f->readonly && block_pwrite(f->block, offset, f->data + offset, size) < 0) {
        f->s.status |= STATUS_PROGRAM_ERROR;
    }
}

static void erase(struct pflash *f, uint64_t offset)
{
    offset -= offset % f->sector;
    if (f->readonly) {
        f->s.status |= STATUS_ERASE_ERROR;
        return;
    }
    memset(f->data + offset, 0xff, f->sector);
    store(f, offset, f->sector);
}

/* Programming only clears bits. */
static void program(struct pflash *f, uint64_t offset, uint64_t value, unsigned size)
{
    if (f->readonly) {
        f->s.status |= STATUS_PROGRAM_ERROR;
        return;
    }
    st_le(f->data + offset, size, ld_le(f->data + offset, size) & value);
}

/* --- what reads give ------------------------------------------------------------------------- */

static unsigned log2_of(uint64_t value)
{
    return 63 - bits_clz64(value);
}

/* JEDEC JESD68: identification, timing, geometry, and Intel's extended table. */
static uint8_t query(const struct pflash *f, unsigned at)
{
    const uint8_t table[QUERY_SIZE - QUERY_FIRST] = {
        'Q', 'R', 'Y', 1, 0, 0x31, 0, 0, 0, 0, 0,
        0x45, 0x55, 0, 0,            /* supply, 4.5 to 5.5 V */
        7, 7, 10, 0, 4, 4, 4, 0,     /* typical and longest times, powers of two */
        (uint8_t)log2_of(total(f)), 2, 0, (uint8_t)log2_of(BUFFER_BYTES), 0,
        1, (uint8_t)(f->blocks - 1), (uint8_t)((f->blocks - 1) >> 8), (uint8_t)(f->sector >> 8),
        (uint8_t)(f->sector >> 16),
        'P', 'R', 'I', '1', '0', 0, 0, 0, 0, 0, 1, 0, 0x50, 0, 0,
    };

    return at >= QUERY_FIRST && at < QUERY_SIZE ? table[at - QUERY_FIRST] : 0;
}

static uint32_t word(const struct pflash *f, uint64_t offset)
{
    unsigned index = offset / f->width & 0xff;

    switch (f->s.mode) {
    case CMD_ID: return index == 0 ? f->manufacturer : index == 1 ? f->model : 0;
    case CMD_QUERY: return query(f, index);
    default: return f->s.status;
    }
}

static uint64_t pflash_read(void *dev, uint64_t offset, unsigned size)
{
    const struct pflash *f = dev;
    uint64_t value = 0;

    if (f->s.mode == CMD_ARRAY) {
        return ld_le(f->data + offset, size);
    }
    for (unsigned i = 0; i < size; i++) {
        unsigned lane = (offset + i) % f->width;

        value |= (uint64_t)(word(f, offset + i) >> 8 * lane & 0xff) << 8 * i;
    }
    return value;
}

/* --- commands -------------------------------------------------------------------------------- */

static void command(struct pflash *f, uint64_t offset, uint8_t value)
{
    switch (value) {
    case CMD_ID:
    case CMD_QUERY:
    case CMD_STATUS:
    case CMD_ARRAY:
        set_mode(f, value);
        return;
    case 0xf0:                      /* reset of the other command set, for probing drivers */
    case 0x00:
        set_mode(f, CMD_ARRAY);
        return;
    case CMD_CLEAR:                 /* of "ready" too, by which OVMF tells flash from ROM */
        f->s.status = 0;
        set_mode(f, CMD_ARRAY);
        return;
    case CMD_ERASE:
    case CMD_LOCK:
        set_mode(f, value);
        f->s.wait = WAIT_CONFIRM;
        break;
    case CMD_PROGRAM:
    case CMD_PROGRAM_OLD:
        set_mode(f, value);
        f->s.wait = WAIT_DATA;
        break;
    case CMD_BUFFER:
        set_mode(f, value);
        f->s.wait = WAIT_COUNT;
        break;
    case CMD_SUSPEND:
    case CMD_CONFIRM:               /* everything is over at once: nothing to stop or resume */
        set_mode(f, CMD_STATUS);
        break;
    default:
        log_guest_error("pflash: command 0x%02x", value);
        set_mode(f, CMD_ARRAY);
        return;
    }
    f->s.status |= STATUS_READY;
}

static void confirm(struct pflash *f, uint64_t offset, uint8_t value)
{
    if (f->s.mode == CMD_ERASE) {
        if (value == CMD_CONFIRM) {
            erase(f, offset);
        } else {
            f->s.status |= STATUS_ERASE_ERROR | STATUS_PROGRAM_ERROR;
        }
    } else if (value != CMD_CONFIRM && value != CMD_LOCK_SET && value != CMD_CONFIGURE) {
        f->s.status |= STATUS_ERASE_ERROR | STATUS_PROGRAM_ERROR;
    }
    set_mode(f, value == CMD_ARRAY ? CMD_ARRAY : CMD_STATUS);
}

static void buffer_word(struct pflash *f, uint64_t offset, uint64_t value, unsigned size)
{
    program(f, offset, value, size);
    f->s.first = MIN_OF(f->s.first, offset);
    f->s.last = MAX_OF(f->s.last, offset + size);
    if (f->s.left-- == 0) {
        f->s.wait = WAIT_BUFFER_CONFIRM;
    }
}

static void end_buffer(struct pflash *f, uint8_t value)
{
    if (value != CMD_CONFIRM) {
        f->s.status |= STATUS_ERASE_ERROR | STATUS_PROGRAM_ERROR;
    }
    if (!f->readonly && f->s.last > f->s.first) {
        store(f, f->s.first, f->s.last - f->s.first);
    }
    set_mode(f, CMD_STATUS);
}

static void pflash_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct pflash *f = dev;

    switch (f->s.wait) {
    case WAIT_COMMAND: command(f, offset, value); break;
    case WAIT_CONFIRM: confirm(f, offset, value); break;
    case WAIT_DATA:
        program(f, offset, value, size);
        store(f, offset, size);
        set_mode(f, CMD_STATUS);
        break;
    case WAIT_COUNT:
        f->s.left = value & bits_mask(8 * f->width) & 0xffff;
        f->s.first = UINT64_MAX;
        f->s.last = 0;
        f->s.wait = WAIT_BUFFER;
        if (f->s.left >= BUFFER_BYTES / f->width) {
            f->s.status |= STATUS_PROGRAM_ERROR;
            set_mode(f, CMD_STATUS);
        }
        break;
    case WAIT_BUFFER: buffer_word(f, offset, value, size); break;
    default: end_buffer(f, value); break;
    }
}

static const struct mmio_ops ops = { pflash_read, pflash_write, .max = 4 };

/* --- life ------------------------------------------------------------------------------------ */

/* Flash is soldered. */
static const struct block_device_ops nothing;

static bool fill(struct pflash *f, struct error **err)
{
    int64_t length;
    int result;

    memset(f->data, 0xff, total(f));
    if (!f->block) {
        return true;
    }
    if (!block_attach(f->block, &nothing, f, err)) {
        return false;
    }
    f->readonly = block_readonly(f->block);
    length = block_length(f->block);
    if (length != (int64_t)total(f)) {
        error_set(err, "the flash has %llu bytes, its drive %lld: make the image that size",
                  (unsigned long long)total(f), (long long)length);
        block_detach(f->block);
        return false;
    }
    result = block_pread(f->block, 0, f->data, total(f));
    if (result < 0) {
        error_set(err, "cannot read the drive of the flash: %s", strerror(-result));
        block_detach(f->block);
    }
    return result == 0;
}

static bool pflash_init(struct device *dev, struct error **err)
{
    struct pflash *f = (struct pflash *)dev;

    if (!f->blocks || f->blocks > 65536 || !bits_is_power_of_two(f->sector) || f->sector < 256 ||
        f->sector > 16 << 20 || (f->width != 1 && f->width != 2 && f->width != 4)) {
        error_set(err, "%s: impossible geometry", dev->class->name);
        return false;
    }
    if (!memory_region_init_romd(&f->memory, f->name ? f->name : "pflash", total(f), &ops, f,
                                 err)) {
        return false;
    }
    f->data = memory_region_host(&f->memory);
    if (!fill(f, err)) {
        memory_region_fini(&f->memory);
        return false;
    }
    return true;
}

static void pflash_exit(struct device *dev)
{
    struct pflash *f = (struct pflash *)dev;

    if (f->block) {
        block_detach(f->block);
    }
    memory_region_fini(&f->memory);
}

static void pflash_reset(struct device *dev)
{
    struct pflash *f = (struct pflash *)dev;

    f->s = (struct pflash_state){ .status = STATUS_READY };
    set_mode(f, CMD_ARRAY);
}

static bool pflash_loaded(struct device *dev, struct error **err)
{
    struct pflash *f = (struct pflash *)dev;
    uint8_t wait = f->s.wait;

    if (f->s.last > total(f) || wait > WAIT_BUFFER_CONFIRM) {
        error_set(err, "pflash: impossible state");
        return false;
    }
    set_mode(f, f->s.mode);
    f->s.wait = wait;
    return true;
}

static const struct property properties[] = {
    PROP_DRIVE("drive", pflash, block), PROP_UINT("width", pflash, width, 4),
    PROP_UINT("num-blocks", pflash, blocks, 256),
    PROP_SIZE("sector-length", pflash, sector, 256 * 1024),
    PROP_UINT("id0", pflash, manufacturer, 0x89), PROP_UINT("id1", pflash, model, 0x18),
    PROP_STRING("name", pflash, name, NULL), { 0 }
};

DEVICE(pflash_cfi01) = {
    .name = "cfi.pflash01", .desc = "Intel parallel NOR flash", .internal = true,
    .size = sizeof(struct pflash), .properties = properties, .init = pflash_init,
    .exit = pflash_exit, .reset = pflash_reset, .state = STATE(pflash, s, pflash_state, 1),
    .loaded = pflash_loaded,
};

struct memory_region *pflash_memory(struct device *dev)
{
    return &((struct pflash *)dev)->memory;
}
