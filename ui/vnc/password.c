/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The classic challenge: 16 bytes enciphered with DES, the key's bytes read backwards. */
#include <nettle/des.h>
#include <string.h>

#include "ui/vnc/internal.h"

static uint8_t reversed(uint8_t byte)
{
    uint8_t result = 0;

    for (unsigned i = 0; i < 8; i++) {
        result |= (byte >> i & 1) << (7 - i);
    }
    return result;
}

void vnc_answer_challenge(const char *password, const uint8_t *challenge, uint8_t *answer)
{
    uint8_t key[DES_KEY_SIZE] = { 0 };
    struct des_ctx des;

    for (unsigned i = 0; i < VNC_PASSWORD_MAX && password[i]; i++) {
        key[i] = reversed((uint8_t)password[i]);
    }
    /* Weak keys are the user's own choice. */
    des_set_key(&des, key);
    des_encrypt(&des, 16, answer, challenge);
}
