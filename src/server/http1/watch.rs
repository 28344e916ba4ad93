//! Looks at a connection now and then: what happens to it of which no byte tells.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::Line;
use crate::wire::Hangup;

/// How often a connection is looked at, at least: one that was idle since the last time gives back its buffers, some
/// 20 KiB of hyper's.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// What ends HTTP on a connection, for now or for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing has happened since the last look.
    AtRest,
    /// Nothing is read from it and perhaps nothing written for long: nobody else would notice that the client is gone.
    Gone,
    /// The head that is half here has taken too long, and is refused.
    LateHead,
    /// The response takes longer than its exchange may.
    Overdue,
}

/// What was seen so far.
pub(super) struct Watch<'a> {
    line: &'a Line,
    /// How many requests had come at the last look.
    begun: u64,
    head_timeout: Duration,
    /// Since when a head is half here, and how many requests came before it.
    head: Option<(u64, Instant)>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(line: &'a Line, head_timeout: Duration) -> Self {
        let begun = line.peer.begun();
        Self {
            line,
            begun,
            head_timeout,
            head: line.opened.take().map(|since| (begun, since)),
        }
    }

    /// To be called whenever something has happened, too. `look` is when to look next.
    pub(super) fn poll(&mut self, mut look: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<Seen> {
        let late = self.late();
        if let Some(late) = late.filter(|late| *late < look.deadline()) {
            look.as_mut().reset(late);
        }
        loop {
            ready!(look.as_mut().poll(cx));
            let now = Instant::now();
            if let Some(seen) = self.seen(now, late) {
                return Poll::Ready(seen);
            }
            self.begun = self.line.peer.begun();
            let next = now + LOOK;
            look.as_mut()
                .reset(late.map_or(next, |late| late.min(next)));
        }
    }

    fn seen(&self, now: Instant, late: Option<Instant>) -> Option<Seen> {
        let Line {
            connection, peer, ..
        } = self.line;
        if connection.hangup() == Some(Hangup::Closed) {
            return Some(Seen::Gone);
        }
        if late.is_some_and(|late| late <= now) {
            connection.refuse_slow_head();
            return Some(Seen::LateHead);
        }
        if peer.is_overdue(now) {
            return Some(Seen::Overdue);
        }
        let is_idle = peer.begun() == self.begun && peer.is_answered();
        (is_idle && connection.is_at_rest()).then_some(Seen::AtRest)
    }

    /// When the head that is half here, if one is, has to have ended. A head that came while another request was
    /// answered is not waited for until that is.
    fn late(&mut self) -> Option<Instant> {
        let Line {
            connection, peer, ..
        } = self.line;
        if !peer.is_answered() || !connection.is_in_head() {
            self.head = None;
            return None;
        }
        let begun = peer.begun();
        let same = self.head.filter(|(before, _)| *before == begun);
        let (_, since) = *self
            .head
            .insert(same.unwrap_or_else(|| (begun, Instant::now())));
        Some(since + self.head_timeout)
    }
}
