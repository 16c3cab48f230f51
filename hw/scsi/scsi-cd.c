/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of MMC-6 that only CD-ROM drives have. */
#include <string.h>

#include "base/bits.h"
#include "hw/scsi/scsi.h"

#define CD_MAX_BLOCKS (80 * 60 * 75)
#define LEAD_IN 150
#define SPEED_1X 177                /* kB/s, rounded up as drivers divide by it */

static bool no_medium(struct scsi_target *t)
{
    if (scsi_blocks(t)) {
        return false;
    }
    scsi_fail(t, SENSE_NOT_READY, 0x3a, t->s.tray_open ? 2 : 1);
    return true;
}

/* --- table of contents ----------------------------------------------------------------------- */

static void put_address(uint8_t *to, uint32_t lba, bool msf)
{
    if (msf) {
        lba += LEAD_IN;
        to[0] = 0;
        to[1] = (uint8_t)(lba / 75 / 60);
        to[2] = (uint8_t)(lba / 75 % 60);
        to[3] = (uint8_t)(lba % 75);
    } else {
        st32_be(to, lba);
    }
}

/* One data track, and the lead-out. */
static uint32_t toc_tracks(struct scsi_target *t, uint8_t *reply, bool msf, uint8_t first)
{
    uint32_t size = 4;

    reply[2] = reply[3] = 1;
    if (first <= 1) {
        reply[size + 1] = 0x14;
        reply[size + 2] = 1;
        put_address(reply + size + 4, 0, msf);
        size += 8;
    }
    reply[size + 1] = 0x14;
    reply[size + 2] = 0xaa;
    put_address(reply + size + 4, (uint32_t)scsi_blocks(t), msf);
    return size + 8;
}

static uint32_t toc_session(uint8_t *reply, bool msf)
{
    reply[2] = reply[3] = 1;
    reply[5] = 0x14;
    reply[6] = 1;
    put_address(reply + 8, 0, msf);
    return 12;
}

/* The points of the lead-in: first and last track, lead-out, the track. */
static uint32_t toc_raw(struct scsi_target *t, uint8_t *reply)
{
    static const uint8_t points[] = { 0xa0, 0xa1, 0xa2, 1 };
    uint32_t size = 4;

    reply[2] = reply[3] = 1;
    for (unsigned i = 0; i < ARRAY_LEN(points); i++, size += 11) {
        uint8_t *entry = reply + size;

        entry[0] = 1;
        entry[1] = 0x14;
        entry[3] = points[i];
        if (points[i] == 0xa2 || points[i] == 1) {
            uint8_t address[4];

            put_address(address, points[i] == 1 ? 0 : (uint32_t)scsi_blocks(t), true);
            memcpy(entry + 8, address + 1, 3);
        } else {
            entry[8] = 1;
        }
    }
    return size;
}

static void read_toc(struct scsi_target *t)
{
    uint8_t *reply = t->s.buffer, *cdb = t->s.cdb;
    uint8_t format = cdb[2] & 15 ? cdb[2] & 15 : cdb[9] >> 6;
    bool msf = cdb[1] & 2;
    uint32_t size;

    if (no_medium(t)) {
        return;
    }
    memset(reply, 0, 64);
    switch (format) {
    case 0:
        if (cdb[6] > 1 && cdb[6] != 0xaa) {
            scsi_invalid_field(t);
            return;
        }
        size = toc_tracks(t, reply, msf, cdb[6]);
        break;
    case 1: size = toc_session(reply, msf); break;
    case 2: size = toc_raw(t, reply); break;
    default:
        scsi_invalid_field(t);
        return;
    }
    st16_be(reply, (uint16_t)(size - 2));
    scsi_reply(t, size, ld16_be(cdb + 7));
}

/* --- what the drive can do ------------------------------------------------------------------- */

static uint16_t profile(struct scsi_target *t)
{
    uint64_t blocks = scsi_blocks(t);

    return blocks == 0 ? 0 : blocks <= CD_MAX_BLOCKS ? 0x08 : 0x10;
}

static void get_configuration(struct scsi_target *t)
{
    static const uint16_t profiles[] = { 0x10, 0x08 };
    uint8_t *reply = t->s.buffer;
    uint32_t size = 8;

    memset(reply, 0, 64);
    st16_be(reply + 6, profile(t));
    st16_be(reply + size, 0);                        /* the list of profiles */
    reply[size + 2] = 0x03;
    reply[size + 3] = 4 * ARRAY_LEN(profiles);
    size += 4;
    for (unsigned i = 0; i < ARRAY_LEN(profiles); i++, size += 4) {
        st16_be(reply + size, profiles[i]);
        reply[size + 2] = profiles[i] == profile(t);
    }
    st16_be(reply + size, 1);                        /* core: SCSI */
    reply[size + 2] = 0x07;
    reply[size + 3] = 8;
    st32_be(reply + size + 4, 1);
    reply[size + 8] = 1;
    size += 12;
    st16_be(reply + size, 3);                        /* removable: tray, locks, ejects */
    reply[size + 2] = 0x03;
    reply[size + 3] = 4;
    reply[size + 4] = 0x39;
    size += 8;
    st32_be(reply, size - 4);
    scsi_reply(t, size, ld16_be(t->s.cdb + 7));
}

