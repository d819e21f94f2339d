use crate::wire::text::{split_quoted, trim, unquote};
use core::fmt::{self, Display};

/// The value of `KeyMgmt` (RFC 4567 section 4.2): a message of a key exchange that travels with SETUP.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyMgmt<U, D> {
    /// What the key is for.
    pub uri: U,
    /// The message, in Base64.
    pub data: D,
}

/// The names of its parts.
const NAMES: [&str; 3] = ["prot", "uri", "data"];

impl<'a> KeyMgmt<&'a str, &'a str> {
    /// Reads the first message of MIKEY in a value. Where no URI is told it is empty.
    pub fn parse(value: &'a str) -> Option<Self> {
        split_quoted(value, ',').find_map(|message| {
            let mut values = [None; NAMES.len()];
            for (name, value) in split_quoted(message, ';').filter_map(|part| part.split_once('=')) {
                let name = trim(name);
                if let Some((_, place)) = NAMES.iter().zip(&mut values).find(|(n, _)| n.eq_ignore_ascii_case(name)) {
                    place.get_or_insert(unquote(trim(value)));
                }
            }
            let [protocol, uri, data] = values;
            protocol.filter(|protocol| protocol.eq_ignore_ascii_case("mikey"))?;
            Some(Self { uri: uri.unwrap_or_default(), data: data? })
        })
    }
}

impl<U: Display, D: Display> Display for KeyMgmt<U, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prot=mikey;uri=\"{}\";data=\"{}\"", self.uri, self.data)
    }
}

/// The message holds a key.
impl<U: fmt::Debug, D> fmt::Debug for KeyMgmt<U, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyMgmt").field("uri", &self.uri).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn what_clients_send_is_read() {
        let both = KeyMgmt { uri: "rtsps://h/cam/trackID=0", data: "AQAF+/=" };
        // GStreamer and live555.
        for value in [
            "prot=mikey;uri=\"rtsps://h/cam/trackID=0\";data=\"AQAF+/=\"",
            "prot=MIKEY; uri = \"rtsps://h/cam/trackID=0\" ; DATA=\"AQAF+/=\";",
            "prot=other;data=\"x\", prot=\"mikey\";uri=\"rtsps://h/cam/trackID=0\";data=\"AQAF+/=\"",
        ] {
            assert_eq!(KeyMgmt::parse(value), Some(both), "{value}");
        }
        assert_eq!(KeyMgmt::parse(&both.to_string()), Some(both));
        assert_eq!(KeyMgmt::parse("prot=mikey;data=x"), Some(KeyMgmt { uri: "", data: "x" }));
        for value in ["", "mikey", "prot=mikey", "prot=sdes;data=x", "data=x"] {
            assert_eq!(KeyMgmt::parse(value), None, "{value}");
        }
        assert!(!std::format!("{both:?}").contains("AQAF"));
    }
}
