/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GD5446: extension registers, modes, banks, the cursor; blits against a model that goes pixel by
 * pixel; and registers at random. */
#include "tests/hw/bench.h"

#include <pixman.h>

#include "base/bits.h"
#include "console.h"
#include "hw/pci/pci.h"

#define FRAME_BUFFER 0xe0000000ull
#define MMIO 0xe4000000ull
#define SIZE (4u << 20)
#define MASK (SIZE - 1)

static struct memory_region pci_memory, pci_io;
static struct pci_bus pci;
static uint8_t *vram, *model;

static void set_irq(void *opaque, int n, int level)
{
}

static int map_irq(void *opaque, struct pci_device *d, int pin)
{
    return 0;
}

static void plug(void)
{
    memory_region_init(&pci_memory, "pci-memory", 1ull << 32);
    memory_region_init(&pci_io, "pci-io", 0x10000);
    memory_region_add_priority(&bench.memory_root, 0, &pci_memory, 1);
    memory_region_add_priority(&bench.io_root, 0, &pci_io, -1);
    pci_bus_init(&pci, "pci.0", NULL, &pci_memory, &pci_io, &bench.memory);
    pci_bus_set_irqs(&pci, set_irq, map_irq, NULL);
    bench_device("cirrus-vga", "addr", "2", "rombar", "off", NULL);
}

