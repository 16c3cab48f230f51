/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local APIC (xAPIC): registers, priorities and the bus that carries interrupts between CPUs. */
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/intc/apic-state.h"
#include "hw/intc/ioapic.h"

enum {
    REG_ID = 0x02, REG_VERSION = 0x03, REG_TPR = 0x08, REG_APR = 0x09, REG_PPR = 0x0a,
    REG_EOI = 0x0b, REG_LDR = 0x0d, REG_DFR = 0x0e, REG_SVR = 0x0f, REG_ISR = 0x10, REG_TMR = 0x18,
    REG_IRR = 0x20, REG_ESR = 0x28, REG_ICR_LOW = 0x30, REG_ICR_HIGH = 0x31, REG_LVT = 0x32,
    REG_INITIAL_COUNT = 0x38, REG_CURRENT_COUNT = 0x39, REG_DIVIDE = 0x3e
};
enum { SVR_ENABLE = 1 << 8, SVR_WRITABLE = 0x3ff };
enum { ERROR_SENT_VECTOR = 1 << 5, ERROR_RECEIVED_VECTOR = 1 << 6, ERROR_REGISTER = 1 << 7 };
enum {
    ICR_LOGICAL = 1 << 11, ICR_ASSERT = 1 << 14, ICR_LEVEL = 1 << 15, ICR_SHORTHAND = 3 << 18,
    ICR_SELF = 1 << 18, ICR_ALL = 2 << 18, ICR_OTHERS = 3 << 18, ICR_WRITABLE = 0xccfff & ~0x1000
};
enum { VERSION = 0x14 | (LVTS - 1) << 16, DFR_FLAT = 0x0f, BROADCAST = 0xff, MAX_APICS = 256 };
#define BASE_BOOTSTRAP 0x100ull
#define BASE_ENABLE 0x800ull
#define BASE_ADDRESS 0xfffffff000ull

static const uint32_t lvt_writable[LVTS] = {
    [LVT_TIMER] = 0x700ff, [LVT_THERMAL] = 0x107ff, [LVT_PERFORMANCE] = 0x107ff,
    [LVT_LINT0] = 0x1a7ff, [LVT_LINT1] = 0x1a7ff, [LVT_ERROR] = 0x100ff
};

/* The bus: every APIC of the machine, and where ExtINT vectors come from. */
static struct apic *apics[MAX_APICS];
static unsigned apic_count;
static struct { int (*acknowledge)(void *opaque); void *opaque; } extint;
static __thread struct device *current;

/* --- priorities ------------------------------------------------------------------------------ */

static int highest(const uint32_t *bits)
{
    for (int i = 8; i-- > 0;) {
        if (bits[i]) {
            return i * 32 + 31 - bits_clz32(bits[i]);
        }
    }
    return -1;
}

static bool test_vector(const uint32_t *bits, uint8_t vector)
{
    return bits[vector >> 5] >> (vector & 31) & 1;
}

static void set_vector(uint32_t *bits, uint8_t vector, bool on)
{
    uint32_t bit = 1u << (vector & 31);

    bits[vector >> 5] = on ? bits[vector >> 5] | bit : bits[vector >> 5] & ~bit;
}

static uint8_t processor_priority(const struct apic *a)
{
    int in_service = highest(a->s.isr);
    uint8_t class = in_service < 0 ? 0 : in_service & 0xf0;

    return (a->s.tpr & 0xf0) >= class ? a->s.tpr : class;
}

static bool globally_enabled(const struct apic *a)
{
    return a->s.base & BASE_ENABLE;
}

/* The vector that the CPU would get, or -1. */
static int deliverable(const struct apic *a)
{
    int vector = highest(a->s.irr);

    if (!globally_enabled(a) || !(a->s.svr & SVR_ENABLE) ||
        vector < 0 || (vector & 0xf0) <= (processor_priority(a) & 0xf0)) {
        return -1;
    }
    return vector;
}

static enum apic_delivery lvt_delivery(const struct apic *a, enum apic_lvt n)
{
    return a->s.lvt[n] >> LVT_MODE_SHIFT & 7;
}

