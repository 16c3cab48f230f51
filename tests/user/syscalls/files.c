/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files: contents, positions, names, attributes, locks. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <utime.h>

static void contents(void)
{
    char buf[64] = "", two[16] = "";
    int fd = open("a", O_RDWR | O_CREAT | O_TRUNC | O_LARGEFILE, 0640);
    struct iovec v[2] = {{"hello ", 6}, {"world", 5}}, w[2] = {{buf, 3}, {two, 5}};
    struct iovec bad[2] = {{buf, 3}, {BAD, 5}};

    V(fd >= 0);
    R(writev(fd, v, 2));
    R(lseek(fd, 0, SEEK_SET));
    R(readv(fd, w, 2));
    S(buf);
    S(two);
    R(pwrite(fd, "XY", 2, 3));
    R(pread(fd, buf, 11, 0));
    S(buf);
    R(preadv(fd, w, 2, 2));
    S(two);
    R(pwritev(fd, v, 2, 100));
    R(preadv2(fd, w, 2, 100, 0));
    R(preadv2(fd, w, 2, 100, 0x4000));
    R(lseek(fd, 0, SEEK_END));
    R(lseek(fd, 5, 77));
    R(lseek(fd, -500, SEEK_SET));
    R(lseek64(fd, 0x123456789all, SEEK_SET));
    R(lseek(fd, 0, SEEK_DATA));
    R(ftruncate(fd, 50));
    R(ftruncate64(fd, 0x100000001ll));
    R(lseek64(fd, 0, SEEK_END));
    R(truncate("a", 20));
    R(truncate("nothing", 20));
    R(posix_fallocate(fd, 10, 100));
    R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0x10, 1000));
    R(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    R(readahead(fd, 0, 10));
    R(fsync(fd));
    R(fdatasync(fd));
    R(sync_file_range(fd, 0, 10, 0));
    R(read(fd, BAD, 4));
    R(pread(fd, BAD, 4, 0));
    R(write(fd, BAD, 4));
    R(readv(fd, bad, 2));
    R(readv(fd, BAD, 2));
    R(readv(fd, w, -1));
    R(readv(fd, w, 2000));
    R(read(fd, NULL, 0));
    R(read(-1, buf, 1));
    R(write(1000, buf, 1));
    int copy = open("b", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    off_t from = 2;
    R(sendfile(copy, fd, &from, 6));
    V(from);
    loff_t in = 0, out = 20;
    R(copy_file_range(fd, &in, copy, &out, 8, 0));
    V(in);
    V(out);
    R(sendfile(copy, fd, BAD, 6));
    R(close(copy));
    R(close(fd));
    R(close(fd));
}

static void show(const char *name, const struct stat *st)
{
    printf("%s: mode %o links %d size %lld blksize %d uid %d\n", name, st->st_mode,
           (int)st->st_nlink, (long long)st->st_size, (int)st->st_blksize, st->st_uid);
}

static void attributes(void)
{
    struct stat st = {0};
    struct statx stx;
    struct statfs fs;
    struct timespec t[2] = {{1000000000, 123456789}, {0, UTIME_OMIT}};
    struct timeval tv[2] = {{1111111111, 5000}, {1222222222, 6000}};
    struct utimbuf ut = {1333333333, 1444444444};
    char buf[100];

    R(stat("a", &st));
    show("a", &st);
    R(lstat("/proc/self/exe", &st));
    V(S_ISLNK(st.st_mode));
    R(stat("/dev/null", &st));
    V(st.st_rdev);
    V(st.st_mode);
    R(stat("nothing", &st));
    R(stat("", &st));
    R(stat(BAD, &st));
    R(syscall(SYS_chmod, BAD, 0));
    R(fstat(0x7fff, &st));
    R(statx(AT_FDCWD, "a", 0, STATX_BASIC_STATS, &stx));
    V(stx.stx_size);
    V(stx.stx_mode);
    R(statx(AT_FDCWD, "a", 0, STATX_BASIC_STATS, BAD));
    R(chmod("a", 0604));
    R(fchmodat(AT_FDCWD, "a", 0400, 0));
    R(access("a", R_OK));
    R(access("a", 077));
    R(faccessat(AT_FDCWD, "b", W_OK, AT_EACCESS));
    R(utimensat(AT_FDCWD, "a", t, 0));
    R(stat("a", &st));
    V(st.st_atim.tv_sec);
    V(st.st_atim.tv_nsec);
    R(utimes("a", tv));
    R(stat("a", &st));
    V(st.st_mtim.tv_sec);
    V(st.st_mtim.tv_nsec);
    R(utime("a", &ut));
    R(stat("a", &st));
    V(st.st_atime);
    V(st.st_mtime);
    R(futimesat(AT_FDCWD, "a", NULL));
    R(syscall(SYS_utimensat, AT_FDCWD, "a", BAD, 0));
    R(chown("a", 1, 2));
    R(stat("a", &st));
    V(st.st_uid);
    V(st.st_gid);
    R(lchown("a", -1, -1));
    R(fchownat(AT_FDCWD, "nothing", 0, 0, 0));
    R(statfs("/proc", &fs));
    V(fs.f_type);
    V(fs.f_namelen);
    R(statfs("nothing", &fs));
    R(syscall(SYS_statfs, "/", BAD));
    OK(setxattr("b", "user.x", "value", 5, 0));
    OK(getxattr("b", "user.x", buf, sizeof(buf)));
    OK(listxattr("b", buf, sizeof(buf)));
    OK(getxattr("b", "user.none", buf, sizeof(buf)));
    OK(getxattr("b", "user.x", BAD, 100));
    OK(removexattr("b", "user.x"));
    V(umask(027));
    V(umask(022));
}

static void names(void)
{
    char buf[256] = "";
    struct stat st;
    int dir;

    R(mkdir("d", 0755));
    R(mkdir("d", 0755));
    dir = open("d", O_RDONLY | O_DIRECTORY);
    R(mkdirat(dir, "e", 0700));
    R(symlinkat("target", dir, "s"));
    R(readlinkat(dir, "s", buf, sizeof(buf)));
    S(buf);
    R(readlink("d/s", buf, 3));
    R(readlink("a", buf, 3));
    R(readlink("d/s", BAD, 30));
    R(readlink("d/s", buf, 0));
    R(link("b", "d/l"));
    R(linkat(AT_FDCWD, "b", dir, "m", 0));
    R(fstatat(dir, "m", &st, 0));
    V(st.st_nlink);
    R(rename("d/m", "d/n"));
    R(renameat(dir, "n", dir, "o"));
    R(renameat2(dir, "o", dir, "l", RENAME_NOREPLACE));
    R(unlink("d/l"));
    R(unlinkat(dir, "o", 0));
    R(unlinkat(dir, "e", 0));
    R(unlinkat(dir, "e", AT_REMOVEDIR));
    R(rmdir("d"));
    R(openat(dir, "s", O_RDONLY | O_NOFOLLOW));
    R(openat(-5, "s", O_RDONLY));
    R(open("a/b", O_RDONLY));
    R(mknod("fifo", S_IFIFO | 0644, 0));
    R(stat("fifo", &st));
    V(S_ISFIFO(st.st_mode));
    R(chdir("d"));
    V(strcmp(getcwd(buf, sizeof(buf)) + strlen(work_dir), "/d"));
    R(syscall(SYS_getcwd, buf, 3) == -1);
    R(fchdir(dir));
    R(chdir(".."));
    R(chdir("a"));
    R(close(dir));
    V(open(BAD, O_RDONLY));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void directories(void)
{
    struct dirent **list;
    char buf[4096];
    int n = scandir(".", &list, NULL, by_name);

    for (int i = 0; i < n; i++) {
        printf("%s %d\n", list[i]->d_name, list[i]->d_type);
    }
    int fd = open(".", O_RDONLY);
    OK(syscall(SYS_getdents, fd, buf, sizeof(buf)));
    long bytes = lseek(fd, 0, SEEK_SET) ? 0 : syscall(SYS_getdents, fd, buf, sizeof(buf));
    int count = 0;
    for (long at = 0; at < bytes; at += *(unsigned short *)(buf + at + 2 * sizeof(long))) {
        count++;
    }
    V(count == n);
    R(syscall(SYS_getdents64, fd, buf, sizeof(buf)));
    lseek(fd, 0, SEEK_SET);
    R(syscall(SYS_getdents64, fd, BAD, sizeof(buf)));
    R(syscall(SYS_getdents64, 0x7ff, buf, sizeof(buf)));
    close(fd);
}

static void descriptors(void)
{
    int fd = open("b", O_RDWR), p[2];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 5};
    struct f_owner_ex owner = {F_OWNER_PID, 0};

    R(fcntl(fd, F_GETFD));
    R(fcntl(fd, F_SETFD, FD_CLOEXEC));
    R(fcntl(fd, F_GETFD));
    V(fcntl(fd, F_GETFL) & ~O_LARGEFILE & ~0100000);
    R(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
    V(fcntl(fd, F_GETFL) & ~0100000);
    R(fcntl(fd, F_DUPFD, 100));
    R(fcntl(fd, F_DUPFD_CLOEXEC, 100));
    R(fcntl(fd, F_SETLK, &lock));
    R(fcntl(fd, F_GETLK, &lock));
    V(lock.l_type);
    V(lock.l_start);
    lock.l_type = F_UNLCK;
    R(fcntl(fd, F_OFD_SETLK, &lock));
    R(fcntl(fd, F_SETLK, BAD));
    R(fcntl(fd, F_GETLK, BAD));
    R(fcntl(fd, 9999));
    R(fcntl(fd, F_GETOWN_EX, &owner));
    V(owner.type);
    R(dup2(fd, 120));
    R(dup3(fd, 120, O_CLOEXEC));
    R(dup3(fd, fd, 0));
    R(dup2(-1, 5));
    R(flock(fd, LOCK_EX | LOCK_NB));
    R(flock(fd, LOCK_UN));
    R(pipe2(p, O_NONBLOCK));
    R(read(p[0], p, 1));
    R(fcntl(p[0], F_GETPIPE_SZ));
    R(syscall(SYS_pipe, BAD));
    R(syscall(SYS_pipe2, p, 0x7777));
    R(tee(p[0], p[1], 10, 0));
    R(splice(fd, NULL, p[1], NULL, 5, 0));
    struct iovec v = {"vm", 2};
    R(vmsplice(p[1], &v, 1, 0));
    R(syscall(SYS_close_range, 100, 121, 0));
    R(fcntl(120, F_GETFD));
    int m = memfd_create("m", MFD_ALLOW_SEALING);
    R(fcntl(m, F_ADD_SEALS, F_SEAL_SHRINK));
    R(fcntl(m, F_GET_SEALS));
    R(memfd_create(BAD, 0));
}

int main(void)
{
    enter();
    contents();
    attributes();
    names();
    directories();
    descriptors();
    leave();
    return 0;
}
