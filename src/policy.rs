//! Decisions, and nothing but decisions: what a request's route says about it, and which keys it would claim.
//!
//! Pure: no clock, lock, log or I/O, and nothing to await; a verdict is a value, and the caller acts on it.
//!
//! Spellings of a request that some backend takes for one get one verdict. Where it is open what the backend will do, as
//! with a method override that it may heed or ignore, every possibility is judged and the strictest holds.

use std::borrow::Cow;
use std::hash::RandomState;

use http::Method;

mod awaits;
pub mod choice;
pub mod content;
pub mod decimal;
pub mod duplicate;
pub mod eights;
pub mod family;
mod fields;
pub mod forward;
pub mod frames;
pub mod generalise;
pub mod head;
pub mod hex;
pub mod host;
pub mod key;
pub mod key_state;
pub mod media;
pub mod method;
pub mod mode;
pub mod parts;
pub mod path;
pub mod pattern;
pub mod plan;
pub mod pointer;
pub mod present;
mod purpose;
pub mod reach;
pub mod rejection;
pub mod remedy;
pub mod request_id;
pub mod route;
mod router;
pub mod source;
pub mod template;
pub mod unfillable;
pub mod wanted;

pub use duplicate::{Fingerprint, Sent};
pub use family::{Family, Pass};
pub use key::{KEY_LIMIT, Key, KeyError, Keys, Lock, Locks, OnMissingKey, Scope};
pub use mode::Mode;
pub use plan::{Awaits, Because, Guard, Head, Plan, Purpose, Remedy};
pub use request_id::RequestId;
pub use route::{OnConflict, OnDuplicate, Patience, Route, RouteId};

use fields::{asks_upgrade, destinations, has_media_type};
use method::{candidates, is_safe};
use path::{Distinguish, canonical};
use plan::Verdict;
use route::{Claim, Post, Treatment};
use router::{Ask, Router};
use source::Facts;
use wanted::Wanted;

/// Two routes for the same requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EqualRoutes {
    /// The one that came first.
    pub first: RouteId,
    /// The other.
    pub second: RouteId,
}

/// What the configuration says about requests.
#[derive(Debug)]
pub struct Policy {
    /// `[guard]`, then the routes as configured.
    routes: Vec<Route>,
    router: Router,
    post: Post,
    /// Whether a safe method may be guarded.
    lists_safe_methods: bool,
    /// Whether something depends on which unsafe method it is, beside [`Post`].
    tells_methods_apart: bool,
    /// Whether something depends on the host.
    asks_for_host: bool,
    /// Whether some route keeps encoded slashes, so that a path may have to be read in two ways.
    keeps_encoded_slashes: bool,
    /// What of bodies the keys are made of.
    wanted: Wanted,
    /// Made once, so that a digest is the same for as long as the policy stands, and unforeseeable.
    digests: RandomState,
}

impl Policy {
    /// A policy of `[guard]`, with what it does with a `POST`, and the routes in the order of the configuration. `Err` are
    /// all that match the same requests as one before them.
    pub fn new(guard: Route, post: Post, routes: Vec<Route>) -> Result<Self, Vec<EqualRoutes>> {
        let routes: Vec<Route> = std::iter::once(guard).chain(routes).collect();
        let mut router = Router::default();
        let mut equal = Vec::new();
        for second in (1..routes.len()).map_while(RouteId::at) {
            if let Err(first) = router.insert(second, &routes) {
                equal.push(EqualRoutes { first, second });
            }
        }
        if !equal.is_empty() {
            return Err(equal);
        }
        let mut wanted = Wanted::default();
        let claims = routes.iter().filter_map(Route::claim);
        for template in claims.flat_map(|claim| &claim.templates) {
            template.add_to(&mut wanted);
        }
        Ok(Self {
            lists_safe_methods: routes
                .iter()
                .any(|route| route.methods.lists_a_safe_method()),
            tells_methods_apart: routes.iter().any(Route::tells_methods_apart),
            asks_for_host: routes.iter().any(Route::asks_for_host),
            keeps_encoded_slashes: routes
                .iter()
                .skip(1)
                .any(|route| route.distinguish.encoded_slash),
            routes,
            router,
            post,
            wanted,
            digests: RandomState::new(),
        })
    }

