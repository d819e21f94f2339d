//! XML in, within bounds, and XML out, with all text escaped.

use std::fmt::{self, Display, Write as _};

use roxmltree::{Document, Node, ParsingOptions};

/// Nodes and attributes of a document, and elements within each other.
const MOST_NODES: u32 = 1000;
const MOST_ATTRIBUTES: usize = 64;
const MOST_DEPTH: usize = 24;

/// Calls `read` with the outermost element of a document. `None`: it is none, or a larger one than anybody sends, or has a document type, in
/// which entities could be defined that become gigabytes.
pub(super) fn read<R>(bytes: &[u8], read: impl FnOnce(Node<'_, '_>) -> Option<R>) -> Option<R> {
    let text = std::str::from_utf8(bytes).ok()?;
    // Whether an element has an attribute twice takes a comparison with each of the others. Each is one `=` at least, and no `<` stands
    // between them.
    if text.split('<').any(|tag| tag.matches('=').count() > MOST_ATTRIBUTES) {
        return None;
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).ok()?;
    let is_deep = |node: Node<'_, '_>| node.ancestors().nth(MOST_DEPTH).is_some();
    if document.descendants().any(is_deep) {
        return None;
    }
    read(document.root_element())
}

/// The first child element of this name.
pub(super) fn child<'a, 'i>(of: Node<'a, 'i>, namespace: &str, name: &str) -> Option<Node<'a, 'i>> {
    of.children().find(|node| node.is_element() && node.has_tag_name((namespace, name)))
}

/// All text in an element, without the space around it.
pub(super) fn text(of: Node<'_, '_>) -> String {
    let all: String = of.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect();
    all.trim().to_owned()
}

/// Writes elements, each of which ends where it should.
#[derive(Debug, Default)]
pub(super) struct Writer(String);

impl Writer {
    /// A document's beginning.
    pub(super) fn new() -> Self {
        Self(r#"<?xml version="1.0" encoding="UTF-8"?>"#.to_owned())
    }

    /// An element with these attributes, and what `inside` writes in it.
    pub(super) fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, &dyn Display)],
        inside: impl FnOnce(&mut Self),
    ) -> &mut Self {
        let _ = write!(self.0, "<{name}");
        for (name, value) in attributes {
            let _ = write!(self.0, " {name}=\"");
            self.text(value);
            self.0.push('"');
        }
        self.0.push('>');
        inside(self);
        let _ = write!(self.0, "</{name}>");
        self
    }

    /// An element without attributes.
    pub(super) fn group(&mut self, name: &str, inside: impl FnOnce(&mut Self)) -> &mut Self {
        self.element(name, &[], inside)
    }

    /// An element with text in it.
    pub(super) fn leaf(&mut self, name: &str, text: impl Display) -> &mut Self {
        self.element(name, &[], |inside| inside.text(text))
    }

    pub(super) fn text(&mut self, text: impl Display) {
        let _ = write!(Escaping(&mut self.0), "{text}");
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Text as it may stand in an element and in an attribute.
struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&apos;"),
                // Readers make others of these.
                '\t' | '\n' | '\r' => write!(self.0, "&#{};", u32::from(character))?,
                // There is no way to write these (XML 1.0 section 2.2).
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => self.0.push(char::REPLACEMENT_CHARACTER),
                _ => self.0.push(character),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_text_is_read_as_it_was_written() {
        let text = "<a href=\"x\">&amp; 'é' ]]> \r\n\t😀 <!-- -->";
        let mut writer = Writer::new();
        writer.element("a", &[("b", &text)], |inside| _ = inside.leaf("c", text));
        let document = writer.finish();
        let found = read(document.as_bytes(), |root| {
            let c = root.first_element_child()?;
            Some((root.attribute("b")?.to_owned(), c.text()?.to_owned()))
        });
        assert_eq!(found, Some((text.to_owned(), text.to_owned())));
        let mut writer = Writer::new();
        writer.leaf("a", "\0\u{1b}\u{ffff}");
        assert_eq!(read(writer.finish().as_bytes(), |root| Some(text_of(root))), Some("\u{fffd}".repeat(3)));
    }

    fn text_of(node: Node<'_, '_>) -> String {
        super::text(node)
    }

    #[test]
    fn bombs_are_refused_quickly() {
        let began = std::time::Instant::now();
        let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><l>&b;</l>";
        let outside = "<!DOCTYPE l SYSTEM \"file:///etc/passwd\"><l/>";
        let deep = "<a>".repeat(5000) + &"</a>".repeat(5000);
        let wide = format!("<l>{}</l>", "<a/>".repeat(20_000));
        let attributes: String = (0..20_000).map(|number| format!(" a{number}=''")).collect();
        let namespaces: String = (0..20_000).map(|number| format!(" xmlns:a{number}='u'")).collect();
        let many = [format!("<l{attributes}/>"), format!("<l{namespaces}/>"), "<a".repeat(100_000)];
        let half = "<a><b></a></b>";
        let shallow = "<a>".repeat(MOST_DEPTH + 1) + &"</a>".repeat(MOST_DEPTH + 1);
        for bomb in
            [laughs, outside, &deep, &wide, &many[0], &many[1], &many[2], half, &shallow, "", "\0", "&x;", "<a>&x;</a>"]
        {
            let start: String = bomb.chars().take(40).collect();
            assert!(read(bomb.as_bytes(), |_| Some(())).is_none(), "{start}");
        }
        assert!(read(&[0xff, 0xfe, b'<', 0], |_| Some(())).is_none());
        assert!(began.elapsed() < std::time::Duration::from_secs(5));
        let fine = "<a>".repeat(MOST_DEPTH - 1) + &"</a>".repeat(MOST_DEPTH - 1);
        assert!(read(fine.as_bytes(), |_| Some(())).is_some());
        assert!(read("\u{feff}<a b='&#65;'/>".as_bytes(), |_| Some(())).is_some());
    }
}
