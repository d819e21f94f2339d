//! Numbers that nobody else has.

/// A name-based UUID (RFC 9562 section 5.5) of the first bytes of a hash.
pub(super) fn urn(hash: [u8; 20]) -> String {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = hash;
    let number = u128::from_be_bytes([a, b, c, d, e, f, g & 0x0f | 0x50, h, i & 0x3f | 0x80, j, k, l, m, n, o, p]);
    let text = format!("{number:032x}");
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
    format!("urn:uuid:{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
