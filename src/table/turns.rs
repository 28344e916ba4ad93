//! Turns: how claims wait, and how whatever frees a key gives it to whoever waits for it.
//!
//! Invariants:
//! - Tickets are drawn with the shards of a claim locked, so that every queue has them in their order.
//! - Whatever frees a key looks at those whom this may have freed after it has let go of its own shards, one after the other,
//!   each with all of its own shards locked.

use std::collections::VecDeque;
use std::sync::Arc;

use super::hold::Entry;
use super::shards::{KeyState, Locked};
use super::sync::Ordering;
use super::wait::Pending;
use super::{Claim, Mets, Table, Waiting, hold, obstacles};
use crate::policy::key_state::{Moment, Ticket, Waiter, Writer};

impl Table {
    /// Enters a claim into the queue of each of its keys, behind all that came before.
    pub(super) fn enqueue(
        self: &Arc<Self>,
        locked: &mut Locked<'_>,
        claim: &Claim<'_>,
        met: &Mets,
        (now, writer): (Moment, Arc<Writer>),
    ) -> Waiting {
        let ticket = Ticket::new(self.next_ticket.fetch_add(1, Ordering::Relaxed));
        let asked = (claim, locked.placed().clone());
        let waiting = Waiting::new(self, ticket, asked, (now, Arc::clone(&writer)));
        for (place, lock) in locked.places() {
            locked.state_or_new(place).enqueue(Waiter {
                ticket,
                mode: lock.mode,
                is_stopped_here: met.iter().any(|met| met.key == lock.key),
                since: now,
                writer: Arc::clone(&writer),
                claim: Arc::clone(waiting.pending()),
            });
        }
        waiting
    }

    /// Takes a claim out of every queue that does not wait any longer, and tells what stands in its way; none if its turn has
    /// come by now, and its grant with it.
    pub(super) fn give_way(self: &Arc<Self>, pending: &Pending) -> Option<Mets> {
        let now = self.now();
        let mut locked = self.shards.lock(&pending.placed);
        if !is_queued(&locked, pending) {
            return None;
        }
        let met = obstacles(&locked, pending.writer.family, Some(pending.ticket), now);
        if met.is_empty() {
            let unclaimed = self.turn(&mut locked, pending, now);
            debug_assert!(unclaimed.is_none(), "whoever asks waits for it");
            return None;
        }
        self.take_out(locked, pending, now);
        Some(met)
    }

    /// Takes a claim out of every queue, if it is in them.
    pub(super) fn withdraw(self: &Arc<Self>, pending: &Pending) {
        let now = self.now();
        let locked = self.shards.lock(&pending.placed);
        if is_queued(&locked, pending) {
            self.take_out(locked, pending, now);
        }
    }

    /// Takes a claim out of the queues that it is in, and grants what it kept back.
    fn take_out(self: &Arc<Self>, mut locked: Locked<'_>, pending: &Pending, now: Moment) {
        let freed = dequeue(&mut locked, pending, now);
        drop(locked);
        self.len.fetch_sub(1, Ordering::Relaxed);
        self.hand_on(freed);
    }

    /// Grants whatever of these nothing stands in the way of. What nobody waits for any more frees others in its turn.
    pub(super) fn hand_on(self: &Arc<Self>, mut freed: VecDeque<Pending>) {
        while let Some(pending) = freed.pop_front() {
            if let Some(entry) = self.hand_over(&pending) {
                self.release(entry.id, &entry.placed, &mut freed, self.now());
            }
        }
    }

    /// The critical section of a grant to a waiter. What is returned was granted, and nobody waits for it.
    fn hand_over(self: &Arc<Self>, pending: &Pending) -> Option<Box<Entry>> {
        let now = self.now();
        let mut locked = self.shards.lock(&pending.placed);
        if !is_queued(&locked, pending) {
            return None;
        }
        if !obstacles(&locked, pending.writer.family, Some(pending.ticket), now).is_empty() {
            return None;
        }
        self.turn(&mut locked, pending, now)
    }

    /// Grants a claim that waits, and in whose way nothing stands. What is returned nobody waits for.
    fn turn(
        self: &Arc<Self>,
        locked: &mut Locked<'_>,
        pending: &Pending,
        now: Moment,
    ) -> Option<Box<Entry>> {
        for (place, _) in locked.places() {
            locked.state_or_new(place).dequeue(pending.ticket);
        }
        hold(locked, pending.id, &pending.writer, now);
        pending.grant(self, now)
    }
}

fn is_queued(locked: &Locked<'_>, pending: &Pending) -> bool {
    locked
        .state(0)
        .is_some_and(|state| state.is_queued(pending.ticket))
}

/// Takes a waiter off all of its keys, and returns those whom it may have kept back.
fn dequeue(locked: &mut Locked<'_>, pending: &Pending, now: Moment) -> VecDeque<Pending> {
    let mut freed = VecDeque::new();
    for (place, _) in locked.places() {
        if let Some(state) = locked.state_mut(place) {
            state.dequeue(pending.ticket);
            freed.extend(unblocked(state, now));
        }
        locked.tidy(place);
    }
    freed
}

pub(super) fn unblocked(state: &KeyState, now: Moment) -> impl Iterator<Item = Pending> {
    state.unblocked(now).map(|waiter| Arc::clone(&waiter.claim))
}
