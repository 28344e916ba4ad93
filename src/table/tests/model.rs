//! The table against a model that keeps holds and waiters in plain lists: claims on several keys, in every mode and scope.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const NAMES: [&str; 8] = ["a", "a/1", "a/1/x", "a/1/y", "a/2", "b", "b/1", "c"];

#[derive(Clone, Debug)]
enum Step {
    Claim {
        names: Vec<&'static str>,
        mode: Mode,
        scope: Scope,
        waiters: Option<usize>,
    },
    Settle(usize),
    GiveUp(usize),
    Leave(usize),
    HangUp(usize),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let names = vec(proptest::sample::select(NAMES.to_vec()), 1..4);
    let mode = prop_oneof![3 => Just(Mode::Exclusive), 2 => Just(Mode::Shared)];
    let scope = prop_oneof![Just(Scope::Key), Just(Scope::Subtree)];
    let waiters = prop_oneof![Just(None), Just(Some(2)), Just(Some(100))];
    prop_oneof![
        6 => (names, mode, scope, waiters)
            .prop_map(|(names, mode, scope, waiters)| Step::Claim { names, mode, scope, waiters }),
        4 => (0..12usize).prop_map(Step::Settle),
        1 => (0..12usize).prop_map(Step::GiveUp),
        1 => (0..12usize).prop_map(Step::Leave),
        1 => (0..12usize).prop_map(Step::HangUp),
        1 => (0..70u64).prop_map(Step::Advance),
    ]
}

/// What the model knows of a hold or of a waiter.
#[derive(Clone, Debug)]
struct Entry {
    number: u64,
    locks: Locks,
    /// When it was granted, or came.
    since: Instant,
    /// When an unknown outcome ends.
    until: Option<Instant>,
}

impl Entry {
    fn is_compatible_with(&self, locks: &Locks) -> bool {
        self.locks.iter().all(|mine| {
            let theirs = locks.iter().find(|theirs| theirs.key == mine.key);
            theirs.is_none_or(|theirs| theirs.mode.is_compatible_with(mine.mode))
        })
    }
}

struct Pair {
    table: Arc<Table>,
    next: u64,
    holds: BTreeMap<u64, Hold>,
    waiting: BTreeMap<u64, Waiting>,
    model_holds: Vec<Entry>,
    /// In their order.
    model_waiters: Vec<Entry>,
}

impl Pair {
    fn new() -> Self {
        Self {
            table: Table::new(1000),
            next: 0,
            holds: BTreeMap::new(),
            waiting: BTreeMap::new(),
            model_holds: Vec::new(),
            model_waiters: Vec::new(),
        }
    }

