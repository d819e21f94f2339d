//! What the packets of a student's server show of the requirements.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::clip::Clip;
use super::frames::{Assembly, Form, HEADER, Packet, Seen};
use super::sheet::{Sheet, hex};

/// So many packets are shown of one thing.
const SHOWN: usize = 4;
/// A stream that plays for so long has a timestamp that grows, even one of whole seconds.
const GROWTH: Duration = Duration::from_millis(1500);

/// Judges the packets of both times of playing.
pub(super) fn judge(sheet: &mut Sheet, clip: &Clip, phases: &[Vec<Packet>]) {
    let all: Vec<&Packet> = phases.iter().flatten().collect();
    if all.is_empty() {
        return;
    }
    header(sheet, &all);
    payload_type(sheet, &all);
    ssrc(sheet, &all);
    let assemblies: Vec<Assembly> = phases.iter().map(|packets| Assembly::new(packets, clip)).collect();
    let form = assemblies.iter().find_map(|assembly| assembly.form);
    sequence(sheet, phases, &assemblies);
    timestamp(sheet, phases, &assemblies, &all);
    marker(sheet, phases, &assemblies);
    pictures(sheet, phases, &assemblies, form);
    rate(sheet, phases, &assemblies);
}

fn shown(packets: &[&Packet]) -> Vec<String> {
    packets.iter().take(SHOWN).map(|packet| packet.shown()).collect()
}

fn header(sheet: &mut Sheet, all: &[&Packet]) {
    let bad: Vec<&Packet> =
        all.iter().copied().filter(|packet| packet.bytes.len() <= HEADER || packet.bytes[0] != 0x80).collect();
    match bad.first() {
        None => sheet.holds("server.rtp-header", format!("{} packets begin with 80.", all.len()), shown(&all[..1])),
        Some(packet) if packet.bytes.len() <= HEADER => {
            sheet.fails("server.rtp-header", "A packet has no payload behind 12 bytes.", shown(&bad));
        }
        Some(packet) => {
            let first = packet.bytes[0];
            let fields = format!(
                "version {}, padding {}, extension {}, {} contributing sources",
                first >> 6,
                first >> 5 & 1,
                first >> 4 & 1,
                first & 15
            );
            sheet.fails(
                "server.rtp-header",
                format!("{} packets begin with {first:02x}: {fields}.", bad.len()),
                shown(&bad),
            );
        }
    }
}

fn payload_type(sheet: &mut Sheet, all: &[&Packet]) {
    let bad: Vec<&Packet> =
        all.iter().copied().filter(|packet| packet.payload_type() != 26 && !packet.is_parity()).collect();
    match bad.first() {
        None => sheet.holds("server.payload-type", "It is 26 in all packets.", shown(&all[..1])),
        Some(packet) => {
            let said = format!("It is {} in {} of {} packets.", packet.payload_type(), bad.len(), all.len());
            sheet.fails("server.payload-type", said, shown(&bad));
        }
    }
}

fn ssrc(sheet: &mut Sheet, all: &[&Packet]) {
    let numbers: BTreeSet<u32> = all.iter().map(|packet| packet.ssrc()).collect();
    if let [number] = Vec::from_iter(&numbers)[..] {
        sheet.holds("server.ssrc", format!("It is {number} in all packets."), shown(&all[..1]));
    } else {
        sheet.fails("server.ssrc", format!("The packets of one film have {} numbers.", numbers.len()), shown(all));
    }
}

/// The frame of each packet.
fn owners(packets: &[Packet], assembly: &Assembly) -> Vec<Option<usize>> {
    let mut owners = vec![None; packets.len()];
    for (number, frame) in assembly.frames.iter().enumerate() {
        owners[frame.packets.clone()].fill(Some(number));
    }
    owners
}

/// What is wrong between a packet and the next, by the sequence number. `shared`: whether parts of a frame share it, once that is known.
fn step_flaw(
    step: i16,
    frames: (Option<&Seen>, Option<&Seen>),
    is_same: bool,
    shared: &mut Option<bool>,
) -> Option<String> {
    let is_lossy = |frame: Option<&Seen>| frame.is_none_or(|frame| frame.flaw.is_some() || frame.place.is_none());
    if is_same {
        let shares = match step {
            0 => true,
            1 => false,
            // A part is missing, which is another matter.
            2.. if is_lossy(frames.0) => return None,
            step => return Some(format!("moves by {step} between two parts of a frame")),
        };
        let known = *shared.get_or_insert(shares);
        return (known != shares).then(|| "is sometimes shared by the parts of a frame, and sometimes not".to_owned());
    }
    let places = frames.0.zip(frames.1).and_then(|(one, other)| Some((one.place?, other.place?)));
    match step {
        1 => None,
        0 => Some("repeats: two frames have the same".to_owned()),
        ..0 => Some(format!("goes back by {}", -i32::from(step))),
        _ => match places {
            // Frames that were left out, by choice or on the way, have numbers.
            Some((one, other)) if other > one + 1 => None,
            None if step < 50 => None,
            _ => Some(format!("leaves out {} numbers, and no frame is missing", step - 1)),
        },
    }
}

