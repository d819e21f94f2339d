//! The rows of the pane's lists: what was said and came, each with its parts below it where somebody has opened it.

use crate::protocol::{Field, Message, Order, Packet, Report, What, explain};
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

/// A row: of what was said or came, by its number, the line; 0 is the head.
pub(crate) type Id = (u64, usize);

/// How a row stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Normal,
    /// From us.
    Sent,
    /// From the server.
    Came,
    /// What is not as it should be.
    Warning,
    Bad,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cells {
    /// A message: when, its number, what, and the state of the client after it.
    Message { time: String, cseq: String, text: String, state: String, tone: Tone },
    /// A packet of media: when, number, marker, timestamp, place in the frame, and what is wrong with it.
    Packet { time: String, cells: [String; 4], flag: String, tone: Tone },
    /// A report: when, what, and how long.
    Report { time: String, names: String, len: String, tone: Tone },
    /// A line of a message.
    Line { text: String, is_body: bool },
    /// A field of a packet.
    Field { name: &'static str, bits: String, value: String, note: String },
}

/// A row that is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: Id,
    pub(crate) cells: Cells,
    /// Whether its parts are shown below it; `None`: it has none.
    pub(crate) open: Option<bool>,
    pub(crate) selected: bool,
}

/// What is told of the selected row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Explained {
    pub(crate) title: String,
    /// The bits of a field.
    pub(crate) bits: String,
    pub(crate) section: String,
    pub(crate) text: String,
}

/// Something that has rows: the head, and lines below it.
pub(super) trait Entry {
    fn number(&self) -> u64;
    fn head(&self) -> Cells;
    fn lines(&self) -> Vec<Cells>;
    /// What the head means, or a line.
    fn explain(&self, line: usize) -> Explained;
}

pub(super) fn seconds(at: Duration) -> String {
    format!("{:.3}", at.as_secs_f64())
}

impl Entry for Message {
    fn number(&self) -> u64 {
        self.number
    }

    fn head(&self) -> Cells {
        let text = match &self.what {
            What::Connected => "connected".into(),
            What::Request => self.method.clone(),
            What::Answer(_) => self.start.split_once(' ').map_or(self.start.as_str(), |(_, rest)| rest).to_owned(),
        };
        let (before, after) = (self.before.name(), self.after.name());
        let tone = match (&self.what, self.sent) {
            (What::Connected, _) => Tone::Normal,
            (What::Answer(400..), _) => Tone::Bad,
            (What::Answer(300..), _) => Tone::Warning,
            (_, true) => Tone::Sent,
            (_, false) => Tone::Came,
        };
        Cells::Message {
            time: seconds(self.at),
            cseq: self.cseq.map_or_else(String::new, |cseq| cseq.to_string()),
            text,
            state: if before == after { after.to_owned() } else { format!("{before} → {after}") },
            tone,
        }
    }

    fn lines(&self) -> Vec<Cells> {
        let line = |text: &String, is_body| Cells::Line { text: text.clone(), is_body };
        let heads = std::iter::once(&self.start).chain(&self.headers).map(|text| line(text, false));
        heads.chain(self.body.iter().map(|text| line(text, true))).collect()
    }

    fn explain(&self, at: usize) -> Explained {
        let headers = self.headers.len() + 1;
        let told = |title: &str, found: Option<explain::Explanation>| {
            let unknown =
                explain::Explanation { section: "", text: "This is not of the standards that the player knows." };
            let explain::Explanation { section, text } = found.unwrap_or(unknown);
            Explained { title: title.to_owned(), bits: String::new(), section: section.into(), text: text.into() }
        };
        if at <= 1 {
            return told(&self.start, Some(explain::message(self)));
        }
        match self.headers.get(at - 2) {
            Some(header) => told(header, explain::header(header)),
            None => self
                .body
                .get(at - 1 - headers)
                .map_or_else(|| told("", None), |line| told(line, explain::description(line))),
        }
    }
}

fn of_fields(fields: Vec<Field>) -> Vec<Cells> {
    let cells = |Field { name, bits, value, note, .. }: Field| Cells::Field { name, bits, value, note };
    fields.into_iter().map(cells).collect()
}

fn explain_field(fields: Vec<Field>, line: usize, head: &str, topic: &str) -> Explained {
    let told = |title: String, bits: String, topic: &str| {
        let found = explain::field(topic);
        let (section, text) = found.map_or(("", ""), |found| (found.section, found.text));
        Explained { title, bits, section: section.into(), text: text.into() }
    };
    match line.checked_sub(1).and_then(|at| fields.into_iter().nth(at)) {
        None => told(head.to_owned(), String::new(), topic),
        Some(Field { name, bits, value, note, topic, .. }) => {
            let note = if note.is_empty() { String::new() } else { format!(" – {note}") };
            told(format!("{name}: {value}{note}"), bits, topic)
        }
    }
}

impl Entry for Packet {
    fn number(&self) -> u64 {
        self.number
    }

