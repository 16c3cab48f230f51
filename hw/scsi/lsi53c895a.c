/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LSI53C895A Ultra2 SCSI host adapter on PCI: registers, interrupts, life. */
#include "hw/scsi/lsi53c895a.h"

#include <string.h>

#include "base/log.h"
#include "base/trace.h"

enum { STEST4_LVD_LOCKED = 0xe0, CTEST2_SIGNAL = 0x40, CTEST2_BARS = 0x08, ISTAT1_RUNNING = 0x02,
       DCNTL_START = 0x04, DMODE_MANUAL = 0x01,
       SSTAT0_RESET = 0x02 };

/* --- interrupts ------------------------------------------------------------------------------ */

static uint16_t scsi_status(const struct lsi *lsi)
{
    return ld16_le(lsi->s.registers + LSI_SIST0);
}

/* Masks keep the line down; the bits here only of SCSI conditions that do not stop the script. */
static uint8_t istat(const struct lsi *lsi)
{
    const uint8_t *r = lsi->s.registers;
    uint16_t seen = scsi_status(lsi) & (ld16_le(r + LSI_SIEN0) | (uint16_t)~SIST_NOT_FATAL);
    uint8_t value = r[LSI_ISTAT0] & (ISTAT_SIGNAL | ISTAT_SEMAPHORE | ISTAT_FLY | ISTAT_RESET);

    value |= r[LSI_SCNTL1] & SCNTL1_CONNECTED ? ISTAT_CONNECTED : 0;
    value |= seen ? ISTAT_SCSI : 0;
    return value | (r[LSI_DSTAT] & 0x7f ? ISTAT_DMA : 0);
}

void lsi_update_irq(struct lsi *lsi)
{
    const uint8_t *r = lsi->s.registers;
    bool level = r[LSI_ISTAT0] & ISTAT_FLY || scsi_status(lsi) & ld16_le(r + LSI_SIEN0) ||
        r[LSI_DSTAT] & r[LSI_DIEN] & 0x7f;

    pci_set_intx(&lsi->pci, level && !(r[LSI_ISTAT1] & 1));
}

static void stop(struct lsi *lsi)
{
    lsi->s.wait = LSI_STOPPED;
    lsi->s.moving = false;
    timer_cancel(&lsi->turn);
}

void lsi_dma_interrupt(struct lsi *lsi, uint8_t why)
{
    trace(lsi_dma_interrupt, "0x%02x at 0x%08x", why, lsi_get32(lsi, LSI_DSP));
    lsi->s.registers[LSI_DSTAT] |= why;
    stop(lsi);
    lsi_update_irq(lsi);
}

void lsi_scsi_interrupt(struct lsi *lsi, uint16_t why)
{
    uint16_t enabled = ld16_le(lsi->s.registers + LSI_SIEN0);

    trace(lsi_scsi_interrupt, "0x%04x at 0x%08x", why, lsi_get32(lsi, LSI_DSP));
    st16_le(lsi->s.registers + LSI_SIST0, scsi_status(lsi) | why);
    if (why & ~SIST_NOT_FATAL || why & enabled) {
        stop(lsi);
    }
    lsi_update_irq(lsi);
}

/* --- memory ---------------------------------------------------------------------------------- */

/* Whether the range lies in what the chip has mapped for this BAR. */
static bool in_bar(const struct lsi *lsi, unsigned n, uint32_t address, size_t size,
                   uint32_t *offset)
{
    const struct pci_bar *bar = &lsi->pci.bars[n];

    *offset = address - (uint32_t)bar->mapped_at;
    return bar->mapped_at != PCI_BAR_UNMAPPED && address >= bar->mapped_at &&
        *offset + size <= bar->size;
}

