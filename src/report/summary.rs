//! Sums up a log of writegate. Memory is bounded: routes and pairs of routes past [`LIMIT`] are left out, and counted.

use std::collections::HashMap;

use serde::Serialize;

use super::event::{Event, Read};
use crate::audit::findings::{Findings, Route};
use crate::audit::sweep::{Sweep, Write};
use crate::audit::tally::Tally;
use crate::policy::generalise::generalise;
use crate::policy::path::{Distinguish, canonical};
use crate::policy::remedy::Advice;

/// The most different pairs and remedies that are kept.
const LIMIT: usize = 10_000;

/// How many writes are remembered to find for how long they overlapped.
const WINDOW: usize = 1 << 18;

/// A method and a route.
type Party = (String, String);

/// What a log is summed up to as it is read.
pub(super) struct Summary {
    lines: u64,
    unreadable: u64,
    requests: u64,
    refused: u64,
    overlaps: u64,
    sweep: Sweep,
    pairs: HashMap<(Party, Party), u64>,
    remedies: HashMap<Advice, Needed>,
    left_out: u64,
    route: String,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) lines: u64,
    /// Lines that are no JSON.
    pub(super) unreadable: u64,
    pub(super) requests: u64,
    /// Writes that were forwarded, with resource keys.
    pub(super) writes: u64,
    /// Writes that were refused for a conflict.
    pub(super) refused: u64,
    /// Writes that were let through beside another, by their overlap lines.
    pub(super) overlaps: u64,
    pub(super) routes: Vec<Row>,
    pub(super) pairs: Vec<Pair>,
    pub(super) would_refuse: Vec<Proposal>,
    /// Overlaps that are in `overlaps` and in nothing below it.
    pub(super) left_out: u64,
    /// Writes that began before the window that is remembered.
    pub(super) beyond_window: u64,
}

/// One route.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) path: String,
    pub(super) methods: Vec<(String, u64)>,
    pub(super) writes: u64,
    /// Writes that came to it and were let through beside another.
    pub(super) overlaps: u64,
    /// For how long two were at work, at most.
    pub(super) longest_ms: f64,
}

/// The write that came, and the one that was at work.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Pair {
    pub(super) came: Party,
    pub(super) at_work: Party,
    pub(super) overlaps: u64,
}

/// What would refuse overlaps, and how many it would.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Proposal {
    pub(super) toml: String,
    pub(super) overlaps: u64,
    /// Those of them for which another proposal is needed, too.
    pub(super) together: u64,
}

/// How many overlaps need a remedy, and how many of them another, too.
#[derive(Clone, Copy, Default)]
struct Needed {
    overlaps: u64,
    together: u64,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            lines: 0,
            unreadable: 0,
            requests: 0,
            refused: 0,
            overlaps: 0,
            sweep: Sweep::new(WINDOW, Tally::default()),
            pairs: HashMap::new(),
            remedies: HashMap::new(),
            left_out: 0,
            route: String::new(),
        }
    }
}

impl Summary {
    pub(super) fn has_no_events(&self) -> bool {
        self.requests == 0 && self.overlaps == 0
    }

    pub(super) fn add(&mut self, read: &Read<'_>) {
        self.lines += 1;
        match read {
            Read::Access(event) => self.access(event),
            Read::Overlap(event) => self.overlap(event),
            Read::Other => {}
            Read::Unreadable => self.unreadable += 1,
        }
    }

