//! Who waits for one key, in the order of their tickets.
//!
//! Invariants:
//! - Tickets only grow towards the end.
//! - Whether nobody waits in a mode is known without looking at each.

use std::collections::BTreeMap;

use triomphe::Arc;

use super::Writer;
use crate::policy::mode::{Mode, Modes};

/// A waiter's place in the one order of all waiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

impl Ticket {
    /// The ticket with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// A claim that waits, as one of its keys knows it.
#[derive(Debug)]
pub struct Waiter<W, M = ()> {
    /// Its place.
    pub ticket: Ticket,
    /// Whether it met something on this key when it came, rather than on another of its keys only.
    pub is_stopped_here: bool,
    /// How it asks for the key.
    pub mode: Mode,
    /// The write behind it.
    pub writer: Arc<Writer<M>>,
    /// The whole claim.
    pub claim: W,
}

/// The waiters of one key.
#[derive(Debug)]
pub(super) struct Queue<W, M> {
    waiters: BTreeMap<Ticket, Waiter<W, M>>,
    by_mode: [usize; Mode::ALL.len()],
    stopped: usize,
}

impl<W, M> Default for Queue<W, M> {
    fn default() -> Self {
        Self {
            waiters: BTreeMap::new(),
            by_mode: [0; Mode::ALL.len()],
            stopped: 0,
        }
    }
}

impl<W, M> Queue<W, M> {
    pub(super) fn push(&mut self, waiter: Waiter<W, M>) {
        self.by_mode[waiter.mode as usize] += 1;
        self.stopped += usize::from(waiter.is_stopped_here);
        self.waiters.insert(waiter.ticket, waiter);
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Waiter<W, M>> {
        let waiter = self.waiters.remove(&ticket)?;
        self.by_mode[waiter.mode as usize] -= 1;
        self.stopped -= usize::from(waiter.is_stopped_here);
        Some(waiter)
    }

    pub(super) fn has(&self, ticket: Ticket) -> bool {
        self.waiters.contains_key(&ticket)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// How many met something here.
    pub(super) fn stopped(&self) -> usize {
        self.stopped
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiter<W, M>> {
        self.waiters.values()
    }

    /// The first in one of these modes that came before `ticket`, or at all.
    pub(super) fn conflicting(
        &self,
        modes: Modes,
        ticket: Option<Ticket>,
    ) -> Option<&Waiter<W, M>> {
        if self.modes().shared_with(modes).is_empty() {
            return None;
        }
        let before = self
            .waiters
            .values()
            .take_while(|waiter| ticket.is_none_or(|ticket| waiter.ticket < ticket));
        let mut conflicting = before.filter(|waiter| modes.contains(waiter.mode));
        conflicting.next()
    }

    /// Those that may be beside what is held and beside all that came before them.
    pub(super) fn unblocked(&self, held: Modes) -> impl Iterator<Item = &Waiter<W, M>> {
        let mut ahead = held;
        let judged = self.waiters.values().map_while(move |waiter| {
            if ahead.contains(Mode::Exclusive) {
                // Beside that is nobody.
                return None;
            }
            let is_free = waiter.mode.conflicts().shared_with(ahead).is_empty();
            ahead = ahead.and(Modes::of(waiter.mode));
            Some(is_free.then_some(waiter))
        });
        judged.flatten()
    }

    fn modes(&self) -> Modes {
        let present = Mode::ALL
            .into_iter()
            .filter(|mode| self.by_mode[*mode as usize] > 0);
        present.map(Modes::of).fold(Modes::NONE, Modes::and)
    }
}
