//! System packages: what the tests need beside Rust, whether it is there, and how it gets there.
//!
//! Nothing is asked and nothing but the system's package manager is used: as root, or with a sudo that wants no password,
//! missing Debian packages are installed; otherwise the exact command is named.

use crate::shell::{on_path, succeeds};
use std::collections::BTreeSet;
use std::process::Command;

/// A thing that steps need from the system.
pub(crate) struct Need {
    /// Its description for people.
    pub(crate) what: &'static str,
    present: fn() -> bool,
    /// Names of its packages on Debian and Ubuntu.
    debian: &'static [&'static str],
    /// Names elsewhere, as a hint.
    elsewhere: &'static str,
}

/// The player's window.
pub(crate) const SDL2: Need = Need {
    what: "the SDL2 development files",
    present: || {
        on_path("sdl2-config")
            || succeeds(Command::new("pkg-config").args(["--exists", "sdl2"]))
            || cfg!(windows) && std::env::var_os("LIB").is_some_and(|path| has_file(&path, "SDL2.lib"))
    },
    debian: &["libsdl2-dev"],
    elsewhere: "SDL2-devel (Fedora), sdl2 (Arch, Homebrew)",
};

/// Generates the clips, and is one of the players.
pub(crate) const FFMPEG: Need = Need {
    what: "ffmpeg",
    present: || on_path("ffmpeg"),
    debian: &["ffmpeg"],
    elsewhere: "ffmpeg (Arch, Homebrew), ffmpeg-free (Fedora)",
};

/// 4:2:2 as libjpeg samples it, quality 50, grey, restart markers, progressive; and what libjpeg shows of damaged pictures.
pub(crate) const JPEG_TOOLS: Need = Need {
    what: "cjpeg, djpeg and jpegtran",
    present: || ["cjpeg", "djpeg", "jpegtran"].iter().all(|program| on_path(program)),
    debian: &["libjpeg-turbo-progs"],
    elsewhere: "libjpeg-turbo-utils (Fedora), libjpeg-turbo (Arch), jpeg-turbo (Homebrew)",
};

/// Another encoder of pictures.
pub(crate) const IMAGEMAGICK: Need = Need {
    what: "ImageMagick's mogrify",
    present: || on_path("mogrify"),
    debian: &["imagemagick"],
    elsewhere: "ImageMagick (Fedora), imagemagick (Arch, Homebrew)",
};

/// One of the players.
pub(crate) const GSTREAMER: Need = Need {
    what: "GStreamer with rtspsrc and rtpjpegdepay",
    present: || {
        on_path("gst-launch-1.0")
            && ["rtspsrc", "rtpjpegdepay", "multifilesink", "sdpdemux", "videotestsrc", "jpegenc"]
                .iter()
                .all(|element| succeeds(Command::new("gst-inspect-1.0").args(["--exists", element])))
    },
    debian: &[
        "gstreamer1.0-tools",
        "gstreamer1.0-plugins-base",
        "gstreamer1.0-plugins-good",
        "gstreamer1.0-plugins-bad",
        "gstreamer1.0-rtsp",
    ],
    elsewhere: "gstreamer1-plugins-good and -bad-free (Fedora), gst-plugins-good and -bad (Arch), gstreamer (Homebrew)",
};

/// The player's window on a machine without a display, its mouse and keyboard, and pictures of it.
pub(crate) const DISPLAY: Need = Need {
    what: "Xvfb, xdotool and ImageMagick's import",
    present: || ["Xvfb", "xdotool", "import"].iter().all(|program| on_path(program)),
    debian: &["xvfb", "xdotool", "imagemagick"],
    elsewhere: "xorg-x11-server-Xvfb, xdotool and ImageMagick (Fedora), xorg-server-xvfb, xdotool and imagemagick (Arch)",
};

/// Reads captures, independently of us.
pub(crate) const TSHARK: Need = Need {
    what: "tshark",
    present: || on_path("tshark"),
    debian: &["tshark"],
    elsewhere: "wireshark-cli (Fedora, Arch), wireshark (Homebrew)",
};

