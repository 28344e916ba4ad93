//! Who holds what: the state of every key, shared by all workers, and the holds handed out of it.
//!
//! Owns the map from key to [`KeyState`](crate::policy::key_state::KeyState). What a state says is its own; here the states
//! of all keys of a claim become one decision.
//!
//! Invariants:
//! - One decision is one critical section: the distinct shards of a claim are locked in index
//!   order, the claim is decided on all its keys, and only then is any of them written.
//! - A claim that waits is in the queue of each of its keys. Whatever frees a key looks, after it has let go of its own
//!   shards, at each waiter that this may have freed, and grants it if nothing stands in its way on any of its keys: the last
//!   to let go sees all of it.
//! - A hold cannot be forgotten: a [`Grant`] that is dropped ends it, since nothing was sent; a
//!   [`Hold`] that is dropped without a verdict becomes an unknown outcome.
//! - A release compares the owner. It never removes another hold's entry.
//! - No lock is held across an await: every function here is synchronous.

mod expiry;
mod hold;
mod met;
mod shards;
mod sync;
mod turns;
mod wait;

pub use hold::{Grant, Hold, LastByte};
pub use met::{By, Met, Mets};
pub use wait::Waiting;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::policy::key::{Key, Lock, Locks};
use crate::policy::key_state::{
    Ask, HoldId, Holder, Meeting, Moment, Obstacle, Phase, Ticket, Writer,
};
use crate::policy::plan::Purpose;
use crate::policy::{Family, Pass, Remedy, RouteId};
use hold::{Entry, GivenUp};
use shards::{Locked, Placed, Shards};
use sync::{AtomicU64, AtomicUsize, Mutex, Ordering};
use turns::unblocked;
use wait::Pending;

/// Every key that is held or waited for, and by whom.
pub struct Table {
    shards: Shards,
    epoch: Instant,
    /// Holds in the table, those of unknown outcome too, and claims that wait.
    len: AtomicUsize,
    max_holds: usize,
    /// The next waiter's. Drawn with the shards of its keys locked, so that every queue has its tickets in order.
    next_ticket: AtomicU64,
    /// The next write's, where they are numbered.
    next_number: AtomicU64,
    /// Holds that end by the clock, soonest first. A plain mutex: it is touched when an outcome
    /// is given up and by the sweep, never on the path of a write that goes well.
    given_up: Mutex<BinaryHeap<Reverse<GivenUp>>>,
    /// When the first of these ends.
    due: watch::Sender<Option<Moment>>,
}

/// A write that asks for its keys.
#[derive(Debug)]
pub struct Claim<'a> {
    /// The name of the hold, if it is granted: one that no other hold has had.
    pub id: HoldId,
    /// What it asks for: all of it or nothing is granted.
    pub locks: &'a Locks,
    /// What for.
    pub purpose: Purpose,
    /// Of which family it is: of one of its own, or of that of the write that it came of.
    pub family: Family,
    /// Whether it gets a number.
    pub is_numbered: bool,
    /// How many may wait for a key before this one does; none if it does not wait.
    pub waiters: Option<usize>,
    /// The request's identifier.
    pub request_id: &'a HeaderValue,
    /// The effective method.
    pub method: &'a Method,
    /// The route that derived the keys.
    pub route: RouteId,
    /// What would have its overlaps refused; none where they are.
    pub remedy: Option<&'a Remedy>,
    /// How long the upstream can work on it after it was last heard of.
    pub max_work: Duration,
    /// How long holds of the route typically last, for those who meet this one.
    pub typical: Option<Duration>,
}

/// What became of a claim.
#[derive(Debug)]
pub enum Claimed {
    /// Every key is held.
    Granted {
        /// The hold, of which nothing was sent yet.
        grant: Grant,
        /// A holder beside which it runs because one of the two is only observed.
        overlap: Option<Met>,
    },
    /// It waits for its turn.
    Waits(Waiting),
    /// Something stands in its way on each of these, and nothing was changed.
    Conflict(Mets),
    /// The same, and as many wait already as may.
    QueueFull(Mets),
    /// The table has [`Table::max_holds`] holds, and nothing was changed.
    Full,
}

