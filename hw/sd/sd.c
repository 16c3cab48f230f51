/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SD memory card (SD Physical Layer Simplified Specification 2.00): standard capacity up to 2 GiB,
 * high capacity beyond.
 */
#include "hw/sd/sd.h"

#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "block.h"

#define BLOCK 512u
#define FIRST_RCA 0x4567
#define SDSC_MAX (2ull << 30)
#define SDHC_UNIT (512u << 10)

/* Card states as the status register has them. */
enum { IDLE, READY, IDENTIFY, STANDBY, TRANSFER, SENDING, RECEIVING, PROGRAMMING, DISCONNECTED,
       INACTIVE = 15 };
enum {
    STATUS_OUT_OF_RANGE = 1u << 31, STATUS_ADDRESS = 1u << 30, STATUS_BLOCK_LENGTH = 1u << 29,
    STATUS_ERASE_SEQUENCE = 1u << 28, STATUS_PROTECTED = 1u << 26, STATUS_ILLEGAL = 1u << 22,
    STATUS_ERROR = 1u << 19, STATUS_READY = 1u << 8, STATUS_APP = 1u << 5,
    STATUS_ERRORS = 0xfdf80000u
};
#define OCR_VOLTAGES 0x00ff8000u
enum { OCR_POWERED = 1u << 31, OCR_HIGH_CAPACITY = 1u << 30 };

struct sd_card {
    struct device dev;
    struct block *block;
    uint64_t size;
    bool high_capacity;
    struct sd_card_state {
        uint32_t status;            /* error bits since they were last reported */
        uint16_t rca;
        uint8_t state, app, multiple, from_card;
        uint32_t block_length, erase_first, erase_last, written;
        uint64_t offset;            /* of the next block on the medium */
        uint32_t at, length;        /* in the buffer */
        bool on_medium;             /* the buffer is a block of it, not a register */
        bool powered;
        uint8_t buffer[BLOCK];
    } s;
};

FIELDS(sd_card_state) = {
    FIELD(sd_card_state, status), FIELD(sd_card_state, rca), FIELD(sd_card_state, state),
    FIELD(sd_card_state, app), FIELD(sd_card_state, multiple), FIELD(sd_card_state, from_card),
    FIELD(sd_card_state, block_length), FIELD(sd_card_state, erase_first),
    FIELD(sd_card_state, erase_last), FIELD(sd_card_state, written),
    FIELD(sd_card_state, offset), FIELD(sd_card_state, at), FIELD(sd_card_state, length),
    FIELD(sd_card_state, on_medium), FIELD(sd_card_state, powered),
    ARRAY(sd_card_state, buffer), FIELDS_END
};

/* Reply formats. */
enum reply { REPLY_NONE, REPLY_R1, REPLY_R2, REPLY_R3, REPLY_R6, REPLY_R7, REPLY_ILLEGAL };

static struct sd_card *card_of(struct device *dev)
{
    return (struct sd_card *)dev;
}

bool sd_present(struct device *dev)
{
    const struct sd_card *card = card_of(dev);

    return card->block && block_inserted(card->block);
}

bool sd_protected(struct device *dev)
{
    const struct sd_card *card = card_of(dev);

    return sd_present(dev) && block_readonly(card->block);
}

/* --- registers ------------------------------------------------------------------------------- */

static uint8_t crc7(const uint8_t *data, unsigned size)
{
    uint8_t crc = 0;

    for (unsigned i = 0; i < size * 8; i++) {
        bool bit = (data[i / 8] >> (7 - i % 8) & 1) ^ (crc >> 6 & 1);

        crc = (crc << 1 ^ (bit ? 0x09 : 0)) & 0x7f;
    }
    return crc;
}

/* Card identification: manufacturer, application, name, revision, serial number, month. */
static void put_cid(uint8_t *r)
{
    static const uint8_t cid[15] = {
        0xaa, 'X', 'Y', 'Q', 'E', 'M', 'U', '!', 0x01, 0xde, 0xad, 0xbe, 0xef, 0x00, 0x62
    };

    memcpy(r, cid, sizeof(cid));
    r[15] = crc7(r, 15) << 1 | 1;
}

