/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of speed, see throttle.h. */
#include "block/throttle.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"

struct bucket {
    double level, burst_level;  /* units that have not drained */
    int64_t since;
};

struct throttle {
    char *group;
    unsigned users;             /* big lock */
    struct throttle *next;
    pthread_mutex_t lock;       /* of what follows */
    struct throttle_limits limits;
    struct bucket buckets[THROTTLE_KINDS];
};

static struct throttle *groups;

/* --- groups ---------------------------------------------------------------------------------- */

static struct throttle *join(const char *name)
{
    struct throttle *t = groups;

    while (t && strcmp(t->group, name) != 0) {
        t = t->next;
    }
    if (!t) {
        t = g_new0(struct throttle, 1);
        t->group = g_strdup(name);
        pthread_mutex_init(&t->lock, NULL);
        t->next = groups;
        groups = t;
    }
    t->users++;
    return t;
}

void throttle_release(struct throttle *throttle)
{
    struct throttle **link = &groups;

    if (!throttle || --throttle->users) {
        return;
    }
    while (*link != throttle) {
        link = &(*link)->next;
    }
    *link = throttle->next;
    pthread_mutex_destroy(&throttle->lock);
    g_free(throttle->group);
    g_free(throttle);
}

const char *throttle_group(const struct throttle *throttle)
{
    return throttle->group;
}

/* --- limits ---------------------------------------------------------------------------------- */

static bool any_limit(const struct throttle_limits *limits)
{
    for (int i = 0; i < THROTTLE_KINDS; i++) {
        if (limits->limit[i].average) {
            return true;
        }
    }
    return false;
}

bool throttle_check(const struct throttle_limits *limits, struct error **err)
{
    const struct throttle_limit *l = limits->limit;

    for (int i = 0; i < THROTTLE_KINDS; i += 3) {
        if ((l[i].average && (l[i + 1].average || l[i + 2].average)) ||
            (l[i].max && (l[i + 1].max || l[i + 2].max))) {
            error_set(err, "bps/iops/max total values and read/write values cannot be used at the "
                      "same time");
            return false;
        }
    }
    for (int i = 0; i < THROTTLE_KINDS; i++) {
        if (l[i].average > 1000000000000000ull || l[i].max > 1000000000000000ull) {
            error_set(err, "bps/iops/max values must be within [0, 1000000000000000]");
            return false;
        }
        if (l[i].max && (!l[i].average || l[i].max < l[i].average)) {
            error_set(err, l[i].average ? "bps_max/iops_max cannot be lower than bps/iops"
                      : "bps_max/iops_max require corresponding bps/iops values");
            return false;
        }
        if (l[i].length > 1 && !l[i].max) {
            error_set(err, "burst length set without burst rate");
            return false;
        }
    }
    return true;
}

/* The classic key and today's. */
static const struct { const char *classic, *name; } keys[THROTTLE_KINDS] = {
    { "bps", "bps-total" }, { "bps_rd", "bps-read" }, { "bps_wr", "bps-write" },
    { "iops", "iops-total" }, { "iops_rd", "iops-read" }, { "iops_wr", "iops-write" },
};

/* Both spellings with a suffix: "bps_max" and "throttling.bps-total-max". */
static bool read_number(struct keyval *kv, int kind, const char *suffix, uint64_t *value,
                        struct error **err)
{
    char *classic = g_strdup_printf(*suffix ? "%s_%s" : "%s%s", keys[kind].classic, suffix);
    char *name = g_strdup_printf(*suffix ? "throttling.%s-%s" : "throttling.%s%s", keys[kind].name,
                                 suffix);
    bool good = keyval_size(kv, classic, value, err) && keyval_size(kv, name, value, err);

    g_free(classic);
    g_free(name);
    return good;
}

static bool read_limits(struct throttle_limits *limits, struct keyval *kv, struct error **err)
{
    for (int i = 0; i < THROTTLE_KINDS; i++) {
        struct throttle_limit *l = &limits->limit[i];

        l->length = 1;
        if (!read_number(kv, i, "", &l->average, err) || !read_number(kv, i, "max", &l->max, err) ||
            !read_number(kv, i, "max-length", &l->length, err)) {
            return false;
        }
        if (l->length < 1 || l->length > 3600) {
            error_set(err, "the length of a burst is 1 to 3600 seconds");
            return false;
        }
    }
    return keyval_size(kv, "iops_size", &limits->iops_size, err) &&
        keyval_size(kv, "throttling.iops-size", &limits->iops_size, err) &&
        throttle_check(limits, err);
}

