//! Runs real players against the real server. Every frame of every file must arrive, and must be the picture in the file.
//!
//! These tests share nothing with the code under test. They have their own ways to split and judge files, write requests and
//! compare pictures, so that one mistake cannot hide another.

pub mod clip;
pub mod control;
pub mod feeds;
pub mod lab;
pub mod parts;
pub mod players;
pub mod publish;
pub mod report;
