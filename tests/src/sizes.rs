//! What the main types take of memory, beside the buffers lent to them: no size grows unnoticed. `cargo xtask sizes` prints
//! those of a microcontroller.

#[cfg(test)]
mod tests {
    use mutoscope::io::server::Client;
    use mutoscope::jpeg::Layout;
    use mutoscope::rtp::packetizer::{Packet, Packetizer};
    use mutoscope::rtp::receiver::Receiver;
    use mutoscope::rtp::sender::Sender;
    use mutoscope::session::server::Connection;
    use mutoscope::source::mjpeg::Reader;

    type Lent = &'static mut [u8];

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn sizes_of_the_main_types_are_pinned() {
        for (name, size, most) in [
            ("server session", size_of::<Connection<Lent>>(), 768),
            ("server's client without its source", size_of::<Client<Lent, ()>>(), 1024),
            ("packetizer", size_of::<Packetizer>(), 64),
            ("sender", size_of::<Sender>(), 32),
            ("packet", size_of::<Packet<'_>>(), 192),
            ("layout", size_of::<Layout>(), 48),
            ("receiver of two frames", size_of::<Receiver<Lent, 2>>(), 2304),
            ("file reader", size_of::<Reader<(), Lent>>(), 256),
        ] {
            assert!(size <= most, "{name}: {size} bytes, {most} at most");
            assert!(size >= most / 2, "{name}: {size} bytes, the limit of {most} is out of date");
        }
    }
}
