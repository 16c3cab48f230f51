/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 82078 floppy controller on ISA: its registers, the drives and the media in them. */
#include "hw/block/fdc.h"

#include <string.h>

#include "base/bits.h"
#include "hw/block/fdc-core.h"

enum { REG_SRA, REG_SRB, REG_DOR, REG_TDR, REG_MSR, REG_FIFO, REG_DIR = 7 };

FIELDS(fdc_drive_state) = {
    FIELD(fdc_drive_state, track), FIELD(fdc_drive_state, head), FIELD(fdc_drive_state, sector),
    FIELD(fdc_drive_state, changed), FIELD(fdc_drive_state, perpendicular), FIELDS_END
};
FIELDS(fdc_state) = {
    NESTED_ARRAY(fdc_state, drives, fdc_drive_state), FIELD(fdc_state, dor),
    FIELD(fdc_state, tdr), FIELD(fdc_state, dsr), FIELD(fdc_state, phase), FIELD(fdc_state, irq),
    ARRAY(fdc_state, fifo), FIELD(fdc_state, fifo_at), FIELD(fdc_state, fifo_size),
    FIELD(fdc_state, st0), FIELD(fdc_state, polling), FIELD(fdc_state, timer0),
    FIELD(fdc_state, timer1), FIELD(fdc_state, non_dma), FIELD(fdc_state, config),
    FIELD(fdc_state, precompensation), FIELD(fdc_state, locked),
    FIELD(fdc_state, powered_down), FIELD(fdc_state, transfer), FIELD(fdc_state, multi_track),
    FIELD(fdc_state, last_sector), FIELD(fdc_state, drive), FIELD(fdc_state, filler),
    FIELD(fdc_state, track_done), FIELD(fdc_state, data_at), ARRAY(fdc_state, data), FIELDS_END
};

/* --- media ----------------------------------------------------------------------------------- */

enum { RATE_500, RATE_300, RATE_250, RATE_1000 };
enum { TYPE_12 = 2, TYPE_144 = 4, TYPE_288 = 5 };

/* Formats by size; of equal sizes the first one counts. */
static const struct { uint8_t sectors, tracks, heads, rate, cmos_type; } formats[] = {
    { 18, 80, 2, RATE_500, TYPE_144 }, { 20, 80, 2, RATE_500, TYPE_144 },
    { 21, 80, 2, RATE_500, TYPE_144 }, { 21, 82, 2, RATE_500, TYPE_144 },
    { 21, 83, 2, RATE_500, TYPE_144 }, { 22, 80, 2, RATE_500, TYPE_144 },
    { 23, 80, 2, RATE_500, TYPE_144 }, { 24, 80, 2, RATE_500, TYPE_144 },
    { 36, 80, 2, RATE_1000, TYPE_288 }, { 39, 80, 2, RATE_1000, TYPE_288 },
    { 40, 80, 2, RATE_1000, TYPE_288 }, { 44, 80, 2, RATE_1000, TYPE_288 },
    { 48, 80, 2, RATE_1000, TYPE_288 },
    { 9, 80, 2, RATE_250, TYPE_144 }, { 10, 80, 2, RATE_250, TYPE_144 },
    { 10, 82, 2, RATE_250, TYPE_144 }, { 10, 83, 2, RATE_250, TYPE_144 },
    { 13, 80, 2, RATE_250, TYPE_144 }, { 14, 80, 2, RATE_250, TYPE_144 },
    { 15, 80, 2, RATE_500, TYPE_12 }, { 18, 80, 2, RATE_500, TYPE_12 },
    { 18, 82, 2, RATE_500, TYPE_12 }, { 18, 83, 2, RATE_500, TYPE_12 },
    { 9, 40, 2, RATE_300, TYPE_12 }, { 10, 41, 2, RATE_300, TYPE_12 },
    { 10, 42, 2, RATE_300, TYPE_12 }, { 9, 40, 1, RATE_300, TYPE_12 },
    { 8, 40, 2, RATE_250, TYPE_12 }, { 8, 40, 1, RATE_250, TYPE_12 },
};

static void find_format(struct floppy *floppy)
{
    int64_t length = floppy->block && block_inserted(floppy->block)
                         ? block_length(floppy->block) : -1;
    unsigned best = 0;

    for (unsigned i = 0; i < ARRAY_LEN(formats); i++) {
        if (length == (int64_t)formats[i].sectors * formats[i].tracks * formats[i].heads * 512) {
            best = i;
            break;
        }
    }
    floppy->sectors = formats[best].sectors;
    floppy->tracks = formats[best].tracks;
    floppy->heads = formats[best].heads;
    floppy->rate = formats[best].rate;
    if (length < 0) {
        floppy->cmos_type = TYPE_288;            /* an empty drive takes any disk */
    } else {
        floppy->cmos_type = formats[best].cmos_type;
    }
}

