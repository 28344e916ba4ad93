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
mod writer;

use std::time::Duration;

use triomphe::Arc;

use super::family::Family;
use super::key::{Key, Spot};
use super::mode::Mode;
use super::plan::Purpose;
use holders::{Beside, Holders};
use queue::Queue;

pub use queue::{Ticket, Waiter};
pub use writer::{Telling, Writer};

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

/// One hold of one key.
#[derive(Debug)]
pub struct Holder<'a, M = ()> {
    /// The write behind it.
    pub writer: &'a Arc<Writer<M>>,
    /// How it holds the key.
    pub mode: Mode,
    /// What is known of it.
    pub phase: Phase,
}

impl<'a, M> Holder<'a, M> {
    /// One that is in flight, and asked for the key at this place among its own.
    fn in_flight(writer: &'a Arc<Writer<M>>, at: usize) -> Self {
        Self {
            writer,
            mode: writer.placed.spots()[at].mode,
            phase: Phase::InFlight,
        }
    }

    /// Whether it is live, of another family, and not compatible with what is asked for.
    fn conflicts(&self, ask: Ask, beside: Beside, now: Moment) -> bool {
        ask.mode.conflicts().contains(self.mode)
            && Beside::of(self.writer) == beside
            && self.writer.family != ask.family
            && self.is_live(now)
    }

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
pub enum Meeting<'a, W, M = ()> {
    /// Nothing.
    Nothing,
    /// A holder that it would conflict with, were not one of the two only observed.
    Overlap(Holder<'a, M>),
    /// What it may not run beside, or go before.
    Conflict(Obstacle<'a, W, M>),
}

/// What stands in the way of a claim.
#[derive(Debug)]
pub enum Obstacle<'a, W, M = ()> {
    /// A write that holds the key.
    Holder(Holder<'a, M>),
    /// A write that waits for it, and came before.
    Waiter(&'a Waiter<W, M>),
}

/// All that is known of one key. `W` is what the waiters are to whoever hands out the holds, and `M` what that marks a write with.
///
/// It is no more than a few words for most keys, which have one holder, in flight, and no waiter: of those the key stands in
/// what it holds.
#[derive(Debug)]
pub struct KeyState<W, M = ()>(State<W, M>);

#[derive(Debug)]
enum State<W, M> {
    /// Nothing is to be remembered of the key.
    Free,
    /// One that is in flight holds it, and nobody waits.
    Sole {
        /// Which of what it asks for is this key.
        at: u16,
        /// Where the key is found.
        place: u32,
        writer: Arc<Writer<M>>,
    },
    /// All else.
    Shared {
        place: u32,
        shared: Box<Shared<W, M>>,
    },
}

#[derive(Debug)]
struct Shared<W, M> {
    key: Key,
    holders: Holders<M>,
    queue: Queue<W, M>,
}

impl<W, M> Default for KeyState<W, M> {
    fn default() -> Self {
        Self(State::Free)
    }
}

impl<W, M> KeyState<W, M> {
    /// What a claim meets at `now`: holders first, then whoever waits. A conflict is told before an overlap.
    pub fn meeting(&self, ask: Ask, is_observed: bool, now: Moment) -> Meeting<'_, W, M> {
        if !is_observed && let Some(obstacle) = self.obstacle(ask, now) {
            return Meeting::Conflict(obstacle);
        }
        let overlap = |beside| self.conflicting(ask, beside, now);
        let guarded = is_observed.then(|| overlap(Beside::Guarded)).flatten();
        let met = guarded.or_else(|| overlap(Beside::Observed));
        met.map_or(Meeting::Nothing, Meeting::Overlap)
    }

    /// What stands in the way of a claim. Nothing does where its family has the key already, as strong as it asks for it.
    pub fn obstacle(&self, ask: Ask, now: Moment) -> Option<Obstacle<'_, W, M>> {
        let obstacle = match self.conflicting(ask, Beside::Guarded, now) {
            Some(holder) => Obstacle::Holder(holder),
            None => {
                let queue = &self.shared()?.queue;
                Obstacle::Waiter(queue.conflicting(ask.mode.conflicts(), ask.ticket)?)
            }
        };
        // Asked last: it is seldom so, and only then matters.
        (!self.covers(ask, now)).then_some(obstacle)
    }

    fn conflicting(&self, ask: Ask, beside: Beside, now: Moment) -> Option<Holder<'_, M>> {
        match &self.0 {
            State::Free => None,
            State::Sole { writer, at, .. } => Some(Holder::in_flight(writer, usize::from(*at)))
                .filter(|holder| holder.conflicts(ask, beside, now)),
            State::Shared { shared, .. } => shared.holders.conflicting(ask, beside, now),
        }
    }

    /// Whether the family that asks has the key already, as strong as it asks for it.
    fn covers(&self, ask: Ask, now: Moment) -> bool {
        let held = self.held_by(ask.family, now);
        held.is_some_and(|held| held.join(ask.mode) == held)
    }

    /// Enters `writer`, of whose keys this is the one `at` this place, and drops those whose time is over at `now`.
    /// The caller has asked [`Self::obstacle`] for it in the same critical section.
    pub fn grant(&mut self, writer: &Arc<Writer<M>>, at: usize, now: Moment) {
        let spot = &writer.placed.spots()[at];
        match (&self.0, u16::try_from(at)) {
            (State::Free, Ok(at)) => {
                self.0 = State::Sole {
                    at,
                    place: spot.place,
                    writer: Arc::clone(writer),
                };
            }
            _ => {
                let holders = &mut self.share(spot).holders;
                holders.drop_dead(now);
                holders.insert(Holder::in_flight(writer, at));
            }
        }
    }

