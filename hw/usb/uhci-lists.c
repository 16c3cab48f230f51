/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UHCI: frame list, queue heads and transfer descriptors (UHCI 1.1, chapter 3).
 *
 * Lists are the guest's: they may be endless or nonsense, so every walk has a limit.
 */
#include "base/log.h"
#include "hw/usb/uhci.h"

#define MAX_LINKS 4096              /* followed in one frame */
#define MAX_PACKETS 256             /* sent in one frame */
#define MAX_PACKET 1280             /* the longest that a descriptor can ask for */

enum { LINK_END = 1, LINK_QUEUE = 2, LINK_DEPTH = 4, LINK_ADDRESS = 0xfffffff0 };
enum { TD_LINK, TD_CONTROL, TD_TOKEN, TD_BUFFER, TD_WORDS };
enum { QUEUE_HEAD, QUEUE_ELEMENT, QUEUE_WORDS };
enum {
    CONTROL_LENGTH = 0x7ff, CONTROL_TIMEOUT = 1 << 18, CONTROL_NAK = 1 << 19,
    CONTROL_BABBLE = 1 << 20, CONTROL_STALLED = 1 << 22, CONTROL_ACTIVE = 1 << 23,
    CONTROL_ISOCHRONOUS = 1 << 25, CONTROL_COMPLETE = 1 << 24, CONTROL_ERRORS = 3 << 27,
    CONTROL_SHORT = 1 << 29
};
enum { PID_IN = 0x69, PID_OUT = 0xe1, PID_SETUP = 0x2d };
/* What is next: the queue's next element, the next queue, or nothing in this frame. */
enum outcome { OUTCOME_NEXT, OUTCOME_LEAVE, OUTCOME_STOP };

struct walk {
    struct uhci *u;
    unsigned links, packets, moved;
    uint32_t first;                 /* queue since which no packet was moved; 0: none yet */
    bool failed;
};

static bool load(struct walk *w, uint32_t address, uint32_t *words, unsigned count)
{
    uint8_t bytes[4 * TD_WORDS];

    if (pci_dma_read(&w->u->pci, address, bytes, 4 * count) != MEM_OK) {
        uhci_fail(w->u, UHCI_STATUS_HOST_ERROR);
        w->failed = true;
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        words[i] = ld32_le(bytes + 4 * i);
    }
    return true;
}

static bool store(struct walk *w, uint32_t address, uint32_t word)
{
    uint8_t bytes[4];

    st32_le(bytes, word);
    if (pci_dma_write(&w->u->pci, address, bytes, 4) != MEM_OK) {
        uhci_fail(w->u, UHCI_STATUS_HOST_ERROR);
        w->failed = true;
        return false;
    }
    return true;
}

/* --- transfer descriptors -------------------------------------------------------------------- */

static bool known_pid(uint32_t token, enum usb_pid *pid)
{
    switch (token & 0xff) {
    case PID_IN: *pid = USB_IN; return true;
    case PID_OUT: *pid = USB_OUT; return true;
    case PID_SETUP: *pid = USB_SETUP; return true;
    default: return false;
    }
}

/* Sends the packet; its result, or USB_STALL with w->failed when memory is not there. */
static int send(struct walk *w, const uint32_t *td, enum usb_pid pid, unsigned size)
{
    struct usb_device *d = usb_find(&w->u->bus, td[TD_TOKEN] >> 8 & 0x7f);
    uint8_t data[MAX_PACKET];
    int result;

    if (pid != USB_IN && size &&
        pci_dma_read(&w->u->pci, td[TD_BUFFER], data, size) != MEM_OK) {
        uhci_fail(w->u, UHCI_STATUS_HOST_ERROR);
        w->failed = true;
        return USB_STALL;
    }
    result = d ? usb_packet(d, pid, td[TD_TOKEN] >> 15 & 15, data, size) : USB_NO_ANSWER;
    if (result > (int)size) {
        return USB_BABBLE;
    }
    if (pid == USB_IN && result > 0 &&
        pci_dma_write(&w->u->pci, td[TD_BUFFER], data, (size_t)result) != MEM_OK) {
        uhci_fail(w->u, UHCI_STATUS_HOST_ERROR);
        w->failed = true;
        return USB_STALL;
    }
    return result;
}

static void complete(struct walk *w, const uint32_t *td)
{
    if (td[TD_CONTROL] & CONTROL_COMPLETE) {
        w->u->s.status |= UHCI_STATUS_INT;
        w->u->s.reasons |= UHCI_INT_COMPLETE;
    }
}

static enum outcome fail(struct walk *w, uint32_t *td, int result)
{
    uint32_t why = result == USB_BABBLE ? CONTROL_BABBLE | CONTROL_STALLED
        : result == USB_STALL ? CONTROL_STALLED : CONTROL_TIMEOUT | CONTROL_STALLED;

