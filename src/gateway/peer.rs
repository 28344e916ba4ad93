//! The client's side of one connection, as the requests on it see it.

use std::cell::RefCell;
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
}

impl<S> Peer<S> {
    /// A connection on which nothing has happened yet.
    pub const fn new(client: Rc<dyn Client>, address: Option<IpAddr>) -> Self {
        Self {
            client,
            address,
            tunnel: RefCell::new(None),
        }
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
