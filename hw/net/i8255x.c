/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel 82557, 82559 and 82551 ("EtherExpress Pro/100"): registers, EEPROM, PHY, the devices. */
#include "hw/net/i8255x.h"

#include "base/bits.h"
#include "base/log.h"

enum { MEMORY_SIZE = 0x1000, FLASH_SIZE = 0x20000 };
enum { EE_SK = 0x01, EE_CS = 0x02, EE_DI = 0x04, EE_DO = 0x08, EEPROM_SUM = 0xbaba };
enum { PORT_RESET, PORT_SELF_TEST, PORT_SELECTIVE_RESET };
enum { CU_LOAD_STATISTICS = 4, CU_DUMP, CU_LOAD_BASE, CU_DUMP_RESET };
enum { RU_START = 1, RU_RESUME, RU_REDIRECT, RU_ABORT, RU_LOAD_HEADER_SIZE, RU_LOAD_BASE };
enum { PHY_ADDRESS = 1, BMCR = 0, BMSR = 1, ANLPAR = 5, BMCR_SELF_CLEARING = 0x8200,
       BMSR_LINK = 0x0024, LINK_PARTNER = 0x45e1, GENERAL_LINK_100_FULL = 0x07 };
#define MDI_READ (2u << 26)
#define MDI_WRITE (1u << 26)
#define MDI_READY (1u << 28)
#define MDI_INTERRUPT (1u << 29)

struct i8255x_model {
    const char *name;
    uint16_t device;
    uint8_t revision;
    bool extended;
};

static const struct i8255x_model models[] = {
    { "i82551", 0x1209, 0x0f, true },
    { "i82557b", 0x1229, 0x02, false },
    { "i82559er", 0x1209, 0x09, true },
};

bool i8255x_is_extended(const struct i8255x *d)
{
    return d->model->extended;
}

static void update_irq(struct i8255x *d)
{
    uint8_t mask = d->s.csr[SCB_MASK];

    pci_set_intx(&d->pci, !(mask & MASK_ALL) &&
                 d->s.csr[SCB_ACK] & (uint8_t)~(mask & MASK_CAUSES));
}

void i8255x_interrupt(struct i8255x *d, uint8_t causes)
{
    d->s.csr[SCB_ACK] |= causes;
    update_irq(d);
}

/* --- PHY and EEPROM -------------------------------------------------------------------------- */

static void update_link(struct i8255x *d)
{
    bool up = net_link(d->nic.port);

    d->s.phy[BMSR] = (uint16_t)(up ? d->s.phy[BMSR] | BMSR_LINK : d->s.phy[BMSR] & ~BMSR_LINK);
    d->s.phy[ANLPAR] = up ? LINK_PARTNER : 0;
    d->s.csr[CSR_GENERAL_STATUS] = up ? GENERAL_LINK_100_FULL : 0;
}

static void phy_reset(struct i8255x *d)
{
    static const uint16_t initial[] = { 0x3000, 0x7809, 0x02a8, 0x0154, 0x05e1, 0, 1 };

    memset(d->s.phy, 0, sizeof(d->s.phy));
    memcpy(d->s.phy, initial, sizeof(initial));
    update_link(d);
}

static void phy_write(struct i8255x *d, unsigned reg, uint16_t value)
{
    if (reg == BMCR) {
        if (value & 0x8000) {
            phy_reset(d);
            value = d->s.phy[BMCR];
        }
        d->s.phy[BMCR] = (uint16_t)(value & ~BMCR_SELF_CLEARING);
    } else if (reg == 4 || reg >= 8) {
        d->s.phy[reg] = value;
    }
}

