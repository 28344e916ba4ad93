//! What a storm came to: counts by outcome, and which refusals were needless.
//!
//! A write is *in flight* from when its client sent it until its work was over or its client had the answer, whichever was later: only
//! within that may another be refused. A refusal whose whole time, sent to answered, meets no write in flight on its resource is needless.

use crate::support::witness::Work;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use tokio::time::Instant;

/// One request of a storm.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) id: u64,
    /// What it is to change: one path, or two for `MOVE` and `COPY`.
    pub(crate) paths: Vec<String>,
    pub(crate) write: bool,
    pub(crate) sent: Instant,
    /// When the answer had arrived whole; `None` for a client that left.
    pub(crate) answered: Option<Instant>,
    pub(crate) outcome: Outcome,
}

/// How a request ended for its client.
#[derive(Debug)]
pub(crate) enum Outcome {
    Status(u16),
    /// Refused, because the outcome of an earlier write is unknown.
    Unknown,
    /// The client left on purpose.
    Left,
    /// The client wanted an answer and got none, or half of one.
    Fault(String),
}

/// The figures of one storm.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Writes answered with 2xx.
    pub(crate) accepted: u64,
    /// Writes answered with 409, without those below.
    pub(crate) refused: u64,
    /// Writes refused because the outcome of an earlier one is unknown.
    pub(crate) refused_unknown: u64,
    /// Safe requests answered with 2xx.
    pub(crate) read: u64,
    /// Any other status, and a 409 to a safe request.
    pub(crate) other: BTreeMap<u16, u64>,
    /// Requests whose client left on purpose.
    pub(crate) left: u64,
    /// Requests without a whole answer, though the client waited; the first few in words.
    pub(crate) faults: u64,
    pub(crate) faults_in_words: Vec<String>,
    /// Writes that began while another was at work on the same resource.
    pub(crate) overlaps: u64,
    /// Refusals that met no write in flight.
    pub(crate) needless: u64,
    /// Refusals that met no work by the witness's clock alone, to which a write on its way to the witness is not yet there.
    pub(crate) out_of_work: u64,
}

impl Tally {
    pub(crate) fn new(attempts: Vec<Attempt>, works: &[Work], overlaps: u64) -> Self {
        let mut tally = Self {
            overlaps,
            ..Self::default()
        };
        let flights = Flights::new(&attempts, works);
        for attempt in attempts {
            match &attempt.outcome {
                Outcome::Status(200..300) if attempt.write => tally.accepted += 1,
                Outcome::Status(200..300) => tally.read += 1,
                Outcome::Status(409) if attempt.write => {
                    tally.refused += 1;
                    tally.needless += u64::from(!flights.meet(&attempt, &flights.in_flight));
                    tally.out_of_work += u64::from(!flights.meet(&attempt, &flights.at_work));
                }
                Outcome::Status(other) => *tally.other.entry(*other).or_default() += 1,
                Outcome::Unknown => tally.refused_unknown += 1,
                Outcome::Left => tally.left += 1,
                Outcome::Fault(words) => {
                    tally.faults += 1;
                    if tally.faults_in_words.len() < 5 {
                        tally.faults_in_words.push(words.clone());
                    }
                }
            }
        }
        tally
    }

    /// Adds the figures of another round.
    pub(crate) fn add(&mut self, round: Self) {
        self.accepted += round.accepted;
        self.refused += round.refused;
        self.refused_unknown += round.refused_unknown;
        self.read += round.read;
        for (status, count) in round.other {
            *self.other.entry(status).or_default() += count;
        }
        self.left += round.left;
        self.faults += round.faults;
        self.faults_in_words.extend(round.faults_in_words);
        self.overlaps += round.overlaps;
        self.needless += round.needless;
        self.out_of_work += round.out_of_work;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "  overlaps            {:>6}", self.overlaps)?;
        writeln!(out, "  accepted            {:>6}", self.accepted)?;
        writeln!(out, "  refused             {:>6}", self.refused)?;
        writeln!(out, "    needless          {:>6}", self.needless)?;
        writeln!(out, "    met no work       {:>6}", self.out_of_work)?;
        writeln!(out, "  refused, unknown    {:>6}", self.refused_unknown)?;
        writeln!(out, "  read                {:>6}", self.read)?;
        writeln!(out, "  left                {:>6}", self.left)?;
        writeln!(out, "  other statuses      {:?}", self.other)?;
        write!(
            out,
            "  faults              {:>6} {:?}",
            self.faults, self.faults_in_words
        )
    }
}

type Spans = HashMap<String, Vec<(Instant, Instant)>>;

struct Flights {
    in_flight: Spans,
    at_work: Spans,
}

impl Flights {
    fn new(attempts: &[Attempt], works: &[Work]) -> Self {
        let by_id: HashMap<u64, &Attempt> = attempts
            .iter()
            .map(|attempt| (attempt.id, attempt))
            .collect();
        let (mut in_flight, mut at_work) = (Spans::new(), Spans::new());
        for work in works {
            let sender = work.id.and_then(|id| by_id.get(&id));
            let from = sender.map_or(work.began, |attempt| attempt.sent.min(work.began));
            let until = sender
                .and_then(|attempt| attempt.answered)
                .map_or(work.ended, |answered| answered.max(work.ended));
            in_flight
                .entry(work.resource.clone())
                .or_default()
                .push((from, until));
            at_work
                .entry(work.resource.clone())
                .or_default()
                .push((work.began, work.ended));
        }
        Self { in_flight, at_work }
    }

    fn meet(&self, refused: &Attempt, spans: &Spans) -> bool {
        let answered = refused.answered.unwrap_or(refused.sent);
        let resources = refused.paths.iter().map(|path| path.trim_matches('/'));
        resources
            .filter_map(|resource| spans.get(resource))
            .flatten()
            .any(|(from, until)| *from <= answered && refused.sent <= *until)
    }
}

#[test]
fn a_refusal_is_needless_only_where_it_meets_no_write_in_flight() {
    let zero = Instant::now();
    let at = |millis| zero + std::time::Duration::from_millis(millis);
    let attempt = |id, sent, answered, status| Attempt {
        id,
        paths: vec!["/b".to_owned(), "/a".to_owned()],
        write: true,
        sent: at(sent),
        answered: Some(at(answered)),
        outcome: Outcome::Status(status),
    };
    let work = Work {
        resource: "a".to_owned(),
        id: Some(1),
        began: at(20),
        over: at(40),
        ended: at(40),
    };
    let attempts = vec![
        attempt(1, 10, 45, 200),
        attempt(2, 12, 15, 409), // while the first was on its way
        attempt(3, 25, 26, 409), // while it was at work
        attempt(4, 42, 44, 409), // while its answer was on its way
        attempt(5, 50, 51, 409), // for nothing
    ];
    let tally = Tally::new(attempts, &[work], 0);
    assert_eq!(
        (
            tally.accepted,
            tally.refused,
            tally.needless,
            tally.out_of_work
        ),
        (1, 4, 1, 3)
    );
}
