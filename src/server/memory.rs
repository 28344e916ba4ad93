//! Keeps the memory of the process small, and has the allocator give back to the system what a crowd of connections has left.
//!
//! One thread does it for all: what is free, and no thread keeps for itself, belongs to the process.

use std::hint::black_box;
use std::time::Duration;

use rustix::thread::disable_transparent_huge_pages;
use tokio::time::interval;

/// As long as the allocator keeps what is free.
const EVERY: Duration = Duration::from_secs(1);

/// More than the allocator keeps for the next who wants as much: of that size it lets go at once.
const LET_GO: usize = 1024 * 1024;

/// To be called before connections come. With huge pages the kernel puts 2 MiB in the place of what has a few pages in use, and fills again
/// what was given back. A refusal costs 2 % less with them; no other request does, nor a claim beside a million holds. The allocator asks
/// for none, which is for what it takes before this, and where this is not allowed.
pub(super) fn without_huge_pages() {
    // Where that is not allowed, all works, and may take more memory.
    let _ = disable_transparent_huge_pages(true);
}

/// Never ends. What has been free for a second the allocator gives back when it next lets go of a page; in a program in which nothing
/// happens, nobody else has it do so.
pub(super) async fn give_back() {
    let mut ticks = interval(EVERY);
    loop {
        ticks.tick().await;
        let_go();
    }
}

/// Nothing is written to the room that is taken for it, and nothing is lost where there is none.
fn let_go() {
    let mut room = Vec::<u8>::new();
    let _ = room.try_reserve_exact(LET_GO);
    drop(black_box(room));
}
