//! The replies that list what can be played.

use super::extra::Listing;
use crate::wire::rtsp::Full;
use crate::wire::text::{OneLine, SliceWriter};
use core::fmt::Write;

/// Names go to the closure that the visitor is called with, one after the other, as long as it says that it wants more.
pub type Visitor<'v> = dyn FnMut(&mut dyn FnMut(&str) -> bool) + 'v;

/// Bytes of a list: its clients read 1024 at once, and what is behind them as another reply.
const MAX_LEN: usize = 900;
/// The buttons of the client that asks with SWITCH.
const MAX_SWITCHES: usize = 5;

/// Writes a reply with a list of names. `visit` gives them, the same each time it is called.
///
/// # Errors
/// [`Full`] where it does not fit.
pub fn emit_list(
    buffer: &mut [u8],
    cseq: u32,
    session: u32,
    listing: Listing,
    visit: &mut Visitor<'_>,
) -> Result<usize, Full> {
    let mut out = SliceWriter::new(buffer);
    write!(out, "RTSP/1.0 200 OK\nCSeq: {cseq}\nSession: {session}\n")?;
    let most = match listing {
        Listing::Switch => MAX_SWITCHES,
        Listing::All => usize::MAX,
    };
    let (mut count, mut len) = (0_usize, 0_usize);
    let mut fits = |name: &str| {
        len = len.saturating_add(name.len()).saturating_add(1);
        count = count.saturating_add(1);
        count <= most && len <= MAX_LEN
    };
    let mut listed = 0_usize;
    visit(&mut |name| {
        let is_listed = fits(name);
        listed = listed.saturating_add(is_listed.into());
        is_listed
    });
    match listing {
        Listing::Switch => out.write_str("Available video\n")?,
        Listing::All => write!(out, "NVideo: {listed}")?,
    }
    let mut written = Ok(());
    let mut left = listed;
    visit(&mut |name| {
        if left > 0 && written.is_ok() {
            left = left.saturating_sub(1);
            written = emit_name(&mut out, listing, name);
        }
        left > 0
    });
    written?;
    Ok(out.len())
}

fn emit_name(out: &mut SliceWriter<'_>, listing: Listing, name: &str) -> core::fmt::Result {
    if listing == Listing::All {
        out.write_str("\n")?;
    }
    OneLine(&mut *out).write_str(name)?;
    if listing == Listing::Switch { out.write_str("\n") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn list(listing: Listing, names: &[&str]) -> String {
        let mut buffer = [0; 1024];
        let len = emit_list(&mut buffer, 7, 123_456, listing, &mut |each| _ = names.iter().all(|name| each(name)));
        String::from_utf8(buffer[..len.unwrap()].to_vec()).unwrap()
    }

    #[test]
    fn names_stand_where_each_client_looks_for_them() {
        let head = "RTSP/1.0 200 OK\nCSeq: 7\nSession: 123456\n";
        let names = ["a.Mjpeg", "b\n.Mjpeg"];
        assert_eq!(list(Listing::All, &names), [head, "NVideo: 2\na.Mjpeg\nb .Mjpeg"].concat());
        assert_eq!(list(Listing::Switch, &names), [head, "Available video\na.Mjpeg\nb .Mjpeg\n"].concat());
        assert_eq!(list(Listing::All, &[]), [head, "NVideo: 0"].concat());
        assert_eq!(list(Listing::Switch, &["x"; 9]).lines().count(), 3 + 1 + 5);
    }

    #[test]
    fn a_list_stays_in_what_is_read_at_once() {
        let long = "x".repeat(100);
        let names: Vec<&str> = (0..50).map(|_| &*long).collect();
        let text = list(Listing::All, &names);
        assert!(text.len() < 1024);
        assert_eq!(text.lines().nth(3), Some("NVideo: 8"));
        assert_eq!(text.lines().count(), 4 + 8);
    }
}
