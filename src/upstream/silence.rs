//! How long nothing has gone to the upstream or come from it.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Tells when nothing has gone to the upstream or come from it for too long.
pub(super) struct Silence {
    limit: Duration,
    last_byte: Rc<Cell<Instant>>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    pub(super) fn new(limit: Duration, last_byte: &Rc<Cell<Instant>>) -> Self {
        Self {
            limit,
            last_byte: Rc::clone(last_byte),
            sleep: None,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let until = self.last_byte.get() + self.limit;
            let sleep = self
                .sleep
                .get_or_insert_with(|| Box::pin(sleep_until(until)));
            ready!(sleep.as_mut().poll(cx));
            if until <= Instant::now() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(until);
        }
    }

    /// Not yet: it is told again after as much time.
    pub(super) fn put_off(&mut self) {
        if let Some(sleep) = &mut self.sleep {
            sleep.as_mut().reset(Instant::now() + self.limit);
        }
    }
}
