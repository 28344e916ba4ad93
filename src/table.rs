//! Who holds what: the state of every key, shared by all workers, and the holds handed out of it.
//!
//! Owns the map from key to [`KeyState`], and is the only file that names it. Decisions are
//! [`KeyState`]'s; this file makes each of them one critical section.
//!
//! Invariants:
//! - One decision is one critical section: the distinct shards of a claim are locked in index
//!   order, the claim is decided on all its keys, and only then is any of them written.
//! - A hold cannot be forgotten: a [`Grant`] that is dropped ends it, since nothing was sent; a
//!   [`Hold`] that is dropped without a verdict becomes an unknown outcome.
//! - A release compares the owner. It never removes another hold's entry.
//! - No lock is held across an await: every function here is synchronous.

mod hold;

pub use hold::{Grant, Hold, LastByte};

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dashmap::{DashMap, RwLockWriteGuard, SharedValue};
use hashbrown::raw::RawTable;
use http::{HeaderValue, Method};
use smallvec::SmallVec;
use tokio::time::Instant;

use crate::policy::key::{Key, Keys, Mode};
use crate::policy::key_state::{HoldId, Holder, KeyState, Meeting, Moment, Phase, Writer};
use crate::policy::{Remedy, RouteId};
use hold::{Entry, GivenUp};

/// Every key that is held, and by whom.
pub struct Table {
    keys: DashMap<Key, KeyState>,
    epoch: Instant,
    /// Holds in the table, those of unknown outcome too.
    len: AtomicUsize,
    max_holds: usize,
    /// Holds that end by the clock, soonest first. A plain mutex: it is touched when an outcome
    /// is given up and by the sweep, never on the path of a write that goes well.
    given_up: Mutex<BinaryHeap<Reverse<GivenUp>>>,
}

/// A write that asks for its keys.
#[derive(Debug)]
pub struct Claim<'a> {
    /// The name of the hold, if it is granted: one that no other hold has had.
    pub id: HoldId,
    /// The keys: all of them or none are granted.
    pub keys: &'a Keys,
    /// How they are to be held.
    pub mode: Mode,
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
    /// A key is held by another, and nothing was changed.
    Conflict(Met),
    /// The table has [`Table::max_holds`] holds, and nothing was changed.
    Full,
}

/// A holder that a claim met.
#[derive(Debug)]
pub struct Met {
    /// The key on which they met.
    pub key: Key,
    /// The write that holds it.
    pub writer: Arc<Writer>,
    /// What is known of that write.
    pub phase: Phase,
    /// The moment of the meeting.
    pub now: Moment,
    /// Its hold.
    pub id: HoldId,
}

impl Table {
    /// An empty table for at most `max_holds` holds.
    pub fn new(max_holds: usize) -> Arc<Self> {
        Arc::new(Self {
            keys: DashMap::new(),
            epoch: Instant::now(),
            len: AtomicUsize::new(0),
            max_holds,
            given_up: Mutex::default(),
        })
    }

    /// How many holds there are, those of unknown outcome too.
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

    /// The conflict that stands in the way of these keys, without claiming them.
    pub fn standing_conflict(&self, keys: &Keys, mode: Mode) -> Option<Met> {
        let now = self.now();
        keys.iter().find_map(|key| {
            let hash = self.hash(key);
            let shard = self.keys.shards()[self.shard_of(hash)].read();
            let (_, state) = shard.get(hash, |(other, _)| other == key)?;
            match state.get().meeting(mode, now) {
                Meeting::Conflict(holder) => Some(met(key, holder, now)),
                Meeting::Nothing | Meeting::Overlap(_) => None,
            }
        })
    }

    /// Grants all keys of the claim, or none of them.
    pub fn claim(self: &Arc<Self>, claim: &Claim<'_>) -> Claimed {
        let now = self.now();
        let claimed = self.decide(claim, now);
        let is_full = matches!(claimed, Claimed::Full);
        if is_full && self.is_any_due(now) && self.sweep() > 0 {
            return self.decide(claim, now);
        }
        claimed
    }

