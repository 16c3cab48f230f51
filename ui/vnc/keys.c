/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and pointers of clients: to the guest, to a text console, or to switch between consoles. */
#include <string.h>

#include "base/bits.h"
#include "ui/keymap.h"
#include "ui/vnc/internal.h"

enum { BUTTON_WHEEL_UP = 8, BUTTON_WHEEL_DOWN = 16, BUTTON_SIDE = 128 };

static bool is_down(const struct vnc_client *client, enum input_key a, enum input_key b)
{
    return client->keys_down[a] || client->keys_down[b];
}

void vnc_release_keys(struct vnc_client *client)
{
    bool guest = client->server->listener.con &&
        !console_has_keyboard(client->server->listener.con);

    for (int key = 1; key < INPUT_KEY_COUNT; key++) {
        if (client->keys_down[key] && guest) {
            input_key(key, false);
        }
        client->keys_down[key] = 0;
    }
    if (client->buttons) {
        client->buttons = 0;
        input_pointer_move(0, 0, 0, 0);
    }
}

/* Ctrl-Alt-1 to -9 */
static bool switch_console(struct vnc_client *client, enum input_key key)
{
    struct console *con;

    if (key < INPUT_KEY_1 || key > INPUT_KEY_9 || client->server->fixed_console ||
        !is_down(client, INPUT_KEY_ctrl, INPUT_KEY_ctrl_r) ||
        !is_down(client, INPUT_KEY_alt, INPUT_KEY_alt_r)) {
        return false;
    }
    con = console_find((unsigned)(key - INPUT_KEY_1));
    if (con) {
        vnc_release_keys(client);
        vnc_show_console(client->server, con);
    }
    return con != NULL;
}

static bool is_letter(uint32_t keysym)
{
    return (keysym >= 'a' && keysym <= 'z') || (keysym >= 'A' && keysym <= 'Z');
}

/* Presses a key so that the guest's layout makes the symbol of it: shift and AltGr are put as the
 * symbol needs them, and back. */
static void press_symbol(struct vnc_client *client, enum input_key key, uint32_t keysym,
                         int modifiers)
{
    bool shift = is_down(client, INPUT_KEY_shift, INPUT_KEY_shift_r);
    bool altgr = client->keys_down[INPUT_KEY_alt_r] != 0;
    bool caps = is_letter(keysym) && client->server->leds & INPUT_LED_CAPS;
    bool want_shift = (modifiers & KEYMAP_SHIFT) != 0, want_altgr = modifiers & KEYMAP_ALTGR;
    bool fix_shift = modifiers >= 0 && (shift != caps) != want_shift;
    bool fix_altgr = modifiers >= 0 && want_altgr && !altgr;
    static const enum input_key shifts[2] = { INPUT_KEY_shift, INPUT_KEY_shift_r };

    if (fix_shift && !shift) {
        input_key(INPUT_KEY_shift, true);
    }
    for (unsigned i = 0; i < 2 && fix_shift && shift; i++) {
        if (client->keys_down[shifts[i]]) {
            input_key(shifts[i], false);
        }
    }
    if (fix_altgr) {
        input_key(INPUT_KEY_alt_r, true);
    }
    input_key(key, true);
    if (fix_altgr) {
        input_key(INPUT_KEY_alt_r, false);
    }
    if (fix_shift && !shift) {
        input_key(INPUT_KEY_shift, false);
    }
    for (unsigned i = 0; i < 2 && fix_shift && shift; i++) {
        if (client->keys_down[shifts[i]]) {
            input_key(shifts[i], true);
        }
    }
}

void vnc_key(struct vnc_client *client, uint32_t keysym, enum input_key key, bool down)
{
    struct console *con = client->server->listener.con;
    bool placed = key != INPUT_KEY_NONE, was_down;
    int modifiers = -1;

    if (!placed) {
        key = keymap_find(keysym, &modifiers);
    }
    was_down = client->keys_down[key];
    client->keys_down[key] = down && key != INPUT_KEY_NONE;
    if (down && switch_console(client, key)) {
        return;
    }
    if (console_has_keyboard(con)) {
        console_key(con, keysym, down);
    } else if (key == INPUT_KEY_NONE || (!down && !was_down)) {
        return;                        /* nothing of ours to release */
    } else if (down && !placed) {
        press_symbol(client, key, keysym, modifiers);
    } else {
        input_key(key, down);
    }
}

/* --- pointer --------------------------------------------------------------------------------- */

static unsigned guest_buttons(unsigned buttons)
{
    return (buttons & 1 ? INPUT_BUTTON_LEFT : 0) | (buttons & 2 ? INPUT_BUTTON_MIDDLE : 0) |
        (buttons & 4 ? INPUT_BUTTON_RIGHT : 0) | (buttons & BUTTON_SIDE ? INPUT_BUTTON_SIDE : 0);
}

static int scaled(unsigned at, unsigned size)
{
    /* The far edge of the last pixel is the end of the scale, so that it can be reached. */
    return size > 1 ? (int)((uint64_t)MIN_OF(at, size - 1) * INPUT_ABSOLUTE_MAX / (size - 1)) : 0;
}

void vnc_pointer(struct vnc_client *client, unsigned buttons, unsigned x, unsigned y)
{
    const struct vnc_server *server = client->server;
    unsigned pressed = buttons & ~client->buttons;
    int wheel = (pressed & BUTTON_WHEEL_UP ? 1 : 0) - (pressed & BUTTON_WHEEL_DOWN ? 1 : 0);

    client->buttons = buttons;
    if (console_has_keyboard(server->listener.con)) {
        return;
    }
    if (!client->absolute && client->can & CAN_POINTER_MODE) {
        /* Such a client sends differences around the middle of the scale. */
        input_pointer_move((int)x - 0x7fff, (int)y - 0x7fff, wheel, guest_buttons(buttons));
    } else {
        input_pointer_set(scaled(x, client->width), scaled(y, client->height), wheel,
                          guest_buttons(buttons));
    }
}
