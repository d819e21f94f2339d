//! What a dialog shows, as a value, and where in it everything is.

use crate::ui::canvas::Rect;
use crate::ui::text::Font;
use crate::ui::theme;
use crate::ui::widgets::Pen;

/// A part that takes keys and clicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Name,
    Password,
    /// The box that has to be ticked before a changed certificate is trusted.
    Tick,
    Cancel,
    Accept,
}

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Calm,
    Alarm,
}

/// A field as it is shown: of a password, dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldView {
    pub(crate) part: Part,
    pub(crate) label: &'static str,
    pub(crate) text: String,
    /// In characters.
    pub(crate) caret: usize,
}

/// A dialog as it is shown. There is no password in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) tone: Tone,
    pub(crate) title: String,
    pub(crate) text: String,
    /// What was wrong with the last answer.
    pub(crate) complaint: Option<&'static str>,
    pub(crate) fields: Vec<FieldView>,
    /// Fingerprints, with what they are.
    pub(crate) prints: Vec<(&'static str, [String; 4])>,
    pub(crate) tick: Option<bool>,
    pub(crate) note: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) can_accept: bool,
    pub(crate) focus: Part,
    pub(crate) hovered: Option<Part>,
    pub(crate) pressed: Option<Part>,
    /// Whether the caret is seen at present.
    pub(crate) caret: bool,
}

/// Lines of text in one style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Title,
    Text,
    Complaint,
    Note,
    Label,
}

/// Something that is drawn at a place of the dialog's canvas.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Line(Style, String),
    Field(FieldView),
    Print([String; 4]),
    Tick,
    Button(Part),
}

/// A dialog that fits into its window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) view: View,
    pub(crate) items: Vec<(Item, Rect)>,
    pub(crate) size: (i32, i32),
}

impl Plan {
    /// The parts that take keys and clicks, with their places.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Part, Rect)> + '_ {
        self.items.iter().filter_map(|(item, place)| match item {
            Item::Field(field) => Some((field.part, *place)),
            Item::Tick => Some((Part::Tick, *place)),
            Item::Button(part) => Some((*part, *place)),
            Item::Line(..) | Item::Print(_) => None,
        })
    }
}

pub(crate) const TICK_LABEL: &str = "I know why it has changed";
/// The width of the sign left of the title, and of the gap behind it.
pub(crate) const SIGN: i32 = 30;

const PADDING: i32 = 20;
const GAP: i32 = 12;
const BUTTON: (i32, i32) = (112, 34);
const FIELD: i32 = 34;
const PRINT_ROW: i32 = 19;
/// A fingerprint's width: eight bytes, and room around them.
const PRINT: i32 = 196;
/// The dialog's width with one column, and with two fingerprints side by side.
const WIDTHS: (i32, i32) = (380, 452);

pub(crate) fn font(pen: &Pen<'_>, style: Style) -> Font {
    match style {
        Style::Title => pen.medium(theme::TITLE_SIZE + 1.0),
        Style::Text => pen.regular(theme::TEXT_SIZE),
        Style::Complaint => pen.medium(theme::TEXT_SIZE),
        Style::Note => pen.regular(theme::SMALL_SIZE),
        Style::Label => pen.medium(theme::SMALL_SIZE - 1.0),
    }
}

/// Arranges a dialog for a window's room. Where there is little of it, the note is left out, and then the text.
pub(crate) fn arrange(pen: &mut Pen<'_>, view: &View, room: Rect) -> Plan {
    let mut plan = compose(pen, view, room, 0);
    for less in 1..4 {
        if plan.size.1 <= room.h {
            break;
        }
        plan = compose(pen, view, room, less);
    }
    plan.size.1 = plan.size.1.min(room.h.max(1));
    plan
}

