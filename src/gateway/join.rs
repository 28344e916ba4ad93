//! The same client's own write once more: it follows the one that is at work, and gets its response. Nothing is sent for it.
//!
//! What the first comes to decides: a response that came whole is the other's, too; if nothing was sent, the other goes on as
//! if it were the first; else it is refused, since it would be done a second time, or may be.

use std::time::Duration;

use h2::ext::Protocol;
use tokio::time::{Instant, sleep_until};

use super::claim::left;
use super::read::{host, seen};
use super::{Gateway, Outcome, Trip};
use crate::body::Received;
use crate::policy::forward::upgrade;
use crate::policy::head::RequestHead;
use crate::policy::key_state::Phase;
use crate::policy::rejection::{Ending, Rejection, State};
use crate::policy::{Fingerprint, Guard, Plan, Sent};
use crate::table::{By, Grant};
use crate::upstream::{Connect, End, Following, Lead, Part, Reply};

/// How a request goes on.
pub(super) enum Way {
    /// By an exchange of its own.
    Own(Standing),
    /// With the response of another.
    Joined(Reply),
}

/// What a request has that goes on by itself.
pub(super) struct Standing {
    /// Its claim, if it has made one.
    pub(super) grant: Option<Grant>,
    /// What others may follow.
    pub(super) lead: Option<Lead>,
}

impl<C: Connect> Gateway<C> {
    /// Claims all keys of the plan, or none; or gets the response of the same write of the same client that is at work.
    pub(super) async fn claim_or_join(
        &self,
        head: &RequestHead,
        received: &Received,
        plan: &Plan,
        trip: &mut Trip<'_>,
    ) -> Result<Way, Rejection> {
        let Some((guard, fingerprint)) = fingerprint(head, received, plan, trip) else {
            let grant = self.claim(plan, trip).await?;
            return Ok(Way::Own(Standing { grant, lead: None }));
        };
        // Ends with the first that is sent: whoever leads in vain leaves.
        loop {
            match self.shared.joints.enter(fingerprint) {
                Part::Leads(lead) => {
                    let (grant, lead) = (self.claim(plan, trip).await?, Some(lead));
                    return Ok(Way::Own(Standing { grant, lead }));
                }
                Part::Full(since) => {
                    let ending = Ending::QueueFull;
                    return Err(self.met_itself(plan, guard, (State::Writing, since), ending));
                }
                Part::Follows(following) => {
                    let reply = self.follow(following, plan, guard, trip).await?;
                    if let Some(reply) = reply {
                        trip.outcome = Outcome::Joined;
                        return Ok(Way::Joined(reply));
                    }
                }
            }
        }
    }

    /// What the other gets, as long as this one's client waits for it; none if that was never sent.
    async fn follow(
        &self,
        mut following: Following,
        plan: &Plan,
        guard: &Guard,
        trip: &mut Trip<'_>,
    ) -> Result<Option<Reply>, Rejection> {
        let last = Instant::now() + self.upstream.limits().response_timeout;
        let last = trip.until.map_or(last, |until| until.min(last));
        let end = tokio::select! {
            biased;
            end = following.ended() => end,
            () = left(&*trip.peer.client) => return Err(Rejection::ClientLeft),
            () = sleep_until(last) => End::NotShared,
        };
        let state = match end {
            End::Unsent => return Ok(None),
            End::Whole(captured) => return Ok(Some(captured.reply())),
            End::NotShared => State::Writing,
            End::Unknown => State::Unknown(self.held_for(guard, trip)),
        };
        let met = (state, following.since());
        Err(self.met_itself(plan, guard, met, Ending::NotShared))
    }

    /// How much longer a write of unknown outcome keeps the keys.
    fn held_for(&self, guard: &Guard, trip: &mut Trip<'_>) -> Duration {
        let family = self.family(trip);
        let met = self.shared.table.standing_conflict(&guard.locks, family);
        let left = met.iter().filter_map(|met| match met.by {
            By::Holder {
                phase: Phase::OutcomeUnknown { until },
                ..
            } => Some(until.since(met.now)),
            By::Holder {
                phase: Phase::InFlight,
                ..
            }
            | By::Waiter => None,
        });
        left.max().unwrap_or_default()
    }
}

/// What is compared of a write, where its route lets it join: not of one that comes of a hold, which is of another write, nor
/// of one that may become a tunnel, nor of one whose body is not whole.
fn fingerprint<'a>(
    head: &RequestHead,
    received: &Received,
    plan: &'a Plan,
    trip: &Trip<'_>,
) -> Option<(&'a Guard, Fingerprint)> {
    let guard = plan.guard.as_ref().filter(|guard| guard.joins())?;
    let may_tunnel =
        upgrade(&head.fields.map()).is_some() || head.extensions.get::<Protocol>().is_some();
    if trip.pass.is_some() || may_tunnel || received.rest.is_some() {
        return None;
    }
    let caller = &trip.peer.caller;
    let sent = Sent {
        head: seen(head, host(head), None, trip),
        client: caller.address,
        is_secure: caller.is_secure,
        content: &received.content,
        trailers: received.trailers.as_deref(),
    };
    Some((guard, Fingerprint::of(&sent)))
}
