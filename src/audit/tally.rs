//! What was found, summed up: by who met whom, by route, and by resource.
//!
//! Bounded: routes past [`ROUTE_LIMIT`] are one, and of the resources on which writes met those with the most overlaps are
//! kept, at least half of [`RESOURCE_LIMIT`]. Writes that met nothing are counted by route alone. No name is long (`name`).

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use smallvec::SmallVec;

use super::gate::{VIEWS, Verdict};
use super::name::bounded;
use super::span::Meeting;

/// The most routes that are told apart.
const ROUTE_LIMIT: usize = 10_000;

/// The most resources that are remembered.
const RESOURCE_LIMIT: usize = 50_000;

/// The most methods that are told apart.
const METHOD_LIMIT: usize = 40;

/// What all routes are called that come past the limit.
const OTHERS: &str = "(other routes)";

/// What all methods are called that come past the limit.
const OTHER_METHODS: &str = "(others)";

/// The most parties that are told of one resource: their methods are, and the rest of them are among those.
const PARTY_LIMIT: usize = 64;

/// A method on a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Of the names of both, whenever they were read first.
    order: u64,
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
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            certain: self.certain + other.certain,
            possible: self.possible + other.possible,
        }
    }
}

impl Pairs {
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

impl Resource {
    /// Notes that a write met another, for the first time.
    pub(super) fn met(&mut self, party: Party) {
        self.writes += 1;
        if self.parties.len() < PARTY_LIMIT && !self.parties.contains(&party) {
            self.parties.push(party);
        }
    }

    fn and(&mut self, other: Self) {
        self.pairs = self.pairs.and(other.pairs);
        self.writes += other.writes;
        self.busiest = self.busiest.max(other.busiest);
        for party in other.parties {
            if self.parties.len() < PARTY_LIMIT && !self.parties.contains(&party) {
                self.parties.push(party);
            }
        }
    }
}

impl Tally {
    /// The party of a method on a route, which has written once more.
    pub(crate) fn party(&mut self, route: &str, method: &str) -> Party {
        let party = self.known(&bounded(route), &bounded(method));
        self.parties[party.0 as usize].writes += 1;
        party
    }

    /// Who stands for all that are too many to be told apart.
    pub(super) fn others(&mut self) -> Party {
        self.known(OTHERS, OTHER_METHODS)
    }

    fn known(&mut self, route: &str, method: &str) -> Party {
        let mut hasher = DefaultHasher::new();
        let route = match self.by_route.get(route) {
            Some(route) => *route,
            None => self.new_route(route),
        };
        let method = self.method(method);
        let (routes, methods) = (&self.routes, &self.methods);
        *self
            .by_route_and_method
            .entry((route, method))
            .or_insert_with(|| {
                (&routes[route], &methods[method]).hash(&mut hasher);
                self.parties
                    .push(PartyRow::new(route, method, hasher.finish()));
                // Both factors are bounded, and so is their product.
                Party(u32::try_from(self.parties.len() - 1).unwrap_or(u32::MAX))
            })
    }

    /// The place of a party among others, which is the same whenever it was read first.
    pub(super) fn order(&self, party: Party) -> u64 {
        self.row(party).order
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

    /// Notes that a write met another so, for the first time.
    pub(super) fn met(&mut self, party: Party, meeting: Meeting) {
        let met = &mut self.parties[party.0 as usize].met;
        match meeting {
            Meeting::None => {}
            Meeting::Possible => met.possible += 1,
            Meeting::Certain => met.certain += 1,
        }
    }

    /// Notes that writes of one party met those of another.
    pub(super) fn pair(&mut self, one: Party, other: Party, pairs: Pairs) {
        let known = self.pairs.entry((one.min(other), one.max(other)));
        let known = known.or_default();
        *known = known.and(pairs);
    }

    /// Takes what was found on the resource `name`.
    pub(super) fn add(&mut self, name: &Rc<str>, found: Resource) {
        if found.writes == 0 {
            return;
        }
        if self.resources.len() == RESOURCE_LIMIT && !self.resources.contains_key(name) {
            self.forget_the_least();
        }
        let resource = self.resources.entry(Rc::clone(name)).or_default();
        resource.and(found);
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
                    .push(if is_last { OTHER_METHODS } else { name }.into());
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
    fn new(route: usize, method: usize, order: u64) -> Self {
        Self {
            route,
            method,
            order,
            writes: 0,
            met: Count::default(),
            refused: Count::default(),
            observed: Count::default(),
            refused_if_all_are_guarded: Count::default(),
        }
    }
}
