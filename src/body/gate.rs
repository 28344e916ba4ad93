//! Keeps a body back until the upstream asks for it, or has had long enough to do so: not every one
//! answers an expectation (RFC 9110 §10.1.1).

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::ends::wake;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Open,
    Shut,
}

/// What a body with an expectation stands behind.
#[derive(Debug)]
pub struct Gate {
    state: Cell<State>,
    patience: Duration,
    /// Begins when the body could be sent.
    waiting: RefCell<Option<Pin<Box<Sleep>>>>,
    waker: RefCell<Option<Waker>>,
}

impl Gate {
    /// A gate that opens by itself once the body has waited for `patience`.
    pub const fn new(patience: Duration) -> Self {
        Self {
            state: Cell::new(State::Waiting),
            patience,
            waiting: RefCell::new(None),
            waker: RefCell::new(None),
        }
    }

    /// Lets the body pass.
    pub fn open(&self) {
        self.leave_waiting(State::Open);
    }

    /// Lets the body pass no more, unless it may already.
    pub fn shut(&self) {
        self.leave_waiting(State::Shut);
    }

    /// Whether the body will never pass.
    pub fn is_shut(&self) -> bool {
        self.state.get() == State::Shut
    }

    pub(super) fn poll_open(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.state.get() == State::Waiting && self.poll_patience(cx).is_ready() {
            self.state.set(State::Open);
        }
        if self.state.get() == State::Open {
            return Poll::Ready(());
        }
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_patience(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.waiting.borrow_mut();
        let sleep = waiting.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        sleep.as_mut().poll(cx)
    }

    fn leave_waiting(&self, state: State) {
        if self.state.get() == State::Waiting {
            self.state.set(state);
        }
        wake(&mut self.waker.borrow_mut());
    }
}
