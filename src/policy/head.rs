//! Whether a raw request head can be understood in one way only, and how its body is framed.
//!
//! The check is made over the bytes as they came (RFC 9112), since a lenient parser hides just
//! what two parsers read differently. What passes here is parsed again by hyper, which must find
//! nothing else in it; what does not pass is refused, never repaired.

use http::uri::Authority;
use memchr::{memchr_iter, memrchr};
use thiserror::Error;

/// Where the body that follows a head ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// At once: there is none, or so many octets (RFC 9112 §6.2).
    Length(u64),
    /// With its last chunk and trailer section (RFC 9112 §7.1).
    Chunked,
}

/// Why a request cannot be understood in one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// RFC 9112 §3.
    #[error("the request line is not a method, a target and a version with one space between them")]
    RequestLine,
    /// A client that expects `https` where `http` is spoken.
    #[error("this is the beginning of a TLS connection, and plain HTTP is spoken here")]
    Tls,
    /// A client that expects `http` where `https` is spoken.
    #[error("this is plain HTTP, and TLS is spoken here")]
    NotTls,
    /// RFC 9112 §3.2: white space, control characters and fragments have no place in a target.
    #[error(
        "the request target is neither a path that begins with `/` nor an http URL, or has a character that no target can have"
    )]
    Target,
    /// RFC 9112 §2.3.
    #[error("the HTTP version is neither 1.0 nor 1.1")]
    Version,
    /// `CONNECT` asks for a forward proxy, and this is a gateway (RFC 9110 §9.3.6).
    #[error("CONNECT asks for a forward proxy, and this is a gateway")]
    Connect,
    /// RFC 9112 §2.2.
    #[error("a line does not end with CR LF")]
    LineEnd,
    /// RFC 9112 §5.1 and §5.2: no colon, white space before it, no name, or a folded line.
    #[error("a header line is not a field name, a colon and a value")]
    FieldLine,
    /// RFC 9110 §5.5.
    #[error("a field value has a control character")]
    FieldValue,
    /// RFC 9112 §3.2.
    #[error("the Host field is missing, repeated or invalid, or differs from the target")]
    Host,
    /// RFC 9112 §6.3.
    #[error("the Content-Length field is repeated, or not a number")]
    ContentLength,
    /// RFC 9112 §6.1.
    #[error("the only transfer coding that is understood is one final chunked, on HTTP/1.1")]
    TransferEncoding,
    /// RFC 9112 §6.3: the classic of request smuggling.
    #[error("both Content-Length and Transfer-Encoding are given")]
    TwoFramings,
    /// RFC 9112 §7.1.
    #[error("the chunked body is not well-formed")]
    Chunk,
    /// RFC 6585 §5.
    #[error("the head is larger than {HEAD_LIMIT} bytes, or has more than {FIELD_LIMIT} fields")]
    TooLarge,
    /// RFC 9110 §15.5.9.
    #[error("the rest of its head did not come in time")]
    HeadTooSlow,
    /// RFC 9110 §15.5.15.
    #[error("the request target is longer than {TARGET_LIMIT} bytes")]
    TargetTooLong,
}

/// The most bytes of a request head.
pub const HEAD_LIMIT: usize = 64 * 1024;

/// The most field lines of a request head.
pub const FIELD_LIMIT: usize = 100;

/// The most bytes of a request target.
pub const TARGET_LIMIT: usize = 32 * 1024;

/// What a TLS record begins with that opens a connection (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;

/// Checks one head, from the first byte of its request line to the empty line that ends it.
pub fn check(head: &[u8]) -> Result<Framing, Malformed> {
    check_first_byte(head)?;
    let mut lines = Lines { rest: head };
    let request_line = RequestLine::parse(lines.next().ok_or(Malformed::RequestLine)??)?;
    let mut fields = Fields::default();
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        fields.see(line)?;
        fields.count += 1;
        if fields.count > FIELD_LIMIT {
            return Err(Malformed::TooLarge);
        }
    }
    fields.verdict(&request_line)
}

/// Checks what can be known of a head of which only the beginning has come, so that nobody waits for the rest of
/// something that is no HTTP.
pub fn check_beginning(head: &[u8]) -> Result<(), Malformed> {
    check_first_byte(head)?;
    match (Lines { rest: head }).next() {
        Some(line) => RequestLine::parse(line?).map(|_| ()),
        None => Ok(()),
    }
}

fn check_first_byte(head: &[u8]) -> Result<(), Malformed> {
    match head.first() {
        Some(&TLS_HANDSHAKE) => Err(Malformed::Tls),
        Some(&byte) if !is_token(byte) => Err(Malformed::RequestLine),
        Some(_) | None => Ok(()),
    }
}

/// The lines of a head without their CR LF.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a [u8], Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = memchr_iter(b'\n', self.rest).next()?;
        let line = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        Some(line.strip_suffix(b"\r").ok_or(Malformed::LineEnd))
    }
}

