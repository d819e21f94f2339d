//! The widgets of the window. Each draws its view onto a canvas of its own.

pub(crate) mod buttons;
pub(crate) mod field;
pub(crate) mod header;
pub(crate) mod notice;
pub(crate) mod progress;
pub(crate) mod status;

use super::canvas::{Canvas, Rect};
use super::text::{Font, Fonts};
use super::theme::{self, Color};
use super::view::LookState;

/// The fonts and the scale that drawing takes.
pub(crate) struct Pen<'a> {
    pub(crate) fonts: &'a mut Fonts,
    pub(crate) scale: f32,
}

impl Pen<'_> {
    /// Returns how many pixels a length of the design takes.
    pub(crate) fn px(&self, length: i32) -> i32 {
        super::layout::scaled(length, self.scale)
    }

    /// Returns how many pixels a length of the design takes, without rounding.
    pub(crate) fn at(&self, length: f32) -> f32 {
        length * self.scale
    }

    pub(crate) fn regular(&self, size: f32) -> Font {
        Font::regular(size * self.scale)
    }

    pub(crate) fn medium(&self, size: f32) -> Font {
        Font::medium(size * self.scale)
    }

    /// Returns the baseline at which capitals stand in the middle of a rectangle.
    pub(crate) fn baseline(&self, rect: Rect, font: Font) -> i32 {
        rect.y + (rect.h + self.fonts.cap_height(font)) / 2
    }

    /// Writes text into the middle of a rectangle.
    pub(crate) fn centred(&mut self, canvas: &mut Canvas, rect: Rect, font: Font, text: &str, color: Color) {
        let width = self.fonts.width(font, text);
        let at = (rect.x + (rect.w - width) / 2, self.baseline(rect, font));
        canvas.text(self.fonts, font, at, text, color);
    }
}

/// Returns the ground of a button that has none by itself.
pub(crate) fn ground(state: LookState) -> Color {
    theme::TEXT.alpha(match state {
        LookState::Hover => 0x24,
        LookState::Pressed => 0x48,
        LookState::On | LookState::Normal | LookState::Disabled => 0,
    })
}

/// Draws a ring around what keys go to.
pub(crate) fn draw_focus(canvas: &mut Canvas, pen: &Pen<'_>, rect: Rect, radius: f32) {
    let line = pen.px(2).max(1);
    canvas.round(rect.shrunk(-2 * line), pen.at(radius) + 2.0 * line as f32, theme::TEXT);
    canvas.round(rect.shrunk(-line), pen.at(radius) + line as f32, theme::BACKGROUND);
}

/// Returns the width and height of a bubble with this text.
pub(crate) fn bubble_size(pen: &mut Pen<'_>, text: &str) -> (i32, i32) {
    let font = pen.medium(theme::TEXT_SIZE - 1.0);
    (pen.fonts.width(font, text) + 2 * pen.px(9), pen.px(24))
}

pub(crate) fn draw_bubble(canvas: &mut Canvas, pen: &mut Pen<'_>, text: &str) {
    let rect = canvas.rect();
    // An edge, because it may lie over the panel, which is as dark.
    canvas.round(rect, pen.at(5.0), theme::TRACK_EDGE);
    canvas.round(rect.shrunk(pen.px(1).max(1)), pen.at(4.0), theme::SHADE.alpha(0xff));
    let font = pen.medium(theme::TEXT_SIZE - 1.0);
    pen.centred(canvas, rect, font, text, theme::TEXT);
}

/// Returns the width and height that a short message takes, in an area of this width.
pub(crate) fn toast_size(pen: &mut Pen<'_>, text: &str, width: i32) -> (i32, i32) {
    let font = pen.medium(theme::TEXT_SIZE);
    let wanted = pen.fonts.width(font, text) + 2 * pen.px(16);
    (wanted.min(width), pen.px(34))
}

/// Draws a short message onto a canvas of its size.
pub(crate) fn draw_toast(canvas: &mut Canvas, pen: &mut Pen<'_>, text: &str) {
    let rect = canvas.rect();
    canvas.round(rect, pen.at(17.0), theme::SHADE);
    let font = pen.medium(theme::TEXT_SIZE);
    let text = pen.fonts.elided(font, text, rect.w - 2 * pen.px(16));
    pen.centred(canvas, rect, font, &text, theme::TEXT);
}
