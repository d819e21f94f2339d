//! What the image was started with: QEMU's `-append "fps=15 rtsp=8554 rtp=6970 seed=…"`.

use crate::random::SEED;
use defmt::warn;
use mutoscope::media::FrameRate;

/// Room for the command line, which begins with the image's path.
const COMMAND_LINE: usize = 384;

/// All of them have defaults.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) frame_rate: FrameRate,
    pub(crate) rtsp_port: u16,
    /// Even; RTCP has the next one.
    pub(crate) rtp_port: u16,
    /// 64 hexadecimal digits that nobody can guess, others at each start.
    pub(crate) seed: Option<[u8; SEED]>,
}

const DEFAULT_FRAME_RATE: FrameRate = match FrameRate::new(15, 1) {
    Some(rate) => rate,
    None => panic!("15 is a rate"),
};

impl Options {
    /// Asks the debugger (QEMU) for the command line. What cannot be understood is said and left out.
    // What it takes of the stack is free again afterwards.
    #[inline(never)]
    pub(crate) fn read() -> Self {
        let mut options = Self { frame_rate: DEFAULT_FRAME_RATE, rtsp_port: 8554, rtp_port: 6970, seed: None };
        let Ok(arguments) = semihosting::experimental::env::args::<COMMAND_LINE>() else { return options };
        // The first one is the image's name.
        for argument in (&arguments).skip(1).flatten() {
            if options.take(argument).is_none() {
                // Its value may be a secret that was mistyped.
                warn!("not an option: {}", argument.split('=').next());
            }
        }
        options
    }

    fn take(&mut self, argument: &str) -> Option<()> {
        let (name, value) = argument.split_once('=')?;
        match name {
            "fps" => self.frame_rate = value.parse().ok()?,
            "rtsp" => self.rtsp_port = value.parse().ok()?,
            "rtp" => self.rtp_port = value.parse().ok()?,
            "seed" => self.seed = Some(seed(value)?),
            _ => return None,
        }
        Some(())
    }
}

/// Two hexadecimal digits for each byte.
fn seed(digits: &str) -> Option<[u8; SEED]> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let mut seed = [0; SEED];
    if pairs.len() != SEED {
        return None;
    }
    for (byte, pair) in seed.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(seed)
}
