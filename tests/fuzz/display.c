/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: a driver of a display adapter. The first byte chooses the adapter; then come
 * actions: registers, windows, blits, commands of the queue. No video memory has a neighbour.
 */
#include <sys/mman.h>

#include "console.h"
#include "hw/pci/pci.h"
#include "tests/fuzz/input.h"

#define MOAT (16u << 20)
#define BAR_SPACE 0x4000000u            /* for each BAR */
#define MEMORY 0xc0000000u
#define PORTS 0xc100
#define SLOT (2 << 3)

static const char *const classes[] = { "VGA", "cirrus-vga", "vmware-svga" };

static struct adapter {
    struct pci_bus pci;
    struct memory_region memory, io;
    struct address_space memory_view, io_view;
    struct console *console;
    uint8_t *queue;                     /* of the SVGA */
} adapters[ARRAY_LEN(classes)];

static void set_irq(void *opaque, int n, int level)
{
}

static int map_irq(void *opaque, struct pci_device *d, int pin)
{
    return 0;
}

/* What runs over the end of memory that comes next meets this. */
static void dig_moat(void)
{
    if (mmap(NULL, MOAT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) {
        abort();
    }
}

static void plug(struct adapter *a, unsigned n)
{
    static const char *const names[] = { "pci.0", "pci.1", "pci.2" };

    memory_region_init(&a->memory, "pci-memory", 1ull << 32);
    memory_region_init(&a->io, "pci-io", 0x10000);
    address_space_init(&a->memory_view, "memory", &a->memory);
    address_space_init(&a->io_view, "I/O", &a->io);
    pci_bus_init(&a->pci, names[n], NULL, &a->memory, &a->io, &a->memory_view);
    pci_bus_set_irqs(&a->pci, set_irq, map_irq, NULL);
    dig_moat();
    bench_device(classes[n], "bus", names[n], "addr", "2", "rombar", "off", NULL);
    dig_moat();
    a->console = console_find(n);
}

static void start(void)
{
    bench_start();
    for (unsigned n = 0; n < ARRAY_LEN(classes); n++) {
        plug(&adapters[n], n);
    }
}

/* BARs of memory follow each other; the SVGA's first is for ports. */
static void reset(struct adapter *a)
{
    struct ram_span span;

    device_reset_all();
    for (unsigned bar = 0; bar < 3; bar++) {
        uint32_t at = a == &adapters[2] && bar == 0 ? PORTS : MEMORY + BAR_SPACE * bar;

        pci_config_write(&a->pci, SLOT, PCI_BAR0 + 4 * bar, at, 4);
    }
    pci_config_write(&a->pci, SLOT, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
    a->queue = NULL;
    if (a == &adapters[2] && memory_lookup_ram(&a->memory_view, MEMORY + BAR_SPACE * 2, &span)) {
        a->queue = span.host;
        memset(a->queue, 0, 0x40000);
    }
    console_refresh(a->console);
}

/* --- actions --------------------------------------------------------------------------------- */

static void port(struct adapter *a, unsigned at, uint32_t value, unsigned size)
{
    address_space_st(&a->io_view, at, size, ENDIAN_LITTLE, value);
}

/* A register behind an index; of VBE both are words. */
static void set_register(struct adapter *a, struct fuzz_input *in)
{
    static const struct { uint16_t index, value; } pairs[] = {
        { 0x3c4, 0x3c5 }, { 0x3ce, 0x3cf }, { 0x3d4, 0x3d5 }, { 0x3c0, 0x3c0 },
        { 0x1ce, 0x1cf }, { 0x1ce, 0x1d0 }, { PORTS, PORTS + 1 }, { 0x3c6, 0x3c6 }
    };
    unsigned n = fuzz_take(in, 1) % ARRAY_LEN(pairs), size = n == 6 ? 4 : n == 4 || n == 5 ? 2 : 1;

    port(a, pairs[n].index, fuzz_take(in, 1), size);
    port(a, pairs[n].value, fuzz_take(in, size), size);
}

static void use_port(struct adapter *a, struct fuzz_input *in)
{
    unsigned at = 0x3b0 + fuzz_take(in, 1) % 0x30, size = 1u << fuzz_take(in, 1) % 3;
    uint64_t value;

    if (fuzz_take(in, 1) & 1) {
        port(a, at, fuzz_take(in, size), size);
    } else {
        address_space_ld(&a->io_view, at, size, ENDIAN_LITTLE, &value);
    }
}

/* Several accesses in a row to a place in the window or a BAR. */
static void use_memory(struct adapter *a, struct fuzz_input *in)
{
    unsigned how = fuzz_take(in, 1), size = 1u << (how & 3);
    unsigned count = 1 + (how >> 2 & 1) * 64;
    uint32_t at = fuzz_take(in, how & 8 ? 2 : 4), value = fuzz_take(in, 4);
    uint64_t got;

    at = how & 0x30 ? MEMORY + BAR_SPACE * ((how >> 4 & 3) - 1) + at % BAR_SPACE
                    : 0xa0000 + at % 0x20000;
    for (unsigned i = 0; i < count; i++, at += size, value = value * 5 + 1) {
        if (how & 0x40) {
            address_space_ld(&a->memory_view, at, size, ENDIAN_LITTLE, &got);
        } else {
            address_space_st(&a->memory_view, at, size, ENDIAN_LITTLE, value);
        }
    }
}

/* A whole blit of the Cirrus, and data for it. */
static void blit(struct adapter *a, struct fuzz_input *in)
{
    unsigned feed = fuzz_take(in, 1);

    for (unsigned reg = 0x20; reg < 0x34; reg++) {
        if (reg != 0x31) {
            port(a, 0x3ce, reg, 1);
            port(a, 0x3cf, fuzz_take(in, 1), 1);
        }
    }
    port(a, 0x3ce, 0x31, 1);
    port(a, 0x3cf, 2, 1);
    for (unsigned i = 0; i < feed; i++) {
        address_space_st(&a->memory_view, 0xa0000 + 4 * i, 4, ENDIAN_LITTLE, i * 0x01030507);
    }
}

static void set_queue_word(struct adapter *a, unsigned index, uint32_t value)
{
    st32_le(a->queue + 4 * (index & 0xffff), value);
}

/* Commands in the queue of the SVGA: small words most of the time. */
static void commands(struct adapter *a, struct fuzz_input *in)
{
    unsigned count = fuzz_take(in, 1), how = fuzz_take(in, 1), first = how & 1 ? 0x4000 : 0xfff0;

    if (!a->queue) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        set_queue_word(a, i, (const uint32_t[]){ 0x10000, 0x40000, 4 * (first + count),
                                                 4 * first }[i]);
    }
    if (first + count >= 0x10000) {
        set_queue_word(a, 2, 4 * (first + count - 0x10000 + 0x4000));
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned to = first + i < 0x10000 ? first + i : first + i - 0x10000 + 0x4000;

        set_queue_word(a, to, fuzz_take(in, (how >> (1 + i % 7) & 1) ? 4 : i % 3 ? 2 : 1));
    }
    if (how & 0x80) {
        set_queue_word(a, fuzz_take(in, 1) % 16, fuzz_take(in, 4));
    }
    port(a, PORTS, 20, 4);
    port(a, PORTS + 1, 1, 4);
    port(a, PORTS, 21, 4);
    port(a, PORTS + 1, 1, 4);
}

static void look(struct adapter *a, struct fuzz_input *in)
{
    unsigned columns, rows;
    static struct console_cell cells[1000];
    int x, y;

    console_refresh(a->console);
    console_text(a->console, &columns, &rows, cells, ARRAY_LEN(cells), &x, &y);
}

static void wait(struct adapter *a, struct fuzz_input *in)
{
    jump_to(clock_ns(CLOCK_VM) + (int64_t)(fuzz_take(in, 1) + 1) * NS_PER_MS);
}

static void save(struct adapter *a, struct fuzz_input *in)
{
    fuzz_check_state();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const actions[])(struct adapter *a, struct fuzz_input *in) = {
        set_register, use_port, use_memory, look, set_register, blit, commands, wait,
        set_register, use_port, use_memory, look, set_register, blit, commands, save
    };
    struct fuzz_input in = { data, MIN_OF(size, 2048u) };
    struct adapter *a;

    if (!adapters[0].console) {
        start();
    }
    a = &adapters[fuzz_take(&in, 1) % ARRAY_LEN(adapters)];
    reset(a);
    while (in.left) {
        actions[fuzz_take(&in, 1) % ARRAY_LEN(actions)](a, &in);
    }
    console_refresh(a->console);
    fuzz_check_state();
    return 0;
}