bool lsi_read(struct lsi *lsi, uint32_t address, void *data, size_t size)
{
    uint32_t offset;

    if (in_bar(lsi, 2, address, size, &offset)) {
        memcpy(data, lsi->script_ram + offset, size);
        return true;
    }
    if (in_bar(lsi, 1, address, size, &offset)) {
        for (size_t i = 0; i < size; i++) {
            ((uint8_t *)data)[i] = lsi_read_register(lsi, (offset + i) % LSI_REGISTERS);
        }
        return true;
    }
    return pci_dma_read(&lsi->pci, address, data, size) == MEM_OK;
}

bool lsi_write(struct lsi *lsi, uint32_t address, const void *data, size_t size)
{
    uint32_t offset;

    if (in_bar(lsi, 2, address, size, &offset)) {
        memcpy(lsi->script_ram + offset, data, size);
        memory_note_store(memory_region_ram_addr(&lsi->ram) + offset, size);
        return true;
    }
    if (in_bar(lsi, 1, address, size, &offset)) {
        for (size_t i = 0; i < size; i++) {
            lsi_write_register(lsi, (offset + i) % LSI_REGISTERS, ((const uint8_t *)data)[i]);
        }
        return true;
    }
    return pci_dma_write(&lsi->pci, address, data, size) == MEM_OK;
}

/* --- registers ------------------------------------------------------------------------------- */

static void reset_registers(struct lsi *lsi)
{
    uint8_t *r = lsi->s.registers;

    stop(lsi);
    lsi_disconnect(lsi);
    memset(&lsi->s, 0, sizeof(lsi->s));
    lsi->s.wait = LSI_STOPPED;
    r[LSI_SCNTL0] = 0xc0;
    r[LSI_DSTAT] = DSTAT_EMPTY;
    r[LSI_SSTAT2] = 0x02;
    r[LSI_MACNTL] = 0x80;
    r[LSI_STEST4] = STEST4_LVD_LOCKED;
}

static uint8_t bus_lines(struct lsi *lsi)
{
    enum lsi_phase phase = lsi_phase(lsi);

    /* Request, busy and the three wires of the phase. */
    return phase < LSI_BUS_FREE ? 0xa0 | phase : phase == LSI_NOT_YET ? 0x20 : 0;
}

static uint8_t take(uint8_t *reg, uint8_t left)
{
    uint8_t value = *reg;

    *reg = left;
    return value;
}

uint8_t lsi_read_register(struct lsi *lsi, unsigned reg)
{
    uint8_t *r = lsi->s.registers, value;

    switch (reg) {
    case LSI_SBCL: return bus_lines(lsi);
    case LSI_DSTAT:
        value = take(&r[LSI_DSTAT], DSTAT_EMPTY);
        lsi_update_irq(lsi);
        return value;
    case LSI_SSTAT1: return (r[LSI_SSTAT1] & 0xf8) | (bus_lines(lsi) & 7);
    case LSI_ISTAT0: return istat(lsi);
    case LSI_ISTAT1:
        return (r[LSI_ISTAT1] & 1) | (lsi->s.wait != LSI_STOPPED ? ISTAT1_RUNNING : 0);
    case LSI_CTEST2:
        value = (r[LSI_CTEST2] & CTEST2_BARS) |
            (r[LSI_ISTAT0] & ISTAT_SIGNAL ? CTEST2_SIGNAL : 0);
        r[LSI_ISTAT0] &= (uint8_t)~ISTAT_SIGNAL;
        return value;
    case LSI_SCRATCHA ... LSI_SCRATCHA + 3:
        return r[LSI_CTEST2] & CTEST2_BARS
                   ? lsi->pci.pci.config[PCI_BAR0 + 4 + reg - LSI_SCRATCHA] : r[reg];
    case LSI_SCRATCHB ... LSI_SCRATCHB + 3:
        return r[LSI_CTEST2] & CTEST2_BARS
                   ? lsi->pci.pci.config[PCI_BAR0 + 8 + reg - LSI_SCRATCHB] : r[reg];
    case LSI_SIST0:
    case LSI_SIST1:
        value = take(&r[reg], 0);
        lsi_update_irq(lsi);
        return value;
    case LSI_SSTAT0: return r[LSI_SCNTL1] & SCNTL1_RESET ? SSTAT0_RESET : 0;
    case LSI_SIDL: return r[LSI_SFBR];
    case LSI_SBDL: return bus_lines(lsi) ? r[LSI_SFBR] : 0;
    default: return r[reg];
    }
}

