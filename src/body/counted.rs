//! A request body that counts what has come of it.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{HttpError, Incoming};

/// The octets of content that have come: shared by the body and by who tells of it.
pub type Count = Rc<Cell<u64>>;

/// A request body as it comes, counted where somebody wants to know.
#[derive(Debug)]
pub struct Counted {
    body: Incoming,
    count: Option<Count>,
}

impl Counted {
    /// The same body, of which `count` is told.
    pub const fn new(body: Incoming, count: Option<Count>) -> Self {
        Self { body, count }
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let polled = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let (Some(count), Some(Ok(frame))) = (&self.count, &polled) {
            let octets = frame.data_ref().map_or(0, Bytes::len);
            count.set(count.get() + octets as u64);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
