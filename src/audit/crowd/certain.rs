//! The writes of one party that are certainly at work: how many, and for how long the next is beside one of them.
//!
//! They come in the order in which they have certainly begun. Where a log cuts its times off, one may have its earliest end
//! before that: it is at work at no moment that is known. No later one meets it for certain; it meets those that had begun
//! before its end, and end after its begin.
//!
//! Of two, the one that began later and ends earlier is never longer beside anything than the other: the rest is in the
//! order of begins and of ends at once, and the longest is where what is left and what has passed cross.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::Kind;
use crate::audit::tally::{Count, Pairs, Party};

const BITS: usize = u64::BITS as usize;

/// The part of a write that is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Core {
    /// When it had begun in any case.
    pub(super) begun: i64,
    /// The earliest at which it may have ended.
    pub(super) end: i64,
    /// How long it took at least.
    pub(super) shortest: i64,
    pub(super) party: Party,
}

impl Core {
    pub(super) fn is_met_by_later_ones(&self) -> bool {
        self.begun <= self.end
    }
}

/// Writes of one party.
#[derive(Default)]
pub(super) struct Certain {
    /// When each ends, and its number.
    ends: BinaryHeap<Reverse<(i64, u64)>>,
    /// When they began, from the number `first` on.
    begins: VecDeque<i64>,
    /// Which of those are at work, a bit each.
    at_work: VecDeque<u64>,
    first: u64,
    /// Begins and ends of those that may be the longest beside another.
    lasting: VecDeque<(i64, i64)>,
}

impl Kind for Certain {
    fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

impl Certain {
    /// Leaves those out that have ended before.
    pub(super) fn end(&mut self, now: i64) {
        while let Some(Reverse((end, number))) = self.ends.peek().copied()
            && end < now
        {
            self.ends.pop();
            let (word, bit) = place(number - self.first);
            self.at_work[word] &= !(1 << bit);
        }
        while self.at_work.front() == Some(&0) && self.begins.len() >= BITS {
            self.at_work.pop_front();
            self.begins.drain(..BITS);
            self.first += BITS as u64;
        }
        while self.lasting.front().is_some_and(|(_, end)| *end < now) {
            self.lasting.pop_front();
        }
    }

    /// What this one meets, which begins now.
    pub(super) fn meet(&self, core: &Core) -> Pairs {
        let count = Count {
            certain: self.begun_by(core.end),
            possible: 0,
        };
        let shared = self.longest(core).min(core.shortest).max(0);
        Pairs {
            count,
            longest: (shared, 0),
        }
    }

    pub(super) fn begin(&mut self, core: &Core) {
        let number = self.first + self.begins.len() as u64;
        let (word, bit) = place(number - self.first);
        if word == self.at_work.len() {
            self.at_work.push_back(0);
        }
        self.at_work[word] |= 1 << bit;
        self.begins.push_back(core.begun);
        self.ends.push(Reverse((core.end, number)));
        if self.lasting.back().is_none_or(|(_, end)| *end < core.end) {
            self.lasting.push_back((core.begun, core.end));
        }
    }

    /// How many of those that are at work had begun by then: all but the last few, which are counted.
    fn begun_by(&self, then: i64) -> u64 {
        let later = self.begins.partition_point(|begun| *begun <= then);
        let (word, bit) = place(later as u64);
        let mut words = self.at_work.iter().skip(word);
        let part = words.next().map_or(0, |bits| (bits >> bit).count_ones());
        let rest: u32 = words.map(|bits| bits.count_ones()).sum();
        self.ends.len() as u64 - u64::from(part + rest)
    }

    fn longest(&self, core: &Core) -> i64 {
        let lasting = &self.lasting;
        let at = lasting.partition_point(|(begun, end)| end - core.begun < core.end - begun);
        let before = at.checked_sub(1).and_then(|before| lasting.get(before));
        let left = before.map_or(0, |(_, end)| end - core.begun);
        lasting
            .get(at)
            .map_or(left, |(begun, _)| left.max(core.end - begun))
    }
}

/// The word and the bit of what has this place among the bits.
fn place(at: u64) -> (usize, u32) {
    let word = usize::try_from(at / BITS as u64).unwrap_or(usize::MAX);
    let bit = u32::try_from(at % BITS as u64).unwrap_or(0);
    (word, bit)
}

/// Those that have met none for certain, in the order of their begins.
#[derive(Default)]
pub(super) struct Unmet(VecDeque<Core>);

impl Unmet {
    pub(super) fn add(&mut self, core: Core) {
        self.0.push_back(core);
    }

    /// Tells of those that this one meets.
    pub(super) fn meet(&mut self, core: &Core, mut tell: impl FnMut(Party)) {
        while let Some(other) = self.0.front()
            && other.begun <= core.end
        {
            if other.end >= core.begun {
                tell(other.party);
            }
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_met_is_that_of_comparing_with_each(
            writes in prop::collection::vec((0..300_i64, 0..90_i64), 1..200),
            slack in 0..40_i64,
        ) {
            let mut writes = writes;
            writes.sort_unstable();
            let party = Party::default();
            let mut kind = Certain::default();
            let mut all: Vec<Core> = Vec::new();
            for (start, length) in writes {
                let core = Core { begun: start + slack, end: start + length, shortest: length, party };
                kind.end(core.begun);
                let met = all.iter().filter(|other| other.begun <= core.end && core.begun <= other.end);
                let shared = met.clone().map(|other| (other.end - core.begun).min(core.end - other.begun));
                let found = kind.meet(&core);
                prop_assert_eq!(found.count.certain, met.count() as u64);
                prop_assert_eq!(found.longest.0, shared.max().unwrap_or(0).min(length).max(0));
                if core.is_met_by_later_ones() {
                    kind.begin(&core);
                    all.push(core);
                }
            }
        }
    }
}
