/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-nbd: an image as an NBD export, or as a /dev/nbdN. One thread a client. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/version.h"
#include "block/image.h"
#include "char/address.h"
#include "crypto/object.h"
#include "nbd/client.h"
#include "nbd/device.h"
#include "nbd/server.h"

enum {
    OPT_OBJECT = 256, OPT_IMAGE_OPTS, OPT_TLS_CREDS, OPT_TLS_HOSTNAME, OPT_FORK, OPT_PID_FILE,
    OPT_CACHE, OPT_AIO, OPT_DISCARD, OPT_DETECT_ZEROES
};

struct settings {
    const char *image, *format, *snapshot_name, *device, *detach, *pid_file, *tls, *tls_host;
    const char *bind, *port, *path, *name, *description;
    uint64_t offset, partition, shared;
    unsigned flags;
    bool image_opts, readonly, snapshot, persistent, verbose, list, fork, depth;
    GPtrArray *bitmaps;
};

/* What the thread of a client and the main thread share. */
struct service {
    const struct settings *settings;
    struct nbd_server server;
    struct nbd_export export;
    pthread_mutex_t lock;
    unsigned clients;               /* now */
    bool had_client;
};

static int wake_pipe[2];            /* a byte: a client left, or a signal came */
static volatile sig_atomic_t stop;

static const char usage[] =
    "Usage: qemu-nbd [options] FILE\n"
    "   or: qemu-nbd -L [options]\n"
    "   or: qemu-nbd -d DEVICE\n"
    "QEMU disk network block device utility\n\n"
    "  -h, --help               this help\n"
    "  -V, --version            version information\n\n"
    "Connection:\n"
    "  -p, --port=PORT          port to listen on [10809]\n"
    "  -b, --bind=ADDRESS       interface to bind to [0.0.0.0]\n"
    "  -k, --socket=PATH        unix socket instead\n"
    "  -e, --shared=NUM         clients at the same time; 0: any number [1]\n"
    "  -t, --persistent         do not exit when the last client leaves\n"
    "  -v, --verbose            say why clients are refused\n"
    "  -x, --export-name=NAME   name of the export [\"\"]\n"
    "  -D, --description=TEXT   text about it\n"
    "  -L, --list               show what a server exports\n"
    "  --tls-creds=ID           use TLS with this --object tls-creds-...\n"
    "  --tls-hostname=NAME      with -L: what the server's certificate is for\n"
    "  --fork                   go to the background when clients can connect\n"
    "  --pid-file=PATH          write the process id there\n\n"
    "What is exported:\n"
    "  -f, --format=FORMAT      image format [guessed]\n"
    "  --image-opts             FILE is driver=...,file.filename=...\n"
    "  --object type,id=ID,...  secret, tls-creds-x509, tls-creds-anon, tls-creds-psk\n"
    "  -r, --read-only          no writes\n"
    "  -o, --offset=OFFSET      the image from this byte on\n"
    "  -P, --partition=NUM      one partition of an MBR (1 to 8)\n"
    "  -s, --snapshot           writes go to a temporary file\n"
    "  -l, --load-snapshot=NAME a snapshot in the image; or snapshot.id=ID, snapshot.name=NAME\n"
    "  -B, --bitmap=NAME        offer a dirty bitmap\n"
    "  -A, --allocation-depth   offer how deep in the backing chain data is\n"
    "  -n, --nocache  --cache=MODE  --aio=MODE  --discard=MODE  --detect-zeroes=MODE\n\n"
    "Kernel device:\n"
    "  -c, --connect=DEVICE     serve FILE as /dev/nbdN\n"
    "  -d, --disconnect         end that\n";