static void reset_scsi_bus(struct lsi *lsi)
{
    lsi_disconnect(lsi);
    scsi_bus_reset(&lsi->bus);
    lsi_scsi_interrupt(lsi, SIST_RESET);
}

static void write_istat(struct lsi *lsi, uint8_t value)
{
    uint8_t *istat0 = &lsi->s.registers[LSI_ISTAT0];

    if (value & ISTAT_RESET) {
        reset_registers(lsi);
        *istat0 = ISTAT_RESET;
        lsi_update_irq(lsi);
        return;
    }
    *istat0 = (*istat0 & ISTAT_FLY & ~value) | (value & (ISTAT_SIGNAL | ISTAT_SEMAPHORE));
    if (value & ISTAT_ABORT) {
        lsi_dma_interrupt(lsi, DSTAT_ABORTED);
    } else if (value & ISTAT_SIGNAL && lsi->s.wait == LSI_WAIT_RESELECT) {
        lsi_run(lsi);
    }
    lsi_update_irq(lsi);
}

static void start(struct lsi *lsi)
{
    stop(lsi);
    lsi_run(lsi);
}

void lsi_write_register(struct lsi *lsi, unsigned reg, uint8_t value)
{
    uint8_t *r = lsi->s.registers, old = r[reg];

    switch (reg) {
    case LSI_SCNTL1:
        r[reg] = (old & SCNTL1_CONNECTED) | (value & (uint8_t)~SCNTL1_CONNECTED);
        if (value & ~old & SCNTL1_RESET) {
            reset_scsi_bus(lsi);
        }
        break;
    case LSI_SSID: case LSI_SBCL: case LSI_DSTAT: case LSI_SSTAT0: case LSI_SSTAT1:
    case LSI_SSTAT2: case LSI_SIST0: case LSI_SIST1: case LSI_STEST4: case LSI_STEST0:
        break;                       /* read only */
    case LSI_ISTAT0:
        write_istat(lsi, value);
        break;
    case LSI_CTEST2:
        r[reg] = value & CTEST2_BARS;
        break;
    case LSI_CTEST3:
        r[reg] = value & 1;          /* the others clear or flush the empty FIFO */
        break;
    case LSI_DSP + 3:
        r[reg] = value;
        if (!(r[LSI_DMODE] & DMODE_MANUAL) && !lsi->executing) {
            start(lsi);
        }
        break;
    case LSI_DCNTL:
        r[reg] = value & (uint8_t)~DCNTL_START;
        if (value & DCNTL_START && !lsi->executing) {
            start(lsi);
        }
        break;
    case LSI_ISTAT1: case LSI_DIEN: case LSI_SIEN0: case LSI_SIEN1:
        r[reg] = value;
        lsi_update_irq(lsi);
        break;
    default:
        r[reg] = value;
    }
}

static uint64_t registers_read(void *dev, uint64_t offset, unsigned size)
{
    return lsi_read_register(dev, offset % LSI_REGISTERS);
}

static void registers_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    lsi_write_register(dev, offset % LSI_REGISTERS, (uint8_t)value);
}

/* A target has something for a script that waits, or a long script may go on. */
static void target_ready(void *opaque, struct scsi_target *t)
{
    struct lsi *lsi = opaque;

    if (lsi->s.wait == LSI_WAIT_TARGET) {
        lsi_run(lsi);
    }
}

