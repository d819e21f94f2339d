//! Bytes that people copy as hexadecimal digits.

/// The bytes of these digits, capital or small; `None`: another character, or not exactly `N` bytes.
pub(crate) fn bytes<const N: usize>(digits: impl IntoIterator<Item = char>) -> Option<[u8; N]> {
    let mut digits = digits.into_iter().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    let mut bytes = [0; N];
    for byte in &mut bytes {
        *byte = (digits.next()?? << 4) | digits.next()??;
    }
    digits.next().is_none().then_some(bytes)
}
