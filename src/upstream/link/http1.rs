//! A connection to the upstream over which HTTP/1.1 is spoken: one exchange at a time.
//!
//! What goes over it is written and read here, and not by a library with a task and channels of its own: the exchange
//! polls its connection itself.
//!
//! Invariants:
//! - It serves another exchange only after one that was over in both directions, and behind whose response nothing came.
//! - What is read is held by nobody while it is idle: it has no buffer then.

mod sending;

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body::Frame;
use tokio::time::Instant;

use super::super::pool::Pool;
use super::super::{Fault, Outgoing};
use super::kept::Kept;
use crate::body::HttpError;
use crate::policy::forward::persists;
use crate::policy::head::{InvalidResponse, ResponseHead};
use crate::wire::{Decoder, Duplex, Outbound, Part, Socket, Traffic, poll_read};
use sending::Sending;

/// One connection to the upstream.
pub(crate) struct Http1<S: Socket> {
    socket: Outbound<S>,
    pub(super) traffic: Rc<Traffic>,
    sending: Sending,
    decoder: Decoder,
    /// What was read, and belongs to the parts that are still to be taken.
    input: Bytes,
    /// Whether anything has failed, or the upstream has ended the connection or wants to.
    is_over: bool,
    /// What is wrong with the response, if it can be understood in more than one way.
    invalid: Option<InvalidResponse>,
    pub(super) kept: Kept<S>,
}

impl<S: Socket> Http1<S> {
    /// Speaks HTTP/1.1 over a connection that was just made.
    pub(crate) fn new(socket: S, home: &Rc<Pool<S>>) -> Box<Self> {
        let socket = Outbound::new(socket);
        Box::new(Self {
            traffic: socket.traffic(),
            socket,
            sending: Sending::default(),
            decoder: Decoder::new(home.cased),
            input: Bytes::new(),
            is_over: false,
            invalid: None,
            kept: Kept::new(home),
        })
    }

    /// Whether it can be used at `now`, as far as is known without waiting.
    pub(super) fn is_good(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        // Whatever comes between exchanges, be it the end, makes it useless.
        let is_good = self.is_sound()
            && self.kept.is_fresh(now)
            && (!self.socket.is_stirred() || self.poll_read(cx).is_pending());
        self.traffic.begin(now);
        is_good
    }

    /// Begins with a request, and with the wait for its response.
    pub(super) fn begin(&mut self, request: Outgoing) {
        let is_head = request.head.method == Method::HEAD;
        self.decoder.expect(is_head);
        self.sending.begin(request);
    }

