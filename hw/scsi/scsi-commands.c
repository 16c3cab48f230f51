/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of SPC-3 and SBC-3 that disks know, and those that CD-ROM drives share. */
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "hw/scsi/scsi.h"

enum { DISK = 1, CDROM = 2, ANY = 3, NEEDS_MEDIUM = 4, WITH_ATTENTION = 8 };

/* --- identity -------------------------------------------------------------------------------- */

static void put_padded(uint8_t *to, const char *text, size_t size)
{
    size_t length = text ? strlen(text) : 0;

    memset(to, ' ', size);
    memcpy(to, text ? text : "", MIN_OF(length, size));
}

static const char *serial(const struct scsi_target *t)
{
    const char *drive = t->block ? block_serial(t->block) : NULL;

    return t->serial ? t->serial : drive;
}

static const char *designation(const struct scsi_target *t)
{
    return serial(t) ? serial(t) : t->block ? block_id(t->block) : "";
}

static uint32_t page_serial(struct scsi_target *t, uint8_t *to)
{
    size_t length = MIN_OF(strlen(serial(t)), (size_t)36);

    memcpy(to, serial(t), length);
    return (uint32_t)length;
}

static uint32_t page_designation(struct scsi_target *t, uint8_t *to)
{
    size_t length = MIN_OF(strlen(designation(t)), (size_t)255 - 8);

    to[0] = 2;                                       /* ASCII */
    to[3] = (uint8_t)length;
    memcpy(to + 4, designation(t), length);
    return (uint32_t)length + 4;
}

static uint32_t page_limits(struct scsi_target *t, uint8_t *to)
{
    memset(to, 0, 60);
    st32_be(to + 16, 0x3fffff);                      /* blocks of an UNMAP */
    st32_be(to + 20, 255);                           /* and its ranges */
    st32_be(to + 24, 1);
    return 60;
}

static uint32_t page_characteristics(struct scsi_target *t, uint8_t *to)
{
    memset(to, 0, 60);
    return 60;
}

static uint32_t page_provisioning(struct scsi_target *t, uint8_t *to)
{
    memset(to, 0, 4);
    to[1] = 0xe0;                                    /* UNMAP and both WRITE SAME unmap */
    to[2] = 2;                                       /* thin */
    return 4;
}

static void inquiry_page(struct scsi_target *t, uint8_t code)
{
    static const struct {
        uint8_t code, kinds;
        uint32_t (*put)(struct scsi_target *t, uint8_t *to);
    } pages[] = {
        { 0x80, ANY, page_serial }, { 0x83, ANY, page_designation }, { 0xb0, DISK, page_limits },
        { 0xb1, DISK, page_characteristics }, { 0xb2, DISK, page_provisioning },
    };
    uint8_t kind = t->is_cd ? CDROM : DISK, *reply = t->s.buffer;
    uint32_t size = 4;

    memset(reply, 0, 512);
    reply[0] = t->is_cd ? 5 : 0;
    reply[1] = code;
    if (code == 0) {
        reply[size++] = 0;
    }
    for (unsigned i = 0; i < ARRAY_LEN(pages); i++) {
        if (!(pages[i].kinds & kind) || (pages[i].code == 0x80 && !serial(t))) {
            continue;
        }
        if (code == 0) {
            reply[size++] = pages[i].code;
        } else if (code == pages[i].code) {
            size += pages[i].put(t, reply + 4);
        }
    }
    if (size == 4) {
        scsi_invalid_field(t);
        return;
    }
    st16_be(reply + 2, (uint16_t)(size - 4));
    scsi_reply(t, size, ld16_be(t->s.cdb + 3));
}

static void inquiry(struct scsi_target *t)
{
    uint8_t *reply = t->s.buffer;

    if (t->s.cdb[1] & 1) {
        inquiry_page(t, t->s.cdb[2]);
        return;
    }
    if (t->s.cdb[2]) {
        scsi_invalid_field(t);
        return;
    }
    memset(reply, 0, 36);
    reply[0] = t->is_cd ? 5 : 0;
    reply[1] = t->is_cd ? 0x80 : 0;                  /* removable */
    reply[2] = 5;                                    /* SPC-3 */
    reply[3] = 0x12;                                 /* hierarchical units, response format */
    reply[4] = 31;
    reply[7] = 0x02;                                 /* queues commands */
    put_padded(reply + 8, t->vendor, 8);
    put_padded(reply + 16, t->product, 16);
    put_padded(reply + 32, t->version, 4);
    scsi_reply(t, 36, ld16_be(t->s.cdb + 3));
}

