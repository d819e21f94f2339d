//! Saves pictures, as PNG or as the JPEG file exactly as it was received.

use crate::decode::decode;
use mutoscope_std::client::Jpeg;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use zune_jpeg::zune_core::colorspace::ColorSpace;

/// A picture file's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    Jpeg,
}

impl Format {
    /// Returns the format that a file's name asks for by its ending.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension().and_then(OsStr::to_str)?.to_ascii_lowercase().as_str() {
            "png" => Some(Self::Png),
            "jpg" | "jpeg" => Some(Self::Jpeg),
            _ => None,
        }
    }
}

/// The name of a snapshot's file, or a sentence that says why there is none.
pub(crate) type Saved = Result<String, String>;

/// Saves pictures in threads of their own, because a large PNG takes a while.
#[derive(Debug)]
pub(crate) struct Saver {
    sender: Sender<Saved>,
    results: Receiver<Saved>,
}

impl Saver {
    pub(crate) fn new() -> Self {
        let (sender, results) = mpsc::channel();
        Self { sender, results }
    }

    /// Begins to save a frame. [`poll`](Self::poll) tells how it went.
    ///
    /// # Errors
    /// If no thread can be started.
    pub(crate) fn save(&self, jpeg: Jpeg, path: PathBuf) -> io::Result<()> {
        let sender = self.sender.clone();
        let work = move || {
            let name = path.display().to_string();
            // Nobody receives the result if the window has been closed in the meantime.
            let _ = sender.send(save(&jpeg, &path).map(|()| name));
        };
        thread::Builder::new().name("snapshot".into()).spawn(work).map(drop)
    }

    /// Returns the next result, if there is one.
    pub(crate) fn poll(&self) -> Option<Saved> {
        self.results.try_recv().ok()
    }
}

/// Writes a frame to `path`, in the format that its ending asks for. The file appears at once and whole.
///
/// # Errors
/// A sentence, if the frame cannot be decoded or the file not written.
pub(crate) fn save(jpeg: &[u8], path: &Path) -> Result<(), String> {
    let partial = path.with_file_name(format!(
        ".{}.{}.part",
        path.file_name().and_then(OsStr::to_str).unwrap_or("snapshot"),
        std::process::id()
    ));
    let written = match Format::of(path) {
        Some(Format::Png) => write_png(jpeg, &partial),
        Some(Format::Jpeg) => fs::write(&partial, jpeg).map_err(|error| error.to_string()),
        None => Err("the name must end in .png or .jpg".into()),
    };
    let saved = written.and_then(|()| fs::rename(&partial, path).map_err(|error| error.to_string()));
    if saved.is_err() {
        let _ = fs::remove_file(&partial);
    }
    saved.map_err(|error| format!("cannot save {}: {error}", path.display()))
}

fn write_png(jpeg: &[u8], path: &Path) -> Result<(), String> {
    let mut rgb = Vec::new();
    let (width, height) = decode(jpeg, ColorSpace::RGB, &mut rgb)?;
    let write = || -> io::Result<()> {
        let out = BufWriter::new(File::create(path)?);
        // The casts lose nothing: the decoder refuses pictures of more than 8192 pixels a side.
        let mut encoder = png::Encoder::new(out, width as u32, height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&rgb)?;
        Ok(writer.finish()?)
    };
    write().map_err(|error| error.to_string())
}

/// Returns a name for a snapshot that no file has yet. It consists of the stream's name, the frame's number and, if that is
/// taken, another number.
pub(crate) fn new_name(stem: &str, frame: u32) -> PathBuf {
    free_name(&format!("{}-{frame:06}", harmless(stem)), "png")
}

/// Returns a name for a recording that no file has yet: the stream's name and, if that is taken, a number.
pub(crate) fn new_film_name(stem: &str) -> PathBuf {
    free_name(&harmless(stem), "mjpeg")
}

/// Returns a name for the protocol as text that no file has yet.
pub(crate) fn new_text_name(stem: &str) -> PathBuf {
    free_name(&format!("{}-protocol", harmless(stem)), "txt")
}

fn free_name(stem: &str, ending: &str) -> PathBuf {
    let names = (1..).map(|copy: u32| match copy {
        1 => PathBuf::from(format!("{stem}.{ending}")),
        copy => PathBuf::from(format!("{stem}-{copy}.{ending}")),
    });
    names.into_iter().find(|name| !name.exists()).unwrap_or_default()
}

/// Returns a stream's name as files may be called.
fn harmless(stem: &str) -> String {
    let stem = if stem.is_empty() { "stream" } else { stem };
    stem.trim_start_matches('.')
        .chars()
        .map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::tests::card;

    fn temporary(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("mutoscope-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_png_holds_exactly_what_the_decoder_makes_of_the_frame() {
        let (jpeg, path) = (card(160, 128, 33), temporary("a.png"));
        save(&jpeg, &path).unwrap();
        let decoder = png::Decoder::new(io::BufReader::new(File::open(&path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let mut expected = Vec::new();
        assert_eq!(decode(&jpeg, ColorSpace::RGB, &mut expected), Ok((info.width as usize, info.height as usize)));
        assert!(pixels == expected);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_jpg_is_the_frame_as_received() {
        let (jpeg, path) = (card(160, 128, 34), temporary("b.JPG"));
        save(&jpeg, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), jpeg);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_failure_leaves_no_file() {
        let path = temporary("c.png");
        assert!(save(&[0; 9], &path).unwrap_err().contains("c.png"));
        assert!(!path.exists());
        assert!(save(&card(160, 128, 1), Path::new("/nowhere/x.png")).is_err());
        assert!(save(&[], Path::new("x.gif")).is_err());
    }

    #[test]
    fn snapshots_are_called_after_stream_and_frame() {
        assert_eq!(new_name("movie", 245), PathBuf::from("movie-000245.png"));
        assert_eq!(new_name("127.0.0.1:8554", 245), PathBuf::from("127.0.0.1_8554-000245.png"));
        assert_eq!(new_name("../a b", 1), PathBuf::from("_a_b-000001.png"));
        assert_eq!(new_name("", 1), PathBuf::from("stream-000001.png"));
        assert_eq!(new_film_name("a/b"), PathBuf::from("a_b.mjpeg"));
    }
}
