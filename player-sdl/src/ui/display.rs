//! The window's parts on the screen: where each lies, and which have to be drawn anew.

use super::canvas::Rect;
use super::dialog;
use super::layout::{Chrome, Layout};
use super::overlay::{self, StatisticsPlan};
use super::screen::{Layer, Screen};
use super::text::Fonts;
use super::theme::{self, Color};
use super::view::{self, Scene};
use super::widgets::{self, Pen};
use crate::frame::Picture;
use anyhow::Result;
use sdl2::mouse::MouseUtil;

/// Behind the parts that lie over the picture.
const CLEAR: Color = theme::BLACK.alpha(0);

/// The window as it is drawn.
pub(super) struct Display<'t> {
    screen: Screen<'t>,
    layers: Layers<'t>,
    fonts: Fonts,
    /// How many pixels of the window a pixel of the design is.
    scale: f32,
    /// How wide the entries of the status bar get at most.
    entry_widths: Vec<i32>,
    layout: Layout,
    /// The parts of the dialog that take keys and clicks, and their places in the window.
    dialog_parts: Vec<(dialog::Part, Rect)>,
    cursor: MouseUtil,
    fullscreen: bool,
    /// Whether the window has to be drawn although no part has changed.
    dirty: bool,
}

/// The window's parts, each drawn anew only when its view has changed.
struct Layers<'t> {
    header: Layer<'t, view::Header>,
    progress: Layer<'t, view::Progress>,
    controls: Layer<'t, [view::ButtonLook; 4]>,
    status: Layer<'t, Vec<view::StatusEntry>>,
    notice: Layer<'t, Option<widgets::notice::ArrangedNotice>>,
    toast: Layer<'t, Option<String>>,
    statistics: Layer<'t, Option<view::StatisticsView>>,
    help: Layer<'t, bool>,
    dialog: Layer<'t, Option<dialog::Plan>>,
}

impl Layers<'_> {
    const fn new() -> Self {
        Self {
            header: Layer::new(),
            progress: Layer::new(),
            controls: Layer::new(),
            status: Layer::new(),
            notice: Layer::new(),
            toast: Layer::new(),
            statistics: Layer::new(),
            help: Layer::new(),
            dialog: Layer::new(),
        }
    }
}