static void event_status(struct scsi_target *t)
{
    uint8_t *reply = t->s.buffer;
    uint32_t size = 4;

    if (!(t->s.cdb[1] & 1)) {
        scsi_invalid_field(t);
        return;
    }
    memset(reply, 0, 8);
    reply[3] = 0x10;
    if (t->s.cdb[4] & 0x10) {
        reply[2] = 0x04;
        reply[4] = t->s.event ? 2 : 0;
        reply[5] = (t->s.tray_open ? 1 : 0) | (scsi_blocks(t) ? 2 : 0);
        t->s.event = false;
        size = 8;
    } else {
        reply[2] = 0x80;
    }
    st16_be(reply, (uint16_t)(size - 2));
    scsi_reply(t, size, ld16_be(t->s.cdb + 7));
}

static void disc_information(struct scsi_target *t)
{
    uint8_t *reply = t->s.buffer;

    if (no_medium(t)) {
        return;
    }
    memset(reply, 0, 34);
    reply[1] = 32;
    reply[2] = 0x0e;                                 /* complete, finished session */
    reply[3] = reply[4] = reply[5] = reply[6] = 1;
    reply[7] = 0x20;
    scsi_reply(t, 34, ld16_be(t->s.cdb + 7));
}

static void mechanism_status(struct scsi_target *t)
{
    memset(t->s.buffer, 0, 8);
    t->s.buffer[1] = t->s.tray_open ? 0x10 : 0;
    t->s.buffer[5] = 1;
    scsi_reply(t, 8, ld16_be(t->s.cdb + 8));
}

static void read_cd(struct scsi_target *t)
{
    uint8_t parts = t->s.cdb[9] & 0xf8;

    if (no_medium(t)) {
        return;
    }
    if (parts == 0) {
        scsi_good(t);
    } else if (parts == 0x10) {                      /* user data only */
        scsi_read_blocks(t, ld32_be(t->s.cdb + 2), ld_be(t->s.cdb + 6, 3));
    } else {
        scsi_fail(t, SENSE_ILLEGAL_REQUEST, 0x64, 0);
    }
}

static void set_speed(struct scsi_target *t)
{
    scsi_good(t);
}

static uint32_t page_audio(struct scsi_target *t, uint8_t *to)
{
    memset(to, 0, 16);
    to[0] = 0x0e;
    to[1] = 14;
    to[2] = 0x04;
    to[8] = to[10] = 1;
    to[9] = to[11] = 0xff;
    return 16;
}

static uint32_t page_capabilities(struct scsi_target *t, uint8_t *to)
{
    memset(to, 0, 22);
    to[0] = 0x2a;
    to[1] = 20;
    to[2] = 0x3b;                                    /* reads CD-R, CD-RW, DVD */
    to[4] = 0x7f;                                    /* audio, mode 2, several sessions */
    to[5] = 0xff;
    to[6] = 0x29 | (t->s.locked ? 0x02 : 0);         /* tray, ejects, locks */
    st16_be(to + 8, 50 * SPEED_1X);
    st16_be(to + 10, 2);
    st16_be(to + 12, 2048);
    st16_be(to + 14, 16 * SPEED_1X);
    st16_be(to + 18, 16 * SPEED_1X);
    st16_be(to + 20, 16 * SPEED_1X);
    return 22;
}

uint32_t scsi_cd_page(struct scsi_target *t, uint8_t code, uint8_t *to)
{
    uint32_t size = 0;

    if (code == 0x0e || code == 0x3f) {
        size += page_audio(t, to + size);
    }
    if (code == 0x2a || code == 0x3f) {
        size += page_capabilities(t, to + size);
    }
    return size;
}

bool scsi_cd_execute(struct scsi_target *t)
{
    static const struct {
        uint8_t code;
        void (*run)(struct scsi_target *t);
    } commands[] = {
        { 0x43, read_toc }, { 0x46, get_configuration }, { 0x4a, event_status },
        { 0x51, disc_information }, { 0xbb, set_speed }, { 0xbd, mechanism_status },
        { 0xbe, read_cd },
    };

    for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
        if (commands[i].code == t->s.cdb[0]) {
            commands[i].run(t);
            return true;
        }
    }
    return false;
}