/// `less`: how much is left out.
fn compose(pen: &mut Pen<'_>, view: &View, room: Rect, less: u32) -> Plan {
    let wanted = if view.prints.len() > 1 { WIDTHS.1 } else { WIDTHS.0 };
    let width = pen.px(wanted).min(room.w).max(1);
    let scarce = |length: i32| if less > 2 { length / 2 } else { length };
    let (padding, gap) = (pen.px(scarce(PADDING)), pen.px(scarce(GAP)));
    let mut column = Column { left: padding, width: (width - 2 * padding).max(1), y: padding, items: Vec::new() };
    let sign = pen.px(SIGN);
    column.indented(sign, |column| column.lines(pen, Style::Title, &view.title, 2));
    column.y += gap / 2;
    match view.complaint {
        Some(complaint) => column.lines(pen, Style::Complaint, complaint, 2),
        None if less < 2 || view.tone == Tone::Alarm => column.lines(pen, Style::Text, &view.text, 4),
        None => {}
    }
    column.y += gap;
    for field in &view.fields {
        column.lines(pen, Style::Label, field.label, 1);
        column.y += pen.px(2);
        let height = pen.px(FIELD);
        column.add(Item::Field(field.clone()), column.width, height);
        column.y += gap;
    }
    column.prints(pen, &view.prints);
    if view.tick.is_some() {
        column.add(Item::Tick, column.width, pen.px(22));
        column.y += gap;
    }
    if less == 0 && !view.note.is_empty() {
        column.lines(pen, Style::Note, view.note, 2);
        column.y += gap;
    }
    let (mut button, between) = (pen.px(BUTTON.0), pen.px(10));
    button = button.min((column.width - between) / 2);
    let height = pen.px(BUTTON.1);
    let right = column.left + column.width;
    for (part, x) in [(Part::Cancel, right - 2 * button - between), (Part::Accept, right - button)] {
        column.items.push((Item::Button(part), Rect::new(x, column.y, button, height)));
    }
    let size = (width, column.y + height + padding);
    Plan { view: view.clone(), items: column.items, size }
}

/// Items below each other.
struct Column {
    left: i32,
    width: i32,
    y: i32,
    items: Vec<(Item, Rect)>,
}

impl Column {
    fn add(&mut self, item: Item, width: i32, height: i32) {
        self.items.push((item, Rect::new(self.left, self.y, width, height)));
        self.y += height;
    }

    fn indented(&mut self, by: i32, add: impl FnOnce(&mut Self)) {
        (self.left, self.width) = (self.left + by, (self.width - by).max(1));
        add(self);
        (self.left, self.width) = (self.left - by, self.width + by);
    }

    fn lines(&mut self, pen: &mut Pen<'_>, style: Style, text: &str, most: usize) {
        let font = font(pen, style);
        let height = pen.fonts.line_height(font);
        for line in pen.fonts.wrapped(font, text, self.width, most) {
            self.add(Item::Line(style, line), self.width, height);
        }
    }

    /// Fingerprints side by side. Where there is room for one only, that is the last.
    fn prints(&mut self, pen: &mut Pen<'_>, prints: &[(&'static str, [String; 4])]) {
        let gap = pen.px(GAP);
        let one = pen.px(PRINT);
        let fitting = ((self.width + gap) / (one + gap)).clamp(1, 2) as usize;
        let prints = prints.get(prints.len().saturating_sub(fitting)..).unwrap_or_default();
        let Some(count) = Some(prints.len() as i32).filter(|&count| count > 0) else { return };
        let (top, whole, left) = (self.y, self.width, self.left);
        self.width = (whole - (count - 1) * gap) / count;
        for (label, lines) in prints {
            self.y = top;
            self.lines(pen, Style::Label, label, 1);
            self.y += pen.px(2);
            self.add(Item::Print(lines.clone()), self.width, 4 * pen.px(PRINT_ROW) + pen.px(14));
            self.left += self.width + gap;
        }
        (self.left, self.width) = (left, whole);
        self.y += gap;
    }
}
