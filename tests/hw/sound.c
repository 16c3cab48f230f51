/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mixer with its files, the Sound Blaster 16 with its DMA, the PC speaker. */
#include "tests/hw/chip.h"

#include <math.h>
#include <unistd.h>

#include "audio.h"
#include "base/bits.h"
#include "base/keyval.h"

#define WAVE 0x40000                 /* in memory */
#define BASE 0x220

static char folder[] = "/tmp/sound-test-XXXXXX";
static uint8_t *ram;

static uint8_t *read_file(const char *name, size_t *size)
{
    char path[64];
    uint8_t *data = malloc(16 << 20);
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "rb");
    *size = f ? fread(data, 1, 16 << 20, f) : 0;
    if (f) {
        fclose(f);
    }
    return data;
}

/* The place of a piece in a file's samples, or -1. */
static long find(const uint8_t *data, size_t size, const uint8_t *piece, size_t length, size_t step)
{
    for (size_t at = 44; at + length <= size; at += step) {
        if (memcmp(data + at, piece, length) == 0) {
            return (long)(at - 44);
        }
    }
    return -1;
}

static void make_dev(const char *id, unsigned rate)
{
    char text[160];
    struct error *err = NULL;

    snprintf(text, sizeof(text), "wav,id=%s,path=%s/%s.wav,out.frequency=%u", id, folder, id, rate);
    if (!audio_option(NULL, NULL, text, &err)) {
        error_exit_with(err);
    }
}

/* --- the mixer ------------------------------------------------------------------------------- */

struct source {
    const uint8_t *data;
    size_t left;
};

static size_t play(void *opaque, uint8_t *data, size_t size)
{
    struct source *s = opaque;

    size = MIN_OF(size, s->left);
    memcpy(data, s->data, size);
    s->data += size;
    s->left -= size;
    return size;
}

static size_t recorded;

static size_t record(void *opaque, uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        recorded += data[i] == 0 ? 1 : 1000000;
    }
    return size;
}

static void check_mixer(void)
{
    static int16_t wave[2 * 44100], other[2 * 44100];
    struct source a = { (uint8_t *)wave, sizeof(wave) }, b = { (uint8_t *)other, sizeof(other) };
    struct audio_format format = { 44100, 2, AUDIO_S16 };
    struct audio_voice *first, *second, *input;
    struct error *err = NULL;
    char path[64];
    size_t size;
    uint8_t *file;

    for (unsigned i = 0; i < ARRAY_LEN(wave); i++) {
        wave[i] = (int16_t)(random() & 0xffff);
        other[i] = (int16_t)(random() & 0xffff);
    }
    make_dev("mixer", 44100);
    snprintf(path, sizeof(path), "%s/capture.wav", folder);
    ok(audio_capture_start(path, "mixer", 22050, 8, 1, &err), "a capture");
    ok(!audio_capture_start("/nowhere/x.wav", NULL, 0, 0, 0, NULL), "not to nowhere");
    first = audio_open(audio_find("mixer"), "first", false, play, &a);
    audio_set_format(first, &format);
    advance(50 * NS_PER_MS, NS_PER_MS);
    is_int(a.left, sizeof(wave), "nothing is played yet");
    audio_set_active(first, true);
    advance(500 * NS_PER_MS, NS_PER_MS);
    second = audio_open(audio_find("mixer"), "second", false, play, &b);
    audio_set_format(second, &format);
    audio_set_active(second, true);
    advance(600 * NS_PER_MS, 3 * NS_PER_MS);
    audio_close(second);
    audio_set_active(first, false);
    advance(100 * NS_PER_MS, NS_PER_MS);
    ok(!a.left, "all was played");
    file = read_file("mixer.wav", &size);
    is_int(ld32_le(file + 40), size - 44, "the header tells the size");
    is_int(ld32_le(file + 24), 44100, "and the rate");
    is_int(find(file, size, (uint8_t *)wave, 20000, 4), 0, "one voice comes out as it is");
    ok(size > 2 * 44100 * 2, "for as long as it took");
    free(file);
    input = audio_open(audio_find("mixer"), "input", true, record, NULL);
    audio_set_format(input, &(struct audio_format){ 8000, 1, AUDIO_S16 });
    audio_set_active(input, true);
    advance(1000 * NS_PER_MS, 7 * NS_PER_MS);
    audio_close(input);
    ok(recorded >= 15800 && recorded <= 16000, "recording is silence at its rate");
    ok(audio_capture_stop(0, &err) && !audio_capture_stop(0, NULL), "the capture ends");
    file = read_file("capture.wav", &size);
    is_int(ld16_le(file + 22) << 8 | ld16_le(file + 34), 1 << 8 | 8, "mono with 8 bits");
    ok(size > 22050 && size < 22050 * 1.2, "at half the rate");
    free(file);
    audio_close(first);
}

