//! Plots of sequence numbers and of jitter.

use crate::protocol::{Counts, MOST_PACKETS, Media, Order};
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::theme::{self, Color};
use crate::ui::view::{DASH, milliseconds};
use crate::ui::widgets::Pen;

/// What the plots show.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plots {
    /// Of each of the last packets.
    orders: Vec<Option<Order>>,
    counts: Counts,
    /// In milliseconds, of each part of the last seconds.
    jitter: Vec<Option<f32>>,
    /// Packets that were found missing then, and have not come since.
    missing: Vec<u32>,
}

/// The colour of jitter, which is that of the statistics, too.
const JITTER: Color = Color::rgb(0xba_68_c8);
const TWICE: Color = Color::rgb(0xce_93_d8);
/// The upper end of a scale is never lower than this: so many packets, so many milliseconds.
const LEAST: (i32, f32) = (4, 2.0);
pub(super) const HEADING: i32 = 15;

impl Plots {
    pub(super) fn new(media: &Media) -> Self {
        Self {
            orders: media.packets().iter().map(|packet| packet.order).collect(),
            counts: media.counts(),
            jitter: media.buckets().map(|bucket| Some(bucket.jitter?.as_secs_f32() * 1000.0)).collect(),
            missing: still_missing(media.buckets().map(|bucket| (bucket.missing, bucket.late))),
        }
    }

    /// Draws both, each at its place on the canvas.
    pub(super) fn draw(&self, canvas: &mut Canvas, pen: &mut Pen<'_>, [sequence, jitter]: [Rect; 2]) {
        self.draw_sequence(canvas, pen, sequence);
        self.draw_jitter(canvas, pen, jitter);
    }

    fn draw_sequence(&self, canvas: &mut Canvas, pen: &mut Pen<'_>, place: Rect) {
        let Counts { missing, late, twice, .. } = self.counts;
        let right = format!("{missing} missing, {late} late, {twice} twice");
        let field = frame(canvas, pen, place, ["Sequence numbers, last 256 packets", "Sequence numbers"], &right);
        let steps = self.orders.iter().map(|order| order.map_or(0, Order::step));
        let most = steps.clone().map(i32::abs).max().unwrap_or(0).max(LEAST.0);
        let middle = field.y + field.h / 2;
        let gone = MOST_PACKETS.saturating_sub(self.orders.len());
        let x = |at: usize| field.x + ((gone + at) as i32 * field.w) / MOST_PACKETS as i32;
        for (at, (order, step)) in self.orders.iter().zip(steps).enumerate() {
            let (left, right) = (x(at), x(at + 1).max(x(at) + 1));
            let height = (step.abs() * (field.h / 2 - pen.px(2)) / most).max(1);
            let (color, height) = match order {
                None => (theme::BAD, field.h / 2),
                Some(Order::First | Order::Next) => (theme::GOOD.mix(theme::TEXT, 60), pen.px(1).max(1)),
                Some(Order::Gap(_)) => (theme::BAD, height.max(pen.px(4))),
                Some(Order::Late(_)) => (theme::WARNING, height.max(pen.px(4))),
                Some(Order::Twice) => (TWICE, height.max(pen.px(4))),
            };
            let y = if step > 0 { middle - height } else { middle };
            // What is rare is wide enough to be seen.
            let wide = if step == 0 { right - left } else { (right - left).max(pen.px(2)) };
            canvas.fill(Rect::new(left, y, wide, height), color);
        }
    }

    fn draw_jitter(&self, canvas: &mut Canvas, pen: &mut Pen<'_>, place: Rect) {
        let now = self.jitter.iter().rev().find_map(|value| *value);
        let right = now.map_or_else(|| DASH.into(), |now| milliseconds(f64::from(now)));
        let field = frame(canvas, pen, place, ["Jitter and loss, last 12 s", "Jitter"], &right);
        let count = crate::protocol::BUCKETS;
        let gone = count.saturating_sub(self.jitter.len());
        let top = self.jitter.iter().flatten().copied().fold(LEAST.1, f32::max) * 1.1;
        let x = |at: usize| field.x as f32 + (gone + at) as f32 * field.w as f32 / count as f32;
        let tick = pen.px(2).max(1);
        for (at, _) in self.missing.iter().enumerate().filter(|(_, missing)| **missing > 0) {
            canvas.fill(Rect::new(x(at) as i32, field.bottom() - field.h / 4, tick, field.h / 4), theme::BAD);
        }
        let mut before: Option<(f32, f32)> = None;
        for (at, value) in self.jitter.iter().enumerate() {
            // Where nothing comes, the line ends.
            let Some(value) = value else {
                before = None;
                continue;
            };
            let point = (x(at), field.bottom() as f32 - 1.0 - value / top * (field.h - 2) as f32);
            canvas.line(before.unwrap_or(point), point, pen.at(1.4), JITTER);
            before = Some(point);
        }
    }
}

/// Takes what came late off what was found missing before.
fn still_missing(counts: impl Iterator<Item = (u32, u32)>) -> Vec<u32> {
    let mut all = Vec::new();
    for (missing, mut late) in counts {
        all.push(missing);
        for before in all.iter_mut().rev() {
            let came = late.min(*before);
            (*before, late) = (*before - came, late - came);
            if late == 0 {
                break;
            }
        }
    }
    all
}

/// Draws a heading and the ground of a plot, and returns where that is. Of the names, the first one that fits is written.
fn frame(canvas: &mut Canvas, pen: &mut Pen<'_>, place: Rect, names: [&str; 2], right: &str) -> Rect {
    let font = pen.regular(theme::SMALL_SIZE - 0.5);
    let heading = pen.px(HEADING);
    let baseline = place.y + pen.px(10);
    let x = place.right() - pen.fonts.width(font, right);
    let room = x - pen.px(8) - place.x;
    let name = names.into_iter().find(|name| pen.fonts.width(font, name) <= room).unwrap_or("");
    canvas.text(pen.fonts, font, (place.x, baseline), name, theme::SECONDARY);
    canvas.text(pen.fonts, font, (x, baseline), right, theme::TEXT);
    let field = Rect::new(place.x, place.y + heading, place.w, (place.h - heading).max(0));
    canvas.fill(field, theme::TEXT.alpha(0x14));
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_late_is_not_lost() {
        let counts = [(3, 1), (0, 0), (5, 4), (0, 2), (1, 0), (0, 9)];
        assert_eq!(still_missing(counts.into_iter()), [0; 6]);
        assert_eq!(still_missing(counts.into_iter().take(4)), [1, 0, 0, 0]);
    }
}
