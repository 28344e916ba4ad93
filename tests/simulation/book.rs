//! What is known of every request of a run, by the clients and by the origin, and what has to hold of it.

use std::cell::RefCell;
use std::time::Duration;

use tokio::time::Instant;

use super::draw::{Request, Setting};

/// What two events at one moment may be apart: they are seen one after the other.
const SLACK: Duration = Duration::from_millis(4);

/// One request, from its first byte to all that came of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) request: Request,
    /// When its first byte was sent.
    sent: Instant,
    /// When its last was: it claims its keys by then.
    whole: Option<Instant>,
    left: Option<Instant>,
    told: Option<(Instant, Told)>,
    /// When its head came to the origin: more than once only if it is safe.
    begun: Vec<Instant>,
    is_at_work: bool,
    /// The gateway's number of it.
    number: Option<u64>,
    /// When its keys are free: the end of its answer, or `max_work` after its last byte.
    free: Option<Instant>,
}

/// What its client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Status(u16),
    /// Half an answer, or none.
    Broken,
}

const REFUSED: Told = Told::Status(409);

/// What the requests came to; see [`Book::counts`].
pub(super) type Counts = [usize; 5];

/// Every request of a run.
pub(super) struct Book {
    pub(super) setting: Setting,
    entries: RefCell<Vec<Entry>>,
    /// What began while a read was at work that it may not be beside, which read, and when. Whether anybody was still to see what
    /// that reads is known at the end: what ends it and what lets the other begin is one moment, seen in either order.
    beside_reads: RefCell<Vec<(usize, usize, Instant)>>,
    complaints: RefCell<Vec<String>>,
}

impl Book {
    pub(super) fn new(setting: Setting) -> Self {
        Self {
            setting,
            entries: RefCell::default(),
            beside_reads: RefCell::default(),
            complaints: RefCell::default(),
        }
    }

    pub(super) fn complain(&self, complaint: String) {
        self.complaints.borrow_mut().push(complaint);
    }

    /// Its first byte is about to be sent. Gives the name by which the origin knows it.
    pub(super) fn sent(&self, request: &Request) -> usize {
        let mut entries = self.entries.borrow_mut();
        entries.push(Entry {
            request: request.clone(),
            sent: Instant::now(),
            whole: None,
            left: None,
            told: None,
            begun: Vec::new(),
            is_at_work: false,
            number: None,
            free: None,
        });
        entries.len() - 1
    }

    fn change(&self, name: usize, change: impl FnOnce(&mut Entry)) {
        change(&mut self.entries.borrow_mut()[name]);
    }

    pub(super) fn whole(&self, name: usize) {
        self.change(name, |entry| entry.whole = Some(Instant::now()));
    }

    pub(super) fn left(&self, name: usize) {
        self.change(name, |entry| {
            if entry.told.is_none() && entry.left.is_none() {
                entry.left = Some(Instant::now());
            }
        });
    }

    pub(super) fn told(&self, name: usize, told: Told) {
        self.change(name, |entry| entry.told = Some((Instant::now(), told)));
    }

    pub(super) fn request(&self, name: usize) -> Request {
        self.entries.borrow()[name].request.clone()
    }

    /// The origin works on it from now on.
    pub(super) fn begins(&self, name: usize, number: Option<u64>) {
        let mut entries = self.entries.borrow_mut();
        let now = Instant::now();
        for (other, entry) in entries.iter().enumerate() {
            let is_beside = other != name && self.is_in_the_way(&entries, other, name);
            if is_beside && entry.is_at_work && entry.request.is_read() {
                self.beside_reads.borrow_mut().push((name, other, now));
            } else if is_beside && entry.is_at_work {
                self.complain(format!("{name} begins beside {other}"));
            }
            if is_beside && number < entry.number && number.is_some() {
                self.complain(format!(
                    "{name} has a lower number than {other}, which began before"
                ));
            }
        }
        let entry = &mut entries[name];
        if !entry.begun.is_empty() && !entry.request.is_read() {
            self.complain(format!("{name} came twice"));
        }
        entry.number = number;
        entry.begun.push(now);
        entry.is_at_work = true;
        entry.free = None;
    }

    /// The origin's work is over.
    pub(super) fn ends(&self, name: usize) {
        self.change(name, |entry| entry.is_at_work = false);
    }