/// Windows of programs in Python, whose buttons `lab-check` presses.
pub(crate) const TKINTER: Need = Need {
    what: "Python with tkinter, and Xvfb",
    present: || on_path("Xvfb") && succeeds(Command::new("python3").args(["-c", "import tkinter"])),
    debian: &["python3-tk", "xvfb"],
    elsewhere: "python3-tkinter and xorg-x11-server-Xvfb (Fedora), tk and xorg-server-xvfb (Arch)",
};

/// A server that the player plays.
pub(crate) const GSTREAMER_SERVER: Need = Need {
    what: "GStreamer's RTSP server with Python bindings",
    present: || {
        const PROBE: &str =
            "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer";
        let python = ["python3", "/usr/bin/python3"];
        python.iter().any(|python| succeeds(Command::new(python).args(["-c", PROBE])))
            && succeeds(Command::new("gst-inspect-1.0").args(["--exists", "rtpjpegpay"]))
            && succeeds(Command::new("gst-inspect-1.0").args(["--exists", "avidemux"]))
    },
    debian: &[
        "python3-gi",
        "gir1.2-gst-rtsp-server-1.0",
        "gstreamer1.0-tools",
        "gstreamer1.0-plugins-base",
        "gstreamer1.0-plugins-good",
    ],
    elsewhere: "python3-gobject and gstreamer1-rtsp-server (Fedora), python-gobject and gst-rtsp-server (Arch)",
};

/// Shows the server's page. Without DejaVu's letters, those of some names would be missing in its pictures.
pub(crate) const CHROMIUM: Need = Need {
    what: "Chromium",
    present: || {
        ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"].iter().any(|program| on_path(program))
    },
    debian: &["chromium", "fonts-dejavu-core"],
    elsewhere: "chromium (Fedora, Arch, Homebrew)",
};

/// A second server that the player plays. The VLC of Debian cannot play RTSP, but it can serve it.
pub(crate) const VLC: Need = Need {
    what: "cvlc",
    present: || on_path("cvlc"),
    debian: &["vlc-bin", "vlc-plugin-base"],
    elsewhere: "vlc (Fedora, Arch)",
};

/// A server from PyPI is installed into an environment of this.
pub(crate) const VENV: Need = Need {
    what: "Python's venv with pip",
    present: || succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])),
    debian: &["python3-venv"],
    elsewhere: "python3 (Fedora), python (Arch, Homebrew)",
};

/// The microcontroller that the firmware boots on.
pub(crate) const QEMU: Need = Need {
    what: "qemu-system-arm",
    present: || on_path("qemu-system-arm"),
    debian: &["qemu-system-arm"],
    elsewhere: "qemu-system-arm (Fedora, Arch), qemu (Homebrew)",
};

/// The machine whose kernel has a camera, and what its first file system is made with.
pub(crate) const KERNEL_MACHINE: Need = Need {
    what: "qemu-system-x86_64, busybox, cpio and v4l2-ctl",
    present: || ["qemu-system-x86_64", "busybox", "cpio", "v4l2-ctl"].iter().all(|program| on_path(program)),
    debian: &["qemu-system-x86", "busybox-static", "cpio", "v4l-utils"],
    elsewhere: "a Debian, whose kernel it boots",
};

/// Machines with cables between them, of which one can be cut.
pub(crate) const IPROUTE: Need = Need {
    what: "ip and tc",
    present: || on_path("ip") && on_path("tc"),
    debian: &["iproute2"],
    elsewhere: "iproute (Fedora), iproute2 (Arch)",
};

/// Builds for a Raspberry Pi with a system of 64 bits.
pub(crate) const CROSS_ARM64: Need = Need {
    what: "aarch64-linux-gnu-gcc",
    present: || on_path("aarch64-linux-gnu-gcc"),
    debian: &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
    elsewhere: "gcc-aarch64-linux-gnu (Fedora), aarch64-linux-gnu-gcc (Arch)",
};

/// Builds for a Raspberry Pi with a system of 32 bits.
pub(crate) const CROSS_ARMHF: Need = Need {
    what: "arm-linux-gnueabihf-gcc",
    present: || on_path("arm-linux-gnueabihf-gcc"),
    debian: &["gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross"],
    elsewhere: "a Debian",
};

