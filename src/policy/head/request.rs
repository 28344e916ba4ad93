//! Whether a raw request head can be understood in one way only, how its body is framed, and what it says.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, request};
use memchr::{memchr, memchr_iter};

use super::framing::{Framings, Told};
use super::line::Lines;
use super::names::{is_alias, may_nominate};
use super::request_line::{RequestLine, authority, is_method};
use super::{Framing, Limits, Malformed, Spelling, is_host, is_token, lists};

/// What a TLS record begins with that opens a connection (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;

/// For so many fields there is room at first, at most: a head is looked at only after that.
const AT_FIRST: usize = 64;

/// Checks one head, from the first byte of its request line to the empty line that ends it.
pub fn check(head: &[u8], limits: Limits) -> Result<Framing, Malformed> {
    let (_, fields) = read(head, limits, |_, _| Ok(()))?;
    Ok(fields.framing)
}

/// What a request head says, read.
#[derive(Debug)]
pub struct ParsedRequest {
    /// How its body is framed.
    pub framing: Framing,
    /// The method, the target, the version and the fields.
    pub parts: Box<request::Parts>,
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

/// Checks a head in the same way, and reads it: its target and its values are parts of `head`. How its names were written is
/// kept where that is `cased`.
pub fn parse_request(
    head: &Bytes,
    limits: Limits,
    cased: bool,
) -> Result<ParsedRequest, Malformed> {
    // One for each line but the first and the last, and one for what may have to be added.
    let lines = memchr_iter(b'\n', head).count();
    let mut headers = HeaderMap::with_capacity(lines.saturating_sub(1).min(AT_FIRST));
    let mut spelling = cased.then(Spelling::default);
    let (line, fields) = read(head, limits, |spelled, value| {
        let name = HeaderName::from_bytes(spelled).map_err(|_known| Malformed::FieldLine)?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(value))
            .map_err(|_known| Malformed::FieldValue)?;
        if let Some(spelling) = &mut spelling {
            spelling.add(&name, head.slice_ref(spelled));
        }
        let appended = headers.try_append(name, value);
        appended
            .map(drop)
            .map_err(|_full| Malformed::TooLarge(limits))
    })?;
    let mut parts = Box::new(Request::new(()).into_parts().0);
    parts.method = Method::from_bytes(line.method).map_err(|_known| Malformed::RequestLine)?;
    parts.uri =
        Uri::from_maybe_shared(head.slice_ref(line.target)).map_err(|_known| Malformed::Target)?;
    parts.headers = headers;
    if let Some(spelling) = spelling {
        parts.extensions.insert(spelling);
    }
    if !line.is_http_11 {
        parts.version = Version::HTTP_10;
    }
    Ok(ParsedRequest {
        framing: fields.framing,
        asked: Asked {
            is_head: parts.method == Method::HEAD,
            is_http_11: line.is_http_11,
            persists: fields.persists,
            expects: fields.expects && line.is_http_11,
            takes_trailers: fields.takes_trailers,
        },
        parts,
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
    mut take: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), Malformed>,
) -> Result<(RequestLine<'a>, Verdict), Malformed> {
    check_first_byte(head)?;
    if head.len() > limits.head {
        return Err(Malformed::TooLarge(limits));
    }
    let mut lines = Lines { rest: head };
    let first = lines.next().ok_or(Malformed::RequestLine)??;
    let request_line = RequestLine::parse(first, limits)?;
    let mut fields = Fields::default();
    for field in lines.fields() {
        let (name, value) = field?;
        fields.see(name, value)?;
        if fields.count > limits.fields {
            return Err(Malformed::TooLarge(limits));
        }
        take(name, value)?;
    }
    let verdict = fields.verdict(&request_line)?;
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
struct Fields<'a> {
    count: usize,
    host: Option<&'a [u8]>,
    framings: Framings,
    closes: bool,
    keeps: bool,
    expects: bool,
    takes_trailers: bool,
}

impl<'a> Fields<'a> {
    fn see(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), Malformed> {
        self.count += 1;
        if name.eq_ignore_ascii_case(b"host") {
            let is_first = self.host.replace(value).is_none();
            return is_first.then_some(()).ok_or(Malformed::Host);
        }
        if name.eq_ignore_ascii_case(b"connection") {
            self.closes |= lists(value, b"close");
            self.keeps |= lists(value, b"keep-alive");
            return may_nominate(value)
                .then_some(())
                .ok_or(Malformed::Nominated);
        }
        if is_alias(name) {
            return Err(Malformed::Alias);
        }
        if name.eq_ignore_ascii_case(b"expect") {
            self.expects |= lists(value, b"100-continue");
        } else if name.eq_ignore_ascii_case(b"te") {
            self.takes_trailers |= lists(value, b"trailers");
        }
        self.framings.see(name, value)
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