    /// Its keys are free from then on.
    pub(super) fn frees(&self, name: usize, at: Instant) {
        self.change(name, |entry| {
            entry.free = Some(entry.free.map_or(at, |free| free.max(at)));
        });
    }

    /// Whether it has its keys, and has them for a while.
    pub(super) fn is_live(&self, name: usize) -> bool {
        let entry = &self.entries.borrow()[name];
        let is_left = entry.request.is_read() && entry.left.is_some();
        !is_left && entry.free.is_none_or(|free| free > Instant::now() + SLACK)
    }

    /// Whether one keeps the other away, by what they ask for and of what they came.
    fn is_in_the_way(&self, entries: &[Entry], one: usize, other: usize) -> bool {
        let (mine, theirs) = (&entries[one].request, &entries[other].request);
        root(entries, one) != root(entries, other) && self.setting.conflicts(mine, theirs)
    }

    /// What is wrong with the run, once it is over.
    pub(super) fn complaints(&self) -> Vec<String> {
        let entries = self.entries.borrow();
        for name in 0..entries.len() {
            self.judge(&entries, name);
        }
        for (name, read, at) in self.beside_reads.take() {
            if !entries[read].is_over_for_its_client(at) {
                self.complain(format!("{name} begins beside {read}"));
            }
        }
        let mut complaints = self.complaints.take();
        if !complaints.is_empty() {
            complaints.extend(
                entries
                    .iter()
                    .enumerate()
                    .map(|(name, entry)| format!("{name}: {entry:?}")),
            );
        }
        complaints
    }

    /// How many began at once, began after they had waited, were refused, left before they began, and came of another.
    pub(super) fn counts(&self) -> Counts {
        let entries = self.entries.borrow();
        let count = |is: fn(&Entry) -> bool| entries.iter().filter(|entry| is(entry)).count();
        let waited = count(Entry::has_waited);
        [
            count(|entry| !entry.begun.is_empty()) - waited,
            waited,
            count(Entry::is_refused),
            count(|entry| entry.left.is_some() && entry.begun.is_empty()),
            count(|entry| entry.request.outer.is_some() && !entry.begun.is_empty()),
        ]
    }

    fn judge(&self, entries: &[Entry], name: usize) {
        self.answered(&entries[name], name);
        self.was_no_ghost(&entries[name], name);
        if !self.setting.is_guarded(&entries[name].request) {
            return;
        }
        self.was_not_refused_needlessly(entries, name);
        self.was_not_overtaken(entries, name);
        self.was_woken_in_time(entries, name);
        self.passed_by_its_own(entries, name);
    }

    /// Each gets an answer, and one that the gateway has.
    fn answered(&self, entry: &Entry, name: usize) {
        match &entry.told {
            Some((_, Told::Status(200 | 400 | 408 | 409 | 502 | 503 | 504))) => {}
            None if entry.left.is_some() => {}
            Some((_, Told::Broken)) if entry.left.is_some() || !entry.begun.is_empty() => {}
            Some((_, Told::Status(_) | Told::Broken)) | None => {
                self.complain(format!("{name} was told {:?}", entry.told));
            }
        }
    }

    /// One that was refused was never sent, nor is one whose client had left.
    fn was_no_ghost(&self, entry: &Entry, name: usize) {
        let is_refused = entry
            .told
            .as_ref()
            .is_some_and(|(_, told)| *told == REFUSED);
        if is_refused && !entry.begun.is_empty() {
            self.complain(format!("{name} was refused, and sent"));
        }
        let has_left = |at: &&Instant| entry.left.is_some_and(|left| left + SLACK < **at);
        // A read that keeps nobody away may end its side as it likes.
        if !entry.request.is_read() && entry.begun.iter().any(|at| has_left(&at)) {
            self.complain(format!("{name} was sent after its client had left"));
        }
    }

    /// When one that was refused was refused, there was what stood in its way.
    fn was_not_refused_needlessly(&self, entries: &[Entry], name: usize) {
        let entry = &entries[name];
        let Some((at, REFUSED)) = entry.told else {
            return;
        };
        let mut others = 0..entries.len();
        let is_met = others.any(|other| {
            let is_there =
                entries[other].sent <= at && at <= entries[other].ends_by().unwrap_or(at) + SLACK;
            other != name && is_there && self.is_in_the_way(entries, other, name)
        });
        if !is_met {
            self.complain(format!("{name} was refused for nothing"));
        }
        let patience = self.setting.patience(&entry.request);
        let longest = patience.map_or(Duration::ZERO, |patience| patience.wait);
        if let Some(whole) = entry.whole
            && at > whole + longest + SLACK
        {
            self.complain(format!("{name} was refused after its deadline"));
        }
    }

