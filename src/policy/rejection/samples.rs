//! One of each rejection, to try what has to fit all of them.

use std::time::Duration;

use http::Method;

use super::{Conflict, ConflictStatus, Ending, Rejection, Since, State};
use crate::policy::head::{Limits, Malformed};
use crate::policy::key::{Key, KeyError, Keys};

/// What the problem document of [`conflict`] says, told of a `PUT` by default.
#[cfg(test)]
pub(crate) const CONFLICT_TOLD: &str = concat!(
    r#"{"type":"https://writegate.example/problems#write-in-flight","#,
    r#""title":"Another write to this resource is in flight","status":409,"#,
    r#""detail":"This PUT was not forwarded: a POST (/orders/{id}/{*rest}) has been writing to order:7 "#,
    r#"for 1.2 s. Read the resource again, then retry.","#,
    r#""key":"order:7","retry_after_ms":1740,"#,
    r#""holder":{"method":"POST","route":"/orders/{id}/{*rest}","since":"2026-11-23T18:29:00.120Z","age_ms":1203}}"#
);

/// One of each kind: conflicts in every way, and of what is malformed one with each status.
pub fn all() -> Vec<Rejection> {
    let is_write = true;
    let limits = Limits::default();
    vec![
        conflict(None),
        conflict(Some(Duration::from_secs(40))),
        conflict_with(State::WritingBelow, Ending::AtOnce),
        conflict_with(State::Reading, Ending::AtOnce),
        conflict_with(State::ReadingBelow, Ending::AtOnce),
        conflict_with(State::Waiting, Ending::AtOnce),
        conflict_with(State::Writing, Ending::QueueFull),
        conflict_with(State::Writing, Ending::NotShared),
        conflict_with(State::Writing, Ending::Waited(Duration::from_secs(2))),
        Rejection::Malformed(Malformed::Host),
        Rejection::Malformed(Malformed::Version),
        Rejection::Malformed(Malformed::Connect),
        Rejection::Malformed(Malformed::TooLarge(limits)),
        Rejection::Malformed(Malformed::HeadTooSlow),
        Rejection::Malformed(Malformed::TargetTooLong(limits)),
        Rejection::NoKey(KeyError::Missing {
            source_text: "{header:x-tenant}".to_owned(),
            why: None,
        }),
        Rejection::NoKey(KeyError::TooMany { limit: 64 }),
        Rejection::BodyBroken(None),
        Rejection::BodyBroken(Some(Malformed::Chunk)),
        Rejection::BodyTooSlow,
        Rejection::BodyTooLarge,
        Rejection::ClientLeft,
        Rejection::HoldsExhausted,
        Rejection::BuffersExhausted,
        Rejection::RequestsExhausted,
        Rejection::Unreachable { is_refused: true },
        Rejection::ConnectTimeout,
        Rejection::NotSent,
        Rejection::UpstreamBroken { is_write },
        Rejection::UpstreamInvalid { is_write },
        Rejection::ResponseTimeout { is_write },
        Rejection::ExchangeTimeout { is_write },
    ]
}

/// The conflict of the documents.
pub fn conflict(unknown_for: Option<Duration>) -> Rejection {
    let state = unknown_for.map_or(State::Writing, State::Unknown);
    conflict_with(state, Ending::AtOnce)
}

/// The same, but for this.
pub(super) fn conflict_with(state: State, ending: Ending) -> Rejection {
    Rejection::Conflict(Box::new(Conflict {
        keys: Keys::from([Key::new("order:7")]),
        holder_method: Method::POST,
        holder_route: "/orders/{id}/{*rest}".into(),
        holder_since: Since::new(*b"2026-11-23", 66_540_120),
        holder_age: Duration::from_millis(1203),
        state,
        ending,
        retry_after: Duration::from_millis(1740),
        status: ConflictStatus::default(),
    }))
}
