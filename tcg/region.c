/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cache of translated regions: a hash over where the code lies in RAM and how it was decoded,
 * the pages that code came from, chaining, and the code buffer.
 *
 * Each vCPU translates into a chunk of its own without a lock; cache_lock guards hash, pages and
 * chains. Host code of dropped regions is not reused before the whole buffer is flushed.
 */
#include "tcg/region.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include "base/bits.h"
#include "base/error.h"
#include "base/log.h"
#include "base/sanitizer.h"
#include "tcg/backend.h"
#include "tcg/build.h"
#include "tcg/code-pages.h"
#include "tcg/code.h"
#include "tcg/disas.h"
#include "tcg/perf-map.h"
#include "tcg/translate.h"

_Static_assert(CHECKED_BYTES == 64 * IR_CHECK_WORDS, "a bit for each byte");

enum {
    CHUNK_BITS = 20, CHUNK = 1 << CHUNK_BITS, HUGE_PAGE = 2 << 20,
    FIRST_ROOM = 256, MAX_GROWTHS = 16,     /* of a chunk's arrays: by doubling */
};

/* A piece of the code buffer that one vCPU fills from below. */
struct code_chunk {
    uint32_t at, end;
    struct region **regions;        /* in address order */
    uint32_t *ends;                 /* their host_end, close together for searching */
    unsigned n, room;
    void *outgrown[2 * MAX_GROWTHS];        /* arrays that others may still be searching */
    unsigned n_outgrown;
};

/* What the fetch of a region's bytes found; one per vCPU, as a frontend may leave by a fault. */
struct fetch {
    uint64_t lin;
    uint8_t *host;                  /* of the page; NULL: no memory to keep code from */
    uint64_t ram_page, second_page;
    uint64_t held[2];               /* pages marked as being translated, CODE_NONE: none */
    uint32_t stores[2];             /* what their counts were */
    const struct code_page *page;   /* NULL when no code came from it yet */
    struct ir_check *check;         /* of the region under translation, room for its bytes */
    struct ir_check *old;           /* of the last region that has changed, or NULL */
    uint64_t changed[IR_CHECK_WORDS], loaded[IR_CHECK_WORDS];   /* bytes: seen to change, loaded */
    bool global;
    uint8_t bytes[CODE_PAGE];
};

static struct {
    uint8_t *buffer;
    size_t size, start;
    unsigned n_chunks, next_chunk;
    struct code_chunk *chunks;
    uint32_t flushes;
} cache;
static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
bool region_memory_alone;

void region_vcpu_init(struct cpu *cpu)
{
    cpu->fetch = g_new0(struct fetch, 1);
    cpu->fetch->held[0] = cpu->fetch->held[1] = CODE_NONE;
    cpu->ir = g_new0(struct ir, 1);
    cpu->ir->globals = cpu->target->globals;
    cpu->ir->n_globals = cpu->target->n_globals;
    cpu->ir->helpers = cpu->target->helpers;
    cpu->ir->n_helpers = cpu->target->n_helpers;
    cpu->ir->group_pages = cpu->target->word_bits == 64 && !code_is_user;
}

bool region_cache_create(const struct target *target, size_t bytes, struct error **err)
{
    void *p;

    if (cache.buffer) {
        return true;
    }
    p = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        error_set_errno(err, errno, "cannot allocate %zu MiB for translated code", bytes >> 20);
        return false;
    }
    cache.buffer = (uint8_t *)align_up((uintptr_t)p, HUGE_PAGE);
    cache.size = bytes;
    /* Less faults while it fills and less misses of the host's TLBs later; a wish, no more. */
    madvise(cache.buffer, bytes, MADV_HUGEPAGE);
    cache.n_chunks = bytes >> CHUNK_BITS;
    cache.chunks = g_new0(struct code_chunk, cache.n_chunks);
    code_init();
    region_memory_alone = code_is_user;
    if (code_is_user) {
        jump_cache_bits = JUMP_CACHE_MAX_BITS;
    }
    cache.start = align_up(backend_init(target, code_is_user, cache.buffer, CHUNK), 64);
    return true;
}

