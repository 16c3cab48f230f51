/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the VNC server.
 *
 * The main thread, under the big lock, copies what changed on the console into the server's shadow
 * picture and gives every changed tile a new version. A job then goes to the encoder thread, which
 * owns shadow, tiles, encodings and the `job` part of clients until the job is back; so the guest
 * never waits for an encoder. Each tile is encoded once for all clients that want the same
 * encoding, pixel format and quality. A client gets its next update when the last one is written,
 * so a slow one holds up nobody and no memory grows.
 */
#ifndef UI_VNC_INTERNAL_H
#define UI_VNC_INTERNAL_H

#include <glib.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/keyval.h"
#include "base/main-loop.h"
#include "base/clock.h"
#include "console.h"
#include "crypto/tls.h"
#include "ui/vnc/vnc.h"

#define TILE 64                    /* pixels, square */
#define VNC_PIXELS_BEHIND 16       /* a tile's may be read, whatever they are */
#define VNC_PASSWORD_MAX 8         /* of the DES challenge */
#define VNC_CLIENTS_MAX 512
#define VNC_CUT_TEXT_MAX (1u << 20)

/* Encodings, RFC 6143 7.7 and the registry of the RFB community. */
enum {
    ENC_RAW = 0, ENC_COPYRECT = 1, ENC_HEXTILE = 5, ENC_ZLIB = 6, ENC_TIGHT = 7, ENC_ZRLE = 16,
    ENC_QUALITY_0 = -32, ENC_QUALITY_9 = -23, ENC_DESKTOP_SIZE = -223, ENC_LAST_RECT = -224,
    ENC_CURSOR = -239, ENC_COMPRESS_0 = -256, ENC_COMPRESS_9 = -247, ENC_POINTER_MODE = -257,
    ENC_EXT_KEY = -258, ENC_TIGHT_PNG = -260, ENC_LED_STATE = -261, ENC_DESKTOP_NAME = -307,
    ENC_EXT_DESKTOP_SIZE = -308, ENC_XVP = -309, ENC_FENCE = -312, ENC_CONTINUOUS = -313,
    ENC_ALPHA_CURSOR = -314,
};

/* What a client has said it can take, one bit each. */
enum {
    CAN_COPYRECT = 1 << 0, CAN_DESKTOP_SIZE = 1 << 1, CAN_EXT_DESKTOP_SIZE = 1 << 2,
    CAN_CURSOR = 1 << 3, CAN_ALPHA_CURSOR = 1 << 4, CAN_POINTER_MODE = 1 << 5,
    CAN_EXT_KEY = 1 << 6, CAN_LED_STATE = 1 << 7, CAN_DESKTOP_NAME = 1 << 8, CAN_FENCE = 1 << 9,
    CAN_CONTINUOUS = 1 << 10, CAN_LAST_RECT = 1 << 11, CAN_XVP = 1 << 12,
};

/* Things to tell a client with its next update. */
enum {
    TELL_SIZE = 1, TELL_CURSOR = 2, TELL_POINTER_MODE = 4, TELL_EXT_KEY = 8, TELL_LEDS = 16,
    TELL_NAME = 32
};

struct box {
    uint16_t x, y, width, height;
};

/* --- pixel formats --------------------------------------------------------------------------- */

struct vnc_format {
    uint8_t bits, depth;           /* bits: 8, 16 or 32 */
    bool big_endian, true_color;
    uint16_t max[3];               /* red, green, blue */
    uint8_t shift[3];
};

/* How pixels go into a compressed encoding. */
enum vnc_packing { PACK_PLAIN, PACK_LOW_3, PACK_HIGH_3, PACK_RGB };

extern const struct vnc_format vnc_native_format;
bool vnc_format_read(struct vnc_format *format, const uint8_t *bytes);
void vnc_format_write(const struct vnc_format *format, uint8_t *bytes);
/* Whether values are x8r8g8b8 themselves. */
bool vnc_format_is_native(const struct vnc_format *format);
/* A row of x8r8g8b8 to values of the format. */
void vnc_format_convert(const struct vnc_format *format, const uint32_t *from, uint32_t *to,
                        size_t count);
enum vnc_packing vnc_format_zrle_packing(const struct vnc_format *format);
enum vnc_packing vnc_format_tight_packing(const struct vnc_format *format);
unsigned vnc_packed_bytes(const struct vnc_format *format, enum vnc_packing packing);
void vnc_put_pixels(GByteArray *out, const struct vnc_format *format, enum vnc_packing packing,
                    const uint32_t *values, size_t count);

