//! Computes where each part of the window is, for any size and scale.

use super::canvas::Rect;
use super::pane;
use crate::model::{Button, Model};
use crate::steps::Step;

/// How the controls are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chrome {
    /// The title bar is above the picture, the controls are below it.
    Framed,
    /// In full screen, the title bar and the controls lie over the upper and the lower edge of the picture.
    Overlaid,
    /// In full screen, they disappear when the mouse has not moved for a while.
    Hidden,
}

/// The smallest size of the window at scale 1. Everything still fits into it.
pub(crate) const MIN_SIZE: (u32, u32) = (320, 320);
/// The size of the window at the start, at scale 1. A picture of 640 x 480 pixels is shown in its own size.
pub(crate) const START_SIZE: (u32, u32) =
    (640, 480 + HEADER as u32 + PROGRESS as u32 + CONTROLS as u32 + STATUS_ROW as u32 + 2 * STATUS_PAD as u32);

const HEADER: i32 = 44;
const PROGRESS: i32 = 30;
const CONTROLS: i32 = 52;
const STATUS_ROW: i32 = 20;
const STATUS_PAD: i32 = 5;
const MARGIN: i32 = 16;
const BUTTON: (i32, i32) = (120, 34);
const BUTTON_GAP: i32 = 10;
/// The gap between two entries of the status bar, with room for a dividing line.
pub(crate) const ENTRY_GAP: i32 = 17;
/// The room for a time on each side of the progress bar's line. A time with hours fits.
const TIME: i32 = 64;
/// The side of a button without a label in the title bar.
const TOOL: i32 = 32;
/// How far the darkening of the picture's edges reaches beyond what lies over them in full screen.
pub(crate) const SCRIM_TAIL: i32 = 36;

// More than 15 fields: each is the place of a part.
/// The places of all parts, in pixels of the window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    pub(crate) scale: f32,
    pub(crate) window: Rect,
    pub(crate) chrome: Chrome,
    pub(crate) header: Rect,
    /// The buttons of the title bar, in the order of [`Tool::ALL`].
    pub(crate) tools: [Rect; Tool::ALL.len()],
    /// The area that the picture is fitted into.
    pub(crate) video: Rect,
    /// The part of it where overlays hide no controls.
    pub(crate) stage: Rect,
    pub(crate) progress: Rect,
    /// The part of the progress bar that can be clicked: its line, in full height.
    pub(crate) track: Rect,
    pub(crate) controls: Rect,
    /// The buttons, in the order of [`Button::ALL`].
    pub(crate) buttons: [Rect; 4],
    pub(crate) status: Rect,
    /// The entries of the status bar that fit, in their order.
    pub(crate) entries: Vec<Rect>,
    /// The tiles of a wall, where one is shown instead of a picture.
    pub(crate) tiles: Vec<Rect>,
    /// The buttons of the notice, which is placed when all else is.
    pub(crate) steps: Vec<(Step, Rect)>,
    /// The protocol pane, where it is open.
    pub(crate) pane: Option<pane::Plan>,
}

/// A button of the title bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Go back to all streams, where one of several is shown.
    Wall,
    /// Record what is received, or end that.
    Record,
    Snapshot,
    Statistics,
    /// The protocol pane.
    Protocol,
    Help,
    /// Fill the screen, or leave it.
    Fullscreen,
}

impl Tool {
    pub(crate) const ALL: [Self; 7] =
        [Self::Wall, Self::Record, Self::Snapshot, Self::Statistics, Self::Protocol, Self::Help, Self::Fullscreen];

    /// Whether it can be pressed in the present state.
    pub(crate) fn is_enabled(self, model: &Model) -> bool {
        match self {
            Self::Record => model.recording || model.has_picture,
            Self::Snapshot => model.has_picture,
            Self::Wall | Self::Statistics | Self::Protocol | Self::Help | Self::Fullscreen => true,
        }
    }

    /// The name for programs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Wall => "tool_wall",
            Self::Record => "tool_record",
            Self::Snapshot => "tool_snapshot",
            Self::Statistics => "tool_statistics",
            Self::Protocol => "tool_protocol",
            Self::Help => "tool_help",
            Self::Fullscreen => "tool_fullscreen",
        }
    }
}