    fn head(&self) -> Cells {
        let (flag, tone) = match self.order {
            None => ("no RTP".into(), Tone::Bad),
            Some(Order::Gap(missing)) => (format!("{missing} missing"), Tone::Bad),
            Some(Order::Late(_)) => ("late".into(), Tone::Warning),
            Some(Order::Twice) => ("twice".into(), Tone::Warning),
            Some(Order::First | Order::Next) => (String::new(), Tone::Normal),
        };
        let (sequence, marker, timestamp) = match self.essentials() {
            Some((sequence, marker, timestamp)) => (sequence.to_string(), marker, timestamp.to_string()),
            None => (String::new(), false, String::new()),
        };
        let offset = self.offset().map_or_else(String::new, |offset| offset.to_string());
        let cells = [sequence, if marker { "M".into() } else { String::new() }, timestamp, offset];
        Cells::Packet { time: seconds(self.at), cells, flag, tone }
    }

    fn lines(&self) -> Vec<Cells> {
        of_fields(self.fields())
    }

    fn explain(&self, line: usize) -> Explained {
        let head = match self.order {
            Some(Order::Gap(missing)) => format!("A packet of {} bytes; {missing} are missing before it", self.len),
            Some(Order::Late(by)) => format!("A packet of {} bytes, which {by} have overtaken", self.len),
            Some(Order::Twice) => format!("A packet of {} bytes, which had come before", self.len),
            _ => format!("A packet of {} bytes", self.len),
        };
        explain_field(self.fields(), line, &head, "rtp")
    }
}

impl Entry for Report {
    fn number(&self) -> u64 {
        self.number
    }

    fn head(&self) -> Cells {
        let tone = if self.sent { Tone::Sent } else { Tone::Came };
        Cells::Report { time: seconds(self.at), names: self.names(), len: self.len.to_string(), tone }
    }

    fn lines(&self) -> Vec<Cells> {
        of_fields(self.fields())
    }

    fn explain(&self, line: usize) -> Explained {
        let from = if self.sent { "the player" } else { "the server" };
        explain_field(self.fields(), line, &format!("{} from {from}, {} bytes", self.names(), self.len), "rtcp")
    }
}

/// What of a list is shown, and what of it is open and selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    pub(super) selected: Option<Id>,
    open: BTreeSet<u64>,
    /// The first row that is shown; `None`: the last rows are, whatever comes.
    pub(super) top: Option<Id>,
}

/// The part of a list that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scroll {
    pub(crate) first: usize,
    pub(crate) total: usize,
}

impl List {
    pub(super) fn follows(&self) -> bool {
        self.top.is_none()
    }

    /// How many rows an entry has.
    fn height(&self, entry: &dyn Entry) -> usize {
        if self.open.contains(&entry.number()) { 1 + entry.lines().len() } else { 1 }
    }

    /// The rows that are shown of these entries, of which so many fit.
    pub(super) fn rows(&mut self, entries: &[&dyn Entry], fit: usize) -> (Vec<Row>, Scroll) {
        self.forget(entries);
        let heights: Vec<usize> = entries.iter().map(|entry| self.height(*entry)).collect();
        let total = heights.iter().sum::<usize>();
        let last = total.saturating_sub(fit);
        let first = self.top.map_or(last, |top| place(entries, &heights, top)).min(last);
        let mut rows = Vec::new();
        let mut at = 0;
        for (entry, height) in entries.iter().zip(&heights) {
            let shown = first.max(at)..(first + fit).min(at + height);
            self.show(*entry, at, shown, &mut rows);
            at += height;
        }
        (rows, Scroll { first, total })
    }

    fn show(&self, entry: &dyn Entry, begin: usize, shown: Range<usize>, rows: &mut Vec<Row>) {
        if shown.is_empty() {
            return;
        }
        let is_open = self.open.contains(&entry.number());
        let mut lines = if is_open { entry.lines() } else { Vec::new() };
        for at in shown {
            let id = (entry.number(), at - begin);
            let (cells, open) = match id.1.checked_sub(1).and_then(|line| lines.get_mut(line)) {
                Some(cells) => (cells.clone(), None),
                None => (entry.head(), Some(is_open)),
            };
            rows.push(Row { id, cells, open, selected: self.selected == Some(id) });
        }
    }

    /// Forgets what is not kept any more.
    fn forget(&mut self, entries: &[&dyn Entry]) {
        let oldest = entries.first().map_or(u64::MAX, |entry| entry.number());
        self.open.retain(|number| *number >= oldest);
        self.selected = self.selected.filter(|(number, _)| *number >= oldest);
    }

    /// Selects a row, and stands from now on. `first`: the row that is shown first at present.
    pub(super) fn select(&mut self, id: Id, first: Option<Id>) {
        self.selected = Some(id);
        self.top = self.top.or(first);
    }

    /// Opens the selected entry, or closes it.
    pub(super) fn toggle(&mut self) {
        let Some((number, 0)) = self.selected else { return };
        if !self.open.remove(&number) {
            self.open.insert(number);
        }
    }

    /// Shows rows that are so many lower, or higher; at the end, what comes is shown again.
    pub(super) fn scroll(&mut self, by: isize, entries: &[&dyn Entry], fit: usize) {
        let (_, Scroll { first, total }) = self.rows(entries, fit);
        let last = total.saturating_sub(fit);
        let first = first.saturating_add_signed(by);
        self.top = if first >= last { None } else { Some(self.id(entries, first)) };
    }

