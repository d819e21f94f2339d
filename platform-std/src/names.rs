//! Which name a path means. Systems write the same letter in two ways: some file systems and players take é for one character, others
//! for e and an accent behind it. So where no name is the path to the byte, names are compared in one normal form (Unicode's NFC).

use std::collections::HashMap;

use mutoscope::wire::url::Path;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Finds names among many, in a time that does not depend on how many there are: strangers ask for names, too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// The places of the names of each normal form, in their order. Whoever chooses names does not know how they are hashed.
    places: HashMap<Box<str>, Vec<usize>>,
    len: usize,
}

impl Index {
    /// The name at the next place.
    pub(crate) fn add(&mut self, name: &str) {
        let normal: String = name.trim_matches('/').nfc().collect();
        self.places.entry(normal.into()).or_default().push(self.len);
        self.len += 1;
    }

    /// What [`position`] finds. `name_at`: the names that were added, by their places.
    pub(crate) fn find<'n>(&self, path: Path<'_>, name_at: impl Fn(usize) -> Option<&'n str>) -> Option<usize> {
        let wanted = normal_path(path)?;
        let places = self.places.get(&*wanted)?;
        let exact = places.iter().find(|&&at| name_at(at).is_some_and(|name| path.names(name)));
        exact.or_else(|| places.first().filter(|_| may_be_another_form(&wanted))).copied()
    }
}

impl<'n> FromIterator<&'n str> for Index {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        let mut index = Self::default();
        names.into_iter().for_each(|name| index.add(name));
        index
    }
}

/// The place of the name that `path` means among `names`, which are few: all of them are looked at.
pub(crate) fn position<'n>(path: Path<'_>, names: impl Iterator<Item = &'n str> + Clone) -> Option<usize> {
    names.clone().position(|name| path.names(name)).or_else(|| {
        let wanted = normal_path(path).filter(|wanted| may_be_another_form(wanted))?;
        names.into_iter().position(|name| is_normally(name, &wanted))
    })
}

/// Whether `path` means `name`.
pub(crate) fn is_named(path: Path<'_>, name: &str) -> bool {
    position(path, std::iter::once(name)).is_some()
}

/// A path with its escapes undone. `None`: it is no Unicode.
pub(crate) fn decoded(path: Path<'_>) -> Option<String> {
    let segments: Option<Vec<_>> = path.segments().map(|segment| String::from_utf8(segment.collect()).ok()).collect();
    Some(segments?.join("/"))
}

/// The normal form of a path with its escapes undone. `None` where no name could have it: it is no Unicode, or leads out of where
/// it stands.
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
    Some(normal)
}

/// Whether other names may have this normal form than the one that is written like it.
fn may_be_another_form(normal: &str) -> bool {
    !normal.is_ascii()
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

    /// What the index finds among `names`.
    fn find(path: &str, names: &[&str]) -> Option<usize> {
        let index: Index = names.iter().copied().collect();
        index.find(Path::new(path), |at| names.get(at).copied())
    }

    #[test]
    fn the_index_finds_what_a_search_finds() {
        let names = [
            DECOMPOSED,
            COMPOSED,
            "a",
            "/a/",
            "a/b",
            "a//b",
            "..",
            "x/../y",
            "K",
            "\u{212a}",
            "n\0",
            "%41",
            "A",
            "",
            "\u{1e9b}\u{323}",
            "caf\u{e9}.mjpeg/",
            "\u{d55c}",
            "\u{1112}\u{1161}\u{11ab}",
        ];
        let others = [
            "caf%C3%A9.mjpeg",
            "cafe%CC%81.mjpeg",
            "%61",
            "/a/b/",
            "a%2Fb",
            "a%2F%2Fb",
            "x/..",
            "x/%2e%2e/y",
            "%E2%84%AA",
            "n%00",
            "%2541",
            "%",
            "%e9",
            "\u{1e9b}%cc%a3",
            "\u{17f}\u{323}\u{307}",
            "nothing",
            "trackID=0",
            "%ED%95%9C",
        ];
        for path in names.iter().chain(&others) {
            for from in 0..names.len() {
                let names = &names[from..];
                let expected = position(Path::new(path), names.iter().copied());
                assert_eq!(find(path, names), expected, "{path:?} among {names:?}");
            }
        }
    }

    #[test]
    fn few_of_ten_thousand_names_are_looked_at() {
        let names: Vec<String> = (0..10_000).map(|number| format!("film-{number}.mjpeg")).collect();
        let index: Index = names.iter().map(String::as_str).collect();
        for (path, expected) in [("film-0.mjpeg", Some(0)), ("film%2D9999.mjpeg", Some(9999)), ("nothing", None)] {
            let looked_at = std::cell::Cell::new(0);
            let found = index.find(Path::new(path), |at| {
                looked_at.set(looked_at.get() + 1);
                names.get(at).map(String::as_str)
            });
            assert_eq!(found, expected, "{path}");
            assert!(looked_at.get() <= 1, "{path}: {} names", looked_at.get());
        }
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
