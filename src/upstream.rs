//! The upstream: connections to it, and exchanges that own their holds and run to completion.
//!
//! Invariants:
//! - Before the first byte of a write is sent, its claim is a [`Grant`], and dropping it frees the
//!   keys; from then on its exchange owns a hold, and outlives the client.
//! - A write is sent a second time only if not one byte of it was written; a safe request without
//!   a body, while nothing of its response has come over a connection that was used before.

mod alarm;
mod dial;
mod exchange;
mod fault;
mod interims;
mod joint;
mod link;
mod outgoing;
mod pool;
mod relays;
mod send;
mod silence;
mod tasks;
mod terms;

pub use alarm::Alarms;
pub use dial::Dialer;
pub use fault::Fault;
pub use joint::{Captured, End, Following, Joints, Lead, Part};
pub use outgoing::{Added, Introduced, Outgoing};
pub use relays::{Relay, Relays};
pub use tasks::{Attached, Tasks};
pub use terms::{HoldTimes, Limits, Terms};

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::Scheme;
use http_body::Body as _;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use crate::body::Body;
use crate::config::{Address, Protocol};
use crate::policy::head::ResponseHead;
use crate::table::Grant;
use crate::wire::{Client, Duplex, Hangup, Socket};
use exchange::Exchange;
use link::{Http1, Link, Shared, Stream};
use pool::Pool;
use silence::Silence;

/// How often a request may meet an idle connection that turns out to be stale before it gets a new one.
const POOLED_ATTEMPTS: u32 = 2;

/// Makes connections to the upstream.
pub trait Connect: 'static {
    /// What it makes.
    type Socket: Socket;

    /// Connects to one server.
    fn connect(&self, address: &Address) -> impl Future<Output = io::Result<Self::Socket>>;

    /// Connects as far as it takes to see whether anybody is there, and no further.
    fn reach(&self, address: &Address) -> impl Future<Output = io::Result<()>> {
        async { self.connect(address).await.map(drop) }
    }
}

/// What comes back of an exchange.
pub enum Reply {
    /// A response: whole, or still coming.
    Answered(Box<ResponseHead>, Body),
    /// 101: the connection belongs to another protocol now. With it comes what was read of that.
    Tunnel(Box<ResponseHead>, Tunnel),
}

/// A connection that is becoming a tunnel.
pub type Tunnel = Pin<Box<dyn Future<Output = (Box<dyn Duplex>, Bytes)>>>;

/// The servers behind the gateway, as one worker sees them.
pub struct Upstream<C: Connect> {
    connector: C,
    servers: Vec<Server<C::Socket>>,
    /// Where the next new exchange begins to look: one server after the other.
    next: Cell<usize>,
    limits: Rc<Limits>,
}

impl<C: Connect> Upstream<C> {
    /// The servers at these addresses, of which there is at least one.
    pub fn new(connector: C, addresses: &[Address], limits: Rc<Limits>) -> Self {
        let servers = addresses
            .iter()
            .map(|address| Server {
                address: address.clone(),
                pool: Pool::new(limits.idle_timeout, limits.keep_case),
                is_down: Cell::new(false),
            })
            .collect();
        Self {
            connector,
            servers,
            next: Cell::new(0),
            limits,
        }
    }

    /// The bounds of its exchanges.
    pub const fn limits(&self) -> &Rc<Limits> {
        &self.limits
    }

    /// Closes connections that have been idle for too long.
    pub fn sweep(&self) {
        let now = Instant::now();
        for server in &self.servers {
            server.pool.sweep(now);
        }
    }

    /// Tries one connection to each server, so that one that takes none is told of before a request is refused for it.
    pub async fn try_out(&self) {
        for server in &self.servers {
            let reaching = self.connector.reach(&server.address);
            match timeout(self.limits.connect_timeout, reaching).await {
                Ok(Ok(())) => server.connected(),
                Ok(Err(error)) => server.failed(&Fault::Unreachable(error)),
                Err(_) => server.failed(&Fault::ConnectTimeout),
            }
        }
    }

