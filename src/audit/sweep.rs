//! Which writes overlapped on one key, in one pass over the log and in bounded memory.
//!
//! A log has its writes nearly in the order of their ends, and what is counted is counted in that of their begins. So writes
//! wait, as many as the window has room for; when it is full, the quarter that began first is counted (`crowd`) and judged
//! (`gate`). Where two began at once, who is over first comes first, and then their names decide, not their lines: what is
//! found does not depend on the order of lines.
//!
//! A write that comes to be counted after one that began later may have met more than was seen: it is counted in
//! [`Sweep::beyond`], and where that is 0 nothing was missed. So is one that begins before the end of another that had to be
//! forgotten, since more were at work at once than the window has room for.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use smallvec::SmallVec;

use super::crowd::Crowd;
use super::gate::{VIEWS, Verdict};
use super::name::bounded;
use super::span::Span;
use super::tally::{Party, Tally};

/// One write, beside its keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write {
    pub(crate) span: Span,
    pub(crate) party: Party,
    /// An overlap with it would only be counted.
    pub(crate) is_observed: bool,
}

/// Counts writes as they come.
pub(crate) struct Sweep {
    window: usize,
    waiting: Vec<Record>,
    by_name: HashMap<Rc<str>, u32>,
    keys: Vec<Key>,
    unused: Vec<u32>,
    writes: u64,
    /// Of the write that was counted last among those that came in order.
    counted: Option<Rank>,
    forgotten_until: i64,
    /// Writes that may have met one that was not seen.
    beyond: u64,
    pub(crate) tally: Tally,
}

/// A write on one of its keys.
#[derive(Clone, Copy)]
struct Record {
    write: Write,
    key: u32,
    rank: Rank,
}

/// The order in which writes are counted: begin, and end, in any case; whether they are observed; their names; and the
/// number of the write, so that what belongs to one stays together.
type Rank = (i64, i64, i64, bool, u64, u64);

struct Key {
    name: Rc<str>,
    /// Of the name.
    order: u64,
    /// How many records are to be counted.
    waiting: u32,
    /// When all that were counted are over.
    reach: i64,
    /// The only one that is at work, if there is no crowd.
    alone: Option<Alone>,
    crowd: Option<Box<Crowd>>,
}

/// Most writes meet none: of such a one no more is kept than it takes to make it part of a crowd.
struct Alone {
    write: Write,
    verdicts: [Verdict; VIEWS.len()],
}

impl Sweep {
    pub(crate) fn new(window: usize, tally: Tally) -> Self {
        Self {
            window,
            waiting: Vec::new(),
            by_name: HashMap::new(),
            keys: Vec::new(),
            unused: Vec::new(),
            writes: 0,
            counted: None,
            forgotten_until: i64::MIN,
            beyond: 0,
            tally,
        }
    }

