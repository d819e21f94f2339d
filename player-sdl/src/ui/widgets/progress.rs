//! Draws the progress bar: the position in the stream, or how long pictures of a live stream take through the player.

use super::Pen;
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::theme;
use crate::ui::view::Progress;

/// Draws the bar onto a canvas of its size. `track` is the place of its line on that canvas.
pub(crate) fn draw(canvas: &mut Canvas, pen: &mut Pen<'_>, view: &Progress, track: Rect) {
    let rect = canvas.rect();
    let font = pen.regular(theme::TEXT_SIZE - 1.0);
    let baseline = pen.baseline(rect, font);
    let middle = rect.h / 2;
    let pointed = matches!(view, Progress::Length { pointer: Some(_), .. });
    let height = pen.px(if pointed { 6 } else { 4 });
    let line = Rect::new(track.x, middle - height / 2, track.w, height);
    let radius = height as f32 / 2.0;
    canvas.round(line, radius, theme::TRACK);
    let (left, right) = match view {
        Progress::None => (String::new(), String::new()),
        Progress::Length { filled, position, duration, pointer } => {
            if let Some((at, _)) = pointer {
                canvas.round(Rect { w: *at, ..line }, radius, theme::SECONDARY.alpha(0x90));
            }
            canvas.round(Rect { w: *filled, ..line }, radius, theme::PLAY);
            if pointed {
                canvas.circle((track.x + filled) as f32, middle as f32, pen.at(7.0), theme::PLAY);
            }
            let left = pointer.as_ref().map_or(position, |(_, there)| there);
            (left.clone(), duration.clone())
        }
        Progress::Live { filled, depth, flowing } => {
            canvas.round(Rect { w: *filled, ..line }, radius, theme::SETUP);
            let color = if *flowing { theme::PLAY } else { theme::FAINT };
            let width = pen.fonts.width(font, "LIVE");
            let x = track.x - pen.px(10) - width;
            canvas.circle((x - pen.px(9)) as f32, middle as f32, pen.at(4.0), color);
            ("LIVE".into(), depth.clone())
        }
    };
    let color = if pointed { theme::TEXT } else { theme::SECONDARY };
    let width = pen.fonts.width(font, &left);
    canvas.text(pen.fonts, font, (track.x - pen.px(10) - width, baseline), &left, color);
    canvas.text(pen.fonts, font, (track.right() + pen.px(10), baseline), &right, theme::SECONDARY);
}
