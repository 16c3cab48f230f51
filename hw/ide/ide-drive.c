/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The drives as devices, "ide-hd" and "ide-cd", and the bus type "IDE" that they sit on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/core/machine.h"
#include "hw/ide/drive.h"

FIELDS(ide_drive_state) = {
    FIELD(ide_drive_state, feature), FIELD(ide_drive_state, error),
    FIELD(ide_drive_state, count), FIELD(ide_drive_state, lba_low),
    FIELD(ide_drive_state, lba_mid), FIELD(ide_drive_state, lba_high),
    FIELD(ide_drive_state, select), FIELD(ide_drive_state, status),
    FIELD(ide_drive_state, hob_feature), FIELD(ide_drive_state, hob_count),
    FIELD(ide_drive_state, hob_low), FIELD(ide_drive_state, hob_mid),
    FIELD(ide_drive_state, hob_high), FIELD(ide_drive_state, command),
    FIELD(ide_drive_state, extended), FIELD(ide_drive_state, phase),
    FIELD(ide_drive_state, multiple), FIELD(ide_drive_state, transfer_mode),
    FIELD(ide_drive_state, write_cache), FIELD(ide_drive_state, smart_on),
    FIELD(ide_drive_state, smart_autosave), FIELD(ide_drive_state, standby),
    FIELD(ide_drive_state, heads), FIELD(ide_drive_state, sectors), FIELD(ide_drive_state, lba),
    FIELD(ide_drive_state, left), FIELD(ide_drive_state, at), FIELD(ide_drive_state, block_end),
    FIELD(ide_drive_state, end), FIELD(ide_drive_state, block_size),
    FIELD(ide_drive_state, packet_lba), FIELD(ide_drive_state, packet_left),
    FIELD(ide_drive_state, packet_sector), FIELD(ide_drive_state, byte_limit),
    FIELD(ide_drive_state, packet_dma), FIELD(ide_drive_state, sense_key),
    FIELD(ide_drive_state, asc), FIELD(ide_drive_state, ascq),
    FIELD(ide_drive_state, tray_open), FIELD(ide_drive_state, tray_locked),
    FIELD(ide_drive_state, medium_changed), FIELD(ide_drive_state, event_medium),
    FIELD(ide_drive_state, event_eject), ARRAY_SINCE(ide_drive_state, queue_log, 2),
    ARRAY(ide_drive_state, buffer), FIELDS_END
};

/* --- the bus --------------------------------------------------------------------------------- */

static bool ide_attach(struct bus *bus, struct device *dev, struct error **err)
{
    struct ide_channel *channel = container_of(bus, struct ide_channel, bus);
    struct ide_drive *drive = (struct ide_drive *)dev;

    if (drive->unit == UINT32_MAX) {
        drive->unit = channel->drives[0] && !channel->sata ? 1 : 0;
    }
    if (drive->unit > (channel->sata ? 0 : 1)) {
        error_set(err, "IDE unit %u is too high: bus %s has %s", drive->unit, bus->name,
                  channel->sata ? "one" : "two");
        return false;
    }
    if (channel->drives[drive->unit]) {
        error_set(err, "IDE unit %u of bus %s is in use", drive->unit, bus->name);
        return false;
    }
    drive->unit_number = (uint8_t)drive->unit;
    drive->channel = channel;
    channel->drives[drive->unit] = drive;
    return true;
}

static void ide_detach(struct bus *bus, struct device *dev)
{
    struct ide_channel *channel = container_of(bus, struct ide_channel, bus);
    struct ide_drive *drive = (struct ide_drive *)dev;

    if (channel->drives[drive->unit_number] == drive) {
        channel->drives[drive->unit_number] = NULL;
    }
}

static const struct property ide_properties[] = {
    PROP_UINT("unit", ide_drive, unit, UINT32_MAX),
    PROPERTIES_END
};

BUS_TYPE(ide) = {
    .name = "IDE",
    .properties = ide_properties,
    .attach = ide_attach,
    .detach = ide_detach,
};

void ide_channel_init(struct ide_channel *channel, struct device *owner, unsigned number,
                      struct ide_channel_state *s)
{
    memset(channel, 0, sizeof(*channel));
    snprintf(channel->name, sizeof(channel->name), "ide.%u", number & 0xff);
    channel->number = (uint8_t)number;
    channel->s = s;
    bus_init(&channel->bus, &ide_type, channel->name, owner);
}

void ide_channel_fini(struct ide_channel *channel)
{
    bus_fini(&channel->bus);
}

/* --- removable media ------------------------------------------------------------------------- */

