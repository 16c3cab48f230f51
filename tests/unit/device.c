/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices, buses, properties, saved state, lines and the file loader. */
#include "tests/tap.h"

#include <glib.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bits.h"
#include "hw/core/device.h"
#include "hw/core/loader.h"

/* --- a bus and two devices ------------------------------------------------------------------- */

struct probe_part {
    uint8_t a;
    uint32_t b[2];
};

struct probe {
    struct device dev;
    uint8_t slot;
    char *label;
    struct probe_state {
        bool on;
        uint8_t bytes[3];
        int32_t number;
        uint64_t wide;
        struct probe_part parts[2];
        uint16_t grid[2][2];
    } s;
    struct probe_bus_state { uint16_t config; } bus_state;
    bool flag;
    uint16_t port;
    uint64_t room;
    uint8_t mac[6];
    void *drive;
};

FIELDS(probe_part) = { FIELD(probe_part, a), ARRAY(probe_part, b), FIELDS_END };
FIELDS(probe_state) = {
    FIELD(probe_state, on), ARRAY(probe_state, bytes), FIELD(probe_state, number),
    FIELD_SINCE(probe_state, wide, 2), NESTED_ARRAY(probe_state, parts, probe_part),
    ARRAY2(probe_state, grid), FIELDS_END
};
FIELDS(probe_bus_state) = { FIELD(probe_bus_state, config), FIELDS_END };

static char events[256];
static bool refuse_init, refuse_loaded;

static void event(const char *what, const struct device *dev)
{
    snprintf(events + strlen(events), sizeof(events) - strlen(events), "%s%u;", what,
             dev->instance);
}

static void is_events(const char *want, const char *name)
{
    is_text(events, want, name);
    events[0] = '\0';
}

static bool attach(struct bus *bus, struct device *dev, struct error **err)
{
    event("attach", dev);
    return true;
}

static void detach(struct bus *bus, struct device *dev)
{
    event("detach", dev);
}

static void bus_reset(struct device *dev)
{
    event("busreset", dev);
}

static const struct property toy_properties[] = {
    PROP_UINT("slot", probe, slot, 0xff), PROP_STRING("label", probe, label, "none"),
    PROPERTIES_END
};

BUS_TYPE(toy) = {
    .name = "toy", .properties = toy_properties,
    .state = STATE(probe, bus_state, probe_bus_state, 1),
    .attach = attach, .detach = detach, .reset = bus_reset,
};

static bool probe_init(struct device *dev, struct error **err)
{
    event("init", dev);
    if (refuse_init) {
        error_set(err, "will not");
    }
    return !refuse_init;
}

static void probe_exit(struct device *dev)
{
    event("exit", dev);
}

static void probe_reset(struct device *dev)
{
    event("reset", dev);
}

static void probe_lines(struct device *dev)
{
    event("lines", dev);
    irq_set(dev->irqs[0], container_of(dev, struct probe, dev)->s.on);
}

static bool probe_loaded(struct device *dev, struct error **err)
{
    event("loaded", dev);
    if (refuse_loaded) {
        error_set(err, "impossible");
    }
    return !refuse_loaded;
}

static void probe_input(void *dev, int n, int level)
{
    struct probe *p = dev;

    p->s.bytes[n] = level;
}

static uint64_t probe_read(void *dev, uint64_t offset, unsigned size)
{
    struct probe *p = dev;

    return p->s.bytes[offset % 3];
}

static const struct property probe_properties[] = {
    PROP_BOOL("flag", probe, flag, true), PROP_UINT("port", probe, port, 0x3f8),
    PROP_SIZE("room", probe, room, 4096), PROP_MAC("mac", probe, mac),
    PROP_DRIVE("drive", probe, drive), PROPERTIES_END
};
static const struct device_region probe_regions[] = {
    { "registers", 16, { .read = probe_read } }, { NULL }
};

DEVICE(probe) = {
    .name = "probe", .alias = "prober", .desc = "A probe", .bus = "toy",
    .size = sizeof(struct probe), .properties = probe_properties, .regions = probe_regions,
    .irqs = 1, .inputs = 3, .input = probe_input, .init = probe_init, .exit = probe_exit,
    .reset = probe_reset, .reset_lines = probe_lines, .loaded = probe_loaded,
    .state = STATE(probe, s, probe_state, 2),
};

DEVICE(board_part) = { .name = "board-part", .internal = true, .size = sizeof(struct device) };

