/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ensoniq AudioPCI ES1370: two players and a recorder, which gives silence. Volumes are kept but do
 * not change the sound. */
#include <string.h>

#include "audio.h"
#include "base/bits.h"
#include "base/trace.h"
#include "hw/pci/pci.h"

enum { REG_CONTROL = 0x00, REG_STATUS = 0x04, REG_PAGE = 0x0c, REG_CODEC = 0x10,
       REG_SERIAL = 0x20, REG_COUNT = 0x24, REG_WINDOW = 0x30 };
enum { PAGE_PLAYERS = 0xc, PAGE_RECORDER = 0xd };
enum { PLAYER1, PLAYER2, RECORDER, CHANNELS };
enum { STATUS_INTERRUPT = 1u << 31 };
enum { DIVIDED_CLOCK = 1411200 };

/* Bits by channel: of the control, status and serial registers. */
static const struct {
    const char *name;
    bool input;
    uint32_t enable, status, pause, interrupt;
    uint8_t format;                     /* shift of two bits in the serial register */
} channels[CHANNELS] = {
    { "es1370.dac1", false, 0x40, 0x4, 0x0800, 0x0100, 0 },
    { "es1370.dac2", false, 0x20, 0x2, 0x1000, 0x0200, 2 },
    { "es1370.adc", true, 0x10, 0x1, 0x0000, 0x0400, 4 },
};

struct es1370_channel {
    uint32_t address;
    uint16_t size, at;                  /* of the frame, in words of four bytes; size is less one */
    uint16_t samples, left;             /* of the interrupt, less one */
    uint8_t part;                       /* bytes into the word */
};
FIELDS(es1370_channel) = {
    FIELD(es1370_channel, address), FIELD(es1370_channel, size), FIELD(es1370_channel, at),
    FIELD(es1370_channel, samples), FIELD(es1370_channel, left), FIELD(es1370_channel, part),
    FIELDS_END
};

struct es1370;
struct es1370_stream {
    struct es1370 *card;
    unsigned n;
    struct audio_voice *voice;
};

struct es1370 {
    struct pci_device pci;
    struct audiodev *audio;
    struct es1370_stream streams[CHANNELS];
    struct es1370_state {
        uint32_t control, status, page, serial, codec;
        struct es1370_channel channels[CHANNELS];
    } s;
};
FIELDS(es1370_state) = {
    FIELD(es1370_state, control), FIELD(es1370_state, status), FIELD(es1370_state, page),
    FIELD(es1370_state, serial), FIELD(es1370_state, codec),
    NESTED_ARRAY(es1370_state, channels, es1370_channel), FIELDS_END
};

static void update_irq(struct es1370 *card)
{
    bool level = card->s.status & 7;

    card->s.status = level ? card->s.status | STATUS_INTERRUPT
                           : card->s.status & ~(uint32_t)STATUS_INTERRUPT;
    pci_set_intx(&card->pci, level);
}

static struct audio_format format_of(const struct es1370 *card, unsigned n)
{
    static const uint16_t fixed[4] = { 5512, 11025, 22050, 44100 };
    unsigned bits = card->s.serial >> channels[n].format & 3;
    unsigned rate = n == PLAYER1 ? fixed[card->s.control >> 12 & 3]
                                 : DIVIDED_CLOCK / ((card->s.control >> 16 & 0x1fff) + 2);

    return (struct audio_format){ rate, bits & 1 ? 2 : 1, bits & 2 ? AUDIO_S16 : AUDIO_U8 };
}

static void update_voices(struct es1370 *card)
{
    for (unsigned n = 0; n < CHANNELS; n++) {
        struct audio_format format = format_of(card, n);

        audio_set_format(card->streams[n].voice, &format);
        audio_set_block(card->streams[n].voice, card->s.channels[n].samples + 1u);
        audio_set_active(card->streams[n].voice, card->s.control & channels[n].enable &&
                         !(card->s.serial & channels[n].pause));
    }
}

