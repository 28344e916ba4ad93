//! The table itself, as its holds and those who wait know it: the critical sections of a claim and of a release.
//!
//! Invariant: whatever takes a hold out of flight marks its writer first, with the shards of its keys locked.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::mem::take;

use tokio::sync::watch;
use tokio::time::Instant;
use triomphe::Arc;

use super::hold::{Entry, GivenUp, Grant};
use super::mark::Writer;
use super::room::Permit;
use super::shards::{KeyState, Locked, Shards};
use super::sync::{Alone, AtomicU64, Mutex, Ordering};
use super::wait::Pending;
use super::{Claim, Claimed, Met, Mets};
use crate::policy::key::{Locks, Placed};
use crate::policy::key_state::{Ask, Meeting, Moment, Obstacle, Telling, Ticket};
use crate::policy::plan::Purpose;
use crate::policy::{Family, Pass};

/// Every key that is held or waited for, and by whom.
pub(super) struct Ledger {
    pub(super) shards: Shards,
    pub(super) epoch: Instant,
    /// The next waiter's. Drawn with the shards of its keys locked, so that every queue has its tickets in order.
    pub(super) next_ticket: Alone<AtomicU64>,
    /// The next write's, where they are numbered.
    next_number: Alone<AtomicU64>,
    pub(super) given_up: Alone<Deadlines>,
}

/// Holds that end by the clock.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// Soonest first. A plain mutex: it is touched when an outcome is given up and by the sweep, never on the path of a write
    /// that goes well.
    pub(super) holds: Mutex<BinaryHeap<Reverse<GivenUp>>>,
    /// When the first of these ends.
    pub(super) due: watch::Sender<Option<Moment>>,
}

impl Ledger {
    pub(super) fn new(max_holds: usize, first_number: u64) -> Self {
        Self {
            shards: Shards::new(max_holds),
            epoch: Instant::now(),
            next_ticket: Alone(AtomicU64::new(0)),
            next_number: Alone(AtomicU64::new(first_number)),
            given_up: Alone::default(),
        }
    }

    pub(super) fn standing_conflict(&self, locks: &Locks, family: Family) -> Mets {
        let now = self.now();
        let placed = self.shards.place(locks);
        let locked = self.shards.lock(&placed);
        obstacles(&locked, &placed, (family, None), now)
    }

    pub(super) fn is_live(&self, pass: Pass) -> bool {
        let now = self.now();
        // What is longer is none of ours.
        u32::try_from(pass.place).is_ok_and(|place| {
            self.shards
                .any(place, |state| state.is_held_by(pass.family, now))
        })
    }

    /// Gives a write the next of the numbers that grow with every write. To be done with the shards of its keys locked, so that
    /// they grow on each key as its writes are granted.
    pub(super) fn number(&self, writer: &mut Writer) {
        writer.enumerate(self.next_number.fetch_add(1, Ordering::Relaxed));
    }

    /// Takes a hold off its keys, and grants what waited for that.
    pub(super) fn remove(&self, writer: &Writer) {
        let mut freed = VecDeque::new();
        self.release(writer, &mut freed);
        self.hand_on(freed);
    }

    pub(super) fn release(&self, writer: &Writer, freed: &mut VecDeque<Pending>) {
        let mut locked = self.shards.lock(&writer.placed);
        writer.mark.end();
        for spot in writer.placed.spots() {
            locked.change(spot, |state| {
                state.release(writer.id);
                self.tell_freed(state, freed);
            });
        }
        locked.leave();
    }

