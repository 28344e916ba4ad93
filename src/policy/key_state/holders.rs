//! Who holds one key. A few stand in a row; a crowd, as on a key above many, is kept by name and by mode, so that what it
//! costs to find a conflict, to enter and to leave hardly grows with it.

use std::collections::hash_map;
use std::collections::{BTreeSet, HashMap};

use smallvec::SmallVec;
use triomphe::Arc;

use super::{Ask, HoldId, Holder, Moment, Phase, Writer};
use crate::policy::family::Family;
use crate::policy::mode::{Mode, Modes};
use crate::policy::plan::Purpose;

/// The most that stand in a row.
const FEW: usize = 8;

/// One of them, in what holds the key.
#[derive(Debug)]
pub(super) struct Entry<M> {
    writer: Arc<Writer<M>>,
    mode: Mode,
    phase: Phase,
}

impl<M> Entry<M> {
    const fn holder(&self) -> Holder<'_, M> {
        Holder {
            writer: &self.writer,
            mode: self.mode,
            phase: self.phase,
        }
    }
}

impl<M> From<Holder<'_, M>> for Entry<M> {
    fn from(holder: Holder<'_, M>) -> Self {
        Self {
            writer: Arc::clone(holder.writer),
            mode: holder.mode,
            phase: holder.phase,
        }
    }
}

/// The holders of one key.
#[derive(Debug)]
pub(super) enum Holders<M> {
    Few(SmallVec<[Entry<M>; 1]>),
    Many(Box<Crowd<M>>),
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
    pub(super) fn of<M>(writer: &Writer<M>) -> Self {
        match writer.purpose {
            Purpose::Observe => Self::Observed,
            Purpose::Read | Purpose::Write => Self::Guarded,
        }
    }
}

/// Many holders.
#[derive(Debug)]
pub(super) struct Crowd<M> {
    by_id: HashMap<HoldId, Entry<M>>,
    families: HashMap<Family, SmallVec<[HoldId; 1]>>,
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

impl<M> Default for Crowd<M> {
    fn default() -> Self {
        Self {
            by_id: HashMap::new(),
            families: HashMap::new(),
            guarded: Default::default(),
            observed: Default::default(),
        }
    }
}

impl<M> Default for Holders<M> {
    fn default() -> Self {
        Self::Few(SmallVec::new())
    }
}

impl<M> Holders<M> {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_empty(),
            Self::Many(crowd) => crowd.by_id.is_empty(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Holder<'_, M>> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few.iter()), None),
            Self::Many(crowd) => (None, Some(crowd.by_id.values())),
        };
        let all = few.into_iter().flatten().chain(many.into_iter().flatten());
        all.map(Entry::holder)
    }

    /// One that is live, of another family, and not compatible with what is asked for.
    pub(super) fn conflicting(
        &self,
        ask: Ask,
        beside: Beside,
        now: Moment,
    ) -> Option<Holder<'_, M>> {
        let modes = ask.mode.conflicts();
        match self {
            Self::Few(few) => {
                let mut few = few.iter().map(Entry::holder);
                few.find(|holder| holder.conflicts(ask, beside, now))
            }
            Self::Many(crowd) => {
                let mut conflicting = Mode::ALL.into_iter().filter(|mode| modes.contains(*mode));
                conflicting.find_map(|mode| crowd.live(mode, beside, Some(ask.family), now))
            }
        }
    }

    /// How this family has it, if it does.
    pub(super) fn mode_of(&self, family: Family, now: Moment) -> Option<Mode> {
        match self {
            Self::Few(few) => {
                let few = few.iter().map(Entry::holder);
                strongest(few.filter(|holder| holder.is_of(family, now)))
            }
            Self::Many(crowd) => strongest(crowd.of(family, now)),
        }
    }

    /// The modes of all that are live and keep others away.
    pub(super) fn modes(&self, now: Moment) -> Modes {
        let of = |modes: &mut dyn Iterator<Item = Mode>| {
            modes.map(Modes::of).fold(Modes::NONE, Modes::and)
        };
        match self {
            Self::Few(few) => {
                let live = few.iter().map(Entry::holder).filter(|holder| {
                    Beside::of(holder.writer) == Beside::Guarded && holder.is_live(now)
                });
                of(&mut live.map(|holder| holder.mode))
            }
            Self::Many(crowd) => {
                let is_there =
                    |mode: &Mode| crowd.live(*mode, Beside::Guarded, None, now).is_some();
                of(&mut Mode::ALL.into_iter().filter(is_there))
            }
        }
    }

    /// Drops those whose time is over, where that takes no search.
    pub(super) fn drop_dead(&mut self, now: Moment) {
        match self {
            Self::Few(few) => few.retain(|entry| entry.holder().is_live(now)),
            Self::Many(_) => {}
        }
    }

    pub(super) fn insert(&mut self, holder: Holder<'_, M>) {
        let entry = Entry::from(holder);
        match self {
            Self::Few(few) if few.len() < FEW => few.push(entry),
            Self::Few(few) => {
                let mut crowd = Box::<Crowd<M>>::default();
                few.drain(..).for_each(|entry| crowd.insert(entry));
                crowd.insert(entry);
                *self = Self::Many(crowd);
            }
            Self::Many(crowd) => crowd.insert(entry),
        }
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, id: HoldId) -> bool {
        match self {
            Self::Few(few) => {
                let before = few.len();
                few.retain(|entry| entry.writer.id != id);
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
                let found = few.iter_mut().find(|entry| entry.writer.id == id);
                if let Some(entry) = found.filter(|entry| entry.phase == Phase::InFlight) {
                    entry.phase = unknown;
                }
            }
            Self::Many(crowd) => {
                if let Some(entry) = crowd.remove(id) {
                    let phase = match entry.phase {
                        Phase::InFlight => unknown,
                        stands @ Phase::OutcomeUnknown { .. } => stands,
                    };
                    crowd.insert(Entry { phase, ..entry });
                }
            }
        }
    }
}

