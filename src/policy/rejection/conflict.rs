//! What a refused write met, in words, and when to come back.
//!
//! Invariant: nothing is told of the other write that [`Disclose`] does not let be told.

use std::fmt::Write as _;
use std::time::Duration;

use http::Method;
use serde::Deserialize;

use super::{ConflictStatus, Telling};
use crate::policy::method::is_safe;
use crate::policy::plan::Purpose;

/// The room for what is told of one: most need no more.
const ROOM: usize = 192;

/// What a refused write met.
#[derive(Debug)]
pub struct Conflict {
    /// The keys on which it met another, as they may be shown; at least one. What is said of the other is of the first.
    pub keys: Vec<String>,
    /// The method of the other write.
    pub holder_method: Method,
    /// The route of the other write.
    pub holder_route: String,
    /// When that was let through, or began to wait, in RFC 3339.
    pub holder_since: String,
    /// How long ago that was.
    pub holder_age: Duration,
    /// What the other has of the key.
    pub state: State,
    /// How it came to be refused.
    pub ending: Ending,
    /// When to try again.
    pub retry_after: Duration,
    /// How the route of the refused write has it told.
    pub status: ConflictStatus,
}

/// What another write has of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It writes to it.
    Writing,
    /// It writes to what stands below it.
    WritingBelow,
    /// It reads it, and no write is to tear that.
    Reading,
    /// It reads what stands below it.
    ReadingBelow,
    /// Its outcome is unknown, and the key is held for so much longer.
    Unknown(Duration),
    /// It waits for its turn, and came before.
    Waiting,
}

/// How a write came to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its route does not let it wait.
    AtOnce,
    /// As many waited already as may.
    QueueFull,
    /// It has waited for so long, and its turn has not come.
    Waited(Duration),
    /// What it met is the same write of the same client, and has no response that it can share.
    NotShared,
}

impl State {
    /// Of a write in flight, or of a read.
    pub const fn at_work(purpose: Purpose, is_below: bool) -> Self {
        match (purpose, is_below) {
            (Purpose::Read, false) => Self::Reading,
            (Purpose::Read, true) => Self::ReadingBelow,
            (Purpose::Observe | Purpose::Write, false) => Self::Writing,
            (Purpose::Observe | Purpose::Write, true) => Self::WritingBelow,
        }
    }

    /// For an unknown outcome: how much longer the key is held.
    pub const fn unknown_for(self) -> Option<Duration> {
        match self {
            Self::Unknown(left) => Some(left),
            Self::Writing
            | Self::WritingBelow
            | Self::Reading
            | Self::ReadingBelow
            | Self::Waiting => None,
        }
    }
}

/// What a conflict answer says of the other write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Disclose {
    /// The key, and its holder's method, route and age.
    #[default]
    Holder,
    /// The key alone.
    Key,
    /// Nothing.
    None,
}

/// The other write, as a problem document shows it.
#[derive(Clone, Copy)]
pub(super) struct HolderView<'a> {
    pub(super) method: &'a str,
    pub(super) route: &'a str,
    pub(super) since: &'a str,
    pub(super) age_ms: u64,
}

impl Conflict {
    pub(super) fn holder(&self) -> HolderView<'_> {
        HolderView {
            method: self.holder_method.as_str(),
            route: &self.holder_route,
            since: &self.holder_since,
            age_ms: millis(self.holder_age),
        }
    }

    /// How long it waited, if it did.
    pub(super) const fn waited(&self) -> Option<Duration> {
        match self.ending {
            Ending::Waited(waited) => Some(waited),
            Ending::AtOnce | Ending::QueueFull | Ending::NotShared => None,
        }
    }

    /// What it met, and what to do.
    pub(super) fn detail(&self, telling: &Telling<'_>) -> String {
        let mut told = Told(String::with_capacity(ROOM));
        told.say(["This ", telling.method.as_str()]);
        match self.ending {
            Ending::AtOnce | Ending::QueueFull => told.say([" was not forwarded: "]),
            Ending::NotShared => told.say([
                " was not forwarded: it is the same as one before it, whose response it cannot share; ",
            ]),
            Ending::Waited(waited) => {
                told.say([" waited "]);
                told.time(waited);
                told.say([" for its turn, and was not forwarded: "]);
            }
        }
        self.tell_met(telling.answers.disclose, &mut told);
        if self.ending == Ending::QueueFull {
            told.say([", and as many wait for their turn as may"]);
        }
        told.say([if is_safe(telling.method) {
            ". Try again."
        } else {
            ". Read the resource again, then retry."
        }]);
        told.0
    }

    /// What was met, as far as it may be told.
    fn tell_met(&self, disclose: Disclose, told: &mut Told) {
        let (first, others) = self.keys.split_first().expect("a conflict is on a key");
        match disclose {
            Disclose::Holder => self.tell_holder(first, told),
            Disclose::Key => self.state.tell(first, told),
            Disclose::None => return self.state.tell("this resource", told),
        }
        match others {
            [] => {}
            [other] => told.say(["; ", other, " is not free, either"]),
            others => told.say(["; ", &others.join(", "), " are not free, either"]),
        }
    }

    fn tell_holder(&self, key: &str, told: &mut Told) {
        let who = |told: &mut Told| {
            told.say([
                "a ",
                self.holder_method.as_str(),
                " (",
                &self.holder_route,
                ")",
            ]);
        };
        let work = match self.state {
            State::Writing => " has been writing to ",
            State::WritingBelow => " has been writing below ",
            State::Reading => " has been reading ",
            State::ReadingBelow => " has been reading below ",
            State::Waiting => " has been waiting for ",
            State::Unknown(left) => {
                told.say(["the outcome of "]);
                who(told);
                told.say([" on ", key, ", sent "]);
                told.time(self.holder_age);
                told.say([" ago, is unknown; ", key, " is held for "]);
                told.time(left);
                return told.say([" more"]);
            }
        };
        who(told);
        told.say([work, key, " for "]);
        told.time(self.holder_age);
    }
}

