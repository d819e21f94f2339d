//! ONVIF, as far as a video recorder needs it to find a server, to list its streams and to show them: the device and the media service of
//! Profile S for reading, and WS-Discovery.
//!
//! | file | content |
//! |---|---|
//! | `soap` | what is called and by whom; envelopes and faults |
//! | `xml` | XML in, within bounds, and XML out |
//! | `device` | what the server is |
//! | `media` | its streams, and where each is |
//! | `discovery` | probes, and what is answered to them |
//! | `neighbours` | who is in a network of this machine |
//! | `beacon` | the socket of discovery |
//!
//! `web` asks this, and decides who may know what. Nothing here sets anything.

mod beacon;
mod device;
mod discovery;
mod media;
mod neighbours;
mod soap;
mod uuid;
mod xml;

pub use device::Device;
pub use discovery::{MOST_DATAGRAM, Responder};
pub use media::{MOST_PROFILES, Stream};
pub use soap::{Call, Fault, MOST_REQUEST, Service, Token};

pub(crate) use beacon::Beacon;

use std::net::SocketAddr;

/// Where the services are.
pub(crate) const PATHS: [&str; 2] = ["/onvif/device_service", "/onvif/media_service"];

/// What a server tells by ONVIF.
#[derive(Clone, Debug)]
pub struct Onvif {
    /// What it is.
    pub device: Device,
    /// Where its RTSP server listens without TLS …
    pub rtsp: Vec<SocketAddr>,
    /// … and with it.
    pub rtsps: Vec<SocketAddr>,
}

/// Where somebody who asks finds what: as it found this.
#[derive(Clone, Debug)]
pub struct Places {
    /// The address of the web server, such as `http://192.0.2.1:8080`.
    pub http: String,
    /// And of the RTSP server, such as `rtsp://192.0.2.1:8554`.
    pub rtsp: String,
    /// The address at which the request came in.
    pub local: SocketAddr,
}

impl Places {
    /// For who came to `local` by a name, `authority`, with or without a port.
    pub(crate) fn new(onvif: &Onvif, is_private: bool, authority: &str, local: SocketAddr) -> Self {
        let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => format!("[{address}]"),
            None => authority.split(':').next().unwrap_or_default().to_owned(),
        };
        let is_there =
            |place: &&SocketAddr| place.ip().is_unspecified() || place.ip().to_canonical() == local.ip().to_canonical();
        let find = |places: &[SocketAddr]| places.iter().find(is_there).or(places.first()).map(SocketAddr::port);
        // Whoever asks in TLS shall not be sent out of it.
        let rtsp = match find(&onvif.rtsps).filter(|_| is_private) {
            Some(port) => format!("rtsps://{host}:{port}"),
            None => format!("rtsp://{host}:{}", find(&onvif.rtsp).unwrap_or_default()),
        };
        let scheme = if is_private { "https" } else { "http" };
        Self { http: format!("{scheme}://{authority}"), rtsp, local }
    }
}

impl Call {
    /// Whether it may be asked by anybody who reaches the server: clients have to know its clock and what it can do before they can say
    /// who they are (ONVIF Core Specification, access classes).
    pub fn is_for_everybody(&self) -> bool {
        const DEVICE: [&str; 4] = ["GetSystemDateAndTime", "GetCapabilities", "GetServices", "GetServiceCapabilities"];
        match self.service {
            Some(Service::Device) => DEVICE.contains(&self.operation.as_str()),
            Some(Service::Media) => self.operation == "GetServiceCapabilities",
            None => true,
        }
    }

    /// The answer, for somebody who may watch these streams.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn answer(&self, device: &Device, streams: &[Stream], places: &Places) -> Result<String, Fault> {
        match self.service {
            Some(Service::Device) => device::answer(self, device, places),
            Some(Service::Media) => media::answer(self, streams, places),
            None => Err(Fault::NotSupported),
        }
    }
}

#[cfg(test)]
mod tests;