fn strongest<'a, M: 'a>(holders: impl Iterator<Item = Holder<'a, M>>) -> Option<Mode> {
    holders.map(|holder| holder.mode).reduce(Mode::join)
}

impl<M> Crowd<M> {
    fn insert(&mut self, entry: Entry<M>) {
        let id = entry.writer.id;
        let rank = self.rank(&entry);
        match entry.phase {
            Phase::InFlight => rank.in_flight.insert(id),
            Phase::OutcomeUnknown { until } => rank.unknown.insert((until, id)),
        };
        self.families
            .entry(entry.writer.family)
            .or_default()
            .push(id);
        self.by_id.insert(id, entry);
    }

    fn remove(&mut self, id: HoldId) -> Option<Entry<M>> {
        let entry = self.by_id.remove(&id)?;
        if let hash_map::Entry::Occupied(mut family) = self.families.entry(entry.writer.family) {
            family.get_mut().retain(|member| *member != id);
            if family.get().is_empty() {
                family.remove();
            }
        }
        let rank = self.rank(&entry);
        match entry.phase {
            Phase::InFlight => rank.in_flight.remove(&id),
            Phase::OutcomeUnknown { until } => rank.unknown.remove(&(until, id)),
        };
        Some(entry)
    }

    /// One that is live in this mode, and not of this family.
    fn live(
        &self,
        mode: Mode,
        beside: Beside,
        except: Option<Family>,
        now: Moment,
    ) -> Option<Holder<'_, M>> {
        let ranks = match beside {
            Beside::Guarded => &self.guarded,
            Beside::Observed => &self.observed,
        };
        let rank = &ranks[mode as usize];
        let in_flight = rank.in_flight.iter();
        let unknown = rank.unknown.iter().rev();
        let unknown = unknown
            .take_while(|(until, _)| now < *until)
            .map(|(_, id)| id);
        let live = in_flight.chain(unknown).filter_map(|id| self.by_id.get(id));
        // As many are passed over as the family has.
        let mut live = live.map(Entry::holder);
        live.find(|holder| except.is_none_or(|family| holder.writer.family != family))
    }

    fn of(&self, family: Family, now: Moment) -> impl Iterator<Item = Holder<'_, M>> {
        let ids = self.families.get(&family).into_iter().flatten();
        let entries = ids.filter_map(|id| self.by_id.get(id));
        let holders = entries.map(Entry::holder);
        holders.filter(move |holder| holder.is_of(family, now))
    }

    fn rank(&mut self, entry: &Entry<M>) -> &mut Rank {
        let ranks = match Beside::of(&entry.writer) {
            Beside::Guarded => &mut self.guarded,
            Beside::Observed => &mut self.observed,
        };
        &mut ranks[entry.mode as usize]
    }
}
