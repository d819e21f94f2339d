//! Pictures of cameras that give no JPEG: encoded as 4:2:0.

use super::{Format, Pixels};

/// The quality of RTP's tables, 1 to 99.
const QUALITY: u8 = 80;

/// Encodes one picture after another, in memory that it keeps.
#[derive(Default)]
pub(super) struct Encoder {
    planes: Planes,
}

/// A picture in three planes, 4:2:0, without gaps. Values use the whole range from 0 to 255, as in JPEG.
#[derive(Default)]
struct Planes {
    width: usize,
    height: usize,
    luma: Vec<u8>,
    cb: Vec<u8>,
    cr: Vec<u8>,
}

impl Encoder {
    /// Writes a JPEG file to `out`, which is cleared. Errors are reasons for people.
    pub(super) fn encode(&mut self, format: &Format, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
        self.planes.fill(format, bytes)?;
        encode(&self.planes, out)
    }
}

impl Planes {
    fn fill(&mut self, format: &Format, bytes: &[u8]) -> Result<(), &'static str> {
        const SHORT: &str = "it is shorter than its size says";
        let Format { pixels, width, height, bytes_per_line } = *format;
        (self.width, self.height) = (width.into(), height.into());
        for plane in [&mut self.luma, &mut self.cb, &mut self.cr] {
            plane.clear();
        }
        if width == 0 || height == 0 {
            return Err("it has no size");
        }
        match pixels {
            Pixels::Jpeg => return Err("it is a JPEG file"),
            Pixels::Yuyv => {
                let len = self.width.div_ceil(2) * 4;
                let stride = bytes_per_line.max(len);
                let line = |number: usize| bytes.get(number * stride..)?.get(..len);
                for number in (0..self.height).step_by(2) {
                    let upper = line(number).ok_or(SHORT)?;
                    // The last line of an odd number has no other to share its chroma with.
                    let lower = if number + 1 < self.height { line(number + 1).ok_or(SHORT)? } else { upper };
                    self.push_luma(upper.iter().step_by(2));
                    if number + 1 < self.height {
                        self.push_luma(lower.iter().step_by(2));
                    }
                    let mean = |one: u8, other: u8| CHROMA[usize::from(one.midpoint(other))];
                    for (upper, lower) in upper.chunks_exact(4).zip(lower.chunks_exact(4)) {
                        self.cb.push(mean(upper[1], lower[1]));
                        self.cr.push(mean(upper[3], lower[3]));
                    }
                }
            }
            Pixels::Nv12 => {
                let stride = bytes_per_line.max(self.width);
                let chroma_len = self.width.div_ceil(2) * 2;
                for number in 0..self.height {
                    let line = bytes.get(number * stride..).and_then(|rest| rest.get(..self.width)).ok_or(SHORT)?;
                    self.push_luma(line.iter());
                }
                let chroma = bytes.get(stride * self.height..).ok_or(SHORT)?;
                for number in 0..self.height.div_ceil(2) {
                    let line = chroma.get(number * stride..).and_then(|rest| rest.get(..chroma_len)).ok_or(SHORT)?;
                    self.cb.extend(line.iter().step_by(2).map(|&value| CHROMA[usize::from(value)]));
                    self.cr.extend(line.iter().skip(1).step_by(2).map(|&value| CHROMA[usize::from(value)]));
                }
            }
        }
        Ok(())
    }

    /// Appends the first values of a line, as many as the picture is wide.
    fn push_luma<'a>(&mut self, values: impl Iterator<Item = &'a u8>) {
        self.luma.extend(values.take(self.width).map(|&value| LUMA[usize::from(value)]));
    }
}

/// Cameras give luma from 16 to 235 and chroma from 16 to 240; JPEG uses the whole range.
static LUMA: [u8; 256] = stretched(16, 219);
static CHROMA: [u8; 256] = stretched(128, 224);