    /// The critical section of a claim.
    fn decide(self: &Arc<Self>, claim: &Claim<'_>, now: Moment) -> Claimed {
        let mut shards = Shards::lock(self, claim.keys);
        let mut overlap = None;
        for key in claim.keys {
            match shards
                .state(self, key)
                .map(|state| state.meeting(claim.mode, now))
            {
                None | Some(Meeting::Nothing) => {}
                Some(Meeting::Overlap(holder)) => overlap = Some(met(key, holder, now)),
                Some(Meeting::Conflict(holder)) => {
                    return Claimed::Conflict(met(key, holder, now));
                }
            }
        }
        if !self.reserve() {
            return Claimed::Full;
        }
        let writer = Arc::new(Writer {
            request_id: claim.request_id.clone(),
            method: claim.method.clone(),
            route: claim.route,
            remedy: claim.remedy.cloned(),
            since: now,
            typical: claim.typical,
        });
        for key in claim.keys {
            let holder = Holder {
                id: claim.id,
                mode: claim.mode,
                writer: Arc::clone(&writer),
                phase: Phase::InFlight,
            };
            shards.state_or_new(self, key).grant(holder, now);
        }
        drop(shards);
        let entry = Entry {
            table: Arc::clone(self),
            id: claim.id,
            keys: claim.keys.clone(),
            mode: claim.mode,
            since: now,
            max_work: claim.max_work,
            writer,
        };
        Claimed::Granted {
            grant: Grant::new(entry),
            overlap,
        }
    }

    /// Removes the holds whose time is over. A claim does not need it: it sees for itself that a
    /// holder's time is over; this gives back the memory. Returns how many it removed.
    pub fn sweep(&self) -> usize {
        let now = self.now();
        let mut due = Vec::new();
        {
            let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
            while given_up
                .peek()
                .is_some_and(|Reverse(next)| next.until <= now)
            {
                due.extend(given_up.pop());
            }
        }
        for Reverse(hold) in &due {
            self.remove(hold.id, &hold.keys);
        }
        due.len()
    }

    /// Every hold on every key, for a view of the whole. Locks one shard at a time, so that it is
    /// not one picture of one moment.
    pub fn for_each(&self, mut see: impl FnMut(&Key, &Holder)) {
        for entry in &self.keys {
            for holder in entry.value().holders() {
                see(entry.key(), holder);
            }
        }
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

    fn is_any_due(&self, now: Moment) -> bool {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up
            .peek()
            .is_some_and(|Reverse(next)| next.until <= now)
    }

    fn remove(&self, id: HoldId, keys: &Keys) {
        let mut shards = Shards::lock(self, keys);
        for key in keys {
            shards.release(self, key, id);
        }
        drop(shards);
        self.len.fetch_sub(1, Ordering::Relaxed);
    }

    fn give_up(&self, id: HoldId, keys: Keys, until: Moment) {
        if until <= self.now() {
            return self.remove(id, &keys);
        }
        let mut shards = Shards::lock(self, &keys);
        for key in &keys {
            if let Some(state) = shards.state_mut(self, key) {
                state.give_up(id, until);
            }
        }
        drop(shards);
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.push(Reverse(GivenUp { until, id, keys }));
    }

    fn hash(&self, key: &Key) -> u64 {
        self.keys.hasher().hash_one(key)
    }

    fn shard_of(&self, hash: u64) -> usize {
        // The map's own choice of shard takes the hash as a word; on 64 bits that is all of it.
        self.keys.determine_shard(hash as usize)
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

fn met(key: &Key, holder: &Holder, now: Moment) -> Met {
    Met {
        key: key.clone(),
        writer: Arc::clone(&holder.writer),
        phase: holder.phase,
        now,
        id: holder.id,
    }
}

type Shard = RawTable<(Key, SharedValue<KeyState>)>;

/// The distinct shards of some keys, locked for writing in index order.
struct Shards<'a>(SmallVec<[(usize, RwLockWriteGuard<'a, Shard>); 1]>);

impl<'a> Shards<'a> {
    fn lock(table: &'a Table, keys: &Keys) -> Self {
        let mut indices: SmallVec<[usize; 4]> = keys
            .iter()
            .map(|key| table.shard_of(table.hash(key)))
            .collect();
        indices.sort_unstable();
        indices.dedup();
        Self(
            indices
                .into_iter()
                .map(|index| (index, table.keys.shards()[index].write()))
                .collect(),
        )
    }

    fn shard(&mut self, table: &Table, hash: u64) -> &mut Shard {
        let index = table.shard_of(hash);
        let place = self.0.iter().position(|(locked, _)| *locked == index);
        &mut self.0[place.expect("every shard of the keys was locked")].1
    }

    fn state_mut(&mut self, table: &Table, key: &Key) -> Option<&mut KeyState> {
        let hash = table.hash(key);
        let (_, state) = self
            .shard(table, hash)
            .get_mut(hash, |(other, _)| other == key)?;
        Some(state.get_mut())
    }

