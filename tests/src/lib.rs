//! Whole-system tests.

pub mod fuzz;
pub mod interop;
pub mod latency;
pub mod load;
pub mod net;
pub mod process;
pub mod soak;