/* With the APIC off, LINT0 is the CPU's INTR pin. */
static bool extint_pending(const struct apic *a)
{
    if (!extint.acknowledge) {
        return false;
    }
    if (a->s.lint_levels & 1) {
        return !globally_enabled(a) || (!(a->s.lvt[LVT_LINT0] & LVT_MASKED) &&
                                        lvt_delivery(a, LVT_LINT0) == APIC_EXTINT);
    }
    return a->s.extint;
}

static void drive_cpu(struct apic *a)
{
    a->line = deliverable(a) >= 0 || extint_pending(a);
    a->ops->set_interrupt(a->opaque, a->line);
}

static void update(struct apic *a)
{
    if (a->line != (deliverable(a) >= 0 || extint_pending(a))) {
        drive_cpu(a);
    }
}

bool apic_pending(struct device *dev)
{
    struct apic *a = (struct apic *)dev;

    return deliverable(a) >= 0 || extint_pending(a);
}

int apic_acknowledge(void *opaque)
{
    struct apic *a = opaque;
    int vector = deliverable(a);

    if (vector >= 0) {
        set_vector(a->s.irr, vector, false);
        set_vector(a->s.isr, vector, true);
    } else if (extint_pending(a)) {
        a->s.extint = false;
        vector = extint.acknowledge(extint.opaque);
    }
    trace(apic_acknowledge, "apic %d vector %d", a->s.id, vector);
    drive_cpu(a);
    return vector;
}

/* --- receiving ------------------------------------------------------------------------------- */

static void note_error(struct apic *a, uint8_t error)
{
    bool first = !a->s.errors;

    a->s.errors |= error;
    if (first && !(a->s.lvt[LVT_ERROR] & LVT_MASKED) && (a->s.lvt[LVT_ERROR] & 0xff) >= 16) {
        set_vector(a->s.irr, a->s.lvt[LVT_ERROR], true);
        set_vector(a->s.tmr, a->s.lvt[LVT_ERROR], false);
        update(a);
    }
}

static void accept_vector(struct apic *a, uint8_t vector, bool level)
{
    if (vector < 16) {
        note_error(a, ERROR_RECEIVED_VECTOR);
        return;
    }
    set_vector(a->s.irr, vector, true);
    set_vector(a->s.tmr, vector, level);
    update(a);
}

static void accept(struct apic *a, enum apic_delivery delivery, uint8_t vector, bool level)
{
    switch (delivery) {
    case APIC_FIXED: case APIC_LOWEST:
        if (a->s.svr & SVR_ENABLE) {
            accept_vector(a, vector, level);
        }
        break;
    case APIC_SMI:
        a->ops->smi(a->opaque);
        break;
    case APIC_NMI:
        a->ops->nmi(a->opaque);
        break;
    case APIC_INIT:
        a->ops->init(a->opaque);
        break;
    case APIC_STARTUP:
        a->ops->startup(a->opaque, vector);
        break;
    case APIC_EXTINT:
        a->s.extint = true;
        update(a);
        break;
    default:
        log_guest_error("apic: delivery mode %d", delivery);
        break;
    }
}

void apic_local_interrupt(struct apic *a, enum apic_lvt n)
{
    uint32_t lvt = a->s.lvt[n];
    bool level = n >= LVT_LINT0 && n <= LVT_LINT1 && lvt & LVT_LEVEL;

    if (lvt & LVT_MASKED) {
        return;
    }
    if (n == LVT_TIMER || n == LVT_ERROR || lvt_delivery(a, n) == APIC_FIXED) {
        if (level) {
            a->s.lvt[n] |= LVT_REMOTE_IRR;
        }
        accept(a, APIC_FIXED, lvt, level);
    } else if (lvt_delivery(a, n) != APIC_EXTINT) {
        accept(a, lvt_delivery(a, n), lvt, false);
    }
}

/* LINT0 and LINT1. ExtINT is a level that update() looks at. */
static void lint_input(void *dev, int n, int level)
{
    struct apic *a = dev;
    uint8_t bit = 1 << n;
    bool rose = level && !(a->s.lint_levels & bit);

    a->s.lint_levels = level ? a->s.lint_levels | bit : a->s.lint_levels & ~bit;
    if (rose && globally_enabled(a)) {
        apic_local_interrupt(a, LVT_LINT0 + n);
    }
    update(a);
}

