//! The history of one key, held against a lock by a checker that others wrote.
//!
//! - A write acquires its key at some time between when its client sent it and when the witness began with it; it releases it after
//!   the witness was done with it, and before its client has the answer, if it gets one.
//! - A write that was refused has found the key held at some time between when it was sent and when it was answered.
//! - The checker tries orders until one fits, and needs time for it that grows as those do. A history is therefore cut where the witness
//!   was at work for exactly one write: that one had the key there, whatever came before.
//! - Source: Herlihy and Wing, "Linearizability: A Correctness Condition for Concurrent Objects" (1990).

use std::collections::HashMap;

use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};
use tokio::time::Instant;

use super::queueing::Attempt;
use super::witness::Work;

/// How many writes have the key between one cut and the next.
const BETWEEN_CUTS: usize = 6;

/// What a key is: a lock with its holder.
#[derive(Clone, Default)]
struct Lock(Option<usize>);

#[derive(Clone, Debug)]
enum Op {
    Acquire(usize),
    Release(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ret {
    Granted,
    Refused,
    Released,
}

impl SequentialSpec for Lock {
    type Op = Op;
    type Ret = Ret;

    fn invoke(&mut self, op: &Op) -> Ret {
        match op {
            Op::Acquire(_) if self.0.is_some() => Ret::Refused,
            Op::Acquire(who) => {
                self.0 = Some(*who);
                Ret::Granted
            }
            Op::Release(who) => {
                self.0.take_if(|holder| holder == who);
                Ret::Released
            }
        }
    }
}

/// A write that had the key.
#[derive(Clone, Debug)]
struct Granted {
    sent: Instant,
    /// Since when, and until when at least.
    began: Instant,
    over: Instant,
    /// By when it had it no more; none where its client does not know.
    free: Option<Instant>,
}

/// A write that was told that somebody has the key.
#[derive(Clone, Copy, Debug)]
struct Refused {
    sent: Instant,
    told: Instant,
}

/// What was done to a key, by the clocks of the clients and of the witness.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// In the order of their beginnings.
    granted: Vec<Granted>,
    /// Those whose conflict was about this key alone.
    refused: Vec<Refused>,
}

impl History {
    pub(crate) fn of(resource: &str, attempts: &[Attempt], works: &[Work]) -> Self {
        let works: HashMap<u64, &Work> = works
            .iter()
            .filter(|work| work.resource == resource)
            .filter_map(|work| Some((work.id?, work)))
            .collect();
        let mut history = Self::default();
        let mut unseen = Vec::new();
        for attempt in attempts.iter().filter(|attempt| attempt.is_about(resource)) {
            match (works.get(&attempt.id), attempt.answered) {
                (Some(work), answered) => history.granted.push(Granted {
                    sent: attempt.sent,
                    began: work.began,
                    over: work.over.max(work.began),
                    free: answered.filter(|_| attempt.status == Some(200)),
                }),
                (None, Some(told)) if attempt.resources.len() == 1 => {
                    history.refused.push(Refused {
                        sent: attempt.sent,
                        told,
                    });
                }
                (None, Some(_)) => {}
                (None, None) => unseen.push(attempt.sent),
            }
        }
        history.granted.sort_by_key(|granted| granted.began);
        history.leave_out_what_may_have_met(&unseen);
        history
    }

    /// How many writes had the key, and how many were refused because of it.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.granted.len(), self.refused.len())
    }

    /// A write whose client left may have had the key without the witness ever seeing it: until the next one had it, a refusal proves
    /// nothing.
    fn leave_out_what_may_have_met(&mut self, unseen: &[Instant]) {
        let granted = &self.granted;
        let until = |sent: Instant| granted.iter().map(|next| next.began).find(|at| *at > sent);
        let times: Vec<_> = unseen.iter().map(|sent| (*sent, until(*sent))).collect();
        self.refused.retain(|refused| {
            let meets = |(from, until): &(Instant, Option<Instant>)| {
                refused.told >= *from && until.is_none_or(|until| refused.sent <= until)
            };
            !times.iter().any(meets)
        });
    }

    /// Whether one lock can have done all of this.
    pub(crate) fn is_linearizable(&self) -> bool {
        let mut first = 0;
        for last in self.cuts().chain([self.granted.len().saturating_sub(1)]) {
            if !self.part_is_linearizable(first, last) {
                return false;
            }
            first = last;
        }
        true
    }

    /// The writes in whose middle the history is cut: they alone were at work then.
    fn cuts(&self) -> impl Iterator<Item = usize> {
        let mut before = 0;
        (0..self.granted.len()).filter(move |at| {
            let middle = self.granted[*at].middle();
            let alone = self.granted.iter().filter(|one| one.has_at(middle)).count() == 1;
            let cut = alone && *at >= before + BETWEEN_CUTS;
            if cut {
                before = *at;
            }
            cut
        })
    }

