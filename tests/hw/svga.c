/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMware SVGA II: registers, the queue with its commands, cursors; words at random. */
#include "tests/hw/bench.h"

#include <pixman.h>

#include "base/bits.h"
#include "console.h"
#include "hw/pci/pci.h"

#define PORTS 0xc100
#define FRAME_BUFFER 0xe0000000ull
#define QUEUE 0xe2000000ull
#define QUEUE_SIZE 0x40000
#define FIRST 0x1000                 /* of the commands in the queue */

enum { ID, ENABLE, WIDTH, HEIGHT, PITCH = 12, VRAM = 15, MEM_SIZE = 19, CONFIG = 20, SYNC = 21,
       CURSOR_X = 25, CURSOR_Y, CURSOR_ON, PITCH_LOCK = 32, IRQ_MASK = 33 };

static struct memory_region pci_memory, pci_io;
static struct pci_bus pci;
static int intx;
static uint8_t *vram, *queue;

static void set_irq(void *opaque, int n, int level)
{
    intx = level;
}

static int map_irq(void *opaque, struct pci_device *d, int pin)
{
    return 0;
}

static uint8_t *host(uint64_t address)
{
    struct ram_span span;

    if (!memory_lookup_ram(&bench.memory, address, &span)) {
        error_exit("no memory at %llx", (unsigned long long)address);
    }
    return span.host;
}

static void start(void)
{
    memory_region_init(&pci_memory, "pci-memory", 1ull << 32);
    memory_region_init(&pci_io, "pci-io", 0x10000);
    memory_region_add_priority(&bench.memory_root, 0, &pci_memory, 1);
    memory_region_add_priority(&bench.io_root, 0, &pci_io, -1);
    pci_bus_init(&pci, "pci.0", NULL, &pci_memory, &pci_io, &bench.memory);
    pci_bus_set_irqs(&pci, set_irq, map_irq, NULL);
    bench_device("vmware-svga", "addr", "2", "rombar", "off", NULL);
    device_reset_all();
    pci_config_write(&pci, 2 << 3, PCI_BAR0, PORTS, 4);
    pci_config_write(&pci, 2 << 3, PCI_BAR0 + 4, FRAME_BUFFER, 4);
    pci_config_write(&pci, 2 << 3, PCI_BAR0 + 8, QUEUE, 4);
    pci_config_write(&pci, 2 << 3, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
    vram = host(FRAME_BUFFER);
    queue = host(QUEUE);
}

static uint32_t get(uint32_t index)
{
    out(PORTS, index, 4);
    return in(PORTS + 1, 4);
}

static void set(uint32_t index, uint32_t value)
{
    out(PORTS, index, 4);
    out(PORTS + 1, value, 4);
}

static uint32_t word(unsigned index)
{
    return ld32_le(queue + 4 * index);
}

static void set_word(unsigned index, uint32_t value)
{
    st32_le(queue + 4 * index, value);
}

static void start_queue(uint32_t at)
{
    set(CONFIG, 0);
    set_word(0, FIRST);
    set_word(1, QUEUE_SIZE);
    set_word(2, at);
    set_word(3, at);
    set(CONFIG, 1);
}

static void push(uint32_t value)
{
    uint32_t next = word(2);

    set_word(next / 4, value);
    set_word(2, next + 4 == QUEUE_SIZE ? FIRST : next + 4);
}

static void push_all(const uint32_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        push(words[i]);
    }
}

#define PUSH(...) push_all((const uint32_t[]){ __VA_ARGS__ }, \
                           sizeof((uint32_t[]){ __VA_ARGS__ }) / 4)

static uint32_t pixel(unsigned x, unsigned y)
{
    return ld32_le(vram + y * get(PITCH) + 4 * x);
}

static void check_registers(void)
{
    is_int(pci_config_read(&pci, 2 << 3, PCI_VENDOR_ID, 4), 0x040515ad, "identity");
    set(ID, 0x90000002);
    is_int(get(ID), 0x90000002, "version 2");
    set(ID, 0x90000003);
    is_int(get(ID), 0x90000002, "there is no 3");
    is_int(get(VRAM), 16 << 20, "video memory");
    is_int(get(MEM_SIZE), QUEUE_SIZE, "the queue");
    set(WIDTH, 640);
    set(HEIGHT, 480);
    set(WIDTH, 5000);
    is_int(get(WIDTH), 640, "an impossible width is not taken");
    is_int(get(PITCH), 2560, "bytes a line");
    set(PITCH_LOCK, 4096);
    is_int(get(PITCH), 4096, "or as the guest wants");
    set(PITCH_LOCK, 100);
    is_int(get(PITCH), 2560, "unless that is too few");
    set(1792 + 3, 77);
    is_int(get(1792 + 3), 77, "scratch");
    is_int(get(0xffffffff), 0, "no register");
}

static void check_picture(void)
{
    set(ENABLE, 1);
    st32_le(vram + 2560 * 3 + 8, 0x123456);
    console_refresh(console_default());
    is_int(pixman_image_get_width(console_surface(console_default())), 640, "a picture");
    is_int(pixman_image_get_data(console_surface(console_default()))[640 * 3 + 2] & 0xffffff,
           0x123456, "shows video memory");
}

