/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SCRIPTS processor of the LSI53C895A (technical manual, chapter 5). */
#include "base/log.h"
#include "base/trace.h"
#include "hw/scsi/lsi53c895a.h"

/* A script that runs this long lets others have a turn. */
#define TURN 20000

/* Fields of the first word of an instruction. */
#define COUNT(insn) ((insn) & 0xffffff)
#define PHASE(insn) ((insn) >> 24 & 7)
#define OPCODE(insn) ((insn) >> 27 & 7)

static uint32_t relative(const struct lsi *lsi, uint32_t offset)
{
    return lsi_get32(lsi, LSI_DSP) + (uint32_t)bits_sign_extend(offset, 24);
}

static uint32_t table_entry(const struct lsi *lsi, uint32_t offset)
{
    return lsi_get32(lsi, LSI_DSA) + (uint32_t)bits_sign_extend(offset, 24);
}

static bool fetch(struct lsi *lsi, uint32_t address, uint32_t *word)
{
    uint8_t bytes[4];

    if (!lsi_read(lsi, address, bytes, sizeof(bytes))) {
        lsi_dma_interrupt(lsi, DSTAT_BUS_FAULT);
        return false;
    }
    *word = ld32_le(bytes);
    return true;
}

static void illegal(struct lsi *lsi, uint32_t insn)
{
    log_guest_error("lsi53c895a: illegal instruction 0x%08x", insn);
    lsi_dma_interrupt(lsi, DSTAT_ILLEGAL);
}

/* --- block moves ----------------------------------------------------------------------------- */

/* The target wants another phase than the move's: jump where the driver handles that, or tell. */
static void mismatch(struct lsi *lsi, uint32_t insn, uint32_t left, uint32_t address)
{
    struct lsi_state *s = &lsi->s;
    uint8_t control = s->registers[LSI_CCNTL0];
    unsigned phase = PHASE(insn);
    bool data = phase == LSI_DATA_IN || phase == LSI_DATA_OUT;

    lsi_set32(lsi, LSI_DBC, (insn & 0xff000000) | left);
    lsi_set32(lsi, LSI_DNAD, address);
    if (!(control & 0x80) || (!data && !(control & 0x20))) {
        lsi_scsi_interrupt(lsi, SIST_MISMATCH);
        return;
    }
    lsi_set32(lsi, LSI_RBC, (insn & 0xff000000) | left);
    lsi_set32(lsi, LSI_UA, address);
    lsi_set32(lsi, LSI_IA, lsi_get32(lsi, LSI_DSP) - 8);
    lsi_set32(lsi, LSI_SBC, left);
    lsi_set32(lsi, LSI_DSP, lsi_get32(lsi, phase & 1 ? LSI_PMJAD2 : LSI_PMJAD1));
}

/* A phase is awaited. False: none will come, because nobody answered the selection; hardware finds
 * out here too, with the script ahead of the SELECT. */
static bool wait_for_target(struct lsi *lsi)
{
    if (lsi->s.no_answer) {
        lsi->s.no_answer = false;
        lsi_scsi_interrupt(lsi, SIST_TIMEOUT);
        return false;
    }
    lsi->s.wait = LSI_WAIT_TARGET;
    return true;
}

/* Goes on with the move until it is over, or must wait. */
static void continue_move(struct lsi *lsi)
{
    struct lsi_state *s = &lsi->s;
    uint32_t insn = lsi_get32(lsi, LSI_DBC);

    s->moving = false;
    while (s->move_left) {
        enum lsi_phase phase = lsi_phase(lsi);
        uint32_t moved;

        if (phase == LSI_NOT_YET) {
            s->moving = wait_for_target(lsi);
            return;
        }
        if (phase == LSI_COMMAND && PHASE(insn) == LSI_MESSAGE_OUT) {
            s->attention = true;        /* SeaBIOS selects without, and sends its message */
            phase = lsi_phase(lsi);
        }
        if (phase != PHASE(insn)) {
            if (phase == LSI_BUS_FREE) {
                lsi_scsi_interrupt(lsi, SIST_DISCONNECT);
            } else {
                mismatch(lsi, insn, s->move_left, s->move_address);
            }
            return;
        }
        moved = lsi_transfer(lsi, phase, s->move_address, s->move_left);
        if (!moved) {
            lsi_dma_interrupt(lsi, DSTAT_BUS_FAULT);
            return;
        }
        s->move_left -= moved;
        s->move_address += moved;
        if (phase == LSI_MESSAGE_IN || phase == LSI_STATUS) {
            break;
        }
    }
    lsi_set32(lsi, LSI_DBC, (insn & 0xff000000) | s->move_left);
    lsi_set32(lsi, LSI_DNAD, s->move_address);
}