static void request_sense(struct scsi_target *t)
{
    uint8_t *reply = t->s.buffer;

    memset(reply, 0, 18);
    if (t->s.cdb[1] & 1) {                           /* descriptor format */
        reply[0] = 0x72;
        reply[1] = t->s.sense.key;
        reply[2] = t->s.sense.code;
        reply[3] = t->s.sense.qualifier;
    } else {
        reply[0] = 0x70;
        reply[2] = t->s.sense.key;
        reply[7] = 10;
        reply[12] = t->s.sense.code;
        reply[13] = t->s.sense.qualifier;
    }
    t->s.sense = (struct scsi_sense){ 0 };
    scsi_reply(t, t->s.cdb[1] & 1 ? 8 : 18, t->s.cdb[4]);
}

static void report_luns(struct scsi_target *t)
{
    memset(t->s.buffer, 0, 16);
    st32_be(t->s.buffer, 8);
    scsi_reply(t, 16, ld32_be(t->s.cdb + 6));
}

static void nothing(struct scsi_target *t)
{
    scsi_good(t);
}

/* --- mode pages ------------------------------------------------------------------------------ */

static uint32_t page_errors(struct scsi_target *t, uint8_t *to)
{
    memset(to, 0, 12);
    to[0] = 0x01;
    to[1] = t->is_cd ? 6 : 10;
    to[2] = 0x80;                                    /* reallocates on writes */
    to[3] = t->is_cd ? 0x20 : 0;                     /* retries */
    return t->is_cd ? 8 : 12;
}

/* 16 heads and 63 sectors, or 255 heads for large disks. */
static uint32_t page_geometry(struct scsi_target *t, uint8_t *to)
{
    uint64_t blocks = scsi_blocks(t);
    unsigned heads = blocks > 16ull * 63 * 65535 ? 255 : 16;

    memset(to, 0, 24);
    to[0] = 0x04;
    to[1] = 22;
    st_be(to + 2, 3, MIN_OF(blocks / 63 / heads, 0xffffffull));
    to[5] = (uint8_t)heads;
    st16_be(to + 20, 5400);                          /* turns a minute */
    return 24;
}

static uint32_t page_cache(struct scsi_target *t, uint8_t *to)
{
    memset(to, 0, 20);
    to[0] = 0x08;
    to[1] = 18;
    to[2] = t->block && !block_readonly(t->block) && block_write_cache(t->block) ? 4 : 0;
    return 20;
}

static uint32_t put_pages(struct scsi_target *t, uint8_t code, uint8_t *to)
{
    uint32_t size = 0;

    if (code == 0x01 || code == 0x3f) {
        size += page_errors(t, to + size);
    }
    if (!t->is_cd && (code == 0x04 || code == 0x3f)) {
        size += page_geometry(t, to + size);
    }
    if (code == 0x08 || code == 0x3f) {
        size += page_cache(t, to + size);
    }
    return t->is_cd ? size + scsi_cd_page(t, code, to + size) : size;
}

static void mode_sense(struct scsi_target *t)
{
    bool six = t->s.cdb[0] == 0x1a, descriptor = !(t->s.cdb[1] & 8) && !t->is_cd;
    uint32_t header = six ? 4 : 8, size = header, pages;
    uint8_t *reply = t->s.buffer, control = t->s.cdb[2] >> 6, code = t->s.cdb[2] & 0x3f;

    if (control == 3) {
        scsi_fail(t, SENSE_ILLEGAL_REQUEST, 0x39, 0);
        return;
    }
    memset(reply, 0, 16);
    if (descriptor) {
        st32_be(reply + size, (uint32_t)MIN_OF(scsi_blocks(t), 0xffffffull));
        st32_be(reply + size + 4, t->block_size);
        size += 8;
    }
    pages = put_pages(t, code, reply + size);
    if (!pages && code != 0) {
        scsi_invalid_field(t);
        return;
    }
    if (control == 1) {                              /* what can be changed */
        for (uint32_t at = size; at < size + pages; at += reply[at + 1] + 2u) {
            memset(reply + at + 2, 0, reply[at + 1]);
            reply[at + 2] = reply[at] == 0x08 ? 4 : 0;
        }
    }
    size += pages;
    reply[six ? 2 : 3] = !t->is_cd && t->block && block_readonly(t->block) ? 0x80 : 0;
    reply[six ? 3 : 7] = descriptor ? 8 : 0;
    if (six) {
        reply[0] = (uint8_t)(size - 1);
    } else {
        st16_be(reply, (uint16_t)(size - 2));
    }
    scsi_reply(t, size, six ? t->s.cdb[4] : ld16_be(t->s.cdb + 7));
}

