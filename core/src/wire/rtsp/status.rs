/// A status code (RFC 2326 section 7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StatusCode(pub u16);

impl StatusCode {
    pub const OK: Self = Self(200);
    pub const BAD_REQUEST: Self = Self(400);
    pub const NOT_FOUND: Self = Self(404);
    pub const NOT_ACCEPTABLE: Self = Self(406);
    pub const REQUEST_TIMEOUT: Self = Self(408);
    pub const REQUEST_ENTITY_TOO_LARGE: Self = Self(413);
    pub const REQUEST_URI_TOO_LONG: Self = Self(414);
    pub const UNSUPPORTED_MEDIA_TYPE: Self = Self(415);
    pub const PARAMETER_NOT_UNDERSTOOD: Self = Self(451);
    pub const SESSION_NOT_FOUND: Self = Self(454);
    pub const METHOD_NOT_VALID_IN_THIS_STATE: Self = Self(455);
    pub const INVALID_RANGE: Self = Self(457);
    pub const UNSUPPORTED_TRANSPORT: Self = Self(461);
    pub const INTERNAL_SERVER_ERROR: Self = Self(500);
    pub const NOT_IMPLEMENTED: Self = Self(501);
    pub const SERVICE_UNAVAILABLE: Self = Self(503);
    pub const RTSP_VERSION_NOT_SUPPORTED: Self = Self(505);
    pub const OPTION_NOT_SUPPORTED: Self = Self(551);
    /// The standard's reason phrase.
    pub fn reason(self) -> &'static str { todo!() }
}