static void start(void)
{
    struct ram_span span;

    device_reset_all();
    pci_config_write(&pci, 2 << 3, PCI_BAR0, FRAME_BUFFER, 4);
    pci_config_write(&pci, 2 << 3, PCI_BAR0 + 4, MMIO, 4);
    pci_config_write(&pci, 2 << 3, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
    outb(0x3c2, 1);                      /* the CRTC at 0x3d4 */
    if (!memory_lookup_ram(&bench.memory, FRAME_BUFFER, &span)) {
        error_exit("no frame buffer");
    }
    vram = span.host;
}

static void pair(uint16_t port, uint8_t index, uint8_t value)
{
    outb(port, index);
    outb(port + 1, value);
}

static uint8_t value_of(uint16_t port, uint8_t index)
{
    outb(port, index);
    return inb(port + 1);
}

static void seq(uint8_t index, uint8_t value) { pair(0x3c4, index, value); }
static void gr(uint8_t index, uint8_t value) { pair(0x3ce, index, value); }
static void cr(uint8_t index, uint8_t value) { pair(0x3d4, index, value); }

static void hidden_dac(uint8_t value)
{
    inb(0x3c8);
    for (unsigned i = 0; i < 4; i++) {
        inb(0x3c6);
    }
    outb(0x3c6, value);
}

static void put(uint64_t address, uint32_t value, unsigned size)
{
    address_space_st(&bench.memory, address, size, ENDIAN_LITTLE, value);
}

static uint32_t get(uint64_t address, unsigned size)
{
    uint64_t value;

    address_space_ld(&bench.memory, address, size, ENDIAN_LITTLE, &value);
    return (uint32_t)value;
}

static void check_registers(void)
{
    is_int(pci_config_read(&pci, 2 << 3, PCI_VENDOR_ID, 4), 0x00b81013, "identity");
    seq(6, 0x55);
    is_int(value_of(0x3c4, 6), 0x0f, "locked");
    seq(6, 0x92);
    is_int(value_of(0x3c4, 6), 0x12, "unlocked");
    is_int(value_of(0x3c4, 0x0f), 0x98, "4 MiB");
    is_int(value_of(0x3d4, 0x27), 0xb8, "a GD5446");
    gr(0, 0xa5);
    is_int(value_of(0x3ce, 0), 0xa5, "a background colour has eight bits");
    gr(0x21, 0xff);
    is_int(value_of(0x3ce, 0x21), 0x1f, "widths have thirteen");
    hidden_dac(0xc5);
    for (unsigned i = 0; i < 4; i++) {
        is_int(inb(0x3c6), 0xff, "the pixel mask");
    }
    is_int(inb(0x3c6), 0xc5, "then the hidden register");
    is_int(inb(0x3c6), 0xff, "and the mask again");
    put(MMIO + 4, 0x1e, 1);
    put(MMIO + 5, 0x77, 1);
    is_int(value_of(0x3c4, 0x1e), 0x77, "ports in memory");
    put(MMIO + 0x104, 0x44332211, 4);
    is_int(value_of(0x3ce, 1) | value_of(0x3ce, 0x11) << 8 | value_of(0x3ce, 0x15) << 24,
           0x44002211, "the blitter's registers too");
}

static void set_mode(uint8_t sr7, uint8_t dac, unsigned pitch)
{
    cr(0x11, 0);
    cr(0x01, 79);
    cr(0x12, 0xdf);
    cr(0x07, 0x02);
    cr(0x09, 0x40);
    cr(0x13, (uint8_t)(pitch / 8));
    cr(0x1b, (uint8_t)(0x22 | (pitch / 8 >> 4 & 0x10)));
    gr(5, 0x40);
    gr(6, 5);
    seq(4, 0x0e);
    seq(7, sr7);
    hidden_dac(dac);
}

static uint32_t pixel(unsigned x, unsigned y)
{
    pixman_image_t *image = console_surface(console_default());

    return pixman_image_get_data(image)[y * pixman_image_get_stride(image) / 4 + x] & 0xffffff;
}

static void check_modes(void)
{
    memset(vram, 0, SIZE);
    set_mode(0x11, 0, 640);
    outb(0x3c8, 9);
    outb(0x3c9, 63);
    outb(0x3c9, 0);
    outb(0x3c9, 32);
    put(FRAME_BUFFER + 640 * 2 + 3, 9, 1);
    console_refresh(console_default());
    is_int(pixman_image_get_width(console_surface(console_default())), 640, "640 wide");
    is_int(pixman_image_get_height(console_surface(console_default())), 480, "480 high");
    is_int(pixel(3, 2), 0xff0082, "256 colours");
    set_mode(0x17, 0xc1, 1280);
    put(FRAME_BUFFER + 1280 * 5 + 8, 0xf81f, 2);
    console_refresh(console_default());
    is_int(pixel(4, 5), 0xff00ff, "16 bits");
    set_mode(0x17, 0xf0, 1280);
    put(FRAME_BUFFER + 1280 * 5 + 8, 0x7c1f, 2);
    console_refresh(console_default());
    is_int(pixel(4, 5), 0xff00ff, "15 bits");
    set_mode(0x15, 0xe5, 1920);
    put(FRAME_BUFFER + 1920 * 7 + 3, 0x56, 1);
    put(FRAME_BUFFER + 1920 * 7 + 5, 0x12, 1);
    console_refresh(console_default());
    is_int(pixel(1, 7), 0x120056, "24 bits");
    set_mode(0x19, 0xe5, 2560);
    put(FRAME_BUFFER + 2560 * 9 + 4, 0x123456, 4);
    cr(0x0d, 0);
    console_refresh(console_default());
    is_int(pixel(1, 9), 0x123456, "32 bits");
    cr(0x0c, 0x14);                      /* nine lines on: 5760 words of four bytes */
    cr(0x0d, 0x00);
    cr(0x0c, 5760 >> 8);
    cr(0x0d, 5760 & 0xff);
    console_refresh(console_default());
    is_int(pixel(1, 0), 0x123456, "from another start");
    cr(0x0c, 0);
    cr(0x0d, 0);
}

static void check_window(void)
{
    set_mode(0x11, 0, 640);
    memset(vram, 0, SIZE);
    gr(0x0b, 0x20);                      /* one bank, steps of 16 KiB */
    gr(9, 3);
    put(0xa0010, 0x5a, 1);
    is_int(vram[3 * 0x4000 + 0x10], 0x5a, "a bank");
    gr(0x0b, 0x01);                      /* two, of 4 KiB */
    gr(9, 1);
    gr(10, 0x20);
    put(0xa0010, 0x11, 1);
    put(0xa8010, 0x22, 1);
    is_int(vram[0x1010] << 8 | vram[0x20010], 0x1122, "two banks");
    is_int(get(0xa8010, 1), 0x22, "are read too");
    gr(10, 0xfe);
    gr(0x0b, 0x21);
    is_int(get(0xaffff, 1), 0, "the last byte");
    gr(10, 0xff);
    is_int(get(0xaffff, 1), 0xff, "and none behind it");
    gr(9, 0);
    gr(0x0b, 0x06);                      /* eight pixels a byte */
    gr(0, 7);
    gr(1, 9);
    gr(5, 0x44);
    put(FRAME_BUFFER + 2, 0xa1, 1);
    ok(memcmp(vram + 16, "\11\0\11\0\0\0\0\11", 8) == 0, "write mode 4");
    gr(5, 0x45);
    put(0xa0002, 0x0f, 1);
    ok(memcmp(vram + 16, "\7\7\7\7\11\11\11\11", 8) == 0, "write mode 5");
    gr(5, 0x40);
    gr(0x0b, 0);
    seq(0x17, 0x44);
    put(FRAME_BUFFER + SIZE - 0x100 + 8, 0x1234, 2);
    is_int(value_of(0x3ce, 0x20) | value_of(0x3ce, 0x21) << 8, 0x1234, "registers at the end");
    seq(0x17, 0x04);
    put(0xb8008, 0x0321, 2);
    is_int(value_of(0x3ce, 0x20) | value_of(0x3ce, 0x21) << 8, 0x0321, "or at 0xb8000");
    seq(0x17, 0);
}

/* --- the cursor ------------------------------------------------------------------------------ */

static struct {
    unsigned width;
    uint32_t pixels[64 * 64];
    int x, y;
} seen;

static void cursor_set(struct console_listener *l, const struct console_cursor *cursor)
{
    seen.width = cursor ? cursor->width : 0;
    if (cursor) {
        memcpy(seen.pixels, cursor->pixels, cursor->width * cursor->height * 4);
    }
}

static void cursor_moved(struct console_listener *l, int x, int y)
{
    seen.x = x;
    seen.y = y;
}

static void check_cursor(void)
{
    static struct console_listener listener = {
        .cursor_set = cursor_set, .cursor_moved = cursor_moved
    };

    console_listen(NULL, &listener);
    seq(0x12, 0x02);
    outb(0x3c8, 0x0f);
    outb(0x3c9, 63);
    outb(0x3c9, 63);
    outb(0x3c9, 0);
    seq(0x12, 0x05);                     /* on, large */
    seq(0x13, 0x04);
    seq(0x70, 20);                       /* x = 20 * 8 + 3 */
    seq(0xb1, 10);                       /* y = 10 * 8 + 5 */
    memset(vram + SIZE - 0x4000 + 0x400, 0, 0x400);
    vram[SIZE - 0x4000 + 0x400 + 16] = 0x80;
    vram[SIZE - 0x4000 + 0x400 + 16 + 8] = 0x80;
    console_refresh(console_default());
    is_int(seen.width, 64, "a large cursor");
    is_int(seen.x, 163, "x");
    is_int(seen.y, 85, "y");
    is_int(seen.pixels[64], 0xffffff00, "its colour");
    is_int(seen.pixels[0], 0, "the rest is clear");
    seq(0x12, 0x01);
    console_refresh(console_default());
    is_int(seen.width, 32, "a small one");
    seq(0x12, 0);
    console_refresh(console_default());
    is_int(seen.width, 0, "none");
    console_unlisten(&listener);
}

/* --- blits ----------------------------------------------------------------------------------- */

/* Raster operations as truth tables: bit 2 * source + destination. */
static const struct { uint8_t code, table; } rops[] = {
    { 0x00, 0x0 }, { 0x05, 0x8 }, { 0x06, 0xa }, { 0x09, 0x4 }, { 0x0b, 0x5 }, { 0x0d, 0xc },
    { 0x0e, 0xf }, { 0x50, 0x2 }, { 0x59, 0x6 }, { 0x6d, 0xe }, { 0x90, 0x1 }, { 0x95, 0x9 },
    { 0xad, 0xd }, { 0xd0, 0x3 }, { 0xd6, 0xb }, { 0xda, 0x7 },
};

struct blit {
    uint32_t to, from;
    int to_pitch, from_pitch;
    unsigned width, height, bytes;
    uint8_t mode, extensions, skip;
    unsigned rop;
    uint32_t front, back;
    uint16_t key;
    const uint8_t *cpu;              /* the source */
};

static uint8_t combine(unsigned table, uint8_t s, uint8_t d)
{
    uint8_t result = 0;

    for (unsigned bit = 0; bit < 8; bit++) {
        result |= (table >> (2 * (s >> bit & 1) + (d >> bit & 1)) & 1) << bit;
    }
    return result;
}

static uint32_t source_row_size(const struct blit *b)
{
    unsigned pixels = b->width / b->bytes;

    return b->mode & 0x80 ? b->cpu && b->extensions & 1 ? (pixels + 31) / 32 * 4 : (pixels + 7) / 8
                          : b->cpu ? (b->width + 3) / 4 * 4 : b->from_pitch;
}

static uint8_t source_byte(const struct blit *b, uint32_t at)
{
    return b->cpu ? b->cpu[at] : model[(b->from + at) & MASK];
}

/* One pixel of the source, and whether it shows. */
static uint32_t source_pixel(const struct blit *b, unsigned x, unsigned y, bool *show)
{
    bool pattern = b->mode & 0x40, bit;
    uint32_t value = 0, base;

    *show = true;
    if (b->mode & 0x80) {
        unsigned row = pattern ? (b->from + y) & 7 : 0;
        uint8_t bits = pattern ? model[((b->from & ~7u) + row) & MASK]
                               : source_byte(b, y * source_row_size(b) + x / 8);

        if (pattern && b->extensions & 4 && !(b->mode & 8)) {
            return b->front;
        }
        bit = bits >> (7 - x % 8) & 1;
        *show = !(b->mode & 8) || bit != (b->extensions >> 1 & 1);
        return bit ? b->front : b->back;
    }
    if (pattern) {
        unsigned size = b->bytes == 3 ? 32 : 8 * b->bytes;

        base = (b->from & ~(b->bytes == 3 ? 255u : 8 * size - 1)) + ((b->from + y) & 7) * size +
            x % 8 * b->bytes;
        for (unsigned i = 0; i < b->bytes; i++) {
            value |= (uint32_t)model[(base + i) & MASK] << 8 * i;
        }
    } else {
        for (unsigned i = 0; i < b->bytes; i++) {
            value |= (uint32_t)source_byte(b, y * source_row_size(b) + x * b->bytes + i) << 8 * i;
        }
    }
    return value;
}

/* Source and destination do not overlap. */
static void run_model(const struct blit *b)
{
    bool plain = !(b->mode & 0xc0);
    unsigned skip = plain || (b->extensions & 4 && (b->mode & 0xc8) == 0xc0) ? 0
        : b->bytes == 3 ? (b->skip & 31) / 3 : b->skip & 7;

    for (unsigned y = 0; y < b->height; y++) {
        for (unsigned x = skip; x < b->width / b->bytes; x++) {
            uint32_t at = b->to + y * b->to_pitch + x * b->bytes, result = 0, pixel;
            bool show;

            pixel = source_pixel(b, x, y, &show);
            for (unsigned i = 0; i < b->bytes; i++) {
                result |= (uint32_t)combine(rops[b->rop].table, (uint8_t)(pixel >> 8 * i),
                                            model[(at + i) & MASK]) << 8 * i;
            }
            if (!(b->mode & 0x80) && b->mode & 8 && b->bytes < 3 &&
                result == (b->bytes == 1 ? b->key & 0xffu : b->key)) {
                show = false;
            }
            for (unsigned i = 0; show && i < b->bytes; i++) {
                model[(at + i) & MASK] = (uint8_t)(result >> 8 * i);
            }
        }
    }
}

static void set_number(uint8_t first, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        gr((uint8_t)(first + i), (uint8_t)(value >> 8 * i));
    }
}

