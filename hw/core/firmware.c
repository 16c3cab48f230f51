/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds firmware files: in the -L folders, beside the executable, and where Debian puts them. */
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "hw/core/run.h"

static GPtrArray *user_folders;

static const char *const system_folders[] = {
    CONFIG_PREFIX "/share/qemu", "/usr/share/seabios", "/usr/lib/ipxe/qemu", "/usr/share/qemu",
    "/usr/share/vgabios"
};

/* The folders of a build tree and of an installation that was moved. */
static const char *const beside_executable[] = { "pc-bios", "../pc-bios", "../share/qemu" };

void machine_add_firmware_folder(const char *folder)
{
    user_folders = user_folders ? user_folders : g_ptr_array_new();
    g_ptr_array_add(user_folders, g_strdup(folder));
}

static char *executable_folder(void)
{
    char *path = g_file_read_link("/proc/self/exe", NULL);
    char *folder = path ? g_path_get_dirname(path) : g_strdup(".");

    g_free(path);
    return folder;
}

/* All folders in the order of the search; free with g_strfreev(). */
static char **all_folders(void)
{
    GPtrArray *list = g_ptr_array_new();
    char *here = executable_folder();

    for (unsigned i = 0; user_folders && i < user_folders->len; i++) {
        g_ptr_array_add(list, g_strdup(g_ptr_array_index(user_folders, i)));
    }
    for (size_t i = 0; i < ARRAY_LEN(beside_executable); i++) {
        g_ptr_array_add(list, g_build_filename(here, beside_executable[i], NULL));
    }
    for (size_t i = 0; i < ARRAY_LEN(system_folders); i++) {
        g_ptr_array_add(list, g_strdup(system_folders[i]));
    }
    g_ptr_array_add(list, NULL);
    g_free(here);
    return (char **)g_ptr_array_free(list, FALSE);
}

void machine_print_firmware_folders(FILE *out)
{
    char **folders = all_folders();

    for (char **f = folders; *f; f++) {
        fprintf(out, "%s\n", *f);
    }
    g_strfreev(folders);
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode) && access(path, R_OK) == 0;
}

char *machine_find_firmware(const char *name)
{
    char **folders, *found = NULL;

    if (is_file(name)) {
        return g_strdup(name);
    }
    folders = all_folders();
    for (char **f = folders; *f && !found; f++) {
        char *path = g_build_filename(*f, name, NULL);

        if (is_file(path)) {
            found = path;
        } else {
            g_free(path);
        }
    }
    g_strfreev(folders);
    return found;
}
