/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sound Blaster 16: the DSP (version 4.05), its DMA and interrupts, and the mixer chip.
 *
 * The mixing engine's clock drives playback: when it wants samples, the DMA controller is asked for
 * so many bytes. Without FM, MPU-401 and ADPCM.
 */
#include <string.h>

#include "audio.h"
#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/audio/sb16-adpcm.h"
#include "hw/audio/sb16-mixer.h"
#include "hw/isa/isa.h"

#define VERSION 0x0405
#define OUT_BYTES 32
#define COMMAND_BYTES 4

enum { PORT_MIXER_INDEX = 0x4, PORT_MIXER = 0x5, PORT_RESET = 0x6, PORT_READ = 0xa,
       PORT_WRITE = 0xc, PORT_STATUS = 0xe, PORT_ACK_16 = 0xf, PORTS = 0x10 };
enum { IRQ_8 = 1, IRQ_16 = 2 };

struct sb16 {
    struct device dev;
    struct audiodev *audio;
    struct audio_voice *voice, *input;
    uint32_t iobase, irq_number, dma, dma16;
    uint8_t *want;                      /* while the engine waits for samples */
    size_t wanted;
    struct sb16_state {
        uint8_t out[OUT_BYTES], n_out, first_out;       /* bytes to be read */
        uint8_t command[COMMAND_BYTES], n_command;      /* the command with its arguments */
        uint8_t last_read, test, reset;
        bool speaker;
        uint8_t irqs;                   /* IRQ_8, IRQ_16 */
        /* The transfer. */
        bool active, paused, is_16, auto_init, recording, leave;
        uint8_t sample, channels;
        uint32_t rate, block, left;     /* bytes of a block, and until the interrupt */
        uint16_t block_size;            /* as command 0x48 set it */
        uint8_t mixer_index, mixer[256];
        struct sb16_adpcm adpcm;
    } s;
};

FIELDS(sb16_state) = {
    ARRAY(sb16_state, out), FIELD(sb16_state, n_out), FIELD(sb16_state, first_out),
    ARRAY(sb16_state, command), FIELD(sb16_state, n_command), FIELD(sb16_state, last_read),
    FIELD(sb16_state, test), FIELD(sb16_state, reset), FIELD(sb16_state, speaker),
    FIELD(sb16_state, irqs), FIELD(sb16_state, active), FIELD(sb16_state, paused),
    FIELD(sb16_state, is_16), FIELD(sb16_state, auto_init), FIELD(sb16_state, recording),
    FIELD(sb16_state, leave), FIELD(sb16_state, sample), FIELD(sb16_state, channels),
    FIELD(sb16_state, rate), FIELD(sb16_state, block), FIELD(sb16_state, left),
    FIELD(sb16_state, block_size), FIELD(sb16_state, mixer_index), ARRAY(sb16_state, mixer),
    NESTED_SINCE(sb16_state, adpcm, sb16_adpcm, 2), FIELDS_END
};

/* --- interrupts and bytes to read ------------------------------------------------------------ */

static void update_irq(struct sb16 *sb)
{
    irq_set(sb->dev.irqs[0], sb->s.irqs != 0);
}

static void raise(struct sb16 *sb, uint8_t irq)
{
    sb->s.irqs |= irq;
    update_irq(sb);
}

static void answer(struct sb16 *sb, uint8_t value)
{
    struct sb16_state *s = &sb->s;

    if (s->n_out < OUT_BYTES) {
        s->out[(s->first_out + s->n_out++) % OUT_BYTES] = value;
    }
}

/* --- transfers ------------------------------------------------------------------------------- */

static unsigned channel(const struct sb16 *sb)
{
    return sb->s.is_16 ? sb->dma16 : sb->dma;
}