static void mode_select(struct scsi_target *t)
{
    scsi_want(t, t->s.cdb[0] == 0x15 ? t->s.cdb[4] : ld16_be(t->s.cdb + 7));
}

/* Only the write cache can be changed. */
static void mode_parameters(struct scsi_target *t)
{
    bool six = t->s.cdb[0] == 0x15;
    const uint8_t *p = t->s.buffer;
    uint32_t at = six ? 4 : 8, end = t->s.end;

    at += end >= at ? (six ? p[3] : ld16_be(p + 6)) : 0;
    while (at + 2 <= end && at + 2 + p[at + 1] <= end) {
        if ((p[at] & 0x3f) == 0x08 && p[at + 1] >= 1 && t->block) {
            block_set_write_cache(t->block, p[at + 2] & 4);
        }
        at += p[at + 1] + 2u;
    }
    if (at != end) {
        scsi_fail(t, SENSE_ILLEGAL_REQUEST, 0x1a, 0);
    } else {
        scsi_good(t);
    }
}

/* --- the medium ------------------------------------------------------------------------------ */

/* Start and length of the READ and WRITE families. */
static uint64_t cdb_lba(const uint8_t *cdb)
{
    switch (cdb[0] >> 5) {
    case 0: return ld_be(cdb + 1, 3) & 0x1fffff;
    case 4: return ld64_be(cdb + 2);
    default: return ld32_be(cdb + 2);
    }
}

static uint64_t cdb_count(const uint8_t *cdb)
{
    switch (cdb[0] >> 5) {
    case 0: return cdb[4] ? cdb[4] : 256;
    case 4: return ld32_be(cdb + 10);
    case 5: return ld32_be(cdb + 6);
    default: return ld16_be(cdb + 7);
    }
}

static void read_blocks(struct scsi_target *t)
{
    scsi_read_blocks(t, cdb_lba(t->s.cdb), cdb_count(t->s.cdb));
}

static void write_blocks(struct scsi_target *t)
{
    scsi_write_blocks(t, cdb_lba(t->s.cdb), cdb_count(t->s.cdb));
}

static bool in_range(struct scsi_target *t, uint64_t lba, uint64_t count)
{
    uint64_t total = scsi_blocks(t);

    if (lba > total || count > total - lba) {
        scsi_fail(t, SENSE_ILLEGAL_REQUEST, 0x21, 0);
        return false;
    }
    return true;
}

static void verify(struct scsi_target *t)
{
    if (t->s.cdb[1] & 6) {                           /* comparing with data */
        scsi_invalid_field(t);
    } else if (in_range(t, cdb_lba(t->s.cdb), cdb_count(t->s.cdb))) {
        scsi_good(t);
    }
}

static void seek(struct scsi_target *t)
{
    if (in_range(t, cdb_lba(t->s.cdb), 1)) {
        scsi_good(t);
    }
}

static void done(struct scsi_target *t, int result)
{
    if (result < 0) {
        scsi_fail(t, SENSE_MEDIUM_ERROR, 0x0c, 0);
    } else {
        scsi_good(t);
    }
}

static void synchronize(struct scsi_target *t)
{
    scsi_submit(t, BLOCK_FLUSH, 0, 0, done);
}