static void end_of_interrupt(struct apic *a)
{
    int vector = highest(a->s.isr);

    if (vector < 0) {
        return;
    }
    set_vector(a->s.isr, vector, false);
    if (test_vector(a->s.tmr, vector)) {
        for (unsigned n = 0; n < 2; n++) {
            uint32_t *lvt = &a->s.lvt[LVT_LINT0 + n];

            if (*lvt & LVT_REMOTE_IRR && (*lvt & 0xff) == (unsigned)vector) {
                *lvt &= ~LVT_REMOTE_IRR;
                if (a->s.lint_levels >> n & 1) {
                    apic_local_interrupt(a, LVT_LINT0 + n);
                }
            }
        }
        ioapic_end_of_interrupt(vector);
    }
    update(a);
}

/* --- the bus --------------------------------------------------------------------------------- */

static bool is_addressed(const struct apic *a, uint8_t destination, bool logical)
{
    if (!globally_enabled(a)) {
        return false;
    }
    if (destination == BROADCAST) {
        return true;
    }
    if (!logical) {
        return a->s.id == destination;
    }
    if (a->s.dfr == DFR_FLAT) {
        return a->s.ldr & destination;
    }
    return (destination >> 4 == 0xf || destination >> 4 == a->s.ldr >> 4) &&
        a->s.ldr & destination & 0x0f;
}

/* The addressed CPU that does the least important work; one that has the vector already wins. */
static struct apic *lowest_priority(uint8_t destination, bool logical, uint8_t vector)
{
    struct apic *best = NULL;

    for (unsigned i = 0; i < apic_count; i++) {
        struct apic *a = apics[i];

        if (!is_addressed(a, destination, logical) || !(a->s.svr & SVR_ENABLE)) {
            continue;
        }
        if (test_vector(a->s.irr, vector) || test_vector(a->s.isr, vector)) {
            return a;
        }
        if (!best || processor_priority(a) < processor_priority(best)) {
            best = a;
        }
    }
    return best;
}

void apic_deliver(uint8_t destination, bool logical, enum apic_delivery delivery, uint8_t vector,
                  bool level)
{
    trace(apic_deliver, "to 0x%02x%s mode %d vector 0x%02x%s", destination,
          logical ? " logical" : "", delivery, vector, level ? " level" : "");
    if (delivery == APIC_LOWEST) {
        struct apic *a = lowest_priority(destination, logical, vector);

        if (a) {
            accept(a, delivery, vector, level);
        }
        return;
    }
    for (unsigned i = 0; i < apic_count; i++) {
        if (is_addressed(apics[i], destination, logical)) {
            accept(apics[i], delivery, vector, level);
        }
    }
}

void apic_send_message(uint64_t address, uint32_t data)
{
    apic_deliver(address >> 12, address >> 2 & 1, data >> 8 & 7, data, data >> 15 & 1);
}

static void send_command(struct apic *a)
{
    uint32_t icr = a->s.icr[0];
    enum apic_delivery delivery = icr >> 8 & 7;
    uint8_t vector = icr;
    bool level = icr & ICR_LEVEL;

    if (delivery == APIC_INIT && level && !(icr & ICR_ASSERT)) {
        return;                 /* INIT de-assert only synchronizes arbitration */
    }
    if (delivery <= APIC_LOWEST && vector < 16) {
        note_error(a, ERROR_SENT_VECTOR);
        return;
    }
    switch (icr & ICR_SHORTHAND) {
    case 0:
        apic_deliver(a->s.icr[1] >> 24, icr & ICR_LOGICAL, delivery, vector, false);
        break;
    case ICR_SELF:
        accept(a, delivery, vector, false);
        break;
    default:
        for (unsigned i = 0; i < apic_count; i++) {
            if (globally_enabled(apics[i]) &&
                (apics[i] != a || (icr & ICR_SHORTHAND) == ICR_ALL)) {
                accept(apics[i], delivery, vector, false);
            }
        }
        break;
    }
}