struct floppy *fdc_floppy(struct fdc *fdc, unsigned n)
{
    return n < FDC_DRIVES && fdc->floppies[n].block ? &fdc->floppies[n] : NULL;
}

bool fdc_loaded_disk(struct fdc *fdc, unsigned n)
{
    struct floppy *floppy = fdc_floppy(fdc, n);
    return floppy && block_inserted(floppy->block);
}

static void medium_changed(void *opaque, bool inserted)
{
    struct fdc *fdc = opaque;

    for (unsigned n = 0; n < FDC_DRIVES; n++) {
        struct floppy *floppy = &fdc->floppies[n];
        uint8_t type = floppy->cmos_type;
        if (!floppy->block) {
            continue;
        }
        /* One handler for both drives: a false alarm only costs the guest a look. */
        find_format(floppy);
        floppy->cmos_type = type;
        fdc->s.drives[n].changed = 1;
    }
}

static const struct block_device_ops floppy_ops = { .changed = medium_changed };

/* --- registers ------------------------------------------------------------------------------- */

void fdc_set_irq(struct fdc *fdc, bool on)
{
    fdc->s.irq = on;
    irq_set(fdc->dev.irqs[0], on);
}

void fdc_reset_chip(struct fdc *fdc, bool interrupt)
{
    struct fdc_state *s = &fdc->s;

    isa_dma_request(fdc->bus, fdc->dma_number, false);
    fdc_set_irq(fdc, false);
    s->phase = FDC_COMMAND;
    s->fifo_at = s->fifo_size = 0;
    s->data_at = 0;
    s->powered_down = 0;
    s->st0 = 0;
    if (!s->locked) {
        s->config = s->precompensation = 0;
    }
    for (unsigned n = 0; n < ARRAY_LEN(s->drives); n++) {
        s->drives[n].perpendicular = 0;
    }
    if (interrupt) {
        s->polling = 4;
        s->st0 = ST0_POLLING;
        fdc_set_irq(fdc, true);
    }
}

static void write_dor(struct fdc *fdc, uint8_t value)
{
    uint8_t changed = fdc->s.dor ^ value;

    fdc->s.dor = value;
    if (changed & DOR_NOT_RESET) {
        fdc_reset_chip(fdc, value & DOR_NOT_RESET);
    }
}

static void write_dsr(struct fdc *fdc, uint8_t value)
{
    if (value & 0x80) {                          /* a reset that ends by itself */
        fdc_reset_chip(fdc, true);
    }
    fdc->s.powered_down = value >> 6 & 1;
    fdc->s.dsr = value & 0x7f;
}

static uint8_t read_sra(struct fdc *fdc)
{
    const struct fdc_state *s = &fdc->s;
    const struct fdc_drive_state *drive = &s->drives[s->dor & DOR_SELECT];

    return (uint8_t)((s->irq ? 0x80 : 0) | (fdc_floppy(fdc, 1) ? 0 : 0x40) |
                     (drive->track == 0 ? 0 : 0x10) | (drive->head ? 0x08 : 0));
}

static uint8_t read_srb(struct fdc *fdc)
{
    uint8_t dor = fdc->s.dor;
    return (uint8_t)(0xc0 | (dor & 1 ? 0x20 : 0) | (dor >> 4 & 3));
}

static uint8_t read_dir(struct fdc *fdc)
{
    unsigned n = fdc->s.dor & DOR_SELECT;
    return fdc->s.drives[n].changed ? 0x80 : 0;
}

static uint64_t fdc_read(void *dev, uint64_t offset, unsigned size)
{
    struct fdc *fdc = dev;

    switch (offset) {
    case REG_SRA:
        return read_sra(fdc);
    case REG_SRB:
        return read_srb(fdc);
    case REG_DOR:
        return fdc->s.dor;
    case REG_TDR:
        return fdc->s.tdr;
    case REG_MSR:
        return fdc_main_status(fdc);
    case REG_FIFO:
        return fdc_fifo_read(fdc);
    default:
        return 0xff;
    }
}

static void fdc_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct fdc *fdc = dev;

    switch (offset) {
    case REG_DOR:
        write_dor(fdc, (uint8_t)value);
        break;
    case REG_TDR:
        fdc->s.tdr = value & 3;
        break;
    case REG_MSR:
        write_dsr(fdc, (uint8_t)value);
        break;
    case REG_FIFO:
        fdc_fifo_write(fdc, (uint8_t)value);
        break;
    }
}

static uint64_t dir_read(void *dev, uint64_t offset, unsigned size)
{
    return read_dir(dev);
}

