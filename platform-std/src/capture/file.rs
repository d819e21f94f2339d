//! The file: a header, and a header before each packet.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Of the format with microseconds, in the byte order of who writes.
const MAGIC: u32 = 0xA1B2_C3D4;
/// Packets begin with a header of IP (LINKTYPE_RAW).
const RAW: u32 = 101;
const MOST: u32 = 65_535;
/// After so long a packet is written to the file together with those before it, so that it can be looked at meanwhile.
const PATIENCE: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    /// `None`: writing has failed.
    out: Option<BufWriter<std::fs::File>>,
    flushed: SystemTime,
}

impl File {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let mut out = BufWriter::new(file);
        let version = [2_u16, 4].map(u16::to_ne_bytes);
        out.write_all(&MAGIC.to_ne_bytes())?;
        version.iter().try_for_each(|part| out.write_all(part))?;
        // Of the time zone, and of how exact times are: nobody uses either.
        [0, 0, MOST, RAW].iter().try_for_each(|part: &u32| out.write_all(&part.to_ne_bytes()))?;
        out.flush()?;
        Ok(Self { path: path.to_owned(), out: Some(out), flushed: SystemTime::now() })
    }

    pub(super) fn write(&mut self, now: SystemTime, packet: &[u8]) {
        let Some(out) = &mut self.out else { return };
        let is_due = now.duration_since(self.flushed).is_ok_and(|passed| passed >= PATIENCE);
        let written = put(out, now, packet).and_then(|()| if is_due { out.flush() } else { Ok(()) });
        if is_due {
            self.flushed = now;
        }
        if let Err(error) = written {
            log::warn!("no more packets are written to {}: {error}", self.path.display());
            self.out = None;
        }
    }
}

fn put(out: &mut impl Write, now: SystemTime, packet: &[u8]) -> io::Result<()> {
    let time = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let len = packet.len() as u32;
    let header = [time.as_secs() as u32, time.subsec_micros(), len, len];
    header.iter().try_for_each(|part| out.write_all(&part.to_ne_bytes()))?;
    out.write_all(packet)
}
