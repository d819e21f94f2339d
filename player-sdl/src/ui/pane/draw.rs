//! Draws the pane.

use super::plan::{PADDING, Part, Tab};
use super::rows::{Cells, Explained, Row, Scroll, Tone};
use super::{Slider, View};
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::theme::{self, Color};
use crate::ui::view::{Look, LookState};
use crate::ui::widgets::{self, Pen};

const SELECTED: Color = theme::SETUP.alpha(0x38);
/// What stands between the parts.
const EDGE: Color = theme::NEUTRAL;
const SIZE: f32 = theme::SMALL_SIZE;

const fn ink(tone: Tone) -> Color {
    match tone {
        Tone::Normal => theme::TEXT,
        Tone::Sent => theme::SETUP.mix(theme::TEXT, 60),
        Tone::Came => theme::GOOD.mix(theme::TEXT, 110),
        Tone::Warning => theme::WARNING,
        Tone::Bad => theme::BAD,
    }
}

/// Draws a view onto a canvas of the pane's size. `looks`: those of the parts, in the order of [`Part::ALL`].
pub(crate) fn draw(canvas: &mut Canvas, pen: &mut Pen<'_>, view: &View, looks: &[Look; Part::ALL.len()]) {
    let here = |rect: Rect| rect.within(view.plan.rect);
    let plan = &view.plan;
    let bar = Rect { h: plan.parts[0].h, ..canvas.rect() };
    canvas.fill(bar, theme::CONTROL_PANEL);
    canvas.fill(Rect { y: bar.bottom() - 1, h: 1, ..bar }, EDGE);
    canvas.fill(Rect { w: pen.px(1).max(1), ..canvas.rect() }, EDGE);
    draw_titles(canvas, pen, view, here(plan.titles));
    for ((part, look), place) in Part::ALL.into_iter().zip(looks).zip(plan.parts) {
        if !place.is_empty() {
            draw_part(canvas, pen, (part, part == Part::Tab(plan.tab)), *look, here(place));
        }
    }
    if let Some(plots) = &view.plots {
        plots.draw(canvas, pen, plan.plots.map(here));
    }
    let list = here(plan.list);
    for (index, row) in view.rows.iter().enumerate() {
        let place = Rect { y: list.y + index as i32 * plan.row, h: plan.row, ..list };
        draw_row(canvas, pen, row, place);
    }
    if view.rows.is_empty() && !view.nothing.is_empty() {
        let place = Rect { h: plan.row * 2, ..list };
        let font = pen.regular(theme::TEXT_SIZE - 1.0);
        pen.centred(canvas, place, font, view.nothing, theme::SECONDARY);
    }
    for (index, slider) in view.sliders.iter().enumerate() {
        let place = Rect { y: list.y + index as i32 * plan.row, h: plan.row, ..list };
        let track = plan.track(index, pen.scale);
        draw_slider(canvas, pen, slider, place, here(track));
    }
    draw_scrollbar(canvas, pen, view, list);
    let over = plan.is_explanation_over;
    if !over || view.explained.is_some() {
        draw_explanation(canvas, pen, view.explained.as_ref(), here(plan.explanation), over);
    }
}

/// The places of a list's columns, from its left edge: where each begins, or ends, if its cells stand at the right.
const TIME: i32 = 52;
const CSEQ: i32 = 82;
const TEXT: i32 = 92;
const SEQUENCE: i32 = 94;
const MARKER: i32 = 104;
const STAMP: i32 = 186;
const OFFSET: i32 = 238;

fn draw_titles(canvas: &mut Canvas, pen: &mut Pen<'_>, view: &View, place: Rect) {
    let font = pen.regular(SIZE - 1.0);
    let baseline = pen.baseline(place, font);
    canvas.fill(Rect { y: place.bottom() - 1, h: 1, ..place }, EDGE);
    let mut right_at = |pen: &mut Pen<'_>, at: i32, text: &str| {
        let x = place.x + pen.px(at) - pen.fonts.width(font, text);
        canvas.text(pen.fonts, font, (x, baseline), text, theme::SECONDARY);
    };
    match view.plan.tab {
        Tab::Rtsp => {
            right_at(pen, TIME, "seconds");
            right_at(pen, CSEQ, "CSeq");
        }
        Tab::Rtp => {
            right_at(pen, TIME, "seconds");
            right_at(pen, SEQUENCE, "number");
            right_at(pen, STAMP, "M  timestamp");
            right_at(pen, OFFSET, "offset");
        }
        Tab::Rtcp => right_at(pen, TIME, "seconds"),
        Tab::Network => {}
    }
    let left = match view.plan.tab {
        Tab::Rtsp => (TEXT, "message"),
        Tab::Rtp => (0, ""),
        Tab::Rtcp => (TIME + 14, "packets"),
        Tab::Network => (PADDING, view.note.as_str()),
    };
    canvas.text(pen.fonts, font, (place.x + pen.px(left.0), baseline), left.1, theme::SECONDARY);
    let is_free = view.plan.parts.iter().skip(7).all(|part| part.is_empty());
    let right = match view.plan.tab {
        Tab::Rtsp => "client",
        Tab::Rtcp => "bytes",
        Tab::Rtp | Tab::Network => "",
    };
    if is_free {
        let x = place.right() - pen.px(PADDING + 4) - pen.fonts.width(font, right);
        canvas.text(pen.fonts, font, (x, baseline), right, theme::SECONDARY);
    }
}

