//! What the start page shows, as a value, and where in the window everything is.

use crate::ui::canvas::Rect;
use crate::ui::text::Font;
use crate::ui::theme;
use crate::ui::view::{Look, LookState};
use crate::ui::widgets::Pen;

/// A part that takes keys and clicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Field,
    /// Opens what is in the field.
    Open,
    /// What was played lately, by its number.
    Recent(usize),
    /// Takes it off the list.
    Remove(usize),
    /// A stream of a server, by its number among those of all.
    Stream(usize),
    Back,
}

impl Part {
    /// The name for programs.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Field => "field".into(),
            Self::Open => "open_button".into(),
            Self::Recent(at) => format!("recent_{at}"),
            Self::Remove(at) => format!("remove_{at}"),
            Self::Stream(at) => format!("stream_{at}"),
            Self::Back => "back".into(),
        }
    }
}

/// An entry that can be opened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) title: String,
    pub(crate) detail: String,
}

/// A server and its streams.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) note: String,
}

/// The page as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) text: String,
    /// In characters.
    pub(crate) caret: usize,
    /// Whether the caret is seen at present.
    pub(crate) shows_caret: bool,
    /// Why what was typed cannot be opened.
    pub(crate) complaint: Option<String>,
    pub(crate) recent: Vec<Row>,
    pub(crate) groups: Vec<Group>,
    /// What is said where there are no servers.
    pub(crate) network: String,
    pub(crate) focus: Part,
    /// In pixels of the window.
    pub(crate) mouse: Option<(i32, i32)>,
    pub(crate) pressed: Option<Part>,
    pub(crate) scroll: i32,
    /// Whether the page is to move so that what has the focus is seen.
    pub(crate) follows: bool,
    pub(crate) has_way_back: bool,
}

/// Lines of text in one style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Heading,
    Server,
    Address,
    Note,
    Complaint,
}

/// Something that is drawn at a place of its canvas.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    TitleBar,
    Button {
        label: &'static str,
        is_first: bool,
        look: Look,
    },
    Field {
        text: String,
        caret: usize,
        is_focused: bool,
        shows_caret: bool,
    },
    Line(Style, String),
    Row {
        row: Row,
        look: Look,
        /// How the button that removes it looks, and where that is.
        removal: Option<(Look, Rect)>,
    },
    /// The edge below which the list goes on.
    Edge,
    /// What part of the list is seen.
    Thumb,
}

pub(crate) type Items = Vec<(Item, Rect)>;

/// A page that fits into its window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// The title bar and the field, and their place in the window.
    pub(crate) top: (Items, Rect),
    /// What can be chosen, as much of it as is seen.
    pub(crate) list: (Items, Rect),
    /// Where in the window the parts are that are seen.
    pub(crate) parts: Vec<(Part, Rect)>,
    pub(crate) scroll: i32,
    pub(crate) hovered: Option<Part>,
}

const TITLE_BAR: i32 = 44;
const MARGIN: i32 = 16;
const FIELD: i32 = 36;
const OPEN: i32 = 84;
const BACK: (i32, i32) = (72, 28);
const ROW: i32 = 46;
const ROW_GAP: i32 = 8;
const REMOVE: i32 = 30;
/// The widest that one column gets, and two of them; from which width on there are two.
const WIDTHS: (i32, i32) = (600, 1080);
const TWO_FROM: i32 = 880;
/// Room around the list for the ring of what has the focus, and for the thumb.
const EDGE: i32 = 8;
/// Windows that are lower than this have no room for advice.
const LOW: i32 = 380;
const ADVICE: &str = "Ctrl-V pastes an address, and a link or a file with one can be dropped here.";

const ADVICE_ON_RECENT: &str = "Enter plays it, Delete takes it off the list.";

pub(crate) fn font(pen: &Pen<'_>, style: Style) -> Font {
    match style {
        Style::Heading => pen.medium(theme::SMALL_SIZE),
        Style::Server => pen.medium(theme::TITLE_SIZE - 1.0),
        Style::Address | Style::Note => pen.regular(theme::SMALL_SIZE + 0.5),
        Style::Complaint => pen.medium(theme::TEXT_SIZE),
    }
}

/// The part at a point.
pub(crate) fn part_at(parts: &[(Part, Rect)], point: Option<(i32, i32)>) -> Option<Part> {
    let (x, y) = point?;
    parts.iter().find(|(_, place)| place.contains(x, y)).map(|&(part, _)| part)
}

