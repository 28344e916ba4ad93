//! What a refused write met, in words, and when to come back.
//!
//! Invariant: nothing is told of the other write that [`Disclose`] does not let be told.

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

use super::{ConflictStatus, Telling};

/// What a refused write met.
#[derive(Debug)]
pub struct Conflict {
    /// The key that is held, as it may be shown.
    pub key: String,
    /// The method of the write that holds it.
    pub holder_method: Method,
    /// The route of the write that holds it.
    pub holder_route: String,
    /// When that write was let through, in RFC 3339.
    pub holder_since: String,
    /// How long ago that was.
    pub holder_age: Duration,
    /// For an unknown outcome: how much longer the key is held.
    pub unknown_for: Option<Duration>,
    /// When to try again.
    pub retry_after: Duration,
    /// How the route of the refused write has it told.
    pub status: ConflictStatus,
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

    pub(super) fn detail(&self, telling: &Telling<'_>) -> String {
        let method = telling.method;
        let (key, age) = (&self.key, tenths(self.holder_age));
        let who = format!("a {} ({})", self.holder_method, self.holder_route);
        let met = match (telling.answers.disclose, self.unknown_for) {
            (Disclose::Holder, None) => format!("{who} has been writing to {key} for {age}"),
            (Disclose::Holder, Some(left)) => format!(
                "the outcome of {who} on {key}, sent {age} ago, is unknown; {key} is held for {} more",
                tenths(left)
            ),
            (Disclose::Key, None) => format!("another write to {key} is in flight"),
            (Disclose::Key, Some(_)) => {
                format!("the outcome of an earlier write to {key} is unknown")
            }
            (Disclose::None, None) => "another write to this resource is in flight".to_owned(),
            (Disclose::None, Some(_)) => {
                "the outcome of an earlier write to this resource is unknown".to_owned()
            }
        };
        format!("This {method} was not forwarded: {met}. Read the resource again, then retry.")
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
