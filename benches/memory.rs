//! What a hold costs in memory, apart from the timings: counting allocations takes time of its own.

#[path = "table/common.rs"]
#[expect(dead_code, reason = "nobody waits here")]
mod common;

use std::sync::Arc;

use divan::AllocProfiler;
use writegate::table::{Grant, Table};

use common::table_of;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Fills a table with so many holds of one key of 14 bytes. `max alloc`, over their number, is what each takes: the key as its
/// owner has it and as the table has it, the writer, the owner, and the table's own room, which doubles when it is full.
#[divan::bench(args = [1_000, 100_000, 1_000_000], sample_count = 3, sample_size = 1)]
fn hold(held: usize) -> (Arc<Table>, Vec<Grant>) {
    table_of(held)
}
