//! What was found, summed up: by who met whom, by route, and by resource.
//!
//! Bounded: routes past [`ROUTE_LIMIT`] are one, and of the resources on which writes met those with the most overlaps are
//! kept, at least half of [`RESOURCE_LIMIT`]. Writes that met nothing are counted by route alone.

use std::collections::HashMap;
use std::rc::Rc;

use smallvec::SmallVec;

use super::gate::{VIEWS, Verdict};
use super::span::Meeting;

/// The most routes that are told apart.
const ROUTE_LIMIT: usize = 10_000;

/// The most resources that are remembered.
const RESOURCE_LIMIT: usize = 50_000;

/// The most methods that are told apart.
const METHOD_LIMIT: usize = 40;

/// What all routes are called that come past the limit.
const OTHERS: &str = "(other routes)";

/// A method on a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Party(u32);

/// How many certainly, and how many possibly: those among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) certain: u64,
    pub(crate) possible: u64,
}

/// Pairs of writes that met, and for how long: the most that is certain, and the most that is possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs {
    pub(crate) count: Count,
    pub(crate) longest: (i64, i64),
}

/// What is known of a party.
#[derive(Clone, Debug)]
pub(crate) struct PartyRow {
    pub(crate) route: usize,
    pub(crate) method: usize,
    pub(crate) writes: u64,
    /// Writes that met another.
    pub(crate) met: Count,
    pub(crate) refused: Count,
    pub(crate) observed: Count,
    pub(crate) refused_if_all_are_guarded: Count,
}

/// What is known of a resource on which writes met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resource {
    pub(crate) pairs: Pairs,
    /// Writes that met another.
    pub(crate) writes: u64,
    pub(crate) parties: SmallVec<[Party; 3]>,
    /// The most writes that one met, and when it began.
    pub(crate) busiest: (u64, i64),
}

/// What one write met.
pub(super) struct Met {
    party: Party,
    others: SmallVec<[(Party, Pairs); 4]>,
    /// Writes that had not met any before.
    pub(super) newly: u64,
}

/// The sums.
#[derive(Default)]
pub(crate) struct Tally {
    routes: Vec<Box<str>>,
    by_route: HashMap<Box<str>, usize>,
    methods: Vec<Box<str>>,
    by_route_and_method: HashMap<(usize, usize), Party>,
    pub(crate) parties: Vec<PartyRow>,
    pub(crate) pairs: HashMap<(Party, Party), Pairs>,
    pub(crate) resources: HashMap<Rc<str>, Resource>,
    /// Whether resources with few overlaps have been forgotten.
    pub(crate) has_forgotten: bool,
}

impl Count {
    fn add(&mut self, meeting: Meeting) {
        self.certain += u64::from(meeting == Meeting::Certain);
        self.possible += u64::from(meeting > Meeting::None);
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            certain: self.certain + other.certain,
            possible: self.possible + other.possible,
        }
    }
}

impl Pairs {
    fn add(&mut self, meeting: Meeting, (least, most): (i64, i64)) {
        self.count.add(meeting);
        let longest = (least, most);
        self.longest = (self.longest.0.max(longest.0), self.longest.1.max(longest.1));
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            count: self.count.and(other.count),
            longest: (
                self.longest.0.max(other.longest.0),
                self.longest.1.max(other.longest.1),
            ),
        }
    }
}

impl Met {
    pub(super) fn new(party: Party) -> Self {
        Self {
            party,
            others: SmallVec::new(),
            newly: 0,
        }
    }

    pub(super) fn add(&mut self, meeting: Meeting, other: Party, shared: (i64, i64)) {
        let known = self.others.iter_mut().find(|(party, _)| *party == other);
        if let Some((_, pairs)) = known {
            pairs.add(meeting, shared);
            return;
        }
        let mut pairs = Pairs::default();
        pairs.add(meeting, shared);
        self.others.push((other, pairs));
    }
}

