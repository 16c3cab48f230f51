/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet commands of a DVD-ROM drive (MMC-6, SPC-3): one table, and the replies. */
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "hw/ide/drive.h"

/* A medium of more sectors than a CD holds is a DVD. */
#define CD_MAX_SECTORS (80 * 60 * 75)

enum { PROFILE_NONE = 0, PROFILE_CD = 0x08, PROFILE_DVD = 0x10 };

static void bad_field(struct ide_drive *drive)
{
    atapi_error(drive, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD);
}

static uint16_t profile(struct ide_drive *drive)
{
    uint32_t sectors = atapi_sectors(drive);
    return sectors == 0 ? PROFILE_NONE : sectors <= CD_MAX_SECTORS ? PROFILE_CD : PROFILE_DVD;
}

/* --- identity and state ---------------------------------------------------------------------- */

static void test_unit_ready(struct ide_drive *drive, const uint8_t *packet)
{
    atapi_ok(drive);
}

static void request_sense(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *reply = drive->s.buffer;

    memset(reply, 0, 18);
    reply[0] = 0x70;
    reply[2] = drive->s.sense_key;
    reply[7] = 10;
    reply[12] = drive->s.asc;
    reply[13] = drive->s.ascq;
    atapi_reply(drive, 18, packet[4]);
}

static void put_padded(uint8_t *to, const char *text, size_t size)
{
    size_t length = strlen(text);
    memset(to, ' ', size);
    memcpy(to, text, MIN_OF(length, size));
}

static void inquiry_page(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *reply = drive->s.buffer;
    uint32_t size = 4;

    memset(reply, 0, 64);
    reply[0] = 0x05;
    reply[1] = packet[2];
    if (packet[2] == 0x00) {
        reply[4] = 0x00;
        reply[5] = 0x83;
        size = 6;
    } else if (packet[2] == 0x83) {
        reply[4] = 0x02;                         /* ASCII, vendor specific */
        reply[7] = 20;
        put_padded(reply + 8, drive->serial, 20);
        size = 28;
    } else {
        bad_field(drive);
        return;
    }
    reply[3] = (uint8_t)(size - 4);
    atapi_reply(drive, size, ld16_be(packet + 3));
}

static void inquiry(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *reply = drive->s.buffer;

    if (packet[1] & 1) {
        inquiry_page(drive, packet);
        return;
    }
    if (packet[2]) {
        bad_field(drive);
        return;
    }
    memset(reply, 0, 36);
    reply[0] = 0x05;                             /* CD-ROM */
    reply[1] = 0x80;                             /* removable */
    reply[3] = 0x21;                             /* ATAPI 2, response format 1 */
    reply[4] = 31;
    put_padded(reply + 8, "QEMU", 8);
    put_padded(reply + 16, "QEMU DVD-ROM", 16);
    put_padded(reply + 32, drive->version, 4);
    atapi_reply(drive, 36, ld16_be(packet + 3));
}

static void start_stop(struct ide_drive *drive, const uint8_t *packet)
{
    bool start = packet[4] & 1, load_eject = packet[4] & 2;

    if (packet[4] & 0xf0 || !load_eject) {       /* power conditions and the spindle */
        atapi_ok(drive);
        return;
    }
    if (!start && drive->s.tray_locked && !drive->s.tray_open) {
        atapi_error(drive, atapi_sectors(drive) ? SENSE_ILLEGAL_REQUEST : SENSE_NOT_READY,
                    ASC_REMOVAL_PREVENTED);
        return;
    }
    if (drive->s.tray_open != !start) {
        drive->s.tray_open = !start;
        if (!start && drive->block) {
            block_eject(drive->block);
        }
    }
    atapi_ok(drive);
}

static void prevent_allow(struct ide_drive *drive, const uint8_t *packet)
{
    drive->s.tray_locked = packet[4] & 1;
    atapi_ok(drive);
}

static void event_status(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *reply = drive->s.buffer;
    uint32_t size = 4;

    if (!(packet[1] & 1)) {                      /* only polled operation */
        bad_field(drive);
        return;
    }
    memset(reply, 0, 8);
    reply[3] = 0x10;                             /* supported: media class */
    if (packet[4] & 0x10) {
        reply[2] = 0x04;
        reply[4] = drive->s.event_medium ? 2 : drive->s.event_eject ? 1 : 0;
        reply[5] = (uint8_t)((drive->s.tray_open ? 1 : 0) | (atapi_sectors(drive) ? 2 : 0));
        drive->s.event_medium = drive->s.event_eject = 0;
        size = 8;
    } else {
        reply[2] = 0x80;                         /* no event available */
    }
    st16_be(reply, (uint16_t)(size - 2));
    atapi_reply(drive, size, ld16_be(packet + 7));
}

