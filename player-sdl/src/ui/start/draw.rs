//! Draws the start page: its upper part and its list, each onto a canvas of its own.

use super::plan::{Item, Items, Row, Style, font};
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::theme;
use crate::ui::view::{Look, LookState};
use crate::ui::widgets::buttons::{draw_labelled, play_sign};
use crate::ui::widgets::field::{Line, draw_line as draw_field};
use crate::ui::widgets::header::draw_name;
use crate::ui::widgets::{Pen, draw_focus, ground};

/// What is in the field before anything is typed.
const EXAMPLE: &str = "rtsp://host:port/name";

/// Draws a part of the page onto a canvas of its size.
pub(crate) fn draw(canvas: &mut Canvas, pen: &mut Pen<'_>, items: &Items) {
    items.iter().for_each(|(item, place)| draw_item(canvas, pen, item, *place));
}

fn draw_item(canvas: &mut Canvas, pen: &mut Pen<'_>, item: &Item, place: Rect) {
    match item {
        Item::TitleBar => {
            canvas.fill(place, theme::PANEL);
            draw_name(canvas, pen, place);
            let hair = pen.px(1).max(1);
            canvas.fill(Rect { y: place.bottom() - hair, h: hair, ..place }, theme::BLACK.alpha(0x60));
        }
        Item::Button { label, is_first, look } => draw_labelled(canvas, pen, label, *is_first, *look, place),
        Item::Field { text, caret, is_focused, shows_caret } => {
            let size = theme::TITLE_SIZE - 1.0;
            let line = Line { text, caret: *caret, is_focused: *is_focused, shows_caret: *shows_caret, size };
            draw_field(canvas, pen, &line, place);
            if text.is_empty() {
                let font = pen.regular(size);
                let at = (place.x + pen.px(14), pen.baseline(place, font));
                let example = pen.fonts.elided(font, EXAMPLE, place.w - pen.px(24));
                canvas.text(pen.fonts, font, at, &example, theme::DISABLED);
            }
        }
        Item::Line(style, text) => {
            let ink = match style {
                Style::Server => theme::TEXT,
                Style::Complaint => theme::WARNING,
                Style::Heading | Style::Address | Style::Note => theme::SECONDARY,
            };
            let font = font(pen, *style);
            let baseline = pen.baseline(place, font);
            canvas.text(pen.fonts, font, (place.x, baseline), text, ink);
        }
        Item::Row { row, look, removal } => draw_row(canvas, pen, row, *look, *removal, place),
        Item::Edge => canvas.fill(place, theme::TRACK),
        Item::Thumb => canvas.round(place, pen.at(2.0), theme::TRACK_EDGE),
    }
}

fn draw_row(canvas: &mut Canvas, pen: &mut Pen<'_>, row: &Row, look: Look, removal: Option<(Look, Rect)>, place: Rect) {
    if look.focused {
        draw_focus(canvas, pen, place, 6.0);
    }
    let ground = match look.state {
        LookState::Hover => theme::CONTROL_PANEL.mix(theme::TEXT, 20),
        LookState::Pressed => theme::CONTROL_PANEL.mix(theme::TEXT, 30),
        LookState::Normal | LookState::On | LookState::Disabled => theme::CONTROL_PANEL,
    };
    canvas.round(place, pen.at(6.0), ground);
    let middle = (place.x + pen.px(23), place.y + place.h / 2);
    let (x, y) = (middle.0 as f32, middle.1 as f32);
    canvas.circle(x, y, pen.at(13.0), theme::BACKGROUND);
    let sign = if look.state == LookState::Normal { theme::SECONDARY } else { theme::PLAY };
    play_sign(canvas, (x + pen.at(0.8), y), pen.at(5.5), sign);
    let left = place.x + pen.px(46);
    let right = removal.map_or(place.right() - pen.px(12), |(_, button)| place.x + button.x - pen.px(6));
    let (title, detail) = (pen.medium(theme::TEXT_SIZE), pen.regular(theme::SMALL_SIZE));
    let half = place.h / 2;
    let lines = [
        (&row.title, title, Rect { y: place.y + pen.px(4), h: half - pen.px(2), ..place }, theme::TEXT),
        (
            &row.detail,
            detail,
            Rect { y: place.y + half - pen.px(1), h: half - pen.px(3), ..place },
            theme::SECONDARY.mix(theme::TEXT, 60),
        ),
    ];
    for (text, font, line, ink) in lines {
        let text = pen.fonts.elided(font, text, right - left);
        let baseline = pen.baseline(line, font);
        canvas.text(pen.fonts, font, (left, baseline), &text, ink);
    }
    if let Some((look, button)) = removal {
        draw_cross(canvas, pen, look, Rect { x: place.x + button.x, y: place.y + button.y, ..button });
    }
}

/// A cross that takes an entry off the list.
fn draw_cross(canvas: &mut Canvas, pen: &Pen<'_>, look: Look, place: Rect) {
    let ink = match look.state {
        LookState::Hover | LookState::Pressed => theme::TEXT,
        _ => theme::SECONDARY,
    };
    canvas.round(place, pen.at(5.0), ground(look.state));
    let (x, y) = (place.x as f32 + place.w as f32 / 2.0, place.y as f32 + place.h as f32 / 2.0);
    let arm = pen.at(4.5);
    canvas.line((x - arm, y - arm), (x + arm, y + arm), pen.at(1.6), ink);
    canvas.line((x - arm, y + arm), (x + arm, y - arm), pen.at(1.6), ink);
}
