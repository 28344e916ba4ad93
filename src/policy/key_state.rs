//! The state of one resource key: who holds it, who waits for it, and what a claim on it meets.
//!
//! Pure: every entry point that depends on time takes `now`. A claim on several keys is decided by whoever has the states of
//! all of them at hand; each says here whether it stands in the way.
//!
//! Invariants:
//! - At no `now` do two incompatible holders of different families live on one key.
//! - A holder leaves by its own [`HoldId`] or by its own deadline, never by another's.
//! - A holder whose outcome is unknown is live until its deadline, and not at it.
//! - Nobody goes before a waiter that came before and that it could not be beside.

mod holders;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};

use super::family::Family;
use super::mode::{Mode, Modes};
use super::plan::{Purpose, Remedy};
use super::route::RouteId;
use holders::{Beside, Holders};
use queue::Queue;

pub use queue::{Ticket, Waiter};

/// A point on the gateway's own monotonic clock: the nanoseconds since the clock started, of which five centuries have room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// When the clock started.
    pub const START: Self = Self(0);

    /// The moment `elapsed` after the clock started.
    pub fn new(elapsed: Duration) -> Self {
        Self(nanos(elapsed))
    }

    /// How long ago `earlier` was; zero where it was not.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This moment, `delay` later; the end of time where that overflows.
    pub fn after(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(nanos(delay)))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Names one hold among all that this process ever grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(u64);

impl HoldId {
    const WORKER_SHIFT: u32 = 48;

    /// The hold number `count` of a worker.
    pub const fn new(worker: u16, count: u64) -> Self {
        Self((worker as u64) << Self::WORKER_SHIFT | count & ((1 << Self::WORKER_SHIFT) - 1))
    }

    /// The worker that runs its exchange.
    pub const fn worker(self) -> u16 {
        (self.0 >> Self::WORKER_SHIFT) as u16
    }
}

/// The write behind a hold or a claim that waits, as the operator knows it.
#[derive(Debug)]
pub struct Writer {
    /// The request's identifier. Shown to the operator, never to another client.
    pub request_id: HeaderValue,
    /// The effective method.
    pub method: Method,
    /// The route that derived the keys.
    pub route: RouteId,
    /// What it claims them for.
    pub purpose: Purpose,
    /// Who passes by its keys.
    pub family: Family,
    /// What would have its overlaps refused; none where they are.
    pub remedy: Option<Remedy>,
    /// How long holds of this route typically last, as far as its worker knew by then.
    pub typical: Option<Duration>,
}

/// What is known of a holder's write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// An exchange owns it.
    InFlight,
    /// Bytes were sent, no whole response came, and nobody will learn more.
    OutcomeUnknown {
        /// When the key is given up.
        until: Moment,
    },
}

/// One hold's entry on one key.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Who may release it.
    pub id: HoldId,
    /// How it holds the key.
    pub mode: Mode,
    /// What is known of it.
    pub phase: Phase,
    /// When it was granted.
    pub since: Moment,
    /// The write behind it.
    pub writer: Arc<Writer>,
}

impl Holder {
    /// Whether it keeps others away, but not this family.
    fn is_of(&self, family: Family, now: Moment) -> bool {
        self.writer.family == family && self.writer.purpose != Purpose::Observe && self.is_live(now)
    }

    fn is_live(&self, now: Moment) -> bool {
        match self.phase {
            Phase::InFlight => true,
            Phase::OutcomeUnknown { until } => now < until,
        }
    }
}

/// A claim, as a key is asked by it.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// How it asks for the key.
    pub mode: Mode,
    /// Of which family it is.
    pub family: Family,
    /// Its place in the queue, if it is in it.
    pub ticket: Option<Ticket>,
}

