//! Live inputs: whatever makes JPEG, while somebody watches it or always.
//!
//! An [`Input`] is one attempt to get pictures: it connects or starts something, gives pictures to its [`Publisher`] until they
//! end or it is told to [`Stop`]. A [`Supervisor`] runs inputs on threads of their own, on demand or always, and tries again what
//! has ended. Viewers watch a [`Live`](crate::media::live::Live) medium, which stays while its input comes and goes.
//!
//! A camera of one's own:
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use mutoscope_std::input::{Input, InputError, Publisher, Start, Stop, Supervisor};
//! use mutoscope_std::media::{Policy, live::Live};
//!
//! struct Camera;
//!
//! impl Input for Camera {
//!     fn run(&mut self, publisher: &Publisher, stop: &Stop) -> Result<(), InputError> {
//!         // Connect here. Where that fails, say why; it is tried again.
//!         while stop.sleep(Duration::from_millis(40)) {
//!             let mut jpeg = publisher.buffer();
//!             jpeg.extend_from_slice(b"a JPEG file");
//!             publisher.publish(jpeg, Instant::now());
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let supervisor = Supervisor::new()?;
//! let live = Live::new("camera", None);
//! supervisor.add(&live, Box::new(Camera), Start::OnDemand, Policy::default());
//! // server.serve(live)
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`Spec`] is how people write inputs on command lines and in configurations.

mod camera;
mod context;
mod error;
mod exec;
pub(crate) mod feeder;
pub mod http;
mod inputs;
mod lines;
mod no_signal;
mod pipe;
pub(crate) mod program;
mod publisher;
mod push;
mod redact;
mod rtsp;
pub(crate) mod sender_clock;
mod spec;
mod stop;
mod supervision;
mod supervisor;
#[cfg(test)]
mod testing;
pub(crate) mod throttle;

pub use crate::reach::Reach;
pub use camera::{Camera, list_cameras};
pub use context::input_of;
pub use error::InputError;
pub use exec::Exec;
pub use http::Http;
pub use inputs::{Inputs, InputsError};
pub use pipe::{Fifo, Stdin};
pub use program::kill_programs;
pub use publisher::Publisher;
pub use push::{InputMedium, Push, PushSink};
pub use redact::{MASK, redact};
pub use rtsp::Rtsp;
pub use spec::{Argument, Parameters, Remote, Source, Spec, SpecError, Start, expand_url};
pub use stop::{Stop, Woken};
pub use supervision::{LINGER, State};
#[cfg(feature = "http")]
pub(crate) use supervisor::STARTING;
pub use supervisor::Supervisor;

/// Something that makes JPEG files.
pub trait Input: Send {
    /// Gets pictures and publishes them until they end, or until `stop` says so; then it returns at once. It is called on a thread
    /// of its own, and again after a while when it has returned.
    ///
    /// # Errors
    /// Why there are no pictures, or no more. Those who wait for them are told.
    fn run(&mut self, publisher: &Publisher, stop: &Stop) -> Result<(), InputError>;
}
