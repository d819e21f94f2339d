//! What a tile says of its stream beside the picture, and how that is drawn: the name in a corner and, where there is no picture of now,
//! why, and what can be done.

use crate::model::{Model, Phase};
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::text::Font;
use crate::ui::theme::{self, Color};
use crate::ui::view::{self, Icon, Notice};
use crate::ui::widgets::{self, Pen, buttons::pause_sign};
use crate::wording::Cause;
use std::time::{Duration, Instant};

/// A tile without its picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tile {
    pub(crate) label: Label,
    pub(crate) notice: Option<Notice>,
}

/// The name of a stream and a sign of how it does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Label {
    pub(crate) name: String,
    /// Why no picture comes although it plays.
    pub(crate) remark: Option<String>,
    pub(crate) sign: Sign,
    pub(crate) recording: bool,
}

/// How a stream does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Playing,
    Paused,
    /// It stands, or is about to play.
    Waiting,
    /// It has no picture at present.
    Trouble,
    Failed,
}

impl Tile {
    pub(crate) fn new(name: &str, url: &str, model: &Model, now: Instant, since: Duration) -> Self {
        let remark = model.silence.clone().filter(|_| model.phase == Phase::Playing);
        let sign = match model.phase {
            Phase::Playing if remark.is_some() => Sign::Trouble,
            Phase::Playing => Sign::Playing,
            Phase::Paused => Sign::Paused,
            Phase::Idle | Phase::Connecting | Phase::Ready | Phase::Buffering | Phase::Ended => Sign::Waiting,
            Phase::Reconnecting { .. } | Phase::Asking(_) => Sign::Trouble,
            Phase::Failed { .. } => Sign::Failed,
        };
        let label = Label { name: name.into(), remark, sign, recording: model.recording };
        Self { label, notice: notice(model, url, now, since) }
    }

    /// Whether there is something to read above the picture.
    pub(crate) fn dims_picture(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::dims)
    }
}

/// Returns what the large view says, with what can be done from the wall.
fn notice(model: &Model, url: &str, now: Instant, since: Duration) -> Option<Notice> {
    if let Phase::Asking(asked) = &model.phase {
        let (title, detail) = ("It waits for your answer".into(), asked.reason.clone());
        return Some(Notice { icon: Icon::Warning, title, detail, hint: String::new(), steps: Vec::new() });
    }
    let notice = view::notice(model, url, now, since)?;
    let hint = match &model.phase {
        // The sign beside the name says so, and leaves the picture free.
        Phase::Paused => return None,
        Phase::Idle | Phase::Ready => "Space plays it".into(),
        Phase::Ended => "Space plays it again".into(),
        Phase::Reconnecting { at, .. } => {
            let left = at.saturating_duration_since(now).as_secs_f32();
            if left > 0.05 { format!("Trying again in {:.0} s", left.ceil()) } else { "Trying again…".into() }
        }
        Phase::Failed { cause: cause @ (Cause::Unsendable | Cause::NotJpeg), .. } => cause.advice().into(),
        Phase::Failed { cause, .. } => format!("{} Space tries again.", cause.advice()).trim().into(),
        _ => String::new(),
    };
    Some(Notice { hint, ..notice })
}

/// A notice with its text broken into lines, and the room that it takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    icon: Option<(Icon, i32)>,
    title: Vec<String>,
    detail: Vec<String>,
    hint: Vec<String>,
    /// The sizes of text in the design: of the title, and of the rest.
    text: (f32, f32),
    pub(crate) size: (i32, i32),
}

/// The distances between the parts of a notice, and to the edge of its tile.
const APART: (i32, i32) = (6, 8);

/// Arranges a notice in the free part of a tile. Where there is little room, the title comes first, then what can be done, then the
/// sign, and then the details.
pub(crate) fn arrange(pen: &mut Pen<'_>, notice: &Notice, room: Rect) -> Plan {
    let fits = |w: i32, h: i32| room.w >= pen.px(w) && room.h >= pen.px(h);
    let (text, icon, most) = match () {
        () if fits(360, 220) => ((theme::NOTICE_SIZE - 3.0, theme::TEXT_SIZE), 48, 4),
        () if fits(180, 110) => ((theme::TITLE_SIZE - 1.0, theme::SMALL_SIZE + 0.5), 32, 4),
        () => ((theme::SMALL_SIZE, theme::SMALL_SIZE - 0.5), 22, 3),
    };
    let (gap, edge) = (pen.px(APART.0), pen.px(APART.1));
    let width = (room.w - 2 * edge).min(pen.px(420)).max(0);
    let (title, small) = (pen.medium(text.0), pen.regular(text.1));
    let mut plan = Plan { icon: None, title: Vec::new(), detail: Vec::new(), hint: Vec::new(), text, size: (width, 0) };
    let mut column = Column { room: room.h - edge, used: 0, gap };
    plan.title = column.lines(pen, title, (&notice.title, width), most);
    plan.hint = column.lines(pen, small, (&notice.hint, width), most);
    let side = pen.px(icon);
    if column.take(side, true) {
        plan.icon = Some((notice.icon, side));
    }
    plan.detail = column.lines(pen, small, (&notice.detail, width), most);
    plan.size.1 = column.used;
    plan
}

