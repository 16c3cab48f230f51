/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The structures of sockets as field tables. */
#include <linux/filter.h>
#include <stddef.h>
#include <sys/socket.h>

#include "linux-user/syscalls/thunk.h"

#define F THUNK_F
#define TABLE THUNK_TABLE

#define T struct msghdr
TABLE(msghdr, F(PTR, msg_name), F(U32, msg_namelen), F(PTR, msg_iov), F(ULONG, msg_iovlen),
      F(PTR, msg_control), F(ULONG, msg_controllen), F(S32, msg_flags))
#undef T
#define T struct sock_fprog
TABLE(sock_fprog, F(U16, len), F(PTR, filter))
#undef T