    /// Takes a write with its keys, no two of them equal.
    pub(crate) fn add<'a>(&mut self, keys: impl Iterator<Item = &'a str>, write: Write) {
        self.writes += 1;
        let keys: SmallVec<[u32; 2]> = keys.map(|name| self.key(name)).collect();
        let names = keys.iter().map(|key| self.keys[*key as usize].order);
        let names = names.fold(self.tally.order(write.party), u64::wrapping_add);
        let span = &write.span;
        let (begins, ends) = ((span.start, span.over()), span.begun());
        let rank = (
            begins.0,
            begins.1,
            ends,
            write.is_observed,
            names,
            self.writes,
        );
        for key in keys {
            self.keys[key as usize].waiting += 1;
            self.waiting.push(Record { write, key, rank });
        }
        if self.waiting.len() >= self.window {
            self.count(self.waiting.len().div_ceil(4));
        }
    }

    /// Counts what has not been, and gives what was found, and how many writes may have met more.
    pub(crate) fn finish(mut self) -> (Tally, u64) {
        self.count(self.waiting.len());
        for key in &mut self.keys {
            if let Some(mut crowd) = key.crowd.take() {
                crowd.go_on(i64::MAX, &mut self.tally);
                self.tally.add(&key.name, crowd.found);
            }
        }
        (self.tally, self.beyond)
    }

    /// Counts the first, in the order of their ranks.
    fn count(&mut self, at_least: usize) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_by_key(|record| record.rank);
        let is_of_one = |left: &Record, right: &Record| left.rank == right.rank;
        let mut counted = 0;
        for group in waiting.chunk_by(is_of_one) {
            if counted >= at_least {
                break;
            }
            self.count_one(group);
            counted += group.len();
        }
        waiting.drain(..counted);
        self.waiting = waiting;
        self.leave_out();
    }

    /// Judges a write on all its keys, as a claim is of all or none, and counts what it meets on each.
    fn count_one(&mut self, group: &[Record]) {
        let Some(Record { write, rank, .. }) = group.first().copied() else {
            return;
        };
        let is_late = self.counted > Some(rank) || write.span.start < self.forgotten_until;
        self.beyond += u64::from(is_late);
        self.counted = self.counted.max(Some(rank));
        for record in group {
            let key = &mut self.keys[record.key as usize];
            key.waiting -= 1;
            key.join(write.span.start, &mut self.tally);
        }
        let mut verdicts = [Verdict::default(); VIEWS.len()];
        for (view, verdict) in verdicts.iter_mut().enumerate() {
            for record in group {
                if let Some(crowd) = &self.keys[record.key as usize].crowd {
                    let asked = crowd.gate.ask(&write.span, write.is_observed, view);
                    *verdict = verdict.and(asked);
                }
            }
            self.tally.judged(write.party, view, *verdict);
        }
        for record in group {
            let key = &mut self.keys[record.key as usize];
            key.reach = key.reach.max(write.span.over());
            let alone = Alone { write, verdicts };
            match &mut key.crowd {
                Some(crowd) => alone.become_part(crowd, &mut self.tally),
                None => key.alone = Some(alone),
            }
        }
    }

    /// Leaves out what no write can meet any more, and more where there is no room for the rest.
    fn leave_out(&mut self) {
        let now = self.counted.map_or(i64::MIN, |(start, ..)| start);
        let mut at_work = 0;
        for number in 0..self.keys.len() {
            at_work += self.keys[number].at_work(now, &mut self.tally);
            self.drop_if_unused(number, now);
        }
        if at_work <= self.window {
            return;
        }
        let mut overs: Vec<i64> = self.keys.iter().flat_map(Key::overs).collect();
        let half = overs.len() / 2;
        let (_, until, _) = overs.select_nth_unstable(half);
        self.forgotten_until = self.forgotten_until.max(*until);
        for number in 0..self.keys.len() {
            self.keys[number].at_work(*until, &mut self.tally);
            self.drop_if_unused(number, *until);
        }
    }

    fn drop_if_unused(&mut self, number: usize, now: i64) {
        let key = &mut self.keys[number];
        if key.waiting == 0 && key.reach <= now && !key.name.is_empty() {
            self.by_name.remove(&key.name);
            key.name = Rc::from("");
            // A number that a `u32` counts, as it was given out as one.
            self.unused.extend(u32::try_from(number));
        }
    }

    /// A key by its name.
    fn key(&mut self, name: &str) -> u32 {
        let name = bounded(name);
        if let Some(key) = self.by_name.get(&*name) {
            return *key;
        }
        let name: Rc<str> = (&*name).into();
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let fresh = Key {
            name: Rc::clone(&name),
            order: hasher.finish(),
            waiting: 0,
            reach: i64::MIN,
            alone: None,
            crowd: None,
        };
        let key = match self.unused.pop() {
            Some(key) => {
                self.keys[key as usize] = fresh;
                key
            }
            // There are no more keys than writes that wait or are at work, which a `u32` counts.
            None => {
                self.keys.push(fresh);
                u32::try_from(self.keys.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.by_name.insert(name, key);
        key
    }
}

impl Key {
    /// Makes whoever is at work alone when the next begins part of a crowd.
    fn join(&mut self, now: i64, tally: &mut Tally) {
        if let Some(alone) = self.alone.take()
            && alone.write.span.over() > now
        {
            alone.become_part(self.crowd.get_or_insert_default(), tally);
        }
    }

    /// How many are at work now; what was found is told when there are none.
    fn at_work(&mut self, now: i64, tally: &mut Tally) -> usize {
        self.alone.take_if(|alone| alone.write.span.over() <= now);
        let Some(crowd) = &mut self.crowd else {
            return usize::from(self.alone.is_some());
        };
        crowd.go_on(now, tally);
        match crowd.len() {
            0 => {
                crowd.go_on(i64::MAX, tally);
                tally.add(&self.name, std::mem::take(&mut crowd.found));
                self.crowd = None;
                0
            }
            many => many,
        }
    }

    fn overs(&self) -> impl Iterator<Item = i64> {
        let alone = self.alone.iter().map(|alone| alone.write.span.over());
        alone.chain(self.crowd.iter().flat_map(|crowd| crowd.overs()))
    }
}

impl Alone {
    fn become_part(self, crowd: &mut Crowd, tally: &mut Tally) {
        let Write {
            span,
            party,
            is_observed,
        } = self.write;
        for (view, verdict) in self.verdicts.into_iter().enumerate() {
            crowd.gate.hold(&span, is_observed, view, verdict);
        }
        crowd.add(&span, party, tally);
    }
}