/// `fixed` is what stays: black becomes 0, grey stays 128. `range` is what becomes 255.
const fn stretched(fixed: i32, range: i32) -> [u8; 256] {
    let mut table = [0; 256];
    let mut value = 0;
    while value < 256 {
        let scaled = (value - fixed) * 510 / range;
        // Halves are rounded away from zero.
        let rounded = if scaled < 0 { (scaled - 1) / 2 } else { (scaled + 1) / 2 };
        let centre = if fixed == 128 { 128 } else { 0 };
        let whole = rounded + centre;
        table[value as usize] = if whole < 0 {
            0
        } else if whole > 255 {
            255
        } else {
            whole as u8
        };
        value += 1;
    }
    table
}

/// With libjpeg-turbo, about three times as fast as ours.
#[cfg(feature = "turbojpeg")]
fn encode(planes: &Planes, out: &mut Vec<u8>) -> Result<(), &'static str> {
    use turbojpeg::{Compressor, Subsamp, YuvImage};
    const FAILED: &str = "libjpeg-turbo cannot encode it";
    let mut compressor = Compressor::new().map_err(|_| FAILED)?;
    // The tables of RTP's Q and of libjpeg's quality are the same.
    compressor.set_quality(QUALITY.into()).map_err(|_| FAILED)?;
    compressor.set_subsamp(Subsamp::Sub2x2).map_err(|_| FAILED)?;
    let Planes { width, height, luma, cb, cr } = planes;
    // Lines of luma are as long as an even width.
    let even = width.next_multiple_of(2);
    let mut pixels = Vec::with_capacity(even * height * 3 / 2);
    for line in luma.chunks_exact(*width) {
        pixels.extend_from_slice(line);
        pixels.extend(line.last().filter(|_| even != *width));
    }
    if height % 2 == 1 {
        pixels.extend_from_within(pixels.len() - even..);
    }
    pixels.extend_from_slice(cb);
    pixels.extend_from_slice(cr);
    let image = YuvImage { pixels: &pixels[..], width: *width, align: 1, height: *height, subsamp: Subsamp::Sub2x2 };
    let jpeg = compressor.compress_yuv_to_vec(image).map_err(|_| FAILED)?;
    out.clear();
    out.extend_from_slice(&jpeg);
    Ok(())
}

#[cfg(not(feature = "turbojpeg"))]
fn encode(planes: &Planes, out: &mut Vec<u8>) -> Result<(), &'static str> {
    use mutoscope::jpeg::encoder::{Encoder, Quantizer};
    const FULL: &str = "it does not become a JPEG file";
    let Planes { width, height, .. } = *planes;
    // Noise that no camera makes takes more.
    out.resize(4096 + width * height * 3, 0);
    let quantizer = Quantizer::new(QUALITY);
    let mut encoder = Encoder::new(out, width as u16, height as u16, &quantizer).map_err(|_| FULL)?;
    for top in (0..height).step_by(16) {
        for left in (0..width).step_by(16) {
            let luma = [(0, 0), (8, 0), (0, 8), (8, 8)];
            let luma = luma.map(|(x, y)| block(&planes.luma, (width, height), (left + x, top + y)));
            let size = (width.div_ceil(2), height.div_ceil(2));
            let chroma = |plane: &[u8]| block(plane, size, (left / 2, top / 2));
            encoder.mcu(&luma, &chroma(&planes.cb), &chroma(&planes.cr)).map_err(|_| FULL)?;
        }
    }
    let len = encoder.finish().map_err(|_| FULL)?;
    out.truncate(len);
    Ok(())
}

