//! What a refused write met, in words, and when to come back.
//!
//! Invariant: nothing is told of the other write that [`Disclose`] does not let be told.

use std::rc::Rc;
use std::time::Duration;

use http::Method;
use serde::Deserialize;

use super::problem::Json;
use super::since::Since;
use super::told::Told;
use super::{ConflictStatus, Telling};
use crate::policy::key::{Key, Keys};
use crate::policy::method::is_safe;
use crate::policy::plan::Purpose;

/// What a refused write met.
#[derive(Debug)]
pub struct Conflict {
    /// The keys on which it met another; at least one. What is said of the other is of the first.
    pub keys: Keys,
    /// The method of the other write.
    pub holder_method: Method,
    /// The route of the other write.
    pub holder_route: Rc<str>,
    /// When that was let through, or began to wait.
    pub holder_since: Since,
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
            since: self.holder_since.as_str(),
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

    /// What a problem document has of it beside what all have, behind the text of its detail.
    pub(super) fn add_members(&self, disclose: Disclose, json: &mut Json<'_>) {
        if disclose != Disclose::None {
            json.say("\",\"key\":\"");
            if let Some(first) = self.keys.first() {
                json.key(first);
            }
        }
        json.say("\"");
        if disclose != Disclose::None && self.keys.len() > 1 {
            json.say(",\"keys\":");
            json.keys(&self.keys);
        }
        if let Some(waited) = self.waited() {
            json.say(",\"waited_ms\":");
            json.number(millis(waited));
        }
        json.say(",\"retry_after_ms\":");
        json.number(millis(self.retry_after));
        if disclose == Disclose::Holder {
            json.say(",\"holder\":{\"method\":\"");
            json.say(self.holder_method.as_str());
            json.say("\",\"route\":\"");
            json.quote(&self.holder_route);
            json.say("\",\"since\":\"");
            json.since(&self.holder_since);
            json.say("\",\"age_ms\":");
            json.number(millis(self.holder_age));
            json.say("}");
        }
    }

    /// What it met, and what to do.
    pub(super) fn tell(&self, telling: &Telling<'_>, told: &mut impl Told) {
        told.say("This ");
        told.say(telling.method.as_str());
        match self.ending {
            Ending::AtOnce | Ending::QueueFull => told.say(" was not forwarded: "),
            Ending::NotShared => told.say(
                " was not forwarded: it is the same as one before it, whose response it cannot share; ",
            ),
            Ending::Waited(waited) => {
                told.say(" waited ");
                told.time(waited);
                told.say(" for its turn, and was not forwarded: ");
            }
        }
        self.tell_met(telling.answers.disclose, told);
        if self.ending == Ending::QueueFull {
            told.say(", and as many wait for their turn as may");
        }
        if is_safe(telling.method) {
            told.say(". Try again.");
        } else {
            told.say(". Read the resource again, then retry.");
        }
    }

    /// What was met, as far as it may be told.
    fn tell_met(&self, disclose: Disclose, told: &mut impl Told) {
        let (first, others) = self.keys.split_first().expect("a conflict is on a key");
        match disclose {
            Disclose::Holder => self.tell_holder(first, told),
            Disclose::Key => self.state.tell(told, |told| told.key(first)),
            Disclose::None => return self.state.tell(told, |told| told.say("this resource")),
        }
        let Some((last, others)) = others.split_last() else {
            return;
        };
        told.say("; ");
        for other in others {
            told.key(other);
            told.say(", ");
        }
        told.key(last);
        told.say(if others.is_empty() {
            " is not free, either"
        } else {
            " are not free, either"
        });
    }

    fn tell_holder(&self, key: &Key, told: &mut impl Told) {
        match self.state {
            State::Writing => self.tell_work(" has been writing to ", key, told),
            State::WritingBelow => self.tell_work(" has been writing below ", key, told),
            State::Reading => self.tell_work(" has been reading ", key, told),
            State::ReadingBelow => self.tell_work(" has been reading below ", key, told),
            State::Waiting => self.tell_work(" has been waiting for ", key, told),
            State::Unknown(left) => {
                told.say("the outcome of ");
                self.tell_who(told);
                told.say(" on ");
                told.key(key);
                told.say(", sent ");
                told.time(self.holder_age);
                told.say(" ago, is unknown; ");
                told.key(key);
                told.say(" is held for ");
                told.time(left);
                told.say(" more");
            }
        }
    }

    fn tell_work(&self, work: &str, key: &Key, told: &mut impl Told) {
        self.tell_who(told);
        told.say(work);
        told.key(key);
        told.say(" for ");
        told.time(self.holder_age);
    }

    fn tell_who(&self, told: &mut impl Told) {
        told.say("a ");
        told.say(self.holder_method.as_str());
        told.say(" (");
        told.quote(&self.holder_route);
        told.say(")");
    }
}

impl State {
    /// Without a word on who it is.
    fn tell<T: Told>(self, told: &mut T, key: impl FnOnce(&mut T)) {
        let [before, after] = match self {
            Self::Writing => ["another write to ", " is in flight"],
            Self::WritingBelow => ["a write below ", " is in flight"],
            Self::Reading => ["a read of ", " is in flight"],
            Self::ReadingBelow => ["a read below ", " is in flight"],
            Self::Unknown(_) => ["the outcome of an earlier write to ", " is unknown"],
            Self::Waiting => ["another write to ", " waits for its turn"],
        };
        told.say(before);
        key(told);
        told.say(after);
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
    // Some seconds: their nanoseconds are far from as many as would need more.
    let range = (left / 2).clamp(SOONEST, WIDEST).as_nanos() as u64 as f64;
    left + Duration::from_nanos((range * spread) as u64)
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