/// What can be pressed, by the mouse or by keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    Step(Step),
    Button(Button),
    Tool(Tool),
    /// The tile of this stream.
    Tile(usize),
    Pane(pane::Part),
}

impl Control {
    /// All but the tiles, in the order in which Tab goes through them.
    pub(crate) fn all() -> impl DoubleEndedIterator<Item = Self> + Clone {
        let steps = Step::ALL.into_iter().map(Self::Step);
        let tools = Tool::ALL.into_iter().map(Self::Tool);
        let parts = pane::Part::ALL.into_iter().map(Self::Pane);
        steps.chain(Button::ALL.into_iter().map(Self::Button)).chain(tools).chain(parts)
    }
}

/// A part of the window that the mouse can point to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    Control(Control),
    /// The progress bar, at this part of its length, 0 to 1.
    Track(f64),
    Video,
    Nothing,
}

impl Layout {
    /// Places all parts in a window of this size. `entries` are the widths of the status bar's entries in pixels. The first
    /// `needed` of them get as many rows as they take. The others are shown if there is room left.
    pub(crate) fn new((width, height): (i32, i32), scale: f32, chrome: Chrome, entries: &[i32], needed: usize) -> Self {
        let px = |length: i32| scaled(length, scale);
        let window = Rect::new(0, 0, width, height);
        let margin = px(MARGIN).min(width / 16);
        let framed = chrome == Chrome::Framed;
        let flowed = framed.then(|| flow(entries, needed, width - 2 * margin, px(ENTRY_GAP)));
        let status_height = flowed.as_ref().map_or(0, |(_, rows)| rows * px(STATUS_ROW) + 2 * px(STATUS_PAD));
        let bottom = px(PROGRESS) + px(CONTROLS) + status_height;
        let below = if chrome == Chrome::Hidden { height } else { (height - bottom).max(0) };
        let header = match chrome {
            Chrome::Framed | Chrome::Overlaid => Rect::new(0, 0, width, px(HEADER).min(below)),
            Chrome::Hidden => Rect::default(),
        };
        let between = Rect::new(0, header.h, width, below - header.h);
        let video = if framed { between } else { window };
        let progress = Rect::new(0, below, width, px(PROGRESS));
        let controls = Rect::new(0, progress.bottom(), width, px(CONTROLS));

        let time = px(TIME).min(width / 5);
        let track = Rect::new(margin + time, progress.y, width - 2 * (margin + time), progress.h);

        let gap = px(BUTTON_GAP);
        let button_width = ((width - 2 * margin - 3 * gap) / 4).min(px(BUTTON.0));
        let mut all = Rect::new(0, 0, width, controls.h).centred(4 * button_width + 3 * gap, px(BUTTON.1));
        if !framed {
            all.x = margin;
        }
        let buttons = [0, 1, 2, 3]
            .map(|index| Rect::new(all.x + index * (button_width + gap), controls.y + all.y, button_width, all.h));

        let (status, entries) = match flowed {
            Some((entries, _)) => {
                let status = Rect::new(0, controls.bottom(), width, status_height);
                let top = status.y + px(STATUS_PAD);
                let place =
                    |(x, row, w): (i32, i32, i32)| Rect::new(margin + x, top + row * px(STATUS_ROW), w, px(STATUS_ROW));
                (status, entries.into_iter().map(place).collect())
            }
            None => {
                let left = all.right() + 2 * margin;
                let status = Rect::new(left, controls.y, (width - margin - left).max(0), controls.h);
                (status, beside(entries, status, px(ENTRY_GAP)))
            }
        };
        let mut tools = place_tools(header, scale);
        tools[Tool::Wall as usize] = Rect::default();
        Self {
            tiles: Vec::new(),
            scale,
            window,
            chrome,
            header,
            tools,
            video,
            stage: between,
            progress,
            track,
            controls,
            buttons,
            status,
            entries,
            steps: Vec::new(),
            pane: None,
        }
    }

