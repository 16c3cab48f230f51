/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port of an AHCI controller: command slots, frame information structures (FIS), scatter lists.
 *
 * Everything in the guest's memory is read once, then checked. A list is read entry by entry as the
 * data moves, so that its length costs nothing before it is used.
 */
#include "hw/ide/ahci.h"

#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/ide/drive.h"

enum { FIS_HOST = 0x27, FIS_DEVICE = 0x34, FIS_PIO_SETUP = 0x5f, FIS_SET_BITS = 0xa1 };
/* Places of received FISes (4.2.1), and of the parts of a command table (4.2.3). */
enum { AT_PIO_SETUP = 0x20, AT_DEVICE = 0x40, AT_SET_BITS = 0x58 };
enum { TABLE_PACKET = 0x40, TABLE_ENTRIES = 0x80, HEADER_SIZE = 32, ENTRY_SIZE = 16 };
enum { FIS_COMMAND = 0x80, FIS_INTERRUPT = 0x40, FIS_TO_HOST = 0x20 };
enum { BUSY_BITS = IDE_STATUS_BUSY | IDE_STATUS_DRQ };

static struct ide_drive *drive_of(const struct ahci_port *port)
{
    return port->channel.drives[0];
}

/* --- memory ---------------------------------------------------------------------------------- */

static void dma_read(struct ahci_port *port, uint64_t address, void *data, size_t size)
{
    port->ahci->moving++;
    pci_dma_read(&port->ahci->pci, address, data, size);
    port->ahci->moving--;
}

static void dma_write(struct ahci_port *port, uint64_t address, const void *data, size_t size)
{
    port->ahci->moving++;
    pci_dma_write(&port->ahci->pci, address, data, size);
    port->ahci->moving--;
}

/* --- what the drive sends -------------------------------------------------------------------- */

static void receive(struct ahci_port *port, unsigned at, const uint8_t *fis, unsigned size)
{
    if (port->s->command & AHCI_CMD_FRE) {
        dma_write(port, port->s->received + at, fis, size);
    }
}

/* The part that a register FIS and a PIO setup have in common (Serial ATA 2.6, 10.3). */
static void put_registers(const struct ide_drive *drive, uint8_t *fis)
{
    const struct ide_drive_state *s = &drive->s;
    const uint8_t registers[12] = {
        s->status, s->error, s->lba_low, s->lba_mid, s->lba_high, s->select,
        s->hob_low, s->hob_mid, s->hob_high, 0, s->count, s->hob_count
    };

    memcpy(fis + 2, registers, sizeof(registers));
}

static void send_registers(struct ahci_port *port, bool interrupt)
{
    uint8_t fis[20] = { FIS_DEVICE, interrupt ? FIS_INTERRUPT : 0 };

    put_registers(drive_of(port), fis);
    receive(port, AT_DEVICE, fis, sizeof(fis));
}

static void send_pio_setup(struct ahci_port *port, bool input, uint32_t size)
{
    uint8_t fis[20] = { FIS_PIO_SETUP, FIS_INTERRUPT | (input ? FIS_TO_HOST : 0) };

    put_registers(drive_of(port), fis);
    fis[15] = IDE_STATUS_IDLE;
    st16_le(fis + 16, (uint16_t)size);
    receive(port, AT_PIO_SETUP, fis, sizeof(fis));
    ahci_port_event(port, AHCI_IS_PSS);
}

/* The end of a queued command, or that it failed and the others are given up. */
static void send_set_bits(struct ahci_port *port, uint32_t done)
{
    const struct ide_drive_state *s = &drive_of(port)->s;
    uint8_t fis[8] = { FIS_SET_BITS, FIS_INTERRUPT, s->status & 0x77, s->error };

    st32_le(fis + 4, done);
    receive(port, AT_SET_BITS, fis, sizeof(fis));
    port->s->active &= ~done;
    ahci_port_event(port, AHCI_IS_SDBS);
}

/* --- the scatter list ------------------------------------------------------------------------ */

static bool next_entry(struct ahci_port *port)
{
    struct ahci_port_state *s = port->s;
    uint8_t entry[ENTRY_SIZE];

    if (s->next >= s->entries) {
        return false;
    }
    dma_read(port, s->table + TABLE_ENTRIES + (uint64_t)s->next * ENTRY_SIZE, entry,
             sizeof(entry));
    s->next++;
    s->address = ld64_le(entry) & ~1ull;
    s->left = (ld32_le(entry + 12) & 0x3fffff) + 1;
    s->entry_interrupts = entry[15] >> 7;
    return true;
}

static unsigned transfer(void *opaque, uint8_t *data, unsigned size, bool to_memory)
{
    struct ahci_port *port = opaque;
    struct ahci_port_state *s = port->s;
    unsigned done = 0;

    while (done < size && (s->left || next_entry(port))) {
        unsigned part = MIN_OF(s->left, size - done);
        if (to_memory) {
            dma_write(port, s->address, data + done, part);
        } else {
            dma_read(port, s->address, data + done, part);
        }
        s->address += part;
        s->left -= part;
        done += part;
        if (!s->left && s->entry_interrupts) {
            ahci_port_event(port, AHCI_IS_DPS);
        }
    }
    s->moved += done;
    return done;
}

