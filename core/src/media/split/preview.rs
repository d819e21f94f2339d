//! Which pictures are previews of the one before them: cameras put small ones behind a picture, and stereo cameras the other
//! eye's, and tell it with a Multi-Picture Format segment (CIPA DC-007).

/// What is known of the frame that is being read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Picture {
    /// Width times height in pixels, where the frame header has been read.
    area: u32,
    images: Images,
    /// The scan has begun, so the segments behind it may be the last.
    pub(super) has_scan: bool,
    /// A segment has begun.
    pub(super) has_segments: bool,
    /// It stands at the file's very beginning, with a marker behind SOI.
    pub(super) is_first: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Images {
    /// There is no MPF segment that says anything.
    #[default]
    One,
    /// This picture is the first of so many.
    First(u8),
    /// There is an MPF segment, but it cannot be read.
    Unknown,
}

/// What follows the last picture. It is small, because bookmarks hold it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(in crate::media) struct Previews {
    /// Up to [`MOST`]: so many of the next pictures belong to it, unless they begin a series of their own. More: pictures of a smaller area
    /// than this belong to it, however many they are.
    code: u32,
}

/// More images in one file are none that a camera writes.
const MOST: u32 = 255;

impl Picture {
    pub(super) fn new(is_first: bool) -> Self {
        Self { is_first, ..Self::default() }
    }

    /// Whether there was a frame header that makes sense.
    pub(super) fn has_frame_header(self) -> bool {
        self.area > 0
    }

    /// The first bytes of an SOF segment's content.
    pub(super) fn frame_header(&mut self, content: &[u8]) {
        let &[precision, height_high, height_low, width_high, width_low, components, ..] = content else { return };
        let height = u16::from_be_bytes([height_high, height_low]);
        let width = u16::from_be_bytes([width_high, width_low]);
        if matches!(precision, 2..=16) && matches!(components, 1..=4) && width > 0 {
            // A height of 0 is told behind the scan.
            self.area = u32::from(width).saturating_mul(u32::from(height.max(1)));
        }
    }

    /// The first bytes of an APP2 segment's content.
    pub(super) fn application2(&mut self, content: &[u8]) {
        if let Some(index) = content.strip_prefix(b"MPF\0") {
            self.images = images(index);
        }
    }
}

/// ```text
///  "II*\0" or "MM\0*" | offset of the index, usually 8 | its number of entries | entries of 12 bytes: tag, type, count, value
/// ```
fn images(index: &[u8]) -> Images {
    const VERSION: u16 = 0xB000;
    const NUMBER_OF_IMAGES: u16 = 0xB001;
    let Some((order, rest)) = index.split_first_chunk::<4>() else { return Images::Unknown };
    let is_little = match order {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return Images::Unknown,
    };
    let short = |bytes: [u8; 2]| if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
    let long = |bytes: [u8; 4]| if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
    let Some((&offset, rest)) = rest.split_first_chunk::<4>() else { return Images::Unknown };
    let Some((_, entries)) = rest.split_first_chunk::<2>() else { return Images::Unknown };
    if long(offset) != 8 {
        return Images::Unknown;
    }
    let mut tags = entries.as_chunks::<12>().0.iter();
    match tags.next().map(|&[high, low, ..]| short([high, low])) {
        Some(VERSION) => {}
        _ => return Images::Unknown,
    }
    match tags.next() {
        Some(&[high, low, _, _, _, _, _, _, a, b, c, d]) if short([high, low]) == NUMBER_OF_IMAGES => {
            Images::First(u8::try_from(long([a, b, c, d])).unwrap_or(u8::MAX))
        }
        // Pictures but the first have a segment of their own, without that number.
        _ => Images::One,
    }
}

impl Previews {
    /// A picture ends. Returns whether it is a preview of one before it.
    pub(super) fn is_preview(&mut self, picture: Picture) -> bool {
        match picture.images {
            Images::First(count) => self.code = u32::from(count.saturating_sub(1)),
            Images::Unknown => self.code = if picture.area > MOST { picture.area } else { 0 },
            Images::One if (1..=MOST).contains(&self.code) => {
                self.code = self.code.saturating_sub(1);
                return true;
            }
            Images::One if picture.area > 0 && self.code > MOST && picture.area < self.code => return true,
            Images::One => self.code = 0,
        }
        false
    }
}
