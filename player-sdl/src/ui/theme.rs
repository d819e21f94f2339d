//! The colours of the window, and the sizes of its text in pixels at scale 1.

/// A colour: opacity, red, green and blue, from the highest byte to the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Color(pub(crate) u32);

impl Color {
    pub(crate) const fn rgb(rgb: u32) -> Self {
        Self(0xff00_0000 | rgb)
    }

    /// Returns this colour with another opacity, 0 to 255.
    pub(crate) const fn alpha(self, alpha: u8) -> Self {
        Self(self.0 & 0x00ff_ffff | (alpha as u32) << 24)
    }

    pub(crate) const fn a(self) -> u32 {
        self.0 >> 24
    }

    pub(crate) const fn r(self) -> u8 {
        (self.0 >> 16) as u8
    }

    pub(crate) const fn g(self) -> u8 {
        (self.0 >> 8) as u8
    }

    pub(crate) const fn b(self) -> u8 {
        self.0 as u8
    }

    /// Returns this colour with `part` of 255 parts of another one mixed in. The opacity stays.
    pub(crate) const fn mix(self, other: Self, part: u32) -> Self {
        const fn channel(a: u32, b: u32, part: u32) -> u32 {
            (a * (255 - part) + b * part + 127) / 255
        }
        let r = channel((self.0 >> 16) & 255, (other.0 >> 16) & 255, part);
        let g = channel((self.0 >> 8) & 255, (other.0 >> 8) & 255, part);
        let b = channel(self.0 & 255, other.0 & 255, part);
        Self(self.0 & 0xff00_0000 | r << 16 | g << 8 | b)
    }
}

pub(crate) const BACKGROUND: Color = Color::rgb(0x18_18_18);
pub(crate) const PANEL: Color = Color::rgb(0x21_21_21);
pub(crate) const CONTROL_PANEL: Color = Color::rgb(0x28_28_28);
pub(crate) const PLAY: Color = Color::rgb(0xff_00_00);
pub(crate) const SETUP: Color = Color::rgb(0x3e_a6_ff);
pub(crate) const NEUTRAL: Color = Color::rgb(0x3f_3f_3f);
pub(crate) const TEXT: Color = Color::rgb(0xff_ff_ff);
pub(crate) const SECONDARY: Color = Color::rgb(0xaa_aa_aa);
/// What cannot be pressed.
pub(crate) const DISABLED: Color = Color::rgb(0x8a_8a_8a);
/// The progress bar's line; what is filled of it stands out.
pub(crate) const TRACK: Color = Color::rgb(0x33_33_33);
/// Its edge, by which it stands out itself.
pub(crate) const TRACK_EDGE: Color = Color::rgb(0x82_82_82);
pub(crate) const BLACK: Color = Color::rgb(0);
pub(crate) const GOOD: Color = Color::rgb(0x2b_a6_40);
pub(crate) const WARNING: Color = Color::rgb(0xff_b7_4d);
/// What has failed, as text.
pub(crate) const BAD: Color = PLAY.mix(TEXT, 110);
/// What warns of danger, with white text on it.
pub(crate) const ALARM: Color = Color::rgb(0xd3_2f_2f);

/// Text on the bright buttons.
pub(crate) const INK: Color = Color::rgb(0);

/// The ground of text that lies over the picture.
pub(crate) const SHADE: Color = Color::rgb(0x10_10_10).alpha(0xe4);
/// Darkens a picture that has text above it.
pub(crate) const DIM: Color = BLACK.alpha(0xb8);

/// Darkens the edges of the picture in full screen, where the controls lie over it.
pub(crate) const SCRIM: Color = BLACK.alpha(0xcc);

/// Darkens the controls while a dialog is open.
pub(crate) const VEIL: Color = BLACK.alpha(0x80);

pub(crate) const TITLE_SIZE: f32 = 15.0;
pub(crate) const TEXT_SIZE: f32 = 13.0;
pub(crate) const BUTTON_SIZE: f32 = 13.0;
pub(crate) const SMALL_SIZE: f32 = 11.5;
pub(crate) const NOTICE_SIZE: f32 = 20.0;

/// The WCAG 2's contrast of two opaque colours, 1 to 21.
#[cfg(test)]
pub(crate) fn contrast(a: Color, b: Color) -> f64 {
    let channel = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let luminance =
        |color: Color| 0.2126 * channel(color.r()) + 0.7152 * channel(color.g()) + 0.0722 * channel(color.b()) + 0.05;
    let (a, b) = (luminance(a), luminance(b));
    if a > b { a / b } else { b / a }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_wcag() {
        assert!((contrast(BLACK, TEXT) - 21.0).abs() < 1e-9);
        assert!((contrast(TEXT, PLAY) - 3.998).abs() < 1e-3, "why PLAY has black ink");
    }

    #[test]
    fn what_is_no_text_stands_out_from_what_is_around_it() {
        let mut scrim = [TEXT, BLACK];
        scrim.iter_mut().for_each(|ground| *ground = ground.mix(SCRIM.alpha(0xff), SCRIM.a()));
        for ground in [CONTROL_PANEL, scrim[0], scrim[1]] {
            assert!(contrast(TRACK_EDGE, ground) >= 3.0, "the line itself on {ground:x?}");
        }
        assert!(contrast(PLAY, TRACK) >= 3.0 && contrast(SETUP, TRACK) >= 3.0, "what is filled");
        assert!(contrast(PLAY, CONTROL_PANEL) >= 3.0, "the knob");
        assert!(contrast(SETUP, BACKGROUND) >= 3.0, "fields with the focus");
    }

    #[test]
    fn colours_mix_and_keep_their_opacity() {
        assert_eq!(BLACK.mix(TEXT, 255), TEXT);
        assert_eq!(BLACK.alpha(9).mix(TEXT, 0), BLACK.alpha(9));
        assert_eq!(BLACK.mix(TEXT, 128), Color::rgb(0x80_80_80));
    }
}
