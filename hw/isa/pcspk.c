/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System control port B (0x61): speaker gate and data, the refresh toggle, timer channel 2. */
#include "audio.h"
#include "base/bits.h"
#include "base/clock.h"
#include "hw/isa/isa.h"
#include "hw/timer/i8254.h"

enum {
    PORT61_GATE = 0x01, PORT61_SPEAKER = 0x02, PORT61_WRITABLE = 0x0f, PORT61_REFRESH = 0x10,
    PORT61_OUT2 = 0x20
};
enum { RATE = 44100, LOUDNESS = 0x2000 };
/* The refresh bit toggles with every DRAM refresh request. */
#define REFRESH_NS 15085

struct pcspk {
    struct device dev;
    uint32_t iobase;
    struct device *pit;
    struct audiodev *audio;
    struct audio_voice *voice;          /* NULL: nobody wants to hear it */
    uint64_t phase;                     /* in ticks of the timer times RATE; not saved */
    struct pcspk_state { uint8_t control; } s;
};

FIELDS(pcspk_state) = { FIELD(pcspk_state, control), FIELDS_END };

/* --- the tone -------------------------------------------------------------------------------- */

/* A square wave by the timer's third channel, as it is counting now. */
static size_t make_tone(void *opaque, uint8_t *data, size_t size)
{
    struct pcspk *p = opaque;
    struct pit_channel_info info;
    uint64_t period;

    pit_channel_info(p->pit, 2, &info);
    if (info.mode != 3 || info.count < 2) {
        return 0;
    }
    period = (uint64_t)info.count * RATE;
    for (size_t at = 0; at + 2 <= size; at += 2) {
        p->phase = (p->phase + PIT_HZ) % period;
        st16_le(data + at, (uint16_t)(p->phase < period / 2 ? LOUDNESS : -LOUDNESS));
    }
    return size & ~(size_t)1;
}

static void update_voice(struct pcspk *p)
{
    if (p->voice) {
        audio_set_active(p->voice, (p->s.control & (PORT61_GATE | PORT61_SPEAKER)) ==
                         (PORT61_GATE | PORT61_SPEAKER));
    }
}

static void start_voice(struct pcspk *p)
{
    p->voice = audio_open(p->audio, "pcspk", false, make_tone, p);
    audio_set_format(p->voice, &(struct audio_format){ RATE, 1, AUDIO_S16 });
}

bool pcspk_listen(struct error **err)
{
    struct pcspk *p = (struct pcspk *)device_find("isa-pcspk");

    if (!p) {
        error_set(err, "this machine has no PC speaker");
        return false;
    }
    if (!p->voice) {
        start_voice(p);
    }
    return true;
}

/* --- the port -------------------------------------------------------------------------------- */

static uint64_t pcspk_read(void *dev, uint64_t offset, unsigned size)
{
    struct pcspk *p = dev;
    struct pit_channel_info info;
    bool refresh = clock_ns(CLOCK_VM) / REFRESH_NS & 1;

    pit_channel_info(p->pit, 2, &info);
    return p->s.control | (refresh ? PORT61_REFRESH : 0) | (info.out ? PORT61_OUT2 : 0);
}

static void pcspk_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct pcspk *p = dev;

    p->s.control = value & PORT61_WRITABLE;
    pit_set_gate(p->pit, 2, value & PORT61_GATE);
    update_voice(p);
}

static bool pcspk_init(struct device *dev, struct error **err)
{
    struct pcspk *p = (struct pcspk *)dev;

    p->pit = device_find("isa-pit");
    if (!p->pit) {
        error_set(err, "isa-pcspk: the machine has no isa-pit");
        return false;
    }
    isa_map(dev, &dev->regions[0], p->iobase);
    if (p->audio) {
        start_voice(p);
    }
    return true;
}

static void pcspk_exit(struct device *dev)
{
    audio_close(((struct pcspk *)dev)->voice);
}

static void pcspk_reset(struct device *dev)
{
    ((struct pcspk *)dev)->s = (struct pcspk_state){ 0 };
}

static void pcspk_reset_lines(struct device *dev)
{
    update_voice((struct pcspk *)dev);
}

static const struct property pcspk_properties[] = {
    PROP_UINT("iobase", pcspk, iobase, 0x61), PROP_AUDIODEV("audiodev", pcspk, audio),
    { 0 }
};

static const struct device_region pcspk_regions[] = {
    { "pcspk", 1, { pcspk_read, pcspk_write, .max = 1 } },
    { 0 }
};

DEVICE(pcspk) = {
    .name = "isa-pcspk", .desc = "PC speaker and system control port B", .bus = "isa",
    .internal = true, .size = sizeof(struct pcspk), .properties = pcspk_properties,
    .regions = pcspk_regions, .init = pcspk_init, .exit = pcspk_exit,
    .reset = pcspk_reset, .reset_lines = pcspk_reset_lines,
    .state = STATE(pcspk, s, pcspk_state, 1),
};
