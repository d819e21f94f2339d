//! `${VARIABLE}` in descriptions of inputs: command lines are visible to all, the environment is not.

use super::super::redact::Secrets;
use super::error::SpecError;
use super::escapes::escape;

/// Where variables have their values, and which were used.
pub(super) struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    pub(super) used: Secrets,
    /// The values in the order of their use.
    pub(super) values: Vec<String>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, used: Secrets::default(), values: Vec::new() }
    }

    /// `text` with the values of its variables. A value is taken as it is: what looks like a variable in it is none.
    pub(super) fn expand(&mut self, text: &str) -> Result<String, SpecError> {
        self.expand_with(text, |value, out| out.push_str(value))
    }

    /// The same, where `write` writes the values.
    pub(super) fn expand_with(&mut self, text: &str, write: impl Fn(&str, &mut String)) -> Result<String, SpecError> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let (name, behind) = split_name(behind)?;
            out.push_str(before);
            write(&self.value(name)?, &mut out);
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&mut self, name: &str) -> Result<String, SpecError> {
        let value = (self.lookup)(name).ok_or_else(|| SpecError::Variable { name: name.to_owned() })?;
        let shown = format!("${{{name}}}");
        // As it stands in URLs, which others may say to us.
        self.used.add(&escape(&value), shown.clone());
        self.used.add(&value, shown);
        self.values.push(value.clone());
        Ok(value)
    }

    /// The value of the variable whose name begins `text`, behind `${`, and what comes behind its `}`.
    pub(super) fn take<'t>(&mut self, text: &'t str) -> Result<(String, &'t str), SpecError> {
        let (name, behind) = split_name(text)?;
        Ok((self.value(name)?, behind))
    }
}

fn split_name(text: &str) -> Result<(&str, &str), SpecError> {
    let (name, behind) = text.split_once('}').ok_or(SpecError::BadVariable)?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name { Ok((name, behind)) } else { Err(SpecError::BadVariable) }
}
