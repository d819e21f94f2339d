//! Smaller pictures, for tiles of a page and for slow lines.

use std::sync::{Arc, LazyLock};

use mutoscope::jpeg::Layout;
use mutoscope::jpeg::encoder::Quantizer;
use mutoscope::jpeg::reduce::{Q, Reducer, Scale, max_output_len, memory_len};
use tokio::task::spawn_blocking;

use super::part::Part;

/// Larger pictures stay as they are, in pixels. That a picture is large costs who sends it nothing.
const MOST_PIXELS: u64 = 64 << 20;
/// No picture that is made smaller gets longer than this. Real ones take a tenth of it at the most.
const MOST_LEN: usize = 16 << 20;

static QUANTIZER: LazyLock<Quantizer> = LazyLock::new(|| Quantizer::new(Q));

/// Makes pictures smaller, one after the other. What it has of memory it keeps for the next one.
#[derive(Debug, Default)]
pub(super) struct Workshop {
    reducer: Box<Reducer>,
    memory: Vec<u8>,
    out: Vec<u8>,
}

impl Workshop {
    /// What is left of a picture at the scale that `choose` has for its width; the picture itself where it has none, or where this
    /// cannot be done. It takes milliseconds.
    pub(super) fn reduce(&mut self, part: Arc<Part>, choose: impl Fn(u16) -> Option<Scale>) -> Arc<Part> {
        let made =
            self.reduced(part.for_rtp(), choose).map(|len| Part::with(part.taken, &self.out[..len], part.absence()));
        made.map_or(part, Arc::new)
    }

    /// The length of what is in `out` then.
    fn reduced(&mut self, jpeg: &[u8], choose: impl Fn(u16) -> Option<Scale>) -> Option<usize> {
        let layout = Layout::parse(jpeg).ok()?;
        let scale = choose(layout.width)?;
        if u64::from(layout.width) * u64::from(layout.height) > MOST_PIXELS {
            return None;
        }
        grow(&mut self.memory, memory_len(&layout, scale).ok()?);
        grow(&mut self.out, max_output_len(&layout, scale).ok()?.min(MOST_LEN));
        let Self { reducer, memory, out } = self;
        reducer.reduce(jpeg, &layout, scale, &QUANTIZER, memory, out).ok()
    }
}

/// Memory that is not touched is not there: most pictures are far shorter than they could be.
fn grow(buffer: &mut Vec<u8>, len: usize) {
    if buffer.len() < len {
        *buffer = vec![0; len];
    }
}

/// One picture that is as wide as wanted, made on another thread.
pub(super) async fn once(part: Arc<Part>, wanted: Option<u16>) -> Arc<Part> {
    let Some(wanted) = wanted else { return part };
    let source = Arc::clone(&part);
    let made = spawn_blocking(move || Workshop::default().reduce(source, |width| Scale::for_width(width, wanted)));
    made.await.unwrap_or(part)
}
