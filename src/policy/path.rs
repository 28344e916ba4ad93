//! The canonical path: the one spelling that stands for every spelling of a path that some backend merges.
//!
//! It may merge what a backend tells apart, which costs a needless refusal; it never tells apart what a backend merges,
//! unless the route says so with [`Distinguish`], because that loses an update. In this order: decode every `%XX` once,
//! `%2F` too; `\` becomes `/`; drop each segment's `;parameters`; merge slashes; remove dot segments; drop a trailing
//! slash; fold ASCII case; percent-encode all but unreserved characters and `/`.
//!
//! The result begins with `/`, is ASCII, and is its own canonical path. A path that already is costs no allocation.

use std::borrow::Cow;

pub mod steps;

/// What a route tells apart although some backend merges it. Nothing, by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distinguish {
    /// `/A` is not `/a`.
    pub case: bool,
    /// `/a/` is not `/a`.
    pub trailing_slash: bool,
    /// `/a%2Fb` is not `/a/b`: an encoded slash stays, as `%2F`, inside its segment.
    pub encoded_slash: bool,
}

/// The canonical path of `path`, which is a request's path as sent, without its query.
pub fn canonical(path: &str, distinguish: Distinguish) -> Cow<'_, str> {
    if is_canonical(path.as_bytes(), distinguish) {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(rewrite(path.as_bytes(), distinguish))
    }
}

/// Whether a slash stands percent-encoded in `path`, so that [`Distinguish::encoded_slash`] makes a difference.
pub(super) fn has_encoded_slash(path: &str) -> bool {
    let bytes = path.as_bytes();
    memchr::memchr_iter(b'%', bytes)
        .any(|at| matches!(escaped(&bytes[at + 1..]), Some(b'/' | b'\\')))
}

/// Appends `bytes`, all but unreserved characters (RFC 3986 §2.3) percent-encoded.
pub(super) fn encode(bytes: &[u8], fold_case: bool, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if is_unreserved(byte) {
            let byte = if fold_case {
                byte.to_ascii_lowercase()
            } else {
                byte
            };
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// The bytes that `text` means once every `%XX` in it is decoded.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let byte = match (first, escaped(after)) {
            (b'%', Some(byte)) => {
                rest = &after[2..];
                byte
            }
            _ => {
                rest = after;
                *first
            }
        };
        decoded.push(byte);
    }
    decoded
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What stays as it is whatever is told apart, and wherever it stands in a segment but for the dots of one: most of a path.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < plain.len() {
        plain[byte] = is_unreserved(byte as u8) && !(byte as u8).is_ascii_uppercase();
        byte += 1;
    }
    plain
};

/// Not behind a slash.
const NOT_FIRST: u8 = 1;
/// A slash.
const SLASH: u8 = NOT_FIRST << 1;
/// Not without a closer look.
const ODD: u8 = SLASH << 1;

/// What is to be known of each byte of a path at first sight.
const MARKS: [u8; 256] = {
    let mut marks = [0; 256];
    let mut byte = 0;
    while byte < marks.len() {
        marks[byte] = match byte as u8 {
            b'/' => SLASH | NOT_FIRST,
            b'.' => NOT_FIRST,
            _ if PLAIN[byte] => 0,
            _ => ODD,
        };
        byte += 1;
    }
    marks
};

/// The byte that the two hexadecimal digits after a `%` mean; `None` where there are none: that `%` means itself.
fn escaped(after_percent: &[u8]) -> Option<u8> {
    let [high, low, ..] = after_percent else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

fn is_canonical(path: &[u8], distinguish: Distinguish) -> bool {
    if path.first() != Some(&b'/')
        || (path.len() > 1 && path.ends_with(b"/") && !distinguish.trailing_slash)
    {
        return false;
    }
    is_simple(path) || keeps_each(path, distinguish)
}

/// Whether each of its bytes stays as it is, without a closer look, as most do. It begins with a slash.
fn is_simple(path: &[u8]) -> bool {
    let look = |(found, before): (u8, u8), &byte: &u8| {
        let mark = MARKS[usize::from(byte)];
        (found | mark & (before >> 1 | ODD), mark)
    };
    path.iter().fold((0, 0), look).0 == 0
}

/// Whether each of its bytes stays as it is.
fn keeps_each(path: &[u8], distinguish: Distinguish) -> bool {
    let mut rest = path;
    while let [byte, after @ ..] = rest {
        rest = after;
        if PLAIN[usize::from(*byte)] {
            continue;
        }
        let stays = match byte {
            b'/' => !begins_with_removable_segment(after),
            b'A'..=b'Z' => distinguish.case,
            b'%' => {
                rest = after.get(2..).unwrap_or_default();
                is_canonical_escape(after, distinguish)
            }
            _ => false,
        };
        if !stays {
            return false;
        }
    }
    true
}

fn begins_with_removable_segment(rest: &[u8]) -> bool {
    matches!(
        rest,
        [b'/', ..] | [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..]
    )
}

fn is_canonical_escape(after_percent: &[u8], distinguish: Distinguish) -> bool {
    let is_upper_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    after_percent.iter().take(2).all(is_upper_hex)
        && escaped(after_percent).is_some_and(|byte| match byte {
            b'/' => distinguish.encoded_slash,
            b'\\' | b';' => false,
            _ => !is_unreserved(byte),
        })
}

fn rewrite(path: &[u8], distinguish: Distinguish) -> String {
    let mut written = Rewritten {
        path: String::with_capacity(path.len() + 16),
        segment: Vec::with_capacity(64),
        in_parameters: false,
        ends_in_slash: false,
        fold_case: !distinguish.case,
    };
    let mut rest = path;
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, escaped(after)) {
            (b'%', Some(decoded)) => {
                rest = &after[2..];
                match decoded {
                    b'/' | b'\\' if distinguish.encoded_slash => written.push(b'/'),
                    b'/' | b'\\' => written.end_segment(),
                    _ => written.push(decoded),
                }
            }
            (b'/' | b'\\', _) => written.end_segment(),
            _ => written.push(*byte),
        }
    }
    written.finish(distinguish.trailing_slash)
}

/// The canonical path as it grows, one segment at a time.
struct Rewritten {
    path: String,
    /// The decoded bytes of the segment under way.
    segment: Vec<u8>,
    in_parameters: bool,
    ends_in_slash: bool,
    fold_case: bool,
}

impl Rewritten {
    fn push(&mut self, byte: u8) {
        self.in_parameters |= byte == b';';
        if !self.in_parameters {
            self.segment.push(byte);
        }
    }

    fn end_segment(&mut self) {
        self.in_parameters = false;
        self.ends_in_slash = true;
        match self.segment.as_slice() {
            b"" | b"." => {}
            b".." => self.path.truncate(self.path.rfind('/').unwrap_or(0)),
            segment => {
                self.path.push('/');
                encode(segment, self.fold_case, &mut self.path);
                self.ends_in_slash = false;
            }
        }
        self.segment.clear();
    }

    fn finish(mut self, keep_trailing_slash: bool) -> String {
        self.end_segment();
        if self.path.is_empty() || (keep_trailing_slash && self.ends_in_slash) {
            self.path.push('/');
        }
        self.path
    }
}

#[cfg(test)]
mod tests;