static void mechanism_status(struct ide_drive *drive, const uint8_t *packet)
{
    memset(drive->s.buffer, 0, 8);
    drive->s.buffer[1] = drive->s.tray_open ? 0x10 : 0;
    drive->s.buffer[5] = 1;
    atapi_reply(drive, 8, ld16_be(packet + 8));
}

static void set_speed(struct ide_drive *drive, const uint8_t *packet)
{
    atapi_ok(drive);
}

/* --- mode pages ------------------------------------------------------------------------------ */

static uint32_t page_error_recovery(struct ide_drive *drive, uint8_t *page)
{
    memset(page, 0, 8);
    page[0] = 0x01;
    page[1] = 0x06;
    page[3] = 0x05;                              /* retries */
    return 8;
}

static uint32_t page_audio(struct ide_drive *drive, uint8_t *page)
{
    memset(page, 0, 16);
    page[0] = 0x0e;
    page[1] = 14;
    page[2] = 0x04;
    page[8] = page[10] = 1;
    page[9] = page[11] = 0xff;
    return 16;
}

static uint32_t page_capabilities(struct ide_drive *drive, uint8_t *page)
{
    memset(page, 0, 30);
    page[0] = 0x2a;
    page[1] = 28;
    page[2] = 0x3b;                              /* reads CD-R, CD-RW, DVD-ROM, DVD-R */
    page[4] = 0x71;
    page[5] = 3 << 5;
    page[6] = (uint8_t)(0x29 | (drive->s.tray_locked ? 0x02 : 0));
    st16_be(page + 8, 706);                      /* 4x, in kB/s */
    page[11] = 2;
    st16_be(page + 12, 512);
    st16_be(page + 14, 706);
    return 30;
}

static uint32_t put_pages(struct ide_drive *drive, uint8_t wanted, uint8_t *to)
{
    static const struct {
        uint8_t code;
        uint32_t (*put)(struct ide_drive *drive, uint8_t *page);
    } pages[] = {
        { 0x01, page_error_recovery }, { 0x0e, page_audio }, { 0x2a, page_capabilities },
    };
    uint32_t size = 0;

    for (unsigned i = 0; i < ARRAY_LEN(pages); i++) {
        if (wanted == pages[i].code || wanted == 0x3f) {
            size += pages[i].put(drive, to + size);
        }
    }
    return size;
}

/* The medium type of the old CD drives' list. */
static uint8_t medium_type(struct ide_drive *drive)
{
    return drive->s.tray_open ? 0x71 : atapi_sectors(drive) ? 0x01 : 0x70;
}

static void mode_sense(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *reply = drive->s.buffer;
    bool six = packet[0] == 0x1a;
    uint32_t header = six ? 4 : 8, size;

    if (packet[2] >> 6 == 3) {
        atapi_error(drive, SENSE_ILLEGAL_REQUEST, ASC_SAVING_UNSUPPORTED);
        return;
    }
    memset(reply, 0, header);
    size = put_pages(drive, packet[2] & 0x3f, reply + header);
    if (size == 0) {
        bad_field(drive);
        return;
    }
    if (packet[2] >> 6 == 1) {                   /* nothing can be changed */
        memset(reply + header + 2, 0, size - 2);
    }
    size += header;
    if (six) {
        reply[0] = (uint8_t)(size - 1);
        reply[1] = medium_type(drive);
    } else {
        st16_be(reply, (uint16_t)(size - 2));
        reply[2] = medium_type(drive);
    }
    atapi_reply(drive, size, six ? packet[4] : ld16_be(packet + 7));
}

/* --- the medium ------------------------------------------------------------------------------ */

static void read_capacity(struct ide_drive *drive, const uint8_t *packet)
{
    st32_be(drive->s.buffer, atapi_sectors(drive) - 1);
    st32_be(drive->s.buffer + 4, 2048);
    atapi_reply(drive, 8, 8);
}

static void read_sectors(struct ide_drive *drive, const uint8_t *packet)
{
    uint32_t count = packet[0] == 0xa8 ? ld32_be(packet + 6) : ld16_be(packet + 7);
    atapi_read(drive, ld32_be(packet + 2), count, 2048);
}

static void read_cd(struct ide_drive *drive, const uint8_t *packet)
{
    uint32_t count = (uint32_t)ld_be(packet + 6, 3), lba = ld32_be(packet + 2);
    uint8_t parts = packet[9] & 0xf8;

    if (count == 0 || parts == 0) {
        atapi_ok(drive);
    } else if (parts == 0x10) {                  /* user data only */
        atapi_read(drive, lba, count, 2048);
    } else if (parts == 0xf8) {                  /* the whole raw sector */
        atapi_read(drive, lba, count, 2352);
    } else {
        bad_field(drive);
    }
}