uint8_t *region_buffer(void)
{
    return cache.buffer;
}

/* --- dropping -------------------------------------------------------------------------------- */

static void unchain(struct region_exit *slot)
{
    struct region_exit **at = &slot->to->incoming;

    while (*at != slot) {
        at = &(*at)->next_in;
    }
    *at = slot->next_in;
    slot->to = NULL;
    backend_patch(cache.buffer, slot->patch, slot->stub);
}

/* The struct stays: its code may be running, and its chunk's list knows it. */
static void region_drop(struct region *r)
{
    __atomic_store_n(&r->dead, true, __ATOMIC_RELAXED);
    region_hash_remove(r);
    while (r->incoming) {
        unchain(r->incoming);
    }
    for (unsigned i = 0; i < r->n_exits; i++) {
        if (r->exits[i].to) {
            unchain(&r->exits[i]);
        }
    }
    code_page_unlink(r, 0);
    if (r->ram_page[1] != ~0ull) {
        code_page_unlink(r, 1);
    }
    jump_cache_drop(r);
}

static void invalidate_in_page(uint64_t page, unsigned from, unsigned to)
{
    struct code_page *p = code_page_of(page, false);
    bool dropped = false;

    if (p && code_page_marked(p, from, to)) {
        for (struct region *r = p->regions, *next; r; r = next) {
            unsigned n = r->ram_page[0] != page, first, last;

            next = r->page_next[n];
            code_page_bytes(r, n, &first, &last);
            if (first <= to && last >= from) {
                region_drop(r);
                dropped = true;
            }
        }
    }
    if (dropped) {
        code_page_recount(page);
    }
    if (p && p->translating) {
        p->stores++;
    } else if (!p || !p->regions) {
        code_unwatch(page);
    }
}

void region_invalidate_ram(uint64_t ram_addr, uint64_t len)
{
    uint64_t end = ram_addr + len;

    pthread_mutex_lock(&cache_lock);
    while (ram_addr < end) {
        uint64_t page = align_down(ram_addr, CODE_PAGE);
        uint64_t stop = MIN_OF(end, page + CODE_PAGE);

        invalidate_in_page(page, ram_addr - page, stop - page - 1);
        ram_addr = stop;
    }
    pthread_mutex_unlock(&cache_lock);
}