/// What is told, so far.
struct Told(String);

impl Told {
    fn say<const PARTS: usize>(&mut self, parts: [&str; PARTS]) {
        for part in parts {
            self.0.push_str(part);
        }
    }

    /// In seconds, to the tenth.
    fn time(&mut self, duration: Duration) {
        let tenths = (duration.as_millis() + 50) / 100;
        // Nothing fails that is written to memory.
        let _ = write!(self.0, "{}.{} s", tenths / 10, tenths % 10);
    }
}

impl State {
    /// Without a word on who it is.
    fn tell(self, key: &str, told: &mut Told) {
        let [before, after] = match self {
            Self::Writing => ["another write to ", " is in flight"],
            Self::WritingBelow => ["a write below ", " is in flight"],
            Self::Reading => ["a read of ", " is in flight"],
            Self::ReadingBelow => ["a read below ", " is in flight"],
            Self::Unknown(_) => ["the outcome of an earlier write to ", " is unknown"],
            Self::Waiting => ["another write to ", " waits for its turn"],
        };
        told.say([before, key, after]);
    }
}

/// When to come back for a key that is held. `typical` is how long holds of the holder's route last,
/// `unknown_for` how long an unknown outcome still keeps it, and `spread` a random number from 0 to
/// 1, so that clients do not return together.
pub fn retry_after(
    typical: Option<Duration>,
    age: Duration,
    unknown_for: Option<Duration>,
    spread: f64,
) -> Duration {
    const UNTRIED: Duration = Duration::from_secs(1);
    const SOONEST: Duration = Duration::from_millis(50);
    const WIDEST: Duration = Duration::from_secs(5);
    let typical = typical.unwrap_or(UNTRIED);
    // A hold older than is typical is expected to last about as long again as it has.
    let left = unknown_for.unwrap_or_else(|| typical.checked_sub(age).unwrap_or(age).max(SOONEST));
    left + (left / 2).clamp(SOONEST, WIDEST).mul_f64(spread)
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answered, answers};
    use super::super::{Answers, Form, samples};
    use super::*;

    #[test]
    fn what_is_not_to_be_disclosed_is_not_in_the_answer() {
        for (disclose, hidden, shown) in [
            (Disclose::Holder, &["no such thing"][..], "/orders/{id}"),
            (Disclose::Key, &["POST", "1.2 s", "2026-11-23"], "order:7"),
            (Disclose::None, &["POST", "order:7", "2026-11-23"], "PUT"),
        ] {
            let answers = Answers {
                disclose,
                ..answers()
            };
            for form in [Form::Problem, Form::Text, Form::Html, Form::Grpc] {
                for left in [None, Some(Duration::from_secs(40))] {
                    let response = answered(&samples::conflict(left), &answers, form);
                    // What gRPC tells stands in fields; a page writes a slash as a reference.
                    let all = format!("{:?} {:?}", response.headers(), response.body());
                    let all = all.replace("&#x2f;", "/");
                    assert!(hidden.iter().all(|text| !all.contains(text)), "{all}");
                    assert!(all.contains(shown), "{all}");
                }
            }
        }
    }

    #[test]
    fn clients_are_told_to_come_back_at_different_times_and_not_before_the_key_is_free() {
        let second = Duration::from_secs(1);
        assert_eq!(retry_after(Some(3 * second), second, None, 0.0), 2 * second);
        assert_eq!(retry_after(Some(3 * second), second, None, 1.0), 3 * second);
        assert_eq!(retry_after(Some(second), 4 * second, None, 0.0), 4 * second);
        assert_eq!(
            retry_after(None, Duration::ZERO, Some(20 * second), 0.0),
            20 * second
        );
        assert_eq!(
            retry_after(None, Duration::ZERO, Some(60 * second), 1.0),
            65 * second
        );
    }
}