    /// Tells those who wait for this key and may have been freed by a change. The clock is read only if anybody waits.
    pub(super) fn tell_freed(&self, state: &KeyState, freed: &mut VecDeque<Pending>) {
        if state.is_waited_for() {
            let unblocked = state.unblocked(self.now());
            freed.extend(unblocked.map(|waiter| Arc::clone(&waiter.claim)));
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.moment(Instant::now())
    }

    pub(super) fn moment(&self, instant: Instant) -> Moment {
        Moment::new(instant.saturating_duration_since(self.epoch))
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

impl Ledger {
    /// Grants all that is asked for, or nothing of it.
    pub(super) fn claim(&'static self, claim: &Claim<'_>, placed: &mut Placed) -> Claimed {
        self.decide(claim, placed, None, self.now())
    }

    /// Decides a claim whose shards have no room: there may be some that stands elsewhere, or that the clock gives.
    #[cold]
    fn decide_by_room_elsewhere(
        &'static self,
        claim: &Claim<'_>,
        placed: &mut Placed,
        now: Moment,
    ) -> Claimed {
        if self.is_any_due(now) {
            self.sweep();
        }
        match self.shards.gather() {
            Some(permit) => self.decide(claim, placed, Some(permit), now),
            None => Claimed::Full,
        }
    }

    /// The critical section of a claim; where its shards have no room and it has no `permit`, another one follows, with a permit. What it
    /// asks for is taken out of `placed` if it is granted or waits.
    fn decide(
        &'static self,
        claim: &Claim<'_>,
        placed: &mut Placed,
        permit: Option<Permit<'_>>,
        now: Moment,
    ) -> Claimed {
        let mut locked = self.shards.lock(placed);
        let (mut met, mut overlap, mut is_queue_full) = (Mets::new(), None, false);
        for (at, spot) in placed.spots().iter().enumerate() {
            let Some(state) = locked.state(spot) else {
                continue;
            };
            let ask = Ask {
                mode: spot.mode,
                family: claim.family,
                ticket: None,
            };
            match state.meeting(ask, claim.purpose == Purpose::Observe, now) {
                Meeting::Nothing => {}
                Meeting::Conflict(Obstacle::Waiter(_))
                    if is_had_above(&locked, placed, at, (ask, now)) => {}
                Meeting::Overlap(holder) => overlap = Some(Met::holder(spot, holder, now)),
                Meeting::Conflict(obstacle) => {
                    is_queue_full |= claim.waiters.is_some_and(|most| state.waiting() >= most);
                    met.push(Met::obstacle(spot, obstacle, now));
                }
            }
        }
        if !met.is_empty() && claim.waiters.is_none() {
            return Claimed::Conflict(met);
        }
        if is_queue_full {
            return Claimed::QueueFull(met);
        }
        match permit {
            Some(permit) => locked.enter(permit),
            None if locked.reserve() => {}
            None => {
                drop(locked);
                return self.decide_by_room_elsewhere(claim, placed, now);
            }
        }
        let mut writer = Writer::new(&claim.telling(), take(placed), now);
        if !met.is_empty() {
            return Claimed::Waits(self.enqueue(&mut locked, Arc::new(writer), claim, &met));
        }
        if claim.is_numbered {
            self.number(&mut writer);
        }
        let writer = Arc::new(writer);
        locked.grant(&writer, now);
        drop(locked);
        Claimed::Granted {
            grant: Grant::new(Entry {
                ledger: self,
                writer,
            }),
            overlap,
        }
    }
}

impl Claim<'_> {
    const fn telling(&self) -> Telling<'_> {
        Telling {
            id: self.id,
            request_id: self.request_id,
            method: self.method,
            route: self.route,
            purpose: self.purpose,
            family: self.family,
            remedy: self.remedy,
            max_work: self.max_work,
            typical: self.typical,
        }
    }
}

/// What stands in the way of a claim of this family with this ticket, or of a new one without: the first on each of its keys.
pub(super) fn obstacles(
    locked: &Locked<'_>,
    placed: &Placed,
    (family, ticket): (Family, Option<Ticket>),
    now: Moment,
) -> Mets {
    let met = placed.spots().iter().enumerate().filter_map(|(at, spot)| {
        let ask = Ask {
            mode: spot.mode,
            family,
            ticket,
        };
        match locked.state(spot)?.obstacle(ask, now)? {
            Obstacle::Waiter(_) if is_had_above(locked, placed, at, (ask, now)) => None,
            obstacle @ (Obstacle::Holder(_) | Obstacle::Waiter(_)) => {
                Some(Met::obstacle(spot, obstacle, now))
            }
        }
    });
    met.collect()
}

/// Whether the family that asks has a key above this one, and so what it asks for here: whoever waits here, waits for it.
fn is_had_above(
    locked: &Locked<'_>,
    placed: &Placed,
    at: usize,
    (ask, now): (Ask, Moment),
) -> bool {
    // Sorted by key, what stands above comes before.
    let (before, rest) = placed.spots().split_at(at);
    let key = &rest[0].key;
    before.iter().any(|above| {
        let held = || locked.state(above)?.held_by(ask.family, now);
        above.key.is_above(key) && held().is_some_and(|held| held.covers_below(ask.mode))
    })
}
