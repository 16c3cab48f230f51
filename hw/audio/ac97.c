/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AC'97 audio of the 82801AA (ICH): three bus masters with rings of 32 buffers, and a codec of
 * SigmaTel's with variable rates. Recording gives silence.
 */
#include <string.h>

#include "audio.h"
#include "base/bits.h"
#include "base/trace.h"
#include "hw/pci/pci.h"

#define BUFFERS 32
#define CODEC_SIZE 256
#define FIXED_RATE 48000

/* Of the codec (AC '97, revision 2.3). */
enum {
    CODEC_RESET = 0x00, CODEC_MASTER = 0x02, CODEC_PCM = 0x18, CODEC_POWER = 0x26,
    CODEC_EXT_ID = 0x28, CODEC_EXT = 0x2a, CODEC_DAC_RATE = 0x2c, CODEC_ADC_RATE = 0x32,
    CODEC_MIC_RATE = 0x34, CODEC_VENDOR1 = 0x7c, CODEC_VENDOR2 = 0x7e
};
enum { EXT_VRA = 0x01, EXT_VRM = 0x08 };

/* Of a bus master, from its multiple of 16 on; then those that all share. */
enum { REG_BASE = 0x0, REG_CURRENT = 0x4, REG_LAST = 0x5, REG_STATUS = 0x6, REG_LEFT = 0x8,
       REG_NEXT = 0xa, REG_CONTROL = 0xb };
enum { GLOBAL_CONTROL = 0x2c, GLOBAL_STATUS = 0x30, SEMAPHORE = 0x34 };
enum { STATUS_HALTED = 0x01, STATUS_AT_LAST = 0x02, STATUS_LAST = 0x04, STATUS_DONE = 0x08,
       STATUS_CLEARED = 0x1c };
enum { CONTROL_RUN = 0x01, CONTROL_RESET = 0x02, CONTROL_LAST = 0x04, CONTROL_DONE = 0x10 };
enum { BUFFER_INTERRUPT = 1u << 31 };
enum { GLOBAL_READY = 0x100, WARM_RESET = 0x04 };

enum { PCM_IN, PCM_OUT, MIC_IN, MASTERS };
static const struct { const char *name; uint8_t rate, status; bool input; } masters[MASTERS] = {
    { "ac97.pi", CODEC_ADC_RATE, 0x20, true }, { "ac97.po", CODEC_DAC_RATE, 0x40, false },
    { "ac97.mc", CODEC_MIC_RATE, 0x80, true },
};

struct ac97_master {
    uint32_t base, address;             /* of the ring; of what is left of the buffer */
    uint16_t status, left;              /* samples of 16 bits */
    uint8_t current, last, next, control;
    bool fetched, interrupts;           /* the buffer is known; it interrupts at its end */
};
FIELDS(ac97_master) = {
    FIELD(ac97_master, base), FIELD(ac97_master, address), FIELD(ac97_master, status),
    FIELD(ac97_master, left), FIELD(ac97_master, current), FIELD(ac97_master, last),
    FIELD(ac97_master, next), FIELD(ac97_master, control), FIELD(ac97_master, fetched),
    FIELD(ac97_master, interrupts), FIELDS_END
};

struct ac97;
struct ac97_stream {                    /* what a voice knows of its master */
    struct ac97 *card;
    unsigned n;
    struct audio_voice *voice;
};

struct ac97 {
    struct pci_device pci;
    struct audiodev *audio;
    struct ac97_stream streams[MASTERS];
    struct ac97_state {
        struct ac97_master masters[MASTERS];
        uint32_t global;
        uint8_t semaphore, codec[CODEC_SIZE];
    } s;
};
FIELDS(ac97_state) = {
    NESTED_ARRAY(ac97_state, masters, ac97_master), FIELD(ac97_state, global),
    FIELD(ac97_state, semaphore), ARRAY(ac97_state, codec), FIELDS_END
};

/* --- the codec ------------------------------------------------------------------------------- */

static uint16_t codec(const struct ac97 *card, unsigned reg)
{
    return ld16_le(card->s.codec + reg);
}

