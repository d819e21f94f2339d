//! The chip's Ethernet controller as a smoltcp device.
//!
//! It has no DMA: frames go word by word through one FIFO register each way, so a frame takes a buffer here while smoltcp
//! reads or writes it. QEMU's PHY has no link state to wait for.

use crate::lm3s6965::Register;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::EthernetAddress;

/// The longest frame, without its check sequence.
const FRAME: usize = 1514;

/// Frames start with their length in 16 bits, and end with a check sequence.
const LENGTH_LEN: usize = 2;
const CHECK_LEN: usize = 4;
const HEADER_LEN: usize = 14;

macro_rules! registers {
    ($($(#[$doc:meta])* $name:ident = $offset:expr;)*) => {
        $(
            $(#[$doc])*
            // SAFETY: a register of the Ethernet controller, which has no DMA.
            const $name: Register = unsafe { Register::new(0x4004_8000 + $offset) };
        )*
    };
}

registers! {
    /// Interrupt causes: reads tell, ones written clear. Bit 0: a frame was received.
    RIS_IACK = 0x00;
    /// Which causes interrupt; after reset all do.
    IM = 0x04;
    /// Receiver: 1 on, 2 multicast, 4 all addresses, 8 drop bad checksums, 16 empty the FIFO (while set).
    RCTL = 0x08;
    /// Transmitter: 1 on, 2 pad short frames, 4 append the check sequence, 16 full duplex.
    TCTL = 0x0C;
    /// Both FIFOs.
    DATA = 0x10;
    /// The address, first byte lowest.
    IA0 = 0x14;
    IA1 = 0x18;
    /// Frames received and not read.
    NP = 0x34;
    /// 1 starts sending, and stays until the frame has left. QEMU sends at once.
    TR = 0x38;
}

const RECEIVED: u32 = 1;

/// The controller and a buffer each way: smoltcp holds both at once, to answer what it reads.
pub(crate) struct Ethernet {
    rx: [u8; FRAME],
    tx: [u8; FRAME],
}

impl Ethernet {
    pub(crate) const fn new() -> Self {
        Self { rx: [0; FRAME], tx: [0; FRAME] }
    }

    /// Turns it on.
    pub(crate) fn start(&self, EthernetAddress([a, b, c, d, e, f]): EthernetAddress) {
        IM.write(0);
        RCTL.write(16);
        RCTL.write(0);
        IA0.write(u32::from_le_bytes([a, b, c, d]));
        IA1.write(u32::from_le_bytes([e, f, 0, 0]));
        TCTL.write(1 | 2 | 4 | 16);
        RCTL.write(1 | 8);
        RIS_IACK.write(u32::MAX);
        IM.write(RECEIVED);
    }

    /// Whether a frame waits. Clears the interrupt first: a frame that comes after raises it again.
    pub(crate) fn has_received(&self) -> bool {
        RIS_IACK.write(RECEIVED);
        NP.read() != 0
    }

    /// Reads the next frame from the FIFO; 0 where it fits no frame.
    ///
    /// ```text
    /// word 0: | length + 6 (16) | byte 0 | byte 1 |   then bytes 2.. in words, then the check sequence, then padding
    ///           low half                               to the end of the last word
    /// ```
    fn read_frame(&mut self) -> usize {
        let [low, high, first, second] = DATA.read().to_le_bytes();
        let total = usize::from(u16::from_le_bytes([low, high]));
        let len = total.saturating_sub(LENGTH_LEN + CHECK_LEN);
        let fits = (2..=FRAME).contains(&len);
        let mut out = self.rx.iter_mut();
        for (byte, place) in [first, second].into_iter().zip(&mut out) {
            *place = byte;
        }
        // To the last word whatever it holds: only that takes the frame away.
        for _ in 1..total.div_ceil(4) {
            let bytes = DATA.read().to_le_bytes();
            for (byte, place) in bytes.into_iter().zip(&mut out) {
                *place = byte;
            }
        }
        if fits { len } else { 0 }
    }
}

impl Device for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        while NP.read() != 0 {
            let len = self.read_frame();
            if len != 0 {
                return Some((Received(self.rx.get(..len)?), Sending(&mut self.tx)));
            }
        }
        None
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        (TR.read() & 1 == 0).then_some(Sending(&mut self.tx))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}

/// A frame that was read from the FIFO.
pub(crate) struct Received<'a>(&'a [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for a frame.
pub(crate) struct Sending<'a>(&'a mut [u8; FRAME]);

impl TxToken for Sending<'_> {
    /// ```text
    /// word 0: | length - 14 (16) | byte 0 | byte 1 |   then bytes 2.. in words
    /// ```
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        // smoltcp keeps to `max_transmission_unit`.
        let (frame, _) = self.0.split_at_mut(len.min(FRAME));
        let result = f(frame);
        // The receiver's answer to what came last may still be on its way (never in QEMU).
        while TR.read() & 1 != 0 {}
        let [low, high] = (frame.len().saturating_sub(HEADER_LEN) as u16).to_le_bytes();
        let (first, rest) = frame.split_at(frame.len().min(2));
        DATA.write(u32::from_le_bytes([low, high, byte(first, 0), byte(first, 1)]));
        for word in rest.chunks(4) {
            DATA.write(u32::from_le_bytes([byte(word, 0), byte(word, 1), byte(word, 2), byte(word, 3)]));
        }
        TR.write(1);
        result
    }
}

fn byte(bytes: &[u8], index: usize) -> u8 {
    bytes.get(index).copied().unwrap_or(0)
}
