//! What of bodies is in memory, counted in octets against the worker's budget.

use std::sync::Arc;

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
