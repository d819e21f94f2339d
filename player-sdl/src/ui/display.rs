//! The window's parts on the screen: where each lies, and which have to be drawn anew.

use super::canvas::Rect;
use super::dialog;
use super::layout::{Chrome, Layout, MIN_SIZE, SCRIM_TAIL, Target};
use super::overlay::{self, Help};
use super::pane;
use super::places::{Placed, Places};
use super::screen::{Layer, PictureView, Screen};
use super::start;
use super::text::Fonts;
use super::theme::{self, Color};
use super::view::{self, Scene};
use super::wall::{self, Wall, grid};
use super::widgets::{self, Pen, notice::ArrangedNotice};
use crate::frame::Picture;
use anyhow::Result;
use sdl2::mouse::{Cursor, MouseUtil, SystemCursor};
use std::rc::Rc;

/// Behind the parts that lie over the picture.
const CLEAR: Color = theme::BLACK.alpha(0);

/// The window as it is drawn.
pub(super) struct Display<'t> {
    screen: Screen<'t>,
    layers: Layers<'t>,
    wall: Wall<'t>,
    fonts: Fonts,
    /// How many pixels of the window a pixel of the design is to be, where one of the mouse's units is `1` pixels of the window.
    scale: (f32, f32),
    /// How wide the entries of the status bar get at most, at this scale.
    entry_widths: (f32, Vec<i32>),
    layout: Layout,
    /// The parts of the dialog that take keys and clicks, and their places in the window.
    dialog_parts: Vec<(dialog::Part, Rect)>,
    /// The start page, if it is shown.
    page: Option<start::Plan>,
    /// Where the parts over the picture are.
    placed: Placed,
    /// Whether there is to be a protocol pane: what it shows, and whether that is what comes.
    pane: Option<(pane::Tab, bool)>,
    /// How much of the notice was to be seen when that was last looked at.
    notice_alpha: u8,
    pointer: Pointer,
    fullscreen: bool,
    /// Whether the window has to be drawn although no part has changed.
    dirty: bool,
}

/// The mouse's pointer: an arrow, or a hand over what can be pressed.
struct Pointer {
    mouse: MouseUtil,
    /// What the pointer can be; systems have to have neither.
    arrow: Option<Cursor>,
    hand: Option<Cursor>,
    is_hand: bool,
}

impl Pointer {
    fn new(mouse: MouseUtil) -> Self {
        let cursor = |kind| Cursor::from_system(kind).ok();
        Self { mouse, arrow: cursor(SystemCursor::Arrow), hand: cursor(SystemCursor::Hand), is_hand: false }
    }

    fn set_hand(&mut self, on: bool) {
        if self.is_hand != on {
            self.is_hand = on;
            let cursor = if on { &self.hand } else { &self.arrow };
            cursor.iter().for_each(Cursor::set);
        }
    }
}

/// How many streams are shown, and of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// The only one, or none.
    Single,
    /// One, from which the user can go back to the others.
    OneOfSeveral,
    /// All, so many.
    Wall(usize),
}

/// The window's parts, each drawn anew only when its view has changed.
struct Layers<'t> {
    header: Layer<'t, view::Header>,
    progress: Layer<'t, view::Progress>,
    controls: Layer<'t, [view::Look; 4]>,
    status: Layer<'t, Vec<view::StatusEntry>>,
    notice: Layer<'t, Option<widgets::notice::ArrangedNotice>>,
    toast: Layer<'t, Option<String>>,
    bubble: Layer<'t, Option<String>>,
    statistics: Layer<'t, Option<view::StatisticsView>>,
    help: Layer<'t, (bool, Help)>,
    pane: Layer<'t, Option<(Rc<pane::View>, [view::Look; pane::Part::ALL.len()])>>,
    dialog: Layer<'t, Option<dialog::Plan>>,
    page: [Layer<'t, start::Items>; 2],
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
            bubble: Layer::new(),
            statistics: Layer::new(),
            help: Layer::new(),
            pane: Layer::new(),
            dialog: Layer::new(),
            page: [Layer::new(), Layer::new()],
        }
    }
}