    fn is_free(&self, locks: &Locks, before: u64) -> bool {
        let holds = self.model_holds.iter();
        let waiters = self
            .model_waiters
            .iter()
            .filter(|entry| entry.number < before);
        holds
            .chain(waiters)
            .all(|entry| entry.is_compatible_with(locks))
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Claim {
                names,
                mode,
                scope,
                waiters,
            } => self.claim(&locks(names, *mode, *scope), *waiters)?,
            Step::Settle(nth) => {
                if let Some(hold) = nth_of(&mut self.holds, *nth) {
                    self.model_holds.retain(|entry| entry.number != hold.0);
                    hold.1.settle();
                }
            }
            Step::GiveUp(nth) => {
                if let Some((number, hold)) = nth_of(&mut self.holds, *nth) {
                    let mut entries = self.model_holds.iter_mut();
                    let entry = entries.find(|entry| entry.number == number);
                    let entry = entry.expect("it is in both");
                    entry.until = Some(entry.since + hold.max_work());
                    drop(hold);
                }
            }
            Step::Leave(nth) => {
                if let Some((number, waiting)) = nth_of(&mut self.waiting, *nth) {
                    self.model_waiters.retain(|entry| entry.number != number);
                    let met = waiting.leave();
                    prop_assert!(met.is_err_and(|met| !met.is_empty()));
                }
            }
            Step::HangUp(nth) => {
                if let Some((number, waiting)) = nth_of(&mut self.waiting, *nth) {
                    self.model_waiters.retain(|entry| entry.number != number);
                    drop(waiting);
                }
            }
            Step::Advance(_) => {
                self.table.sweep();
            }
        }
        self.settle_model()?;
        self.compare()
    }

    fn claim(&mut self, locks: &Locks, waiters: Option<usize>) -> Result<(), TestCaseError> {
        self.next += 1;
        let entry = Entry {
            number: self.next,
            locks: locks.clone(),
            since: Instant::now(),
            until: None,
        };
        let is_free = self.is_free(locks, u64::MAX);
        match claim_locks(&self.table, locks, waiters) {
            Claimed::Granted { grant, .. } => {
                prop_assert!(is_free, "granted beside another");
                self.model_holds.push(entry);
                self.holds.insert(self.next, sent(grant));
            }
            Claimed::Conflict(met) => {
                prop_assert!(!is_free && waiters.is_none() && !met.is_empty())
            }
            Claimed::QueueFull(met) => {
                prop_assert!(!is_free && waiters == Some(2) && !met.is_empty())
            }
            Claimed::Waits(waiting) => {
                prop_assert!(!is_free && waiters.is_some(), "waits for nothing");
                self.model_waiters.push(entry);
                self.waiting.insert(self.next, waiting);
            }
            Claimed::Full => prop_assert!(false, "there is room"),
        }
        Ok(())
    }

    /// Ends what is over, and gives their turn to those whose it is: the same have to have it in the table.
    fn settle_model(&mut self) -> Result<(), TestCaseError> {
        let now = Instant::now();
        self.model_holds
            .retain(|entry| entry.until.is_none_or(|until| now < until));
        let mut at = 0;
        while at < self.model_waiters.len() {
            let entry = &self.model_waiters[at];
            if !self.is_free(&entry.locks, entry.number) {
                at += 1;
                continue;
            }
            let mut entry = self.model_waiters.remove(at);
            entry.since = now;
            let mut waiting = self.waiting.remove(&entry.number).expect("it is in both");
            let Some(grant) = turn(&mut waiting) else {
                return Err(TestCaseError::fail(format!("{entry:?} lost its turn")));
            };
            self.holds.insert(entry.number, sent(grant));
            self.model_holds.push(entry);
        }
        Ok(())
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        for waiting in self.waiting.values_mut() {
            prop_assert!(turn(waiting).is_none(), "woken before its turn");
        }
        for (nth, one) in self.model_holds.iter().enumerate() {
            for other in &self.model_holds[nth + 1..] {
                prop_assert!(one.is_compatible_with(&other.locks));
            }
        }
        prop_assert_eq!(
            self.table.len(),
            self.model_holds.len() + self.model_waiters.len()
        );
        Ok(())
    }

    async fn end(mut self) -> Result<(), TestCaseError> {
        self.waiting.clear();
        for hold in self.holds.into_values() {
            hold.settle();
        }
        let table = self.table;
        tokio::time::advance(Duration::from_secs(60)).await;
        table.sweep();
        prop_assert!(table.is_empty() && is_bare(&table), "something is left");
        Ok(())
    }
}

fn nth_of<T>(map: &mut BTreeMap<u64, T>, nth: usize) -> Option<(u64, T)> {
    let number = *map.keys().nth(nth)?;
    map.remove_entry(&number)
}

proptest! {
    #[test]
    fn a_table_does_as_its_model_whatever_happens(steps in vec(step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut pair = Pair::new();
            for step in &steps {
                if let Step::Advance(seconds) = step {
                    tokio::time::advance(Duration::from_secs(*seconds)).await;
                }
                pair.take(step)?;
            }
            pair.end().await
        })?;
    }
}