    /// Takes `id` off the key. False if it is not, or no longer, there.
    pub fn release(&mut self, id: HoldId) -> bool {
        match &mut self.0 {
            State::Free => false,
            State::Sole { writer, .. } => {
                let is_there = writer.id == id;
                if is_there {
                    self.0 = State::Free;
                }
                is_there
            }
            State::Shared { shared, .. } => {
                let was_there = shared.holders.remove(id);
                self.tidy();
                was_there
            }
        }
    }

    /// Records that nobody will learn the outcome of `id`, which keeps the key until `until`.
    /// Once only: a deadline that stands is not moved, so that none comes to life again.
    pub fn give_up(&mut self, id: HoldId, until: Moment) {
        match &self.0 {
            State::Sole { writer, at, .. } if writer.id == id => {
                let spot = writer.placed.spots()[usize::from(*at)].clone();
                self.share(&spot).holders.give_up(id, until);
            }
            State::Shared { .. } => {
                if let State::Shared { shared, .. } = &mut self.0 {
                    shared.holders.give_up(id, until);
                }
            }
            State::Free | State::Sole { .. } => {}
        }
    }

    /// How many came to wait because of what they met on this key, and still do.
    pub fn waiting(&self) -> usize {
        self.shared().map_or(0, |shared| shared.queue.stopped())
    }

    /// Enters a waiter for this key, behind all that came before. Its ticket is higher than any that was entered before.
    pub fn enqueue(&mut self, spot: &Spot, waiter: Waiter<W, M>) {
        self.share(spot).queue.push(waiter);
    }

    /// Takes a waiter off the queue; none if it is not, or no longer, in it.
    pub fn dequeue(&mut self, ticket: Ticket) -> Option<Waiter<W, M>> {
        let State::Shared { shared, .. } = &mut self.0 else {
            return None;
        };
        let waiter = shared.queue.remove(ticket);
        self.tidy();
        waiter
    }

    /// Whether anybody waits here.
    pub fn is_waited_for(&self) -> bool {
        self.shared().is_some_and(|shared| !shared.queue.is_empty())
    }

    /// Whether this one waits here.
    pub fn is_queued(&self, ticket: Ticket) -> bool {
        self.shared().is_some_and(|shared| shared.queue.has(ticket))
    }

    /// The waiters in whose way nothing stands on this key at `now`, in their order. What they wait for on other keys is not
    /// known here.
    pub fn unblocked(&self, now: Moment) -> impl Iterator<Item = &Waiter<W, M>> {
        let waited = self.shared().filter(|_| self.is_waited_for());
        let unblocked = waited.map(|shared| shared.queue.unblocked(shared.holders.modes(now)));
        unblocked.into_iter().flatten()
    }

    /// Whether nothing needs to be remembered of this key.
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, State::Free)
    }

    /// Whether this family holds the key.
    pub fn is_held_by(&self, family: Family, now: Moment) -> bool {
        self.held_by(family, now).is_some()
    }

    /// How this family holds the key, if it does.
    pub fn held_by(&self, family: Family, now: Moment) -> Option<Mode> {
        match &self.0 {
            State::Free => None,
            State::Sole { writer, at, .. } => Some(Holder::in_flight(writer, usize::from(*at)))
                .filter(|holder| holder.is_of(family, now))
                .map(|holder| holder.mode),
            State::Shared { shared, .. } => shared.holders.mode_of(family, now),
        }
    }

    /// Everyone who holds the key.
    pub fn holders(&self) -> impl Iterator<Item = Holder<'_, M>> {
        let sole = match &self.0 {
            State::Sole { writer, at, .. } => Some(Holder::in_flight(writer, usize::from(*at))),
            State::Free | State::Shared { .. } => None,
        };
        let shared = self.shared().into_iter();
        sole.into_iter()
            .chain(shared.flat_map(|shared| shared.holders.iter()))
    }

    /// Everyone who waits for the key, in their order.
    pub fn waiters(&self) -> impl Iterator<Item = &Waiter<W, M>> {
        let shared = self.shared().into_iter();
        shared.flat_map(|shared| shared.queue.iter())
    }

    /// The key; none of one that is empty.
    pub fn key(&self) -> Option<&Key> {
        match &self.0 {
            State::Free => None,
            State::Sole { writer, at, .. } => Some(&writer.placed.spots()[usize::from(*at)].key),
            State::Shared { shared, .. } => Some(&shared.key),
        }
    }

    /// Where it is found; nowhere if it is empty.
    pub const fn place(&self) -> Option<u32> {
        match &self.0 {
            State::Free => None,
            State::Sole { place, .. } | State::Shared { place, .. } => Some(*place),
        }
    }

    fn shared(&self) -> Option<&Shared<W, M>> {
        match &self.0 {
            State::Shared { shared, .. } => Some(shared),
            State::Free | State::Sole { .. } => None,
        }
    }

    /// Makes room for more than one holder in flight.
    fn share(&mut self, spot: &Spot) -> &mut Shared<W, M> {
        if !matches!(self.0, State::Shared { .. }) {
            let mut holders = Holders::default();
            self.holders().for_each(|holder| holders.insert(holder));
            self.0 = State::Shared {
                place: spot.place,
                shared: Box::new(Shared {
                    key: spot.key.clone(),
                    holders,
                    queue: Queue::default(),
                }),
            };
        }
        match &mut self.0 {
            State::Shared { shared, .. } => shared,
            State::Free | State::Sole { .. } => unreachable!("it was made so"),
        }
    }

    fn tidy(&mut self) {
        let is_free = |shared: &Shared<W, M>| shared.holders.is_empty() && shared.queue.is_empty();
        if self.shared().is_some_and(is_free) {
            self.0 = State::Free;
        }
    }
}

#[cfg(test)]
mod tests;