static void seek(struct ide_drive *drive, const uint8_t *packet)
{
    if (ld32_be(packet + 2) >= atapi_sectors(drive)) {
        atapi_error(drive, SENSE_ILLEGAL_REQUEST, ASC_OUT_OF_RANGE);
        return;
    }
    atapi_ok(drive);
}

/* Minute, second, frame of an address, or the address itself. */
static void put_address(uint8_t *to, uint32_t lba, bool msf)
{
    if (!msf) {
        st32_be(to, lba);
        return;
    }
    lba += 150;
    to[0] = 0;
    to[1] = (uint8_t)(lba / 75 / 60);
    to[2] = (uint8_t)(lba / 75 % 60);
    to[3] = (uint8_t)(lba % 75);
}

/* One data track and the lead-out. */
static uint32_t put_toc(struct ide_drive *drive, uint8_t *reply, bool msf, uint8_t first)
{
    uint32_t size = 4;

    reply[2] = reply[3] = 1;
    if (first <= 1) {
        reply[size + 1] = 0x14;
        reply[size + 2] = 1;
        put_address(reply + size + 4, 0, msf);
        size += 8;
    }
    reply[size + 1] = 0x16;
    reply[size + 2] = 0xaa;
    put_address(reply + size + 4, atapi_sectors(drive), msf);
    return size + 8;
}

static uint32_t put_session(struct ide_drive *drive, uint8_t *reply, bool msf)
{
    reply[2] = reply[3] = 1;
    reply[5] = 0x14;
    reply[6] = 1;
    put_address(reply + 8, 0, msf);
    return 12;
}

/* Format 2: points A0, A1, A2 (first and last track, lead-out) and the track. */
static uint32_t put_raw_toc(struct ide_drive *drive, uint8_t *reply, bool msf)
{
    static const uint8_t points[] = { 0xa0, 0xa1, 0xa2, 1 };
    uint32_t size = 4;

    reply[2] = reply[3] = 1;
    for (unsigned i = 0; i < ARRAY_LEN(points); i++, size += 11) {
        reply[size] = 1;
        reply[size + 1] = points[i] == 0xa2 ? 0x16 : 0x14;
        reply[size + 3] = points[i];
        if (points[i] == 0xa0 || points[i] == 0xa1) {
            reply[size + 8] = 1;
        } else {
            put_address(reply + size + 7, points[i] == 1 ? 0 : atapi_sectors(drive), msf);
        }
    }
    return size;
}

static void read_toc(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *reply = drive->s.buffer;
    uint8_t format = packet[2] & 0xf ? packet[2] & 0xf : packet[9] >> 6;
    bool msf = packet[1] & 2;
    uint32_t size;

    memset(reply, 0, 64);
    if (format == 0 && (packet[6] <= 1 || packet[6] == 0xaa)) {
        size = put_toc(drive, reply, msf, packet[6]);
    } else if (format == 1) {
        size = put_session(drive, reply, msf);
    } else if (format == 2) {
        size = put_raw_toc(drive, reply, msf);
    } else {
        bad_field(drive);
        return;
    }
    st16_be(reply, (uint16_t)(size - 2));
    atapi_reply(drive, size, ld16_be(packet + 7));
}

static void read_disc_information(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *reply = drive->s.buffer;

    if (packet[1] & 7) {
        bad_field(drive);
        return;
    }
    memset(reply, 0, 34);
    reply[1] = 32;
    reply[2] = 0x0e;                             /* complete, finalized */
    reply[3] = reply[4] = reply[5] = reply[6] = 1;
    reply[7] = 0x20;
    atapi_reply(drive, 34, ld16_be(packet + 7));
}

static void read_dvd_structure(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *reply = drive->s.buffer;
    uint32_t sectors = atapi_sectors(drive), size = 8;

    if (profile(drive) != PROFILE_DVD) {
        atapi_error(drive, SENSE_ILLEGAL_REQUEST, ASC_INCOMPATIBLE_FORMAT);
        return;
    }
    memset(reply, 0, 2052);
    switch (packet[7]) {
    case 0x00:                                   /* physical format */
        reply[4] = 1;                            /* DVD-ROM, version 1 */
        reply[5] = 0x0f;                         /* 120 mm, no maximum rate */
        reply[6] = 1;                            /* one layer, read only */
        reply[9] = 0x03;                         /* data starts at 0x30000 */
        st_be(reply + 13, 3, 0x30000 + sectors - 1);
        size = 2052;
        break;
    case 0x01:                                   /* no copyright protection */
        break;
    case 0x04:                                   /* manufacturing information: none */
        size = 2052;
        break;
    default:
        bad_field(drive);
        return;
    }
    st16_be(reply, (uint16_t)(size - 2));
    atapi_reply(drive, size, ld16_be(packet + 8));
}