impl<'t> Display<'t> {
    pub(super) fn new(screen: Screen<'t>, scale: f32, cursor: MouseUtil) -> Self {
        let mut fonts = Fonts::new();
        let entry_widths = widgets::status::widths(&mut Pen { fonts: &mut fonts, scale });
        let layout = Layout::new(screen.size().0, scale, Chrome::Framed, &entry_widths, view::NEEDED_ENTRIES);
        let layers = Layers::new();
        Self {
            screen,
            layers,
            fonts,
            scale,
            entry_widths,
            layout,
            dialog_parts: Vec::new(),
            cursor,
            fullscreen: false,
            dirty: true,
        }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Where the parts of the dialog are at present; none without one.
    pub(super) fn dialog_parts(&self) -> &[(dialog::Part, Rect)] {
        &self.dialog_parts
    }

    /// How many pixels of the window one of the mouse's units is.
    pub(super) fn pixel_ratio(&self) -> f32 {
        self.screen.size().1
    }

    pub(super) fn is_fullscreen(&self) -> bool {
        self.fullscreen
    }

    /// Fills the screen or leaves it. Returns whether the system has done so.
    pub(super) fn toggle_fullscreen(&mut self) -> bool {
        let toggled = self.screen.set_fullscreen(!self.fullscreen);
        if toggled {
            self.fullscreen = !self.fullscreen;
        }
        toggled
    }

    pub(super) fn hide(&mut self) {
        self.screen.hide();
    }

    /// Makes the next look at the window draw it.
    pub(super) fn mark_dirty(&mut self) {
        self.dirty = true;
    }

    /// Whether the window has to be drawn although no part has changed; true once for each reason.
    pub(super) fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// Shows this picture from now on. Returns whether the graphics card can.
    pub(super) fn set_picture(&mut self, picture: &Picture) -> bool {
        self.screen.set_picture(&picture.pixels, picture.width, picture.height)
    }

    pub(super) fn clear_picture(&mut self) {
        self.screen.clear_picture();
    }

    /// Forgets all textures, which the graphics card has lost, and gives it the picture again.
    pub(super) fn restore(&mut self, picture: Option<&Picture>) {
        self.layers = Layers::new();
        self.screen.clear_picture();
        if let Some(picture) = picture {
            self.set_picture(picture);
        }
        self.dirty = true;
    }

    /// Places all parts for the window's present size. Returns whether any of them has moved.
    pub(super) fn arrange(&mut self, chrome: Chrome) -> bool {
        let (size, _) = self.screen.size();
        let layout = Layout::new(size, self.scale, chrome, &self.entry_widths, view::NEEDED_ENTRIES);
        if layout == self.layout {
            return false;
        }
        self.cursor.show_cursor(chrome != Chrome::Hidden);
        self.layout = layout;
        self.dirty = true;
        true
    }

    /// Draws in memory what has changed. `over_picture` says whether there is a picture below. Returns whether anything
    /// has changed.
    ///
    /// # Errors
    /// A sentence, if the graphics card has no room for a part.
    pub(super) fn update(&mut self, scene: &Scene, over_picture: bool) -> Result<bool> {
        let mut pen = Pen { fonts: &mut self.fonts, scale: self.scale };
        let overlays = OverlayPlaces::new(&mut pen, scene, &self.layout, over_picture);
        let place = overlays.dialog_place;
        let parts = overlays.dialog.iter().flat_map(dialog::Plan::parts);
        let in_window = |rect: Rect| Rect { x: rect.x + place.x, y: rect.y + place.y, ..rect };
        self.dialog_parts = parts.map(|(part, rect)| (part, in_window(rect))).collect();
        let bars = self.update_bars(scene)?;
        Ok(self.update_overlays(scene, &overlays)? || bars)
    }

    /// Draws the bars above and below the picture.
    fn update_bars(&mut self, scene: &Scene) -> Result<bool> {
        let Self { screen, layers, layout, fonts, scale, .. } = self;
        let mut pen = Pen { fonts, scale: *scale };
        let mut changed = false;
        changed |= screen.update(&mut layers.header, &scene.header, layout.header, theme::PANEL, |canvas, view| {
            widgets::header::draw(canvas, &mut pen, view);
        })?;
        let (panel, track) = (theme::CONTROL_PANEL, layout.track.within(layout.progress));
        changed |= screen.update(&mut layers.progress, &scene.progress, layout.progress, panel, |canvas, view| {
            widgets::progress::draw(canvas, &mut pen, view, track);
        })?;
        let places = layout.buttons.map(|button| button.within(layout.controls));
        changed |= screen.update(&mut layers.controls, &scene.buttons, layout.controls, panel, |canvas, looks| {
            widgets::buttons::draw(canvas, &mut pen, looks, &places);
        })?;
        let places: Vec<Rect> = layout.entries.iter().map(|entry| entry.within(layout.status)).collect();
        changed |=
            screen.update(&mut layers.status, &scene.status, layout.status, theme::PANEL, |canvas, entries| {
                widgets::status::draw(canvas, &mut pen, entries, &places);
            })?;
        Ok(changed)
    }

    /// Draws what lies over the picture.
    fn update_overlays(&mut self, scene: &Scene, overlays: &OverlayPlaces) -> Result<bool> {
        let Self { screen, layers, fonts, scale, .. } = self;
        let mut pen = Pen { fonts, scale: *scale };
        let mut changed = false;
        let place = overlays.notice_place;
        changed |= screen.update(&mut layers.notice, &overlays.notice, place, CLEAR, |canvas, notice| {
            notice.iter().for_each(|notice| widgets::notice::draw(canvas, &mut pen, notice));
        })?;
        changed |= screen.update(&mut layers.toast, &scene.toast, overlays.toast_place, CLEAR, |canvas, toast| {
            toast.iter().for_each(|toast| widgets::draw_toast(canvas, &mut pen, toast));
        })?;
        let (plan, place) = (overlays.statistics, overlays.statistics_place);
        changed |= screen.update(&mut layers.statistics, &scene.statistics, place, CLEAR, |canvas, view| {
            view.iter().zip(plan).for_each(|(view, plan)| overlay::draw_statistics(canvas, &mut pen, view, &plan));
        })?;
        changed |= screen.update(&mut layers.help, &scene.help, overlays.help_place, CLEAR, |canvas, _| {
            overlay::draw_help(canvas, &mut pen);
        })?;
        changed |=
            screen.update(&mut layers.dialog, &overlays.dialog, overlays.dialog_place, CLEAR, |canvas, plan| {
                plan.iter().for_each(|plan| dialog::draw(canvas, &mut pen, plan));
            })?;
        Ok(changed)
    }

    /// Puts everything on the screen: the picture, which may be darkened, and the parts over and around it.
    pub(super) fn draw(&mut self, picture: Option<&Picture>, dimmed: bool, help: bool) {
        let Self { screen, layers, layout, fullscreen, .. } = self;
        screen.clear(if *fullscreen { theme::BLACK } else { theme::BACKGROUND });
        if let Some(picture) = picture {
            screen.draw_picture(layout.fit(picture.width, picture.height));
            if dimmed {
                screen.fill(layout.video, theme::DIM);
            }
        }
        screen.draw(&layers.notice);
        if !help {
            screen.draw(&layers.statistics);
        }
        screen.draw(&layers.header);
        screen.draw(&layers.progress);
        screen.draw(&layers.controls);
        screen.draw(&layers.status);
        screen.draw(&layers.help);
        if !self.dialog_parts.is_empty() {
            // Nothing else can be used meanwhile.
            let bars = [layout.header, layout.progress, layout.controls, layout.status];
            bars.into_iter().for_each(|bar| screen.fill(bar, theme::VEIL));
            screen.draw(&layers.dialog);
        }
        screen.draw(&layers.toast);
        screen.present();
    }
}

/// The places of what lies over the picture, and how it uses them.
struct OverlayPlaces {
    notice: Option<widgets::notice::ArrangedNotice>,
    notice_place: Rect,
    toast_place: Rect,
    statistics: Option<StatisticsPlan>,
    statistics_place: Rect,
    help_place: Rect,
    dialog: Option<dialog::Plan>,
    dialog_place: Rect,
}

impl OverlayPlaces {
    fn new(pen: &mut Pen<'_>, scene: &Scene, layout: &Layout, over_picture: bool) -> Self {
        let room = layout.video.shrunk(layout.px(12));
        let notice = scene.notice.as_ref();
        let notice = notice.map(|notice| widgets::notice::arrange(pen, notice, layout.video, over_picture));
        let notice_size = notice.as_ref().map_or((0, 0), |notice| notice.size);
        let toast_size = scene.toast.as_ref().map_or((0, 0), |toast| widgets::toast_size(pen, toast, room.w));
        let statistics = scene.statistics.as_ref().map(|view| overlay::arrange_statistics(pen, view, room));
        let statistics_size = statistics.map_or((0, 0), |plan| plan.size);
        let help_size = if scene.help { overlay::help_size(pen) } else { (0, 0) };
        // In a small window the help also covers the controls, because half of the help would be of no use.
        let dialog_room = layout.window.shrunk(layout.px(8));
        let dialog = scene.dialog.as_ref().map(|view| dialog::arrange(pen, view, dialog_room));
        let dialog_size = dialog.as_ref().map_or((0, 0), |plan| plan.size);
        // In the middle of the picture, where it fits there.
        let dialog_room = if dialog_size.1 <= room.h { layout.video } else { layout.window };
        let help_room = if help_size.1 <= room.h { layout.video } else { layout.window };
        Self {
            notice,
            notice_place: layout.video.centred(notice_size.0, notice_size.1),
            toast_place: Rect { y: room.y, h: toast_size.1, ..room.centred(toast_size.0, 0) },
            statistics,
            statistics_place: Rect::new(room.x, room.y, statistics_size.0, statistics_size.1),
            help_place: help_room.centred(help_size.0.min(room.w), help_size.1.min(layout.window.h)),
            dialog,
            dialog_place: dialog_room.centred(dialog_size.0, dialog_size.1),
        }
    }
}
