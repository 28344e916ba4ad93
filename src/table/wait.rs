//! A claim that waits for its turn.
//!
//! Invariants:
//! - It is in the queue of each of its keys, or has its grant in hand: never neither, never both.
//! - Dropped, it leaves every queue, and whoever it kept back goes on.

use std::time::Duration;

use tokio::sync::oneshot;
use triomphe::Arc;

use super::Mets;
use super::hold::{Entry, Grant};
use super::ledger::Ledger;
use super::mark::Writer;
use super::sync::{Mutex, PoisonError};
use crate::policy::key_state::{Moment, Ticket};

/// What the queues know of a claim that waits.
pub(super) type Pending = Arc<Waits>;

/// A claim that waits, whole.
#[derive(Debug)]
pub(super) struct Waits {
    ledger: &'static Ledger,
    pub(super) ticket: Ticket,
    pub(super) writer: Arc<Writer>,
    is_numbered: bool,
    /// Taken when its turn has come, by whoever holds the shards of its keys.
    grant: Mutex<Option<oneshot::Sender<Grant>>>,
}

impl Waits {
    /// What it is when its turn has come. To be asked once, with the shards of its keys locked.
    pub(super) fn granted(&self, now: Moment) -> Arc<Writer> {
        let mut writer = self.writer.granted(now);
        if self.is_numbered {
            self.ledger.number(&mut writer);
        }
        Arc::new(writer)
    }

    /// Hands on its grant; given back if nobody waits for it any more.
    pub(super) fn grant(&self, writer: Arc<Writer>) -> Option<Entry> {
        let entry = Entry {
            ledger: self.ledger,
            writer,
        };
        let mut sender = self.grant.lock().unwrap_or_else(PoisonError::into_inner);
        match sender.take() {
            Some(sender) => match sender.send(Grant::new(entry)) {
                Ok(()) => None,
                Err(grant) => grant.into_entry(),
            },
            None => Some(entry),
        }
    }
}

/// A claim that waits for its turn.
#[derive(Debug)]
pub struct Waiting {
    pending: Pending,
    pub(super) granted: oneshot::Receiver<Grant>,
}

impl Waiting {
    pub(super) fn new(
        ledger: &'static Ledger,
        ticket: Ticket,
        writer: Arc<Writer>,
        is_numbered: bool,
    ) -> Self {
        let (sender, granted) = oneshot::channel();
        let pending = Arc::new(Waits {
            ledger,
            ticket,
            writer,
            is_numbered,
            grant: Mutex::new(Some(sender)),
        });
        Self { pending, granted }
    }

    pub(super) const fn pending(&self) -> &Pending {
        &self.pending
    }

    /// Returns when its turn has come. May be dropped and called again.
    pub async fn granted(&mut self) -> Grant {
        let granted = &mut self.granted;
        granted
            .await
            .expect("whoever takes the sender out of the claim that is kept here sends a grant")
    }

    /// Leaves: with what stands in its way, or with its grant if its turn has come by now.
    pub fn leave(mut self) -> Result<Grant, Mets> {
        match self.pending.ledger.give_way(&self.pending) {
            Some(met) => Err(met),
            None => Ok(self
                .granted
                .try_recv()
                .expect("a claim that is in no queue has been sent its grant")),
        }
    }

    /// How long it has waited.
    pub fn waited(&self) -> Duration {
        let pending = &self.pending;
        pending.ledger.now().since(pending.writer.since)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // What has come of it by now, or comes while it leaves, ends with the receiver.
        self.pending.ledger.withdraw(&self.pending);
    }
}
