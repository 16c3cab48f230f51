/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory map as KVM's slots, and the stores that KVM has logged.
 *
 * A slot is a range of the flat view whose bytes are in memory: RAM, or read-only. The rest of the
 * map comes to us as accesses of devices. While the slots change no vCPU runs.
 */
#include "accel/kvm/kvm.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "cpu-exec.h"
#include "hw/core/memory.h"

enum { MIB = 1 << 20, LOG_REST = 2000000 };     /* ns between looks at the log for a display */

struct slot {
    uint64_t address, size, ram_addr;
    uint8_t *host;
    bool readonly, logged;
    uint32_t number;
    int64_t looked;                 /* when its log was last read */
};

static struct {
    struct address_space *as;
    struct slot *slots;
    unsigned count;
    bool folded;
    pthread_mutex_t lock;           /* the slots, for threads without the big lock */
} map = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- one slot -------------------------------------------------------------------------------- */

static void set_slot(const struct slot *s, bool there)
{
    struct kvm_userspace_memory_region region = {
        .slot = s->number, .guest_phys_addr = s->address, .memory_size = there ? s->size : 0,
        .userspace_addr = (uintptr_t)s->host,
        .flags = (s->logged ? KVM_MEM_LOG_DIRTY_PAGES : 0) | (s->readonly ? KVM_MEM_READONLY : 0),
    };
    int status = kvm_vm_ioctl(KVM_SET_USER_MEMORY_REGION, (uintptr_t)&region);

    if (status < 0) {
        error_exit("KVM does not take memory at 0x%llx, size 0x%llx: %s",
                   (unsigned long long)s->address, (unsigned long long)s->size, strerror(-status));
    }
}

static bool any_watched(const struct slot *s)
{
    uint64_t first = s->ram_addr >> MEMORY_PAGE_BITS;

    for (uint64_t i = 0; i < s->size >> MEMORY_PAGE_BITS; i++) {
        if (memory_watch[first + i]) {
            return true;
        }
    }
    return false;
}

/* Passes the stores on that the kernel has seen since the last time. */
static void harvest(struct slot *s)
{
    uint64_t pages = s->size >> MEMORY_PAGE_BITS, words = (pages + 63) / 64;
    uint64_t *bits;
    struct kvm_dirty_log log = { .slot = s->number };

    if (!s->logged) {
        return;
    }
    bits = g_new0(uint64_t, words);
    log.dirty_bitmap = bits;
    if (kvm_vm_ioctl(KVM_GET_DIRTY_LOG, (uintptr_t)&log) < 0) {
        memory_note_store(s->ram_addr, s->size);
    }
    for (uint64_t i = 0; i < words; i++) {
        for (uint64_t word = bits[i]; word; word &= word - 1) {
            uint64_t page = i * 64 + __builtin_ctzll(word);

            memory_note_store(s->ram_addr + (page << MEMORY_PAGE_BITS), MEMORY_PAGE_SIZE);
        }
    }
    g_free(bits);
    s->looked = clock_ns(CLOCK_HOST);
}

/* --- the map --------------------------------------------------------------------------------- */

struct builder {
    struct slot *slots;
    unsigned count, room;
};

/* What lies whole pages within the range; nothing when host and guest pages do not agree. */
static void add_range(struct builder *b, uint64_t first, uint64_t last, uint8_t *host,
                      uint64_t ram_addr, bool readonly)
{
    uint64_t start = align_up(first, MEMORY_PAGE_SIZE);
    uint64_t end = last == UINT64_MAX ? align_down(last, MEMORY_PAGE_SIZE)
                                      : align_down(last + 1, MEMORY_PAGE_SIZE);

    if (start < first || start >= end || (readonly && !kvm_state.readonly_slots) ||
        !is_aligned((uintptr_t)host + (start - first), MEMORY_PAGE_SIZE) ||
        !is_aligned(ram_addr + (start - first), MEMORY_PAGE_SIZE)) {
        return;
    }
    if (b->count == b->room) {
        b->room = b->room ? 2 * b->room : 32;
        b->slots = g_renew(struct slot, b->slots, b->room);
    }
    b->slots[b->count++] = (struct slot){
        .address = start, .size = end - start, .host = host + (start - first),
        .ram_addr = ram_addr + (start - first), .readonly = readonly,
    };
}

