//! Small files of each container, for tests.

/// A box of QuickTime.
fn atom(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Tables, and boxes before those of the media.
fn track(before: &[u8], tables: &[Vec<u8>]) -> Vec<u8> {
    let head = atom(b"tkhd", &[words(&[0, 0, 0, 1]), vec![0; 68]].concat());
    let media_head = atom(b"mdhd", &[words(&[0, 0, 0, 1000, 0]), vec![0x55, 0xc4, 0, 0]].concat());
    let handler = atom(b"hdlr", &[&[0; 8][..], b"vide", &[0; 13]].concat());
    let entry = atom(b"jpeg", &[0; 78]);
    let description = atom(b"stsd", &[words(&[0, 1]), entry].concat());
    let table = atom(b"stbl", &[description, tables.concat()].concat());
    let media = [media_head, handler, atom(b"minf", &table)].concat();
    atom(b"trak", &[&head, before, &atom(b"mdia", &media)].concat())
}

/// A file with tables at its end. `millis`: how long each picture lasts.
pub(crate) fn mov(frames: &[Vec<u8>], millis: &[u32]) -> Vec<u8> {
    edited(frames, millis, &[], &[])
}

/// An entry of an edit list, in milliseconds: how long it lasts, where it begins in the track (-1: nothing is shown), and how fast it
/// goes, in parts of 65536.
pub(crate) type Edit = (u32, i32, u32);

/// The same with an edit list, and with a table of how much later than in turn pictures are shown: counts and milliseconds.
pub(crate) fn edited(frames: &[Vec<u8>], millis: &[u32], edits: &[Edit], shifts: &[u32]) -> Vec<u8> {
    let start = atom(b"ftyp", b"qt  \0\0\0\0");
    let data = atom(b"mdat", &frames.concat());
    let first = start.len() as u32 + 8;
    let count = frames.len() as u32;
    let sizes: Vec<u32> = frames.iter().map(|frame| frame.len() as u32).collect();
    // Two pictures in each chunk.
    let chunks: Vec<u32> = (0..frames.len()).step_by(2).map(|at| first + sizes[..at].iter().sum::<u32>()).collect();
    let durations: Vec<u32> = millis.iter().flat_map(|&millis| [1, millis]).collect();
    let tables = [
        atom(b"stts", &[words(&[0, count]), words(&durations)].concat()),
        atom(b"stsc", &words(&[0, 1, 1, 2, 1])),
        atom(b"stsz", &[words(&[0, 0, count]), words(&sizes)].concat()),
        atom(b"stco", &[words(&[0, chunks.len() as u32]), words(&chunks)].concat()),
        atom(b"ctts", &[words(&[0, shifts.len() as u32 / 2]), words(shifts)].concat()),
    ];
    // Halves of a millisecond, so that units of film and track differ.
    let film = atom(b"mvhd", &words(&[0, 0, 0, 2000, 0]));
    let list: Vec<u32> =
        edits.iter().flat_map(|&(lasts, from, speed)| [lasts.saturating_mul(2), from as u32, speed]).collect();
    let list = atom(b"edts", &atom(b"elst", &[words(&[0, edits.len() as u32]), words(&list)].concat()));
    let list = if edits.is_empty() { Vec::new() } else { list };
    [start, data, atom(b"moov", &[film, track(&list, &tables)].concat())].concat()
}

/// A file of fragments, each of two pictures of 40 ms. So many milliseconds are not shown.
pub(crate) fn fragments(frames: &[Vec<u8>], skipped: u32) -> Vec<u8> {
    let tables = [b"stts", b"stsc", b"stco"].map(|kind| atom(kind, &words(&[0, 0])));
    let tables = [tables.concat(), atom(b"stsz", &words(&[0, 0, 0]))];
    let defaults = atom(b"mvex", &atom(b"trex", &words(&[0, 1, 1, 40, 0, 0])));
    let list = atom(b"edts", &atom(b"elst", &words(&[0, 1, 0, skipped, 1 << 16])));
    let moov = atom(b"moov", &[track(&list, &tables), defaults].concat());
    let file = [atom(b"ftyp", b"isom\0\0\0\0"), moov].concat();
    with_fragments(file, frames, 0)
}

/// A file whose tables tell the first two pictures, and fragments the others.
pub(crate) fn hybrid(frames: &[Vec<u8>]) -> Vec<u8> {
    let (first, others) = frames.split_at(2);
    let mut file = mov(first, &[40; 2]);
    let defaults = atom(b"mvex", &atom(b"trex", &words(&[0, 1, 1, 40, 0, 0])));
    // The tables are last in the file.
    let moov = file.windows(4).rposition(|kind| kind == b"moov").unwrap_or(4) - 4;
    let len = (file.len() - moov + defaults.len()) as u32;
    file[moov..moov + 4].copy_from_slice(&len.to_be_bytes());
    file.extend(defaults);
    with_fragments(file, others, 80)
}

/// Fragments behind what there is, from this time on.
fn with_fragments(mut file: Vec<u8>, frames: &[Vec<u8>], millis: u32) -> Vec<u8> {
    for (number, pair) in (0_u32..).zip(frames.chunks(2)) {
        let sizes: Vec<u32> = pair.iter().map(|frame| frame.len() as u32).collect();
        let moof = |data_offset| {
            let run = [words(&[0x201, pair.len() as u32, data_offset]), words(&sizes)].concat();
            let head = atom(b"tfhd", &words(&[0x2_0000, 1]));
            let time = atom(b"tfdt", &words(&[0, millis + number * 80]));
            let traf = atom(b"traf", &[head, time, atom(b"trun", &run)].concat());
            atom(b"moof", &[atom(b"mfhd", &words(&[0, number])), traf].concat())
        };
        let behind = moof(0).len() as u32 + 8;
        file.extend([moof(behind), atom(b"mdat", &pair.concat())].concat());
    }
    file
}

/// An element of Matroska; its ID is written as it is.
fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let size = (content.len() as u64 | 1 << 56).to_be_bytes();
    [id, &size, content].concat()
}

