/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the LSI53C895A: its registers, its script engine, its side of the SCSI bus. */
#ifndef HW_SCSI_LSI53C895A_H
#define HW_SCSI_LSI53C895A_H

#include "base/bits.h"
#include "base/clock.h"
#include "hw/pci/pci.h"
#include "hw/scsi/scsi.h"

#define LSI_REGISTERS 256
#define LSI_RAM 8192

/* Registers by their place (LSI53C895A technical manual, chapter 4). */
enum {
    LSI_SCNTL0 = 0x00, LSI_SCNTL1 = 0x01, LSI_SCNTL2 = 0x02, LSI_SCNTL3 = 0x03, LSI_SCID = 0x04,
    LSI_SXFER = 0x05, LSI_SDID = 0x06, LSI_SFBR = 0x08, LSI_SOCL = 0x09, LSI_SSID = 0x0a,
    LSI_SBCL = 0x0b, LSI_DSTAT = 0x0c, LSI_SSTAT0 = 0x0d, LSI_SSTAT1 = 0x0e, LSI_SSTAT2 = 0x0f,
    LSI_DSA = 0x10, LSI_ISTAT0 = 0x14, LSI_ISTAT1 = 0x15, LSI_CTEST2 = 0x1a, LSI_CTEST3 = 0x1b,
    LSI_TEMP = 0x1c, LSI_DBC = 0x24, LSI_DCMD = 0x27, LSI_DNAD = 0x28, LSI_DSP = 0x2c,
    LSI_DSPS = 0x30, LSI_SCRATCHA = 0x34, LSI_DMODE = 0x38, LSI_DIEN = 0x39, LSI_DCNTL = 0x3b,
    LSI_ADDER = 0x3c, LSI_SIEN0 = 0x40, LSI_SIEN1 = 0x41, LSI_SIST0 = 0x42, LSI_SIST1 = 0x43,
    LSI_MACNTL = 0x46, LSI_STEST0 = 0x4c, LSI_STEST1 = 0x4d, LSI_STEST2 = 0x4e,
    LSI_STEST3 = 0x4f, LSI_SIDL = 0x50, LSI_STEST4 = 0x52, LSI_CCNTL0 = 0x56, LSI_SBDL = 0x58,
    LSI_SCRATCHB = 0x5c, LSI_PMJAD1 = 0xc0, LSI_PMJAD2 = 0xc4, LSI_RBC = 0xc8, LSI_UA = 0xcc,
    LSI_ESA = 0xd0, LSI_IA = 0xd4, LSI_SBC = 0xd8, LSI_CSBC = 0xdc
};
enum { SCNTL1_CONNECTED = 0x10, SCNTL1_RESET = 0x08 };
enum { DSTAT_EMPTY = 0x80, DSTAT_BUS_FAULT = 0x20, DSTAT_ABORTED = 0x10, DSTAT_STEP = 0x08,
       DSTAT_INTERRUPT = 0x04, DSTAT_ILLEGAL = 0x01 };
enum { ISTAT_ABORT = 0x80, ISTAT_RESET = 0x40, ISTAT_SIGNAL = 0x20, ISTAT_SEMAPHORE = 0x10,
       ISTAT_CONNECTED = 0x08, ISTAT_FLY = 0x04, ISTAT_SCSI = 0x02, ISTAT_DMA = 0x01 };
/* Both SCSI interrupt status registers as one. */
enum { SIST_MISMATCH = 0x80, SIST_COMPLETE = 0x40, SIST_DISCONNECT = 0x04, SIST_RESET = 0x02,
       SIST_TIMEOUT = 0x400, SIST_NOT_FATAL = 0x0370 };

/* Phases as the wires MSG, C/D and I/O give them; and what is none. */
enum lsi_phase { LSI_DATA_OUT, LSI_DATA_IN, LSI_COMMAND, LSI_STATUS, LSI_MESSAGE_OUT = 6,
                 LSI_MESSAGE_IN, LSI_BUS_FREE, LSI_NOT_YET };

/* What the script waits for. */
enum lsi_wait { LSI_RUNNING, LSI_STOPPED, LSI_WAIT_TARGET, LSI_WAIT_RESELECT, LSI_WAIT_TURN };

struct lsi {
    struct pci_device pci;
    struct scsi_bus bus;
    struct timer turn;
    uint32_t number;                /* property: which drives of the command line */
    struct memory_region ram;
    uint8_t *script_ram;
    char bus_name[16];
    bool executing;
    struct lsi_state {
        uint8_t registers[LSI_REGISTERS];
        uint8_t wait;
        uint8_t target;             /* that is connected */
        bool attention, carry, has_command, no_answer;
        uint8_t message_in;         /* to be sent in the message in phase */
        bool message_pending;
        uint8_t lun;
        uint32_t move_left, move_address;   /* of a block move that waits */
        bool moving;
        uint8_t message[32], message_size;  /* of a message out that has not ended */
    } s;
};

/* --- lsi53c895a.c ---------------------------------------------------------------------------- */

void lsi_update_irq(struct lsi *lsi);
/* Both stop the script, SCSI interrupts unless they are not fatal. */
void lsi_dma_interrupt(struct lsi *lsi, uint8_t why);
void lsi_scsi_interrupt(struct lsi *lsi, uint16_t why);
uint8_t lsi_read_register(struct lsi *lsi, unsigned reg);
void lsi_write_register(struct lsi *lsi, unsigned reg, uint8_t value);
/* Memory as the chip sees it: its own registers and RAM are there too. False: a bus fault. */
bool lsi_read(struct lsi *lsi, uint32_t address, void *data, size_t size);
bool lsi_write(struct lsi *lsi, uint32_t address, const void *data, size_t size);

static inline uint32_t lsi_get32(const struct lsi *lsi, unsigned reg)
{
    return ld32_le(lsi->s.registers + reg);
}

static inline void lsi_set32(struct lsi *lsi, unsigned reg, uint32_t value)
{
    st32_le(lsi->s.registers + reg, value);
}

/* --- lsi-script.c ---------------------------------------------------------------------------- */

/* Runs until it stops or waits. */
void lsi_run(struct lsi *lsi);

/* --- lsi-bus.c ------------------------------------------------------------------------------- */

enum lsi_phase lsi_phase(struct lsi *lsi);
/* False: nobody answers. */
bool lsi_select(struct lsi *lsi, unsigned id, bool attention);
void lsi_disconnect(struct lsi *lsi);
/* Moves up to `size` bytes in the phase that is on; returns how many, 0 on a bus fault. */
uint32_t lsi_transfer(struct lsi *lsi, enum lsi_phase phase, uint32_t address, uint32_t size);
void lsi_clear_attention(struct lsi *lsi);

#endif
