//! One of each rejection, to try what has to fit all of them.

use std::time::Duration;

use http::Method;

use super::{Conflict, ConflictStatus, Rejection};
use crate::policy::head::Malformed;
use crate::policy::key::KeyError;

/// One of each kind, a conflict both ways.
pub(super) fn all() -> Vec<Rejection> {
    let is_write = true;
    vec![
        conflict(None),
        conflict(Some(Duration::from_secs(40))),
        Rejection::Malformed(Malformed::Host),
        Rejection::NoKey(KeyError::Missing {
            source_text: "{header:x-tenant}".to_owned(),
            why: None,
        }),
        Rejection::NoKey(KeyError::TooMany { limit: 64 }),
        Rejection::BodyBroken,
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
pub(super) fn conflict(unknown_for: Option<Duration>) -> Rejection {
    Rejection::Conflict(Box::new(Conflict {
        key: "order:7".into(),
        holder_method: Method::POST,
        holder_route: "/orders/{id}/{*rest}".into(),
        holder_since: "2026-11-23T18:29:00.120Z".into(),
        holder_age: Duration::from_millis(1203),
        unknown_for,
        retry_after: Duration::from_millis(1740),
        status: ConflictStatus::default(),
    }))
}