static void reset_codec(struct ac97 *card)
{
    static const struct { uint8_t reg; uint16_t value; } defaults[] = {
        { CODEC_RESET, 0x0000 }, { CODEC_MASTER, 0x8000 }, { 0x04, 0x8000 }, { 0x06, 0x8000 },
        { 0x0a, 0x0000 }, { 0x0c, 0x8008 }, { 0x0e, 0x8008 }, { 0x10, 0x8808 }, { 0x12, 0x8808 },
        { 0x14, 0x8808 }, { 0x16, 0x8808 }, { CODEC_PCM, 0x8808 }, { 0x1c, 0x8000 },
        { CODEC_POWER, 0x000f }, { CODEC_EXT_ID, 0x0800 | EXT_VRA | EXT_VRM },
        { CODEC_EXT, EXT_VRA | EXT_VRM }, { CODEC_DAC_RATE, FIXED_RATE },
        { CODEC_ADC_RATE, FIXED_RATE }, { CODEC_MIC_RATE, FIXED_RATE },
        { CODEC_VENDOR1, 0x8384 }, { CODEC_VENDOR2, 0x7600 },
    };

    memset(card->s.codec, 0, sizeof(card->s.codec));
    for (unsigned i = 0; i < ARRAY_LEN(defaults); i++) {
        st16_le(card->s.codec + defaults[i].reg, defaults[i].value);
    }
}

/* Steps of 1.5 dB down from 255. */
static unsigned level(unsigned steps)
{
    uint32_t value = 255u << 16;

    while (steps-- > 0) {
        value = (uint32_t)((uint64_t)value * 55142 >> 16);
    }
    return value >> 16;
}

/* The PCM volume is 0 dB at 8; what is above does not amplify. */
static unsigned volume(const struct ac97 *card, unsigned shift)
{
    unsigned master = codec(card, CODEC_MASTER) >> shift & 63;
    unsigned pcm = codec(card, CODEC_PCM) >> shift & 31;

    return level(master) * level(pcm > 8 ? pcm - 8 : 0) / 255;
}

static void update_volume(struct ac97 *card)
{
    bool mute = (codec(card, CODEC_MASTER) | codec(card, CODEC_PCM)) & 0x8000;

    audio_set_volume(card->streams[PCM_OUT].voice, mute, (uint8_t)volume(card, 8),
                     (uint8_t)volume(card, 0));
}

static void update_format(struct ac97 *card, unsigned n)
{
    bool variable = codec(card, CODEC_EXT) & (n == MIC_IN ? EXT_VRM : EXT_VRA);
    struct audio_format format = {
        variable ? codec(card, masters[n].rate) : FIXED_RATE, n == MIC_IN ? 1 : 2, AUDIO_S16
    };

    audio_set_format(card->streams[n].voice, &format);
}

static void write_codec(struct ac97 *card, unsigned reg, uint16_t value)
{
    switch (reg) {
    case CODEC_RESET: reset_codec(card); break;
    case CODEC_POWER: st16_le(card->s.codec + reg, (uint16_t)((value & 0xff00) | 0xf)); break;
    case CODEC_EXT_ID: case CODEC_VENDOR1: case CODEC_VENDOR2: break;
    case CODEC_EXT: st16_le(card->s.codec + reg, value & (EXT_VRA | EXT_VRM)); break;
    case CODEC_DAC_RATE: case CODEC_ADC_RATE: case CODEC_MIC_RATE:
        st16_le(card->s.codec + reg, (uint16_t)MIN_OF(MAX_OF(value, 4000), FIXED_RATE));
        break;
    default: st16_le(card->s.codec + reg, value); break;
    }
    update_volume(card);
    for (unsigned n = 0; n < MASTERS; n++) {
        update_format(card, n);
    }
}

/* Accesses to the codec are words at even places. */
static uint64_t codec_read(void *dev, uint64_t offset, unsigned size)
{
    struct ac97 *card = dev;

    card->s.semaphore = 0;
    return codec(card, offset & (CODEC_SIZE - 2));
}

static void codec_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct ac97 *card = dev;

    card->s.semaphore = 0;
    write_codec(card, offset & (CODEC_SIZE - 2), (uint16_t)value);
}

/* --- bus masters ----------------------------------------------------------------------------- */

static bool wants_irq(const struct ac97_master *m)
{
    return (m->status & STATUS_LAST && m->control & CONTROL_LAST) ||
        (m->status & STATUS_DONE && m->control & CONTROL_DONE);
}

static uint32_t global_status(const struct ac97 *card)
{
    uint32_t status = GLOBAL_READY;

    for (unsigned n = 0; n < MASTERS; n++) {
        status |= wants_irq(&card->s.masters[n]) ? masters[n].status : 0;
    }
    return status;
}

static void update_irq(struct ac97 *card)
{
    pci_set_intx(&card->pci, (global_status(card) & ~(uint32_t)GLOBAL_READY) != 0);
}

