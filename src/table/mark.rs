//! What the table marks a write with when that is in flight no longer: whoever has met it need not look for it again.

use super::sync::{AtomicBool, Ordering};
use crate::policy::key_state;

/// A write that the table knows.
pub type Writer = key_state::Writer<Mark>;

/// Whether a write has ended, or nobody will learn its outcome.
#[derive(Debug, Default)]
pub struct Mark(AtomicBool);

impl Mark {
    /// To be called with the shards of its keys locked, before its hold of them changes.
    pub(super) fn end(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it is in flight no longer, as far as whoever asks can know.
    pub(super) fn has_ended(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
