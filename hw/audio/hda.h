/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel HD audio: the link between controller and codecs (High Definition Audio 1.0a). */
#ifndef HW_AUDIO_HDA_H
#define HW_AUDIO_HDA_H

#include "hw/core/device.h"

#define HDA_CODECS 15

struct hda_codec;

struct hda_codec_ops {
    /* A verb of 20 bits to a node; its answer. */
    uint32_t (*command)(struct hda_codec *codec, unsigned node, uint32_t verb);
    /* Streams began or ended: look with hda_running(). */
    void (*streams_changed)(struct hda_codec *codec);
};

/* Starts the struct of every device on the bus. */
struct hda_codec {
    struct device dev;
    const struct hda_codec_ops *ops;    /* set before init ends */
    uint32_t address;                   /* property: "cad"; UINT32_MAX picks one */
};

struct hda_bus {
    struct bus bus;
    struct hda_codec *codecs[HDA_CODECS];
};
void hda_bus_init(struct hda_bus *bus, struct device *owner);
void hda_bus_fini(struct hda_bus *bus);

/* --- for codecs: the controller's streams by their tags -------------------------------------- */

bool hda_running(struct hda_codec *codec, unsigned tag, bool output);
/* Bytes between two interrupts of the stream, about. */
uint32_t hda_block(struct hda_codec *codec, unsigned tag, bool output);
/* To (input) or from the guest's memory; the bytes that were moved. */
size_t hda_transfer(struct hda_codec *codec, unsigned tag, bool output, uint8_t *data, size_t size);

#endif
