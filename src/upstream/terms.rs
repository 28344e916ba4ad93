//! On what terms requests are exchanged: the bounds of a worker's exchanges, and what each is given of its own.

use std::any::Any;
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::Semaphore;

use super::{Alarms, Lead, Tasks};
use crate::body::Gate;
use crate::config::Protocol;
use crate::policy::RouteId;
use crate::wire::{Batch, Client};

/// The bounds of exchanges, and what all of a worker's exchanges share.
#[derive(Debug)]
pub struct Limits {
    /// What is spoken with the upstream.
    pub protocol: Protocol,
    /// Whether field names keep their case over HTTP/1.1.
    pub keep_case: bool,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long anybody waits for an upstream that is silent.
    pub response_timeout: Duration,
    /// How long an idle connection is kept, unless the backend says otherwise.
    pub idle_timeout: Duration,
    /// How far a response is read ahead of its reader, in octets.
    pub response_buffer: usize,
    /// How long a client may take nothing of a response while keys are held.
    pub send_timeout: Duration,
    /// The same while none are.
    pub idle_client: Duration,
    /// The octets a second that a client has to take while it is waited for.
    pub min_body_rate: u64,
    /// What request bodies in memory are charged to, in octets.
    pub budget: Arc<Semaphore>,
    /// What responses that are read ahead are charged to: slow readers leave writes their half.
    pub response_budget: Arc<Semaphore>,
    /// What tells that it has been silent for too long.
    pub alarms: Rc<Alarms>,
    /// Who goes on with what nobody waits for.
    pub tasks: Rc<Tasks>,
    /// How long holds last.
    pub hold_times: Rc<HoldTimes>,
    /// When what is written over HTTP/1.1 is.
    pub batch: Batch,
}

/// How long holds of each route have lasted on this worker: an average in which the last ones weigh most.
#[derive(Debug, Default)]
pub struct HoldTimes(RefCell<Vec<Option<Duration>>>);

impl HoldTimes {
    /// A hold of `route` has ended after `took`.
    pub fn took(&self, route: RouteId, took: Duration) {
        let mut times = self.0.borrow_mut();
        if times.len() <= route.index() {
            times.resize(route.index() + 1, None);
        }
        let slot = &mut times[route.index()];
        *slot = Some(slot.map_or(took, |typical| (typical * 7 + took) / 8));
    }

    /// How long a hold of `route` typically lasts, once one has ended.
    pub fn typical(&self, route: RouteId) -> Option<Duration> {
        self.0.borrow().get(route.index()).copied().flatten()
    }
}

/// What one exchange is given beside its request and its claim.
pub struct Terms {
    /// The bounds.
    pub limits: Rc<Limits>,
    /// The client, while somebody waits for the response. It is no concern of the exchange whether the
    /// connection still is.
    pub client: RefCell<Option<Weak<dyn Client>>>,
    /// Whether the client has asked for another protocol.
    pub asks_upgrade: bool,
    /// Whether a successful response of another kind would be taken for the tunnel that was asked for (RFC 8441 §4).
    pub asks_tunnel: bool,
    /// Whether the client takes informational responses.
    pub takes_interims: bool,
    /// What the same write of the same client once more follows; the exchange takes it once it sends.
    pub lead: RefCell<Option<Lead>>,
    /// What keeps the body back until the upstream asks for it.
    pub gate: Option<Rc<Gate>>,
    /// Kept until the exchange has ended: it counts as work for the client's connection.
    pub at_work: Rc<dyn Any>,
    /// The route whose hold times this one adds to.
    pub route: RouteId,
    /// Whether the request may change something, by its method or by an override of it.
    pub is_write: bool,
}

impl Terms {
    /// Whether a response may have this status: nobody is switched to a protocol that nobody asked for, nor made to believe
    /// that it was.
    pub(super) fn expects(&self, status: StatusCode) -> bool {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            self.asks_upgrade
        } else {
            !(self.asks_tunnel && status.is_success())
        }
    }

    pub(super) fn client(&self) -> Option<Rc<dyn Client>> {
        self.client.borrow().as_ref().and_then(Weak::upgrade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_holds_of_a_route_weigh_most_and_those_of_another_nothing() {
        let times = HoldTimes::default();
        let this = RouteId::GUARD;
        let other = RouteId::at(3).expect("a small number");
        assert_eq!(times.typical(this), None);
        times.took(this, Duration::from_secs(8));
        assert_eq!(times.typical(this), Some(Duration::from_secs(8)));
        assert_eq!(times.typical(other), None);
        for _ in 0..40 {
            times.took(this, Duration::from_secs(16));
            times.took(other, Duration::from_secs(1));
        }
        let after = times.typical(this).expect("some have ended");
        assert!((15.9..16.0).contains(&after.as_secs_f64()), "{after:?}");
        assert_eq!(times.typical(other), Some(Duration::from_secs(1)));
    }
}
