//! A student's programs: which of the files they are, in a copy of the folder that the check works with.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::rules::Half;

/// Names of Python programs, without regard to capitals; the first that is there is taken.
const PYTHON_SERVERS: [&str; 3] = ["server.py", "rtspserver.py", "videoserver.py"];
const PYTHON_CLIENTS: [&str; 4] = ["clientlauncher.py", "client.py", "rtspclient.py", "videoclient.py"];
/// Folders that are no part of a program.
const LEFT_OUT: [&str; 7] = [".git", ".venv", "venv", "env", "node_modules", "__pycache__", ".idea"];
/// What is copied at most: bytes, files and folders, folders within folders.
const MOST_BYTES: u64 = 512 << 20;
const MOST_ENTRIES: usize = 10_000;
const MOST_DEPTH: usize = 8;
/// Where programs keep films, from their own folders.
const FILM_FOLDERS: [&str; 3] = ["", "video", "videos"];
/// Programs stand no deeper than this.
const PROGRAM_DEPTH: usize = 4;

/// A program of the student's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// A script, from the copy's root.
    Python(PathBuf),
    /// A class in a folder, from the copy's root.
    Java { folder: PathBuf, class: String },
    /// What the command line says.
    Command(Vec<String>),
}

impl Program {
    /// For people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Python(script) => script.display().to_string(),
            Self::Java { folder, class } => folder.join(class).display().to_string(),
            Self::Command(words) => words.join(" "),
        }
    }

    /// Where it runs, from the copy's root.
    pub(super) fn folder(&self) -> PathBuf {
        match self {
            Self::Python(script) => script.parent().map(Path::to_owned).unwrap_or_default(),
            Self::Java { folder, .. } => folder.clone(),
            Self::Command(_) => PathBuf::new(),
        }
    }
}

/// Copies a folder's files, and tells what was left out. Links are not followed: they may lead anywhere.
pub(super) fn copy(from: &Path, to: &Path) -> Result<Vec<String>> {
    let (mut notes, mut bytes, mut entries) = (Vec::new(), 0, 0);
    let mut folders = VecDeque::from([(PathBuf::new(), 0)]);
    while let Some((folder, depth)) = folders.pop_front() {
        fs::create_dir_all(to.join(&folder))?;
        let inside = fs::read_dir(from.join(&folder))
            .with_context(|| format!("cannot read {}", from.join(&folder).display()))?;
        for entry in inside {
            let entry = entry?;
            let (kind, name) = (entry.file_type()?, entry.file_name());
            let relative = folder.join(&name);
            entries += 1;
            ensure!(entries <= MOST_ENTRIES, "{} has more than {MOST_ENTRIES} files", from.display());
            if kind.is_dir() {
                let is_left_out = LEFT_OUT.iter().any(|left_out| name == *left_out) || depth >= MOST_DEPTH;
                if !is_left_out {
                    folders.push_back((relative, depth + 1));
                }
            } else if kind.is_file() {
                bytes += entry.metadata()?.len();
                ensure!(bytes <= MOST_BYTES, "{} is larger than {} MB", from.display(), MOST_BYTES >> 20);
                // What cannot be read is the student's to tell.
                if let Err(error) = fs::copy(entry.path(), to.join(&relative)) {
                    notes.push(format!("{} was left out: {error}", relative.display()));
                }
            } else {
                notes.push(format!("{} was left out: it is no file", relative.display()));
            }
        }
    }
    Ok(notes)
}

/// The program of a folder with conventional names.
pub(super) fn program(root: &Path, half: Half) -> Option<Program> {
    let files = files(root);
    let (names, class): (&[&str], _) = match half {
        Half::Server => (&PYTHON_SERVERS, "Server"),
        Half::Client => (&PYTHON_CLIENTS, "Client"),
    };
    let lower = |file: &Path| file.file_name().map(|name| name.to_string_lossy().to_lowercase());
    let python = names.iter().find_map(|name| files.iter().find(|file| lower(file).as_deref() == Some(name)));
    if let Some(script) = python {
        return Some(Program::Python(script.clone()));
    }
    let is_java = |file: &&PathBuf| {
        file.file_stem().is_some_and(|stem| stem == class)
            && file.extension().is_some_and(|extension| extension == "java" || extension == "class")
    };
    let java = files.iter().find(is_java)?;
    Some(Program::Java { folder: java.parent().map(Path::to_owned).unwrap_or_default(), class: class.to_owned() })
}

