/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The structures of files, time, processes and System V IPC as field tables. */
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <utime.h>

#include "linux-user/syscalls/host-structs.h"
#include "linux-user/syscalls/thunk.h"
#include "linux-user/user.h"

#define F THUNK_F
#define N THUNK_N
#define FITS THUNK_FITS
#define BYTES THUNK_BYTES_OF
#define GAP THUNK_GAP_OF
#define SUB THUNK_SUB
#define SUBS THUNK_SUB_N
#define LONGS THUNK_LONGS
#define GAP32 THUNK_GAP32
#define TABLE THUNK_TABLE

/* --- single words ---------------------------------------------------------------------------- */

#define T struct host_word32
TABLE(s32, F(S32, v))
TABLE(u32, F(U32, v))
TABLE(id16, F(UID16, v))
#undef T
#define T struct host_word64
TABLE(s64, F(S64, v))
TABLE(u64, F(U64, v))
TABLE(sigset, F(U64, v))
TABLE(off, FITS(LONG, v))
TABLE(time, F(LONG, v))
#undef T
#define T struct host_pair
TABLE(pair, N(S32, v, 2))
#undef T

/* --- time ------------------------------------------------------------------------------------ */

#define T struct timespec
TABLE(timespec, F(LONG, tv_sec), F(LONG, tv_nsec))
TABLE(timespec64, F(S64, tv_sec), F(NSEC, tv_nsec))
#undef T
#define T struct timeval
TABLE(timeval, F(LONG, tv_sec), F(LONG, tv_usec))
TABLE(timeval64, F(S64, tv_sec), F(S64, tv_usec))
#undef T
#define T struct host_timespec_pair
TABLE(timespec_pair, SUBS(timespec, v, 2))
TABLE(timespec64_pair, SUBS(timespec64, v, 2))
#undef T
#define T struct host_timeval_pair
TABLE(timeval_pair, SUBS(timeval, v, 2))
#undef T
#define T struct itimerspec
TABLE(itimerspec, SUB(timespec, it_interval), SUB(timespec, it_value))
TABLE(itimerspec64, SUB(timespec64, it_interval), SUB(timespec64, it_value))
#undef T
#define T struct itimerval
TABLE(itimerval, SUB(timeval, it_interval), SUB(timeval, it_value))
#undef T
#define T struct timezone
TABLE(timezone, F(S32, tz_minuteswest), F(S32, tz_dsttime))
#undef T
#define T struct utimbuf
TABLE(utimbuf, F(LONG, actime), F(LONG, modtime))
#undef T
#define T struct tms
TABLE(tms, F(LONG, tms_utime), F(LONG, tms_stime), F(LONG, tms_cutime), F(LONG, tms_cstime))
#undef T
#define T struct timex
TABLE(timex, F(U32, modes), F(LONG, offset), F(LONG, freq), F(LONG, maxerror), F(LONG, esterror),
      F(S32, status), F(LONG, constant), F(LONG, precision), F(LONG, tolerance), SUB(timeval, time),
      F(LONG, tick), F(LONG, ppsfreq), F(LONG, jitter), F(S32, shift), F(LONG, stabil),
      F(LONG, jitcnt), F(LONG, calcnt), F(LONG, errcnt), F(LONG, stbcnt), F(S32, tai), GAP(44))
TABLE(timex64, F(U32, modes), GAP(4), F(S64, offset), F(S64, freq), F(S64, maxerror),
      F(S64, esterror), F(S32, status), GAP(4), F(S64, constant), F(S64, precision),
      F(S64, tolerance), SUB(timeval64, time), F(S64, tick), F(S64, ppsfreq), F(S64, jitter),
      F(S32, shift), GAP(4), F(S64, stabil), F(S64, jitcnt), F(S64, calcnt), F(S64, errcnt),
      F(S64, stbcnt), F(S32, tai), GAP(44))
#undef T

/* --- files ----------------------------------------------------------------------------------- */

