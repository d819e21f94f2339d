//! The player against servers that others wrote, and against a lab server as strict as the students' one: every frame
//! must arrive, and be the one that the server read.

pub mod comparison;
pub mod lab_server;
pub mod server;
