//! A picture that says why there is no other one.

use super::canvas::{self, Color, ONE, Rect, Scenery, Surface};
use super::card::{BAR_COUNT, BARS, PANEL, SECONDARY, TEXT};
use super::font::Lettering;
use super::{Full, letters};
use crate::jpeg::encoder::Quantizer;

/// A picture of the test card's kind, of any size, with a title and what there is to be said below it.
///
/// Letters are capitals without accents, and what there are no letters for is a box. What is too long is broken into lines, and cut
/// where there is no room for all of them. Some 700 bytes of stack beside those of the texts, while it is drawn.
///
/// ```
/// use mutoscope::media::testcard::Notice;
///
/// let notice = Notice {
///     size: (160, 120),
///     title: "NO SIGNAL",
///     name: "front door",
///     reason: "cannot connect to 192.0.2.7:81",
///     since: "since 2026-11-29 20:45:03 UTC",
/// };
/// let mut picture = [0; 16_384];
/// let len = notice.render(&mut picture)?;
/// assert_eq!(picture[..2], [0xFF, 0xD8]);
/// # assert!(len < 8192);
/// # Ok::<(), mutoscope::media::testcard::Full>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Notice<'t> {
    /// Width and height in pixels.
    pub size: (u16, u16),
    /// In large letters.
    pub title: &'t str,
    /// What it is about, in one line.
    pub name: &'t str,
    /// Why it is so.
    pub reason: &'t str,
    /// Since when.
    pub since: &'t str,
}

impl Notice<'_> {
    /// Draws it, and returns the length of its JPEG.
    ///
    /// # Errors
    /// [`Full`] where `out` is too short.
    pub fn render(&self, out: &mut [u8]) -> Result<usize, Full> {
        canvas::render(self.size, &Quantizer::new(QUALITY), out, &Scene::new(self))
    }
}

/// Small letters stay sharp.
const QUALITY: u8 = 80;
/// Letters are no smaller than this, in sixteenths of a pixel: they can just be read.
const LEAST_HEIGHT: i32 = 7 * ONE;
/// Lines that the reason and the time take at most.
const MOST_OF_REASON: usize = 4;
const MOST_OF_SINCE: usize = 2;
const MOST_LINES: usize = 1 + MOST_OF_REASON + MOST_OF_SINCE;
/// Letters of all lines; what is beyond has no room in any picture.
const MOST_LETTERS: usize = 480;
/// What stands for the rest of a text.
const REST: &[u8] = b"...";
const REASON: Color = Color::rgb(0xD0, 0xD0, 0xD0);

/// Letters, without `alloc`.
struct Letters {
    bytes: [u8; MOST_LETTERS],
    len: usize,
}

/// A line of text in its place.
#[derive(Clone, Copy)]
struct Row {
    from: usize,
    to: usize,
    /// It is cut after this.
    is_cut: bool,
    color: Color,
    y: i32,
}

struct Scene {
    size: (u16, u16),
    letters: Letters,
    /// Where the title ends among the letters, which begin with it.
    title: usize,
    title_y: i32,
    title_height: i32,
    height: i32,
    rows: [Row; MOST_LINES],
    count: usize,
    bars_end: i32,
}

impl Letters {
    /// Adds a text, with one space between its words; tells where it is.
    fn add(&mut self, text: &str) -> (usize, usize) {
        let from = self.len;
        for character in text.trim().chars() {
            let upper = character.to_ascii_uppercase();
            let single = [u8::try_from(upper).unwrap_or(b' ')];
            let written = match upper {
                ' ' | '!'..='%' | '\''..='_' | '|' => &single[..],
                other => letters::written(other),
            };
            let has_space = self.len == from || self.last() == Some(b' ');
            if written == b" " && has_space {
                continue;
            }
            for &letter in written {
                if let Some(slot) = self.bytes.get_mut(self.len) {
                    *slot = letter;
                    self.len = self.len.saturating_add(1);
                }
            }
        }
        (from, self.len)
    }

    fn last(&self) -> Option<u8> {
        self.bytes.get(self.len.checked_sub(1)?).copied()
    }

    fn part(&self, from: usize, to: usize) -> &[u8] {
        self.bytes.get(from..to).unwrap_or(&[])
    }
}

