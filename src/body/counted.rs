//! A request body that counts what has come of it, and whose trailer section says no more than it may.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::{HttpError, Incoming};

/// The octets of content that have come: shared by the body and by who tells of it.
pub type Count = Rc<Cell<u64>>;

/// What is done to a trailer section.
pub type Edit = Box<dyn Fn(&mut HeaderMap)>;

/// A request body as it comes, counted where somebody wants to know.
pub struct Counted {
    body: Incoming,
    count: Option<Count>,
    edit: Option<Edit>,
}

impl Counted {
    /// The same body, of which `count` is told.
    pub const fn new(body: Incoming, count: Option<Count>) -> Self {
        Self {
            body,
            count,
            edit: None,
        }
    }

    /// The same, with its trailer section as `edit` leaves it.
    pub fn editing(self, edit: Option<Edit>) -> Self {
        Self { edit, ..self }
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted")
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let mut polled = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let (Some(edit), Some(Ok(frame))) = (&self.edit, &mut polled)
            && let Some(trailers) = frame.trailers_mut()
        {
            edit(trailers);
        }
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
