//! The lines of writegate's log that a report is made of, as `docs/logs.md` has them.

use std::borrow::Cow;
use std::time::UNIX_EPOCH;

use serde::Deserialize;

use crate::audit::span::Span;

/// What stands in a line.
#[derive(Debug)]
pub(super) enum Read<'a> {
    /// Of a request whose claim was decided.
    Access(Event<'a>),
    /// Of two writes that were let through side by side.
    Overlap(Event<'a>),
    /// Something else.
    Other,
    /// No JSON object.
    Unreadable,
}

/// The fields of both kinds of line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    target: Cow<'a, str>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) method: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) path: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) route: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) keys: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) outcome: Cow<'a, str>,
    duration_ms: f64,
    #[serde(borrow)]
    pub(super) key: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) other_method: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) other_route: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) would_refuse: Cow<'a, str>,
}

impl<'a> Event<'a> {
    pub(super) fn read(line: &'a [u8]) -> Read<'a> {
        match serde_json::from_slice::<Self>(line) {
            Err(_) => Read::Unreadable,
            Ok(event) => match &*event.target {
                "access" => Read::Access(event),
                "overlap" => Read::Overlap(event),
                _ => Read::Other,
            },
        }
    }

    /// When the request was at work, to the microsecond; none where the line does not tell.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is in range, as is looked at before"
    )]
    pub(super) fn span(&self) -> Option<Span> {
        let at = humantime::parse_rfc3339_weak(&self.timestamp).ok()?;
        let end = i64::try_from(at.duration_since(UNIX_EPOCH).ok()?.as_micros()).ok()?;
        let micros = self.duration_ms * 1e3;
        let duration = (0.0..1e15).contains(&micros).then_some(micros)?;
        Some(Span {
            start: end - duration as i64,
            end,
            start_slack: 1,
            end_slack: 1,
        })
    }
}
