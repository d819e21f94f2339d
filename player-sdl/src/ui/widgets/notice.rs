//! Draws the notice in the middle of the picture.

use super::Pen;
use super::buttons::{self, pause_sign, play_sign};
use crate::steps::Step;
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::theme;
use crate::ui::view::{Icon, Notice};

/// The most lines that the detail of a notice takes.
const MAX_LINES: usize = 4;

/// A notice with its text broken into lines, and the room that it takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ArrangedNotice {
    notice: Notice,
    title: Vec<String>,
    detail: Vec<String>,
    hint: Vec<String>,
    /// The places of the buttons on the notice's canvas.
    steps: Vec<Rect>,
    icon: i32,
    /// The margin of the dark plate behind the text; 0 without a plate. Over a picture, text is hard to read without one.
    plate: i32,
    pub(crate) size: (i32, i32),
}

/// Arranges a notice in an area, over a picture or over nothing. If there is little room, the sign becomes smaller. If that
/// is not enough, the hint is left out, and then the sign.
pub(crate) fn arrange(pen: &mut Pen<'_>, notice: &Notice, area: Rect, over_picture: bool) -> ArrangedNotice {
    let plate = if over_picture && notice.dims() { pen.px(14) } else { 0 };
    let width = (area.w - 2 * pen.px(16) - 2 * plate).min(pen.px(460)).max(0);
    let (title, text) = (pen.medium(theme::NOTICE_SIZE), pen.regular(theme::TEXT_SIZE));
    let mut arranged = ArrangedNotice {
        notice: notice.clone(),
        title: pen.fonts.wrapped(title, &notice.title, width, 2),
        detail: pen.fonts.wrapped(text, &notice.detail, width, MAX_LINES),
        hint: pen.fonts.wrapped(text, &notice.hint, width, 2),
        steps: Vec::new(),
        icon: pen.px(64),
        plate,
        size: (width + 2 * plate, 0),
    };
    if !notice.dims() {
        return ArrangedNotice { size: (arranged.icon, arranged.icon), ..arranged };
    }
    let (row, row_width) = step_row(pen, notice, width);
    if plate > 0 {
        let blocks = [(&arranged.title, title), (&arranged.detail, text), (&arranged.hint, text)];
        let lines = blocks.into_iter().flat_map(|(lines, font)| lines.iter().map(move |line| (line, font)));
        let widest = lines.map(|(line, font)| pen.fonts.width(font, line)).max().unwrap_or(0);
        // The plate has a least width, so that it does not change with each number of a countdown.
        let widest = widest.max(pen.px(220)).max(row_width).min(width);
        arranged.size.0 = widest + 4 * plate;
    }
    let available = area.h - 2 * pen.px(8);
    for step in 0..5 {
        let (title, text) = (title, pen.fonts.line_height(text));
        let lines = |lines: &[String], height: i32, gap: i32| match lines.len() as i32 {
            0 => 0,
            count => gap + count * height,
        };
        let height = 2 * plate
            + arranged.icon
            + lines(&arranged.title, pen.fonts.line_height(title), pen.px(14))
            + lines(&arranged.detail, text, pen.px(6))
            + lines(&arranged.hint, text, pen.px(14))
            + if row.is_empty() { 0 } else { pen.px(STEP_GAP + STEP) + pen.px(STEP_EDGE) };
        arranged.size.1 = height.min(available);
        match step {
            _ if height <= available => break,
            0 => arranged.icon = pen.px(40),
            1 => arranged.hint.clear(),
            2 => arranged.icon = 0,
            // Where all else is too much, the title says what is the matter, and the buttons what to do about it.
            _ => arranged.detail.clear(),
        }
    }
    arranged.size.0 = arranged.size.0.min(area.w);
    let left = (arranged.size.0 - row_width) / 2;
    let top = arranged.size.1 - plate - pen.px(STEP_EDGE) - pen.px(STEP);
    arranged.steps = row.into_iter().map(|(x, w)| Rect::new(left + x, top, w, pen.px(STEP))).collect();
    arranged
}

impl ArrangedNotice {
    /// The buttons, and their places on the notice's canvas.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (Step, Rect)> + '_ {
        self.notice.steps.iter().zip(&self.steps).map(|(&(step, _), &place)| (step, place))
    }
}

/// The height of a button, its distance from the text above it, and room for the ring around one that has the focus.
const STEP: i32 = 32;
const STEP_GAP: i32 = 16;
const STEP_EDGE: i32 = 5;

/// Places the buttons side by side in a row. Returns the left edge and width of each, and the width of all.
fn step_row(pen: &mut Pen<'_>, notice: &Notice, room: i32) -> (Vec<(i32, i32)>, i32) {
    let gap = pen.px(12);
    let widths: Vec<i32> = notice.steps.iter().map(|(step, _)| buttons::labelled_width(pen, step.label())).collect();
    let count = widths.len() as i32;
    let most = (room - 2 * pen.px(STEP_EDGE) - gap * (count - 1).max(0)) / count.max(1);
    let mut x = 0;
    let place = |width: &i32| {
        let width = (*width).min(most);
        let left = x;
        x += width + gap;
        (left, width)
    };
    let row: Vec<(i32, i32)> = widths.iter().map(place).collect();
    let width = row.last().map_or(0, |(x, width)| x + width);
    (row, width)
}

