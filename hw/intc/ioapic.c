/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I/O APIC: 24 pins, each with a redirection entry that says which CPU gets which vector. */
#include "hw/intc/ioapic.h"

#include "base/bits.h"
#include "base/trace.h"
#include "hw/core/device.h"
#include "hw/intc/apic.h"

enum { OFFSET_SELECT = 0x00, OFFSET_DATA = 0x10, OFFSET_EOI = 0x40 };
enum { REG_ID, REG_VERSION, REG_ARBITRATION, REG_ENTRIES = 0x10 };
enum { VERSION = 0x20 | (IOAPIC_PINS - 1) << 16, MAX_IOAPICS = 8 };
#define ENTRY_LOGICAL (1ull << 11)
#define ENTRY_PENDING (1ull << 12)
#define ENTRY_LOW_ACTIVE (1ull << 13)
#define ENTRY_REMOTE_IRR (1ull << 14)
#define ENTRY_LEVEL (1ull << 15)
#define ENTRY_MASKED (1ull << 16)
#define ENTRY_READ_ONLY (ENTRY_PENDING | ENTRY_REMOTE_IRR)
#define ENTRY_WRITABLE (0xff0000000001ffffull & ~ENTRY_READ_ONLY)

struct ioapic {
    struct device dev;
    struct ioapic_state {
        uint64_t entries[IOAPIC_PINS];
        uint32_t levels;        /* of the inputs */
        uint8_t id, select;
    } s;
};

FIELDS(ioapic_state) = {
    ARRAY(ioapic_state, entries), FIELD(ioapic_state, levels), FIELD(ioapic_state, id),
    FIELD(ioapic_state, select),
    FIELDS_END
};

static struct ioapic *ioapics[MAX_IOAPICS];
static unsigned ioapic_count;

static enum apic_delivery entry_delivery(uint64_t entry)
{
    return entry >> 8 & 7;
}

static void send(struct ioapic *io, unsigned pin)
{
    uint64_t *entry = &io->s.entries[pin];
    bool level = *entry & ENTRY_LEVEL;

    if (level && entry_delivery(*entry) <= APIC_LOWEST) {
        *entry |= ENTRY_REMOTE_IRR;
    }
    trace(ioapic_send, "pin %u vector 0x%02x", pin, (unsigned)*entry & 0xff);
    apic_deliver(*entry >> 56, *entry & ENTRY_LOGICAL, entry_delivery(*entry), *entry, level);
}

/* A level-triggered pin interrupts while its line is up and the last one has ended. */
static void check_level(struct ioapic *io, unsigned pin)
{
    uint64_t entry = io->s.entries[pin];

    if (entry & ENTRY_LEVEL && !(entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) &&
        io->s.levels >> pin & 1) {
        send(io, pin);
    }
}

static void ioapic_input(void *dev, int n, int level)
{
    struct ioapic *io = dev;
    uint32_t bit = 1u << n;
    bool rose = level && !(io->s.levels & bit);

    io->s.levels = level ? io->s.levels | bit : io->s.levels & ~bit;
    if (io->s.entries[n] & ENTRY_LEVEL) {
        check_level(io, n);
    } else if (rose && !(io->s.entries[n] & ENTRY_MASKED)) {
        send(io, n);
    }
}

static void end_vector(struct ioapic *io, uint8_t vector)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t *entry = &io->s.entries[pin];

        if ((uint8_t)*entry == vector && *entry & ENTRY_LEVEL && *entry & ENTRY_REMOTE_IRR) {
            *entry &= ~ENTRY_REMOTE_IRR;
            check_level(io, pin);
        }
    }
}

void ioapic_end_of_interrupt(uint8_t vector)
{
    for (unsigned i = 0; i < ioapic_count; i++) {
        end_vector(ioapics[i], vector);
    }
}

static uint32_t read_register(const struct ioapic *io)
{
    unsigned entry = (io->s.select - REG_ENTRIES) >> 1;

    switch (io->s.select) {
    case REG_ID: case REG_ARBITRATION:
        return (uint32_t)io->s.id << 24;
    case REG_VERSION:
        return VERSION;
    default:
        if (io->s.select < REG_ENTRIES || entry >= IOAPIC_PINS) {
            return 0;
        }
        return io->s.entries[entry] >> (io->s.select & 1) * 32;
    }
}