impl Table {
    /// An empty table for at most `max_holds` holds, in which the numbers of writes begin with 0.
    pub fn new(max_holds: usize) -> Arc<Self> {
        Self::numbering(max_holds, 0)
    }

    /// The same, in which they begin with this.
    pub fn numbering(max_holds: usize, first_number: u64) -> Arc<Self> {
        Arc::new(Self {
            shards: Shards::new(),
            epoch: Instant::now(),
            len: AtomicUsize::new(0),
            max_holds,
            next_ticket: AtomicU64::new(0),
            next_number: AtomicU64::new(first_number),
            given_up: Mutex::default(),
            due: watch::Sender::default(),
        })
    }

    /// How many holds there are, those of unknown outcome and claims that wait too.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many holds there can be.
    pub const fn max_holds(&self) -> usize {
        self.max_holds
    }

    /// What stands in the way of these, without claiming them: the first of each key.
    pub fn standing_conflict(&self, locks: &Locks, family: Family) -> Mets {
        let now = self.now();
        let placed = self.shards.place(locks);
        let locked = self.shards.lock(&placed);
        obstacles(&locked, family, None, now)
    }

    /// Whether what came with a request is of a hold that has not ended.
    pub fn is_live(&self, pass: Pass) -> bool {
        let now = self.now();
        self.shards
            .any(pass.place, |state| state.is_held_by(pass.family, now))
    }

    /// The next of the numbers that grow with every write. To be drawn with the shards of its keys locked, so that they grow
    /// on each key as its writes are granted.
    fn number(&self, is_wanted: bool) -> Option<u64> {
        is_wanted.then(|| self.next_number.fetch_add(1, Ordering::Relaxed))
    }

    /// Grants all that is asked for, or nothing of it.
    pub fn claim(self: &Arc<Self>, claim: &Claim<'_>) -> Claimed {
        let now = self.now();
        let placed = self.shards.place(claim.locks);
        let claimed = self.decide(claim, &placed, now);
        let is_full = matches!(claimed, Claimed::Full);
        if is_full && self.is_any_due(now) && self.sweep() > 0 {
            return self.decide(claim, &placed, now);
        }
        claimed
    }

    /// The critical section of a claim.
    fn decide(self: &Arc<Self>, claim: &Claim<'_>, placed: &Placed, now: Moment) -> Claimed {
        let mut locked = self.shards.lock(placed);
        let (mut met, mut overlap, mut is_queue_full) = (Mets::new(), None, false);
        for (place, lock) in locked.places() {
            let Some(state) = locked.state(place) else {
                continue;
            };
            let ask = Ask {
                mode: lock.mode,
                family: claim.family,
                ticket: None,
            };
            match state.meeting(ask, claim.purpose == Purpose::Observe, now) {
                Meeting::Nothing => {}
                Meeting::Conflict(Obstacle::Waiter(_))
                    if is_had_above(&locked, place, ask, now) => {}
                Meeting::Overlap(holder) => overlap = Some(Met::holder(lock, holder, now)),
                Meeting::Conflict(obstacle) => {
                    is_queue_full |= claim.waiters.is_some_and(|most| state.waiting() >= most);
                    met.push(Met::obstacle(lock, obstacle, now));
                }
            }
        }
        if !met.is_empty() && claim.waiters.is_none() {
            return Claimed::Conflict(met);
        }
        if is_queue_full {
            return Claimed::QueueFull(met);
        }
        if !self.reserve() {
            return Claimed::Full;
        }
        let writer = Arc::new(Writer {
            request_id: claim.request_id.clone(),
            method: claim.method.clone(),
            route: claim.route,
            purpose: claim.purpose,
            family: claim.family,
            remedy: claim.remedy.cloned(),
            typical: claim.typical,
        });
        if !met.is_empty() {
            return Claimed::Waits(self.enqueue(&mut locked, claim, &met, (now, writer)));
        }
        hold(&mut locked, claim.id, &writer, now);
        let number = self.number(claim.is_numbered);
        drop(locked);
        let entry = Entry {
            table: Arc::clone(self),
            id: claim.id,
            placed: placed.clone(),
            since: now,
            max_work: claim.max_work,
            number,
            writer,
        };
        Claimed::Granted {
            grant: Grant::new(entry),
            overlap,
        }
    }

