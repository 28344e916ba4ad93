//! What the benches of the table have in common: claims, keys, and a waker that does nothing.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::Method;
use writegate::policy::key::{Key, Lock, Locks, Scope};
use writegate::policy::key_state::HoldId;
use writegate::policy::{Family, Mode, Purpose, RequestId, RouteId};
use writegate::table::{Claim, Claimed, Grant, Table, Waiting};

thread_local! {
    /// Every hold has a name of its own: each thread is a worker, as far as the table knows.
    static NEXT: (u16, Cell<u64>) = (WORKERS.fetch_add(1, Ordering::Relaxed), Cell::new(0));
}

static WORKERS: AtomicU16 = AtomicU16::new(0);

pub(crate) fn table_of(held: usize) -> (Arc<Table>, Vec<Grant>) {
    let table = Table::new(2_000_000);
    let mut grants = Vec::with_capacity(held);
    grants.extend((0..held).map(|nth| granted(&table, &keys([order(nth)]))));
    (table, grants)
}

pub(crate) fn order(nth: usize) -> String {
    format!("order:{nth:08}")
}

pub(crate) fn keys(names: impl IntoIterator<Item = String>) -> Locks {
    let locks = names.into_iter().map(|name| Lock {
        key: Key::new(name),
        mode: Mode::Exclusive,
    });
    Lock::merged(locks.collect())
}

/// A path with all that stands above it.
pub(crate) fn tree(path: &str) -> Locks {
    Lock::on(Key::new(path), Mode::Exclusive, Scope::Subtree)
}

pub(crate) fn granted(table: &Arc<Table>, keys: &Locks) -> Grant {
    match claim(table, keys, None) {
        Claimed::Granted { grant, .. } => grant,
        refused @ (Claimed::Waits(_)
        | Claimed::Conflict(_)
        | Claimed::QueueFull(_)
        | Claimed::Full) => panic!("{refused:?}"),
    }
}

pub(crate) fn waits(table: &Arc<Table>, keys: &Locks) -> Waiting {
    match claim(table, keys, Some(1_000_000)) {
        Claimed::Waits(waiting) => waiting,
        told @ (Claimed::Granted { .. }
        | Claimed::Conflict(_)
        | Claimed::QueueFull(_)
        | Claimed::Full) => panic!("{told:?}"),
    }
}

pub(crate) fn claim(table: &Arc<Table>, keys: &Locks, waiters: Option<usize>) -> Claimed {
    const REQUEST_ID: RequestId = RequestId::Drawn(*b"8f14e45fceea467f");
    let (worker, number) = NEXT.with(|(worker, next)| (*worker, next.replace(next.get() + 1)));
    let claim = Claim {
        id: HoldId::new(worker, number),
        purpose: Purpose::Write,
        family: Family::new((u128::from(worker) << 64 | u128::from(number)).to_be_bytes()),
        is_numbered: false,
        waiters,
        request_id: &REQUEST_ID,
        method: &Method::PUT,
        route: RouteId::GUARD,
        remedy: None,
        max_work: Duration::from_secs(60),
        typical: None,
    };
    table.claim(&claim, &mut table.place(keys))
}

/// What a future has come to, which is ready by now.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match poll(future.as_mut()) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("its turn has not come"),
    }
}

pub(crate) fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
