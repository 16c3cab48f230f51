/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A window by SDL 2, whose library is loaded only when one is wanted. */
#include "ui/sdl.h"

#ifdef CONFIG_SDL
#include <SDL.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "base/library.h"
#include "console.h"
#include "ui/keymap.h"
#include "ui/sdl-keys.h"
#include "ui/vnc/vnc.h"

#define LIBRARY "libSDL2-2.0.so.0"
#define BUSY_MS 16
#define IDLE_MS 40
#define IDLE_AFTER 30              /* looks without a change */

#define FUNCTIONS(F)                                                                               \
    F(Init) F(Quit) F(GetError) F(SetHint) F(CreateWindow) F(DestroyWindow) F(CreateRenderer)      \
    F(DestroyRenderer) F(CreateTexture) F(DestroyTexture) F(UpdateTexture) F(RenderClear)          \
    F(RenderCopy) F(RenderPresent) F(RenderSetLogicalSize) F(PollEvent) F(SetWindowTitle)          \
    F(SetWindowSize) F(GetWindowSize) F(SetWindowFullscreen) F(SetRelativeMouseMode)               \
    F(ShowCursor) F(StartTextInput) F(SetWindowGrab)

static struct {
#define F(name) __typeof__(SDL_##name) *name;
    FUNCTIONS(F)
#undef F
} sdl;

static struct {
    bool open;
    struct sdl_options options;
    SDL_Window *handle;
    SDL_Renderer *renderer;
    SDL_Texture *texture;
    struct console_listener listener;
    int width, height;             /* of the texture */
    int x1, y1, x2, y2;            /* changed; x2 0: nothing */
    bool resized, full_screen, grabbed;
    bool only_modifiers;           /* since Ctrl and Alt went down */
    unsigned idle_ticks, buttons;
    uint8_t keys_down[INPUT_KEY_COUNT];
    void (*quit)(void);
} window;

bool sdl_available(void)
{
    return true;
}

static bool load(struct error **err)
{
    static const struct library_symbol functions[] = {
#define F(name) { "SDL_" #name, &sdl.name },
        FUNCTIONS(F)
#undef F
    };

    return library_load("-display sdl", LIBRARY, "libsdl2-2.0-0", functions,
                        ARRAY_LEN(functions), err);
}

/* --- the picture ----------------------------------------------------------------------------- */

static void on_updated(struct console_listener *listener, int x, int y, int width, int height)
{
    bool fresh = !window.x2;

    window.x1 = fresh ? x : MIN_OF(window.x1, x);
    window.y1 = fresh ? y : MIN_OF(window.y1, y);
    window.x2 = MAX_OF(window.x2, x + width);
    window.y2 = MAX_OF(window.y2, y + height);
}

static void on_resized(struct console_listener *listener)
{
    window.resized = true;
}

static void set_title(void)
{
    char *title = g_strdup_printf("%s%s", vnc_desktop_name(), !window.grabbed ? ""
                                  : window.options.ctrl_grab ? " - Press Right-Ctrl to exit grab"
                                  : window.options.alt_grab
                                  ? " - Press Ctrl-Alt-Shift to exit grab"
                                  : " - Press Ctrl-Alt to exit grab");

    sdl.SetWindowTitle(window.handle, title);
    g_free(title);
}

static void use_new_size(void)
{
    pixman_image_t *image = console_surface(window.listener.con);

    window.resized = false;
    if (window.texture && window.width == pixman_image_get_width(image) &&
        window.height == pixman_image_get_height(image)) {
        on_updated(&window.listener, 0, 0, window.width, window.height);
        return;                    /* another picture, in the window as it is */
    }
    window.width = pixman_image_get_width(image);
    window.height = pixman_image_get_height(image);
    if (window.texture) {
        sdl.DestroyTexture(window.texture);
    }
    window.texture = sdl.CreateTexture(window.renderer, SDL_PIXELFORMAT_RGB888,
                                       SDL_TEXTUREACCESS_STREAMING, window.width, window.height);
    if (!window.full_screen) {
        sdl.SetWindowSize(window.handle, window.width, window.height);
    }
    sdl.RenderSetLogicalSize(window.renderer, window.width, window.height);
    on_updated(&window.listener, 0, 0, window.width, window.height);
}

