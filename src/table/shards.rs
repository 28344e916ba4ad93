//! The map from key to state, in shards that are locked one by one.
//!
//! Invariants:
//! - The distinct shards of a claim are locked in index order, all of them before one state is looked at.
//! - A key is compared byte by byte, and hashed once for each time that its shards are locked.
//! - A lock guards one map, and is never held across an await: every function here is synchronous.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::Pending;
use super::sync::{Mutex, MutexGuard, PoisonError, shard_count};
use crate::policy::key::{Key, Lock, Locks};
use crate::policy::key_state;

pub(super) type KeyState = key_state::KeyState<Pending>;

/// What a claim asks for, each key with its hash: it is hashed once, however often its shard is locked.
#[derive(Clone, Debug)]
pub(super) struct Placed(SmallVec<[(Lock, u64); 1]>);

impl Placed {
    /// What is asked of each key.
    pub(super) fn locks(&self) -> impl Iterator<Item = &Lock> {
        self.0.iter().map(|(lock, _)| lock)
    }

    /// Where the first of them is found.
    pub(super) fn place(&self) -> u64 {
        self.0.first().map_or(0, |(_, hash)| *hash)
    }
}

struct Slot {
    key: Key,
    state: KeyState,
}

type Shard = HashTable<Slot>;

/// Every key that is held or waited for.
pub(super) struct Shards {
    /// A power of two of them.
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

impl Shards {
    /// None of them has a key.
    pub(super) fn new() -> Self {
        Self {
            shards: (0..shard_count()).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Finds out where the keys of these are.
    pub(super) fn place(&self, locks: &Locks) -> Placed {
        let placed = locks
            .iter()
            .map(|lock| (lock.clone(), self.hasher.hash_one(&lock.key)));
        Placed(placed.collect())
    }

    /// Locks what these are on.
    pub(super) fn lock<'a>(&'a self, placed: &'a Placed) -> Locked<'a> {
        let guard = |index: usize| (index, lock(&self.shards[index]));
        let guards = match placed.0.as_slice() {
            [(_, hash)] => SmallVec::from_iter([guard(self.shard_of(*hash))]),
            several => {
                let indices = several.iter().map(|(_, hash)| self.shard_of(*hash));
                let mut indices: SmallVec<[usize; 16]> = indices.collect();
                indices.sort_unstable();
                indices.dedup();
                indices.into_iter().map(guard).collect()
            }
        };
        Locked {
            shards: self,
            placed,
            guards,
        }
    }

    /// Whether this is so of the state of some key with this hash.
    pub(super) fn any(&self, hash: u64, is_so: impl Fn(&KeyState) -> bool) -> bool {
        let shard = lock(&self.shards[self.shard_of(hash)]);
        shard.iter_hash(hash).any(|slot| is_so(&slot.state))
    }

    /// Every key and its state, one shard at a time, so that it is not one picture of one moment.
    pub(super) fn for_each(&self, mut see: impl FnMut(&Key, &KeyState)) {
        for shard in &self.shards {
            for slot in lock(shard).iter() {
                see(&slot.key, &slot.state);
            }
        }
    }

    /// The upper bits: the map itself goes by the lower ones.
    fn shard_of(&self, hash: u64) -> usize {
        let count = self.shards.len() as u64;
        ((hash >> 32) & (count - 1)) as usize
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // A state is changed by functions that do not panic half-way.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The states of some keys, by their place among the locks.
pub(super) struct Locked<'a> {
    shards: &'a Shards,
    placed: &'a Placed,
    guards: SmallVec<[(usize, MutexGuard<'a, Shard>); 1]>,
}

impl<'a> Locked<'a> {
    /// What is asked of each key, with its place.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, &'a Lock)> + use<'a> {
        self.placed.locks().enumerate()
    }

    /// All of them.
    pub(super) fn placed(&self) -> &'a Placed {
        self.placed
    }

    /// The key at this place.
    pub(super) fn key(&self, place: usize) -> &'a Key {
        self.spot(place).0
    }

    fn spot(&self, place: usize) -> (&'a Key, u64) {
        let (lock, hash) = &self.placed.0[place];
        (&lock.key, *hash)
    }

    /// None where nobody holds the key or waits for it.
    pub(super) fn state(&self, place: usize) -> Option<&KeyState> {
        let (key, hash) = self.spot(place);
        let slot = self.guards[self.guard(hash)]
            .1
            .find(hash, |slot| slot.key == *key)?;
        Some(&slot.state)
    }

    pub(super) fn state_mut(&mut self, place: usize) -> Option<&mut KeyState> {
        let (key, hash) = self.spot(place);
        let at = self.guard(hash);
        let slot = self.guards[at].1.find_mut(hash, |slot| slot.key == *key)?;
        Some(&mut slot.state)
    }

    pub(super) fn state_or_new(&mut self, place: usize) -> &mut KeyState {
        let (key, hash) = self.spot(place);
        let (at, hasher) = (self.guard(hash), &self.shards.hasher);
        let found = self.guards[at].1.entry(
            hash,
            |slot| slot.key == *key,
            |slot| hasher.hash_one(&slot.key),
        );
        let slot = found.or_insert_with(|| Slot {
            key: key.clone(),
            state: KeyState::default(),
        });
        &mut slot.into_mut().state
    }

    /// Forgets the key if nothing is to be remembered of it.
    pub(super) fn tidy(&mut self, place: usize) {
        let (key, hash) = self.spot(place);
        let at = self.guard(hash);
        let found = self.guards[at].1.find_entry(hash, |slot| slot.key == *key);
        if let Ok(slot) = found
            && slot.get().state.is_empty()
        {
            slot.remove();
        }
    }

    fn guard(&self, hash: u64) -> usize {
        let index = self.shards.shard_of(hash);
        let place = self.guards.iter().position(|(locked, _)| *locked == index);
        place.expect("every shard of the keys was locked")
    }
}