/// Builds programs that need no library of the system.
pub(crate) const MUSL: Need = Need {
    what: "musl-gcc",
    present: || on_path("musl-gcc"),
    debian: &["musl-tools"],
    elsewhere: "musl-gcc (Fedora), musl (Arch)",
};

/// Runs programs of these machines.
pub(crate) const QEMU_USER: Need = Need {
    what: "qemu-aarch64 and qemu-arm",
    present: || ["qemu-aarch64", "qemu-arm"].iter().all(|program| on_path(program)),
    debian: &["qemu-user"],
    elsewhere: "qemu-user (Fedora, Arch)",
};

/// libjpeg-turbo is built from its source.
pub(crate) const TURBO_TOOLS: Need = Need {
    what: "cmake and nasm",
    present: || ["cmake", "nasm"].iter().all(|program| on_path(program)),
    debian: &["cmake", "nasm"],
    elsewhere: "cmake and nasm (Fedora, Arch, Homebrew)",
};

impl Need {
    /// Why it cannot be used: `None` where it is there.
    pub(crate) fn missing(&self) -> Option<String> {
        (!(self.present)()).then(|| format!("{} not found; {}", self.what, self.remedy()))
    }

    fn remedy(&self) -> String {
        if on_path("apt-get") {
            format!("install with: sudo apt-get install -y --no-install-recommends {}", self.debian.join(" "))
        } else {
            format!("packages: {}; {} (Debian)", self.elsewhere, self.debian.join(" "))
        }
    }
}

/// Installs what is missing of `needs` where that needs nobody's consent. Prints what it does; failing is not an error,
/// because every step asks [`Need::missing`] again.
pub(crate) fn install_missing(needs: &[&Need]) {
    let missing: Vec<_> = needs.iter().filter(|need| !(need.present)()).collect();
    if missing.is_empty() || !on_path("apt-get") {
        return;
    }
    let Some(prefix) = root_prefix() else { return };
    let packages: BTreeSet<_> = missing.iter().flat_map(|need| need.debian).copied().collect();
    println!("installing {}", packages.iter().copied().collect::<Vec<_>>().join(" "));
    for arguments in
        [vec!["update"], [vec!["install", "-y", "--no-install-recommends"], packages.into_iter().collect()].concat()]
    {
        let mut words = prefix.to_vec();
        words.push("apt-get");
        words.extend(["-qq", "-o", "DPkg::Lock::Timeout=120"]);
        words.extend(arguments);
        let [program, arguments @ ..] = words.as_slice() else { return };
        let status = Command::new(program).args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status();
        if !status.is_ok_and(|status| status.success()) {
            println!("`{}` failed", words.join(" "));
        }
    }
}

/// The words before a command that must run as root; `None` where the system would ask a question first.
pub(crate) fn root_prefix() -> Option<&'static [&'static str]> {
    let id = Command::new("id").arg("-u").output().ok()?;
    if id.stdout.trim_ascii() == b"0" {
        Some(&[])
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        Some(&["sudo", "-n"])
    } else {
        None
    }
}

/// The command, run as root where nobody is asked for that; otherwise as it is.
pub(crate) fn as_root(command: &Command) -> Command {
    let mut words = root_prefix().unwrap_or_default().iter();
    let Some(first) = words.next() else {
        let mut same = Command::new(command.get_program());
        same.args(command.get_args());
        return same;
    };
    let mut other = Command::new(first);
    other.args(words).arg(command.get_program()).args(command.get_args());
    other
}

fn has_file(path: &std::ffi::OsStr, name: &str) -> bool {
    std::env::split_paths(path).any(|folder| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_packages() {
        let need = Need { what: "a thing", present: || false, debian: &["libthing-dev"], elsewhere: "thing (Arch)" };
        let why = need.missing().unwrap();
        assert!(why.contains("a thing not found") && why.contains("libthing-dev"), "{why}");
    }

    #[test]
    fn what_is_there_is_not_missing() {
        assert_eq!(Need { what: "a thing", present: || true, debian: &[], elsewhere: "" }.missing(), None);
    }
}