/* --- encoders -------------------------------------------------------------------------------- */

/* One tile in one encoding. Deflated data names its stream: it is independent of what went over it
 * before, but the first of a connection needs the stream's header in front. */
struct vnc_blob {
    uint32_t version;              /* of the tile; 0: none */
    struct box box;                /* within the picture */
    int32_t encoding;
    int stream;                    /* -1: `head` is all */
    bool compact_length;           /* tight's; else 32 bits */
    GByteArray *head, *body;
};

/* Clients that take the same bytes share one. */
struct vnc_class {
    int32_t encoding;
    struct vnc_format format;
    int quality, compression;      /* -1: not asked for */
    bool png;                      /* tight with PNG instead of zlib */
    unsigned clients;
    struct vnc_blob *partial, *full;   /* a pair for each tile */
    size_t tiles;
    void *deflate;                 /* z_stream */
    int deflate_level;
    GByteArray *scratch;
    struct vnc_class *next;
};

/* The pixels of a tile in the class's format, without gaps. */
struct vnc_tile_pixels {
    const uint32_t *values;
    const uint32_t *rgb;           /* the same as x8r8g8b8 */
    unsigned width, height;
    bool solid;
};

typedef void vnc_encode(struct vnc_class *class, const struct vnc_tile_pixels *tile,
                        struct vnc_blob *blob);
vnc_encode vnc_encode_raw, vnc_encode_hextile, vnc_encode_zlib, vnc_encode_tight, vnc_encode_zrle;

/* Raw deflate data that ends on a byte and refers to nothing before it. */
void vnc_deflate(struct vnc_class *class, const uint8_t *data, size_t size, int level,
                 GByteArray *out);
bool vnc_jpeg(GByteArray *out, const struct vnc_tile_pixels *tile, int quality);
bool vnc_png(GByteArray *out, const struct vnc_tile_pixels *tile, int level);
bool vnc_can_jpeg(void);
bool vnc_can_png(void);

/* The colours of a tile, at most `limit`; 0 when there are more. */
struct vnc_palette {
    unsigned count;
    uint32_t colors[256];
    uint16_t table[1024];
};
unsigned vnc_palette_make(struct vnc_palette *palette, const uint32_t *values, size_t count,
                          unsigned limit);
/* The color must be there. */
unsigned vnc_palette_find(const struct vnc_palette *palette, uint32_t color);

struct vnc_class *vnc_class_get(struct vnc_class **list, int32_t encoding,
                                const struct vnc_format *format, int quality, int compression,
                                bool png);
void vnc_class_put(struct vnc_class **list, struct vnc_class *class);

/* --- the picture ----------------------------------------------------------------------------- */

struct vnc_tile {
    uint32_t version, before;      /* now, and when it was last something else */
    struct box changed;            /* since `before` */
    struct box residue;            /* of the last copy: what is different after it; may be empty */
    bool copied;                   /* `version` came with the frame's copy */
};

/* A vertical scroll found between two frames. */
struct vnc_copy {
    struct box to;
    uint16_t from_y;
    uint32_t version, before;      /* a client that has all of `before` may take it */
};

/* Of a tile while its row is taken. */
struct vnc_span {
    bool looked_at;
    unsigned first, last, top, bottom;    /* what changed; first > last: nothing */
};

struct vnc_frame {
    unsigned width, height, columns, rows;
    uint32_t *pixels;              /* x8r8g8b8, width a line; bits 24 to 31 are 0 */
    uint64_t *rows_hash;           /* of `pixels`, by line; for finding scrolls */
    bool hashed;
    uint8_t *dirty;                /* per tile: the console reported a change */
    struct vnc_tile *tiles;
    struct vnc_span *spans;        /* per column */
    uint32_t version;              /* of the newest change */
    struct vnc_copy copy;          /* `version` 0: none */
};

void vnc_frame_resize(struct vnc_frame *frame, unsigned width, unsigned height);
void vnc_frame_free(struct vnc_frame *frame);
void vnc_frame_mark(struct vnc_frame *frame, int x, int y, int width, int height);
/* Takes what changed from the console; true if anything did. `scrolls`: look for them, too. */
bool vnc_frame_take(struct vnc_frame *frame, pixman_image_t *image, bool scrolls);
struct box vnc_frame_tile_box(const struct vnc_frame *frame, size_t tile);