static bool is_among(uint64_t page, const uint64_t *pages, unsigned n)
{
    unsigned low = 0, high = n;

    while (low < high) {
        unsigned mid = (low + high) / 2;

        if (pages[mid] == page) {
            return true;
        }
        if (pages[mid] < page) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return false;
}

void region_drop_pages(const uint64_t *pages, unsigned n)
{
    pthread_mutex_lock(&cache_lock);
    for (unsigned c = 0; c < cache.next_chunk; c++) {
        for (unsigned i = 0; i < cache.chunks[c].n; i++) {
            const struct region *r = cache.chunks[c].regions[i];
            uint64_t lin = r->key.base + r->key.pc;
            bool two = r->ram_page[1] != ~0ull;

            lin = the_target.word_bits == 32 ? (uint32_t)lin : lin;
            lin = align_down(lin, CODE_PAGE);
            if (!r->dead && (is_among(lin, pages, n) ||
                             (two && is_among(lin + CODE_PAGE, pages, n)))) {
                invalidate_in_page(r->ram_page[0], 0, CODE_PAGE - 1);
            }
        }
    }
    pthread_mutex_unlock(&cache_lock);
}

bool region_overlaps(struct cpu *cpu, uint64_t ram_addr, uint64_t len)
{
    const struct region *r = cpu_hot(cpu)->ra ? region_by_host(cpu_hot(cpu)->ra) : NULL;
    unsigned first, last;

    for (unsigned n = 0; r && n < 2; n++) {
        if (r->ram_page[n] == ~0ull) {
            break;
        }
        code_page_bytes(r, n, &first, &last);
        if (ram_addr <= r->ram_page[n] + last && ram_addr + len > r->ram_page[n] + first) {
            return true;
        }
    }
    return false;
}

void region_memory_shared(void)
{
    if (!region_memory_alone) {
        return;
    }
    pthread_mutex_lock(&cache_lock);
    region_memory_alone = false;
    for (unsigned c = 0; c < cache.next_chunk; c++) {
        for (unsigned i = 0; i < cache.chunks[c].n; i++) {
            struct region *r = cache.chunks[c].regions[i];

            if (r->alone && !r->dead) {
                region_drop(r);
                code_page_recount(r->ram_page[0]);
            }
        }
    }
    pthread_mutex_unlock(&cache_lock);
}

void region_fork_begin(void)
{
    pthread_mutex_lock(&cache_lock);
}

void region_fork_end(void)
{
    pthread_mutex_unlock(&cache_lock);
}

void region_rewatch(uint64_t ram_page)
{
    struct code_page *p;

    pthread_mutex_lock(&cache_lock);
    p = code_page_of(ram_page, false);
    if (p && (p->regions || p->translating)) {
        code_watch(NULL, ram_page);
    }
    pthread_mutex_unlock(&cache_lock);
}

static void region_free(struct region *r)
{
    g_free(r->check);
    g_free(r);
}

static void chunk_free_regions(struct code_chunk *c)
{
    for (unsigned i = 0; i < c->n; i++) {
        region_free(c->regions[i]);
    }
    while (c->n_outgrown) {
        g_free(c->outgrown[--c->n_outgrown]);
    }
    c->n = 0;
    c->at = 0;
}

static void unwatch_page(uint64_t page)
{
    code_unwatch(page);
}

/* No vCPU may be in translated code. */
void region_flush_all(void)
{
    pthread_mutex_lock(&cache_lock);
    region_hash_clear();
    code_pages_clear(unwatch_page);
    for (unsigned i = 0; i < cache.n_chunks; i++) {
        chunk_free_regions(&cache.chunks[i]);
    }
    cache.next_chunk = 0;
    cache.flushes++;
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu_next(cpu)) {
        cpu->chunk = NULL;
        cpu->chain_from = NULL;
        jump_cache_flush(cpu);
    }
    pthread_mutex_unlock(&cache_lock);
}

/* --- the buffer ------------------------------------------------------------------------------ */

static void chunk_next(struct cpu *cpu)
{
    struct code_chunk *c;
    bool full;

    pthread_mutex_lock(&cache_lock);
    full = cache.next_chunk == cache.n_chunks;
    pthread_mutex_unlock(&cache_lock);
    if (full) {
        cpu_exclusive_begin(cpu);
        if (cache.next_chunk == cache.n_chunks) {
            region_flush_all();
        }
        cpu_exclusive_end(cpu);
    }
    pthread_mutex_lock(&cache_lock);
    c = &cache.chunks[cache.next_chunk];
    c->at = cache.next_chunk == 0 ? cache.start : cache.next_chunk << CHUNK_BITS;
    c->end = (cache.next_chunk + 1) << CHUNK_BITS;
    cache.next_chunk++;
    cpu->chunk = c;
    pthread_mutex_unlock(&cache_lock);
}

/* Larger copies; the old ones stay, as region_by_host() takes no lock. */
static void chunk_grow(struct code_chunk *c)
{
    unsigned room = c->room ? c->room * 2 : FIRST_ROOM;
    struct region **regions = g_new(struct region *, room);
    uint32_t *ends = g_new(uint32_t, room);

    if (c->n) {
        memcpy(regions, c->regions, c->n * sizeof(*regions));
        memcpy(ends, c->ends, c->n * sizeof(*ends));
    }
    if (c->room) {
        assert(c->n_outgrown + 2 <= 2 * MAX_GROWTHS);
        c->outgrown[c->n_outgrown++] = c->regions;
        c->outgrown[c->n_outgrown++] = c->ends;
    }
    __atomic_store_n(&c->regions, regions, __ATOMIC_RELEASE);
    __atomic_store_n(&c->ends, ends, __ATOMIC_RELEASE);
    c->room = room;
}

