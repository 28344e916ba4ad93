//! How many holds there may be, counted without a count that all write.
//!
//! Each shard has a purse with some of the permits, and takes more of them, or gives some back, a handful at a time: a claim and its
//! release write to nothing but the shard that they have locked.
//!
//! Invariants:
//! - What is free, what stands in purses and what is held are together as many as there may be: that is never exceeded.
//! - A claim finds no room only if there is none: before it is told so, all purses are looked into at once.

use super::sync::{Alone, AtomicUsize, Ordering};

/// The most that a shard takes at a time.
const HANDFUL: usize = 64;

/// What all shards take their permits from.
pub(super) struct Room {
    max: usize,
    handful: usize,
    free: Alone<AtomicUsize>,
}

impl Room {
    /// Room for `max` holds, shared by so many shards, none of which keeps much of it from the others.
    pub(super) fn new(max: usize, shards: usize) -> Self {
        Self {
            max,
            handful: (max / (8 * shards)).clamp(1, HANDFUL),
            free: Alone(AtomicUsize::new(max)),
        }
    }

    pub(super) const fn max(&self) -> usize {
        self.max
    }

    /// Takes a handful, or what is left of one.
    fn draw(&self) -> usize {
        let left = |free: usize| free.saturating_sub(self.handful);
        let before = self
            .free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
                (free > 0).then(|| left(free))
            });
        before.map_or(0, |free| free - left(free))
    }

    fn give_back(&self, permits: usize) {
        self.free.fetch_add(permits, Ordering::Relaxed);
    }

    /// Takes one out of what is free and in these purses, which are those of all shards, and frees the others.
    pub(super) fn gather<'p>(
        &self,
        purses: impl Iterator<Item = &'p mut Purse>,
    ) -> Option<Permit<'_>> {
        let gathered = purses.map(|purse| std::mem::take(&mut purse.spare)).sum();
        self.give_back(gathered);
        let one = |free: usize| free.checked_sub(1);
        let taken = self
            .free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one);
        taken.ok().map(|_| Permit(self))
    }
}

/// Room for one hold. Dropped, it is free again.
pub(super) struct Permit<'a>(&'a Room);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.give_back(1);
    }
}

/// What a shard counts.
#[derive(Debug, Default)]
pub(super) struct Purse {
    /// Holds and claims that wait, each in the first of its shards.
    held: usize,
    /// What may be held beside these without asking.
    spare: usize,
}

impl Purse {
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Counts one more hold. False if there is no room at hand.
    pub(super) fn spend(&mut self, room: &Room) -> bool {
        if self.spare == 0 {
            self.spare = room.draw();
        }
        let has_room = self.spare > 0;
        if has_room {
            self.spare -= 1;
            self.held += 1;
        }
        has_room
    }

    /// Counts one more hold by this permit.
    pub(super) fn enter(&mut self, permit: Permit<'_>) {
        std::mem::forget(permit);
        self.held += 1;
    }

    /// Counts one hold less.
    pub(super) fn leave(&mut self, room: &Room) {
        self.held -= 1;
        self.spare += 1;
        // One handful is kept, so that who comes and goes does not go to and fro with it.
        if self.spare > 2 * room.handful {
            self.spare -= room.handful;
            room.give_back(room.handful);
        }
    }
}