struct RequestLine<'a> {
    target: &'a [u8],
    is_http_11: bool,
}

impl<'a> RequestLine<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, Malformed> {
        let mut parts = line.splitn(3, |&byte| byte == b' ');
        let (Some(method), Some(target), Some(version)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Malformed::RequestLine);
        };
        if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) || target.is_empty() {
            return Err(Malformed::RequestLine);
        }
        let is_http_11 = match version {
            b"HTTP/1.1" => true,
            b"HTTP/1.0" => false,
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
                return Err(Malformed::Version);
            }
            _ => return Err(Malformed::RequestLine),
        };
        if method == b"CONNECT" {
            return Err(Malformed::Connect);
        }
        if target.len() > TARGET_LIMIT {
            return Err(Malformed::TargetTooLong);
        }
        let query = target
            .iter()
            .position(|&byte| byte == b'?')
            .unwrap_or(target.len());
        let is_clean =
            target.iter().all(|&byte| is_target(byte)) && !target[query..].contains(&b'"');
        if !is_clean || std::str::from_utf8(target).is_err() {
            return Err(Malformed::Target);
        }
        let is_asterisk = target == b"*" && method == b"OPTIONS";
        let has_form = target[0] == b'/' || is_asterisk || authority(target).is_some_and(is_host);
        has_form
            .then_some(Self { target, is_http_11 })
            .ok_or(Malformed::Target)
    }
}

/// What the fields have said so far of host and framing.
#[derive(Default)]
struct Fields<'a> {
    count: usize,
    host: Option<&'a [u8]>,
    length: Option<u64>,
    is_chunked: bool,
}

impl<'a> Fields<'a> {
    fn see(&mut self, line: &'a [u8]) -> Result<(), Malformed> {
        let colon = line
            .iter()
            .position(|&byte| !is_token(byte))
            .ok_or(Malformed::FieldLine)?;
        if colon == 0 || line[colon] != b':' {
            return Err(Malformed::FieldLine);
        }
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if line[colon + 1..]
            .iter()
            .any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f)
        {
            return Err(Malformed::FieldValue);
        }
        if name.eq_ignore_ascii_case(b"host") {
            let is_first = self.host.replace(value).is_none();
            return is_first.then_some(()).ok_or(Malformed::Host);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let is_first = self.length.replace(number(value)?).is_none();
            return is_first.then_some(()).ok_or(Malformed::ContentLength);
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let is_first = !std::mem::replace(&mut self.is_chunked, true);
            let is_known = is_first && value.eq_ignore_ascii_case(b"chunked");
            return is_known.then_some(()).ok_or(Malformed::TransferEncoding);
        }
        Ok(())
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
        match (self.is_chunked, self.length) {
            (true, Some(_)) => Err(Malformed::TwoFramings),
            (true, None) if !request_line.is_http_11 => Err(Malformed::TransferEncoding),
            (true, None) => Ok(Framing::Chunked),
            (false, length) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

/// The authority of a target in absolute form (RFC 9112 §3.2.2), of the schemes that a gateway
/// is asked for.
fn authority(target: &[u8]) -> Option<&[u8]> {
    let scheme_end = target.windows(3).position(|window| window == b"://")?;
    let scheme = &target[..scheme_end];
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return None;
    }
    let rest = &target[scheme_end + 3..];
    let end = rest
        .iter()
        .position(|&byte| matches!(byte, b'/' | b'?'))
        .unwrap_or(rest.len());
    (end > 0).then_some(&rest[..end])
}

fn number(value: &[u8]) -> Result<u64, Malformed> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::ContentLength);
    }
    let digits = std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok());
    digits.ok_or(Malformed::ContentLength)
}

/// RFC 9110 §5.6.2.
pub const fn is_token(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
    ) || byte.is_ascii_alphanumeric()
}

/// What occurs in targets in the wild and has one reading: RFC 3986, and what browsers leave as
/// it is. White space, controls, `#`, `<`, `>` and the back-quote are not among them, nor is `"` in
/// a query.
const fn is_target(byte: u8) -> bool {
    matches!(byte, b'!'..=b'"' | b'$'..=b';' | b'=' | b'?'..=b'_' | b'a'..=b'~' | 0x80..=0xff)
}

/// Whether it is a host, perhaps with a port (RFC 9110 §7.2), to the parser that follows as well.
pub(super) fn is_host(text: &[u8]) -> bool {
    let (name, port) = match memrchr(b':', text) {
        Some(colon) if !text.ends_with(b"]") => (&text[..colon], &text[colon + 1..]),
        Some(_) | None => (text, &[][..]),
    };
    !name.is_empty()
        && port.iter().all(u8::is_ascii_digit)
        && text.iter().all(|&byte| is_host_byte(byte))
        && Authority::try_from(text).is_ok()
}