/* --- moving samples -------------------------------------------------------------------------- */

static void move_bytes(struct es1370 *card, unsigned n, uint8_t *data, uint32_t size)
{
    struct es1370_channel *c = &card->s.channels[n];
    uint32_t whole = (c->size + 1u) * 4, at = (c->at * 4u + c->part) % whole;

    while (size) {
        uint32_t part = MIN_OF(size, whole - at);

        if (channels[n].input) {
            pci_dma_write(&card->pci, c->address + at, data, part);
        } else {
            pci_dma_read(&card->pci, c->address + at, data, part);
        }
        data += part;
        size -= part;
        at = (at + part) % whole;
    }
    c->at = (uint16_t)(at / 4);
    c->part = at % 4;
}

/* The counter of samples runs down to an interrupt, again and again. */
static size_t move_samples(void *opaque, uint8_t *data, size_t size)
{
    const struct es1370_stream *stream = opaque;
    struct es1370 *card = stream->card;
    struct es1370_channel *c = &card->s.channels[stream->n];
    struct audio_format format = format_of(card, stream->n);
    unsigned bytes = audio_frame_bytes(&format);
    size_t done = 0;

    while (done + bytes <= size) {
        uint32_t frames = (uint32_t)MIN_OF((size - done) / bytes, (size_t)c->left + 1);

        move_bytes(card, stream->n, data + done, frames * bytes);
        done += frames * bytes;
        if (frames <= c->left) {
            c->left -= (uint16_t)frames;
            continue;
        }
        c->left = c->samples;
        if (card->s.serial & channels[stream->n].interrupt) {
            card->s.status |= channels[stream->n].status;
            update_irq(card);
        }
    }
    return done;
}

/* --- registers ------------------------------------------------------------------------------- */

/* The registers behind a window of sixteen bytes: the channel, and whether it is the size. */
static bool window(const struct es1370 *card, uint64_t offset, unsigned *n, bool *is_size)
{
    unsigned pair = (unsigned)(offset - REG_WINDOW) / 8;

    *is_size = offset & 4;
    if (card->s.page == PAGE_PLAYERS) {
        *n = pair;
        return true;
    }
    *n = RECORDER;
    return card->s.page == PAGE_RECORDER && pair == 0;
}

static uint32_t read_word(struct es1370 *card, uint64_t offset)
{
    const struct es1370_channel *c;
    bool is_size;
    unsigned n;

    if (offset >= REG_WINDOW) {
        if (!window(card, offset, &n, &is_size)) {
            return 0;
        }
        c = &card->s.channels[n];
        return is_size ? (uint32_t)c->at << 16 | c->size : c->address;
    }
    if (offset >= REG_COUNT && offset < REG_COUNT + 4 * CHANNELS) {
        c = &card->s.channels[(offset - REG_COUNT) / 4];
        return (uint32_t)c->left << 16 | c->samples;
    }
    switch (offset) {
    case REG_CONTROL: return card->s.control;
    case REG_STATUS: return card->s.status;
    case REG_PAGE: return card->s.page;
    case REG_CODEC: return card->s.codec;
    case REG_SERIAL: return card->s.serial;
    default: return 0;
    }
}

static void write_window(struct es1370 *card, uint64_t offset, uint32_t value)
{
    struct es1370_channel *c;
    bool is_size;
    unsigned n;

    if (!window(card, offset, &n, &is_size)) {
        return;
    }
    c = &card->s.channels[n];
    if (is_size) {
        c->size = value & 0xffff;
        c->at = (uint16_t)(value >> 16);
    } else {
        c->address = value;
        c->part = 0;
    }
}

/* A channel whose interrupt is disabled has none pending. */
static void write_serial(struct es1370 *card, uint32_t value)
{
    card->s.serial = value;
    for (unsigned n = 0; n < CHANNELS; n++) {
        if (!(value & channels[n].interrupt)) {
            card->s.status &= ~channels[n].status;
        }
    }
    update_irq(card);
}

