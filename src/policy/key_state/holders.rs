//! Who holds one key. A few stand in a row; a crowd, as on a key above many, is kept by name and by mode, so that what it
//! costs to find a conflict, to enter and to leave hardly grows with it.

use std::collections::{BTreeSet, HashMap};

use smallvec::SmallVec;

use super::{HoldId, Holder, Moment, Phase};
use crate::policy::mode::{Mode, Modes};
use crate::policy::plan::Purpose;

/// The most that stand in a row.
const FEW: usize = 8;

/// The holders of one key.
#[derive(Debug)]
pub(super) enum Holders {
    Few(SmallVec<[Holder; 1]>),
    Many(Box<Crowd>),
}

/// Which of the holders are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// Those that keep others away.
    Guarded,
    /// Those that are only observed.
    Observed,
}

impl Beside {
    fn of(holder: &Holder) -> Self {
        match holder.writer.purpose {
            Purpose::Observe => Self::Observed,
            Purpose::Read | Purpose::Write => Self::Guarded,
        }
    }
}

/// Many holders.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    by_id: HashMap<HoldId, Holder>,
    guarded: [Rank; Mode::ALL.len()],
    observed: [Rank; Mode::ALL.len()],
}

/// The names of those in one mode.
#[derive(Debug, Default)]
struct Rank {
    in_flight: BTreeSet<HoldId>,
    /// Of unknown outcome, the one that keeps the key longest last.
    unknown: BTreeSet<(Moment, HoldId)>,
}

impl Default for Holders {
    fn default() -> Self {
        Self::Few(SmallVec::new())
    }
}

impl Holders {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_empty(),
            Self::Many(crowd) => crowd.by_id.is_empty(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Holder> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few.iter()), None),
            Self::Many(crowd) => (None, Some(crowd.by_id.values())),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten())
    }

    /// One that is live in one of these modes.
    pub(super) fn conflicting(&self, modes: Modes, beside: Beside, now: Moment) -> Option<&Holder> {
        match self {
            Self::Few(few) => few.iter().find(|holder| {
                modes.contains(holder.mode) && Beside::of(holder) == beside && holder.is_live(now)
            }),
            Self::Many(crowd) => {
                let mut conflicting = Mode::ALL.into_iter().filter(|mode| modes.contains(*mode));
                conflicting.find_map(|mode| crowd.live(mode, beside, now))
            }
        }
    }

    /// The modes of all that are live and keep others away.
    pub(super) fn modes(&self, now: Moment) -> Modes {
        let live = Mode::ALL.into_iter().map(Modes::of).filter(|mode| {
            let live = self.conflicting(*mode, Beside::Guarded, now);
            live.is_some()
        });
        live.fold(Modes::NONE, Modes::and)
    }

    /// Drops those whose time is over, where that takes no search.
    pub(super) fn drop_dead(&mut self, now: Moment) {
        match self {
            Self::Few(few) => few.retain(|holder| holder.is_live(now)),
            Self::Many(_) => {}
        }
    }

    pub(super) fn insert(&mut self, holder: Holder) {
        match self {
            Self::Few(few) if few.len() < FEW => few.push(holder),
            Self::Few(few) => {
                let mut crowd = Box::<Crowd>::default();
                few.drain(..).for_each(|holder| crowd.insert(holder));
                crowd.insert(holder);
                *self = Self::Many(crowd);
            }
            Self::Many(crowd) => crowd.insert(holder),
        }
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, id: HoldId) -> bool {
        match self {
            Self::Few(few) => {
                let before = few.len();
                few.retain(|holder| holder.id != id);
                few.len() < before
            }
            Self::Many(crowd) => {
                let was_there = crowd.remove(id).is_some();
                if crowd.by_id.is_empty() {
                    *self = Self::default();
                }
                was_there
            }
        }
    }

    /// Has one that is in flight keep the key until `until`.
    pub(super) fn give_up(&mut self, id: HoldId, until: Moment) {
        let unknown = Phase::OutcomeUnknown { until };
        match self {
            Self::Few(few) => {
                let found = few.iter_mut().find(|holder| holder.id == id);
                if let Some(holder) = found.filter(|holder| holder.phase == Phase::InFlight) {
                    holder.phase = unknown;
                }
            }
            Self::Many(crowd) => {
                if let Some(holder) = crowd.remove(id) {
                    let phase = match holder.phase {
                        Phase::InFlight => unknown,
                        stands @ Phase::OutcomeUnknown { .. } => stands,
                    };
                    crowd.insert(Holder { phase, ..holder });
                }
            }
        }
    }
}

impl Crowd {
    fn insert(&mut self, holder: Holder) {
        let (id, phase) = (holder.id, holder.phase);
        let rank = self.rank(&holder);
        match phase {
            Phase::InFlight => rank.in_flight.insert(id),
            Phase::OutcomeUnknown { until } => rank.unknown.insert((until, id)),
        };
        self.by_id.insert(id, holder);
    }

    fn remove(&mut self, id: HoldId) -> Option<Holder> {
        let holder = self.by_id.remove(&id)?;
        let rank = self.rank(&holder);
        match holder.phase {
            Phase::InFlight => rank.in_flight.remove(&id),
            Phase::OutcomeUnknown { until } => rank.unknown.remove(&(until, id)),
        };
        Some(holder)
    }

    fn live(&self, mode: Mode, beside: Beside, now: Moment) -> Option<&Holder> {
        let ranks = match beside {
            Beside::Guarded => &self.guarded,
            Beside::Observed => &self.observed,
        };
        let rank = &ranks[mode as usize];
        let longest = || {
            let last = rank.unknown.last();
            last.filter(|(until, _)| now < *until).map(|(_, id)| *id)
        };
        let id = rank.in_flight.first().copied().or_else(longest)?;
        self.by_id.get(&id)
    }

    fn rank(&mut self, holder: &Holder) -> &mut Rank {
        let ranks = match Beside::of(holder) {
            Beside::Guarded => &mut self.guarded,
            Beside::Observed => &mut self.observed,
        };
        &mut ranks[holder.mode as usize]
    }
}
