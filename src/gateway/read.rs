//! The steps before a claim: what is to be done with a request, and what has to be read to know it.
//!
//! A slow or vanishing uploader never takes a hold: a small body is read whole first, and of a large
//! one a buffer full; or as much as there is room for, where memory is short. A conflict that stands by then is told before the rest is waited for.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::Version;
use http_body::Body as _;
use tokio::task::yield_now;

use super::{Gateway, Trip};
use crate::body::{Account, Counted, Incoming, Pace, Reading, Received, UNCHARGED, UploadFault};
use crate::content;
use crate::policy::content::Content;
use crate::policy::head::{RequestHead, lists};
use crate::policy::present::Named;
use crate::policy::rejection::{Ending, Rejection};
use crate::policy::{Awaits, Guard, Head, OnConflict, Plan};
use crate::upstream::Connect;

impl<C: Connect> Gateway<C> {
    /// What is to be done with the request, as far as its head tells. Where a key is made of a body that cannot have it, it
    /// need not be read.
    pub(super) fn plan(
        &self,
        head: &RequestHead,
        body: &Incoming,
        trip: &mut Trip<'_>,
    ) -> Result<Plan, Rejection> {
        let plan = self.plan_knowing(None, head, trip)?;
        if plan.awaits != Awaits::Keys {
            return Ok(plan);
        }
        let octets = body.is_end_stream().then_some(0);
        let octets = octets.or_else(|| body.size_hint().exact());
        match content::foreseen(&head.fields, octets, self.config().server.request_buffer) {
            Some(content) => self.plan_knowing(Some(&content), head, trip),
            None => Ok(plan),
        }
    }

    /// What is to be done now that the body is here, or as much of it as fits. Backends that take `_method` from a form take
    /// it from one that was read.
    pub(super) fn plan_with_body(
        &self,
        head: &RequestHead,
        received: &Received,
        plan: &mut Plan,
        trip: &mut Trip<'_>,
    ) -> Result<(), Rejection> {
        let limit = self.config().server.request_buffer;
        let wanted = self.config().policy.wanted();
        let content = match (plan.awaits, &received.rest) {
            (Awaits::Nothing, _) | (Awaits::Method, Some(_)) => return Ok(()),
            (Awaits::Keys, Some(_)) => content::too_large(limit),
            (Awaits::Method | Awaits::Keys, None) => {
                content::read(&head.fields, &received.content, wanted, limit)
            }
        };
        *plan = self.plan_knowing(Some(&content), head, trip)?;
        Ok(())
    }

    fn plan_knowing(
        &self,
        content: Option<&Content>,
        head: &RequestHead,
        trip: &mut Trip<'_>,
    ) -> Result<Plan, Rejection> {
        let policy = &self.config().policy;
        let host = if policy.asks_for_host() {
            host(head)
        } else {
            ""
        };
        let seen = seen(head, host, content, trip);
        let plan = policy.plan(&seen).map_err(Rejection::NoKey)?;
        trip.planned(&plan);
        Ok(plan)
    }

    /// Reads a small body whole, or the beginning of a large one, where something depends on it.
    pub(super) async fn read(
        &self,
        head: &RequestHead,
        body: Incoming,
        plan: &Plan,
        trip: &mut Trip<'_>,
    ) -> Result<Received, Rejection> {
        if body.is_end_stream() {
            return Ok(Received::default());
        }
        let body = match self.take_here(head, body, plan, trip) {
            Ok(received) => return Ok(received),
            Err(body) => body,
        };
        let body = trip.counted(body).editing(self.trailer_edit());
        let server = &self.config().server;
        let guard = guarding(plan);
        let expects = expects_continue(head);
        let declared = body.size_hint().exact();
        if declared
            .zip(server.max_body)
            .is_some_and(|(declared, max)| declared > max)
        {
            return Err(Rejection::BodyTooLarge);
        }
        let fits = declared.is_none_or(|octets| octets <= server.request_buffer as u64);
        let is_wanted = match (plan.awaits, guard) {
            (Awaits::Keys, _) => true,
            (Awaits::Nothing | Awaits::Method, Some(_)) => fits || !expects,
            (Awaits::Method, None) => fits,
            (Awaits::Nothing, None) => false,
        };
        // What meets itself is told only of the whole body.
        let refused = guard.filter(|guard| !(fits && guard.joins()));
        if expects {
            self.refuse_standing_conflict(refused, trip).await?;
        }
        if !is_wanted {
            return Ok(Received {
                rest: Some(body),
                ..Received::default()
            });
        }
        // What is read for its method or its keys may be guarded by them.
        let pace = self.strict_pace();
        let account = Account::new(Arc::clone(&self.upstream.limits().budget));
        let mut reading = Reading::new(server.request_buffer, body, pace, account);
        let read = match first_look(&mut reading).await {
            Poll::Ready(read) => read,
            Poll::Pending => {
                self.refuse_standing_conflict(refused, trip).await?;
                reading.end().await
            }
        };
        read.map_err(|fault| broken_upload(fault, trip))?;
        let received = reading.received();
        trip.is_unread = received.rest.is_some();
        // What is guarded streams from here on where memory is short. What says which keys or which method has to be read.
        let is_short = trip.is_unread && received.content.len() <= server.request_buffer;
        if is_short && (guard.is_none() || plan.awaits == Awaits::Keys) {
            return Err(Rejection::BuffersExhausted);
        }
        if server
            .max_body
            .is_some_and(|max| received.content.len() as u64 > max)
        {
            return Err(Rejection::BodyTooLarge);
        }
        Ok(received)
    }