fn draw_part(canvas: &mut Canvas, pen: &mut Pen<'_>, (part, is_shown): (Part, bool), look: Look, place: Rect) {
    let inner = place.shrunk(pen.px(3));
    if look.focused {
        widgets::draw_focus(canvas, pen, inner.shrunk(pen.px(1)), 4.0);
    }
    let ground = widgets::ground(look.state);
    match part {
        Part::Tab(tab) => {
            canvas.round(inner, pen.at(4.0), ground);
            let font = if is_shown { pen.medium(theme::TEXT_SIZE - 0.5) } else { pen.regular(theme::TEXT_SIZE - 0.5) };
            let is_pointed = matches!(look.state, LookState::Hover | LookState::Pressed);
            let color = if is_shown || is_pointed { theme::TEXT } else { theme::SECONDARY };
            pen.centred(canvas, place, font, tab.label(), color);
            if is_shown {
                let line = pen.px(2).max(1);
                let x = place.x + pen.px(6);
                canvas.fill(Rect::new(x, place.bottom() - line, place.w - pen.px(12), line), theme::SETUP);
            }
        }
        Part::Follow | Part::Reset => {
            let place = place.shrunk(pen.px(1));
            canvas.round(place, pen.at(4.0), theme::NEUTRAL);
            canvas.round(place, pen.at(4.0), ground);
            let font = pen.medium(SIZE - 0.5);
            pen.centred(canvas, place, font, if part == Part::Follow { "Follow" } else { "Reset" }, theme::TEXT);
        }
        Part::Copy | Part::Save | Part::Close => {
            canvas.round(inner, pen.at(4.0), ground);
            draw_sign(canvas, pen, part, place);
        }
    }
}

fn draw_sign(canvas: &mut Canvas, pen: &Pen<'_>, part: Part, place: Rect) {
    let side = pen.at(13.0);
    let (x, y) = (place.x as f32 + (place.w as f32 - side) / 2.0, place.y as f32 + (place.h as f32 - side) / 2.0);
    let at = |(right, down): (f32, f32)| (x + side * right, y + side * down);
    let width = pen.at(1.5);
    let mut lines = |points: &[(f32, f32)]| {
        for pair in points.windows(2) {
            canvas.line(at(pair[0]), at(pair[1]), width, theme::TEXT);
        }
    };
    match part {
        // Two sheets.
        Part::Copy => {
            lines(&[(0.3, 0.3), (1.0, 0.3), (1.0, 1.0), (0.3, 1.0), (0.3, 0.3)]);
            lines(&[(0.0, 0.7), (0.0, 0.0), (0.7, 0.0)]);
        }
        // Down into a tray.
        Part::Save => {
            lines(&[(0.5, 0.0), (0.5, 0.66)]);
            lines(&[(0.22, 0.38), (0.5, 0.66), (0.78, 0.38)]);
            lines(&[(0.0, 0.72), (0.0, 1.0), (1.0, 1.0), (1.0, 0.72)]);
        }
        _ => {
            lines(&[(0.1, 0.1), (0.9, 0.9)]);
            lines(&[(0.9, 0.1), (0.1, 0.9)]);
        }
    }
}

/// Writes text that ends at `right`, and returns where it begins.
fn write_right(canvas: &mut Canvas, pen: &mut Pen<'_>, right: i32, baseline: i32, text: &str, color: Color) -> i32 {
    let font = pen.regular(SIZE);
    let x = right - pen.fonts.width(font, text);
    canvas.text(pen.fonts, font, (x, baseline), text, color);
    x
}

/// Writes as much of a text as there is room for.
fn write(canvas: &mut Canvas, pen: &mut Pen<'_>, (x, right): (i32, i32), baseline: i32, text: &str, color: Color) {
    let font = pen.regular(SIZE);
    let text = pen.fonts.elided(font, text, right - x);
    canvas.text(pen.fonts, font, (x, baseline), &text, color);
}