    /// Returns this with a wall instead of a picture and of all that belongs to one. `arrange` places the tiles in an area.
    pub(crate) fn with_wall(self, arrange: impl FnOnce(Rect) -> Vec<Rect>) -> Self {
        let video = Rect { h: self.window.bottom() - self.video.y, ..self.video };
        let stage = Rect { h: self.window.bottom() - self.header.bottom(), y: self.header.bottom(), ..self.window };
        let none = Rect::default();
        let mut tools = self.tools;
        for tool in [Tool::Wall, Tool::Record, Tool::Snapshot, Tool::Statistics, Tool::Protocol] {
            tools[tool as usize] = none;
        }
        let (tiles, buttons) = (arrange(video), [none; 4]);
        let bars = Self { progress: none, track: none, controls: none, status: none, entries: Vec::new(), ..self };
        Self { video, stage, tools, buttons, tiles, ..bars }
    }

    /// Returns this with a way back to a wall.
    pub(crate) fn with_way_back(mut self) -> Self {
        self.tools = place_tools(self.header, self.scale);
        self
    }

    /// Makes room for the protocol pane: beside the picture, or over it in a narrow window. `follows`: whether it shows what comes.
    pub(crate) fn with_pane(mut self, tab: pane::Tab, follows: bool) -> Self {
        let width = pane::width(self.window.w, self.scale);
        let beside = self.window.w - width;
        let rect = Rect { x: beside, w: width, ..self.stage };
        self.pane = Some(pane::Plan::new(rect, self.scale, tab, follows));
        if beside > 0 {
            (self.video.w, self.stage.w) = (beside, beside);
        }
        self
    }

    /// Whether the pane lies over the picture, of which nothing is left.
    pub(crate) fn is_covered(&self) -> bool {
        self.pane.as_ref().is_some_and(|pane| pane.rect.w == self.window.w)
    }

    /// Returns how many pixels a length of the design takes.
    pub(crate) fn px(&self, length: i32) -> i32 {
        scaled(length, self.scale)
    }

    /// Returns what lies at a point.
    pub(crate) fn target(&self, x: i32, y: i32) -> Target {
        if let Some(control) = Control::all().find(|&control| self.place(control).contains(x, y)) {
            return Target::Control(control);
        }
        if !self.tiles.is_empty() {
            let tile = self.tiles.iter().position(|tile| tile.contains(x, y)).filter(|_| !self.header.contains(x, y));
            return tile.map_or(Target::Nothing, |tile| Target::Control(Control::Tile(tile)));
        }
        if self.track.contains(x, y) {
            return Target::Track(self.fraction(x));
        }
        let chrome = [self.header, self.progress, self.controls, self.status];
        let is_pane_s = self.pane.as_ref().is_some_and(|pane| pane.rect.contains(x, y));
        if self.video.contains(x, y) && !is_pane_s && !chrome.iter().any(|rect| rect.contains(x, y)) {
            return Target::Video;
        }
        Target::Nothing
    }

    /// Returns where a control is; an empty rectangle if it is not shown.
    pub(crate) fn place(&self, control: Control) -> Rect {
        match control {
            Control::Step(step) => {
                let placed = self.steps.iter().find(|(placed, _)| *placed == step);
                placed.map_or_else(Rect::default, |&(_, place)| place)
            }
            Control::Button(button) => self.buttons[button as usize],
            Control::Tool(tool) => self.tools[tool as usize],
            Control::Tile(tile) => self.tiles.get(tile).copied().unwrap_or_default(),
            Control::Pane(part) => {
                let index = pane::Part::ALL.iter().position(|&other| other == part);
                self.pane.as_ref().zip(index).map_or_else(Rect::default, |(pane, index)| pane.parts[index])
            }
        }
    }

    /// Returns how much of the progress bar's line lies left of `x`, 0 to 1.
    pub(crate) fn fraction(&self, x: i32) -> f64 {
        (f64::from(x - self.track.x) / f64::from(self.track.w.max(1))).clamp(0.0, 1.0)
    }

    /// Returns the place of a picture of this size: in the middle, as large as possible without changing its aspect ratio.
    pub(crate) fn fit(&self, width: usize, height: usize) -> Rect {
        fitted(self.video, (width, height))
    }
}