    /// Sends what it can, and returns the head of the response when it has come. Informational ones are given to `inform`.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        mut inform: impl FnMut(StatusCode, HeaderMap, &mut Context<'_>),
    ) -> Poll<Result<Box<ResponseHead>, Fault>> {
        loop {
            if let Poll::Ready(Err(error)) = self.poll_send(cx) {
                return Poll::Ready(Err(self.failed(error)));
            }
            match ready!(self.poll_part(cx)) {
                // It may have opened the way for the body.
                Ok(Some(Part::Interim(status, fields))) => inform(status, fields, cx),
                Ok(Some(Part::Head(head))) => {
                    self.sending.answered();
                    self.is_over |= !persists(&head);
                    return Poll::Ready(Ok(head));
                }
                Ok(Some(Part::Data(_) | Part::Trailers(_)) | None) => {
                    return Poll::Ready(Err(self.failed(HttpError::Truncated)));
                }
                Err(error) => return Poll::Ready(Err(self.failed(error))),
            }
        }
    }

    /// The next part of the response's content.
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if self.is_ended() {
            return Poll::Ready(None);
        }
        // What fails of it is told by the response, or by its end.
        let _ = self.poll_send(cx);
        Poll::Ready(match ready!(self.poll_part(cx)).transpose() {
            Some(Ok(Part::Data(data))) => Some(Ok(Frame::data(data))),
            Some(Ok(Part::Trailers(trailers))) => Some(Ok(Frame::trailers(trailers))),
            Some(Ok(Part::Interim(..) | Part::Head(_))) | None => None,
            Some(Err(error)) => Some(Err(error)),
        })
    }

    /// Whether all of the response was taken.
    pub(super) const fn is_ended(&self) -> bool {
        self.decoder.is_idle()
    }

    /// How many octets of content are left to be taken, at least.
    pub(super) fn least(&self) -> u64 {
        self.decoder.left().unwrap_or_default()
    }

    /// Ready when both directions of the exchange are over.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_send(cx).is_ready() {
            return Poll::Ready(());
        }
        // Nobody takes the rest of the request where the connection ends.
        if self.decoder.is_idle() && self.poll_read(cx).is_ready() {
            self.is_over = true;
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Whether all of the request was sent.
    pub(super) const fn is_sent(&self) -> bool {
        self.sending.is_over()
    }

    /// Lets the connection write what it can.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        let _ = self.poll_send(cx);
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), HttpError>> {
        if self.sending.is_over() {
            return Poll::Ready(Ok(()));
        }
        let sent = ready!(self.sending.poll(cx, Pin::new(&mut self.socket)));
        self.is_over |= sent.is_err();
        Poll::Ready(sent)
    }

    /// The next part of a response; none where the connection has ended, and the response with it.
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Part>, HttpError>> {
        loop {
            match self.decoder.next(&mut self.input) {
                Ok(None) => {}
                Ok(Some(part)) => return Poll::Ready(Ok(Some(part))),
                Err(why) => {
                    self.is_over = true;
                    self.invalid = Some(why);
                    let error = io::Error::new(io::ErrorKind::InvalidData, why);
                    return Poll::Ready(Err(error.into()));
                }
            }
            if self.is_ended() {
                return Poll::Ready(Ok(None));
            }
            self.input = ready!(self.poll_read(cx))?;
            if self.input.is_empty() {
                self.is_over = true;
                let end = if self.decoder.end() {
                    Ok(None)
                } else {
                    Err(HttpError::Truncated)
                };
                return Poll::Ready(end);
            }
        }
    }

    /// Reads what is there; nothing at the end of the connection.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, HttpError>> {
        let sure = self.decoder.octets();
        let read = ready!(poll_read(Pin::new(&mut self.socket), cx, sure));
        self.is_over |= read.is_err();
        Poll::Ready(read.map_err(HttpError::Io))
    }

    /// What it means for the exchange that no head of a response has come.
    fn failed(&mut self, source: HttpError) -> Fault {
        self.is_over = true;
        let request = self.sending.take_back().map(Box::new);
        if !self.traffic.has_sent() {
            return Fault::NotSent {
                grant: None,
                request,
                source,
            };
        }
        self.broken(!self.traffic.has_received(), source)
            .with(request)
    }

    /// Why the connection came to its end: by itself, or by what came over it.
    pub(super) fn broken(&self, is_unheard: bool, source: HttpError) -> Fault {
        match self.invalid {
            Some(why) => Fault::Malformed(why),
            None => Fault::Broken {
                is_unheard,
                grant: None,
                request: None,
                source,
            },
        }
    }

    /// Whether the connection may serve the next exchange, now that this one is over.
    pub(super) fn rests(&mut self) -> bool {
        let is_over = !self.is_over && self.decoder.is_idle() && self.sending.is_over();
        let rests = is_over && self.is_sound();
        if rests {
            // Empty as it is, it would keep what was read last.
            self.input = Bytes::new();
            self.kept.rest(self.traffic.last_byte().get());
        }
        rests
    }

    /// Whether the next response on it would be the one to the next request.
    fn is_sound(&self) -> bool {
        !self.is_over
            && self.input.is_empty()
            && !self.traffic.is_deaf()
            && !self.decoder.is_doubtful()
    }

    /// The bare connection, after a 101, and what was already read of the tunnel.
    pub(super) fn into_tunnel(self) -> (Box<dyn Duplex>, Bytes) {
        (Box::new(self.socket.into_socket()), self.input)
    }
}
