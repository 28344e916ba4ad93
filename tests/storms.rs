//! The promise under storms: no overlap in any of them, no needless refusal, and nothing held afterwards.

use crate::support::gateway::Gateway;
use crate::support::haproxy::Haproxy;
use crate::support::history::History;
use crate::support::queueing::Queued;
use crate::support::storm::{Manners, Storm};
use crate::support::tally::Tally;
use crate::support::witness::{LATE, LONGEST_WORK, Witness};
use std::time::Duration;

/// The storms write by POST, too, and nothing but a guarded POST is refused.
const GUARDED: &str = "[guard]\npost = \"guard\"\n";

/// Above the longest work, with room for a busy machine; below what a late answer takes.
const MAX_WORK: Duration = Duration::from_millis(270);
const _: () = assert!(
    LONGEST_WORK.as_millis() < MAX_WORK.as_millis() && MAX_WORK.as_millis() < LATE.as_millis()
);

/// Long enough for a busy machine, and far below the default `max_work`: a hold that waits for that is not free.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_calm_storm_has_no_overlap_and_no_needless_refusal() {
    let witness = Witness::start(21, 0.0);
    let gateway = Gateway::start(witness.addr, GUARDED);
    let tally = Storm::new(31, Manners::CALM)
        .run(gateway.addr, &witness)
        .await;
    println!("writegate, calm\n{tally}");
    assert_eq!((tally.overlaps, tally.needless), (0, 0), "{tally}");
    nothing_but_writes_and_conflicts(&tally);
    Storm::every_resource_is_free(gateway.addr, PATIENCE).await;
    gateway.ends_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_calm_storm_accepts_at_least_as_much_as_haproxy() {
    let witness = Witness::start(22, 0.0);
    let gateway = Gateway::start(witness.addr, GUARDED);
    let haproxy = Haproxy::start(witness.addr);
    let (mut ours, mut theirs) = (Tally::default(), Tally::default());
    for round in 0..6 {
        let storm = Storm {
            lasting: Duration::from_secs(2),
            ..Storm::new(32 + round, Manners::CALM)
        };
        theirs.add(storm.run(haproxy.addr, &witness).await);
        ours.add(storm.run(gateway.addr, &witness).await);
    }
    println!("HAProxy, calm\n{theirs}\nwritegate, calm\n{ours}");
    assert!(
        ours.accepted * 100 >= theirs.accepted * 98,
        "writegate\n{ours}\nHAProxy\n{theirs}"
    );
    Storm::every_resource_is_free(gateway.addr, PATIENCE).await;
    gateway.ends_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_hang_ups_has_no_overlap_and_leaves_nothing_held() {
    let witness = Witness::start(23, 0.0);
    let gateway = Gateway::start(witness.addr, GUARDED);
    let tally = Storm::new(33, Manners::HANG_UPS)
        .run(gateway.addr, &witness)
        .await;
    println!("writegate, hang-ups\n{tally}");
    assert_eq!(tally.overlaps, 0, "{tally}");
    assert!(tally.needless * 100 <= tally.refused, "{tally}");
    nothing_but_writes_and_conflicts(&tally);
    Storm::every_resource_is_free(gateway.addr, PATIENCE).await;
    gateway.ends_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_spellings_and_overridden_methods_has_no_overlap() {
    let witness = Witness::start(24, 0.0);
    // Not a plain POST among them, so that what is taken for one, and only observed, would overlap.
    let gateway = Gateway::start(witness.addr, "");
    let tally = Storm::new(34, Manners::SPELLINGS)
        .run(gateway.addr, &witness)
        .await;
    println!("writegate, spellings\n{tally}");
    assert_eq!((tally.overlaps, tally.needless), (0, 0), "{tally}");
    nothing_but_writes_and_conflicts(&tally);
    Storm::every_resource_is_free(gateway.addr, PATIENCE).await;
    gateway.ends_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_broken_upstream_connections_has_no_overlap() {
    let witness = Witness::start(25, 0.1);
    let guard = format!("{GUARDED}max_work = \"{}ms\"\n", MAX_WORK.as_millis());
    let gateway = Gateway::start(witness.addr, &guard);
    let tally = Storm::new(35, Manners::CALM)
        .run(gateway.addr, &witness)
        .await;
    println!("writegate, broken upstream connections\n{tally}");
    assert_eq!(tally.overlaps, 0, "{tally}");
    assert!(tally.needless * 100 <= tally.refused, "{tally}");
    assert!(tally.accepted > 0 && tally.refused_unknown > 0, "{tally}");
    let (gone, others): (Vec<_>, Vec<_>) = tally
        .other
        .iter()
        .partition(|(status, _)| matches!(**status, 502 | 504));
    assert!(!gone.is_empty() && others.is_empty(), "{tally}");
    Storm::every_resource_is_free(gateway.addr, PATIENCE).await;
    gateway.ends_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_everything_at_once_has_no_overlap() {
    let witness = Witness::start(26, 0.1);
    let guard = format!("{GUARDED}max_work = \"{}ms\"\n", MAX_WORK.as_millis());
    let gateway = Gateway::start(witness.addr, &guard);
    let manners = Manners {
        spell: true,
        override_method: true,
        ..Manners::HANG_UPS
    };
    let tally = Storm::new(36, manners).run(gateway.addr, &witness).await;
    println!("writegate, everything at once\n{tally}");
    assert_eq!(tally.overlaps, 0, "{tally}");
    assert!(tally.needless * 100 <= tally.refused, "{tally}");
    assert!(tally.accepted > 0, "{tally}");
    Storm::every_resource_is_free(gateway.addr, PATIENCE).await;
    gateway.ends_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_waiters_has_no_overlap_no_deadlock_and_a_history_that_a_lock_for_each_key_can_have()
 {
    let witness = Witness::start(27, 0.05);
    let gateway = Gateway::start(witness.addr, &of_waiters());
    let queued = Queued::storm(gateway.addr, 40, Duration::from_secs(5)).await;
    let works = witness.when_idle().await;
    println!("writegate, waiters\n{queued}");
    let mut broken = Vec::new();
    for resource in FLAT_AND_PAIRED {
        let history = History::of(resource, &queued.attempts, &works);
        let (granted, refused) = history.counts();
        println!("  {resource}: {granted} had it, {refused} were refused");
        assert!(granted > 20, "{resource}: too little to tell");
        if !history.is_linearizable() {
            broken.push(resource);
        }
        assert!(
            !history.with_a_double_grant().is_linearizable(),
            "{resource}"
        );
    }
    assert_eq!((witness.overlaps(), broken), (0, vec![]));
    assert!(queued.faults.is_empty(), "{queued}");
    assert!(
        queued.count(200) > 100 && queued.count(409) > 20,
        "{queued}"
    );
    // As long as configured, and what a busy machine takes at most to see that it is over.
    let longest = queued.longest_wait();
    assert!((WAIT / 2..WAIT * 2).contains(&longest), "{queued}");
    // The outcomes that are unknown have been so for as long by then.
    tokio::time::sleep(MAX_WORK).await;
    gateway.ends_empty().await;
}

/// How long a write of the storm of waiters waits at most.
const WAIT: Duration = Duration::from_millis(600);

/// The keys of which each is a lock of its own, where those of a tree are not.
const FLAT_AND_PAIRED: [&str; 7] = [
    "flat/0", "flat/1", "flat/2", "pair/0", "pair/1", "pair/2", "pair/3",
];

/// Waiting by default, but not for `DELETE` of what stands alone; two keys of a `MOVE`; and trees, where `PATCH` is shared.
fn of_waiters() -> String {
    let (max_work, wait) = (MAX_WORK.as_millis(), WAIT.as_millis());
    format!(
        "{GUARDED}scope = \"subtree\"\nmax_work = \"{max_work}ms\"\n\
         on_conflict = {{ wait = \"{wait}ms\", waiters = 6 }}\n\
         [[route]]\npath = \"/tree/{{*rest}}\"\nmethods = [\"PATCH\"]\nmode = \"shared\"\n\
         [[route]]\npath = \"/flat/{{*rest}}\"\nmethods = [\"DELETE\"]\non_conflict = \"reject\"\n"
    )
}

fn nothing_but_writes_and_conflicts(tally: &Tally) {
    assert!(
        tally.accepted > 0 && tally.refused > 0 && tally.read > 0,
        "{tally}"
    );
    assert!(
        tally.other.is_empty() && tally.refused_unknown == 0 && tally.faults == 0,
        "{tally}"
    );
}
