/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guest code in a machine's RAM: found by the soft MMU, watched by dirty bits. */
#include "tcg/code.h"

#include "base/bits.h"
#include "hw/core/memory.h"
#include "tcg/region.h"
#include "tcg/tlb.h"

const bool code_is_user = false;

static const struct tlb_page *page_at(struct cpu *cpu, uint64_t lin)
{
    return tlb_page(cpu, lin, MMU_FETCH, cpu->target->mmu_index(cpu), false);
}

#pragma GCC push_options
#pragma GCC target("general-regs-only")

static void describe(const struct tlb_page *p, struct code_place *place)
{
    place->page = p->vpage;
    place->host = p->host;
    place->ram_page = p->host ? p->ram_addr : CODE_NONE;
    place->global = p->global;
}

bool code_find_cached(struct cpu *cpu, uint64_t lin, struct code_place *place)
{
    const struct tlb_page *p = tlb_page_cached(cpu, lin, MMU_FETCH, cpu->target->mmu_index(cpu));

    if (p) {
        describe(p, place);
    }
    return p;
}

#pragma GCC pop_options

void code_find(struct cpu *cpu, uint64_t lin, struct code_place *place)
{
    describe(page_at(cpu, lin), place);
}

uint8_t code_read(struct cpu *cpu, uint64_t lin)
{
    const struct tlb_page *p = page_at(cpu, lin);
    uint64_t value = 0xff;

    address_space_ld(cpu->memory, p->paddr + (lin - p->vpage), 1, ENDIAN_LITTLE, &value);
    return value;
}

void code_watch(struct cpu *cpu, uint64_t ram_page)
{
    if (ram_page < CODE_NONE && !(memory_watch[ram_page >> MEMORY_PAGE_BITS] & DIRTY_CODE)) {
        memory_dirty_clear(ram_page, MEMORY_PAGE_SIZE, DIRTY_CODE);
    }
}

bool code_is_checked(uint64_t ram_page)
{
    return false;
}

void code_quiet(uint64_t ram_page)
{
}

int32_t code_checks(uint64_t ram_page)
{
    return 0;
}

void code_unwatch(uint64_t ram_page)
{
    memory_dirty_set(ram_page, MEMORY_PAGE_SIZE, DIRTY_CODE);
}

/* Stores by devices: the page is no longer watched, but other code in it must stay so. */
static void on_code_stored(void *opaque, uint64_t ram_addr, uint64_t size)
{
    region_invalidate_ram(ram_addr, size);
    for (uint64_t page = align_down(ram_addr, MEMORY_PAGE_SIZE); page < ram_addr + size;
         page += MEMORY_PAGE_SIZE) {
        region_rewatch(page);
    }
}

static struct memory_listener listener = { .code_stored = on_code_stored };

void code_init(void)
{
    memory_listener_add(&listener);
}
