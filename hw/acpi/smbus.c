/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PIIX4's SMBus host controller: nobody is on the bus, so every address stays unacknowledged. */
#include "hw/acpi/smbus.h"

enum {
    HOST_STATUS = 0, SLAVE_STATUS = 1, HOST_CONTROL = 2, HOST_COMMAND = 3, HOST_ADDRESS = 4,
    HOST_DATA0 = 5, HOST_DATA1 = 6, BLOCK_DATA = 7, SLAVE_CONTROL = 8, SHADOW_COMMAND = 9,
    SLAVE_EVENT_LOW = 10, SLAVE_EVENT_HIGH = 11
};
enum { STATUS_DEVICE_ERROR = 0x04, STATUS_CLEARABLE = 0x1e };
enum { CONTROL_KILL = 0x02, CONTROL_START = 0x40 };

uint8_t smbus_read(struct smbus_state *s, uint64_t offset)
{
    switch (offset) {
    case HOST_STATUS:
        return s->status;
    case HOST_CONTROL:
        s->index = 0;
        return s->control;
    case HOST_COMMAND:
        return s->command;
    case HOST_ADDRESS:
        return s->address;
    case HOST_DATA0:
        return s->data0;
    case HOST_DATA1:
        return s->data1;
    case BLOCK_DATA: {
        uint8_t value = s->block[s->index % SMBUS_BLOCK];
        s->index = (s->index + 1) % SMBUS_BLOCK;
        return value;
    }
    case SLAVE_CONTROL:
        return s->slave_control;
    case SHADOW_COMMAND:
        return s->shadow_command;
    case SLAVE_EVENT_LOW:
        return (uint8_t)s->slave_event;
    case SLAVE_EVENT_HIGH:
        return (uint8_t)(s->slave_event >> 8);
    default:
        return 0;
    }
}

void smbus_write(struct smbus_state *s, uint64_t offset, uint8_t value)
{
    switch (offset) {
    case HOST_STATUS:
        s->status &= (uint8_t)~(value & STATUS_CLEARABLE);
        s->index = 0;
        break;
    case HOST_CONTROL:
        s->control = value & (uint8_t)~(CONTROL_KILL | CONTROL_START);
        if (value & CONTROL_START && !(value & CONTROL_KILL)) {
            s->status |= STATUS_DEVICE_ERROR;
        }
        break;
    case HOST_COMMAND:
        s->command = value;
        break;
    case HOST_ADDRESS:
        s->address = value;
        break;
    case HOST_DATA0:
        s->data0 = value;
        break;
    case HOST_DATA1:
        s->data1 = value;
        break;
    case BLOCK_DATA:
        s->block[s->index % SMBUS_BLOCK] = value;
        s->index = (s->index + 1) % SMBUS_BLOCK;
        break;
    case SLAVE_CONTROL:
        s->slave_control = value;
        break;
    case SLAVE_EVENT_LOW:
        s->slave_event = (uint16_t)((s->slave_event & 0xff00) | value);
        break;
    case SLAVE_EVENT_HIGH:
        s->slave_event = (uint16_t)((s->slave_event & 0xff) | value << 8);
        break;
    }
}
