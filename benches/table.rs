//! What a hold costs in time: the claim of its keys and their release.
//!
//! The two are timed together, since one cannot be repeated without the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use divan::{Bencher, black_box};
use http::{HeaderValue, Method};
use writegate::policy::key::{Key, Lock, Locks};
use writegate::policy::key_state::HoldId;
use writegate::policy::{Family, Mode, Purpose, RouteId};
use writegate::table::{Claim, Claimed, Grant, Table};

/// Every hold has a name of its own.
static NEXT: AtomicU64 = AtomicU64::new(0);

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
        let claimed = claim(&table, black_box(&keys));
        assert!(matches!(claimed, Claimed::Conflict(_)));
    });
}

/// Two threads that write to the same key: a claim is granted, or meets that of the other.
#[divan::bench(threads = [1, 2], sample_size = 10_000)]
fn contended_same_key(bencher: Bencher<'_, '_>) {
    let (table, _grants) = table_of(0);
    let keys = keys([order(0)]);
    bencher.bench(|| drop(claim(&table, black_box(&keys))));
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

fn table_of(held: usize) -> (Arc<Table>, Vec<Grant>) {
    let table = Table::new(2_000_000);
    let mut grants = Vec::with_capacity(held);
    grants.extend((0..held).map(|nth| granted(&table, &keys([order(nth)]))));
    (table, grants)
}

fn other(next: &AtomicU64) -> Locks {
    let nth = next.fetch_add(1, Ordering::Relaxed);
    keys([format!("other:{nth:08}")])
}

fn order(nth: usize) -> String {
    format!("order:{nth:08}")
}

fn keys(names: impl IntoIterator<Item = String>) -> Locks {
    let locks = names.into_iter().map(|name| Lock {
        key: Key::new(name),
        mode: Mode::Exclusive,
    });
    Lock::merged(locks.collect())
}

fn granted(table: &Arc<Table>, keys: &Locks) -> Grant {
    match claim(table, keys) {
        Claimed::Granted { grant, .. } => grant,
        refused @ (Claimed::Waits(_)
        | Claimed::Conflict(_)
        | Claimed::QueueFull(_)
        | Claimed::Full) => panic!("{refused:?}"),
    }
}

fn claim(table: &Arc<Table>, keys: &Locks) -> Claimed {
    const REQUEST_ID: HeaderValue = HeaderValue::from_static("8f14e45fceea467fa6c51d0e3a5b7c21");
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    table.claim(&Claim {
        id: HoldId::new(0, number),
        locks: keys,
        purpose: Purpose::Write,
        family: Family::new(u128::from(number).to_be_bytes()),
        is_numbered: false,
        waiters: None,
        request_id: &REQUEST_ID,
        method: &Method::PUT,
        route: RouteId::GUARD,
        remedy: None,
        max_work: Duration::from_secs(60),
        typical: None,
    })
}
