/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors from the addresses of migrate and -incoming. */
#include "migration/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd-store.h"
#include "base/bits.h"
#include "char/address.h"

/* --- sockets --------------------------------------------------------------------------------- */

static bool open_socket(struct channel *c, struct keyval *kv, bool outgoing, struct error **err)
{
    struct socket_address a;

    if (!socket_address_parse(&a, kv, err)) {
        return false;
    }
    c->fd = outgoing ? socket_connect(&a, true, err) : socket_listen(&a, err);
    c->answers = true;
    c->listening = !outgoing;
    if (!outgoing && c->fd >= 0) {
        c->unlink = g_strdup(a.path);
    }
    socket_address_clear(&a);
    return c->fd >= 0;
}

static bool open_tcp(struct channel *c, const char *text, bool outgoing, struct error **err)
{
    struct keyval *kv = keyval_parse("migration", "", NULL, err);
    const char *colon, *keys;
    char *host, *port;
    bool good;

    keys = text + strcspn(text, ",");
    colon = memrchr(text, ':', keys - text);
    if (!kv || !colon) {
        error_set(err, "tcp:%s: the address is tcp:host:port", text);
        keyval_free(kv);
        return false;
    }
    host = *text == '[' && colon > text && colon[-1] == ']' ? g_strndup(text + 1, colon - text - 2)
                                                           : g_strndup(text, colon - text);
    port = g_strndup(colon + 1, keys - colon - 1);
    keyval_set(kv, "host", host);
    keyval_set(kv, "port", port);
    good = open_socket(c, kv, outgoing, err);
    g_free(host);
    g_free(port);
    keyval_free(kv);
    return good;
}

static bool open_unix(struct channel *c, const char *text, bool outgoing, struct error **err)
{
    struct keyval *kv = keyval_create("migration");
    bool good;

    keyval_set(kv, "path", text);
    good = open_socket(c, kv, outgoing, err);
    keyval_free(kv);
    return good;
}

bool channel_accept(struct channel *c, struct error **err)
{
    int fd;

    do {
        fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        error_set_errno(err, errno, "cannot accept the connection");
        return false;
    }
    close(c->fd);
    if (c->unlink) {
        unlink(c->unlink);
    }
    c->fd = fd;
    c->listening = false;
    return true;
}

/* --- descriptors, files, commands ------------------------------------------------------------ */

static bool open_fd(struct channel *c, const char *text, bool outgoing, struct error **err)
{
    struct stat st;
    int fd;

    if (!fd_store_parse(text, &fd, err)) {
        error_prepend(err, "fd:%s: ", text);
        return false;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    c->fd = fd;
    c->answers = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    return true;
}

static bool open_file(struct channel *c, const char *text, bool outgoing, struct error **err)
{
    struct keyval *kv = keyval_parse("file:", text, "path", err);
    const char *path = kv ? keyval_string(kv, "path", "") : NULL;
    uint64_t offset = 0;

    if (!kv || !keyval_size(kv, "offset", &offset, err) || !keyval_check(kv, err)) {
        keyval_free(kv);
        return false;
    }
    c->fd = open(path, (outgoing ? O_WRONLY | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600);
    if (c->fd < 0 || lseek(c->fd, offset, SEEK_SET) < 0 ||
        (outgoing && ftruncate(c->fd, offset) < 0)) {
        error_set_errno(err, errno, "file:%s", path);
        if (c->fd >= 0) {
            close(c->fd);
            c->fd = -1;
        }
    }
    keyval_free(kv);
    return c->fd >= 0;
}

static bool open_exec(struct channel *c, const char *text, bool outgoing, struct error **err)
{
    char *argv[] = { "/bin/sh", "-c", (char *)text, NULL };
    GError *why = NULL;
    GPid pid;
    int fd;

    if (!g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid,
                                  outgoing ? &fd : NULL, outgoing ? NULL : &fd, NULL, &why)) {
        error_set(err, "exec:%s: %s", text, why->message);
        g_error_free(why);
        return false;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    c->fd = fd;
    c->pid = pid;
    return true;
}

/* --- all of them ----------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool (*open)(struct channel *c, const char *text, bool outgoing, struct error **err);
} kinds[] = {
    { "tcp:", open_tcp }, { "unix:", open_unix }, { "fd:", open_fd }, { "file:", open_file },
    { "exec:", open_exec },
};

bool channel_open(struct channel *c, const char *uri, bool outgoing, struct error **err)
{
    *c = (struct channel){ .fd = -1 };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t length = strlen(kinds[i].name);

        if (strncmp(uri, kinds[i].name, length) == 0) {
            return kinds[i].open(c, uri + length, outgoing, err);
        }
    }
    error_set(err, "'%s' is no address to migrate to or from: there are tcp:host:port, unix:path, "
              "exec:command, fd:number and file:path", uri);
    return false;
}

static bool wait_for_command(pid_t pid, struct error **err)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        error_set(err, "the command was ended by signal %d", WTERMSIG(status));
    } else if (WEXITSTATUS(status)) {
        error_set(err, "the command failed with status %d", WEXITSTATUS(status));
    }
    return status == 0;
}

bool channel_close(struct channel *c, struct error **err)
{
    bool good = true;

    if (c->fd >= 0 && close(c->fd) < 0) {
        error_set_errno(err, errno, "cannot finish writing");
        good = false;
    }
    if (c->listening && c->unlink) {
        unlink(c->unlink);
    }
    if (c->pid) {
        good &= wait_for_command(c->pid, good ? err : NULL);
    }
    g_free(c->unlink);
    *c = (struct channel){ .fd = -1 };
    return good;
}