    td[TD_CONTROL] &= ~(uint32_t)(CONTROL_ACTIVE | CONTROL_NAK | CONTROL_LENGTH);
    td[TD_CONTROL] |= why | CONTROL_LENGTH;
    if (result == USB_NO_ANSWER) {
        td[TD_CONTROL] &= ~(uint32_t)CONTROL_ERRORS;      /* all attempts are used up */
    }
    w->u->s.status |= UHCI_STATUS_ERROR;
    complete(w, td);
    return OUTCOME_LEAVE;
}

/* One packet. The lists belong to the walk; of the descriptor only its second word is written. */
static enum outcome run_td(struct walk *w, uint32_t *td)
{
    unsigned size = ((td[TD_TOKEN] >> 21) + 1) & 0x7ff;
    enum usb_pid pid;
    int result;

    if (!known_pid(td[TD_TOKEN], &pid) || size > MAX_PACKET) {
        log_guest_error("uhci: a descriptor with token %08x", td[TD_TOKEN]);
        uhci_fail(w->u, UHCI_STATUS_PROCESS_ERROR);
        w->failed = true;
        return OUTCOME_STOP;
    }
    w->packets++;
    result = send(w, td, pid, size);
    if (w->failed) {
        return OUTCOME_STOP;
    }
    if (result == USB_NAK && !(td[TD_CONTROL] & CONTROL_ISOCHRONOUS)) {
        td[TD_CONTROL] |= CONTROL_NAK;
        return OUTCOME_LEAVE;
    }
    if (result < 0 && result != USB_NAK) {
        return fail(w, td, result);
    }
    result = MAX_OF(result, 0);
    w->first = 0;
    w->moved++;
    td[TD_CONTROL] &= ~(uint32_t)(CONTROL_ACTIVE | CONTROL_NAK | CONTROL_LENGTH);
    td[TD_CONTROL] |= (uint32_t)(result - 1) & CONTROL_LENGTH;
    complete(w, td);
    if (pid == USB_IN && (unsigned)result < size && td[TD_CONTROL] & CONTROL_SHORT) {
        w->u->s.status |= UHCI_STATUS_INT;
        w->u->s.reasons |= UHCI_INT_SHORT;
        return OUTCOME_LEAVE;
    }
    return OUTCOME_NEXT;
}

/* The descriptor at an address, if it is active. */
static enum outcome run_td_at(struct walk *w, uint32_t address, uint32_t *td)
{
    enum outcome outcome;
    uint32_t before;

    if (!load(w, address, td, TD_WORDS)) {
        return OUTCOME_STOP;
    }
    if (!(td[TD_CONTROL] & CONTROL_ACTIVE)) {
        return OUTCOME_LEAVE;
    }
    before = td[TD_CONTROL];
    outcome = run_td(w, td);
    if (td[TD_CONTROL] != before && !store(w, address + 4 * TD_CONTROL, td[TD_CONTROL])) {
        return OUTCOME_STOP;
    }
    return outcome;
}

/* --- queues ---------------------------------------------------------------------------------- */

static bool may_go_on(struct walk *w)
{
    return !w->failed && w->links++ < MAX_LINKS && w->packets < MAX_PACKETS;
}

/* The elements of a queue: depth first as long as they ask for it. */
static void run_elements(struct walk *w, uint32_t address, uint32_t element)
{
    while (!(element & (LINK_END | LINK_QUEUE)) && may_go_on(w)) {
        uint32_t td[TD_WORDS];

        if (run_td_at(w, element & LINK_ADDRESS, td) != OUTCOME_NEXT) {
            return;
        }
        element = td[TD_LINK];
        if (!store(w, address + 4 * QUEUE_ELEMENT, element) || !(element & LINK_DEPTH)) {
            return;
        }
    }
}

/*
 * A queue may hold another queue as its element; that one is run instead. Lists of bulk queues are
 * rings: a round without a packet is the end of the frame.
 */
static uint32_t run_queue(struct walk *w, uint32_t address)
{
    uint32_t queue[QUEUE_WORDS];

    if (w->first == address) {
        return LINK_END;
    }
    w->first = w->first ? w->first : address;
    if (!load(w, address, queue, QUEUE_WORDS)) {
        return LINK_END;
    }
    if (!(queue[QUEUE_ELEMENT] & LINK_END) && queue[QUEUE_ELEMENT] & LINK_QUEUE) {
        return queue[QUEUE_ELEMENT];
    }
    run_elements(w, address, queue[QUEUE_ELEMENT]);
    return queue[QUEUE_HEAD];
}

bool uhci_run_frame(struct uhci *u)
{
    struct walk walk = { .u = u };
    uint32_t link = LINK_END;

    load(&walk, u->s.frame_base + 4 * (u->s.frame_number & 0x3ff), &link, 1);
    while (!(link & LINK_END) && may_go_on(&walk)) {
        uint32_t td[TD_WORDS];

        if (link & LINK_QUEUE) {
            link = run_queue(&walk, link & LINK_ADDRESS);
        } else if (run_td_at(&walk, link & LINK_ADDRESS, td) == OUTCOME_STOP) {
            break;
        } else {
            link = td[TD_LINK];
        }
    }
    return walk.moved != 0;
}