/* --- registers ------------------------------------------------------------------------------- */

uint32_t apic_read(struct device *dev, unsigned offset)
{
    struct apic *a = (struct apic *)dev;
    unsigned reg = offset >> 4;

    if (offset & 15) {
        return 0;
    }
    switch (reg) {
    case REG_ID: return (uint32_t)a->s.id << 24;
    case REG_VERSION: return VERSION;
    case REG_TPR: return a->s.tpr;
    case REG_APR: case REG_PPR: return processor_priority(a);
    case REG_EOI: return 0;
    case REG_LDR: return (uint32_t)a->s.ldr << 24;
    case REG_DFR: return (uint32_t)a->s.dfr << 28 | 0x0fffffff;
    case REG_SVR: return a->s.svr;
    case REG_ISR ... REG_ISR + 7: return a->s.isr[reg - REG_ISR];
    case REG_TMR ... REG_TMR + 7: return a->s.tmr[reg - REG_TMR];
    case REG_IRR ... REG_IRR + 7: return a->s.irr[reg - REG_IRR];
    case REG_ESR: return a->s.esr;
    case REG_ICR_LOW: return a->s.icr[0];
    case REG_ICR_HIGH: return a->s.icr[1];
    case REG_LVT ... REG_LVT + LVTS - 1: return a->s.lvt[reg - REG_LVT];
    case REG_INITIAL_COUNT: return a->s.initial_count;
    case REG_CURRENT_COUNT: return apic_timer_count(a);
    case REG_DIVIDE: return a->s.divide;
    default:
        note_error(a, ERROR_REGISTER);
        return 0;
    }
}

static void write_svr(struct apic *a, uint32_t value)
{
    a->s.svr = value & SVR_WRITABLE;
    if (!(value & SVR_ENABLE)) {
        for (unsigned n = 0; n < LVTS; n++) {
            a->s.lvt[n] |= LVT_MASKED;
        }
        apic_timer_schedule(a);
    }
}

static void write_lvt(struct apic *a, enum apic_lvt n, uint32_t value)
{
    value = (value & lvt_writable[n]) | (a->s.lvt[n] & LVT_REMOTE_IRR);
    if (!(a->s.svr & SVR_ENABLE)) {
        value |= LVT_MASKED;
    }
    if (!(value & LVT_LEVEL)) {
        value &= ~LVT_REMOTE_IRR;
    }
    if (n == LVT_TIMER) {
        apic_timer_set_lvt(a, value);
    } else {
        a->s.lvt[n] = value;
    }
    if ((n == LVT_LINT0 || n == LVT_LINT1) && a->s.lint_levels >> (n - LVT_LINT0) & 1 &&
        (value & (LVT_LEVEL | LVT_REMOTE_IRR)) == LVT_LEVEL &&
        lvt_delivery(a, n) == APIC_FIXED) {
        apic_local_interrupt(a, n);
    }
}

void apic_write(struct device *dev, unsigned offset, uint32_t value)
{
    struct apic *a = (struct apic *)dev;
    unsigned reg = offset >> 4;

    trace(apic_write, "apic %d offset 0x%03x value 0x%08x", a->s.id, offset, value);
    if (offset & 15) {
        return;
    }
    switch (reg) {
    case REG_ID: a->s.id = value >> 24; break;
    case REG_TPR: a->s.tpr = value; break;
    case REG_EOI: end_of_interrupt(a); break;
    case REG_LDR: a->s.ldr = value >> 24; break;
    case REG_DFR: a->s.dfr = value >> 28; break;
    case REG_SVR: write_svr(a, value); break;
    case REG_ESR:
        a->s.esr = a->s.errors;
        a->s.errors = 0;
        break;
    case REG_ICR_LOW:
        a->s.icr[0] = value & ICR_WRITABLE;
        send_command(a);
        break;
    case REG_ICR_HIGH: a->s.icr[1] = value & 0xff000000; break;
    case REG_LVT ... REG_LVT + LVTS - 1: write_lvt(a, reg - REG_LVT, value); break;
    case REG_INITIAL_COUNT: apic_timer_set_count(a, value); break;
    case REG_DIVIDE: apic_timer_set_divide(a, value); break;
    case REG_VERSION: case REG_APR: case REG_PPR: case REG_CURRENT_COUNT:
    case REG_ISR ... REG_IRR + 7:
        break;                  /* read-only */
    default:
        note_error(a, ERROR_REGISTER);
        break;
    }
    update(a);
}