static void update_voice(struct sb16 *sb)
{
    bool on = sb->s.active && !sb->s.paused;
    struct audio_format format = { sb->s.rate, sb->s.channels, sb->s.sample };

    if (on) {
        struct audio_voice *voice = sb->s.recording ? sb->input : sb->voice;

        audio_set_format(voice, &format);
        audio_set_block(voice, sb->s.block / audio_frame_bytes(&format));
    }
    audio_set_active(sb->voice, on && !sb->s.recording);
    audio_set_active(sb->input, on && sb->s.recording);
}

static void end_block(struct sb16 *sb)
{
    struct sb16_state *s = &sb->s;

    raise(sb, s->is_16 ? IRQ_16 : IRQ_8);
    if (s->auto_init && !s->leave) {
        s->left = s->block;
    } else {
        s->active = s->leave = false;
        update_voice(sb);
    }
}

/* Packed samples: as many bytes as have room. A reference makes none. */
static unsigned unpack(struct sb16 *sb, const uint8_t *data, unsigned size)
{
    struct sb16_adpcm *adpcm = &sb->s.adpcm;
    unsigned at = 0;

    while (at < MIN_OF(size, sb->s.left) && sb->wanted >= sb16_adpcm_samples(adpcm)) {
        unsigned count = sb16_adpcm_decode(adpcm, data[at++], sb->want);

        sb->want += count;
        sb->wanted -= count;
    }
    return at;
}

/* The DMA controller moves bytes while the engine wants some. */
static unsigned transfer(void *opaque, uint8_t *data, unsigned size, bool to_device, bool last)
{
    struct sb16 *sb = opaque;
    struct sb16_state *s = &sb->s;
    unsigned part = (unsigned)MIN_OF(MIN_OF((size_t)size, sb->wanted), (size_t)s->left);

    if (!sb->want || !s->active || to_device == s->recording) {
        return 0;
    }
    if (s->adpcm.bits && data) {
        part = unpack(sb, data, size);
    } else if (data && to_device) {
        memcpy(sb->want, data, part);
    } else if (data) {
        memcpy(data, sb->want, part);
    }
    if (!s->adpcm.bits) {
        sb->want += part;
        sb->wanted -= part;
    }
    s->left -= part;
    if (!s->left) {
        end_block(sb);
    }
    return part;
}

static size_t move_samples(void *opaque, uint8_t *data, size_t size)
{
    struct sb16 *sb = opaque;
    struct isa_bus *bus = isa_bus_of(&sb->dev);
    unsigned n = channel(sb);
    size_t got;

    sb->want = data;
    sb->wanted = size;
    isa_dma_request(bus, n, true);
    isa_dma_request(bus, n, false);
    got = size - sb->wanted;
    sb->want = NULL;
    return got;
}

static void start(struct sb16 *sb, bool is_16, bool auto_init, bool recording, uint32_t bytes)
{
    struct sb16_state *s = &sb->s;

    trace(sb16_start, "%u bits %s %u bytes at %u Hz, %u channels", is_16 ? 16 : 8,
          auto_init ? "again and again" : "once", bytes, s->rate, s->channels);
    s->is_16 = is_16;
    s->auto_init = auto_init;
    s->recording = recording;
    s->block = s->left = bytes;
    s->active = true;
    s->paused = s->leave = false;
    update_voice(sb);
}

/* The commands of old cards: unsigned 8 bits, two channels if the mixer says so. */
static void start_old(struct sb16 *sb, bool auto_init, bool recording, uint32_t bytes)
{
    bool stereo = sb->s.mixer[0x0e] & 2;

    sb->s.sample = AUDIO_U8;
    sb->s.channels = stereo ? 2 : 1;
    sb->s.adpcm.bits = 0;
    start(sb, false, auto_init, recording, bytes);
}

