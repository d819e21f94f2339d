//! Draws the status bar: figures with their names, in places that do not move.

use super::Pen;
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::text::Font;
use crate::ui::theme;
use crate::ui::view::{StatusEntry, WIDEST};

fn font(scale: f32) -> Font {
    Font::regular((theme::TEXT_SIZE - 1.0) * scale)
}

/// Returns how wide each entry gets at most.
pub(crate) fn widths(pen: &mut Pen<'_>) -> Vec<i32> {
    let font = font(pen.scale);
    // Digits are equally wide, and no letter stands closer to them than they do to each other.
    WIDEST.iter().map(|(label, value)| pen.fonts.width(font, label) + pen.fonts.width(font, value) + 1).collect()
}

/// Draws the entries at their places onto a canvas of the status bar's size.
///
/// `framed`: the bar is a part of the window's frame, and does not lie over the picture.
pub(crate) fn draw(canvas: &mut Canvas, pen: &mut Pen<'_>, entries: &[StatusEntry], places: &[Rect], framed: bool) {
    let font = font(pen.scale);
    let hair = pen.px(1).max(1);
    if framed {
        canvas.fill(Rect { h: hair, ..canvas.rect() }, theme::BLACK.alpha(0x60));
    }
    let mut above = None;
    for (entry, place) in entries.iter().zip(places) {
        if above == Some(place.y) {
            // A line divides two entries of one row.
            let x = place.x - pen.px(super::super::layout::ENTRY_GAP) / 2;
            let height = pen.fonts.cap_height(font) + pen.px(2);
            canvas.fill(Rect::new(x, place.y + (place.h - height) / 2, hair, height), theme::TRACK_EDGE);
        }
        above = Some(place.y);
        let baseline = pen.baseline(*place, font);
        let x = canvas.text(pen.fonts, font, (place.x, baseline), entry.label, theme::SECONDARY);
        let value = pen.fonts.elided(font, &entry.value, place.right() - x);
        canvas.text(pen.fonts, font, (x, baseline), &value, entry.color);
    }
}