/* --- transport ------------------------------------------------------------------------------- */

/* The way of RFC 6455 frames into plain bytes. */
struct vnc_websocket {
    uint8_t header[14];
    unsigned have;
    uint64_t left;                 /* of the payload */
    uint8_t mask[4];
    unsigned mask_at;
    uint8_t opcode;
    bool closed;
    GByteArray *control;           /* payload of a ping */
};
/* The answer to a request that is complete, or NULL if more is needed; *good says if it goes on. */
char *vnc_websocket_answer(GByteArray *request, bool *good);
/* Appends payload to `out` and pongs to `reply`; false on a violation. */
bool vnc_websocket_decode(struct vnc_websocket *ws, const uint8_t *data, size_t size,
                          GByteArray *out, GByteArray *reply);
void vnc_websocket_frame(GByteArray *out, uint8_t opcode, const uint8_t *data, size_t size);

/* DES of the classic challenge. */
void vnc_answer_challenge(const char *password, const uint8_t *challenge, uint8_t *answer);

/* --- clients --------------------------------------------------------------------------------- */

struct vnc_client;
/* Takes a message from the front of the input: its size, 0 when more is needed, -1 to hang up. */
typedef ssize_t vnc_handler(struct vnc_client *client, const uint8_t *data, size_t size);

/* What the bytes from the socket are. */
enum vnc_phase { PHASE_TLS, PHASE_HTTP, PHASE_RFB };

struct vnc_client {
    struct vnc_server *server;
    struct vnc_client *next;
    int fd;
    struct main_loop_watch *watch;
    enum vnc_phase phase;
    struct tls_session *tls;
    char *tls_name;                /* in the client's certificate, or NULL */
    struct vnc_websocket *websocket;
    GByteArray *in;
    GByteArray *out;               /* RFB bytes to send */
    GByteArray *wire;              /* the same as it goes to the socket, from wire_at on */
    size_t wire_at;
    vnc_handler *handler;
    uint32_t skip;                 /* bytes of a text that nobody wants */
    bool closing;                  /* freed when the job is back */
    struct timer deadline;         /* for the handshake */

    char *host, *service;
    const char *family;
    int minor;                     /* of the protocol version: 3, 7 or 8 */
    uint8_t security, challenge[16];
    uint32_t vencrypt;
    bool shared, running;          /* running: the handshake is over */

    struct vnc_format format;
    int32_t encoding;
    int quality, compression;      /* -1: not asked for */
    struct vnc_class *class;
    unsigned width, height;        /* of the picture, as last told */
    unsigned can, tell;
    bool requested;                /* an update may be sent */
    bool continuous;
    bool size_asked;               /* the answer to a wish is due; its status: */
    uint8_t size_status;
    bool absolute;                 /* as last told */
    unsigned buttons;
    uint8_t keys_down[INPUT_KEY_COUNT];

    /* The encoder's while `busy`; no message of the client is looked at then. */
    bool busy;
    bool job_picture;              /* tiles go with it */
    unsigned job_rects;
    guint job_start;               /* of the update in `job` */
    uint32_t sent;                 /* it has all tiles as of this version; 0: none */
    uint8_t *forced;               /* tiles to send in any case */
    size_t n_forced, forced_tiles; /* how many are set, and the size of the array */
    unsigned streams_open;         /* bits: deflate streams whose header was sent */
    GByteArray *job;               /* what it has made */
};

enum vnc_sharing { SHARE_ALLOW_EXCLUSIVE, SHARE_FORCE_SHARED, SHARE_IGNORE };

struct vnc_listener {
    int fd;
    bool websocket;
    char *path;                    /* to unlink */
    char *host, *service;
    const char *family;
    struct main_loop_watch *watch;
    struct vnc_server *server;
};

