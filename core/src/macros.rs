//! Logging through `defmt`, through `log`, or not at all. Nothing else in the core depends on which of these it is.
//!
//! If both features are on, `defmt` is used, so that a workspace build that unifies features compiles.
//! Arguments must implement both `core::fmt::Display` and `defmt::Format`.

macro_rules! log_at {
    ($level:ident, $message:literal $(, $argument:expr)* $(,)?) => {{
        #[cfg(feature = "defmt")]
        ::defmt::$level!($message $(, $argument)*);
        #[cfg(all(feature = "log", not(feature = "defmt")))]
        ::log::$level!($message $(, $argument)*);
        #[cfg(not(any(feature = "defmt", feature = "log")))]
        { $( let _ = &$argument; )* }
    }};
}

macro_rules! debug { ($($arguments:tt)*) => { log_at!(debug, $($arguments)*) }; }
macro_rules! info { ($($arguments:tt)*) => { log_at!(info, $($arguments)*) }; }
macro_rules! warning { ($($arguments:tt)*) => { log_at!(warn, $($arguments)*) }; }