/// Parts one below the other, as many as there is room for.
struct Column {
    room: i32,
    used: i32,
    gap: i32,
}

impl Column {
    /// Takes room for a part, which may be apart from the one above. Returns whether there is room.
    fn take(&mut self, height: i32, apart: bool) -> bool {
        let all = height + if apart && self.used > 0 { self.gap } else { 0 };
        let fits = self.used + all <= self.room;
        self.used += if fits { all } else { 0 };
        fits
    }

    /// Breaks a text into lines of at most this width. There are none where there is no room for all of it: half a sentence says less
    /// than a sign.
    fn lines(&mut self, pen: &mut Pen<'_>, font: Font, (text, width): (&str, i32), most: usize) -> Vec<String> {
        let lines = pen.fonts.wrapped(font, text, width, most);
        let is_whole = lines.join(" ") == text.split_whitespace().collect::<Vec<_>>().join(" ");
        let height = pen.fonts.line_height(font) * lines.len() as i32;
        if !lines.is_empty() && is_whole && self.take(height, true) { lines } else { Vec::new() }
    }
}

pub(crate) fn draw_notice(canvas: &mut Canvas, pen: &mut Pen<'_>, plan: &Plan) {
    let rect = canvas.rect();
    let gap = pen.px(APART.0);
    let mut y = 0;
    if let Some((icon, side)) = plan.icon {
        widgets::notice::draw_icon(canvas, icon, Rect::new((rect.w - side) / 2, 0, side, side));
        y = side + gap;
    }
    let (title, small) = (pen.medium(plan.text.0), pen.regular(plan.text.1));
    let soft = theme::SECONDARY.mix(theme::TEXT, 110);
    for (lines, font, color) in
        [(&plan.title, title, theme::TEXT), (&plan.detail, small, soft), (&plan.hint, small, soft)]
    {
        let height = pen.fonts.line_height(font);
        for line in lines {
            pen.centred(canvas, Rect::new(0, y, rect.w, height), font, line, color);
            y += height;
        }
        y += if lines.is_empty() { 0 } else { gap };
    }
}

/// The height of a label, the room for its sign, and its distance from the tile's edges.
const LABEL: (i32, i32, i32) = (22, 18, 5);

/// Returns the place of a label in its tile.
pub(crate) fn label_place(pen: &mut Pen<'_>, label: &Label, tile: Rect) -> Rect {
    let (height, sign, edge) = (pen.px(LABEL.0), pen.px(LABEL.1), pen.px(LABEL.2));
    let edge = if tile.w < pen.px(120) { 0 } else { edge };
    let font = pen.medium(theme::SMALL_SIZE);
    let recording = if label.recording { sign } else { 0 };
    let wanted = sign + pen.fonts.width(font, &words(label)) + recording + pen.px(8);
    let width = wanted.min(tile.w - 2 * edge).max(0);
    let height = height.min(tile.h / 2);
    Rect::new(tile.x + edge, tile.bottom() - edge - height, width, height)
}

fn words(label: &Label) -> String {
    match &label.remark {
        Some(remark) => format!("{}: {remark}", label.name),
        None => label.name.clone(),
    }
}

impl Sign {
    const fn color(self) -> Color {
        match self {
            Self::Playing => theme::GOOD.mix(theme::TEXT, 60),
            Self::Paused => theme::TEXT,
            Self::Waiting => theme::SECONDARY,
            Self::Trouble => theme::WARNING,
            Self::Failed => theme::BAD,
        }
    }
}

