//! How many requests are in flight on all workers, where that has a limit.
//!
//! Invariants:
//! - A request counts from its head until its response has gone out and its exchange has ended, whichever is later: work
//!   that goes on for a client that has left counts.
//! - Without a limit nothing is counted, and nothing is shared.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Gateway, Trip};
use crate::policy::rejection::Rejection;
use crate::upstream::Connect;

/// The requests in flight, as all workers share them.
#[derive(Debug)]
pub(super) struct InFlight {
    max: usize,
    count: AtomicUsize,
}

/// One request's part of them.
#[derive(Debug)]
pub(super) struct Slot(Arc<InFlight>);

impl InFlight {
    pub(super) fn new(max: Option<usize>) -> Option<Arc<Self>> {
        let count = AtomicUsize::new(0);
        max.map(|max| Arc::new(Self { max, count }))
    }

    fn enter(self: &Arc<Self>) -> Option<Slot> {
        let more = |count| (count < self.max).then_some(count + 1);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let entered = self.count.fetch_update(set, fetch, more);
        entered.is_ok().then(|| Slot(Arc::clone(self)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<C: Connect> Gateway<C> {
    /// Counts the request among those in flight, if there may be one more.
    pub(super) fn enter(&self, trip: &mut Trip<'_>) -> Result<(), Rejection> {
        if let Some(in_flight) = &self.shared.in_flight {
            let slot = in_flight.enter().ok_or(Rejection::RequestsExhausted)?;
            trip.slot = Some(Rc::new(slot));
        }
        Ok(())
    }
}

impl Trip<'_> {
    /// `kept`, and with it the request's part of those in flight.
    pub(super) fn counted_with(&self, kept: Rc<dyn Any>) -> Rc<dyn Any> {
        match &self.slot {
            None => kept,
            Some(slot) => Rc::new((kept, Rc::clone(slot))),
        }
    }
}