    fn state(&mut self, table: &Table, key: &Key) -> Option<&KeyState> {
        self.state_mut(table, key).map(|state| &*state)
    }

    fn state_or_new(&mut self, table: &Table, key: &Key) -> &mut KeyState {
        let hash = table.hash(key);
        let shard = self.shard(table, hash);
        if shard.get(hash, |(other, _)| other == key).is_none() {
            let state = SharedValue::new(KeyState::default());
            shard.insert(hash, (key.clone(), state), |(other, _)| table.hash(other));
        }
        let (_, state) = shard
            .get_mut(hash, |(other, _)| other == key)
            .expect("it was entered if it was not there");
        state.get_mut()
    }

    fn release(&mut self, table: &Table, key: &Key, id: HoldId) {
        let hash = table.hash(key);
        let shard = self.shard(table, hash);
        let Some((_, state)) = shard.get_mut(hash, |(other, _)| other == key) else {
            return;
        };
        state.get_mut().release(id);
        if state.get().is_empty() {
            shard.remove_entry(hash, |(other, _)| other == key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    fn keys(names: &[&str]) -> Keys {
        let mut keys: Keys = names.iter().map(|name| Key::new(*name)).collect();
        keys.sort();
        keys
    }

    pub(super) fn claim(table: &Arc<Table>, names: &[&str]) -> Claimed {
        table.claim(&Claim {
            id: HoldId::new(0, fastrand::u64(..1 << 40)),
            keys: &keys(names),
            mode: Mode::Exclusive,
            request_id: &HeaderValue::from_static("r"),
            method: &Method::PUT,
            route: RouteId::GUARD,
            remedy: None,
            max_work: Duration::from_secs(60),
            typical: None,
        })
    }

    pub(super) fn granted(table: &Arc<Table>, names: &[&str]) -> Grant {
        match claim(table, names) {
            Claimed::Granted { grant, .. } => grant,
            other @ (Claimed::Conflict(_) | Claimed::Full) => panic!("{other:?}"),
        }
    }

    pub(super) fn sent(grant: Grant) -> Hold {
        grant.into_hold(Rc::new(Cell::new(Instant::now())))
    }

    #[test]
    fn a_claim_that_meets_one_of_its_keys_takes_none() {
        let table = Table::new(10);
        let _hold = sent(granted(&table, &["b"]));
        assert!(
            matches!(claim(&table, &["a", "b", "c"]), Claimed::Conflict(met) if met.key.as_str() == "b")
        );
        drop(granted(&table, &["a", "c"]));
        assert_eq!(table.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_table_grants_nothing_and_evicts_nobody_whose_time_is_not_over() {
        let table = Table::new(1);
        let hold = sent(granted(&table, &["a"]));
        assert!(matches!(claim(&table, &["b"]), Claimed::Full));
        assert!(matches!(claim(&table, &["a"]), Claimed::Conflict(_)));
        drop(hold);
        assert!(matches!(claim(&table, &["b"]), Claimed::Full));
        tokio::time::advance(Duration::from_secs(60)).await;
        drop(granted(&table, &["b"]));
        assert!(table.is_empty() && table.keys.is_empty());
    }

    #[test]
    fn claims_from_many_threads_over_the_same_keys_never_overlap_nor_deadlock() {
        let table = Table::new(1000);
        let at_work: [AtomicUsize; 4] = Default::default();
        std::thread::scope(|scope| {
            for seed in 0..4u64 {
                let (table, at_work) = (&table, &at_work);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    for _ in 0..5_000 {
                        let (a, b) = (random.usize(..4), random.usize(..4));
                        let mut chosen = vec![a, b];
                        chosen.sort_unstable();
                        chosen.dedup();
                        let names: Vec<String> = chosen.iter().map(ToString::to_string).collect();
                        let names: Vec<&str> = names.iter().map(String::as_str).collect();
                        if let Claimed::Granted { grant, .. } = claim(table, &names) {
                            for &key in &chosen {
                                assert_eq!(at_work[key].fetch_add(1, Ordering::SeqCst), 0);
                            }
                            for &key in &chosen {
                                at_work[key].fetch_sub(1, Ordering::SeqCst);
                            }
                            drop(grant);
                        }
                    }
                });
            }
        });
        assert!(table.is_empty() && table.keys.is_empty());
    }
}