/// What a claim meets on one key.
#[derive(Debug)]
pub enum Meeting<'a, W> {
    /// Nothing.
    Nothing,
    /// A holder that it would conflict with, were not one of the two only observed.
    Overlap(&'a Holder),
    /// What it may not run beside, or go before.
    Conflict(Obstacle<'a, W>),
}

/// What stands in the way of a claim.
#[derive(Debug)]
pub enum Obstacle<'a, W> {
    /// A write that holds the key.
    Holder(&'a Holder),
    /// A write that waits for it, and came before.
    Waiter(&'a Waiter<W>),
}

/// All that is known of one key. An empty one is not kept. `W` is what the waiters are to whoever hands out the holds.
#[derive(Debug)]
pub struct KeyState<W> {
    holders: Holders,
    /// Boxed: most keys have none.
    queue: Option<Box<Queue<W>>>,
}

impl<W> Default for KeyState<W> {
    fn default() -> Self {
        Self {
            holders: Holders::default(),
            queue: None,
        }
    }
}

impl<W> KeyState<W> {
    /// What a claim meets at `now`: holders first, then whoever waits. A conflict is told before an overlap.
    pub fn meeting(&self, ask: Ask, is_observed: bool, now: Moment) -> Meeting<'_, W> {
        if !is_observed && let Some(obstacle) = self.obstacle(ask, now) {
            return Meeting::Conflict(obstacle);
        }
        let overlap = |beside| self.holders.conflicting(ask, beside, now);
        let guarded = overlap(Beside::Guarded).filter(|_| is_observed);
        let met = guarded.or_else(|| overlap(Beside::Observed));
        met.map_or(Meeting::Nothing, Meeting::Overlap)
    }

    /// What stands in the way of a claim. Nothing does where its family has the key already, as strong as it asks for it.
    pub fn obstacle(&self, ask: Ask, now: Moment) -> Option<Obstacle<'_, W>> {
        let holder = self.holders.conflicting(ask, Beside::Guarded, now);
        let waiter = || {
            self.queue
                .as_ref()?
                .conflicting(ask.mode.conflicts(), ask.ticket)
        };
        let obstacle = holder
            .map(Obstacle::Holder)
            .or_else(|| waiter().map(Obstacle::Waiter));
        // Asked last: it is seldom so, and only then matters.
        obstacle.filter(|_| !self.holders.covers(ask, now))
    }

    /// Enters `holder`, and drops those whose time is over at `now`.
    /// The caller has asked [`Self::obstacle`] for it in the same critical section.
    pub fn grant(&mut self, holder: Holder, now: Moment) {
        self.holders.drop_dead(now);
        self.holders.insert(holder);
    }

    /// Takes `id` off the key. False if it is not, or no longer, there.
    pub fn release(&mut self, id: HoldId) -> bool {
        self.holders.remove(id)
    }

    /// Records that nobody will learn the outcome of `id`, which keeps the key until `until`.
    /// Once only: a deadline that stands is not moved, so that none comes to life again.
    pub fn give_up(&mut self, id: HoldId, until: Moment) {
        self.holders.give_up(id, until);
    }

    /// How many came to wait because of what they met on this key, and still do.
    pub fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.stopped())
    }

    /// Enters a waiter, behind all that came before. Its ticket is higher than any that was entered before.
    pub fn enqueue(&mut self, waiter: Waiter<W>) {
        self.queue.get_or_insert_default().push(waiter);
    }

    /// Takes a waiter off the queue; none if it is not, or no longer, in it.
    pub fn dequeue(&mut self, ticket: Ticket) -> Option<Waiter<W>> {
        let queue = self.queue.as_mut()?;
        let waiter = queue.remove(ticket);
        if queue.is_empty() {
            self.queue = None;
        }
        waiter
    }

    /// Whether this one waits here.
    pub fn is_queued(&self, ticket: Ticket) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.has(ticket))
    }

    /// The waiters in whose way nothing stands on this key at `now`, in their order. What they wait for on other keys is not
    /// known here.
    pub fn unblocked(&self, now: Moment) -> impl Iterator<Item = &Waiter<W>> {
        let queue = self.queue.as_deref();
        let held = queue.map_or(Modes::NONE, |_| self.holders.modes(now));
        queue
            .into_iter()
            .flat_map(move |queue| queue.unblocked(held))
    }

    /// Whether nothing needs to be remembered of this key.
    pub fn is_empty(&self) -> bool {
        self.queue.is_none() && self.holders.is_empty()
    }

    /// Whether this family holds the key.
    pub fn is_held_by(&self, family: Family, now: Moment) -> bool {
        self.holders.has(family, now)
    }

    /// How this family holds the key, if it does.
    pub fn held_by(&self, family: Family, now: Moment) -> Option<Mode> {
        self.holders.mode_of(family, now)
    }

    /// Everyone who holds the key.
    pub fn holders(&self) -> impl Iterator<Item = &Holder> {
        self.holders.iter()
    }

    /// Everyone who waits for the key, in their order.
    pub fn waiters(&self) -> impl Iterator<Item = &Waiter<W>> {
        self.queue.iter().flat_map(|queue| queue.iter())
    }
}

#[cfg(test)]
mod tests;
