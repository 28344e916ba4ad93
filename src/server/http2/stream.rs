//! The client of one stream, as its request sees it.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{HeaderMap, Response, StatusCode};

use crate::wire::{Client, Hangup};

/// By which a client is asked for the body that it holds back (RFC 9110 §15.2.1). It is no answer.
const ASKED: StatusCode = StatusCode::CONTINUE;

/// Who waits for the response on a stream.
pub(super) struct StreamClient {
    respond: RefCell<SendResponse<Bytes>>,
    /// How long the client may take nothing of the response.
    patience: Cell<Duration>,
}

impl StreamClient {
    pub(super) const fn new(respond: SendResponse<Bytes>, patience: Duration) -> Self {
        Self {
            respond: RefCell::new(respond),
            patience: Cell::new(patience),
        }
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience.get()
    }

    /// Ready when the client has cancelled its request, or the connection is gone.
    pub(super) fn poll_cancelled(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.respond.borrow_mut().poll_reset(cx).map(|_| ())
    }

    /// Begins the response, and with `is_last` ends it.
    pub(super) fn respond(
        &self,
        response: Response<()>,
        is_last: bool,
    ) -> Result<SendStream<Bytes>, h2::Error> {
        self.respond.borrow_mut().send_response(response, is_last)
    }

    pub(super) fn reset(&self, reason: Reason) {
        self.respond.borrow_mut().send_reset(reason);
    }

    /// Asks for the body of a request that waits to be asked.
    pub(super) fn ask(&self) {
        self.inform(ASKED, HeaderMap::new());
    }

    fn inform(&self, status: StatusCode, fields: HeaderMap) {
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = fields;
        // A stream that cannot take it is met again by the response.
        let _ = self.respond.borrow_mut().send_informational(response);
    }
}

/// A client that leaves cancels its stream, and with it the handler is dropped: who asks here is always waited for.
impl Client for StreamClient {
    fn hangup(&self) -> Option<Hangup> {
        None
    }

    fn poll_stirred(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn send_interim(&self, status: StatusCode, fields: &HeaderMap, _: &mut Context<'_>) {
        self.inform(status, fields.clone());
    }

    fn begin_final(&self, patience: Duration) {
        self.patience.set(patience);
    }

    fn tunnel(&self) {}
}
