//! What a publisher sends to a server: datagrams of any bytes, in a session that records.

use crate::film::picture;
use crate::net::Faults;
use crate::publisher::Publisher;
use crate::world::{World, settings};
use mutoscope::io::server::Settings;
use mutoscope::rtp::sender::Sender;
use mutoscope::session::State;
use mutoscope::session::server::Config;
use mutoscope::time::Duration;

fn scene() -> World {
    let settings = Settings { session: Config { record: true, ..Config::default() }, ..settings() };
    World::with([], settings, 1, Faults::default())
}

/// Datagrams, each behind its length in two bytes. Whatever they are, the session stays, and after a silence the next whole
/// picture comes out as it was sent.
pub fn publisher(data: &[u8]) {
    let mut scene = scene();
    let mut publisher = Publisher::new(&mut scene, 1, true);
    publisher.start(&mut scene);
    let mut rest = data;
    while let [high, low, bytes @ ..] = rest {
        let (packet, behind) = bytes.split_at(bytes.len().min(usize::from(u16::from_be_bytes([*high, *low]))));
        publisher.send(packet);
        rest = behind;
    }
    scene.run(&mut [&mut publisher.client], Duration::from_secs(3));
    let before = scene.server.stage.published();
    // Every picture has a packet with its end.
    assert!(before as usize <= data.len() / 14, "{before} pictures of {} bytes", data.len());
    // As somebody who starts anew would: what came before may have used up any other numbers.
    publisher.sender = Sender::new(0x5EED_CAFE, 100);
    let whole = picture(1, (64, 64), 50);
    publisher.publish(&whole, scene.network.now());
    scene.run(&mut [&mut publisher.client], Duration::from_millis(300));
    assert_eq!((scene.server.stage.published(), scene.server.sessions(State::Recording)), (before + 1, 1));
}

/// Two pictures; the same with packets exchanged; one of them cut.
pub fn publisher_seeds() -> Vec<Vec<u8>> {
    let mut scene = scene();
    let mut publisher = Publisher::new(&mut scene, 1, true);
    let mut packets: Vec<Vec<u8>> =
        [3, 4].map(|seed| picture(seed, (64, 48), 30)).iter().fold(vec![], |mut all, file| {
            all.extend(
                publisher.packets(file, scene.network.now().after(Duration::from_millis(40 * all.len() as u64))),
            );
            all
        });
    let framed = |packets: &[Vec<u8>]| {
        let framed = packets.iter().map(|packet| [&(packet.len() as u16).to_be_bytes()[..], packet].concat());
        framed.collect::<Vec<_>>().concat()
    };
    let plain = framed(&packets);
    packets.swap(0, 1);
    let exchanged = framed(&packets);
    packets[0].truncate(20);
    vec![plain, exchanged, framed(&packets)]
}
