//! Turns: how claims wait, and how whatever frees a key gives it to whoever waits for it.
//!
//! Invariants:
//! - Tickets are drawn with the shards of a claim locked, so that every queue has them in their order.
//! - Whatever frees a key looks at those whom this may have freed after it has let go of its own shards, one after the other,
//!   each with all of its own shards locked.

use std::collections::VecDeque;

use triomphe::Arc;

use super::hold::Entry;
use super::ledger::{Ledger, obstacles};
use super::mark::Writer;
use super::shards::Locked;
use super::sync::Ordering;
use super::wait::Pending;
use super::{Claim, Mets, Waiting};
use crate::policy::key_state::{Moment, Ticket, Waiter};

impl Ledger {
    /// Enters a claim into the queue of each of its keys, behind all that came before.
    pub(super) fn enqueue(
        &'static self,
        locked: &mut Locked<'_>,
        writer: Arc<Writer>,
        claim: &Claim<'_>,
        met: &Mets,
    ) -> Waiting {
        let ticket = Ticket::new(self.next_ticket.fetch_add(1, Ordering::Relaxed));
        let waiting = Waiting::new(self, ticket, Arc::clone(&writer), claim.is_numbered);
        for spot in writer.placed.spots() {
            let waiter = Waiter {
                ticket,
                mode: spot.mode,
                is_stopped_here: met.iter().any(|met| met.key == spot.key),
                writer: Arc::clone(&writer),
                claim: Arc::clone(waiting.pending()),
            };
            locked.state_or_new(spot).enqueue(spot, waiter);
        }
        waiting
    }

    /// Takes a claim out of every queue that does not wait any longer, and tells what stands in its way; none if its turn has
    /// come by now, and its grant with it.
    pub(super) fn give_way(&self, pending: &Pending) -> Option<Mets> {
        let now = self.now();
        let mut locked = self.shards.lock(&pending.writer.placed);
        if !is_queued(&locked, pending) {
            return None;
        }
        let met = standing(&locked, pending, now);
        if met.is_empty() {
            let unclaimed = turn(&mut locked, pending, now);
            debug_assert!(unclaimed.is_none(), "whoever asks waits for it");
            return None;
        }
        self.take_out(locked, pending);
        Some(met)
    }

    /// Takes a claim out of every queue, if it is in them.
    pub(super) fn withdraw(&self, pending: &Pending) {
        let locked = self.shards.lock(&pending.writer.placed);
        if is_queued(&locked, pending) {
            self.take_out(locked, pending);
        }
    }

    /// Takes a claim out of the queues that it is in, and grants what it kept back.
    fn take_out(&self, mut locked: Locked<'_>, pending: &Pending) {
        let mut freed = VecDeque::new();
        for spot in pending.writer.placed.spots() {
            locked.change(spot, |state| {
                state.dequeue(pending.ticket);
                self.tell_freed(state, &mut freed);
            });
        }
        locked.leave();
        drop(locked);
        self.hand_on(freed);
    }

    /// Grants whatever of these nothing stands in the way of. What nobody waits for any more frees others in its turn.
    pub(super) fn hand_on(&self, mut freed: VecDeque<Pending>) {
        while let Some(pending) = freed.pop_front() {
            if let Some(entry) = self.hand_over(&pending) {
                self.release(&entry.writer, &mut freed);
            }
        }
    }

    /// The critical section of a grant to a waiter. What is returned was granted, and nobody waits for it.
    fn hand_over(&self, pending: &Pending) -> Option<Entry> {
        let now = self.now();
        let mut locked = self.shards.lock(&pending.writer.placed);
        let is_free = is_queued(&locked, pending) && standing(&locked, pending, now).is_empty();
        is_free.then(|| turn(&mut locked, pending, now)).flatten()
    }
}

/// Grants a claim that waits, and in whose way nothing stands. What is returned nobody waits for.
fn turn(locked: &mut Locked<'_>, pending: &Pending, now: Moment) -> Option<Entry> {
    let writer = pending.granted(now);
    for spot in writer.placed.spots() {
        locked.change(spot, |state| state.dequeue(pending.ticket));
    }
    locked.grant(&writer, now);
    pending.grant(writer)
}

fn standing(locked: &Locked<'_>, pending: &Pending, now: Moment) -> Mets {
    let writer = &pending.writer;
    let asks = (writer.family, Some(pending.ticket));
    obstacles(locked, &writer.placed, asks, now)
}

fn is_queued(locked: &Locked<'_>, pending: &Pending) -> bool {
    let first = pending.writer.placed.spots().first();
    first
        .and_then(|spot| locked.state(spot))
        .is_some_and(|state| state.is_queued(pending.ticket))
}
