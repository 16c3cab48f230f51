/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command line texts that describe a machine, as a machine_config. */
#include "hw/core/options.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bits.h"
#include "base/keyval.h"

#define RAM_LIMIT (1ull << 46)      /* what a host process can map */

void machine_config_init(struct machine_config *config)
{
    *config = (struct machine_config){
        .cpus = 1, .max_cpus = 1, .sockets = 1, .cores = 1, .threads = 1,
        .boot_splash_time = -1, .reboot_timeout = -1, .rtc_host_clock = true,
    };
}

/* --- memory and processors ------------------------------------------------------------------- */

static bool check_ram(struct machine_config *c, const char *text, uint64_t size,
                      struct error **err)
{
    if (size < 1 << 20 || size > RAM_LIMIT) {
        error_set(err, "'%s' is not a possible memory size (1M to %lluT)", text,
                  RAM_LIMIT >> 40);
        return false;
    }
    c->ram_size = align_up(size, 8192);
    return true;
}

/* "[size=]megs": a number without suffix is in megabytes. */
bool machine_config_memory(struct machine_config *c, const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("-m", text, "size", err);
    const char *size_text;
    uint64_t size = 0;
    bool good = false;

    if (!kv) {
        return false;
    }
    size_text = keyval_string(kv, "size", "");
    if (keyval_has(kv, "slots") || keyval_has(kv, "maxmem")) {
        error_set(err, "memory hotplug (slots=, maxmem=) is not available yet");
    } else if (!parse_size(size_text, 1 << 20, &size)) {
        error_set(err, "'%s' is not a memory size such as 512, 512M or 2G", size_text);
    } else {
        good = check_ram(c, size_text, size, err) && keyval_check(kv, err);
    }
    keyval_free(kv);
    return good;
}

static bool read_count(struct keyval *kv, const char *key, unsigned *value, struct error **err)
{
    uint64_t n = *value;

    if (!keyval_uint(kv, key, &n, err)) {
        return false;
    }
    if ((keyval_has(kv, key) && n == 0) || n > 1024) {
        error_set(err, "'%s=%s' is not a number of CPUs from 1 to 1024", key,
                  keyval_string(kv, key, ""));
        return false;
    }
    *value = n;
    return true;
}

/* What is not given follows from the rest; sockets take what is left over. */
bool machine_config_smp(struct machine_config *c, const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("-smp", text, "cpus", err);
    unsigned cpus = 0, max = 0, sockets = 0, cores = 0, threads = 0, dies = 1, clusters = 1;
    bool good;

    if (!kv) {
        return false;
    }
    good = read_count(kv, "cpus", &cpus, err) && read_count(kv, "maxcpus", &max, err) &&
        read_count(kv, "sockets", &sockets, err) && read_count(kv, "cores", &cores, err) &&
        read_count(kv, "threads", &threads, err) && read_count(kv, "dies", &dies, err) &&
        read_count(kv, "clusters", &clusters, err) && keyval_check(kv, err);
    keyval_free(kv);
    if (!good) {
        return false;
    }
    if (dies != 1 || clusters != 1) {
        error_set(err, "more than one die or cluster in a socket is not available");
        return false;
    }
    threads = threads ? threads : 1;
    if (!cores) {
        cores = sockets && (max || cpus) ? MAX_OF((max ? max : cpus) / (sockets * threads), 1) : 1;
    }
    if (!sockets) {
        sockets = max || cpus ? MAX_OF((max ? max : cpus) / (cores * threads), 1) : 1;
    }
    max = max ? max : MAX_OF(sockets * cores * threads, 1);
    cpus = cpus ? cpus : max;
    if (sockets * cores * threads != max || cpus > max) {
        error_set(err, "sockets (%u) * cores (%u) * threads (%u) is not maxcpus (%u), or is less "
                  "than the %u CPUs wanted", sockets, cores, threads, max, cpus);
        return false;
    }
    c->cpus = cpus;
    c->max_cpus = max;
    c->sockets = sockets;
    c->cores = cores;
    c->threads = threads;
    return true;
}

/* --- booting --------------------------------------------------------------------------------- */

static bool check_order(const char *order, struct error **err)
{
    unsigned seen = 0;

    for (const char *p = order; order && *p; p++) {
        if (*p < 'a' || *p > 'p') {
            error_set(err, "Invalid boot device '%c'", *p);
            return false;
        }
        if (seen >> (*p - 'a') & 1) {
            error_set(err, "Boot device '%c' was given twice", *p);
            return false;
        }
        seen |= 1u << (*p - 'a');
    }
    return true;
}

static bool read_time(struct keyval *kv, const char *key, int *value, struct error **err)
{
    uint64_t ms = 0;

    if (!keyval_uint(kv, key, &ms, err)) {
        return false;
    }
    if (ms > 0xffff) {
        error_set(err, "%s is in milliseconds, at most 65535", key);
        return false;
    }
    *value = keyval_has(kv, key) ? (int)ms : *value;
    return true;
}