static void write_mdi(struct i8255x *d)
{
    uint32_t value = ld32_le(d->s.csr + CSR_MDI);
    unsigned reg = value >> 16 & 0x1f;
    bool there = (value >> 21 & 0x1f) == PHY_ADDRESS;

    if (value & MDI_READ) {
        value = (value & 0xffff0000) | (there ? d->s.phy[reg] : 0xffff);
    } else if (value & MDI_WRITE && there) {
        phy_write(d, reg, (uint16_t)value);
    }
    st32_le(d->s.csr + CSR_MDI, value | MDI_READY);
    if (value & MDI_INTERRUPT) {
        i8255x_interrupt(d, ACK_MDI);
    }
}

static void eeprom_fill(struct i8255x *d)
{
    uint16_t *words = d->s.eeprom.words, sum = 0;

    memset(&d->s.eeprom, 0, sizeof(d->s.eeprom));
    eeprom93_set(&d->s.eeprom, false, false, false);
    for (int i = 0; i < 3; i++) {
        words[i] = ld16_le(d->nic.mac + 2 * i);
    }
    words[3] = 0x0203;               /* which errata drivers need not work around */
    words[5] = 0x0001;               /* an RJ-45 connector */
    words[6] = 0x4700 | PHY_ADDRESS; /* an 82555 */
    words[10] = 0x4000;              /* the contents are valid; no wake on LAN */
    for (int i = 0; i < EEPROM93_WORDS - 1; i++) {
        sum = (uint16_t)(sum + words[i]);
    }
    words[EEPROM93_WORDS - 1] = (uint16_t)(EEPROM_SUM - sum);
}

static void write_eeprom(struct i8255x *d)
{
    uint8_t value = d->s.csr[CSR_EEPROM];

    eeprom93_set(&d->s.eeprom, value & EE_CS, value & EE_SK, value & EE_DI);
}

/* --- control --------------------------------------------------------------------------------- */

static void software_reset(struct i8255x *d)
{
    struct i8255x_state *s = &d->s;

    memset(s->csr, 0, sizeof(s->csr));
    memset(s->config, 0, sizeof(s->config));
    s->config[6] = 0x32;
    s->config[10] = 0x2e;
    s->multicast = 0;
    s->cu_base = s->ru_base = s->cu_offset = s->ru_offset = s->statistics = 0;
    memset(s->counters, 0, sizeof(s->counters));
    memcpy(s->address, d->nic.mac, NET_MAC_SIZE);
    st32_le(s->csr + CSR_MDI, MDI_READY);
    phy_reset(d);
    update_irq(d);
}

/* The units stop; what was configured stays. */
static void selective_reset(struct i8255x *d)
{
    d->s.csr[SCB_STATUS] = 0;
    d->s.csr[SCB_ACK] = 0;
    update_irq(d);
}

static void self_test(struct i8255x *d, uint32_t at)
{
    uint8_t result[8];

    st32_le(result, 0xffffffff);     /* a signature: not zero */
    st32_le(result + 4, 0);          /* all is well */
    pci_dma_write(&d->pci, at, result, sizeof(result));
    software_reset(d);
}

static void write_port(struct i8255x *d)
{
    uint32_t value = ld32_le(d->s.csr + CSR_PORT);

    switch (value & 0xf) {
    case PORT_RESET:
        software_reset(d);
        break;
    case PORT_SELF_TEST:
        self_test(d, value & ~0xfu);
        break;
    case PORT_SELECTIVE_RESET:
        selective_reset(d);
        break;
    default:
        log_unimp("i8255x: PORT function %u", value & 0xf);
    }
}

static void cu_command(struct i8255x *d, unsigned command, uint32_t pointer)
{
    switch (command) {
    case 0:
        break;
    case 1:
        i8255x_cu_start(d, pointer);
        break;
    case 2:
    case 10:
        i8255x_cu_resume(d);
        break;
    case CU_LOAD_STATISTICS:
        d->s.statistics = pointer;
        break;
    case CU_DUMP:
    case CU_DUMP_RESET:
        i8255x_dump_statistics(d, command == CU_DUMP_RESET);
        break;
    case CU_LOAD_BASE:
        d->s.cu_base = pointer;
        break;
    default:
        log_guest_error("i8255x: command unit command %u", command);
    }
}