/* --- tests ----------------------------------------------------------------------------------- */

static void fails(bool failed, struct error **err, const char *want)
{
    ok(failed && *err, "fails");
    is_text(*err ? error_text(*err) : "", want, want);
    error_free(*err);
    *err = NULL;
}

static void *find_drive(const char *name)
{
    return strcmp(name, "disk0") == 0 ? &find_drive : NULL;
}

static void test_properties(void)
{
    struct error *err = NULL;
    struct device *dev = device_create("prober", NULL), *other = device_create("probe", NULL);
    struct probe *p = (struct probe *)dev;

    fails(!device_create("nothing", &err), &err, "'nothing' is not a valid device model name");
    ok(dev && dev->instance == 0 && other->instance == 1, "two instances");
    ok(p->flag && p->port == 0x3f8 && p->room == 4096 && p->slot == 0xff, "defaults");
    is_text(p->label, "none", "the default of a text");
    ok(device_set(dev, "port", "0xffff", NULL) && p->port == 0xffff, "a number");
    fails(!device_set(dev, "port", "0x10000", &err), &err,
          "Property 'probe.port' doesn't take value '0x10000' (number)");
    ok(device_set(dev, "flag", "off", NULL) && !p->flag, "a bool");
    ok(device_set(dev, "room", "2M", NULL) && p->room == 2 << 20, "a size");
    ok(device_set(dev, "label", "mine", NULL) && strcmp(p->label, "mine") == 0, "a bus property");
    ok(device_set(dev, "mac", "52:54:00:12:34:5f", NULL) && p->mac[5] == 0x5f, "a MAC");
    ok(!device_set(dev, "mac", "52:54:00:12:34", NULL) &&
       !device_set(dev, "mac", "52:54:00:12:34:5g", NULL) &&
       !device_set(dev, "mac", "52:54:00:12:34:56:", NULL), "bad MACs");
    fails(!device_set(dev, "drive", "disk0", &err), &err,
          "Property 'probe.drive' can't find value 'disk0'");
    device_set_resolver(PROPERTY_DRIVE, find_drive);
    ok(device_set(dev, "drive", "disk0", NULL) && p->drive == &find_drive, "a drive by name");
    fails(!device_set(dev, "colour", "red", &err), &err, "Property 'probe.colour' not found");
    ok(device_set(dev, "id", "one", NULL), "an id");
    fails(!device_set(other, "id", "one", &err), &err, "Duplicate ID 'one' for device");
    fails(!device_set(dev, "bus", "toy.9", &err), &err, "Bus 'toy.9' not found");
    device_set_uint(dev, "port", 7);
    device_set_pointer(dev, "drive", NULL);
    ok(p->port == 7 && !p->drive, "set by a board");
    ok(device_find("one") == dev && device_find("probe") == dev, "found by id and by class");
    fails(!device_realize(dev, &err), &err, "No 'toy' bus found for device 'probe'");
    device_destroy(dev);
    device_destroy(other);
    ok(!device_first(), "all gone");
    is_events("", "nothing was realized");
}

static int line_level = -1;

static void note_level(void *opaque, int n, int level)
{
    line_level = level;
}

