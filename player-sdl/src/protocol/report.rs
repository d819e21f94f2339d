//! RTCP packets, with their names and fields.

use super::fields::Field;
use mutoscope::wire::rtcp::{Compound, Packet, Reports};

/// What the packets of a compound one are called.
pub(super) fn names(bytes: &[u8], encrypted: bool) -> String {
    let name = |kind: u8| match kind {
        200 => "SR",
        201 => "RR",
        202 => "SDES",
        203 => "BYE",
        204 => "APP",
        _ => "another",
    };
    if encrypted {
        let first = bytes.get(1).map_or("?", |&kind| name(kind));
        return format!("{first}, encrypted");
    }
    let Ok(compound) = Compound::new_checked(bytes) else { return "no RTCP".into() };
    let names = compound.map(|packet| match packet {
        Packet::SenderReport { .. } => "SR",
        Packet::ReceiverReport { .. } => "RR",
        Packet::SourceDescription(_) => "SDES",
        Packet::Goodbye(_) => "BYE",
        Packet::Other { packet_type } => name(packet_type),
        _ => "another",
    });
    names.collect::<Vec<_>>().join(", ")
}

/// The fields of a compound packet.
pub(super) fn of_rtcp(bytes: &[u8], encrypted: bool) -> Vec<Field> {
    let source = |ssrc: u32| Field::new("SSRC", "SSRC", format!("0x{ssrc:08x}"));
    if encrypted {
        let ssrc = bytes.get(4..8).and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?)));
        let rest = Field::new("encrypted", "Encrypted", bytes.len().saturating_sub(8))
            .note("bytes, with the tag that proves them");
        return ssrc.map(|ssrc| source(ssrc).topic("reporter")).into_iter().chain([rest.topic("srtcp")]).collect();
    }
    let Ok(compound) = Compound::new_checked(bytes) else {
        return vec![Field::new("broken", "No RTCP", "").note("these bytes are no RTCP packet")];
    };
    let mut fields = Vec::new();
    for packet in compound {
        match packet {
            Packet::SenderReport { info, reports } => {
                fields.push(Field::new("SR", "Sender report", format!("0x{:08x}", info.ssrc)).note("who sends it"));
                let ntp = info.ntp.bits();
                let seconds = (ntp >> 32) as f64 + (ntp & 0xffff_ffff) as f64 / 4_294_967_296.0;
                fields.extend([
                    Field::new("NTP", "NTP timestamp", format!("{seconds:.6}")).note("seconds since 1900"),
                    Field::new("RTP-ts", "RTP timestamp", info.rtp_timestamp).note("of the same instant"),
                    Field::new("packets", "Packet count", info.packets).note("sent so far"),
                    Field::new("octets", "Octet count", info.octets).note("bytes of payload so far"),
                ]);
                blocks(reports, &mut fields);
            }
            Packet::ReceiverReport { ssrc, reports } => {
                fields.push(Field::new("RR", "Receiver report", format!("0x{ssrc:08x}")).note("who sends it"));
                blocks(reports, &mut fields);
            }
            Packet::SourceDescription(description) => {
                for item in description.items().take(16) {
                    let name = if item.kind == 1 { "CNAME" } else { "SDES item" };
                    let key = if item.kind == 1 { "CNAME" } else { "SDES" };
                    fields.push(Field::new(key, name, super::dialogue::printable(item.text)));
                }
            }
            Packet::Goodbye(bye) => {
                for ssrc in bye.ssrcs().take(31) {
                    fields.push(Field::new("BYE", "Goodbye", format!("0x{ssrc:08x}")).note("leaves"));
                }
                if let Some(reason) = bye.reason().filter(|reason| !reason.is_empty()) {
                    fields.push(Field::new("reason", "Reason", super::dialogue::printable(reason)).topic("BYE"));
                }
            }
            Packet::Other { packet_type } => {
                fields.push(Field::new("type", "Packet type", packet_type).topic("rtcp-other"))
            }
            _ => {}
        }
    }
    fields
}

fn blocks(reports: Reports<'_>, fields: &mut Vec<Field>) {
    for block in reports {
        let lost = f64::from(block.fraction_lost) * 100.0 / 256.0;
        let (high, low) = (block.extended_highest_sequence >> 16, block.extended_highest_sequence & 0xffff);
        let seconds = |units: u32| format!("{:.3} s", f64::from(units) / 65_536.0);
        let sent =
            if block.last_sr == 0 { "no sender report has come".into() } else { seconds(block.delay_since_last_sr) };
        fields.extend([
            Field::new("about", "Report about", format!("0x{:08x}", block.ssrc)),
            Field::new("fraction", "Fraction lost", block.fraction_lost)
                .bits(block.fraction_lost.into(), 8)
                .note(format!("{lost:.1} % since the last report")),
            Field::new("lost", "Cumulative lost", block.cumulative_lost).note("packets in all"),
            Field::new("highest", "Highest sequence", block.extended_highest_sequence)
                .note(format!("{low}, after {high} wraps")),
            Field::new("jitter", "Jitter", block.jitter)
                .note(format!("{:.1} ms at 90 kHz", f64::from(block.jitter) / 90.0)),
            Field::new("LSR", "Last SR", format!("0x{:08x}", block.last_sr)),
            Field::new("DLSR", "Delay since last SR", block.delay_since_last_sr).note(sent),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mutoscope::time::NtpTime;
    use mutoscope::wire::rtcp::{Emitter, ReportBlock, SenderInfo};

    #[test]
    fn every_packet_has_its_name_and_every_field_is_there() {
        let block =
            ReportBlock { ssrc: 9, fraction_lost: 64, cumulative_lost: -3, jitter: 180, ..ReportBlock::default() };
        let info = SenderInfo { ssrc: 7, ntp: NtpTime::from_bits(3 << 31), rtp_timestamp: 5, packets: 6, octets: 8 };
        let mut buffer = [0; 256];
        let sent = Emitter::new(&mut buffer).sender_report(&info, &[block]).unwrap();
        let len = sent.cname(7, "a\u{7}b").unwrap().bye(7, "end").unwrap().finish();
        let bytes = &buffer[..len];
        assert_eq!(names(bytes, false), "SR, SDES, BYE");
        let fields = of_rtcp(bytes, false);
        let shown = |key: &str| fields.iter().find(|field| field.key == key).map(|field| field.value.as_str());
        let expected = [
            ("SR", "0x00000007"),
            ("NTP", "1.500000"),
            ("packets", "6"),
            ("about", "0x00000009"),
            ("fraction", "64"),
            ("lost", "-3"),
            ("jitter", "180"),
            ("CNAME", "a·b"),
            ("BYE", "0x00000007"),
            ("reason", "end"),
        ];
        for (key, value) in expected {
            assert_eq!(shown(key), Some(value), "{key}");
        }
        assert_eq!(names(bytes, true), "SR, encrypted");
        assert_eq!(of_rtcp(bytes, true).len(), 2);
        assert_eq!((names(&[1, 2], false), of_rtcp(&[], false).len()), ("no RTCP".into(), 1));
    }
}
