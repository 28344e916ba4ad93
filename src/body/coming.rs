//! A request body on its way from the connection that reads it to whoever takes it.
//!
//! Both ends live on one thread, and often in one task. The connection reads a piece only when it is asked for: whoever is slow
//! makes the client slow.
//!
//! Invariant: a [`Feed`] that is dropped before the end cuts the body short.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::CutShort;
use super::ends::{State, wake};

#[derive(Debug)]
struct Shared {
    piece: Option<Frame<Bytes>>,
    state: State,
    is_wanted: bool,
    is_taker_gone: bool,
    /// The octets that are still to be taken, where that is known.
    left: Option<u64>,
    taker: Option<Waker>,
    feeder: Option<Waker>,
}

/// A body of which so many octets are to come, where that is known.
pub fn coming(left: Option<u64>) -> (Feed, Coming) {
    let shared = Rc::new(RefCell::new(Shared {
        piece: None,
        state: State::Open,
        is_wanted: false,
        is_taker_gone: false,
        left,
        taker: None,
        feeder: None,
    }));
    (Feed(Rc::clone(&shared)), Coming(shared))
}

/// The connection's end.
#[derive(Debug)]
pub struct Feed(Rc<RefCell<Shared>>);

impl Feed {
    /// Ready with whether a piece is wanted, or else nobody takes any more.
    pub fn poll_wanted(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut shared = self.0.borrow_mut();
        if shared.is_taker_gone {
            return Poll::Ready(false);
        }
        // Asked for a piece or not: that nobody takes any more may be told while the client is waited for.
        shared.feeder = Some(cx.waker().clone());
        if shared.is_wanted {
            return Poll::Ready(true);
        }
        Poll::Pending
    }

    /// Whether nobody takes any more.
    pub fn is_taker_gone(&self) -> bool {
        self.0.borrow().is_taker_gone
    }

    /// Gives the piece that is wanted.
    pub fn give(&self, piece: Frame<Bytes>) {
        let mut shared = self.0.borrow_mut();
        shared.piece = Some(piece);
        shared.is_wanted = false;
        wake(&mut shared.taker);
    }

    /// The body is whole.
    pub fn end(self) {
        self.0.borrow_mut().state = State::Ended;
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut shared = self.0.borrow_mut();
        shared.state.let_go();
        wake(&mut shared.taker);
    }
}

/// The end of whoever takes the body.
#[derive(Debug)]
pub struct Coming(Rc<RefCell<Shared>>);

impl Coming {
    pub(super) fn poll_frame(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
        let mut shared = self.0.borrow_mut();
        if let Some(piece) = shared.piece.take() {
            let octets = piece.data_ref().map_or(0, |data| data.len() as u64);
            shared.left = shared.left.map(|left| left.saturating_sub(octets));
            return Poll::Ready(Some(Ok(piece)));
        }
        match shared.state {
            State::Ended => Poll::Ready(None),
            State::Cut => Poll::Ready(Some(Err(CutShort))),
            State::Open => {
                if !std::mem::replace(&mut shared.is_wanted, true) {
                    wake(&mut shared.feeder);
                }
                shared.taker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        let shared = self.0.borrow();
        shared.piece.is_none() && shared.state == State::Ended
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let left = self.0.borrow().left;
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        let mut shared = self.0.borrow_mut();
        shared.is_taker_gone = true;
        shared.piece = None;
        wake(&mut shared.feeder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    #[test]
    fn a_piece_is_read_when_it_is_asked_for_and_not_before() {
        let (feed, coming) = coming(Some(3));
        assert!(feed.poll_wanted(&mut context()).is_pending());
        assert!(coming.poll_frame(&mut context()).is_pending());
        assert_eq!(feed.poll_wanted(&mut context()), Poll::Ready(true));
        feed.give(Frame::data(Bytes::from_static(b"abc")));
        assert!(feed.poll_wanted(&mut context()).is_pending());
        feed.end();
        assert!(!coming.is_ended());
        let piece = coming.poll_frame(&mut context());
        assert!(matches!(piece, Poll::Ready(Some(Ok(_)))));
        assert!(coming.is_ended());
        assert_eq!(coming.size_hint().exact(), Some(0));
    }

    #[test]
    fn either_end_hears_that_the_other_is_gone() {
        let (feed, taker) = coming(None);
        drop(feed);
        let cut = taker.poll_frame(&mut context());
        assert!(matches!(cut, Poll::Ready(Some(Err(CutShort)))));
        assert!(!taker.is_ended());
        let (feed, taker) = coming(None);
        drop(taker);
        assert_eq!(feed.poll_wanted(&mut context()), Poll::Ready(false));
    }
}
