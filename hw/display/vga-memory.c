/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CPU's window on video memory at 0xa0000: planes, latches, read and write modes. */
#include "base/bits.h"
#include "hw/display/vga-core.h"

enum { MEMORY_EXTENDED = 0x02, MEMORY_SEQUENTIAL = 0x04, MEMORY_CHAIN4 = 0x08 };

#define NOWHERE UINT32_MAX

/* Each bit of a plane mask to a whole byte. */
static uint32_t spread(unsigned planes)
{
    uint32_t value = 0;

    for (unsigned p = 0; p < 4; p++) {
        value |= planes >> p & 1 ? 0xffu << 8 * p : 0;
    }
    return value;
}

static uint32_t repeat(uint8_t value)
{
    return value * 0x01010101u;
}

/* The address within the mapped part of the window (GR 6, bits 2 and 3). */
static uint32_t decode(const struct vga *vga, uint32_t offset)
{
    switch (vga->s->gr[GR_MISC] >> 2 & 3) {
    case 0:
        return offset;
    case 1:
        if (offset >= 0x10000) {
            return NOWHERE;
        }
        return offset + (vga_vbe_on(vga) ? (uint32_t)vga->s->vbe[VBE_BANK] << 16 : 0);
    case 2:
        return offset >= 0x10000 && offset < 0x18000 ? offset - 0x10000 : NOWHERE;
    default:
        return offset >= 0x18000 ? offset - 0x18000 : NOWHERE;
    }
}

/* Odd/even mode: address bit 0 chooses between planes 0 and 1, or 2 and 3. */
static bool odd_even(const struct vga_state *s)
{
    return s->gr[GR_MODE] & 0x10 || !(s->seq[SEQ_MEMORY_MODE] & MEMORY_SEQUENTIAL);
}

static uint32_t odd_even_address(const struct vga_state *s, uint32_t address, unsigned *plane)
{
    *plane = (s->gr[GR_READ_PLANE] & 2) | (address & 1);
    return (address & ~1u) << 1;
}

static uint8_t read_byte(struct vga *vga, uint32_t offset)
{
    struct vga_state *s = vga->s;
    uint32_t address = decode(vga, offset), at;
    unsigned plane;

    if (address == NOWHERE) {
        return 0xff;
    }
    if (s->seq[SEQ_MEMORY_MODE] & MEMORY_CHAIN4) {
        return address < vga->size ? vga->memory[address] : 0xff;
    }
    if (odd_even(s) && s->gr[GR_MODE] & 0x10) {
        at = odd_even_address(s, address, &plane);
        return at + plane < vga->size ? vga->memory[at + plane] : 0xff;
    }
    if (address >= vga->size / 4) {
        return 0xff;
    }
    s->latch = ld32_le(vga->memory + 4 * (size_t)address);
    if (!(s->gr[GR_MODE] & 0x08)) {
        return (uint8_t)(s->latch >> 8 * (s->gr[GR_READ_PLANE] & 3));
    }
    /* Read mode 1: bits whose colour equals the compare value in the planes that count. */
    at = (s->latch ^ spread(s->gr[GR_COMPARE])) & spread(s->gr[GR_DONT_CARE]);
    at |= at >> 16;
    at |= at >> 8;
    return (uint8_t)~at;
}

/* What the data path makes of a byte, for all planes. */
static uint32_t combine(const struct vga_state *s, uint8_t value)
{
    uint8_t rotate = s->gr[GR_ROTATE] & 7, mask = s->gr[GR_BIT_MASK];
    uint8_t rotated = (uint8_t)(value >> rotate | value << (8 - rotate));
    uint32_t data, enabled;

    switch (s->gr[GR_MODE] & 3) {
    case 0:
        enabled = spread(s->gr[GR_ENABLE_SET_RESET]);
        data = (repeat(rotated) & ~enabled) | (spread(s->gr[GR_SET_RESET]) & enabled);
        break;
    case 1:
        return s->latch;
    case 2:
        data = spread(value & 0xf);
        break;
    default:
        mask &= rotated;
        data = spread(s->gr[GR_SET_RESET]);
        break;
    }
    switch (s->gr[GR_ROTATE] >> 3 & 3) {
    case 1:
        data &= s->latch;
        break;
    case 2:
        data |= s->latch;
        break;
    case 3:
        data ^= s->latch;
        break;
    }
    return (data & repeat(mask)) | (s->latch & ~repeat(mask));
}

static void note(struct vga *vga, uint32_t at, uint32_t size)
{
    memory_note_store(memory_region_ram_addr(&vga->vram) + at, size);
}

static void write_one(struct vga *vga, uint32_t at, unsigned plane, uint8_t value)
{
    if (at < vga->size && vga->s->seq[SEQ_PLANE_MASK] >> plane & 1) {
        vga->memory[at] = value;
        vga->fonts_changed |= plane == 2;
        note(vga, at, 1);
    }
}

static void write_byte(struct vga *vga, uint32_t offset, uint8_t value)
{
    struct vga_state *s = vga->s;
    uint32_t address = decode(vga, offset), planes, at;
    unsigned plane;

    if (address == NOWHERE) {
        return;
    }
    if (s->seq[SEQ_MEMORY_MODE] & MEMORY_CHAIN4) {
        write_one(vga, address, address & 3, value);
        return;
    }
    if (odd_even(s) && s->gr[GR_MODE] & 0x10) {
        at = odd_even_address(s, address, &plane);
        write_one(vga, at + plane, plane, value);
        return;
    }
    if (address >= vga->size / 4) {
        return;
    }
    at = 4 * address;
    planes = spread(s->seq[SEQ_PLANE_MASK]);
    if (!(s->seq[SEQ_MEMORY_MODE] & MEMORY_SEQUENTIAL)) {
        planes &= address & 1 ? 0xff00ff00u : 0x00ff00ffu;
    }
    st32_le(vga->memory + at, (ld32_le(vga->memory + at) & ~planes) | (combine(s, value) & planes));
    vga->fonts_changed |= (planes & 0xff0000) != 0;
    note(vga, at, 4);
}

static uint64_t window_read(void *opaque, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)read_byte(opaque, (uint32_t)offset + i) << 8 * i;
    }
    return value;
}

static void window_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        write_byte(opaque, (uint32_t)offset + i, (uint8_t)(value >> 8 * i));
    }
}

const struct mmio_ops vga_window_ops = {
    window_read, window_write, .min = 1, .max = 8, .unaligned = true
};
