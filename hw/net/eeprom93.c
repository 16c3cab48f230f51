/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The serial protocol of a 93C46: a one, two bits of command, six of address, sixteen of answer. */
#include "hw/net/eeprom93.h"

#include "base/log.h"

enum { COMMAND_BITS = 9, READ = 6, ANSWER_BITS = 17 };

void eeprom93_set(struct eeprom93_state *e, bool select, bool clock, bool data)
{
    bool rising = clock && !e->clock;

    e->clock = clock;
    if (!select) {
        e->in = e->count = e->left = 0;
        e->out = 0xffff;
        return;
    }
    if (!rising) {
        return;
    }
    if (e->left) {
        if (e->left-- < ANSWER_BITS) {
            e->out = (uint16_t)(e->out << 1 | 1);
        }
        return;
    }
    if (e->count == 0 && !data) {
        return;
    }
    e->in = e->in << 1 | data;
    if (++e->count == COMMAND_BITS) {
        if (e->in >> 6 == READ) {
            /* A zero stands before the sixteen bits until the next clock. */
            e->out = e->words[e->in & 0x3f];
            e->left = ANSWER_BITS;
        } else {
            log_unimp("EEPROM command 0x%x", e->in >> 6);
        }
        e->in = e->count = 0;
    }
}

bool eeprom93_output(const struct eeprom93_state *e)
{
    return e->left != ANSWER_BITS && e->out >> 15;
}