static bool is_active(void *opaque)
{
    return true;
}

static void finished(void *opaque, bool exhausted)
{
    struct ahci_port *port = opaque;

    port->s->overflow |= exhausted;
}

static void settled(void *opaque)
{
    ahci_port_run(opaque);
}

const struct ide_dma_ops ahci_dma_ops = { transfer, is_active, finished, settled };

/* --- data of commands without DMA ------------------------------------------------------------ */

static void send_packet(struct ahci_port *port)
{
    struct ide_drive *drive = drive_of(port);
    uint32_t size = MIN_OF(drive->s.block_end - drive->s.at, 16u);

    dma_read(port, port->s->table + TABLE_PACKET, drive->s.buffer + drive->s.at, size);
    drive->s.at = drive->s.block_end;
    ide_block_moved(drive);
}

/* Moves the block that the drive offers or asks for. */
static void move_block(struct ahci_port *port)
{
    struct ide_drive *drive = drive_of(port);
    struct ide_drive_state *s = &drive->s;
    bool input = s->phase != IDE_PHASE_WRITE;
    uint32_t size = s->block_end - s->at;

    if (s->phase == IDE_PHASE_PACKET) {
        send_packet(port);
        return;
    }
    if (transfer(port, s->buffer + s->at, size, input) < size) {
        port->s->overflow = 1;
        ide_fail(drive, IDE_ERROR_ABORT);
        return;
    }
    send_pio_setup(port, input, size);
    port->s->silent = s->phase == IDE_PHASE_REPLY || s->phase == IDE_PHASE_READ;
    s->at = s->block_end;
    ide_block_moved(drive);
}

static bool wants_data(const struct ide_drive *drive)
{
    return drive->s.status & IDE_STATUS_DRQ && !drive->in_flight &&
           (drive->s.phase == IDE_PHASE_REPLY || drive->s.phase == IDE_PHASE_READ ||
            drive->s.phase == IDE_PHASE_WRITE || drive->s.phase == IDE_PHASE_PACKET ||
            drive->s.phase == IDE_PHASE_PACKET_IN);
}

/* --- commands -------------------------------------------------------------------------------- */

static void load_registers(struct ide_drive *drive, const uint8_t *fis)
{
    struct ide_drive_state *s = &drive->s;

    s->feature = fis[3];
    s->lba_low = fis[4];
    s->lba_mid = fis[5];
    s->lba_high = fis[6];
    s->select = fis[7] | 0xa0;
    s->hob_low = fis[8];
    s->hob_mid = fis[9];
    s->hob_high = fis[10];
    s->hob_feature = fis[11];
    s->count = fis[12];
    s->hob_count = fis[13];
}

/* A FIS that writes device control: its one use is software reset. */
static void write_control(struct ahci_port *port, uint8_t control)
{
    struct ide_channel *channel = &port->channel;
    uint8_t changed = channel->s->control ^ control;

    channel->s->control = control;
    if (changed & IDE_CONTROL_SRST) {
        ide_channel_software_reset(channel, control & IDE_CONTROL_SRST);
        if (!(control & IDE_CONTROL_SRST)) {
            send_registers(port, false);
        }
    }
    port->s->issued &= ~(1u << port->s->slot);
    port->s->slot = AHCI_NO_SLOT;
}

/* Reads the header and the FIS of the slot and gives the command to the drive. */
static void start(struct ahci_port *port, unsigned slot)
{
    struct ahci_port_state *s = port->s;
    uint8_t header[HEADER_SIZE], fis[20];

    dma_read(port, s->command_list + slot * HEADER_SIZE, header, sizeof(header));
    s->slot = s->last_slot = (uint8_t)slot;
    s->table = ld64_le(header + 8) & ~127ull;
    s->entries = ld16_le(header + 2);
    s->next = 0;
    s->left = s->moved = 0;
    s->entry_interrupts = s->overflow = s->silent = 0;
    dma_read(port, s->table, fis, sizeof(fis));
    trace(ahci_command, "port %u slot %u fis 0x%02x%02x command 0x%02x entries %u", port->n, slot,
          fis[0], fis[1], fis[2], s->entries);
    if (fis[0] != FIS_HOST || (header[0] & 0x1f) < 5 || fis[1] & 0x0f) {
        log_guest_error("ahci: slot %u of port %u holds no command that a drive takes", slot,
                        port->n);
        s->stalled = 1;
        return;
    }
    if (!(fis[1] & FIS_COMMAND)) {
        write_control(port, fis[15]);
        return;
    }
    load_registers(drive_of(port), fis);
    s->queued = fis[2] == ATA_READ_QUEUED || fis[2] == ATA_WRITE_QUEUED;
    if (s->queued) {
        s->issued &= ~(1u << slot);       /* taken; the rest happens by PxSACT */
    }
    ide_channel_command(&port->channel, fis[2]);
}

