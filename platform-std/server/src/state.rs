//! Where the program keeps what it makes once: keys.

use std::env;
use std::path::{Path, PathBuf};

/// The folder: what systemd says, or the user's. `None`: the user has none.
pub(crate) fn directory() -> Option<PathBuf> {
    directory_in(|name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
}

fn directory_in(folder: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // systemd gives several with colons between them.
    if let Some(given) = folder("STATE_DIRECTORY") {
        return given.to_string_lossy().split(':').next().map(PathBuf::from);
    }
    let state = folder("XDG_STATE_HOME").filter(|path: &PathBuf| path.is_absolute());
    let state = state.or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join(Path::new("mutoscope")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_lies_where_systemd_or_the_user_says() {
        let at = |given: &[(&str, &str)]| {
            let place = directory_in(|name| given.iter().find(|(n, _)| *n == name).map(|(_, path)| path.into()));
            place.map(|path| path.display().to_string())
        };
        let home = ("HOME", "/anna");
        assert_eq!(at(&[home]).as_deref(), Some("/anna/.local/state/mutoscope"));
        assert_eq!(at(&[home, ("XDG_STATE_HOME", "/s")]).as_deref(), Some("/s/mutoscope"));
        assert_eq!(at(&[home, ("XDG_STATE_HOME", "s")]), at(&[home]));
        assert_eq!(at(&[home, ("STATE_DIRECTORY", "/var/lib/a:/var/lib/b")]).as_deref(), Some("/var/lib/a"));
        assert_eq!(at(&[]), None);
    }
}
