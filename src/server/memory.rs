//! Has the allocator give back to the system what a crowd of connections has left.

use std::hint::black_box;

/// More than the allocator keeps for the next who wants as much: of that size it lets go at once.
const LET_GO: usize = 1024 * 1024;

/// To be called now and then. What has been free for a second the allocator gives back when it next lets go of a page; in a program
/// in which nothing happens, nobody else has it do so. Nothing is written to the room that is taken for it, and nothing is lost where
/// there is none.
pub(super) fn give_back() {
    let mut room = Vec::<u8>::new();
    let _ = room.try_reserve_exact(LET_GO);
    drop(black_box(room));
}
