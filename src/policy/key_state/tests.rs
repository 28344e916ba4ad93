//! One key against a model that keeps all that it was ever told in plain lists and looks at each.

use http::{HeaderValue, Method};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::policy::key::{Lock, Locks, Placed};
use crate::policy::{RequestId, RouteId};

fn at(millis: u64) -> Moment {
    Moment::new(Duration::from_millis(millis))
}

/// Each its own.
fn family(number: u64) -> Family {
    Family::new(u128::from(number).to_be_bytes())
}

fn ask(mode: Mode) -> Ask {
    Ask {
        mode,
        family: family(u64::MAX),
        ticket: None,
    }
}

fn writer(number: u64, mode: Mode, purpose: Purpose) -> Arc<Writer> {
    let lock = Lock {
        key: Key::new("key"),
        mode,
    };
    let telling = Telling {
        id: HoldId(number),
        request_id: &RequestId::Given(HeaderValue::from_static("r")),
        method: &Method::PUT,
        route: RouteId::GUARD,
        purpose,
        family: family(number),
        remedy: None,
        max_work: Duration::ZERO,
        typical: None,
    };
    let placed = Placed::new(&Locks::from([lock]), |_| 7);
    Arc::new(Writer::new(&telling, placed, at(0)))
}

fn grant(key: &mut KeyState<u64>, id: u64, (mode, purpose): (Mode, Purpose), now: Moment) {
    key.grant(&writer(id, mode, purpose), 0, now);
}

fn enqueue(key: &mut KeyState<u64>, number: u64, mode: Mode, is_stopped_here: bool) {
    let writer = writer(number, mode, Purpose::Write);
    let waiter = Waiter {
        ticket: Ticket::new(number),
        mode,
        is_stopped_here,
        writer: Arc::clone(&writer),
        claim: number,
    };
    key.enqueue(&writer.placed.spots()[0], waiter);
}

fn held_by(id: u64, mode: Mode) -> KeyState<u64> {
    let mut key = KeyState::default();
    grant(&mut key, id, (mode, Purpose::Write), at(0));
    key
}

fn is_kept_by(key: &KeyState<u64>, mode: Mode, now: u64, id: u64) -> bool {
    let obstacle = key.obstacle(ask(mode), at(now));
    matches!(obstacle, Some(Obstacle::Holder(holder)) if holder.writer.id == HoldId(id))
}

#[test]
fn an_exclusive_claim_conflicts_with_whatever_keeps_others_away() {
    for mode in Mode::ALL {
        assert!(
            is_kept_by(&held_by(1, mode), Mode::Exclusive, 1, 1),
            "{mode:?}"
        );
    }
}

#[test]
fn an_observed_write_overlaps_and_never_conflicts() {
    let meeting = |key: &KeyState<u64>, is_observed| match key.meeting(
        ask(Mode::Exclusive),
        is_observed,
        at(1),
    ) {
        Meeting::Nothing => "nothing",
        Meeting::Overlap(_) => "overlap",
        Meeting::Conflict(_) => "conflict",
    };
    let mut key = KeyState::<u64>::default();
    grant(&mut key, 1, (Mode::Exclusive, Purpose::Observe), at(0));
    assert_eq!(
        (meeting(&key, false), meeting(&key, true)),
        ("overlap", "overlap")
    );
    grant(&mut key, 2, (Mode::Exclusive, Purpose::Write), at(1));
    assert_eq!(
        (meeting(&key, false), meeting(&key, true)),
        ("conflict", "overlap")
    );
    let mut key = KeyState::<u64>::default();
    grant(&mut key, 1, (Mode::Shared, Purpose::Observe), at(0));
    assert!(matches!(
        key.meeting(ask(Mode::Shared), true, at(1)),
        Meeting::Nothing
    ));
}

#[test]
fn an_unknown_outcome_is_held_until_its_deadline_and_not_at_it() {
    let mut key = held_by(1, Mode::Exclusive);
    key.give_up(HoldId(1), at(100));
    assert!(is_kept_by(&key, Mode::Exclusive, 99, 1));
    assert!(key.obstacle(ask(Mode::Exclusive), at(100)).is_none());
}

#[test]
fn a_release_by_another_owner_changes_nothing() {
    let mut key = held_by(1, Mode::Exclusive);
    key.give_up(HoldId(1), at(10));
    grant(&mut key, 2, (Mode::Exclusive, Purpose::Write), at(20));
    assert!(!key.release(HoldId(1)));
    key.give_up(HoldId(1), at(5));
    assert!(is_kept_by(&key, Mode::Exclusive, 30, 2));
}

