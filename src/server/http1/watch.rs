//! Looks at a connection now and then: what happens to it of which no byte tells.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep};

use super::super::connection::Draining;
use crate::gateway::Peer;
use crate::wire::Hangup;

/// How often a connection is looked at, at least: one that was idle since the last time gives back what it has beside its
/// socket.
const LOOK: Duration = Duration::from_secs(1);

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Between requests.
    Rest,
    /// In the head of a request.
    Head,
    /// In a request whose head was read, or in its response.
    Exchange,
}

/// What ends HTTP on a connection, for now or for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing has happened since the last look.
    AtRest,
    /// No further request is answered.
    Draining,
    /// Nothing is read from it and perhaps nothing written for long: nobody else would notice that the client is gone.
    Gone,
    /// The head that is half here has taken too long.
    LateHead,
    /// The response takes longer than its exchange may.
    Overdue,
}

/// What was seen so far.
pub(super) struct Watch<'a> {
    peer: &'a Peer,
    draining: &'a Draining,
    was_draining: bool,
    drain: Pin<&'a mut dyn Future<Output = ()>>,
    /// When to look next.
    look: Pin<&'a mut Sleep>,
    /// Who is woken by either. Asked once: to ask them costs more than to see whether anything has come of them.
    set_for: Option<Waker>,
    /// How many requests had come at the last look.
    begun: u64,
    head_timeout: Duration,
    /// Since when a head is half here.
    head: Option<Instant>,
}

/// Ready at the first look.
pub(super) fn first_look() -> Sleep {
    sleep(LOOK)
}

/// Ready when no further request is answered.
pub(super) async fn drained(mut draining: Draining) {
    // Whoever could tell is gone: then so is the worker.
    let _ = draining.wait_for(|is_draining| *is_draining).await;
}

impl<'a> Watch<'a> {
    /// A watch over a connection whose first head has begun at `opened`, if it has. It waits for the next `look`, and for
    /// the drain.
    pub(super) fn new(
        peer: &'a Peer,
        draining: &'a Draining,
        (head_timeout, opened): (Duration, Option<Instant>),
        (look, drain): (Pin<&'a mut Sleep>, Pin<&'a mut dyn Future<Output = ()>>),
    ) -> Self {
        Self {
            peer,
            draining,
            was_draining: *draining.borrow(),
            drain,
            look,
            set_for: None,
            begun: peer.begun(),
            head_timeout,
            head: opened,
        }
    }

    /// Whether the next answer is the last.
    pub(super) fn is_draining(&self) -> bool {
        self.was_draining || self.draining.has_changed().unwrap_or(true)
    }

    /// To be called whenever something has happened, too.
    pub(super) fn poll(&mut self, at: At, cx: &mut Context<'_>) -> Poll<Seen> {
        let late = self.late(at);
        if let Some(late) = late.filter(|late| *late < self.look.deadline()) {
            self.set(late);
        }
        loop {
            self.ask(cx);
            if at != At::Exchange && self.is_draining() {
                return Poll::Ready(Seen::Draining);
            }
            if !self.look.is_elapsed() {
                return Poll::Pending;
            }
            let now = Instant::now();
            if let Some(seen) = self.seen(at, late, now) {
                return Poll::Ready(seen);
            }
            self.begun = self.peer.begun();
            let next = now + LOOK;
            self.set(late.map_or(next, |late| late.min(next)));
        }
    }

    fn set(&mut self, next: Instant) {
        self.look.as_mut().reset(next);
        self.set_for = None;
    }

    fn ask(&mut self, cx: &mut Context<'_>) {
        let is_set = |waker: &Waker| waker.will_wake(cx.waker());
        if self.set_for.as_ref().is_some_and(is_set) {
            return;
        }
        // Whoever has used up its turn is woken for the next, and asks then.
        let mut is_heard = has_budget_remaining();
        let _ = self.look.as_mut().poll(cx);
        if !self.is_draining() {
            is_heard &= has_budget_remaining();
            let _ = self.drain.as_mut().poll(cx);
        }
        self.set_for = is_heard.then(|| cx.waker().clone());
    }

    fn seen(&self, at: At, late: Option<Instant>, now: Instant) -> Option<Seen> {
        if self.peer.client.hangup() == Some(Hangup::Closed) {
            return Some(Seen::Gone);
        }
        if late.is_some_and(|late| late <= now) {
            return Some(Seen::LateHead);
        }
        if self.peer.is_overdue(now) {
            return Some(Seen::Overdue);
        }
        let is_idle = self.peer.begun() == self.begun && self.peer.is_answered();
        (at == At::Rest && is_idle).then_some(Seen::AtRest)
    }

    /// When the head that is half here, if one is, has to have ended. One that came while another request was answered is
    /// not waited for until that is.
    fn late(&mut self, at: At) -> Option<Instant> {
        if at != At::Head {
            self.head = None;
            return None;
        }
        let since = *self.head.get_or_insert_with(Instant::now);
        Some(since + self.head_timeout)
    }
}
