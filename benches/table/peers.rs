//! What else one could keep the holds in: for comparison, and for nothing else.
//!
//! Neither knows who holds a key, several keys at once, modes, deadlines, or what to tell whoever is refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// One lock around a map. It can refuse, and nobody can wait.
#[derive(Default)]
pub(crate) struct Plain(Mutex<HashMap<String, ()>>);

impl Plain {
    pub(crate) fn of(names: impl Iterator<Item = String>) -> Self {
        Self(Mutex::new(names.map(|name| (name, ())).collect()))
    }

    pub(crate) fn claim(&self, key: &str) -> bool {
        let mut map = self.0.lock().expect("nothing panics");
        if map.contains_key(key) {
            return false;
        }
        map.insert(key.to_owned(), ());
        true
    }

    pub(crate) fn release(&self, key: &str) {
        self.0.lock().expect("nothing panics").remove(key);
    }
}

/// A lock of tokio's for each key, in a map.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Arc<Turn<()>>>>);

impl Turns {
    pub(crate) fn of(names: impl Iterator<Item = String>) -> (Self, Vec<OwnedMutexGuard<()>>) {
        let turns = Self::default();
        let held = names.map(|name| turns.of_key(&name).try_lock_owned());
        let held = held.collect::<Result<_, _>>().expect("each is free");
        (turns, held)
    }

    /// The lock of a key, to be tried or waited for.
    pub(crate) fn of_key(&self, key: &str) -> Arc<Turn<()>> {
        let mut map = self.0.lock().expect("nothing panics");
        if let Some(turn) = map.get(key) {
            return Arc::clone(turn);
        }
        Arc::clone(map.entry(key.to_owned()).or_default())
    }

    /// Lets go of a key, and forgets it if nobody else has it or waits for it.
    pub(crate) fn release(&self, key: &str, held: OwnedMutexGuard<()>) {
        let mut map = self.0.lock().expect("nothing panics");
        drop(held);
        if map
            .get(key)
            .is_some_and(|turn| Arc::strong_count(turn) == 1)
        {
            map.remove(key);
        }
    }
}
