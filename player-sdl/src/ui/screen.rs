//! What SDL does for the player: the window, the renderer and the textures.

use super::canvas::{Canvas, Rect};
use super::layout::{MIN_SIZE, START_SIZE, scaled};
use super::theme::Color;
use crate::args::Args;
use crate::frame::Picture;
use anyhow::{Context, anyhow, bail};
use sdl2::VideoSubsystem;
use sdl2::pixels::PixelFormatEnum;
use sdl2::render::{BlendMode, Texture, TextureCreator, WindowCanvas};
use sdl2::video::{FullscreenType, WindowContext};

/// Opens the window. Returns its canvas, and how many pixels of the window a pixel of the design is.
pub(super) fn open(video: &VideoSubsystem, args: &Args, title: &str) -> anyhow::Result<(WindowCanvas, f32)> {
    // Some systems scale windows by themselves: their sizes are told in units of theirs. How many pixels one of these is is known
    // when there is a window.
    let scales_itself = matches!(video.current_video_driver(), "wayland" | "cocoa");
    let guess = args.window.scale.unwrap_or_else(|| if scales_itself { 1.0 } else { desktop_scale(video) });
    let side = |length: u32| scaled(length as i32, if scales_itself { 1.0 } else { guess }) as u32;
    let bounds = video.display_usable_bounds(0);
    let within = |(width, height): (u32, u32)| match (args.window.window_size, &bounds) {
        // The desktop puts a title bar above the window, which has to fit, too.
        (None, Ok(bounds)) => (width.min(bounds.width()), height.min(bounds.height() / 12 * 11)),
        _ => (width, height),
    };
    let (width, height) = within(args.window.window_size.unwrap_or((side(START_SIZE.0), side(START_SIZE.1))));
    let mut window = video
        .window(title, width, height)
        .position_centered()
        .resizable()
        .allow_highdpi()
        .build()
        .context("cannot open a window")?;
    let ratio = window.drawable_size().0 as f32 / window.size().0.max(1) as f32;
    let scale = args.window.scale.unwrap_or(if ratio > 1.0 { ratio } else { guess });
    let units = |length: u32| (scaled(length as i32, scale) as f32 / ratio) as u32;
    let wanted = within((units(START_SIZE.0), units(START_SIZE.1)));
    if scales_itself && args.window.window_size.is_none() && wanted != (width, height) {
        let _ = window.set_size(wanted.0, wanted.1);
    }
    let (width, height) = window.size();
    // The user may ask for a smaller window on the command line, but cannot make one with the mouse.
    let _ = window.set_minimum_size(units(MIN_SIZE.0).min(width), units(MIN_SIZE.1).min(height));
    let software = match args.window.renderer.as_str() {
        // Wayland has nothing to draw on without OpenGL, which does without a card where it has to.
        "auto" => !has_graphics_card() && video.current_video_driver() != "wayland",
        "software" => true,
        name => {
            sdl2::hint::set("SDL_RENDER_DRIVER", name);
            false
        }
    };
    if software && video.current_video_driver() != "wayland" {
        // Otherwise SDL would put the drawn window on the screen through OpenGL, which without a graphics card is slow.
        sdl2::hint::set("SDL_FRAMEBUFFER_ACCELERATION", "0");
    }
    let builder = window.into_canvas();
    let builder = if software { builder.software() } else { builder };
    let canvas =
        builder.build().with_context(|| format!("cannot draw with the renderer {:?}", args.window.renderer))?;
    log::info!("renderer {}, scale {scale}", canvas.info().name);
    Ok((canvas, scale))
}

/// Whether there is a graphics card. This looks for its device instead of asking OpenGL, which without a card would load a
/// software renderer of a hundred megabytes.
fn has_graphics_card() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let nodes = std::fs::read_dir("/dev/dri").map(|nodes| nodes.flatten().collect::<Vec<_>>()).unwrap_or_default();
    let renders = nodes.iter().any(|node| node.file_name().to_string_lossy().starts_with("renderD"));
    renders || ["/dev/dxg", "/dev/nvidiactl"].iter().any(|path| std::path::Path::new(path).exists())
}

/// Returns how large the desktop wants things to be: 1 is the usual size.
fn desktop_scale(video: &VideoSubsystem) -> f32 {
    let told = if video.current_video_driver() == "x11" { xft_dpi() } else { None };
    match told {
        // What the user has chosen in the desktop's settings, in steps of a quarter.
        Some(dpi) => ((dpi / 96.0 * 4.0).round() / 4.0).clamp(1.0, 4.0),
        None => density(video),
    }
}

