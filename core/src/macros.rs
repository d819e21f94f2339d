//! The one place that knows how logging is done: `defmt`, `log`, or not at all.
//!
//! `defmt` wins where both features are on, so that a workspace build that unifies features still compiles.
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
