//! A claim that waits for its turn.
//!
//! Invariants:
//! - It is in the queue of each of its keys, or has its grant in hand: never neither, never both.
//! - Dropped, it leaves every queue, and whoever it kept back goes on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::hold::{Entry, Grant};
use super::shards::Placed;
use super::sync::{Mutex, PoisonError};
use super::{Claim, Mets, Table};
use crate::policy::key_state::{HoldId, Moment, Ticket, Writer};

/// What the queues know of a claim that waits.
pub(super) type Pending = Arc<Waits>;

/// A claim that waits, whole.
#[derive(Debug)]
pub(super) struct Waits {
    pub(super) id: HoldId,
    pub(super) ticket: Ticket,
    pub(super) placed: Placed,
    pub(super) max_work: Duration,
    pub(super) since: Moment,
    pub(super) writer: Arc<Writer>,
    is_numbered: bool,
    /// Taken when its turn has come, by whoever holds the shards of its keys.
    grant: Mutex<Option<oneshot::Sender<Grant>>>,
}

impl Waits {
    /// Its grant, to be held from `now`; given back if nobody waits for it any more.
    pub(super) fn grant(&self, table: &Arc<Table>, now: Moment) -> Option<Box<Entry>> {
        let entry = Entry {
            table: Arc::clone(table),
            id: self.id,
            placed: self.placed.clone(),
            since: now,
            max_work: self.max_work,
            number: table.number(self.is_numbered),
            writer: Arc::clone(&self.writer),
        };
        let mut sender = self.grant.lock().unwrap_or_else(PoisonError::into_inner);
        match sender.take() {
            Some(sender) => match sender.send(Grant::new(entry)) {
                Ok(()) => None,
                Err(grant) => grant.into_entry(),
            },
            None => Some(Box::new(entry)),
        }
    }
}

/// A claim that waits for its turn.
#[derive(Debug)]
pub struct Waiting {
    table: Arc<Table>,
    pending: Pending,
    pub(super) granted: oneshot::Receiver<Grant>,
}

impl Waiting {
    pub(super) fn new(
        table: &Arc<Table>,
        ticket: Ticket,
        (claim, placed): (&Claim<'_>, Placed),
        (since, writer): (Moment, Arc<Writer>),
    ) -> Self {
        let (sender, granted) = oneshot::channel();
        let pending = Arc::new(Waits {
            id: claim.id,
            ticket,
            placed,
            max_work: claim.max_work,
            since,
            writer,
            is_numbered: claim.is_numbered,
            grant: Mutex::new(Some(sender)),
        });
        Self {
            table: Arc::clone(table),
            pending,
            granted,
        }
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
        match self.table.give_way(&self.pending) {
            Some(met) => Err(met),
            None => Ok(self
                .granted
                .try_recv()
                .expect("a claim that is in no queue has been sent its grant")),
        }
    }

    /// How long it has waited.
    pub fn waited(&self) -> Duration {
        self.table.now().since(self.pending.since)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // What has come of it by now, or comes while it leaves, ends with the receiver.
        self.table.withdraw(&self.pending);
    }
}
