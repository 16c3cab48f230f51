/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Firmware configuration: items by key, a directory of files, byte-wise port and DMA.
 *
 * The files are kept in the order of their names, so that the same machine has the same keys in
 * every run and after a load.
 */
#include "hw/nvram/fw_cfg.h"

#include <stdlib.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"

enum {
    PORT_SELECT = 0x510, PORT_DMA = 0x514,
    KEY_WRITE = 0x4000, KEY_ARCH = 0x8000, KEY_NUMBER = 0x3fff,
    GENERIC_KEYS = FW_CFG_FILE_FIRST, ARCH_KEYS = 0x20, NAME_SIZE = 56, DIR_ENTRY = 64
};
enum { ID_PORT = 1, ID_DMA = 2 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };
/* What a read of the DMA register shows: "QEMU CFG". */
#define DMA_SIGNATURE 0x51454d5520434647ull

struct item {
    char name[NAME_SIZE];       /* of a file */
    const uint8_t *data;
    size_t size;
    bool owned;                 /* copied: ours to free */
    void (*select)(void *opaque);
    void (*written)(void *opaque, size_t offset, size_t size);
    void *opaque;
};

struct fw_cfg {
    struct device dev;
    struct address_space *dma;
    struct item generic[GENERIC_KEYS], arch[ARCH_KEYS];
    struct item *files;         /* sorted by name */
    unsigned file_count;
    struct fw_cfg_state { uint64_t dma_address; uint32_t offset; uint16_t key; } s;
};

FIELDS(fw_cfg_state) = {
    FIELD(fw_cfg_state, dma_address), FIELD(fw_cfg_state, offset), FIELD(fw_cfg_state, key),
    FIELDS_END
};

/* --- items ----------------------------------------------------------------------------------- */

static struct item *find_item(struct fw_cfg *f, uint16_t key)
{
    unsigned number = key & KEY_NUMBER;

    if (key & KEY_ARCH) {
        return number < ARCH_KEYS ? &f->arch[number] : NULL;
    }
    if (number < GENERIC_KEYS) {
        return &f->generic[number];
    }
    number -= FW_CFG_FILE_FIRST;
    return number < f->file_count ? &f->files[number] : NULL;
}

static void set_data(struct item *item, const void *data, size_t size, bool owned)
{
    if (item->owned) {
        free((void *)item->data);
    }
    item->data = data;
    item->size = size;
    item->owned = owned;
}

static void *copy(const void *data, size_t size)
{
    void *p = malloc(size ? size : 1);

    if (!p) {
        abort();
    }
    return memcpy(p, data, size);
}

static void add_item(struct device *dev, uint16_t key, const void *data, size_t size, bool owned)
{
    struct item *item = find_item((struct fw_cfg *)dev, key);

    if (item) {
        set_data(item, data, size, owned);
    }
}

void fw_cfg_add_bytes(struct device *dev, uint16_t key, const void *data, size_t size)
{
    add_item(dev, key, data, size, false);
}

void fw_cfg_add_string(struct device *dev, uint16_t key, const char *text)
{
    size_t size = strlen(text) + 1;

    add_item(dev, key, copy(text, size), size, true);
}

static void add_number(struct device *dev, uint16_t key, uint64_t value, unsigned size)
{
    uint8_t data[8];

    st_le(data, size, value);
    add_item(dev, key, copy(data, size), size, true);
}

void fw_cfg_add_i16(struct device *dev, uint16_t key, uint16_t value)
{
    add_number(dev, key, value, 2);
}

void fw_cfg_add_i32(struct device *dev, uint16_t key, uint32_t value)
{
    add_number(dev, key, value, 4);
}

void fw_cfg_add_i64(struct device *dev, uint16_t key, uint64_t value)
{
    add_number(dev, key, value, 8);
}

