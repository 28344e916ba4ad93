//! The client's side of one connection, as the requests on it see it.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use crate::upstream::Tunnel;
use crate::wire::Client;

/// A client's connection. `S` is the kind of connection that leads to the upstream.
pub struct Peer<S> {
    /// The client's end.
    pub client: Rc<dyn Client>,
    /// Where it connects from; none over a Unix socket.
    pub address: Option<IpAddr>,
    tunnel: RefCell<Option<Tunnel<S>>>,
    /// How many requests have come.
    begun: Cell<u64>,
    /// Every request that is not answered to the end has a share of this.
    in_flight: Rc<()>,
}

impl<S> Peer<S> {
    /// A connection on which nothing has happened yet.
    pub fn new(client: Rc<dyn Client>, address: Option<IpAddr>) -> Self {
        Self {
            client,
            address,
            tunnel: RefCell::new(None),
            begun: Cell::new(0),
            in_flight: Rc::new(()),
        }
    }

    /// A request has come. It is in flight for as long as what this returns is kept.
    pub fn begin(&self) -> Rc<()> {
        self.begun.set(self.begun.get() + 1);
        Rc::clone(&self.in_flight)
    }

    /// How many requests have come.
    pub fn begun(&self) -> u64 {
        self.begun.get()
    }

    /// Whether no request has come since `begun` had, and none is in flight or half here.
    pub fn is_idle_since(&self, begun: u64) -> bool {
        let is_answered = self.begun.get() == begun && Rc::strong_count(&self.in_flight) == 1;
        is_answered && self.client.is_at_rest()
    }

    /// Whether only the client is waited for: it has begun a request, and none is in flight.
    pub fn is_waiting_for_head(&self) -> bool {
        Rc::strong_count(&self.in_flight) == 1 && self.client.is_in_head()
    }

    /// The connection is to be joined to this one once the 101 is written.
    pub fn join(&self, tunnel: Tunnel<S>) {
        *self.tunnel.borrow_mut() = Some(tunnel);
        self.client.tunnel();
    }

    /// What the connection is to be joined to now that HTTP has ended on it.
    pub fn take_tunnel(&self) -> Option<Tunnel<S>> {
        self.tunnel.borrow_mut().take()
    }
}

impl<S> std::fmt::Debug for Peer<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