static void update_voice(struct ac97 *card, unsigned n)
{
    const struct ac97_master *m = &card->s.masters[n];

    audio_set_active(card->streams[n].voice,
                     m->control & CONTROL_RUN && !(m->status & STATUS_HALTED));
}

static void fetch(struct ac97 *card, unsigned n)
{
    struct ac97_master *m = &card->s.masters[n];
    uint8_t bytes[8];

    pci_dma_read(&card->pci, m->base + 8u * m->current, bytes, sizeof(bytes));
    m->address = ld32_le(bytes) & ~1u;
    m->left = ld16_le(bytes + 4);
    m->interrupts = ld32_le(bytes + 4) & BUFFER_INTERRUPT;
    m->next = (m->current + 1) % BUFFERS;
    m->fetched = true;
    audio_set_block(card->streams[n].voice, m->left / 2);
    trace(ac97_buffer, "%s %u at %08x, %u samples", masters[n].name, m->current, m->address,
          m->left);
}

/* The buffer is used up: the next one, or a halt behind the last. */
static void end_buffer(struct ac97 *card, unsigned n)
{
    struct ac97_master *m = &card->s.masters[n];

    m->status |= m->interrupts ? STATUS_DONE : 0;
    if (m->current == m->last) {
        m->status |= STATUS_LAST | STATUS_AT_LAST | STATUS_HALTED;
        m->fetched = false;
        update_voice(card, n);
    } else {
        m->current = m->next;
        fetch(card, n);
    }
    update_irq(card);
}

static size_t move_samples(void *opaque, uint8_t *data, size_t size)
{
    const struct ac97_stream *stream = opaque;
    struct ac97 *card = stream->card;
    struct ac97_master *m = &card->s.masters[stream->n];
    size_t done = 0;

    /* Buffers may be empty: no more than a round of those in a row. */
    for (unsigned empty = 0; done < size && empty < BUFFERS;) {
        uint32_t part;

        if (m->status & STATUS_HALTED) {
            break;
        }
        if (!m->fetched) {
            fetch(card, stream->n);
        }
        part = (uint32_t)MIN_OF(size - done, (size_t)m->left * 2);
        if (masters[stream->n].input) {
            pci_dma_write(&card->pci, m->address, data + done, part);
        } else {
            pci_dma_read(&card->pci, m->address, data + done, part);
        }
        m->address += part;
        m->left -= (uint16_t)(part / 2);
        done += part;
        empty = part ? 0 : empty + 1;
        if (!m->left) {
            end_buffer(card, stream->n);
        }
    }
    return done;
}

static void reset_master(struct ac97 *card, unsigned n)
{
    struct ac97_master *m = &card->s.masters[n];

    *m = (struct ac97_master){ .status = STATUS_HALTED };
    if (card->streams[n].voice) {
        update_voice(card, n);
    }
}

static void write_control(struct ac97 *card, unsigned n, uint8_t value)
{
    struct ac97_master *m = &card->s.masters[n];

    if (value & CONTROL_RESET) {
        reset_master(card, n);
        return;
    }
    m->control = value & 0x1d;
    if (!(value & CONTROL_RUN)) {
        m->status |= STATUS_HALTED;
    } else if (!(m->status & STATUS_AT_LAST)) {
        m->status &= ~STATUS_HALTED;
    }
    update_voice(card, n);
}

/* More buffers: a master that waits behind the last one goes on. */
static void write_last(struct ac97 *card, unsigned n, uint8_t value)
{
    struct ac97_master *m = &card->s.masters[n];

    m->last = value % BUFFERS;
    if (m->status & STATUS_AT_LAST) {
        m->current = m->next;
        m->status &= ~STATUS_AT_LAST;
        m->status &= m->control & CONTROL_RUN ? ~STATUS_HALTED : ~0;
        update_voice(card, n);
    }
}

/* --- registers; the core hands in bytes ------------------------------------------------------ */

static uint8_t byte_of(uint32_t value, uint64_t offset)
{
    return (uint8_t)(value >> 8 * (offset & 3));
}

