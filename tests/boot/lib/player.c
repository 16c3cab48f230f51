/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For guests: plays standard input, 16 bits and two channels, on the first sound card. Its buffer
 * holds all of it before it starts, so that no delay makes a gap. player RATE */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <sound/asound.h>

#define MAX_BYTES (1 << 20)

static void must(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
}

/* Switches on, volumes up. */
static void set_control(int fd, struct snd_ctl_elem_id id)
{
    struct snd_ctl_elem_info info = { .id = id };
    struct snd_ctl_elem_value value = { .id = id };
    const char *name = (char *)id.name;

    if ((strncmp(name, "Master Playback", 15) && strncmp(name, "PCM Playback", 12)) ||
        ioctl(fd, SNDRV_CTL_IOCTL_ELEM_INFO, &info) < 0) {
        return;
    }
    for (unsigned i = 0; i < info.count && i < 8; i++) {
        value.value.integer.value[i] =
            info.type == SNDRV_CTL_ELEM_TYPE_BOOLEAN ? 1 : info.value.integer.max;
    }
    ioctl(fd, SNDRV_CTL_IOCTL_ELEM_WRITE, &value);
}

static void set_controls(void)
{
    static struct snd_ctl_elem_id ids[256];
    struct snd_ctl_elem_list list = { .space = 256, .pids = ids };
    int fd = open("/dev/snd/controlC0", O_RDWR);

    must(fd, "control");
    must(ioctl(fd, SNDRV_CTL_IOCTL_ELEM_LIST, &list), "controls");
    for (unsigned i = 0; i < list.used; i++) {
        set_control(fd, ids[i]);
    }
    close(fd);
}

static void set_mask(struct snd_pcm_hw_params *p, unsigned n, unsigned value)
{
    struct snd_mask *mask = &p->masks[n - SNDRV_PCM_HW_PARAM_FIRST_MASK];

    memset(mask, 0, sizeof(*mask));
    mask->bits[value / 32] = 1u << value % 32;
}

static void set_interval(struct snd_pcm_hw_params *p, unsigned n, unsigned min, unsigned max)
{
    struct snd_interval *i = &p->intervals[n - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL];

    i->min = min;
    i->max = max;
    i->integer = 1;
}

static void set_stream(int fd, unsigned rate, unsigned frames)
{
    struct snd_pcm_hw_params p;
    struct snd_pcm_sw_params s = { .period_step = 1, .avail_min = 1 };

    memset(&p, 0, sizeof(p));
    memset(p.masks, 0xff, sizeof(p.masks));
    for (unsigned i = 0; i < sizeof(p.intervals) / sizeof(*p.intervals); i++) {
        p.intervals[i].max = ~0u;
    }
    p.rmask = ~0u;
    set_mask(&p, SNDRV_PCM_HW_PARAM_ACCESS, SNDRV_PCM_ACCESS_RW_INTERLEAVED);
    set_mask(&p, SNDRV_PCM_HW_PARAM_FORMAT, SNDRV_PCM_FORMAT_S16_LE);
    set_mask(&p, SNDRV_PCM_HW_PARAM_SUBFORMAT, SNDRV_PCM_SUBFORMAT_STD);
    set_interval(&p, SNDRV_PCM_HW_PARAM_CHANNELS, 2, 2);
    set_interval(&p, SNDRV_PCM_HW_PARAM_RATE, rate, rate);
    set_interval(&p, SNDRV_PCM_HW_PARAM_PERIOD_SIZE, 1024, ~0u);
    set_interval(&p, SNDRV_PCM_HW_PARAM_BUFFER_SIZE, frames, ~0u);
    must(ioctl(fd, SNDRV_PCM_IOCTL_HW_PARAMS, &p), "hw_params");
    s.start_threshold = s.stop_threshold = s.boundary = 1u << 30;
    must(ioctl(fd, SNDRV_PCM_IOCTL_SW_PARAMS, &s), "sw_params");
}

int main(int argc, char **argv)
{
    static char data[MAX_BYTES];
    size_t size = fread(data, 1, sizeof(data), stdin);
    unsigned frames = size / 4;
    struct snd_xferi move = { .buf = data, .frames = frames };
    int fd;

    set_controls();
    fd = open("/dev/snd/pcmC0D0p", O_RDWR);
    must(fd, "pcm");
    set_stream(fd, argc > 1 ? atoi(argv[1]) : 44100, frames);
    must(ioctl(fd, SNDRV_PCM_IOCTL_PREPARE), "prepare");
    must(ioctl(fd, SNDRV_PCM_IOCTL_WRITEI_FRAMES, &move), "write");
    must(ioctl(fd, SNDRV_PCM_IOCTL_DRAIN), "drain");
    printf("played %u frames\n", frames);
    return 0;
}
