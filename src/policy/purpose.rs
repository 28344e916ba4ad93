//! What a claim is for: to write, to read, or only to take note.

use http::Method;

use super::Policy;
use super::method::is_safe;
use super::plan::{Because, Purpose, Remedy};
use super::route::{Claim, OnConflict, Post, RouteId};

impl Policy {
    /// What a claim of this route is for, by which rule, and what would have it refused if it is only observed.
    pub(super) fn purpose(
        &self,
        id: RouteId,
        method: &Method,
        claim: &Claim,
        path: &str,
    ) -> (Purpose, Because, Option<Remedy>) {
        let observes = claim.on_conflict == OnConflict::Observe;
        let is_post = id == RouteId::GUARD && *method == Method::POST;
        if is_post && self.post == Post::Observe {
            let (because, remedy) = if observes {
                let remedy = Remedy::RejectingRoute(path.into());
                (Because::RouteObserves, remedy)
            } else {
                (Because::PostIsObserved, Remedy::Route(path.into()))
            };
            (Purpose::Observe, because, Some(remedy))
        } else if observes {
            let remedy = Some(Remedy::Reject);
            (Purpose::Observe, Because::RouteObserves, remedy)
        } else if claim.shares_reads && is_safe(method) {
            (Purpose::Read, Because::ReadsAreShared, None)
        } else {
            (Purpose::Write, Because::RouteGuards, None)
        }
    }
}
