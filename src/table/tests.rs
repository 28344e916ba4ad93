//! The table by itself: claims, waits, releases and the clock, without a gateway.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderValue;
use tokio::time::Instant;

use super::*;
use crate::policy::key::Lock;
use crate::policy::key_state::Phase;
use crate::policy::{Mode, Scope};

mod contention;
mod hold;
mod model;
mod room;

#[test]
fn a_hold_is_as_large_as_it_is_said_to_be() {
    // Beside the count of those that share it.
    assert!(size_of::<Writer>() <= 120);
}

fn locks(names: &[&str], mode: Mode, scope: Scope) -> Locks {
    let keys = names.iter().map(|name| Key::new(*name));
    Lock::merged(keys.flat_map(|key| Lock::on(key, mode, scope)).collect())
}

fn exclusive(names: &[&str]) -> Locks {
    locks(names, Mode::Exclusive, Scope::Key)
}

fn claim_locks(table: &Arc<Table>, locks: &Locks, waiters: Option<usize>) -> Claimed {
    claim_as(table, family(), locks, waiters)
}

/// One of which no other claim is.
fn family() -> Family {
    Family::new(fastrand::u128(..).to_be_bytes())
}

fn claim_as(table: &Arc<Table>, family: Family, locks: &Locks, waiters: Option<usize>) -> Claimed {
    let claim = Claim {
        id: HoldId::new(0, fastrand::u64(..1 << 40)),
        purpose: Purpose::Write,
        family,
        is_numbered: true,
        waiters,
        request_id: &RequestId::Given(HeaderValue::from_static("r")),
        method: &Method::PUT,
        route: RouteId::GUARD,
        remedy: None,
        max_work: Duration::from_secs(60),
        typical: None,
    };
    table.claim(&claim, &mut table.place(locks))
}

fn claim(table: &Arc<Table>, names: &[&str]) -> Claimed {
    claim_locks(table, &exclusive(names), None)
}

fn granted(table: &Arc<Table>, names: &[&str]) -> Grant {
    grant_of(claim(table, names))
}

fn grant_of(claimed: Claimed) -> Grant {
    match claimed {
        Claimed::Granted { grant, .. } => grant,
        other @ (Claimed::Waits(_)
        | Claimed::Conflict(_)
        | Claimed::QueueFull(_)
        | Claimed::Full) => panic!("{other:?}"),
    }
}

fn waiting(table: &Arc<Table>, names: &[&str]) -> Waiting {
    match claim_locks(table, &exclusive(names), Some(16)) {
        Claimed::Waits(waiting) => waiting,
        other @ (Claimed::Granted { .. }
        | Claimed::Conflict(_)
        | Claimed::QueueFull(_)
        | Claimed::Full) => panic!("{other:?}"),
    }
}

/// Its grant, if its turn has come.
fn turn(waiting: &mut Waiting) -> Option<Grant> {
    use std::task::{Context, Poll, Waker};
    let granted = std::pin::pin!(waiting.granted());
    match granted.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(grant) => Some(grant),
        Poll::Pending => None,
    }
}

fn sent(grant: Grant) -> Hold {
    grant.into_hold(Rc::new(Cell::new(Instant::now())))
}

/// Whether no key is remembered.
fn is_bare(table: &Table) -> bool {
    let mut count = 0;
    table.ledger.shards.for_each(|_, _| count += 1);
    count == 0
}

fn met_keys(met: &Mets) -> Vec<&str> {
    met.iter().map(|met| met.key.as_str()).collect()
}

#[test]
fn a_claim_that_meets_one_of_its_keys_takes_none() {
    let table = Table::new(10);
    let _hold = sent(granted(&table, &["b"]));
    assert!(
        matches!(claim(&table, &["a", "b", "c"]), Claimed::Conflict(met) if met_keys(&met) == ["b"])
    );
    drop(granted(&table, &["a", "c"]));
    assert_eq!(table.len(), 1);
}