/// Returns the resolution for text that the desktop's settings tell X11's programs (`Xft.dpi`).
#[cfg(all(unix, not(target_os = "macos")))]
fn xft_dpi() -> Option<f32> {
    let (connection, _) = x11rb::connect(None).ok()?;
    let resources = x11rb::resource_manager::new_from_default(&connection).ok()?;
    resources.get_value("Xft.dpi", "").ok()?.filter(|dpi: &f32| dpi.is_finite() && *dpi > 0.0)
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn xft_dpi() -> Option<f32> {
    None
}

/// Returns how dense the display's pixels are, in steps of a half: 1 means 96 pixels an inch.
fn density(video: &VideoSubsystem) -> f32 {
    let (density, ..) = video.display_dpi(0).unwrap_or((96.0, 96.0, 96.0));
    let steps = (density / 96.0 * 2.0).floor() / 2.0;
    // A display that is a little denser is only smaller than usual, and one that says it is very dense is wrong.
    if (1.5..=4.0).contains(&steps) { steps } else { 1.0 }
}

/// A part of the window, which is drawn anew only when its view or its place changes.
pub(super) struct Layer<'t, V> {
    /// What it shows, where, and on which ground.
    shown: Option<(V, Rect, Color)>,
    texture: Option<Texture<'t>>,
}

impl<V: PartialEq> Layer<'_, V> {
    pub(super) const fn new() -> Self {
        Self { shown: None, texture: None }
    }

    pub(super) const fn is_shown(&self) -> bool {
        self.texture.is_some()
    }
}

/// The picture of a stream as the graphics card has it.
#[derive(Default)]
pub(super) struct PictureView<'t> {
    /// With its width and height.
    texture: Option<(Texture<'t>, (usize, usize))>,
    whole: (usize, usize),
}

impl PictureView<'_> {
    /// The picture's width and height, if there is one: those of the whole picture, where this is a smaller one.
    pub(super) fn size(&self) -> Option<(usize, usize)> {
        self.texture.as_ref().map(|_| self.whole)
    }

    pub(super) fn clear(&mut self) {
        self.texture = None;
    }
}

/// The window's renderer, and memory to draw the parts in that are no pictures.
pub(super) struct Screen<'t> {
    canvas: WindowCanvas,
    creator: &'t TextureCreator<WindowContext>,
    scratch: Canvas,
    bytes: Vec<u8>,
}

impl<'t> Screen<'t> {
    pub(super) fn new(canvas: WindowCanvas, creator: &'t TextureCreator<WindowContext>) -> Self {
        Self { canvas, creator, scratch: Canvas::default(), bytes: Vec::new() }
    }

    /// Returns the window's width and height in pixels, and how many pixels one of the mouse's units is.
    pub(super) fn size(&self) -> ((i32, i32), f32) {
        let (width, height) = self.canvas.output_size().unwrap_or((1, 1));
        let ratio = width as f32 / self.canvas.window().size().0.max(1) as f32;
        ((width as i32, height as i32), ratio)
    }

    /// Fills the screen or goes back to a window. Returns whether the system has done so.
    pub(super) fn set_fullscreen(&mut self, on: bool) -> bool {
        let mode = if on { FullscreenType::Desktop } else { FullscreenType::Off };
        self.canvas.window_mut().set_fullscreen(mode).is_ok()
    }

    pub(super) fn set_title(&mut self, title: &str) {
        // A name with NUL in it has no title.
        let _ = self.canvas.window_mut().set_title(title);
    }

    pub(super) fn hide(&mut self) {
        self.canvas.window_mut().hide();
    }

    /// Draws a layer if its view or place has changed. Returns whether it has.
    ///
    /// # Errors
    /// A sentence, if there is no texture for it.
    pub(super) fn update<V: PartialEq + Clone>(
        &mut self,
        layer: &mut Layer<'t, V>,
        view: &V,
        rect: Rect,
        ground: Color,
        draw: impl FnOnce(&mut Canvas, &V),
    ) -> anyhow::Result<bool> {
        if layer.shown.as_ref().is_some_and(|(shown, place, on)| shown == view && (*place, *on) == (rect, ground)) {
            return Ok(false);
        }
        let size_changed = layer.shown.as_ref().is_none_or(|(_, place, _)| (place.w, place.h) != (rect.w, rect.h));
        if rect.is_empty() {
            layer.texture = None;
        } else {
            self.scratch.reset(rect.w, rect.h, ground);
            draw(&mut self.scratch, view);
            if size_changed || layer.texture.is_none() {
                layer.texture = None;
                let texture = self
                    .creator
                    .create_texture_streaming(PixelFormatEnum::ARGB8888, rect.w as u32, rect.h as u32)
                    .context("cannot draw the controls")?;
                layer.texture = Some(texture);
            }
            self.scratch.bytes(&mut self.bytes);
            if let Some(texture) = &mut layer.texture {
                texture.set_blend_mode(if ground.a() == 255 { BlendMode::None } else { BlendMode::Blend });
                texture.update(None, &self.bytes, rect.w as usize * 4).context("cannot draw the controls")?;
            }
        }
        layer.shown = Some((view.clone(), rect, ground));
        Ok(true)
    }