/* SeaBIOS has two zero words in place of a move of no data. More of them are no script. */
static bool is_left_out(struct lsi *lsi, uint32_t insn, uint32_t operand)
{
    uint32_t next;

    return !insn && !operand && fetch(lsi, lsi_get32(lsi, LSI_DSP), &next) && next;
}

static void block_move(struct lsi *lsi, uint32_t insn, uint32_t operand)
{
    uint32_t count = COUNT(insn), address = operand;

    if (is_left_out(lsi, insn, operand)) {
        return;
    }
    if (insn & 1 << 28) {
        uint32_t entry = table_entry(lsi, operand);

        if (!fetch(lsi, entry, &count) || !fetch(lsi, entry + 4, &address)) {
            return;
        }
        count &= 0xffffff;
        lsi_set32(lsi, LSI_ESA, entry);
    } else if (insn & 1 << 29 && !fetch(lsi, operand, &address)) {
        return;
    }
    if (!count) {
        illegal(lsi, insn);
        return;
    }
    lsi_set32(lsi, LSI_DBC, (insn & 0xff000000) | count);
    lsi_set32(lsi, LSI_DNAD, address);
    lsi->s.move_left = count;
    lsi->s.move_address = address;
    continue_move(lsi);
}

/* --- selection, signals ---------------------------------------------------------------------- */

static void select_target(struct lsi *lsi, uint32_t insn, uint32_t operand)
{
    uint32_t id = insn >> 16, entry;

    if (lsi->s.registers[LSI_SCNTL1] & SCNTL1_CONNECTED) {
        lsi_set32(lsi, LSI_DSP, insn & 1 << 26 ? relative(lsi, operand) : operand);
        return;
    }
    if (insn & 1 << 25) {
        if (!fetch(lsi, table_entry(lsi, insn), &entry)) {
            return;
        }
        lsi->s.registers[LSI_SCNTL3] = entry >> 24;
        lsi->s.registers[LSI_SXFER] = entry >> 8;
        id = entry >> 16;
    }
    lsi->s.no_answer = !lsi_select(lsi, id & 15, insn & 1 << 24);
}

static void wait_reselect(struct lsi *lsi, uint32_t insn, uint32_t operand)
{
    if (lsi->s.registers[LSI_ISTAT0] & ISTAT_SIGNAL) {
        lsi_set32(lsi, LSI_DSP, insn & 1 << 26 ? relative(lsi, operand) : operand);
    } else {
        /* Nobody reselects: only the host's signal ends this. The instruction runs again. */
        lsi_set32(lsi, LSI_DSP, lsi_get32(lsi, LSI_DSP) - 8);
        lsi->s.wait = LSI_WAIT_RESELECT;
    }
}

static void set_signals(struct lsi *lsi, uint32_t insn, bool on)
{
    if (insn & 1 << 3) {
        if (on) {
            lsi->s.attention = true;
        } else {
            lsi_clear_attention(lsi);
        }
    }
    if (insn & 1 << 10) {
        lsi->s.carry = on;
    }
    if (insn & 1 << 9 && on) {
        log_unimp("lsi53c895a: target mode");
    }
}

