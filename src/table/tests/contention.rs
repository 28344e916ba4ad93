//! What workers have in common on the way of a write, counted and not timed.

use super::counted::{Counts, counted};
use super::*;

/// A claim and its release by the first worker.
fn come_and_go(table: &Table, locks: &Locks, is_numbered: bool) {
    let claim = Claim {
        is_numbered,
        ..a_claim()
    };
    let claimed = table.claim(&claim, &mut table.place(locks));
    sent(grant_of(claimed)).settle();
}

fn a_claim() -> Claim<'static> {
    static REQUEST_ID: RequestId = RequestId::Given(HeaderValue::from_static("r"));
    Claim {
        id: HoldId::new(0, fastrand::u64(..1 << 40)),
        purpose: Purpose::Write,
        family: family(),
        is_numbered: false,
        waiters: Some(16),
        request_id: &REQUEST_ID,
        method: &Method::PUT,
        route: RouteId::GUARD,
        remedy: None,
        max_work: Duration::from_secs(60),
        typical: None,
    }
}

/// What the second of two that are alike comes to: the first makes room.
fn second(mut work: impl FnMut()) -> Counts {
    work();
    counted(work)
}

#[test]
fn a_write_with_one_key_locks_its_shard_twice_and_writes_to_nothing_else_that_is_shared() {
    let table = Table::new(1_000_000);
    let keys = exclusive(&["a"]);
    let counts = second(|| come_and_go(&table, &keys, false));
    assert_eq!((counts.locks.len(), counts.writes), (2, 0), "{counts:?}");
    assert_eq!(counts.locks[0], counts.locks[1]);
    assert_eq!(Arc::strong_count(&table), 1);
    let grant = grant_of(table.claim(&a_claim(), &mut table.place(&keys)));
    assert_eq!(
        Arc::strong_count(&table),
        1,
        "who uses the table is counted"
    );
    drop(grant);
}

#[test]
fn a_number_is_one_write_more() {
    let table = Table::new(1_000_000);
    let keys = exclusive(&["a"]);
    let counts = second(|| come_and_go(&table, &keys, true));
    assert_eq!((counts.locks.len(), counts.writes), (2, 1), "{counts:?}");
}

#[test]
fn a_write_with_several_keys_locks_each_of_their_shards_twice() {
    let table = Table::new(1_000_000);
    let names: Vec<String> = (0..8).map(|nth| nth.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let keys = exclusive(&names);
    let Counts { mut locks, writes } = second(|| come_and_go(&table, &keys, false));
    locks.sort_unstable();
    let shards = locks
        .chunk_by(PartialEq::eq)
        .inspect(|taken| assert_eq!(taken.len(), 2));
    assert!((1..=8).contains(&shards.count()));
    assert_eq!(writes, 0);
}

#[test]
fn a_crowd_asks_for_room_a_handful_at_a_time() {
    let table = Table::new(1_000_000);
    let keys: Vec<Locks> = (0..10_000)
        .map(|nth| exclusive(&[&nth.to_string()]))
        .collect();
    let mut grants = Vec::new();
    let counts = counted(|| {
        let claims = keys
            .iter()
            .map(|keys| table.claim(&a_claim(), &mut table.place(keys)));
        grants.extend(claims.map(grant_of));
    });
    assert_eq!(counts.locks.len(), grants.len());
    assert!(counts.writes < grants.len() / 30, "{}", counts.writes);
    let counts = counted(|| grants.clear());
    assert_eq!(counts.locks.len(), keys.len());
    assert!(counts.writes < keys.len() / 30, "{}", counts.writes);
}
