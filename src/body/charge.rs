//! What of bodies is in memory, counted in octets against the worker's budget.
//!
//! A body is charged for what has come of it, not for what was announced: one that dribbles takes no room from others. What is
//! small, and here at once, is not charged.

use std::sync::Arc;

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The largest body that is not charged to a budget: to count it would cost more than it does.
pub const UNCHARGED: usize = 4 * 1024;

/// What one body is charged for while it is read.
#[derive(Debug)]
pub struct Account {
    budget: Arc<Semaphore>,
    charge: Option<OwnedSemaphorePermit>,
}

impl Account {
    /// An account on which nothing stands.
    pub const fn new(budget: Arc<Semaphore>) -> Self {
        Self {
            budget,
            charge: None,
        }
    }

    /// Charges for so many octets more, if the budget has them.
    pub fn charge(&mut self, octets: usize) -> bool {
        let octets = u32::try_from(octets).ok();
        let charge =
            octets.and_then(|octets| Arc::clone(&self.budget).try_acquire_many_owned(octets).ok());
        match (&mut self.charge, charge) {
            (_, None) => return false,
            (Some(before), Some(charge)) => before.merge(charge),
            (none, charge) => *none = charge,
        }
        true
    }

    /// What the body is charged to from now on.
    pub fn close(self) -> Option<OwnedSemaphorePermit> {
        self.charge
    }
}

/// Content with what it is charged to.
struct Charged {
    content: Bytes,
    _charge: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

/// The same content, charged for until the last of it is let go, which may be by the kernel taking it.
pub fn charged_with(content: Bytes, charge: OwnedSemaphorePermit) -> Bytes {
    Bytes::from_owner(Charged {
        content,
        _charge: charge,
    })
}

/// The same frame, charged to the budget, and whether that had enough left.
pub fn charged(frame: Frame<Bytes>, budget: &Arc<Semaphore>) -> (Frame<Bytes>, bool) {
    let octets = frame.data_ref().map_or(0, Bytes::len);
    if octets == 0 {
        return (frame, true);
    }
    let permits = u32::try_from(octets).ok();
    match permits.and_then(|octets| Arc::clone(budget).try_acquire_many_owned(octets).ok()) {
        Some(charge) => (
            frame.map_data(|content| charged_with(content, charge)),
            true,
        ),
        None => (frame, false),
    }
}