/// All files that may be programs, those nearest to the root first, by name.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    for _ in 0..=PROGRAM_DEPTH {
        let mut next = Vec::new();
        for folder in folders {
            let mut inside: Vec<_> = fs::read_dir(root.join(&folder)).into_iter().flatten().flatten().collect();
            inside.sort_by_key(fs::DirEntry::file_name);
            for entry in inside {
                let relative = folder.join(entry.file_name());
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => next.push(relative),
                    Ok(kind) if kind.is_file() => files.push(relative),
                    _ => {}
                }
            }
        }
        folders = next;
    }
    files
}

/// Puts the film where programs look for it: into their folders, into folders of films there, and wherever the copy has one of that name.
/// Some programs have its name in their text, in a spelling of their own.
pub(super) fn put_film(root: &Path, name: &str, film: &[u8], folders: &[PathBuf]) -> Result<()> {
    let spellings = [name.to_owned(), name.to_lowercase(), name.replace("Mjpeg", "MJPEG")];
    let is_film = |file: &PathBuf| file.file_name().is_some_and(|other| other.eq_ignore_ascii_case(name));
    let others = files(root).into_iter().filter(is_film);
    let films = folders.iter().flat_map(|folder| FILM_FOLDERS.iter().map(|films| folder.join(films)));
    let films = films.filter(|films| root.join(films).is_dir());
    let places: Vec<PathBuf> =
        films.flat_map(|films| spellings.iter().map(move |name| films.join(name)).collect::<Vec<_>>()).collect();
    for place in places.into_iter().chain(others) {
        let place = root.join(place);
        // One that may not be written to.
        let _ = fs::remove_file(&place);
        // Or a folder that is called so: it is the copy's.
        let _ = fs::remove_dir_all(&place);
        fs::write(&place, film).with_context(|| format!("cannot write {}", place.display()))?;
    }
    Ok(())
}

/// The words of a command line; quotation marks keep a word together.
pub(super) fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote): (Vec<String>, Option<String>, Option<char>) = (Vec::new(), None, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_has_words() {
        assert_eq!(words("python3 'my server.py'  {port} \"\""), ["python3", "my server.py", "{port}", ""]);
        assert!(words("  ").is_empty());
    }

    #[test]
    fn programs_are_found_by_their_names_the_nearest_first_and_films_are_replaced() {
        let root = std::env::temp_dir().join(format!("mutoscope-lab-find-{}", std::process::id()));
        let (from, to) = (root.join("from"), root.join("to"));
        for file in [
            "src/deep/Server.py",
            "src/server.PY",
            "src/Client.java",
            "src/MOVIE.mjpeg",
            ".git/Server.py",
            "src/deep/videos/x",
        ] {
            fs::create_dir_all(from.join(file).parent().unwrap()).unwrap();
            fs::write(from.join(file), "x").unwrap();
        }
        std::os::unix::fs::symlink("/etc", from.join("src/etc")).unwrap();
        let notes = copy(&from, &to).unwrap();
        assert_eq!(notes, ["src/etc was left out: it is no file"]);
        assert!(!to.join(".git").exists() && !to.join("src/etc").exists());
        assert_eq!(program(&to, Half::Server), Some(Program::Python("src/server.PY".into())));
        assert_eq!(
            program(&to, Half::Client),
            Some(Program::Java { folder: "src".into(), class: "Client".to_owned() })
        );
        // Whoever calls a folder so.
        fs::create_dir_all(to.join("src/deep/movie.MJPEG/in")).unwrap();
        put_film(&to, "movie.Mjpeg", b"film", &["src/deep".into()]).unwrap();
        for place in ["src/deep/movie.Mjpeg", "src/deep/movie.MJPEG", "src/MOVIE.mjpeg", "src/deep/videos/movie.Mjpeg"]
        {
            assert_eq!(fs::read(to.join(place)).unwrap(), b"film");
        }
        assert_eq!(fs::read(from.join("src/MOVIE.mjpeg")).unwrap(), b"x");
        fs::remove_dir_all(root).unwrap();
    }
}
