//! Takes a multipart body apart, by its boundary and the lengths that it tells, and pictures by their segments.

use anyhow::{Context, Result, bail, ensure};

/// The line between the parts, without its dashes.
const BOUNDARY: &str = "mutoscope";

/// One part of a body.
#[derive(Debug)]
pub struct Part {
    /// The bytes behind its head.
    pub picture: Vec<u8>,
    /// Its `X-Timestamp`, in seconds.
    pub timestamp: f64,
}

/// The parts of a body that ends as it should.
///
/// # Errors
/// If anything is not as it should be.
pub fn parts(mut body: &[u8]) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    loop {
        if body == format!("--{BOUNDARY}--\r\n").as_bytes() {
            return Ok(parts);
        }
        let number = parts.len();
        let end = body.windows(4).position(|end| end == b"\r\n\r\n").with_context(|| format!("no head {number}"))?;
        let head = std::str::from_utf8(&body[..end]).with_context(|| format!("the head {number}"))?;
        let mut lines = head.split("\r\n");
        ensure!(lines.next() == Some(&format!("--{BOUNDARY}")), "no boundary before part {number}: {head}");
        let field = |name: &str| head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        ensure!(field("Content-Type") == Some("image/jpeg"), "the type of part {number}: {head}");
        let length: usize = field("Content-Length").context("no length")?.parse()?;
        let timestamp = field("X-Timestamp").context("no time")?.parse()?;
        body = &body[end + 4..];
        ensure!(body.len() >= length + 2, "part {number} is shorter than it says");
        let (picture, rest) = body.split_at(length);
        body = rest.strip_prefix(b"\r\n").with_context(|| format!("part {number} is longer than it says"))?;
        parts.push(Part { picture: picture.to_vec(), timestamp });
    }
}

/// The segments before the scan of a JPEG file: marker, and where each lies, with its marker.
///
/// # Errors
/// If there is no scan.
pub fn segments(jpeg: &[u8]) -> Result<Vec<(u8, std::ops::Range<usize>)>> {
    let (mut at, mut segments) = (2, Vec::new());
    loop {
        let Some(&[0xFF, marker, high, low]) = jpeg.get(at..at + 4) else { bail!("no segment at {at}") };
        if marker == 0xDA {
            return Ok(segments);
        }
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        segments.push((marker, at..end));
        at = end;
    }
}

/// Whether Safari shows it: it begins and ends, and has Huffman tables.
pub fn is_complete(jpeg: &[u8]) -> bool {
    let has_tables = segments(jpeg).is_ok_and(|segments| segments.iter().any(|(marker, _)| *marker == 0xC4));
    has_tables && jpeg.starts_with(&[0xFF, 0xD8]) && jpeg.ends_with(&[0xFF, 0xD9])
}

/// The file without its Huffman tables.
///
/// # Errors
/// If there is no scan.
pub fn without_tables(jpeg: &[u8]) -> Result<Vec<u8>> {
    let mut bare = jpeg.to_vec();
    for (_, place) in segments(jpeg)?.into_iter().rev().filter(|(marker, _)| *marker == 0xC4) {
        bare.drain(place);
    }
    Ok(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: &[u8] = b"\xFF\xD8\xFF\xC4\0\x03x\xFF\xC0\0\x02\xFF\xDA\0\x02s\xFF\xD9";

    #[test]
    fn a_body_has_its_parts_and_an_end() {
        let part = |picture: &str| {
            format!(
                "--mutoscope\r\nContent-Type: image/jpeg\r\nContent-Length: 3\r\nX-Timestamp: 1.5\r\n\r\n{picture}\r\n"
            )
        };
        let body = format!("{}{}--mutoscope--\r\n", part("abc"), part("def"));
        let found = parts(body.as_bytes()).unwrap();
        assert_eq!(found.iter().map(|part| &part.picture[..]).collect::<Vec<_>>(), [b"abc", b"def"]);
        assert_eq!(found[0].timestamp, 1.5);
        for wrong in [part("abc"), part("abcd"), part("ab"), body + "x", String::new()] {
            assert!(parts(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tables_are_found_and_taken_away() {
        let bare = without_tables(JPEG).unwrap();
        assert_eq!(bare, b"\xFF\xD8\xFF\xC0\0\x02\xFF\xDA\0\x02s\xFF\xD9");
        assert!(is_complete(JPEG) && !is_complete(&bare) && !is_complete(&JPEG[..JPEG.len() - 2]));
    }
}
