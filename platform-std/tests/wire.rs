//! What of a file is on the wire: the bytes of RTP/JPEG's headers and the lines of the description.

mod support;

use std::path::PathBuf;

use mutoscope::jpeg::encoder::{Encoder, Quantizer};
use mutoscope::jpeg::{Layout, tables};
use mutoscope::media::FrameRate;
use mutoscope::wire::rtp_jpeg::MainHeader;
use mutoscope_std::media::{Library, Policy};
use mutoscope_std::server::Options;
use support::{Answer, Folder, Running, options};

/// A 4:2:0 picture of one colour, with the tables of `q`.
fn picture(width: u16, height: u16, q: u8) -> Vec<u8> {
    let mcus = usize::from(width).div_ceil(16) * usize::from(height).div_ceil(16);
    let mut file = vec![0; 1024 + 40 * mcus];
    let quantizer = Quantizer::new(q);
    let mut encoder = Encoder::new(&mut file, width, height, &quantizer).unwrap();
    (0..mcus).for_each(|mcu| encoder.flat_mcu([mcu as u8, 90, 160]).unwrap());
    let len = encoder.finish().unwrap();
    file.truncate(len);
    file
}

/// The description of a file, and the packets of its first frame without their RTP headers.
fn served(options: Options, file: PathBuf) -> (Answer, Vec<Vec<u8>>) {
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    let rate = FrameRate::new(100, 1).unwrap();
    let server = Running::with(options, move || Library::from_paths(&[file], rate, Policy::default()).unwrap());
    let mut client = server.connect_to(&name);
    let description = client.ask("DESCRIBE", "Accept: application/sdp\r\n");
    let answer = client.ask("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
    let session = format!("Session: {}\r\n", answer.header("Session").split(';').next().unwrap());
    assert_eq!(client.ask("PLAY", &session).status, 200);
    let mut packets = Vec::new();
    loop {
        let (channel, packet) = client.packet();
        if channel == 0 {
            // Large pictures tell their size in an extension of the first packet's header: 4 bytes, and 20 of JPEG.
            let extension = if packet[0] & 0x10 == 0 { 0 } else { 24 };
            packets.push(packet[12 + extension..].to_vec());
            if packet[1] & 0x80 != 0 {
                return (description, packets);
            }
        }
    }
}

#[test]
fn tables_are_sent_as_their_q_where_they_have_one_and_that_is_wanted() {
    let folder = Folder::new("q");
    // One entry more or less, of luma or of chroma, and it is no table of the RFC's.
    let changed = |table: usize, entry: usize| {
        let mut file = picture(320, 240, 60);
        let at = Layout::parse(&file).unwrap().quantization[table].start as usize + entry;
        file[at] += 1;
        file
    };
    let mut files: Vec<(Vec<u8>, Option<u8>)> = (1..=99).map(|q| (picture(320, 240, q), Some(q))).collect();
    files.extend([(0, 0), (0, 63), (1, 0), (1, 63)].map(|(table, entry)| (changed(table, entry), None)));
    let rest = files.split_off(99);
    let few = [0, 49, 74, 98].map(|at| files[at].clone());
    assert!(files.iter().all(|(file, q)| {
        let [luma, chroma] = Layout::parse(file).unwrap().quantization.map(|table| table.of(file));
        tables::q_of(luma, chroma) == *q
    }));
    for (number, (file, q)) in few.into_iter().chain(rest).enumerate() {
        let path = folder.file(&format!("{number}.mjpeg"), &file);
        let layout = Layout::parse(&file).unwrap();
        let (luma, chroma) = (layout.quantization[0].of(&file), layout.quantization[1].of(&file));
        for computed_tables in [false, true] {
            let (_, packets) = served(Options { computed_tables, payload_size: 256, ..options() }, path.clone());
            let q = q.filter(|_| computed_tables);
            let mut scan = Vec::new();
            for (index, packet) in packets.iter().enumerate() {
                let (head, mut data) = packet.split_at(MainHeader::LEN);
                let [_, offset @ ..] = (scan.len() as u32).to_be_bytes();
                assert_eq!(head, [&[0], &offset[..], &[1, q.unwrap_or(255), 40, 30]].concat(), "{q:?}, packet {index}");
                if q.is_none() && index == 0 {
                    // MBZ, precision, length (RFC 2435 section 3.1.8), and the tables as they are in the file.
                    let expected = [&[0, 0, 0, 128], luma, chroma].concat();
                    assert_eq!(data[..132], expected);
                    data = &data[132..];
                }
                scan.extend_from_slice(data);
            }
            assert!(packets.len() > 2 && scan == layout.scan.of(&file), "{q:?}");
        }
    }
}

#[test]
fn sizes_are_told_in_units_of_8_and_exactly_where_that_says_too_little() {
    let folder = Folder::new("sizes");
    for ((width, height), units, line) in [
        ((64, 48), [8, 6], None),
        ((65, 48), [9, 6], Some("65,48")),
        ((64, 41), [8, 6], Some("64,41")),
        ((1, 1), [1, 1], Some("1,1")),
        ((2040, 16), [255, 2], None),
        ((2033, 16), [255, 2], Some("2033,16")),
        ((2041, 16), [0, 0], Some("2041,16")),
        ((2048, 16), [0, 0], Some("2048,16")),
        ((16, 2041), [0, 0], Some("16,2041")),
    ] {
        let path = folder.file("a.mjpeg", &picture(width, height, 50));
        let (description, packets) = served(options(), path);
        for packet in packets {
            assert_eq!(packet[6..8], units, "{width}x{height}");
        }
        let told = description.body.lines().find_map(|text| text.strip_prefix("a=x-dimensions:"));
        assert_eq!(told, line, "{}", description.body);
    }
}
