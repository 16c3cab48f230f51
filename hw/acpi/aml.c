/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI machine language, byte by byte: names, integers, packages, devices, methods, resources. */
#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "hw/acpi/aml.h"

#define EXTENDED 0x5b

void aml_init(struct aml *aml)
{
    aml->bytes = g_byte_array_new();
    aml->depth = 0;
}

static void byte(struct aml *aml, uint8_t value)
{
    g_byte_array_append(aml->bytes, &value, 1);
}

void aml_op(struct aml *aml, enum aml_op op)
{
    byte(aml, (uint8_t)op);
}

void aml_raw(struct aml *aml, const void *data, size_t size)
{
    g_byte_array_append(aml->bytes, data, (guint)size);
}

static void segment(struct aml *aml, const char *text, size_t length)
{
    for (size_t i = 0; i < 4; i++) {
        byte(aml, i < length ? (uint8_t)text[i] : '_');
    }
}

void aml_path(struct aml *aml, const char *path)
{
    unsigned count = 1;

    if (*path == '\\') {
        byte(aml, '\\');
        path++;
    }
    for (const char *p = path; *p; p++) {
        count += *p == '.';
    }
    if (*path == 0) {
        byte(aml, 0);
        return;
    }
    if (count == 2) {
        byte(aml, 0x2e);
    } else if (count > 2) {
        byte(aml, 0x2f);
        byte(aml, (uint8_t)count);
    }
    while (count-- > 0) {
        size_t length = strcspn(path, ".");
        segment(aml, path, length);
        path += length + (path[length] == '.');
    }
}

void aml_integer(struct aml *aml, uint64_t value)
{
    uint8_t data[8];
    unsigned size = value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;

    if (value <= 1) {
        byte(aml, (uint8_t)value);
        return;
    }
    byte(aml, size == 1 ? 0x0a : size == 2 ? 0x0b : size == 4 ? 0x0c : 0x0e);
    st64_le(data, value);
    aml_raw(aml, data, size);
}

void aml_string(struct aml *aml, const char *text)
{
    byte(aml, 0x0d);
    aml_raw(aml, text, strlen(text) + 1);
}

void aml_name(struct aml *aml, const char *path)
{
    aml_op(aml, AML_NAME);
    aml_path(aml, path);
}

void aml_name_integer(struct aml *aml, const char *path, uint64_t value)
{
    aml_name(aml, path);
    aml_integer(aml, value);
}

static unsigned hex(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'A' + 10);
}

/* Three letters of five bits, four hexadecimal digits, most significant byte first. */
void aml_name_eisa_id(struct aml *aml, const char *path, const char *id)
{
    uint32_t value = 0;
    uint8_t data[4];

    for (unsigned i = 0; i < 3; i++) {
        value = value << 5 | (uint32_t)(id[i] - 'A' + 1);
    }
    for (unsigned i = 3; i < 7; i++) {
        value = value << 4 | hex(id[i]);
    }
    st32_be(data, value);
    aml_name(aml, path);
    aml_integer(aml, ld32_le(data));
}

/* --- terms with a length --------------------------------------------------------------------- */

static void begin(struct aml *aml)
{
    assert(aml->depth < AML_DEPTH);
    aml->open[aml->depth++] = aml->bytes->len;
}

/* The length counts its own bytes: 6 bits in one byte, or 4 and 8 more in each that follows. */
void aml_end(struct aml *aml)
{
    guint at = aml->open[--aml->depth], body = aml->bytes->len - at;
    uint8_t length[4];
    unsigned size = body + 1 < 0x40 ? 1 : body + 2 < 0x1000 ? 2 : body + 3 < 0x100000 ? 3 : 4;
    uint32_t total = body + size;

    if (size == 1) {
        length[0] = (uint8_t)total;
    } else {
        length[0] = (uint8_t)((size - 1) << 6 | (total & 0xf));
        for (unsigned i = 1; i < size; i++) {
            length[i] = (uint8_t)(total >> (8 * i - 4));
        }
    }
    g_byte_array_set_size(aml->bytes, aml->bytes->len + size);
    memmove(aml->bytes->data + at + size, aml->bytes->data + at, body);
    memcpy(aml->bytes->data + at, length, size);
}

void aml_scope(struct aml *aml, const char *path)
{
    byte(aml, 0x10);
    begin(aml);
    aml_path(aml, path);
}

void aml_device(struct aml *aml, const char *name)
{
    byte(aml, EXTENDED);
    byte(aml, 0x82);
    begin(aml);
    aml_path(aml, name);
}

