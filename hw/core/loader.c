/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The search path for firmware and ROM images. */
#include "hw/core/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const built_in[] = {
    CONFIG_PREFIX "/share/qemu",
    NULL,                       /* pc-bios beside the executable: a build tree */
    "/usr/share/seabios",
    "/usr/share/qemu",
    "/usr/lib/ipxe/qemu",
    "/usr/share/vgabios",
};

static GPtrArray *added;

void loader_add_path(const char *directory)
{
    if (!added) {
        added = g_ptr_array_new();
    }
    g_ptr_array_add(added, g_strdup(directory));
}

static char *build_tree_directory(void)
{
    char *exe = g_file_read_link("/proc/self/exe", NULL);
    char *parent = exe ? g_path_get_dirname(exe) : g_strdup(".");
    char *directory = g_build_filename(parent, "pc-bios", NULL);

    g_free(parent);
    g_free(exe);
    return directory;
}

void loader_walk_paths(void (*visit)(void *opaque, const char *directory), void *opaque)
{
    char *build_tree = build_tree_directory();

    for (guint i = 0; added && i < added->len; i++) {
        visit(opaque, g_ptr_array_index(added, i));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(built_in); i++) {
        visit(opaque, built_in[i] ? built_in[i] : build_tree);
    }
    g_free(build_tree);
}

static bool is_readable_file(const char *path)
{
    struct stat st;

    return access(path, R_OK) == 0 && stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

struct wanted {
    const char *name;
    char *path;
};

static void try_directory(void *opaque, const char *directory)
{
    struct wanted *wanted = opaque;

    if (!wanted->path) {
        wanted->path = g_build_filename(directory, wanted->name, NULL);
        if (!is_readable_file(wanted->path)) {
            g_free(wanted->path);
            wanted->path = NULL;
        }
    }
}

char *loader_find_file(const char *name)
{
    struct wanted wanted = { name, NULL };

    if (is_readable_file(name)) {
        return g_strdup(name);
    }
    loader_walk_paths(try_directory, &wanted);
    return wanted.path;
}

/* Reads until `size` bytes or the end; false with errno set. */
static bool read_fully(int fd, char *data, size_t *size)
{
    size_t done = 0;

    while (done < *size) {
        ssize_t n = read(fd, data + done, *size - done);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n == 0) {
            break;
        }
        done += n > 0 ? n : 0;
    }
    *size = done;
    return true;
}

void *loader_read_file(const char *path, size_t *size, size_t max, struct error **err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *data = NULL;

    if (fd < 0 || fstat(fd, &st) != 0) {
        error_set_errno(err, errno, "cannot open '%s'", path);
    } else if (st.st_size > 0 && (uint64_t)st.st_size > max) {
        error_set(err, "'%s' is larger than %zu bytes", path, max);
    } else if (!(data = g_try_malloc(st.st_size + 1))) {
        error_set(err, "no memory to read '%s'", path);
    } else {
        *size = st.st_size;
        if (!read_fully(fd, data, size)) {
            error_set_errno(err, errno, "cannot read '%s'", path);
            g_free(data);
            data = NULL;
        } else {
            data[*size] = '\0';
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return data;
}
