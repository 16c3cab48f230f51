/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The floppy controller's state, shared by its registers and its commands. */
#ifndef HW_BLOCK_FDC_CORE_H
#define HW_BLOCK_FDC_CORE_H

#include "block.h"
#include "hw/core/device.h"
#include "hw/isa/isa.h"

#define FDC_DRIVES 2
#define FDC_SECTOR 512
#define FDC_FIFO 16

enum {
    MSR_DRIVE_BUSY = 0x0f, MSR_BUSY = 0x10, MSR_NON_DMA = 0x20, MSR_TO_HOST = 0x40,
    MSR_REQUEST = 0x80
};
enum { DOR_SELECT = 0x03, DOR_NOT_RESET = 0x04, DOR_DMA = 0x08 };
enum {
    ST0_SEEK_END = 0x20, ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_POLLING = 0xc0,
    ST1_MISSING_ADDRESS = 0x01, ST1_NOT_WRITABLE = 0x02, ST1_NO_DATA = 0x04, ST1_CRC = 0x20,
    ST1_END_OF_TRACK = 0x80
};

enum fdc_phase { FDC_COMMAND, FDC_EXECUTION, FDC_RESULT };
enum fdc_transfer { FDC_READ, FDC_WRITE, FDC_VERIFY, FDC_FORMAT };

struct fdc_drive_state {
    uint8_t track, head, sector;
    uint8_t changed;               /* the disk change line */
    uint8_t perpendicular;
};

struct fdc_state {
    struct fdc_drive_state drives[4];
    uint8_t dor, tdr, dsr;
    uint8_t phase, irq;
    uint8_t fifo[FDC_FIFO];        /* command and parameters, then results */
    uint8_t fifo_at, fifo_size;
    uint8_t st0, polling;          /* polling: interrupts to be sensed after a reset */
    uint8_t timer0, timer1, non_dma, config, precompensation, locked, powered_down;
    /* The transfer in progress. */
    uint8_t transfer, multi_track, last_sector, drive, filler, track_done;
    uint16_t data_at;
    uint8_t data[FDC_SECTOR];
};

struct floppy {
    struct block *block;
    uint8_t tracks, heads, sectors, rate;
    uint8_t cmos_type;
};

struct fdc {
    struct device dev;
    struct floppy floppies[FDC_DRIVES];
    struct isa_bus *bus;
    uint32_t port, irq_number, dma_number;
    struct fdc_state s;
};

/* The drive of the command; NULL when there is none, or no medium in it. */
struct floppy *fdc_floppy(struct fdc *fdc, unsigned n);
bool fdc_loaded_disk(struct fdc *fdc, unsigned n);
void fdc_set_irq(struct fdc *fdc, bool on);
void fdc_reset_chip(struct fdc *fdc, bool interrupt);

/* fdc-commands.c */
void fdc_fifo_write(struct fdc *fdc, uint8_t value);
uint8_t fdc_fifo_read(struct fdc *fdc);
uint8_t fdc_main_status(const struct fdc *fdc);
unsigned fdc_dma_transfer(void *opaque, uint8_t *data, unsigned size, bool to_device, bool last);

#endif