static void put_field(uint8_t *r, unsigned bit, unsigned length, uint32_t value)
{
    for (unsigned i = 0; i < length; i++) {
        if (value >> i & 1) {
            r[15 - (bit + i) / 8] |= 1 << (bit + i) % 8;
        }
    }
}

/* The size of a standard card is (C_SIZE + 1) << (C_SIZE_MULT + 2) blocks of 1 << length. */
static bool capacity(uint64_t size, unsigned *count, unsigned *multiplier, unsigned *length)
{
    for (*length = 9; *length <= 10; ++*length) {
        for (*multiplier = 0; *multiplier < 8; ++*multiplier) {
            unsigned shift = *multiplier + 2 + *length;

            *count = (unsigned)(size >> shift) - 1;
            if (size && size % (1u << shift) == 0 && size >> shift <= 4096) {
                return true;
            }
        }
    }
    return false;
}

static void put_csd(const struct sd_card *card, uint8_t *r)
{
    unsigned count, multiplier, length;

    memset(r, 0, 16);
    put_field(r, 112, 8, 0x26);                      /* access time 1.5 ms */
    put_field(r, 96, 8, 0x32);                       /* 25 MHz */
    put_field(r, 84, 12, 0x5f5);                     /* command classes */
    if (card->high_capacity) {
        put_field(r, 126, 2, 1);
        put_field(r, 112, 8, 0x0e);
        put_field(r, 80, 4, 9);
        put_field(r, 48, 22, (uint32_t)(card->size / SDHC_UNIT - 1));
        put_field(r, 22, 4, 9);
    } else if (capacity(card->size, &count, &multiplier, &length)) {
        put_field(r, 80, 4, length);
        put_field(r, 79, 1, 1);                      /* parts of blocks may be read */
        put_field(r, 62, 12, count);
        put_field(r, 56, 6, 0x2d);                   /* currents */
        put_field(r, 50, 6, 0x2d);
        put_field(r, 47, 3, multiplier);
        put_field(r, 22, 4, length);
    }
    put_field(r, 46, 1, 1);                          /* single blocks can be erased */
    put_field(r, 39, 7, 0x7f);
    put_field(r, 26, 3, 2);
    r[15] = crc7(r, 15) << 1 | 1;
}

static uint32_t take_status(struct sd_card *card, uint8_t state)
{
    uint32_t status = card->s.status | (uint32_t)state << 9 | STATUS_READY |
        (card->s.app ? STATUS_APP : 0);

    card->s.status = 0;
    return status;
}

/* --- data ------------------------------------------------------------------------------------ */

static void send_register(struct sd_card *card, const void *data, unsigned size)
{
    memset(card->s.buffer, 0, BLOCK);
    memcpy(card->s.buffer, data, size);
    card->s.at = 0;
    card->s.length = size;
    card->s.on_medium = false;
    card->s.multiple = false;
    card->s.from_card = true;
    card->s.state = SENDING;
}

static void load_block(struct sd_card *card)
{
    struct sd_card_state *s = &card->s;

    if (s->offset + s->block_length > card->size) {
        s->status |= STATUS_OUT_OF_RANGE;
        s->length = s->at = 0;
        return;
    }
    if (block_pread(card->block, s->offset, s->buffer, s->block_length) < 0) {
        s->status |= STATUS_ERROR;
        memset(s->buffer, 0, BLOCK);
    }
    s->at = 0;
    s->length = s->block_length;
    s->offset += s->block_length;
}

static void store_block(struct sd_card *card)
{
    struct sd_card_state *s = &card->s;

    if (s->offset + s->block_length > card->size) {
        s->status |= STATUS_OUT_OF_RANGE;
    } else if (block_pwrite(card->block, s->offset, s->buffer, s->block_length) < 0) {
        s->status |= STATUS_ERROR;
    } else {
        s->written++;
    }
    s->offset += s->block_length;
    s->at = 0;
}

bool sd_data_ready(struct device *dev)
{
    const struct sd_card_state *s = &card_of(dev)->s;

    return (s->state == SENDING || s->state == RECEIVING) && s->at < s->length;
}