fn sequence(sheet: &mut Sheet, phases: &[Vec<Packet>], assemblies: &[Assembly]) {
    let mut shared = None;
    for (packets, assembly) in phases.iter().zip(assemblies) {
        let owners = owners(packets, assembly);
        for (place, pair) in packets.windows(2).enumerate() {
            let (one, other) = (owners[place], owners[place + 1]);
            let frame = |owner: Option<usize>| owner.and_then(|number| assembly.frames.get(number));
            let step = pair[1].sequence().wrapping_sub(pair[0].sequence()) as i16;
            let is_same = one.is_some() && one == other;
            // The rest of a frame that was cut off belongs to none.
            if one.is_none() && other.is_none() && matches!(step, 0 | 1) && assembly.form.is_some() && place > 0 {
                continue;
            }
            if let Some(flaw) = step_flaw(step, (frame(one), frame(other)), is_same, &mut shared) {
                let said =
                    format!("The sequence number {flaw}: {} follows {}.", pair[1].sequence(), pair[0].sequence());
                return sheet.fails("server.sequence", said, shown(&[&pair[0], &pair[1]]));
            }
        }
    }
    let form = match shared {
        Some(true) => "It is the frame's number; the parts of a frame share it.",
        _ => "It grows by one with each packet.",
    };
    sheet.holds("server.sequence", form, shown(&phases.iter().flatten().take(3).collect::<Vec<_>>()));
}

fn timestamp(sheet: &mut Sheet, phases: &[Vec<Packet>], assemblies: &[Assembly], all: &[&Packet]) {
    const ID: &str = "server.timestamp";
    for pair in all.windows(2) {
        let step = pair[1].timestamp().wrapping_sub(pair[0].timestamp()) as i32;
        if step < 0 {
            let said = format!("The timestamp goes back: {} follows {}.", pair[1].timestamp(), pair[0].timestamp());
            return sheet.fails(ID, said, shown(pair));
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) as u32;
    let is_clock = all.iter().all(|packet| now.wrapping_sub(packet.timestamp()) < 120);
    for (packets, assembly) in phases.iter().zip(assemblies) {
        for frame in &assembly.frames {
            let parts = &packets[frame.packets.clone()];
            let steps = parts.windows(2).map(|pair| pair[1].timestamp().wrapping_sub(pair[0].timestamp()));
            // A second may end between two parts.
            if steps.max().is_some_and(|step| step > u32::from(is_clock)) {
                let parts: Vec<&Packet> = parts.iter().collect();
                return sheet.fails(ID, "The parts of one frame have several timestamps.", shown(&parts));
            }
        }
    }
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return };
    let grown = last.timestamp().wrapping_sub(first.timestamp());
    let seconds = last.at.duration_since(first.at);
    if grown == 0 && seconds >= GROWTH {
        let said = format!("The timestamp stays at {} for {:.1} s.", first.timestamp(), seconds.as_secs_f64());
        return sheet.fails(ID, said, shown(&[first, last]));
    }
    if seconds < GROWTH {
        return sheet.skips(ID, "Too few packets came to see it grow.");
    }
    let unit = if is_clock { ", the seconds of the clock" } else { "" };
    let said = format!("It grows by {grown} in {:.1} s{unit}.", seconds.as_secs_f64());
    sheet.holds(ID, said, shown(&[first, last]));
}

