//! A rejection as gRPC has it: a status and no message ("Trailers-Only"), with HTTP status 200.
//!
//! The fields are those of a header block that ends its stream, so that they serve HTTP/2 as they are. Over HTTP/1.1 they
//! come with an empty body, as gRPC-Web has them.

use std::fmt::Write;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::conflict::millis;
use super::kind::Kind;
use super::sent::Sent;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// When a client with a retry policy sends the call again, in milliseconds; -1 for never (gRFC A6).
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// The codes that a gateway has a use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GrpcCode {
    Cancelled = 1,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    ResourceExhausted = 8,
    Aborted = 10,
    Unimplemented = 12,
    Unavailable = 14,
}

/// Adds what says of a call how it ended.
pub(super) fn insert(
    fields: &mut HeaderMap,
    kind: &Kind,
    detail: &str,
    retry_after: Option<Duration>,
) {
    fields.insert(STATUS, HeaderValue::from(kind.code as u16));
    let message = HeaderValue::try_from(percent_encoded(detail));
    fields.insert(MESSAGE, message.expect("it is visible ASCII and spaces"));
    let pushback = match (retry_after, kind.sent) {
        (Some(after), _) => HeaderValue::from(millis(after)),
        // UNAVAILABLE has clients try again by themselves, which could do a thing twice.
        (None, Sent::Perhaps | Sent::Yes) => HeaderValue::from_static("-1"),
        (None, Sent::No) => return,
    };
    fields.insert(PUSHBACK, pushback);
}

/// "Percent-Encoded" of the gRPC protocol: all but printable ASCII, and `%`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_printable_ascii_only_and_can_be_decoded() {
        assert_eq!(percent_encoded("100 % of é\r\n"), "100 %25 of %C3%A9%0D%0A");
    }
}