/* Two voices are added and clipped; a lower rate becomes straight lines. */
static void check_sum(void)
{
    static int16_t high[44100], low[22050];
    struct source a = { (uint8_t *)high, sizeof(high) }, b = { (uint8_t *)low, sizeof(low) };
    struct audio_voice *first, *second;
    bool good = true;
    size_t size;
    uint8_t *file;

    for (unsigned i = 0; i < ARRAY_LEN(high); i++) {
        high[i] = (int16_t)(i % 30000);
        low[i / 2] = (int16_t)(i / 2 % 15000);
    }
    make_dev("sum", 44100);
    first = audio_open(audio_find("sum"), "a", false, play, &a);
    audio_set_format(first, &(struct audio_format){ 44100, 1, AUDIO_S16 });
    second = audio_open(audio_find("sum"), "b", false, play, &b);
    audio_set_format(second, &(struct audio_format){ 22050, 1, AUDIO_S16 });
    audio_set_volume(second, false, 255, 0);
    audio_set_active(first, true);
    audio_set_active(second, true);
    advance(400 * NS_PER_MS, NS_PER_MS);
    audio_close(first);
    audio_close(second);
    advance(20 * NS_PER_MS, NS_PER_MS);
    file = read_file("sum.wav", &size);
    for (unsigned i = 4; i < 14000 && 44 + 4 * i + 4 <= size; i++) {
        int left = (int16_t)ld16_le(file + 44 + 4 * i), right = (int16_t)ld16_le(file + 46 + 4 * i);

        good &= right == (int)i && abs(left - (int)(i + i / 2)) <= 1;
    }
    ok(good && size > 14000 * 4, "rates and volumes");
    free(file);
}

/* --- Sound Blaster --------------------------------------------------------------------------- */

static void dsp(uint8_t value)
{
    outb(BASE + 0xc, value);
}

static uint8_t dsp_read(void)
{
    return inb(BASE + 0xe) & 0x80 ? inb(BASE + 0xa) : 0xee;
}

/* Programs a channel for so many units; 16-bit channels count words. */
static void program_dma(unsigned channel, uint32_t address, unsigned units, bool auto_init)
{
    static const uint8_t pages[8] = { 0x87, 0x83, 0x81, 0x82, 0, 0x8b, 0x89, 0x8a };
    bool wide = channel >= 4;
    uint16_t base = wide ? 0xc0 : 0, step = wide ? 2 : 1, n = channel & 3;
    uint32_t at = wide ? address >> 1 : address;

    outb((uint16_t)(base + 10 * step), (uint8_t)(4 | n));
    outb((uint16_t)(base + 12 * step), 0);
    outb((uint16_t)(base + 11 * step), (uint8_t)(0x48 | (auto_init ? 0x10 : 0) | n));
    outb((uint16_t)(base + 2 * n * step), (uint8_t)at);
    outb((uint16_t)(base + 2 * n * step), (uint8_t)(at >> 8));
    outb((uint16_t)(base + (2 * n + 1) * step), (uint8_t)(units - 1));
    outb((uint16_t)(base + (2 * n + 1) * step), (uint8_t)((units - 1) >> 8));
    outb(pages[channel], (uint8_t)(address >> 16));
    outb((uint16_t)(base + 10 * step), (uint8_t)n);
}

static void reset_dsp(void)
{
    outb(BASE + 6, 1);
    outb(BASE + 6, 0);
    is_int(dsp_read(), 0xaa, "the DSP is there");
}

