//! What the image was started with: QEMU's `-append "fps=15 rtsp=8554 rtp=6970 seed=0123456789abcdef"`.

use defmt::warn;
use mutoscope::media::FrameRate;

/// Room for the command line.
const COMMAND_LINE: usize = 256;

/// All of them have defaults.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) frame_rate: FrameRate,
    pub(crate) rtsp_port: u16,
    /// Even; RTCP has the next one.
    pub(crate) rtp_port: u16,
    /// 64 bits that nobody can guess.
    pub(crate) seed: Option<u64>,
}

const DEFAULT_FRAME_RATE: FrameRate = match FrameRate::new(15, 1) {
    Some(rate) => rate,
    None => panic!("15 is a rate"),
};

impl Options {
    /// Asks the debugger (QEMU) for the command line. What cannot be understood is said and left out.
    pub(crate) fn read() -> Self {
        let mut options = Self { frame_rate: DEFAULT_FRAME_RATE, rtsp_port: 8554, rtp_port: 6970, seed: None };
        let Ok(arguments) = semihosting::experimental::env::args::<COMMAND_LINE>() else { return options };
        // The first one is the image's name.
        for argument in (&arguments).skip(1).flatten() {
            if options.take(argument).is_none() {
                warn!("not an option: {}", argument);
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
            "seed" => self.seed = Some(u64::from_str_radix(value, 16).ok()?),
            _ => return None,
        }
        Some(())
    }
}