/// Returns the place of a picture of this size in an area: in the middle, as large as possible without changing its aspect ratio.
pub(crate) fn fitted(area: Rect, (width, height): (usize, usize)) -> Rect {
    let (w, h) = (width.max(1) as i64, height.max(1) as i64);
    let (area_w, area_h) = (i64::from(area.w.max(1)), i64::from(area.h.max(1)));
    let (w, h) =
        if area_w * h <= area_h * w { (area_w, (area_w * h + w / 2) / w) } else { ((area_h * w + h / 2) / h, area_h) };
    area.centred(w.max(1) as i32, h.max(1) as i32)
}

/// Returns how many pixels a length of the design takes.
pub(crate) fn scaled(length: i32, scale: f32) -> i32 {
    (length as f32 * scale).round() as i32
}

/// In narrower windows, the title needs the place of the pane's button.
const TOOLS_FIT: i32 = 400;

/// Places the buttons at the right end of the title bar, and at its left end the one that leads back.
fn place_tools(header: Rect, scale: f32) -> [Rect; Tool::ALL.len()] {
    let (side, edge) = (scaled(TOOL, scale).min(header.h), scaled(8, scale));
    let y = header.y + (header.h - side) / 2;
    let mut places = [Rect::default(); Tool::ALL.len()];
    places[Tool::Wall as usize] = Rect::new(header.x + edge, y, side, side);
    let has_room = header.w >= scaled(TOOLS_FIT, scale);
    let at_the_right = |tool: &Tool| *tool != Tool::Wall && (*tool != Tool::Protocol || has_room);
    let mut x = header.right() - edge;
    for tool in Tool::ALL.into_iter().rev().filter(at_the_right) {
        x -= side;
        places[tool as usize] = Rect::new(x, y, side, side);
    }
    places
}

/// Places as many entries as fit one after the other at the right end of an area.
fn beside(entries: &[i32], area: Rect, gap: i32) -> Vec<Rect> {
    let mut room = area.w;
    let fitting = entries.iter().take_while(|&&entry| {
        room -= entry + gap;
        room + gap >= 0
    });
    let count = fitting.count();
    let shown = &entries[..count];
    let mut x = area.right() - shown.iter().sum::<i32>() - gap * (count as i32 - 1).max(0);
    let place = |&entry: &i32| {
        let left = x;
        x += entry + gap;
        Rect::new(left, area.y, entry, area.h)
    };
    shown.iter().map(place).collect()
}

