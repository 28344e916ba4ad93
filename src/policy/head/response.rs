//! Whether a raw response head can be understood in one way only, and what follows it.
//!
//! What a request must not do to the upstream, a response must not do to the client: the same lines, fields and framings
//! are taken here as there. Unknown statuses pass.

use bytes::Bytes;
use http::{StatusCode, Version};
use thiserror::Error;

use super::fields::Reading;
use super::framing::{Framings, Told};
use super::line::{Lines, has_control};
use super::passing::ResponseHead;
use super::{HEAD_LIMIT, Malformed};
use crate::policy::present::Named;

/// The most field lines of a response head.
pub const RESPONSE_FIELD_LIMIT: usize = 256;

/// The most informational responses before a final one.
pub const INTERIM_LIMIT: u32 = 1000;

/// Why a response cannot be understood in one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidResponse {
    /// RFC 9112 §4.
    #[error("the status line is not a version and a status of three digits")]
    StatusLine,
    /// RFC 9112 §2.3.
    #[error("the HTTP version of the response is neither 1.0 nor 1.1")]
    Version,
    /// Bounded as that of a request.
    #[error(
        "the head is larger than {HEAD_LIMIT} bytes, or has more than {RESPONSE_FIELD_LIMIT} fields"
    )]
    TooLarge,
    /// RFC 9110 §15.2 sets no bound.
    #[error("more than {INTERIM_LIMIT} informational responses came")]
    Interims,
    /// What a request must not have either.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// What follows a response head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    /// Another head: this one was informational (RFC 9110 §15.2).
    Head,
    /// Another protocol (RFC 9110 §15.2.2).
    Tunnel,
    /// Nothing, or so many octets.
    Length(u64),
    /// Chunks and a trailer section.
    Chunked,
    /// Everything until the connection ends.
    Close,
}

/// What a response head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What follows it.
    pub following: Following,
    /// Whether it announces a body that no response with its status has: one may follow that is none (RFC 9112 §6.3).
    pub is_doubtful: bool,
}

/// Checks one head, from the first byte of its status line to the empty line that ends it. `to_head` says that it
/// answers a `HEAD`.
pub fn check_response(head: &[u8], to_head: bool) -> Result<Answer, InvalidResponse> {
    let (status, told) = read(head, |_, _, _| ())?;
    Ok(answer(status.code, told, to_head))
}

/// What a response head says, read.
#[derive(Debug)]
pub struct Parsed {
    /// What follows it.
    pub answer: Answer,
    /// The head itself.
    pub head: Box<ResponseHead>,
}

/// A reason phrase that is not the usual one of its status (RFC 9112 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(pub Bytes);

/// Checks a head in the same way, and reads it: its lines are parts of `head`. Names go on as they were written where that is
/// `cased`.
pub fn parse_response(head: Bytes, to_head: bool, cased: bool) -> Result<Parsed, InvalidResponse> {
    let mut fields = Reading::of(&head);
    let (status, told) = read(&head, |named, name, value| fields.add(named, name, value))?;
    let code = StatusCode::from_u16(status.code).map_err(|_known| InvalidResponse::StatusLine)?;
    let is_usual = code.canonical_reason().unwrap_or_default().as_bytes() == status.reason;
    let reason = (!is_usual).then(|| Box::new(Reason(head.slice_ref(status.reason))));
    let version = if status.is_http_11 {
        Version::HTTP_11
    } else {
        Version::HTTP_10
    };
    Ok(Parsed {
        answer: answer(status.code, told, to_head),
        head: Box::new(ResponseHead {
            status: code,
            version,
            reason,
            fields: fields.end(head, cased),
        }),
    })
}

