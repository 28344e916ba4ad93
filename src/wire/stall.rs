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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    use tokio::time::{Instant, advance};

    const PATIENCE: Duration = Duration::from_secs(10);

    fn wait(stall: &mut Stall, cx: &mut Context<'_>, taken: u64) -> Poll<io::Result<()>> {
        stall.bound(cx, Poll::Pending, taken, PATIENCE)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_given_up_only_when_it_has_taken_nothing_for_so_long() {
        let mut stall = Stall::default();
        let began = Instant::now();
        // Of the same count twice, the second is still in time.
        for taken in [1, 2, 2, 3, 3] {
            let waited = poll_fn(|cx| Poll::Ready(wait(&mut stall, cx, taken))).await;
            assert!(waited.is_pending(), "after {:?}", began.elapsed());
            advance(PATIENCE / 2 + Duration::from_millis(1)).await;
        }
        let given_up = poll_fn(|cx| wait(&mut stall, cx, 3)).await;
        assert_eq!(given_up.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(stall.is_over());
    }
}