static void chunk_append(struct code_chunk *c, struct region *r)
{
    if (c->n == c->room) {
        chunk_grow(c);
    }
    c->regions[c->n] = r;
    c->ends[c->n] = r->host_end;
    __atomic_store_n(&c->n, c->n + 1, __ATOMIC_RELEASE);
    c->at = align_up(r->host_end, 16);
}

struct region *region_by_host(uintptr_t host)
{
    uint32_t offset = host - (uintptr_t)cache.buffer;
    const struct code_chunk *c;
    unsigned low = 0, high, n;
    struct region **regions;
    const uint32_t *ends;

    if (host - (uintptr_t)cache.buffer >= cache.size) {
        return NULL;
    }
    /* The number first: the arrays are then at least as large. */
    c = &cache.chunks[offset >> CHUNK_BITS];
    n = __atomic_load_n(&c->n, __ATOMIC_ACQUIRE);
    regions = __atomic_load_n(&c->regions, __ATOMIC_ACQUIRE);
    ends = __atomic_load_n(&c->ends, __ATOMIC_ACQUIRE);
    for (high = n; low < high;) {
        unsigned mid = (low + high) / 2;

        if (ends[mid] <= offset) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < n && regions[low]->host <= offset ? regions[low] : NULL;
}

/* --- chaining -------------------------------------------------------------------------------- */

bool region_chain(struct region_exit *slot, struct region *to)
{
    /* Only within a page: what the mapping says of it then holds for both ends. A process has but
       one mapping, whose changes drop the regions. */
    bool near = to->ram_page[1] == ~0ull && to->ram_page[0] == slot->from->ram_page[0];
    bool fits = (near || code_is_user) && !to->one_insn;

    pthread_mutex_lock(&cache_lock);
    if (!slot->to && !slot->from->dead && !to->dead) {
        if (fits) {
            slot->to = to;
            slot->next_in = to->incoming;
            to->incoming = slot;
        }
        backend_patch(cache.buffer, slot->patch, fits ? to->host : slot->lookup);
    }
    pthread_mutex_unlock(&cache_lock);
    return fits;
}

/* --- translation ----------------------------------------------------------------------------- */

static uint64_t linear(struct cpu *cpu, const struct code_key *key)
{
    uint64_t lin = key->base + (key->pc & ~(uint64_t)cpu->target->pc_tag);

    return cpu->target->word_bits == 32 ? (uint32_t)lin : lin;
}

/* From here on stores to the page are heard of, so that none is lost while it is translated. */
static void page_hold(struct cpu *cpu, unsigned n, uint64_t ram_page)
{
    struct fetch *f = cpu->fetch;
    struct code_page *p;

    if (ram_page >= CODE_NONE || f->held[n] == ram_page) {
        return;
    }
    pthread_mutex_lock(&cache_lock);
    p = code_page_of(ram_page, true);
    p->translating++;
    f->held[n] = ram_page;
    f->stores[n] = p->stores;
    pthread_mutex_unlock(&cache_lock);
    code_watch(cpu, ram_page);
}

/* With the lock. False when there was a store to the page meanwhile. */
static bool page_release(struct fetch *f, unsigned n)
{
    struct code_page *p;

    if (f->held[n] == CODE_NONE) {
        return true;
    }
    p = code_page_of(f->held[n], false);
    p->translating--;
    f->held[n] = CODE_NONE;
    return p->stores == f->stores[n];
}

static bool pages_release(struct fetch *f)
{
    bool first = page_release(f, 0), second = page_release(f, 1);

    return first && second;
}

void translate_fetch(struct translation *t, uint64_t lin, uint8_t *buf, unsigned len)
{
    struct fetch *f = t->fetch;
    struct code_place p;

    for (unsigned i = 0; i < len; i++) {
        uint64_t at = t->cpu->target->word_bits == 32 ? (uint32_t)(lin + i) : lin + i;

        code_find(t->cpu, at, &p);
        if (p.page != t->page) {
            f->second_page = p.ram_page;
            f->global &= p.global;
            page_hold(t->cpu, 1, f->second_page);
            t->checked |= code_is_checked(p.ram_page);
        }
        buf[i] = p.host ? p.host[at - p.page] : code_read(t->cpu, at);
        if (p.page != t->page) {
            t->second[at - p.page] = buf[i];
        }
    }
}

bool translate_is_entry(const struct translation *t, uint64_t pc, unsigned offset)
{
    const struct code_page *p = t->fetch ? t->fetch->page : NULL;
    struct code_key key;
    bool found;

    if (!p ||
        !(__atomic_load_n(&p->entries[offset / 128], __ATOMIC_RELAXED) >> offset / 2 % 64 & 1)) {
        return false;
    }
    key = t->key;
    key.pc = pc;
    if (region_find(t->fetch->ram_page + offset, &key, false)) {
        return true;
    }
    pthread_mutex_lock(&cache_lock);
    found = region_entry_find(t->fetch->ram_page + offset, &key);
    pthread_mutex_unlock(&cache_lock);
    return found;
}

/* Code in device memory: the bytes of one instruction, read as the guest would. */
static void fetch_device(struct cpu *cpu, struct fetch *f, const struct code_place *p)
{
    unsigned offset = f->lin - p->page;

    for (unsigned i = offset; i < MIN_OF(offset + 16, CODE_PAGE); i++) {
        f->bytes[i] = code_read(cpu, p->page + i);
    }
}

static void log_guest_code(const struct translation *t)
{
    int bits = 0;

    if (!log_enabled(LOG_IN_ASM)) {
        return;
    }
    log_begin();
    log_printf("----------------\nIN: pc 0x%" PRIx64 " mode 0x%x\n", t->key.pc, t->key.mode);
    if (t->cpu->target->disassemble_mode(&t->key, &bits) && t->first >= t->page &&
        t->end <= t->page + t->page_size) {
        disas_print(log_stream(), bits, t->first - t->key.base, t->code + (t->first - t->page),
                    t->end - t->first);
    }
    log_printf("\n");
    log_end();
}

static void check_ir(const struct ir *ir, const char *stage)
{
#ifdef CONFIG_DEBUG
    const char *fault = ir_verify(ir);

    if (fault) {
        ir_print(ir, stage);
        error_exit("the IR is not well formed %s: %s", stage, fault);
    }
#endif
}

static void log_ir(const struct ir *ir, uint32_t bit, const char *title)
{
    if (log_enabled(bit)) {
        log_begin();
        ir_print(ir, title);
        log_printf("\n");
        log_end();
    }
}

bool translate_loads(struct translation *t, uint64_t lin, unsigned len)
{
    struct fetch *f = t->fetch;
    unsigned at = lin - f->lin;
    bool changes = false;

    if (!t->checked || at + len > CHECKED_BYTES) {
        return false;
    }
    for (unsigned i = at; i < at + len; i++) {
        changes |= f->changed[i / 64] >> i % 64 & 1;
    }
    for (unsigned i = at; changes && i < at + len; i++) {
        f->loaded[i / 64] |= 1ull << i % 64;
    }
    return changes;
}

/* What the region was made from, and what it must be as long as it is used. */
static void note_code(const struct translation *t, struct fetch *f)
{
    unsigned len = t->end - t->first;
    unsigned in_first = MIN_OF(len, t->page + t->page_size - t->first);
    struct ir_check *check = f->check = g_realloc(f->check, sizeof(*check) + len);

    *check = (struct ir_check){ .lin = t->first, .len = len, .left = code_checks(f->ram_page) };
    memcpy(check->loaded, f->loaded, sizeof(f->loaded));
    memcpy(check->bytes, t->code + (t->first - t->page), in_first);
    memcpy(check->bytes + in_first, t->second, len - in_first);
    t->ir->check = check;
}

/* So that it is the same at every look; and what has changed since the last time. */
static void copy_code(struct fetch *f)
{
    unsigned offset = f->lin & (CODE_PAGE - 1), len = MIN_OF(CHECKED_BYTES, CODE_PAGE - offset);
    const struct ir_check *old = f->old;

    memcpy(f->bytes + offset, f->host + offset, len);
    memset(f->changed, 0, sizeof(f->changed));
    if (old && old->lin == f->lin) {
        memcpy(f->changed, old->loaded, sizeof(f->changed));
        for (unsigned i = 0; i < MIN_OF(len, old->len); i++) {
            f->changed[i / 64] |= (uint64_t)(f->bytes[offset + i] != old->bytes[i]) << i % 64;
        }
    }
}

static void frontend(struct cpu *cpu, const struct code_key *key, struct fetch *f,
                     unsigned max_insns, struct translation *t)
{
    bool checked = f->host && code_is_checked(f->ram_page);

    /* Who changes the code meanwhile is noticed: page_release(), or the bytes of note_code(). */
    sanitizer_guest_reads_begin();
    if (checked) {
        copy_code(f);
    }
    *t = (struct translation){
        .cpu = cpu, .ir = cpu->ir, .key = *key, .max_insns = max_insns,
        .strict_flags = log_enabled(LOG_STRICT_FLAGS),
        .page = f->lin & ~0ull << cpu->target->page_bits,
        .checked = checked,
        .code = f->host && !checked ? f->host : f->bytes, .page_size = 1u << cpu->target->page_bits,
        .fetch = f,
    };
    ir_reset(cpu->ir);
    memset(f->loaded, 0, sizeof(f->loaded));
    cpu->target->translate(t);
    if (t->checked) {
        note_code(t, f);
    }
    sanitizer_guest_reads_end();
    log_guest_code(t);
    log_ir(cpu->ir, LOG_OP, "OP:");
    check_ir(cpu->ir, "as built");
    ir_optimize(cpu->ir);
    log_ir(cpu->ir, LOG_OP_OPT, "OP after optimisation:");
    check_ir(cpu->ir, "after optimisation");
}

/* Translates until it fits: fewer instructions when too big, a new chunk when there is no room. */
static void translate(struct cpu *cpu, const struct code_key *key, struct fetch *f,
                      unsigned max_insns, struct translation *t, struct compiled *out)
{
    unsigned tries = 0;

    for (;;) {
        bool too_big = false;

        if (!cpu->chunk) {
            chunk_next(cpu);
        }
        f->second_page = ~0ull;
        frontend(cpu, key, f, max_insns, t);
        if (backend_compile(cpu->ir, key, cache.buffer, cpu->chunk->at,
                            cpu->chunk->end - cpu->chunk->at, out, &too_big)) {
            return;
        }
        assert(++tries < 32);
        if (too_big) {
            max_insns = MAX_OF(1, t->insns / 2);
        } else {
            chunk_next(cpu);
        }
    }
}

static struct region *region_create(const struct translation *t, struct fetch *f,
                                    const struct compiled *out)
{
    bool enterable = !t->checked && f->second_page == ~0ull;
    unsigned n_entries = enterable ? out->n_entries : 0;
    /* One piece of memory: there are very many. */
    struct region *r = g_malloc0(sizeof(*r) + out->n_exits * sizeof(*r->exits) +
                                 n_entries * sizeof(*r->entries));

    r->key = t->key;
    r->ram_page[0] = f->ram_page;
    r->ram_page[1] = f->second_page;
    r->host = out->host;
    r->host_end = MAX_OF(MAX_OF(out->host_end, out->cold_end), out->side_table + out->side_len);
    r->side_table = out->side_table;
    r->side_len = out->side_len;
    r->entry_offset = f->lin & (CODE_PAGE - 1);
    r->first_offset = t->first & (CODE_PAGE - 1);
    r->guest_len = MAX_OF(t->end - t->first, 1);
    r->insns = t->insns;
    r->one_insn = t->max_insns == 1;
    r->alone = out->alone;
    r->dead = !f->host || f->second_page == CODE_NONE;
    r->global = f->global;
    if (t->checked) {
        r->check = f->check;
        f->check = NULL;
    }
    r->n_exits = out->n_exits;
    r->exits = (struct region_exit *)(r + 1);
    r->n_entries = n_entries;
    r->entries = (struct region_entry *)(r->exits + r->n_exits);
    for (unsigned i = 0; i < n_entries; i++) {
        r->entries[i] = out->entries[i];
        r->entries[i].in = r;
    }
    for (unsigned i = 0; i < out->n_exits; i++) {
        r->exits[i] = (struct region_exit){ .from = r, .patch = out->exits[i].patch,
                                            .stub = out->exits[i].stub,
                                            .lookup = out->exits[i].lookup,
                                            .pc = out->exits[i].pc };
    }
    return r;
}

/* Code may be found that begins there. */
static void mark_entry(struct code_page *p, unsigned offset)
{
    __atomic_fetch_or(&p->entries[offset / 128], 1ull << offset / 2 % 64, __ATOMIC_RELAXED);
}

static void mark_entries(const struct region *r)
{
    struct code_page *p = code_page_of(r->ram_page[0], false);

    mark_entry(p, r->entry_offset);
    for (unsigned i = 0; i < r->n_entries; i++) {
        mark_entry(p, region_entry_offset(&r->entries[i]));
    }
}

/* False when the guest's code was stored to meanwhile. */
static bool region_enter(struct cpu *cpu, struct region *r)
{
    bool good;

    pthread_mutex_lock(&cache_lock);
    chunk_append(cpu->chunk, r);
    if (!r->dead) {
        code_page_link(r, 0);
        mark_entries(r);
        if (r->ram_page[1] != ~0ull) {
            code_page_link(r, 1);
        }
        region_hash_add(r);
    }
    good = pages_release(cpu->fetch);
    if (!good && !r->dead) {
        region_drop(r);
    }
    pthread_mutex_unlock(&cache_lock);
    return good;
}

static struct region *region_translate(struct cpu *cpu, const struct code_key *key,
                                       struct fetch *f, unsigned max_insns)
{
    struct translation t;
    struct compiled out;
    struct region *r;

