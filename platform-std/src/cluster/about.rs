//! What a node tells others of a stream: what it is, and who may watch it.

use serde_json::{Value, json};

use crate::guard::{Encryption, KeyMark, StreamRules, Who};

/// Bytes of the longest description that is believed.
pub(super) const MAX_LEN: usize = 16 * 1024;
/// No film is longer: ten years.
const MAX_SECONDS: f64 = 3.2e8;

/// A description. Sizes are 0 and the rest `None` where the node does not know them by now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Pictures per second.
    pub rate: Option<f64>,
    /// How long a film is.
    pub seconds: Option<f64>,
    /// Who may watch it at the node; networks are not told.
    pub watch: Who,
    /// Nobody gets it who cannot decrypt it.
    pub is_encrypted: bool,
    /// The tokens that are good for it at the node.
    pub tokens: Option<KeyMark>,
}

impl About {
    /// As it is sent: an object of JSON.
    pub fn to_json(&self) -> String {
        let Self { width, height, rate, seconds, watch, is_encrypted, tokens } = self;
        let watch = watch.words_without_networks();
        let tokens = tokens.as_ref().map(KeyMark::as_str);
        let told = json!({
            "width": width, "height": height, "rate": rate, "seconds": seconds,
            "watch": watch, "encrypted": is_encrypted, "tokens": tokens,
        });
        told.to_string()
    }

    /// What another node has sent. `None`: it is none. What is not told of who may watch is told of nobody.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let json: Value = (json.len() <= MAX_LEN).then(|| serde_json::from_slice(json).ok())??;
        let size = |name: &str| json.get(name)?.as_u64()?.try_into().ok();
        let number = |name: &str| json.get(name).and_then(Value::as_f64);
        let words: Option<Vec<&str>> = json.get("watch")?.as_array()?.iter().map(Value::as_str).collect();
        let watch = Who::parse(words?).ok()?;
        Some(Self {
            width: size("width").unwrap_or(0),
            height: size("height").unwrap_or(0),
            rate: number("rate").filter(|rate| (0.0..=1000.0).contains(rate)),
            seconds: number("seconds").filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds)),
            watch: Who { networks: Vec::new(), ..watch },
            is_encrypted: json.get("encrypted")?.as_bool()?,
            tokens: json.get("tokens").and_then(Value::as_str).and_then(KeyMark::parse),
        })
    }

    /// The rules that the stream has at its node.
    pub(super) fn rules(&self) -> StreamRules {
        let encryption = if self.is_encrypted { Encryption::Required } else { Encryption::Offered };
        StreamRules { watch: Some(self.watch.clone()), encryption, ..StreamRules::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_written_and_read() {
        let watch = Who::parse(["anna", "bert"]).unwrap();
        let tokens = KeyMark::parse(&"0123456789".repeat(4));
        assert!(tokens.is_some());
        let (rate, seconds) = (Some(12.5), Some(90.25));
        let about = About { width: 640, height: 480, rate, seconds, watch, is_encrypted: true, tokens };
        assert_eq!(About::parse(about.to_json().as_bytes()), Some(about));
        let nothing = About { watch: Who::everybody(), ..About::default() };
        assert_eq!(About::parse(nothing.to_json().as_bytes()), Some(nothing));
    }

    #[test]
    fn who_is_not_told_may_not() {
        for json in [
            "",
            "{}",
            "[]",
            r#"{"watch":["everybody"]}"#,
            r#"{"encrypted":false}"#,
            r#"{"watch":"everybody","encrypted":false}"#,
            r#"{"watch":["everybody",7],"encrypted":false}"#,
            r#"{"watch":[""],"encrypted":false}"#,
            r#"{"watch":["300.0.0.0/99"],"encrypted":false}"#,
        ] {
            assert_eq!(About::parse(json.as_bytes()), None, "{json}");
        }
        let networks = br#"{"watch":["10.0.0.0/8"],"encrypted":false,"width":70000,"rate":-1,"seconds":1e300}"#;
        assert_eq!(About::parse(networks), Some(About::default()));
        let long = format!(r#"{{"watch":[],"encrypted":false,"x":"{}"}}"#, "x".repeat(MAX_LEN));
        assert_eq!(About::parse(long.as_bytes()), None);
    }
}
