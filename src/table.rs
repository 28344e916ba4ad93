//! Who holds what: the state of every key, shared by all workers, and the holds handed out of it.
//!
//! Owns the map from key to [`KeyState`](crate::policy::key_state::KeyState). What a state says is its own; here the states
//! of all keys of a claim become one decision.
//!
//! Invariants:
//! - One decision is one critical section: the distinct shards of a claim are locked in index
//!   order, the claim is decided on all its keys, and only then is any of them written.
//! - A claim that waits is in the queue of each of its keys. Whatever frees a key looks, after it has let go of its own
//!   shards, at each waiter that this may have freed, and grants it if nothing stands in its way on any of its keys: the last
//!   to let go sees all of it.
//! - A hold cannot be forgotten: a [`Grant`] that is dropped ends it, since nothing was sent; a
//!   [`Hold`] that is dropped without a verdict becomes an unknown outcome.
//! - A release compares the owner. It never removes another hold's entry.
//! - No lock is held across an await: every function here is synchronous.
//! - A claim and its release write to no cache line that another worker writes to, but those of the shards of their keys: what is
//!   counted is counted in the shards (`room`), and who uses the table is not counted.

mod expiry;
mod hold;
mod ledger;
mod mark;
mod met;
mod room;
mod shards;
mod slots;
mod sync;
mod turns;
mod wait;

pub use hold::{Grant, Hold, LastByte};
pub use mark::{Mark, Writer};
pub use met::{By, Met, Mets};
pub use wait::Waiting;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tokio::time::Instant;

use crate::policy::key::{Key, Locks, Placed};
use crate::policy::key_state::{HoldId, Holder, Moment};
use crate::policy::plan::Purpose;
use crate::policy::{Family, Pass, Remedy, RequestId, RouteId};
use ledger::Ledger;
use wait::Pending;

/// Every key that is held or waited for, and by whom.
pub struct Table {
    /// It lives for as long as the process. Every hold leads to it, and if they were counted, all workers would write to that
    /// count with every claim and every release.
    ledger: &'static Ledger,
}

/// A write that asks for its keys.
#[derive(Debug)]
pub struct Claim<'a> {
    /// The name of the hold, if it is granted: one that no other hold has had.
    pub id: HoldId,
    /// What it asks for its keys for.
    pub purpose: Purpose,
    /// Of which family it is: of one of its own, or of that of the write that it came of.
    pub family: Family,
    /// Whether it gets a number.
    pub is_numbered: bool,
    /// How many may wait for a key before this one does; none if it does not wait.
    pub waiters: Option<usize>,
    /// The request's identifier.
    pub request_id: &'a RequestId,
    /// The effective method.
    pub method: &'a Method,
    /// The route that derived the keys.
    pub route: RouteId,
    /// What would have its overlaps refused; none where they are.
    pub remedy: Option<&'a Remedy>,
    /// How long the upstream can work on it after it was last heard of.
    pub max_work: Duration,
    /// How long holds of the route typically last, for those who meet this one.
    pub typical: Option<Duration>,
}

/// What became of a claim.
#[derive(Debug)]
pub enum Claimed {
    /// Every key is held.
    Granted {
        /// The hold, of which nothing was sent yet.
        grant: Grant,
        /// A holder beside which it runs because one of the two is only observed.
        overlap: Option<Met>,
    },
    /// It waits for its turn.
    Waits(Waiting),
    /// Something stands in its way on each of these, and nothing was changed.
    Conflict(Mets),
    /// The same, and as many wait already as may.
    QueueFull(Mets),
    /// The table has [`Table::max_holds`] holds, and nothing was changed.
    Full,
}

impl Table {
    /// An empty table for at most `max_holds` holds, in which the numbers of writes begin with 0. It is never freed: a process
    /// has one.
    pub fn new(max_holds: usize) -> Arc<Self> {
        Self::numbering(max_holds, 0)
    }

    /// The same, in which they begin with this.
    pub fn numbering(max_holds: usize, first_number: u64) -> Arc<Self> {
        let ledger = Box::new(Ledger::new(max_holds, first_number));
        Arc::new(Self {
            ledger: Box::leak(ledger),
        })
    }

    /// How many holds there are, those of unknown outcome and claims that wait too. Looks into one shard at a time, so that it
    /// is not the number of one moment.
    pub fn len(&self) -> usize {
        self.ledger.shards.held()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many holds there can be.
    pub fn max_holds(&self) -> usize {
        self.ledger.shards.max_holds()
    }

    /// What stands in the way of these, without claiming them: the first of each key.
    pub fn standing_conflict(&self, locks: &Locks, family: Family) -> Mets {
        self.ledger.standing_conflict(locks, family)
    }

    /// This instant by the clock of the table.
    pub fn moment(&self, instant: Instant) -> Moment {
        self.ledger.moment(instant)
    }

    /// Whether what came with a request is of a hold that has not ended.
    pub fn is_live(&self, pass: Pass) -> bool {
        self.ledger.is_live(pass)
    }

    /// Finds out where the keys of a claim are: once, however often it is made.
    pub fn place(&self, locks: &Locks) -> Placed {
        self.ledger.shards.place(locks)
    }

    /// Grants all that is asked for, which this table has placed, or nothing of it. What is granted or waits is taken.
    pub fn claim(&self, claim: &Claim<'_>, asked: &mut Placed) -> Claimed {
        self.ledger.claim(claim, asked)
    }

    /// Removes the holds whose time is over, for as long as it is polled, each as soon as it is.
    pub async fn expire(self: Arc<Self>) {
        self.ledger.expire().await;
    }

    /// Removes the holds whose time is over. A claim does not need it: it sees for itself that a
    /// holder's time is over; this gives back the memory, and their turn to those who wait. Returns how many it removed.
    pub fn sweep(&self) -> usize {
        self.ledger.sweep()
    }

    /// Every hold on every key, for a view of the whole. Locks one shard at a time, so that it is
    /// not one picture of one moment.
    pub fn for_each(&self, mut see: impl FnMut(&Key, Holder<'_, Mark>)) {
        let shards = &self.ledger.shards;
        shards.for_each(|key, state| state.holders().for_each(|holder| see(key, holder)));
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
pub(crate) use sync::counted;

#[cfg(all(test, not(feature = "shuttle")))]
mod tests;

#[cfg(all(test, feature = "shuttle"))]
mod interleavings;
