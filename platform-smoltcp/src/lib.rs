//! platform-smoltcp
