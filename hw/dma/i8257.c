/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC's pair of 8237A DMA controllers with their page registers.
 *
 * Channels 0 to 3 move bytes inside a 64 KiB page, 5 to 7 words inside a 128 KiB page; 4 is the
 * cascade. Inputs 0 to 7 are the DREQ lines. A transfer runs to the end, or as far as the device
 * takes part, while the request or the mask changes.
 */
#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/isa/isa.h"

enum { CHIPS = 2, CHIP_CHANNELS = 4, CHUNK = 4096 };
enum { COMMAND_MEMORY_TO_MEMORY = 0x01, COMMAND_DISABLE = 0x04, COMMAND_DREQ_LOW = 0x40 };
enum {
    MODE_TRANSFER = 0x0c, MODE_VERIFY = 0x00, MODE_TO_MEMORY = 0x04, MODE_TO_DEVICE = 0x08,
    MODE_AUTO_INIT = 0x10, MODE_DECREMENT = 0x20, MODE_CASCADE = 0xc0
};

/* Registers of a chip behind the eight address and count ports. */
enum {
    REG_COMMAND = 8, REG_REQUEST, REG_SINGLE_MASK, REG_MODE, REG_CLEAR_FLIP_FLOP,
    REG_MASTER_CLEAR, REG_CLEAR_MASK, REG_ALL_MASK
};

struct i8257_channel { uint16_t base_address, base_count, address, count; uint8_t mode; };

FIELDS(i8257_channel) = {
    FIELD(i8257_channel, base_address), FIELD(i8257_channel, base_count),
    FIELD(i8257_channel, address), FIELD(i8257_channel, count), FIELD(i8257_channel, mode),
    FIELDS_END
};

struct i8257_chip {
    struct i8257_channel channels[CHIP_CHANNELS];
    uint8_t command, mask, status, software_requests, lines;
    bool high_byte;             /* the flip-flop */
};

FIELDS(i8257_chip) = {
    NESTED_ARRAY(i8257_chip, channels, i8257_channel), FIELD(i8257_chip, command),
    FIELD(i8257_chip, mask), FIELD(i8257_chip, status), FIELD(i8257_chip, software_requests),
    FIELD(i8257_chip, lines), FIELD(i8257_chip, high_byte),
    FIELDS_END
};

struct i8257 {
    struct device dev;
    struct address_space memory;
    bool running, again;
    struct i8257_state { struct i8257_chip chips[CHIPS]; uint8_t pages[16]; } s;
};

FIELDS(i8257_state) = {
    NESTED_ARRAY(i8257_state, chips, i8257_chip), ARRAY(i8257_state, pages), FIELDS_END
};

/* Offset from port 0x80 of each channel's page register. */
static const uint8_t page_of_channel[ISA_DMA_CHANNELS] = { 7, 3, 1, 2, 15, 11, 9, 10 };

/* --- transfers ------------------------------------------------------------------------------- */

/* Moves `units` bytes or words between memory and `data`, following the direction of counting. */
static void move_data(struct i8257 *d, unsigned number, uint8_t *data, unsigned units, bool write)
{
    struct i8257_channel *c = &d->s.chips[number / CHIP_CHANNELS].channels[number % CHIP_CHANNELS];
    unsigned shift = number >= CHIP_CHANNELS, width = 1 << shift;
    uint8_t page = d->s.pages[page_of_channel[number]];
    uint64_t base = (uint64_t)(shift ? page & 0xfe : page) << 16;
    uint16_t at = c->address;

    while (units) {
        bool down = c->mode & MODE_DECREMENT;
        unsigned run = down ? 1 : MIN_OF(units, 0x10000u - at);
        uint64_t address = base + ((uint64_t)at << shift);

        if (write) {
            address_space_write(&d->memory, address, data, run * width);
        } else {
            address_space_read(&d->memory, address, data, run * width);
        }
        at += down ? -run : run;
        data += run * width;
        units -= run;
    }
}

static void terminal_count(struct i8257_chip *chip, unsigned n)
{
    struct i8257_channel *c = &chip->channels[n];

    chip->status |= 1 << n;
    chip->software_requests &= ~(1 << n);
    if (c->mode & MODE_AUTO_INIT) {
        c->address = c->base_address;
        c->count = c->base_count;
    } else {
        chip->mask |= 1 << n;
    }
}

