//! The map from key to state, in shards that are locked one by one.
//!
//! Invariants:
//! - The distinct shards of a claim are locked in index order, all of them before one state is looked at.
//! - A key is compared byte by byte, and hashed once for each claim.
//! - A state that is empty is in the map only while its shard is locked.
//! - A lock guards one map, and is never held across an await: every function here is synchronous.
//! - What is held and what may still be are counted with the shards locked ([`super::room`]).

use std::hash::{BuildHasher, Hasher, RandomState};

use smallvec::SmallVec;
use triomphe::Arc;

use super::Pending;
use super::mark::{Mark, Writer};
use super::room::{Permit, Purse, Room};
use super::slots::Slots;
use super::sync::{Alone, Mutex, MutexGuard, PoisonError, shard_count};
use crate::policy::key::{Key, Locks, Placed, Spot};
use crate::policy::key_state::{self, Moment};

pub(super) type KeyState = key_state::KeyState<Pending, Mark>;

#[derive(Default)]
struct Shard {
    states: Slots<Pending, Mark>,
    purse: Purse,
}

/// Every key that is held or waited for.
pub(super) struct Shards {
    /// A power of two of them. Each stands alone: who locks one does not disturb who locks the next.
    shards: Box<[Alone<Mutex<Shard>>]>,
    /// SipHash with a key of this process: clients choose what is hashed, and must not be able to choose what collides.
    hasher: RandomState,
    room: Room,
}

impl Shards {
    /// None of them has a key, and they have room for so many holds.
    pub(super) fn new(max_holds: usize) -> Self {
        let count = shard_count();
        Self {
            shards: (0..count).map(|_| Alone::default()).collect(),
            hasher: RandomState::new(),
            room: Room::new(max_holds, count),
        }
    }

    /// Finds out where the keys of these are.
    pub(super) fn place(&self, locks: &Locks) -> Placed {
        Placed::new(locks, |key| {
            let mut hasher = self.hasher.build_hasher();
            hasher.write(key.as_bytes());
            // Half of the bits are enough to find a key by, and take half of the room.
            hasher.finish() as u32
        })
    }

    /// Locks what these are on.
    pub(super) fn lock(&self, placed: &Placed) -> Locked<'_> {
        let guards = match placed.spots() {
            [spot] => Guards::One(lock(&self.shards[self.shard_of(spot)])),
            several => self.lock_several(several),
        };
        Locked {
            shards: self,
            guards,
        }
    }

    /// Apart, so that who has one key does not make room for what several take.
    #[inline(never)]
    fn lock_several(&self, spots: &[Spot]) -> Guards<'_> {
        let indices = spots.iter().map(|spot| self.shard_of(spot));
        let mut indices: SmallVec<[usize; 16]> = indices.collect();
        indices.sort_unstable();
        indices.dedup();
        let guard = |index: usize| (index, lock(&self.shards[index]));
        Guards::Several(indices.into_iter().map(guard).collect())
    }

    /// Whether this is so of the state of some key in this place.
    pub(super) fn any(&self, place: u32, is_so: impl Fn(&KeyState) -> bool) -> bool {
        let shard = lock(&self.shards[self.index(place)]);
        shard.states.all_at(place).any(is_so)
    }

    /// Every key and its state, one shard at a time, so that it is not one picture of one moment.
    pub(super) fn for_each(&self, mut see: impl FnMut(&Key, &KeyState)) {
        for shard in &self.shards {
            for state in lock(shard).states.iter() {
                if let Some(key) = state.key() {
                    see(key, state);
                }
            }
        }
    }

    /// How many are held and waited for, one shard at a time.
    pub(super) fn held(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| lock(shard).purse.held())
            .sum()
    }

    pub(super) const fn max_holds(&self) -> usize {
        self.room.max()
    }

    /// Room for one hold, where a shard has none: what others have in hand is gathered. None if there is none at all. All
    /// shards are locked at once for it, so that it is certain.
    pub(super) fn gather(&self) -> Option<Permit<'_>> {
        let mut shards: Vec<_> = self.shards.iter().map(|shard| lock(shard)).collect();
        let purses = shards.iter_mut().map(|shard| &mut shard.purse);
        self.room.gather(purses)
    }

    fn shard_of(&self, spot: &Spot) -> usize {
        self.index(spot.place)
    }

    /// By the lower bits: the states of a shard stand by the upper ones.
    fn index(&self, place: u32) -> usize {
        place as usize & (self.shards.len() - 1)
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // A state is changed by functions that do not panic half-way.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The states of some keys.
pub(super) struct Locked<'a> {
    shards: &'a Shards,
    guards: Guards<'a>,
}

/// The shards of a claim, in index order.
enum Guards<'a> {
    /// Nearly always.
    One(MutexGuard<'a, Shard>),
    Several(Vec<(usize, MutexGuard<'a, Shard>)>),
}

impl<'a> Locked<'a> {
    /// None where nobody holds the key or waits for it.
    pub(super) fn state(&self, spot: &Spot) -> Option<&KeyState> {
        let shard = match &self.guards {
            Guards::One(shard) => shard,
            Guards::Several(shards) => &shards[position(shards, self.shards.shard_of(spot))].1,
        };
        shard.states.find(spot)
    }

    /// Changes the state of a key that has one, and forgets it if nothing is to be remembered of it any more.
    pub(super) fn change<T>(
        &mut self,
        spot: &Spot,
        change: impl FnOnce(&mut KeyState) -> T,
    ) -> Option<T> {
        self.shard(spot).states.change(spot, change)
    }

    /// Enters a hold on each of its keys.
    pub(super) fn grant(&mut self, writer: &Arc<Writer>, now: Moment) {
        for (at, spot) in writer.placed.spots().iter().enumerate() {
            self.state_or_new(spot).grant(writer, at, now);
        }
    }

    /// What is returned must not be left empty.
    pub(super) fn state_or_new(&mut self, spot: &Spot) -> &mut KeyState {
        self.shard(spot).states.find_or_insert(spot)
    }

    /// Counts one more hold; none if these shards find no room, which others may have.
    pub(super) fn reserve(&mut self) -> bool {
        let room = &self.shards.room;
        self.purse().is_some_and(|purse| purse.spend(room))
    }

    /// Counts one more hold, for which there is room.
    pub(super) fn enter(&mut self, permit: Permit<'a>) {
        if let Some(purse) = self.purse() {
            purse.enter(permit);
        }
    }

    /// Counts one less.
    pub(super) fn leave(&mut self) {
        let room = &self.shards.room;
        if let Some(purse) = self.purse() {
            purse.leave(room);
        }
    }

    /// Where all of a claim is counted: in its first shard.
    fn purse(&mut self) -> Option<&mut Purse> {
        let shard = match &mut self.guards {
            Guards::One(shard) => shard,
            Guards::Several(shards) => &mut shards.first_mut()?.1,
        };
        Some(&mut shard.purse)
    }

    fn shard(&mut self, spot: &Spot) -> &mut Shard {
        let index = self.shards.shard_of(spot);
        match &mut self.guards {
            Guards::One(shard) => shard,
            Guards::Several(shards) => {
                let at = position(shards, index);
                &mut shards[at].1
            }
        }
    }
}

/// The place of a shard among those that are locked.
fn position(shards: &[(usize, MutexGuard<'_, Shard>)], index: usize) -> usize {
    let place = shards.binary_search_by_key(&index, |(index, _)| *index);
    place.expect("every shard of the keys was locked")
}
