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

    /// Takes one back that nobody has been shown, and nothing holds or waits for: it is as good as another.
    pub(super) fn take_back(&self, unused: Family) {
        let mut drawn = self.0.borrow_mut();
        // More than a batch is not kept.
        if drawn.len() < BATCH {
            drawn.push(unused);
        }
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

    #[test]
    fn one_that_was_taken_back_is_given_out_again() {
        let families = Families::default();
        let first = families.next();
        families.take_back(first);
        assert_eq!(families.next(), first);
        for _ in 0..3 * BATCH {
            families.take_back(first);
        }
        assert_eq!(families.0.borrow().len(), BATCH);
    }
}
