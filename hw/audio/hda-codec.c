/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HD audio: the bus of codecs, and a codec with a line out and, for hda-duplex, a line in that
 * gives silence. */
#include <string.h>

#include "audio.h"
#include "base/bits.h"
#include "base/log.h"
#include "hw/audio/hda.h"

/* --- the bus --------------------------------------------------------------------------------- */

static bool attach(struct bus *b, struct device *dev, struct error **err)
{
    struct hda_bus *bus = (struct hda_bus *)b;
    struct hda_codec *codec = (struct hda_codec *)dev;

    if (codec->address == UINT32_MAX) {
        for (codec->address = 0; codec->address < HDA_CODECS && bus->codecs[codec->address];) {
            codec->address++;
        }
    }
    if (codec->address >= HDA_CODECS || bus->codecs[codec->address]) {
        error_set(err, "%s: there is no place %u on bus %s", dev->class->name, codec->address,
                  b->name);
        return false;
    }
    bus->codecs[codec->address] = codec;
    return true;
}

static void detach(struct bus *b, struct device *dev)
{
    ((struct hda_bus *)b)->codecs[((struct hda_codec *)dev)->address] = NULL;
}

static const struct property bus_properties[] = {
    { "cad", PROPERTY_UINT, PROPERTY_AT(hda_codec, address), UINT32_MAX, NULL }, { 0 }
};
BUS_TYPE(hda) = {
    .name = "HDA", .properties = bus_properties, .attach = attach, .detach = detach,
};

void hda_bus_init(struct hda_bus *bus, struct device *owner)
{
    bus_init(&bus->bus, &hda_type, "hda.0", owner);
}

void hda_bus_fini(struct hda_bus *bus)
{
    bus_fini(&bus->bus);
}

/* --- nodes ----------------------------------------------------------------------------------- */

enum { NODE_ROOT, NODE_GROUP, NODE_DAC, NODE_LINE_OUT, NODE_ADC, NODE_LINE_IN, NODES };
enum { STEPS = 0x4a };                  /* of the amplifiers, 1 dB each; the last is 0 dB */

/* Parameters (7.3.4); a node that is not listed has none of it. */
enum {
    PAR_VENDOR = 0x00, PAR_REVISION = 0x02, PAR_NODES = 0x04, PAR_FUNCTION = 0x05,
    PAR_WIDGET = 0x09, PAR_PCM = 0x0a, PAR_STREAM = 0x0b, PAR_PIN = 0x0c, PAR_AMP_IN = 0x0d,
    PAR_CONNECTIONS = 0x0e, PAR_POWER = 0x0f, PAR_AMP_OUT = 0x12
};
#define AMP (1u << 31 | 3 << 16 | STEPS << 8 | STEPS)
#define PCM (1 << 17 | 0x1ff)           /* 16 bits, 8 to 96 kHz */
static const struct { uint8_t node, parameter; uint32_t value; } parameters[] = {
    { NODE_ROOT, PAR_REVISION, 0x00100101 }, { NODE_ROOT, PAR_NODES, 0x00010001 },
    { NODE_GROUP, PAR_FUNCTION, 1 }, { NODE_GROUP, PAR_PCM, PCM }, { NODE_GROUP, PAR_STREAM, 1 },
    { NODE_GROUP, PAR_POWER, 0x9 },
    { NODE_DAC, PAR_WIDGET, 0x0000001d }, { NODE_DAC, PAR_PCM, PCM }, { NODE_DAC, PAR_STREAM, 1 },
    { NODE_DAC, PAR_AMP_OUT, AMP },
    { NODE_LINE_OUT, PAR_WIDGET, 0x00400101 }, { NODE_LINE_OUT, PAR_PIN, 0x10 },
    { NODE_LINE_OUT, PAR_CONNECTIONS, 1 },
    { NODE_ADC, PAR_WIDGET, 0x0010011b }, { NODE_ADC, PAR_PCM, PCM }, { NODE_ADC, PAR_STREAM, 1 },
    { NODE_ADC, PAR_AMP_IN, AMP }, { NODE_ADC, PAR_CONNECTIONS, 1 },
    { NODE_LINE_IN, PAR_WIDGET, 0x00400001 }, { NODE_LINE_IN, PAR_PIN, 0x20 },
};