    /// What is to be done with this request.
    pub fn plan(&self, head: &Head<'_>) -> Result<Plan, KeyError> {
        let methods = candidates(head)?;
        let mut verdict = self.judge(head, &methods[0])?;
        for method in &methods[1..] {
            verdict = verdict.or_stricter(self.judge(head, method)?);
        }
        if let Some(guard) = &mut verdict.guard {
            guard.normalise()?;
        }
        let guard = verdict.guard.as_ref();
        Ok(Plan {
            awaits: self.awaits(head, verdict.awaits_keys, guard),
            route: verdict.route,
            is_write: guard.is_some_and(|guard| guard.purpose != Purpose::Read)
                || methods.iter().any(|method| !is_safe(method)),
            method: methods[0].clone(),
            guard: verdict.guard,
            because: verdict.because,
        })
    }

    /// Where [`Policy::plan`] has no plan, the route that finds no keys; none if it is not for the route to find them.
    pub fn refusing_route(&self, head: &Head<'_>) -> Option<RouteId> {
        let methods = candidates(head).ok()?;
        let mut methods = methods.iter();
        let refused = methods.find(|method| self.judge_target(head, method).is_err())?;
        Some(self.find(head, refused).0)
    }

    /// A route of this policy.
    pub fn route(&self, id: RouteId) -> &Route {
        &self.routes[id.index()]
    }

    /// `[guard]`, then the routes as configured; a [`RouteId`] is a place among them.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The routes, the more specific first, without `[guard]`.
    pub fn routes_by_specificity(&self) -> Vec<&Route> {
        let mut routes: Vec<&Route> = self.routes.iter().skip(1).collect();
        routes.sort_by(|left, right| router::by_rank(left, right));
        routes
    }

    /// What `[guard]` does with a `POST`.
    pub fn post(&self) -> Post {
        self.post
    }

    /// Whether a plan may depend on the host of a request: otherwise it need not be told.
    pub fn asks_for_host(&self) -> bool {
        self.asks_for_host
    }

    /// What of bodies the keys are made of.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The verdict if the backend takes the request for a `method`.
    fn judge(&self, head: &Head<'_>, method: &Method) -> Result<Verdict, KeyError> {
        if !self.lists_safe_methods && is_safe(method) {
            return Ok(Verdict::forward(RouteId::GUARD, Because::MethodIsSafe));
        }
        let mut verdict = self.judge_target(head, method)?;
        if matches!(method.as_str(), "MOVE" | "COPY") {
            for target in destinations(head.headers) {
                let target = target?;
                let destination = Head {
                    path: target.path(),
                    query: target.query(),
                    ..*head
                };
                verdict = verdict.or_stricter(self.judge_target(&destination, method)?);
            }
        }
        Ok(verdict)
    }

