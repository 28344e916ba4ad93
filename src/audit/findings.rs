//! What an audit has found, as it is shown and written: numbers, and no more of the log than the paths of resources.

use serde::Serialize;

use super::tally::{Count, Pairs, Party, Resource, Tally};

/// All that was found. Where a number is a [`Range`], its `certain` part overlapped wherever in the log's resolution the
/// times lie, and its `possible` part is all that may have.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings {
    /// The logs, in the order in which they were read.
    pub logs: Vec<Log>,
    /// Lines that were read.
    pub lines: u64,
    /// Requests among them.
    pub requests: u64,
    /// Lines of connections without a request.
    pub without_request: u64,
    /// Lines that could not be read.
    pub unreadable: u64,
    /// The first of those.
    pub first_unreadable: Vec<Unreadable>,
    /// Requests that may change something.
    pub writes: u64,
    /// Those of them that the configuration puts under no holds.
    pub unguarded: u64,
    /// Requests whose resource keys the log does not tell, though the route refuses those without.
    pub without_key: u64,
    /// Routes whose keys are made of fields or cookies, which no log has: `on_missing_key` says what came of it.
    pub keys_not_in_logs: Vec<String>,
    /// Writes that may have met one that had been forgotten: where it is 0, none was missed for that.
    pub beyond_window: u64,
    /// Pairs of writes on one resource.
    pub overlaps: Overlaps,
    /// What a gateway would have done.
    pub gateway: Gateway,
    /// The routes, those with the most overlaps first.
    pub routes: Vec<Route>,
    /// The resources, those with the most overlaps first.
    pub resources: Vec<Found>,
    /// Whether only resources with many overlaps were kept, since there were too many.
    pub resources_are_incomplete: bool,
}

/// One log.
#[derive(Clone, Debug, Serialize)]
pub struct Log {
    /// Its path.
    pub path: String,
    /// The server that wrote it; none where it is empty.
    pub format: Option<&'static str>,
}

/// A line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Of the log.
    pub path: String,
    /// From 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
    /// Its begin.
    pub text: String,
}

/// How many, certainly and possibly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Range {
    /// Those that overlapped wherever the times lie.
    pub certain: u64,
    /// Those, and the ones that may have.
    pub possible: u64,
}

/// Pairs of writes that overlapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Overlaps {
    /// How many.
    pub pairs: Range,
    /// Milliseconds that the longest lasted, at least and at most.
    pub longest_ms: (f64, f64),
}

/// What a gateway would have done, each write taken in the order of the begins, and a client that is refused to give up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Gateway {
    /// Writes that would have been refused.
    pub refused: Range,
    /// Writes that would have been let through beside another, because one of the two is only observed.
    pub observed: Range,
    /// Writes that would have been refused, were none only observed.
    pub refused_if_all_are_guarded: Range,
}

/// What was found on one route.
#[derive(Clone, Debug, Serialize)]
pub struct Route {
    /// As the configuration has it, or made from the paths.
    pub path: String,
    /// Its writes, by method.
    pub methods: Vec<(String, u64)>,
    /// All of them.
    pub writes: u64,
    /// Those that met another.
    pub overlapped: Range,
    /// The pairs that met.
    pub overlaps: Overlaps,
    /// What a gateway would have done.
    pub gateway: Gateway,
    /// Who met whom.
    pub pairs: Vec<Pair>,
}

/// Writes of one kind that met those of another.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// The method and the route of one.
    pub one: (String, String),
    /// And of the other.
    pub other: (String, String),
    /// How often, and for how long.
    pub overlaps: Overlaps,
}

/// What was found on one resource.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Its key.
    pub key: String,
    /// The methods that met on it.
    pub methods: Vec<String>,
    /// Its writes that met another.
    pub writes: u64,
    /// The pairs that met.
    pub overlaps: Overlaps,
    /// When its busiest write began, in microseconds since the epoch.
    pub busiest_micros: i64,
}

impl Findings {
    /// Sums up; the routes and resources are `top` at most.
    pub(crate) fn of(tally: &Tally, top: usize) -> Self {
        let rows = || tally.parties.iter();
        let mut routes = routes(tally);
        routes.truncate(top);
        let all = tally
            .pairs
            .values()
            .fold(Pairs::default(), |sum, pairs| sum.and(*pairs));
        Self {
            writes: rows().map(|row| row.writes).sum(),
            overlaps: all.into(),
            gateway: rows().map(gateway).fold(Gateway::default(), Gateway::and),
            routes,
            resources: resources(tally, top),
            resources_are_incomplete: tally.has_forgotten,
            ..Self::default()
        }
    }
}

