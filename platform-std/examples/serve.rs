//! Serves frames of one's own: `cargo run -p mutoscope-std --example serve -- 127.0.0.1:8554`
use mutoscope::media::testcard::{DEFAULT_QUALITY, TestCard, buffer_len};
use mutoscope_std::media::live::Live;
use mutoscope_std::server::{Options, Server};
use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address: std::net::SocketAddr = std::env::args().nth(1).ok_or("usage: serve ADDRESS:PORT")?.parse()?;
    let card = TestCard::new(320, 240, "25".parse()?, DEFAULT_QUALITY).ok_or("no size for a test card")?;
    let camera = Live::from_fn("camera", card.rate(), move |number| {
        let mut jpeg = vec![0; buffer_len(320, 240)];
        let len = card.render(number, &mut jpeg).expect("the buffer holds every picture");
        jpeg.truncate(len);
        jpeg
    })?;
    let server = Server::bind(&Options::from(address))?;
    writeln!(std::io::stdout(), "{}", server.url("camera"))?;
    Ok(server.serve(camera)?)
}
