/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OHCI: endpoint and transfer descriptors (OpenHCI 1.0a, chapter 4).
 *
 * Lists are the guest's: they may be endless or nonsense, so every walk has a limit.
 */
#include "base/log.h"
#include "hw/usb/ohci.h"

#define MAX_ENDPOINTS 1024          /* in one list */
#define MAX_PACKETS 256             /* of one endpoint in one frame */
#define MAX_PACKET 1024

/* Words of an endpoint descriptor, and of a transfer descriptor. */
enum { ED_FLAGS, ED_TAIL, ED_HEAD, ED_NEXT, ED_WORDS };
enum { TD_FLAGS, TD_BUFFER, TD_NEXT, TD_END, TD_WORDS };
enum { ED_SKIP = 1 << 14, ED_ISOCHRONOUS = 1 << 15, HEAD_HALTED = 1, HEAD_TOGGLE = 2 };
enum { TD_ROUNDING = 1 << 18, TD_TOGGLE = 1 << 24, TD_TOGGLE_OWN = 1 << 25 };
enum { CC_OK = 0, CC_STALL = 4, CC_NO_ANSWER = 5, CC_UNEXPECTED_PID = 7, CC_OVERRUN = 8,
       CC_UNDERRUN = 9 };
enum outcome { OUTCOME_WAIT, OUTCOME_MORE, OUTCOME_RETIRED };

/* --- buffers --------------------------------------------------------------------------------- */

/* A buffer is at most two pages: that of its first byte and that of its last. */
static uint32_t buffer_size(const uint32_t *td)
{
    uint32_t first = td[TD_BUFFER], last = td[TD_END];

    if (!first) {
        return 0;
    }
    if ((first ^ last) & ~0xfffu) {
        return (last & 0xfff) + 0x1001 - (first & 0xfff);
    }
    return last >= first ? last - first + 1 : 0;
}

static uint32_t buffer_at(const uint32_t *td, uint32_t offset)
{
    uint32_t at = (td[TD_BUFFER] & 0xfff) + offset;

    return at > 0xfff ? (td[TD_END] & ~0xfffu) | (at & 0xfff) : td[TD_BUFFER] + offset;
}

static bool copy(struct ohci *o, const uint32_t *td, uint8_t *data, uint32_t size, bool to_guest)
{
    uint32_t first = MIN_OF(size, 0x1000 - (td[TD_BUFFER] & 0xfff));

    for (uint32_t at = 0; at < size;) {
        uint32_t part = at ? size - at : first;
        enum mem_result result =
            to_guest ? pci_dma_write(&o->pci, buffer_at(td, at), data + at, part)
                     : pci_dma_read(&o->pci, buffer_at(td, at), data + at, part);

        if (result != MEM_OK) {
            return false;
        }
        at += part;
    }
    return true;
}

/* --- transfer descriptors -------------------------------------------------------------------- */

static enum usb_pid direction(const uint32_t *ed, const uint32_t *td, bool *good)
{
    unsigned from_ed = ed[ED_FLAGS] >> 11 & 3, from_td = td[TD_FLAGS] >> 19 & 3;

    *good = true;
    if (from_ed == 1 || from_ed == 2) {
        return from_ed == 1 ? USB_OUT : USB_IN;
    }
    *good = from_td != 3;
    return from_td == 0 ? USB_SETUP : from_td == 1 ? USB_OUT : USB_IN;
}

/* Takes the descriptor off its endpoint and puts it at the head of the done list. */
static void retire(struct ohci *o, uint32_t *ed, uint32_t *td, uint32_t address, unsigned code)
{
    unsigned delay = td[TD_FLAGS] >> 21 & 7;
    uint32_t next = td[TD_NEXT] & ~15u;

    td[TD_FLAGS] = (td[TD_FLAGS] & 0x0fffffff) | code << 28;
    ed[ED_HEAD] = next | (ed[ED_HEAD] & HEAD_TOGGLE) | (code ? HEAD_HALTED : 0);
    td[TD_NEXT] = o->s.done;
    o->s.done = address;
    if (code) {
        delay = 0;
    }
    o->s.done_delay = (uint8_t)MIN_OF(o->s.done_delay, delay);
}

static unsigned error_code(int result)
{
    switch (result) {
    case USB_STALL: return CC_STALL;
    case USB_BABBLE: return CC_OVERRUN;
    default: return CC_NO_ANSWER;
    }
}

/* After a packet of `moved` of `asked` bytes: toggles, pointers, the end of the transfer. */
static enum outcome advance(struct ohci *o, uint32_t *ed, uint32_t *td, uint32_t address,
                            uint32_t moved, uint32_t asked)
{
    uint32_t size = buffer_size(td);
    bool is_short = moved < asked;

    td[TD_FLAGS] ^= TD_TOGGLE;
    td[TD_FLAGS] |= TD_TOGGLE_OWN;
    ed[ED_HEAD] = (ed[ED_HEAD] & ~(uint32_t)HEAD_TOGGLE) |
        (td[TD_FLAGS] & TD_TOGGLE ? HEAD_TOGGLE : 0);
    td[TD_BUFFER] = moved >= size ? 0 : buffer_at(td, moved);
    if (moved < size && !is_short) {
        return OUTCOME_MORE;
    }
    retire(o, ed, td, address,
           moved < size && !(td[TD_FLAGS] & TD_ROUNDING) ? CC_UNDERRUN : CC_OK);
    return OUTCOME_RETIRED;
}