    /// A small body that came with its head, where something depends on it: most that are read are such. Given back if it is
    /// none.
    fn take_here(
        &self,
        head: &RequestHead,
        body: Incoming,
        plan: &Plan,
        trip: &mut Trip<'_>,
    ) -> Result<Received, Incoming> {
        let server = &self.config().server;
        let is_wanted = plan.awaits != Awaits::Nothing || guarding(plan).is_some();
        let fits = |content: &Bytes| {
            content.len() <= server.request_buffer
                && server
                    .max_body
                    .is_none_or(|max| content.len() as u64 <= max)
        };
        match body {
            Incoming::Here(content) if is_wanted && fits(&content) && !expects_continue(head) => {
                trip.count(content.len());
                let charge = if content.len() > UNCHARGED {
                    let mut account = Account::new(Arc::clone(&self.upstream.limits().budget));
                    // Without room it is here all the same.
                    account.charge(content.len());
                    account.close()
                } else {
                    None
                };
                Ok(Received {
                    content,
                    charge,
                    ..Received::default()
                })
            }
            other @ (Incoming::Here(_) | Incoming::Http1(_) | Incoming::Http2(_)) => Err(other),
        }
    }

    /// How long the client may be waited for while it sends the rest of a body. Where nothing is held, one that has said
    /// how long its body is may be silent for longer, and one that has not may be a stream, whose sender speaks when it
    /// has something to say.
    pub(super) fn pace(&self, is_guarded: bool, rest: Option<&Counted>) -> Option<Pace> {
        let server = &self.config().server;
        let in_all = server.limits.body_timeout;
        let rest = rest?;
        if is_guarded {
            return Some(self.strict_pace());
        }
        let pace = match rest.size_hint().exact() {
            Some(_) => Pace::new(server.idle_timeout, server.min_body_rate),
            None => Pace::new(in_all?, 0),
        };
        Some(pace.within(in_all))
    }

    fn strict_pace(&self) -> Pace {
        let server = &self.config().server;
        Pace::new(server.receive_timeout, server.min_body_rate).within(server.limits.body_timeout)
    }

    /// A conflict that stands already is told before the body is read, or even asked for. What waits for its turn may as
    /// well read it meanwhile.
    async fn refuse_standing_conflict(
        &self,
        guard: Option<&Guard>,
        trip: &mut Trip<'_>,
    ) -> Result<(), Rejection> {
        let refusing = guard.filter(|guard| guard.on_conflict == OnConflict::Reject);
        let Some(guard) = refusing else { return Ok(()) };
        let family = self.family(trip);
        let met = self.shared.table.standing_conflict(&guard.locks, family);
        if met.is_empty() {
            return Ok(());
        }
        let met = if self.all_stand_after_turn(&met).await {
            met
        } else {
            self.shared.table.standing_conflict(&guard.locks, family)
        };
        if met.is_empty() {
            Ok(())
        } else {
            Err(self.refuse_claim(met, guard, Ending::AtOnce, trip))
        }
    }
}

/// The claim of a plan that keeps others away.
fn guarding(plan: &Plan) -> Option<&Guard> {
    plan.guard
        .as_ref()
        .filter(|guard| guard.keeps_others_away())
}

/// The host that the request is for, as it was sent; empty if it names none.
pub(super) fn host(head: &RequestHead) -> &str {
    let named = head.uri.authority().map(|authority| authority.as_str());
    let field = || str::from_utf8(head.fields.value(Named::Host)?).ok();
    named.or_else(field).unwrap_or_default()
}

pub(super) fn seen<'a>(
    head: &'a RequestHead,
    host: &'a str,
    content: Option<&'a Content>,
    trip: &Trip<'a>,
) -> Head<'a> {
    Head {
        method: &head.method,
        path: head.uri.path(),
        query: head.uri.query(),
        host,
        headers: &head.fields,
        client_subject: trip.peer.caller.subject.as_deref(),
        content,
    }
}

/// RFC 9110 §10.1.1.
pub(super) fn expects_continue(head: &RequestHead) -> bool {
    let expects = |line: &[u8]| lists(line, b"100-continue");
    head.fields.present().has(Named::Expect)
        && head.version >= Version::HTTP_11
        && head.fields.values(Named::Expect).any(expects)
}

pub(super) fn broken_upload(fault: UploadFault, trip: &Trip<'_>) -> Rejection {
    match fault {
        UploadFault::Broken => Rejection::BodyBroken(trip.peer.client.broken_body()),
        UploadFault::TooSlow | UploadFault::Awaited => Rejection::BodyTooSlow,
        UploadFault::TooLarge => Rejection::BodyTooLarge,
    }
}

/// What comes of a body by the connection's next turn: a small one that came right behind its head
/// is here by then.
async fn first_look(reading: &mut Reading) -> Poll<Result<(), UploadFault>> {
    let here = poll_fn(|cx| Poll::Ready(reading.poll_here(cx))).await;
    if here.is_ready() {
        return here;
    }
    yield_now().await;
    poll_fn(|cx| Poll::Ready(reading.poll_here(cx))).await
}