static void run_chip(const struct blit *b)
{
    static const uint8_t colors[] = { 0, 0x10, 0x12, 0x14 };
    bool backward = b->mode & 1;
    uint32_t last = (b->height - 1), end = b->width - 1;

    for (unsigned i = 0; i < 4; i++) {
        gr(colors[i], (uint8_t)(b->back >> 8 * i));
        gr(colors[i] + 1, (uint8_t)(b->front >> 8 * i));
    }
    set_number(0x20, b->width - 1, 2);
    set_number(0x22, b->height - 1, 2);
    set_number(0x24, (uint32_t)b->to_pitch, 2);
    set_number(0x26, (uint32_t)b->from_pitch, 2);
    set_number(0x28, backward ? b->to + last * b->to_pitch + end : b->to, 3);
    set_number(0x2c, backward ? b->from + last * b->from_pitch + end : b->from, 3);
    gr(0x2f, b->skip);
    gr(0x30, b->mode | (uint8_t)((b->bytes - 1) << 4) | (b->cpu ? 4 : 0));
    gr(0x32, rops[b->rop].code);
    gr(0x33, b->extensions);
    set_number(0x34, b->key, 2);
    gr(0x31, 2);
    if (b->cpu) {
        uint32_t size = source_row_size(b) * b->height;

        is_int(value_of(0x3ce, 0x31) & 1, 1, "it waits for data");
        for (uint32_t at = 0; at < size; at++) {
            put(at & 1 ? FRAME_BUFFER + at : FRAME_BUFFER + 0x1000000 + at, b->cpu[at], 1);
        }
    }
    gr(0x31, 0);
}

