/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -soundhw: the classic names of sound cards, and `all'. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio.h"
#include "base/bits.h"
#include "base/keyval.h"
#include "base/option.h"
#include "hw/audio/sound.h"
#include "hw/core/device.h"
#include "hw/core/machine.h"
#include "hw/isa/isa.h"

static bool make_card(const char *class, struct error **err)
{
    return device_add_option(class, err);
}

static bool make_hda(const char *class, struct error **err)
{
    return device_add_option(class, err) && device_add_option("hda-duplex", err);
}

static bool make_speaker(const char *class, struct error **err)
{
    return pcspk_listen(err);
}

static const struct {
    const char *name, *class;
    bool (*make)(const char *class, struct error **err);
    const char *help;
} cards[] = {
    { "pcspk", NULL, make_speaker, "PC speaker" },
    { "sb16", "sb16", make_card, "Creative Sound Blaster 16" },
    { "ac97", "AC97", make_card, "Intel 82801AA AC97 Audio" },
    { "es1370", "ES1370", make_card, "ENSONIQ AudioPCI ES1370" },
    { "hda", "intel-hda", make_hda, "Intel HD Audio" },
};
/* Cards of old command lines that are not there. */
static const char *const absent[] = { "adlib", "gus", "cs4231a" };

static bool is_absent(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        if (strcmp(absent[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool make_one(const char *name, struct error **err)
{
    for (size_t i = 0; i < ARRAY_LEN(cards); i++) {
        if (strcmp(cards[i].name, name) == 0) {
            return cards[i].make(cards[i].class, err);
        }
    }
    if (is_absent(name)) {
        error_set(err, "the sound card '%s' is not available", name);
    } else {
        error_set(err, "'%s' is not a sound card ('-soundhw help' lists them)", name);
    }
    return false;
}

static bool make_all(struct error **err)
{
    for (size_t i = 0; i < ARRAY_LEN(cards); i++) {
        const char *name = cards[i].class;
        const struct device_class *class = name ? device_class_find(name) : NULL;

        /* Without PCI there are the others. */
        if ((!class || !class->bus || bus_find(class->bus)) && !cards[i].make(name, err)) {
            return false;
        }
    }
    return true;
}

static bool make_list(const char *option, const char *text, struct error **err)
{
    char **names = g_strsplit(text, ",", -1);
    bool good = true;

    for (char **name = names; *name && good; name++) {
        good = strcmp(*name, "all") == 0 ? make_all(err) : make_one(*name, err);
    }
    if (!good && err) {
        error_prepend(err, "%s%s: ", option, text);
    }
    g_strfreev(names);
    return good;
}

static bool make_part(const char *text, struct error **err)
{
    return make_list("-soundhw ", text, err);
}

static bool make_model(const char *text, struct error **err)
{
    return make_list("-audio model=", text, err);
}

static void print_help(void)
{
    printf("Valid sound card names (comma separated):\n");
    for (size_t i = 0; i < ARRAY_LEN(cards); i++) {
        printf("%-11s %s\n", cards[i].name, cards[i].help);
    }
    printf("\n-soundhw all will enable all of the above\n");
}

/* -audio driver,model=card: a back-end and the card that uses it. */
bool sound_audio_option(void *opaque, const struct option_row *row, const char *text,
                        struct error **err)
{
    struct keyval *kv = keyval_parse("-audio", text, "driver", err);
    char *model;

    if (!kv) {
        return false;
    }
    model = g_strdup(keyval_string(kv, "model", NULL));
    keyval_remove(kv, "model");
    if (!keyval_has(kv, "id")) {
        keyval_set(kv, "id", "audio");
    }
    if (!audio_create(kv, err)) {
        g_free(model);
        return false;
    }
    if (model) {
        machine_add_part(make_model, model);
    }
    return true;
}

bool sound_option(void *opaque, const struct option_row *row, const char *text, struct error **err)
{
    if (strcmp(text, "help") == 0 || strcmp(text, "?") == 0) {
        print_help();
        exit(0);
    }
    machine_add_part(make_part, text);
    return true;
}