static void medium_changed(void *opaque, bool inserted)
{
    struct ide_drive *drive = opaque;

    if (!drive->is_cdrom) {
        return;
    }
    drive->s.tray_open = 0;
    drive->s.medium_changed = 1;
    drive->s.event_medium = inserted;
}

static void eject_request(void *opaque, bool force)
{
    struct ide_drive *drive = opaque;

    drive->s.event_eject = 1;
    if (force) {
        drive->s.tray_locked = 0;
    }
}

static bool tray_open(void *opaque)
{
    return ((struct ide_drive *)opaque)->s.tray_open;
}

static bool tray_locked(void *opaque)
{
    return ((struct ide_drive *)opaque)->s.tray_locked;
}

/* The guest learns of it when it identifies the drive again. */
static void resized(void *opaque)
{
    struct ide_drive *drive = opaque;
    int64_t length = block_length(drive->block);

    if (length >= 0) {
        drive->total = (uint64_t)length / BLOCK_SECTOR_SIZE;
    }
}

static const struct block_device_ops disk_block_ops = {
    .changed = medium_changed, .resized = resized,
};
static const struct block_device_ops cdrom_block_ops = {
    .changed = medium_changed, .eject_request = eject_request, .tray_open = tray_open,
    .locked = tray_locked,
};

/* --- the devices ----------------------------------------------------------------------------- */

static void run_changed(void *opaque, bool running)
{
    if (running) {
        ide_retry(opaque);
    }
}

static void set_default(char **text, const char *value)
{
    if (!*text) {
        *text = strdup(value);
    }
}

static bool drive_init(struct ide_drive *drive, struct error **err)
{
    char serial[21];
    const char *given = drive->block ? block_serial(drive->block) : NULL;

    snprintf(serial, sizeof(serial), "QM%05u", drive->channel->number * 2u + drive->unit + 1);
    set_default(&drive->serial, given ? given : serial);
    set_default(&drive->model, drive->is_cdrom ? "QEMU DVD-ROM" : "QEMU HARDDISK");
    set_default(&drive->version, "2.5+");
    drive->dma_buffer = malloc(IDE_DMA_CHUNK);
    if (!drive->dma_buffer) {
        error_set(err, "no memory for a drive's buffer");
        return false;
    }
    if (drive->block && !block_attach(drive->block, drive->is_cdrom ? &cdrom_block_ops
                                                                    : &disk_block_ops,
                                      drive, err)) {
        free(drive->dma_buffer);
        return false;
    }
    machine_on_run_change(run_changed, drive);
    return true;
}

static bool disk_init(struct device *dev, struct error **err)
{
    struct ide_drive *drive = (struct ide_drive *)dev;
    int64_t length;

    if (!drive->block) {
        error_set(err, "%s needs a drive", dev->class->name);
        return false;
    }
    if (!block_inserted(drive->block)) {
        error_set(err, "%s: drive '%s' is empty", dev->class->name, block_id(drive->block));
        return false;
    }
    if (block_readonly(drive->block)) {
        error_set(err, "drive '%s' is read-only, which an IDE disk cannot be",
                  block_id(drive->block));
        return false;
    }
    length = block_length(drive->block);
    if (length < 0) {
        error_set_errno(err, (int)-length, "cannot find out the size of drive '%s'",
                        block_id(drive->block));
        return false;
    }
    drive->total = (uint64_t)length / BLOCK_SECTOR_SIZE;
    ide_guess_geometry(drive->block, &drive->geometry);
    return drive_init(drive, err);
}

static bool cdrom_init(struct device *dev, struct error **err)
{
    struct ide_drive *drive = (struct ide_drive *)dev;

    drive->is_cdrom = true;
    return drive_init(drive, err);
}

static void drive_exit(struct device *dev)
{
    struct ide_drive *drive = (struct ide_drive *)dev;

    ide_cancel(drive);
    if (drive->block) {
        block_detach(drive->block);
    }
    free(drive->dma_buffer);
}

static void drive_reset(struct device *dev)
{
    struct ide_drive *drive = (struct ide_drive *)dev;
    struct ide_drive_state *s = &drive->s;
    uint8_t open = s->tray_open;

    ide_cancel(drive);
    memset(s, 0, sizeof(*s));
    s->tray_open = open;
    s->heads = MAX_OF(drive->geometry.heads, 1u);
    s->sectors = MAX_OF(drive->geometry.sectors, 1u);
    s->multiple = IDE_MAX_MULTIPLE;
    s->transfer_mode = 0x45;                     /* Ultra DMA 5 */
    s->write_cache = drive->block && block_write_cache(drive->block);
    s->smart_on = s->smart_autosave = 1;
    s->block_size = BLOCK_SECTOR_SIZE;
    s->packet_sector = 2048;
    ide_drive_reset_registers(drive);
}