static unsigned below(unsigned limit)
{
    return (unsigned)random() % limit;
}

static void random_blit(struct blit *b, const uint8_t *data)
{
    static const uint8_t modes[] = { 0, 0, 1, 0x40, 0x80, 0xc0, 8, 0x88, 0xc8, 0x48 };
    unsigned columns;

    *b = (struct blit){
        .bytes = 1 + below(4), .height = 1 + below(12), .mode = modes[below(10)],
        .rop = below(ARRAY_LEN(rops)), .front = (uint32_t)random() * 2u, .back = (uint32_t)random(),
        .skip = (uint8_t)below(8), .extensions = (uint8_t)below(8),
        .to = below(1u << 20), .from = (1u << 21) + below(1u << 20),
        .to_pitch = 300 + (int)below(500), .from_pitch = 300 + (int)below(500),
    };
    columns = 1 + below(70);
    b->width = columns * b->bytes;
    b->key = b->bytes == 1 ? (uint16_t)below(256) : (uint16_t)random();
    if (b->bytes == 3) {
        b->skip = (uint8_t)(3 * below(8));
    }
    if (!(b->mode & 0x41) && below(3) == 0) {
        b->cpu = data;
    }
    if (below(16) == 0) {
        b->to = SIZE - 40;               /* over the end of memory */
    }
}

