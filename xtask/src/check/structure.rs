//! Rules about the sizes of functions. Code is read as text, so that what only macros write is not seen.

use super::source::{Source, line_of, words};
use super::{File, Problem, Tree};

const MOST_LINES: usize = 80;

/// Long functions do more than one thing.
pub(super) fn function_length(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (file, source) in code(tree) {
        for (at, name) in items(&source.shipped, "fn ") {
            let Some((_, end)) = block(&source.shipped, at) else { continue };
            let lines = source.shipped[at..end].matches('\n').count() + 1;
            if lines > MOST_LINES {
                let message = format!("`{name}` has {lines} lines, {MOST_LINES} at most");
                problems.push(Problem::new(&file.path, line_of(&source.shipped, at), message));
            }
        }
    }
    problems
}

/// Rust files but for those that are tests of others; the tests package has programs and a library, too.
fn code(tree: &Tree) -> impl Iterator<Item = (&File, &Source)> {
    tree.sources("").filter(|(file, _)| !file.test || file.path.starts_with("tests/src/"))
}

/// Positions and names of what `keyword` declares.
fn items<'c>(code: &'c str, keyword: &'c str) -> impl Iterator<Item = (usize, &'c str)> {
    words(code, keyword).filter_map(move |at| {
        let rest = &code[at + keyword.len()..];
        let name = &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_')?];
        (!name.is_empty()).then_some((at, name))
    })
}

/// Where the braces behind `at` open and close; `None` where the item ends without.
fn block(code: &str, at: usize) -> Option<(usize, usize)> {
    let (mut brackets, mut depth, mut start) = (0, 0, None);
    for (i, c) in code[at..].char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            ';' if start.is_none() && brackets == 0 => return None,
            '{' if brackets == 0 || start.is_some() => {
                start.get_or_insert(at + i);
                depth += 1;
            }
            '}' if start.is_some() => {
                depth -= 1;
                if depth == 0 {
                    return Some((start?, at + i + 1));
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(rule: fn(&Tree) -> Vec<Problem>, path: &str, text: &str) -> usize {
        rule(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_function_has_80_lines_at_most() {
        let function = |lines: usize| format!("fn a(b: [u8; 2])\nwhere\n    u8: Copy,\n{{{}}}", "\n".repeat(lines - 4));
        assert_eq!(problems(function_length, "core/src/a.rs", &function(80)), 0);
        assert_eq!(problems(function_length, "core/src/a.rs", &function(81)), 1);
        assert_eq!(problems(function_length, "tests/src/a.rs", &function(81)), 1);
        assert_eq!(problems(function_length, "tests/tests/a.rs", &function(81)), 0);
        let test = format!("#[cfg(test)]\nmod tests {{\n{}\n}}", function(81));
        assert_eq!(problems(function_length, "core/src/a.rs", &test), 0);
        let declared = format!("trait A {{\nfn a(&self);\n{}\n}}\ntype B = fn(u8);", "\n".repeat(100));
        assert_eq!(problems(function_length, "core/src/a.rs", &declared), 0);
    }
}
