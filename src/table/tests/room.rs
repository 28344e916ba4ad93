//! How many holds there may be.

use super::*;

#[test]
fn there_is_room_for_just_as_many_as_there_may_be_wherever_their_keys_are() {
    for max in [0, 1, 2, 3, 64, 1_000, 5_000] {
        let table = Table::new(max);
        let name = |nth: usize| format!("{max}/{nth}");
        let mut grants: Vec<Grant> = (0..max).map(|nth| granted(&table, &[&name(nth)])).collect();
        assert_eq!(table.len(), max);
        assert!(matches!(claim(&table, &["other"]), Claimed::Full));
        // What leaves makes room for one elsewhere, however often.
        for nth in 0..max.min(200) {
            drop(grants.swap_remove(fastrand::usize(..grants.len())));
            grants.push(granted(&table, &[&name(max + nth)]));
            assert!(matches!(claim(&table, &["other"]), Claimed::Full), "{max}");
        }
        drop(grants);
        assert!(table.is_empty() && is_bare(&table));
    }
}

#[test]
fn one_that_waits_has_room_and_one_that_finds_none_leaves_none_behind() {
    let table = Table::new(2);
    let held = granted(&table, &["a"]);
    let waits = waiting(&table, &["a"]);
    assert!(matches!(
        claim_locks(&table, &exclusive(&["a"]), Some(16)),
        Claimed::Full
    ));
    assert!(matches!(claim(&table, &["a"]), Claimed::Conflict(_)));
    drop(waits);
    drop(granted(&table, &["b"]));
    drop(held);
    let both = (granted(&table, &["c"]), granted(&table, &["d"]));
    assert_eq!(table.len(), 2);
    drop(both);
    assert!(table.is_empty() && is_bare(&table));
}

#[test]
fn room_that_was_gathered_and_not_used_is_free_again() {
    let table = Table::new(1);
    let gather = || table.ledger.shards.gather();
    assert!(gather().is_some() && gather().is_some());
    drop(granted(&table, &["a"]));
    assert!(gather().is_some());
}

/// What becomes of claims by four threads, each of which has one hold at most; never more than `max` may have one at once.
fn storm(max: usize, mut see: impl FnMut(&Claimed) + Copy + Send) {
    let (table, at_once) = (Table::new(max), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (table, at_once) = (&table, &at_once);
            scope.spawn(move || {
                for nth in 0..5_000 {
                    let claimed = claim(table, &[&format!("{thread}/{nth}")]);
                    see(&claimed);
                    if let Claimed::Granted { grant, .. } = claimed {
                        assert!(at_once.fetch_add(1, Ordering::SeqCst) < max);
                        at_once.fetch_sub(1, Ordering::SeqCst);
                        drop(grant);
                    }
                }
            });
        }
    });
    assert!(table.is_empty() && is_bare(&table));
}

#[test]
fn where_there_is_room_for_each_of_some_threads_none_is_told_that_there_is_none() {
    storm(4, |claimed| {
        assert!(matches!(claimed, Claimed::Granted { .. }), "{claimed:?}");
    });
}

#[test]
fn there_is_never_more_than_there_may_be() {
    for max in 1..4 {
        storm(max, |_| {});
    }
}