uint8_t sd_read(struct device *dev)
{
    struct sd_card *card = card_of(dev);
    struct sd_card_state *s = &card->s;
    uint8_t byte;

    if (s->state != SENDING || s->at >= s->length) {
        return 0;
    }
    byte = s->buffer[s->at++];
    if (s->at == s->length) {
        if (s->multiple) {
            load_block(card);
        } else {
            s->state = TRANSFER;
        }
    }
    return byte;
}

void sd_write(struct device *dev, uint8_t byte)
{
    struct sd_card *card = card_of(dev);
    struct sd_card_state *s = &card->s;

    if (s->state != RECEIVING || s->at >= s->length) {
        return;
    }
    s->buffer[s->at++] = byte;
    if (s->at == s->length) {
        if (s->on_medium) {
            store_block(card);
        }
        if (!s->multiple) {
            s->state = TRANSFER;
        }
    }
}

/* A read or write of one block, or of many until it is stopped. */
static enum reply start_blocks(struct sd_card *card, uint32_t argument, bool from_card,
                               bool multiple)
{
    struct sd_card_state *s = &card->s;
    uint64_t offset = card->high_capacity ? (uint64_t)argument * BLOCK : argument;

    if (s->state != TRANSFER) {
        return REPLY_ILLEGAL;
    }
    if (!from_card && sd_protected(&card->dev)) {
        s->status |= STATUS_PROTECTED;
        return REPLY_R1;
    }
    if (offset + s->block_length > card->size) {
        s->status |= STATUS_ADDRESS;
        return REPLY_R1;
    }
    s->offset = offset;
    s->multiple = multiple;
    s->from_card = from_card;
    s->on_medium = true;
    s->at = 0;
    s->written = 0;
    s->length = s->block_length;
    if (from_card) {
        load_block(card);
    }
    s->state = from_card ? SENDING : RECEIVING;
    return REPLY_R1;
}

static enum reply erase(struct sd_card *card)
{
    struct sd_card_state *s = &card->s;
    uint64_t unit = card->high_capacity ? BLOCK : 1, first = s->erase_first * unit;
    uint64_t end = s->erase_last * unit + BLOCK;

    if (s->erase_first == UINT32_MAX || s->erase_last == UINT32_MAX) {
        s->status |= STATUS_ERASE_SEQUENCE;
    } else if (first >= end || end > card->size) {
        s->status |= STATUS_OUT_OF_RANGE;
    } else if (sd_protected(&card->dev)) {
        s->status |= STATUS_PROTECTED;
    } else if (block_write_zeroes(card->block, first, end - first, true) < 0) {
        s->status |= STATUS_ERROR;
    }
    s->erase_first = s->erase_last = UINT32_MAX;
    return REPLY_R1;
}

/* --- commands -------------------------------------------------------------------------------- */

static void power_on(struct sd_card *card)
{
    card->s = (struct sd_card_state){
        .block_length = BLOCK, .erase_first = UINT32_MAX, .erase_last = UINT32_MAX
    };
}

/* Reports that function 0 of every group is selected and the only one there is. */
static enum reply switch_function(struct sd_card *card, uint32_t argument)
{
    uint8_t data[64] = { 0 };

    if (card->s.state != TRANSFER) {
        return REPLY_ILLEGAL;
    }
    st16_be(data, 100);                              /* mA */
    for (unsigned group = 0; group < 6; group++) {
        unsigned wanted = argument >> 4 * group & 15;

        data[3 + 2 * (5 - group)] = 1;
        if (wanted != 0 && wanted != 15) {
            data[16 - group / 2] |= 15 << 4 * (group & 1);
        }
    }
    send_register(card, data, sizeof(data));
    return REPLY_R1;
}

static enum reply app_command(struct sd_card *card, unsigned index, uint32_t argument)
{
    static const uint8_t scr[8] = { 0x02, 0x25 };    /* version 2.00, 1 and 4 bits wide */
    struct sd_card_state *s = &card->s;
    uint8_t data[64] = { 0 };

