//! Holds that end by the clock: those of unknown outcome.

use std::cmp::Reverse;
use std::sync::Arc;

use tokio::time::sleep_until;

use super::Table;
use super::hold::GivenUp;
use super::shards::Placed;
use super::sync::PoisonError;
use crate::policy::key_state::{HoldId, Moment};

impl Table {
    /// Removes the holds whose time is over, for as long as it is polled, each as soon as it is.
    pub async fn expire(self: Arc<Self>) {
        let mut due = self.due.subscribe();
        loop {
            let next = *due.borrow_and_update();
            let changed = match next {
                None => due.changed().await.is_ok(),
                Some(moment) => tokio::select! {
                    biased;
                    changed = due.changed() => changed.is_ok(),
                    () = sleep_until(self.epoch + moment.since(Moment::START)) => true,
                },
            };
            if !changed {
                return;
            }
            self.sweep();
        }
    }

    /// Removes the holds whose time is over. A claim does not need it: it sees for itself that a
    /// holder's time is over; this gives back the memory, and their turn to those who wait. Returns how many it removed.
    pub fn sweep(self: &Arc<Self>) -> usize {
        let now = self.now();
        let mut due = Vec::new();
        let next = {
            let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
            while given_up
                .peek()
                .is_some_and(|Reverse(next)| next.until <= now)
            {
                due.extend(given_up.pop());
            }
            given_up.peek().map(|Reverse(next)| next.until)
        };
        for Reverse(hold) in &due {
            self.remove(hold.id, &hold.placed, now);
        }
        self.due.send_if_modified(|due| {
            let is_over = due.is_some_and(|due| due <= now);
            if is_over {
                *due = next;
            }
            is_over
        });
        due.len()
    }

    pub(super) fn is_any_due(&self, now: Moment) -> bool {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up
            .peek()
            .is_some_and(|Reverse(next)| next.until <= now)
    }

    pub(super) fn give_up(self: &Arc<Self>, id: HoldId, placed: Placed, until: Moment) {
        let now = self.now();
        if until <= now {
            return self.remove(id, &placed, now);
        }
        let mut locked = self.shards.lock(&placed);
        for (place, _) in locked.places() {
            if let Some(state) = locked.state_mut(place) {
                state.give_up(id, until);
            }
        }
        drop(locked);
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.push(Reverse(GivenUp { until, id, placed }));
        drop(given_up);
        self.due.send_if_modified(|due| {
            let is_sooner = due.is_none_or(|due| until < due);
            if is_sooner {
                *due = Some(until);
            }
            is_sooner
        });
    }
}
