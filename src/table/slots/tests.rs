//! A table of slots against a map, with places that meet.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderValue, Method};
use proptest::collection::vec;
use proptest::prelude::*;
use triomphe::Arc;

use super::*;
use crate::policy::key::{Key, Lock, Placed};
use crate::policy::key_state::{HoldId, Moment, Telling, Writer};
use crate::policy::{Family, Locks, Mode, Purpose, RequestId, RouteId};

/// One hold of the key with this name, in a place that others have, too.
fn writer(name: u16) -> Arc<Writer> {
    let lock = Lock {
        key: Key::new(name.to_string()),
        mode: Mode::Exclusive,
    };
    let telling = Telling {
        id: HoldId::new(0, name.into()),
        request_id: &RequestId::Given(HeaderValue::from_static("r")),
        method: &Method::PUT,
        route: RouteId::GUARD,
        purpose: Purpose::Write,
        family: Family::new([0; 16]),
        remedy: None,
        max_work: Duration::ZERO,
        typical: None,
    };
    // At both ends and between.
    let place =
        [0, 1, u32::MAX, u32::MAX - 1, 1 << 31, u32::from(name) << 20][usize::from(name) % 6];
    let placed = Placed::new(&Locks::from([lock]), |_| place);
    Arc::new(Writer::new(&telling, placed, Moment::START))
}

#[derive(Default)]
struct Pair {
    slots: Slots<()>,
    model: BTreeMap<u16, Arc<Writer>>,
}

impl Pair {
    fn enter(&mut self, name: u16) {
        if self.model.contains_key(&name) {
            return;
        }
        let writer = writer(name);
        let state = self.slots.find_or_insert(&writer.placed.spots()[0]);
        assert!(state.is_empty());
        state.grant(&writer, 0, Moment::START);
        self.model.insert(name, writer);
    }

    fn leave(&mut self, name: u16) {
        let was_there = self.model.remove(&name).is_some();
        let writer = writer(name);
        let released = self
            .slots
            .change(&writer.placed.spots()[0], |state| state.release(writer.id));
        assert_eq!(released, was_there.then_some(true));
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.slots.iter().count(), self.model.len());
        prop_assert_eq!(self.slots.taken, self.model.len());
        for writer in self.model.values() {
            let spot = &writer.placed.spots()[0];
            let found = self.slots.find(spot).and_then(KeyState::key);
            prop_assert_eq!(found, Some(&spot.key));
            let mut beside = self.slots.all_at(spot.place);
            prop_assert!(beside.any(|state| state.key() == Some(&spot.key)));
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn slots_are_found_as_in_a_map(steps in vec((any::<bool>(), 0..60u16), 1..300)) {
        let mut pair = Pair::default();
        for (enters, name) in steps {
            if enters {
                pair.enter(name);
            } else {
                pair.leave(name);
            }
            pair.compare()?;
        }
    }
}

#[test]
fn room_is_taken_in_small_steps_and_given_back() {
    let mut pair = Pair::default();
    assert_eq!(pair.slots.slots.capacity(), 0);
    for name in 0..1_000 {
        pair.enter(name);
        assert!(pair.slots.slots.len() <= 3 * pair.model.len().max(FEWEST));
    }
    for name in 0..1_000 {
        pair.leave(name);
        assert!(pair.slots.slots.len() <= 8 * pair.model.len().max(FEWEST));
    }
    assert_eq!(pair.slots.slots.len(), FEWEST);
}