    switch (index) {
    case 6:
        return s->state == TRANSFER ? REPLY_R1 : REPLY_ILLEGAL;
    case 13:
    case 22:
    case 51:
        if (s->state != TRANSFER) {
            return REPLY_ILLEGAL;
        }
        if (index == 22) {
            st32_be(data, s->written);
        }
        if (index == 51) {
            send_register(card, scr, sizeof(scr));
        } else {
            send_register(card, data, index == 22 ? 4 : 64);
        }
        return REPLY_R1;
    case 23:
    case 42:
        return REPLY_R1;
    case 41:
        if (s->state != IDLE) {
            return REPLY_ILLEGAL;
        }
        s->powered = argument & OCR_VOLTAGES &&
            (!card->high_capacity || argument & OCR_HIGH_CAPACITY);
        if (s->powered) {
            s->state = READY;
        }
        return REPLY_R3;
    default:
        return REPLY_ILLEGAL;
    }
}

static bool addressed(const struct sd_card *card, uint32_t argument)
{
    return argument >> 16 == card->s.rca;
}

static enum reply select_card(struct sd_card *card, uint32_t argument)
{
    struct sd_card_state *s = &card->s;

    if (!addressed(card, argument)) {
        if (s->state >= TRANSFER && s->state <= SENDING) {
            s->state = STANDBY;
        }
        return REPLY_NONE;
    }
    if (s->state != STANDBY) {
        return REPLY_ILLEGAL;
    }
    s->state = TRANSFER;
    return REPLY_R1;
}

static enum reply stop(struct sd_card *card)
{
    if (card->s.state != SENDING && card->s.state != RECEIVING) {
        return REPLY_ILLEGAL;
    }
    /* Reading ahead past the end of the card was not the host's mistake. */
    card->s.status &= card->s.state == SENDING ? ~STATUS_OUT_OF_RANGE : ~0u;
    card->s.state = TRANSFER;
    return REPLY_R1;
}

static enum reply set_block_length(struct sd_card *card, uint32_t argument)
{
    if (card->s.state != TRANSFER) {
        return REPLY_ILLEGAL;
    }
    if (argument > BLOCK || !argument) {
        card->s.status |= STATUS_BLOCK_LENGTH;
    } else if (!card->high_capacity) {
        card->s.block_length = argument;
    }
    return REPLY_R1;
}

static enum reply plain_command(struct sd_card *card, unsigned index, uint32_t argument)
{
    struct sd_card_state *s = &card->s;

    switch (index) {
    case 0:
        power_on(card);
        return REPLY_NONE;
    case 2:
        if (s->state != READY) {
            return REPLY_ILLEGAL;
        }
        s->state = IDENTIFY;
        return REPLY_R2;
    case 3:
        if (s->state != IDENTIFY && s->state != STANDBY) {
            return REPLY_ILLEGAL;
        }
        s->state = STANDBY;
        s->rca += FIRST_RCA;
        return REPLY_R6;
    case 6: return switch_function(card, argument);
    case 7: return select_card(card, argument);
    case 8: return s->state == IDLE && argument >> 8 == 1 ? REPLY_R7 : REPLY_NONE;
    case 9:
    case 10: return s->state == STANDBY && addressed(card, argument) ? REPLY_R2 : REPLY_NONE;
    case 12: return stop(card);
    case 13: return addressed(card, argument) ? REPLY_R1 : REPLY_NONE;
    case 15:
        s->state = addressed(card, argument) ? INACTIVE : s->state;
        return REPLY_NONE;
    case 16: return set_block_length(card, argument);
    case 17: return start_blocks(card, argument, true, false);
    case 18: return start_blocks(card, argument, true, true);
    case 24: return start_blocks(card, argument, false, false);
    case 25: return start_blocks(card, argument, false, true);
    case 32:
        s->erase_first = argument;
        return REPLY_R1;
    case 33:
        s->erase_last = argument;
        return REPLY_R1;
    case 38: return erase(card);
    case 55:
        if (s->rca && !addressed(card, argument)) {
            return REPLY_NONE;
        }
        s->app = true;
        return REPLY_R1;
    default: return REPLY_ILLEGAL;
    }
}

