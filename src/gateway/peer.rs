//! The client's side of one connection, or of one stream of HTTP/2, as the requests on it see it.

use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;

use tokio::time::Instant;

use super::Caller;
use crate::upstream::Tunnel;
use crate::wire::Client;

/// A client, and who it is.
pub struct Peer {
    /// The client's end.
    pub client: Rc<dyn Client>,
    /// Who it is.
    pub caller: Caller,
    tunnel: Cell<Option<Tunnel>>,
    at_work: Rc<dyn Any>,
    /// How many requests have come.
    begun: Cell<u64>,
    /// Every request that is not answered to the end has a share of this.
    in_flight: Rc<()>,
    /// When the response that is being sent has to have ended.
    until: Cell<Option<Instant>>,
}

impl Peer {
    /// A connection on which nothing has happened yet.
    pub fn new(client: Rc<dyn Client>, caller: Caller) -> Self {
        Self::of_stream(client, caller, Rc::new(()))
    }

    /// One stream of a connection, whose exchange keeps `at_work` until it has ended.
    pub fn of_stream(client: Rc<dyn Client>, caller: Caller, at_work: Rc<dyn Any>) -> Self {
        Self {
            client,
            caller,
            tunnel: Cell::new(None),
            at_work,
            begun: Cell::new(0),
            in_flight: Rc::new(()),
            until: Cell::new(None),
        }
    }

    /// A request has come. It is in flight for as long as what this returns is kept.
    pub fn begin(&self) -> Rc<()> {
        self.begun.set(self.begun.get() + 1);
        self.until.set(None);
        Rc::clone(&self.in_flight)
    }

    /// An exchange begins, and keeps this until it has ended.
    pub fn work(&self) -> Rc<dyn Any> {
        Rc::clone(&self.at_work)
    }

    /// How many requests have come.
    pub fn begun(&self) -> u64 {
        self.begun.get()
    }

    /// Whether none of the requests is in flight.
    pub fn is_answered(&self) -> bool {
        Rc::strong_count(&self.in_flight) == 1
    }

    /// A response is about to be sent, and has to have ended by then.
    pub(super) fn answer_until(&self, until: Option<Instant>) {
        self.until.set(until);
    }

    /// When the response that is being sent has to have ended.
    pub fn until(&self) -> Option<Instant> {
        self.until.get()
    }

    /// Whether a response is still being sent that was to have ended by `now`.
    pub fn is_overdue(&self, now: Instant) -> bool {
        !self.is_answered() && self.until.get().is_some_and(|until| until <= now)
    }

    /// The connection is to be joined to this one once the 101 is written.
    pub fn join(&self, tunnel: Tunnel) {
        self.tunnel.set(Some(tunnel));
        self.client.tunnel();
    }

    /// Whether HTTP ends on the connection with the response that is being sent.
    pub fn is_joined(&self) -> bool {
        // A cell cannot be looked into.
        let tunnel = self.tunnel.take();
        let is_joined = tunnel.is_some();
        self.tunnel.set(tunnel);
        is_joined
    }

    /// What the connection is to be joined to now that HTTP has ended on it.
    pub fn take_tunnel(&self) -> Option<Tunnel> {
        self.tunnel.take()
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}
