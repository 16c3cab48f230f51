/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VNC servers: connections that come, the pace of looking at the console, and jobs for encoders. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "ui/vnc/internal.h"

#define BUSY_MS 25                 /* between looks while the picture changes */
#define IDLE_MS 200                /* and when it has long been the same */
#define IDLE_AFTER 20              /* looks in vain */
#define HANDSHAKE_SECONDS 30

struct vnc_server *vnc_servers;

/* --- the picture ------------------------------------------------------------------------------ */

static struct vnc_server *server_of(struct console_listener *listener)
{
    return container_of(listener, struct vnc_server, listener);
}

static bool can_anybody(const struct vnc_server *server, unsigned can)
{
    for (struct vnc_client *c = server->clients; c; c = c->next) {
        if (c->running && !c->closing && c->can & can) {
            return true;
        }
    }
    return false;
}

/* A client that asked, and that has taken what it was sent. */
static bool is_waiting(const struct vnc_client *c)
{
    return c->running && !c->closing && (c->requested || c->continuous) && c->class &&
        vnc_client_drained(c);
}

static bool anybody_waits(const struct vnc_server *server)
{
    for (struct vnc_client *c = server->clients; c; c = c->next) {
        if (is_waiting(c)) {
            return true;
        }
    }
    return false;
}

void vnc_set_pace(struct vnc_server *server)
{
    unsigned ms = server->idle_ticks < IDLE_AFTER ? BUSY_MS : IDLE_MS;

    /* Nobody looks, or nobody could be told: the guest may draw what it likes. */
    ms = server->busy || !anybody_waits(server) ? 0 : ms;
    if (ms != server->listener.interval_ms) {
        console_set_interval(&server->listener, ms);
    }
}

void vnc_wake(struct vnc_server *server)
{
    server->idle_ticks = 0;
    vnc_set_pace(server);
}

static void on_updated(struct console_listener *listener, int x, int y, int width, int height)
{
    vnc_frame_mark(&server_of(listener)->frame, x, y, width, height);
}

static void on_resized(struct console_listener *listener)
{
    server_of(listener)->resized = true;
}

static void tell_all(struct vnc_server *server, unsigned what)
{
    for (struct vnc_client *c = server->clients; c; c = c->next) {
        c->tell |= what;
    }
}

static void on_cursor(struct console_listener *listener, const struct console_cursor *cursor)
{
    struct vnc_server *server = server_of(listener);

    g_free(server->cursor_pixels);
    server->cursor_pixels = NULL;
    memset(&server->cursor, 0, sizeof(server->cursor));
    if (cursor) {
        server->cursor = *cursor;
        server->cursor_pixels = g_memdup2(cursor->pixels, (size_t)cursor->width * cursor->height *
                                          sizeof(*cursor->pixels));
        server->cursor.pixels = server->cursor_pixels;
    }
    tell_all(server, TELL_CURSOR);
}

/* A client of a fixed size keeps the old one; it gets what fits. */
static void use_new_size(struct vnc_server *server)
{
    pixman_image_t *image = console_surface(server->listener.con);
    unsigned width = (unsigned)MIN_OF(pixman_image_get_width(image), UINT16_MAX);
    unsigned height = (unsigned)MIN_OF(pixman_image_get_height(image), UINT16_MAX);

    server->resized = false;
    if (width == server->frame.width && height == server->frame.height) {
        /* Another picture, or another console: what is the same need not be sent. */
        memset(server->frame.dirty, 1, (size_t)server->frame.columns * server->frame.rows);
        return;
    }
    vnc_frame_resize(&server->frame, width, height);
    for (struct vnc_client *c = server->clients; c; c = c->next) {
        size_t tiles = (size_t)server->frame.columns * server->frame.rows;

        c->forced = g_realloc(c->forced, tiles);
        memset(c->forced, 0, tiles);
        c->forced_tiles = tiles;
        c->n_forced = 0;
        c->sent = 0;
        c->tell |= c->running ? TELL_SIZE : 0;
    }
}

/* Hands what clients wait for to the encoder. */
static void pump(struct vnc_server *server)
{
    for (struct vnc_client *c = server->clients; c; c = c->next) {
        if (is_waiting(c) && vnc_update_due(c)) {
            c->busy = true;
            vnc_compose_news(c);
            g_ptr_array_add(server->job, c);
        }
    }
    if (server->job->len) {
        vnc_encoder_give(server);
    }
    vnc_set_pace(server);
}

void vnc_look(struct vnc_server *server)
{
    if (!server->busy) {
        console_refresh(server->listener.con);
        if (server->resized) {
            use_new_size(server);
        }
    }
}

static void on_refreshed(struct console_listener *listener)
{
    struct vnc_server *server = server_of(listener);

    /* While the encoder works, changes wait in the marks of the next look. */
    if (server->busy) {
        return;
    }
    if (server->resized) {
        use_new_size(server);
        server->idle_ticks = 0;
    }
    if (vnc_frame_take(&server->frame, console_surface(listener->con),
                       can_anybody(server, CAN_COPYRECT))) {
        server->idle_ticks = 0;
    } else {
        server->idle_ticks++;
    }
    pump(server);
}

void vnc_reap(void *opaque)
{
    struct vnc_server *server = opaque;
    struct vnc_client *next;

    for (struct vnc_client *c = server->clients; c; c = next) {
        next = c->next;
        if (c->closing && !c->busy) {
            vnc_client_free(c);
        }
    }
}