static void check_dsp(void)
{
    reset_dsp();
    dsp(0xe1);
    is_int(dsp_read() << 8, 0x400, "version 4");
    is_int(dsp_read(), 5, "point 5");
    is_int(dsp_read(), 0xee, "that was all");
    dsp(0xe0);
    dsp(0x5a);
    is_int(dsp_read(), 0xa5, "inverts");
    dsp(0xe4);
    dsp(0x12);
    dsp(0xe8);
    is_int(dsp_read(), 0x12, "remembers");
    dsp(0xe3);
    is_int(dsp_read(), 'C', "has a copyright");
    while (inb(BASE + 0xe) & 0x80) {
        inb(BASE + 0xa);
    }
    dsp(0xf2);
    is_int(bench.levels[5], 1, "interrupts when asked");
    outb(BASE + 4, 0x82);
    is_int(inb(BASE + 5), 1, "the mixer knows which");
    inb(BASE + 0xe);
    is_int(bench.levels[5], 0, "acknowledged");
    outb(BASE + 4, 0x80);
    is_int(inb(BASE + 5), 2, "IRQ 5");
    outb(BASE + 4, 0x81);
    is_int(inb(BASE + 5), 0x22, "DMA 1 and 5");
}

static void check_16_bits(void)
{
    uint8_t *file;
    size_t size;
    long at;

    for (unsigned i = 0; i < 0x10000; i++) {
        ram[WAVE + i] = (uint8_t)random();
    }
    program_dma(5, WAVE, 0x8000, false);
    dsp(0x41);
    dsp(44100 >> 8);
    dsp(44100 & 0xff);
    dsp(0xb0);
    dsp(0x30);                           /* signed, two channels */
    dsp(0xff);
    dsp(0x7f);
    advance(150 * NS_PER_MS, NS_PER_MS);
    is_int(bench.levels[5], 0, "still playing");
    dsp(0xd5);
    advance(200 * NS_PER_MS, NS_PER_MS);
    is_int(bench.levels[5], 0, "a pause");
    dsp(0xd6);
    advance(400 * NS_PER_MS, NS_PER_MS);
    is_int(bench.levels[5], 1, "done");
    inb(BASE + 0xf);
    is_int(bench.levels[5], 0, "acknowledged");
    file = read_file("card.wav", &size);
    at = find(file, size, ram + WAVE, 20000, 4);
    ok(at >= 0, "the wave is in the file");
    ok(at >= 0 && find(file, size, ram + WAVE + 0x10000 - 20000, 20000, 4) >= at, "to its end");
    free(file);
}

static void check_8_bits(void)
{
    uint8_t expected[4 * 256], *file;
    unsigned interrupts = 0;
    size_t size;

    for (unsigned i = 0; i < 256; i++) {
        ram[WAVE + i] = (uint8_t)(random() | 1);
        for (unsigned k = 0; k < 2; k++) {
            st16_le(expected + 4 * i + 2 * k, (uint16_t)((ram[WAVE + i] - 128) * 256));
        }
    }
    program_dma(1, WAVE, 256, true);
    dsp(0x40);
    dsp((uint8_t)(256 - 1000000 / 44100 + 1));
    dsp(0x41);
    dsp(44100 >> 8);
    dsp(44100 & 0xff);
    dsp(0x48);
    dsp(127);
    dsp(0);
    edges(5);
    dsp(0x1c);                           /* blocks of 128 over and over */
    for (unsigned i = 0; i < 100; i++) {
        advance(NS_PER_MS, NS_PER_MS);
        interrupts += bench.levels[5];
        inb(BASE + 0xe);
    }
    dsp(0xda);
    advance(50 * NS_PER_MS, NS_PER_MS);
    inb(BASE + 0xe);
    edges(5);
    advance(50 * NS_PER_MS, NS_PER_MS);
    is_int(edges(5), 0, "the end of auto-initialisation");
    ok(interrupts >= 8, "an interrupt for each block that was seen");
    file = read_file("card.wav", &size);
    ok(find(file, size, expected, sizeof(expected), 4) >= 0, "8 bits come out exactly");
    free(file);
}

