//! How long a client may take nothing of what is written to it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Runs while a client takes nothing.
#[derive(Default)]
pub(super) struct Stall {
    waiting: Option<Pin<Box<Sleep>>>,
    /// What the kernel had taken when the client was last seen to take something.
    taken: u64,
    is_over: bool,
}

impl Stall {
    /// Passes on what came of a write; but where that has to wait for so long that `patience` is over, and the count of
    /// what the kernel has `taken` stays as it is, a fault.
    pub(super) fn bound<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
        taken: u64,
        patience: Duration,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() || taken != self.taken {
            self.end();
            self.taken = taken;
        }
        if written.is_ready() {
            return written;
        }
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        self.is_over = true;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Whoever takes nothing may do so from now on.
    pub(super) fn end(&mut self) {
        self.waiting = None;
    }

    /// Whether the client has taken nothing for too long.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }
}
