/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds ACPI machine language (ACPI 6.4, chapter 20): terms are appended in the order of their
 * bytes, and what has a length is opened with a begin call and closed with aml_end().
 */
#ifndef HW_ACPI_AML_H
#define HW_ACPI_AML_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AML_DEPTH 16

struct aml {
    GByteArray *bytes;
    guint open[AML_DEPTH];         /* where the length of each open term goes */
    unsigned depth;
};

enum aml_op {
    AML_ZERO = 0x00, AML_ONE = 0x01, AML_NAME = 0x08, AML_LOCAL0 = 0x60, AML_ARG0 = 0x68,
    AML_STORE = 0x70, AML_AND = 0x7b, AML_OR = 0x7d, AML_NOTIFY = 0x86,
    AML_CREATE_DWORD_FIELD = 0x8a,
    AML_IF = 0xa0, AML_ELSE = 0xa1, AML_RETURN = 0xa4
};
enum aml_space { AML_SYSTEM_IO = 1, AML_PCI_CONFIG = 2 };

void aml_init(struct aml *aml);
void aml_op(struct aml *aml, enum aml_op op);
void aml_raw(struct aml *aml, const void *data, size_t size);
/* "\\_SB.PCI0", "LNKA": segments are padded to four characters. */
void aml_path(struct aml *aml, const char *path);
void aml_integer(struct aml *aml, uint64_t value);
void aml_string(struct aml *aml, const char *text);
/* Name(path, ...): the value follows. */
void aml_name(struct aml *aml, const char *path);
void aml_name_integer(struct aml *aml, const char *path, uint64_t value);
/* Name(_HID, EisaId("PNP0A03")) */
void aml_name_eisa_id(struct aml *aml, const char *path, const char *id);
void aml_buffer(struct aml *aml, const void *data, size_t size);

void aml_scope(struct aml *aml, const char *path);
void aml_device(struct aml *aml, const char *name);
void aml_processor(struct aml *aml, const char *name, uint8_t id);
void aml_method(struct aml *aml, const char *name, unsigned arguments, bool serialized);
void aml_package(struct aml *aml, uint8_t count);
/* If: the condition follows, then the body. */
void aml_if(struct aml *aml);
/* OperationRegion(name, space, offset, length), and a Field of bytes in it: name after name. */
void aml_region(struct aml *aml, const char *name, enum aml_space space, uint64_t offset,
                uint64_t length);
void aml_byte_field(struct aml *aml, const char *region, const char *const *names, unsigned count);
void aml_end(struct aml *aml);

/* --- resource templates ---------------------------------------------------------------------- */

/* Starts Buffer-less bytes; descriptors; aml_resources() appends the buffer with its end tag. */
struct aml_resources {
    GByteArray *bytes;
};
void aml_resources_init(struct aml_resources *r);
void aml_resource_io(struct aml_resources *r, uint16_t first, uint16_t last, uint8_t align,
                     uint8_t length);
void aml_resource_irq(struct aml_resources *r, unsigned irq);
void aml_resource_dma(struct aml_resources *r, unsigned channel);
/* Extended interrupts: level, active high, shared. */
void aml_resource_interrupts(struct aml_resources *r, const uint32_t *numbers, unsigned count);
enum aml_window { AML_WINDOW_MEMORY, AML_WINDOW_IO, AML_WINDOW_BUS };
/* A range that the bridge passes on. */
void aml_resource_window(struct aml_resources *r, enum aml_window kind, uint64_t first,
                         uint64_t last);
/* Appends the buffer and frees the template. */
void aml_resources(struct aml *aml, struct aml_resources *r);

#endif
