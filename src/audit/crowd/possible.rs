//! The writes of one party that may be at work: how many, and for how long one of them may be beside the next.
//!
//! A write that may be at work for a time `longest`, until `over`, is beside one that begins now for at most the lesser of
//! `longest` and what is left until `over`. Of two, the one that has less of both is never the longest beside anything: so
//! few are kept, in the order of their ends, the longer before the shorter, and the longest is where the two lines cross.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::Kind;
use crate::audit::tally::{Count, Pairs};

/// Writes of one party.
#[derive(Default)]
pub(super) struct Possible {
    /// When each is over.
    overs: BinaryHeap<Reverse<i64>>,
    /// When those are over that may be the longest beside another, and how long they may take.
    lasting: VecDeque<(i64, i64)>,
}

impl Kind for Possible {
    fn is_empty(&self) -> bool {
        self.overs.is_empty()
    }
}

impl Possible {
    pub(super) fn len(&self) -> usize {
        self.overs.len()
    }

    pub(super) fn overs(&self) -> impl Iterator<Item = i64> {
        self.overs.iter().map(|Reverse(over)| *over)
    }

    /// Leaves those out that are over by now.
    pub(super) fn end(&mut self, now: i64) {
        while self.overs.peek().is_some_and(|over| over.0 <= now) {
            self.overs.pop();
        }
        while self.lasting.front().is_some_and(|(over, _)| *over <= now) {
            self.lasting.pop_front();
        }
    }

    /// What a write meets that begins now, and takes no longer than `most`.
    pub(super) fn meet(&self, now: i64, most: i64) -> Pairs {
        let count = Count {
            certain: 0,
            possible: self.overs.len() as u64,
        };
        let shared = self.most_left(now).min(most).max(0);
        Pairs {
            count,
            longest: (0, shared),
        }
    }

    pub(super) fn begin(&mut self, over: i64, longest: i64) {
        self.overs.push(Reverse(over));
        let lasting = &mut self.lasting;
        let at = lasting.partition_point(|(other, _)| *other < over);
        if lasting.get(at).is_some_and(|(_, other)| *other >= longest) {
            return;
        }
        // One that is over with it, and is shorter.
        let same = usize::from(lasting.get(at).is_some_and(|(other, _)| *other == over));
        let shorter = lasting.iter().take(at).rev();
        let shorter = shorter.take_while(|(_, other)| *other <= longest).count();
        lasting.drain(at - shorter..at + same);
        lasting.insert(at - shorter, (over, longest));
    }

    fn most_left(&self, now: i64) -> i64 {
        let lasting = &self.lasting;
        let at = lasting.partition_point(|(over, longest)| over - now < *longest);
        let before = at.checked_sub(1).and_then(|before| lasting.get(before));
        let left = before.map_or(0, |(over, _)| over - now);
        lasting
            .get(at)
            .map_or(left, |(_, longest)| left.max(*longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_longest_is_that_of_comparing_with_each(
            writes in prop::collection::vec((0..30_i64, 1..40_i64, 0..9_i64), 1..40)
        ) {
            let mut writes = writes;
            writes.sort_unstable();
            let mut kind = Possible::default();
            let mut all: Vec<(i64, i64)> = Vec::new();
            for (start, length, slack) in writes {
                kind.end(start);
                let left = all.iter().filter(|(over, _)| *over > start);
                let left = left.map(|(over, longest)| (*longest).min(over - start));
                let found = kind.meet(start, i64::MAX);
                prop_assert_eq!(found.count.possible, left.clone().count() as u64);
                prop_assert_eq!(found.longest.1, left.max().unwrap_or(0));
                kind.begin(start + length + slack, length);
                all.push((start + length + slack, length));
            }
        }
    }
}
