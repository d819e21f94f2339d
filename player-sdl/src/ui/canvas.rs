//! Draws into memory: shapes with smooth edges, and text. The pixels are ARGB with straight (not premultiplied) alpha.

use super::text::{Font, Fonts};
use super::theme::Color;

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) w: i32,
    pub(crate) h: i32,
}

impl Rect {
    pub(crate) const fn new(x: i32, y: i32, w: i32, h: i32) -> Self {
        Self { x, y, w, h }
    }

    pub(crate) const fn right(self) -> i32 {
        self.x + self.w
    }

    pub(crate) const fn bottom(self) -> i32 {
        self.y + self.h
    }

    pub(crate) const fn contains(self, x: i32, y: i32) -> bool {
        x >= self.x && x < self.right() && y >= self.y && y < self.bottom()
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.w <= 0 || self.h <= 0
    }

    /// Returns this rectangle made smaller on each side.
    pub(crate) const fn shrunk(self, by: i32) -> Self {
        Self { x: self.x + by, y: self.y + by, w: self.w - 2 * by, h: self.h - 2 * by }
    }

    /// Returns this rectangle relative to the upper left corner of another one.
    pub(crate) const fn within(self, outer: Self) -> Self {
        Self { x: self.x - outer.x, y: self.y - outer.y, ..self }
    }

    /// Returns a rectangle of the given size in the middle of this one.
    pub(crate) const fn centred(self, w: i32, h: i32) -> Self {
        Self { x: self.x + (self.w - w) / 2, y: self.y + (self.h - h) / 2, w, h }
    }
}

/// A picture in memory to draw on.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    width: i32,
    height: i32,
    pixels: Vec<u32>,
    /// Each text that was drawn, its colour, and what was below it.
    #[cfg(test)]
    pub(crate) written: Vec<(String, Color, Color)>,
}

impl Canvas {
    /// Makes the canvas this large and fills it with one colour.
    pub(crate) fn reset(&mut self, width: i32, height: i32, fill: Color) {
        (self.width, self.height) = (width.max(0), height.max(0));
        self.pixels.clear();
        self.pixels.resize(self.width as usize * self.height as usize, fill.0);
        #[cfg(test)]
        self.written.clear();
    }

    pub(crate) fn rect(&self) -> Rect {
        Rect::new(0, 0, self.width, self.height)
    }

    /// Writes the pixels as bytes in the machine's own order, which is what SDL calls ARGB8888.
    pub(crate) fn bytes(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend(self.pixels.iter().flat_map(|pixel| pixel.to_ne_bytes()));
    }

    #[cfg(test)]
    pub(crate) fn pixel(&self, x: i32, y: i32) -> Color {
        Color(self.pixels[(y * self.width + x) as usize])
    }

    /// Fills a rectangle.
    pub(crate) fn fill(&mut self, rect: Rect, color: Color) {
        self.shape(rect, color, |_, _| 1.0);
    }

    /// Fills a rectangle with round corners.
    pub(crate) fn round(&mut self, rect: Rect, radius: f32, color: Color) {
        let (w, h) = (rect.w as f32, rect.h as f32);
        let radius = radius.min(w / 2.0).min(h / 2.0);
        self.shape(rect, color, |x, y| {
            // How far the point is outside the rectangle that the corners' middles span.
            let dx = (radius - x).max(x - (w - radius)).max(0.0);
            let dy = (radius - y).max(y - (h - radius)).max(0.0);
            radius - (dx * dx + dy * dy).sqrt() + 0.5
        });
    }

    /// Fills a circle.
    pub(crate) fn circle(&mut self, x: f32, y: f32, radius: f32, color: Color) {
        self.around(x, y, radius, color, |distance, _, _| radius - distance + 0.5);
    }

    /// Draws a part of a circle's line. It begins at `start` and is `sweep` long, both in turns, clockwise from the top.
    pub(crate) fn arc(&mut self, (x, y): (f32, f32), radius: f32, line: f32, (start, sweep): (f32, f32), color: Color) {
        self.around(x, y, radius + line, color, |distance, dx, dy| {
            let turn = (dx.atan2(-dy) / std::f32::consts::TAU - start).rem_euclid(1.0);
            if turn > sweep { 0.0 } else { line / 2.0 - (distance - radius).abs() + 0.5 }
        });
    }