/// Arranges the page for a window.
pub(crate) fn arrange(pen: &mut Pen<'_>, view: &View, window: Rect) -> Plan {
    let margin = pen.px(MARGIN).min(window.w / 16);
    let is_double = window.w >= pen.px(TWO_FROM) && !view.recent.is_empty();
    let most = if is_double { WIDTHS.1 } else { WIDTHS.0 };
    let width = (window.w - 2 * margin).min(pen.px(most)).max(1);
    let left = (window.w - width) / 2;
    let (mut top, mut parts) = arrange_top(pen, view, window, (left, width));
    let edge = pen.px(EDGE).min(left);
    let height = top.1.h.min(window.h);
    let place = Rect::new(left - edge, height, width + 2 * edge, (window.h - height).max(0));
    let column = Column { left: edge, width, y: pen.px(4), items: Vec::new() };
    let all = compose(pen, view, column, is_double);
    let bottom = all.iter().map(|(_, _, place)| place.bottom()).max().unwrap_or(0) + pen.px(MARGIN);
    let scroll = scrolled(view, &all, place.h, bottom, pen.px(12));
    let shift = |rect: Rect| Rect { y: rect.y - scroll, ..rect };
    let seen = all.into_iter().map(|(part, item, rect)| (part, item, shift(rect)));
    let seen: Vec<_> = seen.filter(|(_, _, rect)| rect.bottom() > 0 && rect.y < place.h).collect();
    let in_window = |rect: Rect| {
        let (top, bottom) = (rect.y.max(0), rect.bottom().min(place.h));
        Rect { x: rect.x + place.x, y: top + place.y, h: bottom - top, ..rect }
    };
    for (part, item, rect) in &seen {
        if let (Some(Part::Recent(at)), Item::Row { removal: Some((_, button)), .. }) = (part, item) {
            parts.push((Part::Remove(*at), in_window(Rect { x: rect.x + button.x, y: rect.y + button.y, ..*button })));
        }
        parts.extend(part.map(|part| (part, in_window(*rect))));
    }
    parts.retain(|(_, rect)| !rect.is_empty());
    let hovered = part_at(&parts, view.mouse);
    let look = |part: Part| look(view, hovered, part);
    let mut list: Items = seen.into_iter().map(|(part, item, rect)| (with_looks(item, part, look), rect)).collect();
    top.0 = top.0.into_iter().map(|(part, item, rect)| (part, with_looks(item, part, look), rect)).collect();
    if scroll > 0 {
        list.push((Item::Edge, Rect::new(0, 0, place.w, pen.px(1).max(1))));
    }
    if bottom > place.h && place.h > 0 {
        let length = (place.h * place.h / bottom).max(pen.px(24)).min(place.h);
        let y = (place.h - length) * scroll / (bottom - place.h).max(1);
        list.push((Item::Thumb, Rect::new(place.w - pen.px(4), y, pen.px(4).max(2), length)));
    }
    let items = top.0.into_iter().map(|(_, item, rect)| (item, rect)).collect();
    Plan { top: (items, top.1), list: (list, place), parts, scroll, hovered }
}

/// Items with the parts that they are.
type Composed = Vec<(Option<Part>, Item, Rect)>;

/// Arranges the title bar and the field. Returns them, their place, and the places of their parts.
fn arrange_top(
    pen: &mut Pen<'_>,
    view: &View,
    window: Rect,
    (left, width): (i32, i32),
) -> ((Composed, Rect), Vec<(Part, Rect)>) {
    let is_low = window.h < pen.px(LOW);
    let bar = Rect::new(0, 0, window.w, pen.px(TITLE_BAR));
    let mut items: Composed = vec![(None, Item::TitleBar, bar)];
    let button = |label, is_first| Item::Button { label, is_first, look: Look::NORMAL };
    if view.has_way_back {
        let (w, h) = (pen.px(BACK.0), pen.px(BACK.1));
        let place = Rect::new(window.w - pen.px(MARGIN) - w, (bar.h - h) / 2, w, h);
        items.push((Some(Part::Back), button("Back", false), place));
    }
    let mut y = bar.bottom() + pen.px(if is_low { 10 } else { 26 });
    let (open, gap, height) = (pen.px(OPEN).min(width / 3), pen.px(10), pen.px(FIELD));
    let field = Item::Field {
        text: view.text.clone(),
        caret: view.caret,
        is_focused: view.focus == Part::Field,
        shows_caret: view.focus == Part::Field && view.shows_caret,
    };
    items.push((Some(Part::Field), field, Rect::new(left, y, width - open - gap, height)));
    items.push((Some(Part::Open), button("Open", true), Rect::new(left + width - open, y, open, height)));
    y += height + pen.px(8);
    let words = match &view.complaint {
        Some(why) => Some((Style::Complaint, why.as_str())),
        None if is_low => None,
        None if matches!(view.focus, Part::Recent(_)) => Some((Style::Note, ADVICE_ON_RECENT)),
        None => Some((Style::Note, ADVICE)),
    };
    if let Some((style, text)) = words {
        let font = font(pen, style);
        let line = pen.fonts.line_height(font);
        // The list stays where it is when the advice is another one.
        let reserved = if is_low { 0 } else { pen.fonts.wrapped(font, ADVICE, width, 2).len() };
        let lines = pen.fonts.wrapped(font, text, width, 2);
        let count = lines.len().max(reserved) as i32;
        for (text, row) in lines.into_iter().zip(0..) {
            items.push((None, Item::Line(style, text), Rect::new(left, y + row * line, width, line)));
        }
        y += count * line;
    }
    y += pen.px(if is_low { 4 } else { 12 });
    let parts = items.iter().filter_map(|(part, _, place)| part.map(|part| (part, *place))).collect();
    ((items, Rect::new(0, 0, window.w, y)), parts)
}