void aml_processor(struct aml *aml, const char *name, uint8_t id)
{
    static const uint8_t no_block[5];

    byte(aml, EXTENDED);
    byte(aml, 0x83);
    begin(aml);
    aml_path(aml, name);
    byte(aml, id);
    aml_raw(aml, no_block, sizeof(no_block));
}

void aml_method(struct aml *aml, const char *name, unsigned arguments, bool serialized)
{
    byte(aml, 0x14);
    begin(aml);
    aml_path(aml, name);
    byte(aml, (uint8_t)(arguments | (serialized ? 8 : 0)));
}

void aml_package(struct aml *aml, uint8_t count)
{
    byte(aml, 0x12);
    begin(aml);
    byte(aml, count);
}

void aml_if(struct aml *aml)
{
    aml_op(aml, AML_IF);
    begin(aml);
}

void aml_buffer(struct aml *aml, const void *data, size_t size)
{
    byte(aml, 0x11);
    begin(aml);
    aml_integer(aml, size);
    aml_raw(aml, data, size);
    aml_end(aml);
}

void aml_region(struct aml *aml, const char *name, enum aml_space space, uint64_t offset,
                uint64_t length)
{
    byte(aml, EXTENDED);
    byte(aml, 0x80);
    aml_path(aml, name);
    byte(aml, (uint8_t)space);
    aml_integer(aml, offset);
    aml_integer(aml, length);
}

void aml_byte_field(struct aml *aml, const char *region, const char *const *names, unsigned count)
{
    byte(aml, EXTENDED);
    byte(aml, 0x81);
    begin(aml);
    aml_path(aml, region);
    byte(aml, 0x01);                             /* byte access, no lock, preserve */
    for (unsigned i = 0; i < count; i++) {
        segment(aml, names[i], strlen(names[i]));
        byte(aml, 8);
    }
    aml_end(aml);
}

/* --- resource templates (ACPI 6.4, 6.4) ------------------------------------------------------ */

void aml_resources_init(struct aml_resources *r)
{
    r->bytes = g_byte_array_new();
}

static void add(struct aml_resources *r, const void *data, size_t size)
{
    g_byte_array_append(r->bytes, data, (guint)size);
}

void aml_resource_io(struct aml_resources *r, uint16_t first, uint16_t last, uint8_t align,
                     uint8_t length)
{
    uint8_t d[8] = { 0x47, 1, (uint8_t)first, (uint8_t)(first >> 8), (uint8_t)last,
                     (uint8_t)(last >> 8), align, length };
    add(r, d, sizeof(d));
}

void aml_resource_irq(struct aml_resources *r, unsigned irq)
{
    uint8_t d[3] = { 0x22, (uint8_t)(1u << irq), (uint8_t)(1u << irq >> 8) };
    add(r, d, sizeof(d));
}

void aml_resource_dma(struct aml_resources *r, unsigned channel)
{
    uint8_t d[3] = { 0x2a, (uint8_t)(1u << channel), 0 };
    add(r, d, sizeof(d));
}

void aml_resource_interrupts(struct aml_resources *r, const uint32_t *numbers, unsigned count)
{
    uint8_t d[5 + 4 * 16] = { 0x89, (uint8_t)(2 + 4 * count), 0, 0x09, (uint8_t)count };

    assert(count <= 16);
    for (unsigned i = 0; i < count; i++) {
        st32_le(d + 5 + 4 * i, numbers[i]);
    }
    add(r, d, 5 + 4 * count);
}

void aml_resource_window(struct aml_resources *r, enum aml_window kind, uint64_t first,
                         uint64_t last)
{
    unsigned width = kind == AML_WINDOW_MEMORY ? 4 : 2;
    uint8_t d[6 + 5 * 4] = {
        width == 4 ? 0x87 : 0x88, (uint8_t)(3 + 5 * width), 0, (uint8_t)kind, 0x0c,
        kind == AML_WINDOW_BUS ? 0 : kind == AML_WINDOW_IO ? 3 : 1
    };

    st_le(d + 6 + width, width, first);
    st_le(d + 6 + 2 * width, width, last);
    st_le(d + 6 + 4 * width, width, last - first + 1);
    add(r, d, 6 + 5 * width);
}

void aml_resources(struct aml *aml, struct aml_resources *r)
{
    static const uint8_t end_tag[2] = { 0x79, 0 };

    add(r, end_tag, sizeof(end_tag));
    aml_buffer(aml, r->bytes->data, r->bytes->len);
    g_byte_array_unref(r->bytes);
}
