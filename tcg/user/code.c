/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest code in a process: pages that code was translated from are write-protected on the host. The
 * first store to one faults; then its regions are dropped and the store is done again. A page where
 * that happens again and again stays open, and its regions are checked each time they are entered.
 *
 * A page is closed while it is known here and protected against the guest's wish; table and pages
 * change with user_memory_lock() held.
 */
#include "tcg/code.h"

#include <sys/mman.h>
#include "base/bits.h"
#include "base/error.h"
#include "tcg/region.h"
#include "tcg/user/user.h"

const bool code_is_user = true;

enum { PAGE_KNOWN = 1, PAGE_CLOSED = 2, PAGE_CHECKED = 4 };
enum {
    FAULTS = 4,                     /* so many make a page checked */
    FAULTS_AGAIN = 2,               /* after it was watched once more */
    CHECK_BITS = 14, CHECK_MAX_BITS = 30,   /* how often a region of it is entered before that */
};

struct page {
    uint64_t addr;                  /* plus 1: 0 is a free slot */
    uint8_t state;                  /* read without the lock */
    uint8_t faults;                 /* since it was watched */
    uint8_t check_bits;
};

enum { TABLE_BITS = 20 };           /* reserved at once, so that readers need no lock */

static struct page *table;
static struct page **known;         /* those in use, in the order of their first use */
static unsigned used;
/* Which pieces of the address space have pages here at all, hashed: most ranges have none. */
enum { PIECE_BITS = 21, PIECES = 4096 };
static uint64_t pieces[PIECES / 64];

static void mark_piece(uint64_t addr)
{
    unsigned bit = (addr >> PIECE_BITS) % PIECES;

    __atomic_fetch_or(&pieces[bit / 64], 1ull << bit % 64, __ATOMIC_RELAXED);
}

/* Whether there may be pages in the range. */
static bool range_has_pages(uint64_t first, uint64_t last)
{
    if ((last - first) >> PIECE_BITS >= 64) {
        return used;
    }
    for (uint64_t n = first >> PIECE_BITS; n <= last >> PIECE_BITS; n++) {
        if (__atomic_load_n(&pieces[n % PIECES / 64], __ATOMIC_RELAXED) >> n % 64 & 1) {
            return true;
        }
    }
    return false;
}

static struct page *page_at(uint64_t addr, bool create)
{
    unsigned mask = (1u << TABLE_BITS) - 1, i;
    uint64_t number = addr >> CODE_PAGE_BITS;

    for (i = (number ^ number >> TABLE_BITS) & mask; table[i].addr != addr + 1;
         i = (i + 1) & mask) {
        if (!table[i].addr) {
            if (!create) {
                return NULL;
            }
            if (++used > mask / 4 * 3) {
                error_exit("the program has more than %u pages of code", used);
            }
            table[i].addr = addr + 1;
            known[used - 1] = &table[i];
            mark_piece(addr);
            break;
        }
    }
    return &table[i];
}

/* With the lock, as all changes; code_is_checked() reads without. */
static void set_state(struct page *p, unsigned state)
{
    __atomic_store_n(&p->state, state, __ATOMIC_RELAXED);
}

static void protect(uint64_t addr, int prot)
{
    mprotect((void *)(uintptr_t)(user_base + addr), CODE_PAGE, prot);
}

void code_init(void)
{
    size_t size = sizeof(struct page) << TABLE_BITS;

    table = mmap(NULL, size + (sizeof(*known) << TABLE_BITS), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table == MAP_FAILED) {
        error_exit("out of memory for the table of code pages");
    }
    known = (struct page **)((uint8_t *)table + size);
}

#pragma GCC push_options
#pragma GCC target("general-regs-only")

bool code_find_cached(struct cpu *cpu, uint64_t lin, struct code_place *place)
{
    place->page = place->ram_page = lin & -(uint64_t)CODE_PAGE;
    place->host = (uint8_t *)(uintptr_t)(user_base + place->page);
    place->global = true;
    return true;
}

#pragma GCC pop_options

void code_find(struct cpu *cpu, uint64_t lin, struct code_place *place)
{
    code_find_cached(cpu, lin, place);
}

static bool open_to_fetch(int prot)
{
    return prot & PROT_EXEC;
}

/* Only page 0 of a guest at base 0 comes here, as its host pointer looks like none. */
uint8_t code_read(struct cpu *cpu, uint64_t lin)
{
    int prot;

    user_memory_lock();
    prot = user_page_prot(lin & -(uint64_t)CODE_PAGE);
    user_memory_unlock();
    if (!open_to_fetch(prot)) {
        user_fetch_fault(cpu, lin, prot != 0);
    }
    return *(uint8_t *)(uintptr_t)(user_base + lin);
}

