//! The claim of a request on its keys, and what it meets.

use std::time::{Duration, SystemTime};

use tracing::warn;

use super::{Gateway, Outcome, Trip};
use crate::policy::key_state::{HoldId, Phase};
use crate::policy::rejection::{Conflict, Rejection, retry_after};
use crate::policy::remedy::Advice;
use crate::policy::{Guard, Mode, Plan, Remedy, RouteId};
use crate::table::{Claim, Claimed, Grant, Met};
use crate::upstream::Connect;

impl<C: Connect> Gateway<C> {
    /// Claims all keys of the plan, or none.
    pub(super) async fn claim(
        &self,
        plan: &Plan,
        trip: &mut Trip<'_>,
    ) -> Result<Option<Grant>, Rejection> {
        trip.outcome = Outcome::Forwarded;
        let Some(guard) = &plan.guard else {
            return Ok(None);
        };
        let mut claimed = self.ask(plan, guard, trip);
        if let Claimed::Conflict(met) = &claimed {
            self.turns.catch_up(met.id.worker()).await;
            claimed = self.ask(plan, guard, trip);
        }
        match claimed {
            Claimed::Granted { grant, overlap } => {
                trip.outcome = if guard.mode == Mode::Exclusive {
                    Outcome::Guarded
                } else {
                    Outcome::Observed
                };
                if let Some(met) = overlap {
                    self.note_overlap(plan, guard, &met, trip);
                }
                Ok(Some(grant))
            }
            Claimed::Conflict(met) => Err(self.conflict(&met, guard)),
            Claimed::Full if guard.mode == Mode::Observed => Ok(None),
            Claimed::Full => Err(Rejection::HoldsExhausted),
        }
    }

    fn ask(&self, plan: &Plan, guard: &Guard, trip: &Trip<'_>) -> Claimed {
        let count = self.next_hold.get();
        self.next_hold.set(count + 1);
        self.shared.table.claim(&Claim {
            id: HoldId::new(self.turns.worker(), count),
            keys: &guard.keys,
            mode: guard.mode,
            request_id: &trip.request_id,
            method: &plan.method,
            route: plan.route,
            max_work: guard.max_work,
            remedy: guard.remedy.as_ref(),
            typical: self.typical(plan.route),
        })
    }

    pub(super) fn conflict(&self, met: &Met, guard: &Guard) -> Rejection {
        let writer = &met.writer;
        let age = met.now.since(writer.since);
        let unknown_for = match met.phase {
            Phase::InFlight => None,
            Phase::OutcomeUnknown { until } => Some(until.since(met.now)),
        };
        // What the holder's worker has measured comes with it.
        let typical = writer.typical.or_else(|| self.typical(writer.route));
        Rejection::Conflict(Box::new(Conflict {
            key: met.key.shown().to_owned(),
            holder_method: writer.method.clone(),
            holder_route: self.config().policy.route(writer.route).label.to_string(),
            holder_since: humantime::format_rfc3339_millis(SystemTime::now() - age).to_string(),
            holder_age: age,
            unknown_for,
            retry_after: retry_after(typical, age, unknown_for, fastrand::f64()),
            status: guard.status,
        }))
    }

    fn typical(&self, route: RouteId) -> Option<Duration> {
        self.upstream.limits().hold_times.typical(route)
    }

    fn note_overlap(&self, plan: &Plan, guard: &Guard, met: &Met, trip: &mut Trip<'_>) {
        trip.outcome = Outcome::Overlapped;
        self.counts.overlap();
        warn!(
            target: "overlap",
            key = met.key.shown(),
            method = %plan.method,
            route = &*self.config().policy.route(plan.route).label,
            other_method = %met.writer.method,
            other_route = &*self.config().policy.route(met.writer.route).label,
            would_refuse = self.remedies([
                (plan.route, guard.remedy.as_ref()),
                (met.writer.route, met.writer.remedy.as_ref()),
            ]),
            request_id = trip.request_id.to_str().unwrap_or_default(),
            "two writes to one resource at once, both let through",
        );
    }

    /// What to write into the configuration to have such an overlap refused: something for each of the two that is only
    /// observed.
    fn remedies(&self, sides: [(RouteId, Option<&Remedy>); 2]) -> String {
        let advice = sides.into_iter().filter_map(|(route, remedy)| {
            let label = &self.config().policy.route(route).label;
            Some(Advice::new(remedy?, label))
        });
        let mut advice: Vec<Advice> = advice.collect();
        advice.dedup();
        Advice::line(&advice)
    }
}