/* A channel that starts counts from the beginning. */
static void write_control(struct es1370 *card, uint32_t value)
{
    uint32_t started = value & ~card->s.control;

    card->s.control = value;
    for (unsigned n = 0; n < CHANNELS; n++) {
        if (started & channels[n].enable) {
            card->s.channels[n].left = card->s.channels[n].samples;
        }
    }
}

static void write_word(struct es1370 *card, uint64_t offset, uint32_t value)
{
    trace(es1370_write, "%02x: %08x", (unsigned)offset, value);
    if (offset >= REG_WINDOW) {
        write_window(card, offset, value);
        return;
    }
    if (offset >= REG_COUNT && offset < REG_COUNT + 4 * CHANNELS) {
        struct es1370_channel *c = &card->s.channels[(offset - REG_COUNT) / 4];

        c->samples = value & 0xffff;
        c->left = MIN_OF(c->left, c->samples);
    }
    switch (offset) {
    case REG_CONTROL: write_control(card, value); break;
    case REG_PAGE: card->s.page = value & 0xf; break;
    case REG_CODEC: card->s.codec = value & 0xffff; break;
    case REG_SERIAL: write_serial(card, value); break;
    default: break;
    }
    update_voices(card);
}

/* Words are read and written in any part. */
static uint64_t es1370_read(void *dev, uint64_t offset, unsigned size)
{
    return read_word(dev, offset & ~3ull) >> 8 * (offset & 3);
}

static void es1370_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    unsigned shift = 8 * (offset & 3);

    if (size < 4) {
        value = bits_deposit(read_word(dev, offset & ~3ull), shift, 8 * size, value);
    }
    write_word(dev, offset & ~3ull, (uint32_t)value);
}

/* --- life ------------------------------------------------------------------------------------ */

static bool es1370_init(struct device *dev, struct error **err)
{
    struct es1370 *card = (struct es1370 *)dev;

    pci_set_ids(&card->pci, 0x1274, 0x5000, 0, 0x040100);
    pci_set_subsystem(&card->pci, 0x4942, 0x4c4c);
    pci_set_interrupt_pin(&card->pci, 1);
    pci_add_bar(&card->pci, 0, PCI_BAR_IO, &dev->regions[0]);
    for (unsigned n = 0; n < CHANNELS; n++) {
        card->streams[n] = (struct es1370_stream){ .card = card, .n = n };
        card->streams[n].voice = audio_open(card->audio, channels[n].name, channels[n].input,
                                            move_samples, &card->streams[n]);
    }
    return true;
}

static void es1370_exit(struct device *dev)
{
    struct es1370 *card = (struct es1370 *)dev;

    for (unsigned n = 0; n < CHANNELS; n++) {
        audio_close(card->streams[n].voice);
    }
}

static void es1370_reset(struct device *dev)
{
    ((struct es1370 *)dev)->s = (struct es1370_state){ .control = 1, .status = 0x60 };
}

static void es1370_reset_lines(struct device *dev)
{
    struct es1370 *card = (struct es1370 *)dev;

    update_voices(card);
    update_irq(card);
}

static const struct property properties[] = { PROP_AUDIODEV("audiodev", es1370, audio), { 0 } };
static const struct device_region regions[] = {
    { "es1370", 64, { es1370_read, es1370_write, .min = 1, .max = 4 } }, { 0 }
};

DEVICE(es1370) = {
    .name = "ES1370", .desc = "ENSONIQ AudioPCI ES1370", .bus = "pci",
    .size = sizeof(struct es1370), .properties = properties, .regions = regions,
    .init = es1370_init, .exit = es1370_exit, .reset = es1370_reset,
    .reset_lines = es1370_reset_lines, .state = STATE(es1370, s, es1370_state, 1),
};