static unsigned put_reply(struct sd_card *card, enum reply kind, unsigned index, uint32_t argument,
                          uint8_t state, uint8_t *reply)
{
    uint32_t status;

    switch (kind) {
    case REPLY_R1:
        st32_be(reply, take_status(card, state));
        return 4;
    case REPLY_R2:
        if (index == 9) {
            put_csd(card, reply);
        } else {
            put_cid(reply);
        }
        return 16;
    case REPLY_R3:
        st32_be(reply, OCR_VOLTAGES | (card->s.powered ? OCR_POWERED : 0) |
                (card->high_capacity ? OCR_HIGH_CAPACITY : 0));
        return 4;
    case REPLY_R6:
        status = take_status(card, state);
        st32_be(reply, (uint32_t)card->s.rca << 16 | (status >> 8 & 0xc000) |
                (status >> 6 & 0x2000) | (status & 0x1fff));
        return 4;
    case REPLY_R7:
        st32_be(reply, argument & 0xfff);
        return 4;
    default:
        return 0;
    }
}

unsigned sd_command(struct device *dev, unsigned index, uint32_t argument, uint8_t *reply)
{
    struct sd_card *card = card_of(dev);
    uint8_t state = card->s.state;
    bool app = card->s.app;
    enum reply kind;

    if (!sd_present(dev) || state == INACTIVE) {
        return 0;
    }
    card->s.app = false;
    kind = app ? app_command(card, index, argument) : REPLY_ILLEGAL;
    if (kind == REPLY_ILLEGAL) {
        kind = plain_command(card, index, argument);
    } else {
        card->s.app = true;         /* the status tells that it was taken as one */
    }
    if (kind == REPLY_ILLEGAL) {
        card->s.status |= STATUS_ILLEGAL;
        log_guest_error("sd-card: command %s%u in state %u", app ? "A" : "", index, state);
    }
    index = put_reply(card, kind, index, argument, state, reply);
    card->s.app &= !app;
    return index;
}

/* --- life ------------------------------------------------------------------------------------ */

static bool check_size(struct sd_card *card, struct error **err)
{
    unsigned count, multiplier, length;
    int64_t size = block_length(card->block);

    card->size = size < 0 ? 0 : (uint64_t)size;
    card->high_capacity = card->size > SDSC_MAX;
    if (card->size && (card->high_capacity ? card->size % SDHC_UNIT != 0
                                           : !capacity(card->size, &count, &multiplier, &length))) {
        error_set(err, "an SD card cannot have %llu bytes: resize the image to a power of 2 with "
                  "'qemu-img resize'", (unsigned long long)card->size);
        return false;
    }
    return true;
}

static void changed(void *opaque, bool inserted)
{
    struct sd_card *card = opaque;
    struct error *err = NULL;

    power_on(card);
    if (inserted && !check_size(card, &err)) {
        log_guest_error("%s", error_text(err));
        error_free(err);
        card->size = 0;
    }
    irq_set(card->dev.irqs[0], sd_protected(&card->dev));
    irq_set(card->dev.irqs[1], sd_present(&card->dev));
}

static bool sd_init(struct device *dev, struct error **err)
{
    static const struct block_device_ops ops = { .changed = changed };
    struct sd_card *card = card_of(dev);

    if (!card->block) {
        return true;
    }
    return (!block_inserted(card->block) || check_size(card, err)) &&
        block_attach(card->block, &ops, card, err);
}

static void sd_exit(struct device *dev)
{
    if (card_of(dev)->block) {
        block_detach(card_of(dev)->block);
    }
}

static void sd_reset(struct device *dev)
{
    power_on(card_of(dev));
}

static bool sd_loaded(struct device *dev, struct error **err)
{
    const struct sd_card_state *s = &card_of(dev)->s;

    if (s->at > s->length || s->length > BLOCK || s->block_length > BLOCK || !s->block_length) {
        error_set(err, "sd-card: impossible transfer");
        return false;
    }
    return true;
}

static const struct property properties[] = { PROP_DRIVE("drive", sd_card, block), { 0 } };

DEVICE(sd_card) = {
    .name = "sd-card", .desc = "SD memory card", .internal = true, .size = sizeof(struct sd_card),
    .irqs = 2, .properties = properties, .init = sd_init, .exit = sd_exit, .reset = sd_reset,
    .state = STATE(sd_card, s, sd_card_state, 1), .loaded = sd_loaded,
};
