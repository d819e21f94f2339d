//! What threads share by. `tests/loom` has another module of this name, and tries every order of what happens in files that use it.

pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};
