//! Whole-system tests.

pub mod film;
pub mod fuzz;
pub mod interop;
pub mod latency;
pub mod load;
pub mod net;
pub mod peers;
pub mod process;
pub mod soak;
pub mod stage;
pub mod viewer;
pub mod watcher;
pub mod world;