static void check_blits(void)
{
    static uint8_t data[1 << 16];
    unsigned wrong = 0;
    struct blit b;

    srandom(7);
    model = malloc(SIZE);
    for (uint32_t i = 0; i < SIZE; i++) {
        model[i] = (uint8_t)(random() & random());
    }
    for (uint32_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)random();
    }
    memcpy(vram, model, SIZE);
    for (unsigned n = 0; n < 1000 && !wrong; n++) {
        random_blit(&b, data);
        run_chip(&b);
        run_model(&b);
        wrong = memcmp(vram, model, SIZE) != 0;
        if (wrong) {
            printf("# blit %u: mode %02x ext %02x rop %02x bytes %u size %ux%u skip %u cpu %d\n", n,
                   b.mode, b.extensions, rops[b.rop].code, b.bytes, b.width, b.height, b.skip,
                   b.cpu != NULL);
        }
    }
    ok(!wrong, "random blits agree with the model");
    free(model);
}

/* Scrolling up and down: the rows overlap. */
static void check_overlap(void)
{
    struct blit b = { .bytes = 1, .width = 64, .height = 20, .to_pitch = 64, .from_pitch = 64,
                      .rop = 5, .to = 0, .from = 128 };
    bool good = true;

    for (unsigned i = 0; i < 64 * 40; i++) {
        vram[i] = (uint8_t)(i / 64);
    }
    run_chip(&b);
    for (unsigned y = 0; y < 20; y++) {
        good &= vram[64 * y] == y + 2;
    }
    ok(good, "a scroll up");
    b.to = 128;
    b.from = 0;
    b.mode = 1;
    run_chip(&b);
    for (unsigned y = 0; y < 18; y++) {
        good &= vram[64 * (y + 2)] == y + 2;
    }
    ok(good, "a scroll down, backwards");
}