    /// Makes a picture the one of a view. Returns whether there is a texture for it.
    pub(super) fn set_picture(&mut self, view: &mut PictureView<'t>, picture: &Picture) -> bool {
        let &Picture { ref pixels, width, height, whole, .. } = picture;
        view.whole = whole;
        if view.texture.as_ref().map(|&(_, size)| size) != Some((width, height)) {
            let format = PixelFormatEnum::RGB888;
            match self.creator.create_texture_streaming(format, width as u32, height as u32) {
                Ok(texture) => view.texture = Some((texture, (width, height))),
                Err(error) => {
                    log::warn!("a picture of {width} x {height} cannot be shown: {error}");
                    return false;
                }
            }
        }
        let Some((texture, _)) = &mut view.texture else { return false };
        texture.update(None, pixels, width * 4).is_ok()
    }

    pub(super) fn clear(&mut self, color: Color) {
        self.canvas.set_draw_color(sdl2::pixels::Color::RGB(color.r(), color.g(), color.b()));
        self.canvas.clear();
    }

    pub(super) fn fill(&mut self, rect: Rect, color: Color) {
        let alpha = color.a() as u8;
        self.canvas.set_blend_mode(if alpha == 255 { BlendMode::None } else { BlendMode::Blend });
        self.canvas.set_draw_color(sdl2::pixels::Color::RGBA(color.r(), color.g(), color.b(), alpha));
        let _ = self.canvas.fill_rect(to_sdl(rect));
    }

    /// Darkens a strip at the upper edge of the window, or at the lower one, more and more towards the edge from where `tail` ends.
    pub(super) fn scrim(&mut self, rect: Rect, tail: i32, is_upper: bool, color: Color) {
        let solid = rect.h - tail;
        let place = |from: i32, rows: i32| {
            let y = if is_upper { rect.bottom() - from - rows } else { rect.y + from };
            Rect { y, h: rows, ..rect }
        };
        let step = (tail / 32).max(1);
        let mut at = 0;
        while at < tail {
            let rows = step.min(tail - at);
            let part = (at + rows) as f32 / (tail + step) as f32;
            // It begins softly.
            let alpha = color.a() as f32 * part * part * (3.0 - 2.0 * part);
            self.fill(place(at, rows), color.alpha(alpha as u8));
            at += rows;
        }
        self.fill(place(tail, solid), color);
    }

    pub(super) fn draw_picture(&mut self, view: &PictureView<'t>, rect: Rect) {
        if let Some((texture, _)) = &view.texture {
            let _ = self.canvas.copy(texture, None, to_sdl(rect));
        }
    }

    pub(super) fn draw<V>(&mut self, layer: &Layer<'t, V>) {
        if let (Some(texture), Some((_, rect, _))) = (&layer.texture, &layer.shown) {
            let _ = self.canvas.copy(texture, None, to_sdl(*rect));
        }
    }

    /// Draws a layer of which only a part is to be seen, 0 to 255.
    pub(super) fn draw_faded<V>(&mut self, layer: &mut Layer<'t, V>, alpha: u8) {
        if let Some(texture) = &mut layer.texture {
            texture.set_alpha_mod(alpha);
        }
        if alpha > 0 {
            self.draw(layer);
        }
    }

    pub(super) fn present(&mut self) {
        self.canvas.present();
    }
}

fn to_sdl(rect: Rect) -> sdl2::rect::Rect {
    sdl2::rect::Rect::new(rect.x, rect.y, rect.w.max(1) as u32, rect.h.max(1) as u32)
}

/// Fails if there is no display, in which case SDL draws where nobody sees it. If the environment names that driver, the
/// user wants it so.
pub(super) fn ensure_visible(video: &VideoSubsystem) -> anyhow::Result<()> {
    let driver = video.current_video_driver();
    if matches!(driver, "offscreen" | "dummy") && std::env::var_os("SDL_VIDEODRIVER").is_none() {
        bail!("there is no display to show a window on (set DISPLAY or WAYLAND_DISPLAY); without one, use --headless");
    }
    Ok(())
}

/// Makes an error of a message of SDL's.
pub(super) fn sdl_error(what: &'static str) -> impl Fn(String) -> anyhow::Error {
    move |error| anyhow!("{what}: {error}; without a display, use --headless")
}