/// Draws a label onto a canvas of its size.
pub(crate) fn draw_label(canvas: &mut Canvas, pen: &mut Pen<'_>, label: &Label) {
    let rect = canvas.rect();
    canvas.round(rect, pen.at(4.0), theme::SHADE);
    let sign = pen.px(LABEL.1);
    let middle = (sign as f32 / 2.0 + pen.at(1.0), rect.h as f32 / 2.0);
    match label.sign {
        Sign::Paused => {
            let side = pen.px(9);
            let place = Rect::new(middle.0 as i32 - side / 2, (rect.h - side) / 2, side, side);
            pause_sign(canvas, place, label.sign.color());
        }
        sign => canvas.circle(middle.0, middle.1, pen.at(3.5), sign.color()),
    }
    let font = pen.medium(theme::SMALL_SIZE);
    let recording = if label.recording { sign } else { 0 };
    let room = rect.w - sign - recording - pen.px(6);
    let text = pen.fonts.elided(font, &words(label), room);
    let baseline = pen.baseline(rect, font);
    let ink = if label.remark.is_some() { theme::WARNING } else { theme::TEXT };
    let end = canvas.text(pen.fonts, font, (sign, baseline), &text, ink);
    if label.recording {
        // As the button that records.
        let (x, radius) = (end as f32 + pen.at(10.0), pen.at(5.0));
        canvas.arc((x, middle.1), radius, pen.at(1.2), (0.0, 1.0), theme::TEXT);
        canvas.circle(x, middle.1, radius * 0.55, theme::BAD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::presentation;
    use crate::network::Report;
    use crate::ui::text::Fonts;

    fn tile(reports: impl IntoIterator<Item = Report>) -> Tile {
        let (mut model, now) = (Model::new(), Instant::now());
        model.start(None);
        reports.into_iter().for_each(|report| model.handle_report(report, now));
        Tile::new("camera", "rtsp://cam/camera", &model, now, Duration::ZERO)
    }

    fn failed() -> Report {
        Report::Failed { reason: "The server has nothing of that name".into(), cause: Cause::NotFound }
    }

    #[test]
    fn a_tile_says_what_is_wrong_and_what_can_be_done_from_the_wall() {
        let shown = tile([failed()]);
        let notice = shown.notice.clone().unwrap();
        assert_eq!((notice.title.as_str(), shown.label.sign), ("There is no such stream", Sign::Failed));
        assert!(notice.hint.ends_with("Space tries again.") && shown.dims_picture(), "{notice:?}");
        let at = Instant::now() + Duration::from_secs(2);
        let lost = tile([Report::Interrupted { reason: "Gone".into(), cause: Cause::NoListener, at, attempt: 1 }]);
        let notice = lost.notice.unwrap();
        assert_eq!((notice.hint.as_str(), lost.label.sign), ("Trying again in 2 s", Sign::Trouble));
        let paused = tile([Report::SetUp(presentation(Some(60))), Report::Playing, Report::Paused]);
        assert_eq!((paused.notice, paused.label.sign), (None, Sign::Paused), "the picture stays free");
    }

    #[test]
    fn a_notice_fits_every_tile_and_no_sentence_is_cut() {
        let (mut fonts, notice) = (Fonts::new(), tile([failed()]).notice.unwrap());
        let plan = |fonts: &mut Fonts, (w, h): (i32, i32), scale| {
            let mut pen = Pen { fonts, scale };
            let room = Rect::new(0, 0, pen.px(w), pen.px(h));
            let plan = arrange(&mut pen, &notice, room);
            assert!(plan.size.0 <= room.w && plan.size.1 <= room.h, "{w}x{h}: {:?}", plan.size);
            let mut canvas = Canvas::default();
            canvas.reset(plan.size.0, plan.size.1, theme::BLACK.alpha(0));
            draw_notice(&mut canvas, &mut pen, &plan);
            let cut = canvas.written.iter().any(|(text, ..)| text.ends_with('…'));
            assert!(!cut, "{w}x{h}: {:?}", canvas.written);
            plan
        };
        for scale in [1.0, 1.5, 2.0] {
            for size in [(1, 1), (70, 40), (98, 60), (150, 90), (310, 260), (520, 300), (1580, 400), (100, 800)] {
                plan(&mut fonts, size, scale);
            }
            let large = plan(&mut fonts, (310, 260), scale);
            assert!(large.icon.is_some() && !large.hint.is_empty() && !large.detail.is_empty());
            let small = plan(&mut fonts, (98, 60), scale);
            assert!(!small.title.is_empty() && small.hint.is_empty(), "{small:?}");
            let tiny = plan(&mut fonts, (70, 40), scale);
            assert!(tiny.title.is_empty() && tiny.icon.is_some(), "a sign says more than half a sentence: {tiny:?}");
        }
    }

    #[test]
    fn a_label_lies_in_its_tile_and_can_be_read_over_any_picture() {
        let mut fonts = Fonts::new();
        let remark = Some("Nothing has arrived for 3 s".to_owned());
        for (name, recording) in [("camera", false), ("a name that is far too long for any tile of a wall", true)] {
            for sign in [Sign::Playing, Sign::Paused, Sign::Waiting, Sign::Trouble, Sign::Failed] {
                let remark = remark.clone().filter(|_| sign == Sign::Trouble);
                let label = Label { name: name.into(), remark, sign, recording };
                let mut pen = Pen { fonts: &mut fonts, scale: 1.0 };
                for (w, h) in [(74, 64), (310, 260), (1, 1)] {
                    let place = label_place(&mut pen, &label, Rect::new(7, 9, w, h));
                    assert!(place.x >= 7 && place.right() <= 7 + w && place.bottom() <= 9 + h && place.h <= h / 2 + 1);
                    let mut canvas = Canvas::default();
                    canvas.reset(place.w, place.h, theme::BLACK.alpha(0));
                    draw_label(&mut canvas, &mut pen, &label);
                    for (text, ink, ground) in &canvas.written {
                        let below = theme::TEXT.mix(ground.alpha(0xff), ground.a());
                        assert!(theme::contrast(*ink, below) >= 4.5, "{text:?} on {ground:x?}");
                    }
                }
            }
        }
    }
}