/* The next issued slot, from behind the last one. False: none, or the drive cannot take it. */
static bool start_next(struct ahci_port *port)
{
    struct ahci_port_state *s = port->s;
    struct ide_drive *drive = drive_of(port);

    if (!(s->command & AHCI_CMD_ST) || !s->issued || s->stalled || !drive ||
        ahci_port_is_offline(port) ||
        (drive->s.status & BUSY_BITS && !(port->channel.s->control & IDE_CONTROL_SRST))) {
        return false;
    }
    for (unsigned i = 1; i <= AHCI_SLOTS; i++) {
        unsigned slot = (s->last_slot + i) % AHCI_SLOTS;
        if (s->issued >> slot & 1) {
            start(port, slot);
            return true;
        }
    }
    return false;
}

/* The drive is through with the command: its registers go to the guest. */
static void finish(struct ahci_port *port)
{
    struct ahci_port_state *s = port->s;
    struct ide_drive *drive = drive_of(port);
    uint32_t bit = 1u << s->slot;
    uint8_t moved[4];
    bool failed;

    if (s->overflow && !drive->is_cdrom && !(drive->s.status & IDE_STATUS_ERROR)) {
        ide_fail(drive, IDE_ERROR_ABORT);
    }
    failed = drive->s.status & IDE_STATUS_ERROR;
    if (s->overflow) {
        ahci_port_event(port, AHCI_IS_OFS);
    }
    if (!s->queued) {
        st32_le(moved, s->moved);
        dma_write(port, s->command_list + s->slot * HEADER_SIZE + 4, moved, sizeof(moved));
    }
    s->slot = AHCI_NO_SLOT;
    s->stalled |= failed;
    if (s->queued) {
        send_set_bits(port, failed ? 0 : bit);
    } else {
        s->issued &= failed ? ~0u : ~bit;
        if (failed || !s->silent) {
            send_registers(port, true);
            ahci_port_event(port, AHCI_IS_DHRS);
        }
    }
    if (failed) {
        ahci_port_event(port, AHCI_IS_TFES);
    }
}

void ahci_port_run(struct ahci_port *port)
{
    if (port->running) {
        return;
    }
    port->running = true;
    while (!port->s->stalled && (port->s->slot != AHCI_NO_SLOT || start_next(port))) {
        struct ide_drive *drive = drive_of(port);
        if (port->s->stalled || port->s->slot == AHCI_NO_SLOT) {
            continue;
        }
        if (wants_data(drive)) {
            move_block(port);
        } else if (drive->s.status & BUSY_BITS || drive->in_flight) {
            break;
        } else {
            finish(port);
        }
    }
    port->running = false;
}

void ahci_port_stop(struct ahci_port *port)
{
    struct ahci_port_state *s = port->s;

    if (drive_of(port) && s->slot != AHCI_NO_SLOT) {
        ide_cancel(drive_of(port));
    }
    s->issued = s->active = 0;
    s->slot = AHCI_NO_SLOT;
    s->stalled = 0;
}

/* --- the link -------------------------------------------------------------------------------- */

bool ahci_port_is_offline(const struct ahci_port *port)
{
    unsigned detection = port->s->sata_control & 0xf;

    return !drive_of(port) || detection == 1 || detection == 4;
}

uint32_t ahci_port_task_file(const struct ahci_port *port)
{
    const struct ide_drive *drive = drive_of(port);

    if (ahci_port_is_offline(port)) {
        return 0x7f;
    }
    if (port->s->slot != AHCI_NO_SLOT && port->s->queued) {
        return IDE_STATUS_IDLE;
    }
    return drive->s.status | (uint32_t)drive->s.error << 8;
}

void ahci_port_override(struct ahci_port *port)
{
    struct ide_drive *drive = drive_of(port);

    if (drive && port->s->slot == AHCI_NO_SLOT) {
        drive->s.status &= (uint8_t)~BUSY_BITS;
        drive->s.phase = IDE_PHASE_NONE;
    }
}

uint32_t ahci_port_signature(const struct ahci_port *port)
{
    return ahci_port_is_offline(port) ? 0xffffffff
                                      : drive_of(port)->is_cdrom ? 0xeb140101 : 0x00000101;
}

void ahci_port_send_signature(struct ahci_port *port)
{
    if (port->s->signature_due && port->s->command & AHCI_CMD_FRE && drive_of(port)) {
        port->s->signature_due = 0;
        send_registers(port, false);
    }
}

void ahci_port_reset_link(struct ahci_port *port)
{
    struct ide_drive *drive = drive_of(port);

    ahci_port_stop(port);
    ide_channel_reset(&port->channel);
    if (!drive || ahci_port_is_offline(port)) {
        return;
    }
    ide_cancel(drive);
    ide_drive_reset_registers(drive);
    port->s->sata_error |= AHCI_SERR_X;
    port->s->signature_due = 1;
    ahci_port_send_signature(port);
}
