//! Which writes overlapped on one key, in one pass over the log and in bounded memory.
//!
//! The last writes are remembered, so many as the window has room for, and every new one is compared with those on its key
//! that are still there, backwards until none that is left can reach it. So every pair is seen once, whatever the order of
//! the lines is. What is forgotten is the write that was logged first. A write that began before the end of one that has
//! been forgotten may have met more than was seen: it is counted in [`Sweep::beyond`], and where that is 0 nothing was
//! missed. A write that may have met more than [`CROWD`] others is compared with no more of them, and counted in
//! [`Sweep::crowded`].

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;

use smallvec::SmallVec;

use super::gate::{Gate, VIEWS, Verdict};
use super::span::{Meeting, Span};
use super::tally::{Met, Party, Tally};

/// The most writes that one is compared with.
pub(crate) const CROWD: u32 = 10_000;

/// One write, beside its keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write {
    pub(crate) span: Span,
    pub(crate) party: Party,
    /// An overlap with it would only be counted.
    pub(crate) is_observed: bool,
}

/// Compares writes as they come.
pub(crate) struct Sweep {
    window: usize,
    /// The writes that are remembered: that with the number `n` stands at `n % window`.
    ring: Vec<Record>,
    /// The numbers of the oldest that is remembered, and of the next.
    first: u64,
    next: u64,
    by_name: HashMap<Rc<str>, u32>,
    keys: Vec<Key>,
    unused: Vec<u32>,
    /// Those that met another and have not been judged, by their begins.
    met: BinaryHeap<Reverse<(i64, u64)>>,
    writes: u64,
    forgotten_until: i64,
    /// Writes that may have met one that had been forgotten.
    pub(crate) beyond: u64,
    /// Writes that may have met more than were looked at.
    pub(crate) crowded: u64,
    pub(crate) tally: Tally,
}

/// A write on one of its keys.
struct Record {
    write: Write,
    /// Which write it is of: those of one write follow each other.
    of: u64,
    key: u32,
    /// The one before it on its key, if that is remembered still.
    before: Option<u64>,
    /// When it, and all before it on its key, were over.
    reach: i64,
    met: Meeting,
}

struct Key {
    name: Rc<str>,
    newest: u64,
    gate: Option<Box<Gate>>,
}

impl Sweep {
    pub(crate) fn new(window: usize, tally: Tally) -> Self {
        Self {
            window,
            ring: Vec::new(),
            first: 0,
            next: 0,
            by_name: HashMap::new(),
            keys: Vec::new(),
            unused: Vec::new(),
            met: BinaryHeap::new(),
            writes: 0,
            forgotten_until: i64::MIN,
            beyond: 0,
            crowded: 0,
            tally,
        }
    }

