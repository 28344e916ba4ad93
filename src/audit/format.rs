//! Which server wrote a log, and what one line of it says: when the request was at work, its method, target and host.
//!
//! A line says one of three things: a request; that there was none, as where a client sent nothing or no HTTP; or nothing
//! that can be read, with the reason.

use std::borrow::Cow;

use super::clock::Clock;
use super::span::Span;
use crate::cli::ServerLog;

mod caddy;
mod combined;
mod envoy;
mod haproxy;

/// What a line says of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request<'a> {
    pub(super) span: Span,
    pub(super) method: &'a [u8],
    /// As sent: its escapes are undone, and its authority is not in it.
    pub(super) target: Cow<'a, [u8]>,
    /// Empty where the log does not have it.
    pub(super) host: Cow<'a, [u8]>,
}

/// A request; none where the line tells of a connection without one; or why it cannot be read.
pub(super) type Read<'a> = Result<Option<Request<'a>>, &'static str>;

/// Reads the lines of one file.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) format: ServerLog,
    clock: Clock,
}

impl Reader {
    pub(super) fn new(format: ServerLog) -> Self {
        Self {
            format,
            clock: Clock::default(),
        }
    }

    pub(super) fn read<'a>(&mut self, line: &'a [u8]) -> Read<'a> {
        match self.format {
            ServerLog::Nginx | ServerLog::Apache | ServerLog::Gunicorn => {
                combined::read(line, &mut self.clock, self.format)
            }
            ServerLog::Haproxy => haproxy::read(line, &mut self.clock),
            ServerLog::Envoy => envoy::read(line, &mut self.clock),
            ServerLog::Caddy => caddy::read(line, &mut self.clock),
        }
    }
}

/// The format in which most of these lines can be read, if any can.
pub(super) fn detect<'a>(lines: impl Iterator<Item = &'a [u8]> + Clone) -> Option<ServerLog> {
    let requests = |format: &ServerLog| {
        let mut reader = Reader::new(*format);
        let lines = lines.clone();
        lines
            .filter(|line| matches!(reader.read(line), Ok(Some(_))))
            .count()
    };
    let formats = ServerLog::ALL.map(|format| (requests(&format), format));
    let best = formats.into_iter().rev().max_by_key(|(count, _)| *count);
    best.filter(|(count, _)| *count > 0)
        .map(|(_, format)| format)
}

/// Whether a line is one of NGINX or Apache that lacks only how long the request took.
pub(super) fn lacks_duration(line: &[u8]) -> bool {
    combined::read(line, &mut Clock::default(), ServerLog::Nginx) == Err(combined::NO_DURATION)
}

/// Method, target and authority of a request line; `None` if it is none.
fn request_line<'a>(text: &'a [u8], escape: u8) -> Option<Head<'a>> {
    let space = memchr::memchr(b' ', text)?;
    let (method, rest) = (&text[..space], &text[space + 1..]);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    // A tunnel is no write to a resource.
    let is_method = !method.is_empty() && method.iter().all(is_token) && method != b"CONNECT";
    if !is_method || rest.is_empty() {
        return None;
    }
    let target = match memchr::memrchr(b' ', rest) {
        Some(at) if rest[at + 1..].starts_with(b"HTTP/") => &rest[..at],
        _ => rest,
    };
    let target = unescaped(target, escape);
    Some(match target {
        Cow::Borrowed(target) => {
            let (host, target) = without_authority(target);
            (method, Cow::Borrowed(host), Cow::Borrowed(target))
        }
        Cow::Owned(target) => {
            let (host, target) = without_authority(&target);
            (
                method,
                Cow::Owned(host.to_vec()),
                Cow::Owned(target.to_vec()),
            )
        }
    })
}

type Head<'a> = (&'a [u8], Cow<'a, [u8]>, Cow<'a, [u8]>);

/// `http://host/path` as a proxy gets it, and HAProxy and others log HTTP/2: the host, and the rest.
fn without_authority(target: &[u8]) -> (&[u8], &[u8]) {
    if target.first() == Some(&b'/') {
        return (b"", target);
    }
    let Some(after) = memchr::memmem::find(target, b"://").map(|at| &target[at + 3..]) else {
        return (b"", target);
    };
    let end = memchr::memchr2(b'/', b'?', after).unwrap_or(after.len());
    (&after[..end], &after[end..])
}

/// `\x22` and `\"` as NGINX and Apache write what would end a field, `#22` as HAProxy does.
fn unescaped(text: &[u8], escape: u8) -> Cow<'_, [u8]> {
    if memchr::memchr(escape, text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != escape {
            plain.push(*first);
            continue;
        }
        let digits = match (escape, after) {
            (b'\\', [b'x', digits @ ..]) => digits,
            (b'\\', [other, after @ ..]) => {
                plain.push(*other);
                rest = after;
                continue;
            }
            _ => after,
        };
        match digits {
            [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0);
                plain.push(u8::try_from(digit(high) * 16 + digit(low)).unwrap_or(0));
                rest = after;
            }
            _ => plain.push(*first),
        }
    }
    Cow::Owned(plain)
}

/// What stands between the quotation mark at the begin of `text` and the next that no backslash stands before, and what
/// follows it.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"\"")?;
    memchr::memchr_iter(b'"', inner)
        .find(|end| {
            let slashes = inner[..*end].iter().rev();
            slashes.take_while(|byte| **byte == b'\\').count() % 2 == 0
        })
        .map(|end| (&inner[..end], &inner[end + 1..]))
}

/// Fields that spaces separate, some in quotation marks.
struct Fields<'a>(&'a [u8]);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field<'a> {
    Bare(&'a [u8]),
    Quoted(&'a [u8]),
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        while let [b' ', rest @ ..] = self.0 {
            self.0 = rest;
        }
        if let Some((text, rest)) = quoted(self.0) {
            self.0 = rest;
            return Some(Field::Quoted(text));
        }
        let end = memchr::memchr(b' ', self.0).unwrap_or(self.0.len());
        let (text, rest) = self.0.split_at(end);
        self.0 = rest;
        (!text.is_empty()).then_some(Field::Bare(text))
    }
}

impl<'a> Fields<'a> {
    fn bare(&mut self) -> Option<&'a [u8]> {
        self.find_map(|field| match field {
            Field::Bare(text) => Some(text),
            Field::Quoted(_) => None,
        })
    }

    fn quoted(&mut self) -> Option<&'a [u8]> {
        self.find_map(|field| match field {
            Field::Quoted(text) => Some(text),
            Field::Bare(_) => None,
        })
    }
}

#[cfg(test)]
mod tests;
