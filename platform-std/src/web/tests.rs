//! What tests of this room share: a camera whose pictures can be told from each other.

use std::future::Future;
use std::sync::Arc;

use mutoscope::io::server::Open;

use super::{Directory, Listed, Site};
use crate::input::Push;
use crate::media::live::Live;

pub(super) struct Camera {
    pub(super) live: Live,
}

impl Camera {
    pub(super) fn new() -> Self {
        let camera = Self { live: Live::new("camera", None) };
        camera.publish(0, 1000);
        camera
    }

    /// A picture of so many bytes, which say its number.
    pub(super) fn publish(&self, number: u32, len: usize) {
        self.live.publish(picture(number, len));
    }
}

/// A picture of about so many bytes, with its number in a comment.
pub(super) fn picture(number: u32, len: usize) -> Vec<u8> {
    let small = crate::media::testing::picture(16, 16, |_| {});
    let mut comment = number.to_be_bytes().to_vec();
    comment.resize(len.saturating_sub(small.len()).max(4), 0x55);
    let segment = u16::try_from(2 + comment.len()).unwrap();
    [&small[..2], &[0xFF, 0xFE], &segment.to_be_bytes(), &comment, &small[2..]].concat()
}

impl Directory for Live {
    fn list(&self) -> Vec<Listed> {
        vec![Listed { name: self.name().to_owned(), node: None, about: None }]
    }
}

impl Directory for Push {
    fn list(&self) -> Vec<Listed> {
        vec![Listed { name: self.name().to_owned(), node: None, about: None }]
    }
}

pub(super) fn site(camera: &Camera) -> Arc<Site<Live, Open>> {
    Arc::new(Site::new(camera.live.clone(), Open))
}

/// Runs a test in virtual time.
pub(super) fn run<F: Future>(test: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(test)
}
