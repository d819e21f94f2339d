//! The largest sizes that fit, and the next ones.

use mutoscope::time::Duration;
use mutoscope_tests::film::{Film, pictures};
use mutoscope_tests::hostile_scene::URL;
use mutoscope_tests::world::World;

#[test]
fn a_transmit_buffer_smaller_than_the_payload_limit_still_plays() {
    for tx in [1_024, 1_300, 1_416, 1_417] {
        let film = Film::new("movie.Mjpeg", pictures(4), 24);
        let mut scene = World::new([film.clone()]);
        scene.server.buffers.1 = tx;
        let mut viewer = scene.connect(2, URL);
        scene.start_interleaved(&mut viewer);
        scene.run(&mut [&mut viewer], Duration::from_secs(1));
        assert_eq!(viewer.frames.len(), film.frames.len(), "buffer of {tx} bytes");
        assert!(viewer.frames.iter().zip(film.frames.iter()).all(|(seen, shown)| seen.is(shown)));
    }
}