fn draw_row(canvas: &mut Canvas, pen: &mut Pen<'_>, row: &Row, place: Rect) {
    if row.selected {
        canvas.fill(place, SELECTED);
    }
    let baseline = pen.baseline(place, pen.regular(SIZE));
    let at = |pen: &Pen<'_>, x: i32| place.x + pen.px(x);
    let end = place.right() - pen.px(PADDING + 4);
    if let Some(open) = row.open {
        draw_arrow(canvas, pen, place, open);
    }
    match &row.cells {
        Cells::Message { time, cseq, text, state, tone } => {
            write_right(canvas, pen, at(pen, TIME), baseline, time, theme::SECONDARY);
            write_right(canvas, pen, at(pen, CSEQ), baseline, cseq, theme::SECONDARY);
            let left = write_right(canvas, pen, end, baseline, state, theme::SECONDARY);
            let x = at(pen, TEXT);
            let sign = match tone {
                Tone::Sent => "→ ",
                Tone::Normal => "",
                _ => "← ",
            };
            let x = canvas.text(pen.fonts, pen.regular(SIZE), (x, baseline), sign, ink(*tone));
            write(canvas, pen, (x, left - pen.px(8)), baseline, text, ink(*tone));
        }
        Cells::Packet { time, cells: [sequence, marker, stamp, offset], flag, tone } => {
            write_right(canvas, pen, at(pen, TIME), baseline, time, theme::SECONDARY);
            write_right(canvas, pen, at(pen, SEQUENCE), baseline, sequence, ink(*tone));
            canvas.text(
                pen.fonts,
                pen.medium(SIZE),
                (at(pen, MARKER), baseline),
                marker,
                theme::SETUP.mix(theme::TEXT, 60),
            );
            write_right(canvas, pen, at(pen, STAMP), baseline, stamp, theme::TEXT);
            let x = write_right(canvas, pen, at(pen, OFFSET), baseline, offset, theme::SECONDARY).max(at(pen, OFFSET));
            let x = x + pen.px(6);
            let width = pen.fonts.width(pen.regular(SIZE), flag);
            write(canvas, pen, ((end - width).max(x), end), baseline, flag, ink(*tone));
        }
        Cells::Report { time, names, len, tone } => {
            write_right(canvas, pen, at(pen, TIME), baseline, time, theme::SECONDARY);
            let left = write_right(canvas, pen, end, baseline, len, theme::SECONDARY);
            let text = format!("{} {names}", if *tone == Tone::Sent { "→" } else { "←" });
            write(canvas, pen, (at(pen, TIME + 14), left - pen.px(8)), baseline, &text, ink(*tone));
        }
        Cells::Line { text, is_body } => {
            let (x, color) = if *is_body { (at(pen, 36), theme::SECONDARY) } else { (at(pen, 26), theme::TEXT) };
            write(canvas, pen, (x, end), baseline, text, color);
        }
        Cells::Field { name, bits, value, note } => {
            draw_field(canvas, pen, (place, baseline), [name, bits, value, note])
        }
    }
}

/// Draws a field: its name, its value, its bits if they are few, and what it means if there is room for that.
fn draw_field(
    canvas: &mut Canvas,
    pen: &mut Pen<'_>,
    (place, baseline): (Rect, i32),
    [name, bits, value, note]: [&str; 4],
) {
    let font = pen.regular(SIZE);
    let end = place.right() - pen.px(PADDING + 4);
    let [first, second, third] = [26, 138, 206].map(|x| place.x + pen.px(x));
    write(canvas, pen, (first, second - pen.px(4)), baseline, name, theme::SECONDARY);
    let is_short = pen.fonts.width(font, bits) <= third - second - pen.px(6);
    if is_short {
        canvas.text(pen.fonts, font, (second, baseline), bits, theme::SETUP.mix(theme::TEXT, 90));
    }
    let x = if is_short && !bits.is_empty() { third } else { second };
    let shown = pen.fonts.elided(font, value, end - x);
    let x = canvas.text(pen.fonts, font, (x, baseline), &shown, theme::TEXT) + pen.px(10);
    let rest = if is_short || pen.fonts.width(font, bits) > end - x { note } else { bits };
    if !rest.is_empty() && pen.fonts.width(font, rest) <= end - x {
        canvas.text(pen.fonts, font, (x, baseline), rest, theme::SECONDARY);
    }
}