/// Eight lines of eight values; beyond the edges, the edges go on.
#[cfg(not(feature = "turbojpeg"))]
fn block(plane: &[u8], (width, height): (usize, usize), (left, top): (usize, usize)) -> [u8; 64] {
    let mut block = [0; 64];
    for (number, line) in block.chunks_exact_mut(8).enumerate() {
        let start = (top + number).min(height - 1) * width;
        let values = &plane[start..start + width];
        match values.get(left..left + 8) {
            Some(values) => line.copy_from_slice(values),
            None => {
                for (x, value) in line.iter_mut().enumerate() {
                    *value = values[(left + x).min(width - 1)];
                }
            }
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use mutoscope::jpeg::Layout;
    use zune_jpeg::JpegDecoder;
    use zune_jpeg::zune_core::bytestream::ZCursor;
    use zune_jpeg::zune_core::colorspace::ColorSpace;
    use zune_jpeg::zune_core::options::DecoderOptions;

    /// Smooth luma and chroma, as functions of the place, in the range of cameras.
    fn luma(x: usize, y: usize) -> u8 {
        (16 + x / 4 + y * 2) as u8
    }

    fn cb(x: usize, y: usize) -> u8 {
        (100 + (x + y) / 8) as u8
    }

    fn cr(x: usize, y: usize) -> u8 {
        (150 - (x + y) / 8) as u8
    }

    fn raw(format: &Format) -> Vec<u8> {
        let Format { width, height, bytes_per_line, .. } = *format;
        let (width, height) = (usize::from(width), usize::from(height));
        let mut bytes = vec![0; bytes_per_line * (height + height.div_ceil(2))];
        for y in 0..height {
            for x in 0..width {
                match format.pixels {
                    Pixels::Yuyv => {
                        let pair = y * bytes_per_line + x / 2 * 4;
                        bytes[pair + x % 2 * 2] = luma(x, y);
                        (bytes[pair + 1], bytes[pair + 3]) = (cb(x / 2, y / 2), cr(x / 2, y / 2));
                    }
                    _ => {
                        bytes[y * bytes_per_line + x] = luma(x, y);
                        let pair = bytes_per_line * (height + y / 2) + x / 2 * 2;
                        (bytes[pair], bytes[pair + 1]) = (cb(x / 2, y / 2), cr(x / 2, y / 2));
                    }
                }
            }
        }
        bytes
    }

    #[test]
    fn pictures_of_any_size_and_line_length_look_the_same_when_they_are_decoded() {
        for pixels in [Pixels::Yuyv, Pixels::Nv12] {
            for (width, height, padding) in [(64, 48, 0), (70, 50, 6), (17, 9, 3), (1, 1, 0), (640, 2, 128)] {
                let bytes_per_line = usize::from(u16::div_ceil(width, 2)) * 4 + padding;
                let format = Format { pixels, width, height, bytes_per_line };
                let mut jpeg = Vec::new();
                Encoder::default().encode(&format, &raw(&format), &mut jpeg).unwrap();
                let layout = Layout::parse(&jpeg).unwrap();
                assert_eq!((layout.width, layout.height), (width, height));
                assert!(layout.rtp_format().is_ok());
                let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::YCbCr);
                let decoded = JpegDecoder::new_with_options(ZCursor::new(&jpeg), options).decode().unwrap();
                for y in 0..usize::from(height) {
                    for x in 0..usize::from(width) {
                        let at = (y * usize::from(width) + x) * 3;
                        let difference = decoded[at].abs_diff(LUMA[usize::from(luma(x, y))]);
                        assert!(difference < 8, "{format:?} {x} {y}: {difference}");
                        for (value, expected) in
                            [(decoded[at + 1], cb(x / 2, y / 2)), (decoded[at + 2], cr(x / 2, y / 2))]
                        {
                            let difference = value.abs_diff(CHROMA[usize::from(expected)]);
                            assert!(difference < 8, "{format:?} {x} {y}: {difference}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_shorter_than_it_says_is_no_picture() {
        for pixels in [Pixels::Yuyv, Pixels::Nv12] {
            let format = Format { pixels, width: 32, height: 32, bytes_per_line: 64 };
            let needed = if pixels == Pixels::Yuyv { 64 * 32 } else { 64 * 32 + 64 * 15 + 32 };
            let encode = |len| Encoder::default().encode(&format, &vec![50; len], &mut Vec::new());
            assert_eq!((encode(needed), encode(needed - 1).is_err(), encode(0).is_err()), (Ok(()), true, true));
        }
    }

    #[test]
    fn the_range_of_cameras_becomes_the_whole_range() {
        assert_eq!([LUMA[0], LUMA[16], LUMA[126], LUMA[235], LUMA[255]], [0, 0, 128, 255, 255]);
        assert_eq!([CHROMA[0], CHROMA[16], CHROMA[128], CHROMA[240], CHROMA[255]], [0, 0, 128, 255, 255]);
    }
}
