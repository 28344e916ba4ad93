//! When messages are written: what comes to be written in one turn of a worker is written in succession at its end.
//!
//! Whom a message is for sleeps as often as not, and to wake somebody up costs as much as to write a message. The first of
//! several in succession wakes for all.
//!
//! Invariant: where nobody else writes in the same turn, hardly any message waits for its end.

use std::cell::Cell;

use tokio::task::yield_now;

/// How many messages do not wait after one that has waited in vain.
const ALONE: u32 = 16;

/// What the messages of one worker have in common.
#[derive(Debug, Default)]
pub struct Batch {
    /// Which turn it is, of those at whose end something was written.
    turn: Cell<u64>,
    /// How many wait for its end.
    waiting: Cell<u32>,
    /// How many more do not wait.
    alone: Cell<u32>,
}

impl Batch {
    /// Returns when a message may be written: at the end of this turn, where others are, or at once.
    pub async fn end_of_turn(&self) {
        if let Some(alone) = self.alone.get().checked_sub(1) {
            return self.alone.set(alone);
        }
        let turn = self.turn.get();
        self.waiting.set(self.waiting.get() + 1);
        yield_now().await;
        if self.turn.get() == turn {
            // The first to go on looks at how many there were. One that is gone by now is not missed.
            self.turn.set(turn + 1);
            if self.waiting.replace(0) == 1 {
                self.alone.set(ALONE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::runtime::LocalRuntime;
    use tokio::task::spawn_local;

    use super::*;

    /// In which order so many messages became ready, were written, and others ran.
    fn order(messages: usize) -> Vec<&'static str> {
        let (batch, order) = (Rc::new(Batch::default()), Rc::new(Cell::new(Vec::new())));
        let note = |order: &Cell<Vec<&'static str>>, what| {
            let mut noted = order.take();
            noted.push(what);
            order.set(noted);
        };
        LocalRuntime::new().expect("a runtime").block_on(async {
            let tasks: Vec<_> = (0..messages)
                .map(|_| {
                    let (batch, order) = (Rc::clone(&batch), Rc::clone(&order));
                    spawn_local(async move {
                        note(&order, "ready");
                        batch.end_of_turn().await;
                        note(&order, "written");
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("none panics");
            }
        });
        order.take()
    }

    #[test]
    fn what_is_ready_in_one_turn_is_written_in_succession() {
        assert_eq!(
            order(3),
            ["ready", "ready", "ready", "written", "written", "written"]
        );
    }

    #[test]
    fn one_that_is_alone_does_not_wait_for_long() {
        let batch = Batch::default();
        let turns = |batch: &Batch| batch.turn.get();
        LocalRuntime::new().expect("a runtime").block_on(async {
            for message in 0..=ALONE {
                batch.end_of_turn().await;
                assert_eq!(turns(&batch), 1, "{message}");
            }
            batch.end_of_turn().await;
            assert_eq!(turns(&batch), 2);
        });
    }
}