/// RFC 3986 §3.2.2 and §3.2.3, without user information.
const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&'
                ..=b',' | b';' | b'=' | b':' | b'[' | b']'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(fields: &str) -> Vec<u8> {
        format!("PUT /orders/7 HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n").into_bytes()
    }

    #[test]
    fn an_ordinary_head_has_one_reading() {
        assert_eq!(check(&head("")), Ok(Framing::Length(0)));
        assert_eq!(
            check(&head("content-length: 12\r\n")),
            Ok(Framing::Length(12))
        );
        assert_eq!(
            check(&head("Transfer-Encoding:\tChunked \r\n")),
            Ok(Framing::Chunked)
        );
        assert_eq!(
            check(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
            Ok(Framing::Length(0))
        );
        assert_eq!(
            check(b"GET http://A.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Ok(Framing::Length(0))
        );
        assert_eq!(check(b"GET / HTTP/1.0\r\n\r\n"), Ok(Framing::Length(0)));
        for host in [
            "a:80",
            "a:",
            "[::1]",
            "[::1]:8080",
            "a_b.example.",
            "127.0.0.1:1",
        ] {
            let raw = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(check(raw.as_bytes()), Ok(Framing::Length(0)), "{host}");
        }
    }

    #[test]
    fn a_head_with_two_readings_is_refused() {
        for (fields, why) in [
            (
                "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                Malformed::TwoFramings,
            ),
            (
                "Content-Length: 5\r\nContent-Length: 5\r\n",
                Malformed::ContentLength,
            ),
            ("Content-Length: 5, 5\r\n", Malformed::ContentLength),
            ("Content-Length: +5\r\n", Malformed::ContentLength),
            (
                "Content-Length: 99999999999999999999999\r\n",
                Malformed::ContentLength,
            ),
            (
                "Transfer-Encoding: gzip, chunked\r\n",
                Malformed::TransferEncoding,
            ),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                Malformed::TransferEncoding,
            ),
            (
                "Transfer-Encoding: ,chunked\r\n",
                Malformed::TransferEncoding,
            ),
            ("Host: b\r\n", Malformed::Host),
            ("A : b\r\n", Malformed::FieldLine),
            ("A: b\r\n folded\r\n", Malformed::FieldLine),
            (": b\r\n", Malformed::FieldLine),
            ("no colon\r\n", Malformed::FieldLine),
            ("A: b\rc\r\n", Malformed::FieldValue),
            ("A: b\0c\r\n", Malformed::FieldValue),
            ("A: b\n", Malformed::LineEnd),
        ] {
            assert_eq!(check(&head(fields)), Err(why), "{fields:?}");
        }
        for (raw, why) in [
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Malformed::RequestLine),
            ("GET / \r\nHost: a\r\n\r\n", Malformed::RequestLine),
            ("GET /\r\nHost: a\r\n\r\n", Malformed::RequestLine),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", Malformed::Version),
            ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Malformed::Target),
            ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", Malformed::Target),
            ("GET / HTTP/1.1\r\n\r\n", Malformed::Host),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Malformed::Host),
            ("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", Malformed::Host),
            ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", Malformed::Host),
            ("GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", Malformed::Host),
            ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", Malformed::Host),
            ("GET http://a:b:c/ HTTP/1.0\r\n\r\n", Malformed::Target),
            ("GET http://a%zz/ HTTP/1.0\r\n\r\n", Malformed::Target),
            ("GET http://a]/ HTTP/1.0\r\n\r\n", Malformed::Target),
            ("GET http://u@a/ HTTP/1.0\r\n\r\n", Malformed::Target),
            ("GET http:///a HTTP/1.0\r\n\r\n", Malformed::Target),
            (
                "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
                Malformed::Connect,
            ),
            (
                "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
                Malformed::TransferEncoding,
            ),
        ] {
            assert_eq!(check(raw.as_bytes()), Err(why), "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&raw);
        }

        /// What passes the check must be parsed by hyper's own parts in the same way.
        #[test]
        fn a_target_that_passes_is_a_target_to_the_parser_too(
            form in "([hH]ttps?://[a0-9.:%@\\[\\]z]{0,6})?",
            rest in "[ -~\u{80}-\u{7ff}]{0,40}",
        ) {
            let target = format!("{form}/{rest}");
            let raw = format!("GET {target} HTTP/1.0\r\n\r\n").into_bytes();
            if check(&raw).is_ok() {
                prop_assert!(target.parse::<http::Uri>().is_ok());
            }
        }

        #[test]
        fn a_host_that_passes_is_an_authority_to_the_parser_too(host in "[a0-9.:%@\\[\\]z]{1,8}") {
            let raw = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            if check(raw.as_bytes()).is_ok() {
                prop_assert!(host.parse::<Authority>().is_ok());
            }
        }
    }
}
