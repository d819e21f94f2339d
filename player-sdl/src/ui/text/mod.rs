//! Text in Roboto, and, where that lacks characters, in the system's fonts. Each glyph is rasterised once for each size.

mod scripts;

use fontdue::FontSettings;
use scripts::{Line, Scripts};
use std::collections::HashMap;
use std::rc::Rc;

const REGULAR: &[u8] = include_bytes!("../../../assets/Roboto-Regular.ttf");
const MEDIUM: &[u8] = include_bytes!("../../../assets/Roboto-Medium.ttf");

/// How many glyphs are kept. There is no other limit: a stream's name may have any characters.
const MAX_GLYPHS: usize = 2048;
/// How many lines in other scripts are kept.
const MAX_LINES: usize = 64;

/// A weight of Roboto.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Weight {
    Regular,
    Medium,
}

/// A weight of Roboto and a size in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Font {
    weight: Weight,
    size: f32,
}

impl Font {
    pub(crate) const fn regular(size: f32) -> Self {
        Self { weight: Weight::Regular, size }
    }

    pub(crate) const fn medium(size: f32) -> Self {
        Self { weight: Weight::Medium, size }
    }
}

/// A rasterised glyph.
#[derive(Debug)]
pub(crate) struct Glyph {
    /// From the place of the glyph in the line to its left edge.
    pub(crate) left: i32,
    /// From the baseline up to the glyph's upper edge.
    pub(crate) top: i32,
    pub(crate) width: usize,
    /// How much of each pixel the glyph covers, 0 to 255, row by row.
    pub(crate) coverage: Vec<u8>,
    advance: f32,
}

/// Both weights of Roboto, and the glyphs that have been rasterised.
pub(crate) struct Fonts {
    regular: fontdue::Font,
    medium: fontdue::Font,
    glyphs: HashMap<(char, Weight, u32), Glyph>,
    /// The system's fonts, once they have been needed.
    scripts: Option<Box<Scripts>>,
    /// Lines in other scripts.
    lines: HashMap<(String, Weight, u32), Rc<Line>>,
}

impl Fonts {
    pub(crate) fn new() -> Self {
        // Outlines are made of straight lines that are fine enough for this size. The player uses no larger one.
        let settings = || FontSettings { scale: 48.0, load_substitutions: false, ..FontSettings::default() };
        let load = |bytes: &[u8]| fontdue::Font::from_bytes(bytes, settings()).expect("the built-in font is whole");
        Self {
            regular: load(REGULAR),
            medium: load(MEDIUM),
            glyphs: HashMap::new(),
            scripts: None,
            lines: HashMap::new(),
        }
    }

    /// Returns the width of a text.
    pub(crate) fn width(&mut self, font: Font, text: &str) -> i32 {
        self.layout(font, text, |_, _| {})
    }

    /// Returns the height of capitals and digits.
    pub(crate) fn cap_height(&self, font: Font) -> i32 {
        // Roboto's capitals are 1456 of 2048 units high.
        (font.size * 1456.0 / 2048.0).round() as i32
    }

    /// Returns the distance from one baseline to the next.
    pub(crate) fn line_height(&self, font: Font) -> i32 {
        (font.size * 1.4).round() as i32
    }

    /// Returns as much of a text as fits into a width, with an ellipsis if that is not all of it.
    pub(crate) fn elided(&mut self, font: Font, text: &str, width: i32) -> String {
        if self.width(font, text) <= width {
            return text.to_owned();
        }
        let mut kept: Vec<char> = text.chars().collect();
        while kept.pop().is_some() {
            let shorter: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
            if self.width(font, &shorter) <= width {
                return shorter;
            }
        }
        String::new()
    }

    /// Breaks a text at spaces into lines of at most this width. A word that is too long for a line, and text beyond
    /// `max_lines`, end in an ellipsis.
    pub(crate) fn wrapped(&mut self, font: Font, text: &str, width: i32, max_lines: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let longer = lines.last().map(|line| format!("{line} {word}"));
            match longer.filter(|longer| self.width(font, longer) <= width) {
                Some(longer) => *lines.last_mut().expect("it was extended") = longer,
                None => lines.push(word.to_owned()),
            }
        }
        if lines.len() > max_lines {
            let rest = lines.split_off(max_lines.saturating_sub(1)).join(" ");
            lines.push(rest);
        }
        lines.iter().map(|line| self.elided(font, line, width)).collect()
    }

    /// Calls `place` with each glyph and its distance from the text's beginning. Returns the width of the whole text.
    pub(super) fn layout(&mut self, font: Font, text: &str, mut place: impl FnMut(&Glyph, i32)) -> i32 {
        let Font { weight, size } = font;
        let face = if weight == Weight::Medium { &self.medium } else { &self.regular };
        if text.chars().any(|c| !face.has_glyph(c)) {
            let line = self.other_script(font, text);
            line.glyphs.iter().for_each(|(glyph, at)| place(glyph, *at));
            return line.width;
        }
        if self.glyphs.len() > MAX_GLYPHS {
            self.glyphs.clear();
        }
        let (mut x, mut before) = (0.0_f32, None);
        for c in text.chars() {
            if let Some(before) = before.replace(c) {
                x += face.horizontal_kern(before, c, size).unwrap_or(0.0);
            }
            let glyph = self.glyphs.entry((c, weight, size.to_bits())).or_insert_with(|| rasterize(face, c, size));
            place(glyph, x.round() as i32);
            x += glyph.advance;
        }
        x.ceil() as i32
    }

    fn other_script(&mut self, font: Font, text: &str) -> Rc<Line> {
        let key = (text.to_owned(), font.weight, font.size.to_bits());
        if let Some(line) = self.lines.get(&key) {
            return line.clone();
        }
        let scripts = self.scripts.get_or_insert_with(|| Box::new(Scripts::new()));
        let line = Rc::new(scripts.line(font.weight, font.size, text));
        if self.lines.len() >= MAX_LINES {
            self.lines.clear();
        }
        self.lines.insert(key, line.clone());
        line
    }
}

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fonts").field("glyphs", &self.glyphs.len()).finish_non_exhaustive()
    }
}