pub(crate) fn draw(canvas: &mut Canvas, pen: &mut Pen<'_>, arranged: &ArrangedNotice) {
    let rect = canvas.rect();
    if arranged.plate > 0 {
        canvas.round(rect, pen.at(10.0), theme::SHADE.alpha(0xb0));
    }
    let side = arranged.icon;
    if side > 0 {
        draw_icon(canvas, arranged.notice.icon, Rect::new((rect.w - side) / 2, arranged.plate, side, side));
    }
    let (title, text) = (pen.medium(theme::NOTICE_SIZE), pen.regular(theme::TEXT_SIZE));
    let mut y = arranged.plate + side;
    let blocks = [
        (&arranged.title, title, 14, theme::TEXT),
        (&arranged.detail, text, 6, theme::SECONDARY.mix(theme::TEXT, 110)),
        (&arranged.hint, text, 14, theme::SECONDARY),
    ];
    for (lines, font, gap, color) in blocks {
        if !lines.is_empty() {
            y += pen.px(gap);
        }
        let height = pen.fonts.line_height(font);
        for line in lines {
            pen.centred(canvas, Rect::new(0, y, rect.w, height), font, line, color);
            y += height;
        }
    }
    for (at, ((step, look), place)) in arranged.notice.steps.iter().zip(&arranged.steps).enumerate() {
        buttons::draw_labelled(canvas, pen, step.label(), at == 0, *look, *place);
    }
}

pub(crate) fn draw_icon(canvas: &mut Canvas, icon: Icon, place: Rect) {
    let centre = (place.x as f32 + place.w as f32 / 2.0, place.y as f32 + place.h as f32 / 2.0);
    let radius = place.w as f32 / 2.0 - 1.0;
    canvas.circle(centre.0, centre.1, radius, theme::BLACK.alpha(0x90));
    // As thick as it is in the large view.
    let line = radius * 0.113;
    match icon {
        Icon::Play => play_sign(canvas, (centre.0 + radius * 0.06, centre.1), radius * 0.42, theme::TEXT),
        Icon::Pause => pause_sign(canvas, place.centred(place.w * 3 / 8, place.w * 3 / 8), theme::TEXT),
        Icon::Replay => {
            let ring = radius * 0.46;
            canvas.arc(centre, ring, line, (0.08, 0.8), theme::TEXT);
            // The head of an arrow stands where the ring begins.
            let (x, y, size) = (centre.0, centre.1 - ring, line * 2.0);
            canvas.polygon(&[(x + size * 0.9, y - size), (x + size * 0.9, y + size), (x - size * 0.7, y)], theme::TEXT);
        }
        Icon::Warning => {
            let (top, end) = (centre.1 - radius * 0.46, centre.1 + radius * 0.12);
            canvas.line((centre.0, top), (centre.0, end), line * 1.3, theme::WARNING);
            canvas.circle(centre.0, centre.1 + radius * 0.42, line * 0.85, theme::WARNING);
            canvas.arc(centre, radius - line, line * 0.8, (0.0, 1.0), theme::WARNING);
        }
        Icon::Spinner(step) => {
            let ring = radius * 0.62;
            canvas.arc(centre, ring, line, (0.0, 1.0), theme::TEXT.alpha(0x30));
            canvas.arc(centre, ring, line, (step as f32 / 24.0, 0.3), theme::SETUP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::text::Fonts;
    use crate::ui::view::Look;

    #[test]
    fn a_face_fits_every_area() {
        let mut fonts = Fonts::new();
        let notice = Notice {
            icon: Icon::Warning,
            title: "This stream cannot be played".into(),
            detail: "the server speaks neither standard RTSP (the server does not answer) nor the lab's dialect "
                .repeat(3),
            hint: "SETUP tries again, and this is a rather long hint that takes more than a line of text".into(),
            steps: [Step::OtherAddress, Step::TryAgain].map(|step| (step, Look::NORMAL)).into(),
        };
        for scale in [1.0, 1.5, 2.0] {
            for (w, h) in [(320, 120), (320, 240), (640, 480), (1900, 200), (200, 900)] {
                let mut pen = Pen { fonts: &mut fonts, scale };
                let area = Rect::new(0, 0, pen.px(w), pen.px(h));
                for over_picture in [false, true] {
                    let arranged = arrange(&mut pen, &notice, area, over_picture);
                    assert!(arranged.size.0 <= area.w && arranged.size.1 <= area.h, "{w}x{h}: {:?}", arranged.size);
                    let mut canvas = Canvas::default();
                    canvas.reset(arranged.size.0, arranged.size.1, theme::BLACK.alpha(0));
                    draw(&mut canvas, &mut pen, &arranged);
                    let whole = canvas.rect();
                    assert_eq!(arranged.steps().count(), 2);
                    for (step, place) in arranged.steps() {
                        let fits = place.x > 0 && place.right() < whole.w && place.y > 0 && place.bottom() < whole.h;
                        assert!(fits, "{w}x{h}: {step:?} {place:?} in {whole:?}");
                    }
                }
            }
        }
    }
}