#define T struct stat
TABLE(stat, F(ULONG, st_dev), F(ULONG, st_ino), F(ULONG, st_nlink), F(U32, st_mode), F(U32, st_uid),
      F(U32, st_gid), GAP(4), F(ULONG, st_rdev), F(LONG, st_size), F(LONG, st_blksize),
      F(LONG, st_blocks), SUB(timespec, st_atim), SUB(timespec, st_mtim), SUB(timespec, st_ctim),
      LONGS(3))
TABLE(stat_i386, F(ULONG, st_dev), FITS(ULONG, st_ino), F(U16, st_mode), FITS(U16, st_nlink),
      F(UID16, st_uid), F(UID16, st_gid), F(ULONG, st_rdev), FITS(LONG, st_size),
      F(ULONG, st_blksize), F(ULONG, st_blocks), SUB(timespec, st_atim), SUB(timespec, st_mtim),
      SUB(timespec, st_ctim), LONGS(2))
TABLE(oldstat_i386, FITS(U16, st_dev), FITS(U16, st_ino), F(U16, st_mode), FITS(U16, st_nlink),
      F(UID16, st_uid), F(UID16, st_gid), F(U16, st_rdev), FITS(LONG, st_size),
      F(LONG, st_atim.tv_sec), F(LONG, st_mtim.tv_sec), F(LONG, st_ctim.tv_sec))
TABLE(stat64_i386, F(U64, st_dev), GAP(4), F(ULONG, st_ino), F(U32, st_mode), F(U32, st_nlink),
      F(U32, st_uid), F(U32, st_gid), F(U64, st_rdev), GAP(4), F(S64, st_size),
      F(ULONG, st_blksize), F(U64, st_blocks), SUB(timespec, st_atim), SUB(timespec, st_mtim),
      SUB(timespec, st_ctim), F(U64, st_ino))
#undef T
#define T struct statx_timestamp
TABLE(statx_time, F(S64, tv_sec), F(U32, tv_nsec), GAP(4))
#undef T
#define T struct statx
TABLE(statx, F(U32, stx_mask), F(U32, stx_blksize), F(U64, stx_attributes), F(U32, stx_nlink),
      F(U32, stx_uid), F(U32, stx_gid), F(U16, stx_mode), GAP(2), F(U64, stx_ino), F(U64, stx_size),
      F(U64, stx_blocks), F(U64, stx_attributes_mask), SUB(statx_time, stx_atime),
      SUB(statx_time, stx_btime), SUB(statx_time, stx_ctime), SUB(statx_time, stx_mtime),
      F(U32, stx_rdev_major), F(U32, stx_rdev_minor), F(U32, stx_dev_major), F(U32, stx_dev_minor),
      F(U64, stx_mnt_id), F(U32, stx_dio_mem_align), F(U32, stx_dio_offset_align), GAP(96))
#undef T
#define T struct statfs
TABLE(statfs, F(LONG, f_type), F(LONG, f_bsize), FITS(ULONG, f_blocks), FITS(ULONG, f_bfree),
      FITS(ULONG, f_bavail), F(ULONG, f_files), F(ULONG, f_ffree), N(S32, f_fsid, 2),
      F(LONG, f_namelen), F(LONG, f_frsize), F(LONG, f_flags), LONGS(4))
TABLE(statfs64, F(LONG, f_type), F(LONG, f_bsize), F(U64, f_blocks), F(U64, f_bfree),
      F(U64, f_bavail), F(U64, f_files), F(U64, f_ffree), N(S32, f_fsid, 2), F(LONG, f_namelen),
      F(LONG, f_frsize), F(LONG, f_flags), LONGS(4))
#undef T
#define T struct host_ustat
TABLE(ustat, F(S32, f_tfree), F(ULONG, f_tinode), BYTES(f_fname, 6), BYTES(f_fpack, 6))
#undef T
#define T struct flock
TABLE(flock, F(S16, l_type), F(S16, l_whence), FITS(LONG, l_start), FITS(LONG, l_len),
      F(S32, l_pid))
