/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads whole files. */
#include "hw/core/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

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
