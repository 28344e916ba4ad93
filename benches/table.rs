//! What a hold costs: the claim of its keys and their release, and the memory that it takes in between.
//!
//! A claim and its release are timed together, since one cannot be repeated without the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use divan::{AllocProfiler, Bencher, black_box};
use http::{HeaderValue, Method};
use writegate::policy::RouteId;
use writegate::policy::key::{Key, Keys, Mode};
use writegate::policy::key_state::HoldId;
use writegate::table::{Claim, Claimed, Grant, Table};

/// Counts what is allocated, for the memory that a hold takes. It makes each allocation slower by some nanoseconds.
#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// Every hold has a name of its own.
static NEXT: AtomicU64 = AtomicU64::new(0);

fn main() {
    divan::main();
}

/// One key, in a table of so many other holds.
#[divan::bench(args = [0, 1_000, 1_000_000])]
fn claim_and_release(bencher: Bencher<'_, '_>, held: usize) {
    let (table, _grants) = table_of(held);
    let keys = keys(["order:new".to_owned()]);
    bencher.bench_local(|| drop(granted(&table, black_box(&keys))));
}

/// So many keys at once, in an empty table.
#[divan::bench(args = [1, 2, 8, 64])]
fn claim_and_release_keys(bencher: Bencher<'_, '_>, count: usize) {
    let (table, _grants) = table_of(0);
    let keys = keys((0..count).map(|nth| format!("account:{nth}")));
    bencher.bench_local(|| drop(granted(&table, black_box(&keys))));
}

/// A claim that is refused, on a key that is held for all of the time.
#[divan::bench]
fn refused(bencher: Bencher<'_, '_>) {
    let (table, _grants) = table_of(1);
    let keys = keys([order(0)]);
    bencher.bench_local(|| {
        let claimed = claim(&table, black_box(&keys));
        assert!(matches!(claimed, Claimed::Conflict(_)));
    });
}

/// Two threads that write to the same key: a claim is granted, or meets that of the other.
#[divan::bench(threads = [1, 2])]
fn contended_same_key(bencher: Bencher<'_, '_>) {
    let (table, _grants) = table_of(0);
    let keys = keys([order(0)]);
    bencher.bench(|| drop(claim(&table, black_box(&keys))));
}

/// Two threads that write to keys of their own, one after the other.
#[divan::bench(threads = [1, 2])]
fn contended_different_keys(bencher: Bencher<'_, '_>) {
    let (table, _grants) = table_of(0);
    let (table, next) = (&table, AtomicU64::new(0));
    bencher
        .with_inputs(|| keys([format!("order:{}", next.fetch_add(1, Ordering::Relaxed))]))
        .bench_refs(|keys| drop(granted(table, black_box(keys))));
}

/// Fills a table with so many holds of one key each. The bytes are what divan shows as `max alloc`, over the number of holds:
/// the key as the request has it, the key as the table has it, the writer, and the table's own room.
#[divan::bench(args = [1_000, 100_000, 1_000_000], sample_count = 3, sample_size = 1)]
fn hold(held: usize) -> (Arc<Table>, Vec<Grant>) {
    table_of(held)
}

fn table_of(held: usize) -> (Arc<Table>, Vec<Grant>) {
    let table = Table::new(2_000_000);
    let mut grants = Vec::with_capacity(held);
    grants.extend((0..held).map(|nth| granted(&table, &keys([order(nth)]))));
    (table, grants)
}

fn order(nth: usize) -> String {
    format!("order:{nth:08}")
}

fn keys(names: impl IntoIterator<Item = String>) -> Keys {
    let mut keys: Keys = names.into_iter().map(Key::new).collect();
    keys.sort_unstable();
    keys
}

fn granted(table: &Arc<Table>, keys: &Keys) -> Grant {
    match claim(table, keys) {
        Claimed::Granted { grant, .. } => grant,
        refused @ (Claimed::Conflict(_) | Claimed::Full) => panic!("{refused:?}"),
    }
}

fn claim(table: &Arc<Table>, keys: &Keys) -> Claimed {
    const REQUEST_ID: HeaderValue = HeaderValue::from_static("8f14e45fceea467fa6c51d0e3a5b7c21");
    table.claim(&Claim {
        id: HoldId::new(0, NEXT.fetch_add(1, Ordering::Relaxed)),
        keys,
        mode: Mode::Exclusive,
        request_id: &REQUEST_ID,
        method: &Method::PUT,
        route: RouteId::GUARD,
        max_work: Duration::from_secs(60),
    })
}
