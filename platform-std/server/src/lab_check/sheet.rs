//! What was found of each requirement, and the bytes that show it.

use super::rules::{Half, Level, RULES, Rule, rule};

/// What is known of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Holds,
    Fails,
    NotChecked,
}

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::NotChecked => "not-checked",
        }
    }
}

/// What was found of one requirement.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) rule: &'static Rule,
    pub(super) outcome: Outcome,
    /// One sentence.
    pub(super) said: String,
    /// Requests, replies and packets, each as one line.
    pub(super) seen: Vec<String>,
}

/// What was found of one program. What fails once stays so, whatever holds elsewhere.
#[derive(Debug)]
pub(super) struct Sheet {
    half: Half,
    findings: Vec<Finding>,
}

impl Sheet {
    pub(super) fn new(half: Half) -> Self {
        Self { half, findings: Vec::new() }
    }

    pub(super) fn holds(&mut self, id: &str, said: impl Into<String>, seen: Vec<String>) {
        self.note(id, Outcome::Holds, said.into(), seen);
    }

    pub(super) fn fails(&mut self, id: &str, said: impl Into<String>, seen: Vec<String>) {
        self.note(id, Outcome::Fails, said.into(), seen);
    }

    pub(super) fn skips(&mut self, id: &str, why: impl Into<String>) {
        self.note(id, Outcome::NotChecked, why.into(), Vec::new());
    }

    fn note(&mut self, id: &str, outcome: Outcome, said: String, seen: Vec<String>) {
        let Some(rule) = rule(id).filter(|rule| rule.half == self.half) else {
            debug_assert!(false, "there is no requirement {id}");
            return;
        };
        let finding = Finding { rule, outcome, said, seen };
        match self.findings.iter_mut().find(|old| old.rule.id == id) {
            Some(old) if weight(old.outcome) < weight(outcome) => *old = finding,
            Some(_) => {}
            None => self.findings.push(finding),
        }
    }

    /// Adds what was found elsewhere of the same program.
    pub(super) fn merge(&mut self, other: Self) {
        for Finding { rule, outcome, said, seen } in other.findings {
            self.note(rule.id, outcome, said, seen);
        }
    }

    /// What was found of all of the program's requirements, in their order. `why` goes to those of which nothing was.
    pub(super) fn finish(mut self, why: &str) -> Vec<Finding> {
        let half = self.half;
        for rule in RULES.iter().filter(|rule| rule.half == half) {
            if !self.findings.iter().any(|finding| finding.rule.id == rule.id) {
                self.skips(rule.id, why);
            }
        }
        let place = |finding: &Finding| RULES.iter().position(|rule| rule.id == finding.rule.id);
        self.findings.sort_by_key(place);
        self.findings
    }
}

fn weight(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::NotChecked => 0,
        Outcome::Holds => 1,
        Outcome::Fails => 2,
    }
}

/// Whether something does not hold that counts: with `is_strict`, also what the exercise leaves open.
pub(super) fn fails(finding: &Finding, is_strict: bool) -> bool {
    finding.outcome == Outcome::Fails && (is_strict || finding.rule.level == Level::Must)
}

/// Bytes as one line of text: printable ones as they are, others as escapes, at most so many.
pub(super) fn quoted(bytes: &[u8], most: usize) -> String {
    let part = bytes.get(..most).unwrap_or(bytes);
    let text = String::from_utf8_lossy(part).escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"");
    if part.len() < bytes.len() { format!("{text}… ({} bytes)", bytes.len()) } else { text }
}

/// The first bytes of a packet, in hexadecimal.
pub(super) fn hex(bytes: &[u8], most: usize) -> String {
    let part: Vec<String> = bytes.iter().take(most).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > most { " …" } else { "" };
    format!("{}{more}", part.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_have_names_of_their_own() {
        for (number, rule) in RULES.iter().enumerate() {
            assert!(rule.id.starts_with(rule.half.name()), "{}", rule.id);
            assert!(RULES[..number].iter().all(|other| other.id != rule.id), "{} twice", rule.id);
        }
    }

    #[test]
    fn what_fails_once_stays_so_and_what_was_not_looked_at_is_said() {
        let mut sheet = Sheet::new(Half::Server);
        sheet.holds("server.play", "yes", Vec::new());
        sheet.fails("server.play", "no", Vec::new());
        sheet.holds("server.play", "yes", Vec::new());
        sheet.fails("server.not-found", "200", Vec::new());
        let findings = sheet.finish("it never ran");
        assert_eq!(findings.len(), RULES.iter().filter(|rule| rule.half == Half::Server).count());
        assert_eq!((findings[0].outcome, &*findings[0].said), (Outcome::NotChecked, "it never ran"));
        assert_eq!((findings[1].outcome, &*findings[1].said), (Outcome::Fails, "no"));
        let failing = |is_strict| findings.iter().filter(|finding| fails(finding, is_strict)).count();
        assert_eq!((failing(false), failing(true)), (1, 2));
    }

    #[test]
    fn bytes_of_strangers_cannot_command_a_terminal() {
        assert_eq!(quoted(b"A: \"1\"\r\n\x1b[31m\xff", 100), "A: \"1\"\\r\\n\\u{1b}[31m\u{fffd}");
        assert_eq!(quoted(b"abcdef", 3), "abc… (6 bytes)");
        assert_eq!(hex(&[0x80, 0x1a, 0], 2), "80 1a …");
    }
}
