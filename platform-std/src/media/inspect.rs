//! What tools need that look into files instead of serving them: which files there are, what is in each, and what becomes of
//! every frame.
//!
//! ```no_run
//! use mutoscope::jpeg::Layout;
//! use mutoscope_std::media::Policy;
//! use mutoscope_std::media::inspect::{Converter, IndexedFile, candidates};
//!
//! let policy = Policy::default();
//! let mut converter = Converter::default();
//! for candidate in candidates(&["films".into()])?.files {
//!     let file = IndexedFile::open(&candidate.path)?;
//!     let (mut frame, mut made) = (Vec::new(), Vec::new());
//!     for number in 0..file.frames() {
//!         frame = file.read_frame(number, frame)?;
//!         let layout = Layout::parse(&frame)?;
//!         let judgement = policy.judge(&frame, &layout)?;
//!         let sent = converter.convert(&frame, &layout, &judgement, &mut made)?.map_or(frame.len(), |_| made.len());
//!         println!("{} frame {number} is sent {}: {sent} bytes", candidate.name, judgement.conversion());
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use super::candidates::{Candidate, Candidates, Names, candidates};
pub use super::converter::{ConversionError, Converter};
pub use super::file::{IndexedFile, PlacedPicture, pictures};
pub use super::policy::{Conversion, Judgement};
pub use super::probe::{FIELDS, LARGE_PICTURES, is_field};
