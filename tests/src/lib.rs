//! Whole-system tests.

pub mod bent;
pub mod film;
pub mod fuzz;
pub mod hostile_scene;
pub mod interop;
pub mod latency;
pub mod load;
pub mod net;
pub mod peers;
pub mod process;
pub mod publisher;
pub mod real_client;
pub mod soak;
pub mod stage;
pub mod strict_client;
pub mod world;
