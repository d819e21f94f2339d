//! Draws the four buttons.

use super::Pen;
use crate::model::Button;
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::theme::{self, Color};
use crate::ui::view::{Look, LookState};

/// Draws the buttons at their places onto a canvas of the control panel's size.
pub(crate) fn draw(canvas: &mut Canvas, pen: &mut Pen<'_>, looks: &[Look; 4], places: &[Rect; 4]) {
    for ((button, look), place) in Button::ALL.into_iter().zip(looks).zip(places) {
        draw_one(canvas, pen, button, *look, *place);
    }
}

/// The colours of a button and of its label. Light buttons become darker under the mouse, and dark ones lighter, so that the label
/// stays as clear as it is.
fn colors(button: Button, state: LookState) -> (Color, Color) {
    let (color, ink) = match button {
        Button::Setup => (theme::SETUP, theme::INK),
        Button::Play => (theme::PLAY, theme::INK),
        Button::Pause | Button::Stop => (theme::NEUTRAL, theme::TEXT),
    };
    shaded(color, ink, state)
}

fn shaded(color: Color, ink: Color, state: LookState) -> (Color, Color) {
    let towards = if ink == theme::TEXT { theme::TEXT } else { theme::BLACK };
    match state {
        LookState::Disabled => (theme::CONTROL_PANEL.mix(color, 24), theme::DISABLED),
        LookState::Normal | LookState::On => (color, ink),
        LookState::Hover => (color.mix(towards, if towards == theme::TEXT { 34 } else { 12 }), ink),
        LookState::Pressed => (color.mix(towards, if towards == theme::TEXT { 60 } else { 20 }), ink),
    }
}

fn draw_one(canvas: &mut Canvas, pen: &mut Pen<'_>, button: Button, look: Look, rect: Rect) {
    let (ground, ink) = colors(button, look.state);
    let rect = draw_plate(canvas, pen, (ground, ink), look, rect);
    let font = pen.medium(theme::BUTTON_SIZE);
    let (label, sign, gap) = (pen.fonts.width(font, button.label()), pen.px(12), pen.px(8));
    let with_sign = sign + gap + label <= rect.w - 2 * pen.px(10);
    let width = if with_sign { sign + gap + label } else { label };
    let left = rect.x + (rect.w - width) / 2;
    if with_sign {
        let place = Rect::new(left, rect.y + (rect.h - sign) / 2, sign, sign);
        draw_sign(canvas, button, place, ink);
    }
    let x = if with_sign { left + sign + gap } else { left };
    let baseline = pen.baseline(rect, font);
    canvas.text(pen.fonts, font, (x, baseline), button.label(), ink);
}

/// Draws what is below a button's label. Returns the label's place.
fn draw_plate(canvas: &mut Canvas, pen: &Pen<'_>, (ground, ink): (Color, Color), look: Look, rect: Rect) -> Rect {
    if look.focused {
        super::draw_focus(canvas, pen, rect, 6.0);
    }
    let is_pressed = look.state == LookState::Pressed;
    let rect = if is_pressed { Rect { y: rect.y + pen.px(1), ..rect } } else { rect };
    if is_pressed {
        // An edge around it, as if it lay deeper.
        canvas.round(rect, pen.at(6.0), ground.mix(ink, 150));
        let edge = pen.px(2).max(1);
        canvas.round(rect.shrunk(edge), pen.at(6.0) - edge as f32, ground);
    } else {
        canvas.round(rect, pen.at(6.0), ground);
    }
    rect
}

/// How wide a button with this label is at least.
pub(crate) fn labelled_width(pen: &mut Pen<'_>, label: &str) -> i32 {
    let font = pen.medium(theme::BUTTON_SIZE);
    (pen.fonts.width(font, label) + 2 * pen.px(14)).max(pen.px(96))
}

/// Draws a button with a label alone. `first`: it is what most people want.
pub(crate) fn draw_labelled(canvas: &mut Canvas, pen: &mut Pen<'_>, label: &str, first: bool, look: Look, place: Rect) {
    let (color, ink) = if first { (theme::SETUP, theme::INK) } else { (theme::NEUTRAL, theme::TEXT) };
    let (ground, ink) = shaded(color, ink, look.state);
    let place = draw_plate(canvas, pen, (ground, ink), look, place);
    let font = pen.medium(theme::BUTTON_SIZE);
    let label = pen.fonts.elided(font, label, place.w - 2 * pen.px(4));
    pen.centred(canvas, place, font, &label, ink);
}

fn draw_sign(canvas: &mut Canvas, button: Button, place: Rect, ink: Color) {
    let (x, y, side) = (place.x as f32, place.y as f32, place.w as f32);
    match button {
        Button::Setup => {
            // The sign is a plug with a body, two pins and a cord.
            let (cx, pin) = (x + side / 2.0, side * 0.16);
            canvas.line((cx - side * 0.2, y + pin), (cx - side * 0.2, y + side * 0.4), pin, ink);
            canvas.line((cx + side * 0.2, y + pin), (cx + side * 0.2, y + side * 0.4), pin, ink);
            canvas.polygon(
                &[
                    (x + side * 0.08, y + side * 0.36),
                    (x + side * 0.92, y + side * 0.36),
                    (x + side * 0.78, y + side * 0.7),
                    (x + side * 0.22, y + side * 0.7),
                ],
                ink,
            );
            canvas.line((cx, y + side * 0.7), (cx, y + side * 0.95), pin, ink);
        }
        Button::Play => play_sign(canvas, (x + side / 2.0, y + side / 2.0), side / 2.0, ink),
        Button::Pause => pause_sign(canvas, place, ink),
        Button::Stop => canvas.round(place.shrunk(1), side * 0.08, ink),
    }
}

/// Draws a triangle around a point.
pub(crate) fn play_sign(canvas: &mut Canvas, (x, y): (f32, f32), radius: f32, ink: Color) {
    canvas.polygon(&[(x - radius * 0.75, y - radius), (x + radius, y), (x - radius * 0.75, y + radius)], ink);
}

/// Draws two upright bars.
pub(crate) fn pause_sign(canvas: &mut Canvas, place: Rect, ink: Color) {
    let bar = (place.w as f32 * 0.3).round().max(1.0) as i32;
    let inset = place.w / 10;
    canvas.fill(Rect::new(place.x + inset, place.y, bar, place.h), ink);
    canvas.fill(Rect::new(place.right() - inset - bar, place.y, bar, place.h), ink);
}