static void check_commands(void)
{
    start_queue(QUEUE_SIZE - 12);            /* so that they wrap */
    is_int(word(4) & 1, 1, "fences are offered");
    PUSH(2, 0x00aabbcc, 10, 20, 30, 5);
    set(SYNC, 1);
    is_int(word(2), word(3), "all done");
    is_int(pixel(10, 20), 0xaabbcc, "filled");
    is_int(pixel(39, 24), 0xaabbcc, "to the end");
    is_int(pixel(40, 24), 0, "not behind");
    PUSH(3, 10, 20, 100, 100, 30, 5);
    PUSH(3, 100, 100, 100, 102, 30, 5);
    set(SYNC, 1);
    is_int(pixel(129, 104), 0xaabbcc, "copied");
    is_int(pixel(129, 106), 0xaabbcc, "over itself");
    PUSH(2, 1, 630, 470, 11, 1, 2, 2, 0xffffffff, 0, 2, 1, 3, 639, 479, 0, 0, 2, 1);
    set(SYNC, 1);
    is_int(pixel(639, 470), 0, "nothing leaves the picture");
    is_int(pixel(0, 0), 0, "neither way");
    set(IRQ_MASK, 1);
    PUSH(30, 4711);
    set(SYNC, 1);
    is_int(word(6), 4711, "a fence");
    is_int(intx, 1, "interrupts");
    is_int(in(PORTS + 8, 4) & 3, 3, "says why");
    out(PORTS + 8, 3, 4);
    is_int(intx, 0, "acknowledged");
    PUSH(30);
    set(SYNC, 1);
    is_int(word(6), 4711, "half a command waits");
    PUSH(4712);
    set(SYNC, 1);
    is_int(word(6), 4712, "until the rest is there");
    PUSH(33, 0, 10, 1, 2, 3, 30, 5);
    set(SYNC, 1);
    is_int(word(6), 5, "escapes are skipped");
    PUSH(200, 30, 6);
    set(SYNC, 1);
    is_int(word(6), 5, "unknown commands");
    is_int(word(2), word(3), "empty the queue");
    PUSH(22, 0, 0, 0, 0x10000, 0x10000, 30, 7);
    set(SYNC, 1);
    is_int(word(2), word(3), "so do impossible ones");
    set_word(3, 3);
    set(SYNC, 1);
    set_word(3, 0xfffffffc);
    set(SYNC, 1);
    set_word(1, 0xfffffffc);
    set(SYNC, 1);
    is_int(word(6), 5, "an impossible queue does nothing");
}

/* --- the cursor ------------------------------------------------------------------------------ */

static struct {
    unsigned width, height;
    uint32_t pixels[64 * 64];
    int x, y, hot_x;
} seen;

static void cursor_set(struct console_listener *l, const struct console_cursor *cursor)
{
    seen.width = cursor ? cursor->width : 0;
    if (cursor) {
        seen.height = cursor->height;
        seen.hot_x = cursor->hot_x;
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

    start_queue(FIRST);
    console_listen(NULL, &listener);
    /* 9 by 2, one bit: clear, then black, white and inverted */
    PUSH(19, 0, 3, 1, 9, 2, 1, 1, 0x0080ff, 0x00801f, 0, 0x000060);
    set(SYNC, 1);
    set(CURSOR_X, 55);
    set(CURSOR_Y, 66);
    set(CURSOR_ON, 1);
    console_refresh(console_default());
    is_int(seen.width << 8 | seen.height, 9 << 8 | 2, "a cursor of bits");
    is_int(seen.x << 16 | seen.y, 55 << 16 | 66, "its place");
    is_int(seen.hot_x, 3, "its hot spot");
    is_int(seen.pixels[0], 0, "clear");
    is_int(seen.pixels[9], 0xff000000, "black");
    is_int(seen.pixels[10], 0xffffffff, "white");
    PUSH(22, 0, 0, 0, 2, 1, 0x80402010, 0xff0000ff);
    set_word(9, 1);
    set_word(10, 7);
    set_word(11, 8);
    set_word(12, 1);
    console_refresh(console_default());
    is_int(seen.pixels[0], 0x80402010, "one with alpha");
    is_int(seen.x << 16 | seen.y, 7 << 16 | 8, "moved by the queue's words");
    set(CURSOR_ON, 0);
    console_refresh(console_default());
    is_int(seen.width, 0, "hidden");
    console_unlisten(&listener);
}

static void check_saved(void)
{
    struct state_writer first = { 0 }, second = { 0 };
    struct state_reader r;
    struct error *err = NULL;

    device_save_all(&first);
    device_reset_all();
    r = (struct state_reader){ first.data, first.size, 0 };
    ok(device_load_all(&r, &err), "the state loads");
    device_save_all(&second);
    ok(first.size == second.size && memcmp(first.data, second.data, first.size) == 0, "the same");
    state_writer_free(&first);
    state_writer_free(&second);
}

static uint32_t random_word(void)
{
    switch (random() % 3) {
    case 0: return (uint32_t)random() % 40;
    case 1: return (uint32_t)random() % 700;
    default: return (uint32_t)random() << (random() & 1);
    }
}

static void check_nonsense(void)
{
    srandom(9);
    for (unsigned n = 0; n < 3000; n++) {
        set(ENABLE, 1);
        start_queue(FIRST + 4 * (uint32_t)(random() % 60000));
        for (unsigned i = 0; i < 60; i++) {
            push(random_word());
        }
        set((uint32_t)random() % 40, random_word());
        if (n % 10 == 0) {
            set_word((unsigned)random() % 14, random_word());
            console_refresh(console_default());
        }
        set(SYNC, 1);
    }
    ok(true, "words at random");
}

int main(void)
{
    bench_start();
    start();
    check_registers();
    check_picture();
    check_commands();
    check_cursor();
    check_saved();
    check_nonsense();
    return tap_done();
}