/* The directory is itself an item: a count, then size, key and name of each file, big endian. */
static void make_directory(struct fw_cfg *f)
{
    size_t size = 4 + (size_t)f->file_count * DIR_ENTRY;
    uint8_t *data = calloc(1, size);

    if (!data) {
        abort();
    }
    st32_be(data, f->file_count);
    for (unsigned i = 0; i < f->file_count; i++) {
        uint8_t *entry = data + 4 + i * DIR_ENTRY;

        st32_be(entry, f->files[i].size);
        st16_be(entry + 4, FW_CFG_FILE_FIRST + i);
        memcpy(entry + 8, f->files[i].name, NAME_SIZE);
    }
    set_data(&f->generic[FW_CFG_FILE_DIR], data, size, true);
}

/* The file of that name; made in its place of the order when there is none. */
static struct item *need_file(struct fw_cfg *f, const char *name)
{
    unsigned at = 0;
    struct item *files;

    while (at < f->file_count && strcmp(f->files[at].name, name) < 0) {
        at++;
    }
    if (at < f->file_count && !strcmp(f->files[at].name, name)) {
        return &f->files[at];
    }
    files = realloc(f->files, (f->file_count + 1) * sizeof(*files));
    if (!files) {
        abort();
    }
    f->files = files;
    memmove(files + at + 1, files + at, (f->file_count - at) * sizeof(*files));
    f->file_count++;
    files[at] = (struct item){ 0 };
    strncpy(files[at].name, name, NAME_SIZE - 1);
    return &files[at];
}

void fw_cfg_add_file_callback(struct device *dev, const char *name, void *data, size_t size,
                              void (*select)(void *opaque),
                              void (*written)(void *opaque, size_t offset, size_t size),
                              void *opaque)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    struct item *item = need_file(f, name);

    set_data(item, data, size, false);
    item->select = select;
    item->written = written;
    item->opaque = opaque;
    make_directory(f);
}

void fw_cfg_add_file(struct device *dev, const char *name, const void *data, size_t size)
{
    fw_cfg_add_file_callback(dev, name, (void *)data, size, NULL, NULL, NULL);
}

void fw_cfg_set_file(struct device *dev, const char *name, const void *data, size_t size)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;

    set_data(need_file(f, name), data, size, false);
    make_directory(f);
}

/* --- the guest's side ------------------------------------------------------------------------ */

static void select_key(struct fw_cfg *f, uint16_t key)
{
    struct item *item = find_item(f, key);

    trace(fw_cfg_select, "key 0x%04x%s%s", key, item && item->name[0] ? " " : "",
          item ? item->name : " (none)");
    f->s.key = key;
    f->s.offset = 0;
    if (item && item->select) {
        item->select(item->opaque);
    }
}

/* How many bytes of the item are left at the current offset. */
static size_t bytes_left(const struct fw_cfg *f, const struct item *item)
{
    return item && item->data && f->s.offset < item->size ? item->size - f->s.offset : 0;
}

static uint64_t port_read(void *dev, uint64_t offset, unsigned size)
{
    struct fw_cfg *f = dev;
    struct item *item = find_item(f, f->s.key);

    return bytes_left(f, item) ? item->data[f->s.offset++] : 0;
}

/* A 16-bit write selects; bytes to the data port were writes once and are ignored. */
static void port_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    if (offset == 0 && size == 2) {
        select_key(dev, value);
    }
}

static bool dma_read(struct fw_cfg *f, const struct item *item, uint64_t address, uint32_t length)
{
    static const uint8_t zeros[4096];
    size_t run = MIN_OF(bytes_left(f, item), length);
    bool good = true;

    if (run) {
        good = address_space_write(f->dma, address, item->data + f->s.offset, run) == MEM_OK;
        f->s.offset += run;
    }
    /* Past its end an item reads as zeros. */
    for (uint64_t at = run; good && at < length; at += sizeof(zeros)) {
        size_t n = MIN_OF(sizeof(zeros), length - at);

        good = address_space_write(f->dma, address + at, zeros, n) == MEM_OK;
    }
    return good;
}

static bool dma_write(struct fw_cfg *f, const struct item *item, uint64_t address, uint32_t length)
{
    size_t offset = f->s.offset;

    if (!item || !item->written || bytes_left(f, item) < length ||
        address_space_read(f->dma, address, (uint8_t *)item->data + offset, length) != MEM_OK) {
        return false;
    }
    f->s.offset += length;
    item->written(item->opaque, offset, length);
    return true;
}

