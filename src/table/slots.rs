//! The states of some keys, found by the places of these: a hash table with open addressing and linear probing.
//!
//! It is one of our own since a state knows its place. Others keep beside their slots what tells these apart: with many holds, that
//! is a second piece of memory to wait for, beside the slot. They double their room when it is full, and put everything into another
//! order, while whoever needs the shard waits.
//!
//! Invariants:
//! - A state stands at home or behind, and no slot is free between the two.
//! - Homes are in the order of the places, so that a table that becomes larger or smaller is read and written from one end to the
//!   other.
//! - Half of the slots are taken at most, so that most states stand at home. Where it is fewer than one of eight, room is given
//!   back.

use std::iter;

use crate::policy::key::Spot;
use crate::policy::key_state::KeyState;

/// The fewest slots, but for those of a table that has never had a key.
const FEWEST: usize = 32;

/// Some keys with their states.
#[derive(Debug)]
pub(super) struct Slots<W, M = ()> {
    slots: Vec<KeyState<W, M>>,
    taken: usize,
}

impl<W, M> Default for Slots<W, M> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            taken: 0,
        }
    }
}

impl<W, M> Slots<W, M> {
    /// The state of a key; none if it has none.
    pub(super) fn find(&self, spot: &Spot) -> Option<&KeyState<W, M>> {
        self.position(spot).map(|at| &self.slots[at])
    }

    /// The states of all keys in this place.
    pub(super) fn all_at(&self, place: u32) -> impl Iterator<Item = &KeyState<W, M>> {
        let (before, from) = self.slots.split_at(self.home(place));
        let states = from.iter().chain(before);
        let states = states.take_while(|state| !state.is_empty());
        states.filter(move |state| state.place() == Some(place))
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &KeyState<W, M>> {
        self.slots.iter().filter(|state| !state.is_empty())
    }

    /// The state of a key, or a new one that is empty and must not be left so.
    pub(super) fn find_or_insert(&mut self, spot: &Spot) -> &mut KeyState<W, M> {
        let at = self.position(spot).unwrap_or_else(|| {
            if 2 * (self.taken + 1) > self.slots.len() {
                self.resize((self.slots.len() * 3 / 2).max(FEWEST));
            }
            self.taken += 1;
            self.free(spot.place)
        });
        &mut self.slots[at]
    }

    /// Changes the state of a key that has one, and forgets it if it is empty then.
    pub(super) fn change<T>(
        &mut self,
        spot: &Spot,
        change: impl FnOnce(&mut KeyState<W, M>) -> T,
    ) -> Option<T> {
        let at = self.position(spot)?;
        let changed = change(&mut self.slots[at]);
        if self.slots[at].is_empty() {
            self.close(at);
            self.taken -= 1;
            if self.slots.len() > FEWEST && 8 * self.taken < self.slots.len() {
                self.resize((self.slots.len() / 2).max(FEWEST));
            }
        }
        Some(changed)
    }

    fn position(&self, spot: &Spot) -> Option<usize> {
        let mut at = self.home(spot.place);
        // The place is looked at first: it is at hand, where the key of most is not.
        while let Some(place) = self.slots.get(at)?.place() {
            if place == spot.place && self.slots[at].key() == Some(&spot.key) {
                return Some(at);
            }
            at = self.next(at);
        }
        None
    }

    /// The first free slot for a state with this place: half of them are free.
    fn free(&self, place: u32) -> usize {
        let mut at = self.home(place);
        while !self.slots[at].is_empty() {
            at = self.next(at);
        }
        at
    }

    fn home(&self, place: u32) -> usize {
        ((u64::from(place) * self.slots.len() as u64) >> u32::BITS) as usize
    }

    const fn next(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() {
            0
        } else {
            at + 1
        }
    }

    /// Moves up what stands behind a slot that has become free, and would not be found any more.
    fn close(&mut self, mut free: usize) {
        let count = self.slots.len();
        let behind = |from: usize, at: usize| {
            if at >= from {
                at - from
            } else {
                at + count - from
            }
        };
        let mut at = free;
        loop {
            at = self.next(at);
            let Some(place) = self.slots[at].place() else {
                return;
            };
            if behind(self.home(place), at) >= behind(free, at) {
                self.slots.swap(free, at);
                free = at;
            }
        }
    }

    fn resize(&mut self, count: usize) {
        let slots = iter::repeat_with(KeyState::default).take(count).collect();
        let before = std::mem::replace(&mut self.slots, slots);
        for state in before {
            if let Some(place) = state.place() {
                let at = self.free(place);
                self.slots[at] = state;
            }
        }
    }
}

#[cfg(test)]
mod tests;