static void ccr_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct fdc *fdc = dev;
    fdc->s.dsr = (uint8_t)bits_merge(fdc->s.dsr, value, 3);
}

/* 0x3f6 belongs to the ATA channel. */
static const struct device_region fdc_regions[] = {
    { "fdc", 6, { fdc_read, fdc_write, .min = 1, .max = 1 } },
    { "fdc-dir", 1, { dir_read, ccr_write, .min = 1, .max = 1 } },
    { 0 }
};

/* --- the device ------------------------------------------------------------------------------ */

static bool attach_drives(struct fdc *fdc, struct error **err)
{
    for (unsigned n = 0; n < FDC_DRIVES; n++) {
        struct floppy *floppy = &fdc->floppies[n];
        if (floppy->block && !block_attach(floppy->block, &floppy_ops, fdc, err)) {
            return false;
        }
        find_format(floppy);
    }
    return true;
}

static bool fdc_init(struct device *dev, struct error **err)
{
    struct fdc *fdc = (struct fdc *)dev;

    fdc->bus = isa_bus_of(dev);
    if (fdc->port > 0xfff8) {
        error_set(err, "isa-fdc: the port is out of range");
        return false;
    }
    if (!isa_connect_irq(dev, 0, fdc->irq_number, err) ||
        !isa_dma_claim(fdc->bus, fdc->dma_number, fdc_dma_transfer, fdc, err)) {
        return false;
    }
    if (!attach_drives(fdc, err)) {
        isa_dma_release(fdc->bus, fdc->dma_number);
        return false;
    }
    isa_map(dev, &dev->regions[0], (uint16_t)fdc->port);
    isa_map(dev, &dev->regions[1], (uint16_t)(fdc->port + REG_DIR));
    return true;
}

static void fdc_exit(struct device *dev)
{
    struct fdc *fdc = (struct fdc *)dev;

    isa_dma_release(fdc->bus, fdc->dma_number);
    for (unsigned n = 0; n < FDC_DRIVES; n++) {
        if (fdc->floppies[n].block) {
            block_detach(fdc->floppies[n].block);
        }
    }
}

static void fdc_reset(struct device *dev)
{
    struct fdc *fdc = (struct fdc *)dev;

    memset(&fdc->s, 0, sizeof(fdc->s));
    fdc->s.dor = DOR_NOT_RESET | DOR_DMA;
    fdc->s.dsr = RATE_250;
    fdc->s.config = 0x20;
    for (unsigned n = 0; n < FDC_DRIVES; n++) {
        fdc->s.drives[n].changed = fdc->floppies[n].block != NULL;
        fdc->s.drives[n].sector = 1;
    }
}

static void fdc_reset_lines(struct device *dev)
{
    struct fdc *fdc = (struct fdc *)dev;

    irq_set(dev->irqs[0], fdc->s.irq);
    isa_dma_request(fdc->bus, fdc->dma_number,
                    fdc->s.phase == FDC_EXECUTION && !fdc->s.non_dma);
}

static bool fdc_loaded(struct device *dev, struct error **err)
{
    struct fdc_state *s = &((struct fdc *)dev)->s;

    if (s->fifo_at > FDC_FIFO || s->fifo_size > FDC_FIFO || s->data_at >= FDC_SECTOR ||
        s->drive > 3 || s->phase > FDC_RESULT || s->transfer > FDC_FORMAT) {
        error_set(err, "isa-fdc: impossible state");
        return false;
    }
    return true;
}

uint8_t fdc_cmos_type(unsigned drive)
{
    struct device *dev = device_find("isa-fdc");
    struct floppy *floppy = dev ? fdc_floppy((struct fdc *)dev, drive) : NULL;

    return floppy ? floppy->cmos_type : 0;
}

static const struct property fdc_properties[] = {
    PROP_UINT("iobase", fdc, port, 0x3f0),
    PROP_UINT("irq", fdc, irq_number, 6),
    PROP_UINT("dma", fdc, dma_number, 2),
    PROP_DRIVE("driveA", fdc, floppies[0].block),
    PROP_DRIVE("driveB", fdc, floppies[1].block),
    PROPERTIES_END
};

DEVICE(fdc) = {
    .name = "isa-fdc",
    .desc = "Virtual floppy controller",
    .bus = "isa",
    .internal = true,
    .size = sizeof(struct fdc),
    .properties = fdc_properties,
    .regions = fdc_regions,
    .irqs = 1,
    .init = fdc_init,
    .exit = fdc_exit,
    .reset = fdc_reset,
    .reset_lines = fdc_reset_lines,
    .loaded = fdc_loaded,
    .state = STATE(fdc, s, fdc_state, 1),
};
