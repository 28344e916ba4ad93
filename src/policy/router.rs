//! Finds the most specific route: a trie by segment, so that the number of routes hardly matters.
//!
//! Segment by segment a literal goes before a parameter before a catch-all; where they end, a route for this host before
//! one for any, then listed methods before all unsafe ones. A branch whose end does not fit the request is left again for
//! the next one. No node is visited twice, and the depth is bounded by [`Pattern`]'s limit.

use std::collections::HashMap;

use http::Method;

use super::host::canonical_host;
use super::pattern::{Pattern, Segment, by_specificity};
use super::route::{Route, RouteId};

/// The routes by their paths.
#[derive(Debug, Default)]
pub(super) struct Router {
    root: Node,
}

/// What a request is routed by, beside its path.
pub(super) struct Ask<'a> {
    pub(super) method: &'a Method,
    /// As sent: most policies name no host, so it is made canonical only where one does.
    pub(super) host: &'a str,
    /// Whether to look only among the routes that keep encoded slashes, or only among the others.
    pub(super) encoded_slash: Option<bool>,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, Self>,
    parameter: Option<Box<Self>>,
    /// Routes whose path ends here, the more specific first.
    ends: Vec<RouteId>,
    /// Routes that take all the rest from here, the more specific first.
    catch_alls: Vec<RouteId>,
}

impl Router {
    /// Adds `routes[id]`. `Err` is the route before it that matches the same requests.
    pub(super) fn insert(&mut self, id: RouteId, routes: &[Route]) -> Result<(), RouteId> {
        let route = &routes[id.index()];
        let exits = self.root.exits_for(&route.pattern);
        let is_equal = |other: &&RouteId| {
            let other = &routes[other.index()];
            other.host == route.host && other.methods.is_ambiguous_with(&route.methods)
        };
        if let Some(other) = exits.iter().find(is_equal) {
            return Err(*other);
        }
        let at =
            exits.partition_point(|other| exit_rank(&routes[other.index()]) <= exit_rank(route));
        exits.insert(at, id);
        Ok(())
    }

    /// The most specific route for a canonical path, case folded and without trailing slash.
    pub(super) fn find(&self, path: &str, ask: &Ask<'_>, routes: &[Route]) -> Option<RouteId> {
        self.root
            .find(path.strip_prefix('/').unwrap_or(path), ask, routes)
    }
}

impl Node {
    fn exits_for(&mut self, pattern: &Pattern) -> &mut Vec<RouteId> {
        let mut node = self;
        for segment in pattern.segments() {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Parameter(_) => node.parameter.get_or_insert_default(),
                Segment::CatchAll(_) => return &mut node.catch_alls,
            };
        }
        &mut node.ends
    }

    fn find(&self, rest: &str, ask: &Ask<'_>, routes: &[Route]) -> Option<RouteId> {
        let fits = |id: &&RouteId| ask.fits(&routes[id.index()]);
        let further = if rest.is_empty() {
            self.ends.iter().find(fits).copied()
        } else if self.literals.is_empty() && self.parameter.is_none() {
            None
        } else {
            let (segment, rest) = rest.split_once('/').unwrap_or((rest, ""));
            let literal = self.literals.get(segment);
            literal
                .and_then(|node| node.find(rest, ask, routes))
                .or_else(|| self.parameter.as_ref()?.find(rest, ask, routes))
        };
        further.or_else(|| self.catch_alls.iter().find(fits).copied())
    }
}

impl Ask<'_> {
    fn fits(&self, route: &Route) -> bool {
        self.encoded_slash
            .is_none_or(|wanted| wanted == route.distinguish.encoded_slash)
            && route.methods.contains(self.method)
            && route
                .host
                .as_deref()
                .is_none_or(|host| canonical_host(self.host) == host)
    }
}

/// Routes in the order in which they are tried, as far as the trie decides it.
pub(super) fn by_rank(left: &Route, right: &Route) -> std::cmp::Ordering {
    by_specificity(&left.pattern, &right.pattern)
        .then_with(|| exit_rank(left).cmp(&exit_rank(right)))
}

/// The lesser is the more specific.
fn exit_rank(route: &Route) -> (bool, bool) {
    (route.host.is_none(), route.methods.are_unlisted())
}
