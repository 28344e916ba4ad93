//! The locks and atomics of the standard library, which count for each thread what it does to them: all of these stand on cache
//! lines that other workers may write to, so that contention is counted and not timed.

use std::cell::RefCell;
use std::ptr;
use std::sync::atomic::{self, Ordering};
use std::sync::{LockResult, MutexGuard};

/// What a thread has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// The locks that it has taken, each by where it stands.
    pub(crate) locks: Vec<usize>,
    /// How often it has written to an atomic.
    pub(crate) writes: usize,
}

thread_local! {
    static COUNTS: RefCell<Counts> = RefCell::default();
}

/// What this thread does meanwhile.
pub(crate) fn counted(work: impl FnOnce()) -> Counts {
    COUNTS.take();
    work();
    COUNTS.take()
}

fn write() {
    COUNTS.with_borrow_mut(|counts| counts.writes += 1);
}

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        COUNTS.with_borrow_mut(|counts| counts.locks.push(ptr::from_ref(self).addr()));
        self.0.lock()
    }
}

macro_rules! atomic {
    ($name:ident, $number:ty) => {
        #[derive(Debug, Default)]
        pub(crate) struct $name(atomic::$name);

        impl $name {
            pub(crate) fn new(number: $number) -> Self {
                Self(atomic::$name::new(number))
            }

            pub(crate) fn fetch_add(&self, more: $number, order: Ordering) -> $number {
                write();
                self.0.fetch_add(more, order)
            }
        }
    };
}

atomic!(AtomicU64, u64);
atomic!(AtomicUsize, usize);

impl AtomicUsize {
    pub(crate) fn fetch_update(
        &self,
        set: Ordering,
        read: Ordering,
        next: impl FnMut(usize) -> Option<usize>,
    ) -> Result<usize, usize> {
        write();
        self.0.fetch_update(set, read, next)
    }
}
