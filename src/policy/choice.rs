//! Why a request's route speaks for it, and not another: which would come next, and which come before but do not match.

use http::Method;

use super::Policy;
use super::host::canonical_host;
use super::pattern::{Pattern, Segment};
use super::plan::Head;
use super::route::{Route, RouteId};
use super::router::{self, Ask, Router};

/// A route, and what it won by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The one that speaks.
    pub route: RouteId,
    /// The one that would speak without it, and why it does not; `[guard]` if there is none.
    pub next: Option<(RouteId, String)>,
    /// Those whose path matches, but not all else, in their order.
    pub passed_over: Vec<(RouteId, String)>,
}

impl Policy {
    /// Why the route for `method` is the one that it is.
    pub fn choice(&self, head: &Head<'_>, method: &Method) -> Choice {
        let (route, _) = self.find(head, method);
        let mut others: Vec<RouteId> = (1..self.routes.len())
            .map_while(RouteId::at)
            .filter(|id| *id != route)
            .collect();
        others.sort_by(|left, right| router::by_rank(self.route(*left), self.route(*right)));
        let next = others.iter().find(|id| self.matches(**id, head, method));
        let next = next.map(|id| (*id, why_before(self.route(route), self.route(*id))));
        let passed_over = others.iter().filter_map(|id| {
            let misses = misses(self.route(*id), head, method);
            (!misses.is_empty() && self.matches_path(*id, head)).then_some((*id, misses))
        });
        let passed_over = passed_over.collect();
        Choice {
            route,
            next,
            passed_over,
        }
    }

    /// Whether the route would speak if it were alone.
    fn matches(&self, id: RouteId, head: &Head<'_>, method: &Method) -> bool {
        misses(self.route(id), head, method).is_empty() && self.matches_path(id, head)
    }

    fn matches_path(&self, id: RouteId, head: &Head<'_>) -> bool {
        let open = Route {
            host: None,
            methods: super::method::Methods::Listed([head.method.clone()].into()),
            ..self.route(id).clone()
        };
        let routes = [open];
        let mut router = Router::default();
        let distinguish = super::Distinguish {
            encoded_slash: routes[0].distinguish.encoded_slash,
            ..super::Distinguish::default()
        };
        let path = super::canonical(head.path, distinguish);
        let ask = Ask {
            method: head.method,
            host: head.host,
            encoded_slash: None,
        };
        router.insert(RouteId::GUARD, &routes).is_ok()
            && router.find(&path, &ask, &routes).is_some()
    }
}

/// What of a request a route does not match, beside the path; empty if it matches.
fn misses(route: &Route, head: &Head<'_>, method: &Method) -> String {
    let host = canonical_host(head.host);
    match &route.host {
        Some(named) if **named != *host => return format!("it is for the host {named}"),
        Some(_) | None => {}
    }
    if route.methods.contains(method) {
        String::new()
    } else {
        format!("its methods are {}", route.methods)
    }
}

fn why_before(winner: &Route, next: &Route) -> String {
    let (mine, theirs) = (winner.pattern.segments(), next.pattern.segments());
    let differs =
        (0..mine.len().max(theirs.len())).find(|at| kind(mine.get(*at)) != kind(theirs.get(*at)));
    match differs {
        Some(at) => format!(
            "segment {}: {} goes before {}",
            at + 1,
            named(&winner.pattern, at),
            named(&next.pattern, at)
        ),
        None if winner.host.is_some() != next.host.is_some() => {
            "a route for one host goes before one for any".to_owned()
        }
        None => "a list of methods goes before `unsafe`".to_owned(),
    }
}

fn kind(segment: Option<&Segment>) -> u8 {
    match segment {
        None => 0,
        Some(Segment::Literal(_)) => 1,
        Some(Segment::Parameter(_)) => 2,
        Some(Segment::CatchAll(_)) => 3,
    }
}

fn named(pattern: &Pattern, at: usize) -> String {
    match pattern.segments().get(at) {
        None => "the end of the path".to_owned(),
        Some(Segment::Literal(text)) => format!("the literal `{text}`"),
        Some(Segment::Parameter(name)) => format!("the parameter `{{{name}}}`"),
        Some(Segment::CatchAll(name)) => format!("the catch-all `{{*{name}}}`"),
    }
}
