//! Holds that end by the clock: those of unknown outcome.

use std::cmp::Reverse;

use tokio::time::sleep_until;
use triomphe::Arc;

use super::hold::GivenUp;
use super::ledger::Ledger;
use super::mark::Writer;
use super::sync::PoisonError;
use crate::policy::key_state::Moment;

impl Ledger {
    pub(super) async fn expire(&self) {
        let mut due = self.given_up.due.subscribe();
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

    /// Removes the holds whose time is over. Returns how many.
    pub(super) fn sweep(&self) -> usize {
        let now = self.now();
        let mut due = Vec::new();
        let next = {
            let mut given_up = self
                .given_up
                .holds
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            while given_up
                .peek()
                .is_some_and(|Reverse(next)| next.until <= now)
            {
                due.extend(given_up.pop());
            }
            given_up.peek().map(|Reverse(next)| next.until)
        };
        for Reverse(hold) in &due {
            self.remove(&hold.writer);
        }
        self.given_up.due.send_if_modified(|due| {
            let is_over = due.is_some_and(|due| due <= now);
            if is_over {
                *due = next;
            }
            is_over
        });
        due.len()
    }

    pub(super) fn is_any_due(&self, now: Moment) -> bool {
        let given_up = self
            .given_up
            .holds
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        given_up
            .peek()
            .is_some_and(|Reverse(next)| next.until <= now)
    }

    pub(super) fn give_up(&self, writer: Arc<Writer>, until: Moment) {
        let now = self.now();
        if until <= now {
            return self.remove(&writer);
        }
        let mut locked = self.shards.lock(&writer.placed);
        writer.mark.end();
        for spot in writer.placed.spots() {
            locked.change(spot, |state| state.give_up(writer.id, until));
        }
        drop(locked);
        let mut given_up = self
            .given_up
            .holds
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        given_up.push(Reverse(GivenUp { until, writer }));
        drop(given_up);
        self.given_up.due.send_if_modified(|due| {
            let is_sooner = due.is_none_or(|due| until < due);
            if is_sooner {
                *due = Some(until);
            }
            is_sooner
        });
    }
}
