//! A command as words. Quotes mean what they mean to a shell, but no shell reads it: nothing else is special.

use super::error::SpecError;
use super::variables::Variables;

/// Splits a command into words. Within `'…'` everything is itself; within `"…"` and outside of quotes `${VARIABLE}` is its
/// value, which is never split, and a backslash makes the next character itself.
pub(super) fn words(text: &str, variables: &mut Variables<'_>) -> Result<Vec<String>, SpecError> {
    let mut words = Vec::new();
    // A word may be empty, where it is quoted.
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut rest = text;
    loop {
        if let Some(behind) = rest.strip_prefix("${") {
            let (value, behind) = variables.take(behind)?;
            word.get_or_insert_default().push_str(&value);
            rest = behind;
            continue;
        }
        let mut chars = rest.chars();
        match chars.next() {
            None if is_quoted => return Err(SpecError::Quote),
            None => break,
            Some('"') => {
                word.get_or_insert_default();
                is_quoted = !is_quoted;
            }
            Some('\'') if !is_quoted => {
                let (inside, behind) = chars.as_str().split_once('\'').ok_or(SpecError::Quote)?;
                word.get_or_insert_default().push_str(inside);
                chars = behind.chars();
            }
            Some('\\') => match chars.next() {
                // A shell keeps the backslash before what it does not make special within quotation marks.
                Some(c) if is_quoted && !"\"\\$".contains(c) => word.get_or_insert_default().extend(['\\', c]),
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err(SpecError::Quote),
            },
            Some(c) if c.is_whitespace() && !is_quoted => words.extend(word.take()),
            Some(c) => word.get_or_insert_default().push(c),
        }
        rest = chars.as_str();
    }
    words.extend(word);
    Ok(words)
}

/// Where the first `#` stands outside of quotes, which begins the parameters of a command.
pub(super) fn unquoted_hash(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        if std::mem::take(&mut is_escaped) {
            continue;
        }
        match (quote, c) {
            (None, '#') => return Some(at),
            (None | Some('"'), '\\') => is_escaped = true,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Result<Vec<String>, SpecError> {
        let lookup = |name: &str| (name == "KEY").then(|| "a 'b' ${KEY} \"".to_owned());
        words(text, &mut Variables::new(&lookup))
    }

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, expected) in [
            ("", &[][..]),
            ("  ffmpeg  -i\tx ", &["ffmpeg", "-i", "x"]),
            (r#"a 'b c' "d e" f' 'g"#, &["a", "b c", "d e", "f g"]),
            (r#"'' "" x"#, &["", "", "x"]),
            (r#"a\ b \' \\ "\"\\\$\n""#, &["a b", "'", "\\", "\"\\$\\n"]),
            ("'a\"b' \"c'd\" '\\'", &["a\"b", "c'd", "\\"]),
            ("$HOME * | > x; `y` '${KEY}' \\${KEY}", &["$HOME", "*", "|", ">", "x;", "`y`", "${KEY}", "${KEY}"]),
            ("x${KEY} \"${KEY}\"", &["xa 'b' ${KEY} \"", "a 'b' ${KEY} \""]),
        ] {
            assert_eq!(split(text).unwrap(), expected, "{text}");
        }
        for text in ["'a", "\"a", "a\\", "\"a'"] {
            assert_eq!(split(text), Err(SpecError::Quote), "{text}");
        }
        for text in ["${", "${}", "${a b}", "\"${KEY\""] {
            assert_eq!(split(text), Err(SpecError::BadVariable), "{text}");
        }
        assert_eq!(split("${OTHER}"), Err(SpecError::Variable { name: "OTHER".into() }));
    }

    #[test]
    fn parameters_begin_at_a_hash_that_nobody_quotes() {
        for (text, rest) in [
            ("a#b", Some("#b")),
            ("a '#' \"#\\\"#\" \\# #c", Some("#c")),
            ("'\\'#x", Some("#x")),
            ("a '#", None),
            ("", None),
        ] {
            assert_eq!(unquoted_hash(text).map(|at| &text[at..]), rest, "{text}");
        }
    }
}
