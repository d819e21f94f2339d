//! The device service: what the server is, and which services it has.

use std::fmt::Display;
use std::net::IpAddr;
use std::time::SystemTime;

use sha1::{Digest, Sha1};

use super::soap::{self, Call, DEVICE, Fault, MEDIA};
use super::uuid::urn;
use super::xml::Writer;
use super::{PATHS, Places, neighbours};
use crate::calendar;
use crate::server::{machine_name, percent_encode};

/// The version of the services that is spoken, as others say it.
const VERSION: (u32, u32) = (2, 60);

/// What a server is to those who find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// `urn:uuid:…`, the same at each start.
    pub endpoint: String,
    /// The machine's name.
    pub name: String,
}

impl Device {
    /// This machine's server at an RTSP port: two servers of one machine are two devices.
    pub fn of_machine(rtsp_port: u16) -> Self {
        let name = Some(machine_name()).filter(|name| !name.is_empty()).unwrap_or_else(|| "mutoscope".to_owned());
        // It tells machines of one name apart, and is not to be told itself.
        let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
        Self::new(name, machine.trim(), rtsp_port)
    }

    /// The one of a machine that has this name and this secret number.
    pub fn new(name: String, machine: &str, rtsp_port: u16) -> Self {
        let hash: [u8; 20] = Sha1::digest(format!("mutoscope onvif\n{name}\n{machine}\n{rtsp_port}").as_bytes()).into();
        Self { endpoint: urn(hash), name }
    }

    /// What it is, as scopes say it.
    pub(super) fn scopes(&self) -> [String; 4] {
        let scope = |rest: &dyn Display| format!("onvif://www.onvif.org/{rest}");
        [
            scope(&"type/video_encoder"),
            scope(&"type/Network_Video_Transmitter"),
            scope(&"hardware/mutoscope"),
            scope(&format_args!("name/{}", percent_encode(&self.name))),
        ]
    }
}

pub(super) fn answer(call: &Call, device: &Device, places: &Places) -> Result<String, Fault> {
    Ok(match call.operation.as_str() {
        "GetSystemDateAndTime" => time(SystemTime::now()),
        "GetDeviceInformation" => soap::envelope(|body| {
            body.group("tds:GetDeviceInformationResponse", |inside| {
                inside.leaf("tds:Manufacturer", "Mutoscope").leaf("tds:Model", "mutoscope-server");
                inside.leaf("tds:FirmwareVersion", env!("CARGO_PKG_VERSION"));
                inside.leaf("tds:SerialNumber", device.endpoint.trim_start_matches("urn:uuid:"));
                inside.leaf("tds:HardwareId", "mutoscope");
            });
        }),
        "GetCapabilities" => capabilities(call, places)?,
        "GetServices" => services(call, places),
        "GetServiceCapabilities" => soap::envelope(|body| {
            body.group("tds:GetServiceCapabilitiesResponse", own_capabilities);
        }),
        "GetScopes" => soap::envelope(|body| {
            body.group("tds:GetScopesResponse", |inside| {
                for scope in device.scopes() {
                    inside.group("tds:Scopes", |inside| {
                        inside.leaf("tt:ScopeDef", "Fixed").leaf("tt:ScopeItem", scope);
                    });
                }
            });
        }),
        "GetNetworkInterfaces" => interfaces(places),
        _ => return Err(Fault::NotSupported),
    })
}

fn time(now: SystemTime) -> String {
    let [year, month, day, hour, minute, second] = calendar::civil(now);
    soap::envelope(|body| {
        body.group("tds:GetSystemDateAndTimeResponse", |inside| {
            inside.group("tds:SystemDateAndTime", |inside| {
                inside.leaf("tt:DateTimeType", "NTP").leaf("tt:DaylightSavings", false);
                inside.group("tt:TimeZone", |inside| _ = inside.leaf("tt:TZ", "UTC0"));
                let is_local = |inside: &mut Writer| {
                    inside.group("tt:Time", |inside| {
                        inside.leaf("tt:Hour", hour).leaf("tt:Minute", minute).leaf("tt:Second", second);
                    });
                    inside.group("tt:Date", |inside| {
                        inside.leaf("tt:Year", year).leaf("tt:Month", month).leaf("tt:Day", day);
                    });
                };
                inside.group("tt:UTCDateTime", is_local).group("tt:LocalDateTime", is_local);
            });
        });
    })
}

/// What each way of asking names.
fn address(places: &Places, path: &str) -> String {
    format!("{}{path}", places.http)
}

