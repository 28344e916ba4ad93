//! The state of one resource key: who holds it, and what a claim on it meets.
//!
//! Pure: every entry point that depends on time takes `now`.
//!
//! Invariants:
//! - At no `now` do two incompatible holders live on one key.
//! - A holder leaves by its own [`HoldId`] or by its own deadline, never by another's.
//! - A holder whose outcome is unknown is live until its deadline, and not at it.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};
use smallvec::SmallVec;

use super::key::Mode;
use super::{Remedy, RouteId};

/// A point on the gateway's own monotonic clock: the time since the clock started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// The moment `elapsed` after the clock started.
    pub const fn new(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// How long ago `earlier` was; zero where it was not.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment, `delay` later; the end of time where that overflows.
    pub const fn after(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(delay))
    }
}

/// Names one hold among all that this process ever grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(u64);

impl HoldId {
    const WORKER_SHIFT: u32 = 48;

    /// The hold number `count` of a worker.
    pub const fn new(worker: u16, count: u64) -> Self {
        Self((worker as u64) << Self::WORKER_SHIFT | count & ((1 << Self::WORKER_SHIFT) - 1))
    }

    /// The worker that runs its exchange.
    pub const fn worker(self) -> u16 {
        (self.0 >> Self::WORKER_SHIFT) as u16
    }
}

/// The write behind a hold, as the operator knows it.
#[derive(Debug)]
pub struct Writer {
    /// The request's identifier. Shown to the operator, never to another client.
    pub request_id: HeaderValue,
    /// The effective method.
    pub method: Method,
    /// The route that derived the keys.
    pub route: RouteId,
    /// What would have its overlaps refused; none where they are.
    pub remedy: Option<Remedy>,
    /// When the hold was granted.
    pub since: Moment,
    /// How long holds of this route typically last, as far as its worker knew by then.
    pub typical: Option<Duration>,
}

/// What is known of a holder's write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// An exchange owns it.
    InFlight,
    /// Bytes were sent, no whole response came, and nobody will learn more.
    OutcomeUnknown {
        /// When the key is given up.
        until: Moment,
    },
}

/// One hold's entry on one key.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Who may release it.
    pub id: HoldId,
    /// How it holds the key.
    pub mode: Mode,
    /// The write behind it.
    pub writer: Arc<Writer>,
    /// What is known of it.
    pub phase: Phase,
}

impl Holder {
    fn is_live(&self, now: Moment) -> bool {
        match self.phase {
            Phase::InFlight => true,
            Phase::OutcomeUnknown { until } => now < until,
        }
    }
}

/// What a claim meets on one key.
#[derive(Debug)]
pub enum Meeting<'a> {
    /// Nothing.
    Nothing,
    /// A holder that it may run beside, since one of the two is only observed.
    Overlap(&'a Holder),
    /// A holder that it may not run beside.
    Conflict(&'a Holder),
}

/// All that is known of one key. An empty one is not kept.
#[derive(Debug, Default)]
pub struct KeyState {
    holders: SmallVec<[Holder; 1]>,
}

impl KeyState {
    /// What a claim in `mode` meets at `now`. A conflict is told before an overlap.
    pub fn meeting(&self, mode: Mode, now: Moment) -> Meeting<'_> {
        let mut met = Meeting::Nothing;
        for holder in self.holders.iter().filter(|holder| holder.is_live(now)) {
            if !are_compatible(mode, holder.mode) {
                return Meeting::Conflict(holder);
            }
            met = Meeting::Overlap(holder);
        }
        met
    }

    /// Enters `holder`, and drops those whose time is over at `now`.
    /// The caller has asked [`Self::meeting`] for it in the same critical section.
    pub fn grant(&mut self, holder: Holder, now: Moment) {
        self.holders.retain(|other| other.is_live(now));
        self.holders.push(holder);
    }

    /// Takes `id` off the key. False if it is not, or no longer, there.
    pub fn release(&mut self, id: HoldId) -> bool {
        let before = self.holders.len();
        self.holders.retain(|holder| holder.id != id);
        self.holders.len() < before
    }

    /// Records that nobody will learn the outcome of `id`, which keeps the key until `until`.
    /// Once only: a deadline that stands is not moved, so that none comes to life again.
    pub fn give_up(&mut self, id: HoldId, until: Moment) {
        if let Some(holder) = self.holders.iter_mut().find(|holder| holder.id == id)
            && holder.phase == Phase::InFlight
        {
            holder.phase = Phase::OutcomeUnknown { until };
        }
    }

    /// Whether nothing needs to be remembered of this key.
    pub fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }

    /// Everyone on the key, in the order in which they were granted.
    pub fn holders(&self) -> &[Holder] {
        &self.holders
    }
}