    fn judge_target(&self, head: &Head<'_>, method: &Method) -> Result<Verdict, KeyError> {
        let (id, matched) = self.find(head, method);
        let route = self.route(id);
        let claim = match &route.treatment {
            Treatment::Forward => return Ok(Verdict::forward(id, Because::RouteForwards)),
            Treatment::Guard(claim) => claim,
        };
        if let Some(because) = self.exemption(head, method, id, claim) {
            return Ok(Verdict::forward(id, because));
        }
        let path = match route.distinguish {
            Distinguish {
                case: false,
                trailing_slash: false,
                encoded_slash: false,
            } => matched,
            distinguish => canonical(head.path, distinguish),
        };
        let facts = Facts {
            path: &path,
            method,
            host: head.host,
            query: head.query,
            headers: head.headers,
            client_subject: head.client_subject,
            content: head.content,
            fold_case: !route.distinguish.case,
        };
        let (purpose, because, remedy) = self.purpose(id, method, claim, facts.path);
        let mode = if because == Because::ReadsAreShared {
            Mode::Shared
        } else {
            claim.mode
        };
        let locks = self.locks(claim, mode, &facts)?;
        let awaits_keys =
            head.content.is_none() && claim.templates.iter().any(template::Template::uses_body);
        if locks.is_empty() {
            return Ok(Verdict {
                awaits_keys,
                ..Verdict::forward(id, Because::NoKey)
            });
        }
        let guard = Some(Guard {
            locks,
            purpose,
            on_conflict: claim.on_conflict,
            on_duplicate: claim.on_duplicate,
            max_work: route.max_work,
            status: claim.status,
            remedy,
        });
        Ok(Verdict {
            route: id,
            guard,
            because,
            awaits_keys,
        })
    }

    /// The route, and the canonical path that tells nothing apart.
    fn find<'a>(&self, head: &Head<'a>, method: &Method) -> (RouteId, Cow<'a, str>) {
        let merged = canonical(head.path, Distinguish::default());
        let ask = |encoded_slash| Ask {
            method,
            host: head.host,
            encoded_slash,
        };
        let found = if self.keeps_encoded_slashes && path::has_encoded_slash(head.path) {
            let view = Distinguish {
                encoded_slash: true,
                ..Distinguish::default()
            };
            let split = canonical(head.path, view);
            let kept = self.router.find(&split, &ask(Some(true)), &self.routes);
            let other = self.router.find(&merged, &ask(Some(false)), &self.routes);
            let both = kept.into_iter().chain(other);
            both.min_by(|left, right| router::by_rank(self.route(*left), self.route(*right)))
        } else {
            self.router.find(&merged, &ask(None), &self.routes)
        };
        (found.unwrap_or(RouteId::GUARD), merged)
    }

    /// Why a request of a route that guards is forwarded all the same.
    ///
    /// A gRPC call and an upgrade are exempt as what they are, a `POST`: a `PUT` names the state that it changes whatever
    /// its fields say.
    fn exemption(
        &self,
        head: &Head<'_>,
        method: &Method,
        id: RouteId,
        claim: &Claim,
    ) -> Option<Because> {
        if id == RouteId::GUARD {
            if !self.route(id).methods.contains(method) {
                let is_safe = is_safe(method);
                return Some(if is_safe {
                    Because::MethodIsSafe
                } else {
                    Because::MethodIsNotListed
                });
            }
            if *method == Method::POST && self.post == Post::Forward {
                return Some(Because::PostIsForwarded);
            }
        }
        if claim.has_own_key {
            return None;
        }
        match *method {
            Method::POST if has_media_type(head.headers, "application/grpc") => Some(Because::Grpc),
            Method::POST if asks_upgrade(head.headers) => Some(Because::Upgrade),
            _ => None,
        }
    }

    /// What is asked for, in this mode. Each key is put where it stays.
    fn locks(&self, claim: &Claim, mode: Mode, facts: &Facts<'_>) -> Result<Locks, KeyError> {
        let mut locks = Locks::new();
        let mut ask = |key| Lock::add(&mut locks, key, mode, claim.scope);
        // Before the body is read, those are told that it has no say in.
        let is_told =
            |template: &&template::Template| facts.content.is_some() || !template.uses_body();
        for template in claim.templates.iter().filter(is_told) {
            match (
                template.expand(facts, &self.digests, &mut ask),
                claim.on_missing_key,
            ) {
                (Ok(()), _) | (Err(KeyError::Missing { .. }), OnMissingKey::Forward) => {}
                (Err(KeyError::Missing { .. }), OnMissingKey::Path) => ask(Key::new(facts.path)),
                (Err(error), _) => return Err(error),
            }
        }
        Ok(locks)
    }
}

#[cfg(test)]
mod tests;