struct converter {
    uint16_t format;
    uint8_t stream;                     /* tag << 4 | first channel */
    uint8_t gain[2];                    /* bit 7: mute */
};
FIELDS(converter) = {
    FIELD(converter, format), FIELD(converter, stream), ARRAY(converter, gain), FIELDS_END
};

struct duplex {
    struct hda_codec codec;
    struct audiodev *audio;
    struct audio_voice *voices[2];      /* of the converters: out, in */
    bool has_input;
    uint32_t id;
    struct duplex_state {
        struct converter converters[2];
        uint8_t pins[NODES], power;
    } s;
};
FIELDS(duplex_state) = {
    NESTED_ARRAY(duplex_state, converters, converter), ARRAY(duplex_state, pins),
    FIELD(duplex_state, power), FIELDS_END
};

static struct duplex *duplex_of(struct hda_codec *codec)
{
    return (struct duplex *)codec;
}

static uint32_t parameter(const struct duplex *d, unsigned node, unsigned which)
{
    if (node == NODE_ROOT && which == PAR_VENDOR) {
        return d->id;
    }
    if (node == NODE_GROUP && which == PAR_NODES) {
        return NODE_DAC << 16 | (d->has_input ? 4 : 2);
    }
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
        if (parameters[i].node == node && parameters[i].parameter == which) {
            return parameters[i].value;
        }
    }
    return 0;
}

/* --- voices ---------------------------------------------------------------------------------- */

static unsigned tag(const struct duplex *d, unsigned n)
{
    return d->s.converters[n].stream >> 4;
}

static size_t play(void *opaque, uint8_t *data, size_t size)
{
    return hda_transfer(opaque, tag(opaque, 0), true, data, size);
}

static size_t record(void *opaque, uint8_t *data, size_t size)
{
    return hda_transfer(opaque, tag(opaque, 1), false, data, size);
}

/* The stream format (3.7.1); channels behind the second are not there. */
static struct audio_format format_of(uint16_t format)
{
    unsigned rate = format & 0x4000 ? 44100 : 48000;

    rate = rate * ((format >> 11 & 7) + 1) / ((format >> 8 & 7) + 1);
    return (struct audio_format){ rate, format & 15 ? 2 : 1, AUDIO_S16 };
}

static uint8_t level(uint8_t gain)
{
    uint32_t value = 255u << 16;

    if (gain & 0x80) {
        return 0;
    }
    for (unsigned n = gain; n < STEPS; n++) {        /* down by 1 dB */
        value = (uint32_t)((uint64_t)value * 58409 >> 16);
    }
    return (uint8_t)(value >> 16);
}

static void update_voice(struct duplex *d, unsigned n)
{
    const struct converter *c = &d->s.converters[n];
    struct audio_format format = format_of(c->format);
    uint32_t block = hda_block(&d->codec, tag(d, n), n == 0);

    if (!d->voices[n]) {
        return;
    }
    audio_set_format(d->voices[n], &format);
    audio_set_block(d->voices[n], block / audio_frame_bytes(&format));
    audio_set_volume(d->voices[n], false, level(c->gain[0]), level(c->gain[1]));
    audio_set_active(d->voices[n], hda_running(&d->codec, tag(d, n), n == 0));
}

static void streams_changed(struct hda_codec *codec)
{
    update_voice(duplex_of(codec), 0);
    update_voice(duplex_of(codec), 1);
}

/* --- verbs ----------------------------------------------------------------------------------- */

enum {
    SET_FORMAT = 0x2, SET_AMP = 0x3, GET_FORMAT = 0xa, GET_AMP = 0xb, GET_PARAMETER = 0xf00,
    GET_CONNECTIONS = 0xf02, GET_POWER = 0xf05, GET_STREAM = 0xf06, GET_PIN = 0xf07,
    GET_CONFIG = 0xf1c, GET_SUBSYSTEM = 0xf20, SET_POWER = 0x705, SET_STREAM = 0x706,
    SET_PIN = 0x707
};

/* What a pin is: a jack at the back, and the order of outputs. */
static uint32_t pin_config(unsigned node)
{
    return node == NODE_LINE_OUT ? 0x01014010 : node == NODE_LINE_IN ? 0x01813020 : 0;
}

static uint32_t connections(unsigned node)
{
    return node == NODE_LINE_OUT ? NODE_DAC : node == NODE_ADC ? NODE_LINE_IN : 0;
}

