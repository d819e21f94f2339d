//! Draws a line of text that is being typed.

use super::Pen;
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::text::Font;
use crate::ui::theme::{self, Color};

/// What is typed, and where in it the caret is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    /// In characters.
    pub(crate) caret: usize,
    pub(crate) is_focused: bool,
    pub(crate) shows_caret: bool,
    pub(crate) size: f32,
}

/// A frame of two colours that shows where keys go to.
pub(crate) fn draw_frame(canvas: &mut Canvas, pen: &Pen<'_>, place: Rect, ground: Color, is_focused: bool) {
    let (color, edge) =
        if is_focused { (theme::SETUP, pen.px(2).max(1)) } else { (theme::TRACK_EDGE, pen.px(1).max(1)) };
    canvas.round(place, pen.at(5.0), color);
    canvas.round(place.shrunk(edge), pen.at(5.0) - edge as f32, ground);
}

pub(crate) fn draw_line(canvas: &mut Canvas, pen: &mut Pen<'_>, line: &Line<'_>, place: Rect) {
    draw_frame(canvas, pen, place, theme::BACKGROUND, line.is_focused);
    let font = pen.regular(line.size);
    let inset = pen.px(10);
    let (text, caret) = window(pen, font, line.text, line.caret, place.w - 2 * inset - pen.px(2));
    let baseline = pen.baseline(place, font);
    canvas.text(pen.fonts, font, (place.x + inset, baseline), &text, theme::TEXT);
    if line.shows_caret {
        let height = pen.px(18);
        let line = Rect::new(place.x + inset + caret, place.y + (place.h - height) / 2, pen.px(2).max(1), height);
        canvas.fill(line, theme::SETUP);
    }
}

/// The part of a text that is seen in this width, which has the caret in it, and how far the caret is from its beginning.
fn window(pen: &mut Pen<'_>, font: Font, text: &str, caret: usize, width: i32) -> (String, i32) {
    let chars: Vec<char> = text.chars().collect();
    let caret = caret.min(chars.len());
    let wide = |pen: &mut Pen<'_>, from: usize, to: usize| {
        let text: String = chars.get(from..to).unwrap_or_default().iter().collect();
        (pen.fonts.width(font, &text), text)
    };
    // The first place from which the text up to the caret fits, and the last one up to which the rest does.
    let start = first(0, caret, |start| wide(pen, start, caret).0 <= width);
    let cut = first(0, chars.len() - caret, |cut| wide(pen, start, chars.len() - cut).0 <= width);
    let end = chars.len() - cut;
    (wide(pen, start, end).1, wide(pen, start, caret).0)
}

/// The least number of a range for which this is so, or its end; of greater ones it is so, too.
fn first(mut from: usize, mut to: usize, mut is_so: impl FnMut(usize) -> bool) -> usize {
    while from < to {
        let middle = from + (to - from) / 2;
        if is_so(middle) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::text::Fonts;

    #[test]
    fn the_caret_is_always_seen_and_as_much_around_it_as_fits() {
        let mut fonts = Fonts::new();
        let mut pen = Pen { fonts: &mut fonts, scale: 1.0 };
        let font = pen.regular(14.0);
        let text: String = (0..100).map(|number| format!("{number:02}")).collect();
        for caret in [0, 1, 57, 199, 200, 999] {
            let (seen, at) = window(&mut pen, font, &text, caret, 120);
            let width = pen.fonts.width(font, &seen);
            assert!(width <= 120 && width > 100 && at <= width && text.contains(&seen), "{caret}: {seen} {at}");
        }
        assert_eq!(window(&mut pen, font, "ab", 2, 120).0, "ab");
        assert_eq!(window(&mut pen, font, "ab", 0, 0), (String::new(), 0));
    }
}