fn capabilities(call: &Call, places: &Places) -> Result<String, Fault> {
    let mut categories = call.arguments("Category").peekable();
    let is_all = categories.peek().is_none();
    let categories: Vec<_> = categories.collect();
    let wants = |name: &str| is_all || categories.iter().any(|category| ["All", name].contains(category));
    if !wants("Device") && !wants("Media") {
        return Err(Fault::NoService);
    }
    let [device, media] = PATHS.map(|path| address(places, path));
    Ok(soap::envelope(|body| {
        body.group("tds:GetCapabilitiesResponse", |inside| {
            inside.group("tds:Capabilities", |inside| {
                if wants("Device") {
                    inside.group("tt:Device", |inside| {
                        inside.leaf("tt:XAddr", &device);
                        inside.group("tt:System", |inside| {
                            inside.leaf("tt:DiscoveryResolve", true).leaf("tt:DiscoveryBye", true);
                            inside.leaf("tt:RemoteDiscovery", false).leaf("tt:SystemBackup", false);
                            inside.leaf("tt:SystemLogging", false).leaf("tt:FirmwareUpgrade", false);
                            inside.group("tt:SupportedVersions", version);
                        });
                    });
                }
                if wants("Media") {
                    inside.group("tt:Media", |inside| {
                        inside.leaf("tt:XAddr", &media);
                        inside.group("tt:StreamingCapabilities", |inside| {
                            inside.leaf("tt:RTPMulticast", false).leaf("tt:RTP_TCP", true);
                            inside.leaf("tt:RTP_RTSP_TCP", true);
                        });
                    });
                }
            });
        });
    }))
}

fn version(inside: &mut Writer) {
    inside.leaf("tt:Major", VERSION.0).leaf("tt:Minor", VERSION.1);
}

fn services(call: &Call, places: &Places) -> String {
    let has_capabilities = call.argument("IncludeCapability").is_some_and(|text| ["true", "1"].contains(&text));
    let [device, media] = PATHS.map(|path| address(places, path));
    type Capabilities = fn(&mut Writer);
    let all: [(&str, String, Capabilities); 2] =
        [(DEVICE, device, own_capabilities), (MEDIA, media, super::media::own_capabilities)];
    soap::envelope(|body| {
        body.group("tds:GetServicesResponse", |inside| {
            for (namespace, address, capabilities) in all {
                inside.group("tds:Service", |inside| {
                    inside.leaf("tds:Namespace", namespace).leaf("tds:XAddr", address);
                    if has_capabilities {
                        inside.group("tds:Capabilities", capabilities);
                    }
                    inside.group("tds:Version", version);
                });
            }
        });
    })
}

/// What this service can do.
fn own_capabilities(inside: &mut Writer) {
    inside.group("tds:Capabilities", |inside| {
        inside.element("tds:Network", &[("IPVersion6", &true), ("ZeroConfiguration", &false)], |_| ());
        inside.element("tds:Security", &[("HttpDigest", &true), ("UsernameToken", &true)], |_| ());
        inside.element("tds:System", &[("DiscoveryResolve", &true), ("DiscoveryBye", &true)], |_| ());
    });
}

/// The interface at which the request came in. Of others nobody need know.
fn interfaces(places: &Places) -> String {
    let local = places.local.ip().to_canonical();
    let found = neighbours::interfaces().into_iter().find(|it| IpAddr::V4(it.address) == local);
    let (name, hardware) = found.as_ref().map_or(("net", [0; 6]), |it| (it.name.as_str(), it.hardware));
    let hardware = hardware.map(|byte| format!("{byte:02X}")).join(":");
    soap::envelope(|body| {
        body.group("tds:GetNetworkInterfacesResponse", |inside| {
            inside.element("tds:NetworkInterfaces", &[("token", &name)], |inside| {
                inside.leaf("tt:Enabled", true);
                inside.group("tt:Info", |inside| _ = inside.leaf("tt:Name", name).leaf("tt:HwAddress", hardware));
                let Some(found) = &found else { return };
                inside.group("tt:IPv4", |inside| {
                    inside.leaf("tt:Enabled", true);
                    inside.group("tt:Config", |inside| {
                        inside.group("tt:Manual", |inside| {
                            inside.leaf("tt:Address", found.address).leaf("tt:PrefixLength", found.prefix);
                        });
                        inside.leaf("tt:DHCP", false);
                    });
                });
            });
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_keeps_its_identity_and_two_are_not_one() {
        let device = |name: &str, machine, port| Device::new(name.to_owned(), machine, port).endpoint;
        let cam = device("cam", "1", 8554);
        assert_eq!(cam, device("cam", "1", 8554));
        for other in [device("cam", "1", 8555), device("cam", "2", 8554), device("cam2", "1", 8554)] {
            assert_ne!(cam, other);
        }
        let uuid = cam.strip_prefix("urn:uuid:").unwrap();
        assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{uuid}");
        assert_eq!(&uuid[14..15], "5");
    }

    #[test]
    fn the_clock_is_told() {
        let text = time(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_284_623_445));
        for part in
            ["<tt:Hour>7</", "<tt:Minute>50</", "<tt:Second>45</", "<tt:Year>2010</", "<tt:Month>9</", "<tt:Day>16</"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