/* One packet of the transfer at the head. */
static enum outcome packet(struct ohci *o, uint32_t *ed, uint32_t *td, uint32_t address)
{
    uint32_t size = buffer_size(td), limit = ed[ED_FLAGS] >> 16 & 0x7ff;
    struct usb_device *d = usb_find(&o->bus, ed[ED_FLAGS] & 0x7f);
    uint8_t data[MAX_PACKET];
    bool good;
    enum usb_pid pid = direction(ed, td, &good);
    int result;

    size = MIN_OF(size, MIN_OF(limit, (uint32_t)MAX_PACKET));
    if (!(td[TD_FLAGS] & TD_TOGGLE_OWN)) {
        td[TD_FLAGS] = bits_deposit(td[TD_FLAGS], 24, 1, ed[ED_HEAD] & HEAD_TOGGLE ? 1 : 0);
    }
    if (!good) {
        retire(o, ed, td, address, CC_UNEXPECTED_PID);
        return OUTCOME_RETIRED;
    }
    if (pid != USB_IN && !copy(o, td, data, size, false)) {
        ohci_die(o);
        return OUTCOME_WAIT;
    }
    result = d ? usb_packet(d, pid, ed[ED_FLAGS] >> 7 & 15, data, size) : USB_NO_ANSWER;
    if (result == USB_NAK) {
        return OUTCOME_WAIT;
    }
    if (result < 0 || (uint32_t)result > size) {
        retire(o, ed, td, address, error_code(result > 0 ? USB_BABBLE : result));
        return OUTCOME_RETIRED;
    }
    if (pid == USB_IN && !copy(o, td, data, (uint32_t)result, true)) {
        ohci_die(o);
        return OUTCOME_WAIT;
    }
    return advance(o, ed, td, address, (uint32_t)result, size);
}

/* --- endpoint descriptors -------------------------------------------------------------------- */

static bool has_work(const uint32_t *ed)
{
    return !(ed[ED_FLAGS] & ED_SKIP) && !(ed[ED_HEAD] & HEAD_HALTED) &&
        (ed[ED_HEAD] & ~15u) != (ed[ED_TAIL] & ~15u);
}

/* Up to so many packets; whether there was anything to do. */
static bool run_endpoint(struct ohci *o, uint32_t *ed, uint32_t address, unsigned packets)
{
    bool worked = false;

    while (has_work(ed) && packets-- > 0) {
        uint32_t at = ed[ED_HEAD] & ~15u, td[TD_WORDS];
        enum outcome outcome;

        if (!ohci_load(o, at, td, TD_WORDS)) {
            return worked;
        }
        outcome = packet(o, ed, td, at);
        worked = true;
        /* Only the head of the endpoint is the controller's to write. */
        if (!ohci_store(o, at, td, TD_WORDS) ||
            !ohci_store(o, address + 4 * ED_HEAD, &ed[ED_HEAD], 1) || outcome == OUTCOME_WAIT) {
            return worked;
        }
    }
    return worked;
}

static bool run_list(struct ohci *o, uint32_t head, unsigned packets)
{
    bool worked = false;

    for (unsigned n = 0; head && n < MAX_ENDPOINTS; n++) {
        uint32_t ed[ED_WORDS];

        if (!ohci_load(o, head, ed, ED_WORDS)) {
            return worked;
        }
        if (ed[ED_FLAGS] & ED_ISOCHRONOUS) {
            if (has_work(ed)) {
                log_unimp("ohci: isochronous transfers");
            }
        } else {
            worked |= run_endpoint(o, ed, head, packets);
        }
        head = ed[ED_NEXT] & ~15u;
    }
    return worked;
}

void ohci_run_frame(struct ohci *o)
{
    struct ohci_state *s = &o->s;
    uint32_t head;

    if (s->control & OHCI_CONTROL_PERIODIC &&
        ohci_load(o, s->hcca + 4 * (s->frame_number & 31), &head, 1)) {
        run_list(o, head & ~15u, 1);
    }
    if (s->control & OHCI_CONTROL_CONTROL && s->command & OHCI_COMMAND_CONTROL &&
        !run_list(o, s->control_head, MAX_PACKETS)) {
        s->command &= ~(uint32_t)OHCI_COMMAND_CONTROL;
    }
    if (s->control & OHCI_CONTROL_BULK && s->command & OHCI_COMMAND_BULK &&
        !run_list(o, s->bulk_head, MAX_PACKETS)) {
        s->command &= ~(uint32_t)OHCI_COMMAND_BULK;
    }
}
