/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /dev/nbdN: the kernel as a client of an export. */
#ifndef NBD_DEVICE_H
#define NBD_DEVICE_H

#include "base/error.h"
#include "nbd/server.h"

/* Opens the device and gives it a connection; false when the kernel will not. */
struct nbd_device *nbd_device_attach(const char *path, const struct nbd_server *server,
                                     struct error **err);
/* Serves until the device is detached, then frees. */
void nbd_device_run(struct nbd_device *d);
/* Ends whoever serves the device. */
bool nbd_device_detach(const char *path, struct error **err);

#endif
