/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads ELF programs and their interpreters. Nothing in the file is trusted: counts, sizes and
 * addresses are checked before use.
 */
#include "linux-user/internal.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/bits.h"
#include "base/error.h"

enum { MAX_PHDRS = 128, HEAD_SIZE = 4096 };

struct segment {                    /* a program header of either class */
    uint32_t type, flags;
    uint64_t offset, vaddr, filesz, memsz, align;
};

struct elf_file {
    int fd;
    const char *path;
    uint16_t type;
    uint64_t entry, phoff;
    unsigned phentsize, n;
    uint32_t flags;
    struct segment seg[MAX_PHDRS];
    uint64_t low, high;             /* of the loaded segments, as linked */
    uint64_t bias;
};

/* --- reading headers ------------------------------------------------------------------------- */

static bool fail(struct error **err, const char *path, const char *why)
{
    error_set(err, "cannot run '%s': %s", path, why);
    return false;
}

static const char *machine_name(unsigned machine)
{
    static const struct { uint16_t machine; const char *name; } names[] = {
        { EM_386, "i386" }, { EM_X86_64, "x86_64" }, { EM_ARM, "arm" }, { EM_AARCH64, "aarch64" },
        { EM_MIPS, "mips" }, { EM_PPC, "ppc" }, { EM_PPC64, "ppc64" }, { EM_SPARC, "sparc" },
        { EM_SPARCV9, "sparc64" }, { EM_ALPHA, "alpha" }, { EM_SH, "sh4" }, { EM_68K, "m68k" },
        { EM_RISCV, "riscv" }, { EM_S390, "s390x" }, { EM_CRIS, "cris" },
    };

    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].machine == machine) {
            return names[i].name;
        }
    }
    return NULL;
}

/* Fields of the file in its byte order. */
static uint32_t field(uint64_t v, unsigned size)
{
    bool swap = user_arch_elf.data == ELFDATA2MSB;

    return swap ? bits_bswap(v, size) : v;
}
#define FIELD32(h, name) field((h)->name, sizeof((h)->name))

static bool wrong_machine(const char *path, unsigned machine, struct error **err)
{
    const char *name = machine_name(machine);

    if (name) {
        error_set(err, "cannot run '%s': it is a program for %s, use qemu-%s", path, name, name);
    } else {
        error_set(err, "cannot run '%s': it is a program for machine number %u, not for %s; "
                  "use the qemu of that machine", path, machine, the_target.name);
    }
    return false;
}

/* Values in host byte order; the class decides the layout. */
static void parse_header(struct elf_file *f, const uint8_t *head)
{
    if (user_arch_elf.elf_class == ELFCLASS64) {
        const Elf64_Ehdr *h = (const void *)head;

        f->type = h->e_type;
        f->entry = h->e_entry;
        f->phoff = h->e_phoff;
        f->phentsize = h->e_phentsize;
        f->n = h->e_phnum;
    } else {
        const Elf32_Ehdr *h = (const void *)head;

        f->type = FIELD32(h, e_type);
        f->entry = FIELD32(h, e_entry);
        f->phoff = FIELD32(h, e_phoff);
        f->phentsize = FIELD32(h, e_phentsize);
        f->n = FIELD32(h, e_phnum);
        f->flags = FIELD32(h, e_flags);
    }
}

static void parse_segment(struct segment *s, const uint8_t *p)
{
    if (user_arch_elf.elf_class == ELFCLASS64) {
        const Elf64_Phdr *h = (const void *)p;

        *s = (struct segment){ h->p_type, h->p_flags, h->p_offset, h->p_vaddr, h->p_filesz,
                               h->p_memsz, h->p_align };
    } else {
        const Elf32_Phdr *h = (const void *)p;

        *s = (struct segment){ FIELD32(h, p_type), FIELD32(h, p_flags), FIELD32(h, p_offset),
                               FIELD32(h, p_vaddr), FIELD32(h, p_filesz), FIELD32(h, p_memsz),
                               FIELD32(h, p_align) };
    }
}

static bool check_ident(const struct elf_file *f, const uint8_t *head, ssize_t len,
                        struct error **err)
{
    const Elf32_Ehdr *h = (const void *)head;

    if (len < (ssize_t)sizeof(*h) || memcmp(head, ELFMAG, SELFMAG) != 0) {
        return fail(err, f->path, "it is not an ELF program, nor a script that begins with #!; "
                    "run its interpreter");
    }
    if (head[EI_DATA] != user_arch_elf.data || head[EI_CLASS] != user_arch_elf.elf_class ||
        (FIELD32(h, e_machine) != user_arch_elf.machine &&
         FIELD32(h, e_machine) != user_arch_elf.machine2)) {
        return wrong_machine(f->path, head[EI_DATA] == ELFDATA2MSB ? __builtin_bswap16(h->e_machine)
                                                                   : h->e_machine, err);
    }
    return true;
}

