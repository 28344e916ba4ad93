//! The spine: one request, from its head to its answer, top to bottom.
//!
//! Invariants:
//! - Every request gets exactly one answer, the upstream's or a [`Rejection`].
//! - A write is claimed for only once a small body is here whole, and forwarded only once it is claimed.
//! - A conflict is told only after everything that had reached the workers by then was looked at.

mod ago;
mod answered;
mod caller;
mod claim;
mod families;
mod forward;
mod join;
mod log;
mod peer;
mod read;
mod slots;
mod trip;
mod turns;

pub use answered::Answered;
pub use caller::Caller;
pub use log::Counts;
pub use peer::Peer;
pub use turns::{TurnRequest, Turns};

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, Response};

use crate::body::{Body, Incoming};
use crate::config::Config;
use crate::policy::head::{Malformed, RequestHead};
use crate::policy::rejection::{Audience, Rejection, Room, Telling, Written};
use crate::table::Table;
use crate::upstream::{Connect, Joints, Limits, Upstream};
use ago::Wall;
use families::Families;
use join::Way;
use slots::InFlight;
use trip::{Outcome, Trip};

/// What all workers share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The configuration.
    pub config: Arc<Config>,
    /// Who holds what.
    pub table: Arc<Table>,
    /// Which writes others of their own may join.
    pub joints: Arc<Joints>,
    in_flight: Option<Arc<InFlight>>,
}

impl Shared {
    /// What workers with this configuration share.
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            table: Table::numbering(config.server.max_holds, first_number()),
            joints: Arc::default(),
            in_flight: InFlight::new(config.server.limits.max_requests),
            config,
        }
    }
}

/// Later processes begin with greater numbers, as long as fewer than a million writes a second are granted; all of them are
/// below 2^53, which is where JavaScript's end.
fn first_number() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(0))
}

/// What one worker needs to answer requests.
pub struct Gateway<C: Connect> {
    shared: Shared,
    upstream: Upstream<C>,
    turns: Turns,
    counts: Arc<Counts>,
    next_hold: Cell<u64>,
    families: Families,
    /// What its routes are called, in their order: to share what all workers share costs more.
    labels: Box<[Rc<str>]>,
    /// Where conflicts are told, and by which clock.
    room: RefCell<Room>,
    wall: Wall,
}

impl<C: Connect> Gateway<C> {
    /// A gateway of the worker whose `turns` these are.
    pub fn new(shared: Shared, connector: C, limits: Limits, turns: Turns) -> Self {
        let servers = &shared.config.upstream.servers;
        let routes = shared.config.policy.routes().iter();
        let labels = routes.map(|route| Rc::from(&*route.label)).collect();
        let upstream = Upstream::new(connector, servers, Rc::new(limits));
        Self {
            labels,
            wall: Wall::new(Arc::clone(&shared.table)),
            shared,
            upstream,
            turns,
            counts: Arc::default(),
            next_hold: Cell::new(0),
            families: Families::default(),
            room: RefCell::default(),
        }
    }

    /// The bounds of its exchanges.
    pub const fn limits(&self) -> &Rc<Limits> {
        self.upstream.limits()
    }

    /// What it has counted.
    pub const fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Its configuration.
    pub const fn config(&self) -> &Arc<Config> {
        &self.shared.config
    }

    /// Gives back what is no longer of use: idle connections, and holds whose time is over.
    pub fn sweep(&self) {
        self.upstream.sweep();
        self.shared.table.sweep();
    }

    /// Tells of servers that take no connection, before a request is refused for it.
    pub async fn try_upstream(&self) {
        self.upstream.try_out().await;
    }

    /// Ends holds as their time is over, for as long as it is polled.
    pub fn expire(&self) -> impl Future<Output = ()> + use<C> {
        Arc::clone(&self.shared.table).expire()
    }