/* --- features -------------------------------------------------------------------------------- */

static uint32_t put_feature(uint8_t *to, uint16_t code, uint8_t flags, uint8_t size)
{
    memset(to, 0, 4u + size);
    st16_be(to, code);
    to[2] = flags;
    to[3] = size;
    return 4u + size;
}

static uint32_t put_profiles(struct ide_drive *drive, uint8_t *to)
{
    uint16_t current = profile(drive);
    uint32_t size = put_feature(to, 0x0000, 0x03, 8);

    st16_be(to + 4, PROFILE_DVD);
    to[6] = current == PROFILE_DVD;
    st16_be(to + 8, PROFILE_CD);
    to[10] = current == PROFILE_CD;
    return size;
}

static uint32_t put_core(struct ide_drive *drive, uint8_t *to)
{
    uint32_t size = put_feature(to, 0x0001, 0x0b, 8);

    st32_be(to + 4, 2);                          /* ATAPI */
    to[8] = 1;
    return size;
}

static uint32_t put_removable(struct ide_drive *drive, uint8_t *to)
{
    uint32_t size = put_feature(to, 0x0003, 0x0b, 4);

    to[4] = 0x29;                                /* tray, ejects, can be locked */
    return size;
}

static void get_configuration(struct ide_drive *drive, const uint8_t *packet)
{
    static const struct {
        uint16_t code;
        uint32_t (*put)(struct ide_drive *drive, uint8_t *to);
    } features[] = { { 0, put_profiles }, { 1, put_core }, { 3, put_removable } };
    uint8_t *reply = drive->s.buffer;
    uint16_t start = ld16_be(packet + 2);
    uint32_t size = 8;

    if ((packet[1] & 3) == 3) {
        bad_field(drive);
        return;
    }
    memset(reply, 0, 8);
    for (unsigned i = 0; i < ARRAY_LEN(features); i++) {
        bool one = (packet[1] & 3) == 2;
        if (one ? features[i].code == start : features[i].code >= start) {
            size += features[i].put(drive, reply + size);
        }
    }
    st16_be(reply + 6, profile(drive));
    st32_be(reply, size - 4);
    atapi_reply(drive, size, ld16_be(packet + 7));
}

/* --- the table ------------------------------------------------------------------------------- */

/* Allowed while a change of medium waits to be told; needs a medium. */
enum { ALLOW_UA = 1, NEED_MEDIUM = 2 };

static const struct packet_command {
    uint8_t code, flags;
    void (*run)(struct ide_drive *drive, const uint8_t *packet);
} commands[] = {
    { 0x00, NEED_MEDIUM, test_unit_ready },
    { 0x03, ALLOW_UA, request_sense },
    { 0x12, ALLOW_UA, inquiry },
    { 0x1a, 0, mode_sense },
    { 0x1b, 0, start_stop },
    { 0x1e, 0, prevent_allow },
    { 0x25, NEED_MEDIUM, read_capacity },
    { 0x28, NEED_MEDIUM, read_sectors },
    { 0x2b, NEED_MEDIUM, seek },
    { 0x43, NEED_MEDIUM, read_toc },
    { 0x46, ALLOW_UA, get_configuration },
    { 0x4a, ALLOW_UA, event_status },
    { 0x51, NEED_MEDIUM, read_disc_information },
    { 0x5a, 0, mode_sense },
    { 0xa8, NEED_MEDIUM, read_sectors },
    { 0xad, NEED_MEDIUM, read_dvd_structure },
    { 0xbb, 0, set_speed },
    { 0xbd, 0, mechanism_status },
    { 0xbe, NEED_MEDIUM, read_cd },
};

void atapi_execute(struct ide_drive *drive, const uint8_t *packet)
{
    for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
        if (commands[i].code != packet[0]) {
            continue;
        }
        if (drive->s.medium_changed && !(commands[i].flags & ALLOW_UA)) {
            drive->s.medium_changed = 0;
            atapi_error(drive, SENSE_UNIT_ATTENTION, ASC_MEDIUM_CHANGED);
        } else if (commands[i].flags & NEED_MEDIUM && !atapi_sectors(drive)) {
            atapi_error(drive, SENSE_NOT_READY, ASC_NO_MEDIUM);
        } else {
            commands[i].run(drive, packet);
        }
        return;
    }
    log_unimp("ide: packet command 0x%02x", packet[0]);
    atapi_error(drive, SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPERATION);
}