struct vnc_server {
    char *id;
    struct console_listener listener;
    struct vnc_listener *listeners;
    unsigned n_listeners;
    struct tls_creds *credentials;
    bool password_wanted;
    char *password;
    int64_t password_expires;      /* seconds since 1970; INT64_MAX: never */
    enum vnc_sharing sharing;
    bool lossy, power_control, fixed_console;
    int reverse_fd;                /* a viewer that we called, or -1 */
    unsigned connections;          /* at most that many */
    struct vnc_client *clients;
    unsigned n_clients;
    bool resized, busy;
    unsigned idle_ticks;
    struct vnc_frame frame;
    struct vnc_class *classes;
    struct console_cursor cursor;  /* pixels: our own copy; width 0: hidden */
    uint32_t *cursor_pixels;
    unsigned leds;
    GPtrArray *job;                /* the clients it is for */
    pthread_t thread;
    pthread_mutex_t mutex;         /* of the two below */
    pthread_cond_t cond;
    bool job_given, quit;
    struct vnc_server *next;
};

extern struct vnc_server *vnc_servers;
struct vnc_server *vnc_server_find(const char *id, struct error **err);

/* info.c: what is on the air about both ends */
struct json *vnc_describe_server(const struct vnc_server *server, bool websocket);
struct json *vnc_describe_client(const struct vnc_client *client);

/* options.c */
bool vnc_listen_on(struct vnc_server *server, const char *address, struct keyval *kv,
                   struct error **err);
/* server.c */
struct vnc_client *vnc_client_create(struct vnc_server *server, int fd, bool websocket);
bool vnc_server_start(struct vnc_server *server, struct console *con, struct error **err);
/* Frees the clients that hung up and that the encoder does not work for. */
void vnc_reap(void *server);
/* Learns the size of the picture as it is now, which may be old while nobody looks. */
void vnc_look(struct vnc_server *server);
/* The user did something: look at the picture soon. */
void vnc_wake(struct vnc_server *server);
void vnc_show_console(struct vnc_server *server, struct console *con);
/* Somebody came, went, asked or was served: how often to look. */
void vnc_set_pace(struct vnc_server *server);

/* encoder.c */
bool vnc_encoder_start(struct vnc_server *server, struct error **err);
void vnc_encoder_stop(struct vnc_server *server);
/* Serves the clients of server->job; then vnc_job_done() is called on the main thread. */
void vnc_encoder_give(struct vnc_server *server);
void vnc_job_done(void *server);

/* news.c */
/* Something to tell, or tiles that are newer than the client's. */
bool vnc_update_due(const struct vnc_client *client);
/* Starts an update in client->job with what the client is to be told; on the main thread. */
void vnc_compose_news(struct vnc_client *client);
void vnc_put_box(GByteArray *out, const struct box *box, int32_t encoding);

/* client.c */
void vnc_send(struct vnc_client *client, const void *data, size_t size);
/* Sends what the array holds, and leaves an empty one. */
void vnc_send_all(struct vnc_client *client, GByteArray **array);
void vnc_send8(struct vnc_client *client, uint8_t value);
void vnc_send32(struct vnc_client *client, uint32_t value);
/* Tries to write; sets up the watch. */
void vnc_flush(struct vnc_client *client);
/* Ends the connection soon. */
void vnc_hang_up(struct vnc_client *client);
void vnc_client_free(struct vnc_client *client);
bool vnc_client_drained(const struct vnc_client *client);
void vnc_client_event(struct vnc_client *client, const char *name);
void vnc_start_tls(struct vnc_client *client);

/* handshake.c */
vnc_handler vnc_read_version;
void vnc_greet(struct vnc_client *client);
/* The TLS of VeNCrypt stands. */
void vnc_tls_established(struct vnc_client *client);
const char *vnc_auth_name(const struct vnc_server *server);
const char *vnc_vencrypt_name(const struct vnc_server *server);

/* messages.c */
vnc_handler vnc_read_message;
void vnc_release_keys(struct vnc_client *client);
void vnc_choose_class(struct vnc_client *client);

/* keys.c */
void vnc_key(struct vnc_client *client, uint32_t keysym, enum input_key key, bool down);
void vnc_pointer(struct vnc_client *client, unsigned buttons, unsigned x, unsigned y);

static inline void put8(GByteArray *out, uint8_t value)
{
    g_byte_array_append(out, &value, 1);
}

static inline void put16(GByteArray *out, uint16_t value)
{
    uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };
    g_byte_array_append(out, bytes, 2);
}

static inline void put32(GByteArray *out, uint32_t value)
{
    uint8_t bytes[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                         (uint8_t)value };
    g_byte_array_append(out, bytes, 4);
}

static inline uint16_t get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t get32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

#endif