static void present(void)
{
    sdl.RenderClear(window.renderer);
    sdl.RenderCopy(window.renderer, window.texture, NULL, NULL);
    sdl.RenderPresent(window.renderer);
}

static void draw(void)
{
    pixman_image_t *image = console_surface(window.listener.con);
    SDL_Rect box = { window.x1, window.y1, window.x2 - window.x1, window.y2 - window.y1 };
    pixman_image_t *plain = pixman_image_create_bits(PIXMAN_x8r8g8b8, box.w, box.h, NULL, 0);

    pixman_image_composite(PIXMAN_OP_SRC, image, NULL, plain, (int16_t)box.x, (int16_t)box.y, 0, 0,
                           0, 0, (uint16_t)box.w, (uint16_t)box.h);
    sdl.UpdateTexture(window.texture, &box, pixman_image_get_data(plain),
                      pixman_image_get_stride(plain));
    pixman_image_unref(plain);
    window.x2 = window.y2 = 0;
    present();
}

/* --- keys ------------------------------------------------------------------------------------ */

static bool is_down(enum input_key a, enum input_key b)
{
    return window.keys_down[a] || window.keys_down[b];
}

/* The keys that hold a grab. */
static bool grab_keys_down(void)
{
    bool both = is_down(INPUT_KEY_ctrl, INPUT_KEY_ctrl_r) && is_down(INPUT_KEY_alt, INPUT_KEY_alt);

    if (window.options.ctrl_grab) {
        return window.keys_down[INPUT_KEY_ctrl_r];
    }
    return both && (!window.options.alt_grab || is_down(INPUT_KEY_shift, INPUT_KEY_shift_r));
}

static void release_keys(void)
{
    for (int key = 1; key < INPUT_KEY_COUNT; key++) {
        if (window.keys_down[key] && !console_has_keyboard(window.listener.con)) {
            input_key(key, false);
        }
        window.keys_down[key] = 0;
    }
    if (console_has_keyboard(window.listener.con)) {
        console_key(window.listener.con, KEYSYM_CONTROL_L, false);
        console_key(window.listener.con, KEYSYM_ALT_L, false);
        console_key(window.listener.con, KEYSYM_SHIFT_L, false);
    }
}

static void set_grab(bool on)
{
    window.grabbed = on;
    sdl.SetRelativeMouseMode(on && !input_pointer_absolute());
    sdl.SetWindowGrab(window.handle, on);
    if (!on) {
        sdl.ShowCursor(SDL_ENABLE);
    }
    set_title();
}