static void input_output(struct lsi *lsi, uint32_t insn, uint32_t operand)
{
    switch (OPCODE(insn)) {
    case 0: select_target(lsi, insn, operand); break;
    case 1: break;                   /* wait for the disconnect, which has happened */
    case 2: wait_reselect(lsi, insn, operand); break;
    case 3: set_signals(lsi, insn, true); break;
    default: set_signals(lsi, insn, false); break;
    }
}

/* --- registers ------------------------------------------------------------------------------- */

static uint8_t operate(struct lsi *lsi, unsigned operator, uint8_t a, uint8_t b)
{
    unsigned sum;

    switch (operator) {
    case 0: return b;
    case 1:
        sum = a << 1 | lsi->s.carry;
        lsi->s.carry = a >> 7;
        return (uint8_t)sum;
    case 2: return a | b;
    case 3: return a ^ b;
    case 4: return a & b;
    case 5:
        sum = a >> 1 | lsi->s.carry << 7;
        lsi->s.carry = a & 1;
        return (uint8_t)sum;
    default:
        sum = a + b + (operator == 7 ? lsi->s.carry : 0);
        lsi->s.carry = sum >> 8;
        return (uint8_t)sum;
    }
}

static void read_modify_write(struct lsi *lsi, uint32_t insn)
{
    unsigned reg = (insn >> 16 & 0x7f) | (insn & 0x80);
    uint8_t data = insn & 1 << 23 ? lsi->s.registers[LSI_SFBR] : insn >> 8;
    unsigned operator = PHASE(insn);

    switch (OPCODE(insn)) {
    case 5:                          /* from SFBR */
        data = operate(lsi, operator, lsi->s.registers[LSI_SFBR], data);
        lsi_write_register(lsi, reg, data);
        break;
    case 6:                          /* to SFBR */
        lsi->s.registers[LSI_SFBR] = operate(lsi, operator, lsi_read_register(lsi, reg), data);
        break;
    default:
        data = operate(lsi, operator, operator ? lsi_read_register(lsi, reg) : 0, data);
        lsi_write_register(lsi, reg, data);
        break;
    }
}

/* --- jumps ----------------------------------------------------------------------------------- */

/* False: the target has no phase yet, the instruction must run again. */
static bool condition(struct lsi *lsi, uint32_t insn, bool *holds)
{
    *holds = true;
    if (insn & 1 << 21) {
        *holds = lsi->s.carry;
        return true;
    }
    if (insn & 1 << 17) {
        enum lsi_phase phase = lsi_phase(lsi);

        if (phase == LSI_NOT_YET) {
            if (insn & 1 << 16) {
                return false;
            }
            phase = LSI_BUS_FREE;
        }
        *holds = phase == PHASE(insn);
    }
    if (insn & 1 << 18) {
        uint8_t mask = ~(insn >> 8);

        *holds = *holds && (lsi->s.registers[LSI_SFBR] & mask) == (insn & mask & 0xff);
    }
    return true;
}

static void transfer_control(struct lsi *lsi, uint32_t insn, uint32_t operand)
{
    uint32_t address = insn & 1 << 23 ? relative(lsi, operand) : operand;
    bool holds;

    if (!condition(lsi, insn, &holds)) {
        if (wait_for_target(lsi)) {
            lsi_set32(lsi, LSI_DSP, lsi_get32(lsi, LSI_DSP) - 8);
        }
        return;
    }
    if (holds != ((insn >> 19 & 1) != 0)) {
        return;
    }
    switch (OPCODE(insn)) {
    case 0:
        lsi_set32(lsi, LSI_DSP, address);
        break;
    case 1:
        lsi_set32(lsi, LSI_TEMP, lsi_get32(lsi, LSI_DSP));
        lsi_set32(lsi, LSI_DSP, address);
        break;
    case 2:
        lsi_set32(lsi, LSI_DSP, lsi_get32(lsi, LSI_TEMP));
        break;
    case 3:
        if (insn & 1 << 20) {
            lsi->s.registers[LSI_ISTAT0] |= ISTAT_FLY;
            lsi_update_irq(lsi);
        } else {
            lsi_dma_interrupt(lsi, DSTAT_INTERRUPT);
        }
        break;
    default:
        illegal(lsi, insn);
    }
}