/* One block of a transfer; false when the device has nothing to move or the count ran out. */
static bool run_block(struct i8257 *d, unsigned number, const struct isa_dma_channel *device)
{
    struct i8257_chip *chip = &d->s.chips[number / CHIP_CHANNELS];
    unsigned n = number % CHIP_CHANNELS, shift = number >= CHIP_CHANNELS;
    struct i8257_channel *c = &chip->channels[n];
    unsigned kind = c->mode & MODE_TRANSFER;
    uint32_t left = (uint32_t)c->count + 1;
    uint32_t units = MIN_OF(left, (uint32_t)(CHUNK >> shift)), done;
    uint8_t data[CHUNK];

    if (kind == MODE_TO_DEVICE) {
        move_data(d, number, data, units, false);
    }
    done = device->transfer(device->opaque, kind == MODE_VERIFY ? NULL : data, units << shift,
                            kind == MODE_TO_DEVICE, units == left);
    done = MIN_OF(done >> shift, units);
    if (kind == MODE_TO_MEMORY) {
        move_data(d, number, data, done, true);
    }
    c->address += c->mode & MODE_DECREMENT ? -done : done;
    c->count -= done;
    if (done == left) {
        terminal_count(chip, n);
        return false;
    }
    return done != 0;
}

static bool channel_ready(const struct i8257 *d, unsigned number)
{
    const struct i8257_chip *chip = &d->s.chips[number / CHIP_CHANNELS];
    unsigned n = number % CHIP_CHANNELS;
    uint8_t lines = chip->command & COMMAND_DREQ_LOW ? ~chip->lines : chip->lines;

    return !(chip->command & COMMAND_DISABLE) &&
        ((lines & ~chip->mask) | chip->software_requests) >> n & 1 &&
        (chip->channels[n].mode & MODE_CASCADE) != MODE_CASCADE &&
        (chip->channels[n].mode & MODE_TRANSFER) != MODE_TRANSFER;
}

static void run(struct i8257 *d)
{
    struct isa_bus *bus = isa_bus_of(&d->dev);

    /* Devices change their requests inside their transfer function. */
    if (d->running) {
        d->again = true;
        return;
    }
    d->running = true;
    do {
        d->again = false;
        for (unsigned n = 0; n < ISA_DMA_CHANNELS; n++) {
            while (bus->channels[n].transfer && channel_ready(d, n) &&
                   run_block(d, n, &bus->channels[n])) {
            }
        }
    } while (d->again);
    d->running = false;
}

static void dma_input(void *dev, int n, int level)
{
    struct i8257 *d = dev;
    struct i8257_chip *chip = &d->s.chips[n / CHIP_CHANNELS];
    uint8_t bit = 1 << n % CHIP_CHANNELS;

    chip->lines = level ? chip->lines | bit : chip->lines & ~bit;
    if (level) {
        run(d);
    }
}

/* --- registers ------------------------------------------------------------------------------- */

static void master_clear(struct i8257_chip *chip)
{
    chip->command = chip->status = chip->software_requests = 0;
    chip->high_byte = false;
    chip->mask = 0x0f;
}

static uint8_t read_register(struct i8257_chip *chip, unsigned reg)
{
    uint8_t lines, status;

    if (reg < REG_COMMAND) {
        const struct i8257_channel *c = &chip->channels[reg >> 1];
        uint16_t value = reg & 1 ? c->count : c->address;

        chip->high_byte = !chip->high_byte;
        return chip->high_byte ? value & 0xff : value >> 8;
    }
    switch (reg) {
    case REG_COMMAND:
        lines = chip->command & COMMAND_DREQ_LOW ? ~chip->lines : chip->lines;
        status = (uint8_t)(((lines | chip->software_requests) & 0x0f) << 4) | chip->status;
        chip->status = 0;
        return status;
    case REG_ALL_MASK:
        return chip->mask | 0xf0;
    case REG_MASTER_CLEAR:      /* the temporary register of memory-to-memory transfers */
        return 0;
    default:
        return 0xff;
    }
}

static void write_half(uint16_t *base, uint16_t *current, bool high, uint8_t value)
{
    *base = high ? (*base & 0x00ff) | value << 8 : (*base & 0xff00) | value;
    *current = *base;
}

