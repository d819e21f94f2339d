//! The rules of one stream in the configuration file.

use mutoscope_std::guard::{Encryption, Networks, StreamRules, Who};

/// The keys of a stream that say who may watch and publish it.
pub(crate) const RULE_KEYS: [&str; 5] = ["watch", "publish", "allow", "deny", "encryption"];

/// What the configuration file says of who may watch and publish a stream.
#[derive(Clone, Debug)]
pub(crate) struct StreamRule {
    /// The stream's name.
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) rules: StreamRules,
    /// As it stands there.
    pub(crate) lines: Vec<RuleLine>,
}

/// One of the keys, and what is said behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuleLine {
    pub(crate) key: String,
    pub(crate) words: Vec<String>,
    pub(crate) line: usize,
}

impl StreamRule {
    /// Reads what is said. `None`: nothing is.
    ///
    /// # Errors
    /// A line, and what is wrong with it.
    pub(crate) fn new(name: &str, line: usize, lines: Vec<RuleLine>) -> Result<Option<Self>, (usize, String)> {
        if lines.is_empty() {
            return Ok(None);
        }
        let mut rules = StreamRules::default();
        for RuleLine { key, words, line } in &lines {
            let words = || words.iter().map(String::as_str);
            let wrong = |error| (*line, format!("{key}: {error}"));
            match key.as_str() {
                "watch" => rules.watch = Some(Who::parse(words()).map_err(wrong)?),
                "publish" => rules.publish = Some(Who::parse(words()).map_err(wrong)?),
                "encryption" => rules.encryption = encryption(words()).map_err(wrong)?,
                // Both make one rule, below.
                _ => _ = Networks::parse(words(), []).map_err(wrong)?,
            }
        }
        let of = |key: &'static str| lines.iter().filter(move |line| line.key == key).flat_map(|line| &line.words);
        let networks = Networks::parse(of("allow").map(String::as_str), of("deny").map(String::as_str));
        rules.networks = networks.map_err(|error| (line, error))?;
        Ok(Some(Self { name: name.to_owned(), line, rules, lines }))
    }

    /// The users that it names, and the lines where it does.
    pub(crate) fn users(&self) -> impl Iterator<Item = (&str, usize)> {
        ["watch", "publish"].into_iter().zip([&self.rules.watch, &self.rules.publish]).flat_map(|(key, who)| {
            let line = self.lines.iter().find(|line| line.key == key).map_or(self.line, |line| line.line);
            who.iter().flat_map(|who| &who.users).map(move |name| (name.as_str(), line))
        })
    }
}

fn encryption<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<Encryption, String> {
    match (words.next(), words.next()) {
        (Some("off"), None) => Ok(Encryption::Off),
        (Some("offered"), None) => Ok(Encryption::Offered),
        (Some("required"), None) => Ok(Encryption::Required),
        _ => Err("it is \"off\", \"offered\" or \"required\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(lines: &[(&str, &[&str])]) -> Result<Option<StreamRule>, (usize, String)> {
        let lines = lines.iter().enumerate().map(|(index, (key, words))| RuleLine {
            key: (*key).to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            line: index + 2,
        });
        StreamRule::new("cam", 1, lines.collect())
    }

    #[test]
    fn a_stream_says_who_and_from_where() {
        assert!(rule(&[]).unwrap().is_none());
        let rule = rule(&[
            ("watch", &["anna", "10.0.0.0/8"]),
            ("publish", &[]),
            ("allow", &["10.0.0.0/8", "::1"]),
            ("deny", &["10.1.0.0/16"]),
            ("encryption", &["required"]),
        ]);
        let rule = rule.unwrap().unwrap();
        assert_eq!(rule.rules.publish, Some(Who::default()), "nobody");
        assert_eq!(rule.users().collect::<Vec<_>>(), [("anna", 2)]);
        assert_eq!(rule.rules.encryption, Encryption::Required);
        let let_in = |address: &str| rule.rules.networks.let_in(address.parse().unwrap());
        assert!(let_in("10.0.0.1") && let_in("::1") && !let_in("10.1.0.1") && !let_in("192.0.2.1"));
    }

    #[test]
    fn a_rule_that_is_none_is_told_with_its_line() {
        for (key, word, what) in [
            ("watch", "10.0.0.1/8", "did you mean 10.0.0.0/8?"),
            ("publish", "", "publish: the name of a user is not empty"),
            ("allow", "anna", "neither a network"),
            ("deny", "10.0.0.0/40", "neither a network"),
            ("encryption", "yes", "\"required\""),
        ] {
            let (line, said) = rule(&[("watch", &["*"]), (key, &[word])]).unwrap_err();
            assert!(line == 3 && said.contains(what), "{line}: {said}");
        }
    }
}