/* --- states and nonsense --------------------------------------------------------------------- */

/* A blit goes on after a load. */
static void check_saved(void)
{
    struct state_writer w = { 0 };
    struct state_reader r;
    struct error *err = NULL;
    struct blit b = { .bytes = 1, .width = 8, .height = 2, .to_pitch = 8, .rop = 5, .mode = 4 };

    run_chip(&b);
    gr(0x31, 2);
    put(FRAME_BUFFER, 0x11223344, 4);
    device_save_all(&w);
    device_reset_all();
    r = (struct state_reader){ w.data, w.size, 0 };
    ok(device_load_all(&r, &err), "loaded in a blit");
    for (unsigned i = 0; i < 12; i++) {
        is_int(value_of(0x3ce, 0x31) & 1, 1, "still busy");
        put(FRAME_BUFFER, i, 1);
    }
    is_int(value_of(0x3ce, 0x31) & 1, 0, "it ends");
    is_int(ld32_le(vram), 0x11223344, "the first bytes from before");
    is_int(vram[15], 11, "the last from after");
    state_writer_free(&w);
}

static void check_nonsense(void)
{
    static const uint8_t places[] = { 0x20, 0x22, 0x24, 0x26, 0x28, 0x2c, 0x30, 0x32 };

    srandom(8);
    for (unsigned n = 0; n < 60000; n++) {
        uint8_t value = (uint8_t)random();

        switch (random() & 7) {
        case 0: pair(0x3c4, (uint8_t)random(), value); break;
        case 1: pair(0x3ce, places[random() & 7] + (random() & 3), value); break;
        case 2: pair(0x3d4, (uint8_t)random() & 0x3f, value); break;
        case 3: put(FRAME_BUFFER + (random() & 0x1ffffff), value, 1 << (random() & 3)); break;
        case 4: put(0xa0000 + (random() & 0x1fffe), value, 1); break;
        case 5: put(MMIO + (random() & 0xfff), value, 1); break;
        case 6: out(0x3c0 + (random() & 0x1f), value, 1); break;
        default: get(FRAME_BUFFER + (random() & 0x1ffffff), 1); break;
        }
        if (n % 97 == 0) {
            gr(0x31, 0);
            gr(0x31, 2);
        }
        if (n % 301 == 0) {
            console_refresh(console_default());
        }
    }
    ok(true, "registers at random");
}

int main(void)
{
    bench_start();
    plug();
    start();
    check_registers();
    check_modes();
    check_window();
    check_cursor();
    check_blits();
    check_overlap();
    check_saved();
    check_nonsense();
    return tap_done();
}
