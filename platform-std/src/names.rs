//! Which name a path means. Systems write the same letter in two ways: some file systems and players take é for one character, others
//! for e and an accent behind it. So where no name is the path to the byte, names are compared in one normal form (Unicode's NFC).

use mutoscope::wire::url::Path;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The place of the name that `path` means among `names`.
pub(crate) fn position<'n>(path: Path<'_>, names: impl Iterator<Item = &'n str> + Clone) -> Option<usize> {
    names.clone().position(|name| path.names(name)).or_else(|| {
        let wanted = normal_path(path)?;
        names.into_iter().position(|name| is_normally(name, &wanted))
    })
}

/// Whether `path` means `name`.
pub(crate) fn is_named(path: Path<'_>, name: &str) -> bool {
    position(path, std::iter::once(name)).is_some()
}

/// The normal form of a path with its escapes undone. `None` where it could not be another form of any name: it is plain ASCII, no
/// Unicode, or leads out of where it stands.
fn normal_path(path: Path<'_>) -> Option<String> {
    let mut normal = String::new();
    for (at, segment) in path.segments().enumerate() {
        let segment = String::from_utf8(segment.collect()).ok()?;
        if segment == "." || segment == ".." || segment.contains(['/', '\0']) {
            return None;
        }
        normal.extend((at > 0).then_some('/'));
        normal.extend(segment.nfc());
    }
    (!normal.is_ascii()).then_some(normal)
}

fn is_normally(name: &str, wanted: &str) -> bool {
    let name = name.trim_matches('/');
    if is_nfc_quick(name.chars()) == IsNormalized::Yes { name == wanted } else { name.nfc().eq(wanted.chars()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSED: &str = "caf\u{e9}.mjpeg";
    const DECOMPOSED: &str = "cafe\u{301}.mjpeg";

    #[test]
    fn a_name_is_found_in_either_form_raw_and_escaped() {
        let paths = [COMPOSED, DECOMPOSED, "caf%C3%A9.mjpeg", "cafe%CC%81.mjpeg", "/cafe%cc%81.mjpeg/"];
        for name in [COMPOSED, DECOMPOSED] {
            for path in paths {
                assert!(is_named(Path::new(path), name), "{path} {name:?}");
            }
        }
        assert!(is_named(Path::new("a%20b/\u{1112}\u{1161}\u{11ab}"), "a b/\u{d55c}"));
    }

    #[test]
    fn the_name_that_is_the_path_to_the_byte_comes_first() {
        let names = [DECOMPOSED, COMPOSED];
        assert_eq!(position(Path::new("caf%C3%A9.mjpeg"), names.into_iter()), Some(1));
        assert_eq!(position(Path::new("cafe%CC%81.mjpeg"), names.into_iter()), Some(0));
    }

    #[test]
    fn nothing_else_is_found() {
        for (path, name) in [
            ("cafe.mjpeg", COMPOSED),
            ("CAF%C3%89.mjpeg", COMPOSED),
            ("%e9", "\u{e9}"),
            ("\u{e9}/..", "\u{e9}/.."),
            ("\u{e9}%2Fa", "\u{e9}/a"),
            ("\u{e9}%00", "\u{e9}"),
            ("e\u{301}/a", "\u{e9}"),
            // Only what looks the same in every font is the same.
            ("\u{fb01}", "fi"),
        ] {
            assert!(!is_named(Path::new(path), name), "{path} {name:?}");
        }
    }
}