#[test]
fn nobody_goes_before_a_waiter_that_it_could_not_be_beside() {
    let mut key = held_by(1, Mode::Shared);
    enqueue(&mut key, 1, Mode::Exclusive, true);
    let obstacle = key.obstacle(ask(Mode::Shared), at(1));
    assert!(matches!(obstacle, Some(Obstacle::Waiter(first)) if first.ticket == Ticket::new(1)));
    enqueue(&mut key, 2, Mode::Shared, true);
    assert_eq!(key.unblocked(at(1)).count(), 0);
    key.release(HoldId(1));
    let free: Vec<u64> = key.unblocked(at(1)).map(|waiter| waiter.claim).collect();
    assert_eq!(free, [1]);
    assert!(key.dequeue(Ticket::new(1)).is_some());
    let free: Vec<u64> = key.unblocked(at(1)).map(|waiter| waiter.claim).collect();
    assert_eq!(free, [2]);
}

#[test]
fn only_those_who_met_something_here_fill_the_queue() {
    let mut key = held_by(1, Mode::IntentionExclusive);
    enqueue(&mut key, 1, Mode::IntentionExclusive, false);
    assert_eq!(key.waiting(), 0);
    enqueue(&mut key, 2, Mode::Exclusive, true);
    assert_eq!(key.waiting(), 1);
    key.dequeue(Ticket::new(2));
    assert_eq!(key.waiting(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Claim(Mode, Purpose, bool),
    Release(usize),
    GiveUp(usize, u64),
    Leave(usize),
    Advance(u64),
}

fn mode() -> impl Strategy<Value = Mode> {
    proptest::sample::select(Mode::ALL.to_vec())
}

fn step() -> impl Strategy<Value = Step> {
    let purpose = prop_oneof![
        Just(Purpose::Observe),
        Just(Purpose::Read),
        Just(Purpose::Write)
    ];
    prop_oneof![
        4 => (mode(), purpose, any::<bool>()).prop_map(|(mode, purpose, waits)| Step::Claim(mode, purpose, waits)),
        2 => (0..60usize).prop_map(Step::Release),
        1 => (0..60usize, 0..30u64).prop_map(|(nth, delay)| Step::GiveUp(nth, delay)),
        1 => (0..60usize).prop_map(Step::Leave),
        1 => (0..20u64).prop_map(Step::Advance),
    ]
}

#[derive(Clone, Debug)]
struct Held {
    id: u64,
    mode: Mode,
    purpose: Purpose,
    until: Option<u64>,
}

#[derive(Default)]
struct Model {
    now: u64,
    holders: Vec<Held>,
    waiters: Vec<(u64, Mode)>,
}

impl Model {
    fn live(&self) -> impl Iterator<Item = &Held> {
        let is_live = |held: &&Held| held.until.is_none_or(|until| self.now < until);
        self.holders.iter().filter(is_live)
    }

    fn is_free(&self, mode: Mode, ticket: Option<u64>) -> bool {
        let mut guarded = self.live().filter(|held| held.purpose != Purpose::Observe);
        let mut before = self
            .waiters
            .iter()
            .filter(|(other, _)| ticket.is_none_or(|ticket| *other < ticket));
        guarded.all(|held| held.mode.is_compatible_with(mode))
            && before.all(|(_, other)| other.is_compatible_with(mode))
    }

    fn overlaps(&self, mode: Mode, is_observed: bool) -> bool {
        self.live().any(|held| {
            !held.mode.is_compatible_with(mode) && (is_observed || held.purpose == Purpose::Observe)
        })
    }

    fn unblocked(&self) -> Vec<u64> {
        let free = self
            .waiters
            .iter()
            .filter(|(ticket, mode)| self.is_free(*mode, Some(*ticket)));
        free.map(|(ticket, _)| *ticket).collect()
    }
}

/// A key and its model, to both of which the same happens.
#[derive(Default)]
struct Pair {
    key: KeyState<u64>,
    model: Model,
    next: u64,
}

impl Pair {
    fn now(&self) -> Moment {
        at(self.model.now)
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Claim(mode, purpose, waits) => self.claim(mode, purpose, waits)?,
            Step::Release(nth) => {
                if let Some(held) = self.model.holders.get(nth).cloned() {
                    self.key.release(HoldId(held.id));
                    self.model.holders.remove(nth);
                }
            }
            Step::GiveUp(nth, delay) => {
                let until = self.model.now + delay;
                if let Some(held) = self.model.holders.get_mut(nth) {
                    self.key.give_up(HoldId(held.id), at(until));
                    held.until.get_or_insert(until);
                }
            }
            Step::Leave(nth) => {
                if nth < self.model.waiters.len() {
                    let (ticket, _) = self.model.waiters.remove(nth);
                    prop_assert!(self.key.dequeue(Ticket::new(ticket)).is_some());
                    prop_assert!(self.key.dequeue(Ticket::new(ticket)).is_none());
                }
            }
            Step::Advance(millis) => self.model.now += millis,
        }
        self.hand_on()?;
        self.compare()
    }

    fn claim(&mut self, mode: Mode, purpose: Purpose, waits: bool) -> Result<(), TestCaseError> {
        self.next += 1;
        let is_observed = purpose == Purpose::Observe;
        let is_free = self.model.is_free(mode, None);
        let overlaps = self.model.overlaps(mode, is_observed);
        match self.key.meeting(ask(mode), is_observed, self.now()) {
            Meeting::Conflict(_) => prop_assert!(!is_observed && !is_free),
            Meeting::Overlap(_) => prop_assert!(overlaps && (is_observed || is_free)),
            Meeting::Nothing => prop_assert!(!overlaps && (is_observed || is_free)),
        }
        if is_observed || is_free {
            let now = self.now();
            grant(&mut self.key, self.next, (mode, purpose), now);
            self.model.holders.push(Held {
                id: self.next,
                mode,
                purpose,
                until: None,
            });
        } else if waits {
            enqueue(&mut self.key, self.next, mode, true);
            self.model.waiters.push((self.next, mode));
        }
        Ok(())
    }

    /// Grants whoever is free, as whoever frees a key does.
    fn hand_on(&mut self) -> Result<(), TestCaseError> {
        let free: Vec<u64> = self
            .key
            .unblocked(self.now())
            .map(|waiter| waiter.claim)
            .collect();
        prop_assert_eq!(&free, &self.model.unblocked());
        for ticket in free {
            let waiter = self.key.dequeue(Ticket::new(ticket));
            let mode = waiter.expect("it was in the queue").mode;
            let now = self.now();
            grant(&mut self.key, ticket, (mode, Purpose::Write), now);
            self.model.waiters.retain(|(other, _)| *other != ticket);
            self.model.holders.push(Held {
                id: ticket,
                mode,
                purpose: Purpose::Write,
                until: None,
            });
        }
        prop_assert!(self.key.unblocked(self.now()).next().is_none());
        Ok(())
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let model = &self.model;
        let guarded: Vec<&Held> = model
            .live()
            .filter(|held| held.purpose != Purpose::Observe)
            .collect();
        for (nth, one) in guarded.iter().enumerate() {
            for other in &guarded[nth + 1..] {
                prop_assert!(
                    one.mode.is_compatible_with(other.mode),
                    "{:?} beside {:?}",
                    one,
                    other
                );
            }
        }
        for mode in Mode::ALL {
            let obstacle = self.key.obstacle(ask(mode), self.now());
            prop_assert_eq!(obstacle.is_none(), model.is_free(mode, None), "{:?}", mode);
        }
        let tickets: Vec<u64> = self.key.waiters().map(|waiter| waiter.claim).collect();
        let expected: Vec<u64> = model.waiters.iter().map(|(ticket, _)| *ticket).collect();
        prop_assert_eq!(tickets, expected);
        prop_assert_eq!(self.key.waiting(), model.waiters.len());
        let is_dead = |held: &&Held| held.until.is_some_and(|until| until <= model.now);
        let alive = model.holders.iter().filter(|held| !is_dead(held)).count();
        prop_assert!((alive..=model.holders.len()).contains(&self.key.holders().count()));
        prop_assert!(!self.key.is_empty() || (alive == 0 && model.waiters.is_empty()));
        Ok(())
    }
}

proptest! {
    #[test]
    fn a_key_does_as_its_model_whatever_happens(steps in vec(step(), 1..250)) {
        let mut pair = Pair::default();
        for step in &steps {
            pair.take(step)?;
        }
    }
}

#[test]
fn a_key_that_one_holds_takes_two_words_and_is_free_when_that_leaves() {
    assert_eq!(size_of::<KeyState<u64>>(), 16, "what a hold costs");
    let mut key = held_by(1, Mode::Exclusive);
    let found = |key: &KeyState<u64>| (key.key().cloned(), key.place());
    assert_eq!(found(&key), (Some(Key::new("key")), Some(7)));
    grant(&mut key, 2, (Mode::Shared, Purpose::Observe), at(0));
    assert_eq!(found(&key), (Some(Key::new("key")), Some(7)));
    assert!(key.release(HoldId(1)) && !key.is_empty());
    assert!(key.release(HoldId(2)) && key.is_empty());
    assert_eq!(found(&key), (None, None));
}
