/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What drives say of themselves: IDENTIFY DEVICE, IDENTIFY PACKET DEVICE and SMART. */
#include <string.h>

#include "base/bits.h"
#include "hw/ide/drive.h"

struct word {
    uint8_t number;
    uint16_t value;
};

/* Words that are the same for every disk (ATA/ATAPI-6, 8.15). */
static const struct word disk_words[] = {
    { 0, 0x0040 }, { 5, 512 }, { 20, 3 }, { 21, 512 }, { 22, 4 },
    { 47, 0x8000 | IDE_MAX_MULTIPLE }, { 48, 1 }, { 49, 0x0b00 }, { 51, 0x0200 }, { 52, 0x0200 },
    { 53, 7 }, { 64, 3 }, { 65, 120 }, { 66, 120 }, { 67, 120 }, { 68, 120 },
    { 80, 0x00f0 }, { 81, 0x0016 }, { 82, 0x4021 }, { 83, 0x7400 }, { 84, 0x4000 },
    { 86, 0x3400 }, { 87, 0x4000 }, { 93, 0x6001 },
};

/* Serial links: 31 commands in a queue, 1.5 and 3 Gb/s, logs, no cable to look at. */
static const struct word sata_disk_words[] = {
    { 75, 31 }, { 76, 0x0106 }, { 84, 0x4020 }, { 87, 0x4020 }, { 93, 0 },
};
static const struct word sata_packet_words[] = { { 76, 0x0006 }, { 80, 0x00fe } };

static const struct word packet_words[] = {
    { 0, 0x85c0 }, { 20, 3 }, { 21, 512 }, { 22, 4 }, { 48, 1 }, { 49, 0x0300 }, { 53, 7 },
    { 64, 3 }, { 65, 0xb4 }, { 66, 0xb4 }, { 67, 0x12c }, { 68, 0xb4 }, { 71, 30 }, { 72, 30 },
    { 80, 0x001e },
};

static void put_words(uint16_t *words, const struct word *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        words[list[i].number] = list[i].value;
    }
}

/* ASCII, padded with spaces, the first character of each pair in the high byte. */
static void put_text(uint16_t *words, unsigned first, unsigned count, const char *text)
{
    size_t length = strlen(text);

    for (unsigned i = 0; i < count; i++) {
        uint8_t high = 2 * i < length ? (uint8_t)text[2 * i] : ' ';
        uint8_t low = 2 * i + 1 < length ? (uint8_t)text[2 * i + 1] : ' ';
        words[first + i] = (uint16_t)(high << 8 | low);
    }
}

static void put_texts(struct ide_drive *drive, uint16_t *words)
{
    put_text(words, 10, 10, drive->serial);
    put_text(words, 23, 4, drive->version);
    put_text(words, 27, 20, drive->model);
}

/* The low byte says what the drive can do, the high byte what is selected. */
static void put_modes(struct ide_drive *drive, uint16_t *words)
{
    unsigned kind = drive->s.transfer_mode >> 3;
    uint16_t chosen = (uint16_t)(0x100 << (drive->s.transfer_mode & 7));

    words[62] = (uint16_t)(0x07 | (kind == 2 ? chosen : 0));
    words[63] = (uint16_t)(0x07 | (kind == 4 ? chosen : 0));
    words[88] = (uint16_t)(0x3f | (kind == 8 ? chosen : 0));
}

static void put_geometry(struct ide_drive *drive, uint16_t *words)
{
    const struct ide_geometry *g = &drive->geometry;
    uint32_t heads = drive->s.heads, sectors = drive->s.sectors;
    uint64_t cylinders = MIN_OF(drive->total / (heads * sectors), 16383u);
    uint32_t capacity;

    if (heads == g->heads && sectors == g->sectors) {
        cylinders = MIN_OF(g->cylinders, 65535u);
    }
    capacity = (uint32_t)cylinders * heads * sectors;
    words[1] = (uint16_t)g->cylinders;
    words[3] = (uint16_t)g->heads;
    words[4] = (uint16_t)(512 * g->sectors);
    words[6] = (uint16_t)g->sectors;
    words[54] = (uint16_t)cylinders;
    words[55] = (uint16_t)heads;
    words[56] = (uint16_t)sectors;
    words[57] = (uint16_t)capacity;
    words[58] = (uint16_t)(capacity >> 16);
}

void ide_identify_disk(struct ide_drive *drive, uint16_t *words)
{
    uint32_t lba28 = (uint32_t)MIN_OF(drive->total, 0x0fffffffull);

    put_words(words, disk_words, ARRAY_LEN(disk_words));
    put_texts(drive, words);
    put_geometry(drive, words);
    put_modes(drive, words);
    if (drive->channel->sata) {
        put_words(words, sata_disk_words, ARRAY_LEN(sata_disk_words));
    }
    words[59] = drive->s.multiple ? 0x100 | drive->s.multiple : 0;
    words[60] = (uint16_t)lba28;
    words[61] = (uint16_t)(lba28 >> 16);
    words[85] = (uint16_t)(0x4000 | (drive->s.write_cache ? 0x20 : 0) | drive->s.smart_on);
    for (unsigned i = 0; i < 4; i++) {
        words[100 + i] = (uint16_t)(drive->total >> 16 * i);
    }
}

void ide_identify_packet(struct ide_drive *drive, uint16_t *words)
{
    put_words(words, packet_words, ARRAY_LEN(packet_words));
    put_texts(drive, words);
    put_modes(drive, words);
    if (drive->channel->sata) {
        put_words(words, sata_packet_words, ARRAY_LEN(sata_packet_words));
    }
}