fn rasterize(face: &fontdue::Font, c: char, size: f32) -> Glyph {
    let (metrics, coverage) = face.rasterize(c, size);
    let coverage = coverage.into_iter().map(strengthened).collect();
    Glyph {
        left: metrics.xmin,
        top: metrics.ymin + metrics.height as i32,
        width: metrics.width,
        coverage,
        advance: metrics.advance_width,
    }
}

/// Light text on a dark ground would look too thin, so half covered pixels are made a little stronger.
fn strengthened(ink: u8) -> u8 {
    ((f32::from(ink) / 255.0).powf(0.82) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const FONT: Font = Font::regular(13.0);

    #[test]
    fn digits_are_equally_wide_so_that_figures_do_not_dance() {
        let mut fonts = Fonts::new();
        let widths: Vec<i32> =
            (0..10).map(|digit| fonts.width(FONT, &format!("{digit}{digit}{digit}{digit}"))).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{widths:?}");
    }

    #[test]
    fn text_that_does_not_fit_is_elided() {
        let mut fonts = Fonts::new();
        let text = "a rather long name of a stream.mjpeg";
        assert_eq!(fonts.elided(FONT, text, 1000), text);
        for width in [0, 5, 20, 60, 150] {
            let elided = fonts.elided(FONT, text, width);
            assert!(fonts.width(FONT, &elided) <= width, "{elided:?}");
            assert!(elided.is_empty() || elided.ends_with('…'));
        }
    }

    #[test]
    fn lines_are_broken_at_spaces_and_none_is_too_wide() {
        let mut fonts = Fonts::new();
        let text = "nobody listens at 127.0.0.1:8554: is the server running? averyveryverylongwordwithoutanyspaceinit";
        let lines = fonts.wrapped(FONT, text, 150, 9);
        assert!(lines.len() > 3);
        assert!(lines.iter().all(|line| fonts.width(FONT, line) <= 150), "{lines:?}");
        assert_eq!(fonts.wrapped(FONT, text, 150, 2).len(), 2);
        assert!(fonts.wrapped(FONT, " ", 150, 2).is_empty());
    }

    #[test]
    fn what_roboto_has_needs_no_other_fonts() {
        let mut fonts = Fonts::new();
        for c in "đẹpжαßłő…·—’".chars() {
            assert!(fonts.regular.has_glyph(c) && fonts.medium.has_glyph(c), "{c}");
        }
        fonts.width(FONT, "Прогулка đẹp.mjpeg");
        assert!(fonts.scripts.is_none(), "looking for fonts takes time and memory");
    }

    /// Returns where each glyph of a text is, and how much ink it has.
    fn glyphs(fonts: &mut Fonts, text: &str) -> Vec<(i32, u32)> {
        let mut glyphs = Vec::new();
        let ink = |glyph: &Glyph| glyph.coverage.iter().map(|&ink| u32::from(ink)).sum();
        let width = fonts.layout(FONT, text, |glyph, at| glyphs.push((at, ink(glyph))));
        assert!(glyphs.iter().all(|&(at, _)| (-1..=width).contains(&at)), "{text}: {glyphs:?} in {width}");
        glyphs
    }

    #[test]
    fn other_scripts_are_written_in_their_direction_and_joined_or_there_is_a_box_for_each_character() {
        let mut fonts = Fonts::new();
        for text in ["שלום עולם", "מצלמה 7.mjpeg", "电影.mjpeg", "ひらがな", "한국어", "สวัสดี", "\u{e123}\u{e124}"]
        {
            let written = glyphs(&mut fonts, text);
            assert!(written.len() >= 2 && written.iter().any(|&(_, ink)| ink > 0), "{text}: {written:?}");
        }
        // Two directions: the digit stands left of the letters that come before it.
        let (letters, both) = (fonts.width(FONT, "שלום"), fonts.width(FONT, "שלום 7"));
        assert!(both > letters);
        // The same letter alone and within a word: where there is an Arabic font, it is not the same glyph. A box always is.
        let arabic = glyphs(&mut fonts, "ههه");
        assert!(!arabic.is_empty() && arabic.len() <= 3, "{arabic:?}");
        let line = fonts.other_script(FONT, "ههه");
        assert!(Rc::ptr_eq(&line, &fonts.other_script(FONT, "ههه")), "it is laid out once");
        for number in 0..200 {
            fonts.width(FONT, &format!("漢{number}"));
        }
        assert!(fonts.lines.len() <= MAX_LINES);
    }

    #[test]
    fn names_in_other_scripts_are_elided_and_broken_like_others() {
        let mut fonts = Fonts::new();
        for text in ["זה שם ארוך מאוד של סרט", "这是一部很长的电影的名字", "هذا اسم طويل جدا لفيلم"]
        {
            let whole = fonts.width(FONT, text);
            let elided = fonts.elided(FONT, text, whole / 2);
            assert!(elided.ends_with('…') && fonts.width(FONT, &elided) <= whole / 2, "{elided}");
            assert!(fonts.wrapped(FONT, text, whole / 2, 9).iter().all(|line| fonts.width(FONT, line) <= whole / 2));
        }
    }
}
