/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SMBus host controller of PIIX4 (82371AB, 7.2): registers of one bus master without slaves. */
#ifndef HW_ACPI_SMBUS_H
#define HW_ACPI_SMBUS_H

#include <stdint.h>

#include "hw/core/state.h"

#define SMBUS_BLOCK 32

struct smbus_state {
    uint8_t status, control, command, address, data0, data1, index;
    uint8_t slave_control, shadow_command;
    uint16_t slave_event;
    uint8_t block[SMBUS_BLOCK];
};

uint8_t smbus_read(struct smbus_state *s, uint64_t offset);
void smbus_write(struct smbus_state *s, uint64_t offset, uint8_t value);

FIELDS(smbus_state) = {
    FIELD(smbus_state, status), FIELD(smbus_state, control), FIELD(smbus_state, command),
    FIELD(smbus_state, address), FIELD(smbus_state, data0), FIELD(smbus_state, data1),
    FIELD(smbus_state, index), FIELD(smbus_state, slave_control),
    FIELD(smbus_state, shadow_command), FIELD(smbus_state, slave_event), ARRAY(smbus_state, block),
    FIELDS_END
};

#endif