static void ru_command(struct i8255x *d, unsigned command, uint32_t pointer)
{
    switch (command) {
    case 0:
    case RU_LOAD_HEADER_SIZE:
        break;
    case RU_START:
        d->s.ru_offset = pointer;
        i8255x_set_ru_state(d, RU_READY);
        break;
    case RU_RESUME:
        if (i8255x_ru_state(d) == RU_SUSPENDED) {
            i8255x_set_ru_state(d, RU_READY);
        }
        break;
    case RU_ABORT:
        i8255x_set_ru_state(d, RU_IDLE);
        break;
    case RU_LOAD_BASE:
        d->s.ru_base = pointer;
        break;
    default:
        log_unimp("i8255x: receive unit command %u", command);
    }
    net_flush(d->nic.port);
}

/* A command that was taken reads as zero. */
static void write_command(struct i8255x *d)
{
    uint8_t command = d->s.csr[SCB_COMMAND];
    uint32_t pointer = ld32_le(d->s.csr + SCB_POINTER);

    d->s.csr[SCB_COMMAND] = 0;
    cu_command(d, command >> 4, pointer);
    ru_command(d, command & 7, pointer);
}

static void write_mask(struct i8255x *d)
{
    if (d->s.csr[SCB_MASK] & MASK_SWI) {
        d->s.csr[SCB_MASK] &= (uint8_t)~MASK_SWI;
        d->s.csr[SCB_ACK] |= ACK_SWI;
    }
    update_irq(d);
}

/* --- registers ------------------------------------------------------------------------------- */

/* What a write that reaches the byte at `offset` does, after all its bytes are in their places; the
 * mask of interrupts comes before the command. */
static const struct { uint8_t offset; void (*run)(struct i8255x *d); } actions[] = {
    { SCB_MASK, write_mask }, { SCB_COMMAND, write_command }, { CSR_PORT + 3, write_port },
    { CSR_EEPROM, write_eeprom }, { CSR_MDI + 3, write_mdi },
};

static uint64_t csr_read(void *opaque, uint64_t offset, unsigned size)
{
    struct i8255x *d = opaque;

    if (offset + size > I8255X_CSR_SIZE) {
        return 0;
    }
    d->s.csr[CSR_EEPROM] = (uint8_t)((d->s.csr[CSR_EEPROM] & ~EE_DO) |
                                     (eeprom93_output(&d->s.eeprom) ? EE_DO : 0));
    return ld_le(d->s.csr + offset, size);
}

static void store_byte(struct i8255x *d, unsigned offset, uint8_t value)
{
    switch (offset) {
    case SCB_STATUS:
    case CSR_GENERAL_STATUS:
        break;
    case SCB_ACK:
        d->s.csr[SCB_ACK] &= (uint8_t)~value;
        update_irq(d);
        break;
    case CSR_PMDR:
        d->s.csr[CSR_PMDR] &= (uint8_t)~value;
        break;
    default:
        d->s.csr[offset] = value;
    }
}

static void csr_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8255x *d = opaque;

    if (offset + size > I8255X_CSR_SIZE) {
        return;
    }
    for (unsigned n = 0; n < size; n++) {
        store_byte(d, (unsigned)offset + n, (uint8_t)(value >> 8 * n));
    }
    for (size_t n = 0; n < ARRAY_LEN(actions); n++) {
        if (actions[n].offset >= offset && actions[n].offset < offset + size) {
            actions[n].run(d);
        }
    }
}

static const struct mmio_ops csr_ops = { csr_read, csr_write, .min = 1, .max = 4 };

/* No flash chip is fitted. */
static uint64_t flash_read(void *opaque, uint64_t offset, unsigned size)
{
    return UINT64_MAX;
}

static void flash_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
}

static const struct mmio_ops flash_ops = { flash_read, flash_write, .min = 1, .max = 4 };

/* --- the devices ----------------------------------------------------------------------------- */

