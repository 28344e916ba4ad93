//! The verdict on a request, and what it is reached from.
//!
//! Of several verdicts the strictest holds: an exclusive claim before an observed one before none.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::content::Content;
use super::head::Fields;
use super::key::{self, KEY_LIMIT, Key, KeyError, Lock, Locks};
use super::rejection::ConflictStatus;
use super::route::{OnConflict, OnDuplicate, RouteId};

/// What a verdict is reached from.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// As sent.
    pub method: &'a Method,
    /// As sent, without the query.
    pub path: &'a str,
    /// As sent, without the `?`.
    pub query: Option<&'a str>,
    /// As sent, perhaps with a port; empty if the request names none.
    pub host: &'a str,
    /// The fields of the request.
    pub headers: &'a Fields,
    /// The subject of the certificate that its client has shown, where it was verified.
    pub client_subject: Option<&'a str>,
    /// What its body says; none before that is read.
    pub content: Option<&'a Content>,
}

/// What is to be done with a request.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The route that spoke.
    pub route: RouteId,
    /// The effective method: an unsafe override if there is one, else the request's own.
    pub method: Method,
    /// Whether it may change something: its method or an override is not safe, or a route guards it all the same.
    pub is_write: bool,
    /// What it claims; `None` forwards it as it streams.
    pub guard: Option<Guard>,
    /// Why so.
    pub because: Because,
    /// What of the body it still depends on; nothing once that is read.
    pub awaits: Awaits,
}

/// What of a body a plan depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// Nothing: it stands.
    Nothing,
    /// A form may override the method. One that does not fit the buffer is taken not to.
    Method,
    /// A key is made of it, or perhaps has to do without. Until then the guard has those that the head tells.
    Keys,
}

/// What a write claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// What it asks of which keys; never empty.
    pub locks: Locks,
    /// What for.
    pub purpose: Purpose,
    /// What happens if it meets another.
    pub on_conflict: OnConflict,
    /// What happens if it meets itself; the strictest of the routes that gave the keys.
    pub on_duplicate: OnDuplicate,
    /// The longest of the routes that gave the keys.
    pub max_work: Duration,
    /// How it is told that it met another write; of the route that spoke.
    pub status: ConflictStatus,
    /// What would have it refused; none where it is.
    pub remedy: Option<Remedy>,
}

/// What a claim is for. The stronger is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// To take note of overlaps; it keeps nobody away.
    Observe,
    /// To read what no write tears meanwhile. When nobody waits for it any more, it ends.
    Read,
    /// To write. Whoever waits for it, it ends by proof or by its time.
    Write,
}

/// What a configuration would have to say for the overlaps of an observed write to be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A route for this canonical path: it is of a `POST` for which none speaks.
    Route(Arc<str>),
    /// The same with `on_conflict = "reject"`, as it would observe by `[guard]` otherwise.
    RejectingRoute(Arc<str>),
    /// `on_conflict = "reject"` in the route that spoke.
    Reject,
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The route guards.
    RouteGuards,
    /// The method is safe, and `reads = "shared"`.
    ReadsAreShared,
    /// `on_conflict = "observe"`.
    RouteObserves,
    /// A `POST` for which no route speaks, and `post = "observe"`.
    PostIsObserved,
    /// A `POST` for which no route speaks, and `post = "forward"`.
    PostIsForwarded,
    /// No route speaks, and the method is safe.
    MethodIsSafe,
    /// No route speaks, and `methods` of `[guard]` does not list the method.
    MethodIsNotListed,
    /// `guard = false`.
    RouteForwards,
    /// A gRPC call, and no route with a key of its own.
    Grpc,
    /// An upgrade, and no route with a key of its own.
    Upgrade,
    /// `on_missing_key = "forward"`, and no template gave a key.
    NoKey,
}

/// What one possible reading of a request comes to.
pub(super) struct Verdict {
    pub(super) route: RouteId,
    pub(super) guard: Option<Guard>,
    pub(super) because: Because,
    /// Whether a key is made of a body that is not read.
    pub(super) awaits_keys: bool,
}

impl Verdict {
    pub(super) fn forward(route: RouteId, because: Because) -> Self {
        Self {
            route,
            guard: None,
            because,
            awaits_keys: false,
        }
    }

    /// The stricter of two; of two that keep others away, or that do not, what it says with the keys of both.
    pub(super) fn or_stricter(self, other: Self) -> Self {
        let awaits_keys = self.awaits_keys || other.awaits_keys;
        let strictness = |verdict: &Self| verdict.guard.as_ref().map(|guard| guard.purpose);
        let (mut stricter, other) = match strictness(&self).cmp(&strictness(&other)) {
            Ordering::Less => (other, self),
            Ordering::Equal | Ordering::Greater => (self, other),
        };
        stricter.awaits_keys = awaits_keys;
        if let (Some(mine), Some(theirs)) = (&mut stricter.guard, other.guard)
            && mine.keeps_others_away() == theirs.keeps_others_away()
        {
            mine.locks.extend(theirs.locks);
            mine.max_work = mine.max_work.max(theirs.max_work);
            mine.on_duplicate = mine.on_duplicate.max(theirs.on_duplicate);
        }
        stricter
    }
}

impl Guard {
    /// Whether what it meets is kept from it, and it from what it meets.
    pub fn keeps_others_away(&self) -> bool {
        self.purpose > Purpose::Observe
    }

    /// The keys that it is about, without those on which it only announces itself.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        key::named(&self.locks)
    }

    /// Whether it gets the response of the same write of the same client that is at work.
    pub fn joins(&self) -> bool {
        self.purpose == Purpose::Write && self.on_duplicate == OnDuplicate::Join
    }

    pub(super) fn normalise(&mut self) -> Result<(), KeyError> {
        if self.locks.len() > 1 {
            self.locks = Lock::merged(std::mem::take(&mut self.locks));
        }
        if self.keys().nth(KEY_LIMIT).is_some() {
            return Err(KeyError::TooMany { limit: KEY_LIMIT });
        }
        Ok(())
    }
}
