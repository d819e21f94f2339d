//! The record as text, to be copied or saved. Its lines are for people, and are alike enough for programs.

use super::{Field, Message, Order, Packet, Record, Report, What};
use std::fmt::Write as _;
use std::time::Duration;

impl Record {
    /// All of it.
    pub(crate) fn text(&self, url: &str) -> String {
        let url = super::hide::line(url);
        let mut text =
            format!("Protocol of {url}\nSeconds since the first bytes; > from the player, < from the server.\n");
        for part in [self.messages_text(), packets_text(self.media.packets().iter(), self), self.reports_text()] {
            text.push('\n');
            text.push_str(&part);
        }
        text
    }

    /// The messages.
    pub(crate) fn messages_text(&self) -> String {
        let messages = self.messages();
        let mut text = heading("RTSP", messages.len(), messages.total(), "messages");
        messages.iter().for_each(|message| write_message(&mut text, message));
        text
    }

    /// The reports.
    pub(crate) fn reports_text(&self) -> String {
        let mut text = heading("RTCP", self.reports.len(), self.reports.total(), "packets");
        self.reports.iter().for_each(|report| write_report(&mut text, report));
        text
    }
}

/// These packets of a record.
pub(crate) fn packets_text<'p>(packets: impl ExactSizeIterator<Item = &'p Packet>, record: &Record) -> String {
    let counts = record.media.counts();
    let mut text = heading("RTP", packets.len(), record.media.packets().total(), "packets");
    let _ = writeln!(text, "{} missing, {} late, {} twice", counts.missing, counts.late, counts.twice);
    packets.for_each(|packet| write_packet(&mut text, packet));
    text
}

fn heading(name: &str, kept: usize, total: u64, what: &str) -> String {
    if kept as u64 == total {
        format!("{name}: {total} {what}\n")
    } else {
        format!("{name}: the last {kept} of {total} {what}\n")
    }
}

fn seconds(at: Duration) -> String {
    format!("{:12.6}", at.as_secs_f64())
}

fn write_message(text: &mut String, message: &Message) {
    let Message { at, what, sent, start, before, after, headers, body, .. } = message;
    let sign = match (what, sent) {
        (What::Connected, _) => '*',
        (_, true) => '>',
        (_, false) => '<',
    };
    let state = if before == after { before.name().into() } else { format!("{} -> {}", before.name(), after.name()) };
    let _ = writeln!(text, "{} {sign} {start}  [{state}]", seconds(*at));
    for line in headers {
        let _ = writeln!(text, "{:15}{line}", "");
    }
    for line in body {
        let _ = writeln!(text, "{:17}{line}", "");
    }
}

fn write_fields(text: &mut String, fields: &[Field]) {
    for Field { key, value, .. } in fields.iter().filter(|field| !field.key.is_empty()) {
        let quoted = value.contains(' ') || value.is_empty();
        let _ = if quoted { write!(text, " {key}={value:?}") } else { write!(text, " {key}={value}") };
    }
}

fn write_packet(text: &mut String, packet: &Packet) {
    let _ = write!(text, "{} len={}", seconds(packet.at), packet.len);
    write_fields(text, &packet.fields());
    let _ = match packet.order {
        Some(Order::Gap(missing)) => write!(text, "  ({missing} missing before it)"),
        Some(Order::Late(by)) => write!(text, "  (late, behind {by})"),
        Some(Order::Twice) => write!(text, "  (twice)"),
        _ => Ok(()),
    };
    text.push('\n');
}

fn write_report(text: &mut String, report: &Report) {
    let sign = if report.sent { '>' } else { '<' };
    let _ = write!(text, "{} {sign} {} len={}", seconds(report.at), report.names(), report.len);
    write_fields(text, &report.fields());
    text.push('\n');
}