    pub(super) fn finish(self, top: usize) -> Report {
        let (tally, beyond_window) = self.sweep.finish();
        let found = Findings::of(&tally, usize::MAX);
        let mut came: HashMap<&str, u64> = HashMap::new();
        for (((_, route), _), count) in &self.pairs {
            *came.entry(route).or_default() += count;
        }
        let row = |route: &Route| Row {
            path: route.path.clone(),
            methods: route.methods.clone(),
            writes: route.writes,
            overlaps: came.get(&*route.path).copied().unwrap_or(0),
            longest_ms: route.overlaps.longest_ms.0,
        };
        let mut routes: Vec<Row> = found.routes.iter().map(row).collect();
        // As they were: by their overlaps in time, then by their writes.
        routes.sort_by_key(|route| std::cmp::Reverse(route.overlaps));
        routes.truncate(top);
        let pairs = self
            .pairs
            .into_iter()
            .map(|((came, at_work), overlaps)| Pair {
                came,
                at_work,
                overlaps,
            });
        let mut pairs: Vec<Pair> = pairs.collect();
        pairs.sort_by(|left, right| {
            let by_name = || (&left.came, &left.at_work).cmp(&(&right.came, &right.at_work));
            right.overlaps.cmp(&left.overlaps).then_with(by_name)
        });
        pairs.truncate(top);
        Report {
            lines: self.lines,
            unreadable: self.unreadable,
            requests: self.requests,
            writes: found.writes,
            refused: self.refused,
            overlaps: self.overlaps,
            routes,
            pairs,
            would_refuse: proposals(self.remedies),
            left_out: self.left_out,
            beyond_window,
        }
    }

    fn access(&mut self, event: &Event<'_>) {
        self.requests += 1;
        match &*event.outcome {
            "guarded" | "observed" | "overlapped" => {}
            "write-in-flight" | "read-in-flight" | "write-waiting" | "wait-timeout"
            | "queue-full" | "outcome-unknown" => {
                self.refused += 1;
                return;
            }
            _ => return,
        }
        let Some(span) = event.span() else {
            return;
        };
        let path = canonical(&event.path, Distinguish::default());
        let route = named(&event.route, &path, &mut self.route);
        let write = Write {
            span,
            party: self.sweep.tally.party(route, &event.method),
            is_observed: event.outcome != "guarded",
        };
        let keys = event.keys.split(' ').filter(|key| !key.is_empty());
        self.sweep.add(keys, write);
    }

    fn overlap(&mut self, event: &Event<'_>) {
        self.overlaps += 1;
        let mut party = |method: &str, route: &str| {
            let route = named(route, &event.key, &mut self.route);
            (method.to_owned(), route.to_owned())
        };
        let came = party(&event.method, &event.route);
        let pair = (came, party(&event.other_method, &event.other_route));
        let has_room = self.pairs.len() < LIMIT || self.pairs.contains_key(&pair);
        if !has_room || self.remedies.len() >= LIMIT {
            self.left_out += 1;
            return;
        }
        *self.pairs.entry(pair).or_default() += 1;
        let remedies = Advice::parse(&event.would_refuse);
        let is_together = remedies.len() > 1;
        for remedy in remedies {
            let needed = self.remedies.entry(remedy).or_default();
            needed.overlaps += 1;
            needed.together += u64::from(is_together);
        }
    }
}

/// Those that refuse the most come first.
fn proposals(mut remedies: HashMap<Advice, Needed>) -> Vec<Proposal> {
    let included: Vec<Advice> = remedies.keys().cloned().collect();
    for remedy in included {
        let including = remedy.including();
        if let Some(more) = including.filter(|more| remedies.contains_key(more))
            && let Some(less) = remedies.remove(&remedy)
        {
            let needed = remedies.entry(more).or_default();
            needed.overlaps += less.overlaps;
            needed.together += less.together;
        }
    }
    let mut remedies: Vec<(Advice, Needed)> = remedies.into_iter().collect();
    remedies.sort_by(|(left, many), (right, few)| {
        few.overlaps
            .cmp(&many.overlaps)
            .then_with(|| left.cmp(right))
    });
    let proposal = |(remedy, needed): (Advice, Needed)| Proposal {
        toml: remedy.toml(),
        overlaps: needed.overlaps,
        together: needed.together,
    };
    remedies.into_iter().map(proposal).collect()
}

/// Where no route spoke, the one that a path would be of; as `[guard]`'s keys are paths unless it is told otherwise, the
/// key of an overlap is the path.
fn named<'a>(route: &'a str, path: &str, room: &'a mut String) -> &'a str {
    if route != "[guard]" || !path.starts_with('/') {
        return route;
    }
    generalise(path, room);
    room
}
