//! What is remembered of one request on its way, to answer it and to log it.
//!
//! Invariants:
//! - One access line a request, written when its response has ended, however it has.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use tokio::time::Instant;

use super::log::Line;
use super::slots::Slot;
use super::{Answered, Peer};
use crate::body::{BodyEnd, Counted, Incoming};
use crate::config::Config;
use crate::policy::head::RequestHead;
use crate::policy::present::Named;
use crate::policy::rejection::{Audience, JOINED, WAITED};
use crate::policy::{Family, Pass, Plan, RequestId, RouteId};

/// The longest request identifier that is passed on.
const REQUEST_ID_LIMIT: usize = 128;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing yet: where it stays so, the client has left.
    Undecided,
    /// Forwarded, and nothing was claimed.
    Forwarded,
    /// Forwarded, with its keys held.
    Guarded,
    /// Answered with the response to the same write of the same client.
    Joined,
    /// Forwarded, with its keys shared with other reads.
    Shared,
    /// Forwarded, with its keys only watched, and met nothing.
    Observed,
    /// Forwarded beside another write on one of its keys.
    Overlapped,
    /// Answered by the gateway itself.
    Rejected(&'static str),
}

impl Outcome {
    /// How it is logged.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Undecided => "client-left",
            Self::Forwarded => "forwarded",
            Self::Guarded => "guarded",
            Self::Joined => "joined",
            Self::Shared => "shared",
            Self::Observed => "observed",
            Self::Overlapped => "overlapped",
            Self::Rejected(name) => name,
        }
    }
}

/// One request on its way.
pub(super) struct Trip<'a> {
    /// Where it came over.
    pub(super) peer: &'a Peer,
    /// The effective method, once it is known.
    pub(super) method: Method,
    /// Whether its response has no content, whatever it says (RFC 9110 §9.3.2).
    pub(super) is_head: bool,
    pub(super) request_id: RequestId,
    /// Whether some of the request may never be read: then the connection ends with the answer.
    pub(super) is_unread: bool,
    pub(super) outcome: Outcome,
    /// Who reads an answer of our own.
    pub(super) audience: Audience,
    /// Its part of the requests in flight, where they are counted.
    pub(super) slot: Option<Rc<Slot>>,
    /// When all of it has to be over.
    pub(super) until: Option<Instant>,
    /// What it came with, if that is of a hold that has not ended.
    pub(super) pass: Option<Pass>,
    /// Of which family its claim is, once that is known.
    pub(super) family: Option<Family>,
    /// How long it waited for its turn, if it did.
    pub(super) waited: Option<Duration>,
    route: RouteId,
    line: Option<Box<Line>>,
}

impl<'a> Trip<'a> {
    pub(super) fn begin(
        config: &Arc<Config>,
        (head, is_coming): (&RequestHead, bool),
        peer: &'a Peer,
    ) -> Self {
        let has_line = config.server.access_log;
        let given = head.fields.value(Named::RequestId);
        Self {
            peer,
            method: head.method.clone(),
            is_head: head.method == Method::HEAD,
            request_id: given_id(given).unwrap_or_else(drawn_id),
            is_unread: is_coming,
            outcome: Outcome::Undecided,
            slot: None,
            until: config
                .upstream
                .exchange_timeout
                .map(|most| Instant::now() + most),
            pass: None,
            family: None,
            waited: None,
            route: RouteId::GUARD,
            audience: Audience::of(&head.fields),
            line: has_line.then(|| Box::new(Line::begin(config, head, peer.caller.address))),
        }
    }

    /// The body, counted for the access line if there is one.
    pub(super) fn counted(&mut self, body: Incoming) -> Counted {
        let is_empty = http_body::Body::is_end_stream(&body);
        let line = self.line.as_mut().filter(|_| !is_empty);
        Counted::new(body, line.map(|line| line.count()))
    }

    /// Takes note that so many octets of the body have come, which are all of it.
    pub(super) fn count(&mut self, octets: usize) {
        if let Some(line) = &mut self.line {
            line.count().set(octets as u64);
        }
    }

    /// Takes note of what was decided.
    pub(super) fn planned(&mut self, plan: &Plan) {
        self.method.clone_from(&plan.method);
        self.route = plan.route;
        if let (Some(line), Some(guard)) = (&mut self.line, &plan.guard) {
            line.hold(guard.keys());
        }
    }

    /// Takes note that the request goes to the upstream now.
    pub(super) fn begin_exchange(&mut self) {
        if let Some(line) = &mut self.line {
            line.sent = Some(Instant::now());
        }
    }

    /// Takes note that the upstream has answered.
    pub(super) fn end_exchange(&mut self) {
        if let Some(line) = &mut self.line {
            line.upstream = line.sent.map(|sent| sent.elapsed());
        }
    }

    /// Tells the client how long it waited for its turn, if it did, and whose response it gets, if it is another's.
    pub(super) fn tell(&self, response: &mut Answered) {
        if self.outcome == Outcome::Joined {
            let fields = response.head.fields.map_mut();
            fields.insert(JOINED, HeaderValue::from_static("1"));
        }
        if let Some(waited) = self.waited {
            let millis = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
            let fields = response.head.fields.map_mut();
            fields.insert(WAITED, HeaderValue::from(millis));
        }
    }

    /// Has its access line written when the response has ended.
    pub(super) fn report_with(&mut self, response: &mut Answered) {
        let status = response.status();
        if let Some(report) = self.report() {
            let report = Box::new(move |end| report(Some(status), end));
            response.body.report_to(report);
        }
    }

    fn report(&mut self) -> Option<impl FnOnce(Option<StatusCode>, BodyEnd) + use<>> {
        let line = self.line.take()?;
        let (route, outcome, request_id) = (self.route, self.outcome, self.request_id.clone());
        let mut line = line;
        line.waited = self.waited;
        Some(move |status, end| line.write(status, (route, outcome), &request_id, end))
    }
}

/// A client that leaves takes its request's answer with it, but not the line.
impl Drop for Trip<'_> {
    fn drop(&mut self) {
        if let Some(report) = self.report() {
            report(None, BodyEnd::NONE);
        }
    }
}

/// One that no other request has: it need not be secret.
fn drawn_id() -> RequestId {
    RequestId::Drawn(fastrand::u128(..).to_be_bytes())
}

/// The identifier that came with the request, if it is one.
fn given_id(given: Option<&[u8]>) -> Option<RequestId> {
    let is_identifier = |id: &&[u8]| {
        (1..=REQUEST_ID_LIMIT).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
    };
    let value = HeaderValue::from_bytes(given.filter(is_identifier)?);
    value.ok().map(RequestId::Given)
}