impl Scene {
    fn new(notice: &Notice<'_>) -> Self {
        let (width, height) = (i32::from(notice.size.0), i32::from(notice.size.1));
        // What an eighth of it is wide is an eighth of a picture of four to three.
        let unit = width.min(height.wrapping_mul(4) / 3).wrapping_mul(ONE);
        let margin = unit / 20;
        let room = width.wrapping_mul(ONE).wrapping_sub(margin.wrapping_mul(2));
        let blank = Row { from: 0, to: 0, is_cut: false, color: REASON, y: 0 };
        let mut scene = Self {
            size: notice.size,
            letters: Letters { bytes: [0; MOST_LETTERS], len: 0 },
            title: 0,
            title_y: 0,
            title_height: unit.wrapping_mul(9) / 100,
            height: (unit.wrapping_mul(27) / 1000).max(LEAST_HEIGHT),
            rows: [blank; MOST_LINES],
            count: 0,
            bars_end: (height / 12 / 8).wrapping_mul(8 * ONE),
        };
        scene.title = scene.letters.add(notice.title).1;
        // What is below the title, and the distance to it.
        let free = height.wrapping_mul(ONE).wrapping_sub(scene.bars_end).wrapping_sub(margin);
        let below = free.wrapping_sub(scene.title_height).wrapping_sub(scene.pitch());
        let mut lines = usize::try_from(below.checked_div(scene.pitch()).unwrap_or(0)).unwrap_or(0);
        let name = scene.letters.add(notice.name);
        let since = scene.letters.add(notice.since);
        let reason = scene.letters.add(notice.reason);
        let since_lines = scene.count_lines(since, room).min(MOST_OF_SINCE);
        lines = lines.saturating_sub(scene.wrap(name, room, lines.min(1), TEXT));
        // The time is short, and says more than the rest of a long reason.
        let of_reason = lines.saturating_sub(since_lines).clamp(lines.min(1), MOST_OF_REASON);
        lines = lines.saturating_sub(scene.wrap(reason, room, of_reason.min(lines), REASON));
        scene.wrap(since, room, lines.min(MOST_OF_SINCE), SECONDARY);
        scene.place(free);
        scene
    }

    /// The distance from a line to the next one.
    fn pitch(&self) -> i32 {
        self.height.wrapping_mul(185) / 100
    }

    /// Centres all that is said in what is free below the bars.
    fn place(&mut self, free: i32) {
        let pitch = self.pitch();
        let rows = i32::try_from(self.count).unwrap_or(0).wrapping_mul(pitch);
        let all = self.title_height.wrapping_add(pitch / 2).wrapping_add(rows);
        self.title_y = self.bars_end.wrapping_add(free.wrapping_sub(all).max(0) / 2).wrapping_add(self.height / 2);
        let mut y = self.title_y.wrapping_add(self.title_height).wrapping_add(pitch / 2);
        for row in &mut self.rows {
            y = y.wrapping_add(pitch);
            row.y = y.wrapping_sub(self.height);
        }
    }

    fn lettering<'t>(&self, text: &'t [u8]) -> Lettering<'t, true> {
        Lettering { text, x: 0, y: 0, height: self.height, weight: 7, gap: 24 }
    }

    fn fits(&self, from: usize, to: usize, room: i32) -> bool {
        self.lettering(self.letters.part(from, to)).width() <= room
    }

    /// Where the line ends that begins at `from`, and where the next one begins.
    fn line(&self, from: usize, to: usize, room: i32) -> (usize, usize) {
        if self.fits(from, to, room) {
            return (to, to);
        }
        let (mut fitting, mut space) = (from.saturating_add(1), None);
        for at in from.saturating_add(1)..to {
            if !self.fits(from, at, room) {
                break;
            }
            fitting = at;
            if self.letters.part(at, at.saturating_add(1)) == b" " {
                space = Some(at);
            }
        }
        // A word that is longer than a line is broken.
        space.map_or((fitting, fitting), |space| (space, space.saturating_add(1)))
    }

    fn count_lines(&self, (mut from, to): (usize, usize), room: i32) -> usize {
        let mut count = 0_usize;
        while from < to {
            from = self.line(from, to, room).1;
            count = count.saturating_add(1);
        }
        count
    }

    /// Breaks a text into lines, so many at most, and tells how many there are.
    fn wrap(&mut self, (mut from, to): (usize, usize), room: i32, most: usize, color: Color) -> usize {
        let mut count = 0_usize;
        while from < to && count < most {
            let (mut end, next) = self.line(from, to, room);
            count = count.saturating_add(1);
            let is_cut = count == most && next < to;
            if is_cut {
                let rest = self.lettering(REST).width().wrapping_add(self.height);
                let room = room.wrapping_sub(rest);
                while end > from && !self.fits(from, end, room) {
                    end = end.saturating_sub(1);
                }
            }
            if let Some(row) = self.rows.get_mut(self.count) {
                *row = Row { from, to: end, is_cut, color, y: 0 };
                self.count = self.count.saturating_add(1);
            }
            from = next;
        }
        count
    }

    fn bars(&self, surface: &mut impl Surface) {
        let width = i32::from(self.size.0);
        let edge = |index: i32| (index.wrapping_mul(width) / (2 * BAR_COUNT)).wrapping_mul(2 * ONE);
        for (index, &color) in (0..).zip(&BARS) {
            let (left, mut right) = (edge(index), edge(index.wrapping_add(1)));
            if index == BAR_COUNT.wrapping_sub(1) {
                // Beyond the edge of a picture whose last tiles are not whole.
                right = right.wrapping_add(32 * ONE);
            }
            surface.cover(&Rect { left, top: 0, right, bottom: self.bars_end }).paint(color);
        }
    }
}