impl Tally {
    /// The party of a method on a route, which has written once more.
    pub(crate) fn party(&mut self, route: &str, method: &str) -> Party {
        let route = match self.by_route.get(route) {
            Some(route) => *route,
            None => self.new_route(route),
        };
        let method = self.method(method);
        let party = *self
            .by_route_and_method
            .entry((route, method))
            .or_insert_with(|| {
                self.parties.push(PartyRow::new(route, method));
                // Both factors are bounded, and so is their product.
                Party(u32::try_from(self.parties.len() - 1).unwrap_or(u32::MAX))
            });
        self.parties[party.0 as usize].writes += 1;
        party
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = Party> {
        (0..).map(Party).take(self.parties.len())
    }

    pub(crate) fn row(&self, party: Party) -> &PartyRow {
        &self.parties[party.0 as usize]
    }

    pub(crate) fn route(&self, party: Party) -> &str {
        &self.routes[self.row(party).route]
    }

    pub(crate) fn method_name(&self, party: Party) -> &str {
        &self.methods[self.row(party).method]
    }

    /// Notes that a write met another, and so how it has met any; 1 if it had met none before.
    pub(super) fn met(&mut self, so_far: &mut Meeting, meeting: Meeting, party: Party) -> u64 {
        let before = *so_far;
        if meeting <= before {
            return 0;
        }
        *so_far = meeting;
        let met = &mut self.parties[party.0 as usize].met;
        met.possible += u64::from(before == Meeting::None);
        met.certain += u64::from(meeting == Meeting::Certain);
        u64::from(before == Meeting::None)
    }

    /// Takes what a write that began at `start` met on the resource `name`.
    pub(super) fn add(&mut self, name: &Rc<str>, met: &Met, start: i64) {
        if self.resources.len() == RESOURCE_LIMIT && !self.resources.contains_key(name) {
            self.forget_the_least();
        }
        let resource = self.resources.entry(Rc::clone(name)).or_default();
        resource.writes += met.newly;
        let mut others = 0;
        for (other, pairs) in &met.others {
            resource.pairs = resource.pairs.and(*pairs);
            for party in [met.party, *other] {
                if !resource.parties.contains(&party) {
                    resource.parties.push(party);
                }
            }
            others += pairs.count.possible;
            let both = (met.party.min(*other), met.party.max(*other));
            let known = self.pairs.entry(both).or_default();
            *known = known.and(*pairs);
        }
        resource.busiest = resource.busiest.max((others, start));
    }

    pub(super) fn judged(&mut self, party: Party, view: usize, verdict: Verdict) {
        let row = &mut self.parties[party.0 as usize];
        let is_let_through = verdict.observed && !verdict.refused;
        for (count, is_so) in [
            (&mut row.refused, verdict.refused),
            (&mut row.observed, is_let_through),
            (
                &mut row.refused_if_all_are_guarded,
                verdict.refused_if_all_are_guarded,
            ),
        ] {
            match VIEWS[view] {
                Meeting::Certain => count.certain += u64::from(is_so),
                Meeting::None | Meeting::Possible => count.possible += u64::from(is_so),
            }
        }
    }

    fn new_route(&mut self, route: &str) -> usize {
        let name = if self.routes.len() < ROUTE_LIMIT {
            route
        } else {
            OTHERS
        };
        if let Some(known) = self.by_route.get(name) {
            return *known;
        }
        self.routes.push(name.into());
        self.by_route.insert(name.into(), self.routes.len() - 1);
        self.routes.len() - 1
    }

    fn method(&mut self, name: &str) -> usize {
        let known = self.methods.iter().position(|known| &**known == name);
        match known {
            Some(method) => method,
            None if self.methods.len() == METHOD_LIMIT => METHOD_LIMIT - 1,
            None => {
                let is_last = self.methods.len() == METHOD_LIMIT - 1;
                self.methods
                    .push(if is_last { "(others)" } else { name }.into());
                self.methods.len() - 1
            }
        }
    }

    fn forget_the_least(&mut self) {
        self.has_forgotten = true;
        let overlaps = |resource: &Resource| resource.pairs.count.possible;
        let mut counts: Vec<u64> = self.resources.values().map(overlaps).collect();
        let (_, median, _) = counts.select_nth_unstable(RESOURCE_LIMIT / 2);
        let median = *median;
        let mut room = RESOURCE_LIMIT / 2;
        self.resources.retain(|_, resource| {
            let is_kept = overlaps(resource) > median || (overlaps(resource) == median && room > 0);
            room -= usize::from(is_kept).min(room);
            is_kept
        });
    }
}

impl PartyRow {
    fn new(route: usize, method: usize) -> Self {
        Self {
            route,
            method,
            writes: 0,
            met: Count::default(),
            refused: Count::default(),
            observed: Count::default(),
            refused_if_all_are_guarded: Count::default(),
        }
    }
}
