//! Whether a raw request head can be understood in one way only, and how its body is framed.
//!
//! The check is made over the bytes as they came (RFC 9112), since a lenient parser hides just
//! what two parsers read differently. What does not pass is refused, never repaired. The heads of requests (`request`) and of
//! responses (`response`) are checked by the same rules, and those of HTTP/2 as far as HTTP/1.1 could not carry them (`http2`).

mod fields;
mod framing;
mod http2;
mod line;
mod malformed;
mod names;
mod own;
mod passing;
mod request;
mod request_line;
mod response;
mod spelling;

pub use fields::Fields;
pub use http2::{check_http2, check_http2_trailers};
pub use malformed::Malformed;
pub use own::{NOT_STORED, OwnFields, PROBLEM, PROXY_STATUS};
pub use passing::{RequestHead, ResponseHead};
pub use request::{Asked, ParsedRequest, check, check_beginning, parse_request};
pub use response::{
    Answer, Content, Following, INTERIM_LIMIT, InvalidResponse, Parsed, RESPONSE_FIELD_LIMIT,
    Reason, check_response, check_response_beginning, parse_response,
};

pub(super) use request_line::is_host;

use line::field;
use names::{belongs_in_trailers, is_alias};
use spelling::Spelling;

/// Where the body that follows a head ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// At once: there is none, or so many octets (RFC 9112 §6.2).
    Length(u64),
    /// With its last chunk and trailer section (RFC 9112 §7.1).
    Chunked,
}

/// The most bytes of a response's head.
pub const HEAD_LIMIT: usize = 64 * 1024;

/// The most fields that a request may be allowed to have: a map has room for so many whatever their names are, and for what is
/// added.
pub const FIELDS_AT_MOST: usize = 6_000;

/// How large a request head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of all of it.
    pub head: usize,
    /// The most field lines.
    pub fields: usize,
    /// The most bytes of the request target.
    pub target: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 64 * 1024,
            fields: 100,
            target: 32 * 1024,
        }
    }
}

/// Checks a line of a trailer section, without its CR LF: the name and the value that it has.
pub fn check_trailer(line: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    // Wherever it stands, it is the body's fault: the head is known.
    let (name, value) = field(line).ok().ok_or(Malformed::Chunk)?;
    (belongs_in_trailers(name) && !is_alias(name))
        .then_some((name, value))
        .ok_or(Malformed::Trailer)
}

/// Whether a line of a list-valued field has this member (RFC 9110 §5.6.1), without regard to case.
pub fn lists(line: &[u8], member: &[u8]) -> bool {
    let mut members = line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    members.any(|listed| listed.eq_ignore_ascii_case(member))
}

/// RFC 9110 §5.6.2. By a table: it is asked of every byte of every field name.
pub const fn is_token(byte: u8) -> bool {
    const TOKEN: [bool; 256] = {
        let mut token = [false; 256];
        let mut byte = 0;
        while byte < token.len() {
            token[byte] = matches!(
                byte as u8,
                b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            ) || (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        token
    };
    TOKEN[byte as usize]
}

/// Whether all of these are of a token. All are looked at: most texts are short, and are one.
pub(super) fn are_token(text: &[u8]) -> bool {
    text.iter().fold(true, |are, &byte| are & is_token(byte))
}

#[cfg(test)]
mod tests;
