//! What the table's shards are shared by: of the standard library, and counted in tests; or of `shuttle`, which tries the
//! interleavings of threads.

pub(super) use std::sync::PoisonError;
#[cfg(not(feature = "shuttle"))]
pub(super) use std::sync::{
    MutexGuard,
    atomic::{AtomicBool, Ordering},
};

#[cfg(all(test, not(feature = "shuttle")))]
pub(crate) mod counted;
#[cfg(all(test, not(feature = "shuttle")))]
pub(super) use counted::{AtomicU64, AtomicUsize, Mutex};
#[cfg(not(any(test, feature = "shuttle")))]
pub(super) use std::sync::{
    Mutex,
    atomic::{AtomicU64, AtomicUsize},
};

#[cfg(feature = "shuttle")]
pub(super) use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
#[cfg(feature = "shuttle")]
pub(super) use shuttle::sync::{Mutex, MutexGuard};

/// What stands on cache lines of its own, so that who writes to it does not disturb who reads what stands beside it. Two lines,
/// since processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Alone<T>(pub(super) T);

impl<T> std::ops::Deref for Alone<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// How many shards there are, a power of two: so many that the workers seldom meet in one.
#[cfg(not(feature = "shuttle"))]
pub(super) fn shard_count() -> usize {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    (workers * 8).next_power_of_two()
}

/// So few that keys share them, and a claim has several.
#[cfg(feature = "shuttle")]
pub(super) fn shard_count() -> usize {
    2
}