TABLE(flock64, F(S16, l_type), F(S16, l_whence), F(S64, l_start), F(S64, l_len), F(S32, l_pid))
#undef T
#define T struct f_owner_ex
TABLE(f_owner, F(S32, type), F(S32, pid))
#undef T
#define T struct iovec
TABLE(iovec, F(PTR, iov_base), F(ULONG, iov_len))
#undef T
#define T struct pollfd
TABLE(pollfd, F(S32, fd), F(S16, events), F(S16, revents))
#undef T
#define T struct epoll_event
TABLE(epoll_event, F(U32, events), THUNK_GAP_UNPACKED(4), BYTES(data, 8))
#undef T

/* --- processes ------------------------------------------------------------------------------- */

#define T struct rusage
TABLE(rusage, SUB(timeval, ru_utime), SUB(timeval, ru_stime), F(LONG, ru_maxrss), F(LONG, ru_ixrss),
      F(LONG, ru_idrss), F(LONG, ru_isrss), F(LONG, ru_minflt), F(LONG, ru_majflt),
      F(LONG, ru_nswap), F(LONG, ru_inblock), F(LONG, ru_oublock), F(LONG, ru_msgsnd),
      F(LONG, ru_msgrcv), F(LONG, ru_nsignals), F(LONG, ru_nvcsw), F(LONG, ru_nivcsw))
#undef T
#define T struct rlimit
TABLE(rlimit64, F(U64, rlim_cur), F(U64, rlim_max))
TABLE(rlimit, F(ULONG, rlim_cur), F(ULONG, rlim_max))
#undef T
#define T struct host_cap_header
TABLE(cap_header, F(U32, version), F(S32, pid))
#undef T
#define T struct sysinfo
TABLE(sysinfo, F(LONG, uptime), N(ULONG, loads, 3), F(ULONG, totalram), F(ULONG, freeram),
      F(ULONG, sharedram), F(ULONG, bufferram), F(ULONG, totalswap), F(ULONG, freeswap),
      F(U16, procs), GAP(2), F(ULONG, totalhigh), F(ULONG, freehigh), F(U32, mem_unit), GAP32(8))
#undef T

/* --- signals --------------------------------------------------------------------------------- */

#define T struct user_sigaction
TABLE(sigaction, F(ULONG, handler), F(ULONG, flags), F(ULONG, restorer), F(U64, mask))
TABLE(sigaction_old, F(ULONG, handler), F(ULONG, mask), F(ULONG, flags), F(ULONG, restorer))
#undef T
#define T struct user_stack
TABLE(sigstack, F(ULONG, sp), F(S32, flags), F(ULONG, size))
#undef T
#define T struct sigevent
TABLE(sigevent, F(LONG, sigev_value), F(S32, sigev_signo), F(S32, sigev_notify),
      F(S32, _sigev_un._tid), GAP(44), GAP32(4))
#undef T

/* --- System V and POSIX IPC ------------------------------------------------------------------ */

#define T struct ipc_perm
TABLE(ipc_perm, F(S32, __key), F(U32, uid), F(U32, gid), F(U32, cuid), F(U32, cgid), F(U32, mode),
      F(U16, __seq), GAP(2), F(ULONG, __glibc_reserved1), F(ULONG, __glibc_reserved2))
/* The form of IPC_STAT without IPC_64. */
TABLE(ipc_perm_old, F(S32, __key), F(UID16, uid), F(UID16, gid), F(UID16, cuid), F(UID16, cgid),
      F(U16, mode), F(U16, __seq))
#undef T
#define T struct shmid_ds
TABLE(shmid, SUB(ipc_perm, shm_perm), F(ULONG, shm_segsz), F(ULONG, shm_atime), F(ULONG, shm_dtime),
      F(ULONG, shm_ctime), F(S32, shm_cpid), F(S32, shm_lpid), F(ULONG, shm_nattch), LONGS(2))
/* 32-bit ABIs keep the upper halves of the times apart; they are 0 until 2106. */
TABLE(shmid_split, SUB(ipc_perm, shm_perm), F(ULONG, shm_segsz), F(ULONG, shm_atime), LONGS(1),
      F(ULONG, shm_dtime), LONGS(1), F(ULONG, shm_ctime), LONGS(1), F(S32, shm_cpid),
      F(S32, shm_lpid), F(ULONG, shm_nattch), LONGS(2))