/* Packed samples, of one channel; those without a reference go on from the last. */
static void start_packed(struct sb16 *sb, uint8_t bits, bool reference, bool auto_init,
                         uint32_t bytes)
{
    struct sb16_adpcm *adpcm = &sb->s.adpcm;

    if (adpcm->bits != bits) {
        adpcm->step = 0;
    }
    adpcm->bits = bits;
    adpcm->reference = reference;
    sb->s.sample = AUDIO_U8;
    sb->s.channels = 1;
    start(sb, false, auto_init, false, bytes);
}

/* 0xb0 to 0xcf: bits of the command and of its mode; lengths count samples. */
static void start_new(struct sb16 *sb, uint8_t command, uint8_t mode, uint16_t length)
{
    bool is_16 = command < 0xc0, is_signed = mode & 0x10;

    sb->s.sample = is_16 ? is_signed ? AUDIO_S16 : AUDIO_U16 : is_signed ? AUDIO_S8 : AUDIO_U8;
    sb->s.channels = mode & 0x20 ? 2 : 1;
    sb->s.adpcm.bits = 0;
    start(sb, is_16, command & 4, command & 8, (length + 1u) << is_16);
}

/* --- commands -------------------------------------------------------------------------------- */

/* Bytes behind a command. */
static unsigned arguments(uint8_t command)
{
    switch (command) {
    case 0x0e: case 0x14: case 0x15: case 0x16: case 0x17: case 0x24: case 0x41: case 0x42:
    case 0x48: case 0x74: case 0x75: case 0x76: case 0x77: case 0x80: return 2;
    case 0x04: case 0x05: case 0x0f: case 0x10: case 0x38: case 0x40: case 0xe0: case 0xe2:
    case 0xe4: case 0xf9: return 1;
    default: return command >= 0xb0 && command <= 0xcf ? 3 : 0;
    }
}

static void hold(struct sb16 *sb, bool is_16, bool on)
{
    if (sb->s.is_16 == is_16) {
        sb->s.paused = on;
        update_voice(sb);
    }
}

/* A command with what belongs to it. */
static void run_command(struct sb16 *sb)
{
    static const char copyright[] = "COPYRIGHT (C) CREATIVE TECHNOLOGY LTD, 1992.";
    struct sb16_state *s = &sb->s;
    const uint8_t *a = s->command + 1;
    uint16_t word = ld16_le(a);

    switch (s->command[0]) {
    case 0x10: break;                                /* a sample by hand: not heard */
    case 0x14: start_old(sb, false, false, word + 1u); break;
    case 0x24: start_old(sb, false, true, word + 1u); break;
    case 0x16: case 0x17: start_packed(sb, 2, s->command[0] & 1, false, word + 1u); break;
    case 0x74: case 0x75: start_packed(sb, 4, s->command[0] & 1, false, word + 1u); break;
    case 0x76: case 0x77: start_packed(sb, 3, s->command[0] & 1, false, word + 1u); break;
    case 0x1f: start_packed(sb, 2, true, true, s->block_size + 1u); break;
    case 0x7d: start_packed(sb, 4, true, true, s->block_size + 1u); break;
    case 0x7f: start_packed(sb, 3, true, true, s->block_size + 1u); break;
    case 0x1c: case 0x90: start_old(sb, true, false, s->block_size + 1u); break;
    case 0x91: start_old(sb, false, false, s->block_size + 1u); break;
    case 0x2c: case 0x98: start_old(sb, true, true, s->block_size + 1u); break;
    case 0x99: start_old(sb, false, true, s->block_size + 1u); break;
    case 0x40: s->rate = 1000000 / (256u - a[0]) / (s->mixer[0x0e] & 2 ? 2 : 1); break;
    case 0x41: case 0x42: s->rate = (uint32_t)a[0] << 8 | a[1]; break;
    case 0x45: case 0xd4: hold(sb, false, false); break;
    case 0x47: case 0xd6: hold(sb, true, false); break;
    case 0x48: s->block_size = word; break;
    case 0x80: raise(sb, IRQ_8); break;              /* so much silence, which is over at once */
    case 0xd0: hold(sb, false, true); break;
    case 0xd5: hold(sb, true, true); break;
    case 0xd1: s->speaker = true; break;             /* which this card only remembers */
    case 0xd3: s->speaker = false; break;
    case 0xd8: answer(sb, s->speaker ? 0xff : 0); break;
    case 0xd9: case 0xda: s->leave = s->active; break;
    case 0xe0: answer(sb, ~a[0]); break;
    case 0xe1:
        answer(sb, VERSION >> 8);
        answer(sb, VERSION & 0xff);
        break;
    case 0xe3:
        for (unsigned i = 0; i < OUT_BYTES - 1 && copyright[i]; i++) {
            answer(sb, (uint8_t)copyright[i]);
        }
        answer(sb, 0);
        break;
    case 0xe4: s->test = a[0]; break;
    case 0xe8: answer(sb, s->test); break;
    case 0xf2: raise(sb, IRQ_8); break;
    case 0xf3: raise(sb, IRQ_16); break;
    case 0x0f: case 0xf8: case 0xf9: answer(sb, 0); break;
    default:
        if (s->command[0] >= 0xb0 && s->command[0] <= 0xcf) {
            start_new(sb, s->command[0], a[0], ld16_le(a + 1));
        } else if (s->command[0]) {
            log_unimp("sb16: command 0x%02x", s->command[0]);
        }
    }
}

