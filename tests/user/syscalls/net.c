/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets: streams, datagrams, options, descriptors and credentials passed along. */
#include "check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

static void streams(void)
{
    int s = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), a;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    char buf[32] = "";

    R(bind(s, (struct sockaddr *)&in, sizeof(in)));
    R(listen(s, 5));
    R(getsockname(s, (struct sockaddr *)&in, &len));
    V(len);
    V(in.sin_family);
    V(in.sin_port != 0);
    R(connect(c, (struct sockaddr *)&in, sizeof(in)));
    len = 5;
    a = accept(s, (struct sockaddr *)&in, &len);
    V(len);
    R(send(c, "hello", 5, 0));
    R(recv(a, buf, 3, MSG_PEEK));
    R(recv(a, buf, 32, 0));
    S(buf);
    len = sizeof(in);
    R(getpeername(c, (struct sockaddr *)&in, &len));
    R(getpeername(s, (struct sockaddr *)&in, &len));
    R(shutdown(c, SHUT_WR));
    R(recv(a, buf, 32, 0));
    R(recv(a, BAD, 32, 0));
    R(send(a, BAD, 32, 0));
    R(accept4(s, NULL, NULL, 0x7777));
    R(fcntl(s, F_SETFL, O_NONBLOCK));
    R(accept(s, NULL, NULL));
    R(accept(1, NULL, NULL));
    R(connect(c, BAD, 16));
    R(connect(c, (struct sockaddr *)&in, -1));
    R(bind(s, (struct sockaddr *)&in, 3));
    R(socket(99, 0, 0));
    R(socket(AF_INET, SOCK_STREAM, 999));
    R(getsockname(s, (struct sockaddr *)&in, BAD));
}

static void options(void)
{
    int s = socket(AF_INET, SOCK_STREAM, 0), v = 1;
    struct timeval t = {3, 500000};
    struct linger l = {1, 5};
    struct sock_filter code = {BPF_RET | BPF_K, 0, 0, 100};
    struct sock_fprog filter = {1, &code};
    socklen_t len = sizeof(v);
    struct ifreq ifr = {.ifr_name = "lo"};
    struct ifreq list[8];
    struct ifconf conf = {.ifc_len = sizeof(list), .ifc_req = list};

    R(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, sizeof(v)));
    v = 0;
    R(getsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, &len));
    V(v);
    V(len);
    R(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, &len));
    V(v);
    R(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
    memset(&t, 0, sizeof(t));
    len = sizeof(t);
    R(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, &len));
    V(t.tv_sec);
    V(t.tv_usec);
    V(len == sizeof(t));
    R(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
    len = sizeof(l);
    R(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &len));
    V(l.l_linger);
    R(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)));
    R(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &v, sizeof(v)));
    R(setsockopt(s, IPPROTO_TCP, 9999, &v, sizeof(v)));
    R(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, BAD, 4));
    R(getsockopt(s, SOL_SOCKET, SO_TYPE, BAD, &len));
    R(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, BAD));
    OK(ioctl(s, SIOCGIFFLAGS, &ifr));
    V(ifr.ifr_flags & IFF_LOOPBACK);
    OK(ioctl(s, SIOCGIFADDR, &ifr));
    V(((struct sockaddr_in *)&ifr.ifr_addr)->sin_addr.s_addr);
    OK(ioctl(s, SIOCGIFMTU, &ifr));
    V(ifr.ifr_mtu);
    OK(ioctl(s, SIOCGIFINDEX, &ifr));
    V(ifr.ifr_ifindex);
    OK(ioctl(s, SIOCGIFCONF, &conf));
    V(conf.ifc_len > 0 && conf.ifc_len % sizeof(struct ifreq) == 0);
    S(list[0].ifr_name);
    strcpy(ifr.ifr_name, "none0");
    R(ioctl(s, SIOCGIFFLAGS, &ifr));
    R(ioctl(s, SIOCGIFFLAGS, BAD));
}