/// Draws the sign of something that can be opened.
fn draw_arrow(canvas: &mut Canvas, pen: &Pen<'_>, place: Rect, open: bool) {
    let (x, y, side) = (place.x as f32 + pen.at(9.0), place.y as f32 + place.h as f32 / 2.0, pen.at(3.0));
    let points = if open {
        [(x - side, y - side * 0.6), (x + side, y - side * 0.6), (x, y + side * 0.8)]
    } else {
        [(x - side * 0.6, y - side), (x + side * 0.8, y), (x - side * 0.6, y + side)]
    };
    canvas.polygon(&points, theme::SECONDARY);
}

fn draw_slider(canvas: &mut Canvas, pen: &mut Pen<'_>, slider: &Slider, place: Rect, track: Rect) {
    if slider.selected {
        canvas.fill(place, SELECTED);
    }
    let font = pen.regular(theme::TEXT_SIZE - 1.0);
    let baseline = pen.baseline(place, font);
    canvas.text(pen.fonts, font, (place.x + pen.px(PADDING), baseline), slider.evil.name(), theme::TEXT);
    let value = &slider.value;
    let x = place.right() - pen.px(PADDING) - pen.fonts.width(font, value);
    canvas.text(pen.fonts, font, (x, baseline), value, theme::TEXT);
    let height = pen.px(6);
    let line = Rect { y: track.y + (track.h - height) / 2, h: height, ..track };
    let (radius, edge) = (height as f32 / 2.0, pen.px(1).max(1));
    canvas.round(line, radius, theme::TRACK_EDGE);
    canvas.round(line.shrunk(edge), radius - edge as f32, theme::TRACK);
    let filled = (slider.part * line.w as f32) as i32;
    let color = if slider.part > 0.0 { theme::WARNING } else { theme::SECONDARY };
    canvas.round(Rect { w: filled, ..line }, radius, color);
    canvas.circle((line.x + filled) as f32, (line.y + height / 2) as f32, pen.at(6.5), color);
}

fn draw_scrollbar(canvas: &mut Canvas, pen: &Pen<'_>, view: &View, list: Rect) {
    let Scroll { first, total } = view.scroll;
    let fit = view.plan.rows();
    if total <= fit || fit == 0 {
        return;
    }
    let width = pen.px(4).max(2);
    let length = (list.h * fit as i32 / total as i32).max(pen.px(16));
    let y = list.y + ((list.h - length) as i64 * first as i64 / (total - fit) as i64) as i32;
    let x = list.right() - width - pen.px(2);
    canvas.round(Rect::new(x, y, width, length.min(list.h)), width as f32 / 2.0, theme::TRACK_EDGE);
}

/// Draws what explains the selected row, or how to select one.
fn draw_explanation(canvas: &mut Canvas, pen: &mut Pen<'_>, explained: Option<&Explained>, place: Rect, over: bool) {
    canvas.fill(place, theme::CONTROL_PANEL);
    canvas.fill(Rect { h: 1, ..place }, EDGE);
    let padding = pen.px(PADDING);
    let width = place.w - 2 * padding;
    let small = pen.regular(SIZE);
    let line = pen.px(15);
    let Some(Explained { title, bits, section, text }) = explained else {
        let hint = "A click on a line, or Up, Down and Enter, opens it and says here what it means.";
        let lines = pen.fonts.wrapped(small, hint, width, 3);
        for (index, text) in lines.iter().enumerate() {
            let y = place.y + padding + line * (index as i32 + 1);
            canvas.text(pen.fonts, small, (place.x + padding, y), text, theme::SECONDARY);
        }
        return;
    };
    let medium = pen.medium(SIZE + 0.5);
    let mut y = place.y + pen.px(17);
    let mut put = |pen: &mut Pen<'_>, font, text: &str, color| {
        if !text.is_empty() && y + pen.px(3) <= place.bottom() {
            canvas.text(pen.fonts, font, (place.x + padding, y), text, color);
            y += line;
        }
    };
    let titles = pen.fonts.wrapped(medium, title, width, if bits.is_empty() { 2 } else { 1 });
    titles.iter().for_each(|title| put(pen, medium, title, theme::TEXT));
    let bits = pen.fonts.elided(small, bits, width);
    put(pen, small, &bits, theme::SETUP.mix(theme::TEXT, 90));
    let section = pen.fonts.elided(small, section, width);
    put(pen, small, &section, theme::SETUP.mix(theme::TEXT, 60));
    let lines = pen.fonts.wrapped(small, text, width, if over { 6 } else { 4 });
    lines.iter().for_each(|text| put(pen, small, text, theme::TEXT));
}