    /// Answers one request, whatever happens.
    pub async fn handle(&self, head: Box<RequestHead>, body: Incoming, peer: &Peer) -> Answered {
        let in_flight = peer.begin();
        self.counts.request();
        let mut trip = self.begin(&head, &body, peer);
        let admitted = self.admit(head, body, &mut trip).await;
        let mut response = admitted.unwrap_or_else(|rejection| self.reject(&rejection, &mut trip));
        trip.tell(&mut response);
        peer.client.begin_final(self.patience(&trip));
        peer.answer_until(trip.until);
        let in_flight = trip.counted_with(in_flight);
        trip.report_with(&mut response);
        response.body.keep(in_flight);
        response
    }

    /// Answers a request that cannot be understood in one way only.
    pub fn turn_away(&self, head: &RequestHead, why: Malformed, peer: &Peer) -> Answered {
        self.counts.request();
        let mut trip = self.begin(head, &Incoming::NONE, peer);
        let mut response = self.reject(&Rejection::Malformed(why), &mut trip);
        trip.report_with(&mut response);
        response
    }

    fn begin<'a>(&self, head: &RequestHead, body: &Incoming, peer: &'a Peer) -> Trip<'a> {
        let is_coming = body.is_coming();
        Trip::begin(&self.shared.config, (head, is_coming), peer)
    }

    /// Takes a request through all its steps. Each says by which rejections it can end.
    async fn admit(
        &self,
        head: Box<RequestHead>,
        body: Incoming,
        trip: &mut Trip<'_>,
    ) -> Result<Answered, Rejection> {
        self.recognise(&head, trip);
        self.enter(trip)?; // 503
        let mut plan = self.plan(&head, &body, trip)?; // 400
        let received = self.read(&head, body, &plan, trip).await?; // 400, 408, 409, 413
        self.plan_with_body(&head, &received, &mut plan, trip)?; // 400
        let way = self.claim_or_join(&head, &received, &plan, trip).await?; // 409, 503
        let reply = match way {
            Way::Joined(reply) => reply,
            Way::Own(own) => self.exchange(head, received, own, &plan, trip).await?, // 400, 408, 413, 502, 504
        };
        Ok(self.answer(reply, trip))
    }

    /// How long the client may take nothing of its response: less where a hold may wait with it.
    fn patience(&self, trip: &Trip<'_>) -> Duration {
        let server = &self.config().server;
        match trip.outcome {
            Outcome::Guarded | Outcome::Shared => server.send_timeout,
            Outcome::Undecided
            | Outcome::Forwarded
            | Outcome::Joined
            | Outcome::Observed
            | Outcome::Overlapped
            | Outcome::Rejected(_) => server.idle_timeout,
        }
    }

    fn reject(&self, rejection: &Rejection, trip: &mut Trip<'_>) -> Answered {
        trip.outcome = Outcome::Rejected(rejection.name());
        if matches!(rejection, Rejection::Conflict(_)) {
            self.counts.conflict();
        }
        let telling = Telling {
            answers: &self.config().answers,
            audience: &trip.audience,
            method: &trip.method,
            is_last: trip.is_unread,
        };
        let (head, content) = rejection.told(&telling, &mut self.room.borrow_mut());
        let body = match content {
            _ if trip.is_head => Body::whole(Bytes::new()),
            Written::Lent(content) => Body::lent(content),
            Written::Own(content) => Body::whole(content),
        };
        Answered { head, body }
    }

    /// The answer to a request that was refused before it could become one.
    pub fn refuse(&self, why: Malformed, client: Option<IpAddr>) -> Response<Bytes> {
        let telling = Telling {
            answers: &self.config().answers,
            audience: &Audience::default(),
            method: &Method::GET,
            is_last: true,
        };
        let rejection = Rejection::Malformed(why);
        let answer = rejection.answer(&telling);
        self.counts.request();
        if self.config().server.access_log {
            log::write_refused(client, why, &rejection, &answer);
        }
        answer
    }
}

impl<C: Connect> std::fmt::Debug for Gateway<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("upstream", &self.upstream)
            .finish_non_exhaustive()
    }
}
