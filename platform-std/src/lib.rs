//! platform-std
