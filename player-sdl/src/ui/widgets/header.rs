//! Draws the title bar: the program's name, the stream's name, and how the stream travels.

use super::Pen;
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::theme;
use crate::ui::view::Header;

pub(crate) const TITLE: &str = "Video Streaming Player";

pub(crate) fn draw(canvas: &mut Canvas, pen: &mut Pen<'_>, view: &Header) {
    let rect = canvas.rect();
    let (margin, gap) = (pen.px(16), pen.px(12));
    let mut right = rect.w - margin;
    if let Some(badge) = view.badge {
        right = badge_at(canvas, pen, right, badge, theme::SECONDARY) - gap;
    }
    if view.recording {
        right = badge_at(canvas, pen, right, "REC", theme::PLAY) - gap;
    }
    let title = pen.medium(theme::TITLE_SIZE);
    let small = pen.regular(theme::TEXT_SIZE);
    let middle = rect.h as f32 / 2.0;
    let radius = pen.at(9.0);
    draw_reel(canvas, (margin as f32 + radius, middle), radius);
    let x = margin + (radius * 2.0) as i32 + pen.px(10);
    let baseline = pen.baseline(rect, title);
    let width = pen.fonts.width(title, TITLE);
    // In a narrow window the program's name is left out, because the stream's name says more.
    let name_needs = pen.fonts.width(small, &view.stream).min(pen.px(120));
    let with_title = x + width + gap + name_needs <= right;
    let x = if with_title { canvas.text(pen.fonts, title, (x, baseline), TITLE, theme::TEXT) + gap } else { x };
    let (font, color) = if with_title { (small, theme::SECONDARY) } else { (title, theme::TEXT) };
    let name = pen.fonts.elided(font, &view.stream, right - x);
    canvas.text(pen.fonts, font, (x, baseline), &name, color);
    canvas.fill(Rect::new(0, rect.h - pen.px(1).max(1), rect.w, pen.px(1).max(1)), theme::BLACK.alpha(0x60));
}

/// Draws the program's mark: the reel of cards of a mutoscope, with one card in another colour.
fn draw_reel(canvas: &mut Canvas, (x, y): (f32, f32), radius: f32) {
    const CARDS: u16 = 12;
    for card in 0..CARDS {
        let (sin, cos) = (f32::from(card) / f32::from(CARDS) * std::f32::consts::TAU).sin_cos();
        let at = |part: f32| (x + sin * radius * part, y - cos * radius * part);
        let color = if card == 1 { theme::PLAY } else { theme::SECONDARY };
        canvas.line(at(0.5), at(1.0), radius * 0.16, color);
    }
    canvas.circle(x, y, radius * 0.24, theme::SECONDARY);
}

/// Draws a label in a frame that ends at `right`. Returns the x at which the frame begins.
fn badge_at(canvas: &mut Canvas, pen: &mut Pen<'_>, right: i32, text: &str, color: theme::Color) -> i32 {
    let font = pen.medium(theme::SMALL_SIZE);
    let (width, height) = (pen.fonts.width(font, text) + 2 * pen.px(8), pen.px(22));
    let rect = Rect::new(right - width, (canvas.rect().h - height) / 2, width, height);
    canvas.round(rect, pen.at(4.0), color.alpha(0x38));
    pen.centred(canvas, rect, font, text, color.mix(theme::TEXT, 90));
    rect.x
}
