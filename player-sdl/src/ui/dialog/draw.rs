//! Draws a dialog onto a canvas of its size.

use super::plan::{FieldView, Item, Part, Plan, SIGN, Style, TICK_LABEL, Tone, View, font};
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::theme;
use crate::ui::widgets::Pen;
use crate::ui::widgets::field::{Line, draw_frame, draw_line as draw_line_field};

pub(crate) fn draw(canvas: &mut Canvas, pen: &mut Pen<'_>, plan: &Plan) {
    let rect = canvas.rect();
    let (edge, view) = (pen.px(1).max(1), &plan.view);
    let border = if view.tone == Tone::Alarm { theme::ALARM } else { theme::NEUTRAL };
    let edge = if view.tone == Tone::Alarm { 2 * edge } else { edge };
    canvas.round(rect, pen.at(10.0), border);
    canvas.round(rect.shrunk(edge), pen.at(10.0) - edge as f32, theme::PANEL);
    if let Some((_, title)) = plan.items.first() {
        let height = pen.fonts.line_height(font(pen, Style::Title));
        draw_sign(canvas, pen, view.tone, Rect::new(title.x - pen.px(SIGN), title.y, height, height));
    }
    for (item, place) in &plan.items {
        match item {
            Item::Line(style, text) => draw_line(canvas, pen, view.tone, *style, text, *place),
            Item::Field(field) => draw_field(canvas, pen, view, field, *place),
            Item::Print(lines) => draw_print(canvas, pen, lines, *place),
            Item::Tick => draw_tick(canvas, pen, view, *place),
            Item::Button(part) => draw_button(canvas, pen, view, *part, *place),
        }
    }
}

fn draw_line(canvas: &mut Canvas, pen: &mut Pen<'_>, tone: Tone, style: Style, text: &str, place: Rect) {
    let color = match style {
        Style::Title if tone == Tone::Alarm => theme::ALARM.mix(theme::TEXT, 110),
        Style::Title => theme::TEXT,
        Style::Text => theme::SECONDARY.mix(theme::TEXT, 110),
        Style::Complaint => theme::WARNING,
        Style::Note | Style::Label => theme::SECONDARY,
    };
    let font = font(pen, style);
    let baseline = pen.baseline(place, font);
    canvas.text(pen.fonts, font, (place.x, baseline), text, color);
}

/// A padlock, or a triangle with an exclamation mark.
fn draw_sign(canvas: &mut Canvas, pen: &Pen<'_>, tone: Tone, place: Rect) {
    let (x, y, side) = (place.x as f32, place.y as f32, place.h as f32);
    let middle = x + side / 2.0;
    match tone {
        Tone::Calm => {
            let (ring, line) = (side * 0.2, pen.at(2.2));
            canvas.arc((middle, y + side * 0.34), ring, line, (0.75, 0.5), theme::SETUP);
            for foot in [middle - ring, middle + ring] {
                canvas.line((foot, y + side * 0.34), (foot, y + side * 0.5), line, theme::SETUP);
            }
            let body = Rect::new(
                (middle - side * 0.34).round() as i32,
                (y + side * 0.46).round() as i32,
                (side * 0.68).round() as i32,
                (side * 0.46).round() as i32,
            );
            canvas.round(body, pen.at(2.5), theme::SETUP);
            canvas.circle(middle, y + side * 0.68, side * 0.08, theme::PANEL);
        }
        Tone::Alarm => {
            let corners = [(middle, y), (x + side, y + side * 0.92), (x, y + side * 0.92)];
            canvas.polygon(&corners, theme::ALARM);
            canvas.line((middle, y + side * 0.34), (middle, y + side * 0.58), pen.at(2.2), theme::TEXT);
            canvas.circle(middle, y + side * 0.77, pen.at(1.5), theme::TEXT);
        }
    }
}

fn draw_field(canvas: &mut Canvas, pen: &mut Pen<'_>, view: &View, field: &FieldView, place: Rect) {
    let is_focused = view.focus == field.part;
    let size = if field.part == Part::Password { theme::TITLE_SIZE + 3.0 } else { theme::TITLE_SIZE - 1.0 };
    let line = Line { text: &field.text, caret: field.caret, is_focused, shows_caret: is_focused && view.caret, size };
    draw_line_field(canvas, pen, &line, place);
}