/// Whether a write in one mode may run beside a write in the other.
fn are_compatible(one: Mode, other: Mode) -> bool {
    match (one, other) {
        (Mode::Exclusive, Mode::Exclusive) => false,
        (Mode::Observed, _) | (_, Mode::Observed) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> Moment {
        Moment::new(Duration::from_millis(millis))
    }

    fn holder(id: u64, mode: Mode, since: Moment) -> Holder {
        let writer = Arc::new(Writer {
            request_id: HeaderValue::from_static("r"),
            method: Method::PUT,
            route: RouteId::GUARD,
            remedy: None,
            since,
            typical: None,
        });
        Holder {
            id: HoldId(id),
            mode,
            writer,
            phase: Phase::InFlight,
        }
    }

    #[test]
    fn an_exclusive_claim_conflicts_with_an_exclusive_holder() {
        let mut key = KeyState::default();
        key.grant(holder(1, Mode::Exclusive, at(0)), at(0));
        assert!(
            matches!(key.meeting(Mode::Exclusive, at(1)), Meeting::Conflict(h) if h.id == HoldId(1))
        );
    }

    #[test]
    fn an_observed_write_overlaps_and_never_conflicts() {
        let mut key = KeyState::default();
        key.grant(holder(1, Mode::Observed, at(0)), at(0));
        assert!(matches!(
            key.meeting(Mode::Exclusive, at(1)),
            Meeting::Overlap(_)
        ));
        key.grant(holder(2, Mode::Exclusive, at(1)), at(1));
        assert!(matches!(
            key.meeting(Mode::Observed, at(2)),
            Meeting::Overlap(_)
        ));
        assert!(
            matches!(key.meeting(Mode::Exclusive, at(2)), Meeting::Conflict(h) if h.id == HoldId(2))
        );
    }

    #[test]
    fn an_unknown_outcome_is_held_until_its_deadline_and_not_at_it() {
        let mut key = KeyState::default();
        key.grant(holder(1, Mode::Exclusive, at(0)), at(0));
        key.give_up(HoldId(1), at(100));
        assert!(matches!(
            key.meeting(Mode::Exclusive, at(99)),
            Meeting::Conflict(_)
        ));
        assert!(matches!(
            key.meeting(Mode::Exclusive, at(100)),
            Meeting::Nothing
        ));
    }

    #[test]
    fn a_release_by_another_owner_changes_nothing() {
        let mut key = KeyState::default();
        key.grant(holder(1, Mode::Exclusive, at(0)), at(0));
        key.give_up(HoldId(1), at(10));
        key.grant(holder(2, Mode::Exclusive, at(20)), at(20));
        assert!(!key.release(HoldId(1)));
        key.give_up(HoldId(1), at(5));
        assert!(
            matches!(key.meeting(Mode::Exclusive, at(30)), Meeting::Conflict(h) if h.id == HoldId(2))
        );
    }

    #[derive(Clone, Debug)]
    enum Step {
        Claim(Mode),
        Release(u64),
        GiveUp(u64, u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            prop_oneof![Just(Mode::Exclusive), Just(Mode::Observed)].prop_map(Step::Claim),
            (0..40u64).prop_map(Step::Release),
            (0..40u64, 0..30u64).prop_map(|(id, delay)| Step::GiveUp(id, delay)),
        ]
    }

    proptest! {
        /// The model keeps every holder it was ever told of in a plain list.
        #[test]
        fn at_most_one_exclusive_holder_lives_whatever_happens(steps in proptest::collection::vec(step(), 1..60)) {
            let mut key = KeyState::default();
            let mut model: Vec<(u64, Mode, Option<u64>)> = Vec::new();
            for (now, step) in steps.into_iter().enumerate() {
                let now = now as u64;
                let live = |model: &[(u64, Mode, Option<u64>)]| {
                    model.iter().filter(|(_, _, until)| until.is_none_or(|until| now < until)).cloned().collect::<Vec<_>>()
                };
                match step {
                    Step::Claim(mode) => {
                        let meets = live(&model).iter().any(|(_, other, _)| mode == Mode::Exclusive && *other == Mode::Exclusive);
                        let conflict = matches!(key.meeting(mode, at(now)), Meeting::Conflict(_));
                        prop_assert_eq!(conflict, meets);
                        if !conflict {
                            key.grant(holder(now, mode, at(now)), at(now));
                            model.push((now, mode, None));
                        }
                    }
                    Step::Release(id) => {
                        key.release(HoldId(id));
                        model.retain(|(other, _, _)| *other != id);
                    }
                    Step::GiveUp(id, delay) => {
                        key.give_up(HoldId(id), at(now + delay));
                        for entry in model.iter_mut().filter(|(other, _, until)| *other == id && until.is_none()) {
                            entry.2 = Some(now + delay);
                        }
                    }
                }
                let exclusive = live(&model).iter().filter(|(_, mode, _)| *mode == Mode::Exclusive).count();
                prop_assert!(exclusive <= 1);
            }
        }
    }
}
