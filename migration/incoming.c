/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The receiving side: -incoming. A thread reads the stream, the main thread puts it in place. */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/main-loop.h"
#include "block/drive.h"
#include "hw/core/run.h"
#include "migration/channel.h"
#include "migration/incoming.h"
#include "migration/machine.h"
#include "migration/migration.h"
#include "net.h"

static struct {
    bool waiting;                   /* the machine is not there yet */
    bool deferred;
    bool run;
    struct channel channel;
    struct main_loop_watch *watch;
    struct machine_load load;
    struct error *failure;
    pthread_t thread;
} in;

static void fail(struct error *err)
{
    error_prepend(&err, "-incoming: ");
    error_report_free(err);
    machine_quit(1);
}

/* From here on the machine is ours: the other side may forget it. */
static bool take_over(struct error **err)
{
    if (!machine_load_state(&in.load, err) || !block_activate_all(err)) {
        return false;
    }
    if (in.channel.answers && write(in.channel.fd, "", 1) != 1) {
        error_set_errno(err, errno, "cannot confirm to the other side");
        return false;
    }
    return true;
}

static void finish(void *opaque)
{
    struct error *err = NULL;

    pthread_join(in.thread, NULL);
    error_propagate(&err, in.failure);
    in.failure = NULL;
    if (err || !take_over(&err)) {
        machine_load_free(&in.load);
        channel_close(&in.channel, NULL);
        fail(err);
        return;
    }
    machine_load_free(&in.load);
    channel_close(&in.channel, NULL);
    in.waiting = false;
    net_announce();
    machine_end_load(in.run && machine_loaded_running());
}

static void *receive(void *opaque)
{
    struct stream s;

    stream_open_fd(&s, in.channel.fd, false, NULL);
    machine_load_stream(&s, &in.load, &in.failure);
    stream_close(&s);
    main_loop_call(finish, NULL);
    return NULL;
}

static bool start_thread(struct error **err)
{
    int failed = pthread_create(&in.thread, NULL, receive, NULL);

    if (failed) {
        error_set_errno(err, failed, "cannot start the thread that receives");
    }
    return failed == 0;
}

static void connected(void *opaque, int ready)
{
    struct error *err = NULL;

    main_loop_unwatch(in.watch);
    in.watch = NULL;
    if (!channel_accept(&in.channel, &err) || !start_thread(&err)) {
        fail(err);
    }
}

static bool listen_or_read(const char *uri, struct error **err)
{
    if (!channel_open(&in.channel, uri, false, err)) {
        return false;
    }
    if (!in.channel.listening) {
        return start_thread(err);
    }
    in.watch = main_loop_watch_fd(in.channel.fd, WATCH_READ, connected, NULL);
    return true;
}

bool migration_incoming_prepare(const char *uri, bool run, struct error **err)
{
    machine_begin_load();
    in.waiting = true;
    in.run = run;
    in.deferred = strcmp(uri, "defer") == 0;
    return in.deferred || listen_or_read(uri, err);
}

bool migration_incoming(const char *uri, struct error **err)
{
    if (!in.deferred) {
        error_set(err, in.waiting ? "The incoming migration has already been started"
                                  : "'-incoming' was not specified on the command line");
        return false;
    }
    if (!listen_or_read(uri, err)) {
        return false;
    }
    in.deferred = false;
    return true;
}

void migration_incoming_close(void)
{
    if (in.waiting && in.channel.listening) {
        main_loop_unwatch(in.watch);
        channel_close(&in.channel, NULL);
    }
}

bool migration_refuses(struct error **err)
{
    if (in.waiting) {
        error_set(err, "Guest is waiting for an incoming migration");
    }
    return in.waiting || migration_outgoing_refuses(err);
}