/// Each byte has a place of its own, so that two fingerprints can be compared line by line.
fn draw_print(canvas: &mut Canvas, pen: &mut Pen<'_>, lines: &[String; 4], place: Rect) {
    canvas.round(place, pen.at(5.0), theme::BACKGROUND);
    let font = pen.medium(theme::TEXT_SIZE);
    let inside = place.shrunk(pen.px(7));
    let (row, middle) = (inside.h / 4, pen.px(8));
    let cell = ((inside.w - middle) / 8).min(pen.px(26));
    let left = inside.x + (inside.w - 8 * cell - middle) / 2;
    for (number, line) in lines.iter().enumerate() {
        for (at, byte) in line.split(':').enumerate() {
            let x = left + at as i32 * cell + if at < 4 { 0 } else { middle };
            let cell = Rect::new(x, inside.y + number as i32 * row, cell, row);
            // Neighbours in two shades are not taken for each other.
            let ink = if (at + number) % 2 == 0 { theme::TEXT } else { theme::SECONDARY.mix(theme::TEXT, 60) };
            pen.centred(canvas, cell, font, byte, ink);
        }
    }
}

fn draw_tick(canvas: &mut Canvas, pen: &mut Pen<'_>, view: &View, place: Rect) {
    let side = pen.px(18);
    let frame = Rect::new(place.x, place.y + (place.h - side) / 2, side, side);
    draw_frame(canvas, pen, frame, theme::BACKGROUND, view.focus == Part::Tick);
    if view.tick == Some(true) {
        let (x, y, side) = (frame.x as f32, frame.y as f32, side as f32);
        let (a, b, c) = ((0.26, 0.52), (0.44, 0.7), (0.76, 0.32));
        let at = |(right, down): (f32, f32)| (x + side * right, y + side * down);
        canvas.line(at(a), at(b), pen.at(2.2), theme::TEXT);
        canvas.line(at(b), at(c), pen.at(2.2), theme::TEXT);
    }
    let font = font(pen, Style::Text);
    let baseline = pen.baseline(place, font);
    let x = frame.right() + pen.px(9);
    let text = pen.fonts.elided(font, TICK_LABEL, place.right() - x);
    canvas.text(pen.fonts, font, (x, baseline), &text, theme::TEXT);
}

fn draw_button(canvas: &mut Canvas, pen: &mut Pen<'_>, view: &View, part: Part, place: Rect) {
    let (label, color, ink) = match (part, view.tone) {
        (Part::Accept, Tone::Calm) => (view.accept, theme::SETUP, theme::INK),
        (Part::Accept, Tone::Alarm) => (view.accept, theme::ALARM, theme::TEXT),
        _ => ("CANCEL", theme::NEUTRAL, theme::TEXT),
    };
    let is_enabled = part != Part::Accept || view.can_accept;
    let (is_hovered, is_pressed) = (view.hovered == Some(part), view.pressed == Some(part));
    // Away from the ink, so that the label stays as clear as it is.
    let towards = if color == theme::NEUTRAL { theme::TEXT } else { theme::BLACK };
    let (ground, ink) = match (is_enabled, is_hovered, is_pressed) {
        (false, ..) => (theme::PANEL.mix(color, 24), theme::DISABLED),
        (true, true, true) => (color.mix(towards, 50), ink),
        (true, true, false) => (color.mix(towards, 26), ink),
        (true, false, _) => (color, ink),
    };
    if view.focus == part {
        let ring = pen.px(2).max(1);
        canvas.round(place.shrunk(-2 * ring), pen.at(9.0), theme::TEXT.alpha(0xd0));
        canvas.round(place.shrunk(-ring), pen.at(7.5), theme::PANEL);
    }
    canvas.round(place, pen.at(6.0), ground);
    let font = pen.medium(theme::BUTTON_SIZE);
    pen.centred(canvas, place, font, label, ink);
}