static void read_capacity(struct scsi_target *t)
{
    st32_be(t->s.buffer, (uint32_t)MIN_OF(scsi_blocks(t) - 1, 0xffffffffull));
    st32_be(t->s.buffer + 4, t->block_size);
    scsi_reply(t, 8, 8);
}

static void service_in(struct scsi_target *t)
{
    if ((t->s.cdb[1] & 31) != 0x10) {                /* READ CAPACITY (16) */
        scsi_invalid_field(t);
        return;
    }
    memset(t->s.buffer, 0, 32);
    st64_be(t->s.buffer, scsi_blocks(t) - 1);
    st32_be(t->s.buffer + 8, t->block_size);
    t->s.buffer[14] = 0xc0;                          /* thin, unmapped blocks read as zero */
    scsi_reply(t, 32, ld32_be(t->s.cdb + 10));
}

static bool writable(struct scsi_target *t)
{
    if (block_readonly(t->block)) {
        scsi_fail(t, SENSE_DATA_PROTECT, 0x27, 0);
        return false;
    }
    return true;
}

static void unmap(struct scsi_target *t)
{
    if (writable(t)) {
        scsi_want(t, ld16_be(t->s.cdb + 7));
    }
}

static void unmap_parameters(struct scsi_target *t)
{
    const uint8_t *p = t->s.buffer;
    uint32_t size = t->s.end >= 8 ? MIN_OF(ld16_be(p + 2) + 0u, t->s.end - 8) : 0;

    for (uint32_t at = 8; at + 16 <= 8 + size; at += 16) {
        uint64_t lba = ld64_be(p + at), count = ld32_be(p + at + 8);

        if (!in_range(t, lba, count)) {
            return;
        }
        block_discard(t->block, lba * t->block_size, count * t->block_size);
    }
    scsi_good(t);
}

static void write_same(struct scsi_target *t)
{
    if (writable(t) && in_range(t, cdb_lba(t->s.cdb), cdb_count(t->s.cdb))) {
        scsi_want(t, t->block_size);
    }
}

/* Zeroes are made without writing them; other patterns block by block. */
static void write_same_parameters(struct scsi_target *t)
{
    uint64_t lba = cdb_lba(t->s.cdb), count = cdb_count(t->s.cdb);
    bool zero = true;
    int result = 0;

    count = count ? count : scsi_blocks(t) - lba;
    for (uint32_t i = 0; i < t->block_size; i++) {
        zero &= !t->s.buffer[i];
    }
    if (zero) {
        result = block_write_zeroes(t->block, lba * t->block_size, count * t->block_size,
                                    t->s.cdb[1] & 8);
    } else if (count > 65536) {
        scsi_invalid_field(t);
        return;
    }
    for (uint64_t i = 0; !zero && i < count && result == 0; i++) {
        result = block_pwrite(t->block, (lba + i) * t->block_size, t->s.buffer, t->block_size);
    }
    done(t, result);
}

static void start_stop(struct scsi_target *t)
{
    bool start = t->s.cdb[4] & 1, load_eject = t->s.cdb[4] & 2;

    if (!t->is_cd || !load_eject || t->s.cdb[4] & 0xf0) {
        scsi_good(t);
        return;
    }
    if (!start && t->s.locked && !t->s.tray_open) {
        scsi_fail(t, SENSE_ILLEGAL_REQUEST, 0x53, 2);
        return;
    }
    if (t->s.tray_open == start) {
        t->s.tray_open = !start;
        if (!start && t->block) {
            block_eject(t->block);
        }
    }
    scsi_good(t);
}

static void prevent(struct scsi_target *t)
{
    t->s.locked = t->s.cdb[4] & 1;
    scsi_good(t);
}

/* --- the table ------------------------------------------------------------------------------- */