static const struct option long_options[] = {
    { "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
    { "port", required_argument, NULL, 'p' }, { "bind", required_argument, NULL, 'b' },
    { "socket", required_argument, NULL, 'k' }, { "shared", required_argument, NULL, 'e' },
    { "persistent", no_argument, NULL, 't' }, { "verbose", no_argument, NULL, 'v' },
    { "export-name", required_argument, NULL, 'x' },
    { "description", required_argument, NULL, 'D' }, { "list", no_argument, NULL, 'L' },
    { "format", required_argument, NULL, 'f' }, { "read-only", no_argument, NULL, 'r' },
    { "offset", required_argument, NULL, 'o' }, { "partition", required_argument, NULL, 'P' },
    { "snapshot", no_argument, NULL, 's' }, { "load-snapshot", required_argument, NULL, 'l' },
    { "bitmap", required_argument, NULL, 'B' }, { "allocation-depth", no_argument, NULL, 'A' },
    { "nocache", no_argument, NULL, 'n' }, { "connect", required_argument, NULL, 'c' },
    { "disconnect", no_argument, NULL, 'd' }, { "object", required_argument, NULL, OPT_OBJECT },
    { "image-opts", no_argument, NULL, OPT_IMAGE_OPTS },
    { "tls-creds", required_argument, NULL, OPT_TLS_CREDS },
    { "tls-hostname", required_argument, NULL, OPT_TLS_HOSTNAME },
    { "fork", no_argument, NULL, OPT_FORK }, { "pid-file", required_argument, NULL, OPT_PID_FILE },
    { "cache", required_argument, NULL, OPT_CACHE }, { "aio", required_argument, NULL, OPT_AIO },
    { "discard", required_argument, NULL, OPT_DISCARD },
    { "detect-zeroes", required_argument, NULL, OPT_DETECT_ZEROES }, { NULL }
};

/* --- options --------------------------------------------------------------------------------- */

static uint64_t number(const char *what, const char *text, uint64_t most)
{
    uint64_t value;

    if (!parse_size(text, 1, &value) || value > most) {
        error_exit("Invalid %s '%s'", what, text);
    }
    return value;
}

static void read_words(struct settings *s, int c, const char *word)
{
    static const char *const modes[] = { "none", "off", "writeback", "writethrough", "directsync",
                                         "unsafe", NULL };
    static const char *const aio[] = { "threads", "native", "io_uring", NULL };
    static const char *const discard[] = { "ignore", "off", "unmap", "on", NULL };
    static const char *const zeroes[] = { "off", "on", "unmap", NULL };
    static const unsigned cache_flags[] = { NODE_DIRECT, NODE_DIRECT, 0, NODE_STABLE,
                                            NODE_DIRECT | NODE_STABLE, NODE_NO_FLUSH };
    const char *const *words = c == OPT_CACHE ? modes : c == OPT_AIO ? aio
        : c == OPT_DISCARD ? discard : zeroes;
    unsigned n = 0;

    while (words[n] && strcmp(words[n], word) != 0) {
        n++;
    }
    if (!words[n]) {
        error_exit("Invalid %s mode '%s'", c == OPT_CACHE ? "cache" : c == OPT_AIO ? "aio"
                   : c == OPT_DISCARD ? "discard" : "detect-zeroes", word);
    }
    if (c == OPT_CACHE) {
        s->flags = (s->flags & ~(NODE_NO_FLUSH | NODE_DIRECT | NODE_STABLE)) | cache_flags[n];
    } else if (c == OPT_DISCARD) {
        s->flags = (s->flags & ~NODE_UNMAP) | (n >= 2 ? NODE_UNMAP : 0);
    }
}

static void read_option(struct settings *s, int c)
{
    struct error *err = NULL;

    switch (c) {
    case 'h': printf("%s", usage); exit(0);
    case 'V': printf("qemu-nbd version " QEMU_VERSION "\n"); exit(0);
    case 'p': s->port = optarg; number("port", optarg, 65535); break;
    case 'b': s->bind = optarg; break;
    case 'k': s->path = optarg; break;
    case 'e': s->shared = number("number of clients", optarg, 65535); break;
    case 't': s->persistent = true; break;
    case 'v': s->verbose = true; break;
    case 'x': s->name = optarg; break;
    case 'D': s->description = optarg; break;
    case 'L': s->list = true; break;
    case 'f': s->format = optarg; break;
    case 'r': s->readonly = true; break;
    case 'o': s->offset = number("offset", optarg, INT64_MAX); break;
    case 'P': s->partition = number("partition", optarg, 8); break;
    case 's': s->snapshot = true; break;
    case 'l': s->snapshot_name = optarg; break;
    case 'B': g_ptr_array_add(s->bitmaps, optarg); break;
    case 'A': s->depth = true; break;
    case 'n': read_words(s, OPT_CACHE, "none"); break;
    case 'c': s->device = optarg; break;
    case 'd': s->detach = ""; break;
    case OPT_OBJECT:
        if (!crypto_add_object(optarg, &err)) {
            error_exit_with(err);
        }
        break;
    case OPT_IMAGE_OPTS: s->image_opts = true; break;
    case OPT_TLS_CREDS: s->tls = optarg; break;
    case OPT_TLS_HOSTNAME: s->tls_host = optarg; break;
    case OPT_FORK: s->fork = true; break;
    case OPT_PID_FILE: s->pid_file = optarg; break;
    case OPT_CACHE: case OPT_AIO: case OPT_DISCARD: case OPT_DETECT_ZEROES:
        read_words(s, c, optarg);
        break;
    default:
        fprintf(stderr, "Try 'qemu-nbd --help' for more information.\n");
        exit(1);
    }
}

static void check_settings(struct settings *s, int words)
{
    if (s->path && (s->port || s->bind)) {
        error_exit("-k is a socket of its own; it does not go with -p and -b");
    }
    if (s->list && (words || s->device)) {
        error_exit("List mode is incompatible with a file name and with -c");
    }
    if (s->detach && !words) {
        error_exit("-d needs the device: qemu-nbd -d /dev/nbd0");
    }
    if (!s->list && words != 1) {
        error_exit(words ? "Unrecognized extra argument after the file name"
                   : "Expecting the name of an image; try 'qemu-nbd --help'");
    }
    if (s->device && (s->tls || s->list || s->path || s->port)) {
        error_exit("-c serves the kernel alone: no -L, -k, -p or TLS with it");
    }
    if (s->bitmaps->len > NBD_MAX_BITMAPS) {
        error_exit("-B can be given %d times", NBD_MAX_BITMAPS);
    }
    if (strlen(s->name) > NBD_MAX_NAME ||
        (s->description && strlen(s->description) > NBD_MAX_NAME)) {
        error_exit("The name or description of an export has at most %d bytes", NBD_MAX_NAME);
    }
}

/* --- the list of a server's exports ---------------------------------------------------------- */

static void print_flags(uint16_t flags)
{
    static const char *const names[] = { NULL, "readonly", "flush", "fua", "rotational", "trim",
                                         "zeroes", "df", "multi", "resize", "cache",
                                         "fast-zero" };

    printf("  flags: 0x%x (", flags);
    for (unsigned i = 1; i < ARRAY_LEN(names); i++) {
        printf("%s%s", flags & 1 << i ? " " : "", flags & 1 << i ? names[i] : "");
    }
    printf(" )\n");
}

static int list_exports(const struct settings *s, const struct nbd_target *target)
{
    struct error *err = NULL;
    size_t count;
    struct nbd_export_info *list = nbd_list(target, &count, &err);

    if (!list) {
        error_exit_with(err);
    }
    printf("exports available: %zu\n", count);
    for (size_t i = 0; i < count; i++) {
        const struct nbd_export_info *e = &list[i];

        printf(" export: '%s'\n", e->name);
        if (e->description && *e->description) {
            printf("  description: %s\n", e->description);
        }
        if (e->flags & NBD_HAS_FLAGS) {
            printf("  size:  %llu\n", (unsigned long long)e->size);
            print_flags(e->flags);
        }
        if (e->min_block) {
            printf("  min block: %u\n  opt block: %u\n  max block: %u\n", e->min_block,
                   e->best_block, e->max_block);
        }
        if (e->contexts && *e->contexts) {
            printf("  available meta contexts: %u\n", g_strv_length(e->contexts));
            for (char **c = e->contexts; *c; c++) {
                printf("   %s\n", *c);
            }
        }
        nbd_info_clear(&list[i]);
    }
    g_free(list);
    return 0;
}

/* --- the image ------------------------------------------------------------------------------- */

static struct block_node *open_image(const struct settings *s)
{
    unsigned flags = s->flags | (s->readonly || s->snapshot || s->snapshot_name
                                 ? NODE_READONLY : 0);
    struct error *err = NULL;
    struct block_node *node, *top;
    struct keyval *kv;

    if (s->image_opts && s->format) {
        error_exit("--image-opts and -f are mutually exclusive");
    }
    kv = s->image_opts ? keyval_parse("--image-opts", s->image, NULL, &err) : NULL;
    if (s->image_opts && !kv) {
        error_exit_with(err);
    }
    node = kv ? block_node_open_options(kv, flags, &err)
        : block_node_open(s->image, s->format, NULL, flags, &err);
    if (!node || (kv && !keyval_check(kv, &err))) {
        error_prepend(&err, "Failed to open '%s': ", s->image);
        error_exit_with(err);
    }
    if (node->probed && strcmp(node->driver->name, "raw") == 0 && !(flags & NODE_READONLY)) {
        error_warn("Image format was not specified for '%s' and probing guessed raw. Writes of "
                   "other formats' headers to block 0 will be refused; -f raw allows them.",
                   s->image);
    }
    if (s->snapshot_name) {
        const struct block_image_ops *ops = node->driver->image;
        const char *name = strchr(s->snapshot_name, '=');

        if (!ops || !ops->snapshot_show ||
            !ops->snapshot_show(node, name ? name + 1 : s->snapshot_name, &err)) {
            error_prepend(&err, "Failed to load snapshot: ");
            err ? error_exit_with(err) : error_exit("'%s' has no snapshots", s->image);
        }
    }
    if (s->snapshot) {
        top = block_overlay_create(node, &err);
        if (!top) {
            error_exit_with(err);
        }
        node = top;
    }
    keyval_free(kv);
    return node;
}

/* The bytes of one partition of a PC's partition table; 5 to 8 are in the extended one. */
static void find_partition(struct block_node *node, unsigned n, uint64_t *offset, uint64_t *size)
{
    uint64_t table = 0, extended = 0;
    unsigned logical = 4;
    uint8_t sector[512];

    for (unsigned tables = 0; tables < 64; tables++) {
        const uint8_t *e = NULL;

        if (block_node_pread(node, table, sector, sizeof(sector)) ||
            ld16_le(sector + 510) != 0xaa55) {
            break;
        }
        for (unsigned i = 0; i < 4; i++) {
            const uint8_t *p = sector + 446 + 16 * i;
            bool holds_more = p[4] == 5 || p[4] == 15 || p[4] == 0x85;
            unsigned number = table ? (p[4] && !holds_more ? ++logical : 0) : i + 1;

            if (number == n && p[4] && !holds_more) {
                *offset = (table + 512ull * ld32_le(p + 8));
                *size = 512ull * ld32_le(p + 12);
                return;
            }
            e = holds_more ? p : e;
        }
        if (!e) {
            break;
        }
        table = extended + 512ull * ld32_le(e + 8);
        extended = extended ? extended : table;
    }
    error_exit("Could not find partition %u", n);
}

/* -o and -P: a raw node over a part. */
static struct block_node *take_part(struct settings *s, struct block_node *node)
{
    struct keyval *kv = keyval_create("-o");
    uint64_t size = 0;
    struct error *err = NULL;
    char text[32];

    if (s->partition) {
        find_partition(node, s->partition, &s->offset, &size);
    }
    snprintf(text, sizeof(text), "%llu", (unsigned long long)s->offset);
    keyval_set(kv, "offset", text);
    if (size) {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)size);
        keyval_set(kv, "size", text);
    }
    node = block_node_open_on(node, "raw", kv, node->flags, &err);
    if (!node) {
        error_exit_with(err);
    }
    keyval_free(kv);
    return node;
}

