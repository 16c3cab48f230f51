/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A 93C46 serial EEPROM of 64 words, as cards keep their address in; read only. */
#ifndef HW_NET_EEPROM93_H
#define HW_NET_EEPROM93_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/core/state.h"

#define EEPROM93_WORDS 64

struct eeprom93_state {
    uint16_t words[EEPROM93_WORDS];
    uint32_t in;         /* bits of the command so far */
    uint16_t out;        /* bits of the answer, the next one on top */
    uint8_t count, left; /* bits in and out */
    uint8_t clock;
};

/* The lines change. */
void eeprom93_set(struct eeprom93_state *e, bool select, bool clock, bool data);
bool eeprom93_output(const struct eeprom93_state *e);

FIELDS(eeprom93_state) = {
    ARRAY(eeprom93_state, words), FIELD(eeprom93_state, in), FIELD(eeprom93_state, out),
    FIELD(eeprom93_state, count), FIELD(eeprom93_state, left), FIELD(eeprom93_state, clock),
    FIELDS_END
};

#endif
