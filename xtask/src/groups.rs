//! The names by which steps of `cargo xtask test` are chosen, and documents speak of them.

use clap::ValueEnum;

/// Steps that are chosen together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Group {
    Fmt,
    Check,
    Clippy,
    Unit,
    Player,
    Doc,
    NoStd,
    Targets,
    Package,
    Sizes,
    Fuzz,
    Interop,
    Peers,
    Browser,
    Cluster,
    Tap,
    Firmware,
    Cameras,
    Deny,
}

impl Group {
    /// As it is typed.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether there is one of this name.
    pub(crate) fn exists(name: &str) -> bool {
        Self::value_variants().iter().any(|group| group.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_named_as_they_are_typed() {
        assert_eq!(Group::NoStd.name(), "no_std");
        assert!(Group::exists("firmware") && !Group::exists("Firmware"));
    }
}
