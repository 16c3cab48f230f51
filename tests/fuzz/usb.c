/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: a guest's USB drivers. UHCI and OHCI share a bus; behind both are a hub, input
 * devices, a serial adapter and a disk. Actions are transfers that controllers understand, and raw
 * words for their lists and registers.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "base/main-loop.h"
#include "block.h"
#include "char.h"
#include "console.h"
#include "hw/pci/pci.h"
#include "tests/fuzz/input.h"

#define UHCI_PORTS 0xc000
#define UHCI_SLOT 0x0a
#define OHCI_BASE 0xe0000000ull
#define OHCI_SLOT (4 << 3)
#define FRAMES 0x1000                   /* of UHCI: 1024 words */
#define HCCA 0x2000
#define LISTS 0x3000
#define BUFFER 0x8000
#define USED 0x20000                    /* of memory */

/* What guests may say at first, to have all devices configured at addresses of their own. */
struct request {
    uint8_t address, setup[8];
};

static struct memory_region pci_memory, pci_io;
static struct pci_bus pci;
static uint8_t *ram;

static void set_irq(void *opaque, int n, int level)
{
}

static int map_irq(void *opaque, struct pci_device *d, int pin)
{
    return 0;
}

static struct block *make_disk(const char *id)
{
    struct error *err = NULL;
    char text[100];
    int fd = memfd_create("fuzz", 0);
    struct block *block;

    if (fd < 0 || ftruncate(fd, 1 << 20) != 0) {
        abort();
    }
    snprintf(text, sizeof(text), "file=/proc/self/fd/%d,format=raw,if=none,id=%s", fd, id);
    block = block_add_drive(text, &err);
    if (!block) {
        error_exit_with(err);
    }
    return block;
}

static void plug_disk(const char *bus, const char *drive)
{
    struct device *dev = device_create("usb-storage", NULL);

    device_set(dev, "bus", bus, NULL);
    device_set_pointer(dev, "drive", make_disk(drive));
    if (!device_realize(dev, NULL)) {
        abort();
    }
}

static void plug_serial(const char *bus, const char *line)
{
    struct device *dev = device_create("usb-serial", NULL);
    char text[64];

    snprintf(text, sizeof(text), "ringbuf,id=%s,size=64", line);
    device_set(dev, "bus", bus, NULL);
    device_set_pointer(dev, "chardev", chardev_open_option(text, NULL));
    if (!device_realize(dev, NULL)) {
        abort();
    }
}

static void start(void)
{
    bench_start();
    big_unlock();
    main_loop_init();
    ram = memory_region_host(&bench.ram);
    memory_region_init(&pci_memory, "pci-memory", 1ull << 32);
    memory_region_init(&pci_io, "pci-io", 0x10000);
    memory_region_add_priority(&bench.memory_root, 0, &pci_memory, -1);
    memory_region_add_priority(&bench.io_root, 0, &pci_io, -1);
    pci_bus_init(&pci, "pci.0", NULL, &pci_memory, &pci_io, &bench.memory);
    pci_bus_set_irqs(&pci, set_irq, map_irq, NULL);
    bench_device("piix3-usb-uhci", "addr", "1.2", "id", "u", NULL);
    bench_device("pci-ohci", "addr", "4", "id", "o", NULL);
    bench_device("usb-tablet", "bus", "u.0", NULL);
    bench_device("usb-kbd", "bus", "u.0", NULL);    /* behind a hub that comes with it */
    plug_disk("u.0", "first");
    plug_serial("u.0", "line");
    bench_device("usb-mouse", "bus", "o.0", NULL);
    plug_disk("o.0", "second");
    bench_device("usb-hub", "bus", "o.0", "port", "3", NULL);
    bench_device("usb-kbd", "bus", "o.0", "port", "3.2", NULL);
}

static void uhci(unsigned offset, uint32_t value, unsigned size)
{
    out((uint16_t)(UHCI_PORTS + offset), value, size);
}

static void ohci(unsigned offset, uint32_t value)
{
    address_space_st(&bench.memory, OHCI_BASE + offset, 4, ENDIAN_LITTLE, value);
}

static void put_words(uint32_t at, const uint32_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        st32_le(ram + at + 4 * i, words[i]);
    }
}

/* Disks answer from threads, in real time. */
static void pass(unsigned frames)
{
    for (unsigned i = 0; i < frames; i++) {
        main_loop_step(false);
        jump_to(clock_ns(CLOCK_VM) + NS_PER_MS);
    }
}

static void start_controllers(void)
{
    for (unsigned i = 0; i < 1024; i++) {
        st32_le(ram + FRAMES + 4 * i, LISTS | 2);
    }
    put_words(LISTS, (const uint32_t[]){ 1, 1 }, 2);
    uhci(8, FRAMES, 4);
    uhci(4, 15, 2);
    uhci(0, 1, 2);
    ohci(0x18, HCCA);
    ohci(0x10, 0x80000002);
    ohci(0x04, 0x80 | 0x3c);
}