fn marker(sheet: &mut Sheet, phases: &[Vec<Packet>], assemblies: &[Assembly]) {
    const ID: &str = "server.marker";
    let (mut split, mut marks) = (0, BTreeSet::new());
    for (packets, assembly) in phases.iter().zip(assemblies) {
        for frame in &assembly.frames {
            let parts: Vec<&Packet> = packets[frame.packets.clone()].iter().filter(|part| !part.is_parity()).collect();
            let [before @ .., last] = &parts[..] else { continue };
            if before.is_empty() {
                marks.insert(last.has_marker());
                continue;
            }
            split += 1;
            if !last.has_marker() {
                return sheet.fails(ID, "The last packet of a frame has no marker.", shown(&[parts[0], last]));
            }
            if let Some(early) = before.iter().find(|part| part.has_marker()) {
                return sheet.fails(ID, "A packet that is not a frame's last has the marker.", shown(&[early, last]));
            }
        }
    }
    let first: Vec<String> = shown(&phases.iter().flatten().take(1).collect::<Vec<_>>());
    match (split, marks.len()) {
        (0, 0) => sheet.skips(ID, "No whole frame came."),
        (0, 1) => {
            let mark = if marks.contains(&true) { 1 } else { 0 };
            sheet.holds(ID, format!("Each frame is one packet, and the marker is {mark} in all."), first);
        }
        (0, _) => sheet.fails(ID, "Each frame is one packet; some have the marker, others have not.", first),
        (_, _) if marks.contains(&false) => {
            sheet.fails(ID, "Frames of several packets end with the marker, frames of one packet do not.", first);
        }
        _ => sheet.holds(ID, format!("The last packet of each frame has it, {split} times behind others."), first),
    }
}

/// Judges what the packets carry.
fn pictures(sheet: &mut Sheet, phases: &[Vec<Packet>], assemblies: &[Assembly], form: Option<Form>) {
    const WHOLE: &str = "server.payload";
    const PARTS: &str = "server.fragments";
    let Some(form) = form else {
        let first: Vec<String> = phases.iter().flatten().take(2).map(|packet| packet.shown()).collect();
        return sheet.fails(WHOLE, "No packet begins with a JPEG file (ff d8 ff behind the header).", first);
    };
    let frames = || {
        assemblies
            .iter()
            .zip(phases)
            .flat_map(|(assembly, packets)| assembly.frames.iter().map(move |frame| (frame, packets)))
    };
    let known = frames().filter(|(frame, _)| frame.place.is_some()).count();
    let evidence = |frame: &Seen, packets: &[Packet]| -> Vec<String> {
        packets[frame.packets.clone()].iter().take(SHOWN).map(Packet::shown).collect()
    };
    let (mut whole, mut split) = (0, 0);
    for (frame, packets) in frames() {
        let id = if frame.is_split() { PARTS } else { WHOLE };
        // A server may encode pictures anew, and one of RFC 2435 sends no headers of files.
        let is_good = frame.place.is_some() || known == 0 && (form == Form::Standard || frame.is_jpeg());
        match &frame.flaw {
            Some(flaw) => sheet.fails(id, format!("Of a frame, {flaw}."), evidence(frame, packets)),
            None if !is_good => {
                let said =
                    format!("A frame of {} bytes is none of the film's: bytes are missing or changed.", frame.len());
                sheet.fails(id, said, evidence(frame, packets));
            }
            None if frame.is_split() => split += 1,
            None => whole += 1,
        }
    }
    for assembly in assemblies {
        let places: Vec<usize> = assembly.frames.iter().filter_map(|frame| frame.place).collect();
        if let Some(pair) = places.windows(2).find(|pair| pair[1] <= pair[0]) {
            sheet.fails(WHOLE, format!("Frame {} comes after frame {}.", pair[1] + 1, pair[0] + 1), Vec::new());
        }
    }
    let first: Vec<String> = phases.iter().flatten().take(1).map(|packet| hex(&packet.bytes, 32)).collect();
    if split == 0 {
        sheet.holds(PARTS, "Each frame came in one packet.", Vec::new());
    } else {
        let said = format!("{split} frames came in parts ({}) and are whole.", form.name());
        sheet.holds(PARTS, said, first.clone());
    }
    match (known, whole + split) {
        (_, 0) => {}
        (0, all) => sheet.holds(WHOLE, format!("{all} pictures came; none has the bytes of the film's."), first),
        (known, _) => sheet.holds(WHOLE, format!("{known} frames came, byte for byte those of the film."), first),
    }
}

