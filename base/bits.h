/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bit fields, rotation, counting, alignment, and loads and stores of any alignment and byte order.
 */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

static inline uint64_t bits_mask(unsigned length)
{
    return length >= 64 ? ~0ull : (1ull << length) - 1;
}

static inline bool bits_test(uint64_t value, unsigned bit)
{
    return value >> bit & 1;
}

static inline uint64_t bits_extract(uint64_t value, unsigned start, unsigned length)
{
    return value >> start & bits_mask(length);
}

/* Sign extends the low `length` bits; 1 <= length <= 64. */
static inline int64_t bits_sign_extend(uint64_t value, unsigned length)
{
    return (int64_t)(value << (64 - length)) >> (64 - length);
}

static inline int64_t bits_extract_signed(uint64_t value, unsigned start, unsigned length)
{
    return bits_sign_extend(value >> start, length);
}

static inline uint64_t bits_deposit(uint64_t value, unsigned start, unsigned length, uint64_t field)
{
    uint64_t mask = bits_mask(length) << start;
    return (value & ~mask) | (field << start & mask);
}

/* The value of `old` with the bits of `mask` taken from `value`: a register write. */
static inline uint64_t bits_merge(uint64_t old, uint64_t value, uint64_t mask)
{
    return (old & ~mask) | (value & mask);
}

#define BITS_ROTATE(bits)                                                                          \
    static inline uint##bits##_t bits_rotl##bits(uint##bits##_t value, unsigned count)             \
    {                                                                                              \
        count &= bits - 1;                                                                         \
        return (uint##bits##_t)(value << count | value >> ((bits - count) & (bits - 1)));          \
    }                                                                                              \
    static inline uint##bits##_t bits_rotr##bits(uint##bits##_t value, unsigned count)             \
    {                                                                                              \
        return bits_rotl##bits(value, bits - (count & (bits - 1)));                                \
    }
BITS_ROTATE(8)
BITS_ROTATE(16)
BITS_ROTATE(32)
BITS_ROTATE(64)
#undef BITS_ROTATE

/* Leading and trailing zeros; the width for zero. */
static inline unsigned bits_clz32(uint32_t value)
{
    return value ? (unsigned)__builtin_clz(value) : 32;
}

static inline unsigned bits_clz64(uint64_t value)
{
    return value ? (unsigned)__builtin_clzll(value) : 64;
}

static inline unsigned bits_ctz32(uint32_t value)
{
    return value ? (unsigned)__builtin_ctz(value) : 32;
}

static inline unsigned bits_ctz64(uint64_t value)
{
    return value ? (unsigned)__builtin_ctzll(value) : 64;
}

static inline unsigned bits_count(uint64_t value)
{
    return (unsigned)__builtin_popcountll(value);
}

static inline bool bits_is_power_of_two(uint64_t value)
{
    return value && !(value & (value - 1));
}

/* The smallest power of two >= value; 0 when it does not fit. */
static inline uint64_t bits_power_of_two_ceil(uint64_t value)
{
    if (value <= 1) {
        return 1;
    }
    return value > 1ull << 63 ? 0 : 1ull << (64 - bits_clz64(value - 1));
}

/* `align` is a power of two. align_up wraps to 0 past the last multiple. */
static inline uint64_t align_down(uint64_t value, uint64_t align)
{
    return value & ~(align - 1);
}

static inline uint64_t align_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) & ~(align - 1);
}

static inline bool is_aligned(uint64_t value, uint64_t align)
{
    return (value & (align - 1)) == 0;
}

static inline uint8_t ld8(const void *p)
{
    return *(const uint8_t *)p;
}

static inline void st8(void *p, uint8_t value)
{
    *(uint8_t *)p = value;
}

/* ld16_le(p), st16_le(p, v) and so on: unaligned, in the byte order named. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BITS_TO_LE(bits, v) (v)
#define BITS_TO_BE(bits, v) __builtin_bswap##bits(v)
#else
#define BITS_TO_LE(bits, v) __builtin_bswap##bits(v)
#define BITS_TO_BE(bits, v) (v)
#endif
#define BITS_ACCESS(bits, order, ORDER)                                                            \
    static inline uint##bits##_t ld##bits##_##order(const void *p)                                 \
    {                                                                                              \
        uint##bits##_t v;                                                                          \
        memcpy(&v, p, sizeof(v));                                                                  \
        return BITS_TO_##ORDER(bits, v);                                                           \
    }                                                                                              \
    static inline void st##bits##_##order(void *p, uint##bits##_t v)                               \
    {                                                                                              \
        v = BITS_TO_##ORDER(bits, v);                                                              \
        memcpy(p, &v, sizeof(v));                                                                  \
    }
BITS_ACCESS(16, le, LE)
BITS_ACCESS(32, le, LE)
BITS_ACCESS(64, le, LE)
BITS_ACCESS(16, be, BE)
BITS_ACCESS(32, be, BE)
BITS_ACCESS(64, be, BE)
#undef BITS_ACCESS

/* `size` (1 to 8) bytes as a number; any size, for splitters and field walkers. */
static inline uint64_t ld_le(const void *p, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)((const uint8_t *)p)[i] << 8 * i;
    }
    return v;
}

static inline void st_le(void *p, unsigned size, uint64_t v)
{
    for (unsigned i = 0; i < size; i++) {
        ((uint8_t *)p)[i] = (uint8_t)(v >> 8 * i);
    }
}

static inline uint64_t ld_be(const void *p, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++) {
        v = v << 8 | ((const uint8_t *)p)[i];
    }
    return v;
}

static inline void st_be(void *p, unsigned size, uint64_t v)
{
    for (unsigned i = size; i-- > 0; v >>= 8) {
        ((uint8_t *)p)[i] = (uint8_t)v;
    }
}

/* Reverses the low `size` (1, 2, 4 or 8) bytes. */
static inline uint64_t bits_bswap(uint64_t v, unsigned size)
{
    return __builtin_bswap64(v) >> (64 - 8 * size);
}

#endif
