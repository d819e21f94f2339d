//! Whole-system tests.

pub mod net;
