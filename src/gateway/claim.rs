//! The claim of a request on its keys: what it meets, and how it waits for its turn.

use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use super::{Gateway, Outcome, Trip};
use crate::policy::family::HOLD;
use crate::policy::head::RequestHead;
use crate::policy::key_state::{HoldId, Phase};
use crate::policy::present::Named;
use crate::policy::rejection::{Conflict, Ending, Rejection, State, retry_after};
use crate::policy::remedy::Advice;
use crate::policy::{Family, Guard, OnConflict, Pass, Plan, Purpose, Remedy, RouteId};
use crate::table::{By, Claim, Claimed, Grant, Met, Mets, Waiting};
use crate::upstream::Connect;
use crate::wire::Client;

/// How often a client is looked at that has sent more than the request that waits: what it has sent hides that no more will
/// come.
const LOOK: Duration = Duration::from_millis(100);

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
        let family = self.family(trip);
        // Where its keys are is found out once, however often it asks.
        let table = &self.shared.table;
        let mut placed = table.place(&guard.locks);
        let claim = self.asking((plan, guard), family, trip);
        let mut claimed = table.claim(&claim, &mut placed);
        if let Claimed::Conflict(met) = &claimed {
            // Where all is as it was, another look would find the same.
            if !self.all_stand_after_turn(met).await {
                claimed = table.claim(&claim, &mut placed);
            }
        }
        let (grant, overlap) = match claimed {
            Claimed::Granted { grant, overlap } => (grant, overlap),
            Claimed::Waits(waiting) => (self.wait(waiting, guard, trip).await?, None),
            Claimed::Conflict(met) => {
                return Err(self.refuse_claim(met, guard, Ending::AtOnce, trip));
            }
            Claimed::QueueFull(met) => {
                return Err(self.refuse_claim(met, guard, Ending::QueueFull, trip));
            }
            Claimed::Full if guard.purpose == Purpose::Observe => return Ok(None),
            Claimed::Full => return Err(Rejection::HoldsExhausted),
        };
        trip.outcome = match guard.purpose {
            Purpose::Write => Outcome::Guarded,
            Purpose::Read => Outcome::Shared,
            Purpose::Observe => Outcome::Observed,
        };
        if let Some(met) = overlap {
            self.note_overlap(plan, guard, &met, trip);
        }
        Ok(Some(grant))
    }

    /// What the request asks for: once, however often it does.
    fn asking<'a>(
        &self,
        (plan, guard): (&'a Plan, &'a Guard),
        family: Family,
        trip: &'a Trip<'_>,
    ) -> Claim<'a> {
        let count = self.next_hold.get();
        self.next_hold.set(count + 1);
        Claim {
            id: HoldId::new(self.turns.worker(), count),
            purpose: guard.purpose,
            family,
            is_numbered: self.config().upstream.sequence_header.is_some(),
            waiters: match guard.on_conflict {
                // What came of a hold and waited could wait for that hold.
                OnConflict::Wait(patience) if trip.pass.is_none() => Some(patience.waiters),
                OnConflict::Wait(_) | OnConflict::Reject | OnConflict::Observe => None,
            },
            request_id: &trip.request_id,
            method: &plan.method,
            route: plan.route,
            max_work: guard.max_work,
            remedy: guard.remedy.as_ref(),
            typical: self.typical(plan.route),
        }
    }

    /// Refuses a claim of which nothing was entered, so that its family is nobody's, unless it came with the request.
    pub(super) fn refuse_claim(
        &self,
        met: Mets,
        guard: &Guard,
        ending: Ending,
        trip: &mut Trip<'_>,
    ) -> Rejection {
        if trip.pass.is_none()
            && let Some(unused) = trip.family.take()
        {
            self.families.take_back(unused);
        }
        self.conflict(met, guard, ending)
    }

    /// Takes note of the hold of which the request came, if it did of one that has not ended.
    pub(super) fn recognise(&self, head: &RequestHead, trip: &mut Trip<'_>) {
        if !head.fields.present().has(Named::Hold) {
            return;
        }
        let fields = head.fields.map();
        let mut came = fields.get_all(HOLD).iter().filter_map(Pass::read);
        trip.pass = came.find(|pass| self.shared.table.is_live(*pass));
        trip.family = trip.pass.map(|pass| pass.family);
    }

    /// Of which family the request's claim is.
    pub(super) fn family(&self, trip: &mut Trip<'_>) -> Family {
        *trip.family.get_or_insert_with(|| self.families.next())
    }

    /// Waits for the turn of a claim, as long as its route lets it and its client is there.
    async fn wait(
        &self,
        mut waiting: Waiting,
        guard: &Guard,
        trip: &mut Trip<'_>,
    ) -> Result<Grant, Rejection> {
        let patience = match guard.on_conflict {
            OnConflict::Wait(patience) => patience.wait,
            OnConflict::Reject | OnConflict::Observe => Duration::ZERO,
        };
        let last = Instant::now() + patience;
        let last = trip.until.map_or(last, |until| until.min(last));
        let came = tokio::select! {
            biased;
            grant = waiting.granted() => Some(grant),
            () = left(&*trip.peer.client) => return Err(Rejection::ClientLeft),
            () = sleep_until(last) => None,
        };
        let waited = *trip.waited.insert(waiting.waited());
        let granted = came.map_or_else(|| waiting.leave(), Ok);
        granted.map_err(|met| self.conflict(met, guard, Ending::Waited(waited)))
    }

    /// Waits until the workers of what was met have looked at all that had reached them, and says whether all of it stands then.
    pub(super) async fn all_stand_after_turn(&self, met: &Mets) -> bool {
        let mut behind = None;
        for met in met {
            if let By::Holder { id, .. } = met.by
                && behind.replace(id.worker()) != Some(id.worker())
            {
                let relays = self.limits().tasks.relays();
                self.turns.catch_up(id.worker(), relays).await;
            }
        }
        met.iter().all(Met::stands)
    }

    /// The answer to a write that met these, of which there is at least one.
    pub(super) fn conflict(&self, met: Mets, guard: &Guard, ending: Ending) -> Rejection {
        let keys = met.iter().map(|met| met.key.clone()).collect();
        let first = met.first().expect("a conflict is with another");
        let writer = &first.writer;
        let age = first.now.since(first.since);
        let (state, worked) = match first.by {
            By::Holder {
                phase: Phase::InFlight,
                is_below,
                ..
            } => (State::at_work(writer.purpose, is_below), age),
            By::Holder {
                phase: Phase::OutcomeUnknown { until },
                ..
            } => (State::Unknown(until.since(first.now)), age),
            By::Waiter => (State::Waiting, Duration::ZERO),
        };
        // What the holder's worker has measured comes with it.
        let typical = writer.typical().or_else(|| self.typical(writer.route));
        Rejection::Conflict(Box::new(Conflict {
            keys,
            holder_method: writer.method().clone(),
            holder_route: self.label(writer.route),
            holder_since: self.wall.at(first.since, first.now),
            holder_age: age,
            state,
            ending,
            retry_after: retry_after(typical, worked, state.unknown_for(), fastrand::f64()),
            status: guard.status,
        }))
    }

    /// The answer to a write that is the same as one that came at `since`.
    pub(super) fn met_itself(
        &self,
        plan: &Plan,
        guard: &Guard,
        (state, since): (State, Instant),
        ending: Ending,
    ) -> Rejection {
        let [since, now] = [since, Instant::now()].map(|at| self.shared.table.moment(at));
        let (age, typical) = (now.since(since), self.typical(plan.route));
        Rejection::Conflict(Box::new(Conflict {
            keys: guard.keys().cloned().collect(),
            holder_method: plan.method.clone(),
            holder_route: self.label(plan.route),
            holder_since: self.wall.at(since, now),
            holder_age: age,
            state,
            ending,
            retry_after: retry_after(typical, age, state.unknown_for(), fastrand::f64()),
            status: guard.status,
        }))
    }

    fn label(&self, route: RouteId) -> Rc<str> {
        Rc::clone(&self.labels[route.index()])
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
            other_method = %met.writer.method(),
            other_route = &*self.config().policy.route(met.writer.route).label,
            would_refuse = self.remedies([
                (plan.route, guard.remedy.as_ref()),
                (met.writer.route, met.writer.remedy()),
            ]),
            request_id = trip.request_id.text(&mut [0; 32]),
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

/// Returns when the client sends no more, or is gone.
pub(super) async fn left(client: &dyn Client) {
    loop {
        poll_fn(|cx| client.poll_stirred(cx)).await;
        if client.hangup().is_some() {
            return;
        }
        sleep(LOOK).await;
    }
}
