//! WS-Discovery (April 2005, as ONVIF uses it): who asks for cameras by multicast hears of this one.
//!
//! Nobody proves anything here, and packets may have any sender. So an answer names no stream; it is hardly larger than the question; each
//! question is answered once, each address a few times in a second, and all together a few times more. Who is in the network is asked
//! elsewhere.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use mutoscope::time::{Duration, Instant};
use roxmltree::Node;

use super::device::Device;
use super::soap::{DEVICE, SOAP};
use super::uuid::urn;
use super::xml::{self, Writer, child};
use crate::bucket::Bucket;

/// Bytes of a datagram that are looked at. Those of known clients have a thousand.
pub const MOST_DATAGRAM: usize = 4096;

const DISCOVERY: &str = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const NETWORK: &str = "http://www.onvif.org/ver10/network/wsdl";
/// To whoever reads it.
const TO_ALL: &str = "urn:schemas-xmlsoap-org:ws:2005:04:discovery";
/// To who asked.
const TO_ASKER: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
const TYPES: [(&str, &str); 2] = [(NETWORK, "NetworkVideoTransmitter"), (DEVICE, "Device")];

/// Bytes of the number of a message that is answered, which is in the answer.
const LONGEST_ID: usize = 128;
/// So many questions are remembered, for so long.
const MOST_SEEN: usize = 256;
const REMEMBERED: Duration = Duration::from_secs(60);
/// Answers to one address: so many at once, and one more after each interval.
const BURST: u32 = 4;
const INTERVAL: Duration = Duration::from_millis(500);
/// The same to all together.
const BURST_OF_ALL: u32 = 20;
const INTERVAL_OF_ALL: Duration = Duration::from_millis(50);
/// Most addresses that are counted.
const MOST_HOSTS: usize = 256;

/// Answers questions for a device.
#[derive(Debug)]
pub struct Responder {
    device: Device,
    /// When it began, in seconds since 1970, and how often it has said something.
    sequence: (u64, u64),
    /// Hashes of what was asked, and when.
    seen: VecDeque<(Instant, u64)>,
    hosts: HashMap<IpAddr, Bucket>,
    all: Bucket,
    hashes: RandomState,
}

/// What somebody asks.
#[derive(Debug)]
struct Question {
    id: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// For devices of these types, with these scopes.
    Probe { types: Vec<(String, String)>, scopes: Vec<String>, rule: Option<String> },
    /// For the address of this device.
    Resolve { endpoint: String },
}

impl Responder {
    /// `began`: seconds since 1970, later at each start.
    pub fn new(device: Device, began: u64) -> Self {
        Self {
            device,
            sequence: (began, 0),
            seen: VecDeque::new(),
            hosts: HashMap::new(),
            all: Bucket::default(),
            hashes: RandomState::new(),
        }
    }

    /// What is answered to a datagram of somebody in this network; `addresses`: where that one finds the device service.
    pub fn answer(&mut self, now: Instant, datagram: &[u8], from: IpAddr, addresses: &str) -> Option<String> {
        let question = Some(datagram).filter(|datagram| datagram.len() <= MOST_DATAGRAM).and_then(Question::read)?;
        let is_meant = match &question.kind {
            Kind::Probe { types, scopes, rule } => {
                let has = |(namespace, name): &(String, String)| TYPES.contains(&(namespace.as_str(), name.as_str()));
                let ours = self.device.scopes();
                let fits = |wanted: &String| ours.iter().any(|scope| matches(scope, wanted, rule.as_deref()));
                types.iter().all(has) && scopes.iter().all(fits)
            }
            Kind::Resolve { endpoint } => *endpoint == self.device.endpoint,
        };
        let number = self.hashes.hash_one((from, &question.id));
        if !is_meant || !self.is_first(now, number) || !self.has_room(now, from) {
            return None;
        }
        self.seen.push_back((now, number));
        let (action, inner) = match question.kind {
            Kind::Probe { .. } => ("ProbeMatches", "d:ProbeMatch"),
            Kind::Resolve { .. } => ("ResolveMatches", "d:ResolveMatch"),
        };
        let outer = format!("d:{action}");
        Some(self.message(action, Some(&question.id), |device, body| {
            body.group(&outer, |inside| _ = inside.group(inner, |inside| describe(device, inside, Some(addresses))));
        }))
    }

    /// What is told to all when it begins.
    pub fn hello(&mut self, addresses: &str) -> String {
        self.message("Hello", None, |device, body| {
            body.group("d:Hello", |inside| describe(device, inside, Some(addresses)));
        })
    }

    /// And when it ends.
    pub fn bye(&mut self) -> String {
        self.message("Bye", None, |device, body| _ = body.group("d:Bye", |inside| describe(device, inside, None)))
    }

    fn message(&mut self, action: &str, relates_to: Option<&str>, body: impl FnOnce(&Device, &mut Writer)) -> String {
        self.sequence.1 += 1;
        let (began, number) = self.sequence;
        let mut id = [0; 20];
        // Without random numbers it is told from others by the time and the device.
        if getrandom::fill(&mut id).is_err() {
            let hash = self.hashes.hash_one((&self.device.endpoint, began, number));
            id.iter_mut().zip(hash.to_be_bytes()).for_each(|(to, byte)| *to = byte);
        }
        let mut writer = Writer::new();
        let namespaces: [(&str, &dyn std::fmt::Display); 5] = [
            ("xmlns:s", &SOAP),
            ("xmlns:a", &ADDRESSING),
            ("xmlns:d", &DISCOVERY),
            ("xmlns:dn", &NETWORK),
            ("xmlns:tds", &DEVICE),
        ];
        writer.element("s:Envelope", &namespaces, |inside| {
            inside.group("s:Header", |inside| {
                inside.leaf("a:Action", format_args!("{DISCOVERY}/{action}")).leaf("a:MessageID", urn(id));
                if let Some(id) = relates_to {
                    inside.leaf("a:RelatesTo", id);
                }
                inside.leaf("a:To", if relates_to.is_some() { TO_ASKER } else { TO_ALL });
                inside.element("d:AppSequence", &[("InstanceId", &began), ("MessageNumber", &number)], |_| ());
            });
            inside.group("s:Body", |inside| body(&self.device, inside));
        });
        writer.finish()
    }