/// Reads a head line by line, and hands out its fields.
fn read<'a>(
    head: &'a [u8],
    mut take: impl FnMut(Option<Named>, &'a [u8], &'a [u8]),
) -> Result<(StatusLine<'a>, Told), InvalidResponse> {
    let mut lines = Lines { rest: head };
    let status_line = lines.next().ok_or(InvalidResponse::StatusLine)??;
    let status = StatusLine::parse(status_line)?;
    let (mut framings, mut count) = (Framings::default(), 0);
    for field in lines.fields() {
        let (name, value) = field?;
        let named = Named::of_line(name);
        framings.see(named, value)?;
        count += 1;
        if count > RESPONSE_FIELD_LIMIT {
            return Err(InvalidResponse::TooLarge);
        }
        take(named, name, value);
    }
    let told = framings.told(status.is_http_11)?;
    Ok((status, told))
}

/// Checks what can be known of a head of which only the beginning has come.
pub fn check_response_beginning(head: &[u8]) -> Result<(), InvalidResponse> {
    const VERSION: &[u8] = b"HTTP/1.";
    let begun = head.len().min(VERSION.len());
    if head[..begun] != VERSION[..begun] {
        return Err(InvalidResponse::StatusLine);
    }
    match (Lines { rest: head }).next() {
        Some(line) => StatusLine::parse(line?).map(|_| ()),
        None => Ok(()),
    }
}

struct StatusLine<'a> {
    code: u16,
    is_http_11: bool,
    reason: &'a [u8],
}

impl<'a> StatusLine<'a> {
    /// The space before an empty reason phrase is often left out.
    fn parse(line: &'a [u8]) -> Result<Self, InvalidResponse> {
        let (version, rest) = line
            .split_at_checked(b"HTTP/1.1 ".len())
            .ok_or(InvalidResponse::StatusLine)?;
        let is_http_11 = match version {
            b"HTTP/1.1 " => true,
            b"HTTP/1.0 " => false,
            [
                b'H',
                b'T',
                b'T',
                b'P',
                b'/',
                b'0'..=b'9',
                b'.',
                b'0'..=b'9',
                b' ',
            ] => {
                return Err(InvalidResponse::Version);
            }
            _ => return Err(InvalidResponse::StatusLine),
        };
        let (status, reason) = rest
            .split_at_checked(3)
            .ok_or(InvalidResponse::StatusLine)?;
        let has_form = status.iter().all(u8::is_ascii_digit)
            && status[0] != b'0'
            && matches!(reason, [] | [b' ', ..])
            && !has_control(reason);
        if !has_form {
            return Err(InvalidResponse::StatusLine);
        }
        let code = status
            .iter()
            .fold(0, |code, &digit| code * 10 + u16::from(digit - b'0'));
        Ok(Self {
            code,
            is_http_11,
            reason: reason.get(1..).unwrap_or(reason),
        })
    }
}

/// What a response with this status has of content (RFC 9110 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// It may have some.
    Allowed,
    /// None, though it may tell the length of what another would have (RFC 9110 §8.6).
    Told,
    /// Neither.
    None,
}

impl Content {
    /// Of a response with this status; `to_head` says that it answers a `HEAD`.
    pub const fn of(status: u16, to_head: bool) -> Self {
        match status {
            100..=199 | 204 => Self::None,
            304 => Self::Told,
            _ if to_head => Self::Told,
            _ => Self::Allowed,
        }
    }
}

