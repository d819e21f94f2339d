//! What the tests of media share: tiny pictures, files made of them, and a folder that goes when the test ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use mutoscope::jpeg::{header, tables};

/// A JPEG whose headers RTP/JPEG can carry; its scan is `filler`, which nobody decodes here.
pub(crate) fn jpeg(width: u16, height: u16, restart_interval: u16, filler: &[u8]) -> Vec<u8> {
    let (luma, chroma) = tables::quantization(50);
    let fields =
        header::Fields { kind: 1, width, height, restart_interval, luma: &luma, chroma: &chroma, precision: 0 };
    let mut file = vec![0; header::MAX_LEN];
    let len = header::emit(&mut file, &fields).expect("the buffer has the length it says it needs");
    file.truncate(len);
    file.extend_from_slice(filler);
    file.extend_from_slice(&[0xff, 0xd9]);
    file
}

/// Frames with their length in front of each, as the classic lab keeps them.
pub(crate) fn lab_file(frames: &[Vec<u8>]) -> Vec<u8> {
    frames.iter().flat_map(|frame| [format!("{:05}", frame.len()).into_bytes(), frame.clone()].concat()).collect()
}

/// `count` frames of 16x16, told apart by their scans, whose lengths differ.
pub(crate) fn frames(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|number| jpeg(16, 16, 0, &vec![number; 10 + usize::from(number)])).collect()
}

/// A folder of one test's own.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("mutoscope-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("the name is not in use");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, contents).expect("the folder is ours");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A real picture of some colours and shapes; `style` is what the encoder is told beside its size.
pub(crate) fn picture(
    width: u16,
    height: u16,
    style: impl FnOnce(&mut jpeg_encoder::Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let samples: Vec<u8> = (0..u32::from(height))
        .flat_map(|y| (0..u32::from(width)).map(move |x| (x, y)))
        .flat_map(|(x, y)| {
            let square = if (x / 9 + y / 7) % 2 == 0 { 40 } else { 0 };
            [x * 2, y * 3, 200_u32.saturating_sub(x + y)].map(|level| (level.min(200) + square) as u8)
        })
        .collect();
    let mut out = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut out, 80);
    style(&mut encoder);
    encoder.encode(&samples, width, height, jpeg_encoder::ColorType::Rgb).expect("the samples are as many as it takes");
    out
}