    /* What a frontend that left by a fault still holds */
    pthread_mutex_lock(&cache_lock);
    pages_release(f);
    pthread_mutex_unlock(&cache_lock);
    do {
        page_hold(cpu, 0, f->ram_page);
        f->page = f->host ? code_page_of(f->ram_page, false) : NULL;
        translate(cpu, key, f, max_insns, &t, &out);
        t.max_insns = max_insns;
        r = region_create(&t, f, &out);
    } while (!region_enter(cpu, r));
    perf_map_add(key, cache.buffer + out.host, out.host_end - out.host);
    if (log_enabled(LOG_OUT_ASM)) {
        log_begin();
        log_printf("OUT: %u bytes\n", out.host_end - out.host);
        disas_print(log_stream(), 64, (uintptr_t)cache.buffer + out.host, cache.buffer + out.host,
                    out.host_end - out.host);
        log_printf("\n");
        log_end();
    }
    return r;
}

/*
 * A region of its own whose code leads to the middle of another; or NULL. It is taken to be of the
 * same bytes, and so goes when that goes.
 */
static struct region *region_of_middle(struct cpu *cpu, uint64_t ram_addr,
                                       const struct code_key *key)
{
    const struct region_entry *entry;
    struct code_chunk *c;
    struct region *r = NULL;

    if (cpu->chunk && cpu->chunk->end - cpu->chunk->at < BACKEND_ENTRY_ROOM) {
        chunk_next(cpu);
    }
    c = cpu->chunk;
    pthread_mutex_lock(&cache_lock);
    entry = c ? region_entry_find(ram_addr, key) : NULL;
    if (entry) {
        const struct region *in = entry->in;

        r = g_new0(struct region, 1);
        *r = (struct region){
            .key = *key, .ram_page = { in->ram_page[0], in->ram_page[1] }, .host = c->at,
            .host_end = backend_enter(cache.buffer, c->at, entry),
            .entry_offset = ram_addr & (CODE_PAGE - 1), .first_offset = in->first_offset,
            .guest_len = in->guest_len, .global = in->global, .alone = in->alone,
        };
        chunk_append(c, r);
        code_page_link(r, 0);
        region_hash_add(r);
    }
    pthread_mutex_unlock(&cache_lock);
    return r;
}

/* --- checked regions ------------------------------------------------------------------------- */

static bool is_alone(const struct cpu *cpu)
{
    for (const struct cpu *c = cpu_first(); c; c = cpu_next(c)) {
        if (c != cpu && __atomic_load_n(&c->running, __ATOMIC_RELAXED)) {
            return false;
        }
    }
    return true;
}

/* What was translated last, and nobody runs any more, leaves its room to what replaces it. */
static void chunk_take_back(struct cpu *cpu, struct region *r)
{
    struct code_chunk *c = cpu->chunk;

    if (c && c->n && c->regions[c->n - 1] == r && is_alone(cpu)) {
        c->n--;
        c->at = r->host;
        region_free(r);
    }
}

/* What comes instead is compared with it, to see what changes. */
static void keep_old(struct fetch *f, const struct ir_check *check)
{
    f->old = g_realloc(f->old, sizeof(*check) + check->len);
    memcpy(f->old, check, sizeof(*check) + check->len);
}

void region_checked(struct cpu *cpu, uintptr_t host)
{
    struct region *r = region_by_host(host);
    uint64_t page = r->ram_page[0];

    if (__atomic_load_n(&r->check->left, __ATOMIC_RELAXED) < 0) {
        __atomic_store_n(&r->check->left, code_checks(page), __ATOMIC_RELAXED);
        code_quiet(page);
        return;
    }
    keep_old(cpu->fetch, r->check);
    pthread_mutex_lock(&cache_lock);
    if (!r->dead) {
        region_drop(r);
        chunk_take_back(cpu, r);
        code_page_recount(page);
    }
    pthread_mutex_unlock(&cache_lock);
}

struct region *region_lookup(struct cpu *cpu, unsigned max_insns)
{
    struct code_place p, next;
    struct code_key key;
    struct region *r = NULL;
    struct fetch *f;
    uint64_t lin;

    cpu->target->code_key(cpu, &key);
    lin = linear(cpu, &key);
    code_find(cpu, lin, &p);
    if (p.host) {
        r = region_find(p.ram_page + (lin - p.page), &key, max_insns == 1);
        /* A second page must still be the one behind the first. */
        if (r && r->ram_page[1] != ~0ull) {
            code_find(cpu, p.page + (1ull << cpu->target->page_bits), &next);
            r = next.host && next.ram_page == r->ram_page[1] ? r : NULL;
        }
    }
    if (!r && p.host && max_insns != 1 && !log_enabled(LOG_ONE_INSN)) {
        r = region_of_middle(cpu, p.ram_page + (lin - p.page), &key);
    }
    if (r) {
        return r;
    }
    f = cpu->fetch;
    f->lin = lin;
    f->host = p.host;
    f->ram_page = p.ram_page;
    f->global = p.global;
    if (!p.host) {
        fetch_device(cpu, f, &p);
        max_insns = 1;
    }
    return region_translate(cpu, &key, f, max_insns);
}
