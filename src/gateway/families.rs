//! Random bits from the operating system for the families of holds, drawn for many at a time.

use std::cell::RefCell;

use crate::policy::Family;

/// For how many families bits are drawn at a time.
const BATCH: usize = 64;

/// The families of one worker.
#[derive(Debug, Default)]
pub(super) struct Families(RefCell<Vec<Family>>);

impl Families {
    /// One that no other hold has, and that nobody can foresee.
    pub(super) fn next(&self) -> Family {
        let mut drawn = self.0.borrow_mut();
        if drawn.is_empty() {
            let mut bits = [[0; 16]; BATCH];
            getrandom::fill(bits.as_flattened_mut())
                .expect("the operating system has random bits from its start on");
            drawn.extend(bits.map(Family::new));
        }
        drawn.pop().expect("some were drawn")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_alike() {
        let families = Families::default();
        let mut drawn: Vec<Family> = Vec::new();
        for _ in 0..3 * BATCH {
            let next = families.next();
            assert!(!drawn.contains(&next));
            drawn.push(next);
        }
    }
}
