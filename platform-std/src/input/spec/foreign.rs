//! Inputs that somebody names who is no user of this machine. They tell the server where in the network to look, and nothing else: no
//! program is run for them, no file is read or written, and no variable of the environment is told.

use std::net::IpAddr;

use super::{Parameters, Source, Spec, SpecError, check_name};
use crate::reach::{OUT_OF_REACH, Reach};

/// The longest name, in bytes, with which a URL of ours fits into requests.
const MAX_NAME: usize = 100;
/// The longest description of an input, in bytes.
const MAX_INPUT: usize = 1024;

const KINDS: &str =
    "only what other machines send can be added while the server runs: http://, https://, rtsp://, rtsps:// and push:";
const VARIABLES: &str = "variables of the environment are for the configuration of the server: \"${\" is not read here";
const FILES: &str = "what is written to files is for the configuration of the server: #record, #segment and #keep";

impl Spec {
    /// The same as `NAME=INPUT`, from somebody who is no user of this machine, such as one who administers a server by its page. It
    /// is a stream of another machine, or takes what clients publish; [`reach`](Self::reach) says where it may be.
    ///
    /// ```
    /// use mutoscope_std::input::{Reach, Spec};
    ///
    /// let spec = Spec::from_elsewhere("door", "rtsp://192.0.2.7/stream")?;
    /// assert_eq!((spec.name(), spec.reach()), ("door", Reach::OtherMachines));
    /// for refused in ["exec:reboot", "/etc/passwd", "-", "http://127.0.0.1/", "http://camera/${HOME}", "push:#record=/srv"] {
    ///     assert!(Spec::from_elsewhere("door", refused).is_err());
    /// }
    /// # Ok::<(), mutoscope_std::input::SpecError>(())
    /// ```
    ///
    /// # Errors
    /// See [`SpecError`].
    pub fn from_elsewhere(name: &str, input: &str) -> Result<Self, SpecError> {
        for (text, most) in [(name, MAX_NAME), (input, MAX_INPUT)] {
            if text.len() > most {
                return Err(SpecError::TooLong { most });
            }
        }
        check_name(name)?;
        if name.contains('=') {
            return Err(SpecError::Name { name: name.to_owned(), why: "a name has no equals sign" });
        }
        if input.contains("${") {
            return Err(SpecError::Forbidden { why: VARIABLES });
        }
        if input.chars().any(char::is_control) {
            return Err(SpecError::Url { why: "it holds control characters" });
        }
        let spec = Self::parse_with(&format!("{name}={input}"), |_| None);
        // What is wrong with a program's words is none of the business of somebody who cannot have one run.
        let spec = match spec {
            Err(SpecError::Quote | SpecError::NoProgram) => return Err(SpecError::Forbidden { why: KINDS }),
            spec => spec?,
        };
        match spec.source() {
            Source::Http(remote) | Source::Rtsp(remote) => {
                // A name that means such an address, or will, is noticed when it is connected to.
                let address = remote.host().parse::<IpAddr>();
                let is_here = remote.host().trim_end_matches('.').eq_ignore_ascii_case("localhost");
                if is_here || address.is_ok_and(|address| !Reach::OtherMachines.allows(address)) {
                    return Err(SpecError::Forbidden { why: OUT_OF_REACH });
                }
            }
            Source::Push => {}
            _ => return Err(SpecError::Forbidden { why: KINDS }),
        }
        let Parameters { record, segment, keep, .. } = spec.parameters();
        if record.is_some() || segment.is_some() || keep.is_some() {
            return Err(SpecError::Forbidden { why: FILES });
        }
        Ok(Self { reach: Reach::OtherMachines, ..spec })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_other_machines_and_publishers_are_inputs() {
        for input in [
            "http://192.0.2.7/a?b=c#poll=0.5",
            "RTSP://anna:secret@camera/x#always",
            "push:#rate=5",
            "http://[2001:db8::7]:81/",
        ] {
            let spec = Spec::from_elsewhere("a b", input).unwrap();
            assert_eq!((spec.name(), spec.reach()), ("a b", Reach::OtherMachines));
            assert!(!spec.to_string().contains("secret"));
            assert_ne!(Spec::parse(&format!("a b={input}")).unwrap(), spec, "one of the configuration may be anywhere");
        }
        for input in [
            "-",
            "exec:sh -c reboot",
            "EXEC:sh",
            "exec:",
            "exec:'",
            " exec:sh",
            "/dev/video0",
            "/dev/v4l/by-id/x",
            "/etc/passwd",
            "../secret",
            "relative",
            "file:///etc/passwd",
            "gopher://192.0.2.7/",
            "b=http://192.0.2.7/",
            "",
            "#always",
            "http://",
            "http://192.0.2.7:0/",
            "http://192.0.2.7/\r\nX: y",
            "http://192.0.2.7\r\n/",
            "rtsp://an\0na@192.0.2.7/",
            "${PATH}",
            "http://${HOME}/",
            "http://u:${HOME}@192.0.2.7/",
            "http://192.0.2.7/#rate=${HOME}",
            "http://192.0.2.7/#record=/srv",
            "push:#record=/srv#segment=10m#keep=1d",
            "push:#size=1x1",
            "push:x",
            "http://localhost/",
            "http://LocalHost.:80/",
            "rtsp://127.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]:8080/",
            "http://0.0.0.0/",
            "http://169.254.169.254/latest/meta-data",
            "http://[fe80::1]/",
            "http://anna@127.0.0.1/",
        ] {
            assert!(Spec::from_elsewhere("cam", input).is_err(), "{input:?}");
        }
    }

    #[test]
    fn names_are_those_that_streams_may_have() {
        let input = "push:";
        for name in
            ["", ".", "..", "*", "a/b", "a?b", "a#b", "a=b", "a\0b", "a\nb", "\u{85}", &"x".repeat(MAX_NAME + 1)]
        {
            assert!(Spec::from_elsewhere(name, input).is_err(), "{name:?}");
        }
        for name in ["cam", "back yard", "-", "exec:x", "${HOME}", "%2e%2e", "caf\u{e9}", &"x".repeat(MAX_NAME)] {
            assert_eq!(Spec::from_elsewhere(name, input).unwrap().name(), name);
        }
        assert_eq!(
            Spec::from_elsewhere("cam", &"x".repeat(MAX_INPUT + 1)),
            Err(SpecError::TooLong { most: MAX_INPUT })
        );
    }
}
