/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that a management program hands over. */
#include "base/fd-store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/keyval.h"

#define FOLDER "/dev/fdset/"

struct entry {
    char *name;                     /* of a named one; of one in a set what its giver says */
    int64_t set;                    /* -1: named */
    int fd;
    struct entry *next;
};

static struct entry *entries;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void add(const char *name, int64_t set, int fd)
{
    struct entry *e = g_new0(struct entry, 1), **at = &entries;

    *e = (struct entry){ g_strdup(name), set, fd, NULL };
    pthread_mutex_lock(&lock);
    while (*at) {
        at = &(*at)->next;
    }
    *at = e;
    pthread_mutex_unlock(&lock);
}

/* Returns its descriptor. */
static int unlink_entry(struct entry **at)
{
    struct entry *e = *at;
    int fd = e->fd;

    pthread_mutex_lock(&lock);
    *at = e->next;
    pthread_mutex_unlock(&lock);
    g_free(e->name);
    g_free(e);
    return fd;
}

/* --- names ----------------------------------------------------------------------------------- */

int fd_store_take(const char *name)
{
    for (struct entry **at = &entries; *at; at = &(*at)->next) {
        if ((*at)->set < 0 && strcmp((*at)->name, name) == 0) {
            return unlink_entry(at);
        }
    }
    return -1;
}

void fd_store_name(const char *name, int fd)
{
    int before = fd_store_take(name);

    if (before >= 0) {
        close(before);
    }
    add(name, -1, fd);
}

bool fd_store_parse(const char *text, int *fd, struct error **err)
{
    uint64_t number;

    if (!g_ascii_isdigit(*text)) {
        *fd = fd_store_take(text);
        if (*fd < 0) {
            error_set(err, "File descriptor named '%s' has not been found", text);
        }
        return *fd >= 0;
    }
    if (!parse_uint(text, &number) || number > INT32_MAX || fcntl((int)number, F_GETFD) < 0) {
        error_set(err, "'%s' is not an open file descriptor", text);
        return false;
    }
    *fd = (int)number;
    return true;
}

/* --- sets ------------------------------------------------------------------------------------ */

static int64_t free_set(void)
{
    int64_t set = 0;

    for (const struct entry *e = entries; e;) {
        if (e->set == set) {
            set++;
            e = entries;
        } else {
            e = e->next;
        }
    }
    return set;
}

bool fd_store_add(int64_t *set, int fd, const char *opaque, struct error **err)
{
    if (*set > INT32_MAX) {
        error_set(err, "Parameter 'fdset-id' expects a smaller number");
        return false;
    }
    *set = *set < 0 ? free_set() : *set;
    add(opaque, *set, fd);
    return true;
}

bool fd_store_remove(int64_t set, int fd, struct error **err)
{
    bool found = false;

    for (struct entry **at = &entries; *at;) {
        if ((*at)->set == set && set >= 0 && (fd < 0 || (*at)->fd == fd)) {
            close(unlink_entry(at));
            found = true;
        } else {
            at = &(*at)->next;
        }
    }
    if (!found) {
        error_set(err, fd < 0 ? "File descriptor named 'fdset-id:%lld' not found"
                  : "File descriptor named 'fdset-id:%lld, fd:%d' not found", (long long)set, fd);
    }
    return found;
}

static struct json *find_set(struct json *sets, int64_t set)
{
    struct json *o;

    for (size_t i = 0; i < json_count(sets); i++) {
        if (json_integer(json_get(json_at(sets, i), "fdset-id")) == set) {
            return json_at(sets, i);
        }
    }
    o = json_object();
    json_set_int(o, "fdset-id", set);
    json_set(o, "fds", json_array());
    json_append(sets, o);
    return o;
}

struct json *fd_store_describe(void)
{
    struct json *sets = json_array();

    for (const struct entry *e = entries; e; e = e->next) {
        struct json *o;

        if (e->set >= 0) {
            o = json_object();
            json_set_int(o, "fd", e->fd);
            json_set_string(o, "opaque", e->name);
            json_append(json_get(find_set(sets, e->set), "fds"), o);
        }
    }
    return sets;
}

bool fd_store_option(void *opaque, const struct option_row *row, const char *text,
                     struct error **err)
{
    struct keyval *kv = keyval_parse("-add-fd", text, NULL, err);
    uint64_t fd = UINT64_MAX, set = UINT64_MAX;
    bool good = kv && keyval_uint(kv, "fd", &fd, err) && keyval_uint(kv, "set", &set, err);
    int64_t number = (int64_t)set;

    if (good && (fd > INT32_MAX || set > INT32_MAX)) {
        error_set(err, "-add-fd: fd= and set= are numbers that must be given");
        good = false;
    }
    if (good && (fd < 3 || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)) {
        error_set(err, "-add-fd: %d is not a descriptor that was handed over", (int)fd);
        good = false;
    }
    good = good && fd_store_add(&number, (int)fd, keyval_string(kv, "opaque", NULL), err) &&
        keyval_check(kv, err);
    keyval_free(kv);
    return good;
}

/* --- opening --------------------------------------------------------------------------------- */

static int open_set(const char *number, int flags)
{
    char *end;
    long set = strtol(number, &end, 10);
    int fd = -1, why = ENOENT;

    pthread_mutex_lock(&lock);
    for (const struct entry *e = entries; e && fd < 0 && end != number && !*end; e = e->next) {
        int has = e->set == set ? fcntl(e->fd, F_GETFL) & O_ACCMODE : -1;

        if (has >= 0 && has == (flags & O_ACCMODE)) {
            fd = fcntl(e->fd, F_DUPFD_CLOEXEC, 3);
        } else if (has >= 0) {
            why = EACCES;
        }
    }
    pthread_mutex_unlock(&lock);
    errno = fd < 0 ? why : errno;
    return fd;
}

int fd_store_open(const char *path, int flags, unsigned mode)
{
    return g_str_has_prefix(path, FOLDER) ? open_set(path + strlen(FOLDER), flags)
                                          : open(path, flags | O_CLOEXEC, mode);
}
