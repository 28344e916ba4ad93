//! What a claim asks for, each key with its place: the hash by which it is found where keys are kept. A key is hashed once,
//! however often it is looked for.

use super::{Key, Lock, Locks};
use crate::policy::mode::Mode;

/// What a claim asks for, in the order of its keys.
#[derive(Clone, Debug)]
pub struct Placed(Spots);

/// Nearly always it is one, which stands here.
#[derive(Clone, Debug)]
enum Spots {
    One(Spot),
    Several(Box<[Spot]>),
}

/// What a claim asks of one key.
#[derive(Clone, Debug)]
pub struct Spot {
    /// The key.
    pub key: Key,
    /// Where it is found.
    pub place: u32,
    /// How it is asked for.
    pub mode: Mode,
}

impl Default for Placed {
    fn default() -> Self {
        Self(Spots::Several(Box::default()))
    }
}

impl Placed {
    /// These, each where `place` says.
    pub fn new(locks: &Locks, place: impl Fn(&Key) -> u32) -> Self {
        let spot = |lock: &Lock| Spot {
            key: lock.key.clone(),
            place: place(&lock.key),
            mode: lock.mode,
        };
        Self(match locks.as_slice() {
            [lock] => Spots::One(spot(lock)),
            several => Spots::Several(several.iter().map(spot).collect()),
        })
    }

    /// All of them.
    pub fn spots(&self) -> &[Spot] {
        match &self.0 {
            Spots::One(spot) => std::slice::from_ref(spot),
            Spots::Several(spots) => spots,
        }
    }

    /// The keys that the claim is about, without those on which it only announces itself.
    pub fn named(&self) -> impl Iterator<Item = &Key> {
        let named = self.spots().iter().filter(|spot| !spot.mode.is_intention());
        named.map(|spot| &spot.key)
    }
}
