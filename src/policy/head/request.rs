//! Whether a raw request head can be understood in one way only, how its body is framed, and what it says.

use bytes::Bytes;
use http::{Extensions, Method, Uri, Version};
use memchr::memchr;

use super::fields::Reading;
use super::framing::{Framings, Told};
use super::line::Lines;
use super::names::{is_alias, may_nominate};
use super::request_line::{RequestLine, authority, is_method};
use super::{FIELDS_AT_MOST, Framing, Limits, Malformed, RequestHead, is_host, is_token, lists};
use crate::policy::present::Named;

/// What a TLS record begins with that opens a connection (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;

/// Checks one head, from the first byte of its request line to the empty line that ends it.
pub fn check(head: &[u8], limits: Limits) -> Result<Framing, Malformed> {
    let (_, fields) = read(head, limits, |_, _, _| ())?;
    Ok(fields.framing)
}

/// What a request head says, read.
#[derive(Debug)]
pub struct ParsedRequest {
    /// How its body is framed.
    pub framing: Framing,
    /// The head itself.
    pub head: Box<RequestHead>,
    /// What the client expects of the connection.
    pub asked: Asked,
}

/// What a request asks of the connection that it came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whether its response has no content (RFC 9110 §9.3.2).
    pub is_head: bool,
    /// Whether it is of HTTP/1.1, and not of 1.0.
    pub is_http_11: bool,
    /// Whether the client keeps the connection after it (RFC 9112 §9.3).
    pub persists: bool,
    /// Whether it waits to be asked for its body (RFC 9110 §10.1.1).
    pub expects: bool,
    /// Whether it takes a trailer section (RFC 9110 §10.1.4).
    pub takes_trailers: bool,
}

/// Checks a head in the same way, and reads it: its fields are parts of it. Names go on as they were written where that is
/// `cased`.
pub fn parse_request(head: Bytes, limits: Limits, cased: bool) -> Result<ParsedRequest, Malformed> {
    let mut reading = Reading::of(&head);
    let (line, fields) = read(&head, limits, |named, name, value| {
        reading.add(named, name, value);
    })?;
    let method = Method::from_bytes(line.method).map_err(|_known| Malformed::RequestLine)?;
    // A copy, since most are short: to share memory costs more than that.
    let target = Bytes::copy_from_slice(line.target);
    let asked = Asked {
        is_head: method == Method::HEAD,
        is_http_11: line.is_http_11,
        persists: fields.persists,
        expects: fields.expects && line.is_http_11,
        takes_trailers: fields.takes_trailers,
    };
    let head = RequestHead {
        method,
        uri: Uri::from_maybe_shared(target).map_err(|_known| Malformed::Target)?,
        version: if line.is_http_11 {
            Version::HTTP_11
        } else {
            Version::HTTP_10
        },
        extensions: Extensions::new(),
        fields: reading.end(head, cased),
    };
    Ok(ParsedRequest {
        framing: fields.framing,
        asked,
        head: Box::new(head),
    })
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

/// Reads a head line by line, and hands out its fields.
fn read<'a>(
    head: &'a [u8],
    limits: Limits,
    mut take: impl FnMut(Option<Named>, &'a [u8], &'a [u8]),
) -> Result<(RequestLine<'a>, Verdict), Malformed> {
    check_first_byte(head)?;
    if head.len() > limits.head {
        return Err(Malformed::TooLarge(limits));
    }
    let mut lines = Lines { rest: head };
    let first = lines.next().ok_or(Malformed::RequestLine)??;
    let request_line = RequestLine::parse(first, limits)?;
    let mut said = Said::default();
    for field in lines.fields() {
        let (name, value) = field?;
        let named = Named::of_line(name);
        said.see(named, name, value)?;
        if said.count > limits.fields.min(FIELDS_AT_MOST) {
            return Err(Malformed::TooLarge(limits));
        }
        take(named, name, value);
    }
    let verdict = said.verdict(&request_line)?;
    Ok((request_line, verdict))
}

fn check_first_byte(head: &[u8]) -> Result<(), Malformed> {
    match head.first() {
        Some(&TLS_HANDSHAKE) => Err(Malformed::Tls),
        Some(&byte) if !is_token(byte) => Err(Malformed::RequestLine),
        Some(_) | None => Ok(()),
    }
}

/// What the fields say of the message and of its connection.
struct Verdict {
    framing: Framing,
    persists: bool,
    expects: bool,
    takes_trailers: bool,
}

/// What the fields have said so far of host, framing and connection.
#[derive(Default)]
struct Said<'a> {
    count: usize,
    host: Option<&'a [u8]>,
    framings: Framings,
    closes: bool,
    keeps: bool,
    expects: bool,
    takes_trailers: bool,
}

impl<'a> Said<'a> {
    fn see(&mut self, named: Option<Named>, name: &[u8], value: &'a [u8]) -> Result<(), Malformed> {
        self.count += 1;
        match named {
            Some(Named::Host) => {
                let is_first = self.host.replace(value).is_none();
                return is_first.then_some(()).ok_or(Malformed::Host);
            }
            Some(Named::Connection) => {
                self.closes |= lists(value, b"close");
                self.keeps |= lists(value, b"keep-alive");
                return may_nominate(value)
                    .then_some(())
                    .ok_or(Malformed::Nominated);
            }
            Some(Named::Expect) => self.expects |= lists(value, b"100-continue"),
            Some(Named::Te) => self.takes_trailers |= lists(value, b"trailers"),
            // The only ones that are known in more than one spelling.
            Some(Named::MethodOverride) | None if is_alias(name) => return Err(Malformed::Alias),
            _ => {}
        }
        self.framings.see(named, value)
    }

    fn verdict(&self, request_line: &RequestLine<'_>) -> Result<Verdict, Malformed> {
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
        Ok(Verdict {
            framing: match self.framings.told(request_line.is_http_11)? {
                Told::Nothing => Framing::Length(0),
                Told::Length(octets) => Framing::Length(octets),
                Told::Chunked => Framing::Chunked,
            },
            persists: !self.closes && (self.keeps || request_line.is_http_11),
            expects: self.expects,
            takes_trailers: self.takes_trailers,
        })
    }
}
