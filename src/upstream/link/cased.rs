//! A connection to the upstream over which HTTP/1.1 is spoken, with the names of fields as they were written: one exchange at
//! a time.
//!
//! How a name was written is known to hyper alone, on the side of the client, too: so it is hyper that speaks here.

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::{Body as _, Frame};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::super::Fault;
use super::super::pool::Pool;
use super::kept::Kept;
use crate::body::{HttpError, Incoming, Upload};
use crate::policy::head::RESPONSE_FIELD_LIMIT;
use crate::wire::{Duplex, Outbound, Socket, Traffic};

/// The largest head, and the largest part of a body, that is read at once.
const BUFFER: usize = 128 * 1024;

/// One connection to the upstream.
pub(crate) struct Cased<S: Socket> {
    sender: SendRequest<Upload>,
    driver: Connection<TokioIo<Outbound<S>>, Upload>,
    begun: Option<Request<Upload>>,
    incoming: Incoming,
    is_over: bool,
    pub(crate) traffic: Rc<Traffic>,
    pub(super) kept: Kept<S>,
}

impl<S: Socket> Cased<S> {
    /// Speaks HTTP/1.1 over a connection that was just made.
    pub(crate) async fn new(socket: S, home: &Rc<Pool<S>>) -> hyper::Result<Box<Self>> {
        let outbound = Outbound::new(socket);
        let traffic = outbound.traffic();
        let (sender, driver) = Builder::new()
            .preserve_header_case(true)
            .max_buf_size(BUFFER)
            .max_headers(RESPONSE_FIELD_LIMIT)
            .handshake(TokioIo::new(outbound))
            .await?;
        Ok(Box::new(Self {
            sender,
            driver,
            begun: None,
            incoming: Incoming::Empty,
            is_over: false,
            traffic,
            kept: Kept::new(home),
        }))
    }

    /// Whether it can be used at `now`, as far as is known without waiting.
    pub(super) fn is_good(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        self.drive(cx);
        !self.is_over && self.is_sound() && self.sender.is_ready() && self.kept.is_fresh(now)
    }

    /// Begins with a request.
    pub(super) fn begin(&mut self, request: Request<Upload>) {
        self.traffic.begin(request.method() == Method::HEAD);
        self.begun = Some(request);
    }

    /// The request that was begun with.
    pub(crate) fn take_begun(&mut self) -> Option<Request<Upload>> {
        self.begun.take()
    }

    /// Sends it.
    pub(crate) fn send(
        &mut self,
        request: Request<Upload>,
    ) -> impl Future<Output = Result<Response<hyper::body::Incoming>, TrySendError<Request<Upload>>>>
    + use<S> {
        self.sender.try_send_request(request)
    }

    /// The content of the response, to be read from here.
    pub(crate) fn receive(&mut self, incoming: hyper::body::Incoming) {
        self.incoming = Incoming::Http1(incoming);
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

    /// Why the connection came to its end: by itself, or by what came over it.
    pub(crate) fn broken(&self, is_unheard: bool, source: HttpError) -> Fault {
        match (self.traffic.invalid(), source) {
            (Some(why), _) => Fault::Malformed(why),
            (None, HttpError::Http1(error)) if is_unparsed(&error) => Fault::Unparsed(error.into()),
            (None, source) => Fault::Broken {
                is_unheard,
                grant: None,
                request: None,
                source,
            },
        }
    }

    /// Lets the connection read and write what it can.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.is_over && Pin::new(&mut self.driver).poll(cx).is_ready() {
            self.is_over = true;
        }
    }

    /// Ready when both directions of the exchange are over.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.drive(cx);
        if self.is_over || self.sender.poll_ready(cx).is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Whether the connection may serve the next exchange, now that this one is over.
    pub(super) fn rests(&mut self) -> bool {
        let rests = !self.is_over && self.is_sound() && self.sender.is_ready();
        if rests {
            self.incoming = Incoming::Empty;
            self.kept.rest();
        }
        rests
    }

    /// Whether the next response on it would be the one to the next request.
    fn is_sound(&self) -> bool {
        !self.traffic.is_deaf() && !self.traffic.is_spoiled()
    }

    /// The bare connection, after a 101, and what was already read of the tunnel.
    pub(super) async fn into_tunnel(mut self: Box<Self>) -> (Box<dyn Duplex>, Bytes) {
        std::future::poll_fn(|cx| {
            self.drive(cx);
            if self.is_over {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        let parts = self.driver.into_parts();
        (
            Box::new(parts.io.into_inner().into_socket()),
            parts.read_buf,
        )
    }
}

/// Whether the library could make nothing of what came; of a body it says so by the kind of an error of I/O.
fn is_unparsed(error: &hyper::Error) -> bool {
    let kind = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    let kind = kind.map(io::Error::kind);
    error.is_parse() || matches!(kind, Some(ErrorKind::InvalidData | ErrorKind::InvalidInput))
}