    /// Sends a request, and waits for its response for as long as anybody would.
    pub async fn send(
        &self,
        mut request: Outgoing,
        mut grant: Option<Grant>,
        terms: Rc<Terms>,
    ) -> Result<Reply, Fault> {
        if self.limits.protocol == Protocol::Http1 {
            // Before there is a connection, which is looked at once more right before it is written to.
            self.limits.batch.end_of_turn().await;
        }
        let mut attempts = 0u32..;
        loop {
            let is_guarded = grant.as_ref().is_some_and(Grant::is_guarded);
            let is_pooled = attempts.next() < Some(POOLED_ATTEMPTS);
            let mut link = self.link_unless_left(is_guarded, is_pooled, &terms).await?;
            // A connection that was used before may turn out to be stale.
            let is_reused = link.is_reused();
            link.begin(request);
            match self.wait(link, grant, &terms).await {
                Err(Fault::NotSent {
                    grant: back,
                    request: Some(again),
                    ..
                }) if is_reused => (request, grant) = (*again, back.map(|grant| *grant)),
                Err(Fault::Broken {
                    is_unheard: true,
                    grant: back,
                    request: Some(again),
                    ..
                }) if is_reused && !terms.is_write && again.body.is_end_stream() => {
                    (request, grant) = (*again, back.map(|grant| *grant));
                }
                Err(fault) => return Err(fault.without_claim()),
                settled => return settled,
            }
        }
    }

    /// Waits for an exchange. One that is guarded goes on when nobody waits any more.
    async fn wait(
        &self,
        link: Link<C::Socket>,
        grant: Option<Grant>,
        terms: &Rc<Terms>,
    ) -> Result<Reply, Fault> {
        let last_byte = Rc::clone(link.last_byte());
        let outlives = grant.as_ref().is_some_and(Grant::is_guarded);
        let exchange = Exchange::run(link, grant, Rc::clone(terms));
        let heir = outlives.then_some(&self.limits.tasks);
        let mut exchange = Attached::new(exchange, heir);
        let mut deserted = Deserted(Some(terms));
        let mut patience = Silence::new(
            self.limits.response_timeout,
            &last_byte,
            &self.limits.alarms,
        );
        poll_fn(|cx| {
            if let Poll::Ready(reply) = Pin::new(&mut exchange).poll(cx) {
                deserted.0 = None;
                return Poll::Ready(reply);
            }
            if !outlives && terms.client().is_none_or(|client| is_gone(&*client, cx)) {
                return Poll::Ready(Err(Fault::ClientLeft));
            }
            patience.poll(cx).map(|()| Err(Fault::ResponseTimeout))
        })
        .await
    }

    /// A connection, one that is idle or a new one; none for a guarded write whose client leaves before there is one.
    async fn link_unless_left(
        &self,
        is_guarded: bool,
        is_pooled: bool,
        terms: &Terms,
    ) -> Result<Link<C::Socket>, Fault> {
        let is_left = |has_left: &mut dyn FnMut(&dyn Client) -> bool| {
            is_guarded && terms.client().is_none_or(|client| has_left(&*client))
        };
        let first = self.next.get();
        self.next.set((first + 1) % self.servers.len());
        let taken = poll_fn(|cx| {
            // Nothing is waited for yet.
            Poll::Ready(if is_left(&mut |client| client.hangup().is_some()) {
                Err(Fault::ClientLeft)
            } else {
                Ok(is_pooled.then(|| self.idle(first, cx)).flatten())
            })
        });
        if let Some(link) = taken.await? {
            return Ok(link);
        }
        // Boxed: most find one that is idle.
        let mut dialing = Box::pin(self.dial(first, is_pooled));
        poll_fn(|cx| {
            if is_left(&mut |client| has_left(client, cx)) {
                return Poll::Ready(Err(Fault::ClientLeft));
            }
            dialing.as_mut().poll(cx)
        })
        .await
    }