static void messages(void)
{
    int p[2], fds[2], on = 1;
    char control[256], buf[32] = "", two[32] = "";
    struct iovec v = {"message", 7}, w[2] = {{buf, 4}, {two, 20}};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1}, n = {.msg_iov = w, .msg_iovlen = 2};
    struct cmsghdr *h = (struct cmsghdr *)control;

    R(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
    R(pipe(fds));
    R(setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    R(setsockopt(p[1], SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)));
    memset(control, 0, sizeof(control));
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(h), fds, sizeof(fds));
    m.msg_control = control;
    m.msg_controllen = CMSG_SPACE(sizeof(fds));
    R(sendmsg(p[0], &m, 0));
    memset(control, 0, sizeof(control));
    n.msg_control = control;
    n.msg_controllen = sizeof(control);
    R(recvmsg(p[1], &n, 0));
    S(buf);
    S(two);
    V(n.msg_flags);
    V(n.msg_controllen == CMSG_SPACE(8) + CMSG_SPACE(sizeof(struct timeval)) +
                              CMSG_SPACE(sizeof(struct ucred)));
    for (h = CMSG_FIRSTHDR(&n); h; h = CMSG_NXTHDR(&n, h)) {
        printf("control %d %d length %d\n", h->cmsg_level, h->cmsg_type,
               (int)(h->cmsg_len - CMSG_LEN(0)));
        if (h->cmsg_type == SCM_CREDENTIALS) {
            V(((struct ucred *)CMSG_DATA(h))->pid == getpid());
            V(((struct ucred *)CMSG_DATA(h))->uid);
        } else if (h->cmsg_type == SCM_RIGHTS) {
            int *got = (int *)CMSG_DATA(h);
            R(write(got[1], "z", 1));
            R(read(fds[0], buf, 1));
        } else {
            struct timeval *t = (struct timeval *)CMSG_DATA(h);
            V(t->tv_sec > 1000000000 && t->tv_usec < 1000000);
        }
    }
    R(sendmsg(p[0], &m, 0x7fffffff) < 0);
    R(sendmsg(p[0], BAD, 0));
    R(recvmsg(p[1], BAD, MSG_DONTWAIT));
    m.msg_controllen = 5;
    m.msg_control = BAD;
    R(sendmsg(p[0], &m, 0));
    m.msg_control = NULL;
    m.msg_controllen = 0;
    m.msg_iovlen = 100000;
    R(sendmsg(p[0], &m, 0));
    struct mmsghdr mm[3] = {{{.msg_iov = &v, .msg_iovlen = 1}}, {{.msg_iov = &v, .msg_iovlen = 1}}};
    R(sendmmsg(p[0], mm, 2, 0));
    V(mm[1].msg_len);
    struct mmsghdr rr[3] = {{{.msg_iov = w, .msg_iovlen = 2}}, {{.msg_iov = w, .msg_iovlen = 2}},
                            {{.msg_iov = w, .msg_iovlen = 2}}};
    struct timespec limit = {1, 0};
    R(recvmmsg(p[1], rr, 2, MSG_WAITFORONE, &limit));
    V(rr[0].msg_len);
    R(recvmmsg(p[1], rr, 2, MSG_DONTWAIT, NULL));
}

static void local(void)
{
    int s = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct sockaddr_un un = {AF_UNIX, "sock"}, from;
    socklen_t len = sizeof(from);
    char buf[16];

    R(bind(s, (struct sockaddr *)&un, sizeof(un)));
    R(bind(s, (struct sockaddr *)&un, sizeof(un)));
    R(sendto(c, "abc", 3, 0, (struct sockaddr *)&un, sizeof(un)));
    R(recvfrom(s, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len));
    V(len);
    R(recvfrom(c, buf, sizeof(buf), 0, NULL, NULL));
    strcpy(un.sun_path, "nothing");
    R(sendto(c, "abc", 3, 0, (struct sockaddr *)&un, sizeof(un)));
    R(sendto(c, "abc", 3, 0, BAD, sizeof(un)));
    R(ioctl(s, FIONREAD, &len));
    V(len);
    R(ioctl(s, FIONBIO, &len));
    R(ioctl(s, TCGETS, buf));
}

int main(void)
{
    enter();
    streams();
    options();
    messages();
    local();
    leave();
    return 0;
}