static void write_dsp(struct sb16 *sb, uint8_t value)
{
    struct sb16_state *s = &sb->s;

    s->command[s->n_command++] = value;
    if (s->n_command > arguments(s->command[0])) {
        s->n_command = 0;
        run_command(sb);
    }
}

static void stop(struct sb16 *sb)
{
    sb->s.active = sb->s.paused = sb->s.leave = false;
    update_voice(sb);
}

/* A one and a zero reset the DSP, which answers. */
static void write_reset(struct sb16 *sb, uint8_t value)
{
    struct sb16_state *s = &sb->s;

    if (s->reset == 1 && value == 0) {
        stop(sb);
        s->n_out = s->n_command = 0;
        s->irqs = 0;
        s->speaker = false;
        update_irq(sb);
        answer(sb, 0xaa);
    }
    s->reset = value;
}

/* --- ports ----------------------------------------------------------------------------------- */

static uint8_t read_mixer(struct sb16 *sb)
{
    switch (sb->s.mixer_index) {
    case 0x80:                                       /* a bit for each of IRQ 2, 5, 7, 10 */
        return sb->irq_number == 5 ? 2 : sb->irq_number == 7 ? 4 : sb->irq_number == 10 ? 8 : 1;
    case 0x81: return (uint8_t)(1u << sb->dma | 1u << sb->dma16);
    case 0x82: return sb->s.irqs;
    default: return sb->s.mixer[sb->s.mixer_index];
    }
}

static uint64_t sb16_read(void *dev, uint64_t offset, unsigned size)
{
    struct sb16 *sb = dev;
    struct sb16_state *s = &sb->s;

    switch (offset) {
    case PORT_MIXER_INDEX: return s->mixer_index;
    case PORT_MIXER: return read_mixer(sb);
    case PORT_READ:
        if (s->n_out) {
            s->last_read = s->out[s->first_out];
            s->first_out = (uint8_t)((s->first_out + 1) % OUT_BYTES);
            s->n_out--;
        }
        return s->last_read;
    case PORT_WRITE: return 0x7f;                    /* never busy */
    case PORT_STATUS:
        s->irqs &= (uint8_t)~IRQ_8;
        update_irq(sb);
        return s->n_out ? 0xff : 0x7f;
    case PORT_ACK_16:
        s->irqs &= (uint8_t)~IRQ_16;
        update_irq(sb);
        return 0xff;
    default: return 0xff;
    }
}

