//! The writes to one resource that are at work, and what the next meets among them: counted, not compared one by one.
//!
//! Writes come in the order in which they may have begun. Whatever came before one and may not be over meets it possibly
//! (`crowd/possible.rs`), whatever has begun and not ended for certain meets it certainly (`crowd/certain.rs`). Each is a
//! sweep of its own: a write comes to the second when it has begun in any case.
//!
//! A write that comes out of order is taken to begin with the one before it: so it meets fewer than it may have, never
//! more. Whoever brings it tells of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use smallvec::SmallVec;

use super::gate::Gate;
use super::span::{Meeting, Span};
use super::tally::{Pairs, Party, Resource, Tally};

mod certain;
mod possible;

use certain::{Certain, Core};
use possible::Possible;

/// The most parties of one resource, at work at a time, that are told apart.
const KIND_LIMIT: usize = 32;

/// All that is known of one resource at one time.
#[derive(Default)]
pub(super) struct Crowd {
    pub(super) gate: Gate,
    /// What was found so far.
    pub(super) found: Resource,
    /// When the last write began that came.
    now: i64,
    at_work: Kinds<Possible>,
    for_certain: Kinds<Certain>,
    /// Those that may have begun, and not for certain.
    waiting: BinaryHeap<Reverse<Core>>,
    /// Those that certainly met none so far.
    unmet: certain::Unmet,
    /// Who is at work and has met none, even possibly: one at most, as a second would meet it.
    alone: Option<Party>,
}

/// Something for each party.
type Kinds<K> = SmallVec<[(Party, K); 1]>;

/// What writes of one party are at work.
trait Kind: Default {
    fn is_empty(&self) -> bool;
}

impl Crowd {
    /// Takes the next write.
    pub(super) fn add(&mut self, span: &Span, party: Party, tally: &mut Tally) {
        self.now = self.now.max(span.start);
        let now = self.now;
        if span.over() <= now {
            return;
        }
        self.begin(now, tally);
        let most = span.longest().min(span.over() - now);
        let mut others = 0;
        for (other, kind) in &mut self.at_work {
            kind.end(now);
            let pairs = kind.meet(now, most);
            if pairs.count.possible > 0 {
                others += pairs.count.possible;
                self.found.pairs = self.found.pairs.and(pairs);
                tally.pair(party, *other, pairs);
            }
        }
        if others > 0 {
            self.found.busiest = self.found.busiest.max((others, span.start));
            for party in self.alone.take().into_iter().chain([party]) {
                self.found.met(party);
                tally.met(party, Meeting::Possible);
            }
        } else {
            self.alone = Some(party);
        }
        of(&mut self.at_work, party, tally).begin(span.over(), most);
        self.waiting.push(Reverse(Core {
            begun: span.begun().max(now),
            end: span.end,
            shortest: span.shortest(),
            party,
        }));
    }

    /// How many are at work.
    pub(super) fn len(&self) -> usize {
        self.at_work.iter().map(|(_, kind)| kind.len()).sum()
    }

    /// When each of those is over.
    pub(super) fn overs(&self) -> impl Iterator<Item = i64> {
        self.at_work.iter().flat_map(|(_, kind)| kind.overs())
    }

    /// Goes on to a moment before which no write will begin any more, or none that is compared with those that are over.
    pub(super) fn go_on(&mut self, until: i64, tally: &mut Tally) {
        self.now = self.now.max(until);
        self.begin(until, tally);
        for (_, kind) in &mut self.at_work {
            kind.end(until);
        }
    }

    /// Takes those that have certainly begun by then.
    fn begin(&mut self, until: i64, tally: &mut Tally) {
        while let Some(Reverse(core)) = self.waiting.peek()
            && core.begun <= until
            && let Some(Reverse(core)) = self.waiting.pop()
        {
            self.begin_one(&core, tally);
        }
    }

    fn begin_one(&mut self, core: &Core, tally: &mut Tally) {
        let mut has_met = false;
        for (other, kind) in &mut self.for_certain {
            kind.end(core.begun);
            let pairs: Pairs = kind.meet(core);
            if pairs.count.certain > 0 {
                has_met = true;
                self.found.pairs = self.found.pairs.and(pairs);
                tally.pair(core.party, *other, pairs);
            }
        }
        if has_met {
            tally.met(core.party, Meeting::Certain);
            self.unmet
                .meet(core, |party| tally.met(party, Meeting::Certain));
        }
        if core.is_met_by_later_ones() {
            of(&mut self.for_certain, core.party, tally).begin(core);
            if !has_met {
                self.unmet.add(*core);
            }
        }
    }
}

