/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PHY and the serial EEPROM of the 82540EM. */
#include "base/bits.h"
#include "hw/net/e1000.h"

/* --- PHY: a Marvell 88E1011 at address 1 ----------------------------------------------------- */

enum { PHY_CONTROL = 0, PHY_STATUS = 1, PHY_PARTNER = 5, PHY_GIGABIT_STATUS = 10,
       PHY_SPECIFIC = 17 };
enum { CONTROL_RESET = 0x8000, CONTROL_RESTART = 0x0200 };
enum { PHY_LINK = 0x0004, PHY_NEGOTIATED = 0x0020, SPECIFIC_LINK = 0x0400 };
enum { MDIC_WRITE = 1, MDIC_READ = 2, MDIC_READY = 1u << 28, MDIC_INTERRUPT = 1u << 29,
       MDIC_ERROR = 1u << 30 };

static const struct { uint8_t reg; uint16_t value, writable; } phy_registers[] = {
    { 0, 0x1140, 0x7fc0 }, { 1, 0x7949, 0 }, { 2, 0x0141, 0 }, { 3, 0x0c20, 0 },
    { 4, 0x0de1, 0xffff }, { 5, 0x41e0, 0 }, { 6, 0x0001, 0 }, { 7, 0x2001, 0xffff },
    { 9, 0x0e00, 0xffff }, { 10, 0x3c00, 0 }, { 15, 0x3000, 0 }, { 16, 0x0360, 0xffff },
    { 17, 0xa800, 0 }, { 18, 0, 0xffff }, { 20, 0x0d60, 0xffff }, { 24, 0x4100, 0xffff },
    { 29, 0, 0xffff }, { 30, 0, 0xffff },
};

void e1000_update_link(struct e1000 *e)
{
    struct e1000_state *s = &e->s;
    bool up = net_link(e->nic.port);

    s->phy[PHY_STATUS] = (uint16_t)bits_merge(s->phy[PHY_STATUS], up ? 0xffff : 0,
                                              PHY_LINK | PHY_NEGOTIATED);
    s->phy[PHY_SPECIFIC] = (uint16_t)bits_merge(s->phy[PHY_SPECIFIC], up ? 0xffff : 0,
                                                SPECIFIC_LINK);
    s->phy[PHY_PARTNER] = up ? 0x45e1 : 0;
    s->status = (uint32_t)bits_merge(s->status, up ? ~0u : 0, STATUS_LU);
}

void e1000_phy_reset(struct e1000 *e)
{
    memset(e->s.phy, 0, sizeof(e->s.phy));
    for (size_t i = 0; i < ARRAY_LEN(phy_registers); i++) {
        e->s.phy[phy_registers[i].reg] = phy_registers[i].value;
    }
    e1000_update_link(e);
}

static void write_phy(struct e1000 *e, unsigned reg, uint16_t value)
{
    for (size_t i = 0; i < ARRAY_LEN(phy_registers); i++) {
        if (phy_registers[i].reg == reg) {
            e->s.phy[reg] = (uint16_t)bits_merge(e->s.phy[reg], value, phy_registers[i].writable);
        }
    }
    if (reg != PHY_CONTROL) {
        return;
    }
    if (value & CONTROL_RESET) {
        e1000_phy_reset(e);
    }
    /* Negotiation is over at once. */
    e->s.phy[PHY_CONTROL] &= (uint16_t)~(CONTROL_RESET | CONTROL_RESTART);
    if (value & (CONTROL_RESET | CONTROL_RESTART)) {
        e1000_update_link(e);
        e1000_interrupt(e, INT_LSC);
    }
}

/* 13.4.13 */
void e1000_write_mdic(struct e1000 *e, uint32_t value)
{
    unsigned reg = value >> 16 & 0x1f, phy = value >> 21 & 0x1f, op = value >> 26 & 3;
    uint32_t result = value & ~(MDIC_READY | MDIC_ERROR);

    if (phy != 1) {
        result |= MDIC_ERROR;
    } else if (op == MDIC_READ) {
        result = (result & 0xffff0000) | e->s.phy[reg];
    } else if (op == MDIC_WRITE) {
        write_phy(e, reg, (uint16_t)value);
    }
    e->s.mdic = result | MDIC_READY;
    if (value & MDIC_INTERRUPT) {
        e1000_interrupt(e, INT_MDAC);
    }
}

/* --- EEPROM: a 93C46 of 64 words, 5.6 -------------------------------------------------------- */

enum { EE_SK = 1, EE_CS = 2, EE_DI = 4, EE_DO = 8, EE_WRITABLE = 0x77, EE_REQUEST = 0x40,
       EE_GRANT = 0x80, EE_PRESENT = 0x100 };
enum { EERD_START = 1, EERD_DONE = 0x10 };

void e1000_eeprom_init(struct e1000 *e)
{
    static const struct { uint8_t word; uint16_t value; } fixed[] = {
        { 0x08, 0x3000 }, { 0x09, 0x1000 }, { 0x0a, 0x6403 }, { 0x0b, 0x1100 }, { 0x0c, 0x1af4 },
        { 0x0d, 0x100e }, { 0x0e, 0x8086 }, { 0x0f, 0x3040 }, { 0x10, 0x0008 }, { 0x11, 0x2000 },
        { 0x12, 0x7e14 }, { 0x13, 0x0048 }, { 0x14, 0x1000 }, { 0x15, 0x00d8 }, { 0x17, 0x2700 },
        { 0x18, 0x6cc9 }, { 0x19, 0x3150 }, { 0x1a, 0x0722 }, { 0x1b, 0x040b }, { 0x1c, 0x0984 },
        { 0x1e, 0xc000 }, { 0x1f, 0x0706 }, { 0x21, 0x1008 }, { 0x23, 0x0f04 }, { 0x24, 0x7fff },
        { 0x25, 0x4d01 },
    };
    uint16_t *words = e->s.eeprom.words, sum = 0;

    memset(words, 0xff, sizeof(e->s.eeprom.words));
    for (int i = 0; i < 3; i++) {
        words[i] = ld16_le(e->nic.mac + 2 * i);
    }
    words[3] = 0;
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        words[fixed[i].word] = fixed[i].value;
    }
    for (int i = 0; i < EEPROM93_WORDS - 1; i++) {
        sum = (uint16_t)(sum + words[i]);
    }
    words[EEPROM93_WORDS - 1] = (uint16_t)(0xbaba - sum);
}

void e1000_write_eecd(struct e1000 *e, uint32_t value)
{
    e->s.eecd = value & EE_WRITABLE;
    eeprom93_set(&e->s.eeprom, value & EE_CS, value & EE_SK, value & EE_DI);
}

uint32_t e1000_read_eecd(const struct e1000 *e)
{
    return e->s.eecd | EE_PRESENT | (e->s.eecd & EE_REQUEST ? EE_GRANT : 0) |
           (eeprom93_output(&e->s.eeprom) ? EE_DO : 0);
}

void e1000_write_eerd(struct e1000 *e, uint32_t value)
{
    unsigned word = value >> 8 & 0xff;

    e->s.eerd = value & 0xff00;
    if (value & EERD_START) {
        uint16_t data = word < EEPROM93_WORDS ? e->s.eeprom.words[word] : 0xffff;
        e->s.eerd |= EERD_DONE | (uint32_t)data << 16;
    }
}
