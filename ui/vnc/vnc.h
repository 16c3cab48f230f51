/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VNC servers: opened from -vnc texts, steered and shown by the monitor. Big lock held. */
#ifndef UI_VNC_VNC_H
#define UI_VNC_VNC_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"

/* "host:display[,key=value]...", "unix:path", "none". After the machine's consoles are there. */
bool vnc_open(const char *option, struct error **err);
void vnc_close_all(void);
/* Where the first server listens: "127.0.0.1:5900"; NULL when there is none. To be freed. */
char *vnc_address(void);

/* The guest's name, for the title of viewers. */
void vnc_set_desktop_name(const char *name);
const char *vnc_desktop_name(void);
/* What the power buttons of clients do, with power-control=on. */
void vnc_on_power(void (*pressed)(bool reset));

/* `display` is the id of a server; NULL: the first. An empty password lets nobody in. */
bool vnc_set_password(const char *display, const char *password, struct error **err);
/* "now", "never", seconds since 1970, or +seconds from now. */
bool vnc_set_expiry(const char *display, const char *when, struct error **err);
/* Ends all connections. */
bool vnc_disconnect_all(const char *display, struct error **err);

/* What query-vnc and query-vnc-servers answer. */
struct json *vnc_query(void);
struct json *vnc_query_servers(void);

/* -object tls-creds-x509, tls-creds-anon and secret. */
bool vnc_is_object_type(const char *type);
bool vnc_add_object(const char *option, struct error **err);

#endif
