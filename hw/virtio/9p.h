/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The protocol 9P2000.L: messages in a buffer, and the server that answers them. */
#ifndef HW_VIRTIO_9P_H
#define HW_VIRTIO_9P_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/virtio/share.h"

enum { P9_HEADER = 7, P9_MESSAGE_MAX = 512 * 1024, P9_NAME_MAX = 256, P9_PATH_MAX = 4096 };

/* A request and its answer. Reading past the end gives zeroes and marks it as bad. */
struct p9_message {
    const uint8_t *in;
    size_t in_size, at;
    bool bad;
    uint8_t *out;
    size_t out_max, out_size;
};

uint64_t p9_get(struct p9_message *m, unsigned size);
/* A string without zero bytes that fits with its end into `size'. */
void p9_get_text(struct p9_message *m, char *text, size_t size);
/* The bytes of the request from here on, `size' of them; NULL if there are fewer. */
const uint8_t *p9_get_bytes(struct p9_message *m, size_t size);
void p9_put(struct p9_message *m, unsigned size, uint64_t value);
void p9_put_text(struct p9_message *m, const char *text, size_t size);
/* Room for bytes of the answer, NULL if there is none. */
uint8_t *p9_put_bytes(struct p9_message *m, size_t size);

struct p9_server {
    struct share *share;
    GHashTable *fids;                /* by number */
    unsigned open_files, open_max;
    uint32_t message_max;
};

void p9_init(struct p9_server *p, struct share *share);
/* Forgets all files: the driver was reset. */
void p9_reset(struct p9_server *p);
void p9_fini(struct p9_server *p);
bool p9_in_use(const struct p9_server *p);
/* Answers the request in m->in; m->out_size bytes come back, 0 when it is beyond answering. */
void p9_answer(struct p9_server *p, struct p9_message *m);

/* --- 9p-file.c: requests about open files ---------------------------------------------------- */

/* What the driver calls a file. */
struct p9_fid {
    char *path;
    int fd;                          /* -1 while it is not open */
    void *dir;                       /* DIR of an open folder */
    uint32_t uid;                    /* who attached */
};

struct p9_fid *p9_find(struct p9_server *p, struct p9_message *m);
void p9_close(struct p9_server *p, struct p9_fid *f);
void p9_put_qid(struct p9_server *p, struct p9_message *m, const struct stat *st);
/* Takes the descriptor; the rest of the answer to opening. */
int p9_opened(struct p9_server *p, struct p9_fid *f, int fd, struct p9_message *m);
/* Requests: 0, or a negative errno. */
int p9_open(struct p9_server *p, struct p9_message *m);
int p9_read(struct p9_server *p, struct p9_message *m);
int p9_write(struct p9_server *p, struct p9_message *m);
int p9_readdir(struct p9_server *p, struct p9_message *m);
int p9_fsync(struct p9_server *p, struct p9_message *m);

#endif