static bool read_headers(struct elf_file *f, struct error **err)
{
    uint8_t head[HEAD_SIZE] __attribute__((aligned(8))), *table = head;
    size_t want = user_arch_elf.elf_class == ELFCLASS64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    uint8_t more[MAX_PHDRS * sizeof(Elf64_Phdr)] __attribute__((aligned(8)));
    ssize_t len = pread(f->fd, head, sizeof(head), 0);

    if (len < 0) {
        error_set_errno(err, errno, "cannot read '%s'", f->path);
        return false;
    }
    if (!check_ident(f, head, len, err)) {
        return false;
    }
    parse_header(f, head);
    if (f->type != ET_EXEC && f->type != ET_DYN) {
        return fail(err, f->path, "it is an ELF file but no program; link it first");
    }
    if (f->phentsize != want || f->n == 0 || f->n > MAX_PHDRS) {
        return fail(err, f->path, "its ELF program headers are damaged");
    }
    if (f->phoff > (uint64_t)len || f->n * want > (uint64_t)len - f->phoff) {
        if (pread(f->fd, more, f->n * want, f->phoff) != (ssize_t)(f->n * want)) {
            return fail(err, f->path, "its ELF program headers are cut off");
        }
        table = more;
    } else {
        table = head + f->phoff;
    }
    for (unsigned i = 0; i < f->n; i++) {
        parse_segment(&f->seg[i], table + i * want);
    }
    return true;
}

/* --- mapping --------------------------------------------------------------------------------- */

static bool find_bounds(struct elf_file *f, struct error **err)
{
    f->low = ~0ull;
    f->high = 0;
    for (unsigned i = 0; i < f->n; i++) {
        const struct segment *s = &f->seg[i];

        if (s->type != PT_LOAD || s->memsz == 0) {
            continue;
        }
        if (s->filesz > s->memsz || s->vaddr + s->memsz < s->vaddr ||
            s->vaddr + s->memsz > user_top || (s->vaddr ^ s->offset) & (USER_PAGE - 1)) {
            return fail(err, f->path, "a segment of it lies outside of the address space");
        }
        f->low = MIN_OF(f->low, align_down(s->vaddr, USER_PAGE));
        f->high = MAX_OF(f->high, align_up(s->vaddr + s->memsz, USER_PAGE));
    }
    if (f->high <= f->low) {
        return fail(err, f->path, "it has nothing to load");
    }
    if (f->high - f->low > user_top / 2) {      /* the rest must have a place, too */
        return fail(err, f->path, "its segments take more than half of the address space");
    }
    return true;
}

static int segment_prot(const struct segment *s)
{
    return (s->flags & PF_R ? PROT_READ : 0) | (s->flags & PF_W ? PROT_WRITE : 0) |
           (s->flags & PF_X ? PROT_EXEC : 0);
}

static bool map_failed(const struct elf_file *f, int64_t result, struct error **err)
{
    error_set_errno(err, -result, "cannot map '%s' at its address", f->path);
    return false;
}