#[test]
fn every_key_that_was_met_is_named() {
    let table = Table::new(10);
    let _holds = (sent(granted(&table, &["a"])), sent(granted(&table, &["c"])));
    let Claimed::Conflict(met) = claim(&table, &["a", "b", "c"]) else {
        panic!("two of them are held");
    };
    assert_eq!(met_keys(&met), ["a", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_table_grants_nothing_and_evicts_nobody_whose_time_is_not_over() {
    let table = Table::new(1);
    let hold = sent(granted(&table, &["a"]));
    assert!(matches!(claim(&table, &["b"]), Claimed::Full));
    assert!(matches!(claim(&table, &["a"]), Claimed::Conflict(_)));
    drop(hold);
    assert!(matches!(claim(&table, &["b"]), Claimed::Full));
    tokio::time::advance(Duration::from_secs(60)).await;
    drop(granted(&table, &["b"]));
    assert!(table.is_empty() && is_bare(&table));
}

#[test]
fn turns_come_in_the_order_in_which_they_were_asked_for() {
    let table = Table::new(10);
    let hold = sent(granted(&table, &["a"]));
    let (mut first, mut second) = (waiting(&table, &["a"]), waiting(&table, &["a"]));
    hold.settle();
    assert!(turn(&mut second).is_none());
    let grant = turn(&mut first).expect("it is the first");
    assert!(matches!(claim(&table, &["a"]), Claimed::Conflict(_)));
    drop(grant);
    drop(turn(&mut second).expect("it is its turn"));
    drop((first, second));
    assert!(table.is_empty() && is_bare(&table));
}

#[test]
fn a_claim_that_does_not_wait_meets_those_that_do() {
    let table = Table::new(10);
    let hold = sent(granted(&table, &["a"]));
    let other = sent(granted(&table, &["b"]));
    let mut both = waiting(&table, &["a", "b"]);
    other.settle();
    assert!(
        matches!(claim(&table, &["b"]), Claimed::Conflict(met) if met[0].by == By::Waiter),
        "nobody holds b, but one waits for it"
    );
    hold.settle();
    drop(turn(&mut both).expect("both are free"));
    drop(both);
    assert!(table.is_empty() && is_bare(&table));
}

#[test]
fn whoever_waits_for_several_keys_gets_all_of_them_when_the_last_is_free() {
    let table = Table::new(10);
    let holds = [sent(granted(&table, &["a"])), sent(granted(&table, &["b"]))];
    let mut both = waiting(&table, &["a", "b"]);
    for hold in holds {
        assert!(turn(&mut both).is_none());
        hold.settle();
    }
    drop(turn(&mut both).expect("the last is free"));
}

#[test]
fn one_that_leaves_keeps_nobody_back() {
    let table = Table::new(10);
    let hold = sent(granted(&table, &["a"]));
    let _other = sent(granted(&table, &["b"]));
    let first = waiting(&table, &["a", "b"]);
    let mut second = waiting(&table, &["a"]);
    hold.settle();
    assert!(turn(&mut second).is_none(), "the first came before");
    let met = first.leave().expect_err("b is held");
    assert_eq!(met_keys(&met), ["b"]);
    drop(turn(&mut second).expect("it is the first now"));
}

#[test]
fn a_turn_that_nobody_waits_for_goes_to_the_next() {
    let table = Table::new(10);
    let hold = sent(granted(&table, &["a"]));
    let mut gone = waiting(&table, &["a"]);
    let mut next = waiting(&table, &["a"]);
    // It is about to leave the queue.
    gone.granted.close();
    hold.settle();
    drop(turn(&mut next).expect("it is the first now"));
    drop(gone);
}

#[test]
fn one_whose_turn_comes_as_it_leaves_has_its_grant() {
    let table = Table::new(10);
    let hold = sent(granted(&table, &["a"]));
    let waiting = waiting(&table, &["a"]);
    hold.settle();
    drop(waiting.leave().expect("its turn had come"));
    assert!(table.is_empty() && is_bare(&table));
}

#[test]
fn a_queue_has_a_bound() {
    let table = Table::new(10);
    let _hold = sent(granted(&table, &["a"]));
    let _first = waiting(&table, &["a"]);
    let claimed = claim_locks(&table, &exclusive(&["a"]), Some(1));
    assert!(matches!(claimed, Claimed::QueueFull(met) if met_keys(&met) == ["a"]));
}

#[tokio::test(start_paused = true)]
async fn what_was_met_stands_until_its_hold_changes() {
    let table = Table::new(16);
    let met = || match claim(&table, &["a"]) {
        Claimed::Conflict(mut met) => met.remove(0),
        other @ (Claimed::Granted { .. }
        | Claimed::Waits(_)
        | Claimed::QueueFull(_)
        | Claimed::Full) => panic!("it is held: {other:?}"),
    };
    for ends in [
        |hold: Hold| assert!(hold.settle() < Duration::from_secs(1)),
        |hold: Hold| drop(hold.unsent()),
        |hold: Hold| drop(hold),
    ] {
        let hold = sent(granted(&table, &["a"]));
        let met_at_work = met();
        assert!(met_at_work.stands());
        ends(hold);
        assert!(!met_at_work.stands());
        tokio::time::advance(Duration::from_secs(61)).await;
    }
    drop(sent(granted(&table, &["a"])));
    assert!(!met().stands(), "its time may be over at any moment");
    tokio::time::advance(Duration::from_secs(61)).await;

    let _held = granted(&table, &["b"]);
    let _waits = waiting(&table, &["a", "b"]);
    assert!(!met().stands(), "whoever waits may go without a word");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_an_unknown_outcome_is_woken_when_its_time_is_over() {
    let local = tokio::task::LocalSet::new();
    let table = Table::new(10);
    let _expiring = local.spawn_local(Arc::clone(&table).expire());
    local
        .run_until(async {
            drop(sent(granted(&table, &["a"])));
            let mut waiting = waiting(&table, &["a"]);
            let since = Instant::now();
            drop(waiting.granted().await);
            assert_eq!(since.elapsed().as_secs(), 60);
        })
        .await;
}

#[test]
fn what_stands_below_another_meets_it_and_its_siblings_do_not() {
    let table = Table::new(10);
    let below = |name| locks(&[name], Mode::Exclusive, Scope::Subtree);
    let claim = |name| claim_locks(&table, &below(name), None);
    let item = grant_of(claim("/orders/7/items/3"));
    assert!(
        matches!(claim("/orders/7"), Claimed::Conflict(met) if matches!(met[0].by, By::Holder { is_below: true, .. }))
    );
    assert!(matches!(claim("/"), Claimed::Conflict(_)));
    assert!(matches!(
        claim("/orders/7/items/3/notes"),
        Claimed::Conflict(_)
    ));
    drop(grant_of(claim("/orders/7/items/4")));
    drop(grant_of(claim("/orders/70")));
    drop(item);
    let order = grant_of(claim("/orders/7"));
    assert!(
        matches!(claim("/orders/7/items/3"), Claimed::Conflict(met) if met_keys(&met) == ["/orders/7"])
    );
    drop(order);
    assert!(table.is_empty() && is_bare(&table));
}

#[test]
fn what_comes_of_a_hold_passes_by_its_keys_and_they_are_free_when_the_last_has_settled() {
    let table = Table::new(10);
    let family = family();
    let keys = exclusive(&["a"]);
    let nested = || grant_of(claim_as(&table, family, &keys, None));
    let parent = nested();
    let pass = parent.pass().expect("it keeps others away");
    let mut other = waiting(&table, &["a"]);
    let (first, second) = (sent(nested()), nested());
    let parent = sent(parent);
    parent.settle();
    assert!(table.is_live(pass) && turn(&mut other).is_none());
    drop(second);
    first.settle();
    assert!(!table.is_live(pass));
    drop(turn(&mut other).expect("the last has settled"));
    assert!(matches!(
        claim_as(&table, family, &keys, None),
        Claimed::Granted { .. }
    ));
}

#[test]
fn what_comes_of_a_hold_meets_what_that_does_not_have() {
    let table = Table::new(10);
    let family = family();
    let _parent = grant_of(claim_as(&table, family, &exclusive(&["a"]), None));
    let _other = granted(&table, &["b"]);
    let both = claim_as(&table, family, &exclusive(&["a", "b"]), None);
    assert!(matches!(both, Claimed::Conflict(met) if met_keys(&met) == ["b"]));
    // To have more of a key than its family has, it must meet whoever waits.
    let below = |name, mode| locks(&[name], mode, Scope::Subtree);
    let _reads = grant_of(claim_as(&table, family, &below("c/1", Mode::Shared), None));
    let waits = claim_locks(&table, &below("c", Mode::Exclusive), Some(1));
    assert!(matches!(waits, Claimed::Waits(_)));
    drop(grant_of(claim_as(
        &table,
        family,
        &below("c/2", Mode::Shared),
        None,
    )));
    let writes = claim_as(&table, family, &below("c/2", Mode::Exclusive), None);
    assert!(matches!(writes, Claimed::Conflict(met) if met[0].by == By::Waiter));
}

#[test]
fn a_pass_of_another_hold_or_of_none_is_dead() {
    let table = Table::new(10);
    let hold = granted(&table, &["a"]);
    let pass = hold.pass().expect("it keeps others away");
    assert!(table.is_live(pass));
    let other = Pass {
        family: family(),
        ..pass
    };
    assert!(!table.is_live(other));
    drop(hold);
    assert!(!table.is_live(pass));
}

#[test]
fn numbers_grow_on_each_key_as_its_writes_are_granted() {
    let table = Table::new(10);
    let first = granted(&table, &["a"]);
    let mut second = waiting(&table, &["a"]);
    let elsewhere = granted(&table, &["b"]);
    let numbers = [first.number(), elsewhere.number()];
    drop(first);
    let second = turn(&mut second).expect("its turn");
    assert!(
        numbers.iter().all(|number| *number < second.number()),
        "{numbers:?}"
    );
}

#[test]
fn what_is_too_deep_to_be_told_apart_is_one() {
    let deep = |last: &str| format!("{}/{last}", "/a".repeat(crate::policy::key::DEPTH_LIMIT));
    let table = Table::new(10);
    let below = |name: &str| locks(&[name], Mode::Exclusive, Scope::Subtree);
    let held = below(&deep("x"));
    assert_eq!(held.len(), crate::policy::key::DEPTH_LIMIT);
    let _one = grant_of(claim_locks(&table, &held, None));
    assert!(matches!(
        claim_locks(&table, &below(&deep("y")), None),
        Claimed::Conflict(_)
    ));
}

#[test]
fn claims_from_many_threads_over_the_same_keys_never_overlap_nor_deadlock() {
    let table = Table::new(1000);
    let at_work: [AtomicUsize; 4] = Default::default();
    std::thread::scope(|scope| {
        for seed in 0..4u64 {
            let (table, at_work) = (&table, &at_work);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                for _ in 0..5_000 {
                    let (a, b) = (random.usize(..4), random.usize(..4));
                    let mut chosen = vec![a, b];
                    chosen.sort_unstable();
                    chosen.dedup();
                    let names: Vec<String> = chosen.iter().map(ToString::to_string).collect();
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    let waiters = random.bool().then_some(2);
                    let grant = match claim_locks(table, &exclusive(&names), waiters) {
                        Claimed::Granted { grant, .. } => Some(grant),
                        Claimed::Waits(waiting) if random.bool() => waiting.leave().ok(),
                        Claimed::Waits(waiting) => Some(block_on(waiting)),
                        Claimed::Conflict(_) | Claimed::QueueFull(_) | Claimed::Full => None,
                    };
                    if let Some(grant) = grant {
                        for &key in &chosen {
                            assert_eq!(at_work[key].fetch_add(1, Ordering::SeqCst), 0);
                        }
                        for &key in &chosen {
                            at_work[key].fetch_sub(1, Ordering::SeqCst);
                        }
                        drop(grant);
                    }
                }
            });
        }
    });
    assert!(table.is_empty() && is_bare(&table));
}

/// Its grant; a turn that never comes fails the test.
fn block_on(mut waiting: Waiting) -> Grant {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let limit = Duration::from_secs(20);
    let granted = async { tokio::time::timeout(limit, waiting.granted()).await };
    runtime.block_on(granted).expect("its turn comes")
}
