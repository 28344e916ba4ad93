//! What the two ends of a body on its way, both on one thread, know of each other.

use std::task::Waker;

/// How far a body has come, as the end says that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// More may come.
    Open,
    /// It is whole.
    Ended,
    /// It will never be.
    Cut,
}

impl State {
    /// The end that it comes from is gone: what it has not ended is cut short.
    pub(super) fn let_go(&mut self) {
        if *self == Self::Open {
            *self = Self::Cut;
        }
    }
}

/// Wakes whoever waits, once.
pub(super) fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