static uint64_t window_read(void *opaque, uint64_t offset, unsigned size)
{
    if (!current || offset > 0xfff || !globally_enabled((struct apic *)current)) {
        return UINT32_MAX;
    }
    return apic_read(current, offset);
}

/* No CPU register lies in the first 16 bytes, so even a CPU's write there is a message. */
static void window_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    if (!current || offset > 0xfff || offset < 0x10) {
        apic_send_message(APIC_DEFAULT_BASE + offset, value);
    } else if (globally_enabled((struct apic *)current)) {
        apic_write(current, offset, value);
    }
}

struct memory_region *apic_window(void)
{
    static const struct mmio_ops ops = { window_read, window_write, 4, 4 };
    static struct memory_region window;

    if (!window.ops) {
        memory_region_init_mmio(&window, "apic-msi", APIC_WINDOW_SIZE, &ops, NULL);
    }
    return &window;
}

void apic_set_current(struct device *apic)
{
    current = apic;
}

struct device *apic_current(void)
{
    return current;
}

void apic_set_extint(int (*acknowledge)(void *opaque), void *opaque)
{
    extint.acknowledge = acknowledge;
    extint.opaque = opaque;
}

/* --- control registers and MSRs -------------------------------------------------------------- */

uint8_t apic_id(struct device *dev)
{
    return ((struct apic *)dev)->s.id;
}

uint8_t apic_cr8(struct device *dev)
{
    return ((struct apic *)dev)->s.tpr >> 4;
}

void apic_set_cr8(struct device *dev, uint8_t value)
{
    struct apic *a = (struct apic *)dev;

    a->s.tpr = value << 4;
    update(a);
}

uint64_t apic_base(struct device *dev)
{
    return ((struct apic *)dev)->s.base;
}

bool apic_enabled(struct device *dev)
{
    return globally_enabled((struct apic *)dev);
}

static void reset_registers(struct apic *a)
{
    apic_timer_reset(a);
    a->s.svr = 0xff;
    a->s.dfr = DFR_FLAT;
    a->s.tpr = a->s.ldr = a->s.esr = a->s.errors = 0;
    a->s.icr[0] = a->s.icr[1] = 0;
    a->s.extint = false;
    memset(a->s.isr, 0, sizeof(a->s.isr));
    memset(a->s.tmr, 0, sizeof(a->s.tmr));
    memset(a->s.irr, 0, sizeof(a->s.irr));
    for (unsigned n = 0; n < LVTS; n++) {
        a->s.lvt[n] = LVT_MASKED;
    }
    /* Systems that know nothing of APICs find the 8259 connected to the first CPU. */
    if (a->bootstrap) {
        a->s.lvt[LVT_LINT0] = APIC_EXTINT << LVT_MODE_SHIFT;
    }
}

bool apic_set_base(struct device *dev, uint64_t value)
{
    struct apic *a = (struct apic *)dev;
    struct memory_region *window = apic_window();

    if (value & ~(BASE_ADDRESS | BASE_ENABLE | BASE_BOOTSTRAP)) {
        return false;
    }
    value = bits_merge(value, a->s.base, BASE_BOOTSTRAP);
    if (a->s.base & ~value & BASE_ENABLE) {
        reset_registers(a);
    }
    a->s.base = value;
    if (window->parent && window->address != (value & BASE_ADDRESS)) {
        memory_region_move(window, value & BASE_ADDRESS);
    }
    drive_cpu(a);
    return true;
}

void apic_init_reset(struct device *dev)
{
    reset_registers((struct apic *)dev);
    drive_cpu((struct apic *)dev);
}

/* --- the device ------------------------------------------------------------------------------ */