static void reset(void)
{
    device_reset_all();
    memset(ram, 0, USED);
    pci_config_write(&pci, UHCI_SLOT, 0x20, UHCI_PORTS, 4);
    pci_config_write(&pci, UHCI_SLOT, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
    pci_config_write(&pci, OHCI_SLOT, PCI_BAR0, OHCI_BASE, 4);
    pci_config_write(&pci, OHCI_SLOT, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    start_controllers();
}

/* --- transfers ------------------------------------------------------------------------------- */

struct packet {
    unsigned pid;                       /* 0: setup, 1: out, 2: in */
    unsigned address, endpoint, size;
    uint32_t buffer;
};

static void run_uhci(const struct packet *packets, unsigned count, unsigned frames)
{
    static const uint8_t pids[] = { 0x2d, 0xe1, 0x69 };

    for (unsigned n = 0; n < count; n++) {
        const struct packet *p = &packets[n];
        uint32_t at = LISTS + 0x100 + 16 * n, next = n + 1 < count ? (at + 16) | 4 : 1;

        put_words(at, (const uint32_t[]){
            next, 1u << 23 | 1u << 29, pids[p->pid] | p->address << 8 | p->endpoint << 15 |
            ((p->size - 1) & 0x7ff) << 21, p->buffer }, 4);
    }
    st32_le(ram + LISTS + 4, LISTS + 0x100);
    pass(frames);
}

static void run_ohci(const struct packet *packets, unsigned count, unsigned frames)
{
    uint32_t ed = LISTS + 0x800;

    for (unsigned n = 0; n < count; n++) {
        const struct packet *p = &packets[n];
        uint32_t at = ed + 0x20 + 16 * n;

        put_words(at, (const uint32_t[]){
            0xf0040000 | p->pid << 19, p->size ? p->buffer : 0, at + 16,
            p->size ? p->buffer + p->size - 1 : 0 }, 4);
    }
    put_words(ed, (const uint32_t[]){ packets->address | packets->endpoint << 7 | 64 << 16,
                                      ed + 0x20 + 16 * count, ed + 0x20, 0 }, 4);
    ohci(0x0c, 2);
    ohci(packets->pid ? 0x28 : 0x20, ed);
    ohci(0x08, packets->pid ? 4 : 2);
    pass(frames);
}

static void run(bool with_ohci, const struct packet *packets, unsigned count, unsigned frames)
{
    (with_ohci ? run_ohci : run_uhci)(packets, count, frames);
}

static void control(bool with_ohci, unsigned address, const uint8_t *setup)
{
    bool to_host = setup[0] & 0x80;
    unsigned length = MIN_OF(ld16_le(setup + 6), 64u), n = 0;
    struct packet packets[3];

    memcpy(ram + BUFFER, setup, 8);
    packets[n++] = (struct packet){ 0, address, 0, 8, BUFFER };
    if (length) {
        packets[n++] = (struct packet){ to_host ? 2 : 1, address, 0, length, BUFFER + 64 };
    }
    packets[n++] = (struct packet){ to_host ? 1 : 2, address, 0, 0, BUFFER };
    run(with_ohci, packets, n, 2);
}

/* Addresses 1 and up; ports of hubs are powered and reset on the way. */
static void enumerate(bool with_ohci)
{
    static const struct request uhci_requests[] = {
        { 0, { 0, 5, 1 } }, { 1, { 0, 9, 1 } }
    }, second[] = {
        { 0, { 0, 5, 2 } }, { 2, { 0, 9, 1 } },
        { 2, { 0x23, 3, 4, 0, 1 } }, { 0, { 0, 5, 3 } }, { 3, { 0, 9, 1 } },
        { 2, { 0x23, 3, 4, 0, 2 } }, { 0, { 0, 5, 4 } }, { 4, { 0, 9, 1 } },
        { 2, { 0x23, 3, 4, 0, 3 } }, { 0, { 0, 5, 5 } }, { 5, { 0, 9, 1 } }
    };

    for (unsigned port = 0; port < 3; port++) {
        bool hub = port == (with_ohci ? 2 : 1);
        const struct request *r = hub ? second : uhci_requests;

        if (with_ohci) {
            ohci(0x54 + 4 * port, 0x10);
        } else if (port < 2) {
            uhci(0x10 + 2 * port, 0x200, 2);
            uhci(0x10 + 2 * port, 4, 2);
        }
        for (unsigned i = 0; i < (hub ? ARRAY_LEN(second) : ARRAY_LEN(uhci_requests)); i++) {
            struct request now = r[i];

            /* The one without a hub behind it in the OHCI's second port is number 6. */
            now.setup[2] = with_ohci && port == 1 && i == 0 ? 6 : now.setup[2];
            now.address = with_ohci && port == 1 && i == 1 ? 6 : now.address;
            control(with_ohci, now.address, now.setup);
        }
    }
}

/* --- actions --------------------------------------------------------------------------------- */

static void do_control(struct fuzz_input *in)
{
    unsigned how = fuzz_take(in, 1);
    uint8_t setup[8];

    for (unsigned i = 0; i < 8; i++) {
        setup[i] = (uint8_t)fuzz_take(in, 1);
    }
    control(how & 8, how & 7, setup);
}

static void do_data(struct fuzz_input *in)
{
    unsigned how = fuzz_take(in, 1), size = fuzz_take(in, 2) & 0x7ff;
    struct packet p = { how & 8 ? 1 : 2, how & 7, how >> 4 & 3, size, BUFFER };

    for (unsigned i = 0; i < 8; i++) {
        ram[BUFFER + i] = (uint8_t)(how & 8 ? fuzz_take(in, 1) : 0);
    }
    run(how & 0x40, &p, 1, 1 + (how >> 7));
}

/* A command for a disk, with data and status. */
static void do_disk(struct fuzz_input *in)
{
    unsigned how = fuzz_take(in, 1), size = fuzz_take(in, 2), address = how & 1 ? 6 : 3;
    struct packet p = { 1, address, 2, 31, BUFFER };
    uint8_t *cbw = ram + BUFFER;

    memcpy(cbw, "USBC", 4);
    st32_le(cbw + 8, size);
    cbw[12] = how & 0x80;
    cbw[14] = (uint8_t)fuzz_take(in, 1);
    for (unsigned i = 0; i < 16; i++) {
        cbw[15 + i] = (uint8_t)(i < 10 || how & 2 ? fuzz_take(in, 1) : 0);
    }
    run(how & 1, &p, 1, 1);
    for (unsigned i = 0; i < (how >> 2 & 7); i++) {
        p = (struct packet){ how & 0x80 ? 2 : 1, address, how & 0x80 ? 1 : 2, 64, BUFFER };
        run(how & 1, &p, 1, 1);
    }
    p = (struct packet){ 2, address, 1, 13, BUFFER };
    run(how & 1, &p, 1, 2);
}

static void set_memory(struct fuzz_input *in)
{
    uint32_t at = FRAMES + fuzz_take(in, 2) % (USED - FRAMES), count = fuzz_take(in, 1) % 32;

    for (unsigned i = 0; i < count && at + 4 * i + 4 <= USED; i++) {
        st32_le(ram + at + 4 * i, fuzz_take(in, 4));
    }
}

static void set_register(struct fuzz_input *in)
{
    unsigned how = fuzz_take(in, 1);
    uint64_t value;

    if (how & 0x80) {
        ohci((how & 0x1f) * 4, fuzz_take(in, 4));
        address_space_ld(&bench.memory, OHCI_BASE + (how & 0x1f) * 4, 4, ENDIAN_LITTLE, &value);
    } else {
        uhci(how & 0x1f, fuzz_take(in, 2), how & 0x40 ? 4 : 2);
        address_space_ld(&bench.io, UHCI_PORTS + (how & 0x1f), 2, ENDIAN_LITTLE, &value);
    }
}

static void wait(struct fuzz_input *in)
{
    pass(1 + fuzz_take(in, 1) % 16);
}

static void use_input(struct fuzz_input *in)
{
    unsigned how = fuzz_take(in, 1), key = fuzz_take(in, 1);

    if (how & 1) {
        input_key((enum input_key)(1 + key % (INPUT_KEY_COUNT - 1)), how & 2);
    } else if (how & 2) {
        input_pointer_move((int8_t)key * 37, (int8_t)how, 1 - (int)(how >> 3 & 3), how >> 5);
    } else {
        input_pointer_set((int)key << 7, (int)how << 7, 0, how >> 5);
    }
}

static void start_again(struct fuzz_input *in)
{
    start_controllers();
}

static void plug(struct fuzz_input *in)
{
    struct device *mouse = device_find("plugged");

    if (mouse) {
        device_remove(mouse, NULL);
    } else {
        device_add_option(fuzz_take(in, 1) & 1 ? "usb-mouse,id=plugged,bus=u.0"
                                               : "usb-hub,id=plugged,bus=o.0,port=3.4", NULL);
    }
}

static void save(struct fuzz_input *in)
{
    struct error *err = NULL;

    if (device_can_save_all(&err)) {
        fuzz_check_state();
    }
    error_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const actions[])(struct fuzz_input *in) = {
        do_control, do_data, do_disk, set_memory, set_register, wait, use_input, start_again,
        do_control, do_data, do_disk, set_memory, set_register, wait, plug, save
    };
    struct fuzz_input in = { data, MIN_OF(size, 1024u) };

    if (!ram) {
        start();
    }
    reset();
    if (fuzz_take(&in, 1) & 1) {
        enumerate(false);
        enumerate(true);
    }
    while (in.left) {
        actions[fuzz_take(&in, 1) % ARRAY_LEN(actions)](&in);
    }
    if (device_find("plugged")) {
        plug(&in);
    }
    return 0;
}
