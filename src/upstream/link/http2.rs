//! A connection to the upstream over which HTTP/2 is spoken, and the streams on it.
//!
//! Invariants:
//! - A request was not sent if the upstream says so, by `REFUSED_STREAM` or by a `GOAWAY` below its stream (RFC 9113 §8.7), or
//!   if not one byte has gone over the connection since it was given to the library.
//! - A stream that is dropped unfinished is reset, and its neighbours live on.
//! - A connection over which nothing came while a stream waited in vain is trusted with no more: it may be dead, and nobody
//!   would tell.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::{Builder, ResponseFuture, SendRequest};
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING, UPGRADE};
use http::uri::Scheme;
use http::{Request, Response, StatusCode, Uri, response};
use http_body::{Body as _, Frame};
use tokio::task::spawn_local;
use tokio::time::Instant;
use tracing::debug;

use super::super::{Outgoing, Relay};
use super::uplink::Uplink;
use crate::body::{HttpError, Incoming, Streamed, Upload};
use crate::policy::head::{INTERIM_LIMIT, check_http2_trailers};
use crate::wire::{Outbound, Socket, Traffic};

/// What the upstream may send on one stream, and on all of a connection, that nobody has read yet.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// The largest head of a response.
const HEAD_LIMIT: u32 = 128 * 1024;

/// What is kept of a request that its stream has room for and its socket has not.
const SEND_BUFFER: usize = 64 * 1024;

/// The most streams at a time before the upstream has said how many it takes, and in any case.
const STREAM_LIMIT: usize = 100;

/// How long nothing has come when a stream ends that says something of its connection.
const IN_VAIN: Duration = Duration::from_secs(1);

/// A connection that carries many exchanges.
pub(crate) struct Shared {
    send: RefCell<SendRequest<Bytes>>,
    traffic: Rc<Traffic>,
    scheme: Scheme,
    is_over: Rc<Cell<bool>>,
    /// Streams on it that have not ended.
    streams: Cell<usize>,
    /// Streams that there have been.
    begun: Cell<u64>,
    patience: Duration,
    /// When its last stream ended.
    idle_since: Cell<Instant>,
}

impl Shared {
    /// Speaks HTTP/2 over a connection that was just made.
    pub(crate) async fn new<S: Socket>(
        socket: S,
        scheme: Scheme,
        patience: Duration,
        relay: Relay,
    ) -> Result<Rc<Self>, h2::Error> {
        let outbound = Outbound::new(socket);
        let traffic = outbound.traffic();
        let (send, driver) = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_max_send_streams(STREAM_LIMIT)
            .max_header_list_size(HEAD_LIMIT)
            .max_send_buffer_size(SEND_BUFFER)
            .handshake(outbound)
            .await?;
        let is_over = Rc::new(Cell::new(false));
        let ends = Rc::clone(&is_over);
        // Not counted among what a drain waits for: it ends when nobody can use the connection any more.
        spawn_local(async move {
            if let Err(error) = driver.await {
                debug!(%error, "a connection to the upstream broke");
            }
            drop(relay);
            ends.set(true);
        });
        Ok(Rc::new(Self {
            send: RefCell::new(send),
            traffic,
            scheme,
            is_over,
            streams: Cell::new(0),
            begun: Cell::new(0),
            patience,
            idle_since: Cell::new(Instant::now()),
        }))
    }

    /// Whether it can take another stream at `now`.
    pub(crate) fn has_room(&self, now: Instant) -> bool {
        let limit = STREAM_LIMIT.min(self.send.borrow().current_max_send_streams());
        self.is_fresh(now) && self.streams.get() < limit
    }

    /// Whether it is of any more use.
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        let is_kept = self.streams.get() > 0 || now < self.idle_since.get() + self.patience;
        !self.is_over.get() && is_kept
    }
}

/// A stream for one exchange.
pub(crate) struct Stream {
    shared: Rc<Shared>,
    /// What is to be sent.
    waiting: Option<Outgoing>,
    uplink: Option<Uplink>,
    incoming: Incoming,
    last_byte: Rc<Cell<Instant>>,
    /// What had been written to the connection before the request was given to the library.
    written_before: u64,
    begun: Instant,
    is_reused: bool,
}

/// Why a stream has no response.
pub(crate) struct Failed {
    /// Whether it is certain that the upstream has done nothing about the request.
    pub(crate) is_unsent: bool,
    /// Whether what came is no response that HTTP/2 knows.
    pub(crate) is_invalid: bool,
    pub(crate) source: h2::Error,
}

impl Stream {
    /// The next stream on a connection that has room for it.
    pub(crate) fn on(shared: &Rc<Shared>) -> Self {
        shared.streams.set(shared.streams.get() + 1);
        let begun = shared.begun.replace(shared.begun.get() + 1);
        Self {
            shared: Rc::clone(shared),
            waiting: None,
            uplink: None,
            incoming: Incoming::Here(Bytes::new()),
            last_byte: Rc::new(Cell::new(Instant::now())),
            written_before: u64::MAX,
            begun: Instant::now(),
            is_reused: begun > 0,
        }
    }

    /// Begins with a request.
    pub(super) fn begin(&mut self, request: Outgoing) {
        self.last_byte.set(Instant::now());
        self.waiting = Some(request);
    }

