/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Image locks: read locks on single bytes of the file. Byte 100 + n says "I do n", byte 200 + n
 * says "nobody else may do n"; n is 0 for reading, 1 for writing, 3 for changing the size. Whoever
 * took its bytes then looks whether another process has one that excludes it.
 */
#include "block/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"

enum { DOES = 100, REFUSES = 200 };
enum { READING = 0, WRITING = 1, RESIZING = 3 };

static const char *const names[] = { "consistent read", "write", "", "resize" };

/* Does this descriptor hold a lock on the byte? The kernel lists them in fdinfo. */
static bool holds_byte(const char *info_path, unsigned byte)
{
    FILE *f = fopen(info_path, "r");
    char line[256];
    bool found = false;

    while (f && !found && fgets(line, sizeof(line), f)) {
        unsigned long long from, to;
        char *colon = strncmp(line, "lock:", 5) == 0 ? strrchr(line, ':') : NULL;

        found = colon && sscanf(colon, ":%*u %llu %llu", &from, &to) == 2 && from <= byte &&
            byte <= to;
    }
    if (f) {
        fclose(f);
    }
    return found;
}

static bool process_holds(const char *pid, const struct stat *file, unsigned byte)
{
    char *folder = g_strdup_printf("/proc/%s/fd", pid);
    DIR *dir = opendir(folder);
    struct dirent *entry;
    bool found = false;

    while (dir && !found && (entry = readdir(dir))) {
        struct stat st;
        char *info;

        if (fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 || st.st_ino != file->st_ino ||
            st.st_dev != file->st_dev) {
            continue;
        }
        info = g_strdup_printf("/proc/%s/fdinfo/%s", pid, entry->d_name);
        found = holds_byte(info, byte);
        g_free(info);
    }
    if (dir) {
        closedir(dir);
    }
    g_free(folder);
    return found;
}

/* " (by process 123, name)", or "" when it cannot be seen. */
static char *holder_of(int fd, unsigned byte)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    struct stat st;
    char *text = NULL, *path, *name = NULL;

    while (proc && !text && fstat(fd, &st) == 0 && (entry = readdir(proc))) {
        if (!g_ascii_isdigit(entry->d_name[0]) || !process_holds(entry->d_name, &st, byte)) {
            continue;
        }
        path = g_strdup_printf("/proc/%s/comm", entry->d_name);
        if (g_file_get_contents(path, &name, NULL, NULL)) {
            g_strchomp(name);
        }
        text = g_strdup_printf(" (held by process %s, %s)", entry->d_name, name ? name : "?");
        g_free(name);
        g_free(path);
    }
    if (proc) {
        closedir(proc);
    }
    return text ? text : g_strdup("");
}

static int lock_byte(int fd, int command, short type, unsigned byte)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

    if (fcntl(fd, command, &lock) < 0) {
        return -errno;
    }
    return command == F_OFD_GETLK && lock.l_type != F_UNLCK ? -EAGAIN : 0;
}

bool block_file_lock(int fd, const char *file, bool write, struct error **err)
{
    static const uint8_t shared[] = { READING }, exclusive[] = { READING, WRITING, RESIZING };
    static const uint8_t refused[] = { WRITING, RESIZING };
    const uint8_t *does = write ? exclusive : shared;
    size_t count = write ? sizeof(exclusive) : sizeof(shared);
    unsigned conflict = 0;

    for (size_t i = 0; i < count + sizeof(refused); i++) {
        unsigned byte = i < count ? DOES + does[i] : REFUSES + refused[i - count];
        int rc = lock_byte(fd, F_OFD_SETLK, F_RDLCK, byte);

        if (rc == -EINVAL || rc == -ENOLCK || rc == -EOPNOTSUPP) {
            return true;        /* this file system has no locks */
        }
    }
    for (size_t i = 0; i < count + sizeof(refused) && !conflict; i++) {
        unsigned byte = i < count ? REFUSES + does[i] : DOES + refused[i - count];

        conflict = lock_byte(fd, F_OFD_GETLK, F_WRLCK, byte) == -EAGAIN ? byte : 0;
    }
    if (conflict) {
        char *holder = holder_of(fd, conflict);

        error_set(err, "Could not open '%s': Failed to get %s\"%s\" lock%s", file,
                  conflict < REFUSES ? "shared " : "", names[conflict % 100], holder);
        g_free(holder);
    }
    return conflict == 0;
}