/* --- memory ---------------------------------------------------------------------------------- */

static void memory_move(struct lsi *lsi, uint32_t insn, uint32_t from)
{
    uint32_t dsp = lsi_get32(lsi, LSI_DSP), to, count = COUNT(insn);
    uint8_t data[4096];

    if (!fetch(lsi, dsp, &to)) {
        return;
    }
    lsi_set32(lsi, LSI_DSP, dsp + 4);
    lsi_set32(lsi, LSI_TEMP, to);
    while (count) {
        uint32_t size = MIN_OF(count, (uint32_t)sizeof(data));

        if (!lsi_read(lsi, from, data, size) || !lsi_write(lsi, to, data, size)) {
            lsi_dma_interrupt(lsi, DSTAT_BUS_FAULT);
            return;
        }
        from += size;
        to += size;
        count -= size;
    }
}

static void load_store(struct lsi *lsi, uint32_t insn, uint32_t operand)
{
    uint32_t address = insn & 1 << 28 ? table_entry(lsi, operand) : operand;
    unsigned reg = insn >> 16 & 0xff, count = insn & 7;
    uint8_t data[8] = { 0 };
    bool good;

    if (count == 0 || count > 4 || reg + count > LSI_REGISTERS) {
        illegal(lsi, insn);
        return;
    }
    if (insn & 1 << 24) {
        good = lsi_read(lsi, address, data, count);
        for (unsigned i = 0; good && i < count; i++) {
            lsi_write_register(lsi, reg + i, data[i]);
        }
    } else {
        for (unsigned i = 0; i < count; i++) {
            data[i] = lsi_read_register(lsi, reg + i);
        }
        good = lsi_write(lsi, address, data, count);
    }
    if (!good) {
        lsi_dma_interrupt(lsi, DSTAT_BUS_FAULT);
    }
}

/* --- the loop -------------------------------------------------------------------------------- */

static void step(struct lsi *lsi)
{
    uint32_t dsp = lsi_get32(lsi, LSI_DSP), insn, operand;

    if (!fetch(lsi, dsp, &insn) || !fetch(lsi, dsp + 4, &operand)) {
        return;
    }
    trace(lsi_insn, "0x%08x: %08x %08x", dsp, insn, operand);
    lsi_set32(lsi, LSI_DBC, insn);
    lsi_set32(lsi, LSI_DSPS, operand);
    lsi_set32(lsi, LSI_DSP, dsp + 8);
    switch (insn >> 30) {
    case 0:
        block_move(lsi, insn, operand);
        break;
    case 1:
        if (OPCODE(insn) < 5) {
            input_output(lsi, insn, operand);
        } else {
            read_modify_write(lsi, insn);
        }
        break;
    case 2:
        transfer_control(lsi, insn, operand);
        break;
    default:
        if (insn & 1 << 29) {
            load_store(lsi, insn, operand);
        } else {
            memory_move(lsi, insn, operand);
        }
    }
}

void lsi_run(struct lsi *lsi)
{
    unsigned left = TURN;

    if (lsi->executing) {
        return;                      /* a script that writes its own start register */
    }
    lsi->executing = true;
    lsi->s.wait = LSI_RUNNING;
    if (lsi->s.moving) {
        continue_move(lsi);
    }
    while (lsi->s.wait == LSI_RUNNING) {
        if (left-- == 0) {
            lsi->s.wait = LSI_WAIT_TURN;
            timer_set(&lsi->turn, clock_ns(CLOCK_VM) + 10 * NS_PER_US);
            break;
        }
        step(lsi);
        if (lsi->s.registers[LSI_DCNTL] & 0x10 && lsi->s.wait == LSI_RUNNING) {
            lsi_dma_interrupt(lsi, DSTAT_STEP);
        }
    }
    lsi->executing = false;
}
