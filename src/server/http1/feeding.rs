//! The body of a request, given to whoever takes it as it is asked for.

use std::task::{Context, Poll};

use http::{HeaderMap, StatusCode};
use http_body::Frame;

use crate::body::{Feed, Incoming, coming};
use crate::wire::{Inbound, Piece, Socket};

/// What feeds the body of one request.
pub(super) struct Feeding {
    /// None where the body is over, or nobody takes it.
    feed: Option<Feed>,
    /// Whether the client waits to be asked for it.
    is_expected: bool,
}

impl Feeding {
    /// Nothing is to be fed.
    pub(super) const fn none() -> Self {
        Self {
            feed: None,
            is_expected: false,
        }
    }

    /// A body of so many octets, where that is known, for which the client waits to be asked where it is `expected`.
    pub(super) fn of(left: Option<u64>, is_expected: bool) -> (Incoming, Self) {
        let (feed, coming) = coming(left);
        let feeding = Self {
            feed: Some(feed),
            is_expected,
        };
        (Incoming::Http1(coming), feeding)
    }

    /// Whether nothing is to be fed any more.
    pub(super) fn is_over(&self) -> bool {
        self.feed.as_ref().is_none_or(Feed::is_taker_gone)
    }

    /// Gives what is wanted, as far as it is here. Whether it has given anything.
    pub(super) fn feed<S: Socket>(
        &mut self,
        inbound: &mut Inbound<S>,
        cx: &mut Context<'_>,
    ) -> bool {
        let Some(feed) = &self.feed else {
            return false;
        };
        match feed.poll_wanted(cx) {
            Poll::Pending => return false,
            Poll::Ready(false) => {
                self.feed = None;
                return false;
            }
            Poll::Ready(true) => {}
        }
        if std::mem::take(&mut self.is_expected) {
            inbound
                .client()
                .send_interim(StatusCode::CONTINUE, &HeaderMap::new(), cx);
        }
        let Poll::Ready(piece) = inbound.poll_content(cx) else {
            return false;
        };
        match piece {
            Ok(Some(Piece::Data(data))) => feed.give(Frame::data(data)),
            Ok(Some(Piece::Trailers(fields))) => feed.give(Frame::trailers(fields)),
            Ok(None) => {}
            // It is cut short by being dropped.
            Err(_broken) => {
                self.feed = None;
                return true;
            }
        }
        if !inbound.is_in_body()
            && let Some(feed) = self.feed.take()
        {
            feed.end();
        }
        true
    }
}