static bool dma_command(struct fw_cfg *f, uint32_t control, uint32_t length, uint64_t address)
{
    struct item *item;

    if (control & DMA_SELECT) {
        select_key(f, control >> 16);
    }
    item = find_item(f, f->s.key);
    if (control & DMA_READ) {
        return dma_read(f, item, address, length);
    }
    if (control & DMA_WRITE) {
        return dma_write(f, item, address, length);
    }
    if (control & DMA_SKIP) {
        f->s.offset += MIN_OF(bytes_left(f, item), length);
    }
    return true;
}

/* The request block in guest memory: control, length, address, big endian. */
static void run_dma(struct fw_cfg *f)
{
    uint64_t block = f->s.dma_address;
    uint8_t request[16], status[4];
    bool good = false;

    f->s.dma_address = 0;
    if (address_space_read(f->dma, block, request, sizeof(request)) == MEM_OK) {
        good = dma_command(f, ld32_be(request), ld32_be(request + 4), ld64_be(request + 8));
    } else {
        log_guest_error("fw_cfg: DMA request block at unassigned address");
    }
    st32_be(status, good ? 0 : DMA_ERROR);
    address_space_write(f->dma, block, status, sizeof(status));
}

static uint64_t dma_port_read(void *dev, uint64_t offset, unsigned size)
{
    return DMA_SIGNATURE >> (8 - offset - size) * 8;
}

static void dma_port_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct fw_cfg *f = dev;

    if (size == 8) {
        f->s.dma_address = value;
    } else if (size == 4) {
        f->s.dma_address = bits_deposit(f->s.dma_address, offset ? 0 : 32, 32, value);
    } else {
        return;
    }
    if (offset + size == 8) {
        run_dma(f);
    }
}

/* --- the device ------------------------------------------------------------------------------ */

struct device *fw_cfg_create(struct memory_region *io, struct address_space *dma,
                             struct error **err)
{
    struct device *dev = device_create("fw_cfg_io", err);
    struct fw_cfg *f = (struct fw_cfg *)dev;

    if (!dev) {
        return NULL;
    }
    f->dma = dma;
    if (!device_realize(dev, err)) {
        device_destroy(dev);
        return NULL;
    }
    memory_region_add(io, PORT_SELECT, device_region(dev, "fwcfg"));
    if (dma) {
        memory_region_add(io, PORT_DMA, device_region(dev, "fwcfg.dma"));
    }
    return dev;
}

static bool fw_cfg_init(struct device *dev, struct error **err)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;

    fw_cfg_add_bytes(dev, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_i32(dev, FW_CFG_ID, ID_PORT | (f->dma ? ID_DMA : 0));
    make_directory(f);
    return true;
}

static void fw_cfg_exit(struct device *dev)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;

    for (unsigned i = 0; i < GENERIC_KEYS; i++) {
        set_data(&f->generic[i], NULL, 0, false);
    }
    for (unsigned i = 0; i < ARCH_KEYS; i++) {
        set_data(&f->arch[i], NULL, 0, false);
    }
    free(f->files);
}

static void fw_cfg_reset(struct device *dev)
{
    ((struct fw_cfg *)dev)->s = (struct fw_cfg_state){ 0 };
}

static const struct device_region fw_cfg_regions[] = {
    { "fwcfg", 2, { port_read, port_write, .min = 1, .max = 2 } },
    { "fwcfg.dma", 8, { dma_port_read, dma_port_write, .min = 1, .max = 8, .endian = ENDIAN_BIG } },
    { 0 }
};

DEVICE(fw_cfg) = {
    .name = "fw_cfg_io", .desc = "Firmware configuration", .internal = true,
    .size = sizeof(struct fw_cfg), .regions = fw_cfg_regions, .init = fw_cfg_init,
    .exit = fw_cfg_exit, .reset = fw_cfg_reset, .state = STATE(fw_cfg, s, fw_cfg_state, 1),
};
