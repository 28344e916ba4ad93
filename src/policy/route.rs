//! A route: which requests it speaks for, and what it says about them. `[guard]` is one, that of requests without another.

use std::sync::Arc;
use std::time::Duration;

use super::key::{OnMissingKey, Scope};
use super::method::Methods;
use super::mode::Mode;
use super::path::Distinguish;
use super::pattern::Pattern;
use super::rejection::ConflictStatus;
use super::source::Source;
use super::template::Template;

/// Which route of a [`Policy`](super::Policy), in the order of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(u32);

impl RouteId {
    /// `[guard]`: no route spoke.
    pub const GUARD: Self = Self(0);

    /// Its place in [`Policy::routes`](super::Policy::routes).
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// `None` past four billion routes.
    pub fn at(index: usize) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }
}

/// One route.
#[derive(Clone, Debug)]
pub struct Route {
    /// The path as configured, `[guard]` for [`RouteId::GUARD`]: bounded in number, so fit for a log or a metric.
    pub label: Arc<str>,
    /// How long the upstream can be at work on a write after it was last heard of; zero lets go at once.
    pub max_work: Duration,
    /// The paths that it matches; `[guard]`'s is not asked.
    pub pattern: Pattern,
    /// The canonical host that it matches, `None` for any.
    pub host: Option<Box<str>>,
    /// The methods that it matches.
    pub methods: Methods,
    /// What it tells apart in a path.
    pub distinguish: Distinguish,
    /// What happens to what it matches.
    pub treatment: Treatment,
}

impl Route {
    /// How it claims; none if it guards nothing.
    pub fn claim(&self) -> Option<&Claim> {
        match &self.treatment {
            Treatment::Forward => None,
            Treatment::Guard(claim) => Some(claim),
        }
    }

    /// Whether something depends on which unsafe method a request has.
    pub(super) fn tells_methods_apart(&self) -> bool {
        self.methods != Methods::Unsafe || self.uses(&Source::Method)
    }

    /// Whether something depends on the host.
    pub(super) fn asks_for_host(&self) -> bool {
        self.host.is_some() || self.uses(&Source::Host)
    }

    /// Whether its keys have something of this.
    fn uses(&self, source: &Source) -> bool {
        let mut templates = self.claim().into_iter().flat_map(|claim| &claim.templates);
        templates.any(|template| template.uses(source))
    }
}

/// What a route does with its requests.
#[derive(Clone, Debug)]
pub enum Treatment {
    /// They are forwarded, and nothing is claimed (`guard = false`).
    Forward,
    /// They are put under holds.
    Guard(Claim),
}

/// How a route claims.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What its keys are made of; at least one.
    pub templates: Box<[Template]>,
    /// Whether the route itself gives them, rather than `[guard]`: only then it speaks for gRPC and upgrades.
    pub has_own_key: bool,
    /// What happens to a conflict.
    pub on_conflict: OnConflict,
    /// What happens to the same write of one client once more.
    pub on_duplicate: OnDuplicate,
    /// How its writes have their keys: alone, or beside each other.
    pub mode: Mode,
    /// Whether its safe methods read, and share the keys with each other.
    pub shares_reads: bool,
    /// What its keys stand for beside themselves.
    pub scope: Scope,
    /// How a refused write is told.
    pub status: ConflictStatus,
    /// What happens where a template finds no value.
    pub on_missing_key: OnMissingKey,
}

/// What happens to a claim that meets another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// It is forwarded all the same, and the overlap counted.
    Observe,
    /// It is refused.
    Reject,
    /// It waits for its turn.
    Wait(Patience),
}

/// What happens to a write that meets itself: the same client's own once more. What is stricter is the greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnDuplicate {
    /// It gets the response of the first.
    Join,
    /// It is a conflict as any other: two increments may both be meant.
    #[default]
    Conflict,
}

/// How a claim waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long, before it is refused.
    pub wait: Duration,
    /// How many may wait for a key before it; one more is refused at once.
    pub waiters: usize,
}

/// What `[guard]` does with a `POST`, which names no resource of its own (RFC 9110 §9.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Post {
    /// Forwarded; an overlap is counted.
    Observe,
    /// Guarded as any other write.
    Guard,
    /// Forwarded, and nothing is claimed.
    Forward,
}
