//! A response on its way over a connection of HTTP/1.1: its head and its body, as they are written.
//!
//! Invariants:
//! - A body that is cut short is a fault: the connection does not end as if it had been whole.
//! - Only a response whose content has a length or chunks leaves the connection for another request (RFC 9112 §9.3).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::Body as _;
use thiserror::Error;
use tokio::io::AsyncWrite;

use super::date::encode_date;
use crate::body::{Body, CutShort};
use crate::gateway::Answered;
use crate::policy::decimal;
use crate::policy::head::{Asked, Content, ResponseHead, lists};
use crate::policy::present::Named;
use crate::wire::{Framed, OutOfLength, Output, encode_as_came, encode_line, length};

/// Why a response is not whole.
#[derive(Debug, Error)]
pub(super) enum Lost {
    #[error("the client takes no more")]
    Client(#[from] io::Error),
    #[error(transparent)]
    Cut(#[from] CutShort),
    #[error(transparent)]
    Length(#[from] OutOfLength),
}

/// A response on its way.
#[derive(Default)]
pub(super) struct Sending {
    output: Output,
    /// Until it is written.
    head: Option<Box<ResponseHead>>,
    /// Until all of it was taken.
    body: Option<Body>,
    takes_trailers: bool,
}

impl Sending {
    /// Puts here what is to be sent next, once the one before was sent. It stays here: it is large.
    pub(super) fn put(&mut self, response: Answered) {
        self.head = Some(response.head);
        self.body = Some(response.body);
    }

    /// Whether the answer is our own, with hardly any field.
    pub(super) fn is_brief(&self) -> bool {
        let head = self.head.as_ref();
        head.is_some_and(|head| head.fields.own_fields().is_some())
    }

    /// Begins with the response to what was `asked`, which `is_last` on its connection. Returns whether that persists.
    pub(super) fn begin(&mut self, asked: &Asked, is_last: bool) -> bool {
        let head = self.head.take().expect("what is to be sent was put here");
        let content = Content::of(head.status.as_u16(), asked.is_head);
        if content != Content::Allowed {
            self.body = None;
        }
        let framed = framed(&head, self.body.as_ref(), asked);
        self.takes_trailers = asked.takes_trailers;
        let is_last = is_last || !asked.persists || framed == Framed::Close;
        let out = self.output.begin(framed);
        let persists = encode_head(&head, asked, content, framed, is_last, out);
        if let Some(lent) = self.body.as_mut().and_then(Body::take_lent) {
            // It is as long as its head says: both are by the same count.
            let _as_it_says = self.output.copy(&lent);
        }
        persists
    }

    /// Sends what it can. Ready when all was sent.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut socket: Pin<&mut impl AsyncWrite>,
    ) -> Poll<Result<(), Lost>> {
        loop {
            let gathered = self.gather(cx)?;
            let written = self.output.poll_write(cx, socket.as_mut());
            if let Some(body) = &self.body {
                body.keeps(self.output.waiting() as u64);
            }
            ready!(written)?;
            if gathered == Gathered::Enough {
                continue;
            }
            ready!(socket.as_mut().poll_flush(cx))?;
            if gathered == Gathered::Awaited {
                return Poll::Pending;
            }
            self.output.rest();
            return Poll::Ready(Ok(()));
        }
    }

    /// Takes of the body what is here, as far as it is written together.
    fn gather(&mut self, cx: &mut Context<'_>) -> Result<Gathered, Lost> {
        while let Some(body) = &mut self.body {
            if self.output.is_full() {
                return Ok(Gathered::Enough);
            }
            if body.is_end_stream() {
                self.end(None)?;
                break;
            }
            let Poll::Ready(polled) = Pin::new(body).poll_frame(cx) else {
                return Ok(Gathered::Awaited);
            };
            match polled.transpose()?.map(http_body::Frame::into_data) {
                Some(Ok(data)) => self.output.add(data)?,
                Some(Err(frame)) => self.end(frame.into_trailers().ok())?,
                None => self.end(None)?,
            }
        }
        Ok(Gathered::All)
    }

    /// The body is over. Its trailer section goes on to a client that takes one (RFC 9110 §6.5.1).
    fn end(&mut self, trailers: Option<HeaderMap>) -> Result<(), OutOfLength> {
        self.body = None;
        let trailers = trailers.filter(|_| self.takes_trailers);
        self.output.end(trailers.as_ref())
    }
}

/// All of the response to a request that was not read, after which its connection ends.
pub(in super::super) fn last(response: Response<Bytes>) -> Vec<u8> {
    const ASKED: Asked = Asked {
        is_head: false,
        is_http_11: true,
        persists: false,
        expects: false,
        takes_trailers: false,
    };
    let (head, content) = response.into_parts();
    let head = ResponseHead::from(head);
    let framed = Framed::Length(content.len() as u64);
    let mut raw = Vec::new();
    encode_head(&head, &ASKED, Content::Allowed, framed, true, &mut raw);
    raw.extend_from_slice(&content);
    raw
}

/// What came of an attempt to take more of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gathered {
    /// As much as is written together.
    Enough,
    /// All that has come, and more will.
    Awaited,
    /// The rest.
    All,
}

/// How the content is framed (RFC 9112 §6).
fn framed(head: &ResponseHead, body: Option<&Body>, asked: &Asked) -> Framed {
    let Some(body) = body else {
        return Framed::Length(0);
    };
    if let Some(octets) = body.size_hint().exact() {
        return Framed::Length(octets);
    }
    let told = head.fields.value(Named::ContentLength);
    if let Some(octets) = told.and_then(length) {
        return Framed::Length(octets);
    }
    if asked.is_http_11 {
        Framed::Chunked
    } else {
        Framed::Close
    }
}

/// Writes the head of a response. Returns whether the connection persists after it.
fn encode_head(
    head: &ResponseHead,
    asked: &Asked,
    content: Content,
    framed: Framed,
    mut is_last: bool,
    out: &mut Vec<u8>,
) -> bool {
    encode_status(head, asked, out);
    let (mut has_length, mut has_connection, mut has_date) = (false, false, false);
    let fields = &head.fields;
    let is_cased = fields.is_cased();
    let take = |named, name: &[u8], value: &[u8]| {
        match named {
            Some(Named::ContentLength) if !tells_length(value, content, framed) => return,
            Some(Named::ContentLength) => has_length = true,
            Some(Named::TransferEncoding) => return,
            Some(Named::Trailer) if framed != Framed::Chunked => return,
            Some(Named::Connection) => {
                has_connection = true;
                is_last |= lists(value, b"close");
            }
            Some(Named::Date) => has_date = true,
            _ => {}
        }
        encode_as_came(name, value, is_cased, out);
    };
    match fields.own_fields() {
        Some(own) => own.encode(out),
        None => fields.each(take),
    }
    match framed {
        Framed::Length(octets) if !has_length && content == Content::Allowed => {
            out.extend_from_slice(b"content-length: ");
            decimal::append(octets, out);
            out.extend_from_slice(b"\r\n");
        }
        Framed::Chunked => encode_line(b"transfer-encoding", b"chunked", out),
        Framed::Length(_) | Framed::Close => {}
    }
    match (is_last, asked.is_http_11) {
        _ if has_connection => {}
        (true, true) => encode_line(b"connection", b"close", out),
        (false, false) => encode_line(b"connection", b"keep-alive", out),
        (true, false) | (false, true) => {}
    }
    if !has_date {
        encode_date(out);
    }
    out.extend_from_slice(b"\r\n");
    !is_last
}

/// RFC 9112 §4.
fn encode_status(head: &ResponseHead, asked: &Asked, out: &mut Vec<u8>) {
    let reason = head.reason.as_ref();
    let usual = || head.status.canonical_reason().unwrap_or_default();
    let version = if asked.is_http_11 {
        b"HTTP/1.1 "
    } else {
        b"HTTP/1.0 "
    };
    out.extend_from_slice(version);
    let digits = head.status.as_str().as_bytes().first_chunk();
    let [hundreds, tens, ones] = digits.expect("a status has three digits");
    out.extend_from_slice(&[*hundreds, *tens, *ones, b' ']);
    out.extend_from_slice(reason.map_or_else(|| usual().as_bytes(), |reason| &reason.0));
    out.extend_from_slice(b"\r\n");
}

/// Whether this says how long the content is, or would be.
fn tells_length(value: &[u8], content: Content, framed: Framed) -> bool {
    match (content, framed) {
        (Content::None, _) => false,
        (Content::Told, _) => true,
        (Content::Allowed, Framed::Length(octets)) => length(value) == Some(octets),
        (Content::Allowed, Framed::Chunked | Framed::Close) => false,
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::config::{Config, Overrides};
    use crate::policy::rejection::{Audience, Room, Telling, samples};

    #[test]
    fn a_conflict_goes_over_the_wire_as_it_is_told() {
        const ASKED: Asked = Asked {
            is_head: false,
            is_http_11: true,
            persists: true,
            expects: false,
            takes_trailers: false,
        };
        let text = "[upstream]\nurl = \"http://127.0.0.1:3000\"\n";
        let config = Config::parse("w.toml", text, &Overrides::default()).expect("a good one");
        let telling = Telling {
            answers: &config.answers,
            audience: &Audience::default(),
            method: &Method::PUT,
            is_last: false,
        };
        let (head, content) = samples::conflict(None).told(&telling, &mut Room::default());
        let framed = Framed::Length(content.len() as u64);
        let mut raw = Vec::new();
        assert!(encode_head(
            &head,
            &ASKED,
            Content::Allowed,
            framed,
            false,
            &mut raw
        ));
        raw.extend_from_slice(&content);
        let raw = String::from_utf8(raw).expect("text");
        let (before, after) = raw.split_once("date: ").expect("a date");
        let (date, after) = after.split_once("\r\n").expect("its end");
        assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
        let expected = concat!(
            "HTTP/1.1 409 Conflict\r\ncontent-type: application/problem+json\r\nretry-after: 2\r\ncache-control: no-store\r\n",
            "proxy-status: writegate; error=http_request_denied; details=\"write-in-flight\"\r\ncontent-length: 418\r\n",
            "\r\n",
        );
        let expected = expected.to_owned() + samples::CONFLICT_TOLD;
        assert_eq!(before.to_owned() + after, expected);
    }
}
