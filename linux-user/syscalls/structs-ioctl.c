/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The structures of ioctl requests as field tables. */
#include <linux/blkpg.h>
#include <linux/hdreg.h>
#include <linux/if.h>
#include <linux/route.h>
#include <sound/asound.h>
#include <stddef.h>

#include "linux-user/syscalls/host-structs.h"
#include "linux-user/syscalls/thunk.h"

#define F THUNK_F
#define N THUNK_N
#define BYTES THUNK_BYTES_OF
#define GAP THUNK_GAP_OF
#define SUB THUNK_SUB
#define GAP32 THUNK_GAP32
#define GAP64 THUNK_GAP64
#define TABLE THUNK_TABLE

#define T struct host_word64
TABLE(word, F(ULONG, v))
#undef T

/* --- block devices --------------------------------------------------------------------------- */

#define T struct hd_geometry
TABLE(hd_geometry, F(U8, heads), F(U8, sectors), F(U16, cylinders), F(ULONG, start))
#undef T
#define T struct blkpg_ioctl_arg
TABLE(blkpg, F(S32, op), F(S32, flags), F(S32, datalen), F(PTR, data))
#undef T

/* --- network --------------------------------------------------------------------------------- */

#define T struct ifreq
TABLE(ifreq, BYTES(ifr_ifrn, 16), BYTES(ifr_ifru.ifru_addr, 16), GAP64(8))
TABLE(ifreq_map, BYTES(ifr_ifrn, 16), F(ULONG, ifr_ifru.ifru_map.mem_start),
      F(ULONG, ifr_ifru.ifru_map.mem_end), F(U16, ifr_ifru.ifru_map.base_addr),
      F(U8, ifr_ifru.ifru_map.irq), F(U8, ifr_ifru.ifru_map.dma), F(U8, ifr_ifru.ifru_map.port),
      GAP(3))
TABLE(ifreq_data, BYTES(ifr_ifrn, 16), F(PTR, ifr_ifru.ifru_data), GAP(12), GAP64(4))
#undef T
#define T struct ifconf
TABLE(ifconf, F(S32, ifc_len), F(PTR, ifc_ifcu.ifcu_buf))
#undef T
#define T struct rtentry
TABLE(rtentry, F(ULONG, rt_pad1), BYTES(rt_dst, 16), BYTES(rt_gateway, 16), BYTES(rt_genmask, 16),
      F(U16, rt_flags), F(S16, rt_pad2), F(ULONG, rt_pad3), F(PTR, rt_pad4), F(S16, rt_metric),
      F(PTR, rt_dev), F(ULONG, rt_mtu), F(ULONG, rt_window), F(U16, rt_irtt))
#undef T

/* --- sound ----------------------------------------------------------------------------------- */

#define T struct snd_pcm_hw_params
TABLE(pcm_hw_params, F(U32, flags), N(U32, masks, 24), N(U32, mres, 40), N(U32, intervals, 36),
      N(U32, ires, 27), F(U32, rmask), F(U32, cmask), F(U32, info), F(U32, msbits),
      F(U32, rate_num), F(U32, rate_den), F(ULONG, fifo_size), BYTES(reserved, 64))
#undef T
#define T struct snd_pcm_sw_params
TABLE(pcm_sw_params, F(S32, tstamp_mode), F(U32, period_step), F(U32, sleep_min),
      F(ULONG, avail_min), F(ULONG, xfer_align), F(ULONG, start_threshold),
      F(ULONG, stop_threshold), F(ULONG, silence_threshold), F(ULONG, silence_size),
      F(ULONG, boundary), F(U32, proto), F(U32, tstamp_type), BYTES(reserved, 56))
#undef T
#define T struct snd_pcm_status
TABLE(pcm_status, F(S32, state), SUB(timespec, trigger_tstamp), SUB(timespec, tstamp),
      F(ULONG, appl_ptr), F(ULONG, hw_ptr), F(LONG, delay), F(ULONG, avail), F(ULONG, avail_max),
      F(ULONG, overrange), F(S32, suspended_state), F(U32, audio_tstamp_data),
      SUB(timespec, audio_tstamp), SUB(timespec, driver_tstamp), F(U32, audio_tstamp_accuracy),
      BYTES(reserved, 20), GAP32(16))
#undef T
#define T struct snd_pcm_channel_info
TABLE(pcm_channel_info, F(U32, channel), F(LONG, offset), F(U32, first), F(U32, step))
#undef T
#define T struct snd_xferi
TABLE(pcm_transfer, F(LONG, result), F(PTR, buf), F(ULONG, frames))
#undef T
#define T struct snd_ctl_elem_list
TABLE(ctl_elem_list, F(U32, offset), F(U32, space), F(U32, used), F(U32, count), F(PTR, pids),
      BYTES(reserved, 50), GAP(2))
#undef T

/* --- graphics -------------------------------------------------------------------------------- */

#define T struct drm_version
TABLE(drm_version, F(S32, version_major), F(S32, version_minor), F(S32, version_patchlevel),
      F(ULONG, name_len), F(PTR, name), F(ULONG, date_len), F(PTR, date), F(ULONG, desc_len),
      F(PTR, desc))
#undef T
#define T struct drm_unique
TABLE(drm_unique, F(ULONG, unique_len), F(PTR, unique))
#undef T