fn rate(sheet: &mut Sheet, phases: &[Vec<Packet>], assemblies: &[Assembly]) {
    let (mut count, mut time) = (0, Duration::ZERO);
    for (packets, assembly) in phases.iter().zip(assemblies) {
        let (Some(first), Some(last)) = (assembly.frames.first(), assembly.frames.last()) else { continue };
        count += assembly.frames.len() - 1;
        time += packets[*last.packets.start()].at.duration_since(packets[*first.packets.start()].at);
    }
    if count == 0 || time.is_zero() {
        return sheet.skips("server.rate", "Too few frames came.");
    }
    let rate = count as f64 / time.as_secs_f64();
    let said = format!("{rate:.1} frames a second.");
    if (8.0..35.0).contains(&rate) {
        sheet.holds("server.rate", said, Vec::new());
    } else {
        sheet.fails("server.rate", said, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::super::frames::tests::packet;
    use super::super::rules::Half;
    use super::super::sheet::Outcome;
    use super::*;
    use std::sync::LazyLock;
    use std::time::Instant;

    static CLIP: LazyLock<Clip> = LazyLock::new(|| Clip::draw().unwrap());

    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

    /// When a frame comes.
    fn at(frame: usize, packet: Packet) -> Packet {
        Packet { at: *BEGIN + Duration::from_millis(50 * frame as u64), ..packet }
    }

    /// Frames of the film, one packet each, 50 ms apart.
    fn whole(frames: std::ops::Range<usize>) -> Vec<Packet> {
        frames
            .map(|frame| at(frame, packet(frame as u16 + 1, 1000 + frame as u32, false, &CLIP.frames[frame])))
            .collect()
    }

    /// The same in parts of 1400 bytes that share a number.
    fn split(frames: std::ops::Range<usize>) -> Vec<Packet> {
        let mut packets = Vec::new();
        for frame in frames {
            let parts: Vec<&[u8]> = CLIP.frames[frame].chunks(1400).collect();
            for (index, part) in parts.iter().enumerate() {
                packets.push(at(frame, packet(frame as u16 + 1, frame as u32, index + 1 == parts.len(), part)));
            }
        }
        packets
    }

    /// The requirements that fail.
    fn failing(packets: Vec<Packet>) -> Vec<&'static str> {
        let mut sheet = Sheet::new(Half::Server);
        judge(&mut sheet, &CLIP, &[packets]);
        let findings = sheet.finish("");
        findings.iter().filter(|finding| finding.outcome == Outcome::Fails).map(|finding| finding.rule.id).collect()
    }

    #[test]
    fn good_streams_have_no_fault() {
        assert_eq!(failing(whole(0..40)), [""; 0]);
        assert_eq!(failing(split(0..40)), [""; 0]);
        // A packet that is lost on the way is nobody's fault.
        let mut lossy = whole(0..40);
        lossy.remove(7);
        assert_eq!(failing(lossy), [""; 0]);
    }

    #[test]
    fn each_fault_is_found_by_its_requirement_alone() {
        type Make = fn(std::ops::Range<usize>) -> Vec<Packet>;
        type Change = fn(usize, &mut Packet);
        let cases: [(&str, Make, Change); 11] = [
            ("server.rtp-header", whole, |_, packet| packet.bytes[0] = 0x40),
            ("server.rtp-header", whole, |_, packet| packet.bytes[0] = 0x81),
            ("server.payload-type", whole, |_, packet| packet.bytes[1] = 96),
            ("server.sequence", whole, |_, packet| packet.bytes[2..4].fill(1)),
            ("server.sequence", whole, |number, packet| packet.bytes[3] &= if number % 5 == 0 { 0xfe } else { 0xff }),
            ("server.timestamp", whole, |_, packet| packet.bytes[4..8].fill(7)),
            ("server.timestamp", whole, |number, packet| packet.bytes[7] = 200 - number as u8),
            ("server.ssrc", whole, |number, packet| packet.bytes[8] = number as u8),
            ("server.marker", whole, |number, packet| packet.bytes[1] |= if number % 2 == 0 { 0x80 } else { 0 }),
            ("server.marker", split, |_, packet| packet.bytes[1] &= 0x7f),
            ("server.payload", whole, |number, packet| {
                if number == 9 {
                    packet.bytes.truncate(900)
                }
            }),
        ];
        for (number, (rule, packets, change)) in cases.into_iter().enumerate() {
            let mut packets = packets(0..40);
            packets.iter_mut().enumerate().for_each(|(number, packet)| change(number, packet));
            assert_eq!(failing(packets), [rule], "{number}");
        }
        let is_middle = |packets: &[Packet], place: usize| {
            place > 0 && packets[place - 1].sequence() == packets[place].sequence() && !packets[place].has_marker()
        };
        let all = split(0..40);
        let lossy = (0..all.len()).filter(|&place| !is_middle(&all, place)).map(|place| all[place].clone()).collect();
        assert_eq!(failing(lossy), ["server.fragments"]);
        let mut back = whole(0..40);
        back[20].bytes.splice(12.., CLIP.frames[2].iter().copied());
        assert_eq!(failing(back), ["server.payload"]);
    }
}