    /// Whether this was not answered before. Clients send a question several times, as packets are lost.
    fn is_first(&mut self, now: Instant, question: u64) -> bool {
        while self.seen.front().is_some_and(|(then, _)| self.seen.len() >= MOST_SEEN || then.after(REMEMBERED) <= now) {
            self.seen.pop_front();
        }
        !self.seen.iter().any(|(_, seen)| *seen == question)
    }

    fn has_room(&mut self, now: Instant, from: IpAddr) -> bool {
        if self.hosts.len() >= MOST_HOSTS && !self.hosts.contains_key(&from) {
            self.hosts.retain(|_, bucket| !bucket.is_full(now));
            if self.hosts.len() >= MOST_HOSTS {
                return false;
            }
        }
        self.hosts.entry(from).or_default().take(now, INTERVAL, BURST)
            && self.all.take(now, INTERVAL_OF_ALL, BURST_OF_ALL)
    }
}

/// What the device is; with `addresses` also where.
fn describe(device: &Device, writer: &mut Writer, addresses: Option<&str>) {
    writer.group("a:EndpointReference", |inside| _ = inside.leaf("a:Address", &device.endpoint));
    if let Some(addresses) = addresses {
        writer.leaf("d:Types", "dn:NetworkVideoTransmitter tds:Device").leaf("d:Scopes", device.scopes().join(" "));
        writer.leaf("d:XAddrs", addresses);
    }
    writer.leaf("d:MetadataVersion", 1);
}

impl Question {
    fn read(datagram: &[u8]) -> Option<Self> {
        xml::read(datagram, |envelope| {
            let envelope = Some(envelope).filter(|envelope| envelope.has_tag_name((SOAP, "Envelope")))?;
            let (header, body) = (child(envelope, SOAP, "Header")?, child(envelope, SOAP, "Body")?);
            let field = |name| child(header, ADDRESSING, name).map(xml::text);
            let id = field("MessageID").filter(|id| !id.is_empty() && id.len() <= LONGEST_ID)?;
            let kind = match field("Action")?.strip_prefix(DISCOVERY)? {
                "/Probe" => {
                    let probe = child(body, DISCOVERY, "Probe")?;
                    let types = child(probe, DISCOVERY, "Types").map_or(Some(Vec::new()), names)?;
                    let scopes = child(probe, DISCOVERY, "Scopes");
                    let rule = scopes.and_then(|scopes| scopes.attribute("MatchBy")).map(str::to_owned);
                    let scopes = scopes.map(xml::text).unwrap_or_default();
                    let scopes = scopes.split_ascii_whitespace().map(str::to_owned).collect();
                    Kind::Probe { types, scopes, rule }
                }
                "/Resolve" => {
                    let reference = child(child(body, DISCOVERY, "Resolve")?, ADDRESSING, "EndpointReference")?;
                    Kind::Resolve { endpoint: xml::text(child(reference, ADDRESSING, "Address")?) }
                }
                _ => return None,
            };
            Some(Self { id, kind })
        })
    }
}

/// Qualified names in the text of an element. `None`: a prefix means nothing.
fn names(of: Node<'_, '_>) -> Option<Vec<(String, String)>> {
    let name = |word: &str| {
        let (prefix, name) = word.split_once(':').map_or((None, word), |(prefix, name)| (Some(prefix), name));
        Some((of.lookup_namespace_uri(prefix)?.to_owned(), name.to_owned()))
    };
    xml::text(of).split_ascii_whitespace().map(name).collect()
}

/// Whether a scope that is `ours` is the one that is wanted, by a rule of WS-Discovery section 5.1.
fn matches(ours: &str, wanted: &str, rule: Option<&str>) -> bool {
    match rule.map(|rule| rule.trim().strip_prefix(DISCOVERY).unwrap_or_default()) {
        // It begins like ours, in whole segments.
        None | Some("/rfc3986") => {
            let parts = |uri: &str| {
                let (scheme, rest) = uri.split_once(':')?;
                let rest = rest.strip_prefix("//").map(|rest| rest.split_once('/').unwrap_or((rest, "")));
                let (authority, path) = rest?;
                let path: Vec<_> = path.trim_end_matches('/').split('/').map(str::to_owned).collect();
                let is_plain = !path.iter().any(|segment| segment == "." || segment == "..");
                let path = if path == [""] { Vec::new() } else { path };
                is_plain.then_some((scheme.to_ascii_lowercase(), authority.to_ascii_lowercase(), path))
            };
            let Some(((scheme, host, path), (wanted_scheme, wanted_host, wanted_path))) =
                parts(ours).zip(parts(wanted))
            else {
                return false;
            };
            (scheme, host) == (wanted_scheme, wanted_host) && path.starts_with(&wanted_path)
        }
        Some("/strcmp0") => ours == wanted,
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests;