/// Arranges all that can be chosen, in one column or in two.
fn compose(pen: &mut Pen<'_>, view: &View, mut column: Column, is_double: bool) -> Composed {
    let (whole, top, gap) = (column.width, column.y, pen.px(36));
    if is_double {
        column.width = (whole - gap) / 2;
    }
    if !view.recent.is_empty() {
        column.line(pen, Style::Heading, "PLAYED LATELY");
        for (at, row) in view.recent.iter().enumerate() {
            column.row(pen, Part::Recent(at), row, true);
        }
        column.y += pen.px(10);
    }
    if is_double {
        (column.left, column.y) = (column.left + whole - column.width, top);
    }
    column.line(pen, Style::Heading, "IN THIS NETWORK");
    column.lines(pen, Style::Note, &view.network, 3);
    let mut number = 0;
    for group in &view.groups {
        column.server(pen, group);
        for row in &group.rows {
            column.row(pen, Part::Stream(number), row, false);
            number += 1;
        }
        column.lines(pen, Style::Note, &group.note, 2);
        column.y += pen.px(8);
    }
    column.items
}

/// Items below each other.
struct Column {
    left: i32,
    width: i32,
    y: i32,
    items: Composed,
}

impl Column {
    fn line(&mut self, pen: &mut Pen<'_>, style: Style, text: &str) {
        let height = pen.px(24);
        self.items.push((None, Item::Line(style, text.to_owned()), Rect::new(self.left, self.y, self.width, height)));
        self.y += height;
    }

    fn lines(&mut self, pen: &mut Pen<'_>, style: Style, text: &str, most: usize) {
        let font = font(pen, style);
        let height = pen.fonts.line_height(font);
        for line in pen.fonts.wrapped(font, text, self.width, most) {
            self.items.push((None, Item::Line(style, line), Rect::new(self.left, self.y, self.width, height)));
            self.y += height;
        }
    }

    /// A server's name, and its address behind it where there is room.
    fn server(&mut self, pen: &mut Pen<'_>, group: &Group) {
        let (title, height, gap) = (font(pen, Style::Server), pen.px(26), pen.px(10));
        let name = pen.fonts.elided(title, &group.title, self.width);
        let width = pen.fonts.width(title, &name);
        let rest = self.width - width - gap;
        let detail = font(pen, Style::Address);
        if !group.detail.is_empty() && pen.fonts.width(detail, &group.detail) <= rest {
            let place = Rect::new(self.left + width + gap, self.y + pen.px(1), rest, height);
            self.items.push((None, Item::Line(Style::Address, group.detail.clone()), place));
        }
        self.items.push((None, Item::Line(Style::Server, name), Rect::new(self.left, self.y, width, height)));
        self.y += height + pen.px(2);
    }

    fn row(&mut self, pen: &Pen<'_>, part: Part, row: &Row, is_removable: bool) {
        let (height, side) = (pen.px(ROW), pen.px(REMOVE));
        let place = Rect::new(self.left, self.y, self.width, height);
        let button = Rect::new(self.width - side - pen.px(8), (height - side) / 2, side, side);
        let removal = is_removable.then_some((Look::NORMAL, button));
        self.items.push((Some(part), Item::Row { row: row.clone(), look: Look::NORMAL, removal }, place));
        self.y += height + pen.px(ROW_GAP);
    }
}

/// How far down the list is: as it was, as far as there is so much, and so that what has the focus is seen if that has moved.
fn scrolled(view: &View, all: &Composed, height: i32, bottom: i32, around: i32) -> i32 {
    let focus = all.iter().find(|(part, ..)| *part == Some(view.focus)).map(|(.., place)| *place);
    let scroll = match focus.filter(|_| view.follows) {
        Some(place) => {
            // The first entry is seen with its heading.
            let above = if place.y <= 2 * place.h { 0 } else { place.y - around };
            view.scroll.max(place.bottom() + around - height).min(above)
        }
        None if view.follows => 0,
        None => view.scroll,
    };
    scroll.min(bottom - height).max(0)
}

fn look(view: &View, hovered: Option<Part>, part: Part) -> Look {
    let [is_hovered, is_pressed] = [hovered, view.pressed].map(|at| at == Some(part));
    let state = match (is_hovered, is_pressed) {
        (true, true) => LookState::Pressed,
        (true, false) => LookState::Hover,
        (false, _) => LookState::Normal,
    };
    Look { state, focused: view.focus == part }
}

fn with_looks(item: Item, part: Option<Part>, look: impl Fn(Part) -> Look) -> Item {
    match (item, part) {
        (Item::Button { label, is_first, .. }, Some(part)) => Item::Button { label, is_first, look: look(part) },
        (Item::Row { row, removal, .. }, Some(part)) => {
            let removal = match (removal, part) {
                (Some((_, place)), Part::Recent(at)) => Some((look(Part::Remove(at)), place)),
                _ => None,
            };
            Item::Row { row, look: look(part), removal }
        }
        (item, _) => item,
    }
}