/// Places entries in a bar of this width: one after the other if all that are needed fit into one row, and in a table
/// otherwise. Returns the left edge, row and width of each, and the number of rows.
fn flow(entries: &[i32], needed: usize, width: i32, gap: i32) -> (Vec<(i32, i32, i32)>, i32) {
    let fitting = |count: usize| {
        let entries = &entries[..count];
        entries.iter().sum::<i32>() + gap * (count as i32 - 1).max(0)
    };
    let needed = needed.min(entries.len());
    if fitting(needed) <= width {
        let count = (needed..=entries.len()).take_while(|&count| fitting(count) <= width).last().unwrap_or(needed);
        let mut x = (width - fitting(count)) / 2;
        let place = |&entry: &i32| {
            let left = x;
            x += entry + gap;
            (left, 0, entry)
        };
        return (entries[..count].iter().map(place).collect(), 1);
    }
    let widest = entries.iter().copied().max().unwrap_or(1).max(1);
    let columns = ((width + gap) / (widest + gap)).max(1);
    let rows = (needed as i32 + columns - 1) / columns;
    let column = (width + gap) / columns;
    let place = |index: usize| {
        let index = index as i32;
        (index % columns * column, index / columns, (column - gap).max(0))
    };
    // The last row of the table may have room for entries that are not needed.
    ((0..entries.len().min((rows * columns) as usize)).map(place).collect(), rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: [i32; 8] = [120, 80, 110, 45, 70, 85, 90, 85];

    fn layouts() -> impl Iterator<Item = (Layout, String)> {
        let sizes = [
            (320, 320),
            (360, 640),
            (480, 400),
            (640, 632),
            (641, 633),
            (1280, 720),
            (1920, 1080),
            (3840, 1600),
            (800, 1600),
        ];
        sizes.into_iter().flat_map(|size| {
            [1.0, 1.25, 1.5, 2.0, 3.0].into_iter().flat_map(move |scale| {
                [Chrome::Framed, Chrome::Overlaid].into_iter().map(move |chrome| {
                    let physical = (scaled(size.0, scale), scaled(size.1, scale));
                    let entries = ENTRIES.map(|entry| scaled(entry, scale));
                    let name = format!("{size:?} x {scale}, {chrome:?}");
                    (Layout::new(physical, scale, chrome, &entries, 6).with_way_back(), name)
                })
            })
        })
    }

    fn overlap(a: Rect, b: Rect) -> bool {
        !a.is_empty() && !b.is_empty() && a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
    }

    #[test]
    fn a_wall_has_the_window_but_for_the_title_bar() {
        for (layout, name) in layouts() {
            let framed = layout.chrome == Chrome::Framed;
            let wall = layout.with_wall(|area| vec![area]);
            let top = if framed { wall.header.bottom() } else { 0 };
            let all = Rect { y: top, h: wall.window.h - top, ..wall.window };
            assert_eq!((&wall.tiles[..], wall.video), (&[all][..], all), "{name}");
            let places = Control::all().filter(|&control| !wall.place(control).is_empty());
            let tools = [Tool::Wall, Tool::Help, Tool::Fullscreen].map(Control::Tool);
            assert!(places.eq(tools[1..].iter().copied()), "{name}");
            let (x, y) = (wall.window.w / 2, wall.window.h - 9);
            assert_eq!(wall.target(x, y), Target::Control(Control::Tile(0)), "{name}");
        }
    }

    #[test]
    fn nothing_overlaps_and_nothing_is_cut_off_at_any_size_and_scale() {
        for (layout, name) in layouts() {
            let framed = layout.video != layout.window;
            let mut areas = vec![layout.header, layout.stage, layout.progress, layout.controls];
            if framed {
                areas.push(layout.status);
            }
            let within = |inner: Rect, outer: Rect| {
                inner.x >= outer.x
                    && inner.y >= outer.y
                    && inner.right() <= outer.right()
                    && inner.bottom() <= outer.bottom()
            };
            for (index, area) in areas.iter().enumerate() {
                assert!(!area.is_empty() && within(*area, layout.window), "{name}: {area:?}");
                assert!(areas.iter().skip(index + 1).all(|other| !overlap(*area, *other)), "{name}: {area:?}");
            }
            assert!(within(layout.track, layout.progress) && layout.track.w >= layout.window.w / 3, "{name}");
            for (index, button) in layout.buttons.iter().enumerate() {
                assert!(within(*button, layout.controls) && button.w >= layout.px(64), "{name}: {button:?}");
                assert!(layout.buttons.iter().skip(index + 1).all(|other| !overlap(*button, *other)), "{name}");
            }
            for (index, tool) in layout.tools.iter().enumerate() {
                let is_hidden = index == Tool::Protocol as usize && layout.window.w < layout.px(TOOLS_FIT);
                let fits = within(*tool, layout.header) && tool.w >= layout.px(28);
                assert!(if is_hidden { tool.is_empty() } else { fits }, "{name}: {tool:?}");
                assert!(layout.tools.iter().skip(index + 1).all(|other| !overlap(*tool, *other)), "{name}");
            }
            assert!(!framed || layout.entries.len() >= 6, "{name}: what is needed is there");
            assert!(layout.buttons.iter().all(|button| layout.entries.iter().all(|entry| !overlap(*button, *entry))));
            for (index, entry) in layout.entries.iter().enumerate() {
                assert!(within(*entry, layout.status), "{name}: {entry:?} in {:?}", layout.status);
                assert!(layout.entries.iter().skip(index + 1).all(|other| !overlap(*entry, *other)), "{name}");
            }
            if framed {
                assert!(layout.video.h >= layout.px(100), "{name}: {:?}", layout.video);
            } else {
                let free = layout.stage.h * 100 / layout.window.h;
                assert!(free >= 60, "{name}: {free} % of the picture are free of controls");
            }
        }
    }

    #[test]
    fn the_first_window_shows_640_by_480_as_it_is_with_one_row_of_figures() {
        for scale in [1.0, 2.0] {
            let size = (scaled(START_SIZE.0 as i32, scale), scaled(START_SIZE.1 as i32, scale));
            let entries = ENTRIES.map(|entry| scaled(entry, scale));
            let layout = Layout::new(size, scale, Chrome::Framed, &entries, 6);
            assert_eq!((layout.video.w, layout.video.h), (scaled(640, scale), scaled(480, scale)));
            assert_eq!(layout.fit(640, 480), layout.video);
        }
    }

    #[test]
    fn the_pane_takes_nothing_of_the_controls_and_leaves_a_picture_where_there_is_room() {
        for (layout, name) in layouts() {
            let before = layout.clone();
            let layout = layout.with_pane(pane::Tab::Rtp, true);
            let rect = layout.pane.as_ref().unwrap().rect;
            for other in [layout.header, layout.progress, layout.controls, layout.status] {
                assert!(!overlap(rect, other), "{name}: {rect:?} {other:?}");
            }
            assert_eq!(layout.is_covered(), layout.window.w < layout.px(640), "{name}");
            if layout.is_covered() {
                assert_eq!(rect, before.stage, "{name}");
            } else {
                assert!(!overlap(rect, layout.video) && layout.video.w >= layout.px(320), "{name}: {rect:?}");
            }
            assert_eq!(layout.target(rect.x + 2, rect.bottom() - 2), Target::Nothing, "{name}");
            let close = layout.place(Control::Pane(pane::Part::Close));
            assert_eq!(layout.target(close.x, close.y), Target::Control(Control::Pane(pane::Part::Close)), "{name}");
            assert!(before.place(Control::Pane(pane::Part::Close)).is_empty());
        }
    }

    #[test]
    fn pictures_keep_their_aspect_and_lie_in_the_middle() {
        let layout = Layout::new((1000, 832), 1.0, Chrome::Hidden, &ENTRIES, 6);
        assert_eq!(layout.video, layout.window);
        for (width, height) in [(640, 480), (480, 640), (8192, 8), (8, 8192), (1, 1), (319, 241)] {
            let rect = layout.fit(width, height);
            assert!(rect.w <= 1000 && rect.h <= 832 && (rect.w == 1000 || rect.h == 832), "{rect:?}");
            let centre = (2 * rect.x + rect.w - 1000).abs() <= 1 && (2 * rect.y + rect.h - 832).abs() <= 1;
            assert!(centre, "{rect:?}");
        }
    }

    #[test]
    fn points_are_found() {
        let layout = Layout::new((640, 636), 1.0, Chrome::Framed, &ENTRIES, 6);
        for (button, rect) in Button::ALL.into_iter().zip(layout.buttons) {
            assert_eq!(layout.target(rect.x, rect.y), Target::Control(Control::Button(button)));
            assert_eq!(layout.target(rect.x - 1, rect.y), Target::Nothing);
        }
        let middle = layout.track.x + layout.track.w / 2;
        assert_eq!(layout.target(middle, layout.track.y + 3), Target::Track(0.5));
        assert_eq!(layout.target(5, layout.header.h + 5), Target::Video);
        assert_eq!(layout.target(5, 5), Target::Nothing);
        let full = layout.tools[Tool::Fullscreen as usize];
        let found = layout.target(full.x + 9, full.y + 9);
        assert_eq!(found, Target::Control(Control::Tool(Tool::Fullscreen)));
        assert_eq!((layout.fraction(-99), layout.fraction(9999)), (0.0, 1.0));
    }

    #[test]
    fn a_window_of_no_size_does_no_harm() {
        for size in [(0, 0), (1, 1), (30, 500), (500, 30)] {
            for chrome in [Chrome::Framed, Chrome::Overlaid, Chrome::Hidden] {
                let layout = Layout::new(size, 2.0, chrome, &ENTRIES, 6);
                layout.fit(640, 480);
                layout.target(0, 0);
            }
        }
    }

    #[test]
    fn a_wide_window_shows_more_figures_and_a_narrow_one_takes_more_rows() {
        let rows = |width| {
            let layout = Layout::new((width, 700), 1.0, Chrome::Framed, &ENTRIES, 6);
            let mut rows: Vec<i32> = layout.entries.iter().map(|entry| entry.y).collect();
            rows.dedup();
            (rows.len(), layout.entries.len())
        };
        assert_eq!((rows(640), rows(1200)), ((1, 6), (1, 8)));
        assert!(rows(330).0 >= 2);
    }
}