static uint64_t bus_read(void *dev, uint64_t offset, unsigned size)
{
    struct ac97 *card = dev;
    const struct ac97_master *m = &card->s.masters[MIN_OF(offset >> 4, (uint64_t)MASTERS - 1)];

    switch (offset & ~3ull) {
    case GLOBAL_CONTROL: return byte_of(card->s.global, offset);
    case GLOBAL_STATUS: return byte_of(global_status(card), offset);
    case SEMAPHORE: {
        uint8_t before = card->s.semaphore;

        card->s.semaphore = 1;
        return before;
    }
    default: break;
    }
    if (offset >= 16 * MASTERS) {
        return 0xff;
    }
    switch (offset & 15) {
    case REG_CURRENT: return m->current;
    case REG_LAST: return m->last;
    case REG_STATUS: return m->status & 0xff;
    case REG_LEFT: return m->left & 0xff;
    case REG_LEFT + 1: return m->left >> 8;
    case REG_NEXT: return m->next;
    case REG_CONTROL: return m->control;
    default: return offset & 12 ? 0 : byte_of(m->base, offset);
    }
}

static void bus_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct ac97 *card = dev;
    unsigned n = (unsigned)(offset >> 4);

    if ((offset & ~3ull) == GLOBAL_CONTROL) {
        card->s.global = (uint32_t)bits_deposit(card->s.global, 8 * (offset & 3), 8, value) &
            ~(uint32_t)WARM_RESET & 0x3f;
        return;
    }
    if (n >= MASTERS) {
        return;
    }
    switch (offset & 15) {
    case REG_LAST: write_last(card, n, (uint8_t)value); break;
    case REG_STATUS:
        card->s.masters[n].status &= ~(value & STATUS_CLEARED);
        break;
    case REG_CONTROL: write_control(card, n, (uint8_t)value); break;
    default:
        if (!(offset & 12)) {
            uint32_t *base = &card->s.masters[n].base;

            *base = (uint32_t)bits_deposit(*base, 8 * (offset & 3), 8, value) & ~7u;
        }
    }
    update_irq(card);
}

/* --- life ------------------------------------------------------------------------------------ */

static bool ac97_init(struct device *dev, struct error **err)
{
    struct ac97 *card = (struct ac97 *)dev;

    pci_set_ids(&card->pci, 0x8086, 0x2415, 1, 0x040100);
    pci_set_interrupt_pin(&card->pci, 1);
    pci_add_bar(&card->pci, 0, PCI_BAR_IO, &dev->regions[0]);
    pci_add_bar(&card->pci, 1, PCI_BAR_IO, &dev->regions[1]);
    for (unsigned n = 0; n < MASTERS; n++) {
        card->streams[n] = (struct ac97_stream){ .card = card, .n = n };
        card->streams[n].voice = audio_open(card->audio, masters[n].name, masters[n].input,
                                            move_samples, &card->streams[n]);
    }
    return true;
}

static void ac97_exit(struct device *dev)
{
    struct ac97 *card = (struct ac97 *)dev;

    for (unsigned n = 0; n < MASTERS; n++) {
        audio_close(card->streams[n].voice);
    }
}

static void ac97_reset(struct device *dev)
{
    struct ac97 *card = (struct ac97 *)dev;

    card->s = (struct ac97_state){ .global = 0 };
    reset_codec(card);
    for (unsigned n = 0; n < MASTERS; n++) {
        card->s.masters[n].status = STATUS_HALTED;
    }
}

static void ac97_reset_lines(struct device *dev)
{
    struct ac97 *card = (struct ac97 *)dev;

    update_volume(card);
    for (unsigned n = 0; n < MASTERS; n++) {
        update_format(card, n);
        update_voice(card, n);
    }
    update_irq(card);
}

static bool ac97_loaded(struct device *dev, struct error **err)
{
    struct ac97 *card = (struct ac97 *)dev;

    for (unsigned n = 0; n < MASTERS; n++) {
        if (card->s.masters[n].current >= BUFFERS || card->s.masters[n].next >= BUFFERS) {
            error_set(err, "AC97: there is no such buffer");
            return false;
        }
    }
    return true;
}

static const struct property properties[] = { PROP_AUDIODEV("audiodev", ac97, audio), { 0 } };
static const struct device_region regions[] = {
    { "ac97-nam", 256, { codec_read, codec_write, .min = 2, .max = 2 } },
    { "ac97-nabm", 64, { bus_read, bus_write, .min = 1, .max = 1 } }, { 0 }
};

DEVICE(ac97) = {
    .name = "AC97", .desc = "Intel 82801AA AC97 Audio", .bus = "pci", .size = sizeof(struct ac97),
    .properties = properties, .regions = regions, .init = ac97_init, .exit = ac97_exit,
    .reset = ac97_reset, .reset_lines = ac97_reset_lines, .state = STATE(ac97, s, ac97_state, 1),
    .loaded = ac97_loaded,
};