static void check_bitmaps(const struct settings *s, const struct block_node *node)
{
    size_t count = 0;
    struct image_bitmap *list = NULL;

    if (s->bitmaps->len && node->driver->image && node->driver->image->bitmaps) {
        list = node->driver->image->bitmaps((struct block_node *)node, &count);
    }
    for (unsigned i = 0; i < s->bitmaps->len; i++) {
        size_t k = 0;

        while (k < count && strcmp(list[k].name, s->bitmaps->pdata[i]) != 0) {
            k++;
        }
        if (k == count || list[k].broken) {
            error_exit("Bitmap '%s' %s", (char *)s->bitmaps->pdata[i],
                       k == count ? "is not found" : "is inconsistent and cannot be used");
        }
    }
    image_bitmaps_free(list, count);
}

/* --- serving --------------------------------------------------------------------------------- */

static void wake(void)
{
    ssize_t n = write(wake_pipe[1], "", 1);

    (void)n;
}

static void on_signal(int signal_number)
{
    stop = 1;
    wake();
}

struct client {
    struct service *service;
    int fd;
};

static void *serve_client(void *opaque)
{
    struct client *c = opaque;
    struct service *service = c->service;

    nbd_serve(&service->server, c->fd);
    pthread_mutex_lock(&service->lock);
    service->clients--;
    pthread_mutex_unlock(&service->lock);
    wake();
    g_free(c);
    return NULL;
}

