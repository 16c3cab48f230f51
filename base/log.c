/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The -d log. A recursive lock holds other threads off while a block of lines is written. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/trace.h"

uint32_t log_mask;

static const struct {
    uint32_t bit;
    const char *name, *help;
} bits[] = {
#define LOG_BIT(name, text, help) { LOG_##name, text, help },
    LOG_BITS(LOG_BIT)
#undef LOG_BIT
};

static pthread_mutex_t log_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static FILE *log_file;
static __thread unsigned depth;

FILE *log_stream(void)
{
    return log_file ? log_file : stderr;
}

void log_begin(void)
{
    pthread_mutex_lock(&log_lock);
    depth++;
}

void log_end(void)
{
    if (--depth == 0) {
        fflush(log_stream());
    }
    pthread_mutex_unlock(&log_lock);
}

void log_printf(const char *fmt, ...)
{
    va_list args;

    log_begin();
    va_start(args, fmt);
    vfprintf(log_stream(), fmt, args);
    va_end(args);
    log_end();
}

static void print_line(const char *fmt, va_list args)
{
    size_t length = strlen(fmt);

    log_begin();
    vfprintf(log_stream(), fmt, args);
    if (!length || fmt[length - 1] != '\n') {
        fputc('\n', log_stream());
    }
    log_end();
}

void log_guest_error(const char *fmt, ...)
{
    if (log_enabled(LOG_GUEST_ERRORS)) {
        va_list args;

        va_start(args, fmt);
        print_line(fmt, args);
        va_end(args);
    }
}

void log_unimp(const char *fmt, ...)
{
    if (log_enabled(LOG_UNIMP)) {
        va_list args;

        va_start(args, fmt);
        print_line(fmt, args);
        va_end(args);
    }
}

/* What "all" stands for: the subjects, not the switches that change how code is translated. */
#define LOG_SWITCHES (LOG_NOCHAIN | LOG_STRICT_FLAGS | LOG_ONE_INSN)

static bool bits_of_name(const char *name, uint32_t *mask, struct error **err)
{
    if (g_str_has_prefix(name, "trace:")) {
        return trace_enable(name + strlen("trace:"), err);
    }
    if (strcmp(name, "none") == 0) {
        return true;
    }
    if (strcmp(name, "all") == 0) {
        for (size_t i = 0; i < G_N_ELEMENTS(bits); i++) {
            *mask |= bits[i].bit & ~LOG_SWITCHES;
        }
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bits); i++) {
        if (strcmp(name, bits[i].name) == 0) {
            *mask |= bits[i].bit;
            return true;
        }
    }
    error_set(err, "unknown log item '%s' (-d help lists them)", name);
    return false;
}

bool log_set_mask_string(const char *text, struct error **err)
{
    char **names = g_strsplit(text, ",", -1);
    uint32_t mask = 0;
    bool good = true;

    for (char **name = names; good && *name; name++) {
        good = bits_of_name(*name, &mask, err);
    }
    g_strfreev(names);
    if (good) {
        log_mask = mask;
    }
    return good;
}

/* "%d" in the path becomes the process number; no other use of '%' has a meaning. */
static char *expand_path(const char *path)
{
    const char *mark = strstr(path, "%d");

    if (!mark) {
        return g_strdup(path);
    }
    return g_strdup_printf("%.*s%d%s", (int)(mark - path), path, (int)getpid(), mark + 2);
}

/* Away from the low descriptors, whose numbers a guest process sees, and not for its children. */
static FILE *open_high(const char *name)
{
    enum { HIGH = 500 };
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int high = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, HIGH) : -1;

    if (high >= 0) {
        close(fd);
        fd = high;
    }
    return fd >= 0 ? fdopen(fd, "w") : NULL;
}

bool log_set_file(const char *path, struct error **err)
{
    char *name = expand_path(path);
    FILE *file = open_high(name);

    if (!file) {
        error_set_errno(err, errno, "cannot open log file '%s'", name);
        g_free(name);
        return false;
    }
    g_free(name);
    log_begin();
    if (log_file) {
        fclose(log_file);
    }
    log_file = file;
    log_end();
    return true;
}

void log_print_help(FILE *out)
{
    fprintf(out, "Log items (comma separated):\n");
    for (size_t i = 0; i < G_N_ELEMENTS(bits); i++) {
        fprintf(out, "%-15s %s\n", bits[i].name, bits[i].help);
    }
    fprintf(out, "%-15s %s\n", "all", "every subject above");
    fprintf(out, "%-15s %s\n", "none", "nothing");
    fprintf(out, "%-15s %s\n", "trace:PATTERN", "trace points, as --trace does");
}