static void write_channel(struct i8257_chip *chip, unsigned reg, uint8_t value)
{
    struct i8257_channel *c = &chip->channels[reg >> 1];

    if (reg & 1) {
        write_half(&c->base_count, &c->count, chip->high_byte, value);
    } else {
        write_half(&c->base_address, &c->address, chip->high_byte, value);
    }
    chip->high_byte = !chip->high_byte;
}

static void write_register(struct i8257_chip *chip, unsigned reg, uint8_t value)
{
    uint8_t bit = 1 << (value & 3);

    switch (reg) {
    case REG_COMMAND:
        chip->command = value;
        if (value & COMMAND_MEMORY_TO_MEMORY) {
            log_unimp("i8257: memory-to-memory transfer");
        }
        break;
    case REG_REQUEST:
        chip->software_requests = value & 4 ? chip->software_requests | bit
                                            : chip->software_requests & ~bit;
        break;
    case REG_SINGLE_MASK:
        chip->mask = value & 4 ? chip->mask | bit : chip->mask & ~bit;
        break;
    case REG_MODE:
        chip->channels[value & 3].mode = value & 0xfc;
        break;
    case REG_CLEAR_FLIP_FLOP:
        chip->high_byte = false;
        break;
    case REG_MASTER_CLEAR:
        master_clear(chip);
        break;
    case REG_CLEAR_MASK:
        chip->mask = 0;
        break;
    case REG_ALL_MASK:
        chip->mask = value & 0x0f;
        break;
    default:
        write_channel(chip, reg, value);
        break;
    }
}

static uint64_t low_read(void *dev, uint64_t offset, unsigned size)
{
    return read_register(&((struct i8257 *)dev)->s.chips[0], offset);
}

static void low_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    write_register(&((struct i8257 *)dev)->s.chips[0], offset, value);
    run(dev);
}

/* The second chip answers at every other port. */
static uint64_t high_read(void *dev, uint64_t offset, unsigned size)
{
    return read_register(&((struct i8257 *)dev)->s.chips[1], offset >> 1);
}

static void high_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    write_register(&((struct i8257 *)dev)->s.chips[1], offset >> 1, value);
    run(dev);
}

static uint64_t page_read(void *dev, uint64_t offset, unsigned size)
{
    return ((struct i8257 *)dev)->s.pages[offset];
}

static void page_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    ((struct i8257 *)dev)->s.pages[offset] = value;
}

/* --- the device ------------------------------------------------------------------------------ */

static bool i8257_init(struct device *dev, struct error **err)
{
    struct i8257 *d = (struct i8257 *)dev;
    struct isa_bus *bus = isa_bus_of(dev);

    address_space_init(&d->memory, "isa-dma", bus->memory);
    for (unsigned n = 0; n < ISA_DMA_CHANNELS; n++) {
        bus->dma_requests[n] = device_input(dev, n);
    }
    isa_map(dev, device_region(dev, "dma-low"), 0x00);
    isa_map(dev, device_region(dev, "dma-high"), 0xc0);
    isa_map(dev, device_region(dev, "dma-page"), 0x80);
    return true;
}

static void i8257_exit(struct device *dev)
{
    struct isa_bus *bus = isa_bus_of(dev);

    memset(bus->dma_requests, 0, sizeof(bus->dma_requests));
    address_space_fini(&((struct i8257 *)dev)->memory);
}

static void i8257_reset(struct device *dev)
{
    struct i8257 *d = (struct i8257 *)dev;

    d->s = (struct i8257_state){ 0 };
    for (unsigned i = 0; i < CHIPS; i++) {
        master_clear(&d->s.chips[i]);
    }
}

static const struct device_region i8257_regions[] = {
    { "dma-low", 16, { low_read, low_write, .max = 1 } },
    { "dma-high", 32, { high_read, high_write, .max = 1 } },
    { "dma-page", 16, { page_read, page_write, .max = 1 } },
    { 0 }
};

DEVICE(i8257) = {
    .name = "i8257", .desc = "Pair of 8237A DMA controllers", .bus = "isa", .internal = true,
    .size = sizeof(struct i8257), .regions = i8257_regions, .inputs = ISA_DMA_CHANNELS,
    .input = dma_input, .init = i8257_init, .exit = i8257_exit, .reset = i8257_reset,
    .state = STATE(i8257, s, i8257_state, 1),
};