static bool drive_can_save(struct device *dev, struct error **err)
{
    struct ide_drive *drive = (struct ide_drive *)dev;

    if (drive->retry) {
        error_set(err, "drive '%s' waits to repeat a request that failed; let the machine go on "
                  "first (cont)", block_id(drive->block));
    }
    return !drive->retry;
}

static bool drive_loaded(struct device *dev, struct error **err)
{
    struct ide_drive *drive = (struct ide_drive *)dev;
    struct ide_drive_state *s = &drive->s;

    if (s->phase >= IDE_PHASE_COUNT || s->at > s->block_end || s->block_end > IDE_BUFFER ||
        s->end > IDE_BUFFER || s->heads == 0 || s->heads > 16 ||
        s->sectors == 0 || s->sectors > 255 || !bits_is_power_of_two(s->block_size) ||
        s->block_size < 512 || s->block_size > IDE_MAX_MULTIPLE * 512 ||
        (s->packet_sector != 2048 && s->packet_sector != 2352)) {
        error_set(err, "%s: impossible drive state", dev->class->name);
        return false;
    }
    if (drive->block && !drive->is_cdrom) {
        block_set_write_cache(drive->block, s->write_cache);
    }
    return true;
}

static void drive_info(struct device *dev, FILE *out)
{
    struct ide_drive *drive = (struct ide_drive *)dev;

    fprintf(out, "%s: unit %u, status 0x%02x, error 0x%02x, command 0x%02x\n",
            drive->channel->name, drive->unit_number, drive->s.status, drive->s.error,
            drive->s.command);
}

static const struct property drive_properties[] = {
    PROP_DRIVE("drive", ide_drive, block),
    PROP_STRING("serial", ide_drive, serial, NULL),
    PROP_STRING("model", ide_drive, model, NULL),
    PROP_STRING("ver", ide_drive, version, NULL),
    PROP_UINT("bootindex", ide_drive, boot_index, UINT32_MAX),
    PROPERTIES_END
};

/* The old name, for whatever the drive holds. */
static bool either_init(struct device *dev, struct error **err)
{
    struct ide_drive *drive = (struct ide_drive *)dev;
    bool cdrom = drive->block && block_type(drive->block) == BLOCK_CDROM;

    return cdrom ? cdrom_init(dev, err) : disk_init(dev, err);
}

#define IDE_DRIVE(identifier, name_, desc_, init_)                                                 \
    DEVICE(identifier) = {                                                                         \
        .name = name_,                                                                             \
        .desc = desc_,                                                                             \
        .bus = "IDE",                                                                              \
        .size = sizeof(struct ide_drive),                                                          \
        .properties = drive_properties,                                                            \
        .init = init_,                                                                             \
        .exit = drive_exit,                                                                        \
        .reset = drive_reset,                                                                      \
        .can_save = drive_can_save,                                                                \
        .loaded = drive_loaded,                                                                    \
        .info = drive_info,                                                                        \
        .state = STATE(ide_drive, s, ide_drive_state, 2),                                          \
    }

IDE_DRIVE(ide_hd, "ide-hd", "virtual IDE disk", disk_init);
IDE_DRIVE(ide_cd, "ide-cd", "virtual IDE CD-ROM", cdrom_init);
IDE_DRIVE(ide_drive, "ide-drive", "virtual IDE disk or CD-ROM, as its drive's media= says",
          either_init);

/* --- from the command line ------------------------------------------------------------------- */

static bool create_drive(struct ide_channel *channel, unsigned unit, struct block *block,
                         struct error **err)
{
    bool disk = block_type(block) == BLOCK_DISK;
    struct device *dev = device_create(disk ? "ide-hd" : "ide-cd", err);

    if (!dev || !device_set(dev, "bus", channel->name, err)) {
        return false;
    }
    device_set_uint(dev, "unit", unit);
    device_set_pointer(dev, "drive", block);
    return device_realize(dev, err);
}

bool ide_create_drives(struct ide_channel *channel, struct error **err)
{
    for (unsigned unit = 0; unit < 2; unit++) {
        struct block *block = block_find_drive(BLOCK_IF_IDE, channel->number, unit);
        if (block && !create_drive(channel, unit, block, err)) {
            return false;
        }
    }
    return true;
}

bool ide_disk_geometry(const struct ide_channel *channel, unsigned unit,
                       struct ide_geometry *geometry)
{
    const struct ide_drive *drive = channel->drives[unit];

    if (!drive || drive->is_cdrom) {
        return false;
    }
    *geometry = drive->geometry;
    return true;
}
