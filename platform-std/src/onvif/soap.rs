//! SOAP 1.2 as ONVIF uses it: what is called, by whom, and the envelope of what is answered.

use roxmltree::Node;

use super::xml::{self, Writer, child};
use crate::guard::UsernameToken;

/// Bytes of a request.
pub const MOST_REQUEST: usize = 16 * 1024;

pub(super) const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
const SOAP_1_1: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SECURITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
/// What the type of a password ends with that is a digest.
const DIGEST: &str = "#PasswordDigest";

pub(super) const DEVICE: &str = "http://www.onvif.org/ver10/device/wsdl";
pub(super) const MEDIA: &str = "http://www.onvif.org/ver10/media/wsdl";
const SCHEMA: &str = "http://www.onvif.org/ver10/schema";
const ERROR: &str = "http://www.onvif.org/ver10/error";

/// A part of ONVIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The device itself.
    Device,
    /// Its streams.
    Media,
}

/// What is asked for.
#[derive(Debug)]
pub struct Call {
    /// Of which service. `None`: of one that there is not.
    pub service: Option<Service>,
    /// What is to be done.
    pub operation: String,
    /// Who asks, as far as that is said here.
    pub token: Token,
    /// The names of the elements in it, without their namespaces, and their text.
    arguments: Vec<(String, String)>,
}

/// What a request says of who asks.
#[derive(Debug, PartialEq, Eq)]
pub enum Token {
    /// Nothing.
    None,
    /// Something that proves nothing here.
    Unfit,
    /// A proof.
    Username(UsernameToken),
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no SOAP.
    WellFormed,
    /// It is of another version.
    Version,
    /// There is no such operation here.
    NotSupported,
    /// There is no such service.
    NoService,
    /// Who asks may not, or has to say who it is.
    NotAuthorized,
    /// There is no such profile.
    NoProfile,
    /// There is no such configuration.
    NoConfiguration,
    /// The stream does not travel that way.
    StreamSetup,
}

impl Fault {
    /// The status of HTTP that it comes with (SOAP 1.2 part 2, section 7.5.2.2).
    pub const fn status(self) -> u16 {
        match self {
            Self::NotSupported | Self::NoService | Self::Version => 500,
            Self::NotAuthorized => 401,
            _ => 400,
        }
    }

    /// Code, subcodes, and a reason for people.
    const fn words(self) -> (&'static str, &'static [&'static str], &'static str) {
        match self {
            Self::WellFormed => ("s:Sender", &["ter:WellFormed"], "this is no SOAP request of a size that any has"),
            Self::Version => ("s:VersionMismatch", &[], "this is SOAP of another version than 1.2"),
            Self::NotSupported => ("s:Receiver", &["ter:ActionNotSupported"], "this server cannot do that"),
            Self::NoService => {
                ("s:Receiver", &["ter:ActionNotSupported", "ter:NoSuchService"], "there is no such service here")
            }
            Self::NotAuthorized => ("s:Sender", &["ter:NotAuthorized"], "this takes a user and a password that may"),
            Self::NoProfile => ("s:Sender", &["ter:InvalidArgVal", "ter:NoProfile"], "there is no such profile"),
            Self::NoConfiguration => {
                ("s:Sender", &["ter:InvalidArgVal", "ter:NoConfig"], "there is no such configuration")
            }
            Self::StreamSetup => (
                "s:Sender",
                &["ter:InvalidArgVal", "ter:InvalidStreamSetup"],
                "streams are sent by unicast, in RTP over UDP or over RTSP",
            ),
        }
    }

    /// What is answered.
    pub fn text(self) -> String {
        let (code, subcodes, reason) = self.words();
        envelope(|body| {
            body.group("s:Fault", |fault| {
                fault.group("s:Code", |inside| {
                    inside.leaf("s:Value", code);
                    subcode(inside, subcodes);
                });
                fault.group("s:Reason", |inside| {
                    inside.element("s:Text", &[("xml:lang", &"en")], |inside| inside.text(reason));
                });
            });
        })
    }
}

fn subcode(writer: &mut Writer, codes: &[&str]) {
    if let Some((first, rest)) = codes.split_first() {
        writer.group("s:Subcode", |inside| {
            inside.leaf("s:Value", first);
            subcode(inside, rest);
        });
    }
}

impl Call {
    /// Reads a request.
    ///
    /// # Errors
    /// [`Fault::WellFormed`], [`Fault::Version`].
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let bytes = Some(bytes).filter(|bytes| bytes.len() <= MOST_REQUEST).ok_or(Fault::WellFormed)?;
        let read = |envelope: Node<'_, '_>| {
            if envelope.has_tag_name((SOAP_1_1, "Envelope")) {
                return Some(Err(Fault::Version));
            }
            let envelope = Some(envelope).filter(|envelope| envelope.has_tag_name((SOAP, "Envelope")))?;
            let called = child(envelope, SOAP, "Body")?.first_element_child()?;
            let service = match called.tag_name().namespace() {
                Some(DEVICE) => Some(Service::Device),
                Some(MEDIA) => Some(Service::Media),
                _ => None,
            };
            let named = |node: Node<'_, '_>| (node.tag_name().name().to_owned(), xml::text(node));
            // One with others in it says nothing by itself.
            let is_leaf = |node: &Node<'_, '_>| node.is_element() && node.first_element_child().is_none();
            Some(Ok(Self {
                service,
                operation: called.tag_name().name().to_owned(),
                token: child(envelope, SOAP, "Header").map_or(Token::None, Token::read),
                arguments: called.descendants().skip(1).filter(is_leaf).map(named).collect(),
            }))
        };
        xml::read(bytes, read).unwrap_or(Err(Fault::WellFormed))
    }

