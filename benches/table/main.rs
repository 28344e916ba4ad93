//! What a hold costs in time: the claim of its keys and their release, and what it takes to wait.
//!
//! A claim and its release are timed together, since one cannot be repeated without the other. What else one could keep holds in is
//! timed in the same run.

mod common;
mod peers;
mod turns;

use std::sync::atomic::{AtomicU64, Ordering};

use divan::{Bencher, black_box};
use writegate::policy::key::Locks;
use writegate::table::Claimed;

use common::{claim, granted, keys, order, table_of, tree};
use peers::{Plain, Turns};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// One key, another one each time, in a table of so many other holds.
#[divan::bench(args = [0, 1_000, 1_000_000], sample_size = 1_000)]
fn claim_and_release(bencher: Bencher<'_, '_>, held: usize) {
    let (table, _grants) = table_of(held);
    let next = AtomicU64::new(0);
    bencher
        .with_inputs(|| other(&next))
        .bench_local_refs(|keys| drop(granted(&table, black_box(keys))));
}

#[divan::bench(args = [0, 1_000, 1_000_000], sample_size = 1_000)]
fn claim_and_release_plain_map(bencher: Bencher<'_, '_>, held: usize) {
    let plain = Plain::of((0..held).map(order));
    let next = AtomicU64::new(0);
    bencher
        .with_inputs(|| other_name(&next))
        .bench_local_refs(|key| {
            assert!(plain.claim(black_box(key)), "it is free");
            plain.release(key);
        });
}

#[divan::bench(args = [0, 1_000, 1_000_000], sample_size = 1_000)]
fn claim_and_release_map_of_tokio_mutexes(bencher: Bencher<'_, '_>, held: usize) {
    let (turns, _held) = Turns::of((0..held).map(order));
    let next = AtomicU64::new(0);
    bencher
        .with_inputs(|| other_name(&next))
        .bench_local_refs(|key| {
            let turn = turns.of_key(black_box(key)).try_lock_owned();
            turns.release(key, turn.expect("it is free"));
        });
}

/// A path of so many levels with what stands above it, beside so many holds of paths below the same.
#[divan::bench(args = [(1, 0), (8, 0), (8, 1_000), (8, 100_000), (32, 0)], sample_size = 1_000)]
fn nested_at_depth(bencher: Bencher<'_, '_>, (depth, held): (usize, usize)) {
    let (table, _) = table_of(0);
    let above: String = (1..depth).map(|level| format!("/level-{level}")).collect();
    let siblings = 0..held;
    let _grants: Vec<_> = siblings
        .map(|nth| granted(&table, &tree(&format!("{above}/{nth}"))))
        .collect();
    let keys = tree(&format!("{above}/other"));
    bencher.bench_local(|| drop(granted(&table, black_box(&keys))));
}

/// So many keys at once, in an empty table.
#[divan::bench(args = [1, 2, 8, 64], sample_size = 1_000)]
fn claim_and_release_keys(bencher: Bencher<'_, '_>, count: usize) {
    let (table, _grants) = table_of(0);
    let keys = keys((0..count).map(|nth| format!("account:{nth}")));
    bencher.bench_local(|| drop(granted(&table, black_box(&keys))));
}

/// A claim that is refused, on a key that is held for all of the time.
#[divan::bench(sample_size = 1_000)]
fn refused(bencher: Bencher<'_, '_>) {
    let (table, _grants) = table_of(1);
    let keys = keys([order(0)]);
    bencher.bench_local(|| {
        let claimed = claim(&table, black_box(&keys), None);
        assert!(matches!(claimed, Claimed::Conflict(_)));
    });
}

/// Two threads that write to the same key: a claim is granted, or meets that of the other.
#[divan::bench(threads = [1, 2], sample_size = 10_000)]
fn contended_same_key(bencher: Bencher<'_, '_>) {
    let (table, _grants) = table_of(0);
    let keys = keys([order(0)]);
    bencher.bench(|| drop(claim(&table, black_box(&keys), None)));
}

/// Two threads that write to keys of their own, one after the other.
#[divan::bench(threads = [1, 2], sample_size = 10_000)]
fn contended_different_keys(bencher: Bencher<'_, '_>) {
    let (table, _grants) = table_of(0);
    let (table, next) = (&table, AtomicU64::new(0));
    bencher
        .with_inputs(|| other(&next))
        .bench_refs(|keys| drop(granted(table, black_box(keys))));
}

fn other(next: &AtomicU64) -> Locks {
    keys([other_name(next)])
}

fn other_name(next: &AtomicU64) -> String {
    format!("other:{:08}", next.fetch_add(1, Ordering::Relaxed))
}
