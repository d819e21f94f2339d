//! Rules about the sizes of functions and structs. Code is read as text, so that what only macros write is not seen.

use super::source::{Source, line_of, words};
use super::{File, Problem, Tree};

const MOST_LINES: usize = 80;
const MOST_FIELDS: usize = 15;

/// The beginning of the comment at a wide struct.
const REASON: &str = "More than 15 fields:";

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

/// Wide structs are more than one type, or have a reason that stands there.
pub(super) fn struct_fields(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (file, source) in code(tree) {
        for (at, name) in items(&source.shipped, "struct ") {
            let Some((start, end)) = block(&source.shipped, at) else { continue };
            let fields = fields(&source.shipped[start..end]);
            let text = file.text.as_deref().unwrap_or_default();
            if fields > MOST_FIELDS && !has_reason(text, at, end) {
                let message =
                    format!("`{name}` has {fields} fields, {MOST_FIELDS} at most without a comment `{REASON} …`");
                problems.push(Problem::new(&file.path, line_of(&source.shipped, at), message));
            }
        }
    }
    problems
}

/// Rust files but for those that are tests of others; the tests package has programs and a library, too.
pub(super) fn code(tree: &Tree) -> impl Iterator<Item = (&File, &Source)> {
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

/// Fields of a struct's body, which is in braces.
fn fields(body: &str) -> usize {
    let (mut depth, mut count) = (0, 0);
    let mut before = ' ';
    let mut rest = body.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '{' | '(' | '[' | '<' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            '>' if before != '-' => depth -= 1,
            ':' if depth == 1 && before != ':' && rest.peek() != Some(&':') => count += 1,
            _ => {}
        }
        before = c;
    }
    count
}

/// Whether a comment in front of or inside the struct says why it is so wide.
fn has_reason(text: &str, at: usize, end: usize) -> bool {
    let is_reason = |line: &str| line.trim_start().trim_start_matches(['/', '!']).trim_start().starts_with(REASON);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline);
    let in_front = text[..start].lines().rev().take_while(|line| line.trim_start().starts_with(['/', '#']));
    in_front.chain(text[at..end].lines()).any(|line| line.trim_start().starts_with("//") && is_reason(line))
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

    #[test]
    fn a_struct_has_15_fields_at_most_or_says_why() {
        let of = |count: usize, before: &str, inside: &str| {
            let fields: String =
                (0..count).map(|n| format!("pub(crate) f{n}: a::B<fn(x: u8) -> u8, [u8; 3]>,\n")).collect();
            format!("{before}#[derive(Debug)]\npub struct A<T: Copy> {{\n{inside}{fields}}}")
        };
        assert_eq!(problems(struct_fields, "core/src/a.rs", &of(15, "", "")), 0);
        assert_eq!(problems(struct_fields, "core/src/a.rs", &of(16, "", "")), 1);
        assert_eq!(
            problems(struct_fields, "core/src/a.rs", &of(16, "/// One.\n/// More than 15 fields: it is so.\n", "")),
            0
        );
        assert_eq!(problems(struct_fields, "core/src/a.rs", &of(16, "", "// More than 15 fields: it is so.\n")), 0);
        assert_eq!(
            problems(struct_fields, "core/src/a.rs", &of(16, "// More than 15 fields: so.\nfn b() {}\n", "")),
            1
        );
        assert_eq!(problems(struct_fields, "core/src/a.rs", "struct A(u8);\nstruct B;"), 0);
    }
}