/* A reference of 0x80 with differences after it; what they make was worked out by hand. */
static void check_packed(void)
{
    static const struct {
        uint8_t command, bytes[5], size, samples[8], count;
    } rows[] = {
        { 0x75, { 0x80, 0x37, 0x08, 0xf5, 0x7f }, 5,
          { 0x83, 0x8a, 0x8b, 0x8b, 0x84, 0x8f, 0xad, 0x71 }, 8 },
        { 0x77, { 0x80, 0x7e, 0x7e }, 3, { 0x83, 0x7c, 0x7a, 0x81, 0x73, 0x6f }, 6 },
        { 0x17, { 0x80, 0x5b, 0x00 }, 3, { 0x81, 0x84, 0x82, 0x7f, 0x81, 0x82, 0x82, 0x82 }, 8 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t expected[32], *file;
        size_t size;

        memcpy(ram + WAVE, rows[i].bytes, rows[i].size);
        for (unsigned n = 0; n < rows[i].count; n++) {
            st16_le(expected + 4 * n, (uint16_t)((rows[i].samples[n] - 128) * 256));
            st16_le(expected + 4 * n + 2, (uint16_t)((rows[i].samples[n] - 128) * 256));
        }
        program_dma(1, WAVE, rows[i].size, false);
        dsp(rows[i].command);
        dsp(rows[i].size - 1);
        dsp(0);
        advance(50 * NS_PER_MS, NS_PER_MS);
        is_int(bench.levels[5], 1, "packed samples end with an interrupt");
        inb(BASE + 0xe);
        file = read_file("card.wav", &size);
        ok(find(file, size, expected, 4 * rows[i].count, 4) >= 0, "command %02x unpacks them",
           rows[i].command);
        free(file);
    }
}

static void check_speaker(void)
{
    double sum = 0;
    size_t size, from;
    uint8_t *file;
    int edges_seen = 0, last = 0;

    outb(0x43, 0xb6);
    outb(0x42, (uint8_t)(1193182 / 440));
    outb(0x42, (uint8_t)(1193182 / 440 >> 8));
    outb(0x61, 3);
    advance(500 * NS_PER_MS, NS_PER_MS);
    outb(0x61, 0);
    advance(50 * NS_PER_MS, NS_PER_MS);
    file = read_file("speaker.wav", &size);
    ok(size > 44 + 40000, "the speaker is heard");
    from = 44;
    for (size_t at = from; at + 4 <= size && at < from + 4 * 17640; at += 4) {
        int now = (int16_t)ld16_le(file + at);

        edges_seen += last < 0 && now > 0;
        last = now;
        sum += now;
    }
    ok(abs(edges_seen - 176) <= 1, "440 Hz");
    free(file);
}

static void check_nonsense(void)
{
    srandom(3);
    for (unsigned n = 0; n < 20000; n++) {
        uint16_t port = BASE + (uint16_t)(random() & 15);

        if (random() & 1) {
            outb(random() & 1 ? BASE + 0xc : port, (uint8_t)random());
        } else {
            inb(port);
        }
        if (n % 50 == 0) {
            advance(NS_PER_MS, NS_PER_MS);
        }
    }
    ok(true, "ports at random");
}

int main(void)
{
    struct device *card;

    if (!mkdtemp(folder)) {
        error_exit("no folder");
    }
    bench_start();
    ram = memory_region_host(&bench.ram);
    device_set_resolver(PROPERTY_AUDIODEV, audio_find);
    check_mixer();
    check_sum();
    make_dev("card", 44100);
    make_dev("speaker", 44100);
    bench_device("isa-pit", NULL);
    bench_device("isa-pcspk", "audiodev", "speaker", NULL);
    bench_device("i8257", NULL);
    card = bench_device("sb16", "audiodev", "card", NULL);
    device_reset_all();
    check_dsp();
    check_16_bits();
    check_8_bits();
    check_packed();
    check_speaker();
    check_state();
    check_nonsense();
    device_destroy(card);
    audio_close_all();
    for (const char *const *name = (const char *const[]){ "mixer.wav", "capture.wav", "sum.wav",
                                                          "card.wav", "speaker.wav", NULL };
         *name; name++) {
        char path[64];

        snprintf(path, sizeof(path), "%s/%s", folder, *name);
        unlink(path);
    }
    rmdir(folder);
    return tap_done();
}
