//! Runs the player against servers that others wrote, and against a server of the lab's dialect that is as strict as the
//! students' one. Every frame must arrive, and must be the one that the server read.

pub mod comparison;
pub mod lab_server;
pub mod server;
