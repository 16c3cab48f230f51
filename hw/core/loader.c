/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads whole files for boards: firmware, option ROMs, kernels, initial RAM disks. */
#include "hw/core/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hw/core/machine.h"

static bool read_whole(int fd, uint8_t *data, size_t size)
{
    size_t at = 0;

    while (at < size) {
        ssize_t n = read(fd, data + at, size - at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n ? errno : EIO;
            return false;
        }
        at += (size_t)n;
    }
    return true;
}

static void *load_fd(int fd, const char *path, size_t limit, size_t *size, struct error **err)
{
    struct stat st;
    uint8_t *data;

    if (fstat(fd, &st) < 0) {
        error_set_errno(err, errno, "cannot read '%s'", path);
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > limit) {
        error_set(err, S_ISREG(st.st_mode) ? "'%s' is too large" : "'%s' is not a regular file",
                  path);
        return NULL;
    }
    data = malloc((size_t)st.st_size + 1);
    if (!data || !read_whole(fd, data, (size_t)st.st_size)) {
        error_set_errno(err, errno, "cannot read '%s'", path);
        free(data);
        return NULL;
    }
    data[st.st_size] = 0;
    *size = (size_t)st.st_size;
    return data;
}

void *file_load(const char *path, size_t limit, size_t *size, struct error **err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *data;

    if (fd < 0) {
        error_set_errno(err, errno, "cannot open '%s'", path);
        return NULL;
    }
    data = load_fd(fd, path, limit, size, err);
    close(fd);
    return data;
}

void *firmware_load(const char *name, size_t limit, size_t *size, struct error **err)
{
    char *path = machine_find_firmware(name);
    void *data;

    if (!path) {
        error_set(err, "cannot find the firmware file '%s'", name);
        return NULL;
    }
    data = file_load(path, limit, size, err);
    free(path);
    return data;
}