fn open_element(id: &[u8]) -> Vec<u8> {
    [id, &[0xff]].concat()
}

/// Clusters without a size, each of one picture in a simple block, one in a group, and all others in a lace of this kind (RFC 9559
/// section 10.3). Blocks are 40 ms apart, and so are the pictures of a lace.
pub(crate) fn matroska(frames: &[Vec<u8>], per_cluster: usize, lacing: u8) -> Vec<u8> {
    let entry = [
        element(&[0xd7], &[1]),
        element(&[0x86], b"V_MJPEG"),
        element(&[0x23, 0xe3, 0x83], &40_000_000_u32.to_be_bytes()),
    ];
    let tracks = element(&[0x16, 0x54, 0xae, 0x6b], &element(&[0xae], &entry.concat()));
    let head = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"matroska"));
    let mut file = [head, open_element(&[0x18, 0x53, 0x80, 0x67]), tracks].concat();
    for (number, frames) in (0_u32..).zip(frames.chunks(per_cluster)) {
        file.extend(open_element(&[0x1f, 0x43, 0xb6, 0x75]));
        file.extend(element(&[0xe7], &(5000 + number * per_cluster as u32 * 40).to_be_bytes()));
        let block = |millis: u8, flags: u8, content: &[u8]| [&[0x81, 0, millis, flags], content].concat();
        file.extend(element(&[0xa3], &block(0, 0x80, &frames[0])));
        if let Some(frame) = frames.get(1) {
            file.extend(element(&[0xa0], &element(&[0xa1], &block(40, 0, frame))));
        }
        if let Some(laced) = frames.get(2..).filter(|laced| !laced.is_empty()) {
            file.extend(element(&[0xa3], &block(80, 0x80 | lacing << 1, &lace(laced, lacing))));
        }
    }
    file
}

fn lace(frames: &[Vec<u8>], lacing: u8) -> Vec<u8> {
    let mut head = vec![frames.len() as u8 - 1];
    let told = frames.split_last().map_or(&[][..], |(_, told)| told);
    match lacing {
        0 => head.clear(),
        1 => told.iter().for_each(|frame| {
            head.extend(vec![255; frame.len() / 255]);
            head.push((frame.len() % 255) as u8);
        }),
        3 => {
            let mut before = None;
            for frame in told {
                let len = frame.len() as i32;
                let value = before.map_or(len, |before| len - before + 0x1fff);
                head.extend((value as u16 | 0x4000).to_be_bytes());
                before = Some(len);
            }
        }
        _ => {}
    }
    [head, frames.concat()].concat()
}
