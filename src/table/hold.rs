//! What is handed out of the table: a grant, then a hold, which cannot be forgotten.
//!
//! Invariants:
//! - A [`Grant`] that is dropped ends, since nothing was sent.
//! - A [`Hold`] that is dropped without a verdict becomes an unknown outcome.
//! - Each ends its own keys, by its own [`HoldId`], and does so once.

use std::cell::Cell;
use std::cmp::Ordering;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;
use triomphe::Arc;

use super::ledger::Ledger;
use super::mark::Writer;
use crate::policy::Pass;
use crate::policy::key::Key;
use crate::policy::key_state::{HoldId, Moment};
use crate::policy::plan::Purpose;

/// When the last byte of an exchange went to the upstream or came from it.
pub type LastByte = Rc<Cell<Instant>>;

/// What a hold needs to end itself.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) ledger: &'static Ledger,
    pub(super) writer: Arc<Writer>,
}

impl Entry {
    fn release(self) {
        self.ledger.remove(&self.writer);
    }

    /// Nobody will learn what became of the write that was last heard of at `last_byte`.
    fn give_up(self, last_byte: Moment) {
        let until = last_byte.after(self.writer.max_work());
        match self.writer.purpose {
            // Nobody reads what comes of it, torn or not.
            Purpose::Read => {
                self.release();
                return;
            }
            Purpose::Write => self.warn(until.since(self.ledger.now())),
            Purpose::Observe => {}
        }
        self.ledger.give_up(self.writer, until);
    }

    fn warn(&self, left: Duration) {
        let keys: Vec<&str> = self.writer.placed.named().map(Key::shown).collect();
        warn!(
            target: "outcome",
            keys = keys.join(" "),
            method = %self.writer.method(),
            request_id = self.writer.request_id(),
            held_for_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            "the outcome of a write is unknown: its keys are held for as long as the upstream can be at work on it",
        );
    }
}

/// A hold of which nothing was sent. Dropped, it ends: its write never reached the upstream.
#[derive(Debug)]
pub struct Grant {
    entry: Option<Entry>,
}

impl Grant {
    pub(super) fn new(entry: Entry) -> Self {
        Self { entry: Some(entry) }
    }

    /// What it is for.
    pub fn purpose(&self) -> Option<Purpose> {
        self.entry.as_ref().map(|entry| entry.writer.purpose)
    }

    /// What the upstream is given, so that what it sends through the gateway passes by these keys; none where they keep
    /// nobody away.
    pub fn pass(&self) -> Option<Pass> {
        let writer = &self.entry.as_ref()?.writer;
        let first = writer.placed.spots().first()?;
        (writer.purpose != Purpose::Observe).then_some(Pass {
            family: writer.family,
            place: first.place.into(),
        })
    }

    /// Its number among all writes, if they are numbered.
    pub fn number(&self) -> Option<u64> {
        self.entry.as_ref()?.writer.number()
    }

    /// Whether it is of a write that keeps others away.
    pub fn is_guarded(&self) -> bool {
        self.purpose() == Some(Purpose::Write)
    }

    /// What ends it, for whoever ends it otherwise than by dropping it.
    pub(super) fn into_entry(mut self) -> Option<Entry> {
        self.entry.take()
    }

    /// From here on the upstream may have seen the write.
    /// `last_byte` says when it was last heard of.
    pub fn into_hold(mut self, last_byte: LastByte) -> Hold {
        Hold {
            entry: self.entry.take(),
            last_byte,
        }
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            entry.release();
        }
    }
}

/// The claim of a write that the upstream may be working on.
///
/// It ends by [`Self::settle`]. Dropped without that, its outcome is unknown: the keys stay held
/// until `max_work` has passed since the last byte.
#[derive(Debug)]
pub struct Hold {
    entry: Option<Entry>,
    last_byte: LastByte,
}

impl Hold {
    /// The outcome is known, or nothing was ever sent. Returns how long the keys were held when it was last heard of.
    pub fn settle(mut self) -> Duration {
        let Some(entry) = self.entry.take() else {
            return Duration::ZERO;
        };
        let last_byte = entry.ledger.moment(self.last_byte.get());
        let held = last_byte.since(entry.writer.since);
        entry.release();
        held
    }

    /// Not a byte of the write was sent: it may be tried again.
    pub fn unsent(mut self) -> Grant {
        Grant {
            entry: self.entry.take(),
        }
    }

    /// What it is for.
    pub fn purpose(&self) -> Option<Purpose> {
        self.entry.as_ref().map(|entry| entry.writer.purpose)
    }

    /// The longest that the upstream can work on the write after it was last heard of.
    pub fn max_work(&self) -> Duration {
        self.entry
            .as_ref()
            .map_or(Duration::ZERO, |entry| entry.writer.max_work())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some(entry) = self.entry.take() else {
            return;
        };
        let last_byte = entry.ledger.moment(self.last_byte.get());
        entry.give_up(last_byte);
    }
}

/// A hold of unknown outcome, in the order in which their time is over.
#[derive(Debug)]
pub(super) struct GivenUp {
    pub(super) until: Moment,
    pub(super) writer: Arc<Writer>,
}

impl GivenUp {
    fn rank(&self) -> (Moment, HoldId) {
        (self.until, self.writer.id)
    }
}

impl PartialEq for GivenUp {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for GivenUp {}

impl PartialOrd for GivenUp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for GivenUp {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}