    /// The first argument of this name.
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.arguments(name).next()
    }

    /// All arguments of this name.
    pub fn arguments(&self, name: &str) -> impl Iterator<Item = &str> {
        self.arguments.iter().filter(move |(known, _)| known == name).map(|(_, text)| text.as_str())
    }
}

impl Token {
    fn read(header: Node<'_, '_>) -> Self {
        let Some(token) =
            child(header, SECURITY, "Security").and_then(|security| child(security, SECURITY, "UsernameToken"))
        else {
            return Self::None;
        };
        let field = |namespace, name| child(token, namespace, name).map(xml::text);
        let password = child(token, SECURITY, "Password");
        // One that says nothing of its type is the password itself, and so is one of another type.
        let digest =
            password.filter(|it| it.attribute("Type").is_some_and(|kind| kind.ends_with(DIGEST))).map(xml::text);
        let fields = [
            field(SECURITY, "Username"),
            digest,
            field(SECURITY, "Nonce"),
            // Some put it into the other namespace.
            field(UTILITY, "Created").or_else(|| field(SECURITY, "Created")),
        ];
        let [Some(user), Some(digest), Some(nonce), Some(created)] = fields else { return Self::Unfit };
        UsernameToken::new(&user, &digest, &nonce, &created).map_or(Self::Unfit, Self::Username)
    }
}