/* --- SMART (ATA/ATAPI-6, 8.54) --------------------------------------------------------------- */

static const struct { uint8_t id, flags, value, worst, raw, threshold; } attributes[] = {
    { 1, 0x03, 100, 100, 0, 6 },      /* raw read error rate */
    { 3, 0x03, 100, 100, 16, 0 },     /* spin-up time */
    { 4, 0x02, 100, 100, 0, 20 },     /* start and stop count */
    { 5, 0x03, 100, 100, 0, 36 },     /* reallocated sectors */
    { 9, 0x03, 100, 100, 1, 0 },      /* power-on hours */
    { 12, 0x03, 100, 100, 0, 0 },     /* power cycles */
    { 190, 0x03, 69, 69, 31, 50 },    /* temperature */
};

static void finish_sector(uint8_t *sector)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 511; i++) {
        sum += sector[i];
    }
    sector[511] = (uint8_t)-sum;
}

static void smart_data(struct ide_drive *drive, uint8_t *sector)
{
    sector[0] = 0x01;
    for (unsigned i = 0; i < ARRAY_LEN(attributes); i++) {
        uint8_t *row = sector + 2 + 12 * i;
        row[0] = attributes[i].id;
        row[1] = attributes[i].flags;
        row[3] = attributes[i].value;
        row[4] = attributes[i].worst;
        row[5] = attributes[i].raw;
    }
    sector[362] = drive->s.smart_autosave ? 0x82 : 0x02;   /* off-line collection: done */
    sector[364] = 0x20;              /* seconds that it takes */
    sector[367] = 0x01;              /* can be started at once */
    sector[368] = 0x03;              /* saves attributes */
    sector[370] = 0x01;              /* has an error log */
    finish_sector(sector);
}

static void smart_thresholds(uint8_t *sector)
{
    sector[0] = 0x01;
    for (unsigned i = 0; i < ARRAY_LEN(attributes); i++) {
        sector[2 + 12 * i] = attributes[i].id;
        sector[3 + 12 * i] = attributes[i].threshold;
    }
    finish_sector(sector);
}

/* Log 0 is the directory, 1 the error log, 6 the self-test log: both empty. */
static bool smart_log(uint8_t number, uint8_t *sector)
{
    switch (number) {
    case 0:
        sector[0] = 1;
        sector[2] = 1;
        sector[12] = 1;
        return true;
    case 1:
    case 6:
        sector[0] = 1;
        finish_sector(sector);
        return true;
    default:
        return false;
    }
}

static void offer_sector(struct ide_drive *drive)
{
    ide_offer(drive, IDE_PHASE_REPLY, 0, 512);
    ide_raise_irq(drive);
}

static bool smart_allowed(const struct ide_drive_state *s)
{
    return s->lba_mid == 0x4f && s->lba_high == 0xc2 && (s->smart_on || s->feature == 0xd8);
}

void ide_smart(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;

    if (!smart_allowed(s)) {
        ide_fail(drive, IDE_ERROR_ABORT);
        return;
    }
    memset(s->buffer, 0, 512);
    switch (s->feature) {
    case 0xd0:
        smart_data(drive, s->buffer);
        offer_sector(drive);
        return;
    case 0xd1:
        smart_thresholds(s->buffer);
        offer_sector(drive);
        return;
    case 0xd2:
        s->smart_autosave = s->count == 0xf1;
        break;
    case 0xd3:                       /* save attributes */
    case 0xd4:                       /* immediate off-line tests succeed at once */
        break;
    case 0xd5:
        if (!smart_log(s->lba_low, s->buffer)) {
            ide_fail(drive, IDE_ERROR_ABORT);
            return;
        }
        offer_sector(drive);
        return;
    case 0xd8:
    case 0xd9:
        s->smart_on = s->feature == 0xd8;
        break;
    case 0xda:                       /* the signature stays: no threshold exceeded */
        break;
    default:
        ide_fail(drive, IDE_ERROR_ABORT);
        return;
    }
    ide_complete(drive);
}

/* --- logs (ATA/ATAPI-7, 6.24) ---------------------------------------------------------------- */

void ide_log_queued(struct ide_drive *drive, uint8_t error)
{
    const struct ide_drive_state *s = &drive->s;
    /* The tag was left there; the count register has moved on. */
    const uint8_t entry[16] = {
        s->queue_log[0] & 0x1f, 0, IDE_STATUS_IDLE | IDE_STATUS_ERROR, error,
        s->lba_low, s->lba_mid, s->lba_high, s->select, s->hob_low, s->hob_mid, s->hob_high,
        0, s->feature, s->hob_feature
    };

    memcpy(drive->s.queue_log, entry, sizeof(entry));
}

/* Page 0 is the directory; page 0x10 tells which queued command failed, once. */
void ide_read_log(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;

    if (!drive->channel->sata || s->count != 1 || s->hob_count || s->lba_mid || s->hob_mid ||
        (s->lba_low && s->lba_low != 0x10)) {
        ide_fail(drive, IDE_ERROR_ABORT);
        return;
    }
    memset(s->buffer, 0, 512);
    if (s->lba_low == 0) {
        st16_le(s->buffer, 1);
        st16_le(s->buffer + 2 * 0x10, 1);
    } else {
        memcpy(s->buffer, s->queue_log, sizeof(s->queue_log));
        memset(s->queue_log, 0, sizeof(s->queue_log));
        s->queue_log[0] = 0x80;      /* no queued command */
        finish_sector(s->buffer);
    }
    offer_sector(drive);
}
