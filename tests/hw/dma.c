/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 8237 pair: both directions, word channels, auto-initialization, masks. */
#include "tests/hw/bench.h"

static uint8_t device_data[0x20000];
static unsigned device_at, device_limit = UINT32_MAX;
static bool saw_last;

static unsigned transfer(void *opaque, uint8_t *data, unsigned size, bool to_device, bool last)
{
    unsigned n = size < device_limit ? size : device_limit;

    if (data && to_device) {
        memcpy(device_data + device_at, data, n);
    } else if (data) {
        memcpy(data, device_data + device_at, n);
    }
    device_at += n;
    saw_last = last && n == size;
    return n;
}

static void program(unsigned channel, uint8_t mode, uint8_t page, uint16_t address, uint16_t count)
{
    static const uint16_t pages[] = { 0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a };
    unsigned step = channel < 4 ? 1 : 2, base = channel < 4 ? 0 : 0xc0, n = channel & 3;

    outb(base + 0x0c * step, 0);
    outb(base + 0x0b * step, mode | n);
    outb(base + 2 * n * step, address & 0xff);
    outb(base + 2 * n * step, address >> 8);
    outb(base + (2 * n + 1) * step, count & 0xff);
    outb(base + (2 * n + 1) * step, count >> 8);
    outb(pages[channel], page);
    outb(base + 0x0a * step, n);
    device_at = 0;
}

static unsigned count_of(unsigned channel)
{
    unsigned low;

    outb(0x0c, 0);
    low = inb(2 * channel + 1);
    return low | inb(2 * channel + 1) << 8;
}

static void test_bytes(void)
{
    uint8_t got[0x3000];

    for (unsigned i = 0; i < sizeof(device_data); i++) {
        device_data[i] = i * 7;
    }
    program(2, 0x44, 0x03, 0x4000, 0x2fff);
    device_limit = 512;
    isa_dma_request(&bench.isa, 2, true);
    isa_dma_request(&bench.isa, 2, false);
    address_space_read(&bench.memory, 0x34000, got, sizeof(got));
    ok(!memcmp(got, device_data, sizeof(got)), "device to memory in pieces");
    ok(saw_last, "the device saw the terminal count coming");
    is_int(inb(0x08), 0x04, "status: channel 2 at terminal count");
    is_int(inb(0x08), 0x00, "reading clears it");
    is_int(count_of(2), 0xffff, "the count ran out");
    is_int(inb(0x0f) & 0x04, 0x04, "and the channel is masked");
    program(2, 0x48, 0x03, 0x4001, 99);
    outb(0x0a, 6);
    isa_dma_request(&bench.isa, 2, true);
    is_int(device_at, 0, "nothing moves while masked");
    device_limit = UINT32_MAX;
    outb(0x0a, 2);
    is_int(device_at, 100, "unmasking starts it");
    ok(!memcmp(device_data, got + 1, 100), "memory to device");
    isa_dma_request(&bench.isa, 2, false);
}

static void test_words(void)
{
    uint8_t got[512];

    for (unsigned i = 0; i < sizeof(got); i++) {
        device_data[i] = i ^ 0x55;
    }
    program(5, 0x44, 0x05, 0x8000, 255);
    isa_dma_request(&bench.isa, 5, true);
    isa_dma_request(&bench.isa, 5, false);
    address_space_read(&bench.memory, 0x50000, got, sizeof(got));
    ok(!memcmp(got, device_data, sizeof(got)), "words, in a page of 128 KiB");
    is_int(inb(0xd0), 0x02, "status of the second chip");
}

static void test_modes(void)
{
    uint8_t got[4];

    memcpy(device_data, "abcd", 4);
    program(1, 0x64, 0x00, 0x1003, 3);
    isa_dma_request(&bench.isa, 1, true);
    isa_dma_request(&bench.isa, 1, false);
    address_space_read(&bench.memory, 0x1000, got, 4);
    ok(!memcmp(got, "dcba", 4), "counting down");
    program(1, 0x54, 0x00, 0x2000, 9);
    isa_dma_request(&bench.isa, 1, true);
    isa_dma_request(&bench.isa, 1, false);
    is_int(count_of(1), 9, "auto-initialization reloads the count");
    is_int(inb(0x0f) & 2, 0, "and leaves the channel open");
    program(1, 0x44, 0x00, 0xffff, 1);
    isa_dma_request(&bench.isa, 1, true);
    isa_dma_request(&bench.isa, 1, false);
    address_space_read(&bench.memory, 0, got, 1);
    is_int(got[0], 'b', "the address wraps inside its page");
    ok(!isa_dma_claim(&bench.isa, 4, transfer, NULL, NULL), "channel 4 is the cascade");
    ok(!isa_dma_claim(&bench.isa, 2, transfer, NULL, NULL), "a channel has one user");
}

int main(void)
{
    bench_start();
    bench_device("i8257", NULL);
    for (unsigned n = 0; n < ISA_DMA_CHANNELS; n++) {
        if (n != 4) {
            isa_dma_claim(&bench.isa, n, transfer, NULL, NULL);
        }
    }
    device_reset_all();
    outb(0xd4, 0);
    test_bytes();
    test_words();
    test_modes();
    return tap_done();
}
