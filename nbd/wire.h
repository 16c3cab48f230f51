/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Network Block Device protocol: its numbers (doc/proto.md of the NBD project) and a stream. */
#ifndef NBD_WIRE_H
#define NBD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define NBD_INIT_MAGIC 0x4e42444d41474943ull       /* "NBDMAGIC" */
#define NBD_OPTION_MAGIC 0x49484156454f5054ull     /* "IHAVEOPT" */
#define NBD_OLD_MAGIC 0x420281861253ull
#define NBD_REPLY_MAGIC 0x3e889045565a9ull         /* of an option */
#define NBD_REQUEST_MAGIC 0x25609513u
#define NBD_SIMPLE_MAGIC 0x67446698u
#define NBD_STRUCTURED_MAGIC 0x668e33efu
#define NBD_DEFAULT_PORT "10809"

enum { NBD_FIXED_NEWSTYLE = 1, NBD_NO_ZEROES = 2 };             /* of the handshake */
enum {
    NBD_OPT_EXPORT_NAME = 1, NBD_OPT_ABORT, NBD_OPT_LIST, NBD_OPT_STARTTLS = 5, NBD_OPT_INFO,
    NBD_OPT_GO, NBD_OPT_STRUCTURED_REPLY, NBD_OPT_LIST_META_CONTEXT, NBD_OPT_SET_META_CONTEXT
};
enum { NBD_REP_ACK = 1, NBD_REP_SERVER, NBD_REP_INFO, NBD_REP_META_CONTEXT };
#define NBD_REP_ERROR(n) (1u << 31 | (n))
enum {
    NBD_ERR_UNSUP = 1, NBD_ERR_POLICY, NBD_ERR_INVALID, NBD_ERR_PLATFORM, NBD_ERR_TLS_REQD,
    NBD_ERR_UNKNOWN, NBD_ERR_SHUTDOWN, NBD_ERR_BLOCK_SIZE_REQD, NBD_ERR_TOO_BIG
};
enum { NBD_INFO_EXPORT, NBD_INFO_NAME, NBD_INFO_DESCRIPTION, NBD_INFO_BLOCK_SIZE };
enum {
    NBD_HAS_FLAGS = 1, NBD_READ_ONLY = 2, NBD_SEND_FLUSH = 4, NBD_SEND_FUA = 8,
    NBD_ROTATIONAL = 16, NBD_SEND_TRIM = 32, NBD_SEND_ZEROES = 64, NBD_SEND_DF = 128,
    NBD_MULTI_CONN = 256, NBD_SEND_RESIZE = 512, NBD_SEND_CACHE = 1024, NBD_SEND_FAST_ZERO = 2048
};
enum {
    NBD_READ, NBD_WRITE, NBD_DISCONNECT, NBD_FLUSH, NBD_TRIM, NBD_CACHE, NBD_ZEROES,
    NBD_BLOCK_STATUS
};
enum { NBD_FUA = 1, NBD_NO_HOLE = 2, NBD_DF = 4, NBD_REQ_ONE = 8, NBD_FAST_ZERO = 16 };
enum {
    NBD_CHUNK_NONE, NBD_CHUNK_DATA, NBD_CHUNK_HOLE, NBD_CHUNK_STATUS = 5,
    NBD_CHUNK_ERROR = 32769, NBD_CHUNK_ERROR_OFFSET
};
#define NBD_CHUNK_DONE 1
enum { NBD_STATE_HOLE = 1, NBD_STATE_ZERO = 2 };                /* of base:allocation */

#define NBD_MAX_NAME 4096
#define NBD_MAX_PAYLOAD (32u << 20)
#define NBD_REQUEST_SIZE 28

struct tls_session;

/* One thread may read while another writes. */
struct nbd_stream {
    int fd;
    struct tls_session *tls;            /* NULL: plain */
};

/* All of it, or false: the other side is gone. */
bool nbd_recv(struct nbd_stream *s, void *data, size_t size);
bool nbd_recvv(struct nbd_stream *s, const struct iovec *iov, unsigned count);
bool nbd_send(struct nbd_stream *s, const void *data, size_t size);
bool nbd_sendv(struct nbd_stream *s, const struct iovec *iov, unsigned count);
/* Reads and forgets. */
bool nbd_skip(struct nbd_stream *s, uint64_t size);
/* Wakes a thread that reads; further reads and writes fail. */
void nbd_stream_shut(struct nbd_stream *s);
void nbd_stream_close(struct nbd_stream *s);
/* Between errno and the numbers of the protocol, which are Linux's. */
uint32_t nbd_error_of(int rc);
int nbd_errno_of(uint32_t error);

#endif