    /// Takes a hold off its keys, and grants what waited for that.
    fn remove(self: &Arc<Self>, id: HoldId, placed: &Placed, now: Moment) {
        let mut freed = VecDeque::new();
        self.release(id, placed, &mut freed, now);
        self.hand_on(freed);
    }

    fn release(&self, id: HoldId, placed: &Placed, freed: &mut VecDeque<Pending>, now: Moment) {
        let mut locked = self.shards.lock(placed);
        for (place, _) in locked.places() {
            if let Some(state) = locked.state_mut(place) {
                state.release(id);
                freed.extend(unblocked(state, now));
            }
            locked.tidy(place);
        }
        drop(locked);
        self.len.fetch_sub(1, Ordering::Relaxed);
    }

    /// Every hold on every key, for a view of the whole. Locks one shard at a time, so that it is
    /// not one picture of one moment.
    pub fn for_each(&self, mut see: impl FnMut(&Key, &Holder)) {
        self.shards
            .for_each(|key, state| state.holders().for_each(|holder| see(key, holder)));
    }

    fn now(&self) -> Moment {
        self.moment(Instant::now())
    }

    fn moment(&self, instant: Instant) -> Moment {
        Moment::new(instant.saturating_duration_since(self.epoch))
    }

    /// Counts one more hold, unless the table is full.
    fn reserve(&self) -> bool {
        let one_more = |len| (len < self.max_holds).then_some(len + 1);
        self.len
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok()
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// What stands in the way of a claim with this ticket, or of a new one without: the first on each of its keys.
fn obstacles(locked: &Locked<'_>, family: Family, ticket: Option<Ticket>, now: Moment) -> Mets {
    let met = locked.places().filter_map(|(place, lock)| {
        let ask = Ask {
            mode: lock.mode,
            family,
            ticket,
        };
        match locked.state(place)?.obstacle(ask, now)? {
            Obstacle::Waiter(_) if is_had_above(locked, place, ask, now) => None,
            obstacle @ (Obstacle::Holder(_) | Obstacle::Waiter(_)) => {
                Some(Met::obstacle(lock, obstacle, now))
            }
        }
    });
    met.collect()
}

/// Whether the family that asks has a key above this one, and so what it asks for here: whoever waits here, waits for it.
fn is_had_above(locked: &Locked<'_>, place: usize, ask: Ask, now: Moment) -> bool {
    let key = locked.key(place);
    let is_had = |(place, above): (usize, &Lock)| {
        let held = locked.state(place)?.held_by(ask.family, now)?;
        above
            .key
            .is_above(key)
            .then_some(held.covers_below(ask.mode))
    };
    // Sorted by key, what stands above comes before.
    locked
        .places()
        .take(place)
        .filter_map(is_had)
        .any(|is_had| is_had)
}

/// Enters a hold on each of these keys.
fn hold(locked: &mut Locked<'_>, id: HoldId, writer: &Arc<Writer>, now: Moment) {
    for (place, lock) in locked.places() {
        let holder = Holder {
            id,
            mode: lock.mode,
            phase: Phase::InFlight,
            since: now,
            writer: Arc::clone(writer),
        };
        locked.state_or_new(place).grant(holder, now);
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests;

#[cfg(all(test, feature = "shuttle"))]
mod interleavings;