    /// Fills a convex polygon whose corners go clockwise.
    pub(crate) fn polygon(&mut self, corners: &[(f32, f32)], color: Color) {
        let bounds = corners.iter().fold(None, |bounds: Option<[f32; 4]>, &(x, y)| {
            let [left, top, right, bottom] = bounds.unwrap_or([x, y, x, y]);
            Some([left.min(x), top.min(y), right.max(x), bottom.max(y)])
        });
        let Some([left, top, right, bottom]) = bounds else { return };
        let origin = (left.floor(), top.floor());
        let rect = Rect::new(
            origin.0 as i32,
            origin.1 as i32,
            (right.ceil() - origin.0) as i32,
            (bottom.ceil() - origin.1) as i32,
        );
        self.shape(rect, color, |x, y| {
            let (x, y) = (x + origin.0, y + origin.1);
            let next = corners.iter().cycle().skip(1);
            corners.iter().zip(next).fold(1.0_f32, |inside, (&(ax, ay), &(bx, by))| {
                let length = (bx - ax).hypot(by - ay).max(1e-6);
                inside.min(((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / length + 0.5)
            })
        });
    }

    /// Draws a line with round ends.
    pub(crate) fn line(&mut self, (ax, ay): (f32, f32), (bx, by): (f32, f32), width: f32, color: Color) {
        let reach = width / 2.0 + 1.0;
        let (left, top) = ((ax.min(bx) - reach).floor(), (ay.min(by) - reach).floor());
        let (right, bottom) = ((ax.max(bx) + reach).ceil(), (ay.max(by) + reach).ceil());
        let rect = Rect::new(left as i32, top as i32, (right - left) as i32, (bottom - top) as i32);
        let (dx, dy) = (bx - ax, by - ay);
        let squared = (dx * dx + dy * dy).max(1e-6);
        self.shape(rect, color, |x, y| {
            let (px, py) = (x + left - ax, y + top - ay);
            let along = ((px * dx + py * dy) / squared).clamp(0.0, 1.0);
            width / 2.0 - (px - along * dx).hypot(py - along * dy) + 0.5
        });
    }

    /// Writes text from `x` on with its baseline at `y`. Returns the x at which it ends.
    pub(crate) fn text(&mut self, fonts: &mut Fonts, font: Font, (x, y): (i32, i32), text: &str, color: Color) -> i32 {
        #[cfg(test)]
        self.note(fonts, font, (x, y), text, color);
        let (width, height, pixels) = (self.width, self.height, &mut self.pixels);
        fonts.layout(font, text, |glyph, at| {
            let (left, top) = (x + at + glyph.left, y - glyph.top);
            for (row, coverage) in glyph.coverage.chunks_exact(glyph.width.max(1)).enumerate() {
                let y = top + row as i32;
                if !(0..height).contains(&y) {
                    continue;
                }
                for (column, &coverage) in coverage.iter().enumerate() {
                    let x = left + column as i32;
                    if coverage > 0 && (0..width).contains(&x) {
                        blend(&mut pixels[(y * width + x) as usize], color, u32::from(coverage));
                    }
                }
            }
        }) + x
    }

    /// Takes note of a text before it is drawn.
    #[cfg(test)]
    fn note(&mut self, fonts: &mut Fonts, font: Font, (x, y): (i32, i32), text: &str, color: Color) {
        let middle = (x + fonts.width(font, text) / 2, y - fonts.cap_height(font) / 2);
        if self.rect().contains(middle.0, middle.1) && !text.is_empty() {
            let ground = self.pixel(middle.0, middle.1);
            self.written.push((text.into(), color, ground));
        }
    }

    fn around(&mut self, x: f32, y: f32, reach: f32, color: Color, inside: impl Fn(f32, f32, f32) -> f32) {
        let (left, top) = ((x - reach - 1.0).floor(), (y - reach - 1.0).floor());
        let side = (2.0 * reach + 3.0).ceil() as i32;
        self.shape(Rect::new(left as i32, top as i32, side, side), color, |px, py| {
            let (dx, dy) = (px + left - x, py + top - y);
            inside(dx.hypot(dy), dx, dy)
        });
    }

    /// Draws a shape inside `rect`. For the middle of each pixel, relative to the corner of `rect`, `inside` returns how much
    /// of the pixel the shape covers, where 0 and less is nothing and 1 and more is all of it.
    fn shape(&mut self, rect: Rect, color: Color, inside: impl Fn(f32, f32) -> f32) {
        for y in rect.y.max(0)..rect.bottom().min(self.height) {
            for x in rect.x.max(0)..rect.right().min(self.width) {
                let coverage = inside((x - rect.x) as f32 + 0.5, (y - rect.y) as f32 + 0.5).clamp(0.0, 1.0);
                if coverage > 0.0 {
                    blend(&mut self.pixels[(y * self.width + x) as usize], color, (coverage * 255.0 + 0.5) as u32);
                }
            }
        }
    }
}

/// Lays a colour over a pixel; `coverage` is 0 to 255.
fn blend(pixel: &mut u32, color: Color, coverage: u32) {
    let alpha = (color.a() * coverage + 127) / 255;
    let below = Color(*pixel);
    if alpha == 0 {
    } else if alpha == 255 {
        *pixel = color.0;
    } else if below.a() == 255 {
        *pixel = below.mix(color, alpha).0;
    } else {
        let rest = below.a() * (255 - alpha) / 255;
        let total = alpha + rest;
        let mixed = below.mix(color, (alpha * 255 + total / 2) / total);
        *pixel = mixed.alpha(total as u8).0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::theme::{BLACK, PLAY, TEXT};
    use super::*;

    fn canvas(side: i32) -> Canvas {
        let mut canvas = Canvas::default();
        canvas.reset(side, side, BLACK);
        canvas
    }

    #[test]
    fn shapes_are_solid_inside_smooth_at_the_edge_and_nowhere_else() {
        let mut canvas = canvas(40);
        canvas.round(Rect::new(4, 4, 32, 32), 8.0, TEXT);
        assert_eq!((canvas.pixel(20, 20), canvas.pixel(4, 20), canvas.pixel(3, 20)), (TEXT, TEXT, BLACK));
        assert_eq!(canvas.pixel(4, 4), BLACK, "the corner is round");
        let corner = canvas.pixel(6, 6).r();
        assert!(corner > 0 && corner < 255, "{corner}");
        canvas.circle(20.0, 20.0, 10.0, PLAY);
        assert_eq!((canvas.pixel(20, 11), canvas.pixel(20, 32)), (PLAY, TEXT));
    }

    #[test]
    fn shapes_outside_the_canvas_are_cut_off() {
        let mut canvas = canvas(10);
        canvas.fill(Rect::new(-5, -5, 100, 100), PLAY);
        canvas.circle(-20.0, 500.0, 30.0, TEXT);
        canvas.line((-100.0, 5.0), (100.0, 5.0), 2.0, TEXT);
        canvas.polygon(&[(-9.0, -9.0), (90.0, 0.0), (0.0, 90.0)], BLACK);
        canvas.text(&mut Fonts::new(), Font::regular(13.0), (-5, 3), "outside and in", TEXT);
        canvas.fill(Rect::new(3, 3, -4, 2), TEXT);
        assert_eq!(canvas.pixel(9, 9), BLACK);
    }

    #[test]
    fn a_clear_canvas_takes_colours_as_they_are() {
        let mut canvas = Canvas::default();
        canvas.reset(4, 4, BLACK.alpha(0));
        canvas.fill(Rect::new(0, 0, 4, 4), PLAY.alpha(128));
        assert_eq!(canvas.pixel(1, 1), PLAY.alpha(128));
        canvas.fill(Rect::new(0, 0, 4, 4), PLAY.alpha(128));
        assert_eq!(canvas.pixel(1, 1).a(), 191);
        let mut bytes = Vec::new();
        canvas.bytes(&mut bytes);
        assert_eq!(bytes.len(), 64);
    }

    #[test]
    fn rectangles_know_what_is_in_them() {
        let rect = Rect::new(10, 20, 30, 40);
        assert!(rect.contains(10, 20) && rect.contains(39, 59) && !rect.contains(40, 59));
        assert_eq!(rect.centred(10, 10), Rect::new(20, 35, 10, 10));
        assert_eq!(rect.shrunk(5).within(rect), Rect::new(5, 5, 20, 30));
    }
}