static void accept_client(struct service *service, int listener)
{
    struct client *c;
    pthread_t thread;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), on = 1;

    if (fd < 0) {
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c = g_new(struct client, 1);
    *c = (struct client){ service, fd };
    pthread_mutex_lock(&service->lock);
    service->clients++;
    service->had_client = true;
    pthread_mutex_unlock(&service->lock);
    if (pthread_create(&thread, NULL, serve_client, c) != 0) {
        close(fd);
        service->clients--;
        g_free(c);
        return;
    }
    pthread_detach(thread);
}

/* Until a signal, or the last client of a server that does not stay. */
static void serve(struct service *service, int listener)
{
    const struct settings *s = service->settings;
    char bytes[64];
    ssize_t n;

    for (;;) {
        struct pollfd fds[2] = { { wake_pipe[0], POLLIN }, { listener, POLLIN } };
        unsigned clients;

        pthread_mutex_lock(&service->lock);
        clients = service->clients;
        pthread_mutex_unlock(&service->lock);
        if (stop || (service->had_client && !clients && !s->persistent)) {
            return;
        }
        if (poll(fds, s->shared && clients >= s->shared ? 1 : 2, -1) < 0 && errno != EINTR) {
            error_exit("poll: %s", g_strerror(errno));
        }
        if (fds[0].revents) {
            n = read(wake_pipe[0], bytes, sizeof(bytes));
            (void)n;
        }
        if (fds[1].revents & POLLIN) {
            accept_client(service, listener);
        }
    }
}