/// An answer with what `body` writes in it.
pub(super) fn envelope(body: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new();
    let namespaces: [(&str, &dyn std::fmt::Display); 5] = [
        ("xmlns:s", &SOAP),
        ("xmlns:tds", &DEVICE),
        ("xmlns:trt", &MEDIA),
        ("xmlns:tt", &SCHEMA),
        ("xmlns:ter", &ERROR),
    ];
    writer.element("s:Envelope", &namespaces, |inside| _ = inside.group("s:Body", body));
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(version: &str, header: &str, body: &str) -> String {
        format!("<e:Envelope xmlns:e='{version}'><e:Header>{header}</e:Header><e:Body>{body}</e:Body></e:Envelope>")
    }

    #[test]
    fn a_call_is_read_with_its_arguments_whatever_its_prefixes() {
        let body = format!(
            "<x:GetStreamUri xmlns:x='{MEDIA}'><x:StreamSetup><y:Stream xmlns:y='u'>RTP-Unicast</y:Stream></x:StreamSetup><!-- -->\
             <x:ProfileToken> a&lt;<![CDATA[b]]> </x:ProfileToken></x:GetStreamUri>"
        );
        let call = Call::read(envelope(SOAP, "", &body).as_bytes()).unwrap();
        assert_eq!((call.service, call.operation.as_str()), (Some(Service::Media), "GetStreamUri"));
        assert_eq!((call.argument("Stream"), call.argument("ProfileToken")), (Some("RTP-Unicast"), Some("a<b")));
        assert_eq!((call.argument("StreamSetup"), call.argument("GetStreamUri")), (None, None));
        assert_eq!(call.token, Token::None);
        let other = Call::read(envelope(SOAP, "", "<GetProfiles xmlns='urn:other'/>").as_bytes()).unwrap();
        assert_eq!(other.service, None);
        let none = Call::read(envelope(SOAP, "", "<GetProfiles/>").as_bytes()).unwrap();
        assert_eq!(none.service, None);
    }

    #[test]
    fn what_is_no_call_is_refused_in_words() {
        let of = |text: &str| Call::read(text.as_bytes()).unwrap_err();
        assert_eq!(of(&envelope(SOAP_1_1, "", "<a/>")), Fault::Version);
        for wrong in [
            "",
            "<a/>",
            &envelope("urn:x", "", "<a/>"),
            &envelope(SOAP, "", ""),
            &envelope(SOAP, "", "<a>"),
            &envelope(SOAP, "", &"<a/>".repeat(MOST_REQUEST)),
            &format!("<!DOCTYPE x>{}", envelope(SOAP, "", "<a/>")),
        ] {
            assert_eq!(of(wrong), Fault::WellFormed, "{}", wrong.chars().take(80).collect::<String>());
        }
    }

    #[test]
    fn only_a_digest_is_a_proof() {
        let token = |kind: &str, nonce: &str| {
            let token = format!(
                "<w:Security xmlns:w='{SECURITY}'><w:UsernameToken><w:Username>user</w:Username>\
                 <w:Password Type='{kind}'>tuOSpGlFlIXsozq4HFNeeGeFLEI=</w:Password>{nonce}\
                 <u:Created xmlns:u='{UTILITY}'>2010-09-16T07:50:45Z</u:Created></w:UsernameToken></w:Security>"
            );
            Call::read(envelope(SOAP, &token, "<a/>").as_bytes()).unwrap().token
        };
        let (digest, nonce) = (format!("urn:x{DIGEST}"), "<w:Nonce>LKqI6G/AikKCQrN0zqZFlg==</w:Nonce>");
        assert!(matches!(token(&digest, nonce), Token::Username(token) if token.user() == "user"));
        assert_eq!(token(&digest, ""), Token::Unfit);
        assert_eq!(token("urn:x#PasswordText", nonce), Token::Unfit);
        assert_eq!(token("", nonce), Token::Unfit);
    }

    #[test]
    fn faults_are_what_readers_of_soap_expect() {
        for fault in [
            Fault::WellFormed,
            Fault::Version,
            Fault::NotSupported,
            Fault::NoService,
            Fault::NotAuthorized,
            Fault::NoProfile,
            Fault::NoConfiguration,
            Fault::StreamSetup,
        ] {
            let text = fault.text();
            let values = xml::read(text.as_bytes(), |envelope| {
                let fault = child(child(envelope, SOAP, "Body")?, SOAP, "Fault")?;
                let values = fault.descendants().filter(|node| node.has_tag_name((SOAP, "Value"))).map(xml::text);
                Some(values.collect::<Vec<_>>())
            });
            let values = values.unwrap();
            assert_eq!(values.first().map(String::as_str), Some(fault.words().0), "{text}");
            assert_eq!(values[1..], *fault.words().1, "{text}");
            let of_sender = fault.words().0 == "s:Sender";
            assert_eq!(fault.status() / 100, if of_sender { 4 } else { 5 }, "{fault:?}");
        }
    }
}