static void set_amp(struct converter *c, uint16_t value)
{
    uint8_t gain = (uint8_t)MIN_OF(value & 0x7f, STEPS) | (value & 0x80);

    if (value & 0x2000) {
        c->gain[0] = gain;
    }
    if (value & 0x1000) {
        c->gain[1] = gain;
    }
}

static uint32_t run_converter(struct duplex *d, unsigned n, unsigned verb, uint16_t value)
{
    struct converter *c = &d->s.converters[n];

    switch (verb) {
    case SET_FORMAT: c->format = value; break;
    case SET_AMP: set_amp(c, value); break;
    case SET_STREAM: c->stream = (uint8_t)value; break;
    case GET_FORMAT: return c->format;
    case GET_AMP: return c->gain[value & 0x2000 ? 0 : 1];
    case GET_STREAM: return c->stream;
    default: return 0;
    }
    update_voice(d, n);
    return 0;
}

/* Verbs of four bits have values of sixteen, the others of eight. */
static uint32_t run(struct hda_codec *codec, unsigned node, uint32_t bits)
{
    struct duplex *d = duplex_of(codec);
    bool is_long = (bits & 0x70000) == 0x70000;
    unsigned verb = is_long ? bits >> 8 : bits >> 16;
    uint16_t value = is_long ? bits & 0xff : bits & 0xffff;

    if (node >= (d->has_input ? NODES : NODE_ADC)) {
        return 0;
    }
    switch (verb) {
    case GET_PARAMETER: return parameter(d, node, value);
    case GET_CONNECTIONS: return value ? 0 : connections(node);
    case GET_CONFIG: return pin_config(node);
    case GET_SUBSYSTEM: return d->id;
    case GET_PIN: return d->s.pins[node];
    case SET_PIN:
        d->s.pins[node] = (uint8_t)value;
        return 0;
    case GET_POWER: return d->s.power | d->s.power << 4;
    case SET_POWER:
        d->s.power = value & 3;
        return 0;
    default: break;
    }
    if (node == NODE_DAC || node == NODE_ADC) {
        return run_converter(d, node == NODE_ADC, verb, value);
    }
    return 0;
}

/* --- life ------------------------------------------------------------------------------------ */

static const struct hda_codec_ops ops = { run, streams_changed };

static bool duplex_init(struct device *dev, struct error **err)
{
    struct duplex *d = (struct duplex *)dev;

    d->codec.ops = &ops;
    d->has_input = strcmp(dev->class->name, "hda-duplex") == 0;
    d->id = d->has_input ? 0x1af40022 : 0x1af40012;
    d->voices[0] = audio_open(d->audio, "hda.out", false, play, d);
    d->voices[1] = d->has_input ? audio_open(d->audio, "hda.in", true, record, d) : NULL;
    return true;
}

static void duplex_exit(struct device *dev)
{
    struct duplex *d = (struct duplex *)dev;

    audio_close(d->voices[0]);
    audio_close(d->voices[1]);
}

static void duplex_reset(struct device *dev)
{
    struct duplex *d = (struct duplex *)dev;

    d->s = (struct duplex_state){ .power = 0 };
    for (unsigned n = 0; n < 2; n++) {
        d->s.converters[n] = (struct converter){ .format = 0x11, .gain = { STEPS, STEPS } };
    }
}

static void duplex_reset_lines(struct device *dev)
{
    streams_changed((struct hda_codec *)dev);
}

static bool duplex_loaded(struct device *dev, struct error **err)
{
    const struct duplex *d = (const struct duplex *)dev;

    for (unsigned n = 0; n < 4; n++) {
        if ((d->s.converters[n / 2].gain[n % 2] & 0x7f) > STEPS) {
            error_set(err, "%s: impossible volume", dev->class->name);
            return false;
        }
    }
    return true;
}

static const struct property properties[] = { PROP_AUDIODEV("audiodev", duplex, audio), { 0 } };

#define CODEC                                                                                      \
    .bus = "HDA", .size = sizeof(struct duplex), .properties = properties, .init = duplex_init,    \
    .exit = duplex_exit, .reset = duplex_reset, .reset_lines = duplex_reset_lines,                 \
    .state = STATE(duplex, s, duplex_state, 1), .loaded = duplex_loaded

DEVICE(hda_duplex) = { .name = "hda-duplex", .desc = "HDA Audio Codec, duplex (line-out, line-in)",
                       CODEC };
DEVICE(hda_output) = { .name = "hda-output", .desc = "HDA Audio Codec, output-only (line-out)",
                       CODEC };