    /// Takes a write with its keys, no two of them equal.
    pub(crate) fn add<'a>(&mut self, keys: impl Iterator<Item = &'a str>, write: Write) {
        self.writes += 1;
        let mut is_crowded = false;
        for key in keys {
            if self.next - self.first == self.window as u64 {
                self.forget_the_oldest();
            }
            is_crowded |= self.add_on(key, write);
        }
        self.crowded += u64::from(is_crowded);
        self.beyond += u64::from(write.span.start < self.forgotten_until);
    }

    /// Judges what has not been, and gives what was found.
    pub(crate) fn finish(mut self) -> (Tally, u64, u64) {
        self.judge(i64::MAX);
        (self.tally, self.beyond, self.crowded)
    }

    fn add_on(&mut self, name: &str, write: Write) -> bool {
        let number = self.next;
        let (key, newest) = self.key(name);
        let (record, is_crowded) = self.compare(key, newest, write);
        if record.met > Meeting::None {
            self.met.push(Reverse((write.span.start, number)));
        }
        let at = self.place(number);
        if at == self.ring.len() {
            self.ring.push(record);
        } else {
            self.ring[at] = record;
        }
        self.keys[key as usize].newest = number;
        self.next += 1;
        is_crowded
    }

    /// Looks at the writes on its key that it may have met, from the newest back.
    fn compare(&mut self, key: u32, newest: Option<u64>, write: Write) -> (Record, bool) {
        let mut record = Record {
            write,
            of: self.writes,
            key,
            before: newest,
            reach: write.span.over(),
            met: Meeting::None,
        };
        let newest_place = newest.map(|newest| self.place(newest));
        if let Some(newest) = newest_place {
            record.reach = record.reach.max(self.ring[newest].reach);
        }
        let mut found = Met::new(write.party);
        let (mut at, mut looked_at) = (newest, 0);
        while let Some(number) = at.filter(|number| *number >= self.first) {
            let place = self.place(number);
            let other = &mut self.ring[place];
            if other.reach <= write.span.start {
                break;
            }
            looked_at += 1;
            if looked_at > CROWD {
                break;
            }
            let meeting = other.write.span.meets(&write.span);
            if meeting > Meeting::None && other.of != record.of {
                let shared = other.write.span.shared(&write.span);
                found.add(meeting, other.write.party, shared);
                if other.met == Meeting::None {
                    self.met.push(Reverse((other.write.span.start, number)));
                }
                found.newly += self.tally.met(&mut other.met, meeting, other.write.party);
                found.newly += self.tally.met(&mut record.met, meeting, write.party);
            }
            at = other.before;
        }
        if record.met > Meeting::None {
            let name = &self.keys[key as usize].name;
            self.tally.add(name, &found, write.span.start);
        }
        (record, looked_at > CROWD)
    }

    /// Judges the writes that met another and began until then, in the order of their begins.
    fn judge(&mut self, until: i64) {
        while self
            .met
            .peek()
            .is_some_and(|Reverse((start, _))| *start <= until)
        {
            let group = self.pop_write();
            let Some(write) = group.first().map(|place| self.ring[*place].write) else {
                return;
            };
            for view in 0..VIEWS.len() {
                let mut verdict = Verdict::default();
                for place in &group {
                    let gate = self.gate(*place);
                    verdict = verdict.and(gate.ask(&write.span, write.is_observed, view));
                }
                for place in &group {
                    let gate = self.gate(*place);
                    gate.hold(&write.span, write.is_observed, view, verdict);
                }
                self.tally.judged(write.party, view, verdict);
            }
        }
    }

    /// The places of the next write to be judged, on all keys on which it met another: a claim is all keys or none.
    fn pop_write(&mut self) -> SmallVec<[usize; 2]> {
        let mut group = SmallVec::new();
        let mut of = None;
        while let Some(Reverse((_, number))) = self.met.peek() {
            let place = self.place(*number);
            if of.is_some_and(|of| of != self.ring[place].of) {
                break;
            }
            of = Some(self.ring[place].of);
            self.met.pop();
            group.push(place);
        }
        group
    }

    fn gate(&mut self, place: usize) -> &mut Gate {
        let key = self.ring[place].key as usize;
        self.keys[key].gate.get_or_insert_default()
    }

    fn forget_the_oldest(&mut self) {
        let place = self.place(self.first);
        self.judge(self.ring[place].write.span.start);
        let oldest = &self.ring[place];
        self.forgotten_until = self.forgotten_until.max(oldest.write.span.over());
        let key = &mut self.keys[oldest.key as usize];
        if key.newest == self.first {
            self.by_name.remove(&key.name);
            key.name = Rc::from("");
            key.gate = None;
            self.unused.push(oldest.key);
        }
        self.first += 1;
    }

    /// A key by its name, and the newest write on it that is remembered.
    fn key(&mut self, name: &str) -> (u32, Option<u64>) {
        if let Some(key) = self.by_name.get(name) {
            return (*key, Some(self.keys[*key as usize].newest));
        }
        let name: Rc<str> = name.into();
        let fresh = Key {
            name: Rc::clone(&name),
            newest: self.next,
            gate: None,
        };
        let key = match self.unused.pop() {
            Some(key) => {
                self.keys[key as usize] = fresh;
                key
            }
            // There are no more keys than writes in the window, which a `u32` counts.
            None => {
                self.keys.push(fresh);
                u32::try_from(self.keys.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.by_name.insert(name, key);
        (key, None)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is below the window fits where the window does"
    )]
    fn place(&self, number: u64) -> usize {
        (number % self.window as u64) as usize
    }
}