bool machine_config_boot(struct machine_config *c, const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("-boot", text, "order", err);
    const char *order, *once;
    bool good;

    if (!kv) {
        return false;
    }
    order = keyval_string(kv, "order", NULL);
    once = keyval_string(kv, "once", NULL);
    good = check_order(order, err) && check_order(once, err) &&
        keyval_bool(kv, "menu", &c->boot_menu, err) &&
        keyval_bool(kv, "strict", &c->boot_strict, err) &&
        read_time(kv, "splash-time", &c->boot_splash_time, err) &&
        read_time(kv, "reboot-timeout", &c->reboot_timeout, err);
    if (good && keyval_has(kv, "splash")) {
        error_set(err, "a boot splash picture is not available yet");
        good = false;
    }
    good = good && keyval_check(kv, err);
    c->boot_order = order ? g_strdup(order) : c->boot_order;
    c->boot_once = once ? g_strdup(once) : c->boot_once;
    keyval_free(kv);
    return good;
}

bool machine_config_option_rom(struct machine_config *c, const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("-option-rom", text, "romfile", err);
    uint64_t index = 0;
    bool good;

    if (!kv) {
        return false;
    }
    good = keyval_uint(kv, "bootindex", &index, err);
    if (good && c->n_option_roms == MACHINE_OPTION_ROMS) {
        error_set(err, "Too many option ROMs");
        good = false;
    }
    if (good) {
        c->option_roms[c->n_option_roms++] = (struct machine_option_rom){
            g_strdup(keyval_string(kv, "romfile", "")),
            keyval_has(kv, "bootindex") ? (int)index : -1
        };
    }
    good = good && keyval_check(kv, err);
    keyval_free(kv);
    return good;
}

bool machine_config_smbios(struct machine_config *c, const char *text, struct error **err)
{
    unsigned n = 0;
    const char **list;

    while (c->smbios && c->smbios[n]) {
        n++;
    }
    list = g_renew(const char *, (gpointer)c->smbios, n + 2);
    list[n] = text;
    list[n + 1] = NULL;
    c->smbios = list;
    return true;
}

/* --- the clock ------------------------------------------------------------------------------- */

/* "2006-06-17T16:01:21" or "2006-06-17" */
static bool parse_date(const char *text, int64_t *seconds)
{
    struct tm tm = { 0 };
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

    if (!end) {
        tm = (struct tm){ 0 };
        end = strptime(text, "%Y-%m-%d", &tm);
    }
    if (!end || *end) {
        return false;
    }
    *seconds = timegm(&tm);
    return true;
}

static bool set_rtc_base(struct machine_config *c, const char *base, struct error **err)
{
    if (strcmp(base, "utc") == 0) {
        c->rtc_base = MACHINE_RTC_UTC;
    } else if (strcmp(base, "localtime") == 0) {
        c->rtc_base = MACHINE_RTC_LOCALTIME;
    } else if (parse_date(base, &c->rtc_start)) {
        c->rtc_base = MACHINE_RTC_DATE;
    } else {
        error_set(err, "invalid datetime format '%s'; valid are 'utc', 'localtime', "
                  "'2006-06-17T16:01:21' and '2006-06-17'", base);
        return false;
    }
    return true;
}

bool machine_config_rtc(struct machine_config *c, const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("-rtc", text, "base", err);
    const char *clock, *drift;
    bool good;

    if (!kv) {
        return false;
    }
    clock = keyval_string(kv, "clock", "host");
    drift = keyval_string(kv, "driftfix", "none");
    good = set_rtc_base(c, keyval_string(kv, "base", "utc"), err);
    c->rtc_host_clock = strcmp(clock, "host") == 0;
    c->fast_rtc_drift_fix = strcmp(drift, "slew") == 0;
    if (good && !c->rtc_host_clock && strcmp(clock, "vm") != 0 && strcmp(clock, "rt") != 0) {
        error_set(err, "invalid option value '%s' (clock is host, rt or vm)", clock);
        good = false;
    }
    if (good && !c->fast_rtc_drift_fix && strcmp(drift, "none") != 0) {
        error_set(err, "invalid option value '%s' (driftfix is slew or none)", drift);
        good = false;
    }
    good = good && keyval_check(kv, err);
    keyval_free(kv);
    return good;
}

/* --- identity -------------------------------------------------------------------------------- */

bool machine_config_uuid(struct machine_config *c, const char *text, struct error **err)
{
    static const uint8_t dashes[] = { 8, 13, 18, 23 };
    const char *p = text;

    if (strlen(text) != 36) {
        error_set(err, "failed to parse UUID string: wrong format");
        return false;
    }
    for (int i = 0; i < 36; i++) {
        if (memchr(dashes, i, sizeof(dashes)) ? text[i] != '-' : !g_ascii_isxdigit(text[i])) {
            error_set(err, "failed to parse UUID string: wrong format");
            return false;
        }
    }
    for (int i = 0; i < 16; i++) {
        p += *p == '-';
        c->uuid[i] = g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]);
        p += 2;
    }
    c->uuid_set = true;
    return true;
}

bool machine_config_vga(struct machine_config *c, const char *text, struct error **err)
{
    static const struct {
        const char *name;
        enum machine_vga vga;
    } adapters[] = {
        { "none", MACHINE_VGA_NONE }, { "std", MACHINE_VGA_STD }, { "cirrus", MACHINE_VGA_CIRRUS },
        { "vmware", MACHINE_VGA_VMWARE }, { "virtio", MACHINE_VGA_VIRTIO },
    };

    for (size_t i = 0; i < ARRAY_LEN(adapters); i++) {
        if (strcmp(adapters[i].name, text) == 0) {
            c->vga = adapters[i].vga;
            return true;
        }
    }
    error_set(err, "this display adapter is not available; there are std, cirrus, vmware, virtio "
              "and none");
    return false;
}
