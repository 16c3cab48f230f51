/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/self/{exe,maps,smaps,auxv,cmdline,environ,stat} as the guest's process has them. */
#include "linux-user/syscalls/proc.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "linux-user/user.h"

/* What follows "/proc/self/", "/proc/thread-self/" or our own number there;
   NULL for other paths. */
static const char *own_entry(const char *path)
{
    if (strncmp(path, "/proc/", 6)) {
        return NULL;
    }
    path += 6;
    if (!strncmp(path, "self/", 5)) {
        return path + 5;
    }
    if (!strncmp(path, "thread-self/", 12)) {
        return path + 12;
    }
    if (isdigit((unsigned char)*path)) {
        char *end;
        long pid = strtol(path, &end, 10);
        if (*end == '/' && (pid == getpid() || pid == gettid())) {
            return end + 1;
        }
    }
    return NULL;
}

bool proc_is_exe(const char *path)
{
    const char *entry = own_entry(path);

    return entry && !strcmp(entry, "exe") && user_image.path;
}

const char *proc_path(const char *path, bool follow)
{
    return follow && proc_is_exe(path) ? user_image.path : path;
}

/* --- maps ------------------------------------------------------------------------------------ */

static const char *name_of(uint64_t start, uint64_t end, const char *file)
{
    if (*file) {
        return file;
    }
    if (start < user_image.stack_high && end > user_image.stack_low) {
        return "[stack]";
    }
    if (start < user_image.brk && end > user_image.start_brk) {
        return "[heap]";
    }
    return "";
}

static void print_mapping(FILE *out, uint64_t start, uint64_t end, const struct user_mapping *m,
                          const char *rest, const char *file)
{
    int n = fprintf(out, "%08llx-%08llx %c%c%c%c %s", (unsigned long long)start,
                    (unsigned long long)end, m->prot & PROT_READ ? 'r' : '-',
                    m->prot & PROT_WRITE ? 'w' : '-', m->prot & PROT_EXEC ? 'x' : '-',
                    m->flags & MAP_SHARED ? 's' : 'p', rest);
    const char *name = name_of(start, end, file);

    if (*name) {
        fprintf(out, "%*s%s", n < 73 ? 73 - n : 1, "", name);
    }
    fputc('\n', out);
}

/* One line of the host's maps: the parts of it that are the guest's,
   with the guest's protection. */
static void maps_line(FILE *out, const char *line)
{
    unsigned long long start, end, offset, inode;
    char prot[8], dev[24], rest[80];
    int used = 0;
    struct user_mapping m;

    if (sscanf(line, "%llx-%llx %7s %llx %23s %llu %n", &start, &end, prot, &offset, dev, &inode,
               &used) < 6) {
        return;
    }
    if (start < user_base || start - user_base >= user_top) {
        return;
    }
    start -= user_base;
    end -= user_base;
    for (uint64_t at = start; at < end && user_mapping_at(at, &m) && m.start < end; at = m.end) {
        uint64_t from = MAX_OF(at, m.start), to = MIN_OF((uint64_t)end, m.end);
        snprintf(rest, sizeof(rest), "%08llx %s %llu", inode ? offset + (from - start) : 0ull, dev,
                 inode);
        print_mapping(out, from, to, &m, rest, line + used);
        if (m.end <= at) {
            break;
        }
    }
}

static void write_maps(FILE *out)
{
    FILE *in = fopen("/proc/self/maps", "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    while (in && (n = getline(&line, &size, in)) > 0) {
        if (line[n - 1] == '\n') {
            line[n - 1] = 0;
        }
        maps_line(out, line);
    }
    free(line);
    if (in) {
        fclose(in);
    }
}

/* --- the others ------------------------------------------------------------------------------ */

static void write_memory(FILE *out, uint64_t addr, uint64_t end)
{
    char buf[4096];

    while (addr < end) {
        size_t n = MIN_OF(end - addr, sizeof(buf));
        if (!user_read(buf, addr, n)) {
            return;
        }
        fwrite(buf, 1, n, out);
        addr += n;
    }
}

static void write_auxv(FILE *out)
{
    write_memory(out, user_image.auxv, user_image.auxv + user_image.auxv_len);
}

static void write_cmdline(FILE *out)
{
    write_memory(out, user_image.arg_start, user_image.arg_end);
}

static void write_environ(FILE *out)
{
    write_memory(out, user_image.env_start, user_image.env_end);
}

/* The host's line with the program's name (2), code (26, 27) and stack (28) of the guest. */
static void write_stat(FILE *out)
{
    FILE *in = fopen("/proc/self/stat", "re");
    char line[1024], *rest;
    const char *base = strrchr(user_image.path, '/');
    size_t n = in ? fread(line, 1, sizeof(line) - 1, in) : 0;

    if (in) {
        fclose(in);
    }
    line[n] = 0;
    rest = strrchr(line, ')');
    if (!rest) {
        return;
    }
    fprintf(out, "%d (%.15s)", getpid(), base ? base + 1 : user_image.path);
    int field = 3;
    for (char *word = strtok_r(rest + 1, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        uint64_t ours = field == 26   ? user_image.start_code
                        : field == 27 ? user_image.end_code
                        : field == 28 ? user_image.start_stack
                                      : 0;
        if (ours) {
            fprintf(out, " %llu", (unsigned long long)ours);
        } else {
            fprintf(out, " %s", word);
        }
        field++;
    }
    fputc('\n', out);
}

static const struct {
    const char *name;
    void (*write)(FILE *out);
} entries[] = {
    {"maps", write_maps},     {"auxv", write_auxv}, {"cmdline", write_cmdline},
    {"environ", write_environ}, {"stat", write_stat},
};

static int64_t make_file(void (*write)(FILE *out), int flags)
{
    char name[64];
    int fd = memfd_create("proc", MFD_CLOEXEC);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (!out) {
        int64_t err = -errno;
        if (fd >= 0) {
            close(fd);
        }
        return err;
    }
    write(out);
    fflush(out);
    /* Opened anew, so that the guest's descriptor is read-only and has its flags. */
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    int64_t result = open(name, O_RDONLY | (flags & O_CLOEXEC));
    if (result < 0) {
        result = -errno;
    }
    fclose(out);
    return result;
}

int64_t proc_open(const char *path, int flags)
{
    const char *entry = own_entry(path);

    for (unsigned i = 0; entry && i < ARRAY_LEN(entries) && !(flags & O_PATH); i++) {
        if (!strcmp(entry, entries[i].name)) {
            return (flags & O_ACCMODE) == O_RDONLY ? make_file(entries[i].write, flags) : -EACCES;
        }
    }
    return -ENOENT;
}