static void next_turn(void *opaque)
{
    struct lsi *lsi = opaque;

    if (lsi->s.wait == LSI_WAIT_TURN) {
        lsi_run(lsi);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static bool lsi_init(struct device *dev, struct error **err)
{
    struct lsi *lsi = (struct lsi *)dev;

    pci_set_ids(&lsi->pci, 0x1000, 0x0012, 0, 0x010000);
    pci_set_subsystem(&lsi->pci, 0x1000, 0x1000);
    pci_set_interrupt_pin(&lsi->pci, 1);
    if (!memory_region_init_ram(&lsi->ram, "lsi-ram", LSI_RAM, err)) {
        return false;
    }
    lsi->script_ram = memory_region_host(&lsi->ram);
    pci_add_bar(&lsi->pci, 0, PCI_BAR_IO, &dev->regions[0]);
    pci_add_bar(&lsi->pci, 1, PCI_BAR_MEMORY, &dev->regions[1]);
    pci_add_bar(&lsi->pci, 2, PCI_BAR_MEMORY, &lsi->ram);
    timer_init(&lsi->turn, CLOCK_VM, next_turn, lsi);
    snprintf(lsi->bus_name, sizeof(lsi->bus_name), "scsi.%u", dev->instance);
    scsi_bus_init(&lsi->bus, lsi->bus_name, dev, target_ready, lsi);
    return scsi_create_drives(&lsi->bus, lsi->number, err);
}

static void lsi_exit(struct device *dev)
{
    struct lsi *lsi = (struct lsi *)dev;

    timer_cancel(&lsi->turn);
    bus_fini(&lsi->bus.bus);
    memory_region_fini(&lsi->ram);
}

static void lsi_reset(struct device *dev)
{
    reset_registers((struct lsi *)dev);
}

static void lsi_reset_lines(struct device *dev)
{
    lsi_update_irq((struct lsi *)dev);
}

static bool lsi_loaded(struct device *dev, struct error **err)
{
    struct lsi *lsi = (struct lsi *)dev;

    if (lsi->s.message_size > sizeof(lsi->s.message) || lsi->s.target >= SCSI_TARGETS ||
        lsi->s.wait > LSI_WAIT_TURN) {
        error_set(err, "lsi53c895a: impossible state");
        return false;
    }
    if (lsi->s.wait == LSI_WAIT_TURN || lsi->s.wait == LSI_RUNNING) {
        lsi->s.wait = LSI_WAIT_TURN;
        timer_set(&lsi->turn, clock_ns(CLOCK_VM));
    }
    return true;
}

FIELDS(lsi_state) = {
    ARRAY(lsi_state, registers), FIELD(lsi_state, wait), FIELD(lsi_state, target),
    FIELD(lsi_state, attention), FIELD(lsi_state, carry), FIELD(lsi_state, has_command),
    FIELD(lsi_state, no_answer), FIELD(lsi_state, message_in), FIELD(lsi_state, message_pending),
    FIELD(lsi_state, lun), FIELD(lsi_state, move_left), FIELD(lsi_state, move_address),
    FIELD(lsi_state, moving), ARRAY(lsi_state, message), FIELD(lsi_state, message_size), FIELDS_END
};

static const struct device_region regions[] = {
    { "lsi-io", LSI_REGISTERS, { registers_read, registers_write, .max = 1 } },
    { "lsi-mmio", 0x400, { registers_read, registers_write, .max = 1 } }, { 0 }
};
static const struct property properties[] = { PROP_UINT("number", lsi, number, UINT32_MAX), { 0 } };

DEVICE(lsi53c895a) = {
    .name = "lsi53c895a", .alias = "lsi", .desc = "LSI53C895A SCSI host adapter", .bus = "pci",
    .size = sizeof(struct lsi), .properties = properties, .regions = regions, .init = lsi_init,
    .exit = lsi_exit, .reset = lsi_reset, .reset_lines = lsi_reset_lines,
    .state = STATE(lsi, s, lsi_state, 1), .loaded = lsi_loaded,
};