static void test_life(void)
{
    struct error *err = NULL;
    struct bus bus, second;
    struct device *dev;
    uint64_t value;

    bus_init(&bus, &toy_type, "toy.0", NULL);
    bus_init(&second, &toy_type, "toy.1", NULL);
    ok(bus_find("toy.1") == &second && bus_find("toy") == &bus && !bus_find("pci"), "buses");
    dev = device_create("probe", NULL);
    refuse_init = true;
    fails(!device_realize(dev, &err), &err, "will not");
    refuse_init = false;
    is_events("attach0;init0;detach0;", "a failed init leaves the bus");
    ok(device_realize(dev, NULL) && dev->realized && dev->bus == &bus, "realize");
    is_events("attach0;init0;", "attach before init");
    device_connect(dev, 0, (struct irq){ note_level });
    irq_raise(device_input(dev, 1));
    ok(memory_region_ld(device_region(dev, "registers"), 1, 1, ENDIAN_LITTLE, &value) == MEM_OK &&
       value == 1, "an input seen through a region");
    ok(!device_region(dev, "none"), "no such region");
    ok(device_add_option("probe,bus=toy.1,id=two,port=5", NULL), "-device");
    is_events("attach1;init1;", "without a reset before the machine's");
    ok(device_find("two")->bus == &second, "on its bus");
    device_reset_all();
    is_events("busreset0;reset0;busreset1;reset1;lines0;lines1;", "states first, then lines");
    is_int(line_level, 0, "the line is driven");
    ok(device_add_option("prober,slot=3", NULL), "a late device");
    is_events("attach2;init2;busreset2;reset2;lines2;", "is reset");
    fails(!device_add_option("board-part", &err), &err,
          "'board-part' belongs to the machine and cannot be added");
    fails(!device_add_option("probe,port=x", &err), &err,
          "Property 'probe.port' doesn't take value 'x' (number)");
    ok(!device_add_option("id=x", NULL) && !device_add_option("", NULL), "no driver");
    is_events("", "nothing came of these");
    device_destroy(device_find("two"));
    is_events("exit1;detach1;", "destroy");
    second.owner = dev;
    ok(device_add_option("probe,bus=toy.1", NULL), "a child");
    events[0] = '\0';
    device_destroy(dev);
    is_events("exit1;detach1;exit0;detach0;", "children go first");
    device_destroy(device_first());
    events[0] = '\0';
    bus_fini(&second);
    bus_fini(&bus);
}

static void fill(struct probe *p, unsigned seed)
{
    p->s.on = true;
    p->s.number = -5 - (int)seed;
    p->s.wide = 0x123456789abcdef0 + seed;
    p->s.bytes[2] = 77;
    p->s.parts[1].b[1] = seed;
    p->s.grid[1][0] = 0xabcd;
    p->bus_state.config = 0x8086;
}

static void test_state(void)
{
    struct error *err = NULL;
    struct state_writer w = { 0 };
    struct state_reader r;
    struct bus bus;
    struct probe *a, *b;
    bool survived = true;

    is_int(state_uncovered(&probe_class.state), -1, "every byte is in the table");
    bus_init(&bus, &toy_type, "toy.0", NULL);
    ok(device_add_option("probe", NULL) && device_add_option("probe", NULL), "two devices");
    a = (struct probe *)device_first();
    b = (struct probe *)a->dev.next;
    fill(a, 1);
    fill(b, 2);
    struct probe_state saved_a = a->s, saved_b = b->s;
    device_save_all(&w);
    memset(&a->s, 0, sizeof(a->s));
    memset(&b->s, 0, sizeof(b->s));
    a->bus_state.config = 0;
    events[0] = '\0';
    r = (struct state_reader){ w.data, w.size, 0 };
    ok(device_load_all(&r, &err), "load");
    is_int(r.at, w.size, "all of it");
    is_events("loaded0;loaded1;lines0;lines1;", "hooks");
    ok(a->s.number == saved_a.number && a->s.wide == saved_a.wide && a->s.bytes[2] == 77 &&
       a->s.parts[1].b[1] == 1 && a->s.grid[1][0] == 0xabcd && a->s.on, "one is back");
    ok(b->s.number == saved_b.number && b->s.parts[1].b[1] == 2, "two is back");
    is_int(a->bus_state.config, 0x8086, "the bus's part is back");

    refuse_loaded = true;
    r.at = 0;
    fails(!device_load_all(&r, &err), &err, "impossible");
    refuse_loaded = false;
    for (size_t cut = 1; cut < w.size; cut++) {
        r = (struct state_reader){ w.data, w.size - cut, 0 };
        if (device_load_all(&r, NULL) && cut > 2) {
            survived = false;
        }
    }
    ok(survived, "no cut stream loads");
    for (size_t i = 0; i < w.size; i++) {
        w.data[i] ^= 0x55;
        r = (struct state_reader){ w.data, w.size, 0 };
        device_load_all(&r, NULL);
        w.data[i] ^= 0x55;
    }
    ok(true, "no damaged byte is fatal");
    r = (struct state_reader){ w.data, w.size, 0 };
    device_destroy(&b->dev);
    fails(!device_load_all(&r, &err), &err, "the machine has no device 'probe/toy' number 1");
    device_destroy(&a->dev);
    bus_fini(&bus);
    state_writer_free(&w);
}

static const struct field gap_fields[] = {
    FIELD(probe_state, on), ARRAY(probe_state, bytes), FIELD(probe_state, wide), FIELDS_END
};