bool throttle_parse(struct throttle **throttle, struct keyval *kv, const char *id,
                    struct error **err)
{
    const char *group = keyval_string(kv, "group", keyval_string(kv, "throttling.group", NULL));
    struct throttle_limits limits = { 0 };

    if (!read_limits(&limits, kv, err)) {
        return false;
    }
    if (any_limit(&limits) || group) {
        *throttle = join(group ? group : id);
        if (any_limit(&limits)) {
            throttle_set(throttle, &limits, id);
        }
    }
    return true;
}

void throttle_set(struct throttle **throttle, const struct throttle_limits *limits,
                  const char *id)
{
    struct throttle *t = *throttle = *throttle ? *throttle : join(id);

    pthread_mutex_lock(&t->lock);
    t->limits = *limits;
    memset(t->buckets, 0, sizeof(t->buckets));
    pthread_mutex_unlock(&t->lock);
}

void throttle_get(struct throttle *throttle, struct throttle_limits *limits)
{
    pthread_mutex_lock(&throttle->lock);
    *limits = throttle->limits;
    pthread_mutex_unlock(&throttle->lock);
}

bool throttle_active(struct throttle *throttle)
{
    struct throttle_limits limits;

    if (throttle) {
        throttle_get(throttle, &limits);
    }
    return throttle && any_limit(&limits);
}

/* --- buckets --------------------------------------------------------------------------------- */

static void drain(const struct throttle_limit *l, struct bucket *b, int64_t now)
{
    double seconds = (now - b->since) / 1e9;

    b->level = MAX_OF(b->level - seconds * l->average, 0.0);
    b->burst_level = MAX_OF(b->burst_level - seconds * l->max, 0.0);
    b->since = now;
}

/* Without bursts a tenth of a second may be ahead. */
static double room(const struct throttle_limit *l)
{
    return l->max ? (double)l->max * l->length : l->average / 10.0;
}

static double wait_seconds(const struct throttle_limit *l, const struct bucket *b)
{
    double wait = (b->level - room(l)) / l->average;

    if (l->max && l->length > 1) {
        wait = MAX_OF(wait, (b->burst_level - l->max / 10.0) / l->max);
    }
    return wait;
}

static bool concerns(int kind, bool write)
{
    return kind % 3 == 0 || kind % 3 == (write ? 2 : 1);
}

static double units(const struct throttle *t, int kind, uint64_t size)
{
    if (kind < THROTTLE_IOPS) {
        return size;
    }
    return t->limits.iops_size && size > t->limits.iops_size ? (double)size / t->limits.iops_size
                                                             : 1;
}

static void count(struct throttle *t, bool write, uint64_t size)
{
    for (int i = 0; i < THROTTLE_KINDS; i++) {
        if (t->limits.limit[i].average && concerns(i, write)) {
            t->buckets[i].level += units(t, i, size);
            t->buckets[i].burst_level += units(t, i, size);
        }
    }
}

int64_t throttle_ask(struct throttle *throttle, bool write, uint64_t size, int64_t now)
{
    double wait = 0;

    pthread_mutex_lock(&throttle->lock);
    for (int i = 0; i < THROTTLE_KINDS; i++) {
        const struct throttle_limit *l = &throttle->limits.limit[i];

        if (l->average && concerns(i, write)) {
            drain(l, &throttle->buckets[i], now);
            wait = MAX_OF(wait, wait_seconds(l, &throttle->buckets[i]));
        }
    }
    if (wait <= 0) {
        count(throttle, write, size);
    }
    pthread_mutex_unlock(&throttle->lock);
    return wait <= 0 ? 0 : MAX_OF((int64_t)(MIN_OF(wait, 3600.0) * 1e9), 1000);
}

void throttle_count(struct throttle *throttle, bool write, uint64_t size, int64_t now)
{
    pthread_mutex_lock(&throttle->lock);
    count(throttle, write, size);
    pthread_mutex_unlock(&throttle->lock);
}
