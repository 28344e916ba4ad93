//! What it costs to wait: a key that goes from one write to the next, in one thread and between two, and long queues.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use divan::Bencher;
use divan::counter::ItemsCount;
use tokio::runtime::Builder;
use tokio::sync::OwnedMutexGuard;
use writegate::table::{Grant, Table, Waiting};

use crate::common::{granted, keys, order, poll, ready, table_of, waits};
use crate::peers::Turns;

/// How often a key goes round between two writers in one sample.
const ROUNDS: usize = 1_000;

/// How many wait for one key.
const CROWD: usize = 10_000;

/// A key that two writers hand to each other: each queues behind the other before it lets go.
trait Baton: Send + Sync + 'static {
    type Held: Send;
    /// A place in the queue, behind whoever holds the key.
    type Place: Future<Output = Self::Held> + Send;

    fn take(&self) -> Self::Held;
    fn queue(&self) -> Self::Place;
    fn pass(&self, held: Self::Held);
}

struct Ours(Arc<Table>);

impl Baton for Ours {
    type Held = Grant;
    type Place = Pin<Box<dyn Future<Output = Grant> + Send>>;

    fn take(&self) -> Grant {
        granted(&self.0, &keys([order(0)]))
    }

    fn queue(&self) -> Self::Place {
        let mut waiting = waits(&self.0, &keys([order(0)]));
        Box::pin(async move { waiting.granted().await })
    }

    fn pass(&self, held: Grant) {
        drop(held);
    }
}

struct Tokios(Turns);

impl Baton for Tokios {
    type Held = OwnedMutexGuard<()>;
    type Place = Pin<Box<dyn Future<Output = OwnedMutexGuard<()>> + Send>>;

    fn take(&self) -> Self::Held {
        let turn = self.0.of_key(&order(0));
        turn.try_lock_owned().expect("it is free")
    }

    fn queue(&self) -> Self::Place {
        let mut place = Box::pin(self.0.of_key(&order(0)).lock_owned());
        assert!(poll(place.as_mut()).is_pending(), "the other has the key");
        place
    }

    fn pass(&self, held: Self::Held) {
        self.0.release(&order(0), held);
    }
}

#[divan::bench]
fn hand_over_within_a_thread(bencher: Bencher<'_, '_>) {
    within_a_thread(bencher, &Ours(table_of(0).0));
}

#[divan::bench]
fn hand_over_within_a_thread_map_of_tokio_mutexes(bencher: Bencher<'_, '_>) {
    within_a_thread(bencher, &Tokios(Turns::default()));
}

#[divan::bench]
fn hand_over_to_another_thread(bencher: Bencher<'_, '_>) {
    to_another_thread(bencher, Ours(table_of(0).0));
}

#[divan::bench]
fn hand_over_to_another_thread_map_of_tokio_mutexes(bencher: Bencher<'_, '_>) {
    to_another_thread(bencher, Tokios(Turns::default()));
}

/// By two tasks of one runtime, as of one worker.
fn within_a_thread<B: Baton>(bencher: Bencher<'_, '_>, baton: &B) {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let round = || {
        let held = baton.take();
        let place = baton.queue();
        baton.pass(held);
        let held = runtime.block_on(place);
        baton.pass(held);
    };
    bencher.counter(ItemsCount::new(ROUNDS)).bench_local(|| {
        for _ in 0..ROUNDS {
            round();
        }
    });
}

/// By two threads with a runtime each, as two workers have: there and back is two.
fn to_another_thread<B: Baton>(bencher: Bencher<'_, '_>, baton: B) {
    let baton = Arc::new(baton);
    let is_over = Arc::new(AtomicBool::new(false));
    let mut held = Some(baton.take());
    let there = {
        let (baton, is_over) = (Arc::clone(&baton), Arc::clone(&is_over));
        let mut place = baton.queue();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().build().expect("a runtime");
            loop {
                let held = runtime.block_on(place);
                if is_over.load(Ordering::Acquire) {
                    return baton.pass(held);
                }
                place = baton.queue();
                baton.pass(held);
            }
        })
    };
    let here = Builder::new_current_thread().build().expect("a runtime");
    bencher.counter(ItemsCount::new(ROUNDS)).bench_local(|| {
        for _ in 0..ROUNDS / 2 {
            let place = baton.queue();
            baton.pass(held.take().expect("the other gave it back"));
            held = Some(here.block_on(place));
        }
    });
    is_over.store(true, Ordering::Release);
    baton.pass(held.take().expect("the other gave it back"));
    there.join().expect("it does not panic");
}

/// Ten thousand come, each behind all that came before, and have the key one after the other.
#[divan::bench(sample_count = 20)]
fn crowd_of_10_000(bencher: Bencher<'_, '_>) {
    let (table, _) = table_of(0);
    bencher.counter(ItemsCount::new(CROWD)).bench_local(|| {
        let held = granted(&table, &keys([order(0)]));
        let mut queue: VecDeque<Waiting> = (0..CROWD)
            .map(|_| waits(&table, &keys([order(0)])))
            .collect();
        drop(held);
        while let Some(mut waiting) = queue.pop_front() {
            drop(ready(waiting.granted()));
        }
    });
}

#[divan::bench(sample_count = 20)]
fn crowd_of_10_000_map_of_tokio_mutexes(bencher: Bencher<'_, '_>) {
    let turns = Turns::default();
    bencher.counter(ItemsCount::new(CROWD)).bench_local(|| {
        let place = |_| {
            let mut place = Box::pin(turns.of_key(&order(0)).lock_owned());
            assert!(poll(place.as_mut()).is_pending(), "somebody has the key");
            place
        };
        let held = turns
            .of_key(&order(0))
            .try_lock_owned()
            .expect("it is free");
        let mut queue: VecDeque<_> = (0..CROWD).map(place).collect();
        turns.release(&order(0), held);
        while let Some(place) = queue.pop_front() {
            turns.release(&order(0), ready(place));
        }
    });
}

/// One comes to a key for which ten thousand wait, and leaves again.
#[divan::bench(sample_size = 1_000)]
fn come_and_leave_behind_10_000(bencher: Bencher<'_, '_>) {
    let (table, _held) = table_of(1);
    let _queue: Vec<Waiting> = (0..CROWD)
        .map(|_| waits(&table, &keys([order(0)])))
        .collect();
    let keys = keys([order(0)]);
    bencher.bench_local(|| drop(waits(&table, &keys)));
}
