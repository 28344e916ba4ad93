//! The body of a request on its way over a stream of HTTP/2.
//!
//! Invariants:
//! - It is sent as fast as the upstream makes room for it, and no faster is it read.
//! - A body that does not come whole resets its stream: it is never ended as if it were.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body as _;
use tokio::time::Instant;

use crate::body::Upload;

/// A body, and the stream that takes it.
pub(super) struct Uplink {
    body: Upload,
    stream: SendStream<Bytes>,
    /// What was read of the body and not yet sent.
    rest: Bytes,
    last_byte: Rc<Cell<Instant>>,
    is_over: bool,
}

impl Uplink {
    pub(super) const fn new(
        body: Upload,
        stream: SendStream<Bytes>,
        last_byte: Rc<Cell<Instant>>,
    ) -> Self {
        Self {
            body,
            stream,
            rest: Bytes::new(),
            last_byte,
            is_over: false,
        }
    }

    /// Sends what it can. Ready when no more will be sent.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.is_over {
            let sent = if self.rest.is_empty() {
                ready!(self.poll_body(cx))
            } else {
                ready!(self.poll_room(cx))
            };
            // A stream that takes no more: the upstream may have answered early, and the response tells the rest.
            self.is_over |= sent.is_err();
        }
        Poll::Ready(())
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        if self.body.is_end_stream() {
            self.is_over = true;
            return Poll::Ready(self.stream.send_data(Bytes::new(), true));
        }
        if self.stream.poll_reset(cx).is_ready() {
            self.is_over = true;
            return Poll::Ready(Ok(()));
        }
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    self.rest = data;
                    Poll::Ready(Ok(()))
                }
                Err(frame) => {
                    self.is_over = true;
                    let trailers = frame.into_trailers().unwrap_or_default();
                    Poll::Ready(self.stream.send_trailers(trailers))
                }
            },
            Some(Err(_)) => {
                self.is_over = true;
                self.stream.send_reset(Reason::CANCEL);
                Poll::Ready(Ok(()))
            }
            None => {
                self.is_over = true;
                Poll::Ready(self.stream.send_data(Bytes::new(), true))
            }
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        self.stream.reserve_capacity(self.rest.len());
        let Some(room) = ready!(self.stream.poll_capacity(cx)).transpose()? else {
            self.is_over = true;
            return Poll::Ready(Ok(()));
        };
        let part = self.rest.split_to(room.min(self.rest.len()));
        self.last_byte.set(Instant::now());
        self.is_over = self.rest.is_empty() && self.body.is_end_stream();
        Poll::Ready(self.stream.send_data(part, self.is_over))
    }
}