/// The entry of a party. Past the limit those that have none share one.
fn of<'a, K: Kind>(kinds: &'a mut Kinds<K>, party: Party, tally: &mut Tally) -> &'a mut K {
    let known = |kinds: &Kinds<K>, party| kinds.iter().position(|(known, _)| *known == party);
    let at = known(kinds, party).unwrap_or_else(|| {
        if kinds.len() >= KIND_LIMIT {
            kinds.retain(|(_, kind)| !kind.is_empty());
        }
        let party = if kinds.len() >= KIND_LIMIT {
            tally.others()
        } else {
            party
        };
        known(kinds, party).unwrap_or_else(|| {
            kinds.push((party, K::default()));
            kinds.len() - 1
        })
    });
    &mut kinds[at].1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tally::Count;
    use super::*;

    fn spans() -> impl Strategy<Value = Vec<(Span, usize)>> {
        let span = (0..3000_i64, 0..400_i64, 1..90_u32, 0..90_u32, 0..3_usize);
        let span = span.prop_map(|(start, length, start_slack, more, party)| {
            let span = Span {
                start,
                end: start + length,
                start_slack,
                end_slack: start_slack + more,
            };
            (span, party)
        });
        prop::collection::vec(span, 0..200).prop_map(|mut spans| {
            spans.sort_by_key(|(span, _)| span.start);
            spans
        })
    }

    proptest! {
        #[test]
        fn what_is_found_is_that_of_comparing_each_with_each_whatever_their_logs_cut_off(spans in spans()) {
            let mut tally = Tally::default();
            let parties = ["PUT", "POST", "PATCH"].map(|method| tally.party("/", method));
            let (mut crowd, mut expected) = (Crowd::default(), Pairs::default());
            let mut met = vec![Meeting::None; spans.len()];
            for (at, (span, party)) in spans.iter().enumerate() {
                crowd.add(span, parties[*party], &mut tally);
                for (before, (other, _)) in spans[..at].iter().enumerate() {
                    let meeting = span.meets(other);
                    if meeting == Meeting::None {
                        continue;
                    }
                    expected.count.certain += u64::from(meeting == Meeting::Certain);
                    expected.count.possible += 1;
                    let (least, most) = span.shared(other);
                    expected.longest = (expected.longest.0.max(least), expected.longest.1.max(most));
                    met[at] = met[at].max(meeting);
                    met[before] = met[before].max(meeting);
                }
            }
            crowd.go_on(i64::MAX, &mut tally);
            prop_assert_eq!(crowd.found.pairs, expected);
            let told = tally.pairs.values().fold(Pairs::default(), |sum, pairs| sum.and(*pairs));
            prop_assert_eq!(told, expected);
            let count = |meeting: Meeting| met.iter().filter(|met| **met >= meeting).count() as u64;
            prop_assert_eq!(crowd.found.writes, count(Meeting::Possible));
            let counted = tally.parties.iter().fold(Count::default(), |sum, row| sum.and(row.met));
            prop_assert_eq!(counted, Count { certain: count(Meeting::Certain), possible: count(Meeting::Possible) });
        }
    }

    #[test]
    fn more_parties_than_are_told_apart_are_counted_all_the_same() {
        let mut tally = Tally::default();
        let mut crowd = Crowd::default();
        for number in 0..100 {
            let party = tally.party(&number.to_string(), "PUT");
            let span = Span {
                start: number,
                end: 1000,
                start_slack: 1,
                end_slack: 1,
            };
            crowd.add(&span, party, &mut tally);
        }
        crowd.go_on(i64::MAX, &mut tally);
        assert_eq!(crowd.found.pairs.count.possible, 4950);
        assert_eq!(crowd.found.pairs.count.certain, 4950);
        let met = tally.parties.iter().map(|row| row.met.certain);
        assert_eq!(met.sum::<u64>(), 100);
    }
}