    /// The request that was begun with.
    pub(crate) const fn take_begun(&mut self) -> Option<Outgoing> {
        self.waiting.take()
    }

    pub(super) const fn last_byte(&self) -> &Rc<Cell<Instant>> {
        &self.last_byte
    }

    pub(crate) const fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Sends a request, and waits for the head of its response. Informational ones are given to `inform`.
    pub(crate) async fn exchange(
        &mut self,
        request: Outgoing,
        inform: impl Fn(Response<()>, &mut Context<'_>),
    ) -> Result<response::Parts, Failed> {
        let mut response = self.send(request).await.map_err(|source| Failed {
            is_unsent: true,
            is_invalid: false,
            source,
        })?;
        let mut interims = 0;
        let answered = poll_fn(|cx| {
            self.drive(cx);
            while let Poll::Ready(Some(interim)) = response.poll_informational(cx) {
                match interim {
                    // RFC 9113 §8.6: nobody is to believe that this connection leaves HTTP.
                    Ok(interim) if interim.status() == StatusCode::SWITCHING_PROTOCOLS => {
                        return Poll::Ready(Err(Reason::PROTOCOL_ERROR.into()));
                    }
                    // Each is a sign of life, and nobody would ever give up.
                    Ok(_) if interims == INTERIM_LIMIT => {
                        return Poll::Ready(Err(Reason::PROTOCOL_ERROR.into()));
                    }
                    Ok(interim) => {
                        interims += 1;
                        self.last_byte.set(Instant::now());
                        inform(interim, cx);
                        // It may have opened the way for the body.
                        self.drive(cx);
                    }
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            Pin::new(&mut response).poll(cx)
        })
        .await;
        self.last_byte.set(Instant::now());
        let response = answered.map_err(|source| self.failed(source))?;
        let (head, body) = response.into_parts();
        self.incoming = Incoming::Http2(Streamed::new(
            body,
            &head.headers,
            check_http2_trailers,
            None,
        ));
        Ok(head)
    }

    /// Gives the head to the library; the body follows as it is driven.
    async fn send(&mut self, request: Outgoing) -> Result<ResponseFuture, h2::Error> {
        poll_fn(|cx| self.shared.send.borrow_mut().poll_ready(cx)).await?;
        let (head, body) = streamed(request, &self.shared.scheme);
        let is_empty = body.is_end_stream();
        self.written_before = self.shared.traffic.written();
        let mut send = self.shared.send.borrow_mut();
        let (response, stream) = send.send_request(head, is_empty)?;
        if !is_empty {
            self.uplink = Some(Uplink::new(body, stream, Rc::clone(&self.last_byte)));
        }
        Ok(response)
    }

    /// What it means for the request that its stream has failed before a response came.
    fn failed(&self, source: h2::Error) -> Failed {
        let is_refused = source.is_reset() && source.reason() == Some(Reason::REFUSED_STREAM);
        // The library tells a stream of a GOAWAY only if that is below it.
        let is_beyond = source.is_go_away();
        let is_disclaimed = source.is_remote() && (is_refused || is_beyond);
        let is_unwritten = self.shared.traffic.written() <= self.written_before;
        let is_unknown_here =
            !source.is_remote() && source.reason() == Some(Reason::PROTOCOL_ERROR);
        Failed {
            is_unsent: is_disclaimed || is_unwritten,
            is_invalid: source.is_library() || is_unknown_here,
            source,
        }
    }

    /// The next part of the response's content.
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.drive(cx);
        Pin::new(&mut self.incoming).poll_frame(cx)
    }

    /// Whether all of the response was taken.
    pub(super) fn is_ended(&self) -> bool {
        self.incoming.is_end_stream()
    }

    /// How many octets of content are left to be taken, at least.
    pub(super) fn least(&self) -> u64 {
        self.incoming.size_hint().lower()
    }

    /// Sends what it can of the body.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        let _pending = self.poll_sent(cx);
    }

    /// Ready when no more of the request will be sent.
    pub(super) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.uplink {
            Some(uplink) => uplink.poll(cx),
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let heard = self.begun.max(self.shared.traffic.last_heard());
        if heard.elapsed() >= IN_VAIN {
            self.shared.is_over.set(true);
        }
        self.shared.streams.set(self.shared.streams.get() - 1);
        self.shared.idle_since.set(Instant::now());
    }
}

/// The request as HTTP/2 has it (RFC 9113 §8.3.1): the target in its parts, and no field that is about a connection.
fn streamed(request: Outgoing, scheme: &Scheme) -> (Request<()>, Upload) {
    let Outgoing { head, added, body } = request;
    let mut head = head.into_parts();
    added.join(&mut head.headers);
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        head.headers.remove(name);
    }
    let host = head.headers.remove(HOST);
    let mut parts = std::mem::take(&mut head.uri).into_parts();
    parts.scheme = Some(scheme.clone());
    parts.authority = host.and_then(|host| host.as_bytes().try_into().ok());
    // Without a valid host there is none that could be told: the library refuses the head, and nothing is sent.
    head.uri = Uri::from_parts(parts).unwrap_or_default();
    head.version = http::Version::HTTP_2;
    (Request::from_parts(head, ()), body)
}
