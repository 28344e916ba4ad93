//! Whether a raw request head can be understood in one way only, and how its body is framed.
//!
//! The check is made over the bytes as they came (RFC 9112), since a lenient parser hides just
//! what two parsers read differently. What passes here is parsed again by hyper where it is a request, which must find
//! nothing else in it; what does not pass is refused, never repaired. The heads of responses are checked by the same
//! rules (`response`), and those of HTTP/2 as far as HTTP/1.1 could not carry them (`http2`).

mod framing;
mod http2;
mod line;
mod malformed;
mod names;
mod request_line;
mod response;

pub use http2::{check_http2, check_http2_trailers};
pub use malformed::Malformed;
pub use response::{
    Answer, Following, INTERIM_LIMIT, InvalidResponse, Parsed, RESPONSE_FIELD_LIMIT,
    check_response, check_response_beginning, parse_response,
};

pub(super) use request_line::is_host;

use memchr::memchr;

use framing::{Framings, Told};
use line::{Lines, field};
use names::{belongs_in_trailers, is_alias, may_nominate};
use request_line::{RequestLine, authority, is_method};

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

/// What a TLS record begins with that opens a connection (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;

/// Checks one head, from the first byte of its request line to the empty line that ends it.
pub fn check(head: &[u8], limits: Limits) -> Result<Framing, Malformed> {
    check_first_byte(head)?;
    if head.len() > limits.head {
        return Err(Malformed::TooLarge(limits));
    }
    let mut lines = Lines { rest: head };
    let first = lines.next().ok_or(Malformed::RequestLine)??;
    let request_line = RequestLine::parse(first, limits)?;
    let mut fields = Fields::default();
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        fields.see(line)?;
        fields.count += 1;
        if fields.count > limits.fields {
            return Err(Malformed::TooLarge(limits));
        }
    }
    fields.verdict(&request_line)
}

/// Checks what can be known of a head of which only the beginning has come, so that nobody waits for the rest of
/// something that is no HTTP.
pub fn check_beginning(head: &[u8], limits: Limits) -> Result<(), Malformed> {
    check_first_byte(head)?;
    match (Lines { rest: head }).next() {
        Some(line) => RequestLine::parse(line?, limits).map(|_| ()),
        None => {
            let end = memchr(b' ', head).unwrap_or(head.len());
            (head.is_empty() || is_method(&head[..end]))
                .then_some(())
                .ok_or(Malformed::RequestLine)
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

fn check_first_byte(head: &[u8]) -> Result<(), Malformed> {
    match head.first() {
        Some(&TLS_HANDSHAKE) => Err(Malformed::Tls),
        Some(&byte) if !is_token(byte) => Err(Malformed::RequestLine),
        Some(_) | None => Ok(()),
    }
}

/// What the fields have said so far of host and framing.
#[derive(Default)]
struct Fields<'a> {
    count: usize,
    host: Option<&'a [u8]>,
    framings: Framings,
}

impl<'a> Fields<'a> {
    fn see(&mut self, line: &'a [u8]) -> Result<(), Malformed> {
        let (name, value) = field(line)?;
        if name.eq_ignore_ascii_case(b"host") {
            let is_first = self.host.replace(value).is_none();
            return is_first.then_some(()).ok_or(Malformed::Host);
        }
        if name.eq_ignore_ascii_case(b"connection") {
            return may_nominate(value)
                .then_some(())
                .ok_or(Malformed::Nominated);
        }
        if is_alias(name) {
            return Err(Malformed::Alias);
        }
        self.framings.see(name, value)
    }

    fn verdict(&self, request_line: &RequestLine<'_>) -> Result<Framing, Malformed> {
        match self.host {
            None if request_line.is_http_11 => return Err(Malformed::Host),
            Some(host) if !is_host(host) => return Err(Malformed::Host),
            Some(host)
                if authority(request_line.target)
                    .is_some_and(|named| !named.eq_ignore_ascii_case(host)) =>
            {
                return Err(Malformed::Host);
            }
            Some(_) | None => {}
        }
        Ok(match self.framings.told(request_line.is_http_11)? {
            Told::Nothing => Framing::Length(0),
            Told::Length(octets) => Framing::Length(octets),
            Told::Chunked => Framing::Chunked,
        })
    }
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

#[cfg(test)]
mod tests;