static void write_pid(const char *path, pid_t pid)
{
    char *text = g_strdup_printf("%d\n", (int)pid);
    GError *why = NULL;

    if (!g_file_set_contents(path, text, -1, &why)) {
        error_exit("cannot write the pid file: %s", why->message);
    }
    g_free(text);
}

/*
 * --fork: the parent waits until clients can connect. Returns the descriptor to say so on; errors
 * before that go to the terminal and end the child, which the parent then passes on.
 */
static int go_to_background(void)
{
    int pipe_fds[2];
    pid_t pid;
    char byte;

    if (pipe2(pipe_fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        error_exit("cannot fork: %s", g_strerror(errno));
    }
    if (pid) {
        close(pipe_fds[1]);
        exit(read(pipe_fds[0], &byte, 1) == 1 ? 0 : 1);
    }
    setsid();
    close(pipe_fds[0]);
    return pipe_fds[1];
}

static void tell_parent(int fd)
{
    int null = open("/dev/null", O_RDWR);

    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    close(null);
    if (write(fd, "", 1) != 1) {
        exit(1);
    }
    close(fd);
}

static int listen_socket(const struct nbd_target *target)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    struct error *err = NULL;
    int fd;

    /* systemd made it already. */
    if (pid && count && atoi(pid) == getpid() && atoi(count) == 1) {
        return 3;
    }
    fd = socket_listen(&target->address, &err);
    if (fd < 0) {
        error_exit_with(err);
    }
    listen(fd, 128);
    return fd;
}

