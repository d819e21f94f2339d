//! Real players against the real server: every frame of every file must arrive, and be the picture that is in the file.
//!
//! Nothing here is shared with the code under test: files are split and judged, requests written and pictures compared by
//! other means, so that one mistake cannot hide another.

pub mod clip;
pub mod control;
pub mod lab;
pub mod players;
pub mod report;