TABLE(shmid_old, SUB(ipc_perm_old, shm_perm), F(S32, shm_segsz), F(LONG, shm_atime),
      F(LONG, shm_dtime), F(LONG, shm_ctime), F(U16, shm_cpid), F(U16, shm_lpid),
      F(U16, shm_nattch), GAP(10))
#undef T
#define T struct shminfo
TABLE(shminfo, F(ULONG, shmmax), F(ULONG, shmmin), F(ULONG, shmmni), F(ULONG, shmseg),
      F(ULONG, shmall), LONGS(4))
TABLE(shminfo_old, F(S32, shmmax), F(S32, shmmin), F(S32, shmmni), F(S32, shmseg), F(S32, shmall))
#undef T
#define T struct shm_info
TABLE(shm_info, F(S32, used_ids), F(ULONG, shm_tot), F(ULONG, shm_rss), F(ULONG, shm_swp),
      F(ULONG, swap_attempts), F(ULONG, swap_successes))
#undef T
#define T struct semid_ds
TABLE(semid, SUB(ipc_perm, sem_perm), F(ULONG, sem_otime), LONGS(1), F(ULONG, sem_ctime), LONGS(1),
      F(ULONG, sem_nsems), LONGS(2))
TABLE(semid_split, SUB(ipc_perm, sem_perm), F(ULONG, sem_otime), LONGS(1), F(ULONG, sem_ctime),
      LONGS(1), F(ULONG, sem_nsems), LONGS(2))
TABLE(semid_old, SUB(ipc_perm_old, sem_perm), F(LONG, sem_otime), F(LONG, sem_ctime), GAP(16),
      F(U16, sem_nsems), GAP(2))
#undef T
#define T struct seminfo
TABLE(seminfo, F(S32, semmap), F(S32, semmni), F(S32, semmns), F(S32, semmnu), F(S32, semmsl),
      F(S32, semopm), F(S32, semume), F(S32, semusz), F(S32, semvmx), F(S32, semaem))
#undef T
#define T struct sembuf
TABLE(sembuf, F(U16, sem_num), F(S16, sem_op), F(S16, sem_flg))
#undef T
#define T struct msqid_ds
TABLE(msqid, SUB(ipc_perm, msg_perm), F(ULONG, msg_stime), F(ULONG, msg_rtime), F(ULONG, msg_ctime),
      F(ULONG, __msg_cbytes), F(ULONG, msg_qnum), F(ULONG, msg_qbytes), F(S32, msg_lspid),
      F(S32, msg_lrpid), LONGS(2))
TABLE(msqid_split, SUB(ipc_perm, msg_perm), F(ULONG, msg_stime), LONGS(1), F(ULONG, msg_rtime),
      LONGS(1), F(ULONG, msg_ctime), LONGS(1), F(ULONG, __msg_cbytes), F(ULONG, msg_qnum),
      F(ULONG, msg_qbytes), F(S32, msg_lspid), F(S32, msg_lrpid), LONGS(2))
TABLE(msqid_old, SUB(ipc_perm_old, msg_perm), GAP(8), F(LONG, msg_stime), F(LONG, msg_rtime),
      F(LONG, msg_ctime), GAP(8), F(U16, __msg_cbytes), F(U16, msg_qnum), F(U16, msg_qbytes),
      F(U16, msg_lspid), F(U16, msg_lrpid), GAP(2))
#undef T
#define T struct msginfo
TABLE(msginfo, F(S32, msgpool), F(S32, msgmap), F(S32, msgmax), F(S32, msgmnb), F(S32, msgmni),
      F(S32, msgssz), F(S32, msgtql), F(U16, msgseg), GAP(2))
#undef T
#define T struct mq_attr
TABLE(mq_attr, F(LONG, mq_flags), F(LONG, mq_maxmsg), F(LONG, mq_msgsize), F(LONG, mq_curmsgs),
      LONGS(4))
#undef T