static void set_up_export(struct service *service, struct settings *s)
{
    struct nbd_export *e = &service->export;
    struct error *err = NULL;
    int64_t length;

    e->node = open_image(s);
    check_bitmaps(s, e->node);
    if (s->offset || s->partition) {
        e->node = take_part(s, e->node);
    }
    length = block_node_length(e->node);
    if (length < 0) {
        error_exit("The size of '%s' is not known: %s", s->image, g_strerror(-length));
    }
    e->size = length;
    e->name = (char *)s->name;
    e->description = (char *)s->description;
    e->readonly = e->node->flags & NODE_READONLY;
    e->depth = s->depth;
    if (s->bitmaps->len) {
        g_ptr_array_add(s->bitmaps, NULL);
        e->bitmaps = (char **)s->bitmaps->pdata;
    }
    service->server = (struct nbd_server){ .exports = e, .export_count = 1,
                                           .verbose = s->verbose };
    if (s->tls) {
        service->server.tls = tls_creds_find(s->tls, true, &err);
        if (!service->server.tls) {
            error_exit_with(err);
        }
    }
}

static int run_server(struct settings *s, const struct nbd_target *target)
{
    struct sigaction action = { .sa_handler = on_signal };
    struct service service = { .settings = s };
    int parent = s->fork ? go_to_background() : -1, listener;
    struct nbd_device *device = NULL;
    struct error *err = NULL;

    pthread_mutex_init(&service.lock, NULL);
    if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
        error_exit("no pipe: %s", g_strerror(errno));
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    set_up_export(&service, s);
    if (s->device) {
        device = nbd_device_attach(s->device, &service.server, &err);
        if (!device) {
            error_exit_with(err);
        }
        listener = -1;
    } else {
        listener = listen_socket(target);
    }
    if (s->pid_file) {
        write_pid(s->pid_file, getpid());
    }
    if (parent >= 0) {
        tell_parent(parent);
    }
    if (device) {
        nbd_device_run(device);
    } else {
        serve(&service, listener);
        close(listener);
        if (s->path) {
            unlink(s->path);
        }
    }
    /* Clients that a signal cut off may be in the middle of a request: it is not waited for. */
    if (service.clients) {
        block_node_flush(service.export.node);
    } else {
        block_node_close(service.export.node);
    }
    if (s->pid_file) {
        unlink(s->pid_file);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct settings s = { .name = "", .shared = 1, .bitmaps = g_ptr_array_new(),
                          .flags = NODE_UNMAP };
    struct nbd_target target = { 0 };
    struct error *err = NULL;
    int c;

    error_set_program("qemu-nbd");
    signal(SIGPIPE, SIG_IGN);
    while ((c = getopt_long(argc, argv, "hVb:o:p:P:rsnc:dvk:e:f:tl:x:D:B:AL", long_options,
                            NULL)) != -1) {
        read_option(&s, c);
    }
    check_settings(&s, argc - optind);
    s.image = argv[optind];
    if (s.detach) {
        if (!nbd_device_detach(s.image, &err)) {
            error_exit_with(err);
        }
        printf("%s disconnected\n", s.image);
        return 0;
    }
    target.address.path = (char *)s.path;
    target.address.host = (char *)(s.bind ? s.bind : s.list ? "localhost" : "0.0.0.0");
    target.address.port = (char *)(s.port ? s.port : NBD_DEFAULT_PORT);
    target.tls_host = (char *)s.tls_host;
    if (s.list) {
        target.tls = s.tls ? tls_creds_find(s.tls, false, &err) : NULL;
        if (err) {
            error_exit_with(err);
        }
        return list_exports(&s, &target);
    }
    return run_server(&s, &target);
}
