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
    let pointed = matches!(view, Progress::Length { pointed: true, .. });
    let height = pen.px(if pointed { 8 } else { 6 });
    let line = Rect::new(track.x, middle - height / 2, track.w, height);
    let (radius, edge) = (height as f32 / 2.0, pen.px(1).max(1));
    canvas.round(line, radius, theme::TRACK_EDGE);
    canvas.round(line.shrunk(edge), radius - edge as f32, theme::TRACK);
    let (left, right) = match view {
        Progress::None => (String::new(), String::new()),
        Progress::Length { filled, position, duration, pointed } => {
            canvas.round(Rect { w: *filled, ..line }, radius, theme::PLAY);
            canvas.circle(
                (track.x + filled) as f32,
                middle as f32,
                pen.at(if *pointed { 8.0 } else { 6.0 }),
                theme::PLAY,
            );
            (position.clone(), duration.clone())
        }
        Progress::Live { filled, depth, flowing } => {
            canvas.round(Rect { w: *filled, ..line }, radius, theme::SETUP);
            let color = if *flowing { theme::PLAY } else { theme::DISABLED };
            let width = pen.fonts.width(font, "LIVE");
            let x = track.x - pen.px(10) - width;
            canvas.circle((x - pen.px(9)) as f32, middle as f32, pen.at(4.0), color);
            ("LIVE".into(), depth.clone())
        }
    };
    let width = pen.fonts.width(font, &left);
    canvas.text(pen.fonts, font, (track.x - pen.px(10) - width, baseline), &left, theme::TEXT);
    canvas.text(pen.fonts, font, (track.right() + pen.px(10), baseline), &right, theme::SECONDARY);
}