fn routes(tally: &Tally) -> Vec<Route> {
    let count = tally.parties.iter().map(|row| row.route + 1).max();
    let mut routes: Vec<Option<Route>> = vec![None; count.unwrap_or(0)];
    for party in tally.all() {
        let row = tally.row(party);
        let route = routes[row.route].get_or_insert_with(|| Route::new(tally.route(party)));
        let method = tally.method_name(party).to_owned();
        route.methods.push((method, row.writes));
        route.writes += row.writes;
        route.overlapped = route.overlapped.and(row.met.into());
        route.gateway = route.gateway.and(gateway(row));
    }
    let mut sums = vec![Pairs::default(); routes.len()];
    for ((one, other), pairs) in &tally.pairs {
        let (left, right) = (tally.row(*one).route, tally.row(*other).route);
        for (index, is_another) in [(left, true), (right, right != left)] {
            if is_another && let Some(route) = &mut routes[index] {
                sums[index] = sums[index].and(*pairs);
                route.pairs.push(pair(tally, (*one, *other), *pairs));
            }
        }
    }
    for (route, sum) in routes.iter_mut().zip(sums) {
        if let Some(route) = route {
            route.overlaps = sum.into();
            route
                .methods
                .sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(&right.0)));
            route.pairs.sort_by(|left, right| {
                by_overlaps(&left.overlaps, &right.overlaps).then_with(|| left.one.cmp(&right.one))
            });
        }
    }
    let mut routes: Vec<Route> = routes.into_iter().flatten().collect();
    routes.sort_by(|left, right| {
        by_overlaps(&left.overlaps, &right.overlaps)
            .then(right.writes.cmp(&left.writes))
            .then_with(|| left.path.cmp(&right.path))
    });
    routes
}

fn pair(tally: &Tally, (one, other): (Party, Party), pairs: Pairs) -> Pair {
    let named = |party| {
        let method = tally.method_name(party).to_owned();
        (method, tally.route(party).to_owned())
    };
    Pair {
        one: named(one),
        other: named(other),
        overlaps: pairs.into(),
    }
}

fn resources(tally: &Tally, top: usize) -> Vec<Found> {
    let mut all: Vec<(&str, &Resource)> = tally
        .resources
        .iter()
        .map(|(name, resource)| (&**name, resource))
        .collect();
    all.sort_by(|(left_name, left), (right_name, right)| {
        by_overlaps(&left.pairs.into(), &right.pairs.into()).then(left_name.cmp(right_name))
    });
    let found = |(name, resource): (&str, &Resource)| {
        let methods = resource.parties.iter();
        let mut methods: Vec<String> = methods
            .map(|party| tally.method_name(*party).to_owned())
            .collect();
        methods.sort_unstable();
        methods.dedup();
        Found {
            key: name.to_owned(),
            methods,
            writes: resource.writes,
            overlaps: resource.pairs.into(),
            busiest_micros: resource.busiest.1,
        }
    };
    all.into_iter().take(top).map(found).collect()
}

/// The more, the earlier: certain ones before possible ones.
fn by_overlaps(left: &Overlaps, right: &Overlaps) -> std::cmp::Ordering {
    let rank = |overlaps: &Overlaps| (overlaps.pairs.certain, overlaps.pairs.possible);
    rank(right).cmp(&rank(left))
}

fn gateway(row: &super::tally::PartyRow) -> Gateway {
    Gateway {
        refused: row.refused.into(),
        observed: row.observed.into(),
        refused_if_all_are_guarded: row.refused_if_all_are_guarded.into(),
    }
}

impl Route {
    fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            methods: Vec::new(),
            writes: 0,
            overlapped: Range::default(),
            overlaps: Overlaps::default(),
            gateway: Gateway::default(),
            pairs: Vec::new(),
        }
    }
}

impl Range {
    fn and(self, other: Self) -> Self {
        Self {
            certain: self.certain + other.certain,
            possible: self.possible + other.possible,
        }
    }
}

impl Gateway {
    fn and(self, other: Self) -> Self {
        let all = self.refused_if_all_are_guarded;
        Self {
            refused: self.refused.and(other.refused),
            observed: self.observed.and(other.observed),
            refused_if_all_are_guarded: all.and(other.refused_if_all_are_guarded),
        }
    }
}

impl From<Count> for Range {
    fn from(count: Count) -> Self {
        Self {
            certain: count.certain,
            possible: count.possible,
        }
    }
}

impl From<Pairs> for Overlaps {
    fn from(pairs: Pairs) -> Self {
        let (least, most) = pairs.longest;
        Self {
            pairs: pairs.count.into(),
            longest_ms: (least as f64 / 1e3, most as f64 / 1e3),
        }
    }
}
