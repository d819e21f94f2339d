//! Whole-system tests.

pub mod fuzz;
pub mod interop;
pub mod load;
pub mod net;
pub mod process;
