//! The core's instants, of which the frame cache knows only that there are some.

#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant;
