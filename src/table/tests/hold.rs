//! Grants and holds: how each ends, and what it leaves.

use super::*;

#[test]
fn a_grant_that_is_dropped_frees_its_keys() {
    let table = Table::new(10);
    drop(granted(&table, &["a", "b"]));
    assert!(table.is_empty() && is_bare(&table));
}

#[test]
fn a_hold_that_settles_frees_its_keys() {
    let table = Table::new(10);
    sent(granted(&table, &["a", "b"])).settle();
    assert!(table.is_empty() && is_bare(&table));
}

#[tokio::test(start_paused = true)]
async fn a_hold_dropped_without_a_verdict_keeps_its_keys_for_max_work_after_the_last_byte() {
    let table = Table::new(10);
    let hold = sent(granted(&table, &["a"]));
    tokio::time::advance(Duration::from_secs(10)).await;
    drop(hold);
    tokio::time::advance(Duration::from_millis(49_999)).await;
    assert!(
        matches!(claim(&table, &["a"]), Claimed::Conflict(met) if matches!(met[0].by, By::Holder { phase: Phase::OutcomeUnknown { .. }, .. }))
    );
    assert_eq!(table.sweep(), 0);
    tokio::time::advance(Duration::from_millis(1)).await;
    let next = granted(&table, &["a"]);
    assert_eq!(
        table.sweep(),
        1,
        "the sweep removes the one whose time is over, not its successor"
    );
    assert!(matches!(claim(&table, &["a"]), Claimed::Conflict(_)));
    drop(next);
    assert!(table.is_empty() && is_bare(&table));
}