impl Scenery for Scene {
    fn paint(&self, surface: &mut impl Surface) {
        surface.fill(PANEL);
        if surface.touches(canvas::Bounds { left: 0, top: 0, right: i32::MAX, bottom: self.bars_end }) {
            self.bars(surface);
        }
        let middle = i32::from(self.size.0).wrapping_mul(ONE) / 2;
        let title = Lettering::<true> {
            x: middle,
            y: self.title_y,
            height: self.title_height,
            weight: 8,
            gap: 20,
            text: self.letters.part(0, self.title),
        };
        if title.is_level_with(surface) {
            title.centred().cover(surface);
            surface.paint(TEXT);
        }
        for row in self.rows.get(..self.count).unwrap_or(&[]) {
            let text = self.letters.part(row.from, row.to);
            let line = Lettering { x: middle, y: row.y, ..self.lettering(text) };
            if !line.is_level_with(surface) {
                continue;
            }
            let rest = Lettering { y: row.y, ..self.lettering(REST) };
            let behind = if row.is_cut { rest.width().wrapping_add(self.height / 2) } else { 0 };
            let line = Lettering { x: middle.wrapping_sub(behind / 2), ..line }.centred();
            line.cover(surface);
            if row.is_cut {
                let x = line.x.wrapping_add(line.width()).wrapping_add(self.height / 2);
                Lettering { x, ..rest }.cover(surface);
            }
            surface.paint(row.color);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::{Layout, Sampling};
    use std::string::String;
    use std::vec::Vec;

    const LONG: &str = "cannot connect to 2001:db8::7fff:1234 port 81: the other side has closed the connection before it \
                        answered, and nothing more is known of it than that it was there a moment ago and is not any more";

    fn notice<'t>(size: (u16, u16), name: &'t str, reason: &'t str) -> Notice<'t> {
        Notice { size, title: "NO SIGNAL", name, reason, since: "since 2026-11-29 20:45:03 UTC (0:03:12)" }
    }

    fn lines(notice: &Notice<'_>) -> Vec<String> {
        let scene = Scene::new(notice);
        let text = |row: &Row| {
            let rest: &[u8] = if row.is_cut { REST } else { b"" };
            String::from_utf8([scene.letters.part(row.from, row.to), rest].concat()).unwrap()
        };
        scene.rows[..scene.count].iter().map(text).collect()
    }

    #[test]
    fn texts_are_broken_into_lines_between_words_and_cut_where_there_is_no_room() {
        let small = lines(&notice((160, 120), "front door", LONG));
        assert_eq!(small[0], "FRONT DOOR");
        assert!(small.len() <= MOST_LINES && small.iter().any(|line| line.ends_with("...")), "{small:?}");
        assert!(small.last().unwrap().ends_with("(0:03:12)"), "the time has its place: {small:?}");
        let large = lines(&notice((1280, 720), "front door", "it is unplugged"));
        assert_eq!(large, ["FRONT DOOR", "IT IS UNPLUGGED", "SINCE 2026-11-29 20:45:03 UTC (0:03:12)"]);
        let broken = lines(&notice((640, 480), "x", &"W".repeat(100)));
        assert!(broken[1].len() > 10 && broken[1].bytes().all(|letter| letter == b'W'), "{broken:?}");
    }

    #[test]
    fn what_there_are_no_letters_for_becomes_others_or_a_box() {
        let told = |name| lines(&notice((640, 480), name, "")).remove(0);
        assert_eq!(told("Tür – für «Gäste» & Co."), "TUR - FUR \"GASTE\" + CO.");
        assert_eq!(told("門\u{1F3A5}\u{7}"), "\u{7F}\u{7F}\u{7F}");
        assert_eq!(told(" a \t\n  b "), "A B");
    }

    #[test]
    fn any_size_makes_a_picture_and_no_text_is_too_long() {
        let mut out = std::vec![0; 1 << 20];
        let long = "\u{e9}W@\u{20AC}".repeat(500);
        for size in [(1, 1), (8, 8), (16, 2000), (2000, 16), (160, 120), (176, 144), (1366, 768), (3840, 2160)] {
            for text in ["", LONG, &long] {
                let len = notice(size, text, text).render(&mut out).unwrap();
                let layout = Layout::parse(&out[..len]).unwrap();
                assert_eq!((layout.width, layout.height, layout.sampling), (size.0, size.1, Sampling::Yuv420));
                assert!(layout.has_end());
            }
        }
        assert_eq!(notice((640, 480), "", "").render(&mut [0; 700]), Err(Full));
    }

    #[test]
    fn lines_stay_within_the_picture() {
        for size in [(160, 120), (160, 128), (320, 240), (640, 480), (1280, 720), (720, 1280), (1920, 1080)] {
            for reason in [LONG, "short"] {
                let scene = Scene::new(&notice(size, "a name", reason));
                let last = scene.rows[scene.count - 1].y + scene.height;
                assert!(scene.title_y > scene.bars_end && last < i32::from(size.1) * ONE, "{size:?} {last}");
                assert!(scene.count >= 3, "{size:?}");
            }
        }
    }
}
