use core::fmt;

/// A status code (RFC 2326 section 7.1.1), 100 to 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StatusCode(pub u16);

/// Defines the constant and the reason phrase of each code in one table.
macro_rules! status_codes {
    ($($name:ident = $code:literal, $reason:literal;)*) => {
        impl StatusCode {
            $(#[doc = concat!("`", $code, " ", $reason, "`")] pub const $name: Self = Self($code);)*

            /// The standard's reason phrase; for a code the standard does not list, the name of its class.
            pub fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    100..=199 => "Informational",
                    200..=299 => "Success",
                    300..=399 => "Redirection",
                    400..=499 => "Client Error",
                    500..=599 => "Server Error",
                    _ => "Unknown",
                }
            }
        }
    };
}

status_codes! {
    CONTINUE = 100, "Continue";
    OK = 200, "OK";
    MOVED_PERMANENTLY = 301, "Moved Permanently";
    FOUND = 302, "Moved Temporarily";
    BAD_REQUEST = 400, "Bad Request";
    UNAUTHORIZED = 401, "Unauthorized";
    FORBIDDEN = 403, "Forbidden";
    NOT_FOUND = 404, "Not Found";
    METHOD_NOT_ALLOWED = 405, "Method Not Allowed";
    NOT_ACCEPTABLE = 406, "Not Acceptable";
    REQUEST_TIMEOUT = 408, "Request Time-out";
    REQUEST_ENTITY_TOO_LARGE = 413, "Request Entity Too Large";
    REQUEST_URI_TOO_LONG = 414, "Request-URI Too Large";
    UNSUPPORTED_MEDIA_TYPE = 415, "Unsupported Media Type";
    PARAMETER_NOT_UNDERSTOOD = 451, "Parameter Not Understood";
    NOT_ENOUGH_BANDWIDTH = 453, "Not Enough Bandwidth";
    SESSION_NOT_FOUND = 454, "Session Not Found";
    METHOD_NOT_VALID_IN_THIS_STATE = 455, "Method Not Valid in This State";
    HEADER_FIELD_NOT_VALID = 456, "Header Field Not Valid for Resource";
    INVALID_RANGE = 457, "Invalid Range";
    AGGREGATE_OPERATION_NOT_ALLOWED = 459, "Aggregate operation not allowed";
    ONLY_AGGREGATE_OPERATION_ALLOWED = 460, "Only aggregate operation allowed";
    UNSUPPORTED_TRANSPORT = 461, "Unsupported transport";
    KEY_MANAGEMENT_FAILURE = 463, "Key management failure";
    INTERNAL_SERVER_ERROR = 500, "Internal Server Error";
    NOT_IMPLEMENTED = 501, "Not Implemented";
    SERVICE_UNAVAILABLE = 503, "Service Unavailable";
    RTSP_VERSION_NOT_SUPPORTED = 505, "RTSP Version not supported";
    OPTION_NOT_SUPPORTED = 551, "Option not supported";
}

impl StatusCode {
    /// Whether the status means success (2xx).
    pub const fn is_success(self) -> bool {
        matches!(self.0, 200..=299)
    }
}

/// Writes the number without a reason phrase.
impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_reason() {
        assert_eq!(StatusCode::METHOD_NOT_VALID_IN_THIS_STATE.reason(), "Method Not Valid in This State");
        assert_eq!(StatusCode(299).reason(), "Success");
        assert_eq!(StatusCode(0).reason(), "Unknown");
    }

    #[test]
    fn only_the_200s_are_success() {
        assert!(StatusCode::OK.is_success());
        assert!(!StatusCode::CONTINUE.is_success());
        assert!(!StatusCode(300).is_success());
    }
}
