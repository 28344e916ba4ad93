//! What a refused write met, in words, and when to come back.
//!
//! Invariant: nothing is told of the other write that [`Disclose`] does not let be told.

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

use super::{ConflictStatus, Telling};
use crate::policy::method::is_safe;
use crate::policy::plan::Purpose;

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
#[derive(Clone, Copy, Serialize)]
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

    pub(super) fn detail(&self, telling: &Telling<'_>) -> String {
        let method = telling.method;
        let met = self.met(telling.answers.disclose);
        let advice = if is_safe(method) {
            "Try again."
        } else {
            "Read the resource again, then retry."
        };
        match self.ending {
            Ending::AtOnce => format!("This {method} was not forwarded: {met}. {advice}"),
            Ending::QueueFull => format!(
                "This {method} was not forwarded: {met}, and as many wait for their turn as may. {advice}"
            ),
            Ending::NotShared => format!(
                "This {method} was not forwarded: it is the same as one before it, whose response it cannot share; {met}. {advice}"
            ),
            Ending::Waited(waited) => format!(
                "This {method} waited {} for its turn, and was not forwarded: {met}. {advice}",
                tenths(waited)
            ),
        }
    }

    /// What was met, as far as it may be told.
    fn met(&self, disclose: Disclose) -> String {
        let (first, others) = self.keys.split_first().expect("a conflict is on a key");
        let told = match disclose {
            Disclose::Holder => self.met_holder(first),
            Disclose::Key => self.state.on(first),
            Disclose::None => return self.state.on("this resource"),
        };
        match others {
            [] => told,
            [other] => format!("{told}; {other} is not free, either"),
            others => format!("{told}; {} are not free, either", others.join(", ")),
        }
    }

    fn met_holder(&self, key: &str) -> String {
        let age = tenths(self.holder_age);
        let who = format!("a {} ({})", self.holder_method, self.holder_route);
        match self.state {
            State::Writing => format!("{who} has been writing to {key} for {age}"),
            State::WritingBelow => format!("{who} has been writing below {key} for {age}"),
            State::Reading => format!("{who} has been reading {key} for {age}"),
            State::ReadingBelow => format!("{who} has been reading below {key} for {age}"),
            State::Unknown(left) => format!(
                "the outcome of {who} on {key}, sent {age} ago, is unknown; {key} is held for {} more",
                tenths(left)
            ),
            State::Waiting => format!("{who} has been waiting for {key} for {age}"),
        }
    }
}

impl State {
    /// Without a word on who it is.
    fn on(self, key: &str) -> String {
        match self {
            Self::Writing => format!("another write to {key} is in flight"),
            Self::WritingBelow => format!("a write below {key} is in flight"),
            Self::Reading => format!("a read of {key} is in flight"),
            Self::ReadingBelow => format!("a read below {key} is in flight"),
            Self::Unknown(_) => format!("the outcome of an earlier write to {key} is unknown"),
            Self::Waiting => format!("another write to {key} waits for its turn"),
        }
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

fn tenths(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
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
