//! The wait for a client that sends a body.
//!
//! Invariant: what is here already costs neither a timer nor a reading of the clock.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::Pace;

/// How long a client is waited for that has to keep a pace.
#[derive(Debug)]
pub(super) struct Patience {
    pace: Pace,
    /// Since when it is waited for, and until when.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Patience {
    pub(super) const fn new(pace: Pace) -> Self {
        Self {
            pace,
            waiting: None,
        }
    }

    /// To be called while nothing is here. Ready when the client was waited for too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { pace, waiting } = self;
        let begin = || (Instant::now(), Box::pin(sleep(pace.left())));
        let (_, until) = waiting.get_or_insert_with(begin);
        until.as_mut().poll(cx)
    }

    /// So many octets have come.
    pub(super) fn moved(&mut self, octets: u64) {
        let waited = self.waiting.take().map(|(since, _)| since.elapsed());
        self.pace.moved(waited.unwrap_or(Duration::ZERO), octets);
    }
}