void vnc_job_done(void *opaque)
{
    struct vnc_server *server = opaque;

    server->busy = false;
    for (guint i = 0; i < server->job->len; i++) {
        struct vnc_client *c = g_ptr_array_index(server->job, i);

        c->busy = false;
        if (c->job->len) {
            c->requested = false;
            vnc_send_all(c, &c->job);
        }
    }
    /* Flushing looks at waiting input, which may end connections. */
    for (guint i = 0; i < server->job->len; i++) {
        vnc_flush(g_ptr_array_index(server->job, i));
    }
    g_ptr_array_set_size(server->job, 0);
    vnc_reap(server);
    vnc_set_pace(server);
}

static void attach(struct vnc_server *server, struct console *con)
{
    on_cursor(&server->listener, NULL);
    console_listen(con, &server->listener);
    use_new_size(server);
}

void vnc_show_console(struct vnc_server *server, struct console *con)
{
    if (con == server->listener.con || server->fixed_console) {
        return;
    }
    console_unlisten(&server->listener);
    /* The frame may be the encoder's: its new size is taken with the next look. */
    on_cursor(&server->listener, NULL);
    console_listen(con, &server->listener);
    server->resized = true;
    vnc_wake(server);
}

/* --- news from the guest ---------------------------------------------------------------------- */

static void leds_changed(void *opaque, unsigned leds)
{
    struct vnc_server *server = opaque;

    /* The protocol's bits are those of our lamps: scroll, num, caps. */
    server->leds = leds;
    tell_all(server, TELL_LEDS);
    vnc_wake(server);
}

static void pointer_changed(void *opaque)
{
    struct vnc_server *server = opaque;

    for (struct vnc_client *c = server->clients; c; c = c->next) {
        if (c->absolute != input_pointer_absolute()) {
            c->absolute = !c->absolute;
            c->tell |= TELL_POINTER_MODE;
        }
    }
    vnc_wake(server);
}

/* --- connections ------------------------------------------------------------------------------ */

static void handshake_late(void *opaque)
{
    vnc_hang_up(opaque);
}

static void describe_peer(struct vnc_client *client)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";

    client->family = "unix";
    if (getpeername(client->fd, (struct sockaddr *)&address, &size) == 0 &&
        address.ss_family != AF_UNIX) {
        getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), service,
                    sizeof(service), NI_NUMERICHOST | NI_NUMERICSERV);
        client->family = address.ss_family == AF_INET6 ? "ipv6" : "ipv4";
    }
    client->host = g_strdup(host);
    client->service = g_strdup(service);
}

struct vnc_client *vnc_client_create(struct vnc_server *server, int fd, bool websocket)
{
    struct vnc_client *c = g_new0(struct vnc_client, 1);
    size_t tiles = (size_t)server->frame.columns * server->frame.rows;
    int on = 1;

    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    c->server = server;
    c->fd = fd;
    c->in = g_byte_array_new();
    c->out = g_byte_array_new();
    c->wire = g_byte_array_new();
    c->job = g_byte_array_new();
    c->forced = g_malloc0(tiles + 1);
    c->forced_tiles = tiles;
    c->format = vnc_native_format;
    c->absolute = input_pointer_absolute();
    describe_peer(c);
    c->next = server->clients;
    server->clients = c;
    server->n_clients++;
    timer_init(&c->deadline, CLOCK_HOST, handshake_late, c);
    timer_set(&c->deadline, clock_ns(CLOCK_HOST) + HANDSHAKE_SECONDS * NS_PER_SECOND);
    c->phase = PHASE_RFB;
    if (websocket) {
        c->websocket = g_new0(struct vnc_websocket, 1);
        c->websocket->control = g_byte_array_new();
        c->phase = PHASE_HTTP;
    }
    if (websocket && server->credentials) {
        vnc_start_tls(c);
    } else if (!websocket) {
        vnc_client_event(c, "VNC_CONNECTED");
        vnc_greet(c);
    }
    vnc_flush(c);
    return c;
}

static void accept_ready(void *opaque, int ready)
{
    struct vnc_listener *l = opaque;
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        return;
    }
    if (l->server->n_clients >= l->server->connections) {
        close(fd);
        return;
    }
    vnc_client_create(l->server, fd, l->websocket);
}

/* --- life ------------------------------------------------------------------------------------- */

static void start_listening(struct vnc_server *server)
{
    for (unsigned i = 0; i < server->n_listeners; i++) {
        struct vnc_listener *l = &server->listeners[i];

        l->server = server;
        fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) | O_NONBLOCK);
        l->watch = main_loop_watch_fd(l->fd, WATCH_READ, accept_ready, l);
    }
}

bool vnc_server_start(struct vnc_server *server, struct console *con, struct error **err)
{
    struct vnc_server **last = &vnc_servers;

    server->job = g_ptr_array_new();
    if (!vnc_encoder_start(server, err)) {
        return false;
    }
    server->listener = (struct console_listener){
        .updated = on_updated, .resized = on_resized, .cursor_set = on_cursor,
        .refreshed = on_refreshed,
    };
    server->leds = input_leds();
    attach(server, con);
    input_on_leds(leds_changed, server);
    input_on_pointer(pointer_changed, server);
    while (*last) {
        last = &(*last)->next;
    }
    *last = server;
    start_listening(server);
    return true;
}

static void close_server(struct vnc_server *server)
{
    for (unsigned i = 0; i < server->n_listeners; i++) {
        main_loop_unwatch(server->listeners[i].watch);
        close(server->listeners[i].fd);
        if (server->listeners[i].path) {
            unlink(server->listeners[i].path);
        }
    }
    vnc_encoder_stop(server);
    for (struct vnc_client *c = server->clients; c; c = c->next) {
        shutdown(c->fd, SHUT_RDWR);
        close(c->fd);
    }
}

/* At the end of the process: memory goes with it. */
void vnc_close_all(void)
{
    for (struct vnc_server *s = vnc_servers; s; s = s->next) {
        close_server(s);
    }
    vnc_servers = NULL;
}
