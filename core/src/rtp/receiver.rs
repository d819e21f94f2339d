//! From packets to frames.
