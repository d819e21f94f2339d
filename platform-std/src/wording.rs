//! What the system says, for people who look at a page.

const CODE: &str = " (os error ";

/// The same without the numbers that the standard library puts behind the system's words: `Connection refused (os error 111)`.
pub(crate) fn without_codes(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(CODE) {
        out.push_str(before);
        let end = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
        match after[end..].strip_prefix(')').filter(|_| end > 0) {
            Some(behind) => rest = behind,
            None => {
                out.push_str(CODE);
                rest = after;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_system_are_left_out_and_all_else_stays() {
        let refused = std::io::Error::from_raw_os_error(111).to_string();
        assert!(refused.contains("(os error 111)") && !without_codes(&refused).contains("os error"));
        for (text, expected) in [
            ("it cannot be reached: Refused (os error 111)", "it cannot be reached: Refused"),
            ("a (os error 2): b (os error 13), c", "a: b, c"),
            ("a (os error x) b (os error ) c (os error 1", "a (os error x) b (os error ) c (os error 1"),
            ("é (os error 1)é", "éé"),
            ("", ""),
        ] {
            assert_eq!(without_codes(text), expected);
        }
    }
}