    /// Nobody who came later goes before one whom that stands in the way of.
    fn was_not_overtaken(&self, entries: &[Entry], name: usize) {
        let (entry, Some(whole)) = (&entries[name], entries[name].whole) else {
            return;
        };
        if entry.request.outer.is_some() {
            return;
        }
        for (other, later) in entries.iter().enumerate() {
            let Some(begun) = later.begun.first() else {
                continue;
            };
            let came_later = later.sent > whole + SLACK && later.request.outer.is_none();
            let was_there = entry.begun.first().is_none_or(|mine| mine > begun)
                && entry.ends_by().is_none_or(|end| end > *begun + SLACK);
            if came_later && was_there && self.is_in_the_way(entries, other, name) {
                self.complain(format!("{other} overtook {name}"));
            }
        }
    }

    /// Whoever waits is sent the moment that nothing stands in its way any more, and within its time.
    fn was_woken_in_time(&self, entries: &[Entry], name: usize) {
        let entry = &entries[name];
        let (Some(whole), Some(begun)) = (entry.whole, entry.begun.first()) else {
            return;
        };
        if *begun <= whole + SLACK || self.setting.has_weather {
            return;
        }
        let patience = self.setting.patience(&entry.request);
        if patience.is_none_or(|patience| *begun > whole + patience.wait + SLACK) {
            self.complain(format!("{name} began after its deadline"));
        }
        let before = (0..entries.len()).filter(|other| {
            let theirs = &entries[*other];
            let is_earlier = theirs.begun.first().is_some_and(|other| other <= begun);
            *other != name
                && (theirs.sent <= whole + SLACK || is_earlier)
                && self.is_in_the_way(entries, *other, name)
        });
        let ends = before.map(|other| entries[other].ends_by());
        let last = ends.map(|end| end.unwrap_or(*begun)).max();
        if last.is_none_or(|last| last + SLACK < *begun) {
            self.complain(format!("{name} was kept waiting for nothing"));
        }
    }

    /// What came of a write that has its keys is never refused.
    fn passed_by_its_own(&self, entries: &[Entry], name: usize) {
        let entry = &entries[name];
        let (Some(outer), Some((at, REFUSED))) = (entry.request.outer, &entry.told) else {
            return;
        };
        let outer = &entries[outer];
        let covers = |path: &&str| {
            let mut paths = outer.request.paths.iter();
            paths.any(|outer| self.setting.covers(outer, path))
        };
        let is_weaker = entry.request.is_shared() || !outer.request.is_shared();
        let is_live = outer.free.is_none_or(|free| free > *at + SLACK);
        if is_live && is_weaker && entry.request.paths.iter().all(covers) {
            self.complain(format!(
                "{name} was refused what the write has that it came of"
            ));
        }
    }
}

impl Entry {
    fn is_refused(&self) -> bool {
        self.told.as_ref().is_some_and(|(_, told)| *told == REFUSED)
    }

    fn has_waited(&self) -> bool {
        let (whole, begun) = (self.whole, self.begun.first());
        whole.is_some_and(|whole| begun.is_some_and(|begun| whole + SLACK < *begun))
    }

    /// When it stands in nobody's way any more; `None` if that never came.
    fn ends_by(&self) -> Option<Instant> {
        let end = match (self.begun.is_empty(), &self.told) {
            (false, _) => self.free,
            (true, Some((told, _))) => Some(*told),
            (true, None) => None,
        };
        let left = self
            .left
            .filter(|_| self.begun.is_empty() || self.request.is_read());
        end.into_iter().chain(left).min()
    }

    /// Whether its client has left by then, or has been told something: nobody sees any more what it reads.
    fn is_over_for_its_client(&self, by: Instant) -> bool {
        let told = self.told.as_ref().map(|(told, _)| *told);
        told.into_iter().chain(self.left).any(|over| over <= by)
    }
}

/// The first of all that it came of.
fn root(entries: &[Entry], mut name: usize) -> usize {
    while let Some(outer) = entries[name].request.outer {
        name = outer;
    }
    name
}
