//! What carries one exchange to the upstream: a connection of HTTP/1.1, or a stream of HTTP/2.

mod http1;
mod http2;
mod kept;
mod uplink;

use std::cell::Cell;
use std::future::ready;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use tokio::time::Instant;

pub(super) use http1::Http1;
pub(super) use http2::{Shared, Stream};

use super::{Fault, Outgoing, Tunnel};
use crate::body::HttpError;
use crate::policy::head::ResponseHead;
use crate::wire::Socket;

/// A place for one exchange.
pub(super) enum Link<S: Socket> {
    /// A connection of its own.
    Http1(Box<Http1<S>>),
    /// One stream among others.
    Http2(Box<Stream>),
}

impl<S: Socket> Link<S> {
    /// A new exchange begins with this request: nothing of it was sent, and nothing has come.
    pub(super) fn begin(&mut self, request: Outgoing) {
        match self {
            Self::Http1(link) => link.begin(request),
            Self::Http2(stream) => stream.begin(request),
        }
    }

    /// When a byte of the exchange last went or came; before any did, when it began.
    pub(super) fn last_byte(&self) -> &Rc<Cell<Instant>> {
        match self {
            Self::Http1(link) => link.traffic.last_byte(),
            Self::Http2(stream) => stream.last_byte(),
        }
    }

    /// Whether anything was sent over this connection before.
    pub(super) const fn is_reused(&self) -> bool {
        match self {
            Self::Http1(link) => link.kept.is_reused(),
            Self::Http2(stream) => stream.is_reused(),
        }
    }

    /// Why the exchange has no whole response.
    pub(super) fn broken(&self, is_unheard: bool, source: HttpError) -> Fault {
        match (self, source) {
            (Self::Http1(link), source) => link.broken(is_unheard, source),
            (Self::Http2(_), HttpError::Http2(error)) if error.is_library() => {
                Fault::Unparsed(error.into())
            }
            (Self::Http2(_), source @ HttpError::Trailers) => Fault::Unparsed(source),
            (Self::Http2(_), source) => Fault::Broken {
                is_unheard,
                grant: None,
                request: None,
                source,
            },
        }
    }

    /// Lets the connection read and write what it can.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        match self {
            Self::Http1(link) => link.drive(cx),
            Self::Http2(stream) => stream.drive(cx),
        }
    }

    /// The next part of the response's content.
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        match self {
            Self::Http1(link) => link.poll_frame(cx),
            Self::Http2(stream) => stream.poll_frame(cx),
        }
    }

    /// Whether all of the response was taken.
    pub(super) fn is_ended(&self) -> bool {
        match self {
            Self::Http1(link) => link.is_ended(),
            Self::Http2(stream) => stream.is_ended(),
        }
    }

    /// How many octets of content are left to be taken, at least.
    pub(super) fn least(&self) -> u64 {
        match self {
            Self::Http1(link) => link.least(),
            Self::Http2(stream) => stream.least(),
        }
    }

    /// A part of the response has come.
    pub(super) fn heard(&self) {
        match self {
            // Every byte is noted below.
            Self::Http1(_) => {}
            Self::Http2(stream) => stream.last_byte().set(Instant::now()),
        }
    }

    /// Ready when both directions of the exchange are over, given that the response is.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Http1(link) => link.poll_over(cx),
            Self::Http2(stream) => stream.poll_sent(cx),
        }
    }

    /// Whether all of the request was sent, of which that is known before its response is over.
    pub(super) fn is_sent(&self) -> bool {
        match self {
            Self::Http1(link) => link.is_sent(),
            Self::Http2(_) => false,
        }
    }

    /// Takes note of what the head of the response says of the connection.
    pub(super) fn heed(&mut self, response: &ResponseHead) {
        match self {
            Self::Http1(link) => link.kept.heed(response),
            Self::Http2(_) => {}
        }
    }

    /// The exchange is over: the connection may serve the next.
    pub(super) fn park(mut self) {
        let home = match &mut self {
            Self::Http1(link) => link.rests().then(|| Rc::clone(&link.kept.home)),
            // Its place is free when it is dropped.
            Self::Http2(_) => None,
        };
        if let Some(home) = home {
            home.put(self);
        }
    }

    /// Whether a connection that was idle can be used at `now`, as far as is known without waiting.
    pub(super) fn is_good(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        match self {
            Self::Http1(link) => link.is_good(now, cx),
            Self::Http2(_) => false,
        }
    }

    /// Whether the backend would still keep a connection that is idle.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        match self {
            Self::Http1(link) => link.kept.is_fresh(now),
            Self::Http2(_) => false,
        }
    }

    /// What the exchange has become after a 101, and what was already read of it. Over HTTP/2 there is none.
    pub(super) fn into_tunnel(self) -> Option<Tunnel> {
        match self {
            Self::Http1(link) => Some(Box::pin(ready(link.into_tunnel()))),
            Self::Http2(_) => None,
        }
    }
}