    /// The servers in their turn, of which the one in this place comes first.
    fn in_turn(&self, first: usize) -> impl Iterator<Item = &Server<C::Socket>> {
        (0..self.servers.len())
            .map(move |place| &self.servers[(first + place) % self.servers.len()])
    }

    /// A connection that is idle.
    fn idle(&self, first: usize, cx: &mut Context<'_>) -> Option<Link<C::Socket>> {
        self.in_turn(first).find_map(|server| server.pool.take(cx))
    }

    /// A new connection to the first server that takes it.
    async fn dial(&self, first: usize, is_pooled: bool) -> Result<Link<C::Socket>, Fault> {
        let mut fault = Fault::ConnectTimeout;
        for server in self.in_turn(first) {
            let connecting = self.connect(server, is_pooled);
            fault = match timeout(self.limits.connect_timeout, connecting).await {
                Ok(Ok(link)) => {
                    server.connected();
                    return Ok(link);
                }
                Ok(Err(error)) => Fault::Unreachable(error),
                Err(_) => Fault::ConnectTimeout,
            };
            server.failed(&fault);
        }
        Err(fault)
    }

    /// A new connection to `server`; or a stream on one that was made while this one waited to be.
    async fn connect(
        &self,
        server: &Server<C::Socket>,
        is_pooled: bool,
    ) -> io::Result<Link<C::Socket>> {
        let pool = &server.pool;
        if self.limits.protocol == Protocol::Http1 {
            let socket = self.connector.connect(&server.address).await?;
            return Ok(Link::Http1(Http1::new(socket, pool)));
        }
        let _dialing = pool.dial().await;
        if is_pooled && let Some(link) = poll_fn(|cx| Poll::Ready(pool.take(cx))).await {
            return Ok(link);
        }
        let socket = self.connector.connect(&server.address).await?;
        let scheme = match socket.security() {
            None => Scheme::HTTP,
            Some(security) if security.is_http2() => Scheme::HTTPS,
            Some(_) => return Err(io::Error::other("the upstream speaks no HTTP/2 within TLS")),
        };
        let relay = self.limits.tasks.relays().enter();
        let shared = Shared::new(socket, scheme, pool.idle_timeout, relay)
            .await
            .map_err(io::Error::other)?;
        pool.share(Rc::clone(&shared));
        Ok(Link::Http2(Box::new(Stream::on(&shared))))
    }
}

/// One server, as one worker sees it.
struct Server<S: Socket> {
    address: Address,
    pool: Rc<Pool<S>>,
    /// Whether the last attempt to connect failed: told once, not for each request.
    is_down: Cell<bool>,
}

impl<S: Socket> Server<S> {
    fn connected(&self) {
        if self.is_down.replace(false) {
            info!(upstream = %self.address, "the upstream takes connections again");
        }
    }

    fn failed(&self, fault: &Fault) {
        if !self.is_down.replace(true) {
            warn!(upstream = %self.address, error = %fault.chain(), "cannot connect to the upstream");
        }
    }
}

/// Dropped with its terms, it says that nobody waits for the response any more: what comes of it now is
/// not for the client's connection, which may be busy with another request.
struct Deserted<'a>(Option<&'a Terms>);

impl Drop for Deserted<'_> {
    fn drop(&mut self) {
        if let Some(terms) = self.0 {
            terms.client.take();
        }
    }
}

impl<C: Connect> std::fmt::Debug for Upstream<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Whether the client sends no more, or is gone. Arranges a wake-up for when that may have changed.
fn has_left(client: &dyn Client, cx: &mut Context<'_>) -> bool {
    let _ = client.poll_stirred(cx);
    client.hangup().is_some()
}

/// Whether the client can no longer be answered. Arranges a wake-up for when that may have changed.
fn is_gone(client: &dyn Client, cx: &mut Context<'_>) -> bool {
    let _ = client.poll_stirred(cx);
    client.hangup() == Some(Hangup::Closed)
}
