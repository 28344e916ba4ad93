//! A request on its way over a connection of HTTP/1.1: its head and its body, as they are written.
//!
//! Invariants:
//! - Until a byte of it was sent, all of it can be had back.
//! - What is kept of it for another attempt is let go with the first answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};
use http_body::{Body as _, Frame};
use tokio::io::AsyncWrite;

use super::super::super::{Added, Outgoing};
use crate::body::{HttpError, Upload, UploadFault};
use crate::policy::head::RequestHead;
use crate::policy::present::Named;
use crate::wire::{Framed, OutOfLength, Output, encode_as_came, length};

/// A request on its way.
#[derive(Debug)]
pub(super) struct Sending {
    /// Kept until an answer comes, for another attempt.
    head: Option<(Box<RequestHead>, Added)>,
    body: Option<Upload>,
    /// What of the body was here when it was begun.
    content: Bytes,
    /// Whether some of the body has come since: then it cannot be had back.
    has_come: bool,
    is_body_over: bool,
    failed: Option<UploadFault>,
    output: Output,
    is_flushed: bool,
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            head: None,
            body: None,
            content: Bytes::new(),
            has_come: false,
            is_body_over: true,
            failed: None,
            output: Output::default(),
            is_flushed: true,
        }
    }
}

impl Sending {
    /// Begins with a request, when the one before is over.
    pub(super) fn begin(&mut self, request: Outgoing) {
        let Outgoing {
            mut head,
            added,
            mut body,
        } = request;
        let framed = frame(&mut head, &body);
        encode(&head, &added, self.output.begin(framed));
        self.head = Some((head, added));
        self.content = body.take_content();
        self.has_come = false;
        self.is_body_over = false;
        self.failed = None;
        self.is_flushed = false;
        if !self.content.is_empty() {
            // It is as long as its head says: both are by the same count.
            let _as_it_says = self.output.add_kept(&self.content);
        }
        self.body = Some(body);
    }

    /// The response has begun: there will be no other attempt.
    pub(super) fn answered(&mut self) {
        self.head = None;
        self.content = Bytes::new();
        if self.is_body_over {
            self.body = None;
        }
    }

    /// The request as it was given, where all of it is at hand.
    pub(super) fn take_back(&mut self) -> Option<Outgoing> {
        let ((head, added), mut body) = (self.head.take()?, self.body.take()?);
        body.give_back(std::mem::take(&mut self.content));
        (!self.has_come).then_some(Outgoing { head, added, body })
    }

    /// Whether all of it was written, and nothing is kept back.
    pub(super) const fn is_over(&self) -> bool {
        self.is_flushed
    }