static void write_entry(struct ioapic *io, unsigned pin, bool high, uint32_t value)
{
    uint64_t *entry = &io->s.entries[pin];
    uint64_t mask = (high ? 0xffffffffull << 32 : 0xffffffffull) & ENTRY_WRITABLE;

    *entry = bits_merge(*entry, high ? (uint64_t)value << 32 : value, mask);
    /* Software ends a stuck interrupt by switching the pin to edge and back. */
    if (!(*entry & ENTRY_LEVEL)) {
        *entry &= ~ENTRY_REMOTE_IRR;
    }
    check_level(io, pin);
}

static void write_register(struct ioapic *io, uint32_t value)
{
    unsigned pin = (io->s.select - REG_ENTRIES) >> 1;

    trace(ioapic_write, "register 0x%02x value 0x%08x", io->s.select, value);
    if (io->s.select == REG_ID) {
        io->s.id = value >> 24 & 0x0f;
    } else if (io->s.select >= REG_ENTRIES && pin < IOAPIC_PINS) {
        write_entry(io, pin, io->s.select & 1, value);
    }
}

static uint64_t ioapic_read(void *dev, uint64_t offset, unsigned size)
{
    struct ioapic *io = dev;

    switch (offset & 0xff) {
    case OFFSET_SELECT:
        return io->s.select;
    case OFFSET_DATA:
        return read_register(io);
    default:
        return 0;
    }
}

static void ioapic_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct ioapic *io = dev;

    switch (offset & 0xff) {
    case OFFSET_SELECT:
        io->s.select = value;
        break;
    case OFFSET_DATA:
        write_register(io, value);
        break;
    case OFFSET_EOI:
        end_vector(io, value);
        break;
    }
}

static bool ioapic_init(struct device *dev, struct error **err)
{
    if (ioapic_count == MAX_IOAPICS) {
        error_set(err, "too many I/O APICs");
        return false;
    }
    ioapics[ioapic_count++] = (struct ioapic *)dev;
    return true;
}

static void ioapic_exit(struct device *dev)
{
    for (unsigned i = 0; i < ioapic_count; i++) {
        if (&ioapics[i]->dev == dev) {
            ioapics[i] = ioapics[--ioapic_count];
        }
    }
}

static void ioapic_reset(struct device *dev)
{
    struct ioapic *io = (struct ioapic *)dev;

    io->s = (struct ioapic_state){ 0 };
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        io->s.entries[pin] = ENTRY_MASKED;
    }
}

static void ioapic_info(struct device *dev, FILE *out)
{
    const struct ioapic *io = (struct ioapic *)dev;

    fprintf(out, "ioapic0: ver=0x%x id=0x%02x sel=0x%02x\n", VERSION & 0xff, io->s.id,
            io->s.select);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t e = io->s.entries[pin];

        fprintf(out, "  pin %-2u 0x%016llx dest=%u vec=%u active-%s %s %s %s%s\n", pin,
                (unsigned long long)e, (unsigned)(e >> 56), (unsigned)e & 0xff,
                e & ENTRY_LOW_ACTIVE ? "lo" : "hi", e & ENTRY_LEVEL ? "level" : "edge",
                e & ENTRY_LOGICAL ? "logical" : "physical", e & ENTRY_MASKED ? "masked" : "",
                io->s.levels >> pin & 1 ? " up" : "");
    }
}

static const struct device_region ioapic_regions[] = {
    { "ioapic", 0x1000, { ioapic_read, ioapic_write, 4, 4 } },
    { 0 }
};

DEVICE(ioapic) = {
    .name = "ioapic", .desc = "I/O APIC", .internal = true, .size = sizeof(struct ioapic),
    .regions = ioapic_regions, .inputs = IOAPIC_PINS, .input = ioapic_input,
    .init = ioapic_init, .exit = ioapic_exit, .reset = ioapic_reset, .info = ioapic_info,
    .state = STATE(ioapic, s, ioapic_state, 1),
};