    /// Selects a row that is so many lower, or higher, and shows it.
    pub(super) fn step(&mut self, by: isize, entries: &[&dyn Entry], fit: usize) {
        let (rows, Scroll { first, total }) = self.rows(entries, fit);
        if total == 0 {
            return;
        }
        let heights: Vec<usize> = entries.iter().map(|entry| self.height(*entry)).collect();
        let at = match self.selected {
            Some(id) => place(entries, &heights, id).saturating_add_signed(by).min(total - 1),
            // The first step goes to what is seen.
            None if by > 0 => first,
            None => first + rows.len().saturating_sub(1),
        };
        let first = first.clamp(at.saturating_sub(fit.saturating_sub(1)), at);
        self.selected = Some(self.id(entries, at));
        self.top = Some(self.id(entries, first));
    }

    /// Shows the last rows, and what comes.
    pub(super) fn follow(&mut self) {
        (self.top, self.selected) = (None, None);
    }

    /// The row at a place.
    fn id(&self, entries: &[&dyn Entry], at: usize) -> Id {
        let mut begin = 0;
        for entry in entries {
            let height = self.height(*entry);
            if at < begin + height {
                return (entry.number(), at - begin);
            }
            begin += height;
        }
        (0, 0)
    }
}

/// The place of a row; that of the first one, if it is not kept any more.
fn place(entries: &[&dyn Entry], heights: &[usize], (number, line): Id) -> usize {
    let mut at = 0;
    for (entry, height) in entries.iter().zip(heights) {
        if entry.number() >= number {
            let line = if entry.number() == number { line.min(height - 1) } else { 0 };
            return at + line;
        }
        at += height;
    }
    at.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has two lines.
    struct Two(u64);

    impl Entry for Two {
        fn number(&self) -> u64 {
            self.0
        }

        fn head(&self) -> Cells {
            Cells::Line { text: format!("{}", self.0), is_body: false }
        }

        fn lines(&self) -> Vec<Cells> {
            vec![Cells::Line { text: "x".into(), is_body: true }; 2]
        }

        fn explain(&self, _: usize) -> Explained {
            Explained { title: String::new(), bits: String::new(), section: String::new(), text: String::new() }
        }
    }

    fn entries(all: &[Two]) -> Vec<&dyn Entry> {
        all.iter().map(|two| two as &dyn Entry).collect()
    }

    fn shown(list: &mut List, numbers: Range<u64>) -> (Vec<Id>, Scroll) {
        let all: Vec<Two> = numbers.map(Two).collect();
        let (rows, scroll) = list.rows(&entries(&all), 4);
        (rows.iter().map(|row| row.id).collect(), scroll)
    }

    #[test]
    fn what_comes_is_shown_until_something_is_selected_and_then_it_stands() {
        let mut list = List::default();
        assert_eq!(shown(&mut list, 0..10), (vec![(6, 0), (7, 0), (8, 0), (9, 0)], Scroll { first: 6, total: 10 }));
        list.select((7, 0), Some((6, 0)));
        list.toggle();
        assert_eq!(shown(&mut list, 0..12).0, [(6, 0), (7, 0), (7, 1), (7, 2)]);
        // Old ones go, and what is shown stays.
        assert_eq!(shown(&mut list, 5..15).0, [(6, 0), (7, 0), (7, 1), (7, 2)]);
        assert_eq!(shown(&mut list, 7..17).0, [(7, 0), (7, 1), (7, 2), (8, 0)]);
        assert_eq!(shown(&mut list, 8..18).0, [(8, 0), (9, 0), (10, 0), (11, 0)]);
        assert_eq!(list.selected, None, "it is not kept any more");
        list.follow();
        assert_eq!(shown(&mut list, 8..18).0[3], (17, 0));
        assert_eq!(shown(&mut list, 0..0), (Vec::new(), Scroll::default()));
    }

    #[test]
    fn keys_go_from_row_to_row_and_the_wheel_scrolls_to_the_end() {
        let all: Vec<Two> = (0..6).map(Two).collect();
        let all = entries(&all);
        let mut list = List::default();
        list.step(-1, &all, 4);
        assert_eq!(list.selected, Some((5, 0)), "the lowest that is seen");
        list.toggle();
        list.step(1, &all, 4);
        assert_eq!((list.selected, list.rows(&all, 4).1.first), (Some((5, 1)), 3));
        for _ in 0..9 {
            list.step(-1, &all, 4);
        }
        assert_eq!(
            (list.selected, list.top, list.rows(&all, 4).1),
            (Some((0, 0)), Some((0, 0)), Scroll { first: 0, total: 8 })
        );
        list.scroll(3, &all, 4);
        assert_eq!(list.top, Some((3, 0)));
        list.scroll(3, &all, 4);
        assert!(list.follows() && list.selected == Some((0, 0)));
        list.scroll(-100, &all, 4);
        assert_eq!(list.top, Some((0, 0)));
        List::default().step(1, &[], 4);
    }
}