impl<'t> Display<'t> {
    pub(super) fn new(screen: Screen<'t>, scale: f32, mouse: MouseUtil) -> Self {
        let (size, ratio) = screen.size();
        let mut display = Self {
            screen,
            layers: Layers::new(),
            wall: Wall::default(),
            fonts: Fonts::new(),
            scale: (scale, ratio),
            entry_widths: (0.0, Vec::new()),
            layout: Layout::new(size, scale, Chrome::Framed, &[], 0),
            dialog_parts: Vec::new(),
            page: None,
            placed: Placed::default(),
            pane: None,
            notice_alpha: 255,
            pointer: Pointer::new(mouse),
            fullscreen: false,
            dirty: true,
        };
        display.arrange(Chrome::Framed, Shown::Single);
        display
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Where the parts of the dialog are at present; none without one.
    pub(super) fn dialog_parts(&self) -> &[(dialog::Part, Rect)] {
        &self.dialog_parts
    }

    /// Where the parts of the start page are at present; none without it.
    pub(super) fn page_parts(&self) -> &[(start::Part, Rect)] {
        self.page.as_ref().map_or(&[], |page| &page.parts)
    }

    /// How far down the start page is, if it is shown.
    pub(super) fn page_scroll(&self) -> Option<i32> {
        self.page.as_ref().map(|page| page.scroll)
    }

    /// Shows at the pointer whether the start page's part there can be pressed.
    pub(super) fn point_to_page(&mut self) {
        let hovered = self.page.as_ref().and_then(|page| page.hovered);
        self.pointer.set_hand(hovered.is_some_and(|part| part != start::Part::Field));
    }

    /// Names what is played in the window's own title; nothing, if that is empty.
    pub(super) fn set_title(&mut self, name: &str) {
        self.screen.set_title(&widgets::header::window_title(name));
    }

    /// Where the parts over the picture are at present.
    pub(super) fn placed(&self) -> Placed {
        self.placed
    }

    /// Makes room for the protocol pane when all is [arranged](Self::arrange) next, or none.
    pub(super) fn set_pane(&mut self, pane: Option<(pane::Tab, bool)>) {
        self.pane = pane;
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

    /// Shows this picture in a view from now on. Returns whether the graphics card can.
    pub(super) fn set_picture(&mut self, view: &mut PictureView<'t>, picture: &Picture) -> bool {
        self.screen.set_picture(view, picture)
    }

    /// Forgets all textures of the window's parts, which the graphics card has lost.
    pub(super) fn restore(&mut self) {
        (self.layers, self.wall) = (Layers::new(), Wall::default());
        self.dirty = true;
    }

    /// Shows at the pointer what it can do where it is.
    pub(super) fn point_to(&mut self, target: Target) {
        self.pointer.set_hand(matches!(target, Target::Control(_) | Target::Track(_)));
    }

    /// Places all parts for the window's present size. Returns whether any of them has moved.
    pub(super) fn arrange(&mut self, chrome: Chrome, shown: Shown) -> bool {
        let (size, ratio) = self.screen.size();
        // On another display, one of the system's units may be more pixels.
        let wanted = self.scale.0 * ratio / self.scale.1;
        let scale = fitting_scale(wanted, size);
        if self.entry_widths.0 != scale {
            self.entry_widths = (scale, widgets::status::widths(&mut Pen { fonts: &mut self.fonts, scale }));
        }
        let layout = Layout::new(size, scale, chrome, &self.entry_widths.1, view::NEEDED_ENTRIES);
        let gap = layout.px(wall::GAP);
        let layout = match shown {
            Shown::Single => layout,
            Shown::OneOfSeveral => layout.with_way_back(),
            Shown::Wall(count) => layout.with_wall(|area| grid::arrange(area, count, gap)),
        };
        let mut layout = match self.pane {
            Some((tab, follows)) => layout.with_pane(tab, follows),
            None => layout,
        };
        layout.steps.clone_from(&self.layout.steps);
        if layout == self.layout {
            return false;
        }
        self.pointer.mouse.show_cursor(chrome != Chrome::Hidden);
        self.layout = layout;
        self.dirty = true;
        true
    }

    /// Draws in memory what has changed. `over_picture` says whether there is a picture below; `page` is the start page, which takes the
    /// place of all else. Returns whether anything has changed.
    ///
    /// # Errors
    /// A sentence, if the graphics card has no room for a part.
    pub(super) fn update(
        &mut self,
        scene: &Scene,
        (wall, page): (Option<&wall::View>, Option<&start::View>),
        over_picture: bool,
    ) -> Result<bool> {
        let on_wall = match wall {
            Some(view) => {
                let mut pen = Pen { fonts: &mut self.fonts, scale: self.layout.scale };
                self.wall.update(&mut self.screen, &mut pen, &self.layout, view)?
            }
            None => false,
        };
        let mut pen = Pen { fonts: &mut self.fonts, scale: self.layout.scale };
        let places = Places::new(&mut pen, scene, &self.layout, over_picture);
        let parts = places.dialog.0.iter().flat_map(dialog::Plan::parts);
        let corner = places.dialog.1;
        self.placed = places.placed();
        let at = |corner: Rect| move |rect: Rect| Rect { x: rect.x + corner.x, y: rect.y + corner.y, ..rect };
        let in_window = at(corner);
        self.dialog_parts = parts.map(|(part, rect)| (part, in_window(rect))).collect();
        let (notice, in_window) = (places.notice.0.iter(), at(places.notice.1));
        let steps = notice.flat_map(ArrangedNotice::steps).map(|(step, rect)| (step, in_window(rect)));
        self.layout.steps = steps.collect();
        let window = self.layout.window;
        self.page = page.map(|view| start::arrange(&mut pen, view, window));
        if page.is_some() {
            return Ok(self.update_overlays(scene, &places)? || self.update_page()?);
        }
        let faded = std::mem::replace(&mut self.notice_alpha, scene.notice_alpha) != scene.notice_alpha;
        let bars = self.update_bars(scene)?;
        let left = self.update_page()?;
        Ok(self.update_overlays(scene, &places)? || bars || faded || left || on_wall)
    }

    /// Draws the start page, or forgets it.
    fn update_page(&mut self) -> Result<bool> {
        let Self { screen, layers, layout, fonts, page, .. } = self;
        let mut pen = Pen { fonts, scale: layout.scale };
        let nothing = (start::Items::new(), Rect::default());
        let parts = page.as_ref().map_or([&nothing, &nothing], |page| [&page.top, &page.list]);
        let mut changed = false;
        for (layer, (items, place)) in layers.page.iter_mut().zip(parts) {
            changed |= screen.update(layer, items, *place, theme::BACKGROUND, |canvas, items| {
                start::draw(canvas, &mut pen, items);
            })?;
        }
        Ok(changed)
    }

    /// Draws the bars above and below the picture.
    fn update_bars(&mut self, scene: &Scene) -> Result<bool> {
        let Self { screen, layers, layout, fonts, .. } = self;
        let mut pen = Pen { fonts, scale: layout.scale };
        let framed = layout.chrome == Chrome::Framed;
        let on = |panel: Color| if framed { panel } else { CLEAR };
        let mut changed = false;
        let tools: Vec<Rect> = layout.tools.iter().map(|tool| tool.within(layout.header)).collect();
        changed |=
            screen.update(&mut layers.header, &scene.header, layout.header, on(theme::PANEL), |canvas, view| {
                widgets::header::draw(canvas, &mut pen, view, &tools);
            })?;
        let (panel, track) = (on(theme::CONTROL_PANEL), layout.track.within(layout.progress));
        changed |= screen.update(&mut layers.progress, &scene.progress, layout.progress, panel, |canvas, view| {
            widgets::progress::draw(canvas, &mut pen, view, track);
        })?;
        let places = layout.buttons.map(|button| button.within(layout.controls));
        changed |= screen.update(&mut layers.controls, &scene.buttons, layout.controls, panel, |canvas, looks| {
            widgets::buttons::draw(canvas, &mut pen, looks, &places);
        })?;
        let places: Vec<Rect> = layout.entries.iter().map(|entry| entry.within(layout.status)).collect();
        let panel = on(theme::PANEL);
        changed |= screen.update(&mut layers.status, &scene.status, layout.status, panel, |canvas, entries| {
            widgets::status::draw(canvas, &mut pen, entries, &places, framed);
        })?;
        Ok(changed)
    }

    /// Draws what lies over the picture.
    fn update_overlays(&mut self, scene: &Scene, places: &Places) -> Result<bool> {
        let Self { screen, layers, fonts, layout, .. } = self;
        let mut pen = Pen { fonts, scale: layout.scale };
        let mut changed = false;
        let (notice, place) = &places.notice;
        changed |= screen.update(&mut layers.notice, notice, *place, CLEAR, |canvas, notice| {
            notice.iter().for_each(|notice| widgets::notice::draw(canvas, &mut pen, notice));
        })?;
        changed |= screen.update(&mut layers.toast, &scene.toast, places.toast, CLEAR, |canvas, toast| {
            toast.iter().for_each(|toast| widgets::draw_toast(canvas, &mut pen, toast));
        })?;
        let text = scene.bubble.as_ref().map(|bubble| bubble.text.clone());
        changed |= screen.update(&mut layers.bubble, &text, places.bubble, CLEAR, |canvas, text| {
            text.iter().for_each(|text| widgets::draw_bubble(canvas, &mut pen, text));
        })?;
        let (plan, place) = places.statistics;
        changed |= screen.update(&mut layers.statistics, &scene.statistics, place, CLEAR, |canvas, view| {
            view.iter().zip(plan).for_each(|(view, plan)| overlay::draw_statistics(canvas, &mut pen, view, &plan));
        })?;
        let help = (scene.help, Help::of(layout));
        changed |= screen.update(&mut layers.help, &help, places.help, CLEAR, |canvas, &(_, help)| {
            overlay::draw_help(canvas, &mut pen, help);
        })?;
        let place = layout.pane.as_ref().map_or_else(Rect::default, |plan| plan.rect);
        changed |= screen.update(&mut layers.pane, &scene.pane, place, theme::PANEL, |canvas, pane| {
            pane.iter().for_each(|(view, looks)| pane::draw(canvas, &mut pen, view, looks));
        })?;
        let (plan, place) = &places.dialog;
        changed |= screen.update(&mut layers.dialog, plan, *place, CLEAR, |canvas, plan| {
            plan.iter().for_each(|plan| dialog::draw(canvas, &mut pen, plan));
        })?;
        Ok(changed)
    }

    /// Puts a wall on the screen, and the parts over and around it.
    pub(super) fn draw_wall<'p>(
        &mut self,
        pictures: impl Iterator<Item = &'p PictureView<'t>>,
        view: &wall::View,
        scene: &Scene,
    ) where
        't: 'p,
    {
        let Self { screen, wall, layout, .. } = self;
        screen.clear(theme::BACKGROUND);
        wall.draw(screen, layout, pictures, view);
        if scene.dims_picture() {
            screen.fill(layout.video, theme::DIM);
        }
        self.draw_parts(scene);
    }

    /// Puts everything on the screen: the picture, which may be darkened, and the parts over and around it.
    pub(super) fn draw(&mut self, picture: Option<&PictureView<'t>>, scene: &Scene) {
        if self.page.is_some() {
            self.draw_page();
            return;
        }
        let Self { screen, layout, fullscreen, .. } = self;
        screen.clear(if *fullscreen { theme::BLACK } else { theme::BACKGROUND });
        if let Some((picture, (width, height))) = picture.and_then(|picture| Some((picture, picture.size()?))) {
            screen.draw_picture(picture, layout.fit(width, height));
            if scene.dims_picture() {
                screen.fill(layout.video, theme::DIM);
            }
        }
        self.draw_parts(scene);
    }

    fn draw_parts(&mut self, scene: &Scene) {
        let Self { screen, layers, layout, .. } = self;
        if layout.chrome == Chrome::Overlaid {
            let tail = layout.px(SCRIM_TAIL);
            let header = Rect { h: layout.header.h + tail, ..layout.header };
            screen.scrim(header, tail, true, theme::SCRIM);
            if !layout.progress.is_empty() {
                let top = layout.progress.y - tail;
                let bottom = Rect { y: top, h: layout.window.bottom() - top, ..layout.window };
                screen.scrim(bottom, tail, false, theme::SCRIM);
            }
        }
        screen.draw_faded(&mut layers.notice, scene.notice_alpha);
        screen.draw(&layers.statistics);
        screen.draw(&layers.pane);
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
        screen.draw(&layers.bubble);
        screen.present();
    }
}

impl Display<'_> {
    /// Puts the start page on the screen, and what lies over it.
    fn draw_page(&mut self) {
        let Self { screen, layers, layout, .. } = self;
        screen.clear(theme::BACKGROUND);
        layers.page.iter().for_each(|layer| screen.draw(layer));
        if layers.help.is_shown() || !self.dialog_parts.is_empty() {
            screen.fill(layout.window, theme::VEIL);
        }
        screen.draw(&layers.help);
        screen.draw(&layers.dialog);
        screen.draw(&layers.toast);
        screen.present();
    }
}

/// The scale at which everything fits into a window of this size, if it would not at the one that is wanted.
fn fitting_scale(wanted: f32, (width, height): (i32, i32)) -> f32 {
    let most = (width as f32 / MIN_SIZE.0 as f32).min(height as f32 / MIN_SIZE.1 as f32);
    wanted.min(most.max(0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_window_has_smaller_controls_than_the_user_wants_rather_than_half_of_them() {
        assert_eq!(fitting_scale(2.0, (1280, 1024)), 2.0);
        assert_eq!(fitting_scale(2.0, (640, 480)), 1.5);
        assert_eq!(fitting_scale(1.0, (1280, 720)), 1.0);
        assert_eq!(fitting_scale(2.0, (10, 10)), 0.5);
    }
}