static void set_full_screen(bool on)
{
    window.full_screen = on;
    sdl.SetWindowFullscreen(window.handle, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
    if (!on) {
        sdl.SetWindowSize(window.handle, window.width, window.height);
    }
    set_grab(on);
    present();
}

static void scale(int percent)
{
    int width, height;

    sdl.GetWindowSize(window.handle, &width, &height);
    width = percent ? width * percent / 100 : window.width;
    height = percent ? height * percent / 100 : window.height;
    if (width >= 160 && height >= 100 && width < 16384 && height < 16384) {
        sdl.SetWindowSize(window.handle, width, height);
    }
}

static void show_console(unsigned index)
{
    struct console *con = console_find(index);

    if (con && con != window.listener.con) {
        console_unlisten(&window.listener);
        console_listen(con, &window.listener);
    }
}

/* A key beside the grab keys; false if it means nothing here. */
static bool hot_key(enum input_key key)
{
    switch (key) {
    case INPUT_KEY_f:
        release_keys();
        set_full_screen(!window.full_screen);
        return true;
    case INPUT_KEY_g:
        release_keys();
        set_grab(!window.grabbed);
        return true;
    case INPUT_KEY_u: scale(0); return true;
    case INPUT_KEY_equal: case INPUT_KEY_kp_add: scale(125); return true;
    case INPUT_KEY_minus: case INPUT_KEY_kp_subtract: scale(80); return true;
    case INPUT_KEY_1 ... INPUT_KEY_9:
        release_keys();
        show_console((unsigned)(key - INPUT_KEY_1));
        return true;
    default:
        return false;
    }
}

static bool is_modifier(enum input_key key)
{
    return key == INPUT_KEY_ctrl || key == INPUT_KEY_ctrl_r || key == INPUT_KEY_alt ||
        key == INPUT_KEY_shift || key == INPUT_KEY_shift_r;
}

static void key_event(const SDL_KeyboardEvent *event)
{
    enum input_key key = sdl_key(event->keysym.scancode);
    bool down = event->type == SDL_KEYDOWN, chord = grab_keys_down();
    uint32_t keysym = sdl_keysym(event->keysym.scancode);

    if (key == INPUT_KEY_NONE) {
        return;
    }
    if (down && chord && !event->repeat && hot_key(key)) {
        window.only_modifiers = false;
        return;
    }
    window.only_modifiers = is_modifier(key) && (down || window.only_modifiers);
    window.keys_down[key] = down;
    if (console_has_keyboard(window.listener.con)) {
        /* Text comes by an event of its own, but not with Control. */
        bool control = is_down(INPUT_KEY_ctrl, INPUT_KEY_ctrl_r);
        int c = event->keysym.sym;

        if (keysym || (control && c > 32 && c < 127)) {
            console_key(window.listener.con, keysym ? keysym : (uint32_t)c, down);
        }
    } else {
        input_key(key, down);
    }
    /* Ctrl and Alt alone, pressed and let go. */
    if (!down && chord && window.only_modifiers && !grab_keys_down()) {
        set_grab(!window.grabbed);
    }
}

static void text_event(const char *text)
{
    for (; *text && console_has_keyboard(window.listener.con); text = g_utf8_next_char(text)) {
        uint32_t keysym = keymap_from_unicode(g_utf8_get_char(text));

        console_key(window.listener.con, keysym, true);
        console_key(window.listener.con, keysym, false);
    }
}

/* --- pointer --------------------------------------------------------------------------------- */

static unsigned guest_buttons(uint32_t state)
{
    return (state & SDL_BUTTON_LMASK ? INPUT_BUTTON_LEFT : 0) |
        (state & SDL_BUTTON_MMASK ? INPUT_BUTTON_MIDDLE : 0) |
        (state & SDL_BUTTON_RMASK ? INPUT_BUTTON_RIGHT : 0) |
        (state & SDL_BUTTON_X1MASK ? INPUT_BUTTON_SIDE : 0) |
        (state & SDL_BUTTON_X2MASK ? INPUT_BUTTON_EXTRA : 0);
}

/* Positions are those of the picture, whatever the window's size. */
static void pointer_event(int x, int y, int dx, int dy, int wheel)
{
    if (console_has_keyboard(window.listener.con)) {
        return;
    }
    if (input_pointer_absolute()) {
        input_pointer_set(x * INPUT_ABSOLUTE_MAX / MAX_OF(window.width - 1, 1),
                          y * INPUT_ABSOLUTE_MAX / MAX_OF(window.height - 1, 1), wheel,
                          window.buttons);
    } else if (window.grabbed) {
        input_pointer_move(dx, dy, wheel, window.buttons);
    }
}

static void button_event(const SDL_MouseButtonEvent *event)
{
    unsigned bit = guest_buttons(SDL_BUTTON(event->button));
    bool down = event->type == SDL_MOUSEBUTTONDOWN;

    if (down && !window.grabbed && !input_pointer_absolute() &&
        !console_has_keyboard(window.listener.con)) {
        set_grab(true);            /* this click only says that the mouse is wanted */
        return;
    }
    window.buttons = down ? window.buttons | bit : window.buttons & ~bit;
    pointer_event(event->x, event->y, 0, 0, 0);
}

/* --- events ---------------------------------------------------------------------------------- */

static void window_event(const SDL_WindowEvent *event)
{
    switch (event->event) {
    case SDL_WINDOWEVENT_EXPOSED:
    case SDL_WINDOWEVENT_SIZE_CHANGED:
        present();
        break;
    case SDL_WINDOWEVENT_FOCUS_LOST:
        release_keys();
        if (window.grabbed && !window.full_screen) {
            set_grab(false);
        }
        break;
    case SDL_WINDOWEVENT_CLOSE:
        if (window.options.window_close && !window.options.no_quit && window.quit) {
            window.quit();
        }
        break;
    }
}

static void take_event(const SDL_Event *event)
{
    switch (event->type) {
    case SDL_KEYDOWN: case SDL_KEYUP: key_event(&event->key); break;
    case SDL_TEXTINPUT: text_event(event->text.text); break;
    case SDL_MOUSEMOTION:
        pointer_event(event->motion.x, event->motion.y, event->motion.xrel, event->motion.yrel, 0);
        break;
    case SDL_MOUSEBUTTONDOWN: case SDL_MOUSEBUTTONUP: button_event(&event->button); break;
    case SDL_MOUSEWHEEL: pointer_event(0, 0, 0, 0, event->wheel.y); break;
    case SDL_WINDOWEVENT: window_event(&event->window); break;
    }
}

static void on_refreshed(struct console_listener *listener)
{
    SDL_Event event;

    window.idle_ticks++;
    while (sdl.PollEvent(&event)) {
        window.idle_ticks = 0;
        take_event(&event);
    }
    if (window.resized) {
        use_new_size();
    }
    if (window.x2) {
        window.idle_ticks = 0;
        draw();
    }
    console_set_interval(listener, window.idle_ticks > IDLE_AFTER ? IDLE_MS : BUSY_MS);
}

/* --- life ------------------------------------------------------------------------------------ */

static bool open_window(struct error **err)
{
    uint32_t flags = SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI |
        (window.options.no_frame ? SDL_WINDOW_BORDERLESS : 0);

    sdl.SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
    sdl.SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    /* The emulator's own handlers know what to do about signals. */
    sdl.SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    if (sdl.Init(SDL_INIT_VIDEO) < 0) {
        error_set(err, "-display sdl: %s; -vnc :0 shows the picture without a screen",
                  sdl.GetError());
        return false;
    }
    window.handle = sdl.CreateWindow("QEMU", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, 640,
                                     480, flags);
    window.renderer = window.handle ? sdl.CreateRenderer(window.handle, -1, 0) : NULL;
    if (!window.renderer) {
        error_set(err, "-display sdl: %s", sdl.GetError());
        return false;
    }
    return true;
}

bool sdl_open(const struct sdl_options *options, struct error **err)
{
    window.options = *options;
    if (!console_default()) {
        return true;               /* nothing to show */
    }
    if (!load(err) || !open_window(err)) {
        return false;
    }
    window.open = true;
    window.listener = (struct console_listener){
        .updated = on_updated, .resized = on_resized, .refreshed = on_refreshed,
        .interval_ms = BUSY_MS,
    };
    sdl.StartTextInput();
    console_listen(NULL, &window.listener);
    use_new_size();
    set_title();
    if (options->full_screen) {
        set_full_screen(true);
    }
    return true;
}

void sdl_close(void)
{
    if (window.open) {
        window.open = false;
        console_unlisten(&window.listener);
        set_grab(false);
        sdl.DestroyRenderer(window.renderer);
        sdl.DestroyWindow(window.handle);
        sdl.Quit();
    }
}

void sdl_on_quit(void (*quit)(void))
{
    window.quit = quit;
}

#else

bool sdl_available(void)
{
    return false;
}

bool sdl_open(const struct sdl_options *options, struct error **err)
{
    error_set(err, "-display sdl: this build has no SDL (Debian: apt-get install libsdl2-dev, then "
              "build again)");
    return false;
}

void sdl_close(void)
{
}

void sdl_on_quit(void (*quit)(void))
{
}
#endif