    /// What was done from the middle of the `first` of these writes, or from the beginning, to the middle of the `last`.
    ///
    /// What was done on both sides of a cut: who waited there has the key later, and who was refused has found it held there.
    fn part_is_linearizable(&self, first: usize, last: usize) -> bool {
        let from = (first > 0).then(|| self.granted[first].middle());
        let to = (last + 1 < self.granted.len()).then(|| self.granted[last].middle());
        let mut events = Vec::new();
        // The checker tries whoever has the lower number first. A refusal that fits now need not wait for what comes next; with the
        // writes in their order, the first order that it tries is nearly the right one.
        let within = |refused: &&Refused| {
            from.is_none_or(|from| from < refused.sent) && to.is_none_or(|to| refused.told < to)
        };
        for (who, refused) in self.refused.iter().filter(within).enumerate() {
            events.push((refused.sent, 0, who, Event::Asks(Op::Acquire(who))));
            events.push((refused.told, 1, who, Event::IsTold(Ret::Refused)));
        }
        let after = self.refused.len();
        for (at, granted) in self.granted.iter().enumerate().take(last + 1).skip(first) {
            events.extend(granted.events(after + at));
        }
        events.retain(|(at, ..)| to.is_none_or(|to| *at <= to));
        events.sort_by_key(|(at, rank, who, _)| (*at, *rank, *who));
        let mut tester = LinearizabilityTester::new(Lock::default());
        for (_, _, who, event) in events {
            let noted = match event {
                Event::Asks(op) => tester.on_invoke(who, op),
                Event::IsTold(ret) => tester.on_return(who, ret),
            };
            noted.expect("each does one after the other");
        }
        tester.is_consistent()
    }

    /// The same history with a double grant in it: a write that began while the one before it was at work.
    pub(crate) fn with_a_double_grant(&self) -> Self {
        let mut history = self.clone();
        let second = history.granted.len() / 2;
        let first = &self.granted[second - 1];
        history.granted[second].sent = first.sent;
        history.granted[second].began = first.middle();
        history
    }
}

enum Event {
    Asks(Op),
    IsTold(Ret),
}

impl Granted {
    fn middle(&self) -> Instant {
        self.began + (self.over - self.began) / 2
    }

    fn has_at(&self, at: Instant) -> bool {
        self.began <= at && at <= self.over
    }

    /// When what was done, what comes first of what is done at once, and by whom.
    fn events(&self, who: usize) -> Vec<(Instant, u8, usize, Event)> {
        let mut events = vec![
            (
                self.sent.min(self.began),
                0,
                who,
                Event::Asks(Op::Acquire(who)),
            ),
            (self.began, 1, who, Event::IsTold(Ret::Granted)),
            (self.over, 2, who, Event::Asks(Op::Release(who))),
        ];
        if let Some(free) = self.free {
            events.push((free.max(self.over), 3, who, Event::IsTold(Ret::Released)));
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(millis: u64) -> Instant {
        static ZERO: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *ZERO.get_or_init(Instant::now) + Duration::from_millis(millis)
    }

    fn granted(sent: u64, began: u64, over: u64, free: impl Into<Option<u64>>) -> Granted {
        Granted {
            sent: at(sent),
            began: at(began),
            over: at(over),
            free: free.into().map(at),
        }
    }

    fn fits(granted: &[Granted], refused: &[(u64, u64)]) -> bool {
        history(granted, refused).is_linearizable()
    }

    fn history(granted: &[Granted], refused: &[(u64, u64)]) -> History {
        let refused = refused.iter().map(|(sent, told)| Refused {
            sent: at(*sent),
            told: at(*told),
        });
        History {
            granted: granted.to_vec(),
            refused: refused.collect(),
        }
    }

    #[test]
    fn a_history_fits_with_one_holder_at_a_time() {
        let in_turn = [granted(0, 10, 20, 22), granted(5, 21, 30, 31)];
        assert!(fits(&in_turn, &[]));
        assert!(
            !history(&in_turn, &[])
                .with_a_double_grant()
                .is_linearizable()
        );
        assert!(!fits(
            &[granted(0, 10, 20, 22), granted(5, 19, 30, 31)],
            &[]
        ));
    }

    #[test]
    fn a_refusal_fits_while_the_key_may_be_held() {
        let one = [granted(0, 10, 20, 22)];
        assert!(fits(&one, &[(11, 12)]));
        assert!(fits(&one, &[(1, 2)]), "it may have had the key by then");
        assert!(fits(&one, &[(21, 30)]), "it may have it yet");
        assert!(!fits(&one, &[(23, 24)]), "for nothing");
    }

    #[test]
    fn who_does_not_know_its_outcome_may_hold_until_the_next_begins() {
        let unknown = granted(0, 10, 20, None);
        let next = granted(40, 60, 70, 71);
        assert!(fits(&[unknown.clone(), next], &[(50, 51)]));
        assert!(!fits(&[unknown.clone(), granted(11, 12, 70, 71)], &[]));
        assert!(!fits(&[unknown, granted(40, 60, 70, 71)], &[(72, 73)]));
    }

    #[test]
    fn a_fault_is_seen_on_either_side_of_a_cut_and_at_one() {
        let in_turn: Vec<_> = (0..50)
            .map(|at| granted(at * 100, at * 100 + 10, at * 100 + 60, at * 100 + 70))
            .collect();
        assert_eq!(history(&in_turn, &[]).cuts().count(), 8);
        for at in 1..50 {
            let fault = [(at * 100 - 20, at * 100 - 10)];
            assert!(!fits(&in_turn, &fault), "{at}");
            assert!(fits(&in_turn, &[(at * 100 - 20, at * 100 + 5)]), "{at}");
            let mut double = in_turn.clone();
            double[at as usize - 1].over = double[at as usize].began + Duration::from_millis(5);
            assert!(!fits(&double, &[]), "{at}");
        }
    }
}
