//! What a hold costs in memory, apart from the timings: counting allocations takes time of its own.

use std::sync::Arc;
use std::time::Duration;

use divan::AllocProfiler;
use http::{HeaderValue, Method};
use writegate::policy::key::{Key, Lock, Locks};
use writegate::policy::key_state::HoldId;
use writegate::policy::{Family, Mode, Purpose, RouteId};
use writegate::table::{Claim, Claimed, Grant, Table};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Fills a table with so many holds of one key of 14 bytes. `max alloc`, over their number, is what each takes: the key as its
/// owner has it and as the table has it, the writer, the owner, and the table's own room, which doubles when it is full.
#[divan::bench(args = [1_000, 100_000, 1_000_000], sample_count = 3, sample_size = 1)]
fn hold(held: u64) -> (Arc<Table>, Vec<Grant>) {
    let table = Table::new(2_000_000);
    let mut grants = Vec::with_capacity(usize::try_from(held).expect("it fits"));
    grants.extend((0..held).map(|nth| granted(&table, nth)));
    (table, grants)
}

fn granted(table: &Arc<Table>, nth: u64) -> Grant {
    const REQUEST_ID: HeaderValue = HeaderValue::from_static("8f14e45fceea467fa6c51d0e3a5b7c21");
    let claimed = table.claim(&Claim {
        id: HoldId::new(0, nth),
        locks: &Locks::from([Lock {
            key: Key::new(format!("order:{nth:08}")),
            mode: Mode::Exclusive,
        }]),
        purpose: Purpose::Write,
        family: Family::new(u128::from(nth).to_be_bytes()),
        is_numbered: false,
        waiters: None,
        request_id: &REQUEST_ID,
        method: &Method::PUT,
        route: RouteId::GUARD,
        remedy: None,
        max_work: Duration::from_secs(60),
        typical: None,
    });
    match claimed {
        Claimed::Granted { grant, .. } => grant,
        refused @ (Claimed::Waits(_)
        | Claimed::Conflict(_)
        | Claimed::QueueFull(_)
        | Claimed::Full) => panic!("{refused:?}"),
    }
}
