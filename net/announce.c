/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After a migration the frames for a guest go another way: RARP requests in the name of each card
 * (RFC 903) make switches learn it. The first ones may get lost, so there are several.
 */
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "net/port.h"

enum { ROUNDS = 5, FIRST_MS = 50, STEP_MS = 100, FRAME = 60 };

static struct timer timer;
static unsigned round_number;

static void announce(struct net_port *port)
{
    /* Behind the addresses: RARP, Ethernet, IPv4, sizes of addresses, "request reverse". */
    static const uint8_t head[] = { 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3 };
    uint8_t frame[FRAME] = { 0 };

    memset(frame, 0xff, NET_MAC_SIZE);
    memcpy(frame + 6, port->mac, NET_MAC_SIZE);
    memcpy(frame + 12, head, sizeof(head));
    memcpy(frame + 22, port->mac, NET_MAC_SIZE);    /* the sender ... */
    memcpy(frame + 32, port->mac, NET_MAC_SIZE);    /* ... asks for its own address */
    net_send(port, frame, sizeof(frame));
}

static void announce_all(void *opaque)
{
    for (struct net_port *port = net_port_first(); port; port = port->next) {
        if (strcmp(port->type, "nic") == 0 && port->peer) {
            announce(port);
        }
    }
    if (++round_number < ROUNDS) {
        timer_set(&timer, clock_ns(CLOCK_HOST) + (FIRST_MS + round_number * STEP_MS) * NS_PER_MS);
    }
}

void net_announce(void)
{
    timer_cancel(&timer);
    timer_init(&timer, CLOCK_HOST, announce_all, NULL);
    round_number = 0;
    announce_all(NULL);
}