/* With the address line 20 off the second MiB is the first; what is above is left alone. */
static void add_folded(struct builder *b, uint64_t first, uint64_t last, uint8_t *host,
                       uint64_t ram_addr, bool readonly)
{
    if (first < MIB) {
        uint64_t end = MIN_OF(last, MIB - 1);

        add_range(b, first, end, host, ram_addr, readonly);
        add_range(b, first + MIB, end + MIB, host, ram_addr, readonly);
    }
    if (last >= 2 * MIB) {
        uint64_t start = MAX_OF(first, 2 * MIB), skip = start - first;

        add_range(b, start, last, host + skip, ram_addr + skip, readonly);
    }
}

static void visit(void *opaque, const struct memory_range *r)
{
    const struct memory_region *mr = r->region;

    if (mr->block && (mr->kind != MEMORY_ROMD || mr->romd_direct)) {
        bool readonly = r->readonly || mr->kind != MEMORY_RAM;

        (map.folded ? add_folded : add_range)(opaque, r->first, r->last,
                                              mr->block->host + r->offset,
                                              mr->block->ram_addr + r->offset, readonly);
    }
}

static struct slot *find_same(struct slot *in, unsigned count, const struct slot *s)
{
    for (unsigned i = 0; i < count; i++) {
        if (in[i].address == s->address && in[i].size == s->size && in[i].host == s->host &&
            in[i].ram_addr == s->ram_addr && in[i].readonly == s->readonly) {
            return &in[i];
        }
    }
    return NULL;
}

static uint32_t free_number(const struct builder *b, unsigned known)
{
    for (uint32_t number = 0;; number++) {
        bool taken = false;

        for (unsigned i = 0; i < known; i++) {
            taken |= b->slots[i].number == number;
        }
        if (!taken) {
            if (number >= kvm_state.max_slots) {
                error_exit("KVM has room for %u ranges of memory only", kvm_state.max_slots);
            }
            return number;
        }
    }
}

/* Old ones go first: slots must never overlap. */
static void replace(struct builder *b)
{
    unsigned known = 0;

    for (unsigned i = 0; i < map.count; i++) {
        struct slot *same = find_same(b->slots, b->count, &map.slots[i]);

        if (same) {
            struct slot other = b->slots[known];

            *same = other;
            b->slots[known++] = map.slots[i];
        } else {
            harvest(&map.slots[i]);
            set_slot(&map.slots[i], false);
        }
    }
    for (; known < b->count; known++) {
        struct slot *s = &b->slots[known];

        s->number = free_number(b, known);
        s->logged = any_watched(s);
        set_slot(s, true);
    }
}

static void rebuild(void)
{
    struct builder b = { 0 };

    kvm_all_out();
    pthread_mutex_lock(&map.lock);
    address_space_walk(map.as, visit, &b);
    replace(&b);
    g_free(map.slots);
    map.slots = b.slots;
    map.count = b.count;
    pthread_mutex_unlock(&map.lock);
}

void kvm_memory_fold(bool on)
{
    if (map.folded != on) {
        map.folded = on;
        rebuild();
    }
}

/* --- who changes and watches memory ---------------------------------------------------------- */

static void changed(void *opaque, struct address_space *as)
{
    if (as == map.as) {
        rebuild();
    }
}

static bool touches(const struct slot *s, uint64_t ram_addr, uint64_t size)
{
    return s->ram_addr < ram_addr + size && ram_addr < s->ram_addr + s->size;
}

static void watched(void *opaque, uint64_t ram_addr, uint64_t size)
{
    pthread_mutex_lock(&map.lock);
    for (unsigned i = 0; i < map.count; i++) {
        struct slot *s = &map.slots[i];

        if (touches(s, ram_addr, size) && !s->logged && !s->readonly) {
            s->logged = true;
            set_slot(s, true);
        }
    }
    pthread_mutex_unlock(&map.lock);
}

/* A display asks page by page, many times a second, and may see a store one picture later. */
static void collect(void *opaque, uint64_t ram_addr, uint64_t size, enum memory_dirty client)
{
    int64_t rest = client == DIRTY_VGA ? LOG_REST : 0;

    pthread_mutex_lock(&map.lock);
    for (unsigned i = 0; i < map.count; i++) {
        struct slot *s = &map.slots[i];

        if (s->logged && touches(s, ram_addr, size) &&
            (!rest || clock_ns(CLOCK_HOST) - s->looked >= rest)) {
            harvest(s);
        }
    }
    pthread_mutex_unlock(&map.lock);
}

void kvm_memory_start(struct address_space *as)
{
    static struct memory_listener listener = {
        .changed = changed, .watched = watched, .collect = collect
    };

    map.as = as;
    memory_listener_add(&listener);
    rebuild();
}
