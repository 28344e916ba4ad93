//! The real table under `shuttle`, which runs threads in one of the orders that their locks and atomics allow, and then in the
//! next: `cargo nextest run --features shuttle --lib interleavings`. A schedule that fails is printed, and
//! `shuttle::replay` runs it again.

use std::cell::Cell;
use std::rc::Rc;

use http::HeaderValue;
use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::AtomicU64 as Names;
use shuttle::thread;
use tokio::time::Instant;

use super::sync::{Mutex, Ordering};
use super::*;
use crate::policy::key::Lock;
use crate::policy::{Mode, Scope};

/// How many schedules each test tries.
const SCHEDULES: usize = 5_000;

/// What is known of who is at work, beside the table: the claims whose grant somebody has in hand.
type AtWork = Arc<Mutex<Vec<Locks>>>;

fn locks(names: &[&str], mode: Mode, scope: Scope) -> Locks {
    let keys = names.iter().map(|name| Key::new(*name));
    Lock::merged(keys.flat_map(|key| Lock::on(key, mode, scope)).collect())
}

fn claim(table: &Arc<Table>, names: &Names, locks: &Locks, waiters: Option<usize>) -> Claimed {
    let id = names.fetch_add(1, Ordering::SeqCst);
    let claim = Claim {
        id: HoldId::new(0, id),
        purpose: Purpose::Write,
        family: Family::new(u128::from(id).to_be_bytes()),
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

fn are_compatible(one: &Locks, other: &Locks) -> bool {
    one.iter().all(|mine| {
        let theirs = other.iter().find(|theirs| theirs.key == mine.key);
        theirs.is_none_or(|theirs| theirs.mode.is_compatible_with(mine.mode))
    })
}

/// Works under a grant: nobody may be at work beside it that it is not compatible with.
fn work(at_work: &AtWork, locks: &Locks, grant: Grant) {
    {
        let mut others = at_work.lock().expect("nobody panics with it");
        assert!(
            others.iter().all(|other| are_compatible(other, locks)),
            "two at work"
        );
        others.push(locks.clone());
    }
    thread::yield_now();
    {
        let mut others = at_work.lock().expect("nobody panics with it");
        let mine = others.iter().position(|other| other == locks);
        others.swap_remove(mine.expect("it was entered"));
    }
    match thread_rng().gen_range(0..2) {
        0 => drop(grant),
        _ => drop(grant.into_hold(Rc::new(Cell::new(Instant::now()))).settle()),
    }
}

/// A thread's part: a claim, and what it does when that has to wait.
fn take_part(table: &Arc<Table>, names: &Names, at_work: &AtWork, locks: &Locks) {
    let waiters = match thread_rng().gen_range(0..4) {
        0 => None,
        1 => Some(1),
        _ => Some(16),
    };
    match claim(table, names, locks, waiters) {
        Claimed::Granted { grant, .. } => work(at_work, locks, grant),
        Claimed::Waits(mut waiting) => match thread_rng().gen_range(0..3) {
            0 => drop(waiting),
            1 => {
                thread::yield_now();
                if let Ok(grant) = waiting.leave() {
                    work(at_work, locks, grant);
                }
            }
            // That its turn never comes is a deadlock, which shuttle tells.
            _ => work(at_work, locks, block_on(waiting.granted())),
        },
        Claimed::Conflict(met) | Claimed::QueueFull(met) => assert!(!met.is_empty()),
        Claimed::Full => panic!("there is room"),
    }
}

fn try_all(claims: &'static [(&'static [&'static str], Mode, Scope)]) {
    let scenario = move || {
        let (table, names, at_work) = (Table::new(100), Arc::new(Names::new(0)), AtWork::default());
        let threads: Vec<_> = claims
            .iter()
            .map(|(keys, mode, scope)| {
                let (table, names, at_work) =
                    (Arc::clone(&table), Arc::clone(&names), Arc::clone(&at_work));
                let locks = locks(keys, *mode, *scope);
                thread::spawn(move || {
                    for _ in 0..2 {
                        take_part(&table, &names, &at_work, &locks);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("it did not panic");
        }
        let mut left = 0;
        table.ledger.shards.for_each(|_, _| left += 1);
        assert_eq!((table.len(), left), (0, 0), "something is left");
    };
    shuttle::check_random(scenario, SCHEDULES);
    shuttle::check_pct(scenario, SCHEDULES, 3);
}

#[test]
fn two_keys_in_a_ring() {
    try_all(&[
        (&["a", "b"], Mode::Exclusive, Scope::Key),
        (&["b", "c"], Mode::Exclusive, Scope::Key),
        (&["c", "a"], Mode::Exclusive, Scope::Key),
    ]);
}

#[test]
fn shared_and_exclusive() {
    try_all(&[
        (&["a"], Mode::Shared, Scope::Key),
        (&["a"], Mode::Shared, Scope::Key),
        (&["a"], Mode::Exclusive, Scope::Key),
        (&["a", "b"], Mode::Exclusive, Scope::Key),
    ]);
}

#[test]
fn above_and_below() {
    try_all(&[
        (&["a/1"], Mode::Exclusive, Scope::Subtree),
        (&["a/2"], Mode::Shared, Scope::Subtree),
        (&["a"], Mode::Exclusive, Scope::Subtree),
        (&["a/1/x"], Mode::Exclusive, Scope::Subtree),
    ]);
}

#[test]
fn a_claim_finds_room_where_there_is_some_and_never_where_there_is_none() {
    let scenario = || {
        // In each of the two shards keys come and go, and permits with them.
        let (table, names, at_work) = (Table::new(2), Arc::new(Names::new(0)), AtWork::default());
        let threads: Vec<_> = [["a", "b"], ["c", "d"]]
            .into_iter()
            .map(|keys| {
                let (table, names, at_work) =
                    (Arc::clone(&table), Arc::clone(&names), Arc::clone(&at_work));
                thread::spawn(move || {
                    for key in keys {
                        let locks = locks(&[key], Mode::Exclusive, Scope::Key);
                        match claim(&table, &names, &locks, None) {
                            Claimed::Granted { grant, .. } => work(&at_work, &locks, grant),
                            told => panic!("there is room for two: {told:?}"),
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("it did not panic");
        }
        let (a, b) = (
            locks(&["a"], Mode::Exclusive, Scope::Key),
            locks(&["b"], Mode::Exclusive, Scope::Key),
        );
        let claims = [&a, &b].map(|locks| claim(&table, &names, locks, None));
        let c = locks(&["c"], Mode::Exclusive, Scope::Key);
        assert!(matches!(claim(&table, &names, &c, None), Claimed::Full));
        drop(claims);
    };
    shuttle::check_random(scenario, SCHEDULES);
    shuttle::check_pct(scenario, SCHEDULES, 3);
}

#[test]
fn what_was_met_stands_for_as_long_as_its_hold_and_no_longer() {
    let scenario = || {
        let (table, names) = (Table::new(8), Arc::new(Names::new(0)));
        let both = locks(&["a", "b"], Mode::Exclusive, Scope::Key);
        let Claimed::Granted { grant, .. } = claim(&table, &names, &both, None) else {
            panic!("nobody holds it");
        };
        let look = || match claim(&table, &names, &both, None) {
            Claimed::Conflict(met) => Some(met),
            Claimed::Granted { .. } | Claimed::Waits(_) | Claimed::QueueFull(_) | Claimed::Full => {
                None
            }
        };
        let met = look().expect("it is held");
        assert!(met.iter().all(Met::stands));
        let ending = thread::spawn(move || {
            // Not sent at first, it is the same hold.
            let last_byte = || Rc::new(Cell::new(Instant::now()));
            let grant = grant.into_hold(last_byte()).unsent();
            if thread_rng().gen_bool(0.5) {
                grant.into_hold(last_byte()).settle();
            }
        });
        let during = look();
        ending.join().expect("it did not panic");
        let all = met.into_iter().chain(during.into_iter().flatten());
        assert!(all.into_iter().all(|met| !met.stands()));
    };
    shuttle::check_random(scenario, SCHEDULES);
    shuttle::check_pct(scenario, SCHEDULES, 3);
}
