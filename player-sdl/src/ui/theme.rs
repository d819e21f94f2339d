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
pub(crate) const FAINT: Color = Color::rgb(0x6f_6f_6f);
pub(crate) const TRACK: Color = Color::rgb(0x4a_4a_4a);
pub(crate) const BLACK: Color = Color::rgb(0);
pub(crate) const GOOD: Color = Color::rgb(0x2b_a6_40);
pub(crate) const WARNING: Color = Color::rgb(0xff_b7_4d);

/// The ground of text that lies over the picture.
pub(crate) const SHADE: Color = Color::rgb(0x10_10_10).alpha(0xe4);
/// Darkens a picture that has text above it.
pub(crate) const DIM: Color = BLACK.alpha(0xb8);

/// Darkens the controls while a dialog is open.
pub(crate) const VEIL: Color = BLACK.alpha(0x80);

pub(crate) const TITLE_SIZE: f32 = 15.0;
pub(crate) const TEXT_SIZE: f32 = 13.0;
pub(crate) const BUTTON_SIZE: f32 = 13.0;
pub(crate) const SMALL_SIZE: f32 = 11.5;
pub(crate) const NOTICE_SIZE: f32 = 20.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_mix_and_keep_their_opacity() {
        assert_eq!(BLACK.mix(TEXT, 255), TEXT);
        assert_eq!(BLACK.alpha(9).mix(TEXT, 0), BLACK.alpha(9));
        assert_eq!(BLACK.mix(TEXT, 128), Color::rgb(0x80_80_80));
    }
}