static const struct field old_fields[] = {
    FIELD(probe_state, on), ARRAY(probe_state, bytes), FIELD(probe_state, number),
    NESTED_ARRAY(probe_state, parts, probe_part), ARRAY2(probe_state, grid), FIELDS_END
};

struct padded_row {
    uint64_t wide[6];
    uint8_t narrow;
};

struct padded {
    struct padded_row rows[3];
    bool last;
};

FIELDS(padded_row) = {
    ARRAY(padded_row, wide), FIELD(padded_row, narrow), FIELDS_END
};
FIELDS(padded) = {
    NESTED_ARRAY(padded, rows, padded_row), FIELD(padded, last), FIELDS_END
};
static const struct field nothing_fields[] = { FIELDS_END };

static void test_padding(void)
{
    struct state whole = { 0, sizeof(struct padded), 1, padded_fields, padded_mask };
    struct state nothing = { 0, sizeof(struct padded), 1, nothing_fields, padded_mask };

    is_int(state_uncovered(&whole), -1, "padding in and behind an array of structs");
    is_int(state_uncovered(&nothing), 0, "the first byte is not padding");
}

static void test_versions(void)
{
    struct state gap = { 0, sizeof(struct probe_state), 1, gap_fields, probe_state_mask };
    struct state old = { 0, sizeof(struct probe_state), 1, old_fields, probe_state_mask };
    struct state now = { 0, sizeof(struct probe_state), 2, probe_state_fields, probe_state_mask };
    struct probe_state s = { .number = -3, .wide = 9 }, loaded = { .wide = 42 };
    struct state_writer w = { 0 };
    struct state_section section;
    struct state_reader r;
    struct error *err = NULL;
    char *text = NULL;
    size_t size;
    FILE *out;

    is_int(state_uncovered(&gap), offsetof(struct probe_state, number), "a forgotten member");
    state_save(&w, "thing", 3, &old, &s);
    state_save(&w, "thing", 4, &now, &s);
    r = (struct state_reader){ w.data, w.size, 0 };
    ok(state_next_section(&r, &section, &err) && strcmp(section.name, "thing") == 0 &&
       section.instance == 3 && section.version == 1, "a section");
    ok(state_load(&section, &now, &loaded, &err) && loaded.number == -3 && loaded.wide == 42,
       "an old version loads and leaves the new member");
    ok(state_next_section(&r, &section, &err), "the next");
    fails(!state_load(&section, &old, &loaded, &err), &err,
          "thing: version 2 is not supported (newest is 1)");
    ok(!state_next_section(&r, &section, &err) && !err, "the end");
    state_writer_free(&w);

    out = open_memstream(&text, &size);
    state_print(out, &gap, &s);
    fclose(out);
    is_text(text, "on 0x0\nbytes 0x0 0x0 0x0\nwide 0x9\n", "print");
    free(text);
}

static void test_lines(void)
{
    struct irq target = { note_level, NULL, 0 };
    struct irq_or gate = { .output = target };

    irq_raise(irq_invert(target));
    is_int(line_level, 0, "inverted");
    irq_raise(irq_split((struct irq){ 0 }, target));
    is_int(line_level, 1, "split");
    irq_raise(irq_or_input(&gate, 0));
    irq_raise(irq_or_input(&gate, 63));
    irq_lower(irq_or_input(&gate, 0));
    is_int(line_level, 1, "one of two is up");
    irq_lower(irq_or_input(&gate, 63));
    is_int(line_level, 0, "none is up");
}

static void test_loader(void)
{
    char dir[] = "/tmp/loader-test-XXXXXX";
    struct error *err = NULL;
    char *path;
    size_t size = 0;
    void *data;

    ok(mkdtemp(dir), "a directory");
    path = g_build_filename(dir, "unit-test-rom.bin", NULL);
    ok(g_file_set_contents(path, "12345", 5, NULL), "a file");
    data = loader_read_file(path, &size, 5, NULL);
    ok(data && size == 5 && memcmp(data, "12345", 6) == 0, "read");
    ok(!loader_read_file(path, &size, 4, &err) && err, "too large");
    error_free(err);
    err = NULL;
    ok(!loader_read_file("/nonexistent/x", &size, 4, &err) && err, "missing");
    error_free(err);
    unlink(path);
    rmdir(dir);
    g_free(data);
    g_free(path);
}

int main(void)
{
    test_properties();
    test_life();
    test_state();
    test_padding();
    test_versions();
    test_lines();
    test_loader();
    return tap_done();
}
