//! What a claim met.

use smallvec::SmallVec;
use triomphe::Arc;

use super::mark::{Mark, Writer};
use crate::policy::key::{Key, Spot};
use crate::policy::key_state::{HoldId, Holder, Moment, Obstacle, Phase};

/// What a claim met on its keys, one of each, by the order of the keys.
pub type Mets = SmallVec<[Met; 1]>;

/// Another write that a claim met on one key.
#[derive(Debug)]
pub struct Met {
    /// The key on which they met.
    pub key: Key,
    /// The other write.
    pub writer: Arc<Writer>,
    /// Since when it holds the key, or waits for it.
    pub since: Moment,
    /// The moment of the meeting.
    pub now: Moment,
    /// What it has of the key.
    pub by: By,
}

/// What the other write has of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// It holds it.
    Holder {
        /// Its hold.
        id: HoldId,
        /// What is known of it.
        phase: Phase,
        /// Whether it is only a key below that it holds.
        is_below: bool,
    },
    /// It waits for it.
    Waiter,
}

impl Met {
    /// Whether it is what it was: a write that holds the key, and has not ended.
    pub fn stands(&self) -> bool {
        let is_at_work = matches!(
            self.by,
            By::Holder {
                phase: Phase::InFlight,
                ..
            }
        );
        is_at_work && !self.writer.mark.has_ended()
    }

    pub(super) fn holder(spot: &Spot, holder: Holder<'_, Mark>, now: Moment) -> Self {
        Self {
            key: spot.key.clone(),
            writer: Arc::clone(holder.writer),
            since: holder.writer.since,
            now,
            by: By::Holder {
                id: holder.writer.id,
                phase: holder.phase,
                is_below: holder.mode.is_intention(),
            },
        }
    }

    pub(super) fn obstacle<W>(spot: &Spot, obstacle: Obstacle<'_, W, Mark>, now: Moment) -> Self {
        match obstacle {
            Obstacle::Holder(holder) => Self::holder(spot, holder, now),
            Obstacle::Waiter(waiter) => Self {
                key: spot.key.clone(),
                writer: Arc::clone(&waiter.writer),
                since: waiter.writer.since,
                now,
                by: By::Waiter,
            },
        }
    }
}