    /// Sends what it can. Ready when all was sent.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut socket: Pin<&mut impl AsyncWrite>,
    ) -> Poll<Result<(), HttpError>> {
        while !self.is_flushed {
            let gathered = match &self.failed {
                None => self.gather(cx),
                Some(fault) => Err(*fault),
            };
            // A body that has failed says no more of it, and would seem to have ended.
            let gathered = gathered.inspect_err(|fault| self.failed = Some(*fault))?;
            ready!(self.output.poll_write(cx, socket.as_mut()))?;
            if gathered != Gathered::Enough {
                ready!(socket.as_mut().poll_flush(cx))?;
            }
            match gathered {
                Gathered::Enough => {}
                Gathered::All => {
                    self.is_flushed = true;
                    self.output.rest();
                }
                Gathered::Awaited => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes of the body what has come, as far as it is written together.
    fn gather(&mut self, cx: &mut Context<'_>) -> Result<Gathered, UploadFault> {
        while !self.is_body_over && !self.output.is_full() {
            let body = self.body.as_mut().filter(|body| !body.is_end_stream());
            let polled = match body.map(|body| Pin::new(body).poll_frame(cx)) {
                Some(Poll::Ready(polled)) => polled,
                Some(Poll::Pending) => return Ok(Gathered::Awaited),
                None => None,
            };
            self.has_come |= polled.is_some();
            let frame = polled.transpose()?;
            let added = match frame.map(Frame::into_data) {
                Some(Ok(data)) => self.output.add(data),
                Some(Err(frame)) => self.end(frame.into_trailers().ok().as_ref()),
                None => self.end(None),
            };
            added.map_err(|OutOfLength| UploadFault::Broken)?;
        }
        Ok(if self.is_body_over {
            Gathered::All
        } else {
            Gathered::Enough
        })
    }

    fn end(&mut self, trailers: Option<&HeaderMap>) -> Result<(), OutOfLength> {
        self.is_body_over = true;
        self.output.end(trailers)
    }
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

/// How the body is framed, and the fields that say so.
fn frame(head: &mut RequestHead, body: &Upload) -> Framed {
    let fields = &mut head.fields;
    if fields.are_as_they_came() && !fields.present().has(Named::TransferEncoding) {
        if body.is_end_stream() {
            return Framed::Length(0);
        }
        if let Some(length) = fields.value(Named::ContentLength).and_then(length) {
            return Framed::Length(length);
        }
    }
    let fields = fields.map_mut();
    if body.is_end_stream() {
        fields.remove(TRANSFER_ENCODING);
        return Framed::Length(0);
    }
    if fields.contains_key(TRANSFER_ENCODING) {
        fields.remove(CONTENT_LENGTH);
        return Framed::Chunked;
    }
    let told = fields.get(CONTENT_LENGTH);
    if let Some(length) = told.and_then(|told| length(told.as_bytes())) {
        return Framed::Length(length);
    }
    if let Some(length) = body.size_hint().exact() {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        return Framed::Length(length);
    }
    fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    Framed::Chunked
}

fn encode(head: &RequestHead, added: &Added, out: &mut Vec<u8>) {
    let target = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let is_cased = head.fields.is_cased();
    head.fields
        .each(|_, name, value| encode_as_came(name, value, is_cased, out));
    added.encode(out);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::task::Waker;

    use super::*;
    use crate::body::Received;

    /// Takes so many bytes at a time, and waits in between.
    struct Slow {
        taken: Vec<u8>,
        at_once: usize,
        is_waiting: bool,
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.is_waiting = !self.is_waiting;
            if self.is_waiting {
                return Poll::Pending;
            }
            let count = buf.len().min(self.at_once);
            self.taken.extend_from_slice(&buf[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn request(fields: &[(&'static str, &'static str)], received: Received) -> Outgoing {
        let (upload, _) = Upload::new(received, None, None, None);
        let request = http::Request::put("/a?b").body(()).expect("a request");
        let mut parts = request.into_parts().0;
        for (name, value) in fields {
            let value = HeaderValue::from_static(value);
            parts.headers.append(*name, value);
        }
        let head = Box::new(parts.into());
        Outgoing {
            head,
            added: Added::default(),
            body: upload,
        }
    }

    fn whole(content: &[u8]) -> Received {
        Received {
            content: Bytes::copy_from_slice(content),
            ..Received::default()
        }
    }

    fn sent(sending: &mut Sending, at_once: usize) -> String {
        let mut slow = Slow {
            taken: Vec::new(),
            at_once,
            is_waiting: false,
        };
        let cx = &mut Context::from_waker(Waker::noop());
        while sending.poll(cx, Pin::new(&mut slow)).is_pending() {}
        assert!(sending.is_over());
        String::from_utf8(slow.taken).expect("text")
    }

    #[test]
    fn a_body_is_framed_as_its_head_says() {
        let large = "x".repeat(4097);
        let trailers = HeaderMap::from_iter([(http::header::ETAG, HeaderValue::from_static("v"))]);
        for (fields, received, expected) in [
            (vec![], whole(b""), "PUT /a?b HTTP/1.1\r\n\r\n".to_owned()),
            (
                vec![("content-length", "0")],
                whole(b""),
                "PUT /a?b HTTP/1.1\r\ncontent-length: 0\r\n\r\n".to_owned(),
            ),
            (
                vec![("a", "b"), ("a", "c")],
                whole(b"hello"),
                "PUT /a?b HTTP/1.1\r\na: b\r\na: c\r\ncontent-length: 5\r\n\r\nhello".to_owned(),
            ),
            (
                vec![("transfer-encoding", "chunked")],
                whole(large.as_bytes()),
                format!("PUT /a?b HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1001\r\n{large}\r\n0\r\n\r\n"),
            ),
            (
                vec![],
                Received {
                    trailers: Some(Box::new(trailers)),
                    ..whole(b"hello")
                },
                "PUT /a?b HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\netag: v\r\n\r\n".to_owned(),
            ),
        ] {
            for at_once in [1, 7, usize::MAX] {
                let mut sending = Sending::default();
                let received = Received {
                    content: received.content.clone(),
                    trailers: received.trailers.clone(),
                    ..Received::default()
                };
                sending.begin(request(&fields, received));
                assert_eq!(sent(&mut sending, at_once), expected);
            }
        }
    }

    #[test]
    fn what_was_begun_can_be_had_back_and_sent_over_another_connection() {
        let mut sending = Sending::default();
        sending.begin(request(&[], whole(b"hello")));
        let first = sent(&mut sending, usize::MAX);
        let again = sending.take_back().expect("all of it is at hand");
        let mut other = Sending::default();
        other.begin(again);
        assert_eq!(sent(&mut other, usize::MAX), first);
        other.answered();
        assert!(other.take_back().is_none(), "nobody sends it once more");
    }
}