static void card_reset(struct device *dev)
{
    struct i8255x *d = (struct i8255x *)dev;

    memset(&d->s, 0, sizeof(d->s));
    eeprom_fill(d);
    software_reset(d);
    net_purge(d->nic.port);
}

static void card_reset_lines(struct device *dev)
{
    update_irq((struct i8255x *)dev);
}

static bool card_loaded(struct device *dev, struct error **err)
{
    update_link((struct i8255x *)dev);
    return true;
}

static void link_changed(void *opaque)
{
    update_link(opaque);
}

static void set_header(struct i8255x *d)
{
    struct pci_device *pci = &d->pci;

    for (size_t n = 0; n < ARRAY_LEN(models); n++) {
        if (strcmp(models[n].name, pci->dev.class->name) == 0) {
            d->model = &models[n];
        }
    }
    pci_set_ids(pci, 0x8086, d->model->device, d->model->revision, 0x020000);
    pci_set_subsystem(pci, 0x1af4, 0x1100);
    st16_le(pci->pci.config + PCI_STATUS, PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM);
    pci_set_interrupt_pin(pci, 1);
    pci->pci.config[PCI_MIN_GNT] = 0x08;
    pci->pci.config[PCI_MAX_LAT] = 0x18;
}

static bool card_init(struct device *dev, struct error **err)
{
    static const struct net_handlers handlers = {
        .can_receive = i8255x_can_receive, .receive = i8255x_receive, .link_changed = link_changed
    };
    struct i8255x *d = (struct i8255x *)dev;

    set_header(d);
    if (!net_nic_open(&d->nic, d->model->name, dev->id, &handlers, d, err)) {
        return false;
    }
    if (!nic_add_rom(&d->pci, "efi-eepro100.rom", err)) {
        net_nic_close(&d->nic);
        return false;
    }
    memory_region_init_mmio(&d->memory, "i8255x", MEMORY_SIZE, &csr_ops, d);
    memory_region_init_mmio(&d->ports, "i8255x", I8255X_CSR_SIZE, &csr_ops, d);
    memory_region_init_mmio(&d->flash, "i8255x-flash", FLASH_SIZE, &flash_ops, d);
    pci_add_bar(&d->pci, 0, PCI_BAR_PREFETCH, &d->memory);
    pci_add_bar(&d->pci, 1, PCI_BAR_IO, &d->ports);
    pci_add_bar(&d->pci, 2, PCI_BAR_MEMORY, &d->flash);
    return true;
}

static void card_exit(struct device *dev)
{
    struct i8255x *d = (struct i8255x *)dev;

    net_nic_close(&d->nic);
    memory_region_fini(&d->memory);
    memory_region_fini(&d->ports);
    memory_region_fini(&d->flash);
}

#define F(m) FIELD(i8255x_state, m)
FIELDS(i8255x_state) = {
    ARRAY(i8255x_state, csr), ARRAY(i8255x_state, config), ARRAY(i8255x_state, address),
    F(multicast), F(cu_base), F(ru_base), F(cu_offset), F(ru_offset), F(statistics),
    ARRAY(i8255x_state, counters), ARRAY(i8255x_state, phy),
    NESTED(i8255x_state, eeprom, eeprom93_state), FIELDS_END
};
#undef F

static const struct property card_properties[] = { NET_NIC_PROPERTIES(i8255x, nic), { 0 } };

#define CARD(id, text)                                                                             \
    DEVICE(id) = {                                                                                 \
        .name = #id, .desc = text, .bus = "pci",                                                   \
        .size = sizeof(struct i8255x), .properties = card_properties,                              \
        .init = card_init, .exit = card_exit, .reset = card_reset,                                 \
        .reset_lines = card_reset_lines, .loaded = card_loaded,                                    \
        .state = STATE(i8255x, s, i8255x_state, 1),                                                \
    }

CARD(i82551, "Intel 82551 network card");
CARD(i82557b, "Intel 82557B network card");
CARD(i82559er, "Intel 82559ER network card");
