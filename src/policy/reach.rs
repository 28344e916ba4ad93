//! Whether a route can match at all: it is given requests made for it, and either gets one or never gets any.
//!
//! The requests are the most favourable that there are: whatever the route leaves open (a parameter's value, the host, an
//! unlisted method) is something that no other route names. If others take all of these, they take all.

use http::Method;

use super::head::Fields;
use super::host::canonical_host;
use super::method::Methods;
use super::pattern::{Pattern, Segment};
use super::plan::Head;
use super::route::RouteId;
use super::{Policy, head};

/// Longer than any literal that a request's target can have beside it, and in no configuration.
const FRESH: &str = "writegate-asks-whether-this-route-matches";

/// Whether a route can match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It can.
    Reached,
    /// It lists `CONNECT` alone, which is always refused.
    Connect,
    /// Its host is none that a request can have.
    NoHost,
    /// These routes, more specific, take all that it could match.
    Taken(Vec<RouteId>),
}

impl Policy {
    /// Whether this route can match.
    pub fn reach(&self, id: RouteId) -> Reach {
        let route = self.route(id);
        // Where encoded slashes are kept, one path is read in two ways, and there is no most favourable request.
        if id == RouteId::GUARD || self.keeps_encoded_slashes {
            return Reach::Reached;
        }
        let methods = methods_for(&route.methods);
        if methods.is_empty() {
            return Reach::Connect;
        }
        let host = route.host.as_deref().unwrap_or(FRESH);
        if !head::is_host(host.as_bytes()) || canonical_host(host) != host {
            return Reach::NoHost;
        }
        let mut takers = Vec::new();
        for path in self.paths_for(&route.pattern) {
            for method in &methods {
                let head = Head {
                    method,
                    path: &path,
                    query: None,
                    host,
                    headers: &Fields::default(),
                    client_subject: None,
                    content: None,
                };
                let (taker, _) = self.find(&head, method);
                if taker == id {
                    return Reach::Reached;
                }
                if !takers.contains(&taker) {
                    takers.push(taker);
                }
            }
        }
        Reach::Taken(takers)
    }

    /// A path that the pattern matches; of one that takes all the rest, one for each length up to where no other looks.
    fn paths_for(&self, pattern: &Pattern) -> Vec<String> {
        let segments = pattern.segments();
        let fixed: String = segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => format!("/{text}"),
                Segment::Parameter(_) => format!("/{FRESH}"),
                Segment::CatchAll(_) => String::new(),
            })
            .collect();
        let is_open = matches!(segments.last(), Some(Segment::CatchAll(_)));
        let longest = self
            .routes
            .iter()
            .map(|route| route.pattern.segments().len());
        let more = if is_open {
            longest.max().unwrap_or(0) + 1
        } else {
            0
        };
        let rest = |length| format!("/{FRESH}").repeat(length);
        (0..=more)
            .map(|length| {
                format!(
                    "/{}",
                    format!("{fixed}{}", rest(length)).trim_start_matches('/')
                )
            })
            .collect()
    }
}

fn methods_for(methods: &Methods) -> Vec<Method> {
    match methods {
        Methods::Unsafe | Methods::UnsafeAndReads => {
            Method::from_bytes(FRESH.as_bytes()).into_iter().collect()
        }
        Methods::Listed(listed) => {
            let listed = listed.iter().filter(|method| **method != Method::CONNECT);
            listed.cloned().collect()
        }
    }
}