void code_watch(struct cpu *cpu, uint64_t ram_page)
{
    struct page *p;
    int prot;

    user_memory_lock();
    p = page_at(ram_page, true);
    if (!p->state) {
        prot = user_page_prot(ram_page);
        if (!open_to_fetch(prot)) {
            user_memory_unlock();
            user_fetch_fault(cpu, ram_page, prot != 0);
        }
        set_state(p, prot & PROT_WRITE ? PAGE_KNOWN | PAGE_CLOSED : PAGE_KNOWN);
        if (prot & PROT_WRITE) {
            protect(ram_page, prot & ~PROT_WRITE);
        }
    }
    user_memory_unlock();
}

bool code_is_checked(uint64_t ram_page)
{
    const struct page *p = page_at(ram_page, false);

    return p && __atomic_load_n(&p->state, __ATOMIC_RELAXED) & PAGE_CHECKED;
}

int32_t code_checks(uint64_t ram_page)
{
    const struct page *p = page_at(ram_page, false);

    return 1 << MAX_OF(p ? p->check_bits : 0, CHECK_BITS);
}

void code_unwatch(uint64_t ram_page)
{
}

/* Others may be in a loop of what was dropped: they look again. */
static void interrupt_others(void)
{
    for (struct cpu *c = cpu_first(); c; c = cpu_next(c)) {
        if (c != cpu_current() && __atomic_load_n(&c->in_guest, __ATOMIC_SEQ_CST)) {
            cpu_hot_exit(cpu_hot(c));
        }
    }
}

static void drop(struct page *p, bool open)
{
    uint64_t addr = p->addr - 1;

    if (open && p->state & PAGE_CLOSED) {
        protect(addr, user_page_prot(addr));
    }
    set_state(p, 0);
    region_invalidate_ram(addr, CODE_PAGE);
    interrupt_others();
}

static void drop_range(uint64_t start, uint64_t len, bool open)
{
    uint64_t first = start & -(uint64_t)CODE_PAGE, last = start + len - 1;

    if (!len || !range_has_pages(first, last)) {
        return;
    }
    if ((last - first) >> CODE_PAGE_BITS < used) {
        for (uint64_t at = first; at - first <= last - first; at += CODE_PAGE) {
            struct page *p = page_at(at, false);

            if (p && p->state) {
                drop(p, open);
            }
        }
        return;
    }
    for (unsigned i = 0; i < used; i++) {
        if (known[i]->state && known[i]->addr - 1 - first <= last - first) {
            drop(known[i], open);
        }
    }
}

void code_quiet(uint64_t ram_page)
{
    struct page *p;

    user_memory_lock();
    p = page_at(ram_page, false);
    if (p && p->state & PAGE_CHECKED) {
        p->faults = FAULTS - FAULTS_AGAIN;
        p->check_bits = MIN_OF(MAX_OF(p->check_bits, CHECK_BITS) + 3, CHECK_MAX_BITS);
        drop(p, false);
    }
    user_memory_unlock();
}

void code_forget(uint64_t start, uint64_t len)
{
    drop_range(start, len, false);
}

bool code_is_closed(uint64_t start, uint64_t len)
{
    uint64_t first = start & -(uint64_t)CODE_PAGE, last = start + len - 1;

    if (!len || !range_has_pages(first, last)) {
        return false;
    }
    if ((last - first) >> CODE_PAGE_BITS >= used) {
        return true;                /* not worth to look closer */
    }
    for (uint64_t at = first; at - first <= last - first; at += CODE_PAGE) {
        const struct page *p = page_at(at, false);

        if (p && p->state & PAGE_CLOSED) {
            return true;
        }
    }
    return false;
}

void code_open(uint64_t start, uint64_t len)
{
    user_memory_lock();
    drop_range(start, len, true);
    user_memory_unlock();
}

bool code_store_fault(struct cpu *cpu, uint64_t addr)
{
    uint64_t page = addr & -(uint64_t)CODE_PAGE;
    bool ours = false;
    struct page *p;

    user_memory_lock();
    p = page_at(page, false);
    if (p && p->state & PAGE_CLOSED) {
        ours = true;
        drop(p, true);
        p->faults += p->faults < FAULTS;
        if (p->faults == FAULTS && cpu->target->checks_code) {
            set_state(p, PAGE_KNOWN | PAGE_CHECKED);
        }
    } else {
        /* Another thread may just have opened it. */
        ours = user_page_prot(page) & PROT_WRITE && p && p->faults;
    }
    user_memory_unlock();
    return ours;
}