struct device *apic_create(uint8_t id, bool bootstrap, const struct apic_cpu_ops *ops,
                           void *opaque, struct error **err)
{
    struct device *dev = device_create("apic", err);
    struct apic *a = (struct apic *)dev;

    if (!dev) {
        return NULL;
    }
    a->initial_id = id;
    a->bootstrap = bootstrap;
    a->ops = ops;
    a->opaque = opaque;
    if (!device_realize(dev, err)) {
        device_destroy(dev);
        return NULL;
    }
    return dev;
}

static bool apic_init(struct device *dev, struct error **err)
{
    struct apic *a = (struct apic *)dev;

    if (apic_count == MAX_APICS || !a->ops) {
        error_set(err, "no local APIC can be added");
        return false;
    }
    apics[apic_count++] = a;
    apic_timer_init(a);
    return true;
}

static void apic_exit(struct device *dev)
{
    struct apic *a = (struct apic *)dev;

    timer_cancel(&a->timer);
    for (unsigned i = 0; i < apic_count; i++) {
        if (apics[i] == a) {
            apics[i] = apics[--apic_count];
        }
    }
    if (current == dev) {
        current = NULL;
    }
}

static void apic_reset(struct device *dev)
{
    struct apic *a = (struct apic *)dev;

    a->s = (struct apic_state){
        .id = a->initial_id,
        .base = APIC_DEFAULT_BASE | BASE_ENABLE | (a->bootstrap ? BASE_BOOTSTRAP : 0)
    };
    reset_registers(a);
}

static void apic_reset_lines(struct device *dev)
{
    struct apic *a = (struct apic *)dev;
    struct memory_region *window = apic_window();

    if (a->bootstrap && window->parent && window->address != (a->s.base & BASE_ADDRESS)) {
        memory_region_move(window, a->s.base & BASE_ADDRESS);
    }
    drive_cpu(a);
}

static bool apic_loaded(struct device *dev, struct error **err)
{
    apic_timer_schedule((struct apic *)dev);
    return true;
}

static void apic_info(struct device *dev, FILE *out)
{
    const struct apic *a = (struct apic *)dev;

    fprintf(out, "apic %d: base=0x%llx svr=0x%03x tpr=0x%02x ppr=0x%02x ldr=0x%02x dfr=0x%x\n",
            a->s.id, (unsigned long long)a->s.base, a->s.svr, a->s.tpr, processor_priority(a),
            a->s.ldr, a->s.dfr);
    fprintf(out, "  lvt timer=0x%05x lint0=0x%05x lint1=0x%05x error=0x%05x icr=0x%08x%08x "
            "irr=%d isr=%d\n", a->s.lvt[LVT_TIMER], a->s.lvt[LVT_LINT0], a->s.lvt[LVT_LINT1],
            a->s.lvt[LVT_ERROR], a->s.icr[1], a->s.icr[0], highest(a->s.irr), highest(a->s.isr));
}

FIELDS(apic_state) = {
    FIELD(apic_state, base), FIELD(apic_state, deadline), FIELD(apic_state, timer_start),
    FIELD(apic_state, timer_due), FIELD(apic_state, initial_count), FIELD(apic_state, divide),
    FIELD(apic_state, svr), ARRAY(apic_state, icr), ARRAY(apic_state, lvt),
    ARRAY(apic_state, isr), ARRAY(apic_state, tmr), ARRAY(apic_state, irr),
    FIELD(apic_state, id), FIELD(apic_state, tpr), FIELD(apic_state, ldr),
    FIELD(apic_state, dfr), FIELD(apic_state, esr), FIELD(apic_state, errors),
    FIELD(apic_state, lint_levels), FIELD(apic_state, extint),
    FIELDS_END
};

DEVICE(apic) = {
    .name = "apic", .desc = "Local APIC", .internal = true, .size = sizeof(struct apic),
    .inputs = 2, .input = lint_input, .init = apic_init, .exit = apic_exit, .reset = apic_reset,
    .reset_lines = apic_reset_lines, .loaded = apic_loaded, .info = apic_info,
    .state = STATE(apic, s, apic_state, 1),
};