static const struct command {
    uint8_t code, flags;
    void (*run)(struct scsi_target *t);
    void (*parameters)(struct scsi_target *t);
} commands[] = {
    { 0x00, ANY | NEEDS_MEDIUM, nothing },           /* TEST UNIT READY */
    { 0x01, DISK | NEEDS_MEDIUM, nothing },          /* REZERO UNIT */
    { 0x03, ANY | WITH_ATTENTION, request_sense },
    { 0x08, ANY | NEEDS_MEDIUM, read_blocks },
    { 0x0a, DISK | NEEDS_MEDIUM, write_blocks },
    { 0x0b, DISK | NEEDS_MEDIUM, seek },
    { 0x12, ANY | WITH_ATTENTION, inquiry },
    { 0x15, ANY, mode_select, mode_parameters },
    { 0x16, ANY, nothing },                          /* RESERVE and RELEASE: one initiator */
    { 0x17, ANY, nothing },
    { 0x1a, ANY, mode_sense },
    { 0x1b, ANY, start_stop },
    { 0x1d, ANY, nothing },                          /* SEND DIAGNOSTIC: passed */
    { 0x1e, ANY, prevent },
    { 0x25, ANY | NEEDS_MEDIUM, read_capacity },
    { 0x28, ANY | NEEDS_MEDIUM, read_blocks },
    { 0x2a, DISK | NEEDS_MEDIUM, write_blocks },
    { 0x2b, ANY | NEEDS_MEDIUM, seek },
    { 0x2e, DISK | NEEDS_MEDIUM, write_blocks },     /* WRITE AND VERIFY */
    { 0x2f, ANY | NEEDS_MEDIUM, verify },
    { 0x35, ANY | NEEDS_MEDIUM, synchronize },
    { 0x41, DISK | NEEDS_MEDIUM, write_same, write_same_parameters },
    { 0x42, DISK | NEEDS_MEDIUM, unmap, unmap_parameters },
    { 0x55, ANY, mode_select, mode_parameters },
    { 0x5a, ANY, mode_sense },
    { 0x88, ANY | NEEDS_MEDIUM, read_blocks },
    { 0x8a, DISK | NEEDS_MEDIUM, write_blocks },
    { 0x8e, DISK | NEEDS_MEDIUM, write_blocks },
    { 0x8f, ANY | NEEDS_MEDIUM, verify },
    { 0x91, DISK | NEEDS_MEDIUM, synchronize },
    { 0x93, DISK | NEEDS_MEDIUM, write_same, write_same_parameters },
    { 0x9e, DISK | NEEDS_MEDIUM, service_in },
    { 0xa0, ANY | WITH_ATTENTION, report_luns },
    { 0xa8, ANY | NEEDS_MEDIUM, read_blocks },
    { 0xaa, DISK | NEEDS_MEDIUM, write_blocks },
    { 0xae, DISK | NEEDS_MEDIUM, write_blocks },
    { 0xaf, ANY | NEEDS_MEDIUM, verify },
};

static const struct command *find(const struct scsi_target *t)
{
    for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
        if (commands[i].code == t->s.cdb[0] && commands[i].flags & (t->is_cd ? CDROM : DISK)) {
            return &commands[i];
        }
    }
    return NULL;
}

static bool attention(struct scsi_target *t)
{
    if (t->s.attention) {
        t->s.attention = false;
        scsi_fail(t, SENSE_UNIT_ATTENTION, 0x29, 0);
        return true;
    }
    if (t->s.medium_changed) {
        t->s.medium_changed = false;
        scsi_fail(t, SENSE_UNIT_ATTENTION, 0x28, 0);
        return true;
    }
    return false;
}

void scsi_execute(struct scsi_target *t)
{
    const struct command *c = find(t);

    if (!(c && c->flags & WITH_ATTENTION) && t->s.cdb[0] != 0x4a && attention(t)) {
        return;
    }
    if (t->s.cdb[0] != 0x03) {
        t->s.sense = (struct scsi_sense){ 0 };
    }
    if (c && c->flags & NEEDS_MEDIUM && !scsi_blocks(t)) {
        scsi_fail(t, SENSE_NOT_READY, 0x3a, t->s.tray_open ? 2 : 1);
    } else if (c) {
        c->run(t);
    } else if (!t->is_cd || !scsi_cd_execute(t)) {
        log_guest_error("%s: command 0x%02x", t->dev.class->name, t->s.cdb[0]);
        scsi_fail(t, SENSE_ILLEGAL_REQUEST, 0x20, 0);
    }
}

void scsi_parameters(struct scsi_target *t)
{
    const struct command *c = find(t);

    t->s.phase = SCSI_BUSY;
    if (c && c->parameters) {
        c->parameters(t);
    } else {
        scsi_good(t);
    }
}
