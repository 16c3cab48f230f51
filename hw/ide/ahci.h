/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AHCI 1.3: the controller's registers (ahci.c) and its ports, which run commands on the drives of
 * hw/ide (ahci-port.c).
 *
 * Each port is an ATA channel with one drive. A port runs one command at a time, queued ones too.
 */
#ifndef HW_IDE_AHCI_H
#define HW_IDE_AHCI_H

#include "hw/ide/ide.h"
#include "hw/pci/msi.h"
#include "hw/pci/pci.h"

#define AHCI_PORTS 6
#define AHCI_SLOTS 32
#define AHCI_NO_SLOT AHCI_SLOTS

/* PxCMD, PxIS, PxSCTL and PxSERR bits (3.3). */
enum {
    AHCI_CMD_ST = 1u << 0, AHCI_CMD_SUD = 1u << 1, AHCI_CMD_POD = 1u << 2, AHCI_CMD_CLO = 1u << 3,
    AHCI_CMD_FRE = 1u << 4, AHCI_CMD_FR = 1u << 14, AHCI_CMD_CR = 1u << 15
};
enum {
    AHCI_IS_DHRS = 1u << 0, AHCI_IS_PSS = 1u << 1, AHCI_IS_SDBS = 1u << 3, AHCI_IS_DPS = 1u << 5,
    AHCI_IS_PCS = 1u << 6, AHCI_IS_PRCS = 1u << 22, AHCI_IS_OFS = 1u << 24, AHCI_IS_TFES = 1u << 30
};
enum { AHCI_SERR_X = 1u << 26 };

struct ahci_port_state {
    uint64_t command_list, received;        /* PxCLB, PxFB */
    uint32_t irq_status, irq_enable, command, sata_control, sata_error;
    uint32_t active, issued;                /* PxSACT, PxCI */
    uint8_t slot;                           /* in progress, or AHCI_NO_SLOT */
    uint8_t last_slot;
    uint8_t stalled;                        /* no command is taken before ST is cleared */
    uint8_t signature_due;                  /* a FIS that waits until it may be received */
    /* The scatter list of the command: where it is, its entries, the one in progress. */
    uint64_t table, address;
    uint32_t left, moved;
    uint16_t entries, next;
    uint8_t entry_interrupts, overflow;
    uint8_t queued;                         /* by NCQ: it ends in PxSACT */
    uint8_t silent;                         /* data came by a PIO setup, which ends the command */
    struct ide_channel_state channel;
};

struct ahci_state {
    uint32_t control, irq_status;           /* GHC, IS */
    struct ahci_port_state ports[AHCI_PORTS];
};

struct ahci_port {
    struct ahci *ahci;
    unsigned n;
    struct ahci_port_state *s;
    struct ide_channel channel;
    bool running;                           /* inside ahci_port_run() */
};

struct ahci {
    struct pci_device pci;
    struct pci_msi msi;
    struct ahci_port ports[AHCI_PORTS];
    unsigned moving;                        /* inside DMA: our own registers are closed */
    struct ahci_state s;
};

/* --- ahci-port.c ----------------------------------------------------------------------------- */

extern const struct ide_dma_ops ahci_dma_ops;

/* Takes issued commands and goes on with the current one as far as it can without the medium. */
void ahci_port_run(struct ahci_port *port);
/* ST went away: what was issued is forgotten. */
void ahci_port_stop(struct ahci_port *port);
/* COMRESET, or a reset of the controller: the drive's too, and its signature follows. */
void ahci_port_reset_link(struct ahci_port *port);
/* Delivers the signature if it may be delivered now. */
void ahci_port_send_signature(struct ahci_port *port);
/* What PxTFD shows. */
uint32_t ahci_port_task_file(const struct ahci_port *port);
uint32_t ahci_port_signature(const struct ahci_port *port);
/* No drive there, or SControl keeps it away. */
bool ahci_port_is_offline(const struct ahci_port *port);
/* Command list override: the drive counts as idle. */
void ahci_port_override(struct ahci_port *port);

/* --- ahci.c ---------------------------------------------------------------------------------- */

/* Sets bits of PxIS and interrupts when they are enabled. */
void ahci_port_event(struct ahci_port *port, uint32_t bits);

#endif