/// RFC 9112 §6.3.
const fn answer(status: u16, told: Told, to_head: bool) -> Answer {
    let content = Content::of(status, to_head);
    let following = match (status, content, told) {
        (101, _, _) => Following::Tunnel,
        (100..=199, _, _) => Following::Head,
        (_, Content::None | Content::Told, _) => Following::Length(0),
        (_, Content::Allowed, Told::Length(octets)) => Following::Length(octets),
        (_, Content::Allowed, Told::Chunked) => Following::Chunked,
        (_, Content::Allowed, Told::Nothing) => Following::Close,
    };
    // RFC 9110 §8.6 and RFC 9112 §6.1. A length of nothing is as true as it is needless, and often there.
    let announces = !matches!(told, Told::Nothing | Told::Length(0));
    Answer {
        following,
        is_doubtful: announces && matches!(Content::of(status, false), Content::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(status: &str, fields: &str) -> Result<Answer, InvalidResponse> {
        check_response(
            format!("HTTP/1.1 {status}\r\n{fields}\r\n").as_bytes(),
            false,
        )
    }

    #[test]
    fn what_follows_a_head_is_told_by_its_status_before_its_fields() {
        for (status, fields, following) in [
            ("200 OK", "Content-Length: 5\r\n", Following::Length(5)),
            ("200", "content-length:0\r\n", Following::Length(0)),
            ("200 ", "Transfer-Encoding: chunked\r\n", Following::Chunked),
            ("200 OK", "", Following::Close),
            ("999 What", "", Following::Close),
            ("304 N", "Content-Length: 5\r\n", Following::Length(0)),
            ("204 N", "", Following::Length(0)),
            ("103 Early", "Link: <a>\r\n", Following::Head),
            ("101 S", "Upgrade: x\r\n", Following::Tunnel),
        ] {
            let expected = Answer {
                following,
                is_doubtful: false,
            };
            assert_eq!(checked(status, fields), Ok(expected), "{status} {fields}");
        }
        let to_head = check_response(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true);
        assert_eq!(
            to_head.map(|answer| answer.following),
            Ok(Following::Length(0))
        );
    }

    #[test]
    fn a_body_where_none_belongs_is_announced_in_vain() {
        for (status, fields, is_doubtful) in [
            ("204 N", "Content-Length: 5\r\n", true),
            ("204 N", "Transfer-Encoding: chunked\r\n", true),
            ("204 N", "Content-Length: 0\r\n", false),
            ("100 C", "Content-Length: 5\r\n", true),
            ("304 N", "Transfer-Encoding: chunked\r\n", false),
        ] {
            let answer = checked(status, fields).expect("one reading");
            assert_eq!(answer.is_doubtful, is_doubtful, "{status} {fields}");
        }
    }

    #[test]
    fn a_response_with_two_readings_is_refused() {
        use InvalidResponse::{StatusLine, TooLarge, Version};
        for (raw, why) in [
            ("HTTP/1.1 20 OK\r\n\r\n", StatusLine),
            ("HTTP/1.1 2000 OK\r\n\r\n", StatusLine),
            ("HTTP/1.1 099 OK\r\n\r\n", StatusLine),
            ("HTTP/1.1  200 OK\r\n\r\n", StatusLine),
            ("HTTP/1.1 200\tOK\r\n\r\n", StatusLine),
            ("HTTP/1.1 200 O\0K\r\n\r\n", StatusLine),
            ("http/1.1 200 OK\r\n\r\n", StatusLine),
            ("ICY 200 OK\r\n\r\n", StatusLine),
            ("HTTP/2.0 200 OK\r\n\r\n", Version),
            ("HTTP/1.2 200 OK\r\n\r\n", Version),
            ("HTTP/1.1 200 OK\n\r\n", Malformed::LineEnd.into()),
            (
                "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
                Malformed::FieldLine.into(),
            ),
            (
                "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
                Malformed::FieldLine.into(),
            ),
            (
                "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
                Malformed::FieldValue.into(),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
                Malformed::ContentLength.into(),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                Malformed::TwoFramings.into(),
            ),
            (
                "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                Malformed::TransferEncoding.into(),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                Malformed::TransferEncoding.into(),
            ),
        ] {
            assert_eq!(check_response(raw.as_bytes(), false), Err(why), "{raw:?}");
        }
        let many = "A: b\r\n".repeat(RESPONSE_FIELD_LIMIT + 1);
        assert_eq!(checked("200 OK", &many), Err(TooLarge));
    }

    #[test]
    fn what_is_no_response_is_known_by_its_beginning() {
        for good in ["", "H", "HTTP/1.", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nA:"] {
            assert_eq!(check_response_beginning(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in ["S", "HTTP/2", "HTTP/1.1 20x\r\nA", "HTTP/1.1 200\nA"] {
            assert!(check_response_beginning(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