static void sb16_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct sb16 *sb = dev;

    switch (offset) {
    case PORT_MIXER_INDEX: sb->s.mixer_index = (uint8_t)value; break;
    case PORT_MIXER:
        sb16_mixer_write(sb->s.mixer, sb->s.mixer_index, (uint8_t)value);
        sb16_set_volume(sb->voice, sb->s.mixer);
        break;
    case PORT_RESET: write_reset(sb, (uint8_t)value); break;
    case PORT_WRITE: write_dsp(sb, (uint8_t)value); break;
    default: break;
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static bool claim(struct sb16 *sb, struct error **err)
{
    struct isa_bus *bus = isa_bus_of(&sb->dev);

    if (!isa_dma_claim(bus, sb->dma, transfer, sb, err)) {
        return false;
    }
    if (!isa_dma_claim(bus, sb->dma16, transfer, sb, err)) {
        isa_dma_release(bus, sb->dma);
        return false;
    }
    return true;
}

static bool sb16_init(struct device *dev, struct error **err)
{
    struct sb16 *sb = (struct sb16 *)dev;

    if (sb->iobase > 0xfff0 || sb->dma > 3 || sb->dma16 < 5 || sb->dma16 > 7) {
        error_set(err, "sb16: dma is 0 to 3 and dma16 5 to 7");
        return false;
    }
    if (!isa_connect_irq(dev, 0, sb->irq_number, err) || !claim(sb, err)) {
        return false;
    }
    isa_map(dev, &dev->regions[0], (uint16_t)sb->iobase);
    sb->voice = audio_open(sb->audio, "sb16", false, move_samples, sb);
    sb->input = audio_open(sb->audio, "sb16", true, move_samples, sb);
    return true;
}

static void sb16_exit(struct device *dev)
{
    struct sb16 *sb = (struct sb16 *)dev;
    struct isa_bus *bus = isa_bus_of(dev);

    audio_close(sb->voice);
    audio_close(sb->input);
    isa_dma_release(bus, sb->dma);
    isa_dma_release(bus, sb->dma16);
}

static void sb16_reset(struct device *dev)
{
    struct sb16 *sb = (struct sb16 *)dev;

    sb->s = (struct sb16_state){ .rate = 11025, .channels = 1 };
    sb16_mixer_reset(sb->s.mixer);
}

static void sb16_reset_lines(struct device *dev)
{
    struct sb16 *sb = (struct sb16 *)dev;

    sb16_set_volume(sb->voice, sb->s.mixer);
    update_voice(sb);
    update_irq(sb);
}

static bool sb16_loaded(struct device *dev, struct error **err)
{
    const struct sb16_state *s = &((struct sb16 *)dev)->s;

    if (s->n_out > OUT_BYTES || s->first_out >= OUT_BYTES || s->n_command >= COMMAND_BYTES ||
        s->sample > AUDIO_S16 || s->channels < 1 || s->channels > 2 ||
        !sb16_adpcm_is_possible(&s->adpcm)) {
        error_set(err, "sb16: impossible state");
        return false;
    }
    return true;
}

static const struct property properties[] = {
    PROP_AUDIODEV("audiodev", sb16, audio), PROP_UINT("iobase", sb16, iobase, 0x220),
    PROP_UINT("irq", sb16, irq_number, 5), PROP_UINT("dma", sb16, dma, 1),
    PROP_UINT("dma16", sb16, dma16, 5), { 0 }
};
static const struct device_region regions[] = {
    { "sb16", PORTS, { sb16_read, sb16_write, .min = 1, .max = 1 } }, { 0 }
};

DEVICE(sb16) = {
    .name = "sb16", .desc = "Creative Sound Blaster 16", .bus = "isa", .size = sizeof(struct sb16),
    .properties = properties, .regions = regions, .irqs = 1, .init = sb16_init, .exit = sb16_exit,
    .reset = sb16_reset, .reset_lines = sb16_reset_lines, .state = STATE(sb16, s, sb16_state, 2),
    .loaded = sb16_loaded,
};
