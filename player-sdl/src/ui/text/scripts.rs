//! Text that has characters which Roboto has not: names in Hebrew, Arabic, Chinese and other scripts. cosmic-text joins letters, puts
//! both directions in order and finds the system's fonts; where none has a character, there is a box in its place.
//!
//! Fonts are looked for when the first such text is to be shown: most windows never show one, and looking takes a while.

use super::{Glyph, MEDIUM, REGULAR, Weight, strengthened};
use cosmic_text::{Attrs, Buffer, Family, FontSystem, Metrics, Shaping, SwashCache, SwashContent, Wrap, fontdb};
use std::sync::Arc;

/// A line of text as it is drawn.
#[derive(Debug)]
pub(super) struct Line {
    /// The glyphs, and how far from the beginning of the line each is.
    pub(super) glyphs: Vec<(Glyph, i32)>,
    pub(super) width: i32,
}

/// The system's fonts.
pub(super) struct Scripts {
    system: FontSystem,
    rasterizer: SwashCache,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let ours = [REGULAR, MEDIUM].map(|font| fontdb::Source::Binary(Arc::new(font)));
        Self { system: FontSystem::new_with_fonts(ours), rasterizer: SwashCache::new() }
    }

    /// Lays a line of text out in this weight and size.
    pub(super) fn line(&mut self, weight: Weight, size: f32, text: &str) -> Line {
        let Self { system, rasterizer } = self;
        let family = if weight == Weight::Medium { "Roboto Medium" } else { "Roboto" };
        let mut buffer = Buffer::new(system, Metrics::new(size, size * 1.4));
        buffer.set_wrap(Wrap::None);
        buffer.set_text(text, &Attrs::new().family(Family::Name(family)), Shaping::Advanced, None);
        buffer.shape_until_scroll(system, false);
        let mut line = Line { glyphs: Vec::new(), width: 0 };
        // There is one line: texts have no line ends.
        for run in buffer.layout_runs().take(1) {
            line.width = run.line_w.ceil() as i32;
            for glyph in run.glyphs {
                if glyph.glyph_id == 0 {
                    line.glyphs.push((missing(size, glyph.w), glyph.x.round() as i32));
                    continue;
                }
                let physical = glyph.physical((0.0, 0.0), 1.0);
                let Some(image) = rasterizer.get_image_uncached(system, physical.cache_key) else { continue };
                let coverage = match image.content {
                    SwashContent::Mask => image.data.iter().map(|&ink| strengthened(ink)).collect(),
                    // Of coloured signs the shape and how light they are is kept.
                    SwashContent::Color | SwashContent::SubpixelMask => image.data.chunks_exact(4).map(grey).collect(),
                };
                let glyph = Glyph {
                    left: image.placement.left,
                    top: image.placement.top - physical.y,
                    width: image.placement.width as usize,
                    coverage,
                    advance: 0.0,
                };
                line.glyphs.push((glyph, physical.x));
            }
        }
        line
    }
}

fn grey(pixel: &[u8]) -> u8 {
    let [r, g, b, a] = [0, 1, 2, 3].map(|channel| u32::from(pixel.get(channel).copied().unwrap_or(0)));
    let light = (r * 54 + g * 183 + b * 19) / 256;
    ((96 + light * 159 / 255) * a / 255) as u8
}

/// A box in the place of a character for which there is no font.
fn missing(size: f32, advance: f32) -> Glyph {
    let height = (size * 0.71).round().max(3.0) as usize;
    let line = (size / 14.0).round().max(1.0) as usize;
    let wanted = if advance > size * 0.4 { advance } else { size * 0.6 };
    let width = (wanted - size * 0.14).round().max(3.0) as usize;
    let is_edge = |at: usize, length: usize| at < line || at >= length - line;
    let ink = |at: usize| if is_edge(at % width, width) || is_edge(at / width, height) { 200 } else { 0 };
    Glyph {
        left: (size * 0.07).round() as i32,
        top: height as i32,
        width,
        coverage: (0..width * height).map(ink).collect(),
        advance: 0.0,
    }
}