/* File part, zeroed tail of its last page, anonymous rest. */
static bool map_segment(const struct elf_file *f, const struct segment *s, struct error **err)
{
    uint64_t start = f->bias + s->vaddr, page = align_down(start, USER_PAGE);
    uint64_t file_end = start + s->filesz, end = align_up(start + s->memsz, USER_PAGE);
    uint64_t mapped = page;
    int prot = segment_prot(s);
    int64_t r;

    if (s->filesz) {
        mapped = align_up(file_end, USER_PAGE);
        r = user_mmap(page, file_end - page, prot, MAP_PRIVATE | MAP_FIXED, f->fd,
                      align_down(s->offset, USER_PAGE));
        if (r < 0) {
            return map_failed(f, r, err);
        }
        if (s->memsz > s->filesz && mapped > file_end && prot & PROT_WRITE) {
            static const uint8_t zeros[USER_PAGE];

            if (!user_write(file_end, zeros, mapped - file_end)) {
                return fail(err, f->path, "its file is cut off");
            }
        }
    }
    if (end > mapped) {
        r = user_mmap(mapped, end - mapped, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (r < 0) {
            return map_failed(f, r, err);
        }
    }
    return true;
}

/* Reserves the whole range first, so that segments cannot land on something else. */
static bool place(struct elf_file *f, uint64_t hint, struct error **err)
{
    uint64_t len = f->high - f->low;
    int64_t r;

    if (f->type == ET_EXEC) {
        r = user_mmap(f->low, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
                      MAP_FIXED_NOREPLACE, -1, 0);
        if (r != (int64_t)f->low) {
            error_set_errno(err, r < 0 ? -r : EEXIST, "cannot run '%s': its address range 0x%llx "
                            "to 0x%llx is not free", f->path, (unsigned long long)f->low,
                            (unsigned long long)f->high);
            return false;
        }
        f->bias = 0;
        return true;
    }
    r = user_map_image(hint, len);
    if (r < 0) {
        return map_failed(f, r, err);
    }
    f->bias = r - f->low;
    return true;
}

static bool map_all(struct elf_file *f, uint64_t hint, struct error **err)
{
    if (!find_bounds(f, err) || !place(f, hint, err)) {
        return false;
    }
    for (unsigned i = 0; i < f->n; i++) {
        if (f->seg[i].type == PT_LOAD && f->seg[i].memsz && !map_segment(f, &f->seg[i], err)) {
            return false;
        }
    }
    return true;
}

/* --- the interpreter ------------------------------------------------------------------------- */

static bool read_interpreter_name(const struct elf_file *f, char *name, struct error **err)
{
    for (unsigned i = 0; i < f->n; i++) {
        const struct segment *s = &f->seg[i];

        if (s->type != PT_INTERP) {
            continue;
        }
        if (s->filesz < 2 || s->filesz > PATH_MAX ||
            pread(f->fd, name, s->filesz, s->offset) != (ssize_t)s->filesz ||
            name[s->filesz - 1] != 0) {
            return fail(err, f->path, "the name of its interpreter is damaged");
        }
        return true;
    }
    name[0] = 0;
    return true;
}

static bool load_interpreter(const char *program, const char *name, struct user_program *p,
                             struct error **err)
{
    struct elf_file f = { 0 };
    char buf[PATH_MAX];
    bool done;

    f.path = user_path(name, buf);
    f.fd = open(f.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);      /* it may name anything */
    if (f.fd < 0) {
        p->no_interpreter = errno == ENOENT || errno == ENOTDIR;
        error_set_errno(err, errno, "cannot run '%s': its interpreter '%s' is missing; give the "
                        "directory of the program's system with -L or QEMU_LD_PREFIX (now %s)",
                        program, name, user_options.sysroot ? user_options.sysroot : "/");
        return false;
    }
    done = read_headers(&f, err) && map_all(&f, 0, err);
    close(f.fd);
    p->base = f.bias;
    p->entry = f.bias + f.entry;
    return done;
}

/* --- the program ----------------------------------------------------------------------------- */

#define PIE_HINT_64 0x4000000000ull
#define PIE_HINT_32 0x40000000ull

static void describe_image(const struct elf_file *f)
{
    user_image.start_code = ~0ull;
    for (unsigned i = 0; i < f->n; i++) {
        const struct segment *s = &f->seg[i];
        uint64_t start = f->bias + s->vaddr;

        if (s->type != PT_LOAD) {
            continue;
        }
        if (s->flags & PF_X) {
            user_image.start_code = MIN_OF(user_image.start_code, start);
            user_image.end_code = MAX_OF(user_image.end_code, start + s->filesz);
        }
        user_image.start_data = MAX_OF(user_image.start_data, start);
        user_image.end_data = MAX_OF(user_image.end_data, start + s->filesz);
    }
}

static void describe_program(const struct elf_file *f, struct user_program *p)
{
    p->entry = p->program_entry = f->bias + f->entry;
    p->base = 0;
    p->phnum = f->n;
    p->phent = f->phentsize;
    p->phdr = 0;
    p->exec_stack = false;
    p->flags = f->flags;
    for (unsigned i = 0; i < f->n; i++) {
        const struct segment *s = &f->seg[i];

        if (s->type == PT_LOAD && f->phoff >= s->offset && f->phoff - s->offset < s->filesz) {
            p->phdr = f->bias + s->vaddr + (f->phoff - s->offset);
        } else if (s->type == PT_GNU_STACK) {
            p->exec_stack = s->flags & PF_X;
        }
    }
}

bool user_load_elf(int fd, const char *path, struct user_program *p, struct error **err)
{
    struct elf_file f = { .fd = fd, .path = path };
    char interpreter[PATH_MAX];

    if (!read_headers(&f, err) || !read_interpreter_name(&f, interpreter, err) ||
        !map_all(&f, user_arch_elf.elf_class == ELFCLASS64 ? PIE_HINT_64 : PIE_HINT_32, err)) {
        return false;
    }
    describe_program(&f, p);
    describe_image(&f);
    user_image.start_brk = f.bias + f.high;
    user_brk_init(user_image.start_brk);
    return !interpreter[0] || load_interpreter(path, interpreter, p, err);
}
