/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One ATA channel on the ISA bus, class "isa-ide": programmed I/O only. */
#include "hw/ide/ide.h"
#include "hw/isa/isa.h"

struct isa_ide_state {
    struct ide_channel_state channel;
};

struct isa_ide {
    struct device dev;
    struct ide_channel channel;
    struct memory_region command_ports, control_port;
    uint32_t command_port, control_port_number, irq, number;
    struct isa_ide_state s;
};

FIELDS(isa_ide_state) = { NESTED(isa_ide_state, channel, ide_channel_state), FIELDS_END };

static bool isa_ide_init(struct device *dev, struct error **err)
{
    struct isa_ide *ide = (struct isa_ide *)dev;
    struct ide_channel *channel = &ide->channel;

    if (ide->command_port > 0xfff8 || ide->control_port_number > 0xffff) {
        error_set(err, "isa-ide: the ports are out of range");
        return false;
    }
    if (!isa_connect_irq(dev, 0, ide->irq, err)) {
        return false;
    }
    ide_channel_init(channel, dev, ide->number, &ide->s.channel);
    channel->irq = dev->irqs[0];
    memory_region_init_mmio(&ide->command_ports, "ide-command", 8, &ide_command_ops, channel);
    memory_region_init_mmio(&ide->control_port, "ide-control", 1, &ide_control_ops, channel);
    isa_map(dev, &ide->command_ports, (uint16_t)ide->command_port);
    isa_map(dev, &ide->control_port, (uint16_t)ide->control_port_number);
    return true;
}

static void isa_ide_exit(struct device *dev)
{
    struct isa_ide *ide = (struct isa_ide *)dev;

    memory_region_fini(&ide->command_ports);
    memory_region_fini(&ide->control_port);
    ide_channel_fini(&ide->channel);
}

static void isa_ide_reset(struct device *dev)
{
    ide_channel_reset(&((struct isa_ide *)dev)->channel);
}

static void isa_ide_reset_lines(struct device *dev)
{
    ide_channel_update_irq(&((struct isa_ide *)dev)->channel);
}

static bool isa_ide_loaded(struct device *dev, struct error **err)
{
    if (((struct isa_ide *)dev)->s.channel.selected > 1) {
        error_set(err, "isa-ide: impossible drive selected");
        return false;
    }
    return true;
}

struct ide_channel *isa_ide_channel(struct device *dev)
{
    return &((struct isa_ide *)dev)->channel;
}

static const struct property isa_ide_properties[] = {
    PROP_UINT("iobase", isa_ide, command_port, 0x1f0),
    PROP_UINT("iobase2", isa_ide, control_port_number, 0x3f6),
    PROP_UINT("irq", isa_ide, irq, 14),
    PROP_UINT("number", isa_ide, number, 0),
    PROPERTIES_END
};

DEVICE(isa_ide) = {
    .name = "isa-ide",
    .desc = "ISA IDE controller",
    .bus = "isa",
    .size = sizeof(struct isa_ide),
    .properties = isa_ide_properties,
    .irqs = 1,
    .init = isa_ide_init,
    .exit = isa_ide_exit,
    .reset = isa_ide_reset,
    .reset_lines = isa_ide_reset_lines,
    .loaded = isa_ide_loaded,
    .state = STATE(isa_ide, s, isa_ide_state, 1),
};
