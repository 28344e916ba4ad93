//! The request line (RFC 9112 §3), and what a target and a host may look like.

use http::uri::Authority;
use memchr::{memchr, memrchr};

use super::{Limits, Malformed, are_token};
use crate::policy::eights::find;

/// The longest method; of those that are registered, none is longer than 17 characters.
const METHOD_LIMIT: usize = 128;

pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    pub(super) is_http_11: bool,
}

impl<'a> RequestLine<'a> {
    pub(super) fn parse(line: &'a [u8], limits: Limits) -> Result<Self, Malformed> {
        let (method, rest) = word(line).ok_or(Malformed::RequestLine)?;
        let (target, version) = word(rest).ok_or(Malformed::RequestLine)?;
        if !is_method(method) || target.is_empty() {
            return Err(Malformed::RequestLine);
        }
        let is_http_11 = match version {
            b"HTTP/1.1" => true,
            b"HTTP/1.0" => false,
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
                return Err(Malformed::Version);
            }
            // More words than three, the last of them a version: the target has a space.
            _ if version.ends_with(b" HTTP/1.1") => return Err(Malformed::Target),
            _ => return Err(Malformed::RequestLine),
        };
        if method == b"CONNECT" {
            return Err(Malformed::Connect);
        }
        check_target(target, limits)?;
        let is_asterisk = target == b"*" && method == b"OPTIONS";
        let has_form = target[0] == b'/' || is_asterisk || authority(target).is_some_and(is_host);
        has_form
            .then_some(Self {
                method,
                target,
                is_http_11,
            })
            .ok_or(Malformed::Target)
    }
}

/// What stands before the first space, and what behind it.
fn word(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = find(line, b' ')?;
    Some((&line[..end], &line[end + 1..]))
}

/// Whether it is a method, or may become one when more of it comes. Unknown methods pass.
pub(super) fn is_method(text: &[u8]) -> bool {
    (1..=METHOD_LIMIT).contains(&text.len()) && are_token(text)
}

/// Whether a target is short enough, and has only characters that a target can have.
pub(super) fn check_target(target: &[u8], limits: Limits) -> Result<(), Malformed> {
    if target.len() > limits.target {
        return Err(Malformed::TargetTooLong(limits));
    }
    let seen = target
        .iter()
        .fold(0, |seen, &byte| seen | KINDS[usize::from(byte)]);
    let has_quote_in_query = || {
        let query = memchr(b'?', target);
        query.is_some_and(|query| target[query..].contains(&b'"'))
    };
    let is_clean = seen & FOREIGN == 0
        && (seen & QUOTE == 0 || !has_quote_in_query())
        && (seen & BEYOND_ASCII == 0 || std::str::from_utf8(target).is_ok());
    is_clean.then_some(()).ok_or(Malformed::Target)
}

/// No target can have it.
const FOREIGN: u8 = 1;
/// Not everywhere in a target.
const QUOTE: u8 = 2;
/// Only as a part of a character of UTF-8.
const BEYOND_ASCII: u8 = 4;

/// What is to be known of each byte of a target, by a table: most targets are short.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < kinds.len() {
        kinds[byte] = match byte as u8 {
            b'"' => QUOTE,
            0x80..=0xff => BEYOND_ASCII,
            other if is_target(other) => 0,
            _ => FOREIGN,
        };
        byte += 1;
    }
    kinds
};

/// The authority of a target in absolute form (RFC 9112 §3.2.2), of the schemes that a gateway
/// is asked for.
pub(super) fn authority(target: &[u8]) -> Option<&[u8]> {
    if target.starts_with(b"/") {
        return None;
    }
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

/// What occurs in targets in the wild and has one reading: RFC 3986, and what browsers leave as
/// it is. White space, controls, `#`, `<`, `>` and the back-quote are not among them, nor is `"` in
/// a query.
const fn is_target(byte: u8) -> bool {
    matches!(byte, b'!'..=b'"' | b'$'..=b';' | b'=' | b'?'..=b'_' | b'a'..=b'~' | 0x80..=0xff)
}

/// Whether it is a host, perhaps with a port (RFC 9110 §7.2), to the parser that follows as well.
pub(in super::super) fn is_host(text: &[u8]) -> bool {
    // Nearly always.
    let end = find(text, b':').unwrap_or(text.len());
    let port = text.get(end + 1..).unwrap_or_default();
    let is_plain = |plain, &byte: &u8| plain & is_plain_byte(byte);
    if end > 0 && text[..end].iter().fold(true, is_plain) && port.iter().all(u8::is_ascii_digit) {
        return true;
    }
    let (name, port) = match memrchr(b':', text) {
        Some(colon) if !text.ends_with(b"]") => (&text[..colon], &text[colon + 1..]),
        Some(_) | None => (text, &[][..]),
    };
    !name.is_empty()
        && port.iter().all(u8::is_ascii_digit)
        && text.iter().all(|&byte| is_host_byte(byte))
        && Authority::try_from(text).is_ok()
}

/// What a name or an address of IPv4 is made of. Nothing that is made of that alone is no host to a parser.
const fn is_plain_byte(byte: u8) -> bool {
    const PLAIN: [bool; 256] = {
        let mut plain = [false; 256];
        let mut byte = 0;
        while byte < plain.len() {
            plain[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'.');
            byte += 1;
        }
        plain
    };
    PLAIN[byte as usize]
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

    proptest! {
        #[test]
        fn a_plain_host_is_one_to_the_parser_that_follows(host in "[A-Za-z0-9.-]{1,24}(:[0-9]{0,9})?") {
            prop_assert!(is_host(host.as_bytes()));
            prop_assert!(Authority::try_from(host.as_bytes()).is_ok());
        }
    }
}
